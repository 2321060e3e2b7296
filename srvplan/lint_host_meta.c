/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on host-meta files: X14, and T08. */
#include <string.h>

#include "srvplan/lint_view.h"

static struct lint_place place_of(const struct host_meta *meta, const struct host_meta_link *link)
{
    return (struct lint_place){.file = meta->file, .line = link ? link->line : 1};
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void links_check(struct lint *lint, const struct host_meta *meta)
{
    for (uint32_t i = 0; i < meta->link_count; i++) {
        const struct host_meta_link *link = &meta->links[i];
        bool is_websocket = strstr(link->rel, "websocket") != NULL;
        const char *scheme = is_websocket ? "wss://" : "https://";
        if ((!is_websocket && strcmp(link->rel, "xbosh") != 0) || begins(link->href, scheme))
            continue;
        const struct lint_place place = place_of(meta, link);
        lint_find(lint, LINT_X14, &place, "the link \"%s\" is %s%.200s and does not begin with %s",
                  link->rel, link->href[0] ? "" : "empty", link->href, scheme);
    }
}

/* ---- XEP-0487 beside SRV ---- */

static bool shares_address(const struct lint_host *host, const struct host_meta_link *link)
{
    uint32_t count = host->ipv4_count + host->ipv6_count;
    for (uint32_t i = 0; i < link->address_count; i++)
        for (uint32_t j = 0; j < count; j++)
            if (bytes_equal(link->addresses[i], host->addresses[j]))
                return true;
    return count == 0; /* nothing is known of the host: ports and numbers decide */
}

static bool agrees(const struct lint *lint, const struct lint_srv *srv,
                   const struct host_meta_link *link)
{
    return link->has_numbers && link->port == srv->port && link->priority == srv->priority &&
           link->weight == srv->weight && shares_address(&lint->hosts[srv->host], link);
}

/* The links of one rel against the records of one service. */
static void set_check(struct lint *lint, const struct host_meta *meta, const char *rel,
                      const struct lint_set *set)
{
    uint32_t links = 0, unmatched = set && !set->is_null ? set->count : 0;
    const struct host_meta_link *stray = NULL;
    for (uint32_t i = 0; i < meta->link_count; i++) {
        const struct host_meta_link *link = &meta->links[i];
        bool is_matched = false;
        if (strcmp(link->rel, rel) != 0)
            continue;
        links++;
        for (uint32_t j = 0; set && j < set->count && !is_matched; j++)
            is_matched = set->items[j].host != LINT_NONE && agrees(lint, &set->items[j], link);
        unmatched -= is_matched && unmatched > 0;
        stray = is_matched ? stray : link;
    }
    if (!stray && (unmatched == 0 || links == 0))
        return; /* a file may leave a service to SRV */
    const struct lint_place place = place_of(meta, stray);
    if (stray)
        lint_find(lint, LINT_X14_DIFFERS, &place,
                  "the link \"%s\" with priority %u, weight %u and port %u has no SRV record with "
                  "the same numbers and address",
                  rel, stray->priority, stray->weight, stray->port);
    else
        lint_find(lint, LINT_X14_DIFFERS, &place, "%u records of %s have no link \"%s\"", unmatched,
                  set->label, rel);
}

static void ttl_check(struct lint *lint, const struct host_meta *meta,
                      const struct lint_domain *domain)
{
    const struct lint_set *least = NULL;
    for (int kind = 0; kind < LINT_XMPP_KINDS; kind++) {
        const struct lint_set *set = lint_set_of(lint, domain, (enum lint_kind)kind);
        if (lint_is_live(set) && (!least || set->ttl_s < least->ttl_s))
            least = set;
    }
    const struct lint_place place = place_of(meta, NULL);
    if (meta->has_ttl && least && meta->ttl_s > least->ttl_s)
        lint_find(lint, LINT_T08, &place, "its ttl is %u s, and that of %s is %u s", meta->ttl_s,
                  least->label, least->ttl_s);
}

void lint_host_metas(struct lint *lint, const struct lint_host_meta *files, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct host_meta *meta = &files[i].meta;
        const struct lint_domain *domain = lint_domain_find(lint, files[i].domain);
        bool has_xrd = !meta->is_json;
        for (uint32_t j = 0; j < count; j++)
            has_xrd |= !files[j].meta.is_json && name_equal(files[j].domain, files[i].domain);
        const struct lint_place place = place_of(meta, NULL);
        if (!has_xrd)
            lint_find(lint, LINT_X14_XRD, &place, "of %s only the JSON was given",
                      name_print(&lint->scratch, files[i].domain));
        links_check(lint, meta);
        if (!domain || !meta->is_json || !meta->has_ttl)
            continue; /* XEP-0156 alone has nothing that SRV could contradict */
        set_check(lint, meta, "tls", lint_set_of(lint, domain, LINT_CLIENT_TLS));
        set_check(lint, meta, "s2s-tls", lint_set_of(lint, domain, LINT_SERVER_TLS));
        ttl_check(lint, meta, domain);
    }
}

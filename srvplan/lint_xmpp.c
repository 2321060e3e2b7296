/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on what XMPP makes of the sets of a domain: X04 to X07, X11 to X14. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "srvplan/lint_view.h"

/* ---- X04: the domain's own addresses ---- */

static bool has_address(const struct lint_host *host, struct bytes address)
{
    for (uint32_t i = 0; i < host->ipv4_count + host->ipv6_count; i++)
        if (bytes_equal(host->addresses[i], address))
            return true;
    return false;
}

static bool is_served(const struct lint *lint, const struct lint_domain *domain,
                      struct bytes address, bool *has_live_set)
{
    for (int kind = 0; kind < LINT_XMPP_KINDS; kind++) {
        const struct lint_set *set = lint_set_of(lint, domain, (enum lint_kind)kind);
        for (uint32_t i = 0; lint_is_live(set) && i < set->count; i++) {
            *has_live_set = true;
            if (set->items[i].host != LINT_NONE &&
                has_address(&lint->hosts[set->items[i].host], address))
                return true;
        }
    }
    return false;
}

/* The node that has the address and is up for nobody, or NULL. */
static const struct inventory_node *resting_node(const struct lint *lint, struct bytes address)
{
    if (!lint->plan)
        return NULL;
    const struct inventory *inventory = lint->plan->input.layout->inventory;
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        const struct inventory_node *node = &inventory->nodes[i];
        bool is_ipv4 = address.len == sizeof *node->ipv4;
        uint32_t count = is_ipv4 ? node->ipv4_count : node->ipv6_count;
        for (uint32_t j = 0; j < count && node->state != NODE_UP; j++)
            if (memcmp(is_ipv4 ? (const void *)node->ipv4[j] : node->ipv6[j], address.ptr,
                       address.len) == 0)
                return node;
    }
    return NULL;
}

/* One address record of a domain. True: it is reported. */
static bool apex_check(struct lint *lint, const struct lint_record *record)
{
    const struct lint_domain *domain = lint_domain_find(lint, record->owner);
    bool has_live_set = false;
    if (!domain || is_served(lint, domain, record->rdata, &has_live_set) || !has_live_set)
        return false;
    const struct lint_place place = lint_place_of(record);
    const char *name = name_print(&lint->scratch, record->owner);
    const char *type = record->type == RRTYPE_A ? "A" : "AAAA";
    const struct inventory_node *node = resting_node(lint, record->rdata);
    if (node)
        lint_find(lint, LINT_X04_DRAINED, &place,
                  "%s has an %s record with the address of node %.*s, which is out: Openfire, "
                  "Smack, Dino and xmpp.js try it all the same",
                  name, type, (int)node->id.len, node->id.ptr);
    else
        lint_find(lint, LINT_X04, &place,
                  "%s has an %s record that is no target's: where it accepts 5222 or 5269, "
                  "Openfire, Smack, Dino and xmpp.js end there when the targets fail",
                  name, type);
    return true;
}

/* Every domain once. */
static void apexes_check(struct lint *lint)
{
    const struct lint_record *said = NULL;
    for (uint32_t i = 0; i < lint->record_count; i++) {
        const struct lint_record *record = &lint->records[i];
        bool is_address = record->type == RRTYPE_A || record->type == RRTYPE_AAAA;
        if (is_address && !(said && name_equal(said->owner, record->owner)) &&
            apex_check(lint, record))
            said = record;
    }
}

/* ---- components ---- */

/* Labels that services of a domain usually have. */
static bool is_component_label(const uint8_t *label)
{
    static const char *const labels[] = {
        "conference", "muc",     "rooms",  "groupchat", "pubsub", "upload",  "httpfileupload",
        "proxy",      "proxy65", "search", "vjud",      "irc",    "biboumi", "mix"};
    for (size_t i = 0; i < COUNT_OF(labels); i++)
        if (*label == strlen(labels[i]) &&
            strncasecmp((const char *)label + 1, labels[i], *label) == 0)
            return true;
    return false;
}

static bool is_component(const struct lint *lint, const struct lint_domain *domain)
{
    if (lint->plan)
        return domain->is_component;
    return is_component_label(domain->name.wire) &&
           lint_domain_find(lint, name_parent(domain->name));
}

/* ---- X05, X06: absent services ---- */

static void absences_check(struct lint *lint, const struct lint_domain *domain)
{
    const struct lint_set *client = lint_set_of(lint, domain, LINT_CLIENT);
    const struct lint_set *client_tls = lint_set_of(lint, domain, LINT_CLIENT_TLS);
    const struct lint_set *server = lint_set_of(lint, domain, LINT_SERVER);
    if (client && client->is_null && lint_is_live(client_tls))
        lint_find(lint, LINT_X05, &client->place, "%s: xmpp-client is absent, xmpps-client is not",
                  domain->label);
    bool lacks_client = lint_is_live(client) && !client_tls;
    bool lacks_server = lint_is_live(server) && !lint_set_of(lint, domain, LINT_SERVER_TLS);
    if ((lacks_client || lacks_server) && !is_component(lint, domain))
        lint_find(lint, LINT_X06, &domain->place, "%s publishes nothing for %s%s%s", domain->label,
                  lacks_client ? "xmpps-client" : "", lacks_client && lacks_server ? " and " : "",
                  lacks_server ? "xmpps-server" : "");
}

/* ---- X07: the merged ladder (XEP-0368) ---- */

struct rung {
    uint32_t host;
    uint16_t starttls, low, high; /* priorities: in xmpp-*, and the least and greatest of both */
};

static int by_host(const void *left, const void *right)
{
    const struct rung *a = left, *b = right;
    return (a->host > b->host) - (a->host < b->host);
}

static int by_starttls(const void *left, const void *right)
{
    const struct rung *a = left, *b = right;
    if (a->starttls != b->starttls)
        return a->starttls < b->starttls ? -1 : 1;
    return (a->host > b->host) - (a->host < b->host);
}

static struct rung *rung_of(struct rung *rungs, uint32_t count, uint32_t host)
{
    const struct rung key = {.host = host};
    return count ? bsearch(&key, rungs, count, sizeof *rungs, by_host) : NULL;
}

/* The hosts of xmpp-*, each with the priorities that it has in both services. */
static uint32_t rungs_fill(struct rung *rungs, const struct lint_set *starttls,
                           const struct lint_set *direct)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < starttls->count; i++) {
        const struct lint_srv *srv = &starttls->items[i];
        if (srv->host != LINT_NONE)
            rungs[count++] = (struct rung){srv->host, srv->priority, srv->priority, srv->priority};
    }
    if (count)
        qsort(rungs, count, sizeof *rungs, by_host);
    for (uint32_t i = 0; i < direct->count; i++) {
        const struct lint_srv *srv = &direct->items[i];
        struct rung *rung = rung_of(rungs, count, srv->host);
        if (!rung)
            continue;
        rung->low = srv->priority < rung->low ? srv->priority : rung->low;
        rung->high = srv->priority > rung->high ? srv->priority : rung->high;
    }
    return count;
}

/* Tiers are the priorities of xmpp-*: the greatest priority of one, in both services, must be
 * below the least of the next. */
static void ladder_check(struct lint *lint, const struct lint_domain *domain,
                         enum lint_kind starttls_kind, enum lint_kind direct_kind)
{
    const struct lint_set *starttls = lint_set_of(lint, domain, starttls_kind);
    const struct lint_set *direct = lint_set_of(lint, domain, direct_kind);
    if (!lint_is_live(starttls) || !lint_is_live(direct))
        return;
    struct arena arena = {0};
    struct rung *rungs = arena_array(&arena, struct rung, starttls->count);
    uint32_t count = rungs_fill(rungs, starttls, direct);
    if (count)
        qsort(rungs, count, sizeof *rungs, by_starttls);
    const struct rung *highest = NULL; /* of the tiers before */
    for (uint32_t first = 0, end; first < count; first = end) {
        const struct rung *low = &rungs[first], *high = &rungs[first];
        for (end = first; end < count && rungs[end].starttls == rungs[first].starttls; end++) {
            low = rungs[end].low < low->low ? &rungs[end] : low;
            high = rungs[end].high > high->high ? &rungs[end] : high;
        }
        if (highest && low->low <= highest->high) {
            lint_find(lint, LINT_X07, &direct->place,
                      "%s: %s has priority %u, and %s of a tier before has %u, so that clients "
                      "which merge both services use the later tier while the first one lives",
                      direct->label, name_print(&arena, lint->hosts[low->host].name), low->low,
                      name_print(&arena, lint->hosts[highest->host].name), highest->high);
            break;
        }
        highest = !highest || high->high > highest->high ? high : highest;
    }
    arena_fini(&arena);
}

/* ---- X11: components ---- */

static void component_check(struct lint *lint, const struct lint_domain *domain)
{
    const struct lint_set *client = lint_set_of(lint, domain, LINT_CLIENT);
    const struct lint_set *client_tls = lint_set_of(lint, domain, LINT_CLIENT_TLS);
    if (!is_component(lint, domain))
        return;
    if (lint_is_live(client) || lint_is_live(client_tls))
        lint_find(lint, LINT_X11, lint_is_live(client) ? &client->place : &client_tls->place,
                  "%s is a component, and has %s records", domain->label,
                  lint_is_live(client) ? "xmpp-client" : "xmpps-client");
    bool has_address = lint_record_find(lint, domain->name, RRTYPE_A) ||
                       lint_record_find(lint, domain->name, RRTYPE_AAAA);
    if (!lint_is_live(lint_set_of(lint, domain, LINT_SERVER)) && !has_address)
        lint_find(lint, LINT_X11_UNREACHABLE, &domain->place,
                  "%s is a component without xmpp-server, and has no address either",
                  domain->label);
}

/* Components that have other records alone: TXT, _xmpps-server, … */
static void bare_components_check(struct lint *lint)
{
    for (uint32_t i = 0; i < lint->record_count; i++) {
        struct name owner = lint->records[i].owner;
        bool is_first = i == 0 || !name_equal(owner, lint->records[i - 1].owner);
        if (!is_first || !is_component_label(owner.wire) || lint_domain_find(lint, owner) ||
            !lint_domain_find(lint, name_parent(owner)) ||
            lint_record_find(lint, owner, RRTYPE_A) || lint_record_find(lint, owner, RRTYPE_AAAA) ||
            lint_record_find(lint, owner, RRTYPE_CNAME))
            continue;
        const struct lint_place place = lint_place_of(&lint->records[i]);
        lint_find(lint, LINT_X11_UNREACHABLE, &place,
                  "%s is a component without xmpp-server, and has no address either",
                  name_print(&lint->scratch, owner));
    }
}

/* ---- X12: one address under two names ---- */

static void names_check(struct lint *lint)
{
    struct intern addresses = intern_over(&lint->scratch);
    uint32_t *first = NULL; /* host by number of address */
    size_t capacity = 0;
    for (uint32_t i = 0; i < lint->host_names.count; i++) {
        const struct lint_host *host = &lint->hosts[i];
        bool is_said = false;
        for (uint32_t j = 0; host->is_target && j < host->ipv4_count + host->ipv6_count; j++) {
            uint32_t known = addresses.count;
            uint32_t number = intern_add(&addresses, host->addresses[j]);
            first = arena_grow(&lint->scratch, first, &capacity, (size_t)number + 1, sizeof *first);
            if (number == known) {
                first[number] = i;
            } else if (first[number] != i && !is_said) {
                is_said = true;
                lint_find(lint, LINT_X12, &host->place, "targets %s and %s have the same address",
                          name_print(&lint->scratch, lint->hosts[first[number]].name),
                          name_print(&lint->scratch, host->name));
            }
        }
    }
}

/* ---- X13: TLSA ---- */

static const struct lint_record *tlsa_of(struct lint *lint, const struct lint_srv *srv)
{
    char text[8];
    uint8_t labels[16];
    struct name owner;
    int len = snprintf(text, sizeof text, "_%u", srv->port);
    labels[0] = (uint8_t)len;
    memcpy(labels + 1, text, (size_t)len);
    memcpy(labels + 1 + len, "\4_tcp", 5);
    if (!name_join(&lint->scratch, (struct bytes){labels, (size_t)len + 6}, srv->target, &owner))
        return NULL;
    return lint_record_find(lint, owner, RRTYPE_TLSA);
}

static void tlsa_check(struct lint *lint, const struct lint_set *set)
{
    const struct lint_srv *with = NULL, *without = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct lint_srv *srv = &set->items[i];
        if (srv->host == LINT_NONE)
            continue;
        if (tlsa_of(lint, srv)) {
            with = srv;
            count++;
        } else {
            without = srv;
        }
    }
    if (with && without)
        lint_find(lint, LINT_X13, &without->place,
                  "%s: %u of %u targets have TLSA records, %s port %u has none", set->label, count,
                  set->count, name_print(&lint->scratch, without->target), without->port);
}

/* Of live answers every set shows its own signatures. */
static bool is_signed(const struct lint *lint, const struct lint_record *record)
{
    if (lint->input == LINT_LIVE)
        return lint_record_find(lint, record->owner, RRTYPE_RRSIG) != NULL;
    return lint->is_signed;
}

/* TLSA and obsolete TXT records, by their own. */
static void records_check(struct lint *lint, bool *has_tlsa)
{
    for (uint32_t i = 0; i < lint->record_count; i++) {
        const struct lint_record *record = &lint->records[i];
        const struct lint_place place = lint_place_of(record);
        bool is_txt = record->type == RRTYPE_TXT && record->owner.wire[0] == 12 &&
                      strncasecmp((const char *)record->owner.wire + 1, "_xmppconnect", 12) == 0;
        bool is_first = i == 0 || lint->records[i - 1].type != record->type ||
                        !name_equal(lint->records[i - 1].owner, record->owner);
        if (is_txt && is_first)
            lint_find(lint, LINT_X14_TXT, &place, "%s has TXT records, which nobody should read",
                      name_print(&lint->scratch, record->owner));
        if (record->type != RRTYPE_TLSA)
            continue;
        if (!*has_tlsa && !is_signed(lint, record))
            lint_find(lint, LINT_X13_UNSIGNED, &place,
                      "%s has TLSA records, and no signatures "
                      "are there: whoever forges the answer forges the certificate with it",
                      name_print(&lint->scratch, record->owner));
        *has_tlsa = true;
    }
}

void lint_xmpp(struct lint *lint)
{
    bool has_tlsa = false;
    apexes_check(lint);
    records_check(lint, &has_tlsa);
    for (uint32_t i = 0; i < lint->domain_count; i++) {
        const struct lint_domain *domain = &lint->domains[i];
        absences_check(lint, domain);
        component_check(lint, domain);
        if (lint->plan)
            continue; /* of a plan the loader has seen to it */
        ladder_check(lint, domain, LINT_CLIENT, LINT_CLIENT_TLS);
        ladder_check(lint, domain, LINT_SERVER, LINT_SERVER_TLS);
    }
    if (!lint->plan && lint->input == LINT_FILE)
        bare_components_check(lint);
    names_check(lint);
    for (uint32_t i = 0; has_tlsa && i < lint->set_count; i++)
        tlsa_check(lint, &lint->sets[i]);
}

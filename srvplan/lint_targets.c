/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on the records of a set and the hosts that they name: N05 to N11, N14. */
#include <stdlib.h>
#include <string.h>

#include "srvplan/lint_view.h"
#include "zones/text.h"

static bool is_absent(const struct lint_srv *srv)
{
    return srv->host == LINT_NONE;
}

/* ---- N05: the target's spelling ---- */

static bool is_octet(const uint8_t *label)
{
    unsigned value = 0;
    for (size_t i = 1; i <= *label; i++) {
        if (label[i] < '0' || label[i] > '9')
            return false;
        value = value * 10 + label[i] - '0';
    }
    return *label >= 1 && *label <= 3 && value <= 255;
}

/* "192.0.2.11", or what becomes of it where the dot at its end is missing; or with colons. */
static bool is_address(struct name name)
{
    size_t octets = 0;
    for (struct name at = name; at.len > 1 && octets < 4 && is_octet(at.wire); at = name_parent(at))
        octets++;
    return octets == 4 || memchr(name.wire, ':', name.len) != NULL;
}

static bool is_host_name(struct name name)
{
    for (struct name at = name; at.len > 1; at = name_parent(at))
        for (size_t i = 1; i <= at.wire[0]; i++) {
            uint8_t byte = name_lower_byte(at.wire[i]);
            if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-' &&
                byte != '_')
                return false;
        }
    return true;
}

/* "xmpp1.example.org.example.org.": the zone's name was put behind a whole one. */
static bool is_doubled(const struct lint *lint, struct name name)
{
    struct name apex;
    if (!lint_apex_of(lint, name, &apex) || apex.len == 1)
        return false;
    struct bytes before = name_labels_before(name, apex);
    size_t labels_bytes = apex.len - 1, at = 0;
    while (at < before.len && before.len - at > labels_bytes)
        at += before.ptr[at] + 1u;
    return before.len - at == labels_bytes &&
           name_equal((struct name){before.ptr + at, labels_bytes},
                      (struct name){apex.wire, labels_bytes});
}

static const char *spelling_mistake(const struct lint *lint, struct name target)
{
    if (is_address(target))
        return "is an IP address, and SRV wants a host name";
    if (!is_host_name(target))
        return "has other characters than host names have; names of other scripts are written as "
               "A-labels (xn--...)";
    if (is_doubled(lint, target))
        return "has the zone's name twice: a dot was left out at the end of the target";
    if (name_labels(target) == 1)
        return "is no full name";
    return NULL;
}

/* ---- N06, N07, N14: hosts, each once ---- */

static void host_check(struct lint *lint, const struct lint_host *host)
{
    const char *name = name_print(&lint->scratch, host->name);
    const char *what = host->is_target ? "target" : "name server";
    const char *mistake = spelling_mistake(lint, host->name);
    if (mistake) { /* such a name has no address either, which would say nothing more */
        lint_find(lint, LINT_N05, &host->place, "target %s %s", name, mistake);
        return;
    }
    if (host->is_target && host->is_outside)
        lint_find(lint, LINT_N14, &host->place,
                  "target %s is in no zone of ours: its addresses and their TTL are somebody "
                  "else's, and answers cannot carry them",
                  name);
    if (host->alias && host->is_target) {
        lint_find(lint, LINT_N06, &host->place, "target %s is an alias: %s", name, host->alias);
        return;
    }
    bool is_planned = lint->plan && lint->need == LAYOUT_FOR_PLAN;
    if (host->is_known && host->ipv4_count + host->ipv6_count == 0)
        lint_find(lint, is_planned ? LINT_N07_PLANNED : LINT_N07, &host->place,
                  "%s %s has no address", what, name);
}

/* N07: one family alone, where another target of the set has both. Each host once. */
static void families_check(struct lint *lint, const struct lint_set *set, bool *is_said)
{
    const struct lint_host *both = NULL;
    for (uint32_t i = 0; i < set->count && !both; i++) {
        const struct lint_host *host =
            is_absent(&set->items[i]) ? NULL : &lint->hosts[set->items[i].host];
        if (host && host->ipv4_count && host->ipv6_count)
            both = host;
    }
    for (uint32_t i = 0; i < set->count && both; i++) {
        uint32_t number = set->items[i].host;
        const struct lint_host *host = number == LINT_NONE ? NULL : &lint->hosts[number];
        if (!host || is_said[number] || (host->ipv4_count > 0) == (host->ipv6_count > 0))
            continue;
        is_said[number] = true;
        lint_find(lint, LINT_N07_FAMILY, &set->items[i].place,
                  "%s: target %s has %s only, %s has both families", set->label,
                  name_print(&lint->scratch, host->name), host->ipv4_count ? "IPv4" : "IPv6",
                  name_print(&lint->scratch, both->name));
    }
}

/* ---- N08, N09: absent services and ports ---- */

static void nulls_check(struct lint *lint, const struct lint_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct lint_srv *srv = &set->items[i];
        if (is_absent(srv) && set->count > 1)
            lint_find(lint, LINT_N08, &srv->place, "%s has the target \".\" among %u records",
                      set->label, set->count);
        if (is_absent(srv) && (srv->priority || srv->weight || srv->port))
            lint_find(lint, LINT_N08_FORM, &srv->place, "%s is %u %u %u . and not 0 0 0 .",
                      set->label, srv->priority, srv->weight, srv->port);
        if (!is_absent(srv) && srv->port == 0)
            lint_find(lint, LINT_N09, &srv->place, "%s: target %s has port 0", set->label,
                      name_print(&lint->scratch, srv->target));
    }
}

/* ---- N10: twice the same ---- */

static int by_endpoint(const void *left, const void *right)
{
    const struct lint_srv *a = *(const struct lint_srv *const *)left;
    const struct lint_srv *b = *(const struct lint_srv *const *)right;
    if (a->host != b->host)
        return a->host < b->host ? -1 : 1;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return (a->weight > b->weight) - (a->weight < b->weight);
}

static void endpoints_check(struct lint *lint, const struct lint_set *set)
{
    struct arena arena = {0};
    const struct lint_srv **order = arena_array(&arena, const struct lint_srv *, set->count);
    for (uint32_t i = 0; i < set->count; i++)
        order[i] = &set->items[i];
    if (set->count)
        qsort(order, set->count, sizeof *order, by_endpoint);
    for (uint32_t i = 1; i < set->count; i++) {
        const struct lint_srv *a = order[i - 1], *b = order[i];
        if (a->host != b->host || a->port != b->port)
            continue;
        bool is_same = a->priority == b->priority && a->weight == b->weight;
        const char *target = name_print(&arena, b->target);
        if (is_same)
            lint_find(lint, LINT_N10, &b->place, "%s has %u %u %u %s twice", set->label,
                      b->priority, b->weight, b->port, target);
        else
            lint_find(lint, LINT_N10_TWICE, &b->place,
                      "%s has %s port %u twice: at priority %u with weight %u, and at %u with %u",
                      set->label, target, b->port, a->priority, a->weight, b->priority, b->weight);
    }
    arena_fini(&arena);
}

/* ---- N11: TTLs within a set, of any type ---- */

static void ttls_check(struct lint *lint)
{
    for (uint32_t i = 1; i < lint->record_count; i++) {
        const struct lint_record *a = &lint->records[i - 1], *b = &lint->records[i];
        /* Signatures have the TTL of what they cover (RFC 4034 section 3). */
        if (a->type != b->type || a->ttl_s == b->ttl_s || a->type == RRTYPE_RRSIG ||
            !name_equal(a->owner, b->owner))
            continue;
        const struct lint_place place = lint_place_of(b);
        lint_find(lint, LINT_N11, &place, "%s %s has records with TTL %u and TTL %u",
                  name_print(&lint->scratch, b->owner), text_type_print(&lint->scratch, b->type),
                  a->ttl_s, b->ttl_s);
    }
}

void lint_targets(struct lint *lint)
{
    bool *is_said = arena_array(&lint->scratch, bool, lint->host_names.count);
    for (uint32_t i = 0; i < lint->host_names.count; i++)
        host_check(lint, &lint->hosts[i]);
    for (uint32_t i = 0; i < lint->set_count; i++) {
        const struct lint_set *set = &lint->sets[i];
        families_check(lint, set, is_said);
        nulls_check(lint, set);
        endpoints_check(lint, set);
    }
    ttls_check(lint);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on time: T01 to T07. T08 is that of host-meta files. */
#include <strings.h>
#include <string.h>

#include "srvplan/lint_view.h"

enum {
    TTL_MOST_S = 3600,
    TTL_LEAST_S = 30, /* what many resolvers clamp to */
    SIGNATURE_LEAST_S = 86400,
    SOA_NUMBERS_BYTES = 20,
};

/* ---- T01, T02: TTLs of sets ---- */

static uint32_t drain_ttl_of(const struct lint *lint, uint32_t set)
{
    const struct layout *layout = lint->plan->input.layout;
    return layout->inventory->domains[layout->declared[set].domain].drain_ttl_s;
}

static void ttl_check(struct lint *lint, const struct lint_set *set)
{
    if (set->ttl_s > TTL_MOST_S && !set->is_null)
        lint_find(lint, LINT_T01, &set->place,
                  "%s has a TTL of %u s: for as long caches send users to a node that is drained",
                  set->label, set->ttl_s);
    if (set->ttl_s < TTL_LEAST_S)
        lint_find(lint, LINT_T02, &set->place, "%s has a TTL of %u s, which caches stretch",
                  set->label, set->ttl_s);
}

static void drain_ttl_check(struct lint *lint, uint32_t index)
{
    const struct lint_set *set = &lint->sets[index];
    uint32_t ttl_s = drain_ttl_of(lint, index);
    if (ttl_s < TTL_LEAST_S && set->ttl_s >= TTL_LEAST_S)
        lint_find(lint, LINT_T02, &set->place, "%s has a drain_ttl of %u s, which caches stretch",
                  set->label, ttl_s);
}

/* ---- T03: negative answers ---- */

/* RFC 2308 section 5: the lesser one of TTL and MINIMUM of the SOA. */
static void negative_check(struct lint *lint, const struct lint_place *place, struct name apex,
                           uint32_t negative_s, const struct lint_set *least)
{
    if (least && negative_s > least->ttl_s)
        lint_find(lint, LINT_T03, place,
                  "%s: a missing name is remembered for %u s, %s for %u s only",
                  name_print(&lint->scratch, apex), negative_s, least->label, least->ttl_s);
}

static uint32_t soa_number(const struct lint_record *soa, size_t number)
{
    struct reader r = reader_over(soa->rdata);
    read_bytes(&r, soa->rdata.len - SOA_NUMBERS_BYTES + 4 * number);
    return read_u32(&r);
}

/* By zone of the records: its set of XMPP with the least TTL, or NULL. */
static const struct lint_set **least_sets(struct lint *lint)
{
    const struct lint_set **least =
        arena_array(&lint->scratch, const struct lint_set *, lint->apex_count);
    for (uint32_t i = 0; i < lint->set_count; i++) {
        const struct lint_set *set = &lint->sets[i];
        uint32_t zone = set->kind == LINT_OTHER ? LINT_NONE : lint_zone_of(lint, set->owner);
        if (zone != LINT_NONE && (!least[zone] || set->ttl_s < least[zone]->ttl_s))
            least[zone] = set;
    }
    return least;
}

static void soas_check(struct lint *lint, const struct lint_set *const *least)
{
    for (uint32_t i = 0; i < lint->record_count; i++) {
        const struct lint_record *soa = &lint->records[i];
        if (soa->type != RRTYPE_SOA)
            continue;
        uint32_t minimum_s = soa_number(soa, 4);
        const struct lint_place place = lint_place_of(soa);
        negative_check(lint, &place, soa->owner, soa->ttl_s < minimum_s ? soa->ttl_s : minimum_s,
                       least[lint_zone_of(lint, soa->owner)]);
    }
}

/* The set of a zone of the plan with the least TTL. */
static const struct lint_set *least_set_in(const struct lint *lint, const struct content_zone *zone)
{
    const struct content_names *names = &lint->plan->input.layout->names;
    const struct lint_set *least = NULL;
    for (uint32_t i = 0; i < zone->name_count; i++) {
        uint32_t types = names->names[zone->first_name + i].types;
        for (uint32_t j = 0; types != CONTENT_NONE && j < names->types[types].count; j++) {
            uint32_t set = names->types[types].entries[j].set;
            if (set < lint->plan->set_count && (!least || lint->sets[set].ttl_s < least->ttl_s))
                least = &lint->sets[set];
        }
    }
    return least;
}

static uint32_t negative_ttl_of(const struct inventory_zone *zone)
{
    return zone->ttl_s < zone->soa.minimum_s ? zone->ttl_s : zone->soa.minimum_s;
}

static void zones_check(struct lint *lint)
{
    const struct layout *layout = lint->plan->input.layout;
    uint32_t least_s = UINT32_MAX;
    for (uint32_t i = 0; i < lint->plan->set_count; i++)
        least_s = lint->sets[i].ttl_s < least_s ? lint->sets[i].ttl_s : least_s;
    for (uint32_t i = 0; i < layout->inventory->zone_count; i++) {
        const struct inventory_zone *zone = &layout->inventory->zones[i];
        uint32_t negative_s = negative_ttl_of(zone);
        if (negative_s <= least_s) /* of any set: most zones end here */
            continue;
        const char *name = name_print(&lint->scratch, zone->apex);
        struct lint_place place = {
            .pointer = arena_printf(&lint->scratch, "/zones/%.*s", (int)strlen(name) - 1, name)};
        negative_check(lint, &place, zone->apex, negative_s,
                       least_set_in(lint, &layout->names.zones[i]));
    }
}

/* ---- T04: providers ---- */

static const struct {
    const char *name_servers; /* what their names end with */
    const char *provider;
    uint32_t least_ttl_s;
} providers[] = {
    {"desec.io.", "deSEC", 900},
    {"desec.org.", "deSEC", 900},
    {"ns.hetzner.com.", "Hetzner", 60},
    {"ns.hetzner.de.", "Hetzner", 60},
    {"ns.cloudflare.com.", "Cloudflare", 60},
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && text[len - end_len - 1] == '.' &&
           strcasecmp(text + len - end_len, end) == 0;
}

/* The zones' own name servers tell who the provider is. */
static void providers_check(struct lint *lint, const struct lint_set *const *least_by_zone)
{
    for (uint32_t i = 0; i < lint->record_count; i++) {
        const struct lint_record *ns = &lint->records[i];
        bool is_first = i == 0 || lint->records[i - 1].type != RRTYPE_NS ||
                        !name_equal(lint->records[i - 1].owner, ns->owner);
        if (ns->type != RRTYPE_NS || !is_first || !lint_record_find(lint, ns->owner, RRTYPE_SOA))
            continue;
        const char *server =
            name_print(&lint->scratch, (struct name){ns->rdata.ptr, ns->rdata.len});
        const struct lint_set *least = least_by_zone[lint_zone_of(lint, ns->owner)];
        for (size_t j = 0; least && j < COUNT_OF(providers); j++)
            if (ends_with(server, providers[j].name_servers) &&
                least->ttl_s < providers[j].least_ttl_s)
                lint_find(lint, LINT_T04, &least->place,
                          "%s has a TTL of %u s, and %s, which serves the zone by %s, takes %u s "
                          "at least",
                          least->label, least->ttl_s, providers[j].provider, server,
                          providers[j].least_ttl_s);
    }
}

static void floor_check(struct lint *lint, uint32_t index)
{
    const struct lint_set *set = &lint->sets[index];
    uint32_t floor_s = lint->plan->input.layout->inventory->policy.guard_min_ttl_s;
    uint32_t drain_ttl_s = drain_ttl_of(lint, index);
    if (set->ttl_s < floor_s)
        lint_find(lint, LINT_T04, &set->place,
                  "%s has a TTL of %u s, and the provider takes %u s at least (min_ttl)",
                  set->label, set->ttl_s, floor_s);
    else if (drain_ttl_s < floor_s && !set->is_null)
        lint_find(lint, LINT_T04, &set->place,
                  "%s has a drain_ttl of %u s, and the provider takes %u s at least (min_ttl)",
                  set->label, drain_ttl_s, floor_s);
}

/* ---- T05: windows ---- */

static void windows_check(struct lint *lint)
{
    const struct layout *layout = lint->plan->input.layout;
    const struct inventory_policy *policy = &layout->inventory->policy;
    for (uint32_t i = 0; i < layout->inventory->window_count; i++) {
        const struct inventory_window *window = &layout->inventory->windows[i];
        struct plan_lead lead = plan_window_lead(layout, window);
        long long lead_s = lead.lead_ms / 1000;
        if (lead_s <= window->duration_s)
            continue;
        struct lint_place place = {.pointer = arena_printf(&lint->scratch, "/windows/%.*s",
                                                           (int)window->id.len, window->id.ptr)};
        lint_find(lint, LINT_T05, &place,
                  "window %.*s is %u s long, and its first change comes %lld s before it opens "
                  "(ramp %u s, TTLs of %u and %u s, grace %u s): DNS is disturbed for longer than "
                  "anybody works on the nodes",
                  (int)window->id.len, window->id.ptr, window->duration_s, lead_s, policy->ramp_s,
                  lead.ttls.ttl_s, lead.ttls.drain_ttl_s, policy->grace_s);
    }
}

/* ---- T06, T07: what live answers and signatures tell ---- */

static void authorities_check(struct lint *lint)
{
    const struct lint_authority *first = NULL, *other = NULL;
    const struct lint_authority *authorities = lint->given->authorities;
    for (uint32_t i = 0; i < lint->given->authority_count; i++) {
        if (!authorities[i].has_answered)
            continue;
        first = first ? first : &authorities[i];
        other = authorities[i].serial != first->serial ? &authorities[i] : other;
    }
    const struct lint_record *soa =
        other ? lint_record_find(lint, lint->given->apex, RRTYPE_SOA) : NULL;
    if (!soa)
        return;
    const struct lint_place place = lint_place_of(soa);
    lint_find(lint, LINT_T06, &place,
              "%s: %s (%s) has serial %u, %s (%s) has %u: until they agree, up to %u s (REFRESH) "
              "after a change, some answers are old",
              name_print(&lint->scratch, lint->given->apex),
              name_print(&lint->scratch, first->name), first->address, first->serial,
              name_print(&lint->scratch, other->name), other->address, other->serial,
              soa_number(soa, 1));
}

static void signature_check(struct lint *lint, const struct lint_record *signature)
{
    struct reader r = reader_over(signature->rdata);
    uint16_t covered = read_u16(&r);
    read_bytes(&r, 6); /* algorithm, labels, original TTL */
    uint32_t expires_s = read_u32(&r);
    if (!reader_ok(&r) || covered != RRTYPE_SRV)
        return;
    /* RFC 4034 section 3.1.5: serial number arithmetic */
    int64_t left_s = (int32_t)(expires_s - (uint32_t)(lint->given->at_ms / 1000));
    if (left_s >= SIGNATURE_LEAST_S)
        return;
    const struct lint_place place = lint_place_of(signature);
    const char *owner = name_print(&lint->scratch, signature->owner);
    if (left_s <= 0)
        lint_find(lint, LINT_T07, &place, "the signature of %s SRV expired %lld min ago", owner,
                  (long long)-left_s / 60);
    else
        lint_find(lint, LINT_T07, &place, "the signature of %s SRV expires in %lld min", owner,
                  (long long)left_s / 60);
}

void lint_time(struct lint *lint)
{
    for (uint32_t i = 0; i < lint->set_count; i++)
        if (lint->sets[i].kind != LINT_OTHER || lint->sets[i].service != INVENTORY_NONE)
            ttl_check(lint, &lint->sets[i]);
    if (lint->plan) {
        for (uint32_t i = 0; i < lint->plan->set_count; i++) {
            drain_ttl_check(lint, i);
            floor_check(lint, i);
        }
        zones_check(lint);
        windows_check(lint);
        return;
    }
    const struct lint_set **least = least_sets(lint);
    soas_check(lint, least);
    if (lint->input == LINT_FILE)
        providers_check(lint, least);
    authorities_check(lint);
    for (uint32_t i = 0; i < lint->record_count; i++)
        if (lint->records[i].type == RRTYPE_RRSIG)
            signature_check(lint, &lint->records[i]);
}

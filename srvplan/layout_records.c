/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/layout_build.h"
#include "zones/rrtype.h"

#include <string.h>

/* The records of one owner and type: they stand together in a zone. */
struct group {
    const struct inventory_record *records;
    uint32_t count;
};

struct records_work {
    struct layout_work *work;
    struct intern keys; /* owners whose sets are equal share one */
    uint32_t *by_key;
    size_t capacity;
};

/* The next group of a zone from *at on; count 0: there is none. */
static struct group group_next(const struct inventory_zone *zone, uint32_t *at)
{
    struct group group = {.records = zone->records + *at};
    while (*at < zone->record_count && zone->records[*at].type == group.records->type &&
           name_equal(zone->records[*at].owner, group.records->owner)) {
        group.count++;
        ++*at;
    }
    return group;
}

static bool is_address(uint16_t type)
{
    return type == RRTYPE_A || type == RRTYPE_AAAA;
}

/* Where the name of a host stands in RDATA whose addresses go with it. */
static const struct host_place {
    uint16_t type;
    uint32_t at;
} host_places[] = {
    {RRTYPE_SRV, 6},  /* RFC 2782 */
    {RRTYPE_MX, 2},   /* RFC 1035 section 3.3.9 */
    {RRTYPE_NS, 0},   /* RFC 1035 section 3.3.11 */
    {RRTYPE_SVCB, 2}, /* RFC 9460 section 4.1 */
    {RRTYPE_HTTPS, 2},
};

static const struct host_place *host_place_of(uint16_t type)
{
    for (size_t i = 0; i < COUNT_OF(host_places); i++)
        if (host_places[i].type == type)
            return &host_places[i];
    return NULL;
}

static struct name name_at(struct bytes rdata, uint32_t at)
{
    struct name name = {rdata.ptr + at, 1};
    while (name.wire[name.len - 1] != 0)
        name.len += name.wire[name.len - 1] + 1u;
    return name;
}

/* The addresses that a zone holds for a host, or CONTENT_NONE. */
static uint32_t addresses_of(struct records_work *r, const uint32_t *sets, uint32_t zone,
                             struct name host, uint16_t type)
{
    const struct inventory_zone *in = &r->work->inventory->zones[zone];
    uint32_t known = layout_host_of(r->work, host);
    if (known != UINT32_MAX && r->work->hosts[known].zone == zone) {
        const struct layout_host *made = &r->work->hosts[known];
        return type == RRTYPE_A ? made->ipv4_set : made->ipv6_set;
    }
    uint32_t low = inventory_record_from(in, host, type);
    bool is_there = low < in->record_count && in->records[low].type == type &&
                    name_equal(in->records[low].owner, host);
    return is_there ? sets[low] : CONTENT_NONE;
}

static struct bytes key_of(struct records_work *r, const struct content_set *set)
{
    struct layout_key key = {.arena = &r->work->scratch};
    layout_key_u32(&key, set->type);
    layout_key_u32(&key, set->section);
    layout_key_u32(&key, set->ttl_s);
    for (uint32_t i = 0; i < set->count; i++)
        layout_key_bytes(&key, set->rdata[i]);
    for (uint32_t i = 0; i < set->additional_count; i++)
        layout_key_u32(&key, set->additional[i].set);
    return layout_key_end(&key);
}

/* The address sets that go with the records of a group; returns how many. */
static uint32_t add_additional(struct records_work *r, const uint32_t *sets, uint32_t zone,
                               struct group group, struct content_additional *additional)
{
    const struct host_place *place = host_place_of(group.records->type);
    uint32_t count = 0;
    for (uint32_t i = 0; place && i < group.count; i++) {
        struct name host = name_at(group.records[i].rdata, place->at);
        /* Glue is for referrals alone (RFC 2181 section 5.4.1). */
        if (group.records->type != RRTYPE_NS &&
            inventory_cut(&r->work->inventory->zones[zone], host))
            continue;
        const uint16_t types[] = {RRTYPE_A, RRTYPE_AAAA};
        for (size_t j = 0; j < COUNT_OF(types); j++) {
            uint32_t addresses = addresses_of(r, sets, zone, host, types[j]);
            if (addresses != CONTENT_NONE)
                additional[count++] = (struct content_additional){i, place->at, addresses};
        }
    }
    return count;
}

/* Makes the set of a group, or finds the one that another owner has. */
static uint32_t set_of(struct records_work *r, const uint32_t *sets, uint32_t zone,
                       struct group group, enum content_kind kind)
{
    struct arena *arena = r->work->arena;
    const struct inventory_record *first = group.records;
    bool is_referral = kind == CONTENT_CUT && first->type == RRTYPE_NS;
    struct name apex = is_referral ? first->owner : r->work->inventory->zones[zone].apex;
    struct bytes *rdata = arena_array(arena, struct bytes, group.count);
    struct content_additional *additional =
        arena_array(arena, struct content_additional, 2 * (size_t)group.count);
    struct content_set set = {
        .type = first->type,
        .section = is_referral ? CONTENT_REFERRAL : CONTENT_ANSWER,
        .order =
            first->type == RRTYPE_SRV ? layout_order_of(r->work->inventory) : CONTENT_ORDER_FIXED,
        .ttl_s = first->ttl_s,
        .count = group.count,
        .rdata = rdata,
        .additional = additional,
        .additional_count = add_additional(r, sets, zone, group, additional),
        .usual_owner_bytes = (uint32_t)first->owner.len,
    };
    for (uint32_t i = 0; i < group.count; i++)
        rdata[i] = content_template_rdata(arena, set.type, group.records[i].rdata, apex);
    uint32_t known = r->keys.count;
    uint32_t number = intern_add(&r->keys, key_of(r, &set));
    if (number == known) {
        r->by_key = arena_grow(&r->work->scratch, r->by_key, &r->capacity, (size_t)number + 1,
                               sizeof *r->by_key);
        r->by_key[number] = layout_fixed_add(r->work, &set, (struct name){0});
    }
    return r->by_key[number];
}

/* A host that has no addresses of this type at its node gets those of the records: whoever names
 * it carries them. */
static void host_give(struct records_work *r, uint32_t zone, const struct inventory_record *record,
                      uint32_t set)
{
    uint32_t known = layout_host_of(r->work, record->owner);
    if (known == UINT32_MAX || r->work->hosts[known].zone != zone)
        return;
    struct layout_host *host = &r->work->hosts[known];
    uint32_t *own = record->type == RRTYPE_A ? &host->ipv4_set : &host->ipv6_set;
    if (*own == CONTENT_NONE)
        *own = set;
}

/* What a record is to the rest of its zone: below a delegation there is glue only, and addresses at
 * it are, too. */
static enum content_kind kind_of(const struct inventory_zone *zone,
                                 const struct inventory_record *record)
{
    const struct inventory_record *cut = inventory_cut(zone, record->owner);
    if (!cut)
        return CONTENT_NAME;
    bool is_at_cut = name_equal(cut->owner, record->owner);
    return is_at_cut && !is_address(record->type) ? CONTENT_CUT : CONTENT_GLUE;
}

/* Adds the groups of a zone that belong to the round; sets[i] becomes the set of record i. */
static void add_zone(struct records_work *r, uint32_t *sets, uint32_t index,
                     enum layout_round round)
{
    const struct inventory_zone *zone = &r->work->inventory->zones[index];
    for (uint32_t at = 0, first = 0; at < zone->record_count; first = at) {
        struct group group = group_next(zone, &at);
        if (is_address(group.records->type) != (round == LAYOUT_ADDRESSES))
            continue;
        enum content_kind kind = kind_of(zone, group.records);
        uint32_t set = set_of(r, sets, index, group, kind);
        for (uint32_t i = first; i < at; i++)
            sets[i] = set;
        if (round == LAYOUT_ADDRESSES)
            host_give(r, index, group.records, set);
        layout_entry_add(r->work, &(struct layout_entry){.owner = group.records->owner,
                                                         .zone = index,
                                                         .set = set,
                                                         .kind = kind,
                                                         .type = group.records->type});
    }
}

void layout_records(struct layout_work *work, enum layout_round round)
{
    struct records_work r = {.work = work, .keys = intern_over(&work->scratch)};
    uint32_t zone_count = work->inventory->zone_count;
    if (round == LAYOUT_ADDRESSES)
        work->record_sets = arena_array(&work->scratch, uint32_t *, zone_count);
    for (uint32_t i = 0; i < zone_count; i++) {
        uint32_t count = work->inventory->zones[i].record_count;
        if (count == 0)
            continue;
        if (round == LAYOUT_ADDRESSES)
            work->record_sets[i] = arena_array(&work->scratch, uint32_t, count);
        add_zone(&r, work->record_sets[i], i, round);
    }
}

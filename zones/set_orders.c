/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/set_orders.h"

#include "zones/compile.h"
#include "zones/image_layout.h"
#include "zones/rrtype.h"

bool set_orders_has(const struct content_set *set)
{
    return set->type == RRTYPE_SRV && set->order == CONTENT_ORDER_WEIGHTED && set->count > 1;
}

struct set_orders set_orders_over(const struct content_sets *sets)
{
    uint32_t count = 1;
    for (uint32_t i = 0; i < sets->count; i++) {
        const struct content_set set = content_whole(sets, i);
        count += set_orders_has(&set);
    }
    uint32_t share = SET_ORDERS_ALL_BYTES / count;
    return (struct set_orders){sets, share < SET_ORDERS_BYTES ? share : SET_ORDERS_BYTES};
}

/* What one order costs in an image, at most. */
static uint32_t order_bytes(const struct set_orders *orders, const struct content_set *set)
{
    struct compiled_size size = compile_size_max(orders->sets, set);
    uint32_t bytes = sizeof(struct image_answer);
    if (size.body_bytes > IMAGE_BODY_BYTES || size.places > IMAGE_MAX_PATCHES)
        bytes += (uint32_t)sizeof(struct image_long) + size.places * (uint32_t)sizeof(uint16_t) +
                 size.body_bytes;
    return (bytes + IMAGE_LINE_BYTES - 1) / IMAGE_LINE_BYTES * IMAGE_LINE_BYTES;
}

/* Priority and weight stand at the start of the RDATA (RFC 2782). */
static const struct orders_record *records_of(const struct content_set *set, struct arena *arena)
{
    struct orders_record *records = arena_array(arena, struct orders_record, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        struct reader r = reader_over(set->rdata[i]);
        records[i].priority = read_u16(&r);
        records[i].weight = read_u16(&r);
    }
    return records;
}

struct orders_choice set_orders_choose(const struct set_orders *orders,
                                       const struct content_set *set, struct arena *scratch)
{
    uint32_t max = orders->bytes / order_bytes(orders, set);
    max = max < 1 ? 1 : max > ORDERS_MAX ? ORDERS_MAX : max;
    return orders_choose(scratch, records_of(set, scratch), set->count, max);
}

/* Where the additional sets of each record begin, which stand by record. */
static const uint32_t *additional_first(const struct content_set *set, struct arena *arena)
{
    uint32_t *first = arena_array(arena, uint32_t, (size_t)set->count + 1);
    uint32_t at = 0;
    for (uint32_t i = 0; i <= set->count; i++) {
        while (at < set->additional_count && set->additional[at].record < i)
            at++;
        first[i] = at;
    }
    return first;
}

static void put_in_order(const struct content_set *set, const uint32_t *order,
                         const uint32_t *first, struct arena *arena, struct content_set *ordered)
{
    struct bytes *rdata = arena_array(arena, struct bytes, set->count);
    struct content_additional *additional =
        arena_array(arena, struct content_additional, set->additional_count);
    *ordered = *set;
    ordered->rdata = rdata;
    ordered->additional = additional;
    for (uint32_t i = 0; i < set->count; i++) {
        rdata[i] = set->rdata[order[i]];
        for (uint32_t j = first[order[i]]; j < first[order[i] + 1]; j++) {
            *additional = set->additional[j];
            additional++->record = i;
        }
    }
}

const struct content_set *set_orders_make(const struct content_set *set, uint32_t count,
                                          struct arena *arena)
{
    const uint32_t *orders = orders_make(arena, records_of(set, arena), set->count, count);
    const uint32_t *first = additional_first(set, arena);
    struct content_set *ordered = arena_array(arena, struct content_set, count);
    for (uint32_t i = 0; i < count; i++)
        put_in_order(set, orders + (size_t)i * set->count, first, arena, &ordered[i]);
    return ordered;
}

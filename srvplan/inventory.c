/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory.h"

#include "zones/rrtype.h"

#include <stdlib.h>

uint32_t inventory_find_node(const struct inventory *inventory, struct text id)
{
    uint32_t low = 0, high = inventory->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = text_compare(inventory->nodes[middle].id, id);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return INVENTORY_NONE;
}

uint32_t inventory_find_service(const struct inventory *inventory, struct text id)
{
    uint32_t low = 0, high = inventory->service_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = text_compare(inventory->services[middle].id, id);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return INVENTORY_NONE;
}

/* How many zones stand at or before `name` in canonical order. */
static uint32_t zones_until(const struct inventory *inventory, struct name name)
{
    uint32_t low = 0, high = inventory->zone_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(inventory->zones[middle].apex, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t inventory_zone_of(const struct inventory *inventory, struct name name)
{
    /* In canonical order a zone stands right before all that is below it. So the zone before
     * `name` is the longest one that it is in, or a sibling's, which shares only some last
     * labels: then the answer is the zone of those. Each round drops a label at least. */
    for (;;) {
        uint32_t until = zones_until(inventory, name);
        if (until == 0)
            return INVENTORY_NONE;
        struct name before = inventory->zones[until - 1].apex;
        if (name_is_within(name, before))
            return until - 1;
        do {
            if (name.len == 1)
                return INVENTORY_NONE;
            name = name_parent(name);
        } while (!name_is_within(before, name));
    }
}

uint32_t inventory_record_from(const struct inventory_zone *zone, struct name owner, uint16_t type)
{
    uint32_t low = 0, high = zone->record_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = name_compare(zone->records[middle].owner, owner);
        if (order < 0 || (order == 0 && zone->records[middle].type < type))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct inventory_record *inventory_cut(const struct inventory_zone *zone, struct name name)
{
    const struct inventory_record *cut = NULL;
    if (zone->record_count == 0)
        return NULL;
    for (; name.len > zone->apex.len; name = name_parent(name)) {
        uint32_t at = inventory_record_from(zone, name, RRTYPE_NS);
        if (at < zone->record_count && zone->records[at].type == RRTYPE_NS &&
            name_equal(zone->records[at].owner, name))
            cut = &zone->records[at];
    }
    return cut;
}

void inventory_free(struct inventory *inventory)
{
    if (!inventory)
        return;
    struct arena arena = inventory->arena;
    arena_fini(&arena);
    free(inventory);
}

static const char *const drain_modes[] = {
    [DRAIN_REMOVE] = "remove",
    [DRAIN_DEMOTE] = "demote",
    [DRAIN_WEIGHT] = "weight",
    [DRAIN_ZERO] = "zero",
};

const char *drain_mode_print(enum drain_mode mode)
{
    return drain_modes[mode];
}

bool drain_mode_parse(struct text text, enum drain_mode *mode)
{
    for (size_t i = 0; i < COUNT_OF(drain_modes); i++) {
        if (!text_is(text, drain_modes[i]))
            continue;
        *mode = (enum drain_mode)i;
        return true;
    }
    return false;
}

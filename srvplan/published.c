/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/published.h"

#include "zones/rrtype.h"
#include "zones/text.h"

#include <stdlib.h>
#include <string.h>

/* -- records ------------------------------------------------------------------------------------
 */

/* A number up to 65535 and the space behind it. */
static bool take_u16(struct text *rest, uint16_t *value)
{
    const char *space = memchr(rest->ptr, ' ', rest->len);
    uint64_t number;
    if (!space)
        return false;
    size_t len = (size_t)(space - rest->ptr);
    if (!text_to_u64((struct text){rest->ptr, len}, 0, UINT16_MAX, &number))
        return false;
    *rest = (struct text){space + 1, rest->len - len - 1};
    *value = (uint16_t)number;
    return true;
}

bool srv_text_parse(const char *record, struct srv_text *srv)
{
    struct text rest = text_from(record);
    struct srv_text parsed;
    if (!take_u16(&rest, &parsed.priority) || !take_u16(&rest, &parsed.weight) ||
        !take_u16(&rest, &parsed.port) || rest.len == 0 || memchr(rest.ptr, ' ', rest.len))
        return false;
    parsed.target = rest.ptr;
    *srv = parsed;
    return true;
}

static int compare_numbers(uint16_t a, uint16_t b)
{
    return (a > b) - (a < b);
}

int published_compare_records(const char *a, const char *b)
{
    struct srv_text x, y;
    if (!srv_text_parse(a, &x) || !srv_text_parse(b, &y))
        return strcmp(a, b);
    int order = compare_numbers(x.priority, y.priority);
    order = order ? order : strcmp(x.target, y.target);
    order = order ? order : compare_numbers(x.port, y.port);
    return order ? order : compare_numbers(x.weight, y.weight);
}

static int by_record(const void *left, const void *right)
{
    return published_compare_records(*(const char *const *)left, *(const char *const *)right);
}

struct bytes name_service_labels(struct name owner)
{
    size_t len = 0;
    while (owner.wire[len] != 0 && owner.wire[len + 1] == '_')
        len += owner.wire[len] + 1u;
    return (struct bytes){owner.wire, len};
}

bool published_is_left_out(const char *type)
{
    static const char *const types[] = {"SOA", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY",
                                        "CDS", "CDNSKEY", "ZONEMD", "TYPE65534",
                                        /* numbers, for who has no names for them */
                                        "TYPE46", "TYPE47", "TYPE50", "TYPE51", "TYPE48", "TYPE59",
                                        "TYPE60", "TYPE63"};
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

/* -- making -------------------------------------------------------------------------------------
 */

uint32_t publisher_add_set(struct publisher *publisher, const struct published_set *set)
{
    uint32_t number = publisher->published.set_count++;
    publisher->sets = arena_grow(publisher->arena, publisher->sets, &publisher->set_capacity,
                                 (size_t)number + 1, sizeof *publisher->sets);
    const char **records = arena_array(publisher->arena, const char *, set->record_count);
    for (uint32_t i = 0; i < set->record_count; i++)
        records[i] = set->records[i];
    if (set->record_count)
        qsort(records, set->record_count, sizeof *records, by_record);
    publisher->sets[number] = *set;
    publisher->sets[number].records = records;
    return number;
}

void publisher_add_entry(struct publisher *publisher, struct name owner, uint32_t set)
{
    uint32_t at = publisher->published.entry_count++;
    publisher->entries =
        arena_grow(publisher->arena, publisher->entries, &publisher->entry_capacity, (size_t)at + 1,
                   sizeof *publisher->entries);
    struct name lower = name_lower(publisher->arena, owner);
    publisher->entries[at] = (struct published_entry){
        .owner = lower, .name = text_name_print(publisher->arena, lower), .set = set};
}

void publisher_add_extent(struct publisher *publisher, struct name apex, bool is_in)
{
    uint32_t at = publisher->published.extent_count++;
    publisher->extents =
        arena_grow(publisher->arena, publisher->extents, &publisher->extent_capacity,
                   (size_t)at + 1, sizeof *publisher->extents);
    publisher->extents[at] = (struct published_extent){name_lower(publisher->arena, apex), is_in};
}

const struct published *publisher_end(struct publisher *publisher)
{
    struct published *published = arena_new(publisher->arena, struct published);
    *published = publisher->published;
    published->entries = publisher->entries;
    published->sets = publisher->sets;
    published->extents = publisher->extents;
    return published;
}

bool published_speaks_for(const struct published *published, struct name owner)
{
    const struct published_extent *best = NULL;
    for (uint32_t i = 0; i < published->extent_count; i++) {
        const struct published_extent *extent = &published->extents[i];
        if (name_is_within(owner, extent->apex) && (!best || extent->apex.len > best->apex.len))
            best = extent;
    }
    return best ? best->is_in : published->extent_count == 0;
}

/* -- a plan -------------------------------------------------------------------------------------
 */

/* The set of a plan's content for a zone, printed once for all owners but templates, which each
 * zone reads differently. */
static uint32_t set_of_plan(struct publisher *publisher, const struct plan *plan, uint32_t set,
                            struct name apex)
{
    const struct content_set *content = &plan->content.sets[set];
    struct published_set made = {
        .type = rrtype_mnemonic(content->type),
        .ttl_s = content->ttl_s,
        .ttl_max_s = content->ttl_s,
        .records = plan_records(content, apex, publisher->arena),
        .record_count = content->count,
    };
    if (!made.type)
        made.type = arena_printf(publisher->arena, "TYPE%u", content->type);
    if (set < plan->set_count)
        made.because = plan_set_because(plan, &plan->sets[set], publisher->arena);
    return publisher_add_set(publisher, &made);
}

/* Numbers of sets that are known already, by content set, and of which zone those with names are,
 * which each zone reads differently. */
struct printed_sets {
    uint32_t *number_plus_1;
    uint32_t *zone;
};

static void add_name(struct publisher *publisher, const struct plan *plan, uint32_t zone,
                     const struct content_name *name, struct printed_sets *printed)
{
    const struct content_names *names = &plan->input.layout->names;
    const struct content_types *types = &names->types[name->types];
    for (uint32_t i = 0; i < types->count; i++) {
        uint32_t set = types->entries[i].set;
        uint16_t type = types->entries[i].type;
        if (type == RRTYPE_SOA || plan->content.sets[set].count == 0)
            continue;
        bool is_template = content_names_in(type).count > 0;
        bool is_known = printed->number_plus_1[set] && (!is_template || printed->zone[set] == zone);
        if (!is_known)
            printed->number_plus_1[set] =
                set_of_plan(publisher, plan, set, names->zones[zone].apex) + 1;
        printed->zone[set] = zone;
        publisher_add_entry(publisher, name->owner, printed->number_plus_1[set] - 1);
    }
}

const struct published *published_of_plan(const struct plan *plan, const char *label,
                                          struct arena *arena)
{
    const struct content_names *names = &plan->input.layout->names;
    struct publisher publisher = {.arena = arena, .published = {.label = label, .is_plan = true}};
    struct arena scratch = {0};
    struct printed_sets printed = {.number_plus_1 =
                                       arena_array(&scratch, uint32_t, plan->content.count),
                                   .zone = arena_array(&scratch, uint32_t, plan->content.count)};
    for (uint32_t i = 0; i < names->zone_count; i++) {
        const struct content_zone *zone = &names->zones[i];
        for (uint32_t j = 0; j < zone->name_count; j++) {
            const struct content_name *name = &names->names[zone->first_name + j];
            if (name->kind == CONTENT_NAME && name->types != CONTENT_NONE)
                add_name(&publisher, plan, i, name, &printed);
        }
    }
    arena_fini(&scratch);
    return publisher_end(&publisher);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/record_view.h"

#include "srvplan/report/report_json.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <string.h>

enum {
    SOA_NUMBERS_BYTES = 20
}; /* serial, refresh, retry, expire, minimum: RFC 1035 3.3.13 */

struct walk {
    const struct world_view *view;
    const struct record_filter *filter;
    const struct record_cursor *after;
    json_t *items;
    struct arena *arena;
    struct arena scratch;
    uint32_t zone;
    const struct content_name *name;
    /* of the last set that was taken */
    const struct content_name *last_name;
    uint32_t last_zone;
    uint16_t last_type;
    bool has_more;
};

/* The parts of a cursor stand between slashes: it goes into a URL as it is. */
static struct text part_next(struct text *rest)
{
    const char *slash = memchr(rest->ptr, '/', rest->len);
    size_t len = slash ? (size_t)(slash - rest->ptr) : rest->len;
    struct text word = {rest->ptr, len};
    len += slash != NULL;
    *rest = (struct text){rest->ptr + len, rest->len - len};
    return word;
}

bool record_cursor_parse(struct text text, struct arena *arena, struct record_cursor *cursor)
{
    struct record_cursor parsed = {.is_set = true};
    struct text type = part_next(&text), zone = part_next(&text);
    if (!text_type_parse(type, &parsed.type) || !text_name_parse(arena, zone, &parsed.zone, NULL) ||
        !text_name_parse(arena, text, &parsed.owner, NULL))
        return false;
    *cursor = parsed;
    return true;
}

static json_t *soa_json(struct walk *walk, const struct content_set *set)
{
    struct name apex = walk->view->layout->names.zones[walk->zone].apex;
    struct bytes rdata = content_rdata(&walk->scratch, RRTYPE_SOA, set->rdata[0], apex);
    struct writer w = writer_over(arena_alloc(&walk->scratch, rdata.len), rdata.len);
    size_t numbers_at = rdata.len - SOA_NUMBERS_BYTES;
    write_bytes(&w, rdata.ptr, numbers_at);
    write_u32(&w, world_zone_serial(walk->view, walk->zone)); /* the slot's, not the set's */
    write_bytes(&w, rdata.ptr + numbers_at + 4, SOA_NUMBERS_BYTES - 4);
    json_t *records = json_array();
    if (writer_ok(&w))
        json_array_append_new(records,
                              json_string(text_rdata_print(&walk->scratch, RRTYPE_SOA,
                                                           (struct bytes){w.start, w.len})));
    return records;
}

/* When the newest version of the set that has a reading was last served. */
static int64_t last_served_ms(const struct walk *walk, uint32_t set)
{
    const struct layout *layout = walk->view->layout;
    int64_t newest_s = 0;
    if (set >= layout->declared_count)
        return 0;
    for (uint32_t i = 0; i < walk->view->version_count; i++) {
        const struct store_set_version *version = &walk->view->versions[i];
        if (digest_equal(&version->key, &layout->declared[set].key) &&
            version->last_served_s > newest_s)
            newest_s = version->last_served_s;
    }
    return newest_s * 1000;
}

static json_t *set_json(struct walk *walk, uint32_t index)
{
    const struct content_set *set = &walk->view->plan->content.sets[index];
    const struct content_zone *zone = &walk->view->layout->names.zones[walk->zone];
    struct name apex = zone->apex;
    json_t *json = json_object();
    json_object_set_new(json, "name",
                        json_string(text_name_print(&walk->scratch, walk->name->owner)));
    json_object_set_new(json, "zone", json_string(text_name_print(&walk->scratch, apex)));
    json_object_set_new(json, "type", json_string(text_type_print(&walk->scratch, set->type)));
    json_object_set_new(json, "ttl", json_integer(set->ttl_s));
    json_object_set_new(json, "records",
                        set->type == RRTYPE_SOA
                            ? soa_json(walk, set)
                            : report_records_json(set, content_apex(zone, walk->name)));
    json_object_set_new(json, "generation", json_integer((json_int_t)walk->view->revision));
    json_object_set_new(json, "last_served", json_view_time(last_served_ms(walk, index)));
    return json;
}

/* Takes the sets at one name; false: the page is full and another set was seen. */
static bool take_name(struct walk *walk, uint16_t above_type)
{
    if (walk->name->types == CONTENT_NONE || !content_is_served(walk->name))
        return true;
    const struct content_types *types = &walk->view->layout->names.types[walk->name->types];
    for (uint32_t i = 0; i < types->count; i++) {
        uint16_t type = types->entries[i].type;
        if (type <= above_type || (walk->filter->type && walk->filter->type != type))
            continue;
        if (walk->view->plan->content.sets[types->entries[i].set].count == 0)
            continue; /* nobody is there: the name answers NODATA */
        if (json_array_size(walk->items) == walk->filter->limit) {
            walk->has_more = true;
            return false;
        }
        json_array_append_new(walk->items, set_json(walk, types->entries[i].set));
        walk->last_name = walk->name;
        walk->last_zone = walk->zone;
        walk->last_type = type;
    }
    return true;
}

static bool has_service_labels(struct name owner, struct bytes labels)
{
    return owner.len > labels.len && bytes_equal((struct bytes){owner.wire, labels.len}, labels);
}

/* The first name of the zone that is not below `wanted` in canonical order. */
static uint32_t lower_bound(const struct content_names *names, const struct content_zone *zone,
                            struct name wanted)
{
    uint32_t low = 0, high = zone->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(names->names[zone->first_name + middle].owner, wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* False: the page is full. */
static bool take_zone(struct walk *walk, bool is_cursor_zone)
{
    const struct content_names *names = &walk->view->layout->names;
    const struct content_zone *zone = &names->zones[walk->zone];
    struct name domain = walk->filter->domain, first = {0};
    if (domain.len && name_is_within(domain, zone->apex))
        first = domain; /* the domain lies in the zone: begin there, end behind it */
    else if (domain.len && !name_is_within(zone->apex, domain))
        return true;
    if (is_cursor_zone && (!first.len || name_compare(walk->after->owner, first) > 0))
        first = walk->after->owner;
    uint32_t at = first.len ? lower_bound(names, zone, first) : 0;
    for (; at < zone->name_count; at++) {
        walk->name = &names->names[zone->first_name + at];
        struct name owner = walk->name->owner;
        if (domain.len && !name_is_within(owner, domain))
            return true; /* what is below a name lies together in canonical order */
        if (walk->filter->service.len && !has_service_labels(owner, walk->filter->service))
            continue;
        bool is_cursor = is_cursor_zone && name_equal(owner, walk->after->owner);
        if (!take_name(walk, is_cursor ? walk->after->type : 0))
            return false;
    }
    return true;
}

json_t *record_view_page(const struct world_view *view, const struct record_filter *filter,
                         const struct record_cursor *after, struct arena *arena, char **next)
{
    const struct content_names *names = &view->layout->names;
    struct walk walk = {
        .view = view, .filter = filter, .after = after, .items = json_array(), .arena = arena};
    for (; walk.zone < names->zone_count; walk.zone++) {
        int order = after->is_set ? name_compare(names->zones[walk.zone].apex, after->zone) : 1;
        if (order >= 0 && !take_zone(&walk, order == 0))
            break;
    }
    *next = NULL;
    if (walk.has_more) {
        const char *apex = text_name_print(&walk.scratch, names->zones[walk.last_zone].apex);
        const char *owner = text_name_print(&walk.scratch, walk.last_name->owner);
        *next = arena_printf(arena, "%s/%s/%s", text_type_print(&walk.scratch, walk.last_type),
                             apex, owner);
    }
    arena_fini(&walk.scratch);
    return walk.items;
}

json_t *record_view_zone(const struct world_view *view, uint32_t zone)
{
    static const struct record_filter everything = {.limit = UINT32_MAX};
    struct walk walk = {.view = view, .filter = &everything, .items = json_array(), .zone = zone};
    (void)!take_zone(&walk, false);
    arena_fini(&walk.scratch);
    return walk.items;
}

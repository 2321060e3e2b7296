/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_json.h"
#include "srvplan/report/report_pools.h"

#include "srvplan/report/report_timeline.h"
#include "zones/base/clock.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <stdlib.h>

/* Adds `value`, which it takes. jansson refuses only without memory, or text that is not UTF-8. */
static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value ? value : json_null()) != 0)
        abort();
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value ? value : json_null()) != 0)
        abort();
}

static json_t *string_or_null(const char *string)
{
    return string && string[0] ? json_string(string) : json_null();
}

static json_t *text_json(struct text text)
{
    return json_stringn(text.ptr, text.len);
}

json_t *report_time_json(int64_t at_ms)
{
    char text[CLOCK_TEXT_SIZE];
    return at_ms ? json_string(clock_print(at_ms, text)) : json_null();
}

json_t *report_records_json(const struct content_set *set, struct name apex)
{
    struct arena arena = {0};
    const char *const *records = plan_records(set, apex, &arena);
    json_t *array = json_array();
    for (uint32_t i = 0; i < set->count; i++)
        append(array, json_string(records[i]));
    arena_fini(&arena);
    return array;
}

json_t *report_because_json(struct plan_because_list because)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < because.count; i++) {
        const struct plan_because *item = &because.items[i];
        json_t *object = json_object();
        put(object, "node", string_or_null(item->node));
        put(object, "record", string_or_null(item->record));
        put(object, "kind", json_string(item->kind));
        if (item->id)
            put(object, "id", json_string(item->id));
        put(object, "text", json_string(item->text));
        append(array, object);
    }
    return array;
}

json_t *report_findings_json(const struct findings *findings)
{
    json_t *array = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        json_t *object = json_object();
        put(object, "code", json_string(finding->code));
        put(object, "severity", json_string(finding_severity_print(finding->severity)));
        put(object, "pointer", json_string(finding->pointer ? finding->pointer : ""));
        put(object, "file", string_or_null(finding->file));
        put(object, "line", finding->line ? json_integer(finding->line) : json_null());
        put(object, "column", finding->column ? json_integer(finding->column) : json_null());
        put(object, "message", json_string(finding->message));
        put(object, "mend", string_or_null(finding->mend));
        append(array, object);
    }
    return array;
}

/* -- guards and shares --------------------------------------------------------------------------
 */

static json_t *domain_json(const struct layout *layout, uint32_t domain)
{
    struct arena arena = {0};
    json_t *name = json_string(text_name_print(&arena, layout->inventory->domains[domain].name));
    arena_fini(&arena);
    return name;
}

json_t *report_quantity_json(uint64_t value, enum plan_unit unit)
{
    if (unit == PLAN_UNIT_PPB)
        return json_real((double)value / RATIO_ONE);
    return json_integer((json_int_t)value);
}

json_t *report_guard_json(const struct plan *plan, const struct plan_verdict *verdict)
{
    const struct layout *layout = plan->input.layout;
    json_t *object = json_object();
    put(object, "guard", json_string(plan_guard_rows[verdict->guard].name));
    put(object, "ok", json_boolean(verdict->is_ok));
    if (verdict->set != PLAN_NO_SET) {
        const struct declared_set *declared = &layout->declared[verdict->set];
        put(object, "domain", domain_json(layout, declared->domain));
        put(object, "domains", json_integer(declared->domain_count));
        put(object, "service", text_json(layout->inventory->services[declared->service].id));
    }
    if (verdict->tier)
        put(object, "tier", json_string(verdict->tier));
    if (verdict->assertion)
        put(object, "assertion", text_json(verdict->assertion->id));
    put(object, "unit", json_string(plan_unit_print(verdict->unit)));
    put(object, "would_be", report_quantity_json(verdict->would_be, verdict->unit));
    put(object, "limit", report_quantity_json(verdict->limit, verdict->unit));
    put(object, "declared", report_quantity_json(verdict->declared, verdict->unit));
    put(object, "message", json_string(verdict->message));
    return object;
}

json_t *report_guards_json(const struct plan *plan)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < plan->refusal_count; i++)
        append(array, report_guard_json(plan, &plan->refusals[i]));
    for (uint32_t i = 0; i < plan->pass_count; i++)
        append(array, report_guard_json(plan, &plan->passes[i]));
    return array;
}

/* What guards will say no to when drains begin that are not out yet. */
static json_t *pending_json(const struct plan *plan)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < plan->pending_count; i++)
        append(array, report_guard_json(plan, &plan->pending[i]));
    return array;
}

static void add_shares(json_t *array, const struct plan *plan, const struct plan_set *set,
                       json_t *domain)
{
    const struct layout *layout = plan->input.layout;
    const struct inventory *inventory = layout->inventory;
    uint32_t service = layout->declared[set->declared].service;
    for (uint32_t i = 0; i < set->member_count; i++) {
        const struct plan_member *member = &set->members[i];
        char exact[24];
        snprintf(exact, sizeof exact, "%u/%u", member->share_num, member->share_den);
        json_t *object = json_object();
        put(object, "domain", json_incref(domain));
        put(object, "service", text_json(inventory->services[service].id));
        put(object, "model", json_string("plackett-luce"));
        put(object, "node", text_json(inventory->nodes[member->node].id));
        put(object, "share", json_string(exact));
        put(object, "ratio", json_real((double)member->share_num / (double)member->share_den));
        append(array, object);
    }
}

static json_t *shares_json(const struct plan *plan)
{
    const struct layout *layout = plan->input.layout;
    json_t *array = json_array();
    for (uint32_t i = 0; i < layout->inventory->domain_count; i++) {
        json_t *domain = domain_json(layout, i);
        for (uint32_t j = layout->domain_first[i]; j < layout->domain_first[i + 1]; j++)
            add_shares(array, plan, &plan->sets[layout->domain_sets[j]], domain);
        json_decref(domain);
    }
    return array;
}

/* -- sets ---------------------------------------------------------------------------------------
 */

/* What is the same for all owners of a set. */
struct set_parts {
    json_t *records, *because; /* NULL until first needed */
};

static json_t *because_of_set(const struct plan *plan, uint32_t set)
{
    if (set >= plan->set_count)
        return json_array();
    struct arena arena = {0};
    json_t *because = report_because_json(plan_set_because(plan, &plan->sets[set], &arena));
    arena_fini(&arena);
    return because;
}

static json_t *set_json(const struct plan *plan, uint32_t set, const struct content_name *name,
                        struct name apex, struct set_parts *parts)
{
    const struct content_set *content = &plan->content.sets[set];
    struct arena arena = {0};
    json_t *object = json_object(), *records;
    if (content_names_in(content->type).count) { /* of a template: other words in each zone */
        records = report_records_json(content, apex);
    } else {
        if (!parts->records)
            parts->records = report_records_json(content, apex);
        records = json_incref(parts->records);
    }
    if (!parts->because)
        parts->because = because_of_set(plan, set);
    put(object, "name", json_string(text_name_print(&arena, name->owner)));
    put(object, "type", json_string(text_type_print(&arena, content->type)));
    put(object, "ttl", json_integer(content->ttl_s));
    put(object, "records", records);
    put(object, "because", json_incref(parts->because));
    arena_fini(&arena);
    return object;
}

/* Sets come in rounds: what the plan is about first. SOA records are left out: their serials are
 * decided when a zone is published. */
enum round {
    ROUND_SRV,
    ROUND_ADDRESSES,
    ROUND_NS,
    ROUND_OTHERS, /* a zone's own records */
    ROUND_COUNT,
};

static bool is_of_round(uint16_t type, enum round round)
{
    switch (type) {
    case RRTYPE_SRV:
        return round == ROUND_SRV;
    case RRTYPE_A:
    case RRTYPE_AAAA:
        return round == ROUND_ADDRESSES;
    case RRTYPE_NS:
        return round == ROUND_NS;
    case RRTYPE_SOA:
        return false;
    default:
        return round == ROUND_OTHERS;
    }
}

static void add_sets(json_t *array, const struct plan *plan, struct set_parts *parts,
                     enum round round)
{
    const struct content_names *names = &plan->input.layout->names;
    for (uint32_t i = 0; i < names->zone_count; i++) {
        const struct content_zone *zone = &names->zones[i];
        for (uint32_t j = 0; j < zone->name_count; j++) {
            const struct content_name *name = &names->names[zone->first_name + j];
            if (!content_is_served(name) || name->types == CONTENT_NONE)
                continue;
            const struct content_types *types = &names->types[name->types];
            for (uint32_t k = 0; k < types->count; k++) {
                uint32_t set = types->entries[k].set;
                if (is_of_round(types->entries[k].type, round))
                    append(array, set_json(plan, set, name, content_apex(zone, name), &parts[set]));
            }
        }
    }
}

static json_t *sets_json(const struct plan *plan)
{
    struct arena arena = {0};
    struct set_parts *parts = arena_array(&arena, struct set_parts, plan->content.count);
    json_t *array = json_array();
    for (enum round round = 0; round < ROUND_COUNT; round++)
        add_sets(array, plan, parts, round);
    for (uint32_t i = 0; i < plan->content.count; i++) {
        json_decref(parts[i].records);
        json_decref(parts[i].because);
    }
    arena_fini(&arena);
    return array;
}

json_t *report_plan_json(const struct plan *plan, const struct findings *findings)
{
    json_t *object = json_object();
    char at[CLOCK_TEXT_SIZE];
    put(object, "at", json_string(clock_print(plan->input.at_ms, at)));
    put(object, "sets", sets_json(plan));
    put(object, "shares", shares_json(plan));
    put(object, "findings", report_findings_json(findings ? findings : &plan->findings));
    put(object, "guards", report_guards_json(plan));
    put(object, "pending", pending_json(plan));
    put(object, "pools", report_pools_json(plan));
    put(object, "next_change", report_time_json(plan->next_change_at_ms));
    put(object, "windows", report_windows_json(plan));
    put(object, "timeline", report_events_json(plan));
    return object;
}

/* -- changes ------------------------------------------------------------------------------------
 */

static json_t *side_json(const struct plan_change_side *side)
{
    if (!side->records)
        return json_null();
    json_t *object = json_object(), *records = json_array();
    for (uint32_t i = 0; i < side->record_count; i++)
        append(records, json_string(side->records[i]));
    put(object, "ttl", json_integer(side->ttl_s));
    put(object, "records", records);
    return object;
}

json_t *report_diff_json(const struct plan_diff *diff)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < diff->change_count; i++) {
        const struct plan_change *change = &diff->changes[i];
        json_t *object = json_object();
        put(object, "name", json_string(change->name));
        put(object, "type", json_string(change->type));
        put(object, "owners", json_integer(change->owner_count));
        put(object, "before", side_json(&change->before));
        put(object, "after", side_json(&change->after));
        put(object, "because", report_because_json(change->because));
        append(array, object);
    }
    return array;
}

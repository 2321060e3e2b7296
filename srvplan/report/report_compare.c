/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_compare.h"

#include "srvplan/report/report_json.h"

#include <stdlib.h>

static const char *const actions[] = {[CHANGE_NONE] = "keep",
                                      [CHANGE_ADD] = "add",
                                      [CHANGE_UPDATE] = "update",
                                      [CHANGE_REMOVE] = "remove"};

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

static json_t *texts_json(const char *const *texts, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++)
        append(array, json_string(texts[i]));
    return array;
}

static json_t *side_json(const struct published_set *set)
{
    if (!set)
        return json_null();
    json_t *object = json_object();
    put(object, "ttl", json_integer(set->ttl_s));
    if (set->ttl_max_s != set->ttl_s)
        put(object, "ttl_max", json_integer(set->ttl_max_s));
    put(object, "records", texts_json(set->records, set->record_count));
    return object;
}

static json_t *share_json(struct share share)
{
    char exact[48];
    if (share.den == 0)
        return json_null();
    snprintf(exact, sizeof exact, "%llu/%llu", (unsigned long long)share.num,
             (unsigned long long)share.den);
    return json_string(exact);
}

static json_t *text_json(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *record_json(const struct record_change *record)
{
    json_t *object = json_object();
    put(object, "action", json_string(actions[record->kind]));
    put(object, "before", text_json(record->before));
    put(object, "after", text_json(record->after));
    put(object, "node", record->because ? text_json(record->because->node) : json_null());
    put(object, "share_before", share_json(record->share_before));
    put(object, "share_after", share_json(record->share_after));
    return object;
}

/* The reasons of what changed, each once. */
static json_t *because_json(const struct change *change)
{
    struct arena arena = {0};
    struct plan_because *items = arena_array(&arena, struct plan_because, change->record_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < change->record_count; i++)
        if (change->records[i].because && change->records[i].kind != CHANGE_NONE)
            items[count++] = *change->records[i].because;
    json_t *array = report_because_json((struct plan_because_list){items, count});
    arena_fini(&arena);
    return array;
}

static json_t *change_json(const struct change *change)
{
    json_t *object = json_object(), *records = json_array();
    for (uint32_t i = 0; i < change->record_count; i++)
        append(records, record_json(&change->records[i]));
    put(object, "action", json_string(actions[change->kind]));
    put(object, "name", json_string(change->names[0]));
    put(object, "names", texts_json(change->names, change->name_count));
    put(object, "type", json_string(change->type));
    put(object, "owners", json_integer(change->name_count));
    put(object, "before", side_json(change->before));
    put(object, "after", side_json(change->after));
    put(object, "because", because_json(change));
    put(object, "records", records);
    return object;
}

json_t *report_changes_json(const struct comparison *comparison)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < comparison->change_count; i++)
        append(array, change_json(&comparison->changes[i]));
    return array;
}

static json_t *totals_json(const struct change_totals *totals)
{
    json_t *object = json_object();
    put(object, "add", json_integer(totals->added));
    put(object, "change", json_integer(totals->changed));
    put(object, "remove", json_integer(totals->removed));
    return object;
}

json_t *report_summary_json(const struct comparison *comparison)
{
    json_t *object = totals_json(&comparison->sets);
    put(object, "no_op", json_integer(comparison->same_sets));
    put(object, "records", totals_json(&comparison->records));
    return object;
}

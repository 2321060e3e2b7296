/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/published_json.h"

#include "srvplan/intern.h"
#include "zones/text.h"

#include <string.h>

enum {
    TYPE_MAX_BYTES = 20 /* "NSEC3PARAM", "TYPE65535" */
};

struct json_source {
    struct publisher publisher;
    struct arena scratch;
    struct intern nodes;  /* ids seen with a record */
    const char **targets; /* by number of nodes: the target of its record */
    size_t target_capacity;
};

bool published_json_is_plan(const json_t *document)
{
    return json_is_array(json_object_get(document, "sets"));
}

static const char *copy(struct json_source *source, const json_t *string)
{
    const char *text = json_string_value(string);
    return text ? arena_cstr(source->publisher.arena, text_from(text)) : NULL;
}

static bool is_type(const char *type)
{
    size_t len = type ? strlen(type) : 0;
    return len > 0 && len <= TYPE_MAX_BYTES &&
           strspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}

static bool records_read(struct json_source *source, const json_t *array, struct published_set *set,
                         struct error *err)
{
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > UINT16_MAX)
        return error_set(err, ERROR_INVALID, "records: expected an array of texts");
    const char **records = arena_array(source->publisher.arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        records[i] = copy(source, json_array_get(array, i));
        if (!records[i])
            return error_set(err, ERROR_INVALID, "records/%zu: expected a text", i);
    }
    set->records = records;
    set->record_count = (uint32_t)count;
    return true;
}

/* Which host a node is, for those that have no record now. */
static void target_learn(struct json_source *source, const struct plan_because *item)
{
    struct srv_text srv;
    if (!item->node || !item->record || !srv_text_parse(item->record, &srv))
        return;
    uint32_t known = source->nodes.count;
    uint32_t number =
        intern_add(&source->nodes, (struct bytes){(const uint8_t *)item->node, strlen(item->node)});
    if (number != known)
        return;
    source->targets = arena_grow(&source->scratch, source->targets, &source->target_capacity,
                                 (size_t)number + 1, sizeof *source->targets);
    source->targets[number] = srv.target;
}

static void because_read(struct json_source *source, const json_t *array, struct published_set *set)
{
    size_t count = json_array_size(array), i;
    struct plan_because *items = arena_array(source->publisher.arena, struct plan_because, count);
    json_t *object;
    json_array_foreach(array, i, object)
    {
        items[i] = (struct plan_because){
            .node = copy(source, json_object_get(object, "node")),
            .record = copy(source, json_object_get(object, "record")),
            .kind = copy(source, json_object_get(object, "kind")),
            .id = copy(source, json_object_get(object, "id")),
            .text = copy(source, json_object_get(object, "text")),
        };
        if (!items[i].kind)
            items[i].kind = "";
        if (!items[i].text)
            items[i].text = "";
        target_learn(source, &items[i]);
    }
    set->because = (struct plan_because_list){items, (uint32_t)count};
}

static bool set_read(struct json_source *source, const json_t *object, struct error *err)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    const json_t *ttl = json_object_get(object, "ttl");
    struct published_set set = {.type = copy(source, json_object_get(object, "type"))};
    struct name owner;
    if (!name)
        return error_set(err, ERROR_INVALID, "name: expected a domain name");
    if (!text_name_parse(&source->scratch, text_from(name), &owner, err))
        return error_within(err, "name");
    if (!is_type(set.type))
        return error_set(err, ERROR_INVALID, "type: expected a record type as SRV");
    if (!json_is_integer(ttl) || json_integer_value(ttl) < 0 || json_integer_value(ttl) > INT32_MAX)
        return error_set(err, ERROR_INVALID, "ttl: expected a number of seconds");
    set.ttl_s = set.ttl_max_s = (uint32_t)json_integer_value(ttl);
    if (!records_read(source, json_object_get(object, "records"), &set, err))
        return false;
    because_read(source, json_object_get(object, "because"), &set);
    if (set.record_count > 0 && !published_is_left_out(set.type))
        publisher_add_entry(&source->publisher, owner, publisher_add_set(&source->publisher, &set));
    return true;
}

/* Gives the nodes that are out their hosts, as far as another set tells. */
static void targets_fill(struct json_source *source)
{
    for (uint32_t i = 0; i < source->publisher.published.set_count; i++) {
        struct plan_because_list list = source->publisher.sets[i].because;
        struct plan_because *items =
            arena_array(source->publisher.arena, struct plan_because, list.count);
        for (uint32_t j = 0; j < list.count; j++) {
            items[j] = list.items[j];
            if (!items[j].node)
                continue;
            uint32_t number =
                intern_find(&source->nodes,
                            (struct bytes){(const uint8_t *)items[j].node, strlen(items[j].node)});
            if (number != UINT32_MAX)
                items[j].target = source->targets[number];
        }
        source->publisher.sets[i].because.items = items;
    }
}

bool published_of_json(const json_t *document, const char *label, struct arena *arena,
                       const struct published **published, struct error *err)
{
    struct json_source source = {
        .publisher = {.arena = arena, .published = {.label = label, .is_plan = true}}};
    source.nodes = intern_over(&source.scratch);
    bool is_fine = published_json_is_plan(document) ||
                   error_set(err, ERROR_INVALID, "%s: no plan: it has no \"sets\"", label);
    const json_t *sets = json_object_get(document, "sets");
    size_t i;
    json_t *object;
    json_array_foreach(sets, i, object)
    {
        is_fine = is_fine && (set_read(&source, object, err) ||
                              error_within(err, "%.200s: no plan: /sets/%zu", label, i));
    }
    if (is_fine) {
        targets_fill(&source);
        *published = publisher_end(&source.publisher);
    }
    arena_fini(&source.scratch);
    return is_fine;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/wishes.h"

#include "api/http/body.h"
#include "api/handlers/handlers.h"
#include "api/world/rows.h"
#include "api/world/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

struct reading {
    struct request *request;
    struct response *response;
    json_t *overlays;
};

typedef void wish_reader(struct request *request, struct response *response);

/* Mistakes of an item are told with its place in the whole. */
static void prefix_mistakes(struct response *response, size_t from, const char *prefix)
{
    json_t *errors = json_object_get(response->json, "errors");
    for (size_t i = from; i < json_array_size(errors); i++) {
        json_t *mistake = json_array_get(errors, i);
        const char *pointer = json_string_value(json_object_get(mistake, "pointer"));
        json_object_set_new(mistake, "pointer", json_sprintf("%s%s", prefix, pointer));
    }
}

/* Has `read` make a job of an item, as if that were the body of a request. */
static struct world_request read_item(const struct reading *reading, json_t *item,
                                      const char *prefix, wish_reader *read)
{
    struct request *request = reading->request;
    struct response *response = reading->response;
    size_t told = json_array_size(json_object_get(response->json, "errors"));
    json_t *body = request->body;
    struct world_request job = request->job, made;
    request->body = item;
    request->job = (struct world_request){0};
    if (json_is_object(item))
        read(request, response);
    else
        response_mistake(response, "", "wrong-type", "expected an object", NULL);
    if (request->job.is_override)
        response_mistake(response, "/override", "conflict",
                         "an override is given when the plan is applied", NULL);
    prefix_mistakes(response, told, prefix);
    made = request->job;
    request->body = body;
    request->job = job;
    return made;
}

static struct world_request *read_list(const struct reading *reading, const char *key,
                                       wish_reader *read, uint32_t *count)
{
    json_t *list = json_object_get(reading->overlays, key);
    char prefix[64];
    *count = 0;
    if (!list || json_is_null(list))
        return NULL;
    size_t size = json_array_size(list);
    snprintf(prefix, sizeof prefix, "/overlays/%s", key);
    if (!json_is_array(list) || size > BODY_LIST_MAX) {
        response_mistake(reading->response, prefix, "wrong-type",
                         "expected a list of at most 1,000 objects", NULL);
        return NULL;
    }
    struct world_request *jobs = arena_array(&reading->request->arena, struct world_request, size);
    for (size_t i = 0; i < size; i++) {
        snprintf(prefix, sizeof prefix, "/overlays/%s/%zu", key, i);
        jobs[(*count)++] = read_item(reading, json_array_get(list, i), prefix, read);
    }
    return jobs;
}

const struct wishes *wishes_read(struct request *request, json_t *overlays,
                                 struct response *response)
{
    struct reading reading = {request, response, overlays};
    struct wishes *wishes = arena_new(&request->arena, struct wishes);
    if (!overlays || json_is_null(overlays))
        return NULL;
    if (!json_is_object(overlays)) {
        response_mistake(response, "/overlays", "wrong-type", "expected an object", NULL);
        return NULL;
    }
    body_check_members(overlays, "/overlays", "drains weights", response);
    wishes->drains = read_list(&reading, "drains", drains_post, &wishes->drain_count);
    wishes->weights = read_list(&reading, "weights", node_weight_wish, &wishes->weight_count);
    return response->status || wishes->drain_count + wishes->weight_count == 0 ? NULL : wishes;
}

/* ---- granting ---- */

/* What the inventory must have. `key`: the list. False: the response says what is not there. */
static bool check(const struct world_request *wish, const struct inventory *inventory,
                  const char *key, struct response *response)
{
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/overlays/%s", key);
    for (uint32_t i = 0; i < wish->node_count; i++)
        if (inventory_find_node(inventory, wish->nodes[i]) == INVENTORY_NONE)
            response_mistake(response, pointer, "unknown-node",
                             "a node is named that the inventory does not have", NULL);
    for (uint32_t i = 0; i < wish->service_count; i++)
        if (!text_is(wish->services[i], "*") &&
            inventory_find_service(inventory, wish->services[i]) == INVENTORY_NONE)
            response_mistake(response, pointer, "unknown-service",
                             "a service is named that the inventory does not have", NULL);
    return !response->status;
}

static bool is_for_all(const struct world_request *wish)
{
    for (uint32_t i = 0; i < wish->service_count; i++)
        if (text_is(wish->services[i], "*"))
            return true;
    return wish->service_count == 0;
}

/* Ids, one space between; empty: all. */
static struct text services_text(const struct world_request *wish, struct arena *arena)
{
    const char *joined = "";
    if (is_for_all(wish))
        return text_from(joined);
    for (uint32_t i = 0; i < wish->service_count; i++)
        joined = arena_printf(arena, "%s%s%s", joined, i ? " " : "",
                              arena_cstr(arena, wish->services[i]));
    return text_from(joined);
}

/* A row a node. Their ids sort behind those of drains that are there. */
static void grant_drains(const struct wishes *wishes, struct wishes_scene *scene,
                         struct arena *arena)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < wishes->drain_count; i++)
        room += wishes->drains[i].node_count;
    struct store_drain *rows = arena_array(arena, struct store_drain, room);
    for (uint32_t i = 0; i < wishes->drain_count; i++) {
        const struct world_request *wish = &wishes->drains[i];
        for (uint32_t j = 0; j < wish->node_count; j++) {
            struct store_drain *row = &rows[scene->drain_count];
            *row = (struct store_drain){
                .id = text_from(arena_printf(arena, "dr_preview_%04u", scene->drain_count)),
                .node = wish->nodes[j],
                .services = services_text(wish, arena),
                .reason = wish->reason,
                .since_at_ms = scene->at_ms,
                .until_at_ms = wish->until_at_ms,
                .version = 1};
            world_drain_set_how(row, &wish->how, &scene->inventory->policy);
            scene->drain_count++;
        }
    }
    scene->drains = rows;
}

static void grant_weights(const struct wishes *wishes, struct wishes_scene *scene,
                          struct arena *arena)
{
    static const struct text all = {"*", 1};
    uint32_t room = 0;
    for (uint32_t i = 0; i < wishes->weight_count; i++)
        room += wishes->weights[i].service_count + 1;
    struct store_weight *rows = arena_array(arena, struct store_weight, room);
    for (uint32_t i = 0; i < wishes->weight_count; i++) {
        const struct world_request *wish = &wishes->weights[i];
        bool is_all = is_for_all(wish);
        for (uint32_t j = 0; j < (is_all ? 1 : wish->service_count); j++)
            rows[scene->weight_count++] =
                (struct store_weight){.node = wish->nodes[0],
                                      .service = is_all ? all : wish->services[j],
                                      .form = wish->weight_form,
                                      .value = wish->weight_value,
                                      .reason = wish->reason,
                                      .since_at_ms = scene->at_ms,
                                      .until_at_ms = wish->until_at_ms};
    }
    scene->weights = rows;
}

static int compare_weights(const struct overlay_weight *a, const struct overlay_weight *b)
{
    int order = text_compare(a->node, b->node);
    return order ? order : text_compare(a->service, b->service);
}

/* Both ascend; of two weights for the same, the new one counts. */
static const struct overlay_weight *merge_weights(const struct overlays *now,
                                                  const struct overlays *more, struct arena *arena,
                                                  uint32_t *count)
{
    struct overlay_weight *all =
        arena_array(arena, struct overlay_weight, now->weight_count + more->weight_count);
    uint32_t i = 0, j = 0;
    *count = 0;
    while (i < now->weight_count || j < more->weight_count) {
        int order = i == now->weight_count ? 1
                    : j == more->weight_count
                        ? -1
                        : compare_weights(&now->weights[i], &more->weights[j]);
        all[(*count)++] = order < 0 ? now->weights[i] : more->weights[j];
        i += order <= 0;
        j += order >= 0;
    }
    return all;
}

static const struct overlays *with_those_in_force(const struct wishes_scene *scene,
                                                  struct arena *arena)
{
    const struct overlays *now = scene->overlays;
    struct rows rows = {0};
    for (uint32_t i = 0; i < scene->drain_count; i++)
        rows_put_drain(&rows, &scene->drains[i]);
    for (uint32_t i = 0; i < scene->weight_count; i++)
        rows_put_weight(&rows, &scene->weights[i]);
    struct overlays more = rows_overlays(&rows, arena);
    rows_fini(&rows);
    struct overlay_drain *drains =
        arena_array(arena, struct overlay_drain, now->drain_count + more.drain_count);
    if (now->drain_count)
        memcpy(drains, now->drains, now->drain_count * sizeof *drains);
    if (more.drain_count)
        memcpy(drains + now->drain_count, more.drains, more.drain_count * sizeof *drains);
    struct overlays *all = arena_new(arena, struct overlays);
    *all = *now;
    all->drains = drains;
    all->drain_count = now->drain_count + more.drain_count;
    all->weights = merge_weights(now, &more, arena, &all->weight_count);
    return all;
}

bool wishes_grant(const struct wishes *wishes, struct wishes_scene *scene, struct arena *arena,
                  struct response *response)
{
    for (uint32_t i = 0; i < wishes->drain_count; i++)
        if (!check(&wishes->drains[i], scene->inventory, "drains", response))
            return false;
    for (uint32_t i = 0; i < wishes->weight_count; i++)
        if (!check(&wishes->weights[i], scene->inventory, "weights", response))
            return false;
    grant_drains(wishes, scene, arena);
    grant_weights(wishes, scene, arena);
    scene->granted = with_those_in_force(scene, arena);
    return true;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domains, services and tiers: what the inventory has, with what the plan makes of it. */
#include "api/handlers/handlers.h"

#include "api/http/hint.h"
#include "api/view/json_catalog.h"
#include "zones/text.h"

#include <assert.h>
#include <stddef.h>

static_assert(offsetof(struct inventory_service, id) == 0 &&
                  offsetof(struct inventory_tier, id) == 0,
              "ids_get() looks for the id at the front of a row");

void domains_get(struct request *request, struct response *response)
{
    const struct inventory *inventory = request->view->inventory;
    struct json_scene scene = handlers_scene(request);
    struct text after = request_parameter_find(request, "after");
    uint32_t limit = request_limit(request, response), at = 0;
    struct name name;
    if ((after.ptr && !handlers_read_name(request, after, "after", &name, response)) ||
        response->status)
        return;
    if (after.ptr) {
        at = json_catalog_domain_from(inventory, name);
        at += at < inventory->domain_count && name_equal(inventory->domains[at].name, name);
    }
    json_t *items = json_array();
    for (; at < inventory->domain_count && json_array_size(items) < limit; at++)
        json_array_append_new(items, json_catalog_domain(&scene, at, CATALOG_BRIEF));
    const char *next = NULL;
    if (at < inventory->domain_count)
        next = text_name_print(&request->arena, inventory->domains[at - 1].name);
    response_set_etag(response, "i", request->view->index);
    response_take_list(request, response, items, next);
}

void domain_get(struct request *request, struct response *response)
{
    const struct inventory *inventory = request->view->inventory;
    struct json_scene scene = handlers_scene(request);
    struct name name;
    if (!handlers_read_name(request, request->variables[0], NULL, &name, response))
        return;
    uint32_t domain = json_catalog_domain_from(inventory, name);
    if (domain == inventory->domain_count || !name_equal(inventory->domains[domain].name, name)) {
        response_problem(response, "not-found", "%s",
                         hint_domain(inventory, request->variables[0], &request->arena));
        return;
    }
    json_t *json = json_catalog_domain(&scene, domain, CATALOG_WHOLE);
    response_set_etag_of(response, "d", json);
    response_take(response, 200, json);
}

/* A page of what has an id: rows[0..count) of `stride` bytes, sorted by the id at their front. */
struct id_list {
    const void *rows;
    size_t stride;
    uint32_t count;
    json_t *(*item)(const struct json_scene *scene, uint32_t index);
};

static struct text id_at(const struct id_list *list, uint32_t index)
{
    return *(const struct text *)((const char *)list->rows + index * list->stride);
}

static void ids_get(struct request *request, const struct id_list *list, struct response *response)
{
    struct json_scene scene = handlers_scene(request);
    struct text after = request_parameter_find(request, "after");
    uint32_t limit = request_limit(request, response), at = 0;
    if (response->status)
        return;
    json_t *items = json_array();
    while (after.ptr && at < list->count && text_compare(id_at(list, at), after) <= 0)
        at++;
    for (; at < list->count && json_array_size(items) < limit; at++)
        json_array_append_new(items, list->item(&scene, at));
    const char *next = NULL;
    if (at < list->count)
        next = arena_cstr(&request->arena, id_at(list, at - 1));
    response_set_etag_of(response, "l", items);
    response_take_list(request, response, items, next);
}

void services_get(struct request *request, struct response *response)
{
    const struct inventory *inventory = request->view->inventory;
    const struct id_list list = {.rows = inventory->services,
                                 .stride = sizeof *inventory->services,
                                 .count = inventory->service_count,
                                 .item = json_catalog_service};
    ids_get(request, &list, response);
}

void tiers_get(struct request *request, struct response *response)
{
    const struct inventory *inventory = request->view->inventory;
    const struct id_list list = {.rows = inventory->tiers,
                                 .stride = sizeof *inventory->tiers,
                                 .count = inventory->tier_count,
                                 .item = json_catalog_tier};
    ids_get(request, &list, response);
}

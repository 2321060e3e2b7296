/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/view/json_catalog.h"
#include "api/view/zone_export.h"
#include "zones/text.h"

void zones_get(struct request *request, struct response *response)
{
    struct json_scene scene = handlers_scene(request);
    const struct content_names *names = &scene.plan->input.layout->names;
    struct text after = request_parameter_find(request, "after");
    uint32_t limit = request_limit(request, response), at = 0;
    struct name name;
    if ((after.ptr && !handlers_read_name(request, after, "after", &name, response)) ||
        response->status)
        return;
    if (after.ptr) {
        at = json_catalog_zone_from(names, name);
        at += at < names->zone_count && name_equal(names->zones[at].apex, name);
    }
    json_t *items = json_array();
    for (; at < names->zone_count && json_array_size(items) < limit; at++)
        json_array_append_new(items, json_catalog_zone(&scene, at, CATALOG_BRIEF));
    const char *next = NULL;
    if (at < names->zone_count)
        next = text_name_print(&request->arena, names->zones[at - 1].apex);
    response_set_etag(response, "r", request->view->revision);
    response_take_list(request, response, items, next);
}

/* The zone of the path, by its index in the layout. False: the response is 404. */
static bool zone_find(struct request *request, const struct content_names *names, uint32_t *zone,
                      struct response *response)
{
    struct name name;
    if (!handlers_read_name(request, request->variables[0], NULL, &name, response))
        return false;
    *zone = json_catalog_zone_from(names, name);
    if (*zone < names->zone_count && name_equal(names->zones[*zone].apex, name))
        return true;
    response_problem(response, "not-found",
                     "no zone \"%.200s\" is served here; GET /api/v1/zones "
                     "lists them",
                     arena_cstr(&request->arena, request->variables[0]));
    return false;
}

void zone_get(struct request *request, struct response *response)
{
    struct json_scene scene = handlers_scene(request);
    uint32_t zone;
    if (!zone_find(request, &scene.plan->input.layout->names, &zone, response))
        return;
    response_set_etag(response, "r", request->view->revision);
    response_take(response, 200, json_catalog_zone(&scene, zone, CATALOG_WHOLE));
}

void zone_export_get(struct request *request, struct response *response)
{
    struct json_scene scene = handlers_scene(request);
    struct text name = request_parameter_find(request, "format");
    const struct zone_export *format = name.ptr ? zone_export_find(name) : &zone_exports[0];
    struct error err = {0};
    uint32_t zone;
    if (!format)
        response_problem(response, "unknown-parameter", "format must be one of: %s",
                         zone_export_names(&request->arena));
    if (!format || !zone_find(request, &scene.plan->input.layout->names, &zone, response))
        return;
    response_set_etag(response, "r", request->view->revision);
    response->status = 200;
    response_check_none_match(request, response);
    if (response->status == 304)
        return;
    response->document = zone_export_print(format, &scene, zone, &err);
    response->page_type = format->media_type;
    if (response->document)
        return;
    response->status = 0;
    response_problem(response, problem_of_error(err.kind)->name, "%s", err.message);
}

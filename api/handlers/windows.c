/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Maintenance windows: lists, and making, changing and removing them. */
#include "api/http/body.h"
#include "api/handlers/windows.h"
#include "srvplan/window_document.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const char window_etag_prefix[] = "w";

void windows_get(struct request *request, struct response *response)
{
    const struct plan *plan = request->view->plan;
    struct text after = request_parameter_find(request, "after"), last = {0};
    uint32_t limit = request_limit(request, response);
    struct window_view window;
    if (response->status)
        return;
    json_t *items = json_array();
    bool has_more = window_view_next(plan, after, &window);
    while (has_more && json_array_size(items) < limit) {
        json_array_append_new(items, json_window(plan, &window));
        last = window.declared->id;
        has_more = window_view_next(plan, last, &window);
    }
    response_set_etag(response, "i", request->view->index);
    response_take_list(request, response, items,
                       has_more ? arena_cstr(&request->arena, last) : NULL);
}

bool window_find(struct request *request, struct window_view *window, struct response *response)
{
    if (window_view_find(request->view->plan, request->variables[0], window))
        return true;
    response_problem(response, "not-found", "there is no window '%.100s'",
                     arena_cstr(&request->arena, request->variables[0]));
    return false;
}

bool window_is_fresh(struct request *request, const struct window_view *window,
                     struct response *response)
{
    uint64_t version = window_view_version(request->view->plan, window);
    bool is_fresh = request_read_if_match(request, window_etag_prefix, response) &&
                    (!request->job.has_if_match || request->job.if_match == version);
    if (!is_fresh)
        response_stale(response, window_etag_prefix, version);
    return is_fresh;
}

void window_get(struct request *request, struct response *response)
{
    const struct plan *plan = request->view->plan;
    struct window_view window;
    if (!window_find(request, &window, response))
        return;
    response_set_etag(response, window_etag_prefix, window_view_version(plan, &window));
    response_take(response, 200, json_window(plan, &window));
    /* Its state moves with the clock while its version stays. */
    if (window_view_state(plan, &window) != WINDOW_ENDED)
        request->if_none_match = (struct text){0};
}

/* -- bodies -------------------------------------------------------------------------------------
 */

static void take_findings(const struct findings *findings, struct response *response)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].severity == FINDING_ERROR)
            response_mistake(response, findings->items[i].pointer, findings->items[i].code,
                             findings->items[i].message, findings->items[i].mend);
}

/* The window alone, without what stands around it; a null counts as absent. */
static json_t *document_of(const json_t *body)
{
    json_t *document = json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        if (strcmp(key, "id") != 0 && strcmp(key, "reason") != 0 && !json_is_null(value))
            json_object_set(document, key, value);
    }
    return document;
}

static struct text dump(struct arena *arena, const json_t *document)
{
    char *dumped = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
    if (!dumped)
        abort();
    struct text text = arena_text(arena, text_from(dumped));
    free(dumped);
    return text;
}

/* Who has a comment has said why. */
static void read_reason(struct request *request, struct response *response)
{
    struct text comment = body_text(request, "comment", response);
    if (comment.len == 0)
        request->job.reason = body_text_required(request, "reason", response);
    else
        request->job.reason = body_text(request, "reason", response);
}

static void read_window(struct request *request, struct text id, struct response *response)
{
    struct world_window_change *change = arena_new(&request->arena, struct world_window_change);
    struct overlay_window read = {0};
    struct findings findings = {0};
    json_t *document = document_of(request->body);
    uint32_t node_count = 0;
    read_reason(request, response);
    const struct text *nodes = body_texts(request, "nodes", &node_count, response);
    /* A list that is no list of texts is told of once. */
    if (nodes || !json_object_get(document, "nodes")) {
        if (!window_document_read(&request->arena, request->view->inventory, id, document, &read,
                                  &findings))
            take_findings(&findings, response);
    }
    *change = (struct world_window_change){.id = id, .body = dump(&request->arena, document)};
    request->job.kind = WORLD_WINDOW_PUT;
    request->job.window = change;
    request->job.nodes = nodes; /* of a scope */
    request->job.node_count = node_count;
    json_decref(document);
    findings_fini(&findings);
}

/* Whoever does not care for a name gets one. */
static struct text make_id(struct request *request)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        abort(); /* cannot happen for so few bytes once the pool is there */
    return text_from(
        arena_printf(&request->arena, "win-%012llx", (unsigned long long)random >> 16));
}

void windows_post(struct request *request, struct response *response)
{
    struct text id = body_text(request, "id", response);
    read_window(request, id.ptr ? id : make_id(request), response);
    ((struct world_window_change *)(uintptr_t)request->job.window)->is_new = true;
}

void window_put(struct request *request, struct response *response)
{
    struct window_view window;
    struct text id = body_text(request, "id", response);
    bool is_new = text_is(request->if_none_match, "*") && !request->if_match.ptr;
    if (!is_new &&
        (!window_find(request, &window, response) || !window_is_fresh(request, &window, response)))
        return;
    if (id.ptr && !text_equal(id, request->variables[0]))
        response_mistake(response, "/id", "conflict",
                         "a window keeps its name; make another one, and remove this one", NULL);
    read_window(request, request->variables[0], response);
    ((struct world_window_change *)(uintptr_t)request->job.window)->is_new = is_new;
}

void window_delete(struct request *request, struct response *response)
{
    struct window_view window;
    if (!window_find(request, &window, response) || !window_is_fresh(request, &window, response))
        return;
    struct world_window_change *change = arena_new(&request->arena, struct world_window_change);
    change->id = request->variables[0];
    request->job.kind = WORLD_WINDOW_REMOVE;
    request->job.window = change;
}

/* -- outcomes -----------------------------------------------------------------------------------
 */

/* As it was, and gone. */
static json_t *removed_json(struct request *request)
{
    struct window_view window;
    if (!window_view_find(request->view->plan, request->job.window->id, &window))
        return NULL;
    json_t *json = json_window(request->view->plan, &window);
    json_object_set_new(json, "status", json_pack("{s:s, s:n}", "state", "ended", "because"));
    json_object_set_new(json, "removed_at", json_view_time(request->now_ms));
    json_object_set_new(json, "next", json_array());
    return json;
}

void window_finish(struct request *request, const struct world_result *result,
                   struct response *response)
{
    bool is_made = request->job.kind == WORLD_WINDOW_PUT && request->job.window->is_new;
    if (handlers_failed(result, window_etag_prefix, response))
        return;
    struct json_scene scene = handlers_scene_after(request, result);
    struct window_view window;
    bool is_there = window_view_find(scene.plan, request->job.window->id, &window);
    json_t *body = is_there ? json_window(scene.plan, &window) : removed_json(request);
    if (!body) {
        response_problem(response, "internal", "the change is stored, but its view is not there");
        return;
    }
    handlers_add_plan(result, body);
    if (is_there && result->outcome != WORLD_DRY_RUN) {
        response_set_etag(response, window_etag_prefix, window_view_version(scene.plan, &window));
        if (is_made)
            response->location = arena_printf(&request->arena, "/api/v1/windows/%s",
                                              arena_cstr(&request->arena, window.declared->id));
    }
    response_take(response, handlers_status(result, is_made ? 201 : 200), body);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "srvplan/inventory_names.h"
#include "srvplan/report/report_json.h"
#include "zones/text.h"

#include <string.h>
#include <unistd.h>

struct json_scene handlers_scene(const struct request *request)
{
    return (struct json_scene){.view = request->view,
                               .plan = request->view->plan,
                               .now_ms = request->now_ms,
                               .pid = (int)getpid()};
}

struct json_scene handlers_scene_after(const struct request *request,
                                       const struct world_result *result)
{
    struct json_scene scene = handlers_scene(request);
    if (result->view) {
        scene.view = result->view;
        scene.plan = result->view->plan;
    }
    if (result->outcome == WORLD_DRY_RUN && result->plan)
        scene.plan = result->plan;
    return scene;
}

bool handlers_read_name(struct request *request, struct text text, const char *parameter,
                        struct name *name, struct response *response)
{
    struct text ascii;
    struct name_mistake mistake;
    struct error err = {0};
    if (!inventory_name_to_ascii(&request->arena, text, &ascii, &mistake))
        error_set(&err, ERROR_INVALID, "it has %s; %s", mistake.what, mistake.mend);
    else if (text_name_parse(&request->arena, ascii, name, &err))
        return true;
    if (parameter)
        response_problem(response, "unknown-parameter", "%s: %s", parameter, err.message);
    else
        response_problem(response, "not-found", "\"%.200s\" is no domain name: %s",
                         arena_cstr(&request->arena, text), err.message);
    return false;
}

unsigned handlers_status(const struct world_result *result, unsigned made)
{
    switch (result->outcome) {
    case WORLD_SERVED:
        return made;
    case WORLD_STORED:
        return 202;
    case WORLD_DRY_RUN:
        return 200;
    case WORLD_FAILED:
        break;
    }
    return 500;
}

/* The refusal that the error speaks of, which the plan may have beside older ones. */
static const struct plan_verdict *refusal_of(const struct world_result *result)
{
    const struct plan *plan = result->plan;
    for (uint32_t i = 0; i < plan->refusal_count; i++) {
        if (strcmp(plan->refusals[i].message, result->error.message) == 0)
            return &plan->refusals[i];
    }
    return &plan->refusals[0];
}

static void add_guards(const struct world_result *result, struct response *response)
{
    const struct plan *plan = result->plan;
    if (!plan || plan->refusal_count == 0)
        return;
    bool is_overridable = true;
    json_t *guards = json_array();
    for (uint32_t i = 0; i < plan->refusal_count; i++) {
        is_overridable = is_overridable && plan_guard_rows[plan->refusals[i].guard].is_overridable;
        json_array_append_new(guards, json_view_guard(plan, &plan->refusals[i]));
    }
    json_object_set_new(response->json, "overridable", json_boolean(is_overridable));
    json_object_set_new(response->json, "guard", json_view_guard(plan, refusal_of(result)));
    json_object_set_new(response->json, "guards", guards);
    json_object_set_new(response->json, "blocking", json_view_blocking(plan, refusal_of(result)));
}

bool handlers_failed(const struct world_result *result, const char *etag_prefix,
                     struct response *response)
{
    if (result->outcome != WORLD_FAILED)
        return false;
    const struct problem_kind *kind = problem_find(text_from(result->problem));
    /* The kind of the error says more than "unavailable" does. */
    if (!kind || result->error.kind == ERROR_NO_SPACE)
        kind = problem_of_error(result->error.kind);
    bool is_guard = strcmp(kind->name, "guard") == 0;
    if (is_guard && result->plan && result->plan->refusal_count &&
        refusal_of(result)->unit == PLAN_UNIT_PPB)
        kind = problem_find(text_from("capacity-guard"));
    if (strcmp(kind->name, "stale") == 0) {
        response_stale(response, etag_prefix, result->current_version);
        return true;
    }
    response_problem(response, kind->name, "%s", result->error.message);
    if (is_guard)
        add_guards(result, response);
    return true;
}

void handlers_add_plan(const struct world_result *result, json_t *body)
{
    if (result->outcome != WORLD_DRY_RUN || !result->plan)
        return;
    json_t *plan = json_object();
    json_object_set_new(plan, "changes",
                        result->diff ? report_diff_json(result->diff) : json_array());
    json_object_set_new(plan, "guards", report_guards_json(result->plan));
    json_object_set_new(body, "plan", plan);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/http/body.h"
#include "api/world/drain_change.h"

#include <string.h>

/* A drain's ETag is its version, in quotes and nothing more. */
static const char etag_prefix[] = "";

void drains_get(struct request *request, struct response *response)
{
    struct json_scene scene = handlers_scene(request);
    const struct world_view *view = request->view;
    struct text after = request_parameter_find(request, "after");
    bool is_all = request_flag(request, "all", response), has_more = false;
    uint32_t limit = request_limit(request, response);
    if (response->status)
        return;
    json_t *items = json_array();
    struct text last = {0};
    for (uint32_t i = 0; i < view->drain_count && !has_more; i++) {
        const struct world_drain *drain = &view->drains[i];
        if (after.ptr && text_compare(drain->row.id, after) <= 0)
            continue;
        if (!is_all && world_drain_is_over(drain))
            continue;
        has_more = json_array_size(items) == limit;
        if (has_more)
            break;
        json_array_append_new(items, json_view_drain(&scene, drain));
        last = drain->row.id;
    }
    response_take_list(request, response, items,
                       has_more ? arena_cstr(&request->arena, last) : NULL);
}

static const struct world_drain *drain_find(struct request *request, struct response *response)
{
    const struct world_drain *drain = json_view_find_drain(request->view, request->variables[0]);
    if (!drain)
        response_problem(response, "not-found", "there is no drain '%.100s'",
                         arena_cstr(&request->arena, request->variables[0]));
    return drain;
}

void drain_get(struct request *request, struct response *response)
{
    const struct world_drain *drain = drain_find(request, response);
    if (!drain)
        return;
    struct json_scene scene = handlers_scene(request);
    response_set_etag(response, etag_prefix, drain->row.version);
    response_take(response, 200, json_view_drain(&scene, drain));
    /* The state of an active drain moves with the clock while its version stays, so a client that
     * waits for "clear" must not be told that nothing changed. */
    if (!world_drain_is_over(drain))
        request->if_none_match = (struct text){0};
}

/* "node" or "nodes", one of both. */
static void nodes_read(struct request *request, struct response *response)
{
    struct text node = body_text(request, "node", response);
    uint32_t count = 0;
    const struct text *nodes = body_texts(request, "nodes", &count, response);
    if (nodes && node.ptr) {
        response_mistake(response, "/nodes", "conflict", "give \"node\" or \"nodes\", not both",
                         NULL);
    } else if (nodes) {
        request->job.nodes = nodes;
        request->job.node_count = count;
    } else if (node.ptr && node.len) {
        struct text *one = arena_new(&request->arena, struct text);
        *one = node;
        request->job.nodes = one;
        request->job.node_count = 1;
    } else if (!response->status || node.ptr) {
        response_mistake(response, "/node", "missing", "the id of a node must be there", NULL);
    }
}

static void end_read(struct request *request, struct response *response)
{
    int64_t until_ms = body_time_ms(request, "until", response);
    uint32_t for_s = 0;
    body_duration_s(request, "for", 1, &for_s, response);
    if (until_ms && for_s)
        response_mistake(response, "/for", "conflict", "give \"until\" or \"for\", not both", NULL);
    if (until_ms && until_ms <= request->now_ms)
        response_mistake(response, "/until", "wrong-value", "the time is over already", NULL);
    request->job.until_at_ms = until_ms;
    request->job.for_s = for_s;
}

static void mode_read(struct request *request, struct response *response)
{
    struct world_drain_how *how = &request->job.how;
    struct text mode = body_text(request, "mode", response);
    how->has_mode = mode.ptr && drain_mode_parse(mode, &how->mode);
    if (mode.ptr && !how->has_mode)
        response_mistake(response, "/mode", "wrong-value",
                         "expected \"remove\", \"demote\", \"weight\" or \"zero\"", "\"remove\"");
    how->has_to = body_ratio_ppb(request, "to", &how->to_ppb, response);
    if (how->has_to && how->has_mode && how->mode != DRAIN_WEIGHT)
        response_mistake(response, "/to", "conflict",
                         "only the mode \"weight\" leaves a part of the weight", NULL);
}

static void ramp_read(struct request *request, struct response *response)
{
    struct world_drain_how *how = &request->job.how;
    const json_t *steps = json_object_get(request->body, "steps");
    struct text lead = body_text(request, "lead", response);
    how->has_ramp = body_duration_s(request, "ramp", 0, &how->ramp_s, response);
    how->has_steps = json_is_integer(steps) && json_integer_value(steps) >= 1 &&
                     json_integer_value(steps) <= RAMP_STEPS_MAX;
    if (how->has_steps)
        how->ramp_steps = (uint32_t)json_integer_value(steps);
    else if (steps && !json_is_null(steps))
        response_mistake(response, "/steps", "wrong-value", "expected a whole number, 1 to 1000",
                         "4");
    how->has_lead = text_is(lead, "auto") || text_is(lead, "none");
    how->is_lead_auto = text_is(lead, "auto");
    if (lead.ptr && !how->has_lead)
        response_mistake(response, "/lead", "wrong-value", "expected \"auto\" or \"none\"",
                         "\"auto\"");
}

void drains_post(struct request *request, struct response *response)
{
    request->job.kind = WORLD_DRAIN_ADD;
    body_check_members(request->body, "",
                       "node nodes services mode to ramp steps lead until for reason override",
                       response);
    nodes_read(request, response);
    request->job.services = body_texts(request, "services", &request->job.service_count, response);
    request->job.reason = body_text_required(request, "reason", response);
    mode_read(request, response);
    ramp_read(request, response);
    end_read(request, response);
    body_override(request, response);
}

/* How the drain goes, and when, as the plan of the dry run has it. */
static void drain_take_plan(struct world_drain *drain, const struct plan *plan)
{
    const struct overlays *overlays = plan->input.overlays;
    for (uint32_t i = 0; i < overlays->drain_count; i++) {
        const struct overlay_drain *planned = &overlays->drains[i];
        if (!text_equal(planned->id, drain->row.id))
            continue;
        drain->row.mode = (int)planned->mode;
        drain->row.to_ppb = planned->to_ppb;
        drain->row.ramp_s = planned->ramp_s;
        drain->row.since_at_ms = planned->since_at_ms;
        drain->row.until_at_ms = planned->until_at_ms;
    }
    for (uint32_t i = 0; i < plan->hold_count; i++) {
        const struct plan_hold *hold = &plan->holds[i];
        if (hold->kind != PLAN_HOLD_DRAIN || !text_equal(hold->id, drain->row.id))
            continue;
        drain->has_timeline = true;
        drain->timeline = hold->timeline;
    }
}

/* The drain as it would be: what a dry run would have stored. */
static struct world_drain drain_imagine(struct request *request, const struct world_result *result,
                                        uint32_t index)
{
    const struct world_request *job = &request->job;
    char *services = arena_printf(&request->arena, "%s", "");
    for (uint32_t i = 0; i < job->service_count; i++) {
        if (text_is(job->services[i], "*")) {
            services = arena_printf(&request->arena, "%s", "");
            break;
        }
        services = arena_printf(&request->arena, "%s%s%s", services, i ? " " : "",
                                arena_cstr(&request->arena, job->services[i]));
    }
    struct world_drain drain = {.row = {.id = result->drain_ids[index],
                                        .node = job->nodes[index],
                                        .services = text_from(services),
                                        .actor = text_from(request->identity.actor),
                                        .reason = job->reason,
                                        .since_at_ms = request->now_ms,
                                        .version = 1}};
    if (job->is_override)
        drain.row.override_reason = job->override_reason;
    json_view_greatest_share(request->view->plan, drain.row.node, drain.row.services,
                             &drain.share_before_num, &drain.share_before_den);
    drain_take_plan(&drain, result->plan);
    return drain;
}

static json_t *drain_made_json(struct request *request, const struct world_result *result,
                               uint32_t index)
{
    struct json_scene scene = handlers_scene_after(request, result);
    if (result->outcome == WORLD_DRY_RUN) {
        struct world_drain drain = drain_imagine(request, result, index);
        return json_view_drain(&scene, &drain);
    }
    const struct world_drain *drain = json_view_find_drain(scene.view, result->drain_ids[index]);
    return drain ? json_view_drain(&scene, drain) : json_null();
}

bool handlers_are_withdrawn(const struct world_result *result)
{
    for (uint32_t i = 0; i < result->drain_id_count; i++) {
        const struct world_drain *drain = json_view_find_drain(result->view, result->drain_ids[i]);
        if (drain && drain->state < DRAIN_WITHDRAWN)
            return false;
    }
    return true;
}

void drains_post_finish(struct request *request, const struct world_result *result,
                        struct response *response)
{
    if (handlers_failed(result, etag_prefix, response))
        return;
    unsigned status = handlers_status(result, 201);
    if (result->outcome == WORLD_SERVED && !handlers_are_withdrawn(result))
        status = 202; /* a ramp has begun */
    bool is_list = json_is_array(json_object_get(request->body, "nodes"));
    json_t *body = NULL;
    if (is_list) {
        json_t *items = json_array();
        for (uint32_t i = 0; i < result->drain_id_count; i++)
            json_array_append_new(items, drain_made_json(request, result, i));
        body = json_pack("{s:o}", "items", items);
    } else if (result->drain_id_count) {
        body = drain_made_json(request, result, 0);
    }
    if (!json_is_object(body)) {
        json_decref(body);
        response_problem(response, "internal", "the drain is stored, but its view is not there");
        return;
    }
    handlers_add_plan(result, body);
    if (!is_list && result->outcome != WORLD_DRY_RUN) {
        const struct world_drain *drain = json_view_find_drain(result->view, result->drain_ids[0]);
        response_set_etag(response, etag_prefix, drain->row.version);
        response->location = arena_printf(&request->arena, "/api/v1/drains/%s",
                                          arena_cstr(&request->arena, drain->row.id));
    }
    response_take(response, status, body);
}

/* ---- PATCH ---- */

/* Which of abort, another end, none, or only a reason. */
static void change_read(struct request *request, struct world_drain_change *change,
                        struct response *response)
{
    const json_t *until = json_object_get(request->body, "until");
    const json_t *abort = json_object_get(request->body, "abort");
    end_read(request, response);
    if (json_is_null(until) && !request->job.for_s)
        change->end = DRAIN_END_NONE;
    else if (request->job.until_at_ms || request->job.for_s)
        change->end = DRAIN_END_ANOTHER;
    change->is_abort = json_is_true(abort);
    if (abort && !json_is_boolean(abort) && !json_is_null(abort))
        response_mistake(response, "/abort", "wrong-type", "expected true or false", "true");
    if (change->is_abort && change->end != DRAIN_END_AS_IT_IS)
        response_mistake(response, "/abort", "conflict",
                         "a drain that is given up has no end to come", NULL);
}

void drain_patch(struct request *request, struct response *response)
{
    const struct world_drain *drain = drain_find(request, response);
    struct world_drain_change *change = arena_new(&request->arena, struct world_drain_change);
    if (!drain)
        return;
    request->job.kind = WORLD_DRAIN_CHANGE;
    request->job.drain_id = request->variables[0];
    request->job.drain = change;
    if (!request_read_if_match(request, etag_prefix, response)) {
        response_stale(response, etag_prefix, drain->row.version);
        return;
    }
    body_check_members(request->body, "", "until for reason abort override", response);
    request->job.reason = body_text_required(request, "reason", response);
    change_read(request, change, response);
    body_override(request, response);
}

/* The drain as a dry run would have it. */
static void drain_take_change(struct world_drain *drain, const struct request *request,
                              const struct world_result *result)
{
    const struct world_request *job = &request->job;
    drain->row.reason = job->reason;
    if (job->drain->end == DRAIN_END_NONE)
        drain->row.until_at_ms = 0;
    if (job->is_override) {
        drain->row.override_reason = job->override_reason;
        drain->row.blocked_at_ms = 0;
        drain->row.blocked_because = (struct text){0};
    }
    drain_take_plan(drain, result->plan);
    if (!job->drain->is_abort)
        return;
    drain->row.ended_at_ms = request->now_ms;
    drain->row.is_aborted = true;
    drain->has_timeline = false;
    drain->state = DRAIN_ABORTED;
}

void drain_patch_finish(struct request *request, const struct world_result *result,
                        struct response *response)
{
    if (handlers_failed(result, etag_prefix, response))
        return;
    struct json_scene scene = handlers_scene_after(request, result);
    const struct world_drain *found = json_view_find_drain(scene.view, request->variables[0]);
    if (!found) {
        response_problem(response, "internal", "the drain is changed, but its view is not there");
        return;
    }
    struct world_drain drain = *found;
    if (result->outcome == WORLD_DRY_RUN)
        drain_take_change(&drain, request, result);
    else
        response_set_etag(response, etag_prefix, drain.row.version);
    json_t *body = json_view_drain(&scene, &drain);
    handlers_add_plan(result, body);
    response_take(response, handlers_status(result, 200), body);
}

/* ---- DELETE ---- */

void drain_delete(struct request *request, struct response *response)
{
    const struct world_drain *drain = drain_find(request, response);
    if (!drain)
        return;
    request->job.kind = WORLD_DRAIN_END;
    request->job.drain_id = request->variables[0];
    if (!request_read_if_match(request, etag_prefix, response))
        response_stale(response, etag_prefix, drain->row.version);
}

void drain_delete_finish(struct request *request, const struct world_result *result,
                         struct response *response)
{
    if (handlers_failed(result, etag_prefix, response))
        return;
    struct json_scene scene = handlers_scene_after(request, result);
    const struct world_drain *found = json_view_find_drain(scene.view, request->variables[0]);
    if (!found) {
        response_problem(response, "internal", "the drain is closed, but its view is not there");
        return;
    }
    struct world_drain drain = *found;
    if (result->outcome == WORLD_DRY_RUN) {
        drain.row.ended_at_ms = request->now_ms;
        drain.state = DRAIN_CLOSED;
    } else {
        response_set_etag(response, etag_prefix, drain.row.version);
    }
    json_t *body = json_view_drain(&scene, &drain);
    handlers_add_plan(result, body);
    response_take(response, handlers_status(result, 200), body);
}

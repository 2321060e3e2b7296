/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/http/body.h"
#include "api/http/hint.h"
#include "srvplan/report/report_explain_json.h"

enum {
    PERCENT_MAX = 1000
};
#define EXPLAIN_CLIENTS_MAX 1000000000000 /* as of `srvplan explain --clients` */

/* The node of the path; INVENTORY_NONE: the response is 404. */
static uint32_t node_find(struct request *request, struct response *response)
{
    uint32_t node = inventory_find_node(request->view->inventory, request->variables[0]);
    if (node == INVENTORY_NONE)
        response_problem(
            response, "unknown-node", "%s",
            hint_node(request->view->inventory, request->variables[0], &request->arena));
    return node;
}

void nodes_get(struct request *request, struct response *response)
{
    const struct inventory *inventory = request->view->inventory;
    struct json_scene scene = handlers_scene(request);
    struct text after = request_parameter_find(request, "after");
    uint32_t limit = request_limit(request, response), at = 0;
    if (response->status)
        return;
    json_t *items = json_array();
    while (after.ptr && at < inventory->node_count &&
           text_compare(inventory->nodes[at].id, after) <= 0)
        at++;
    for (; at < inventory->node_count && json_array_size(items) < limit; at++)
        json_array_append_new(items, json_view_node(&scene, at));
    char *next = NULL;
    if (at < inventory->node_count && at > 0)
        next = arena_cstr(&request->arena, inventory->nodes[at - 1].id);
    response_set_etag(response, "i", request->view->index);
    response_take_list(request, response, items, next);
}

/* The query of an explanation. False: the response has its problem. */
static bool explain_read(struct request *request, struct explain_question *question,
                         struct response *response)
{
    struct text set = request_parameter_find(request, "set");
    struct text clients = request_parameter_find(request, "clients");
    struct text order = request_parameter_find(request, "answer_order");
    struct simulate_pool pool;
    struct error err = {0};
    if (clients.ptr && !text_to_u64(clients, 1, EXPLAIN_CLIENTS_MAX, &question->clients))
        response_problem(response, "unknown-parameter", "clients must be a number from 1 to 10^12");
    if (order.ptr && !simulate_order_parse(order, &question->order))
        response_problem(response, "unknown-parameter",
                         "answer_order must be weighted, fixed or rotated");
    if (set.ptr && !simulate_pool_find(question->plan, set, &request->arena, &pool, &err))
        response_problem(response, "unknown-parameter", "set: %s", err.message);
    if (response->status)
        return false;
    if (set.ptr) {
        question->domain = pool.domain;
        question->service = pool.service;
    }
    return true;
}

/* The node with "explanation": set by set, who will not follow the plan, and what a drain would do.
 */
static void node_explain(struct request *request, uint32_t node, struct response *response)
{
    struct json_scene scene = handlers_scene(request);
    struct explain_question question = {
        .plan = scene.plan, .node = node, .domain = INVENTORY_NONE, .service = INVENTORY_NONE};
    struct error err = {0};
    if (!explain_read(request, &question, response))
        return;
    struct explanation *explanation = explain_node(&question, &err);
    if (!explanation) {
        response_problem(response, problem_of_error(err.kind)->name, "%s", err.message);
        return;
    }
    json_t *json = json_view_node(&scene, node);
    json_object_set_new(json, "explanation", report_explanation_json(explanation));
    explanation_free(explanation);
    response_set_etag(response, "n", world_node_version(request->view, node));
    response_take(response, 200, json);
    /* Shares and what guards would say move with other nodes, and the node's tag does not. */
    request->if_none_match = (struct text){0};
}

void node_get(struct request *request, struct response *response)
{
    uint32_t node = node_find(request, response);
    bool is_explained = request_flag(request, "explain", response);
    if (node == INVENTORY_NONE || response->status)
        return;
    if (is_explained) {
        node_explain(request, node, response);
        return;
    }
    struct json_scene scene = handlers_scene(request);
    response_set_etag(response, "n", world_node_version(request->view, node));
    response_take(response, 200, json_view_node(&scene, node));
}

/* The node and If-Match of a change into the job. */
static bool weight_job(struct request *request, enum world_job_kind kind, struct response *response)
{
    uint32_t node = node_find(request, response);
    if (node == INVENTORY_NONE)
        return false;
    request->job.kind = kind;
    request->job.nodes = &request->variables[0];
    request->job.node_count = 1;
    if (request_read_if_match(request, "n", response))
        return true;
    response_stale(response, "n", world_node_version(request->view, node));
    return false;
}

/* "50%", "+10", "-10" */
static bool weight_text_parse(struct text text, struct world_request *job)
{
    uint64_t number = 0;
    if (text.len > 1 && text.ptr[text.len - 1] == '%') {
        job->weight_form = WEIGHT_PERCENT;
        text.len--;
        if (!text_to_u64(text, 0, PERCENT_MAX, &number))
            return false;
        job->weight_value = (int32_t)number;
        return true;
    }
    bool is_minus = text_starts_with(text, "-");
    if (!is_minus && !text_starts_with(text, "+"))
        return false;
    job->weight_form = WEIGHT_ADD;
    if (!text_to_u64((struct text){text.ptr + 1, text.len - 1}, 0, UINT16_MAX, &number))
        return false;
    job->weight_value = is_minus ? -(int32_t)number : (int32_t)number;
    return true;
}

static void weight_value_read(struct request *request, struct response *response)
{
    const json_t *weight = json_object_get(request->body, "weight");
    struct world_request *job = &request->job;
    if (!weight || json_is_null(weight)) {
        response_mistake(response, "/weight", "missing", "this member must be there", NULL);
        return;
    }
    if (json_is_integer(weight)) {
        json_int_t number = json_integer_value(weight);
        job->weight_form = WEIGHT_ABSOLUTE;
        job->weight_value = (int32_t)number;
        if (number >= 0 && number <= UINT16_MAX)
            return;
    } else if (json_is_string(weight)) {
        struct text text = {json_string_value(weight), json_string_length(weight)};
        if (weight_text_parse(text, job))
            return;
    }
    response_mistake(response, "/weight", "wrong-value",
                     "expected a whole number from 0 to 65535, or a text: \"50%\" (at most "
                     "1000%), \"+10\" or \"-10\"",
                     "\"50%\"");
}

static void weight_read(struct request *request, const char *members, struct response *response)
{
    body_check_members(request->body, "", members, response);
    weight_value_read(request, response);
    request->job.services = body_texts(request, "services", &request->job.service_count, response);
    request->job.reason = body_text_required(request, "reason", response);
    body_duration_s(request, "expires_in", 1, &request->job.for_s, response);
}

void node_weight_put(struct request *request, struct response *response)
{
    if (weight_job(request, WORLD_WEIGHT_PUT, response))
        weight_read(request, "weight services reason expires_in", response);
}

void node_weight_wish(struct request *request, struct response *response)
{
    struct text *node = arena_new(&request->arena, struct text);
    *node = body_text_required(request, "node", response);
    request->job.nodes = node;
    request->job.node_count = 1;
    weight_read(request, "node weight services reason expires_in", response);
}

void node_weight_delete(struct request *request, struct response *response)
{
    if (!weight_job(request, WORLD_WEIGHT_REMOVE, response))
        return;
    for (size_t i = 0; i < request->parameter_count; i++) {
        if (!text_is(request->parameters[i].key, "service"))
            continue;
        request->job.services = &request->parameters[i].value;
        request->job.service_count = 1;
    }
}

void node_weight_finish(struct request *request, const struct world_result *result,
                        struct response *response)
{
    if (handlers_failed(result, "n", response))
        return;
    struct json_scene scene = handlers_scene_after(request, result);
    uint32_t node = inventory_find_node(scene.plan->input.layout->inventory, request->variables[0]);
    if (node == INVENTORY_NONE) { /* a reload took it away right behind the job */
        response_problem(response, "unknown-node", "the node has left the inventory");
        return;
    }
    json_t *body = json_view_node(&scene, node);
    handlers_add_plan(result, body);
    if (result->outcome != WORLD_DRY_RUN)
        response_set_etag(response, "n", world_node_version(scene.view, node));
    response_take(response, handlers_status(result, 200), body);
}

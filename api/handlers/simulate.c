/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /simulate: where each kind of client goes, now or at another instant; nothing is changed. */
#include "api/handlers/handlers.h"

#include "api/http/body.h"
#include "api/http/hint.h"
#include "api/view/json_catalog.h"
#include "srvplan/decay.h"
#include "srvplan/duration.h"
#include "srvplan/inventory_names.h"
#include "srvplan/nearest.h"
#include "srvplan/report/report_simulate_json.h"
#include "srvplan/simulate_draw.h"
#include "zones/base/clock.h"
#include "zones/text.h"

#include <stdlib.h>

enum {
    MODELS_MAX = 32,
    AHEAD_MAX_S = 10 * 366 * 24 * 3600, /* who plans further ahead gives an instant */
};
#define CLIENTS_MAX 1000000000000 /* as of `srvplan simulate --clients` */

/* What is asked, as read from the body; the question borrows it. */
struct asked {
    struct plan *plan; /* of another instant, owned; NULL: the one in force */
    struct simulation_question question;
    uint32_t cache_ttl_cap_s; /* 0: none */
    bool has_seed;
    uint64_t seed;
};

static json_int_t number_read(struct request *request, const char *key, json_int_t most,
                              struct response *response)
{
    const json_t *value = json_object_get(request->body, key);
    if (!value || json_is_null(value))
        return -1;
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number >= 0 && number <= most)
        return number;
    response_mistake(
        response, arena_printf(&request->arena, "/%s", key), "wrong-value",
        arena_printf(&request->arena, "expected a whole number, 0 to %lld", (long long)most), NULL);
    return -1;
}

/* -- when ----------------------------------------------------------------------------------------
 */

/* "2026-12-06T01:17:30Z", or "+10m": from now. */
static bool at_read(struct request *request, int64_t *at_ms, struct response *response)
{
    struct text at = body_text(request, "at", response);
    uint32_t ahead_s;
    struct error err = {0};
    if (!at.ptr)
        return false;
    if (at.len > 1 && at.ptr[0] == '+' &&
        duration_parse((struct text){at.ptr + 1, at.len - 1}, AHEAD_MAX_S, &ahead_s, &err)) {
        *at_ms = request->now_ms + (int64_t)ahead_s * 1000;
        return true;
    }
    if (clock_parse(at, at_ms))
        return true;
    response_mistake(response, "/at", "wrong-value",
                     "expected an instant as 2026-12-06T01:17:30Z, or a time from now as +10m",
                     "\"+10m\"");
    return false;
}

/* -- where ---------------------------------------------------------------------------------------
 */

static bool domain_read(struct request *request, const struct inventory *inventory,
                        uint32_t *domain, struct response *response)
{
    struct text text = body_text_required(request, "domain", response), ascii;
    struct name_mistake mistake;
    struct error err = {0};
    struct name name;
    if (!text.ptr)
        return false;
    if (!inventory_name_to_ascii(&request->arena, text, &ascii, &mistake) ||
        !text_name_parse(&request->arena, ascii, &name, &err)) {
        response_mistake(response, "/domain", "wrong-value", "expected the name of a domain", NULL);
        return false;
    }
    *domain = json_catalog_domain_from(inventory, name);
    if (*domain < inventory->domain_count && name_equal(inventory->domains[*domain].name, name))
        return true;
    response_mistake(response, "/domain", "unknown", hint_domain(inventory, text, &request->arena),
                     NULL);
    return false;
}

static void pool_read(struct request *request, struct asked *asked, struct response *response)
{
    const struct plan *plan = asked->question.plan;
    const struct inventory *inventory = plan->input.layout->inventory;
    struct simulate_pool *pool = &asked->question.pool;
    struct text service = body_text_required(request, "service", response);
    struct error err = {0};
    uint32_t domain;
    if (!domain_read(request, inventory, &domain, response) || !service.ptr)
        return;
    *pool = (struct simulate_pool){
        .plan = plan, .domain = domain, .service = inventory_find_service(inventory, service)};
    if (pool->service == INVENTORY_NONE)
        response_mistake(response, "/service", "unknown",
                         hint_service(inventory, service, &request->arena), NULL);
    else if (!simulate_pool_of(pool, &request->arena, &err))
        response_mistake(response, "/service", "unknown", err.message, NULL);
    else if (pool->target_count == 0)
        response_mistake(response, "/service", "empty",
                         "nothing is published there, so no client goes anywhere", NULL);
}

static void down_read(struct request *request, struct asked *asked, struct response *response)
{
    struct simulate_pool *pool = &asked->question.pool;
    uint32_t count = 0;
    const struct text *down = body_texts(request, "down", &count, response);
    if (response->status || !down)
        return;
    bool *is_down = arena_array(&request->arena, bool, pool->node_count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = inventory_find_node(pool->plan->input.layout->inventory, down[i]);
        uint32_t at = node == INVENTORY_NONE ? node : simulate_node_find(pool, node);
        if (at != INVENTORY_NONE) {
            is_down[at] = true;
            continue;
        }
        response_mistake(response, arena_printf(&request->arena, "/down/%u", i), "unknown",
                         node == INVENTORY_NONE ? hint_node(pool->plan->input.layout->inventory,
                                                            down[i], &request->arena)
                                                : "the node has no record there; leave it away",
                         NULL);
    }
    asked->question.is_down = is_down;
}

/* -- who -----------------------------------------------------------------------------------------
 */

/* Names that say what is meant, beside the ids of the models. */
static const struct client_model *model_find(struct text id)
{
    if (text_is(id, "first"))
        id = text_from("answer-order");
    else if (text_is(id, "mixed-0368")) /* what XEP-0368 asks for */
        id = text_from("plackett-luce");
    return client_model_find(id);
}

static void model_add(struct request *request, struct asked *asked, const char *pointer,
                      const json_t *value, struct response *response)
{
    struct simulation_question *question = &asked->question;
    struct text id = {json_string_value(value), json_string_length(value)};
    const struct client_model *model = id.ptr ? model_find(id) : NULL;
    if (model && question->model_count < MODELS_MAX) {
        question->models[question->model_count++] = model;
        return;
    }
    struct nearest nearest = nearest_to(id.ptr ? id : text_from(""));
    const char *all = "first, mixed-0368";
    for (size_t i = 0; i < client_model_count; i++) {
        nearest_consider(&nearest, text_from(client_models[i].id));
        all = arena_printf(&request->arena, "%s, %s", all, client_models[i].id);
    }
    response_mistake(response, pointer, "unknown",
                     arena_printf(&request->arena, "expected a model: %s", all),
                     nearest.best.len ? arena_cstr(&request->arena, nearest.best) : NULL);
}

static void models_read(struct request *request, struct asked *asked, struct response *response)
{
    const json_t *value = json_object_get(request->body, "model"), *item;
    size_t i;
    if (!value || json_is_null(value))
        return;
    asked->question.models = arena_array(&request->arena, const struct client_model *, MODELS_MAX);
    if (!json_is_array(value))
        model_add(request, asked, "/model", value, response);
    json_array_foreach(value, i, item)
    {
        if (i < MODELS_MAX)
            model_add(request, asked, arena_printf(&request->arena, "/model/%zu", i), item,
                      response);
    }
    if (json_is_array(value) && json_array_size(value) == 0)
        response_mistake(response, "/model", "wrong-value", "expected one model or more", NULL);
}

static void crowd_read(struct request *request, struct asked *asked, struct response *response)
{
    json_int_t clients = number_read(request, "clients", CLIENTS_MAX, response);
    json_int_t seed = number_read(request, "seed", INT64_MAX, response);
    uint32_t cap_s = 0;
    if (body_duration_s(request, "cache_ttl_cap", 1, &cap_s, response))
        asked->cache_ttl_cap_s = cap_s;
    asked->question.clients = clients > 0 ? (uint64_t)clients : 0;
    asked->has_seed = seed >= 0;
    asked->seed = seed >= 0 ? (uint64_t)seed : 0;
    if (asked->has_seed && (clients < 1 || clients > SIMULATE_DRAW_MAX))
        response_mistake(response, "/clients", "wrong-value",
                         "with a seed, clients are drawn one by one: expected 1 to 1000000",
                         "1000");
}

static void order_read(struct request *request, struct asked *asked, struct response *response)
{
    struct text order = body_text(request, "answer_order", response);
    const json_t *positions = json_object_get(request->body, "positions");
    if (order.ptr && !simulate_order_parse(order, &asked->question.order))
        response_mistake(response, "/answer_order", "wrong-value",
                         "expected \"weighted\", \"fixed\" or \"rotated\"", "\"weighted\"");
    if (positions && !json_is_boolean(positions) && !json_is_null(positions))
        response_mistake(response, "/positions", "wrong-type", "expected true or false", NULL);
    asked->question.with_positions = json_is_true(positions);
}

/* -- answers -------------------------------------------------------------------------------------
 */

/* What the TTL of a record comes to in a cache that keeps nothing longer than the cap. */
static uint32_t capped(uint32_t ttl_s, uint32_t cap_s)
{
    return cap_s && cap_s < ttl_s ? cap_s : ttl_s;
}

static json_t *cache_json(const struct asked *asked, const struct plan_hold *hold)
{
    static const char *const kinds[] = {
        [PLAN_HOLD_DRAIN] = "drain", [PLAN_HOLD_WINDOW] = "window", [PLAN_HOLD_STATE] = "state"};
    const struct plan *plan = asked->question.plan;
    const struct inventory *inventory = plan->input.layout->inventory;
    const struct timeline *timeline = &hold->timeline;
    bool is_lowered = timeline->lower_at_ms != TIMELINE_NEVER;
    uint32_t cap_s = asked->cache_ttl_cap_s;
    struct decay decay = {
        .ttl_s = capped(is_lowered ? hold->ttls.drain_ttl_s : hold->ttls.ttl_s, cap_s),
        .ttl_before_s = is_lowered ? capped(hold->ttls.ttl_s, cap_s) : 0,
        .lowered_s =
            is_lowered ? (uint32_t)((timeline->withdrawn_at_ms - timeline->lower_at_ms) / 1000) : 0,
        .resolvers = inventory->policy.resolvers,
        .resolver_count = cap_s ? 0 : inventory->policy.resolver_count,
    };
    double after_s = (double)(plan->input.at_ms - timeline->withdrawn_at_ms) / 1000;
    json_t *json = json_object();
    json_object_set_new(json, "node", json_view_text(inventory->nodes[hold->node].id));
    json_object_set_new(json, "kind", json_string(kinds[hold->kind]));
    json_object_set_new(json, "id", json_view_text(hold->id));
    json_object_set_new(json, "withdrawn_at", json_view_time(timeline->withdrawn_at_ms));
    json_object_set_new(json, "cached_fraction", json_real(decay_stale(&decay, after_s)));
    return json;
}

/* Nodes that are out, and may be in caches still. */
static json_t *caches_json(const struct asked *asked)
{
    const struct plan *plan = asked->question.plan;
    const struct simulate_pool *pool = &asked->question.pool;
    json_t *list = json_array();
    for (uint32_t i = 0; i < plan->hold_count; i++) {
        const struct plan_hold *hold = &plan->holds[i];
        bool covers = !hold->services;
        for (uint32_t s = 0; s < pool->service_count && !covers; s++)
            covers = hold->services[pool->services[s]];
        if (covers && hold->state == TIMELINE_WITHDRAWN && hold->kind != PLAN_HOLD_STATE)
            json_array_append_new(list, cache_json(asked, hold));
    }
    return list;
}

static json_t *sample_json(const struct asked *asked, const struct simulation *simulation)
{
    const struct simulate_pool *pool = simulation->pool;
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    bool is_one_model = asked->question.model_count == 1;
    const struct rational *shares =
        is_one_model ? simulation->models[0].reached : simulation->merged_reached.shares;
    struct arena arena = {0};
    uint64_t *counts = arena_array(&arena, uint64_t, pool->node_count);
    uint64_t lost =
        simulate_draw(shares, pool->node_count, asked->question.clients, asked->seed, counts);
    json_t *json = json_object(), *by_node = json_object();
    for (uint32_t i = 0; i < pool->node_count; i++)
        json_object_set_new(by_node, arena_cstr(&arena, inventory->nodes[pool->nodes[i]].id),
                            json_integer((json_int_t)counts[i]));
    json_object_set_new(json, "seed", json_integer((json_int_t)asked->seed));
    json_object_set_new(json, "clients", json_integer((json_int_t)asked->question.clients));
    json_object_set_new(json, "of",
                        json_string(is_one_model ? simulation->models[0].model->id : "audience"));
    json_object_set_new(json, "counts", by_node);
    json_object_set_new(json, "lost", json_integer((json_int_t)lost));
    arena_fini(&arena);
    return json;
}

static void simulate(const struct asked *asked, struct response *response)
{
    struct error err = {0};
    struct simulation *simulation = simulation_run(&asked->question, &err);
    if (!simulation) {
        response_problem(response, problem_of_error(err.kind)->name, "%s", err.message);
        return;
    }
    json_t *json = report_simulation_json(simulation);
    json_object_set_new(json, "caches", caches_json(asked));
    json_object_set_new(json, "sample",
                        asked->has_seed ? sample_json(asked, simulation) : json_null());
    simulation_free(simulation);
    response_take(response, 200, json);
}

void simulate_post(struct request *request, struct response *response)
{
    const struct world_view *view = request->view;
    struct asked asked = {.question = {.plan = view->plan, .only_outage = INVENTORY_NONE}};
    int64_t at_ms;
    body_check_members(request->body, "",
                       "domain service clients model down at cache_ttl_cap seed answer_order "
                       "positions",
                       response);
    if (at_read(request, &at_ms, response)) {
        struct plan_input input = {
            .layout = view->layout, .overlays = &view->overlays, .at_ms = at_ms};
        asked.question.plan = asked.plan = plan_compute(&input);
    }
    pool_read(request, &asked, response);
    models_read(request, &asked, response);
    crowd_read(request, &asked, response);
    order_read(request, &asked, response);
    if (!response->status)
        down_read(request, &asked, response);
    if (!response->status)
        simulate(&asked, response);
    plan_free(asked.plan);
}

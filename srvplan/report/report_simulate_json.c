/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_simulate_json.h"

#include "srvplan/report/report_json.h"
#include "srvplan/report/report_numbers.h"
#include "zones/text.h"

#include <math.h>
#include <stdlib.h>

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value ? value : json_null()) != 0)
        abort(); /* without memory */
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        abort();
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *string_or_null(const char *string)
{
    return string ? json_string(string) : json_null();
}

static json_t *exact(struct rational value)
{
    struct arena arena = {0};
    json_t *text = json_string(rational_print(value, &arena));
    arena_fini(&arena);
    return text;
}

static struct text node_id(const struct simulate_pool *pool, uint32_t node)
{
    return pool->plan->input.layout->inventory->nodes[pool->nodes[node]].id;
}

static json_t *node_json(const struct simulate_pool *pool, uint32_t node)
{
    struct text id = node_id(pool, node);
    return json_stringn(id.ptr, id.len);
}

/* Adds under the id of a node; ids are short. */
static void put_node(json_t *object, const struct simulate_pool *pool, uint32_t node, json_t *value)
{
    struct arena arena = {0};
    put(object, arena_cstr(&arena, node_id(pool, node)), value);
    arena_fini(&arena);
}

/* Whether the node has a record for the service that was asked for. */
static bool is_in_set(const struct simulate_pool *pool, uint32_t node)
{
    for (uint32_t i = 0; i < pool->target_count; i++)
        if (pool->target_node[i] == node &&
            pool->services[pool->target_service[i]] == pool->service)
            return true;
    return false;
}

json_t *report_shares_json(const struct simulate_pool *pool, const struct rational *shares)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < pool->node_count; i++)
        put_node(object, pool, i, exact(shares[i]));
    return object;
}

static json_t *ratios_json(const struct simulate_pool *pool, const struct rational *values)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < pool->node_count; i++)
        put_node(object, pool, i, json_real(rational_to_double(values[i])));
    return object;
}

json_t *report_line_json(const struct simulate_pool *pool, const struct simulation_line *line)
{
    json_t *object = json_object(), *worst = json_object();
    put(worst, "node", node_json(pool, line->worst));
    put(worst, "load", json_real(rational_to_double(line->loads[line->worst])));
    put(object, "shares", report_shares_json(pool, line->shares));
    put(object, "ratios", ratios_json(pool, line->shares));
    put(object, "loads", ratios_json(pool, line->loads));
    put(object, "worst", worst);
    put(object, "lost", exact(line->lost));
    return object;
}

/* -- what was asked -----------------------------------------------------------------------------
 */

static json_t *name_json(struct name name)
{
    struct arena arena = {0};
    json_t *text = json_string(text_name_print(&arena, name));
    arena_fini(&arena);
    return text;
}

static json_t *service_json(const struct simulate_pool *pool, uint32_t service)
{
    struct text id = pool->plan->input.layout->inventory->services[service].id;
    return json_stringn(id.ptr, id.len);
}

static json_t *targets_json(const struct simulation *simulation)
{
    const struct simulate_pool *pool = simulation->pool;
    json_t *array = json_array();
    for (uint32_t i = 0; i < pool->target_count; i++) {
        const struct share_target *target = &pool->targets[i];
        const bool *is_down = simulation->question.is_down;
        json_t *object = json_object();
        put(object, "node", node_json(pool, pool->target_node[i]));
        put(object, "service", service_json(pool, pool->services[pool->target_service[i]]));
        put(object, "priority", json_integer(target->priority));
        put(object, "weight", json_integer(target->weight));
        put(object, "port", json_integer(target->port));
        put(object, "target", name_json(target->host));
        put(object, "down", json_boolean(is_down && is_down[pool->target_node[i]]));
        append(array, object);
    }
    return array;
}

static void put_question(json_t *object, const struct simulation *simulation)
{
    const struct simulate_pool *pool = simulation->pool;
    const struct plan *plan = simulation->question.plan;
    json_t *services = json_array(), *down = json_array();
    for (uint32_t i = 0; i < pool->service_count; i++)
        append(services, service_json(pool, pool->services[i]));
    for (uint32_t i = 0; simulation->has_down && i < pool->node_count; i++)
        if (simulation->question.is_down[i])
            append(down, node_json(pool, i));
    put(object, "domain", name_json(plan->input.layout->inventory->domains[pool->domain].name));
    put(object, "service", service_json(pool, pool->service));
    put(object, "pool", services);
    put(object, "at", report_time_json(plan->input.at_ms));
    put(object, "ttl", json_integer(plan->sets[pool->set].ttl_s));
    put(object, "answer_order", json_string(simulate_order_print(simulation->question.order)));
    put(object, "down", down);
    put(object, "clients_total",
        simulation->question.clients ? json_integer((json_int_t)simulation->question.clients)
                                     : json_null());
    put(object, "targets", targets_json(simulation));
}

/* -- models and clients -------------------------------------------------------------------------
 */

/* Of the nodes in the asked set alone. */
static json_t *set_shares_json(const struct simulate_pool *pool, const struct rational *shares)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < pool->node_count; i++)
        if (is_in_set(pool, i))
            put_node(object, pool, i, exact(shares[i]));
    return object;
}

static json_t *positions_json(const struct simulate_pool *pool, const struct rational *positions)
{
    uint32_t in_set = 0;
    json_t *object = json_object();
    if (!positions) {
        json_decref(object);
        return json_null();
    }
    for (uint32_t i = 0; i < pool->node_count; i++)
        in_set += is_in_set(pool, i);
    for (uint32_t i = 0; i < pool->node_count; i++) {
        if (!is_in_set(pool, i))
            continue;
        json_t *array = json_array();
        for (uint32_t k = 0; k < in_set; k++)
            append(array, exact(positions[(size_t)i * pool->node_count + k]));
        put_node(object, pool, i, array);
    }
    return object;
}

static void put_models(json_t *object, const struct simulation *simulation)
{
    json_t *first = json_object(), *tried = json_object(), *order = json_object();
    for (uint32_t i = 0; i < simulation->model_count; i++) {
        const struct simulation_model *model = &simulation->models[i];
        put(first, model->model->id, set_shares_json(simulation->pool, model->reached));
        put(tried, model->model->id, set_shares_json(simulation->pool, model->tried));
        put(order, model->model->id, positions_json(simulation->pool, model->positions));
    }
    put(object, "first_choice", first);
    put(object, "first_tried", tried);
    put(object, "failover", order);
}

json_t *report_client_json(const struct simulate_pool *pool, const struct simulation_client *client,
                           bool has_down)
{
    const struct audience_part *who = &client->who;
    const struct client_profile *profile = who->profile;
    struct arena arena = {0};
    json_t *object = json_object();
    put(object, "id", json_stringn(who->name.ptr, who->name.len));
    put(object, "name", json_string(client_name(who, &arena)));
    put(object, "part", json_real((double)who->part_ppb / RATIO_ONE));
    put(object, "rest", json_boolean(who->is_rest));
    put(object, "model", json_string(audience_part_model(who)));
    put(object, "merge", json_string(share_merge_print(who->merge)));
    put(object, "shares", report_shares_json(pool, client->reached));
    put(object, "ratios", ratios_json(pool, client->reached));
    if (has_down) {
        put(object, "first_tried", report_shares_json(pool, client->tried));
        put(object, "dead_tried", json_real(rational_to_double(client->dead_tried)));
        put(object, "delay_s", client->delay_s > 0 ? json_real(client->delay_s) : NULL);
    }
    if (profile) {
        put(object, "source", json_string(profile->source));
        put(object, "note", string_or_null(profile->note));
        put(object, "apex_port", profile->apex_port ? json_integer(profile->apex_port) : NULL);
        put(object, "one_shot", json_boolean(profile->is_one_shot));
        put(object, "timeout_ms", profile->timeout_ms ? json_integer(profile->timeout_ms) : NULL);
        put(object, "cache_s", profile->cache_s ? json_integer(profile->cache_s) : NULL);
        put(object, "stores_answers", json_boolean(profile->is_stored));
        put(object, "returns_to_location", json_boolean(profile->has_location));
    }
    arena_fini(&arena);
    return object;
}

static json_t *clients_json(const struct simulation *simulation)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < simulation->client_count; i++)
        append(array,
               report_client_json(simulation->pool, &simulation->clients[i], simulation->has_down));
    return array;
}

/* -- N-1 and time -------------------------------------------------------------------------------
 */

static json_t *outages_json(const struct simulation *simulation)
{
    const struct simulate_pool *pool = simulation->pool;
    json_t *array = json_array();
    for (uint32_t i = 0; i < pool->node_count; i++) {
        const struct simulation_outage *outage = &simulation->outages[i];
        if (!outage->is_known)
            continue;
        json_t *object = json_object();
        put(object, "node", node_json(pool, i));
        put(object, "last", json_boolean(outage->is_last));
        put(object, "ideal", report_line_json(pool, &outage->ideal));
        put(object, "audience", report_line_json(pool, &outage->audience));
        put(object, "withdrawn", report_line_json(pool, &outage->withdrawn));
        put(object, "dead_tried", json_real(rational_to_double(outage->audience.dead_tried)));
        put(object, "dead_tried_ideal", json_real(rational_to_double(outage->ideal.dead_tried)));
        append(array, object);
    }
    return array;
}

enum {
    CURVE_POINTS = 24
};

static json_t *curve_json(const struct forecast_curve *curve)
{
    json_t *object = json_object(), *points = json_array();
    for (int i = 0; i <= CURVE_POINTS; i++) {
        double after_s = curve->end_s * i / CURVE_POINTS;
        json_t *point = json_array();
        append(point, json_real(after_s));
        append(point, json_real(decay_stale(&curve->decay, after_s)));
        append(points, point);
    }
    put(object, "id", json_string(curve->id));
    put(object, "label", json_string(curve->label));
    put(object, "clean_after_s", number(curve->end_s));
    put(object, "safe_after_s", number(curve->safe_s));
    put(object, "connections_s", number(curve->area_s));
    put(object, "points", points);
    return object;
}

static json_t *decay_json(const struct forecast *forecast)
{
    json_t *object = json_object(), *curves = json_array(), *ttls = json_array();
    for (uint32_t i = 0; i < forecast->curve_count; i++)
        append(curves, curve_json(&forecast->curves[i]));
    for (uint32_t i = 0; i < forecast->ttl_count; i++) {
        const struct forecast_ttl *ttl = &forecast->ttls[i];
        json_t *row = json_object();
        put(row, "ttl", json_integer(ttl->ttl_s));
        put(row, "present", json_boolean(ttl->is_present));
        put(row, "drain", json_boolean(ttl->is_drain));
        put(row, "safe_after_s", number(ttl->safe_s));
        put(row, "connections_s", number(ttl->area_s));
        put(row, "queries_per_s", number(ttl->queries_per_s));
        append(ttls, row);
    }
    put(object, "curves", curves);
    put(object, "resolver_profile_assumed", json_boolean(forecast->is_profile_assumed));
    put(object, "ttls", ttls);
    put(object, "lookups_per_s", number(forecast->lookups_per_s));
    put(object, "stored_part", number(forecast->stored_ppb / RATIO_ONE));
    put(object, "location_part", number(forecast->located_ppb / RATIO_ONE));
    return object;
}

static json_t *drain_json(const struct simulation *simulation, uint32_t node)
{
    const struct forecast_drain *drain = &simulation->forecast.drains[node];
    bool is_known = simulation->question.clients > 0;
    json_t *object = json_object();
    put(object, "node", node_json(simulation->pool, node));
    put(object, "sessions", is_known ? number(drain->sessions) : NULL);
    put(object, "kick_per_s", drain->has_pace ? number(drain->pace_per_s) : NULL);
    put(object, "evict_s", drain->has_pace && is_known ? number(drain->evict_s) : NULL);
    put(object, "return_share", number(drain->return_share));
    return object;
}

static json_t *sessions_json(const struct simulation *simulation)
{
    static const double fractions[] = {0.5, 0.1, 0.01};
    static const double hours[] = {1, 4, 12, 24, 48, 72, 168};
    const struct forecast *forecast = &simulation->forecast;
    json_t *object = json_object(), *left = json_array(), *drains = json_array();
    json_t *after = json_array();
    for (size_t i = 0; i < COUNT_OF(fractions); i++)
        append(after, json_pack("{s:f,s:f}", "left", fractions[i], "after_s",
                                sessions_left_after_s(forecast->mean_life_s, fractions[i])));
    for (size_t i = 0; i < COUNT_OF(hours); i++)
        append(left, json_pack("{s:f,s:f}", "after_s", hours[i] * 3600, "left",
                               sessions_during_drain(&forecast->curves[0].decay,
                                                     forecast->mean_life_s, hours[i] * 3600)));
    for (uint32_t i = 0; i < simulation->pool->node_count; i++)
        if (simulation->outages[i].is_known)
            append(drains, drain_json(simulation, i));
    put(object, "mean_life_s", number(forecast->mean_life_s));
    put(object, "mean_life_assumed", json_boolean(forecast->is_life_assumed));
    put(object, "logins_per_s",
        simulation->question.clients ? number(forecast->arrivals_per_s) : NULL);
    put(object, "attrition", after);
    put(object, "left", left);
    put(object, "drains", drains);
    return object;
}

json_t *report_simulation_json(const struct simulation *simulation)
{
    const struct simulate_pool *pool = simulation->pool;
    json_t *object = json_object();
    put_question(object, simulation);
    put_models(object, simulation);
    put(object, "ideal", report_line_json(pool, &simulation->ideal_reached));
    put(object, "audience", report_line_json(pool, &simulation->merged_reached));
    put(object, "audience_declared", json_boolean(simulation->audience.is_declared));
    if (simulation->has_down) {
        put(object, "ideal_published", report_line_json(pool, &simulation->ideal));
        put(object, "audience_published", report_line_json(pool, &simulation->merged));
    }
    put(object, "clients", clients_json(simulation));
    put(object, "n_minus_1", outages_json(simulation));
    put(object, "decay", decay_json(&simulation->forecast));
    put(object, "sessions", sessions_json(simulation));
    return object;
}

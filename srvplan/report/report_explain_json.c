/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_explain_json.h"

#include "srvplan/report/report_json.h"
#include "srvplan/report/report_simulate_json.h"
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

static json_t *text_json(struct text text)
{
    return json_stringn(text.ptr, text.len);
}

static struct text node_id(const struct simulate_pool *pool, uint32_t node)
{
    return pool->plan->input.layout->inventory->nodes[pool->nodes[node]].id;
}

/* -- explain ------------------------------------------------------------------------------------
 */

static json_t *culprits_json(const struct explain_set *set)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < set->culprit_count; i++) {
        const struct simulation_client *client = set->culprits[i].client;
        const struct rational share = client->tried[set->position];
        json_t *object = json_object();
        put(object, "client", text_json(client->who.name));
        put(object, "part", json_real((double)client->who.part_ppb / RATIO_ONE));
        put(object, "model", json_string(audience_part_model(&client->who)));
        put(object, "ratio", json_real(rational_to_double(share)));
        put(object, "text", json_string(set->culprits[i].text));
        append(array, object);
    }
    return array;
}

static json_t *clients_json(const struct explain_set *set)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < set->simulation->client_count; i++)
        append(array,
               report_client_json(set->simulation->pool, &set->simulation->clients[i], false));
    return array;
}

/* One node of a line: {share, ratio, load}. */
static json_t *node_of_line(const struct simulation_line *line, uint32_t node)
{
    struct arena arena = {0};
    json_t *object = json_object();
    put(object, "share", json_string(rational_print(line->shares[node], &arena)));
    put(object, "ratio", json_real(rational_to_double(line->shares[node])));
    put(object, "load", json_real(rational_to_double(line->loads[node])));
    arena_fini(&arena);
    return object;
}

static json_t *drain_json(const struct explain_set *set)
{
    const struct explain_drain *drain = &set->drain;
    const struct simulate_pool *pool = set->simulation->pool;
    const struct forecast *forecast = &set->simulation->forecast;
    const struct forecast_drain *sessions = &forecast->drains[set->position];
    bool has_next = !drain->is_last && drain->next != INVENTORY_NONE;
    json_t *object = json_object(), *refusals = json_array(), *next = json_object();
    for (uint32_t i = 0; i < drain->refusal_count; i++)
        append(refusals, json_string(drain->refusals[i]));
    if (has_next) {
        put(next, "node", text_json(node_id(pool, drain->next)));
        put(next, "last", json_boolean(drain->is_last_two));
        put(next, "audience", report_line_json(pool, &drain->further));
    }
    put(object, "last", json_boolean(drain->is_last));
    put(object, "audience", report_line_json(pool, &drain->line));
    put(object, "one_more_failure", has_next ? next : json_null());
    if (!has_next)
        json_decref(next);
    put(object, "refusals", refusals);
    put(object, "safe_after_s", json_real(forecast->curves[0].safe_s));
    put(object, "half_of_sessions_after_s",
        json_real(sessions_left_after_s(forecast->mean_life_s, 0.5)));
    put(object, "kick_per_s",
        sessions->has_pace && isfinite(sessions->pace_per_s) ? json_real(sessions->pace_per_s)
                                                             : NULL);
    return object;
}

static json_t *set_json(const struct explanation *all, const struct explain_set *set)
{
    const struct layout *layout = all->plan->input.layout;
    const struct declared_set *declared = &layout->declared[set->set];
    struct arena arena = {0};
    json_t *object = json_object(), *notes = json_array();
    const char *domain = text_name_print(&arena, layout->inventory->domains[set->domain].name);
    for (uint32_t i = 0; i < set->note_count; i++)
        append(notes, json_string(set->notes[i]));
    put(object, "domain", json_string(domain));
    put(object, "domains", json_integer(declared->domain_count));
    put(object, "service", text_json(layout->inventory->services[declared->service].id));
    put(object, "ttl", json_integer(set->plan_set->ttl_s));
    put(object, "published", json_boolean(set->member->absence == PLAN_PRESENT));
    put(object, "priority", json_integer(set->member->priority));
    put(object, "weight", json_integer(set->member->weight));
    put(object, "port", json_integer(set->member->port));
    put(object, "because", json_string(set->because));
    put(object, "notes", notes);
    if (set->position != INVENTORY_NONE) {
        put(object, "ideal", node_of_line(&set->simulation->ideal, set->position));
        put(object, "audience", node_of_line(&set->simulation->merged, set->position));
        put(object, "audience_declared", json_boolean(set->simulation->audience.is_declared));
        put(object, "culprits", culprits_json(set));
        put(object, "clients", clients_json(set));
        put(object, "drain", drain_json(set));
    }
    arena_fini(&arena);
    return object;
}

json_t *report_explanation_json(const struct explanation *all)
{
    const struct inventory *inventory = all->plan->input.layout->inventory;
    const struct inventory_node *node = &inventory->nodes[all->node];
    struct arena arena = {0};
    json_t *object = json_object(), *sets = json_array();
    for (uint32_t i = 0; i < all->set_count; i++)
        append(sets, set_json(all, &all->sets[i]));
    put(object, "node", text_json(node->id));
    put(object, "host", json_string(text_name_print(&arena, node->host)));
    put(object, "capacity", json_integer(node->capacity));
    put(object, "tier", text_json(inventory->tiers[node->tier].id));
    put(object, "site", node->site.len ? text_json(node->site) : NULL);
    put(object, "at", report_time_json(all->plan->input.at_ms));
    put(object, "sets", sets);
    put(object, "more_sets", json_integer(all->more_sets));
    arena_fini(&arena);
    return object;
}

/* -- tune ---------------------------------------------------------------------------------------
 */

json_t *report_tune_fragment_json(const struct simulate_pool *pool, const struct tune *tune)
{
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    struct arena arena = {0};
    json_t *nodes = json_object(), *object = json_object();
    for (uint32_t i = 0; i < tune->node_count; i++) {
        json_t *weights = json_object(), *node = json_object();
        for (uint32_t j = 0; j < pool->target_count; j++) {
            if (pool->target_node[j] != tune->nodes[i] || !simulate_is_serving(pool, j))
                continue;
            struct text service = inventory->services[pool->services[pool->target_service[j]]].id;
            put(weights, arena_cstr(&arena, service), json_integer(tune->weights[i]));
        }
        put(node, "weight", weights);
        put(nodes, arena_cstr(&arena, node_id(pool, tune->nodes[i])), node);
    }
    put(object, "nodes", nodes);
    arena_fini(&arena);
    return object;
}

static json_t *steps_json(const struct simulate_pool *pool, const struct tune *tune)
{
    struct arena arena = {0};
    json_t *array = json_array();
    for (size_t i = 0; i < tune->step_count; i++) {
        const struct tune_step *step = &tune->steps[i];
        json_t *object = json_object(), *weights = json_object();
        for (uint32_t j = 0; j < tune->node_count; j++)
            put(weights, arena_cstr(&arena, node_id(pool, tune->nodes[j])),
                json_integer(TUNE_UNIT * (json_int_t)step->units[j]));
        put(object, "start", json_string(step->start));
        put(object, "weights", weights);
        put(object, "worst", json_string(rational_print(step->worst, &arena)));
        append(array, object);
    }
    arena_fini(&arena);
    return array;
}

json_t *report_tune_json(const struct simulate_pool *pool, const struct audience *audience,
                         const struct tune *tune)
{
    struct arena arena = {0};
    json_t *object = json_object();
    put(object, "pool", json_string(simulate_pool_label(pool, &arena)));
    put(object, "audience_declared", json_boolean(audience->is_declared));
    put(object, "before", report_line_json(pool, &tune->before));
    put(object, "after", report_line_json(pool, &tune->after));
    put(object, "gained", json_boolean(tune->is_better));
    put(object, "cut_short", json_boolean(tune->is_cut_short));
    put(object, "reach", json_real(tune->reach));
    put(object, "fixed_part", json_real((double)tune->fixed_ppb / RATIO_ONE));
    put(object, "fragment", tune->is_better ? report_tune_fragment_json(pool, tune) : json_null());
    put(object, "evaluations", json_integer(tune->evaluations));
    put(object, "steps", steps_json(pool, tune));
    arena_fini(&arena);
    return object;
}

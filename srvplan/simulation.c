/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/simulation.h"

#include <stdlib.h>
#include <string.h>

/* -- one line of shares -------------------------------------------------------------------------
 */

static struct rational *shares_new(struct simulation *simulation)
{
    return arena_array(&simulation->arena, struct rational, simulation->pool->node_count);
}

void simulation_line_judge(const struct simulate_pool *pool, struct arena *arena,
                           struct simulation_line *line)
{
    struct rational lost = rational_from(arena, 1, 1);
    line->loads = arena_array(arena, struct rational, pool->node_count);
    simulate_loads(pool, line->shares, arena, line->loads);
    for (uint32_t i = 0; i < pool->node_count; i++) {
        lost = rational_sub(arena, lost, line->shares[i]);
        if (rational_compare(line->loads[i], line->loads[line->worst]) > 0)
            line->worst = i;
    }
    line->lost = lost;
}

static bool line_of_ideal(struct simulation *simulation, const struct simulate_case *how,
                          struct simulation_line *line, struct error *err)
{
    struct audience_part ideal = simulate_ideal_client();
    *line = (struct simulation_line){.shares = shares_new(simulation)};
    if (!simulate_client(how, &ideal, &simulation->arena, line->shares, err) ||
        !simulate_dead_tried(how, &ideal, &simulation->arena, &line->dead_tried, err))
        return false;
    simulation_line_judge(simulation->pool, &simulation->arena, line);
    return true;
}

static bool line_of_audience(struct simulation *simulation, const struct simulate_case *how,
                             struct simulation_line *line, struct error *err)
{
    struct arena *arena = &simulation->arena;
    *line = (struct simulation_line){.shares = shares_new(simulation)};
    if (!simulate_audience(how, &simulation->audience, arena, line->shares, err))
        return false;
    for (uint32_t i = 0; how->is_down && i < simulation->audience.count; i++) {
        const struct audience_part *part = &simulation->audience.parts[i];
        struct rational tried;
        if (!simulate_dead_tried(how, part, arena, &tried, err))
            return false;
        struct rational weight = rational_from(arena, part->part_ppb, RATIO_ONE);
        line->dead_tried =
            rational_add(arena, line->dead_tried, rational_mul(arena, tried, weight));
    }
    simulation_line_judge(simulation->pool, &simulation->arena, line);
    return true;
}

/* -- models and clients -------------------------------------------------------------------------
 */

static bool model_run(struct simulation *simulation, const struct client_model *model,
                      struct simulation_model *result, struct error *err)
{
    const struct simulation_question *question = &simulation->question;
    struct arena *arena = &simulation->arena;
    size_t nodes = simulation->pool->node_count;
    struct simulate_case how = {.pool = simulation->pool, .order = question->order};
    struct error too_many = {0};
    *result = (struct simulation_model){.model = model, .tried = shares_new(simulation)};
    if (!simulate_model(&how, model, arena, result->tried, err))
        return false;
    if (question->with_positions)
        result->positions = arena_array(arena, struct rational, nodes * nodes);
    if (question->with_positions &&
        !simulate_positions(&how, model, arena, result->positions, &too_many))
        result->positions = NULL;
    result->reached = result->tried;
    if (!simulation->has_down)
        return true;
    how.is_down = question->is_down;
    result->reached = shares_new(simulation);
    return simulate_model(&how, model, arena, result->reached, err);
}

static bool models_run(struct simulation *simulation, struct error *err)
{
    const struct simulation_question *question = &simulation->question;
    size_t count = question->models ? question->model_count : client_model_count;
    simulation->models = arena_array(&simulation->arena, struct simulation_model, count);
    for (size_t i = 0; i < count; i++) {
        const struct client_model *model =
            question->models ? question->models[i] : &client_models[i];
        if (!model_run(simulation, model, &simulation->models[simulation->model_count++], err))
            return false;
    }
    return true;
}

static bool client_run(struct simulation *simulation, const struct audience_part *who,
                       struct error *err)
{
    const struct simulation_question *question = &simulation->question;
    struct arena *arena = &simulation->arena;
    struct simulation_client *client = &simulation->clients[simulation->client_count++];
    struct simulate_case how = {.pool = simulation->pool, .order = question->order};
    *client = (struct simulation_client){.who = *who, .tried = shares_new(simulation)};
    if (!simulate_client(&how, who, arena, client->tried, err))
        return false;
    client->reached = client->tried;
    if (!simulation->has_down)
        return true;
    how.is_down = question->is_down;
    client->reached = shares_new(simulation);
    if (!simulate_client(&how, who, arena, client->reached, err) ||
        !simulate_dead_tried(&how, who, arena, &client->dead_tried, err))
        return false;
    if (who->profile)
        client->delay_s =
            rational_to_double(client->dead_tried) * who->profile->timeout_ms / 1000.0;
    return true;
}

static bool is_in_audience(const struct audience *audience, const struct audience_part *part)
{
    for (uint32_t i = 0; i < audience->count; i++)
        if (audience->parts[i].profile == part->profile && audience->parts[i].model == part->model)
            return true;
    return false;
}

/* Those of the audience as they were declared, then all others of the role. */
static bool clients_run(struct simulation *simulation, struct error *err)
{
    struct audience all = audience_of_all(simulation->pool->role, &simulation->arena);
    simulation->clients = arena_array(&simulation->arena, struct simulation_client,
                                      (size_t)all.count + simulation->audience.count);
    for (uint32_t i = 0; i < simulation->audience.count; i++)
        if (!client_run(simulation, &simulation->audience.parts[i], err))
            return false;
    for (uint32_t i = 0; i < all.count; i++)
        if (!is_in_audience(&simulation->audience, &all.parts[i]) &&
            !client_run(simulation, &all.parts[i], err))
            return false;
    return true;
}

/* -- one node more ------------------------------------------------------------------------------
 */

static bool is_served(const struct simulation *simulation, const struct simulation_line *line)
{
    for (uint32_t i = 0; i < simulation->pool->node_count; i++)
        if (!rational_is_zero(line->shares[i]))
            return true;
    return false;
}

static bool outage_run(struct simulation *simulation, uint32_t node, struct error *err)
{
    const struct simulation_question *question = &simulation->question;
    struct simulation_outage *outage = &simulation->outages[node];
    uint32_t nodes = simulation->pool->node_count;
    bool *down = arena_array(&simulation->arena, bool, nodes);
    bool *withdrawn = arena_array(&simulation->arena, bool, nodes);
    for (uint32_t i = 0; i < nodes; i++)
        down[i] = i == node || (question->is_down && question->is_down[i]);
    withdrawn[node] = true;
    struct simulate_case dead = {
        .pool = simulation->pool, .order = question->order, .is_down = down};
    struct simulate_case gone = {.pool = simulation->pool,
                                 .order = question->order,
                                 .is_down = question->is_down,
                                 .is_withdrawn = withdrawn};
    *outage = (struct simulation_outage){.node = node, .is_known = true};
    if (!line_of_ideal(simulation, &dead, &outage->ideal, err) ||
        !line_of_audience(simulation, &dead, &outage->audience, err) ||
        !line_of_audience(simulation, &gone, &outage->withdrawn, err))
        return false;
    outage->is_last = !is_served(simulation, &outage->audience);
    return true;
}

bool simulation_is_among_greatest(const struct simulation *simulation, uint32_t node)
{
    const struct rational *shares = simulation->ideal.shares;
    uint32_t greater = 0;
    for (uint32_t i = 0; i < simulation->pool->node_count; i++) {
        int order = rational_compare(shares[i], shares[node]);
        greater += order > 0 || (order == 0 && i < node);
    }
    return greater < SIMULATION_OUTAGES_MAX;
}

static bool outages_run(struct simulation *simulation, struct error *err)
{
    uint32_t nodes = simulation->pool->node_count, only = simulation->question.only_outage;
    simulation->outages = arena_array(&simulation->arena, struct simulation_outage, nodes);
    for (uint32_t i = 0; i < nodes; i++) {
        simulation->outages[i].node = i;
        bool is_asked =
            only == INVENTORY_NONE ? simulation_is_among_greatest(simulation, i) : only == i;
        if (is_asked && !outage_run(simulation, i, err))
            return false;
    }
    return true;
}

/* -- all ----------------------------------------------------------------------------------------
 */

static bool lines_run(struct simulation *simulation, struct error *err)
{
    const struct simulation_question *question = &simulation->question;
    struct simulate_case well = {.pool = simulation->pool, .order = question->order};
    struct simulate_case down = {
        .pool = simulation->pool, .order = question->order, .is_down = question->is_down};
    if (!line_of_ideal(simulation, &well, &simulation->ideal, err) ||
        !line_of_audience(simulation, &well, &simulation->merged, err))
        return false;
    simulation->ideal_reached = simulation->ideal;
    simulation->merged_reached = simulation->merged;
    return !simulation->has_down ||
           (line_of_ideal(simulation, &down, &simulation->ideal_reached, err) &&
            line_of_audience(simulation, &down, &simulation->merged_reached, err));
}

static void forecast_run(struct simulation *simulation)
{
    struct arena *arena = &simulation->arena;
    uint32_t nodes = simulation->pool->node_count;
    const struct rational **without = arena_array(arena, const struct rational *, nodes);
    for (uint32_t i = 0; i < nodes; i++)
        without[i] = simulation->outages[i].withdrawn.shares; /* NULL: nobody asked */
    struct forecast_question question = {
        .pool = simulation->pool,
        .audience = &simulation->audience,
        .shares = simulation->merged.shares,
        .without = without,
        .clients = simulation->question.clients,
    };
    forecast_make(&question, arena, &simulation->forecast);
}

struct simulation *simulation_run(const struct simulation_question *question, struct error *err)
{
    struct simulation *simulation = calloc(1, sizeof *simulation);
    if (!simulation)
        abort();
    simulation->question = *question;
    simulation->pool = &simulation->question.pool;
    for (uint32_t i = 0; question->is_down && i < simulation->pool->node_count; i++)
        simulation->has_down |= question->is_down[i];
    const struct inventory *inventory = question->plan->input.layout->inventory;
    simulation->audience = audience_of(&inventory->domains[simulation->pool->domain].audience,
                                       simulation->pool->role, &simulation->arena);
    if (models_run(simulation, err) && clients_run(simulation, err) && lines_run(simulation, err) &&
        outages_run(simulation, err)) {
        forecast_run(simulation);
        return simulation;
    }
    simulation_free(simulation);
    return NULL;
}

void simulation_free(struct simulation *simulation)
{
    if (!simulation)
        return;
    arena_fini(&simulation->arena);
    free(simulation);
}

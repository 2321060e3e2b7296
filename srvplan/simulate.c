/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/simulate.h"

#include <string.h>

/* -- one question -------------------------------------------------------------------------------
 */

/* The targets that a case leaves in the answer, and whose they are. */
struct asked {
    struct share_target *targets;
    uint32_t *node;    /* position in pool->nodes */
    uint32_t *service; /* position in pool->services */
    uint32_t count;
    uint32_t node_count; /* of the pool */
};

#define ALL_SERVICES UINT32_MAX

/* `service`: the one of the set that is asked for alone, or ALL_SERVICES. */
static struct asked asked_for(const struct simulate_case *how, uint32_t service,
                              struct arena *scratch)
{
    const struct simulate_pool *pool = how->pool;
    struct asked asked = {
        .targets = arena_array(scratch, struct share_target, pool->target_count),
        .node = arena_array(scratch, uint32_t, pool->target_count),
        .service = arena_array(scratch, uint32_t, pool->target_count),
        .node_count = pool->node_count,
    };
    for (uint32_t i = 0; i < pool->target_count; i++) {
        uint32_t node = pool->target_node[i];
        if (service != ALL_SERVICES && pool->services[pool->target_service[i]] != service)
            continue;
        if (how->is_withdrawn && how->is_withdrawn[node])
            continue;
        uint32_t at = asked.count++;
        asked.targets[at] = pool->targets[i];
        asked.targets[at].is_down = how->is_down && how->is_down[node];
        if (service != ALL_SERVICES) /* alone in its pool */
            asked.targets[at].is_direct_tls = false;
        asked.node[at] = node;
        asked.service[at] = pool->target_service[i];
    }
    return asked;
}

static uint32_t count_of_service(const struct asked *asked, uint32_t service)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < asked->count; i++)
        count += asked->service[i] == service;
    return count;
}

/* Puts the set of one service behind `to`, rotated by `turn`. */
static void rotate_set(const struct asked *asked, uint32_t service, uint32_t turn, struct asked *to)
{
    uint32_t count = count_of_service(asked, service), first = to->count, seen = 0;
    for (uint32_t i = 0; i < asked->count; i++) {
        if (asked->service[i] != service)
            continue;
        uint32_t at = first + (seen++ + count - turn % count) % count;
        to->targets[at] = asked->targets[i];
        to->node[at] = asked->node[i];
        to->service[at] = service;
    }
    to->count += count;
}

static uint32_t common_multiple(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    uint32_t x = a, y = b;
    while (y) {
        uint32_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

/* Each set turns on its own; after the common multiple of their sizes everything comes again, and
 * every rotation of each set was sent equally often. */
static struct asked rotation_of(const struct asked *asked, uint32_t turn, struct arena *scratch)
{
    struct asked turned = {
        .targets = arena_array(scratch, struct share_target, asked->count),
        .node = arena_array(scratch, uint32_t, asked->count),
        .service = arena_array(scratch, uint32_t, asked->count),
        .node_count = asked->node_count,
    };
    rotate_set(asked, 0, turn, &turned);
    rotate_set(asked, 1, turn, &turned);
    return turned;
}

/* What share_* function to call, by target. */
struct target_shares {
    const struct client_model *model;
    enum share_merge merge;
    enum simulate_order order;
};

static struct share_question question_of(const struct target_shares *client,
                                         const struct asked *asked)
{
    return (struct share_question){
        .model = client->model,
        .merge = client->merge,
        .order =
            client->order == SIMULATE_ORDER_WEIGHTED ? SHARE_ORDER_WEIGHTED : SHARE_ORDER_FIXED,
        .targets = asked->targets,
        .count = asked->count,
    };
}

/* How many answers there are to take the mean over. */
static uint32_t turns_of(const struct target_shares *client, const struct asked *asked)
{
    if (client->order != SIMULATE_ORDER_ROTATED || !client->model->reads_order || asked->count == 0)
        return 1;
    return common_multiple(count_of_service(asked, 0), count_of_service(asked, 1));
}

/* A client that connects to every record that it sees has as many connections to each. */
static void spread_evenly(const struct asked *asked, struct arena *scratch,
                          struct rational *by_node)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < asked->count; i++)
        live += !asked->targets[i].is_direct_tls && !asked->targets[i].is_down;
    for (uint32_t i = 0; i < asked->count; i++) {
        if (asked->targets[i].is_direct_tls || asked->targets[i].is_down)
            continue;
        struct rational *sum = &by_node[asked->node[i]];
        *sum = rational_add(scratch, *sum, rational_from(scratch, 1, live));
    }
}

/* Adds the shares of all targets of one answer to those of their nodes. */
static bool add_turn(const struct target_shares *client, const struct asked *asked,
                     struct arena *scratch, struct rational *by_node, struct error *err)
{
    struct share_question question = question_of(client, asked);
    struct rational *shares = arena_array(scratch, struct rational, asked->count);
    if (!shares_first_choice(&question, scratch, shares, err))
        return false;
    for (uint32_t i = 0; i < asked->count; i++) {
        if (rational_is_zero(shares[i]))
            continue;
        struct rational *sum = &by_node[asked->node[i]];
        *sum = rational_add(scratch, *sum, shares[i]);
    }
    return true;
}

static bool client_shares(const struct target_shares *client, const struct asked *asked,
                          struct arena *scratch, struct rational *by_node, struct error *err)
{
    if (!client->model) {
        spread_evenly(asked, scratch, by_node);
        return true;
    }
    uint32_t turns = turns_of(client, asked);
    for (uint32_t turn = 0; turn < turns; turn++) {
        struct asked turned = turns > 1 ? rotation_of(asked, turn, scratch) : *asked;
        if (!add_turn(client, &turned, scratch, by_node, err))
            return false;
    }
    for (uint32_t i = 0; turns > 1 && i < asked->node_count; i++)
        by_node[i] = rational_div(scratch, by_node[i], rational_from(scratch, turns, 1));
    return true;
}

static void copy_out(const struct rational *from, uint32_t count, struct arena *arena,
                     struct rational *to)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = rational_copy(arena, from[i]);
}

/* Runs a question about one service or all of them, and copies the shares into the arena. */
static bool shares_by_node(const struct target_shares *client, const struct asked *asked,
                           struct arena *arena, struct rational *shares, struct error *err)
{
    struct arena scratch = {0};
    struct rational *sums = arena_array(&scratch, struct rational, asked->node_count);
    bool ok = client_shares(client, asked, &scratch, sums, err);
    if (ok)
        copy_out(sums, asked->node_count, arena, shares);
    arena_fini(&scratch);
    return ok;
}

static bool is_one_shot(const struct audience_part *client)
{
    return client->profile && client->profile->is_one_shot;
}

/* A client that tries one target: whoever chose a dead one comes to nobody. */
static bool one_shot(const struct simulate_case *how, const struct audience_part *client,
                     struct arena *arena, struct rational *shares, struct error *err)
{
    struct simulate_case all_up = {how->pool, how->order, NULL, how->is_withdrawn};
    if (!simulate_client(&all_up, client, arena, shares, err))
        return false;
    for (uint32_t i = 0; i < how->pool->node_count; i++)
        if (how->is_down[i])
            shares[i] = (struct rational){0};
    return true;
}

bool simulate_client(const struct simulate_case *how, const struct audience_part *client,
                     struct arena *arena, struct rational *shares, struct error *err)
{
    if (how->is_down && is_one_shot(client))
        return one_shot(how, client, arena, shares, err);
    struct arena scratch = {0};
    struct asked asked = asked_for(how, ALL_SERVICES, &scratch);
    struct target_shares targets = {client->model, client->merge, how->order};
    bool ok = shares_by_node(&targets, &asked, arena, shares, err);
    arena_fini(&scratch);
    return ok;
}

bool simulate_model(const struct simulate_case *how, const struct client_model *model,
                    struct arena *arena, struct rational *shares, struct error *err)
{
    struct arena scratch = {0};
    struct asked asked = asked_for(how, how->pool->service, &scratch);
    struct target_shares targets = {model, SHARE_MERGE_MIXED, how->order};
    bool ok = shares_by_node(&targets, &asked, arena, shares, err);
    arena_fini(&scratch);
    return ok;
}

struct audience_part simulate_ideal_client(void)
{
    return (struct audience_part){
        .name = text_from("plackett-luce"),
        .model = client_model_find(text_from("plackett-luce")),
        .merge = SHARE_MERGE_MIXED,
    };
}

/* -- many at once -------------------------------------------------------------------------------
 */

/* Whether two clients do the same with this pool: with one service, all merges are alike. */
static bool is_alike(const struct simulate_pool *pool, const struct audience_part *a,
                     const struct audience_part *b)
{
    bool has_direct = false;
    for (uint32_t i = 0; i < pool->target_count; i++)
        has_direct |= pool->targets[i].is_direct_tls;
    return a->model == b->model && is_one_shot(a) == is_one_shot(b) &&
           (a->merge == b->merge || !has_direct);
}

static const struct rational *shares_of_part(const struct simulate_pool *pool,
                                             const struct audience *audience, uint32_t part,
                                             struct rational *const *known)
{
    for (uint32_t i = 0; i < part; i++)
        if (is_alike(pool, &audience->parts[i], &audience->parts[part]))
            return known[i];
    return NULL;
}

bool simulate_audience(const struct simulate_case *how, const struct audience *audience,
                       struct arena *arena, struct rational *shares, struct error *err)
{
    const struct simulate_pool *pool = how->pool;
    struct arena scratch = {0};
    struct rational **known = arena_array(&scratch, struct rational *, audience->count);
    struct rational *sums = arena_array(&scratch, struct rational, pool->node_count);
    bool ok = true;
    for (uint32_t i = 0; i < audience->count && ok; i++) {
        const struct rational *alike = shares_of_part(pool, audience, i, known);
        known[i] = arena_array(&scratch, struct rational, pool->node_count);
        if (alike)
            memcpy(known[i], alike, pool->node_count * sizeof *alike);
        else
            ok = simulate_client(how, &audience->parts[i], &scratch, known[i], err);
        struct rational part = rational_from(&scratch, audience->parts[i].part_ppb, RATIO_ONE);
        for (uint32_t j = 0; j < pool->node_count && ok; j++)
            sums[j] = rational_add(&scratch, sums[j], rational_mul(&scratch, known[i][j], part));
    }
    if (ok)
        copy_out(sums, pool->node_count, arena, shares);
    arena_fini(&scratch);
    return ok;
}

static bool one_shot_tried(const struct simulate_case *how, const struct audience_part *client,
                           struct arena *arena, struct rational *tried, struct error *err)
{
    struct simulate_case all_up = {how->pool, how->order, NULL, how->is_withdrawn};
    struct rational *shares = arena_array(arena, struct rational, how->pool->node_count);
    if (!simulate_client(&all_up, client, arena, shares, err))
        return false;
    for (uint32_t i = 0; i < how->pool->node_count; i++)
        if (how->is_down[i])
            *tried = rational_add(arena, *tried, shares[i]);
    return true;
}

bool simulate_dead_tried(const struct simulate_case *how, const struct audience_part *client,
                         struct arena *arena, struct rational *tried, struct error *err)
{
    *tried = (struct rational){0};
    if (!client->model || !how->is_down) /* it waits for none of them */
        return true;
    if (is_one_shot(client))
        return one_shot_tried(how, client, arena, tried, err);
    struct arena scratch = {0};
    struct asked asked = asked_for(how, ALL_SERVICES, &scratch);
    struct target_shares targets = {client->model, client->merge, how->order};
    uint32_t turns = turns_of(&targets, &asked);
    struct rational sum = {0};
    bool ok = true;
    for (uint32_t turn = 0; turn < turns && ok; turn++) {
        struct asked turned = turns > 1 ? rotation_of(&asked, turn, &scratch) : asked;
        struct share_question question = question_of(&targets, &turned);
        struct rational one = {0};
        ok = shares_dead_tried(&question, &scratch, &one, err);
        sum = rational_add(&scratch, sum, one);
    }
    if (ok)
        *tried =
            rational_copy(arena, rational_div(&scratch, sum, rational_from(&scratch, turns, 1)));
    arena_fini(&scratch);
    return ok;
}

bool simulate_positions(const struct simulate_case *how, const struct client_model *model,
                        struct arena *arena, struct rational *positions, struct error *err)
{
    struct arena scratch = {0};
    struct asked asked = asked_for(how, how->pool->service, &scratch);
    struct target_shares targets = {model, SHARE_MERGE_MIXED, how->order};
    uint32_t turns = turns_of(&targets, &asked), n = how->pool->node_count;
    struct rational part = rational_from(&scratch, 1, turns);
    struct rational *sums = arena_array(&scratch, struct rational, (size_t)n * n);
    struct rational *found =
        arena_array(&scratch, struct rational, (size_t)asked.count * asked.count);
    bool ok = true;
    for (uint32_t turn = 0; turn < turns && ok; turn++) {
        struct asked turned = turns > 1 ? rotation_of(&asked, turn, &scratch) : asked;
        struct share_question question = question_of(&targets, &turned);
        ok = shares_positions(&question, &scratch, found, err);
        for (uint32_t i = 0; i < turned.count && ok; i++) {
            for (uint32_t k = 0; k < turned.count; k++) {
                struct rational *sum = &sums[(size_t)turned.node[i] * n + k];
                *sum = rational_add(&scratch, *sum,
                                    rational_mul(&scratch, found[i * turned.count + k], part));
            }
        }
    }
    if (ok)
        copy_out(sums, n * n, arena, positions);
    arena_fini(&scratch);
    return ok;
}

/* -- loads --------------------------------------------------------------------------------------
 */

void simulate_loads(const struct simulate_pool *pool, const struct rational *shares,
                    struct arena *arena, struct rational *loads)
{
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    uint64_t serving = simulate_serving_capacity(pool);
    for (uint32_t i = 0; i < pool->node_count; i++)
        loads[i] =
            rational_mul(arena, shares[i],
                         rational_from(arena, serving, inventory->nodes[pool->nodes[i]].capacity));
}

/* -- spellings ----------------------------------------------------------------------------------
 */

static const char *const orders[] = {
    [SIMULATE_ORDER_WEIGHTED] = "weighted",
    [SIMULATE_ORDER_FIXED] = "fixed",
    [SIMULATE_ORDER_ROTATED] = "rotated",
};

const char *simulate_order_print(enum simulate_order order)
{
    return orders[order];
}

bool simulate_order_parse(struct text text, enum simulate_order *order)
{
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        if (text_is(text, orders[i])) {
            *order = (enum simulate_order)i;
            return true;
        }
    }
    return false;
}

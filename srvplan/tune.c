/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/tune.h"

#include "srvplan/tune_reach.h"
#include "srvplan/weights.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Up to so many nodes every weight of a line is tried, else steps that double. */
    FINE_NODES_MAX = 8,
    STARTS = 3,
};

/* Loads of all nodes, the greatest first. */
struct rating {
    struct rational *loads;
};

struct search {
    const struct tune_question *question;
    struct tune *tune;
    struct simulate_pool pool; /* with weights of its own */
    uint32_t *tuned_of;        /* by node of the pool: position in tune->nodes */
    uint32_t *units;           /* by tuned node: the best so far */
    struct rating best;
    const char *start;
    uint32_t limit; /* of evaluations, for this start */
    struct error *err;
    bool has_failed;
};

/* -- judging ------------------------------------------------------------------------------------
 */

static int by_falling_load(const void *left, const void *right)
{
    return rational_compare(*(const struct rational *)right, *(const struct rational *)left);
}

static bool is_better(const struct search *search, const struct rating *a, const struct rating *b)
{
    for (uint32_t i = 0; i < search->pool.node_count; i++) {
        int order = rational_compare(a->loads[i], b->loads[i]);
        if (order != 0)
            return order < 0;
    }
    return false;
}

static bool rate_pool(struct search *search, const struct simulate_pool *pool,
                      struct arena *scratch, struct rating *rating)
{
    struct simulate_case how = {.pool = pool, .order = search->question->order};
    struct rational *shares = arena_array(scratch, struct rational, pool->node_count);
    rating->loads = arena_array(scratch, struct rational, pool->node_count);
    search->tune->evaluations++;
    if (!simulate_audience(&how, search->question->audience, scratch, shares, search->err)) {
        search->has_failed = true;
        return false;
    }
    simulate_loads(pool, shares, scratch, rating->loads);
    qsort(rating->loads, pool->node_count, sizeof *rating->loads, by_falling_load);
    return true;
}

static void pool_weigh(struct search *search, const uint32_t *units)
{
    for (uint32_t i = 0; i < search->pool.target_count; i++) {
        uint32_t tuned = search->tuned_of[search->pool.target_node[i]];
        if (tuned != INVENTORY_NONE && simulate_is_serving(&search->pool, i))
            search->pool.targets[i].weight = (uint16_t)(TUNE_UNIT * units[tuned]);
    }
}

static struct rating rating_keep(struct search *search, const struct rating *rating)
{
    struct arena *arena = &search->tune->arena;
    struct rating kept = {arena_array(arena, struct rational, search->pool.node_count)};
    for (uint32_t i = 0; i < search->pool.node_count; i++)
        kept.loads[i] = rational_copy(arena, rating->loads[i]);
    return kept;
}

static void step_add(struct search *search)
{
    struct tune *tune = search->tune;
    struct tune_step *step = &tune->steps[tune->step_count++];
    step->start = search->start;
    step->units = arena_array(&tune->arena, uint32_t, tune->node_count);
    memcpy(step->units, search->units, tune->node_count * sizeof *step->units);
    step->worst = search->best.loads[0];
}

/* Tries `units`, and keeps them when they are better than the best so far. */
static bool try_units(struct search *search, const uint32_t *units)
{
    struct arena scratch = {0};
    struct rating rating = {0};
    pool_weigh(search, units);
    bool is_kept = rate_pool(search, &search->pool, &scratch, &rating) &&
                   (!search->best.loads || is_better(search, &rating, &search->best));
    if (is_kept) {
        search->best = rating_keep(search, &rating);
        memcpy(search->units, units, search->tune->node_count * sizeof *units);
    }
    arena_fini(&scratch);
    return is_kept;
}

static bool is_over(const struct search *search)
{
    return search->has_failed || search->tune->evaluations >= search->limit;
}

/* -- moving -------------------------------------------------------------------------------------
 */

static uint32_t units_sum(const uint32_t *units, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += units[i];
    return sum;
}

/* Every weight of one node, or those that lie a power of two away. */
static bool move_along(struct search *search, uint32_t node, uint32_t *units)
{
    uint32_t count = search->tune->node_count;
    bool is_fine = count <= FINE_NODES_MAX, gained = false;
    uint32_t present = search->units[node];
    uint32_t most = TUNE_UNITS_MAX - (units_sum(search->units, count) - present);
    for (uint32_t value = 1; value <= most && !is_over(search); value++) {
        uint32_t away = value > present ? value - present : present - value;
        if (away == 0 || (!is_fine && (away & (away - 1))))
            continue;
        memcpy(units, search->units, count * sizeof *units);
        units[node] = value;
        gained |= try_units(search, units);
    }
    if (gained)
        step_add(search);
    return gained;
}

static bool move_between(struct search *search, uint32_t to, uint32_t from, uint32_t *units)
{
    uint32_t count = search->tune->node_count;
    bool gained = false;
    for (uint32_t step = 1; step < TUNE_UNITS_MAX && !is_over(search); step *= 2) {
        if (search->units[from] <= step)
            break;
        memcpy(units, search->units, count * sizeof *units);
        units[to] += step;
        units[from] -= step;
        gained |= try_units(search, units);
    }
    if (gained)
        step_add(search);
    return gained;
}

static void search_from(struct search *search, const char *start, const uint32_t *units)
{
    struct tune *tune = search->tune;
    uint32_t *moved = arena_array(&tune->arena, uint32_t, tune->node_count);
    bool gained = true;
    search->start = start;
    search->best = (struct rating){0};
    if (try_units(search, units))
        step_add(search);
    while (gained && !is_over(search)) {
        gained = false;
        for (uint32_t i = 0; i < tune->node_count; i++)
            gained |= move_along(search, i, moved);
        for (uint32_t i = 0; i < tune->node_count; i++)
            for (uint32_t j = 0; j < tune->node_count; j++)
                if (i != j)
                    gained |= move_between(search, i, j, moved);
    }
    tune->is_cut_short |= gained && !search->has_failed;
}

/* -- starts -------------------------------------------------------------------------------------
 */

/* At most TUNE_UNITS_MAX together, each at least 1, in the proportions of `weights`. */
static void units_of_weights(const uint32_t *weights, uint32_t count, uint32_t *units)
{
    uint64_t sum = 0;
    bool is_whole = true;
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i];
        is_whole = is_whole && weights[i] > 0 && weights[i] % TUNE_UNIT == 0;
    }
    is_whole = is_whole && sum <= (uint64_t)TUNE_UNIT * TUNE_UNITS_MAX;
    uint64_t room = TUNE_UNITS_MAX - count; /* beside the 1 that each has */
    for (uint32_t i = 0; i < count; i++)
        units[i] =
            is_whole ? weights[i] / TUNE_UNIT : 1 + (uint32_t)(sum ? weights[i] * room / sum : 0);
}

static void units_of_capacities(const struct search *search, uint32_t *units)
{
    const struct tune *tune = search->tune;
    const struct inventory *inventory = search->pool.plan->input.layout->inventory;
    struct arena scratch = {0};
    uint32_t *capacities = arena_array(&scratch, uint32_t, tune->node_count);
    uint16_t *weights = arena_array(&scratch, uint16_t, tune->node_count);
    for (uint32_t i = 0; i < tune->node_count; i++)
        capacities[i] = inventory->nodes[search->pool.nodes[tune->nodes[i]]].capacity;
    /* Cannot fail: capacities are at least 1, and there are few nodes. */
    struct error unused = {0};
    const struct weights_policy universal = {.scale = WEIGHTS_UNIVERSAL, .minimum = 1};
    bool ok = weights_from_capacities(&universal, capacities, tune->node_count, weights, &unused);
    for (uint32_t i = 0; i < tune->node_count; i++)
        units[i] = ok ? weights[i] / TUNE_UNIT : 1;
    arena_fini(&scratch);
}

static void units_present(const struct search *search, uint32_t *units)
{
    const struct tune *tune = search->tune;
    struct arena scratch = {0};
    uint32_t *weights = arena_array(&scratch, uint32_t, tune->node_count);
    for (uint32_t i = 0; i < search->pool.target_count; i++) {
        uint32_t tuned = search->tuned_of[search->question->pool->target_node[i]];
        if (tuned != INVENTORY_NONE && simulate_is_serving(search->question->pool, i))
            weights[tuned] = search->question->pool->targets[i].weight;
    }
    units_of_weights(weights, tune->node_count, units);
    arena_fini(&scratch);
}

/* -- what no weights can do ---------------------------------------------------------------------
 */

/* Whether both services have the same nodes, so that those who take the heaviest all meet. */
static bool is_symmetric(const struct simulate_pool *pool)
{
    return pool->service_count < 2 || pool->target_count == 2 * pool->node_count;
}

static bool masses_add(const struct search *search, const struct audience_part *part,
                       struct tune_masses *masses, struct arena *scratch)
{
    struct simulate_case how = {.pool = &search->pool, .order = search->question->order};
    double mass = (double)part->part_ppb / RATIO_ONE;
    const char *id = audience_part_model(part);
    if (strcmp(id, "conversations") == 0 && how.order == SIMULATE_ORDER_FIXED) {
        masses->hashing += mass;
    } else if (strcmp(id, "heaviest") == 0 && is_symmetric(&search->pool)) {
        masses->heaviest += mass;
    } else if (!part->model ||
               (strcmp(id, "answer-order") == 0 && how.order != SIMULATE_ORDER_WEIGHTED)) {
        struct rational *shares = arena_array(scratch, struct rational, search->pool.node_count);
        if (!simulate_client(&how, part, scratch, shares, search->err))
            return false;
        for (uint32_t i = 0; i < search->pool.node_count; i++)
            masses->fixed[i] += mass * rational_to_double(shares[i]);
    } else {
        masses->fluid += mass;
    }
    return true;
}

static bool reach_find(struct search *search)
{
    struct arena scratch = {0};
    struct tune *tune = search->tune;
    const struct simulate_pool *pool = search->question->pool;
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    double *parts = arena_array(&scratch, double, pool->node_count);
    struct tune_masses masses = {.fixed = arena_array(&scratch, double, pool->node_count)};
    double serving = (double)simulate_serving_capacity(pool);
    bool ok = true, reaches_others = false;
    for (uint32_t i = 0; i < pool->node_count; i++)
        reaches_others |=
            search->tuned_of[i] == INVENTORY_NONE && !rational_is_zero(tune->before.shares[i]);
    for (uint32_t i = 0; i < pool->node_count; i++)
        if (search->tuned_of[i] != INVENTORY_NONE || reaches_others)
            parts[i] = inventory->nodes[pool->nodes[i]].capacity / serving;
    for (uint32_t i = 0; i < search->question->audience->count && ok; i++)
        ok = masses_add(search, &search->question->audience->parts[i], &masses, &scratch);
    tune->reach = ok ? tune_reach(&masses, parts, pool->node_count) : 0;
    tune->fixed_ppb = (uint64_t)((masses.hashing + masses.heaviest) * RATIO_ONE + 0.5);
    arena_fini(&scratch);
    return ok;
}

/* -- the search ---------------------------------------------------------------------------------
 */

static bool nodes_find(struct search *search)
{
    struct tune *tune = search->tune;
    const struct simulate_pool *pool = search->question->pool;
    search->tuned_of = arena_array(&tune->arena, uint32_t, pool->node_count);
    tune->nodes = arena_array(&tune->arena, uint32_t, pool->node_count);
    for (uint32_t i = 0; i < pool->node_count; i++)
        search->tuned_of[i] = INVENTORY_NONE;
    for (uint32_t i = 0; i < pool->target_count; i++) {
        uint32_t node = pool->target_node[i];
        if (!simulate_is_serving(pool, i) || search->tuned_of[node] != INVENTORY_NONE)
            continue;
        search->tuned_of[node] = tune->node_count;
        tune->nodes[tune->node_count++] = node;
    }
    if (tune->node_count < 2)
        return error_set(search->err, ERROR_NOT_FOUND,
                         "weights decide nothing with %u node in the first priority; tune needs "
                         "two or more there",
                         tune->node_count);
    if (tune->node_count > TUNE_NODES_MAX)
        return error_set(search->err, ERROR_UNSUPPORTED,
                         "%u nodes in the first priority; tune searches up to %d", tune->node_count,
                         TUNE_NODES_MAX);
    return true;
}

static bool line_find(struct search *search, const struct simulate_pool *pool,
                      struct simulation_line *line)
{
    struct arena *arena = &search->tune->arena;
    struct simulate_case how = {.pool = pool, .order = search->question->order};
    *line =
        (struct simulation_line){.shares = arena_array(arena, struct rational, pool->node_count),
                                 .loads = arena_array(arena, struct rational, pool->node_count)};
    if (!simulate_audience(&how, search->question->audience, arena, line->shares, search->err))
        return false;
    simulation_line_judge(pool, arena, line);
    return true;
}

/* Whether a search began there before; else remembers that one does. */
static bool is_started(uint32_t *begun, uint32_t starts, const uint32_t *units, uint32_t count)
{
    for (uint32_t i = 0; i < starts; i++)
        if (memcmp(begun + (size_t)i * count, units, count * sizeof *units) == 0)
            return true;
    memcpy(begun + (size_t)starts * count, units, count * sizeof *units);
    return false;
}

static bool search_all(struct search *search)
{
    struct tune *tune = search->tune;
    uint32_t count = tune->node_count;
    uint32_t *units = arena_array(&tune->arena, uint32_t, count);
    uint32_t *winner = arena_array(&tune->arena, uint32_t, count);
    uint32_t *begun = arena_array(&tune->arena, uint32_t, (size_t)STARTS * count);
    struct rating best = {0};
    for (uint32_t start = 0; start < STARTS && !search->has_failed; start++) {
        static const char *const names[STARTS] = {"present", "capacity", "equal"};
        for (uint32_t i = 0; i < count; i++)
            units[i] = TUNE_UNITS_MAX / count;
        if (start == 0)
            units_present(search, units);
        else if (start == 1)
            units_of_capacities(search, units);
        search->limit = TUNE_EVALUATIONS_MAX / STARTS * (start + 1);
        if (is_started(begun, start, units, count))
            continue;
        search_from(search, names[start], units);
        if (search->best.loads && (!best.loads || is_better(search, &search->best, &best))) {
            best = search->best;
            memcpy(winner, search->units, count * sizeof *winner);
        }
    }
    if (search->has_failed)
        return false;
    pool_weigh(search, winner);
    for (uint32_t i = 0; i < count; i++)
        tune->weights[i] = (uint16_t)(TUNE_UNIT * winner[i]);
    return line_find(search, &search->pool, &tune->after);
}

struct tune *tune_search(const struct tune_question *question, struct error *err)
{
    struct tune *tune = calloc(1, sizeof *tune);
    if (!tune)
        abort();
    struct search search = {
        .question = question, .tune = tune, .pool = *question->pool, .err = err};
    const struct simulate_pool *pool = question->pool;
    search.pool.targets = arena_array(&tune->arena, struct share_target, pool->target_count);
    if (pool->target_count)
        memcpy(search.pool.targets, pool->targets, pool->target_count * sizeof *pool->targets);
    bool ok = nodes_find(&search);
    if (ok) {
        search.units = arena_array(&tune->arena, uint32_t, tune->node_count);
        tune->weights = arena_array(&tune->arena, uint16_t, tune->node_count);
        tune->steps =
            arena_array(&tune->arena, struct tune_step, TUNE_EVALUATIONS_MAX + 2 * STARTS);
        ok = line_find(&search, pool, &tune->before) && reach_find(&search) && search_all(&search);
    }
    if (!ok) {
        tune_free(tune);
        return NULL;
    }
    tune->is_better = rational_compare(tune->after.loads[tune->after.worst],
                                       tune->before.loads[tune->before.worst]) < 0;
    if (!tune->is_better)
        tune->after = tune->before;
    return tune;
}

void tune_free(struct tune *tune)
{
    if (!tune)
        return;
    arena_fini(&tune->arena);
    free(tune);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws of simulations over generated inventories and audiences, of decays over random caches, and
 * of tuned weights. A failure names its seed; SRVPLAN_SEED=0x… runs that one alone. */
#include "gen_inventory.h"
#include "laws.h"
#include "srvplan/simulation.h"
#include "srvplan/tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char laws_suite[] = "simulate_properties";

enum {
    ROUNDS = 1000,
    TUNE_ROUNDS = 30,
    ROUNDS_PER_SIZE = 100,
    SIZES = 10,
    DECAYS = 5000,
    DECAY_POINTS = 64,
};

/* -- inventories with audiences -----------------------------------------------------------------
 */

static const struct overlays no_overlays = {0};

struct made {
    struct inventory *inventory;
    struct layout *layout; /* NULL: the inventory has mistakes */
    struct findings findings;
    struct plan *plan;
};

/* Up to six names; the parts sum to at most 1. */
static struct inventory_audience gen_audience(struct gen *gen, struct arena *arena)
{
    uint32_t count = gen_below(gen, 7), names = 0, left = RATIO_ONE;
    struct inventory_audience_part *parts =
        arena_array(arena, struct inventory_audience_part, count);
    while (audience_name_at(names))
        names++;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t part = gen_below(gen, left / 2 + 1);
        parts[i] = (struct inventory_audience_part){
            text_from(audience_name_at(gen_below(gen, names))), part};
        left -= part;
    }
    return (struct inventory_audience){parts, count};
}

static struct made made_of(uint64_t seed)
{
    struct gen gen = gen_start(seed ^ 0xA0D1E2CE);
    struct made made = {.inventory =
                            gen_inventory(seed, 1 + (uint32_t)(seed / ROUNDS_PER_SIZE % SIZES))};
    for (uint32_t i = 0; i < made.inventory->domain_count; i++)
        made.inventory->domains[i].audience = gen_audience(&gen, &made.inventory->arena);
    made.layout = layout_build(made.inventory, LAYOUT_FOR_PLAN, &made.findings);
    if (!made.layout)
        return made;
    struct plan_input input = {made.layout, &no_overlays, GEN_NOW_MS};
    made.plan = plan_compute(&input);
    return made;
}

static void made_fini(struct made *made)
{
    plan_free(made->plan);
    layout_free(made->layout);
    inventory_free(made->inventory);
    findings_fini(&made->findings);
}

static bool is_whole(struct rational share)
{
    struct arena arena = {0};
    bool whole = rational_compare(share, rational_from(&arena, 1, 1)) == 0;
    arena_fini(&arena);
    return whole;
}

static struct rational sum_of(const struct simulate_pool *pool, const struct rational *shares,
                              struct arena *arena)
{
    struct rational sum = {0};
    for (uint32_t i = 0; i < pool->node_count; i++)
        sum = rational_add(arena, sum, shares[i]);
    return sum;
}

/* -- shares -------------------------------------------------------------------------------------
 */

/* HAProxy sends nobody to a weight of 0, also when there is no other. */
static bool may_send_nobody(const struct audience_part *who)
{
    return strcmp(audience_part_model(who), "haproxy") == 0;
}

static void check_clients(const struct simulation *simulation, uint64_t seed)
{
    const struct simulate_pool *pool = simulation->pool;
    struct arena arena = {0};
    struct rational lost = {0};
    bool has_starttls = false;
    for (uint32_t i = 0; i < pool->target_count; i++)
        has_starttls |= !pool->targets[i].is_direct_tls;
    for (uint32_t i = 0; i < simulation->client_count; i++) {
        const struct simulation_client *client = &simulation->clients[i];
        struct rational sum = sum_of(pool, client->tried, &arena);
        struct rational part = rational_from(&arena, client->who.part_ppb, RATIO_ONE);
        bool sees_all = has_starttls || client->who.merge != SHARE_MERGE_STARTTLS_ONLY;
        LAW(is_whole(sum) || !sees_all || may_send_nobody(&client->who), seed, "client %u: sum %s",
            i, rational_print(sum, &arena));
        struct rational missing = rational_sub(&arena, rational_from(&arena, 1, 1), sum);
        lost = rational_add(&arena, lost, rational_mul(&arena, missing, part));
    }
    struct rational all = rational_add(&arena, simulation->merged.lost,
                                       sum_of(pool, simulation->merged.shares, &arena));
    LAW(is_whole(all), seed, "the audience sums to %s", rational_print(all, &arena));
    LAW(rational_compare(lost, simulation->merged.lost) == 0, seed, "%s of the audience are lost",
        rational_print(simulation->merged.lost, &arena));
    arena_fini(&arena);
}

static void check_outages(const struct simulation *simulation, uint64_t seed)
{
    struct arena arena = {0};
    for (uint32_t i = 0; i < simulation->pool->node_count; i++) {
        const struct simulation_outage *outage = &simulation->outages[i];
        LAW(rational_is_zero(outage->audience.shares[i]), seed, "a dead node gets connections");
        LAW(rational_is_zero(outage->withdrawn.shares[i]), seed, "a withdrawn one does");
        LAW(rational_compare(outage->ideal.dead_tried, simulation->ideal.shares[i]) == 0 ||
                outage->is_last || simulation->pool->service_count > 1,
            seed, "%s dead targets tried", rational_print(outage->ideal.dead_tried, &arena));
    }
    arena_fini(&arena);
}

static void check_simulation(const struct plan *plan, uint32_t domain, uint32_t service,
                             enum simulate_order order, uint64_t seed)
{
    struct arena arena = {0};
    struct error err = {0};
    struct simulation_question question = {
        .plan = plan,
        .pool = {.plan = plan, .domain = domain, .service = service},
        .order = order,
        .clients = 1000,
        .only_outage = INVENTORY_NONE};
    LAW(simulate_pool_of(&question.pool, &arena, &err), seed, "%s", err.message);
    if (question.pool.target_count > 0) {
        struct simulation *simulation = simulation_run(&question, &err);
        LAW(simulation, seed, "%s", err.message);
        check_clients(simulation, seed);
        check_outages(simulation, seed);
        simulation_free(simulation);
    }
    arena_fini(&arena);
}

static void shares_law(uint64_t seed)
{
    struct made made = made_of(seed);
    struct gen gen = gen_start(seed);
    for (uint32_t i = 0; made.plan && i < made.inventory->domain_count; i++) {
        const struct layout *layout = made.layout;
        uint32_t first = layout->domain_first[i], count = layout->domain_first[i + 1] - first;
        if (count == 0 || i > 2)
            continue;
        uint32_t set = layout->domain_sets[first + gen_below(&gen, count)];
        check_simulation(made.plan, i, layout->declared[set].service,
                         (enum simulate_order)gen_below(&gen, 3), seed);
    }
    made_fini(&made);
}

START_TEST(audiences_sum_to_one_and_the_dead_get_nothing)
{
    laws_try(ROUNDS, shares_law);
}
END_TEST

/* -- decay --------------------------------------------------------------------------------------
 */

static struct decay gen_decay(struct gen *gen, struct inventory_resolver_class *classes)
{
    struct decay decay = {.ttl_s = gen_below(gen, 4000)};
    uint32_t left = RATIO_ONE;
    if (gen_below(gen, 2)) {
        decay.ttl_before_s = decay.ttl_s + gen_below(gen, 4000);
        decay.lowered_s = gen_below(gen, decay.ttl_before_s + 100);
    }
    decay.publish_s = gen_below(gen, 3) ? 0 : gen_below(gen, 100);
    decay.client_cache_s = gen_below(gen, 2) ? 0 : gen_below(gen, 200);
    decay.resolvers = classes;
    decay.resolver_count = gen_below(gen, 3);
    for (uint32_t i = 0; i < decay.resolver_count; i++) {
        uint32_t share = gen_below(gen, left + 1);
        classes[i] = (struct inventory_resolver_class){.share_ppb = share,
                                                       .min_ttl_s = gen_below(gen, 2) * 600,
                                                       .max_ttl_s = gen_below(gen, 2) * 900};
        left -= share;
    }
    return decay;
}

static void decay_law(uint64_t seed)
{
    struct inventory_resolver_class classes[2];
    struct gen gen = gen_start(seed);
    struct decay decay = gen_decay(&gen, classes);
    double end_s = decay_end_s(&decay), before = 1, area = 0;
    LAW(decay_stale(&decay, 0) == 1 || end_s == 0, seed, "not whole at the withdrawal");
    LAW(decay_stale(&decay, end_s) == 0, seed, "not 0 at %f", end_s);
    for (int i = 1; i <= DECAY_POINTS; i++) {
        double stale = decay_stale(&decay, end_s * i / DECAY_POINTS);
        LAW(stale <= before + 1e-12 && stale >= 0, seed, "rises to %f at %d/%d", stale, i,
            DECAY_POINTS);
        area += (before + stale) / 2 * end_s / DECAY_POINTS;
        before = stale;
    }
    LAW(fabs(area - decay_area_s(&decay)) <= 0.02 * end_s + 1e-6, seed, "area %f, sum %f",
        decay_area_s(&decay), area);
}

START_TEST(decay_never_rises_and_is_zero_at_its_end)
{
    laws_try(DECAYS, decay_law);
}
END_TEST

/* -- tune ---------------------------------------------------------------------------------------
 */

static void tune_pool(const struct made *made, const struct simulate_pool *pool, uint64_t seed)
{
    struct arena arena = {0};
    struct error err = {0};
    struct audience audience =
        audience_of(&made->inventory->domains[pool->domain].audience, pool->role, &arena);
    const struct tune_question question = {pool, &audience, SIMULATE_ORDER_WEIGHTED};
    struct tune *tune = tune_search(&question, &err);
    LAW(tune || err.kind == ERROR_NOT_FOUND || err.kind == ERROR_UNSUPPORTED, seed, "%s",
        err.message);
    if (tune) {
        struct rational before = tune->before.loads[tune->before.worst];
        struct rational after = tune->after.loads[tune->after.worst];
        LAW(rational_compare(after, before) <= 0, seed, "%f became %f", rational_to_double(before),
            rational_to_double(after));
        LAW(rational_to_double(after) >= tune->reach - 0.005, seed, "%f is below %f",
            rational_to_double(after), tune->reach);
    }
    tune_free(tune);
    arena_fini(&arena);
}

static void tune_law(uint64_t seed)
{
    enum {
        TARGETS_MAX = 12
    }; /* more take their time, and show nothing new */
    struct made made = made_of(seed);
    struct arena arena = {0};
    struct error err = {0};
    struct simulate_pool pool = {.plan = made.plan};
    bool has_set =
        made.plan && made.inventory->domain_count > 0 && made.layout->domain_first[1] > 0;
    if (has_set)
        pool.service = made.layout->declared[made.layout->domain_sets[0]].service;
    if (has_set && simulate_pool_of(&pool, &arena, &err) && pool.target_count > 0 &&
        pool.target_count <= TARGETS_MAX)
        tune_pool(&made, &pool, seed);
    arena_fini(&arena);
    made_fini(&made);
}

START_TEST(tuning_never_makes_it_worse_nor_beats_its_bound)
{
    laws_try(TUNE_ROUNDS, tune_law);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, audiences_sum_to_one_and_the_dead_get_nothing);
    tcase_add_test(tcase, decay_never_rises_and_is_zero_at_its_end);
    tcase_add_test(tcase, tuning_never_makes_it_worse_nor_beats_its_bound);
}

int main(void)
{
    return laws_main(laws_suite, add);
}

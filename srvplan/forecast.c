/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/forecast.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    LIFE_ASSUMED_S = 24 * 3600,
    /* PAM 2023 (Moura et al.) saw 8.74 % of 8,524 resolvers hand TTLs out longer than they got
     * them; how much longer, policy.drain.resolver_max_ttl says, else an hour. */
    STRETCHING_PPB = 90 * (RATIO_ONE / 1000),
    STRETCHED_S = 3600,
};

/* Resolvers in front of a large public service, for what a TTL costs: a thousand busy ones, and
 * ever more that ask rarely. Sums to 61 look-ups a second. */
static const struct decay_askers example_askers[] = {
    {.count = 1000, .rate_per_s = 0.05},
    {.count = 10000, .rate_per_s = 0.001},
    {.count = 10000, .rate_per_s = 0.0001},
};

/* -- decay --------------------------------------------------------------------------------------
 */

static const struct inventory_policy *policy_of(const struct simulate_pool *pool)
{
    return &pool->plan->input.layout->inventory->policy;
}

static struct decay decay_of(const struct forecast *forecast, const struct simulate_pool *pool,
                             uint32_t ttl_s, struct arena *arena)
{
    const struct inventory_policy *policy = policy_of(pool);
    struct decay decay = {
        .ttl_s = ttl_s, .resolvers = policy->resolvers, .resolver_count = policy->resolver_count};
    if (!forecast->is_profile_assumed)
        return decay;
    struct inventory_resolver_class *stretching = arena_new(arena, struct inventory_resolver_class);
    *stretching = (struct inventory_resolver_class){
        .share_ppb = STRETCHING_PPB,
        .min_ttl_s = policy->resolver_max_ttl_s ? policy->resolver_max_ttl_s : STRETCHED_S};
    decay.resolvers = stretching;
    decay.resolver_count = 1;
    return decay;
}

/* The longest answer cache of a program that keeps one apart from TTLs. */
static uint32_t client_cache_s(const struct audience *audience)
{
    uint32_t longest_s = 0;
    for (uint32_t i = 0; i < audience->count; i++) {
        const struct client_profile *profile = audience->parts[i].profile;
        if (profile && profile->cache_s > longest_s)
            longest_s = profile->cache_s;
    }
    return longest_s;
}

static void curve_add(struct forecast *forecast, const struct simulate_pool *pool, const char *id,
                      const char *label, struct decay decay)
{
    double end_s = decay_end_s(&decay);
    forecast->curves[forecast->curve_count++] = (struct forecast_curve){
        .id = id,
        .label = label,
        .decay = decay,
        .end_s = end_s,
        .safe_s = ceil(end_s + policy_of(pool)->grace_s),
        .area_s = decay_area_s(&decay),
    };
}

static void curves_make(const struct forecast_question *question, struct arena *arena,
                        struct forecast *forecast)
{
    const struct simulate_pool *pool = question->pool;
    const struct plan_set *set = &pool->plan->sets[pool->set];
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    uint32_t drain_ttl_s = inventory->domains[pool->domain].drain_ttl_s;
    uint32_t cache_s = client_cache_s(question->audience);

    curve_add(forecast, pool, "published",
              arena_printf(arena, "TTL %u s, caches that keep to it", set->ttl_s),
              (struct decay){.ttl_s = set->ttl_s});
    if (drain_ttl_s && drain_ttl_s < set->ttl_s)
        curve_add(forecast, pool, "lowered",
                  arena_printf(arena, "TTL lowered to %u s in time", drain_ttl_s),
                  (struct decay){
                      .ttl_s = drain_ttl_s, .ttl_before_s = set->ttl_s, .lowered_s = set->ttl_s});
    if (cache_s)
        curve_add(forecast, pool, "client-cache",
                  arena_printf(arena, "programs with a cache of %u s of their own", cache_s),
                  (struct decay){.ttl_s = set->ttl_s, .client_cache_s = cache_s});
    curve_add(forecast, pool, "resolvers", "with resolvers that change TTLs",
              decay_of(forecast, pool, set->ttl_s, arena));
}

/* -- TTLs ---------------------------------------------------------------------------------------
 */

static int by_ttl(const void *left, const void *right)
{
    const struct forecast_ttl *a = left, *b = right;
    return a->ttl_s < b->ttl_s ? -1 : a->ttl_s > b->ttl_s;
}

static struct forecast_ttl *ttl_find(struct forecast *forecast, uint32_t ttl_s)
{
    for (uint32_t i = 0; i < forecast->ttl_count; i++)
        if (forecast->ttls[i].ttl_s == ttl_s)
            return &forecast->ttls[i];
    struct forecast_ttl *ttl = &forecast->ttls[forecast->ttl_count++];
    ttl->ttl_s = ttl_s;
    return ttl;
}

/* The mix of resolvers stays, and each gets more or fewer users: fewer of the same ones would look
 * cheaper than a small service is. */
static double queries_per_s(const struct forecast *forecast, double ttl_s)
{
    struct decay_askers askers[COUNT_OF(example_askers)];
    double example = decay_query_load(example_askers, COUNT_OF(example_askers), 0);
    for (size_t i = 0; i < COUNT_OF(askers); i++) {
        askers[i] = example_askers[i];
        askers[i].rate_per_s *= forecast->lookups_per_s / example;
    }
    return decay_query_load(askers, COUNT_OF(askers), ttl_s);
}

static void ttls_make(const struct forecast_question *question, struct forecast *forecast)
{
    static const uint32_t usual_s[] = {30, 60, 300, 900, 3600, 86400};
    static_assert(COUNT_OF(usual_s) + 2 <= FORECAST_TTLS, "the set's and the drain's come on top");
    const struct simulate_pool *pool = question->pool;
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    uint32_t drain_ttl_s = inventory->domains[pool->domain].drain_ttl_s;

    for (size_t i = 0; i < COUNT_OF(usual_s); i++)
        ttl_find(forecast, usual_s[i]);
    ttl_find(forecast, pool->plan->sets[pool->set].ttl_s)->is_present = true;
    if (drain_ttl_s)
        ttl_find(forecast, drain_ttl_s)->is_drain = true;
    for (uint32_t i = 0; i < forecast->ttl_count; i++) {
        struct forecast_ttl *ttl = &forecast->ttls[i];
        struct decay decay = {.ttl_s = ttl->ttl_s};
        ttl->safe_s = decay_end_s(&decay) + policy_of(pool)->grace_s;
        ttl->area_s = decay_area_s(&decay);
        ttl->queries_per_s = queries_per_s(forecast, ttl->ttl_s);
    }
    qsort(forecast->ttls, forecast->ttl_count, sizeof *forecast->ttls, by_ttl);
}

/* -- sessions -----------------------------------------------------------------------------------
 */

static double login_limit_per_s(const struct simulate_pool *pool, uint32_t node)
{
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    uint32_t milli = inventory->nodes[pool->nodes[node]].sessions.login_rate_limit_milli;
    return (milli ? milli : inventory->policy.sessions.login_rate_limit_milli) / 1000.0;
}

static void drain_make(const struct forecast_question *question, uint32_t node, struct arena *arena,
                       struct forecast *forecast)
{
    const struct simulate_pool *pool = question->pool;
    struct forecast_drain *drain = &forecast->drains[node];
    struct sessions_survivor *survivors =
        arena_array(arena, struct sessions_survivor, pool->node_count);
    double share = rational_to_double(question->shares[node]);
    drain->has_pace = true;
    for (uint32_t i = 0; i < pool->node_count; i++) {
        survivors[i] = (struct sessions_survivor){
            .share = rational_to_double(question->without[node][i]),
            .login_limit_per_s = login_limit_per_s(pool, i),
        };
        if (survivors[i].share > 0 && survivors[i].login_limit_per_s <= 0)
            drain->has_pace = false;
    }
    drain->sessions = (double)question->clients * share;
    drain->return_share =
        sessions_return_share(share, forecast->mean_life_s, forecast->mean_life_s / 4);
    if (!drain->has_pace)
        return;
    drain->pace_per_s = sessions_kick_pace(survivors, pool->node_count, forecast->arrivals_per_s);
    if (drain->sessions > 0)
        drain->evict_s =
            drain->pace_per_s > 0 ? drain->sessions / drain->pace_per_s : (double)INFINITY;
}

/* The mean of the nodes that say it, else the policy's; 0: nobody does. */
static double mean_life_s(const struct simulate_pool *pool)
{
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    double sum_s = 0;
    uint32_t known = 0;
    for (uint32_t i = 0; i < pool->node_count; i++) {
        uint32_t life_s = inventory->nodes[pool->nodes[i]].sessions.mean_life_s;
        sum_s += life_s;
        known += life_s > 0;
    }
    return known ? sum_s / known : inventory->policy.sessions.mean_life_s;
}

static void population_make(const struct audience *audience, struct forecast *forecast)
{
    for (uint32_t i = 0; i < audience->count; i++) {
        const struct audience_part *part = &audience->parts[i];
        if (!part->profile)
            continue;
        forecast->stored_ppb += part->profile->is_stored ? part->part_ppb : 0;
        forecast->located_ppb += part->profile->has_location ? part->part_ppb : 0;
    }
}

void forecast_make(const struct forecast_question *question, struct arena *arena,
                   struct forecast *forecast)
{
    const struct simulate_pool *pool = question->pool;
    *forecast = (struct forecast){
        .mean_life_s = mean_life_s(pool),
        .is_profile_assumed = policy_of(pool)->resolver_count == 0,
        .drains = arena_array(arena, struct forecast_drain, pool->node_count),
    };
    if (forecast->mean_life_s <= 0) {
        forecast->mean_life_s = LIFE_ASSUMED_S;
        forecast->is_life_assumed = true;
    }
    forecast->arrivals_per_s = (double)question->clients / forecast->mean_life_s;
    forecast->lookups_per_s = question->clients
                                  ? forecast->arrivals_per_s
                                  : decay_query_load(example_askers, COUNT_OF(example_askers), 0);
    population_make(question->audience, forecast);
    curves_make(question, arena, forecast);
    ttls_make(question, forecast);
    for (uint32_t i = 0; i < pool->node_count; i++)
        if (question->without[i])
            drain_make(question, i, arena, forecast);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forecasts of caches against worked numbers, and against caches that are played out one by one. */
#include "srvplan/decay.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct inventory_resolver_class stretching[] = {
    {.share_ppb = 90000000, .min_ttl_s = 3600}}; /* 9 % */
static const struct inventory_resolver_class capping[] = {
    {.share_ppb = RATIO_ONE / 2, .max_ttl_s = 60}, {.share_ppb = RATIO_ONE / 2}};

static const struct {
    const char *label;
    struct decay decay;
    double after_s, stale;
} points[] = {
    /* clang-format off */
    {"nothing is stale before it is withdrawn", {.ttl_s = 300}, -5, 1},
    {"a straight line: whole at the withdrawal", {.ttl_s = 300}, 0, 1},
    {"a straight line: a third less after a third", {.ttl_s = 300}, 100, 2.0 / 3},
    {"a straight line: 0 at the TTL", {.ttl_s = 300}, 300, 0},
    {"0 behind it", {.ttl_s = 300}, 1e9, 0},
    {"a TTL of 0 leaves nothing", {.ttl_s = 0}, 1, 0},
    {"a cache of its own, at once", {.ttl_s = 60, .client_cache_s = 60}, 0, 1},
    {"a cache of its own, 30 s", {.ttl_s = 60, .client_cache_s = 60}, 30, 0.875},
    {"a cache of its own, 60 s", {.ttl_s = 60, .client_cache_s = 60}, 60, 0.5},
    {"a cache of its own, 90 s", {.ttl_s = 60, .client_cache_s = 60}, 90, 0.125},
    {"a cache of its own ends at TTL and cache", {.ttl_s = 60, .client_cache_s = 60}, 120, 0},
    {"publication delays the whole line", {.ttl_s = 100, .publish_s = 20}, 20, 1},
    {"… by as much", {.ttl_s = 100, .publish_s = 20}, 70, 0.5},
    {"lowered long ago: the short TTL alone",
     {.ttl_s = 60, .ttl_before_s = 300, .lowered_s = 300}, 30, 0.5},
    /* x = 100 of T0 = 300: 2/3 on a line to 200, 1/3 on a line to 60 */
    {"lowered too late: both lines", {.ttl_s = 60, .ttl_before_s = 300, .lowered_s = 100}, 30,
     2.0 / 3 * (1 - 30.0 / 200) + 1.0 / 3 * 0.5},
    {"lowered too late: the old TTL is what lasts",
     {.ttl_s = 60, .ttl_before_s = 300, .lowered_s = 100}, 150, 2.0 / 3 * 0.25},
    {"resolvers that stretch: 91 % keep to it",
     {.ttl_s = 300, .resolvers = stretching, .resolver_count = 1}, 150, 0.91 / 2 + 0.09 * 23 / 24},
    {"resolvers that stretch: the tail", {.ttl_s = 300, .resolvers = stretching, .resolver_count = 1},
     1800, 0.045},
    {"resolvers that cap: half is sooner clean",
     {.ttl_s = 300, .resolvers = capping, .resolver_count = 2}, 150, 0.25},
    /* clang-format on */
};

START_TEST(the_stale_part_is_as_worked_out)
{
    double stale = decay_stale(&points[_i].decay, points[_i].after_s);
    ck_assert_msg(fabs(stale - points[_i].stale) < 1e-9, "%s: %.9f instead of %.9f",
                  points[_i].label, stale, points[_i].stale);
}
END_TEST

static const struct {
    const char *label;
    struct decay decay;
    double end_s, area_s;
} ends[] = {
    {"one TTL", {.ttl_s = 300}, 300, 150},
    {"lowered in time", {.ttl_s = 60, .ttl_before_s = 300, .lowered_s = 400}, 60, 30},
    {"lowered too late", {.ttl_s = 60, .ttl_before_s = 300, .lowered_s = 100}, 200, 200.0 / 3 + 10},
    {"with a client cache", {.ttl_s = 60, .client_cache_s = 60}, 120, 60},
    {"with a delay", {.ttl_s = 60, .publish_s = 10}, 70, 40},
    {"stretched",
     {.ttl_s = 300, .resolvers = stretching, .resolver_count = 1},
     3600,
     0.91 * 150 + 0.09 * 1800},
};

START_TEST(it_ends_where_the_last_cache_is_clean_and_brings_so_many_connections)
{
    ck_assert_msg(fabs(decay_end_s(&ends[_i].decay) - ends[_i].end_s) < 1e-9, "%s: ends %f",
                  ends[_i].label, decay_end_s(&ends[_i].decay));
    ck_assert_msg(fabs(decay_area_s(&ends[_i].decay) - ends[_i].area_s) < 1e-6, "%s: area %f",
                  ends[_i].label, decay_area_s(&ends[_i].decay));
    ck_assert_msg(decay_stale(&ends[_i].decay, ends[_i].end_s) == 0, "%s: not 0 at its end",
                  ends[_i].label);
}
END_TEST

/* -- caches played out --------------------------------------------------------------------------
 */

struct dice {
    uint64_t state;
};

static double dice_unit(struct dice *dice) /* above 0, at most 1 */
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return ((double)(dice->state >> 11) + 1) / 9007199254740992.0;
}

/* A resolver that is asked rate_per_s times a second, and where it is at after_s seconds behind the
 * withdrawal: whether it holds a set that was fetched before it. */
struct resolver {
    double rate_per_s;
    double ttl_s, ttl_before_s, lowered_s;
};

static bool is_stale(const struct resolver *resolver, double after_s, struct dice *dice)
{
    double longest_s = fmax(resolver->ttl_s, resolver->ttl_before_s);
    double begin_s = -(4 + dice_unit(dice)) * longest_s - resolver->lowered_s; /* out of step */
    double now_s = begin_s, fetched_s = 0, end_s = -INFINITY;
    while (now_s <= after_s) {
        if (now_s >= end_s) {
            fetched_s = now_s;
            end_s =
                now_s + (now_s < -resolver->lowered_s ? resolver->ttl_before_s : resolver->ttl_s);
        }
        now_s += -log(dice_unit(dice)) / resolver->rate_per_s;
    }
    return fetched_s < 0 && end_s > after_s;
}

static const struct {
    const char *label;
    struct resolver resolver;
    struct decay decay;
    double after_s;
} played[] = {
    /* clang-format off */
    {"quiet caches, at once", {1.0 / 30, 300, 300, 0}, {.ttl_s = 300}, 0},
    {"quiet caches, 100 s", {1.0 / 30, 300, 300, 0}, {.ttl_s = 300}, 100},
    {"quiet caches, 200 s", {1.0 / 30, 300, 300, 0}, {.ttl_s = 300}, 200},
    {"busy caches, half of the TTL", {1, 60, 60, 0}, {.ttl_s = 60}, 30},
    {"lowered too late", {2, 30, 300, 150}, {.ttl_s = 30, .ttl_before_s = 300, .lowered_s = 150}, 60},
    {"lowered in time", {2, 30, 300, 330}, {.ttl_s = 30, .ttl_before_s = 300, .lowered_s = 330}, 15},
    /* clang-format on */
};

enum {
    PLAYED_CACHES = 6000,
};

START_TEST(caches_that_are_played_out_behave_as_forecast)
{
    struct dice dice = {0x9E3779B97F4A7C15u + (uint64_t)_i};
    int stale = 0;
    for (int i = 0; i < PLAYED_CACHES; i++)
        stale += is_stale(&played[_i].resolver, played[_i].after_s, &dice);
    double fill = decay_cache_fill(played[_i].resolver.rate_per_s, played[_i].resolver.ttl_s);
    double forecast = fill * decay_stale(&played[_i].decay, played[_i].after_s);
    double seen = (double)stale / PLAYED_CACHES;
    /* Four standard deviations, and what the busy-cache line leaves out. */
    ck_assert_msg(fabs(seen - forecast) < 4 * sqrt(0.25 / PLAYED_CACHES) + 0.02,
                  "%s: seen %.3f, forecast %.3f (seed %d)", played[_i].label, seen, forecast, _i);
}
END_TEST

/* -- the rest -----------------------------------------------------------------------------------
 */

START_TEST(a_quiet_cache_holds_a_set_a_part_of_the_time)
{
    ck_assert_double_eq_tol(decay_cache_fill(1.0 / 30, 300), 10.0 / 11, 1e-12);
    ck_assert_double_eq_tol(decay_cache_fill(0, 300), 0, 1e-12);
}
END_TEST

START_TEST(stored_answers_leave_with_reconnects_not_with_ttls)
{
    ck_assert_double_eq_tol(decay_stored(1.0 / 3600, 3600), exp(-1), 1e-12);
    ck_assert_double_eq_tol(decay_stored(1.0 / 3600, -1), 1, 1e-12);
}
END_TEST

START_TEST(queries_are_what_resolvers_cannot_answer_themselves)
{
    const struct decay_askers askers[] = {{2, 1}, {100, 0.001}};
    double expected = 2 * 1 / (1 + 60.0) + 100 * 0.001 / (1 + 0.06);
    ck_assert_double_eq_tol(decay_query_load(askers, 2, 60), expected, 1e-12);
    ck_assert_double_eq_tol(decay_query_load(askers, 2, 0), 2.1, 1e-12); /* nothing is cached */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decay");
    TCase *tests = tcase_create("decay");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, the_stale_part_is_as_worked_out, 0, COUNT_OF(points));
    tcase_add_loop_test(tests, it_ends_where_the_last_cache_is_clean_and_brings_so_many_connections,
                        0, COUNT_OF(ends));
    tcase_add_loop_test(tests, caches_that_are_played_out_behave_as_forecast, 0, COUNT_OF(played));
    tcase_add_test(tests, a_quiet_cache_holds_a_set_a_part_of_the_time);
    tcase_add_test(tests, stored_answers_leave_with_reconnects_not_with_ttls);
    tcase_add_test(tests, queries_are_what_resolvers_cannot_answer_themselves);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

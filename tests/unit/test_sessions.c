/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/sessions.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

enum {
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
};

START_TEST(a_mean_life_of_a_day_has_nine_of_ten_gone_after_55_hours)
{
    ck_assert_double_eq_tol(sessions_left_after_s(DAY_S, 0.1), 55.26 * HOUR_S, 0.01 * HOUR_S);
    ck_assert_double_eq_tol(sessions_left(DAY_S, sessions_left_after_s(DAY_S, 0.1)), 0.1, 1e-9);
    ck_assert_double_eq(sessions_left(DAY_S, -1), 1);
}
END_TEST

/* dN/dt = Λs·stale - μN in small steps, from balance. */
static double stepped(const struct decay *decay, double life_s, double after_s)
{
    double n = 1, step_s = 0.25;
    for (double t = 0; t < after_s; t += step_s)
        n += step_s * (decay_stale(decay, t + step_s / 2) - n) / life_s;
    return n;
}

static const struct {
    const char *label;
    struct decay decay;
    double life_s, after_s;
} drains[] = {
    {"within the TTL", {.ttl_s = 300}, 3600, 200},
    {"long after it", {.ttl_s = 300}, 3600, 7200},
    {"a TTL as long as the life of a session", {.ttl_s = 3600}, 3600, 3600},
    {"lowered too late", {.ttl_s = 60, .ttl_before_s = 600, .lowered_s = 200}, 1800, 1000},
};

START_TEST(sessions_fall_as_the_flow_equation_says)
{
    double left = sessions_during_drain(&drains[_i].decay, drains[_i].life_s, drains[_i].after_s);
    double expected = stepped(&drains[_i].decay, drains[_i].life_s, drains[_i].after_s);
    ck_assert_msg(fabs(left - expected) < 1e-3, "%s: %.5f instead of %.5f", drains[_i].label, left,
                  expected);
    ck_assert(left >= sessions_left(drains[_i].life_s, drains[_i].after_s));
}
END_TEST

static const struct {
    const char *label;
    struct sessions_survivor survivors[3];
    uint32_t count;
    double arrivals_per_s, pace;
} paces[] = {
    {"50 log-ins a second on both, 60:40, 20 come anyway", {{0.6, 50}, {0.4, 50}}, 2, 20, 38 / 0.6},
    {"the weaker one decides", {{0.6, 500}, {0.4, 10}}, 2, 20, 5},
    {"one that is at its limit stops it", {{0.5, 10}, {0.5, 100}}, 2, 20, 0},
    {"a node without a share does not count", {{1, 30}, {0, 1}}, 2, 10, 20},
    {"with nobody to protect there is no limit", {{0, 1}}, 1, 10, INFINITY},
};

START_TEST(sessions_may_be_ended_as_fast_as_the_others_bear)
{
    double pace =
        sessions_kick_pace(paces[_i].survivors, paces[_i].count, paces[_i].arrivals_per_s);
    ck_assert_msg(pace == paces[_i].pace || fabs(pace - paces[_i].pace) < 1e-9, "%s: %f",
                  paces[_i].label, pace);
}
END_TEST

START_TEST(a_node_that_returns_needs_more_than_its_share_for_a_while)
{
    ck_assert_double_eq_tol(sessions_return_share(0.1, DAY_S, 4 * HOUR_S), 0.1 * 6.51, 0.001);
    ck_assert_double_eq(sessions_return_share(0.5, DAY_S, 4 * HOUR_S), 1); /* at most all */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sessions");
    TCase *tests = tcase_create("sessions");
    tcase_add_test(tests, a_mean_life_of_a_day_has_nine_of_ten_gone_after_55_hours);
    tcase_add_loop_test(tests, sessions_fall_as_the_flow_equation_says, 0, COUNT_OF(drains));
    tcase_add_loop_test(tests, sessions_may_be_ended_as_fast_as_the_others_bear, 0,
                        COUNT_OF(paces));
    tcase_add_test(tests, a_node_that_returns_needs_more_than_its_share_for_a_while);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

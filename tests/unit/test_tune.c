/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "planned_text.h"
#include "srvplan/tune.h"
#include "srvplan/tune_reach.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct planned_text planned;

static void teardown(void)
{
    planned_text_fini(&planned);
    arena_fini(&arena);
    arena = (struct arena){0};
    planned = (struct planned_text){0};
}

/* Nodes of these capacities for xmpp-client, with the audience. */
static void plan_cluster(const char *capacities, const char *audience)
{
    const char *nodes = "";
    int number = 0;
    for (const char *at = capacities; *at; at += strspn(at, " ")) {
        nodes = arena_printf(&arena,
                             "%s%s\"n%d\": { \"addresses\": [\"192.0.2.%d\"], \"capacity\": %d }",
                             nodes, number ? ", " : "", number + 1, number + 1, atoi(at));
        number++;
        at += strcspn(at, " ");
    }
    planned = planned_text_from(arena_printf(
        &arena,
        "{ \"srvplan\": 1, \"domains\": { \"example.org\": { \"services\": [\"xmpp-client\"] } },"
        "  \"nodes\": { %s }, \"policy\": { \"audience\": { %s } } }",
        nodes, audience));
}

static struct tune *tune_cluster(struct error *err)
{
    struct simulate_pool *pool = arena_new(&arena, struct simulate_pool);
    struct audience *audience = arena_new(&arena, struct audience);
    ck_assert(
        simulate_pool_find(planned.plan, text_from("example.org/xmpp-client"), &arena, pool, err));
    *audience = audience_of(&planned.inventory->domains[0].audience, pool->role, &arena);
    const struct tune_question question = {.pool = pool, .audience = audience};
    return tune_search(&question, err);
}

static double worst(const struct simulation_line *line)
{
    return rational_to_double(line->loads[line->worst]);
}

static const struct {
    const char *label, *capacities, *audience;
    double before, after, reach; /* greatest loads, within a hundredth */
    bool is_better;
} cases[] = {
    {"who follows the weights needs no tuning", "50 30 20", "", 1, 1, 1, false},
    {"everybody on the heaviest: equal weights spread them", "100 100", "\"heaviest\": 1", 1, 1, 1,
     false},
    {"5:3 of those who take the heaviest: half and half is best", "50 30", "\"heaviest\": 1", 1.6,
     4.0 / 3, 4.0 / 3, true},
    /* .3 + .7a = .5L and .7(1 - 2a) = .2L: who is heaviest has the most water, too */
    {"a third takes the heaviest: the others make room", "50 30 20", "\"heaviest\": \"30%\"", 1.3,
     1.083, 1.081, true},
    {"everybody hashes: records of one bucket share them", "100 100", "\"conversations\": 1", 2, 1,
     1, true},
};

START_TEST(weights_are_found_or_nothing_is_gained)
{
    struct error err = {0};
    plan_cluster(cases[_i].capacities, cases[_i].audience);
    struct tune *tune = tune_cluster(&err);
    ck_assert_msg(tune, "%s: %s", cases[_i].label, err.message);
    ck_assert_msg(fabs(worst(&tune->before) - cases[_i].before) < 0.01, "%s: before %.3f",
                  cases[_i].label, worst(&tune->before));
    ck_assert_msg(fabs(worst(&tune->after) - cases[_i].after) < 0.01, "%s: after %.3f",
                  cases[_i].label, worst(&tune->after));
    ck_assert_msg(fabs(tune->reach - cases[_i].reach) < 0.01, "%s: reach %.3f", cases[_i].label,
                  tune->reach);
    ck_assert_msg(tune->is_better == cases[_i].is_better, "%s", cases[_i].label);
    tune_free(tune);
}
END_TEST

START_TEST(tuned_weights_are_whole_units_that_a_set_can_carry)
{
    struct error err = {0};
    plan_cluster("50 30 20", "\"heaviest\": \"30%\", \"ejabberd\": 0");
    struct tune *tune = tune_cluster(&err);
    uint32_t sum = 0;
    ck_assert(tune && tune->is_better);
    for (uint32_t i = 0; i < tune->node_count; i++) {
        ck_assert_uint_eq(tune->weights[i] % TUNE_UNIT, 0);
        ck_assert_uint_gt(tune->weights[i], 0);
        sum += tune->weights[i];
    }
    ck_assert_uint_le(sum, TUNE_UNIT * TUNE_UNITS_MAX);
    ck_assert_uint_gt(tune->step_count, 0);
    ck_assert_uint_le(tune->evaluations, TUNE_EVALUATIONS_MAX + 3);
    tune_free(tune);
}
END_TEST

START_TEST(the_same_question_has_the_same_answer)
{
    struct error err = {0};
    plan_cluster("70 20 10", "\"heaviest\": \"20%\", \"conversations\": \"20%\"");
    struct tune *first = tune_cluster(&err), *again = tune_cluster(&err);
    ck_assert_mem_eq(first->weights, again->weights, first->node_count * sizeof *first->weights);
    ck_assert_uint_eq(first->evaluations, again->evaluations);
    tune_free(first);
    tune_free(again);
}
END_TEST

START_TEST(one_node_in_front_cannot_be_tuned)
{
    struct error err = {0};
    plan_cluster("100", "");
    ck_assert_ptr_null(tune_cluster(&err));
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "weights decide nothing with 1 node"));
}
END_TEST

/* -- what no weights reach ----------------------------------------------------------------------
 */

enum {
    NODES_MAX = 3
};

static const struct {
    const char *label;
    double parts[NODES_MAX], fixed[NODES_MAX];
    double hashing, heaviest, fluid, reach;
    uint32_t count;
} bounds[] = {
    {"water finds its level", {.5, .3, .2}, {0}, 0, 0, 1, 1, 3},
    {"who hashes goes to the largest at best", {.5, .3, .2}, {0}, .75, 0, .25, 1.5, 3},
    {"… and is hidden where there is room", {.5, .3, .2}, {0}, .4, 0, .6, 1, 3},
    {"who takes the heaviest may be spread evenly", {.5, .5}, {0}, 0, 1, 0, 1, 2},
    {"… over unlike nodes at a price", {.625, .375}, {0}, 0, 1, 0, 4.0 / 3, 2},
    {"who hashes on the first, the heaviest on the second",
     {.5, .3, .2},
     {0},
     .45,
     .12,
     .43,
     1.016406,
     3},
    {"what goes somewhere whatever the weights are", {.5, .3, .2}, {0, 0, .4}, 0, 0, .6, 2, 3},
};

START_TEST(the_bound_is_as_worked_out)
{
    double fixed[NODES_MAX];
    memcpy(fixed, bounds[_i].fixed, sizeof fixed);
    const struct tune_masses masses = {bounds[_i].hashing, bounds[_i].heaviest, fixed,
                                       bounds[_i].fluid};
    double reach = tune_reach(&masses, bounds[_i].parts, bounds[_i].count);
    ck_assert_msg(fabs(reach - bounds[_i].reach) < 1e-6, "%s: %f", bounds[_i].label, reach);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tune");
    TCase *tests = tcase_create("tune");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, weights_are_found_or_nothing_is_gained, 0, COUNT_OF(cases));
    tcase_add_test(tests, tuned_weights_are_whole_units_that_a_set_can_carry);
    tcase_add_test(tests, the_same_question_has_the_same_answer);
    tcase_add_test(tests, one_node_in_front_cannot_be_tuned);
    tcase_add_loop_test(tests, the_bound_is_as_worked_out, 0, COUNT_OF(bounds));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

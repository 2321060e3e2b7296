/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/weights.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum {
    CAPACITIES_MAX = 6
};

/* The expected numbers are worked out by hand from the definition of the scale. */
static const struct {
    const char *label;
    enum weights_scale scale;
    uint32_t total, minimum; /* 0: 1 */
    uint32_t count;
    uint32_t capacities[CAPACITIES_MAX];
    uint16_t weights[CAPACITIES_MAX];
    const char *refused_with;
} cases[] = {
    /* clang-format off */
    {.label = "5:3:2 stays exact, times 25 times 256", .count = 3,
     .capacities = {200, 120, 80}, .weights = {32000, 19200, 12800}},
    {.label = "5:3 stays exact, times 31 times 256", .count = 2,
     .capacities = {200, 120}, .weights = {39680, 23808}},
    {.label = "one node gets the whole scale", .count = 1,
     .capacities = {7}, .weights = {65280}},
    {.label = "equal nodes get equal weights", .count = 4,
     .capacities = {100, 100, 100, 100}, .weights = {16128, 16128, 16128, 16128}},
    {.label = "a reduced sum of 255 is still exact", .count = 2,
     .capacities = {254, 1}, .weights = {65024, 256}},
    {.label = "a reduced sum of 256 is apportioned over 255", .count = 2,
     .capacities = {129, 127}, .weights = {128 * 256, 127 * 256}},
    {.label = "of equal remainders the first gets the unit", .count = 3, /* 126.5 126.5 1.99 */
     .capacities = {127, 127, 2}, .weights = {127 * 256, 126 * 256, 2 * 256}},
    {.label = "the largest remainders get what is left", .count = 3, /* 85.57 84.71 84.71 */
     .capacities = {101, 100, 100}, .weights = {85 * 256, 85 * 256, 85 * 256}},
    {.label = "who would get nothing gets one unit from the largest", .count = 3,
     .capacities = {1000000000, 1, 1}, .weights = {253 * 256, 256, 256}},
    {.label = "of two equally large ones the later pays", .count = 3,
     .capacities = {1000000, 1000000, 1}, .weights = {127 * 256, 127 * 256, 256}},
    {.label = "two that pay for two: the first keeps the odd unit", .count = 4,
     .capacities = {1000000, 1000000, 1, 1}, .weights = {127 * 256, 126 * 256, 256, 256}},
    {.label = "raw: the capacity is the weight, as in the Openfire guide",
     .scale = WEIGHTS_RAW, .count = 2, .capacities = {50, 30}, .weights = {50, 30}},
    {.label = "raw: 65535 is a weight", .scale = WEIGHTS_RAW, .count = 1,
     .capacities = {65535}, .weights = {65535}},
    {.label = "universal: a minimum above the smallest is taken from the largest",
     .count = 3, .minimum = 2000, /* 8 units */
     .capacities = {200, 50, 5}, .weights = {197 * 256, 50 * 256, 8 * 256}},
    {.label = "universal: a minimum that the exact weights keep changes nothing",
     .count = 2, .minimum = 20000, .capacities = {200, 120}, .weights = {39680, 23808}},
    {.label = "universal: a minimum that does not fit is refused", .count = 2, .minimum = 32768,
     .capacities = {1, 1}, .refused_with = "need a sum of 65536, and the scale gives 65280"},
    {.label = "hamilton: 5:3:2 of 1000", .scale = WEIGHTS_HAMILTON, .total = 1000, .count = 3,
     .capacities = {200, 120, 80}, .weights = {500, 300, 200}},
    {.label = "hamilton: after one of them is gone, the others change",
     .scale = WEIGHTS_HAMILTON, .total = 1000, .count = 2,
     .capacities = {200, 80}, .weights = {714, 286}},
    {.label = "hamilton: the Alabama paradox, before", .scale = WEIGHTS_HAMILTON, .total = 48,
     .count = 4, .capacities = {21, 98, 76, 6}, .weights = {5, 23, 18, 2}},
    {.label = "hamilton: the Alabama paradox, after: one more, and the last loses one",
     .scale = WEIGHTS_HAMILTON, .total = 49,
     .count = 4, .capacities = {21, 98, 76, 6}, .weights = {5, 24, 19, 1}},
    {.label = "hamilton: of equal remainders the first gets the unit",
     .scale = WEIGHTS_HAMILTON, .total = 100, .count = 3,
     .capacities = {7, 7, 7}, .weights = {34, 33, 33}},
    {.label = "hamilton: nobody is left out", .scale = WEIGHTS_HAMILTON, .total = 10, .count = 3,
     .capacities = {1000, 1, 1}, .weights = {8, 1, 1}},
    {.label = "hamilton: a minimum is taken from the largest", .scale = WEIGHTS_HAMILTON,
     .total = 100, .minimum = 20, .count = 3,
     .capacities = {80, 10, 10}, .weights = {60, 20, 20}},
    {.label = "hamilton: more nodes than units are refused", .scale = WEIGHTS_HAMILTON,
     .total = 2, .count = 3, .capacities = {1, 1, 1},
     .refused_with = "3 nodes with a weight of at least 1 each need a sum of 3"},
    {.label = "human: the smallest whole numbers", .scale = WEIGHTS_HUMAN, .count = 3,
     .capacities = {200, 120, 80}, .weights = {5, 3, 2}},
    {.label = "human: one node", .scale = WEIGHTS_HUMAN, .count = 1,
     .capacities = {700}, .weights = {1}},
    {.label = "human: a minimum multiplies all", .scale = WEIGHTS_HUMAN, .minimum = 10, .count = 2,
     .capacities = {5, 3}, .weights = {20, 12}},
    {.label = "human: ratios of 16 bits fit", .scale = WEIGHTS_HUMAN, .count = 2,
     .capacities = {65535, 1}, .weights = {65535, 1}},
    {.label = "human: ratios of more do not", .scale = WEIGHTS_HUMAN, .count = 2,
     .capacities = {65536, 1}, .refused_with = "reach 65536"},
    {.label = "human: nor with a minimum that needs more", .scale = WEIGHTS_HUMAN, .count = 2,
     .minimum = 2, .capacities = {32768, 1}, .refused_with = "reach 65536"},
    {.label = "raw: a minimum raises those below it", .scale = WEIGHTS_RAW, .count = 3,
     .minimum = 10, .capacities = {50, 9, 10}, .weights = {50, 10, 10}},
    {.label = "raw: 65536 is none", .scale = WEIGHTS_RAW, .count = 2,
     .capacities = {1, 65536}, .refused_with = "65536"},
    {.label = "a capacity of 0 is refused", .count = 2,
     .capacities = {5, 0}, .refused_with = "capacity 0"},
    {.label = "raw: a capacity of 0 is refused", .scale = WEIGHTS_RAW, .count = 2,
     .capacities = {5, 0}, .refused_with = "capacity 0"},
    {.label = "no node at all is refused", .count = 0, .refused_with = "0 nodes"},
    /* clang-format on */
};

START_TEST(capacities_become_weights_or_a_reason)
{
    struct error err = {0};
    uint16_t got[CAPACITIES_MAX] = {0};
    const struct weights_policy policy = {.scale = cases[_i].scale,
                                          .hamilton_total = cases[_i].total,
                                          .minimum = cases[_i].minimum ? cases[_i].minimum : 1};
    bool ok = weights_from_capacities(&policy, cases[_i].capacities, cases[_i].count, got, &err);

    ck_assert_msg(ok == !cases[_i].refused_with, "%s: %s", cases[_i].label, err.message);
    for (uint32_t i = 0; i < CAPACITIES_MAX; i++)
        ck_assert_msg(got[i] == cases[_i].weights[i], "%s: weight %u is %u instead of %u",
                      cases[_i].label, i, got[i], cases[_i].weights[i]);
    ck_assert_msg(ok || strstr(err.message, cases[_i].refused_with), "%s: '%s' does not say '%s'",
                  cases[_i].label, err.message, cases[_i].refused_with);
}
END_TEST

/* `stable` as the manual tells it: which factor an inventory gets. */
static const struct {
    const char *label;
    uint32_t usual; /* capacity of `defaults` */
    uint32_t count;
    uint32_t capacities[CAPACITIES_MAX];
    uint16_t weights[CAPACITIES_MAX];
} stables[] = {
    /* clang-format off */
    {.label = "the usual capacity weighs 1000", .usual = 100, .count = 4,
     .capacities = {200, 120, 80, 100}, .weights = {2000, 1200, 800, 1000}},
    {.label = "a node more changes nothing", .usual = 100, .count = 5,
     .capacities = {200, 120, 80, 100, 1000}, .weights = {2000, 1200, 800, 1000, 10000}},
    {.label = "half the usual capacity still fits", .usual = 100, .count = 2,
     .capacities = {50, 6553}, .weights = {500, 65530}},
    {.label = "another usual capacity is another factor", .usual = 20, .count = 3,
     .capacities = {10, 20, 60}, .weights = {500, 1000, 3000}},
    {.label = "small numbers get 64 times the weight", .usual = 100, .count = 3,
     .capacities = {5, 3, 2}, .weights = {3200, 1920, 1280}},
    {.label = "numbers of sessions get a 64th", .usual = 100, .count = 2,
     .capacities = {20000, 5000}, .weights = {3125, 781}},
    {.label = "from 4 times the usual capacity on, an eighth", .usual = 100, .count = 2,
     .capacities = {400, 800}, .weights = {500, 1000}},
    {.label = "the smallest decides, whatever the largest is", .usual = 100, .count = 2,
     .capacities = {399, 6553}, .weights = {3990, 65530}},
    {.label = "unless that is too large: then as little as gives 500", .usual = 100, .count = 2,
     .capacities = {1000, 40}, .weights = {20000, 800}},
    {.label = "one with more than 131 times between them the largest that fits", .usual = 100,
     .count = 2, .capacities = {1000000, 10}, .weights = {39063, 1}},
    {.label = "halves are rounded up", .usual = 2000, .count = 3,
     .capacities = {1001, 1003, 2000}, .weights = {501, 502, 1000}},
    {.label = "the extremes of what may be declared", .usual = 1, .count = 2,
     .capacities = {1000000000, 1}, .weights = {59605, 1}},
    {.label = "and the other way round", .usual = 1000000000, .count = 1,
     .capacities = {1}, .weights = {1074}},
    /* clang-format on */
};

START_TEST(stable_weights_have_one_factor_for_the_inventory)
{
    struct inventory_node nodes[CAPACITIES_MAX] = {0};
    struct inventory inventory = {
        .nodes = nodes,
        .node_count = stables[_i].count,
        .policy = {.scale = WEIGHTS_STABLE, .weight_min = 1, .usual_capacity = stables[_i].usual}};
    uint16_t got[CAPACITIES_MAX] = {0};
    for (uint32_t i = 0; i < stables[_i].count; i++)
        nodes[i].capacity = stables[_i].capacities[i];
    const struct weights_policy policy = weights_policy_of(&inventory);

    ck_assert(
        weights_from_capacities(&policy, stables[_i].capacities, stables[_i].count, got, NULL));
    for (uint32_t i = 0; i < CAPACITIES_MAX; i++)
        ck_assert_msg(got[i] == stables[_i].weights[i], "%s: weight %u is %u instead of %u",
                      stables[_i].label, i, got[i], stables[_i].weights[i]);
}
END_TEST

START_TEST(a_minimum_raises_one_stable_weight_only)
{
    static const uint32_t capacities[] = {200, 20};
    const struct weights_policy policy = {
        .scale = WEIGHTS_STABLE, .minimum = 500, .factor_num = 10, .factor_den = 1};
    uint16_t got[2];
    ck_assert(weights_from_capacities(&policy, capacities, 2, got, NULL));
    ck_assert_uint_eq(got[0], 2000);
    ck_assert_uint_eq(got[1], 500);
}
END_TEST

START_TEST(a_scale_is_printed_as_an_inventory_writes_it)
{
    struct arena arena = {0};
    ck_assert_str_eq(weights_scale_print(WEIGHTS_HAMILTON, 1000, &arena), "hamilton:1000");
    ck_assert_str_eq(weights_scale_print(WEIGHTS_STABLE, 0, &arena), "stable");
    arena_fini(&arena);
}
END_TEST

static const struct {
    const char *label;
    uint32_t count;
    uint32_t first; /* capacity of the first node; the others have 1 */
} crowds[] = {
    {.label = "256 equal nodes", .count = 256, .first = 1},
    {.label = "1000 nodes, one of them huge", .count = 1000, .first = 1000000000},
    {.label = "as many nodes as a set may have", .count = 65535, .first = 1000000000},
};

START_TEST(more_than_255_nodes_share_65535_and_none_is_left_out)
{
    uint32_t *capacities = calloc(crowds[_i].count, sizeof *capacities);
    uint16_t *weights = calloc(crowds[_i].count, sizeof *weights);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < crowds[_i].count; i++)
        capacities[i] = i ? 1 : crowds[_i].first;

    const struct weights_policy policy = {.scale = WEIGHTS_UNIVERSAL, .minimum = 1};
    ck_assert(weights_from_capacities(&policy, capacities, crowds[_i].count, weights, NULL));

    for (uint32_t i = 0; i < crowds[_i].count; i++) {
        ck_assert_msg(weights[i] >= 1, "%s: node %u has weight 0", crowds[_i].label, i);
        sum += weights[i];
    }
    ck_assert_msg(sum == 65535, "%s: the sum is %llu", crowds[_i].label, (unsigned long long)sum);
    free(capacities);
    free(weights);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("weights");
    TCase *tcase = tcase_create("weights");
    tcase_add_loop_test(tcase, capacities_become_weights_or_a_reason, 0, COUNT_OF(cases));
    tcase_add_loop_test(tcase, stable_weights_have_one_factor_for_the_inventory, 0,
                        COUNT_OF(stables));
    tcase_add_test(tcase, a_minimum_raises_one_stable_weight_only);
    tcase_add_test(tcase, a_scale_is_printed_as_an_inventory_writes_it);
    tcase_add_loop_test(tcase, more_than_255_nodes_share_65535_and_none_is_left_out, 0,
                        COUNT_OF(crowds));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

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
    bool ok =
        weights_from_capacities(cases[_i].scale, cases[_i].capacities, cases[_i].count, got, &err);

    ck_assert_msg(ok == !cases[_i].refused_with, "%s: %s", cases[_i].label, err.message);
    for (uint32_t i = 0; i < CAPACITIES_MAX; i++)
        ck_assert_msg(got[i] == cases[_i].weights[i], "%s: weight %u is %u instead of %u",
                      cases[_i].label, i, got[i], cases[_i].weights[i]);
    ck_assert_msg(ok || strstr(err.message, cases[_i].refused_with), "%s: '%s' does not say '%s'",
                  cases[_i].label, err.message, cases[_i].refused_with);
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

    ck_assert(
        weights_from_capacities(WEIGHTS_UNIVERSAL, capacities, crowds[_i].count, weights, NULL));

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
    tcase_add_loop_test(tcase, more_than_255_nodes_share_65535_and_none_is_left_out, 0,
                        COUNT_OF(crowds));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

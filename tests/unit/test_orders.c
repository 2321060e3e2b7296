/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders of an SRV set: permutations, lowest priority first, near the weights, evenly in turn. */
#include "zones/orders.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORDS_MAX = 1000,
    ROUNDS = 400,
};

static struct arena arena;

static void tear_down(void)
{
    arena_fini(&arena);
}

/* "10:5 10:3 20:1" → records; "200*10:1" repeats. */
static uint32_t parse(const char *text, struct orders_record *records)
{
    uint32_t count = 0;
    for (int used = 0; *text; text += used) {
        unsigned times = 1, priority = 0, weight = 0;
        used = 0;
        if (sscanf(text, "%u*%u:%u %n", &times, &priority, &weight, &used) != 3) {
            times = 1;
            ck_assert_int_eq(sscanf(text, "%u:%u %n", &priority, &weight, &used), 2);
        }
        while (times--)
            records[count++] = (struct orders_record){(uint16_t)priority, (uint16_t)weight};
    }
    return count;
}

/* -- the table ----------------------------------------------------------------------------------
 */

/* The orders as letters, all in one; of larger sets their number alone. */
static const struct {
    const char *label, *records;
    uint32_t max, count;
    bool is_close;
    const char *orders;
} cases[] = {
    {"nobody", "", 128, 1, true, ""},
    {"one alone", "10:5", 128, 1, true, "A"},
    {"two alike take turns", "10:1 10:1", 128, 2, true, "AB BA"},
    {"of one alike in each tier nothing moves", "20:1 10:1", 128, 1, true, "BA"},
    {"three alike stand in each order once", "10:7 10:7 10:7", 128, 6, true,
     "ABC BCA CAB ACB BAC CBA"},
    {"3:1", "10:3 10:1", 128, 4, true, "AB AB BA AB"},
    {"weight 0 stands last in its priority", "10:0 10:1 20:5", 128, 1, true, "BAC"},
    {"several of weight 0 take turns there", "10:0 10:1 10:0 10:1", 128, 2, true, "BDAC DBCA"},
    {"weight 0 alone is shared evenly", "10:0 10:0", 128, 2, true, "AB BA"},
    {"the tier behind is spread, too", "10:1 20:1 20:1", 128, 2, true, "ABC ACB"},
    {"human weights", "10:5 10:3 10:2", 128, 20, true, NULL},
    {"the same ratios", "10:50 10:30 10:20", 128, 20, true, NULL},
    {"a node that tries 1 %", "10:99 10:1", 128, 67, true, NULL},
    {"a tenth of an order is no order", "10:65535 10:1", 128, 1, false, "AB"},
    {"200 nodes want 200 orders", "200*10:1", 128, 128, false, NULL},
    {"little room", "10:1 10:1 10:1", 2, 2, false, NULL},
    {"room for one: the heaviest first", "10:1 10:3 10:2", 1, 1, false, "BCA"},
};

static char *letters(const uint32_t *orders, uint32_t record_count, uint32_t count)
{
    char *text = arena_alloc(&arena, (size_t)(record_count + 1) * count + 1), *at = text;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < record_count; j++)
            *at++ = (char)('A' + orders[i * record_count + j]);
        if (i + 1 < count)
            *at++ = ' ';
    }
    return text;
}

START_TEST(a_set_has_the_fewest_orders_that_follow_its_weights)
{
    struct orders_record records[RECORDS_MAX];
    uint32_t n = parse(cases[_i].records, records);
    struct orders_choice choice = orders_choose(&arena, records, n, cases[_i].max);
    ck_assert_msg(choice.count == cases[_i].count && choice.is_close == cases[_i].is_close,
                  "%s: %u orders, close %d, %u ppm misplaced", cases[_i].label, choice.count,
                  choice.is_close, choice.misplaced_ppm);
    if (!cases[_i].orders)
        return;
    const char *got = letters(orders_make(&arena, records, n, choice.count), n, choice.count);
    ck_assert_msg(strcmp(got, cases[_i].orders) == 0, "%s: %s", cases[_i].label, got);
}
END_TEST

START_TEST(what_misses_the_weights_is_said)
{
    struct orders_record records[RECORDS_MAX];
    uint32_t n = parse("200*10:1", records);
    struct orders_choice choice = orders_choose(&arena, records, n, 128);
    ck_assert_uint_eq(choice.misplaced_ppm, 360000); /* 72 of 200 are never first */
    ck_assert_uint_ge(choice.record, 128);
    ck_assert_uint_eq(choice.first_count, 0);
    n = parse("10:1 20:1 20:1 20:1", records);
    choice = orders_choose(&arena, records, n, 2); /* the tier behind counts as well */
    ck_assert(!choice.is_close);
    ck_assert_uint_eq(choice.misplaced_ppm, 333333);
    ck_assert_uint_eq(choice.record, 3);
}
END_TEST

/* -- laws ---------------------------------------------------------------------------------------
 */

static uint64_t seed = 0x5eed0de5;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

/* Records as people and scales make them. */
static uint32_t generate(struct orders_record *records)
{
    static const uint32_t tops[] = {2, 10, 100, 65536};
    uint32_t n = 1 + draw(draw(8) ? 12 : 60), tiers = 1 + draw(3), top = tops[draw(4)];
    for (uint32_t i = 0; i < n; i++)
        records[i] = (struct orders_record){(uint16_t)(10 * draw(tiers)), (uint16_t)draw(top)};
    return n;
}

static bool is_before(const struct orders_record *records, uint32_t a, uint32_t b)
{
    if (records[a].priority != records[b].priority)
        return records[a].priority < records[b].priority;
    return records[a].weight != 0 || records[b].weight == 0;
}

START_TEST(each_order_has_every_record_once_priorities_ascend_and_weight_0_is_last)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct orders_record records[RECORDS_MAX];
        uint64_t begun = seed;
        uint32_t n = generate(records), max = 1 + draw(ORDERS_MAX);
        uint32_t count = orders_choose(&arena, records, n, max).count;
        const uint32_t *orders = orders_make(&arena, records, n, count);
        ck_assert_msg(count >= 1 && count <= max, "seed %#llx", (unsigned long long)begun);
        for (uint32_t i = 0; i < count; i++) {
            bool seen[RECORDS_MAX] = {false};
            for (uint32_t j = 0; j < n; j++) {
                uint32_t record = orders[i * n + j];
                ck_assert_msg(record < n && !seen[record], "seed %#llx", (unsigned long long)begun);
                seen[record] = true;
                ck_assert_msg(j == 0 || is_before(records, orders[i * n + j - 1], record),
                              "seed %#llx: order %u, place %u", (unsigned long long)begun, i, j);
            }
        }
        tear_down();
    }
}
END_TEST

/* Where the records of a record's priority begin, and the sum of weights there. */
static uint32_t tier_of(const struct orders_record *records, uint32_t n, uint32_t record,
                        uint64_t *sum)
{
    uint32_t before = 0;
    *sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        before += records[i].priority < records[record].priority;
        *sum += records[i].priority == records[record].priority ? records[i].weight : 0;
    }
    return before;
}

START_TEST(first_places_are_within_one_in_a_hundred_or_that_is_said)
{
    int close = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct orders_record records[RECORDS_MAX];
        uint64_t begun = seed;
        uint32_t n = generate(records);
        struct orders_choice choice = orders_choose(&arena, records, n, ORDERS_MAX);
        const uint32_t *orders = orders_make(&arena, records, n, choice.count);
        close += choice.is_close;
        for (uint32_t record = 0; record < n; record++) {
            uint64_t sum = 0, firsts = 0;
            uint32_t at = tier_of(records, n, record, &sum);
            for (uint32_t i = 0; i < choice.count; i++)
                firsts += orders[i * n + at] == record;
            int64_t off = llabs((int64_t)(firsts * sum) -
                                (int64_t)((uint64_t)records[record].weight * choice.count));
            int64_t whole = (int64_t)(sum * choice.count);
            if (sum == 0)
                continue;
            ck_assert_msg(!choice.is_close || off * 100 <= whole,
                          "seed %#llx: record %u of %u is first in %u of %u orders",
                          (unsigned long long)begun, record, n, (unsigned)firsts, choice.count);
            /* and never farther off than what is said of the worst */
            ck_assert_msg(off * 1000000 / whole <= (int64_t)choice.misplaced_ppm + 1,
                          "seed %#llx: record %u", (unsigned long long)begun, record);
        }
        tear_down();
    }
    ck_assert_int_gt(close, ROUNDS / 2);
}
END_TEST

START_TEST(any_run_of_answers_is_near_the_weights)
{
    /* In k answers in a row, from anywhere and on into the next round, a record is first within two
     * places of its part of k. */
    struct orders_record records[RECORDS_MAX];
    uint32_t n = parse("10:50 10:23 10:13 10:9 10:5", records);
    uint32_t count = orders_choose(&arena, records, n, ORDERS_MAX).count;
    const uint32_t *orders = orders_make(&arena, records, n, count);
    uint32_t total[5] = {0};
    for (uint32_t i = 0; i < count; i++)
        total[orders[i * n]]++;
    for (uint32_t from = 0; from < count; from++)
        for (uint32_t record = 0, firsts = 0; record < n; record++, firsts = 0)
            for (uint32_t k = 1; k <= count; k++) {
                firsts += orders[(from + k - 1) % count * n] == record;
                ck_assert_int_le(abs((int)(firsts * count) - (int)(total[record] * k)),
                                 2 * (int)count);
            }
}
END_TEST

START_TEST(when_one_is_lost_the_others_keep_their_ratio)
{
    static const char *const sets[] = {
        "10:1 10:1 10:1", "10:5 10:3 10:2",           "10*10:1",
        "20*10:1",        "10:8 10:7 10:6 10:5 10:4", "10:10000 10:11000 10:12100"};
    for (size_t s = 0; s < COUNT_OF(sets); s++) {
        struct orders_record records[RECORDS_MAX];
        uint32_t n = parse(sets[s], records), sum = 0;
        uint32_t count = orders_choose(&arena, records, n, ORDERS_MAX).count;
        const uint32_t *orders = orders_make(&arena, records, n, count);
        for (uint32_t i = 0; i < n; i++)
            sum += records[i].weight;
        for (uint32_t lost = 0; lost < n; lost++)
            for (uint32_t i = 0; i < n; i++) {
                double planned = (double)records[i].weight / (sum - records[lost].weight);
                uint32_t takes = 0;
                for (uint32_t k = 0; k < count; k++)
                    takes += orders[k * n + (orders[k * n] == lost)] == i;
                ck_assert_msg(i == lost || (double)takes / count - planned < 0.025001,
                              "%s without %u: %u takes %u of %u", sets[s], lost, i, takes, count);
            }
    }
}
END_TEST

START_TEST(same_records_give_the_same_orders)
{
    struct orders_record records[RECORDS_MAX];
    uint32_t n = generate(records);
    uint32_t count = orders_choose(&arena, records, n, ORDERS_MAX).count;
    ck_assert_mem_eq(orders_make(&arena, records, n, count), orders_make(&arena, records, n, count),
                     sizeof(uint32_t) * n * count);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("orders");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_set_has_the_fewest_orders_that_follow_its_weights, 0,
                        COUNT_OF(cases));
    tcase_add_test(tcase, what_misses_the_weights_is_said);
    tcase_add_test(tcase, each_order_has_every_record_once_priorities_ascend_and_weight_0_is_last);
    tcase_add_test(tcase, first_places_are_within_one_in_a_hundred_or_that_is_said);
    tcase_add_test(tcase, any_run_of_answers_is_near_the_weights);
    tcase_add_test(tcase, when_one_is_lost_the_others_keep_their_ratio);
    tcase_add_test(tcase, same_records_give_the_same_orders);
    Suite *suite = suite_create("orders");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

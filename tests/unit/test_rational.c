/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/rational.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static struct rational of(const char *text)
{
    struct rational a = {0};
    ck_assert_msg(rational_parse(text_from(text), &arena, &a), "'%s' is no fraction", text);
    return a;
}

static void free_arena(void)
{
    arena_fini(&arena);
}

static const struct {
    const char *a, *b, *sum, *difference, *product, *quotient;
} cases[] = {
    /* clang-format off */
    {"1/2", "1/3", "5/6", "1/6", "1/6", "3/2"},
    {"1/3", "1/2", "5/6", "-1/6", "1/6", "2/3"},
    {"0/1", "7/1", "7/1", "-7/1", "0/1", "0/1"},
    {"2/4", "1/2", "1/1", "0/1", "1/4", "1/1"}, /* what was parsed is reduced */
    {"-3/4", "3/4", "0/1", "-3/2", "-9/16", "-1/1"},
    /* 2^64 and its square do not fit a machine word */
    {"18446744073709551616/3", "1/18446744073709551616",
     "340282366920938463463374607431768211459/55340232221128654848",
     "340282366920938463463374607431768211453/55340232221128654848", "1/3",
     "340282366920938463463374607431768211456/3"},
    /* clang-format on */
};

START_TEST(fractions_are_added_subtracted_multiplied_and_divided_exactly)
{
    struct rational a = of(cases[_i].a), b = of(cases[_i].b);
    ck_assert_str_eq(rational_print(rational_add(&arena, a, b), &arena), cases[_i].sum);
    ck_assert_str_eq(rational_print(rational_sub(&arena, a, b), &arena), cases[_i].difference);
    ck_assert_str_eq(rational_print(rational_mul(&arena, a, b), &arena), cases[_i].product);
    ck_assert_str_eq(rational_print(rational_div(&arena, a, b), &arena), cases[_i].quotient);
}
END_TEST

START_TEST(a_zeroed_fraction_is_zero)
{
    struct rational zero = {0};
    ck_assert(rational_is_zero(zero));
    ck_assert_str_eq(rational_print(zero, &arena), "0/1");
    ck_assert_int_eq(rational_compare(zero, rational_from(&arena, 0, 5)), 0);
    ck_assert_int_lt(rational_compare(zero, rational_from(&arena, 1, UINT64_MAX)), 0);
    ck_assert_int_gt(rational_compare(zero, of("-1/2")), 0);
}
END_TEST

START_TEST(a_copy_outlives_the_arena_it_came_from)
{
    struct arena first = {0};
    struct rational a = rational_from(&first, UINT64_MAX, 7);
    struct rational copy = rational_copy(&arena, a);
    arena_fini(&first);
    ck_assert_str_eq(rational_print(copy, &arena), "18446744073709551615/7");
}
END_TEST

START_TEST(what_is_no_fraction_is_not_parsed)
{
    static const char *const wrong[] = {"",      "1",     "1/",   "/1",    "1/0", "1/-2",
                                        "--1/2", "1/2/3", "1 /2", "0x1/2", "-",   "+1/2"};
    struct rational a = rational_from(&arena, 5, 8);
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        ck_assert_msg(!rational_parse(text_from(wrong[i]), &arena, &a), "'%s'", wrong[i]);
    ck_assert_str_eq(rational_print(a, &arena), "5/8");
}
END_TEST

START_TEST(parts_for_display_are_rounded_half_up)
{
    ck_assert_uint_eq(rational_to_parts(of("1/2"), 1000), 500);
    ck_assert_uint_eq(rational_to_parts(of("2/3"), 1000), 667);
    ck_assert_uint_eq(rational_to_parts(of("1/3"), 1000), 333);
    ck_assert_uint_eq(rational_to_parts(of("1/2000"), 1000), 1);
    ck_assert_uint_eq(rational_to_parts(of("1/2001"), 1000), 0);
    ck_assert_uint_eq(rational_to_parts(of("0/1"), 1000), 0);
    ck_assert_double_eq(rational_to_double(of("5/8")), 0.625);
}
END_TEST

START_TEST(a_row_of_sums_adds_fractions_and_parts_of_other_sums)
{
    struct rational_sums row;
    rational_sums_init(&row, 2);
    ck_assert(rational_sums_is_zero(&row, 1));
    rational_sums_add(&row, 0, of("1/2"));
    rational_sums_add(&row, 0, of("1/3"));
    rational_sums_add_part(&row, 1, &row, 0, (struct rational_part){3, 5});
    rational_sums_add_part(&row, 0, &row, 0, (struct rational_part){1, 1}); /* doubles itself */
    ck_assert_str_eq(rational_print(rational_sums_get(&row, 0, &arena), &arena), "5/3");
    ck_assert_str_eq(rational_print(rational_sums_get(&row, 1, &arena), &arena), "1/2");
    rational_sums_fini(&row);
    rational_sums_fini(&row); /* zeroed is fine */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rational");
    TCase *tcase = tcase_create("rational");
    tcase_add_checked_fixture(tcase, NULL, free_arena);
    tcase_add_loop_test(tcase, fractions_are_added_subtracted_multiplied_and_divided_exactly, 0,
                        (int)COUNT_OF(cases));
    tcase_add_test(tcase, a_zeroed_fraction_is_zero);
    tcase_add_test(tcase, a_copy_outlives_the_arena_it_came_from);
    tcase_add_test(tcase, what_is_no_fraction_is_not_parsed);
    tcase_add_test(tcase, parts_for_display_are_rounded_half_up);
    tcase_add_test(tcase, a_row_of_sums_adds_fractions_and_parts_of_other_sums);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

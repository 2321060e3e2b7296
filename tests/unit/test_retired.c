/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones that are gone: each once, with its newest serial, and found however many there are. */
#include "api/world/retired.h"

#include <check.h>
#include <stdio.h>
#include <time.h>

static const struct store_zone first[] = {
    {.name = {"b.example.", 10}, .serial = 20},
    {.name = {"a.example.", 10}, .serial = 10},
    {.name = {"d.example.", 10}, .serial = 40},
};
static const struct store_zone second[] = {
    {.name = {"c.example.", 10}, .serial = 30},
    {.name = {"a.example.", 10}, .serial = 11},
};

START_TEST(the_newest_serial_of_each_is_found)
{
    struct retired retired = {0};
    ck_assert_uint_eq(retired_serial(&retired, text_from("a.example.")), 0);
    retired_add(&retired, first, COUNT_OF(first));
    ck_assert_uint_eq(retired_serial(&retired, text_from("a.example.")), 10);
    retired_add(&retired, second, COUNT_OF(second));
    retired_add(&retired, NULL, 0);
    ck_assert_uint_eq(retired.count, 4);
    ck_assert_uint_eq(retired_serial(&retired, text_from("a.example.")), 11);
    ck_assert_uint_eq(retired_serial(&retired, text_from("b.example.")), 20);
    ck_assert_uint_eq(retired_serial(&retired, text_from("c.example.")), 30);
    ck_assert_uint_eq(retired_serial(&retired, text_from("d.example.")), 40);
    ck_assert_uint_eq(retired_serial(&retired, text_from("e.example.")), 0);
    retired_fini(&retired);
}
END_TEST

enum {
    MANY = 100000
};

/* What once compared each with each: 10^10 comparisons are minutes. */
START_TEST(a_hundred_thousand_come_and_go_within_seconds)
{
    static char names[MANY][24];
    static struct store_zone zones[MANY];
    struct retired retired = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "d%u.example.", i * 7919 % MANY);
        zones[i] = (struct store_zone){.name = text_from(names[i]), .serial = i + 1};
    }
    clock_t begun = clock();
    for (int round = 0; round < 3; round++)
        retired_add(&retired, zones, MANY);
    ck_assert_uint_eq(retired.count, MANY);
    for (uint32_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(retired_serial(&retired, zones[i].name), i + 1);
    ck_assert_int_lt((clock() - begun) / CLOCKS_PER_SEC, 20);
    retired_fini(&retired);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("retired");
    TCase *tcase = tcase_create("retired");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_newest_serial_of_each_is_found);
    tcase_add_test(tcase, a_hundred_thousand_come_and_go_within_seconds);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker that does not leave its batch is seen, and nobody else. */
#include <check.h>
#include <stdlib.h>
#include "dnsd/vigil.h"
#include "fixture.h"

enum {
    WORKERS = 3
};

static struct generations all;
static struct vigil vigil;
static struct error err;
static int64_t now_ms;

static void set_up(void)
{
    err = (struct error){0};
    now_ms = 1000;
    ck_assert(generations_init(&all, WORKERS, &err));
    ck_assert(vigil_init(&vigil, &all, &err));
}

static void tear_down(void)
{
    vigil_fini(&vigil);
    generations_fini(&all);
}

static int look_often(int looks)
{
    int seen = -1;
    for (int i = 0; i < looks && seen < 0; i++, now_ms += VIGIL_LOOK_MS)
        seen = vigil_look(&vigil, now_ms);
    return seen;
}

START_TEST(a_worker_that_waits_is_never_stuck)
{
    (void)generation_enter(&all, 1);
    generation_leave(&all, 1);
    ck_assert_int_eq(look_often(100), -1);
}
END_TEST

START_TEST(a_worker_in_one_batch_for_two_seconds_is_stuck)
{
    (void)generation_enter(&all, 1);
    ck_assert_int_eq(look_often(VIGIL_LOOKS), -1);
    ck_assert_int_eq(look_often(1), 1);
    generation_leave(&all, 1);
    ck_assert_int_eq(look_often(100), -1);
}
END_TEST

START_TEST(a_busy_worker_is_not_stuck)
{
    for (int i = 0; i < 100; i++) {
        (void)generation_enter(&all, 2); /* found inside at every look, in other batches */
        ck_assert_int_eq(look_often(1), -1);
    }
}
END_TEST

START_TEST(time_that_nobody_looked_does_not_count)
{
    (void)generation_enter(&all, 0);
    ck_assert_int_eq(look_often(2), -1);
    now_ms += 1000000; /* suspended */
    ck_assert_int_eq(look_often(2), -1);
    ck_assert_int_eq(vigil_look(&vigil, now_ms - VIGIL_LOOK_MS + 1), -1); /* too early */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vigil");
    TCase *tcase = tcase_create("vigil");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_worker_that_waits_is_never_stuck);
    tcase_add_test(tcase, a_worker_in_one_batch_for_two_seconds_is_stuck);
    tcase_add_test(tcase, a_busy_worker_is_not_stuck);
    tcase_add_test(tcase, time_that_nobody_looked_does_not_count);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

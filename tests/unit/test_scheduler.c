/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scheduler over the kernel's own clocks. */
#include "api/world/scheduler.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    LONG_MS = 20000
};

static struct scheduler *scheduler;
static struct clock_reading since;

static void build(void)
{
    struct error err = {0};
    scheduler = scheduler_open(&err);
    ck_assert_msg(scheduler != NULL, "%s", err.message);
    scheduler_read(scheduler, &since);
}

static void tear_down(void)
{
    scheduler_close(scheduler);
}

static int64_t waited_ms(void)
{
    struct clock_reading now;
    scheduler_read(scheduler, &now);
    return now.monotonic_ms - since.monotonic_ms;
}

START_TEST(it_wakes_at_the_instant)
{
    scheduler_wait(scheduler, since.real_ms + 100, LONG_MS);
    ck_assert_int_ge(waited_ms(), 99);
    ck_assert_int_lt(waited_ms(), LONG_MS / 2);
}
END_TEST

START_TEST(it_wakes_at_once_when_the_instant_is_over)
{
    scheduler_wait(scheduler, since.real_ms - 5000, LONG_MS);
    scheduler_wait(scheduler, INT64_MIN, LONG_MS);
    ck_assert_int_lt(waited_ms(), LONG_MS / 2);
}
END_TEST

START_TEST(it_wakes_after_the_longest_time)
{
    scheduler_wait(scheduler, INT64_MAX, 100);
    ck_assert_int_ge(waited_ms(), 99);
    ck_assert_int_lt(waited_ms(), LONG_MS / 2);
}
END_TEST

START_TEST(a_knock_before_it_sleeps_is_heard_once)
{
    scheduler_knock(scheduler);
    scheduler_knock(scheduler);
    scheduler_wait(scheduler, since.real_ms + LONG_MS, LONG_MS);
    ck_assert_int_lt(waited_ms(), LONG_MS / 2);
    scheduler_wait(scheduler, since.real_ms + LONG_MS, 100);
    ck_assert_int_ge(waited_ms(), 99);
}
END_TEST

static void *knock_later(void *unused)
{
    (void)unused;
    usleep(50000); /* what is tested is a sleep */
    scheduler_knock(scheduler);
    return NULL;
}

START_TEST(a_knock_from_another_thread_wakes_it)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, knock_later, NULL), 0);
    scheduler_wait(scheduler, since.real_ms + LONG_MS, LONG_MS);
    ck_assert_int_lt(waited_ms(), LONG_MS / 2);
    pthread_join(thread, NULL);
}
END_TEST

/* Sets the clock to what it says. */
static void *set_clock_later(void *result)
{
    struct timespec now;
    usleep(50000);
    clock_gettime(CLOCK_REALTIME, &now);
    *(int *)result = clock_settime(CLOCK_REALTIME, &now) == 0 ? 0 : errno;
    if (*(int *)result)
        scheduler_knock(scheduler);
    return NULL;
}

START_TEST(it_wakes_when_the_clock_is_set)
{
    pthread_t thread;
    int failure = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, set_clock_later, &failure), 0);
    scheduler_wait(scheduler, since.real_ms + LONG_MS, LONG_MS);
    int64_t after_ms = waited_ms();
    pthread_join(thread, NULL);
    if (failure)
        fprintf(stderr, "skipped: this user may not set the clock\n");
    ck_assert_int_lt(after_ms, LONG_MS / 2);
}
END_TEST

START_TEST(it_does_not_sleep_when_the_clock_was_set_just_before)
{
    struct timespec now;
    scheduler_wait(scheduler, since.real_ms + 1, LONG_MS);
    clock_gettime(CLOCK_REALTIME, &now);
    if (clock_settime(CLOCK_REALTIME, &now) != 0) {
        fprintf(stderr, "skipped: this user may not set the clock\n");
        return;
    }
    scheduler_wait(scheduler, since.real_ms + LONG_MS, LONG_MS);
    ck_assert_int_lt(waited_ms(), LONG_MS / 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scheduler");
    TCase *tcase = tcase_create("scheduler");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, build, tear_down);
    tcase_add_test(tcase, it_wakes_at_the_instant);
    tcase_add_test(tcase, it_wakes_at_once_when_the_instant_is_over);
    tcase_add_test(tcase, it_wakes_after_the_longest_time);
    tcase_add_test(tcase, a_knock_before_it_sleeps_is_heard_once);
    tcase_add_test(tcase, a_knock_from_another_thread_wakes_it);
    tcase_add_test(tcase, it_wakes_when_the_clock_is_set);
    tcase_add_test(tcase, it_does_not_sleep_when_the_clock_was_set_just_before);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

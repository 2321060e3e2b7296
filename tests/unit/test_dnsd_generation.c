/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Swapping: nobody reads what is closed, and what is retired is final. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "dnsd/generation.h"
#include "fixture.h"

enum {
    WORKERS = 3
};

static struct generations all;
static struct error err;

static void set_up(void)
{
    err = (struct error){0};
    ck_assert(generations_init(&all, WORKERS, &err));
}

static void tear_down(void)
{
    generations_fini(&all);
}

static void take(uint64_t number, int64_t now_ms)
{
    struct fixture fixture;
    fixture_build(&fixture, number, 1);
    ck_assert_msg(generations_take(&all, &fixture.image, now_ms, &err), "%s", err.message);
    ck_assert_ptr_null(fixture.image.table); /* it was taken */
    fixture_fini(&fixture);
}

static uint64_t collect(void)
{
    uint64_t number = 0;
    return generations_collect(&all, &number) ? number : 0;
}

START_TEST(without_a_generation_a_worker_gets_none_and_holds_up_the_first)
{
    ck_assert_ptr_null(generation_enter(&all, 0));
    ck_assert(generations_settled(&all)); /* there is nothing to be settled */
    take(5, 0);
    ck_assert(!generations_settled(&all)); /* worker 0 still answers from nothing */
    generation_leave(&all, 0);
    ck_assert(generations_settled(&all));
    ck_assert_uint_eq(generation_enter(&all, 0)->number, 5);
    ck_assert(generations_settled(&all));
}
END_TEST

START_TEST(an_old_image_lives_as_long_as_a_worker_uses_it)
{
    take(5, 0);
    const struct generation *old = generation_enter(&all, 1);
    take(6, 10);
    ck_assert(!generations_settled(&all));
    ck_assert_uint_eq(collect(), 0);
    ck_assert_ptr_nonnull(old->image.table);
    ck_assert_uint_eq(generation_enter(&all, 2)->number, 6); /* others go on */
    ck_assert(!generations_settled(&all));
    generation_leave(&all, 1);
    ck_assert(generations_settled(&all));
    ck_assert(generations_are_retiring(&all));
    ck_assert_uint_eq(collect(), 5);
    ck_assert(!generations_are_retiring(&all));
    ck_assert_uint_eq(collect(), 0);
}
END_TEST

START_TEST(a_worker_that_is_about_to_look_counts_as_old)
{
    take(5, 0);
    atomic_store(&all.words[0].using, USING_UNSURE);
    take(6, 0);
    ck_assert(!generations_settled(&all));
    ck_assert_uint_eq(collect(), 0);
    atomic_store(&all.words[0].using, USING_NONE);
    ck_assert_uint_eq(collect(), 5);
}
END_TEST

START_TEST(streams_hold_the_last_served_memory_but_not_the_image)
{
    take(5, 0);
    struct generation *old = generation_enter(&all, WORKERS - 1);
    atomic_fetch_add(&old->in_streams, 1);
    generation_leave(&all, WORKERS - 1);
    take(6, 1000);
    ck_assert_uint_eq(collect(), 0);
    ck_assert_ptr_null(old->image.table);
    ck_assert_ptr_nonnull(old->served.header);
    ck_assert_uint_eq(generations_overdue(&all, 999), 0);
    ck_assert_uint_eq(generations_overdue(&all, 1000), old->sequence + 1);
    atomic_fetch_sub(&old->in_streams, 1);
    ck_assert_uint_eq(generations_overdue(&all, 1000), 0);
    ck_assert_uint_eq(collect(), 5);
}
END_TEST

START_TEST(when_no_slot_is_free_the_current_one_goes_on)
{
    struct fixture fixture;
    for (uint64_t number = 1; number <= GENERATION_SLOTS; number++) {
        take(number, 0);
        atomic_fetch_add(&atomic_load(&all.current)->in_streams, 1);
    }
    ck_assert(!generations_have_room(&all));
    fixture_build(&fixture, 99, 1);
    ck_assert(!generations_take(&all, &fixture.image, 0, &err));
    ck_assert_ptr_null(fixture.image.table);
    fixture_fini(&fixture);
    ck_assert_uint_eq(atomic_load(&all.current)->number, GENERATION_SLOTS);
}
END_TEST

START_TEST(served_times_round_up)
{
    take(5, 0);
    const struct generation *now = atomic_load(&all.current);
    generation_note_served(now, 1, 3, 1000000);
    ck_assert_uint_eq(served_memory_latest(&now->served, 3), 1000);
    generation_note_served(now, 1, 3, 1000001);
    ck_assert_uint_eq(served_memory_latest(&now->served, 3), 1001);
    ck_assert_uint_eq(served_memory_latest(&now->served, 2), 0);
}
END_TEST

START_TEST(workers_and_generations_begin_at_different_orders)
{
    /* One query to each worker in each of 20 generations: 60 beginnings in as many orders, spread
     * out. */
    uint32_t used[128] = {0}, count = 0, unused = 0;
    for (uint64_t number = 1; number <= 20; number++) {
        take(number, 0);
        const struct generation *now = atomic_load(&all.current);
        count = now->image.sets[FIXTURE_WIDE].answer_count;
        for (uint32_t worker = 0; worker < WORKERS; worker++) {
            uint32_t turn = generation_turns(now, worker)[FIXTURE_WIDE];
            ck_assert_uint_lt(turn, count);
            used[turn]++;
            ck_assert_uint_eq(generation_turns(now, worker)[FIXTURE_NS], 0); /* it has one */
        }
        (void)collect();
    }
    ck_assert_uint_eq(count, 60);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_msg(used[i] <= 2, "order %u of %u: %u times", i, count, used[i]);
        unused += used[i] == 0;
    }
    ck_assert_uint_le(unused, 15); /* by chance it would be 22 */
}
END_TEST

/* -- under load ---------------------------------------------------------------------------------
 */

static atomic_bool done;

/* Reads all over the image of whatever generation it gets; a sanitizer sees a closed one. */
static void *reader(void *argument)
{
    const uint32_t worker = *(const uint32_t *)argument;
    uint64_t last = 0, rounds = 0;
    while (!atomic_load(&done)) {
        const struct generation *now = generation_enter(&all, worker);
        if (now) {
            const struct image_answers_header *header = now->image.answers_header;
            if (header->generation != now->number || header->generation < last ||
                generation_turns(now, worker)[0] != 0)
                abort();
            last = header->generation;
            generation_note_served(now, worker, 0, 1000);
        }
        generation_leave(&all, worker);
        rounds++;
    }
    return rounds ? NULL : argument;
}

START_TEST(readers_never_see_a_closed_or_older_generation)
{
    pthread_t threads[WORKERS];
    uint32_t worker[WORKERS];
    atomic_store(&done, false);
    for (uint32_t i = 0; i < WORKERS; i++) {
        worker[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, reader, &worker[i]), 0);
    }
    for (uint64_t number = 1; number <= 8; number++) {
        while (!generations_have_room(&all))
            (void)collect();
        take(number, 0);
        (void)collect();
    }
    atomic_store(&done, true);
    for (uint32_t i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    while (generations_are_retiring(&all))
        ck_assert_uint_ne(collect(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnsd/generation");
    TCase *tests = tcase_create("generation");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, without_a_generation_a_worker_gets_none_and_holds_up_the_first);
    tcase_add_test(tests, an_old_image_lives_as_long_as_a_worker_uses_it);
    tcase_add_test(tests, a_worker_that_is_about_to_look_counts_as_old);
    tcase_add_test(tests, streams_hold_the_last_served_memory_but_not_the_image);
    tcase_add_test(tests, when_no_slot_is_free_the_current_one_goes_on);
    tcase_add_test(tests, served_times_round_up);
    tcase_add_test(tests, workers_and_generations_begin_at_different_orders);
    tcase_add_test(tests, readers_never_see_a_closed_or_older_generation);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

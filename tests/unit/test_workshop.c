/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The workshop and the shelf of plans: order, bounds, and what an end leaves. */
#include "api/world/plan_shelf.h"
#include "api/http/workshop.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* -- workshop ------------------------------------------------------------------------------------
 */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open, has_begun;
    int order[8];
    int count;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Holds the workshop up until the gate opens. */
static void wait_at_gate(void *context)
{
    (void)context;
    pthread_mutex_lock(&gate.lock);
    gate.has_begun = true;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.is_open)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void note(void *context)
{
    pthread_mutex_lock(&gate.lock);
    gate.order[gate.count++] = *(int *)context;
    pthread_mutex_unlock(&gate.lock);
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static struct workshop *held_workshop(size_t room)
{
    struct workshop *workshop = workshop_start(room);
    gate.is_open = gate.has_begun = false;
    gate.count = 0;
    ck_assert(workshop_add(workshop, wait_at_gate, NULL));
    pthread_mutex_lock(&gate.lock);
    while (!gate.has_begun)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return workshop;
}

START_TEST(tasks_run_in_their_order_and_all_of_them_before_an_end)
{
    static int numbers[] = {1, 2, 3};
    struct workshop *workshop = held_workshop(3);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        ck_assert(workshop_add(workshop, note, &numbers[i]));
    open_gate();
    workshop_stop(workshop);
    ck_assert_int_eq(gate.count, 3);
    ck_assert_mem_eq(gate.order, numbers, sizeof numbers);
}
END_TEST

START_TEST(who_finds_no_room_is_turned_away)
{
    static int number = 1;
    struct workshop *workshop = held_workshop(2);
    ck_assert(workshop_add(workshop, note, &number));
    ck_assert(workshop_add(workshop, note, &number));
    ck_assert(!workshop_add(workshop, note, &number));
    open_gate();
    workshop_stop(workshop);
    ck_assert_int_eq(gate.count, 2);
}
END_TEST

/* -- shelf ---------------------------------------------------------------------------------------
 */

static struct arena arena;

static void clear(void)
{
    arena_fini(&arena);
}

static struct shelved_plan plan_of(size_t bytes)
{
    struct shelved_plan plan = {.overlays = {"{}", 2}};
    char *text = arena_alloc(&arena, bytes + 1);
    memset(text, ' ', bytes);
    plan.document = (struct text){text, bytes};
    plan_shelf_id_make(plan.id);
    plan.checksum.byte[0] = 7;
    return plan;
}

static bool has(struct plan_shelf *shelf, const struct shelved_plan *plan, int64_t now_ms)
{
    struct shelved_plan got;
    return plan_shelf_get(shelf, text_from(plan->id), now_ms, &arena, &got);
}

START_TEST(a_plan_comes_back_as_it_was_for_an_hour)
{
    struct plan_shelf *shelf = plan_shelf_new();
    struct shelved_plan plan = plan_of(100), got = {0};
    plan_shelf_put(shelf, &plan, 1000);
    ck_assert(
        plan_shelf_get(shelf, text_from(plan.id), 1000 + PLAN_SHELF_KEPT_MS - 1, &arena, &got));
    ck_assert_str_eq(got.id, plan.id);
    ck_assert(text_equal(got.document, plan.document) && text_equal(got.overlays, plan.overlays));
    ck_assert(got.document.ptr != plan.document.ptr);
    ck_assert(digest_equal(&got.checksum, &plan.checksum));
    ck_assert(!has(shelf, &plan, 1000 + PLAN_SHELF_KEPT_MS));
    struct shelved_plan other = plan_of(1);
    ck_assert(!has(shelf, &other, 1000));
    plan_shelf_free(shelf);
}
END_TEST

START_TEST(the_oldest_make_room_by_number)
{
    struct plan_shelf *shelf = plan_shelf_new();
    struct shelved_plan first = plan_of(1), second = plan_of(1);
    plan_shelf_put(shelf, &first, 1);
    plan_shelf_put(shelf, &second, 2);
    for (int i = 0; i < PLAN_SHELF_MAX_PLANS - 1; i++) {
        struct shelved_plan more = plan_of(1);
        plan_shelf_put(shelf, &more, 3);
    }
    ck_assert(!has(shelf, &first, 4));
    ck_assert(has(shelf, &second, 4));
    plan_shelf_free(shelf);
}
END_TEST

START_TEST(the_oldest_make_room_by_bytes)
{
    struct plan_shelf *shelf = plan_shelf_new();
    struct shelved_plan first = plan_of(PLAN_SHELF_MAX_BYTES / 2), second = plan_of(100);
    struct shelved_plan third = plan_of(PLAN_SHELF_MAX_BYTES / 2);
    plan_shelf_put(shelf, &first, 1);
    plan_shelf_put(shelf, &second, 2);
    ck_assert(has(shelf, &first, 2) && has(shelf, &second, 2));
    plan_shelf_put(shelf, &third, 3);
    ck_assert(!has(shelf, &first, 3));
    ck_assert(has(shelf, &second, 3) && has(shelf, &third, 3));
    plan_shelf_free(shelf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workshop");
    TCase *tcase = tcase_create("workshop");
    tcase_add_checked_fixture(tcase, NULL, clear);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, tasks_run_in_their_order_and_all_of_them_before_an_end);
    tcase_add_test(tcase, who_finds_no_room_is_turned_away);
    tcase_add_test(tcase, a_plan_comes_back_as_it_was_for_an_hour);
    tcase_add_test(tcase, the_oldest_make_room_by_number);
    tcase_add_test(tcase, the_oldest_make_room_by_bytes);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

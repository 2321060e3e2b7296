/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is believed of a clock that is set, and what never happens whatever is done to it. */
#include "api/world/timekeeper.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define S(seconds) ((int64_t)(seconds)*1000)
#define HOUR S(3600)
#define DAY (24 * HOUR)
#define START INT64_C(1790000000000) /* 2026 */

static struct timekeeper keeper;
static struct clock_reading clock_;
static struct time_news news;

static void look(void)
{
    news = timekeeper_look(&keeper, &clock_);
}

static void pass(int64_t ms)
{
    clock_.real_ms += ms;
    clock_.boot_ms += ms;
    clock_.monotonic_ms += ms;
    look();
}

static void set(int64_t by_ms)
{
    clock_.real_ms += by_ms;
    look();
}

static int64_t now(void)
{
    return timekeeper_now_ms(&keeper, &clock_);
}

/* A keeper that runs for a day, with a revision of an hour ago. */
static void build(void)
{
    clock_ = (struct clock_reading){START, DAY, DAY};
    timekeeper_init(&keeper, &clock_);
    timekeeper_publish(&keeper, START);
    keeper.limit_at_ms = INT64_MAX;
    pass(HOUR);
}

static const struct {
    const char *label;
    int64_t set_ms;
    enum time_state state;
    int64_t now_ms;   /* after START, at once */
    int64_t moved_ms; /* at once */
} sets[] = {
    {"not at all", 0, TIME_RIGHT, HOUR, 0},
    {"less than we can read", 49, TIME_RIGHT, HOUR + 49, 0},
    {"ahead by a second", S(1), TIME_RIGHT, HOUR + S(1), S(1)},
    {"ahead by an hour", HOUR, TIME_RIGHT, 2 * HOUR, HOUR},
    {"ahead by more than an hour", HOUR + 1, TIME_HELD, HOUR, 0},
    {"ahead by years", 4000 * DAY, TIME_HELD, HOUR, 0},
    {"back, not before the last revision", -S(3599), TIME_RIGHT, S(1), -S(3599)},
    {"back by an hour: to the last revision", -HOUR, TIME_RIGHT, 0, -HOUR},
    {"back to just before it: time waits", -HOUR - S(1), TIME_RIGHT, 0, -HOUR - S(1)},
    {"back before the last revision", -HOUR - S(2), TIME_UNTRUSTED, HOUR, -HOUR - S(2)},
    {"back to 1970", -START, TIME_UNTRUSTED, HOUR, -START},
};

START_TEST(a_clock_that_is_set_is_judged)
{
    set(sets[_i].set_ms);
    ck_assert_msg(keeper.state == sets[_i].state, "%s: %s", sets[_i].label,
                  time_state_print(keeper.state));
    ck_assert_msg(now() - START == sets[_i].now_ms, "%s: %" PRId64, sets[_i].label, now() - START);
    ck_assert_msg(news.moved_ms == sets[_i].moved_ms, "%s: %" PRId64, sets[_i].label,
                  news.moved_ms);
    ck_assert_int_eq(news.is_other_state, sets[_i].state != TIME_RIGHT);
}
END_TEST

START_TEST(a_far_jump_is_believed_after_a_minute_in_which_time_goes_on_as_before)
{
    set(3 * HOUR);
    ck_assert_int_eq(timekeeper_wake_ms(&keeper, &clock_, START + 2 * HOUR), START + 5 * HOUR);
    pass(S(59));
    ck_assert_int_eq(keeper.state, TIME_HELD);
    ck_assert_int_eq(now(), START + HOUR + S(59));
    ck_assert_int_eq(timekeeper_certain_ms(&keeper, &clock_), now());
    pass(S(1));
    ck_assert_int_eq(keeper.state, TIME_RIGHT);
    ck_assert_int_eq(now(), START + 4 * HOUR + S(60));
    ck_assert_int_eq(news.moved_ms, 3 * HOUR);
}
END_TEST

START_TEST(a_far_jump_that_is_corrected_was_never_there)
{
    set(3 * HOUR);
    pass(S(30));
    set(-3 * HOUR);
    ck_assert_int_eq(keeper.state, TIME_RIGHT);
    ck_assert_int_eq(now(), START + HOUR + S(30));
    ck_assert_int_eq(news.moved_ms, 0);
    pass(S(60));
    ck_assert_int_eq(news.moved_ms, 0);
}
END_TEST

START_TEST(every_further_jump_begins_the_minute_anew)
{
    set(2 * HOUR);
    pass(S(50));
    set(2 * HOUR);
    pass(S(50));
    ck_assert_int_eq(keeper.state, TIME_HELD);
    ck_assert_int_eq(now(), START + HOUR + S(100));
    pass(S(10));
    ck_assert_int_eq(keeper.state, TIME_RIGHT);
    ck_assert_int_eq(news.moved_ms, 4 * HOUR);
}
END_TEST

START_TEST(time_goes_on_to_the_limit_while_the_clock_is_untrusted)
{
    timekeeper_publish(&keeper, START + HOUR);
    keeper.limit_at_ms = START + HOUR + S(300);
    set(-HOUR);
    ck_assert_int_eq(keeper.state, TIME_UNTRUSTED);
    pass(S(200));
    ck_assert_int_eq(now(), START + HOUR + S(200));
    ck_assert_int_eq(timekeeper_wake_ms(&keeper, &clock_, START + HOUR + S(250)),
                     clock_.real_ms + S(50));
    pass(S(200));
    ck_assert_int_eq(now(), START + HOUR + S(300));
    ck_assert_int_eq(timekeeper_wake_ms(&keeper, &clock_, START + HOUR + S(301)), START + HOUR);
    pass(HOUR - S(400));
    ck_assert_int_eq(keeper.state, TIME_RIGHT);
    ck_assert_int_eq(now(), clock_.real_ms);
}
END_TEST

START_TEST(a_boot_before_the_last_revision_stands_still_until_the_clock_is_set)
{
    clock_ = (struct clock_reading){S(20), S(20), S(20)};
    timekeeper_init(&keeper, &clock_);
    timekeeper_restore(&keeper, START);
    look();
    ck_assert_int_eq(keeper.state, TIME_UNTRUSTED);
    ck_assert(news.is_other_state);
    pass(S(600));
    ck_assert_int_eq(now(), START);
    set(START + DAY);
    ck_assert_int_eq(keeper.state, TIME_RIGHT); /* set right: not held */
    ck_assert_int_eq(now(), clock_.real_ms);
}
END_TEST

START_TEST(a_computer_that_sleeps_has_a_right_clock)
{
    clock_.real_ms += 2 * DAY;
    clock_.boot_ms += 2 * DAY;
    look();
    ck_assert_int_eq(keeper.state, TIME_RIGHT);
    ck_assert_int_eq(news.set_ms, 0);
    ck_assert_int_eq(news.slept_ms, 2 * DAY);
    ck_assert_int_eq(now(), START + HOUR + 2 * DAY);
}
END_TEST

START_TEST(a_jump_that_nobody_looked_at_yet_does_not_count)
{
    clock_.real_ms += HOUR / 2;
    ck_assert_int_eq(now(), START + HOUR);
    ck_assert_int_eq(timekeeper_certain_ms(&keeper, &clock_), START + HOUR);
    clock_.real_ms -= HOUR;
    ck_assert_int_eq(now(), START + HOUR);
    ck_assert_int_eq(timekeeper_certain_ms(&keeper, &clock_), START + HOUR / 2);
}
END_TEST

/* -- laws ----------------------------------------------------------------------------------------
 */

enum {
    NOTES = 64,
    STEPS = 400,
};

struct note {
    int64_t real_ms, boot_ms;
};

/* Ends of TTLs that are over for certain are over, however the clock is set, and whenever: the
 * instant of an answer is noted by the clock of its time, and moved as the news say. */
static void check_certain(const struct note *notes, uint32_t seed)
{
    int64_t certain_ms = timekeeper_certain_ms(&keeper, &clock_);
    for (int i = 0; i < NOTES; i++)
        for (int64_t ttl_ms = S(1); ttl_ms <= DAY; ttl_ms *= 6) {
            bool is_over = notes[i].real_ms && notes[i].real_ms + ttl_ms <= certain_ms;
            int64_t passed_ms = clock_.boot_ms - notes[i].boot_ms;
            if (is_over && passed_ms < ttl_ms - TIMEKEEPER_STEP_MS) /* each ck_assert is a write */
                ck_abort_msg("seed %u: a TTL of %" PRId64 " ms was over after %" PRId64 " ms", seed,
                             ttl_ms, passed_ms);
        }
}

static void move_notes(struct note *notes)
{
    for (int i = 0; i < NOTES && news.moved_ms > 0; i++)
        if (notes[i].real_ms)
            notes[i].real_ms = timekeeper_move_ms(notes[i].real_ms, news.moved_ms, clock_.real_ms);
}

static int64_t random_below(int64_t limit, unsigned *state)
{
    return (int64_t)(((uint64_t)(unsigned)rand_r(state) << 31 | (unsigned)rand_r(state)) %
                     (uint64_t)limit);
}

START_TEST(what_is_over_for_certain_is_over)
{
    struct note notes[NOTES] = {0};
    unsigned state = (unsigned)_i + 1;
    int64_t last_ms = 0;
    for (int step = 0; step < STEPS; step++) {
        int64_t by_ms = random_below(1 << random_below(26, &state), &state);
        switch (rand_r(&state) % 8) {
        case 0:
            clock_.real_ms += by_ms; /* set ahead; somebody is answered before we look */
            break;
        case 1:
            clock_.real_ms -= clock_.real_ms > by_ms ? by_ms : 0;
            break;
        case 2:
            clock_.real_ms += by_ms; /* it sleeps */
            clock_.boot_ms += by_ms;
            break;
        case 3:
            timekeeper_publish(&keeper, now());
            keeper.limit_at_ms = now() + by_ms;
            last_ms = now();
            break;
        default:
            clock_.real_ms += by_ms / 64;
            clock_.boot_ms += by_ms / 64;
            clock_.monotonic_ms += by_ms / 64;
        }
        notes[rand_r(&state) % NOTES] = (struct note){clock_.real_ms, clock_.boot_ms};
        check_certain(notes, (unsigned)_i + 1);
        look();
        move_notes(notes);
        check_certain(notes, (unsigned)_i + 1);
        ck_assert_msg(now() >= last_ms, "seed %d: time went back behind a revision", _i + 1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timekeeper");
    TCase *tcase = tcase_create("timekeeper");
    tcase_add_checked_fixture(tcase, build, NULL);
    tcase_add_loop_test(tcase, a_clock_that_is_set_is_judged, 0, COUNT_OF(sets));
    tcase_add_test(tcase, a_far_jump_is_believed_after_a_minute_in_which_time_goes_on_as_before);
    tcase_add_test(tcase, a_far_jump_that_is_corrected_was_never_there);
    tcase_add_test(tcase, every_further_jump_begins_the_minute_anew);
    tcase_add_test(tcase, time_goes_on_to_the_limit_while_the_clock_is_untrusted);
    tcase_add_test(tcase, a_boot_before_the_last_revision_stands_still_until_the_clock_is_set);
    tcase_add_test(tcase, a_computer_that_sleeps_has_a_right_clock);
    tcase_add_test(tcase, a_jump_that_nobody_looked_at_yet_does_not_count);
    tcase_add_loop_test(tcase, what_is_over_for_certain_is_over, 0, 200);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

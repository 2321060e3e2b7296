/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/timeline.h"
#include "zones/base/attributes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER TIMELINE_NEVER
#define S(seconds) ((int64_t)(seconds)*1000)

/* t0 5 min, t1 1 min, ramp 10 min in 4 steps, grace 30 s: the example of the REST page. */
static const struct timeline_ttls ttls = {300, 60};
static const struct inventory_policy policy = {
    .ramp_s = 600, .ramp_steps = 4, .grace_s = 30, .is_lead_auto = true};

static void expect(const char *label, const char *what, int64_t got, int64_t want)
{
    ck_assert_msg(got == want, "%s: %s is %lld ms, not %lld", label, what, (long long)got,
                  (long long)want);
}

/* -- what each timeline is ----------------------------------------------------------------------
 */

/* All in seconds; a drain is asked for at 10,000. */
static const struct {
    const char *label;
    int64_t requested_s, since_s, until_s; /* 0: at since, none */
    uint32_t ramp_s, steps;
    bool is_lead_auto;
    int64_t lower, ramp, withdrawn, clear, end, restored; /* in s; -1: never */
    uint32_t n;
} drains[] = {
    {"now, at once", 0, 10000, 0, 0, 4, true, -1, 10000, 10000, 10301, -1, -1, 1},
    {"now, at once, without lead", 0, 10000, 0, 0, 4, false, -1, 10000, 10000, 10301, -1, -1, 1},
    {"now, with a ramp: TTLs first", 10000, 10000, 0, 600, 4, true, 10000, 10330, 10930, 10991, -1,
     -1, 4},
    {"now, with a ramp, without lead: steps as long as the TTL", 10000, 10000, 0, 600, 4, false, -1,
     10000, 10600, 10901, -1, -1, 2},
    {"later, asked for long before", 10000, 20000, 0, 600, 4, true, 19670, 20000, 20600, 20661, -1,
     -1, 4},
    {"later, asked for too late for the whole lead", 10000, 10100, 0, 0, 4, true, 10000, 10100,
     10100, 10301, -1, -1, 1},
    {"later, at once", 10000, 20000, 0, 0, 4, true, 19670, 20000, 20000, 20061, -1, -1, 1},
    {"later, without lead", 10000, 20000, 0, 600, 1, false, -1, 20000, 20600, 20901, -1, -1, 1},
    {"with an end", 0, 10000, 13600, 0, 4, true, -1, 10000, 10000, 10301, 13600, 13600, 1},
    {"with an end and a ramp", 10000, 10000, 13600, 600, 4, true, 10000, 10330, 10930, 10991, 13600,
     14200, 4},
    {"that ends before its ramp has begun", 10000, 10000, 10200, 600, 4, true, 10000, 10330, 10930,
     10991, 10200, 10200, 4},
    {"that ends while it ramps", 10000, 10000, 10500, 600, 4, true, 10000, 10330, 10930, 10991,
     10500, 11100, 4},
    {"a ramp too short for two steps", 10000, 10000, 0, 100, 4, true, 10000, 10330, 10430, 10491,
     -1, -1, 1},
    {"more steps than fit: each as long as the short TTL", 10000, 10000, 0, 600, 50, true, 10000,
     10330, 10930, 10991, -1, -1, 10},
    {"no steps given", 10000, 10000, 0, 600, 0, true, 10000, 10330, 10930, 10991, -1, -1, 1},
};

static int64_t seconds(int64_t s)
{
    return s < 0 ? NEVER : S(s);
}

START_TEST(a_drain_has_this_timeline)
{
    struct overlay_drain drain = {.requested_at_ms = S(drains[_i].requested_s),
                                  .since_at_ms = S(drains[_i].since_s),
                                  .until_at_ms = S(drains[_i].until_s),
                                  .ramp_s = drains[_i].ramp_s,
                                  .ramp_steps = drains[_i].steps,
                                  .is_lead_auto = drains[_i].is_lead_auto};
    struct timeline made = timeline_of_drain(&drain, ttls, 30);
    const char *label = drains[_i].label;
    expect(label, "lower", made.lower_at_ms, seconds(drains[_i].lower));
    expect(label, "ramp", made.ramp_at_ms, seconds(drains[_i].ramp));
    expect(label, "withdrawn", made.withdrawn_at_ms, seconds(drains[_i].withdrawn));
    expect(label, "clear", made.clear_at_ms, seconds(drains[_i].clear));
    expect(label, "open", made.open_at_ms, NEVER);
    expect(label, "end", made.end_at_ms, seconds(drains[_i].end));
    expect(label, "restored", made.restored_at_ms, seconds(drains[_i].restored));
    expect(label, "steps", made.steps, drains[_i].n);
}
END_TEST

START_TEST(a_window_at_two_begins_at_seventeen_to_two)
{
    struct timeline turn = timeline_of_turn(&policy, ttls, S(7200), 3600);
    expect("auto", "lower", turn.lower_at_ms, S(7200 - 17 * 60));
    expect("auto", "ramp", turn.ramp_at_ms, S(7200 - 690));
    expect("auto", "withdrawn", turn.withdrawn_at_ms, S(7200 - 90));
    expect("auto", "clear", turn.clear_at_ms, S(7200 - 29));
    expect("auto", "open", turn.open_at_ms, S(7200));
    expect("auto", "end", turn.end_at_ms, S(7200 + 3600));
    expect("auto", "restored", turn.restored_at_ms, S(7200 + 4200));
    expect("auto", "distance", timeline_turn_distance_ms(&policy, ttls, 3600),
           S(3600 + 600 + 90 + 600 + 90));
    expect("auto", "begin", timeline_begin_ms(&turn), S(7200 - 17 * 60));

    struct inventory_policy none = policy;
    none.is_lead_auto = false;
    struct timeline abrupt = timeline_of_turn(&none, ttls, S(7200), 3600);
    expect("none", "lower", abrupt.lower_at_ms, NEVER);
    expect("none", "ramp", abrupt.ramp_at_ms, S(7200 - 930));
    expect("none", "withdrawn", abrupt.withdrawn_at_ms, S(7200 - 330));
    expect("none", "clear", abrupt.clear_at_ms, S(7200 - 29));
    expect("none", "steps", abrupt.steps, 2);
    expect("none", "distance", timeline_turn_distance_ms(&none, ttls, 3600),
           S(3600 + 600 + 330 + 600 + 330));
}
END_TEST

/* -- what it says at an instant -----------------------------------------------------------------
 */

/* The window above: opens at 7200. Seconds from there. */
static const struct {
    int64_t at_ms;
    enum timeline_state state;
    const char *level;
    bool is_low;
    int64_t next_ms; /* -1: never */
} moments[] = {
    {S(-1020) - 1, TIMELINE_SCHEDULED, "5/5", false, S(-1020)},
    {S(-1020), TIMELINE_LOWERING_TTL, "5/5", true, S(-690)},
    {S(-690) - 1, TIMELINE_LOWERING_TTL, "5/5", true, S(-690)},
    {S(-690), TIMELINE_RAMPING, "4/5", true, S(-540)},
    {S(-540) - 1, TIMELINE_RAMPING, "4/5", true, S(-540)},
    {S(-540), TIMELINE_RAMPING, "3/5", true, S(-390)},
    {S(-390), TIMELINE_RAMPING, "2/5", true, S(-240)},
    {S(-240), TIMELINE_RAMPING, "1/5", true, S(-90)},
    {S(-90), TIMELINE_WITHDRAWN, "0/5", true, S(3600)},
    {S(0), TIMELINE_WITHDRAWN, "0/5", true, S(3600)},
    {S(3600) - 1, TIMELINE_WITHDRAWN, "0/5", true, S(3600)},
    {S(3600), TIMELINE_RESTORING, "1/5", true, S(3750)},
    {S(3750), TIMELINE_RESTORING, "2/5", true, S(3900)},
    {S(3900), TIMELINE_RESTORING, "3/5", true, S(4050)},
    {S(4050), TIMELINE_RESTORING, "4/5", true, S(4200)},
    {S(4200) - 1, TIMELINE_RESTORING, "4/5", true, S(4200)},
    {S(4200), TIMELINE_CLOSED, "5/5", false, -1},
};

START_TEST(a_window_is_in_this_state_at_this_instant)
{
    struct timeline turn = timeline_of_turn(&policy, ttls, S(7200), 3600);
    int64_t at_ms = S(7200) + moments[_i].at_ms;
    struct timeline_level level = timeline_level_at(&turn, at_ms);
    char text[16], label[32];
    snprintf(label, sizeof label, "row %d", _i);
    snprintf(text, sizeof text, "%u/%u", level.num, level.den);
    ck_assert_str_eq(timeline_state_print(timeline_state_at(&turn, at_ms)),
                     timeline_state_print(moments[_i].state));
    ck_assert_str_eq(text, moments[_i].level);
    ck_assert_int_eq(timeline_is_ttl_low(&turn, at_ms), moments[_i].is_low);
    expect(label, "next", timeline_next_ms(&turn, at_ms),
           moments[_i].next_ms == -1 ? NEVER : S(7200) + moments[_i].next_ms);
}
END_TEST

/* Ramps that 4 does not divide, and one that ends at 2/5: it never falls on its way up. */
START_TEST(a_ramp_that_is_broken_off_rises_from_where_it_was)
{
    struct overlay_drain drain = {.since_at_ms = S(1),
                                  .until_at_ms = S(1 + 330 + 301),
                                  .ramp_s = 599,
                                  .ramp_steps = 4,
                                  .is_lead_auto = true};
    struct timeline made = timeline_of_drain(&drain, ttls, 30);
    static const struct {
        int64_t at_ms; /* from the beginning of the ramp */
        const char *level;
    } steps[] = {
        {-1, "5/5"},
        {0, "4/5"},
        {149749, "4/5"},
        {149750, "3/5"},
        {299499, "3/5"},
        {299500, "2/5"},
        {300999, "2/5"},
        {301000, "2/5"},          /* the end */
        {301000 + 299499, "2/5"}, /* the first two steps up are below that */
        {301000 + 299500, "3/5"},
        {301000 + 449250, "4/5"},
        {301000 + 598999, "4/5"},
        {301000 + 599000, "5/5"},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct timeline_level level = timeline_level_at(&made, S(331) + steps[i].at_ms);
        char text[16];
        snprintf(text, sizeof text, "%u/%u", level.num, level.den);
        ck_assert_msg(strcmp(text, steps[i].level) == 0, "step %zu: %s", i, text);
    }
    expect("the end", "next", timeline_next_ms(&made, S(331) + 301000), S(331) + 301000 + 299500);
}
END_TEST

/* Walking from one change to the next meets every one, and only those. */
START_TEST(the_next_change_is_exact)
{
    struct inventory_policy odd = policy;
    odd.ramp_s = 607; /* a prime: steps that fall between milliseconds */
    odd.ramp_steps = 7;
    struct timeline turn = timeline_of_turn(&odd, ttls, S(7200), 61);
    int64_t next_ms = timeline_next_ms(&turn, 0);
    for (int64_t at_ms = 1; at_ms < S(9000); at_ms++) {
        struct timeline_level was = timeline_level_at(&turn, at_ms - 1);
        struct timeline_level is = timeline_level_at(&turn, at_ms);
        bool differs = was.num != is.num ||
                       timeline_state_at(&turn, at_ms - 1) != timeline_state_at(&turn, at_ms) ||
                       timeline_is_ttl_low(&turn, at_ms - 1) != timeline_is_ttl_low(&turn, at_ms);
        if (differs != (at_ms == next_ms))
            ck_abort_msg("at %lld ms, next was %lld", (long long)at_ms, (long long)next_ms);
        if (at_ms == next_ms)
            next_ms = timeline_next_ms(&turn, at_ms);
    }
    ck_assert_int_eq(next_ms, NEVER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timeline");
    TCase *tcase = tcase_create("timeline");
    tcase_add_loop_test(tcase, a_drain_has_this_timeline, 0, COUNT_OF(drains));
    tcase_add_test(tcase, a_window_at_two_begins_at_seventeen_to_two);
    tcase_add_loop_test(tcase, a_window_is_in_this_state_at_this_instant, 0, COUNT_OF(moments));
    tcase_add_test(tcase, a_ramp_that_is_broken_off_rises_from_where_it_was);
    tcase_add_test(tcase, the_next_change_is_exact);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

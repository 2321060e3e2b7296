/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The world over a clock of ours: what it publishes, and says, when windows open across the changes
 * to and from summer time, and when the clock is set, was never set, or the computer slept.
 *
 * The scheduler is replaced (the linker takes this one), so the world runs as it always does, and
 * the test says when its sleep is over: time goes from one instant it wants to wake at to the next.
 * Store and image are real, dnsd is fake_dnsd. */
#include "api/world/scheduler.h"
#include "api/world/start.h"
#include "fake_dnsd.h"
#include "state_directory.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S(seconds) ((int64_t)(seconds)*1000)
#define HOUR S(3600)
#define DAY (24 * HOUR)

/* -- the clock -----------------------------------------------------------------------------------
 */

struct scheduler {
    bool is_knocked, is_asleep;
    int64_t wake_ms;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct clock_reading reading;
    bool was_set; /* as a timer that is cancelled, it wakes the sleeper once */
    struct scheduler scheduler;
} clock_ = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct scheduler *scheduler_open(struct error *err)
{
    (void)err;
    clock_.scheduler = (struct scheduler){0};
    return &clock_.scheduler;
}

void scheduler_close(struct scheduler *scheduler)
{
    (void)scheduler;
}

void scheduler_read(const struct scheduler *scheduler, struct clock_reading *reading)
{
    (void)scheduler;
    pthread_mutex_lock(&clock_.lock);
    *reading = clock_.reading;
    pthread_mutex_unlock(&clock_.lock);
}

void scheduler_wait(struct scheduler *scheduler, int64_t real_ms, int longest_ms)
{
    (void)longest_ms; /* it is there for the case that something was forgotten: here it must not */
    pthread_mutex_lock(&clock_.lock);
    scheduler->wake_ms = real_ms;
    while (!scheduler->is_knocked && !clock_.was_set && clock_.reading.real_ms < real_ms) {
        scheduler->is_asleep = true;
        pthread_cond_broadcast(&clock_.changed);
        pthread_cond_wait(&clock_.changed, &clock_.lock);
    }
    scheduler->is_asleep = scheduler->is_knocked = clock_.was_set = false;
    pthread_mutex_unlock(&clock_.lock);
}

void scheduler_knock(struct scheduler *scheduler)
{
    pthread_mutex_lock(&clock_.lock);
    scheduler->is_knocked = true;
    pthread_cond_broadcast(&clock_.changed);
    pthread_mutex_unlock(&clock_.lock);
}

/* Waits until the world sleeps and has no reason to wake; the lock is held. */
static void wait_asleep(void)
{
    const struct scheduler *scheduler = &clock_.scheduler;
    while (!scheduler->is_asleep || scheduler->is_knocked || clock_.was_set ||
           clock_.reading.real_ms >= scheduler->wake_ms)
        pthread_cond_wait(&clock_.changed, &clock_.lock);
}

static void add(int64_t real_ms, int64_t boot_ms, int64_t monotonic_ms)
{
    clock_.reading.real_ms += real_ms;
    clock_.reading.boot_ms += boot_ms;
    clock_.reading.monotonic_ms += monotonic_ms;
    pthread_cond_broadcast(&clock_.changed);
}

/* Time passes, from one instant that somebody waits for to the next. */
static void pass(int64_t ms)
{
    pthread_mutex_lock(&clock_.lock);
    wait_asleep();
    while (ms > 0) {
        int64_t step_ms = clock_.scheduler.wake_ms - clock_.reading.real_ms;
        step_ms = step_ms < ms ? step_ms : ms;
        add(step_ms, step_ms, step_ms);
        ms -= step_ms;
        wait_asleep();
    }
    pthread_mutex_unlock(&clock_.lock);
}

static void set_clock(int64_t by_ms)
{
    pthread_mutex_lock(&clock_.lock);
    wait_asleep();
    clock_.was_set = true;
    add(by_ms, 0, 0);
    wait_asleep();
    pthread_mutex_unlock(&clock_.lock);
}

static void sleep_computer(int64_t ms)
{
    pthread_mutex_lock(&clock_.lock);
    wait_asleep();
    clock_.was_set = true; /* the kernel cancels timers when it resumes */
    add(ms, ms, 0);
    wait_asleep();
    pthread_mutex_unlock(&clock_.lock);
}

static int64_t real_ms(void)
{
    struct clock_reading reading;
    scheduler_read(NULL, &reading);
    return reading.real_ms;
}

static int64_t instant(const char *text)
{
    int64_t at_ms = 0;
    ck_assert_msg(clock_parse(text_from(text), &at_ms), "%s", text);
    return at_ms;
}

static void pass_until(const char *text)
{
    pass(instant(text) - real_ms());
}

/* -- the world -----------------------------------------------------------------------------------
 */

static struct {
    char path[64], inventory[96];
    int directory;
    struct world *world;
    struct world_result *result;
    char drain_id[64];
} t;

/* TTL 300 s, 60 s while drained, grace 30 s: withdrawn 90 s before a window opens, the TTL is
 * lowered 330 s before that. */
static void write_inventory(const char *windows, const char *more_policy, const char *state_of_b)
{
    FILE *file = fopen(t.inventory, "w");
    fprintf(file,
            "{\"srvplan\": 1, \"defaults\": {\"ttl\": 300, \"drain_ttl\": 60, \"services\": "
            "[\"xmpp-client\"], \"name_servers\": [{\"host\": \"ns1.example.org\", \"addresses\": "
            "[\"192.0.2.53\"]}]}, \"domains\": {\"example.org\": {}}, \"nodes\": {\"a\": "
            "{\"addresses\": [\"192.0.2.1\"]}, \"b\": {\"addresses\": [\"192.0.2.2\"]%s}, \"c\": "
            "{\"addresses\": [\"192.0.2.3\"]}}, \"policy\": {\"drain\": {\"grace\": \"30s\", "
            "\"ramp\": 0}%s}, \"windows\": {%s}}",
            state_of_b, more_policy, windows);
    fclose(file);
}

static const char weekly[] =
    "\"weekly\": {\"nodes\": [\"a\"], \"start\": \"2026-10-04T02:00\", \"duration\": \"2h\", "
    "\"timezone\": \"Europe/Amsterdam\", \"rrule\": \"FREQ=WEEKLY;BYDAY=SU\"}";

static void start_at(const char *text)
{
    static const char *const addresses[] = {"127.0.0.1:5300", NULL};
    struct world_options options = {.state_directory = t.directory,
                                    .state_path = t.path,
                                    .inventory_path = t.inventory,
                                    .dnsd = {.state_directory = t.directory,
                                             .state_path = t.path,
                                             .addresses = addresses,
                                             .workers = 1}};
    struct error err = {0};
    clock_.reading = (struct clock_reading){instant(text), S(30), S(30)};
    t.world = world_start(&options, &err);
    ck_assert_msg(t.world != NULL, "%s", err.message);
    pass(0);
}

static void stop(void)
{
    world_result_free(t.result);
    t.result = NULL;
    world_stop(t.world, DNSD_END);
    t.world = NULL;
}

static void build(void)
{
    fake_dnsd = (struct fake_dnsd){.now_ms = real_ms, .is_asked = true};
    snprintf(t.path, sizeof t.path, "/tmp/srvplan-clock-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(t.path));
    snprintf(t.inventory, sizeof t.inventory, "%s/inventory.jsonc", t.path);
    t.directory = open(t.path, O_RDONLY | O_DIRECTORY);
    write_inventory(weekly, "", "");
}

static void tear_down(void)
{
    stop();
    state_directory_remove(t.directory, t.path);
}

static void on_result(void *context, struct world_result *result)
{
    (void)context;
    pthread_mutex_lock(&clock_.lock);
    t.result = result;
    pthread_cond_broadcast(&clock_.changed);
    pthread_mutex_unlock(&clock_.lock);
}

static struct world_result *run(struct world_request request)
{
    struct error err = {0};
    world_result_free(t.result);
    t.result = NULL;
    request.actor = (struct world_actor){text_from("tester"), text_from("unit")};
    ck_assert(world_submit(t.world, &request, on_result, NULL, &err));
    pthread_mutex_lock(&clock_.lock);
    while (!t.result)
        pthread_cond_wait(&clock_.changed, &clock_.lock);
    wait_asleep();
    pthread_mutex_unlock(&clock_.lock);
    return t.result;
}

static const struct text a = {"a", 1}, b = {"b", 1};

static struct world_request drain_of(const struct text *node)
{
    return (struct world_request){
        .kind = WORLD_DRAIN_ADD, .nodes = node, .node_count = 1, .reason = text_from("kernel")};
}

static void drain(struct world_request request)
{
    struct world_result *result = run(request);
    ck_assert_msg(result->outcome == WORLD_SERVED, "%s", result->error.message);
    snprintf(t.drain_id, sizeof t.drain_id, "%.*s", (int)result->drain_ids[0].len,
             result->drain_ids[0].ptr);
}

/* -- what is published and said ------------------------------------------------------------------
 */

struct seen {
    uint64_t revision;
    uint32_t ttl_s;
    bool has_a, is_ready;
    enum time_state clock;
    enum drain_state drain; /* of t.drain_id */
    int64_t clear_at_ms, until_at_ms;
    char first_reason[80];
};

static struct seen look(void)
{
    const struct world_view *view = world_view_ref(t.world);
    const struct plan_set *set = &view->plan->sets[0];
    struct seen seen = {.revision = view->revision,
                        .ttl_s = set->ttl_s,
                        .is_ready = view->is_ready,
                        .clock = view->clock.state};
    for (uint32_t i = 0; i < set->member_count; i++)
        if (text_equal(view->inventory->nodes[set->members[i].node].id, a))
            seen.has_a = set->members[i].absence == PLAN_PRESENT;
    for (uint32_t i = 0; i < view->drain_count; i++)
        if (text_is(view->drains[i].row.id, t.drain_id)) {
            seen.drain = view->drains[i].state;
            seen.clear_at_ms = view->drains[i].dns_clear_at_ms;
            seen.until_at_ms = view->drains[i].row.until_at_ms;
        }
    if (view->not_ready[0])
        snprintf(seen.first_reason, sizeof seen.first_reason, "%s", view->not_ready[0]);
    ck_assert_uint_eq(view->served_revision, view->revision);
    world_view_unref(view);
    return seen;
}

static void expect(bool has_a, uint32_t ttl_s)
{
    char text[CLOCK_TEXT_SIZE];
    struct seen seen = look();
    ck_assert_msg(seen.has_a == has_a && seen.ttl_s == ttl_s, "%s: a is %s, TTL %u",
                  clock_print(real_ms(), text), seen.has_a ? "in" : "out", seen.ttl_s);
}

/* -- windows -------------------------------------------------------------------------------------
 */

/* 02:00 in Amsterdam is 00:00 UTC in summer, 01:00 in winter. On 25 October it comes twice, and the
 * first one counts (RFC 5545 section 3.3.5); on 28 March it does not come, and the offset before
 * the gap holds: 01:00 UTC, which is 03:00. */
static const struct {
    const char *day;
    int hour_utc;
} openings[] = {
    {"2026-10-11", 0}, {"2026-10-18", 0}, {"2026-10-25", 0}, {"2026-11-01", 1}, {"2026-11-08", 1},
    {"2026-11-15", 1}, {"2026-11-22", 1}, {"2026-11-29", 1}, {"2026-12-06", 1}, {"2026-12-13", 1},
    {"2026-12-20", 1}, {"2026-12-27", 1}, {"2027-01-03", 1}, {"2027-01-10", 1}, {"2027-01-17", 1},
    {"2027-01-24", 1}, {"2027-01-31", 1}, {"2027-02-07", 1}, {"2027-02-14", 1}, {"2027-02-21", 1},
    {"2027-02-28", 1}, {"2027-03-07", 1}, {"2027-03-14", 1}, {"2027-03-21", 1}, {"2027-03-28", 1},
    {"2027-04-04", 0}, {"2027-04-11", 0},
};

START_TEST(a_weekly_window_opens_at_two_local_across_both_changes)
{
    start_at("2026-10-05T12:00:00Z");
    for (size_t i = 0; i < COUNT_OF(openings); i++) {
        char text[CLOCK_TEXT_SIZE];
        snprintf(text, sizeof text, "%sT%02d:00:00Z", openings[i].day, openings[i].hour_utc);
        int64_t opens_ms = instant(text);
        pass(opens_ms - S(420) - real_ms() - 1);
        expect(true, 300);
        pass(1);
        expect(true, 60);
        pass(S(330) - 1);
        expect(true, 60);
        pass(1);
        expect(false, 60);
        pass(S(90) + 2 * HOUR - 1);
        expect(false, 60);
        pass(1);
        expect(true, 300);
    }
    ck_assert_uint_eq(look().revision, 1 + 3 * COUNT_OF(openings));
}
END_TEST

/* A clock that is set while the window of 6 December (01:00 to 03:00 UTC) is near or under way. */
static const struct {
    const char *label, *at;
    int64_t set_ms;
    bool has_a; /* at once */
    uint32_t ttl_s;
    enum time_state clock;
    const char *out_from, *back; /* by the clock as it is then; NULL: it never goes out */
} jumps[] = {
    {"back an hour, before the window", "2026-12-05T23:00:00Z", -HOUR, true, 300, TIME_RIGHT,
     "2026-12-06T00:58:30Z", "2026-12-06T03:00:00Z"},
    {"ahead an hour, to before the window", "2026-12-05T23:00:00Z", HOUR, true, 300, TIME_RIGHT,
     "2026-12-06T00:58:30Z", "2026-12-06T03:00:00Z"},
    {"ahead an hour, into the window", "2026-12-06T00:30:00Z", HOUR, false, 60, TIME_RIGHT,
     "2026-12-06T01:30:00Z", "2026-12-06T03:00:00Z"},
    {"back an hour, out of the window: it stays out", "2026-12-06T01:30:00Z", -HOUR, false, 60,
     TIME_UNTRUSTED, "2026-12-06T00:30:00Z", "2026-12-06T03:00:00Z"},
    {"back an hour, the TTL is low: it stays low", "2026-12-06T00:54:00Z", -HOUR, true, 60,
     TIME_UNTRUSTED, "2026-12-06T00:58:30Z", "2026-12-06T03:00:00Z"},
    {"back an hour, after the window: it does not open again", "2026-12-06T03:30:00Z", -HOUR, true,
     300, TIME_UNTRUSTED, NULL, NULL},
    {"ahead an hour, out of the window: it is over", "2026-12-06T02:30:00Z", HOUR, true, 300,
     TIME_RIGHT, NULL, NULL},
    {"ahead three hours, into the window: held a minute", "2026-12-05T23:00:00Z", 3 * HOUR, true,
     300, TIME_HELD, "2026-12-06T02:01:00Z", "2026-12-06T03:00:00Z"},
    {"ahead two hours, out of the window: held a minute", "2026-12-06T02:00:00Z", 2 * HOUR, false,
     60, TIME_HELD, "2026-12-06T04:00:00Z", "2026-12-06T04:01:00Z"},
};

START_TEST(a_clock_that_is_set_brings_no_node_back_early)
{
    start_at("2026-12-05T12:00:00Z");
    pass_until(jumps[_i].at);
    set_clock(jumps[_i].set_ms);
    struct seen seen = look();
    ck_assert_msg(seen.has_a == jumps[_i].has_a && seen.ttl_s == jumps[_i].ttl_s,
                  "%s: a is %s, TTL %u", jumps[_i].label, seen.has_a ? "in" : "out", seen.ttl_s);
    ck_assert_msg(seen.clock == jumps[_i].clock, "%s: %s", jumps[_i].label,
                  time_state_print(seen.clock));
    ck_assert_int_eq(seen.is_ready, jumps[_i].clock != TIME_UNTRUSTED);
    if (jumps[_i].out_from) {
        int64_t before_ms = instant(jumps[_i].out_from) - 1 - real_ms();
        if (before_ms > 0) {
            pass(before_ms);
            expect(true, look().ttl_s);
        }
        pass_until(jumps[_i].out_from);
        expect(false, 60);
        pass(instant(jumps[_i].back) - 1 - real_ms());
        expect(false, 60);
        pass(1);
    }
    expect(true, 300);
    pass_until("2026-12-13T00:50:00Z");
    expect(true, 300); /* and the next one comes as it should */
    ck_assert_int_eq(look().clock, TIME_RIGHT);
    pass_until("2026-12-13T01:00:00Z");
    expect(false, 60);
}
END_TEST

START_TEST(a_wrong_clock_that_is_corrected_within_a_minute_does_nothing)
{
    start_at("2026-12-05T23:00:00Z");
    uint64_t revision = look().revision;
    set_clock(3 * HOUR); /* into the window */
    ck_assert_int_eq(look().clock, TIME_HELD);
    ck_assert_ptr_nonnull(strstr(look().first_reason, "set ahead by 10800 s"));
    pass(S(50));
    set_clock(-3 * HOUR);
    ck_assert_int_eq(look().clock, TIME_RIGHT);
    pass(HOUR);
    ck_assert_uint_eq(look().revision, revision);
}
END_TEST

START_TEST(two_days_of_sleep_skip_what_was_in_them_and_nothing_else)
{
    start_at("2026-12-05T12:00:00Z");
    drain(drain_of(&b));
    ck_assert_int_eq(look().drain, DRAIN_WITHDRAWN);
    sleep_computer(2 * DAY); /* over the window of the sixth */
    expect(true, 300);
    ck_assert_int_eq(look().clock, TIME_RIGHT);
    ck_assert_int_eq(look().drain, DRAIN_CLEAR);
    pass_until("2026-12-11T13:00:00Z");
    sleep_computer(DAY + 13 * HOUR); /* into that of the thirteenth */
    expect(false, 60);
    pass_until("2026-12-13T03:00:00Z");
    expect(true, 300);
}
END_TEST

START_TEST(a_clock_not_set_at_boot_serves_what_was_and_begins_nothing)
{
    start_at("2026-12-05T12:00:00Z");
    struct world_request request = drain_of(&b);
    request.until_at_ms = instant("2026-12-05T14:00:00Z");
    drain(request);
    uint64_t revision = look().revision;
    stop();
    fake_dnsd.generation = 0; /* the whole computer was away */
    start_at("1970-01-01T00:00:20Z");
    struct seen seen = look();
    ck_assert_uint_eq(seen.revision, revision);
    ck_assert_uint_eq(fake_dnsd.generation, revision);
    ck_assert_int_eq(seen.clock, TIME_UNTRUSTED);
    ck_assert(!seen.is_ready);
    ck_assert_ptr_eq(strstr(seen.first_reason, "clock_untrusted"), seen.first_reason);
    pass(DAY); /* windows and ends would come meanwhile */
    ck_assert_uint_eq(look().revision, revision);
    ck_assert_int_ne(look().drain, DRAIN_CLEAR);

    /* What operators want at once is done; what would end by this clock is not begun. */
    request = drain_of(&a);
    request.for_s = 3600;
    struct world_result *result = run(request);
    ck_assert_str_eq(result->problem, "clock-untrusted");
    drain(drain_of(&a));
    expect(false, 300);

    set_clock(instant("2026-12-05T13:00:00Z") - real_ms());
    seen = look();
    ck_assert_int_eq(seen.clock, TIME_RIGHT);
    ck_assert(seen.is_ready);
    pass_until("2026-12-05T14:00:00Z");
    const struct world_view *view = world_view_ref(t.world);
    for (uint32_t i = 0; i < view->drain_count; i++)
        ck_assert_int_eq(view->drains[i].row.ended_at_ms != 0,
                         text_equal(view->drains[i].row.node, b));
    world_view_unref(view);
}
END_TEST

/* -- drains --------------------------------------------------------------------------------------
 */

START_TEST(a_drain_is_clear_by_itself_when_its_last_answer_is_a_ttl_old)
{
    start_at("2026-12-05T12:00:00Z");
    drain(drain_of(&a)); /* dnsd answered in that second: 300 s and one for rounding */
    ck_assert_int_eq(look().clear_at_ms, instant("2026-12-05T12:05:01Z"));
    pass_until("2026-12-05T12:05:00Z");
    ck_assert_int_eq(look().drain, DRAIN_WITHDRAWN);
    pass(S(1));
    ck_assert_int_eq(look().drain, DRAIN_CLEAR);
    stop();
    start_at("2026-12-05T12:06:00Z");
    ck_assert_int_eq(look().drain, DRAIN_CLEAR);
}
END_TEST

/* How far the clock is set 100 s after a drain, and how long after the drain it is clear at the
 * latest: never before the TTL has passed. */
static const struct {
    const char *label;
    int64_t set_ms, clear_after_ms;
} clears[] = {
    {"not at all", 0, S(301)},
    {"ahead a minute", S(60), S(301)},
    {"ahead an hour", HOUR, S(301)},
    {"ahead a day", DAY, S(301)},
    {"back a minute: too late is safe", -S(60), S(361)},
};

START_TEST(a_clock_that_is_set_makes_no_drain_clear_early)
{
    start_at("2026-12-05T12:00:00Z");
    drain(drain_of(&a));
    pass(S(100));
    set_clock(clears[_i].set_ms);
    ck_assert_msg(look().drain == DRAIN_WITHDRAWN, "%s: clear at once", clears[_i].label);
    pass(S(300) - S(100));
    ck_assert_msg(look().drain == DRAIN_WITHDRAWN, "%s: clear early", clears[_i].label);
    pass(clears[_i].clear_after_ms - S(300));
    ck_assert_msg(look().drain == DRAIN_CLEAR, "%s: not clear in time", clears[_i].label);
}
END_TEST

START_TEST(a_set_in_force_may_have_been_served_until_the_clock_was_set)
{
    start_at("2026-12-05T12:00:00Z");
    set_clock(HOUR / 2); /* dnsd's note of the answer is half an hour old by that clock */
    drain(drain_of(&a));
    pass(S(299));
    ck_assert_int_eq(look().drain, DRAIN_WITHDRAWN);
    pass(S(2));
    ck_assert_int_eq(look().drain, DRAIN_CLEAR);
}
END_TEST

static const struct {
    const char *label;
    int64_t set_ms;
    const char *until; /* of a drain for two hours from 12:00 on, by the clock that is set */
} durations[] = {
    {"not set", 0, "2026-12-05T14:00:00Z"},
    {"ahead half an hour", HOUR / 2, "2026-12-05T14:30:00Z"},
    {"ahead three hours", 3 * HOUR, "2026-12-05T17:00:00Z"},
    {"back an hour", -HOUR, "2026-12-05T13:00:00Z"},
};

START_TEST(a_drain_for_a_time_lasts_that_time)
{
    start_at("2026-12-05T12:00:00Z");
    struct world_request request = drain_of(&a);
    request.for_s = 7200;
    drain(request);
    pass(HOUR);
    set_clock(durations[_i].set_ms);
    pass(S(61));
    ck_assert_msg(look().until_at_ms == instant(durations[_i].until), "%s", durations[_i].label);
    pass(instant(durations[_i].until) - real_ms() - 1);
    expect(false, 300);
    pass(1);
    expect(true, 300);
    ck_assert_int_eq(look().drain, DRAIN_CLOSED);
}
END_TEST

START_TEST(an_end_at_an_instant_is_at_that_instant_of_the_clock_that_is_set)
{
    start_at("2026-12-05T12:00:00Z");
    struct world_request request = drain_of(&a);
    request.until_at_ms = instant("2026-12-05T14:00:00Z");
    drain(request);
    set_clock(HOUR);
    pass_until("2026-12-05T13:59:59Z");
    expect(false, 300);
    pass(S(1));
    expect(true, 300);
}
END_TEST

START_TEST(a_ramp_goes_on_while_the_clock_is_set_back)
{
    start_at("2026-12-05T12:00:00Z");
    struct world_request request = drain_of(&a);
    request.how = (struct world_drain_how){.has_ramp = true, .ramp_s = 600};
    struct world_result *result = run(request);
    snprintf(t.drain_id, sizeof t.drain_id, "%.*s", (int)result->drain_ids[0].len,
             result->drain_ids[0].ptr);
    pass(S(60));
    set_clock(-HOUR);
    ck_assert_int_eq(look().clock, TIME_UNTRUSTED);
    ck_assert_int_eq(look().drain, DRAIN_LOWERING_TTL);
    pass(S(270)); /* 300 s of the old TTL, and the grace */
    ck_assert_int_eq(look().drain, DRAIN_RAMPING);
    pass(S(600));
    ck_assert_int_eq(look().drain, DRAIN_WITHDRAWN);
    expect(false, 60);
}
END_TEST

/* -- guards --------------------------------------------------------------------------------------
 */

#define TWO_MUST_STAY ", \"guard\": {\"min_nodes\": 2}"

START_TEST(a_window_that_a_failed_node_makes_unsafe_is_blocked_and_says_so)
{
    write_inventory(weekly, TWO_MUST_STAY, "");
    start_at("2026-12-05T12:00:00Z");
    write_inventory(weekly, TWO_MUST_STAY, ", \"state\": \"maint\"");
    ck_assert_int_eq(run((struct world_request){.kind = WORLD_RELOAD})->outcome, WORLD_SERVED);
    pass_until("2026-12-06T02:00:00Z");
    expect(true, 300);
    const struct world_view *view = world_view_ref(t.world);
    ck_assert(view->plan->occurrences[0].is_blocked);
    ck_assert_ptr_nonnull(strstr(view->plan->occurrences[0].blocked_because, "min_nodes"));
    world_view_unref(view);
    write_inventory(weekly, TWO_MUST_STAY, ""); /* it is back, and so is the next window */
    ck_assert_int_eq(run((struct world_request){.kind = WORLD_RELOAD})->outcome, WORLD_SERVED);
    pass_until("2026-12-13T01:00:00Z");
    expect(false, 60);
}
END_TEST

START_TEST(no_change_brings_the_nodes_of_an_open_window_back)
{
    write_inventory(weekly, TWO_MUST_STAY, "");
    start_at("2026-12-05T12:00:00Z");
    pass_until("2026-12-06T02:00:00Z");
    expect(false, 60);
    write_inventory(weekly, TWO_MUST_STAY, ", \"state\": \"maint\"");
    struct world_result *result = run((struct world_request){.kind = WORLD_RELOAD});
    ck_assert_str_eq(result->problem, "conflict");
    ck_assert_ptr_nonnull(strstr(result->error.message, "window weekly is open"));
    expect(false, 60);
    pass_until("2026-12-06T03:00:00Z"); /* then it is over, and the node may be down */
    ck_assert_int_eq(run((struct world_request){.kind = WORLD_RELOAD})->outcome, WORLD_SERVED);
    expect(true, 300);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("world_clock");
    TCase *tcase = tcase_create("world_clock");
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, build, tear_down);
    tcase_add_test(tcase, a_weekly_window_opens_at_two_local_across_both_changes);
    tcase_add_loop_test(tcase, a_clock_that_is_set_brings_no_node_back_early, 0, COUNT_OF(jumps));
    tcase_add_test(tcase, a_wrong_clock_that_is_corrected_within_a_minute_does_nothing);
    tcase_add_test(tcase, two_days_of_sleep_skip_what_was_in_them_and_nothing_else);
    tcase_add_test(tcase, a_clock_not_set_at_boot_serves_what_was_and_begins_nothing);
    tcase_add_test(tcase, a_drain_is_clear_by_itself_when_its_last_answer_is_a_ttl_old);
    tcase_add_loop_test(tcase, a_clock_that_is_set_makes_no_drain_clear_early, 0, COUNT_OF(clears));
    tcase_add_test(tcase, a_set_in_force_may_have_been_served_until_the_clock_was_set);
    tcase_add_loop_test(tcase, a_drain_for_a_time_lasts_that_time, 0, COUNT_OF(durations));
    tcase_add_test(tcase, an_end_at_an_instant_is_at_that_instant_of_the_clock_that_is_set);
    tcase_add_test(tcase, a_ramp_goes_on_while_the_clock_is_set_back);
    tcase_add_test(tcase, a_window_that_a_failed_node_makes_unsafe_is_blocked_and_says_so);
    tcase_add_test(tcase, no_change_brings_the_nodes_of_an_open_window_back);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/timekeeper.h"

const char *time_state_print(enum time_state state)
{
    static const char *const names[] = {
        [TIME_RIGHT] = "right", [TIME_UNTRUSTED] = "clock_untrusted", [TIME_HELD] = "held"};
    return names[state];
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void timekeeper_init(struct timekeeper *keeper, const struct clock_reading *reading)
{
    *keeper = (struct timekeeper){.seen = *reading, .last_boot_ms = TIMEKEEPER_LONG_AGO};
}

/* How far the clock was set between the last look and a reading. */
static int64_t set_since(const struct timekeeper *keeper, const struct clock_reading *reading)
{
    int64_t set_ms =
        (reading->real_ms - keeper->seen.real_ms) - (reading->boot_ms - keeper->seen.boot_ms);
    return set_ms > -TIMEKEEPER_STEP_MS && set_ms < TIMEKEEPER_STEP_MS ? 0 : set_ms;
}

/* The clock as it would be had it not been set since the last look. */
static int64_t steady_ms(const struct timekeeper *keeper, const struct clock_reading *reading)
{
    if (!set_since(keeper, reading))
        return reading->real_ms;
    return keeper->seen.real_ms + (reading->boot_ms - keeper->seen.boot_ms);
}

/* What to think of the clock, when it was set by set_ms. */
static enum time_state judge(struct timekeeper *keeper, const struct clock_reading *reading,
                             int64_t set_ms)
{
    bool is_held = keeper->state == TIME_HELD;
    int64_t ahead_ms = (is_held ? keeper->ahead_ms : 0) + set_ms;
    if (reading->real_ms < keeper->last_at_ms - TIMEKEEPER_BACK_MS)
        return TIME_UNTRUSTED;
    if (keeper->state == TIME_UNTRUSTED || ahead_ms <= TIMEKEEPER_JUMP_MS)
        return TIME_RIGHT;
    if (is_held && reading->boot_ms >= keeper->held_until_boot_ms)
        return TIME_RIGHT;
    if (set_ms)
        keeper->held_until_boot_ms = reading->boot_ms + TIMEKEEPER_HOLD_MS;
    return set_ms || is_held ? TIME_HELD : TIME_RIGHT;
}

struct time_news timekeeper_look(struct timekeeper *keeper, const struct clock_reading *reading)
{
    struct time_news news = {.set_ms = set_since(keeper, reading)};
    const struct clock_reading *seen = &keeper->seen;
    int64_t ahead_ms = news.set_ms;
    if (keeper->state == TIME_HELD)
        ahead_ms += keeper->ahead_ms;
    enum time_state state = judge(keeper, reading, news.set_ms);
    news.is_other_state = state != keeper->state;
    bool is_much = ahead_ms <= -TIMEKEEPER_STEP_MS || ahead_ms >= TIMEKEEPER_STEP_MS;
    if (state != TIME_HELD && is_much)
        news.moved_ms = ahead_ms;
    news.slept_ms =
        (reading->boot_ms - seen->boot_ms) - (reading->monotonic_ms - seen->monotonic_ms);
    if (news.slept_ms < TIMEKEEPER_SLEEP_MS)
        news.slept_ms = 0;
    keeper->state = state;
    keeper->ahead_ms = state == TIME_HELD ? ahead_ms : 0;
    keeper->seen = *reading;
    return news;
}

void timekeeper_restore(struct timekeeper *keeper, int64_t at_ms)
{
    keeper->last_at_ms = at_ms;
    keeper->last_boot_ms = TIMEKEEPER_LONG_AGO;
}

void timekeeper_publish(struct timekeeper *keeper, int64_t at_ms)
{
    keeper->last_at_ms = at_ms;
    keeper->last_boot_ms = keeper->seen.boot_ms;
}

int64_t timekeeper_now_ms(const struct timekeeper *keeper, const struct clock_reading *reading)
{
    int64_t steady = steady_ms(keeper, reading), now_ms = keeper->last_at_ms;
    if (keeper->state == TIME_HELD)
        steady -= keeper->ahead_ms;
    if (keeper->state != TIME_UNTRUSTED || keeper->last_boot_ms == TIMEKEEPER_LONG_AGO)
        return later(steady, keeper->last_at_ms);
    now_ms += later(reading->boot_ms - keeper->last_boot_ms, 0);
    return later(earlier(now_ms, keeper->limit_at_ms), keeper->last_at_ms);
}

int64_t timekeeper_certain_ms(const struct timekeeper *keeper, const struct clock_reading *reading)
{
    int64_t steady = steady_ms(keeper, reading);
    if (keeper->state == TIME_HELD)
        steady -= keeper->ahead_ms;
    return earlier(steady, reading->real_ms);
}

int64_t timekeeper_wake_ms(const struct timekeeper *keeper, const struct clock_reading *reading,
                           int64_t at_ms)
{
    int64_t now_ms = timekeeper_now_ms(keeper, reading);
    if (keeper->state != TIME_UNTRUSTED)
        return reading->real_ms + later(at_ms - now_ms, 0);
    /* By then the clock is right again; or time gets there by itself. */
    int64_t wake_ms = keeper->last_at_ms;
    if (keeper->last_boot_ms != TIMEKEEPER_LONG_AGO && at_ms <= keeper->limit_at_ms)
        wake_ms = earlier(wake_ms, reading->real_ms + later(at_ms - now_ms, 0));
    return wake_ms;
}

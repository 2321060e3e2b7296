/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timekeeper: what time it is for the world, when the computer's clock cannot be taken blindly.
 *
 * Windows open by the realtime clock, and that clock is set: by people, by NTP, at boot from one
 * that ran empty. CLOCK_BOOTTIME is not; so what realtime gains on it between two looks is how far
 * it was set, while a computer that sleeps moves both.
 *
 *   right      the clock is taken as it is. Also after it was set back to an instant that is not
 *              before the last revision: since then nothing changed, so nothing goes back; and
 *              after it was set ahead by an hour or less.
 *   untrusted  it says a time before the last revision: it was set back, or not set since boot.
 *              Time stands still at that revision, or goes on by CLOCK_BOOTTIME as far as a limit
 *              that the world gives: a ramp under way goes on, nothing begins or ends. Over as soon
 *              as the clock is past that revision.
 *   held       it went ahead by more than TIMEKEEPER_JUMP_MS. Time goes on as if it had not for
 *              TIMEKEEPER_HOLD_MS, so that a wrong clock which somebody corrects opens no window
 *              and ends no drain; then the clock is believed.
 *
 * So no jump raises a TTL or brings a node back early. Instants that were noted (when a set was
 * last served) are moved with a clock that is set ahead, or they would be over too early; with one
 * that is set back they are not: too late is safe. Pure; instants are arguments. */
#pragma once
#include "zones/base/clock.h"

enum {
    TIMEKEEPER_STEP_MS = 50,   /* smaller ones are our own reading of two clocks */
    TIMEKEEPER_BACK_MS = 1000, /* so little before the last revision, time just waits */
    TIMEKEEPER_JUMP_MS = 3600 * 1000,
    TIMEKEEPER_HOLD_MS = 60 * 1000,
    TIMEKEEPER_SLEEP_MS = 1000, /* less is no sleep worth a line */
};

enum time_state {
    TIME_RIGHT,
    TIME_UNTRUSTED,
    TIME_HELD,
};
const char *time_state_print(enum time_state state); /* "right", "clock_untrusted", "held" */

struct timekeeper {
    enum time_state state;
    struct clock_reading seen;
    int64_t last_at_ms;         /* of the last revision */
    int64_t last_boot_ms;       /* when that was; TIMEKEEPER_LONG_AGO: before we ran */
    int64_t limit_at_ms;        /* how far time goes by itself while it is untrusted */
    int64_t ahead_ms;           /* how far the clock is ahead of our time while it is held */
    int64_t held_until_boot_ms; /* while it is held */
};
#define TIMEKEEPER_LONG_AGO INT64_MIN

void timekeeper_init(struct timekeeper *keeper, const struct clock_reading *reading);

/* What came to light with a reading. */
struct time_news {
    bool is_other_state;
    int64_t set_ms;   /* the clock was set ahead, or back (< 0), by so much; 0: it was not */
    int64_t moved_ms; /* what counts of that from now on: nothing while it is held, then all */
    int64_t slept_ms; /* so long the computer slept */
};
struct time_news timekeeper_look(struct timekeeper *keeper, const struct clock_reading *reading);

/* The last revision is of at_ms, and from before we ran. The next look judges the clock by it. */
void timekeeper_restore(struct timekeeper *keeper, int64_t at_ms);

/* An instant that was noted before the clock was set ahead by ahead_ms, by the clock that is
 * right now_ms: never too early, whichever clock it was noted by. */
static inline int64_t timekeeper_move_ms(int64_t noted_ms, int64_t ahead_ms, int64_t now_ms)
{
    int64_t later_ms = noted_ms + ahead_ms < now_ms ? noted_ms + ahead_ms : now_ms;
    return later_ms > noted_ms ? later_ms : noted_ms;
}

/* A revision of at_ms is stored. */
void timekeeper_publish(struct timekeeper *keeper, int64_t at_ms);

/* The time for plans at a reading. What the last look has not seen yet (the clock was set right
 * now) does not count. */
int64_t timekeeper_now_ms(const struct timekeeper *keeper, const struct clock_reading *reading);

/* The time by which something is over for certain, whichever of the clocks it was noted by. */
int64_t timekeeper_certain_ms(const struct timekeeper *keeper, const struct clock_reading *reading);

/* When, by the realtime clock, it will be at_ms, or the clock will be right again. */
int64_t timekeeper_wake_ms(const struct timekeeper *keeper, const struct clock_reading *reading,
                           int64_t at_ms);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What time it is for the world, when it wakes up by itself, and what follows when the computer's
 * clock is set (world/timekeeper.h says what is believed). */
#include "api/world/internal.h"

#include "zones/base/log.h"

enum {
    WORLD_IDLE_MS = 60000, /* we look at clock and overlays even when nothing wakes us */
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t world_now_ms(const struct world *world)
{
    struct clock_reading reading;
    scheduler_read(world->scheduler, &reading);
    return timekeeper_now_ms(&world->keeper, &reading);
}

int64_t world_certain_ms(const struct world *world)
{
    struct clock_reading reading;
    scheduler_read(world->scheduler, &reading);
    return timekeeper_certain_ms(&world->keeper, &reading);
}

/* -- news ----------------------------------------------------------------------------------------
 */

static const char *say(enum time_state state)
{
    switch (state) {
    case TIME_RIGHT:
        return "believed";
    case TIME_UNTRUSTED:
        return "clock_untrusted: it is before the last revision; what is served stays, nothing "
               "begins or ends by time until the clock is set right";
    case TIME_HELD:
        break;
    }
    return "held: more than an hour ahead; believed in a minute unless it is corrected";
}

/* What was noted before the clock was set ahead is that much later by the clock that holds now. To
 * the store at once: after a crash nobody would know. */
static void move_notes(struct world *world, int64_t ahead_ms)
{
    struct error err = {0};
    history_set_ahead(&world->history, ahead_ms, world->keeper.seen.real_ms);
    if (!world_commit_versions(world, &err))
        log_warning("cannot note how far the clock was set", log_string("reason", err.message));
}

void world_look(struct world *world)
{
    struct clock_reading reading;
    scheduler_read(world->scheduler, &reading);
    struct time_news news = timekeeper_look(&world->keeper, &reading);
    if (news.set_ms) {
        world->clock_set_by_ms = news.set_ms;
        world->clock_set_at_ms = reading.real_ms;
        log_warning("the clock was set", log_number("by_ms", news.set_ms),
                    log_string("state", say(world->keeper.state)));
    } else if (news.is_other_state) {
        log_warning("the clock is judged anew", log_string("state", say(world->keeper.state)));
    }
    if (news.slept_ms)
        log_warning("the computer slept", log_number("for_ms", news.slept_ms));
    if (news.moved_ms > 0 && world->planned)
        move_notes(world, news.moved_ms);
    world->owed_ms += news.moved_ms;
    world->is_view_due |= news.set_ms || news.is_other_state || news.slept_ms;
}

/* -- waking up -----------------------------------------------------------------------------------
 */

/* How far time goes by itself while the clock is untrusted: what operators began goes on, windows
 * stand still, and nothing begins or ends. */
int64_t world_time_limit(const struct world *world)
{
    const struct plan *plan = world->planned->plan;
    int64_t limit_ms = INT64_MAX;
    for (uint32_t i = 0; i < plan->hold_count; i++) {
        const struct plan_hold *hold = &plan->holds[i];
        const struct timeline *timeline = &hold->timeline;
        int64_t next_ms = timeline_next_ms(timeline, plan->input.at_ms);
        bool is_begun = timeline_begin_ms(timeline) <= plan->input.at_ms;
        bool goes_on = hold->kind == PLAN_HOLD_DRAIN && is_begun;
        if (goes_on && plan->input.at_ms < timeline->end_at_ms)
            next_ms = timeline->end_at_ms;
        limit_ms = earlier(limit_ms, next_ms);
    }
    for (uint32_t i = 0; i < plan->occurrence_count; i++)
        if (plan->occurrences[i].begin_at_ms > plan->input.at_ms)
            limit_ms = earlier(limit_ms, plan->occurrences[i].begin_at_ms);
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        const struct store_drain *row = &world->rows.drains[i].row;
        if (!row->ended_at_ms && row->until_at_ms > plan->input.at_ms)
            limit_ms = earlier(limit_ms, row->until_at_ms);
    }
    for (size_t i = 0; i < world->rows.weight_count; i++)
        if (world->rows.weights[i].row.until_at_ms > plan->input.at_ms)
            limit_ms = earlier(limit_ms, world->rows.weights[i].row.until_at_ms);
    return limit_ms - 1;
}

void world_sleep(struct world *world)
{
    const struct timekeeper *keeper = &world->keeper;
    struct clock_reading reading;
    scheduler_read(world->scheduler, &reading);
    int longest_ms = world->publish_problem[0] ? WORLD_TICK_PAUSE_MS : WORLD_IDLE_MS;
    int64_t next_ms = world->planned ? world->planned->plan->next_change_at_ms : 0;
    int64_t wake_ms = reading.real_ms + longest_ms;
    if (next_ms)
        wake_ms = earlier(wake_ms, timekeeper_wake_ms(keeper, &reading, next_ms));
    if (reading.boot_ms < world->tick_again_boot_ms && wake_ms <= reading.real_ms)
        wake_ms = reading.real_ms + (world->tick_again_boot_ms - reading.boot_ms);
    if (world->next_clear_at_ms)
        wake_ms = earlier(wake_ms, reading.real_ms + world->next_clear_at_ms -
                                       timekeeper_certain_ms(keeper, &reading));
    if (keeper->state == TIME_HELD)
        wake_ms = earlier(wake_ms, reading.real_ms + keeper->held_until_boot_ms - reading.boot_ms);
    scheduler_wait(world->scheduler, wake_ms, longest_ms);
}

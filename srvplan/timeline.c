/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/timeline.h"

enum {
    CACHE_ROUND_MS = 1000, /* caches count whole seconds */
};

static int64_t ms(uint32_t seconds)
{
    return (int64_t)seconds * 1000;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* -- making -------------------------------------------------------------------------------------
 */

/* A ramp, and the TTL that caches hold during it. */
struct ramp {
    uint32_t ramp_s, steps;
};

static uint32_t steps_of(struct ramp ramp, uint32_t ttl_s)
{
    uint32_t room = ttl_s ? ramp.ramp_s / ttl_s : TIMELINE_STEPS_MAX;
    uint32_t steps = ramp.steps < room ? ramp.steps : room;
    if (steps > TIMELINE_STEPS_MAX)
        return TIMELINE_STEPS_MAX;
    return steps ? steps : 1;
}

static void set_end(struct timeline *made, uint32_t ramp_s, int64_t end_at_ms)
{
    made->end_at_ms = made->restored_at_ms = end_at_ms;
    if (end_at_ms == TIMELINE_NEVER)
        return;
    struct timeline_level level = timeline_level_at(made, end_at_ms - 1);
    if (level.num < level.den) /* else it ends before anything fell */
        made->restored_at_ms = end_at_ms + ms(ramp_s);
}

/* The instants behind withdrawn_at_ms, all but open_at_ms. */
static void finish(struct timeline *made, struct ramp ramp, struct timeline_ttls ttls,
                   int64_t end_at_ms)
{
    bool is_lowered = made->lower_at_ms != TIMELINE_NEVER;
    uint32_t last_ttl_s = is_lowered ? ttls.drain_ttl_s : ttls.ttl_s;
    made->steps = steps_of(ramp, last_ttl_s);
    made->clear_at_ms = TIMELINE_NEVER;
    if (made->withdrawn_at_ms != TIMELINE_NEVER)
        made->clear_at_ms = made->withdrawn_at_ms + ms(last_ttl_s) + CACHE_ROUND_MS;
    if (is_lowered) /* what was fetched just before it was lowered */
        made->clear_at_ms =
            later(made->clear_at_ms, made->lower_at_ms + ms(ttls.ttl_s) + CACHE_ROUND_MS);
    set_end(made, ramp.ramp_s, end_at_ms);
}

struct timeline timeline_of_drain(const struct overlay_drain *drain, struct timeline_ttls ttls,
                                  uint32_t grace_s)
{
    int64_t since_ms = drain->since_at_ms;
    int64_t asked_ms = drain->requested_at_ms ? drain->requested_at_ms : since_ms;
    int64_t lead_ms = ms(ttls.ttl_s) + ms(grace_s);
    struct timeline made = {.lower_at_ms = TIMELINE_NEVER, .open_at_ms = TIMELINE_NEVER};
    made.ramp_at_ms = since_ms;
    if (drain->is_lead_auto && asked_ms < since_ms) {
        made.lower_at_ms = later(asked_ms, since_ms - lead_ms);
    } else if (drain->is_lead_auto && drain->ramp_s) {
        made.lower_at_ms = since_ms;
        made.ramp_at_ms = since_ms + lead_ms;
    }
    made.ramp_at_ms = drain->is_blocked ? TIMELINE_NEVER : made.ramp_at_ms + drain->delay_ms;
    made.withdrawn_at_ms = TIMELINE_NEVER;
    if (!drain->is_blocked)
        made.withdrawn_at_ms = made.ramp_at_ms + ms(drain->ramp_s);
    bool has_end = drain->until_at_ms != OVERLAY_NO_END;
    finish(&made, (struct ramp){drain->ramp_s, drain->ramp_steps}, ttls,
           has_end ? later(drain->until_at_ms, since_ms) : TIMELINE_NEVER);
    return made;
}

struct timeline timeline_of_turn(const struct inventory_policy *policy, struct timeline_ttls ttls,
                                 int64_t open_at_ms, uint32_t duration_s)
{
    uint32_t last_ttl_s = policy->is_lead_auto ? ttls.drain_ttl_s : ttls.ttl_s;
    struct timeline made = {.lower_at_ms = TIMELINE_NEVER, .open_at_ms = open_at_ms};
    made.withdrawn_at_ms = open_at_ms - ms(last_ttl_s) - ms(policy->grace_s);
    made.ramp_at_ms = made.withdrawn_at_ms - ms(policy->ramp_s);
    if (policy->is_lead_auto)
        made.lower_at_ms = made.ramp_at_ms - ms(ttls.ttl_s) - ms(policy->grace_s);
    finish(&made, (struct ramp){policy->ramp_s, policy->ramp_steps}, ttls,
           open_at_ms + ms(duration_s));
    return made;
}

void timeline_begin_late(struct timeline *timeline, struct timeline_ttls ttls, int64_t since_ms)
{
    if (timeline->end_at_ms <= since_ms) {
        timeline_end_early(timeline, 0, timeline_begin_ms(timeline));
        return;
    }
    if (timeline_begin_ms(timeline) >= since_ms)
        return;
    /* Within a ramp it goes on where the ramp should be: a ramp of its own would end later. */
    if (timeline->lower_at_ms != TIMELINE_NEVER)
        timeline->lower_at_ms = later(timeline->lower_at_ms, since_ms);
    if (timeline->withdrawn_at_ms < since_ms)
        timeline->ramp_at_ms = timeline->withdrawn_at_ms = since_ms;
    int64_t last_long_ms =
        timeline->lower_at_ms == TIMELINE_NEVER ? timeline->withdrawn_at_ms : timeline->lower_at_ms;
    timeline->clear_at_ms =
        later(timeline->clear_at_ms, last_long_ms + ms(ttls.ttl_s) + CACHE_ROUND_MS);
}

void timeline_end_early(struct timeline *timeline, uint32_t ramp_s, int64_t end_ms)
{
    if (end_ms < timeline->end_at_ms)
        set_end(timeline, ramp_s, end_ms);
}

int64_t timeline_turn_distance_ms(const struct inventory_policy *policy, struct timeline_ttls ttls,
                                  uint32_t duration_s)
{
    uint32_t last_ttl_s = policy->is_lead_auto ? ttls.drain_ttl_s : ttls.ttl_s;
    int64_t converge_ms = ms(last_ttl_s) + ms(policy->grace_s);
    return ms(duration_s) + 2 * (ms(policy->ramp_s) + converge_ms);
}

/* -- asking -------------------------------------------------------------------------------------
 */

int64_t timeline_begin_ms(const struct timeline *timeline)
{
    return earlier(timeline->lower_at_ms, timeline->ramp_at_ms);
}

enum timeline_state timeline_state_at(const struct timeline *timeline, int64_t at_ms)
{
    if (at_ms >= timeline->restored_at_ms)
        return TIMELINE_CLOSED;
    if (at_ms >= timeline->end_at_ms)
        return TIMELINE_RESTORING;
    if (at_ms >= timeline->withdrawn_at_ms)
        return TIMELINE_WITHDRAWN;
    if (at_ms >= timeline->ramp_at_ms)
        return TIMELINE_RAMPING;
    return at_ms >= timeline->lower_at_ms ? TIMELINE_LOWERING_TTL : TIMELINE_SCHEDULED;
}

bool timeline_is_ttl_low(const struct timeline *timeline, int64_t at_ms)
{
    return at_ms >= timeline->lower_at_ms && at_ms < timeline->restored_at_ms;
}

/* How many of the steps of a ramp have begun, 1..steps: step i at start + i * R / steps. */
static uint32_t steps_begun(const struct timeline *timeline, int64_t start_ms, int64_t at_ms)
{
    int64_t ramp_ms = timeline->withdrawn_at_ms - timeline->ramp_at_ms;
    int64_t since_ms = at_ms - start_ms;
    if (ramp_ms <= 0 || since_ms >= ramp_ms)
        return timeline->steps;
    /* Rounded so that step i has begun at start + floor(i * R / steps) and not before. */
    return (uint32_t)(((since_ms + 1) * timeline->steps - 1) / ramp_ms) + 1;
}

/* On the way down, whatever its end. */
static struct timeline_level level_down(const struct timeline *timeline, int64_t at_ms)
{
    uint32_t den = timeline->steps + 1;
    if (at_ms < timeline->ramp_at_ms)
        return (struct timeline_level){den, den};
    if (at_ms >= timeline->withdrawn_at_ms)
        return (struct timeline_level){0, den};
    return (struct timeline_level){den - steps_begun(timeline, timeline->ramp_at_ms, at_ms), den};
}

struct timeline_level timeline_level_at(const struct timeline *timeline, int64_t at_ms)
{
    uint32_t den = timeline->steps + 1;
    if (at_ms < timeline->end_at_ms)
        return level_down(timeline, at_ms);
    if (at_ms >= timeline->restored_at_ms)
        return (struct timeline_level){den, den};
    struct timeline_level fallen = level_down(timeline, timeline->end_at_ms - 1);
    uint32_t risen = steps_begun(timeline, timeline->end_at_ms, at_ms);
    return (struct timeline_level){risen > fallen.num ? risen : fallen.num, den};
}

/* The first of a ramp's steps after at_ms that changes the level, when `done` of them do not;
 * TIMELINE_NEVER: all have begun. */
static int64_t next_step(const struct timeline *timeline, int64_t start_ms, uint32_t done,
                         int64_t at_ms)
{
    int64_t ramp_ms = timeline->withdrawn_at_ms - timeline->ramp_at_ms;
    uint32_t begun = at_ms < start_ms ? 0 : steps_begun(timeline, start_ms, at_ms);
    begun = begun > done ? begun : done;
    if (ramp_ms <= 0 || begun >= timeline->steps)
        return TIMELINE_NEVER;
    return start_ms + begun * ramp_ms / timeline->steps;
}

int64_t timeline_next_ms(const struct timeline *timeline, int64_t at_ms)
{
    int64_t next_ms = TIMELINE_NEVER;
    int64_t fixed[] = {timeline->lower_at_ms, timeline->ramp_at_ms, timeline->withdrawn_at_ms,
                       next_step(timeline, timeline->ramp_at_ms, 0, at_ms)};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (fixed[i] > at_ms && fixed[i] < timeline->end_at_ms)
            next_ms = earlier(next_ms, fixed[i]);
    if (timeline->end_at_ms == TIMELINE_NEVER)
        return next_ms;
    uint32_t left = level_down(timeline, timeline->end_at_ms - 1).num;
    int64_t rising[] = {timeline->end_at_ms, timeline->restored_at_ms,
                        next_step(timeline, timeline->end_at_ms, left, at_ms)};
    for (size_t i = 0; i < sizeof rising / sizeof *rising; i++)
        if (rising[i] > at_ms && rising[i] <= timeline->restored_at_ms)
            next_ms = earlier(next_ms, rising[i]);
    return next_ms;
}

const char *timeline_state_print(enum timeline_state state)
{
    static const char *const names[] = {
        [TIMELINE_SCHEDULED] = "scheduled", [TIMELINE_LOWERING_TTL] = "lowering_ttl",
        [TIMELINE_RAMPING] = "ramping",     [TIMELINE_WITHDRAWN] = "withdrawn",
        [TIMELINE_RESTORING] = "restoring", [TIMELINE_CLOSED] = "closed",
        [TIMELINE_BLOCKED] = "blocked",
    };
    return names[state];
}

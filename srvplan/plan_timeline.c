/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What time does to the holds of a plan: their states now, when that changes next, and the events
 * from their first change to their last. */
#include "srvplan/plan_build.h"

#include <stdlib.h>

const char *plan_event_print(enum plan_event_kind kind)
{
    static const char *const names[] = {
        [PLAN_EVENT_TTL_LOWERED] = "ttl_lowered",
        [PLAN_EVENT_RAMP_STEP] = "ramp_step",
        [PLAN_EVENT_WITHDRAWN] = "withdrawn",
        [PLAN_EVENT_CLEAR] = "clear",
        [PLAN_EVENT_OPEN] = "open",
        [PLAN_EVENT_RESTORING] = "restoring",
        [PLAN_EVENT_CLOSED] = "closed",
        [PLAN_EVENT_BLOCKED] = "blocked",
    };
    return names[kind];
}

struct events {
    struct plan_work *work;
    struct plan_event *items;
    uint32_t count;
    size_t capacity;
};

static void add(struct events *events, uint32_t hold, int64_t at_ms, enum plan_event_kind kind)
{
    const struct timeline *timeline = &events->work->holds[hold].timeline;
    events->items = arena_grow(&events->work->plan->arena, events->items, &events->capacity,
                               (size_t)events->count + 1, sizeof *events->items);
    events->items[events->count++] = (struct plan_event){
        .at_ms = at_ms, .kind = kind, .hold = hold, .level = timeline_level_at(timeline, at_ms)};
}

static enum plan_event_kind kind_at(const struct timeline *timeline, int64_t at_ms)
{
    if (at_ms == timeline->restored_at_ms)
        return PLAN_EVENT_CLOSED;
    if (at_ms == timeline->end_at_ms)
        return PLAN_EVENT_RESTORING;
    if (at_ms == timeline->withdrawn_at_ms)
        return PLAN_EVENT_WITHDRAWN;
    return at_ms == timeline->lower_at_ms ? PLAN_EVENT_TTL_LOWERED : PLAN_EVENT_RAMP_STEP;
}

static void add_hold(struct events *events, uint32_t index)
{
    const struct plan_hold *hold = &events->work->holds[index];
    const struct timeline *timeline = &hold->timeline;
    int64_t at_ms = timeline_begin_ms(timeline) - 1;
    if (hold->state == TIMELINE_BLOCKED) {
        add(events, index, events->work->plan->occurrences[hold->occurrence].begin_at_ms,
            PLAN_EVENT_BLOCKED);
        return;
    }
    while ((at_ms = timeline_next_ms(timeline, at_ms)) != TIMELINE_NEVER)
        add(events, index, at_ms, kind_at(timeline, at_ms));
    if (timeline->clear_at_ms <= timeline->end_at_ms)
        add(events, index, timeline->clear_at_ms, PLAN_EVENT_CLEAR);
    if (timeline->open_at_ms != TIMELINE_NEVER && timeline->open_at_ms < timeline->end_at_ms)
        add(events, index, timeline->open_at_ms, PLAN_EVENT_OPEN);
}

static int by_time(const void *left, const void *right)
{
    const struct plan_event *a = left, *b = right;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if (a->hold != b->hold)
        return a->hold < b->hold ? -1 : 1;
    return a->kind < b->kind ? -1 : a->kind > b->kind;
}

/* A blocked occurrence changes nothing, but it is under way or not. */
static void note_changes(struct plan_work *work)
{
    const struct plan *plan = work->plan;
    for (uint32_t i = 0; i < plan->hold_count; i++)
        if (work->holds[i].state != TIMELINE_BLOCKED) {
            int64_t next_ms = timeline_next_ms(&work->holds[i].timeline, plan->input.at_ms);
            if (next_ms != TIMELINE_NEVER)
                plan_note_change(work, next_ms);
        }
    for (uint32_t i = 0; i < plan->occurrence_count; i++) {
        plan_note_change(work, plan->occurrences[i].begin_at_ms);
        plan_note_change(work, plan->occurrences[i].end_at_ms);
    }
}

void plan_timeline(struct plan_work *work)
{
    struct plan *plan = work->plan;
    struct events events = {.work = work};
    for (uint32_t i = 0; i < plan->hold_count; i++) {
        struct plan_hold *hold = &work->holds[i];
        if (hold->state != TIMELINE_BLOCKED)
            hold->state = timeline_state_at(&hold->timeline, plan->input.at_ms);
        add_hold(&events, i);
    }
    note_changes(work);
    if (events.count)
        qsort(events.items, events.count, sizeof *events.items, by_time);
    plan->events = events.items;
    plan->event_count = events.count < PLAN_EVENTS_MAX ? events.count : PLAN_EVENTS_MAX;
    plan->events_left_out = events.count - plan->event_count;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_timeline.h"

#include "zones/base/clock.h"

#include <stdlib.h>

enum {
    EVENTS_SHOWN = 24 /* to a person; JSON has all */
};

static const struct inventory *inventory_of(const struct plan *plan)
{
    return plan->input.layout->inventory;
}

static struct text window_id(const struct plan *plan, const struct plan_occurrence *occurrence)
{
    return plan->windows[occurrence->window].declared.id;
}

/* Of all turns together: what the earliest or the busiest of them is in. */
static enum timeline_state occurrence_state(const struct plan *plan,
                                            const struct plan_occurrence *occurrence)
{
    enum timeline_state state = TIMELINE_CLOSED;
    for (uint32_t i = 0; i < occurrence->hold_count; i++) {
        enum timeline_state turn = plan->holds[occurrence->first_hold + i].state;
        bool is_under_way = turn != TIMELINE_SCHEDULED && turn != TIMELINE_CLOSED;
        if (is_under_way)
            return turn;
        state = turn;
    }
    /* Between two turns of a serial window, some are over and some are to come. */
    bool has_begun = plan->input.at_ms >= occurrence->begin_at_ms;
    return has_begun && state == TIMELINE_SCHEDULED ? TIMELINE_LOWERING_TTL : state;
}

/* -- JSON ---------------------------------------------------------------------------------------
 */

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value ? value : json_null()) != 0)
        abort();
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value ? value : json_null()) != 0)
        abort();
}

static json_t *text_json(struct text text)
{
    return json_stringn(text.ptr, text.len);
}

static json_t *time_json(int64_t at_ms)
{
    char text[CLOCK_TEXT_SIZE];
    return at_ms == TIMELINE_NEVER ? json_null() : json_string(clock_print(at_ms, text));
}

static json_t *event_json(const struct plan *plan, const struct plan_event *event)
{
    const struct plan_hold *hold = &plan->holds[event->hold];
    json_t *object = json_object();
    put(object, "at", time_json(event->at_ms));
    put(object, "event", json_string(plan_event_print(event->kind)));
    put(object, "node", text_json(inventory_of(plan)->nodes[hold->node].id));
    put(object, hold->kind == PLAN_HOLD_DRAIN ? "drain" : "window", text_json(hold->id));
    put(object, "sets", json_integer(hold->set_count));
    if (event->kind == PLAN_EVENT_TTL_LOWERED)
        put(object, "ttl", json_integer(hold->ttls.drain_ttl_s));
    if (event->kind == PLAN_EVENT_RAMP_STEP)
        put(object, "level", json_sprintf("%u/%u", event->level.num, event->level.den));
    if (event->kind == PLAN_EVENT_CLEAR)
        put(object, "expected", json_true());
    return object;
}

json_t *report_events_json(const struct plan *plan)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < plan->event_count; i++)
        append(array, event_json(plan, &plan->events[i]));
    return array;
}

static json_t *turn_json(const struct plan *plan, const struct plan_hold *hold)
{
    const struct timeline *timeline = &hold->timeline;
    json_t *object = json_object();
    put(object, "node", text_json(inventory_of(plan)->nodes[hold->node].id));
    put(object, "state", json_string(timeline_state_print(hold->state)));
    put(object, "ttl_lowered", time_json(timeline->lower_at_ms));
    put(object, "ramp", time_json(timeline->ramp_at_ms));
    put(object, "withdrawn", time_json(timeline->withdrawn_at_ms));
    put(object, "opens", time_json(timeline->open_at_ms));
    put(object, "ends", time_json(timeline->end_at_ms));
    put(object, "restored", time_json(timeline->restored_at_ms));
    return object;
}

static json_t *occurrence_json(const struct plan *plan, const struct plan_occurrence *occurrence)
{
    json_t *object = json_object(), *turns = json_array();
    for (uint32_t i = 0; i < occurrence->hold_count; i++)
        append(turns, turn_json(plan, &plan->holds[occurrence->first_hold + i]));
    enum timeline_state state = occurrence_state(plan, occurrence);
    put(object, "window", text_json(window_id(plan, occurrence)));
    put(object, "state", json_string(timeline_state_print(state)));
    put(object, "first_change", time_json(occurrence->begin_at_ms));
    put(object, "opens", time_json(occurrence->opens_at_ms));
    put(object, "last_change", time_json(occurrence->end_at_ms));
    put(object, "blocked",
        occurrence->is_blocked ? json_string(occurrence->blocked_because) : json_null());
    put(object, "turns", turns);
    return object;
}

json_t *report_windows_json(const struct plan *plan)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < plan->occurrence_count; i++)
        append(array, occurrence_json(plan, &plan->occurrences[i]));
    return array;
}

/* -- text ---------------------------------------------------------------------------------------
 */

static const char *event_text(const struct plan *plan, const struct plan_event *event,
                              struct arena *arena)
{
    const struct plan_hold *hold = &plan->holds[event->hold];
    switch (event->kind) {
    case PLAN_EVENT_TTL_LOWERED:
        return arena_printf(arena, "TTL %u in %u set%s", hold->ttls.drain_ttl_s, hold->set_count,
                            hold->set_count == 1 ? "" : "s");
    case PLAN_EVENT_RAMP_STEP:
        return arena_printf(arena, "%u/%u of its weight", event->level.num, event->level.den);
    case PLAN_EVENT_WITHDRAWN: {
        static const char *const done[] = {[DRAIN_REMOVE] = "withdrawn",
                                           [DRAIN_DEMOTE] = "behind all tiers",
                                           [DRAIN_WEIGHT] = "at the weight that it keeps",
                                           [DRAIN_ZERO] = "weight 0"};
        return done[hold->mode];
    }
    case PLAN_EVENT_CLEAR:
        return "clear: no correct cache names it (expected)";
    case PLAN_EVENT_OPEN:
        return "the window opens";
    case PLAN_EVENT_RESTORING:
        return arena_printf(arena, "coming back, %u/%u of its weight", event->level.num,
                            event->level.den);
    case PLAN_EVENT_CLOSED:
        return "whole again";
    case PLAN_EVENT_BLOCKED:
        return "blocked by a guard: it stays";
    }
    return "";
}

void report_timeline_text(FILE *out, const struct plan *plan, struct report_style style)
{
    struct arena arena = {0};
    uint32_t shown = 0, left = plan->events_left_out;
    char when[CLOCK_TEXT_SIZE];
    for (uint32_t i = 0; i < plan->event_count; i++) {
        const struct plan_event *event = &plan->events[i];
        const struct plan_hold *hold = &plan->holds[event->hold];
        struct text node = inventory_of(plan)->nodes[hold->node].id;
        if (event->at_ms <= plan->input.at_ms)
            continue;
        if (shown == EVENTS_SHOWN) {
            left++;
            continue;
        }
        if (shown++ == 0)
            fprintf(out, "\n%sWhat comes%s\n", style.colour ? "\033[1m" : "",
                    style.colour ? "\033[0m" : "");
        fprintf(out, "  %s  %.*s: %s (%s %.*s)\n", clock_print(event->at_ms, when), (int)node.len,
                node.ptr, event_text(plan, event, &arena),
                hold->kind == PLAN_HOLD_DRAIN ? "drain" : "window", (int)hold->id.len,
                hold->id.ptr);
    }
    if (left)
        fprintf(out, "  and %u more\n", left);
    arena_fini(&arena);
}

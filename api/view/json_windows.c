/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/json_windows.h"

#include "api/http/problem.h"

#include <string.h>

static void put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static json_t *time_json(int64_t at_ms)
{
    return at_ms == TIMELINE_NEVER ? json_null() : json_view_time(at_ms);
}

static json_t *node_json(const struct plan *plan, uint32_t node)
{
    return json_view_text(plan->input.layout->inventory->nodes[node].id);
}

/* -- turns --------------------------------------------------------------------------------------
 */

/* The nodes of a window that is not serial go together: one entry for all of them. */
static bool is_same_turn(const struct plan_hold *a, const struct plan_hold *b)
{
    return memcmp(&a->timeline, &b->timeline, sizeof a->timeline) == 0 && a->state == b->state;
}

static json_t *turn_json(const struct plan_hold *turn, const char *blocked_because)
{
    const struct timeline *timeline = &turn->timeline;
    json_t *json = json_object();
    put(json, "start", time_json(timeline->open_at_ms));
    put(json, "end", time_json(timeline->end_at_ms));
    put(json, "ttl_lowered_at", time_json(timeline->lower_at_ms));
    put(json, "ramp_at", time_json(timeline->ramp_at_ms));
    put(json, "withdraw_at", time_json(timeline->withdrawn_at_ms));
    put(json, "clear_at", time_json(timeline->clear_at_ms));
    put(json, "restored_at", time_json(timeline->restored_at_ms));
    put(json, "nodes", json_array());
    put(json, "state", json_string(timeline_state_print(turn->state)));
    put(json, "blocked_because",
        blocked_because ? problem_string(text_from(blocked_because)) : json_null());
    return json;
}

/* Appends the turns, those that are alike as one. */
static void append_turns(const struct plan *plan, const struct plan_hold *turns, uint32_t count,
                         const char *blocked_because, json_t *array)
{
    json_t *last = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (!last || !is_same_turn(&turns[i - 1], &turns[i])) {
            last = turn_json(&turns[i], blocked_because);
            json_array_append_new(array, last);
        }
        json_array_append_new(json_object_get(last, "nodes"), node_json(plan, turns[i].node));
    }
}

/* -- a window -----------------------------------------------------------------------------------
 */

static json_t *next_json(const struct plan *plan, const struct window_view *view)
{
    json_t *next = json_array();
    for (uint32_t i = 0; i < plan->occurrence_count; i++) {
        const struct plan_occurrence *occurrence = &plan->occurrences[i];
        if (view->index != INVENTORY_NONE && occurrence->window == view->index)
            append_turns(plan, &plan->holds[occurrence->first_hold], occurrence->hold_count,
                         occurrence->blocked_because, next);
    }
    return next;
}

/* As they were written, and which nodes they mean now. */
static void put_nodes(json_t *json, const struct plan *plan, const struct window_view *view)
{
    json_t *declared = json_array(), *meant = json_array();
    for (uint32_t i = 0; i < view->declared->node_count; i++)
        json_array_append_new(meant, node_json(plan, view->declared->nodes[i]));
    for (uint32_t i = 0; !view->is_of_inventory && i < view->overlay->selector_count; i++)
        json_array_append_new(declared, json_view_text(view->overlay->selectors[i]));
    put(json, "nodes", view->is_of_inventory ? json_copy(meant) : json_incref(declared));
    put(json, "node_ids", meant);
    json_decref(declared);
}

static json_t *status_json(const struct plan *plan, const struct window_view *view)
{
    const char *because = window_view_blocked_because(plan, view);
    json_t *json = json_object();
    put(json, "state", json_string(window_state_print(window_view_state(plan, view))));
    put(json, "because", because ? problem_string(text_from(because)) : json_null());
    return json;
}

json_t *json_window(const struct plan *plan, const struct window_view *view)
{
    const struct inventory_window *declared = view->declared;
    const struct overlay_window *own = view->is_of_inventory ? NULL : view->overlay;
    struct plan_lead lead = plan_window_lead(plan->input.layout, declared);
    json_t *json = json_object();
    put(json, "id", json_view_text(declared->id));
    put(json, "origin", json_string(own ? "api" : "inventory"));
    put_nodes(json, plan, view);
    put(json, "serial", json_boolean(declared->is_serial));
    put(json, "start", json_view_text(declared->start));
    if (declared->end.len)
        put(json, "end", json_view_text(declared->end));
    else
        put(json, "duration", json_integer(declared->duration_s));
    put(json, "timezone", json_view_text(declared->timezone));
    put(json, "rrule", json_view_text_or_null(declared->rrule));
    put(json, "comment", json_view_text_or_null(declared->comment));
    put(json, "actor", own ? json_view_text(own->actor) : json_null());
    put(json, "reason", own ? json_view_text_or_null(own->reason) : json_null());
    put(json, "created_at", own ? json_view_time(own->created_at_ms) : json_null());
    put(json, "since", own ? json_view_time(own->since_at_ms) : json_null());
    put(json, "removed_at", own ? json_view_time(own->ended_at_ms) : json_null());
    put(json, "lead", json_integer(lead.lead_ms / 1000));
    put(json, "status", status_json(plan, view));
    put(json, "next", next_json(plan, view));
    return json;
}

/* -- openings -----------------------------------------------------------------------------------
 */

static json_t *change_json(const struct overlay_opening *change)
{
    if (!change)
        return json_null();
    json_t *json = json_object();
    put(json, "at", json_view_time(change->at_ms));
    put(json, "actor", json_view_text(change->actor));
    put(json, "reason", json_view_text_or_null(change->reason));
    return json;
}

static const char *opening_state(const struct plan *plan, const struct plan_opening *opening)
{
    if (opening->skipped)
        return "skipped";
    if (opening->occurrence.end_at_ms <= plan->input.at_ms)
        return window_state_print(WINDOW_ENDED);
    if (opening->occurrence.is_blocked)
        return window_state_print(WINDOW_BLOCKED);
    return window_state_print(
        opening->occurrence.begin_at_ms <= plan->input.at_ms ? WINDOW_ACTIVE : WINDOW_PENDING);
}

json_t *json_window_opening(const struct plan *plan, const struct plan_opening *opening)
{
    const struct plan_occurrence *occurrence = &opening->occurrence;
    int64_t end_ms = 0;
    json_t *json = json_object(), *turns = json_array();
    for (uint32_t i = 0; i < opening->turn_count; i++)
        if (opening->turns[i].timeline.end_at_ms > end_ms)
            end_ms = opening->turns[i].timeline.end_at_ms;
    append_turns(plan, opening->turns, opening->turn_count, occurrence->blocked_because, turns);
    put(json, "start", json_view_time(occurrence->opens_at_ms));
    put(json, "end", json_view_time(end_ms));
    put(json, "first_change", json_view_time(occurrence->begin_at_ms));
    put(json, "last_change", json_view_time(occurrence->end_at_ms));
    put(json, "state", json_string(opening_state(plan, opening)));
    put(json, "blocked_because",
        occurrence->blocked_because ? problem_string(text_from(occurrence->blocked_because))
                                    : json_null());
    put(json, "skipped", change_json(opening->skipped));
    put(json, "ended", change_json(occurrence->ended));
    put(json, "turns", turns);
    return json;
}

static json_t *at_work_json(struct text id, enum window_state state, const char *because,
                            int64_t opens_at_ms)
{
    json_t *json = json_object();
    put(json, "id", json_view_text(id));
    put(json, "state", json_string(window_state_print(state)));
    put(json, "because", because ? problem_string(text_from(because)) : json_null());
    put(json, "opens_at", json_view_time(opens_at_ms));
    return json;
}

json_t *json_windows_at_work(const struct plan *plan)
{
    const struct overlays *overlays = plan->input.overlays;
    json_t *array = json_array();
    for (uint32_t i = 0; i < plan->occurrence_count; i++) {
        const struct plan_occurrence *occurrence = &plan->occurrences[i];
        if (!occurrence->is_blocked && occurrence->begin_at_ms > plan->input.at_ms)
            continue;
        json_array_append_new(array,
                              at_work_json(plan->windows[occurrence->window].declared.id,
                                           occurrence->is_blocked ? WINDOW_BLOCKED : WINDOW_ACTIVE,
                                           occurrence->blocked_because, occurrence->opens_at_ms));
    }
    uint32_t declared = plan->input.layout->inventory->window_count;
    bool do_all_count = plan->window_count == declared + overlays->window_count;
    for (uint32_t i = 0; !do_all_count && i < overlays->window_count; i++) {
        struct window_view view;
        if (window_view_find(plan, overlays->windows[i].window.id, &view) &&
            view.index == INVENTORY_NONE)
            json_array_append_new(array, at_work_json(view.declared->id, WINDOW_BLOCKED,
                                                      window_view_blocked_because(plan, &view), 0));
    }
    return array;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The openings of a window: which they are, and skipping and ending them. */
#include "api/http/body.h"
#include "api/handlers/windows.h"
#include "srvplan/civil.h"
#include "srvplan/local_time.h"
#include "srvplan/recurrence.h"
#include "zones/base/clock.h"

#include <stdio.h>

#define DAY_MS (INT64_C(1000) * CIVIL_DAY_S)

enum {
    OPENINGS_MAX = 100, /* of one answer: the guards are asked for each */
    RANGE_USUAL_DAYS = 366,
    RANGE_MAX_DAYS = 3660,
};

/* -- listing ------------------------------------------------------------------------------------
 */

/* An instant of the query, RFC 3339. */
static int64_t time_parameter(struct request *request, const char *key, int64_t otherwise_ms,
                              struct response *response)
{
    struct text text = request_parameter_find(request, key);
    int64_t at_ms = otherwise_ms;
    if (!text.ptr || (!text_starts_with(text, "@") && clock_parse(text, &at_ms)))
        return at_ms;
    response_problem(response, "unknown-parameter",
                     "%s must be a time as 2026-12-06T00:00:00Z (RFC 3339)", key);
    return at_ms;
}

void window_openings_get(struct request *request, struct response *response)
{
    const struct plan *plan = request->view->plan;
    const struct plan_opening *openings = NULL;
    struct window_view window;
    if (!window_find(request, &window, response))
        return;
    int64_t from_ms = time_parameter(request, "from", request->now_ms, response);
    int64_t to_ms = time_parameter(request, "to", from_ms + RANGE_USUAL_DAYS * DAY_MS, response);
    /* The cursor is the opening that was told last. */
    int64_t after_ms = time_parameter(request, "after", from_ms - 1, response);
    uint32_t limit = request_limit(request, response), count = 0;
    if (!response->status && (to_ms <= from_ms || to_ms - from_ms > RANGE_MAX_DAYS * DAY_MS))
        response_problem(response, "unknown-parameter",
                         "to must be later than from, by ten years at most");
    if (response->status)
        return;
    limit = limit < OPENINGS_MAX ? limit : OPENINGS_MAX;
    from_ms = after_ms + 1 > from_ms ? after_ms + 1 : from_ms;
    if (window.index != INVENTORY_NONE && from_ms < to_ms)
        count = plan_window_openings(
            plan,
            &(struct plan_openings_query){
                .window = window.index, .most = limit + 1, .from_ms = from_ms, .to_ms = to_ms},
            &request->arena, &openings);
    json_t *items = json_array();
    for (uint32_t i = 0; i < count && i < limit; i++)
        json_array_append_new(items, json_window_opening(plan, &openings[i]));
    char *next = NULL;
    if (count > limit) {
        next = arena_alloc(&request->arena, CLOCK_TEXT_SIZE);
        clock_print(openings[limit - 1].occurrence.opens_at_ms, next);
    }
    response_take_list(request, response, items, next);
}

/* -- skip ---------------------------------------------------------------------------------------
 */

/* The day as the window's clock has it; -1: the text is none. */
static int64_t local_day(struct text text)
{
    struct local_time time;
    char full[] = "YYYY-MM-DDT00:00";
    if (text.len != 10)
        return -1;
    snprintf(full, sizeof full, "%.10sT00:00", text.ptr);
    return local_time_parse(text_from(full), &time, NULL) ? local_time_seconds(&time) : -1;
}

/* The opening on that day of the window's clock. */
static bool opening_on(const struct window_view *window, int64_t day_s, int64_t *opens_at_ms)
{
    int64_t openings[4], near_ms = day_s * 1000;
    uint32_t count = recurrence_expand(window->declared->when, near_ms - DAY_MS,
                                       near_ms + 2 * DAY_MS, openings, COUNT_OF(openings));
    for (uint32_t i = 0; i < count; i++) {
        int64_t utc_s = openings[i] / 1000;
        int64_t local_s = utc_s + tzfile_offset_s(window->declared->clock, utc_s);
        if (local_s - local_s % CIVIL_DAY_S != day_s)
            continue;
        *opens_at_ms = openings[i];
        return true;
    }
    return false;
}

/* The next opening that has not begun and is not skipped (or is, to be taken back). */
static bool opening_next(struct request *request, const struct window_view *window, bool is_undo,
                         int64_t *opens_at_ms)
{
    const struct plan_opening *openings = NULL;
    uint32_t count = 0;
    if (window->index != INVENTORY_NONE)
        count = plan_window_openings(
            request->view->plan,
            &(struct plan_openings_query){.window = window->index,
                                          .how = PLAN_OPENINGS_TIMES,
                                          .most = OPENINGS_MAX,
                                          .from_ms = request->now_ms,
                                          .to_ms = request->now_ms + RANGE_MAX_DAYS * DAY_MS},
            &request->arena, &openings);
    for (uint32_t i = 0; i < count; i++) {
        if (openings[i].occurrence.begin_at_ms <= request->now_ms ||
            (openings[i].skipped != NULL) != is_undo)
            continue;
        *opens_at_ms = openings[i].occurrence.opens_at_ms;
        return true;
    }
    return false;
}

/* Which opening the body means: by its start, by its day, or the next one. */
static void choose_opening(struct request *request, const struct window_view *window,
                           struct world_window_change *change, struct response *response)
{
    struct text date = body_text(request, "date", response);
    int64_t start_ms = body_time_ms(request, "start", response);
    if (response->status)
        return;
    if (date.ptr && start_ms) {
        response_mistake(response, "/date", "conflict", "give \"date\" or \"start\", not both",
                         NULL);
    } else if (start_ms) {
        change->opens_at_ms = start_ms;
    } else if (date.ptr && local_day(date) < 0) {
        response_mistake(response, "/date", "wrong-value", "expected a day", "\"2026-12-06\"");
    } else if (date.ptr && !opening_on(window, local_day(date), &change->opens_at_ms)) {
        response_mistake(response, "/date", "no-opening", "the window does not open on that day",
                         "GET its occurrences for those that come");
    } else if (!date.ptr && !opening_next(request, window, change->is_undo, &change->opens_at_ms)) {
        response_problem(response, "conflict", "%s",
                         change->is_undo
                             ? "no opening to come is skipped"
                             : "the window has no opening to come that could be skipped");
    }
}

void window_skip_post(struct request *request, struct response *response)
{
    struct world_window_change *change = arena_new(&request->arena, struct world_window_change);
    const json_t *undo = json_object_get(request->body, "undo");
    struct window_view window;
    if (!window_find(request, &window, response) ||
        (request->if_match.ptr && !window_is_fresh(request, &window, response)))
        return;
    body_check_members(request->body, "", "start date undo reason", response);
    if (undo && !json_is_boolean(undo) && !json_is_null(undo))
        response_mistake(response, "/undo", "wrong-type", "expected true or false", NULL);
    request->job.reason = body_text_required(request, "reason", response);
    change->id = request->variables[0];
    change->is_undo = json_is_true(undo);
    choose_opening(request, &window, change, response);
    request->job.kind = WORLD_WINDOW_SKIP;
    request->job.window = change;
}

/* -- end ----------------------------------------------------------------------------------------
 */

void window_end_post(struct request *request, struct response *response)
{
    struct world_window_change *change = arena_new(&request->arena, struct world_window_change);
    struct window_view window;
    if (!window_find(request, &window, response) ||
        (request->if_match.ptr && !window_is_fresh(request, &window, response)))
        return;
    body_check_members(request->body, "", "reason", response);
    request->job.reason = body_text_required(request, "reason", response);
    change->id = request->variables[0];
    request->job.kind = WORLD_WINDOW_END;
    request->job.window = change;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Maintenance windows: which openings are near, and what is to be said of them. */
#include "srvplan/plan_window_build.h"

#include "srvplan/recurrence.h"
#include "zones/base/clock.h"

#include <stdlib.h>

#define LOOK_MS (RECURRENCE_LOOK_YEARS * 366 * DAY_MS)

enum {
    UNDER_WAY_MAX = 64, /* of one window at once */
    NEAR_USUAL = 3,     /* one under way, the next, and the one after it */
};

/* -- findings -----------------------------------------------------------------------------------
 */

static void report(struct plan_work *work, uint32_t window, const char *code, const char *message,
                   const char *mend)
{
    const struct plan_window *of = &work->plan->windows[window];
    struct text id = of->declared.id;
    findings_add(&work->plan->findings,
                 &(struct finding){.severity = FINDING_WARNING,
                                   .code = code,
                                   .pointer = of->overlay
                                                  ? ""
                                                  : arena_printf(&work->scratch, "/windows/%.*s",
                                                                 (int)id.len, id.ptr),
                                   .file = "",
                                   .message = message,
                                   .mend = mend});
}

static void report_blocked(struct plan_work *work, const struct plan_occurrence *occurrence)
{
    const struct inventory_window *window = &work->plan->windows[occurrence->window].declared;
    char opens[CLOCK_TEXT_SIZE];
    if (!occurrence->is_blocked)
        return;
    const char *message = arena_printf(
        &work->scratch, "window %.*s of %s is blocked, its nodes stay; %s", (int)window->id.len,
        window->id.ptr, clock_print(occurrence->opens_at_ms, opens), occurrence->blocked_because);
    report(work, occurrence->window, "window-blocked", message,
           "end the drain or move the window that stands in its way, take fewer nodes at once "
           "(\"serial\"), or relax the guard; `srvplan window suggest` finds a schedule that "
           "passes");
}

static void report_overlap(struct plan_work *work, const struct window_occurrence *next)
{
    const struct inventory_window *window = &work->plan->windows[next->window].declared;
    char opens[CLOCK_TEXT_SIZE];
    const char *message = arena_printf(
        &work->scratch,
        "window %.*s overlaps itself: the occurrence of %s is still being restored when the next "
        "one begins, so its nodes are never whole between",
        (int)window->id.len, window->id.ptr, clock_print(next->opens_at_ms, opens));
    report(work, next->window, "window-overlap", message,
           "let it recur less often, make it shorter, or make it two windows");
}

/* -- public -------------------------------------------------------------------------------------
 */

static const struct plan_hold *last_of(const struct plan_hold *holds, uint32_t count)
{
    const struct plan_hold *last = holds;
    for (uint32_t i = 1; i < count; i++)
        if (holds[i].timeline.restored_at_ms > last->timeline.restored_at_ms)
            last = &holds[i];
    return last;
}

struct plan_occurrence window_print(struct window_work *w,
                                    const struct window_occurrence *occurrence)
{
    uint32_t count = window_declared(w, occurrence->window)->node_count;
    const struct plan_hold *ended = occurrence->ended_holds;
    return (struct plan_occurrence){
        .window = occurrence->window,
        .opens_at_ms = occurrence->opens_at_ms,
        .begin_at_ms = occurrence->begin_at_ms,
        .end_at_ms = ended ? last_of(ended, count)->timeline.restored_at_ms : occurrence->end_at_ms,
        .is_blocked = occurrence->blocked_because != NULL,
        .blocked_because = occurrence->blocked_because,
        .ended = occurrence->ended,
        .hold_count = count,
    };
}

/* Puts a judged occurrence and its turns into the plan. */
static void keep(struct window_work *w, const struct window_occurrence *occurrence,
                 struct plan_occurrence *kept, uint32_t number)
{
    struct plan_work *work = w->work;
    const struct plan_hold *holds =
        occurrence->ended_holds ? occurrence->ended_holds : occurrence->holds;
    *kept = window_print(w, occurrence);
    kept->first_hold = work->plan->hold_count;
    for (uint32_t i = 0; i < kept->hold_count; i++) {
        struct plan_hold hold = holds[i];
        hold.occurrence = number;
        if (kept->is_blocked)
            hold.state = TIMELINE_BLOCKED;
        plan_hold_add(work, &hold);
    }
    report_blocked(work, kept);
}

static void near_add(struct window_work *w, struct window_pool *near,
                     const struct window_occurrence *occurrence)
{
    near->items = arena_grow(&w->work->scratch, near->items, &near->capacity, near->count + 1,
                             sizeof *near->items);
    near->items[near->count++] = *occurrence;
}

/* Its last change is over, be it an early end. */
static bool is_over(struct window_work *w, struct window_occurrence *occurrence)
{
    int64_t at_ms = w->work->plan->input.at_ms;
    if (occurrence->end_at_ms <= at_ms)
        return true;
    if (occurrence->ended_at_ms > at_ms)
        return false;
    window_holds(w, occurrence);
    return window_print(w, occurrence).end_at_ms <= at_ms;
}

/* The openings of a window that are under way, and the next one. */
static void add_near(struct window_work *w, uint32_t index, struct window_pool *near)
{
    const struct window_shape *shape = &w->shapes[index];
    const struct overlay_window *overlay = w->work->plan->windows[index].overlay;
    int64_t at_ms = w->work->plan->input.at_ms;
    /* Before it was made there is nothing to find. */
    int64_t base_ms = overlay && overlay->since_at_ms > at_ms ? overlay->since_at_ms : at_ms;
    int64_t from_ms = base_ms - shape->tail_ms + 1;
    uint32_t count = window_openings(w, index, from_ms, from_ms + LOOK_MS, NEAR_USUAL);
    if (count == NEAR_USUAL && w->openings[count - 1] - shape->lead_ms <= base_ms)
        count = window_openings(w, index, from_ms, from_ms + LOOK_MS, UNDER_WAY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct window_occurrence occurrence;
        if (!window_occurrence_of(w, index, w->openings[i], &occurrence))
            continue;
        if (!is_over(w, &occurrence))
            near_add(w, near, &occurrence);
        if (occurrence.begin_at_ms <= at_ms)
            continue;
        if (i + 1 < count && w->openings[i + 1] - shape->lead_ms < occurrence.end_at_ms)
            report_overlap(w->work, &occurrence);
        break;
    }
}

/* Fetches once for all that come soon after the first. */
static void cover_near(struct window_work *w, const struct window_pool *near, size_t first)
{
    int64_t begin_ms = near->items[first].begin_at_ms, last_ms = begin_ms;
    if (w->pool.from_ms < w->pool.to_ms && begin_ms < w->pool.to_ms)
        return;
    for (size_t i = first; i < near->count; i++)
        if (near->items[i].begin_at_ms <= begin_ms + CLUSTER_MAX_MS)
            last_ms = near->items[i].begin_at_ms;
    window_cover(w, begin_ms - w->longest_ms - DAY_MS, last_ms + 1);
}

void plan_windows(struct plan_work *work)
{
    struct window_pool near = {0};
    window_list(work);
    if (work->plan->window_count == 0)
        return;
    struct window_work w = window_work_of(work);
    for (uint32_t i = 0; i < work->plan->window_count; i++)
        add_near(&w, i, &near);
    if (near.count)
        qsort(near.items, near.count, sizeof *near.items, window_by_begin);
    struct plan_occurrence *kept =
        arena_array(&work->plan->arena, struct plan_occurrence, near.count);
    for (size_t i = 0; i < near.count; i++) {
        cover_near(&w, &near, i);
        keep(&w, window_admit(&w, &near.items[i]), &kept[i], (uint32_t)i);
    }
    work->plan->occurrences = kept;
    work->plan->occurrence_count = (uint32_t)near.count;
}

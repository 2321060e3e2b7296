/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_window_build.h"

#include "srvplan/civil.h"
#include "srvplan/recurrence.h"

#include <stdlib.h>

/* -- shapes and turns ---------------------------------------------------------------------------
 */

static int64_t tail_of(const struct plan_work *work, const struct inventory_window *window,
                       struct timeline_ttls ttls, uint32_t duration_s)
{
    const struct inventory_policy *policy = &work->inventory->policy;
    struct timeline turn = timeline_of_turn(policy, ttls, 0, duration_s);
    uint32_t turns = window->is_serial ? window->node_count : 1;
    return turn.restored_at_ms + (turns - 1) * timeline_turn_distance_ms(policy, ttls, duration_s);
}

/* With an `end`, a change of the clocks makes a turn longer or shorter; by less than a day. */
static uint32_t longest_duration(const struct inventory_window *window)
{
    return window->end.len ? window->duration_s + CIVIL_DAY_S : window->duration_s;
}

static uint32_t duration_of(const struct inventory_window *window, int64_t opens_at_ms)
{
    if (!window->end.len)
        return window->duration_s;
    int64_t end_ms = recurrence_later_ms(window->when, opens_at_ms, window->duration_s);
    return end_ms > opens_at_ms ? (uint32_t)((end_ms - opens_at_ms) / 1000) : 1;
}

/* The longest of all its nodes, so that one timeline fits them all. */
static struct timeline_ttls ttls_of(const struct layout *layout,
                                    const struct inventory_window *window)
{
    struct timeline_ttls ttls = {0};
    for (uint32_t i = 0; i < window->node_count; i++) {
        const struct layout_node_sets *node = &layout->node_sets[window->nodes[i]];
        if (node->ttl_s > ttls.ttl_s)
            ttls.ttl_s = node->ttl_s;
        if (node->drain_ttl_s > ttls.drain_ttl_s)
            ttls.drain_ttl_s = node->drain_ttl_s;
    }
    return ttls;
}

struct plan_lead plan_window_lead(const struct layout *layout,
                                  const struct inventory_window *window)
{
    struct timeline_ttls ttls = ttls_of(layout, window);
    struct timeline turn = timeline_of_turn(&layout->inventory->policy, ttls, 0, 1);
    return (struct plan_lead){ttls, -timeline_begin_ms(&turn)};
}

static uint32_t count_skipped(const struct overlays *overlays, struct text window)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < overlays->opening_count; i++)
        count += overlays->openings[i].change == OPENING_SKIPPED &&
                 text_equal(overlays->openings[i].window, window);
    return count < OPENINGS_MAX ? count : OPENINGS_MAX;
}

static struct window_shape shape_of(const struct plan_work *work, uint32_t window)
{
    const struct inventory_window *of = &work->plan->windows[window].declared;
    struct plan_lead lead = plan_window_lead(work->plan->input.layout, of);
    return (struct window_shape){.ttls = lead.ttls,
                                 .lead_ms = lead.lead_ms,
                                 .skipped = count_skipped(work->overlays, of->id),
                                 .tail_ms = tail_of(work, of, lead.ttls, longest_duration(of))};
}

/* One turn, as its window's making lets it be. */
static struct timeline turn_of(const struct window_work *w,
                               const struct window_occurrence *occurrence, uint32_t number)
{
    const struct inventory_policy *policy = &w->work->inventory->policy;
    const struct plan_window *window = &w->work->plan->windows[occurrence->window];
    struct timeline_ttls ttls = w->shapes[occurrence->window].ttls;
    int64_t opens_at_ms = occurrence->opens_at_ms;
    if (window->declared.is_serial)
        opens_at_ms += number * timeline_turn_distance_ms(policy, ttls, occurrence->duration_s);
    struct timeline turn = timeline_of_turn(policy, ttls, opens_at_ms, occurrence->duration_s);
    if (window->overlay)
        timeline_begin_late(&turn, ttls, window->overlay->since_at_ms);
    return turn;
}

void window_holds(struct window_work *w, struct window_occurrence *occurrence)
{
    const struct inventory_policy *policy = &w->work->inventory->policy;
    const struct inventory_window *window = window_declared(w, occurrence->window);
    if (occurrence->holds)
        return;
    struct plan_hold *holds = arena_array(&w->work->scratch, struct plan_hold, window->node_count);
    struct plan_hold *ended = NULL;
    if (occurrence->ended_at_ms != TIMELINE_NEVER)
        ended = arena_array(&w->work->scratch, struct plan_hold, window->node_count);
    for (uint32_t i = 0; i < window->node_count; i++) {
        holds[i] = (struct plan_hold){
            .kind = PLAN_HOLD_WINDOW,
            .id = window->id,
            .node = window->nodes[i],
            .occurrence = INVENTORY_NONE,
            .mode = policy->drain_mode,
            .to_ppb = policy->drain_to_ppb,
            .set_count = w->work->plan->input.layout->node_sets[window->nodes[i]].count,
            .ttls = w->shapes[occurrence->window].ttls,
            .timeline = turn_of(w, occurrence, i),
        };
        if (!ended)
            continue;
        ended[i] = holds[i];
        timeline_end_early(&ended[i].timeline, policy->ramp_s, occurrence->ended_at_ms);
    }
    occurrence->holds = holds;
    occurrence->ended_holds = ended;
}

/* -- the pool -----------------------------------------------------------------------------------
 */

int window_by_begin(const void *left, const void *right)
{
    const struct window_occurrence *a = left, *b = right;
    if (a->begin_at_ms != b->begin_at_ms)
        return a->begin_at_ms < b->begin_at_ms ? -1 : 1;
    if (a->window != b->window)
        return a->window < b->window ? -1 : 1;
    /* Openings that were under way when their window was made begin together. */
    if (a->opens_at_ms != b->opens_at_ms)
        return a->opens_at_ms < b->opens_at_ms ? -1 : 1;
    return 0;
}

uint32_t window_openings(struct window_work *w, uint32_t window, int64_t from_ms, int64_t to_ms,
                         uint32_t most)
{
    const struct overlays *overlays = w->work->overlays;
    const struct inventory_window *of = window_declared(w, window);
    uint32_t skipped = w->shapes[window].skipped, kept = 0;
    uint32_t room = most < OPENINGS_MAX - skipped ? most + skipped : OPENINGS_MAX;
    uint32_t count = recurrence_expand(of->when, from_ms, to_ms, w->openings, room);
    for (uint32_t i = 0; i < count && kept < most; i++) {
        const struct overlay_opening *opening =
            skipped ? window_find_opening(overlays, of->id, w->openings[i]) : NULL;
        if (!opening || opening->change != OPENING_SKIPPED)
            w->openings[kept++] = w->openings[i];
    }
    return kept;
}

/* When the last turn ends. */
static int64_t last_end(const struct window_work *w, const struct window_occurrence *occurrence)
{
    const struct inventory_window *of = window_declared(w, occurrence->window);
    int64_t end_ms = occurrence->opens_at_ms + occurrence->duration_s * INT64_C(1000);
    if (of->is_serial)
        end_ms +=
            (of->node_count - 1) * timeline_turn_distance_ms(&w->work->inventory->policy,
                                                             w->shapes[occurrence->window].ttls,
                                                             occurrence->duration_s);
    return end_ms;
}

bool window_occurrence_of(struct window_work *w, uint32_t window, int64_t opens_at_ms,
                          struct window_occurrence *occurrence)
{
    const struct plan_window *of = &w->work->plan->windows[window];
    const struct overlay_window *overlay = of->overlay;
    const struct window_shape *shape = &w->shapes[window];
    uint32_t duration_s = duration_of(&of->declared, opens_at_ms);
    *occurrence = (struct window_occurrence){
        .window = window,
        .opens_at_ms = opens_at_ms,
        .begin_at_ms = opens_at_ms - shape->lead_ms,
        .end_at_ms = opens_at_ms + tail_of(w->work, &of->declared, shape->ttls, duration_s),
        .duration_s = duration_s,
        .ended_at_ms = TIMELINE_NEVER};
    const struct overlay_opening *change =
        window_find_opening(w->work->overlays, of->declared.id, opens_at_ms);
    if (change && change->change == OPENING_ENDED) {
        occurrence->ended = change;
        occurrence->ended_at_ms = change->at_ms;
    }
    if (!overlay)
        return occurrence->begin_at_ms < occurrence->ended_at_ms;
    if (last_end(w, occurrence) <= overlay->since_at_ms)
        return false;
    if (occurrence->begin_at_ms < overlay->since_at_ms)
        occurrence->begin_at_ms = overlay->since_at_ms;
    if (overlay->ended_at_ms != OVERLAY_NO_END && overlay->ended_at_ms < occurrence->ended_at_ms)
        occurrence->ended_at_ms = overlay->ended_at_ms;
    return occurrence->begin_at_ms < occurrence->ended_at_ms;
}

/* Adds the occurrences of a window that begin in the range. Those of a window that is newer than
 * their lead time begin with it. */
static void fetch_window(struct window_work *w, uint32_t window, int64_t from_ms, int64_t to_ms)
{
    struct window_pool *pool = &w->pool;
    const struct overlay_window *overlay = w->work->plan->windows[window].overlay;
    const struct window_shape *shape = &w->shapes[window];
    int64_t first_ms = from_ms;
    if (overlay && overlay->since_at_ms >= to_ms)
        return;
    if (overlay && overlay->since_at_ms >= from_ms)
        first_ms = overlay->since_at_ms - shape->lead_ms - shape->tail_ms;
    uint32_t count =
        window_openings(w, window, first_ms + shape->lead_ms, to_ms + shape->lead_ms, OPENINGS_MAX);
    pool->items = arena_grow(&w->work->scratch, pool->items, &pool->capacity, pool->count + count,
                             sizeof *pool->items);
    for (uint32_t i = 0; i < count; i++) {
        struct window_occurrence *added = &pool->items[pool->count];
        if (window_occurrence_of(w, window, w->openings[i], added) &&
            added->begin_at_ms >= from_ms && added->begin_at_ms < to_ms)
            pool->count++;
    }
}

static void fetch(struct window_work *w, int64_t from_ms, int64_t to_ms)
{
    struct window_pool *pool = &w->pool;
    for (uint32_t i = 0; i < w->work->plan->window_count; i++)
        fetch_window(w, i, from_ms, to_ms);
    if (pool->count)
        qsort(pool->items, pool->count, sizeof *pool->items, window_by_begin);
}

/* Makes the pool hold everything that begins in the range; begins anew when it is far from what is
 * there. */
void window_cover(struct window_work *w, int64_t from_ms, int64_t to_ms)
{
    struct window_pool *pool = &w->pool;
    bool is_far = from_ms > pool->to_ms + CLUSTER_MAX_MS || to_ms < pool->from_ms - CLUSTER_MAX_MS;
    if (pool->from_ms == pool->to_ms || is_far) {
        *pool = (struct window_pool){.from_ms = from_ms, .to_ms = to_ms};
        fetch(w, from_ms, to_ms);
        return;
    }
    if (to_ms > pool->to_ms) {
        fetch(w, pool->to_ms, to_ms);
        pool->to_ms = to_ms;
    }
    if (from_ms < pool->from_ms) {
        if (from_ms > pool->from_ms - DAY_MS)
            from_ms = pool->from_ms - DAY_MS; /* whoever goes back goes on */
        fetch(w, from_ms, pool->from_ms);
        pool->from_ms = from_ms;
    }
}

struct window_work window_work_of(struct plan_work *work)
{
    uint32_t count = work->plan->window_count;
    struct window_work w = {.work = work};
    w.shapes = arena_array(&work->scratch, struct window_shape, count);
    w.openings = arena_array(&work->scratch, int64_t, OPENINGS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        w.shapes[i] = shape_of(work, i);
        int64_t span_ms = w.shapes[i].lead_ms + w.shapes[i].tail_ms;
        w.longest_ms = span_ms > w.longest_ms ? span_ms : w.longest_ms;
    }
    return w;
}

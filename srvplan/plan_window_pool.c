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

struct plan_lead plan_window_lead(const struct layout *layout, uint32_t window)
{
    const struct inventory *inventory = layout->inventory;
    struct timeline_ttls ttls = ttls_of(layout, &inventory->windows[window]);
    struct timeline turn = timeline_of_turn(&inventory->policy, ttls, 0, 1);
    return (struct plan_lead){ttls, -timeline_begin_ms(&turn)};
}

static struct window_shape shape_of(const struct plan_work *work, uint32_t window)
{
    const struct inventory_window *of = &work->inventory->windows[window];
    struct plan_lead lead = plan_window_lead(work->plan->input.layout, window);
    return (struct window_shape){.ttls = lead.ttls,
                                 .lead_ms = lead.lead_ms,
                                 .tail_ms = tail_of(work, of, lead.ttls, longest_duration(of))};
}

void window_holds(struct window_work *w, struct window_occurrence *occurrence)
{
    const struct inventory *inventory = w->work->inventory;
    const struct inventory_window *window = &inventory->windows[occurrence->window];
    const struct window_shape *shape = &w->shapes[occurrence->window];
    int64_t distance_ms =
        timeline_turn_distance_ms(&inventory->policy, shape->ttls, occurrence->duration_s);
    if (occurrence->holds)
        return;
    struct plan_hold *holds = arena_array(&w->work->scratch, struct plan_hold, window->node_count);
    for (uint32_t i = 0; i < window->node_count; i++) {
        int64_t opens_at_ms = occurrence->opens_at_ms;
        if (window->is_serial)
            opens_at_ms += i * distance_ms;
        holds[i] = (struct plan_hold){
            .kind = PLAN_HOLD_WINDOW,
            .id = window->id,
            .node = window->nodes[i],
            .occurrence = INVENTORY_NONE,
            .mode = inventory->policy.drain_mode,
            .to_ppb = inventory->policy.drain_to_ppb,
            .set_count = w->work->plan->input.layout->node_sets[window->nodes[i]].count,
            .ttls = shape->ttls,
            .timeline = timeline_of_turn(&inventory->policy, shape->ttls, opens_at_ms,
                                         occurrence->duration_s),
        };
    }
    occurrence->holds = holds;
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
    return 0;
}

struct window_occurrence window_occurrence_of(const struct window_work *w, uint32_t window,
                                              int64_t opens_at_ms)
{
    const struct inventory_window *of = &w->work->inventory->windows[window];
    const struct window_shape *shape = &w->shapes[window];
    uint32_t duration_s = duration_of(of, opens_at_ms);
    return (struct window_occurrence){.window = window,
                                      .opens_at_ms = opens_at_ms,
                                      .begin_at_ms = opens_at_ms - shape->lead_ms,
                                      .end_at_ms = opens_at_ms +
                                                   tail_of(w->work, of, shape->ttls, duration_s),
                                      .duration_s = duration_s};
}

static void fetch(struct window_work *w, int64_t from_ms, int64_t to_ms)
{
    struct window_pool *pool = &w->pool;
    const struct inventory *inventory = w->work->inventory;
    for (uint32_t i = 0; i < inventory->window_count; i++) {
        int64_t lead_ms = w->shapes[i].lead_ms;
        uint32_t count = recurrence_expand(inventory->windows[i].when, from_ms + lead_ms,
                                           to_ms + lead_ms, w->openings, OPENINGS_MAX);
        pool->items = arena_grow(&w->work->scratch, pool->items, &pool->capacity,
                                 pool->count + count, sizeof *pool->items);
        for (uint32_t j = 0; j < count; j++)
            pool->items[pool->count++] = window_occurrence_of(w, i, w->openings[j]);
    }
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
    const struct inventory *inventory = work->inventory;
    struct window_work w = {.work = work};
    w.shapes = arena_array(&work->scratch, struct window_shape, inventory->window_count);
    w.openings = arena_array(&work->scratch, int64_t, OPENINGS_MAX);
    for (uint32_t i = 0; i < inventory->window_count; i++) {
        w.shapes[i] = shape_of(work, i);
        int64_t span_ms = w.shapes[i].lead_ms + w.shapes[i].tail_ms;
        w.longest_ms = span_ms > w.longest_ms ? span_ms : w.longest_ms;
    }
    return w;
}

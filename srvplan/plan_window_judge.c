/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which openings of windows the guards admit (plan.h says how). Openings that overlap, from one to
 * the next, are a cluster; each is judged in the order in which spans begin, so a walk starts where
 * the cluster does. A cluster may have no end (a window a night, and a night after each): behind
 * CLUSTER_MAX_MS of it, an occurrence is judged against all that overlap it, admitted or not, which
 * is stricter and needs no walk. Either way the verdict hangs on the occurrence alone, not on when
 * it is asked for. */
#include "srvplan/plan_window_build.h"

#include <assert.h>
#include <stdlib.h>

static size_t find(const struct window_pool *pool, const struct window_occurrence *occurrence)
{
    const struct window_occurrence *found =
        bsearch(occurrence, pool->items, pool->count, sizeof *pool->items, window_by_begin);
    assert(found);
    return (size_t)(found - pool->items);
}

struct hold_list {
    const struct plan_hold **items;
    uint32_t count;
    size_t capacity;
};

static void list_add(struct plan_work *work, struct hold_list *list, const struct plan_hold *hold)
{
    list->items = arena_grow(&work->scratch, list->items, &list->capacity, (size_t)list->count + 1,
                             sizeof *list->items);
    list->items[list->count++] = hold;
}

static bool was_asked_before(const struct plan_hold *drain, int64_t at_ms)
{
    int64_t asked_ms = drain->drain->requested_at_ms;
    return (asked_ms ? asked_ms : drain->drain->since_at_ms) <= at_ms;
}

/* Everybody who may be out beside the occurrence: drains, and occurrences before it. */
static struct hold_list others_of(struct window_work *w, size_t at, bool is_endless)
{
    struct plan_work *work = w->work;
    const struct window_occurrence *judged = &w->pool.items[at];
    struct hold_list others = {0};
    for (uint32_t i = 0; i < work->drain_count; i++)
        if (was_asked_before(&work->drains[i], judged->begin_at_ms) &&
            work->drains[i].timeline.restored_at_ms > judged->begin_at_ms)
            list_add(work, &others, &work->drains[i]);
    for (size_t i = at; i-- > 0;) {
        struct window_occurrence *other = &w->pool.items[i];
        bool is_in = is_endless || (other->is_judged && !other->blocked_because);
        if (other->begin_at_ms + w->longest_ms <= judged->begin_at_ms)
            break; /* it is over by then, and so is all before it */
        if (other->end_at_ms <= judged->begin_at_ms || !is_in)
            continue;
        window_holds(w, other);
        /* What ended early counts from then on alone, so that nothing begins midway. */
        const struct plan_hold *holds =
            other->ended_at_ms <= judged->begin_at_ms ? other->ended_holds : other->holds;
        for (uint32_t j = 0; j < window_declared(w, other->window)->node_count; j++)
            list_add(work, &others, &holds[j]);
    }
    return others;
}

static struct hold_list out_at(struct plan_work *work, const struct hold_list *list, int64_t at_ms)
{
    struct hold_list out = {0};
    for (uint32_t i = 0; i < list->count; i++)
        if (plan_hold_is_out(list->items[i], at_ms))
            list_add(work, &out, list->items[i]);
    return out;
}

/* The refusal at one instant, as text, or NULL. */
static const char *try_at(struct window_work *w, const struct hold_list *own,
                          const struct hold_list *others, int64_t at_ms)
{
    struct plan_work *work = w->work;
    struct arena arena = {0};
    struct hold_list own_out = out_at(work, own, at_ms), others_out = out_at(work, others, at_ms);
    struct plan_trial trial = {.holds = own_out.items,
                               .hold_count = own_out.count,
                               .others = others_out.items,
                               .other_count = others_out.count,
                               .at_ms = at_ms};
    const char *because = NULL;
    const struct plan_verdict *verdict = own_out.count ? plan_try(work, &trial, &arena) : NULL;
    if (verdict)
        because = arena_printf(&work->plan->arena, "guard %s: %s",
                               plan_guard_rows[verdict->guard].name, verdict->message);
    arena_fini(&arena);
    return because;
}

/* Who is out only grows when a ramp begins: those instants are enough. */
static void judge(struct window_work *w, size_t at, bool is_endless)
{
    struct plan_work *work = w->work;
    struct window_occurrence *occurrence = &w->pool.items[at];
    if (occurrence->is_judged)
        return;
    window_holds(w, occurrence);
    struct hold_list own = {0}, others = others_of(w, at, is_endless);
    int64_t last_ms = INT64_MIN;
    for (uint32_t i = 0; i < window_declared(w, occurrence->window)->node_count; i++)
        list_add(work, &own, &occurrence->holds[i]);
    for (uint32_t i = 0; i < own.count && !occurrence->blocked_because; i++) {
        int64_t ramp_at_ms = own.items[i]->timeline.ramp_at_ms;
        if (ramp_at_ms != last_ms)
            occurrence->blocked_because = try_at(w, &own, &others, ramp_at_ms);
        last_ms = ramp_at_ms;
    }
    for (uint32_t i = 0; i < others.count && !occurrence->blocked_because; i++)
        if (others.items[i]->timeline.ramp_at_ms > occurrence->begin_at_ms)
            occurrence->blocked_because =
                try_at(w, &own, &others, others.items[i]->timeline.ramp_at_ms);
    occurrence->is_judged = true;
}

/* Where the cluster of an occurrence begins; is CLUSTER_MAX_MS before it or more when nobody needs
 * to know. */
static int64_t cluster_begin(struct window_work *w, const struct window_occurrence *occurrence)
{
    int64_t begin_ms = occurrence->begin_at_ms, covered_ms;
    do {
        covered_ms = begin_ms;
        window_cover(w, begin_ms - w->longest_ms, occurrence->begin_at_ms + 1);
        for (size_t i = find(&w->pool, occurrence); i-- > 0;) {
            const struct window_occurrence *before = &w->pool.items[i];
            if (before->end_at_ms > begin_ms && before->begin_at_ms < begin_ms)
                begin_ms = before->begin_at_ms;
        }
    } while (begin_ms < covered_ms && begin_ms > occurrence->begin_at_ms - CLUSTER_MAX_MS);
    return begin_ms;
}

/* Judges an occurrence, and what must be judged before it. */
const struct window_occurrence *window_admit(struct window_work *w,
                                             const struct window_occurrence *occurrence)
{
    int64_t begin_ms = cluster_begin(w, occurrence);
    bool is_endless = begin_ms <= occurrence->begin_at_ms - CLUSTER_MAX_MS;
    size_t at = find(&w->pool, occurrence), first = at;
    while (!is_endless && first > 0 && w->pool.items[first - 1].begin_at_ms >= begin_ms)
        first--;
    for (size_t i = first; i <= at; i++)
        judge(w, i, is_endless);
    return &w->pool.items[at];
}

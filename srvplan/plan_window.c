/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Maintenance windows: which openings are near, and which of them the guards admit (plan.h says
 * how). Openings that overlap, from one to the next, are a cluster; each is judged in the order in
 * which spans begin, so a walk starts where the cluster does. A cluster may have no end (a window a
 * night, and a night after each): behind CLUSTER_MAX_MS of it, an occurrence is judged against all
 * that overlap it, admitted or not, which is stricter and needs no walk. Either way the verdict
 * hangs on the occurrence alone, not on when it is asked for. */
#include "srvplan/plan_build.h"

#include "srvplan/civil.h"
#include "srvplan/recurrence.h"
#include "zones/base/clock.h"

#include <assert.h>
#include <stdlib.h>

#define DAY_MS INT64_C(86400000)
#define CLUSTER_MAX_MS (35 * DAY_MS)

enum {
    OPENINGS_MAX = 2048, /* of one window in one look; daily ones for five years */
    UNDER_WAY_MAX = 64,  /* of one window at once */
};

/* What all occurrences of a window have in common. */
struct window_shape {
    struct timeline_ttls ttls;
    int64_t lead_ms; /* from the first change to the opening */
    int64_t tail_ms; /* from there to the last change, at most */
};

struct occurrence {
    uint32_t window;
    int64_t opens_at_ms, begin_at_ms, end_at_ms;
    uint32_t duration_s;           /* of each turn */
    const struct plan_hold *holds; /* NULL: not made yet */
    bool is_judged;
    const char *blocked_because; /* NULL: admitted, when it is judged */
};

/* The occurrences that begin in from_ms <= begin < to_ms, in the order of judgement. */
struct pool {
    struct occurrence *items;
    size_t count, capacity;
    int64_t from_ms, to_ms;
};

struct window_work {
    struct plan_work *work;
    struct window_shape *shapes; /* by window */
    int64_t longest_ms;          /* of all spans */
    struct pool pool;
    int64_t *openings; /* room for OPENINGS_MAX */
};

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

static void make_holds(struct window_work *w, struct occurrence *occurrence)
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

static int by_begin(const void *left, const void *right)
{
    const struct occurrence *a = left, *b = right;
    if (a->begin_at_ms != b->begin_at_ms)
        return a->begin_at_ms < b->begin_at_ms ? -1 : 1;
    if (a->window != b->window)
        return a->window < b->window ? -1 : 1;
    return 0;
}

static struct occurrence occurrence_of(const struct window_work *w, uint32_t window,
                                       int64_t opens_at_ms)
{
    const struct inventory_window *of = &w->work->inventory->windows[window];
    const struct window_shape *shape = &w->shapes[window];
    uint32_t duration_s = duration_of(of, opens_at_ms);
    return (struct occurrence){.window = window,
                               .opens_at_ms = opens_at_ms,
                               .begin_at_ms = opens_at_ms - shape->lead_ms,
                               .end_at_ms =
                                   opens_at_ms + tail_of(w->work, of, shape->ttls, duration_s),
                               .duration_s = duration_s};
}

static void fetch(struct window_work *w, int64_t from_ms, int64_t to_ms)
{
    struct pool *pool = &w->pool;
    const struct inventory *inventory = w->work->inventory;
    for (uint32_t i = 0; i < inventory->window_count; i++) {
        int64_t lead_ms = w->shapes[i].lead_ms;
        uint32_t count = recurrence_expand(inventory->windows[i].when, from_ms + lead_ms,
                                           to_ms + lead_ms, w->openings, OPENINGS_MAX);
        pool->items = arena_grow(&w->work->scratch, pool->items, &pool->capacity,
                                 pool->count + count, sizeof *pool->items);
        for (uint32_t j = 0; j < count; j++)
            pool->items[pool->count++] = occurrence_of(w, i, w->openings[j]);
    }
    if (pool->count)
        qsort(pool->items, pool->count, sizeof *pool->items, by_begin);
}

/* Makes the pool hold everything that begins in the range; begins anew when it is far from what is
 * there. */
static void cover(struct window_work *w, int64_t from_ms, int64_t to_ms)
{
    struct pool *pool = &w->pool;
    bool is_far = from_ms > pool->to_ms + CLUSTER_MAX_MS || to_ms < pool->from_ms - CLUSTER_MAX_MS;
    if (pool->from_ms == pool->to_ms || is_far) {
        *pool = (struct pool){.from_ms = from_ms, .to_ms = to_ms};
        fetch(w, from_ms, to_ms);
        return;
    }
    if (to_ms > pool->to_ms) {
        fetch(w, pool->to_ms, to_ms);
        pool->to_ms = to_ms;
    }
    if (from_ms < pool->from_ms) {
        fetch(w, from_ms, pool->from_ms);
        pool->from_ms = from_ms;
    }
}

static size_t find(const struct pool *pool, const struct occurrence *occurrence)
{
    const struct occurrence *found =
        bsearch(occurrence, pool->items, pool->count, sizeof *pool->items, by_begin);
    assert(found);
    return (size_t)(found - pool->items);
}

/* -- judgement ----------------------------------------------------------------------------------
 */

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
    const struct occurrence *judged = &w->pool.items[at];
    struct hold_list others = {0};
    for (uint32_t i = 0; i < work->drain_count; i++)
        if (was_asked_before(&work->drains[i], judged->begin_at_ms) &&
            work->drains[i].timeline.restored_at_ms > judged->begin_at_ms)
            list_add(work, &others, &work->drains[i]);
    for (size_t i = 0; i < at; i++) {
        struct occurrence *other = &w->pool.items[i];
        bool is_in = is_endless || (other->is_judged && !other->blocked_because);
        if (other->end_at_ms <= judged->begin_at_ms || !is_in)
            continue;
        make_holds(w, other);
        for (uint32_t j = 0; j < work->inventory->windows[other->window].node_count; j++)
            list_add(work, &others, &other->holds[j]);
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
    struct occurrence *occurrence = &w->pool.items[at];
    if (occurrence->is_judged)
        return;
    make_holds(w, occurrence);
    struct hold_list own = {0}, others = others_of(w, at, is_endless);
    int64_t last_ms = INT64_MIN;
    for (uint32_t i = 0; i < work->inventory->windows[occurrence->window].node_count; i++)
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
static int64_t cluster_begin(struct window_work *w, const struct occurrence *occurrence)
{
    int64_t begin_ms = occurrence->begin_at_ms, covered_ms;
    do {
        covered_ms = begin_ms;
        cover(w, begin_ms - w->longest_ms, occurrence->begin_at_ms + 1);
        for (size_t i = find(&w->pool, occurrence); i-- > 0;) {
            const struct occurrence *before = &w->pool.items[i];
            if (before->end_at_ms > begin_ms && before->begin_at_ms < begin_ms)
                begin_ms = before->begin_at_ms;
        }
    } while (begin_ms < covered_ms && begin_ms > occurrence->begin_at_ms - CLUSTER_MAX_MS);
    return begin_ms;
}

/* Judges an occurrence, and what must be judged before it. */
static const struct occurrence *admit(struct window_work *w, const struct occurrence *occurrence)
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

/* -- findings -----------------------------------------------------------------------------------
 */

static void report(struct plan_work *work, uint32_t window, const char *code, const char *message,
                   const char *mend)
{
    struct text id = work->inventory->windows[window].id;
    findings_add(&work->plan->findings,
                 &(struct finding){
                     .severity = FINDING_WARNING,
                     .code = code,
                     .pointer = arena_printf(&work->scratch, "/windows/%.*s", (int)id.len, id.ptr),
                     .file = "",
                     .message = message,
                     .mend = mend});
}

static void report_blocked(struct plan_work *work, const struct plan_occurrence *occurrence)
{
    const struct inventory_window *window = &work->inventory->windows[occurrence->window];
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

static void report_overlap(struct plan_work *work, uint32_t index, const struct window_shape *shape,
                           const struct occurrence *next)
{
    const struct inventory_window *window = &work->inventory->windows[index];
    int64_t after_ms = 0;
    char opens[CLOCK_TEXT_SIZE];
    if (!recurrence_next(window->when, next->opens_at_ms + 1, &after_ms) ||
        after_ms - shape->lead_ms >= next->end_at_ms)
        return;
    const char *message = arena_printf(
        &work->scratch,
        "window %.*s overlaps itself: the occurrence of %s is still being restored when the next "
        "one begins, so its nodes are never whole between",
        (int)window->id.len, window->id.ptr, clock_print(next->opens_at_ms, opens));
    report(work, index, "window-overlap", message,
           "let it recur less often, make it shorter, or make it two windows");
}

/* -- public -------------------------------------------------------------------------------------
 */

/* Puts a judged occurrence and its turns into the plan. */
static void keep(struct window_work *w, const struct occurrence *occurrence,
                 struct plan_occurrence *kept, uint32_t number)
{
    struct plan_work *work = w->work;
    *kept = (struct plan_occurrence){
        .window = occurrence->window,
        .opens_at_ms = occurrence->opens_at_ms,
        .begin_at_ms = occurrence->begin_at_ms,
        .end_at_ms = occurrence->end_at_ms,
        .is_blocked = occurrence->blocked_because != NULL,
        .blocked_because = occurrence->blocked_because,
        .first_hold = work->plan->hold_count,
        .hold_count = work->inventory->windows[occurrence->window].node_count,
    };
    for (uint32_t i = 0; i < kept->hold_count; i++) {
        struct plan_hold hold = occurrence->holds[i];
        hold.occurrence = number;
        if (kept->is_blocked)
            hold.state = TIMELINE_BLOCKED;
        plan_hold_add(work, &hold);
    }
    report_blocked(work, kept);
}

static void near_add(struct window_work *w, struct pool *near, struct occurrence occurrence)
{
    near->items = arena_grow(&w->work->scratch, near->items, &near->capacity, near->count + 1,
                             sizeof *near->items);
    near->items[near->count++] = occurrence;
}

/* The openings of a window that are under way, and the next one. */
static void add_near(struct window_work *w, uint32_t index, struct pool *near)
{
    const struct inventory_window *window = &w->work->inventory->windows[index];
    const struct window_shape *shape = &w->shapes[index];
    int64_t at_ms = w->work->plan->input.at_ms, next_ms = 0;
    uint32_t count = recurrence_expand(window->when, at_ms - shape->tail_ms + 1,
                                       at_ms + shape->lead_ms + 1, w->openings, UNDER_WAY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct occurrence occurrence = occurrence_of(w, index, w->openings[i]);
        if (occurrence.end_at_ms > at_ms)
            near_add(w, near, occurrence);
    }
    if (!recurrence_next(window->when, at_ms + shape->lead_ms + 1, &next_ms))
        return;
    struct occurrence next = occurrence_of(w, index, next_ms);
    near_add(w, near, next);
    report_overlap(w->work, index, shape, &next);
}

static void set_shapes(struct window_work *w)
{
    const struct inventory *inventory = w->work->inventory;
    w->shapes = arena_array(&w->work->scratch, struct window_shape, inventory->window_count);
    for (uint32_t i = 0; i < inventory->window_count; i++) {
        w->shapes[i] = shape_of(w->work, i);
        int64_t span_ms = w->shapes[i].lead_ms + w->shapes[i].tail_ms;
        w->longest_ms = span_ms > w->longest_ms ? span_ms : w->longest_ms;
    }
}

void plan_windows(struct plan_work *work)
{
    struct window_work w = {.work = work};
    struct pool near = {0};
    if (work->inventory->window_count == 0)
        return;
    set_shapes(&w);
    w.openings = arena_array(&work->scratch, int64_t, OPENINGS_MAX);
    for (uint32_t i = 0; i < work->inventory->window_count; i++)
        add_near(&w, i, &near);
    if (near.count)
        qsort(near.items, near.count, sizeof *near.items, by_begin);
    struct plan_occurrence *kept =
        arena_array(&work->plan->arena, struct plan_occurrence, near.count);
    for (size_t i = 0; i < near.count; i++)
        keep(&w, admit(&w, &near.items[i]), &kept[i], (uint32_t)i);
    work->plan->occurrences = kept;
    work->plan->occurrence_count = (uint32_t)near.count;
}

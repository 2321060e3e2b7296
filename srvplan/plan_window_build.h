/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan_window_build: what the files that plan windows share; nobody else includes it.
 *
 * plan_window_list brings the windows of inventory and operators together; plan_window_pool knows
 * which occurrences there are, in the order in which they are judged, with the turns of each;
 * plan_window_judge asks the guards; plan_window looks for what is near the plan's instant, and
 * keeps it; plan_window_openings looks at any time, for whoever asks. */
#pragma once
#include "srvplan/plan_build.h"

#define DAY_MS INT64_C(86400000)
#define CLUSTER_MAX_MS (8 * DAY_MS)

enum {
    OPENINGS_MAX = 2048, /* of one window in one look; daily ones for five years */
};

/* What all occurrences of a window have in common. */
struct window_shape {
    struct timeline_ttls ttls;
    int64_t lead_ms;  /* from the first change to the opening */
    int64_t tail_ms;  /* from there to the last change, at most */
    uint32_t skipped; /* how many openings operators took out */
};

struct window_occurrence {
    uint32_t window;
    int64_t opens_at_ms, begin_at_ms, end_at_ms; /* the span as planned, whatever ended it early */
    uint32_t duration_s;                         /* of each turn */
    const struct overlay_opening *ended;         /* NULL: nobody ended it early */
    int64_t ended_at_ms;                         /* by that, or with its window; TIMELINE_NEVER */
    const struct plan_hold *holds;               /* NULL: not made yet */
    const struct plan_hold *ended_holds;         /* with the early end; NULL: it has none */
    bool is_judged;
    const char *blocked_because; /* NULL: admitted, when it is judged */
};

/* The occurrences that begin in from_ms <= begin < to_ms, in the order of judgement. */
struct window_pool {
    struct window_occurrence *items;
    size_t count, capacity;
    int64_t from_ms, to_ms;
};

struct window_work {
    struct plan_work *work;
    struct window_shape *shapes; /* by window */
    int64_t longest_ms;          /* of all spans */
    struct window_pool pool;
    int64_t *openings; /* room for OPENINGS_MAX */
};

static inline const struct inventory_window *window_declared(const struct window_work *w,
                                                             uint32_t window)
{
    return &w->work->plan->windows[window].declared;
}

/* -- plan_window_list.c -- */

/* Fills plan->windows; what waits becomes a finding. */
void window_list(struct plan_work *work);

/* What operators made of an opening, or NULL. */
const struct overlay_opening *window_find_opening(const struct overlays *overlays,
                                                  struct text window, int64_t opens_at_ms);

/* -- plan_window_pool.c -- */

/* A work over the plan's windows; the pool is empty. */
struct window_work window_work_of(struct plan_work *work);

/* Fills w->openings with those of a window in from_ms <= at < to_ms that nobody skipped, at most
 * `most`; how many. */
uint32_t window_openings(struct window_work *w, uint32_t window, int64_t from_ms, int64_t to_ms,
                         uint32_t most);

/* False: it does not come at all, because its window was made too late or ended before. */
bool window_occurrence_of(struct window_work *w, uint32_t window, int64_t opens_at_ms,
                          struct window_occurrence *occurrence);

/* Makes the turns of an occurrence, once. */
void window_holds(struct window_work *w, struct window_occurrence *occurrence);

int window_by_begin(const void *left, const void *right); /* the order of judgement */

/* Makes the pool hold everything that begins in the range; begins anew when it is far from what is
 * there. */
void window_cover(struct window_work *w, int64_t from_ms, int64_t to_ms);

/* -- plan_window.c -- */

/* An occurrence whose holds are made, for a plan; its holds are in none. */
struct plan_occurrence window_print(struct window_work *w,
                                    const struct window_occurrence *occurrence);

/* -- plan_window_judge.c -- */

/* Judges an occurrence, and what must be judged before it; in the pool. */
const struct window_occurrence *window_admit(struct window_work *w,
                                             const struct window_occurrence *occurrence);

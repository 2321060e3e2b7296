/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan_window_build: what the files that plan windows share; nobody else includes it.
 *
 * plan_window_pool knows which occurrences there are, in the order in which they are judged, with
 * the turns of each; plan_window_judge asks the guards; plan_window looks for what is near the
 * plan's instant, and keeps it. */
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
    int64_t lead_ms; /* from the first change to the opening */
    int64_t tail_ms; /* from there to the last change, at most */
};

struct window_occurrence {
    uint32_t window;
    int64_t opens_at_ms, begin_at_ms, end_at_ms;
    uint32_t duration_s;           /* of each turn */
    const struct plan_hold *holds; /* NULL: not made yet */
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

/* -- plan_window_pool.c -- */

/* A work over the inventory's windows; the pool is empty. */
struct window_work window_work_of(struct plan_work *work);
struct window_occurrence window_occurrence_of(const struct window_work *w, uint32_t window,
                                              int64_t opens_at_ms);

/* Makes the turns of an occurrence, once. */
void window_holds(struct window_work *w, struct window_occurrence *occurrence);

int window_by_begin(const void *left, const void *right); /* the order of judgement */

/* Makes the pool hold everything that begins in the range; begins anew when it is far from what is
 * there. */
void window_cover(struct window_work *w, int64_t from_ms, int64_t to_ms);

/* -- plan_window_judge.c -- */

/* Judges an occurrence, and what must be judged before it; in the pool. */
const struct window_occurrence *window_admit(struct window_work *w,
                                             const struct window_occurrence *occurrence);

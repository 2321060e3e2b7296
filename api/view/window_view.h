/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window_view: the windows of a plan as clients see them: those of the inventory, and those that
 * operators made, also while they wait for their nodes. Pure. */
#pragma once
#include "srvplan/plan.h"

enum window_state {
    WINDOW_PENDING, /* the next opening is to come */
    WINDOW_ACTIVE,  /* one is under way, from its first change to its last */
    WINDOW_BLOCKED, /* a guard forbids the one under way or the next, or the window waits */
    WINDOW_ENDED,   /* it never opens again */
};

struct window_view {
    const struct inventory_window *declared; /* an operator's that waits has no nodes in it */
    const struct overlay_window *overlay;    /* NULL: no operator made one of that name */
    bool is_of_inventory;                    /* then `declared` is the inventory's */
    uint32_t index;                          /* in plan->windows; INVENTORY_NONE: it waits */
};

/* False: there is none. One that was taken away is there until its last change. */
bool window_view_find(const struct plan *plan, struct text id, struct window_view *view);

/* The first window whose id is greater than `after` (ptr NULL: the first of all). False: none. */
bool window_view_next(const struct plan *plan, struct text after, struct window_view *view);

/* The occurrence under way at the plan's instant, or the next; NULL: none. */
const struct plan_occurrence *window_view_occurrence(const struct plan *plan,
                                                     const struct window_view *view);

/* Whether an occurrence has begun by now_ms, is not blocked, and has a turn left to end. */
bool window_view_is_under_way(const struct plan *plan, const struct plan_occurrence *occurrence,
                              int64_t now_ms);

enum window_state window_view_state(const struct plan *plan, const struct window_view *view);
const char *window_state_print(enum window_state state); /* "pending" */

/* Why it is blocked, for a person; NULL: it is not. In the arena or the plan. */
const char *window_view_blocked_because(const struct plan *plan, const struct window_view *view);

/* For its ETag: changes when it, or what became of one of its openings, does. */
uint64_t window_view_version(const struct plan *plan, const struct window_view *view);

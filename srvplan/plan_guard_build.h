/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan_guard_build: what the files that judge plans share; nobody else includes it.
 *
 * A guard of sets is a number and a floor under it. The number is a function of a set and of how
 * much of each member stays (its part); so the same function says what the set has, what it would
 * have with everybody there (no floor is above that), and which node must come back to be above the
 * floor again. plan_guard_sets has those functions, plan_guard_failure the one for N-1,
 * plan_guard_load N-1 again by the shares of real clients, plan_guard_nodes the guards that look at
 * all sets at once, plan_guard_words what is said. */
#pragma once
#include "srvplan/plan_build.h"

struct guard_view {
    const struct plan *plan; /* for names */
    const struct inventory *inventory;
    const struct plan_set *set;
    const uint32_t *parts; /* by member: what stays of it, parts per billion */
};

/* Where a number comes from, for the sentence. */
struct guard_detail {
    uint32_t first_tier, tier; /* indices; of capacity: the first, and the one that serves */
    uint64_t capacity, declared_capacity;
    uint32_t failing; /* of N-1: the worst member, or UINT32_MAX */
    struct text site; /* of N-1: the worst site, or empty */
};

/* What a set has, in the unit of its guard. */
typedef uint64_t (*guard_value)(const struct guard_view *view, struct guard_detail *detail);

/* num / den in parts per billion, rounded down; den > 0, num and den at most 2^53. */
uint64_t guard_ppb(uint64_t num, uint64_t den);

/* Parts of a member: RATIO_ONE when it is there. */
uint32_t guard_part(const struct plan_member *member);

uint64_t guard_records(const struct guard_view *view, struct guard_detail *detail);
uint64_t guard_nodes(const struct guard_view *view, struct guard_detail *detail);
uint64_t guard_capacity(const struct guard_view *view, struct guard_detail *detail);
uint64_t guard_sites(const struct guard_view *view, struct guard_detail *detail);

/* The least of guard_capacity (with min_capacity set) or guard_nodes (without) that any one further
 * failure leaves: of a node, and with min_sites of 2 or more also of a site. */
uint64_t guard_survivors(const struct guard_view *view, struct guard_detail *detail);

/* Verdicts on the way into an arena. */
struct guard_list {
    struct arena *arena;
    struct plan_verdict *refusals;
    size_t refusal_capacity;
    uint32_t refusal_count;
    struct plan_verdict nearest[PLAN_GUARD_COUNT]; /* by guard; message NULL: none yet */
    bool is_refused[PLAN_GUARD_COUNT];
};
/* A yes is only worth its sentence when it is nearer to a no than the one before. */
bool guard_list_wants(const struct guard_list *list, const struct plan_verdict *verdict);
void guard_list_add(struct guard_list *list, const struct plan_verdict *verdict);

void guard_inventory(const struct plan_work *work, const struct plan_set *sets,
                     struct guard_list *list);

/* N-1 by what clients do with the weights: see plan_guard_load.c. */
void guard_loads(const struct plan_work *work, const struct plan_set *sets,
                 struct guard_list *list);

/* "xmpp1 (drain dr_1 until 2026-12-06T01:17:30Z)": who is out, and by what. */
const char *guard_absentee(const struct plan_work *work, const struct plan_member *member,
                           struct arena *arena);

/* "62.5 %": never rounded up, so that it does not look like the limit; or with all digits that a
 * declared part has. */
const char *guard_percent(uint64_t ppb, struct arena *arena);
const char *guard_percent_exact(uint64_t ppb, struct arena *arena);

/* The sentence for a verdict on a set, with what would make it pass when it is a no; in the arena.
 * `value` is the function that gave would_be and detail. */
const char *guard_sentence(const struct plan_work *work, const struct guard_view *view,
                           const struct plan_verdict *verdict, const struct guard_detail *detail,
                           guard_value value, struct arena *arena);

const char *guard_ttl_sentence(const struct guard_view *view, const struct plan_verdict *verdict,
                               struct arena *arena);

/* Says that not even `whole`, a set with everybody there, has what was asked for. */
void guard_find_out_of_reach(struct plan_work *work, const struct guard_view *whole,
                             const struct plan_verdict *verdict, uint64_t asked);

static inline const char *guard_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

enum {
    GUARD_NAMED_MAX = 5 /* nodes named in one message; the rest is counted */
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether the orders that a set is answered in (zones/set_orders.h) can follow its weights. They
 * nearly always do; a set of hundreds of nodes has more of them than orders. Said when more than
 * one in a hundred answers begins with another record than planned. */
#include "srvplan/plan_build.h"
#include "zones/set_orders.h"

enum {
    MISPLACED_MAX_PPM = 10000,
    PPM = 1000000,
};

/* The set that is worst off, and how many are off. */
struct off {
    uint32_t count;
    uint32_t set;
    struct orders_choice choice;
};

/* The member whose record is the n-th of the set. */
static const struct plan_member *member_at(const struct plan_set *set, uint32_t record)
{
    uint32_t at = 0;
    while (set->members[at].absence != PLAN_PRESENT || record-- > 0)
        at++;
    return &set->members[at];
}

/* "; the same goes for 3 more sets" */
static const char *others_print(struct arena *arena, uint32_t others)
{
    if (others == 0)
        return "";
    return arena_printf(arena, "; %u more %s off, too", others, others > 1 ? "sets are" : "set is");
}

static void report(struct plan_work *work, const struct off *off)
{
    struct arena *arena = &work->scratch;
    const struct plan_set *set = &work->plan->sets[off->set];
    const struct plan_member *member = member_at(set, off->choice.record);
    struct text node = work->inventory->nodes[member->node].id;
    uint64_t weights = 0;
    uint32_t ones = 0; /* a priority without weights is shared evenly */
    for (uint32_t i = 0; i < set->member_count; i++)
        if (set->members[i].absence == PLAN_PRESENT &&
            set->members[i].priority == member->priority) {
            weights += set->members[i].weight;
            ones++;
        }
    uint64_t planned_ppm = weights ? (uint64_t)member->weight * PPM / weights : PPM / ones;
    uint32_t is_ppm = (uint32_t)((uint64_t)off->choice.first_count * PPM / off->choice.count);
    const char *message = arena_printf(
        arena,
        "%s has %u records and is answered in %u orders, which cannot follow all weights: %u.%u %% "
        "of the answers begin with another record than planned (%.*s with %u.%u %% of them instead "
        "of %u.%u %%)%s",
        plan_set_name(arena, work->plan, set), set->present_count, off->choice.count,
        off->choice.misplaced_ppm / 10000, off->choice.misplaced_ppm / 1000 % 10, (int)node.len,
        node.ptr, is_ppm / 10000, is_ppm / 1000 % 10, (unsigned)(planned_ppm / 10000),
        (unsigned)(planned_ppm / 1000 % 10), others_print(arena, off->count - 1));
    plan_find(work, FINDING_INFO, "answer-order", message,
              "clients that go by weights are not concerned; for the others let fewer nodes stand "
              "in a set, or put some into a tier behind");
}

void plan_orders(struct plan_work *work)
{
    const struct plan *plan = work->plan;
    struct set_orders orders = set_orders_over(&plan->content);
    struct off off = {0};
    for (uint32_t i = 0; i < plan->set_count; i++) {
        const struct content_set *set = &plan->content.sets[i];
        if (!set_orders_has(set))
            continue;
        struct arena scratch = {0};
        struct orders_choice choice = set_orders_choose(&orders, set, &scratch);
        arena_fini(&scratch);
        if (choice.is_close || choice.misplaced_ppm <= MISPLACED_MAX_PPM)
            continue;
        if (off.count++ == 0 || choice.misplaced_ppm > off.choice.misplaced_ppm) {
            off.set = i;
            off.choice = choice;
        }
    }
    if (off.count)
        report(work, &off);
}

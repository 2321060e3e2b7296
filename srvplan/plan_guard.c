/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_build.h"

enum {
    NAMED_NODES_MAX = 5
}; /* in one message; the rest is counted */

const char *plan_guard_print(enum plan_guard guard)
{
    static const char *const names[] = {
        [PLAN_GUARD_NEVER_EMPTY] = "never_empty",
        [PLAN_GUARD_MIN_NODES] = "min_nodes",
    };
    return names[guard];
}

const char *plan_set_name(struct arena *arena, const struct plan *plan, const struct plan_set *set)
{
    const char *label = plan_set_label(plan, set->declared, arena);
    uint32_t domains = plan->input.layout->declared[set->declared].domain_count;
    if (domains <= 1)
        return label;
    return arena_printf(arena, "%s (and %u more domain%s)", label, domains - 1,
                        domains > 2 ? "s" : "");
}

/* "xmpp1 (drain dr_1), xmpp2 (state maint)": who is out, and by what. */
static const char *absent_nodes(struct plan_work *work, const struct plan_set *set)
{
    const char *list = "";
    uint32_t named = 0, absent = set->member_count - set->present_count;
    for (uint32_t i = 0; i < set->member_count && named < NAMED_NODES_MAX; i++) {
        const struct plan_member *member = &set->members[i];
        if (member->absence == PLAN_PRESENT)
            continue;
        const struct inventory_node *node = &work->inventory->nodes[member->node];
        const char *why = node->state == NODE_MAINT ? "state maint" : "state drain";
        if (member->absence == PLAN_DRAINED)
            why = arena_printf(&work->scratch, "drain %.*s", (int)member->drain->id.len,
                               member->drain->id.ptr);
        list = arena_printf(&work->scratch, "%s%s%.*s (%s)", list, named ? ", " : "",
                            (int)node->id.len, node->id.ptr, why);
        named++;
    }
    if (absent > named)
        list = arena_printf(&work->scratch, "%s and %u more", list, absent - named);
    return list;
}

static const char *verdict_message(struct plan_work *work, const struct plan_set *set,
                                   uint32_t limit)
{
    struct arena *arena = &work->plan->arena;
    const char *name = plan_set_name(&work->scratch, work->plan, set);
    if (set->member_count == 0)
        return arena_printf(arena,
                            "%s has no node at all: give it a node that offers the service and is "
                            "not off, leave the service out, or declare it \"absent\"",
                            name);
    return arena_printf(
        arena, "%s would keep %u of %u nodes, and at least %u must stay: put back %s%s", name,
        set->present_count, set->member_count, limit,
        set->member_count - set->present_count > 1 ? "one of " : "", absent_nodes(work, set));
}

/* What a set must keep: never more than it declares, so that a small set is not refused for
 * nothing but its size. */
static uint32_t min_nodes_of(const struct plan_work *work, const struct plan_set *set)
{
    uint32_t wanted = work->inventory->policy.guard_min_nodes;
    return wanted < set->member_count ? wanted : set->member_count;
}

void plan_guards(struct plan_work *work)
{
    struct plan *plan = work->plan;
    struct plan_verdict *refusals = NULL;
    size_t capacity = 0;
    for (uint32_t i = 0; i < plan->set_count; i++) {
        const struct plan_set *set = &plan->sets[i];
        const uint32_t limits[] = {
            [PLAN_GUARD_NEVER_EMPTY] = 1, [PLAN_GUARD_MIN_NODES] = min_nodes_of(work, set)};
        for (size_t guard = 0; guard < COUNT_OF(limits) && !set->is_null; guard++) {
            /* min_nodes of 1 is what never_empty says already. */
            bool is_said = guard == PLAN_GUARD_MIN_NODES && limits[guard] <= 1;
            if (set->present_count >= limits[guard] || is_said)
                continue;
            refusals = arena_grow(&plan->arena, refusals, &capacity,
                                  (size_t)plan->refusal_count + 1, sizeof *refusals);
            refusals[plan->refusal_count++] = (struct plan_verdict){
                .guard = (enum plan_guard)guard,
                .set = i,
                .would_be = set->present_count,
                .limit = limits[guard],
                .declared_nodes = set->member_count,
                .message = verdict_message(work, set, limits[guard]),
            };
        }
    }
    plan->refusals = refusals;
}

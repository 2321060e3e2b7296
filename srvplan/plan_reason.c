/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan.h"

#include "srvplan/weights.h"
#include "zones/base/clock.h"

/* " until 2026-12-06T01:17:30Z", or nothing. */
static const char *until_print(struct arena *arena, int64_t until_at_ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (until_at_ms == OVERLAY_NO_END)
        return "";
    return arena_printf(arena, " until %s", clock_print(until_at_ms, text));
}

/* " by ops: kernel" */
static const char *author_print(struct arena *arena, struct text actor, struct text reason)
{
    const char *by = "", *why = "";
    if (actor.len)
        by = arena_printf(arena, " by %.*s", (int)actor.len, actor.ptr);
    if (reason.len)
        why = arena_printf(arena, ": %.*s", (int)reason.len, reason.ptr);
    return arena_printf(arena, "%s%s", by, why);
}

static const char *overlay_because(const struct plan_member *member, struct arena *arena)
{
    const struct overlay_weight *overlay = member->weight_overlay;
    const char *author = author_print(arena, overlay->actor, overlay->reason);
    const char *until = until_print(arena, overlay->until_at_ms);
    switch (overlay->form) {
    case WEIGHT_ABSOLUTE:
        return arena_printf(arena, "weight %u instead of %u%s, set%s", member->weight,
                            member->planned_weight, until, author);
    case WEIGHT_PERCENT:
        return arena_printf(arena, "weight %d %% of %u%s, set%s", overlay->value,
                            member->planned_weight, until, author);
    case WEIGHT_ADD:
        return arena_printf(arena, "weight %u %+d%s, set%s", member->planned_weight, overlay->value,
                            until, author);
    }
    return "";
}

static const char *weight_because(const struct plan *plan, const struct plan_member *member,
                                  struct arena *arena)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    switch (member->weight_reason) {
    case PLAN_WEIGHT_SCALE:
        return arena_printf(
            arena, "capacity %u of %llu at priority %u, scale %s",
            inventory->nodes[member->node].capacity, (unsigned long long)member->capacity_group,
            member->priority,
            weights_scale_print(inventory->policy.scale, inventory->policy.hamilton_total, arena));
    case PLAN_WEIGHT_NODE:
        return arena_printf(arena, "weight %u of the node in the inventory",
                            member->planned_weight);
    case PLAN_WEIGHT_OVERLAY:
        return overlay_because(member, arena);
    }
    return "";
}

static const char *absence_because(const struct inventory_node *node,
                                   const struct plan_member *member, struct arena *arena)
{
    switch (member->absence) {
    case PLAN_DRAINED:
        return arena_printf(arena, "drain %.*s%s%s", (int)member->drain->id.len,
                            member->drain->id.ptr, until_print(arena, member->drain->until_at_ms),
                            author_print(arena, member->drain->actor, member->drain->reason));
    case PLAN_STATE:
        return arena_printf(arena, "state %s of the node in the inventory",
                            node->state == NODE_MAINT ? "maint" : "drain");
    case PLAN_PRESENT:
        break;
    }
    return "";
}

/* What the tier and the service's default do not say. */
static const char *place_because(const struct inventory_service *service,
                                 const struct inventory_tier *tier,
                                 const struct plan_member *member, struct arena *arena)
{
    const char *priority = "", *port = "";
    if (service->priority_offset)
        priority = arena_printf(arena, "; priority %u is %u of tier %.*s %+d of the service",
                                member->priority, tier->priority, (int)tier->id.len, tier->id.ptr,
                                service->priority_offset);
    if (member->port_is_own)
        port = arena_printf(arena, "; port %u of the node, not %u of the service", member->port,
                            service->port);
    return arena_printf(arena, "%s%s", priority, port);
}

const char *plan_member_because(const struct plan *plan, const struct plan_set *set,
                                const struct plan_member *member, struct arena *arena)
{
    const struct layout *layout = plan->input.layout;
    const struct inventory_node *node = &layout->inventory->nodes[member->node];
    const struct inventory_service *service =
        &layout->inventory->services[layout->declared[set->declared].service];
    if (member->absence != PLAN_PRESENT)
        return absence_because(node, member, arena);
    return arena_printf(
        arena, "%s%s", weight_because(plan, member, arena),
        place_because(service, &layout->inventory->tiers[node->tier], member, arena));
}

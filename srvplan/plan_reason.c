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
            member->planned_priority,
            weights_scale_print(inventory->policy.scale, inventory->policy.hamilton_total, arena));
    case PLAN_WEIGHT_NODE:
        return arena_printf(arena, "weight %u of the node in the inventory",
                            member->planned_weight);
    case PLAN_WEIGHT_OVERLAY:
        return overlay_because(member, arena);
    }
    return "";
}

/* "drain dr_1 until 2026-12-06T01:17:30Z by ops: kernel", "window weekly-ams until …: kernel
 * updates", "state drain of the node in the inventory" */
static const char *hold_print(const struct plan *plan, const struct plan_hold *hold,
                              struct arena *arena)
{
    int64_t end_at_ms = hold->timeline.end_at_ms;
    const char *until =
        until_print(arena, end_at_ms == TIMELINE_NEVER ? OVERLAY_NO_END : end_at_ms);
    struct text nobody = {0};
    switch (hold->kind) {
    case PLAN_HOLD_DRAIN:
        return arena_printf(arena, "drain %.*s%s%s", (int)hold->id.len, hold->id.ptr, until,
                            author_print(arena, hold->drain->actor, hold->drain->reason));
    case PLAN_HOLD_WINDOW: {
        const struct plan_window *window =
            &plan->windows[plan->occurrences[hold->occurrence].window];
        const struct overlay_window *overlay = window->overlay;
        struct text why = window->declared.comment;
        if (overlay && overlay->reason.len)
            why = overlay->reason;
        return arena_printf(arena, "window %.*s%s%s", (int)hold->id.len, hold->id.ptr, until,
                            author_print(arena, overlay ? overlay->actor : nobody, why));
    }
    case PLAN_HOLD_STATE:
        return arena_printf(arena, "state %.*s of the node in the inventory", (int)hold->id.len,
                            hold->id.ptr);
    }
    return "";
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    return b ? gcd(b, a % b) : a;
}

/* What a hold does to a member that is still there. */
static const char *held_because(const struct plan *plan, const struct plan_member *member,
                                struct arena *arena)
{
    if (!member->hold)
        return "";
    const char *hold = hold_print(plan, member->hold, arena), *way = "";
    if (member->is_demoted)
        return arena_printf(arena, "; behind all tiers, as the last resort: %s", hold);
    if (member->hold->state == TIMELINE_RAMPING)
        way = ", ramping down";
    else if (member->hold->state == TIMELINE_RESTORING)
        way = ", coming back";
    uint64_t divisor = gcd(member->level_num, member->level_den);
    return arena_printf(arena, "; %llu/%llu of that%s: %s",
                        (unsigned long long)(member->level_num / divisor),
                        (unsigned long long)(member->level_den / divisor), way, hold);
}

/* What the tier and the service's default do not say. */
static const char *place_because(const struct inventory_service *service,
                                 const struct inventory_tier *tier,
                                 const struct plan_member *member, struct arena *arena)
{
    const char *priority = "", *port = "";
    if (service->priority_offset)
        priority = arena_printf(arena, "; priority %u is %u of tier %.*s %+d of the service",
                                member->planned_priority, tier->priority, (int)tier->id.len,
                                tier->id.ptr, service->priority_offset);
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
        return hold_print(plan, member->hold, arena);
    return arena_printf(
        arena, "%s%s%s", weight_because(plan, member, arena),
        place_because(service, &layout->inventory->tiers[node->tier], member, arena),
        held_because(plan, member, arena));
}

const char *plan_ttl_because(const struct plan *plan, const struct plan_set *set,
                             struct arena *arena)
{
    const struct layout *layout = plan->input.layout;
    const struct plan_hold *hold = set->ttl_hold;
    if (!hold)
        return NULL;
    struct text node = layout->inventory->nodes[hold->node].id;
    int64_t restored_ms = hold->timeline.restored_at_ms;
    const char *until =
        until_print(arena, restored_ms == TIMELINE_NEVER ? OVERLAY_NO_END : restored_ms);
    return arena_printf(arena, "TTL %u instead of %u%s, for %.*s: %s", set->ttl_s,
                        layout->declared[set->declared].ttl_s, until, (int)node.len, node.ptr,
                        hold_print(plan, hold, arena));
}

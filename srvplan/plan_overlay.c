/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_build.h"

static void report_unknown(struct plan_work *work, const char *what, struct text id,
                           const char *overlay)
{
    struct arena *scratch = &work->scratch;
    const char *code = arena_printf(scratch, "overlay-unknown-%s", what);
    const char *message =
        arena_printf(scratch, "%s names %s %.*s, which the inventory does not have: it waits",
                     overlay, what, (int)id.len, id.ptr);
    plan_find(work, FINDING_INFO, code, message,
              "remove it when the name is not coming back; it counts again when it does");
}

/* The node of an overlay, or INVENTORY_NONE, which is reported. */
static uint32_t node_of(struct plan_work *work, struct text id, const char *overlay)
{
    uint32_t node = inventory_find_node(work->inventory, id);
    if (node == INVENTORY_NONE)
        report_unknown(work, "node", id, overlay);
    return node;
}

static uint32_t service_of(struct plan_work *work, struct text id, const char *overlay)
{
    uint32_t service = inventory_find_service(work->inventory, id);
    if (service == INVENTORY_NONE)
        report_unknown(work, "service", id, overlay);
    return service;
}

/* -- drains -------------------------------------------------------------------------------------
 */

void plan_hold_add(struct plan_work *work, const struct plan_hold *hold)
{
    uint32_t at = work->plan->hold_count++;
    work->holds = arena_grow(&work->plan->arena, work->holds, &work->hold_capacity, (size_t)at + 1,
                             sizeof *work->holds);
    work->holds[at] = *hold;
}

/* Which services a drain is about; NULL: all. */
static const bool *services_of(struct plan_work *work, const struct overlay_drain *drain,
                               const char *name)
{
    if (drain->service_count == 0)
        return NULL;
    bool *services = arena_array(&work->plan->arena, bool, work->inventory->service_count);
    for (uint32_t i = 0; i < drain->service_count; i++) {
        if (text_is(drain->services[i], "*"))
            return NULL;
        uint32_t service = service_of(work, drain->services[i], name);
        if (service != INVENTORY_NONE)
            services[service] = true;
    }
    return services;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static bool is_in(const struct inventory_selection *selection, uint32_t node)
{
    for (uint32_t i = 0; i < selection->node_count; i++)
        if (selection->nodes[i] == node)
            return true;
    return false;
}

/* Fills in which sets of its services name the node, and their longest TTLs. */
static void set_ttls(const struct plan_work *work, struct plan_hold *hold)
{
    const struct layout *layout = work->plan->input.layout;
    const struct inventory *inventory = work->inventory;
    const struct layout_node_sets *all = &layout->node_sets[hold->node];
    hold->set_count = all->count;
    hold->ttls = (struct timeline_ttls){all->ttl_s, all->drain_ttl_s};
    if (!hold->services)
        return;
    hold->set_count = 0;
    hold->ttls = (struct timeline_ttls){0};
    for (uint32_t i = 0; i < layout->declared_count; i++) {
        const struct declared_set *set = &layout->declared[i];
        if (!hold->services[set->service] || !inventory->nodes[hold->node].offers[set->service] ||
            !is_in(&inventory->selections[set->selection], hold->node))
            continue;
        hold->set_count++;
        hold->ttls.ttl_s = larger(hold->ttls.ttl_s, set->ttl_s);
        hold->ttls.drain_ttl_s = larger(hold->ttls.drain_ttl_s, set->drain_ttl_s);
    }
}

static void add_drain(struct plan_work *work, const struct overlay_drain *drain)
{
    const char *name =
        arena_printf(&work->scratch, "drain %.*s", (int)drain->id.len, drain->id.ptr);
    uint32_t node = node_of(work, drain->node, name);
    const bool *services = services_of(work, drain, name);
    bool is_never =
        drain->until_at_ms != OVERLAY_NO_END && drain->until_at_ms <= drain->since_at_ms;
    if (node == INVENTORY_NONE || is_never)
        return;
    struct plan_hold hold = {.kind = PLAN_HOLD_DRAIN,
                             .id = drain->id,
                             .node = node,
                             .services = services,
                             .drain = drain,
                             .occurrence = INVENTORY_NONE,
                             .mode = drain->mode,
                             .to_ppb = drain->to_ppb};
    set_ttls(work, &hold);
    hold.timeline = timeline_of_drain(drain, hold.ttls, work->inventory->policy.grace_s);
    work->drains[work->drain_count++] = hold;
    if (hold.timeline.restored_at_ms > work->plan->input.at_ms)
        plan_hold_add(work, &hold);
}

/* -- states -------------------------------------------------------------------------------------
 */

/* A node that the inventory takes out is out at once and for as long as it says so. */
static void add_states(struct plan_work *work)
{
    const struct inventory *inventory = work->inventory;
    work->states = arena_array(&work->scratch, const struct plan_hold *, inventory->node_count);
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        bool is_maint = inventory->nodes[i].state == NODE_MAINT;
        if (!is_maint && inventory->nodes[i].state != NODE_DRAIN)
            continue;
        struct plan_hold *hold = arena_new(&work->plan->arena, struct plan_hold);
        *hold = (struct plan_hold){
            .kind = PLAN_HOLD_STATE,
            .id = text_from(is_maint ? "maint" : "drain"),
            .node = i,
            .occurrence = INVENTORY_NONE,
            .mode = is_maint ? DRAIN_REMOVE : inventory->policy.drain_mode,
            .to_ppb = inventory->policy.drain_to_ppb,
            .timeline = {.end_at_ms = TIMELINE_NEVER, .restored_at_ms = TIMELINE_NEVER},
            .state = TIMELINE_WITHDRAWN};
        work->states[i] = hold;
    }
}

/* -- weights ------------------------------------------------------------------------------------
 */

/* A weight is in the scene by itself; what changes, and what it does not find, is said here. */
static void note_weight(struct plan_work *work, const struct overlay_weight *weight)
{
    const char *name =
        arena_printf(&work->scratch, "the weight of %.*s for %.*s", (int)weight->node.len,
                     weight->node.ptr, (int)weight->service.len, weight->service.ptr);
    bool has_end = weight->until_at_ms != OVERLAY_NO_END;
    if (!has_end || weight->until_at_ms > weight->since_at_ms) {
        plan_note_change(work, weight->since_at_ms);
        if (has_end)
            plan_note_change(work, weight->until_at_ms);
    }
    (void)node_of(work, weight->node, name);
    if (!text_is(weight->service, "*"))
        (void)service_of(work, weight->service, name);
}

void plan_overlays(struct plan_work *work)
{
    add_states(work);
    work->drains = arena_array(&work->scratch, struct plan_hold, work->overlays->drain_count);
    for (uint32_t i = 0; i < work->overlays->drain_count; i++)
        add_drain(work, &work->overlays->drains[i]);
    for (uint32_t i = 0; i < work->overlays->weight_count; i++)
        note_weight(work, &work->overlays->weights[i]);
}

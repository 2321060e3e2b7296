/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_build.h"

static bool is_active(int64_t since_at_ms, int64_t until_at_ms, int64_t at_ms)
{
    return since_at_ms <= at_ms && (until_at_ms == OVERLAY_NO_END || until_at_ms > at_ms);
}

/* The plan changes by itself when something begins or ends. */
static void note_change(struct plan_work *work, int64_t change_at_ms)
{
    int64_t *next = &work->plan->next_change_at_ms;
    if (change_at_ms > work->plan->input.at_ms && (*next == 0 || change_at_ms < *next))
        *next = change_at_ms;
}

static void note_span(struct plan_work *work, int64_t since_at_ms, int64_t until_at_ms)
{
    if (until_at_ms != OVERLAY_NO_END && until_at_ms <= since_at_ms)
        return; /* never active */
    note_change(work, since_at_ms);
    if (until_at_ms != OVERLAY_NO_END)
        note_change(work, until_at_ms);
}

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

static void append(struct plan_work *work, struct plan_actives *list,
                   const struct plan_active *active)
{
    struct plan_active *kept = arena_new(&work->scratch, struct plan_active);
    *kept = *active;
    if (list->last)
        list->last->next = kept;
    else
        list->first = kept;
    list->last = kept;
}

static void add_drain(struct plan_work *work, uint32_t index)
{
    const struct overlay_drain *drain = &work->overlays->drains[index];
    const char *name =
        arena_printf(&work->scratch, "drain %.*s", (int)drain->id.len, drain->id.ptr);
    note_span(work, drain->since_at_ms, drain->until_at_ms);
    uint32_t node = node_of(work, drain->node, name);
    bool *services = NULL;
    if (drain->service_count)
        services = arena_array(&work->scratch, bool, work->inventory->service_count);
    for (uint32_t i = 0; i < drain->service_count; i++) {
        if (text_is(drain->services[i], "*")) {
            services = NULL;
            break;
        }
        uint32_t service = service_of(work, drain->services[i], name);
        if (service != INVENTORY_NONE)
            services[service] = true;
    }
    if (node == INVENTORY_NONE ||
        !is_active(drain->since_at_ms, drain->until_at_ms, work->plan->input.at_ms))
        return;
    append(work, &work->drains[node],
           &(struct plan_active){.overlay = index, .services = services});
}

static void add_weight(struct plan_work *work, uint32_t index)
{
    const struct overlay_weight *weight = &work->overlays->weights[index];
    const char *name =
        arena_printf(&work->scratch, "the weight of %.*s for %.*s", (int)weight->node.len,
                     weight->node.ptr, (int)weight->service.len, weight->service.ptr);
    note_span(work, weight->since_at_ms, weight->until_at_ms);
    uint32_t node = node_of(work, weight->node, name), service = INVENTORY_NONE;
    if (!text_is(weight->service, "*")) {
        service = service_of(work, weight->service, name);
        if (service == INVENTORY_NONE)
            return;
    }
    if (node == INVENTORY_NONE ||
        !is_active(weight->since_at_ms, weight->until_at_ms, work->plan->input.at_ms))
        return;
    append(work, &work->weights[node], &(struct plan_active){.overlay = index, .service = service});
}

void plan_overlays(struct plan_work *work)
{
    uint32_t nodes = work->inventory->node_count;
    work->drains = arena_array(&work->scratch, struct plan_actives, nodes);
    work->weights = arena_array(&work->scratch, struct plan_actives, nodes);
    for (uint32_t i = 0; i < work->overlays->drain_count; i++)
        add_drain(work, i);
    for (uint32_t i = 0; i < work->overlays->weight_count; i++)
        add_weight(work, i);
}

const struct overlay_drain *plan_drain_of(const struct plan_work *work, uint32_t node,
                                          uint32_t service)
{
    for (const struct plan_active *active = work->drains[node].first; active; active = active->next)
        if (!active->services || active->services[service])
            return &work->overlays->drains[active->overlay];
    return NULL;
}

const struct overlay_weight *plan_weight_of(const struct plan_work *work, uint32_t node,
                                            uint32_t service)
{
    const struct overlay_weight *of_all = NULL;
    for (const struct plan_active *active = work->weights[node].first; active;
         active = active->next) {
        const struct overlay_weight *weight = &work->overlays->weights[active->overlay];
        if (active->service == service)
            return weight;
        if (active->service == INVENTORY_NONE && !of_all)
            of_all = weight;
    }
    return of_all;
}

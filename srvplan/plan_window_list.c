/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The windows that count: the inventory's, and behind them those of operators that have nodes. */
#include "srvplan/plan_window_build.h"

static bool is_in_inventory(const struct inventory *inventory, struct text id)
{
    uint32_t low = 0, high = inventory->window_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = text_compare(inventory->windows[middle].id, id);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* The nodes that any of the selectors means. */
static uint32_t select_nodes(struct plan_work *work, const struct overlay_window *overlay,
                             const uint32_t **nodes)
{
    const struct inventory *inventory = work->inventory;
    bool *is_meant = arena_array(&work->scratch, bool, inventory->node_count);
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < overlay->selector_count; i++) {
        struct text selector = overlay->selectors[i];
        uint32_t node = inventory_find_node(inventory, selector); /* no id has a ':' or '*' */
        uint32_t from = node == INVENTORY_NONE ? 0 : node;
        uint32_t to = node == INVENTORY_NONE ? inventory->node_count : node + 1;
        for (uint32_t j = from; j < to; j++)
            is_meant[j] |= inventory_selects(inventory, selector, j);
    }
    for (uint32_t i = 0; i < inventory->node_count; i++)
        count += is_meant[i];
    uint32_t *found = arena_array(&work->plan->arena, uint32_t, count);
    for (uint32_t i = 0; i < inventory->node_count; i++)
        if (is_meant[i])
            found[at++] = i;
    *nodes = found;
    return count;
}

static void report_waiting(struct plan_work *work, const struct overlay_window *overlay,
                           const char *code, const char *because, const char *mend)
{
    struct text id = overlay->window.id;
    plan_find(work, FINDING_WARNING, code,
              arena_printf(&work->scratch, "window %.*s of an operator waits: %s", (int)id.len,
                           id.ptr, because),
              mend);
}

static void add_overlay(struct plan_work *work, const struct overlay_window *overlay,
                        struct plan_window *windows)
{
    struct plan *plan = work->plan;
    struct plan_window made = {.declared = overlay->window, .overlay = overlay};
    if (is_in_inventory(work->inventory, overlay->window.id)) {
        report_waiting(work, overlay, "overlay-window-twice",
                       "the inventory has one of the same name, and that one counts",
                       "remove one of the two, or give the inventory's another name");
        return;
    }
    made.declared.node_count = select_nodes(work, overlay, &made.declared.nodes);
    if (made.declared.node_count == 0)
        report_waiting(work, overlay, "overlay-window-without-nodes",
                       "the inventory has no node that it names and that is not off",
                       "remove it when they are not coming back; it counts again when they do");
    else
        windows[plan->window_count++] = made;
}

void window_list(struct plan_work *work)
{
    const struct inventory *inventory = work->inventory;
    struct plan *plan = work->plan;
    struct plan_window *windows =
        arena_array(&plan->arena, struct plan_window,
                    (size_t)inventory->window_count + work->overlays->window_count);
    for (uint32_t i = 0; i < inventory->window_count; i++)
        windows[plan->window_count++].declared = inventory->windows[i];
    for (uint32_t i = 0; i < work->overlays->window_count; i++)
        add_overlay(work, &work->overlays->windows[i], windows);
    plan->windows = windows;
}

const struct overlay_opening *window_find_opening(const struct overlays *overlays,
                                                  struct text window, int64_t opens_at_ms)
{
    uint32_t low = 0, high = overlays->opening_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct overlay_opening *opening = &overlays->openings[middle];
        int order = text_compare(opening->window, window);
        if (order == 0 && opening->opens_at_ms == opens_at_ms)
            return opening;
        if (order < 0 || (order == 0 && opening->opens_at_ms < opens_at_ms))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

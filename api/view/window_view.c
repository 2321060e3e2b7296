/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/window_view.h"

#include "srvplan/recurrence.h"

/* -- finding ------------------------------------------------------------------------------------
 */

static const struct inventory *inventory_of(const struct plan *plan)
{
    return plan->input.layout->inventory;
}

/* The first of an ascending list whose id is not before `id`. */
static uint32_t overlay_from(const struct overlays *overlays, struct text id)
{
    uint32_t low = 0, high = overlays->window_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (text_compare(overlays->windows[middle].window.id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t declared_from(const struct inventory *inventory, struct text id)
{
    uint32_t low = 0, high = inventory->window_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (text_compare(inventory->windows[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t index_of(const struct plan *plan, const struct overlay_window *overlay)
{
    for (uint32_t i = inventory_of(plan)->window_count; i < plan->window_count; i++)
        if (plan->windows[i].overlay == overlay)
            return i;
    return INVENTORY_NONE;
}

/* Taken away, and its last change is over. */
static bool is_gone(const struct plan *plan, const struct overlay_window *overlay)
{
    uint32_t index = index_of(plan, overlay);
    if (overlay->ended_at_ms == OVERLAY_NO_END)
        return false;
    for (uint32_t i = 0; i < plan->occurrence_count; i++)
        if (plan->occurrences[i].window == index)
            return false;
    return true;
}

bool window_view_find(const struct plan *plan, struct text id, struct window_view *view)
{
    const struct inventory *inventory = inventory_of(plan);
    const struct overlays *overlays = plan->input.overlays;
    uint32_t declared = declared_from(inventory, id), overlay = overlay_from(overlays, id);
    *view = (struct window_view){.index = INVENTORY_NONE};
    if (overlay < overlays->window_count && text_equal(overlays->windows[overlay].window.id, id) &&
        !is_gone(plan, &overlays->windows[overlay]))
        view->overlay = &overlays->windows[overlay];
    if (declared < inventory->window_count && text_equal(inventory->windows[declared].id, id)) {
        view->is_of_inventory = true;
        view->declared = &inventory->windows[declared];
        view->index = declared;
        return true;
    }
    if (!view->overlay)
        return false;
    view->index = index_of(plan, view->overlay);
    view->declared = view->index == INVENTORY_NONE ? &view->overlay->window
                                                   : &plan->windows[view->index].declared;
    return true;
}

bool window_view_next(const struct plan *plan, struct text after, struct window_view *view)
{
    const struct inventory *inventory = inventory_of(plan);
    const struct overlays *overlays = plan->input.overlays;
    uint32_t declared = after.ptr ? declared_from(inventory, after) : 0;
    uint32_t overlay = after.ptr ? overlay_from(overlays, after) : 0;
    if (declared < inventory->window_count && after.ptr &&
        text_equal(inventory->windows[declared].id, after))
        declared++;
    if (overlay < overlays->window_count && after.ptr &&
        text_equal(overlays->windows[overlay].window.id, after))
        overlay++;
    while (overlay < overlays->window_count && is_gone(plan, &overlays->windows[overlay]))
        overlay++;
    const struct text *first = NULL;
    if (declared < inventory->window_count)
        first = &inventory->windows[declared].id;
    if (overlay < overlays->window_count &&
        (!first || text_compare(overlays->windows[overlay].window.id, *first) < 0))
        first = &overlays->windows[overlay].window.id;
    return first && window_view_find(plan, *first, view);
}

/* -- states -------------------------------------------------------------------------------------
 */

const struct plan_occurrence *window_view_occurrence(const struct plan *plan,
                                                     const struct window_view *view)
{
    const struct plan_occurrence *found = NULL;
    for (uint32_t i = 0; i < plan->occurrence_count; i++) {
        const struct plan_occurrence *occurrence = &plan->occurrences[i];
        if (occurrence->window != view->index)
            continue;
        if (!found || occurrence->opens_at_ms < found->opens_at_ms)
            found = occurrence;
    }
    return found;
}

bool window_view_is_under_way(const struct plan *plan, const struct plan_occurrence *occurrence,
                              int64_t now_ms)
{
    if (occurrence->is_blocked || occurrence->begin_at_ms > now_ms)
        return false;
    for (uint32_t i = 0; i < occurrence->hold_count; i++)
        if (plan->holds[occurrence->first_hold + i].timeline.end_at_ms > now_ms)
            return true;
    return false;
}

/* Farther than a plan looks. */
static bool opens_far_ahead(const struct plan *plan, const struct window_view *view)
{
    const int64_t look_ms = INT64_C(86400000) * 366 * RECURRENCE_LOOK_YEARS;
    int64_t ignored;
    bool is_gone = view->overlay && view->overlay->ended_at_ms != OVERLAY_NO_END;
    return !is_gone && recurrence_next(view->declared->when, plan->input.at_ms + look_ms, &ignored);
}

enum window_state window_view_state(const struct plan *plan, const struct window_view *view)
{
    const struct plan_occurrence *occurrence = window_view_occurrence(plan, view);
    if (window_view_blocked_because(plan, view))
        return WINDOW_BLOCKED;
    if (!occurrence)
        return opens_far_ahead(plan, view) ? WINDOW_PENDING : WINDOW_ENDED;
    return occurrence->begin_at_ms <= plan->input.at_ms ? WINDOW_ACTIVE : WINDOW_PENDING;
}

const char *window_state_print(enum window_state state)
{
    static const char *const names[] = {[WINDOW_PENDING] = "pending",
                                        [WINDOW_ACTIVE] = "active",
                                        [WINDOW_BLOCKED] = "blocked",
                                        [WINDOW_ENDED] = "ended"};
    return names[state];
}

const char *window_view_blocked_because(const struct plan *plan, const struct window_view *view)
{
    const struct plan_occurrence *occurrence = window_view_occurrence(plan, view);
    if (view->index == INVENTORY_NONE)
        return "the inventory has no node that the window names and that is not off; it waits";
    return occurrence ? occurrence->blocked_because : NULL;
}

/* -- version ------------------------------------------------------------------------------------
 */

/* FNV-1a, as for a node's. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t mix_number(uint64_t hash, int64_t number)
{
    return mix(hash, &number, sizeof number);
}

static uint64_t mix_text(uint64_t hash, struct text text)
{
    return mix(mix_number(hash, (int64_t)text.len), text.ptr, text.len);
}

/* The inventory's has no number of its own. */
static uint64_t hash_of(const struct plan *plan, const struct inventory_window *window)
{
    const struct overlays *overlays = plan->input.overlays;
    uint64_t hash = 0xcbf29ce484222325u;
    const struct text texts[] = {window->id,       window->start, window->end,
                                 window->timezone, window->rrule, window->comment};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        hash = mix_text(hash, texts[i]);
    hash = mix_number(hash, window->duration_s);
    hash = mix_number(hash, window->is_serial);
    for (uint32_t i = 0; i < window->node_count; i++)
        hash = mix_text(hash, inventory_of(plan)->nodes[window->nodes[i]].id);
    for (uint32_t i = 0; i < overlays->opening_count; i++) {
        if (!text_equal(overlays->openings[i].window, window->id))
            continue;
        hash = mix_number(hash, overlays->openings[i].opens_at_ms);
        hash = mix_number(hash, overlays->openings[i].change);
        hash = mix_number(hash, overlays->openings[i].at_ms);
    }
    return hash >> 11; /* 53 bits, so that a client that makes a JSON number of it loses none */
}

uint64_t window_view_version(const struct plan *plan, const struct window_view *view)
{
    return view->overlay ? view->overlay->version : hash_of(plan, view->declared);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What operators did and windows do: drains with their clocks, and when windows open. */
#include "api/metrics/parts.h"

static void put_drains(struct page *page, const struct world_view *view)
{
    uint32_t count = 0;
    page_head(page, "drain_active", "gauge", "1 for each drain that is not closed, by its state.");
    for (uint32_t i = 0; i < view->drain_count; i++) {
        const struct world_drain *drain = &view->drains[i];
        if (world_drain_is_over(drain))
            continue;
        count++;
        page_put(page, "srvplan_drain_active{node=\"%s\",drain=\"%s\",state=\"%s\"} 1\n",
                 page_label(page, drain->row.node), page_label(page, drain->row.id),
                 drain_state_print(drain->state));
    }
    page_gauge(page, "drains", "Drains that are not closed.", count);
}

static void put_instants(struct page *page, const struct world_view *view)
{
    page_head(page, "drain_dns_clear_timestamp_seconds", "gauge",
              "When no correct cache can name the node any more; missing until it is known.");
    for (uint32_t i = 0; i < view->drain_count; i++) {
        const struct world_drain *drain = &view->drains[i];
        if (!world_drain_is_over(drain) && drain->dns_clear_at_ms)
            page_put(page,
                     "srvplan_drain_dns_clear_timestamp_seconds{node=\"%s\",drain=\"%s\"} %.3f\n",
                     page_label(page, drain->row.node), page_label(page, drain->row.id),
                     (double)drain->dns_clear_at_ms / 1000);
    }
    page_head(page, "drain_until_timestamp_seconds", "gauge",
              "When a drain ends by itself; missing where nobody said.");
    for (uint32_t i = 0; i < view->drain_count; i++) {
        const struct world_drain *drain = &view->drains[i];
        if (!world_drain_is_over(drain) && drain->row.until_at_ms)
            page_put(page, "srvplan_drain_until_timestamp_seconds{node=\"%s\",drain=\"%s\"} %.3f\n",
                     page_label(page, drain->row.node), page_label(page, drain->row.id),
                     (double)drain->row.until_at_ms / 1000);
    }
}

/* Both the opening under way and the next one may be blocked; a series stands once on a page. */
static bool is_told(const struct plan *plan, uint32_t blocked)
{
    for (uint32_t i = 0; i < blocked; i++)
        if (plan->occurrences[i].is_blocked &&
            plan->occurrences[i].window == plan->occurrences[blocked].window)
            return true;
    return false;
}

/* The next opening of each window; plan->occurrences has those under way, too. */
static void put_windows(struct page *page, const struct plan *plan, int64_t now_ms)
{
    page_head(page, "window_next_start_timestamp_seconds", "gauge",
              "When a maintenance window opens next.");
    for (uint32_t i = 0; i < plan->occurrence_count; i++) {
        const struct plan_occurrence *occurrence = &plan->occurrences[i];
        if (occurrence->opens_at_ms > now_ms)
            page_put(page, "srvplan_window_next_start_timestamp_seconds{window=\"%s\"} %.3f\n",
                     page_label(page, plan->windows[occurrence->window].declared.id),
                     (double)occurrence->opens_at_ms / 1000);
    }
    page_head(page, "window_blocked", "gauge", "1 for a window whose opening a guard forbids.");
    for (uint32_t i = 0; i < plan->occurrence_count; i++) {
        const struct plan_occurrence *occurrence = &plan->occurrences[i];
        if (occurrence->is_blocked && !is_told(plan, i))
            page_put(page, "srvplan_window_blocked{window=\"%s\"} 1\n",
                     page_label(page, plan->windows[occurrence->window].declared.id));
    }
}

void metrics_put_overlays(struct page *page, const struct world_view *view, int64_t now_ms)
{
    page_gauge(page, "weights", "Weights that operators set.", view->overlays.weight_count);
    put_drains(page, view);
    put_instants(page, view);
    put_windows(page, view->plan, now_ms);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/metrics/metrics.h"

#include "api/metrics/parts.h"

static void put_guard_refusals(struct page *page, const struct world_view *view)
{
    page_head(page, "guard_refusals_total", "counter",
              "Changes that a guard refused since srvpland started, dry runs among them.");
    for (int i = 0; i < PLAN_GUARD_COUNT; i++)
        page_put(page, "srvplan_guard_refusals_total{guard=\"%s\"} %llu\n", plan_guard_rows[i].name,
                 (unsigned long long)__atomic_load_n(&view->guard_refusals[i], __ATOMIC_RELAXED));
}

static void put_revision(struct page *page, const struct world_view *view)
{
    page_head(page, "build_info", "gauge", "Which release runs; always 1.");
    page_put(page, "srvplan_build_info{version=\"%s\"} 1\n", SRVPLAN_VERSION);
    page_instant(page, "start_timestamp_seconds", "When srvpland started.", view->started_at_ms);
    page_gauge(page, "ready", "1 when changes can be stored and the current revision is served.",
               view->is_ready);
    page_gauge(page, "reload_failed",
               "1 when the last reload of settings or inventory was refused; the old ones hold.",
               view->settings_problem.len > 0 || view->inventory_problem.len > 0);
    page_gauge(page, "revision", "The number of the revision in force.", (int64_t)view->revision);
    page_instant(page, "revision_published_timestamp_seconds", "When it was published.",
                 view->published_at_ms);
    page_gauge(page, "dns_up", "1 when the responder is connected.", view->dnsd.is_connected);
    page_gauge(page, "dns_in_step", "1 when the responder serves the revision in force.",
               view->dnsd.is_in_step);
}

const char *metrics_print(const struct world_view *view, const struct http_counts *counts,
                          int64_t now_ms, struct arena *arena)
{
    struct page page = {.arena = arena};
    put_revision(&page, view);
    put_guard_refusals(&page, view);
    if (view->plan) {
        metrics_put_plan(&page, view);
        metrics_put_overlays(&page, view, now_ms);
    }
    metrics_put_requests(&page, counts);
    metrics_put_responder(&page, view);
    metrics_put_process(&page);
    return page.text;
}

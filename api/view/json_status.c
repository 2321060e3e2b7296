/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The status of view/json_view.h: what is served, by whom, and what is under way. */
#include "api/view/json_view.h"

#include "api/view/audit.h"
#include "api/view/json_windows.h"
#include "api/http/problem.h"

#include <string.h>

enum {
    STATUS_ZONES_MAX = 100, /* a status is to be read at a glance; zones_total says the rest */
};

static void status_zones(json_t *json, const struct world_view *view)
{
    const struct content_names *names = &view->layout->names;
    json_t *zones = json_array();
    for (uint32_t i = 0; i < names->zone_count && i < STATUS_ZONES_MAX; i++) {
        json_t *zone = json_object();
        json_object_set_new(zone, "zone", json_view_name(names->zones[i].apex));
        json_object_set_new(zone, "serial", json_integer(world_zone_serial(view, i)));
        json_array_append_new(zones, zone);
    }
    json_object_set_new(json, "zones", zones);
    json_object_set_new(json, "zones_total", json_integer(names->zone_count));
}

/* What the responder counted since it started; null without one. */
static void dnsd_counts(json_t *json, const struct responder *responder)
{
    struct statistics sums;
    responder_read(responder, &sums);
    uint64_t queries = 0;
    for (uint32_t i = STATISTIC_QUERY_UDP4; i <= STATISTIC_QUERY_TCP6; i++)
        queries += sums.counter[i];
    uint64_t limited = sums.counter[STATISTIC_DROPPED_RRL] + sums.counter[STATISTIC_SLIPPED];
    json_object_set_new(json, "started_at", json_view_time(sums.started_at_ms));
    json_object_set_new(json, "queries",
                        responder ? json_integer((json_int_t)queries) : json_null());
    json_object_set_new(json, "limited",
                        responder ? json_integer((json_int_t)limited) : json_null());
}

static json_t *dnsd_json(const struct world_dnsd *dnsd)
{
    json_t *json = json_object();
    json_object_set_new(json, "in_step", json_boolean(dnsd->is_connected && dnsd->is_in_step));
    json_object_set_new(
        json, "generation",
        json_view_number_or_null(dnsd->is_connected ? (int64_t)dnsd->generation : 0));
    json_object_set_new(json, "pid", json_view_number_or_null(dnsd->pid));
    json_object_set_new(json, "workers", json_integer(dnsd->workers));
    json_object_set_new(json, "addresses", json_view_words(dnsd->addresses, NULL));
    dnsd_counts(json, dnsd->responder);
    return json;
}

/* Rounded: both clocks were read to the millisecond, not at the same one. */
static json_int_t seconds_of(int64_t ms)
{
    return (ms + (ms < 0 ? -500 : 500)) / 1000;
}

/* Whether what time asks for is done. */
static json_t *clock_json(const struct world_clock *clock)
{
    json_t *json = json_object();
    json_object_set_new(json, "state", json_string(time_state_print(clock->state)));
    json_object_set_new(json, "set_by",
                        clock->set_at_ms ? json_integer(seconds_of(clock->set_by_ms))
                                         : json_null());
    json_object_set_new(json, "set_at", json_view_time(clock->set_at_ms));
    json_object_set_new(json, "believed_at", json_view_time(clock->believed_at_ms));
    return json;
}

static json_t *inventory_json(const struct world_view *view)
{
    json_t *json = json_object();
    json_object_set_new(json, "file", json_view_text_or_null(view->inventory_file));
    json_object_set_new(json, "digest", json_view_digest(&view->inventory_digest));
    json_object_set_new(
        json, "source",
        json_string(view->inventory_source == STORE_SOURCE_FILE ? "file" : "store"));
    return json;
}

json_t *json_view_settings(const struct world_view *view)
{
    json_t *json = json_object(), *pending = json_array();
    struct text rest = view->settings_pending;
    while (rest.len) {
        const char *comma = memmem(rest.ptr, rest.len, ", ", 2);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        size_t step = comma ? len + 2 : len;
        json_array_append_new(pending, json_view_text((struct text){rest.ptr, len}));
        rest = (struct text){rest.ptr + step, rest.len - step};
    }
    json_object_set_new(json, "problem", json_view_text_or_null(view->settings_problem));
    json_object_set_new(json, "pending_restart", pending);
    return json;
}

/* To be noted elsewhere: that the end of the audit was cut off shows against it alone. */
static json_t *audit_json(const struct store_audit_head *head)
{
    char text[AUDIT_HEAD_SIZE];
    return json_pack("{s:I, s:s}", "lines", (json_int_t)head->id, "head",
                     audit_head_print(head, text));
}

json_t *json_view_status(const struct json_scene *scene)
{
    const struct world_view *view = scene->view;
    json_t *json = json_object(), *reasons = json_array(), *drains = json_array();
    json_t *weights = json_array();
    for (const char *const *reason = view->not_ready; reason && *reason; reason++)
        json_array_append_new(reasons, problem_string(text_from(*reason)));
    for (uint32_t i = 0; i < view->drain_count; i++) {
        if (!world_drain_is_over(&view->drains[i]))
            json_array_append_new(drains, json_view_drain(scene, &view->drains[i]));
    }
    for (uint32_t i = 0; i < view->overlays.weight_count; i++)
        json_array_append_new(weights, json_view_weight(&view->overlays.weights[i]));
    json_object_set_new(json, "revision", json_integer((json_int_t)view->revision));
    json_object_set_new(json, "served_revision",
                        json_view_number_or_null((int64_t)view->served_revision));
    json_object_set_new(json, "published_at", json_view_time(view->published_at_ms));
    json_object_set_new(json, "served_at", json_view_time(view->served_at_ms));
    json_object_set_new(json, "ready", json_boolean(view->is_ready));
    json_object_set_new(json, "reasons", reasons);
    status_zones(json, view);
    json_object_set_new(json, "dnsd", dnsd_json(&view->dnsd));
    json_object_set_new(json, "processes",
                        json_pack("{s:i, s:o}", "srvpland", scene->pid, "dnsd",
                                  json_view_number_or_null(view->dnsd.pid)));
    json_object_set_new(json, "drains", drains);
    json_object_set_new(json, "windows", json_windows_at_work(view->plan));
    json_object_set_new(json, "weights", weights);
    json_object_set_new(json, "clock", clock_json(&view->clock));
    json_object_set_new(json, "next_change", json_view_time(view->plan->next_change_at_ms));
    json_object_set_new(json, "inventory", inventory_json(view));
    json_object_set_new(json, "settings", json_view_settings(view));
    json_object_set_new(json, "audit", audit_json(&view->audit));
    json_object_set_new(json, "index", json_integer((json_int_t)view->index));
    return json;
}

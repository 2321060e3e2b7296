/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The drain of view/json_view.h: its state, what lies behind and ahead of it, and the two clocks.
 */
#include "api/view/json_view.h"

static double ratio(uint64_t num, uint64_t den)
{
    return den ? (double)num / (double)den : 0;
}

/* Before it is withdrawn, what the plan expects. */
static int64_t clear_at(const struct world_drain *drain)
{
    bool is_planned = drain->has_timeline && drain->row.served_at_ms &&
                      drain->timeline.clear_at_ms != TIMELINE_NEVER;
    return drain->dns_clear_at_ms || !is_planned ? drain->dns_clear_at_ms
                                                 : drain->timeline.clear_at_ms;
}

static const char *clear_basis(const struct world_drain *drain)
{
    if (drain->dns_clear_at_ms == 0 && clear_at(drain))
        return "planned";
    return drain->is_clear_final ? "last_served+ttl" : "acknowledged+ttl";
}

static void timeline_add(json_t *timeline, enum drain_state state, int64_t at_ms, int64_t now_ms)
{
    if (!at_ms || at_ms == TIMELINE_NEVER)
        return;
    json_t *step = json_object();
    json_object_set_new(step, "state", json_string(drain_state_print(state)));
    json_object_set_new(step, "at", json_view_time(at_ms));
    if (at_ms > now_ms)
        json_object_set_new(step, "expected", json_true());
    json_array_append_new(timeline, step);
}

/* What lies behind us: by the clock where it is believed. */
static int64_t timeline_now(const struct json_scene *scene)
{
    const struct world_clock *clock = &scene->view->clock;
    return clock->state == TIME_RIGHT ? scene->now_ms : clock->at_ms;
}

/* What is planned but has not been, as far as the plan says. */
static void timeline_add_planned(json_t *steps, const struct world_drain *drain, int64_t now_ms)
{
    const struct timeline *planned = &drain->timeline;
    timeline_add(steps, DRAIN_LOWERING_TTL, planned->lower_at_ms, now_ms);
    timeline_add(steps, DRAIN_BLOCKED, drain->row.blocked_at_ms, now_ms);
    if (planned->ramp_at_ms < planned->withdrawn_at_ms)
        timeline_add(steps, DRAIN_RAMPING, planned->ramp_at_ms, now_ms);
}

/* The way back. What the state has not come to lies ahead, whatever the clock says. */
static void timeline_add_end(json_t *steps, const struct world_drain *drain, int64_t now_ms)
{
    const struct store_drain *row = &drain->row;
    const struct timeline *planned = drain->has_timeline ? &drain->timeline : NULL;
    bool is_over = world_drain_is_over(drain);
    enum drain_state end = row->is_aborted ? DRAIN_ABORTED : DRAIN_CLOSED;
    int64_t end_ms = row->ended_at_ms ? row->ended_at_ms : row->until_at_ms;
    if (planned && planned->end_at_ms != TIMELINE_NEVER)
        end_ms = planned->restored_at_ms;
    if (planned && planned->end_at_ms < planned->restored_at_ms)
        timeline_add(steps, DRAIN_RESTORING, planned->end_at_ms,
                     is_over || drain->state == DRAIN_RESTORING ? now_ms : 0);
    timeline_add(steps, end, end_ms, is_over ? now_ms : 0);
}

static json_t *timeline(const struct json_scene *scene, const struct world_drain *drain)
{
    const struct store_drain *row = &drain->row;
    const struct timeline *planned = drain->has_timeline ? &drain->timeline : NULL;
    int64_t now_ms = timeline_now(scene), clear_ms = clear_at(drain);
    bool was_out = row->served_at_ms && (row->ramp_s == 0 || row->clear_at_ms);
    json_t *steps = json_array();
    if (!row->served_at_ms)
        timeline_add(steps, DRAIN_SCHEDULED, row->since_at_ms, now_ms);
    if (planned)
        timeline_add_planned(steps, drain, now_ms);
    if (planned && planned->withdrawn_at_ms > row->served_at_ms)
        timeline_add(steps, DRAIN_WITHDRAWN, planned->withdrawn_at_ms, now_ms);
    else if (was_out)
        timeline_add(steps, DRAIN_WITHDRAWN, row->served_at_ms, now_ms);
    /* While it is withdrawn it is not clear yet, whatever the clock says. */
    if (drain->state == DRAIN_WITHDRAWN && clear_ms <= now_ms)
        timeline_add(steps, DRAIN_CLEAR, clear_ms, clear_ms - 1);
    else
        timeline_add(steps, DRAIN_CLEAR, clear_ms, now_ms);
    timeline_add_end(steps, drain, now_ms);
    return steps;
}

/* A part of the share before is what a part of the weight comes to, about; the exact shares stand
 * in the plan. */
static json_t *share_target(const struct world_drain *drain)
{
    if (drain->row.mode != DRAIN_WEIGHT)
        return json_integer(0);
    return json_real(ratio(drain->share_before_num, drain->share_before_den) *
                     ratio(drain->row.to_ppb, RATIO_ONE));
}

/* The greatest part of busy caches that can still have what was before: a cache that was filled at
 * a random moment is clean after the rest of its TTL, so the part falls in a line from the
 * withdrawal to the instant when all are clean. */
static json_t *cached_fraction(const struct json_scene *scene, const struct world_drain *drain)
{
    int64_t clear_ms = drain->dns_clear_at_ms, now_ms = timeline_now(scene);
    int64_t from_ms = drain->row.served_at_ms;
    if (drain->has_timeline && drain->timeline.withdrawn_at_ms > from_ms)
        from_ms = drain->timeline.withdrawn_at_ms;
    if (drain->row.ended_at_ms)
        return json_null();
    if (drain->state == DRAIN_CLEAR)
        return json_real(0);
    if (!clear_ms || now_ms <= from_ms)
        return json_real(1);
    return json_real(
        now_ms >= clear_ms ? 0 : (double)(clear_ms - now_ms) / (double)(clear_ms - from_ms));
}

static json_t *progress(const struct json_scene *scene, const struct world_drain *drain)
{
    json_t *json = json_object();
    uint32_t num = drain->share_before_num, den = drain->share_before_den;
    json_object_set_new(json, "share_before", json_real(ratio(num, den)));
    if (drain->row.served_at_ms || drain->row.ended_at_ms)
        json_view_greatest_share(scene->plan, drain->row.node, drain->row.services, &num, &den);
    json_object_set_new(json, "share_now", json_real(ratio(num, den)));
    json_object_set_new(json, "share_target", share_target(drain));
    json_object_set_new(json, "cached_fraction_max", cached_fraction(scene, drain));
    json_object_set_new(json, "dns_clear_at", json_view_time(clear_at(drain)));
    json_object_set_new(json, "basis", json_string(clear_basis(drain)));
    json_object_set_new(json, "resolver_max_ttl", json_integer(WORLD_RESOLVER_MAX_TTL_S));
    json_object_set_new(json, "dns_clear_at_pessimistic",
                        json_view_time(drain->dns_clear_pessimistic_at_ms));
    return json;
}

json_t *json_view_drain(const struct json_scene *scene, const struct world_drain *drain)
{
    const struct store_drain *row = &drain->row;
    json_t *json = json_object();
    json_object_set_new(json, "id", json_view_text(row->id));
    json_object_set_new(json, "node", json_view_text(row->node));
    json_object_set_new(json, "services", json_view_words(row->services, "*"));
    json_object_set_new(json, "state", json_string(drain_state_print(drain->state)));
    json_object_set_new(json, "mode", json_string(drain_mode_print((enum drain_mode)row->mode)));
    json_object_set_new(json, "ramp", json_integer(row->ramp_s));
    json_object_set_new(json, "actor", json_view_text(row->actor));
    json_object_set_new(json, "reason", json_view_text(row->reason));
    json_object_set_new(json, "created_at", json_view_time(row->since_at_ms));
    json_object_set_new(json, "until", json_view_time(row->until_at_ms));
    json_object_set_new(json, "served_at", json_view_time(row->served_at_ms));
    json_object_set_new(json, "ended_at", json_view_time(row->ended_at_ms));
    json_object_set_new(json, "forced", json_boolean(row->override_reason.len > 0));
    json_object_set_new(json, "blocked_because", json_view_text_or_null(row->blocked_because));
    json_object_set_new(json, "timeline", timeline(scene, drain));
    json_object_set_new(json, "progress", progress(scene, drain));
    json_object_set_new(json, "sessions", json_pack("{s:b}", "known", 0));
    json_object_set_new(json, "capacity_left", json_view_capacity_left(scene->plan, row));
    json_object_set_new(json, "index", json_integer((json_int_t)scene->view->index));
    return json;
}

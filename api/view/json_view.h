/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json_view: views of the world as the JSON that the API answers: status, drains, nodes, weights,
 * revisions, guards. Keys and shapes are part of the API (srvplan-api(7)).
 *
 * Pure: the present is an argument. Every function gives a new reference. Instants are RFC 3339
 * with Z, durations whole seconds, names end with a dot; ratios are for people and curves, the
 * exact ones stand beside them as text. */
#pragma once
#include "api/world/world.h"
#include <jansson.h>

/* What a thing is seen in: the view in force, and the plan to take numbers from: the view's own,
 * or what a dry run would make of it. */
struct json_scene {
    const struct world_view *view;
    const struct plan *plan;
    int64_t now_ms;
    int pid; /* our own */
};

json_t *json_view_time(int64_t at_ms); /* 0: null */
json_t *json_view_text(struct text text);
json_t *json_view_text_or_null(struct text text); /* empty: null */
json_t *json_view_number_or_null(int64_t number); /* 0: null */
json_t *json_view_name(struct name name);
json_t *json_view_digest(const struct digest *digest);

/* The words of `list` (one space between) as a JSON list; [all] when there is none and `all` is
 * given. */
json_t *json_view_words(struct text list, const char *all);

/* The services of a stored drain, as the list that was asked for; ["*"] for all. */
json_t *json_view_drain(const struct json_scene *scene, const struct world_drain *drain);
/* {"example.org/xmpp-client": 0.625}: how much of the capacity declared at the node's priority is
 * still in the sets that it was withdrawn from. */
json_t *json_view_capacity_left(const struct plan *plan, const struct store_drain *row);

json_t *json_view_weight(const struct overlay_weight *weight);
json_t *json_view_node(const struct json_scene *scene, uint32_t node);
json_t *json_view_status(const struct json_scene *scene);
json_t *json_view_settings(const struct world_view *view);
json_t *json_view_revision(const struct store_revision *revision);

/* {"name", NAME: limit, "domain", "service", "unit", "would_be", "limit", "declared", "message"} of
 * a refusal; domain and service only of a guard of sets. */
json_t *json_view_guard(const struct plan *plan, const struct plan_verdict *verdict);

/* ["/api/v1/drains/dr_…"]: the drains that stood before and have a part in a refusal. */
json_t *json_view_blocking(const struct plan *plan, const struct plan_verdict *verdict);

/* The greatest share that the node has in any set of the services (one space between; empty: all)
 * as a fraction; 0/1 when it has none. */
void json_view_greatest_share(const struct plan *plan, struct text node, struct text services,
                              uint32_t *num, uint32_t *den);

/* Finds a drain of the view by id; NULL: there is none. */
const struct world_drain *json_view_find_drain(const struct world_view *view, struct text id);

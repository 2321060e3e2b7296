/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_json: a plan and its parts as JSON, for `srvplan plan -o json` and for the API.
 *
 * Names end with a dot, times are RFC 3339 in UTC, shares are exact ("5/8") with a ratio beside
 * them. Everything returned is a new reference; values that many sets share are shared in the tree
 * too, so that it is only to be read. */
#pragma once
#include "srvplan/plan_diff.h"

#include <jansson.h>

/* The whole plan: at, sets (a set an owner: SRV, then A and AAAA, then NS), shares, findings,
 * guards, pools, next_change. `findings` are those of all steps, or NULL: the plan's own. */
json_t *report_plan_json(const struct plan *plan, const struct findings *findings);

json_t *report_records_json(const struct content_set *set, struct name apex);
json_t *report_because_json(struct plan_because_list because);
json_t *report_findings_json(const struct findings *findings);

/* Every refusal ("ok": false), then of each other guard that is asked for the place where there is
 * the least room. Parts of a capacity are fractions of 1. */
json_t *report_guards_json(const struct plan *plan);
json_t *report_guard_json(const struct plan *plan, const struct plan_verdict *verdict);
json_t *report_quantity_json(uint64_t value, enum plan_unit unit);
json_t *report_time_json(int64_t at_ms); /* 0: null */

/* Changes, each {name, type, owners, before, after, because}; before or after may be null. */
json_t *report_diff_json(const struct plan_diff *diff);

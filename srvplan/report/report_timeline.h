/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_timeline: what comes, of a plan: windows under way and to come, and the events of all
 * holds in the order of time; for people and as JSON. */
#pragma once
#include "srvplan/plan.h"
#include "srvplan/report/report_text.h"
#include <jansson.h>

/* [{"at", "event", "node", "drain" or "window", "sets", …}], past events of what is under way too
 */
json_t *report_events_json(const struct plan *plan);

/* [{"window", "state", "first_change", "opens", "ends", "restored", "turns", "blocked"}] */
json_t *report_windows_json(const struct plan *plan);

/* Windows and the next events, a line each; nothing when there are none. */
void report_timeline_text(FILE *out, const struct plan *plan, struct report_style style);

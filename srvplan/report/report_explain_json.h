/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_explain_json: explanations and tuned weights as JSON; new references. */
#pragma once
#include "srvplan/explain.h"
#include "srvplan/tune.h"

#include <jansson.h>

json_t *report_explanation_json(const struct explanation *explanation);
json_t *report_tune_json(const struct simulate_pool *pool, const struct audience *audience,
                         const struct tune *tune);

/* {"nodes": {NODE: {"weight": {SERVICE: N}}}}: what to paste into the inventory. */
json_t *report_tune_fragment_json(const struct simulate_pool *pool, const struct tune *tune);

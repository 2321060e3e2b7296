/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_simulate_json: a simulation as JSON, for `srvplan simulate -o json` and for the API.
 *
 * `first_choice` is the first target that answers; with some of them down, `first_tried` is the
 * first that is tried. Shares are exact, as "num/den"; where a person or a plot wants a number, a
 * ratio stands beside them. Forecasts are numbers; null is "never" or "not known". */
#pragma once
#include "srvplan/simulation.h"

#include <jansson.h>

/* The whole simulation; a new reference. */
json_t *report_simulation_json(const struct simulation *simulation);

/* Parts of it, for explain and tune. {NODE: "num/den"}: */
json_t *report_shares_json(const struct simulate_pool *pool, const struct rational *shares);
/* {shares, ratios, loads, worst: {node, load}, lost}: */
json_t *report_line_json(const struct simulate_pool *pool, const struct simulation_line *line);
json_t *report_client_json(const struct simulate_pool *pool, const struct simulation_client *client,
                           bool has_down);

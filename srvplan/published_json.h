/* SPDX-License-Identifier: GPL-3.0-or-later */
/* published_json: what a stored plan publishes: the JSON of `srvplan plan -o json`, of `plan
 * --out`, and of the API's plans and revisions.
 *
 * It needs "sets" only, each with name, type, ttl, records and perhaps because; what else a plan
 * has is left alone, so that plans of later versions can be read. */
#pragma once
#include "srvplan/published.h"
#include "zones/base/error.h"

#include <jansson.h>

/* True when it looks like a plan rather than an inventory. */
bool published_json_is_plan(const json_t *document);

/* Texts are copied. False: *err says where it is no plan. */
NODISCARD bool published_of_json(const json_t *document, const char *label, struct arena *arena,
                                 const struct published **published, struct error *err);

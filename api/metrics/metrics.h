/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metrics: what we and dnsd count and know, as Prometheus reads it (text exposition format 0.0.4).
 *
 * Names begin with srvplan_, the responder's with srvplan_dns_, those of this process with
 * process_, as every client library has them. They are part of the API (srvplan-api(7)): rows may
 * be added, names do not change. Labels name nodes, services and domains of the inventory, which
 * are public in DNS; of domains that share a set, the first one stands for all, and of more than
 * METRICS_SETS_MAX sets only so many are listed, so that a page stays small whatever is hosted. */
#pragma once
#include "api/world/world.h"

enum {
    METRICS_SETS_MAX = 200,
    METRICS_NODES_MAX = 1000,
    METRICS_ZONES_MAX = 1000,
};

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct http_counts;

/* The page, in the arena. The present is an argument. */
const char *metrics_print(const struct world_view *view, const struct http_counts *counts,
                          int64_t now_ms, struct arena *arena);

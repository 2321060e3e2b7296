/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metrics: what we and dnsd count, as Prometheus reads it (text exposition format 0.0.4).
 *
 * Names begin with srvplan_, the responder's with srvplan_dns_. They are part of the API
 * (srvplan-api(7)): rows may be added, names do not change. Of labels there are few and their
 * values are fixed: no name, address or domain of anybody's. Pure: what to print is an argument. */
#pragma once
#include "api/world.h"
#include "zones/base/arena.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The page, in the arena. */
const char *metrics_print(const struct world_view *view, struct arena *arena);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_pools: the ladder of each pool as each kind of client sees it (ladder.h). */
#pragma once
#include "srvplan/ladder.h"
#include "srvplan/report/report_text.h"

#include <jansson.h>

/* [{pool, domain, domains, services, strategies: {NAME: [{step, priority, service, node, weight,
 * share}]}}]: pools of more than one service, with their published records in the order in which
 * they are tried; steps count from 0, and `share` ("5/8", Plackett–Luce) is there in the first. A
 * new reference. */
json_t *report_pools_json(const struct plan *plan);

/* "  mixed, D-first   9 D xmpp1 xmpp2 > 10 T xmpp1 xmpp2": a line for those that see the same. */
void report_pools_text(FILE *out, const struct plan *plan, struct report_style style);

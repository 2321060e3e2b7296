/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tune_reach: what no weights can do: a lower bound for tune.h.
 *
 * Programs that take the heaviest record go to one node, or in equal parts to those that are
 * equally heavy; then everybody who follows weights gives these nodes at least as much as any
 * other. Programs that hash records go to one node, whichever, where the order of answers is fixed
 * (else records of one bucket share them, in the order of the answer). Those that take the answer
 * as it comes go where the answer says. Everybody else is taken for water that fills up where room
 * is left. The best of all such placements is no worse than what any weights reach. A float: it is
 * shown, and nothing is decided by it. */
#pragma once
#include "srvplan/tune.h"

struct tune_masses {
    double hashing; /* parts of the users */
    double heaviest;
    double *fixed; /* by node of the pool: go there whatever the weights are */
    double fluid;
};

/* capacity_parts: by node of the pool, its part of the serving capacity; 0 for those that do not
 * serve. */
double tune_reach(const struct tune_masses *masses, const double *capacity_parts, uint32_t count);

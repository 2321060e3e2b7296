/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window_suggest: the shortest row of maintenance windows that gives each of some nodes a turn.
 *
 * Nodes that the guards let be out together share a turn; a turn begins when the one before is
 * whole again and in every cache, so the row is the shorter the fewer turns it has. For up to
 * WINDOW_SUGGEST_EXACT nodes every way of sharing is tried (guards only say more to more nodes, so
 * a set is asked about when all of its parts pass); beyond, each node goes into the first turn that
 * takes it. The row keeps clear of the windows that the inventory has: it begins behind those that
 * it would meet. Pure. */
#pragma once
#include "srvplan/plan.h"
#include "zones/base/error.h"

enum {
    WINDOW_SUGGEST_EXACT = 12, /* 4,096 questions to the guards */
};

struct window_request {
    struct plan_input input; /* at_ms: nothing is to change before */
    const uint32_t *nodes;   /* each once */
    uint32_t node_count;
    uint32_t duration_s; /* of a turn */
};

struct window_turn {
    const uint32_t *nodes;
    uint32_t node_count;
    struct timeline timeline;
};

struct window_suggestion {
    const struct window_turn *turns;
    uint32_t turn_count;
    bool is_shortest; /* all ways were tried */
    int64_t first_change_at_ms, last_change_at_ms;
};

/* In the arena. False, ERROR_GUARD: a node may not be out even alone, with guard and numbers;
 * ERROR_CONFLICT: no pause between the inventory's windows is long enough. */
NODISCARD bool window_suggest(const struct window_request *request, struct arena *arena,
                              struct window_suggestion *suggestion, struct error *err);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* simulate_text: a simulation as tables for people.
 *
 * Wide pools show the nodes with the greatest ideal shares; JSON has all. */
#pragma once
#include "srvplan/command/context.h"
#include "srvplan/simulation.h"

void simulate_print(const struct output *output, const struct simulation *simulation);

/* The nodes that get columns, and a table for them: name, part, the nodes, remark. */
struct node_columns {
    const uint32_t *nodes; /* positions in the pool */
    uint32_t count, hidden;
};
struct node_columns node_columns_of(const struct simulation *simulation, struct arena *arena);

/* The id of the node at a position of the pool. */
const char *pool_node_id(const struct simulate_pool *pool, uint32_t node, struct arena *arena);

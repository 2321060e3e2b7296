/* SPDX-License-Identifier: GPL-3.0-or-later */
/* simulate: what every kind of client makes of the records that a plan publishes.
 *
 * Shares are exact (shares.h), and by node: a node that stands in both sets of a pool has the sum.
 *
 *   ideal      what a client that does what RFC 2782 means makes of the pool
 *   client     one program, or one model
 *   audience   all clients together, each with its part of the users
 *   load       share of a node × capacity of the serving nodes / capacity of the node: 1 is what
 *              it was sized for, 1.3 is 30 % more than its capacity asks for
 *
 * Pure: a plan and a question in, numbers out. */
#pragma once
#include "srvplan/simulate_pool.h"

/* Whose order of records reaches the client. */
enum simulate_order {
    SIMULATE_ORDER_WEIGHTED, /* srvplan-dnsd's: lowest priority first, then a weighted draw */
    SIMULATE_ORDER_FIXED,    /* by priority, then node id, always the same */
    SIMULATE_ORDER_ROTATED,  /* a resolver in between sends every rotation of the set as often */
};

/* A pool, and what is different from all being well. */
struct simulate_case {
    const struct simulate_pool *pool;
    enum simulate_order order;
    const bool *is_down; /* by position in nodes[]: published, but nobody listens; NULL: none */
    const bool *is_withdrawn; /* by position: not published; NULL: none */
};

/* Fills shares[0..node_count) for one kind of client. Fails only as shares_first_choice does. */
NODISCARD bool simulate_client(const struct simulate_case *how, const struct audience_part *client,
                               struct arena *arena, struct rational *shares, struct error *err);

/* The same for a whole audience, each part with its weight. */
NODISCARD bool simulate_audience(const struct simulate_case *how, const struct audience *audience,
                                 struct arena *arena, struct rational *shares, struct error *err);

/* The client that does what RFC 2782 means; its shares are the ideal. */
struct audience_part simulate_ideal_client(void);

/* One model over the set of the asked service alone, as if there were no other in its pool. */
NODISCARD bool simulate_model(const struct simulate_case *how, const struct client_model *model,
                              struct arena *arena, struct rational *shares, struct error *err);

/* The expected number of dead targets that a client tries first. */
NODISCARD bool simulate_dead_tried(const struct simulate_case *how,
                                   const struct audience_part *client, struct arena *arena,
                                   struct rational *tried, struct error *err);

/* positions[i * node_count + k]: the probability that node i is tried as the k-th (from 0) when
 * none answers; over the set of the asked service alone. Who is down is not looked at. */
NODISCARD bool simulate_positions(const struct simulate_case *how, const struct client_model *model,
                                  struct arena *arena, struct rational *positions,
                                  struct error *err);

/* "weighted", "fixed", "rotated" */
const char *simulate_order_print(enum simulate_order order);
NODISCARD bool simulate_order_parse(struct text text, enum simulate_order *order);

/* Fills loads[0..node_count): share × serving capacity / capacity of the node. */
void simulate_loads(const struct simulate_pool *pool, const struct rational *shares,
                    struct arena *arena, struct rational *loads);

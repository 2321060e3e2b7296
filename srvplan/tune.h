/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tune: weights that suit the programs that the users have.
 *
 * Planned weights are in proportion to capacities, which is right for a client that does what
 * RFC 2782 means. An audience that takes the heaviest record, or hashes its bytes, needs others.
 * The search changes the weights of the nodes that serve (those in the lowest priority), in
 * multiples of 256 as scale `universal` has them, at most 255 of them together, the same for both
 * services of a pool, and minimises the greatest load; of equal ones the next greatest, and so on.
 *
 * It goes from the present weights, from the capacities, and from equal weights: along one weight
 * at a time, then along pairs that give and take, as long as that gains, at most
 * TUNE_EVALUATIONS_MAX times. Everything is compared as exact fractions and in a fixed order, so
 * the same question has the same answer. It finds no worse weights than the present ones, and not
 * always the best: `reach` says what no weights at all can beat. */
#pragma once
#include "srvplan/simulation.h"

enum {
    TUNE_UNIT = 256,
    TUNE_UNITS_MAX = 255,
    TUNE_NODES_MAX = 64,          /* more have loads too small to tune by hand */
    TUNE_EVALUATIONS_MAX = 20000, /* about ten seconds with a slow model and six nodes */
};

struct tune_question {
    const struct simulate_pool *pool;
    const struct audience *audience;
    enum simulate_order order;
};

struct tune_step {
    const char *start;     /* "present", "capacity", "equal": where this search began */
    uint32_t *units;       /* by tuned node */
    struct rational worst; /* the greatest load there */
};

struct tune {
    struct arena arena;
    uint32_t *nodes; /* positions in the pool, of those that are tuned */
    uint32_t node_count;
    struct simulation_line before, after;
    uint16_t *weights;  /* by tuned node: after */
    bool is_better;     /* false: `after` is `before` */
    bool is_cut_short;  /* there was more to try */
    double reach;       /* no weights have a smaller greatest load */
    uint64_t fixed_ppb; /* the part of the audience that goes to one node whatever its weight is */
    struct tune_step *steps;
    size_t step_count;
    uint32_t evaluations;
};

/* Heap; tune_free. ERROR_NOT_FOUND: fewer than two nodes serve. ERROR_UNSUPPORTED: too many. */
NODISCARD struct tune *tune_search(const struct tune_question *question, struct error *err);
void tune_free(struct tune *tune);

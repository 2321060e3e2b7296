/* SPDX-License-Identifier: GPL-3.0-or-later */
/* simulation: everything that `srvplan simulate` shows of one pool, computed once.
 *
 * It answers in this order: what the algorithms alone make of the set that was asked for; what each
 * program makes of the pool; what the audience makes of it together, beside the ideal; what is left
 * when one node is out (N-1); what time does (forecast.h). Arrays by node run over pool.nodes.
 *
 * N-1 is a question for each node: of a large pool only those with the greatest ideal shares are
 * asked about, which are those that hurt. */
#pragma once
#include "srvplan/forecast.h"
#include "srvplan/simulate.h"

enum {
    SIMULATION_OUTAGES_MAX = 48, /* a second or two with all programs; a table that is still read */
};

struct simulation_question {
    const struct plan *plan;
    struct simulate_pool pool; /* its arrays are borrowed */
    enum simulate_order order;
    const bool *is_down;                /* by node; NULL: nobody */
    const struct client_model **models; /* NULL: all of them */
    uint32_t model_count;
    bool with_positions;  /* of models: up to a second with a dozen nodes */
    uint64_t clients;     /* for numbers of people; 0: shares alone */
    uint32_t only_outage; /* N-1 for this position alone, or INVENTORY_NONE */
};

/* An algorithm over the set of the asked service alone. */
struct simulation_model {
    const struct client_model *model;
    struct rational *tried;     /* by node: the first target that it tries */
    struct rational *reached;   /* … the first that answers; `tried` when nobody is down */
    struct rational *positions; /* simulate_positions; NULL: not asked for, or too many nodes */
};

/* A kind of client over the pool. */
struct simulation_client {
    struct audience_part who;         /* part_ppb 0: not of the audience */
    struct rational *tried, *reached; /* as of a model */
    struct rational dead_tried;       /* targets, before the first that answers */
    double delay_s;                   /* what they cost when they drop packets; 0: not known */
};

/* Shares of all together. */
struct simulation_line {
    struct rational *shares, *loads; /* by node */
    uint32_t worst;                  /* the node with the greatest load */
    struct rational lost;            /* the part that comes to nobody */
    struct rational dead_tried;
};

/* Fills loads, worst (the first of equals) and lost from the shares. */
void simulation_line_judge(const struct simulate_pool *pool, struct arena *arena,
                           struct simulation_line *line);

struct simulation_outage {                  /* one node more is out */
    uint32_t node;                          /* position */
    bool is_known;                          /* false: nobody asked */
    bool is_last;                           /* nobody is left that a client would find */
    struct simulation_line ideal, audience; /* still published, but nobody listens */
    struct simulation_line withdrawn;       /* the audience, when its records are taken out */
};

struct simulation {
    struct arena arena;
    struct simulation_question question;
    const struct simulate_pool *pool; /* of the question */
    struct audience audience;
    struct simulation_model *models;
    uint32_t model_count;
    struct simulation_client *clients; /* those of the audience first */
    uint32_t client_count;
    bool has_down;
    struct simulation_line ideal, merged;                 /* as published */
    struct simulation_line ideal_reached, merged_reached; /* with those that are down */
    struct simulation_outage *outages;                    /* by node */
    struct forecast forecast;
};

/* Heap; simulation_free. NULL: shares.h cannot say it (*err). */
NODISCARD struct simulation *simulation_run(const struct simulation_question *question,
                                            struct error *err);
void simulation_free(struct simulation *simulation);

/* Whether fewer than SIMULATION_OUTAGES_MAX nodes have a greater ideal share; of equal ones the
 * first count. */
bool simulation_is_among_greatest(const struct simulation *simulation, uint32_t node);

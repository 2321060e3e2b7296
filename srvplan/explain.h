/* SPDX-License-Identifier: GPL-3.0-or-later */
/* explain: one node, set by set: what it has and why, who will not follow the plan, and what a
 * drain of it would do.
 *
 * A *culprit* is a kind of client whose share for this node is off its ideal share by more than
 * EXPLAIN_OFF_PERCENT; those of the audience come first, by how many connections they move. */
#pragma once
#include "srvplan/simulation.h"

enum {
    EXPLAIN_OFF_PERCENT = 2,
    EXPLAIN_SETS_MAX = 32, /* more would not be read; the rest is counted */
};

struct explain_culprit {
    const struct simulation_client *client;
    const char *text; /* a sentence for a person */
};

/* What a drain of the node would do to a pool. */
struct explain_drain {
    bool is_last;                   /* nobody is left */
    struct simulation_line line;    /* the audience without the node's records */
    uint32_t next;                  /* the node whose failure on top hurts most */
    struct simulation_line further; /* … and what that gives; is_last_two: nobody */
    bool is_last_two;
    const char *const *refusals; /* what guards would say */
    uint32_t refusal_count;
};

struct explain_set {
    uint32_t set, domain; /* in the plan; the domain that it is explained for */
    const struct plan_set *plan_set;
    const struct plan_member *member;
    const char *because;
    const struct simulation *simulation; /* of its pool; NULL: it has no targets */
    uint32_t position;                   /* of the node there; INVENTORY_NONE: no record */
    struct explain_culprit *culprits;
    uint32_t culprit_count;
    struct explain_drain drain; /* when position is set */
    const char **notes;         /* on sessions and on the domain itself */
    uint32_t note_count;
};

struct explanation {
    struct arena arena;
    const struct plan *plan;
    uint32_t node;
    struct explain_set *sets;
    uint32_t set_count;
    uint32_t more_sets; /* not explained */
    struct simulation **simulations;
    uint32_t simulation_count;
};

struct explain_question {
    const struct plan *plan;
    uint32_t node;
    uint32_t domain, service; /* only that set; INVENTORY_NONE: all that name the node */
    enum simulate_order order;
    uint64_t clients;
};

/* Heap; explanation_free. ERROR_NOT_FOUND: the named set does not have the node. */
NODISCARD struct explanation *explain_node(const struct explain_question *question,
                                           struct error *err);
void explanation_free(struct explanation *explanation);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shares: which part of the connections each target of an SRV set gets, for every algorithm that
 * real clients use; exact fractions, no sampling.
 *
 * What a client does with an answer is three things, and they are kept apart here:
 *
 *   order     in which order the authority sends the records of one priority; some clients take
 *             the list as it comes
 *   merge     how the client makes one ladder of xmpp-* and xmpps-* (XEP-0368)
 *   model     how it picks inside one step of the ladder: client_models[]
 *
 * The client tries the targets one after another. Targets that are down are still in the answer;
 * the first choice is then the first live one that it comes to. To ask what happens when a record
 * is removed, leave the target out: most algorithms give another answer then (Plackett–Luce alone
 * does not, apart from `ejabberd` and those that draw nothing).
 *
 * `swiften` is exact for the first choice. When that one is dead it draws from a list in which the
 * taken record changed places with the first; here the others keep their order, which moves less
 * than 1/sum. Openfire sorts twice; where records share a bucket its first sort, not the answer,
 * puts them in order, which again moves less than 1/sum.
 *
 * Floats appear nowhere. Same input, same bytes. */
#pragma once
#include "srvplan/rational.h"
#include "zones/base/error.h"
#include "zones/name.h"

enum share_order {
    /* srvplan-dnsd: lowest priority first, inside a priority a weighted draw without replacement
     * (weight 0 behind all others, any order equally likely). Shares are the mean over all orders.
     */
    SHARE_ORDER_WEIGHTED,
    SHARE_ORDER_FIXED, /* by priority, then as in the array (by node id) */
};

enum share_merge {
    SHARE_MERGE_MIXED,              /* one set: priorities and weights of both are mixed */
    SHARE_MERGE_PRIO_THEN_DIRECT,   /* by priority; of equal ones Direct TLS first */
    SHARE_MERGE_PRIO_THEN_STARTTLS, /* by priority; of equal ones STARTTLS first */
    SHARE_MERGE_DIRECT_FIRST,       /* all of xmpps-*, then all of xmpp-* */
    SHARE_MERGE_STARTTLS_ONLY,      /* xmpps-* is not looked up */
};

struct share_target {
    uint16_t priority, weight, port;
    struct name host;   /* as published */
    bool is_direct_tls; /* of xmpps-*; false for a service that is alone in its pool */
    bool is_down;       /* in the answer, but nobody listens */
};

/* An algorithm. Its id is pinned: scripts and inventories use it. */
struct client_model {
    const char *id;                /* "rfc2782-ascending" */
    const char *summary;           /* how it picks, a clause for a person */
    bool is_weighted;              /* false: weights decide nothing, or only which one gets all */
    bool reads_order;              /* the order of the answer matters */
    const struct share_rule *rule; /* shares.c */
};
extern const struct client_model client_models[];
extern const size_t client_model_count;

/* NULL when there is none. */
const struct client_model *client_model_find(struct text id);

/* "mixed", "prio-then-D", "prio-then-T", "D-first", "T-only". */
const char *share_merge_print(enum share_merge merge);
NODISCARD bool share_merge_parse(struct text text, enum share_merge *merge);
enum {
    SHARE_MERGE_COUNT = SHARE_MERGE_STARTTLS_ONLY + 1
};

struct share_question {
    const struct client_model *model;
    enum share_merge merge;
    enum share_order order;
    const struct share_target *targets; /* of one pool, by node id; both services in one array */
    uint32_t count;
};

enum {
    /* Subsets are enumerated for what has no closed form: up to so many targets (or dead targets)
     * in one step of the ladder, which are 4096 subsets. */
    SHARE_SUBSET_MAX = 12,
};

/* Fills shares[0..count) with the part of the connections that each target gets: the first live
 * one that the client comes to. They sum to 1, or are all 0 when no target that the client sees is
 * live. Digits live in the arena. Fails (ERROR_UNSUPPORTED, writes nothing) when more than
 * SHARE_SUBSET_MAX targets of one step are down and the model has no closed form. */
NODISCARD bool shares_first_choice(const struct share_question *question, struct arena *arena,
                                   struct rational *shares, struct error *err);

/* Fills positions[i * count + k] with the probability that target i is tried as the k-th (from 0)
 * when none answers; is_down is not looked at. A target that the client never tries has only
 * zeros. Fails for steps with more than SHARE_SUBSET_MAX targets. */
NODISCARD bool shares_positions(const struct share_question *question, struct arena *arena,
                                struct rational *positions, struct error *err);

/* The expected number of dead targets that a client tries before it comes to a live one (or to the
 * end of the list). Fails as shares_first_choice does. */
NODISCARD bool shares_dead_tried(const struct share_question *question, struct arena *arena,
                                 struct rational *tried, struct error *err);

/* The steps of the ladder as the merge makes it, before any model: step[i] of target i from 0,
 * SHARE_NO_STEP when the client never sees it. Returns the number of steps. */
#define SHARE_NO_STEP UINT32_MAX
uint32_t shares_ladder(const struct share_target *targets, uint32_t count, enum share_merge merge,
                       uint32_t *step);

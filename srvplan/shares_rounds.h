/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shares_rounds: what a client does with an answer, as rounds of chance that can be computed.
 *
 * Inside the planner's shares only. A client goes through its rounds one after another, and inside
 * a round tries every member before the next round begins. The members of a round stand in a list;
 * where the order of the list is itself chance (the authority shuffles, or the client does), the
 * members share an *urn*: their order is that of draws without replacement, each in proportion to
 * its `pull` (Plackett–Luce). Urns follow one another. Plackett–Luce has two properties that all of
 * this rests on: the order of some members of an urn is again such draws among them alone, and
 * disjoint groups of members are in orders that do not depend on each other. */
#pragma once
#include "srvplan/shares.h"

enum round_kind {
    ROUND_LIST,        /* tried in the order of the list */
    ROUND_INCLUSIVE,   /* draw 0..S (RFC 2782 as written), the first whose running sum reaches it */
    ROUND_OFF_BY_ONE,  /* draw 0..S-1, else the same */
    ROUND_LONGEST_RUN, /* each draws uniformly from 0..weight+1, the largest first (ejabberd) */
};

struct round_member {
    uint32_t target; /* index in the question */
    uint32_t urn;    /* ascending along the list */
    uint32_t pull;   /* at least 1 */
    uint32_t weight; /* what the client draws with */
    bool is_down;
};

struct share_round {
    enum round_kind kind;
    struct round_member *members; /* in the order of the list */
    uint32_t count;               /* at least 1 */
    uint32_t down_count;
};

struct share_rounds {
    struct share_round *rounds;
    uint32_t count;
};

/* How a model turns a step of the ladder into rounds: client_models.c. */
struct share_rule {
    enum {
        STEPS_BY_PRIORITY,
        STEPS_ONE,             /* priorities are ignored */
        STEPS_LOWEST_AND_REST, /* the lowest priority, then all others as one step */
    } steps;
    enum {
        LIST_AS_ANSWERED,
        LIST_ZEROS_FIRST, /* weight 0 in front, else as answered */
        LIST_ASCENDING,   /* by weight; equal ones as answered */
        LIST_DESCENDING,
        LIST_HASH_OF_RDATA,   /* java_hash.h, a set per service */
        LIST_HASH_OF_RECORD,  /* java_hash.h, a set per step */
        LIST_DRAWN_BY_CLIENT, /* one urn, whatever the answer's order is */
    } list;
    enum {
        WEIGHT_AS_IS,
        WEIGHT_PLUS_ONE,
        WEIGHT_AT_LEAST_ONE,
        WEIGHT_IN_256THS, /* (w + 255) / 256 */
    } weight;
    enum {
        ZERO_AS_OTHERS,
        ZERO_LAST,         /* a round of its own behind, in any order */
        ZERO_LAST_BY_NAME, /* …, by host name, port, STARTTLS first */
        ZERO_NEVER,
    } zero; /* what a drawing weight of 0 means */
    enum round_kind kind;
};

/* The rounds of a question, in the arena. */
struct share_rounds share_rounds_make(const struct share_question *question, struct arena *arena);

/* The steps of the ladder under a rule; see shares_ladder. */
uint32_t share_steps(const struct share_target *targets, uint32_t count, enum share_merge merge,
                     const struct share_rule *rule, uint32_t *step);

/* What a round gives when some of its members are down: the part of each live member, by index in
 * the round, and the expected number of dead ones tried before the first live one. */
struct round_outcome {
    struct rational_sums shares; /* the caller's, by member */
    struct rational_sums tried;  /* the caller's, one sum */
};

/* At least one member is live. */
NODISCARD bool round_list_live(const struct share_round *round, struct round_outcome *outcome,
                               struct error *err);
NODISCARD bool round_longest_live(const struct share_round *round, struct round_outcome *outcome,
                                  struct error *err);
NODISCARD bool round_draw_live(const struct share_round *round, struct round_outcome *outcome,
                               struct error *err);

/* positions[member * count + k]: the probability that the member is the k-th of the round. */
NODISCARD bool round_list_positions(const struct share_round *round,
                                    struct rational_sums *positions, struct error *err);
NODISCARD bool round_longest_positions(const struct share_round *round,
                                       struct rational_sums *positions, struct error *err);
NODISCARD bool round_draw_positions(const struct share_round *round,
                                    struct rational_sums *positions, struct error *err);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of client models. */
#include "srvplan/shares_rounds.h"

#define RULE(...)                                                                                  \
    &(const struct share_rule)                                                                     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

const struct client_model client_models[] = {
    {
        .id = "plackett-luce",
        .summary = "in exact proportion to weights, what RFC 2782 means; weight 0 last",
        .is_weighted = true,
        .rule = RULE(.list = LIST_DRAWN_BY_CLIENT, .zero = ZERO_LAST),
    },
    {
        .id = "rfc2782",
        .summary = "RFC 2782 as written: draws 0 to the sum, weight 0 in front; favours the record "
                   "listed first by 1/(sum+1)",
        .is_weighted = true,
        .reads_order = true,
        .rule = RULE(.list = LIST_ZEROS_FIRST, .kind = ROUND_INCLUSIVE),
    },
    {
        .id = "rfc2782-ascending",
        .summary = "RFC 2782 as written over a list by ascending weight; favours the smallest",
        .is_weighted = true,
        .reads_order = true,
        .rule = RULE(.list = LIST_ASCENDING, .kind = ROUND_INCLUSIVE),
    },
    {
        .id = "prosody",
        .summary = "RFC 2782 without weight 0 in front: favours the record answered first",
        .is_weighted = true,
        .reads_order = true,
        .rule = RULE(.list = LIST_AS_ANSWERED, .kind = ROUND_INCLUSIVE),
    },
    {
        .id = "slixmpp",
        .summary = "RFC 2782, but of several records with weight 0 always the same one",
        .is_weighted = true,
        .reads_order = true,
        /* It puts each weight 0 in front of those before, and of equal running sums the last one
         * counts: that is the weight 0 answered first, as in RFC 2782. */
        .rule = RULE(.list = LIST_ZEROS_FIRST, .kind = ROUND_INCLUSIVE),
    },
    {
        .id = "openfire",
        .summary = "draws one number too few over a Java hash table: the first in it gains 1/sum, "
                   "the last loses 1/sum; weight 0 last",
        .is_weighted = true,
        .reads_order = true, /* where records share a bucket */
        .rule = RULE(.list = LIST_HASH_OF_RECORD, .zero = ZERO_LAST, .kind = ROUND_OFF_BY_ONE),
    },
    {
        .id = "psi",
        .summary = "draws one number too few over a list by ascending weight: the smallest gains "
                   "1/sum, the largest loses it",
        .is_weighted = true,
        .reads_order = true,
        .rule = RULE(.list = LIST_ASCENDING, .kind = ROUND_OFF_BY_ONE),
    },
    {
        .id = "ejabberd",
        .summary = "sorts by weight times a random number: heavy records get more than their "
                   "share; weight 0 last, by name",
        .is_weighted = true,
        .rule =
            RULE(.weight = WEIGHT_PLUS_ONE, .zero = ZERO_LAST_BY_NAME, .kind = ROUND_LONGEST_RUN),
    },
    {
        .id = "swiften",
        .summary = "RFC 2782 over weight + 1; favours the record answered first",
        .is_weighted = true,
        .reads_order = true,
        .rule = RULE(.weight = WEIGHT_PLUS_ONE, .kind = ROUND_INCLUSIVE),
    },
    {
        .id = "heaviest",
        .summary = "always the heaviest record; of equal ones the one answered first",
        .reads_order = true,
        .rule = RULE(.list = LIST_DESCENDING),
    },
    {
        .id = "answer-order",
        .summary = "the records as answered, whatever their weights are",
        .reads_order = true,
        .rule = RULE(.list = LIST_AS_ANSWERED),
    },
    {
        .id = "conversations",
        .summary = "always the same record, by a hash of its bytes, whatever the weights are",
        .reads_order = true, /* where records share a bucket */
        .rule = RULE(.list = LIST_HASH_OF_RDATA),
    },
    {
        .id = "haproxy",
        .summary = "in proportion to (weight + 255) / 256 over all priorities; weight 0 gets "
                   "nothing",
        .is_weighted = true,
        .rule = RULE(.steps = STEPS_ONE, .list = LIST_DRAWN_BY_CLIENT, .weight = WEIGHT_IN_256THS,
                     .zero = ZERO_NEVER),
    },
    {
        .id = "nginx",
        .summary = "in proportion to weights, 0 counts as 1; all priorities but the lowest are "
                   "backup together",
        .is_weighted = true,
        .rule = RULE(.steps = STEPS_LOWEST_AND_REST, .list = LIST_DRAWN_BY_CLIENT,
                     .weight = WEIGHT_AT_LEAST_ONE),
    },
};
const size_t client_model_count = COUNT_OF(client_models);

const struct client_model *client_model_find(struct text id)
{
    for (size_t i = 0; i < client_model_count; i++)
        if (text_is(id, client_models[i].id))
            return &client_models[i];
    return NULL;
}

static const char *const merges[SHARE_MERGE_COUNT] = {
    [SHARE_MERGE_MIXED] = "mixed",
    [SHARE_MERGE_PRIO_THEN_DIRECT] = "prio-then-D",
    [SHARE_MERGE_PRIO_THEN_STARTTLS] = "prio-then-T",
    [SHARE_MERGE_DIRECT_FIRST] = "D-first",
    [SHARE_MERGE_STARTTLS_ONLY] = "T-only",
};

const char *share_merge_print(enum share_merge merge)
{
    return merges[merge];
}

bool share_merge_parse(struct text text, enum share_merge *merge)
{
    for (unsigned i = 0; i < SHARE_MERGE_COUNT; i++) {
        if (text_is(text, merges[i])) {
            *merge = (enum share_merge)i;
            return true;
        }
    }
    return false;
}

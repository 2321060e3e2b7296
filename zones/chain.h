/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain: follows aliases when content is made, so that nobody follows one when a query comes.
 *
 * The owner of a CNAME answers every other type with the CNAME and what it leads to in the zone
 * (RFC 1034 section 4.3.2, step 3a): through further CNAMEs and wildcards (RFC 4592), to records,
 * to nothing (the SOA, and NXDOMAIN where the last target does not exist: RFC 6604), or to a cut,
 * whose referral follows. A chain that leaves the zone, or is longer than CHAIN_MAX, ends there:
 * the resolver goes on by itself. What such a name answers are derived sets (content.h); owners
 * whose chains are equal share them. A chain that comes back to itself answers nothing and is a
 * fault.
 *
 * Both who plan and who read zone files call this once their content is whole; it finds the aliases
 * by itself and is a pure function. */
#pragma once
#include "zones/content.h"

enum {
    CHAIN_MAX = 16 /* links: more than anybody needs; resolvers give up at about as many */
};

/* A CNAME that leads into a loop. */
struct chain_loop {
    uint32_t zone;
    uint32_t name;       /* its owner: index in names */
    struct name through; /* a name that the loop comes back to */
};

struct chains {
    /* The derived sets. They get the numbers behind those of all sets, in this order. */
    const struct content_set *sets;
    uint32_t set_count;
    /* All types: those that there were, and new ones for the owners of CNAMEs. */
    const struct content_types *types;
    uint32_t types_count;
    const struct chain_loop *loops;
    uint32_t loop_count;
};

/* Follows every CNAME of `names`, whose sets are `sets`. The owners of aliases get their new types
 * in `rows`, the names themselves (names->names, which the caller owns). All else lives in the
 * arena; RDATA is borrowed from the sets, which must live as long. */
struct chains chains_follow(struct arena *arena, const struct content_names *names,
                            struct content_name *rows, const struct content_sets *sets);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ladder: the records of a pool in the order in which clients try them.
 *
 * A client that may speak Direct TLS looks two services up and makes one ladder of both (XEP-0368),
 * and clients do that in five ways (enum share_merge). Each step of the ladder is exhausted before
 * the next; inside a step clients draw by weight, each in its own way (shares.h). A pool whose
 * services are all of one kind looks the same to everybody. */
#pragma once
#include "srvplan/plan.h"
#include "srvplan/shares.h"

struct ladder_record {
    uint32_t set; /* of the plan */
    const struct plan_member *member;
};

struct ladder_step {
    const struct ladder_record *records; /* by priority, service, node id */
    uint32_t count;
};

struct ladder {
    const struct ladder_step *steps;
    uint32_t step_count;
};

/* Which records: those that are published, or all that the inventory declares. */
enum ladder_extent {
    LADDER_PUBLISHED,
    LADDER_DECLARED,
};

/* The ladder of layout->pools[pool]; lives in the arena. */
struct ladder ladder_make(const struct plan *plan, uint32_t pool, enum share_merge merge,
                          enum ladder_extent extent, struct arena *arena);

/* True when two merges see the same ladder. */
bool ladder_equal(const struct ladder *a, const struct ladder *b);

/* A part of the first choices: num/den, reduced. */
struct ladder_share {
    uint64_t num, den;
};

/* What a record of the first step gets by the published weights. */
struct ladder_share ladder_share_of_record(const struct ladder *ladder,
                                           const struct ladder_record *record);

/* What a node gets by the planned weights, in all services together; 0/1 when it is not in the
 * first step. */
struct ladder_share ladder_share_planned(const struct ladder *ladder, uint32_t node);

/* Whether the service is Direct TLS: _xmpps-client, _xmpps-server. */
bool ladder_is_direct_tls(const struct inventory_service *service);

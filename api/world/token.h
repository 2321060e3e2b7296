/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token: tokens are given out and taken back. Neither makes a revision: no plan depends on
 * them. The change and its audit row are one transaction, and the view that follows has the new
 * list, so that a token counts, or does not any more, when the request is answered. */
#pragma once
#include "api/world/internal.h"

struct world_token_change {
    struct text id;                     /* REVOKE */
    struct text name;                   /* ADD, as what follows */
    int role;                           /* enum role */
    const struct text *nodes, *domains; /* count 0: all */
    uint32_t node_count, domain_count;
    int64_t expires_at_ms; /* 0: never */
    struct digest secret;
};

/* Problems: "conflict" (the name is taken, or there are too many), "unknown-node", "invalid" (an
 * unknown domain). */
void job_token_add(struct world *world, const struct world_request *request,
                   struct world_result *result);

/* Problems: "not-found". */
void job_token_revoke(struct world *world, const struct world_request *request,
                      struct world_result *result);

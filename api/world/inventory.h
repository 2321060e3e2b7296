/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inventory: a change of the inventory, as the world takes it: read, laid out and checked by
 * whoever asks (a workshop), so that the world only decides and publishes.
 *
 * What was made from another inventory than the one in force when its turn comes is refused as
 * "outrun": its maker makes it anew. */
#pragma once
#include "api/world/base.h"
#include "api/world/world.h"

/* What If-Match is compared with. */
enum world_precondition {
    WORLD_IF_INVENTORY, /* its id */
    WORLD_IF_NODE,      /* request->nodes[0], see world_node_version */
    WORLD_IF_REVISION,
};

/* Of a request of kind WORLD_INVENTORY. */
struct world_inventory_change {
    struct base *base;         /* not in use yet; NULL: the inventory stays */
    uint64_t made_of;          /* the inventory's id that it was made from; 0: of none */
    uint64_t made_at_revision; /* 0: whatever happened since */
    enum world_precondition precondition;
    const char *action; /* of the audit: "inventory put" */
    struct text object, cause;
    /* Overlays that come with it; ids, actors, instants and revisions are the world's. */
    const struct store_drain *drains;
    uint32_t drain_count;
    const struct store_weight *weights;
    uint32_t weight_count;
};

/* What a drain's request leaves open is as the policy says. */
void world_drain_set_how(struct store_drain *row, const struct world_drain_how *how,
                         const struct inventory_policy *policy);

/* What guards newly say no to when `after` follows `before` (NULL: nothing does); NULL: nothing. An
 * override lets all pass but an empty set. */
const struct plan_verdict *world_new_refusal(const struct plan *before, const struct plan *after,
                                             bool is_override);

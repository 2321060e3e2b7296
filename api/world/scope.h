/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scope: what an actor with a scope may change. The only place that decides it, for every way
 * in.
 *
 * A scope limits changes, not reading: the share of one node says something of all others. A change
 * to a node is allowed when the scope names the node (or names no nodes at all), and also every
 * domain of the inventory that selects the node (or no domains): a node that serves a foreign
 * domain, too, cannot be drained for one domain alone. A change that concerns more than nodes (the
 * inventory, tokens, a rollback) is not for actors with a scope, and a kind of job that is not in
 * the table of world/scope.c counts as such, so that a forgotten row refuses. */
#pragma once
#include "api/world/internal.h"

/* Also sees to it that the actor's token was not revoked since its request began. False: the result
 * says why not. */
NODISCARD bool job_check_actor(const struct world *world, const struct world_request *request,
                               struct world_result *result);

/* True when `list` (one space between) has `word`, or is empty. */
bool world_scope_has(struct text list, struct text word);

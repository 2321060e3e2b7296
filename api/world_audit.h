/* SPDX-License-Identifier: GPL-3.0-or-later */
/* world_audit: how the audit is written and read through the world, whose thread alone has the
 * store.
 *
 * A job that changes something gives lines of its own (job_audit): who, from where, what, why. What
 * it leaves empty of "before" and "after" is filled in here where the object is a drain, a weight
 * or the inventory; other objects fill them themselves, with audit_print. A change that commits
 * without a new revision (a token) does so by job_commit (world_job.h), and its lines with it. */
#pragma once
#include "api/store_audit.h"
#include "api/world_internal.h"

/* Gives the change a line for everything it touches, complete, in the arena. */
void world_audit_complete(const struct world *world, const struct candidate *candidate,
                          struct store_change *change, struct arena *arena);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* audit: how the audit is written and read through the world, whose thread alone has the
 * store.
 *
 * A job that changes something gives lines of its own (job_audit): who, from where, what, why. What
 * it leaves empty of "before" and "after" is filled in here where the object is a drain, a weight
 * or the inventory; other objects fill them themselves, with audit_print. A change that commits
 * without a new revision (a token) does so by job_commit (world/job.h), and its lines with it. */
#pragma once
#include "api/store/audit.h"
#include "api/world/internal.h"

struct world_audit_query {
    struct store_audit_filter filter; /* AUDIT */
    struct store_audit_head from;     /* AUDIT_VERIFY */
};

struct world_audit_found {
    const struct store_audit_row *rows; /* AUDIT */
    size_t count;
    struct store_audit_verdict verdict; /* AUDIT_VERIFY */
};

enum {
    /* Lines a request: some 100 ms, in which no change is made. */
    WORLD_AUDIT_VERIFY_LINES = 50000,
};

void job_audit_list(struct world *world, const struct world_request *request,
                    struct world_result *result);
void job_audit_verify(struct world *world, const struct world_request *request,
                      struct world_result *result);

/* Has a refusal written into the audit, soon; the line is copied. Any thread. */
void world_note_refusal(struct world *world, const struct store_audit *line);

/* The objects of the lines that the change has, one space between. */
struct text world_audit_objects(const struct store_change *change, struct arena *arena);

/* Gives the change a line for everything it touches, complete, in the arena. */
void world_audit_complete(const struct world *world, const struct candidate *candidate,
                          struct store_change *change, struct arena *arena);

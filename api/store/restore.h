/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restore: puts a copy of the store (store/backup.h) in the place of the one that is there,
 * while no srvpland runs.
 *
 * The copy is older than what was served since, and two things must not go back with it (DESIGN:
 * "serials never back, revision numbers without reuse"). So the restored store gets a revision of
 * its own, numbered after the last one of the store that is there or of the image, whichever is
 * newer; and every zone's serial moves past the one it had there. Drains that are active in the
 * copy count as served from then on, since their nodes may have been served meanwhile.
 *
 * The copy is checked under another name before anything is touched, and the store that was there
 * is kept beside it. Its lines of the audit that the copy has not are kept there, too: a head that
 * was noted since shows that. */
#pragma once
#include "api/store/store.h"

struct store_restore {
    int directory; /* of the state */
    const char *path;
    const char *file; /* the copy */
    struct text actor, source;
    int64_t now_ms;
};

struct store_restored {
    uint64_t copied_revision; /* the newest of the copy */
    uint64_t revision;        /* that was made */
    char kept[64];            /* name of the store that was there; "": there was none */
    bool is_audit_broken;     /* the chain in the copy does not hold */
    bool was_readable;        /* what was there could be read; else the image alone was asked */
};

/* Errors: ERROR_CONFLICT: a srvpland runs there. What was there is as it was. */
NODISCARD bool store_restore(const struct store_restore *restore, struct store_restored *restored,
                             struct error *err);

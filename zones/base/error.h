/* SPDX-License-Identifier: GPL-3.0-or-later */
/* error: an error as a value for a person: what failed, where, and what to do now.
 *
 * The struct lives on the caller's stack, fixed in size, and is passed last. The first error wins:
 * a second report into the same struct changes nothing, so the cause survives its consequences.
 * Every reporting function returns false, so that `return error_set(err, …)` reads as one step.
 * Only main, the top of a loop and the HTTP layer print an error, once. */
#pragma once
#include "zones/base/attributes.h"
#include <stdbool.h>

/* What kind of failure it is decides exit code and HTTP status; api/problem.c and
 * srvplan/command/options.c hold the tables. */
enum error_kind {
    ERROR_NONE,
    ERROR_INVALID,         /* the data is wrong */
    ERROR_USAGE,           /* the command line is wrong */
    ERROR_SYSTEM,          /* the operating system said no */
    ERROR_NO_SPACE,        /* the disk is full: changes wait, reads go on */
    ERROR_GUARD,           /* a guard refuses */
    ERROR_CONFLICT,        /* the state of the thing forbids it, or the caller's view is stale */
    ERROR_NOT_FOUND,       /* there is no such thing */
    ERROR_UNREACHABLE,     /* the other side does not answer */
    ERROR_UNAVAILABLE,     /* we cannot serve this now */
    ERROR_DENIED,          /* the caller may not */
    ERROR_UNSUPPORTED,     /* known, but this version does not do it */
    ERROR_UNKNOWN_OUTCOME, /* a commit failed in a way that leaves its outcome open */
};

struct error {
    enum error_kind kind;
    int system_errno; /* of error_system, else 0 */
    char message[480];
};

/* Reports `kind` with a message: what happened; what to do. Returns false. A NULL err is allowed.
 */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* Reports errno, saved first, as "THING: WHAT: Permission denied; MEND". ENOSPC and EDQUOT become
 * ERROR_NO_SPACE. mend may be NULL. Returns false. */
bool error_system(struct error *err, const char *thing, const char *mend, const char *what);

/* Puts a place before the message: "PLACE: message". Returns false. */
bool error_within(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

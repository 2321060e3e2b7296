/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tzfile: what the clocks of a time zone show, from the system's zoneinfo files (RFC 9636).
 *
 * A zone is read once, when an inventory is loaded, and lives in its arena: so plans read no file,
 * and the same inventory gives the same plan until it is loaded again. libical has time zones of
 * its own, but it knows only the names of zone.tab (no Etc/UTC), keeps them in a global table, and
 * gives a local time that does not exist the offset from behind the change, where RFC 5545
 * section 3.3.5 asks for the one before it.
 *
 * Beyond the last change that a file lists, its footer (a POSIX TZ string) goes on for ever. "UTC"
 * needs no file. Pure but for tzfile_load. */
#pragma once
#include "zones/base/arena.h"
#include "zones/base/error.h"

#define TZFILE_DIRECTORY "/usr/share/zoneinfo"

struct tzfile;

/* Reads directory/name. ERROR_INVALID: no such zone, which says how names look; ERROR_SYSTEM: there
 * are no zones at all, or the file cannot be read. NULL on failure. */
NODISCARD const struct tzfile *tzfile_load(struct arena *arena, const char *directory,
                                           struct text name, struct error *err);

/* How far local time is ahead of UTC at that instant. */
int32_t tzfile_offset_s(const struct tzfile *zone, int64_t utc_s);

/* The instant at which clocks show `local_s` (seconds since 1970-01-01T00:00 on the clock). A time
 * that a change skips is as far behind the change as it would be without it (02:30 becomes 03:30);
 * of one that comes twice it is the first. */
int64_t tzfile_utc_s(const struct tzfile *zone, int64_t local_s);

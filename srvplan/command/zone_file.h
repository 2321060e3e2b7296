/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_file: a zone file from disk, for the commands that look at one. */
#pragma once
#include "zones/base/error.h"
#include "zones/zonefile_read.h"

/* Reads the file at path. Names are relative to the zone that it is named after, as by
 * `srvplan-dnsd --zone` ("example.org.zone"; BIND's habit "db.example.org" counts, too), until
 * $ORIGIN says otherwise. Mistakes are in *reading, which lives in the arena; false: the file could
 * not be read. */
NODISCARD bool zone_file_read(const char *path, struct arena *arena,
                              struct zonefile_reading *reading, struct error *err);

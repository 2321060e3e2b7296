/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_faults: what is wrong in zone files, and where.
 *
 * Reading goes on behind a fault, so that one run shows all of them; beyond ZONE_MAX_FAULTS nobody
 * reads on, and they are counted only. A warning is what is served all the same, but hardly as it
 * was meant. */
#pragma once
#include "zones/base/arena.h"

enum {
    ZONE_MAX_FAULTS = 1000
};

enum zone_severity {
    ZONE_ERROR,
    ZONE_WARNING,
};

struct zone_fault {
    enum zone_severity severity;
    const char *path;
    uint32_t line, column; /* from 1; 0: the file as a whole */
    const char *message, *mend;
};

/* Zeroed but for the arena it is empty. */
struct zone_faults {
    struct arena *arena;
    struct zone_fault *items;
    size_t count, capacity;
    uint64_t errors, warnings; /* also those that are not among the items */
};

/* The place of a fault. */
struct zone_spot {
    const char *path; /* outlives the faults */
    uint32_t line, column;
};

/* Adds a fault; returns false. `mend` outlives the faults. */
bool zone_error(struct zone_faults *faults, const struct zone_spot *spot, const char *mend,
                const char *format, ...) PRINTF_LIKE(4, 5);
void zone_warn(struct zone_faults *faults, const struct zone_spot *spot, const char *mend,
               const char *format, ...) PRINTF_LIKE(4, 5);

/* Puts the faults from items[first] on in the order of lines. */
void zone_faults_sort(struct zone_faults *faults, size_t first);

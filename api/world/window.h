/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window: what a request changes of a maintenance window; world/world.h takes it as a job.
 *
 * WORLD_WINDOW_PUT      makes one, or puts another in its place
 * WORLD_WINDOW_REMOVE   takes it away; what is under way ends as by its ramp
 * WORLD_WINDOW_SKIP     takes one opening out, or puts it back
 * WORLD_WINDOW_END      ends now what is under way
 * WORLD_CALENDAR_KEY    gives the calendar's URL another secret */
#pragma once
#include "zones/base/bytes.h"
#include "zones/base/digest.h"

enum {
    WORLD_WINDOWS_MAX = 1000,   /* each is looked at for every instant of a timeline */
    WORLD_OPENINGS_MAX = 10000, /* skipped or ended, of all windows */
};

struct world_window_change {
    struct text id;
    struct text body;    /* PUT: JSON, as window_document reads it */
    bool is_new;         /* PUT: there must be none of that id */
    int64_t opens_at_ms; /* SKIP: which opening */
    bool is_undo;        /* SKIP: it comes again */
    struct digest key;   /* CALENDAR_KEY: of the new secret, which only its asker has */
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* throttle: sources that guess are not heard for a while.
 *
 * A source that fails `failures_max` times within the window is refused unheard until the oldest of
 * those failures is as old as the window, so that neither log nor processor can be filled by
 * guessing. Sources are text (an address; give IPv6 ones as their /64, since one host owns that
 * many), the newest 64 are remembered. Times are arguments, of clock_monotonic_ms; one that runs
 * back starts a new count, never a longer wait. Not for two threads at a time. */
#pragma once
#include "zones/base/bytes.h"

enum {
    THROTTLE_FAILURES_MAX = 100, /* the most that can be asked for */
    THROTTLE_SOURCES_MAX = 64,
    THROTTLE_SOURCE_SIZE = 72,
};

/* The last failures of one source, a ring. */
struct throttle_source {
    char name[THROTTLE_SOURCE_SIZE];
    int64_t failed_at_ms[THROTTLE_FAILURES_MAX];
    uint32_t count, oldest;
};

struct throttle {
    uint32_t failures_max; /* 1..THROTTLE_FAILURES_MAX */
    int64_t window_ms;
    struct throttle_source sources[THROTTLE_SOURCES_MAX];
};

/* New limits; what is remembered counts by them. */
void throttle_set(struct throttle *throttle, uint32_t failures_max, int64_t window_ms);

/* `source` has failed once more. */
void throttle_fail(struct throttle *throttle, struct text source, int64_t now_ms);

/* Milliseconds until the source is heard again; 0: now. */
int64_t throttle_wait_ms(struct throttle *throttle, struct text source, int64_t now_ms);

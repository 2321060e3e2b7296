/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bell: wakes those who sleep until there is news, or until their time is over.
 *
 * Long polls and event streams are suspended connections of the HTTP library; somebody has to
 * resume them. The world rings, which costs it a lock and a signal; a thread of the bell's own does
 * the waking, however many sleep. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bell;

struct bell_sleeper {
    void (*wake)(void *context); /* on the bell's thread, once a sleep */
    void *context;
    int64_t until_ms;                  /* clock_monotonic_ms */
    struct bell_sleeper *next, **link; /* the bell's */
};

struct bell *bell_new(void);

/* All are woken, and nobody sleeps any more; the thread ends. Then the bell can be freed. */
void bell_end(struct bell *bell);
void bell_free(struct bell *bell); /* NULL is fine */

void bell_ring(struct bell *bell);

/* How often it has rung. Read it before you look whether there is news, then sleep with it: a ring
 * in between is not missed. */
uint64_t bell_count(struct bell *bell);
bool bell_has_ended(struct bell *bell);

/* False: it has rung since `count`, or has ended, or the time is over: do not sleep, look again. */
bool bell_sleep(struct bell *bell, struct bell_sleeper *sleeper, uint64_t count);

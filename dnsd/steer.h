/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steer: a query is answered on the processor that received it.
 *
 * Sockets that share an address (SO_REUSEPORT) get their queries by a hash of who asks, so that a
 * query mostly moves from the processor of its interrupt to another one's cache. With as many
 * workers as processors, each bound to one, a filter gives it to the worker that is there already
 * (SO_ATTACH_REUSEPORT_CBPF, socket(7)).
 *
 * That is good where the network card spreads queries over processors: it has a receive queue for
 * each. With fewer, all would go to few workers while others idle, so the hash stays, which is the
 * choice of STEER_AUTO; no such card is seen on loopback. */
#pragma once
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

enum steer {
    STEER_AUTO,
    STEER_BY_PROCESSOR,
    STEER_BY_HASH,
};

/* Worker i of an address belongs to processor first + i. */
struct steering {
    uint32_t first, count; /* 0: the hash decides, and no worker is bound */
};

/* What to do for `workers` on these processors with a card of so many receive queues. By processor
 * only when they are as many, in a row. */
struct steering steer_plan(enum steer choice, const cpu_set_t *processors, uint32_t workers,
                           uint32_t receive_queues);

/* The receive queues of the network card that has most; 0: unknown. */
uint32_t steer_count_queues(void);

/* Has the sockets fds[0..count) of one address steered, or, when the steering has no processors or
 * there are not as many different ones, by the hash again. True: steered. */
bool steer_sockets(const struct steering *steering, const int *fds, uint32_t count);

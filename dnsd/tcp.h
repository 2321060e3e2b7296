/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tcp: the one thread that accepts and serves all TCP connections.
 *
 * Time limits: a connection may be silent for 10 s (2 s when less than a quarter of the places is
 * left), take 5 s for one query from its first byte, leave an answer untaken for 10 s. When no
 * descriptor is left, accepting pauses for 100 ms; the listen queue holds who comes meanwhile, and
 * UDP is not affected. */
#pragma once
#include "dnsd/stream.h"
#include <pthread.h>
#include <semaphore.h>

enum {
    TCP_MAX_LISTENERS = 64
};

struct tcp {
    struct stream_pool pool;
    int listeners[TCP_MAX_LISTENERS];
    uint32_t listener_count;
    const struct settings *settings;   /* NULL: the usual ones */
    struct statistics_row *statistics; /* its own; NULL: nobody reads what it counts */
    int epoll, wake;
    int64_t accept_again_ms; /* 0: accepting */
    atomic_bool stop;
    _Atomic uint64_t close_before;
    bool is_started;
    sem_t started; /* the thread has set itself up */
    pthread_t thread;
};

/* Takes over the listeners that stand in tcp->listeners, also on failure. */
NODISCARD bool tcp_start(struct tcp *tcp, struct generations *generations,
                         const struct stream_limits *limits, struct error *err);

/* Has the thread look at once which answers have left; it does so every 100 ms anyway. Any thread.
 */
void tcp_settle(struct tcp *tcp);

/* Closes the connections that hold answers of generations of a smaller sequence. Any thread. */
void tcp_close_before(struct tcp *tcp, uint64_t sequence);

/* Accepts no more, serves those who are in until they are quiet, for two seconds at most, then
 * ends. */
void tcp_stop(struct tcp *tcp);

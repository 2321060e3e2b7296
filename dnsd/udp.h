/* SPDX-License-Identifier: GPL-3.0-or-later */
/* udp: a thread that carries datagrams between one socket and query_answer.
 *
 * It blocks for the first datagram of a batch, takes what else is there, answers each in its own
 * buffer, all of them step by step (query.h), sends all with one call: two system calls a batch.
 * Sending never blocks: what the kernel does not take is lost, as UDP may be. Between batches the
 * thread uses no generation. */
#pragma once
#include "dnsd/generation.h"
#include "dnsd/settings.h"
#include "zones/statistics.h"
#include <pthread.h>

struct udp_worker {
    int fd;          /* closed by udp_worker_join; others may read the same socket */
    uint32_t worker; /* which word and rows are its */
    struct generations *generations;
    const struct settings *settings;   /* NULL: the usual ones */
    struct statistics_row *statistics; /* its own; NULL: nobody reads what it counts */
    bool is_wildcard;                  /* the socket says which address was asked */
    int processor;                     /* that it is bound to, or -1 */
    atomic_bool stop;
    bool is_started;
    pthread_t thread;
};

NODISCARD bool udp_worker_start(struct udp_worker *udp, struct error *err);

/* Has it answer what has arrived already, for a second at most, and end. */
void udp_worker_stop(struct udp_worker *udp);

/* Waits for that. It wakes the thread by SIGUSR1, for which it sets a handler that does nothing:
 * shutdown(2) would wake it too, but also end the socket for everybody who shares it. */
void udp_worker_join(struct udp_worker *udp);

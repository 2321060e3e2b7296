/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load: asks a responder as quickly as it answers, over UDP or TCP, and looks at each answer.
 *
 * A few queries are under way at any time, so few that no socket's buffer can overflow: what is not
 * answered within 5 s is lost by the responder. With each query goes what was known when it was
 * sent: the generation that had been acknowledged by then, and the newest that an answer had shown.
 * Its answer must not be older than either. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include "pool.h"

enum {
    LOAD_UNDER_WAY = 64,
    LOAD_STREAMS = 4,
    LOAD_STREAM_PIPELINE = 4,
    LOAD_GAPS = 200000, /* µs; what is longer counts as that */
};

enum load_kind {
    LOAD_DATAGRAMS,
    LOAD_STREAM,
    LOAD_ECHO, /* datagrams, to who sends back what is sent: answers say nothing */
};

struct load_counts {
    uint64_t answered, lost, mixed, wrong;
    uint64_t stale;  /* older than the acknowledgement known when the query was sent */
    uint64_t back;   /* older than an answer that had come by then */
    uint64_t late;   /* sent when a newer one had been acknowledged, whenever it was asked */
    uint64_t closed; /* connections that ended under us */
    int64_t longest_ns;
};

struct load {
    /* given */
    enum load_kind kind;
    uint16_t port;
    uint32_t domains;
    int cpu;
    uint32_t deaf_one_in; /* planted fault: so many answers are taken as never come; 0: none */
    const _Atomic uint32_t *acknowledged;
    const _Atomic int64_t *served_at_ns; /* by generation: when that came; 0: not yet */
    _Atomic uint32_t
        *shown; /* the newest generation that any answer has shown; all loads share it */
    /* found; read them after load_stop */
    struct load_counts counts;
    uint64_t *gaps; /* between answers, by µs */
    /* own */
    pthread_t thread;
    _Atomic bool stop;
};

/* Has the kernel stamp datagrams when they are sent from now on, until the program ends. It begins
 * a moment after the first socket asks for it and stops with the last one; datagrams without a
 * stamp would get one when they are read, which may be much later. */
void load_want_stamps(void);

void load_start(struct load *load);
void load_stop(struct load *load);
void load_fini(struct load *load);

/* The gap, in ms, that all but one of `one_in` are not longer than. */
double load_gap_ms(const uint64_t *gaps, uint64_t one_in);

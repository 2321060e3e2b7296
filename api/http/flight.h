/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flight: requests on their way: between the library, whose calls arrive here, the handlers
 * (exchange.h), the world, whose jobs are waited for, and the bell, by which long polls and
 * streams sleep.
 *
 * A read is answered at once from the view in force. A change is submitted to the world and its
 * connection suspended; the world's callback makes the answer and resumes it. A long poll is
 * suspended before it is handled, until there is another view than the one that it names. What
 * thinks for long is done on a workshop's thread (http/workshop.h). So nothing here waits for a
 * disk, for dnsd or for a client. All but job_done and work is on the library's thread. */
#pragma once
#include "api/http/body_cache.h"
#include "api/http/counts.h"
#include "api/http/exchange.h"
#include "api/http/stream.h"
#include "api/world/plan_shelf.h"
#include "api/http/workshop.h"
#include <microhttpd.h>
#include <pthread.h>

struct flights_options {
    struct world *world;
    struct auth *auth;
    struct events *events;
    struct bell *bell;
    unsigned heartbeat_ms;
    unsigned waiting_max; /* long polls and streams together */
};

/* What all flights share; lives until the last job's callback has run. */
struct flights {
    struct flights_options options;
    struct door *door;                /* set before the first connection can pass */
    struct workshop *reads, *changes; /* heavy requests; neither waits for the other */
    struct plan_shelf *shelf;
    uint64_t large_bytes;    /* atomic; of large bodies that come in, or are worked on */
    struct body_cache cache; /* the library's thread alone, like `waiting` */
    struct http_counts counts;
    unsigned waiting;     /* long polls and streams */
    pthread_mutex_t lock; /* what follows, and phases and owners of flights */
    unsigned owners;      /* the starter, and every job under way */
    pthread_cond_t none_pending;
    struct flight *pending; /* suspended, their jobs not done */
};

struct flights *flights_new(const struct flights_options *options);

/* For MHD_start_daemon; their contexts are struct flights. */
enum MHD_Result flights_on_request(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *data, size_t *data_len, void **own);
void flights_on_completed(void *context, struct MHD_Connection *connection, void **own,
                          enum MHD_RequestTerminationCode why);

/* Waits until no job is under way, at most wait_ms, and answers the rest: the library must not be
 * stopped with a suspended connection. */
void flights_wait(struct flights *flights, unsigned wait_ms);

/* The starter lets go. */
void flights_leave(struct flights *flights);

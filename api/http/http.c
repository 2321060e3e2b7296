/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/http.h"

#include "api/http/flight.h"
#include "api/http/ways.h"
#include "zones/base/log.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* Head (8 KiB), our longest header line and its own buffers; beyond it the library refuses. */
    MEMORY_PER_CONNECTION = 32 * 1024,
    STOP_FLUSH_MS = 2000, /* for the last answers to be read */
};

struct http {
    struct http_limits limits;
    struct events *events;
    struct bell *bell;
    struct flights *flights;
    struct MHD_Daemon *daemon;
    struct http_ways ways;
};

/* -- what the library calls -- */

static void on_panic(void *context, const char *file, unsigned int line, const char *reason)
{
    (void)context;
    log_error("the HTTP library gave up", log_string("file", file), log_number("line", line),
              log_string("reason", reason ? reason : "none given"));
    abort();
}

/* Escapes stay as they came: the gate has parsed the path, and we decode it by segment. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **own,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *own = info ? door_find(http->flights->door, info->connect_fd) : NULL;
    } else if (*own) {
        door_release(http->flights->door, *own);
        *own = NULL;
    }
}

/* On the world's thread. */
static void on_news(void *context)
{
    bell_ring(context);
}

/* On the door's thread. */
static bool pass(void *context, struct door_connection *connection)
{
    struct http *http = context;
    /* It closes the socket itself when it cannot take it. */
    return MHD_add_connection(http->daemon, connection->fd, (struct sockaddr *)&connection->peer,
                              connection->peer_len) == MHD_YES;
}

/* -- start and stop -- */

static unsigned or_default(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

static struct http_limits with_defaults(struct http_limits limits)
{
    return (struct http_limits){
        .connections = or_default(limits.connections, 256),
        .per_address = or_default(limits.per_address, 64),
        .head_ms = or_default(limits.head_ms, 10 * 1000),
        .request_ms = or_default(limits.request_ms, 10 * 1000),
        .answer_ms = or_default(limits.answer_ms, 150 * 1000),
        .idle_s = or_default(limits.idle_s, 15),
        .stop_ms = or_default(limits.stop_ms, 5 * 1000),
        .waiting = or_default(limits.waiting, 100),
        .heartbeat_ms = or_default(limits.heartbeat_ms, 15 * 1000),
    };
}

static bool start_daemon(struct http *http, struct error *err)
{
    MHD_set_panic_func(on_panic, NULL);
    /* The door counts connections; the library's own limit only must not be below it. */
    http->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                             MHD_USE_NO_LISTEN_SOCKET,
                         0, NULL, NULL, flights_on_request, http->flights, /* */
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION,
                         MHD_OPTION_CONNECTION_LIMIT, http->limits.connections * 2,
                         MHD_OPTION_CONNECTION_TIMEOUT, http->limits.idle_s,               /* */
                         MHD_OPTION_STRICT_FOR_CLIENT, 1,                                  /* */
                         MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,                 /* */
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,                /* */
                         MHD_OPTION_NOTIFY_COMPLETED, flights_on_completed, http->flights, /* */
                         MHD_OPTION_END);
    return http->daemon || error_system(err, "API", NULL, "cannot start the HTTP library");
}

static bool open_door(struct http *http, const struct http_options *options, struct error *err)
{
    struct door_listener listeners[2];
    struct ways_options ways = {.address = options->address,
                                .socket_path = options->socket_path,
                                .socket_group =
                                    options->has_socket_group ? options->socket_group : (gid_t)-1,
                                .tls = options->tls ? tls_context_ref(options->tls) : NULL,
                                .hosts = options->hosts,
                                .is_insecure = options->is_insecure};
    struct door_options door = {.listeners = listeners,
                                .limits = {.connections = http->limits.connections,
                                           .per_address = http->limits.per_address,
                                           .head_ms = http->limits.head_ms,
                                           .request_ms = http->limits.request_ms,
                                           .answer_ms = http->limits.answer_ms},
                                .pass = pass,
                                .context = http};
    return ways_open(&http->ways, &ways, listeners, &door.listener_count, err) &&
           door_open(&door, &http->flights->door, err) &&
           ways_start(&http->ways, http->flights->door, &door.limits, err);
}

struct http *http_start(const struct http_options *options, struct world *world, struct auth *auth,
                        struct error *err)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        abort();
    http->ways.tls_fd = -1;
    http->limits = with_defaults(options->limits);
    http->events = options->events;
    http->bell = bell_new();
    http->flights = flights_new(&(struct flights_options){
        .world = world,
        .auth = auth,
        .events = options->events,
        .bell = http->bell,
        .heartbeat_ms = http->limits.heartbeat_ms,
        .waiting_max = http->limits.waiting,
    });
    events_watch(http->events, on_news, http->bell);
    /* The library first: the door passes connections as soon as it is open. */
    if (start_daemon(http, err) && open_door(http, options, err))
        return http;
    http_stop(http);
    return NULL;
}

const char *http_address(const struct http *http)
{
    return http->ways.address;
}

void http_set_tls(struct http *http, struct tls_context *tls)
{
    ways_set_tls(&http->ways, http->flights->door, tls);
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    struct door *door = http->flights->door;
    ways_shut(&http->ways);
    if (door)
        door_shut(door);
    events_watch(http->events, NULL, NULL);
    bell_end(http->bell); /* streams end, long polls are answered */
    if (door) {
        flights_wait(http->flights, http->limits.stop_ms);
        (void)door_wait_empty(door, STOP_FLUSH_MS);
    }
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    ways_close(&http->ways, STOP_FLUSH_MS);
    door_free(door);
    bell_free(http->bell);
    flights_leave(http->flights);
    free(http);
}

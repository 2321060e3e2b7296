/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http.h"

#include "api/http_exchange.h"
#include "api/http_listen.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"
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
    HOSTS_MAX = 4,
    STOP_FLUSH_MS = 2000, /* for the last answers to be read */
};

struct http {
    struct world *world;
    struct auth *auth;
    struct http_limits limits;
    struct door *door;
    struct MHD_Daemon *daemon;
    char address[HTTP_LISTEN_TEXT_SIZE];
    char *socket_path;    /* NULL: none, or not made */
    struct arena arena;   /* host names */
    pthread_mutex_t lock; /* what follows, and phases and owners of flights */
    unsigned owners;      /* the starter, and every job under way: its callback may outlive us */
    pthread_cond_t none_pending;
    struct flight *pending; /* suspended, their jobs not done */
};

/* A request between the library and the world. Two owners when its job is under way: the
 * library's connection, and the world's callback; whoever is last frees it. */
struct flight {
    struct exchange exchange;
    struct http *http;
    struct MHD_Connection *connection;
    struct door_connection *door_connection;
    enum flight_phase {
        FLIGHT_READING,
        FLIGHT_PENDING,   /* suspended */
        FLIGHT_ANSWERING, /* the response is made */
    } phase;
    unsigned owners;
    struct flight *next, **link; /* in http->pending */
};

static void flight_free(struct flight *flight)
{
    if (flight->exchange.request.view)
        world_view_unref(flight->exchange.request.view);
    exchange_fini(&flight->exchange);
    free(flight);
}

/* With the lock held; gives it back, and frees what nobody owns any more. */
static void leave(struct http *http, struct flight *flight)
{
    bool is_last = flight && --flight->owners == 0;
    bool is_end = --http->owners == 0;
    pthread_mutex_unlock(&http->lock);
    if (is_last)
        flight_free(flight);
    if (!is_end)
        return;
    pthread_mutex_destroy(&http->lock);
    pthread_cond_destroy(&http->none_pending);
    arena_fini(&http->arena);
    free(http);
}

/* With the lock held. */
static void flight_leave_pending(struct flight *flight)
{
    *flight->link = flight->next;
    if (flight->next)
        flight->next->link = flight->link;
    flight->link = NULL;
    if (!flight->http->pending)
        pthread_cond_broadcast(&flight->http->none_pending);
}

/* -- answers -- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value && *value)
        (void)!MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const struct exchange *exchange,
                        const char *type)
{
    const struct response *made = &exchange->response;
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", made->retry_after_s);
    add_header(response, "Content-Type", type);
    add_header(response, "Cache-Control", "no-store");
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "X-Request-Id", exchange->id);
    add_header(response, "ETag", made->etag);
    add_header(response, "Location", made->location);
    add_header(response, "Link", made->link);
    add_header(response, "Allow", made->allow);
    add_header(response, "Server-Timing", made->timing);
    add_header(response, "Idempotency-Replayed", made->is_replay ? "true" : NULL);
    add_header(response, "Retry-After", made->retry_after_s ? seconds : NULL);
    add_header(response, "WWW-Authenticate",
               made->status == 401 ? "Bearer realm=\"srvplan\"" : NULL);
    add_header(response, "Connection", "close"); /* one request a connection: http_door.h */
}

static enum MHD_Result answer(struct flight *flight)
{
    exchange_audit(&flight->exchange, flight->door_connection, flight->http->world);
    size_t len = 0;
    const char *type = NULL;
    char *body = exchange_body_print(&flight->exchange, &len, &type);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(body);
        return MHD_NO;
    }
    add_headers(response, &flight->exchange, type);
    enum MHD_Result done =
        MHD_queue_response(flight->connection, flight->exchange.response.status, response);
    MHD_destroy_response(response);
    return done;
}

/* -- jobs -- */

/* On the world's thread. */
static void job_done(void *context, struct world_result *result)
{
    struct flight *flight = context;
    struct http *http = flight->http;
    pthread_mutex_lock(&http->lock);
    if (flight->phase == FLIGHT_PENDING) /* else the server stops, and has answered already */
        exchange_finish(&flight->exchange, result, clock_realtime_ms());
    pthread_mutex_unlock(&http->lock);
    /* It goes to the disk, so without the lock; nobody writes to a response that has a status. */
    exchange_keep_answer(&flight->exchange, result, http->world);
    pthread_mutex_lock(&http->lock);
    if (flight->phase == FLIGHT_PENDING) {
        flight->phase = FLIGHT_ANSWERING;
        flight_leave_pending(flight);
        MHD_resume_connection(flight->connection);
    }
    world_result_free(result);
    leave(http, flight);
}

/* The connection is suspended before the job is submitted: its callback may come at once. */
static void submit(struct flight *flight)
{
    struct http *http = flight->http;
    struct error err = {0};
    pthread_mutex_lock(&http->lock);
    flight->phase = FLIGHT_PENDING;
    flight->owners++;
    http->owners++;
    flight->next = http->pending;
    flight->link = &http->pending;
    if (flight->next)
        flight->next->link = &flight->next;
    http->pending = flight;
    MHD_suspend_connection(flight->connection);
    pthread_mutex_unlock(&http->lock);
    if (world_submit(http->world, &flight->exchange.request.job, job_done, flight, &err))
        return;
    pthread_mutex_lock(&http->lock);
    if (flight->phase == FLIGHT_PENDING) {
        response_problem(&flight->exchange.response, problem_of_error(err.kind)->name, "%s",
                         err.message);
        flight->phase = FLIGHT_ANSWERING;
        flight_leave_pending(flight);
        MHD_resume_connection(flight->connection);
    }
    leave(http, flight);
}

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
        *own = info ? door_find(http->door, info->connect_fd) : NULL;
    } else if (*own) {
        door_release(http->door, *own);
        *own = NULL;
    }
}

static struct door_connection *door_connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static struct flight *flight_begin(struct http *http, struct MHD_Connection *connection)
{
    struct flight *flight = calloc(1, sizeof *flight);
    if (!flight)
        abort();
    flight->http = http;
    flight->connection = connection;
    flight->door_connection = door_connection_of(connection);
    flight->owners = 1;
    if (!flight->door_connection) {
        free(flight);
        return NULL;
    }
    const struct world_view *view = world_view_ref(http->world);
    exchange_begin(&flight->exchange, flight->door_connection, http->auth, view);
    world_view_unref(view);
    return flight;
}

static enum flight_phase flight_phase(struct flight *flight)
{
    pthread_mutex_lock(&flight->http->lock);
    enum flight_phase phase = flight->phase;
    pthread_mutex_unlock(&flight->http->lock);
    return phase;
}

/* Called when the head is there, for every piece of the body, when it is whole, and again when a
 * suspended connection was resumed. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **own)
{
    struct http *http = context;
    struct flight *flight = *own;
    (void)url; /* the gate's parse of the head is the one that counts */
    (void)method;
    (void)version;
    if (!flight) {
        *own = flight = flight_begin(http, connection);
        if (!flight)
            return MHD_NO;
        return exchange_answers_early(&flight->exchange) ? answer(flight) : MHD_YES;
    }
    if (*data_len > 0) {
        exchange_take(&flight->exchange, (struct bytes){(const uint8_t *)data, *data_len});
        *data_len = 0;
        return MHD_YES;
    }
    if (flight_phase(flight) == FLIGHT_ANSWERING)
        return answer(flight);
    door_request_is_whole(http->door, flight->door_connection);
    if (exchange_handle(&flight->exchange, world_view_ref(http->world), clock_realtime_ms())) {
        submit(flight);
        return MHD_YES;
    }
    flight->phase = FLIGHT_ANSWERING;
    return answer(flight);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **own,
                         enum MHD_RequestTerminationCode why)
{
    struct http *http = context;
    struct flight *flight = *own;
    (void)connection;
    (void)why;
    if (!flight)
        return;
    *own = NULL;
    pthread_mutex_lock(&http->lock);
    bool is_last = --flight->owners == 0;
    pthread_mutex_unlock(&http->lock);
    if (is_last)
        flight_free(flight);
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
    };
}

static bool start_daemon(struct http *http, struct error *err)
{
    MHD_set_panic_func(on_panic, NULL);
    /* The door counts connections; the library's own limit only must not be below it. */
    http->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                             MHD_USE_NO_LISTEN_SOCKET,
                         0, NULL, NULL, on_request, http, /* */
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION,
                         MHD_OPTION_CONNECTION_LIMIT, http->limits.connections * 2,
                         MHD_OPTION_CONNECTION_TIMEOUT, http->limits.idle_s, /* */
                         MHD_OPTION_STRICT_FOR_CLIENT, 1,                    /* */
                         MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,   /* */
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,  /* */
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,    /* */
                         MHD_OPTION_END);
    return http->daemon || error_system(err, "API", NULL, "cannot start the HTTP library");
}

/* Names that a browser or a person may have typed to get here (DNS rebinding: http_gate.h). */
static struct gate_hosts hosts_of(struct http *http, const struct http_address *address)
{
    struct text *names = arena_array(&http->arena, struct text, HOSTS_MAX);
    size_t count = 0;
    char bound[HTTP_LISTEN_TEXT_SIZE];
    http_address_print((const struct sockaddr *)&address->socket, bound);
    struct text host = {bound, (size_t)(strrchr(bound, ':') - bound)};
    names[count++] = text_from("localhost");
    names[count++] = text_from("127.0.0.1");
    names[count++] = text_from("[::1]");
    names[count++] = arena_text(&http->arena, host);
    return (struct gate_hosts){.names = names,
                               .name_count = count,
                               .port =
                                   http_address_port((const struct sockaddr *)&address->socket)};
}

static bool listen_tcp(struct http *http, const struct http_options *options,
                       struct door_listener *listener, struct error *err)
{
    struct http_address address;
    if (!http_address_parse(options->address, &address, err))
        return false;
    if (!address.is_loopback)
        return error_set(err, ERROR_USAGE,
                         "%s: is not a loopback address, and tokens would travel in the clear; "
                         "give --api a loopback address and put a proxy with TLS in front",
                         options->address);
    listener->fd = http_listen_tcp(&address, err);
    if (listener->fd < 0)
        return false;
    listener->hosts = hosts_of(http, &address);
    http_address_print((const struct sockaddr *)&address.socket, http->address);
    return true;
}

static bool listen_unix(struct http *http, const struct http_options *options,
                        struct door_listener *listener, struct error *err)
{
    listener->fd = http_listen_unix(options->socket_path, err);
    if (listener->fd < 0)
        return false;
    listener->is_unix = true;
    listener->hosts.is_any = true;
    http->socket_path = arena_cstr(&http->arena, text_from(options->socket_path));
    return true;
}

static bool open_door(struct http *http, const struct http_options *options, struct error *err)
{
    struct door_listener listeners[2] = {{.fd = -1}, {.fd = -1}};
    size_t count = 0;
    if (options->address && !listen_tcp(http, options, &listeners[count++], err))
        return false;
    if (options->socket_path && !listen_unix(http, options, &listeners[count++], err)) {
        fd_close(&listeners[0].fd);
        return false;
    }
    struct door_options door = {.listeners = listeners,
                                .listener_count = count,
                                .limits = {.connections = http->limits.connections,
                                           .per_address = http->limits.per_address,
                                           .head_ms = http->limits.head_ms,
                                           .request_ms = http->limits.request_ms,
                                           .answer_ms = http->limits.answer_ms},
                                .pass = pass,
                                .context = http};
    return door_open(&door, &http->door, err);
}

struct http *http_start(const struct http_options *options, struct world *world, struct auth *auth,
                        struct error *err)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        abort();
    http->world = world;
    http->auth = auth;
    http->owners = 1;
    http->limits = with_defaults(options->limits);
    pthread_mutex_init(&http->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&http->none_pending, &monotonic);
    pthread_condattr_destroy(&monotonic);
    /* The library first: the door passes connections as soon as it is open. */
    if (start_daemon(http, err) && open_door(http, options, err))
        return http;
    http_stop(http);
    return NULL;
}

const char *http_address(const struct http *http)
{
    return http->address;
}

static void wait_for_pending(struct http *http)
{
    int64_t until_ms = clock_monotonic_ms() + http->limits.stop_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    int failed = 0;
    pthread_mutex_lock(&http->lock);
    while (http->pending && failed == 0)
        failed = pthread_cond_timedwait(&http->none_pending, &http->lock, &until);
    /* The library must not be stopped with a suspended connection. */
    while (http->pending) {
        struct flight *flight = http->pending;
        response_problem(&flight->exchange.response, "unavailable",
                         "srvpland stops; whether the change was stored is not known here: look "
                         "at its state before you try again");
        flight->phase = FLIGHT_ANSWERING;
        flight_leave_pending(flight);
        MHD_resume_connection(flight->connection);
    }
    pthread_mutex_unlock(&http->lock);
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    if (http->door) {
        door_shut(http->door);
        wait_for_pending(http);
        (void)door_wait_empty(http->door, STOP_FLUSH_MS);
    }
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    door_free(http->door);
    if (http->socket_path)
        unlink(http->socket_path);
    pthread_mutex_lock(&http->lock);
    leave(http, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/flight.h"

#include "api/http/body.h"
#include "api/http/answer.h"
#include "api/http/identity.h"
#include "zones/base/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WORKSHOP_ROOM = 64, /* heavy requests that wait */
    /* Bodies of more than BODY_MAX_BYTES that come in at the same time: two of the longest. */
    LARGE_BODIES_MAX_BYTES = 64 * 1024 * 1024,
};

/* A request between the library and the world. Two owners when its job is under way: the
 * library's connection, and the world's callback; whoever is last frees it. */
struct flight {
    struct exchange exchange;
    struct flights *flights;
    struct MHD_Connection *connection;
    struct door_connection *door_connection;
    enum flight_phase {
        FLIGHT_READING,
        FLIGHT_PENDING,   /* suspended, its job under way */
        FLIGHT_ANSWERING, /* the response is made */
    } phase;
    unsigned owners;
    uint64_t large_bytes;        /* of flights->large_bytes */
    struct flight *next, **link; /* in flights->pending */
    struct cached_body *cached;  /* the body of the response; NULL: to be printed */
    bool is_waiting;             /* counted in flights->waiting */
    int64_t wait_until_ms;       /* of a long poll, on the monotonic clock; 0: not begun */
    struct bell_sleeper sleeper;
};

static void flight_free(struct flight *flight)
{
    if (flight->exchange.request.view)
        world_view_unref(flight->exchange.request.view);
    exchange_fini(&flight->exchange);
    cached_body_unref(flight->cached);
    __atomic_sub_fetch(&flight->flights->large_bytes, flight->large_bytes, __ATOMIC_RELAXED);
    free(flight);
}

/* With the lock held; gives it back, and frees what nobody owns any more. */
static void leave(struct flights *flights, struct flight *flight)
{
    bool is_last = flight && --flight->owners == 0;
    bool is_end = --flights->owners == 0;
    pthread_mutex_unlock(&flights->lock);
    if (is_last)
        flight_free(flight);
    if (!is_end)
        return;
    pthread_mutex_destroy(&flights->lock);
    pthread_cond_destroy(&flights->none_pending);
    free(flights);
}

/* With the lock held. */
static void flight_leave_pending(struct flight *flight)
{
    *flight->link = flight->next;
    if (flight->next)
        flight->next->link = flight->link;
    flight->link = NULL;
    if (!flight->flights->pending)
        pthread_cond_broadcast(&flight->flights->none_pending);
}

/* -- answers -- */

static bool may_go_on(void *context)
{
    struct flight *flight = context;
    const struct world_view *view = world_view_ref(flight->flights->options.world);
    bool may = identity_still_holds(&flight->exchange.request, view);
    world_view_unref(view);
    return may;
}

static enum MHD_Result answer(struct flight *flight)
{
    struct exchange *exchange = &flight->exchange;
    const struct flights_options *options = &flight->flights->options;
    struct stream_options stream = {.events = options->events,
                                    .bell = options->bell,
                                    .heartbeat_ms = options->heartbeat_ms,
                                    .may_go_on = may_go_on,
                                    .context = flight};
    struct cached_body *kept = flight->cached;
    flight->cached = NULL;
    struct MHD_Response *response = answer_make(exchange, kept, &stream, flight->connection);
    if (!response)
        return MHD_NO;
    if (exchange->response.is_stream)
        door_stays(flight->flights->door, flight->door_connection);
    http_counts_add(&flight->flights->counts, exchange, clock_monotonic_us() - exchange->begun_us);
    exchange_log(exchange);
    exchange_audit(exchange, flight->door_connection, flight->flights->options.world);
    enum MHD_Result done =
        MHD_queue_response(flight->connection, exchange->response.status, response);
    MHD_destroy_response(response);
    if (exchange->response.is_stream && exchange->request.view) {
        /* It may last for days, and must not hold on to a plan. */
        world_view_unref(exchange->request.view);
        exchange->request.view = NULL;
    }
    return done;
}

/* -- jobs -- */

/* On the world's thread. */
static void job_done(void *context, struct world_result *result)
{
    struct flight *flight = context;
    struct flights *flights = flight->flights;
    pthread_mutex_lock(&flights->lock);
    if (flight->phase == FLIGHT_PENDING) /* else the server stops, and has answered already */
        exchange_finish(&flight->exchange, result, clock_realtime_ms());
    pthread_mutex_unlock(&flights->lock);
    /* It goes to the disk, so without the lock; nobody writes to a response that has a status. */
    exchange_keep_answer(&flight->exchange, result, flights->options.world);
    pthread_mutex_lock(&flights->lock);
    if (flight->phase == FLIGHT_PENDING) {
        flight->phase = FLIGHT_ANSWERING;
        flight_leave_pending(flight);
        MHD_resume_connection(flight->connection);
    }
    world_result_free(result);
    leave(flights, flight);
}

/* The connection is suspended before anybody has the work: it may be done at once. */
static void pend(struct flight *flight)
{
    struct flights *flights = flight->flights;
    pthread_mutex_lock(&flights->lock);
    flight->phase = FLIGHT_PENDING;
    flight->owners++;
    flights->owners++;
    flight->next = flights->pending;
    flight->link = &flights->pending;
    if (flight->next)
        flight->next->link = &flight->next;
    flights->pending = flight;
    MHD_suspend_connection(flight->connection);
    pthread_mutex_unlock(&flights->lock);
}

/* Nobody takes the work. */
static void turn_away(struct flight *flight, const struct error *err)
{
    struct flights *flights = flight->flights;
    pthread_mutex_lock(&flights->lock);
    if (flight->phase == FLIGHT_PENDING) {
        response_problem(&flight->exchange.response, problem_of_error(err->kind)->name, "%s",
                         err->message);
        flight->phase = FLIGHT_ANSWERING;
        flight_leave_pending(flight);
        MHD_resume_connection(flight->connection);
    }
    leave(flights, flight);
}

static void submit(struct flight *flight)
{
    struct error err = {0};
    struct world *world = flight->flights->options.world;
    pend(flight);
    if (!world_submit(world, &flight->exchange.request.job, job_done, flight, &err))
        turn_away(flight, &err);
}

/* -- workshops -- */

static enum flight_phase flight_phase(struct flight *flight)
{
    pthread_mutex_lock(&flight->flights->lock);
    enum flight_phase phase = flight->phase;
    pthread_mutex_unlock(&flight->flights->lock);
    return phase;
}

/* On the workshop's thread. What the request is answered is put in its place under the lock: the
 * server may stop meanwhile, and answer for us. */
static void work(void *context)
{
    struct flight *flight = context;
    struct flights *flights = flight->flights;
    struct exchange *exchange = &flight->exchange;
    struct response made = {0};
    if (flight_phase(flight) == FLIGHT_PENDING) { /* else the server stops: it is not begun */
        exchange->request.world = flights->options.world;
        exchange->request.shelf = flights->shelf;
        exchange_work(exchange, world_view_ref(flights->options.world), clock_realtime_ms(), &made);
    }
    pthread_mutex_lock(&flights->lock);
    if (flight->phase == FLIGHT_PENDING) {
        exchange->response = made;
        made = (struct response){0};
        flight->phase = FLIGHT_ANSWERING;
        flight_leave_pending(flight);
        MHD_resume_connection(flight->connection);
    }
    leave(flights, flight);
    response_fini(&made);
}

static void send_to_workshop(struct flight *flight)
{
    struct flights *flights = flight->flights;
    struct error err = {0};
    /* Who only asks, however much, must not hold up who changes something. */
    bool is_change = flight->exchange.request.route->is_change;
    pend(flight);
    if (workshop_add(is_change ? flights->changes : flights->reads, work, flight))
        return;
    error_set(&err, ERROR_UNAVAILABLE, "too many long requests wait; try again in a while");
    turn_away(flight, &err);
}

/* -- waiting -- */

/* Takes one of the places for those who wait; they must not use up all connections. */
static bool take_place(struct flight *flight)
{
    struct flights *flights = flight->flights;
    if (flight->is_waiting)
        return true;
    if (flights->waiting >= flights->options.waiting_max) {
        response_problem(
            &flight->exchange.response, "unavailable",
            "%u event streams and long polls are open, which is the most (max-waiting in "
            "the configuration); ask without wait, or try again",
            flights->waiting);
        return false;
    }
    flights->waiting++;
    flight->is_waiting = true;
    return true;
}

/* True when a long poll has to go on waiting. */
static bool must_wait(struct flight *flight, const struct world_view *view)
{
    const struct request_wait *wait = &flight->exchange.request.wait;
    int64_t now_ms = clock_monotonic_ms();
    if (flight->exchange.response.status || !wait->is_given || !view->plan ||
        view->index != wait->index || bell_has_ended(flight->flights->options.bell))
        return false;
    if (!flight->wait_until_ms)
        flight->wait_until_ms = now_ms + wait->wait_ms;
    return now_ms < flight->wait_until_ms && take_place(flight);
}

static void wake(void *context)
{
    MHD_resume_connection(context);
}

/* `count`: of the bell, from before the view was looked at. */
static void doze(struct flight *flight, uint64_t count)
{
    struct flights *flights = flight->flights;
    flight->sleeper = (struct bell_sleeper){
        .wake = wake, .context = flight->connection, .until_ms = flight->wait_until_ms};
    door_may_take(flights->door, flight->door_connection,
                  flight->wait_until_ms - clock_monotonic_ms());
    MHD_suspend_connection(flight->connection);
    if (!bell_sleep(flights->options.bell, &flight->sleeper, count))
        MHD_resume_connection(flight->connection);
}

/* -- what the library calls -- */

static struct door_connection *door_connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* Large bodies share a bound, however many connections there are, and get the time they need. */
static void admit_large_body(struct flight *flight)
{
    struct flights *flights = flight->flights;
    uint64_t bytes = flight->exchange.head->content_length;
    if (bytes <= BODY_MAX_BYTES || flight->exchange.response.status)
        return;
    flight->large_bytes = bytes;
    if (__atomic_add_fetch(&flights->large_bytes, bytes, __ATOMIC_RELAXED) > LARGE_BODIES_MAX_BYTES)
        response_problem(&flight->exchange.response, "unavailable",
                         "other large bodies are coming in; try again in a while");
    else
        door_expect_body(flights->door, flight->door_connection, bytes);
}

static struct flight *flight_begin(struct flights *flights, struct MHD_Connection *connection)
{
    struct flight *flight = calloc(1, sizeof *flight);
    if (!flight)
        abort();
    flight->flights = flights;
    flight->connection = connection;
    flight->door_connection = door_connection_of(connection);
    flight->owners = 1;
    flight->exchange.request.counts = &flights->counts;
    if (!flight->door_connection) {
        free(flight);
        return NULL;
    }
    const struct world_view *view = world_view_ref(flights->options.world);
    exchange_begin(&flight->exchange, flight->door_connection, flights->options.auth, view);
    world_view_unref(view);
    admit_large_body(flight);
    return flight;
}

/* The answer may be there from somebody who asked before; else it is kept for the next one. */
static bool handle(struct flight *flight, const struct world_view *view)
{
    struct flights *flights = flight->flights;
    struct exchange *exchange = &flight->exchange;
    struct text path = exchange->head->path, query = exchange->head->query;
    bool is_kept = exchange_is_of_view(exchange, view);
    if (is_kept)
        flight->cached = body_cache_find(&flights->cache, view->index, path, query);
    if (flight->cached) {
        exchange_take_cached(exchange, view, flight->cached);
    } else {
        if (exchange_handle(exchange, view, clock_realtime_ms()))
            return true;
        if (is_kept && exchange->response.status == 200) {
            size_t len = 0;
            const char *type = NULL;
            char *body = exchange_body_print(exchange, &len, &type);
            body_cache_put(&flights->cache, view->index, path, query, &exchange->response,
                           (struct text){body, len});
            free(body);
        }
    }
    if (exchange->response.status == 304) {
        cached_body_unref(flight->cached);
        flight->cached = NULL;
    }
    if (exchange->response.is_stream) {
        exchange->response.status = 0; /* take_place may refuse */
        exchange->response.is_stream = take_place(flight);
        if (exchange->response.is_stream)
            exchange->response.status = 200;
    }
    return false;
}

/* Called when the head is there, for every piece of the body, when it is whole, and again when a
 * suspended connection was resumed. */
enum MHD_Result flights_on_request(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *data, size_t *data_len, void **own)
{
    struct flights *flights = context;
    struct flight *flight = *own;
    (void)url; /* the gate's parse of the head is the one that counts */
    (void)method;
    (void)version;
    if (!flight) {
        *own = flight = flight_begin(flights, connection);
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
    uint64_t count = bell_count(flights->options.bell);
    const struct world_view *view = world_view_ref(flights->options.world);
    if (must_wait(flight, view)) {
        world_view_unref(view);
        doze(flight, count);
        return MHD_YES;
    }
    door_request_is_whole(flights->door, flight->door_connection);
    if (exchange_is_heavy(&flight->exchange)) {
        world_view_unref(view);
        send_to_workshop(flight);
        return MHD_YES;
    }
    if (handle(flight, view)) {
        submit(flight);
        return MHD_YES;
    }
    flight->phase = FLIGHT_ANSWERING;
    return answer(flight);
}

void flights_on_completed(void *context, struct MHD_Connection *connection, void **own,
                          enum MHD_RequestTerminationCode why)
{
    struct flights *flights = context;
    struct flight *flight = *own;
    (void)connection;
    (void)why;
    if (!flight)
        return;
    *own = NULL;
    flights->waiting -= flight->is_waiting;
    pthread_mutex_lock(&flights->lock);
    bool is_last = --flight->owners == 0;
    pthread_mutex_unlock(&flights->lock);
    if (is_last)
        flight_free(flight);
}

/* -- life -- */

struct flights *flights_new(const struct flights_options *options)
{
    struct flights *flights = calloc(1, sizeof *flights);
    if (!flights)
        abort();
    flights->options = *options;
    flights->owners = 1;
    flights->reads = workshop_start(WORKSHOP_ROOM);
    flights->changes = workshop_start(WORKSHOP_ROOM);
    flights->shelf = plan_shelf_new();
    pthread_mutex_init(&flights->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&flights->none_pending, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return flights;
}

void flights_wait(struct flights *flights, unsigned wait_ms)
{
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    int failed = 0;
    pthread_mutex_lock(&flights->lock);
    while (flights->pending && failed == 0)
        failed = pthread_cond_timedwait(&flights->none_pending, &flights->lock, &until);
    while (flights->pending) {
        struct flight *flight = flights->pending;
        response_problem(&flight->exchange.response, "unavailable",
                         "srvpland stops; whether the change was stored is not known here: look "
                         "at its state before you try again");
        flight->phase = FLIGHT_ANSWERING;
        flight_leave_pending(flight);
        MHD_resume_connection(flight->connection);
    }
    pthread_mutex_unlock(&flights->lock);
}

void flights_leave(struct flights *flights)
{
    if (!flights)
        return;
    workshop_stop(flights->reads); /* what is under way there ends first */
    workshop_stop(flights->changes);
    plan_shelf_free(flights->shelf);
    body_cache_fini(&flights->cache);
    http_counts_fini(&flights->counts);
    pthread_mutex_lock(&flights->lock);
    leave(flights, NULL);
}

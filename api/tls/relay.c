/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/tls/relay.h"

#include "api/tls/stream.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    ACCEPT_PAUSE_MS = 100, /* when descriptors run out */
    EVENTS_PER_WAIT = 64,
    PEER_SILENCE_MS = 60 * 1000, /* what was sent and is not acknowledged ends a connection */
};

struct tls_relay {
    struct tls_relay_options options;
    pthread_mutex_t lock; /* of options.context, is_shut and stop_at_ms */
    bool is_shut;
    int64_t stop_at_ms;         /* 0: go on */
    bool is_accepting;          /* this and what follows: of the thread */
    int64_t paused_until_ms;    /* 0: not paused */
    struct tls_stream *streams; /* all of them, the newest first */
    size_t stream_count;
    int epoll, wake;
    pthread_t thread;
    bool has_thread;
};

/* ---- streams ---- */

static void add_stream(struct tls_relay *relay, struct tls_stream *stream)
{
    stream->next = relay->streams;
    if (stream->next)
        stream->next->previous = stream;
    relay->streams = stream;
    relay->stream_count++;
}

static void remove_stream(struct tls_relay *relay, struct tls_stream *stream)
{
    if (stream->next)
        stream->next->previous = stream->previous;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        relay->streams = stream->next;
    relay->stream_count--;
    tls_stream_free(stream);
}

/* True when there is room for one more; one that only says good-bye makes way. */
static bool make_room(struct tls_relay *relay)
{
    if (relay->stream_count < relay->options.connections)
        return true;
    for (struct tls_stream *stream = relay->streams; stream; stream = stream->next) {
        if (stream->phase != TLS_STREAM_LINGER)
            continue;
        stream->phase = TLS_STREAM_DEAD; /* it goes at the end of the batch */
        return true;
    }
    return false;
}

static struct tls_context *context_now(struct tls_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    struct tls_context *context = tls_context_ref(relay->options.context);
    pthread_mutex_unlock(&relay->lock);
    return context;
}

static bool watch(struct tls_relay *relay, int fd, uint32_t events, void *pointer)
{
    struct epoll_event event = {.events = events, .data.ptr = pointer};
    return epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* With edges: every change is an event, and the stream is pumped until nothing moves. */
static const uint32_t stream_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

static void admit(struct tls_relay *relay, int fd, const struct sockaddr_storage *peer,
                  socklen_t peer_len)
{
    int on = 1, silence_ms = PEER_SILENCE_MS, door_fd = -1;
    struct tls_context *context = context_now(relay);
    struct tls_stream *stream = NULL;
    if (make_room(relay))
        stream = tls_stream_new(context, fd, &door_fd);
    tls_context_unref(context);
    if (!stream) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
    stream->deadline_ms = clock_monotonic_ms() + relay->options.handshake_ms;
    add_stream(relay, stream);
    struct door_offer offer = {.fd = door_fd,
                               .listener = relay->options.door_listener,
                               .peer = *peer,
                               .peer_len = peer_len,
                               .tls = tls_peer_ref(stream->peer)};
    if (!watch(relay, stream->net, stream_events, stream) ||
        !watch(relay, stream->inner, stream_events, stream)) {
        close(door_fd);
        tls_peer_unref(offer.tls);
        remove_stream(relay, stream);
    } else if (!door_take(relay->options.door, &offer)) {
        remove_stream(relay, stream);
    }
}

/* ---- accepting ---- */

static void set_accepting(struct tls_relay *relay, bool is_accepting)
{
    if (relay->is_accepting == is_accepting)
        return;
    struct epoll_event event = {.events = is_accepting ? EPOLLIN : 0,
                                .data.ptr = &relay->options.listener_fd};
    epoll_ctl(relay->epoll, EPOLL_CTL_MOD, relay->options.listener_fd, &event);
    relay->is_accepting = is_accepting;
}

static void accept_all(struct tls_relay *relay)
{
    for (int i = 0; i < EVENTS_PER_WAIT; i++) { /* those who are here get their turn, too */
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof peer;
        int fd = accept4(relay->options.listener_fd, (struct sockaddr *)&peer, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(relay, fd, &peer, len);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            relay->paused_until_ms = clock_monotonic_ms() + ACCEPT_PAUSE_MS;
            set_accepting(relay, false);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

/* ---- the thread ---- */

/* Ends what is over its time, and says how long to wait for what is next (-1: for ever). */
static int wait_ms(struct tls_relay *relay)
{
    int64_t now_ms = clock_monotonic_ms(), next_ms = INT64_MAX;
    if (relay->paused_until_ms && now_ms >= relay->paused_until_ms) {
        relay->paused_until_ms = 0;
        set_accepting(relay, true);
    }
    if (relay->paused_until_ms)
        next_ms = relay->paused_until_ms;
    for (struct tls_stream *stream = relay->streams, *next; stream; stream = next) {
        next = stream->next;
        if (stream->phase == TLS_STREAM_DEAD || now_ms >= stream->deadline_ms)
            remove_stream(relay, stream);
        else if (stream->deadline_ms < next_ms)
            next_ms = stream->deadline_ms;
    }
    return next_ms == INT64_MAX ? -1 : (int)(next_ms - now_ms > 60000 ? 60000 : next_ms - now_ms);
}

static int64_t stop_at_ms(struct tls_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    int64_t at_ms = relay->stop_at_ms;
    pthread_mutex_unlock(&relay->lock);
    return at_ms;
}

/* What others want of the thread. */
static void obey(struct tls_relay *relay)
{
    uint64_t count;
    (void)!read(relay->wake, &count, sizeof count);
    pthread_mutex_lock(&relay->lock);
    bool is_shut = relay->is_shut;
    pthread_mutex_unlock(&relay->lock);
    int64_t stop_ms = stop_at_ms(relay);
    if (is_shut) {
        relay->paused_until_ms = 0;
        fd_close(&relay->options.listener_fd);
    }
    for (struct tls_stream *stream = relay->streams; stream && stop_ms; stream = stream->next)
        if (stream->deadline_ms > stop_ms)
            stream->deadline_ms = stop_ms;
}

/* Nothing lives longer than the relay. */
static void pump(struct tls_relay *relay, struct tls_stream *stream)
{
    bool has_more = tls_stream_pump(stream, clock_monotonic_ms());
    int64_t stop_ms = stop_at_ms(relay);
    if (stop_ms && stream->deadline_ms > stop_ms)
        stream->deadline_ms = stop_ms;
    if (!has_more)
        return;
    struct epoll_event event = {.events = stream_events, .data.ptr = stream};
    epoll_ctl(relay->epoll, EPOLL_CTL_MOD, stream->net, &event); /* which looks again */
    epoll_ctl(relay->epoll, EPOLL_CTL_MOD, stream->inner, &event);
}

static void *run(void *context)
{
    struct tls_relay *relay = context;
    struct epoll_event events[EVENTS_PER_WAIT];
    for (;;) {
        int timeout_ms = wait_ms(relay); /* also frees what died in the batch before */
        if (relay->stream_count == 0 && stop_at_ms(relay))
            return NULL;
        int got = epoll_wait(relay->epoll, events, EVENTS_PER_WAIT, timeout_ms);
        bool may_accept = false;
        for (int i = 0; i < got; i++) {
            void *pointer = events[i].data.ptr;
            if (pointer == &relay->wake)
                obey(relay);
            else if (pointer == &relay->options.listener_fd)
                may_accept = true;
            else
                pump(relay, pointer);
        }
        if (may_accept && relay->options.listener_fd >= 0)
            accept_all(relay);
    }
}

static bool start(struct tls_relay *relay)
{
    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    relay->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (relay->epoll < 0 || relay->wake < 0 || !watch(relay, relay->wake, EPOLLIN, &relay->wake) ||
        !watch(relay, relay->options.listener_fd, EPOLLIN, &relay->options.listener_fd))
        return false;
    relay->is_accepting = true;
    int failed = pthread_create(&relay->thread, NULL, run, relay);
    relay->has_thread = failed == 0;
    errno = failed;
    return relay->has_thread;
}

struct tls_relay *tls_relay_start(const struct tls_relay_options *options, struct error *err)
{
    struct tls_relay *relay = calloc(1, sizeof *relay);
    if (!relay)
        abort();
    relay->options = *options;
    relay->epoll = relay->wake = -1;
    pthread_mutex_init(&relay->lock, NULL);
    if (start(relay))
        return relay;
    error_system(err, "API", NULL, "cannot start to take TLS off connections");
    tls_relay_stop(relay, 0);
    return NULL;
}

void tls_relay_set_context(struct tls_relay *relay, struct tls_context *context)
{
    pthread_mutex_lock(&relay->lock);
    struct tls_context *old = relay->options.context;
    relay->options.context = context;
    pthread_mutex_unlock(&relay->lock);
    tls_context_unref(old);
}

static void wake(struct tls_relay *relay)
{
    (void)!write(relay->wake, &(uint64_t){1}, sizeof(uint64_t));
}

void tls_relay_shut(struct tls_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->is_shut = true;
    pthread_mutex_unlock(&relay->lock);
    wake(relay);
}

void tls_relay_stop(struct tls_relay *relay, unsigned wait_ms_max)
{
    if (!relay)
        return;
    if (relay->has_thread) {
        pthread_mutex_lock(&relay->lock);
        relay->is_shut = true;
        relay->stop_at_ms = clock_monotonic_ms() + wait_ms_max;
        pthread_mutex_unlock(&relay->lock);
        wake(relay);
        pthread_join(relay->thread, NULL);
    }
    while (relay->streams)
        remove_stream(relay, relay->streams);
    fd_close(&relay->options.listener_fd);
    fd_close(&relay->epoll);
    fd_close(&relay->wake);
    tls_context_unref(relay->options.context);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}

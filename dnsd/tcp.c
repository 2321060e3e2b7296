/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "zones/base/clock.h"

enum {
    EVENTS = 64,
    ACCEPTS = 16, /* a turn, so that accepting does not starve those who are in */
    ACCEPT_PAUSE_MS = 100,
    SETTLE_MS = 100, /* how often to look whether answers have left */
    TIMER_MS = 1000,
    STOP_MS = 2000,
    QUIET_MS = 300, /* at the end: who has not asked for so long is told to connect anew */
    NICE = 5, /* a weight of 335 against 1024: sched(7); more would starve TCP on a busy machine */
    QUERY_MS = 5000,
    ANSWER_MS = 10000,
    SETTLE_STREAMS = 1024, /* looked at in one turn; who does not read may wait */
    /* What the kernel keeps for one connection (it doubles both): the longest answer, some queries.
     * Without them it may be megabytes for a client that does not read. */
    SEND_BUFFER_BYTES = 64 << 10,
    RECEIVE_BUFFER_BYTES = 16 << 10,
    /* epoll data: listener index, this, or place + FIRST_STREAM with the serial above it. */
    WAKE = 1000,
    FIRST_STREAM = 1024,
};

static int64_t limit_ms(const struct tcp *tcp, enum stream_wait wait)
{
    switch (wait) {
    case STREAM_WAITS_FOR_QUERY:
        return stream_idle_ms(&tcp->pool);
    case STREAM_WAITS_FOR_REST:
        return QUERY_MS;
    case STREAM_WAITS_FOR_SPACE:
    case STREAM_WAIT_KINDS:
        break;
    }
    return ANSWER_MS;
}

static bool watch(const struct tcp *tcp, int fd, uint64_t key)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = key};
    return epoll_ctl(tcp->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static uint64_t stream_key(const struct tcp *tcp, const struct stream *stream)
{
    uint64_t place = (uint64_t)(stream - tcp->pool.streams);
    return (uint64_t)stream->serial << 32 | (place + FIRST_STREAM);
}

static void watch_stream(const struct tcp *tcp, struct stream *stream)
{
    uint32_t events = stream_events(&tcp->pool, stream);
    if (events == stream->events)
        return;
    struct epoll_event event = {.events = events, .data.u64 = stream_key(tcp, stream)};
    if (epoll_ctl(tcp->epoll, EPOLL_CTL_MOD, stream->fd, &event) == 0)
        stream->events = events;
}

/* -- accepting ----------------------------------------------------------------------------------
 */

static void pause_accepting(struct tcp *tcp, int64_t now_ms)
{
    for (uint32_t i = 0; i < tcp->listener_count; i++)
        (void)!epoll_ctl(tcp->epoll, EPOLL_CTL_DEL, tcp->listeners[i], NULL);
    tcp->accept_again_ms = now_ms + ACCEPT_PAUSE_MS;
}

static void resume_accepting(struct tcp *tcp)
{
    for (uint32_t i = 0; i < tcp->listener_count; i++)
        (void)!watch(tcp, tcp->listeners[i], i);
    tcp->accept_again_ms = 0;
}

static void accept_stream(struct tcp *tcp, int fd, const struct sockaddr_storage *peer,
                          int64_t now_ms)
{
    struct stream *stream = stream_add(&tcp->pool, fd, peer, now_ms);
    if (!stream)
        close(fd);
    else if (!watch(tcp, fd, stream_key(tcp, stream)))
        stream_close(&tcp->pool, stream);
    else
        stream->events = EPOLLIN;
}

static void accept_some(struct tcp *tcp, int listener, int64_t now_ms)
{
    for (int i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof peer;
        int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_stream(tcp, fd, &peer, now_ms);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(tcp, now_ms);
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* -- the loop -----------------------------------------------------------------------------------
 */

static void serve_stream(struct tcp *tcp, const struct epoll_event *event, int64_t now_ms)
{
    uint32_t place = (uint32_t)event->data.u64 - FIRST_STREAM;
    if (place >= tcp->pool.used)
        return;
    struct stream *stream = &tcp->pool.streams[place];
    /* An event of the same batch may have closed it and given the place away. */
    if (stream->fd < 0 || stream->serial != (uint32_t)(event->data.u64 >> 32))
        return;
    bool is_open = true;
    if (event->events & (EPOLLERR | EPOLLHUP)) {
        stream_close(&tcp->pool, stream);
        return;
    }
    if (event->events & EPOLLOUT)
        is_open = stream_write(&tcp->pool, stream, now_ms);
    else if (event->events & EPOLLIN)
        is_open = stream_read(&tcp->pool, stream, now_ms);
    if (is_open)
        watch_stream(tcp, stream);
}

static void close_late(struct tcp *tcp, int64_t now_ms)
{
    for (int i = 0; i < STREAM_WAIT_KINDS; i++) {
        struct stream *first;
        while ((first = TAILQ_FIRST(&tcp->pool.waiting[i])) &&
               now_ms - first->since_ms >= limit_ms(tcp, (enum stream_wait)i))
            stream_close(&tcp->pool, first);
    }
}

/* A look at every stream with answers under way. Looking may close it, or another one for want of
 * buffers, so the list is turned round instead of walked. */
static void settle_flying(struct tcp *tcp, int64_t now_ms, uint32_t most)
{
    uint64_t close_before = atomic_load(&tcp->close_before);
    struct stream_list *flying = &tcp->pool.flying;
    uint32_t left = tcp->pool.flying_count < most ? tcp->pool.flying_count : most;
    for (; left && !TAILQ_EMPTY(flying); left--) {
        struct stream *stream = TAILQ_FIRST(flying);
        TAILQ_REMOVE(flying, stream, in_flight);
        TAILQ_INSERT_TAIL(flying, stream, in_flight);
        if (!stream_settle(&tcp->pool, stream, now_ms))
            continue;
        if (stream_holds_older(stream, close_before))
            stream_close(&tcp->pool, stream);
        else
            watch_stream(tcp, stream);
    }
}

static int timeout_ms(const struct tcp *tcp)
{
    if (tcp->accept_again_ms || !TAILQ_EMPTY(&tcp->pool.flying))
        return SETTLE_MS;
    for (int i = 0; i < STREAM_WAIT_KINDS; i++)
        if (!TAILQ_EMPTY(&tcp->pool.waiting[i]))
            return TIMER_MS;
    return -1;
}

/* Nobody waits for an answer, or has just connected and is about to ask. */
static bool is_quiet(const struct tcp *tcp, int64_t now_ms)
{
    const struct stream_pool *pool = &tcp->pool;
    const struct stream *latest = TAILQ_LAST(&pool->waiting[STREAM_WAITS_FOR_QUERY], stream_list);
    return TAILQ_EMPTY(&pool->flying) && TAILQ_EMPTY(&pool->waiting[STREAM_WAITS_FOR_SPACE]) &&
           TAILQ_EMPTY(&pool->waiting[STREAM_WAITS_FOR_REST]) &&
           (!latest || now_ms - latest->since_ms >= QUIET_MS);
}

static void serve_event(struct tcp *tcp, const struct epoll_event *event, int64_t now_ms)
{
    uint64_t wakes;
    if (event->data.u64 == WAKE)
        (void)!read(tcp->wake, &wakes, sizeof wakes);
    else if (event->data.u64 < tcp->listener_count)
        accept_some(tcp, tcp->listeners[event->data.u64], now_ms);
    else
        serve_stream(tcp, event, now_ms);
}

static void *tcp_run(void *argument)
{
    struct tcp *tcp = argument;
    /* Of this thread alone (setpriority(2), "C library/kernel differences"): where both want one
     * processor, UDP gets three quarters of it, whatever comes over TCP. */
    (void)!setpriority(PRIO_PROCESS, 0, NICE);
    sem_post(&tcp->started);
    struct epoll_event events[EVENTS];
    int64_t settled_ms = 0, stopped_ms = 0;
    for (;;) {
        int count = epoll_wait(tcp->epoll, events, EVENTS, timeout_ms(tcp));
        int64_t now_ms = clock_monotonic_ms();
        bool is_woken = false;
        for (int i = 0; i < count; i++) {
            is_woken = is_woken || events[i].data.u64 == WAKE;
            serve_event(tcp, &events[i], now_ms);
        }
        if (tcp->accept_again_ms && now_ms >= tcp->accept_again_ms && !stopped_ms)
            resume_accepting(tcp);
        if (is_woken || now_ms - settled_ms >= SETTLE_MS) {
            settle_flying(tcp, now_ms, is_woken ? UINT32_MAX : SETTLE_STREAMS);
            close_late(tcp, now_ms);
            settled_ms = now_ms;
        }
        if (atomic_load(&tcp->stop) && !stopped_ms) {
            pause_accepting(tcp, now_ms);
            stopped_ms = now_ms;
        }
        if (stopped_ms && (is_quiet(tcp, now_ms) || now_ms - stopped_ms >= STOP_MS))
            return NULL;
    }
}

/* -- start and stop -----------------------------------------------------------------------------
 */

static void tcp_close(struct tcp *tcp)
{
    stream_pool_fini(&tcp->pool);
    for (uint32_t i = 0; i < tcp->listener_count; i++)
        fd_close(&tcp->listeners[i]);
    tcp->listener_count = 0;
    fd_close(&tcp->epoll);
    fd_close(&tcp->wake);
}

/* For the connections that it accepts: they inherit these (tcp(7)). More or less of them is no
 * reason not to serve. */
static void set_up_listener(int fd)
{
    const int on = 1, send = SEND_BUFFER_BYTES, receive = RECEIVE_BUFFER_BYTES;
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof send);
    (void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
}

bool tcp_start(struct tcp *tcp, struct generations *generations, const struct stream_limits *limits,
               struct error *err)
{
    tcp->epoll = epoll_create1(EPOLL_CLOEXEC);
    tcp->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool done = stream_pool_init(&tcp->pool, generations, limits, err);
    tcp->pool.state.decide.settings = tcp->settings;
    tcp->pool.state.statistics = tcp->statistics ? tcp->statistics : &tcp->pool.state.unread;
    if (done && (tcp->epoll < 0 || tcp->wake < 0 || !watch(tcp, tcp->wake, WAKE)))
        done = error_system(err, "TCP", NULL, "cannot watch sockets");
    for (uint32_t i = 0; i < tcp->listener_count; i++)
        set_up_listener(tcp->listeners[i]);
    for (uint32_t i = 0; done && i < tcp->listener_count; i++)
        if (!watch(tcp, tcp->listeners[i], i))
            done = error_system(err, "TCP", NULL, "cannot watch a listener");
    if (done) {
        sem_init(&tcp->started, 0, 0);
        errno = pthread_create(&tcp->thread, NULL, tcp_run, tcp);
        if (errno != 0)
            done = error_system(err, "TCP", NULL, "cannot start a thread");
        else
            while (sem_wait(&tcp->started) != 0) /* a sandbox may follow */
                ;
    }
    tcp->is_started = done;
    if (!done)
        tcp_close(tcp);
    return done;
}

static void wake_up(const struct tcp *tcp)
{
    const uint64_t one = 1;
    (void)!write(tcp->wake, &one, sizeof one); /* full means that it is awake */
}

void tcp_settle(struct tcp *tcp)
{
    wake_up(tcp);
}

void tcp_close_before(struct tcp *tcp, uint64_t sequence)
{
    atomic_store(&tcp->close_before, sequence);
    wake_up(tcp);
}

void tcp_stop(struct tcp *tcp)
{
    if (!tcp->is_started)
        return;
    atomic_store(&tcp->stop, true);
    wake_up(tcp);
    pthread_join(tcp->thread, NULL);
    tcp->is_started = false;
    tcp_close(tcp);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/door.h"

#include "api/http/reaper.h"
#include "api/http/problem.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    LISTENERS_MAX = 2,
    ACCEPT_PAUSE_MS = 100, /* when descriptors run out */
    LINGER_MS = 1000,      /* for a refused client to read why before the socket is closed */
    LINGER_MAX_BYTES = 256 * 1024,
    BODY_SLOWEST_BYTES_S = 256 * 1024,
    EVENTS_PER_WAIT = 64,
};

struct door {
    struct door_listener listeners[LISTENERS_MAX];
    size_t listener_count;
    door_pass *pass;
    void *context;
    struct reaper reaper;
    int epoll, wake;
    int inbox[2];            /* pointers to offers, on a pipe: [0] for us, [1] for door_take */
    pthread_mutex_t lock;    /* of the hosts */
    int64_t paused_until_ms; /* 0: accepting */
    bool has_thread;
    pthread_t thread;
};

/* -- refusals -- */

static size_t print_refusal(const char *problem, const char *detail, char *out, size_t size)
{
    const struct problem_kind *kind = problem_find(text_from(problem));
    json_t *json = problem_json(kind, detail);
    char *body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!body)
        return 0;
    char retry[32] = "";
    if (kind->retry_after_s)
        snprintf(retry, sizeof retry, "Retry-After: %u\r\n", kind->retry_after_s);
    int len = snprintf(out, size,
                       "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
                       "Content-Length: %zu\r\nCache-Control: no-store\r\n"
                       "X-Content-Type-Options: nosniff\r\n%sConnection: close\r\n\r\n%s",
                       kind->status, kind->status == 400 ? "Bad Request" : "Service Unavailable",
                       strlen(body), retry, body);
    free(body);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

/* Says why and lets the client read it: closing with bytes unread would reset the connection and
 * could take the answer with it (RFC 9112 section 9.6). */
static void refuse(struct door *door, struct reaper_entry *entry, const char *problem,
                   const char *detail)
{
    char answer[1536];
    size_t len = print_refusal(problem, detail, answer, sizeof answer);
    /* A fresh socket takes this much at once; if not, the client is told nothing. */
    (void)!send(entry->connection.fd, answer, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(entry->connection.fd, SHUT_WR);
    reaper_set_phase(&door->reaper, entry, REAPER_LINGER, clock_monotonic_ms() + LINGER_MS);
}

/* Throws away what comes, so that the close resets nothing; drops the entry at its end. */
static void linger(struct door *door, struct reaper_entry *entry)
{
    char waste[4 * 1024];
    while (entry->lingered_bytes < LINGER_MAX_BYTES) {
        ssize_t got = recv(entry->connection.fd, waste, sizeof waste, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0)
            break;
        entry->lingered_bytes += (size_t)got;
    }
    reaper_drop(&door->reaper, entry);
}

/* -- heads -- */

static enum gate_verdict judge(struct door *door, struct reaper_entry *entry, struct bytes came,
                               const char **reason)
{
    pthread_mutex_lock(&door->lock);
    enum gate_verdict verdict =
        gate_judge(came, &entry->listener->hosts, &entry->connection.head, reason);
    pthread_mutex_unlock(&door->lock);
    return verdict;
}

static void pass_on(struct door *door, struct reaper_entry *entry, const uint8_t *bytes)
{
    struct door_connection *connection = &entry->connection;
    const char *reason = NULL;
    connection->bytes = malloc(connection->head.len);
    if (!connection->bytes)
        abort();
    memcpy(connection->bytes, bytes, connection->head.len);
    /* Once more over the copy, so that the slices point there; its host was judged. */
    struct bytes copy = {connection->bytes, connection->head.len};
    const struct gate_hosts any = {.is_any = true};
    if (gate_judge(copy, &any, &connection->head, &reason) != GATE_PASS)
        abort();
    epoll_ctl(door->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
    reaper_set_phase(&door->reaper, entry, REAPER_BODY,
                     entry->accepted_ms + door->reaper.limits.request_ms);
    /* From here on the entry may be gone at any moment. */
    if (!door->pass(door->context, connection))
        reaper_remove(&door->reaper, entry); /* its socket is closed already */
}

/* The head may be whole now. The events are edge-triggered: every new byte is one. */
static void look(struct door *door, struct reaper_entry *entry, bool is_half_closed)
{
    uint8_t bytes[GATE_HEAD_MAX_BYTES];
    const char *reason = NULL;
    ssize_t got = recv(entry->connection.fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        reaper_drop(&door->reaper, entry);
        return;
    }
    switch (judge(door, entry, (struct bytes){bytes, (size_t)got}, &reason)) {
    case GATE_INCOMPLETE:
        if (is_half_closed)
            reaper_drop(&door->reaper, entry);
        break;
    case GATE_PASS:
        pass_on(door, entry, bytes);
        break;
    case GATE_REFUSE:
        refuse(door, entry, "malformed", reason);
        linger(door, entry);
        break;
    }
}

/* -- accepting -- */

static void print_source(struct door_connection *connection)
{
    if (connection->peer.ss_family == AF_INET6) {
        struct in6_addr prefix = ((struct sockaddr_in6 *)&connection->peer)->sin6_addr;
        char text[INET6_ADDRSTRLEN];
        memset(prefix.s6_addr + 8, 0, 8); /* one host owns the whole /64 */
        inet_ntop(AF_INET6, &prefix, text, sizeof text);
        snprintf(connection->source, sizeof connection->source, "%s/64", text);
    } else if (connection->peer.ss_family == AF_INET) {
        inet_ntop(AF_INET, &((struct sockaddr_in *)&connection->peer)->sin_addr, connection->source,
                  sizeof connection->source);
    }
}

static void admit(struct door *door, const struct door_offer *offer)
{
    const struct door_listener *listener = &door->listeners[offer->listener];
    int fd = offer->fd;
    struct reaper_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        abort();
    entry->listener = listener;
    entry->accepted_ms = clock_monotonic_ms();
    entry->deadline_ms = entry->accepted_ms + door->reaper.limits.head_ms;
    entry->connection = (struct door_connection){.fd = fd,
                                                 .is_unix = listener->is_unix,
                                                 .uid = (uid_t)-1,
                                                 .peer = offer->peer,
                                                 .peer_len = offer->peer_len,
                                                 .tls = offer->tls};
    print_source(&entry->connection);
    struct ucred credentials;
    socklen_t len = sizeof credentials;
    if (listener->is_unix && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) == 0) {
        entry->connection.uid = credentials.uid;
        entry->connection.gid = credentials.gid;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = entry};
    if (!reaper_add(&door->reaper, entry)) {
        close(fd);
        tls_peer_unref(entry->connection.tls);
        free(entry);
        return;
    }
    if (epoll_ctl(door->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        reaper_drop(&door->reaper, entry);
    else if (!reaper_make_room(&door->reaper, entry))
        refuse(door, entry, "unavailable", "too many connections are open; try again soon");
}

static void set_accepting(struct door *door, uint32_t events)
{
    for (size_t i = 0; i < door->listener_count; i++) {
        struct epoll_event event = {.events = events, .data.ptr = &door->listeners[i]};
        if (door->listeners[i].fd >= 0)
            epoll_ctl(door->epoll, EPOLL_CTL_MOD, door->listeners[i].fd, &event);
    }
}

static void accept_all(struct door *door, const struct door_listener *listener)
{
    for (;;) {
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof peer;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(door, &(struct door_offer){.fd = fd,
                                             .listener = (size_t)(listener - door->listeners),
                                             .peer = peer,
                                             .peer_len = len});
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            door->paused_until_ms = clock_monotonic_ms() + ACCEPT_PAUSE_MS;
            set_accepting(door, 0);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

/* -- what others have accepted -- */

bool door_take(struct door *door, const struct door_offer *offer)
{
    struct door_offer *copy = malloc(sizeof *copy);
    if (!copy)
        abort();
    *copy = *offer;
    /* A pointer goes into a pipe whole, or not at all (pipe(7)). */
    if (write(door->inbox[1], &copy, sizeof(copy)) == (ssize_t)sizeof(copy))
        return true;
    close(copy->fd);
    tls_peer_unref(copy->tls);
    free(copy);
    return false;
}

/* The next offer, to be freed; NULL: there is none now. */
static struct door_offer *inbox_next(struct door *door)
{
    struct door_offer *offer = NULL;
    return read(door->inbox[0], &offer, sizeof(offer)) == (ssize_t)sizeof(offer) ? offer : NULL;
}

static void admit_offers(struct door *door)
{
    for (struct door_offer *offer; (offer = inbox_next(door)); free(offer))
        admit(door, offer);
}

void door_set_hosts(struct door *door, size_t listener, const struct gate_hosts *hosts)
{
    pthread_mutex_lock(&door->lock);
    door->listeners[listener].hosts = *hosts;
    pthread_mutex_unlock(&door->lock);
}

/* -- the thread -- */

/* Ends what is over its time, and says how long to wait for what is next (-1: for ever). */
static int wait_ms(struct door *door)
{
    int64_t now_ms = clock_monotonic_ms();
    if (door->paused_until_ms && now_ms >= door->paused_until_ms) {
        door->paused_until_ms = 0;
        set_accepting(door, EPOLLIN);
    }
    int64_t next_ms = reaper_reap(&door->reaper, now_ms);
    if (door->paused_until_ms && door->paused_until_ms < next_ms)
        next_ms = door->paused_until_ms;
    /* The library may move a deadline nearer (door_request_is_whole); a second is near enough. */
    return next_ms == INT64_MAX ? -1 : next_ms - now_ms > 1000 ? 1000 : (int)(next_ms - now_ms);
}

static const struct door_listener *listener_of(const struct door *door, const void *pointer)
{
    for (size_t i = 0; i < door->listener_count; i++) {
        if (pointer == &door->listeners[i])
            return &door->listeners[i];
    }
    return NULL;
}

static void take_event(struct door *door, const struct epoll_event *event)
{
    struct reaper_entry *entry = event->data.ptr;
    if (!reaper_is_ours(&door->reaper, entry)) /* an event before this one made it leave */
        return;
    if (entry->phase == REAPER_LINGER)
        linger(door, entry);
    else
        look(door, entry, event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
}

/* Connections first, then listeners: who is here already does not wait for newcomers, and an entry
 * that is freed in a batch cannot be mistaken for one that was made in it. */
static void *run(void *context)
{
    struct door *door = context;
    struct epoll_event events[EVENTS_PER_WAIT];
    for (;;) {
        int got = epoll_wait(door->epoll, events, EVENTS_PER_WAIT, wait_ms(door));
        for (int i = 0; i < got; i++) {
            if (events[i].data.ptr == &door->wake)
                return NULL;
            if (events[i].data.ptr != door->inbox && !listener_of(door, events[i].data.ptr))
                take_event(door, &events[i]);
        }
        for (int i = 0; i < got; i++) {
            const struct door_listener *listener = listener_of(door, events[i].data.ptr);
            if (listener)
                accept_all(door, listener);
            else if (events[i].data.ptr == door->inbox)
                admit_offers(door);
        }
    }
}

static bool watch(struct door *door, int fd, void *pointer)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = pointer};
    return epoll_ctl(door->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool start(struct door *door)
{
    door->epoll = epoll_create1(EPOLL_CLOEXEC);
    door->wake = eventfd(0, EFD_CLOEXEC);
    if (door->epoll < 0 || door->wake < 0 || !watch(door, door->wake, &door->wake) ||
        pipe2(door->inbox, O_CLOEXEC | O_NONBLOCK) < 0 || !watch(door, door->inbox[0], door->inbox))
        return false;
    for (size_t i = 0; i < door->listener_count; i++) {
        if (door->listeners[i].fd >= 0 && !watch(door, door->listeners[i].fd, &door->listeners[i]))
            return false;
    }
    int failed = pthread_create(&door->thread, NULL, run, door);
    door->has_thread = failed == 0;
    errno = failed;
    return failed == 0;
}

bool door_open(const struct door_options *options, struct door **opened, struct error *err)
{
    struct door *door = calloc(1, sizeof *door);
    if (!door)
        abort();
    reaper_init(&door->reaper, &options->limits);
    door->pass = options->pass;
    door->context = options->context;
    door->listener_count = options->listener_count;
    door->inbox[0] = door->inbox[1] = -1;
    pthread_mutex_init(&door->lock, NULL);
    memcpy(door->listeners, options->listeners, door->listener_count * sizeof *door->listeners);
    *opened = door; /* before the thread starts: the first connection may look for it at once */
    if (start(door))
        return true;
    error_system(err, "API", NULL, "cannot start to accept connections");
    *opened = NULL;
    door_shut(door);
    door_free(door);
    return false;
}

void door_shut(struct door *door)
{
    if (door->has_thread) {
        (void)!write(door->wake, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(door->thread, NULL);
        door->has_thread = false;
    }
    for (size_t i = 0; i < door->listener_count; i++)
        fd_close(&door->listeners[i].fd);
    if (door->inbox[0] >= 0)
        admit_offers(door); /* nobody looks at them any more: they go with the next line */
    reaper_drop_ours(&door->reaper);
}

bool door_wait_empty(struct door *door, unsigned wait_ms_max)
{
    return reaper_wait_empty(&door->reaper, wait_ms_max);
}

void door_free(struct door *door)
{
    if (!door)
        return;
    reaper_fini(&door->reaper);
    for (struct door_offer *offer; door->inbox[0] >= 0 && (offer = inbox_next(door)); free(offer)) {
        close(offer->fd);
        tls_peer_unref(offer->tls);
    }
    fd_close(&door->epoll);
    fd_close(&door->wake);
    fd_close(&door->inbox[0]);
    fd_close(&door->inbox[1]);
    pthread_mutex_destroy(&door->lock);
    free(door);
}

struct door_connection *door_find(struct door *door, int fd)
{
    struct reaper_entry *entry = reaper_find(&door->reaper, fd);
    return entry ? &entry->connection : NULL;
}

void door_request_is_whole(struct door *door, struct door_connection *connection)
{
    door_may_take(door, connection, 0);
}

void door_may_take(struct door *door, struct door_connection *connection, int64_t extra_ms)
{
    reaper_set_phase(&door->reaper, (struct reaper_entry *)connection, REAPER_ANSWER,
                     clock_monotonic_ms() + extra_ms + door->reaper.limits.answer_ms);
}

void door_stays(struct door *door, struct door_connection *connection)
{
    reaper_set_phase(&door->reaper, (struct reaper_entry *)connection, REAPER_ANSWER, INT64_MAX);
}

void door_expect_body(struct door *door, struct door_connection *connection, uint64_t bytes)
{
    reaper_set_phase(&door->reaper, (struct reaper_entry *)connection, REAPER_BODY,
                     clock_monotonic_ms() + door->reaper.limits.request_ms +
                         (int64_t)(bytes / (BODY_SLOWEST_BYTES_S / 1000)));
}

void door_release(struct door *door, struct door_connection *connection)
{
    reaper_remove(&door->reaper, (struct reaper_entry *)connection);
}

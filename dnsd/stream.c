/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include "zones/base/clock.h"

enum {
    SHORT_IDLE_MS = 2000, /* when less than a quarter of the places is left */
    EVICT_LOOKS = 64,
    GRACE_MS = 1000, /* a buffer is enough for a reader of 64 KiB/s */
};

bool stream_pool_init(struct stream_pool *pool, struct generations *generations,
                      const struct stream_limits *limits, struct error *err)
{
    *pool = (struct stream_pool){
        .generations = generations,
        .worker = generations->workers - 1,
        .limits = *limits,
        /* Zeroed memory that is not touched costs nothing. */
        .streams = calloc(limits->total, sizeof *pool->streams),
        .desk_memory = calloc(limits->total, sizeof *pool->desk_memory),
        .buffer_memory = calloc(STREAM_BUFFERS, sizeof *pool->buffer_memory),
    };
    pool->state.statistics = &pool->state.unread;
    TAILQ_INIT(&pool->unused);
    TAILQ_INIT(&pool->flying);
    for (int i = 0; i < STREAM_WAIT_KINDS; i++)
        TAILQ_INIT(&pool->waiting[i]);
    SLIST_INIT(&pool->buffers);
    SLIST_INIT(&pool->desks);
    if (!pool->streams || !pool->buffer_memory || !pool->desk_memory)
        return error_set(err, ERROR_SYSTEM, "no memory for %u TCP connections; free some",
                         limits->total);
    return clients_init(&pool->clients, limits->total, err);
}

void stream_pool_fini(struct stream_pool *pool)
{
    if (!pool || !pool->streams)
        return;
    for (int i = 0; i < STREAM_WAIT_KINDS; i++)
        while (!TAILQ_EMPTY(&pool->waiting[i]))
            stream_close(pool, TAILQ_FIRST(&pool->waiting[i]));
    clients_fini(&pool->clients);
    free(pool->streams);
    free(pool->desk_memory);
    free(pool->buffer_memory);
    pool->streams = NULL;
}

int64_t stream_idle_ms(const struct stream_pool *pool)
{
    return pool->open > pool->limits.total - pool->limits.total / 4 ? SHORT_IDLE_MS
                                                                    : STREAM_IDLE_MS;
}

/* -- desks --------------------------------------------------------------------------------------
 */

static struct stream_desk *get_desk(struct stream_pool *pool, struct stream *stream)
{
    if (stream->desk)
        return stream->desk;
    stream->desk = SLIST_FIRST(&pool->desks);
    if (stream->desk)
        SLIST_REMOVE_HEAD(&pool->desks, free);
    else
        stream->desk = &pool->desk_memory[pool->desks_used++]; /* there is one a place */
    return stream->desk;
}

static void leave_desk(struct stream_pool *pool, struct stream *stream)
{
    if (stream->desk)
        SLIST_INSERT_HEAD(&pool->desks, stream->desk, free);
    stream->desk = NULL;
}

/* -- what has not left yet ----------------------------------------------------------------------
 */

static void pending_add(struct stream_pool *pool, struct stream *stream,
                        struct generation *generation, uint32_t set)
{
    uint32_t at = (stream->pending_first + (uint32_t)stream->pending_count) % STREAM_PENDING;
    get_desk(pool, stream)->pending[at] =
        (struct stream_pending){.generation = generation, .end = stream->sent, .set = set};
    if (stream->pending_count++ == 0) {
        TAILQ_INSERT_TAIL(&pool->flying, stream, in_flight);
        pool->flying_count++;
    }
    atomic_fetch_add(&generation->in_streams, 1);
}

/* Releases the answers that end within the first `left` bytes. True: there was one. */
static bool pending_release(struct stream_pool *pool, struct stream *stream, uint64_t left)
{
    int64_t now_ms = clock_realtime_ms();
    uint8_t before = stream->pending_count;
    while (stream->pending_count && stream->desk->pending[stream->pending_first].end <= left) {
        const struct stream_pending *first = &stream->desk->pending[stream->pending_first];
        generation_note_served(first->generation, pool->worker, first->set, now_ms);
        atomic_fetch_sub(&first->generation->in_streams, 1); /* after it nothing is ours */
        stream->pending_first = (uint8_t)((stream->pending_first + 1) % STREAM_PENDING);
        if (--stream->pending_count == 0) {
            TAILQ_REMOVE(&pool->flying, stream, in_flight);
            pool->flying_count--;
        }
    }
    return stream->pending_count < before;
}

static uint32_t rest_len(const struct stream *stream)
{
    return stream->rest ? stream->rest->len - stream->rest->at : 0;
}

/* Asks the kernel what has left. True: an answer has. */
static bool pending_check(struct stream_pool *pool, struct stream *stream)
{
    int outstanding = 0;
    if (stream->pending_count == 0)
        return false;
    if (ioctl(stream->fd, SIOCOUTQ, &outstanding) != 0 || outstanding < 0)
        outstanding = 0;
    uint64_t not_left = (uint64_t)outstanding + rest_len(stream);
    return pending_release(pool, stream, stream->sent > not_left ? stream->sent - not_left : 0);
}

bool stream_holds_older(const struct stream *stream, uint64_t sequence)
{
    return stream->pending_count &&
           stream->desk->pending[stream->pending_first].generation->sequence < sequence;
}

/* -- coming and going ---------------------------------------------------------------------------
 */

static void wait_for(struct stream_pool *pool, struct stream *stream, enum stream_wait wait,
                     int64_t now_ms)
{
    TAILQ_REMOVE(&pool->waiting[stream->wait], stream, in_wait);
    stream->wait = wait;
    stream->since_ms = now_ms;
    TAILQ_INSERT_TAIL(&pool->waiting[wait], stream, in_wait);
    TAILQ_REMOVE(&stream->client->streams, stream, in_client);
    TAILQ_INSERT_TAIL(&stream->client->streams, stream, in_client);
}

/* Has neither asked nor an answer under way. */
static bool is_idle(const struct stream *stream)
{
    return stream->wait == STREAM_WAITS_FOR_QUERY && stream->pending_count == 0;
}

/* The idle one that has waited longest; not looked for further than the first few. */
static struct stream *find_idle(const struct stream_pool *pool)
{
    const struct stream_list *list = &pool->waiting[STREAM_WAITS_FOR_QUERY];
    struct stream *stream = TAILQ_FIRST(list);
    for (int i = 0; stream && i < EVICT_LOOKS; i++, stream = TAILQ_NEXT(stream, in_wait))
        if (is_idle(stream))
            return stream;
    return NULL;
}

/* Who gives way when all places are taken. */
static struct stream *find_victim(const struct stream_pool *pool)
{
    struct stream *victim = find_idle(pool);
    if (victim)
        return victim;
    for (int i = 0; i < STREAM_WAIT_KINDS; i++) {
        struct stream *first = TAILQ_FIRST(&pool->waiting[i]);
        if (first && (!victim || first->since_ms < victim->since_ms))
            victim = first;
    }
    return victim;
}

/* Makes room for one more of a client that has as many as it may have. */
static bool evict_own(struct stream_pool *pool, const struct client *client)
{
    struct stream *stream = TAILQ_FIRST(&client->streams);
    for (int i = 0; stream && i < EVICT_LOOKS; i++, stream = TAILQ_NEXT(stream, in_client)) {
        if (is_idle(stream)) {
            stream_close(pool, stream);
            return true;
        }
    }
    return false;
}

static uint8_t take_address(const struct sockaddr_storage *peer, uint8_t address[static 16])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (peer->ss_family == AF_INET) {
        memcpy(&v4, peer, sizeof v4);
        memcpy(address, &v4.sin_addr, sizeof v4.sin_addr);
        return sizeof v4.sin_addr;
    }
    if (peer->ss_family == AF_INET6) {
        memcpy(&v6, peer, sizeof v6);
        memcpy(address, &v6.sin6_addr, sizeof v6.sin6_addr);
        return sizeof v6.sin6_addr;
    }
    return 0;
}

static struct stream *take_place(struct stream_pool *pool)
{
    if (pool->open == pool->limits.total)
        stream_close(pool, find_victim(pool));
    pool->open++;
    struct stream *stream = TAILQ_FIRST(&pool->unused);
    if (!stream)
        return &pool->streams[pool->used++];
    TAILQ_REMOVE(&pool->unused, stream, in_wait);
    return stream;
}

struct stream *stream_add(struct stream_pool *pool, int fd, const struct sockaddr_storage *peer,
                          int64_t now_ms)
{
    uint8_t address[16] = {0};
    uint8_t address_len = take_address(peer, address);
    const struct client *client = clients_find(&pool->clients, address, address_len);
    if (client && client->count >= pool->limits.per_client && !evict_own(pool, client))
        return NULL;
    struct stream *stream = take_place(pool);
    statistics_add(pool->state.statistics, STATISTIC_STREAM_ACCEPTED, 1);
    *stream = (struct stream){.fd = fd,
                              .serial = stream->serial + 1,
                              .wait = STREAM_WAITS_FOR_QUERY,
                              .since_ms = now_ms,
                              .source_len = address_len};
    memcpy(stream->source, address, sizeof address);
    stream->client = clients_enter(&pool->clients, address, address_len);
    TAILQ_INSERT_TAIL(&stream->client->streams, stream, in_client);
    TAILQ_INSERT_TAIL(&pool->waiting[STREAM_WAITS_FOR_QUERY], stream, in_wait);
    return stream;
}

static void rest_free(struct stream_pool *pool, struct stream *stream)
{
    if (stream->rest)
        SLIST_INSERT_HEAD(&pool->buffers, stream->rest, free);
    stream->rest = NULL;
}

void stream_close(struct stream_pool *pool, struct stream *stream)
{
    (void)pending_check(pool, stream);
    if (stream->pending_count || stream->rest) {
        const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        (void)!setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    fd_close(&stream->fd);
    statistics_add(pool->state.statistics, STATISTIC_STREAM_CLOSED, 1);
    rest_free(pool, stream);
    (void)pending_release(pool, stream, UINT64_MAX);
    leave_desk(pool, stream);
    TAILQ_REMOVE(&stream->client->streams, stream, in_client);
    clients_leave(&pool->clients, stream->client);
    TAILQ_REMOVE(&pool->waiting[stream->wait], stream, in_wait);
    TAILQ_INSERT_HEAD(&pool->unused, stream, in_wait);
    pool->open--;
}

/* -- answering ----------------------------------------------------------------------------------
 */

static bool is_would_block(int number)
{
    return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

static bool has_buffer(const struct stream_pool *pool)
{
    return !SLIST_EMPTY(&pool->buffers) || pool->buffers_used < STREAM_BUFFERS;
}

/* Takes the buffer of who has been stuck longest, if it had time to read. False: nobody had. */
static bool evict_stuck(struct stream_pool *pool, int64_t now_ms)
{
    struct stream *stuck = TAILQ_FIRST(&pool->waiting[STREAM_WAITS_FOR_SPACE]);
    for (int i = 0; stuck && !stuck->rest && i < EVICT_LOOKS; i++)
        stuck = TAILQ_NEXT(stuck, in_wait);
    if (!stuck || !stuck->rest || now_ms - stuck->since_ms < GRACE_MS)
        return false;
    stream_close(pool, stuck);
    return true;
}

/* Keeps what the kernel did not take. False: there is no buffer for it. */
static bool keep_rest(struct stream_pool *pool, struct stream *stream, const uint8_t *bytes,
                      uint32_t len)
{
    if (!has_buffer(pool) && !evict_stuck(pool, pool->now_ms))
        return false;
    if (SLIST_EMPTY(&pool->buffers))
        SLIST_INSERT_HEAD(&pool->buffers, &pool->buffer_memory[pool->buffers_used++], free);
    stream->rest = SLIST_FIRST(&pool->buffers);
    SLIST_REMOVE_HEAD(&pool->buffers, free);
    stream->rest->at = 0;
    stream->rest->len = len;
    memcpy(stream->rest->bytes, bytes, len);
    return true;
}

/* Sends pool->message. False: the connection is broken. */
static bool send_message(struct stream_pool *pool, struct stream *stream, uint32_t len)
{
    ssize_t sent = send(stream->fd, pool->message, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && !is_would_block(errno))
        return false;
    uint32_t taken = sent < 0 ? 0 : (uint32_t)sent;
    stream->sent += len;
    return taken == len || keep_rest(pool, stream, pool->message + taken, len - taken);
}

/* Answers the query of `len` bytes at `query`. False: the connection is broken. */
static bool answer_one(struct stream_pool *pool, struct stream *stream,
                       struct generation *generation, const uint8_t *query, uint32_t len)
{
    memcpy(pool->message + 2, query, len);
    struct query asked = {.bytes = pool->message + 2,
                          .length = len,
                          .source = stream->source,
                          .source_length = stream->source_len,
                          .transport = TRANSPORT_STREAM,
                          .now_ms = clock_realtime_ms()};
    uint32_t answer = (uint32_t)query_answer(&asked, &pool->state);
    if (answer == 0)
        return true;
    pool->message[0] = (uint8_t)(answer >> 8);
    pool->message[1] = (uint8_t)answer;
    if (!send_message(pool, stream, answer + 2))
        return false;
    if (pool->state.set != IMAGE_NONE)
        pending_add(pool, stream, generation, pool->state.set);
    return true;
}

/* While no buffer is left, who has an answer under way gets no other: the kernel might not take it
 * whole, as it does when nothing else is there. */
static bool may_answer(const struct stream_pool *pool, const struct stream *stream)
{
    return !stream->rest && stream->pending_count < STREAM_PENDING &&
           (stream->pending_count == 0 || has_buffer(pool));
}

enum progress {
    PROGRESS_NONE,
    PROGRESS_MADE,
    PROGRESS_BROKEN,
};

/* Keeps what is left of `in` behind `at`. */
static void keep_input(struct stream_pool *pool, struct stream *stream, const uint8_t *in,
                       uint32_t at)
{
    stream->in_len = (uint16_t)(stream->in_len - at);
    if (stream->in_len)
        memmove(get_desk(pool, stream)->in, in + at, stream->in_len);
}

/* Answers all whole queries that stand in `in`, as long as the answers can be sent. */
static enum progress answer_all(struct stream_pool *pool, struct stream *stream, const uint8_t *in)
{
    struct generation *generation = generation_enter(pool->generations, pool->worker);
    enum progress progress = PROGRESS_NONE;
    uint32_t at = 0;

    pool->state.decide.image = generation ? &generation->image : NULL;
    pool->state.decide.turns = generation ? generation_turns(generation, pool->worker) : NULL;
    pool->state.decide.stream_idle_ms = (uint32_t)stream_idle_ms(pool);
    while (stream->in_len - at >= 2) {
        uint32_t len = (uint32_t)in[at] << 8 | in[at + 1];
        if (!may_answer(pool, stream) && pending_check(pool, stream))
            progress = PROGRESS_MADE;
        if (len > STREAM_QUERY_BYTES) {
            progress = PROGRESS_BROKEN;
            break;
        }
        if (stream->in_len - at - 2 < len || !may_answer(pool, stream))
            break;
        if (!answer_one(pool, stream, generation, in + at + 2, len)) {
            progress = PROGRESS_BROKEN;
            break;
        }
        progress = PROGRESS_MADE;
        at += 2 + len;
    }
    generation_leave(pool->generations, pool->worker);
    keep_input(pool, stream, in, at);
    return progress;
}

/* Answers, then decides what the stream waits for. False: it is closed. */
static bool go_on(struct stream_pool *pool, struct stream *stream, const uint8_t *in,
                  int64_t now_ms)
{
    enum progress progress = PROGRESS_NONE;
    pool->now_ms = now_ms;
    if (in)
        progress = answer_all(pool, stream, in);
    if (pending_check(pool, stream) && progress == PROGRESS_NONE)
        progress = PROGRESS_MADE;
    if (stream->in_len == 0 && stream->pending_count == 0)
        leave_desk(pool, stream);
    bool is_over = stream->peer_is_done && !stream->rest && stream->pending_count == 0;
    if (progress == PROGRESS_BROKEN || is_over) {
        stream_close(pool, stream);
        return false;
    }
    enum stream_wait wait = STREAM_WAITS_FOR_QUERY;
    if (!may_answer(pool, stream) || stream->peer_is_done)
        wait = STREAM_WAITS_FOR_SPACE;
    else if (stream->in_len)
        wait = STREAM_WAITS_FOR_REST;
    /* Only a whole query, or a whole answer that has arrived, makes a client young again, not a
     * byte now and then. */
    if (wait != stream->wait || progress == PROGRESS_MADE)
        wait_for(pool, stream, wait, now_ms);
    return true;
}

bool stream_read(struct stream_pool *pool, struct stream *stream, int64_t now_ms)
{
    uint8_t *in = stream->desk ? stream->desk->in : pool->in;
    size_t room = sizeof pool->in - stream->in_len;
    if (room && !stream->peer_is_done) {
        ssize_t got = recv(stream->fd, in + stream->in_len, room, MSG_DONTWAIT);
        if (got < 0 && !is_would_block(errno)) {
            stream_close(pool, stream);
            return false;
        }
        if (got == 0)
            stream->peer_is_done = true;
        if (got > 0)
            stream->in_len = (uint16_t)(stream->in_len + got);
    }
    return go_on(pool, stream, in, now_ms);
}

bool stream_settle(struct stream_pool *pool, struct stream *stream, int64_t now_ms)
{
    return go_on(pool, stream, stream->desk ? stream->desk->in : NULL, now_ms);
}

bool stream_write(struct stream_pool *pool, struct stream *stream, int64_t now_ms)
{
    if (stream->rest) {
        ssize_t sent = send(stream->fd, stream->rest->bytes + stream->rest->at, rest_len(stream),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && !is_would_block(errno)) {
            stream_close(pool, stream);
            return false;
        }
        if (sent > 0)
            stream->rest->at += (uint32_t)sent;
        if (rest_len(stream) > 0)
            return true;
        rest_free(pool, stream);
    }
    return stream_settle(pool, stream, now_ms);
}

uint32_t stream_events(const struct stream_pool *pool, const struct stream *stream)
{
    if (stream->rest)
        return EPOLLOUT;
    return stream->peer_is_done || !may_answer(pool, stream) ? 0 : EPOLLIN;
}

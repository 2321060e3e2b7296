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

bool stream_pool_init(struct stream_pool *pool, struct generations *generations, uint32_t capacity,
                      struct error *err)
{
    *pool = (struct stream_pool){
        .generations = generations,
        .worker = generations->workers - 1,
        .capacity = capacity,
        /* Zeroed memory that is not touched costs nothing. */
        .streams = calloc(capacity, sizeof *pool->streams),
        .buffer_memory = calloc(STREAM_BUFFERS, sizeof *pool->buffer_memory),
    };
    if (!pool->streams || !pool->buffer_memory)
        return error_set(err, ERROR_SYSTEM, "no memory for %u TCP connections; free some",
                         capacity);
    TAILQ_INIT(&pool->unused);
    TAILQ_INIT(&pool->flying);
    for (int i = 0; i < STREAM_WAIT_KINDS; i++)
        TAILQ_INIT(&pool->waiting[i]);
    SLIST_INIT(&pool->buffers);
    for (int i = 0; i < STREAM_BUFFERS; i++)
        SLIST_INSERT_HEAD(&pool->buffers, &pool->buffer_memory[i], free);
    return true;
}

void stream_pool_fini(struct stream_pool *pool)
{
    if (!pool || !pool->streams)
        return;
    for (int i = 0; i < STREAM_WAIT_KINDS; i++)
        while (!TAILQ_EMPTY(&pool->waiting[i]))
            stream_close(pool, TAILQ_FIRST(&pool->waiting[i]));
    free(pool->streams);
    free(pool->buffer_memory);
    pool->streams = NULL;
}

/* -- what has not left yet ----------------------------------------------------------------------
 */

static void pending_add(struct stream_pool *pool, struct stream *stream,
                        struct generation *generation, uint32_t set)
{
    uint32_t at = (stream->pending_first + (uint32_t)stream->pending_count) % STREAM_PENDING;
    stream->pending[at] =
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
    while (stream->pending_count && stream->pending[stream->pending_first].end <= left) {
        const struct stream_pending *first = &stream->pending[stream->pending_first];
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
           stream->pending[stream->pending_first].generation->sequence < sequence;
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
}

static struct stream *find_oldest(const struct stream_pool *pool)
{
    struct stream *oldest = NULL;
    for (int i = 0; i < STREAM_WAIT_KINDS; i++) {
        struct stream *first = TAILQ_FIRST(&pool->waiting[i]);
        if (first && (!oldest || first->since_ms < oldest->since_ms))
            oldest = first;
    }
    return oldest;
}

struct stream *stream_add(struct stream_pool *pool, int fd, int64_t now_ms)
{
    if (TAILQ_EMPTY(&pool->unused) && pool->used == pool->capacity)
        stream_close(pool, find_oldest(pool));
    struct stream *stream = TAILQ_FIRST(&pool->unused);
    if (stream)
        TAILQ_REMOVE(&pool->unused, stream, in_wait);
    else
        stream = &pool->streams[pool->used++];
    statistics_add(pool->state.statistics, STATISTIC_STREAM_ACCEPTED, 1);
    stream->fd = fd;
    stream->serial++;
    stream->events = 0;
    stream->wait = STREAM_WAITS_FOR_QUERY;
    stream->since_ms = now_ms;
    stream->rest = NULL;
    stream->sent = 0;
    stream->peer_is_done = false;
    stream->pending_first = stream->pending_count = 0;
    stream->in_len = 0;
    TAILQ_INSERT_TAIL(&pool->waiting[STREAM_WAITS_FOR_QUERY], stream, in_wait);
    return stream;
}

void stream_take_source(struct stream *stream, const struct sockaddr_storage *peer)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    stream->source_len = 0;
    if (peer->ss_family == AF_INET) {
        memcpy(&v4, peer, sizeof v4);
        stream->source_len = sizeof v4.sin_addr;
        memcpy(stream->source, &v4.sin_addr, sizeof v4.sin_addr);
    } else if (peer->ss_family == AF_INET6) {
        memcpy(&v6, peer, sizeof v6);
        stream->source_len = sizeof v6.sin6_addr;
        memcpy(stream->source, &v6.sin6_addr, sizeof v6.sin6_addr);
    }
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
    TAILQ_REMOVE(&pool->waiting[stream->wait], stream, in_wait);
    TAILQ_INSERT_HEAD(&pool->unused, stream, in_wait);
}

/* -- answering ----------------------------------------------------------------------------------
 */

static bool is_would_block(int number)
{
    return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

/* Keeps what the kernel did not take. False: no buffer can be had but from this very stream. */
static bool keep_rest(struct stream_pool *pool, struct stream *stream, const uint8_t *bytes,
                      uint32_t len)
{
    if (SLIST_EMPTY(&pool->buffers)) {
        struct stream *stuck = TAILQ_FIRST(&pool->waiting[STREAM_WAITS_FOR_SPACE]);
        while (stuck && (!stuck->rest || stuck == stream))
            stuck = TAILQ_NEXT(stuck, in_wait);
        if (!stuck)
            return false;
        stream_close(pool, stuck);
    }
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

static bool may_answer(const struct stream *stream)
{
    return !stream->rest && stream->pending_count < STREAM_PENDING;
}

enum progress {
    PROGRESS_NONE,
    PROGRESS_MADE,
    PROGRESS_BROKEN,
};

/* Answers all whole queries that stand in the buffer, as long as the answers can be sent. */
static enum progress answer_all(struct stream_pool *pool, struct stream *stream)
{
    struct generation *generation = generation_enter(pool->generations, pool->worker);
    enum progress progress = PROGRESS_NONE;
    uint32_t at = 0;

    pool->state.decide.image = generation ? &generation->image : NULL;
    pool->state.decide.turns = generation ? generation_turns(generation, pool->worker) : NULL;
    while (stream->in_len - at >= 2) {
        uint32_t len = (uint32_t)stream->in[at] << 8 | stream->in[at + 1];
        if (stream->pending_count == STREAM_PENDING && pending_check(pool, stream))
            progress = PROGRESS_MADE;
        if (len > STREAM_QUERY_BYTES) {
            progress = PROGRESS_BROKEN;
            break;
        }
        if (stream->in_len - at - 2 < len || !may_answer(stream))
            break;
        if (!answer_one(pool, stream, generation, stream->in + at + 2, len)) {
            progress = PROGRESS_BROKEN;
            break;
        }
        progress = PROGRESS_MADE;
        at += 2 + len;
    }
    generation_leave(pool->generations, pool->worker);
    stream->in_len = (uint16_t)(stream->in_len - at);
    memmove(stream->in, stream->in + at, stream->in_len);
    return progress;
}

/* Answers, then decides what the stream waits for. False: it is closed. */
static bool go_on(struct stream_pool *pool, struct stream *stream, int64_t now_ms)
{
    enum progress progress = answer_all(pool, stream);
    if (pending_check(pool, stream) && progress == PROGRESS_NONE)
        progress = PROGRESS_MADE;
    bool is_over = stream->peer_is_done && !stream->rest && stream->pending_count == 0;
    if (progress == PROGRESS_BROKEN || is_over) {
        stream_close(pool, stream);
        return false;
    }
    enum stream_wait wait = STREAM_WAITS_FOR_QUERY;
    if (!may_answer(stream) || stream->peer_is_done)
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
    size_t room = sizeof stream->in - stream->in_len;
    if (room && !stream->peer_is_done) {
        ssize_t got = recv(stream->fd, stream->in + stream->in_len, room, MSG_DONTWAIT);
        if (got < 0 && !is_would_block(errno)) {
            stream_close(pool, stream);
            return false;
        }
        if (got == 0)
            stream->peer_is_done = true;
        if (got > 0)
            stream->in_len = (uint16_t)(stream->in_len + got);
    }
    return go_on(pool, stream, now_ms);
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
    return go_on(pool, stream, now_ms);
}

bool stream_settle(struct stream_pool *pool, struct stream *stream, int64_t now_ms)
{
    return go_on(pool, stream, now_ms);
}

uint32_t stream_events(const struct stream *stream)
{
    if (stream->rest)
        return EPOLLOUT;
    return stream->peer_is_done || !may_answer(stream) ? 0 : EPOLLIN;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stream: one TCP connection: length-prefixed queries in, answers out (RFC 7766).
 *
 * Queries may be pipelined; they are answered in order, and no next one is read before the answer
 * to the last has gone to the kernel whole, so that a client that does not read cannot make us
 * keep more than one answer. Unsent rests stand in a small pool of buffers; when that is used up
 * the connection that has been stuck longest loses its place.
 *
 * An answer counts as served until its last byte was acknowledged by the peer: until then (the
 * kernel says how much is outstanding: SIOCOUTQ, tcp(7)) the stream is accounted to the generation
 * of the answer. Everything here runs on the one stream thread. */
#pragma once
#include "dnsd/generation.h"
#include "dnsd/query.h"
#include <sys/queue.h>
#include <sys/socket.h>

enum {
    STREAM_QUERY_BYTES = 2048, /* no query is longer, whatever its options */
    STREAM_PENDING = 64,       /* answers that a client may leave unacknowledged */
    STREAM_BUFFERS = 256,      /* rests of answers that stand at a time: 16 MiB */
    STREAM_MESSAGE_BYTES = 2 + IMAGE_STREAM_MAX_BYTES,
};

/* What a stream waits for; each has one time limit, so that its list is in order of age. */
enum stream_wait {
    STREAM_WAITS_FOR_QUERY,
    STREAM_WAITS_FOR_REST,  /* of a query that has begun */
    STREAM_WAITS_FOR_SPACE, /* the peer must take what we have to say */
    STREAM_WAIT_KINDS,
};

struct stream_buffer {
    SLIST_ENTRY(stream_buffer) free;
    uint32_t at, len;
    uint8_t bytes[STREAM_MESSAGE_BYTES];
};

struct stream_pending {
    struct generation *generation;
    uint64_t end; /* of the answer, in bytes since the connection began */
    uint32_t set;
};

struct stream {
    int fd;
    uint32_t serial; /* tells the users of one place apart */
    uint32_t events; /* that epoll watches */
    enum stream_wait wait;
    int64_t since_ms;
    TAILQ_ENTRY(stream) in_wait, in_flight;
    struct stream_buffer *rest;
    uint64_t sent; /* bytes of answers, those in rest included */
    bool peer_is_done;
    uint8_t source_len; /* of the peer's address: 4 or 16; 0: unknown */
    uint8_t source[16];
    uint8_t pending_first, pending_count;
    uint16_t in_len;
    struct stream_pending pending[STREAM_PENDING];
    uint8_t in[2 + STREAM_QUERY_BYTES];
};

TAILQ_HEAD(stream_list, stream);

/* What all streams share. */
struct stream_pool {
    struct generations *generations;
    uint32_t worker; /* the stream thread's word and rows */
    struct query_state state;
    struct stream *streams;
    uint32_t capacity, used; /* used: places that were ever taken */
    struct stream_list unused;
    struct stream_list waiting[STREAM_WAIT_KINDS]; /* oldest first */
    struct stream_list flying;                     /* with pending answers */
    uint32_t flying_count;
    SLIST_HEAD(, stream_buffer) buffers;
    struct stream_buffer *buffer_memory;
    uint8_t message[STREAM_MESSAGE_BYTES];
};

NODISCARD bool stream_pool_init(struct stream_pool *pool, struct generations *generations,
                                uint32_t capacity, struct error *err);
void stream_pool_fini(struct stream_pool *pool); /* closes every stream */

/* A stream over an accepted, non-blocking socket. When all places are taken, the one that has
 * waited longest is closed for it. */
struct stream *stream_add(struct stream_pool *pool, int fd, int64_t now_ms);

/* Notes whose stream it is. */
void stream_take_source(struct stream *stream, const struct sockaddr_storage *peer);

/* Reads, answers, sends, as far as it goes without blocking. False: the stream is closed. */
bool stream_read(struct stream_pool *pool, struct stream *stream, int64_t now_ms);
bool stream_write(struct stream_pool *pool, struct stream *stream, int64_t now_ms);

/* Looks which answers have left, and goes on where that makes room. False: it is closed. */
bool stream_settle(struct stream_pool *pool, struct stream *stream, int64_t now_ms);

/* Closes; what has not left is thrown away, so that nothing leaves later. */
void stream_close(struct stream_pool *pool, struct stream *stream);

/* True while an answer of a generation with a smaller sequence than this has not left. */
bool stream_holds_older(const struct stream *stream, uint64_t sequence);

/* What epoll shall watch for it. */
uint32_t stream_events(const struct stream *stream);

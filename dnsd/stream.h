/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stream: one TCP connection: length-prefixed queries in, answers out (RFC 7766).
 *
 * Queries may be pipelined; they are answered in order, and no next one is read before the answer
 * to the last has gone to the kernel whole, so that a client that does not read cannot make us
 * keep more than one answer. Unsent rests stand in a small pool of buffers; when that is used up,
 * who has an answer under way waits for its next one. What an idle connection costs is its
 * struct stream; a desk is lent to those with a part of a query or with answers under way.
 *
 * When all places are taken, the idle connection that has waited longest gives way, then that of
 * the slowest client; when a client has as many as one may have, its own longest idle one does,
 * and if none of its is idle, the new one is refused.
 *
 * An answer counts as served until its last byte was acknowledged by the peer: until then (the
 * kernel says how much is outstanding: SIOCOUTQ, tcp(7)) the stream is accounted to the generation
 * of the answer. Everything here runs on the one stream thread. */
#pragma once
#include "dnsd/client.h"
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

/* What a stream waits for; each has one time limit, so that its list is in order of age. The time
 * runs from the first byte of a query to its last, and from when an answer does not go on to when
 * it has left: bytes between do not stop it. */
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

/* What a stream has on it while it works. */
struct stream_desk {
    SLIST_ENTRY(stream_desk) free;
    struct stream_pending pending[STREAM_PENDING];
    uint8_t in[2 + STREAM_QUERY_BYTES];
};

struct stream {
    int fd;
    uint32_t serial; /* tells the users of one place apart */
    uint32_t events; /* that epoll watches */
    enum stream_wait wait;
    int64_t since_ms;
    TAILQ_ENTRY(stream) in_wait, in_flight, in_client;
    struct client *client;
    struct stream_desk *desk; /* NULL: nothing of a query, no answers under way */
    struct stream_buffer *rest;
    uint64_t sent; /* bytes of answers, those in rest included */
    bool peer_is_done;
    uint8_t source_len; /* of the peer's address: 4 or 16; 0: unknown */
    uint8_t source[16];
    uint8_t pending_first, pending_count;
    uint16_t in_len;
};

TAILQ_HEAD(stream_list, stream);

/* How many streams there may be: in all, and of one client. */
struct stream_limits {
    uint32_t total, per_client;
};

/* What all streams share. */
struct stream_pool {
    struct generations *generations;
    uint32_t worker; /* the stream thread's word and rows */
    struct query_state state;
    int64_t now_ms; /* monotonic, of the event that is served */
    struct stream_limits limits;
    struct clients clients;
    struct stream *streams;
    uint32_t used, open; /* used: places that were ever taken */
    struct stream_list unused;
    struct stream_list waiting[STREAM_WAIT_KINDS]; /* oldest first */
    struct stream_list flying;                     /* with pending answers */
    uint32_t flying_count;
    SLIST_HEAD(, stream_buffer) buffers;
    struct stream_buffer *buffer_memory;
    uint32_t buffers_used;
    SLIST_HEAD(, stream_desk) desks;
    struct stream_desk *desk_memory; /* as many as places; touched when they are used */
    uint32_t desks_used;
    uint8_t in[2 + STREAM_QUERY_BYTES]; /* of a stream without a desk, while it is read */
    uint8_t message[STREAM_MESSAGE_BYTES];
};

NODISCARD bool stream_pool_init(struct stream_pool *pool, struct generations *generations,
                                const struct stream_limits *limits, struct error *err);
void stream_pool_fini(struct stream_pool *pool); /* closes every stream */

/* A stream over an accepted, non-blocking socket, for which another may be closed. NULL: the client
 * has as many as it may have; the socket stays the caller's. */
struct stream *stream_add(struct stream_pool *pool, int fd, const struct sockaddr_storage *peer,
                          int64_t now_ms);

/* How long a stream may be silent now: less when places are about to run out. */
int64_t stream_idle_ms(const struct stream_pool *pool);

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
uint32_t stream_events(const struct stream_pool *pool, const struct stream *stream);

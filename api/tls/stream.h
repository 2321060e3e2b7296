/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stream: one connection on the relay: TLS on `net`, plain bytes on `inner`, and what is on its
 * way between them. A door of OpenSSL. Touched by the relay's thread alone. */
#pragma once
#include "api/tls/context.h"

enum {
    TLS_STREAM_BUFFER_BYTES = 8 * 1024,
    TLS_STREAM_STALL_MS = 15 * 1000, /* to take more of an answer */
    TLS_STREAM_LINGER_MS = 1000,     /* to say good-bye */
    TLS_STREAM_LINGER_BYTES = 256 * 1024,
};

struct tls_buffer {
    size_t at, len; /* bytes[at..len) are to be written */
    uint8_t bytes[TLS_STREAM_BUFFER_BYTES];
};

struct tls_stream {
    enum {
        TLS_STREAM_HANDSHAKE,
        TLS_STREAM_OPEN,
        TLS_STREAM_LINGER, /* all is said; what comes is thrown away, so that no reset eats it */
        TLS_STREAM_DEAD,   /* to be freed when no event can name it any more */
    } phase;
    int net, inner;
    struct ssl_st *ssl;
    struct tls_context *context; /* a reference */
    struct tls_peer *peer;       /* a reference */
    bool net_ended, inner_ended; /* nothing more comes from there */
    bool inner_told;             /* that nothing more comes from the net */
    int64_t deadline_ms;         /* INT64_MAX: the door counts */
    size_t lingered_bytes;
    struct tls_buffer up, down; /* to the door; to the net */
    struct tls_stream *next, *previous;
};

/* Over `fd`, which it takes on success; *door_fd is the other end of `inner`. NULL: descriptors or
 * memory ran out. */
struct tls_stream *tls_stream_new(struct tls_context *context, int fd, int *door_fd);
void tls_stream_free(struct tls_stream *stream);

/* Moves what can be moved, up to some 256 KiB. True: there may be more to move at once. */
NODISCARD bool tls_stream_pump(struct tls_stream *stream, int64_t now_ms);

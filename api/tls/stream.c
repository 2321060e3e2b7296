/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/tls/stream.h"

#include "zones/base/file.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ROUNDS_MAX = 32 /* of two buffers: then others have their turn */
};

/* For who speaks HTTP to the port of HTTPS: better than bytes that no person can read. */
static const char plain_answer[] =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 42\r\nConnection: close\r\n\r\n"
    "this port speaks TLS; ask it by https://\r\n";

struct tls_stream *tls_stream_new(struct tls_context *context, int fd, int *door_fd)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return NULL;
    struct ssl_st *ssl = tls_context_accept(context, fd);
    struct tls_stream *stream = ssl ? calloc(1, sizeof *stream) : NULL;
    if (!stream) {
        SSL_free(ssl);
        close(pair[0]);
        close(pair[1]);
        return NULL;
    }
    stream->net = fd;
    stream->inner = pair[0];
    stream->ssl = ssl;
    stream->context = tls_context_ref(context);
    stream->peer = tls_peer_new();
    *door_fd = pair[1];
    return stream;
}

void tls_stream_free(struct tls_stream *stream)
{
    SSL_free(stream->ssl);
    fd_close(&stream->net);
    fd_close(&stream->inner);
    tls_context_unref(stream->context);
    tls_peer_unref(stream->peer);
    free(stream);
}

/* Over, but for its memory: an event of this batch may still name it. The closed `inner` makes the
 * door forget its end. */
static void die(struct tls_stream *stream)
{
    stream->phase = TLS_STREAM_DEAD;
    stream->deadline_ms = 0;
    fd_close(&stream->net);
    fd_close(&stream->inner);
}

enum moved {
    MOVED_NOTHING, /* not now */
    MOVED_SOME,
    MOVED_END, /* and never again */
};

/* What OpenSSL's `result` means. A queue of errors that is not cleared would speak of the next
 * connection. */
static enum moved judge(struct tls_stream *stream, int result)
{
    if (result > 0)
        return MOVED_SOME;
    int why = SSL_get_error(stream->ssl, result);
    ERR_clear_error();
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? MOVED_NOTHING : MOVED_END;
}

/* ---- the handshake ---- */

/* The door has closed its end, and left nothing to be told. */
static bool is_given_up(const struct tls_stream *stream)
{
    uint8_t byte;
    return recv(stream->inner, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void shake_hands(struct tls_stream *stream)
{
    ERR_clear_error();
    int result = SSL_do_handshake(stream->ssl);
    bool is_plain = result <= 0 && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    switch (judge(stream, result)) {
    case MOVED_NOTHING:
        if (is_given_up(stream))
            die(stream);
        return;
    case MOVED_END:
        if (is_plain)
            (void)!send(stream->net, plain_answer, sizeof plain_answer - 1,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
        die(stream);
        return;
    case MOVED_SOME:
        break;
    }
    tls_context_identify(stream->context, stream->ssl, stream->peer);
    stream->phase = TLS_STREAM_OPEN;
    stream->deadline_ms = INT64_MAX;
}

/* ---- bytes ---- */

static bool is_empty(const struct tls_buffer *buffer)
{
    return buffer->at == buffer->len;
}

static void took(struct tls_buffer *buffer, size_t len)
{
    buffer->at += len;
    if (is_empty(buffer))
        buffer->at = buffer->len = 0;
}

static enum moved from_net(struct tls_stream *stream)
{
    if (stream->net_ended || !is_empty(&stream->up))
        return MOVED_NOTHING;
    ERR_clear_error();
    int got = SSL_read(stream->ssl, stream->up.bytes, sizeof stream->up.bytes);
    enum moved moved = judge(stream, got);
    if (moved == MOVED_SOME)
        stream->up.len = (size_t)got;
    stream->net_ended = moved == MOVED_END;
    return moved;
}

/* What the door does not read any more is thrown away: it has said what it had to say. */
static enum moved to_door(struct tls_stream *stream)
{
    struct tls_buffer *up = &stream->up;
    if (is_empty(up) && stream->net_ended && !stream->inner_told) {
        shutdown(stream->inner, SHUT_WR);
        stream->inner_told = true;
    }
    if (is_empty(up))
        return MOVED_NOTHING;
    ssize_t sent = send(stream->inner, up->bytes + up->at, up->len - up->at, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return MOVED_NOTHING;
    took(up, sent < 0 ? up->len - up->at : (size_t)sent);
    return MOVED_SOME;
}

static enum moved from_door(struct tls_stream *stream)
{
    if (stream->inner_ended || !is_empty(&stream->down))
        return MOVED_NOTHING;
    ssize_t got = recv(stream->inner, stream->down.bytes, sizeof stream->down.bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return MOVED_NOTHING;
    if (got > 0)
        stream->down.len = (size_t)got;
    stream->inner_ended = got <= 0;
    return got > 0 ? MOVED_SOME : MOVED_END;
}

static enum moved to_net(struct tls_stream *stream)
{
    struct tls_buffer *down = &stream->down;
    if (is_empty(down))
        return MOVED_NOTHING;
    ERR_clear_error();
    int sent = SSL_write(stream->ssl, down->bytes + down->at, (int)(down->len - down->at));
    enum moved moved = judge(stream, sent);
    if (moved == MOVED_SOME)
        took(down, (size_t)sent);
    return moved;
}

/* ---- the end ---- */

static void say_good_bye(struct tls_stream *stream, int64_t now_ms)
{
    ERR_clear_error();
    (void)!SSL_shutdown(stream->ssl);
    ERR_clear_error();
    shutdown(stream->net, SHUT_WR);
    fd_close(&stream->inner);
    stream->phase = TLS_STREAM_LINGER;
    stream->deadline_ms = now_ms + TLS_STREAM_LINGER_MS;
}

static void linger(struct tls_stream *stream)
{
    uint8_t waste[4 * 1024];
    while (stream->lingered_bytes < TLS_STREAM_LINGER_BYTES) {
        ssize_t got = recv(stream->net, waste, sizeof waste, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0)
            break;
        stream->lingered_bytes += (size_t)got;
    }
    die(stream);
}

static bool carry(struct tls_stream *stream, int64_t now_ms)
{
    bool moves = true;
    for (int i = 0; i < ROUNDS_MAX && moves; i++) {
        enum moved written = to_net(stream);
        if (written == MOVED_END) {
            die(stream);
            return false;
        }
        moves = written == MOVED_SOME;
        moves |= from_net(stream) == MOVED_SOME;
        moves |= to_door(stream) == MOVED_SOME;
        moves |= from_door(stream) == MOVED_SOME;
        if (written == MOVED_SOME && stream->inner_ended)
            stream->deadline_ms = now_ms + TLS_STREAM_STALL_MS;
    }
    if (stream->inner_ended && is_empty(&stream->down))
        say_good_bye(stream, now_ms);
    else if (stream->inner_ended && stream->deadline_ms == INT64_MAX)
        stream->deadline_ms = now_ms + TLS_STREAM_STALL_MS;
    return moves;
}

bool tls_stream_pump(struct tls_stream *stream, int64_t now_ms)
{
    bool has_more = false;
    if (stream->phase == TLS_STREAM_HANDSHAKE)
        shake_hands(stream);
    if (stream->phase == TLS_STREAM_OPEN)
        has_more = carry(stream, now_ms);
    if (stream->phase == TLS_STREAM_LINGER)
        linger(stream);
    return has_more && stream->phase == TLS_STREAM_OPEN;
}

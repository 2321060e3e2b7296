/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http: the API server: sockets in, requests to the handlers, answers out. The door of
 * libmicrohttpd.
 *
 * What comes is judged and parsed by gate.h at the door, before the library has it; the
 * library counts the body's bytes and writes the answer, on one thread of its own. Every
 * connection carries one request ("Connection: close"). Reads answer at once from the view in
 * force. A change is submitted to the world and its connection suspended; the world's callback
 * makes the answer and resumes it. Long polls and event streams sleep suspended until the world has
 * another view. So nothing here waits for a disk or for dnsd (http/flight.h).
 *
 * Two ways in: TCP, by TLS or in the clear, with a token or a client certificate; and a UNIX
 * socket, where the kernel names the peer (http/ways.h, http/identity.h). A proxy in front must
 * itself refuse ambiguous framing. */
#pragma once
#include "api/auth/auth.h"
#include "api/view/events.h"
#include "api/tls/context.h"
#include "api/world/world.h"
#include "zones/base/error.h"

/* 0 means the default. */
struct http_limits {
    unsigned connections;  /* 256 */
    unsigned per_address;  /* 64; not on the UNIX socket */
    unsigned head_ms;      /* 10 s from accept to the whole head */
    unsigned request_ms;   /* 10 s from accept to the whole body */
    unsigned answer_ms;    /* 150 s: 64 waiting changes of at most 2 s each, and then the reading */
    unsigned idle_s;       /* 15 s without a byte, while the library has the connection */
    unsigned stop_ms;      /* 5 s for changes under way when the server stops */
    unsigned waiting;      /* 100 event streams and long polls together */
    unsigned heartbeat_ms; /* 15 s without an event, then a comment */
};

struct http_options {
    const char *address;     /* "127.0.0.1:8053"; NULL: no TCP */
    const char *socket_path; /* DIR/api.sock; NULL: none */
    bool has_socket_group;
    gid_t socket_group;       /* its members may connect to the socket */
    struct tls_context *tls;  /* of the TCP address, borrowed for the call; NULL: in the clear */
    const char *const *hosts; /* names under which it may be asked besides its own; NULL: none */
    bool is_insecure;         /* in the clear on an address that is not loopback */
    struct http_limits limits;
    struct events *events; /* for those who follow them; borrowed */
};

struct http;

/* World and auth are borrowed for the server's life. NULL: *err says why, with a mend. */
NODISCARD struct http *http_start(const struct http_options *options, struct world *world,
                                  struct auth *auth, struct error *err);

/* "127.0.0.1:8053", with the port that the kernel chose when 0 was asked for; "" without TCP. */
const char *http_address(const struct http *http);

/* New connections get this certificate, whose reference is taken over. Nothing happens where there
 * is no TLS. Any thread, one at a time. */
void http_set_tls(struct http *http, struct tls_context *tls);

/* Accepts nothing more, lets changes under way end and be answered (the world must still run), then
 * closes everything and removes the socket file. NULL is fine. */
void http_stop(struct http *http);

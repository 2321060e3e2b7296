/* SPDX-License-Identifier: GPL-3.0-or-later */
/* door: accepts connections, looks at the head of the request before the HTTP library does,
 * and ends those that take too long.
 *
 * libmicrohttpd hides what matters (a NUL cuts a header, a bare LF ends a line), its timeout counts
 * idle time only, and at its limit it turns away whoever comes next. So one thread of ours
 * accepts, peeks (recv(2), MSG_PEEK: the bytes stay for the library) until the head is whole,
 * and lets gate_judge decide. Only then the library gets the socket; what is refused gets its
 * answer here. A connection carries one request: nothing can hide behind the first.
 *
 * Deadlines run from accept and do not restart with a byte: the head within head_ms, the body
 * within request_ms, the answer within answer_ms. When the door is full, overall or for one
 * address, the oldest connection that still owes us its request makes way, so that a flood of slow
 * ones does not keep a healthy client out. */
#pragma once
#include "api/http/gate.h"
#include "api/tls/peer.h"
#include "zones/base/error.h"
#include <netinet/in.h>
#include <sys/socket.h>

struct door_limits {
    unsigned connections;
    unsigned per_address; /* an IPv4 address or an IPv6 /64; not on the UNIX socket */
    unsigned head_ms, request_ms, answer_ms;
};

struct door_listener {
    int fd; /* -1: its connections come by door_take */
    bool is_unix;
    struct gate_hosts hosts; /* its names are borrowed, until door_set_hosts names others */
};

/* A connection whose head has passed. Read-only for all but the door. */
struct door_connection {
    int fd;
    bool is_unix;
    uid_t uid; /* of the peer, when is_unix (SO_PEERCRED, unix(7)) */
    gid_t gid;
    struct sockaddr_storage peer;
    socklen_t peer_len;
    struct tls_peer *tls;              /* a reference; NULL: no TLS */
    char source[INET6_ADDRSTRLEN + 4]; /* "192.0.2.1", "2001:db8::/64"; for limits and logs */
    struct gate_head head;             /* its slices borrow `bytes` */
    uint8_t *bytes;
};

struct door;

/* Takes a connection over, or closes its socket and gives false. On the door's thread. */
typedef bool door_pass(void *context, struct door_connection *connection);

struct door_options {
    const struct door_listener *listeners; /* at most two; their descriptors are taken */
    size_t listener_count;
    struct door_limits limits;
    door_pass *pass;
    void *context;
};

/* Takes the listeners, also on failure. *door is set before a connection can pass. */
NODISCARD bool door_open(const struct door_options *options, struct door **door, struct error *err);

/* A connection that somebody else has accepted. */
struct door_offer {
    int fd;
    size_t listener; /* whose hosts count: its place in the options */
    struct sockaddr_storage peer;
    socklen_t peer_len;
    struct tls_peer *tls; /* a reference */
};

/* Takes descriptor and reference over in any case. Any thread. False: the door takes no more. */
NODISCARD bool door_take(struct door *door, const struct door_offer *offer);

/* From when it returns, these hosts count at that listener, and nobody looks at the old ones. */
void door_set_hosts(struct door *door, size_t listener, const struct gate_hosts *hosts);

/* No more connections; those that have not passed are closed. The passed ones go on. */
void door_shut(struct door *door);

/* Waits until no passed connection is left, at most wait_ms. False: some are. */
bool door_wait_empty(struct door *door, unsigned wait_ms);

/* After door_shut, and when the library has let go of every connection. NULL is fine. */
void door_free(struct door *door);

/* The passed connection with that descriptor; NULL: none. */
struct door_connection *door_find(struct door *door, int fd);

/* The request is whole: from now on answer_ms counts. */
void door_request_is_whole(struct door *door, struct door_connection *connection);

/* The answer may take that much longer than others: a long poll. */
void door_may_take(struct door *door, struct door_connection *connection, int64_t extra_ms);

/* The answer has no end: it stays until it is closed. */
void door_stays(struct door *door, struct door_connection *connection);
/* The body that comes may be that long: so much more time, at a quarter of a MiB a second. */
void door_expect_body(struct door *door, struct door_connection *connection, uint64_t bytes);

/* The library is about to close the socket. Frees the connection. */
void door_release(struct door *door, struct door_connection *connection);

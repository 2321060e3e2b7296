/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ways: the ways into the API: a TCP address, in the clear or by TLS, and a UNIX socket; and
 * under which names (Host fields) the first may be asked.
 *
 * In the clear only a loopback address is taken, unless somebody insists: tokens would travel for
 * everybody to read. By TLS the names of the certificate may be asked for, too: who makes another
 * name resolve to us (DNS rebinding, http/gate.h) has no certificate for it. */
#pragma once
#include "api/http/listen.h"
#include "api/tls/relay.h"

struct ways_options {
    const char *address;      /* "127.0.0.1:8053"; NULL: no TCP */
    const char *socket_path;  /* NULL: none */
    gid_t socket_group;       /* (gid_t)-1: none */
    struct tls_context *tls;  /* of the TCP address; a reference is taken over; NULL: no TLS */
    const char *const *hosts; /* further names, NULL-terminated; NULL: none */
    bool is_insecure;         /* take any address without TLS */
};

struct http_ways {
    struct ways_options options;
    char address[HTTP_LISTEN_TEXT_SIZE]; /* as bound; "": no TCP */
    bool has_socket;                     /* the file is there */
    uint16_t port;
    bool is_wildcard;   /* bound to all addresses */
    int tls_fd;         /* of the relay to be; -1 */
    struct text *names; /* heap, as what they point to */
    size_t name_count;
    struct tls_relay *relay;
};

/* Makes the sockets: listeners[0..*count) for the door, which takes them. *ways is to be given to
 * ways_close in any case; the options' strings must outlive it. */
NODISCARD bool ways_open(struct http_ways *ways, const struct ways_options *options,
                         struct door_listener listeners[static 2], size_t *count,
                         struct error *err);

/* Lets TLS in, once the door is open. */
NODISCARD bool ways_start(struct http_ways *ways, struct door *door,
                          const struct door_limits *limits, struct error *err);

/* From now on connections get this certificate, whose reference is taken over; those that are there
 * keep theirs. Only where there was one before. */
void ways_set_tls(struct http_ways *ways, struct door *door, struct tls_context *tls);

/* Before the door is shut: no more TLS connections. */
void ways_shut(struct http_ways *ways);

/* Before the door is freed: gives what was answered at most wait_ms to be read. */
void ways_close(struct http_ways *ways, unsigned wait_ms);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen: addresses to listen on, as text and as sockets.
 *
 * UDP workers share an address by SO_REUSEPORT, which would let a second server of the same user
 * share it too, and silently take half of the queries. So the first socket of an address is bound
 * without it, which fails when anybody has the port; it gets the option after that, and the
 * sockets of the other workers join it. */
#pragma once
#include "zones/base/error.h"
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    LISTEN_TEXT_BYTES = 80
}; /* "[IPv6%interface]:port" */

struct listen_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } socket;
    socklen_t len;
    char text[LISTEN_TEXT_BYTES]; /* as given */
};

/* Parses "192.0.2.1:53" or "[2001:db8::1]:53". */
NODISCARD bool listen_parse(const char *text, struct listen_address *address, struct error *err);

/* True for 0.0.0.0 and [::]: then answers must say from which address they leave. */
bool listen_is_wildcard(const struct listen_address *address);

/* Opens one UDP socket a worker into fds[0..count), all or none (then every fd is -1). */
NODISCARD bool listen_open_datagrams(const struct listen_address *address, int *fds, uint32_t count,
                                     struct error *err);

/* Sets what answering over a bound UDP socket takes. errno says why not. */
NODISCARD bool listen_set_up_datagram(int fd, const struct listen_address *address);

/* Opens the non-blocking TCP listener. -1: failed. */
int listen_open_stream(const struct listen_address *address, struct error *err);

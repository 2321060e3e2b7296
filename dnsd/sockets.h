/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sockets: those we answer on, whoever opened them: we, systemd, a keeper, or the server that we
 * take over from.
 *
 * What somebody else opened tells by itself what it is (SO_TYPE, getsockname). Several UDP sockets
 * of one address are one a worker; where there are fewer than workers are wished, workers share. */
#pragma once
#include "dnsd/options.h"

struct sockets_datagram {
    int fd;
    uint32_t address; /* index */
};

struct sockets {
    struct sockets_datagram datagrams[OPTIONS_MAX_THREADS];
    uint32_t datagram_count;
    struct sockets_datagram listeners[OPTIONS_MAX_ADDRESSES];
    uint32_t listener_count;
};

/* Takes over a bound UDP socket or a TCP listener of IPv4 or IPv6, also on failure; its address
 * joins options->addresses if it is not there. */
NODISCARD bool sockets_take(struct sockets *sockets, struct options *options, int fd,
                            struct error *err);

/* Opens what is missing of options->addresses, and has every address served by options->workers
 * threads at least: a socket of an address without enough of them is listed several times. */
NODISCARD bool sockets_complete(struct sockets *sockets, const struct options *options,
                                struct error *err);

/* Closes the sockets of addresses from the `count`-th on, and forgets these. */
void sockets_keep(struct sockets *sockets, struct options *options, uint32_t count);

/* Closes those that nobody took: fields that became -1 are left alone. */
void sockets_close(struct sockets *sockets);

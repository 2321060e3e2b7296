/* SPDX-License-Identifier: GPL-3.0-or-later */
/* relay: takes TLS off connections before anybody reads a request.
 *
 * One thread accepts, shakes hands, and carries plain bytes between each connection and one end of
 * a socket pair; the other end goes to the door (http/door.h) at once, with the peer's address. So
 * the gate sees every head, and the door's limits and deadlines hold from accept on, for handshakes
 * too: when it closes its end, the connection ends. The relay itself only bounds what the door
 * cannot see: how long a client may take to read the rest of an answer, and to say good-bye.
 *
 * Memory for a connection is bounded (two buffers and OpenSSL's own), and so is their number. */
#pragma once
#include "api/http/door.h"
#include "api/tls/context.h"

struct tls_relay;

struct tls_relay_options {
    int listener_fd;             /* taken, also on failure */
    struct tls_context *context; /* a reference is taken over, also on failure */
    struct door *door;
    size_t door_listener;  /* whose hosts count */
    unsigned connections;  /* at most, with those that the door is done with */
    unsigned handshake_ms; /* from accept */
};

NODISCARD struct tls_relay *tls_relay_start(const struct tls_relay_options *options,
                                            struct error *err);

/* New connections use it; a reference is taken over. Any thread. */
void tls_relay_set_context(struct tls_relay *relay, struct tls_context *context);

/* Accepts nothing more. */
void tls_relay_shut(struct tls_relay *relay);

/* After the door's connections are gone: gives what was answered at most wait_ms to be read, then
 * ends. NULL is fine. */
void tls_relay_stop(struct tls_relay *relay, unsigned wait_ms);

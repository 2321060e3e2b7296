/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peer: what TLS knows of who is at the other end, between the relay, which finds it out, and
 * the HTTP side, which asks. Counted by reference: either end may go first.
 *
 * The relay names the peer before it hands the first byte of the request over, and never again. */
#pragma once
#include "api/auth/auth.h"

enum {
    TLS_NAME_SIZE = 64, /* of a client certificate, as the mapping has it */
    TLS_MARK_SIZE = 5,  /* four hexadecimal digits of the certificate's SHA-256 */
};

struct tls_peer {
    unsigned refs;  /* atomic */
    bool is_named;  /* atomic: a certificate that is mapped to a role; what follows is set */
    enum role role; /* of the mapping */
    char name[TLS_NAME_SIZE];
    char mark[TLS_MARK_SIZE];
};

struct tls_peer *tls_peer_new(void);
struct tls_peer *tls_peer_ref(struct tls_peer *peer);
void tls_peer_unref(struct tls_peer *peer); /* NULL is fine */

/* Once, before anybody else can ask. */
void tls_peer_name(struct tls_peer *peer, enum role role, const char *name, const char *mark);

/* False: no certificate, or one that is mapped to no role. NULL is fine. */
bool tls_peer_is_named(const struct tls_peer *peer);

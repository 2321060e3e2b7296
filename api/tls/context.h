/* SPDX-License-Identifier: GPL-3.0-or-later */
/* context: certificate, key and whom client certificates stand for, read from files and checked
 * before any connection uses them. A door of OpenSSL.
 *
 * TLS 1.2 and 1.3, with key exchange over elliptic curves and authenticated ciphers alone: no
 * finite-field Diffie-Hellman, whose cost a stranger can force ("DHEat", CVE-2002-20001). No
 * session is resumed, so that a certificate that is not mapped any more is refused at the next
 * connection. Early data is off.
 *
 * A client certificate that an authority of `client_ca` has signed stands for the first row of
 * `clients` that has one of its names: those of the subjectAltName (DNS, e-mail, URI), or the
 * common name when it has none of these (RFC 9525 is of servers, and says the same of them). One
 * that no row has is as good as none; one that does not verify ends the handshake. */
#pragma once
#include "api/tls/peer.h"
#include "zones/base/arena.h"

enum {
    TLS_CLIENTS_MAX = 64
};

struct tls_files {
    const char *certificate, *key; /* PEM; the certificate with its chain */
    const char *client_ca;         /* PEM; NULL: client certificates are not asked for */
    const char *const *clients;    /* "NAME=ROLE", NULL-terminated; NULL: none */
};

struct tls_context;

/* NULL: *err says which file is wrong, and how. Nothing is asked on a terminal. */
NODISCARD struct tls_context *tls_context_load(const struct tls_files *files, struct error *err);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* NULL is fine */

/* The names of the certificate that a client may ask for, lower-case: DNS names and addresses
 * ("[::1]"), count of them. They live as long as the context. */
const struct text *tls_context_names(const struct tls_context *context, size_t *count);

/* When the certificate ends, UTC. */
int64_t tls_context_expires_at_ms(const struct tls_context *context);

struct ssl_st;

/* A connection over `fd`, which stays the caller's; NULL: no memory. */
struct ssl_st *tls_context_accept(const struct tls_context *context, int fd);

/* After the handshake: names the peer when its certificate is mapped. */
void tls_context_identify(const struct tls_context *context, struct ssl_st *ssl,
                          struct tls_peer *peer);

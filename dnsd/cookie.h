/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cookie: DNS cookies (RFC 7873), with the server cookie of RFC 9018, so that servers of one
 * address which share a secret understand each other's, whoever made them:
 *
 *     client cookie 8 · version 1 · reserved 000000 · seconds 4 · SipHash-2-4 8
 *
 * where the hash is over all before it and the client's address. A valid cookie proves that its
 * sender gets what is sent to that address. Nothing is refused without one; but rate limits do not
 * hold who has it.
 *
 * There are two secrets: cookies are made with the first, both are accepted, so that a new secret
 * can be brought in everywhere before it is used (RFC 9018 section 5).
 *
 * Part of the decision: no libc, no clock, bounded work. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum {
    COOKIE_CLIENT_BYTES = 8,
    COOKIE_BYTES = 24,     /* client and server cookie */
    COOKIE_MAX_BYTES = 40, /* of anybody's making: RFC 7873 section 4 */
    COOKIE_SECRETS = 2,
    COOKIE_SECRET_BYTES = 16,
    COOKIE_VALID_S = 3600, /* RFC 9018 section 4.3: older ones are refused, */
    COOKIE_RENEW_S = 1800, /* these get a new one, */
    COOKIE_FUTURE_S = 300, /* and so much a sibling's clock may be ahead */
};

enum cookie_state {
    COOKIE_NONE,        /* the query has none, or we make none */
    COOKIE_CLIENT_ONLY, /* the client says that it knows cookies */
    COOKIE_BAD,         /* not ours, of another address, forged, or too old */
    COOKIE_VALID,
};

/* Written by the control thread while workers read: words that are stored and loaded alone. Who
 * reads half of a change takes one good cookie for a bad one; its sender gets a new one. */
struct cookie_secrets {
    _Atomic uint64_t word[COOKIE_SECRETS][2];
    _Atomic uint32_t count; /* 0: no cookies */
};

struct cookie_secret {
    uint8_t bytes[COOKIE_SECRET_BYTES];
};

/* Replaces all; `count` is 0 to COOKIE_SECRETS. */
void cookie_secrets_store(struct cookie_secrets *secrets, const struct cookie_secret *secret,
                          uint32_t count);

struct query;
struct question;

/* Judges the cookie of a question that parsed, while the query's bytes are whole: sets its
 * cookie_state and the cookie that goes back. */
void cookie_judge(const struct cookie_secrets *secrets, const struct query *query,
                  struct question *question);

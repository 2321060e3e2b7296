/* SPDX-License-Identifier: GPL-3.0-or-later */
/* auth: who asks, and what may they do.
 *
 * Two ways in. Over TCP a token: 256 random bits, made at the first start and kept in
 * DIR/admin.token (mode 0600); in memory stands only its SHA-256, compared in constant time. Over
 * the UNIX socket the kernel says who the peer is (SO_PEERCRED, unix(7)): root and the user that
 * srvpland runs as are administrators, everybody else is refused.
 *
 * A source that fails 10 times within a minute is refused unheard until the oldest of those
 * failures is a minute old, so that neither log nor processor can be filled by guessing. Sources
 * are text (an address; give IPv6 ones as their /64, since one host owns that many), the newest 64
 * are remembered. Times are arguments, of clock_monotonic_ms; one that runs back starts a new
 * count, never a longer wait.
 *
 * Every function may be called from any thread. */
#pragma once
#include "zones/base/bytes.h"
#include "zones/base/error.h"
#include <sys/types.h>

enum {
    AUTH_TOKEN_LENGTH = 4 + 43, /* "svp_" + base64url of 32 bytes, RFC 4648 section 5, no padding */
    AUTH_ACTOR_SIZE = 72,
    AUTH_SOURCE_SIZE = 72,
    AUTH_FAILURES_MAX = 10,
    AUTH_FAILURES_WINDOW_MS = 60 * 1000,
    AUTH_SOURCES_MAX = 64,
};

/* Each role may do what those before it may. */
enum role {
    ROLE_NONE,
    ROLE_VIEWER,   /* read */
    ROLE_OPERATOR, /* drain, weight, window */
    ROLE_ADMIN,    /* inventory, rollback, tokens */
};
const char *role_print(enum role role);

struct auth_identity {
    enum role role;
    char actor[AUTH_ACTOR_SIZE];   /* "root", "uid 1234", "admin-token" */
    char source[AUTH_SOURCE_SIZE]; /* "socket uid 0", "127.0.0.1 token 3f2a" */
};

struct auth;

/* Reads DIR/admin.token, or makes it when there is none. `directory` is DIR's descriptor, used only
 * in the call. Errors: the file can be read by others, belongs to somebody else, or holds no token:
 * each with what to do. */
NODISCARD struct auth *auth_open(int directory, struct error *err);
void auth_close(struct auth *auth);

/* A token, and where and when it was sent. */
struct auth_attempt {
    struct text token;
    struct text source; /* address */
    int64_t now_ms;
};

/* Judges a token. ERROR_DENIED: it is wrong (401; *retry_after_s is 0), or its source failed too
 * often and was not heard (429; *retry_after_s says how long to wait). An empty token is refused
 * but not counted: a request without one guesses nothing. *identity is written on success only. */
NODISCARD bool auth_check_token(struct auth *auth, const struct auth_attempt *attempt,
                                struct auth_identity *identity, uint32_t *retry_after_s,
                                struct error *err);

/* Judges the user at the other end of a UNIX socket. ERROR_DENIED: neither root nor our own. */
NODISCARD bool auth_check_peer(const struct auth *auth, uid_t uid, struct auth_identity *identity,
                               struct error *err);

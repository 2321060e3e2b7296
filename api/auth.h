/* SPDX-License-Identifier: GPL-3.0-or-later */
/* auth: who asks, and what may they do.
 *
 * Two ways in. Over TCP a token: 256 random bits. One is made at the first start and kept in
 * DIR/admin.token (mode 0600); others are given out by administrators (tokens.h), with a role, an
 * end, and a scope. Only SHA-256s are kept, and compared in constant time. Over the UNIX socket the
 * kernel says who the peer is (SO_PEERCRED, unix(7)): root and the user that srvpland runs as are
 * administrators, everybody else is refused; but a token that is sent there decides alone.
 *
 * Who guesses is not heard for a while (auth_throttle.h).
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
};

/* Each role may do what those before it may. */
enum role {
    ROLE_NONE,
    ROLE_VIEWER,   /* read */
    ROLE_OPERATOR, /* drain, weight, window */
    ROLE_ADMIN,    /* inventory, rollback, tokens */
};
const char *role_print(enum role role);
NODISCARD bool role_parse(struct text text, enum role *role); /* not "none" */

struct arena;
struct tokens;

struct auth_identity {
    enum role role;
    char actor[AUTH_ACTOR_SIZE];   /* "root", "uid 1234", "admin-token", "token:deploy" */
    char source[AUTH_SOURCE_SIZE]; /* "socket uid 0", "127.0.0.1 token 3f2a" */
    struct text token;             /* id of the token; empty: none of tokens.h */
    struct text nodes, domains;    /* that it may change, one space between; empty: all */
    int64_t expires_at_ms;         /* 0: never */
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
    struct text source;          /* address */
    int64_t now_ms;              /* clock_monotonic_ms */
    int64_t now_utc_ms;          /* for expiry */
    const struct tokens *tokens; /* in force; NULL: none but admin.token */
    struct arena *arena;         /* where texts of the identity live; needed with tokens */
};

/* Judges a token. ERROR_DENIED: it is wrong or has expired (401; *retry_after_s is 0), or its
 * source failed too often and was not heard (429; *retry_after_s says how long to wait). An empty
 * token is refused but not counted: a request without one guesses nothing. *identity is written on
 * success only. */
NODISCARD bool auth_check_token(struct auth *auth, const struct auth_attempt *attempt,
                                struct auth_identity *identity, uint32_t *retry_after_s,
                                struct error *err);

/* Judges the user at the other end of a UNIX socket. ERROR_DENIED: neither root nor our own. */
NODISCARD bool auth_check_peer(const struct auth *auth, uid_t uid, struct auth_identity *identity,
                               struct error *err);

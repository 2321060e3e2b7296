/* SPDX-License-Identifier: GPL-3.0-or-later */
/* auth: who asks, and what may they do.
 *
 * Two ways in. Over TCP a token: 256 random bits. One is made at the first start and kept in
 * DIR/admin.token (mode 0600); others are given out by administrators (auth/tokens.h), with a role,
 * an end, and a scope. Only SHA-256s are kept, and compared in constant time. A token can be
 * changed for a session (auth/session.h). Over the UNIX socket the kernel says who the peer is
 * (SO_PEERCRED and SO_PEERGROUPS, unix(7)): root and the user that srvpland runs as are
 * administrators, members of one group have a role of their own, everybody else is refused.
 *
 * Who guesses is not heard for a while (auth/throttle.h).
 *
 * Every function may be called from any thread. */
#pragma once
#include "zones/base/digest.h"
#include "zones/base/error.h"
#include <sys/types.h>

enum {
    AUTH_TOKEN_LENGTH = 4 + 43, /* "svp_" + base64url of 32 bytes, RFC 4648 section 5, no padding */
    AUTH_ACTOR_SIZE = 72,
    AUTH_SOURCE_SIZE = 72,
    AUTH_FAILURES = 10,
    AUTH_PAUSE_S = 60,
    AUTH_SESSION_S = 12 * 3600,
    AUTH_SESSION_IDLE_S = 3600,
    AUTH_GROUPS_MAX = 256, /* of a peer; who has more is looked at by these */
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
    struct text token;             /* id of the token; empty: none of auth/tokens.h */
    struct text nodes, domains;    /* that it may change, one space between; empty: all */
    int64_t expires_at_ms;         /* 0: never */
    bool has_session;              /* it came by a session */
    struct digest session;
};

struct auth_settings {
    uint32_t failures, pause_s; /* auth/throttle.h; up to 100 */
    uint32_t session_s, session_idle_s;
    bool has_group; /* members of socket_group have the role socket_role on the socket */
    gid_t socket_group;
    enum role socket_role;
};

struct auth;

/* Reads DIR/admin.token, or makes it when there is none. `directory` is DIR's descriptor, used only
 * in the call. Errors: the file can be read by others, belongs to somebody else, or holds no token:
 * each with what to do. */
NODISCARD struct auth *auth_open(int directory, struct error *err);
void auth_close(struct auth *auth);

/* Before, they are the constants above, and there is no group. */
void auth_set(struct auth *auth, const struct auth_settings *settings);

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

/* The user at the other end of a UNIX socket. */
struct auth_peer {
    uid_t uid;
    const gid_t *groups; /* its groups, the first one too */
    size_t group_count;
};

/* ERROR_DENIED: neither root, nor our own user, nor of the group. */
NODISCARD bool auth_check_peer(struct auth *auth, const struct auth_peer *peer,
                               struct auth_identity *identity, struct error *err);

/* Changes an identity that came by a token for a session. `secret` is what its cookie carries. */
NODISCARD bool auth_begin_session(struct auth *auth, const struct auth_identity *identity,
                                  int64_t now_ms, char secret[static AUTH_TOKEN_LENGTH + 1],
                                  uint32_t *lifetime_s, struct error *err);

/* Judges what a cookie carries (the attempt's token). ERROR_DENIED: the session is over, or its
 * token is. */
NODISCARD bool auth_check_session(struct auth *auth, const struct auth_attempt *attempt,
                                  struct auth_identity *identity, struct error *err);
void auth_end_session(struct auth *auth, struct text secret);

/* False: the token or session of an identity that was let in has ended since. */
bool auth_still_holds(struct auth *auth, const struct auth_identity *identity,
                      const struct tokens *tokens, int64_t now_ms, int64_t now_utc_ms);

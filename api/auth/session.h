/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session: who has shown a token once and goes on with a cookie: the dashboard's way in.
 *
 * A session is a random secret of 256 bits, of which only the SHA-256 is kept, in memory: after a
 * restart people sign in again. It ends when it is as old as its lifetime, when it was idle for too
 * long, when it is ended, or when the token that began it is revoked or expires. Not for two
 * threads at a time. */
#pragma once
#include "api/auth/auth.h"
#include "api/auth/file.h"
#include "api/auth/tokens.h"

enum {
    SESSIONS_MAX = 256, /* the one that was idle for longest makes way */
};

struct session;

struct sessions {
    int64_t lifetime_ms, idle_ms;
    struct session *rows[SESSIONS_MAX];
    size_t count;
};

/* Everybody signs in again. */
void sessions_fini(struct sessions *sessions);

/* Begins one for an identity that came by a token; its secret has the form of a token. Times are
 * those of clock_monotonic_ms. */
NODISCARD bool sessions_begin(struct sessions *sessions, const struct auth_identity *identity,
                              int64_t now_ms, char secret[static AUTH_TOKEN_LENGTH + 1],
                              struct error *err);

/* Whose session it is; it is not idle then. The identity's texts live in the arena. False: nobody's
 * any more. */
NODISCARD bool sessions_find(struct sessions *sessions, struct text secret, int64_t now_ms,
                             struct arena *arena, struct auth_identity *identity);

/* True while the session of that digest goes on; it is not idle then: a page that follows events
 * asks no more than once. */
bool sessions_go_on(struct sessions *sessions, const struct digest *secret, int64_t now_ms);

void sessions_end(struct sessions *sessions, struct text secret);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/auth/session.h"

#include <stdlib.h>
#include <string.h>

struct session {
    struct digest secret;
    struct auth_identity identity; /* its texts live in the arena */
    struct arena arena;
    int64_t begun_ms, used_ms;
};

static void session_free(struct session *session)
{
    arena_fini(&session->arena);
    free(session);
}

static void take_out(struct sessions *sessions, size_t i)
{
    session_free(sessions->rows[i]);
    sessions->rows[i] = sessions->rows[--sessions->count];
}

void sessions_fini(struct sessions *sessions)
{
    while (sessions->count)
        take_out(sessions, 0);
}

/* A clock that runs back does not end a session, nor make it longer than its lifetime. */
static bool is_over(const struct sessions *sessions, const struct session *session, int64_t now_ms)
{
    return now_ms - session->begun_ms >= sessions->lifetime_ms ||
           now_ms - session->used_ms >= sessions->idle_ms;
}

static void forget_old(struct sessions *sessions, int64_t now_ms)
{
    for (size_t i = 0; i < sessions->count;)
        if (is_over(sessions, sessions->rows[i], now_ms))
            take_out(sessions, i);
        else
            i++;
}

static void make_room(struct sessions *sessions)
{
    size_t idle = 0;
    if (sessions->count < SESSIONS_MAX)
        return;
    for (size_t i = 1; i < sessions->count; i++)
        if (sessions->rows[i]->used_ms < sessions->rows[idle]->used_ms)
            idle = i;
    take_out(sessions, idle);
}

static struct auth_identity identity_copy(const struct auth_identity *identity, struct arena *arena)
{
    struct auth_identity copy = *identity;
    copy.token = arena_text(arena, identity->token);
    copy.nodes = arena_text(arena, identity->nodes);
    copy.domains = arena_text(arena, identity->domains);
    return copy;
}

bool sessions_begin(struct sessions *sessions, const struct auth_identity *identity, int64_t now_ms,
                    char secret[static AUTH_TOKEN_LENGTH + 1], struct error *err)
{
    if (!auth_token_make(secret, err))
        return false;
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        abort();
    forget_old(sessions, now_ms);
    make_room(sessions);
    session->secret = auth_token_digest(text_from(secret));
    session->identity = identity_copy(identity, &session->arena);
    session->identity.has_session = true;
    session->identity.session = session->secret;
    session->begun_ms = session->used_ms = now_ms;
    sessions->rows[sessions->count++] = session;
    return true;
}

/* NULL: none that goes on. As with tokens, what the search tells is of digests alone. */
static struct session *find(const struct sessions *sessions, const struct digest *secret,
                            int64_t now_ms)
{
    struct session *found = NULL;
    for (size_t i = 0; i < sessions->count; i++)
        if (digest_equal_constant_time(&sessions->rows[i]->secret, secret))
            found = sessions->rows[i];
    return found && !is_over(sessions, found, now_ms) ? found : NULL;
}

bool sessions_find(struct sessions *sessions, struct text secret, int64_t now_ms,
                   struct arena *arena, struct auth_identity *identity)
{
    struct digest digest = auth_token_digest(secret);
    struct session *session = find(sessions, &digest, now_ms);
    if (!session)
        return false;
    session->used_ms = now_ms;
    *identity = identity_copy(&session->identity, arena);
    return true;
}

bool sessions_go_on(struct sessions *sessions, const struct digest *secret, int64_t now_ms)
{
    struct session *session = find(sessions, secret, now_ms);
    if (session)
        session->used_ms = now_ms;
    return session != NULL;
}

void sessions_end(struct sessions *sessions, struct text secret)
{
    struct digest digest = auth_token_digest(secret);
    for (size_t i = 0; i < sessions->count; i++)
        if (digest_equal_constant_time(&sessions->rows[i]->secret, &digest)) {
            take_out(sessions, i);
            return;
        }
}

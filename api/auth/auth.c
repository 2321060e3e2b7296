/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/auth/auth.h"

#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/auth/session.h"
#include "api/auth/throttle.h"
#include "api/auth/tokens.h"
#include "zones/base/clock.h"
#include "zones/base/log.h"

struct auth {
    struct digest admin_token;
    uid_t owner;
    pthread_mutex_t lock; /* of what follows */
    struct auth_settings settings;
    struct throttle throttle;
    struct sessions sessions;
};

static const char *const roles[] = {
    [ROLE_NONE] = "none",
    [ROLE_VIEWER] = "viewer",
    [ROLE_OPERATOR] = "operator",
    [ROLE_ADMIN] = "admin",
};

const char *role_print(enum role role)
{
    return roles[role];
}

bool role_parse(struct text text, enum role *role)
{
    for (size_t i = ROLE_VIEWER; i < COUNT_OF(roles); i++) {
        if (!text_is(text, roles[i]))
            continue;
        *role = (enum role)i;
        return true;
    }
    return false;
}

struct auth *auth_open(int directory, struct error *err)
{
    struct auth *auth = calloc(1, sizeof *auth);
    if (!auth || pthread_mutex_init(&auth->lock, NULL) != 0)
        abort();
    auth->owner = geteuid();
    auth_set(auth, &(struct auth_settings){.failures = AUTH_FAILURES,
                                           .pause_s = AUTH_PAUSE_S,
                                           .session_s = AUTH_SESSION_S,
                                           .session_idle_s = AUTH_SESSION_IDLE_S});
    if (auth_file_load(directory, auth->owner, &auth->admin_token, err))
        return auth;
    auth_close(auth);
    return NULL;
}

void auth_close(struct auth *auth)
{
    if (!auth)
        return;
    sessions_fini(&auth->sessions);
    pthread_mutex_destroy(&auth->lock);
    free(auth);
}

void auth_set(struct auth *auth, const struct auth_settings *settings)
{
    pthread_mutex_lock(&auth->lock);
    auth->settings = *settings;
    throttle_set(&auth->throttle, settings->failures, (int64_t)settings->pause_s * 1000);
    auth->sessions.lifetime_ms = (int64_t)settings->session_s * 1000;
    auth->sessions.idle_ms = (int64_t)settings->session_idle_s * 1000;
    pthread_mutex_unlock(&auth->lock);
}

/* Whose the token is; its source is filled in later. False with *err: nobody's (*is_guess), or it
 * has expired, which nobody can say who does not have it. */
static bool identify(const struct auth *auth, const struct auth_attempt *attempt,
                     const struct digest *digest, struct auth_identity *identity, bool *is_guess,
                     struct error *err)
{
    *is_guess = false;
    if (digest_equal_constant_time(digest, &auth->admin_token)) {
        *identity = (struct auth_identity){.role = ROLE_ADMIN, .actor = "admin-token"};
        return true;
    }
    const struct store_token *token = tokens_find_secret(attempt->tokens, digest);
    *is_guess = !token;
    if (!token)
        return error_set(err, ERROR_DENIED,
                         "the token is not known; it was revoked, or is another server's: "
                         "`srvplan token ls` lists those of this one");
    if (token->expires_at_ms && token->expires_at_ms <= attempt->now_utc_ms) {
        char when[CLOCK_TEXT_SIZE];
        return error_set(err, ERROR_DENIED, "the token \"%.*s\" expired at %s; ask for a new one",
                         (int)token->name.len, token->name.ptr,
                         clock_print(token->expires_at_ms, when));
    }
    *identity = (struct auth_identity){.role = (enum role)token->role,
                                       .token = arena_text(attempt->arena, token->id),
                                       .nodes = arena_text(attempt->arena, token->nodes),
                                       .domains = arena_text(attempt->arena, token->domains),
                                       .expires_at_ms = token->expires_at_ms};
    snprintf(identity->actor, sizeof identity->actor, "token:%.*s", (int)token->name.len,
             token->name.ptr);
    return true;
}

bool auth_check_token(struct auth *auth, const struct auth_attempt *attempt,
                      struct auth_identity *identity, uint32_t *retry_after_s, struct error *err)
{
    *retry_after_s = 0;
    if (!attempt->token.len)
        return error_set(err, ERROR_DENIED,
                         "no token; send Authorization: Bearer with one of `srvplan token create`, "
                         "or with that of admin.token in the state directory");
    struct digest digest = auth_token_digest(attempt->token);
    struct auth_identity found;
    struct error why = {0};
    bool is_guess;
    bool is_right = identify(auth, attempt, &digest, &found, &is_guess, &why);

    pthread_mutex_lock(&auth->lock);
    int64_t wait_ms = throttle_wait_ms(&auth->throttle, attempt->source, attempt->now_ms);
    bool is_closed_now = false;
    if (!wait_ms && is_guess) {
        throttle_fail(&auth->throttle, attempt->source, attempt->now_ms);
        is_closed_now = throttle_wait_ms(&auth->throttle, attempt->source, attempt->now_ms) > 0;
    }
    pthread_mutex_unlock(&auth->lock);
    if (is_closed_now) /* once a pause: guessing must not fill the log either */
        log_warning("too many wrong tokens; the source is not heard for a while",
                    log_text("source", attempt->source));

    int source_len = (int)(attempt->source.len < 56 ? attempt->source.len : 56);
    if (wait_ms) {
        *retry_after_s = (uint32_t)((wait_ms + 999) / 1000);
        return error_set(err, ERROR_DENIED, "too many failed attempts from %.*s; wait %u s",
                         source_len, attempt->source.ptr, *retry_after_s);
    }
    if (!is_right)
        return error_set(err, why.kind, "%s", why.message);
    *identity = found;
    /* Two bytes of the digest name the token in the audit without giving anything away. */
    char fingerprint[TOKEN_FINGERPRINT_SIZE];
    snprintf(identity->source, sizeof identity->source, "%.*s token %s", source_len,
             attempt->source.ptr, token_fingerprint(&digest, fingerprint));
    return true;
}

static void user_print(uid_t uid, char actor[static AUTH_ACTOR_SIZE])
{
    char buffer[4096];
    struct passwd entry, *found = NULL;
    bool has_name = getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found &&
                    found->pw_name[0] && strlen(found->pw_name) < AUTH_ACTOR_SIZE;
    if (has_name)
        snprintf(actor, AUTH_ACTOR_SIZE, "%s", found->pw_name);
    else
        snprintf(actor, AUTH_ACTOR_SIZE, "uid %u", uid);
}

static bool is_member(const struct auth_settings *settings, const struct auth_peer *peer)
{
    for (size_t i = 0; i < peer->group_count && settings->has_group; i++)
        if (peer->groups[i] == settings->socket_group)
            return true;
    return false;
}

bool auth_check_peer(struct auth *auth, const struct auth_peer *peer,
                     struct auth_identity *identity, struct error *err)
{
    char actor[AUTH_ACTOR_SIZE], owner[AUTH_ACTOR_SIZE];
    user_print(peer->uid, actor);
    pthread_mutex_lock(&auth->lock);
    struct auth_settings settings = auth->settings;
    pthread_mutex_unlock(&auth->lock);
    enum role role = ROLE_NONE;
    if (peer->uid == 0 || peer->uid == auth->owner)
        role = ROLE_ADMIN;
    else if (is_member(&settings, peer))
        role = settings.socket_role;
    if (role == ROLE_NONE) {
        user_print(auth->owner, owner);
        return error_set(err, ERROR_DENIED,
                         "%s may not use the socket; ask as root or %s, as a member of "
                         "socket-group, or send a token",
                         actor, owner);
    }
    *identity = (struct auth_identity){.role = role};
    memcpy(identity->actor, actor, sizeof actor);
    snprintf(identity->source, sizeof identity->source, "socket uid %u", peer->uid);
    return true;
}

/* ---- sessions ---- */

bool auth_begin_session(struct auth *auth, const struct auth_identity *identity, int64_t now_ms,
                        char secret[static AUTH_TOKEN_LENGTH + 1], uint32_t *lifetime_s,
                        struct error *err)
{
    pthread_mutex_lock(&auth->lock);
    bool done = sessions_begin(&auth->sessions, identity, now_ms, secret, err);
    *lifetime_s = auth->settings.session_s;
    pthread_mutex_unlock(&auth->lock);
    return done;
}

/* The token that an identity came by is in force; one of admin.token always is. */
static bool token_holds(const struct auth_identity *identity, const struct tokens *tokens,
                        int64_t now_utc_ms)
{
    return identity->token.len == 0 ||
           (tokens_find(tokens, identity->token) &&
            (identity->expires_at_ms == 0 || identity->expires_at_ms > now_utc_ms));
}

bool auth_check_session(struct auth *auth, const struct auth_attempt *attempt,
                        struct auth_identity *identity, struct error *err)
{
    struct auth_identity found;
    pthread_mutex_lock(&auth->lock);
    bool is_there =
        sessions_find(&auth->sessions, attempt->token, attempt->now_ms, attempt->arena, &found);
    pthread_mutex_unlock(&auth->lock);
    if (!is_there || !token_holds(&found, attempt->tokens, attempt->now_utc_ms))
        return error_set(err, ERROR_DENIED, "the session is over; sign in again");
    *identity = found;
    return true;
}

void auth_end_session(struct auth *auth, struct text secret)
{
    pthread_mutex_lock(&auth->lock);
    sessions_end(&auth->sessions, secret);
    pthread_mutex_unlock(&auth->lock);
}

bool auth_still_holds(struct auth *auth, const struct auth_identity *identity,
                      const struct tokens *tokens, int64_t now_ms, int64_t now_utc_ms)
{
    bool has_session = true;
    if (identity->has_session) {
        pthread_mutex_lock(&auth->lock);
        has_session = sessions_go_on(&auth->sessions, &identity->session, now_ms);
        pthread_mutex_unlock(&auth->lock);
    }
    return has_session && token_holds(identity, tokens, now_utc_ms);
}

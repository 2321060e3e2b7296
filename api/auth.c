/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/auth.h"

#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/auth_file.h"
#include "api/auth_throttle.h"
#include "api/tokens.h"
#include "zones/base/clock.h"

struct auth {
    struct digest admin_token;
    uid_t owner;
    pthread_mutex_t lock; /* of the throttle */
    struct throttle throttle;
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
    throttle_set(&auth->throttle, AUTH_FAILURES_MAX, AUTH_FAILURES_WINDOW_MS);
    if (auth_file_load(directory, auth->owner, &auth->admin_token, err))
        return auth;
    auth_close(auth);
    return NULL;
}

void auth_close(struct auth *auth)
{
    if (!auth)
        return;
    pthread_mutex_destroy(&auth->lock);
    free(auth);
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
    if (!wait_ms && is_guess)
        throttle_fail(&auth->throttle, attempt->source, attempt->now_ms);
    pthread_mutex_unlock(&auth->lock);

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

bool auth_check_peer(const struct auth *auth, uid_t uid, struct auth_identity *identity,
                     struct error *err)
{
    char actor[AUTH_ACTOR_SIZE];
    user_print(uid, actor);
    if (uid != 0 && uid != auth->owner) {
        char owner[AUTH_ACTOR_SIZE];
        user_print(auth->owner, owner);
        return error_set(err, ERROR_DENIED,
                         "%s may not use the socket; ask as root or %s, or send the token over TCP",
                         actor, owner);
    }
    *identity = (struct auth_identity){.role = ROLE_ADMIN};
    memcpy(identity->actor, actor, sizeof actor);
    snprintf(identity->source, sizeof identity->source, "socket uid %u", uid);
    return true;
}

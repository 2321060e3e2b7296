/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zones/base/digest.h"
#include "zones/base/file.h"

static const char token_file[] = "admin.token";
static const char token_staged[] = "admin.token.new";
static const char token_prefix[] = "svp_";
static const char token_mend[] = "remove it and restart srvpland to have a new one made";

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The last failures of one source, a ring. A source that is full and whose oldest failure is
 * younger than the window is not heard. */
struct auth_source {
    char name[AUTH_SOURCE_SIZE];
    int64_t failed_at_ms[AUTH_FAILURES_MAX];
    uint32_t count, oldest;
};

struct auth {
    struct digest admin_token;
    uid_t owner;
    pthread_mutex_t lock; /* of sources */
    struct auth_source sources[AUTH_SOURCES_MAX];
};

const char *role_print(enum role role)
{
    switch (role) {
    case ROLE_NONE:
        return "none";
    case ROLE_VIEWER:
        return "viewer";
    case ROLE_OPERATOR:
        return "operator";
    case ROLE_ADMIN:
        return "admin";
    }
    return "none";
}

static bool token_make(char token[static AUTH_TOKEN_LENGTH + 1], struct error *err)
{
    uint8_t secret[33] = {0}; /* 32 random bytes and one of padding, so that 3 divides them */
    if (getrandom(secret, 32, 0) != 32)
        return error_system(err, token_file, NULL, "cannot get random bytes");
    memcpy(token, token_prefix, 4);
    char *out = token + 4;
    for (size_t i = 0; i < sizeof secret; i += 3) {
        uint32_t group = (uint32_t)secret[i] << 16 | (uint32_t)secret[i + 1] << 8 | secret[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *out++ = base64url[group >> shift & 63];
    }
    token[AUTH_TOKEN_LENGTH] = '\0'; /* over the 44th character, which is all padding */
    explicit_bzero(secret, sizeof secret);
    return true;
}

static bool token_is_well_formed(struct text token)
{
    if (token.len != AUTH_TOKEN_LENGTH || !text_starts_with(token, token_prefix))
        return false;
    for (size_t i = 4; i < token.len; i++)
        if (!token.ptr[i] || !strchr(base64url, token.ptr[i]))
            return false;
    return true;
}

static struct digest token_digest(struct text token)
{
    return digest_of((struct bytes){(const uint8_t *)token.ptr, token.len});
}

static bool token_create(int directory, struct digest *digest, struct error *err)
{
    char line[AUTH_TOKEN_LENGTH + 2];
    if (!token_make(line, err))
        return false;
    *digest = token_digest((struct text){line, AUTH_TOKEN_LENGTH});
    line[AUTH_TOKEN_LENGTH] = '\n';
    struct bytes bytes = {(const uint8_t *)line, AUTH_TOKEN_LENGTH + 1};
    bool done = file_stage(directory, token_staged, &bytes, 1, 0600, err) &&
                file_publish(directory, token_staged, token_file, err);
    explicit_bzero(line, sizeof line);
    return done;
}

static bool token_file_check(int fd, uid_t owner, struct error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return error_system(err, token_file, NULL, "cannot look at");
    if (!S_ISREG(info.st_mode))
        return error_set(err, ERROR_INVALID, "%s: not a plain file; %s", token_file, token_mend);
    if (info.st_uid != owner && info.st_uid != 0)
        return error_set(err, ERROR_INVALID, "%s: belongs to uid %u, who may know it; %s",
                         token_file, info.st_uid, token_mend);
    if (info.st_mode & 077)
        return error_set(err, ERROR_INVALID,
                         "%s: mode %04o lets others read it, so it may be known; %s (if nobody "
                         "has, chmod 600 keeps it)",
                         token_file, info.st_mode & 07777, token_mend);
    return true;
}

/* The file is the token and one line end; an editor's missing line end is fine. */
static bool token_read(int fd, struct digest *digest, struct error *err)
{
    char line[AUTH_TOKEN_LENGTH + 3];
    size_t len = 0;
    ssize_t got = 1;
    while (len < sizeof line && got > 0) {
        got = read(fd, line + len, sizeof line - len);
        if (got < 0 && errno != EINTR)
            return error_system(err, token_file, NULL, "cannot read");
        len += got > 0 ? (size_t)got : 0;
    }
    if (len && line[len - 1] == '\n')
        len--;
    struct text token = {line, len};
    bool done = token_is_well_formed(token);
    if (done)
        *digest = token_digest(token);
    explicit_bzero(line, sizeof line);
    if (!done)
        return error_set(err, ERROR_INVALID, "%s: does not hold one token of the form svp_…; %s",
                         token_file, token_mend);
    return true;
}

static bool token_load(int directory, struct auth *auth, struct error *err)
{
    int fd = openat(directory, token_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return token_create(directory, &auth->admin_token, err);
    if (fd < 0)
        return error_system(err, token_file, token_mend, "cannot open");
    bool done = token_file_check(fd, auth->owner, err) && token_read(fd, &auth->admin_token, err);
    fd_close(&fd);
    return done;
}

struct auth *auth_open(int directory, struct error *err)
{
    struct auth *auth = calloc(1, sizeof *auth);
    if (!auth || pthread_mutex_init(&auth->lock, NULL) != 0)
        abort();
    auth->owner = geteuid();
    if (token_load(directory, auth, err))
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

static struct auth_source *source_find(struct auth *auth, struct text name)
{
    for (size_t i = 0; i < AUTH_SOURCES_MAX; i++)
        if (auth->sources[i].count && text_is(name, auth->sources[i].name))
            return &auth->sources[i];
    return NULL;
}

static int64_t source_newest_ms(const struct auth_source *source)
{
    uint32_t newest = (source->oldest + source->count - 1) % AUTH_FAILURES_MAX;
    return source->failed_at_ms[newest];
}

/* A free place, or that of the source that has been quiet for longest. */
static struct auth_source *source_add(struct auth *auth, struct text name)
{
    struct auth_source *quiet = &auth->sources[0];
    for (size_t i = 0; i < AUTH_SOURCES_MAX && quiet->count; i++) {
        struct auth_source *source = &auth->sources[i];
        if (!source->count || source_newest_ms(source) < source_newest_ms(quiet))
            quiet = source;
    }
    *quiet = (struct auth_source){0};
    memcpy(quiet->name, name.ptr, name.len);
    return quiet;
}

static void source_fail(struct auth *auth, struct text name, int64_t now_ms)
{
    struct auth_source *source = source_find(auth, name);
    if (!source)
        source = source_add(auth, name);
    if (source->count && now_ms < source_newest_ms(source))
        source->count = 0; /* the clock ran back */
    if (source->count < AUTH_FAILURES_MAX) {
        source->failed_at_ms[(source->oldest + source->count) % AUTH_FAILURES_MAX] = now_ms;
        source->count++;
        return;
    }
    source->failed_at_ms[source->oldest] = now_ms;
    source->oldest = (source->oldest + 1) % AUTH_FAILURES_MAX;
}

/* Milliseconds until the source is heard again; 0: now. */
static int64_t source_wait_ms(struct auth *auth, struct text name, int64_t now_ms)
{
    const struct auth_source *source = source_find(auth, name);
    if (!source || source->count < AUTH_FAILURES_MAX || now_ms < source_newest_ms(source))
        return 0;
    int64_t age_ms = now_ms - source->failed_at_ms[source->oldest];
    return age_ms < AUTH_FAILURES_WINDOW_MS ? AUTH_FAILURES_WINDOW_MS - age_ms : 0;
}

bool auth_check_token(struct auth *auth, const struct auth_attempt *attempt,
                      struct auth_identity *identity, uint32_t *retry_after_s, struct error *err)
{
    *retry_after_s = 0;
    if (!attempt->token.len)
        return error_set(err, ERROR_DENIED,
                         "no token; send Authorization: Bearer with the token of admin.token");
    struct digest digest = token_digest(attempt->token);
    bool is_right = digest_equal_constant_time(&digest, &auth->admin_token);
    struct text source = attempt->source;
    if (source.len >= AUTH_SOURCE_SIZE)
        source.len = AUTH_SOURCE_SIZE - 1;

    pthread_mutex_lock(&auth->lock);
    int64_t wait_ms = source_wait_ms(auth, source, attempt->now_ms);
    if (!wait_ms && !is_right)
        source_fail(auth, source, attempt->now_ms);
    pthread_mutex_unlock(&auth->lock);

    if (wait_ms) {
        *retry_after_s = (uint32_t)((wait_ms + 999) / 1000);
        return error_set(err, ERROR_DENIED, "too many failed attempts from %.*s; wait %u s",
                         (int)source.len, source.ptr, *retry_after_s);
    }
    if (!is_right)
        return error_set(err, ERROR_DENIED,
                         "the token is not known; the right one stands in admin.token in the "
                         "state directory");
    *identity = (struct auth_identity){.role = ROLE_ADMIN, .actor = "admin-token"};
    /* Two bytes of the digest name the token in the audit without giving anything away. */
    snprintf(identity->source, sizeof identity->source, "%.*s token %02x%02x",
             (int)(source.len < 56 ? source.len : 56), source.ptr, digest.byte[0], digest.byte[1]);
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

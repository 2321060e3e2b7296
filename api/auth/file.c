/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/auth/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zones/base/file.h"

static const char token_file[] = "admin.token";
static const char token_staged[] = "admin.token.new";
static const char token_prefix[] = "svp_";
static const char token_mend[] = "remove it and restart srvpland to have a new one made";

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool auth_token_make(char token[static AUTH_TOKEN_LENGTH + 1], struct error *err)
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

struct digest auth_token_digest(struct text token)
{
    return digest_of((struct bytes){(const uint8_t *)token.ptr, token.len});
}

static bool token_create(int directory, struct digest *digest, struct error *err)
{
    char line[AUTH_TOKEN_LENGTH + 2];
    if (!auth_token_make(line, err))
        return false;
    *digest = auth_token_digest((struct text){line, AUTH_TOKEN_LENGTH});
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
        *digest = auth_token_digest(token);
    explicit_bzero(line, sizeof line);
    if (!done)
        return error_set(err, ERROR_INVALID, "%s: does not hold one token of the form svp_…; %s",
                         token_file, token_mend);
    return true;
}

bool auth_file_load(int directory, uid_t owner, struct digest *digest, struct error *err)
{
    int fd = openat(directory, token_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return token_create(directory, digest, err);
    if (fd < 0)
        return error_system(err, token_file, token_mend, "cannot open");
    bool done = token_file_check(fd, owner, err) && token_read(fd, digest, err);
    fd_close(&fd);
    return done;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/cookie_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "zones/base/file.h"
#include "zones/base/log.h"

enum {
    FILE_MAX_BYTES = 256, /* two secrets and some blank lines */
    SECRET_DIGITS = 2 * COOKIE_SECRET_BYTES,
};

static const char mend[] = "write one or two lines of 32 hexadecimal digits, the secret in use "
                           "first: openssl rand -hex 16";

static int digit_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    char lower = digit >= 'A' && digit <= 'F' ? (char)(digit + ('a' - 'A')) : digit;
    const char *found = lower ? strchr(digits, lower) : NULL;
    return found ? (int)(found - digits) : -1;
}

static bool parse_secret(const char *text, uint8_t secret[COOKIE_SECRET_BYTES])
{
    for (size_t i = 0; i < COOKIE_SECRET_BYTES; i++) {
        int high = digit_value(text[2 * i]), low = high < 0 ? -1 : digit_value(text[2 * i + 1]);
        if (low < 0)
            return false;
        secret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The words of the text, which a NUL ends. */
static bool parse(const char *path, const char *text, struct cookie_secrets *secrets,
                  struct error *err)
{
    static const char blank[] = " \t\r\n";
    struct cookie_secret secret[COOKIE_SECRETS] = {0};
    uint32_t count = 0;
    for (text += strspn(text, blank); *text; text += strspn(text, blank)) {
        size_t len = strcspn(text, blank);
        if (count == COOKIE_SECRETS)
            return error_set(err, ERROR_INVALID, "%s: more than two secrets; %s", path, mend);
        if (len != SECRET_DIGITS || !parse_secret(text, secret[count].bytes))
            return error_set(err, ERROR_INVALID, "%s: secret %u is not 32 hexadecimal digits; %s",
                             path, count + 1, mend);
        count++;
        text += len;
    }
    if (count == 0)
        return error_set(err, ERROR_INVALID, "%s: there is no secret; %s", path, mend);
    cookie_secrets_store(secrets, secret, count);
    explicit_bzero(secret, sizeof secret);
    return true;
}

static bool read_file(const struct cookie_file *file, struct error *err)
{
    char text[FILE_MAX_BYTES + 1];
    ssize_t len = pread(file->fd, text, sizeof text, 0);
    if (len < 0)
        return error_system(err, file->path, NULL, "cannot read the secrets");
    if (len == sizeof text || memchr(text, 0, (size_t)len))
        return error_set(err, ERROR_INVALID, "%s: this is no file of secrets; %s", file->path,
                         mend);
    text[len] = 0;
    bool done = parse(file->path, text, file->secrets, err);
    explicit_bzero(text, sizeof text);
    return done;
}

static bool take_random(struct cookie_secrets *secrets, struct error *err)
{
    struct cookie_secret secret;
    if (getrandom(&secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return error_system(err, "cookies", "give secrets with --cookie-secrets",
                            "cannot get random bytes");
    cookie_secrets_store(secrets, &secret, 1);
    return true;
}

bool cookie_file_open(struct cookie_file *file, struct error *err)
{
    struct stat status;
    file->fd = -1;
    if (!file->path)
        return take_random(file->secrets, err);
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file->fd < 0 || fstat(file->fd, &status) != 0)
        return error_system(err, file->path, "let the user of srvplan-dnsd read it",
                            "cannot open the secrets of cookies");
    if (status.st_mode & S_IRWXO)
        log_warning("everybody may read the secrets of cookies, and forge them; chmod o= it",
                    log_string("file", file->path));
    return read_file(file, err);
}

void cookie_file_close(struct cookie_file *file)
{
    fd_close(&file->fd);
}

bool cookie_file_reload(const struct cookie_file *file, struct error *err)
{
    struct stat status;
    if (file->fd < 0)
        return true;
    if (fstat(file->fd, &status) != 0)
        return error_system(err, file->path, NULL, "cannot look at the secrets");
    if (status.st_nlink == 0)
        return error_set(err, ERROR_INVALID,
                         "%s: the file that was opened at the start is gone; restart to take a "
                         "new one, and next time write into it instead of replacing it",
                         file->path);
    return read_file(file, err);
}

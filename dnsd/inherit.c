/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/inherit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "zones/base/bytes.h"
#include "zones/base/file.h"

enum {
    FIRST = 3,                                /* SD_LISTEN_FDS_START */
    MAX_GIVEN = OPTIONS_MAX_THREADS + 64 + 2, /* UDP sockets, listeners, an image */
};

/* How many are meant for us; 0 when the variables are somebody else's. */
static bool count_given(uint64_t *count, struct error *err)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    uint64_t who;
    *count = 0;
    if (!pid || !fds || !text_to_u64(text_from(pid), 0, INT32_MAX, &who) ||
        who != (uint64_t)getpid())
        return true;
    return text_to_u64(text_from(fds), 0, MAX_GIVEN, count) ||
           error_set(err, ERROR_USAGE, "LISTEN_FDS: \"%.40s\" is not a number from 0 to %d", fds,
                     MAX_GIVEN);
}

/* True when the name, which ends at a colon, is `word`. */
static bool is_named(const char *name, const char *word)
{
    size_t len = strlen(word);
    return strncmp(name, word, len) == 0 && (name[len] == ':' || name[len] == '\0');
}

static bool take_file(int *place, int fd, struct error *err)
{
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return error_system(err, "LISTEN_FDS", "open as many descriptors as it says",
                            "cannot take the image");
    fd_close(place);
    *place = fd;
    return true;
}

static bool take_one(struct inherited *inherited, struct options *options, const char *name, int fd,
                     struct error *err)
{
    if (is_named(name, "answers"))
        return take_file(&inherited->answers_fd, fd, err);
    if (is_named(name, "names"))
        return take_file(&inherited->names_fd, fd, err);
    return sockets_take(inherited->sockets, options, fd, err) || error_within(err, "LISTEN_FDS");
}

bool inherit_descriptors(struct inherited *inherited, struct options *options, struct error *err)
{
    uint64_t count;
    if (!count_given(&count, err))
        return false;
    const char *names = getenv("LISTEN_FDNAMES");
    for (int i = 0; i < (int)count; i++) {
        const char *name = names ? names : "";
        if (!take_one(inherited, options, name, FIRST + i, err))
            return false;
        names = names && (names = strchr(names, ':')) ? names + 1 : NULL;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if ((inherited->answers_fd < 0) != (inherited->names_fd < 0))
        return error_set(err, ERROR_USAGE,
                         "LISTEN_FDNAMES: an image is two descriptors, \"answers\" and \"names\"");
    return true;
}

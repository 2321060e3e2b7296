/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cookie_file: where the secrets of cookies come from: a file that siblings share, or chance.
 *
 * The file has one or two secrets of 32 hexadecimal digits each, in a line of its own: cookies are
 * made with the first, both are accepted. Its descriptor is kept, so that SIGHUP can read it again
 * from within the sandbox; so it must be written in place, not replaced. */
#pragma once
#include "dnsd/cookie.h"
#include "zones/base/error.h"

struct cookie_file {
    const char *path; /* NULL: none, the secret is random */
    int fd;           /* -1: closed */
    struct cookie_secrets *secrets;
};

/* Opens file->path and fills file->secrets from it, or from chance when there is no path. */
NODISCARD bool cookie_file_open(struct cookie_file *file, struct error *err);
void cookie_file_close(struct cookie_file *file);

/* Reads it again; on failure the secrets stay as they are. Does nothing when there is no file. */
NODISCARD bool cookie_file_reload(const struct cookie_file *file, struct error *err);

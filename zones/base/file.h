/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file: files read whole within a limit, and files that are either old or new, never half.
 *
 * A durable write has two halves: file_stage writes a new file beside the old one and fsyncs it;
 * file_publish renames it and fsyncs the directory. Between the two the store commits. A failed
 * fsync is final for that file: it is unlinked, never fsynced again (the second fsync of a failed
 * one may say "ok" though the bytes are gone: see "Can Applications Recover from fsync Failures?",
 * USENIX ATC 2020). */
#pragma once
#include "zones/base/bytes.h"
#include "zones/base/error.h"
#include <sys/types.h>

void fd_close(int *fd); /* -1 is fine; sets it to -1 */

/* Reads the file at path whole, at most `max` bytes, into heap memory of the caller's: *bytes is to
 * be given to free((void *)bytes->ptr), and a NUL stands behind it. Errors name the path. */
NODISCARD bool file_read(const char *path, size_t max, struct bytes *bytes, struct error *err);

/* Writes `parts` in a row to directory/name, a new file with `mode`, and fsyncs it. An old file of
 * that name is replaced first. On failure nothing is left there. */
NODISCARD bool file_stage(int directory, const char *name, const struct bytes *parts, size_t count,
                          mode_t mode, struct error *err);

/* Renames directory/staged to directory/name and fsyncs the directory. */
NODISCARD bool file_publish(int directory, const char *staged, const char *name, struct error *err);

/* fsyncs a directory opened with O_DIRECTORY. `name` is for the error. */
NODISCARD bool directory_sync(int directory, const char *name, struct error *err);

/* A file mapped whole and read-only. Zeroed is closed. */
struct mapping {
    const uint8_t *ptr;
    size_t len;
};
NODISCARD bool mapping_open(struct mapping *mapping, int fd, const char *name, struct error *err);
void mapping_close(struct mapping *mapping);

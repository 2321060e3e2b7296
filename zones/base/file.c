/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool read_all(int fd, const char *path, size_t max, struct bytes *bytes, struct error *err)
{
    size_t len = 0, capacity = 64 * 1024;
    uint8_t *buffer = malloc(capacity + 1);
    if (!buffer)
        abort();
    for (;;) {
        if (len == capacity) {
            capacity *= 2;
            uint8_t *grown = realloc(buffer, capacity + 1);
            if (!grown)
                abort();
            buffer = grown;
        }
        ssize_t got = read(fd, buffer + len, capacity - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            error_system(err, path, NULL, "cannot read");
            free(buffer);
            return false;
        }
        if (got == 0)
            break;
        len += (size_t)got;
        if (len > max) {
            free(buffer);
            return error_set(err, ERROR_INVALID, "%s: larger than %zu bytes; split it", path, max);
        }
    }
    buffer[len] = 0;
    *bytes = (struct bytes){buffer, len};
    return true;
}

bool file_read(const char *path, size_t max, struct bytes *bytes, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_system(err, path, NULL, "cannot open");
    struct stat info;
    bool done = false;
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode))
        error_set(err, ERROR_INVALID, "%s: is a directory; name a file", path);
    else
        done = read_all(fd, path, max, bytes, err);
    fd_close(&fd);
    return done;
}

static bool write_all(int fd, struct bytes bytes)
{
    while (bytes.len) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes.ptr += written;
        bytes.len -= (size_t)written;
    }
    return true;
}

bool file_stage(int directory, const char *name, const struct bytes *parts, size_t count,
                mode_t mode, struct error *err)
{
    unlinkat(directory, name, 0); /* what an earlier crash left; O_EXCL reports all else */
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return error_system(err, name, "free some space or mend the directory's rights",
                            "cannot create");
    bool done = fchmod(fd, mode) == 0; /* whatever the umask is */
    for (size_t i = 0; done && i < count; i++)
        done = write_all(fd, parts[i]);
    done = done && fsync(fd) == 0;
    if (!done)
        error_system(err, name, "free some space on that disk", "cannot write");
    if (close(fd) != 0 && done)
        done = error_system(err, name, "free some space on that disk", "cannot close");
    if (!done)
        unlinkat(directory, name, 0);
    return done;
}

bool directory_sync(int directory, const char *name, struct error *err)
{
    if (fsync(directory) != 0)
        return error_system(err, name, NULL, "cannot sync the directory");
    return true;
}

bool file_publish(int directory, const char *staged, const char *name, struct error *err)
{
    if (renameat(directory, staged, directory, name) != 0)
        return error_system(err, name, NULL, "cannot rename the new file into place");
    return directory_sync(directory, name, err);
}

bool mapping_open(struct mapping *mapping, int fd, const char *name, struct error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return error_system(err, name, NULL, "cannot look at");
    if (!S_ISREG(info.st_mode) || info.st_size <= 0)
        return error_set(err, ERROR_INVALID, "%s: empty or not a plain file", name);
    void *ptr = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (ptr == MAP_FAILED)
        return error_system(err, name, NULL, "cannot map");
    *mapping = (struct mapping){ptr, (size_t)info.st_size};
    return true;
}

void mapping_close(struct mapping *mapping)
{
    if (mapping && mapping->ptr)
        munmap((void *)(uintptr_t)mapping->ptr, mapping->len);
    if (mapping)
        *mapping = (struct mapping){0};
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zones/base/arena.h"
#include "zones/base/file.h"

enum {
    FILE_MODE = 0644 /* what it holds is public: it is for DNS */
};

/* Checks what is there already; *target is where to write. */
static bool target_find(const char *path, enum out_file_mode mode, struct arena *arena,
                        const char **target, struct error *err)
{
    struct stat info;
    char real[PATH_MAX];
    *target = path;
    if (stat(path, &info) != 0)
        return errno == ENOENT || error_system(err, path, NULL, "cannot look at it");
    if (!S_ISREG(info.st_mode))
        return error_set(err, ERROR_INVALID,
                         "%.200s: is no regular file; name another, or write "
                         "to stdout",
                         path);
    if (mode == OUT_FILE_NEW)
        return error_set(err, ERROR_CONFLICT, "%.200s: is there already; --force replaces it",
                         path);
    if (!realpath(path, real))
        return error_system(err, path, NULL, "cannot follow the link");
    *target = arena_cstr(arena, text_from(real));
    return true;
}

/* Gives the staged file its name. A new one by a link, which fails where another has come since. */
static bool publish(int directory, const char *staged, const char *name, enum out_file_mode mode,
                    struct error *err)
{
    if (mode == OUT_FILE_REPLACE)
        return file_publish(directory, staged, name, err);
    if (linkat(directory, staged, directory, name, 0) != 0) {
        if (errno == EEXIST)
            return error_set(err, ERROR_CONFLICT, "%.200s: is there already; --force replaces it",
                             name);
        if (errno == EPERM || errno == EOPNOTSUPP) /* a file system without links */
            return file_publish(directory, staged, name, err);
        return error_system(err, name, NULL, "cannot give the new file its name");
    }
    unlinkat(directory, staged, 0);
    return directory_sync(directory, name, err);
}

bool out_file_write(const char *path, struct text text, enum out_file_mode mode, struct error *err)
{
    struct arena arena = {0};
    const char *target = NULL;
    int directory = -1;
    bool done = false;
    if (!target_find(path, mode, &arena, &target, err))
        goto out;
    const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
    const char *folder =
        slash ? arena_cstr(&arena, (struct text){target, (size_t)(name - target)}) : ".";
    directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        error_system(err, folder, "make the directory first", "cannot open the directory");
        goto out;
    }
    const char *staged = arena_printf(&arena, ".%.200s.%d.new", name, (int)getpid());
    const struct bytes part = {(const uint8_t *)text.ptr, text.len};
    done = file_stage(directory, staged, &part, 1, FILE_MODE, err) &&
           publish(directory, staged, name, mode, err);
    if (!done)
        unlinkat(directory, staged, 0);
out:
    fd_close(&directory);
    arena_fini(&arena);
    return done;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "faulty_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sqlite3_vfs *disk;
static struct fault fault;
static int operations;

/* -- what is on the disk ------------------------------------------------------------------------
 */

/* A write, or with bytes NULL a truncation to `offset`, that no sync has confirmed. */
struct pending {
    struct pending *next;
    size_t offset, len;
    uint8_t *bytes;
};

struct shadow {
    struct shadow *next;
    char path[160];
    uint8_t *bytes;
    size_t len, capacity;
    struct pending *first, **last;
};

static struct shadow *shadows;

static void *checked(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void shadow_resize(struct shadow *shadow, size_t len)
{
    if (len > shadow->capacity) {
        shadow->capacity = 2 * len;
        shadow->bytes = checked(realloc(shadow->bytes, shadow->capacity));
    }
    if (len > shadow->len)
        memset(shadow->bytes + shadow->len, 0, len - shadow->len);
    shadow->len = len;
}

static void shadow_apply(struct shadow *shadow, const struct pending *pending)
{
    size_t end = pending->offset + pending->len;
    if (!pending->bytes || end > shadow->len)
        shadow_resize(shadow, end);
    if (pending->bytes)
        memcpy(shadow->bytes + pending->offset, pending->bytes, pending->len);
}

enum settle {
    SETTLE_ALL,
    SETTLE_NONE,
    SETTLE_EVERY_OTHER
};

static void shadow_settle(struct shadow *shadow, enum settle how)
{
    if (!shadow)
        return;
    struct pending *pending = shadow->first, *next;
    for (int i = 0; pending; pending = next, i++) {
        next = pending->next;
        if (how == SETTLE_ALL || (how == SETTLE_EVERY_OTHER && i % 2))
            shadow_apply(shadow, pending);
        free(pending->bytes);
        free(pending);
    }
    shadow->first = NULL;
    shadow->last = &shadow->first;
}

static struct shadow *shadow_find(const char *path)
{
    for (struct shadow *shadow = shadows; shadow; shadow = shadow->next)
        if (strcmp(shadow->path, path) == 0)
            return shadow;
    return NULL;
}

/* A file that was renamed into place (and its directory synced) keeps its shadow. */
static struct shadow *shadow_open(const char *path)
{
    if (!path || !fault.tracks_power)
        return NULL;
    struct shadow *shadow = shadow_find(path);
    char before[176];
    snprintf(before, sizeof before, "%s.new", path);
    if (!shadow && (shadow = shadow_find(before)))
        snprintf(shadow->path, sizeof shadow->path, "%s", path);
    if (shadow)
        return shadow;
    shadow = checked(calloc(1, sizeof *shadow));
    snprintf(shadow->path, sizeof shadow->path, "%s", path);
    shadow->last = &shadow->first;
    shadow->next = shadows;
    return shadows = shadow;
}

static void shadow_add(struct shadow *shadow, size_t offset, const void *bytes, size_t len)
{
    if (!shadow)
        return;
    struct pending *pending = checked(calloc(1, sizeof *pending));
    *pending = (struct pending){.offset = offset, .len = len};
    if (bytes)
        pending->bytes = memcpy(checked(malloc(len)), bytes, len);
    *shadow->last = pending;
    shadow->last = &pending->next;
}

_Noreturn void faulty_vfs_cut(void)
{
    for (struct shadow *shadow = shadows; shadow; shadow = shadow->next) {
        char renamed[160];
        snprintf(renamed, sizeof renamed, "%s", shadow->path);
        int fd = open(renamed, O_WRONLY);
        if (fd < 0 && strlen(renamed) > 4) { /* renamed, and not opened again yet */
            renamed[strlen(renamed) - 4] = '\0';
            fd = strcmp(shadow->path + strlen(renamed), ".new") == 0 ? open(renamed, O_WRONLY) : -1;
        }
        if (fd < 0)
            continue; /* removed */
        shadow_settle(shadow, fault.kind == FAULT_TORN_CUT ? SETTLE_EVERY_OTHER : SETTLE_NONE);
        if (ftruncate(fd, 0) != 0 || write(fd, shadow->bytes, shadow->len) != (ssize_t)shadow->len)
            abort();
        close(fd);
    }
    kill(getpid(), SIGKILL);
    abort();
}

/* -- files --------------------------------------------------------------------------------------
 */

struct shim_file {
    sqlite3_file base;
    sqlite3_file *real; /* right behind */
    struct shadow *shadow;
};

static struct shim_file *shim_of(sqlite3_file *file)
{
    return (struct shim_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return shim_of(file)->real;
}

static bool is_failing(void)
{
    operations++;
    bool fails =
        fault.at && (operations == fault.at || (fault.is_lasting && operations > fault.at));
    if (fails && fault.kind == FAULT_KILL)
        kill(getpid(), SIGKILL);
    if (fails && (fault.kind == FAULT_CUT || fault.kind == FAULT_TORN_CUT))
        faulty_vfs_cut();
    return fails;
}

static int write_through(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    shadow_add(shim_of(file)->shadow, (size_t)offset, bytes, (size_t)len);
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, len, offset);
}

static int shim_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    if (!is_failing())
        return write_through(file, bytes, len, offset);
    if (fault.kind == FAULT_LATE_EIO)
        write_through(file, bytes, len, offset);
    if (fault.kind == FAULT_SHORT || fault.kind == FAULT_SHORT_KILL)
        write_through(file, bytes, len / 2, offset);
    if (fault.kind == FAULT_SHORT_KILL)
        kill(getpid(), SIGKILL);
    errno = fault.kind == FAULT_FULL ? ENOSPC : EIO;
    return fault.kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int sync_through(sqlite3_file *file, int flags)
{
    shadow_settle(shim_of(file)->shadow, SETTLE_ALL);
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int shim_sync(sqlite3_file *file, int flags)
{
    if (!is_failing() || fault.kind == FAULT_FULL)
        return sync_through(file, flags);
    if (fault.kind == FAULT_LATE_EIO)
        sync_through(file, flags);
    shadow_settle(shim_of(file)->shadow, SETTLE_NONE);
    errno = EIO;
    return SQLITE_IOERR_FSYNC;
}

static int truncate_through(sqlite3_file *file, sqlite3_int64 size)
{
    shadow_add(shim_of(file)->shadow, (size_t)size, NULL, 0);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (!is_failing() || fault.kind == FAULT_FULL)
        return truncate_through(file, size);
    if (fault.kind == FAULT_LATE_EIO)
        truncate_through(file, size);
    errno = EIO;
    return SQLITE_IOERR_TRUNCATE;
}

static int shim_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int shim_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), bytes, len, offset);
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int shim_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_is_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int shim_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int shim_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shim_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

/* Version 1 has no shared memory: that the store works over it shows that it needs none. */
static const sqlite3_io_methods shim_methods = {
    .iVersion = 1,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_is_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_traits,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    struct shim_file *shim = shim_of(file);
    shim->real = (sqlite3_file *)(shim + 1);
    shim->shadow = shadow_open(name);
    int code = disk->xOpen(disk, name, shim->real, flags, out);
    shim->base.pMethods = shim->real->pMethods ? &shim_methods : NULL;
    return code;
}

void faulty_vfs_register(void)
{
    static sqlite3_vfs shim;
    disk = sqlite3_vfs_find(NULL);
    shim = *disk;
    shim.zName = "faulty";
    shim.szOsFile += (int)sizeof(struct shim_file);
    shim.xOpen = shim_open;
    if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK)
        abort();
}

void faulty_vfs_arm(struct fault next)
{
    fault = next;
    operations = 0;
}

int faulty_vfs_count(void)
{
    return operations;
}

bool faulty_vfs_has_failed(void)
{
    return fault.at && operations >= fault.at;
}

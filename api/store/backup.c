/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/store/internal.h"
#include "zones/base/file.h"
#include "zones/base/log.h"

static const char new_name[] = "srvplan-new.db";
static const char prefix[] = "srvplan-", suffix[] = ".db";

struct store_backup {
    struct store copy; /* its connection and path alone */
    struct store *store;
    sqlite3_backup *copying; /* NULL: not yet, or over */
    const char *path;
    int directory;
    int64_t at_ms;
};

static bool open_directory(struct store_backup *backup, struct error *err)
{
    const char *path = backup->path;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_system(err, path, "make its parent directory, or set another backup-dir",
                            "cannot make the directory");
    backup->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return backup->directory >= 0 ||
           error_system(err, path, "let the user of srvpland write it", "cannot open");
}

static bool open_copy(struct store_backup *backup, struct error *err)
{
    struct store *copy = &backup->copy;
    unlinkat(backup->directory, new_name, 0); /* of one that did not end */
    int fd = openat(backup->directory, new_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(err, copy->file, "let the user of srvpland write its directory",
                            "cannot create");
    fd_close(&fd);
    int code =
        sqlite3_open_v2(copy->file, &copy->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK)
        return store_error(copy, code, err);
    /* One fsync at the end: until then the copy is worth nothing. */
    if (!store_run(copy, "PRAGMA synchronous = OFF", err))
        return false;
    backup->copying = sqlite3_backup_init(copy->db, "main", backup->store->db, "main");
    if (!backup->copying)
        return store_error(copy, sqlite3_extended_errcode(copy->db), err);
    backup->store->backup = backup;
    return true;
}

/* Returns SQLite's code. */
static int end_copying(struct store_backup *backup)
{
    int code = backup->copying ? sqlite3_backup_finish(backup->copying) : SQLITE_OK;
    backup->copying = NULL;
    if (backup->store->backup == backup)
        backup->store->backup = NULL;
    return code;
}

void store_backup_lose(struct store_backup *backup)
{
    (void)end_copying(backup);
}

struct store_backup *store_backup_begin(struct store *store, const char *path, int64_t at_ms,
                                        struct error *err)
{
    struct store_backup *backup = calloc(1, sizeof *backup);
    if (!backup)
        abort();
    backup->store = store;
    backup->at_ms = at_ms;
    backup->directory = -1;
    backup->path = arena_cstr(&backup->copy.arena, text_from(path));
    backup->copy.file = arena_printf(&backup->copy.arena, "%s/%s", path, new_name);
    if (store_read_begin(store, err) && open_directory(backup, err) && open_copy(backup, err))
        return backup;
    store_backup_free(backup);
    return NULL;
}

bool store_backup_step(struct store_backup *backup, bool *is_done, struct error *err)
{
    if (!backup->copying)
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s: the store had to be opened anew while it was copied; copy it again",
                         backup->store->file);
    int code = sqlite3_backup_step(backup->copying, STORE_BACKUP_PAGES);
    if (code == SQLITE_OK) {
        *is_done = false;
        return true;
    }
    int ended = end_copying(backup);
    *is_done = code == SQLITE_DONE;
    return *is_done || store_error(&backup->copy, ended != SQLITE_OK ? ended : code, err);
}

/* -- the copy becomes a file of its own ----------------------------------------------------------
 */

static bool check_copy(struct store_backup *backup, struct error *err)
{
    struct store *copy = &backup->copy;
    struct statement s = statement_over(copy, "PRAGMA integrity_check(1)", err);
    struct text verdict = {0};
    if (statement_next(&s))
        verdict = statement_get_text(&s, &copy->arena);
    if (!statement_end(&s))
        return false;
    return text_is(verdict, "ok") ||
           error_set(err, ERROR_UNAVAILABLE,
                     "%s: the copy is damaged (%.*s), and so may be the store; look at the disk, "
                     "keep older copies",
                     copy->file, (int)(verdict.len < 120 ? verdict.len : 120), verdict.ptr);
}

static bool sync_copy(struct store_backup *backup, uint64_t *bytes, struct error *err)
{
    struct stat info = {0};
    int fd = openat(backup->directory, new_name, O_RDWR | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0 && fstat(fd, &info) == 0;
    if (!done)
        error_system(err, backup->copy.file, "look at the disk", "cannot sync");
    fd_close(&fd);
    *bytes = (uint64_t)info.st_size;
    return done;
}

/* "srvplan-20261206T000010.608Z-r42.db": names sort by time. */
static const char *name_of(struct store_backup *backup, uint64_t revision)
{
    time_t seconds = backup->at_ms / 1000;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    return arena_printf(&backup->copy.arena, "%s%04d%02d%02dT%02d%02d%02d.%03dZ-r%llu%s", prefix,
                        utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                        utc.tm_sec, (int)(backup->at_ms % 1000), (unsigned long long)revision,
                        suffix);
}

static int is_copy(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > sizeof prefix + sizeof suffix && strncmp(entry->d_name, prefix, 8) == 0 &&
           strcmp(entry->d_name + len - (sizeof suffix - 1), suffix) == 0 &&
           strchr("0123456789", entry->d_name[sizeof prefix - 1]);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Copies beyond `keep`, the oldest first; what cannot be removed is said and stays. */
static uint32_t remove_old(const struct store_backup *backup, uint32_t keep)
{
    struct dirent **entries = NULL;
    int count = keep ? scandirat(backup->directory, ".", &entries, is_copy, by_name) : 0;
    uint32_t removed = 0;
    for (int i = 0; i < count; i++) {
        if (i + (int)keep < count && unlinkat(backup->directory, entries[i]->d_name, 0) == 0)
            removed++;
        else if (i + (int)keep < count)
            log_warning("an old copy of the store stays", log_string("file", entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    return removed;
}

bool store_backup_finish(struct store_backup *backup, uint32_t keep, struct store_backup_made *made,
                         struct error *err)
{
    struct store *copy = &backup->copy;
    int64_t revision = 0;
    uint64_t bytes = 0;
    /* Out of the log's mode: a copy is one file. */
    bool done = store_run(copy, "PRAGMA journal_mode = DELETE", err) && check_copy(backup, err) &&
                store_ask(copy, "SELECT ifnull(max(number), 0) FROM revisions", &revision, err);
    store_disconnect(copy);
    const char *name = name_of(backup, (uint64_t)revision);
    if (!done || !sync_copy(backup, &bytes, err) ||
        !file_publish(backup->directory, new_name, name, err))
        return false;
    *made = (struct store_backup_made){
        .file = text_from(arena_printf(&copy->arena, "%s/%s", backup->path, name)),
        .revision = (uint64_t)revision,
        .at_ms = backup->at_ms,
        .bytes = bytes,
        .removed = remove_old(backup, keep),
    };
    return true;
}

void store_backup_free(struct store_backup *backup)
{
    if (!backup)
        return;
    (void)end_copying(backup);
    store_disconnect(&backup->copy);
    if (backup->directory >= 0) {
        unlinkat(backup->directory, new_name, 0);
        unlinkat(backup->directory, "srvplan-new.db-journal", 0);
    }
    fd_close(&backup->directory);
    arena_fini(&backup->copy.arena);
    free(backup);
}

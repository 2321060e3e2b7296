/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "zones/base/clock.h"
#include "zones/base/file.h"
#include "zones/base/log.h"

static const char file_name[] = "srvplan.db";
static const char log_name[] = "srvplan.db-wal";
static const char new_name[] = "srvplan.db.new";
static const char ballast_name[] = "ballast";
static const char image_name[] = "image/answers.img";

static const char anew_mend[] = "restore a backup, or move srvplan.db, srvplan.db-wal and image/ "
                                "away to start anew (serials may go back then)";

/* -- the first look -----------------------------------------------------------------------------
 */

/* The database header (sqlite.org/fileformat.html, section 1.3). */
enum {
    HEADER_SIZE = 100,
    HEADER_MAGIC_SIZE = 16,
    HEADER_USER_VERSION = 60,
    HEADER_APPLICATION = 68
};

static bool header_judge(const struct store *store, struct bytes header, struct error *err)
{
    if (!header.len)
        return error_set(err, ERROR_UNAVAILABLE, "%s: is empty, no store; %s", store->file,
                         anew_mend);
    struct reader r = reader_over(header);
    struct bytes magic = read_bytes(&r, HEADER_MAGIC_SIZE);
    if (!reader_ok(&r) || memcmp(magic.ptr, "SQLite format 3", HEADER_MAGIC_SIZE) != 0)
        return error_set(err, ERROR_UNAVAILABLE, "%s: is no SQLite file, or damaged; %s",
                         store->file, anew_mend);
    read_bytes(&r, HEADER_USER_VERSION - HEADER_MAGIC_SIZE);
    uint32_t version = read_u32(&r);
    read_bytes(&r, HEADER_APPLICATION - HEADER_USER_VERSION - 4);
    uint32_t application = read_u32(&r);
    if (!reader_ok(&r))
        return error_set(err, ERROR_UNAVAILABLE, "%s: is cut off; %s", store->file, anew_mend);
    if (application != STORE_APPLICATION_ID)
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s: belongs to another program (application id 0x%08x); move it away, "
                         "or choose another --state",
                         store->file, application);
    if (version > STORE_SCHEMA_VERSION)
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s: was written by a newer srvpland (schema %u, this one reads %d); "
                         "install that one again, or restore a backup",
                         store->file, version, STORE_SCHEMA_VERSION);
    return true;
}

/* Closes its descriptor before SQLite opens the file: closing any descriptor of it later would drop
 * SQLite's locks (sqlite.org/howtocorrupt.html, section 2.2). */
bool store_check_header(const struct store *store, struct error *err)
{
    uint8_t bytes[HEADER_SIZE];
    int fd = openat(store->directory, store->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_system(err, store->file, "let the user of srvpland read and write it",
                            "cannot open");
    struct stat info;
    ssize_t got = -1;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        got = pread(fd, bytes, sizeof bytes, 0);
    else
        errno = EISDIR;
    if (got < 0)
        error_system(err, store->file, anew_mend, "cannot read");
    fd_close(&fd);
    return got >= 0 && header_judge(store, (struct bytes){bytes, (size_t)got}, err);
}

/* -- the first store ----------------------------------------------------------------------------
 */

static bool fill_new(struct store *store, struct error *err)
{
    if (!store_run(store, "PRAGMA locking_mode = EXCLUSIVE", err) ||
        !store_run(store, "PRAGMA journal_mode = MEMORY", err) ||
        !store_run(store, "PRAGMA synchronous = FULL", err) || !store_run(store, "BEGIN", err))
        return false;
    for (size_t i = 0; store_schema[i]; i++)
        if (!store_run(store, store_schema[i], err))
            return false;
    struct arena scratch = {0};
    bool done =
        store_run(store, arena_printf(&scratch, "PRAGMA application_id = %d", STORE_APPLICATION_ID),
                  err) &&
        store_run(store, arena_printf(&scratch, "PRAGMA user_version = %d", STORE_SCHEMA_VERSION),
                  err);
    arena_fini(&scratch);
    return done && store_run(store, "COMMIT", err) &&
           store_run(store, "PRAGMA journal_mode = WAL", err);
}

static void remove_new(const struct store *store)
{
    static const char *const names[] = {new_name, "srvplan.db.new-wal", "srvplan.db.new-journal"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlinkat(store->directory, names[i], 0);
}

/* The new store is made whole under another name: a crash leaves none or all of it. */
static bool create(struct store *store, struct error *err)
{
    remove_new(store);
    int fd = openat(store->directory, new_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(err, store->file, "let the user of srvpland write its directory",
                            "cannot create");
    bool done = fchmod(fd, 0600) == 0; /* whatever the umask is; the log takes the mode over */
    if (!done)
        error_system(err, store->file, NULL, "cannot set the mode");
    fd_close(&fd);
    char *path = arena_printf(&store->arena, "%s.new", store->file);
    int code =
        sqlite3_open_v2(path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (done)
        done = code == SQLITE_OK ? fill_new(store, err) : store_error(store, code, err);
    store_disconnect(store);
    done = done && file_publish(store->directory, new_name, file_name, err);
    remove_new(store);
    return done;
}

static bool is_there(const struct store *store, const char *name)
{
    /* What cannot be looked at counts as there: then opening it says why. */
    return faccessat(store->directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
           (errno != ENOENT && errno != ENOTDIR);
}

static bool create_when_there_is_nothing(struct store *store, struct error *err)
{
    if (is_there(store, file_name))
        return true;
    if (is_there(store, log_name))
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s: is not there, but its log %s is; restore srvplan.db beside it, or %s",
                         store->file, log_name, anew_mend);
    if (is_there(store, image_name))
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s: is not there, but an image that was made from it is; restore a "
                         "backup, or remove the directory image to start anew (serials may go "
                         "back then)",
                         store->file);
    return create(store, err);
}

/* -- ballast ------------------------------------------------------------------------------------
 */

/* Bytes that no file system can make smaller: neither holes nor compression. */
static void ballast_fill(uint8_t *bytes)
{
    uint64_t x = 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < STORE_BALLAST_BYTES; i += sizeof x) {
        x ^= x << 13; /* xorshift64 (Marsaglia 2003) */
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(bytes + i, &x, sizeof x);
    }
}

static bool has_ample_room(const struct store *store)
{
    struct statvfs disk;
    return fstatvfs(store->directory, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize >= 2 * (uint64_t)STORE_BALLAST_BYTES;
}

void store_lay_ballast(struct store *store)
{
    enum {
        PAUSE_COMMITS = 64
    }; /* a quota that statvfs does not know would refuse it each time */
    struct stat info;
    if (store->has_ballast)
        return;
    if (fstatat(store->directory, ballast_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(info.st_mode) && info.st_size == STORE_BALLAST_BYTES) {
        store->has_ballast = true;
        return;
    }
    if (store->ballast_pause) {
        store->ballast_pause--;
        return;
    }
    if (!has_ample_room(store))
        return;
    uint8_t *bytes = malloc(STORE_BALLAST_BYTES);
    if (!bytes)
        abort();
    ballast_fill(bytes);
    struct bytes part = {bytes, STORE_BALLAST_BYTES};
    struct error err = {0};
    store->has_ballast = file_stage(store->directory, ballast_name, &part, 1, 0600, &err);
    free(bytes);
    if (store->has_ballast)
        return;
    store->ballast_pause = PAUSE_COMMITS;
    log_warning("no ballast: an undrain may fail when the disk is full",
                log_string("reason", err.message));
}

bool store_drop_ballast(struct store *store)
{
    store->has_ballast = false;
    store->ballast_pause = 0;
    return unlinkat(store->directory, ballast_name, 0) == 0;
}

/* -- open and close -----------------------------------------------------------------------------
 */

/* A descriptor of our own: a lock belongs to one opening, so that a second store_open is refused
 * even in this process. */
bool store_lock(struct store *store, int directory, const char *path, struct error *err)
{
    store->directory = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0)
        return error_system(err, path, "let the user of srvpland read it", "cannot open");
    if (flock(store->directory, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return error_set(err, ERROR_CONFLICT,
                         "%s: another srvpland uses this state directory; stop it, or choose "
                         "another with --state",
                         path);
    return error_system(err, path, "put it on a local file system", "cannot lock");
}

struct store *store_open(int directory, const char *path, const struct store_state **state,
                         struct error *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        abort();
    store->checkpoint_pages = STORE_CHECKPOINT_PAGES;
    store->name = file_name;
    store->file = arena_printf(&store->arena, "%s/%s", path, file_name);
    if (!store_lock(store, directory, path, err) || !create_when_there_is_nothing(store, err) ||
        !store_connect(store, err) || !store_read_state(store, clock_realtime_ms(), err)) {
        store_disconnect(store);
        fd_close(&store->directory);
        arena_fini(&store->arena);
        free(store);
        return NULL;
    }
    store_lay_ballast(store);
    *state = &store->state;
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    struct error err = {0};
    if (store->db && !store->is_broken && !store_checkpoint(store, STORE_CHECKPOINT_TRUNCATE, &err))
        log_warning("log of the store not emptied; the next start does it",
                    log_string("reason", err.message));
    store_disconnect(store);
    fd_close(&store->directory);
    arena_fini(&store->arena);
    free(store);
}

bool store_is_broken(const struct store *store)
{
    return store->is_broken;
}

void store_change_id_make(char id[static STORE_CHANGE_ID_SIZE])
{
    uint8_t random[(STORE_CHANGE_ID_SIZE - 1) / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort(); /* up to 256 bytes come whole once the pool is up (getrandom(2)) */
    for (size_t i = 0; i < sizeof random; i++) {
        id[2 * i] = "0123456789abcdef"[random[i] >> 4];
        id[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
    }
    id[STORE_CHANGE_ID_SIZE - 1] = '\0';
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/internal.h"

#include <sqlite3.h>
#include <string.h>

#include "zones/base/log.h"

/* Before the first read: an exclusive lock keeps the log's index in our memory, so that there is no
 * -shm file and nobody else can open the store (sqlite.org/wal.html, "Use of WAL Without
 * Shared-Memory"). mmap would turn a disk error into SIGBUS. */
static const char *const settings[] = {
    "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA synchronous = FULL",     "PRAGMA mmap_size = 0",
    "PRAGMA temp_store = MEMORY",      "PRAGMA trusted_schema = OFF",   "PRAGMA foreign_keys = ON",
    "PRAGMA cell_size_check = ON",     "PRAGMA wal_autocheckpoint = 0",
};

static int remember_wal_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db, (void)name;
    struct store *store = context;
    store->wal_pages = pages;
    return SQLITE_OK;
}

static bool check_identity(struct store *store, struct error *err)
{
    int64_t application = 0, version = 0;
    if (!store_ask(store, "PRAGMA application_id", &application, err) ||
        !store_ask(store, "PRAGMA user_version", &version, err))
        return false;
    bool is_known = version == STORE_SCHEMA_VERSION ||
                    (version > 0 && version < STORE_SCHEMA_VERSION && store_migrations[version]);
    if (application != STORE_APPLICATION_ID || !is_known)
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s: is of program %llx, schema %lld; this srvpland reads schema %d: "
                         "install the version that wrote it, or restore a backup",
                         store->file, (unsigned long long)application, (long long)version,
                         STORE_SCHEMA_VERSION);
    return true;
}

/* Every page is read: damage shows at the start, not in the middle of a change. */
static bool check_pages(struct store *store, struct error *err)
{
    struct arena scratch = {0};
    struct statement s = statement_over(store, "PRAGMA quick_check(1)", err);
    struct text verdict = {0};
    if (statement_next(&s))
        verdict = statement_get_text(&s, &scratch);
    bool done = statement_end(&s);
    if (done && !text_is(verdict, "ok")) {
        store->failure = SQLITE_CORRUPT;
        done = error_set(err, ERROR_UNAVAILABLE,
                         "%s: is damaged (%.*s); keep a copy of it, and restore a backup; to start "
                         "anew instead, move srvplan.db, srvplan.db-wal and image/ away (serials "
                         "may go back then)",
                         store->file, (int)(verdict.len < 120 ? verdict.len : 120), verdict.ptr);
    }
    arena_fini(&scratch);
    return done;
}

static bool use_wal(struct store *store, struct error *err)
{
    struct arena scratch = {0};
    struct statement s = statement_over(store, "PRAGMA journal_mode = WAL", err);
    struct text mode = {0};
    if (statement_next(&s))
        mode = statement_get_text(&s, &scratch);
    bool done = statement_end(&s);
    if (done && !text_is(mode, "wal"))
        done = error_set(err, ERROR_UNAVAILABLE,
                         "%s: cannot keep a write-ahead log (mode %.*s); check that the file "
                         "system is a local one",
                         store->file, (int)mode.len, mode.ptr);
    arena_fini(&scratch);
    sqlite3_wal_hook(store->db, remember_wal_pages, store);
    return done;
}

static bool apply_settings(struct store *store, struct error *err)
{
    /* Closing must not write: after a fault we do not know what the log's descriptor is worth. */
    if (sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK)
        return error_set(err, ERROR_UNAVAILABLE, "%s: this SQLite (%s) is too old; use 3.37 or up",
                         store->file, sqlite3_libversion());
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (!store_run(store, settings[i], err))
            return false;
    return true;
}

/* What a killed srvpland left in the log may have been read back from memory only: the checkpoint
 * fsyncs it before we build on it. */
static bool settle_log(struct store *store, struct error *err)
{
    struct error full = {0};
    if (store_checkpoint(store, STORE_CHECKPOINT_TRUNCATE, &full))
        return true;
    if (full.kind == ERROR_NO_SPACE && !store_failure_is_deep(store))
        return true; /* the log is synced before the store grows; reading goes on */
    return error_set(err, full.kind, "%s", full.message);
}

static bool migrate_step(struct store *store, int64_t version, struct error *err)
{
    struct arena scratch = {0};
    bool done = true;
    for (size_t i = 0; done && store_migrations[version][i]; i++)
        done = store_run(store, store_migrations[version][i], err);
    done = done && (!store_migration_steps[version] || store_migration_steps[version](store, err));
    done = done &&
           store_run(store,
                     arena_printf(&scratch, "PRAGMA user_version = %lld", (long long)version + 1),
                     err);
    arena_fini(&scratch);
    return done;
}

/* Brings an older schema up to ours, in one transaction: a crash leaves the old one whole. There is
 * no way back: an older srvpland refuses the new schema. */
static bool migrate(struct store *store, struct error *err)
{
    int64_t version = 0;
    if (!store_ask(store, "PRAGMA user_version", &version, err))
        return false;
    if (version == STORE_SCHEMA_VERSION)
        return true;
    log_info("store is brought to a newer schema", log_number("from", version),
             log_number("to", STORE_SCHEMA_VERSION));
    bool done = store_run(store, "BEGIN IMMEDIATE", err);
    for (; done && version < STORE_SCHEMA_VERSION; version++)
        done = migrate_step(store, version, err);
    if (done && store_run(store, "COMMIT", err))
        return true;
    struct error ignored = {0};
    if (!sqlite3_get_autocommit(store->db) && !store_run(store, "ROLLBACK", &ignored))
        log_warning("roll-back failed; closing does it", log_string("reason", ignored.message));
    return error_within(err, "cannot bring the store to schema %d", STORE_SCHEMA_VERSION);
}

bool store_connect(struct store *store, struct error *err)
{
    store->failure = 0;
    store->wal_pages = 0;
    if (!store_check_header(store, err))
        return false;
    int code =
        sqlite3_open_v2(store->file, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK && sqlite3_db_readonly(store->db, "main"))
        code = SQLITE_READONLY;
    bool done = code == SQLITE_OK ? apply_settings(store, err) : store_error(store, code, err);
    done = done && check_identity(store, err) && check_pages(store, err) && use_wal(store, err) &&
           settle_log(store, err) && migrate(store, err) && store_read_audit_head(store, err);
    if (!done)
        store_disconnect(store);
    return done;
}

void store_disconnect(struct store *store)
{
    if (store->backup)
        store_backup_lose(store->backup);
    sqlite3_close(store->db);
    store->db = NULL;
}

bool store_reconnect(struct store *store, struct error *err)
{
    store_disconnect(store);
    struct error why = {0};
    if (store_connect(store, &why))
        return true;
    store->is_broken = true;
    log_error("store is out of order until restart", log_string("reason", why.message));
    return error_set(err, ERROR_UNAVAILABLE, "%s", why.message);
}

bool store_checkpoint(struct store *store, enum store_checkpoint how, struct error *err)
{
    int mode =
        how == STORE_CHECKPOINT_TRUNCATE ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    int in_log = 0, done = 0;
    int code = sqlite3_wal_checkpoint_v2(store->db, "main", mode, &in_log, &done);
    store->is_checkpoint_failing = code != SQLITE_OK;
    if (code != SQLITE_OK)
        return store_error(store, code, err);
    store->wal_pages = in_log - done;
    return true;
}

bool store_failure_is_deep(const struct store *store)
{
    switch (store->failure & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
        return true;
    }
    return false;
}

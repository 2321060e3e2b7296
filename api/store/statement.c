/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/internal.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

static const char damaged_mend[] =
    "keep a copy of it, and restore a backup; to start anew instead, move srvplan.db, "
    "srvplan.db-wal and image/ away (serials may go back then)";

static const struct {
    int code;
    enum error_kind kind;
    const char *what, *mend;
} failures[] = {
    {SQLITE_FULL, ERROR_NO_SPACE, "the disk is full",
     "free some space: until then changes are refused, reading goes on"},
    {SQLITE_IOERR, ERROR_UNAVAILABLE, "the disk reports an error",
     "look at the kernel's log, mend the disk, restart srvpland"},
    {SQLITE_CORRUPT, ERROR_UNAVAILABLE, "is damaged", damaged_mend},
    {SQLITE_NOTADB, ERROR_UNAVAILABLE, "is not a store, or damaged", damaged_mend},
    {SQLITE_CANTOPEN, ERROR_UNAVAILABLE, "cannot be opened",
     "check that its directory and file system can be read and written"},
    {SQLITE_READONLY, ERROR_UNAVAILABLE, "cannot be written",
     "check the rights of file and directory, and that the file system is not read-only"},
    {SQLITE_BUSY, ERROR_CONFLICT, "is open in another program", "close that one"},
    {SQLITE_LOCKED, ERROR_CONFLICT, "is open in another program", "close that one"},
    {SQLITE_CONSTRAINT, ERROR_INVALID, "refuses the change",
     "nothing was stored; this is a defect in srvpland, please report it"},
    {SQLITE_TOOBIG, ERROR_INVALID, "a value is too large", "make the inventory smaller"},
};

/* SQLite knows ENOSPC, and of write alone; quota and size limits are a full disk, too. */
static bool is_space_errno(int system_errno)
{
    return system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
}

/* sqlite3_system_errno says nothing after a COMMIT (3.40), so the files themselves are asked. */
static bool is_space_failure(struct store *store, int code)
{
    if (!store->db || (code & 0xff) != SQLITE_IOERR)
        return false;
    static const int which[] = {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER};
    bool is_space = false;
    for (size_t i = 0; i < COUNT_OF(which); i++) {
        sqlite3_file *file = NULL;
        int last_errno = 0;
        if (sqlite3_file_control(store->db, "main", which[i], &file) == SQLITE_OK && file &&
            file->pMethods && file->pMethods->xFileControl && /* a journal in memory has none */
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &last_errno) == SQLITE_OK)
            is_space = is_space || is_space_errno(last_errno);
    }
    return is_space;
}

bool store_error(struct store *store, int code, struct error *err)
{
    const char *detail = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code);
    bool is_space = is_space_failure(store, code);
    int primary = is_space ? SQLITE_FULL : code & 0xff;
    /* A failed fsync stays deep, whatever its reason: what it should have saved may be gone. */
    if (!store->failure)
        store->failure = is_space && code == SQLITE_IOERR_WRITE ? SQLITE_FULL : code;
    for (size_t i = 0; i < COUNT_OF(failures); i++)
        if (failures[i].code == primary)
            return error_set(err, failures[i].kind, "%s: %s (%s, SQLite %d); %s", store->file,
                             failures[i].what, detail, code, failures[i].mend);
    return error_set(err, ERROR_UNAVAILABLE,
                     "%s: %s (SQLite %d); restart srvpland, and report it if it comes again",
                     store->file, detail, code);
}

static void statement_fail(struct statement *s, int code)
{
    if (!s->failed)
        store_error(s->store, code, s->err);
    s->failed = true;
}

struct statement statement_over(struct store *store, const char *sql, struct error *err)
{
    struct statement s = {.store = store, .err = err, .next = 1};
    int code = sqlite3_prepare_v2(store->db, sql, -1, &s.handle, NULL);
    if (code != SQLITE_OK)
        statement_fail(&s, code);
    return s;
}

void statement_bind_integer(struct statement *s, int64_t value)
{
    int code = s->failed ? SQLITE_OK : sqlite3_bind_int64(s->handle, s->next++, value);
    if (code != SQLITE_OK)
        statement_fail(s, code);
}

void statement_bind_text(struct statement *s, struct text value)
{
    /* A NULL pointer would become NULL, which no column takes. */
    const char *ptr = value.len ? value.ptr : "";
    int code = s->failed ? SQLITE_OK
                         : sqlite3_bind_text64(s->handle, s->next++, ptr, value.len, SQLITE_STATIC,
                                               SQLITE_UTF8);
    if (code != SQLITE_OK)
        statement_fail(s, code);
}

void statement_bind_digest(struct statement *s, const struct digest *value)
{
    int code = s->failed ? SQLITE_OK
                         : sqlite3_bind_blob(s->handle, s->next++, value->byte, DIGEST_SIZE,
                                             SQLITE_STATIC);
    if (code != SQLITE_OK)
        statement_fail(s, code);
}

bool statement_next(struct statement *s)
{
    if (s->failed)
        return false;
    int code = sqlite3_step(s->handle);
    s->next = 0;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        statement_fail(s, code);
    return code == SQLITE_ROW;
}

void statement_run(struct statement *s)
{
    while (statement_next(s))
        continue;
    if (s->handle)
        sqlite3_reset(s->handle); /* repeats the code of the step, which was reported */
    s->next = 1;
}

int64_t statement_get_integer(struct statement *s)
{
    return sqlite3_column_int64(s->handle, s->next++);
}

struct text statement_get_text(struct statement *s, struct arena *arena)
{
    int column = s->next++;
    const char *ptr = (const char *)sqlite3_column_text(s->handle, column);
    int len = sqlite3_column_bytes(s->handle, column);
    return arena_text(arena, (struct text){ptr, ptr ? (size_t)len : 0});
}

struct digest statement_get_digest(struct statement *s)
{
    struct digest digest = {0};
    int column = s->next++;
    const void *ptr = sqlite3_column_blob(s->handle, column);
    if (ptr && sqlite3_column_bytes(s->handle, column) == DIGEST_SIZE)
        memcpy(digest.byte, ptr, DIGEST_SIZE);
    return digest;
}

bool statement_end(struct statement *s)
{
    sqlite3_finalize(s->handle); /* repeats the code of the last step */
    s->handle = NULL;
    return !s->failed;
}

bool store_run(struct store *store, const char *sql, struct error *err)
{
    struct statement s = statement_over(store, sql, err);
    statement_run(&s);
    return statement_end(&s);
}

bool store_ask(struct store *store, const char *sql, int64_t *value, struct error *err)
{
    struct statement s = statement_over(store, sql, err);
    int64_t got = statement_next(&s) ? statement_get_integer(&s) : 0;
    if (!statement_end(&s))
        return false;
    *value = got;
    return true;
}

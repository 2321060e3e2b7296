/* SPDX-License-Identifier: GPL-3.0-or-later */
/* internal: what the store's own files share; nobody else includes it but its tests.
 *
 * store/open.c     the state directory: lock, first creation, header checks, ballast
 * store/connect.c  the one connection: settings, checks, checkpoint, opening again after a fault
 * store/statement.c  prepared statements with sticky failure; SQLite's codes → struct error
 * store/write.c    store_commit: one change, one transaction
 * store/audit.c    the audit: lines that are chained by their hashes
 * store/answer.c   Idempotency-Keys, and the answers that they had
 * store/retention.c  what goes when revisions are no longer kept
 * store/backup.c, store/restore.c  copies, made in use and put back offline
 * store/read.c     rows → struct store_state
 * store/tokens.c   both, for tokens
 * store/windows.c  both for windows
 * store/schema.c   the tables */
#pragma once
#include "api/store/store.h"

struct sqlite3;
struct sqlite3_stmt;

enum {
    /* 4 MB of write-ahead log: some 300 drains; a checkpoint of it takes about 20 ms. */
    STORE_CHECKPOINT_PAGES = 1000,
    /* A log that one large inventory has blown up is cut back, others are written over. */
    STORE_TRUNCATE_PAGES = 4 * STORE_CHECKPOINT_PAGES,
    STORE_WEEK_MS = 7 * 24 * 3600 * 1000,
    STORE_CHANGES_KEPT = 10000, /* ids are looked up right after a commit; 1 MB of them is plenty */
};

struct store {
    struct sqlite3 *db; /* NULL: between two connections, or broken */
    int directory;      /* opened by us: its lock keeps every other srvpland away */
    const char *name;   /* in the directory: srvplan.db */
    char *file;         /* its path */
    struct arena arena;
    struct store_state state;
    struct store_backup *backup; /* that copies from db; NULL: none */
    struct store_audit_head audit;
    int64_t audit_next;   /* id of the next line */
    int failure;          /* SQLite's code of the last failed call; 0: none since it was cleared */
    int wal_pages;        /* in the log after the last commit, not checkpointed yet */
    int checkpoint_pages; /* STORE_CHECKPOINT_PAGES; tests lower it */
    uint32_t revisions_kept; /* 0: all */
    unsigned ballast_pause;  /* commits to let pass before the ballast is tried again */
    bool has_ballast;
    bool is_checkpoint_failing; /* the last one failed; warned about once */
    bool is_broken;
};

/* -- store/schema.c -- */

extern const char *const store_schema[]; /* statements, NULL-terminated */

/* The statements that make schema v + 1 of schema v, by v; NULL: no such schema is known. */
extern const char *const *const store_migrations[STORE_SCHEMA_VERSION];

/* What SQL cannot do of a migration, after its statements; NULL: nothing. */
typedef bool store_migration_step(struct store *store, struct error *err);
extern store_migration_step *const store_migration_steps[STORE_SCHEMA_VERSION];

/* -- store/statement.c -- */

/* One prepared statement. The first failure goes to err and sticks: everything after it does
 * nothing, and statement_end tells. */
struct statement {
    struct store *store;
    struct sqlite3_stmt *handle;
    struct error *err;
    int next; /* parameter (from 1) or column (from 0) */
    bool failed;
};

struct statement statement_over(struct store *store, const char *sql, struct error *err);
void statement_bind_integer(struct statement *s, int64_t value);
void statement_bind_text(struct statement *s, struct text value); /* borrowed until it has run */
void statement_bind_digest(struct statement *s, const struct digest *value);
bool statement_next(struct statement *s); /* true: a row is there to get columns from */
void statement_run(struct statement *s);  /* to its end; then it can be bound anew */
int64_t statement_get_integer(struct statement *s);
struct text statement_get_text(struct statement *s, struct arena *arena);
struct digest statement_get_digest(struct statement *s);
NODISCARD bool statement_end(struct statement *s); /* false: it failed, and err says how */

/* Runs one statement without parameters. */
NODISCARD bool store_run(struct store *store, const char *sql, struct error *err);

/* The first column of the first row of a query without parameters. */
NODISCARD bool store_ask(struct store *store, const char *sql, int64_t *value, struct error *err);

/* Reports the failure `code` of the last SQLite call. Returns false. */
bool store_error(struct store *store, int code, struct error *err);

/* -- store/connect.c -- */

/* Opens the existing file, checks it from end to end, and makes durable what its log holds. A full
 * disk does not hinder it. */
NODISCARD bool store_connect(struct store *store, struct error *err);
void store_disconnect(struct store *store);

/* Closes and opens again; false: the store is broken from now on. */
NODISCARD bool store_reconnect(struct store *store, struct error *err);

/* Brings the log into srvplan.db and fsyncs it; TRUNCATE also empties the log. */
enum store_checkpoint {
    STORE_CHECKPOINT_PASSIVE,
    STORE_CHECKPOINT_TRUNCATE,
};
NODISCARD bool store_checkpoint(struct store *store, enum store_checkpoint how, struct error *err);

/* True when the last failure leaves it open what is on disk, so that the descriptors must not be
 * used any more. */
bool store_failure_is_deep(const struct store *store);

/* -- store/open.c -- */

/* Opens and locks the state directory; ERROR_CONFLICT: another srvpland has it. */
NODISCARD bool store_lock(struct store *store, int directory, const char *path, struct error *err);

/* Looks at the first bytes of srvplan.db, before SQLite touches it. */
NODISCARD bool store_check_header(const struct store *store, struct error *err);

/* Lays the ballast when it is missing and there is ample room. */
void store_lay_ballast(struct store *store);

/* -- store/write.c -- */

/* One change on its way into the store, and the ids that it was given. */
struct writing {
    struct store *store;
    const struct store_change *change;
    int64_t inventory_id;          /* 0: no new one */
    int64_t *version_ids;          /* by index in change->versions */
    struct store_audit_head audit; /* after the lines that are written so far */
    struct error *err;
};

/* -- store/backup.c -- */

/* The connection goes, and with it what copies from it. */
void store_backup_lose(struct store_backup *backup);

/* -- store/answer.c -- */

NODISCARD bool store_write_key(struct writing *w);

/* -- store/retention.c -- */

NODISCARD bool store_forget_old(struct writing *w);

/* -- store/audit.c -- */

NODISCARD bool store_write_audit(struct writing *w);

/* The head as the file has it, into the store. */
NODISCARD bool store_read_audit_head(struct store *store, struct error *err);

/* Of schema 2: its lines into the new table, chained. */
NODISCARD bool store_chain_audit(struct store *store, struct error *err);
/* -- store/windows.c -- */

NODISCARD bool store_write_windows(struct writing *w);
NODISCARD bool store_read_windows(struct store *store, struct error *err);

/* -- store/read.c -- */

/* Before a read of what the state does not hold. */
NODISCARD bool store_read_begin(struct store *store, struct error *err);

NODISCARD bool store_read_state(struct store *store, int64_t now_ms, struct error *err);

/* -- store/tokens.c -- */

NODISCARD bool store_write_tokens(struct writing *w);
NODISCARD bool store_read_tokens(struct store *store, struct error *err);

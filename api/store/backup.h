/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup: a copy of the store while it is in use.
 *
 * Pages are copied a few at a time by the one connection (sqlite.org/backup.html), between changes,
 * which go into the copy, too. Then the copy is checked from end to end, fsynced and renamed, so
 * that a file of that name is a whole store or is not there; all that needs the store no more, and
 * may run in another thread. A copy is one file of mode 0600: no log beside it. */
#pragma once
#include "api/store/store.h"

enum {
    STORE_BACKUP_PAGES = 256, /* a step: 1 MiB, some milliseconds */
    STORE_BACKUP_KEEP_MAX = 10000,
};

struct store_backup_made {
    struct text file; /* its path */
    uint64_t revision;
    int64_t at_ms;
    uint64_t bytes;
    uint32_t removed; /* older copies that went */
};

struct store_backup;

/* Begins a copy in the directory `path`, which is made when it is not there (0700). */
NODISCARD struct store_backup *store_backup_begin(struct store *store, const char *path,
                                                  int64_t at_ms, struct error *err);

/* Copies some pages; *is_done: all are there. */
NODISCARD bool store_backup_step(struct store_backup *backup, bool *is_done, struct error *err);

/* Checks and publishes the copy, then removes the oldest beyond `keep` (0: none). `made` lives as
 * long as the backup. Any thread, after the last step. */
NODISCARD bool store_backup_finish(struct store_backup *backup, uint32_t keep,
                                   struct store_backup_made *made, struct error *err);

void store_backup_free(struct store_backup *backup); /* what is not finished goes; NULL is fine */

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup: a copy of the store, made between changes.
 *
 * The world copies a piece whenever it is about to wait or has done a job, so that a large store
 * holds up no change for long; checking and syncing the copy is a thread of its own. One copy at a
 * time. The job ends when the copy is there, and is a line of the audit. */
#pragma once
#include "api/store/backup.h"
#include "api/world/internal.h"

struct world_backup_change {
    uint32_t keep; /* 0: remove none */
};

struct world_backup {
    struct job job;
    struct world_result *result;
    struct store_backup *copy;
    struct store_backup_made made;
    struct error error;
    pthread_t thread;
    bool has_thread;
    bool is_finished; /* by the thread; with the world's lock */
};

void job_backup(struct world *world, const struct world_request *request,
                struct world_result *result);

/* The job that began a copy waits for it. */
void world_backup_keep(struct world *world, const struct job *job, struct world_result *result);

/* True when there is something to do; with the lock held. */
bool world_backup_is_due(const struct world *world);
void world_backup_work(struct world *world);

/* The world ends: the copy is given up. */
void world_backup_abort(struct world *world);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/backup.h"

#include "api/view/audit.h"
#include "api/world/job.h"

#include "zones/base/log.h"

#include <stdlib.h>

static void fail(struct world_result *result, const struct error *err)
{
    result->outcome = WORLD_FAILED;
    result->problem = "unavailable";
    error_set(&result->error, err->kind, "%s", err->message);
}

/* Ends the job. */
static void end(struct world *world)
{
    struct world_backup *backup = world->backup;
    world->backup = NULL;
    store_backup_free(backup->copy); /* first: whoever is told that it failed finds nothing */
    backup->result->view = world_view_ref(world);
    backup->job.callback(backup->job.context, backup->result);
    free(backup);
}

void job_backup(struct world *world, const struct world_request *request,
                struct world_result *result)
{
    struct store_change nothing = {0};
    struct error err = {0};
    if (world->backup) {
        job_fail(result, "conflict", ERROR_CONFLICT,
                 "a copy of the store is being made; wait for it");
        return;
    }
    if (request->is_dry_run) {
        (void)!job_commit(world, request, &nothing, result);
        return;
    }
    struct world_backup *backup = calloc(1, sizeof *backup);
    if (!backup)
        abort();
    backup->copy =
        store_backup_begin(world->store, world->options.backup_path, world_now_ms(world), &err);
    if (backup->copy) {
        world->backup = backup;
        return;
    }
    fail(result, &err);
    free(backup);
}

void world_backup_keep(struct world *world, const struct job *job, struct world_result *result)
{
    world->backup->job = *job;
    world->backup->result = result;
}

static void *finish(void *context)
{
    struct world *world = context;
    struct world_backup *backup = world->backup;
    bool done = store_backup_finish(backup->copy, backup->job.request.backup->keep, &backup->made,
                                    &backup->error);
    pthread_mutex_lock(&world->lock);
    backup->is_finished = true;
    pthread_mutex_unlock(&world->lock);
    scheduler_knock(world->scheduler);
    return done ? backup : NULL;
}

/* Both the copy and its line in the audit, or an error. */
static void conclude(struct world *world)
{
    struct world_backup *backup = world->backup;
    struct world_result *result = backup->result;
    const struct world_request *request = &backup->job.request;
    struct store_backup_made *made = arena_new(&result->arena, struct store_backup_made);
    *made = backup->made;
    made->file = arena_text(&result->arena, made->file);
    struct store_audit audit =
        job_audit(request, made->at_ms, "backup", made->file, (struct text){0});
    struct store_change change = {.audit = &audit, .audit_count = 1};
    audit.after = audit_print_backup(&result->arena, made);
    world->key = request->key;
    if (job_commit(world, request, &change, result)) {
        result->backup = made;
        log_info("store copied", log_text("file", made->file),
                 log_number("bytes", (int64_t)made->bytes));
    }
    world->key = NULL;
}

static void step(struct world *world)
{
    struct world_backup *backup = world->backup;
    bool is_done = false;
    struct error err = {0};
    if (!store_backup_step(backup->copy, &is_done, &err)) {
        fail(backup->result, &err);
        end(world);
    } else if (is_done) {
        if (pthread_create(&backup->thread, NULL, finish, world) != 0)
            abort();
        backup->has_thread = true;
    }
}

bool world_backup_is_due(const struct world *world)
{
    return world->backup && (!world->backup->has_thread || world->backup->is_finished);
}

void world_backup_work(struct world *world)
{
    struct world_backup *backup = world->backup;
    void *done = NULL;
    pthread_mutex_lock(&world->lock);
    bool is_due = world_backup_is_due(world);
    pthread_mutex_unlock(&world->lock);
    if (!is_due)
        return;
    if (!backup->has_thread) {
        step(world);
        return;
    }
    pthread_join(backup->thread, &done);
    if (done)
        conclude(world);
    else
        fail(backup->result, &backup->error);
    end(world);
}

void world_backup_abort(struct world *world)
{
    struct world_backup *backup = world->backup;
    struct error err = {0};
    if (!backup)
        return;
    if (backup->has_thread)
        pthread_join(backup->thread, NULL);
    error_set(&err, ERROR_UNAVAILABLE, "srvpland is stopping; look whether the copy is there");
    fail(backup->result, &err);
    end(world);
}

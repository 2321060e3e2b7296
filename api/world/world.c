/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/internal.h"

#include "api/world/backup.h"

#include "zones/base/clock.h"
#include "zones/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- queues -------------------------------------------------------------------------------------
 */

bool world_submit(struct world *world, const struct world_request *request,
                  world_callback *callback, void *context, struct error *err)
{
    pthread_mutex_lock(&world->lock);
    bool taken = !world->is_stopping && world->job_count < WORLD_MAX_JOBS;
    if (taken) {
        world->jobs[world->job_count++] = (struct job){*request, callback, context};
    }
    pthread_mutex_unlock(&world->lock);
    if (taken) {
        scheduler_knock(world->scheduler);
        return true;
    }
    return error_set(err, ERROR_UNAVAILABLE, "too many changes are waiting; try again in a second");
}

/* From the link's thread. A full queue holds the link up: nothing of what dnsd says may be lost. */
static void forget_event(const struct dnsd_event *event)
{
    if (event->memory_fd >= 0)
        close(event->memory_fd);
    responder_unref(event->responder);
}

static void push_event(void *context, const struct dnsd_event *event)
{
    struct world *world = context;
    pthread_mutex_lock(&world->lock);
    while (world->event_count == WORLD_MAX_EVENTS && !world->is_stopping)
        pthread_cond_wait(&world->changed, &world->lock);
    if (world->event_count < WORLD_MAX_EVENTS)
        world->events[world->event_count++] = *event;
    else
        forget_event(event);
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
    scheduler_knock(world->scheduler);
}

/* Takes the oldest event; the lock is held. */
static struct dnsd_event pop_event(struct world *world)
{
    struct dnsd_event event = world->events[0];
    world->event_count--;
    memmove(world->events, world->events + 1, world->event_count * sizeof event);
    pthread_cond_broadcast(&world->changed);
    return event;
}

static struct timespec timespec_of(int64_t at_ms)
{
    return (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
}

bool world_wait_event(struct world *world, int64_t deadline_ms)
{
    pthread_mutex_lock(&world->lock);
    struct timespec until = timespec_of(deadline_ms);
    while (world->event_count == 0 && !world->is_stopping)
        if (pthread_cond_clockwait(&world->changed, &world->lock, CLOCK_MONOTONIC, &until) != 0)
            break;
    bool got = world->event_count > 0;
    struct dnsd_event event = {0};
    if (got)
        event = pop_event(world);
    pthread_mutex_unlock(&world->lock);
    if (got)
        world_on_event(world, &event);
    return got;
}

/* -- the thread ---------------------------------------------------------------------------------
 */

static void run_job(struct world *world, const struct job *job)
{
    struct world_result *result = calloc(1, sizeof *result);
    if (!result)
        abort();
    bool had_backup = world->backup != NULL;
    if (world->planned) {
        world_run_keyed(world, &job->request, result);
    } else {
        result->problem = "unavailable";
        error_set(&result->error, ERROR_UNAVAILABLE, "%s", world->store_problem);
    }
    if (world->backup && !had_backup) { /* the job that has begun it */
        world_backup_keep(world, job, result);
        return;
    }
    result->view = world_view_ref(world);
    job->callback(job->context, result);
}

/* What is there to do: an event of dnsd, or else a job. */
struct errand {
    struct dnsd_event event;
    struct job job;
    bool has_event, has_job, has_refusals, has_backup, is_end;
};

static struct errand take_errand(struct world *world)
{
    struct errand errand = {0};
    pthread_mutex_lock(&world->lock);
    errand.is_end = world->is_stopping;
    errand.has_backup = world_backup_is_due(world);
    /* With the changes that wait, not before them; but not never. */
    errand.has_refusals = world->refusals.count > (world->job_count ? REFUSALS_MAX_WAITING / 2 : 0);
    if (world->event_count && !errand.is_end) {
        errand.event = pop_event(world);
        errand.has_event = true;
    } else if (world->job_count && !errand.is_end) {
        errand.job = world->jobs[0];
        errand.has_job = true;
        world->job_count--;
        memmove(world->jobs, world->jobs + 1, world->job_count * sizeof *world->jobs);
    }
    pthread_mutex_unlock(&world->lock);
    return errand;
}

static void *run(void *context)
{
    struct world *world = context;
    for (;;) {
        struct errand errand = take_errand(world);
        if (errand.is_end) {
            world_backup_abort(world);
            world_write_refusals(world);
            return NULL;
        }
        world_look(world);
        if (errand.has_event)
            world_on_event(world, &errand.event);
        if (world->planned) {
            world_tick(world);
            world_retry_image(world);
        }
        if (errand.has_job)
            run_job(world, &errand.job);
        if (errand.has_refusals)
            world_write_refusals(world);
        if (world->backup)
            world_backup_work(world);
        if (world->is_view_due)
            world_renew_view(world);
        if (world->planned) {
            world_note_served(world);
            world_note_clear(world);
        }
        if (!errand.has_event && !errand.has_job && !errand.has_refusals && !errand.has_backup)
            world_sleep(world);
    }
}

/* -- views --------------------------------------------------------------------------------------
 */

const struct world_view *world_view_ref(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    struct view_box *box = world->view;
    __atomic_add_fetch(&box->refs, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&world->lock);
    return &box->view;
}

void world_view_unref(const struct world_view *view)
{
    struct view_box *box = (struct view_box *)(uintptr_t)view; /* its first member */
    if (!box || __atomic_sub_fetch(&box->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    planned_unref(box->planned);
    tokens_unref(box->tokens);
    responder_unref(box->view.dnsd.responder);
    arena_fini(&box->arena);
    free(box);
}

void world_result_free(struct world_result *result)
{
    if (!result)
        return;
    world_view_unref(result->view);
    if (result->planned)
        planned_unref(result->planned);
    planned_unref(result->otherwise);
    arena_fini(&result->arena);
    free(result);
}

/* -- start and stop -----------------------------------------------------------------------------
 */

static void log_reload(void *context, struct world_result *result)
{
    (void)context;
    if (result->outcome == WORLD_FAILED)
        log_error("inventory not reloaded; the old one goes on",
                  log_string("reason", result->error.message));
    world_result_free(result);
}

void world_request_reload(struct world *world)
{
    struct error err = {0};
    struct world_request request = {.kind = WORLD_RELOAD,
                                    .actor = {text_from("SIGHUP"), text_from("signal")}};
    if (!world_submit(world, &request, log_reload, NULL, &err))
        log_error("inventory not reloaded", log_string("reason", err.message));
}

static void free_world(struct world *world)
{
    for (size_t i = 0; i < world->event_count; i++)
        forget_event(&world->events[i]);
    if (world->view)
        world_view_unref(&world->view->view);
    planned_unref(world->planned);
    tokens_unref(world->tokens);
    responder_unref(world->dnsd.responder);
    free(world->serials);
    retired_fini(&world->retired);
    rows_fini(&world->rows);
    history_fini(&world->history);
    refusals_fini(&world->refusals);
    image_dir_close(&world->image_dir);
    store_close(world->store);
    scheduler_close(world->scheduler);
    pthread_mutex_destroy(&world->lock);
    pthread_cond_destroy(&world->changed);
    free(world);
}

/* dnsd, and then the stored revision served; a dnsd that takes its time does not stop us. */
static bool start_dnsd(struct world *world, struct error *err)
{
    struct error why = {0};
    world->link = dnsd_link_start(&world->options.dnsd, push_event, world, &why);
    bool is_read_only =
        faccessat(world->options.state_directory, ".", W_OK, AT_EACCESS) != 0 && errno == EROFS;
    if (!world->link && world->store_problem[0] && is_read_only) {
        /* Where nothing can be written there is no socket to talk over; a dnsd that is there goes
         * on by itself. */
        log_error("dnsd is not supervised", log_string("reason", why.message));
        return true;
    }
    if (!world->link)
        return error_set(err, why.kind, "%s", why.message);
    int64_t deadline_ms = clock_monotonic_ms() + WORLD_SERVED_WAIT_MS;
    while (world->planned && world->served_revision != world->revision &&
           world_wait_event(world, deadline_ms))
        continue;
    return true;
}

/* A damaged store is no reason to say nothing: then the API comes up, gives the reason to all who
 * ask, and publishes nothing, while dnsd goes on from the image on disk. */
static bool load_or_degrade(struct world *world, struct error *err)
{
    struct error why = {0};
    if (world_load(world, &why))
        return true;
    if (why.kind != ERROR_UNAVAILABLE || world->planned)
        return error_set(err, why.kind, "%s", why.message);
    world->options.dnsd.may_adopt = true;
    snprintf(world->store_problem, sizeof world->store_problem, "%s", why.message);
    log_error("the store cannot be used; nothing will be published",
              log_string("reason", world->store_problem));
    return true;
}

static bool start_clock(struct world *world, struct error *err)
{
    struct clock_reading reading;
    world->scheduler = scheduler_open(err);
    if (!world->scheduler)
        return false;
    scheduler_read(world->scheduler, &reading);
    timekeeper_init(&world->keeper, &reading);
    world->started_at_ms = reading.real_ms;
    world->index = (uint64_t)world->started_at_ms;
    return true;
}

struct world *world_start(const struct world_options *options, struct error *err)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        abort();
    world->options = *options;
    world->image_dir.fd = -1;
    pthread_mutex_init(&world->lock, NULL);
    pthread_cond_init(&world->changed, NULL);
    if (!start_clock(world, err) || !load_or_degrade(world, err) || !start_dnsd(world, err)) {
        dnsd_link_stop(world->link, DNSD_LEAVE_ADOPTED);
        free_world(world);
        return NULL;
    }
    if (world->planned)
        world_settle(world);
    world_renew_view(world);
    if (pthread_create(&world->thread, NULL, run, world) != 0)
        abort();
    return world;
}

void world_stop(struct world *world, enum dnsd_ending ending)
{
    if (!world)
        return;
    pthread_mutex_lock(&world->lock);
    world->is_stopping = true;
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
    scheduler_knock(world->scheduler);
    pthread_join(world->thread, NULL);
    for (size_t i = 0; i < world->job_count; i++) {
        struct world_result *result = calloc(1, sizeof *result);
        if (!result)
            abort();
        result->problem = "unavailable";
        error_set(&result->error, ERROR_UNAVAILABLE, "srvpland is stopping; nothing was changed");
        result->view = world_view_ref(world);
        world->jobs[i].callback(world->jobs[i].context, result);
    }
    dnsd_link_stop(world->link, ending);
    free_world(world);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What dnsd says, taken into account; and what it is given. */
#include "api/world/internal.h"

#include "zones/base/file.h"
#include "zones/base/log.h"

#include <stdio.h>
#include <unistd.h>

static void hand_over(struct world *world)
{
    struct error err = {0};
    int answers_fd = -1, names_fd = -1;
    if (!image_dir_open_pair(&world->image_dir, &world->planned->base->names_digest, &answers_fd,
                             &names_fd, &err) ||
        !dnsd_link_load(world->link, world->revision, answers_fd, names_fd, &err))
        log_warning("generation not handed over yet",
                    log_number("revision", (int64_t)world->revision),
                    log_string("reason", err.message));
    fd_close(&answers_fd);
    fd_close(&names_fd);
}

void world_hand_over(struct world *world)
{
    if (world->link && world->planned && world->served_revision != world->revision)
        hand_over(world);
}

/* The current revision is served since at_ms: so are the drains in it that were not yet. */
static void mark_served(struct world *world, int64_t at_ms)
{
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        struct store_drain *row = &world->rows.drains[i].row;
        if (!row->served_at_ms)
            row->served_at_ms = at_ms;
    }
    world->is_served_noted = false;
}

void world_note_served(struct world *world)
{
    struct arena arena = {0};
    struct error err = {0};
    if (world->is_served_noted || !world->served_at_ms)
        return;
    world->is_served_noted = true;
    struct store_drain *drains = arena_array(&arena, struct store_drain, world->rows.drain_count);
    struct store_change change = {
        .served_revision = world->revision, .served_at_ms = world->served_at_ms, .drains = drains};
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        if (world->rows.drains[i].row.served_at_ms == world->served_at_ms)
            drains[change.drain_count++] = world->rows.drains[i].row;
    }
    store_change_id_make(change.id);
    if (!store_commit(world->store, &change, NULL, NULL, &err))
        log_warning("cannot note that a revision is served", log_string("reason", err.message));
    arena_fini(&arena);
}

static void on_served(struct world *world, const struct dnsd_event *event)
{
    world->dnsd.generation = event->generation;
    history_served(&world->history, world->planned->base, event->generation, event->memory_fd,
                   event->at_ms);
    if (event->generation != world->revision)
        return;
    bool is_first = world->served_revision != world->revision;
    world->served_revision = world->acknowledged_revision = world->revision;
    world->served_plan_at_ms = world->planned->plan->input.at_ms;
    world->dnsd_refusal[0] = '\0';
    bool was_served = world->served_at_ms != 0; /* before a restart of dnsd or of us */
    if (!was_served)
        world->served_at_ms = event->at_ms;
    if (is_first && !was_served)
        mark_served(world, world->served_at_ms);
}

/* A generation is retired: what its sets were last served is known now, and goes to the store. */
static void on_retired(struct world *world, const struct dnsd_event *event)
{
    struct error err = {0};
    history_retired(&world->history, event->generation, event->at_ms);
    if (!world_commit_versions(world, &err))
        log_warning("cannot note when sets were last served", log_string("reason", err.message));
    if (world->dnsd.generation == world->revision)
        image_dir_sweep(&world->image_dir, &world->planned->base->names_digest);
}

/* Writes the image again where it is not as it should be: on the disk it may have been damaged. */
static void mend_image(struct world *world)
{
    struct error err = {0};
    if (world_rewrite_image(world, &err)) {
        world->publish_problem[0] = '\0';
        return;
    }
    snprintf(world->publish_problem, sizeof world->publish_problem, "%.250s", err.message);
    log_error("image not written", log_string("reason", err.message));
}

/* Without a store we only watch dnsd. */
static void on_event_without_plan(struct world *world, const struct dnsd_event *event)
{
    world->dnsd.is_connected = event->kind != DNSD_GONE;
    world->dnsd.pid = event->kind == DNSD_GONE ? 0 : event->pid;
    world->dnsd.generation = event->kind == DNSD_GONE ? 0 : event->generation;
    if (event->memory_fd >= 0)
        close(event->memory_fd);
}

static void on_event_with_plan(struct world *world, const struct dnsd_event *event)
{
    switch (event->kind) {
    case DNSD_HELLO:
        world->dnsd.is_connected = true;
        world->dnsd.pid = event->pid;
        world->dnsd.generation = event->generation;
        if (event->generation == world->revision) {
            on_served(world, event);
            break;
        }
        world->served_revision = 0;
        if (event->memory_fd >= 0)
            history_served(&world->history, world->planned->base, event->generation,
                           event->memory_fd, event->at_ms);
        if (event->generation == 0) /* it could not read what lies there */
            mend_image(world);
        world_hand_over(world);
        break;
    case DNSD_SERVED:
        on_served(world, event);
        break;
    case DNSD_REFUSED:
        snprintf(world->dnsd_refusal, sizeof world->dnsd_refusal, "%s", event->text);
        log_error("dnsd refused a generation", log_number("generation", (int64_t)event->generation),
                  log_string("reason", event->text));
        break;
    case DNSD_ASK:
        log_info("dnsd asks for the newest generation");
        hand_over(world);
        break;
    case DNSD_RETIRED:
        on_retired(world, event);
        break;
    case DNSD_GONE:
        world->dnsd.is_connected = false;
        world->dnsd.generation = 0;
        world->dnsd.pid = 0;
        world->served_revision = 0;
        history_lost(&world->history, event->at_ms);
        break;
    }
}

void world_on_event(struct world *world, const struct dnsd_event *event)
{
    if (event->responder) {
        responder_unref(world->dnsd.responder);
        world->dnsd.responder = event->responder;
    }
    if (world->planned)
        on_event_with_plan(world, event);
    else
        on_event_without_plan(world, event);
    world_renew_view(world);
}

void world_retry_image(struct world *world)
{
    if (!world->publish_problem[0])
        return;
    mend_image(world);
    world_hand_over(world);
    world_renew_view(world);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What time alone changes: overlays end, ramps go on, windows open and close. */
#include "api/world/internal.h"

#include "zones/base/log.h"

enum {
    OWED_MIN_MS = 1000, /* less is not worth a revision */
};

/* A drain is over when its time is, and its node is wholly back. */
static bool is_over(const struct world *world, const struct store_drain *row, int64_t now_ms)
{
    if (row->ended_at_ms || row->until_at_ms == 0)
        return false;
    const struct plan_hold *hold = world_find_hold(world->planned->plan, row->id);
    return (hold ? hold->timeline.restored_at_ms : row->until_at_ms) <= now_ms;
}

static bool is_weight_over(const struct store_weight *row, int64_t now_ms)
{
    return row->until_at_ms && row->until_at_ms <= now_ms;
}

/* What was asked for as so long lasts so long, however the clock is set meanwhile. */
static bool is_owing(const struct world *world)
{
    bool is_worth_it = world->owed_ms <= -OWED_MIN_MS || world->owed_ms >= OWED_MIN_MS;
    return is_worth_it && world->keeper.state == TIME_RIGHT;
}

/* The plan in force says when it changes; what ended while nobody ran is seen by its row. */
static bool is_due(const struct world *world, int64_t now_ms)
{
    int64_t due_ms = world->planned->plan->next_change_at_ms;
    bool due = (due_ms && due_ms <= now_ms) || is_owing(world) || world_may_release(world);
    for (size_t i = 0; !due && i < world->rows.drain_count; i++)
        due = is_over(world, &world->rows.drains[i].row, now_ms);
    for (size_t i = 0; !due && i < world->rows.weight_count; i++)
        due = is_weight_over(&world->rows.weights[i].row, now_ms);
    return due;
}

/* When, by the clock that holds now, an end comes; itself when it had come before the clock was
 * set. */
static int64_t moved_end(const struct world *world, int64_t until_at_ms, int64_t now_ms)
{
    int64_t owed_ms = is_owing(world) ? world->owed_ms : 0;
    if (owed_ms >= 0)
        return until_at_ms > now_ms - owed_ms ? until_at_ms + owed_ms : until_at_ms;
    int64_t end_ms = until_at_ms + owed_ms > now_ms ? until_at_ms + owed_ms : now_ms;
    return end_ms < until_at_ms ? end_ms : until_at_ms;
}

static void end_drains(const struct world *world, struct candidate *candidate)
{
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        struct store_drain row = world->rows.drains[i].row;
        int64_t end_ms = moved_end(world, row.until_at_ms, candidate->at_ms);
        if (row.for_s && !row.ended_at_ms && end_ms != row.until_at_ms) {
            row.until_at_ms = end_ms;
            log_info("drain lasts as long as it was to", log_text("drain", row.id),
                     log_number("clock_set_by_ms", world->owed_ms));
        } else if (is_over(world, &row, candidate->at_ms)) {
            row.ended_at_ms = candidate->at_ms;
            row.ended_actor = text_from("expiry");
            row.ended_revision = world->revision + 1;
        } else {
            continue;
        }
        row.version++;
        rows_put_drain(&candidate->rows, &row);
    }
}

/* A weight's end is always asked for as so long. */
static void end_weights(const struct world *world, struct candidate *candidate, struct arena *arena)
{
    struct store_weight *gone = arena_array(arena, struct store_weight, world->rows.weight_count);
    struct store_weight *kept = arena_array(arena, struct store_weight, world->rows.weight_count);
    for (size_t i = 0; i < world->rows.weight_count; i++) {
        struct store_weight row = world->rows.weights[i].row;
        int64_t end_ms = moved_end(world, row.until_at_ms, candidate->at_ms);
        if (row.until_at_ms && end_ms != row.until_at_ms) {
            row.until_at_ms = end_ms;
            kept[candidate->change.weight_count++] = row;
            rows_put_weight(&candidate->rows, &row);
        } else if (is_weight_over(&row, candidate->at_ms)) {
            gone[candidate->change.weights_removed_count++] = row;
            rows_remove_weight(&candidate->rows, row.node, row.service);
        }
    }
    candidate->change.weights_removed = gone;
    candidate->change.weights = kept;
}

/* The drains that the candidate has changed, into the change, and what there is to be said of it.
 */
static const char *list_changes(const struct world *world, struct candidate *candidate,
                                struct arena *arena)
{
    struct store_drain *drains = arena_array(arena, struct store_drain, world->rows.drain_count);
    struct store_audit *audit = arena_array(arena, struct store_audit, world->rows.drain_count);
    const char *cause = NULL;
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        const struct store_drain *was = &world->rows.drains[i].row;
        const struct store_drain *row = rows_find_drain(&candidate->rows, was->id);
        const char *what = "drain goes on after its guard";
        if (row->version == was->version)
            continue;
        if (row->ended_at_ms)
            what = "drain ends";
        else if (row->until_at_ms != was->until_at_ms)
            what = "drain ends at another instant, the clock was set";
        else if (row->blocked_at_ms)
            what = "drain is blocked";
        cause = cause ? "drains end, are blocked, or go on" : what;
        audit[candidate->change.drain_count] = (struct store_audit){.at_ms = candidate->at_ms,
                                                                    .actor = text_from("clock"),
                                                                    .source = text_from("srvpland"),
                                                                    .action = text_from(what),
                                                                    .object = row->id,
                                                                    .detail = row->blocked_because};
        drains[candidate->change.drain_count++] = *row;
    }
    candidate->change.drains = drains;
    candidate->change.audit = audit;
    candidate->change.audit_count = candidate->change.drain_count;
    return cause;
}

static bool publishes_the_same(const struct plan *before, const struct plan *after)
{
    for (uint32_t i = 0; i < after->content.count; i++)
        if (!content_set_equal(&before->content.sets[i], &after->content.sets[i]))
            return false;
    return true;
}

/* Whoever forced a drain also forced the ramp that leads to it. */
static bool is_forced(const struct rows *rows)
{
    for (size_t i = 0; i < rows->drain_count; i++)
        if (!rows->drains[i].row.ended_at_ms && rows->drains[i].row.override_reason.len)
            return true;
    return false;
}

/* Publishes the candidate, or keeps what is served and tries again after a pause: a guard is not
 * skipped because nobody is there to see it. */
static bool publish(struct world *world, struct candidate *candidate)
{
    struct error err = {0};
    bool served = false;
    const struct plan_verdict *refusal = world_refusal_now(
        world->planned->plan, candidate->planned->plan, is_forced(&candidate->rows));
    if (refusal)
        error_set(&err, ERROR_GUARD, "%s", refusal->message);
    else if (world_publish(world, candidate, &served, &err))
        return true;
    log_error("what time asks for is not published; the old plan goes on",
              log_text("cause", candidate->cause), log_string("reason", err.message));
    world->tick_again_boot_ms = world->keeper.seen.boot_ms + WORLD_TICK_PAUSE_MS;
    return false;
}

/* What was clear stays so, whatever happens to clock and history. Should the store not take it, a
 * restart finds it out again, only later. */
void world_note_clear(struct world *world)
{
    struct arena arena = {0};
    struct error err = {0};
    struct store_drain *drains = arena_array(&arena, struct store_drain, world->rows.drain_count);
    struct store_change change = {.drains = drains};
    const struct world_view *view = &world->view->view;
    for (uint32_t i = 0; i < view->drain_count; i++) {
        const struct world_drain *drain = &view->drains[i];
        struct store_drain *row = rows_find_drain(&world->rows, drain->row.id);
        if (drain->state != DRAIN_CLEAR || !drain->is_clear_final || !row || row->clear_at_ms)
            continue;
        row->clear_at_ms = drain->dns_clear_at_ms;
        drains[change.drain_count++] = *row;
        log_info("drain is clear", log_text("drain", row->id), log_text("node", row->node));
    }
    store_change_id_make(change.id);
    if (change.drain_count && !store_commit(world->store, &change, NULL, NULL, &err))
        log_warning("cannot note that a drain is clear", log_string("reason", err.message));
    arena_fini(&arena);
}

void world_tick(struct world *world)
{
    int64_t now_ms = world_now_ms(world);
    if (world->next_clear_at_ms && world->next_clear_at_ms <= world_certain_ms(world))
        world->is_view_due = true;
    if (world->keeper.seen.boot_ms < world->tick_again_boot_ms || !is_due(world, now_ms))
        return;
    struct arena arena = {0};
    uint64_t judged_revision = world->revision;
    struct candidate candidate = {.rows = rows_copy(&world->rows),
                                  .actor = text_from("clock"),
                                  .cause = text_from("time: a window, a ramp or an end"),
                                  .at_ms = now_ms,
                                  .may_use_ballast = true};
    end_drains(world, &candidate);
    end_weights(world, &candidate, &arena);
    candidate.planned = planned_make(world->planned->base, &candidate.rows, now_ms);
    world_hold_up(world, &candidate);
    const char *cause = list_changes(world, &candidate, &arena);
    bool done = true;
    if (cause)
        candidate.cause = text_from(cause);
    if (cause || candidate.change.weight_count || candidate.change.weights_removed_count ||
        !publishes_the_same(world->planned->plan, candidate.planned->plan)) {
        done = publish(world, &candidate);
    } else { /* only a state has moved on: no revision for that */
        world_set_plan(world, candidate.planned);
        world_renew_view(world);
    }
    if (done) {
        world->judged_revision = judged_revision;
        if (is_owing(world))
            world->owed_ms = 0;
    }
    candidate_fini(&candidate);
    arena_fini(&arena);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What time alone changes: overlays end, ramps go on, windows open and close. */
#include "api/world_internal.h"

#include "zones/base/clock.h"
#include "zones/base/log.h"

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

/* The plan in force says when it changes; what ended while nobody ran is seen by its row. */
static bool is_due(const struct world *world, int64_t now_ms)
{
    int64_t due_ms = world->planned->plan->next_change_at_ms;
    bool due = due_ms && due_ms <= now_ms;
    for (size_t i = 0; !due && i < world->rows.drain_count; i++)
        due = is_over(world, &world->rows.drains[i].row, now_ms);
    for (size_t i = 0; !due && i < world->rows.weight_count; i++)
        due = is_weight_over(&world->rows.weights[i].row, now_ms);
    return due;
}

static void end_drains(const struct world *world, struct candidate *candidate, struct arena *arena)
{
    struct store_drain *drains = arena_array(arena, struct store_drain, world->rows.drain_count);
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        struct store_drain row = world->rows.drains[i].row;
        if (!is_over(world, &row, candidate->at_ms))
            continue;
        row.ended_at_ms = candidate->at_ms;
        row.ended_actor = text_from("expiry");
        row.ended_revision = world->revision + 1;
        row.version++;
        drains[candidate->change.drain_count++] = row;
        rows_put_drain(&candidate->rows, &row);
    }
    candidate->change.drains = drains;
}

static void end_weights(const struct world *world, struct candidate *candidate, struct arena *arena)
{
    struct store_weight *weights =
        arena_array(arena, struct store_weight, world->rows.weight_count);
    for (size_t i = 0; i < world->rows.weight_count; i++) {
        const struct store_weight *row = &world->rows.weights[i].row;
        if (!is_weight_over(row, candidate->at_ms))
            continue;
        weights[candidate->change.weights_removed_count++] = *row;
        rows_remove_weight(&candidate->rows, row->node, row->service);
    }
    candidate->change.weights_removed = weights;
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
static void publish(struct world *world, struct candidate *candidate)
{
    struct error err = {0};
    bool served = false;
    const struct plan_verdict *refusal = world_new_refusal(
        world->planned->plan, candidate->planned->plan, is_forced(&candidate->rows));
    if (refusal)
        error_set(&err, ERROR_GUARD, "%s", refusal->message);
    else if (world_publish(world, candidate, &served, &err))
        return;
    log_error("what time asks for is not published; the old plan goes on",
              log_text("cause", candidate->cause), log_string("reason", err.message));
    world->tick_again_at_ms = clock_realtime_ms() + WORLD_TICK_PAUSE_MS;
}

void world_tick(struct world *world)
{
    int64_t now_ms = world_now_ms(world);
    if (now_ms < world->tick_again_at_ms || !is_due(world, now_ms))
        return;
    struct arena arena = {0};
    struct candidate candidate = {.rows = rows_copy(&world->rows),
                                  .actor = text_from("clock"),
                                  .cause = text_from("time: a window, a ramp or an end"),
                                  .at_ms = now_ms,
                                  .may_use_ballast = true};
    end_drains(world, &candidate, &arena);
    end_weights(world, &candidate, &arena);
    bool has_ended = candidate.change.drain_count + candidate.change.weights_removed_count > 0;
    if (has_ended) {
        candidate.actor = text_from("expiry");
        candidate.cause = text_from("an overlay's time is over");
    }
    candidate.planned = planned_make(world->planned->base, &candidate.rows, now_ms);
    if (has_ended || !publishes_the_same(world->planned->plan, candidate.planned->plan)) {
        publish(world, &candidate);
    } else { /* only a state has moved on: no revision for that */
        planned_unref(world->planned);
        world->planned = planned_ref(candidate.planned);
        world_renew_view(world);
    }
    candidate_fini(&candidate);
    arena_fini(&arena);
}

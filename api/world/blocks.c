/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drains that a guard forbids by the time their ramp begins. Their guards were asked when they were
 * asked for; since then a node may have failed, or another drain have been forced. Such a drain is
 * held up before its ramp, with the TTL lowered, and says so; everything else goes on. It begins by
 * itself when the guard would let it, unless somebody forces it or ends it before. */
#include "api/world/internal.h"

#include "zones/base/log.h"

static bool is_out(const struct plan *plan, struct text drain_id)
{
    const struct plan_hold *hold = world_find_hold(plan, drain_id);
    return hold && hold->timeline.ramp_at_ms <= plan->input.at_ms &&
           plan->input.at_ms < hold->timeline.end_at_ms;
}

/* Its ramp begins with this candidate, and nobody said that it must. */
static bool is_beginning(const struct world *world, const struct candidate *candidate,
                         const struct store_drain *row)
{
    return !row->ended_at_ms && !row->blocked_at_ms && !row->override_reason.len &&
           is_out(candidate->planned->plan, row->id) && !is_out(world->planned->plan, row->id);
}

static void replan(const struct world *world, struct candidate *candidate)
{
    planned_unref(candidate->planned);
    candidate->planned = planned_make(world->planned->base, &candidate->rows, candidate->at_ms);
}

static void hold_back(struct candidate *candidate, const struct store_drain *row,
                      const char *because)
{
    struct store_drain held = *row;
    held.blocked_at_ms = candidate->at_ms;
    held.blocked_because = text_from(because);
    held.version++;
    rows_put_drain(&candidate->rows, &held);
}

struct store_drain world_release_drain(const struct store_drain *row, int64_t at_ms)
{
    struct store_drain free = *row;
    if (row->blocked_at_ms)
        free.delay_ms += at_ms - row->blocked_at_ms;
    free.blocked_at_ms = 0;
    free.blocked_because = (struct text){0};
    return free;
}

/* Lets one that is held up in the candidate go, if the guards do. `was` is its row in force. */
static void try_release(const struct world *world, struct candidate *candidate,
                        const struct store_drain *was)
{
    struct candidate tried = {.rows = rows_copy(&candidate->rows), .at_ms = candidate->at_ms};
    struct store_drain row = world_release_drain(was, candidate->at_ms);
    row.version += was->blocked_at_ms != 0;
    rows_put_drain(&tried.rows, &row);
    replan(world, &tried);
    const struct plan_verdict *refusal =
        world_refusal_now(candidate->planned->plan, tried.planned->plan, false);
    if (refusal && !was->blocked_at_ms) {
        log_warning("drain is blocked", log_text("drain", was->id), log_text("node", was->node),
                    log_string("because", refusal->message));
        hold_back(candidate, was, refusal->message);
    } else if (!refusal) {
        struct rows rows = candidate->rows;
        struct planned *planned = candidate->planned;
        candidate->rows = tried.rows;
        candidate->planned = tried.planned;
        tried.rows = rows;
        tried.planned = planned;
        if (was->blocked_at_ms)
            log_info("drain goes on", log_text("drain", was->id), log_text("node", was->node));
    }
    candidate_fini(&tried);
}

bool world_may_release(const struct world *world)
{
    bool has_blocked = false;
    for (size_t i = 0; i < world->rows.drain_count; i++)
        has_blocked |=
            !world->rows.drains[i].row.ended_at_ms && world->rows.drains[i].row.blocked_at_ms != 0;
    return has_blocked && world->judged_revision != world->revision;
}

void world_hold_up(const struct world *world, struct candidate *candidate)
{
    const struct rows *rows = &world->rows; /* texts that outlive the candidate's */
    struct arena arena = {0};
    bool *is_asked = arena_array(&arena, bool, rows->drain_count);
    bool is_any = false, may_release = world_may_release(world);
    for (size_t i = 0; i < rows->drain_count; i++) {
        const struct store_drain *now = rows_find_drain(&candidate->rows, rows->drains[i].row.id);
        bool waits = may_release && now && now->blocked_at_ms && !now->ended_at_ms;
        is_asked[i] = now && (waits || is_beginning(world, candidate, now));
        is_any |= is_asked[i];
    }
    bool is_calm = !world_refusal_now(world->planned->plan, candidate->planned->plan, false);
    if (is_any && !(is_calm && !may_release)) {
        for (size_t i = 0; i < rows->drain_count; i++)
            if (is_asked[i] && !rows->drains[i].row.blocked_at_ms)
                hold_back(candidate, &rows->drains[i].row, "");
        replan(world, candidate);
        for (size_t i = 0; i < rows->drain_count; i++)
            if (is_asked[i])
                try_release(world, candidate, &rows->drains[i].row);
    }
    arena_fini(&arena);
}

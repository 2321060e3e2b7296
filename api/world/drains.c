/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/job.h"

#include <stdlib.h>
#include <sys/random.h>

/* Ids sort by time: 48 bits of milliseconds, then 32 random ones. */
struct text job_make_drain_id(struct arena *arena, int64_t at_ms)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        abort(); /* cannot happen for so few bytes once the pool is there */
    return text_from(
        arena_printf(arena, "dr_%012llx%08x", (unsigned long long)at_ms & 0xFFFFFFFFFFFF, random));
}

/* A drain whose time is over, and whose node comes back. */
static bool is_restoring(const struct store_drain *row, int64_t now_ms)
{
    return row->ended_at_ms == 0 && row->until_at_ms && row->until_at_ms <= now_ms;
}

static void end_drain(const struct world *world, struct store_drain *row, struct text actor,
                      int64_t at_ms)
{
    row->ended_at_ms = at_ms;
    row->ended_actor = actor;
    row->ended_revision = world->revision + 1;
    row->version++;
}

/* The drain of a node that covers all of `services` (empty: all), or NULL; one that comes back does
 * not count. */
static const struct store_drain *covering_drain(const struct world *world, struct text node,
                                                struct text services)
{
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        const struct store_drain *row = &world->rows.drains[i].row;
        if (row->ended_at_ms == 0 && !is_restoring(row, world_now_ms(world)) &&
            text_equal(row->node, node) &&
            (row->services.len == 0 || text_equal(row->services, services)))
            return row;
    }
    return NULL;
}

bool job_check_not_drained(const struct world *world, const struct world_request *request,
                           struct text services, struct world_result *result)
{
    for (uint32_t i = 0; i < request->node_count; i++) {
        const struct store_drain *row = covering_drain(world, request->nodes[i], services);
        for (uint32_t j = 0; j < i; j++)
            if (text_equal(request->nodes[i], request->nodes[j])) {
                job_fail(result, "invalid", ERROR_INVALID, "a node is named twice");
                return false;
            }
        if (!row)
            continue;
        job_fail(result, "already-drained", ERROR_CONFLICT,
                 arena_printf(&result->arena, "%.*s is drained already (%.*s, by %.*s: %.*s)",
                              (int)row->node.len, row->node.ptr, (int)row->id.len, row->id.ptr,
                              (int)row->actor.len, row->actor.ptr, (int)row->reason.len,
                              row->reason.ptr));
        return false;
    }
    return true;
}

/* Ends what still brings nodes back that the first `count` rows drain again; appends them, and
 * returns how many. */
static size_t replace_restoring(const struct world *world, struct candidate *candidate,
                                struct store_drain *rows, size_t count)
{
    size_t replaced = 0;
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        struct store_drain row = world->rows.drains[i].row;
        bool is_again = false;
        for (size_t j = 0; j < count; j++)
            is_again |= text_equal(rows[j].node, row.node);
        if (!is_again || !is_restoring(&row, candidate->at_ms))
            continue;
        end_drain(world, &row, candidate->actor, candidate->at_ms);
        rows_put_drain(&candidate->rows, &row);
        rows[count + replaced++] = row;
    }
    return replaced;
}

void job_drain_add(struct world *world, const struct world_request *request,
                   struct world_result *result)
{
    struct arena *arena = &result->arena;
    uint32_t service_count = 0, count = request->node_count;
    if (!job_check_nodes(world, request, result) ||
        !job_check_services(world, request, result, &service_count) ||
        !job_check_until(world, request, result))
        return;
    struct text services = job_join_words(arena, request->services, service_count);
    if (!job_check_not_drained(world, request, services, result))
        return;
    struct text nodes = job_join_words(arena, request->nodes, count);
    struct candidate candidate =
        job_begin(world, request,
                  text_from(arena_printf(arena, "drain %s: %.*s", nodes.ptr,
                                         (int)request->reason.len, request->reason.ptr)));
    struct store_drain *rows =
        arena_array(arena, struct store_drain, count + world->rows.drain_count);
    struct store_audit *audit = arena_array(arena, struct store_audit, count);
    struct text *ids = arena_array(arena, struct text, count);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = job_make_drain_id(arena, candidate.at_ms);
        rows[i] = (struct store_drain){.id = ids[i],
                                       .node = request->nodes[i],
                                       .services = services,
                                       .actor = request->actor.name,
                                       .reason = request->reason,
                                       .since_at_ms = candidate.at_ms,
                                       .until_at_ms = job_end_of(request, candidate.at_ms),
                                       .for_s = request->for_s,
                                       .revision = world->revision + 1,
                                       .version = 1};
        world_drain_set_how(&rows[i], &request->how, &world->planned->base->inventory->policy);
        if (request->is_override)
            rows[i].override_reason = request->override_reason;
        audit[i] = job_audit(request, candidate.at_ms,
                             request->is_override ? "drain (guards overridden)" : "drain", ids[i],
                             request->is_override ? request->override_reason : request->reason);
        rows_put_drain(&candidate.rows, &rows[i]);
    }
    candidate.change.drains = rows;
    candidate.change.drain_count = count + replace_restoring(world, &candidate, rows, count);
    candidate.change.audit = audit;
    candidate.change.audit_count = count;
    result->drain_ids = ids;
    result->drain_id_count = count;
    job_conclude(world, request, &candidate, result);
}

/* A drain with a ramp that has begun goes back as it came; ending it a second time ends it. */
static bool comes_back_in_steps(const struct world *world, const struct store_drain *row,
                                int64_t now_ms)
{
    const struct plan_hold *hold = world_find_hold(world->planned->plan, row->id);
    return hold && row->ramp_s && !is_restoring(row, now_ms) && hold->timeline.ramp_at_ms < now_ms;
}

void job_drain_end(struct world *world, const struct world_request *request,
                   struct world_result *result)
{
    const struct store_drain *found = job_find_drain(world, request, result);
    if (!found)
        return;
    struct store_drain row = *found;
    struct candidate candidate = job_begin(
        world, request,
        text_from(arena_printf(&result->arena, "undrain %.*s", (int)row.node.len, row.node.ptr)));
    if (comes_back_in_steps(world, &row, candidate.at_ms)) {
        row.until_at_ms = candidate.at_ms;
        row.for_s = 0;
        row.version++;
    } else {
        end_drain(world, &row, request->actor.name, candidate.at_ms);
    }
    rows_put_drain(&candidate.rows, &row);
    struct store_audit audit =
        job_audit(request, candidate.at_ms, "undrain", request->drain_id, request->reason);
    candidate.change.drains = &row;
    candidate.change.drain_count = 1;
    candidate.change.audit = &audit;
    candidate.change.audit_count = 1;
    candidate.may_use_ballast = true;
    result->drain_ids = arena_new(&result->arena, struct text);
    *(struct text *)(uintptr_t)result->drain_ids = arena_text(&result->arena, row.id);
    result->drain_id_count = 1;
    job_conclude(world, request, &candidate, result);
}

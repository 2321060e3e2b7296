/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/drain_change.h"

#include "api/world/job.h"

/* A drain that a request may change; NULL: the result says why not. */
const struct store_drain *job_find_drain(const struct world *world,
                                         const struct world_request *request,
                                         struct world_result *result)
{
    const struct store_drain *found = rows_find_drain(&world->rows, request->drain_id);
    if (!found) {
        job_fail(result, "not-found", ERROR_NOT_FOUND, "no such drain");
        return NULL;
    }
    if (request->has_if_match && request->if_match != found->version) {
        result->current_version = found->version;
        job_fail(result, "stale", ERROR_CONFLICT, "the drain changed since you read it");
        return NULL;
    }
    if (found->ended_at_ms) {
        job_fail(result, "already-closed", ERROR_CONFLICT, "the drain is closed already");
        return NULL;
    }
    return found;
}

static void set_end(struct store_drain *row, const struct world_request *request, int64_t at_ms)
{
    switch (request->drain->end) {
    case DRAIN_END_AS_IT_IS:
        break;
    case DRAIN_END_ANOTHER:
        row->until_at_ms = job_end_of(request, at_ms);
        row->for_s = request->for_s;
        break;
    case DRAIN_END_NONE:
        row->until_at_ms = 0;
        row->for_s = 0;
        break;
    }
}

/* The row as it is to be, in the result's arena or the request's. */
static struct store_drain changed(const struct world *world, const struct world_request *request,
                                  const struct store_drain *was, int64_t at_ms)
{
    struct store_drain row = *was;
    row.version++;
    row.reason = request->reason;
    set_end(&row, request, at_ms);
    if (request->is_override) {
        row = world_release_drain(&row, at_ms);
        row.override_reason = request->override_reason;
    }
    if (request->drain->is_abort) {
        row.is_aborted = true;
        row.ended_at_ms = at_ms;
        row.ended_actor = request->actor.name;
        row.ended_revision = world->revision + 1;
    }
    return row;
}

static const char *action_of(const struct world_request *request)
{
    if (request->drain->is_abort)
        return "drain aborted";
    return request->is_override ? "drain changed (guards overridden)" : "drain changed";
}

void job_drain_change(struct world *world, const struct world_request *request,
                      struct world_result *result)
{
    const struct store_drain *found = job_find_drain(world, request, result);
    if (!found || !job_check_until(world, request, result))
        return;
    const char *action = action_of(request);
    struct candidate candidate = job_begin(
        world, request,
        text_from(arena_printf(&result->arena, "%s, %.*s: %.*s", action, (int)found->node.len,
                               found->node.ptr, (int)request->reason.len, request->reason.ptr)));
    struct store_drain *row = arena_new(&result->arena, struct store_drain);
    *row = changed(world, request, found, candidate.at_ms);
    row->id = arena_text(&result->arena, row->id);
    rows_put_drain(&candidate.rows, row);
    struct store_audit audit =
        job_audit(request, candidate.at_ms, action, request->drain_id,
                  request->is_override ? request->override_reason : request->reason);
    candidate.change.drains = row;
    candidate.change.drain_count = 1;
    candidate.change.audit = &audit;
    candidate.change.audit_count = 1;
    candidate.may_use_ballast = request->drain->is_abort;
    result->drain_ids = &row->id;
    result->drain_id_count = 1;
    job_conclude(world, request, &candidate, result);
}

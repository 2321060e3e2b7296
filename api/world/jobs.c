/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/job.h"
#include "api/world/scope.h"
#include "api/world/token.h"
#include "api/world/audit.h"
#include "api/world/backup.h"

#include <stdlib.h>
#include <string.h>

/* -- weights -------------------------------------------------------------------------------------
 */

static bool check_node_version(const struct world *world, const struct world_request *request,
                               struct world_result *result)
{
    uint32_t node = inventory_find_node(world->planned->base->inventory, request->nodes[0]);
    uint64_t version = world_node_version(&world->view->view, node);
    if (!request->has_if_match || request->if_match == version)
        return true;
    result->current_version = version;
    job_fail(result, "stale", ERROR_CONFLICT, "the node changed since you read it");
    return false;
}

bool job_check_weight_fits(const struct world *world, const struct world_request *request,
                           struct world_result *result)
{
    const struct plan *plan = world->planned->plan;
    uint32_t node = inventory_find_node(world->planned->base->inventory, request->nodes[0]);
    for (uint32_t i = 0; i < plan->set_count; i++)
        for (uint32_t j = 0; j < plan->sets[i].member_count; j++) {
            const struct plan_member *member = &plan->sets[i].members[j];
            int64_t weight = request->weight_value, planned = member->planned_weight;
            if (member->node != node)
                continue;
            if (request->weight_form == WEIGHT_PERCENT)
                weight = (planned * request->weight_value + 50) / 100;
            else if (request->weight_form == WEIGHT_ADD)
                weight = planned + request->weight_value;
            if (weight >= 0 && weight <= UINT16_MAX)
                continue;
            job_fail(result, "invalid", ERROR_INVALID,
                     arena_printf(&result->arena,
                                  "the weight in %s would be %lld (planned: %lld); 0 to 65535 is "
                                  "possible",
                                  plan_set_label(plan, i, &result->arena), (long long)weight,
                                  (long long)planned));
            return false;
        }
    return true;
}

static void run_weight_put(struct world *world, const struct world_request *request,
                           struct world_result *result)
{
    struct arena *arena = &result->arena;
    static const struct text all = {"*", 1};
    uint32_t service_count = 0;
    if (!job_check_nodes(world, request, result) ||
        !job_check_services(world, request, result, &service_count) ||
        !job_check_until(world, request, result) || !check_node_version(world, request, result) ||
        !job_check_weight_fits(world, request, result))
        return;
    const struct text *services = service_count ? request->services : &all;
    uint32_t count = service_count ? service_count : 1;
    struct candidate candidate =
        job_begin(world, request,
                  text_from(arena_printf(arena, "weight %.*s: %.*s", (int)request->nodes[0].len,
                                         request->nodes[0].ptr, (int)request->reason.len,
                                         request->reason.ptr)));
    struct store_weight *rows = arena_array(arena, struct store_weight, count);
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (struct store_weight){.node = request->nodes[0],
                                        .service = services[i],
                                        .form = request->weight_form,
                                        .value = request->weight_value,
                                        .actor = request->actor.name,
                                        .reason = request->reason,
                                        .since_at_ms = candidate.at_ms,
                                        .until_at_ms = job_end_of(request, candidate.at_ms)};
        rows_put_weight(&candidate.rows, &rows[i]);
    }
    struct store_audit audit =
        job_audit(request, candidate.at_ms, "weight", request->nodes[0], request->reason);
    candidate.change.weights = rows;
    candidate.change.weight_count = count;
    candidate.change.audit = &audit;
    candidate.change.audit_count = 1;
    job_conclude(world, request, &candidate, result);
}

/* True when the request names this row: its node, and its service or none at all. */
static bool is_named(const struct store_weight *row, const struct world_request *request)
{
    if (!text_equal(row->node, request->nodes[0]))
        return false;
    for (uint32_t i = 0; i < request->service_count; i++)
        if (text_equal(row->service, request->services[i]))
            return true;
    return request->service_count == 0;
}

static void run_weight_remove(struct world *world, const struct world_request *request,
                              struct world_result *result)
{
    if (!job_check_nodes(world, request, result) || !check_node_version(world, request, result))
        return;
    struct candidate candidate =
        job_begin(world, request,
                  text_from(arena_printf(&result->arena, "weight %.*s: back to the inventory",
                                         (int)request->nodes[0].len, request->nodes[0].ptr)));
    struct store_weight *removed =
        arena_array(&result->arena, struct store_weight, world->rows.weight_count);
    for (size_t i = 0; i < world->rows.weight_count; i++)
        if (is_named(&world->rows.weights[i].row, request)) {
            removed[candidate.change.weights_removed_count++] = world->rows.weights[i].row;
            rows_remove_weight(&candidate.rows, world->rows.weights[i].row.node,
                               world->rows.weights[i].row.service);
        }
    if (candidate.change.weights_removed_count == 0) {
        candidate_fini(&candidate);
        job_fail(result, "not-found", ERROR_NOT_FOUND,
                 "the node has no such weight of an operator");
        return;
    }
    struct store_audit audit =
        job_audit(request, candidate.at_ms, "weight reset", request->nodes[0], request->reason);
    candidate.change.weights_removed = removed;
    candidate.change.audit = &audit;
    candidate.change.audit_count = 1;
    candidate.may_use_ballast = true;
    job_conclude(world, request, &candidate, result);
}

/* -- the rest ------------------------------------------------------------------------------------
 */

static void run_reload(struct world *world, const struct world_request *request,
                       struct world_result *result)
{
    bool served = false, is_dry_run = request->is_dry_run;
    struct error ignored = {0};
    /* All is read before any of it holds. */
    bool done = world_reload_settings(world, true, &result->error);
    if (!done && !is_dry_run)
        (void)!world_reload_settings(world, false, &ignored); /* the status says why not */
    done = done &&
           (is_dry_run ? world_reload_try(world, result)
                       : world_reload(world, &request->actor, &served, result, &result->error));
    done = done && (is_dry_run || world_reload_settings(world, false, &result->error));
    if (done) {
        result->outcome = is_dry_run ? WORLD_DRY_RUN : served ? WORLD_SERVED : WORLD_STORED;
        return;
    }
    result->outcome = WORLD_FAILED;
    result->problem = result->error.kind == ERROR_GUARD      ? "guard"
                      : result->error.kind == ERROR_CONFLICT ? "conflict"
                                                             : "invalid";
}

static void run_revisions(struct world *world, const struct world_request *request,
                          struct world_result *result)
{
    struct store_revision *revisions = NULL;
    if (store_revisions(world->store, &result->arena, request->before, request->limit, &revisions,
                        &result->revision_count, &result->error)) {
        result->revisions = revisions;
        result->outcome = WORLD_SERVED;
        return;
    }
    result->outcome = WORLD_FAILED;
    result->problem = "unavailable";
}

static void run_revision(struct world *world, const struct world_request *request,
                         struct world_result *result)
{
    struct store_past *past = arena_new(&result->arena, struct store_past);
    if (store_past(world->store, &result->arena, request->before, past, &result->error)) {
        result->past = past;
        result->outcome = WORLD_SERVED;
        return;
    }
    result->outcome = WORLD_FAILED;
    bool is_old = request->before < world->revision;
    result->problem = result->error.kind != ERROR_NOT_FOUND ? "unavailable"
                      : is_old                              ? "revision-forgotten"
                                                            : "not-found";
}

static void run_key_keep(struct world *world, const struct world_request *request,
                         struct world_result *result)
{
    world_keep_answer(world, request->key, request->answer);
    result->outcome = WORLD_SERVED;
}

/* A key that is known has been answered before it came here. */
static void run_key_only(struct world *world, const struct world_request *request,
                         struct world_result *result)
{
    (void)world, (void)request;
    job_fail(result, "not-found", ERROR_NOT_FOUND, "this Idempotency-Key is new");
}

typedef void job_run(struct world *world, const struct world_request *request,
                     struct world_result *result);

/* A switch and not a table, so that the compiler names a kind that is forgotten. */
static job_run *run_of(enum world_job_kind kind)
{
    switch (kind) {
    case WORLD_DRAIN_ADD:
        return job_drain_add;
    case WORLD_DRAIN_CHANGE:
        return job_drain_change;
    case WORLD_DRAIN_END:
        return job_drain_end;
    case WORLD_WEIGHT_PUT:
        return run_weight_put;
    case WORLD_WEIGHT_REMOVE:
        return run_weight_remove;
    case WORLD_RELOAD:
        return run_reload;
    case WORLD_REVISIONS:
        return run_revisions;
    case WORLD_REVISION:
        return run_revision;
    case WORLD_TOKEN_ADD:
        return job_token_add;
    case WORLD_TOKEN_REVOKE:
        return job_token_revoke;
    case WORLD_AUDIT:
        return job_audit_list;
    case WORLD_BACKUP:
        return job_backup;
    case WORLD_KEY_KEEP:
        return run_key_keep;
    case WORLD_KEY_ONLY:
        return run_key_only;
    case WORLD_AUDIT_VERIFY:
        return job_audit_verify;
    case WORLD_WINDOW_PUT:
        return job_window_put;
    case WORLD_WINDOW_REMOVE:
        return job_window_remove;
    case WORLD_WINDOW_SKIP:
        return job_window_skip;
    case WORLD_WINDOW_END:
        return job_window_end;
    case WORLD_CALENDAR_KEY:
        return job_calendar_key;
    case WORLD_INVENTORY:
        return job_inventory;
    }
    abort(); /* no kind of ours */
}

void world_run_job(struct world *world, const struct world_request *request,
                   struct world_result *result)
{
    if (job_check_actor(world, request, result))
        run_of(request->kind)(world, request, result);
}

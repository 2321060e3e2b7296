/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world_internal.h"

#include "zones/base/clock.h"
#include "zones/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    DRAIN_ID_SIZE = 3 + 12 + 8 + 1
};

/* -- what every change does ----------------------------------------------------------------------
 */

static void fail(struct world_result *result, const char *problem, enum error_kind kind,
                 const char *message)
{
    result->outcome = WORLD_FAILED;
    result->problem = problem;
    error_set(&result->error, kind, "%s", message);
}

/* Keeps the candidate's plan for the result, with the difference to the plan in force. */
static void keep_plan(struct world *world, const struct candidate *candidate,
                      struct world_result *result)
{
    result->planned = planned_ref(candidate->planned);
    result->plan = candidate->planned->plan;
    result->diff = plan_diff_make(world->planned->plan, result->plan, &result->arena);
}

/* Guards, then publishing; or only the plan, for a dry run. Takes the candidate. */
static void conclude(struct world *world, const struct world_request *request,
                     struct candidate *candidate, struct world_result *result)
{
    candidate->planned = planned_make(world->planned->base, &candidate->rows, candidate->at_ms);
    const struct plan_verdict *refusal =
        world_new_refusal(world->planned->plan, candidate->planned->plan, request->is_override);
    bool served = false;
    if (refusal) {
        keep_plan(world, candidate, result);
        fail(result, "guard", ERROR_GUARD, refusal->message);
    } else if (request->is_dry_run) {
        keep_plan(world, candidate, result);
        result->outcome = WORLD_DRY_RUN;
    } else if (world_publish(world, candidate, &served, &result->error)) {
        result->outcome = served ? WORLD_SERVED : WORLD_STORED;
    } else {
        result->outcome = WORLD_FAILED;
        result->problem = "unavailable";
    }
    candidate_fini(candidate);
}

static struct candidate begin(const struct world *world, const struct world_request *request,
                              struct text cause)
{
    return (struct candidate){.rows = rows_copy(&world->rows),
                              .actor = request->actor.name,
                              .cause = cause,
                              .at_ms = world_now_ms(world)};
}

static struct store_audit audit_of(const struct world_request *request, int64_t at_ms,
                                   const char *action, struct text object, struct text detail)
{
    return (struct store_audit){.at_ms = at_ms,
                                .actor = request->actor.name,
                                .source = request->actor.source,
                                .action = text_from(action),
                                .object = object,
                                .detail = detail};
}

static struct text join_words(struct arena *arena, const struct text *words, uint32_t count)
{
    char *joined = arena_printf(arena, "%s", "");
    for (uint32_t i = 0; i < count; i++)
        joined =
            arena_printf(arena, "%s%s%.*s", joined, i ? " " : "", (int)words[i].len, words[i].ptr);
    return text_from(joined);
}

/* The services of a request: "*" among them means all, and then none is listed. */
static bool check_services(const struct world *world, const struct world_request *request,
                           struct world_result *result, uint32_t *count)
{
    *count = request->service_count;
    for (uint32_t i = 0; i < request->service_count; i++) {
        if (text_is(request->services[i], "*")) {
            *count = 0;
            return true;
        }
        if (inventory_find_service(world->planned->base->inventory, request->services[i]) !=
            INVENTORY_NONE)
            continue;
        fail(result, "invalid", ERROR_INVALID,
             arena_printf(&result->arena, "no service \"%.*s\" in the inventory",
                          (int)request->services[i].len, request->services[i].ptr));
        return false;
    }
    return true;
}

static bool check_nodes(const struct world *world, const struct world_request *request,
                        struct world_result *result)
{
    for (uint32_t i = 0; i < request->node_count; i++) {
        if (inventory_find_node(world->planned->base->inventory, request->nodes[i]) !=
            INVENTORY_NONE)
            continue;
        fail(result, "unknown-node", ERROR_NOT_FOUND,
             arena_printf(&result->arena,
                          "no node \"%.*s\" in the inventory; `srvplan nodes` "
                          "lists them",
                          (int)request->nodes[i].len, request->nodes[i].ptr));
        return false;
    }
    return true;
}

static bool check_until(const struct world *world, const struct world_request *request,
                        struct world_result *result)
{
    if (request->until_at_ms == 0 || request->until_at_ms > world_now_ms(world))
        return true;
    fail(result, "invalid", ERROR_INVALID, "the end lies in the past");
    return false;
}

/* -- drains --------------------------------------------------------------------------------------
 */

/* Ids sort by time: 48 bits of milliseconds, then 32 random ones. */
static struct text make_drain_id(struct arena *arena, int64_t at_ms)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        abort(); /* cannot happen for so few bytes once the pool is there */
    return text_from(
        arena_printf(arena, "dr_%012llx%08x", (unsigned long long)at_ms & 0xFFFFFFFFFFFF, random));
}

/* The active drain of a node that covers all of `services` (empty: all), or NULL. */
static const struct store_drain *covering_drain(const struct world *world, struct text node,
                                                struct text services)
{
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        const struct store_drain *row = &world->rows.drains[i].row;
        if (row->ended_at_ms == 0 && text_equal(row->node, node) &&
            (row->services.len == 0 || text_equal(row->services, services)))
            return row;
    }
    return NULL;
}

static bool check_not_drained(const struct world *world, const struct world_request *request,
                              struct text services, struct world_result *result)
{
    for (uint32_t i = 0; i < request->node_count; i++) {
        const struct store_drain *row = covering_drain(world, request->nodes[i], services);
        for (uint32_t j = 0; j < i; j++)
            if (text_equal(request->nodes[i], request->nodes[j])) {
                fail(result, "invalid", ERROR_INVALID, "a node is named twice");
                return false;
            }
        if (!row)
            continue;
        fail(result, "already-drained", ERROR_CONFLICT,
             arena_printf(&result->arena, "%.*s is drained already (%.*s, by %.*s: %.*s)",
                          (int)row->node.len, row->node.ptr, (int)row->id.len, row->id.ptr,
                          (int)row->actor.len, row->actor.ptr, (int)row->reason.len,
                          row->reason.ptr));
        return false;
    }
    return true;
}

/* What the request leaves open is as the policy says. */
static void set_how(struct store_drain *row, const struct world_drain_how *how,
                    const struct inventory_policy *policy)
{
    row->mode = (int)(how->has_mode ? how->mode : policy->drain_mode);
    if (row->mode == DRAIN_WEIGHT)
        row->to_ppb = how->has_to ? how->to_ppb : policy->drain_to_ppb;
    row->ramp_s = how->has_ramp ? how->ramp_s : policy->ramp_s;
    row->ramp_steps = how->has_steps ? how->ramp_steps : policy->ramp_steps;
    row->is_lead_auto = how->has_lead ? how->is_lead_auto : policy->is_lead_auto;
}

static void run_drain_add(struct world *world, const struct world_request *request,
                          struct world_result *result)
{
    struct arena *arena = &result->arena;
    uint32_t service_count = 0, count = request->node_count;
    if (!check_nodes(world, request, result) ||
        !check_services(world, request, result, &service_count) ||
        !check_until(world, request, result))
        return;
    struct text services = join_words(arena, request->services, service_count);
    if (!check_not_drained(world, request, services, result))
        return;
    struct text nodes = join_words(arena, request->nodes, count);
    struct candidate candidate =
        begin(world, request,
              text_from(arena_printf(arena, "drain %s: %.*s", nodes.ptr, (int)request->reason.len,
                                     request->reason.ptr)));
    struct store_drain *rows = arena_array(arena, struct store_drain, count);
    struct store_audit *audit = arena_array(arena, struct store_audit, count);
    struct text *ids = arena_array(arena, struct text, count);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = make_drain_id(arena, candidate.at_ms);
        rows[i] = (struct store_drain){.id = ids[i],
                                       .node = request->nodes[i],
                                       .services = services,
                                       .actor = request->actor.name,
                                       .reason = request->reason,
                                       .since_at_ms = candidate.at_ms,
                                       .until_at_ms = request->until_at_ms,
                                       .revision = world->revision + 1,
                                       .version = 1};
        set_how(&rows[i], &request->how, &world->planned->base->inventory->policy);
        if (request->is_override)
            rows[i].override_reason = request->override_reason;
        audit[i] = audit_of(request, candidate.at_ms,
                            request->is_override ? "drain (guards overridden)" : "drain", ids[i],
                            request->is_override ? request->override_reason : request->reason);
        rows_put_drain(&candidate.rows, &rows[i]);
    }
    candidate.change.drains = rows;
    candidate.change.drain_count = count;
    candidate.change.audit = audit;
    candidate.change.audit_count = count;
    result->drain_ids = ids;
    result->drain_id_count = count;
    conclude(world, request, &candidate, result);
}

static void run_drain_end(struct world *world, const struct world_request *request,
                          struct world_result *result)
{
    const struct store_drain *found = rows_find_drain(&world->rows, request->drain_id);
    if (!found) {
        fail(result, "not-found", ERROR_NOT_FOUND, "no such drain");
        return;
    }
    if (request->has_if_match && request->if_match != found->version) {
        result->current_version = found->version;
        fail(result, "stale", ERROR_CONFLICT, "the drain changed since you read it");
        return;
    }
    if (found->ended_at_ms) {
        fail(result, "already-closed", ERROR_CONFLICT, "the drain is closed already");
        return;
    }
    struct store_drain row = *found;
    struct candidate candidate = begin(
        world, request,
        text_from(arena_printf(&result->arena, "undrain %.*s", (int)row.node.len, row.node.ptr)));
    row.ended_at_ms = candidate.at_ms;
    row.ended_actor = request->actor.name;
    row.ended_revision = world->revision + 1;
    row.version++;
    rows_put_drain(&candidate.rows, &row);
    struct store_audit audit =
        audit_of(request, candidate.at_ms, "undrain", request->drain_id, request->reason);
    candidate.change.drains = &row;
    candidate.change.drain_count = 1;
    candidate.change.audit = &audit;
    candidate.change.audit_count = 1;
    candidate.may_use_ballast = true;
    result->drain_ids = arena_new(&result->arena, struct text);
    *(struct text *)(uintptr_t)result->drain_ids = arena_text(&result->arena, row.id);
    result->drain_id_count = 1;
    conclude(world, request, &candidate, result);
}

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
    fail(result, "stale", ERROR_CONFLICT, "the node changed since you read it");
    return false;
}

/* What the form makes of a planned weight must be a weight. */
static bool check_weight_fits(const struct world *world, const struct world_request *request,
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
            fail(result, "invalid", ERROR_INVALID,
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
    if (!check_nodes(world, request, result) ||
        !check_services(world, request, result, &service_count) ||
        !check_until(world, request, result) || !check_node_version(world, request, result) ||
        !check_weight_fits(world, request, result))
        return;
    const struct text *services = service_count ? request->services : &all;
    uint32_t count = service_count ? service_count : 1;
    struct candidate candidate =
        begin(world, request,
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
                                        .until_at_ms = request->until_at_ms};
        rows_put_weight(&candidate.rows, &rows[i]);
    }
    struct store_audit audit =
        audit_of(request, candidate.at_ms, "weight", request->nodes[0], request->reason);
    candidate.change.weights = rows;
    candidate.change.weight_count = count;
    candidate.change.audit = &audit;
    candidate.change.audit_count = 1;
    conclude(world, request, &candidate, result);
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
    if (!check_nodes(world, request, result) || !check_node_version(world, request, result))
        return;
    struct candidate candidate =
        begin(world, request,
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
        fail(result, "not-found", ERROR_NOT_FOUND, "the node has no such weight of an operator");
        return;
    }
    struct store_audit audit =
        audit_of(request, candidate.at_ms, "weight reset", request->nodes[0], request->reason);
    candidate.change.weights_removed = removed;
    candidate.change.audit = &audit;
    candidate.change.audit_count = 1;
    candidate.may_use_ballast = true;
    conclude(world, request, &candidate, result);
}

/* -- the rest ------------------------------------------------------------------------------------
 */

static void run_reload(struct world *world, const struct world_request *request,
                       struct world_result *result)
{
    bool served = false;
    if (world_reload(world, &request->actor, &served, &result->error)) {
        result->outcome = served ? WORLD_SERVED : WORLD_STORED;
        return;
    }
    result->outcome = WORLD_FAILED;
    result->problem = result->error.kind == ERROR_GUARD ? "guard" : "invalid";
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
    result->problem = result->error.kind == ERROR_NOT_FOUND ? "not-found" : "unavailable";
}

void world_run_job(struct world *world, const struct world_request *request,
                   struct world_result *result)
{
    switch (request->kind) {
    case WORLD_DRAIN_ADD:
        run_drain_add(world, request, result);
        break;
    case WORLD_DRAIN_END:
        run_drain_end(world, request, result);
        break;
    case WORLD_WEIGHT_PUT:
        run_weight_put(world, request, result);
        break;
    case WORLD_WEIGHT_REMOVE:
        run_weight_remove(world, request, result);
        break;
    case WORLD_RELOAD:
        run_reload(world, request, result);
        break;
    case WORLD_REVISIONS:
        run_revisions(world, request, result);
        break;
    case WORLD_REVISION:
        run_revision(world, request, result);
        break;
    }
}

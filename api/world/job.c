/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/job.h"

#include "api/http/hint.h"

#include "api/world/audit.h"

#include <stdlib.h>
#include "zones/base/clock.h"

void job_fail(struct world_result *result, const char *problem, enum error_kind kind,
              const char *message)
{
    result->outcome = WORLD_FAILED;
    result->problem = problem;
    error_set(&result->error, kind, "%s", message);
}

static struct base *base_of(const struct world *world, const struct candidate *candidate)
{
    return candidate->base ? candidate->base : world->planned->base;
}

/* Where the new drains lead: the plan of the instant when the last of them is withdrawn, or the
 * candidate's own. */
static struct planned *plan_outcome(const struct world *world, const struct candidate *candidate)
{
    int64_t at_ms =
        candidate->look_at_ms > candidate->at_ms ? candidate->look_at_ms : candidate->at_ms;
    for (size_t i = 0; i < candidate->change.drain_count; i++) {
        const struct store_drain *row = &candidate->change.drains[i];
        const struct plan_hold *hold = world_find_hold(candidate->planned->plan, row->id);
        if (hold && hold->timeline.withdrawn_at_ms > at_ms &&
            hold->timeline.withdrawn_at_ms < hold->timeline.end_at_ms)
            at_ms = hold->timeline.withdrawn_at_ms;
    }
    if (at_ms == candidate->at_ms)
        return planned_ref(candidate->planned);
    return planned_make(base_of(world, candidate), &candidate->rows, at_ms);
}

/* Keeps that plan for the result, with the difference to the plan in force; of a window, to what
 * would be at that instant without the change, so that nothing else is told as its work. */
static void keep_outcome(struct world *world, const struct candidate *candidate,
                         struct world_result *result)
{
    result->planned = plan_outcome(world, candidate);
    result->plan = result->planned->plan;
    int64_t at_ms = result->plan->input.at_ms;
    if (candidate->look_at_ms && at_ms > candidate->at_ms)
        result->otherwise = planned_make(world->planned->base, &world->rows, at_ms);
    const struct planned *before = result->otherwise ? result->otherwise : world->planned;
    result->diff = plan_diff_make(before->plan, result->plan, &result->arena);
}

/* Guards, then publishing; or only the plan, for a dry run. Takes the candidate. Of a ramp, refusal
 * and dry run show where it leads. */
void job_conclude(struct world *world, const struct world_request *request,
                  struct candidate *candidate, struct world_result *result)
{
    int64_t since_us = clock_monotonic_us();
    candidate->planned =
        planned_make(base_of(world, candidate), &candidate->rows, candidate->at_ms);
    world->spent = (struct world_spent){.plan_us = clock_monotonic_us() - since_us};
    const struct plan_verdict *refusal =
        world_new_refusal(world->planned->plan, candidate->planned->plan, request->is_override);
    const char *back = NULL;
    bool served = false;
    if (!request->is_override)
        back = world_brings_back(world->planned->plan, candidate->planned->plan, &result->arena);
    if (refusal || request->is_dry_run)
        keep_outcome(world, candidate, result);
    if (candidate->inventory && !refusal && !back && !request->is_dry_run)
        world_assign_slots(world, candidate);
    if (refusal) {
        __atomic_add_fetch(&world->guard_refusals[refusal->guard], 1, __ATOMIC_RELAXED);
        job_fail(result, "guard", ERROR_GUARD, refusal->message);
    } else if (back) {
        job_fail(result, "conflict", ERROR_CONFLICT, back);
    } else if (request->is_dry_run) {
        result->outcome = WORLD_DRY_RUN;
    } else if (world_publish(world, candidate, &served, &result->error)) {
        result->outcome = served ? WORLD_SERVED : WORLD_STORED;
        result->spent = world->spent;
    } else {
        result->outcome = WORLD_FAILED;
        result->problem = "unavailable";
    }
    candidate_fini(candidate);
}

bool job_commit(struct world *world, const struct world_request *request,
                struct store_change *change, struct world_result *result)
{
    result->outcome = request->is_dry_run ? WORLD_DRY_RUN : WORLD_SERVED;
    if (request->is_dry_run) {
        result->planned = planned_ref(world->planned);
        result->plan = world->planned->plan;
        result->diff = plan_diff_make(result->plan, result->plan, &result->arena);
        return true;
    }
    struct store_key key;
    if (world->key) {
        key = *world->key;
        key.objects = world_audit_objects(change, &result->arena);
        change->key = &key;
    }
    store_change_id_make(change->id);
    if (store_commit(world->store, change, NULL, NULL, &result->error)) {
        world->key = NULL;
        world_renew_view(world);
        return true;
    }
    result->outcome = WORLD_FAILED;
    result->problem = "unavailable";
    return false;
}

struct candidate job_begin(const struct world *world, const struct world_request *request,
                           struct text cause)
{
    return (struct candidate){.rows = rows_copy(&world->rows),
                              .actor = request->actor.name,
                              .cause = cause,
                              .at_ms = world_now_ms(world)};
}

struct store_audit job_audit(const struct world_request *request, int64_t at_ms, const char *action,
                             struct text object, struct text detail)
{
    return (struct store_audit){.at_ms = at_ms,
                                .actor = request->actor.name,
                                .source = request->actor.source,
                                .action = text_from(action),
                                .object = object,
                                .detail = detail};
}

struct text job_join_words(struct arena *arena, const struct text *words, uint32_t count)
{
    char *joined = arena_printf(arena, "%s", "");
    for (uint32_t i = 0; i < count; i++)
        joined =
            arena_printf(arena, "%s%s%.*s", joined, i ? " " : "", (int)words[i].len, words[i].ptr);
    return text_from(joined);
}

/* The services of a request: "*" among them means all, and then none is listed. */
bool job_check_services(const struct world *world, const struct world_request *request,
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
        job_fail(
            result, "invalid", ERROR_INVALID,
            hint_service(world->planned->base->inventory, request->services[i], &result->arena));
        return false;
    }
    return true;
}

bool job_check_nodes(const struct world *world, const struct world_request *request,
                     struct world_result *result)
{
    for (uint32_t i = 0; i < request->node_count; i++) {
        if (inventory_find_node(world->planned->base->inventory, request->nodes[i]) !=
            INVENTORY_NONE)
            continue;
        job_fail(result, "unknown-node", ERROR_NOT_FOUND,
                 hint_node(world->planned->base->inventory, request->nodes[i], &result->arena));
        return false;
    }
    return true;
}

int64_t job_end_of(const struct world_request *request, int64_t at_ms)
{
    return request->for_s ? at_ms + (int64_t)request->for_s * 1000 : request->until_at_ms;
}

bool job_check_until(const struct world *world, const struct world_request *request,
                     struct world_result *result)
{
    if (request->for_s && world->keeper.state == TIME_UNTRUSTED) {
        job_fail(result, "clock-untrusted", ERROR_UNAVAILABLE,
                 "by this clock nobody can say when that would be over; leave the end away, or set "
                 "the clock first");
        return false;
    }
    if (request->until_at_ms == 0 || request->until_at_ms > world_now_ms(world))
        return true;
    job_fail(result, "invalid", ERROR_INVALID, "the end lies in the past");
    return false;
}

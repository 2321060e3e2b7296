/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A new inventory: slots and serials, and the change that brings it into force. */
#include "api/world/job.h"

#include "zones/base/log.h"
#include "zones/text.h"

#include <stdlib.h>

enum {
    CHANGES_LOGGED = 20 /* `srvplan plan --against rev` shows them all */
};

/* -- what a zone had before ---------------------------------------------------------------------
 */

/* For each zone of `next`: its serial until now (0: new), and whether its content changes. Both
 * lists of zones are in canonical order. */
static void compare_zones(const struct world *world, const struct planned *next, uint32_t *previous,
                          bool *is_changed)
{
    const struct base *old = world->planned ? world->planned->base : NULL;
    const struct content_sets *old_content = old ? &world->planned->plan->content : NULL;
    struct digest *old_sets = old ? base_set_digests(old_content) : NULL;
    struct digest *new_sets = base_set_digests(&next->plan->content);
    struct arena scratch = {0};
    uint32_t at = 0;
    for (uint32_t i = 0; i < next->base->names.zone_count; i++) {
        struct name apex = next->base->names.zones[i].apex;
        while (old && at < old->names.zone_count &&
               name_compare(old->names.zones[at].apex, apex) < 0)
            at++;
        is_changed[i] = true;
        if (old && at < old->names.zone_count && name_equal(old->names.zones[at].apex, apex)) {
            struct digest was = base_zone_digest(old, old_content, old_sets, at);
            struct digest is = base_zone_digest(next->base, &next->plan->content, new_sets, i);
            previous[i] = world->serials[old->names.zones[at].slot];
            is_changed[i] = !digest_equal(&was, &is);
        } else {
            previous[i] =
                retired_serial(&world->retired, text_from(text_name_print(&scratch, apex)));
        }
    }
    arena_fini(&scratch);
    free(old_sets);
    free(new_sets);
}

void world_assign_slots(const struct world *world, struct candidate *candidate)
{
    const struct planned *next = candidate->planned;
    uint32_t count = next->base->names.zone_count;
    uint32_t *previous = calloc(count + 1u, sizeof *previous);
    bool *is_changed = calloc(count + 1u, sizeof *is_changed);
    if (!previous || !is_changed)
        abort();
    compare_zones(world, next, previous, is_changed);
    base_assign_slots(next->base, previous, is_changed, candidate->at_ms, &candidate->serials);
    free(previous);
    free(is_changed);
}

/* -- a new inventory ----------------------------------------------------------------------------
 */

void world_log_diff(const struct plan *before, const struct plan *after, const char *what)
{
    struct arena arena = {0};
    const struct plan_diff *diff = plan_diff_make(before, after, &arena);
    for (uint32_t i = 0; i < diff->change_count && i < CHANGES_LOGGED; i++) {
        const struct plan_change *change = &diff->changes[i];
        log_info("set changes", log_string("name", change->name), log_string("type", change->type),
                 log_string("change", plan_change_print(change, &arena)));
    }
    log_info(what, log_number("sets", diff->change_count));
    arena_fini(&arena);
}

static const char *cause_of(const struct world *world, const struct store_inventory *source)
{
    if (!world->planned)
        return "first start";
    return source->source == STORE_SOURCE_FILE ? "the inventory file changed"
                                               : "the inventory file changed; the store's is kept";
}

bool world_adopt_base(struct world *world, struct base *base, const struct world_actor *actor,
                      bool *served, struct error *err)
{
    int64_t at_ms = world_now_ms(world);
    struct candidate candidate = {
        .planned = planned_make(base, &world->rows, at_ms),
        .rows = rows_copy(&world->rows),
        .actor = actor->name,
        .cause = text_from(cause_of(world, &base->source)),
        .at_ms = at_ms,
    };
    base_unref(base); /* the plan holds it now */
    candidate.inventory = &candidate.planned->base->source;
    struct planned *old = world->planned ? planned_ref(world->planned) : NULL;
    struct planned *next = planned_ref(candidate.planned);
    const struct plan *before = old ? old->plan : NULL, *after = next->plan;
    const struct plan_verdict *refusal = world_new_refusal(before, after, false);
    struct arena scratch = {0};
    const char *back = world_brings_back(before, after, &scratch);
    bool done = false;
    if (refusal) {
        error_set(err, ERROR_GUARD, "%s", refusal->message);
    } else if (back) {
        error_set(err, ERROR_CONFLICT, "%s", back);
    } else {
        world_assign_slots(world, &candidate);
        struct store_audit audit = {.at_ms = at_ms,
                                    .actor = actor->name,
                                    .source = actor->source,
                                    .action = text_from("inventory"),
                                    .object = text_from(world->options.inventory_path)};
        candidate.change.audit = &audit;
        candidate.change.audit_count = 1;
        done = world_publish(world, &candidate, served, err);
    }
    if (done && before)
        world_log_diff(before, after, "inventory changes the plan");
    planned_unref(old);
    planned_unref(next);
    candidate_fini(&candidate);
    arena_fini(&scratch);
    return done;
}

/* -- the job -------------------------------------------------------------------------------------
 */

static uint64_t version_of(const struct world *world, const struct world_request *request)
{
    switch (request->inventory->precondition) {
    case WORLD_IF_INVENTORY:
        return (uint64_t)world->planned->base->source.id;
    case WORLD_IF_NODE:
        return world_node_version(
            &world->view->view,
            inventory_find_node(world->planned->base->inventory, request->nodes[0]));
    case WORLD_IF_REVISION:
        return world->revision;
    }
    return 0;
}

static bool check_version(const struct world *world, const struct world_request *request,
                          struct world_result *result)
{
    uint64_t version = version_of(world, request);
    if (!request->has_if_match || request->if_match == version)
        return true;
    result->current_version = version;
    job_fail(result, "stale", ERROR_CONFLICT, "it changed since you read it");
    return false;
}

static bool check_not_outrun(const struct world *world, const struct world_request *request,
                             struct world_result *result)
{
    const struct world_inventory_change *change = request->inventory;
    uint64_t id = (uint64_t)world->planned->base->source.id;
    if ((!change->made_of || change->made_of == id) &&
        (!change->made_at_revision || change->made_at_revision == world->revision))
        return true;
    job_fail(result, "outrun", ERROR_CONFLICT,
             "other changes came in between again and again; nothing was changed, try again");
    return false;
}

/* The source of what the API brings; the file that was last read stays known. */
static void complete_source(const struct world *world, const struct world_request *request,
                            struct base *base, int64_t at_ms)
{
    const struct store_inventory *now = &world->planned->base->source;
    base->source.source = STORE_SOURCE_PUT;
    base->source.file = arena_text(&base->arena, now->file);
    base->source.file_digest = now->file_digest;
    base->source.actor = arena_text(&base->arena, request->actor.name);
    base->source.at_ms = at_ms;
}

/* ---- overlays that come with it ---- */

static bool check_overlays(const struct world *world, const struct world_request *request,
                           struct world_result *result)
{
    const struct world_inventory_change *change = request->inventory;
    for (uint32_t i = 0; i < change->drain_count; i++) {
        const struct store_drain *row = &change->drains[i];
        const struct world_request one = {.nodes = &row->node, .node_count = 1};
        if (!job_check_not_drained(world, &one, row->services, result))
            return false;
    }
    for (uint32_t i = 0; i < change->weight_count; i++) {
        const struct store_weight *row = &change->weights[i];
        const struct world_request one = {.nodes = &row->node,
                                          .node_count = 1,
                                          .weight_form = row->form,
                                          .weight_value = row->value};
        if (!job_check_weight_fits(world, &one, result))
            return false;
    }
    return true;
}

/* The overlays into the candidate, an audit row each, behind those that are there. */
static void add_drains(const struct world *world, const struct world_request *request,
                       struct candidate *candidate, struct store_audit *audit,
                       struct world_result *result)
{
    const struct world_inventory_change *change = request->inventory;
    struct arena *arena = &result->arena;
    struct store_drain *rows = arena_array(arena, struct store_drain, change->drain_count);
    struct text *ids = arena_array(arena, struct text, change->drain_count);
    for (uint32_t i = 0; i < change->drain_count; i++) {
        struct store_drain *row = &rows[i];
        *row = change->drains[i];
        row->id = ids[i] = job_make_drain_id(arena, candidate->at_ms);
        row->actor = request->actor.name;
        row->since_at_ms = candidate->at_ms;
        row->revision = world->revision + 1;
        row->version = 1;
        if (request->is_override)
            row->override_reason = request->override_reason;
        rows_put_drain(&candidate->rows, row);
        audit[candidate->change.audit_count++] =
            job_audit(request, candidate->at_ms, "drain", row->id, row->reason);
    }
    candidate->change.drains = rows;
    candidate->change.drain_count = change->drain_count;
    result->drain_ids = ids;
    result->drain_id_count = change->drain_count;
}

static void add_weights(const struct world_request *request, struct candidate *candidate,
                        struct store_audit *audit, struct arena *arena)
{
    const struct world_inventory_change *change = request->inventory;
    struct store_weight *rows = arena_array(arena, struct store_weight, change->weight_count);
    for (uint32_t i = 0; i < change->weight_count; i++) {
        rows[i] = change->weights[i];
        rows[i].actor = request->actor.name;
        rows[i].since_at_ms = candidate->at_ms;
        rows_put_weight(&candidate->rows, &rows[i]);
        audit[candidate->change.audit_count++] =
            job_audit(request, candidate->at_ms, "weight", rows[i].node, rows[i].reason);
    }
    candidate->change.weights = rows;
    candidate->change.weight_count = change->weight_count;
}

void job_inventory(struct world *world, const struct world_request *request,
                   struct world_result *result)
{
    const struct world_inventory_change *change = request->inventory;
    if ((change->precondition == WORLD_IF_NODE && !job_check_nodes(world, request, result)) ||
        !check_version(world, request, result) || !check_not_outrun(world, request, result) ||
        !check_overlays(world, request, result))
        return;
    struct candidate candidate = job_begin(world, request, change->cause);
    if (change->base) {
        complete_source(world, request, change->base, candidate.at_ms);
        candidate.base = change->base;
        candidate.inventory = &change->base->source;
    }
    struct store_audit *audit = arena_array(&result->arena, struct store_audit,
                                            1 + change->drain_count + change->weight_count);
    audit[0] = job_audit(request, candidate.at_ms, change->action, change->object, request->reason);
    candidate.change.audit = audit;
    candidate.change.audit_count = 1;
    add_drains(world, request, &candidate, audit, result);
    add_weights(request, &candidate, audit, &result->arena);
    job_conclude(world, request, &candidate, result);
}

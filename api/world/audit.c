/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit's part in a change: what was before and what is after, and a line for everything that a
 * change touches, also where a clock and no operator asked for it. */
#include "api/world/audit.h"

#include "api/view/audit.h"
#include "api/world/job.h"

/* The audit lines of a change, while they are made. */
struct lines {
    const struct world *world;
    const struct store_change *change;
    struct arena *arena;
    struct store_audit *items;
    size_t count;
};

static const struct store_drain *drain_after(const struct store_change *change, struct text id)
{
    for (size_t i = 0; i < change->drain_count; i++)
        if (text_equal(change->drains[i].id, id))
            return &change->drains[i];
    return NULL;
}

static void fill_drain(const struct lines *lines, const struct store_drain *after,
                       struct store_audit *line)
{
    const struct store_drain *before = rows_find_drain(&lines->world->rows, after->id);
    if (before)
        line->before = audit_print_drain(lines->arena, before);
    line->after = audit_print_drain(lines->arena, after);
}

static const struct store_weight *weight_before(const struct world *world,
                                                const struct store_weight *row)
{
    for (size_t i = 0; i < world->rows.weight_count; i++) {
        const struct store_weight *before = &world->rows.weights[i].row;
        if (text_equal(before->node, row->node) && text_equal(before->service, row->service))
            return before;
    }
    return NULL;
}

static struct text joined(struct arena *arena, struct text list, struct text item)
{
    return text_from(arena_printf(arena, "%.*s%s%.*s", (int)list.len, list.ptr, list.len ? "," : "",
                                  (int)item.len, item.ptr));
}

static struct text bracketed(struct arena *arena, struct text list)
{
    return list.len ? text_from(arena_printf(arena, "[%.*s]", (int)list.len, list.ptr)) : list;
}

/* All weights of the node that the change touches: a list, since services may have one each. */
static bool fill_weights(const struct lines *lines, struct text node, struct store_audit *line)
{
    const struct store_change *change = lines->change;
    struct text before = {"", 0}, after = {"", 0};
    bool is_touched = false;
    for (size_t i = 0; i < change->weight_count + change->weights_removed_count; i++) {
        bool is_put = i < change->weight_count;
        const struct store_weight *row =
            is_put ? &change->weights[i] : &change->weights_removed[i - change->weight_count];
        if (!text_equal(row->node, node))
            continue;
        const struct store_weight *old = weight_before(lines->world, row);
        is_touched = true;
        if (old)
            before = joined(lines->arena, before, audit_print_weight(lines->arena, old));
        if (is_put)
            after = joined(lines->arena, after, audit_print_weight(lines->arena, row));
    }
    line->before = bracketed(lines->arena, before);
    line->after = bracketed(lines->arena, after);
    return is_touched;
}

static void fill_inventory(const struct lines *lines, struct store_audit *line)
{
    const struct planned *before = lines->world->planned;
    if (before)
        line->before =
            audit_print_inventory(lines->arena, &before->base->source, &before->base->text_digest);
    line->after = audit_print_inventory(lines->arena, lines->change->inventory,
                                        &lines->change->revision->inventory_digest);
}

/* What the maker of the change has not said itself. */
static void fill(const struct lines *lines, struct store_audit *line)
{
    const struct store_drain *drain = drain_after(lines->change, line->object);
    if (line->before.len || line->after.len)
        return;
    if (drain)
        fill_drain(lines, drain, line);
    else if (!fill_weights(lines, line->object, line) && lines->change->inventory &&
             lines->change->revision)
        fill_inventory(lines, line);
}

static bool is_told(const struct lines *lines, struct text object)
{
    for (size_t i = 0; i < lines->count; i++)
        if (text_equal(lines->items[i].object, object))
            return true;
    return false;
}

static void tell(struct lines *lines, const struct candidate *candidate, const char *action,
                 struct text object)
{
    if (is_told(lines, object))
        return;
    struct store_audit *line = &lines->items[lines->count++];
    *line = (struct store_audit){.at_ms = candidate->at_ms,
                                 .actor = candidate->actor,
                                 .source = text_from("srvpland"),
                                 .action = text_from(action),
                                 .object = object,
                                 .detail = candidate->cause};
    fill(lines, line);
}

struct text world_audit_objects(const struct store_change *change, struct arena *arena)
{
    struct text *ids = arena_array(arena, struct text, change->audit_count);
    for (size_t i = 0; i < change->audit_count; i++)
        ids[i] = change->audit[i].object;
    return job_join_words(arena, ids, (uint32_t)change->audit_count);
}

void world_audit_complete(const struct world *world, const struct candidate *candidate,
                          struct store_change *change, struct arena *arena)
{
    size_t most = change->audit_count + change->drain_count + change->weights_removed_count + 1;
    struct lines lines = {.world = world,
                          .change = change,
                          .arena = arena,
                          .items = arena_array(arena, struct store_audit, most)};
    for (; lines.count < change->audit_count; lines.count++) {
        lines.items[lines.count] = change->audit[lines.count];
        fill(&lines, &lines.items[lines.count]);
    }
    for (size_t i = 0; i < change->drain_count; i++)
        tell(&lines, candidate, change->drains[i].ended_at_ms ? "drain ends" : "drain changes",
             change->drains[i].id);
    for (size_t i = 0; i < change->weights_removed_count; i++)
        tell(&lines, candidate, "weight ends", change->weights_removed[i].node);
    if (lines.count == 0)
        tell(&lines, candidate, "publish", text_from("plan"));
    change->audit = lines.items;
    change->audit_count = lines.count;
}

/* -- reading ------------------------------------------------------------------------------------
 */

static struct world_audit_found *found_new(struct world_result *result)
{
    struct world_audit_found *found = arena_new(&result->arena, struct world_audit_found);
    result->audit = found;
    result->outcome = WORLD_SERVED;
    return found;
}

void job_audit_list(struct world *world, const struct world_request *request,
                    struct world_result *result)
{
    struct world_audit_found *found = found_new(result);
    struct store_audit_row *rows = NULL;
    if (!store_audit_list(world->store, &result->arena, &request->audit->filter, &rows,
                          &found->count, &result->error)) {
        result->outcome = WORLD_FAILED;
        result->problem = "unavailable";
    }
    found->rows = rows;
}

void job_audit_verify(struct world *world, const struct world_request *request,
                      struct world_result *result)
{
    struct world_audit_found *found = found_new(result);
    if (!store_audit_verify(world->store, &request->audit->from, WORLD_AUDIT_VERIFY_LINES,
                            &found->verdict, &result->error)) {
        result->outcome = WORLD_FAILED;
        result->problem = "unavailable";
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/internal.h"

#include "api/view/audit.h"
#include "api/world/audit.h"

#include "zones/base/clock.h"
#include "zones/base/file.h"
#include "zones/base/log.h"
#include "zones/text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void candidate_fini(struct candidate *candidate)
{
    planned_unref(candidate->planned);
    free(candidate->serials);
    rows_fini(&candidate->rows);
    *candidate = (struct candidate){0};
}

/* -- serials ------------------------------------------------------------------------------------
 */

/* True when a zone of the slot holds a set that changed. */
static bool slot_changed(const struct base *base, uint32_t slot, const bool *is_changed)
{
    const struct content_zone *zone = &base->names.zones[base->slot_zone[slot]];
    for (uint32_t i = zone->first_name; i < zone->first_name + zone->name_count; i++) {
        uint32_t types = base->names.names[i].types;
        for (uint32_t j = 0; types != CONTENT_NONE && j < base->names.types[types].count; j++)
            if (is_changed[base->names.types[types].entries[j].set])
                return true;
    }
    return false;
}

/* The same slots, with the serials of those moved whose sets differ between the two plans. */
static uint32_t *move_serials(const struct world *world, const struct planned *next, int64_t at_ms)
{
    const struct base *base = next->base;
    const struct content_sets *before = &world->planned->plan->content;
    const struct content_sets *after = &next->plan->content;
    uint32_t *serials = calloc(base->names.slot_count + 1u, sizeof *serials);
    bool *is_changed = calloc(after->count + 1u, sizeof *is_changed);
    if (!serials || !is_changed)
        abort();
    for (uint32_t i = 0; i < after->count; i++)
        is_changed[i] = !content_set_equal(&before->sets[i], &after->sets[i]);
    for (uint32_t slot = 0; slot < base->names.slot_count; slot++) {
        const struct inventory_soa *soa = base_soa(base, base->slot_zone[slot]);
        serials[slot] = world->serials[slot];
        if (slot_changed(base, slot, is_changed))
            serials[slot] = plan_serial_next(soa->serial, serials[slot], soa->at_least, at_ms);
    }
    free(is_changed);
    return serials;
}

/* -- the store's change -------------------------------------------------------------------------
 */

/* The overlays of a plan as JSON, for the revision's row. */
static struct text overlays_json(struct arena *arena, const struct candidate *candidate)
{
    const struct overlays *overlays = &candidate->planned->overlays;
    json_t *drains = json_array(), *weights = json_array();
    for (uint32_t i = 0; i < overlays->drain_count; i++) {
        const struct overlay_drain *drain = &overlays->drains[i];
        json_array_append_new(drains, json_pack("{s:s%, s:s%}", "id", drain->id.ptr, drain->id.len,
                                                "node", drain->node.ptr, drain->node.len));
    }
    for (uint32_t i = 0; i < overlays->weight_count; i++) {
        const struct overlay_weight *weight = &overlays->weights[i];
        json_array_append_new(weights, json_pack("{s:s%, s:s%, s:i, s:i}", "node", weight->node.ptr,
                                                 weight->node.len, "service", weight->service.ptr,
                                                 weight->service.len, "form", weight->form, "value",
                                                 weight->value));
    }
    json_t *both = json_pack("{s:o, s:o}", "drains", drains, "weights", weights);
    rows_print_windows(&candidate->rows, candidate->planned->plan, both);
    char *dumped = json_dumps(both, JSON_COMPACT | JSON_SORT_KEYS);
    struct text copy = arena_text(arena, text_from(dumped));
    free(dumped);
    json_decref(both);
    return copy;
}

static void fill_slots(struct store_change *change, struct arena *arena,
                       const struct candidate *candidate, const struct world *world)
{
    const struct content_names *names = &candidate->planned->base->names;
    struct store_slot *slots = arena_array(arena, struct store_slot, names->slot_count);
    for (uint32_t slot = 0; slot < names->slot_count; slot++)
        if (candidate->inventory || candidate->serials[slot] != world->serials[slot])
            slots[change->slot_count++] = (struct store_slot){slot, candidate->serials[slot]};
    change->slots = slots;
    if (!candidate->inventory)
        return;
    struct store_zone *zones = arena_array(arena, struct store_zone, names->zone_count);
    for (uint32_t i = 0; i < names->zone_count; i++)
        zones[i] =
            (struct store_zone){.name = text_from(text_name_print(arena, names->zones[i].apex)),
                                .slot = names->zones[i].slot};
    change->zones = zones;
    change->zone_count = names->zone_count;
}

/* Zones of the old base that the new one has not, with their last serials. */
static void fill_retired(struct store_change *change, struct arena *arena,
                         const struct candidate *candidate, const struct world *world)
{
    if (!candidate->inventory || !world->planned)
        return;
    const struct content_names *before = &world->planned->base->names;
    const struct content_names *after = &candidate->planned->base->names;
    struct store_zone *retired = arena_array(arena, struct store_zone, before->zone_count);
    uint32_t next = 0;
    for (uint32_t i = 0; i < before->zone_count; i++) {
        struct name apex = before->zones[i].apex;
        while (next < after->zone_count && name_compare(after->zones[next].apex, apex) < 0)
            next++;
        if (next < after->zone_count && name_equal(after->zones[next].apex, apex))
            continue;
        retired[change->retired_count++] =
            (struct store_zone){.name = text_from(text_name_print(arena, apex)),
                                .serial = world->serials[before->zones[i].slot]};
    }
    change->retired = retired;
}

size_t world_fill_versions(struct store_change *change, struct arena *arena,
                           const struct history *history, size_t **where)
{
    struct store_set_version *rows =
        arena_array(arena, struct store_set_version, history->version_count);
    *where = arena_array(arena, size_t, history->version_count);
    for (size_t i = 0; i < history->version_count; i++)
        if (history->versions[i].is_dirty) {
            (*where)[change->version_count] = i;
            rows[change->version_count++] = history->versions[i].row;
        }
    change->versions = rows;
    return change->version_count;
}

bool world_commit_versions(struct world *world, struct error *err)
{
    struct arena arena = {0};
    struct store_change change = {0};
    size_t *where = NULL;
    size_t count = world_fill_versions(&change, &arena, &world->history, &where);
    store_change_id_make(change.id);
    bool done = count == 0 || store_commit(world->store, &change, NULL, NULL, err);
    for (size_t i = 0; done && i < count; i++)
        world->history.versions[where[i]].is_dirty = false;
    arena_fini(&arena);
    return done;
}

/* Commits; on a full disk, once more without the ballast where that is allowed. */
static bool commit(struct world *world, const struct candidate *candidate,
                   const struct store_change *change, int64_t *version_ids, int64_t *inventory_id,
                   struct error *err)
{
    struct error first = {0};
    if (store_commit(world->store, change, version_ids, inventory_id, &first))
        return true;
    if (first.kind == ERROR_NO_SPACE && candidate->may_use_ballast &&
        store_drop_ballast(world->store))
        return store_commit(world->store, change, version_ids, inventory_id, err);
    return error_set(err, first.kind, "%s", first.message);
}

static bool commit_candidate(struct world *world, struct candidate *candidate, uint64_t number,
                             struct error *err)
{
    struct arena arena = {0};
    struct store_change change = candidate->change;
    const struct base *base = candidate->planned->base;
    struct store_revision revision = {
        .number = number,
        .at_ms = candidate->at_ms,
        .actor = candidate->actor,
        .cause = candidate->cause,
        .inventory_id = base->source.id,
        .inventory_digest = base->text_digest,
        .overlays = overlays_json(&arena, candidate),
    };
    size_t *where = NULL;
    int64_t inventory_id = 0;
    store_change_id_make(change.id);
    change.revision = &revision;
    change.inventory = candidate->inventory;
    fill_slots(&change, &arena, candidate, world);
    fill_retired(&change, &arena, candidate, world);
    struct store_key key;
    if (world->key) {
        key = *world->key;
        key.objects = world_audit_objects(&change, &arena);
        change.key = &key;
    }
    world_audit_complete(world, candidate, &change, &arena);
    size_t count = world_fill_versions(&change, &arena, &world->history, &where);
    int64_t *ids = arena_array(&arena, int64_t, count);
    bool done = commit(world, candidate, &change, ids, &inventory_id, err);
    for (size_t i = 0; done && i < count; i++) {
        struct history_version *version = &world->history.versions[where[i]];
        version->is_dirty = false;
        if (version->row.id == 0)
            version->row.id = ids[i];
    }
    if (done) {
        world->key = NULL;
        retired_add(&world->retired, change.retired, change.retired_count);
    }
    if (done && candidate->inventory)
        candidate->planned->base->source.id = inventory_id;
    arena_fini(&arena);
    return done;
}

/* -- image and dnsd -----------------------------------------------------------------------------
 */

static bool stage_image(struct world *world, const struct candidate *candidate, uint64_t number,
                        struct error *err)
{
    struct base *base = candidate->planned->base;
    struct image_buffer answers = {0};
    if (base->names_image.len &&
        !image_dir_put_names(&world->image_dir, &base->names_image, &base->names_digest, err))
        return false;
    bool done =
        image_build_answers(&candidate->planned->plan->content, candidate->serials,
                            base->names.slot_count, &base->names_digest, number, &answers, err) &&
        image_dir_stage_answers(&world->image_dir, &answers, err);
    image_buffer_fini(&answers);
    return done;
}

static bool wait_served(struct world *world)
{
    int64_t deadline_ms = clock_monotonic_ms() + WORLD_SERVED_WAIT_MS;
    while (world->link && world->served_revision != world->revision && !world->dnsd_refusal[0] &&
           world_wait_event(world, deadline_ms))
        continue;
    return world->served_revision == world->revision;
}

/* -- publishing ---------------------------------------------------------------------------------
 */

void world_note_cause(struct world *world, uint64_t revision, struct text actor, struct text cause)
{
    world->revision = revision;
    world->is_served_noted = true; /* nothing is to be noted before it is served */
    snprintf(world->actor, sizeof world->actor, "%.*s", (int)actor.len, actor.ptr);
    snprintf(world->cause, sizeof world->cause, "%.*s", (int)cause.len, cause.ptr);
    text_end_whole(world->actor);
    text_end_whole(world->cause);
}

void world_set_plan(struct world *world, struct planned *planned)
{
    planned_ref(planned);
    planned_unref(world->planned);
    world->planned = planned;
    world->keeper.limit_at_ms = world_time_limit(world);
    if (world->served_revision == world->revision)
        world->served_plan_at_ms = planned->plan->input.at_ms;
}

/* The candidate is stored: it is the world now. */
static void take_over(struct world *world, struct candidate *candidate, uint64_t number)
{
    free(world->serials);
    world->serials = candidate->serials;
    candidate->serials = NULL;
    rows_fini(&world->rows);
    world->rows = candidate->rows;
    candidate->rows = (struct rows){0};
    world_note_cause(world, number, candidate->actor, candidate->cause);
    world->published_at_ms = candidate->at_ms;
    world->served_at_ms = 0;
    world->dnsd_refusal[0] = '\0';
    timekeeper_publish(&world->keeper, candidate->at_ms);
    world_set_plan(world, candidate->planned);
}

/* Stages; on a full disk, once more without the ballast where that is allowed. */
static bool stage(struct world *world, const struct candidate *candidate, uint64_t number,
                  struct error *err)
{
    struct error first = {0};
    if (stage_image(world, candidate, number, &first))
        return true;
    if (first.kind == ERROR_NO_SPACE && candidate->may_use_ballast &&
        store_drop_ballast(world->store))
        return stage_image(world, candidate, number, err);
    return error_set(err, first.kind, "%s", first.message);
}

static int64_t lap_us(int64_t *since_us)
{
    int64_t begun_us = *since_us;
    *since_us = clock_monotonic_us();
    return *since_us - begun_us;
}

bool world_publish(struct world *world, struct candidate *candidate, bool *served,
                   struct error *err)
{
    world_note_served(world); /* of the revision before */
    uint64_t number = world->revision + 1;
    int64_t since_us = clock_monotonic_us();
    struct plan *before = world->planned ? world->planned->plan : NULL;
    struct error publish_error = {0};
    if (store_is_broken(world->store))
        return error_set(err, ERROR_UNAVAILABLE,
                         "the store is damaged or gone; nothing can be changed until it is mended");
    if (!candidate->serials)
        candidate->serials = move_serials(world, candidate->planned, candidate->at_ms);
    if (candidate->planned->base->names_digest.byte[0] == 0 &&
        candidate->planned->base->names_image.len == 0 &&
        !base_build_names(candidate->planned->base, err))
        return false;
    if (!stage(world, candidate, number, err))
        return false;
    world->spent.image_us = lap_us(&since_us);
    history_advance(&world->history, before, candidate->planned->plan, number);
    if (!commit_candidate(world, candidate, number, err)) {
        history_retreat(&world->history, number);
        image_dir_discard_staged(&world->image_dir);
        return false;
    }
    world->spent.store_us = lap_us(&since_us);
    take_over(world, candidate, number);
    image_buffer_fini(&world->planned->base->names_image);
    world->publish_problem[0] = '\0';
    if (image_dir_publish_answers(&world->image_dir, &publish_error)) {
        world_hand_over(world);
    } else {
        /* Stored and not served: the caller gets 202, and a restart writes the image anew. */
        snprintf(world->publish_problem, sizeof world->publish_problem, "%.250s",
                 publish_error.message);
        log_error("image not published", log_string("reason", publish_error.message));
    }
    *served = wait_served(world);
    world->spent.serve_us = lap_us(&since_us);
    int64_t week_ago_ms = candidate->at_ms - INT64_C(7) * 86400 * 1000;
    rows_forget_drains(&world->rows, week_ago_ms);
    history_forget(&world->history, week_ago_ms);
    world_renew_view(world);
    struct store_audit_head head = store_audit_head(world->store);
    char audit[AUDIT_HEAD_SIZE];
    log_info("revision published", log_number("revision", (int64_t)number),
             log_text("cause", candidate->cause), log_text("actor", candidate->actor),
             log_string("served", *served ? "yes" : "not yet"),
             log_string("audit", audit_head_print(&head, audit)));
    return true;
}

bool world_rewrite_image(struct world *world, struct error *err)
{
    struct base *base = world->planned->base;
    struct image_buffer answers = {0};
    bool done =
        base_build_names(base, err) &&
        image_dir_put_names(&world->image_dir, &base->names_image, &base->names_digest, err) &&
        image_build_answers(&world->planned->plan->content, world->serials, base->names.slot_count,
                            &base->names_digest, world->revision, &answers, err);
    if (done && !image_dir_has_answers(&world->image_dir, &answers))
        done = image_dir_stage_answers(&world->image_dir, &answers, err) &&
               image_dir_publish_answers(&world->image_dir, err);
    image_buffer_fini(&answers);
    image_buffer_fini(&base->names_image);
    return done;
}

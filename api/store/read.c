/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/internal.h"

#define INVENTORY_COLUMNS "id, source, file, file_digest, text, actor, at_ms"

static struct store_inventory get_inventory(struct statement *s, struct arena *arena)
{
    struct store_inventory inventory = {.id = statement_get_integer(s)};
    inventory.source = statement_get_integer(s) ? STORE_SOURCE_PUT : STORE_SOURCE_FILE;
    inventory.file = statement_get_text(s, arena);
    inventory.file_digest = statement_get_digest(s);
    inventory.text = statement_get_text(s, arena);
    inventory.actor = statement_get_text(s, arena);
    inventory.at_ms = statement_get_integer(s);
    return inventory;
}

static bool read_inventory(struct store *store, struct error *err)
{
    struct statement s = statement_over(
        store, "SELECT " INVENTORY_COLUMNS " FROM inventories ORDER BY id DESC LIMIT 1", err);
    if (statement_next(&s))
        store->state.inventory = get_inventory(&s, &store->arena);
    return statement_end(&s);
}

#define REVISION_COLUMNS                                                                           \
    "number, at_ms, actor, cause, inventory_id, inventory_digest, overlays, served_at_ms"

static struct store_revision get_revision(struct statement *s, struct arena *arena)
{
    struct store_revision revision = {.number = (uint64_t)statement_get_integer(s)};
    revision.at_ms = statement_get_integer(s);
    revision.actor = statement_get_text(s, arena);
    revision.cause = statement_get_text(s, arena);
    revision.inventory_id = statement_get_integer(s);
    revision.inventory_digest = statement_get_digest(s);
    revision.overlays = statement_get_text(s, arena);
    revision.served_at_ms = statement_get_integer(s);
    return revision;
}

static bool read_revision(struct store *store, struct error *err)
{
    struct statement s = statement_over(
        store, "SELECT " REVISION_COLUMNS " FROM revisions ORDER BY number DESC LIMIT 1", err);
    if (statement_next(&s))
        store->state.revision = get_revision(&s, &store->arena);
    if (!statement_end(&s))
        return false;
    int64_t served = 0;
    if (!store_ask(store, "SELECT max(number) FROM revisions WHERE served_at_ms > 0", &served, err))
        return false;
    store->state.served_revision = (uint64_t)served;
    return true;
}

#define DRAIN_COLUMNS                                                                              \
    "id, node, services, actor, reason, override_reason, mode, to_ppb, ramp_s, ramp_steps, "       \
    "is_lead_auto, since_at_ms, until_at_ms, served_at_ms, ended_at_ms, ended_actor, "             \
    "clear_at_ms, revision, ended_revision, version, for_s, blocked_at_ms, blocked_because, "      \
    "delay_ms, is_aborted"

static struct store_drain get_drain(struct statement *s, struct arena *arena)
{
    struct store_drain drain = {.id = statement_get_text(s, arena)};
    drain.node = statement_get_text(s, arena);
    drain.services = statement_get_text(s, arena);
    drain.actor = statement_get_text(s, arena);
    drain.reason = statement_get_text(s, arena);
    drain.override_reason = statement_get_text(s, arena);
    drain.mode = (int)statement_get_integer(s);
    drain.to_ppb = (uint32_t)statement_get_integer(s);
    drain.ramp_s = (uint32_t)statement_get_integer(s);
    drain.ramp_steps = (uint32_t)statement_get_integer(s);
    drain.is_lead_auto = statement_get_integer(s) != 0;
    drain.since_at_ms = statement_get_integer(s);
    drain.until_at_ms = statement_get_integer(s);
    drain.served_at_ms = statement_get_integer(s);
    drain.ended_at_ms = statement_get_integer(s);
    drain.ended_actor = statement_get_text(s, arena);
    drain.clear_at_ms = statement_get_integer(s);
    drain.revision = (uint64_t)statement_get_integer(s);
    drain.ended_revision = (uint64_t)statement_get_integer(s);
    drain.version = (uint32_t)statement_get_integer(s);
    drain.for_s = (uint32_t)statement_get_integer(s);
    drain.blocked_at_ms = statement_get_integer(s);
    drain.blocked_because = statement_get_text(s, arena);
    drain.delay_ms = statement_get_integer(s);
    drain.is_aborted = statement_get_integer(s) != 0;
    return drain;
}

/* The rows of a statement over DRAIN_COLUMNS, which it ends. */
static bool get_drains(struct statement *s, struct arena *arena, const struct store_drain **drains,
                       size_t *count)
{
    struct store_drain *rows = NULL;
    size_t found = 0, capacity = 0;
    while (statement_next(s)) {
        rows = arena_grow(arena, rows, &capacity, found + 1, sizeof *rows);
        rows[found++] = get_drain(s, arena);
    }
    *drains = rows;
    *count = found;
    return statement_end(s);
}

static bool read_drains(struct store *store, int64_t since_ms, struct error *err)
{
    struct statement s = statement_over(store,
                                        "SELECT " DRAIN_COLUMNS " FROM drains WHERE ended_at_ms = "
                                        "0 OR ended_at_ms >= ?1 ORDER BY id",
                                        err);
    statement_bind_integer(&s, since_ms);
    return get_drains(&s, &store->arena, &store->state.drains, &store->state.drain_count);
}

static bool read_weights(struct store *store, struct error *err)
{
    struct arena *arena = &store->arena;
    struct store_weight *weights = NULL;
    size_t count = 0, capacity = 0;
    struct statement s = statement_over(store,
                                        "SELECT node, service, form, value, actor, reason, "
                                        "since_at_ms, until_at_ms FROM weights "
                                        "ORDER BY node, service",
                                        err);
    while (statement_next(&s)) {
        weights = arena_grow(arena, weights, &capacity, count + 1, sizeof *weights);
        struct store_weight *weight = &weights[count++];
        weight->node = statement_get_text(&s, arena);
        weight->service = statement_get_text(&s, arena);
        weight->form = (int)statement_get_integer(&s);
        weight->value = (int32_t)statement_get_integer(&s);
        weight->actor = statement_get_text(&s, arena);
        weight->reason = statement_get_text(&s, arena);
        weight->since_at_ms = statement_get_integer(&s);
        weight->until_at_ms = statement_get_integer(&s);
    }
    store->state.weights = weights;
    store->state.weight_count = count;
    return statement_end(&s);
}

static bool read_slots(struct store *store, struct error *err)
{
    struct store_slot *slots = NULL;
    size_t count = 0, capacity = 0;
    struct statement s = statement_over(store, "SELECT slot, serial FROM slots ORDER BY slot", err);
    while (statement_next(&s)) {
        slots = arena_grow(&store->arena, slots, &capacity, count + 1, sizeof *slots);
        struct store_slot *slot = &slots[count++];
        slot->slot = (uint32_t)statement_get_integer(&s);
        slot->serial = (uint32_t)statement_get_integer(&s);
    }
    store->state.slots = slots;
    store->state.slot_count = count;
    return statement_end(&s);
}

/* `sql` gives name, slot, serial. */
static bool read_zone_rows(struct store *store, const char *sql, const struct store_zone **rows,
                           size_t *row_count, struct error *err)
{
    struct store_zone *zones = NULL;
    size_t count = 0, capacity = 0;
    struct statement s = statement_over(store, sql, err);
    while (statement_next(&s)) {
        zones = arena_grow(&store->arena, zones, &capacity, count + 1, sizeof *zones);
        struct store_zone *zone = &zones[count++];
        zone->name = statement_get_text(&s, &store->arena);
        zone->slot = (uint32_t)statement_get_integer(&s);
        zone->serial = (uint32_t)statement_get_integer(&s);
    }
    if (!statement_end(&s))
        return false;
    *rows = zones;
    *row_count = count;
    return true;
}

static bool read_versions(struct store *store, int64_t since_ms, struct error *err)
{
    struct arena *arena = &store->arena;
    struct store_set_version *versions = NULL;
    size_t count = 0, capacity = 0;
    struct statement s = statement_over(
        store,
        "SELECT id, key, label, first_revision, last_revision, ttl_s, nodes, last_served_s, "
        "retired_at_ms FROM set_versions WHERE retired_at_ms = 0 OR retired_at_ms >= ?1 "
        "ORDER BY id",
        err);
    statement_bind_integer(&s, since_ms);
    while (statement_next(&s)) {
        versions = arena_grow(arena, versions, &capacity, count + 1, sizeof *versions);
        struct store_set_version *version = &versions[count++];
        version->id = statement_get_integer(&s);
        version->key = statement_get_digest(&s);
        version->label = statement_get_text(&s, arena);
        version->first_revision = (uint64_t)statement_get_integer(&s);
        version->last_revision = (uint64_t)statement_get_integer(&s);
        version->ttl_s = (uint32_t)statement_get_integer(&s);
        version->nodes = statement_get_text(&s, arena);
        version->last_served_s = statement_get_integer(&s);
        version->retired_at_ms = statement_get_integer(&s);
    }
    store->state.versions = versions;
    store->state.version_count = count;
    return statement_end(&s);
}

bool store_read_state(struct store *store, int64_t now_ms, struct error *err)
{
    struct store_state *state = &store->state;
    int64_t week_ago_ms = now_ms - STORE_WEEK_MS;
    return read_inventory(store, err) && read_revision(store, err) &&
           read_drains(store, week_ago_ms, err) && read_weights(store, err) &&
           read_slots(store, err) &&
           read_zone_rows(store,
                          "SELECT name, slot, serial FROM zones JOIN slots USING (slot) "
                          "ORDER BY name",
                          &state->zones, &state->zone_count, err) &&
           read_zone_rows(store, "SELECT name, 0, serial FROM retired_zones ORDER BY name",
                          &state->retired, &state->retired_count, err) &&
           read_versions(store, week_ago_ms, err) && store_read_tokens(store, err) &&
           store_read_windows(store, err);
}

bool store_read_begin(struct store *store, struct error *err)
{
    if (store->is_broken)
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s: is out of order since a disk error; restart srvpland", store->file);
    store->failure = 0;
    return true;
}

bool store_revisions(struct store *store, struct arena *arena, uint64_t before, size_t limit,
                     struct store_revision **revisions, size_t *count, struct error *err)
{
    struct store_revision *rows = NULL;
    size_t found = 0, capacity = 0;
    if (!store_read_begin(store, err))
        return false;
    struct statement s =
        statement_over(store,
                       "SELECT " REVISION_COLUMNS " FROM revisions WHERE number < ?1 "
                       "ORDER BY number DESC LIMIT ?2",
                       err);
    statement_bind_integer(&s, before && before <= INT64_MAX ? (int64_t)before : INT64_MAX);
    statement_bind_integer(&s, limit <= INT64_MAX ? (int64_t)limit : INT64_MAX);
    while (statement_next(&s)) {
        rows = arena_grow(arena, rows, &capacity, found + 1, sizeof *rows);
        rows[found++] = get_revision(&s, arena);
    }
    if (!statement_end(&s))
        return false;
    *revisions = rows;
    *count = found;
    return true;
}

static bool read_past_revision(struct store *store, struct arena *arena, uint64_t number,
                               struct store_past *past, struct error *err)
{
    struct statement s =
        statement_over(store, "SELECT " REVISION_COLUMNS " FROM revisions WHERE number = ?1", err);
    statement_bind_integer(&s, number <= INT64_MAX ? (int64_t)number : INT64_MAX);
    if (statement_next(&s))
        past->revision = get_revision(&s, arena);
    return statement_end(&s) &&
           (past->revision.number != 0 ||
            error_set(err, ERROR_NOT_FOUND,
                      "there is no revision %llu; `srvplan history` lists them",
                      (unsigned long long)number));
}

static bool read_past_inventory(struct store *store, struct arena *arena, struct store_past *past,
                                struct error *err)
{
    struct statement s =
        statement_over(store, "SELECT " INVENTORY_COLUMNS " FROM inventories WHERE id = ?1", err);
    statement_bind_integer(&s, past->revision.inventory_id);
    if (statement_next(&s))
        past->inventory = get_inventory(&s, arena);
    return statement_end(&s);
}

bool store_past(struct store *store, struct arena *arena, uint64_t number, struct store_past *past,
                struct error *err)
{
    *past = (struct store_past){0};
    if (!store_read_begin(store, err) || !read_past_revision(store, arena, number, past, err) ||
        !read_past_inventory(store, arena, past, err))
        return false;
    struct statement s =
        statement_over(store,
                       "SELECT " DRAIN_COLUMNS " FROM drains WHERE revision <= ?1 AND "
                       "(ended_revision = 0 OR ended_revision > ?1) ORDER BY id",
                       err);
    statement_bind_integer(&s, (int64_t)past->revision.number);
    return get_drains(&s, arena, &past->drains, &past->drain_count);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/internal.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "zones/base/log.h"

static bool write_change_id(struct writing *w)
{
    const struct store_change *change = w->change;
    struct statement s = statement_over(
        w->store, "INSERT INTO changes (change_id, revision) VALUES (?1, ?2)", w->err);
    statement_bind_text(&s, text_from(change->id));
    statement_bind_integer(&s, change->revision ? (int64_t)change->revision->number : 0);
    statement_run(&s);
    if (!statement_end(&s))
        return false;
    struct statement old = statement_over(
        w->store, "DELETE FROM changes WHERE rowid <= last_insert_rowid() - ?1", w->err);
    statement_bind_integer(&old, STORE_CHANGES_KEPT);
    statement_run(&old);
    return statement_end(&old);
}

static bool write_inventory(struct writing *w)
{
    const struct store_inventory *inventory = w->change->inventory;
    if (!inventory)
        return true;
    struct statement s =
        statement_over(w->store,
                       "INSERT INTO inventories (source, file, file_digest, text, actor, at_ms) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                       w->err);
    statement_bind_integer(&s, inventory->source);
    statement_bind_text(&s, inventory->file);
    statement_bind_digest(&s, &inventory->file_digest);
    statement_bind_text(&s, inventory->text);
    statement_bind_text(&s, inventory->actor);
    statement_bind_integer(&s, inventory->at_ms);
    statement_run(&s);
    w->inventory_id = sqlite3_last_insert_rowid(w->store->db);
    return statement_end(&s);
}

static bool write_revision(struct writing *w)
{
    const struct store_revision *revision = w->change->revision;
    int64_t last = 0;
    if (!revision)
        return true;
    if (!store_ask(w->store, "SELECT max(number) FROM revisions", &last, w->err))
        return false;
    if (revision->number != (uint64_t)last + 1)
        return error_set(w->err, ERROR_CONFLICT,
                         "revision %llu does not follow %lld, the last one stored; compute the "
                         "plan again",
                         (unsigned long long)revision->number, (long long)last);
    struct statement s = statement_over(
        w->store, "INSERT INTO revisions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", w->err);
    statement_bind_integer(&s, (int64_t)revision->number);
    statement_bind_integer(&s, revision->at_ms);
    statement_bind_text(&s, revision->actor);
    statement_bind_text(&s, revision->cause);
    statement_bind_integer(&s, w->inventory_id ? w->inventory_id : revision->inventory_id);
    statement_bind_digest(&s, &revision->inventory_digest);
    statement_bind_text(&s, revision->overlays);
    statement_bind_integer(&s, revision->served_at_ms);
    statement_run(&s);
    return statement_end(&s);
}

static bool write_drains(struct writing *w)
{
    struct statement s = statement_over(
        w->store,
        "INSERT OR REPLACE INTO drains (id, node, services, actor, reason, override_reason, "
        "mode, to_ppb, ramp_s, ramp_steps, is_lead_auto, since_at_ms, until_at_ms, served_at_ms, "
        "ended_at_ms, ended_actor, clear_at_ms, revision, ended_revision, version, for_s, "
        "blocked_at_ms, blocked_because, delay_ms, is_aborted) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
        "?19, ?20, ?21, ?22, ?23, ?24, ?25)",
        w->err);
    for (size_t i = 0; i < w->change->drain_count; i++) {
        const struct store_drain *drain = &w->change->drains[i];
        statement_bind_text(&s, drain->id);
        statement_bind_text(&s, drain->node);
        statement_bind_text(&s, drain->services);
        statement_bind_text(&s, drain->actor);
        statement_bind_text(&s, drain->reason);
        statement_bind_text(&s, drain->override_reason);
        statement_bind_integer(&s, drain->mode);
        statement_bind_integer(&s, drain->to_ppb);
        statement_bind_integer(&s, drain->ramp_s);
        statement_bind_integer(&s, drain->ramp_steps);
        statement_bind_integer(&s, drain->is_lead_auto);
        statement_bind_integer(&s, drain->since_at_ms);
        statement_bind_integer(&s, drain->until_at_ms);
        statement_bind_integer(&s, drain->served_at_ms);
        statement_bind_integer(&s, drain->ended_at_ms);
        statement_bind_text(&s, drain->ended_actor);
        statement_bind_integer(&s, drain->clear_at_ms);
        statement_bind_integer(&s, (int64_t)drain->revision);
        statement_bind_integer(&s, (int64_t)drain->ended_revision);
        statement_bind_integer(&s, drain->version);
        statement_bind_integer(&s, drain->for_s);
        statement_bind_integer(&s, drain->blocked_at_ms);
        statement_bind_text(&s, drain->blocked_because);
        statement_bind_integer(&s, drain->delay_ms);
        statement_bind_integer(&s, drain->is_aborted);
        statement_run(&s);
    }
    return statement_end(&s);
}

static bool write_weights(struct writing *w)
{
    struct statement gone =
        statement_over(w->store, "DELETE FROM weights WHERE node = ?1 AND service = ?2", w->err);
    for (size_t i = 0; i < w->change->weights_removed_count; i++) {
        statement_bind_text(&gone, w->change->weights_removed[i].node);
        statement_bind_text(&gone, w->change->weights_removed[i].service);
        statement_run(&gone);
    }
    if (!statement_end(&gone))
        return false;
    struct statement s = statement_over(
        w->store,
        "INSERT OR REPLACE INTO weights (node, service, form, value, actor, reason, since_at_ms, "
        "until_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        w->err);
    for (size_t i = 0; i < w->change->weight_count; i++) {
        const struct store_weight *weight = &w->change->weights[i];
        statement_bind_text(&s, weight->node);
        statement_bind_text(&s, weight->service);
        statement_bind_integer(&s, weight->form);
        statement_bind_integer(&s, weight->value);
        statement_bind_text(&s, weight->actor);
        statement_bind_text(&s, weight->reason);
        statement_bind_integer(&s, weight->since_at_ms);
        statement_bind_integer(&s, weight->until_at_ms);
        statement_run(&s);
    }
    return statement_end(&s);
}

/* Serials before the whole list is replaced; the transaction's end or its undoing drops it. */
static bool remember_serials(struct writing *w)
{
    return store_run(w->store,
                     "CREATE TEMP TABLE serials_before AS "
                     "SELECT name, serial FROM zones JOIN slots USING (slot) "
                     "UNION ALL SELECT name, serial FROM retired_zones",
                     w->err) &&
           store_run(w->store, "DELETE FROM zones", w->err) &&
           store_run(w->store, "DELETE FROM slots", w->err);
}

/* A serial that goes back stops every secondary; the planner must not have let it (RFC 1982). */
static bool check_serials(struct writing *w)
{
    struct arena scratch = {0};
    struct statement s = statement_over(
        w->store,
        "SELECT name, serials_before.serial, slots.serial "
        "FROM zones JOIN slots USING (slot) JOIN serials_before USING (name) "
        "WHERE ((slots.serial - serials_before.serial) & 4294967295) >= 2147483648 LIMIT 1",
        w->err);
    bool went_back = statement_next(&s);
    if (went_back) {
        struct text name = statement_get_text(&s, &scratch);
        int64_t before = statement_get_integer(&s), after = statement_get_integer(&s);
        error_set(w->err, ERROR_INVALID,
                  "zone %.*s: its serial would go back from %lld to %lld; nothing was stored; "
                  "this is a defect in srvpland, please report it",
                  (int)name.len, name.ptr, (long long)before, (long long)after);
    }
    bool done = statement_end(&s) && !went_back;
    arena_fini(&scratch);
    return done && store_run(w->store, "DROP TABLE serials_before", w->err);
}

static bool write_slots(struct writing *w)
{
    struct statement s = statement_over(w->store,
                                        "INSERT INTO slots (slot, serial) VALUES (?1, ?2) "
                                        "ON CONFLICT (slot) DO UPDATE SET serial = excluded.serial",
                                        w->err);
    for (size_t i = 0; i < w->change->slot_count; i++) {
        statement_bind_integer(&s, w->change->slots[i].slot);
        statement_bind_integer(&s, w->change->slots[i].serial);
        statement_run(&s);
    }
    return statement_end(&s);
}

static bool write_zone_list(struct writing *w)
{
    struct statement s =
        statement_over(w->store, "INSERT INTO zones (name, slot) VALUES (?1, ?2)", w->err);
    for (size_t i = 0; i < w->change->zone_count; i++) {
        statement_bind_text(&s, w->change->zones[i].name);
        statement_bind_integer(&s, w->change->zones[i].slot);
        statement_run(&s);
    }
    return statement_end(&s);
}

static bool write_retired(struct writing *w)
{
    struct statement s = statement_over(
        w->store, "INSERT OR REPLACE INTO retired_zones (name, serial) VALUES (?1, ?2)", w->err);
    for (size_t i = 0; i < w->change->retired_count; i++) {
        statement_bind_text(&s, w->change->retired[i].name);
        statement_bind_integer(&s, w->change->retired[i].serial);
        statement_run(&s);
    }
    /* One that came back has its serial in its slot again. */
    return statement_end(&s) &&
           (!w->change->zones ||
            store_run(w->store, "DELETE FROM retired_zones WHERE name IN (SELECT name FROM zones)",
                      w->err));
}

static bool write_zones(struct writing *w)
{
    if (!w->change->zones)
        return write_slots(w) && write_retired(w);
    return remember_serials(w) && write_slots(w) && write_zone_list(w) && check_serials(w) &&
           write_retired(w);
}

static bool write_version(struct writing *w, struct statement *s, size_t i)
{
    const struct store_set_version *version = &w->change->versions[i];
    statement_bind_digest(s, &version->key);
    statement_bind_text(s, version->label);
    statement_bind_integer(s, (int64_t)version->first_revision);
    statement_bind_integer(s, (int64_t)version->last_revision);
    statement_bind_integer(s, version->ttl_s);
    statement_bind_text(s, version->nodes);
    statement_bind_integer(s, version->last_served_s);
    statement_bind_integer(s, version->retired_at_ms);
    if (version->id)
        statement_bind_integer(s, version->id);
    statement_run(s);
    if (!s->failed && version->id && sqlite3_changes(w->store->db) != 1) {
        s->failed = true;
        return error_set(w->err, ERROR_NOT_FOUND,
                         "set version %lld is not in the store; restart srvpland",
                         (long long)version->id);
    }
    w->version_ids[i] = version->id ? version->id : sqlite3_last_insert_rowid(w->store->db);
    return !s->failed;
}

static bool write_versions(struct writing *w)
{
    struct statement insert = statement_over(
        w->store,
        "INSERT INTO set_versions (key, label, first_revision, last_revision, ttl_s, nodes, "
        "last_served_s, retired_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        w->err);
    struct statement update = statement_over(
        w->store,
        "UPDATE set_versions SET key = ?1, label = ?2, first_revision = ?3, last_revision = ?4, "
        "ttl_s = ?5, nodes = ?6, last_served_s = ?7, retired_at_ms = ?8 WHERE id = ?9",
        w->err);
    for (size_t i = 0; i < w->change->version_count; i++)
        if (!write_version(w, w->change->versions[i].id ? &update : &insert, i))
            break;
    bool inserted = statement_end(&insert);
    return statement_end(&update) && inserted;
}

/* A revision that is handed over again after a restart keeps the time it was first served. */
static bool write_served(struct writing *w)
{
    if (!w->change->served_revision)
        return true;
    struct statement s = statement_over(
        w->store,
        "UPDATE revisions SET served_at_ms = iif(served_at_ms > 0, served_at_ms, ?2) "
        "WHERE number = ?1",
        w->err);
    statement_bind_integer(&s, (int64_t)w->change->served_revision);
    statement_bind_integer(&s, w->change->served_at_ms);
    statement_run(&s);
    bool done = statement_end(&s);
    if (done && sqlite3_changes(w->store->db) != 1)
        return error_set(w->err, ERROR_NOT_FOUND, "revision %llu is not in the store",
                         (unsigned long long)w->change->served_revision);
    return done;
}

/* In this order: a revision refers to its inventory, a zone to its slot. */
static bool (*const steps[])(struct writing *) = {
    write_change_id,     write_inventory, write_revision,   write_drains, write_weights,
    store_write_windows, write_zones,     write_versions,   write_served, store_write_tokens,
    store_write_audit,   store_write_key, store_forget_old,
};

/* Nothing of the change is left. After a deep failure the connection is not to be trusted, so that
 * it is made anew; where that fails, the store is broken, and what went wrong first is reported. */
static void undo(struct store *store)
{
    struct error ignored = {0};
    bool is_deep = store_failure_is_deep(store);
    bool is_undone = sqlite3_get_autocommit(store->db) || store_run(store, "ROLLBACK", &ignored);
    if (is_deep || !is_undone)
        is_undone = store_reconnect(store, &ignored);
}

static bool change_find(struct store *store, const char *id, bool *found, struct error *err)
{
    struct statement s = statement_over(store, "SELECT 1 FROM changes WHERE change_id = ?1", err);
    statement_bind_text(&s, text_from(id));
    bool has_row = statement_next(&s);
    if (!statement_end(&s))
        return false;
    *found = has_row;
    return true;
}

/* An error from COMMIT leaves open whether the change is stored: the log may hold it whole, though
 * its fsync failed. So the file is opened anew and asked. "Stored" then needs one thing more: the
 * log that was read may stand in memory alone, until a checkpoint has written it elsewhere. */
static bool commit_or_find_out(struct store *store, const char *id, struct error *err)
{
    struct error first = {0};
    if (store_run(store, "COMMIT", &first))
        return true;
    bool found = false;
    struct error second = {0};
    if (!store_reconnect(store, &second))
        return error_set(err, ERROR_UNAVAILABLE, "%s", second.message);
    if (!change_find(store, id, &found, &second) || (found && store->is_checkpoint_failing)) {
        store->is_broken = true;
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s: a commit failed, and whether it will last is not known; restart "
                         "srvpland: what it finds holds",
                         store->file);
    }
    return found || error_set(err, first.kind, "%s", first.message);
}

/* The change is stored; what fails here is tried again after the next one. */
static void tidy(struct store *store)
{
    if (store->is_broken)
        return;
    bool was_failing = store->is_checkpoint_failing;
    struct error err = {0};
    store->failure = 0;
    if (store->wal_pages > store->checkpoint_pages &&
        !store_checkpoint(store,
                          store->wal_pages > STORE_TRUNCATE_PAGES ? STORE_CHECKPOINT_TRUNCATE
                                                                  : STORE_CHECKPOINT_PASSIVE,
                          &err)) {
        if (!was_failing)
            log_warning("checkpoint failed; the log of the store grows until one succeeds",
                        log_string("reason", err.message));
        struct error ignored = {0};
        if (store_failure_is_deep(store) && !store_reconnect(store, &ignored))
            return;
    }
    store_lay_ballast(store);
}

bool store_commit(struct store *store, const struct store_change *change, int64_t *version_ids,
                  int64_t *inventory_id, struct error *err)
{
    if (store->is_broken)
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s: is out of order since a disk error; restart srvpland", store->file);
    struct error why = {0};
    struct writing w = {.store = store, .change = change, .audit = store->audit, .err = &why};
    w.version_ids = calloc(change->version_count + 1, sizeof *w.version_ids);
    if (!w.version_ids)
        abort();
    store->failure = 0;
    bool done = store_run(store, "BEGIN IMMEDIATE", &why);
    for (size_t i = 0; done && i < COUNT_OF(steps); i++)
        done = steps[i](&w);
    if (done)
        done = commit_or_find_out(store, change->id, &why);
    else
        undo(store);
    if (done) {
        if (version_ids && change->version_count)
            memcpy(version_ids, w.version_ids, change->version_count * sizeof *version_ids);
        if (inventory_id && w.inventory_id)
            *inventory_id = w.inventory_id;
        if (change->audit_count)
            store->audit_next = w.audit.id + 1;
        store->audit = w.audit;
        tidy(store);
    }
    free(w.version_ids);
    return done || error_set(err, why.kind, "%s", why.message);
}

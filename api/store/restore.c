/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/store/restore_floor.h"
#include "api/store/audit.h"
#include "api/store/internal.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"
#include "zones/base/log.h"

static const char live_name[] = "srvplan.db", new_name[] = "srvplan.db.restored";
static const char *const new_files[] = {"srvplan.db.restored", "srvplan.db.restored-wal",
                                        "srvplan.db.restored-journal"};

/* One restoring on its way. */
struct restoring {
    const struct store_restore *asked;
    struct store_restored *out;
    struct store live, copy;
    struct restore_floor floor;
    struct arena arena;
    bool has_live; /* readable */
    struct error *err;
};

/* -- the copy, under another name ----------------------------------------------------------------
 */

static bool copy_bytes(int from, int to)
{
    enum {
        PIECE = 1 << 20
    };
    uint8_t *piece = malloc(PIECE);
    ssize_t got = -1;
    if (!piece)
        abort();
    while ((got = read(from, piece, PIECE)) > 0)
        for (ssize_t at = 0, put; at < got; at += put)
            if ((put = write(to, piece + at, (size_t)(got - at))) < 0) {
                free(piece);
                return false;
            }
    free(piece);
    return got == 0 && fsync(to) == 0;
}

/* A log beside the file has changes that the file has not. */
static bool check_alone(struct restoring *r)
{
    struct stat info;
    const char *log = arena_printf(&r->arena, "%s-wal", r->asked->file);
    if (stat(log, &info) != 0 || info.st_size == 0)
        return true;
    return error_set(r->err, ERROR_INVALID,
                     "%s: has a log beside it (%s), so it is no copy made by `srvplan backup`, or "
                     "another program has it open; close that, or take another copy",
                     r->asked->file, log);
}

static bool fetch(struct restoring *r)
{
    const char *file = r->asked->file;
    for (size_t i = 0; i < COUNT_OF(new_files); i++)
        unlinkat(r->live.directory, new_files[i], 0);
    int from = open(file, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return error_system(r->err, file, "name a copy made by `srvplan backup`", "cannot open");
    int to = openat(r->live.directory, new_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done = to >= 0 && fchmod(to, 0600) == 0 && copy_bytes(from, to);
    if (!done)
        error_system(r->err, r->copy.file, "free some space in the state directory", "cannot copy");
    fd_close(&from);
    fd_close(&to);
    return done;
}

/* Every page, the schema (an older one is brought up), and the audit. */
static bool check(struct restoring *r)
{
    struct store_audit_head from = {0};
    struct store_audit_verdict verdict = {0};
    if (!store_connect(&r->copy, r->err) || !store_read_state(&r->copy, r->asked->now_ms, r->err) ||
        !store_audit_verify(&r->copy, &from, SIZE_MAX >> 1, &verdict, r->err))
        return error_within(r->err, "%s cannot be restored", r->asked->file);
    r->out->is_audit_broken = verdict.broken_id != 0;
    r->out->copied_revision = r->copy.state.revision.number;
    return r->out->copied_revision != 0 ||
           error_set(r->err, ERROR_INVALID, "%s: holds no revision, so there is nothing to restore",
                     r->asked->file);
}

/* -- what is there -------------------------------------------------------------------------------
 */

/* The store and the image that are there, as far as they can be read. */
static void look_at_what_is_there(struct restoring *r)
{
    struct error why = {0};
    if (faccessat(r->live.directory, live_name, F_OK, 0) == 0) {
        r->has_live =
            store_connect(&r->live, &why) && store_read_state(&r->live, r->asked->now_ms, &why);
        if (!r->has_live)
            log_warning("the store that is there cannot be read; the image says which serials it "
                        "had",
                        log_string("reason", why.message));
    }
    r->out->was_readable = r->has_live;
    if (r->has_live)
        restore_floor_take_store(&r->floor, &r->live.state);
    restore_floor_take_image(&r->floor, r->live.directory, r->asked->path);
    restore_floor_sort(&r->floor);
}

/* -- what must not go back -----------------------------------------------------------------------
 */

static bool put_revision(struct restoring *r)
{
    struct statement s = statement_over(
        &r->copy,
        "INSERT INTO revisions SELECT ?1, ?2, ?3, ?4, inventory_id, inventory_digest, overlays, 0 "
        "FROM revisions ORDER BY number DESC LIMIT 1",
        r->err);
    uint64_t last =
        r->floor.revision > r->out->copied_revision ? r->floor.revision : r->out->copied_revision;
    r->out->revision = last + 1;
    statement_bind_integer(&s, (int64_t)r->out->revision);
    statement_bind_integer(&s, r->asked->now_ms);
    statement_bind_text(&s, r->asked->actor);
    statement_bind_text(&s, text_from(arena_printf(&r->arena, "restored: a copy of revision %llu",
                                                   (unsigned long long)r->out->copied_revision)));
    statement_run(&s);
    return statement_end(&s);
}

/* The index of a slot, which are in order; their count: there is none. */
static size_t find_slot(const struct store_state *state, uint32_t slot)
{
    size_t low = 0, high = state->slot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (state->slots[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low < state->slot_count && state->slots[low].slot == slot ? low : state->slot_count;
}

/* Each slot's serial moves past all that its zones had; those that are no longer there keep theirs.
 */
static bool put_serials(struct restoring *r)
{
    const struct store_state *state = &r->copy.state;
    uint32_t *serials = arena_array(&r->arena, uint32_t, state->slot_count);
    for (size_t i = 0; i < state->slot_count; i++)
        serials[i] = state->slots[i].serial;
    for (size_t i = 0; i < state->zone_count; i++) {
        const struct restore_zone *zone = restore_floor_find(&r->floor, state->zones[i].name);
        size_t slot = zone ? find_slot(state, state->zones[i].slot) : state->slot_count;
        if (slot < state->slot_count && !restore_serial_is_ahead(serials[slot], zone->serial))
            serials[slot] = restore_serial_next(zone->serial);
    }
    struct statement s =
        statement_over(&r->copy, "UPDATE slots SET serial = ?2 WHERE slot = ?1", r->err);
    for (size_t i = 0; i < state->slot_count; i++) {
        statement_bind_integer(&s, state->slots[i].slot);
        statement_bind_integer(&s, serials[i]);
        statement_run(&s);
    }
    return statement_end(&s);
}

static bool put_retired(struct restoring *r)
{
    struct statement s =
        statement_over(&r->copy,
                       "INSERT INTO retired_zones (name, serial) SELECT ?1, ?2 "
                       "WHERE NOT EXISTS (SELECT 1 FROM zones WHERE name = ?1) "
                       "ON CONFLICT (name) DO UPDATE SET serial = excluded.serial "
                       "WHERE ((excluded.serial - serial) & 4294967295) < 2147483648",
                       r->err);
    for (size_t i = 0; i < r->floor.count; i++) {
        statement_bind_text(&s, r->floor.zones[i].name);
        statement_bind_integer(&s, r->floor.zones[i].serial);
        statement_run(&s);
    }
    return statement_end(&s);
}

/* What was served until now: caches may hold it. The store that was there knows it; without it
 * every set counts as having named every drained node, for as long as any set is known to live. */
static bool put_versions(struct restoring *r)
{
    const struct store_state *live = &r->live.state;
    if (!r->has_live) {
        struct statement guess = statement_over(
            &r->copy,
            "INSERT INTO set_versions (key, label, first_revision, last_revision, ttl_s, nodes, "
            "last_served_s, retired_at_ms) SELECT key, label, ?1, ?1, "
            "(SELECT max(3600, max(ttl_s)) FROM set_versions), "
            "(SELECT group_concat(DISTINCT node) FROM drains WHERE ended_at_ms = 0), 0, 0 "
            "FROM set_versions WHERE last_revision = 0 AND "
            "EXISTS (SELECT 1 FROM drains WHERE ended_at_ms = 0)",
            r->err);
        statement_bind_integer(&guess, (int64_t)r->out->revision - 1);
        statement_run(&guess);
        return statement_end(&guess) &&
               store_run(&r->copy, "UPDATE set_versions SET nodes = replace(nodes, ',', ' ')",
                         r->err);
    }
    struct statement s = statement_over(
        &r->copy,
        "INSERT INTO set_versions (key, label, first_revision, last_revision, ttl_s, nodes, "
        "last_served_s, retired_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
        r->err);
    for (size_t i = 0; i < live->version_count; i++) {
        const struct store_set_version *version = &live->versions[i];
        if (version->retired_at_ms || version->first_revision <= r->out->copied_revision)
            continue; /* over, or the copy has it */
        statement_bind_digest(&s, &version->key);
        statement_bind_text(&s, version->label);
        statement_bind_integer(&s, (int64_t)version->first_revision);
        statement_bind_integer(&s, version->last_revision ? (int64_t)version->last_revision
                                                          : (int64_t)r->out->revision - 1);
        statement_bind_integer(&s, version->ttl_s);
        statement_bind_text(&s, version->nodes);
        statement_bind_integer(&s, version->last_revision ? version->last_served_s : 0);
        statement_run(&s);
    }
    return statement_end(&s);
}

static bool put_audit(struct restoring *r)
{
    struct store_revision revision = {.number = r->out->revision};
    struct store_audit line = {
        .at_ms = r->asked->now_ms,
        .actor = r->asked->actor,
        .source = r->asked->source,
        .action = text_from("restore"),
        .object = text_from("store"),
        .detail = text_from(arena_printf(
            &r->arena, "a copy of revision %llu in the place of revision %llu",
            (unsigned long long)r->out->copied_revision, (unsigned long long)r->floor.revision))};
    struct store_change change = {.revision = &revision, .audit = &line, .audit_count = 1};
    struct writing w = {
        .store = &r->copy, .change = &change, .audit = r->copy.audit, .err = r->err};
    return store_write_audit(&w);
}

static bool bring_forward(struct restoring *r)
{
    return store_run(&r->copy, "BEGIN IMMEDIATE", r->err) && put_revision(r) && put_serials(r) &&
           put_retired(r) && put_versions(r) &&
           store_run(&r->copy,
                     "UPDATE drains SET served_at_ms = 0, clear_at_ms = 0 WHERE ended_at_ms = 0",
                     r->err) &&
           put_audit(r) && store_run(&r->copy, "COMMIT", r->err) &&
           store_checkpoint(&r->copy, STORE_CHECKPOINT_TRUNCATE, r->err);
}

/* -- into its place ------------------------------------------------------------------------------
 */

/* The log goes first: a log beside a store that it is not of would be played into it. The live
 * store's log is empty when it could be read. */
static bool put_away(struct restoring *r)
{
    static const char *const files[] = {"srvplan.db-wal", "srvplan.db"};
    static const char *const ends[] = {"-wal", ""};
    char instant[CLOCK_TEXT_SIZE], stem[sizeof r->out->kept];
    clock_print(r->asked->now_ms, instant);
    snprintf(stem, sizeof stem, "srvplan.db.before-%s", instant);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        const char *name = arena_printf(&r->arena, "%s%s", stem, ends[i]);
        if (renameat(r->live.directory, files[i], r->live.directory, name) == 0)
            snprintf(r->out->kept, sizeof r->out->kept, "%s", stem);
        else if (errno != ENOENT)
            return error_system(r->err, r->live.file, "look at the rights of the state directory",
                                "cannot be put away");
    }
    return true;
}

static bool put_in_place(struct restoring *r)
{
    store_disconnect(&r->live);
    store_disconnect(&r->copy);
    unlinkat(r->live.directory, new_files[1], 0); /* empty since the checkpoint */
    return put_away(r) && file_publish(r->live.directory, new_name, live_name, r->err);
}

bool store_restore(const struct store_restore *restore, struct store_restored *restored,
                   struct error *err)
{
    struct restoring r = {.asked = restore, .out = restored, .err = err};
    *restored = (struct store_restored){0};
    r.live.name = live_name;
    r.live.file = arena_printf(&r.live.arena, "%s/%s", restore->path, live_name);
    r.copy.name = new_name;
    r.copy.file = arena_printf(&r.copy.arena, "%s/%s", restore->path, new_name);
    bool done = store_lock(&r.live, restore->directory, restore->path, err);
    r.copy.directory = r.live.directory;
    if (done && check_alone(&r) && fetch(&r) && check(&r)) {
        look_at_what_is_there(&r);
        done = bring_forward(&r) && put_in_place(&r);
    } else {
        done = false;
    }
    store_disconnect(&r.live);
    store_disconnect(&r.copy);
    for (size_t i = 0; r.live.directory >= 0 && i < COUNT_OF(new_files); i++)
        unlinkat(r.live.directory, new_files[i], 0);
    fd_close(&r.live.directory);
    restore_floor_fini(&r.floor);
    arena_fini(&r.live.arena);
    arena_fini(&r.copy.arena);
    arena_fini(&r.arena);
    return done;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/store.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zones/base/clock.h"
#include "zones/base/file.h"

static char path[64];
static int directory = -1;
static struct store *store;
static const struct store_state *state;

static void setup(void)
{
    strcpy(path, "/tmp/srvplan-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(directory, 0);
}

static void teardown(void)
{
    static const char *const names[] = {"srvplan.db", "srvplan.db-wal", "ballast",
                                        "image/answers.img"};
    store_close(store);
    store = NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlinkat(directory, names[i], 0);
    unlinkat(directory, "image", AT_REMOVEDIR);
    fd_close(&directory);
    ck_assert_int_eq(rmdir(path), 0); /* neither -shm nor half-made files are left */
}

static void reopen(void)
{
    struct error err = {0};
    store_close(store);
    store = store_open(directory, path, &state, &err);
    ck_assert_msg(store != NULL, "%s", err.message);
}

static struct text T(const char *string) {
    return text_from(string);
}

static struct digest
D(const char *string) {
    return digest_of((struct bytes){(const uint8_t *)string, strlen(string)});
}

static void
commit(struct store_change *change)
{
    struct error err = {0};
    store_change_id_make(change->id);
    ck_assert_msg(store_commit(store, change, NULL, NULL, &err), "%s", err.message);
}

static void refuse(struct store_change *change, enum error_kind kind, const char *with)
{
    struct error err = {0};
    store_change_id_make(change->id);
    ck_assert(!store_commit(store, change, NULL, NULL, &err));
    ck_assert_msg(err.kind == kind && strstr(err.message, with), "kind %d: %s", err.kind,
                  err.message);
    ck_assert(!store_is_broken(store));
}

static struct store_inventory inventory_sample(const char *content)
{
    return (struct store_inventory){.source = STORE_SOURCE_FILE,
                                    .file = text_from("/etc/i.jsonc"),
                                    .file_digest = D(content),
                                    .text = text_from(content),
                                    .actor = text_from("root"),
                                    .at_ms = 1000};
}

static struct store_revision revision_sample(uint64_t number)
{
    return (struct store_revision){.number = number,
                                   .at_ms = 1000 + (int64_t)number,
                                   .actor = text_from("root"),
                                   .cause = text_from("start"),
                                   .inventory_digest = D("{}"),
                                   .overlays = text_from("{}")};
}

/* An inventory, revision 1, two zones on slots 0 and 1. */
static void commit_first(void)
{
    struct store_inventory inventory = inventory_sample("{}");
    struct store_revision revision = revision_sample(1);
    struct store_slot slots[] = {{.slot = 0, .serial = 100}, {.slot = 1, .serial = 4294967290}};
    struct store_zone zones[] = {{.name = T("a.example."), .slot = 0},
                                 {.name = T("b.example."), .slot = 1}};
    struct store_change change = {.revision = &revision,
                                  .inventory = &inventory,
                                  .slots = slots,
                                  .slot_count = 2,
                                  .zones = zones,
                                  .zone_count = 2};
    commit(&change);
}

/* -- what goes in comes out ---------------------------------------------------------------------
 */

START_TEST(a_new_store_is_empty_and_private)
{
    reopen();
    ck_assert_int_eq(state->inventory.id, 0);
    ck_assert_uint_eq(state->revision.number, 0);
    ck_assert_uint_eq(state->drain_count + state->weight_count + state->slot_count +
                          state->zone_count + state->retired_count + state->version_count,
                      0);
    ck_assert(!store_is_broken(store));

    static const char *const names[] = {"srvplan.db", "srvplan.db-wal", "ballast"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct stat info;
        ck_assert_msg(fstatat(directory, names[i], &info, 0) == 0, "%s", names[i]);
        ck_assert_msg((info.st_mode & 07777) == 0600, "%s: %o", names[i], info.st_mode);
    }
    ck_assert_int_ne(faccessat(directory, "srvplan.db-shm", F_OK, 0), 0);
}
END_TEST

START_TEST(an_inventory_comes_back_whole)
{
    reopen();
    struct store_inventory inventory = inventory_sample("{\"zones\":[\"\xc3\xa9\"]}");
    inventory.source = STORE_SOURCE_PUT;
    inventory.file_digest = D("the file");
    struct store_change change = {.inventory = &inventory};
    store_change_id_make(change.id);
    int64_t id = 0;
    struct error err = {0};
    ck_assert_msg(store_commit(store, &change, NULL, &id, &err), "%s", err.message);
    ck_assert_int_eq(id, 1);

    reopen();
    const struct store_inventory *got = &state->inventory;
    ck_assert_int_eq(got->id, 1);
    ck_assert_int_eq(got->source, STORE_SOURCE_PUT);
    ck_assert(text_is(got->file, "/etc/i.jsonc"));
    ck_assert(digest_equal(&got->file_digest, &inventory.file_digest));
    ck_assert(text_equal(got->text, inventory.text));
    ck_assert(text_is(got->actor, "root"));
    ck_assert_int_eq(got->at_ms, 1000);
}
END_TEST

START_TEST(the_newest_inventory_is_the_current_one)
{
    reopen();
    commit_first();
    struct store_inventory inventory = inventory_sample("{\"version\":2}");
    struct store_revision revision = revision_sample(2);
    struct store_change change = {.inventory = &inventory, .revision = &revision};
    commit(&change);
    reopen();
    ck_assert_int_eq(state->inventory.id, 2);
    ck_assert(text_equal(state->inventory.text, inventory.text));
    ck_assert_int_eq(state->revision.inventory_id, 2);
}
END_TEST

START_TEST(a_drain_comes_back_whole_and_is_replaced_by_id)
{
    reopen();
    struct store_drain drain = {.id = T("dr_1"),
                                .node = T("xmpp2"),
                                .services = T("xmpp-client xmpp-server"),
                                .actor = T("root"),
                                .reason = T("kernel"),
                                .override_reason = T("must"),
                                .mode = 2,
                                .to_ppb = 250000000,
                                .ramp_s = 600,
                                .ramp_steps = 4,
                                .is_lead_auto = true,
                                .since_at_ms = 5,
                                .until_at_ms = 6,
                                .served_at_ms = 7,
                                .revision = 1,
                                .version = 3};
    struct store_change change = {.drains = &drain, .drain_count = 1};
    commit(&change);
    reopen();
    ck_assert_uint_eq(state->drain_count, 1);
    const struct store_drain *got = &state->drains[0];
    ck_assert(text_is(got->id, "dr_1") && text_is(got->node, "xmpp2"));
    ck_assert(text_is(got->services, "xmpp-client xmpp-server"));
    ck_assert(text_is(got->actor, "root") && text_is(got->reason, "kernel"));
    ck_assert(text_is(got->override_reason, "must"));
    ck_assert_int_eq(got->mode, 2);
    ck_assert_uint_eq(got->to_ppb, 250000000);
    ck_assert_uint_eq(got->ramp_s, 600);
    ck_assert_uint_eq(got->ramp_steps, 4);
    ck_assert(got->is_lead_auto);
    ck_assert_int_eq(got->since_at_ms, 5);
    ck_assert_int_eq(got->until_at_ms, 6);
    ck_assert_int_eq(got->served_at_ms, 7);
    ck_assert_uint_eq(got->revision, 1);
    ck_assert_uint_eq(got->version, 3);
    ck_assert_uint_eq(got->ended_actor.len, 0);

    drain.ended_at_ms = clock_realtime_ms();
    drain.ended_actor = T("expiry");
    drain.clear_at_ms = 9;
    drain.ended_revision = 2;
    drain.version = 4;
    commit(&change);
    reopen();
    ck_assert_uint_eq(state->drain_count, 1);
    got = &state->drains[0];
    ck_assert_int_eq(got->ended_at_ms, drain.ended_at_ms);
    ck_assert(text_is(got->ended_actor, "expiry"));
    ck_assert_int_eq(got->clear_at_ms, 9);
    ck_assert_uint_eq(got->ended_revision, 2);
    ck_assert_uint_eq(got->version, 4);
}
END_TEST

/* Days ago that a drain ended or a version retired; < 0: it has not. */
static const struct {
    const char *label;
    int days_ago;
    bool is_read;
} ages[] = {
    {.label = "in force", .days_ago = -1, .is_read = true},
    {.label = "six days over", .days_ago = 6, .is_read = true},
    {.label = "eight days over", .days_ago = 8, .is_read = false},
};

START_TEST(what_is_over_for_a_week_is_not_read)
{
    reopen();
    int64_t over_at_ms = ages[_i].days_ago < 0
                             ? 0
                             : clock_realtime_ms() - ages[_i].days_ago * INT64_C(24) * 3600 * 1000;
    struct store_drain drain = {.id = T("dr_1"),
                                .node = T("n"),
                                .actor = T("root"),
                                .reason = T("r"),
                                .ended_at_ms = over_at_ms,
                                .version = 1};
    struct store_set_version version = {.key = D("k"),
                                        .label = T("l"),
                                        .first_revision = 1,
                                        .last_revision = over_at_ms ? 2 : 0,
                                        .retired_at_ms = over_at_ms};
    struct store_change change = {
        .drains = &drain, .drain_count = 1, .versions = &version, .version_count = 1};
    commit(&change);
    reopen();
    ck_assert_msg(state->drain_count == ages[_i].is_read, "%s", ages[_i].label);
    ck_assert_msg(state->version_count == ages[_i].is_read, "%s", ages[_i].label);
}
END_TEST

START_TEST(windows_and_their_openings_are_put_replaced_and_removed)
{
    struct digest key = D("a secret");
    struct store_window windows[] = {{.id = T("b"),
                                      .body = T("{}"),
                                      .actor = T("ops"),
                                      .reason = T("kernel"),
                                      .created_at_ms = 1,
                                      .since_at_ms = 2,
                                      .version = 1},
                                     {.id = T("a"), .body = T("{}"), .version = 7}};
    struct store_opening openings[] = {
        {.window = T("b"), .opens_at_ms = 20, .change = 1, .at_ms = 25, .actor = T("ops")},
        {.window = T("b"), .opens_at_ms = 10, .reason = T("freeze")}};
    struct store_change change = {.windows = windows,
                                  .window_count = 2,
                                  .openings = openings,
                                  .opening_count = 2,
                                  .calendar_key = &key};
    reopen();
    ck_assert(!state->has_calendar_key);
    commit(&change);
    windows[0].body = T("{\"serial\":true}");
    windows[0].ended_at_ms = 30;
    windows[0].version = 2;
    change = (struct store_change){.windows = windows, .window_count = 1};
    commit(&change);
    reopen();
    ck_assert_uint_eq(state->window_count, 2);
    ck_assert(text_is(state->windows[0].id, "a") && text_is(state->windows[1].id, "b"));
    ck_assert(text_is(state->windows[1].body, "{\"serial\":true}"));
    ck_assert(text_is(state->windows[1].reason, "kernel"));
    ck_assert_int_eq(state->windows[1].since_at_ms, 2);
    ck_assert_int_eq(state->windows[1].ended_at_ms, 30);
    ck_assert_uint_eq(state->windows[1].version, 2);
    ck_assert_uint_eq(state->opening_count, 2);
    ck_assert_int_eq(state->openings[0].opens_at_ms, 10);
    ck_assert_int_eq(state->openings[1].change, 1);
    ck_assert_int_eq(state->openings[1].at_ms, 25);
    ck_assert(state->has_calendar_key && digest_equal(&state->calendar_key, &key));
    struct text gone = T("b");
    /* What is removed goes before what is put: another window may take the name. */
    struct store_change removal = {.windows_removed = &gone,
                                   .windows_removed_count = 1,
                                   .windows = &windows[1],
                                   .window_count = 1,
                                   .openings_removed = openings,
                                   .openings_removed_count = 1};
    windows[1].id = gone;
    commit(&removal);
    reopen();
    ck_assert_uint_eq(state->window_count, 2);
    ck_assert_uint_eq(state->windows[1].version, 7);
    ck_assert_uint_eq(state->opening_count, 1);
}
END_TEST

START_TEST(weights_are_put_replaced_and_removed)
{
    reopen();
    struct store_weight weights[] = {
        {.node = T("b"),
         .service = T("*"),
         .form = 1,
         .value = 50,
         .actor = T("root"),
         .reason = T("hot"),
         .since_at_ms = 5,
         .until_at_ms = 6},
        {.node = T("a"), .service = T("xmpp-client"), .form = 2, .value = -10, .actor = T("ann")},
    };
    struct store_change change = {.weights = weights, .weight_count = 2};
    commit(&change);
    weights[0].value = 30;
    change.weight_count = 1;
    commit(&change);
    reopen();
    ck_assert_uint_eq(state->weight_count, 2);
    ck_assert(text_is(state->weights[0].node, "a") && text_is(state->weights[1].node, "b"));
    ck_assert_int_eq(state->weights[0].value, -10);
    ck_assert_int_eq(state->weights[0].form, 2);
    ck_assert_int_eq(state->weights[1].value, 30);
    ck_assert(text_is(state->weights[1].reason, "hot"));
    ck_assert_int_eq(state->weights[1].until_at_ms, 6);

    struct store_change removal = {.weights_removed = weights, .weights_removed_count = 1};
    commit(&removal);
    commit(&removal); /* twice is as good as once */
    reopen();
    ck_assert_uint_eq(state->weight_count, 1);
    ck_assert(text_is(state->weights[0].node, "a"));
}
END_TEST

START_TEST(revisions_come_in_order_and_know_when_they_were_served)
{
    reopen();
    commit_first();
    struct store_revision second = revision_sample(2), third = revision_sample(3);
    second.inventory_id = third.inventory_id = 1;
    second.overlays = T("{\"drains\":[]}");
    struct store_change change = {.revision = &second};
    commit(&change);
    change.revision = &third;
    commit(&change);
    struct store_change served = {.served_revision = 2, .served_at_ms = 77};
    commit(&served);
    served.served_at_ms = 99; /* handed over again: the first time counts */
    commit(&served);

    reopen();
    ck_assert_uint_eq(state->revision.number, 3);
    ck_assert_uint_eq(state->served_revision, 2);
    struct arena arena = {0};
    struct store_revision *rows = NULL;
    size_t count = 0;
    struct error err = {0};
    ck_assert_msg(store_revisions(store, &arena, 0, 2, &rows, &count, &err), "%s", err.message);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(rows[0].number, 3);
    ck_assert_uint_eq(rows[1].number, 2);
    ck_assert_int_eq(rows[1].served_at_ms, 77);
    ck_assert(text_is(rows[1].overlays, "{\"drains\":[]}"));
    ck_assert_int_eq(rows[1].inventory_id, 1);
    ck_assert(store_revisions(store, &arena, 2, 100, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(rows[0].number, 1);
    arena_fini(&arena);
}
END_TEST

START_TEST(a_revision_has_the_drains_that_were_in_force)
{
    reopen();
    commit_first();
    struct store_revision second = revision_sample(2), third = revision_sample(3);
    second.inventory_id = third.inventory_id = 1;
    struct store_drain drain = {
        .id = T("dr_1"), .node = T("xmpp1"), .services = T(""), .revision = 2};
    struct store_change change = {.revision = &second, .drains = &drain, .drain_count = 1};
    commit(&change);
    drain.ended_at_ms = 9;
    drain.ended_revision = 3;
    change.revision = &third;
    commit(&change);

    static const size_t drains[] = {0, 0, 1, 0}; /* by revision */
    struct arena arena = {0};
    struct error err = {0};
    struct store_past past;
    for (uint64_t number = 1; number <= 3; number++) {
        ck_assert_msg(store_past(store, &arena, number, &past, &err), "%s", err.message);
        ck_assert_uint_eq(past.revision.number, number);
        ck_assert_int_eq(past.inventory.id, 1);
        ck_assert_uint_gt(past.inventory.text.len, 0);
        ck_assert_uint_eq(past.drain_count, drains[number]);
    }
    ck_assert(!store_past(store, &arena, 4, &past, &err));
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    arena_fini(&arena);
}
END_TEST

START_TEST(set_versions_get_ids_and_are_updated)
{
    reopen();
    struct store_set_version versions[] = {
        {.key = D("k1"),
         .label = T("example.org/xmpp-client"),
         .first_revision = 1,
         .ttl_s = 300,
         .nodes = T("a b")},
        {.key = D("k2"), .label = T("example.org/xmpp-server"), .first_revision = 1, .ttl_s = 60},
    };
    struct store_change change = {.versions = versions, .version_count = 2};
    int64_t ids[2] = {0};
    struct error err = {0};
    store_change_id_make(change.id);
    ck_assert_msg(store_commit(store, &change, ids, NULL, &err), "%s", err.message);
    ck_assert_int_gt(ids[0], 0);
    ck_assert_int_gt(ids[1], ids[0]);

    versions[0].id = ids[0];
    versions[0].last_revision = 2;
    versions[0].last_served_s = 1790000000;
    change.version_count = 1;
    commit(&change);
    reopen();
    ck_assert_uint_eq(state->version_count, 2);
    const struct store_set_version *got = &state->versions[0];
    ck_assert_int_eq(got->id, ids[0]);
    ck_assert(digest_equal(&got->key, &versions[0].key));
    ck_assert(text_is(got->label, "example.org/xmpp-client") && text_is(got->nodes, "a b"));
    ck_assert_uint_eq(got->first_revision, 1);
    ck_assert_uint_eq(got->last_revision, 2);
    ck_assert_uint_eq(got->ttl_s, 300);
    ck_assert_int_eq(got->last_served_s, 1790000000);
    ck_assert_int_eq(state->versions[1].id, ids[1]);
}
END_TEST

/* -- serials ------------------------------------------------------------------------------------
 */

START_TEST(zones_are_replaced_as_a_list_and_retired_ones_keep_their_serial)
{
    reopen();
    commit_first();
    reopen();
    ck_assert_uint_eq(state->zone_count, 2);
    ck_assert(text_is(state->zones[1].name, "b.example."));
    ck_assert_uint_eq(state->zones[1].slot, 1);
    ck_assert_uint_eq(state->zones[1].serial, 4294967290);

    struct store_slot slot = {.slot = 0, .serial = 101};
    struct store_zone zone = {.name = T("a.example."), .slot = 0};
    struct store_zone gone = {.name = T("b.example."), .serial = 4294967290};
    struct store_change change = {.slots = &slot,
                                  .slot_count = 1,
                                  .zones = &zone,
                                  .zone_count = 1,
                                  .retired = &gone,
                                  .retired_count = 1};
    commit(&change);
    reopen();
    ck_assert_uint_eq(state->zone_count, 1);
    ck_assert_uint_eq(state->slot_count, 1);
    ck_assert_uint_eq(state->retired_count, 1);
    ck_assert(text_is(state->retired[0].name, "b.example."));
    ck_assert_uint_eq(state->retired[0].serial, 4294967290);

    struct store_slot slots[] = {{.slot = 0, .serial = 101}, {.slot = 1, .serial = 3}};
    struct store_zone both[] = {{.name = T("a.example."), .slot = 0},
                                {.name = T("b.example."), .slot = 1}};
    struct store_change back = {.slots = slots, .slot_count = 2, .zones = both, .zone_count = 2};
    commit(&back); /* 3 is ahead of 4294967290 (RFC 1982) */
    reopen();
    ck_assert_uint_eq(state->retired_count, 0);
    ck_assert_uint_eq(state->zone_count, 2);
}
END_TEST

/* Slots 0 and 1 stand at 100 and 4294967290. */
static const struct {
    const char *label;
    uint32_t slot, serial;
    bool with_zones;
    const char *refused_with;
} serials[] = {
    {.label = "ahead", .slot = 0, .serial = 101},
    {.label = "the same", .slot = 0, .serial = 100},
    {.label = "behind", .slot = 0, .serial = 99, .refused_with = "serial would go back"},
    {.label = "half the circle",
     .slot = 0,
     .serial = 100u + 2147483648,
     .refused_with = "serial would go back"},
    {.label = "just less than that", .slot = 0, .serial = 100u + 2147483647},
    {.label = "over the end", .slot = 1, .serial = 2},
    {.label = "behind, over the end",
     .slot = 1,
     .serial = 2147483642,
     .refused_with = "serial would go back"},
    {.label = "a list, ahead", .slot = 0, .serial = 101, .with_zones = true},
    {.label = "a list, behind",
     .slot = 0,
     .serial = 99,
     .with_zones = true,
     .refused_with = "a.example.: its serial would go back from 100 to 99"},
};

START_TEST(no_serial_goes_back)
{
    reopen();
    commit_first();
    struct store_slot slots[] = {{.slot = 0, .serial = 100}, {.slot = 1, .serial = 4294967290}};
    struct store_zone zones[] = {{.name = T("a.example."), .slot = 0},
                                 {.name = T("b.example."), .slot = 1}};
    slots[serials[_i].slot].serial = serials[_i].serial;
    struct store_change change = {.slots = slots, .slot_count = 2};
    if (serials[_i].with_zones) {
        change.zones = zones;
        change.zone_count = 2;
    }
    struct error err = {0};
    store_change_id_make(change.id);
    bool ok = store_commit(store, &change, NULL, NULL, &err);
    ck_assert_msg(ok == !serials[_i].refused_with, "%s: %s", serials[_i].label, err.message);
    ck_assert_msg(ok || strstr(err.message, serials[_i].refused_with), "%s: %s", serials[_i].label,
                  err.message);
    reopen();
    ck_assert_uint_eq(state->zone_count, 2);
    ck_assert_uint_eq(state->slots[serials[_i].slot].serial, ok                 ? serials[_i].serial
                                                             : serials[_i].slot ? 4294967290
                                                                                : 100);
}
END_TEST

START_TEST(a_retired_zone_does_not_come_back_with_an_older_serial)
{
    reopen();
    commit_first();
    struct store_slot slots[] = {{.slot = 0, .serial = 100}, {.slot = 1, .serial = 7}};
    struct store_zone zones[] = {{.name = T("a.example."), .slot = 0},
                                 {.name = T("c.example."), .slot = 1}};
    struct store_zone gone = {.name = T("b.example."), .serial = 4294967290};
    struct store_change change = {.slots = slots,
                                  .slot_count = 2,
                                  .zones = zones,
                                  .zone_count = 2,
                                  .retired = &gone,
                                  .retired_count = 1};
    commit(&change);
    zones[1].name = T("b.example.");
    slots[1].serial = 4294967289;
    change.retired_count = 0;
    refuse(&change, ERROR_INVALID, "b.example.: its serial would go back");
}
END_TEST

/* -- what is refused ----------------------------------------------------------------------------
 */

START_TEST(a_revision_must_follow_the_last)
{
    reopen();
    commit_first();
    static const uint64_t numbers[] = {0, 1, 3, UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct store_revision revision = revision_sample(numbers[i]);
        revision.inventory_id = 1;
        struct store_change change = {.revision = &revision};
        refuse(&change, ERROR_CONFLICT, "does not follow 1");
    }
}
END_TEST

START_TEST(a_refused_change_leaves_nothing)
{
    reopen();
    commit_first();
    struct store_revision revision = revision_sample(2);
    revision.inventory_id = 1;
    struct store_drain drain = {
        .id = T("dr_1"), .node = T("n"), .actor = T("a"), .reason = T("r"), .version = 1};
    struct store_set_version version = {.id = 999, .key = D("k"), .label = T("l")};
    struct store_change change = {.revision = &revision,
                                  .drains = &drain,
                                  .drain_count = 1,
                                  .versions = &version,
                                  .version_count = 1};
    refuse(&change, ERROR_NOT_FOUND, "set version 999");
    struct store_change served = {.served_revision = 2, .served_at_ms = 1};
    refuse(&served, ERROR_NOT_FOUND, "revision 2 is not");
    struct store_revision orphan = revision_sample(2);
    struct store_change without = {.revision = &orphan}; /* inventory 0 */
    refuse(&without, ERROR_INVALID, "FOREIGN KEY");
    change.version_count = 0;
    commit(&change); /* number 2 is still free */
    reopen();
    ck_assert_uint_eq(state->revision.number, 2);
    ck_assert_uint_eq(state->drain_count, 1);
}
END_TEST

START_TEST(one_change_is_not_stored_twice)
{
    reopen();
    struct store_audit audit = {.at_ms = 1,
                                .actor = T("root"),
                                .source = T("s"),
                                .action = T("a"),
                                .object = T("o"),
                                .detail = T("d")};
    struct store_change change = {.audit = &audit, .audit_count = 1};
    commit(&change);
    struct error err = {0};
    ck_assert(!store_commit(store, &change, NULL, NULL, &err));
    ck_assert_msg(strstr(err.message, "UNIQUE"), "%s", err.message);
}
END_TEST

START_TEST(change_ids_are_hexadecimal_and_differ)
{
    char a[STORE_CHANGE_ID_SIZE], b[STORE_CHANGE_ID_SIZE];
    store_change_id_make(a);
    store_change_id_make(b);
    ck_assert_uint_eq(strspn(a, "0123456789abcdef"), 32);
    ck_assert_uint_eq(strlen(a), 32);
    ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(a_second_store_of_the_same_directory_is_refused_until_the_first_is_closed)
{
    reopen();
    const struct store_state *other = NULL;
    struct error err = {0};
    ck_assert_ptr_null(store_open(directory, path, &other, &err));
    ck_assert_int_eq(err.kind, ERROR_CONFLICT);
    ck_assert_msg(strstr(err.message, "another srvpland uses this state directory"), "%s",
                  err.message);
    ck_assert_ptr_null(other);
    reopen();
}
END_TEST

/* -- ballast and log ----------------------------------------------------------------------------
 */

START_TEST(the_ballast_is_real_and_comes_back_with_the_next_commit)
{
    reopen();
    struct stat info;
    ck_assert_int_eq(fstatat(directory, "ballast", &info, 0), 0);
    ck_assert_int_eq(info.st_size, STORE_BALLAST_BYTES);
    ck_assert_int_ge(info.st_blocks * 512, STORE_BALLAST_BYTES); /* no holes */
    ck_assert(store_drop_ballast(store));
    ck_assert(!store_drop_ballast(store));
    ck_assert_int_ne(faccessat(directory, "ballast", F_OK, 0), 0);
    commit_first();
    ck_assert_int_eq(faccessat(directory, "ballast", F_OK, 0), 0);
}
END_TEST

START_TEST(half_a_ballast_is_laid_anew_at_the_start)
{
    reopen();
    store_close(store);
    store = NULL;
    int fd = openat(directory, "ballast", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(ftruncate(fd, 1000), 0);
    close(fd);
    reopen();
    struct stat info;
    ck_assert_int_eq(fstatat(directory, "ballast", &info, 0), 0);
    ck_assert_int_eq(info.st_size, STORE_BALLAST_BYTES);
}
END_TEST

/* Bytes of the write-ahead log. */
static int64_t log_bytes(void)
{
    struct stat info;
    return fstatat(directory, "srvplan.db-wal", &info, 0) == 0 ? info.st_size : 0;
}

START_TEST(the_log_is_checkpointed_and_stays_small)
{
    reopen();
    enum {
        BIG = 6 * 1024 * 1024
    };
    char *big = malloc(BIG);
    memset(big, 'x', BIG);
    struct store_inventory inventory = inventory_sample("{}");
    inventory.text = (struct text){big, BIG};
    struct store_change change = {.inventory = &inventory};
    for (int i = 0; i < 3; i++) {
        commit(&change);
        /* 6 MiB passed 1000 pages: they are in srvplan.db now. */
        struct stat info;
        ck_assert_int_eq(fstatat(directory, "srvplan.db", &info, 0), 0);
        ck_assert_int_gt(info.st_size, (i + 1) * (int64_t)BIG);
        ck_assert_int_lt(log_bytes(), 2 * BIG);
    }
    free(big);
    reopen();
    ck_assert_int_eq(log_bytes(), 0);
    ck_assert_uint_eq(state->inventory.text.len, BIG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *tcase = tcase_create("store");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_new_store_is_empty_and_private);
    tcase_add_test(tcase, an_inventory_comes_back_whole);
    tcase_add_test(tcase, the_newest_inventory_is_the_current_one);
    tcase_add_test(tcase, a_drain_comes_back_whole_and_is_replaced_by_id);
    tcase_add_loop_test(tcase, what_is_over_for_a_week_is_not_read, 0, COUNT_OF(ages));
    tcase_add_test(tcase, weights_are_put_replaced_and_removed);
    tcase_add_test(tcase, windows_and_their_openings_are_put_replaced_and_removed);
    tcase_add_test(tcase, revisions_come_in_order_and_know_when_they_were_served);
    tcase_add_test(tcase, a_revision_has_the_drains_that_were_in_force);
    tcase_add_test(tcase, set_versions_get_ids_and_are_updated);
    tcase_add_test(tcase, zones_are_replaced_as_a_list_and_retired_ones_keep_their_serial);
    tcase_add_loop_test(tcase, no_serial_goes_back, 0, COUNT_OF(serials));
    tcase_add_test(tcase, a_retired_zone_does_not_come_back_with_an_older_serial);
    tcase_add_test(tcase, a_revision_must_follow_the_last);
    tcase_add_test(tcase, a_refused_change_leaves_nothing);
    tcase_add_test(tcase, one_change_is_not_stored_twice);
    tcase_add_test(tcase, change_ids_are_hexadecimal_and_differ);
    tcase_add_test(tcase,
                   a_second_store_of_the_same_directory_is_refused_until_the_first_is_closed);
    tcase_add_test(tcase, the_ballast_is_real_and_comes_back_with_the_next_commit);
    tcase_add_test(tcase, half_a_ballast_is_laid_anew_at_the_start);
    tcase_add_test(tcase, the_log_is_checkpointed_and_stays_small);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

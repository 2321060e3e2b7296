/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes when revisions are no longer kept, and what stays. */
#include "api/store/audit.h"

#include <check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zones/base/file.h"

#define DAY_MS INT64_C(86400000)

static char path[64];
static int directory = -1;
static struct store *store;
static const struct store_state *state;

static void reopen(uint32_t kept)
{
    struct error err = {0};
    store_close(store);
    store = store_open(directory, path, &state, &err);
    ck_assert_msg(store != NULL, "%s", err.message);
    store_keep(store, kept);
}

static void setup(void)
{
    strcpy(path, "/tmp/srvplan-kept-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    reopen(0);
}

static void teardown(void)
{
    static const char *const names[] = {"srvplan.db", "srvplan.db-wal", "ballast"};
    store_close(store);
    store = NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlinkat(directory, names[i], 0);
    fd_close(&directory);
    ck_assert_int_eq(rmdir(path), 0);
}

/* A number out of the closed store. */
static int64_t ask(const char *sql)
{
    char file[96];
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    store_close(store);
    store = NULL;
    snprintf(file, sizeof file, "%s/srvplan.db", path);
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return number;
}

static struct text T(const char *string) {
    return text_from(string);
}

/* Revision `number`, a day after the one before; `has_inventory`: with an inventory of its own. */
static void
publish(uint64_t number, bool has_inventory, bool is_served)
{
    static int64_t inventory_id;
    struct error err = {0};
    struct store_inventory inventory = {.text = T("{}"), .actor = T("root"), .at_ms = 1};
    struct store_revision revision = {.number = number,
                                      .at_ms = (int64_t)number * DAY_MS,
                                      .actor = T("root"),
                                      .cause = T("test"),
                                      .inventory_id = inventory_id,
                                      .overlays = T("{}")};
    struct store_change change = {.revision = &revision,
                                  .inventory = has_inventory ? &inventory : NULL,
                                  .served_revision = is_served ? number : 0,
                                  .served_at_ms = 1};
    store_change_id_make(change.id);
    ck_assert_msg(store_commit(store, &change, NULL, &inventory_id, &err), "%s", err.message);
}

START_TEST(the_newest_are_kept_with_their_inventories)
{
    reopen(10);
    for (uint64_t number = 1; number <= 30; number++)
        publish(number, number % 4 == 1, true); /* inventories at 1, 5, … 29 */
    ck_assert_int_eq(ask("SELECT count(*) FROM revisions"), 10);
    ck_assert_int_eq(ask("SELECT min(number) FROM revisions"), 21);
    ck_assert_int_eq(ask("SELECT count(*) FROM inventories"), 3); /* of 21, 25, 29 */
    ck_assert_int_eq(ask("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    reopen(10);
    struct arena arena = {0};
    struct store_past past;
    struct error err = {0};
    ck_assert(store_past(store, &arena, 21, &past, &err));
    ck_assert(text_is(past.inventory.text, "{}"));
    ck_assert(!store_past(store, &arena, 20, &past, &err));
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    arena_fini(&arena);
    publish(31, false, true); /* numbers go on */
}
END_TEST

START_TEST(without_a_limit_all_are_kept)
{
    for (uint64_t number = 1; number <= 30; number++)
        publish(number, number == 1, true);
    ck_assert_int_eq(ask("SELECT count(*) FROM revisions"), 30);
}
END_TEST

START_TEST(what_dnsd_serves_is_kept)
{
    reopen(3);
    for (uint64_t number = 1; number <= 20; number++)
        publish(number, number == 1 || number == 12, number <= 5);
    ck_assert_int_eq(ask("SELECT min(number) FROM revisions"), 5);
    ck_assert_int_eq(ask("SELECT count(*) FROM inventories"), 2);
    reopen(3);
    publish(21, false, true);
    ck_assert_int_eq(ask("SELECT count(*) FROM revisions"), 3);
    ck_assert_int_eq(ask("SELECT count(*) FROM inventories"), 1);
}
END_TEST

START_TEST(a_limit_that_was_lowered_by_much_goes_in_parts)
{
    for (uint64_t number = 1; number <= 500; number++)
        publish(number, number == 1, true);
    reopen(10);
    publish(501, false, true);
    ck_assert_int_eq(ask("SELECT count(*) FROM revisions"), 301);
    reopen(10);
    publish(502, false, true);
    publish(503, false, true);
    ck_assert_int_eq(ask("SELECT count(*) FROM revisions"), 10);
}
END_TEST

static void drain(const char *id, uint64_t revision, uint64_t ended_revision)
{
    struct error err = {0};
    struct store_drain row = {.id = T(id),
                              .node = T("a"),
                              .revision = revision,
                              .since_at_ms = 1,
                              .ended_revision = ended_revision,
                              .ended_at_ms = (int64_t)ended_revision * DAY_MS,
                              .version = 1};
    struct store_set_version version = {.label = T("x/y"),
                                        .first_revision = revision,
                                        .last_revision = ended_revision,
                                        .retired_at_ms = row.ended_at_ms};
    struct store_change change = {
        .drains = &row, .drain_count = 1, .versions = &version, .version_count = 1};
    store_change_id_make(change.id);
    ck_assert_msg(store_commit(store, &change, NULL, NULL, &err), "%s", err.message);
}

START_TEST(drains_go_when_no_revision_needs_them_and_a_week_has_passed)
{
    reopen(5);
    publish(1, true, true);
    drain("dr_old", 1, 2);
    drain("dr_of_a_kept_revision", 1, 27);
    drain("dr_of_this_week", 1, 26);
    drain("dr_active", 1, 0);
    for (uint64_t number = 2; number <= 30; number++)
        publish(number, false, true);
    ck_assert_int_eq(ask("SELECT count(*) FROM drains"), 3);
    ck_assert_int_eq(ask("SELECT count(*) FROM drains WHERE id = 'dr_old'"), 0);
    ck_assert_int_eq(ask("SELECT count(*) FROM set_versions"), 3);
    reopen(5);
    for (uint64_t number = 31; number <= 40; number++)
        publish(number, false, true);
    ck_assert_int_eq(ask("SELECT count(*) FROM drains"), 1);
    ck_assert_int_eq(ask("SELECT count(*) FROM drains WHERE id = 'dr_active'"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_retention");
    TCase *tcase = tcase_create("store_retention");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_newest_are_kept_with_their_inventories);
    tcase_add_test(tcase, without_a_limit_all_are_kept);
    tcase_add_test(tcase, what_dnsd_serves_is_kept);
    tcase_add_test(tcase, a_limit_that_was_lowered_by_much_goes_in_parts);
    tcase_add_test(tcase, drains_go_when_no_revision_needs_them_and_a_week_has_passed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

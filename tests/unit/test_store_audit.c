/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit: what goes in comes out, and whoever touches it is found out. */
#include "api/view/audit.h"

#include <check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zones/base/file.h"

enum {
    LINES = 5
};

static char path[64];
static int directory = -1;
static struct store *store;
static struct arena arena;

static void open_store(void)
{
    const struct store_state *state = NULL;
    struct error err = {0};
    store = store_open(directory, path, &state, &err);
    ck_assert_msg(store != NULL, "%s", err.message);
}

static void shut_store(void)
{
    store_close(store);
    store = NULL;
}

static void setup(void)
{
    strcpy(path, "/tmp/srvplan-audit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    open_store();
}

static void teardown(void)
{
    static const char *const names[] = {"srvplan.db", "srvplan.db-wal", "ballast"};
    shut_store();
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlinkat(directory, names[i], 0);
    arena_fini(&arena);
    fd_close(&directory);
    ck_assert_int_eq(rmdir(path), 0);
}

static struct text T(const char *string) {
    return text_from(string);
}

static void
write_line(int64_t at_ms, const char *actor, const char *object)
{
    struct store_audit line = {.at_ms = at_ms,
                               .actor = T(actor),
                               .source = T("socket uid 0"),
                               .action = T("drain"),
                               .object = T(object),
                               .detail = T("kernel"),
                               .before = T("{\"version\":1}"),
                               .after = T("{\"version\":2}")};
    struct store_change change = {.audit = &line, .audit_count = 1};
    struct error err = {0};
    store_change_id_make(change.id);
    ck_assert_msg(store_commit(store, &change, NULL, NULL, &err), "%s", err.message);
}

static void write_lines(void)
{
    for (int i = 1; i <= LINES; i++)
        write_line(i, i % 2 ? "ann" : "bob", i < 4 ? "dr_1" : "dr_2");
}

static struct store_audit_verdict verify(struct store_audit_head from, size_t limit)
{
    struct store_audit_verdict verdict;
    struct error err = {0};
    ck_assert_msg(store_audit_verify(store, &from, limit, &verdict, &err), "%s", err.message);
    return verdict;
}

static size_t list(struct store_audit_filter filter, struct store_audit_row **rows)
{
    size_t count = 0;
    struct error err = {0};
    ck_assert_msg(store_audit_list(store, &arena, &filter, rows, &count, &err), "%s", err.message);
    return count;
}

START_TEST(a_line_comes_back_whole)
{
    struct store_audit_row *rows = NULL;
    write_lines();
    ck_assert_uint_eq(list((struct store_audit_filter){.limit = 10}, &rows), LINES);
    ck_assert_int_eq(rows[0].id, LINES);
    ck_assert_int_eq(rows[0].line.at_ms, LINES);
    ck_assert(text_is(rows[0].line.actor, "ann") && text_is(rows[0].line.object, "dr_2"));
    ck_assert(text_is(rows[0].line.source, "socket uid 0") &&
              text_is(rows[0].line.action, "drain"));
    ck_assert(text_is(rows[0].line.detail, "kernel") && text_is(rows[0].line.outcome, "done"));
    ck_assert(text_is(rows[0].line.before, "{\"version\":1}"));
    ck_assert(text_is(rows[0].line.after, "{\"version\":2}"));
    struct store_audit_head head = store_audit_head(store);
    ck_assert(head.id == rows[0].id && digest_equal(&head.hash, &rows[0].hash));
    ck_assert(!digest_equal(&rows[0].hash, &rows[1].hash));
}
END_TEST

static const struct {
    const char *label;
    const char *actor, *object;
    int64_t since_ms, before;
    size_t limit;
    const char *ids;
} filters[] = {
    {"all", "", "", 0, 0, 10, "54321"},
    {"the newest two", "", "", 0, 0, 2, "54"},
    {"the next two", "", "", 0, 4, 2, "32"},
    {"of an actor", "bob", "", 0, 0, 10, "42"},
    {"of an object", "", "dr_1", 0, 0, 10, "321"},
    {"of both", "ann", "dr_1", 0, 0, 10, "31"},
    {"of both, the next page", "ann", "dr_1", 0, 3, 10, "1"},
    {"since an instant", "", "", 4, 0, 10, "54"},
    {"of an object since an instant", "", "dr_1", 3, 0, 10, "3"},
    {"of nobody", "eve", "", 0, 0, 10, ""},
};

START_TEST(filters_and_pages)
{
    struct store_audit_row *rows = NULL;
    char ids[LINES + 1] = "";
    write_lines();
    size_t count = list((struct store_audit_filter){T(filters[_i].actor), T(filters[_i].object),
                                                    filters[_i].since_ms, filters[_i].before,
                                                    filters[_i].limit},
                        &rows);
    for (size_t i = 0; i < count; i++)
        ids[i] = (char)('0' + rows[i].id);
    ck_assert_msg(strcmp(ids, filters[_i].ids) == 0, "%s: %s", filters[_i].label, ids);
}
END_TEST

START_TEST(an_untouched_audit_holds_whole_and_in_parts_also_after_a_restart)
{
    struct store_audit_head from = {0};
    ck_assert(verify(from, 10).is_end);
    write_lines();
    for (int i = 0; i < 2; i++) {
        struct store_audit_verdict whole = verify((struct store_audit_head){0}, 100);
        ck_assert_msg(!whole.broken_id && whole.is_end && whole.checked == LINES, "%s", whole.what);
        shut_store();
        open_store();
    }
    int64_t checked = 0;
    struct store_audit_verdict part;
    do {
        part = verify(from, 2);
        ck_assert_msg(!part.broken_id, "%s", part.what);
        checked += part.checked;
        from = part.last;
    } while (!part.is_end);
    ck_assert_int_eq(checked, LINES);
    write_line(9, "ann", "dr_3");
    part = verify(from, 100);
    ck_assert_msg(!part.broken_id && part.checked == 1, "%s", part.what);
}
END_TEST

#define UNLOCK "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted; "

static const struct {
    const char *label, *sql;
    int64_t broken_id;
    const char *what;
} tamperings[] = {
    {"id", "UPDATE audit SET id = 9 WHERE id = 5", 5, "missing"},
    {"at", "UPDATE audit SET at_ms = at_ms + 1 WHERE id = 3", 3, "altered"},
    {"revision", "UPDATE audit SET revision = 7 WHERE id = 3", 3, "altered"},
    {"actor", "UPDATE audit SET actor = 'eve' WHERE id = 1", 1, "altered"},
    {"source", "UPDATE audit SET source = '' WHERE id = 3", 3, "altered"},
    {"action", "UPDATE audit SET action = 'undrain' WHERE id = 3", 3, "altered"},
    {"object", "UPDATE audit SET object = 'dr_9' WHERE id = 3", 3, "altered"},
    {"detail", "UPDATE audit SET detail = 'kernel ' WHERE id = 3", 3, "altered"},
    {"outcome", "UPDATE audit SET outcome = 'guard' WHERE id = 3", 3, "altered"},
    {"before", "UPDATE audit SET before = '' WHERE id = 3", 3, "altered"},
    {"after", "UPDATE audit SET after = '{}' WHERE id = 5", 5, "altered"},
    {"a byte moves to the next text",
     "UPDATE audit SET actor = 'an', source = 'n' || source WHERE id = 3", 3, "altered"},
    {"hash", "UPDATE audit SET hash = zeroblob(32) WHERE id = 3", 3, "altered"},
    {"taken out", "DELETE FROM audit WHERE id = 3", 3, "missing"},
    {"the first is gone", "DELETE FROM audit WHERE id = 1", 1, "missing"},
    {"taken out and renumbered",
     "DELETE FROM audit WHERE id = 3; UPDATE audit SET id = 3 WHERE id = 4;"
     "UPDATE audit SET id = 4 WHERE id = 5; UPDATE sqlite_sequence SET seq = 4",
     3, "altered"},
    {"swapped",
     "UPDATE audit SET id = 9 WHERE id = 2; UPDATE audit SET id = 2 WHERE id = 3;"
     "UPDATE audit SET id = 3 WHERE id = 9",
     2, "altered"},
    {"the last is cut off", "DELETE FROM audit WHERE id = 5", 5, "cut off"},
    {"all are cut off", "DELETE FROM audit", 1, "cut off"},
};

static void tamper(const char *sql)
{
    char file[96];
    sqlite3 *db = NULL;
    shut_store();
    snprintf(file, sizeof file, "%s/srvplan.db", path);
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, UNLOCK, NULL, NULL, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(db));
    sqlite3_close(db);
    open_store();
}

START_TEST(whoever_touches_it_is_found_out)
{
    write_lines();
    tamper(tamperings[_i].sql);
    for (int i = 0; i < 2; i++) { /* nor does the next line hide it */
        struct store_audit_verdict verdict = verify((struct store_audit_head){0}, 100);
        ck_assert_msg(verdict.broken_id == tamperings[_i].broken_id &&
                          strstr(verdict.what, i ? "" : tamperings[_i].what),
                      "%s: %lld %s", tamperings[_i].label, (long long)verdict.broken_id,
                      verdict.what);
        write_line(10, "ann", "dr_3");
    }
}
END_TEST

/* Whoever has the file can compute all anew; not what was noted elsewhere. */
START_TEST(a_cut_end_shows_against_a_head_that_was_noted)
{
    char noted[AUDIT_HEAD_SIZE];
    struct store_audit_head head;
    write_lines();
    head = store_audit_head(store);
    audit_head_print(&head, noted);
    tamper("DELETE FROM audit WHERE id >= 4; UPDATE sqlite_sequence SET seq = 3");
    ck_assert_int_eq(verify((struct store_audit_head){0}, 100).broken_id, 0);
    ck_assert(audit_head_parse(T(noted), &head));
    ck_assert_int_eq(verify(head, 100).broken_id, LINES);
    write_line(4, "eve", "dr_1");
    write_line(5, "eve", "dr_1");
    struct store_audit_verdict verdict = verify(head, 100);
    ck_assert_int_eq(verdict.broken_id, LINES);
    ck_assert_msg(strstr(verdict.what, "noted"), "%s", verdict.what);
}
END_TEST

START_TEST(heads_are_read_strictly)
{
    static const char *const wrong[] = {
        "",
        ":",
        "1",
        "1:",
        "1:00",
        "x:0000000000000000000000000000000000000000000000000000000000000000",
        "0:0000000000000000000000000000000000000000000000000000000000000000",
        "1:000000000000000000000000000000000000000000000000000000000000000g",
        "1:00000000000000000000000000000000000000000000000000000000000000000",
    };
    struct store_audit_head head = {.id = 77};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        ck_assert_msg(!audit_head_parse(T(wrong[i]), &head) && head.id == 77, "%s", wrong[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_audit");
    TCase *tcase = tcase_create("store_audit");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_line_comes_back_whole);
    tcase_add_loop_test(tcase, filters_and_pages, 0, COUNT_OF(filters));
    tcase_add_test(tcase, an_untouched_audit_holds_whole_and_in_parts_also_after_a_restart);
    tcase_add_loop_test(tcase, whoever_touches_it_is_found_out, 0, COUNT_OF(tamperings));
    tcase_add_test(tcase, a_cut_end_shows_against_a_head_that_was_noted);
    tcase_add_test(tcase, heads_are_read_strictly);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

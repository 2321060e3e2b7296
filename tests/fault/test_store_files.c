/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store before files that it must not take, and on a disk that is full. */
#include "api/store/audit.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zones/base/file.h"

static char path[64], file[96];
static int directory = -1;

static void setup(void)
{
    strcpy(path, "/tmp/srvplan-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    snprintf(file, sizeof file, "%s/srvplan.db", path);
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(directory, 0);
}

static void teardown(void)
{
    static const char *const names[] = {"srvplan.db", "srvplan.db-wal", "ballast",
                                        "image/answers.img"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlinkat(directory, names[i], 0);
    unlinkat(directory, "srvplan.db", AT_REMOVEDIR);
    unlinkat(directory, "image", AT_REMOVEDIR);
    fd_close(&directory);
    ck_assert_int_eq(rmdir(path), 0); /* nothing was made beside what was refused */
}

static bool commit_inventory(struct store *store, size_t size, struct error *err)
{
    char *text = malloc(size + 1);
    memset(text, 'x', size);
    struct store_inventory inventory = {.text = {text, size}};
    struct store_audit audit = {.at_ms = 1};
    struct store_change change = {.inventory = &inventory, .audit = &audit, .audit_count = 1};
    store_change_id_make(change.id);
    bool done = store_commit(store, &change, NULL, NULL, err);
    free(text);
    return done;
}

static struct store *open_or_fail(const struct store_state **state)
{
    struct error err = {0};
    struct store *store = store_open(directory, path, state, &err);
    ck_assert_msg(store != NULL, "%s", err.message);
    return store;
}

static void make_store(void)
{
    const struct store_state *state = NULL;
    struct error err = {0};
    struct store *store = open_or_fail(&state);
    ck_assert_msg(commit_inventory(store, 40000, &err), "%s", err.message);
    store_close(store);
}

/* -- files that are refused ---------------------------------------------------------------------
 */

static void overwrite(off_t offset, const void *bytes, size_t len)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(pwrite(fd, bytes, len, offset), (ssize_t)len);
    close(fd);
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void put(const char *name)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
}

static void make_empty(void)
{
    close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void make_text(void)
{
    overwrite(0, "zones: []\n", 10);
}

static void make_foreign(void)
{
    run_sql("CREATE TABLE audit (x); INSERT INTO audit VALUES (1)");
}

static void make_newer(void)
{
    make_store();
    run_sql("PRAGMA user_version = 4");
}

static void make_unversioned(void)
{
    make_store();
    run_sql("PRAGMA user_version = 0");
}

static void make_garbage_header(void)
{
    make_store();
    overwrite(0, "\xde\xad\xbe\xef", 4);
}

static void make_garbage_page(void)
{
    static uint8_t page[4096];
    memset(page, 0x5a, sizeof page);
    make_store();
    overwrite(2 * 4096, page, sizeof page);
}

static void make_cut(void)
{
    make_store();
    ck_assert_int_eq(truncate(file, 5 * 4096), 0);
}

static void make_cut_header(void)
{
    make_store();
    ck_assert_int_eq(truncate(file, 64), 0);
}

static void make_lost_table(void)
{
    make_store();
    run_sql("DROP TABLE drains");
}

static void make_directory(void)
{
    ck_assert_int_eq(mkdir(file, 0700), 0);
}

static void make_image_only(void)
{
    ck_assert_int_eq(mkdirat(directory, "image", 0700), 0);
    put("image/answers.img");
}

static void make_log_only(void)
{
    put("srvplan.db-wal");
}

static const struct {
    const char *label;
    void (*make)(void);
    const char *what, *mend;
} refusals[] = {
    {"an empty file", make_empty, "is empty", "restore a backup"},
    {"a text file", make_text, "is no SQLite file", "restore a backup"},
    {"another program's", make_foreign, "belongs to another program", "move it away"},
    {"a newer schema", make_newer, "newer srvpland (schema 4", "install that one again"},
    {"no schema number", make_unversioned, "schema 0", "restore a backup"},
    {"garbage in the header", make_garbage_header, "is no SQLite file", "restore a backup"},
    {"garbage in a page", make_garbage_page, "is damaged", "restore a backup"},
    {"cut off", make_cut, "is damaged", "restore a backup"},
    {"cut off in the header", make_cut_header, "is cut off", "restore a backup"},
    {"a table is missing", make_lost_table, "no such table: drains", "report it"},
    {"a directory", make_directory, "cannot read", "restore a backup"},
    {"an image without its store", make_image_only, "an image that was made from it is",
     "remove the directory image"},
    {"a log without its store", make_log_only, "its log srvplan.db-wal is", "restore srvplan.db"},
};

/* The bytes of srvplan.db; heap. Empty when it is not a file. */
static struct bytes snapshot(void)
{
    struct bytes bytes = {0};
    struct error err = {0};
    return file_read(file, 1 << 24, &bytes, &err) ? bytes : (struct bytes){0};
}

START_TEST(what_is_not_our_whole_store_is_refused_and_left_alone)
{
    refusals[_i].make();
    struct bytes before = snapshot();
    const struct store_state *state = NULL;
    struct error err = {0};
    struct store *store = store_open(directory, path, &state, &err);

    ck_assert_msg(!store, "%s was taken", refusals[_i].label);
    ck_assert_msg(err.kind == ERROR_UNAVAILABLE || err.kind == ERROR_SYSTEM, "%s: kind %d",
                  refusals[_i].label, err.kind);
    ck_assert_msg(strstr(err.message, refusals[_i].what) && strstr(err.message, refusals[_i].mend),
                  "%s: %s", refusals[_i].label, err.message);
    ck_assert_ptr_null(state);
    struct bytes after = snapshot();
    ck_assert_msg(bytes_equal(before, after), "%s: srvplan.db was changed", refusals[_i].label);
    free((void *)(uintptr_t)before.ptr);
    free((void *)(uintptr_t)after.ptr);
}
END_TEST

/* A store as an older srvplan left it, with one drain. */
static void make_older(int version)
{
    struct bytes sql = {0};
    struct error err = {0};
    ck_assert_msg(file_read(SCHEMA_2_FILE, 1 << 20, &sql, &err), "%s", err.message);
    char *text = strndup((const char *)sql.ptr, sql.len);
    run_sql(text);
    free(text);
    free((void *)(uintptr_t)sql.ptr);
    run_sql("INSERT INTO drains (id, node, services, actor, reason, override_reason, since_at_ms,"
            " until_at_ms, served_at_ms, ended_at_ms, ended_actor, clear_at_ms, revision,"
            " ended_revision, version) VALUES ('dr_1', 'xmpp1', '', 'ops', 'kernel', '', 1, 0, 0,"
            " 0, '', 0, 1, 0, 1)");
    run_sql("INSERT INTO audit VALUES (1, 10, 'root', 'socket uid 0', 'drain', 'dr_1', 'kernel');"
            "INSERT INTO audit VALUES (2, 20, 'expiry', 's', 'undrain', 'dr_1', '')");
    if (version == 1)
        run_sql("ALTER TABLE drains DROP COLUMN mode; ALTER TABLE drains DROP COLUMN to_ppb;"
                "ALTER TABLE drains DROP COLUMN ramp_s; ALTER TABLE drains DROP COLUMN ramp_steps;"
                "ALTER TABLE drains DROP COLUMN is_lead_auto; PRAGMA user_version = 1");
    run_sql("PRAGMA journal_mode = WAL");
}

/* Its lines are chained, as if they had been from the beginning. */
static void check_older_audit(struct store *store)
{
    struct arena arena = {0};
    struct error err = {0};
    struct store_audit_row *rows = NULL;
    struct store_audit_verdict verdict;
    struct store_audit_filter filter = {.limit = 10};
    size_t count = 0;
    ck_assert(store_audit_list(store, &arena, &filter, &rows, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(rows[1].line.at_ms, 10);
    ck_assert(text_is(rows[1].line.actor, "root") && text_is(rows[1].line.object, "dr_1"));
    ck_assert(text_is(rows[1].line.detail, "kernel") && text_is(rows[1].line.outcome, "done"));
    ck_assert(text_is(rows[0].line.actor, "expiry") && text_is(rows[0].line.action, "undrain"));
    ck_assert(store_audit_verify(store, &(struct store_audit_head){0}, 10, &verdict, &err));
    ck_assert_msg(!verdict.broken_id && verdict.checked == 2, "%s", verdict.what);
    arena_fini(&arena);
}

START_TEST(an_older_store_is_brought_up_and_keeps_its_drains)
{
    const struct store_state *state = NULL;
    make_older(_i);
    for (int opening = 0; opening < 2; opening++) {
        struct store *store = open_or_fail(&state);
        ck_assert_uint_eq(state->drain_count, 1);
        ck_assert(text_is(state->drains[0].node, "xmpp1"));
        ck_assert(text_is(state->drains[0].reason, "kernel"));
        ck_assert_int_eq(state->drains[0].mode, 0);
        ck_assert_uint_eq(state->drains[0].ramp_s, 0);
        check_older_audit(store);
        store_close(store);
    }
}
END_TEST

/* Tables with their columns, indexes and triggers, one a line; heap. */
static char *schema_print(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_prepare_v2(db,
                           "SELECT group_concat(line, char(10)) FROM (SELECT m.type || ' ' || "
                           "m.name || ' ' || ifnull(c.name || ' ' || c.type || ' ' || "
                           "c.\"notnull\" || ' ' || c.pk, '') AS line FROM sqlite_master AS m "
                           "LEFT JOIN pragma_table_info(m.name) AS c ORDER BY 1)",
                           -1, &s, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(db);
    return text;
}

START_TEST(an_older_store_becomes_what_a_new_one_is)
{
    const struct store_state *state = NULL;
    make_store();
    char *fresh = schema_print();
    teardown();
    setup();
    make_older(_i);
    store_close(open_or_fail(&state));
    char *brought_up = schema_print();
    ck_assert_str_eq(brought_up, fresh);
    free(fresh);
    free(brought_up);
}
END_TEST

START_TEST(what_a_crash_left_of_a_first_start_is_no_hindrance)
{
    put("srvplan.db.new");
    put("srvplan.db.new-wal");
    make_store();
}
END_TEST

START_TEST(the_audit_only_grows)
{
    static const char *const tries[] = {"UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"};
    make_store();
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    for (size_t i = 0; i < COUNT_OF(tries); i++) {
        ck_assert_msg(sqlite3_exec(db, tries[i], NULL, NULL, NULL) == SQLITE_CONSTRAINT, "%s",
                      tries[i]);
        ck_assert_msg(strstr(sqlite3_errmsg(db), "only grows"), "%s", sqlite3_errmsg(db));
    }
    sqlite3_close(db);
}
END_TEST

START_TEST(nobody_else_can_open_a_store_in_use)
{
    const struct store_state *state = NULL;
    struct store *store = open_or_fail(&state);
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_int_ne(sqlite3_exec(db, "SELECT * FROM audit", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    store_close(store);
}
END_TEST

/* -- a full disk --------------------------------------------------------------------------------
 */

START_TEST(a_limit_on_file_sizes_is_a_full_disk)
{
    make_store();
    const struct store_state *state = NULL;
    struct store *store = open_or_fail(&state);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 400 * 1024, .rlim_max = RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);

    struct error err = {0};
    ck_assert(!commit_inventory(store, 2000000, &err));
    ck_assert_msg(err.kind == ERROR_NO_SPACE && strstr(err.message, "free some space"),
                  "kind %d: %s", err.kind, err.message);
    ck_assert(!store_is_broken(store));
    struct error second = {0};
    ck_assert_msg(commit_inventory(store, 1000, &second), "%s", second.message);
    store_close(store);
    store = open_or_fail(&state);
    ck_assert_uint_eq(state->inventory.text.len, 1000);
    store_close(store);
}
END_TEST

static void fill_disk(void)
{
    static const char zeros[4096];
    int fd = openat(directory, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        continue;
    ck_assert_int_eq(errno, ENOSPC);
    close(fd);
}

/* A disk of 4 MiB of our own, in a mount namespace that ends with the test's process. */
static bool mount_small_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", path, "tmpfs", 0, "size=4m") == 0;
}

START_TEST(on_a_full_disk_the_ballast_makes_room_for_one_change_more)
{
    if (!mount_small_disk()) {
        printf("skipped: mounting needs root or user namespaces\n");
        return;
    }
    int outside = directory;
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct store_state *state = NULL;
    struct store *store = open_or_fail(&state);
    fill_disk();

    struct error err = {0};
    for (int i = 0; i < 3; i++) {
        err = (struct error){0};
        ck_assert(!commit_inventory(store, 100000, &err));
        ck_assert_msg(err.kind == ERROR_NO_SPACE, "kind %d: %s", err.kind, err.message);
        ck_assert(!store_is_broken(store));
    }
    ck_assert(store_drop_ballast(store));
    err = (struct error){0};
    ck_assert_msg(commit_inventory(store, 100000, &err), "%s", err.message);
    ck_assert_int_ne(faccessat(directory, "ballast", F_OK, 0), 0); /* no room yet */

    store_close(store);
    store = open_or_fail(&state); /* a full disk does not hinder the start */
    ck_assert_uint_eq(state->inventory.text.len, 100000);
    unlinkat(directory, "filler", 0);
    ck_assert_msg(commit_inventory(store, 10, &err), "%s", err.message);
    ck_assert_int_eq(faccessat(directory, "ballast", F_OK, 0), 0); /* there is room again */
    store_close(store);
    fd_close(&directory);
    ck_assert_int_eq(umount2(path, MNT_DETACH), 0);
    directory = outside;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store and files");
    TCase *tcase = tcase_create("files");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, what_is_not_our_whole_store_is_refused_and_left_alone, 0,
                        COUNT_OF(refusals));
    tcase_add_loop_test(tcase, an_older_store_is_brought_up_and_keeps_its_drains, 1, 3);
    tcase_add_loop_test(tcase, an_older_store_becomes_what_a_new_one_is, 1, 3);
    tcase_add_test(tcase, what_a_crash_left_of_a_first_start_is_no_hindrance);
    tcase_add_test(tcase, the_audit_only_grows);
    tcase_add_test(tcase, nobody_else_can_open_a_store_in_use);
    tcase_add_test(tcase, a_limit_on_file_sizes_is_a_full_disk);
    tcase_add_test(tcase, on_a_full_disk_the_ballast_makes_room_for_one_change_more);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

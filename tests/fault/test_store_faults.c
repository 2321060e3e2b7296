/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store under faults: the Nth write, sync or truncate fails, the process is killed there, or
 * the power goes, for every N of a life. After each run the store must open again without faults,
 * pass integrity_check, hold every change that store_commit acknowledged, none that it refused, and
 * no half one. */
#include "api/store/audit.h"
#include "api/store/internal.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zones/base/clock.h"
#include "zones/base/file.h"
#include "faulty_vfs.h"

/* -- a life -------------------------------------------------------------------------------------
 */

/* Step 1 is the first revision, 2 to 4 and 7 drain, 5 ends the drain of step 2, 6 acknowledges the
 * revision of step 5; before 7 the store is closed and opened again. */
enum {
    STEP_FIRST = 1,
    STEP_END = 5,
    STEP_SERVED = 6,
    STEP_REOPENED = 7,
    STEPS = 8
};

enum outcome {
    NOT_TRIED,
    REFUSED,   /* store_commit said: nothing was stored */
    STORED,    /* store_commit said: it is stored */
    NOT_KNOWN, /* began, and the process or the store ended */
};

/* Shared with a child that will be killed. */
struct ledger {
    enum outcome step[STEPS];
};

static char path[64];
static int directory = -1;

static void directory_make(void)
{
    /* The faults are ours, not the disk's: memory is as good, and ten times as fast. */
    strcpy(path, "/dev/shm/srvplan-faults-XXXXXX");
    if (!mkdtemp(path)) {
        strcpy(path, "/tmp/srvplan-faults-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(path));
    }
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(directory, 0);
}

static void directory_remove(void)
{
    static const char *const names[] = {
        "srvplan.db",         "srvplan.db-wal",         "srvplan.db.new",
        "srvplan.db.new-wal", "srvplan.db.new-journal", "ballast"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlinkat(directory, names[i], 0);
    fd_close(&directory);
    ck_assert_int_eq(rmdir(path), 0);
}

static struct store *life_open(const struct store_state **state)
{
    struct error err = {0};
    struct store *store = store_open(directory, path, state, &err);
    if (store) {
        /* So that this short life has checkpoints in its middle, and writes before each COMMIT. */
        store->checkpoint_pages = 6;
        ck_assert_int_eq(sqlite3_exec(store->db, "PRAGMA cache_size = 1", NULL, NULL, NULL),
                         SQLITE_OK);
    } else {
        ck_assert_msg(err.kind != ERROR_NONE && err.message[0], "an error without a message");
    }
    return store;
}

static struct store_drain drain_of(int step, uint64_t revision)
{
    static const char *const ids[] = {"", "", "dr_2", "dr_3", "dr_4", "dr_2", "", "dr_7"};
    struct store_drain drain = {.id = text_from(ids[step]),
                                .node = text_from("xmpp2"),
                                .actor = text_from("root"),
                                .reason = text_from("kernel"),
                                .revision = revision,
                                .version = 1};
    if (step == STEP_END) {
        drain.ended_at_ms = clock_realtime_ms();
        drain.version = 2;
    }
    return drain;
}

/* Commits one step as revision `number`. Every part of it bears the number or the step. */
static bool step_commit(struct store *store, int step, uint64_t number, struct error *err)
{
    char cause[24], serial_zone[] = "example.org.";
    snprintf(cause, sizeof cause, "step %d", step);
    struct store_inventory inventory = {.text = text_from("{}")};
    struct store_revision revision = {.number = number,
                                      .at_ms = 1,
                                      .actor = text_from("root"),
                                      .cause = text_from(cause),
                                      .inventory_id = 1,
                                      .overlays = text_from("{}")};
    struct store_slot slot = {.slot = 0, .serial = (uint32_t)number};
    struct store_zone zone = {.name = text_from(serial_zone)};
    struct store_drain drain = drain_of(step, number);
    struct store_set_version version = {.label = text_from(cause), .first_revision = number};
    struct store_audit audit = {.at_ms = 1, .actor = text_from("root"), .action = text_from(cause)};
    struct store_key key = {.actor = text_from("root"), .key = text_from(cause), .at_ms = 1};
    struct store_change change = {.revision = &revision,
                                  .slots = &slot,
                                  .slot_count = 1,
                                  .versions = &version,
                                  .version_count = 1,
                                  .audit = &audit,
                                  .audit_count = 1,
                                  .key = &key,
                                  .drains = &drain,
                                  .drain_count = 1};
    if (step == STEP_FIRST) {
        change.inventory = &inventory;
        change.zones = &zone;
        change.zone_count = 1;
        change.drain_count = 0;
    }
    store_change_id_make(change.id);
    return store_commit(store, &change, NULL, NULL, err);
}

static bool served_commit(struct store *store, uint64_t number, struct error *err)
{
    struct store_change change = {.served_revision = number, .served_at_ms = 77};
    store_change_id_make(change.id);
    return store_commit(store, &change, NULL, NULL, err);
}

static void step_try(struct store *store, int step, uint64_t *number, struct ledger *ledger)
{
    struct error err = {0};
    ledger->step[step] = NOT_KNOWN;
    bool done = step == STEP_SERVED ? served_commit(store, *number, &err)
                                    : step_commit(store, step, *number + 1, &err);
    if (done)
        *number += step != STEP_SERVED;
    else
        ck_assert_msg(err.kind != ERROR_NONE && err.kind != ERROR_UNKNOWN_OUTCOME &&
                          err.kind != ERROR_CONFLICT && err.message[0],
                      "step %d: kind %d: %s", step, err.kind, err.message);
    if (done)
        ledger->step[step] = STORED;
    else if (!store_is_broken(store))
        ledger->step[step] = REFUSED;
}

/* Steps that need one that failed are left out, as the world would. */
static bool is_possible(int step, const struct ledger *ledger)
{
    if (step == STEP_FIRST)
        return true;
    if (step == STEP_END)
        return ledger->step[2] == STORED;
    return ledger->step[step == STEP_SERVED ? STEP_END : STEP_FIRST] == STORED;
}

/* What a run does beside the fault itself. */
enum ending {
    ENDS_WELL,       /* lives on as the store lets it */
    ENDS_KILLED,     /* the fault ends the process */
    ENDS_AT_OUTCOME, /* the process ends after the step in which the fault came */
    ENDS_CUT,        /* the same, and the power goes */
};

static void end_here(enum ending ending)
{
    if (ending == ENDS_CUT)
        faulty_vfs_cut();
    if (ending == ENDS_AT_OUTCOME)
        _exit(0);
}

static void live(struct ledger *ledger, enum ending ending)
{
    const struct store_state *state = NULL;
    struct store *store = life_open(&state);
    uint64_t number = store ? state->revision.number : 0;
    for (int step = STEP_FIRST; step < STEPS && store; step++) {
        if (step == STEP_REOPENED) {
            store_close(store);
            store = life_open(&state);
            ck_assert(!store || state->revision.number == number);
        }
        if (store && is_possible(step, ledger))
            step_try(store, step, &number, ledger);
        if (faulty_vfs_has_failed())
            end_here(ending);
        if (store && store_is_broken(store))
            break;
    }
    store_close(store);
}

/* -- the judgement ------------------------------------------------------------------------------
 */

static int64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(db));
    int64_t value = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return value;
}

static bool step_is_there(sqlite3 *db, int step, const char *run)
{
    if (step == STEP_SERVED)
        return ask(db, "SELECT count(*) FROM revisions WHERE served_at_ms = 77") == 1;
    char cause[24], id[24], sql[400];
    snprintf(cause, sizeof cause, "step %d", step);
    snprintf(id, sizeof id, "dr_%d", step == STEP_END ? 2 : step);
    snprintf(sql, sizeof sql, "SELECT number FROM revisions WHERE cause = '%s'", cause);
    int64_t number = ask(db, sql);
    snprintf(sql, sizeof sql,
             "SELECT (SELECT count(*) FROM audit WHERE action = '%s') + "
             "(SELECT count(*) FROM set_versions WHERE label = '%s') + "
             "(SELECT count(*) FROM answers WHERE key = '%s') + "
             "(SELECT count(*) FROM changes WHERE revision = %lld AND revision > 0)",
             cause, cause, cause, (long long)number);
    int64_t parts = ask(db, sql);
    if (step == STEP_FIRST)
        snprintf(sql, sizeof sql, "SELECT count(*) FROM zones");
    else
        snprintf(sql, sizeof sql, "SELECT count(*) FROM drains WHERE id = '%s' AND %s", id,
                 step == STEP_END ? "version = 2" : "version > 0");
    parts += ask(db, sql);
    ck_assert_msg(parts == (number ? 5 : 0), "%s: step %d is half there: %lld of 5 parts", run,
                  step, (long long)parts);
    return number != 0;
}

static void judge(const struct ledger *ledger, const char *run)
{
    const struct store_state *state = NULL;
    struct error err = {0};
    struct store *store = store_open(directory, path, &state, &err);
    ck_assert_msg(store != NULL, "%s: does not open again: %s", run, err.message);
    uint64_t last = state->revision.number;
    ck_assert_msg(!last || state->slots[0].serial == last, "%s: the serial is not of revision %llu",
                  run, (unsigned long long)last);
    struct store_audit_verdict verdict;
    ck_assert_msg(store_audit_verify(store, &(struct store_audit_head){0}, 1000, &verdict, &err) &&
                      !verdict.broken_id && verdict.is_end && (uint64_t)verdict.checked == last,
                  "%s: the audit: %s%s", run, verdict.what, err.message);
    store_close(store);

    char file[96];
    snprintf(file, sizeof file, "%s/srvplan.db", path);
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    ck_assert_msg(ask(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = "
                          "'ok'") == 1,
                  "%s: integrity_check", run);
    ck_assert_msg(ask(db, "SELECT count(*) FROM pragma_foreign_key_check") == 0, "%s", run);
    int64_t there = 0;
    for (int step = STEP_FIRST; step < STEPS; step++) {
        enum outcome said = ledger->step[step];
        bool is_there = step_is_there(db, step, run);
        there += is_there && step != STEP_SERVED;
        ck_assert_msg(said == NOT_KNOWN || is_there == (said == STORED),
                      "%s: step %d was %s, and is %sthere", run, step,
                      said == STORED ? "acknowledged" : "refused", is_there ? "" : "not ");
    }
    ck_assert_msg((uint64_t)there == last, "%s: %lld revisions, the last is %llu", run,
                  (long long)there, (unsigned long long)last);
    sqlite3_close(db);
}

/* -- runs ---------------------------------------------------------------------------------------
 */

static int count_operations(void)
{
    struct ledger ledger = {0};
    directory_make();
    faulty_vfs_arm((struct fault){0});
    live(&ledger, ENDS_WELL);
    int count = faulty_vfs_count();
    for (int step = STEP_FIRST; step < STEPS; step++)
        ck_assert_msg(ledger.step[step] == STORED, "without faults, step %d", step);
    judge(&ledger, "without faults");
    directory_remove();
    return count;
}

static const struct {
    const char *label;
    enum fault_kind kind;
    bool is_lasting;
    enum ending ending;
} kinds[] = {
    {.label = "EIO", .kind = FAULT_EIO},
    {.label = "EIO from then on", .kind = FAULT_EIO, .is_lasting = true},
    {.label = "done, but EIO", .kind = FAULT_LATE_EIO},
    {.label = "done, but EIO from then on", .kind = FAULT_LATE_EIO, .is_lasting = true},
    {.label = "half a write", .kind = FAULT_SHORT},
    {.label = "half a write, EIO from then on", .kind = FAULT_SHORT, .is_lasting = true},
    {.label = "disk full", .kind = FAULT_FULL},
    {.label = "disk full from then on", .kind = FAULT_FULL, .is_lasting = true},
    {.label = "EIO, then kill -9", .kind = FAULT_EIO, .ending = ENDS_AT_OUTCOME},
    {.label = "done, but EIO, then kill -9", .kind = FAULT_LATE_EIO, .ending = ENDS_AT_OUTCOME},
    {.label = "disk full, then kill -9", .kind = FAULT_FULL, .ending = ENDS_AT_OUTCOME},
    {.label = "kill -9", .kind = FAULT_KILL, .ending = ENDS_KILLED},
    {.label = "half a write, kill -9", .kind = FAULT_SHORT_KILL, .ending = ENDS_KILLED},
    {.label = "EIO, then a power cut", .kind = FAULT_EIO, .ending = ENDS_CUT},
    {.label = "half a write, then a power cut", .kind = FAULT_SHORT, .ending = ENDS_CUT},
    {.label = "disk full, then a power cut", .kind = FAULT_FULL, .ending = ENDS_CUT},
    {.label = "power cut", .kind = FAULT_CUT, .ending = ENDS_CUT},
    {.label = "power cut, writes out of order", .kind = FAULT_TORN_CUT, .ending = ENDS_CUT},
};

static void live_in_a_child(struct ledger *ledger, enum ending ending)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        live(ledger, ending);
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
                      (WIFEXITED(status) && WEXITSTATUS(status) == 0),
                  "the child ended with status %x", status);
}

static void run_one(size_t kind, int fail_at, struct ledger *ledger)
{
    char run[96];
    snprintf(run, sizeof run, "%s at operation %d", kinds[kind].label, fail_at);
    *ledger = (struct ledger){0};
    directory_make();
    faulty_vfs_arm((struct fault){.kind = kinds[kind].kind,
                                  .at = fail_at,
                                  .is_lasting = kinds[kind].is_lasting,
                                  .tracks_power = kinds[kind].ending == ENDS_CUT});
    if (kinds[kind].ending == ENDS_WELL)
        live(ledger, ENDS_WELL);
    else
        live_in_a_child(ledger, kinds[kind].ending);
    faulty_vfs_arm((struct fault){0});
    judge(ledger, run);
    directory_remove();
}

START_TEST(a_fault_at_any_operation_loses_nothing_and_halves_nothing)
{
    int operations = count_operations(), acknowledged = 0, refused = 0, not_known = 0;
    ck_assert_int_gt(operations, 40);
    struct ledger *ledger =
        mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(ledger, MAP_FAILED);
    /* Each kind takes every third operation, the next kind the next ones; all with --long. */
    int stride = getenv("SRVPLAN_LONG") ? 1 : 3, runs = 0;
    for (int fail_at = 1 + _i % stride; fail_at <= operations; fail_at += stride) {
        runs++;
        run_one((size_t)_i, fail_at, ledger);
        for (int step = STEP_FIRST; step < STEPS; step++) {
            acknowledged += ledger->step[step] == STORED;
            refused += ledger->step[step] == REFUSED;
            not_known += ledger->step[step] == NOT_KNOWN;
        }
    }
    munmap(ledger, sizeof *ledger);
    printf("%-31s %d runs: %4d changes acknowledged, all there; %3d refused, none there; "
           "%3d left open\n",
           kinds[_i].label, runs, acknowledged, refused, not_known);
}
END_TEST

int main(void)
{
    faulty_vfs_register();
    Suite *suite = suite_create("store under faults");
    TCase *tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, a_fault_at_any_operation_loses_nothing_and_halves_nothing, 0,
                        COUNT_OF(kinds));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

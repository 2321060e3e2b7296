/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_load.h"
#include "srvplan/plan.h"
#include "srvplan/report/report_json.h"
#include "zones/base/file.h"

#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;

static void arena_clear(void)
{
    arena_fini(&arena);
}

static glob_t fixtures(const char *pattern)
{
    glob_t files = {0};
    const char *source = getenv("SRVPLAN_SOURCE");
    ck_assert_msg(source != NULL, "SRVPLAN_SOURCE is not set");
    const char *path = arena_printf(&arena, "%s/tests/inventory/%s", source, pattern);
    ck_assert_msg(glob(path, 0, NULL, &files) == 0, "no files: %s", path);
    return files;
}

/* What to open of a case: its main file, else the directory itself. */
static const char *root_of(const char *directory)
{
    static const char *const mains[] = {"main.jsonc", "main.yaml"};
    for (size_t i = 0; i < COUNT_OF(mains); i++) {
        const char *path = arena_printf(&arena, "%s/%s", directory, mains[i]);
        if (access(path, R_OK) == 0)
            return path;
    }
    return directory;
}

/* One line a finding; files as seen from `directory`. */
static const char *findings_print(const struct findings *findings, const char *directory)
{
    const char *all = "";
    size_t len = strlen(directory);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        const char *file = finding->file;
        ck_assert(finding->message[0] && finding->mend[0]);
        if (strncmp(file, directory, len) == 0 && file[len] == '/')
            file += len + 1;
        all = arena_printf(&arena, "%s%s %s:%u:%u%s%s\n", all, finding->code, file, finding->line,
                           finding->column, finding->pointer[0] ? " " : "", finding->pointer);
    }
    return all;
}

static json_t *plan_json(const struct inventory *inventory)
{
    struct findings findings = {0};
    const struct overlays overlays = {0};
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert(layout != NULL);
    struct plan *plan = plan_compute(
        &(struct plan_input){.layout = layout, .overlays = &overlays, .at_ms = 1790000000000});
    json_t *json = report_plan_json(plan, &plan->findings);
    plan_free(plan);
    layout_free(layout);
    findings_fini(&findings);
    return json;
}

/* Loads what must be good. */
static struct inventory *load_good(struct inventory_source *source, const char *label)
{
    struct findings findings = {0};
    struct inventory *inventory = inventory_load_source(source, &findings);
    ck_assert_msg(inventory && findings.count == 0, "%s: %s", label, findings_print(&findings, ""));
    findings_fini(&findings);
    return inventory;
}

static void loads_and_its_one_text_means_the_same(const char *path)
{
    struct error err = {0};
    struct inventory_source *source = inventory_source_open(path, &err);
    ck_assert_msg(source != NULL, "%s", err.message);
    struct inventory *inventory = load_good(source, path);
    struct text text = inventory_source_text(source);
    struct bytes bytes = {(const uint8_t *)text.ptr, text.len};
    struct inventory_source *alone = inventory_source_of(bytes, "one text", DOCUMENT_JSONC);
    struct inventory *again = load_good(alone, path);
    json_t *plan = plan_json(inventory), *plan_again = plan_json(again);
    ck_assert_uint_eq(inventory->domain_count, again->domain_count);
    ck_assert_uint_eq(inventory->zone_count, again->zone_count);
    ck_assert_msg(json_equal(plan, plan_again), "%s: %s", path, text.ptr);
    json_decref(plan);
    json_decref(plan_again);
    inventory_free(again);
    inventory_free(inventory);
    inventory_source_free(alone);
    inventory_source_free(source);
}

START_TEST(good_sources_load_and_their_one_text_means_the_same)
{
    static const char *const patterns[] = {"valid/*.yaml", "valid/records*.jsonc", "files/valid/*"};
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        glob_t files = fixtures(patterns[i]);
        for (size_t k = 0; k < files.gl_pathc; k++)
            loads_and_its_one_text_means_the_same(root_of(files.gl_pathv[k]));
        globfree(&files);
    }
}
END_TEST

/* With the findings of the layout, for which only pointers are known. */
static void gives_the_expected_findings(const char *path, const char *directory,
                                        const char *expected)
{
    struct findings findings = {0};
    struct error err = {0};
    struct bytes wanted = {0};
    ck_assert_msg(file_read(expected, 1 << 20, &wanted, &err), "%s", err.message);
    struct inventory_source *source = inventory_source_open(path, &err);
    ck_assert_msg(source != NULL, "%s", err.message);
    struct inventory *inventory = inventory_load_source(source, &findings);
    const char *got = findings_print(&findings, directory);
    ck_assert_msg(!inventory && findings.errors > 0, "%s is accepted", path);
    ck_assert_msg(strcmp(got, (const char *)wanted.ptr) == 0, "%s\nexpected:\n%sgot:\n%s", path,
                  (const char *)wanted.ptr, got);
    free((void *)(uintptr_t)wanted.ptr);
    inventory_source_free(source);
    findings_fini(&findings);
}

START_TEST(wrong_sources_give_exactly_the_expected_findings)
{
    glob_t files = fixtures("invalid/*.yaml");
    ck_assert_uint_ge(files.gl_pathc, 4);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i], *slash = strrchr(path, '/');
        struct text directory = {path, (size_t)(slash - path)};
        gives_the_expected_findings(
            path, arena_cstr(&arena, directory),
            arena_printf(&arena, "%.*s.expected", (int)(strlen(path) - strlen(".yaml")), path));
    }
    globfree(&files);
    files = fixtures("files/invalid/*.expected");
    ck_assert_uint_ge(files.gl_pathc, 10);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *expected = files.gl_pathv[i];
        const char *directory =
            arena_printf(&arena, "%.*s", (int)(strlen(expected) - strlen(".expected")), expected);
        gives_the_expected_findings(root_of(directory), directory, expected);
    }
    globfree(&files);
}
END_TEST

/* ---- files that change ---- */

static char directory[64];

static void directory_make(void)
{
    strcpy(directory, "/tmp/srvplan-source-XXXXXX");
    ck_assert(mkdtemp(directory) != NULL);
}

static void directory_remove(void)
{
    glob_t files = {0};
    char pattern[80];
    snprintf(pattern, sizeof pattern, "%s/*", directory);
    if (glob(pattern, GLOB_PERIOD, NULL, &files) == 0)
        for (size_t i = 0; i < files.gl_pathc; i++)
            unlink(files.gl_pathv[i]);
    globfree(&files);
    ck_assert_int_eq(rmdir(directory), 0);
    arena_clear();
}

static const char *file_write(const char *name, const char *text)
{
    const char *path = arena_printf(&arena, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    ck_assert(file != NULL);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

#define NODES "\"nodes\": {\"n\": {\"host\": \"n.example\", \"addresses\": [\"192.0.2.1\"]}}"

static struct digest digest_now(const char *path)
{
    struct error err = {0};
    struct inventory_source *source = inventory_source_open(path, &err);
    ck_assert_msg(source != NULL, "%s", err.message);
    struct digest digest = inventory_source_digest(source);
    inventory_source_free(source);
    return digest;
}

START_TEST(the_digest_covers_every_file)
{
    static const char *const names[] = {"main.jsonc", "nodes.yaml", "zone"};
    const char *texts[] = {
        "{\"srvplan\": 1, \"include\": \"nodes.yaml\", \"zones\": {\"z.example\": {\"records\": "
        "\"zone\"}}, \"domains\": {\"example.org\": {}}}",
        "nodes: {n: {host: n.example, addresses: [192.0.2.1]}}\n", "a A 192.0.2.1\n"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        file_write(names[i], texts[i]);
    const char *main = arena_printf(&arena, "%s/%s", directory, names[0]);
    struct digest first = digest_now(main), same = digest_now(main);
    ck_assert(digest_equal(&first, &same));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        file_write(names[i], arena_printf(&arena, "%s ", texts[i]));
        struct digest changed = digest_now(main);
        ck_assert_msg(!digest_equal(&first, &changed), "%s", names[i]);
        file_write(names[i], texts[i]);
    }
    /* A byte that moves from one file to the next is a change. */
    file_write("nodes.yaml", arena_printf(&arena, "%sa", texts[1]));
    file_write("zone", texts[2] + 1);
    struct digest moved = digest_now(main);
    ck_assert(!digest_equal(&first, &moved));
}
END_TEST

START_TEST(one_jsonc_file_is_its_own_text_and_digest)
{
    const char *text = "{\"srvplan\": 1, /* kept */ \"domains\": {\"example.org\": {}}, " NODES "}";
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    struct error err = {0};
    struct inventory_source *source =
        inventory_source_open(file_write("inventory.jsonc", text), &err);
    ck_assert(source != NULL);
    ck_assert(text_is(inventory_source_text(source), text));
    struct digest digest = inventory_source_digest(source), wanted = digest_of(bytes);
    ck_assert(digest_equal(&digest, &wanted));
    inventory_source_free(source);
}
END_TEST

START_TEST(what_cannot_be_read_at_all_is_an_error_with_its_path)
{
    struct error err = {0};
    ck_assert(!inventory_source_open("/nonexistent/inventory.yaml", &err));
    ck_assert(strstr(err.message, "/nonexistent/inventory.yaml") != NULL);
    err = (struct error){0};
    file_write("README", "nothing");
    ck_assert(!inventory_source_open(directory, &err));
    ck_assert(strstr(err.message, directory) && strstr(err.message, "*.yaml"));
}
END_TEST

START_TEST(a_text_brings_no_files_in)
{
    static const struct {
        const char *members, *code;
    } rows[] = {
        {"\"include\": \"x.jsonc\"", "include-failed"},
        {"\"zones\": {\"example.org\": {\"records\": \"x.zone\"}}", "records-failed"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct findings findings = {0};
        const char *text = arena_printf(
            &arena, "{\"srvplan\": 1, \"domains\": {\"example.org\": {}}, %s, " NODES "}",
            rows[i].members);
        struct bytes bytes = {(const uint8_t *)text, strlen(text)};
        ck_assert(!inventory_load(bytes, "t", &findings));
        ck_assert_uint_eq(findings.count, 1);
        ck_assert_str_eq(findings.items[0].code, rows[i].code);
        ck_assert_uint_eq(findings.items[0].line, 1);
        findings_fini(&findings);
    }
}
END_TEST

START_TEST(all_files_together_have_a_limit)
{
    size_t size = INVENTORY_MAX_BYTES / 2;
    char *blanks = malloc(size + 1);
    struct error err = {0};
    struct findings findings = {0};
    ck_assert(blanks != NULL);
    memset(blanks, ' ', size);
    blanks[size] = '\0';
    file_write("a.jsonc", "{\"srvplan\": 1, \"include\": [\"b.jsonc\", \"c.jsonc\"]}");
    file_write("c.jsonc", arena_printf(&arena, "%s{}", blanks));
    const char *main = arena_printf(&arena, "%s/a.jsonc", directory);
    file_write("b.jsonc", arena_printf(&arena, "%s{}", blanks));
    struct inventory_source *source = inventory_source_open(main, &err);
    ck_assert(source != NULL);
    ck_assert(!inventory_load_source(source, &findings));
    ck_assert_uint_eq(findings.count, 1);
    ck_assert_str_eq(findings.items[0].pointer, "/include/1");
    ck_assert(strstr(findings.items[0].message, "together") != NULL);
    inventory_source_free(source);
    findings_fini(&findings);
    free(blanks);
}
END_TEST

/* ---- pointers ---- */

static const struct {
    const char *pointer, *at, *became; /* became: NULL, the same */
} pointer_cases[] = {
    {"/nodes/n", "nodes.yaml:2:3", NULL},
    {"/nodes/n/addresses", "nodes.yaml:2:7", NULL},
    {"/nodes/n/addresses/0", "nodes.yaml:2:19", NULL},
    {"/nodes/n/capacity", "nodes.yaml:2:3", NULL}, /* not there: what it would stand in */
    {"/domains", "main.jsonc:4:3", NULL},
    {"/domains/chat.example.org", "main.jsonc:5:5", "/domains/Chat.Example.org."},
    {"/domains/xn--bcher-kva.example/ttl", "main.jsonc:6:24",
     "/domains/b\xc3\xbc"
     "cher.example/ttl"},
    {"/zones/_tcp.xn--bcher-kva.example", "main.jsonc:6:34",
     "/domains/b\xc3\xbc"
     "cher.example/zone"},
    {"/zones/chat.example.org", "main.jsonc:5:5", "/domains/Chat.Example.org."},
    {"/domains/nobody.example", "main.jsonc:4:3", NULL},
    {"/domains/conference.chat.example.org", "main.jsonc:5:27",
     "/domains/Chat.Example.org./components"},
    {"/zones/xn--bcher-kva.example/soa", "more.jsonc:1:14",
     "/zones/B\xc3\xbc"
     "cher.Example/soa"},
    {"/policy/guard/min_nodes", "main.jsonc:0:0", NULL}, /* none of it is there */
    {"", "main.jsonc:0:0", NULL},
};

START_TEST(pointers_become_files_lines_and_columns)
{
    struct findings findings = {0};
    struct error err = {0};
    file_write("nodes.yaml", "nodes:\n  n: {addresses: [192.0.2.1], host: n.example}\n");
    file_write("more.jsonc", "{ \"zones\": { \"B\xc3\xbc"
                             "cher.Example\": {} } }");
    const char *main =
        file_write("main.jsonc", "{\n  \"srvplan\": 1,\n  \"include\": [\"nodes.yaml\", "
                                 "\"more.jsonc\"],\n  \"domains\": {\n    "
                                 "\"Chat.Example.org.\": {\"components\": [\"conference\"]},\n    "
                                 "\"b\xc3\xbc"
                                 "cher.example\": {\"ttl\": 5, \"zone\": [\"_tcp.B\xc3\xbc"
                                 "cher.example\"]}\n  }\n}\n");
    struct inventory_source *source = inventory_source_open(main, &err);
    ck_assert_msg(source != NULL, "%s", err.message);
    inventory_free(load_good(source, main));
    for (size_t i = 0; i < COUNT_OF(pointer_cases); i++)
        findings_add(&findings, &(struct finding){.code = "x",
                                                  .pointer = pointer_cases[i].pointer,
                                                  .message = "x",
                                                  .mend = "x"});
    inventory_source_locate(source, &findings);
    for (size_t i = 0; i < COUNT_OF(pointer_cases); i++) {
        const struct finding *finding = &findings.items[i];
        const char *at = arena_printf(&arena, "%s:%u:%u", strrchr(finding->file, '/') + 1,
                                      finding->line, finding->column);
        ck_assert_msg(strcmp(at, pointer_cases[i].at) == 0, "%s: %s", pointer_cases[i].pointer, at);
        ck_assert_str_eq(finding->pointer, pointer_cases[i].became ? pointer_cases[i].became
                                                                   : pointer_cases[i].pointer);
    }
    inventory_source_free(source);
    findings_fini(&findings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inventory_source");
    TCase *fixed = tcase_create("fixtures");
    tcase_set_timeout(fixed, 60);
    tcase_add_checked_fixture(fixed, NULL, arena_clear);
    tcase_add_test(fixed, good_sources_load_and_their_one_text_means_the_same);
    tcase_add_test(fixed, wrong_sources_give_exactly_the_expected_findings);
    suite_add_tcase(suite, fixed);
    TCase *written = tcase_create("written");
    tcase_set_timeout(written, 60);
    tcase_add_checked_fixture(written, directory_make, directory_remove);
    tcase_add_test(written, the_digest_covers_every_file);
    tcase_add_test(written, one_jsonc_file_is_its_own_text_and_digest);
    tcase_add_test(written, what_cannot_be_read_at_all_is_an_error_with_its_path);
    tcase_add_test(written, a_text_brings_no_files_in);
    tcase_add_test(written, all_files_together_have_a_limit);
    tcase_add_test(written, pointers_become_files_lines_and_columns);
    suite_add_tcase(suite, written);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

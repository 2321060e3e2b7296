/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalogue by its fixtures: tests/lint/CODE/fires-SEVERITY*.{zone,jsonc} must give a finding
 * of that code and severity, quiet*.{zone,jsonc} none of that code. Every row of lint.def has both.
 *
 * A fixture's first lines may say more, each in a comment: "live" (answers, not a file), "apex
 * NAME", "authority NAME ADDRESS SERIAL|silent", "now TIME", "host-meta DOMAIN FILE" (beside the
 * fixture), and for inventories "serve" (judged as what is to be served). */
#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srvplan/inventory_load.h"
#include "srvplan/lint.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"
#include "zones/compile.h"
#include "zones/rrtype.h"
#include "zones/text.h"
#include "zones/zonefile_read.h"

enum {
    FIXTURES_MAX = 1000,
    FIXTURE_MAX_BYTES = 1 << 20,
    AUTHORITIES_MAX = 8,
    HOST_METAS_MAX = 4,
};

struct fixture {
    const char *code, *path;
    bool fires;
    enum finding_severity severity;
};

static struct fixture fixtures[FIXTURES_MAX];
static int fixture_count;
static struct arena arena;

/* ---- reading ---- */

struct directives {
    struct lint_records records;
    struct lint_authority authorities[AUTHORITIES_MAX];
    struct lint_host_meta host_metas[HOST_METAS_MAX];
    enum layout_need need;
    const char *path; /* of the fixture */
};

static struct name name_of(const char *text)
{
    struct name name;
    ck_assert(text_name_parse(&arena, text_from(text), &name, NULL));
    return name;
}

static void authority_read(struct directives *directives, const char *rest)
{
    char name[128], address[64], serial[32];
    ck_assert_int_eq(sscanf(rest, "%127s %63s %31s", name, address, serial), 3);
    struct lint_authority *authority =
        &directives->authorities[directives->records.authority_count++];
    *authority = (struct lint_authority){.name = name_of(name),
                                         .address = arena_cstr(&arena, text_from(address)),
                                         .has_answered = strcmp(serial, "silent") != 0,
                                         .serial = (uint32_t)strtoul(serial, NULL, 10)};
}

static void host_meta_read(struct directives *directives, const char *rest)
{
    char name[128], file[64];
    struct bytes text;
    struct error err = {0};
    ck_assert_int_eq(sscanf(rest, "%127s %63s", name, file), 2);
    const char *path =
        arena_printf(&arena, "%.*s/%s", (int)(strrchr(directives->path, '/') - directives->path),
                     directives->path, file);
    struct lint_host_meta *meta = &directives->host_metas[directives->records.host_meta_count++];
    meta->domain = name_of(name);
    ck_assert_msg(file_read(path, FIXTURE_MAX_BYTES, &text, &err), "%s", err.message);
    ck_assert_msg(host_meta_parse(&arena, text, path, &meta->meta, &err), "%s", err.message);
    free((void *)(uintptr_t)text.ptr);
}

static void directive_read(struct directives *directives, const char *line)
{
    line += strspn(line, ";/ ");
    if (strcmp(line, "live") == 0)
        directives->records.input = LINT_LIVE;
    else if (strcmp(line, "serve") == 0)
        directives->need = LAYOUT_FOR_ZONES;
    else if (strncmp(line, "apex ", 5) == 0)
        directives->records.apex = name_of(line + 5);
    else if (strncmp(line, "now ", 4) == 0)
        ck_assert(clock_parse(text_from(line + 4), &directives->records.at_ms));
    else if (strncmp(line, "authority ", 10) == 0)
        authority_read(directives, line + 10);
    else if (strncmp(line, "host-meta ", 10) == 0)
        host_meta_read(directives, line + 10);
}

static void directives_read(struct directives *directives, const char *path, struct bytes file)
{
    char *text = arena_cstr(&arena, (struct text){(const char *)file.ptr, file.len}), *rest;
    *directives = (struct directives){.records.input = LINT_FILE, .path = path};
    for (char *line = strtok_r(text, "\n", &rest); line && (*line == ';' || *line == '/');
         line = strtok_r(NULL, "\n", &rest))
        directive_read(directives, line);
    directives->records.authorities = directives->authorities;
    directives->records.host_metas = directives->host_metas;
}

static void zone_lint(struct directives *directives, struct text text, const char *path,
                      struct findings *findings)
{
    const struct zonefile_terms terms = {.origin = name_root, .ttl_s = 3600};
    struct zonefile_reading reading = zonefile_read(&arena, text, &terms);
    ck_assert_msg(reading.fault_count == 0, "%s:%u: %s", path,
                  reading.fault_count ? reading.faults[0].line : 0,
                  reading.fault_count ? reading.faults[0].message : "");
    struct lint_record *records = arena_array(&arena, struct lint_record, reading.record_count);
    for (uint32_t i = 0; i < reading.record_count; i++)
        records[i] = (struct lint_record){.owner = reading.records[i].owner,
                                          .type = reading.records[i].type,
                                          .ttl_s = reading.records[i].ttl_s,
                                          .rdata = reading.records[i].rdata,
                                          .file = path,
                                          .line = reading.records[i].line};
    directives->records.items = records;
    directives->records.count = reading.record_count;
    lint_records(&directives->records, findings);
}

static void inventory_lint(const struct directives *directives, const char *path,
                           struct findings *findings)
{
    static const struct overlays none = {0};
    struct error err = {0};
    struct inventory *inventory = inventory_load_file(path, findings, &err);
    ck_assert_msg(err.kind == ERROR_NONE, "%s", err.message);
    struct layout *layout = inventory ? layout_build(inventory, directives->need, findings) : NULL;
    if (layout) {
        struct plan *plan = plan_compute(&(struct plan_input){.layout = layout, .overlays = &none});
        for (size_t i = 0; i < plan->findings.count; i++)
            findings_add(findings, &plan->findings.items[i]);
        lint_plan(plan, directives->need, LINT_ALL, findings);
        lint_plan_host_metas(plan, directives->host_metas, directives->records.host_meta_count,
                             findings);
        plan_free(plan);
    }
    layout_free(layout);
    inventory_free(inventory);
}

static void fixture_lint(const struct fixture *fixture, struct findings *findings)
{
    struct bytes file;
    struct error err = {0};
    struct directives directives;
    ck_assert_msg(file_read(fixture->path, FIXTURE_MAX_BYTES, &file, &err), "%s", err.message);
    directives_read(&directives, fixture->path, file);
    if (strstr(fixture->path, ".jsonc"))
        inventory_lint(&directives, fixture->path, findings);
    else
        zone_lint(&directives, (struct text){(const char *)file.ptr, file.len}, fixture->path,
                  findings);
    free((void *)(uintptr_t)file.ptr);
}

/* ---- the folders ---- */

static void fixture_add(const char *folder, const char *code, const char *name)
{
    if (fixture_count == FIXTURES_MAX)
        abort(); /* checks are for tests */
    struct fixture *fixture = &fixtures[fixture_count++];
    fixture->code = arena_cstr(&arena, text_from(code));
    fixture->path = arena_printf(&arena, "%s/%s/%s", folder, code, name);
    fixture->fires = strncmp(name, "fires-", 6) == 0;
    for (int severity = FINDING_ERROR; severity <= FINDING_INFO; severity++) {
        const char *word = finding_severity_print((enum finding_severity)severity);
        if (fixture->fires && strncmp(name + 6, word, strlen(word)) == 0)
            fixture->severity = (enum finding_severity)severity;
    }
}

static void fixtures_find(void)
{
    const char *folder = arena_printf(&arena, "%s/tests/lint", getenv("SRVPLAN_SOURCE"));
    struct dirent **codes, **names;
    int code_count = scandir(folder, &codes, NULL, alphasort);
    for (int i = 0; i < code_count; i++) {
        const char *path = arena_printf(&arena, "%s/%s", folder, codes[i]->d_name);
        int name_count = codes[i]->d_name[0] == '.' ? 0 : scandir(path, &names, NULL, alphasort);
        for (int j = 0; j < name_count; j++) {
            if (strncmp(names[j]->d_name, "fires-", 6) == 0 ||
                strncmp(names[j]->d_name, "quiet", 5) == 0)
                fixture_add(folder, codes[i]->d_name, names[j]->d_name);
            free(names[j]);
        }
        if (name_count > 0)
            free(names);
        free(codes[i]);
    }
    if (code_count > 0)
        free(codes);
}

/* ---- tests ---- */

static const char *listed(const struct findings *findings)
{
    const char *list = "";
    for (size_t i = 0; i < findings->count; i++)
        list = arena_printf(&arena, "%s\n  %s %s: %s", list, findings->items[i].code,
                            finding_severity_print(findings->items[i].severity),
                            findings->items[i].message);
    return list;
}

START_TEST(a_fixture_fires_its_rule_or_does_not)
{
    const struct fixture *fixture = &fixtures[_i];
    struct findings findings = {0};
    uint32_t fired = 0, as_said = 0;
    fixture_lint(fixture, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        ck_assert_msg(finding->message[0] && finding->mend[0], "%s: %s without words",
                      fixture->path, finding->code);
        if (strcmp(finding->code, fixture->code) != 0)
            continue;
        fired++;
        as_said += finding->severity == fixture->severity;
        ck_assert_msg(finding->line || finding->pointer[0], "%s: without a place", fixture->path);
    }
    ck_assert_msg(fixture->fires ? as_said > 0 : fired == 0, "%s: fired %u times%s", fixture->path,
                  fired, listed(&findings));
    findings_fini(&findings);
}
END_TEST

START_TEST(every_rule_has_a_fixture_that_fires_and_one_that_does_not)
{
    const struct lint_row *row = &lint_rows[_i];
    uint32_t fires = 0, quiet = 0;
    for (int i = 0; i < fixture_count; i++) {
        bool is_its = strcmp(fixtures[i].code, row->code) == 0;
        fires += is_its && fixtures[i].fires && fixtures[i].severity == row->severity;
        quiet += is_its && !fixtures[i].fires;
    }
    ck_assert_msg(fires > 0, "%s %s: no fixture fires it", row->code,
                  finding_severity_print(row->severity));
    ck_assert_msg(quiet > 0, "%s: no fixture is quiet", row->code);
}
END_TEST

START_TEST(every_row_has_an_input_a_title_and_a_mend)
{
    const struct lint_row *row = &lint_rows[_i];
    ck_assert(row->inputs && row->title[0] && row->mend[0]);
    for (size_t i = 0; row->code[i]; i++) { /* "pool-unfair" is POOL_UNFAIR */
        char as_id = row->code[i] == '-' ? '_' : (char)toupper((unsigned char)row->code[i]);
        ck_assert_msg(row->id[i] == as_id, "%s is of %s", row->id, row->code);
    }
}
END_TEST

/* ---- the manual ---- */

/* Text in scdoc: underscores and stars would mark it. */
static const char *scdoc_escape(const char *text)
{
    char *escaped = arena_alloc(&arena, 2 * strlen(text) + 1), *out = escaped;
    for (; *text; text++) {
        if (*text == '_' || *text == '*')
            *out++ = '\\';
        *out++ = *text;
    }
    return escaped;
}

static const char *sentence(const char *text)
{
    char *copy = arena_cstr(&arena, text_from(text));
    size_t len = strlen(copy);
    copy[0] = copy[0] >= 'a' && copy[0] <= 'z' ? (char)(copy[0] - 'a' + 'A') : copy[0];
    if (copy[len - 1] == '.')
        copy[len - 1] = '\0';
    return scdoc_escape(copy);
}

static const char *inputs_print(unsigned inputs)
{
    static const struct {
        unsigned input;
        const char *name;
    } names[] = {{LINT_FILE, "zone files"},
                 {LINT_LIVE, "live DNS"},
                 {LINT_INVENTORY, "inventories"},
                 {LINT_HOST_META, "host-meta"}};
    const char *list = "";
    if (inputs == LINT_ANY)
        return "all";
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (inputs & names[i].input)
            list = arena_printf(&arena, "%s%s%s", list, list[0] ? ", " : "", names[i].name);
    return list;
}

START_TEST(the_manual_has_every_rule_with_severity_inputs_and_mend)
{
    const struct lint_row *row = &lint_rows[_i];
    const char *path =
        arena_printf(&arena, "%s/srvplan/man/srvplan-checks.7.scd", getenv("SRVPLAN_SOURCE"));
    const char *wanted = arena_printf(
        &arena, "\n*%s* %s (%s)\n\t%s. %s.\n", row->code, finding_severity_print(row->severity),
        inputs_print(row->inputs), sentence(row->title), sentence(row->mend));
    struct bytes manual;
    struct error err = {0};
    ck_assert_msg(file_read(path, FIXTURE_MAX_BYTES, &manual, &err), "%s", err.message);
    ck_assert_msg(strstr((const char *)manual.ptr, wanted), "write there:%s", wanted);
    free((void *)(uintptr_t)manual.ptr);
}
END_TEST

/* ---- numbers ---- */

/* The size that S01, S02 and S03 speak of is that of the message that the responder sends. */
static const struct {
    const char *fixture, *code;
    bool has_opt, has_addresses;
} sizes[] = {
    {"S01/fires-warning-inventory.jsonc", "S01", false, false},
    {"S02/fires-error-inventory.jsonc", "S02", true, false},
    {"S03/fires-warning-inventory.jsonc", "S03", true, true},
};

START_TEST(sizes_are_those_of_rendered_answers)
{
    enum {
        HEADER_BYTES = 12,
        QUESTION_TAIL_BYTES = 4,
        OPT_BYTES = 11
    };
    static const struct overlays none = {0};
    const char *path =
        arena_printf(&arena, "%s/tests/lint/%s", getenv("SRVPLAN_SOURCE"), sizes[_i].fixture);
    struct findings findings = {0};
    struct compiled compiled;
    struct error err = {0};
    struct inventory *inventory = inventory_load_file(path, &findings, &err);
    ck_assert_ptr_nonnull(inventory);
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    struct plan *plan = plan_compute(&(struct plan_input){.layout = layout, .overlays = &none});
    ck_assert_msg(compile_set(&arena, &plan->content, plan->content.sets, &compiled, &err), "%s",
                  err.message);
    size_t bytes = HEADER_BYTES + layout->declared[0].longest_owner_bytes + QUESTION_TAIL_BYTES +
                   (sizes[_i].has_addresses ? compiled.body.len : compiled.required_length) +
                   (sizes[_i].has_opt ? OPT_BYTES : 0);
    const char *wanted = arena_printf(&arena, " has %zu octets", bytes), *said = "";
    lint_plan(plan, LAYOUT_FOR_PLAN, LINT_ALL, &findings);
    for (size_t i = 0; i < findings.count; i++)
        if (strcmp(findings.items[i].code, sizes[_i].code) == 0)
            said = findings.items[i].message;
    ck_assert_msg(strstr(said, wanted), "%s: \"%s\", wanted \"%s\"", sizes[_i].code, said, wanted);
    plan_free(plan);
    layout_free(layout);
    inventory_free(inventory);
    findings_fini(&findings);
}
END_TEST

START_TEST(of_very_many_findings_the_rest_is_counted)
{
    enum {
        RECORDS = 250,
        LISTED = 100
    };
    struct lint_record *records = arena_array(&arena, struct lint_record, RECORDS);
    struct findings findings = {0};
    for (int i = 0; i < RECORDS; i++)
        records[i] = (struct lint_record){
            .owner = name_of(arena_printf(&arena, "_jabber._tcp.d%03d.example", i)),
            .type = RRTYPE_SRV,
            .ttl_s = 300,
            .rdata = text_rdata_srv(&arena, 1, 0, 5269, name_of("x.example")),
            .file = "f",
            .line = (uint32_t)i + 1};
    lint_records(&(struct lint_records){.items = records, .count = RECORDS, .input = LINT_FILE},
                 &findings);
    uint32_t count = 0;
    const char *last = "";
    for (size_t i = 0; i < findings.count; i++)
        if (strcmp(findings.items[i].code, "N03") == 0) {
            count++;
            last = findings.items[i].message;
        }
    ck_assert_uint_eq(count, LISTED + 1);
    ck_assert_str_eq(last, "obsolete service _jabber: 150 more of this kind are not listed");
    findings_fini(&findings);
}
END_TEST

int main(void)
{
    fixtures_find();
    Suite *suite = suite_create("lint");
    TCase *tcase = tcase_create("lint");
    tcase_add_loop_test(tcase, a_fixture_fires_its_rule_or_does_not, 0, fixture_count);
    tcase_add_loop_test(tcase, every_rule_has_a_fixture_that_fires_and_one_that_does_not, 0,
                        LINT_COUNT);
    tcase_add_loop_test(tcase, every_row_has_an_input_a_title_and_a_mend, 0, LINT_COUNT);
    tcase_add_loop_test(tcase, the_manual_has_every_rule_with_severity_inputs_and_mend, 0,
                        LINT_COUNT);
    tcase_add_loop_test(tcase, sizes_are_those_of_rendered_answers, 0, COUNT_OF(sizes));
    tcase_add_test(tcase, of_very_many_findings_the_rest_is_counted);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    arena_fini(&arena);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

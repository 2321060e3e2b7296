/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line that `drain --wait` draws for a node, at the widths of terminals. */
#include "srvplan/command/drain_bar.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1796519598000) /* 2026-12-06T01:13:18Z */

static const struct {
    const char *label;
    unsigned columns;
    bool is_utf8;
    const char *state, *clear_at;
    double part;
    const char *line;
} rows[] = {
    {"all of it", 110, true, "withdrawn", "2026-12-06T01:17:30Z", 0.25,
     "x2  withdrawn     ██████░░░░░░░░░░░░░░░░   25 % of caches  share 37.5 % → 0 %    clean "
     "01:17:30Z (in 4m 12s)"},
    {"plain ASCII", 110, false, "withdrawn", "2026-12-06T01:17:30Z", 0.25,
     "x2  withdrawn     ######----------------   25 % of caches  share 37.5 % -> 0 %   clean "
     "01:17:30Z (in 4m 12s)"},
    {"no room for shares", 80, true, "withdrawn", "2026-12-06T01:17:30Z", 0.5,
     "x2  withdrawn     ███████░░░░░░░   50 % of caches  clean 01:17:30Z (in 4m 12s)"},
    {"nor for a bar", 66, true, "withdrawn", "2026-12-06T01:17:30Z", 0.5,
     "x2  withdrawn      50 % of caches  clean 01:17:30Z (in 4m 12s)"},
    {"nor for numbers", 50, true, "lowering_ttl", "2026-12-06T01:17:30Z", 1,
     "x2  lowering_ttl  clean 01:17:30Z (in 4m 12s)"},
    {"cut, never wrapped", 40, true, "withdrawn", "2026-12-06T01:17:30Z", 0.5,
     "x2  withdrawn     clean 01:17:30Z (in 4"},
    {"a bar is empty only when all are clean", 110, true, "withdrawn", "2026-12-06T01:13:19Z",
     0.001,
     "x2  withdrawn     █░░░░░░░░░░░░░░░░░░░░░    0 % of caches  share 37.5 % → 0 %    clean "
     "01:13:19Z (in 1s)"},
    {"clear", 110, true, "clear", "2026-12-06T01:13:00Z", 0,
     "x2  clear         ░░░░░░░░░░░░░░░░░░░░░░    0 % of caches  share 37.5 % → 0 %    clean "
     "since 01:13:00Z"},
    {"not served", 110, true, "scheduled", NULL, 1,
     "x2  scheduled     ██████████████████████  100 % of caches  share 37.5 % → 0 %    not "
     "served yet"},
};

START_TEST(a_line_says_what_fits)
{
    struct arena arena = {0};
    struct output output = {.out = stdout, .err = stderr, .is_utf8 = rows[_i].is_utf8};
    json_t *drain =
        json_pack("{s:s, s:s, s:{s:f, s:f, s:f, s:s?}}", "node", "x2", "state", rows[_i].state,
                  "progress", "share_before", 0.375, "share_now", 0.0, "cached_fraction_max",
                  rows[_i].part, "dns_clear_at", rows[_i].clear_at);
    struct drain_line line = {
        .drain = drain, .now_ms = NOW_MS, .columns = rows[_i].columns, .node_width = 2};
    const char *got = drain_bar_print(&output, &line, &arena);
    ck_assert_msg(strcmp(got, rows[_i].line) == 0, "%s:\n%s\n%s", rows[_i].label, got,
                  rows[_i].line);
    json_decref(drain);
    arena_fini(&arena);
}
END_TEST

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    Suite *suite = suite_create("drain_bar");
    TCase *tcase = tcase_create("drain_bar");
    tcase_add_loop_test(tcase, a_line_says_what_fits, 0, sizeof rows / sizeof rows[0]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

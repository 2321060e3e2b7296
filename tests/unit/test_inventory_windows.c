/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load_text.h"

#include "srvplan/local_time.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREE_NODES                                                                                \
    "\"nodes\": {\"c\": {\"addresses\": [\"192.0.2.3\"], \"site\": \"s\"}, "                       \
    "\"b\": {\"addresses\": [\"192.0.2.2\"], \"state\": \"off\", \"site\": \"s\"}, "               \
    "\"a\": {\"addresses\": [\"192.0.2.1\"]}}"

static void windows_print(const struct inventory *inventory, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < inventory->window_count; i++) {
        const struct inventory_window *window = &inventory->windows[i];
        len += (size_t)snprintf(out + len, size - len, "%s%.*s:", i ? "; " : "",
                                (int)window->id.len, window->id.ptr);
        for (uint32_t k = 0; k < window->node_count; k++)
            len += (size_t)snprintf(out + len, size - len, " %s",
                                    inventory->nodes[window->nodes[k]].id.ptr);
        const struct text texts[] = {window->start, window->end, window->timezone, window->rrule,
                                     window->comment};
        for (size_t k = 0; k < COUNT_OF(texts); k++)
            len += (size_t)snprintf(out + len, size - len, " [%.*s]", (int)texts[k].len,
                                    texts[k].ptr ? texts[k].ptr : "");
        len += (size_t)snprintf(out + len, size - len, " %us%s", window->duration_s,
                                window->is_serial ? " serial" : "");
    }
}

static const struct {
    const char *label, *windows, *wanted;
} window_cases[] = {
    {"none", "{}", ""},
    {"once, in UTC",
     "{\"w\": {\"nodes\": [\"a\"], \"start\": \"2026-12-06T02:00\", \"duration\": \"2h\"}}",
     "w: a [2026-12-06T02:00] [] [UTC] [] [] 7200s"},
    {"every key, nodes in order of ids without those that are off",
     "{\"w\": {\"nodes\": [\"c\", \"*\"], \"start\": \"2026-12-06T02:00:30\", \"duration\": 60, "
     "\"timezone\": \"Europe/Amsterdam\", \"rrule\": \"FREQ=DAILY\", \"serial\": true, "
     "\"comment\": \"k\"}}",
     "w: a c [2026-12-06T02:00:30] [] [Europe/Amsterdam] [FREQ=DAILY] [k] 60s serial"},
    {"an end gives the duration, over the leap day",
     "{\"w\": {\"nodes\": [\"site:s\"], \"start\": \"2028-02-28T23:00\", "
     "\"end\": \"2028-03-01T01:00:05\"}}",
     "w: c [2028-02-28T23:00] [2028-03-01T01:00:05] [UTC] [] [] 93605s"},
    {"in the order of ids",
     "{\"z\": {\"nodes\": [\"a\"], \"start\": \"2026-12-06T02:00\", \"duration\": 1}, "
     "\"b\": {\"nodes\": [\"a\"], \"start\": \"2026-12-06T02:00\", \"duration\": 2}}",
     "b: a [2026-12-06T02:00] [] [UTC] [] [] 2s; z: a [2026-12-06T02:00] [] [UTC] [] [] 1s"},
};

START_TEST(windows_have_nodes_times_and_rules)
{
    char text[2048], got[1024];
    snprintf(text, sizeof text, "\"windows\": %s, " A_DOMAIN ", " THREE_NODES,
             window_cases[_i].windows);
    struct inventory *inventory = load_text(text);
    windows_print(inventory, got, sizeof got);
    ck_assert_msg(strcmp(got, window_cases[_i].wanted) == 0, "%s: %s", window_cases[_i].label, got);
    inventory_free(inventory);
}
END_TEST

START_TEST(a_window_of_nodes_that_are_off_is_left_out_and_said)
{
    static const char text[] =
        "{\"srvplan\": 1, \"windows\": {"
        "\"a\": {\"nodes\": [\"b\"], \"start\": \"2026-12-06T02:00\", \"duration\": 1}, "
        "\"b\": {\"nodes\": [\"a\"], \"start\": \"2026-12-06T02:00\", \"duration\": 1}}, " A_DOMAIN
        ", " THREE_NODES "}";
    struct findings findings = {0};
    struct inventory *inventory =
        inventory_load((struct bytes){(const uint8_t *)text, sizeof text - 1}, "t", &findings);
    ck_assert(inventory != NULL);
    ck_assert_uint_eq(findings.count, 1);
    ck_assert_str_eq(findings.items[0].code, "window-without-nodes");
    ck_assert_int_eq(findings.items[0].severity, FINDING_WARNING);
    ck_assert_uint_eq(inventory->window_count, 1);
    ck_assert(text_is(inventory->windows[0].id, "b"));
    inventory_free(inventory);
    findings_fini(&findings);
}
END_TEST

static const struct {
    const char *text;
    int64_t seconds; /* -1: refused */
} time_cases[] = {
    {"1970-01-01T00:00", 0},
    {"1970-01-01T00:00:01", 1},
    {"1972-03-01T00:00", 68256000}, /* 790 days */
    {"2026-12-06T02:00", 1796522400},
    {"2038-01-19T03:14:08", 2147483648},
    {"2100-02-28T23:59:59", 4107542399}, /* no leap year */
    {"2199-12-31T23:59:59", 7258118399},
    {"2000-02-29T00:00", 951782400},
    {"2100-02-29T00:00", -1},
    {"2026-04-31T00:00", -1},
    {"2200-01-01T00:00", -1},
    {"1969-12-31T23:59", -1},
    {"2026-00-06T02:00", -1},
    {"2026-12-00T02:00", -1},
    {"2026-12-06T02:60", -1},
    {"2026-12-06t02:00", -1},
    {"2026-12-06T02:00:", -1},
    {"2026-12-06T02:00:00.5", -1},
    {"+026-12-06T02:00", -1},
    {"", -1},
};

START_TEST(local_times_are_read_to_the_second)
{
    struct local_time time = {0};
    struct error err = {0};
    const char *text = time_cases[_i].text;
    bool is_good = local_time_parse(text_from(text), &time, &err);
    ck_assert_msg(is_good == (time_cases[_i].seconds >= 0), "%s", text);
    ck_assert_msg(!is_good || local_time_seconds(&time) == time_cases[_i].seconds, "%s: %lld", text,
                  (long long)local_time_seconds(&time));
    ck_assert(is_good || err.message[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inventory_windows");
    TCase *tcase = tcase_create("inventory_windows");
    tcase_add_loop_test(tcase, windows_have_nodes_times_and_rules, 0, COUNT_OF(window_cases));
    tcase_add_test(tcase, a_window_of_nodes_that_are_off_is_left_out_and_said);
    tcase_add_loop_test(tcase, local_times_are_read_to_the_second, 0, COUNT_OF(time_cases));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

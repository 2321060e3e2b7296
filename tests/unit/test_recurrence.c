/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/recurrence.h"
#include "srvplan/rrule.h"
#include "srvplan/tzrule.h"
#include "zones/base/clock.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct recurrence *make(struct arena *arena, const char *start, const char *zone,
                                     const char *rrule)
{
    struct local_time time;
    struct rrule_mistake mistake;
    struct error err = {0};
    ck_assert(local_time_parse(text_from(start), &time, NULL));
    ck_assert_msg(!rrule[0] || rrule_check(text_from(rrule), &time, &mistake), "%s", rrule);
    const struct tzfile *clock = tzfile_load(arena, TZFILE_DIRECTORY, text_from(zone), &err);
    ck_assert_msg(clock, "%s", err.message);
    const struct recurrence *made = recurrence_make(arena, time, clock, text_from(rrule), &err);
    ck_assert_msg(made, "%s: %s", rrule, err.message);
    return made;
}

static int64_t instant(const char *text)
{
    int64_t at_ms = 0;
    ck_assert_msg(clock_parse(text_from(text), &at_ms), "%s", text);
    return at_ms;
}

/* -- openings -----------------------------------------------------------------------------------
 */

static const struct {
    const char *label, *start, *zone, *rrule, *from;
    const char *openings[4]; /* from there on */
} rules[] = {
    {"once",
     "2026-12-06T02:00",
     "Europe/Amsterdam",
     "",
     "2020-01-01T00:00:00Z",
     {"2026-12-06T01:00:00Z"}},
    {"once, and asked for its very instant",
     "2026-12-06T02:00:30",
     "UTC",
     "",
     "2026-12-06T02:00:30Z",
     {"2026-12-06T02:00:30Z"}},
    {"once, and over", "2026-12-06T02:00", "UTC", "", "2026-12-06T02:00:01Z", {NULL}},
    {"every Sunday at two, over October: two o'clock comes twice, the first counts",
     "2026-10-18T02:00",
     "Europe/Amsterdam",
     "FREQ=WEEKLY;BYDAY=SU",
     "2026-10-18T00:00:00Z",
     {"2026-10-18T00:00:00Z", "2026-10-25T00:00:00Z", "2026-11-01T01:00:00Z",
      "2026-11-08T01:00:00Z"}},
    {"every Sunday at two, over March: there is no two o'clock, it is three",
     "2026-10-18T02:00",
     "Europe/Amsterdam",
     "FREQ=WEEKLY;BYDAY=SU",
     "2027-03-21T00:00:00Z",
     {"2027-03-21T01:00:00Z", "2027-03-28T01:00:00Z", "2027-04-04T00:00:00Z",
      "2027-04-11T00:00:00Z"}},
    {"half past two in March is half past three",
     "2027-03-27T02:30",
     "Europe/Amsterdam",
     "FREQ=DAILY",
     "2027-03-27T00:00:00Z",
     {"2027-03-27T01:30:00Z", "2027-03-28T01:30:00Z", "2027-03-29T00:30:00Z"}},
    {"a change of half an hour",
     "2026-10-03T02:15",
     "Australia/Lord_Howe",
     "FREQ=DAILY",
     "2026-10-02T00:00:00Z",
     {"2026-10-02T15:45:00Z", "2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z"}},
    {"a day that was left out falls on the next, once",
     "2011-12-29T02:00",
     "Pacific/Apia",
     "FREQ=DAILY",
     "2011-12-29T00:00:00Z",
     {"2011-12-29T12:00:00Z", "2011-12-30T12:00:00Z", "2011-12-31T12:00:00Z"}},
    {"no zone has a rule after 2037 in old libraries; this one has",
     "2026-01-04T02:00",
     "America/New_York",
     "FREQ=WEEKLY",
     "2050-07-01T00:00:00Z",
     {"2050-07-03T06:00:00Z"}},
    {"a start that the rule does not hit is none",
     "2026-12-06T02:00",
     "UTC",
     "FREQ=WEEKLY;BYDAY=TU",
     "2026-12-01T00:00:00Z",
     {"2026-12-08T02:00:00Z", "2026-12-15T02:00:00Z"}},
    {"the last of a month, years later",
     "2026-01-31T02:00",
     "UTC",
     "FREQ=MONTHLY;BYMONTHDAY=-1",
     "2040-02-01T00:00:00Z",
     {"2040-02-29T02:00:00Z", "2040-03-31T02:00:00Z"}},
    {"months without a 31st are left out",
     "2026-01-31T02:00",
     "UTC",
     "FREQ=MONTHLY",
     "2026-02-01T00:00:00Z",
     {"2026-03-31T02:00:00Z", "2026-05-31T02:00:00Z"}},
    {"the leap day",
     "2024-02-29T02:00",
     "UTC",
     "FREQ=YEARLY",
     "2025-01-01T00:00:00Z",
     {"2028-02-29T02:00:00Z", "2032-02-29T02:00:00Z"}},
    {"COUNT counts from the start, wherever one asks",
     "2026-12-01T02:00",
     "UTC",
     "FREQ=DAILY;COUNT=5",
     "2026-12-04T00:00:00Z",
     {"2026-12-04T02:00:00Z", "2026-12-05T02:00:00Z", NULL}},
    {"UNTIL is an instant, and the last one may be it",
     "2026-12-01T02:00",
     "Europe/Amsterdam",
     "FREQ=DAILY;UNTIL=20261203T010000Z",
     "2026-12-02T00:00:00Z",
     {"2026-12-02T01:00:00Z", "2026-12-03T01:00:00Z", NULL}},
    {"a second before it is too early",
     "2026-12-01T02:00",
     "Europe/Amsterdam",
     "FREQ=DAILY;UNTIL=20261203T005959Z",
     "2026-12-02T00:00:00Z",
     {"2026-12-02T01:00:00Z", NULL}},
    {"days from the end of a month, daily: libical overlooks them",
     "2026-12-01T02:00",
     "UTC",
     "FREQ=DAILY;BYMONTHDAY=-1,2",
     "2026-12-01T00:00:00Z",
     {"2026-12-02T02:00:00Z", "2026-12-31T02:00:00Z", "2027-01-02T02:00:00Z"}},
    {"every second Sunday from a Monday: libical counts the weeks from Sunday",
     "2026-06-01T02:00",
     "UTC",
     "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU",
     "2026-06-01T00:00:00Z",
     {"2026-06-07T02:00:00Z", "2026-06-21T02:00:00Z"}},
};

START_TEST(a_window_opens_at_these_instants)
{
    struct arena arena = {0};
    const struct recurrence *made = make(&arena, rules[_i].start, rules[_i].zone, rules[_i].rrule);
    int64_t from_ms = instant(rules[_i].from), at_ms = 0;
    for (size_t i = 0; i < COUNT_OF(rules[_i].openings); i++) {
        const char *want = rules[_i].openings[i];
        char got[CLOCK_TEXT_SIZE] = "none";
        if (recurrence_next(made, from_ms, &at_ms)) {
            clock_print(at_ms, got);
            from_ms = at_ms + 1;
        }
        if (!want && i > 0 && rules[_i].openings[i - 1] && strstr(rules[_i].rrule, "FREQ") &&
            !strstr(rules[_i].rrule, "COUNT") && !strstr(rules[_i].rrule, "UNTIL"))
            break; /* it goes on, and the row says no more */
        ck_assert_msg(strcmp(got, want ? want : "none") == 0, "%s: opening %zu is %s",
                      rules[_i].label, i, got);
        if (!want)
            break;
    }
    arena_fini(&arena);
}
END_TEST

START_TEST(a_stretch_of_time_is_half_open_and_bounded)
{
    struct arena arena = {0};
    const struct recurrence *daily = make(&arena, "2026-12-01T02:00", "UTC", "FREQ=DAILY");
    int64_t at_ms[5] = {0};
    int64_t from_ms = instant("2026-12-03T02:00:00Z"), to_ms = instant("2026-12-06T02:00:00Z");
    ck_assert_uint_eq(recurrence_expand(daily, from_ms, to_ms, at_ms, 5), 3);
    ck_assert_int_eq(at_ms[0], from_ms);
    ck_assert_int_eq(at_ms[2], to_ms - 86400000);
    ck_assert_uint_eq(recurrence_expand(daily, from_ms, to_ms, at_ms, 2), 2);
    ck_assert_uint_eq(recurrence_expand(daily, from_ms, from_ms, at_ms, 5), 0);
    ck_assert_uint_eq(recurrence_expand(daily, to_ms, from_ms, at_ms, 5), 0);
    arena_fini(&arena);
}
END_TEST

START_TEST(a_rule_without_any_day_is_refused)
{
    static const char *const rules_without[] = {
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO", /* from a Sunday */
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=11",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
    };
    struct arena arena = {0};
    struct error err = {0};
    struct local_time start;
    ck_assert(local_time_parse(text_from("2026-12-06T02:00"), &start, NULL));
    const struct tzfile *utc = tzfile_load(&arena, TZFILE_DIRECTORY, text_from("UTC"), &err);
    const char *rrule = rules_without[_i];
    ck_assert_msg(!recurrence_make(&arena, start, utc, text_from(rrule), &err), "%s", rrule);
    ck_assert_msg(strstr(err.message, "would never open"), "%s", err.message);
    arena_fini(&arena);
}
END_TEST

START_TEST(an_hour_on_the_wall_may_be_none_or_two)
{
    struct arena arena = {0};
    const struct recurrence *made = make(&arena, "2026-10-24T23:00", "Europe/Amsterdam", "");
    static const struct {
        const char *from;
        uint32_t wall_s;
        const char *to;
    } rows[] = {
        {"2026-10-24T21:00:00Z", 4 * 3600, "2026-10-25T02:00:00Z"}, /* 23:00 to 03:00, winter */
        {"2027-03-27T22:00:00Z", 4 * 3600, "2027-03-28T01:00:00Z"}, /* 23:00 to 03:00, summer */
        {"2026-12-06T01:00:00Z", 4 * 3600, "2026-12-06T05:00:00Z"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        ck_assert_int_eq(recurrence_later_ms(made, instant(rows[i].from), rows[i].wall_s),
                         instant(rows[i].to));
    arena_fini(&arena);
}
END_TEST

/* -- clocks -------------------------------------------------------------------------------------
 */

static const char *const zones[] = {
    "Europe/Amsterdam", "America/New_York",  "Australia/Lord_Howe",
    "Pacific/Apia",     "Africa/Casablanca", "America/St_Johns",
    "Asia/Kathmandu",   "Europe/Dublin",     "America/Santiago",
    "Asia/Gaza",        "Etc/GMT+5",         "Antarctica/Troll",
    "America/Nuuk",     "Africa/Cairo",      "UTC",
};

START_TEST(clocks_show_what_the_c_library_shows)
{
    struct arena arena = {0};
    struct error err = {0};
    const struct tzfile *zone = tzfile_load(&arena, TZFILE_DIRECTORY, text_from(zones[_i]), &err);
    ck_assert_msg(zone, "%s", err.message);
    setenv("TZ", zones[_i], 1);
    tzset();
    for (int64_t at_s = 0; at_s < INT64_C(4102444800); at_s += 43201) {
        time_t at = (time_t)at_s;
        struct tm tm;
        localtime_r(&at, &tm);
        int32_t offset_s = tzfile_offset_s(zone, at_s);
        ck_assert_msg(offset_s == tm.tm_gmtoff, "%s at %lld: %d, not %ld", zones[_i],
                      (long long)at_s, offset_s, tm.tm_gmtoff);
        /* There and back, but for the second of two. */
        int64_t back_s = tzfile_utc_s(zone, at_s + offset_s);
        ck_assert_msg(back_s == at_s || (back_s < at_s &&
                                         tzfile_offset_s(zone, back_s) + back_s == at_s + offset_s),
                      "%s at %lld: back at %lld", zones[_i], (long long)at_s, (long long)back_s);
    }
    arena_fini(&arena);
}
END_TEST

static const struct {
    const char *name;
    enum error_kind kind;
    const char *says;
} unknown[] = {
    {"Europe/Amsterdm", ERROR_INVALID, "found \"Europe/Amsterdm\""},
    {"Europe", ERROR_INVALID, "found \"Europe\""},
    {"", ERROR_INVALID, "found \"\""},
    {"../../../etc/passwd", ERROR_INVALID, "found"},
    {"/etc/passwd", ERROR_INVALID, "found"},
    {"zone1970.tab", ERROR_INVALID, "found"},
    {"tzdata.zi", ERROR_INVALID, "found"},
};

START_TEST(a_zone_that_is_none_is_refused)
{
    struct arena arena = {0};
    struct error err = {0};
    const char *name = unknown[_i].name;
    ck_assert_msg(!tzfile_load(&arena, TZFILE_DIRECTORY, text_from(name), &err), "%s", name);
    ck_assert_msg(err.kind == unknown[_i].kind && strstr(err.message, unknown[_i].says), "%s: %s",
                  name, err.message);
    arena_fini(&arena);
}
END_TEST

START_TEST(without_any_zones_only_utc_is_there)
{
    struct arena arena = {0};
    struct error err = {0};
    ck_assert(!tzfile_load(&arena, "/nonexistent", text_from("Europe/Amsterdam"), &err));
    ck_assert_int_eq(err.kind, ERROR_SYSTEM);
    ck_assert_msg(strstr(err.message, "no time zones at all"), "%s", err.message);
    ck_assert(tzfile_load(&arena, "/nonexistent", text_from("UTC"), &err));
    arena_fini(&arena);
}
END_TEST

/* A file cut anywhere, or with a byte changed, is refused or read, and never read beyond. */
START_TEST(damaged_files_do_no_harm)
{
    char directory[] = "/tmp/srvplan-zone-XXXXXX", path[64];
    uint8_t whole[4096], changed[4096];
    ck_assert(mkdtemp(directory));
    FILE *in = fopen(TZFILE_DIRECTORY "/Europe/Amsterdam", "rb");
    size_t size = fread(whole, 1, sizeof whole, in);
    fclose(in);
    ck_assert(size > 100 && size < sizeof whole);
    snprintf(path, sizeof path, "%s/zone", directory);
    for (size_t i = 0; i < 2 * size; i += 1 + i % 3) {
        struct arena arena = {0};
        struct error err = {0};
        size_t len = i < size ? i : size;
        memcpy(changed, whole, size);
        if (i >= size)
            changed[i - size] ^= (uint8_t)(1 + i);
        FILE *out = fopen(path, "wb");
        ck_assert_uint_eq(fwrite(changed, 1, len, out), len);
        fclose(out);
        const struct tzfile *zone = tzfile_load(&arena, directory, text_from("zone"), &err);
        ck_assert_msg(zone || err.message[0], "%zu", i);
        if (zone)
            ck_assert_int_le(abs(tzfile_offset_s(zone, INT64_C(1790000000))), 200 * 3600);
        arena_fini(&arena);
    }
    unlink(path);
    rmdir(directory);
}
END_TEST

static const struct {
    const char *text;
    bool is_rule;
} footers[] = {
    {"UTC0", true},
    {"CET-1CEST,M3.5.0,M10.5.0/3", true},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", true},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", true},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", true},
    {"XXX3EDT4,0/0,J365/23", true},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true},
    {"", false},
    {"CET", false},
    {"C-1", false},
    {"CET-1CEST", false},
    {"CET-1CEST,M3.5.0", false},
    {"CET-1CEST,M13.5.0,M10.5.0", false},
    {"CET-1CEST,M3.6.0,M10.5.0", false},
    {"CET-1CEST,M3.5.7,M10.5.0", false},
    {"CET-1CEST,J0,M10.5.0", false},
    {"CET-168", false},
    {"<CET-1", false},
    {"CET-1CEST,M3.5.0,M10.5.0/3 ", false},
};

START_TEST(a_footer_is_a_rule_or_none)
{
    struct tzrule rule;
    ck_assert_msg(tzrule_parse(text_from(footers[_i].text), &rule) == footers[_i].is_rule, "%s",
                  footers[_i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recurrence");
    TCase *tcase = tcase_create("recurrence");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_window_opens_at_these_instants, 0, COUNT_OF(rules));
    tcase_add_test(tcase, a_stretch_of_time_is_half_open_and_bounded);
    tcase_add_loop_test(tcase, a_rule_without_any_day_is_refused, 0, 4);
    tcase_add_test(tcase, an_hour_on_the_wall_may_be_none_or_two);
    tcase_add_loop_test(tcase, clocks_show_what_the_c_library_shows, 0, COUNT_OF(zones));
    tcase_add_loop_test(tcase, a_zone_that_is_none_is_refused, 0, COUNT_OF(unknown));
    tcase_add_test(tcase, without_any_zones_only_utc_is_there);
    tcase_add_test(tcase, damaged_files_do_no_harm);
    tcase_add_loop_test(tcase, a_footer_is_a_rule_or_none, 0, COUNT_OF(footers));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

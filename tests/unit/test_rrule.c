/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/rrule.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Sunday, 6 December 2026, 02:30:15. */
static const struct local_time start = {2026, 12, 6, 2, 30, 15};

static const struct {
    const char *rule;
    const char *refused_with; /* part of the message; NULL: it is good */
    const char *mend;         /* part of it */
} cases[] = {
    {"FREQ=DAILY", NULL, NULL},
    {"FREQ=WEEKLY;BYDAY=SU", NULL, NULL},
    {"FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=SU,MO,TU,WE,TH,FR,SA", NULL, NULL},
    {"FREQ=DAILY;BYMONTH=1,12;BYMONTHDAY=-31,31", NULL, NULL},
    {"FREQ=MONTHLY;BYDAY=1SU,-5MO,+5TU", NULL, NULL},
    {"FREQ=YEARLY;BYDAY=53SU,-53MO", NULL, NULL},
    {"FREQ=YEARLY;BYWEEKNO=53,-53;BYDAY=MO", NULL, NULL},
    {"FREQ=YEARLY;BYYEARDAY=366,-366", NULL, NULL},
    {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", NULL, NULL}, /* every leap year */
    {"FREQ=MONTHLY;BYDAY=MO,FR;BYSETPOS=-1", NULL, NULL},
    {"FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=15", NULL, NULL},
    {"FREQ=DAILY;UNTIL=20261206T023015Z", NULL, NULL},
    {"FREQ=DAILY;UNTIL=20261205T023015Z", NULL, NULL}, /* another day, in some time zone */
    {"FREQ=DAILY;COUNT=1", NULL, NULL},
    {"FREQ=DAILY;COUNT=10000;INTERVAL=1000", NULL, NULL},

    {"", "begins with FREQ=", "FREQ=WEEKLY;BYDAY=SU"},
    {";", "begins with FREQ=", NULL},
    {"FREQ", "a value for FREQ", NULL},
    {"FREQ=", "a value for FREQ", NULL},
    {"INTERVAL=2;FREQ=DAILY", "begins with FREQ=", NULL},
    {"FREQ=DAILY;", "found \"\"", NULL},
    {"FREQ=DAILY;;COUNT=1", "found \"\"", NULL},
    {"FREQ=DAILY\n;COUNT=1", "DAILY?", NULL}, /* nothing odd reaches a terminal */
    {"FREQ=DAYLY", "DAYLY", "did you mean FREQ=DAILY?"},
    {"FREQ=HOURLY;INTERVAL=24", "at most one start a day", "DAILY"},
    {"FREQ=MINUTELY", "at most one start a day", NULL},
    {"FREQ=SECONDLY", "at most one start a day", NULL},
    {"FREQ=DAILY;INTERVALL=2", "INTERVALL", "did you mean INTERVAL?"},
    {"FREQ=DAILY;X=2", "found \"X\"", "RFC 5545"},
    {"FREQ=DAILY;COUNT=2;COUNT=3", "COUNT once", "remove one"},
    {"FREQ=DAILY;COUNT=2;UNTIL=20301206T023015Z", "UNTIL or COUNT", "remove one"},
    {"FREQ=DAILY;COUNT=+2", "COUNT of 1 to 10000", NULL},
    {"FREQ=DAILY;COUNT=2,3", "one number", NULL},
    {"FREQ=DAILY;COUNT=2147483648", "COUNT of 1 to 10000", NULL},
    {"FREQ=DAILY;INTERVAL=0", "INTERVAL of 1 to 1000", NULL},
    {"FREQ=DAILY;BYHOUR=002", "BYHOUR of 0 to 23", NULL},
    {"FREQ=DAILY;COUNT=00002", NULL, NULL},
    {"FREQ=DAILY;COUNT=000002", "COUNT of 1 to 10000", NULL},
    {"FREQ=DAILY;UNTIL=20301206", "in UTC", "UNTIL=20271231T235959Z"},
    {"FREQ=DAILY;UNTIL=20301206T023015", "in UTC", NULL},
    {"FREQ=DAILY;UNTIL=20300229T023015Z", "in UTC", NULL},
    {"FREQ=DAILY;UNTIL=2030120aT023015Z", "in UTC", NULL},
    {"FREQ=DAILY;UNTIL=20261205T023014Z", "after the start 2026-12-06", "a later UNTIL"},
    {"FREQ=DAILY;BYHOUR=2,3", "more than one start a day", NULL},
    {"FREQ=DAILY;BYHOUR=3", "BYHOUR=2, as the start has it", "remove it"},
    {"FREQ=DAILY;BYMINUTE=31", "BYMINUTE=30", NULL},
    {"FREQ=DAILY;BYSECOND=16", "BYSECOND=15", NULL},
    {"FREQ=WEEKLY;BYDAY=1SU", "without a number", "FREQ=MONTHLY"},
    {"FREQ=MONTHLY;BYDAY=6SU", "that a month has", NULL},
    {"FREQ=MONTHLY;BYDAY=-6SU", "that a month has", NULL},
    {"FREQ=MONTHLY;BYDAY=0SU", "weekdays", NULL},
    {"FREQ=MONTHLY;BYDAY=SUN", "weekdays", NULL},
    {"FREQ=MONTHLY;BYDAY=SU,", "found \"\"", NULL},
    {"FREQ=WEEKLY;BYMONTHDAY=1", "no BYMONTHDAY", NULL},
    {"FREQ=DAILY;BYYEARDAY=1", "no BYYEARDAY", NULL},
    {"FREQ=MONTHLY;BYWEEKNO=1", "no BYWEEKNO", NULL},
    {"FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "without numbers beside BYWEEKNO", NULL},
    {"FREQ=YEARLY;BYWEEKNO=54", "1 to 53, or as many from the end", NULL},
    {"FREQ=YEARLY;BYMONTH=4,6,9,11;BYMONTHDAY=31", "would never open", NULL},
    {"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30,-30", "would never open", NULL},
    {"FREQ=MONTHLY;BYSETPOS=1", "beside BYSETPOS", NULL},
    {"FREQ=MONTHLY;COUNT=2;BYSETPOS=1", "beside BYSETPOS", NULL},
};

START_TEST(a_rule_is_good_or_says_what_is_wrong)
{
    struct rrule_mistake mistake = {0};
    const char *rule = cases[_i].rule, *refused_with = cases[_i].refused_with;
    bool is_good = rrule_check(text_from(rule), &start, &mistake);
    ck_assert_msg(is_good == !refused_with, "%s: %s", rule, mistake.message);
    ck_assert_msg(is_good || strstr(mistake.message, refused_with), "%s: %s", rule,
                  mistake.message);
    ck_assert_msg(is_good || mistake.mend[0], "%s", rule);
    ck_assert_msg(!cases[_i].mend || strstr(mistake.mend, cases[_i].mend), "%s: %s", rule,
                  mistake.mend);
}
END_TEST

START_TEST(without_a_start_only_the_rule_itself_is_judged)
{
    struct rrule_mistake mistake;
    ck_assert(rrule_check(text_from("FREQ=DAILY;BYHOUR=7;UNTIL=19700101T000000Z"), NULL, &mistake));
    ck_assert(!rrule_check(text_from("FREQ=DAILY;BYHOUR=7,8"), NULL, &mistake));
}
END_TEST

START_TEST(a_rule_of_any_length_is_refused_with_its_limit)
{
    enum {
        LONG = 100000
    };
    struct rrule_mistake mistake;
    char *rule = malloc(LONG);
    ck_assert(rule != NULL);
    memset(rule, ',', LONG);
    memcpy(rule, "FREQ=YEARLY;BYMONTH=", 20);
    ck_assert(!rrule_check((struct text){rule, LONG}, &start, &mistake));
    ck_assert(strstr(mistake.message, "at most 500") != NULL);
    ck_assert(!rrule_check((struct text){rule, RRULE_MAX_BYTES}, &start, &mistake));
    for (size_t i = 20; i < RRULE_MAX_BYTES; i += 2)
        rule[i] = '1';
    ck_assert(!rrule_check((struct text){rule, RRULE_MAX_BYTES - 1}, &start, &mistake));
    ck_assert(strstr(mistake.message, "fewer numbers") != NULL);
    free(rule);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rrule");
    TCase *tcase = tcase_create("rrule");
    tcase_add_loop_test(tcase, a_rule_is_good_or_says_what_is_wrong, 0, COUNT_OF(cases));
    tcase_add_test(tcase, without_a_start_only_the_rule_itself_is_judged);
    tcase_add_test(tcase, a_rule_of_any_length_is_refused_with_its_limit);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

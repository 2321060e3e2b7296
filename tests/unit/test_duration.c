/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/duration.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    uint32_t max_s, seconds;
    const char *refused_with;
} cases[] = {
    {"0s", DURATION_MAX_S, 0, NULL},
    {"5m", DURATION_MAX_S, 300, NULL},
    {"1h30m", DURATION_MAX_S, 5400, NULL},
    {"1w2d3h4m5s", DURATION_MAX_S, 788645, NULL},
    {"1m1m", DURATION_MAX_S, 120, NULL},
    {"007s", DURATION_MAX_S, 7, NULL},
    {"2147483647s", DURATION_MAX_S, 2147483647, NULL},
    {"2147483648s", DURATION_MAX_S, 0, "at most 2147483647 seconds"},
    {"60s", 59, 0, "at most 59 seconds"},
    {"99999999999999999999s", DURATION_MAX_S, 0, "at most"},
    {"18446744073709551615w", DURATION_MAX_S, 0, "at most"},
    {"144115188075855872w", DURATION_MAX_S, 0, "at most"}, /* 0 in 64 bits */
    {"", DURATION_MAX_S, 0, "found nothing"},
    {"300", DURATION_MAX_S, 0, "a unit each"},
    {"m", DURATION_MAX_S, 0, "a unit each"},
    {"5m3", DURATION_MAX_S, 0, "a unit each"},
    {"5 m", DURATION_MAX_S, 0, "a unit each"},
    {"5M", DURATION_MAX_S, 0, "a unit each"},
    {"-5m", DURATION_MAX_S, 0, "a unit each"},
    {"1.5h", DURATION_MAX_S, 0, "a unit each"},
    {"5min", DURATION_MAX_S, 0, "a unit each"},
};

START_TEST(durations_become_seconds_or_a_reason)
{
    struct error err = {0};
    uint32_t seconds = 4711;
    bool ok = duration_parse(text_from(cases[_i].text), cases[_i].max_s, &seconds, &err);

    ck_assert_msg(ok == !cases[_i].refused_with, "\"%s\": %s", cases[_i].text, err.message);
    if (ok)
        ck_assert_msg(seconds == cases[_i].seconds, "\"%s\": %u", cases[_i].text, seconds);
    else
        ck_assert_msg(seconds == 4711 && strstr(err.message, cases[_i].refused_with), "\"%s\": %s",
                      cases[_i].text, err.message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("duration");
    TCase *tcase = tcase_create("duration");
    tcase_add_loop_test(tcase, durations_become_seconds_or_a_reason, 0, COUNT_OF(cases));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

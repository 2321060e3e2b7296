/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_numbers.h"
#include "srvplan/report/svg.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *label, *text, *written;
} texts[] = {
    {"plain text stays", "xmpp1", "xmpp1"},
    {"markup is escaped", "<a href=\"x\">&", "&lt;a href=&quot;x&quot;&gt;&amp;"},
    {"UTF-8 stays", "Zürich 東京 😀", "Zürich 東京 😀"},
    {"control characters do not", "a\nb\x1b[31m\x7f", "a?b?[31m?"},
    {"broken UTF-8 does not", "\xC3(\xFF\xE2\x82", "?(???"},
    {"overlong forms and surrogates do not", "\xC0\xAF\xED\xA0\x80", "?????"},
    {"what XML forbids does not", "\xEF\xBF\xBF", "???"},
};

START_TEST(text_cannot_break_the_document)
{
    char *document = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&document, &size);
    struct svg svg = {out};
    svg_text(&svg, "ink", (struct svg_point){1, 2}, SVG_END, texts[_i].text);
    fclose(out);
    char expected[256];
    snprintf(expected, sizeof expected,
             "<text class=\"ink\" x=\"1.00\" y=\"2.00\" text-anchor=\"end\">%s</text>\n",
             texts[_i].written);
    ck_assert_msg(strcmp(document, expected) == 0, "%s: %s", texts[_i].label, document);
    free(document);
}
END_TEST

static const struct {
    double duration_s;
    const char *text;
} durations[] = {
    {0, "0 s"},        {0.2, "1 s"},   {59, "59 s"},       {60, "1 m"},
    {330, "5 m 30 s"}, {3600, "1 h"},  {3601, "1 h 1 m"},  {3660, "1 h 1 m"},
    {7199, "2 h"},     {86400, "1 d"}, {86401, "1 d 1 h"}, {200000, "2 d 8 h"},
};

/* What is safe after a time is never said to be safe before it. */
START_TEST(durations_are_rounded_up)
{
    struct arena arena = {0};
    ck_assert_str_eq(number_duration(durations[_i].duration_s, &arena), durations[_i].text);
    arena_fini(&arena);
}
END_TEST

START_TEST(counts_have_gaps_between_thousands)
{
    struct arena arena = {0};
    ck_assert_str_eq(number_count(999.4, &arena), "999");
    ck_assert_str_eq(number_count(999.6, &arena), "1 000");
    ck_assert_str_eq(number_count(76500, &arena), "76 500");
    ck_assert_str_eq(number_count(2500000, &arena), "2.5 M");
    arena_fini(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("svg");
    TCase *tests = tcase_create("svg");
    tcase_add_loop_test(tests, text_cannot_break_the_document, 0, COUNT_OF(texts));
    tcase_add_loop_test(tests, durations_are_rounded_up, 0, COUNT_OF(durations));
    tcase_add_test(tests, counts_have_gaps_between_thousands);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

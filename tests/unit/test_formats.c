/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clean, escape and report_yaml make of text that nobody should trust. */
#include "srvplan/report/clean.h"
#include "srvplan/report/escape.h"
#include "srvplan/report/report_yaml.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ARROW "\xe2\x86\x92"
#define OVERRIDE "\xe2\x80\xae" /* U+202E: what follows is read from the right */

static const struct {
    const char *text, *utf8, *ascii;
} cleaned[] = {
    {"plain", "plain", "plain"},
    {"", "", ""},
    {"a" ARROW "b", "a" ARROW "b", "a?b"},
    {"\033[31mred\033[0m\n\t\x7f", "?[31mred?[0m???", "?[31mred?[0m???"},
    {"x" OVERRIDE "y", "x?y", "x?y"},
    {"\xc2\x85", "?", "?"},               /* NEL, a control of ISO 8859 */
    {"\xff\xc3", "??", "??"},             /* no UTF-8; cut off */
    {"\xc0\xaf", "??", "??"},             /* "/" in two bytes */
    {"\xed\xa0\x80", "???", "???"},       /* a surrogate */
    {"\xf4\x90\x80\x80", "????", "????"}, /* beyond Unicode */
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "?"},
};

START_TEST(text_is_shown_without_its_controls)
{
    struct arena arena = {0};
    ck_assert_str_eq(clean_text(cleaned[_i].text, CLEAN_UTF8, &arena), cleaned[_i].utf8);
    ck_assert_str_eq(clean_text(cleaned[_i].text, CLEAN_ASCII, &arena), cleaned[_i].ascii);
    arena_fini(&arena);
}
END_TEST

static const struct {
    const char *text, *html, *md, *code, *csv;
} escaped[] = {
    {"<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;", "&lt;b&gt;&amp;\"'", "`<b>&\"'`", "\"<b>&\"\"'\""},
    {"a|b`c", "a|b`c", "a\\|b\\`c", "`a\\|b?c`", "a|b`c"},
    {"_x_ *y* [z]", "_x_ *y* [z]", "\\_x\\_ \\*y\\* \\[z\\]", "`_x_ *y* [z]`", "_x_ *y* [z]"},
    {"@ops #7", "@ops #7", "\\@ops \\#7", "`@ops #7`", "@ops #7"},
    {"a,b\nc", "a,b?c", "a,b?c", "`a,b?c`", "\"a,b?c\""},
};

static const char *written(void (*escape)(FILE *, const char *), const char *text, char got[256])
{
    FILE *out = fmemopen(got, 256, "w");
    escape(out, text);
    fclose(out);
    return got;
}

START_TEST(text_is_text_in_every_format)
{
    char got[256];
    ck_assert_str_eq(written(escape_html, escaped[_i].text, got), escaped[_i].html);
    ck_assert_str_eq(written(escape_md, escaped[_i].text, got), escaped[_i].md);
    ck_assert_str_eq(written(escape_md_code, escaped[_i].text, got), escaped[_i].code);
    ck_assert_str_eq(written(escape_csv, escaped[_i].text, got), escaped[_i].csv);
}
END_TEST

static const struct {
    const char *json, *yaml;
} trees[] = {
    {"{\"a\":1,\"b\":[],\"c\":{},\"d\":null,\"e\":true,\"f\":0.5}",
     "a: 1\nb: []\nc: {}\nd: null\ne: true\nf: 0.5\n"},
    {"{\"a\":[1,[2,3],{\"b\":4,\"c\":[5]}]}",
     "a:\n  - 1\n  - - 2\n    - 3\n  - b: 4\n    c:\n      - 5\n"},
    {"[\"no\",\"Yes\",\"y\",\"null\",\"1\",\"1.0\",\"~\",\"\"]",
     "- \"no\"\n- \"Yes\"\n- \"y\"\n- \"null\"\n- \"1\"\n- \"1.0\"\n- \"~\"\n- \"\"\n"},
    {"[\"example.org.\",\"a/b\",\"a b\",\"a: b\",\"#c\",\"-\",\"2026-12-06\"]",
     "- example.org.\n- a/b\n- \"a b\"\n- \"a: b\"\n- \"#c\"\n- \"-\"\n- \"2026-12-06\"\n"},
    {"{\"no\":\"\\u2192\",\"x\":\"\\u0000\\n\"}", "\"no\": \"\\u2192\"\nx: \"\\u0000\\n\"\n"},
    {"{}", "{}\n"},
};

START_TEST(a_tree_is_yaml)
{
    char *text = NULL;
    size_t size = 0;
    json_t *tree = json_loads(trees[_i].json, JSON_ALLOW_NUL, NULL);
    ck_assert_ptr_nonnull(tree);
    FILE *out = open_memstream(&text, &size);
    report_yaml(out, tree);
    fclose(out);
    ck_assert_str_eq(text, trees[_i].yaml);
    free(text);
    json_decref(tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats");
    TCase *tcase = tcase_create("formats");
    tcase_add_loop_test(tcase, text_is_shown_without_its_controls, 0, COUNT_OF(cleaned));
    tcase_add_loop_test(tcase, text_is_text_in_every_format, 0, COUNT_OF(escaped));
    tcase_add_loop_test(tcase, a_tree_is_yaml, 0, COUNT_OF(trees));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

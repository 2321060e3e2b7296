/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/yaml.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_BYTES = 1 << 20
};

static struct arena arena;

static void arena_clear(void)
{
    arena_fini(&arena);
}

static bool convert(const char *yaml, struct yaml_json *json, struct yaml_fault *fault)
{
    *json = (struct yaml_json){0};
    *fault = (struct yaml_fault){0};
    return yaml_to_json((struct bytes){(const uint8_t *)yaml, strlen(yaml)}, MAX_BYTES, &arena,
                        json, fault);
}

static const struct {
    const char *label, *yaml, *json;
} value_cases[] = {
    {"an object", "a: 1\nb: x\n", "{\"a\":1,\"b\":\"x\"}"},
    {"levels", "a:\n  b:\n    - 1\n    - c: 2\n      d: 3\n",
     "{\"a\":{\"b\":[1,{\"c\":2,\"d\":3}]}}"},
    {"a list at the indentation of its key", "a:\n- 1\n- 2\n", "{\"a\":[1,2]}"},
    {"flow style", "{a: [1, 'x', \"y\"], b: {}, c: []}",
     "{\"a\":[1,\"x\",\"y\"],\"b\":{},\"c\":[]}"},
    {"addresses are texts", "- [192.0.2.1, 2001:db8::1, fe80::1]\n- ::1",
     "[[\"192.0.2.1\",\"2001:db8::1\",\"fe80::1\"],\"::1\"]"},
    {"words of YAML 1.1 are texts", "[no, yes, on, off, y, n, No, NO, 12:30:45, 1_000, 0b1, =]",
     "[\"no\",\"yes\",\"on\",\"off\",\"y\",\"n\",\"No\",\"NO\",\"12:30:45\",\"1_000\",\"0b1\","
     "\"=\"]"},
    {"words of the core schema", "[true, True, TRUE, false, False, FALSE, null, Null, NULL, ~, ]",
     "[true,true,true,false,false,false,null,null,null,null]"},
    {"nothing is null", "a:\nb: ~\n", "{\"a\":null,\"b\":null}"},
    {"near words of the core schema", "[tRUE, nULL, nul, truee]",
     "[\"tRUE\",\"nULL\",\"nul\",\"truee\"]"},
    {"whole numbers", "[0, 00, 007, -5, +5, -0, 9223372036854775807, -9223372036854775808]",
     "[0,0,7,-5,5,-0,9223372036854775807,-9223372036854775808]"},
    {"octal and hexadecimal", "[0o17, 0xff, 0x7fffffffffffffff, 0o8, 0xg, 0x, 0o]",
     "[15,255,9223372036854775807,\"0o8\",\"0xg\",\"0x\",\"0o\"]"},
    {"numbers with a point or exponent", "[1.5, .5, 5., -.5, +1.e3, 1e3, 1E-3, 00.50, 1.5e+3]",
     "[1.5,0.5,5.0,-0.5,1.0e3,1.0e3,1.0E-3,0.50,1.5e+3]"},
    {"near numbers", "[., -, +, 1.2.3, 1e, e3, 5m, 1h30m, 50%, --1, .e1, 1.5e]",
     "[\".\",\"-\",\"+\",\"1.2.3\",\"1e\",\"e3\",\"5m\",\"1h30m\",\"50%\",\"--1\",\".e1\","
     "\"1.5e\"]"},
    {"quotes make texts", "['1', \"true\", 'null', \"~\", '<<', \"\"]",
     "[\"1\",\"true\",\"null\",\"~\",\"<<\",\"\"]"},
    {"block texts are texts", "a: |\n  1\nb: >-\n  x\n  y\n", "{\"a\":\"1\\u000a\",\"b\":\"x y\"}"},
    {"escapes", "\"\\\"\\\\\\t\\x41\\u00e4\\U0001F418\\/\"",
     "\"\\\"\\\\\\u0009A\xc3\xa4\xf0\x9f\x90\x98/\""},
    {"comments and a byte order mark", "\xef\xbb\xbf# one\na: 1 # two\n", "{\"a\":1}"},
    {"marks of a document", "%YAML 1.2\n---\na: 1\n...\n", "{\"a\":1}"},
    {"an alias", "a: &x {b: 1}\nc: *x\nd: [*x, *x]\n",
     "{\"a\":{\"b\":1},\"c\":{\"b\":1},\"d\":[{\"b\":1},{\"b\":1}]}"},
    {"an alias of a scalar", "a: &x 5m\nb: *x\n", "{\"a\":\"5m\",\"b\":\"5m\"}"},
    {"an anchor within another", "a: &x [&y 1, *y]\nb: [*x, *y]\n",
     "{\"a\":[1,1],\"b\":[[1,1],1]}"},
    {"the last anchor of a name counts", "a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}"},
    {"one scalar", "x", "\"x\""},
    {"an empty document", "---\n", "null"},
    {"keys in quotes", "'5222': 1\n\"true\": 2\nno: 3\n", "{\"5222\":1,\"true\":2,\"no\":3}"},
};

START_TEST(yaml_becomes_the_json_of_the_same_value)
{
    struct yaml_json json;
    struct yaml_fault fault;
    bool ok = convert(value_cases[_i].yaml, &json, &fault);
    ck_assert_msg(ok, "%s: %u:%u %s", value_cases[_i].label, fault.line, fault.column,
                  fault.message);
    ck_assert_msg(text_is(json.json, value_cases[_i].json), "%s: %.*s", value_cases[_i].label,
                  (int)json.json.len, json.json.ptr);
}
END_TEST

static const struct {
    const char *label, *yaml, *code;
    uint32_t line, column;
    const char *says; /* in the message */
} fault_cases[] = {
    {"nothing", "", "syntax", 1, 1, "found none"},
    {"a comment alone", "# x\n", "syntax", 2, 1, "found none"},
    {"a tag", "a: !foo 1", "yaml-tag", 1, 4, "found !foo"},
    {"a tag of the core schema", "a: !!str 1", "yaml-tag", 1, 4, "found !!str"},
    {"a tag of a list", "a:\n  !x\n  - 1", "yaml-tag", 2, 3, "found !x"},
    {"a tag of an object", "--- !x\na: 1", "yaml-tag", 1, 5, "found !x"},
    {"a handle that nobody made", "a: !x!y 1", "syntax", 1, 4, "without a tag"},
    {"a merge key", "a:\n  <<: {b: 1}", "yaml-merge", 2, 3, "merge key"},
    {"a number as key", "1: 2", "yaml-key", 1, 1, "the number 1"},
    {"a number too large as key", "99999999999999999999: 2", "yaml-key", 1, 1, "the number 9999"},
    {"a word as key", "~: 2", "yaml-key", 1, 1, "the word ~"},
    {"no key", "? \n", "yaml-key", 1, 2, "found none"},
    {"a list as key", "? [a]\n: b", "yaml-key", 1, 3, "a list"},
    {"an object as key", "{{a: 1}: b}", "yaml-key", 1, 2, "an object"},
    {"an alias as key", "a: &x b\n*x : 1", "yaml-key", 2, 1, "the alias *x"},
    {"an anchor of a key", "&x a: 1", "yaml-key", 1, 1, "found &x"},
    {"a second document", "a: 1\n---\nb: 2", "yaml-documents", 2, 1, "a second"},
    {"YAML 1.1", "%YAML 1.1\n---\na: 1", "yaml-version", 1, 1, "%YAML 1.1"},
    {"infinity", "a: -.inf", "syntax", 1, 4, "found -.inf"},
    {"not a number", "a: .NaN", "syntax", 1, 4, "found .NaN"},
    {"65 bits", "a: 9223372036854775808", "number-too-large", 1, 4, "64 bits"},
    {"65 bits, hexadecimal", "a: 0x8000000000000000", "number-too-large", 1, 4, "64 bits"},
    {"an unknown alias", "a: *x", "yaml-alias", 1, 4, "found *x"},
    {"an alias before its anchor", "a: *x\nb: &x 1", "yaml-alias", 1, 4, "before it"},
    {"an alias within itself", "a: &x\n  b: *x\n", "yaml-alias", 2, 6, "within itself"},
    {"a NUL character", "a: \"x\\0\"", "syntax", 1, 4, "NUL"},
    {"33 levels", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "too-deep", 1, 33, "32 levels"},
    {"a tab", "a:\n\tb: 1", "syntax", 2, 1, "can begin with"},
    {"a colon in a text", "a: b: c", "syntax", 1, 5, "\":\""},
    {"a key at another indentation", "a:\n    b: 1\n  c: 2", "syntax", 3, 3, "key"},
    {"an open string, with its begin", "a: 'x\n\n", "syntax", 3, 1, "line 1, column 4"},
    {"an open list, with its begin", "a: [1,\n  2\nb: 3", "syntax", 3, 2, "line 1, column 4"},
    {"an escape that is none", "a: \"\\q\"", "syntax", 1, 5, "escape"},
    {"a text that begins with @", "a: @x", "syntax", 1, 4, "can begin with"},
    {"a control character, behind others", "\xc3\xa4: 1\n\xc3\xa4: \x01", "syntax", 2, 4,
     "control character"},
    {"a list behind its key", "a: - b", "syntax", 1, 4, "\"-\""},
    {"too much", "{a: 1}}", "syntax", 1, 7, "behind its end"},
};

START_TEST(the_first_mistake_of_a_yaml_text_is_named_with_its_place)
{
    struct yaml_json json;
    struct yaml_fault fault;
    const char *label = fault_cases[_i].label;
    ck_assert_msg(!convert(fault_cases[_i].yaml, &json, &fault), "%s is accepted", label);
    ck_assert_msg(strcmp(fault.code, fault_cases[_i].code) == 0 &&
                      fault.line == fault_cases[_i].line && fault.column == fault_cases[_i].column,
                  "%s: %s %u:%u %s", label, fault.code, fault.line, fault.column, fault.message);
    ck_assert_msg(strstr(fault.message, fault_cases[_i].says) != NULL, "%s: %s", label,
                  fault.message);
    ck_assert_msg(fault.mend && fault.mend[0], "%s: no mend", label);
}
END_TEST

START_TEST(every_token_of_the_json_has_the_place_of_its_yaml)
{
    struct yaml_json json;
    struct yaml_fault fault;
    ck_assert(convert("# \xc3\xa4\na: &x\n  - 1\n  - {b: two}\nc: *x\n", &json, &fault));
    static const struct {
        const char *token; /* found from the end of the one before */
        uint32_t line, column;
    } rows[] = {
        {"{", 2, 1},       {"\"a\"", 2, 1}, {"[", 2, 4}, {"1", 3, 5},       {"{\"b\"", 4, 5},
        {"\"two\"", 4, 9}, {"\"c\"", 5, 1}, {"[", 5, 4}, {"\"two\"", 5, 4}, /* what an alias brings
                                                                               stands where it does
                                                                             */
    };
    const char *at = json.json.ptr;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        at = strstr(at, rows[i].token);
        ck_assert_msg(at != NULL, "%s", rows[i].token);
        struct yaml_mark mark = yaml_mark_at(&json, (size_t)(at - json.json.ptr));
        ck_assert_msg(mark.line == rows[i].line && mark.column == rows[i].column, "%s: %u:%u",
                      rows[i].token, mark.line, mark.column);
        at++;
    }
}
END_TEST

/* Each line has ten aliases of the one before. */
static char *laughs(int lines)
{
    char *yaml = arena_printf(&arena, "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (char c = 'b'; c < 'a' + lines; c++) {
        char before = (char)(c - 1);
        yaml = arena_printf(&arena, "%s%c: &%c [", yaml, c, c);
        for (int i = 0; i < 10; i++)
            yaml = arena_printf(&arena, "%s*%c,", yaml, before);
        yaml = arena_printf(&arena, "%s]\n", yaml);
    }
    return yaml;
}

START_TEST(aliases_cannot_multiply_beyond_the_limits)
{
    struct yaml_json json;
    struct yaml_fault fault;
    ck_assert(convert(laughs(5), &json, &fault)); /* 111,110 texts: 0.7 MB */
    ck_assert(!convert(laughs(6), &json, &fault));
    ck_assert_str_eq(fault.code, "too-large");
    ck_assert_uint_eq(fault.line, 6);
    ck_assert(!convert(laughs(20), &json, &fault));
    ck_assert_uint_eq(fault.line, 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("yaml");
    TCase *tcase = tcase_create("yaml");
    tcase_add_checked_fixture(tcase, NULL, arena_clear);
    tcase_add_loop_test(tcase, yaml_becomes_the_json_of_the_same_value, 0, COUNT_OF(value_cases));
    tcase_add_loop_test(tcase, the_first_mistake_of_a_yaml_text_is_named_with_its_place, 0,
                        COUNT_OF(fault_cases));
    tcase_add_test(tcase, every_token_of_the_json_has_the_place_of_its_yaml);
    tcase_add_test(tcase, aliases_cannot_multiply_beyond_the_limits);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

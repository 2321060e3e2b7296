/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/jsonc.h"
#include "srvplan/nearest.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bytes bytes_of(const char *string)
{
    return (struct bytes){(const uint8_t *)string, strlen(string)};
}

static const struct {
    const char *text, *clean;
} clean_cases[] = {
    {"{}", "{}"},
    {"// x\n{}", "    \n{}"},
    {"// x\r\n{}", "    \r\n{}"},
    {"// x\r{}", "    \r{}"},
    {"/* x\n * y */{}", "    \n       {}"},
    {"/**/{}", "    {}"},
    {"/***/{}", "     {}"},
    {"{}//", "{}  "},
    {"[1,]", "[1 ]"},
    {"[1 , /* x */ ]", "[1           ]"},
    {"{\"a\":1,}", "{\"a\":1 }"},
    {"[[1,],]", "[[1 ] ]"},
    {"[,]", "[,]"},
    {"[1,,]", "[1,,]"},
    {"{\"a\":,}", "{\"a\":,}"},
    {"[\"//\", \"/* */\", \",]\"]", "[\"//\", \"/* */\", \",]\"]"},
    {"[\"\\\"//\"]", "[\"\\\"//\"]"},
    {"[\"\\\\\"]//\"", "[\"\\\\\"]   "},
    {"/* \xc3\xa4 */1", "        1"},
    {"\xef\xbb\xbf{}", "   {}"},
    {"", ""},
};

START_TEST(comments_and_trailing_commas_become_spaces_of_the_same_length)
{
    char clean[64];
    struct jsonc_fault fault;
    struct bytes text = bytes_of(clean_cases[_i].text);

    ck_assert_msg(jsonc_clean(text, clean, &fault), "%s: %s", clean_cases[_i].text, fault.message);
    ck_assert_str_eq(clean, clean_cases[_i].clean);
    ck_assert_uint_eq(strlen(clean), text.len);
}
END_TEST

static const struct {
    const char *text, *code; /* NULL: good */
    size_t offset;
    ptrdiff_t opened;
} check_cases[] = {
    {"1", NULL, 0, JSONC_NOWHERE},
    {"[-0, 1.5e+3, 0.1, 1E9, 9223372036854775807, -9223372036854775808]", NULL, 0, JSONC_NOWHERE},
    {"[true, false, null, \"\", {}, []]", NULL, 0, JSONC_NOWHERE},
    {"\"\\u00e4\\ud83d\\udc18\\n\\/\"", NULL, 0, JSONC_NOWHERE},
    {"", "syntax", 0, JSONC_NOWHERE},
    {"[1 2]", "syntax", 3, JSONC_NOWHERE},
    {"[1", "syntax", 2, 0},
    {"{\"a\": [1, 2", "syntax", 11, 6},
    {"[1}", "syntax", 2, JSONC_NOWHERE},
    {"{\"a\" 1}", "syntax", 5, JSONC_NOWHERE},
    {"{\"a\": 1, }", "syntax", 9, JSONC_NOWHERE}, /* only jsonc_clean mends it */
    {"{a: 1}", "syntax", 1, JSONC_NOWHERE},
    {"{1: 1}", "syntax", 1, JSONC_NOWHERE},
    {"[01]", "syntax", 1, JSONC_NOWHERE},
    {"[1.]", "syntax", 1, JSONC_NOWHERE},
    {"[.5]", "syntax", 1, JSONC_NOWHERE},
    {"[+1]", "syntax", 1, JSONC_NOWHERE},
    {"[-]", "syntax", 1, JSONC_NOWHERE},
    {"[1e]", "syntax", 1, JSONC_NOWHERE},
    {"[0x10]", "syntax", 1, JSONC_NOWHERE},
    {"[True]", "syntax", 1, JSONC_NOWHERE},
    {"[NaN]", "syntax", 1, JSONC_NOWHERE},
    {"[9223372036854775808]", "number-too-large", 1, JSONC_NOWHERE},
    {"[1e999]", "number-too-large", 1, JSONC_NOWHERE},
    {"[\"a]", "syntax", 1, JSONC_NOWHERE},
    {"[\"a\n\"]", "syntax", 1, JSONC_NOWHERE},
    {"[\"a\tb\"]", "syntax", 3, JSONC_NOWHERE},
    {"[\"\\x\"]", "syntax", 2, JSONC_NOWHERE},
    {"[\"\\u12g4\"]", "syntax", 2, JSONC_NOWHERE},
    {"[\"\\u0000\"]", "syntax", 2, JSONC_NOWHERE},
    {"[\"\\ud800\\u0041\"]", "syntax", 2, JSONC_NOWHERE},
    {"[\"\\udc00\"]", "syntax", 2, JSONC_NOWHERE},
    {"{} {}", "syntax", 3, JSONC_NOWHERE},
    {"\\", "syntax", 0, JSONC_NOWHERE},
};

START_TEST(plain_json_is_good_or_its_first_fault_is_placed)
{
    struct jsonc_fault fault = {.code = "none"};
    struct text text = text_from(check_cases[_i].text);
    bool ok = jsonc_check(text, &fault);

    ck_assert_msg(ok == !check_cases[_i].code, "%s: %s", text.ptr, fault.message);
    if (ok)
        return;
    ck_assert_msg(strcmp(fault.code, check_cases[_i].code) == 0, "%s: %s", text.ptr, fault.code);
    ck_assert_msg(fault.offset == check_cases[_i].offset, "%s: at %zu", text.ptr, fault.offset);
    ck_assert_msg(fault.opened == check_cases[_i].opened, "%s: opened at %td", text.ptr,
                  fault.opened);
    ck_assert(fault.mend && fault.message[0]);
}
END_TEST

static const struct {
    const char *text, *code;
    size_t len, offset;
} encoding_cases[] = {
    {"a\0b", "nul-byte", 3, 1},
    {"\x80", "bad-utf8", 1, 0},
    {"\xc0\xaf", "bad-utf8", 2, 0},         /* overlong */
    {"\xe0\x80\xaf", "bad-utf8", 3, 0},     /* overlong */
    {"\xed\xa0\x80", "bad-utf8", 3, 0},     /* a surrogate */
    {"\xf4\x90\x80\x80", "bad-utf8", 4, 0}, /* above U+10FFFF */
    {"\xf0\x9f\x90", "bad-utf8", 3, 0},     /* cut off */
    {"\xc3", "bad-utf8", 1, 0},
    {"// \xff", "bad-utf8", 4, 3},
    {"1 /* x", "open-comment", 6, 2},
    {"/*/", "open-comment", 3, 0},
};

START_TEST(bytes_that_are_no_text_are_refused_with_their_place)
{
    char clean[16];
    struct jsonc_fault fault;
    struct bytes text = {(const uint8_t *)encoding_cases[_i].text, encoding_cases[_i].len};

    ck_assert(!jsonc_clean(text, clean, &fault));
    ck_assert_str_eq(fault.code, encoding_cases[_i].code);
    ck_assert_uint_eq(fault.offset, encoding_cases[_i].offset);
}
END_TEST

START_TEST(depth_and_number_of_values_are_bounded)
{
    static char text[2 * JSONC_MAX_VALUES + 16];
    struct jsonc_fault fault;
    memset(text, '[', JSONC_MAX_DEPTH + 1);
    memset(text + JSONC_MAX_DEPTH + 1, ']', JSONC_MAX_DEPTH + 1);
    ck_assert(jsonc_check((struct text){text + 1, 2 * JSONC_MAX_DEPTH}, &fault));
    ck_assert(!jsonc_check((struct text){text, 2 * JSONC_MAX_DEPTH + 2}, &fault));
    ck_assert_str_eq(fault.code, "too-deep");
    ck_assert_uint_eq(fault.offset, JSONC_MAX_DEPTH);

    size_t len = 0; /* the list itself is a value too */
    text[len++] = '[';
    for (size_t i = 1; i < JSONC_MAX_VALUES; i++) {
        text[len++] = '0';
        text[len++] = ',';
    }
    text[len - 1] = ']';
    ck_assert(jsonc_check((struct text){text, len}, &fault));
    text[len - 1] = ',';
    text[len++] = '0';
    text[len++] = ']';
    ck_assert(!jsonc_check((struct text){text, len}, &fault));
    ck_assert_str_eq(fault.code, "too-many-values");
    ck_assert_uint_eq(fault.offset, len - 2);
}
END_TEST

static const char located[] =
    "{\"a\": [10, {\"b/c~\": true}, []],\n \"\": 5, \"\\u0064\": {\"a\": 1},"
    " \"d\": 2}";

static const struct {
    const char *pointer;
    enum jsonc_place_at at;
    const char *starts_with; /* the text there; NULL: nowhere */
} place_cases[] = {
    {"", JSONC_AT_VALUE, "{\"a\": [10"},
    {"/a", JSONC_AT_VALUE, "[10, {"},
    {"/a", JSONC_AT_KEY, "\"a\": [10"},
    {"/a/0", JSONC_AT_VALUE, "10, {"},
    {"/a/1", JSONC_AT_VALUE, "{\"b/c~\""},
    {"/a/1/b~1c~0", JSONC_AT_KEY, "\"b/c~\""},
    {"/a/1/b~1c~0", JSONC_AT_VALUE, "true"},
    {"/a/2", JSONC_AT_VALUE, "[]]"},
    {"/a/3", JSONC_AT_VALUE, NULL},
    {"/a/0", JSONC_AT_KEY, NULL},
    {"/", JSONC_AT_VALUE, "5, "},
    {"/", JSONC_AT_KEY, "\"\": 5"},
    {"/d", JSONC_AT_VALUE, "2}"}, /* the last of two, as in the tree */
    {"/d", JSONC_AT_KEY, "\"d\": 2"},
    {"/d/a", JSONC_AT_VALUE, "1}"},
};

START_TEST(pointers_are_found_in_the_text_all_in_one_pass)
{
    struct jsonc_place places[COUNT_OF(place_cases)];
    for (size_t i = 0; i < COUNT_OF(place_cases); i++)
        places[i] = (struct jsonc_place){.pointer = place_cases[i].pointer};
    size_t count = jsonc_places_sort(places, COUNT_OF(places));
    ck_assert_uint_lt(count, COUNT_OF(places)); /* some are asked for both */
    jsonc_locate(text_from(located), places, count);
    for (size_t i = 0; i < COUNT_OF(place_cases); i++) {
        const char *pointer = place_cases[i].pointer, *wanted = place_cases[i].starts_with;
        const struct jsonc_place *place = jsonc_place_get(places, count, pointer);
        ptrdiff_t offset = place_cases[i].at == JSONC_AT_KEY ? place->key : place->value;
        if (!wanted)
            ck_assert_msg(offset == JSONC_NOWHERE, "%s: %td", pointer, offset);
        else
            ck_assert_msg(offset >= 0 && strncmp(located + offset, wanted, strlen(wanted)) == 0,
                          "%s: %td", pointer, offset);
    }
}
END_TEST

START_TEST(every_key_that_stands_twice_is_found_with_both_places)
{
    const char *text = "{\"a\": 1, \"b\": {\"x\": 1, \"y\": {\"x\": 1}, \"\\u0078\": 2}, \"a\": 2,"
                       " \"c\": [{\"a\": 1}, {\"a\": 1, \"a\": 1}], \"a\": 3}";
    static const struct {
        const char *pointer;
        size_t first, again;
    } wanted[] = {{"/b/x", 15, 38}, {"/c/1/a", 77, 85}, {"/a", 1, 52}, {"/a", 1, 95}};
    struct arena arena = {0};
    size_t count;
    const struct jsonc_duplicate *found = jsonc_duplicates(text_from(text), &arena, &count);

    ck_assert_uint_eq(count, COUNT_OF(wanted));
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(found[i].pointer, wanted[i].pointer);
        ck_assert_msg(found[i].first == wanted[i].first && found[i].again == wanted[i].again,
                      "%s: %zu %zu", found[i].pointer, found[i].first, found[i].again);
    }
    arena_fini(&arena);
}
END_TEST

static const struct {
    const char *text;
    size_t offset;
    uint32_t line, column;
} position_cases[] = {
    {"abc", 0, 1, 1},        {"abc", 2, 1, 3},           {"abc", 3, 1, 4},
    {"a\nb", 2, 2, 1},       {"a\r\nb", 3, 2, 1},        {"a\rb", 2, 2, 1},
    {"\r\r\n\nx", 4, 4, 1},  {"\xc3\xa4x", 2, 1, 2},     {"\xf0\x9f\x90\x98x", 4, 1, 2},
    {"e\xcc\x81x", 3, 1, 3}, /* a combining accent is a character of its own */
    {"\tx", 1, 1, 2},        {"\xef\xbb\xbfx", 3, 1, 1},
};

START_TEST(offsets_become_lines_and_columns_as_editors_count)
{
    struct jsonc_position position = {.offset = position_cases[_i].offset};
    jsonc_positions(bytes_of(position_cases[_i].text), &position, 1);
    ck_assert_msg(position.line == position_cases[_i].line &&
                      position.column == position_cases[_i].column,
                  "row %d: %u:%u", _i, position.line, position.column);
}
END_TEST

START_TEST(escapes_are_decoded)
{
    struct arena arena = {0};
    struct text text = jsonc_decode(
        &arena, text_from("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20ac\\ud83d\\udc18\""));
    ck_assert(text_is(text, "a\"\\/\b\f\n\r\tA\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98"));
    arena_fini(&arena);
}
END_TEST

static const struct {
    const char *word, *known[4], *best; /* NULL: none is near */
} nearest_cases[] = {
    {"prot", {"srv", "port", "absent"}, "port"},
    {"weigth", {"weight", "host"}, "weight"},
    {"Nodes", {"nodes"}, "nodes"},
    {"name-servers", {"name_servers"}, "name_servers"},
    {"xmpp3", {"xmpp1", "xmpp2"}, "xmpp1"},
    {"tires", {"tiers", "zones"}, "tiers"},
    {"svr", {"srv"}, "srv"},
    {"quux", {"nodes", "port"}, NULL},
    {"priority", {"capacity"}, NULL},
    {"x", {"y"}, NULL},
    {"", {"a"}, NULL},
    {"a-word-of-more-than-sixty-four-letters-is-no-mistyped-key-of-ours", {"a"}, NULL},
};

START_TEST(the_nearest_known_word_is_offered_when_it_is_near)
{
    struct nearest nearest = nearest_to(text_from(nearest_cases[_i].word));
    for (size_t i = 0; i < 4 && nearest_cases[_i].known[i]; i++)
        nearest_consider(&nearest, text_from(nearest_cases[_i].known[i]));
    if (nearest_cases[_i].best)
        ck_assert_msg(text_is(nearest.best, nearest_cases[_i].best), "%s: %.*s",
                      nearest_cases[_i].word, (int)nearest.best.len, nearest.best.ptr);
    else
        ck_assert_msg(nearest.best.len == 0, "%s: %.*s", nearest_cases[_i].word,
                      (int)nearest.best.len, nearest.best.ptr);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jsonc");
    TCase *tcase = tcase_create("jsonc");
    tcase_add_loop_test(tcase, comments_and_trailing_commas_become_spaces_of_the_same_length, 0,
                        COUNT_OF(clean_cases));
    tcase_add_loop_test(tcase, plain_json_is_good_or_its_first_fault_is_placed, 0,
                        COUNT_OF(check_cases));
    tcase_add_loop_test(tcase, bytes_that_are_no_text_are_refused_with_their_place, 0,
                        COUNT_OF(encoding_cases));
    tcase_add_test(tcase, depth_and_number_of_values_are_bounded);
    tcase_add_test(tcase, pointers_are_found_in_the_text_all_in_one_pass);
    tcase_add_test(tcase, every_key_that_stands_twice_is_found_with_both_places);
    tcase_add_loop_test(tcase, offsets_become_lines_and_columns_as_editors_count, 0,
                        COUNT_OF(position_cases));
    tcase_add_test(tcase, escapes_are_decoded);
    tcase_add_loop_test(tcase, the_nearest_known_word_is_offered_when_it_is_near, 0,
                        COUNT_OF(nearest_cases));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

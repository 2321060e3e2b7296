/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/jsonc_format.h"
#include "zones/base/file.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static json_t *schema;

static void schema_read(void)
{
    const char *source = getenv("SRVPLAN_SOURCE");
    ck_assert_msg(source != NULL, "SRVPLAN_SOURCE is not set");
    schema = json_load_file(arena_printf(&arena, "%s/srvplan/schema/inventory-v1.json", source), 0,
                            NULL);
    ck_assert(schema != NULL);
}

static void schema_clear(void)
{
    json_decref(schema);
    arena_fini(&arena);
}

static const char *format(const char *text)
{
    struct text formatted;
    struct jsonc_fault fault;
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    bool ok = jsonc_format(bytes, schema, &arena, &formatted, &fault);
    ck_assert_msg(ok, "%s: %s", text, fault.message);
    return arena_cstr(&arena, formatted);
}

static const struct {
    const char *label, *text, *formatted;
} cases[] = {
    {"an empty object", " { } ", "{}\n"},
    {"a scalar", "5", "5\n"},
    {"two spaces a level, what is deeper on one line",
     "{\"srvplan\":1,\"nodes\":{\"a\":{\"addresses\":[\"192.0.2.1\",\"2001:db8::1\",],},},}",
     "{\n"
     "  \"srvplan\": 1,\n"
     "  \"nodes\": {\n"
     "    \"a\": { \"addresses\": [\"192.0.2.1\", \"2001:db8::1\"] }\n"
     "  }\n"
     "}\n"},
    {"empty lists, objects and sections",
     "{\"nodes\": {\n}, \"include\":[ ], \"tiers\": {\"a\": {\n\n}}}",
     "{\n  \"include\": [],\n  \"tiers\": {\n    \"a\": {}\n  },\n  \"nodes\": {}\n}\n"},
    {"sections and keys in the schema's order, ids in theirs",
     "{\"nodes\": {\"b\": {\"tier\": \"t\", \"capacity\": 5, \"addresses\": []}, \"a\": {}}, "
     "\"srvplan\": 1, \"defaults\": {\"soa\": {\"minimum\": 1, \"mname\": \"x\"}, \"ttl\": 5}}",
     "{\n"
     "  \"srvplan\": 1,\n"
     "  \"defaults\": {\n"
     "    \"ttl\": 5,\n"
     "    \"soa\": { \"mname\": \"x\", \"minimum\": 1 }\n"
     "  },\n"
     "  \"nodes\": {\n"
     "    \"b\": { \"addresses\": [], \"capacity\": 5, \"tier\": \"t\" },\n"
     "    \"a\": {}\n"
     "  }\n"
     "}\n"},
    {"objects in lists have an order too, behind a choice of the schema",
     "{\"zones\": {\"z\": {\"name_servers\": [\"a\", {\"addresses\": [], \"host\": \"b\"}]}}}",
     "{\n  \"zones\": {\n    \"z\": { \"name_servers\": [\"a\", { \"host\": \"b\", \"addresses\": "
     "[] "
     "}] }\n  }\n}\n"},
    {"$schema and $comment first, unknown keys last, as they come",
     "{\"y\": 1, \"x\": 2, \"srvplan\": 1, \"$comment\": \"c\", \"$schema\": \"s\"}",
     "{\n  \"$schema\": \"s\",\n  \"$comment\": \"c\",\n  \"srvplan\": 1,\n  \"y\": 1,\n  \"x\": "
     "2\n}\n"},
    {"notes stay with what follows them",
     "{\"//1\": \"of policy\", \"//2\": \"too\", \"policy\": {}, \"srvplan\": 1, \"//3\": "
     "\"last\"}",
     "{\n  \"srvplan\": 1,\n  \"//1\": \"of policy\",\n  \"//2\": \"too\",\n  \"policy\": {},\n  "
     "\"//3\": \"last\"\n}\n"},
    {"comments move with what they belong to",
     "// of the file\n"
     "\n"
     "{ // of the object\n"
     "  // of policy\n"
     "  \"policy\": {}, // policy, too\n"
     "  /* of srvplan */ \"srvplan\": /* one */ 1 // the version\n"
     "  // at the end\n"
     "} // behind\n"
     "// the last\n",
     "// of the file\n"
     "\n"
     "{ // of the object\n"
     "  /* of srvplan */\n"
     "  \"srvplan\": /* one */ 1, // the version\n"
     "  // of policy\n"
     "  \"policy\": {} // policy, too\n"
     "  // at the end\n"
     "} // behind\n"
     "// the last\n"},
    {"a comment keeps what it stands in from one line",
     "{\"nodes\": {\"a\": {\"addresses\": [\"x\", // why\n\"y\"]}, \"b\": {}}}",
     "{\n  \"nodes\": {\n    \"a\": {\n      \"addresses\": [\n        \"x\", // why\n        "
     "\"y\"\n"
     "      ]\n    },\n    \"b\": {}\n  }\n}\n"},
    {"a comment in an empty object", "{\"nodes\": {\n // none yet\n}, \"tiers\": { /* none */ }}",
     "{\n  \"tiers\": {\n    /* none */\n  },\n  \"nodes\": {\n    // none yet\n  }\n}\n"},
    {"a comment before the comma", "{\"x\": 1 // one\n, \"y\": 2 /* two */, \"z\": 3}",
     "{\n  \"x\": 1, // one\n  \"y\": 2,\n  /* two */\n  \"z\": 3\n}\n"},
    {"a comment behind a key goes above", "{\"x\": // why\n 1, \"y\" /* a\n b */ : 2}",
     "{\n  // why\n  \"x\": 1,\n  /* a\n b */\n  \"y\": 2\n}\n"},
    {"stars are set below each other", "{\n      /* a\n       * b\n       */\n\"x\": 1}",
     "{\n  /* a\n   * b\n   */\n  \"x\": 1\n}\n"},
    {"single blank lines stay, but not at the edges",
     "\n\n{\n\n\n  // a\n\n\n  \"x\": 1,\n  \"y\": 2,\n\n\n\n  \"z\": 3\n\n  // end\n\n}\n\n\n// "
     "tail\n\n",
     "{\n  // a\n\n  \"x\": 1,\n  \"y\": 2,\n\n  \"z\": 3\n\n  // end\n}\n\n// tail\n"},
    {"CR LF and a byte order mark go",
     "\xef\xbb\xbf{\r\n  // a \r\n  /* b\r\n c */\r\n  \"x\": 1\r\n}\r\n",
     "{\n  // a\n  /* b\n c */\n  \"x\": 1\n}\n"},
    {"keys and values stay as they are written", "{\"\\u0041\": 1.50e+0, \"\xc3\xa4\": \"\\/\"}",
     "{\n  \"\\u0041\": 1.50e+0,\n  \"\xc3\xa4\": \"\\/\"\n}\n"},
    {"100 columns fit, with a comma",
     "{\"x\": {\"y\": [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", "
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}}",
     "{\n  \"x\": {\n    \"y\": [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", "
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]\n  }\n}\n"},
    {"101 do not",
     "{\"x\": {\"y\": [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", "
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}}",
     "{\n  \"x\": {\n    \"y\": [\n      \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\n      "
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n    ]\n  }\n}\n"},
};

START_TEST(a_text_has_one_canonical_form)
{
    const char *once = format(cases[_i].text), *twice = format(once);
    ck_assert_msg(strcmp(once, cases[_i].formatted) == 0, "%s\nexpected:\n%sgot:\n%s",
                  cases[_i].label, cases[_i].formatted, once);
    ck_assert_msg(strcmp(once, twice) == 0, "%s: again:\n%s", cases[_i].label, twice);
}
END_TEST

static const struct {
    const char *text, *code;
    size_t offset;
} refused[] = {
    {"{\"a\": 1,, }", "syntax", 8},
    {"{\"a\": /* 1}", "open-comment", 6},
    {"{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}}", "duplicate-key", 23},
    {"", "syntax", 0},
};

START_TEST(what_is_no_json_is_refused_with_its_place)
{
    struct text formatted;
    struct jsonc_fault fault;
    struct bytes bytes = {(const uint8_t *)refused[_i].text, strlen(refused[_i].text)};
    ck_assert(!jsonc_format(bytes, schema, &arena, &formatted, &fault));
    ck_assert_str_eq(fault.code, refused[_i].code);
    ck_assert_uint_eq(fault.offset, refused[_i].offset);
    ck_assert(fault.mend && fault.mend[0]);
}
END_TEST

START_TEST(every_good_inventory_keeps_its_form_once_it_has_it)
{
    static const char *const patterns[] = {"tests/inventory/valid/*.jsonc",
                                           "srvplan/sample/*.jsonc"};
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        glob_t files = {0};
        const char *pattern = arena_printf(&arena, "%s/%s", getenv("SRVPLAN_SOURCE"), patterns[i]);
        ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
        for (size_t k = 0; k < files.gl_pathc; k++) {
            struct bytes text = {0};
            struct error err = {0};
            ck_assert(file_read(files.gl_pathv[k], 1 << 24, &text, &err));
            const char *once = format((const char *)text.ptr);
            ck_assert_msg(strcmp(once, format(once)) == 0, "%s:\n%s", files.gl_pathv[k], once);
            free((void *)(uintptr_t)text.ptr);
        }
        globfree(&files);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jsonc_format");
    TCase *tcase = tcase_create("jsonc_format");
    tcase_add_checked_fixture(tcase, schema_read, schema_clear);
    tcase_add_loop_test(tcase, a_text_has_one_canonical_form, 0, COUNT_OF(cases));
    tcase_add_loop_test(tcase, what_is_no_json_is_refused_with_its_place, 0, COUNT_OF(refused));
    tcase_add_test(tcase, every_good_inventory_keeps_its_form_once_it_has_it);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

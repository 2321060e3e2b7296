/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merge patches on text: what is not named stays byte for byte, and the value is what RFC 7396
 * says, whatever the text looks like. */
#include "srvplan/jsonc_merge.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static void clear(void)
{
    arena_fini(&arena);
}

static const char *merge(const char *text, const char *patch)
{
    struct text merged;
    struct jsonc_fault fault = {0};
    json_t *tree = json_loads(patch, 0, NULL);
    ck_assert_msg(tree != NULL, "%s", patch);
    bool ok = jsonc_merge((struct bytes){(const uint8_t *)text, strlen(text)}, tree, &arena,
                          &merged, &fault);
    json_decref(tree);
    return arena_cstr(&arena, ok ? merged : text_from(fault.message));
}

static const struct {
    const char *label, *text, *patch, *merged;
} cases[] = {
    {"nothing to do", "{ \"a\": 1 } // end", "{}", "{ \"a\": 1 } // end"},
    {"a value is replaced where it stands", "{\n  // why\n  \"a\": 1, // one\n  \"b\": 2\n}\n",
     "{\"a\": [true]}", "{\n  // why\n  \"a\": [true], // one\n  \"b\": 2\n}\n"},
    {"a member takes its line along", "{\n  \"a\": 1, // one\n  \"b\": 2\n}\n", "{\"a\": null}",
     "{\n  \"b\": 2\n}\n"},
    {"a last member may leave a comma behind", "{\n  \"a\": 1,\n  \"b\": 2\n}\n", "{\"b\": null}",
     "{\n  \"a\": 1,\n}\n"},
    {"a trailing comma goes with its member", "{\"a\": 1, \"b\": 2 /*,*/ , }", "{\"b\": null}",
     "{\"a\": 1,  }"},
    {"a member alone", "{\"a\": 1}", "{\"a\": null}", "{}"},
    {"a new member in a tall object", "{\n    \"a\": 1 // one\n}\n", "{\"b\": 2, \"c\": {}}",
     "{\n    \"a\": 1, // one\n    \"b\": 2,\n    \"c\": {}\n}\n"},
    {"behind a trailing comma", "{\n  \"a\": 1,\n}\n", "{\"b\": 2}",
     "{\n  \"a\": 1,\n  \"b\": 2\n}\n"},
    {"in a flat object", "{\"x\": {\"a\": 1}}", "{\"x\": {\"b\": 2, \"c\": 3}}",
     "{\"x\": {\"a\": 1, \"b\": 2, \"c\": 3}}"},
    {"in an empty one", "{\"x\": {}}", "{\"x\": {\"b\": 2}}", "{\"x\": {\"b\": 2}}"},
    {"in an empty tall one", "{\n  \"x\": {\n  }\n}", "{\"x\": {\"b\": 2}}",
     "{\n  \"x\": {\n    \"b\": 2\n  }\n}"},
    {"two keys on a line", "{\n  \"a\": 1, \"b\": 2\n}", "{\"c\": 3}",
     "{\n  \"a\": 1, \"b\": 2,\n  \"c\": 3\n}"},
    {"one goes, one comes", "{\n  \"a\": 1,\n  \"b\": 2\n}", "{\"b\": null, \"c\": 3}",
     "{\n  \"a\": 1,\n  \"c\": 3\n}"},
    {"nulls of a new object are no members", "{}", "{\"a\": {\"b\": null, \"c\": 1}}",
     "{\"a\": {\"c\": 1}}"},
    {"an object in place of a number", "{\"a\": 1}", "{\"a\": {\"b\": null, \"c\": 1}}",
     "{\"a\": {\"c\": 1}}"},
    {"a number in place of an object", "{\"a\": {\"b\": 1} /* was */}", "{\"a\": 7}",
     "{\"a\": 7 /* was */}"},
    {"keys with escapes", "{\"\\u0061\": 1}", "{\"a\": 2}", "{\"\\u0061\": 2}"},
    {"a list is no object", "[1]", "{\"a\": 2}", "expected an object"},
};

START_TEST(a_patch_touches_only_what_it_names)
{
    ck_assert_str_eq(merge(cases[_i].text, cases[_i].patch), cases[_i].merged);
}
END_TEST

/* RFC 7396 section 2, in its own words. */
static json_t *reference(json_t *target, const json_t *patch)
{
    if (!json_is_object(patch))
        return json_incref((json_t *)(uintptr_t)patch);
    json_t *made = json_is_object(target) ? json_copy(target) : json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, key, value)
    {
        if (json_is_null(value))
            json_object_del(made, key);
        else
            json_object_set_new(made, key, reference(json_object_get(made, key), value));
    }
    return made;
}

static uint32_t state;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

static json_t *make_value(uint32_t depth)
{
    static const char *const keys[] = {"a", "b", "c", "d,e", "//f", "/*g*/"};
    uint32_t kind = draw(depth < 4 ? 6 : 3);
    if (kind == 0)
        return json_null();
    if (kind < 3)
        return kind == 1 ? json_integer(draw(100)) : json_string(keys[draw(6)]);
    json_t *made = kind == 3 ? json_array() : json_object();
    for (uint32_t i = draw(4); i > 0; i--) {
        if (kind == 3)
            json_array_append_new(made, make_value(depth + 1));
        else
            json_object_set_new(made, keys[draw(6)], make_value(depth + 1));
    }
    return made;
}

/* Blanks, comments and line ends where they may stand. */
static void write_trivia(FILE *out)
{
    static const char *const trivia[] = {"", "", " ", "\n", "  ", "/* , */", "// ,}\n", "\n\t"};
    fputs(trivia[draw(8)], out);
}

static void write_text(FILE *out, const json_t *value)
{
    size_t count = 0,
           size = json_is_object(value) ? json_object_size(value) : json_array_size(value);
    const char *key;
    json_t *item;
    if (!json_is_object(value)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        fputs(text, out);
        free(text);
        return;
    }
    fputc('{', out);
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        write_trivia(out);
        fprintf(out, "\"%s\"", key);
        write_trivia(out);
        fputc(':', out);
        write_trivia(out);
        write_text(out, item);
        write_trivia(out);
        if (++count < size || draw(2))
            fputc(',', out);
    }
    write_trivia(out);
    fputc('}', out);
}

static json_t *make_object(void)
{
    json_t *made = make_value(0);
    while (!json_is_object(made)) {
        json_decref(made);
        made = make_value(0);
    }
    return made;
}

START_TEST(the_value_is_that_of_the_rfc_whatever_the_text_looks_like)
{
    for (state = 1; state < 3000; state = state + 1) {
        uint32_t seed = state;
        char *text = NULL, *patch_text;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        json_t *target = make_object(), *patch = make_object();
        write_text(out, target);
        fclose(out);
        patch_text = json_dumps(patch, 0);
        const char *merged = merge(text, patch_text);
        char *clean = malloc(strlen(merged) + 1);
        struct jsonc_fault fault = {0};
        bool ok =
            jsonc_clean((struct bytes){(const uint8_t *)merged, strlen(merged)}, clean, &fault);
        json_t *got = ok ? json_loads(clean, JSON_REJECT_DUPLICATES, NULL) : NULL;
        json_t *wanted = reference(target, patch);
        ck_assert_msg(got && json_equal(got, wanted), "seed %u:\n%s\n+ %s\n=\n%s", seed, text,
                      patch_text, merged);
        json_decref(got);
        json_decref(wanted);
        json_decref(target);
        json_decref(patch);
        free(patch_text);
        free(clean);
        free(text);
        arena_fini(&arena);
        state = seed;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jsonc_merge");
    TCase *tcase = tcase_create("merge");
    tcase_add_checked_fixture(tcase, NULL, clear);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_patch_touches_only_what_it_names, 0, COUNT_OF(cases));
    tcase_add_test(tcase, the_value_is_that_of_the_rfc_whatever_the_text_looks_like);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

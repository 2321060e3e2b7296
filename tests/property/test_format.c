/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws of the canonical form, over generated JSONC with comments and blank lines anywhere. A
 * failure names its seed; SRVPLAN_SEED=0x… runs that one alone. */
#include "gen_inventory.h"
#include "laws.h"
#include "srvplan/jsonc_format.h"
#include "srvplan/jsonc_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char laws_suite[] = "format_properties";

enum {
    ROUNDS = 4000,
    LEVELS = 5,
};

/* A text in the making. */
struct made {
    struct gen gen;
    struct arena arena;
    char *text;
    uint32_t comments;
};

static void put(struct made *made, const char *text)
{
    made->text = arena_printf(&made->arena, "%s%s", made->text, text);
}

/* What may stand between two tokens. Each comment has a number, so that none can be taken for
 * another. */
static void put_gap(struct made *made)
{
    for (uint32_t i = gen_below(&made->gen, 4); i > 0; i--) {
        static const char *const spaces[] = {" ",  "\n",   "\n\n",     "\n\n\n  ",
                                             "\t", "\r\n", "\r\n\r\n", "\r"};
        static const char *const comments[] = {
            "// %u\n",         "//%u // x \r\n", "/*%u*/",        "/* %u */\n",
            "/* %u\n * b\n*/", "/* %u\n  b */",  "\n  // %u  \n", "/** %u \r\n\r\n x */"};
        put(made, spaces[gen_below(&made->gen, COUNT_OF(spaces))]);
        if (gen_below(&made->gen, 3) == 0) {
            char comment[64];
            const char *form = comments[gen_below(&made->gen, COUNT_OF(comments))];
            const char *place = strstr(form, "%u");
            snprintf(comment, sizeof comment, "%.*s%u%s", (int)(place - form), form,
                     ++made->comments, place + 2);
            put(made, comment);
        }
    }
}

static void put_value(struct made *made, uint32_t level);

static void put_members(struct made *made, uint32_t level, const char *open, const char *close)
{
    static const char *const keys[] = {"srvplan",  "nodes", "defaults",  "zones", "ttl",    "soa",
                                       "$comment", "//a",   "addresses", "host",  "policy", "x"};
    uint32_t count = gen_below(&made->gen, 5), first = gen_below(&made->gen, COUNT_OF(keys));
    put(made, open);
    for (uint32_t i = 0; i < count; i++) {
        put_gap(made);
        if (open[0] == '{') { /* keys differ, as they must */
            put(made, "\"");
            put(made, keys[(first + i * 5) % COUNT_OF(keys)]);
            put(made, "\"");
            put_gap(made);
            put(made, ":");
            put_gap(made);
        }
        put_value(made, level + 1);
        put_gap(made);
        if (i + 1 < count || gen_below(&made->gen, 3) == 0)
            put(made, ",");
    }
    put_gap(made);
    put(made, close);
}

static void put_value(struct made *made, uint32_t level)
{
    static const char *const scalars[] = {"1",
                                          "-0.5e3",
                                          "true",
                                          "null",
                                          "\"\"",
                                          "\"x y\"",
                                          "\"// no \"",
                                          "\"/* no */\"",
                                          "\"\\\" \\\\\"",
                                          "\"0123456789012345678901234567890\""};
    uint32_t kind = level == 0 ? 0 : gen_below(&made->gen, level < LEVELS ? 4 : 1);
    if (level > 0 && (kind < 2 || level == LEVELS))
        put(made, scalars[gen_below(&made->gen, COUNT_OF(scalars))]);
    else if (kind == 3)
        put_members(made, level, "[", "]");
    else
        put_members(made, level, "{", "}");
}

/* How often each comment is in the tree, by its number; lines and spaces within it do not count. */
static void comments_count(const struct jsonc_comments *comments, uint8_t *counts)
{
    for (size_t i = 0; i < comments->count; i++) {
        const char *digits = comments->items[i].text.ptr;
        digits += strcspn(digits, "0123456789");
        counts[strtoul(digits, NULL, 10)]++;
    }
}

static void comments_of(const struct jsonc_node *node, uint8_t *counts)
{
    const struct jsonc_comments *const all[] = {&node->before, &node->value, &node->opening,
                                                &node->inner, &node->after};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        comments_count(all[i], counts);
    for (size_t i = 0; i < node->count; i++)
        comments_of(node->children[i], counts);
}

/* Reads a good text; the value is the caller's. */
static json_t *text_read(struct arena *arena, struct text text, struct jsonc_tree *tree)
{
    struct bytes bytes = {(const uint8_t *)text.ptr, text.len};
    struct jsonc_fault fault;
    char *clean = arena_alloc(arena, text.len + 1);
    if (!jsonc_clean(bytes, clean, &fault) || !jsonc_check((struct text){clean, text.len}, &fault))
        return NULL;
    *tree = jsonc_tree_read(bytes, (struct text){clean, text.len}, arena);
    return json_loadb(clean, text.len, 0, NULL);
}

static void laws_hold(uint64_t seed, void *context)
{
    const json_t *schema = context;
    struct made made = {.gen = gen_start(seed), .text = (char *)(uintptr_t) ""};
    struct arena *arena = &made.arena;
    put_gap(&made);
    put_value(&made, 0);
    put_gap(&made);
    struct text text = text_from(made.text), once, twice;
    struct jsonc_fault fault;
    struct jsonc_tree before, after;
    LAW(jsonc_format((struct bytes){(const uint8_t *)text.ptr, text.len}, schema, arena, &once,
                     &fault),
        seed, "%s", text.ptr);
    LAW(jsonc_format((struct bytes){(const uint8_t *)once.ptr, once.len}, schema, arena, &twice,
                     &fault),
        seed, "%s", once.ptr);
    LAW(text_equal(once, twice), seed, "%s", text.ptr);

    json_t *value = text_read(arena, text, &before), *same = text_read(arena, once, &after);
    LAW(value && same && json_equal(value, same), seed, "%s", text.ptr);
    json_decref(value);
    json_decref(same);
    uint8_t *counts = arena_array(arena, uint8_t, made.comments + 1);
    comments_of(after.root, counts);
    comments_count(&after.tail, counts);
    for (uint32_t i = 1; i <= made.comments; i++)
        LAW(counts[i] == 1, seed, "%s", text.ptr);
    for (const char *line = once.ptr; *line; line++) {
        bool is_trailing = (*line == ' ' || *line == '\t') && line[1] == '\n';
        LAW(!is_trailing && *line != '\r', seed, "%s", text.ptr);
    }
    arena_fini(arena);
}

START_TEST(formatting_twice_changes_nothing_and_loses_nothing)
{
    const char *source = getenv("SRVPLAN_SOURCE");
    char path[4096];
    ck_assert_msg(source != NULL, "SRVPLAN_SOURCE is not set");
    snprintf(path, sizeof path, "%s/srvplan/schema/inventory-v1.json", source);
    json_t *schema = json_load_file(path, 0, NULL);
    ck_assert(schema != NULL);
    laws_try_with(ROUNDS, laws_hold, schema);
    json_decref(schema);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, formatting_twice_changes_nothing_and_loses_nothing);
}

int main(void)
{
    return laws_main(laws_suite, add);
}

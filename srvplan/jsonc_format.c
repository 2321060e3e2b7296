/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/jsonc_format.h"

#include "srvplan/jsonc_tree.h"
#include "srvplan/schema_order.h"

#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS_MAX = 100,
    INDENT = 2,
    LEVELS_OPEN = 2, /* objects that are never put on one line: the whole, and its sections */
};

/* ---- order ---- */

struct ranked {
    struct jsonc_node *node;
    size_t rank, number;
};

static int rank_order(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return (left->number > right->number) - (left->number < right->number);
}

static const char *key_of(struct arena *arena, const struct jsonc_node *node)
{
    return arena_cstr(arena, jsonc_decode(arena, node->key));
}

static size_t rank_of(const json_t *part, const char *key)
{
    if (strcmp(key, "$schema") == 0)
        return 0;
    if (strcmp(key, "$comment") == 0)
        return 1;
    size_t rank = schema_rank(part, key);
    return rank == SIZE_MAX ? rank : rank + 2;
}

static void members_order(struct jsonc_node *node, const json_t *part, struct arena *arena)
{
    struct ranked *order = arena_array(arena, struct ranked, node->count);
    for (size_t i = node->count; i-- > 0;) {
        const char *key = key_of(arena, node->children[i]);
        bool is_note = strncmp(key, "//", 2) == 0; /* about the next one */
        order[i] = (struct ranked){
            .node = node->children[i],
            .rank = is_note && i + 1 < node->count ? order[i + 1].rank : rank_of(part, key),
            .number = i,
        };
    }
    if (node->count > 1)
        qsort(order, node->count, sizeof *order, rank_order);
    for (size_t i = 0; i < node->count; i++)
        node->children[i] = order[i].node;
}

/* Orders the members of a value, of which `part` of the schema speaks, and of all within it. */
static void order(struct jsonc_node *node, const json_t *schema, const json_t *part,
                  struct arena *arena)
{
    if (node->kind == JSONC_SCALAR)
        return;
    part = schema_resolve(schema, part, node->kind == JSONC_OBJECT ? JSON_OBJECT : JSON_ARRAY);
    if (node->kind == JSONC_OBJECT && json_object_get(part, "properties"))
        members_order(node, part, arena);
    for (size_t i = 0; part && i < node->count; i++) {
        struct jsonc_node *child = node->children[i];
        order(child, schema,
              node->kind == JSONC_OBJECT ? schema_member(part, key_of(arena, child))
                                         : schema_items(part),
              arena);
    }
}

/* ---- writing ---- */

struct output {
    struct arena *arena;
    char *text;
    size_t len, capacity;
};

static void put(struct output *out, struct text text)
{
    out->text = arena_grow(out->arena, out->text, &out->capacity, out->len + text.len + 1, 1);
    if (text.len)
        memcpy(out->text + out->len, text.ptr, text.len);
    out->len += text.len;
    out->text[out->len] = '\0';
}

static void put_string(struct output *out, const char *string)
{
    put(out, text_from(string));
}

static void put_indent(struct output *out, uint32_t level)
{
    for (uint32_t i = 0; i < INDENT * level; i++)
        put_string(out, " ");
}

/* The lines of a comment, of which all but the first begin with "*", at `level`. */
static bool has_stars(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\n')
            continue;
        while (i + 1 < text.len && jsonc_is_space(text.ptr[i + 1]) && text.ptr[i + 1] != '\n')
            i++;
        if (i + 1 >= text.len || text.ptr[i + 1] != '*')
            return false;
    }
    return true;
}

/* A comment; of one over several lines, LF alone ends them, and stars stand below the first. */
static void put_comment(struct output *out, struct text text, uint32_t level)
{
    bool stars = has_stars(text);
    for (size_t i = 0; i < text.len; i++) {
        if (!jsonc_is_line_end(text.ptr[i])) {
            put(out, (struct text){text.ptr + i, 1});
            continue;
        }
        while (out->len && (out->text[out->len - 1] == ' ' || out->text[out->len - 1] == '\t'))
            out->len--;
        i += text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
        put_string(out, "\n");
        if (!stars)
            continue;
        put_indent(out, level);
        put_string(out, " ");
        while (i + 1 < text.len && (text.ptr[i + 1] == ' ' || text.ptr[i + 1] == '\t'))
            i++;
    }
}

/* Comments on lines of their own; the first blank line goes when nothing stands above it. */
static void put_lines(struct output *out, const struct jsonc_comments *comments, uint32_t level,
                      bool *is_first)
{
    for (size_t i = 0; i < comments->count; i++) {
        if (comments->items[i].blank_before && !*is_first)
            put_string(out, "\n");
        *is_first = false;
        put_indent(out, level);
        put_comment(out, comments->items[i].text, level);
        put_string(out, "\n");
    }
}

/* Comments on a line that has something already. */
static void put_behind(struct output *out, const struct jsonc_comments *comments, uint32_t level)
{
    for (size_t i = 0; i < comments->count; i++) {
        put_string(out, " ");
        put_comment(out, comments->items[i].text, level);
    }
}

static bool has_comments_within(const struct jsonc_node *node)
{
    size_t count = node->opening.count + node->inner.count;
    for (size_t i = 0; i < node->count && count == 0; i++) {
        const struct jsonc_node *child = node->children[i];
        count = child->before.count + child->value.count + child->after.count +
                has_comments_within(child);
    }
    return count > 0;
}

/* "{ "a": 1, "b": [1, 2] }" */
static void put_inline(struct output *out, const struct jsonc_node *node)
{
    bool is_object = node->kind == JSONC_OBJECT;
    if (node->kind == JSONC_SCALAR) {
        put(out, node->token);
        return;
    }
    put_string(out, is_object ? "{" : "[");
    for (size_t i = 0; i < node->count; i++) {
        put_string(out, i ? ", " : is_object ? " " : "");
        if (is_object) {
            put(out, node->children[i]->key);
            put_string(out, ": ");
        }
        put_inline(out, node->children[i]);
    }
    put_string(out, node->count && is_object ? " }" : is_object ? "}" : "]");
}

/* Characters since the last line end. */
static size_t column_of(const struct output *out)
{
    size_t column = 0;
    for (size_t at = out->len; at > 0 && out->text[at - 1] != '\n'; at--)
        column += ((uint8_t)out->text[at - 1] & 0xc0) != 0x80;
    return column;
}

/* Writes the value on this line if it may stand there. */
static bool put_on_line(struct output *out, const struct jsonc_node *node, uint32_t level)
{
    enum {
        COMMA = 1
    };
    bool is_outer = node->kind == JSONC_OBJECT && level < LEVELS_OPEN && node->count > 0;
    size_t len = out->len;
    if (node->kind != JSONC_SCALAR && (is_outer || has_comments_within(node)))
        return false;
    put_inline(out, node);
    if (node->kind == JSONC_SCALAR || node->count == 0 || column_of(out) + COMMA <= COLUMNS_MAX)
        return true;
    out->len = len;
    out->text[len] = '\0';
    return false;
}

static void put_value(struct output *out, const struct jsonc_node *node, uint32_t level);

static void put_child(struct output *out, const struct jsonc_node *parent, size_t at,
                      uint32_t level, bool *is_first)
{
    const struct jsonc_node *node = parent->children[at];
    put_lines(out, &node->before, level, is_first);
    if (node->blank_before && !*is_first)
        put_string(out, "\n");
    *is_first = false;
    put_indent(out, level);
    if (node->key.len) {
        put(out, node->key);
        put_string(out, ":");
        put_behind(out, &node->value, level);
        put_string(out, " ");
    }
    put_value(out, node, level);
    put_string(out, at + 1 < parent->count ? "," : "");
    put_behind(out, &node->after, level);
    put_string(out, "\n");
}

static void put_value(struct output *out, const struct jsonc_node *node, uint32_t level)
{
    bool is_object = node->kind == JSONC_OBJECT, is_first = true;
    if (put_on_line(out, node, level))
        return;
    put_string(out, is_object ? "{" : "[");
    put_behind(out, &node->opening, level);
    put_string(out, "\n");
    for (size_t i = 0; i < node->count; i++)
        put_child(out, node, i, level + 1, &is_first);
    put_lines(out, &node->inner, level + 1, &is_first);
    put_indent(out, level);
    put_string(out, is_object ? "}" : "]");
}

static struct text tree_write(const struct jsonc_tree *tree, struct arena *arena)
{
    struct output out = {.arena = arena};
    bool is_first = true;
    put_lines(&out, &tree->root->before, 0, &is_first);
    if (tree->root->blank_before && !is_first)
        put_string(&out, "\n");
    put_value(&out, tree->root, 0);
    put_behind(&out, &tree->root->after, 0);
    put_string(&out, "\n");
    is_first = false;
    put_lines(&out, &tree->tail, 0, &is_first);
    return (struct text){out.text, out.len};
}

/* ---- the whole ---- */

/* Plain JSON of the text and its value, or NULL and a fault. */
static json_t *value_read(struct bytes text, struct arena *arena, struct text *clean,
                          struct jsonc_fault *fault)
{
    json_error_t error;
    char *room = arena_alloc(arena, text.len + 1);
    size_t duplicates = 0;
    *clean = (struct text){room, text.len};
    if (!jsonc_clean(text, room, fault) || !jsonc_check(*clean, fault))
        return NULL;
    const struct jsonc_duplicate *twice = jsonc_duplicates(*clean, arena, &duplicates);
    if (duplicates > 0) {
        fault->mend = "remove or rename one of them";
        jsonc_fault_set(fault, "duplicate-key", twice[0].again,
                        "expected each key once, found this one again");
        fault->opened = JSONC_NOWHERE;
        return NULL;
    }
    json_t *value = json_loadb(clean->ptr, clean->len, JSON_DECODE_ANY, &error);
    if (!value) {
        fault->mend = "see RFC 8259 for JSON";
        jsonc_fault_set(fault, "syntax", error.position > 0 ? (size_t)error.position - 1 : 0,
                        "%.100s", error.text);
    }
    return value;
}

/* Nothing is lost: what was written reads as what was read. */
static bool is_same(json_t *value, size_t comment_count, struct text formatted, struct arena *arena)
{
    struct jsonc_fault fault;
    struct text clean;
    struct bytes bytes = {(const uint8_t *)formatted.ptr, formatted.len};
    json_t *again = value_read(bytes, arena, &clean, &fault);
    bool same = again && json_equal(value, again) &&
                jsonc_tree_read(bytes, clean, arena).comment_count == comment_count;
    json_decref(again);
    return same;
}

bool jsonc_format(struct bytes text, const json_t *schema, struct arena *arena,
                  struct text *formatted, struct jsonc_fault *fault)
{
    struct text clean;
    json_t *value = value_read(text, arena, &clean, fault);
    if (!value)
        return false;
    struct jsonc_tree tree = jsonc_tree_read(text, clean, arena);
    order(tree.root, schema, schema, arena);
    *formatted = tree_write(&tree, arena);
    bool same = is_same(value, tree.comment_count, *formatted, arena);
    json_decref(value);
    if (!same) {
        fault->mend = "please report it; the text is left as it is";
        jsonc_fault_set(fault, "defect", 0,
                        "the canonical form would not be the same; this is a defect");
    }
    return same;
}

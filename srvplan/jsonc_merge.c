/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/jsonc_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    USUAL_INDENT = 2,
};

struct merge {
    struct text text; /* the original */
    struct jsonc_walk walk;
    struct arena *arena; /* of keys */
    FILE *out;
    size_t copied; /* the original up to here is written, or left out */
};

static void copy_until(struct merge *merge, size_t end)
{
    if (end > merge->copied)
        fwrite(merge->text.ptr + merge->copied, 1, end - merge->copied, merge->out);
    merge->copied = end;
}

/* ---- the original, byte by byte: the clean text does not tell commas from comments ---- */

static size_t comment_end(struct text text, size_t at)
{
    if (at + 1 >= text.len || text.ptr[at] != '/')
        return at;
    if (text.ptr[at + 1] == '/') {
        while (at < text.len && !jsonc_is_line_end(text.ptr[at]))
            at++;
        return at;
    }
    const char *close =
        text.ptr[at + 1] == '*' ? memmem(text.ptr + at + 2, text.len - at - 2, "*/", 2) : NULL;
    return close ? (size_t)(close - text.ptr) + 2 : at;
}

/* Behind the comma that follows a value, or 0: there is none. */
static size_t comma_end(struct text text, size_t at)
{
    while (at < text.len) {
        size_t next = jsonc_is_space(text.ptr[at]) ? at + 1 : comment_end(text, at);
        if (next == at)
            return text.ptr[at] == ',' ? at + 1 : 0;
        at = next;
    }
    return 0;
}

/* Where the blanks before `at` begin, on its line. */
static size_t blanks_start(struct text text, size_t at)
{
    while (at > 0 && (text.ptr[at - 1] == ' ' || text.ptr[at - 1] == '\t'))
        at--;
    return at;
}

static bool is_line_start(struct text text, size_t at)
{
    return at == 0 || jsonc_is_line_end(text.ptr[at - 1]);
}

/* The end of the line, when nothing but a comment to its end stands on it from `at`; else `at`. */
static size_t rest_of_line(struct text text, size_t at)
{
    size_t end = at;
    while (end < text.len && (text.ptr[end] == ' ' || text.ptr[end] == '\t'))
        end++;
    if (end + 1 < text.len && text.ptr[end] == '/' && text.ptr[end + 1] == '/')
        end = comment_end(text, end);
    if (end < text.len && text.ptr[end] == '\r')
        end++;
    if (end < text.len && text.ptr[end] == '\n')
        return end + 1;
    return end > at && text.ptr[end - 1] == '\r' ? end : at;
}

/* ---- values ---- */

/* The end of the value that began with `event`. */
static size_t skip_value(struct merge *merge, struct jsonc_event event)
{
    uint32_t depth = event.kind == JSONC_OBJECT || event.kind == JSONC_ARRAY;
    while (depth > 0) {
        event = jsonc_walk_next(&merge->walk);
        if (event.kind == JSONC_OBJECT || event.kind == JSONC_ARRAY)
            depth++;
        else if (event.kind == JSONC_END)
            depth--;
    }
    return event.offset + event.len;
}

/* What a patch makes where there was nothing: its nulls are no members (RFC 7396 section 2). */
static json_t *without_nulls(const json_t *patch)
{
    if (!json_is_object(patch))
        return json_incref((json_t *)(uintptr_t)patch);
    json_t *made = json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, key, value)
    {
        if (!json_is_null(value))
            json_object_set_new(made, key, without_nulls(value));
    }
    return made;
}

static void write_value(struct merge *merge, const json_t *patch)
{
    json_t *value = without_nulls(patch);
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    if (!text)
        abort();
    fputs(text, merge->out);
    free(text);
    json_decref(value);
}

/* ---- objects ---- */

struct members {
    json_t *left;        /* of the patch: what is not met yet */
    size_t last_end;     /* of the last member that stays; 0: none */
    bool has_comma;      /* behind that one */
    ptrdiff_t last_line; /* where the line of the last key begins that is alone there, or -1 */
    size_t last_key;
};

static void leave_out(struct merge *merge, size_t key, size_t end)
{
    size_t comma = comma_end(merge->text, end), start = blanks_start(merge->text, key);
    end = comma ? comma : end;
    size_t line = rest_of_line(merge->text, end);
    bool is_alone = is_line_start(merge->text, start) && line > end;
    copy_until(merge, is_alone ? start : key);
    merge->copied = is_alone ? line : end;
}

static void merge_object(struct merge *merge, const json_t *patch);

static void merge_member(struct merge *merge, const json_t *patch, struct jsonc_event key,
                         struct members *members)
{
    struct text token = {merge->text.ptr + key.offset, key.len};
    char *name = arena_cstr(merge->arena, jsonc_decode(merge->arena, token));
    const json_t *change = json_object_get(patch, name);
    struct jsonc_event value = jsonc_walk_next(&merge->walk);
    size_t line = blanks_start(merge->text, key.offset);
    if (is_line_start(merge->text, line)) {
        members->last_line = (ptrdiff_t)line;
        members->last_key = key.offset;
    }
    json_object_del(members->left, name);
    size_t end;
    if (json_is_null(change)) {
        leave_out(merge, key.offset, skip_value(merge, value));
        return;
    }
    if (json_is_object(change) && value.kind == JSONC_OBJECT) {
        merge_object(merge, change);
        end = merge->walk.at;
    } else {
        end = skip_value(merge, value);
    }
    if (change && !(json_is_object(change) && value.kind == JSONC_OBJECT)) {
        copy_until(merge, value.offset);
        write_value(merge, change);
        merge->copied = end;
    }
    members->last_end = end;
    members->has_comma = comma_end(merge->text, end) != 0;
}

/* "key": value */
static void write_member(struct merge *merge, const char *key, const json_t *value)
{
    json_t *name = json_string(key);
    write_value(merge, name);
    json_decref(name);
    fputs(": ", merge->out);
    write_value(merge, value);
}

static void write_indent(struct merge *merge, const struct members *members, size_t bracket)
{
    size_t from = blanks_start(merge->text, bracket);
    if (members->last_line >= 0) {
        size_t start = (size_t)members->last_line;
        size_t key = members->last_key;
        fwrite(merge->text.ptr + start, 1, key > start ? key - start : 0, merge->out);
    } else {
        fwrite(merge->text.ptr + from, 1, bracket - from, merge->out);
        fprintf(merge->out, "%*s", USUAL_INDENT, "");
    }
}

/* New members before the closing bracket, on lines of their own where the bracket has one. */
static void append_members(struct merge *merge, const struct members *members, size_t bracket)
{
    size_t start = blanks_start(merge->text, bracket);
    bool is_tall = is_line_start(merge->text, start);
    bool needs_comma = members->last_end && !members->has_comma;
    if (needs_comma) {
        copy_until(merge, members->last_end);
        fputc(',', merge->out);
    }
    copy_until(merge, start > merge->copied ? start : merge->copied);
    const char *key, *between = is_tall ? "" : members->last_end ? " " : "";
    json_t *value;
    json_object_foreach(members->left, key, value)
    {
        fputs(between, merge->out);
        if (is_tall)
            write_indent(merge, members, bracket);
        write_member(merge, key, value);
        between = is_tall ? ",\n" : ", ";
    }
    if (is_tall)
        fputc('\n', merge->out);
    else
        merge->copied = bracket;
}

/* The walk stands behind the opening bracket; when this returns, behind the closing one. */
static void merge_object(struct merge *merge, const json_t *patch)
{
    struct members members = {.left = without_nulls(patch), .last_line = -1};
    struct jsonc_event event = jsonc_walk_next(&merge->walk);
    for (; event.kind == JSONC_KEY; event = jsonc_walk_next(&merge->walk))
        merge_member(merge, patch, event, &members);
    if (json_object_size(members.left))
        append_members(merge, &members, event.offset);
    json_decref(members.left);
}

bool jsonc_merge(struct bytes text, const json_t *patch, struct arena *arena, struct text *merged,
                 struct jsonc_fault *fault)
{
    char *clean = malloc(text.len + 1), *made = NULL;
    size_t len = 0;
    bool done = false;
    if (!clean)
        abort();
    struct text whole = {clean, text.len};
    if (!jsonc_encoding_check(text, fault) || !jsonc_clean(text, clean, fault) ||
        !jsonc_check(whole, fault))
        goto out;
    struct merge merge = {.text = {(const char *)text.ptr, text.len},
                          .walk = jsonc_walk_over(whole),
                          .arena = arena,
                          .out = open_memstream(&made, &len)};
    if (!merge.out)
        abort();
    struct jsonc_event root = jsonc_walk_next(&merge.walk);
    if (root.kind == JSONC_OBJECT) {
        merge_object(&merge, patch);
        copy_until(&merge, text.len);
        done = true;
    } else {
        jsonc_fault_set(fault, "wrong-type", root.offset, "expected an object");
    }
    if (fclose(merge.out) != 0)
        abort();
    if (done)
        *merged = (struct text){arena_cstr(arena, (struct text){made, len}), len};
    free(made);
out:
    free(clean);
    return done;
}

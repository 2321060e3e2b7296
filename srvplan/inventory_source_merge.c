/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of inventory_source that makes one tree of several documents, and one text of that. */
#include "srvplan/inventory_source_build.h"

#include <stdlib.h>
#include <string.h>

static const struct place document_place = {0};

struct merge {
    struct inventory_source *source;
    uint32_t number; /* of the document at hand */
    struct twice {
        const char *pointer;
        uint32_t again; /* the document that has it again */
    } * twice;
    size_t twice_count, twice_capacity;
};

static void twice_add(struct merge *merge, const struct place *place)
{
    if (merge->twice_count == MISTAKES_MAX)
        return;
    struct arena *arena = &merge->source->mistakes.arena;
    merge->twice = arena_grow(arena, merge->twice, &merge->twice_capacity, merge->twice_count + 1,
                              sizeof *merge->twice);
    merge->twice[merge->twice_count++] = (struct twice){place_pointer(arena, place), merge->number};
}

/* Says of every key that stands in two documents where the first one is. */
static void twice_report(struct merge *merge)
{
    struct mistakes *mistakes = &merge->source->mistakes;
    struct document_spot *firsts =
        arena_array(&mistakes->arena, struct document_spot, merge->twice_count);
    for (size_t i = 0; i < merge->twice_count; i++)
        firsts[i] = (struct document_spot){.pointer = merge->twice[i].pointer,
                                           .at = JSONC_AT_KEY,
                                           .document = DOCUMENT_ANY,
                                           .offset = JSONC_NOWHERE};
    documents_find(merge->source->documents, merge->source->count, firsts, merge->twice_count);
    for (size_t i = 0; i < merge->twice_count; i++) {
        const struct place place = {.pointer = merge->twice[i].pointer,
                                    .at = JSONC_AT_KEY,
                                    .document = merge->twice[i].again + 1};
        mistake_add(mistakes, &place, "duplicate-key", "remove or rename one of them",
                    "expected each key in one file, found this one again; the first is at "
                    "%s:%u:%u",
                    firsts[i].file, firsts[i].line, firsts[i].column);
    }
}

/* Keys that each file has for itself; the first one's are kept. */
static bool is_of_file(const char *key)
{
    return strcmp(key, "$schema") == 0 || strcmp(key, "$comment") == 0 ||
           strncmp(key, "//", 2) == 0;
}

static void version_merge(struct merge *merge, const struct place *place, json_t *value)
{
    struct inventory_source *source = merge->source;
    const struct place at = place_in(place, merge->number);
    json_t *known = json_object_get(source->tree, "srvplan");
    if (!known && (merge->number == 0 || source->is_directory))
        json_object_set(source->tree, "srvplan", value);
    else if (known && !json_equal(known, value))
        mistake_add(&source->mistakes, &at, "unknown-version", "write the same in all files",
                    "expected the version that the files before have, found another");
}

/* One key of a document, into the tree. */
static void key_merge(struct merge *merge, const char *key, json_t *value)
{
    struct inventory_source *source = merge->source;
    json_t *known = json_object_get(source->tree, key);
    struct place at_key = place_key(&document_place, key);
    struct place at_value = place_value(&document_place, key);
    const char *member;
    json_t *item;
    if (strcmp(key, "include") == 0)
        return;
    if (strcmp(key, "srvplan") == 0) {
        version_merge(merge, &at_value, value);
    } else if (!known) { /* copied, so that others can add to it */
        json_object_set_new(source->tree, key,
                            json_is_object(value) ? json_copy(value) : json_incref(value));
    } else if (!is_of_file(key) && !(json_is_object(known) && json_is_object(value))) {
        twice_add(merge, &at_key);
    } else if (!is_of_file(key)) {
        json_object_foreach(value, member, item)
        {
            struct place place = place_key(&at_value, member);
            if (json_object_get(known, member))
                twice_add(merge, &place);
            else
                json_object_set(known, member, item);
        }
    }
}

static int fragment_order(const void *a, const void *b)
{
    const struct source_fragment *left = a, *right = b;
    int order = strcmp(left->zone, right->zone);
    return order ? order : (left->document > right->document) - (left->document < right->document);
}

void source_merge(struct inventory_source *source)
{
    const char *key;
    json_t *value;
    struct merge merge = {.source = source};
    if (source->fragment_count > 1)
        qsort(source->fragments, source->fragment_count, sizeof *source->fragments, fragment_order);
    if (source->is_broken)
        return;
    json_t *first = source->documents[0].tree;
    if (source->count == 1 && !json_object_get(first, "include")) {
        source->tree = json_incref(first);
        return;
    }
    source->tree = json_object();
    for (; merge.number < source->count; merge.number++) {
        json_t *tree = source->documents[merge.number].tree;
        const struct place whole = place_in(&document_place, merge.number);
        if (!json_is_object(tree))
            mistake_add(&source->mistakes, &whole, "bad-type", "write an object: { … }",
                        "expected an object, found something else");
        json_object_foreach(tree, key, value) key_merge(&merge, key, value);
    }
    twice_report(&merge);
}

const struct source_fragment *source_fragment_find(const struct inventory_source *source,
                                                   const char *zone)
{
    uint32_t low = 0, high = source->fragment_count; /* the first that is not before the zone */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(source->fragments[middle].zone, zone) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < source->fragment_count && strcmp(source->fragments[low].zone, zone) == 0;
    return is_there ? &source->fragments[low] : NULL;
}

/* ---- one text ---- */

/* The lines of a zone file that are not blank. */
static json_t *lines_of(struct text text)
{
    json_t *lines = json_array();
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        text = (struct text){text.ptr + 3, text.len - 3};
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len, shown = len;
        while (shown && jsonc_is_space(text.ptr[shown - 1]))
            shown--;
        if (shown)
            json_array_append_new(lines, json_stringn(text.ptr, shown));
        len += end != NULL;
        text = (struct text){text.ptr + len, text.len - len};
    }
    return lines;
}

/* The tree, with the lines of zone files in place of their paths. */
static json_t *tree_whole(const struct inventory_source *source)
{
    json_t *tree = json_copy(source->tree);
    json_t *zones = json_copy(json_object_get(tree, "zones"));
    for (uint32_t i = 0; i < source->fragment_count; i++) {
        const struct source_fragment *fragment = &source->fragments[i];
        if (source_fragment_find(source, fragment->zone) != fragment)
            continue;
        json_t *zone = json_copy(json_object_get(zones, fragment->zone));
        json_object_set_new(zone, "records", lines_of(fragment->text));
        json_object_set_new(zones, fragment->zone, zone);
    }
    if (zones)
        json_object_set_new(tree, "zones", zones);
    return tree;
}

struct text inventory_source_text(struct inventory_source *source)
{
    enum {
        REAL_DIGITS = 15 /* as many as every decimal number of a double comes back with */
    };
    const struct document *first = &source->documents[0];
    if (source->count == 1 && source->fragment_count == 0 && first->format == DOCUMENT_JSONC)
        return (struct text){(const char *)first->text.ptr, first->text.len};
    if (!source->text.ptr && source->tree) {
        json_t *tree = tree_whole(source);
        /* A document that is a single value is a mistake to be told, and has a text, too. */
        char *text =
            json_dumps(tree, JSON_INDENT(2) | JSON_REAL_PRECISION(REAL_DIGITS) | JSON_ENCODE_ANY);
        if (!text)
            abort();
        source->text = arena_text(&source->arena, text_from(text));
        free(text);
        json_decref(tree);
    }
    return source->text;
}

struct digest inventory_source_digest(const struct inventory_source *source)
{
    uint32_t count = source->count + source->fragment_count;
    struct arena arena = {0};
    struct bytes *parts = arena_array(&arena, struct bytes, 2 * (size_t)count);
    uint64_t *lengths = arena_array(&arena, uint64_t, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct source_fragment *fragment =
            i < source->count ? NULL : &source->fragments[i - source->count];
        parts[2 * i + 1] =
            fragment ? (struct bytes){(const uint8_t *)fragment->text.ptr, fragment->text.len}
                     : source->documents[i].text;
        lengths[i] = parts[2 * i + 1].len; /* so that no byte can move between files */
        parts[2 * i] = (struct bytes){(const uint8_t *)&lengths[i], sizeof lengths[i]};
    }
    struct digest digest =
        count == 1 ? digest_of(parts[1]) : digest_of_parts(parts, 2 * (size_t)count);
    arena_fini(&arena);
    return digest;
}

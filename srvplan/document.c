/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/document.h"

#include "srvplan/mistakes.h"

#include <stdlib.h>
#include <string.h>

enum document_format document_format_of(const char *file)
{
    const char *dot = strrchr(file, '.');
    bool is_yaml = dot && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0);
    return is_yaml ? DOCUMENT_YAML : DOCUMENT_JSONC;
}

void document_positions(const struct document *document, struct jsonc_position *positions,
                        size_t count)
{
    if (document->format == DOCUMENT_JSONC) { /* its JSON has the offsets of the text */
        jsonc_positions(document->text, positions, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct yaml_mark mark = yaml_mark_at(&document->json, positions[i].offset);
        positions[i].line = mark.line;
        positions[i].column = mark.column;
    }
}

static void fault_add(const struct document *documents, uint32_t number,
                      const struct jsonc_fault *fault, struct mistakes *mistakes)
{
    const struct document *document = &documents[number];
    struct jsonc_position opened = {.offset = (size_t)fault->opened};
    const char *message = arena_cstr(&mistakes->arena, text_from(fault->message));
    if (fault->opened != JSONC_NOWHERE) {
        document_positions(document, &opened, 1);
        message =
            arena_printf(&mistakes->arena, "%s; not closed is what began at line %u, column %u",
                         message, opened.line, opened.column);
    }
    mistake_add_at(
        mistakes,
        &(struct mistake){
            .code = fault->code,
            .spot = {.pointer = "", .document = number, .offset = (ptrdiff_t)fault->offset},
            .message = message,
            .mend = fault->mend,
        });
}

static void yaml_fault_add(uint32_t number, const struct yaml_fault *fault,
                           struct mistakes *mistakes)
{
    mistake_add_at(mistakes, &(struct mistake){
                                 .code = fault->code,
                                 .spot = {.pointer = "",
                                          .document = number,
                                          .offset = JSONC_NOWHERE,
                                          .line = fault->line,
                                          .column = fault->column},
                                 .message = arena_cstr(&mistakes->arena, text_from(fault->message)),
                                 .mend = fault->mend,
                             });
}

static int first_order(const void *a, const void *b)
{
    const struct jsonc_duplicate *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

/* Every key that an object has twice; the tree keeps the last one. */
static void duplicates_add(const struct document *documents, uint32_t number,
                           struct mistakes *mistakes)
{
    const struct document *document = &documents[number];
    struct arena *arena = &mistakes->arena;
    size_t count;
    struct jsonc_duplicate *duplicates = jsonc_duplicates(document->json.json, arena, &count);
    struct jsonc_position *first = arena_array(arena, struct jsonc_position, count);
    if (count > 1)
        qsort(duplicates, count, sizeof *duplicates, first_order);
    for (size_t i = 0; i < count; i++)
        first[i].offset = duplicates[i].first;
    document_positions(document, first, count);
    for (size_t i = 0; i < count; i++) {
        struct mistake mistake = {
            .code = "duplicate-key",
            .spot = {.pointer = duplicates[i].pointer,
                     .document = number,
                     .offset = (ptrdiff_t)duplicates[i].again},
            .message = "",
            .mend = "remove or rename one of them",
        };
        if (i < MISTAKES_MAX)
            mistake.message = arena_printf(arena,
                                           "expected each key once, found this one again; the "
                                           "first is at line %u, column %u",
                                           first[i].line, first[i].column);
        mistake_add_at(mistakes, &mistake);
    }
}

/* Plain JSON of the text; false: it is none, which is reported. */
static bool json_make(struct document *documents, uint32_t number, size_t max,
                      struct mistakes *mistakes)
{
    struct document *document = &documents[number];
    struct jsonc_fault fault;
    struct yaml_fault yaml_fault;
    bool is_good;
    if (document->format == DOCUMENT_JSONC) {
        char *room = arena_alloc(&document->arena, document->text.len + 1);
        is_good = jsonc_clean(document->text, room, &fault);
        document->json.json = (struct text){room, document->text.len};
    } else {
        /* Before there are marks, offsets are those of the text. */
        is_good = jsonc_encoding_check(document->text, &fault);
        if (!is_good) {
            struct jsonc_position at = {.offset = fault.offset};
            jsonc_positions(document->text, &at, 1);
            yaml_fault = (struct yaml_fault){fault.code, at.line, at.column, "", fault.mend};
            memcpy(yaml_fault.message, fault.message, sizeof fault.message);
        }
        if (!is_good ||
            !yaml_to_json(document->text, max, &document->arena, &document->json, &yaml_fault)) {
            yaml_fault_add(number, &yaml_fault, mistakes);
            return false;
        }
    }
    if (is_good && jsonc_check(document->json.json, &fault))
        return true;
    fault_add(documents, number, &fault, mistakes);
    return false;
}

void document_parse(struct document *documents, uint32_t number, size_t max,
                    struct mistakes *mistakes)
{
    struct document *document = &documents[number];
    if (document->text.len > max) {
        mistake_add_at(mistakes, &(struct mistake){
                                     .code = "too-large",
                                     .spot = {.pointer = "", .document = number},
                                     .message = arena_printf(&mistakes->arena,
                                                             "expected at most %zu bytes, found "
                                                             "%zu",
                                                             max, document->text.len),
                                     .mend = "split the inventory",
                                 });
        return;
    }
    if (!json_make(documents, number, max, mistakes))
        return;
    struct text json = document->json.json;
    json_error_t error;
    document->tree =
        json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!document->tree && json_error_code(&error) == json_error_duplicate_key) {
        duplicates_add(documents, number, mistakes);
        document->tree = json_loadb(json.ptr, json.len, JSON_DECODE_ANY, &error);
    }
    if (!document->tree)
        mistake_add_at(mistakes,
                       &(struct mistake){
                           .code = "syntax",
                           .spot = {.pointer = "",
                                    .document = number,
                                    .offset = error.position > 0 ? error.position - 1 : 0},
                           .message = arena_cstr(&mistakes->arena, text_from(error.text)),
                           .mend = "see RFC 8259 for JSON",
                       });
}

void document_fini(struct document *document)
{
    json_decref(document->tree);
    arena_fini(&document->arena);
    *document = (struct document){0};
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_load.h"

#include "srvplan/inventory_read.h"
#include "zones/base/file.h"

#include <stdlib.h>
#include <string.h>

static const struct place document = {0};

static void fault_add(struct load *load, struct bytes text, const struct jsonc_fault *fault)
{
    struct jsonc_position opened = {.offset = (size_t)fault->opened};
    const char *message = arena_cstr(&load->mistakes.arena, text_from(fault->message));
    if (fault->opened != JSONC_NOWHERE) {
        jsonc_positions(text, &opened, 1);
        message = arena_printf(&load->mistakes.arena,
                               "%s; not closed is what began at line %u, column %u", message,
                               opened.line, opened.column);
    }
    mistake_add_at(&load->mistakes, &(struct mistake){.code = fault->code,
                                                      .pointer = "",
                                                      .offset = (ptrdiff_t)fault->offset,
                                                      .message = message,
                                                      .mend = fault->mend});
}

static int first_order(const void *a, const void *b)
{
    const struct jsonc_duplicate *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

/* Every key that an object has twice; the tree keeps the last one. */
static void duplicates_add(struct load *load, struct bytes text, struct text clean)
{
    struct arena *arena = &load->mistakes.arena;
    size_t count;
    struct jsonc_duplicate *duplicates = jsonc_duplicates(clean, arena, &count);
    struct jsonc_position *first = arena_array(arena, struct jsonc_position, count);
    if (count > 1)
        qsort(duplicates, count, sizeof *duplicates, first_order);
    for (size_t i = 0; i < count; i++)
        first[i].offset = duplicates[i].first;
    jsonc_positions(text, first, count);
    for (size_t i = 0; i < count; i++) {
        struct mistake mistake = {
            .code = "duplicate-key",
            .pointer = duplicates[i].pointer,
            .offset = (ptrdiff_t)duplicates[i].again,
            .message = "",
            .mend = "remove or rename one of them",
        };
        if (i < MISTAKES_MAX)
            mistake.message = arena_printf(arena,
                                           "expected each key once, found this one again; the "
                                           "first is at line %u, column %u",
                                           first[i].line, first[i].column);
        mistake_add_at(&load->mistakes, &mistake);
    }
}

/* The tree of clean text that has passed jsonc_check, or NULL, which is reported. */
static json_t *tree_build(struct load *load, struct bytes text, struct text clean)
{
    json_error_t error;
    json_t *tree =
        json_loadb(clean.ptr, clean.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!tree && json_error_code(&error) == json_error_duplicate_key) {
        duplicates_add(load, text, clean);
        tree = json_loadb(clean.ptr, clean.len, JSON_DECODE_ANY, &error);
    }
    if (!tree)
        mistake_add_at(&load->mistakes,
                       &(struct mistake){
                           .code = "syntax",
                           .pointer = "",
                           .offset = error.position > 0 ? error.position - 1 : 0,
                           .message = arena_cstr(&load->mistakes.arena, text_from(error.text)),
                           .mend = "see RFC 8259 for JSON",
                       });
    return tree;
}

static void text_read(struct load *load, struct bytes text, struct text *clean)
{
    struct jsonc_fault fault;
    if (text.len > INVENTORY_MAX_BYTES) {
        mistake_add(&load->mistakes, &document, "too-large", "split the inventory",
                    "expected at most %d bytes, found %zu", INVENTORY_MAX_BYTES, text.len);
        return;
    }
    char *room = arena_alloc(&load->scratch, text.len + 1);
    if (!jsonc_clean(text, room, &fault) || !jsonc_check((struct text){room, text.len}, &fault)) {
        fault_add(load, text, &fault);
        return;
    }
    *clean = (struct text){room, text.len};
    json_t *tree = tree_build(load, text, *clean);
    if (!tree)
        return;
    document_read(load, tree);
    json_decref(tree);
}

struct inventory *inventory_load(struct bytes text, const char *file, struct findings *findings)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (!inventory)
        abort();
    struct load load = {.inventory = inventory, .arena = &inventory->arena};
    struct text clean = {0};
    text_read(&load, text, &clean);
    bool is_good = load.mistakes.errors == 0;
    mistakes_publish(&load.mistakes, text, clean, file, findings);
    mistakes_fini(&load.mistakes);
    arena_fini(&load.scratch);
    if (!is_good) {
        inventory_free(inventory);
        inventory = NULL;
    }
    return inventory;
}

struct inventory *inventory_load_file(const char *path, struct findings *findings,
                                      struct error *err)
{
    struct bytes text = {0};
    if (!file_read(path, INVENTORY_MAX_BYTES, &text, err))
        return NULL;
    struct inventory *inventory = inventory_load(text, path, findings);
    free((void *)(uintptr_t)text.ptr);
    return inventory;
}

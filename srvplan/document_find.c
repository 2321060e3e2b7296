/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of document that says where things are. */
#include "srvplan/document.h"

#include <stdlib.h>
#include <string.h>

struct finder {
    const struct document *documents;
    uint32_t count;
    struct document_spot *spots;
    size_t spot_count;
    const char **pointers; /* by spot: what is looked for; NULL: nothing */
    struct jsonc_place *places;
    struct arena arena;
};

static ptrdiff_t offset_of(const struct jsonc_place *place, enum jsonc_place_at at)
{
    return at == JSONC_AT_KEY && place->key != JSONC_NOWHERE ? place->key : place->value;
}

/* Looks for all pointers in one document after the other; returns how many are left. */
static size_t pointers_find(struct finder *finder)
{
    size_t left = 0, place_count = 0;
    for (size_t i = 0; i < finder->spot_count; i++)
        if (finder->pointers[i])
            finder->places[left++] = (struct jsonc_place){.pointer = finder->pointers[i]};
    place_count = jsonc_places_sort(finder->places, left);
    for (uint32_t number = 0; left > 0 && number < finder->count; number++) {
        if (!finder->documents[number].tree)
            continue;
        jsonc_locate(finder->documents[number].json.json, finder->places, place_count);
        for (size_t i = 0; i < finder->spot_count; i++) {
            struct document_spot *spot = &finder->spots[i];
            if (!finder->pointers[i] ||
                (spot->document != DOCUMENT_ANY && spot->document != number))
                continue;
            spot->offset = offset_of(
                jsonc_place_get(finder->places, place_count, finder->pointers[i]), spot->at);
            if (spot->offset == JSONC_NOWHERE)
                continue;
            spot->document = number;
            finder->pointers[i] = NULL;
            left--;
        }
    }
    return left;
}

/* Cuts the last token of every pointer that was not found; returns how many are left. One that
 * nothing but the whole document is left of stays without a place. */
static size_t pointers_cut(struct finder *finder)
{
    size_t left = 0;
    for (size_t i = 0; i < finder->spot_count; i++) {
        const char *pointer = finder->pointers[i];
        const char *slash = pointer ? strrchr(pointer, '/') : NULL;
        finder->pointers[i] = NULL;
        if (slash && slash > pointer) {
            struct text cut = {pointer, (size_t)(slash - pointer)};
            finder->pointers[i] = arena_cstr(&finder->arena, cut);
            left++;
        }
    }
    return left;
}

static int spot_order(const void *a, const void *b)
{
    const struct document_spot *left = *(const struct document_spot *const *)a,
                               *right = *(const struct document_spot *const *)b;
    if (left->document != right->document)
        return left->document < right->document ? -1 : 1;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* Lines and columns of all that have an offset. */
static void lines_find(struct finder *finder)
{
    struct document_spot **order =
        arena_array(&finder->arena, struct document_spot *, finder->spot_count);
    struct jsonc_position *positions =
        arena_array(&finder->arena, struct jsonc_position, finder->spot_count);
    size_t count = 0;
    for (size_t i = 0; i < finder->spot_count; i++)
        if (finder->spots[i].line == 0 && finder->spots[i].offset != JSONC_NOWHERE)
            order[count++] = &finder->spots[i];
    if (count > 1)
        qsort(order, count, sizeof *order, spot_order);
    for (size_t from = 0, to; from < count; from = to) {
        uint32_t number = order[from]->document;
        for (to = from; to < count && order[to]->document == number; to++)
            positions[to].offset = (size_t)order[to]->offset;
        document_positions(&finder->documents[number], positions + from, to - from);
        for (size_t i = from; i < to; i++) {
            order[i]->line = positions[i].line;
            order[i]->column = positions[i].column;
        }
    }
}

void documents_find(const struct document *documents, uint32_t count, struct document_spot *spots,
                    size_t spot_count)
{
    struct finder finder = {
        .documents = documents, .count = count, .spots = spots, .spot_count = spot_count};
    finder.pointers = arena_array(&finder.arena, const char *, spot_count);
    finder.places = arena_array(&finder.arena, struct jsonc_place, spot_count);
    size_t left = 0;
    for (size_t i = 0; i < spot_count; i++)
        if (spots[i].line == 0 && spots[i].offset == JSONC_NOWHERE) {
            finder.pointers[i] = spots[i].pointer;
            left++;
        }
    while (left > 0 && pointers_find(&finder) > 0)
        left = pointers_cut(&finder);
    lines_find(&finder);
    for (size_t i = 0; i < spot_count; i++)
        if (!spots[i].file && spots[i].document < count)
            spots[i].file = documents[spots[i].document].file;
    arena_fini(&finder.arena);
}

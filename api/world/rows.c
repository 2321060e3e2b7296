/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/rows.h"

#include <stdlib.h>
#include <string.h>

char *rows_pack_texts(struct text *const *texts, size_t count)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += texts[i]->len;
    char *block = malloc(size), *at = block;
    if (!block)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (texts[i]->len)
            memcpy(at, texts[i]->ptr, texts[i]->len);
        texts[i]->ptr = at;
        at += texts[i]->len;
    }
    return block;
}

static struct drain_row drain_row_make(const struct store_drain *drain)
{
    struct drain_row made = {.row = *drain};
    struct store_drain *row = &made.row;
    struct text *const texts[] = {&row->id,          &row->node,           &row->services,
                                  &row->actor,       &row->reason,         &row->override_reason,
                                  &row->ended_actor, &row->blocked_because};
    made.block = rows_pack_texts(texts, COUNT_OF(texts));
    return made;
}

static struct weight_row weight_row_make(const struct store_weight *weight)
{
    struct weight_row made = {.row = *weight};
    struct text *const texts[] = {&made.row.node, &made.row.service, &made.row.actor,
                                  &made.row.reason};
    made.block = rows_pack_texts(texts, COUNT_OF(texts));
    return made;
}

void rows_fini(struct rows *rows)
{
    for (size_t i = 0; i < rows->drain_count; i++)
        free(rows->drains[i].block);
    for (size_t i = 0; i < rows->weight_count; i++)
        free(rows->weights[i].block);
    free(rows->drains);
    free(rows->weights);
    rows_fini_windows(rows);
    *rows = (struct rows){0};
}

struct rows rows_copy(const struct rows *rows)
{
    struct rows copy = {0};
    for (size_t i = 0; i < rows->drain_count; i++)
        rows_put_drain(&copy, &rows->drains[i].row);
    for (size_t i = 0; i < rows->weight_count; i++)
        rows_put_weight(&copy, &rows->weights[i].row);
    rows_copy_windows(&copy, rows);
    return copy;
}

void *rows_insert_gap(void *array, size_t count, size_t at, size_t size)
{
    char *grown = realloc(array, (count + 1) * size);
    if (!grown)
        abort();
    memmove(grown + (at + 1) * size, grown + at * size, (count - at) * size);
    return grown;
}

void rows_put_drain(struct rows *rows, const struct store_drain *drain)
{
    struct drain_row made = drain_row_make(drain);
    size_t at = rows->drain_count;
    while (at > 0 && text_compare(rows->drains[at - 1].row.id, drain->id) > 0)
        at--;
    if (at > 0 && text_equal(rows->drains[at - 1].row.id, drain->id)) {
        free(rows->drains[at - 1].block);
        rows->drains[at - 1] = made;
        return;
    }
    rows->drains = rows_insert_gap(rows->drains, rows->drain_count, at, sizeof made);
    rows->drains[at] = made;
    rows->drain_count++;
}

static int compare_weight(const struct store_weight *row, struct text node, struct text service)
{
    int order = text_compare(row->node, node);
    return order ? order : text_compare(row->service, service);
}

void rows_put_weight(struct rows *rows, const struct store_weight *weight)
{
    struct weight_row made = weight_row_make(weight);
    size_t at = 0;
    while (at < rows->weight_count &&
           compare_weight(&rows->weights[at].row, weight->node, weight->service) < 0)
        at++;
    if (at < rows->weight_count &&
        compare_weight(&rows->weights[at].row, weight->node, weight->service) == 0) {
        free(rows->weights[at].block);
        rows->weights[at] = made;
        return;
    }
    rows->weights = rows_insert_gap(rows->weights, rows->weight_count, at, sizeof made);
    rows->weights[at] = made;
    rows->weight_count++;
}

void rows_remove_weight(struct rows *rows, struct text node, struct text service)
{
    for (size_t i = 0; i < rows->weight_count; i++) {
        if (compare_weight(&rows->weights[i].row, node, service) != 0)
            continue;
        free(rows->weights[i].block);
        rows->weight_count--;
        memmove(&rows->weights[i], &rows->weights[i + 1],
                (rows->weight_count - i) * sizeof rows->weights[0]);
        return;
    }
}

void rows_forget_drains(struct rows *rows, int64_t ended_before_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->drain_count; i++) {
        int64_t ended_at_ms = rows->drains[i].row.ended_at_ms;
        if (ended_at_ms && ended_at_ms < ended_before_ms)
            free(rows->drains[i].block);
        else
            rows->drains[kept++] = rows->drains[i];
    }
    rows->drain_count = kept;
}

struct store_drain *rows_find_drain(const struct rows *rows, struct text id)
{
    for (size_t i = 0; i < rows->drain_count; i++)
        if (text_equal(rows->drains[i].row.id, id))
            return &rows->drains[i].row;
    return NULL;
}

/* Splits words with one space between. */
static void split_words(struct arena *arena, struct text list, const struct text **words,
                        uint32_t *count)
{
    struct text *found = arena_array(arena, struct text, list.len / 2 + 1);
    for (size_t at = 0; at < list.len;) {
        size_t end = at;
        while (end < list.len && list.ptr[end] != ' ')
            end++;
        found[(*count)++] = (struct text){list.ptr + at, end - at};
        at = end + 1;
    }
    *words = found;
}

struct overlays rows_overlays(const struct rows *rows, struct arena *arena)
{
    struct overlay_drain *drains = arena_array(arena, struct overlay_drain, rows->drain_count);
    struct overlay_weight *weights = arena_array(arena, struct overlay_weight, rows->weight_count);
    struct overlays overlays = {.drains = drains, .weights = weights};
    for (size_t i = 0; i < rows->drain_count; i++) {
        const struct store_drain *row = &rows->drains[i].row;
        if (row->ended_at_ms)
            continue;
        struct overlay_drain *drain = &drains[overlays.drain_count++];
        *drain = (struct overlay_drain){.id = arena_text(arena, row->id),
                                        .node = arena_text(arena, row->node),
                                        .actor = arena_text(arena, row->actor),
                                        .reason = arena_text(arena, row->reason),
                                        .mode = (enum drain_mode)row->mode,
                                        .to_ppb = row->to_ppb,
                                        .ramp_s = row->ramp_s,
                                        .ramp_steps = row->ramp_steps,
                                        .is_lead_auto = row->is_lead_auto,
                                        .is_blocked = row->blocked_at_ms != 0,
                                        .delay_ms = row->delay_ms,
                                        .requested_at_ms = row->since_at_ms,
                                        .since_at_ms = row->since_at_ms,
                                        .until_at_ms = row->until_at_ms};
        split_words(arena, arena_text(arena, row->services), &drain->services,
                    &drain->service_count);
    }
    for (size_t i = 0; i < rows->weight_count; i++) {
        const struct store_weight *row = &rows->weights[i].row;
        weights[overlays.weight_count++] =
            (struct overlay_weight){.node = arena_text(arena, row->node),
                                    .service = arena_text(arena, row->service),
                                    .form = (enum weight_form)row->form,
                                    .value = row->value,
                                    .actor = arena_text(arena, row->actor),
                                    .reason = arena_text(arena, row->reason),
                                    .since_at_ms = row->since_at_ms,
                                    .until_at_ms = row->until_at_ms};
    }
    rows_overlay_windows(rows, arena, &overlays);
    return overlays;
}

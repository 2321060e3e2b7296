/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rows: the overlays as the world holds them, between store and plan.
 *
 * Each row owns its texts in one block, so that a row can go without the others. */
#pragma once
#include "api/view/window_body.h"
#include "srvplan/plan.h"

#include <jansson.h>

struct drain_row {
    struct store_drain row;
    char *block;
};

struct weight_row {
    struct store_weight row;
    char *block;
};

struct window_row {
    struct store_window row;
    struct window_body *body; /* NULL: it cannot be read, and waits */
    char *block;
};

struct opening_row {
    struct store_opening row;
    char *block;
};

struct rows {
    struct drain_row *drains; /* ascending by id */
    size_t drain_count;
    struct weight_row *weights; /* ascending by node, service */
    size_t weight_count;
    struct window_row *windows; /* ascending by id */
    size_t window_count;
    struct opening_row *openings; /* ascending by window, opens_at_ms */
    size_t opening_count;
};

void rows_fini(struct rows *rows);
struct rows rows_copy(const struct rows *rows);

/* Inserts a copy, or replaces the one with the same id (node and service for a weight). */
void rows_put_drain(struct rows *rows, const struct store_drain *drain);
void rows_put_weight(struct rows *rows, const struct store_weight *weight);
void rows_remove_weight(struct rows *rows, struct text node, struct text service);
void rows_forget_drains(struct rows *rows, int64_t ended_before_ms);

struct store_drain *rows_find_drain(const struct rows *rows, struct text id);

/* -- world/rows_windows.c -- */

void rows_put_window(struct rows *rows, const struct store_window *window,
                     struct window_body *body);                              /* takes a reference */
void rows_load_window(struct rows *rows, const struct store_window *window); /* reads its body */
void rows_remove_window(struct rows *rows, struct text id);
const struct window_row *rows_find_window(const struct rows *rows, struct text id);
void rows_put_opening(struct rows *rows, const struct store_opening *opening);
void rows_remove_opening(struct rows *rows, struct text window, int64_t opens_at_ms);

/* "windows" and "openings" into the JSON of a revision's overlays: those that it takes to compute
 * the plan again; and back. */
void rows_print_windows(const struct rows *rows, const struct plan *plan, json_t *object);
void rows_parse_windows(struct rows *rows, const json_t *object);

/* The overlays in force for a plan: drains that have not ended, all weights and windows. Lives in
 * the arena, and borrows the bodies of windows from the rows. */
struct overlays rows_overlays(const struct rows *rows, struct arena *arena);

/* References to those bodies, for who keeps overlays longer than rows; the array in the arena. */
struct window_body **rows_ref_bodies(const struct rows *rows, struct arena *arena, size_t *count);

/* -- between the files of rows -- */

/* Copies the texts into one block and lets them point there. */
char *rows_pack_texts(struct text *const *texts, size_t count);

/* Opens a gap at `at` in an array of `count` elements of `size` bytes. */
void *rows_insert_gap(void *array, size_t count, size_t at, size_t size);

void rows_fini_windows(struct rows *rows);
void rows_copy_windows(struct rows *copy, const struct rows *rows);
void rows_overlay_windows(const struct rows *rows, struct arena *arena, struct overlays *overlays);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rows: the overlays as the world holds them, between store and plan.
 *
 * Each row owns its texts in one block, so that a row can go without the others. */
#pragma once
#include "api/store.h"
#include "srvplan/overlay.h"

struct drain_row {
    struct store_drain row;
    char *block;
};

struct weight_row {
    struct store_weight row;
    char *block;
};

struct rows {
    struct drain_row *drains; /* ascending by id */
    size_t drain_count;
    struct weight_row *weights; /* ascending by node, service */
    size_t weight_count;
};

void rows_fini(struct rows *rows);
struct rows rows_copy(const struct rows *rows);

/* Inserts a copy, or replaces the one with the same id (node and service for a weight). */
void rows_put_drain(struct rows *rows, const struct store_drain *drain);
void rows_put_weight(struct rows *rows, const struct store_weight *weight);
void rows_remove_weight(struct rows *rows, struct text node, struct text service);
void rows_forget_drains(struct rows *rows, int64_t ended_before_ms);

struct store_drain *rows_find_drain(const struct rows *rows, struct text id);

/* The overlays in force for a plan: drains that have not ended, all weights. Lives in the arena. */
struct overlays rows_overlays(const struct rows *rows, struct arena *arena);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan_shelf: what POST /plan was asked for, kept for a while so that POST /apply can name it.
 *
 * A plan on the shelf is its question, not its answer: apply plans anew, and what comes out must be
 * what was shown (its checksum). Bounded in number, bytes and time; what has gone is planned once
 * more by its author. Nothing of it survives a restart. Any thread. */
#pragma once
#include "srvplan/document.h"
#include "zones/base/arena.h"
#include "zones/base/digest.h"

enum {
    PLAN_SHELF_MAX_PLANS = 64,
    PLAN_SHELF_MAX_BYTES = 64 * 1024 * 1024, /* two of the longest inventories */
    PLAN_SHELF_KEPT_MS = 3600 * 1000,        /* long enough for colleagues to look at it */
    PLAN_SHELF_ID_SIZE = 24,                 /* "pl_", 80 random bits in hexadecimal, NUL */
};

struct shelved_plan {
    char id[PLAN_SHELF_ID_SIZE];
    struct digest checksum;
    struct text document; /* JSONC; ptr NULL: the inventory stays */
    struct text overlays; /* JSON as it was asked for; ptr NULL: none come */
    bool is_for_later;    /* of another instant than its own: to be looked at only */
};

struct plan_shelf;

struct plan_shelf *plan_shelf_new(void);
void plan_shelf_free(struct plan_shelf *shelf); /* NULL is fine */

void plan_shelf_id_make(char id[static PLAN_SHELF_ID_SIZE]);

/* Puts a copy there, at the monotonic instant now_ms; the oldest make room. */
void plan_shelf_put(struct plan_shelf *shelf, const struct shelved_plan *plan, int64_t now_ms);

/* A copy in the arena. False: there is none of that id, or not any more. */
NODISCARD bool plan_shelf_get(struct plan_shelf *shelf, struct text id, int64_t now_ms,
                              struct arena *arena, struct shelved_plan *plan);

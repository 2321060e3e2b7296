/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window_body: what an operator's window says, read from its stored JSON once and shared by rows
 * and plans. Reading opens the file of its time zone, so that no plan has to. */
#pragma once
#include "api/store/store.h"
#include "srvplan/overlay.h"

struct window_body {
    unsigned refs; /* atomic */
    struct arena arena;
    struct overlay_window window; /* texts of the row (actor, reason) and its times are not set */
};

/* NULL: this machine cannot read it any more (its time zone is gone, …); *err says why. */
NODISCARD struct window_body *window_body_read(struct text id, struct text body, struct error *err);
struct window_body *window_body_ref(struct window_body *body); /* NULL is fine */
void window_body_unref(struct window_body *body);              /* NULL is fine */

/* True when both open at the same times for the same nodes: only what people read differs. */
bool window_body_is_same(const struct window_body *a, const struct window_body *b);

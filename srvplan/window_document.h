/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window_document: a maintenance window as an operator writes it, alone: the same keys, checks and
 * words as in "windows" of an inventory.
 *
 * A window outlives the inventory that it was made for. So its nodes stay selectors, and are
 * compared with an inventory only when one is given. */
#pragma once
#include "srvplan/finding.h"
#include "srvplan/overlay.h"

#include <jansson.h>

/* Reads `value` into window->window and its selectors; all else is left alone, and everything lives
 * in the arena. Reads the time zone's file. With an inventory, each selector must mean a node of
 * it, and at least one must not be off. False: errors in *findings, whose pointers begin at
 * `value`; a mistake of the id has the pointer "/id". */
NODISCARD bool window_document_read(struct arena *arena, const struct inventory *inventory,
                                    struct text id, json_t *value, struct overlay_window *window,
                                    struct findings *findings);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* drain_bar: drains on a terminal, a line each, drawn over and over in the same place:
 *
 *   xmpp2  withdrawn  ████████████░░░░░░░░  58 % of caches  share 37.5 % → 0 %  clean 01:17:30 (in
 * 4m 12s)
 *
 * The bar is the part of caches that may still name the node; it only ever gets shorter. Lines are
 * cut to the width of the terminal, so that none wraps; of more drains than it has rows, those that
 * are not clear come first, and the rest is counted. Outside UTF-8 it is drawn with # and -. */
#pragma once
#include <jansson.h>

#include "srvplan/command/context.h"

struct drain_bar {
    const struct output *output;
    unsigned rows, columns; /* of what was drawn last; rows 0: nothing was */
};

/* True when stderr is a terminal that can be drawn on, and nothing else was asked for. */
bool drain_bar_is_wanted(const struct output *output);

/* Draws the drains (documents of the server) as of now_ms. `remark` is the last line; NULL: none.
 */
void drain_bar_draw(struct drain_bar *bar, const json_t *drains, int64_t now_ms,
                    const char *remark);

/* A line of it. */
struct drain_line {
    const json_t *drain;
    int64_t now_ms;
    unsigned columns;    /* of the terminal; the line stays below it */
    unsigned node_width; /* ids of nodes are padded to it */
};

/* Without colours; in the arena. */
const char *drain_bar_print(const struct output *output, const struct drain_line *line,
                            struct arena *arena);

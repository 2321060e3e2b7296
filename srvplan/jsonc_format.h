/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jsonc_format: the canonical form of a JSONC text.
 *
 * Two spaces a level, LF, no commas behind the last item; the outer two levels of objects a member
 * a line, deeper objects and lists on one line where they fit 100 columns and have no comments.
 * Members whose keys a JSON Schema lists come in its order, with $schema and $comment first; keys
 * that it does not list keep their order, the ids of a map too. Keys that begin with // stay with
 * what follows them. Comments and single blank lines move with what they belong to
 * (jsonc_tree.h). Keys and values stay as they are written.
 *
 * The same text comes out of what came out. Before it does, it is read again: it has the same
 * value, in another order, and as many comments. */
#pragma once
#include "srvplan/jsonc.h"

#include <jansson.h>

/* The formatted text lives in the arena. False: the text is not JSON, or has a key twice. */
NODISCARD bool jsonc_format(struct bytes text, const json_t *schema, struct arena *arena,
                            struct text *formatted, struct jsonc_fault *fault);

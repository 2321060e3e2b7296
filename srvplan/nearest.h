/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nearest: the known word that a mistyped one probably meant.
 *
 * Distance is Damerau–Levenshtein (optimal string alignment) over ASCII-lower-cased words in which
 * "_" and "-" are the same: typing mistakes are letters changed, added, missing or swapped. A word
 * is near when at most a third of its letters would change, so that no silly hint is given; and
 * when it is the begin of a known one ("prio"), as people shorten words. */
#pragma once
#include "zones/base/bytes.h"

enum {
    NEAREST_MAX_WORD = 64
}; /* longer words get no hint */

struct nearest {
    struct text word;
    struct text best; /* empty: none is near */
    size_t distance;
};

struct nearest nearest_to(struct text word);
void nearest_consider(struct nearest *nearest,
                      struct text candidate); /* the first of equals wins */

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/nearest.h"

#include <string.h>

static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c == '_' ? '-' : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both at most NEAREST_MAX_WORD long. */
static size_t distance(struct text a, struct text b)
{
    size_t rows[3][NEAREST_MAX_WORD + 1];
    size_t *two_up = rows[0], *up = rows[1], *row = rows[2];
    memset(rows, 0, sizeof rows);
    for (size_t j = 0; j <= b.len; j++)
        up[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = folded(a.ptr[i - 1]), y = folded(b.ptr[j - 1]);
            row[j] = least(up[j - 1] + (x != y), least(up[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == folded(b.ptr[j - 2]) && y == folded(a.ptr[i - 2]))
                row[j] = least(row[j], two_up[j - 2] + 1);
        }
        size_t *spare = two_up;
        two_up = up;
        up = row;
        row = spare;
    }
    return up[b.len];
}

struct nearest nearest_to(struct text word)
{
    size_t limit = word.len < 3 ? 1 : (word.len + 2) / 3;
    return (struct nearest){.word = word, .distance = limit + 1};
}

/* Three letters and more that a longer word begins with. */
static bool is_begin(struct text word, struct text candidate)
{
    if (word.len < 3 || word.len >= candidate.len)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (folded(word.ptr[i]) != folded(candidate.ptr[i]))
            return false;
    return true;
}

void nearest_consider(struct nearest *nearest, struct text candidate)
{
    size_t a = nearest->word.len, b = candidate.len;
    if (a > NEAREST_MAX_WORD || b > NEAREST_MAX_WORD || b == 0)
        return;
    if (nearest->distance > 1 && is_begin(nearest->word, candidate)) {
        nearest->best = candidate;
        nearest->distance = 1; /* as near as one mistyped letter */
        return;
    }
    if ((a > b ? a - b : b - a) >= nearest->distance)
        return;
    size_t d = distance(nearest->word, candidate);
    if (d >= nearest->distance || d >= b) /* all letters changed: not the same word */
        return;
    nearest->best = candidate;
    nearest->distance = d;
}

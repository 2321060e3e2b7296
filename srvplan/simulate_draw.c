/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/simulate_draw.h"

#include <string.h>

static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t simulate_draw(const struct rational *shares, uint32_t count, uint64_t clients,
                       uint64_t seed, uint64_t *counts)
{
    struct arena arena = {0};
    double *upto = arena_array(&arena, double, count);
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        upto[i] = sum += rational_to_double(shares[i]);
    bool is_all = sum > 1 - 1e-9; /* what is missing then was lost by rounding */
    uint64_t lost = 0;
    memset(counts, 0, count * sizeof *counts);
    for (uint64_t c = 0; c < clients; c++) {
        double at = (double)(random_next(&seed) >> 11) * 0x1p-53;
        uint32_t i = 0, last = count;
        for (; i < count && at >= upto[i]; i++)
            last = upto[i] > (i ? upto[i - 1] : 0) ? i : last;
        if (i < count)
            counts[i]++;
        else if (is_all && last < count)
            counts[last]++;
        else
            lost++;
    }
    arena_fini(&arena);
    return lost;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/weights.h"

#include "zones/base/arena.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* HAProxy makes (weight + 255) / 256 of a weight: multiples of 256 survive exactly, and 255 of
     * them still fit the 16 bits of a sum. */
    UNIT = 256,
    UNITS_MAX = 255,
    WEIGHT_MAX = 65535,
};

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

struct capacities {
    const uint32_t *capacity;
    uint32_t count;
    uint64_t sum, divisor;
};

static struct capacities capacities_over(const uint32_t *capacity, uint32_t count)
{
    struct capacities all = {.capacity = capacity, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        all.sum += capacity[i];
        all.divisor = gcd(all.divisor, capacity[i]);
    }
    return all;
}

struct remainder {
    uint64_t rest;
    uint32_t index;
};

static int by_larger_rest(const void *left, const void *right)
{
    const struct remainder *a = left, *b = right;
    if (a->rest != b->rest)
        return a->rest > b->rest ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static uint64_t excess_above(const uint16_t *weights, uint32_t count, uint16_t level)
{
    uint64_t excess = 0;
    for (uint32_t i = 0; i < count; i++)
        excess += weights[i] > level ? weights[i] - (uint64_t)level : 0;
    return excess;
}

/* Takes `debt` units, always from the largest, of equals from the last: everything above some
 * level goes, and what is still owed comes from those that then stand at the level. */
static void steal_from_largest(uint16_t *weights, uint32_t count, uint64_t debt)
{
    uint16_t low = 0, high = WEIGHT_MAX; /* the lowest level whose excess is not above the debt */
    while (low < high) {
        uint16_t level = (uint16_t)((low + high) / 2);
        if (excess_above(weights, count, level) > debt)
            low = (uint16_t)(level + 1);
        else
            high = level;
    }
    debt -= excess_above(weights, count, low);
    for (uint32_t i = count; i-- > 0;) {
        if (weights[i] > low)
            weights[i] = low;
        if (weights[i] == low && debt) {
            weights[i]--;
            debt--;
        }
    }
}

/* Hamilton's method: floors, then a unit each to the largest remainders; then everybody who has
 * none gets one, taken from the largest. The products fit: 65,535 * 10^9 < 2^64. */
static void apportion(const struct capacities *all, uint32_t units, uint16_t *weights)
{
    struct arena arena = {0};
    struct remainder *rests = arena_array(&arena, struct remainder, all->count);
    uint64_t left = units, debt = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        uint64_t product = (uint64_t)all->capacity[i] * units;
        weights[i] = (uint16_t)(product / all->sum);
        rests[i] = (struct remainder){product % all->sum, i};
        left -= weights[i];
    }
    qsort(rests, all->count, sizeof *rests, by_larger_rest);
    for (uint32_t i = 0; i < left; i++)
        weights[rests[i].index]++;
    for (uint32_t i = 0; i < all->count; i++) {
        if (weights[i] == 0) {
            weights[i] = 1;
            debt++;
        }
    }
    if (debt)
        steal_from_largest(weights, all->count, debt);
    arena_fini(&arena);
}

static bool scale_universal(const struct capacities *all, uint16_t *weights, struct error *err)
{
    (void)err;
    if (all->count > UNITS_MAX) {
        apportion(all, WEIGHT_MAX, weights);
        return true;
    }
    uint64_t reduced_sum = all->sum / all->divisor;
    if (reduced_sum <= UNITS_MAX) {
        uint64_t factor = UNITS_MAX / reduced_sum;
        for (uint32_t i = 0; i < all->count; i++)
            weights[i] = (uint16_t)(UNIT * factor * (all->capacity[i] / all->divisor));
        return true;
    }
    apportion(all, UNITS_MAX, weights);
    for (uint32_t i = 0; i < all->count; i++)
        weights[i] = (uint16_t)(UNIT * weights[i]);
    return true;
}

static bool scale_raw(const struct capacities *all, uint16_t *weights, struct error *err)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->capacity[i] > WEIGHT_MAX)
            return error_set(err, ERROR_INVALID,
                             "capacity %u is no SRV weight; with scale raw use at most 65535, or "
                             "choose scale universal",
                             all->capacity[i]);
    for (uint32_t i = 0; i < all->count; i++)
        weights[i] = (uint16_t)all->capacity[i];
    return true;
}

static bool (*const scales[])(const struct capacities *, uint16_t *, struct error *) = {
    [WEIGHTS_UNIVERSAL] = scale_universal,
    [WEIGHTS_RAW] = scale_raw,
};

bool weights_from_capacities(enum weights_scale scale, const uint32_t *capacities, uint32_t count,
                             uint16_t *weights, struct error *err)
{
    if (count == 0 || count > WEIGHT_MAX)
        return error_set(err, ERROR_INVALID,
                         "%u nodes in one priority group; 1 to 65535 are "
                         "possible",
                         count);
    for (uint32_t i = 0; i < count; i++)
        if (capacities[i] == 0)
            return error_set(err, ERROR_INVALID,
                             "capacity 0; give the node at least 1, or state "
                             "off");
    struct capacities all = capacities_over(capacities, count);
    return scales[scale](&all, weights, err);
}

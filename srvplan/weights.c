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
    STABLE_UNIT = 1000, /* of a node with the usual capacity: exact to 1/2000, and easy to read */
    STABLE_LEAST = 500, /* rounding moves a weight by at most 1/1000 of it */
    STABLE_EXPONENT = -30, /* the least that is needed: 10^9 * 1000 * 2^-30 < 1000; 3 divides it */
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
    uint32_t smallest, largest;
};

static struct capacities capacities_over(const uint32_t *capacity, uint32_t count)
{
    struct capacities all = {.capacity = capacity, .count = count, .smallest = UINT32_MAX};
    for (uint32_t i = 0; i < count; i++) {
        all.sum += capacity[i];
        all.divisor = gcd(all.divisor, capacity[i]);
        all.smallest = capacity[i] < all.smallest ? capacity[i] : all.smallest;
        all.largest = capacity[i] > all.largest ? capacity[i] : all.largest;
    }
    return all;
}

/* What nodes are put in order by. */
struct ranked {
    uint64_t value;
    uint32_t index;
};

static int by_larger_value(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static uint64_t excess_above(const uint16_t *weights, uint32_t count, uint16_t level)
{
    uint64_t excess = 0;
    for (uint32_t i = 0; i < count; i++)
        excess += weights[i] > level ? weights[i] - (uint64_t)level : 0;
    return excess;
}

static int by_smaller_value(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->index > b->index ? -1 : 1;
}

/* Takes `debt` units, always from the largest: everything above some level goes, and what is still
 * owed comes from those that then stand at the level, the smaller capacity first, of equals the
 * last; so that who bears less never gets more. */
static void steal_from_largest(const struct capacities *all, uint16_t *weights, uint64_t debt)
{
    struct arena arena = {0};
    struct ranked *payers = arena_array(&arena, struct ranked, all->count);
    uint16_t low = 0, high = WEIGHT_MAX; /* the lowest level whose excess is not above the debt */
    while (low < high) {
        uint16_t level = (uint16_t)((low + high) / 2);
        if (excess_above(weights, all->count, level) > debt)
            low = (uint16_t)(level + 1);
        else
            high = level;
    }
    debt -= excess_above(weights, all->count, low);
    for (uint32_t i = 0; i < all->count; i++)
        payers[i] = (struct ranked){all->capacity[i], i};
    qsort(payers, all->count, sizeof *payers, by_smaller_value);
    for (uint32_t i = 0; i < all->count; i++) {
        uint16_t *weight = &weights[payers[i].index];
        *weight = *weight > low ? low : *weight;
        if (*weight == low && debt) {
            --*weight;
            debt--;
        }
    }
    arena_fini(&arena);
}

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

/* Hamilton's method: floors, then a unit each to the largest remainders; then everybody below the
 * minimum gets it, taken from the largest. The products fit: 65,535 * 10^9 < 2^64. */
static void apportion(const struct capacities *all, uint32_t units, uint16_t minimum,
                      uint16_t *weights)
{
    struct arena arena = {0};
    struct ranked *rests = arena_array(&arena, struct ranked, all->count);
    uint64_t left = units, debt = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        uint64_t product = (uint64_t)all->capacity[i] * units;
        weights[i] = (uint16_t)(product / all->sum);
        rests[i] = (struct ranked){product % all->sum, i};
        left -= weights[i];
    }
    qsort(rests, all->count, sizeof *rests, by_larger_value);
    for (uint32_t i = 0; i < left; i++)
        weights[rests[i].index]++;
    for (uint32_t i = 0; i < all->count; i++) {
        if (weights[i] < minimum) {
            debt += (uint64_t)minimum - weights[i];
            weights[i] = minimum;
        }
    }
    if (debt)
        steal_from_largest(all, weights, debt);
    arena_fini(&arena);
}

/* Whether everybody can have the minimum. */
static bool minimum_fits(const struct capacities *all, uint64_t minimum, uint64_t total,
                         struct error *err)
{
    if (minimum * all->count <= total)
        return true;
    return error_set(err, ERROR_INVALID,
                     "%u node%s with a weight of at least %llu each need a sum of %llu, and the "
                     "scale gives %llu; lower the minimum, or choose scale raw or stable",
                     all->count, all->count == 1 ? "" : "s", (unsigned long long)minimum,
                     (unsigned long long)(minimum * all->count), (unsigned long long)total);
}

static bool scale_universal(const struct weights_policy *policy, const struct capacities *all,
                            uint16_t *weights, struct error *err)
{
    if (all->count > UNITS_MAX) {
        if (!minimum_fits(all, policy->minimum, WEIGHT_MAX, err))
            return false;
        apportion(all, WEIGHT_MAX, (uint16_t)policy->minimum, weights);
        return true;
    }
    uint64_t reduced_sum = all->sum / all->divisor, minimum = ceil_div(policy->minimum, UNIT);
    uint64_t factor = UNITS_MAX / reduced_sum; /* 0: no exact ratio fits */
    if (factor * (all->smallest / all->divisor) >= minimum) {
        for (uint32_t i = 0; i < all->count; i++)
            weights[i] = (uint16_t)(UNIT * factor * (all->capacity[i] / all->divisor));
        return true;
    }
    if (!minimum_fits(all, minimum * UNIT, UNITS_MAX * UNIT, err))
        return false;
    apportion(all, UNITS_MAX, (uint16_t)minimum, weights);
    for (uint32_t i = 0; i < all->count; i++)
        weights[i] = (uint16_t)(UNIT * weights[i]);
    return true;
}

static bool scale_hamilton(const struct weights_policy *policy, const struct capacities *all,
                           uint16_t *weights, struct error *err)
{
    if (!minimum_fits(all, policy->minimum, policy->hamilton_total, err))
        return false;
    apportion(all, policy->hamilton_total, (uint16_t)policy->minimum, weights);
    return true;
}

static bool scale_human(const struct weights_policy *policy, const struct capacities *all,
                        uint16_t *weights, struct error *err)
{
    uint64_t factor = ceil_div(policy->minimum, all->smallest / all->divisor);
    uint64_t largest = factor * (all->largest / all->divisor);
    if (largest > WEIGHT_MAX)
        return error_set(err, ERROR_INVALID,
                         "the smallest whole numbers in the ratio of these capacities reach %llu, "
                         "and an SRV weight ends at 65535; round the capacities, or choose scale "
                         "universal",
                         (unsigned long long)largest);
    for (uint32_t i = 0; i < all->count; i++)
        weights[i] = (uint16_t)(factor * (all->capacity[i] / all->divisor));
    return true;
}

static uint16_t raised(uint64_t weight, const struct weights_policy *policy)
{
    return (uint16_t)(weight < policy->minimum ? policy->minimum : weight);
}

static bool scale_raw(const struct weights_policy *policy, const struct capacities *all,
                      uint16_t *weights, struct error *err)
{
    if (all->largest > WEIGHT_MAX)
        return error_set(err, ERROR_INVALID,
                         "capacity %u is no SRV weight; with scale raw use at most 65535, or "
                         "choose scale universal",
                         all->largest);
    for (uint32_t i = 0; i < all->count; i++)
        weights[i] = raised(all->capacity[i], policy);
    return true;
}

/* -- stable -------------------------------------------------------------------------------------
 */

/* capacity * num / den to the nearest, half up. It fits: num / den is at most 2^17 / largest. */
static uint64_t stable_weight(uint64_t capacity, const struct weights_policy *policy)
{
    return (2 * capacity * policy->factor_num + policy->factor_den) / (2 * policy->factor_den);
}

static bool scale_stable(const struct weights_policy *policy, const struct capacities *all,
                         uint16_t *weights, struct error *err)
{
    (void)err;
    for (uint32_t i = 0; i < all->count; i++) {
        uint64_t weight = stable_weight(all->capacity[i], policy);
        weights[i] = raised(weight < WEIGHT_MAX ? weight : WEIGHT_MAX, policy);
    }
    return true;
}

struct extent {
    uint32_t smallest, largest;
};

static struct extent extent_of(const struct inventory *inventory)
{
    struct extent extent = {.smallest = UINT32_MAX};
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        uint32_t capacity = inventory->nodes[i].capacity;
        extent.smallest = capacity < extent.smallest ? capacity : extent.smallest;
        extent.largest = capacity > extent.largest ? capacity : extent.largest;
    }
    return extent;
}

/* The factor for an exponent. False: the largest weight would be above 16 bits. The first condition
 * keeps the products of stable_weight within 64 bits; whoever breaks it is above 2^62 / 10^9. */
static bool factor_set(struct weights_policy *policy, struct extent extent, uint32_t usual, int e)
{
    policy->factor_num = (uint64_t)STABLE_UNIT << (e > 0 ? e : 0);
    policy->factor_den = (uint64_t)usual << (e < 0 ? -e : 0);
    return extent.largest <= UINT64_MAX / 4 / policy->factor_num &&
           stable_weight(extent.largest, policy) <= WEIGHT_MAX;
}

/* Steps of 8 are wide enough that few changes of an inventory cross one, and leave room for the sum
 * of a tier: the smallest has less than 4000 of 65,535. */
static void choose_factor(struct weights_policy *policy, struct extent extent, uint32_t usual)
{
    for (int step = 3; step > 0; step -= 2) {
        for (int e = STABLE_EXPONENT; factor_set(policy, extent, usual, e); e += step)
            if (extent.smallest * policy->factor_num / policy->factor_den >= STABLE_LEAST)
                return;
    }
    int e = STABLE_EXPONENT;
    while (factor_set(policy, extent, usual, e))
        e++;
    (void)factor_set(policy, extent, usual, e - 1);
}

struct weights_policy weights_policy_of(const struct inventory *inventory)
{
    const struct inventory_policy *in = &inventory->policy;
    struct weights_policy policy = {
        .scale = in->scale,
        .hamilton_total = in->hamilton_total,
        .minimum = in->weight_min ? in->weight_min : 1,
        .factor_num = 1,
        .factor_den = 1,
    };
    if (policy.scale == WEIGHTS_STABLE && inventory->node_count > 0)
        choose_factor(&policy, extent_of(inventory), in->usual_capacity);
    return policy;
}

/* -- all ----------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    bool (*fill)(const struct weights_policy *policy, const struct capacities *all,
                 uint16_t *weights, struct error *err);
} scales[] = {
    [WEIGHTS_UNIVERSAL] = {"universal", scale_universal},
    [WEIGHTS_STABLE] = {"stable", scale_stable},
    [WEIGHTS_HAMILTON] = {"hamilton", scale_hamilton},
    [WEIGHTS_HUMAN] = {"human", scale_human},
    [WEIGHTS_RAW] = {"raw", scale_raw},
};

const char *weights_scale_print(enum weights_scale scale, uint32_t hamilton_total,
                                struct arena *arena)
{
    if (scale == WEIGHTS_HAMILTON)
        return arena_printf(arena, "%s:%u", scales[scale].name, hamilton_total);
    return scales[scale].name;
}

bool weights_from_capacities(const struct weights_policy *policy, const uint32_t *capacities,
                             uint32_t count, uint16_t *weights, struct error *err)
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
    return scales[policy->scale].fill(policy, &all, weights, err);
}

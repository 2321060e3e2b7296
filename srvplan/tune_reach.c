/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/tune_reach.h"

#include <math.h>

enum {
    /* Sets of equally heavy nodes that are looked at; with more nodes those programs count as
     * water, which only makes the bound less sharp. */
    HEAVY_NODES_MAX = 10,
};

/* What RFC 2782 clients give one record above its share: 1/(sum+1), with two units at least. */
static const double bias = 1.0 / 512;

struct ground {
    const double *parts; /* of the capacity */
    double *mass;        /* that is there already */
    uint32_t count;
    const bool *is_heaviest; /* no other node gets more water than these; NULL: no such rule */
};

/* How much water there is room for when no node has more than `level` of its capacity; below 0:
 * the ground is higher. */
static double room_below(const struct ground *ground, double level)
{
    double most = INFINITY, room = 0;
    for (uint32_t i = 0; i < ground->count; i++) {
        double left = level * ground->parts[i] - ground->mass[i];
        if (ground->parts[i] <= 0)
            continue;
        if (left < 0)
            return -1;
        if (ground->is_heaviest && ground->is_heaviest[i])
            most = fmin(most, left);
    }
    for (uint32_t i = 0; i < ground->count; i++)
        if (ground->parts[i] > 0)
            room += fmin(level * ground->parts[i] - ground->mass[i], most + bias);
    return room;
}

/* The greatest load when the ground is as it is and the water finds its level. */
static double load_over(const struct ground *ground, double water)
{
    double low = 0, high = 1;
    while (room_below(ground, high) < water)
        high *= 2;
    for (int round = 0; round < 60; round++) {
        double level = (low + high) / 2;
        if (room_below(ground, level) < water)
            low = level;
        else
            high = level;
    }
    return high;
}

struct placement {
    const struct tune_masses *masses;
    struct ground ground;
    bool *is_heaviest;
    double best;
};

/* With the programs that take the heaviest on the serving nodes of `set`, a bit each by their turn;
 * 0: as water. */
static void place_heaviest(struct placement *placement, uint32_t set)
{
    struct ground *ground = &placement->ground;
    double each = set ? placement->masses->heaviest / __builtin_popcount(set) : 0;
    double water = placement->masses->fluid + (set ? 0 : placement->masses->heaviest);
    for (uint32_t i = 0, turn = 0; i < ground->count; i++) {
        placement->is_heaviest[i] = ground->parts[i] > 0 && (set & 1u << turn) != 0;
        turn += ground->parts[i] > 0;
        ground->mass[i] += placement->is_heaviest[i] ? each : 0;
    }
    ground->is_heaviest = set ? placement->is_heaviest : NULL;
    placement->best = fmin(placement->best, load_over(ground, water));
    for (uint32_t i = 0; i < ground->count; i++)
        ground->mass[i] -= placement->is_heaviest[i] ? each : 0;
}

static void place_all_heaviest(struct placement *placement)
{
    uint32_t serving = 0;
    for (uint32_t i = 0; i < placement->ground.count; i++)
        serving += placement->ground.parts[i] > 0;
    if (placement->masses->heaviest <= 0 || serving > HEAVY_NODES_MAX) {
        place_heaviest(placement, 0);
        return;
    }
    for (uint32_t set = 1; set < 1u << serving; set++)
        place_heaviest(placement, set);
}

double tune_reach(const struct tune_masses *masses, const double *capacity_parts, uint32_t count)
{
    struct arena arena = {0};
    struct placement placement = {
        .masses = masses,
        .ground = {.parts = capacity_parts,
                   .mass = arena_array(&arena, double, count),
                   .count = count},
        .is_heaviest = arena_array(&arena, bool, count),
        .best = INFINITY,
    };
    for (uint32_t i = 0; i < count; i++)
        placement.ground.mass[i] = masses->fixed[i];
    if (masses->hashing <= 0)
        place_all_heaviest(&placement);
    for (uint32_t i = 0; i < count && masses->hashing > 0; i++) {
        if (capacity_parts[i] <= 0)
            continue;
        placement.ground.mass[i] += masses->hashing;
        place_all_heaviest(&placement);
        placement.ground.mass[i] -= masses->hashing;
    }
    arena_fini(&arena);
    return placement.best;
}

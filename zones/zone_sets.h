/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_sets: the sets and the lists of types of many zones, each kept once.
 *
 * Zone files say nothing about why their records are as they are, so what has the same bytes is the
 * same: 100,000 domains on one pool cost names, not answers. SOA and NS sets come as templates
 * (content.h), which makes theirs equal, too. Two hash tables, so the cost is linear. */
#pragma once
#include "zones/content.h"

struct zone_sets_index {
    uint32_t *slots; /* 0: free; else an index plus one */
    uint64_t *hashes;
    size_t capacity; /* a power of two, or 0 */
};

/* Zeroed but for the arena it is empty. Everything lives in the arena. */
struct zone_sets {
    struct arena *arena;
    struct content_set *sets;
    struct content_types *types;
    size_t set_count, set_capacity, types_count, types_capacity;
    struct zone_sets_index set_index, types_index;
};

/* The index of a set that equals this one; what is new is copied. */
uint32_t zone_sets_add(struct zone_sets *all, const struct content_set *set);

/* The same for a list of types, in ascending order. */
uint32_t zone_sets_add_types(struct zone_sets *all, const struct content_types *types);

/* A hash of what the zone says with a set: type, TTL and records. Goes on from `hash`. */
uint64_t zone_sets_hash(uint64_t hash, const struct content_set *set);
uint64_t zone_sets_hash_bytes(uint64_t hash, struct bytes bytes);

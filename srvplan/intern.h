/* SPDX-License-Identifier: GPL-3.0-or-later */
/* intern: equal byte strings get equal numbers, 0, 1, 2, … in the order of their first sight.
 *
 * What the planner shares (sets, lists of types, classes of zones) it shares by such keys. The
 * hash only finds; numbers never depend on it, so the same input gives the same numbers. */
#pragma once
#include "zones/base/arena.h"

struct intern {
    struct arena *arena; /* borrowed: holds keys and table */
    struct intern_slot {
        uint64_t hash;
        uint32_t number_plus_1; /* 0: free */
    } * slots;
    uint32_t slot_count;
    struct bytes *keys; /* by number */
    size_t key_capacity;
    uint32_t count;
};

struct intern intern_over(struct arena *arena);

/* The number of `key`, given now when it is new (then it equals the former intern->count). The key
 * is copied. */
uint32_t intern_add(struct intern *intern, struct bytes key);

/* The number of `key`, or UINT32_MAX. */
uint32_t intern_find(const struct intern *intern, struct bytes key);

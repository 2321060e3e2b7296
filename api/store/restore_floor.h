/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restore_floor: what a restored store must not fall behind: the last revision that was published,
 * and the last serial of each zone, as the store that was there and the image say. */
#pragma once
#include "api/store/store.h"

struct restore_zone {
    struct text name; /* with final dot */
    uint32_t serial;
};

struct restore_floor {
    struct arena arena;
    uint64_t revision;
    struct restore_zone *zones; /* by name, once sorted */
    size_t count, capacity;
};

void restore_floor_take_store(struct restore_floor *floor, const struct store_state *state);

/* The image in DIR/image; nothing where there is none, or it cannot be read. */
void restore_floor_take_image(struct restore_floor *floor, int directory, const char *path);

/* Then each zone is there once, with the serial that is furthest. */
void restore_floor_sort(struct restore_floor *floor);

/* NULL: it was never there. */
const struct restore_zone *restore_floor_find(const struct restore_floor *floor, struct text name);
void restore_floor_fini(struct restore_floor *floor);

/* RFC 1982: ahead is what is less than half the circle away. */
static inline bool restore_serial_is_ahead(uint32_t a, uint32_t b)
{
    return a != b && (uint32_t)(a - b) < UINT32_C(1) << 31;
}

/* 0 is skipped: some take it for "none". */
static inline uint32_t restore_serial_next(uint32_t serial)
{
    return serial == UINT32_MAX ? 1 : serial + 1;
}

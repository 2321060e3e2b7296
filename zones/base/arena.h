/* SPDX-License-Identifier: GPL-3.0-or-later */
/* arena: memory that is taken piece by piece and given back whole.
 *
 * A plan, an inventory, a request each owns one arena; nothing in it is freed alone. Input is
 * bounded when it is read, so when the machine has no memory left the process aborts: what it
 * acknowledged is stored, and untested recovery would be worse (only the control side allocates).
 * All memory comes zeroed. A zeroed struct arena is an empty one. */
#pragma once
#include "zones/base/bytes.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
    size_t total_bytes;
};

void arena_fini(struct arena *arena); /* zeroed and NULL are fine */

/* `size` zeroed bytes, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);

/* `count` zeroed elements; aborts when the product overflows. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);
#define arena_array(arena, type, count) ((type *)arena_alloc_array((arena), (count), sizeof(type)))
#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

struct bytes arena_bytes(struct arena *arena, const void *ptr, size_t len); /* a copy */
struct text arena_text(struct arena *arena, struct text text);              /* a copy */
char *arena_cstr(struct arena *arena, struct text text); /* NUL-terminated copy */
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3)
    __attribute__((nonnull(2)));

/* Grows an array that lives in the arena: returns room for at least `need` elements, doubling.
 * *capacity is updated; the old elements are copied. */
void *arena_grow(struct arena *arena, void *array, size_t *capacity, size_t need, size_t size);

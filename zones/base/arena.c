/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_chunk {
    struct arena_chunk *older;
    size_t used, size;
    alignas(max_align_t) uint8_t data[];
};

/* Small plans fit one chunk; chunks double so that big ones need few. */
enum {
    CHUNK_MIN = 16 * 1024,
    CHUNK_MAX = 4 * 1024 * 1024
};

static struct arena_chunk *chunk_add(struct arena *arena, size_t need)
{
    size_t size = CHUNK_MIN;
    if (arena->chunks)
        size = arena->chunks->size * 2 < CHUNK_MAX ? arena->chunks->size * 2 : CHUNK_MAX;
    if (size < need)
        size = need;
    struct arena_chunk *chunk = calloc(1, sizeof *chunk + size);
    if (!chunk)
        abort();
    chunk->size = size;
    chunk->older = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void arena_fini(struct arena *arena)
{
    if (!arena)
        return;
    for (struct arena_chunk *chunk = arena->chunks, *older; chunk; chunk = older) {
        older = chunk->older;
        free(chunk);
    }
    *arena = (struct arena){0};
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded;
    if (__builtin_add_overflow(size, alignof(max_align_t) - 1, &rounded))
        abort();
    rounded &= ~(alignof(max_align_t) - 1);
    struct arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < rounded)
        chunk = chunk_add(arena, rounded);
    void *piece = chunk->data + chunk->used;
    chunk->used += rounded;
    arena->total_bytes += rounded;
    return piece;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        abort();
    return arena_alloc(arena, total);
}

struct bytes arena_bytes(struct arena *arena, const void *ptr, size_t len)
{
    uint8_t *copy = arena_alloc(arena, len);
    if (len)
        memcpy(copy, ptr, len);
    return (struct bytes){copy, len};
}

struct text arena_text(struct arena *arena, struct text text)
{
    return (struct text){arena_cstr(arena, text), text.len};
}

char *arena_cstr(struct arena *arena, struct text text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        abort();
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

void *arena_grow(struct arena *arena, void *array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity)
        return array;
    size_t wanted = *capacity ? *capacity * 2 : 8;
    if (wanted < need)
        wanted = need;
    void *grown = arena_alloc_array(arena, wanted, size);
    if (*capacity)
        memcpy(grown, array, *capacity * size);
    *capacity = wanted;
    return grown;
}

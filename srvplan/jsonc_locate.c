/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of jsonc that goes through a text that is known to be good, to say where things are. */
#include "srvplan/jsonc.h"

#include <stdlib.h>
#include <string.h>

/* The JSON pointer of the value that comes next, kept up to date while walking. */
struct trail {
    struct arena arena; /* decoded keys */
    char *pointer;      /* NUL-terminated */
    size_t len, capacity;
    uint32_t depth;
    struct {
        bool is_array;
        size_t prefix; /* length of the container's own pointer */
        size_t index;  /* of the item that comes next */
    } level[JSONC_MAX_DEPTH + 1];
};

static void trail_put(struct trail *trail, char c)
{
    if (trail->len + 2 > trail->capacity) {
        trail->capacity = trail->capacity ? trail->capacity * 2 : 256;
        trail->pointer = realloc(trail->pointer, trail->capacity);
        if (!trail->pointer)
            abort();
    }
    trail->pointer[trail->len++] = c;
    trail->pointer[trail->len] = '\0';
}

static void trail_put_token(struct trail *trail, struct text token)
{
    trail_put(trail, '/');
    for (size_t i = 0; i < token.len; i++) { /* RFC 6901 section 3 */
        if (token.ptr[i] == '~' || token.ptr[i] == '/') {
            trail_put(trail, '~');
            trail_put(trail, token.ptr[i] == '~' ? '0' : '1');
        } else {
            trail_put(trail, token.ptr[i]);
        }
    }
}

static void trail_put_index(struct trail *trail, size_t index)
{
    char digits[24];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + index % 10);
    while (index /= 10);
    trail_put_token(trail, (struct text){digits + at, sizeof digits - at});
}

static void trail_cut(struct trail *trail, size_t len)
{
    trail->len = len;
    trail->pointer[len] = '\0';
}

static void trail_init(struct trail *trail)
{
    *trail = (struct trail){0};
    trail_put(trail, '/');
    trail_cut(trail, 0);
}

static void trail_fini(struct trail *trail)
{
    arena_fini(&trail->arena);
    free(trail->pointer);
}

/* Before a value: makes the pointer the value's own. Keys have done that already. */
static void trail_enter(struct trail *trail)
{
    if (trail->depth == 0 || !trail->level[trail->depth].is_array)
        return;
    trail_cut(trail, trail->level[trail->depth].prefix);
    trail_put_index(trail, trail->level[trail->depth].index++);
}

static void trail_open(struct trail *trail, bool is_array)
{
    trail->depth++;
    trail->level[trail->depth].is_array = is_array;
    trail->level[trail->depth].prefix = trail->len;
    trail->level[trail->depth].index = 0;
}

static void trail_close(struct trail *trail)
{
    trail_cut(trail, trail->level[trail->depth].prefix);
    trail->depth--;
}

static struct text trail_key(struct trail *trail, struct text token)
{
    struct text key = jsonc_decode(&trail->arena, token);
    trail_cut(trail, trail->level[trail->depth].prefix);
    trail_put_token(trail, key);
    return key;
}

static int place_order(const void *a, const void *b)
{
    const struct jsonc_place *left = a, *right = b;
    return strcmp(left->pointer, right->pointer);
}

size_t jsonc_places_sort(struct jsonc_place *places, size_t count)
{
    size_t kept = 0;
    if (count > 1)
        qsort(places, count, sizeof *places, place_order);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(places[kept - 1].pointer, places[i].pointer) != 0)
            places[kept++] = places[i];
    return kept;
}

static struct jsonc_place *place_find(struct jsonc_place *places, size_t count, const char *pointer)
{
    const struct jsonc_place wanted = {.pointer = pointer};
    return bsearch(&wanted, places, count, sizeof *places, place_order);
}

const struct jsonc_place *jsonc_place_get(const struct jsonc_place *places, size_t count,
                                          const char *pointer)
{
    const struct jsonc_place wanted = {.pointer = pointer};
    return bsearch(&wanted, places, count, sizeof *places, place_order);
}

void jsonc_locate(struct text clean, struct jsonc_place *places, size_t count)
{
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        places[i].key = places[i].value = JSONC_NOWHERE;

    struct trail trail;
    trail_init(&trail);
    struct jsonc_walk walk = jsonc_walk_over(clean);
    for (;;) {
        struct jsonc_event event = jsonc_walk_next(&walk);
        if (event.kind == JSONC_DONE || event.kind == JSONC_FAULT)
            break;
        if (event.kind == JSONC_END) {
            trail_close(&trail);
            continue;
        }
        if (event.kind == JSONC_KEY)
            trail_key(&trail, (struct text){clean.ptr + event.offset, event.len});
        else
            trail_enter(&trail);
        struct jsonc_place *place = place_find(places, count, trail.pointer);
        if (place && event.kind == JSONC_KEY)
            place->key = (ptrdiff_t)event.offset;
        else if (place)
            place->value = (ptrdiff_t)event.offset;
        if (event.kind == JSONC_OBJECT || event.kind == JSONC_ARRAY)
            trail_open(&trail, event.kind == JSONC_ARRAY);
    }
    trail_fini(&trail);
}

struct seen_key {
    struct text key;
    size_t offset;
};

/* Keys of the objects that are open; an object's own are those behind `first[depth]`. */
struct seen {
    struct seen_key *keys;
    size_t count, capacity;
    size_t first[JSONC_MAX_DEPTH + 1];
};

static int seen_order(const void *a, const void *b)
{
    const struct seen_key *left = a, *right = b;
    int order = text_compare(left->key, right->key);
    return order ? order : (left->offset > right->offset) - (left->offset < right->offset);
}

static void seen_add(struct seen *seen, struct text key, size_t offset)
{
    if (seen->count == seen->capacity) {
        seen->capacity = seen->capacity ? seen->capacity * 2 : 64;
        seen->keys = realloc(seen->keys, seen->capacity * sizeof *seen->keys);
        if (!seen->keys)
            abort();
    }
    seen->keys[seen->count++] = (struct seen_key){key, offset};
}

struct duplicate_list {
    struct arena *arena;
    struct jsonc_duplicate *items;
    size_t count, capacity;
};

/* Ends the object whose pointer the trail has just come back to. */
static void seen_close(struct seen *seen, size_t first, struct trail *trail,
                       struct duplicate_list *list)
{
    size_t own = seen->count - first;
    if (own > 1)
        qsort(seen->keys + first, own, sizeof *seen->keys, seen_order);
    size_t prefix = trail->len;
    for (size_t i = first + 1, original = first; i < seen->count; i++) {
        if (!text_equal(seen->keys[i].key, seen->keys[original].key)) {
            original = i;
            continue;
        }
        list->items = arena_grow(list->arena, list->items, &list->capacity, list->count + 1,
                                 sizeof *list->items);
        trail_put_token(trail, seen->keys[i].key);
        list->items[list->count++] = (struct jsonc_duplicate){
            arena_cstr(list->arena, (struct text){trail->pointer, trail->len}),
            seen->keys[original].offset, seen->keys[i].offset};
        trail_cut(trail, prefix);
    }
    seen->count = first;
}

struct jsonc_duplicate *jsonc_duplicates(struct text clean, struct arena *arena, size_t *count)
{
    struct duplicate_list list = {.arena = arena};
    struct seen seen = {0};
    struct trail trail;
    trail_init(&trail);
    struct jsonc_walk walk = jsonc_walk_over(clean);
    for (;;) {
        struct jsonc_event event = jsonc_walk_next(&walk);
        if (event.kind == JSONC_DONE || event.kind == JSONC_FAULT)
            break;
        if (event.kind == JSONC_END) {
            uint32_t depth = trail.depth;
            trail_close(&trail);
            seen_close(&seen, seen.first[depth], &trail, &list);
            continue;
        }
        if (event.kind == JSONC_KEY) {
            struct text token = {clean.ptr + event.offset, event.len};
            seen_add(&seen, trail_key(&trail, token), event.offset);
            continue;
        }
        trail_enter(&trail);
        if (event.kind == JSONC_OBJECT || event.kind == JSONC_ARRAY) {
            trail_open(&trail, event.kind == JSONC_ARRAY);
            seen.first[trail.depth] = seen.count;
        }
    }
    trail_fini(&trail);
    free(seen.keys);
    *count = list.count;
    return list.items;
}

void jsonc_positions(struct bytes text, struct jsonc_position *positions, size_t count)
{
    uint32_t line = 1, column = 1;
    size_t at = 0;
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        at = 3; /* editors do not show a byte order mark */
    for (size_t i = 0; i < count; i++) {
        for (; at < positions[i].offset && at < text.len; at++) {
            uint8_t c = text.ptr[at];
            bool ends_line =
                c == '\n' || (c == '\r' && (at + 1 == text.len || text.ptr[at + 1] != '\n'));
            if (ends_line) {
                line++;
                column = 1;
            } else if ((c & 0xc0) != 0x80) { /* continuation bytes of UTF-8 do not count */
                column++;
            }
        }
        positions[i].line = line;
        positions[i].column = column;
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/intern.h"

#include <string.h>

enum {
    SLOTS_MIN = 64
};

/* FNV-1a over 8 bytes at a time, then mixed as in SplitMix64, so that low bits serve as an index.
 * Keys are our operators' own, so it need not withstand an attacker. */
static uint64_t hash_of(struct bytes key)
{
    uint64_t hash = 0xcbf29ce484222325u ^ key.len;
    size_t at = 0;
    for (; at + 8 <= key.len; at += 8) {
        uint64_t word;
        memcpy(&word, key.ptr + at, sizeof word);
        hash = (hash ^ word) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    for (; at < key.len; at++)
        hash = (hash ^ key.ptr[at]) * 0x100000001b3u;
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
    return hash ^ hash >> 31;
}

struct intern intern_over(struct arena *arena)
{
    struct intern intern = {.arena = arena, .slot_count = SLOTS_MIN};
    intern.slots = arena_array(arena, struct intern_slot, SLOTS_MIN);
    return intern;
}

/* The slot of `key`, or the free one where it belongs. */
static struct intern_slot *slot_of(const struct intern *intern, uint64_t hash, struct bytes key)
{
    uint32_t mask = intern->slot_count - 1;
    for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
        struct intern_slot *slot = &intern->slots[i];
        if (slot->number_plus_1 == 0)
            return slot;
        if (slot->hash == hash && bytes_equal(intern->keys[slot->number_plus_1 - 1], key))
            return slot;
    }
}

static void grow(struct intern *intern)
{
    uint32_t old_count = intern->slot_count, mask = 2 * old_count - 1;
    struct intern_slot *old = intern->slots;
    intern->slot_count = 2 * old_count;
    intern->slots = arena_array(intern->arena, struct intern_slot, intern->slot_count);
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i].number_plus_1 == 0)
            continue;
        uint32_t at = (uint32_t)old[i].hash & mask;
        while (intern->slots[at].number_plus_1)
            at = (at + 1) & mask;
        intern->slots[at] = old[i];
    }
}

uint32_t intern_add(struct intern *intern, struct bytes key)
{
    uint64_t hash = hash_of(key);
    struct intern_slot *slot = slot_of(intern, hash, key);
    if (slot->number_plus_1)
        return slot->number_plus_1 - 1;
    uint32_t number = intern->count++;
    intern->keys = arena_grow(intern->arena, intern->keys, &intern->key_capacity, intern->count,
                              sizeof *intern->keys);
    intern->keys[number] = arena_bytes(intern->arena, key.ptr, key.len);
    *slot = (struct intern_slot){hash, number + 1};
    if (intern->count > intern->slot_count / 2)
        grow(intern);
    return number;
}

uint32_t intern_find(const struct intern *intern, struct bytes key)
{
    struct intern_slot *slot = slot_of(intern, hash_of(key), key);
    return slot->number_plus_1 ? slot->number_plus_1 - 1 : UINT32_MAX;
}

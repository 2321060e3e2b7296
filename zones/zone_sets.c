/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/zone_sets.h"

#include <string.h>

enum {
    INDEX_MIN = 64
};

/* -- hashing ------------------------------------------------------------------------------------
 * FNV-1a, a word at a time: the files are our operator's, nobody chooses collisions. */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
    return hash ^ hash >> 32;
}

uint64_t zone_sets_hash_bytes(uint64_t hash, struct bytes bytes)
{
    hash = mix(hash, bytes.len);
    for (size_t at = 0; at < bytes.len; at += 8) {
        uint64_t word = 0;
        size_t left = bytes.len - at;
        memcpy(&word, bytes.ptr + at, left < 8 ? left : 8);
        hash = mix(hash, word);
    }
    return hash;
}

uint64_t zone_sets_hash(uint64_t hash, const struct content_set *set)
{
    hash = mix(mix(hash, set->type), set->ttl_s);
    for (uint32_t i = 0; i < set->count; i++)
        hash = zone_sets_hash_bytes(hash, set->rdata[i]);
    return hash;
}

static uint64_t hash_set(const struct content_set *set)
{
    uint64_t hash = zone_sets_hash(mix(set->section, set->order), set);
    for (uint32_t i = 0; i < set->additional_count; i++)
        hash = mix(mix(hash, set->additional[i].record), set->additional[i].set);
    return hash;
}

static uint64_t hash_types(const struct content_types *types)
{
    uint64_t hash = types->count;
    for (uint32_t i = 0; i < types->count; i++)
        hash = mix(mix(hash, types->entries[i].type), types->entries[i].set);
    return hash;
}

/* -- equality -----------------------------------------------------------------------------------
 */

static bool is_same_set(const struct content_set *a, const struct content_set *b)
{
    if (!content_set_equal(a, b) || a->section != b->section || a->order != b->order ||
        a->additional_count != b->additional_count)
        return false;
    for (uint32_t i = 0; i < a->additional_count; i++)
        if (a->additional[i].record != b->additional[i].record ||
            a->additional[i].name_at != b->additional[i].name_at ||
            a->additional[i].set != b->additional[i].set)
            return false;
    return true;
}

static bool is_same_types(const struct content_types *a, const struct content_types *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->entries[i].type != b->entries[i].type || a->entries[i].set != b->entries[i].set)
            return false;
    return true;
}

/* -- the index ----------------------------------------------------------------------------------
 */

static void index_put(struct zone_sets_index *index, uint64_t hash, uint32_t value)
{
    size_t at = hash & (index->capacity - 1);
    while (index->slots[at])
        at = (at + 1) & (index->capacity - 1);
    index->slots[at] = value + 1;
    index->hashes[at] = hash;
}

/* Makes room for one more, so that at most half of the slots are taken. */
static void index_grow(struct zone_sets_index *index, struct arena *arena, size_t count)
{
    if (2 * (count + 1) <= index->capacity)
        return;
    struct zone_sets_index old = *index;
    index->capacity = old.capacity ? 2 * old.capacity : INDEX_MIN;
    index->slots = arena_array(arena, uint32_t, index->capacity);
    index->hashes = arena_array(arena, uint64_t, index->capacity);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i])
            index_put(index, old.hashes[i], old.slots[i] - 1);
}

/* The next candidate for `hash` from *at on; CONTENT_NONE: there is none. */
static uint32_t index_next(const struct zone_sets_index *index, uint64_t hash, size_t *at)
{
    while (index->slots[*at]) {
        size_t here = *at;
        *at = (*at + 1) & (index->capacity - 1);
        if (index->hashes[here] == hash)
            return index->slots[here] - 1;
    }
    return CONTENT_NONE;
}

/* -- adding -------------------------------------------------------------------------------------
 */

static struct content_set copy_set(struct arena *arena, const struct content_set *set)
{
    struct content_set copy = *set;
    struct bytes *rdata = arena_array(arena, struct bytes, set->count);
    struct content_additional *additional =
        arena_array(arena, struct content_additional, set->additional_count);
    for (uint32_t i = 0; i < set->count; i++)
        rdata[i] = arena_bytes(arena, set->rdata[i].ptr, set->rdata[i].len);
    for (uint32_t i = 0; i < set->additional_count; i++)
        additional[i] = set->additional[i];
    copy.rdata = rdata;
    copy.additional = additional;
    return copy;
}

uint32_t zone_sets_add(struct zone_sets *all, const struct content_set *set)
{
    index_grow(&all->set_index, all->arena, all->set_count);
    uint64_t hash = hash_set(set);
    size_t at = hash & (all->set_index.capacity - 1);
    for (uint32_t i; (i = index_next(&all->set_index, hash, &at)) != CONTENT_NONE;)
        if (is_same_set(&all->sets[i], set))
            return i;
    all->sets = arena_grow(all->arena, all->sets, &all->set_capacity, all->set_count + 1,
                           sizeof *all->sets);
    all->sets[all->set_count] = copy_set(all->arena, set);
    index_put(&all->set_index, hash, (uint32_t)all->set_count);
    return (uint32_t)all->set_count++;
}

uint32_t zone_sets_add_types(struct zone_sets *all, const struct content_types *types)
{
    index_grow(&all->types_index, all->arena, all->types_count);
    uint64_t hash = hash_types(types);
    size_t at = hash & (all->types_index.capacity - 1);
    for (uint32_t i; (i = index_next(&all->types_index, hash, &at)) != CONTENT_NONE;)
        if (is_same_types(&all->types[i], types))
            return i;
    all->types = arena_grow(all->arena, all->types, &all->types_capacity, all->types_count + 1,
                            sizeof *all->types);
    struct content_type *entries = arena_array(all->arena, struct content_type, types->count);
    for (uint32_t i = 0; i < types->count; i++)
        entries[i] = types->entries[i];
    all->types[all->types_count] =
        (struct content_types){.entries = entries, .count = types->count};
    index_put(&all->types_index, hash, (uint32_t)all->types_count);
    return (uint32_t)all->types_count++;
}

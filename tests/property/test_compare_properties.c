/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws of comparing, over generated inventories: nothing differs from itself; what compare says,
 * applied to the one side, gives the other; what is written as a zone file and read again is the
 * same. A failure names its seed; SRVPLAN_SEED=0x… runs that one alone. */
#include "srvplan/command/source_read.h"
#include "srvplan/compare.h"
#include "srvplan/intern.h"
#include "gen_inventory.h"
#include "laws.h"
#include "zones/zonefile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char laws_suite[] = "compare_properties";

enum {
    ROUNDS = 600,
    ROUNDS_PER_SIZE = 30,
    SIZES = 20,
};

struct made {
    struct inventory *inventory;
    struct findings findings;
    struct layout *layout; /* NULL: the inventory has mistakes */
    struct plan *plan;
    const struct published *published;
};

static struct made made_of(uint64_t seed, uint32_t size, struct arena *arena)
{
    struct made made = {.inventory = gen_inventory(seed, size)};
    made.layout = layout_build(made.inventory, LAYOUT_FOR_ZONES, &made.findings);
    if (!made.layout)
        return made;
    struct overlays *overlays = arena_new(arena, struct overlays);
    *overlays = gen_overlays(made.inventory, seed);
    struct plan_input input = {made.layout, overlays, GEN_NOW_MS};
    made.plan = plan_compute(&input);
    made.published = published_of_plan(made.plan, "made", arena);
    return made;
}

static void made_fini(struct made *made)
{
    plan_free(made->plan);
    layout_free(made->layout);
    findings_fini(&made->findings);
    inventory_free(made->inventory);
}

/* -- applying changes ---------------------------------------------------------------------------
 */

/* A side as a map: "name type" to "ttl: records". */
struct side_map {
    struct intern keys;
    const char **values; /* NULL: removed */
    size_t capacity;
};

static void map_put(struct side_map *map, const char *name, const char *type, const char *value)
{
    struct arena *arena = map->keys.arena;
    const char *key = arena_printf(arena, "%s %s", name, type);
    uint32_t known = map->keys.count;
    uint32_t number = intern_add(&map->keys, (struct bytes){(const uint8_t *)key, strlen(key)});
    if (number == known)
        map->values =
            arena_grow(arena, map->values, &map->capacity, (size_t)number + 1, sizeof *map->values);
    map->values[number] = value;
}

static const char *value_of(const struct published_set *set, struct arena *arena)
{
    const char *value = arena_printf(arena, "%u:", set->ttl_s);
    for (uint32_t i = 0; i < set->record_count; i++)
        value = arena_printf(arena, "%s\n%s", value, set->records[i]);
    return value;
}

static struct side_map map_of(const struct published *side, struct arena *arena)
{
    struct side_map map = {.keys = intern_over(arena)};
    for (uint32_t i = 0; i < side->entry_count; i++) {
        const struct published_set *set = &side->sets[side->entries[i].set];
        map_put(&map, side->entries[i].name, set->type, value_of(set, arena));
    }
    return map;
}

/* The records of a change, put together from the lines that it is told in. */
static const char *told_value(const struct change *change, struct arena *arena)
{
    struct published_set told = {.ttl_s = change->after->ttl_s};
    const char **records = arena_array(arena, const char *, change->record_count);
    for (uint32_t i = 0; i < change->record_count; i++)
        if (change->records[i].after)
            records[told.record_count++] = change->records[i].after;
    told.records = records;
    return value_of(&told, arena);
}

static void map_apply(struct side_map *map, const struct comparison *comparison)
{
    for (uint32_t i = 0; i < comparison->change_count; i++) {
        const struct change *change = &comparison->changes[i];
        const char *value = change->after ? told_value(change, map->keys.arena) : NULL;
        for (uint32_t j = 0; j < change->name_count; j++)
            map_put(map, change->names[j], change->type, value);
    }
}

static bool map_holds(const struct side_map *map, const struct side_map *other)
{
    for (uint32_t i = 0; i < other->keys.count; i++) {
        uint32_t here = intern_find(&map->keys, other->keys.keys[i]);
        const char *mine = here == UINT32_MAX ? NULL : map->values[here];
        const char *theirs = other->values[i];
        if (mine != theirs && !(mine && theirs && strcmp(mine, theirs) == 0))
            return false;
    }
    return true;
}

/* -- zone files ---------------------------------------------------------------------------------
 */

static const struct published *zone_round_trip(const struct made *made, const char *path,
                                               enum zonefile_extent extent, struct arena *arena)
{
    struct error err = {0};
    const struct published *read = NULL;
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    for (uint32_t i = 0; i < made->layout->names.zone_count; i++)
        ck_assert(
            zonefile_write(out, &made->layout->names, &made->plan->content, i, 1, extent, &err));
    fclose(out);
    ck_assert_msg(source_read_zone(path, arena, &read, &err), "%s", err.message);
    return read;
}

/* -- laws ---------------------------------------------------------------------------------------
 */

static void check_laws(uint64_t seed, void *context)
{
    const char *path = context;
    uint32_t size = 1 + (uint32_t)(seed / ROUNDS_PER_SIZE % SIZES);
    struct arena arena = {0};
    struct made a = made_of(seed, size, &arena), b = made_of(seed ^ 0x5555, size, &arena);
    if (a.published)
        LAW(compare(a.published, a.published, COMPARE_ALL, &arena)->change_count == 0, seed,
            "a plan differs from itself");
    if (a.published) {
        const struct published *whole = zone_round_trip(&a, path, ZONEFILE_WHOLE, &arena);
        const struct comparison *all = compare(whole, a.published, COMPARE_ALL, &arena);
        LAW(all->change_count == 0, seed, "%s %s is not as it was written",
            all->changes[0].names[0], all->changes[0].type);
        LAW(all->same_sets == a.published->entry_count, seed, "%u of %u sets came back",
            all->same_sets, a.published->entry_count);
        const struct published *part = zone_round_trip(&a, path, ZONEFILE_FRAGMENT, &arena);
        LAW(compare(part, a.published, COMPARE_OURS, &arena)->change_count == 0, seed,
            "a fragment is not as it was written");
    }
    if (a.published && b.published) {
        struct side_map map = map_of(a.published, &arena), wanted = map_of(b.published, &arena);
        const struct comparison *comparison =
            compare(a.published, b.published, COMPARE_ALL, &arena);
        map_apply(&map, comparison);
        LAW(map_holds(&map, &wanted) && map_holds(&wanted, &map), seed,
            "changes applied do not give the other side");
        const struct comparison *back = compare(b.published, a.published, COMPARE_ALL, &arena);
        LAW(back->sets.added == comparison->sets.removed &&
                back->sets.changed == comparison->sets.changed &&
                back->records.removed == comparison->records.added,
            seed, "the way back is not the way there reversed");
    }
    made_fini(&a);
    made_fini(&b);
    arena_fini(&arena);
}

START_TEST(laws_hold_for_generated_inventories)
{
    char path[] = "/tmp/srvplan-compare-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    laws_try_with(ROUNDS, check_laws, path);
    unlink(path);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, laws_hold_for_generated_inventories);
}

int main(void)
{
    return laws_main(laws_suite, add);
}

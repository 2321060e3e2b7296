/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/layout_build.h"
#include "zones/rrtype.h"

#include <stdlib.h>
#include <string.h>

struct names_work {
    struct layout_work *work;
    struct content_zone *zones;
    uint32_t *order; /* of entries: by zone, owner, kind, type */
    uint32_t *zone_first;
    struct content_name *names;
    size_t name_capacity;
    uint32_t name_count;
    struct intern type_lists;
    struct content_types *types;
    size_t types_capacity;
    struct intern classes;
    struct digest *class_digests; /* by number of the class */
    size_t class_capacity;
    uint32_t *uses, *touched; /* of the zone at hand: how often by set, and which sets */
};

/* -- delegations --------------------------------------------------------------------------------
 */

/* The nearest zone above, by zone: what is below a name follows it in canonical order, so it is
 * the one before, or one above that. */
static void find_parents(struct names_work *n)
{
    const struct inventory *inventory = n->work->inventory;
    for (uint32_t i = 0; i < inventory->zone_count; i++) {
        uint32_t above = i ? i - 1 : CONTENT_NONE;
        while (above != CONTENT_NONE &&
               !name_is_within(inventory->zones[i].apex, inventory->zones[above].apex))
            above = n->zones[above].parent;
        n->zones[i].parent = above;
    }
}

/* Addresses of `zone`'s name servers that `holder` needs as glue: those that it delegated away
 * (RFC 9471 section 2; also those in a zone beside, which resolvers cannot find otherwise when
 * each of two zones has its name servers in the other). */
static void add_glue(struct layout_work *work, uint32_t zone, uint32_t holder)
{
    const struct inventory *inventory = work->inventory;
    for (uint32_t i = 0; i < inventory->zones[zone].name_server_count; i++) {
        struct name server = inventory->zones[zone].name_servers[i].host;
        const struct layout_host *host = &work->hosts[layout_host_of(work, server)];
        if (host->zone == INVENTORY_NONE || host->zone == holder ||
            !name_is_within(server, inventory->zones[holder].apex))
            continue;
        struct layout_entry glue = {.owner = host->name, .zone = holder, .kind = CONTENT_GLUE};
        glue.set = host->ipv4_set;
        glue.type = RRTYPE_A;
        if (glue.set != CONTENT_NONE)
            layout_entry_add(work, &glue);
        glue.set = host->ipv6_set;
        glue.type = RRTYPE_AAAA;
        if (glue.set != CONTENT_NONE)
            layout_entry_add(work, &glue);
    }
}

static void add_delegations(struct names_work *n)
{
    struct layout_work *work = n->work;
    for (uint32_t i = 0; i < work->inventory->zone_count; i++) {
        uint32_t parent = n->zones[i].parent;
        add_glue(work, i, i);
        if (parent == CONTENT_NONE || work->zone_sets[i].ns == CONTENT_NONE)
            continue;
        layout_entry_add(work, &(struct layout_entry){.owner = work->inventory->zones[i].apex,
                                                      .zone = parent,
                                                      .set = work->zone_sets[i].ns,
                                                      .kind = CONTENT_DELEGATION,
                                                      .type = RRTYPE_NS});
        add_glue(work, i, parent);
    }
}

/* -- order --------------------------------------------------------------------------------------
 */

static int entry_compare(const struct layout_entry *a, const struct layout_entry *b)
{
    int order = name_compare(a->owner, b->owner);
    if (order == 0)
        order = (int)a->kind - (int)b->kind;
    if (order == 0)
        order = (int)a->type - (int)b->type;
    return order;
}

static void merge(const struct layout_entry *entries, uint32_t *left, uint32_t *middle,
                  const uint32_t *end, uint32_t *spare)
{
    uint32_t *from = spare, *right = middle;
    size_t left_count = (size_t)(middle - left);
    memcpy(spare, left, left_count * sizeof *left);
    const uint32_t *from_end = spare + left_count;
    while (from < from_end) {
        if (right == end || entry_compare(&entries[*from], &entries[*right]) <= 0)
            *left++ = *from++;
        else
            *left++ = *right++;
    }
}

/* Merge sort that leaves what is in order alone: entries come in the order of domains, which is
 * nearly that of owners, so one comparison an entry does most of it. */
static void sort_entries(const struct layout_entry *entries, uint32_t *order, size_t count,
                         uint32_t *spare)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at + width < count; at += 2 * width) {
            uint32_t *middle = order + at + width;
            size_t rest = count - at - width;
            uint32_t *end = middle + (rest < width ? rest : width);
            if (entry_compare(&entries[middle[-1]], &entries[*middle]) > 0)
                merge(entries, order + at, middle, end, spare);
        }
    }
}

static void order_entries(struct names_work *n)
{
    struct layout_work *work = n->work;
    uint32_t zone_count = work->inventory->zone_count;
    uint32_t *first = arena_array(&work->scratch, uint32_t, (size_t)zone_count + 1);
    uint32_t *next = arena_array(&work->scratch, uint32_t, zone_count);
    n->order = arena_array(&work->scratch, uint32_t, work->entry_count);
    uint32_t *spare = arena_array(&work->scratch, uint32_t, work->entry_count);
    for (size_t i = 0; i < work->entry_count; i++)
        first[work->entries[i].zone + 1]++;
    for (uint32_t i = 0; i < zone_count; i++) {
        first[i + 1] += first[i];
        next[i] = first[i];
    }
    for (size_t i = 0; i < work->entry_count; i++)
        n->order[next[work->entries[i].zone]++] = (uint32_t)i;
    for (uint32_t i = 0; i < zone_count; i++)
        sort_entries(work->entries, n->order + first[i], first[i + 1] - first[i], spare);
    n->zone_first = first;
}

/* -- names --------------------------------------------------------------------------------------
 */

static struct content_name *name_add(struct names_work *n, struct name owner,
                                     enum content_kind kind)
{
    n->names = arena_grow(n->work->arena, n->names, &n->name_capacity, (size_t)n->name_count + 1,
                          sizeof *n->names);
    struct content_name *name = &n->names[n->name_count++];
    *name = (struct content_name){.owner = owner, .types = CONTENT_NONE, .kind = kind};
    return name;
}

/* The empty non-terminals between the name before and `owner`: what stands between them in the
 * tree and has no entry of its own (RFC 4592 section 2.2.2). Glue is below a cut, where nothing
 * of this zone exists. */
static void add_empty_between(struct names_work *n, struct name owner, struct name apex)
{
    struct name before = n->names[n->name_count - 1].owner, missing[NAME_MAX_LABELS];
    size_t count = 0;
    for (struct name above = name_parent(owner);
         above.len > apex.len && !name_is_within(before, above); above = name_parent(above))
        missing[count++] = above;
    while (count)
        name_add(n, missing[--count], CONTENT_NAME);
}

static uint32_t types_of(struct names_work *n, const uint32_t *order, size_t count)
{
    const struct layout_entry *entries = n->work->entries;
    struct content_type *list = arena_array(&n->work->scratch, struct content_type, count);
    for (size_t i = 0; i < count; i++) {
        list[i].type = entries[order[i]].type;
        list[i].set = entries[order[i]].set;
    }
    uint32_t known = n->type_lists.count;
    struct bytes key = {(const uint8_t *)list, count * sizeof *list}; /* padding is zeroed */
    uint32_t number = intern_add(&n->type_lists, key);
    if (number < known)
        return number;
    n->types = arena_grow(n->work->arena, n->types, &n->types_capacity, (size_t)number + 1,
                          sizeof *n->types);
    struct bytes kept = arena_bytes(n->work->arena, list, key.len);
    n->types[number] = (struct content_types){
        .entries = (const struct content_type *)(const void *)kept.ptr, .count = (uint32_t)count};
    return number;
}

static void report_twice(struct layout_work *work, const struct layout_entry *entry)
{
    struct text name = layout_name_text(work, entry->owner);
    struct finding finding = {
        .severity = FINDING_ERROR,
        .code = "two-sets-at-one-owner",
        .message = arena_printf(&work->scratch, "two services of one domain publish at %.*s",
                                (int)name.len, name.ptr),
        .mend = "give each service an \"srv\" of its own, or list only one of them",
    };
    layout_find(work, &finding, "services", name);
}

/* Drops what is there twice: glue of two zones with the same name server. */
static size_t without_twins(struct names_work *n, uint32_t *order, size_t count)
{
    const struct layout_entry *entries = n->work->entries;
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        const struct layout_entry *before = &entries[order[kept - 1]], *entry = &entries[order[i]];
        if (before->type != entry->type)
            order[kept++] = order[i];
        else if (before->set != entry->set)
            report_twice(n->work, entry);
    }
    return kept;
}

static void add_zone_names(struct names_work *n, uint32_t index)
{
    const struct layout_entry *entries = n->work->entries;
    struct content_zone *zone = &n->zones[index];
    zone->first_name = n->name_count;
    for (uint32_t i = n->zone_first[index], end = n->zone_first[index + 1], next; i < end;
         i = next) {
        const struct layout_entry *entry = &entries[n->order[i]];
        next = i + 1;
        while (next < end && entries[n->order[next]].kind == entry->kind &&
               name_equal(entries[n->order[next]].owner, entry->owner))
            next++;
        size_t count = without_twins(n, n->order + i, next - i);
        if (entry->kind != CONTENT_GLUE && n->name_count > zone->first_name)
            add_empty_between(n, entry->owner, zone->apex);
        uint32_t types = types_of(n, n->order + i, count);
        name_add(n, entry->owner, entry->kind)->types = types;
        for (size_t j = 0; j < count; j++) {
            uint32_t set = entries[n->order[i + j]].set;
            if (n->uses[set]++ == 0)
                *n->touched++ = set;
        }
    }
    zone->name_count = n->name_count - zone->first_name;
}

/* -- classes ------------------------------------------------------------------------------------
 */

static const struct digest *digest_of_set(const struct layout_work *work, uint32_t set)
{
    uint32_t declared_count = work->layout->declared_count;
    return set < declared_count ? &work->declared[set].key
                                : &work->fixed_keys[set - declared_count];
}

struct set_use {
    struct digest key;
    uint32_t count;
};

static int by_key(const void *left, const void *right)
{
    const struct set_use *a = left, *b = right;
    return memcmp(a->key.byte, b->key.byte, DIGEST_SIZE);
}

/* What else moves a zone's serial: how it counts. */
static void key_of_serial(struct layout_key *key, const struct inventory_zone *zone)
{
    layout_key_u32(key, zone->soa.serial);
    layout_key_u32(key, zone->soa.at_least);
}

/* The digest of a class by values alone, so that it is the same in another inventory. */
static struct digest class_digest(struct names_work *n, uint32_t zone, const uint32_t *sets,
                                  size_t count)
{
    struct layout_work *work = n->work;
    struct set_use *uses = arena_array(&work->scratch, struct set_use, count);
    for (size_t i = 0; i < count; i++)
        uses[i] = (struct set_use){*digest_of_set(work, sets[i]), n->uses[sets[i]]};
    qsort(uses, count, sizeof *uses, by_key);
    struct layout_key key = {.arena = &work->scratch};
    key_of_serial(&key, &work->inventory->zones[zone]);
    uint32_t negative = n->zones[zone].negative_set;
    layout_key_bytes(&key, (struct bytes){digest_of_set(work, negative)->byte, DIGEST_SIZE});
    for (size_t i = 0; i < count; i++) {
        layout_key_bytes(&key, (struct bytes){uses[i].key.byte, DIGEST_SIZE});
        layout_key_u32(&key, uses[i].count);
    }
    return digest_of(layout_key_end(&key));
}

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* The class of a zone whose sets are sets[0..count); its number is the zone's serial slot. */
static uint32_t class_of(struct names_work *n, uint32_t zone, uint32_t *sets, size_t count)
{
    struct layout_work *work = n->work;
    qsort(sets, count, sizeof *sets, by_number);
    struct layout_key key = {.arena = &work->scratch};
    key_of_serial(&key, &work->inventory->zones[zone]);
    layout_key_u32(&key, n->zones[zone].negative_set);
    for (size_t i = 0; i < count; i++) {
        layout_key_u32(&key, sets[i]);
        layout_key_u32(&key, n->uses[sets[i]]);
    }
    uint32_t known = n->classes.count;
    uint32_t number = intern_add(&n->classes, layout_key_end(&key));
    if (number == known) {
        n->class_digests = arena_grow(&work->scratch, n->class_digests, &n->class_capacity,
                                      (size_t)number + 1, sizeof *n->class_digests);
        n->class_digests[number] = class_digest(n, zone, sets, count);
    }
    return number;
}

static void add_zones(struct names_work *n)
{
    struct layout_work *work = n->work;
    uint32_t set_count = work->layout->declared_count + work->layout->fixed_count;
    uint32_t *touched = arena_array(&work->scratch, uint32_t, set_count);
    struct digest *classes = arena_array(work->arena, struct digest, work->inventory->zone_count);
    n->uses = arena_array(&work->scratch, uint32_t, set_count);
    for (uint32_t i = 0; i < work->inventory->zone_count; i++) {
        n->touched = touched;
        add_zone_names(n, i);
        size_t count = (size_t)(n->touched - touched);
        n->zones[i].slot = class_of(n, i, touched, count);
        classes[i] = n->class_digests[n->zones[i].slot];
        for (size_t j = 0; j < count; j++)
            n->uses[touched[j]] = 0;
    }
    work->layout->zone_class = classes;
}

void layout_names(struct layout_work *work)
{
    uint32_t zone_count = work->inventory->zone_count;
    struct names_work n = {.work = work,
                           .zones = arena_array(work->arena, struct content_zone, zone_count),
                           .type_lists = intern_over(&work->scratch),
                           .classes = intern_over(&work->scratch)};
    for (uint32_t i = 0; i < zone_count; i++) {
        n.zones[i].apex = work->inventory->zones[i].apex;
        n.zones[i].soa_set = work->zone_sets[i].soa;
        n.zones[i].negative_set = work->zone_sets[i].negative;
    }
    find_parents(&n);
    add_delegations(&n);
    order_entries(&n);
    add_zones(&n);
    work->layout->names = (struct content_names){
        .zones = n.zones,
        .zone_count = zone_count,
        .names = n.names,
        .name_count = n.name_count,
        .types = n.types,
        .types_count = n.type_lists.count,
        .set_count = work->layout->declared_count + work->layout->fixed_count,
        .slot_count = n.classes.count,
    };
}

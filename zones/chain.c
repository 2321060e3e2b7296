/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/chain.h"

#include "zones/rrtype.h"

#include <stdlib.h>
#include <string.h>

/* What is found where a name leads. */
struct landing {
    enum {
        LANDS_ON_TYPES,   /* the name, or a wildcard for it: its types */
        LANDS_ON_NOTHING, /* the zone ends above it: NXDOMAIN */
        LANDS_ON_CUT,     /* `name` is the cut at or above it */
        LANDS_OUTSIDE,    /* in no zone, or in another one */
    } kind;
    uint32_t name; /* index in names */
};

struct follow {
    struct arena *arena;
    struct arena scratch;
    const struct content_names *names;
    struct content_name *rows;
    const struct content_sets *sets;
    const struct content_zone *zone;
    uint32_t zone_number;

    struct content_set *derived;
    size_t derived_capacity;
    uint32_t derived_count;
    struct content_types *types;
    size_t types_capacity;
    uint32_t types_count;
    struct chain_loop *loops;
    size_t loop_capacity;
    uint32_t loop_count;
    /* Open addressing over what has been made, so that equal things are made once. */
    uint32_t *set_slots, *type_slots;
    size_t set_slot_count, type_slot_count;
};

/* The way from one alias. */
struct way {
    struct content_link links[CHAIN_MAX];
    uint32_t count;
    struct name target; /* of the last link, whole */
    struct landing end;
    bool is_loop;
};

/* -- finding names ------------------------------------------------------------------------------
 */

/* The first row of a name: a cut stands before glue at the same name. */
static uint32_t name_find(const struct follow *f, struct name owner)
{
    uint32_t low = f->zone->first_name, high = low + f->zone->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = name_compare(f->rows[middle].owner, owner);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there =
        low < f->zone->first_name + f->zone->name_count && name_equal(f->rows[low].owner, owner);
    return is_there ? low : CONTENT_NONE;
}

/* Whether a zone of ours below this one holds the name: then this one knows nothing of it. */
static bool is_in_child(const struct follow *f, struct name name)
{
    uint32_t low = f->zone_number, high = f->names->zone_count; /* the last zone not behind it */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(f->names->zones[middle].apex, name) <= 0)
            low = middle;
        else
            high = middle;
    }
    while (low != f->zone_number && low != CONTENT_NONE &&
           !name_is_within(name, f->names->zones[low].apex))
        low = f->names->zones[low].parent;
    return low != f->zone_number;
}

static bool is_delegated(const struct content_name *name)
{
    return name->kind == CONTENT_CUT || name->kind == CONTENT_DELEGATION;
}

/* The wildcard of the closest encloser, the first ancestor that is there; or nothing. */
static struct landing land_on_wildcard(struct follow *f, struct name target)
{
    static const uint8_t star[] = {1, '*'};
    struct name above = name_parent(target), wildcard;
    while (above.len > f->zone->apex.len && name_find(f, above) == CONTENT_NONE)
        above = name_parent(above);
    uint32_t found = CONTENT_NONE;
    if (name_join(&f->scratch, (struct bytes){star, sizeof star}, above, &wildcard))
        found = name_find(f, wildcard);
    if (found == CONTENT_NONE || f->rows[found].kind != CONTENT_NAME)
        return (struct landing){.kind = LANDS_ON_NOTHING};
    return (struct landing){.kind = LANDS_ON_TYPES, .name = found};
}

static struct landing land(struct follow *f, struct name target)
{
    struct landing cut = {.kind = LANDS_OUTSIDE, .name = CONTENT_NONE};
    if (!name_is_within(target, f->zone->apex))
        return cut;
    for (struct name at = target; at.len > f->zone->apex.len; at = name_parent(at)) {
        uint32_t found = name_find(f, at);
        if (found != CONTENT_NONE && is_delegated(&f->rows[found]))
            cut = (struct landing){.kind = LANDS_ON_CUT, .name = found}; /* the highest counts */
    }
    if (cut.kind == LANDS_ON_CUT || is_in_child(f, target))
        return cut;
    uint32_t found = name_find(f, target);
    if (found != CONTENT_NONE)
        return (struct landing){.kind = LANDS_ON_TYPES, .name = found};
    return land_on_wildcard(f, target);
}

static uint32_t set_of(const struct follow *f, uint32_t name, uint16_t type)
{
    uint32_t list = f->rows[name].types;
    if (list == CONTENT_NONE)
        return CONTENT_NONE;
    const struct content_types *types = list < f->names->types_count
                                            ? &f->names->types[list]
                                            : &f->types[list - f->names->types_count];
    for (uint32_t i = 0; i < types->count; i++)
        if (types->entries[i].type == type)
            return types->entries[i].set;
    return CONTENT_NONE;
}

/* The set of the alias at a name, or CONTENT_NONE. */
static uint32_t alias_at(const struct follow *f, uint32_t name)
{
    uint32_t set = set_of(f, name, RRTYPE_CNAME);
    return set != CONTENT_NONE && f->sets->sets[set].count ? set : CONTENT_NONE;
}

/* -- the way ------------------------------------------------------------------------------------
 */

static struct name target_of(struct follow *f, uint32_t alias)
{
    struct bytes whole =
        content_rdata(&f->scratch, RRTYPE_CNAME, f->sets->sets[alias].rdata[0], f->zone->apex);
    return (struct name){whole.ptr, whole.len};
}

/* Goes on from a target as far as there are aliases: sees a loop, since a name comes up again at
 * the latest after as many steps as there are names (Brent: compares with a name that it moves up
 * at powers of two). */
static bool comes_back(struct follow *f, struct name from, struct name *through)
{
    struct name mark = from, at = from;
    for (uint64_t step = 1, power = 1;; step++) {
        struct landing end = land(f, at);
        uint32_t alias = end.kind == LANDS_ON_TYPES ? alias_at(f, end.name) : CONTENT_NONE;
        if (alias == CONTENT_NONE)
            return false;
        at = target_of(f, alias);
        if (name_equal(at, mark)) {
            *through = at;
            return true;
        }
        if (step == power) {
            mark = at;
            power *= 2;
            step = 0;
        }
    }
}

static void loop_add(struct follow *f, uint32_t owner, struct name through)
{
    f->loops = arena_grow(f->arena, f->loops, &f->loop_capacity, (size_t)f->loop_count + 1,
                          sizeof *f->loops);
    f->loops[f->loop_count++] = (struct chain_loop){
        .zone = f->zone_number, .name = owner, .through = name_lower(f->arena, through)};
}

/* From the alias `alias` at `owner` to where it ends. False: it never does, which is noted. */
static bool way_go(struct follow *f, uint32_t owner, uint32_t alias, struct way *way)
{
    struct name through;
    *way = (struct way){0};
    while (true) {
        const struct content_set *set = &f->sets->sets[alias];
        way->links[way->count++] = (struct content_link){set->rdata[0], set->ttl_s};
        way->target = target_of(f, alias);
        way->end = land(f, way->target);
        alias = way->end.kind == LANDS_ON_TYPES ? alias_at(f, way->end.name) : CONTENT_NONE;
        if (alias == CONTENT_NONE)
            return true;
        if (way->count == CHAIN_MAX)
            break;
    }
    way->end.kind = LANDS_OUTSIDE; /* cut short */
    if (!comes_back(f, way->target, &through))
        return true;
    loop_add(f, owner, through);
    return false;
}

/* -- what is made once --------------------------------------------------------------------------
 */

static uint64_t hash_bytes(uint64_t hash, const void *ptr, size_t len)
{
    const uint8_t *bytes = ptr;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 0x100000001B3ull; /* FNV-1a */
    return hash;
}

static uint64_t hash_set(const struct content_set *set)
{
    uint64_t hash = 0xCBF29CE484222325ull;
    const uint32_t numbers[] = {set->type,        set->tail_set,    set->negative_set,
                                set->is_nxdomain, set->chain_count, set->count};
    hash = hash_bytes(hash, numbers, sizeof numbers);
    hash = hash_bytes(hash, set->cut.ptr, set->cut.len);
    for (uint32_t i = 0; i < set->chain_count; i++)
        hash = hash_bytes(hash, set->chain[i].rdata.ptr, set->chain[i].rdata.len);
    for (uint32_t i = 0; i < set->count; i++)
        hash = hash_bytes(hash, set->rdata[i].ptr, set->rdata[i].len);
    return hash;
}

static bool is_same_chain(const struct content_set *a, const struct content_set *b)
{
    if (a->chain_count != b->chain_count)
        return false;
    for (uint32_t i = 0; i < a->chain_count; i++)
        if (a->chain[i].ttl_s != b->chain[i].ttl_s ||
            !bytes_equal(a->chain[i].rdata, b->chain[i].rdata))
            return false;
    return true;
}

static bool is_same_set(const struct content_set *a, const struct content_set *b)
{
    if (!content_set_equal(a, b) || !is_same_chain(a, b) || a->section != b->section ||
        a->tail_set != b->tail_set || a->negative_set != b->negative_set ||
        a->is_nxdomain != b->is_nxdomain || !bytes_equal(a->cut, b->cut) ||
        a->additional_count != b->additional_count)
        return false;
    for (uint32_t i = 0; i < a->additional_count; i++)
        if (a->additional[i].record != b->additional[i].record ||
            a->additional[i].set != b->additional[i].set)
            return false;
    return true;
}

/* Makes room in a table of numbers (0: free, else the number and 1) for one more. True: it is new,
 * and everything must be put in again. */
static bool slots_grow(uint32_t **slots, size_t *slot_count, uint32_t used)
{
    if (2 * ((size_t)used + 1) <= *slot_count)
        return false;
    size_t count = *slot_count ? 2 * *slot_count : 64;
    free(*slots);
    *slots = calloc(count, sizeof **slots);
    if (!*slots)
        abort();
    *slot_count = count;
    return true;
}

static uint32_t *slot_free(uint32_t *slots, size_t slot_count, uint64_t hash)
{
    size_t at = hash & (slot_count - 1);
    while (slots[at])
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

/* The number, among all sets, of a set like `set`, which is made now if there is none. */
static uint32_t derived_get(struct follow *f, const struct content_set *set)
{
    if (slots_grow(&f->set_slots, &f->set_slot_count, f->derived_count))
        for (uint32_t i = 0; i < f->derived_count; i++)
            *slot_free(f->set_slots, f->set_slot_count, hash_set(&f->derived[i])) = i + 1;
    size_t at = hash_set(set) & (f->set_slot_count - 1);
    for (; f->set_slots[at]; at = (at + 1) & (f->set_slot_count - 1))
        if (is_same_set(&f->derived[f->set_slots[at] - 1], set))
            return f->sets->count + f->set_slots[at] - 1;
    f->derived = arena_grow(f->arena, f->derived, &f->derived_capacity,
                            (size_t)f->derived_count + 1, sizeof *f->derived);
    f->derived[f->derived_count] = *set;
    if (set->chain_count) {
        struct content_link *chain = arena_array(f->arena, struct content_link, set->chain_count);
        memcpy(chain, set->chain, set->chain_count * sizeof *chain);
        f->derived[f->derived_count].chain = chain;
    }
    f->set_slots[at] = ++f->derived_count;
    return f->sets->count + f->derived_count - 1;
}

static uint64_t hash_types(const struct content_types *types)
{
    uint64_t hash = 0xCBF29CE484222325ull;
    for (uint32_t i = 0; i < types->count; i++)
        hash = hash_bytes(hash, &types->entries[i].set, sizeof(uint32_t));
    for (uint32_t i = 0; i < types->chased_count; i++)
        hash = hash_bytes(hash, &types->chased[i].set, sizeof(uint32_t));
    return hash;
}

static bool is_same_list(const struct content_type *a, uint32_t a_count,
                         const struct content_type *b, uint32_t b_count)
{
    if (a_count != b_count)
        return false;
    for (uint32_t i = 0; i < a_count; i++)
        if (a[i].type != b[i].type || a[i].set != b[i].set)
            return false;
    return true;
}

static uint32_t types_get(struct follow *f, const struct content_types *types)
{
    if (slots_grow(&f->type_slots, &f->type_slot_count, f->types_count))
        for (uint32_t i = 0; i < f->types_count; i++)
            *slot_free(f->type_slots, f->type_slot_count, hash_types(&f->types[i])) = i + 1;
    size_t at = hash_types(types) & (f->type_slot_count - 1);
    for (; f->type_slots[at]; at = (at + 1) & (f->type_slot_count - 1)) {
        const struct content_types *known = &f->types[f->type_slots[at] - 1];
        if (is_same_list(known->entries, known->count, types->entries, types->count) &&
            is_same_list(known->chased, known->chased_count, types->chased, types->chased_count))
            return f->names->types_count + f->type_slots[at] - 1;
    }
    f->types = arena_grow(f->arena, f->types, &f->types_capacity, (size_t)f->types_count + 1,
                          sizeof *f->types);
    struct content_type *chased = arena_array(f->arena, struct content_type, types->chased_count);
    memcpy(chased, types->chased, types->chased_count * sizeof *chased);
    f->types[f->types_count] = *types;
    f->types[f->types_count].chased = chased;
    f->type_slots[at] = ++f->types_count;
    return f->names->types_count + f->types_count - 1;
}

/* -- what stands at the end ---------------------------------------------------------------------
 */

/* NS as they stand behind a chain: templates relative to the cut become relative to the apex. */
static uint32_t referral_behind(struct follow *f, uint32_t cut, uint32_t ns)
{
    const struct content_set *set = &f->sets->sets[ns];
    struct name owner = f->rows[cut].owner;
    struct bytes *rdata = arena_array(f->arena, struct bytes, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        struct bytes whole = content_rdata(&f->scratch, RRTYPE_NS, set->rdata[i], owner);
        whole = arena_bytes(f->arena, whole.ptr, whole.len);
        rdata[i] = content_template_rdata(f->arena, RRTYPE_NS, whole, f->zone->apex);
    }
    struct content_set behind = *set;
    behind.section = CONTENT_REFERRAL;
    behind.rdata = rdata;
    behind.cut = content_template(f->arena, name_lower(f->arena, owner), f->zone->apex);
    return derived_get(f, &behind);
}

static struct content_type chased_row(struct follow *f, const struct way *way, uint16_t type,
                                      uint32_t tail, bool is_nxdomain)
{
    struct content_set set = {
        .type = type == CONTENT_OTHER_TYPES ? RRTYPE_CNAME : type,
        .ttl_s = way->links[0].ttl_s,
        .chain = way->links,
        .chain_count = way->count,
        .tail_set = tail,
        .negative_set = f->zone->negative_set,
        .is_nxdomain = is_nxdomain,
        .usual_owner_bytes = (uint32_t)f->zone->apex.len,
    };
    return (struct content_type){.type = type, .set = derived_get(f, &set)};
}

/* What the name answers to other types, into `chased`, which has room; returns how many. */
static uint32_t chase(struct follow *f, const struct content_types *own, const struct way *way,
                      struct content_type *chased)
{
    uint32_t negative = f->zone->negative_set, count = 0;
    switch (way->end.kind) {
    case LANDS_OUTSIDE:
        chased[count++] = chased_row(f, way, CONTENT_OTHER_TYPES, CONTENT_NONE, false);
        return count;
    case LANDS_ON_NOTHING:
        chased[count++] = chased_row(f, way, CONTENT_OTHER_TYPES, negative, true);
        return count;
    case LANDS_ON_CUT: {
        uint32_t ns = set_of(f, way->end.name, RRTYPE_NS);
        uint32_t ds = set_of(f, way->end.name, RRTYPE_DS);
        uint32_t tail = ns == CONTENT_NONE ? ns : referral_behind(f, way->end.name, ns);
        chased[count++] = chased_row(f, way, CONTENT_OTHER_TYPES, tail, false);
        if (name_equal(way->target, f->rows[way->end.name].owner)) /* which we speak for */
            chased[count++] =
                chased_row(f, way, RRTYPE_DS, ds == CONTENT_NONE ? negative : ds, false);
        return count;
    }
    case LANDS_ON_TYPES:
        break;
    }
    chased[count++] = chased_row(f, way, CONTENT_OTHER_TYPES, negative, false);
    uint32_t list = f->rows[way->end.name].types;
    if (list == CONTENT_NONE)
        return count;
    const struct content_types *tail = &f->names->types[list]; /* no alias: not a new list */
    for (uint32_t i = 0, at = 0; i < tail->count; i++) {
        while (at < own->count && own->entries[at].type < tail->entries[i].type)
            at++;
        if (at < own->count && own->entries[at].type == tail->entries[i].type)
            continue; /* what stands at the alias itself comes first */
        chased[count++] = chased_row(f, way, tail->entries[i].type, tail->entries[i].set, false);
    }
    return count;
}

static void follow_name(struct follow *f, uint32_t name)
{
    struct way way;
    uint32_t alias = f->rows[name].kind == CONTENT_NAME ? alias_at(f, name) : CONTENT_NONE;
    if (alias == CONTENT_NONE || !way_go(f, name, alias, &way))
        return;
    struct content_types types = f->names->types[f->rows[name].types];
    uint32_t room = 2;
    if (way.end.kind == LANDS_ON_TYPES && f->rows[way.end.name].types != CONTENT_NONE)
        room += f->names->types[f->rows[way.end.name].types].count;
    struct content_type *chased = arena_array(&f->scratch, struct content_type, room);
    types.chased_count = chase(f, &types, &way, chased);
    types.chased = chased;
    f->rows[name].types = types_get(f, &types);
}

struct chains chains_follow(struct arena *arena, const struct content_names *names,
                            struct content_name *rows, const struct content_sets *sets)
{
    struct follow f = {.arena = arena, .names = names, .rows = rows, .sets = sets};
    for (uint32_t z = 0; z < names->zone_count; z++) {
        f.zone = &names->zones[z];
        f.zone_number = z;
        for (uint32_t i = 0; i < f.zone->name_count; i++) {
            follow_name(&f, f.zone->first_name + i);
            if (f.scratch.total_bytes > 1 << 20)
                arena_fini(&f.scratch);
        }
    }
    arena_fini(&f.scratch);
    uint32_t count = names->types_count + f.types_count;
    struct content_types *types = arena_array(arena, struct content_types, count);
    if (names->types_count)
        memcpy(types, names->types, names->types_count * sizeof *types);
    if (f.types_count)
        memcpy(types + names->types_count, f.types, f.types_count * sizeof *types);
    free(f.set_slots);
    free(f.type_slots);
    return (struct chains){.sets = f.derived,
                           .set_count = f.derived_count,
                           .types = types,
                           .types_count = count,
                           .loops = f.loops,
                           .loop_count = f.loop_count};
}

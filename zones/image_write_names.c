/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/image.h"
#include "zones/image_write_build.h"
#include "zones/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum {
    TABLE_FILL_PERCENT = 60, /* beyond that probe sequences grow fast */
    TABLE_TRIES = 64, /* seeds until every name is within reach; the first nearly always does */
};

/* A list of types with more to it: names that agree share one. */
struct variant {
    uint32_t types;    /* CONTENT_NONE: none */
    uint32_t wildcard; /* types of the wildcard below, which may be CONTENT_NONE, too */
    bool has_wildcard;
    uint16_t flags;
    uint32_t name;
    uint32_t line; /* within the section */
};

struct names_work {
    const struct content_names *names;
    struct image_buffer *buffer;
    struct image_names_header *header; /* apart from the buffer until all is placed */
    uint32_t *position;                /* of each served name in the table */
    uint32_t *types_line;              /* of each type list */
    struct variant *variants;          /* by name, of those that need a list of their own */
    size_t variant_count;
    uint32_t used, overflow_lines;
};

static bool is_glue(const struct content_name *name)
{
    return name->kind == CONTENT_GLUE;
}

static uint64_t name_hash(struct name name, uint64_t seed)
{
    uint8_t lower[NAME_MAX_BYTES + 8] = {0}, offsets[NAME_MAX_LABELS];
    size_t labels = 0;
    for (size_t at = 0; name.wire[at] != 0; at += name.wire[at] + 1u)
        offsets[labels++] = (uint8_t)at;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = name_lower_byte(name.wire[i]);
    uint64_t hash = image_hash_start(seed);
    while (labels) {
        const uint8_t *label = lower + offsets[--labels];
        hash = image_hash_label(hash, label, label[0] + 1u);
    }
    return hash;
}

/* The first free line for `hash`, counting probes; IMAGE_NONE when it is out of reach. */
static uint32_t free_line(const struct image_name *table, uint64_t hash, uint32_t count,
                          uint32_t *max_probes)
{
    uint32_t home = image_home(hash, count);
    for (uint32_t i = 0; i < IMAGE_MAX_PROBES; i++)
        if (table[home + i].tag == 0) {
            *max_probes = i + 1 > *max_probes ? i + 1 : *max_probes;
            return home + i;
        }
    return IMAGE_NONE;
}

/* Gives every served name a line under `seed`; false when one is out of reach. */
static bool place_names(struct names_work *work, struct image_name *table, uint32_t count,
                        uint64_t seed)
{
    work->header->max_probes = 0;
    memset(table, 0, sizeof *table * count);
    for (uint32_t i = 0; i < work->names->name_count; i++) {
        if (!content_is_served(&work->names->names[i]))
            continue;
        uint64_t hash = name_hash(work->names->names[i].owner, seed);
        uint32_t line = free_line(table, hash, count, &work->header->max_probes);
        if (line == IMAGE_NONE)
            return false;
        table[line].tag = image_tag(hash);
        work->position[i] = line;
    }
    return true;
}

static bool build_table(struct names_work *work, struct error *err)
{
    uint64_t lines = (uint64_t)work->used * 100 / TABLE_FILL_PERCENT + 1 + IMAGE_MAX_PROBES;
    for (uint32_t try = 0; try < TABLE_TRIES; try++, lines += lines / 16) {
        uint32_t count = (uint32_t)lines;
        struct image_name *table = calloc(count, sizeof *table);
        if (!table)
            abort();
        uint64_t seed = IMAGE_HASH_MULTIPLIER * (try + 1);
        bool placed = place_names(work, table, count, seed);
        if (placed) {
            work->header->hash_seed = seed;
            work->header->table.count = count;
            work->header->table.first = image_buffer_add(work->buffer, sizeof *table * count);
            memcpy(image_buffer_at(work->buffer, work->header->table.first), table,
                   sizeof *table * count);
        }
        free(table);
        if (placed)
            return true;
    }
    return error_set(err, ERROR_INVALID,
                     "%u names do not fit a table of 24 probes; this is a defect, please report it",
                     work->used);
}

/* -- what stands at names -----------------------------------------------------------------------
 */

/* The entries of a list by type: the zone's own, and what its CNAME leads to. Returns how many. */
static uint32_t merge_types(const struct content_types *types, struct content_type *merged)
{
    uint32_t count = 0, own = 0, chased = 0;
    while (own < types->count || chased < types->chased_count) {
        if (chased == types->chased_count ||
            (own < types->count && types->entries[own].type <= types->chased[chased].type))
            merged[count++] = types->entries[own++];
        else
            merged[count++] = types->chased[chased++];
    }
    return count;
}

/* Lines that a list takes; one also when it is empty. */
static uint32_t types_lines(const struct names_work *work, uint32_t types)
{
    uint32_t count = 0;
    if (types != CONTENT_NONE)
        count = work->names->types[types].count + work->names->types[types].chased_count;
    return count == 0 ? 1 : (count + IMAGE_TYPES_PER_LINE - 1) / IMAGE_TYPES_PER_LINE;
}

static void fill_types(const struct names_work *work, uint32_t types, struct image_types *line)
{
    line->wildcard = IMAGE_NONE;
    if (types == CONTENT_NONE)
        return;
    const struct content_types *list = &work->names->types[types];
    struct content_type *merged = calloc(list->count + list->chased_count + 1u, sizeof *merged);
    if (!merged)
        abort();
    uint32_t count = merge_types(list, merged);
    for (uint32_t j = 0; j < count; j++) {
        if (j && j % IMAGE_TYPES_PER_LINE == 0)
            (++line)->wildcard = IMAGE_NONE;
        line->count = (uint16_t)(count - (j - j % IMAGE_TYPES_PER_LINE));
        line->entry[j % IMAGE_TYPES_PER_LINE] =
            (struct image_type){.type = merged[j].type, .set = merged[j].set};
    }
    free(merged);
}

static const struct variant *variant_of(const struct names_work *work, uint32_t name)
{
    size_t low = 0, high = work->variant_count; /* by name again, once they have their lines */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (work->variants[middle].name < name)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < work->variant_count && work->variants[low].name == name;
    return is_there ? &work->variants[low] : NULL;
}

static uint32_t types_line_of(const struct names_work *work, uint32_t name)
{
    const struct variant *variant = variant_of(work, name);
    uint32_t types = work->names->names[name].types;
    if (variant)
        return variant->line;
    return types == CONTENT_NONE ? IMAGE_NONE : work->types_line[types];
}

/* The first row of a name in a zone, by its place among all names; CONTENT_NONE: there is none. */
static uint32_t find_name(const struct content_names *names, const struct content_zone *zone,
                          struct name owner)
{
    uint32_t low = zone->first_name, high = zone->first_name + zone->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(names->names[middle].owner, owner) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there =
        low < zone->first_name + zone->name_count && name_equal(names->names[low].owner, owner);
    return is_there ? low : CONTENT_NONE;
}

static bool is_wildcard(const struct content_names *names, const struct content_zone *zone,
                        uint32_t name)
{
    const struct content_name *row = &names->names[name];
    return row->kind == CONTENT_NAME && name != zone->first_name && row->owner.wire[0] == 1 &&
           row->owner.wire[1] == '*';
}

/* Notes what a name has beside its types; a name that is a cut has no wildcard of ours below. */
static void note_variant(struct names_work *work, const struct variant *variant)
{
    size_t count = work->variant_count++;
    if ((count & (count - 1)) == 0) { /* room for twice as many */
        void *grown = realloc(work->variants, sizeof *variant * (count ? 2 * count : 1));
        if (!grown)
            abort();
        work->variants = grown;
    }
    work->variants[count] = *variant;
}

static void note_variants(struct names_work *work)
{
    const struct content_names *names = work->names;
    for (uint32_t z = 0; z < names->zone_count; z++) {
        const struct content_zone *zone = &names->zones[z];
        for (uint32_t i = zone->first_name; i < zone->first_name + zone->name_count; i++) {
            const struct content_name *name = &names->names[i];
            struct variant variant = {.types = name->types, .name = i};
            if (name->kind == CONTENT_CUT) {
                variant.flags = IMAGE_TYPES_CUT;
                note_variant(work, &variant);
            }
            if (!is_wildcard(names, zone, i))
                continue;
            uint32_t above = find_name(names, zone, name_parent(name->owner));
            if (above == CONTENT_NONE || names->names[above].kind != CONTENT_NAME)
                continue;
            variant.name = above;
            variant.types = names->names[above].types;
            variant.has_wildcard = true;
            variant.wildcard = name->types;
            note_variant(work, &variant);
        }
    }
}

static int variant_order(const struct variant *a, const struct variant *b)
{
    if (a->types != b->types)
        return a->types < b->types ? -1 : 1;
    if (a->wildcard != b->wildcard)
        return a->wildcard < b->wildcard ? -1 : 1;
    if (a->has_wildcard != b->has_wildcard)
        return a->has_wildcard ? 1 : -1;
    return (int)a->flags - (int)b->flags;
}

static int by_content(const void *left, const void *right)
{
    const struct variant *a = left, *b = right;
    int order = variant_order(a, b);
    return order ? order : (a->name > b->name) - (a->name < b->name);
}

static int by_name(const void *left, const void *right)
{
    const struct variant *a = left, *b = right;
    return (a->name > b->name) - (a->name < b->name);
}

/* Counts the lines of the section, giving each list its first one. */
static uint32_t place_types(struct names_work *work)
{
    uint32_t lines = 0;
    for (uint32_t i = 0; i < work->names->types_count; i++) {
        work->types_line[i] = lines;
        lines += types_lines(work, i);
    }
    if (work->variant_count)
        qsort(work->variants, work->variant_count, sizeof *work->variants, by_content);
    for (size_t i = 0; i < work->variant_count; i++) {
        struct variant *variant = &work->variants[i];
        bool is_shared = i > 0 && variant_order(variant - 1, variant) == 0;
        variant->line = is_shared ? variant[-1].line : lines;
        lines += is_shared ? 0 : types_lines(work, variant->types);
    }
    return lines;
}

/* The section, and behind its lists one empty line for wildcards that are empty non-terminals. */
static void add_types(struct names_work *work)
{
    note_variants(work);
    uint32_t lines = place_types(work), empty = lines;
    lines += work->variant_count > 0;
    work->header->types = (struct image_section){
        .first = image_buffer_add(work->buffer, sizeof(struct image_types) * lines),
        .count = lines};
    struct image_types *all = image_buffer_at(work->buffer, work->header->types.first);
    for (uint32_t i = 0; i < work->names->types_count; i++)
        fill_types(work, i, &all[work->types_line[i]]);
    for (size_t i = 0; i < work->variant_count; i++) {
        const struct variant *variant = &work->variants[i];
        fill_types(work, variant->types, &all[variant->line]);
        all[variant->line].flags = variant->flags;
        if (variant->has_wildcard)
            all[variant->line].wildcard =
                variant->wildcard == CONTENT_NONE ? empty : work->types_line[variant->wildcard];
    }
    if (work->variant_count) {
        all[empty].wildcard = IMAGE_NONE;
        qsort(work->variants, work->variant_count, sizeof *work->variants, by_name);
    }
}

/* DS that the zone above has at the apex of this one. */
static uint32_t ds_of(const struct names_work *work, uint32_t index)
{
    const struct content_names *names = work->names;
    const struct content_zone *zone = &names->zones[index];
    if (zone->parent == CONTENT_NONE)
        return IMAGE_NONE;
    uint32_t at = find_name(names, &names->zones[zone->parent], zone->apex);
    if (at == CONTENT_NONE || names->names[at].types == CONTENT_NONE)
        return IMAGE_NONE;
    const struct content_types *types = &names->types[names->names[at].types];
    for (uint32_t i = 0; i < types->count; i++)
        if (types->entries[i].type == RRTYPE_DS)
            return types->entries[i].set;
    return IMAGE_NONE;
}

/* -- lines of names and zones --------------------------------------------------------------------
 */

static void fill_name(struct names_work *work, uint32_t index, uint32_t zone, uint8_t *overflow,
                      uint32_t *overflow_next)
{
    const struct content_name *name = &work->names->names[index];
    struct image_name *table = image_buffer_at(work->buffer, work->header->table.first);
    struct image_name *line = &table[work->position[index]];
    line->length = (uint8_t)name->owner.len;
    line->labels = (uint8_t)name_labels(name->owner);
    if (line->labels > work->header->max_labels)
        work->header->max_labels = line->labels;
    line->zone = zone;
    line->types = types_line_of(work, index);
    line->own = IMAGE_NONE;
    size_t head =
        name->owner.len <= IMAGE_NAME_INLINE_BYTES ? name->owner.len : IMAGE_NAME_HEAD_BYTES;
    for (size_t i = 0; i < name->owner.len; i++) {
        uint8_t byte = name_lower_byte(name->owner.wire[i]);
        if (i < head)
            line->name[i] = byte;
        else
            overflow[(size_t)*overflow_next * IMAGE_LINE_BYTES + i - head] = byte;
    }
    if (head == name->owner.len)
        return;
    memcpy(line->name + IMAGE_NAME_HEAD_BYTES, overflow_next, sizeof *overflow_next);
    *overflow_next +=
        (uint32_t)((name->owner.len - head + IMAGE_LINE_BYTES - 1) / IMAGE_LINE_BYTES);
}

/* One zone's line, names and order. */
static void fill_zone(struct names_work *work, uint32_t index, uint32_t *order_next,
                      uint32_t *overflow_next)
{
    const struct content_zone *zone = &work->names->zones[index];
    struct image_zone *zones = image_buffer_at(work->buffer, work->header->zones.first);
    uint32_t *order = image_buffer_at(work->buffer, work->header->order.first);
    uint8_t *overflow = image_buffer_at(work->buffer, work->header->overflow.first);
    zones[index] = (struct image_zone){
        .slot = zone->slot,
        .negative_set = zone->negative_set,
        .parent = zone->parent == CONTENT_NONE ? IMAGE_NONE : zone->parent,
        .ds_set = ds_of(work, index),
        .order_first = *order_next,
        .apex_length = (uint8_t)zone->apex.len,
        .apex_labels = (uint8_t)name_labels(zone->apex),
    };
    for (uint32_t i = zone->first_name; i < zone->first_name + zone->name_count; i++) {
        if (!content_is_served(&work->names->names[i]))
            continue;
        fill_name(work, i, index, overflow, overflow_next);
        order[(*order_next)++] = work->position[i];
        zones[index].name_count++;
    }
}

static bool check_no_twins(const struct names_work *work, struct error *err)
{
    /* Within a zone names are sorted, so twins are neighbours; between zones the longest match
     * decides where a name goes, so it is in one only. */
    for (uint32_t z = 0; z < work->names->zone_count; z++) {
        const struct content_zone *zone = &work->names->zones[z];
        for (uint32_t i = 1; i < zone->name_count; i++) {
            const struct content_name *name = &work->names->names[zone->first_name + i];
            int order = name_compare(name[-1].owner, name->owner);
            bool is_glue_at_cut = order == 0 && is_glue(name) && !is_glue(&name[-1]);
            if (order > 0 || (order == 0 && !is_glue_at_cut))
                return error_set(err, ERROR_INVALID,
                                 "the names of zone %u are not in canonical order; this is a "
                                 "defect, please report it",
                                 z);
        }
    }
    return true;
}

static bool names_work_run(struct names_work *work, struct error *err)
{
    const struct content_names *names = work->names;
    struct image_names_header *h = work->header;
    image_buffer_add(work->buffer, sizeof *h);
    if (!check_no_twins(work, err) || !build_table(work, err))
        return false;
    h->overflow = (struct image_section){
        image_buffer_add(work->buffer, (size_t)work->overflow_lines * IMAGE_LINE_BYTES),
        work->overflow_lines};
    h->zones = (struct image_section){
        image_buffer_add(work->buffer, sizeof(struct image_zone) * names->zone_count),
        names->zone_count};
    add_types(work);
    h->order = (struct image_section){image_buffer_add(work->buffer, sizeof(uint32_t) * work->used),
                                      work->used};
    uint32_t order_next = 0, overflow_next = 0;
    for (uint32_t i = 0; i < names->zone_count; i++)
        fill_zone(work, i, &order_next, &overflow_next);
    return true;
}

/* The header has neither digest nor checksum yet. */
static void seal(struct image_buffer *buffer, struct image_names_header *header,
                 struct digest *digest)
{
    header->file_bytes = buffer->len;
    memcpy(buffer->ptr, header, sizeof *header);
    *digest = digest_of((struct bytes){buffer->ptr, buffer->len});
    memcpy(header->digest, digest->byte, sizeof header->digest);
    image_buffer_seal(buffer, header, sizeof *header);
}

bool image_build_names(const struct content_names *names, struct image_buffer *buffer,
                       struct digest *digest, struct error *err)
{
    struct image_names_header header = {
        .magic = IMAGE_NAMES_MAGIC,
        .version = IMAGE_VERSION,
        .header_bytes = sizeof header,
        .sets = names->set_count,
        .slots = names->slot_count,
    };
    struct image_buffer built = {0};
    struct names_work work = {.names = names, .buffer = &built, .header = &header};
    for (uint32_t i = 0; i < names->name_count; i++) {
        size_t len = names->names[i].owner.len;
        work.used += content_is_served(&names->names[i]);
        if (content_is_served(&names->names[i]) && len > IMAGE_NAME_INLINE_BYTES)
            work.overflow_lines +=
                (uint32_t)((len - IMAGE_NAME_HEAD_BYTES + IMAGE_LINE_BYTES - 1) / IMAGE_LINE_BYTES);
    }
    header.names = work.used;
    work.position = calloc(names->name_count + 1u, sizeof *work.position);
    work.types_line = calloc(names->types_count + 1u, sizeof *work.types_line);
    if (!work.position || !work.types_line)
        abort();
    bool done = names_work_run(&work, err);
    if (done) {
        seal(&built, &header, digest);
        *buffer = built;
    } else {
        image_buffer_fini(&built);
    }
    free(work.position);
    free(work.types_line);
    free(work.variants);
    return done;
}

void image_names_set_slots(struct image_buffer *buffer, const struct content_names *names,
                           struct digest *digest)
{
    struct image_names_header header;
    memcpy(&header, buffer->ptr, sizeof header);
    struct image_zone *zones = image_buffer_at(buffer, header.zones.first);
    for (uint32_t i = 0; i < names->zone_count; i++)
        zones[i].slot = names->zones[i].slot;
    header.slots = names->slot_count;
    header.checksum = 0;
    memset(header.digest, 0, sizeof header.digest);
    seal(buffer, &header, digest);
}

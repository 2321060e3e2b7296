/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/image.h"
#include "zones/image_write_build.h"

#include <stdlib.h>
#include <string.h>

enum {
    TABLE_FILL_PERCENT = 60, /* beyond that probe sequences grow fast */
    TABLE_TRIES = 64, /* seeds until every name is within reach; the first nearly always does */
};

struct names_work {
    const struct content_names *names;
    struct image_buffer *buffer;
    struct image_names_header *header; /* apart from the buffer until all is placed */
    uint32_t *position;                /* of each served name in the table */
    uint32_t *types_line;              /* of each type list */
    uint32_t used, overflow_lines;
};

static bool is_served(const struct content_name *name)
{
    return name->kind == CONTENT_NAME;
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
        if (!is_served(&work->names->names[i]))
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
    line->types = name->types == CONTENT_NONE ? IMAGE_NONE : work->types_line[name->types];
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
        .order_first = *order_next,
        .apex_length = (uint8_t)zone->apex.len,
        .apex_labels = (uint8_t)name_labels(zone->apex),
    };
    for (uint32_t i = zone->first_name; i < zone->first_name + zone->name_count; i++) {
        if (!is_served(&work->names->names[i]))
            continue;
        fill_name(work, i, index, overflow, overflow_next);
        order[(*order_next)++] = work->position[i];
        zones[index].name_count++;
    }
}

static void add_types(struct names_work *work)
{
    const struct content_names *names = work->names;
    uint32_t lines = 0;
    for (uint32_t i = 0; i < names->types_count; i++) {
        work->types_line[i] = lines;
        lines += (names->types[i].count + IMAGE_TYPES_PER_LINE - 1) / IMAGE_TYPES_PER_LINE;
    }
    work->header->types = (struct image_section){
        .first = image_buffer_add(work->buffer, sizeof(struct image_types) * lines),
        .count = lines};
    struct image_types *all = image_buffer_at(work->buffer, work->header->types.first);
    for (uint32_t i = 0; i < names->types_count; i++) {
        const struct content_types *types = &names->types[i];
        struct image_types *line = &all[work->types_line[i]];
        for (uint32_t j = 0; j < types->count; j++) {
            if (j && j % IMAGE_TYPES_PER_LINE == 0)
                line++;
            line->count = types->count - (j - j % IMAGE_TYPES_PER_LINE);
            line->entry[j % IMAGE_TYPES_PER_LINE] =
                (struct image_type){.type = types->entries[j].type, .set = types->entries[j].set};
        }
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
            if (name_compare(name[-1].owner, name->owner) >= 0)
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
        work.used += is_served(&names->names[i]);
        if (is_served(&names->names[i]) && len > IMAGE_NAME_INLINE_BYTES)
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
        header.file_bytes = built.len;
        memcpy(built.ptr, &header, sizeof header);
        *digest = digest_of((struct bytes){built.ptr, built.len});
        memcpy(header.digest, digest->byte, sizeof header.digest);
        image_buffer_seal(&built, &header, sizeof header);
        *buffer = built;
    } else {
        image_buffer_fini(&built);
    }
    free(work.position);
    free(work.types_line);
    return done;
}

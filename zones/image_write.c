/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/image_write.h"

#include "zones/compile.h"
#include "zones/image.h"
#include "zones/set_orders.h"

#include <stdlib.h>
#include <string.h>

enum {
    TABLE_FILL_PERCENT = 60, /* beyond that probe sequences grow fast */
    TABLE_TRIES = 64, /* seeds until every name is within reach; the first nearly always does */
    MAP_SPARE_PERCENT = 50, /* room that a kernel map gets beyond today's sets */
};

void image_buffer_fini(struct image_buffer *buffer)
{
    if (buffer) {
        free(buffer->ptr);
        *buffer = (struct image_buffer){0};
    }
}

/* -- a file under construction: lines appended at the end ---------------------------------------
 */

/* What a buffer of that length has room for: it doubles, so that many small lines cost few copies.
 * A line more than asked for, since readers may look 8 bytes ahead. */
static size_t capacity_of(size_t len)
{
    size_t capacity = 16 * (size_t)IMAGE_LINE_BYTES;
    while (capacity < len + IMAGE_LINE_BYTES)
        capacity *= 2;
    return capacity;
}

/* Adds `size` zeroed bytes, rounded up to lines; returns their line. */
static uint32_t add_lines(struct image_buffer *buffer, size_t size)
{
    size_t lines = (size + IMAGE_LINE_BYTES - 1) / IMAGE_LINE_BYTES;
    size_t first = buffer->len / IMAGE_LINE_BYTES;
    if (lines > UINT32_MAX - first)
        abort(); /* 256 GiB: input is bounded long before */
    size_t len = buffer->len + lines * IMAGE_LINE_BYTES;
    if (!buffer->ptr || capacity_of(len) > capacity_of(buffer->len)) {
        uint8_t *grown = NULL;
        if (posix_memalign((void **)&grown, IMAGE_LINE_BYTES, capacity_of(len)) != 0)
            abort();
        if (buffer->len)
            memcpy(grown, buffer->ptr, buffer->len);
        free(buffer->ptr);
        buffer->ptr = grown;
    }
    memset(buffer->ptr + buffer->len, 0, len - buffer->len);
    buffer->len = len;
    return (uint32_t)first;
}

static void *line_at(const struct image_buffer *buffer, uint32_t line)
{
    return buffer->ptr + (size_t)line * IMAGE_LINE_BYTES;
}

/* -- names --------------------------------------------------------------------------------------
 */

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
            work->header->table.first = add_lines(work->buffer, sizeof *table * count);
            memcpy(line_at(work->buffer, work->header->table.first), table, sizeof *table * count);
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
    struct image_name *table = line_at(work->buffer, work->header->table.first);
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
    struct image_zone *zones = line_at(work->buffer, work->header->zones.first);
    uint32_t *order = line_at(work->buffer, work->header->order.first);
    uint8_t *overflow = line_at(work->buffer, work->header->overflow.first);
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
        .first = add_lines(work->buffer, sizeof(struct image_types) * lines), .count = lines};
    struct image_types *all = line_at(work->buffer, work->header->types.first);
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

/* Puts size, checksum and, for names, the digest into the header at the start of the file. */
static void seal(struct image_buffer *buffer, void *header, size_t header_bytes)
{
    uint64_t sum = 0, size = buffer->len;
    memcpy((uint8_t *)header + offsetof(struct image_names_header, file_bytes), &size, sizeof size);
    memcpy(buffer->ptr, header, header_bytes);
    sum = image_checksum(buffer->ptr, header_bytes, 0);
    sum = image_checksum(buffer->ptr + header_bytes, buffer->len - header_bytes, sum);
    memcpy(buffer->ptr + offsetof(struct image_names_header, checksum), &sum, sizeof sum);
}

static bool names_work_run(struct names_work *work, struct error *err)
{
    const struct content_names *names = work->names;
    struct image_names_header *h = work->header;
    add_lines(work->buffer, sizeof *h);
    if (!check_no_twins(work, err) || !build_table(work, err))
        return false;
    h->overflow = (struct image_section){
        add_lines(work->buffer, (size_t)work->overflow_lines * IMAGE_LINE_BYTES),
        work->overflow_lines};
    h->zones = (struct image_section){
        add_lines(work->buffer, sizeof(struct image_zone) * names->zone_count), names->zone_count};
    add_types(work);
    h->order =
        (struct image_section){add_lines(work->buffer, sizeof(uint32_t) * work->used), work->used};
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
        seal(&built, &header, sizeof header);
        *buffer = built;
    } else {
        image_buffer_fini(&built);
    }
    free(work.position);
    free(work.types_line);
    return done;
}

/* -- answers ------------------------------------------------------------------------------------
 */

/* How many of the cuts a record holds: within its body, and within its patch places. */
static uint32_t cuts_that_fit(const struct compiled *compiled)
{
    uint32_t count = 0;
    while (count < compiled->cut_count && compiled->cuts[count].length <= IMAGE_BODY_BYTES &&
           compiled->cuts[count].body_places + compiled->apex_place_count <= IMAGE_MAX_PATCHES)
        count++;
    return count;
}

/* Writes at most IMAGE_MAX_CUTS of `count` cuts, evenly, the last one always. */
static void fill_cuts(struct image_answer *answer, const struct compiled *compiled, uint32_t count)
{
    uint32_t kept = count < IMAGE_MAX_CUTS ? count : IMAGE_MAX_CUTS;
    for (uint32_t i = 0; i < kept; i++) {
        const struct compiled_cut *cut = &compiled->cuts[(i + 1) * count / kept - 1];
        answer->cut[i] = (struct image_cut){(uint16_t)cut->length, cut->arcount};
    }
    answer->cut_count = (uint8_t)kept;
}

static void fill_patches(struct image_answer *answer, const struct compiled *compiled,
                         uint32_t body_places)
{
    for (uint32_t i = 0; i < body_places; i++) {
        answer->patch[i] = compiled->body_places[i];
        answer->body_odd = (uint8_t)(answer->body_odd + (answer->patch[i] & 1));
    }
    answer->body_patches = (uint8_t)body_places;
    for (uint32_t i = 0; i < compiled->apex_place_count; i++) {
        answer->patch[body_places + i] = compiled->apex_places[i];
        answer->apex_odd = (uint8_t)(answer->apex_odd + (compiled->apex_places[i] & 1));
    }
    answer->apex_patches = (uint8_t)compiled->apex_place_count;
}

/* The record of one answer; whatever it cannot hold is left to its long body. True when it holds
 * everything. */
static bool fill_answer(struct image_answer *answer, const struct compiled *compiled)
{
    bool fits = compiled->required_length <= IMAGE_BODY_BYTES &&
                compiled->required_body_places + compiled->apex_place_count <= IMAGE_MAX_PATCHES;
    answer->long_line = IMAGE_NONE;
    /* What does not fit here cannot be sent by UDP at all; the length says so to the reader. */
    answer->required_length = (uint16_t)(fits ? compiled->required_length : IMAGE_STREAM_MAX_BYTES);
    answer->rendered_for = compiled->rendered_for;
    answer->serial_at = IMAGE_NO_PLACE;
    if (!fits)
        return false;
    uint32_t cuts = cuts_that_fit(compiled);
    const struct compiled_cut *last = cuts ? &compiled->cuts[cuts - 1] : NULL;
    answer->body_length = (uint16_t)(last ? last->length : compiled->required_length);
    answer->ancount = compiled->ancount;
    answer->nscount = compiled->nscount;
    answer->arcount = last ? last->arcount : 0;
    answer->serial_at = compiled->serial_at;
    fill_cuts(answer, compiled, cuts);
    fill_patches(answer, compiled, last ? last->body_places : compiled->required_body_places);
    memcpy(answer->body, compiled->body.ptr, answer->body_length);
    answer->sum = image_sum(answer->body, answer->body_length);
    return answer->body_length == compiled->body.len;
}

/* Appends the whole answer to the longs under construction; returns its line there. */
static uint32_t add_long(struct image_buffer *longs, const struct compiled *compiled)
{
    const struct compiled_cut *last =
        compiled->cut_count ? &compiled->cuts[compiled->cut_count - 1] : NULL;
    struct image_long whole = {
        .length = (uint32_t)compiled->body.len,
        .ancount = compiled->ancount,
        .nscount = compiled->nscount,
        .arcount = last ? last->arcount : 0,
        .rendered_for = compiled->rendered_for,
        .serial_at = compiled->serial_at,
        .body_patches = last ? last->body_places : compiled->required_body_places,
        .apex_patches = compiled->apex_place_count,
    };
    size_t body_bytes = sizeof(uint16_t) * whole.body_patches;
    size_t apex_bytes = sizeof(uint16_t) * whole.apex_patches;
    uint32_t line = add_lines(longs, sizeof whole + body_bytes + apex_bytes + whole.length);
    uint8_t *at = line_at(longs, line);
    memcpy(at, &whole, sizeof whole);
    at += sizeof whole;
    if (body_bytes)
        memcpy(at, compiled->body_places, body_bytes);
    if (apex_bytes)
        memcpy(at + body_bytes, compiled->apex_places, apex_bytes);
    memcpy(at + body_bytes + apex_bytes, compiled->body.ptr, whole.length);
    return line;
}

struct answers_work {
    const struct content_sets *sets;
    struct set_orders orders;
    struct image_set *image_sets;
    struct image_buffer answers, longs;
    uint32_t answer_count;
};

/* Appends the answer of set `index` that `set`, one of its orders, makes. */
static bool add_answer(struct answers_work *work, uint32_t index, const struct content_set *set,
                       struct error *err)
{
    struct arena scratch = {0};
    struct compiled compiled;
    bool done = compile_set(&scratch, work->sets, set, &compiled, err);
    if (done) {
        uint32_t line = add_lines(&work->answers, sizeof(struct image_answer));
        struct image_answer *answer = line_at(&work->answers, line);
        answer->set = index;
        if (!fill_answer(answer, &compiled))
            answer->long_line = add_long(&work->longs, &compiled);
        work->image_sets[index].answer_count++;
        work->answer_count++;
    }
    arena_fini(&scratch);
    return done;
}

/* One answer, or one for each order. */
static bool add_answers(struct answers_work *work, uint32_t index, struct error *err)
{
    const struct content_set *set = &work->sets->sets[index];
    struct arena scratch = {0};
    bool done = true;
    if (set->count == 0)
        return true;
    if (!set_orders_has(set))
        return add_answer(work, index, set, err);
    struct orders_choice choice = set_orders_choose(&work->orders, set, &scratch);
    const struct content_set *ordered = set_orders_make(set, choice.count, &scratch);
    for (uint32_t i = 0; done && i < choice.count; i++)
        done = add_answer(work, index, &ordered[i], err);
    arena_fini(&scratch);
    return done;
}

static bool build_sets(struct answers_work *work, struct error *err)
{
    for (uint32_t i = 0; i < work->sets->count; i++) {
        const struct content_set *set = &work->sets->sets[i];
        work->image_sets[i] = (struct image_set){
            .answer_first = work->answer_count, .ttl_s = set->ttl_s, .type = set->type};
        if (!add_answers(work, i, err))
            return false;
    }
    return true;
}

static uint32_t with_spare(uint32_t count)
{
    return count + count / 100 * MAP_SPARE_PERCENT + MAP_SPARE_PERCENT;
}

/* Appends a section of `size` bytes and returns it. */
static struct image_section add_section(struct image_buffer *buffer, const void *bytes, size_t size,
                                        uint32_t count)
{
    struct image_section section = {.first = add_lines(buffer, size), .count = count};
    if (size)
        memcpy(line_at(buffer, section.first), bytes, size);
    return section;
}

bool image_build_answers(const struct content_sets *sets, const uint32_t *serials,
                         uint32_t slot_count, const struct digest *names_digest,
                         uint64_t generation, struct image_buffer *buffer, struct error *err)
{
    struct answers_work work = {
        .sets = sets,
        .orders = set_orders_over(sets),
        .image_sets = calloc(sets->count + 1u, sizeof *work.image_sets),
    };
    if (!work.image_sets)
        abort();
    bool done = build_sets(&work, err);
    if (done) {
        struct image_answers_header header = {
            .magic = IMAGE_ANSWERS_MAGIC,
            .version = IMAGE_VERSION,
            .header_bytes = sizeof header,
            .generation = generation,
            .sets_capacity = with_spare(sets->count),
            .answers_capacity = with_spare(work.answer_count),
        };
        struct image_buffer built = {0};
        memcpy(header.names_digest, names_digest->byte, sizeof header.names_digest);
        add_lines(&built, sizeof header);
        header.slots = add_section(&built, serials, sizeof *serials * slot_count, slot_count);
        header.sets = add_section(&built, work.image_sets, sizeof *work.image_sets * sets->count,
                                  sets->count);
        header.answers = add_section(&built, work.answers.ptr, work.answers.len, work.answer_count);
        header.longs = add_section(&built, work.longs.ptr, work.longs.len,
                                   (uint32_t)(work.longs.len / IMAGE_LINE_BYTES));
        seal(&built, &header, sizeof header);
        *buffer = built;
    }
    free(work.image_sets);
    image_buffer_fini(&work.answers);
    image_buffer_fini(&work.longs);
    return done;
}

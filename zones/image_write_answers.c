/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/compile.h"
#include "zones/image_write_build.h"
#include "zones/set_orders.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAP_SPARE_PERCENT = 50, /* room that a kernel map gets beyond today's sets */
};

/* How many of the cuts a record holds: within its body, and within its patch places. */
static uint32_t cuts_that_fit(const struct compiled *compiled)
{
    uint32_t count = 0;
    while (count < compiled->cut_count && compiled->cuts[count].length <= IMAGE_BODY_BYTES &&
           compiled->cuts[count].body_places + compiled->cuts[count].apex_places <=
               IMAGE_MAX_PATCHES)
        count++;
    return count;
}

/* What is written up to there: behind so many cuts, or behind the required part. */
static struct compiled_cut end_of(const struct compiled *compiled, uint32_t cuts)
{
    if (cuts)
        return compiled->cuts[cuts - 1];
    return (struct compiled_cut){.length = compiled->required_length,
                                 .arcount = compiled->required_arcount,
                                 .body_places = compiled->required_body_places,
                                 .apex_places = compiled->required_apex_places};
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
                         const struct compiled_cut *end)
{
    for (uint32_t i = 0; i < end->body_places; i++) {
        answer->patch[i] = compiled->body_places[i];
        answer->body_odd = (uint8_t)(answer->body_odd + (answer->patch[i] & 1));
    }
    answer->body_patches = (uint8_t)end->body_places;
    for (uint32_t i = 0; i < end->apex_places; i++) {
        answer->patch[end->body_places + i] = compiled->apex_places[i];
        answer->apex_odd = (uint8_t)(answer->apex_odd + (compiled->apex_places[i] & 1));
    }
    answer->apex_patches = (uint8_t)end->apex_places;
}

/* The record of one answer; whatever it cannot hold is left to its long body. True when it holds
 * everything. */
static bool fill_answer(struct image_answer *answer, const struct compiled *compiled)
{
    bool fits =
        compiled->required_length <= IMAGE_BODY_BYTES &&
        compiled->required_body_places + compiled->required_apex_places <= IMAGE_MAX_PATCHES;
    answer->long_line = IMAGE_NONE;
    /* What does not fit here cannot be sent by UDP at all; the length says so to the reader. */
    answer->required_length = (uint16_t)(fits ? compiled->required_length : IMAGE_STREAM_MAX_BYTES);
    answer->rendered_for = compiled->rendered_for;
    answer->serial_at = IMAGE_NO_PLACE;
    if (!fits)
        return false;
    uint32_t cuts = cuts_that_fit(compiled);
    struct compiled_cut end = end_of(compiled, cuts);
    answer->body_length = (uint16_t)end.length;
    answer->ancount = compiled->ancount;
    answer->nscount = compiled->nscount;
    answer->required_arcount = compiled->required_arcount;
    answer->arcount = end.arcount;
    answer->serial_at = compiled->serial_at;
    fill_cuts(answer, compiled, cuts);
    fill_patches(answer, compiled, &end);
    memcpy(answer->body, compiled->body.ptr, answer->body_length);
    answer->sum = image_sum(answer->body, answer->body_length);
    return answer->body_length == compiled->body.len;
}

/* Appends the whole answer to the longs under construction; returns its line there. */
static uint32_t add_long(struct image_buffer *longs, const struct compiled *compiled)
{
    struct compiled_cut end = end_of(compiled, compiled->cut_count);
    struct image_long whole = {
        .length = (uint32_t)compiled->body.len,
        .ancount = compiled->ancount,
        .nscount = compiled->nscount,
        .arcount = end.arcount,
        .rendered_for = compiled->rendered_for,
        .serial_at = compiled->serial_at,
        .body_patches = end.body_places,
        .apex_patches = end.apex_places,
    };
    size_t body_bytes = sizeof(uint16_t) * whole.body_patches;
    size_t apex_bytes = sizeof(uint16_t) * whole.apex_patches;
    uint32_t line = image_buffer_add(longs, sizeof whole + body_bytes + apex_bytes + whole.length);
    uint8_t *at = image_buffer_at(longs, line);
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
        uint32_t line = image_buffer_add(&work->answers, sizeof(struct image_answer));
        struct image_answer *answer = image_buffer_at(&work->answers, line);
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
static bool add_answers(struct answers_work *work, uint32_t index, const struct content_set *set,
                        struct error *err)
{
    struct arena scratch = {0};
    bool done = true;
    if (set->count == 0 && set->chain_count == 0)
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
        const struct content_set set = content_whole(work->sets, i);
        uint32_t tail = content_tail(work->sets, i);
        work->image_sets[i] = (struct image_set){
            .answer_first = work->answer_count,
            .ttl_s = set.ttl_s,
            .type = set.type,
            .flags = set.chain_count && set.is_nxdomain ? IMAGE_SET_NXDOMAIN : 0,
            .shown = tail == CONTENT_NONE ? i : tail,
        };
        if (!add_answers(work, i, &set, err))
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
    struct image_section section = {.first = image_buffer_add(buffer, size), .count = count};
    if (size)
        memcpy(image_buffer_at(buffer, section.first), bytes, size);
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
        image_buffer_add(&built, sizeof header);
        header.slots = add_section(&built, serials, sizeof *serials * slot_count, slot_count);
        header.sets = add_section(&built, work.image_sets, sizeof *work.image_sets * sets->count,
                                  sets->count);
        header.answers = add_section(&built, work.answers.ptr, work.answers.len, work.answer_count);
        header.longs = add_section(&built, work.longs.ptr, work.longs.len,
                                   (uint32_t)(work.longs.len / IMAGE_LINE_BYTES));
        image_buffer_seal(&built, &header, sizeof header);
        *buffer = built;
    }
    free(work.image_sets);
    image_buffer_fini(&work.answers);
    image_buffer_fini(&work.longs);
    return done;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/image.h"

#include "zones/rrtype.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "images are little-endian: this machine would need a byte-swapping reader"
#endif

uint64_t image_checksum(const uint8_t *bytes, size_t len, uint64_t seed)
{
    uint64_t lane[4] = {seed, seed ^ 1, seed ^ 2, seed ^ 3};
    for (size_t at = 0; at + 32 <= len; at += 32)
        for (size_t i = 0; i < 4; i++) {
            uint64_t mixed =
                (lane[i] ^ image_load_word(bytes + at + 8 * i)) * IMAGE_HASH_MULTIPLIER;
            lane[i] = mixed << 31 | mixed >> 33;
        }
    uint64_t sum = len;
    for (size_t i = 0; i < 4; i++)
        sum = (sum ^ lane[i]) * IMAGE_HASH_MULTIPLIER;
    return sum ^ sum >> 32;
}

const char *image_names_file(const uint8_t digest[32], char name[static IMAGE_FILE_NAME_SIZE])
{
    size_t at = (size_t)snprintf(name, IMAGE_FILE_NAME_SIZE, "names-");
    for (size_t i = 0; i < 16; i++)
        at += (size_t)snprintf(name + at, IMAGE_FILE_NAME_SIZE - at, "%02x", digest[i]);
    snprintf(name + at, IMAGE_FILE_NAME_SIZE - at, ".img");
    return name;
}

/* Beside a mapped names file: how many images share it, and what each of their answers files must
 * have. Found once, so that a new generation does not look at every zone again. */
struct image_names_use {
    unsigned images;
    uint32_t needed_count;
    uint32_t needed[]; /* sets that must have an answer; each once */
};

/* -- checking ---------------------------------------------------------------------------------- */

struct start { /* what both headers begin with */
    char magic[8];
    uint32_t version, header_bytes;
    uint64_t file_bytes, checksum;
};

/* The checksum of a file whose header is `header_bytes` long, as if its checksum field were 0. */
static uint64_t checksum_without_itself(const struct mapping *file, size_t header_bytes)
{
    uint8_t header[sizeof(struct image_names_header)];
    memcpy(header, file->ptr, header_bytes);
    memset(header + offsetof(struct start, checksum), 0, sizeof(uint64_t));
    uint64_t sum = image_checksum(header, header_bytes, 0);
    return image_checksum(file->ptr + header_bytes, file->len - header_bytes, sum);
}

static bool check_start(const struct mapping *file, const char *magic, size_t header_bytes,
                        const char *name, struct error *err)
{
    struct start start;
    if (file->len < header_bytes)
        return error_set(err, ERROR_INVALID, "%s: too short for an image", name);
    memcpy(&start, file->ptr, sizeof start);
    if (memcmp(start.magic, magic, sizeof start.magic) != 0)
        return error_set(err, ERROR_INVALID, "%s: not an srvplan image (wrong magic)", name);
    if (start.version != IMAGE_VERSION || start.header_bytes != header_bytes)
        return error_set(err, ERROR_INVALID,
                         "%s: image version %u, this program reads version %u; let srvpland of "
                         "this release write it anew",
                         name, start.version, IMAGE_VERSION);
    if (start.file_bytes != file->len || file->len % IMAGE_LINE_BYTES != 0)
        return error_set(err, ERROR_INVALID,
                         "%s: truncated: %zu bytes here, %llu when it was written", name, file->len,
                         (unsigned long long)start.file_bytes);
    if (start.checksum != checksum_without_itself(file, header_bytes))
        return error_set(err, ERROR_INVALID, "%s: damaged: its checksum does not match", name);
    return true;
}

/* A section of `count` elements of `size` bytes within the file; *ptr is its start. */
static bool find_section(const struct mapping *file, struct image_section section, size_t size,
                         const void **ptr)
{
    uint64_t first = (uint64_t)section.first * IMAGE_LINE_BYTES;
    if (first > file->len || (uint64_t)section.count * size > file->len - first)
        return false;
    *ptr = file->ptr + first;
    return true;
}

static bool is_index_or_none(uint32_t index, uint32_t count)
{
    return index == IMAGE_NONE || index < count;
}

static uint32_t overflow_index(const struct image_name *name)
{
    uint32_t index;
    memcpy(&index, name->name + IMAGE_NAME_HEAD_BYTES, sizeof index);
    return index;
}

static bool check_name(const struct image_names_header *h, const struct image_name *name)
{
    if (name->tag == 0)
        return true;
    if (name->length == 0 || name->zone >= h->zones.count ||
        !is_index_or_none(name->types, h->types.count) || name->labels > h->max_labels)
        return false;
    if (name->length <= IMAGE_NAME_INLINE_BYTES)
        return true;
    uint64_t rest = name->length - (uint64_t)IMAGE_NAME_HEAD_BYTES;
    uint64_t end = (uint64_t)overflow_index(name) * IMAGE_LINE_BYTES + rest;
    return end <= (uint64_t)h->overflow.count * IMAGE_LINE_BYTES;
}

static bool check_zone(const struct image_names_header *h, const struct image_zone *zone)
{
    return zone->slot < h->slots && zone->negative_set < h->sets && zone->apex_length >= 1 &&
           is_index_or_none(zone->parent, h->zones.count) &&
           is_index_or_none(zone->ds_set, h->sets) && zone->order_first <= h->order.count &&
           zone->name_count <= h->order.count - zone->order_first;
}

/* The NS set of a cut's list, which lies within the section, or IMAGE_NONE. */
static uint32_t referral_set(const struct image_types *types)
{
    for (uint32_t i = 0, count = types->count; i < count; i++) {
        const struct image_type *entry =
            &types[i / IMAGE_TYPES_PER_LINE].entry[i % IMAGE_TYPES_PER_LINE];
        if (entry->type == RRTYPE_NS)
            return entry->set;
    }
    return IMAGE_NONE;
}

/* One line of types: its list must lie within the section, and name sets and lines that exist. */
static bool check_types_line(const struct image *image, uint32_t line)
{
    const struct image_names_header *h = image->names_header;
    const struct image_types *types = &image->types[line];
    uint64_t lines = ((uint64_t)types->count + IMAGE_TYPES_PER_LINE - 1) / IMAGE_TYPES_PER_LINE;
    if (lines > h->types.count - line || types->flags & ~(unsigned)IMAGE_TYPES_CUT ||
        !is_index_or_none(types->wildcard, h->types.count))
        return false;
    for (uint32_t i = 0; i < IMAGE_TYPES_PER_LINE;
         i++) /* a list may go on in lines that say less */
        if (types->entry[i].set >= h->sets)
            return false;
    if (!(types->flags & IMAGE_TYPES_CUT))
        return true;
    return referral_set(types) < h->sets;
}

static bool check_types(const struct image *image)
{
    for (uint32_t line = 0; line < image->names_header->types.count; line++)
        if (!check_types_line(image, line))
            return false;
    return true;
}

static bool check_names(struct image *image)
{
    const struct image_names_header *h = image->names_header;
    const struct mapping *file = &image->names_file;
    if (h->table.count <= IMAGE_MAX_PROBES || h->max_probes > IMAGE_MAX_PROBES ||
        !find_section(file, h->table, sizeof *image->table, (const void **)&image->table) ||
        !find_section(file, h->overflow, IMAGE_LINE_BYTES, (const void **)&image->overflow) ||
        !find_section(file, h->zones, sizeof *image->zones, (const void **)&image->zones) ||
        !find_section(file, h->types, sizeof *image->types, (const void **)&image->types) ||
        !find_section(file, h->order, sizeof *image->order, (const void **)&image->order))
        return false;
    for (uint32_t i = 0; i < h->table.count; i++)
        if (!check_name(h, &image->table[i]))
            return false;
    for (uint32_t i = 0; i < h->zones.count; i++)
        if (!check_zone(h, &image->zones[i]))
            return false;
    for (uint32_t i = 0; i < h->order.count; i++)
        if (image->order[i] >= h->table.count)
            return false;
    return check_types(image);
}

static bool check_cuts(const struct image_answer *answer)
{
    uint32_t least = answer->required_length, arcount = answer->required_arcount;
    if (answer->cut_count > IMAGE_MAX_CUTS)
        return false;
    for (uint32_t i = 0; i < answer->cut_count; i++) {
        if (answer->cut[i].length < least || answer->cut[i].length > answer->body_length ||
            answer->cut[i].arcount < arcount)
            return false;
        least = answer->cut[i].length;
        arcount = answer->cut[i].arcount;
    }
    return true;
}

static bool check_long(const struct image *image, const struct image_answer *answer)
{
    const struct image_answers_header *h = image->answers_header;
    if (answer->long_line == IMAGE_NONE)
        return answer->required_length <= answer->body_length;
    uint64_t at = (uint64_t)answer->long_line * IMAGE_LINE_BYTES;
    uint64_t size = (uint64_t)h->longs.count * IMAGE_LINE_BYTES;
    struct image_long whole;
    if (at + sizeof whole > size)
        return false;
    memcpy(&whole, image->longs + at, sizeof whole);
    uint64_t places = (uint64_t)whole.body_patches + whole.apex_patches;
    if (at + sizeof whole + 2 * places + whole.length > size ||
        whole.length > IMAGE_STREAM_MAX_BYTES)
        return false;
    for (uint64_t i = 0; i < places; i++) {
        uint16_t place;
        memcpy(&place, image->longs + at + sizeof whole + 2 * i, sizeof place);
        if (place + 2u > whole.length)
            return false;
    }
    return whole.serial_at == IMAGE_NO_PLACE || whole.serial_at + 4u <= whole.length;
}

static bool check_answer(const struct image *image, const struct image_answer *answer)
{
    const struct image_answers_header *h = image->answers_header;
    uint32_t patches = (uint32_t)answer->body_patches + answer->apex_patches;
    if (answer->set >= h->sets.count || answer->body_length > IMAGE_BODY_BYTES ||
        patches > IMAGE_MAX_PATCHES ||
        (answer->serial_at != IMAGE_NO_PLACE && answer->serial_at + 4u > answer->body_length))
        return false;
    for (uint32_t i = 0; i < patches; i++)
        if (answer->patch[i] + 2u > answer->body_length)
            return false;
    return answer->sum == image_sum(answer->body, answer->body_length) && check_cuts(answer) &&
           check_long(image, answer);
}

static bool check_answers(struct image *image)
{
    const struct image_answers_header *h = image->answers_header;
    const struct mapping *file = &image->answers_file;
    if (!find_section(file, h->slots, sizeof *image->slots, (const void **)&image->slots) ||
        !find_section(file, h->sets, sizeof *image->sets, (const void **)&image->sets) ||
        !find_section(file, h->answers, sizeof *image->answers, (const void **)&image->answers) ||
        !find_section(file, h->longs, IMAGE_LINE_BYTES, (const void **)&image->longs))
        return false;
    for (uint32_t i = 0; i < h->sets.count; i++) {
        const struct image_set *set = &image->sets[i];
        if (set->answer_count && (set->answer_first >= h->answers.count ||
                                  set->answer_count > h->answers.count - set->answer_first))
            return false;
        if (set->flags & ~(unsigned)IMAGE_SET_NXDOMAIN || set->shown >= h->sets.count)
            return false;
    }
    for (uint32_t i = 0; i < h->answers.count; i++)
        if (!check_answer(image, &image->answers[i]))
            return false;
    return true;
}

static bool check_pair(const struct image *image, struct error *err)
{
    const struct image_names_header *names = image->names_header;
    const struct image_answers_header *answers = image->answers_header;
    if (memcmp(names->digest, answers->names_digest, sizeof names->digest) != 0)
        return error_set(err, ERROR_INVALID,
                         "%s belongs to another names file; let srvpland publish again",
                         IMAGE_ANSWERS_FILE);
    if (names->sets != answers->sets.count || names->slots != answers->slots.count)
        return error_set(err, ERROR_INVALID, "%s: damaged: its sets do not match its names file",
                         IMAGE_ANSWERS_FILE);
    for (uint32_t i = 0; i < image->names_use->needed_count; i++)
        if (image->sets[image->names_use->needed[i]].answer_count == 0)
            return error_set(err, ERROR_INVALID,
                             "%s: damaged: a zone has no negative answer, or a delegation no "
                             "referral",
                             IMAGE_ANSWERS_FILE);
    return true;
}

/* Notes that a set must have an answer, once. */
static void names_use_note(struct image_names_use *use, uint32_t set, bool *is_noted)
{
    if (!is_noted[set])
        use->needed[use->needed_count++] = set;
    is_noted[set] = true;
}

/* The negative sets of all zones and the referrals of all cuts; NULL: no memory. */
static struct image_names_use *names_use_new(const struct image *image)
{
    const struct image_names_header *h = image->names_header;
    uint64_t most = (uint64_t)h->zones.count + h->types.count;
    size_t room = most < h->sets ? (size_t)most : h->sets;
    struct image_names_use *use = malloc(sizeof *use + room * sizeof *use->needed);
    bool *is_noted = calloc(h->sets + (size_t)1, sizeof *is_noted);
    if (use && is_noted) {
        *use = (struct image_names_use){.images = 1};
        for (uint32_t i = 0; i < h->zones.count; i++)
            names_use_note(use, image->zones[i].negative_set, is_noted);
        for (uint32_t i = 0; i < h->types.count; i++)
            if (image->types[i].flags & IMAGE_TYPES_CUT)
                names_use_note(use, referral_set(&image->types[i]), is_noted);
    } else {
        free(use);
        use = NULL;
    }
    free(is_noted);
    return use;
}

/* Maps and checks the names file of `fd`. */
static bool open_names(struct image *image, int fd, struct error *err)
{
    if (!mapping_open(&image->names_file, fd, "names.img", err) ||
        !check_start(&image->names_file, IMAGE_NAMES_MAGIC, sizeof *image->names_header,
                     "names.img", err))
        return false;
    image->names_header = (const void *)image->names_file.ptr;
    if (!check_names(image))
        return error_set(err, ERROR_INVALID, "names.img: damaged: an index points outside");
    image->names_use = names_use_new(image);
    return image->names_use || error_set(err, ERROR_SYSTEM, "names.img: no memory; free some");
}

static void share_names(struct image *image, const struct image *current)
{
    image->names_file = current->names_file;
    image->names_use = current->names_use;
    image->names_header = current->names_header;
    image->table = current->table;
    image->overflow = current->overflow;
    image->zones = current->zones;
    image->types = current->types;
    image->order = current->order;
    image->names_use->images++;
}

static bool open_answers(struct image *image, int fd, struct error *err)
{
    if (!mapping_open(&image->answers_file, fd, IMAGE_ANSWERS_FILE, err) ||
        !check_start(&image->answers_file, IMAGE_ANSWERS_MAGIC, sizeof *image->answers_header,
                     IMAGE_ANSWERS_FILE, err))
        return false;
    image->answers_header = (const void *)image->answers_file.ptr;
    return check_answers(image) ||
           error_set(err, ERROR_INVALID, "%s: damaged: an index points outside",
                     IMAGE_ANSWERS_FILE);
}

bool image_open_next(struct image *image, const struct image *current, int answers_fd, int names_fd,
                     struct error *err)
{
    struct image opened = {0};
    bool done = open_answers(&opened, answers_fd, err);
    if (done && current && current->names_header &&
        memcmp(current->names_header->digest, opened.answers_header->names_digest,
               sizeof current->names_header->digest) == 0)
        share_names(&opened, current);
    else if (done)
        done = open_names(&opened, names_fd, err);
    done = done && check_pair(&opened, err);
    if (done)
        *image = opened;
    else
        image_close(&opened);
    return done;
}

bool image_open_files(struct image *image, int answers_fd, int names_fd, struct error *err)
{
    return image_open_next(image, NULL, answers_fd, names_fd, err);
}

/* The names file that the answers in `fd` name, into name[]. */
static bool names_file_of(int fd, char name[static IMAGE_FILE_NAME_SIZE], struct error *err)
{
    struct mapping file = {0};
    if (!mapping_open(&file, fd, IMAGE_ANSWERS_FILE, err))
        return false;
    bool done = check_start(&file, IMAGE_ANSWERS_MAGIC, sizeof(struct image_answers_header),
                            IMAGE_ANSWERS_FILE, err);
    if (done)
        image_names_file(
            ((const struct image_answers_header *)(const void *)file.ptr)->names_digest, name);
    mapping_close(&file);
    return done;
}

bool image_open(struct image *image, int directory, const char *where, struct error *err)
{
    char names[IMAGE_FILE_NAME_SIZE] = "";
    bool done = false;
    int names_fd = -1, answers_fd = openat(directory, IMAGE_ANSWERS_FILE, O_RDONLY | O_CLOEXEC);
    if (answers_fd < 0) {
        error_system(err, IMAGE_ANSWERS_FILE, "let srvpland publish once", "cannot open the image");
        goto out;
    }
    if (!names_file_of(answers_fd, names, err))
        goto out;
    names_fd = openat(directory, names, O_RDONLY | O_CLOEXEC);
    if (names_fd < 0)
        error_system(err, names, "let srvpland publish once", "cannot open the image");
    else
        done = image_open_files(image, answers_fd, names_fd, err);
out:
    if (!done)
        error_within(err, "%s", where);
    fd_close(&names_fd);
    fd_close(&answers_fd);
    return done;
}

void image_close(struct image *image)
{
    if (!image)
        return;
    if (!image->names_use || --image->names_use->images == 0) {
        mapping_close(&image->names_file);
        free(image->names_use);
    }
    mapping_close(&image->answers_file);
    *image = (struct image){0};
}

/* -- reading ----------------------------------------------------------------------------------- */

static bool words_equal(const uint8_t *a, const uint8_t *b, unsigned len)
{
    for (unsigned at = 0; at < len; at += 8) {
        uint64_t difference = image_load_word(a + at) ^ image_load_word(b + at);
        if (len - at < 8)
            difference &= (1ull << (8 * (len - at))) - 1;
        if (difference)
            return false;
    }
    return true;
}

static bool is_name(const struct image *image, const struct image_name *line, const uint8_t *lower,
                    unsigned len)
{
    if (line->length != len)
        return false;
    if (len <= IMAGE_NAME_INLINE_BYTES)
        return words_equal(line->name, lower, len);
    const uint8_t *rest = image->overflow + (size_t)overflow_index(line) * IMAGE_LINE_BYTES;
    unsigned rest_len = len - IMAGE_NAME_HEAD_BYTES;
    for (unsigned i = 0; i < IMAGE_NAME_HEAD_BYTES; i++)
        if (line->name[i] != lower[i])
            return false;
    return words_equal(rest, lower + IMAGE_NAME_HEAD_BYTES, rest_len);
}

unsigned image_name_read(const struct image *image, const struct image_name *line,
                         uint8_t wire[static IMAGE_NAME_MAX_BYTES])
{
    unsigned len = line->length;
    if (len <= IMAGE_NAME_INLINE_BYTES) {
        memcpy(wire, line->name, len);
        return len;
    }
    memcpy(wire, line->name, IMAGE_NAME_HEAD_BYTES);
    memcpy(wire + IMAGE_NAME_HEAD_BYTES,
           image->overflow + (size_t)overflow_index(line) * IMAGE_LINE_BYTES,
           len - IMAGE_NAME_HEAD_BYTES);
    return len;
}

const struct image_name *image_find(const struct image *image, const uint8_t *lower, unsigned len,
                                    uint64_t hash)
{
    const struct image_names_header *h = image->names_header;
    const struct image_name *line = image->table + image_home(hash, h->table.count);
    uint16_t tag = image_tag(hash);
    for (uint32_t i = 0; i < h->max_probes && line[i].tag != 0; i++)
        if (line[i].tag == tag && is_name(image, &line[i], lower, len))
            return &line[i];
    return 0;
}

const struct image_set *image_set_at(const struct image *image, uint32_t types, uint16_t type)
{
    if (types == IMAGE_NONE || image->types[types].count == 0)
        return 0;
    const struct image_types *line = &image->types[types];
    const struct image_type *first = &line->entry[0];
    for (uint32_t left = line->count; left > 0; line++) {
        uint32_t here = left < IMAGE_TYPES_PER_LINE ? left : IMAGE_TYPES_PER_LINE;
        for (uint32_t i = 0; i < here; i++)
            if (line->entry[i].type == type)
                return &image->sets[line->entry[i].set];
        left -= here;
    }
    return first->type == IMAGE_OTHER_TYPES ? &image->sets[first->set] : 0;
}

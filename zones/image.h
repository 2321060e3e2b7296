/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image: the two files of an image (image_layout.h), mapped and checked.
 *
 * After image_open every index inside them has been checked against its section, so that readers
 * need no check of their own. A damaged, truncated or foreign file is refused with a message that
 * says which and why; nothing is ever changed here. A zeroed struct image is closed.
 *
 * Files in an image directory: answers.img, and names-HEX.img with the first 32 hexadecimal
 * digits of the names' digest. */
#pragma once
#include "zones/base/digest.h"
#include "zones/base/error.h"
#include "zones/base/file.h"
#include "zones/image_layout.h"

struct image {
    struct mapping names_file, answers_file;
    struct image_names_use *names_use; /* what images that share the mapped names file share */
    const struct image_names_header *names_header;
    const struct image_answers_header *answers_header;
    const struct image_name *table;
    const uint8_t *overflow;
    const struct image_zone *zones;
    const struct image_types *types;
    const uint32_t *order;
    const uint32_t *slots;
    const struct image_set *sets;
    const struct image_answer *answers;
    const uint8_t *longs;
};

enum {
    IMAGE_FILE_NAME_SIZE = 48,
    IMAGE_NAME_MAX_BYTES = 255, /* RFC 1035 section 2.3.4 */
};
#define IMAGE_ANSWERS_FILE "answers.img"

/* "names-0123….img" for a digest. */
const char *image_names_file(const uint8_t digest[32], char name[static IMAGE_FILE_NAME_SIZE]);

/* Opens directory/answers.img and the names file that it names. `where` stands before errors. */
NODISCARD bool image_open(struct image *image, int directory, const char *where, struct error *err);

/* The same over two descriptors, which stay the caller's. */
NODISCARD bool image_open_files(struct image *image, int answers_fd, int names_fd,
                                struct error *err);

/* The same for a generation that follows `current` (NULL or closed: none): when both have the same
 * names, the mapped and checked names are shared, so that a new generation costs what its answers
 * cost, however many domains there are. Images that share are opened and closed by one thread. */
NODISCARD bool image_open_next(struct image *image, const struct image *current, int answers_fd,
                               int names_fd, struct error *err);

void image_close(struct image *image);

/* Finds the line of a name: `lower` is its lower-cased wire form with 8 readable bytes behind it,
 * `hash` its hash. NULL when it is not there. */
const struct image_name *image_find(const struct image *image, const uint8_t *lower, unsigned len,
                                    uint64_t hash);

/* The name of a line, in wire form; returns its length. */
unsigned image_name_read(const struct image *image, const struct image_name *line,
                         uint8_t wire[static IMAGE_NAME_MAX_BYTES]);

/* Fetches the line where image_find will begin. */
static inline void image_prefetch(const struct image *image, uint64_t hash)
{
    __builtin_prefetch(image->table + image_home(hash, image->names_header->table.count));
}

/* The set that answers `type` at a name whose types begin at that line (IMAGE_NONE: it has none);
 * NULL: there is none. */
const struct image_set *image_set_at(const struct image *image, uint32_t types, uint16_t type);

/* Checksum of the two file headers: four lanes of xor–multiply–rotate over 8-byte words; finds
 * damage, not forgery. `len` is a multiple of 64. */
uint64_t image_checksum(const uint8_t *bytes, size_t len, uint64_t seed);

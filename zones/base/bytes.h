/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bytes: slices of bytes and text, a reader for bytes that may lie, a writer for bytes we make.
 *
 * Reader and writer are cursors with a sticky failure: a read past the end gives zeros and marks
 * the reader, a write past the end writes nothing and marks the writer, and the caller checks once
 * at the end. Numbers on the wire are big-endian (RFC 1035 section 2.3.2). */
#pragma once
#include "zones/base/attributes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *ptr;
    size_t len;
};

/* Text is bytes meant for people: UTF-8, not terminated by NUL. */
struct text {
    const char *ptr;
    size_t len;
};

bool bytes_equal(struct bytes a, struct bytes b);

/* The text of a NUL-terminated string, which it borrows; NULL gives empty text. */
struct text text_from(const char *string);
bool text_equal(struct text a, struct text b);
bool text_is(struct text a, const char *string);
int text_compare(struct text a, struct text b); /* by byte; a prefix comes first */
bool text_starts_with(struct text a, const char *prefix);

/* Removes a character of UTF-8 that is incomplete at the end of a string: what a buffer cut off. */
void text_end_whole(char *string);

/* Parses a decimal number without sign or space, min..max. False leaves *value alone. */
NODISCARD bool text_to_u64(struct text text, uint64_t min, uint64_t max, uint64_t *value);

struct reader {
    const uint8_t *next, *end;
    bool failed;
};

struct reader reader_over(struct bytes bytes);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
struct bytes read_bytes(struct reader *r, size_t len); /* borrowed; empty on failure */
size_t reader_left(const struct reader *r);
static inline bool reader_ok(const struct reader *r)
{
    return !r->failed;
}

struct writer {
    uint8_t *start;
    size_t len, capacity;
    bool failed;
};

struct writer writer_over(uint8_t *start, size_t capacity);
void write_u8(struct writer *w, uint8_t value);
void write_u16(struct writer *w, uint16_t value);
void write_u32(struct writer *w, uint32_t value);
void write_bytes(struct writer *w, const void *ptr, size_t len);
static inline bool writer_ok(const struct writer *w)
{
    return !w->failed;
}

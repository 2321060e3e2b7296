/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jsonc: JSON with comments and trailing commas, read strictly, and found again.
 *
 * jsonc_clean replaces comments and trailing commas by spaces, byte for byte, so that every offset
 * of the clean text is one of the original. The clean text is plain JSON (RFC 8259); jsonc_check
 * proves that and the limits below before anybody builds a tree of it, and says what was expected
 * where. A tree has no positions, so jsonc_locate finds JSON pointers (RFC 6901) in the text
 * again, all in one pass. jsonc_walk is the tokenizer under all of them: a pull parser without
 * recursion or allocation. */
#pragma once
#include "zones/base/arena.h"

enum {
    JSONC_MAX_DEPTH = 32,       /* the inventory needs 6 */
    JSONC_MAX_VALUES = 4000000, /* a tree takes about 100 bytes a value */
    JSONC_NOWHERE = -1,         /* offset of what was not found */
};

/* The first thing that is wrong with a text. */
struct jsonc_fault {
    const char *code;  /* "syntax", "bad-utf8", "nul-byte", "open-comment", "too-deep", … */
    size_t offset;     /* where */
    ptrdiff_t opened;  /* where what is not closed began, or JSONC_NOWHERE */
    char message[160]; /* what was expected, and what came */
    const char *mend;
};

static inline bool jsonc_is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static inline bool jsonc_is_space(char c)
{
    return c == ' ' || c == '\t' || jsonc_is_line_end(c);
}

/* Sets code, offset and message; returns false. The mend is for the caller. */
bool jsonc_fault_set(struct jsonc_fault *fault, const char *code, size_t offset, const char *format,
                     ...) PRINTF_LIKE(4, 5);

/* Checks that the text is UTF-8 (RFC 3629) without NUL. */
NODISCARD bool jsonc_encoding_check(struct bytes text, struct jsonc_fault *fault);

/* Writes text.len bytes and a NUL to clean. On failure *fault says why, and clean is useless. */
NODISCARD bool jsonc_clean(struct bytes text, char *clean, struct jsonc_fault *fault);

/* Checks that clean text is one JSON value within the limits. */
NODISCARD bool jsonc_check(struct text clean, struct jsonc_fault *fault);

enum jsonc_kind {
    JSONC_OBJECT,
    JSONC_ARRAY,
    JSONC_END, /* of an object or array */
    JSONC_KEY,
    JSONC_SCALAR,
    JSONC_DONE,
    JSONC_FAULT,
};

struct jsonc_event {
    enum jsonc_kind kind;
    size_t offset, len; /* of the token; keys and strings with their quotes */
};

struct jsonc_walk {
    struct text text;
    size_t at;
    uint32_t depth, values;
    uint8_t expect;
    bool in_object[JSONC_MAX_DEPTH + 1];
    size_t opened[JSONC_MAX_DEPTH + 1];
    struct jsonc_fault fault;
};

struct jsonc_walk jsonc_walk_over(struct text clean);
struct jsonc_event jsonc_walk_next(struct jsonc_walk *walk); /* after JSONC_FAULT: fault is set */

/* Decodes a key or string token, quotes and escapes gone. */
struct text jsonc_decode(struct arena *arena, struct text token);

enum jsonc_place_at {
    JSONC_AT_VALUE,
    JSONC_AT_KEY, /* the key that the pointer ends with */
};

struct jsonc_place {
    const char *pointer;
    ptrdiff_t key, value; /* offsets; JSONC_NOWHERE: not there, or an item, which has no key */
};

/* Sorts places by pointer, each pointer once; returns how many are left. */
size_t jsonc_places_sort(struct jsonc_place *places, size_t count);

/* The place of a pointer among sorted ones; it must be there. */
const struct jsonc_place *jsonc_place_get(const struct jsonc_place *places, size_t count,
                                          const char *pointer);

/* Fills in the offsets of sorted places. Of a key that is there twice the last one counts, as in
 * the tree. `clean` has passed jsonc_check. */
void jsonc_locate(struct text clean, struct jsonc_place *places, size_t count);

struct jsonc_duplicate {
    const char *pointer;
    size_t first, again; /* offsets of the two keys */
};

/* All keys that stand more than once in one object; in the arena. */
struct jsonc_duplicate *jsonc_duplicates(struct text clean, struct arena *arena, size_t *count);

/* A line and a column as editors count them: from 1, characters (not bytes), LF, CR LF or CR. */
struct jsonc_position {
    size_t offset; /* in */
    uint32_t line, column;
};

/* Fills in lines and columns; `positions` must ascend by offset. */
void jsonc_positions(struct bytes text, struct jsonc_position *positions, size_t count);

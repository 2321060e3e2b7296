/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mistakes: collects what is wrong with documents while their tree is read.
 *
 * A tree does not know where its values stood, and looking that up costs a pass over the text; so
 * mistakes carry a JSON pointer only, and mistakes_publish finds all their files, lines and columns
 * in one pass over each, when there are any. They become findings in the order of the texts. */
#pragma once
#include "srvplan/document.h"
#include "srvplan/finding.h"

/* Past this many nobody reads on; each costs about 300 bytes. */
enum {
    MISTAKES_MAX = 10000
};

/* Where a value stands: built on the stack while the reader goes down the tree. A zeroed place is
 * the document. */
struct place {
    const struct place *up;
    const char *key; /* NULL: an item of a list */
    size_t index;
    const char *pointer; /* when set, all of it: a place that outlived its stack */
    enum jsonc_place_at at;
    uint32_t document; /* 1 + its number, when others may have the pointer too; 0: the first */
};

static inline struct place place_value(const struct place *up, const char *key)
{
    return (struct place){.up = up, .key = key};
}

static inline struct place place_key(const struct place *up, const char *key)
{
    return (struct place){.up = up, .key = key, .at = JSONC_AT_KEY};
}

static inline struct place place_item(const struct place *up, size_t index)
{
    return (struct place){.up = up, .index = index};
}

/* The same place, in the document of that number. */
static inline struct place place_in(const struct place *place, uint32_t number)
{
    struct place in = *place;
    in.document = number + 1;
    return in;
}

struct mistake {
    enum finding_severity severity;
    const char *code;
    struct document_spot spot;
    const char *message;
    const char *mend;
};

struct mistakes {
    struct arena arena;
    struct mistake *items;
    size_t count, capacity;
    size_t errors;  /* also counts those that were dropped */
    size_t dropped; /* beyond MISTAKES_MAX */
};

void mistakes_fini(struct mistakes *mistakes);

/* The code is a literal; message and mend are copied. */
void mistake_add(struct mistakes *mistakes, const struct place *place, const char *code,
                 const char *mend, const char *format, ...) PRINTF_LIKE(5, 6);
void mistake_warn(struct mistakes *mistakes, const struct place *place, const char *code,
                  const char *mend, const char *format, ...) PRINTF_LIKE(5, 6);

/* One that knows more of its place: texts must live as long as the mistakes. */
void mistake_add_at(struct mistakes *mistakes, const struct mistake *mistake);

/* The pointer of a place by RFC 6901, in the arena. */
const char *place_pointer(struct arena *arena, const struct place *place);

/* The same place for later: it does not need the stack that it was built on. */
static inline struct place place_keep(struct arena *arena, const struct place *place)
{
    return (struct place){.pointer = place_pointer(arena, place), .at = place->at};
}

/* Outside text in quotes, shortened, without control characters, in the mistakes' arena. */
const char *mistakes_quote(struct mistakes *mistakes, struct text text);

/* Turns all of them into findings on the documents that they were made of. */
void mistakes_publish(struct mistakes *mistakes, const struct document *documents, uint32_t count,
                      struct findings *findings);

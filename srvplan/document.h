/* SPDX-License-Identifier: GPL-3.0-or-later */
/* document: one file that somebody wrote, JSONC or YAML, as a tree whose values are found again.
 *
 * Both formats become plain JSON first (jsonc.h: byte for byte at its place; yaml.h: with marks),
 * so that one set of limits, one search for keys that stand twice and one search for JSON pointers
 * serve both. A tree does not know where its values stood; documents_find looks many of them up in
 * one pass over each text, when there is something to be said about them. */
#pragma once
#include "srvplan/jsonc.h"
#include "srvplan/yaml.h"

#include <jansson.h>

struct mistakes;

enum document_format {
    DOCUMENT_JSONC,
    DOCUMENT_YAML,
};

struct document {
    const char *file; /* as findings name it */
    enum document_format format;
    struct bytes text;     /* as it was read; borrowed */
    struct yaml_json json; /* the same value as plain JSON; marks for YAML only */
    json_t *tree;          /* NULL: not to be read; the mistakes say why */
    struct arena arena;
};

/* ".yaml" and ".yml" are YAML, all else is JSONC. */
enum document_format document_format_of(const char *file);

/* Parses documents[number].text, of which the plain JSON has at most `max` bytes; what is wrong
 * with it goes to *mistakes. A key that stands twice leaves a tree behind, with the last one. */
void document_parse(struct document *documents, uint32_t number, size_t max,
                    struct mistakes *mistakes);
void document_fini(struct document *document);

#define DOCUMENT_ANY UINT32_MAX

/* Where something stands: what is known of it, and what documents_find makes of that. */
struct document_spot {
    const char *pointer;
    enum jsonc_place_at at;
    uint32_t document; /* DOCUMENT_ANY: the first that has the pointer */
    ptrdiff_t offset;  /* in its JSON; JSONC_NOWHERE: to be found by the pointer */
    const char *file;  /* NULL: the document's own */
    uint32_t line;     /* not 0: known already */
    uint32_t column;
};

/* Fills in document, file, line and column. A pointer that no document has is cut from its end
 * until one has it, but never down to the whole document: that stays at line 0. */
void documents_find(const struct document *documents, uint32_t count, struct document_spot *spots,
                    size_t spot_count);

/* Lines and columns of offsets in the JSON; they must ascend. */
void document_positions(const struct document *document, struct jsonc_position *positions,
                        size_t count);

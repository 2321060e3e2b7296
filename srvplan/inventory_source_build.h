/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inventory_source_build: what the files behind inventory_source share, and what the loader sees of
 * it; nobody else includes it. */
#pragma once
#include "srvplan/inventory_source.h"
#include "srvplan/mistakes.h"

#include <sys/types.h>

/* Where a document came from. */
struct source_origin {
    uint32_t parent; /* the document that includes it, or DOCUMENT_ANY */
    uint32_t depth;  /* how many documents stand above */
    dev_t device;
    ino_t inode;
    bool is_read; /* its text is ours to be freed */
};

/* The zone file of a zone's `records`. */
struct source_fragment {
    const char *zone;  /* the key */
    uint32_t document; /* that names it */
    const char *file;
    struct text text; /* heap, NUL-terminated */
};

struct inventory_source {
    struct arena arena;
    struct document *documents; /* in the order of reading: one before those that it includes */
    struct source_origin *origins;
    uint32_t count;
    size_t document_capacity, origin_capacity;
    bool is_directory;
    bool is_text;   /* it has no files: nothing can be brought in */
    bool is_broken; /* a file is missing in the tree: what it says would be wrong */
    struct source_fragment *fragments; /* by zone, once they are merged */
    uint32_t fragment_count;
    size_t fragment_capacity;
    size_t total_bytes;
    struct mistakes mistakes; /* until they are published */
    json_t *tree;             /* of all documents; NULL: is_broken */
    struct text text;         /* made when asked for */
};

/* Reads path and what it brings in. False: *err. */
NODISCARD bool source_read(struct inventory_source *source, const char *path, struct error *err);

/* Parses the last document, and reads what it brings in. */
void source_take(struct inventory_source *source);

/* Makes one tree of the documents. */
void source_merge(struct inventory_source *source);

/* The zone file of a zone, or NULL: it has none, or it could not be read. */
const struct source_fragment *source_fragment_find(const struct inventory_source *source,
                                                   const char *zone);

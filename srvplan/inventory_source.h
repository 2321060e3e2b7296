/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inventory_source: the files of an inventory, as one tree.
 *
 * An inventory is a file, JSONC or YAML by its suffix, or a directory, whose *.jsonc, *.json,
 * *.yaml and *.yml are read in the order of their names. A file may `include` others, relative to
 * itself, and zones may have `records`, which are zone files of their own. All of it is read at
 * once, and merged key by key: what stands under one key of one object twice, in whatever files, is
 * a mistake that names both.
 *
 * The tree has no positions; whoever says something about it has a JSON pointer, and
 * inventory_source_locate turns that into file, line and column. A server keeps the inventory
 * without its files: inventory_source_text is the same in one text. */
#pragma once
#include "srvplan/document.h"
#include "srvplan/finding.h"
#include "zones/base/digest.h"
#include "zones/base/error.h"

enum {
    INVENTORY_MAX_BYTES = 32 * 1024 * 1024, /* of all files; 100,000 domains are about 8 MiB */
    INVENTORY_MAX_FILES = 10000,
    INVENTORY_MAX_INCLUDES = 8, /* files in a chain; more is a mistake nearly always */
};

struct inventory_source;

/* Reads a file or directory with all that it brings in. NULL, with *err: it cannot be read at all.
 * What is wrong with the files comes when they are loaded (inventory_load.h). */
NODISCARD struct inventory_source *inventory_source_open(const char *path, struct error *err);

/* The same of a text, which is borrowed and brings nothing in; `file` is its name for findings. */
struct inventory_source *inventory_source_of(struct bytes text, const char *file,
                                             enum document_format format);
void inventory_source_free(struct inventory_source *source); /* NULL is fine */

/* Gives findings that have a pointer and no line their file, line and column. Pointers to domains
 * and zones may spell the name in any way: they become those of the text. */
void inventory_source_locate(const struct inventory_source *source, struct findings *findings);

/* One JSON text with everything in it, without a file that it would need: the text itself where it
 * is one JSONC file, else the merged tree (empty, when a file could not be read). Lives as long as
 * the source. */
struct text inventory_source_text(struct inventory_source *source);

/* Of all bytes that were read: of one file that of the file. */
struct digest inventory_source_digest(const struct inventory_source *source);

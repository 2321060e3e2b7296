/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inventory_load: files → inventory, or findings that say what is wrong and where.
 *
 * The files are JSONC or YAML, schema version 1 (srvplan/schema/inventory-v1.json); which ones, and
 * how they become one tree, is inventory_source.h's. Every mistake is found in one run, with file,
 * line, column, JSON pointer, what was expected, and for an unknown key the nearest known one. A
 * key or value that the schema knows and this version does not act on is an error "not supported
 * yet": nothing is ever ignored. */
#pragma once
#include "srvplan/inventory.h"
#include "srvplan/inventory_source.h"

/* Returns a heap inventory (inventory_free), or NULL with at least one error in *findings;
 * warnings may be there in both cases. Once for each source, which then only locates findings. */
NODISCARD struct inventory *inventory_load_source(struct inventory_source *source,
                                                  struct findings *findings);

/* The same of a JSONC text; `file` is its name for findings. */
NODISCARD struct inventory *inventory_load(struct bytes text, const char *file,
                                           struct findings *findings);

/* The same of a file or directory. NULL with either *err (it could not be read) or findings. */
NODISCARD struct inventory *inventory_load_file(const char *path, struct findings *findings,
                                                struct error *err);

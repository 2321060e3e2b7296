/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inventory_load: text → inventory, or findings that say what is wrong and where.
 *
 * The text is JSONC (JSON with comments and trailing commas), schema version 1
 * (srvplan/schema/inventory-v1.json). Every mistake of the file is found in one run, with line,
 * column, JSON pointer, what was expected, and for an unknown key the nearest known one. A key or
 * value that the schema knows and this version does not act on is an error "not supported yet":
 * nothing is ever ignored. */
#pragma once
#include "srvplan/finding.h"
#include "srvplan/inventory.h"
#include "zones/base/error.h"

/* 32 MiB: 100,000 domains are about 8. */
enum {
    INVENTORY_MAX_BYTES = 32 * 1024 * 1024
};

/* `file` is the name for findings. Returns a heap inventory (inventory_free), or NULL with at least
 * one error in *findings; warnings may be there in both cases. */
NODISCARD struct inventory *inventory_load(struct bytes text, const char *file,
                                           struct findings *findings);

/* Reads the file and loads it. NULL with either *err (the file could not be read) or findings. */
NODISCARD struct inventory *inventory_load_file(const char *path, struct findings *findings,
                                                struct error *err);

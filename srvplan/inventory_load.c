/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_load.h"

#include "srvplan/inventory_read.h"
#include "srvplan/inventory_source_build.h"

#include <stdlib.h>

struct inventory *inventory_load_source(struct inventory_source *source, struct findings *findings)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (!inventory)
        abort();
    struct load load = {.inventory = inventory,
                        .arena = &inventory->arena,
                        .source = source,
                        .mistakes = source->mistakes};
    source->mistakes = (struct mistakes){0}; /* they are published with those of the reading */
    if (source->tree)
        document_read(&load, source->tree);
    bool is_good = load.mistakes.errors == 0;
    mistakes_publish(&load.mistakes, source->documents, source->count, findings);
    mistakes_fini(&load.mistakes);
    arena_fini(&load.scratch);
    if (!is_good) {
        inventory_free(inventory);
        inventory = NULL;
    }
    return inventory;
}

struct inventory *inventory_load(struct bytes text, const char *file, struct findings *findings)
{
    struct inventory_source *source = inventory_source_of(text, file, DOCUMENT_JSONC);
    struct inventory *inventory = inventory_load_source(source, findings);
    inventory_source_free(source);
    return inventory;
}

struct inventory *inventory_load_file(const char *path, struct findings *findings,
                                      struct error *err)
{
    struct inventory_source *source = inventory_source_open(path, err);
    if (!source)
        return NULL;
    struct inventory *inventory = inventory_load_source(source, findings);
    inventory_source_free(source);
    return inventory;
}

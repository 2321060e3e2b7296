/* SPDX-License-Identifier: GPL-3.0-or-later */
/* retired: the last serials of zones that are gone, so that none goes back when it comes again.
 *
 * An inventory may take 100,000 zones away and bring them back: looking one up is a search in a
 * sorted list, adding many is one merge. */
#pragma once
#include "api/store/store.h"

struct retired {
    struct store_zone *zones; /* ascending by name, each once; names are heap */
    size_t count;
};

/* Copies of them; of a zone that is there already the new serial counts. */
void retired_add(struct retired *retired, const struct store_zone *zones, size_t count);

/* 0: it was never here. */
uint32_t retired_serial(const struct retired *retired, struct text name);

void retired_fini(struct retired *retired);

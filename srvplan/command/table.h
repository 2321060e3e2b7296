/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table: columns that line up, for people.
 *
 * The first row added is the heading. Columns are two spaces apart and as wide as their widest
 * cell, counted in terminal cells; the last one is never padded. With -o csv and -o md it is
 * written as that. */
#pragma once
#include "srvplan/command/context.h"

struct table {
    struct arena arena;
    const char **cells;
    size_t cell_count, capacity;
    size_t columns;
};

/* An empty table of `columns` (at least one) columns. */
struct table table_with(size_t columns);
void table_fini(struct table *table);

/* The next cell, row by row; the text is copied and made safe for a terminal. NULL and "" are
 * shown as "-", and empty in CSV. */
void table_add(struct table *table, const struct output *output, const char *text);

/* The same for one that is made here. */
void table_addf(struct table *table, const struct output *output, const char *format, ...)
    PRINTF_LIKE(3, 4);

void table_print(const struct table *table, const struct output *output);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table: columns that line up, for people.
 *
 * The first row added is the heading. Columns are two spaces apart and as wide as their widest
 * cell, counted in terminal cells; the last one is never padded. Columns of numbers may stand to
 * the right. With -o csv and -o md it is written as that. */
#pragma once
#include "srvplan/command/context.h"

enum table_paint {
    TABLE_PLAIN,
    TABLE_STRONG,
    TABLE_FAINT,
    TABLE_GOOD,
    TABLE_BAD,
};

struct table {
    struct arena arena;
    struct table_cell {
        const char *text;
        enum table_paint paint;
    } * cells;
    size_t cell_count, capacity;
    size_t columns;
    size_t right_first, right_end; /* columns that stand to the right: [first, end) */
    size_t indent;                 /* spaces before each row */
};

/* An empty table of `columns` (at least one) columns. */
struct table table_with(size_t columns);
void table_fini(struct table *table);

/* The next cell, row by row; the text is copied and made safe for a terminal. NULL and "" are
 * shown as "-", and empty in CSV; " " is not shown at all. */
void table_add(struct table *table, const struct output *output, const char *text);

/* The same for one that is made here. */
void table_addf(struct table *table, const struct output *output, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Colours the last cell, where colours are wanted. */
void table_paint(struct table *table, enum table_paint paint);

void table_print(const struct table *table, const struct output *output);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/table.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#include "srvplan/report/escape.h"

struct table table_with(size_t columns)
{
    assert(columns > 0);
    return (struct table){.columns = columns};
}

void table_fini(struct table *table)
{
    if (table)
        arena_fini(&table->arena);
}

void table_add(struct table *table, const struct output *output, const char *text)
{
    table->cells = arena_grow(&table->arena, table->cells, &table->capacity, table->cell_count + 1,
                              sizeof *table->cells);
    table->cells[table->cell_count++] = text ? output_text(output, text, &table->arena) : "";
}

void table_addf(struct table *table, const struct output *output, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table_add(table, output, text);
}

/* What people see of a cell. */
static const char *shown(const char *cell)
{
    return cell[0] ? cell : "-";
}

/* Terminal cells; the text has no control characters left. */
static size_t text_width(const struct output *output, const char *text)
{
    size_t len = strlen(text), width = 0;
    if (!output->is_utf8)
        return len;
    mbstate_t state = {0};
    for (size_t at = 0; at < len;) {
        wchar_t c = 0;
        size_t size = mbrtowc(&c, text + at, len - at, &state);
        if (size == 0 || size > len - at)
            return width + len - at;
        int cells = wcwidth(c);
        width += cells > 0 ? (size_t)cells : 0;
        at += size;
    }
    return width;
}

static size_t column_width(const struct table *table, const struct output *output, size_t column)
{
    size_t widest = 0;
    for (size_t i = column; i < table->cell_count; i += table->columns) {
        size_t width = text_width(output, shown(table->cells[i]));
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void print_csv(const struct table *table, const struct output *output)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        escape_csv(output->out, table->cells[i]);
        fputc((i + 1) % table->columns ? ',' : '\n', output->out);
    }
}

static void print_md(const struct table *table, const struct output *output)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        fputs(i % table->columns ? " | " : "| ", output->out);
        escape_md(output->out, shown(table->cells[i]));
        if ((i + 1) % table->columns)
            continue;
        fputs(" |\n", output->out);
        if (i + 1 != table->columns)
            continue;
        for (size_t j = 0; j < table->columns; j++) /* the line that makes it a table */
            fputs(j ? "---|" : "|---|", output->out);
        fputc('\n', output->out);
    }
}

static void print_aligned(const struct table *table, const struct output *output)
{
    struct arena arena = {0};
    size_t *widths = arena_array(&arena, size_t, table->columns);
    for (size_t i = 0; i < table->columns; i++)
        widths[i] = column_width(table, output, i);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->columns;
        bool is_heading = i < table->columns && output->colors_out;
        bool is_last = column + 1 == table->columns || i + 1 == table->cell_count;
        size_t padding =
            is_last ? 0 : widths[column] - text_width(output, shown(table->cells[i])) + 2;
        fprintf(output->out, "%s%s%s%*s%s", is_heading ? "\033[1m" : "", shown(table->cells[i]),
                is_heading ? "\033[0m" : "", (int)padding, "", is_last ? "\n" : "");
    }
    arena_fini(&arena);
}

void table_print(const struct table *table, const struct output *output)
{
    switch (output->format) {
    case OUTPUT_CSV:
        print_csv(table, output);
        return;
    case OUTPUT_MD:
        print_md(table, output);
        return;
    case OUTPUT_TABLE:
    case OUTPUT_JSON:
    case OUTPUT_YAML:
        print_aligned(table, output);
        return;
    }
}

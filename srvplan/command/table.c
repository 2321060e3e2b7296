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
    table->cells[table->cell_count++] =
        (struct table_cell){.text = text ? output_text(output, text, &table->arena) : ""};
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
static const char *shown(struct table_cell cell)
{
    return cell.text[0] ? cell.text : "-";
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
        escape_csv(output->out, table->cells[i].text);
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

void table_paint(struct table *table, enum table_paint paint)
{
    assert(table->cell_count > 0);
    table->cells[table->cell_count - 1].paint = paint;
}

static const char *cell_color(const struct table *table, const struct output *output, size_t cell)
{
    static const char *const colors[] = {
        [TABLE_PLAIN] = "",        [TABLE_STRONG] = "\033[1m", [TABLE_FAINT] = "\033[2m",
        [TABLE_GOOD] = "\033[32m", [TABLE_BAD] = "\033[31m",
    };
    if (!output->colors_out)
        return "";
    return colors[cell < table->columns ? TABLE_STRONG : table->cells[cell].paint];
}

static bool is_blank(struct table_cell cell)
{
    return strcmp(cell.text, " ") == 0;
}

/* Whether nothing follows in its row that would be seen. */
static bool is_row_end(const struct table *table, size_t cell)
{
    while (++cell % table->columns != 0 && cell < table->cell_count)
        if (!is_blank(table->cells[cell]))
            return false;
    return true;
}

static void print_cell(const struct table *table, const struct output *output, size_t cell,
                       size_t width)
{
    size_t column = cell % table->columns;
    bool is_right = column >= table->right_first && column < table->right_end;
    bool is_last = is_row_end(table, cell);
    const char *text = shown(table->cells[cell]), *color = cell_color(table, output, cell);
    size_t padding = width - text_width(output, text);
    if (is_last && is_blank(table->cells[cell])) /* no blanks at the end of a line */
        return;
    fprintf(output->out, "%*s%s%s%s%*s", is_right ? (int)padding : 0, "", color, text,
            color[0] ? "\033[0m" : "", is_last ? 0 : (int)(is_right ? 2 : padding + 2), "");
}

static void print_aligned(const struct table *table, const struct output *output)
{
    struct arena arena = {0};
    size_t *widths = arena_array(&arena, size_t, table->columns);
    for (size_t i = 0; i < table->columns; i++)
        widths[i] = column_width(table, output, i);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->columns;
        if (column == 0)
            fprintf(output->out, "%*s", (int)table->indent, "");
        print_cell(table, output, i, widths[column]);
        if (column + 1 == table->columns || i + 1 == table->cell_count)
            fputc('\n', output->out);
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

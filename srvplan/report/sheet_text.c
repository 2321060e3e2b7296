/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/clean.h"
#include "srvplan/report/sheet_write.h"

#include <string.h>

enum {
    COLUMNS = 5,
    OWNERS_NAMED = 5, /* of a change; --verbose and the other formats have all */
};

struct line {
    const char *columns[COLUMNS];
};

struct writer_of_text {
    FILE *out;
    struct report_style style;
    struct arena arena;
};

static const char *code(const struct writer_of_text *writer, const char *sequence)
{
    return writer->style.colour ? sequence : "";
}

static const char *plain(const struct writer_of_text *writer)
{
    return code(writer, "\033[0m");
}

static const char *colour_of(const struct writer_of_text *writer, enum change_kind kind,
                             bool is_out)
{
    static const char *const codes[] = {[CHANGE_NONE] = "",
                                        [CHANGE_ADD] = "\033[32m",
                                        [CHANGE_UPDATE] = "\033[33m",
                                        [CHANGE_REMOVE] = "\033[31m"};
    return code(writer, is_out ? codes[CHANGE_REMOVE] : codes[kind]);
}

static const char *shown(struct writer_of_text *writer, const char *text)
{
    return clean_text(text, writer->style.utf8 ? CLEAN_UTF8 : CLEAN_ASCII, &writer->arena);
}

static const char *pair(struct writer_of_text *writer, struct sheet_pair pair)
{
    const char *arrow = writer->style.utf8 ? " \u2192 " : " -> ";
    return sheet_pair_print(pair, arrow, &writer->arena);
}

/* "weight 5 -> 3"; "" when there is none. */
static const char *labelled(struct writer_of_text *writer, const char *label,
                            struct sheet_pair value)
{
    const char *text = pair(writer, value);
    return text[0] ? arena_printf(&writer->arena, "%s %s", label, text) : "";
}

/* Characters, as terminals count ours: the arrow is one cell. */
static int cells(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static void put_cell(FILE *out, const char *text, int width)
{
    int padding = width - cells(text);
    fprintf(out, "  %s%*s", text, padding > 0 ? padding : 0, "");
}

static void put_rows(struct writer_of_text *writer, const struct sheet_set *set)
{
    struct line *lines = arena_array(&writer->arena, struct line, set->row_count);
    int widths[COLUMNS] = {0};
    for (uint32_t i = 0; i < set->row_count; i++) {
        const struct sheet_row *row = &set->rows[i];
        lines[i] = (struct line){{
            labelled(writer, "priority", row->priority),
            labelled(writer, "weight", row->weight),
            labelled(writer, "port", row->port),
            shown(writer, row->data),
            pair(writer, row->share),
        }};
        for (int j = 0; j < COLUMNS; j++) {
            int width = cells(lines[i].columns[j]);
            widths[j] = width > widths[j] ? width : widths[j];
        }
    }
    for (uint32_t i = 0; i < set->row_count; i++) {
        const struct sheet_row *row = &set->rows[i];
        fprintf(writer->out, "      %s%s", colour_of(writer, row->kind, row->is_out),
                row->is_out ? "-" : change_symbol(row->kind));
        int last = COLUMNS - 1;
        while (last > 0 && lines[i].columns[last][0] == '\0')
            last--;
        for (int j = 0; j <= last; j++)
            if (widths[j] > 0)
                put_cell(writer->out, lines[i].columns[j],
                         j == last && !row->because[0] ? 0 : widths[j]);
        for (int j = last + 1; row->because[0] && j < COLUMNS; j++)
            if (widths[j] > 0)
                put_cell(writer->out, "", widths[j]);
        fputs(plain(writer), writer->out);
        if (row->because[0])
            fprintf(writer->out, "  %s%s%s", code(writer, "\033[2m"), shown(writer, row->because),
                    plain(writer));
        fputc('\n', writer->out);
    }
}

static void put_owners(struct writer_of_text *writer, const struct sheet_set *set)
{
    if (set->owner_count < 2)
        return;
    fputs("      also", writer->out);
    uint32_t named = writer->style.is_verbose || set->owner_count - 1 <= OWNERS_NAMED
                         ? set->owner_count
                         : OWNERS_NAMED;
    for (uint32_t i = 1; i < named; i++)
        fprintf(writer->out, " %s", shown(writer, set->owners[i]));
    if (named < set->owner_count)
        fprintf(writer->out, " and %u more (-v names them)", set->owner_count - named);
    fputc('\n', writer->out);
}

static void put_set(struct writer_of_text *writer, const struct sheet_set *set)
{
    bool is_named = set->name[0] != '\0', is_srv = strcmp(set->type, "SRV") == 0;
    fprintf(writer->out, "  %s%s %s%s%s%s   TTL %s\n", colour_of(writer, set->kind, false),
            change_symbol(set->kind), shown(writer, set->name), is_named && !is_srv ? " " : "",
            is_named && is_srv ? "" : set->type, plain(writer), pair(writer, set->ttl));
    put_rows(writer, set);
    put_owners(writer, set);
}

static void put_title(struct writer_of_text *writer, const struct sheet *sheet)
{
    struct sheet_pair sides = {sheet->was, sheet->is};
    const char *was = sheet->was ? shown(writer, sheet->was) : NULL;
    sides = (struct sheet_pair){was, shown(writer, sheet->is)};
    fprintf(writer->out, "%s%s%s\n\n", code(writer, "\033[2m"), pair(writer, sides), plain(writer));
}

void sheet_write_text(FILE *out, const struct sheet *sheet, struct report_style style)
{
    struct writer_of_text writer = {.out = out, .style = style};
    if (sheet->group_count > 0)
        put_title(&writer, sheet);
    for (uint32_t i = 0; i < sheet->group_count; i++) {
        const struct sheet_group *group = &sheet->groups[i];
        fprintf(out, "%s%s%s\n", code(&writer, "\033[1m"), shown(&writer, group->name),
                plain(&writer));
        for (uint32_t j = 0; j < group->set_count; j++) {
            put_set(&writer, &group->sets[j]);
            arena_fini(&writer.arena);
        }
        fputc('\n', out);
    }
    fprintf(out, "%s: %s", sheet->title, shown(&writer, sheet->summary));
    if (sheet->is_refused)
        fprintf(out, " %s%s Refused by a guard.%s", code(&writer, "\033[31m"),
                style.utf8 ? "\u2717" : "x", plain(&writer));
    fputc('\n', out);
    arena_fini(&writer.arena);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/escape.h"
#include "srvplan/report/sheet_write.h"

#include <string.h>

#define ARROW " \u2192 "

enum {
    OWNERS_NAMED = 20 /* a merge request is read by people; JSON has all */
};

static void put_pair(FILE *out, struct sheet_pair pair, struct arena *arena)
{
    escape_md(out, sheet_pair_print(pair, ARROW, arena));
}

static const char *symbol(const struct sheet_row *row)
{
    return row->is_out ? "-" : change_symbol(row->kind);
}

static void put_mark(FILE *out, const char *mark)
{
    fputs("| ", out);
    if (mark[0] != ' ')
        escape_md_code(out, mark);
}

static void put_srv_rows(FILE *out, const struct sheet_set *set, struct arena *arena)
{
    fputs("\n|   | Priority | Weight | Port | Target | Share | Because |\n"
          "|---|---:|---:|---:|---|---:|---|\n",
          out);
    for (uint32_t i = 0; i < set->row_count; i++) {
        const struct sheet_row *row = &set->rows[i];
        const struct sheet_pair numbers[] = {row->priority, row->weight, row->port};
        put_mark(out, symbol(row));
        for (size_t j = 0; j < COUNT_OF(numbers); j++) {
            fputs(" | ", out);
            put_pair(out, numbers[j], arena);
        }
        fputs(" | ", out);
        escape_md_code(out, row->data);
        fputs(" | ", out);
        put_pair(out, row->share, arena);
        fputs(" | ", out);
        escape_md(out, row->because);
        fputs(" |\n", out);
    }
}

static void put_plain_rows(FILE *out, const struct sheet_set *set)
{
    fputs("\n|   | Record |\n|---|---|\n", out);
    for (uint32_t i = 0; i < set->row_count; i++) {
        put_mark(out, symbol(&set->rows[i]));
        fputs(" | ", out);
        escape_md_code(out, set->rows[i].data);
        fputs(" |\n", out);
    }
}

static void put_owners(FILE *out, const struct sheet_set *set)
{
    if (set->owner_count < 2)
        return;
    fputs("\nAlso ", out);
    for (uint32_t i = 1; i < set->owner_count && i <= OWNERS_NAMED; i++) {
        fputs(i > 1 ? ", " : "", out);
        escape_md_code(out, set->owners[i]);
    }
    if (set->owner_count - 1 > OWNERS_NAMED)
        fprintf(out, " and %u more", set->owner_count - 1 - OWNERS_NAMED);
    fputs(".\n", out);
}

static void put_set(FILE *out, const struct sheet_set *set, struct arena *arena)
{
    static const char *const verbs[] = {[CHANGE_NONE] = "",
                                        [CHANGE_ADD] = "added: ",
                                        [CHANGE_UPDATE] = "changed: ",
                                        [CHANGE_REMOVE] = "removed: "};
    fputs("\n", out);
    fputs(verbs[set->kind], out);
    if (set->name[0]) {
        escape_md_code(out, set->name);
        fputc(' ', out);
    }
    fprintf(out, "%s, TTL ", set->type);
    put_pair(out, set->ttl, arena);
    fputc('\n', out);
    if (strcmp(set->type, "SRV") == 0)
        put_srv_rows(out, set, arena);
    else
        put_plain_rows(out, set);
    put_owners(out, set);
}

void sheet_write_md(FILE *out, const struct sheet *sheet)
{
    struct arena arena = {0};
    fprintf(out, "## %s: ", sheet->title);
    escape_md(out, sheet_pair_print((struct sheet_pair){sheet->was, sheet->is}, ARROW, &arena));
    fputs("\n\n**", out);
    escape_md(out, sheet->summary);
    fprintf(out, "**%s\n", sheet->is_refused ? " \u2717 **Refused by a guard.**" : "");
    for (uint32_t i = 0; i < sheet->note_count; i++) {
        fputs(i ? "- " : "\n- ", out);
        escape_md(out, sheet->notes[i]);
        fputc('\n', out);
    }
    for (uint32_t i = 0; i < sheet->group_count; i++) {
        const struct sheet_group *group = &sheet->groups[i];
        fputs("\n### ", out);
        escape_md(out, group->name);
        fputc('\n', out);
        for (uint32_t j = 0; j < group->set_count; j++) {
            put_set(out, &group->sets[j], &arena);
            arena_fini(&arena);
        }
    }
    arena_fini(&arena);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `--help` and `srvplan help` print, from the tables of commands.c. */
#include <string.h>

#include "srvplan/command/options.h"

enum {
    HELP_OPTION_CELLS = 26,
    HELP_COMMAND_CELLS = 33,
    HELP_INDENT = 6, /* of an option's text, behind its letter */
};

/* A row of two columns; the second one begins a line of its own where the first is too long. */
static void help_row(FILE *out, const char *left, int cells, const char *right)
{
    int indent = cells == HELP_OPTION_CELLS ? HELP_INDENT + cells : 2 + cells;
    if ((int)strlen(left) <= cells)
        fprintf(out, "%-*s %s\n", cells, left, right);
    else
        fprintf(out, "%s\n%*s %s\n", left, indent, "", right);
}

/* What stands behind an option; -o has fewer formats for most commands. */
static const char *metavar_of(enum option_id id, enum command_id command, struct arena *arena)
{
    if (id == OPTION_OUTPUT && command != COMMAND_NONE)
        return command_formats(command, arena);
    return option_rows[id].metavar;
}

/* The options of a command, or of every one. */
static void help_options(FILE *out, enum command_id command, bool is_global)
{
    struct arena arena = {0};
    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        bool is_wanted =
            is_global ? row->commands == ON_ALL
                      : row->commands != ON_ALL && (row->commands & (UINT64_C(1) << command)) != 0;
        if (!is_wanted)
            continue;
        const char *metavar = metavar_of(i, command, &arena);
        fprintf(out, "  %c%c%c ", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
                row->letter ? ',' : ' ');
        help_row(
            out,
            arena_printf(&arena, "--%s%s%s", row->name, metavar ? " " : "", metavar ? metavar : ""),
            HELP_OPTION_CELLS, row->help);
    }
    arena_fini(&arena);
}

static void help_commands(FILE *out, bool is_offline)
{
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_row *row = &command_rows[i];
        if (row->is_offline != is_offline)
            continue;
        char usage[80];
        snprintf(usage, sizeof usage, "%-10s %s", row->name, row->operands);
        fputs("  ", out);
        help_row(out, usage, HELP_COMMAND_CELLS, row->summary);
    }
}

void help_print(FILE *out, enum command_id command)
{
    if (command == COMMAND_NONE) {
        fputs("usage: srvplan [OPTION]... COMMAND\n\n"
              "srvplan balances and drains a cluster of servers with DNS SRV records alone.\n\n"
              "Without a server:\n",
              out);
        help_commands(out, true);
        fputs("\nWith a server:\n", out);
        help_commands(out, false);
        fputs("\nOptions of every command, before or after it:\n", out);
        help_options(out, COMMAND_NONE, true);
        fputs("\n`srvplan COMMAND --help` explains a command, srvplan(1) all of them.\n", out);
        return;
    }
    const struct command_row *row = &command_rows[command];
    fprintf(out, "usage: srvplan %s [OPTION]...%s%s\n\n%s\n", row->name,
            row->operands[0] ? " " : "", row->operands, row->summary);
    fprintf(out, "for example: %s\n\n", row->example);
    help_options(out, command, false);
    fputs("\nOptions of every command:\n", out);
    help_options(out, command, true);
}

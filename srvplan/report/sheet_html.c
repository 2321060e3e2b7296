/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/escape.h"
#include "srvplan/report/sheet_write.h"

#include <string.h>

#define ARROW " \u2192 "

enum {
    OWNERS_SHOWN = 20 /* more are folded away, though not gone */
};

/* Colours have a contrast of at least 4.5:1 to their ground in both schemes (WCAG 2.1, 1.4.3), and
 * never stand alone: a symbol and a word say the same. */
static const char head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>";

static const char style[] =
    "</title>\n"
    "<style>\n"
    ":root { --ground: #ffffff; --text: #1c2128; --faint: #57606a; --line: #d0d7de;\n"
    "  --add: #116329; --add-ground: #e9f9ee; --change: #7a4b00; --change-ground: #fff6df;\n"
    "  --remove: #a40e26; --remove-ground: #ffeff0; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "  :root { --ground: #14181d; --text: #e6edf3; --faint: #9aa7b4; --line: #373e47;\n"
    "    --add: #6fdd8b; --add-ground: #14291b; --change: #eac55f; --change-ground: #2b2412;\n"
    "    --remove: #ff9a96; --remove-ground: #321a1c; } }\n"
    "@media print {\n"
    "  :root { --ground: #ffffff; --text: #000000; --faint: #444444; --line: #999999; }\n"
    "  section, tr { break-inside: avoid; } body { margin: 0; } }\n"
    "body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; background: var(--ground);\n"
    "  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }\n"
    "h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 0; }\n"
    ".sides, .owners, .because { color: var(--faint); }\n"
    ".summary { font-weight: 600; }\n"
    ".refused { color: var(--remove); font-weight: 600; }\n"
    ".scroll { overflow-x: auto; }\n"
    "table { border-collapse: collapse; width: 100%; margin: .75rem 0 1.5rem; font-size: .9rem;\n"
    "  print-color-adjust: exact; -webkit-print-color-adjust: exact; }\n"
    "caption { text-align: left; padding: .25rem 0; font-weight: 600; }\n"
    "caption code { font-weight: 600; }\n"
    ".number { min-width: 4rem; } .share { min-width: 9rem; } td.mark { min-width: 5.5rem; }\n"
    "th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left;\n"
    "  vertical-align: top; unicode-bidi: isolate; }\n"
    "th { color: var(--faint); font-weight: 600; }\n"
    ".number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }\n"
    "code { font-family: ui-monospace, monospace; font-size: .95em; overflow-wrap: break-word; }\n"
    ".data { width: 20rem; } .because { width: 100%; min-width: 16rem; }\n"
    ".mark { white-space: nowrap; font-weight: 600; }\n"
    "tr.add { background: var(--add-ground); } .add .mark, .mark.add { color: var(--add); }\n"
    "tr.update { background: var(--change-ground); }\n"
    ".update .mark, .mark.update { color: var(--change); }\n"
    "tr.remove, tr.out { background: var(--remove-ground); }\n"
    ".remove .mark, .out .mark, .mark.remove { color: var(--remove); }\n"
    "footer { margin-top: 2rem; color: var(--faint); font-size: .85rem; }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n";

static const char *const classes[] = {[CHANGE_NONE] = "keep",
                                      [CHANGE_ADD] = "add",
                                      [CHANGE_UPDATE] = "update",
                                      [CHANGE_REMOVE] = "remove"};
static const char *const words[] = {[CHANGE_NONE] = "",
                                    [CHANGE_ADD] = "+ added",
                                    [CHANGE_UPDATE] = "~ changed",
                                    [CHANGE_REMOVE] = "\u2212 removed"};

/* `open` and `close` are ours. */
static void put_between(FILE *out, const char *open, const char *text, const char *close)
{
    fputs(open, out);
    escape_html(out, text);
    fputs(close, out);
}

static void put_number(FILE *out, struct sheet_pair pair, struct arena *arena)
{
    put_between(out, "<td class=\"number\">", sheet_pair_print(pair, ARROW, arena), "</td>");
}

static void put_row(FILE *out, const struct sheet_row *row, bool is_srv, struct arena *arena)
{
    fprintf(out, "<tr class=\"%s\"><td class=\"mark\">%s</td>",
            row->is_out ? "out" : classes[row->kind],
            row->is_out ? "\u2212 out" : words[row->kind]);
    if (is_srv) {
        put_number(out, row->priority, arena);
        put_number(out, row->weight, arena);
        put_number(out, row->port, arena);
    }
    put_between(out, "<td class=\"data\"><code>", row->data, "</code></td>");
    if (is_srv) {
        put_between(out, "<td class=\"number share\">", sheet_pair_print(row->share, ARROW, arena),
                    "</td>");
        put_between(out, "<td class=\"because\">", row->because, "</td>");
    }
    fputs("</tr>\n", out);
}

static void put_caption(FILE *out, const struct sheet_set *set, struct arena *arena)
{
    fputs("<caption>", out);
    if (set->kind != CHANGE_NONE)
        fprintf(out, "<span class=\"mark %s\">%s</span> ", classes[set->kind], words[set->kind]);
    if (set->name[0])
        put_between(out, "<code>", set->name, "</code> ");
    put_between(out, "", set->type, ", TTL ");
    escape_html(out, sheet_pair_print(set->ttl, ARROW, arena));
    fputs("</caption>\n", out);
}

static void put_owners(FILE *out, const struct sheet_set *set)
{
    uint32_t others = set->owner_count - 1;
    bool is_folded = others > OWNERS_SHOWN;
    if (set->owner_count < 2)
        return;
    if (is_folded)
        fprintf(out, "<details class=\"owners\"><summary>and %u more</summary>\n", others);
    fprintf(out, "<p class=\"owners\">%s", is_folded ? "" : "also ");
    for (uint32_t i = 1; i < set->owner_count; i++)
        put_between(out, i > 1 ? ", <code>" : "<code>", set->owners[i], "</code>");
    fprintf(out, "</p>%s\n", is_folded ? "</details>" : "");
}

static void put_set(FILE *out, const struct sheet *sheet, const struct sheet_set *set,
                    struct arena *arena)
{
    bool is_srv = strcmp(set->type, "SRV") == 0;
    fputs("<div class=\"scroll\"><table>\n", out);
    put_caption(out, set, arena);
    fprintf(out, "<thead><tr><th scope=\"col\">%s</th>", sheet->was ? "Change" : "State");
    if (is_srv)
        fputs("<th scope=\"col\" class=\"number\">Priority</th><th scope=\"col\" "
              "class=\"number\">Weight</th><th scope=\"col\" class=\"number\">Port</th>"
              "<th scope=\"col\">Target</th><th scope=\"col\" class=\"number\">Share</th>"
              "<th scope=\"col\">Because</th>",
              out);
    else
        fputs("<th scope=\"col\">Record</th>", out);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (uint32_t i = 0; i < set->row_count; i++)
        put_row(out, &set->rows[i], is_srv, arena);
    fputs("</tbody>\n</table></div>\n", out);
    put_owners(out, set);
}

static void put_notes(FILE *out, const struct sheet *sheet)
{
    if (sheet->note_count == 0)
        return;
    fputs("<ul>\n", out);
    for (uint32_t i = 0; i < sheet->note_count; i++)
        put_between(out, "<li>", sheet->notes[i], "</li>\n");
    fputs("</ul>\n", out);
}

void sheet_write_html(FILE *out, const struct sheet *sheet)
{
    struct arena arena = {0};
    const char *sides = sheet_pair_print((struct sheet_pair){sheet->was, sheet->is}, ARROW, &arena);
    fputs(head, out);
    put_between(out, "", sheet->title, ": ");
    escape_html(out, sides);
    fputs(style, out);
    put_between(out, "<h1>", sheet->title, "</h1>\n");
    put_between(out, "<p class=\"sides\">", sides, "</p>\n");
    put_between(out, "<p class=\"summary\">", sheet->summary, "</p>\n");
    if (sheet->is_refused)
        fputs("<p class=\"refused\">\u2717 Refused by a guard.</p>\n", out);
    put_notes(out, sheet);
    for (uint32_t i = 0; i < sheet->group_count; i++) {
        const struct sheet_group *group = &sheet->groups[i];
        put_between(out, "<section>\n<h2>", group->name, "</h2>\n");
        for (uint32_t j = 0; j < group->set_count; j++) {
            put_set(out, sheet, &group->sets[j], &arena);
            arena_fini(&arena);
        }
        fputs("</section>\n", out);
    }
    fputs("<footer>Made by srvplan " SRVPLAN_VERSION ".</footer>\n</body>\n</html>\n", out);
    arena_fini(&arena);
}

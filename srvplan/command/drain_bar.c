/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/drain_bar.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "srvplan/command/remote.h"
#include "srvplan/command/views.h"
#include "zones/base/clock.h"

enum {
    COLUMNS_USUAL = 80,
    ROWS_USUAL = 24,
    COLUMNS_MIN = 20,
    BAR_LEAST = 8,
    BAR_MOST = 30,
    STATE_WIDTH = 12,  /* "lowering_ttl" */
    SHARES_WIDTH = 20, /* "share 62.5 % → 100 %" */
    CLEAN_WIDTH = 28,  /* "clean 01:17:30Z (in 59m 59s)" */
};

bool drain_bar_is_wanted(const struct output *output)
{
    const char *term = getenv("TERM");
    return !output->is_json && !output->is_quiet && isatty(fileno(output->err)) && term &&
           strcmp(term, "dumb") != 0;
}

static struct winsize size_of(const struct output *output)
{
    struct winsize size = {0};
    if (ioctl(fileno(output->err), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        size = (struct winsize){.ws_col = COLUMNS_USUAL, .ws_row = ROWS_USUAL};
    return size;
}

/* -- a line --------------------------------------------------------------------------------------
 */

/* Cells that the text takes; it has no control characters left. */
static unsigned width_of(const struct output *output, const char *text)
{
    size_t len = strlen(text);
    mbstate_t state = {0};
    unsigned width = 0;
    for (size_t at = 0, size; at < len; at += size) {
        wchar_t c = 0;
        size = output->is_utf8 ? mbrtowc(&c, text + at, len - at, &state) : 1;
        if (size == 0 || size > len - at)
            return width + (unsigned)(len - at);
        int cells = output->is_utf8 ? wcwidth(c) : 1;
        width += cells > 0 ? (unsigned)cells : 0;
    }
    return width;
}

/* The text, cut to so many cells. */
static const char *cut(const struct output *output, const char *text, unsigned columns,
                       struct arena *arena)
{
    char *short_text = arena_cstr(arena, text_from(text));
    size_t len = strlen(short_text);
    while (len && width_of(output, short_text) > columns) {
        do
            len--;
        while (len && ((unsigned char)short_text[len] & 0xC0) == 0x80); /* not within a character */
        short_text[len] = '\0';
    }
    return short_text;
}

static const char *bar_print(const struct output *output, double part, unsigned width,
                             struct arena *arena)
{
    /* Up: a bar that is empty says that all are clean. */
    unsigned full = part > 0 ? (unsigned)(part * width + 0.999) : 0;
    const char *text = "";
    for (unsigned i = 0; i < width; i++)
        text =
            arena_printf(arena, "%s%s", text,
                         i < full ? (output->is_utf8 ? "█" : "#") : (output->is_utf8 ? "░" : "-"));
    return text;
}

/* "clean 01:17:30 (in 4m 12s)": the day is today's, as far as a drain goes. */
static const char *clean_print(const json_t *drain, int64_t now_ms, struct arena *arena)
{
    const json_t *progress = json_object_get(drain, "progress");
    const char *at = member_text(progress, "dns_clear_at", NULL);
    int64_t at_ms;
    if (!at || !clock_parse(text_from(at), &at_ms))
        return "not served yet";
    const char *t = strchr(at, 'T');
    const char *clock = t ? arena_printf(arena, "%.8sZ", t + 1) : at;
    if (at_ms <= now_ms)
        return arena_printf(arena, "clean since %s", clock);
    return arena_printf(arena, "clean %s (in %s)", clock,
                        duration_print((at_ms - now_ms + 999) / 1000, arena));
}

/* Padded, so that the bars of all lines are as long. */
static const char *shares_print(const struct output *output, const json_t *drain,
                                struct arena *arena)
{
    const json_t *progress = json_object_get(drain, "progress");
    const char *text = arena_printf(
        arena, "share %s %s %s", view_share(member_ratio(progress, "share_before", 0), arena),
        output->is_utf8 ? "→" : "->", view_share(member_ratio(progress, "share_now", 0), arena));
    unsigned width = width_of(output, text);
    return arena_printf(arena, "%s%*s", text, width < SHARES_WIDTH ? SHARES_WIDTH - (int)width : 0,
                        "");
}

const char *drain_bar_print(const struct output *output, const struct drain_line *line,
                            struct arena *arena)
{
    const json_t *drain = line->drain;
    double part = member_ratio(json_object_get(drain, "progress"), "cached_fraction_max", 0);
    const char *head =
        arena_printf(arena, "%-*s  %-*s", (int)line->node_width,
                     output_text(output, member_text(drain, "node", "-"), arena), STATE_WIDTH,
                     output_text(output, member_text(drain, "state", "-"), arena));
    const char *caches = arena_printf(arena, "%3.0f %% of caches  ", part * 100);
    const char *clean = clean_print(drain, line->now_ms, arena);
    const char *shares = arena_printf(arena, "%s  ", shares_print(output, drain, arena));
    unsigned most = line->columns > COLUMNS_MIN ? line->columns - 1 : COLUMNS_MIN;
    /* What matters most comes first to a narrow terminal: when, how far, a bar, then shares. */
    unsigned used = width_of(output, head) + 2 + CLEAN_WIDTH;
    bool has_caches = used + width_of(output, caches) <= most;
    used += has_caches ? width_of(output, caches) : 0;
    bool has_shares = used + width_of(output, shares) + BAR_LEAST + 2 <= most;
    used += has_shares ? width_of(output, shares) : 0;
    unsigned room = used + BAR_LEAST + 2 <= most ? most - used - 2 : 0;
    const char *bar = room ? bar_print(output, part, room > BAR_MOST ? BAR_MOST : room, arena) : "";
    return cut(output,
               arena_printf(arena, "%s  %s%s%s%s%s", head, bar, room ? "  " : "",
                            has_caches ? caches : "", has_shares ? shares : "", clean),
               most, arena);
}

/* -- the block -----------------------------------------------------------------------------------
 */

static bool is_clear(const json_t *drain)
{
    const char *state = member_text(drain, "state", "");
    return strcmp(state, "clear") == 0 || strcmp(state, "empty") == 0;
}

/* A line of the block, in the place of an older one. */
static void line_draw(struct drain_bar *bar, const char *text, const char *color, unsigned *rows)
{
    const struct output *output = bar->output;
    bool has_color = output->colors_err && color[0];
    fprintf(output->err, "%s%s%s\033[K\n", has_color ? color : "", text,
            has_color ? "\033[0m" : "");
    (*rows)++;
}

static unsigned node_width(const json_t *drains)
{
    size_t i, widest = 0;
    json_t *drain;
    json_array_foreach(drains, i, drain)
    {
        size_t len = strlen(member_text(drain, "node", "-"));
        widest = len > widest ? len : widest;
    }
    return (unsigned)widest;
}

static void drains_draw(struct drain_bar *bar, const json_t *drains, int64_t now_ms,
                        struct winsize size, unsigned *rows)
{
    struct arena arena = {0};
    unsigned most = size.ws_row > 4 ? size.ws_row - 3u : 1, hidden = 0;
    struct drain_line line = {
        .now_ms = now_ms, .columns = size.ws_col, .node_width = node_width(drains)};
    for (int clear = 0; clear < 2; clear++) { /* those that are waited for come first */
        size_t i;
        json_t *drain;
        json_array_foreach(drains, i, drain)
        {
            if (is_clear(drain) != (clear == 1))
                continue;
            if (*rows == most) {
                hidden++;
                continue;
            }
            line.drain = drain;
            line_draw(bar, drain_bar_print(bar->output, &line, &arena), clear ? "\033[32m" : "",
                      rows);
        }
    }
    if (hidden)
        line_draw(bar, arena_printf(&arena, "... and %u more", hidden), "\033[2m", rows);
    arena_fini(&arena);
}

void drain_bar_draw(struct drain_bar *bar, const json_t *drains, int64_t now_ms, const char *remark)
{
    struct winsize size = size_of(bar->output);
    struct arena arena = {0};
    unsigned rows = 0;
    /* After a resize old lines may have wrapped: they stay, and a new block begins. */
    if (bar->rows && size.ws_col == bar->columns)
        fprintf(bar->output->err, "\033[%uA\r", bar->rows);
    drains_draw(bar, drains, now_ms, size, &rows);
    if (remark)
        line_draw(bar, cut(bar->output, remark, size.ws_col - 1u, &arena), "\033[2m", &rows);
    if (rows < bar->rows)
        fputs("\033[J", bar->output->err); /* what is left of an older, longer block */
    fflush(bar->output->err);
    bar->rows = rows;
    bar->columns = size.ws_col;
    arena_fini(&arena);
}

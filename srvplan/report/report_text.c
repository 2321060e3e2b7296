/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_text.h"
#include "srvplan/report/report_pools.h"

#include "srvplan/report/clean.h"
#include "srvplan/report/report_timeline.h"
#include "zones/base/clock.h"
#include "zones/text.h"

#include <string.h>

enum paint {
    PAINT_PLAIN,
    PAINT_TITLE,
    PAINT_REMOVED,
    PAINT_FAINT,
};

static const char *paint_code(struct report_style style, enum paint paint)
{
    static const char *const codes[] = {
        [PAINT_PLAIN] = "\033[0m",
        [PAINT_TITLE] = "\033[1m",
        [PAINT_REMOVED] = "\033[31m",
        [PAINT_FAINT] = "\033[2m",
    };
    return style.colour ? codes[paint] : "";
}

static const char *shown(const char *text, struct report_style style, struct arena *arena)
{
    return clean_text(text, style.utf8 ? CLEAN_UTF8 : CLEAN_ASCII, arena);
}

/* One decimal, rounded half up. */
static const char *percent(const struct plan_member *member, struct arena *arena)
{
    uint64_t tenths =
        (2000ull * member->share_num + member->share_den) / (2ull * member->share_den);
    return arena_printf(arena, "%u.%u %%", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
}

/* -- a plan -------------------------------------------------------------------------------------
 */

/* One line of a set's table. */
struct line {
    const char *priority, *weight, *port, *target, *share, *because;
    bool is_present;
};

enum {
    COLUMNS = 5
};

static void columns_of(const struct line *line, const char *columns[COLUMNS])
{
    columns[0] = line->priority;
    columns[1] = line->weight;
    columns[2] = line->port;
    columns[3] = line->target;
    columns[4] = line->share;
}

static void put_table(FILE *out, const struct line *lines, uint32_t count,
                      struct report_style style)
{
    int widths[COLUMNS] = {0};
    const char *columns[COLUMNS];
    for (uint32_t i = 0; i < count; i++) {
        columns_of(&lines[i], columns);
        for (int j = 0; j < COLUMNS; j++) {
            int width = (int)strlen(columns[j]);
            widths[j] = width > widths[j] ? width : widths[j];
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct line *line = &lines[i];
        enum paint paint = line->is_present ? PAINT_PLAIN : PAINT_REMOVED;
        columns_of(line, columns);
        fprintf(out, "  %s%s %*s %*s %*s %-*s %*s%s  %s%s%s\n", paint_code(style, paint),
                line->is_present ? " " : "-", widths[0], columns[0], widths[1], columns[1],
                widths[2], columns[2], widths[3], columns[3], widths[4], columns[4],
                paint_code(style, PAINT_PLAIN), paint_code(style, PAINT_FAINT), line->because,
                paint_code(style, PAINT_PLAIN));
    }
}

static uint16_t first_priority(const struct plan_set *set)
{
    for (uint32_t i = 0; i < set->member_count; i++)
        if (set->members[i].absence == PLAN_PRESENT)
            return set->members[i].priority;
    return 0;
}

static struct line line_of(const struct plan *plan, const struct plan_set *set,
                           const struct plan_member *member, struct report_style style,
                           struct arena *arena)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    const struct inventory_node *node = &inventory->nodes[member->node];
    bool is_present = member->absence == PLAN_PRESENT;
    const char *share = percent(member, arena);
    if (is_present && member->priority != first_priority(set))
        share = "standby";
    return (struct line){
        .priority = arena_printf(arena, "%u", member->priority),
        .weight = arena_printf(arena, "%u", member->weight),
        .port = arena_printf(arena, "%u", member->port),
        .target = text_name_print(arena, node->host),
        .share = is_present ? share : "out",
        .because = shown(plan_member_because(plan, set, member, arena), style, arena),
        .is_present = is_present,
    };
}

static void put_set(FILE *out, const struct plan *plan, const struct plan_set *set,
                    struct report_style style)
{
    struct arena arena = {0};
    const struct layout *layout = plan->input.layout;
    uint32_t domains = layout->declared[set->declared].domain_count;
    fprintf(out, "%s%s%s   TTL %u", paint_code(style, PAINT_TITLE),
            plan_set_owner(layout, set->declared, &arena), paint_code(style, PAINT_PLAIN),
            set->ttl_s);
    if (set->ttl_hold)
        fprintf(out, " (declared: %u)", layout->declared[set->declared].ttl_s);
    if (domains > 1)
        fprintf(out, "   and %u more domain%s", domains - 1, domains > 2 ? "s" : "");
    fputc('\n', out);
    uint32_t count = set->is_null ? 1 : set->member_count;
    struct line *lines = arena_array(&arena, struct line, count);
    for (uint32_t i = 0; i < set->member_count; i++)
        lines[i] = line_of(plan, set, &set->members[i], style, &arena);
    if (set->is_null)
        lines[0] = (struct line){"0", "0", "0", ".", "", "the service is declared absent", true};
    put_table(out, lines, count, style);
    if (count == 0)
        fprintf(out, "    (no node)\n");
    arena_fini(&arena);
}

/* How much room is left under the guards that the policy asks for; what is refused is said at
 * length elsewhere. */
static void put_guards(FILE *out, const struct plan *plan, struct report_style style)
{
    struct arena arena = {0};
    bool is_first = true;
    for (uint32_t i = 0; i < plan->pass_count; i++) {
        const struct plan_verdict *pass = &plan->passes[i];
        if (pass->guard == PLAN_GUARD_NEVER_EMPTY)
            continue;
        if (is_first)
            fprintf(out, "\n%sGuards%s\n", paint_code(style, PAINT_TITLE),
                    paint_code(style, PAINT_PLAIN));
        is_first = false;
        fprintf(out, "  %s %s: %s\n", style.utf8 ? "\u2713" : "ok",
                plan_guard_rows[pass->guard].name, shown(pass->message, style, &arena));
    }
    arena_fini(&arena);
}

void report_plan_text(FILE *out, const struct plan *plan, struct report_style style)
{
    const struct layout *layout = plan->input.layout;
    uint32_t records = 0, withdrawn = 0;
    char when[CLOCK_TEXT_SIZE];
    for (uint32_t i = 0; i < plan->set_count; i++) {
        if (i)
            fputc('\n', out);
        put_set(out, plan, &plan->sets[i], style);
        records += plan->content.sets[i].count;
        withdrawn += plan->sets[i].member_count - plan->sets[i].present_count;
    }
    report_pools_text(out, plan, style);
    put_guards(out, plan, style);
    report_timeline_text(out, plan, style);
    fprintf(out, "%sPlan: %u set%s with %u record%s for %u domain%s, %u record%s withdrawn.",
            plan->set_count ? "\n" : "", plan->set_count, plan->set_count == 1 ? "" : "s", records,
            records == 1 ? "" : "s", layout->inventory->domain_count,
            layout->inventory->domain_count == 1 ? "" : "s", withdrawn, withdrawn == 1 ? "" : "s");
    if (plan->next_change_at_ms)
        fprintf(out, " Next change %s.", clock_print(plan->next_change_at_ms, when));
    if (plan->refusal_count)
        fprintf(out, " %s%s Refused by %u guard%s.%s", paint_code(style, PAINT_REMOVED),
                style.utf8 ? "\u2717" : "x", plan->refusal_count,
                plan->refusal_count > 1 ? "s" : "", paint_code(style, PAINT_PLAIN));
    fputc('\n', out);
}

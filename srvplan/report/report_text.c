/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_text.h"

#include "zones/base/clock.h"
#include "zones/text.h"

#include <string.h>

enum paint {
    PAINT_PLAIN,
    PAINT_TITLE,
    PAINT_ADDED,
    PAINT_CHANGED,
    PAINT_REMOVED,
    PAINT_FAINT,
};

static const char *paint_code(struct report_style style, enum paint paint)
{
    static const char *const codes[] = {
        [PAINT_PLAIN] = "\033[0m",    [PAINT_TITLE] = "\033[1m",    [PAINT_ADDED] = "\033[32m",
        [PAINT_CHANGED] = "\033[33m", [PAINT_REMOVED] = "\033[31m", [PAINT_FAINT] = "\033[2m",
    };
    return style.colour ? codes[paint] : "";
}

/* Text for the terminal: no control characters, and no UTF-8 where it cannot be shown. */
static const char *shown(const char *text, struct report_style style, struct arena *arena)
{
    char *copy = arena_cstr(arena, text_from(text));
    for (char *at = copy; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !style.utf8))
            *at = '?';
    }
    return copy;
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

/* -- a difference -------------------------------------------------------------------------------
 */

static const struct plan_member *member_of(const struct plan_set *set, const struct plan *plan,
                                           struct text id)
{
    for (uint32_t i = 0; set && i < set->member_count; i++) {
        uint32_t node = set->members[i].node;
        if (text_equal(plan->input.layout->inventory->nodes[node].id, id))
            return &set->members[i];
    }
    return NULL;
}

static bool is_there(const struct plan_member *member)
{
    return member && member->absence == PLAN_PRESENT;
}

static const char *record_of(const struct plan *plan, const struct plan_member *member,
                             struct arena *arena)
{
    const struct inventory_node *node = &plan->input.layout->inventory->nodes[member->node];
    return arena_printf(arena, "%u %u %u %s", member->priority, member->weight, member->port,
                        text_name_print(arena, node->host));
}

static void put_share_change(FILE *out, const struct plan_member *was, const struct plan_member *is,
                             struct report_style style, struct arena *arena)
{
    const char *before = is_there(was) ? percent(was, arena) : "0 %";
    const char *after = is_there(is) ? percent(is, arena) : "0 %";
    fprintf(out, "   %s %s %s\n", before, style.utf8 ? "\u2192" : "->", after);
}

/* One node's line in an SRV set: `-` gone, `+` new, `~` another record, ` ` as before. */
static void put_member_change(FILE *out, const struct plan_diff *diff,
                              const struct plan_member *was, const struct plan_member *is,
                              struct report_style style)
{
    struct arena arena = {0};
    if (is_there(was) || is_there(is)) {
        const char *before = is_there(was) ? record_of(diff->before, was, &arena) : NULL;
        const char *after = is_there(is) ? record_of(diff->after, is, &arena) : NULL;
        char mark = !after ? '-' : !before ? '+' : strcmp(before, after) != 0 ? '~' : ' ';
        enum paint paint = mark == '-'   ? PAINT_REMOVED
                           : mark == '+' ? PAINT_ADDED
                           : mark == '~' ? PAINT_CHANGED
                                         : PAINT_PLAIN;
        fprintf(out, "      %s%c %s%s", paint_code(style, paint), mark, after ? after : before,
                paint_code(style, PAINT_PLAIN));
        put_share_change(out, was, is, style, &arena);
    }
    arena_fini(&arena);
}

static void put_srv_change(FILE *out, const struct plan_diff *diff,
                           const struct plan_change *change, struct report_style style)
{
    const struct plan_set *before = change->before.srv, *after = change->after.srv;
    for (uint32_t i = 0; before && i < before->member_count; i++) {
        const struct plan_member *was = &before->members[i];
        struct text id = diff->before->input.layout->inventory->nodes[was->node].id;
        put_member_change(out, diff, was, member_of(after, diff->after, id), style);
    }
    for (uint32_t i = 0; after && i < after->member_count; i++) {
        const struct plan_member *is = &after->members[i];
        struct text id = diff->after->input.layout->inventory->nodes[is->node].id;
        if (!member_of(before, diff->before, id))
            put_member_change(out, diff, NULL, is, style);
    }
}

static void put_other_change(FILE *out, const struct plan_change *change, struct report_style style)
{
    for (uint32_t i = 0; i < change->before.record_count; i++)
        fprintf(out, "      %s- %s%s\n", paint_code(style, PAINT_REMOVED),
                change->before.records[i], paint_code(style, PAINT_PLAIN));
    for (uint32_t i = 0; i < change->after.record_count; i++)
        fprintf(out, "      %s+ %s%s\n", paint_code(style, PAINT_ADDED), change->after.records[i],
                paint_code(style, PAINT_PLAIN));
}

static void put_change(FILE *out, const struct plan_diff *diff, const struct plan_change *change,
                       struct report_style style)
{
    static const char marks[] = {
        [PLAN_CHANGE_ADD] = '+', [PLAN_CHANGE_UPDATE] = '~', [PLAN_CHANGE_REMOVE] = '-'};
    struct arena arena = {0};
    uint32_t was = change->before.ttl_s, is = change->after.ttl_s;
    fprintf(out, "  %c %s %s   TTL %u", marks[change->kind], change->name, change->type,
            change->kind == PLAN_CHANGE_ADD ? is : was);
    if (change->kind == PLAN_CHANGE_UPDATE && was != is)
        fprintf(out, " %s %u", style.utf8 ? "\u2192" : "->", is);
    if (change->owner_count > 1)
        fprintf(out, "   and %u more owner%s", change->owner_count - 1,
                change->owner_count > 2 ? "s" : "");
    fputc('\n', out);
    if (change->before.srv || change->after.srv)
        put_srv_change(out, diff, change, style);
    else
        put_other_change(out, change, style);
    for (uint32_t i = 0; i < change->because.count; i++) {
        const struct plan_because *because = &change->because.items[i];
        fprintf(out, "      %sbecause%s%s: %s%s\n", paint_code(style, PAINT_FAINT),
                because->node ? " " : "", because->node ? because->node : "",
                shown(because->text, style, &arena), paint_code(style, PAINT_PLAIN));
    }
    arena_fini(&arena);
}

void report_diff_text(FILE *out, const struct plan_diff *diff, struct report_style style)
{
    uint32_t by_kind[PLAN_CHANGE_REMOVE + 1] = {0};
    for (uint32_t i = 0; i < diff->change_count; i++) {
        put_change(out, diff, &diff->changes[i], style);
        by_kind[diff->changes[i].kind]++;
    }
    fprintf(out, "Plan: %u to add, %u to change, %u to remove.\n", by_kind[PLAN_CHANGE_ADD],
            by_kind[PLAN_CHANGE_UPDATE], by_kind[PLAN_CHANGE_REMOVE]);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/calendar.h"

#include "srvplan/civil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS (INT64_C(1000) * CIVIL_DAY_S)

enum {
    LINE_MAX = 75, /* RFC 5545 section 3.1: bytes, without the line break */
    PAST_DAYS = 31,
    AHEAD_DAYS = 366,
    STAMP_SIZE = 24,
};

struct event {
    uint32_t window;
    int64_t opens_at_ms;
    uint32_t turn;
    const struct plan_hold *first;
    uint32_t count; /* of nodes that go together */
    const char *blocked_because;
};

struct calendar {
    const struct plan *plan;
    struct arena *arena;
    struct event *events;
    size_t count, capacity;
    char *text;
    size_t len, room;
    char stamp[STAMP_SIZE];
};

/* -- lines --------------------------------------------------------------------------------------
 */

static void put(struct calendar *c, const char *bytes, size_t len)
{
    c->text = arena_grow(c->arena, c->text, &c->room, c->len + len + 1, 1);
    memcpy(c->text + c->len, bytes, len);
    c->len += len;
    c->text[c->len] = '\0';
}

/* One content line, folded between characters. */
static void line(struct calendar *c, const char *name, const char *value)
{
    const char *whole = arena_printf(c->arena, "%s:%s", name, value);
    size_t len = strlen(whole), at = 0, room = LINE_MAX;
    while (len - at > room) {
        size_t take = room;
        while (take > 1 && ((uint8_t)whole[at + take] & 0xc0) == 0x80)
            take--;
        put(c, whole + at, take);
        put(c, "\r\n ", 3);
        at += take;
        room = LINE_MAX - 1; /* the space counts */
    }
    put(c, whole + at, len - at);
    put(c, "\r\n", 2);
}

/* RFC 5545 section 3.3.11. */
static const char *escape(struct arena *arena, const char *text)
{
    char *out = arena_alloc(arena, 2 * strlen(text) + 1), *at = out;
    for (; *text; text++) {
        if (strchr("\\;,", *text) || *text == '\n')
            *at++ = '\\';
        *at++ = *text == '\n' ? 'n' : *text;
    }
    return out;
}

/* "20261206T010000Z" */
static const char *stamp(int64_t at_ms, char text[static STAMP_SIZE])
{
    int64_t s = at_ms / 1000, day_s = s % CIVIL_DAY_S;
    struct civil date = civil_of_days(s / CIVIL_DAY_S);
    snprintf(text, STAMP_SIZE, "%04d%02d%02dT%02d%02d%02dZ", (int)(date.year % 10000),
             date.month % 100, date.day % 100, (int)(day_s / 3600), (int)(day_s / 60 % 60),
             (int)(day_s % 60));
    return text;
}

/* -- events -------------------------------------------------------------------------------------
 */

/* The guard's verdict, where the plan has one: for what is under way or next. */
static const char *blocked_because(const struct plan *plan, uint32_t window, int64_t opens_at_ms)
{
    for (uint32_t i = 0; i < plan->occurrence_count; i++)
        if (plan->occurrences[i].window == window &&
            plan->occurrences[i].opens_at_ms == opens_at_ms)
            return plan->occurrences[i].blocked_because;
    return NULL;
}

/* A turn that an early end has taken away has no time left. */
static bool comes(const struct plan_hold *turn)
{
    return turn->timeline.open_at_ms < turn->timeline.end_at_ms;
}

static void add_opening(struct calendar *c, uint32_t window, const struct plan_opening *opening)
{
    int64_t opens_at_ms = opening->occurrence.opens_at_ms;
    uint32_t turn = 0;
    for (uint32_t i = 0, next; i < opening->turn_count; i = next, turn++) {
        const struct timeline *first = &opening->turns[i].timeline;
        next = i + 1;
        while (next < opening->turn_count &&
               opening->turns[next].timeline.open_at_ms == first->open_at_ms)
            next++;
        if (opening->skipped || !comes(&opening->turns[i]))
            continue;
        c->events = arena_grow(c->arena, c->events, &c->capacity, c->count + 1, sizeof *c->events);
        c->events[c->count++] =
            (struct event){.window = window,
                           .opens_at_ms = opens_at_ms,
                           .turn = turn,
                           .first = &opening->turns[i],
                           .count = next - i,
                           .blocked_because = blocked_because(c->plan, window, opens_at_ms)};
    }
}

static int by_time(const void *left, const void *right)
{
    const struct event *a = left, *b = right;
    int64_t at_a = a->first->timeline.open_at_ms, at_b = b->first->timeline.open_at_ms;
    if (at_a != at_b)
        return at_a < at_b ? -1 : 1;
    return (a->window > b->window) - (a->window < b->window);
}

static const char *nodes_print(const struct calendar *c, const struct event *event)
{
    const struct inventory *inventory = c->plan->input.layout->inventory;
    const char *text = "";
    for (uint32_t i = 0; i < event->count; i++) {
        struct text id = inventory->nodes[event->first[i].node].id;
        text = arena_printf(c->arena, "%s%s%.*s", text, i ? ", " : "", (int)id.len, id.ptr);
    }
    return text;
}

static const char *describe(const struct calendar *c, const struct event *event)
{
    const struct plan_window *window = &c->plan->windows[event->window];
    char text[STAMP_SIZE];
    struct text why = window->declared.comment, by = {0};
    if (window->overlay && window->overlay->reason.len)
        why = window->overlay->reason;
    if (window->overlay)
        by = window->overlay->actor;
    return arena_printf(c->arena, "%.*s%s%s%.*s%sDNS withdraws the nodes at %s.%s%s", (int)why.len,
                        why.len ? why.ptr : "", why.len ? "\n" : "", by.len ? "by " : "",
                        (int)by.len, by.len ? by.ptr : "", by.len ? "\n" : "",
                        stamp(event->first->timeline.withdrawn_at_ms, text),
                        event->blocked_because ? "\nBlocked, the nodes stay: " : "",
                        event->blocked_because ? event->blocked_because : "");
}

static void print_event(struct calendar *c, const struct event *event)
{
    struct arena *arena = c->arena;
    struct text id = c->plan->windows[event->window].declared.id;
    char at[STAMP_SIZE];
    line(c, "BEGIN", "VEVENT");
    line(c, "UID",
         arena_printf(arena, "%.*s-%s-%u@srvplan", (int)id.len, id.ptr,
                      stamp(event->opens_at_ms, at), event->turn));
    line(c, "DTSTAMP", c->stamp);
    line(c, "DTSTART", stamp(event->first->timeline.open_at_ms, at));
    line(c, "DTEND", stamp(event->first->timeline.end_at_ms, at));
    line(c, "SUMMARY",
         escape(arena, arena_printf(arena, "%s%.*s: %s", event->blocked_because ? "BLOCKED " : "",
                                    (int)id.len, id.ptr, nodes_print(c, event))));
    line(c, "DESCRIPTION", escape(arena, describe(c, event)));
    line(c, "CATEGORIES", "MAINTENANCE");
    line(c, "STATUS", event->blocked_because ? "CANCELLED" : "CONFIRMED");
    line(c, "TRANSP", "TRANSPARENT"); /* nobody is busy because a node is */
    line(c, "END", "VEVENT");
}

const char *calendar_print(const struct plan *plan, int64_t now_ms, struct arena *arena)
{
    struct calendar c = {.plan = plan, .arena = arena};
    struct plan_openings_query query = {.how = PLAN_OPENINGS_TIMES,
                                        .most = CALENDAR_EVENTS_MAX,
                                        .from_ms = now_ms - PAST_DAYS * DAY_MS,
                                        .to_ms = now_ms + AHEAD_DAYS * DAY_MS};
    stamp(now_ms, c.stamp);
    for (uint32_t i = 0; i < plan->window_count; i++) {
        const struct plan_opening *openings = NULL;
        query.window = i;
        uint32_t count = plan_window_openings(plan, &query, arena, &openings);
        for (uint32_t j = 0; j < count; j++)
            add_opening(&c, i, &openings[j]);
    }
    if (c.count)
        qsort(c.events, c.count, sizeof *c.events, by_time);
    line(&c, "BEGIN", "VCALENDAR");
    line(&c, "VERSION", "2.0");
    line(&c, "PRODID", "-//srvplan//srvpland " SRVPLAN_VERSION "//EN");
    line(&c, "CALSCALE", "GREGORIAN");
    line(&c, "X-WR-CALNAME", "srvplan maintenance");
    line(&c, "REFRESH-INTERVAL;VALUE=DURATION", "PT15M"); /* RFC 7986 section 5.7 */
    for (size_t i = 0; i < c.count && i < CALENDAR_EVENTS_MAX; i++)
        print_event(&c, &c.events[i]);
    line(&c, "END", "VCALENDAR");
    return c.text;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/duration.h"
#include "srvplan/inventory_read.h"
#include "srvplan/recurrence.h"
#include "srvplan/rrule.h"
#include "srvplan/window_document.h"

#include <stdio.h>
#include <string.h>

enum {
    WINDOWS_MAX = 4096, /* each is looked at for every instant of a timeline */
};

struct window_settings {
    json_t *nodes, *rrule;
    struct text start, end, timezone, comment;
    struct optional duration_s, is_serial;
};

static key_reader read_local_time, read_timezone;

#define WINDOW_FIELD(name) offsetof(struct window_settings, name)
static const struct key_row window_rows[] = {
    {"nodes", read_tree, WINDOW_FIELD(nodes), 0, 0, NULL, "[\"xmpp1\"]"},
    {"start", read_local_time, WINDOW_FIELD(start), 0, 0, NULL, "\"2026-12-06T02:00\""},
    {.key = "end", .read = read_local_time, .field = WINDOW_FIELD(end)},
    {.key = "duration", .read = read_duration, .field = WINDOW_FIELD(duration_s), .min = 1},
    {.key = "timezone", .read = read_timezone, .field = WINDOW_FIELD(timezone)},
    {.key = "rrule", .read = read_tree, .field = WINDOW_FIELD(rrule)},
    {.key = "serial", .read = read_boolean, .field = WINDOW_FIELD(is_serial)},
    {.key = "comment", .read = read_string, .field = WINDOW_FIELD(comment)},
    {.key = "$comment", .read = read_comment},
    {0},
};

/* "…Z" and "…+01:00" are how instants end that need no time zone. */
static bool has_offset(struct text text)
{
    const char *time = text.len ? memchr(text.ptr, 'T', text.len) : NULL;
    size_t left = time ? text.len - (size_t)(time - text.ptr) : 0;
    return time &&
           (text.ptr[text.len - 1] == 'Z' || memchr(time, '+', left) || memchr(time, '-', left));
}

static void read_local_time(struct load *load, const struct place *place, json_t *value,
                            const struct key_row *row, void *field)
{
    struct text *text = field;
    struct local_time time;
    struct error err = {0};
    (void)row;
    if (!json_is_string(value))
        expected(load, place, "a local time such as \"2026-12-06T02:00\"", value);
    else if (local_time_parse(json_text(value), &time, &err))
        *text = arena_text(load->arena, json_text(value));
    else
        mistake_add(&load->mistakes, place, "bad-time",
                    has_offset(json_text(value))
                        ? "write the local time alone, and \"timezone\": \"UTC\" or the like beside"
                        : "write for example \"2026-12-06T02:00\"",
                    "%s; found %s", err.message, mistakes_quote(&load->mistakes, json_text(value)));
}

/* "Europe/Amsterdam", "UTC", "America/Argentina/Ushuaia", "Etc/GMT+1": parts of letters, digits,
 * "_", "+" and "-", which begin with a letter. Such a name never leaves a folder of zones. */
static bool timezone_is_valid(struct text text)
{
    enum {
        TIMEZONE_MAX = 64
    };
    bool at_begin = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_inner = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '/';
        if (!is_letter && (at_begin || !is_inner))
            return false;
        at_begin = c == '/';
    }
    return !at_begin && text.len <= TIMEZONE_MAX;
}

static void read_timezone(struct load *load, const struct place *place, json_t *value,
                          const struct key_row *row, void *field)
{
    struct text *text = field;
    (void)row;
    if (!json_is_string(value))
        expected(load, place, "the name of a time zone such as \"Europe/Amsterdam\"", value);
    else if (timezone_is_valid(json_text(value)))
        *text = arena_text(load->arena, json_text(value));
    else
        mistake_add(&load->mistakes, place, "bad-timezone",
                    "write for example \"Europe/Amsterdam\" or \"UTC\"",
                    "expected the name of a time zone from the IANA database, found %s",
                    mistakes_quote(&load->mistakes, json_text(value)));
}

/* The rule, when it is one. */
static bool rrule_read(struct load *load, const struct place *window, json_t *value,
                       const struct local_time *start, struct text *rrule)
{
    struct place place = place_value(window, "rrule");
    struct rrule_mistake mistake;
    if (!json_is_string(value)) {
        expected(load, &place, "a rule such as \"FREQ=WEEKLY;BYDAY=SU\"", value);
        return false;
    }
    *rrule = arena_text(load->arena, json_text(value));
    if (rrule_check(*rrule, start, &mistake))
        return true;
    mistake_add(&load->mistakes, &place, "bad-rrule", mistake.mend, "%s", mistake.message);
    return false;
}

/* The clock of a time zone; read once for all windows that share it. NULL is reported. */
static const struct tzfile *clock_of(struct load *load, const struct place *window,
                                     struct text timezone)
{
    struct inventory *inventory = load->inventory;
    struct place place = place_value(window, "timezone");
    struct error err = {0};
    for (uint32_t i = inventory->window_count; i-- > 0;)
        if (inventory->windows[i].clock && text_equal(inventory->windows[i].timezone, timezone))
            return inventory->windows[i].clock;
    const struct tzfile *clock = tzfile_load(load->arena, TZFILE_DIRECTORY, timezone, &err);
    if (!clock)
        mistake_add(&load->mistakes, &place, "unknown-timezone",
                    err.kind == ERROR_SYSTEM
                        ? "install the package tzdata, or write times in UTC"
                        : "`timedatectl list-timezones` lists them; UTC is always there",
                    "%s", err.message);
    return clock;
}

static void when_read(struct load *load, const struct place *window, struct local_time start,
                      struct inventory_window *read)
{
    struct place place = place_value(window, "rrule");
    struct error err = {0};
    read->clock = clock_of(load, window, read->timezone);
    if (!read->clock)
        return;
    read->when = recurrence_make(load->arena, start, read->clock, read->rrule, &err);
    if (!read->when)
        mistake_add(&load->mistakes, &place, "bad-rrule", "write another rule, or another start",
                    "%s", err.message);
}

/* What a clock on the wall shows between start and end. */
static uint32_t duration_until(struct load *load, const struct place *window,
                               const struct local_time *start, struct text end)
{
    struct place place = place_value(window, "end");
    struct local_time until;
    if (!local_time_parse(end, &until, NULL))
        return 0;
    int64_t seconds = local_time_seconds(&until) - local_time_seconds(start);
    if (seconds > 0 && seconds <= DURATION_MAX_S)
        return (uint32_t)seconds;
    if (seconds > 0)
        mistake_add(&load->mistakes, &place, "out-of-range", "write an earlier end",
                    "expected an end at most %u seconds after the start, found %lld",
                    DURATION_MAX_S, (long long)seconds);
    else
        mistake_add(&load->mistakes, &place, "end-before-start",
                    "write a later end, or a \"duration\" instead",
                    "expected an end after the start, found %s",
                    mistakes_quote(&load->mistakes, end));
    return 0;
}

/* One of the two, since two would contradict each other sooner or later. */
static void end_check(struct load *load, const struct place *window, json_t *value)
{
    bool has_end = json_object_get(value, "end"), has_duration = json_object_get(value, "duration");
    struct place place = place_value(window, "end");
    if (!has_end && !has_duration)
        mistake_add(&load->mistakes, window, "missing-key", "add for example \"duration\": \"2h\"",
                    "expected the key \"duration\", or \"end\"; found none");
    if (has_end && has_duration)
        mistake_add(&load->mistakes, &place, "two-ends", "remove \"end\" or \"duration\"",
                    "expected \"end\" or \"duration\", found both");
}

/* All but its nodes, which it gives as they are written; NULL: there are none. */
static json_t *window_read(struct load *load, const struct place *place, json_t *value,
                           struct inventory_window *window)
{
    struct window_settings settings = {0};
    struct local_time start;
    if (!object_read(load, place, value, window_rows, &settings))
        return NULL;
    end_check(load, place, value);
    bool has_start = local_time_parse(settings.start, &start, NULL);
    window->start = settings.start;
    window->end = settings.end;
    window->duration_s = (uint32_t)settings.duration_s.value;
    if (has_start && settings.end.len)
        window->duration_s = duration_until(load, place, &start, settings.end);
    window->timezone = settings.timezone.len ? settings.timezone : text_from("UTC");
    bool has_rule = !settings.rrule || rrule_read(load, place, settings.rrule,
                                                  has_start ? &start : NULL, &window->rrule);
    if (has_start && has_rule)
        when_read(load, place, start, window);
    window->is_serial = settings.is_serial.value;
    window->comment = settings.comment;
    return settings.nodes;
}

/* False: it has no node that is not off, so it is left out, which is said. */
static bool window_nodes_read(struct load *load, const struct place *place, json_t *selectors,
                              struct inventory_window *window)
{
    struct place of_nodes = place_value(place, "nodes");
    struct index_list nodes = {0};
    if (!selectors || !list_expected(load, &of_nodes, selectors, 1) ||
        !nodes_select(load, &of_nodes, selectors, &nodes))
        return true;
    window->nodes = nodes.items;
    window->node_count = nodes.count;
    if (nodes.count == 0)
        mistake_warn(&load->mistakes, &of_nodes, "window-without-nodes",
                     "nothing to do while it is meant so; the window counts again when one is up",
                     "all nodes of the window are off, so it is left out");
    return nodes.count > 0;
}

void windows_read(struct load *load, const struct place *place, json_t *windows)
{
    struct inventory *inventory = load->inventory;
    uint32_t count = 0;
    if (!windows)
        return;
    if (!object_expected(load, place, windows))
        return;
    struct entry *entries = entries_sorted(load, windows, &count);
    if (count > WINDOWS_MAX) {
        mistake_add(&load->mistakes, place, "too-many-windows",
                    "join those of one time: a window has any number of nodes",
                    "expected at most %d windows, found %u", WINDOWS_MAX, count);
        return;
    }
    inventory->windows = arena_array(load->arena, struct inventory_window, count);
    for (uint32_t i = 0; i < count; i++) {
        struct place at_key = place_key(place, entries[i].key);
        struct place at_value = place_value(place, entries[i].key);
        struct inventory_window *window = &inventory->windows[inventory->window_count];
        *window =
            (struct inventory_window){.id = arena_text(load->arena, text_from(entries[i].key))};
        id_check(load, &at_key, entries[i].key);
        json_t *selectors = window_read(load, &at_value, entries[i].value, window);
        if (window_nodes_read(load, &at_value, selectors, window))
            inventory->window_count++;
    }
}

/* -- one alone ----------------------------------------------------------------------------------
 */

static void selectors_read(struct load *load, json_t *list, struct overlay_window *window)
{
    static const struct place document = {0};
    struct place place = place_value(&document, "nodes");
    if (!list || !list_expected(load, &place, list, 1))
        return;
    struct text *selectors = arena_array(load->arena, struct text, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct place item = place_item(&place, i);
        const json_t *value = json_array_get(list, i);
        if (json_is_string(value))
            selectors[i] = arena_text(load->arena, json_text(value));
        else
            expected(load, &item, "a selector in quotes, or the id of a node", value);
    }
    window->selectors = selectors;
    window->selector_count = (uint32_t)json_array_size(list);
}

/* The selectors must mean something in an inventory, which is only read. */
static void selectors_check(struct load *load, const struct inventory *inventory, json_t *list)
{
    static const struct place document = {0};
    struct inventory aside = *inventory;
    struct inventory_window window = {0};
    struct inventory *own = load->inventory;
    load->inventory = &aside;
    load->marks = arena_array(&load->scratch, bool, inventory->node_count);
    load->node_is_uncertain = arena_array(&load->scratch, bool, inventory->node_count);
    if (list && load->mistakes.errors == 0 && !window_nodes_read(load, &document, list, &window))
        mistake_add(&load->mistakes, &document, "window-without-nodes",
                    "name a node that is not off", "all nodes of the window are off");
    load->inventory = own;
}

/* Without a text there are no lines, and the order is that of reading. */
static void mistakes_list(const struct mistakes *mistakes, struct findings *findings)
{
    for (size_t i = 0; i < mistakes->count; i++)
        findings_add(findings, &(struct finding){.severity = mistakes->items[i].severity,
                                                 .code = mistakes->items[i].code,
                                                 .pointer = mistakes->items[i].spot.pointer,
                                                 .file = "",
                                                 .message = mistakes->items[i].message,
                                                 .mend = mistakes->items[i].mend});
}

bool window_document_read(struct arena *arena, const struct inventory *inventory, struct text id,
                          json_t *value, struct overlay_window *window, struct findings *findings)
{
    static const struct place document = {0};
    struct inventory none = {0};
    struct load load = {.inventory = &none, .arena = arena};
    struct place of_id = place_value(&document, "id");
    struct overlay_window read = *window;
    const char *name = arena_cstr(arena, id);
    read.window = (struct inventory_window){.id = text_from(name)};
    id_check(&load, &of_id, name);
    json_t *selectors = window_read(&load, &document, value, &read.window);
    selectors_read(&load, selectors, &read);
    if (inventory)
        selectors_check(&load, inventory, selectors);
    bool is_good = load.mistakes.errors == 0;
    mistakes_list(&load.mistakes, findings);
    mistakes_fini(&load.mistakes);
    arena_fini(&load.scratch);
    if (is_good)
        *window = read;
    return is_good;
}

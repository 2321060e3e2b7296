/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan status: what is served, since when, and what operators changed. */
#include <string.h>

#include "srvplan/command/remote.h"
#include "srvplan/command/status_watch.h"
#include "srvplan/command/table.h"
#include "srvplan/command/views.h"
#include "zones/base/clock.h"

static const char *list_print(const json_t *list, struct arena *arena)
{
    const char *text = NULL;
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *word = json_string_value(item);
        if (word)
            text = text ? arena_printf(arena, "%s, %s", text, word) : word;
    }
    return text;
}

static void line(const struct output *output, const char *label, const char *text,
                 struct arena *arena)
{
    fprintf(output->out, "%-12s %s\n", label, output_text(output, text, arena));
}

static const char *dnsd_print(const json_t *dnsd, struct arena *arena)
{
    int64_t pid = member_number(dnsd, "pid", 0);
    int64_t workers = member_number(dnsd, "workers", 0);
    const char *addresses = list_print(json_object_get(dnsd, "addresses"), arena);
    const char *step = json_is_true(json_object_get(dnsd, "in_step")) ? "in step" : "NOT in step";
    if (!pid)
        return arena_printf(arena, "%s, not connected", step);
    return arena_printf(arena, "%s, generation %lld, process %lld, %lld worker%s, %s", step,
                        (long long)member_number(dnsd, "generation", 0), (long long)pid,
                        (long long)workers, workers == 1 ? "" : "s",
                        addresses ? addresses : "no address");
}

/* What the responder counted; NULL: nobody says. */
static const char *counts_print(const json_t *dnsd, int64_t now_ms, struct arena *arena)
{
    int64_t queries = member_number(dnsd, "queries", -1);
    int64_t limited = member_number(dnsd, "limited", 0);
    if (queries < 0)
        return NULL;
    const char *since = view_time(member_text(dnsd, "started_at", NULL), now_ms, arena);
    return limited ? arena_printf(arena, "%lld since %s, %lld of them beyond the rate limit",
                                  (long long)queries, since, (long long)limited)
                   : arena_printf(arena, "%lld since %s", (long long)queries, since);
}

static void head_print(const struct output *output, const json_t *status, int64_t now_ms,
                       struct arena *arena)
{
    int64_t revision = member_number(status, "revision", 0);
    int64_t served = member_number(status, "served_revision", 0);
    const json_t *inventory = json_object_get(status, "inventory");
    const char *reasons = list_print(json_object_get(status, "reasons"), arena);
    bool is_ready = json_is_true(json_object_get(status, "ready"));

    const char *ready = is_ready ? "yes" : "no";
    if (reasons) /* ready with a reason: an inventory file that is not in force */
        ready = arena_printf(arena, "%s%s%s", ready, is_ready ? ", but " : ": ", reasons);

    line(output, "ready", ready, arena);
    line(output, "revision",
         arena_printf(arena, "%lld, published %s", (long long)revision,
                      view_time(member_text(status, "published_at", NULL), now_ms, arena)),
         arena);
    line(output, "served",
         served ? arena_printf(arena, "revision %lld since %s", (long long)served,
                               view_time(member_text(status, "served_at", NULL), now_ms, arena))
                : "nothing yet",
         arena);
    line(output, "dnsd", dnsd_print(json_object_get(status, "dnsd"), arena), arena);
    const char *counts = counts_print(json_object_get(status, "dnsd"), now_ms, arena);
    if (counts)
        line(output, "queries", counts, arena);
    line(output, "inventory",
         arena_printf(arena, "%s, from the %s", member_text(inventory, "file", "-"),
                      member_text(inventory, "source", "-")),
         arena);
    line(output, "next change", view_time(member_text(status, "next_change", NULL), now_ms, arena),
         arena);
}

static void zones_print(const struct output *output, const json_t *status)
{
    struct table table = table_with(2);
    table_add(&table, output, "ZONE");
    table_add(&table, output, "SERIAL");
    const json_t *zones = json_object_get(status, "zones");
    size_t i;
    json_t *zone;
    json_array_foreach(zones, i, zone)
    {
        table_add(&table, output, member_text(zone, "zone", NULL));
        table_addf(&table, output, "%lld", (long long)member_number(zone, "serial", 0));
    }
    fputc('\n', output->out);
    table_print(&table, output);
    table_fini(&table);
    int64_t hidden = member_number(status, "zones_total", 0) - (int64_t)json_array_size(zones);
    if (hidden > 0)
        fprintf(output->out, "... and %lld more\n", (long long)hidden);
}

/* Openings under way or blocked, and windows that wait; nothing when there are none. */
static void windows_print(const struct output *output, const json_t *windows, int64_t now_ms,
                          struct arena *arena)
{
    static const char *const names[] = {"WINDOW", "STATE", "OPENS", "BECAUSE"};
    struct table table = table_with(COUNT_OF(names));
    size_t i;
    json_t *window;
    for (i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i]);
    json_array_foreach(windows, i, window)
    {
        const char *state = member_text(window, "state", "-");
        table_add(&table, output, member_text(window, "id", NULL));
        table_add(&table, output, state);
        table_paint(&table, strcmp(state, "blocked") == 0 ? TABLE_BAD : TABLE_STRONG);
        table_add(&table, output, view_time(member_text(window, "opens_at", NULL), now_ms, arena));
        table_add(&table, output, member_text(window, "because", NULL));
    }
    if (json_array_size(windows)) {
        fputc('\n', output->out);
        table_print(&table, output);
    }
    table_fini(&table);
}

static void status_print(const struct output *output, const json_t *status)
{
    int64_t now_ms = clock_realtime_ms();
    const json_t *drains = json_object_get(status, "drains");
    const json_t *weights = json_object_get(status, "weights");
    struct arena arena = {0};
    head_print(output, status, now_ms, &arena);
    zones_print(output, status);
    fputc('\n', output->out);
    if (json_array_size(drains) == 0) {
        fputs("no drains\n", output->out);
    } else {
        size_t i;
        json_t *drain;
        json_array_foreach(drains, i, drain)
        {
            fprintf(output->out, "%sdrain by %s: %s\n", i ? "\n" : "",
                    output_text(output, member_text(drain, "actor", "-"), &arena),
                    output_text(output, member_text(drain, "reason", "-"), &arena));
            view_drain(output, drain, now_ms);
        }
    }
    windows_print(output, json_object_get(status, "windows"), now_ms, &arena);
    fputc('\n', output->out);
    if (json_array_size(weights) == 0)
        fputs("no weights but the inventory's\n", output->out);
    else
        view_weights(output, weights, now_ms);
    arena_fini(&arena);
}

int command_status(const struct context *context)
{
    struct remote remote;
    struct remote_reply reply = {0};
    int code = remote_open(&remote, context);
    bool is_watching = invocation_has(context->invocation, OPTION_WATCH);
    if (code == EXIT_FINE && is_watching)
        code = status_watch(&remote, status_print);
    else if (code == EXIT_FINE)
        code = remote_get(&remote, "/api/v1/status", &reply);
    if (is_watching || code != EXIT_FINE)
        goto out;
    if (context->output.is_json)
        output_reply(&context->output, reply.document, reply.text);
    else
        status_print(&context->output, reply.document);
out:
    remote_reply_fini(&reply);
    remote_close(&remote);
    return code;
}

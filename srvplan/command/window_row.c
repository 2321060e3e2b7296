/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan window suggest: a row of maintenance windows that gives each node a turn, and the piece
 * of an inventory that makes it so. */
#include "srvplan/command/offline.h"
#include "srvplan/command/table.h"
#include "srvplan/command/window.h"
#include "srvplan/duration.h"
#include "srvplan/nearest.h"
#include "srvplan/window_suggest.h"
#include "zones/base/clock.h"

struct window_work {
    const struct context *context;
    struct offline offline;
    struct arena arena;
    struct window_request request;
    uint32_t within_s; /* 0: whenever */
};

/* -- what is asked ------------------------------------------------------------------------------
 */

static bool unknown_node(const struct inventory *inventory, struct text id, struct error *err)
{
    struct nearest nearest = nearest_to(id);
    for (uint32_t i = 0; i < inventory->node_count; i++)
        nearest_consider(&nearest, inventory->nodes[i].id);
    if (nearest.best.len)
        return error_set(err, ERROR_NOT_FOUND,
                         "no node '%.*s' in the inventory; did you mean %.*s?", (int)id.len, id.ptr,
                         (int)nearest.best.len, nearest.best.ptr);
    return error_set(err, ERROR_NOT_FOUND, "no node '%.*s' in the inventory; it has %u, as %.*s",
                     (int)id.len, id.ptr, inventory->node_count, (int)inventory->nodes[0].id.len,
                     inventory->nodes[0].id.ptr);
}

static bool read_nodes(struct window_work *work, struct error *err)
{
    const struct invocation *invocation = work->context->invocation;
    const struct inventory *inventory = work->offline.inventory;
    uint32_t count = 0;
    uint32_t *nodes = arena_array(&work->arena, uint32_t, invocation->operand_count);
    for (uint32_t i = 1; i < invocation->operand_count; i++) {
        struct text id = text_from(invocation->operands[i]);
        uint32_t node = inventory_find_node(inventory, id);
        if (node == INVENTORY_NONE)
            return unknown_node(inventory, id, err);
        for (uint32_t j = 0; j < count; j++)
            if (nodes[j] == node)
                return error_set(err, ERROR_USAGE, "node %.*s is named twice", (int)id.len, id.ptr);
        nodes[count++] = node;
    }
    work->request.nodes = nodes;
    work->request.node_count = count;
    return true;
}

static bool read_request(struct window_work *work, struct error *err)
{
    static const struct overlays none = {0};
    const struct invocation *invocation = work->context->invocation;
    const char *from = invocation_value(invocation, OPTION_FROM, NULL);
    const char *within = invocation_value(invocation, OPTION_WITHIN, NULL);
    const char *duration = invocation_value(invocation, OPTION_FOR, "");
    work->request.input = (struct plan_input){work->offline.layout, &none, work->offline.at_ms};
    if (from && !clock_parse(text_from(from), &work->request.input.at_ms))
        return error_set(err, ERROR_USAGE, "--from '%.60s': no time", from);
    if (within && !duration_parse(text_from(within), DURATION_MAX_S, &work->within_s, err))
        return error_within(err, "--within");
    return duration_parse(text_from(duration), DURATION_MAX_S, &work->request.duration_s, err) &&
           read_nodes(work, err);
}

/* Before any file is read. */
bool window_suggest_check(const struct invocation *invocation, struct error *err)
{
    if (invocation->operand_count < 2)
        return error_set(err, ERROR_USAGE, "window suggest: for which nodes? Name them");
    if (!invocation_has(invocation, OPTION_FOR))
        return error_set(err, ERROR_USAGE,
                         "window suggest: for how long? Give --for, as --for 1h, the time that the "
                         "work on a node takes");
    return true;
}

/* -- what is said -------------------------------------------------------------------------------
 */

static const char *nodes_text(struct window_work *work, const struct window_turn *turn)
{
    const char *text = "";
    for (uint32_t i = 0; i < turn->node_count; i++) {
        struct text id = work->offline.inventory->nodes[turn->nodes[i]].id;
        text = arena_printf(&work->arena, "%s%s%.*s", text, i ? " " : "", (int)id.len, id.ptr);
    }
    return text;
}

/* "suggested-1", or with a number that no window has yet. */
static const char *window_id(struct window_work *work, uint32_t turn)
{
    const struct inventory *inventory = work->offline.inventory;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < inventory->window_count; i++) {
        struct text id = inventory->windows[i].id;
        uint64_t number = 0;
        bool is_ours =
            text_starts_with(id, "suggested-") &&
            text_to_u64((struct text){id.ptr + 10, id.len - 10}, 1, UINT32_MAX / 2, &number);
        taken = is_ours && number > taken ? (uint32_t)number : taken;
    }
    return arena_printf(&work->arena, "suggested-%u", taken + turn + 1);
}

/* "2026-12-06T02:00": a window's start, in UTC. */
static const char *start_text(struct window_work *work, const struct window_turn *turn)
{
    char text[CLOCK_TEXT_SIZE];
    return arena_printf(&work->arena, "%.16s", clock_print(turn->timeline.open_at_ms, text));
}

static json_t *windows_json(struct window_work *work, const struct window_suggestion *suggestion)
{
    json_t *windows = json_object();
    for (uint32_t i = 0; i < suggestion->turn_count; i++) {
        const struct window_turn *turn = &suggestion->turns[i];
        json_t *nodes = json_array();
        for (uint32_t j = 0; j < turn->node_count; j++) {
            struct text id = work->offline.inventory->nodes[turn->nodes[j]].id;
            json_array_append_new(nodes, json_stringn(id.ptr, id.len));
        }
        json_object_set_new(windows, window_id(work, i),
                            json_pack("{s:o, s:s, s:i}", "nodes", nodes, "start",
                                      start_text(work, turn), "duration",
                                      (int)work->request.duration_s));
    }
    return windows;
}

static json_t *time_json(int64_t at_ms)
{
    char text[CLOCK_TEXT_SIZE];
    return at_ms == TIMELINE_NEVER ? json_null() : json_string(clock_print(at_ms, text));
}

static json_t *suggestion_json(struct window_work *work, const struct window_suggestion *suggestion)
{
    json_t *turns = json_array(), *windows = windows_json(work, suggestion);
    int64_t length_ms = suggestion->last_change_at_ms - suggestion->first_change_at_ms;
    for (uint32_t i = 0; i < suggestion->turn_count; i++) {
        const struct timeline *timeline = &suggestion->turns[i].timeline;
        json_t *nodes = json_object_get(json_object_get(windows, window_id(work, i)), "nodes");
        json_array_append_new(
            turns,
            json_pack("{s:O, s:o, s:o, s:o, s:o, s:o, s:o}", "nodes", nodes, "ttl_lowered",
                      time_json(timeline->lower_at_ms), "ramp", time_json(timeline->ramp_at_ms),
                      "withdrawn", time_json(timeline->withdrawn_at_ms), "opens",
                      time_json(timeline->open_at_ms), "ends", time_json(timeline->end_at_ms),
                      "restored", time_json(timeline->restored_at_ms)));
    }
    return json_pack("{s:o, s:o, s:o, s:I, s:b, s:o}", "turns", turns, "first_change",
                     time_json(suggestion->first_change_at_ms), "last_change",
                     time_json(suggestion->last_change_at_ms), "length",
                     (json_int_t)(length_ms / 1000), "is_shortest", suggestion->is_shortest,
                     "windows", windows);
}

static void add_time(struct table *table, const struct output *output, int64_t at_ms)
{
    char text[CLOCK_TEXT_SIZE];
    table_add(table, output, at_ms == TIMELINE_NEVER ? "" : clock_print(at_ms, text));
}

static void put_table(struct window_work *work, const struct window_suggestion *suggestion)
{
    static const char *const headings[] = {"TURN",      "NODES", "TTL LOWERED", "RAMP",
                                           "WITHDRAWN", "OPENS", "ENDS",        "WHOLE AGAIN"};
    const struct output *output = &work->context->output;
    struct table table = table_with(COUNT_OF(headings));
    for (size_t i = 0; i < COUNT_OF(headings); i++)
        table_add(&table, output, headings[i]);
    for (uint32_t i = 0; i < suggestion->turn_count; i++) {
        const struct timeline *timeline = &suggestion->turns[i].timeline;
        table_addf(&table, output, "%u", i + 1);
        table_add(&table, output, nodes_text(work, &suggestion->turns[i]));
        add_time(&table, output, timeline->lower_at_ms);
        add_time(&table, output, timeline->ramp_at_ms);
        add_time(&table, output, timeline->withdrawn_at_ms);
        add_time(&table, output, timeline->open_at_ms);
        add_time(&table, output, timeline->end_at_ms);
        add_time(&table, output, timeline->restored_at_ms);
    }
    table_print(&table, output);
    table_fini(&table);
}

/* The piece to paste, a window a line. */
static void put_fragment(struct window_work *work, const struct window_suggestion *suggestion)
{
    FILE *out = work->context->output.out;
    json_t *windows = windows_json(work, suggestion), *window;
    const char *id, *separator = "";
    fputs("\n  \"windows\": {", out);
    json_object_foreach(windows, id, window)
    {
        fprintf(out, "%s\n    \"%s\": ", separator, id);
        json_dumpf(window, out, 0);
        separator = ",";
    }
    fputs("\n  }\n", out);
    json_decref(windows);
}

static void put_suggestion(struct window_work *work, const struct window_suggestion *suggestion)
{
    const struct output *output = &work->context->output;
    int64_t length_ms = suggestion->last_change_at_ms - suggestion->first_change_at_ms;
    put_table(work, suggestion);
    fprintf(output->out, "\n%u turn%s, %s from the first change to the last; %s\n",
            suggestion->turn_count, suggestion->turn_count == 1 ? "" : "s",
            duration_print(length_ms / 1000, &work->arena),
            suggestion->is_shortest
                ? "no row of fewer turns passes the guards."
                : "found without trying every way to share turns, which is too much for so many "
                  "nodes.");
    put_fragment(work, suggestion);
}

/* What forbids it, as JSON. */
static int forbid(const struct window_work *work, const struct error *err)
{
    const struct output *output = &work->context->output;
    if (output->is_json) {
        json_t *json = json_pack("{s:[], s:s}", "turns", "forbidden", err->message);
        output_tree(output, json);
        json_decref(json);
    }
    return output_fail(output, err);
}

static int suggest(struct window_work *work)
{
    const struct output *output = &work->context->output;
    struct window_suggestion suggestion;
    struct error err = {0};
    if (!read_request(work, &err))
        return output_fail(output, &err);
    if (!window_suggest(&work->request, &work->arena, &suggestion, &err))
        return forbid(work, &err);
    int64_t needed_ms = suggestion.last_change_at_ms - work->request.input.at_ms;
    if (work->within_s && needed_ms > (int64_t)work->within_s * 1000) {
        error_set(&err, ERROR_CONFLICT,
                  "%u turn%s would be over after %s, not within %s; allow longer, fewer nodes, or "
                  "more of them at once by the guards",
                  suggestion.turn_count, suggestion.turn_count == 1 ? "" : "s",
                  duration_print(needed_ms / 1000, &work->arena),
                  duration_print(work->within_s, &work->arena));
        return forbid(work, &err);
    }
    if (output->is_json) {
        json_t *json = suggestion_json(work, &suggestion);
        output_tree(output, json);
        json_decref(json);
    } else {
        put_suggestion(work, &suggestion);
    }
    return EXIT_FINE;
}

int window_suggest_run(const struct context *context)
{
    struct window_work work = {.context = context};
    struct error err = {0};
    int code = EXIT_FAILED;
    if (!offline_open(&work.offline, context, LAYOUT_FOR_PLAN, &err)) {
        code = output_fail(&context->output, &err);
        goto out;
    }
    if (!context->output.is_json)
        offline_print_findings(&work.offline, &context->output);
    else if (!work.offline.layout)
        offline_print_findings_json(&work.offline, &context->output);
    if (work.offline.layout && work.offline.findings.errors == 0)
        code = suggest(&work);
out:
    offline_close(&work.offline);
    arena_fini(&work.arena);
    return code;
}

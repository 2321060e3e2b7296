/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan windows, window ls, window show: windows and their openings for people. */
#include "srvplan/command/window.h"

#include "srvplan/command/table.h"
#include "srvplan/command/views.h"
#include "zones/base/clock.h"

#include <string.h>

enum {
    WINDOWS_MAX = 100000, /* more than a server may hold */
    OPENINGS_SHOWN = 5,
};

static const char *words_text(const json_t *words, struct arena *arena)
{
    const char *list = NULL;
    size_t i;
    json_t *word;
    json_array_foreach(words, i, word)
    {
        const char *text = json_string_value(word);
        list = list ? arena_printf(arena, "%s,%s", list, text ? text : "?") : text;
    }
    return list ? list : "-";
}

static const char *state_of(const json_t *window)
{
    return member_text(json_object_get(window, "status"), "state", "-");
}

static void paint_state(struct table *table, const char *state)
{
    if (strcmp(state, "blocked") == 0)
        table_paint(table, TABLE_BAD);
    else if (strcmp(state, "active") == 0)
        table_paint(table, TABLE_STRONG);
}

/* "2h", or the local end of the first turn. */
static const char *length_text(const json_t *window, struct arena *arena)
{
    int64_t duration_s = member_number(window, "duration", 0);
    return duration_s ? duration_print(duration_s, arena)
                      : arena_printf(arena, "to %s", member_text(window, "end", "-"));
}

static void windows_show(const struct output *output, const json_t *items)
{
    static const char *const names[] = {"WINDOW", "STATE", "NODES",  "NEXT OPENING",
                                        "LENGTH", "RULE",  "ORIGIN", "WHY"};
    struct arena arena = {0};
    struct table table = table_with(COUNT_OF(names));
    int64_t now_ms = clock_realtime_ms();
    for (size_t i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i]);
    size_t i;
    json_t *window;
    json_array_foreach(items, i, window)
    {
        const json_t *next = json_array_get(json_object_get(window, "next"), 0);
        table_add(&table, output, member_text(window, "id", NULL));
        table_add(&table, output, state_of(window));
        paint_state(&table, state_of(window));
        table_addf(&table, output, "%s%s", words_text(json_object_get(window, "nodes"), &arena),
                   json_is_true(json_object_get(window, "serial")) ? " in turn" : "");
        table_add(&table, output, view_time(member_text(next, "start", NULL), now_ms, &arena));
        table_add(&table, output, length_text(window, &arena));
        table_add(&table, output, member_text(window, "rrule", "once"));
        table_add(&table, output, member_text(window, "origin", NULL));
        table_add(&table, output,
                  member_text(window, "reason", member_text(window, "comment", NULL)));
    }
    table_print(&table, output);
    table_fini(&table);
    arena_fini(&arena);
}

int window_ls(struct remote *remote, const struct invocation *invocation)
{
    json_t *items = NULL;
    (void)invocation;
    int code = remote_list(remote, "/api/v1/windows", WINDOWS_MAX, &items);
    if (code != EXIT_FINE)
        return code;
    if (remote->output->is_json)
        remote_print_items(remote->output, items);
    else if (json_array_size(items) == 0)
        output_say(remote->output, "no windows");
    else
        windows_show(remote->output, items);
    json_decref(items);
    return code;
}

/* -- one ----------------------------------------------------------------------------------------
 */

static void line(const struct output *output, const char *name, const char *value)
{
    struct arena arena = {0};
    if (value)
        fprintf(output->out, "  %-9s  %s\n", name, output_text(output, value, &arena));
    arena_fini(&arena);
}

static void head_show(const struct output *output, const json_t *window)
{
    struct arena arena = {0};
    const json_t *status = json_object_get(window, "status");
    fprintf(output->out, "%s  %s\n", output_text(output, member_text(window, "id", "-"), &arena),
            state_of(window));
    line(output, "because", member_text(status, "because", NULL));
    line(output, "nodes",
         arena_printf(&arena, "%s%s", words_text(json_object_get(window, "nodes"), &arena),
                      json_is_true(json_object_get(window, "serial")) ? ", in turn" : ""));
    line(output, "start",
         arena_printf(&arena, "%s %s, %s", member_text(window, "start", "-"),
                      member_text(window, "timezone", "-"), length_text(window, &arena)));
    line(output, "rule", member_text(window, "rrule", "once"));
    line(output, "lead", duration_print(member_number(window, "lead", 0), &arena));
    line(output, "comment", member_text(window, "comment", NULL));
    line(output, "reason", member_text(window, "reason", NULL));
    line(output, "by", member_text(window, "actor", "the inventory"));
    arena_fini(&arena);
}

static void turns_show(const struct output *output, const json_t *turns)
{
    static const char *const names[] = {"NODES", "TTL LOWERED", "WITHDRAWN", "OPENS",
                                        "ENDS",  "WHOLE AGAIN", "STATE"};
    static const char *const keys[] = {"ttl_lowered_at", "withdraw_at", "start", "end",
                                       "restored_at",    "state"};
    struct arena arena = {0};
    struct table table = table_with(COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i]);
    size_t i;
    json_t *turn;
    json_array_foreach(turns, i, turn)
    {
        table_add(&table, output, words_text(json_object_get(turn, "nodes"), &arena));
        for (size_t j = 0; j < COUNT_OF(keys); j++)
            table_add(&table, output, member_text(turn, keys[j], NULL));
    }
    if (json_array_size(turns)) {
        fputc('\n', output->out);
        table_print(&table, output);
    }
    table_fini(&table);
    arena_fini(&arena);
}

static void openings_show(const struct output *output, const json_t *openings)
{
    static const char *const names[] = {"OPENS", "ENDS", "STATE", "WHY"};
    struct table table = table_with(COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i]);
    size_t i;
    json_t *opening;
    json_array_foreach(openings, i, opening)
    {
        const json_t *skipped = json_object_get(opening, "skipped");
        const json_t *ended = json_object_get(opening, "ended");
        const char *state = member_text(opening, "state", "-");
        table_add(&table, output, member_text(opening, "start", NULL));
        table_add(&table, output, member_text(opening, "end", NULL));
        table_add(&table, output, state);
        paint_state(&table, state);
        table_add(
            &table, output,
            member_text(opening, "blocked_because",
                        member_text(json_is_object(skipped) ? skipped : ended, "reason", NULL)));
    }
    if (json_array_size(openings)) {
        fputc('\n', output->out);
        table_print(&table, output);
    }
    table_fini(&table);
}

int window_show(struct remote *remote, const struct invocation *invocation)
{
    const struct output *output = remote->output;
    const char *id = window_operand(invocation);
    const char *from = invocation_value(invocation, OPTION_FROM, NULL);
    size_t limit = (size_t)invocation_number(invocation, OPTION_LIMIT, OPENINGS_SHOWN);
    struct arena arena = {0};
    struct remote_reply reply;
    json_t *openings = NULL;
    int64_t from_ms = clock_realtime_ms();
    char since[CLOCK_TEXT_SIZE];
    int code = window_fetch(remote, id, &reply);
    if (from)
        (void)!clock_parse(text_from(from), &from_ms);
    if (code == EXIT_FINE)
        code = remote_list(remote,
                           arena_printf(&arena, "%s?limit=%zu&from=%s",
                                        window_path(id, "/occurrences", &arena),
                                        limit < 100 ? limit : 100, clock_print(from_ms, since)),
                           limit, &openings);
    if (code == EXIT_FINE && output->is_json) {
        json_object_set(reply.document, "occurrences", openings);
        output_tree(output, reply.document);
    } else if (code == EXIT_FINE) {
        head_show(output, reply.document);
        turns_show(output, json_object_get(reply.document, "next"));
        openings_show(output, openings);
    }
    json_decref(openings);
    remote_reply_fini(&reply);
    arena_fini(&arena);
    return code;
}

/* -- after a change -----------------------------------------------------------------------------
 */

static void changes_show(const struct output *output, const json_t *plan)
{
    struct arena arena = {0};
    const json_t *changes = json_object_get(plan, "changes");
    size_t i;
    json_t *change;
    json_array_foreach(changes, i, change)
    {
        fprintf(output->out, "  ~ %s %s\n",
                output_text(output, member_text(change, "name", "-"), &arena),
                output_text(output, member_text(change, "type", "-"), &arena));
    }
    fprintf(output->out, "%zu set%s would differ then\n", json_array_size(changes),
            json_array_size(changes) == 1 ? "" : "s");
    arena_fini(&arena);
}

void window_tell(const struct output *output, const struct remote_reply *reply, const char *done)
{
    struct arena arena = {0};
    const json_t *plan = json_object_get(reply->document, "plan");
    if (output->is_json) {
        output_reply(output, reply->document, reply->text);
        return;
    }
    fprintf(output->out, "%s  %s%s\n",
            output_text(output, member_text(reply->document, "id", "-"), &arena),
            plan ? "would be " : "", done);
    line(output, "state", state_of(reply->document));
    line(output, "because",
         member_text(json_object_get(reply->document, "status"), "because", NULL));
    turns_show(output, json_object_get(reply->document, "next"));
    if (plan)
        changes_show(output, plan);
    arena_fini(&arena);
}

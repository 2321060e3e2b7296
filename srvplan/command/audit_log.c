/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan audit-log: who did what to what; and whether anybody has altered that since. */
#include <string.h>

#include "srvplan/command/remote.h"
#include "srvplan/command/table.h"

enum {
    LINES_DEFAULT = 20,
    PARTS_MAX = 100000, /* a server that never says "that was all" must not keep us for ever */
};

/* -- the lines -- */

static void lines_show(const struct output *output, const json_t *items)
{
    static const char *const names[] = {"LINE",   "AT",      "BY",       "FROM",  "ACTION",
                                        "OBJECT", "OUTCOME", "REVISION", "REASON"};
    struct table table = table_with(COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i]);
    size_t i;
    json_t *line;
    json_array_foreach(items, i, line)
    {
        const char *outcome = member_text(line, "outcome", NULL);
        int64_t revision = member_number(line, "revision", 0);
        table_addf(&table, output, "%lld", (long long)member_number(line, "id", 0));
        table_add(&table, output, member_text(line, "at", NULL));
        table_add(&table, output, member_text(line, "actor", NULL));
        table_add(&table, output, member_text(line, "source", NULL));
        table_add(&table, output, member_text(line, "action", NULL));
        table_add(&table, output, member_text(line, "object", NULL));
        table_add(&table, output, outcome);
        table_paint(&table, outcome && strcmp(outcome, "done") != 0 ? TABLE_BAD : TABLE_PLAIN);
        if (revision)
            table_addf(&table, output, "%lld", (long long)revision);
        else
            table_add(&table, output, NULL);
        table_add(&table, output, member_text(line, "reason", NULL));
    }
    table_print(&table, output);
    table_fini(&table);
}

/* The path with what was asked for. */
static const char *lines_path(const struct context *context, size_t limit, struct arena *arena)
{
    static const struct {
        enum option_id id;
        const char *key;
    } filters[] = {{OPTION_ACTOR, "actor"}, {OPTION_OBJECT, "object"}, {OPTION_SINCE, "since"}};
    const char *path = arena_printf(arena, "/api/v1/audit?limit=%zu", limit);
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        const char *value = invocation_value(context->invocation, filters[i].id, NULL);
        if (value)
            path =
                arena_printf(arena, "%s&%s=%s", path, filters[i].key, client_escape(value, arena));
    }
    return path;
}

static int lines_list(struct remote *remote, const struct context *context)
{
    size_t limit = (size_t)invocation_number(context->invocation, OPTION_LIMIT, LINES_DEFAULT);
    json_t *items = NULL;
    int code = remote_list(remote, lines_path(context, limit, &remote->arena), limit, &items);
    if (code == EXIT_FINE && context->output.is_json)
        remote_print_items(&context->output, items);
    else if (code == EXIT_FINE)
        lines_show(&context->output, items);
    json_decref(items);
    return code;
}

/* -- verify -- */

struct verdict {
    int64_t checked;
    json_t *last; /* the verdict on the last part */
};

/* Part after part, so that the server makes changes in between. */
static int verify_parts(struct remote *remote, const char *head, struct verdict *verdict)
{
    int code = EXIT_FINE;
    for (uint32_t part = 0; part < PARTS_MAX && code == EXIT_FINE; part++) {
        struct remote_reply reply = {0};
        const char *path = "/api/v1/audit/verify";
        if (head)
            path = arena_printf(&remote->arena, "%s?after=%s", path,
                                client_escape(head, &remote->arena));
        code = remote_get(remote, path, &reply);
        if (code == EXIT_FINE) {
            json_decref(verdict->last);
            verdict->last = json_incref(reply.document);
            verdict->checked += member_number(reply.document, "checked", 0);
            const char *next = member_text(reply.document, "next", NULL);
            head = next ? arena_text(&remote->arena, text_from(next)).ptr : NULL;
        }
        remote_reply_fini(&reply);
        if (!head)
            break;
    }
    return code;
}

static int verdict_print(const struct output *output, struct verdict *verdict, struct arena *arena)
{
    const json_t *broken = json_object_get(verdict->last, "broken");
    bool is_fine = json_is_true(json_object_get(verdict->last, "ok"));
    if (output->is_json) {
        json_object_set_new(verdict->last, "checked", json_integer(verdict->checked));
        json_object_del(verdict->last, "next");
        output_tree(output, verdict->last);
    } else if (is_fine) {
        fprintf(output->out, "%lld lines hold; the last one is %s\n", (long long)verdict->checked,
                output_text(output, member_text(verdict->last, "head", "none"), arena));
    }
    if (!is_fine)
        output_complain(output, "the audit was altered at line %lld: %s",
                        (long long)member_number(broken, "line", 0),
                        output_text(output, member_text(broken, "detail", "-"), arena));
    return is_fine ? EXIT_FINE : EXIT_FAILED;
}

static int verify(struct remote *remote, const struct context *context)
{
    struct verdict verdict = {0};
    int code =
        verify_parts(remote, invocation_value(context->invocation, OPTION_HEAD, NULL), &verdict);
    if (code == EXIT_FINE)
        code = verdict_print(&context->output, &verdict, &remote->arena);
    json_decref(verdict.last);
    return code;
}

static bool operands_check(const struct invocation *invocation, struct error *err)
{
    bool is_verify = invocation->operand_count > 0;
    if (is_verify && strcmp(invocation->operands[0], "verify") != 0)
        return error_set(err, ERROR_USAGE,
                         "audit-log %.60s: expected verify, or nothing to list the lines",
                         invocation->operands[0]);
    if (!is_verify && invocation_has(invocation, OPTION_HEAD))
        return error_set(err, ERROR_USAGE, "--head belongs to audit-log verify");
    return true;
}

int command_audit_log(const struct context *context)
{
    struct remote remote;
    struct error err = {0};
    if (!operands_check(context->invocation, &err))
        return output_fail(&context->output, &err);
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = context->invocation->operand_count ? verify(&remote, context)
                                                  : lines_list(&remote, context);
    remote_close(&remote);
    return code;
}

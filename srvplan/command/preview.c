/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/preview.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "srvplan/command/offline.h"
#include "zones/base/clock.h"

/* ---- asking ---- */

/* What to POST: the text of the inventory, comments included. NULL: its mistakes were told. */
static json_t *question_make(const struct context *context, int *code)
{
    struct offline offline = {0};
    struct error err = {0};
    json_t *question = NULL;
    const char *at = invocation_value(context->invocation, OPTION_AT, NULL);
    char text[CLOCK_TEXT_SIZE];
    int64_t at_ms;
    *code = EXIT_FAILED;
    if (!offline_open(&offline, context, LAYOUT_FOR_ZONES, &err)) {
        *code = output_fail(&context->output, &err);
    } else if (offline.findings.errors > 0) {
        offline_print_findings(&offline, &context->output);
    } else {
        struct text whole = inventory_source_text(offline.source);
        question = json_object();
        json_object_set_new(question, "inventory", json_stringn(whole.ptr, whole.len));
        if (at && clock_parse(text_from(at), &at_ms))
            json_object_set_new(question, "at", json_string(clock_print(at_ms, text)));
    }
    offline_close(&offline);
    return question;
}

int preview_ask(struct remote *remote, const struct context *context, struct remote_reply *reply)
{
    const struct client_request request = {.method = "POST", .path = "/api/v1/plan"};
    int code;
    json_t *question = question_make(context, &code);
    *reply = (struct remote_reply){0};
    if (question)
        code = remote_call(remote, &request, question, reply);
    json_decref(question);
    return code;
}

/* ---- showing ---- */

/* "5/8" as "62.5 %"; "" when there is none. */
static const char *share_text(const json_t *record, const char *key, struct arena *arena)
{
    const char *exact = member_text(record, key, NULL);
    if (!exact)
        return "";
    char *slash = NULL;
    double num = strtod(exact, &slash), den = *slash == '/' ? strtod(slash + 1, NULL) : 0;
    return den > 0 ? arena_printf(arena, "%.3g %%", 100 * num / den) : "";
}

static void record_print(const struct output *output, const json_t *record, struct arena *arena)
{
    static const struct {
        const char *action, *sign, *color;
    } signs[] = {{"add", "+", "\033[32m"},
                 {"update", "~", "\033[33m"},
                 {"remove", "-", "\033[31m"},
                 {"keep", " ", ""}};
    const char *action = member_text(record, "action", "keep");
    size_t at = 0;
    while (at < COUNT_OF(signs) - 1 && strcmp(signs[at].action, action) != 0)
        at++;
    const char *text = member_text(record, "after", member_text(record, "before", "-"));
    const char *before = share_text(record, "share_before", arena);
    const char *after = share_text(record, "share_after", arena);
    const char *color = output->colors_out ? signs[at].color : "";
    fprintf(output->out, "%s      %s %s", color, signs[at].sign, output_text(output, text, arena));
    if (strcmp(before, after) != 0)
        fprintf(output->out, "   %s -> %s", *before ? before : "none", *after ? after : "none");
    else if (*after)
        fprintf(output->out, "   %s", after);
    fprintf(output->out, "%s\n", *color ? "\033[0m" : "");
}

static void change_print(const struct output *output, const json_t *change)
{
    struct arena arena = {0};
    const json_t *before = json_object_get(change, "before");
    const json_t *after = json_object_get(change, "after");
    const char *sign = !json_is_object(before) ? "+" : !json_is_object(after) ? "-" : "~";
    int64_t owners = member_number(change, "owners", 1);
    int64_t ttl_before = member_number(before, "ttl", -1);
    int64_t ttl_after = member_number(after, "ttl", -1);
    fprintf(output->out, "  %s %s %s", sign,
            output_text(output, member_text(change, "name", "-"), &arena),
            output_text(output, member_text(change, "type", "-"), &arena));
    if (owners > 1)
        fprintf(output->out, " and %lld more name%s", (long long)owners - 1,
                owners == 2 ? "" : "s");
    if (ttl_before >= 0 && ttl_after >= 0 && ttl_before != ttl_after)
        fprintf(output->out, "   TTL %lld -> %lld", (long long)ttl_before, (long long)ttl_after);
    fputc('\n', output->out);
    size_t i;
    json_t *record;
    json_array_foreach(json_object_get(change, "records"), i, record)
    {
        record_print(output, record, &arena);
    }
    arena_fini(&arena);
}

void preview_print(const struct output *output, const json_t *changes, const json_t *summary)
{
    size_t i;
    json_t *change;
    json_array_foreach(changes, i, change)
    {
        change_print(output, change);
    }
    fprintf(output->out, "Plan: %lld to add, %lld to change, %lld to remove; %lld stay.\n",
            (long long)member_number(summary, "add", 0),
            (long long)member_number(summary, "change", 0),
            (long long)member_number(summary, "remove", 0),
            (long long)member_number(summary, "no_op", 0));
}

static void warnings_print(const struct output *output, const json_t *warnings)
{
    struct arena arena = {0};
    size_t i;
    json_t *warning;
    json_array_foreach(warnings, i, warning)
    {
        if (strcmp(member_text(warning, "severity", ""), "warning") == 0)
            output_say(output, "warning: %s [%s]",
                       output_text(output, member_text(warning, "message", "-"), &arena),
                       output_text(output, member_text(warning, "code", "-"), &arena));
    }
    arena_fini(&arena);
}

bool preview_print_verdicts(const struct output *output, const json_t *preview)
{
    struct arena arena = {0};
    bool is_refused = false;
    size_t i;
    json_t *guard;
    warnings_print(output, json_object_get(preview, "warnings"));
    json_array_foreach(json_object_get(preview, "guards"), i, guard)
    {
        if (json_is_true(json_object_get(guard, "ok")))
            continue;
        is_refused = true;
        output_complain(output, "refused: %s",
                        output_text(output, member_text(guard, "message", "-"), &arena));
    }
    arena_fini(&arena);
    return is_refused;
}

/* ---- doing ---- */

int preview_confirm(const struct context *context, const char *question)
{
    const struct output *output = &context->output;
    if (output->is_json || invocation_has(context->invocation, OPTION_YES) ||
        !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return EXIT_FINE;
    fflush(output->out);
    fprintf(output->err, "%s [y/N] ", question);
    fflush(output->err);
    char answer[16] = "";
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return EXIT_FINE;
    output_complain(output, "nothing changed: the answer was not yes");
    return EXIT_FAILED;
}

int preview_print_done(const struct output *output, const json_t *document, int code)
{
    struct arena arena = {0};
    const char *served_at = member_text(document, "served_at", NULL);
    if (code == EXIT_UNREACHABLE &&
        served_at) /* 202: a drain with a ramp came along, and has begun */
        code = EXIT_FINE;
    if (!output->is_json)
        fprintf(output->out, "revision %lld, %s%s\n",
                (long long)member_number(document, "revision", 0),
                served_at ? "served " : "not served yet",
                served_at ? output_text(output, served_at, &arena) : "");
    if (code == EXIT_UNREACHABLE)
        output_complain(output,
                        "stored, but not served yet: the DNS server has not taken it; it will "
                        "be served as soon as it can; `srvplan status` says why");
    arena_fini(&arena);
    return code;
}

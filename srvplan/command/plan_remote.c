/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan plan of a server: what it serves, at any instant, or what an inventory would change
 * there. */
#include <string.h>

#include "srvplan/command/ask_server.h"
#include "srvplan/command/difference.h"
#include "srvplan/command/out_file.h"
#include "srvplan/command/preview.h"
#include "srvplan/published_json.h"
#include "zones/base/clock.h"

static int write_out(const struct context *context, const struct remote_reply *reply)
{
    const char *file = invocation_value(context->invocation, OPTION_OUT, NULL);
    struct error err = {0};
    if (!file || out_file_write(file, text_from(reply->text), OUT_FILE_REPLACE, &err))
        return EXIT_FINE;
    return output_fail(&context->output, &err);
}

/* ---- what an inventory would change ---- */

static int preview(struct remote *remote, const struct context *context)
{
    const struct output *output = &context->output;
    struct remote_reply reply;
    int code = preview_ask(remote, context, &reply);
    if (code != EXIT_FINE)
        return code;
    if (output->is_json)
        output_reply(output, reply.document, reply.text);
    else
        preview_print(output, json_object_get(reply.document, "changes"),
                      json_object_get(reply.document, "summary"));
    if (preview_print_verdicts(output, reply.document)) {
        code = EXIT_GUARD;
        if (invocation_has(context->invocation, OPTION_OUT))
            output_complain(output, "%s: not written: a plan that is refused is not to be applied",
                            output_text(output,
                                        invocation_value(context->invocation, OPTION_OUT, ""),
                                        &remote->arena));
    } else {
        code = write_out(context, &reply);
    }
    if (code == EXIT_FINE && invocation_has(context->invocation, OPTION_DETAILED_EXITCODE) &&
        json_array_size(json_object_get(reply.document, "changes")) > 0)
        code = EXIT_DIFFERENT;
    remote_reply_fini(&reply);
    return code;
}

/* ---- what is served ---- */

static int show_in_force(const struct context *context, const struct remote_reply *reply,
                         enum difference_format format)
{
    const struct output *output = &context->output;
    const struct published *published;
    struct arena arena = {0};
    struct error err = {0};
    int code = EXIT_FINE;
    const char *label =
        arena_printf(&arena, "revision %lld",
                     (long long)member_number(reply->document, "revision",
                                              member_number(reply->document, "base_revision", 0)));
    if (output->is_json)
        output_reply(output, reply->document, reply->text);
    else if (published_of_json(reply->document, label, &arena, &published, &err))
        difference_write(output, sheet_of_published(published, "Plan", &arena), format);
    else
        code = output_fail(output, &err);
    arena_fini(&arena);
    return code;
}

static int in_force(struct remote *remote, const struct context *context,
                    enum difference_format format)
{
    const char *at = invocation_value(context->invocation, OPTION_AT, NULL);
    const char *path = "/api/v1/plan";
    char text[CLOCK_TEXT_SIZE];
    int64_t at_ms;
    struct remote_reply reply;
    if (at && clock_parse(text_from(at), &at_ms))
        path = arena_printf(&remote->arena, "/api/v1/plan?at=%s",
                            client_escape(clock_print(at_ms, text), &remote->arena));
    int code = remote_get(remote, path, &reply);
    if (code == EXIT_FINE)
        code = show_in_force(context, &reply, format);
    if (code == EXIT_FINE)
        code = write_out(context, &reply);
    remote_reply_fini(&reply);
    return code;
}

int plan_of_server(const struct context *context)
{
    static const enum option_id local[] = {OPTION_AGAINST, OPTION_ALL, OPTION_COUNT};
    bool has_file = invocation_has(context->invocation, OPTION_FILE);
    struct context ours = *context;
    struct error err = {0};
    struct remote remote;
    enum difference_format format;
    if (!ask_server_check(context, local, &err) ||
        !difference_format_find(context->invocation, &ours.output, &format, &err))
        return output_fail(&context->output, &err);
    if (has_file && format != DIFFERENCE_TEXT && format != DIFFERENCE_TREE) {
        error_set(&err, ERROR_USAGE,
                  "plan of a server: what an inventory would change there is written as text, JSON "
                  "or YAML");
        return output_fail(&context->output, &err);
    }
    int code = remote_open(&remote, &ours);
    if (code == EXIT_FINE)
        code = has_file ? preview(&remote, &ours) : in_force(&remote, &ours, format);
    remote_close(&remote);
    return code;
}

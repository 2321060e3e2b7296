/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan plan: what an inventory makes, and why; with --against, what that changes. */
#include <stdlib.h>

#include "srvplan/command/ask_server.h"
#include "srvplan/command/difference.h"
#include "srvplan/command/out_file.h"
#include "srvplan/report/report_json.h"

struct plan_work {
    const struct context *context;
    struct output output; /* with the format of --format */
    struct offline offline;
    struct source against;
    struct arena arena;
    const struct comparison *comparison; /* NULL: without --against */
};

static int verdict(const struct plan_work *work)
{
    const struct offline *offline = &work->offline;
    if (!offline->plan || offline->findings.errors > 0)
        return EXIT_FAILED;
    if (offline->plan->refusal_count > 0)
        return EXIT_GUARD;
    bool is_different =
        work->comparison ? work->comparison->change_count > 0 : offline->plan->set_count > 0;
    if (invocation_has(work->context->invocation, OPTION_DETAILED_EXITCODE) && is_different)
        return EXIT_DIFFERENT;
    return EXIT_FINE;
}

/* EXIT_FINE, or the exit code of what was told. */
static int against_open(struct plan_work *work)
{
    struct context context = *work->context;
    context.output = work->output;
    const struct published *plan =
        published_of_plan(work->offline.plan, work->offline.file, &work->arena);
    int code = source_open(&work->against, &context, plan);
    if (code != EXIT_FINE)
        return code;
    work->comparison =
        compare(work->against.published, plan, difference_scope(context.invocation), &work->arena);
    return EXIT_FINE;
}

static json_t *document_of(const struct plan_work *work)
{
    json_t *document = report_plan_json(work->offline.plan, &work->offline.findings);
    if (work->comparison)
        difference_add(document, work->comparison);
    return document;
}

static int out_write(const struct plan_work *work, const char *file)
{
    struct error err = {0};
    json_t *document = document_of(work);
    char *text = json_dumps(document, JSON_INDENT(2));
    bool done = out_file_write(file, text_from(text), OUT_FILE_REPLACE, &err);
    json_decref(document);
    free(text);
    return done ? EXIT_FINE : output_fail(&work->output, &err);
}

static void show(const struct plan_work *work, enum difference_format format)
{
    const struct output *output = &work->output;
    struct report_style style = difference_style(output);
    struct arena arena = {0};
    if (output->is_json) {
        json_t *document = document_of(work);
        output_tree(output, document);
        json_decref(document);
    } else if (format == DIFFERENCE_TEXT && !work->comparison) {
        report_plan_text(output->out, work->offline.plan, style);
    } else {
        struct sheet *sheet =
            work->comparison ? sheet_of_comparison(work->comparison, "Plan", &arena)
                             : sheet_of_published(published_of_plan(work->offline.plan,
                                                                    work->offline.file, &arena),
                                                  "Plan", &arena);
        sheet_add_plan(sheet, work->offline.plan, &work->offline.findings, &arena);
        difference_write(output, sheet, format);
    }
    arena_fini(&arena);
}

/* The plan is there. EXIT_FINE, or the exit code of what was told. */
static int plan_run(struct plan_work *work, enum difference_format format)
{
    const struct invocation *invocation = work->context->invocation;
    bool is_against = invocation_has(invocation, OPTION_AGAINST);
    const char *out = invocation_value(invocation, OPTION_OUT, NULL);
    int code = is_against ? against_open(work) : EXIT_FINE;
    if (code != EXIT_FINE)
        return code;
    show(work, format);
    if (!work->output.is_json)
        offline_print_refusals(&work->offline, &work->output);
    code = verdict(work);
    if (out && code != EXIT_FAILED && code != EXIT_GUARD) {
        int written = out_write(work, out);
        return written == EXIT_FINE ? code : written;
    }
    if (out)
        output_complain(&work->output,
                        "%s: not written: a plan that is refused is not to be applied",
                        output_text(&work->output, out, &work->arena));
    return code;
}

static int plan_here(const struct context *context)
{
    struct plan_work work = {.context = context, .output = context->output};
    struct error err = {0};
    enum difference_format format;
    int code;
    const char *against = invocation_value(context->invocation, OPTION_AGAINST, NULL);
    if (!difference_format_find(context->invocation, &work.output, &format, &err) ||
        (against && !source_parse(&work.against, against, &err)))
        return output_fail(&work.output, &err);
    if (!offline_open(&work.offline, context, LAYOUT_FOR_PLAN, &err)) {
        code = output_fail(&work.output, &err);
        goto out;
    }
    if (!work.output.is_json)
        offline_print_findings(&work.offline, &work.output);
    if (!work.offline.plan && work.output.is_json)
        offline_print_findings_json(&work.offline, &work.output);
    code = work.offline.plan ? plan_run(&work, format) : EXIT_FAILED;
out:
    source_close(&work.against);
    offline_close(&work.offline);
    arena_fini(&work.arena);
    return code;
}

/* With an inventory, only a server that stands on the command line is meant: one that the
 * environment names must not turn an offline plan into a question. */
int command_plan(const struct context *context)
{
    static const enum option_id named[] = {OPTION_SERVER, OPTION_SOCKET, OPTION_CONTEXT};
    if (invocation_has(context->invocation, OPTION_AGAINST)) /* which may be of the server */
        return plan_here(context);
    for (size_t i = 0; i < COUNT_OF(named); i++)
        if (invocation_has(context->invocation, named[i]))
            return plan_of_server(context);
    return ask_server_or(context, plan_of_server, plan_here);
}

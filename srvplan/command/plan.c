/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan plan: what an inventory makes, and why. */
#include "srvplan/command/offline.h"
#include "srvplan/report/report_json.h"
#include "srvplan/report/report_text.h"

static void plan_show(const struct offline *offline, const struct output *output)
{
    struct report_style style = {.colour = output->colors_out, .utf8 = output->is_utf8};
    if (output->is_json)
        offline_print_json(output, report_plan_json(offline->plan, &offline->findings));
    else
        report_plan_text(output->out, offline->plan, style);
}

static int verdict(const struct offline *offline, const struct invocation *invocation)
{
    if (!offline->plan || offline->findings.errors > 0)
        return EXIT_FAILED;
    if (offline->plan->refusal_count > 0)
        return EXIT_GUARD;
    if (invocation_has(invocation, OPTION_DETAILED_EXITCODE) && offline->plan->set_count > 0)
        return EXIT_DIFFERENT;
    return EXIT_FINE;
}

int command_plan(const struct context *context)
{
    const struct output *output = &context->output;
    struct offline offline;
    struct error err = {0};
    int code;
    if (!offline_open(&offline, context, LAYOUT_FOR_PLAN, &err)) {
        code = output_fail(output, &err);
        goto out;
    }
    code = verdict(&offline, context->invocation);
    if (!output->is_json)
        offline_print_findings(&offline, output);
    if (offline.plan)
        plan_show(&offline, output);
    else if (output->is_json)
        offline_print_findings_json(&offline, output);
    if (!output->is_json)
        offline_print_refusals(&offline, output);
out:
    offline_close(&offline);
    return code;
}

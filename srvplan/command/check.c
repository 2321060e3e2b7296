/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan check: everything that is wrong with an inventory, in one run. */
#include "srvplan/command/offline.h"

/* What a guard refuses before any drain is a mistake of the inventory, so it becomes a finding. */
static void refusals_add(struct offline *offline)
{
    for (uint32_t i = 0; offline->plan && i < offline->plan->refusal_count; i++) {
        const struct plan_verdict *verdict = &offline->plan->refusals[i];
        const struct plan_guard_row *row = &plan_guard_rows[verdict->guard];
        const struct finding finding = {
            .severity = FINDING_ERROR,
            .code = row->code,
            .pointer = row->pointer,
            .message = verdict->message,
            .mend = "",
        };
        findings_add(&offline->findings, &finding);
    }
    offline_locate(offline);
}

static const char *plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

static void fine_print(const struct offline *offline, const struct output *output)
{
    const struct inventory *inventory = offline->inventory;
    struct arena arena = {0};
    fprintf(output->out, "%s: fine: %u domain%s, %u node%s, %u set%s\n",
            output_text(output, offline->file, &arena), inventory->domain_count,
            plural(inventory->domain_count), inventory->node_count, plural(inventory->node_count),
            offline->plan->set_count, plural(offline->plan->set_count));
    arena_fini(&arena);
}

static int verdict(const struct offline *offline, const struct invocation *invocation)
{
    if (!offline->plan || offline->findings.errors > 0)
        return EXIT_FAILED;
    if (invocation_has(invocation, OPTION_STRICT) && offline->findings.count > 0)
        return EXIT_DIFFERENT;
    return EXIT_FINE;
}

int command_check(const struct context *context)
{
    const struct output *output = &context->output;
    struct offline offline;
    struct error err = {0};
    int code;
    if (!offline_open(&offline, context, LAYOUT_FOR_PLAN, &err)) {
        code = output_fail(output, &err);
        goto out;
    }
    refusals_add(&offline);
    code = verdict(&offline, context->invocation);
    if (output->is_json) {
        offline_print_findings_json(&offline, output);
    } else {
        offline_print_findings(&offline, output);
        if (code == EXIT_FINE)
            fine_print(&offline, output);
    }
out:
    offline_close(&offline);
    return code;
}

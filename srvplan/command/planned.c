/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/planned.h"

int planned_run(const struct context *context,
                int (*run)(const struct offline *offline, const struct context *context,
                           struct error *err))
{
    const struct output *output = &context->output;
    struct offline offline;
    struct error err = {0};
    int code = EXIT_FAILED;
    if (!offline_open(&offline, context, LAYOUT_FOR_PLAN, &err)) {
        code = output_fail(output, &err);
    } else if (!offline.plan) {
        if (output->is_json)
            offline_print_findings_json(&offline, output);
        else
            offline_print_findings(&offline, output);
    } else {
        if (offline.findings.errors > 0)
            offline_print_findings(&offline, output);
        if (!output->is_quiet)
            offline_print_refusals(&offline, output);
        code = run(&offline, context, &err);
    }
    offline_close(&offline);
    return code;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands of the design that are not there yet; each goes from here when it comes. */
#include "srvplan/command/context.h"

static int later(const struct context *context)
{
    struct error err = {0};
    error_set(&err, ERROR_UNSUPPORTED, "%s: not supported yet",
              command_rows[context->invocation->command].name);
    return output_fail(&context->output, &err);
}

int command_simulate(const struct context *context)
{
    return later(context);
}

int command_explain(const struct context *context)
{
    return later(context);
}

int command_tune(const struct context *context)
{
    return later(context);
}

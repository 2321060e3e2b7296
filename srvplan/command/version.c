/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan version and help. */
#include "srvplan/command/context.h"

int command_version(const struct context *context)
{
    const struct output *output = &context->output;
    if (output->is_json) {
        json_t *version = json_pack("{s:s,s:i}", "version", SRVPLAN_VERSION, "api", 1);
        output_tree(output, version);
        json_decref(version);
    } else {
        fputs("srvplan " SRVPLAN_VERSION "\n", output->out);
    }
    return EXIT_FINE;
}

int command_help(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    enum command_id command = COMMAND_NONE;
    struct error err = {0};
    if (invocation->operand_count > 0) {
        command = command_find(invocation->operands[0]);
        if (command == COMMAND_NONE) {
            command_unknown(invocation->operands[0], &err);
            return output_fail(&context->output, &err);
        }
    }
    help_print(context->output.out, command);
    return EXIT_FINE;
}

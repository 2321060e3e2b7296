/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan drains: the drains in force, of all nodes or of those that are named; with --wait until
 * they are clear. */
#include <string.h>

#include "srvplan/command/drain_wait.h"
#include "srvplan/command/remote.h"
#include "srvplan/command/views.h"
#include "zones/base/clock.h"

/* Leaves those of the named nodes. False: one of them has none, which is told. */
static bool nodes_choose(const struct context *context, json_t **drains)
{
    const struct invocation *invocation = context->invocation;
    json_t *chosen = json_array();
    bool all_there = true;
    for (uint32_t n = 0; n < invocation->operand_count; n++) {
        size_t i, before = json_array_size(chosen);
        json_t *drain;
        json_array_foreach(*drains, i, drain)
        {
            if (strcmp(member_text(drain, "node", ""), invocation->operands[n]) == 0)
                json_array_append(chosen, drain);
        }
        if (json_array_size(chosen) > before)
            continue;
        struct arena arena = {0};
        output_complain(&context->output, "%s: no drain is in force; `srvplan drains` lists them",
                        output_text(&context->output, invocation->operands[n], &arena));
        arena_fini(&arena);
        all_there = false;
    }
    json_decref(*drains);
    *drains = chosen;
    return all_there;
}

static void show(const struct output *output, json_t *drains)
{
    if (output->is_json)
        remote_print_items(output, drains);
    else if (json_array_size(drains) == 0)
        output_say(output, "no drains");
    else
        view_drains(output, drains, clock_realtime_ms());
    fflush(output->out);
}

int command_drains(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    bool waits = invocation_has(invocation, OPTION_WAIT),
         all = invocation_has(invocation, OPTION_ALL);
    struct error err = {0};
    struct remote remote;
    json_t *drains = NULL;
    if (waits && all) {
        error_set(&err, ERROR_USAGE, "--wait and --all: closed drains are not waited for");
        return output_fail(&context->output, &err);
    }
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = remote_list(&remote, all ? "/api/v1/drains?all=true" : "/api/v1/drains", SIZE_MAX,
                           &drains);
    if (code == EXIT_FINE && invocation->operand_count && !nodes_choose(context, &drains))
        code = EXIT_FAILED;
    if (drains && (code == EXIT_FINE || json_array_size(drains)))
        show(&context->output, drains);
    if (code == EXIT_FINE && waits && json_array_size(drains))
        code = drain_wait(&remote, drains);
    json_decref(drains);
    remote_close(&remote);
    return code;
}

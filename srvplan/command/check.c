/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan check: everything that is wrong with an inventory, or with zone files, in one run. */
#include "srvplan/command/check_build.h"
#include "srvplan/command/offline.h"

/* What a guard refuses before any drain is a mistake of the inventory, so it becomes a finding. */
static void refusals_add(struct offline *offline)
{
    for (uint32_t i = 0; offline->plan && i < offline->plan->refusal_count; i++) {
        const struct plan_verdict *verdict = &offline->plan->refusals[i];
        const struct plan_guard_row *row = &plan_guard_rows[verdict->guard];
        if (verdict->guard == PLAN_GUARD_MIN_TTL)
            continue; /* lint has said it: T04 */
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

int check_verdict(const struct findings *findings, const struct invocation *invocation)
{
    if (findings->errors > 0)
        return EXIT_FAILED;
    if (invocation_has(invocation, OPTION_STRICT) && findings->count > 0)
        return EXIT_DIFFERENT;
    return EXIT_FINE;
}

/* The only domain that is no component, or a name without length. */
static struct name only_domain(const struct inventory *inventory)
{
    struct name only = {0};
    for (uint32_t i = 0; i < inventory->domain_count; i++) {
        if (inventory->domains[i].component_of != INVENTORY_NONE)
            continue;
        if (only.len)
            return (struct name){0};
        only = inventory->domains[i].name;
    }
    return only;
}

static bool host_metas_check(struct offline *offline, const struct invocation *invocation,
                             struct error *err)
{
    struct check_host_metas metas;
    struct arena arena = {0};
    bool ok = !offline->plan || check_host_metas_read(invocation, only_domain(offline->inventory),
                                                      &arena, &metas, err);
    if (ok && offline->plan)
        lint_plan_host_metas(offline->plan, metas.items, metas.count, &offline->findings);
    arena_fini(&arena);
    return ok;
}

static int check_inventory(const struct context *context)
{
    const struct output *output = &context->output;
    struct offline offline;
    struct error err = {0};
    int code;
    if (!offline_open(&offline, context, LAYOUT_FOR_PLAN, &err) ||
        !host_metas_check(&offline, context->invocation, &err)) {
        code = output_fail(output, &err);
        goto out;
    }
    refusals_add(&offline);
    code = offline.plan ? check_verdict(&offline.findings, context->invocation) : EXIT_FAILED;
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

int command_check(const struct context *context)
{
    return invocation_has(context->invocation, OPTION_LINT_ZONE) ? check_zones(context)
                                                                 : check_inventory(context);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/offline.h"

#include "srvplan/command/findings_print.h"
#include "srvplan/lint.h"
#include "zones/base/clock.h"

static const struct overlays no_overlays = {0};

/* Brings the plan's findings behind the others. */
static void findings_join(struct findings *all, const struct findings *more)
{
    for (size_t i = 0; i < more->count; i++)
        findings_add(all, &more->items[i]);
}

/* Who asks for a zone file wants no advice; an error forbids it all the same. */
static enum lint_extent extent_of(enum command_id command)
{
    if (command == COMMAND_CHECK)
        return LINT_ALL;
    return command == COMMAND_PLAN ? LINT_WARNINGS : LINT_ERRORS;
}

bool offline_open(struct offline *offline, const struct context *context, enum layout_need need,
                  struct error *err)
{
    const char *file =
        invocation_value(context->invocation, OPTION_FILE, "/etc/srvplan/inventory.jsonc");
    return offline_open_file(offline, context, file, need, err);
}

bool offline_open_file(struct offline *offline, const struct context *context, const char *file,
                       enum layout_need need, struct error *err)
{
    *offline = (struct offline){.file = file, .at_ms = clock_realtime_ms()};
    const char *at = invocation_value(context->invocation, OPTION_AT, NULL);
    if (at && !clock_parse(text_from(at), &offline->at_ms))
        return error_set(err, ERROR_USAGE, "--at '%.60s': no time", at);
    offline->source = inventory_source_open(offline->file, err);
    if (!offline->source)
        return false;
    offline->inventory = inventory_load_source(offline->source, &offline->findings);
    if (offline->inventory)
        offline->layout = layout_build(offline->inventory, need, &offline->findings);
    if (!offline->layout) {
        offline_locate(offline);
        return true;
    }
    struct plan_input input = {
        .layout = offline->layout, .overlays = &no_overlays, .at_ms = offline->at_ms};
    offline->plan = plan_compute(&input);
    findings_join(&offline->findings, &offline->plan->findings);
    lint_plan(offline->plan, need, extent_of(context->invocation->command), &offline->findings);
    offline_locate(offline);
    return true;
}

void offline_locate(struct offline *offline)
{
    inventory_source_locate(offline->source, &offline->findings);
}

void offline_close(struct offline *offline)
{
    plan_free(offline->plan);
    layout_free(offline->layout);
    inventory_free(offline->inventory);
    inventory_source_free(offline->source);
    findings_fini(&offline->findings);
}

void offline_print_findings(const struct offline *offline, const struct output *output)
{
    findings_print(&offline->findings, offline->file, output);
}

void offline_print_json(const struct output *output, json_t *document)
{
    output_tree(output, document);
    json_decref(document);
}

void offline_print_findings_json(const struct offline *offline, const struct output *output)
{
    findings_print_json(&offline->findings, output);
}

void offline_print_refusals(const struct offline *offline, const struct output *output)
{
    struct arena arena = {0};
    for (uint32_t i = 0; offline->plan && i < offline->plan->refusal_count; i++) {
        const struct plan_verdict *verdict = &offline->plan->refusals[i];
        output_complain(
            output, "%s: refused by guard %s: %s", output_text(output, offline->file, &arena),
            plan_guard_rows[verdict->guard].name, output_text(output, verdict->message, &arena));
    }
    arena_fini(&arena);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/offline.h"

#include "srvplan/lint.h"
#include "srvplan/report/report_json.h"
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
    return command == COMMAND_CHECK || command == COMMAND_PLAN ? LINT_ALL : LINT_ERRORS;
}

bool offline_open(struct offline *offline, const struct context *context, enum layout_need need,
                  struct error *err)
{
    const struct invocation *invocation = context->invocation;
    *offline = (struct offline){
        .file = invocation_value(invocation, OPTION_FILE, "/etc/srvplan/inventory.jsonc"),
        .at_ms = clock_realtime_ms(),
    };
    const char *at = invocation_value(invocation, OPTION_AT, NULL);
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

static const char *severity_color(enum finding_severity severity)
{
    switch (severity) {
    case FINDING_ERROR:
        return "\033[1;31m";
    case FINDING_WARNING:
        return "\033[1;33m";
    case FINDING_INFO:
        return "\033[1;36m";
    }
    return "";
}

static void finding_print(const struct finding *finding, const char *otherwise,
                          const struct output *output)
{
    struct arena arena = {0};
    FILE *err = output->err;
    fputs(output_text(output, finding->file[0] ? finding->file : otherwise, &arena), err);
    if (finding->line > 0)
        fprintf(err, ":%u:%u", finding->line, finding->column);
    fprintf(err, ": %s%s:%s ", output->colors_err ? severity_color(finding->severity) : "",
            finding_severity_print(finding->severity), output->colors_err ? "\033[0m" : "");
    fputs(output_text(output, finding->message, &arena), err);
    if (finding->mend && finding->mend[0])
        fprintf(err, "; %s", output_text(output, finding->mend, &arena));
    fprintf(err, " [%s]", finding->code);
    if (finding->pointer && finding->pointer[0])
        fprintf(err, " (%s)", output_text(output, finding->pointer, &arena));
    fputc('\n', err);
    arena_fini(&arena);
}

void offline_print_findings(const struct offline *offline, const struct output *output)
{
    for (size_t i = 0; i < offline->findings.count; i++) {
        const struct finding *finding = &offline->findings.items[i];
        if (finding->severity == FINDING_ERROR || !output->is_quiet)
            finding_print(finding, offline->file, output);
    }
}

void offline_print_json(const struct output *output, json_t *document)
{
    json_dumpf(document, output->out, JSON_INDENT(2));
    fputc('\n', output->out);
    json_decref(document);
}

void offline_print_findings_json(const struct offline *offline, const struct output *output)
{
    offline_print_json(output,
                       json_pack("{s:o}", "findings", report_findings_json(&offline->findings)));
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

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/findings_print.h"

#include "srvplan/command/offline.h"
#include "srvplan/report/report_json.h"

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

/* Those of one severity. */
static void findings_print_some(const struct findings *findings, enum finding_severity severity,
                                const char *otherwise, const struct output *output)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].severity == severity)
            finding_print(&findings->items[i], otherwise, output);
}

void findings_print(const struct findings *findings, const char *otherwise,
                    const struct output *output)
{
    findings_print_some(findings, FINDING_ERROR, otherwise, output);
    if (output->is_quiet)
        return;
    findings_print_some(findings, FINDING_WARNING, otherwise, output);
    findings_print_some(findings, FINDING_INFO, otherwise, output);
}

void findings_print_json(const struct findings *findings, const struct output *output)
{
    offline_print_json(output, json_pack("{s:o}", "findings", report_findings_json(findings)));
}

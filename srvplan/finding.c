/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/finding.h"

void findings_fini(struct findings *findings)
{
    if (!findings)
        return;
    arena_fini(&findings->arena);
    *findings = (struct findings){0};
}

static const char *copy(struct findings *findings, const char *string)
{
    return arena_cstr(&findings->arena, text_from(string)); /* NULL becomes "" */
}

void findings_add(struct findings *findings, const struct finding *finding)
{
    findings->items = arena_grow(&findings->arena, findings->items, &findings->capacity,
                                 findings->count + 1, sizeof *findings->items);
    struct finding *added = &findings->items[findings->count++];
    *added = *finding;
    added->code = copy(findings, finding->code);
    added->pointer = copy(findings, finding->pointer);
    added->file = copy(findings, finding->file);
    added->message = copy(findings, finding->message);
    added->mend = copy(findings, finding->mend);
    findings->errors += finding->severity == FINDING_ERROR;
}

const char *finding_severity_print(enum finding_severity severity)
{
    switch (severity) {
    case FINDING_ERROR:
        return "error";
    case FINDING_WARNING:
        return "warning";
    case FINDING_INFO:
        return "info";
    }
    return "error";
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "srvplan/lint_view.h"

const struct lint_row lint_rows[LINT_COUNT] = {
#define LINT(id, code, severity, inputs, title, mend)                                              \
    [LINT_##id] = {#id, code, FINDING_##severity, (inputs), title, mend},
#include "srvplan/lint.def"
#undef LINT
};

bool lint_is_acceptable(enum lint_id id)
{
    bool is_judgement = id == LINT_S02 || id == LINT_X13_UNSIGNED;
    return lint_rows[id].severity == FINDING_WARNING || is_judgement;
}

static enum finding_severity severity_of(const struct lint *lint, enum lint_id id)
{
    const struct inventory_policy *policy =
        lint->plan ? &lint->plan->input.layout->inventory->policy : NULL;
    for (uint32_t i = 0; policy && i < policy->accepted_count; i++)
        if (lint_is_acceptable(id) && text_is(policy->accepted[i], lint_rows[id].code))
            return FINDING_INFO;
    return lint_rows[id].severity;
}

static void find(struct findings *findings, enum lint_id id, const struct finding *place,
                 const char *message)
{
    const struct lint_row *row = &lint_rows[id];
    struct finding finding = *place;
    finding.code = row->code;
    finding.message = message;
    finding.mend = row->mend;
    findings_add(findings, &finding);
}

static const char *format_message(struct arena *arena, const char *format, va_list args)
    PRINTF_LIKE(2, 0) __attribute__((nonnull(2)));
static const char *format_message(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *message = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(message, (size_t)len + 1, format, args);
    return message;
}

void lint_find_at(struct findings *findings, enum lint_id id, const struct finding *place,
                  const char *format, ...)
{
    struct arena arena = {0};
    va_list args;
    va_start(args, format);
    struct finding at = *place;
    at.severity = lint_rows[id].severity;
    find(findings, id, &at, format_message(&arena, format, args));
    va_end(args);
    arena_fini(&arena);
}

void lint_find(struct lint *lint, enum lint_id id, const struct lint_place *place,
               const char *format, ...)
{
    enum finding_severity severity = severity_of(lint, id);
    bool is_wanted = (int)severity <= (int)lint->extent;
    if (!is_wanted || ++lint->found[id] > LINT_MAX_PER_RULE)
        return;
    struct arena arena = {0};
    va_list args;
    va_start(args, format);
    const struct finding at = {.severity = severity,
                               .file = place->file,
                               .line = place->line,
                               .column = place->line > 0,
                               .pointer = place->pointer};
    find(lint->findings, id, &at, format_message(&arena, format, args));
    va_end(args);
    arena_fini(&arena);
}

/* Says how many were only counted. */
static void tell_the_rest(struct lint *lint)
{
    for (int id = 0; id < LINT_COUNT; id++)
        if (lint->found[id] > LINT_MAX_PER_RULE)
            lint_find_at(lint->findings, (enum lint_id)id, &(struct finding){0},
                         "%s: %u more of this kind are not listed", lint_rows[id].title,
                         lint->found[id] - LINT_MAX_PER_RULE);
}

static void check(struct lint *lint)
{
    lint_owners(lint);
    lint_targets(lint);
    lint_ports(lint);
    lint_xmpp(lint);
    lint_pools(lint);
    lint_weights(lint);
    lint_clients(lint);
    lint_time(lint);
    lint_size(lint);
    if (lint->given)
        lint_host_metas(lint, lint->given->host_metas, lint->given->host_meta_count);
    tell_the_rest(lint);
}

void lint_records(const struct lint_records *records, struct findings *findings)
{
    struct lint lint = {
        .findings = findings,
        .input = records->input,
        .extent = LINT_ALL,
        .given = records,
    };
    lint.host_names = intern_over(&lint.scratch);
    lint_take_records(&lint, records->items, records->count);
    lint_take_domains(&lint);
    lint_hosts_settle(&lint);
    check(&lint);
    arena_fini(&lint.scratch);
}

void lint_plan(const struct plan *plan, enum layout_need need, enum lint_extent extent,
               struct findings *findings)
{
    struct lint lint = {
        .findings = findings,
        .input = LINT_INVENTORY,
        .extent = extent,
        .plan = plan,
        .need = need,
    };
    lint.host_names = intern_over(&lint.scratch);
    lint_take_plan(&lint);
    lint_hosts_settle(&lint);
    check(&lint);
    arena_fini(&lint.scratch);
}

void lint_plan_host_metas(const struct plan *plan, const struct lint_host_meta *host_metas,
                          uint32_t count, struct findings *findings)
{
    struct lint lint = {
        .findings = findings,
        .input = LINT_INVENTORY,
        .extent = LINT_ALL,
        .plan = plan,
    };
    lint.host_names = intern_over(&lint.scratch);
    lint_take_plan(&lint);
    lint_hosts_settle(&lint);
    lint_host_metas(&lint, host_metas, count);
    tell_the_rest(&lint);
    arena_fini(&lint.scratch);
}

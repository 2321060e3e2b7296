/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan window, windows: which action is meant, and whether its options fit. */
#include "srvplan/command/window.h"

#include "srvplan/nearest.h"

#include <string.h>

static bool id_check(const struct invocation *invocation, struct error *err)
{
    return invocation->operand_count == 2 ||
           error_set(err, ERROR_USAGE,
                     "window %s: which one? Give one id; `srvplan windows` lists them",
                     invocation->operands[0]);
}

static bool ids_check(const struct invocation *invocation, struct error *err)
{
    return invocation->operand_count >= 2 || id_check(invocation, err);
}

static bool nothing_check(const struct invocation *invocation, struct error *err)
{
    return invocation->operand_count == 1 ||
           error_set(err, ERROR_USAGE, "window %s: takes no id", invocation->operands[0]);
}

static bool calendar_check(const struct invocation *invocation, struct error *err)
{
    return nothing_check(invocation, err) && window_reason_check(invocation, err);
}

static bool end_check(const struct invocation *invocation, struct error *err)
{
    return id_check(invocation, err) && window_reason_check(invocation, err);
}

enum {
    OF_ADD = 1,
    OF_EDIT = 2,
    OF_SHOW = 4,
    OF_RM = 8,
    OF_SKIP = 16,
    OF_END = 32,
    OF_SUGGEST = 64,
    OF_LS = 128,
    OF_CALENDAR = 256,
};

static const struct window_action {
    const char *name;
    bool (*check)(const struct invocation *invocation, struct error *err);
    int (*run)(struct remote *remote, const struct invocation *invocation); /* NULL: offline */
    unsigned bit;
} actions[] = {
    {"add", window_add_check, window_add, OF_ADD},
    {"ls", nothing_check, window_ls, OF_LS},
    {"show", id_check, window_show, OF_SHOW},
    {"edit", window_edit_check, window_edit, OF_EDIT},
    {"rm", ids_check, window_rm, OF_RM},
    {"skip", window_skip_check, window_skip, OF_SKIP},
    {"end", end_check, window_end, OF_END},
    {"calendar", calendar_check, window_calendar, OF_CALENDAR},
    {"suggest", window_suggest_check, NULL, OF_SUGGEST},
};

/* Which actions an option of the command belongs to. */
static const struct {
    enum option_id id;
    unsigned actions;
} belongings[] = {
    {OPTION_ID, OF_ADD},
    {OPTION_START, OF_ADD | OF_EDIT},
    {OPTION_END, OF_ADD | OF_EDIT},
    {OPTION_FOR, OF_ADD | OF_EDIT | OF_SUGGEST},
    {OPTION_TIMEZONE, OF_ADD | OF_EDIT},
    {OPTION_RRULE, OF_ADD | OF_EDIT},
    {OPTION_IN_TURN, OF_ADD | OF_EDIT},
    {OPTION_TOGETHER, OF_EDIT},
    {OPTION_NODES, OF_EDIT},
    {OPTION_REASON, OF_ADD | OF_EDIT | OF_SKIP | OF_END | OF_CALENDAR},
    {OPTION_DRY_RUN, OF_ADD | OF_EDIT | OF_RM | OF_SKIP | OF_END},
    {OPTION_UNDO, OF_SKIP},
    {OPTION_LIMIT, OF_SHOW},
    {OPTION_FROM, OF_SHOW | OF_SUGGEST},
    {OPTION_WITHIN, OF_SUGGEST},
};

static const struct window_action *action_find(const char *name, struct error *err)
{
    struct nearest nearest = nearest_to(text_from(name));
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
        nearest_consider(&nearest, text_from(actions[i].name));
    }
    if (nearest.best.len)
        error_set(err, ERROR_USAGE, "unknown action 'window %.40s'; did you mean %.*s?", name,
                  (int)nearest.best.len, nearest.best.ptr);
    else
        error_set(err, ERROR_USAGE,
                  "unknown action 'window %.40s'; there are add, ls, show, edit, rm, skip, end, "
                  "calendar and suggest",
                  name);
    return NULL;
}

static bool options_check(const struct window_action *action, const struct invocation *invocation,
                          struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(belongings); i++)
        if (invocation_has(invocation, belongings[i].id) && !(belongings[i].actions & action->bit))
            return error_set(err, ERROR_USAGE, "window %s has no option --%s; %s", action->name,
                             option_rows[belongings[i].id].name,
                             "`srvplan help window` says what belongs where");
    return true;
}

static int run_remotely(const struct context *context,
                        int (*run)(struct remote *, const struct invocation *))
{
    struct remote remote;
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = run(&remote, context->invocation);
    remote_close(&remote);
    return code;
}

int command_window(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    struct error err = {0};
    const struct window_action *action = action_find(invocation->operands[0], &err);
    if (!action || !options_check(action, invocation, &err) || !action->check(invocation, &err))
        return output_fail(&context->output, &err);
    return action->run ? run_remotely(context, action->run) : window_suggest_run(context);
}

int command_windows(const struct context *context)
{
    return run_remotely(context, window_ls);
}

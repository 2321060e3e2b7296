/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan serve, restore: become srvpland (exec: the process id stays, so a supervisor's signals
 * arrive).
 *
 * The daemons are looked for where srvplan itself is: beside it (an installation), in the
 * neighbouring room (a build tree), in ../libexec/srvplan, then along PATH. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "srvplan/command/context.h"

static const char *own_directory(struct arena *arena)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0)
        return NULL;
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    return arena_text(arena, (struct text){path, slash ? (size_t)(slash - path) : 0}).ptr;
}

static const char *path_search(const char *program, struct arena *arena)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        const char *candidate = arena_printf(arena, "%.*s/%s", (int)len, path, program);
        /* An empty or relative entry would mean the working directory. */
        if (path[0] == '/' && access(candidate, X_OK) == 0)
            return candidate;
        path += len + (path[len] == ':');
    }
    return NULL;
}

/* The absolute path of a daemon; `room` is its folder in the build tree. */
static const char *program_find(const char *program, const char *room, struct arena *arena,
                                struct error *err)
{
    const char *own = own_directory(arena);
    if (own) {
        const char *const candidates[] = {
            arena_printf(arena, "%s/%s", own, program),
            arena_printf(arena, "%s/../%s/%s", own, room, program),
            arena_printf(arena, "%s/../libexec/srvplan/%s", own, program),
        };
        for (size_t i = 0; i < COUNT_OF(candidates); i++) {
            if (access(candidates[i], X_OK) == 0)
                return candidates[i];
        }
    }
    const char *found = path_search(program, arena);
    if (!found)
        error_set(err, ERROR_NOT_FOUND,
                  "%s: not found beside srvplan (%.160s) nor along PATH; install it, or put it "
                  "there",
                  program, own ? own : "unknown");
    return found;
}

struct arguments {
    struct arena arena;
    const char **items;
    size_t count, capacity;
};

static void argument_add(struct arguments *arguments, const char *item)
{
    arguments->items = arena_grow(&arguments->arena, arguments->items, &arguments->capacity,
                                  arguments->count + 2, sizeof *arguments->items);
    arguments->items[arguments->count++] = item; /* a NULL stands behind the last one */
}

static void argument_pair(struct arguments *arguments, const char *name, const char *value)
{
    if (!value)
        return;
    argument_add(arguments, name);
    argument_add(arguments, value);
}

/* The options of `serve`, as srvpland has them; what is not given here may stand in its
 * configuration file. */
static const struct {
    enum option_id option;
    const char *name;
} passed[] = {
    {OPTION_CONFIG, "--config"},
    {OPTION_CONFIG_CHECK, "--config-check"},
    {OPTION_FILE, "--inventory"},
    {OPTION_STATE, "--state"},
    {OPTION_DNS, "--dns"},
    {OPTION_API, "--api"},
    {OPTION_TLS_CERT, "--tls-cert"},
    {OPTION_TLS_KEY, "--tls-key"},
    {OPTION_INSECURE, "--insecure"},
    {OPTION_WORKERS, "--workers"},
    {OPTION_RATE_LIMIT, "--rate-limit"},
    {OPTION_INVENTORY, "--inventory-from"},
};

static void arguments_fill(struct arguments *arguments, const struct invocation *invocation,
                           const char *srvpland, const char *dnsd)
{
    argument_add(arguments, srvpland);
    for (size_t i = 0; i < COUNT_OF(passed); i++) {
        uint32_t position = 0;
        if (option_rows[passed[i].option].value == VALUE_NONE &&
            invocation_has(invocation, passed[i].option))
            argument_add(arguments, passed[i].name);
        for (const char *value; (value = invocation_next(invocation, passed[i].option, &position));)
            argument_pair(arguments, passed[i].name, value);
    }
    argument_pair(arguments, "--dnsd", dnsd);
}

static bool become(struct arguments *arguments, const char *program, struct error *err)
{
    signal(SIGPIPE, SIG_DFL); /* ignoring it would be inherited */
    /* execv promises not to write to the strings (POSIX, exec, RATIONALE). */
    execv(program, (char *const *)(uintptr_t)arguments->items);
    return error_system(err, program, "is it built for this machine?", "cannot start");
}

int command_serve(const struct context *context)
{
    struct arguments arguments = {0};
    struct error err = {0};
    const char *srvpland = program_find("srvpland", "api", &arguments.arena, &err);
    const char *dnsd =
        srvpland ? program_find("srvplan-dnsd", "dnsd", &arguments.arena, &err) : NULL;
    if (dnsd) {
        arguments_fill(&arguments, context->invocation, srvpland, dnsd);
        (void)!become(&arguments, srvpland, &err);
    }
    int code = output_fail(&context->output, &err);
    arena_fini(&arguments.arena);
    return code;
}

int command_restore(const struct context *context)
{
    struct arguments arguments = {0};
    struct error err = {0};
    const char *srvpland = program_find("srvpland", "api", &arguments.arena, &err);
    if (srvpland) {
        argument_add(&arguments, srvpland);
        argument_pair(&arguments, "--state",
                      invocation_value(context->invocation, OPTION_STATE, NULL));
        argument_pair(&arguments, "--restore", context->invocation->operands[0]);
        (void)!become(&arguments, srvpland, &err);
    }
    int code = output_fail(&context->output, &err);
    arena_fini(&arguments.arena);
    return code;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan context: the servers that are known by name: add, use, ls, show, rm. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "srvplan/command/client.h"
#include "srvplan/command/context.h"
#include "srvplan/command/contexts.h"
#include "srvplan/command/table.h"
#include "srvplan/nearest.h"

struct work {
    const struct context *context;
    struct contexts contexts;
    const char *name; /* NULL: none was given */
};

static bool is_current(const struct contexts *contexts, const struct known_context *item)
{
    return contexts->current && strcmp(contexts->current, item->name) == 0;
}

static json_t *item_json(const struct work *work, const struct known_context *item)
{
    return json_pack("{s:s, s:s?, s:s?, s:s?, s:b}", "name", item->name, "server", item->server,
                     "socket", item->socket, "token_file", item->token_file, "current",
                     (int)is_current(&work->contexts, item));
}

static bool list(struct work *work, struct error *err)
{
    static const char *const names[] = {"", "NAME", "SERVER", "TOKEN"};
    const struct output *output = &work->context->output;
    (void)err;
    if (output->is_json) {
        json_t *items = json_array();
        for (uint32_t i = 0; i < work->contexts.count; i++)
            json_array_append_new(items, item_json(work, &work->contexts.items[i]));
        json_t *document = json_pack("{s:o, s:n}", "items", items, "next");
        output_tree(output, document);
        json_decref(document);
        return true;
    }
    if (work->contexts.count == 0)
        output_say(output, "no contexts; `srvplan context add NAME -s URL` adds one");
    struct table table = table_with(COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i][0] ? names[i] : " ");
    for (uint32_t i = 0; i < work->contexts.count; i++) {
        const struct known_context *item = &work->contexts.items[i];
        table_add(&table, output, is_current(&work->contexts, item) ? "*" : " ");
        table_add(&table, output, item->name);
        table_add(&table, output, item->server ? item->server : item->socket);
        table_add(&table, output, item->token_file);
    }
    if (work->contexts.count)
        table_print(&table, output);
    table_fini(&table);
    return true;
}

static bool show(struct work *work, struct error *err)
{
    const struct output *output = &work->context->output;
    const char *name = work->name ? work->name : work->contexts.current;
    const struct known_context *item = name ? contexts_find(&work->contexts, name) : NULL;
    if (!name)
        return error_set(err, ERROR_NOT_FOUND,
                         "no context is in use; `srvplan context use NAME` chooses one");
    if (!item)
        return contexts_unknown(&work->contexts, name, err);
    if (output->is_json) {
        json_t *document = item_json(work, item);
        output_tree(output, document);
        json_decref(document);
        return true;
    }
    struct arena arena = {0};
    fprintf(output->out, "%s  %s%s%s\n", output_text(output, item->name, &arena),
            output_text(output, item->server ? item->server : item->socket, &arena),
            item->token_file ? "  token in " : "",
            item->token_file ? output_text(output, item->token_file, &arena) : "");
    arena_fini(&arena);
    return true;
}

/* What is asked for by relative names is meant from here, and found from everywhere. */
static const char *absolute(const char *path, struct arena *arena)
{
    char *here = path && path[0] != '/' && path[0] != '~' ? realpath(path, NULL) : NULL;
    const char *found = here ? arena_cstr(arena, text_from(here)) : path;
    free(here);
    return found;
}

static bool add(struct work *work, struct error *err)
{
    const struct invocation *invocation = work->context->invocation;
    struct arena *arena = &work->contexts.arena;
    struct client_target target;
    const char *token_file = invocation_value(invocation, OPTION_TOKEN_FILE, NULL);
    const struct known_context item = {
        .name = work->name,
        .server = invocation_value(invocation, OPTION_SERVER, NULL),
        .socket = absolute(invocation_value(invocation, OPTION_SOCKET, NULL), arena),
        .token_file = absolute(token_file, arena),
        .tls = {absolute(invocation_value(invocation, OPTION_CA_FILE, NULL), arena),
                absolute(invocation_value(invocation, OPTION_CERT_FILE, NULL), arena),
                absolute(invocation_value(invocation, OPTION_KEY_FILE, NULL), arena)}};
    const struct client_options options = {.server = item.server, .socket = item.socket};
    if (!contexts_name_check(item.name, err))
        return false;
    if (!item.server == !item.socket)
        return error_set(err, ERROR_USAGE,
                         "context add: give the server, by -s URL or by --socket PATH");
    if (!client_target_find(&target, &options, arena, err))
        return false;
    if (token_file && access(contexts_path(item.token_file, arena), R_OK) != 0)
        return error_system(err, item.token_file, NULL, "cannot read the token");
    if (contexts_find(&work->contexts, item.name))
        return error_set(err, ERROR_CONFLICT,
                         "context '%s': it is there already; `srvplan context rm %s` first",
                         item.name, item.name);
    if (work->contexts.count == CONTEXTS_MAX)
        return error_set(err, ERROR_CONFLICT, "there are %d contexts already", CONTEXTS_MAX);
    contexts_add(&work->contexts, &item);
    if (!contexts_write(&work->contexts, err))
        return false;
    output_say(
        &work->context->output, "added %s%s%s", item.name,
        work->contexts.current ? "" : "; `srvplan context use ",
        work->contexts.current ? "" : arena_printf(arena, "%s` makes it the one meant", item.name));
    return true;
}

static bool use(struct work *work, struct error *err)
{
    const struct known_context *item = contexts_find(&work->contexts, work->name);
    if (!item)
        return contexts_unknown(&work->contexts, work->name, err);
    work->contexts.current = item->name;
    if (!contexts_write(&work->contexts, err))
        return false;
    output_say(&work->context->output, "commands now go to %s, %s", item->name,
               item->server ? item->server : item->socket);
    return true;
}

static bool rm(struct work *work, struct error *err)
{
    const struct known_context *item = contexts_find(&work->contexts, work->name);
    if (!item)
        return contexts_unknown(&work->contexts, work->name, err);
    bool was_current = is_current(&work->contexts, item);
    contexts_remove(&work->contexts, work->name);
    if (!contexts_write(&work->contexts, err))
        return false;
    if (was_current)
        output_say(&work->context->output, "no context is in use now");
    return true;
}

static const struct {
    const char *name;
    bool needs_name, takes_name;
    bool (*run)(struct work *work, struct error *err);
} verbs[] = {
    {"ls", false, false, list}, {"show", false, true, show}, {"add", true, true, add},
    {"use", true, true, use},   {"rm", true, true, rm},
};

static bool verb_unknown(const char *verb, struct error *err)
{
    struct nearest nearest = nearest_to(text_from(verb));
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        nearest_consider(&nearest, text_from(verbs[i].name));
    if (nearest.best.len)
        return error_set(err, ERROR_USAGE, "context %.40s: did you mean %.*s?", verb,
                         (int)nearest.best.len, nearest.best.ptr);
    return error_set(err, ERROR_USAGE, "context %.40s: expected ls, show, add, use or rm", verb);
}

static bool run(struct work *work, struct error *err)
{
    const struct invocation *invocation = work->context->invocation;
    const char *verb = invocation->operands[0];
    size_t at = 0;
    while (at < COUNT_OF(verbs) && strcmp(verbs[at].name, verb) != 0)
        at++;
    if (at == COUNT_OF(verbs))
        return verb_unknown(verb, err);
    work->name = invocation->operand_count > 1 ? invocation->operands[1] : NULL;
    if (verbs[at].needs_name && !work->name)
        return error_set(err, ERROR_USAGE, "context %s: which one? give its name", verb);
    if (!verbs[at].takes_name && work->name)
        return error_set(err, ERROR_USAGE, "context %s takes no name", verb);
    return verbs[at].run(work, err);
}

int command_context(const struct context *context)
{
    struct work work = {.context = context};
    struct error err = {0};
    bool done = contexts_read(&work.contexts, &err) && run(&work, &err);
    contexts_fini(&work.contexts);
    return done ? EXIT_FINE : output_fail(&context->output, &err);
}

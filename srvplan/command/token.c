/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan token: makes, lists and revokes tokens of the server's API. The new token alone goes to
 * stdout, so that it can be sent to a file without being seen. */
#include <string.h>

#include "srvplan/command/remote.h"
#include "srvplan/command/table.h"
#include "srvplan/command/views.h"
#include "srvplan/duration.h"
#include "srvplan/nearest.h"
#include "zones/base/clock.h"

enum {
    TOKENS_MAX = 100000 /* more than a server may hold */
};

/* What a token may change: "all", or its ids. */
static const char *limit_text(const json_t *words, struct arena *arena)
{
    return view_services(words, arena);
}

/* ---- create ---- */

static json_t *words_of(const char *list)
{
    json_t *words = json_array();
    while (list && *list) {
        size_t len = strcspn(list, ",");
        if (len)
            json_array_append_new(words, json_stringn(list, len));
        list += len + (list[len] == ',');
    }
    return words;
}

static bool create_check(const struct invocation *invocation, struct error *err)
{
    if (invocation->operand_count != 2)
        return error_set(err, ERROR_USAGE,
                         "token create: which name? One word, that says whose it is; for "
                         "example: %s",
                         command_rows[COMMAND_TOKEN].example);
    if (!invocation_has(invocation, OPTION_ROLE))
        return error_set(err, ERROR_USAGE,
                         "token create: which role? Give --role viewer (reads), operator (drains "
                         "and weights too) or admin");
    if (invocation_has(invocation, OPTION_FOR) && invocation_has(invocation, OPTION_UNTIL))
        return error_set(err, ERROR_USAGE, "token create: give --for or --until, not both");
    return true;
}

static json_t *create_body(const struct invocation *invocation, struct error *err)
{
    const char *nodes = invocation_value(invocation, OPTION_NODES, NULL);
    const char *domains = invocation_value(invocation, OPTION_DOMAINS, NULL);
    const char *until = invocation_value(invocation, OPTION_UNTIL, NULL);
    const char *duration = invocation_value(invocation, OPTION_FOR, NULL);
    uint32_t duration_s;
    json_t *body = json_pack("{s:s}", "role", invocation_value(invocation, OPTION_ROLE, ""));
    if (nodes)
        json_object_set_new(body, "nodes", words_of(nodes));
    if (domains)
        json_object_set_new(body, "domains", words_of(domains));
    if (until)
        json_object_set_new(body, "expires_at", json_string(until));
    if (duration && duration_parse(text_from(duration), DURATION_MAX_S, &duration_s, err))
        json_object_set_new(body, "expires_in", json_integer(duration_s));
    if (json_object_set_new(body, "name", json_string(invocation->operands[1])) == 0)
        return body;
    error_set(err, ERROR_USAGE, "token create: the name is not UTF-8");
    json_decref(body);
    return NULL;
}

static void create_say(const struct output *output, const json_t *made)
{
    struct arena arena = {0};
    fprintf(output->out, "%s\n", member_text(made, "token", "-"));
    fflush(output->out);
    output_say(output,
               "This is the token \"%s\" (%s), role %s; it is shown this once. Changes: nodes %s, "
               "domains %s. Ends: %s.",
               output_text(output, member_text(made, "name", "-"), &arena),
               output_text(output, member_text(made, "id", "-"), &arena),
               output_text(output, member_text(made, "role", "-"), &arena),
               output_text(output, limit_text(json_object_get(made, "nodes"), &arena), &arena),
               output_text(output, limit_text(json_object_get(made, "domains"), &arena), &arena),
               output_text(output, member_text(made, "expires_at", "never"), &arena));
    arena_fini(&arena);
}

static int create(struct remote *remote, const struct invocation *invocation)
{
    const struct output *output = remote->output;
    struct error err = {0};
    json_t *body = create_body(invocation, &err);
    if (!body)
        return output_fail(output, &err);
    struct remote_reply reply;
    struct client_request request = {.method = "POST", .path = "/api/v1/tokens"};
    int code = remote_call(remote, &request, body, &reply);
    if (code == EXIT_FINE && output->is_json)
        output_reply(output, reply.document, reply.text);
    else if (code == EXIT_FINE)
        create_say(output, reply.document);
    remote_reply_fini(&reply);
    json_decref(body);
    return code;
}

/* ---- ls ---- */

static void tokens_show(const struct output *output, const json_t *items)
{
    static const char *const names[] = {"NAME", "ROLE", "NODES", "DOMAINS", "EXPIRES",
                                        "MADE", "BY",   "MARK",  "ID"};
    struct arena arena = {0};
    struct table table = table_with(COUNT_OF(names));
    int64_t now_ms = clock_realtime_ms();
    for (size_t i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i]);
    size_t i;
    json_t *token;
    json_array_foreach(items, i, token)
    {
        int64_t expires_at_ms = INT64_MAX;
        const char *expires = member_text(token, "expires_at", "never");
        table_add(&table, output, member_text(token, "name", NULL));
        table_add(&table, output, member_text(token, "role", NULL));
        table_add(&table, output, limit_text(json_object_get(token, "nodes"), &arena));
        table_add(&table, output, limit_text(json_object_get(token, "domains"), &arena));
        (void)!clock_parse(text_from(expires), &expires_at_ms);
        table_add(&table, output, expires);
        if (expires_at_ms <= now_ms)
            table_paint(&table, TABLE_BAD);
        table_add(&table, output, member_text(token, "created_at", NULL));
        table_add(&table, output, member_text(token, "actor", NULL));
        table_add(&table, output, member_text(token, "fingerprint", NULL));
        table_add(&table, output, member_text(token, "id", NULL));
    }
    table_print(&table, output);
    table_fini(&table);
    arena_fini(&arena);
}

static int ls(struct remote *remote, const struct invocation *invocation)
{
    (void)invocation;
    json_t *items = NULL;
    int code = remote_list(remote, "/api/v1/tokens", TOKENS_MAX, &items);
    if (code != EXIT_FINE)
        return code;
    if (remote->output->is_json)
        remote_print_items(remote->output, items);
    else if (json_array_size(items) == 0)
        output_say(remote->output, "no tokens but that of admin.token");
    else
        tokens_show(remote->output, items);
    json_decref(items);
    return code;
}

/* ---- revoke ---- */

/* The id of the token with that name or id; NULL: there is none. */
static const char *find_id(const json_t *items, const char *name)
{
    size_t i;
    json_t *token;
    json_array_foreach(items, i, token)
    {
        if (strcmp(member_text(token, "name", ""), name) == 0 ||
            strcmp(member_text(token, "id", ""), name) == 0)
            return member_text(token, "id", NULL);
    }
    return NULL;
}

static int revoke_one(struct remote *remote, const json_t *items, const char *name, json_t *revoked)
{
    struct arena arena = {0};
    const char *shown = output_text(remote->output, name, &arena), *id = find_id(items, name);
    if (!id) {
        output_complain(remote->output, "%s: no such token; `srvplan token ls` lists them", shown);
        arena_fini(&arena);
        return EXIT_FAILED;
    }
    struct client_request request = {
        .method = "DELETE",
        .path = arena_printf(&arena, "/api/v1/tokens/%s", client_escape(id, &arena)),
        .if_match = "*"};
    struct remote_reply reply;
    int code = remote_call(remote, &request, NULL, &reply);
    if (reply.document)
        json_array_append(revoked, reply.document);
    if (code == EXIT_FINE && !remote->output->is_json)
        fprintf(remote->output->out, "%s  revoked\n", shown);
    remote_reply_fini(&reply);
    arena_fini(&arena);
    return code;
}

static bool revoke_check(const struct invocation *invocation, struct error *err)
{
    return invocation->operand_count >= 2 ||
           error_set(err, ERROR_USAGE,
                     "token revoke: which one? Give its name; `srvplan token ls` lists them");
}

static int revoke(struct remote *remote, const struct invocation *invocation)
{
    json_t *items = NULL, *revoked = json_array();
    int code = remote_list(remote, "/api/v1/tokens", TOKENS_MAX, &items);
    if (code == EXIT_FINE) {
        for (uint32_t i = 1; i < invocation->operand_count; i++) {
            int one = revoke_one(remote, items, invocation->operands[i], revoked);
            code = code == EXIT_FINE ? one : code;
        }
        if (remote->output->is_json)
            remote_print_items(remote->output, revoked);
    }
    json_decref(items);
    json_decref(revoked);
    return code;
}

/* ---- the choice ---- */

static bool ls_check(const struct invocation *invocation, struct error *err)
{
    return invocation->operand_count == 1 ||
           error_set(err, ERROR_USAGE, "token ls: takes no name; it lists all");
}

static const struct token_action {
    const char *name;
    bool (*check)(const struct invocation *invocation, struct error *err);
    int (*run)(struct remote *remote, const struct invocation *invocation);
    bool takes_options; /* --role and the others of a new token */
} actions[] = {
    {"create", create_check, create, true},
    {"ls", ls_check, ls, false},
    {"revoke", revoke_check, revoke, false},
};

static const struct token_action *action_find(const char *name, struct error *err)
{
    struct nearest nearest = nearest_to(text_from(name));
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
        nearest_consider(&nearest, text_from(actions[i].name));
    }
    if (nearest.best.len)
        error_set(err, ERROR_USAGE, "unknown action 'token %.40s'; did you mean %.*s?", name,
                  (int)nearest.best.len, nearest.best.ptr);
    else
        error_set(err, ERROR_USAGE, "unknown action 'token %.40s'; there are create, ls and revoke",
                  name);
    return NULL;
}

static bool options_check(const struct token_action *action, const struct invocation *invocation,
                          struct error *err)
{
    static const enum option_id of_create[] = {OPTION_ROLE, OPTION_NODES, OPTION_DOMAINS,
                                               OPTION_UNTIL, OPTION_FOR};
    for (size_t i = 0; i < COUNT_OF(of_create) && !action->takes_options; i++)
        if (invocation_has(invocation, of_create[i]))
            return error_set(err, ERROR_USAGE, "token %s has no option --%s; it belongs to create",
                             action->name, option_rows[of_create[i]].name);
    return true;
}

int command_token(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    struct error err = {0};
    const struct token_action *action = action_find(invocation->operands[0], &err);
    if (!action || !options_check(action, invocation, &err) || !action->check(invocation, &err))
        return output_fail(&context->output, &err);
    struct remote remote;
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = action->run(&remote, invocation);
    remote_close(&remote);
    return code;
}

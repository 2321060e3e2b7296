/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan window add, edit: from options to the body of a window. What an edit does not name stays
 * as the server has it, and nobody else's change is lost on the way. */
#include "srvplan/command/window.h"

#include <string.h>

/* -- options ------------------------------------------------------------------------------------
 */

static bool times_check(const struct invocation *invocation, struct error *err)
{
    if (invocation_has(invocation, OPTION_FOR) && invocation_has(invocation, OPTION_END))
        return error_set(err, ERROR_USAGE, "window %s: give --for or --end, not both",
                         invocation->operands[0]);
    if (invocation_has(invocation, OPTION_IN_TURN) && invocation_has(invocation, OPTION_TOGETHER))
        return error_set(err, ERROR_USAGE, "window %s: give --in-turn or --together, not both",
                         invocation->operands[0]);
    return true;
}

bool window_add_check(const struct invocation *invocation, struct error *err)
{
    if (invocation->operand_count < 2)
        return error_set(err, ERROR_USAGE,
                         "window add: for which nodes? Name them, or site:, tier:, tag: and *");
    if (!invocation_has(invocation, OPTION_START))
        return error_set(err, ERROR_USAGE,
                         "window add: when? Give --start, as --start 2026-12-06T02:00, in the time "
                         "zone of --timezone");
    if (!invocation_has(invocation, OPTION_FOR) && !invocation_has(invocation, OPTION_END))
        return error_set(err, ERROR_USAGE,
                         "window add: for how long? Give --for, as --for 2h, or "
                         "--end");
    return times_check(invocation, err) && window_reason_check(invocation, err);
}

bool window_edit_check(const struct invocation *invocation, struct error *err)
{
    if (invocation->operand_count != 2)
        return error_set(err, ERROR_USAGE,
                         "window edit: which one? Give one id; other nodes go by --nodes");
    return times_check(invocation, err) && window_reason_check(invocation, err);
}

/* -- bodies -------------------------------------------------------------------------------------
 */

/* Texts go as they are; "none" takes a rule away. */
static bool put_texts(json_t *body, const struct invocation *invocation, struct error *err)
{
    static const struct {
        enum option_id id;
        const char *key, *other; /* other: what it stands instead of */
    } members[] = {
        {OPTION_ID, "id", NULL},
        {OPTION_START, "start", NULL},
        {OPTION_END, "end", "duration"},
        {OPTION_FOR, "duration", "end"},
        {OPTION_TIMEZONE, "timezone", NULL},
        {OPTION_RRULE, "rrule", NULL},
        {OPTION_REASON, "reason", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const char *value = invocation_value(invocation, members[i].id, NULL);
        if (!value)
            continue;
        if (members[i].other)
            json_object_del(body, members[i].other);
        if (members[i].id == OPTION_RRULE && strcmp(value, "none") == 0)
            json_object_del(body, members[i].key);
        else if (json_object_set_new(body, members[i].key, json_string(value)) != 0)
            return error_set(err, ERROR_USAGE, "--%s: is not UTF-8",
                             option_rows[members[i].id].name);
    }
    if (invocation_has(invocation, OPTION_IN_TURN))
        json_object_set_new(body, "serial", json_true());
    if (invocation_has(invocation, OPTION_TOGETHER))
        json_object_del(body, "serial");
    return true;
}

static int send(struct remote *remote, const struct client_request *request, const json_t *body,
                const char *done)
{
    struct remote_reply reply;
    int code = remote_call(remote, request, body, &reply);
    if (reply.document)
        window_tell(remote->output, &reply, done);
    remote_reply_fini(&reply);
    return code;
}

static const char *query_of(const struct invocation *invocation)
{
    return invocation_has(invocation, OPTION_DRY_RUN) ? "?dry_run=true" : "";
}

int window_add(struct remote *remote, const struct invocation *invocation)
{
    struct arena arena = {0};
    struct error err = {0};
    json_t *body = json_object(), *nodes = json_array();
    int code = EXIT_FAILED;
    for (uint32_t i = 1; i < invocation->operand_count; i++)
        json_array_append_new(nodes, json_string(invocation->operands[i]));
    json_object_set_new(body, "nodes", nodes);
    struct client_request request = {
        .method = "POST", .path = arena_printf(&arena, "/api/v1/windows%s", query_of(invocation))};
    if (put_texts(body, invocation, &err))
        code = send(remote, &request, body, "made");
    else
        code = output_fail(remote->output, &err);
    json_decref(body);
    arena_fini(&arena);
    return code;
}

/* What a PUT takes of what a GET gave. */
static json_t *body_of(const json_t *window)
{
    static const char *const keys[] = {"nodes",    "serial", "start",   "end",
                                       "duration", "rrule",  "comment", "timezone"};
    json_t *body = json_object();
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        json_t *value = json_object_get(window, keys[i]);
        if (value && !json_is_null(value))
            json_object_set(body, keys[i], value);
    }
    return body;
}

static void put_nodes(json_t *body, const char *list)
{
    json_t *nodes = json_array();
    while (*list) {
        size_t len = strcspn(list, ",");
        if (len)
            json_array_append_new(nodes, json_stringn(list, len));
        list += len + (list[len] == ',');
    }
    json_object_set_new(body, "nodes", nodes);
}

int window_edit(struct remote *remote, const struct invocation *invocation)
{
    const char *id = window_operand(invocation);
    const char *nodes = invocation_value(invocation, OPTION_NODES, NULL);
    struct arena arena = {0};
    struct error err = {0};
    struct remote_reply before;
    int code = window_fetch(remote, id, &before);
    json_t *body = before.document ? body_of(before.document) : NULL;
    if (body && nodes)
        put_nodes(body, nodes);
    if (code == EXIT_FINE && !put_texts(body, invocation, &err)) {
        code = output_fail(remote->output, &err);
    } else if (code == EXIT_FINE) {
        struct client_request request = {.method = "PUT",
                                         .path = window_path(id, query_of(invocation), &arena),
                                         .if_match = before.etag};
        code = send(remote, &request, body, "changed");
    }
    json_decref(body);
    remote_reply_fini(&before);
    arena_fini(&arena);
    return code;
}

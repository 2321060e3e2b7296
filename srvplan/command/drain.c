/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan drain: one request for all nodes named, so that guards decide on all at once. */
#include <string.h>
#include <unistd.h>

#include "srvplan/command/drain_wait.h"
#include "srvplan/command/remote.h"
#include "srvplan/command/views.h"
#include "srvplan/duration.h"
#include "zones/base/clock.h"

enum drain_try {
    DRAIN_FOR_REAL,
    DRAIN_DRY_RUN
};

static bool reason_check(const char *reason, struct error *err)
{
    if (reason && reason[strspn(reason, " \t")])
        return true;
    return error_set(err, ERROR_USAGE,
                     "drain needs -m REASON: colleagues and the history ask why; for example: %s",
                     command_rows[COMMAND_DRAIN].example);
}

/* "a,b" as ["a","b"]; empty words are refused. */
static json_t *services_parse(const char *list, struct error *err)
{
    json_t *services = json_array();
    while (list) {
        size_t len = strcspn(list, ",");
        if (len == 0) {
            error_set(err, ERROR_USAGE, "--services: expected ids as xmpp-client,xmpp-server");
            json_decref(services);
            return NULL;
        }
        json_array_append_new(services, json_stringn(list, len));
        list = list[len] ? list + len + 1 : NULL;
    }
    return services;
}

static void nodes_fill(json_t *body, const struct invocation *invocation)
{
    if (invocation->operand_count == 1) {
        json_object_set_new(body, "node", json_string(invocation->operands[0]));
        return;
    }
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < invocation->operand_count; i++)
        json_array_append_new(nodes, json_string(invocation->operands[i]));
    json_object_set_new(body, "nodes", nodes);
}

static bool end_fill(json_t *body, const struct invocation *invocation, struct error *err)
{
    const char *until = invocation_value(invocation, OPTION_UNTIL, NULL);
    const char *duration = invocation_value(invocation, OPTION_FOR, NULL);
    char text[CLOCK_TEXT_SIZE];
    int64_t at_ms;
    uint32_t duration_s;
    if (until && duration)
        return error_set(err, ERROR_USAGE, "--until and --for: give one of them");
    if (until && clock_parse(text_from(until), &at_ms))
        json_object_set_new(body, "until", json_string(clock_print(at_ms, text)));
    if (duration && duration_parse(text_from(duration), DURATION_MAX_S, &duration_s, err))
        json_object_set_new(body, "for", json_sprintf("%us", duration_s));
    return true;
}

/* What is not given is left out: then the inventory's policy decides. */
static void how_fill(json_t *body, const struct invocation *invocation)
{
    const char *mode = invocation_value(invocation, OPTION_MODE, NULL);
    const char *to = invocation_value(invocation, OPTION_TO, NULL);
    const char *ramp = invocation_value(invocation, OPTION_RAMP, NULL);
    if (mode)
        json_object_set_new(body, "mode", json_string(mode));
    if (to)
        json_object_set_new(body, "to", json_string(to));
    if (ramp)
        json_object_set_new(body, "ramp", json_string(ramp));
}

/* What to POST; NULL with *err. json_string gives NULL for text that is not UTF-8. */
static json_t *body_make(const struct invocation *invocation, struct error *err)
{
    const char *reason = invocation_value(invocation, OPTION_REASON, NULL);
    const char *services = invocation_value(invocation, OPTION_SERVICES, NULL);
    if (!reason_check(reason, err))
        return NULL;
    json_t *body = json_object();
    nodes_fill(body, invocation);
    bool ok = json_object_set_new(body, "reason", json_string(reason)) == 0 ||
              error_set(err, ERROR_USAGE, "-m: the reason is not UTF-8");
    how_fill(body, invocation);
    if (ok && services) {
        json_t *list = services_parse(services, err);
        ok = list && json_object_set_new(body, "services", list) == 0;
    }
    if (ok && invocation_has(invocation, OPTION_FORCE))
        json_object_set_new(body, "override", json_pack("{s:b,s:s}", "guard", 1, "reason", reason));
    if (ok && end_fill(body, invocation, err))
        return body;
    json_decref(body);
    return NULL;
}

static int drain_post(struct remote *remote, const json_t *body, enum drain_try how,
                      struct remote_reply *reply)
{
    struct client_request request = {
        .method = "POST",
        .path = how == DRAIN_DRY_RUN ? "/api/v1/drains?dry_run=true" : "/api/v1/drains",
    };
    return remote_call(remote, &request, body, reply);
}

/* ---- what would change ---- */

static bool list_has(const json_t *records, const char *record)
{
    size_t i;
    json_t *item;
    json_array_foreach(records, i, item)
    {
        const char *text = json_string_value(item);
        if (text && strcmp(text, record) == 0)
            return true;
    }
    return false;
}

/* The records of one side that the other does not have. */
static void records_print(const struct output *output, char sign, const json_t *records,
                          const json_t *others)
{
    struct arena arena = {0};
    const char *color = sign == '-' ? "\033[31m" : "\033[32m";
    size_t i;
    json_t *item;
    json_array_foreach(records, i, item)
    {
        const char *record = json_string_value(item);
        if (record && !list_has(others, record))
            fprintf(output->out, "%s      %c %s%s\n", output->colors_out ? color : "", sign,
                    output_text(output, record, &arena), output->colors_out ? "\033[0m" : "");
    }
    arena_fini(&arena);
}

static void change_print(const struct output *output, const json_t *change)
{
    struct arena arena = {0};
    const json_t *before = json_object_get(change, "before");
    const json_t *after = json_object_get(change, "after");
    int64_t owners = member_number(change, "owners", 1);
    char sign = !json_is_object(before) ? '+' : !json_is_object(after) ? '-' : '~';
    fprintf(output->out, "  %c %s %s", sign,
            output_text(output, member_text(change, "name", "-"), &arena),
            output_text(output, member_text(change, "type", "-"), &arena));
    if (owners > 1)
        fprintf(output->out, " and %lld more name%s", (long long)owners - 1,
                owners == 2 ? "" : "s");
    int64_t ttl_before = member_number(before, "ttl", -1);
    int64_t ttl_after = member_number(after, "ttl", -1);
    if (sign == '~' && ttl_before != ttl_after)
        fprintf(output->out, "   TTL %lld -> %lld", (long long)ttl_before, (long long)ttl_after);
    fputc('\n', output->out);
    records_print(output, '-', json_object_get(before, "records"),
                  json_object_get(after, "records"));
    records_print(output, '+', json_object_get(after, "records"),
                  json_object_get(before, "records"));
    arena_fini(&arena);
}

static void changes_print(const struct output *output, const json_t *changes)
{
    size_t i;
    json_t *change;
    json_array_foreach(changes, i, change)
    {
        change_print(output, change);
    }
    fprintf(output->out, "%zu set%s would change\n", json_array_size(changes),
            json_array_size(changes) == 1 ? "" : "s");
}

static int dry_run(struct remote *remote, const json_t *body)
{
    struct remote_reply reply;
    int code = drain_post(remote, body, DRAIN_DRY_RUN, &reply);
    if (code == EXIT_FINE && remote->output->is_json)
        output_reply(remote->output, reply.document, reply.text);
    else if (code == EXIT_FINE)
        changes_print(remote->output,
                      json_object_get(json_object_get(reply.document, "plan"), "changes"));
    remote_reply_fini(&reply);
    return code;
}

/* On a terminal: what would change, then a question. Anything but yes is no. */
static int drain_ask(struct remote *remote, const json_t *body)
{
    int code = dry_run(remote, body);
    if (code != EXIT_FINE)
        return code;
    fflush(remote->output->out);
    struct arena arena = {0};
    fprintf(remote->output->err, "Drain on %s? [y/N] ",
            output_text(remote->output, remote_print(remote, &arena), &arena));
    arena_fini(&arena);
    fflush(remote->output->err);
    char answer[16] = "";
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return EXIT_FINE;
    output_complain(remote->output, "nothing changed: the answer was not yes");
    return EXIT_FAILED;
}

/* ---- the real thing ---- */

/* The drains of a reply: "items", or the one that it is. A new reference. */
static json_t *drains_of(json_t *document)
{
    json_t *items = json_object_get(document, "items");
    return items ? json_incref(items) : json_pack("[O]", document);
}

static bool are_served(const json_t *drains)
{
    size_t i;
    json_t *drain;
    json_array_foreach(drains, i, drain)
    {
        if (!member_text(drain, "served_at", NULL))
            return false;
    }
    return true;
}

static int drain_do(struct remote *remote, const json_t *body, const struct invocation *invocation)
{
    const struct output *output = remote->output;
    bool waits = invocation_has(invocation, OPTION_WAIT);
    struct remote_reply reply;
    int code = drain_post(remote, body, DRAIN_FOR_REAL, &reply);
    if (reply.document && output->is_json)
        output_reply(output, reply.document, reply.text);
    json_t *drains = reply.document ? drains_of(reply.document) : NULL;
    size_t i;
    json_t *drain;
    json_array_foreach(drains, i, drain)
    {
        if (!output->is_json)
            view_drain(output, drain, clock_realtime_ms());
    }
    fflush(output->out);
    if (reply.document && reply.status == 202 && are_served(drains))
        code = EXIT_FINE; /* a ramp has begun: there is more to come, and nothing amiss */
    if (reply.document && code == EXIT_UNREACHABLE)
        output_complain(output, "stored, but not served yet: the DNS server has not taken it; it "
                                "will be served as soon as it can; `srvplan status` says why");
    if (reply.document && waits)
        code = drain_wait(remote, drains);
    json_decref(drains);
    remote_reply_fini(&reply);
    return code;
}

int command_drain(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    struct error err = {0};
    json_t *body = body_make(invocation, &err);
    if (!body)
        return output_fail(&context->output, &err);
    bool is_dry = invocation_has(invocation, OPTION_DRY_RUN);
    bool asks = !is_dry && !context->output.is_json && !invocation_has(invocation, OPTION_YES) &&
                isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    struct remote remote;
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE && is_dry)
        code = dry_run(&remote, body);
    else if (code == EXIT_FINE && asks)
        code = drain_ask(&remote, body);
    if (code == EXIT_FINE && !is_dry)
        code = drain_do(&remote, body, invocation);
    remote_close(&remote);
    json_decref(body);
    return code;
}

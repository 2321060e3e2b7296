/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan window rm, skip, end, calendar. */
#include "srvplan/command/window.h"

#include <string.h>

bool window_reason_check(const struct invocation *invocation, struct error *err)
{
    const char *reason = invocation_value(invocation, OPTION_REASON, NULL);
    if (reason && reason[strspn(reason, " \t")])
        return true;
    return error_set(err, ERROR_USAGE,
                     "window %s needs -m REASON: colleagues and the history ask why",
                     invocation->operands[0]);
}

bool window_skip_check(const struct invocation *invocation, struct error *err)
{
    if (invocation->operand_count != 2 && invocation->operand_count != 3)
        return error_set(err, ERROR_USAGE,
                         "window skip: which one? Give its id, and the day of the opening, as "
                         "2026-12-06; without a day the next one is skipped");
    return window_reason_check(invocation, err);
}

const char *window_path(const char *id, const char *behind, struct arena *arena)
{
    return arena_printf(arena, "/api/v1/windows/%s%s", client_escape(id, arena), behind);
}

int window_fetch(struct remote *remote, const char *id, struct remote_reply *reply)
{
    struct arena arena = {0};
    int code = remote_get(remote, window_path(id, "", &arena), reply);
    arena_fini(&arena);
    return code;
}

static int act(struct remote *remote, const struct client_request *request, const json_t *body,
               const char *done)
{
    struct remote_reply reply;
    int code = remote_call(remote, request, body, &reply);
    if (reply.document)
        window_tell(remote->output, &reply, done);
    remote_reply_fini(&reply);
    return code;
}

int window_rm(struct remote *remote, const struct invocation *invocation)
{
    const char *query = invocation_has(invocation, OPTION_DRY_RUN) ? "?dry_run=true" : "";
    struct arena arena = {0};
    int code = EXIT_FINE;
    for (uint32_t i = 1; i < invocation->operand_count; i++) {
        const char *id = invocation->operands[i];
        struct client_request request = {
            .method = "DELETE", .path = window_path(id, query, &arena), .if_match = "*"};
        int one = act(remote, &request, NULL, "removed");
        code = code == EXIT_FINE ? one : code;
    }
    arena_fini(&arena);
    return code;
}

static json_t *reason_body(const struct invocation *invocation)
{
    json_t *body = json_object();
    json_object_set_new(body, "reason",
                        json_string(invocation_value(invocation, OPTION_REASON, "")));
    return body;
}

static int post(struct remote *remote, const struct invocation *invocation, const char *what,
                const json_t *body, const char *done)
{
    struct arena arena = {0};
    const char *query = invocation_has(invocation, OPTION_DRY_RUN) ? "?dry_run=true" : "";
    struct client_request request = {.method = "POST",
                                     .path = window_path(window_operand(invocation),
                                                         arena_printf(&arena, "/%s%s", what, query),
                                                         &arena)};
    int code = act(remote, &request, body, done);
    arena_fini(&arena);
    return code;
}

int window_skip(struct remote *remote, const struct invocation *invocation)
{
    bool is_undo = invocation_has(invocation, OPTION_UNDO);
    json_t *body = reason_body(invocation);
    if (invocation->operand_count == 3) {
        const char *when = invocation->operands[2];
        json_object_set_new(body, strchr(when, 'T') ? "start" : "date", json_string(when));
    }
    if (is_undo)
        json_object_set_new(body, "undo", json_true());
    int code = post(remote, invocation, "skip", body, is_undo ? "not skipped any more" : "skipped");
    json_decref(body);
    return code;
}

int window_end(struct remote *remote, const struct invocation *invocation)
{
    json_t *body = reason_body(invocation);
    int code = post(remote, invocation, "end", body, "ended");
    json_decref(body);
    return code;
}

/* The URL alone goes to stdout; it is shown this once. */
int window_calendar(struct remote *remote, const struct invocation *invocation)
{
    const struct output *output = remote->output;
    struct client_request request = {.method = "POST", .path = "/api/v1/windows.ics"};
    struct remote_reply reply;
    json_t *body = reason_body(invocation);
    int code = remote_call(remote, &request, body, &reply);
    if (reply.document && output->is_json) {
        output_reply(output, reply.document, reply.text);
    } else if (reply.document) {
        fprintf(output->out, "%s%s\n", remote->target.url ? remote->target.url : "",
                member_text(reply.document, "url", "-"));
        output_say(output, remote->target.url
                               ? "Whoever has this URL reads the windows; the one before it ended."
                               : "Put the address of the server before it, as it is seen from "
                                 "outside. Whoever has this URL reads the windows; the one before "
                                 "it ended.");
    }
    remote_reply_fini(&reply);
    json_decref(body);
    return code;
}

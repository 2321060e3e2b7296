/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan weight: an operator's weight on a node, or its end; only on the node that we saw. */
#include <string.h>

#include "srvplan/command/remote.h"
#include "srvplan/command/views.h"
#include "srvplan/command/weight_value.h"
#include "srvplan/duration.h"
#include "zones/base/clock.h"

/* The command line must be one of the two forms. */
static bool form_check(const struct invocation *invocation, struct error *err)
{
    bool resets = invocation_has(invocation, OPTION_RESET);
    const char *reason = invocation_value(invocation, OPTION_REASON, NULL);
    if (resets && invocation->operand_count > 1)
        return error_set(err, ERROR_USAGE, "weight: --reset takes no value; leave '%.60s' away",
                         invocation->operands[1]);
    if (resets && invocation_has(invocation, OPTION_FOR))
        return error_set(err, ERROR_USAGE, "weight: --reset is for good; leave --for away");
    if (resets)
        return true;
    if (invocation->operand_count < 2)
        return error_set(err, ERROR_USAGE, "weight needs a value or --reset; for example: %s",
                         command_rows[COMMAND_WEIGHT].example);
    if (!reason || !reason[strspn(reason, " \t")])
        return error_set(err, ERROR_USAGE,
                         "weight needs -m REASON: colleagues and the history ask why; for "
                         "example: %s",
                         command_rows[COMMAND_WEIGHT].example);
    return true;
}

static json_t *body_make(const struct invocation *invocation, struct error *err)
{
    json_t *value = weight_value_parse(invocation->operands[1], err);
    if (!value)
        return NULL;
    json_t *body = json_object();
    const char *duration = invocation_value(invocation, OPTION_FOR, NULL);
    uint32_t duration_s;
    json_object_set_new(body, "weight", value);
    json_object_set_new(body, "services",
                        json_pack("[s]", invocation_value(invocation, OPTION_SERVICE, "*")));
    if (duration && duration_parse(text_from(duration), DURATION_MAX_S, &duration_s, err))
        json_object_set_new(body, "expires_in", json_integer(duration_s));
    if (json_object_set_new(body, "reason",
                            json_string(invocation_value(invocation, OPTION_REASON, ""))) == 0)
        return body;
    error_set(err, ERROR_USAGE, "-m: the reason is not UTF-8");
    json_decref(body);
    return NULL;
}

static void node_print(const struct output *output, const json_t *node, int64_t now_ms)
{
    struct arena arena = {0};
    const json_t *weights = json_object_get(node, "weights");
    size_t i;
    json_t *effective;
    json_array_foreach(json_object_get(node, "effective"), i, effective)
    {
        fprintf(output->out, "%s %s  weight %lld (planned %lld)  share %s%s\n",
                output_text(output, member_text(effective, "domain", "-"), &arena),
                output_text(output, member_text(effective, "service", "-"), &arena),
                (long long)member_number(effective, "weight", 0),
                (long long)member_number(effective, "planned_weight", 0),
                view_share(member_ratio(effective, "share", 0), &arena),
                json_is_true(json_object_get(effective, "in_set")) ? "" : "  (not in the set)");
    }
    if (json_array_size(weights) > 0)
        view_weights(output, weights, now_ms);
    arena_fini(&arena);
}

/* Reads the node for its ETag, then changes it. */
static int weight_change(struct remote *remote, const struct invocation *invocation,
                         const json_t *body)
{
    struct arena arena = {0};
    const struct output *output = remote->output;
    const char *service = invocation_value(invocation, OPTION_SERVICE, NULL);
    const char *node =
        arena_printf(&arena, "/api/v1/nodes/%s", client_escape(invocation->operands[0], &arena));
    const char *query =
        !body && service ? arena_printf(&arena, "?service=%s", client_escape(service, &arena)) : "";
    struct remote_reply seen, reply = {0};
    int code = remote_get(remote, node, &seen);
    if (code == EXIT_FINE) {
        struct client_request request = {
            .method = body ? "PUT" : "DELETE",
            .path = arena_printf(&arena, "%s/weight%s", node, query),
            .if_match = seen.etag[0] ? seen.etag : NULL,
        };
        code = remote_call(remote, &request, body, &reply);
    }
    if (reply.document && output->is_json)
        output_reply(output, reply.document, reply.text);
    else if (reply.document)
        node_print(output, reply.document, clock_realtime_ms());
    fflush(output->out);
    if (reply.document && code == EXIT_UNREACHABLE)
        output_complain(output, "stored, but not served yet: the DNS server has not taken it; it "
                                "will be served as soon as it can; `srvplan status` says why");
    remote_reply_fini(&seen);
    remote_reply_fini(&reply);
    arena_fini(&arena);
    return code;
}

int command_weight(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    struct error err = {0};
    json_t *body = NULL;
    if (!form_check(invocation, &err))
        return output_fail(&context->output, &err);
    if (!invocation_has(invocation, OPTION_RESET) && !(body = body_make(invocation, &err)))
        return output_fail(&context->output, &err);
    struct remote remote;
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = weight_change(&remote, invocation, body);
    json_decref(body);
    remote_close(&remote);
    return code;
}

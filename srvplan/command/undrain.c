/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan undrain: ends every drain that nodes have, each only in the version that we saw. */
#include <string.h>

#include "srvplan/command/remote.h"
#include "zones/base/clock.h"

enum {
    DRAINS_MAX = 1000000
};

/* A later trouble matters more than "not served yet", an earlier one is not forgotten. */
static int worse(int a, int b)
{
    return a == EXIT_FINE || (a == EXIT_UNREACHABLE && b != EXIT_FINE) ? b : a;
}

static void undrain_say(const struct remote *remote, const json_t *drain)
{
    const struct output *output = remote->output;
    struct arena arena = {0};
    if (!output->is_json)
        fprintf(output->out, "%s  %s  %s\n",
                output_text(output, member_text(drain, "node", "-"), &arena),
                output_text(output, member_text(drain, "id", "-"), &arena),
                output_text(output, member_text(drain, "state", "-"), &arena));
    arena_fini(&arena);
}

/* Reads the drain for its ETag, then deletes it; what it became goes to `ended`. */
static int undrain_one(struct remote *remote, const char *id, json_t *ended)
{
    struct arena arena = {0};
    const char *path = arena_printf(&arena, "/api/v1/drains/%s", client_escape(id, &arena));
    struct remote_reply seen, reply = {0};
    int code = remote_get(remote, path, &seen);
    if (code == EXIT_FINE) {
        struct client_request request = {
            .method = "DELETE", .path = path, .if_match = seen.etag[0] ? seen.etag : "*"};
        code = remote_call(remote, &request, NULL, &reply);
    }
    if (reply.document) {
        json_array_append(ended, reply.document);
        undrain_say(remote, reply.document);
        if (code == EXIT_UNREACHABLE)
            output_complain(remote->output,
                            "stored, but not served yet: the DNS server has not taken it; it will "
                            "be served as soon as it can; `srvplan status` says why");
    }
    remote_reply_fini(&seen);
    remote_reply_fini(&reply);
    arena_fini(&arena);
    return code;
}

static int undrain_node(struct remote *remote, const json_t *drains, const char *node,
                        json_t *ended)
{
    int code = EXIT_FINE;
    size_t i, found = 0;
    json_t *drain;
    json_array_foreach(drains, i, drain)
    {
        if (strcmp(member_text(drain, "node", ""), node) != 0)
            continue;
        found++;
        code = worse(code, undrain_one(remote, member_text(drain, "id", ""), ended));
    }
    if (found > 0)
        return code;
    struct arena arena = {0};
    output_complain(remote->output, "%s: no drain is in force; `srvplan drains` lists them",
                    output_text(remote->output, node, &arena));
    arena_fini(&arena);
    return EXIT_FAILED;
}

int command_undrain(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    struct remote remote;
    json_t *drains = NULL, *ended = json_array();
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = remote_list(&remote, "/api/v1/drains", DRAINS_MAX, &drains);
    if (code == EXIT_FINE) {
        for (uint32_t i = 0; i < invocation->operand_count; i++)
            code = worse(code, undrain_node(&remote, drains, invocation->operands[i], ended));
        if (context->output.is_json)
            remote_print_items(&context->output, ended);
    }
    json_decref(ended);
    json_decref(drains);
    remote_close(&remote);
    return code;
}

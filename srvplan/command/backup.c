/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan backup: has the server write a copy of its store, and says where it lies. */
#include "srvplan/command/remote.h"

enum {
    PATIENCE_MS = 150 * 1000, /* as long as the server takes for an answer at most */
};

int command_backup(const struct context *context)
{
    struct remote remote;
    struct remote_reply reply = {0};
    const struct output *output = &context->output;
    uint64_t keep = invocation_number(context->invocation, OPTION_KEEP, 0);
    json_t *body = json_object();
    if (keep)
        json_object_set_new(body, "keep", json_integer((json_int_t)keep));
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE) {
        struct client_request request = {.method = "POST", .path = "/api/v1/backup"};
        client_set_patience(remote.client, PATIENCE_MS);
        code = remote_call(&remote, &request, body, &reply);
    }
    if (code == EXIT_FINE && output->is_json)
        output_reply(output, reply.document, reply.text);
    else if (code == EXIT_FINE)
        fprintf(output->out, "%s\n",
                output_text(output, member_text(reply.document, "file", "-"), &remote.arena));
    if (code == EXIT_FINE && !output->is_json)
        output_say(output, "revision %lld, %lld bytes; %lld older copies removed",
                   (long long)member_number(reply.document, "revision", 0),
                   (long long)member_number(reply.document, "bytes", 0),
                   (long long)member_number(reply.document, "removed", 0));
    json_decref(body);
    remote_reply_fini(&reply);
    remote_close(&remote);
    return code;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan apply: an inventory, or a plan that `plan --out` kept, into force; srvplan rollback: back
 * to the inventory of a revision. Both show what changes and ask, on a terminal, before they do it.
 */
#include <stdlib.h>
#include <string.h>

#include "srvplan/command/preview.h"
#include "srvplan/published_json.h"
#include "zones/base/file.h"

enum {
    PLANFILE_MAX_BYTES = 512 * 1024 * 1024 /* with the changes of 100,000 domains */
};

/* Reason and override, as --reason and --force say. */
static bool body_fill(json_t *body, const struct context *context, struct error *err)
{
    const struct invocation *invocation = context->invocation;
    const char *reason = invocation_value(invocation, OPTION_REASON, NULL);
    if (invocation_has(invocation, OPTION_FORCE) && !reason)
        return error_set(err, ERROR_USAGE, "--force needs -m REASON: it is kept");
    if (reason && json_object_set_new(body, "reason", json_string(reason)) != 0)
        return error_set(err, ERROR_USAGE, "-m: the reason is not UTF-8");
    if (invocation_has(invocation, OPTION_FORCE))
        json_object_set_new(body, "override", json_pack("{s:b,s:s}", "guard", 1, "reason", reason));
    return true;
}

static int post(struct remote *remote, const char *path, const json_t *body,
                struct remote_reply *reply)
{
    /* The checksum decides whether the world moved in a way that matters. */
    struct client_request request = {.method = "POST", .path = path, .if_match = "*"};
    return remote_call(remote, &request, body, reply);
}

/* The same as a dry run, shown. */
static int try(struct remote *remote, const char *path, const json_t *body)
{
    struct arena arena = {0};
    struct remote_reply reply;
    int code = post(remote, arena_printf(&arena, "%s?dry_run=true", path), body, &reply);
    const json_t *plan = json_object_get(reply.document, "plan");
    if (code == EXIT_FINE && remote->output->is_json)
        output_reply(remote->output, reply.document, reply.text);
    else if (code == EXIT_FINE)
        preview_print(remote->output, json_object_get(plan, "changes"),
                      json_object_get(plan, "summary"));
    remote_reply_fini(&reply);
    arena_fini(&arena);
    return code;
}

static int make(struct remote *remote, const char *path, const json_t *body)
{
    struct remote_reply reply;
    int code = post(remote, path, body, &reply);
    if (reply.document && remote->output->is_json)
        output_reply(remote->output, reply.document, reply.text);
    if (reply.document)
        code = preview_print_done(remote->output, reply.document, code);
    remote_reply_fini(&reply);
    return code;
}

/* ---- apply ---- */

/* {"plan", "checksum"} of a preview; NULL: it is none. */
static json_t *body_of(const json_t *preview)
{
    const char *id = member_text(preview, "id", NULL);
    const char *checksum = member_text(preview, "checksum", NULL);
    return id && checksum ? json_pack("{s:s,s:s}", "plan", id, "checksum", checksum) : NULL;
}

/* The file of `plan --out`. NULL with *err. */
static json_t *planfile_read(const char *file, struct error *err)
{
    struct bytes bytes;
    json_error_t where;
    if (!file_read(file, PLANFILE_MAX_BYTES, &bytes, err))
        return NULL;
    json_t *preview = json_loadb((const char *)bytes.ptr, bytes.len, 0, &where);
    free((void *)(uintptr_t)bytes.ptr);
    json_t *body = body_of(preview);
    if (!preview)
        error_set(err, ERROR_INVALID, "%.200s:%d:%d: no JSON: %s", file, where.line, where.column,
                  where.text);
    else if (!body)
        error_set(err, ERROR_INVALID,
                  "%.200s: %s; make one with `srvplan plan --socket PATH -f INVENTORY --out FILE`",
                  file,
                  published_json_is_plan(preview)
                      ? "this plan was made without a server, which could check that it still holds"
                      : "no plan of a server");
    json_decref(preview);
    return body;
}

static int apply_file(struct remote *remote, const struct context *context, const char *file)
{
    struct error err = {0};
    json_t *body = planfile_read(file, &err);
    int code =
        body && body_fill(body, context, &err) ? EXIT_FINE : output_fail(&context->output, &err);
    if (code == EXIT_FINE && invocation_has(context->invocation, OPTION_DRY_RUN))
        code = try(remote, "/api/v1/apply", body);
    else if (code == EXIT_FINE)
        code = make(remote, "/api/v1/apply", body);
    json_decref(body);
    return code;
}

static bool is_change(const json_t *preview)
{
    return json_array_size(json_object_get(preview, "changes")) > 0 ||
           json_is_true(json_object_get(preview, "inventory_changed"));
}

static int apply_preview(struct remote *remote, const struct context *context,
                         const json_t *preview)
{
    struct error err = {0};
    json_t *body = body_of(preview);
    int code = body && body_fill(body, context, &err) ? EXIT_FINE : EXIT_FAILED;
    if (!body)
        error_set(&err, ERROR_INVALID, "the server's answer is no plan; is it an srvpland?");
    if (code != EXIT_FINE)
        code = output_fail(&context->output, &err);
    if (code == EXIT_FINE && !is_change(preview))
        output_say(&context->output, "nothing to do: this inventory is in force already");
    else if (code == EXIT_FINE && (code = preview_confirm(context, "Apply?")) == EXIT_FINE)
        code = make(remote, "/api/v1/apply", body);
    json_decref(body);
    return code;
}

static int apply_inventory(struct remote *remote, const struct context *context)
{
    const struct output *output = &context->output;
    bool is_dry = invocation_has(context->invocation, OPTION_DRY_RUN);
    struct remote_reply reply;
    int code = preview_ask(remote, context, &reply);
    if (code == EXIT_FINE && output->is_json && is_dry)
        output_reply(output, reply.document, reply.text);
    else if (code == EXIT_FINE && !output->is_json)
        preview_print(output, json_object_get(reply.document, "changes"),
                      json_object_get(reply.document, "summary"));
    if (code == EXIT_FINE && preview_print_verdicts(output, reply.document) &&
        !invocation_has(context->invocation, OPTION_FORCE))
        code = EXIT_GUARD;
    if (code == EXIT_FINE && !is_dry)
        code = apply_preview(remote, context, reply.document);
    remote_reply_fini(&reply);
    return code;
}

int command_apply(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    struct error err = {0};
    struct remote remote;
    if (invocation->operand_count > 0 && invocation_has(invocation, OPTION_FILE)) {
        error_set(&err, ERROR_USAGE, "apply: a plan has its inventory in it; leave -f away");
        return output_fail(&context->output, &err);
    }
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = invocation->operand_count > 0 ? apply_file(&remote, context, invocation->operands[0])
                                             : apply_inventory(&remote, context);
    remote_close(&remote);
    return code;
}

/* ---- rollback ---- */

static int rollback(struct remote *remote, const struct context *context, const char *path)
{
    struct error err = {0};
    json_t *body = json_object();
    int code = body_fill(body, context, &err) ? EXIT_FINE : output_fail(&context->output, &err);
    bool is_dry = invocation_has(context->invocation, OPTION_DRY_RUN);
    if (code == EXIT_FINE && (is_dry || !context->output.is_json))
        code = try(remote, path, body);
    if (code == EXIT_FINE && !is_dry &&
        (code = preview_confirm(context, "Roll back?")) == EXIT_FINE)
        code = make(remote, path, body);
    json_decref(body);
    return code;
}

int command_rollback(const struct context *context)
{
    const char *operand = context->invocation->operands[0];
    struct error err = {0};
    struct remote remote;
    uint64_t number;
    if (!text_to_u64(text_from(operand), 1, INT64_MAX, &number)) {
        error_set(&err, ERROR_USAGE,
                  "rollback '%.60s': expected the number of a revision; `srvplan history` lists "
                  "them",
                  operand);
        return output_fail(&context->output, &err);
    }
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = rollback(&remote, context,
                        arena_printf(&remote.arena, "/api/v1/revisions/%llu/rollback",
                                     (unsigned long long)number));
    remote_close(&remote);
    return code;
}

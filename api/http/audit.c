/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Refused changes, for the audit: who wanted what, and which problem stood in the way. */
#include "api/view/audit.h"
#include "api/http/exchange.h"
#include "api/world/audit.h"
#include "zones/base/clock.h"

#include <string.h>

enum {
    /* What was asked for is kept while it is about as small as an object is. */
    REFUSED_BODY_MAX_BYTES = 4096,
};

static bool is_refusal(const struct exchange *exchange)
{
    const struct request *request = &exchange->request;
    if (!request->route || !request->route->is_change || request->job.is_dry_run)
        return false;
    switch (exchange->response.status) {
    case 401:
    case 403:
    case 409:
    case 412:
        return true;
    }
    return false;
}

static struct text member(const struct request *request, const char *key)
{
    const json_t *value = json_object_get(request->body, key);
    return (struct text){json_string_value(value), json_string_length(value)};
}

/* What it was about: what the path names, or the body; else the path itself. */
static struct text object_of(const struct request *request)
{
    if (request->variables[0].len)
        return request->variables[0];
    struct text node = member(request, "node"), id = member(request, "id");
    return node.len ? node : id.len ? id : request->path;
}

/* "guard": the problem's type without its prefix. */
static struct text outcome_of(const struct response *response)
{
    const char *type = json_string_value(json_object_get(response->json, "type"));
    if (type && strncmp(type, PROBLEM_TYPE_PREFIX, strlen(PROBLEM_TYPE_PREFIX)) == 0)
        type += strlen(PROBLEM_TYPE_PREFIX);
    return text_from(type ? type : "refused");
}

static struct text asked_for(struct arena *arena, const struct exchange *exchange)
{
    if (!exchange->request.body || exchange->body_len > REFUSED_BODY_MAX_BYTES)
        return (struct text){0};
    return audit_print(arena, json_incref(exchange->request.body));
}

void exchange_audit(const struct exchange *exchange, const struct door_connection *connection,
                    struct world *world)
{
    const struct request *request = &exchange->request;
    const struct auth_identity *identity = &request->identity;
    struct arena arena = {0};
    if (!is_refusal(exchange))
        return;
    struct text source = text_from(identity->source);
    if (!source.len && connection->is_unix)
        source = text_from(arena_printf(&arena, "socket uid %u", (unsigned)connection->uid));
    else if (!source.len)
        source = text_from(connection->source);
    struct store_audit line = {
        .at_ms = clock_realtime_ms(),
        .actor = text_from(identity->actor),
        .source = source,
        .action = text_from(arena_printf(&arena, "%s %s", gate_method_print(request->method),
                                         request->route->path)),
        .object = object_of(request),
        .detail = member(request, "reason"),
        .outcome = outcome_of(&exchange->response),
        .after = asked_for(&arena, exchange),
    };
    world_note_refusal(world, &line);
    arena_fini(&arena);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/auth/file.h"
#include "api/http/body.h"
#include "api/world/token.h"

#include <string.h>

/* A token never changes, so there is one version of it. */
static const char etag_prefix[] = "t";
enum {
    TOKEN_VERSION = 1
};

static json_t *token_json(const struct store_token *token)
{
    char fingerprint[TOKEN_FINGERPRINT_SIZE];
    json_t *json = json_object();
    json_object_set_new(json, "id", json_view_text(token->id));
    json_object_set_new(json, "name", json_view_text(token->name));
    json_object_set_new(json, "role", json_string(role_print((enum role)token->role)));
    json_object_set_new(json, "nodes", json_view_words(token->nodes, "*"));
    json_object_set_new(json, "domains", json_view_words(token->domains, "*"));
    json_object_set_new(json, "actor", json_view_text(token->actor));
    json_object_set_new(json, "created_at", json_view_time(token->created_at_ms));
    json_object_set_new(json, "expires_at", json_view_time(token->expires_at_ms));
    json_object_set_new(json, "fingerprint",
                        json_string(token_fingerprint(&token->secret, fingerprint)));
    return json;
}

void tokens_get(struct request *request, struct response *response)
{
    const struct tokens *tokens = request->view->tokens;
    struct text after = request_parameter_find(request, "after");
    uint32_t limit = request_limit(request, response), at = 0;
    if (response->status)
        return;
    json_t *items = json_array();
    while (after.ptr && at < tokens->count && text_compare(tokens->rows[at].id, after) <= 0)
        at++;
    for (; at < tokens->count && json_array_size(items) < limit; at++)
        json_array_append_new(items, token_json(&tokens->rows[at]));
    char *next = NULL;
    if (at < tokens->count && at > 0)
        next = arena_cstr(&request->arena, tokens->rows[at - 1].id);
    response_set_etag(response, "i", request->view->index);
    response_take_list(request, response, items, next);
}

static const struct store_token *token_find(struct request *request, struct response *response)
{
    const struct store_token *token = tokens_find(request->view->tokens, request->variables[0]);
    if (!token)
        response_problem(response, "not-found", "there is no token '%.100s'",
                         arena_cstr(&request->arena, request->variables[0]));
    return token;
}

void token_get(struct request *request, struct response *response)
{
    const struct store_token *token = token_find(request, response);
    if (!token)
        return;
    response_set_etag(response, etag_prefix, TOKEN_VERSION);
    response_take(response, 200, token_json(token));
}

/* A name stands in the audit and in the log, and on a command line. */
static struct text name_read(struct request *request, struct response *response)
{
    struct text name = body_text_required(request, "name", response);
    bool is_fine = name.len <= TOKEN_NAME_MAX;
    for (size_t i = 0; i < name.len && is_fine; i++) {
        char c = name.ptr[i];
        is_fine =
            (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("._-@", c);
    }
    if (!is_fine)
        response_mistake(response, "/name", "wrong-value",
                         "expected at most 48 letters, digits, '.', '_', '-' and '@'",
                         "\"deploy-bot\"");
    return name;
}

static enum role role_read(struct request *request, struct response *response)
{
    enum role role = ROLE_NONE;
    struct text text = body_text_required(request, "role", response);
    if (text.len && !role_parse(text, &role))
        response_mistake(response, "/role", "wrong-value",
                         "expected \"viewer\", \"operator\" or \"admin\"", "\"viewer\"");
    return role;
}

/* "*" among them means all, and then none is listed. */
static void limit_read(struct request *request, const char *key, const struct text **words,
                       uint32_t *count, struct response *response)
{
    *words = body_texts(request, key, count, response);
    for (uint32_t i = 0; i < *count; i++)
        if (text_is((*words)[i], "*"))
            *count = 0;
}

static int64_t expiry_read(struct request *request, struct response *response)
{
    int64_t at_ms = body_time_ms(request, "expires_at", response);
    uint32_t in_s = 0;
    body_duration_s(request, "expires_in", 1, &in_s, response);
    if (at_ms && in_s)
        response_mistake(response, "/expires_in", "conflict",
                         "give \"expires_at\" or \"expires_in\", not both", NULL);
    if (at_ms && at_ms <= request->now_ms)
        response_mistake(response, "/expires_at", "wrong-value", "the time is over already", NULL);
    return in_s ? request->now_ms + (int64_t)in_s * 1000 : at_ms;
}

/* The secret is made here, and leaves with the answer: the world gets its digest alone. */
static bool secret_make(struct request *request, struct digest *digest, struct response *response)
{
    struct error err = {0};
    char *secret = arena_alloc(&request->arena, AUTH_TOKEN_LENGTH + 1);
    if (!auth_token_make(secret, &err)) {
        response_problem(response, "unavailable", "%s", err.message);
        return false;
    }
    *digest = auth_token_digest(text_from(secret));
    request->secret = secret;
    return true;
}

void tokens_post(struct request *request, struct response *response)
{
    struct world_token_change *change = arena_new(&request->arena, struct world_token_change);
    request->job.kind = WORLD_TOKEN_ADD;
    request->job.token = change;
    body_check_members(request->body, "", "name role nodes domains expires_in expires_at",
                       response);
    change->name = name_read(request, response);
    change->role = role_read(request, response);
    limit_read(request, "nodes", &change->nodes, &change->node_count, response);
    limit_read(request, "domains", &change->domains, &change->domain_count, response);
    change->expires_at_ms = expiry_read(request, response);
    if (!response->status)
        (void)secret_make(request, &change->secret, response);
}

void tokens_post_finish(struct request *request, const struct world_result *result,
                        struct response *response)
{
    if (handlers_failed(result, etag_prefix, response))
        return;
    json_t *body = token_json(result->token);
    if (result->outcome == WORLD_DRY_RUN) {
        json_object_del(body, "fingerprint"); /* that secret will never be seen */
    } else {
        json_object_set_new(body, "token", json_string(request->secret));
        response_set_etag(response, etag_prefix, TOKEN_VERSION);
        response->location = arena_printf(&request->arena, "/api/v1/tokens/%s",
                                          arena_cstr(&request->arena, result->token->id));
    }
    explicit_bzero(request->secret, AUTH_TOKEN_LENGTH);
    handlers_add_plan(result, body);
    response_take(response, handlers_status(result, 201), body);
}

void token_delete(struct request *request, struct response *response)
{
    const struct store_token *token = token_find(request, response);
    if (!token)
        return;
    struct world_token_change *change = arena_new(&request->arena, struct world_token_change);
    change->id = request->variables[0];
    request->job.kind = WORLD_TOKEN_REVOKE;
    request->job.token = change;
    if (!request_read_if_match(request, etag_prefix, response) ||
        (request->job.has_if_match && request->job.if_match != TOKEN_VERSION))
        response_stale(response, etag_prefix, TOKEN_VERSION);
}

void token_delete_finish(struct request *request, const struct world_result *result,
                         struct response *response)
{
    (void)request;
    if (handlers_failed(result, etag_prefix, response))
        return;
    json_t *body = token_json(result->token);
    handlers_add_plan(result, body);
    response_take(response, handlers_status(result, 200), body);
}

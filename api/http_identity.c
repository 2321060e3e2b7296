/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http_identity.h"

#include "api/router.h"
#include "zones/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What one request brings to be let in. */
struct asking {
    struct request *request;
    struct response *response;
    const struct door_connection *connection;
    const struct gate_head *head;
    struct auth *auth;
    const struct world_view *view;
};

/* A token came in a header of that name, however broken it is. */
static bool brings_token(const struct gate_head *head)
{
    return gate_field_find(head, "authorization").ptr || gate_field_find(head, "x-api-key").ptr;
}

/* The token, however it was sent; empty: none. */
static struct text token_of(const struct gate_head *head, struct response *response)
{
    struct text bearer = gate_field_find(head, "authorization");
    struct text key = gate_field_find(head, "x-api-key");
    if (bearer.ptr && key.ptr) {
        response_problem(response, "malformed",
                         "a token came both in Authorization and in X-API-Key; send one");
        return (struct text){0};
    }
    if (!bearer.ptr)
        return key;
    struct text scheme = {bearer.ptr, bearer.len < 6 ? bearer.len : 6};
    if (!gate_text_is(scheme, "bearer") || bearer.len < 8 || bearer.ptr[6] != ' ')
        return (struct text){0};
    bearer = (struct text){bearer.ptr + 7, bearer.len - 7};
    while (bearer.len && bearer.ptr[0] == ' ')
        bearer = (struct text){bearer.ptr + 1, bearer.len - 1};
    return bearer;
}

/* Time does not go back for tokens: an expired one stays so while the clock is wrong. */
static int64_t now_utc_ms(const struct world_view *view)
{
    int64_t now_ms = clock_realtime_ms();
    return now_ms > view->published_at_ms ? now_ms : view->published_at_ms;
}

static void ask_token(struct asking *asking)
{
    struct response *response = asking->response;
    char source[AUTH_SOURCE_SIZE];
    snprintf(source, sizeof source, "%s", asking->connection->source);
    if (asking->connection->is_unix)
        snprintf(source, sizeof source, "socket uid %u", asking->connection->uid);
    struct auth_attempt attempt = {.token = token_of(asking->head, response),
                                   .source = text_from(source),
                                   .now_ms = clock_monotonic_ms(),
                                   .now_utc_ms = now_utc_ms(asking->view),
                                   .tokens = asking->view->tokens,
                                   .arena = &asking->request->arena};
    struct error err = {0};
    uint32_t retry_after_s = 0;
    if (response->status ||
        auth_check_token(asking->auth, &attempt, &asking->request->identity, &retry_after_s, &err))
        return;
    if (retry_after_s) {
        response_problem(response, "too-many-attempts", "%s", err.message);
        response->retry_after_s = retry_after_s;
        return;
    }
    response_problem(response, "unauthenticated", "%s", err.message);
}

/* A page of a stranger in somebody's browser must not do what that person may: what a browser sends
 * by itself (a certificate, a cookie) counts only when the page is our own, and browsers name the
 * page in Origin (RFC 6454 section 7) with every request that may change something. */
static bool origin_is_ours(const struct asking *asking)
{
    struct text origin = gate_field_find(asking->head, "origin");
    struct text host = gate_field_find(asking->head, "host");
    const char *scheme = asking->connection->tls ? "https://" : "http://";
    size_t len = strlen(scheme);
    if (!origin.ptr)
        return true;
    return text_starts_with(origin, scheme) && origin.len - len == host.len &&
           strncasecmp(origin.ptr + len, host.ptr, host.len) == 0;
}

static void ask_certificate(struct asking *asking)
{
    const struct tls_peer *peer = asking->connection->tls;
    struct auth_identity *identity = &asking->request->identity;
    if (!origin_is_ours(asking)) {
        response_problem(asking->response, "forbidden",
                         "the header Origin names another page, and a certificate does not "
                         "count there; send a token");
        return;
    }
    *identity = (struct auth_identity){.role = peer->role};
    snprintf(identity->actor, sizeof identity->actor, "cert:%s", peer->name);
    snprintf(identity->source, sizeof identity->source, "%s cert %s", asking->connection->source,
             peer->mark);
}

/* A token that is sent decides, on the socket too: who names it wants to be no more than it. */
static void ask(struct asking *asking)
{
    struct error err = {0};
    const struct door_connection *connection = asking->connection;
    if (brings_token(asking->head))
        ask_token(asking);
    else if (tls_peer_is_named(connection->tls))
        ask_certificate(asking);
    else if (!connection->is_unix)
        ask_token(asking);
    else if (!auth_check_peer(asking->auth, connection->uid, &asking->request->identity, &err))
        response_problem(asking->response, "forbidden", "%s", err.message);
}

/* The query has a member `key`: "key=…" at its beginning, or behind "&". */
static bool brings_key(const struct gate_head *head)
{
    static const char key[] = "key=";
    struct text query = head->query;
    for (size_t i = 0; i + sizeof key - 1 <= query.len; i++)
        if ((i == 0 || query.ptr[i - 1] == '&') && memcmp(query.ptr + i, key, sizeof key - 1) == 0)
            return true;
    return false;
}

bool identity_find(struct request *request, struct response *response,
                   const struct door_connection *connection, struct auth *auth,
                   const struct world_view *view)
{
    enum role needed = request->route->role;
    struct asking asking = {request, response, connection, &connection->head, auth, view};
    if (needed == ROLE_NONE || (request->route->takes_key && brings_key(&connection->head)))
        return true;
    ask(&asking);
    if (!response->status && request->identity.role < needed)
        response_problem(response, "forbidden", "this needs the role %s; yours is %s",
                         role_print(needed), role_print(request->identity.role));
    return response->status == 0;
}

void identity_sign(struct world_request *job, const struct auth_identity *identity)
{
    job->actor = (struct world_actor){text_from(identity->actor), text_from(identity->source)};
    job->scope = (struct world_scope){identity->token, identity->nodes, identity->domains};
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/identity.h"

#include "api/http/router.h"
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

/* ---- what the head carries ---- */

/* The token, however it was sent; ptr NULL: none, empty: none that can be one. */
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
        return (struct text){"", 0};
    bearer = (struct text){bearer.ptr + 7, bearer.len - 7};
    while (bearer.len && bearer.ptr[0] == ' ')
        bearer = (struct text){bearer.ptr + 1, bearer.len - 1};
    return bearer;
}

const char *identity_cookie_name(const struct request_way *way)
{
    /* Browsers take a cookie of that prefix only from us, by TLS, and send it to nobody else (RFC
     * 6265bis section 4.1.3.2). */
    return way->is_tls ? "__Host-srvplan" : "srvplan";
}

/* The value of our cookie; ptr NULL: it did not come. One that came twice is not clear: empty. */
static struct text cookie_of(const struct gate_head *head, const char *name)
{
    struct text rest = gate_field_find(head, "cookie"), found = {0};
    size_t len = strlen(name);
    while (rest.len) {
        const char *semicolon = memchr(rest.ptr, ';', rest.len);
        struct text pair = {rest.ptr, semicolon ? (size_t)(semicolon - rest.ptr) : rest.len};
        rest.ptr += pair.len + (semicolon != NULL);
        rest.len -= pair.len + (semicolon != NULL);
        while (pair.len && pair.ptr[0] == ' ')
            pair = (struct text){pair.ptr + 1, pair.len - 1};
        if (pair.len <= len || !text_starts_with(pair, name) || pair.ptr[len] != '=')
            continue;
        bool is_again = found.ptr != NULL;
        found = (struct text){pair.ptr + len + 1, pair.len - len - 1};
        if (is_again)
            return (struct text){"", 0};
    }
    return found;
}

/* A page of a stranger in somebody's browser must not do what that person may: what a browser sends
 * by itself (a certificate, a cookie) counts only when the page is our own, and browsers name the
 * page in Origin (RFC 6454 section 7) with every request that may change something. */
static bool is_origin(struct text origin, const char *scheme, struct text host)
{
    size_t len = strlen(scheme);
    return text_starts_with(origin, scheme) && origin.len - len == host.len &&
           strncasecmp(origin.ptr + len, host.ptr, host.len) == 0;
}

/* Without TLS of ours, https is right as well: then a proxy of that name, and port, speaks it. */
static bool is_of_our_page(const struct asking *asking)
{
    struct text origin = gate_field_find(asking->head, "origin");
    struct text host = gate_field_find(asking->head, "host");
    return !origin.ptr || is_origin(origin, "https://", host) ||
           (!asking->connection->tls && is_origin(origin, "http://", host));
}

static void read_way(struct asking *asking)
{
    struct request_way *way = &asking->request->way;
    const struct door_connection *connection = asking->connection;
    way->auth = asking->auth;
    way->is_tls = connection->tls != NULL;
    way->is_of_our_page = is_of_our_page(asking);
    way->has_origin = gate_field_find(asking->head, "origin").ptr != NULL;
    way->has_csrf_header = gate_field_find(asking->head, "x-srvplan-csrf").len > 0;
    way->credential = token_of(asking->head, asking->response);
    way->cookie = cookie_of(asking->head, identity_cookie_name(way));
    if (connection->is_unix)
        snprintf(way->source, sizeof way->source, "socket uid %u", connection->uid);
    else
        snprintf(way->source, sizeof way->source, "%s", connection->source);
}

/* ---- each way to be let in ---- */

/* Time does not go back for tokens: an expired one stays so while the clock is wrong. */
static int64_t now_utc_ms(const struct world_view *view)
{
    int64_t now_ms = clock_realtime_ms();
    return now_ms > view->published_at_ms ? now_ms : view->published_at_ms;
}

bool identity_of_token(struct request *request, struct text token, const struct world_view *view,
                       struct response *response)
{
    struct auth_attempt attempt = {.token = token,
                                   .source = text_from(request->way.source),
                                   .now_ms = clock_monotonic_ms(),
                                   .now_utc_ms = now_utc_ms(view),
                                   .tokens = view->tokens,
                                   .arena = &request->arena};
    struct error err = {0};
    uint32_t retry_after_s = 0;
    if (auth_check_token(request->way.auth, &attempt, &request->identity, &retry_after_s, &err))
        return true;
    response_problem(response, retry_after_s ? "too-many-attempts" : "unauthenticated", "%s",
                     err.message);
    if (retry_after_s)
        response->retry_after_s = retry_after_s;
    return false;
}

bool identity_still_holds(const struct request *request, const struct world_view *view)
{
    return auth_still_holds(request->way.auth, &request->identity, view->tokens,
                            clock_monotonic_ms(), now_utc_ms(view));
}

bool identity_check_page(const struct request *request, struct response *response)
{
    const struct request_way *way = &request->way;
    bool is_reading = request->method == GATE_GET || request->method == GATE_HEAD;
    if (is_reading && way->is_of_our_page)
        return true;
    if (!way->is_of_our_page || !way->has_origin || !way->has_csrf_header) {
        response_problem(
            response, "foreign-page", "with a session, %s",
            way->is_of_our_page
                ? "a request that changes something has the headers X-Srvplan-CSRF and "
                  "Origin, which a page of ours sends"
                : "the header Origin must name our own page");
        return false;
    }
    return true;
}

static void ask_session(struct asking *asking)
{
    struct request *request = asking->request;
    struct auth_attempt attempt = {.token = request->way.cookie,
                                   .now_ms = clock_monotonic_ms(),
                                   .now_utc_ms = now_utc_ms(asking->view),
                                   .tokens = asking->view->tokens,
                                   .arena = &request->arena};
    struct error err = {0};
    if (!auth_check_session(asking->auth, &attempt, &request->identity, &err)) {
        response_problem(asking->response, "unauthenticated", "%s", err.message);
        asking->response->cookie = identity_cookie_end(request);
        return;
    }
    struct auth_identity *identity = &request->identity;
    snprintf(identity->source, sizeof identity->source, "%.48s session %02x%02x",
             request->way.source, identity->session.byte[0], identity->session.byte[1]);
    (void)!identity_check_page(request, asking->response);
}

static void ask_certificate(struct asking *asking)
{
    const struct tls_peer *peer = asking->connection->tls;
    struct auth_identity *identity = &asking->request->identity;
    if (!asking->request->way.is_of_our_page) {
        response_problem(asking->response, "foreign-page",
                         "the header Origin names another page, and a certificate does not "
                         "count there; send a token");
        return;
    }
    *identity = (struct auth_identity){.role = peer->role};
    snprintf(identity->actor, sizeof identity->actor, "cert:%s", peer->name);
    snprintf(identity->source, sizeof identity->source, "%s cert %s", asking->connection->source,
             peer->mark);
}

static void ask_peer(struct asking *asking)
{
    const struct door_connection *connection = asking->connection;
    gid_t groups[AUTH_GROUPS_MAX + 1] = {connection->gid};
    socklen_t len = AUTH_GROUPS_MAX * sizeof *groups;
    struct auth_peer peer = {.uid = connection->uid, .groups = groups, .group_count = 1};
    struct error err = {0};
    if (getsockopt(connection->fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &len) == 0)
        peer.group_count += len / sizeof *groups;
    if (!auth_check_peer(asking->auth, &peer, &asking->request->identity, &err))
        response_problem(asking->response, "forbidden", "%s", err.message);
}

/* What is sent on purpose comes first: who names a token wants to be no more than it. */
static void ask(struct asking *asking)
{
    const struct request_way *way = &asking->request->way;
    if (asking->response->status)
        return;
    if (way->credential.ptr)
        (void)!identity_of_token(asking->request, way->credential, asking->view, asking->response);
    else if (way->cookie.ptr)
        ask_session(asking);
    else if (tls_peer_is_named(asking->connection->tls))
        ask_certificate(asking);
    else if (asking->connection->is_unix)
        ask_peer(asking);
    else
        (void)!identity_of_token(asking->request, (struct text){0}, asking->view, asking->response);
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
    read_way(&asking);
    if (needed == ROLE_NONE || (request->route->takes_key && brings_key(&connection->head)))
        return true;
    ask(&asking);
    if (!response->status && request->identity.role < needed)
        response_problem(response, "forbidden", "this needs the role %s; yours is %s",
                         role_print(needed), role_print(request->identity.role));
    return response->status == 0;
}

/* ---- cookies ---- */

static char *cookie(struct request *request, const char *value, uint32_t lifetime_s)
{
    return arena_printf(&request->arena, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%u%s",
                        identity_cookie_name(&request->way), value, lifetime_s,
                        request->way.is_tls ? "; Secure" : "");
}

char *identity_cookie_begin(struct request *request, const char *secret, uint32_t lifetime_s)
{
    return cookie(request, secret, lifetime_s);
}

char *identity_cookie_end(struct request *request)
{
    return cookie(request, "", 0);
}

void identity_sign(struct world_request *job, const struct auth_identity *identity)
{
    job->actor = (struct world_actor){text_from(identity->actor), text_from(identity->source)};
    job->scope = (struct world_scope){identity->token, identity->nodes, identity->domains};
}

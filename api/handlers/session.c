/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/http/body.h"
#include "api/http/identity.h"
#include "zones/base/clock.h"
#include "zones/base/log.h"

#include <string.h>

/* Who asks, and what they may. */
static json_t *identity_json(const struct auth_identity *identity)
{
    json_t *json = json_object();
    json_object_set_new(json, "actor", problem_string(text_from(identity->actor)));
    json_object_set_new(json, "role", json_string(role_print(identity->role)));
    json_object_set_new(json, "nodes", json_view_words(identity->nodes, "*"));
    json_object_set_new(json, "domains", json_view_words(identity->domains, "*"));
    json_object_set_new(json, "expires_at", json_view_time(identity->expires_at_ms));
    json_object_set_new(json, "is_session", json_boolean(identity->has_session));
    return json;
}

void session_get(struct request *request, struct response *response)
{
    response_take(response, 200, identity_json(&request->identity));
}

/* Another page must not sign somebody in as somebody else: that is why Origin counts here, too. */
void session_post(struct request *request, struct response *response)
{
    struct error err = {0};
    char secret[AUTH_TOKEN_LENGTH + 1];
    uint32_t lifetime_s = 0;
    body_check_members(request->body, "", "token", response);
    struct text token = body_text_required(request, "token", response);
    if (!request->way.is_of_our_page)
        response_problem(response, "foreign-page", "the header Origin must name our own page");
    if (response->status || !identity_of_token(request, token, request->view, response))
        return;
    struct auth_identity *identity = &request->identity;
    if (!auth_begin_session(request->way.auth, identity, clock_monotonic_ms(), secret, &lifetime_s,
                            &err)) {
        response_problem(response, "unavailable", "%s", err.message);
        return;
    }
    log_info("session begun", log_string("actor", identity->actor),
             log_string("source", identity->source));
    response->cookie = identity_cookie_begin(request, secret, lifetime_s);
    explicit_bzero(secret, sizeof secret);
    identity->has_session = true;
    response_take(response, 201, identity_json(identity));
}

/* Without a session there is nothing to end, and that is fine. */
void session_delete(struct request *request, struct response *response)
{
    struct text cookie = request->way.cookie;
    if (cookie.ptr && !identity_check_page(request, response))
        return;
    if (cookie.ptr)
        auth_end_session(request->way.auth, cookie);
    response->cookie = identity_cookie_end(request);
    response->status = 204;
}

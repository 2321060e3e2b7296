/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identity: whose request it is, by what its head and its connection carry, and whether the
 * role is the one that the route asks for. The only place where HTTP lets somebody in.
 *
 * In this order, the first that came decides: a token in a header, the cookie of a session, a
 * client certificate, the peer of the UNIX socket. What a browser sends by itself (the second and
 * third) counts only for pages of ours. */
#pragma once
#include "api/http/door.h"
#include "api/http/request.h"

/* Fills request->way and request->identity. False: the response says why the asker is not let in. A
 * route for everybody asks for nothing. */
NODISCARD bool identity_find(struct request *request, struct response *response,
                             const struct door_connection *connection, struct auth *auth,
                             const struct world_view *view);

/* Whose the token is, into request->identity. False: the response says that it is nobody's. */
NODISCARD bool identity_of_token(struct request *request, struct text token,
                                 const struct world_view *view, struct response *response);

/* False: the token or the session that let the request in has ended by the view. */
bool identity_still_holds(const struct request *request, const struct world_view *view);

/* What a page of ours sends with a request that goes with a session. False: the response says what
 * is missing. */
NODISCARD bool identity_check_page(const struct request *request, struct response *response);

/* Who wants a job done, and what limits it. It borrows the identity. */
void identity_sign(struct world_request *job, const struct auth_identity *identity);

/* The cookie of a session: its name, and Set-Cookie that begins and ends it, in the arena. */
const char *identity_cookie_name(const struct request_way *way);
char *identity_cookie_begin(struct request *request, const char *secret, uint32_t lifetime_s);
char *identity_cookie_end(struct request *request);

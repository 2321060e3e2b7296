/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_identity: whose request it is, by what its head and its connection carry, and whether the
 * role is the one that the route asks for. The only place where HTTP lets somebody in. */
#pragma once
#include "api/http_door.h"
#include "api/request.h"

/* Fills request->identity. False: the response says why the asker is not let in. A route for
 * everybody asks for nothing. */
NODISCARD bool identity_find(struct request *request, struct response *response,
                             const struct door_connection *connection, struct auth *auth,
                             const struct world_view *view);

/* Who wants a job done, and what limits it. It borrows the identity. */
void identity_sign(struct world_request *job, const struct auth_identity *identity);

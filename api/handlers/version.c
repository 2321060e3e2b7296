/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

void version_get(struct request *request, struct response *response)
{
    (void)request;
    response_take(response, 200, json_pack("{s:s, s:i}", "version", SRVPLAN_VERSION, "api", 1));
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

/* Without an ETag: states of drains move with the clock, not with a version. */
void status_get(struct request *request, struct response *response)
{
    struct json_scene scene = handlers_scene(request);
    response_take(response, 200, json_view_status(&scene));
}

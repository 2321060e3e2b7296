/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"
#include "api/metrics/metrics.h"

void metrics_get(struct request *request, struct response *response)
{
    response->status = 200;
    response->page =
        metrics_print(request->view, request->counts, request->now_ms, &request->arena);
    response->page_type = METRICS_TYPE;
}

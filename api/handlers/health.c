/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

void livez_get(struct request *request, struct response *response)
{
    (void)request;
    response_take(response, 200, json_pack("{s:b}", "live", 1));
}

/* Ready: the store can be written and dnsd serves the current revision. */
void readyz_get(struct request *request, struct response *response)
{
    const struct world_view *view = request->view;
    json_t *reasons = json_array();
    for (const char *const *reason = view->not_ready; reason && *reason; reason++)
        json_array_append_new(reasons, problem_string(text_from(*reason)));
    response_take(response, view->is_ready ? 200 : 503,
                  json_pack("{s:b, s:o}", "ready", view->is_ready, "reasons", reasons));
    if (!view->is_ready)
        response->retry_after_s = 2;
}

void problem_page_get(struct request *request, struct response *response)
{
    const struct problem_kind *kind = problem_find(request->variables[0]);
    if (!kind) {
        response_problem(response, "not-found", "there is no problem type of that name");
        return;
    }
    response->status = 200;
    response->page = arena_printf(&request->arena, "%s: %s (HTTP %u)\n\n%s\n", kind->name,
                                  kind->title, kind->status, kind->page);
}

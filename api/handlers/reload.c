/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "srvplan/report/report_json.h"

#include <string.h>

void reload_post(struct request *request, struct response *response)
{
    (void)response;
    request->job.kind = WORLD_RELOAD;
}

/* What is in force now: a file that did not change is no mistake, and makes no revision. */
void reload_finish(struct request *request, const struct world_result *result,
                   struct response *response)
{
    if (handlers_failed(result, "", response)) {
        /* The file or the store: between what is to be chosen. */
        if (response->status == 409 && result->diff && strcmp(result->problem, "conflict") == 0)
            json_object_set_new(response->json, "changes", report_diff_json(result->diff));
        return;
    }
    struct json_scene scene = handlers_scene_after(request, result);
    const struct world_view *view = scene.view;
    json_t *body =
        json_pack("{s:I, s:b, s:o}", "revision", (json_int_t)view->revision, "revision_is_new",
                  view->revision != request->view->revision, "settings", json_view_settings(view));
    handlers_add_plan(result, body);
    response_take(response, handlers_status(result, 200), body);
}

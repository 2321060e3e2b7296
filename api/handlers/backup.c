/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/http/body.h"
#include "api/world/backup.h"

void backup_post(struct request *request, struct response *response)
{
    struct world_backup_change *change = arena_new(&request->arena, struct world_backup_change);
    const json_t *keep = json_object_get(request->body, "keep");
    body_check_members(request->body, "", "keep", response);
    if (keep && !json_is_null(keep)) {
        json_int_t number = json_is_integer(keep) ? json_integer_value(keep) : 0;
        if (number < 1 || number > STORE_BACKUP_KEEP_MAX)
            response_mistake(response, "/keep", "wrong-value",
                             "expected a whole number, 1 to 10000", "14");
        else
            change->keep = (uint32_t)number;
    }
    request->job.kind = WORLD_BACKUP;
    request->job.backup = change;
}

void backup_finish(struct request *request, const struct world_result *result,
                   struct response *response)
{
    const struct store_backup_made *made = result->backup;
    if (handlers_failed(result, "", response))
        return;
    json_t *body = json_object();
    json_object_set_new(body, "file", made ? json_view_text(made->file) : json_null());
    json_object_set_new(body, "at", json_view_time(made ? made->at_ms : request->now_ms));
    json_object_set_new(body, "revision",
                        json_integer((json_int_t)(made ? made->revision : result->view->revision)));
    json_object_set_new(body, "bytes", made ? json_integer((json_int_t)made->bytes) : json_null());
    json_object_set_new(body, "removed", json_integer(made ? made->removed : 0));
    handlers_add_plan(result, body);
    response_take(response, handlers_status(result, 201), body);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The feed of windows for calendars, which can send no header: a secret in the URL stands for a
 * token, reads the feed and nothing else, and only its digest is kept. */
#include "api/auth/file.h"
#include "api/http/body.h"
#include "api/view/calendar.h"
#include "api/handlers/windows.h"

static bool is_key(const struct request *request, struct text key)
{
    struct digest digest = auth_token_digest(key);
    return key.len && request->view->has_calendar_key &&
           digest_equal_constant_time(&digest, &request->view->calendar_key);
}

void calendar_get(struct request *request, struct response *response)
{
    struct text key = request_parameter_find(request, "key");
    if (request->identity.role < ROLE_VIEWER && !is_key(request, key)) {
        response_problem(response, "unauthenticated",
                         "the key in the URL is not the current one; whoever may change windows "
                         "makes a new URL by POST /api/v1/windows.ics");
        return;
    }
    response->page = calendar_print(request->view->plan, request->now_ms, &request->arena);
    response->page_type = "text/calendar; charset=utf-8";
    response->status = 200;
}

void calendar_post(struct request *request, struct response *response)
{
    struct world_window_change *change = arena_new(&request->arena, struct world_window_change);
    char *key = arena_alloc(&request->arena, AUTH_TOKEN_LENGTH + 1);
    struct error err = {0};
    body_check_members(request->body, "", "reason", response);
    request->job.reason = body_text_required(request, "reason", response);
    if (!auth_token_make(key, &err)) {
        response_problem(response, "unavailable", "%s", err.message);
        return;
    }
    request->secret = key; /* leaves with the answer alone */
    change->key = auth_token_digest(text_from(key));
    request->job.kind = WORLD_CALENDAR_KEY;
    request->job.window = change;
}

void calendar_post_finish(struct request *request, const struct world_result *result,
                          struct response *response)
{
    if (handlers_failed(result, window_etag_prefix, response))
        return;
    bool is_dry_run = result->outcome == WORLD_DRY_RUN;
    json_t *body = json_object();
    json_object_set_new(body, "url",
                        is_dry_run ? json_null()
                                   : json_sprintf("/api/v1/windows.ics?key=%s", request->secret));
    handlers_add_plan(result, body);
    response_take(response, handlers_status(result, 201), body);
}

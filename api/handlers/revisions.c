/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/past.h"

#include <inttypes.h>

/* Older revisions are in the store alone, so this read is a job of the world. */
void revisions_get(struct request *request, struct response *response)
{
    struct text after = request_parameter_find(request, "after");
    request->job.kind = WORLD_REVISIONS;
    request->job.limit = request_limit(request, response) + 1; /* one more: is there a next page? */
    if (after.ptr && !text_to_u64(after, 1, UINT64_MAX, &request->job.before))
        response_problem(response, "unknown-parameter", "after must be the number of a revision");
}

void revisions_finish(struct request *request, const struct world_result *result,
                      struct response *response)
{
    if (handlers_failed(result, "r", response))
        return;
    json_t *items = json_array();
    size_t limit = request->job.limit - 1;
    size_t count = result->revision_count < limit ? result->revision_count : limit;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(items, json_view_revision(&result->revisions[i]));
    char *next = NULL;
    if (result->revision_count > limit)
        next = arena_printf(&request->arena, "%" PRIu64, result->revisions[count - 1].number);
    response_take_list(request, response, items, next);
}

/* A revision never changes, so its number is its version. */
void revision_get(struct request *request, struct response *response)
{
    struct text number = request->variables[0];
    request->job.kind = WORLD_REVISION;
    if (!text_to_u64(number, 1, INT64_MAX, &request->job.before))
        response_problem(response, "not-found", "there is no revision \"%.*s\": it is a number",
                         (int)(number.len < 60 ? number.len : 60), number.ptr);
}

void revision_finish(struct request *request, const struct world_result *result,
                     struct response *response)
{
    struct error err = {0};
    if (handlers_failed(result, "r", response))
        return;
    response_set_etag(response, "r", result->past->revision.number);
    response->status = 200;
    response_check_none_match(request, response);
    if (response->status == 304)
        return;
    response->status = 0;
    json_t *json = past_json(result->past, &err);
    if (json)
        response_take(response, 200, json);
    else
        response_problem(response, "unavailable", "%s", err.message);
}

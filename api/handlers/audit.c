/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/view/audit.h"
#include "api/world/audit.h"
#include "zones/base/clock.h"

#include <inttypes.h>

static int64_t since_read(const struct request *request, struct response *response)
{
    struct text since = request_parameter_find(request, "since");
    int64_t at_ms = 0;
    if (since.ptr && (text_starts_with(since, "@") || !clock_parse(since, &at_ms)))
        response_problem(response, "unknown-parameter",
                         "since must be a time by RFC 3339, as 2026-12-06T02:00:00Z");
    return at_ms;
}

/* The audit is in the store alone, so its reads are jobs of the world. */
void audit_get(struct request *request, struct response *response)
{
    struct world_audit_query *query = arena_new(&request->arena, struct world_audit_query);
    struct text after = request_parameter_find(request, "after");
    uint64_t before = 0;
    query->filter.actor = request_parameter_find(request, "actor");
    query->filter.object = request_parameter_find(request, "object");
    query->filter.since_ms = since_read(request, response);
    query->filter.limit = request_limit(request, response) + 1; /* is there a next page? */
    if (after.ptr && !text_to_u64(after, 1, INT64_MAX, &before))
        response_problem(response, "unknown-parameter", "after must be the id of a line");
    query->filter.before = (int64_t)before;
    request->job.kind = WORLD_AUDIT;
    request->job.audit = query;
}

void audit_finish(struct request *request, const struct world_result *result,
                  struct response *response)
{
    if (handlers_failed(result, "", response))
        return;
    const struct world_audit_found *found = result->audit;
    size_t limit = request->job.audit->filter.limit - 1;
    size_t count = found->count < limit ? found->count : limit;
    json_t *items = json_array();
    char *next = NULL;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(items, audit_row_json(&found->rows[i]));
    if (found->count > limit)
        next = arena_printf(&request->arena, "%" PRId64, found->rows[count - 1].id);
    response_take_list(request, response, items, next);
}

void audit_verify_get(struct request *request, struct response *response)
{
    struct world_audit_query *query = arena_new(&request->arena, struct world_audit_query);
    struct text after = request_parameter_find(request, "after");
    if (after.ptr && !audit_head_parse(after, &query->from))
        response_problem(response, "unknown-parameter",
                         "after must be a line and its hash, as the log and the status give them: "
                         "17:5f0c…, with 64 digits");
    request->job.kind = WORLD_AUDIT_VERIFY;
    request->job.audit = query;
}

void audit_verify_finish(struct request *request, const struct world_result *result,
                         struct response *response)
{
    char head[AUDIT_HEAD_SIZE];
    (void)request;
    if (handlers_failed(result, "", response))
        return;
    const struct store_audit_verdict *verdict = &result->audit->verdict;
    bool is_whole = !verdict->broken_id && verdict->is_end;
    json_t *json = json_object(), *broken = json_null();
    if (verdict->broken_id)
        broken = json_pack("{s:I, s:s}", "line", (json_int_t)verdict->broken_id, "detail",
                           verdict->what);
    json_object_set_new(json, "ok", json_boolean(!verdict->broken_id));
    json_object_set_new(json, "checked", json_integer(verdict->checked));
    json_object_set_new(json, "head",
                        verdict->last.id ? json_string(audit_head_print(&verdict->last, head))
                                         : json_null());
    json_object_set_new(json, "broken", broken);
    json_object_set_new(json, "next",
                        is_whole || verdict->broken_id
                            ? json_null()
                            : json_string(audit_head_print(&verdict->last, head)));
    response_take(response, 200, json);
}

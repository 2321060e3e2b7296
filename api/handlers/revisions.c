/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/proposal.h"

#include "api/http/body.h"
#include "api/world/past.h"
#include "api/world/ask.h"
#include "srvplan/report/report_compare.h"

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

/* ---- one of them ---- */

/* The number in the path. False: the response says that it is none. */
static bool number_read(const struct request *request, uint64_t *number, struct response *response)
{
    struct text text = request->variables[0];
    if (text_to_u64(text, 1, INT64_MAX, number))
        return true;
    response_problem(response, "not-found", "there is no revision \"%.*s\": it is a number",
                     (int)(text.len < 60 ? text.len : 60), text.ptr);
    return false;
}

/* What the store has of a revision; world_result_free. NULL: the response says why not. */
static struct world_result *past_get(struct request *request, uint64_t number,
                                     struct response *response)
{
    struct world_request job = request->job;
    job.kind = WORLD_REVISION;
    job.before = number;
    struct world_result *result = world_ask(request->world, &job);
    if (!handlers_failed(result, "r", response))
        return result;
    world_result_free(result);
    return NULL;
}

/* A revision never changes, so its number is its version. */
void revision_get(struct request *request, struct response *response)
{
    struct error err = {0};
    struct past past = {0};
    uint64_t number;
    struct world_result *stored = NULL;
    if (!number_read(request, &number, response) || !(stored = past_get(request, number, response)))
        return;
    response_set_etag(response, "r", stored->past->revision.number);
    response->status = 200;
    response_check_none_match(request, response);
    if (response->status == 200) {
        response->status = 0;
        if (past_make(&past, stored->past, NULL, &err))
            response_take(response, 200, past_json(&past, stored->past));
        else
            response_problem(response, "conflict", "%s", err.message);
    }
    past_fini(&past);
    world_result_free(stored);
}

/* ---- what differs ---- */

static json_t *diff_json(const struct store_past *stored, const struct store_past *against,
                         struct study *study)
{
    json_t *json = json_object();
    bool is_same = against && digest_equal(&stored->revision.inventory_digest,
                                           &against->revision.inventory_digest);
    json_object_set_new(json, "revision", json_integer((json_int_t)stored->revision.number));
    json_object_set_new(json, "against",
                        against ? json_integer((json_int_t)against->revision.number)
                                : json_integer(0));
    json_object_set_new(json, "inventory_changed", json_boolean(!is_same));
    json_object_set_new(json, "summary", report_summary_json(study->comparison));
    json_object_set_new(json, "changes", study_changes_json(study));
    return json;
}

/* `against` NULL: nothing was published before. */
static void diff(const struct store_past *stored, const struct store_past *against,
                 struct response *response)
{
    struct error err = {0};
    struct past after = {0}, before = {0};
    struct study study = {0};
    bool is_made = past_make(&after, stored, NULL, &err);
    bool is_shared = against && against->revision.inventory_id == stored->revision.inventory_id;
    if (is_made && against)
        is_made = past_make(&before, against, is_shared ? after.base : NULL, &err);
    if (is_made) {
        study.plan = after.plan;
        study_compare(&study, before.plan);
        response_take(response, 200, diff_json(stored, against, &study));
        study.plan = NULL; /* it is the past's */
    } else {
        response_problem(response, "conflict", "%s", err.message);
    }
    study_fini(&study);
    past_fini(&before);
    past_fini(&after);
}

void revision_diff_get(struct request *request, struct response *response)
{
    struct text text = request_parameter_find(request, "against");
    struct world_result *stored = NULL, *against = NULL;
    uint64_t number;
    if (!number_read(request, &number, response) || !(stored = past_get(request, number, response)))
        return;
    uint64_t other = number - 1;
    if (text.ptr && !text_to_u64(text, 0, INT64_MAX, &other))
        response_problem(response, "unknown-parameter", "against must be the number of a revision");
    if (!response->status && other)
        against = past_get(request, other, response);
    /* Neither of them ever changes: the two numbers are the version. */
    response_set_etag(response, "d", number << 32 | (other & UINT32_MAX));
    if (!response->status)
        diff(stored->past, against ? against->past : NULL, response);
    world_result_free(against);
    world_result_free(stored);
}

/* ---- back ---- */

static bool rollback_make(struct proposal *proposal)
{
    struct request *request = proposal->request;
    const struct store_past *past = proposal->context;
    struct text reason = request->job.reason;
    proposal->document = past->inventory.text;
    proposal->change.action = "rollback";
    proposal->change.object =
        text_from(arena_printf(&request->arena, "revision %" PRIu64, past->revision.number));
    proposal->change.cause = text_from(
        arena_printf(&request->arena, "rollback to revision %" PRIu64 "%s%.*s",
                     past->revision.number, reason.len ? ": " : "", (int)reason.len, reason.ptr));
    return true;
}

void revision_rollback_post(struct request *request, struct response *response)
{
    static const struct proposal_kind kind = {.etag_prefix = "v",
                                              .is_stored = true,
                                              .make = rollback_make,
                                              .show = proposal_show_inventory};
    body_check_members(request->body, "", "reason override", response);
    request->job.reason = body_text(request, "reason", response);
    body_override(request, response);
    uint64_t number;
    struct world_result *stored = NULL;
    if (response->status || !number_read(request, &number, response) ||
        !(stored = past_get(request, number, response)))
        return;
    proposal_carry_out(request, response, &kind, stored->past);
    world_result_free(stored);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/preview.h"

#include "api/http/body.h"
#include "zones/base/clock.h"

#include <string.h>

struct application {
    struct shelved_plan plan;
    const struct wishes *wishes;
};

static bool apply_make(struct proposal *proposal)
{
    const struct application *application = proposal->context;
    struct request *request = proposal->request;
    struct text reason = request->job.reason;
    const char *id = application->plan.id;
    proposal->document = application->plan.document;
    proposal->wishes = application->wishes;
    proposal->change.precondition = WORLD_IF_REVISION;
    proposal->change.made_of = request->view->inventory_id;
    proposal->change.made_at_revision = request->view->revision;
    proposal->change.action = "apply";
    proposal->change.object = text_from(arena_printf(&request->arena, "%s", id));
    proposal->change.cause =
        text_from(arena_printf(&request->arena, "apply %s%s%.*s", id, reason.len ? ": " : "",
                               (int)reason.len, reason.ptr));
    return true;
}

/* What would be done now must be what was shown then. */
static bool apply_check(struct proposal *proposal)
{
    const struct application *application = proposal->context;
    struct digest now = preview_checksum(proposal);
    if (digest_equal(&now, &application->plan.checksum))
        return true;
    response_problem(proposal->response, "stale",
                     "the world moved since the plan was made: applied now, it would do something "
                     "else; plan again");
    response_set_etag(proposal->response, "r", proposal->request->view->revision);
    json_object_set_new(proposal->response->json, "etag", json_string(proposal->response->etag));
    return false;
}

static json_t *apply_show(struct proposal *proposal)
{
    json_t *json = proposal_json(proposal), *drains = json_array();
    const struct world_result *result = proposal->result;
    for (uint32_t i = 0; result && i < result->drain_id_count; i++)
        json_array_append_new(drains, json_view_text(result->drain_ids[i]));
    json_object_set_new(json, "applied", json_view_text(proposal->change.object));
    json_object_set_new(json, "drains", drains);
    if (result)
        response_set_etag(proposal->response, "r", result->view->revision);
    return json;
}

/* The plan that the body names. False: the response says why it is not to be had. */
static bool find_plan(struct request *request, struct shelved_plan *plan, struct response *response)
{
    struct text id = body_text_required(request, "plan", response);
    struct text checksum = body_text_required(request, "checksum", response);
    if (response->status)
        return false;
    if (!plan_shelf_get(request->shelf, id, clock_monotonic_ms(), &request->arena, plan))
        response_problem(response, "unknown-plan",
                         "there is no plan %.40s here, or not any more; plan again",
                         arena_cstr(&request->arena, id));
    else if (!text_is(checksum, preview_checksum_print(&plan->checksum, &request->arena)))
        response_mistake(response, "/checksum", "wrong-value",
                         "this is not the checksum of that plan", NULL);
    else if (plan->is_for_later)
        response_problem(response, "conflict",
                         "this plan shows another instant than its own, and is for looking only; "
                         "plan without \"at\"");
    return !response->status;
}

/* The overlays as they were asked for; they were fine then. */
static const struct wishes *wishes_of(struct request *request, const struct shelved_plan *plan,
                                      struct response *response)
{
    if (!plan->overlays.ptr)
        return NULL;
    json_t *overlays = json_loadb(plan->overlays.ptr, plan->overlays.len, 0, NULL);
    json_object_set_new(request->body, "overlays", overlays); /* texts live as long as the body */
    return wishes_read(request, overlays, response);
}

void apply_post(struct request *request, struct response *response)
{
    static const struct proposal_kind kind = {
        .etag_prefix = "r", .make = apply_make, .check = apply_check, .show = apply_show};
    struct application application = {0};
    body_check_members(request->body, "", "plan checksum reason override", response);
    request->job.reason = body_text(request, "reason", response);
    body_override(request, response);
    uint64_t revision = request->view->revision;
    if (!request_read_if_match(request, "r", response) ||
        (request->job.has_if_match && request->job.if_match != revision))
        response_stale(response, "r", revision);
    if (response->status || !find_plan(request, &application.plan, response))
        return;
    application.wishes = wishes_of(request, &application.plan, response);
    if (!response->status)
        proposal_carry_out(request, response, &kind, &application);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/proposal.h"

#include "api/http/body.h"
#include "api/world/ask.h"
#include "srvplan/report/report_compare.h"
#include "srvplan/report/report_json.h"

#include <stdlib.h>
#include <string.h>

enum {
    TRIES = 5, /* each takes seconds at most, and the world must move in each */
};

/* ---- the document ---- */

static void refuse_fault(struct text document, const struct jsonc_fault *fault,
                         struct response *response)
{
    bool is_too_much = strcmp(fault->code, "too-deep") == 0;
    struct jsonc_position at = {.offset = fault->offset};
    jsonc_positions((struct bytes){(const uint8_t *)document.ptr, document.len}, &at, 1);
    response_problem(response, is_too_much ? "too-large" : "malformed",
                     "the inventory cannot be read: line %u, column %u: %s%s%s", at.line, at.column,
                     fault->message, fault->mend ? "; " : "", fault->mend ? fault->mend : "");
    if (!response->is_problem)
        return;
    json_object_set_new(response->json, "line", json_integer(at.line));
    json_object_set_new(response->json, "column", json_integer(at.column));
}

/* Every token, one after the other. */
static bool walk(struct text document, struct text clean, struct response *response)
{
    struct jsonc_walk walk = jsonc_walk_over(clean);
    struct jsonc_event event;
    do {
        event = jsonc_walk_next(&walk);
        if (walk.values > BODY_DOCUMENT_MAX_VALUES) {
            response_problem(response, "too-large", "the inventory has more than 2,000,000 values");
            return false;
        }
    } while (event.kind != JSONC_DONE && event.kind != JSONC_FAULT);
    if (event.kind == JSONC_FAULT)
        refuse_fault(document, &walk.fault, response);
    return event.kind == JSONC_DONE;
}

bool proposal_scan(struct text document, enum document_format format, struct response *response)
{
    struct bytes text = {(const uint8_t *)document.ptr, document.len};
    struct jsonc_fault fault = {0};
    if (format == DOCUMENT_YAML) /* its reader bounds itself, and what is wrong are findings */
        return true;
    char *clean = malloc(document.len + 1);
    if (!clean)
        abort();
    bool is_fine = jsonc_encoding_check(text, &fault) && jsonc_clean(text, clean, &fault);
    if (!is_fine)
        refuse_fault(document, &fault, response);
    is_fine = is_fine && walk(document, (struct text){clean, document.len}, response);
    free(clean);
    return is_fine;
}

/* ---- the head ---- */

static bool is_fine_text(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return false;
    return text.len <= BODY_TEXT_MAX_BYTES;
}

bool proposal_read_head(struct request *request, const char *prefix, uint64_t version,
                        struct response *response)
{
    struct world_request *job = &request->job;
    struct text reason = request_parameter_find(request, "reason");
    job->reason = reason;
    job->override_reason = reason;
    job->is_override = request_flag(request, "override", response);
    if (!is_fine_text(reason))
        response_problem(response, "unknown-parameter",
                         "reason must be a text of at most 1,000 bytes without control characters");
    else if (job->is_override && strspn(reason.ptr ? reason.ptr : "", " ") == reason.len)
        response_problem(response, "unknown-parameter",
                         "an override of guards needs a reason: add &reason=WHY");
    if (!request_read_if_match(request, prefix, response) ||
        (job->has_if_match && job->if_match != version))
        response_stale(response, prefix, version);
    return !response->status;
}

/* ---- answers ---- */

static json_t *mistake_json(const struct finding *finding, const char *pointer_prefix)
{
    const char *pointer = finding->pointer ? finding->pointer : "";
    size_t skip = pointer_prefix ? strlen(pointer_prefix) : 0;
    bool is_within = skip > 0 && strncmp(pointer, pointer_prefix, skip) == 0;
    json_t *mistake = json_object();
    json_object_set_new(mistake, "pointer",
                        problem_string(text_from(pointer + (is_within ? skip : 0))));
    json_object_set_new(mistake, "detail", problem_string(text_from(finding->message)));
    json_object_set_new(mistake, "code", json_string(finding->code));
    if (finding->mend)
        json_object_set_new(mistake, "suggestion", problem_string(text_from(finding->mend)));
    if (finding->line && !pointer_prefix) { /* of a part, lines are those of another text */
        json_object_set_new(mistake, "line", json_integer(finding->line));
        json_object_set_new(mistake, "column", json_integer(finding->column));
    }
    return mistake;
}

static const char *first_error(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].severity == FINDING_ERROR)
            return findings->items[i].message;
    return "no reason is known";
}

void proposal_refuse(const struct findings *findings, const char *pointer_prefix,
                     struct response *response)
{
    json_t *mistakes = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (finding->severity != FINDING_ERROR)
            continue;
        if (json_array_size(mistakes) < REQUEST_MISTAKES_MAX)
            json_array_append_new(mistakes, mistake_json(finding, pointer_prefix));
    }
    response_problem(response, "invalid", "the inventory has %zu error%s; the first: %s",
                     findings->errors, findings->errors == 1 ? "" : "s", first_error(findings));
    if (response->status == 422)
        json_object_set_new(response->json, "errors", mistakes);
    else
        json_decref(mistakes);
}

static const struct world_view *view_after(const struct proposal *proposal)
{
    return proposal->result ? proposal->result->view : proposal->request->view;
}

json_t *proposal_json(struct proposal *proposal)
{
    const struct world_view *view = view_after(proposal);
    struct study *study = &proposal->study;
    json_t *json = json_object();
    json_object_set_new(json, "revision", json_integer((json_int_t)view->revision));
    json_object_set_new(json, "served_at", json_view_time(view->served_at_ms));
    json_object_set_new(json, "inventory", study_inventory_json(view));
    json_object_set_new(json, "summary", report_summary_json(study->comparison));
    json_object_set_new(json, "warnings", study_warnings_json(study));
    return json;
}

json_t *proposal_show_inventory(struct proposal *proposal)
{
    if (proposal->result)
        response_set_etag(proposal->response, "v", proposal->result->view->inventory_id);
    return proposal_json(proposal);
}

static void show(struct proposal *proposal)
{
    struct response *response = proposal->response;
    const struct proposal_kind *kind = proposal->kind;
    json_t *body = kind->show ? kind->show(proposal) : proposal_json(proposal);
    if (proposal->result) {
        unsigned status = handlers_status(proposal->result, 200);
        proposal->request->spent = proposal->result->spent;
        response_take(response, handlers_are_withdrawn(proposal->result) ? status : 202, body);
        return;
    }
    json_t *plan = json_object();
    json_object_set_new(plan, "summary", report_summary_json(proposal->study.comparison));
    json_object_set_new(plan, "changes", study_changes_json(&proposal->study));
    json_object_set_new(plan, "guards", report_guards_json(proposal->study.plan));
    json_object_set_new(body, "plan", plan);
    response_take(response, 200, body);
}

/* ---- the way ---- */

/* The document, if there is one. False: the response says what is wrong with it. */
static bool read_document(struct proposal *proposal)
{
    struct study *study = &proposal->study;
    if (!proposal->document.ptr || study_read(study, proposal->document, proposal->format))
        return true;
    if (proposal->kind->is_stored)
        response_problem(proposal->response, "conflict",
                         "this version cannot read that inventory any more: %s",
                         first_error(&study->findings));
    proposal_refuse(&study->findings, proposal->kind->pointer_prefix, proposal->response);
    return false;
}

bool proposal_study(struct proposal *proposal)
{
    const struct world_view *view = proposal->request->view;
    struct study *study = &proposal->study;
    struct study_scene scene = {
        .layout = view->layout, .overlays = &view->overlays, .at_ms = proposal->request->now_ms};
    if (view->plan->input.at_ms > scene.at_ms) /* the clock went back */
        scene.at_ms = view->plan->input.at_ms;
    if (!read_document(proposal))
        return false;
    if (study->base)
        scene.layout = study->base->layout;
    if (proposal->wishes) {
        struct wishes_scene wished = {.inventory = scene.layout->inventory,
                                      .overlays = &view->overlays,
                                      .at_ms = scene.at_ms};
        if (!wishes_grant(proposal->wishes, &wished, &study->arena, proposal->response))
            return false;
        scene.overlays = wished.granted;
        proposal->change.drains = wished.drains;
        proposal->change.drain_count = wished.drain_count;
        proposal->change.weights = wished.weights;
        proposal->change.weight_count = wished.weight_count;
    }
    if (proposal->at_ms)
        scene.at_ms = proposal->at_ms;
    study_plan(study, &scene);
    study_compare(study, view->plan);
    proposal->change.base = study->base;
    return true;
}

/* False: a guard says no, and the response so. */
static bool ask_guards(struct proposal *proposal)
{
    const struct world_request *job = &proposal->request->job;
    const struct plan *plan = proposal->study.plan;
    const struct plan_verdict *refusal =
        world_new_refusal(proposal->request->view->plan, plan, job->is_override);
    if (!refusal)
        return true;
    struct world_result refused = {.outcome = WORLD_FAILED, .problem = "guard", .plan = plan};
    error_set(&refused.error, ERROR_GUARD, "%s", refusal->message);
    return !handlers_failed(&refused, proposal->kind->etag_prefix, proposal->response);
}

/* What takes long of publishing is done here; where it fails, the world will say so. */
static void prepare(struct study *study)
{
    struct error ignored = {0};
    if (study->base)
        (void)!base_build_names(study->base, &ignored);
}

/* True: the world moved on, and all is to be done again. */
static bool try(struct proposal *proposal, bool is_last)
{
    struct request *request = proposal->request;
    const struct proposal_kind *kind = proposal->kind;
    if (!kind->make(proposal) || !proposal_study(proposal) ||
        (kind->check && !kind->check(proposal)) || !ask_guards(proposal))
        return false;
    if (request->job.is_dry_run) {
        show(proposal);
        return false;
    }
    prepare(&proposal->study);
    request->job.kind = WORLD_INVENTORY;
    request->job.inventory = &proposal->change;
    struct world_result *result = world_ask(request->world, &request->job);
    bool is_outrun = result->outcome == WORLD_FAILED && strcmp(result->problem, "outrun") == 0;
    proposal->result = result;
    if (!(is_outrun && !is_last) && !handlers_failed(result, kind->etag_prefix, proposal->response))
        show(proposal);
    world_result_free(result);
    return is_outrun && !is_last;
}

void proposal_carry_out(struct request *request, struct response *response,
                        const struct proposal_kind *kind, const void *context)
{
    bool again = true;
    for (int i = 1; again && i <= TRIES; i++) {
        struct proposal proposal = {
            .request = request, .response = response, .kind = kind, .context = context};
        again = try(&proposal, i == TRIES);
        study_fini(&proposal.study);
        if (again)
            request_renew_view(request);
    }
}

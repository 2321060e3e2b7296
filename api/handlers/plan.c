/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "srvplan/lint.h"
#include "srvplan/report/report_json.h"
#include "zones/base/clock.h"

static json_t *plan_json(const struct plan *plan)
{
    struct findings findings = {0};
    for (size_t i = 0; i < plan->findings.count; i++)
        findings_add(&findings, &plan->findings.items[i]);
    lint_plan(plan, LAYOUT_FOR_ZONES, LINT_ALL, &findings);
    json_t *json = report_plan_json(plan, &findings);
    findings_fini(&findings);
    return json;
}

/* The plan of another instant, from the inventory and the overlays of now. */
static void plan_at(const struct request *request, int64_t at_ms, struct response *response)
{
    const struct world_view *view = request->view;
    struct plan *plan = plan_compute(
        &(struct plan_input){.layout = view->layout, .overlays = &view->overlays, .at_ms = at_ms});
    json_t *json = plan_json(plan);
    json_object_set_new(json, "revision", json_null()); /* none has it, or will have it for sure */
    json_object_set_new(json, "base_revision", json_integer((json_int_t)view->revision));
    plan_free(plan);
    response_take(response, 200, json);
}

void plan_get(struct request *request, struct response *response)
{
    const struct world_view *view = request->view;
    struct text at = request_parameter_find(request, "at");
    int64_t at_ms = 0;
    if (at.ptr && (!clock_parse(at, &at_ms) || at_ms <= 0)) {
        response_problem(response, "unknown-parameter",
                         "at must be a time by RFC 3339, as 2026-12-06T02:00:00Z");
        return;
    }
    if (at.ptr) {
        plan_at(request, at_ms, response);
        return;
    }
    response_set_etag(response, "r", view->revision);
    /* The plan of many domains is long to print; who has it already gets nothing. */
    response->status = 200;
    response_check_none_match(request, response);
    if (response->status == 304)
        return;
    response->status = 0;
    json_t *plan = plan_json(view->plan);
    json_object_set_new(plan, "revision", json_integer((json_int_t)view->revision));
    response_take(response, 200, plan);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "srvplan/lint.h"
#include "srvplan/report/report_json.h"

void plan_get(struct request *request, struct response *response)
{
    const struct world_view *view = request->view;
    response_set_etag(response, "r", view->revision);
    /* The plan of many domains is long to print; who has it already gets nothing. */
    response->status = 200;
    response_check_none_match(request, response);
    if (response->status == 304)
        return;
    response->status = 0;
    struct findings findings = {0};
    for (size_t i = 0; i < view->plan->findings.count; i++)
        findings_add(&findings, &view->plan->findings.items[i]);
    lint_plan(view->plan, LAYOUT_FOR_ZONES, LINT_ALL, &findings);
    json_t *plan = report_plan_json(view->plan, &findings);
    findings_fini(&findings);
    json_object_set_new(plan, "revision", json_integer((json_int_t)view->revision));
    response_take(response, 200, plan);
}

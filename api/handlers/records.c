/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/view/record_view.h"
#include "zones/text.h"

static bool filter_read(struct request *request, struct record_filter *filter,
                        struct response *response)
{
    struct text domain = request_parameter_find(request, "domain");
    struct text service = request_parameter_find(request, "service");
    struct text type = request_parameter_find(request, "type");
    struct error err = {0};
    filter->limit = request_limit(request, response);
    if (domain.ptr && !text_name_parse(&request->arena, domain, &filter->domain, &err))
        response_problem(response, "unknown-parameter", "domain: %s", err.message);
    if (type.ptr && !text_type_parse(type, &filter->type))
        response_problem(response, "unknown-parameter",
                         "type must be that of a record, such as SRV, AAAA or TYPE65280");
    if (service.ptr) {
        uint32_t index = inventory_find_service(request->view->inventory, service);
        if (index == INVENTORY_NONE)
            response_problem(response, "unknown-parameter",
                             "the inventory has no service of that id");
        else
            filter->service = request->view->inventory->services[index].srv_labels;
    }
    return response->status == 0;
}

void records_get(struct request *request, struct response *response)
{
    struct record_filter filter = {0};
    struct record_cursor after = {0};
    struct text cursor = request_parameter_find(request, "after");
    if (!filter_read(request, &filter, response))
        return;
    if (cursor.ptr && !record_cursor_parse(cursor, &request->arena, &after)) {
        response_problem(response, "unknown-parameter", "after must be 'next' of a page before");
        return;
    }
    char *next = NULL;
    json_t *items = record_view_page(request->view, &filter, &after, &request->arena, &next);
    response_set_etag(response, "r", request->view->revision);
    response_take_list(request, response, items, next);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include "api/openapi/openapi.h"
#include "zones/base/digest.h"

enum {
    TAG_BYTES = 7, /* of its digest: a number that everybody's JSON can hold */
};

void openapi_get(struct request *request, struct response *response)
{
    (void)request;
    struct digest digest = digest_of((struct bytes){openapi_document, openapi_document_bytes});
    uint64_t tag = 0;
    for (int i = 0; i < TAG_BYTES; i++)
        tag = tag << 8 | digest.byte[i];
    response_set_etag(response, "", tag);
    response->status = 200;
    response->page = (const char *)openapi_document;
    response->page_type = "application/json";
}

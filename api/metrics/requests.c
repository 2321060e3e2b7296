/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the API itself was asked. */
#include "api/metrics/parts.h"

#include <inttypes.h>

void metrics_put_requests(struct page *page, const struct http_counts *counts)
{
    uint64_t timed = 0;
    page_head(page, "http_requests_total", "counter",
              "Requests to the API that were answered, by route, method and code.");
    for (size_t i = 0; i < counts->row_count; i++) {
        const struct http_count *row = &counts->rows[i];
        page_put(page,
                 "srvplan_http_requests_total{route=\"%s\",method=\"%s\",code=\"%u\"} %" PRIu64
                 "\n",
                 row->route, row->method, row->status, row->requests);
    }
    page_head(page, "http_request_seconds", "histogram",
              "From the head of a request to its answer; without long polls and streams.");
    for (uint32_t i = 0; i < HTTP_COUNTS_BUCKETS; i++) {
        timed += counts->timed[i];
        page_put(page, "srvplan_http_request_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
                 http_counts_bucket_us[i] / 1e6, timed);
    }
    timed += counts->timed[HTTP_COUNTS_BUCKETS];
    page_put(page, "srvplan_http_request_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", timed);
    page_put(page,
             "srvplan_http_request_seconds_sum %.6f\nsrvplan_http_request_seconds_count %" PRIu64
             "\n",
             (double)counts->sum_us / 1e6, timed);
}

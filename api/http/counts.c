/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/counts.h"

#include "api/http/exchange.h"

#include <stdlib.h>
#include <string.h>

const uint32_t http_counts_bucket_us[HTTP_COUNTS_BUCKETS] = {
    500, 1000, 2500, 5000, 10000, 25000, 100000, 1000000, 10000000,
};

void http_counts_fini(struct http_counts *counts)
{
    free(counts->rows);
    *counts = (struct http_counts){0};
}

/* As many as there are routes, methods and codes: some hundred at most. */
static struct http_count *row_of(struct http_counts *counts, const char *route, const char *method,
                                 unsigned status)
{
    for (size_t i = 0; i < counts->row_count; i++) {
        struct http_count *row = &counts->rows[i];
        if (row->status == status && strcmp(row->route, route) == 0 &&
            strcmp(row->method, method) == 0)
            return row;
    }
    if (counts->row_count == counts->row_capacity) {
        counts->row_capacity = counts->row_capacity ? 2 * counts->row_capacity : 32;
        counts->rows = realloc(counts->rows, counts->row_capacity * sizeof *counts->rows);
        if (!counts->rows)
            abort();
    }
    struct http_count *row = &counts->rows[counts->row_count++];
    *row = (struct http_count){.route = route, .method = method, .status = status};
    return row;
}

void http_counts_add(struct http_counts *counts, const struct exchange *exchange, int64_t took_us)
{
    const struct request *request = &exchange->request;
    const struct response *response = &exchange->response;
    const char *route = request->route ? request->route->path : "none";
    bool waits = request->wait.is_given || response->is_stream;
    uint32_t bucket = 0;
    row_of(counts, route, gate_method_print(request->method), response->status)->requests++;
    if (waits)
        return;
    while (bucket < HTTP_COUNTS_BUCKETS && took_us > http_counts_bucket_us[bucket])
        bucket++;
    counts->timed[bucket]++;
    counts->sum_us += (uint64_t)(took_us > 0 ? took_us : 0);
}

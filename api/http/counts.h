/* SPDX-License-Identifier: GPL-3.0-or-later */
/* counts: how many requests were answered, by route, method and code, and how long the answers
 * took; what /metrics says of the API itself.
 *
 * A label for the path would be what a stranger typed: the route's pattern stands there, and "none"
 * for what has no route. Long polls and streams wait because they are asked to, so they are
 * counted and not timed. One thread counts and reads: the HTTP library's. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct exchange;

enum {
    HTTP_COUNTS_BUCKETS = 9, /* and one for all that takes longer */
};
extern const uint32_t http_counts_bucket_us[HTTP_COUNTS_BUCKETS];

struct http_count {
    const char *route; /* a pattern of the router's, or "none" */
    const char *method;
    unsigned status;
    uint64_t requests;
};

struct http_counts {
    struct http_count *rows; /* as they first came */
    size_t row_count, row_capacity;
    uint64_t timed[HTTP_COUNTS_BUCKETS + 1]; /* each on its own, not added up */
    uint64_t sum_us;
};

void http_counts_fini(struct http_counts *counts);

/* Counts the exchange's answer, which took so long. */
void http_counts_add(struct http_counts *counts, const struct exchange *exchange, int64_t took_us);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the responder counts. */
#include "api/metrics/parts.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    const char *metric, *label;
} rows[STATISTIC_COUNT] = {
#define STATISTIC(id, metric_, label_) [STATISTIC_##id] = {.metric = metric_, .label = label_},
#include "zones/statistics.def"
#undef STATISTIC
};

/* clang-format off */
static const struct {
    const char *metric, *help;
} families[] = {
    {"queries_by_transport_total", "Queries that arrived, by transport and address family."},
    {"query_bytes_total", "Bytes of queries."},
    {"queries_edns_total", "Queries with EDNS."},
    {"queries_dnssec_ok_total", "Queries with EDNS and the flag DO."},
    {"queries_by_type_total", "Questions by type."},
    {"queries_by_cookie_total", "Queries with a DNS cookie: a client's alone, a valid one of ours, or a bad one."},
    {"responses_by_rcode_total", "Responses sent, by code."},
    {"responses_nodata_total", "Responses that a name has no records of the type."},
    {"responses_referral_total", "Responses that name the servers of a delegated zone."},
    {"responses_truncated_total", "Responses with TC, those that slipped among them."},
    {"responses_slipped_total", "Responses beyond the rate limit that were sent empty, with TC."},
    {"response_size_bytes", "Sizes of responses."},
    {"dropped_total", "Queries without a response: beyond the rate limit, not a query at all, or not taken by the kernel."},
    {"udp_socket_drops_total", "Datagrams that the kernel dropped because the receive buffer was full."},
    {"tcp_connections_accepted_total", "TCP connections accepted."},
    {"tcp_connections_closed_total", "TCP connections closed, by either side."},
};
/* clang-format on */

/* The rows of one histogram: its buckets, which add up, and its sum. */
static void put_histogram(struct page *page, const struct statistics *sums, const char *metric)
{
    uint64_t count = 0, sum = 0;
    for (uint32_t i = 0; i < STATISTIC_COUNT; i++) {
        if (strcmp(rows[i].metric, metric) != 0)
            continue;
        if (strcmp(rows[i].label, "sum") == 0) {
            sum = sums->counter[i];
            continue;
        }
        count += sums->counter[i];
        page_put(page, "srvplan_dns_%s_bucket{%s} %" PRIu64 "\n", metric, rows[i].label, count);
    }
    page_put(page, "srvplan_dns_%s_sum %" PRIu64 "\nsrvplan_dns_%s_count %" PRIu64 "\n", metric,
             sum, metric, count);
}

static void put_counters(struct page *page, const struct statistics *sums, const char *metric)
{
    for (uint32_t i = 0; i < STATISTIC_COUNT; i++) {
        bool has_label = rows[i].label[0] != '\0';
        if (strcmp(rows[i].metric, metric) == 0)
            page_put(page, "srvplan_dns_%s%s%s%s %" PRIu64 "\n", metric, has_label ? "{" : "",
                     rows[i].label, has_label ? "}" : "", sums->counter[i]);
    }
}

void metrics_put_responder(struct page *page, const struct world_view *view)
{
    struct statistics sums;
    if (!view->dnsd.responder)
        return;
    responder_read(view->dnsd.responder, &sums);
    page_instant(page, "dns_start_timestamp_seconds",
                 "When the responder started: its counters began at 0 then.", sums.started_at_ms);
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        const char *metric = families[i].metric, *ending = strrchr(metric, '_');
        bool is_counter = ending && strcmp(ending, "_total") == 0;
        page_put(page, "# HELP srvplan_dns_%s %s\n# TYPE srvplan_dns_%s %s\n", metric,
                 families[i].help, metric, is_counter ? "counter" : "histogram");
        if (is_counter)
            put_counters(page, &sums, metric);
        else
            put_histogram(page, &sums, metric);
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stats: what a worker counts of a query and of what became of it (zones/statistics.h).
 *
 * Everything is counted inside query_answer, so that no transport goes around it, but for what a
 * query never sees: datagrams that the kernel dropped, and connections. */
#pragma once
#include "dnsd/query.h"

/* A query that parsed, with its cookie judged. */
void stats_count_question(struct statistics_row *row, const struct question *question);

/* What is answered, before it is written. */
void stats_count_verdict(struct statistics_row *row, const struct question *question,
                         const struct verdict *verdict);

static inline void stats_count_query(struct statistics_row *row, const struct query *query)
{
    uint32_t which = STATISTIC_QUERY_UDP4 + (query->source_length == 16 ? 1u : 0u) +
                     (query->transport == TRANSPORT_STREAM ? 2u : 0u);
    statistics_add(row, (enum statistic)which, 1);
    statistics_add(row, STATISTIC_QUERY_BYTES, query->length);
}

/* The length of what goes out. */
static inline void stats_count_sent(struct statistics_row *row, uint32_t length)
{
    uint32_t which = STATISTIC_SIZE_128; /* the bounds are powers of two */
    for (uint32_t bound = 128; bound < length && which < STATISTIC_SIZE_MORE; bound *= 2)
        which++;
    statistics_add(row, (enum statistic)which, 1);
    statistics_add(row, STATISTIC_RESPONSE_BYTES, length);
}

void stats_count_rcode(struct statistics_row *row, uint32_t rcode);

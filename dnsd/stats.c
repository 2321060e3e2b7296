/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/stats.h"

#include "zones/rrtype.h"

_Static_assert(STATISTIC_RCODE_REFUSED - STATISTIC_RCODE_NOERROR == (int)DNS_REFUSED &&
                   STATISTIC_RCODE_NXDOMAIN - STATISTIC_RCODE_NOERROR == (int)DNS_NXDOMAIN,
               "in the order of the codes");
_Static_assert(STATISTIC_COOKIE_VALID - STATISTIC_COOKIE_CLIENT_ONLY ==
                   COOKIE_VALID - COOKIE_CLIENT_ONLY,
               "in the order of the states");

static enum statistic type_of(uint16_t type)
{
    switch (type) {
    case RRTYPE_SRV:
        return STATISTIC_TYPE_SRV;
    case RRTYPE_A:
        return STATISTIC_TYPE_A;
    case RRTYPE_AAAA:
        return STATISTIC_TYPE_AAAA;
    case RRTYPE_NS:
        return STATISTIC_TYPE_NS;
    case RRTYPE_SOA:
        return STATISTIC_TYPE_SOA;
    case RRTYPE_ANY:
        return STATISTIC_TYPE_ANY;
    default:
        return STATISTIC_TYPE_OTHER;
    }
}

void stats_count_question(struct statistics_row *row, const struct question *question)
{
    if (!question->is_bare)
        statistics_add(row, type_of(question->type), 1);
    if (!question->has_edns)
        return;
    statistics_add(row, STATISTIC_QUERY_EDNS, 1);
    if (question->edns_flags & DNS_DO)
        statistics_add(row, STATISTIC_QUERY_DO, 1);
    if (question->cookie_state != COOKIE_NONE)
        statistics_add(row,
                       (enum statistic)((uint32_t)STATISTIC_COOKIE_CLIENT_ONLY +
                                        question->cookie_state - (uint32_t)COOKIE_CLIENT_ONLY),
                       1);
}

void stats_count_rcode(struct statistics_row *row, uint32_t rcode)
{
    uint32_t which = rcode <= DNS_REFUSED ? (uint32_t)STATISTIC_RCODE_NOERROR + rcode
                                          : (uint32_t)STATISTIC_RCODE_OTHER;
    statistics_add(row, (enum statistic)which, 1);
}

void stats_count_verdict(struct statistics_row *row, const struct question *question,
                         const struct verdict *verdict)
{
    stats_count_rcode(row, verdict->rcode);
    if (verdict->flags & DNS_TC)
        statistics_add(row, STATISTIC_TRUNCATED, 1);
    else if (verdict->rcode == DNS_NOERROR && verdict->ancount == 0 && !question->is_bare)
        statistics_add(row, verdict->flags & DNS_AA ? STATISTIC_NODATA : STATISTIC_REFERRAL, 1);
}

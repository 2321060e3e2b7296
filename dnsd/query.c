/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/query.h"

#include "dnsd/emit.h"
#include "dnsd/stats.h"

enum fate {
    FATE_SENT,
    FATE_SLIPPED, /* beyond the limit, and sent without content all the same */
    FATE_DROPPED,
};

/* The class of an answer, for rate limits. */
static enum ratelimit_class class_of(const struct verdict *verdict)
{
    if (verdict->rcode == DNS_NXDOMAIN)
        return RATELIMIT_NXDOMAIN;
    if (verdict->rcode != DNS_NOERROR)
        return RATELIMIT_ERROR;
    if (verdict->ancount || verdict->flags & DNS_TC)
        return RATELIMIT_ANSWER;
    return verdict->flags & DNS_AA ? RATELIMIT_NODATA : RATELIMIT_REFERRAL;
}

static enum fate judge(const struct query *query, struct query_state *state,
                       enum ratelimit_class class, uint64_t thing)
{
    const struct ratelimit *limit = &state->decide.settings->limit;
    const struct ratelimit_subject subject = {.source = query->source,
                                              .source_length = query->source_length,
                                              .class = class,
                                              .thing = thing};
    if (!limit->words || query->transport != TRANSPORT_DATAGRAM ||
        (query->source_length != 4 && query->source_length != 16))
        return FATE_SENT;
    if (ratelimit_take(limit, ratelimit_hash(limit, &subject), query->now_ms) ||
        ratelimit_is_exempt(limit, query->source, query->source_length))
        return FATE_SENT;
    if (limit->slip && ++state->limited >= limit->slip) {
        state->limited = 0;
        statistics_add(state->statistics, STATISTIC_SLIPPED, 1);
        return FATE_SLIPPED;
    }
    statistics_add(state->statistics, STATISTIC_DROPPED_RRL, 1);
    return FATE_DROPPED;
}

/* Answers a broken query with its header, which is no longer than what came. */
static size_t answer_header(const struct query *query, struct query_state *state,
                            const struct question *question, enum dns_rcode rcode)
{
    if (judge(query, state, RATELIMIT_ERROR, 0) == FATE_DROPPED)
        return 0;
    uint32_t length = emit_header(question, rcode, query->bytes);
    stats_count_rcode(state->statistics, (uint32_t)rcode);
    stats_count_sent(state->statistics, length);
    return length;
}

static size_t answer_question(const struct query *query, struct query_state *state,
                              const struct question *question)
{
    struct verdict verdict;
    enum fate fate = FATE_SENT;

    stats_count_question(state->statistics, question);
    decide(question, query->transport, &state->decide, &verdict);
    if (question->cookie_state != COOKIE_VALID)
        fate = judge(query, state, class_of(&verdict), verdict.thing);
    if (fate != FATE_SENT)
        decide_to_truncate(&state->decide, &verdict);
    if (fate == FATE_DROPPED)
        return 0;
    state->set = verdict.set;
    stats_count_verdict(state->statistics, question, &verdict);
    uint32_t length = emit_answer(&state->decide, question, &verdict, query->bytes);
    stats_count_sent(state->statistics, length);
    return length;
}

void query_begin(const struct query *query, struct query_state *state, struct question *question)
{
    uint32_t length = query->length > UINT16_MAX ? UINT32_MAX : (uint32_t)query->length;
    if (!state->decide.settings)
        state->decide.settings = &settings_default;
    if (!state->statistics)
        state->statistics = &state->unread;
    stats_count_query(state->statistics, query);
    if (question_parse(query->bytes, length, question) != QUESTION_GOOD)
        return;
    decide_begin(question, &state->decide);
    cookie_judge(&state->decide.settings->secrets, query, question);
}

void query_find(const struct query_state *state, struct question *question)
{
    if (question->verdict == QUESTION_GOOD)
        decide_find(question, &state->decide);
}

size_t query_finish(const struct query *query, struct query_state *state, struct question *question)
{
    state->set = IMAGE_NONE;
    switch ((enum question_verdict)question->verdict) {
    case QUESTION_DROP:
        statistics_add(state->statistics, STATISTIC_DROPPED_MALFORMED, 1);
        return 0;
    case QUESTION_FORMERR:
        return answer_header(query, state, question, DNS_FORMERR);
    case QUESTION_NOTIMP:
        return answer_header(query, state, question, DNS_NOTIMP);
    case QUESTION_GOOD:
        break;
    }
    return answer_question(query, state, question);
}

size_t query_answer(const struct query *query, struct query_state *state)
{
    query_begin(query, state, &state->question);
    query_find(state, &state->question);
    return query_finish(query, state, &state->question);
}

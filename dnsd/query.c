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

/* Finds the word of the rate limit for an answer of that class. */
static void fetch_limit(const struct query *query, const struct query_state *state,
                        enum ratelimit_class class, struct query_work *work)
{
    const struct ratelimit *limit = &state->decide.settings->limit;
    const struct ratelimit_subject subject = {.source = query->source,
                                              .source_length = query->source_length,
                                              .class = class,
                                              .thing = work->verdict.thing};
    work->may_be_limited = limit->words && query->transport == TRANSPORT_DATAGRAM &&
                           (query->source_length == 4 || query->source_length == 16);
    if (!work->may_be_limited)
        return;
    work->limit_hash = ratelimit_hash(limit, &subject);
    ratelimit_prefetch(limit, work->limit_hash);
}

static enum fate judge(const struct query *query, struct query_state *state,
                       const struct query_work *work)
{
    const struct ratelimit *limit = &state->decide.settings->limit;
    if (!work->may_be_limited || ratelimit_take(limit, work->limit_hash, query->now_ms) ||
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

void query_begin(const struct query *query, struct query_state *state, struct query_work *work)
{
    struct question *question = &work->question;
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

void query_find(const struct query_state *state, struct query_work *work)
{
    if (work->question.verdict == QUESTION_GOOD)
        decide_find(&work->question, &state->decide);
}

void query_fetch(const struct query_state *state, const struct query_work *work)
{
    if (work->question.verdict == QUESTION_GOOD)
        decide_fetch(&work->question, &state->decide);
}

void query_decide(const struct query *query, struct query_state *state, struct query_work *work)
{
    struct question *question = &work->question;
    switch ((enum question_verdict)question->verdict) {
    case QUESTION_DROP:
        return;
    case QUESTION_FORMERR:
    case QUESTION_NOTIMP:
        work->verdict.thing = 0;
        fetch_limit(query, state, RATELIMIT_ERROR, work);
        return;
    case QUESTION_GOOD:
        break;
    }
    stats_count_question(state->statistics, question);
    decide(question, query->transport, &state->decide, &work->verdict);
    work->may_be_limited = false;
    if (question->cookie_state != COOKIE_VALID)
        fetch_limit(query, state, class_of(&work->verdict), work);
}

/* Answers a broken query with its header, which is no longer than what came. */
static size_t answer_header(const struct query *query, struct query_state *state,
                            const struct query_work *work, enum dns_rcode rcode)
{
    if (judge(query, state, work) == FATE_DROPPED)
        return 0;
    uint32_t length = emit_header(&work->question, rcode, query->bytes);
    stats_count_rcode(state->statistics, (uint32_t)rcode);
    stats_count_sent(state->statistics, length);
    return length;
}

static size_t answer_question(const struct query *query, struct query_state *state,
                              struct query_work *work)
{
    struct verdict *verdict = &work->verdict;
    enum fate fate = judge(query, state, work);

    if (fate != FATE_SENT)
        decide_to_truncate(&state->decide, verdict);
    if (fate == FATE_DROPPED)
        return 0;
    state->set = verdict->set == IMAGE_NONE ? IMAGE_NONE : verdict->shown;
    stats_count_verdict(state->statistics, &work->question, verdict);
    uint32_t length = emit_answer(&state->decide, &work->question, verdict, query->bytes);
    stats_count_sent(state->statistics, length);
    return length;
}

size_t query_finish(const struct query *query, struct query_state *state, struct query_work *work)
{
    state->set = IMAGE_NONE;
    switch ((enum question_verdict)work->question.verdict) {
    case QUESTION_DROP:
        statistics_add(state->statistics, STATISTIC_DROPPED_MALFORMED, 1);
        return 0;
    case QUESTION_FORMERR:
        return answer_header(query, state, work, DNS_FORMERR);
    case QUESTION_NOTIMP:
        return answer_header(query, state, work, DNS_NOTIMP);
    case QUESTION_GOOD:
        break;
    }
    return answer_question(query, state, work);
}

size_t query_answer(const struct query *query, struct query_state *state)
{
    query_begin(query, state, &state->work);
    query_find(state, &state->work);
    query_decide(query, state, &state->work);
    return query_finish(query, state, &state->work);
}

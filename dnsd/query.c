/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/query.h"

#include "dnsd/emit.h"

size_t query_answer(const struct query *query, struct query_state *state)
{
    struct question *question = &state->question;
    uint32_t length = query->length > UINT16_MAX ? UINT32_MAX : (uint32_t)query->length;

    state->set = IMAGE_NONE;
    if (!state->decide.settings)
        state->decide.settings = &settings_default;
    switch (question_parse(query->bytes, length, question)) {
    case QUESTION_DROP:
        return 0;
    case QUESTION_FORMERR:
        return emit_header(question, DNS_FORMERR, query->bytes);
    case QUESTION_NOTIMP:
        return emit_header(question, DNS_NOTIMP, query->bytes);
    case QUESTION_GOOD:
        break;
    }
    struct verdict verdict;
    cookie_judge(&state->decide.settings->secrets, query, question);
    decide(question, query->transport, &state->decide, &verdict);
    state->set = verdict.set;
    return emit_answer(&state->decide, question, &verdict, query->bytes);
}

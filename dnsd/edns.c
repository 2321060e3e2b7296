/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/edns.h"

enum {
    OPTION_HEAD_BYTES = 4,
    KEEPALIVE_BYTES = OPTION_HEAD_BYTES + 2,
    /* The longest answer that has a question but no record: every option that may come together
     * in a datagram, behind the longest name. */
    EMPTY_ANSWER_BYTES = QUESTION_HEADER_BYTES + QUESTION_NAME_BYTES + 4 + QUESTION_OPT_BYTES +
                         OPTION_HEAD_BYTES + SETTINGS_TEXT_BYTES + EDNS_COOKIE_BYTES +
                         EDNS_EXPIRE_BYTES + EDNS_ERROR_BYTES + KEEPALIVE_BYTES,
};
_Static_assert(EMPTY_ANSWER_BYTES <= (int)SETTINGS_EDNS_MIN_BYTES,
               "options never exceed the limit");

const struct settings settings_default = {.edns_size = SETTINGS_EDNS_DEFAULT_BYTES};

void edns_plan(const struct question *question, enum transport transport,
               const struct settings *settings, struct verdict *verdict)
{
    if (!question->has_edns)
        return;
    verdict->opt_length = QUESTION_OPT_BYTES;
    if (question->options == 0)
        return;
    if (question->options & QUESTION_NSID && settings->nsid.length) {
        verdict->options |= QUESTION_NSID;
        verdict->opt_length += (uint16_t)(OPTION_HEAD_BYTES + settings->nsid.length);
    }
    if (question->options & QUESTION_COOKIE) {
        verdict->options |= QUESTION_COOKIE;
        verdict->opt_length += EDNS_COOKIE_BYTES;
    }
    if (question->options & QUESTION_KEEPALIVE && transport == TRANSPORT_STREAM) {
        verdict->options |= QUESTION_KEEPALIVE; /* RFC 7828 section 3.2.1: never over UDP */
        verdict->opt_length += KEEPALIVE_BYTES;
    }
}

void edns_plan_error(enum edns_error error, struct verdict *verdict)
{
    if (verdict->opt_length == 0)
        return;
    verdict->error = (uint16_t)error;
    verdict->opt_length += EDNS_ERROR_BYTES;
}

void edns_plan_least(struct verdict *verdict)
{
    verdict->options = 0;
    verdict->error = EDNS_NO_ERROR;
    if (verdict->opt_length)
        verdict->opt_length = QUESTION_OPT_BYTES;
}

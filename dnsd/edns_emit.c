/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "dnsd/edns.h"
#include "dnsd/wire.h"
#include "zones/rrtype.h"

enum {
    OPTION_HEAD_BYTES = 4,
    NSID = 3,
    EXPIRE = 9,
    COOKIE = 10,
    KEEPALIVE = 11,
    EXTENDED_ERROR = 15,
    KEEPALIVE_UNIT_MS = 100,
};

static uint8_t *emit_option(uint8_t *to, uint32_t code, const void *data, uint32_t length)
{
    wire_store_u16(to, code);
    wire_store_u16(to + 2, length);
    memcpy(to + OPTION_HEAD_BYTES, data, length);
    return to + OPTION_HEAD_BYTES + length;
}

static uint8_t *emit_options(const struct settings *settings, const struct question *question,
                             const struct verdict *verdict, uint8_t *to)
{
    uint8_t number[4];
    if (verdict->options & QUESTION_NSID)
        to = emit_option(to, NSID, settings->nsid.bytes, settings->nsid.length);
    if (verdict->options & QUESTION_EXPIRE) {
        wire_store_u32(number, verdict->expire_s);
        to = emit_option(to, EXPIRE, number, 4);
    }
    if (verdict->options & QUESTION_COOKIE)
        to = emit_option(to, COOKIE, question->cookie, COOKIE_BYTES);
    if (verdict->options & QUESTION_KEEPALIVE) {
        wire_store_u16(number, verdict->idle_ms / KEEPALIVE_UNIT_MS);
        to = emit_option(to, KEEPALIVE, number, 2);
    }
    if (verdict->error != EDNS_NO_ERROR) {
        wire_store_u16(number, verdict->error);
        to = emit_option(to, EXTENDED_ERROR, number, 2);
    }
    return to;
}

/* RFC 6891 section 6.1.2; our size, the sender's DO (RFC 3225 section 3). */
void edns_emit(const struct settings *settings, const struct question *question,
               const struct verdict *verdict, uint8_t *to)
{
    to[0] = 0;
    wire_store_u16(to + 1, RRTYPE_OPT);
    wire_store_u16(to + 3, settings->edns_size);
    to[5] = (uint8_t)(verdict->rcode >> 4);
    to[6] = 0;
    wire_store_u16(to + 7, question->edns_flags & DNS_DO);
    wire_store_u16(to + 9, verdict->opt_length - (uint32_t)QUESTION_OPT_BYTES);
    if (verdict->opt_length > QUESTION_OPT_BYTES)
        emit_options(settings, question, verdict, to + QUESTION_OPT_BYTES);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/question_tail.h"

#include "zones/rrtype.h"

enum {
    LABEL_MAX = 63,
    POINTER = 0xC0,
    RECORD_BYTES = 10,    /* type, class, TTL, length of the data */
    SOA_LEAST_BYTES = 22, /* two names and five numbers: RFC 1035 section 3.3.13 */
    TSIG_TIME_BYTES = 8,  /* behind the algorithm: time signed, fudge */
    TSIG_END_BYTES = 6,   /* behind the MAC: original id, error, length of other data */
};

enum option_code { /* IANA, "DNS EDNS0 Option Codes" */
    OPTION_NSID = 3,
    OPTION_EXPIRE = 9,
    OPTION_COOKIE = 10,
    OPTION_KEEPALIVE = 11,
};

/* Whether a name may go on at `target` of the message: a label of the question starts there, and
 * the whole stays within 255 bytes. */
static bool may_point(const struct question *question, uint32_t target, uint32_t before)
{
    for (uint32_t i = 0; !question->is_bare && i <= QUESTION_LABELS && i <= question->labels; i++) {
        uint32_t label = question->label_at[i];
        if (label + QUESTION_HEADER_BYTES == target)
            return before + question->length - label <= QUESTION_NAME_BYTES;
    }
    return false;
}

/* The offset behind a name at `at`; 0: broken. `question`: what a pointer may lead to, or NULL. */
static uint32_t skip_name(const uint8_t *bytes, uint32_t length, uint32_t at,
                          const struct question *question)
{
    uint32_t start = at;
    for (uint32_t labels = 0; labels <= QUESTION_LABELS && at < length; labels++) {
        uint8_t label = bytes[at];
        if (at - start >= QUESTION_NAME_BYTES)
            return 0;
        if (label == 0)
            return at + 1;
        if (label >= POINTER) {
            bool is_good = question && length - at >= 2 &&
                           may_point(question, question_load_u16(bytes, at) & 0x3FFFu, at - start);
            return is_good ? at + 2 : 0;
        }
        if (label > LABEL_MAX)
            return 0;
        at += 1u + label;
    }
    return 0;
}

/* The SOA that says which version an IXFR client has (RFC 1995 section 3); its data are of no use
 * to us. Returns the offset behind it; 0: broken. */
static uint32_t skip_soa(const uint8_t *bytes, uint32_t length, const struct question *question)
{
    uint32_t at = skip_name(bytes, length, question->end, question);
    if (at == 0 || length - at < RECORD_BYTES || question_load_u16(bytes, at) != RRTYPE_SOA ||
        question_load_u16(bytes, at + 2) != question->class)
        return 0;
    uint32_t data = question_load_u16(bytes, at + 8);
    at += RECORD_BYTES;
    return data < SOA_LEAST_BYTES || length - at < data ? 0 : at + data;
}

/* False: RFC 7873 section 5.2.2 calls it malformed. */
static bool note_cookie(struct question *question, uint32_t at, uint32_t data)
{
    if (question->options & QUESTION_COOKIE) /* section 5.2: the first counts */
        return true;
    if (data != COOKIE_CLIENT_BYTES && (data < 2 * COOKIE_CLIENT_BYTES || data > COOKIE_MAX_BYTES))
        return false;
    question->options |= QUESTION_COOKIE;
    question->cookie_at = (uint16_t)at;
    question->cookie_length = (uint8_t)data;
    return true;
}

static bool note_option(struct question *question, uint16_t code, uint32_t at, uint32_t data)
{
    switch (code) {
    case OPTION_NSID:
        question->options |= QUESTION_NSID;
        return true;
    case OPTION_EXPIRE:
        question->options |= QUESTION_EXPIRE;
        return true;
    case OPTION_KEEPALIVE:
        question->options |= QUESTION_KEEPALIVE;
        return true;
    case OPTION_COOKIE:
        return note_cookie(question, at, data);
    }
    return true;
}

/* RFC 6891 section 6.1.2: code, length, data, and so on to the end. */
static bool parse_options(const uint8_t *bytes, uint32_t at, uint32_t end,
                          struct question *question)
{
    for (uint32_t i = 0; i < QUESTION_MAX_OPTIONS && at < end; i++) {
        if (end - at < 4)
            return false;
        uint16_t code = question_load_u16(bytes, at);
        uint32_t data = question_load_u16(bytes, at + 2);
        at += 4;
        if (end - at < data || !note_option(question, code, at, data))
            return false;
        at += data;
    }
    return at == end;
}

static bool is_opt(const uint8_t *bytes, uint32_t length, uint32_t at)
{
    return length - at >= QUESTION_OPT_BYTES && bytes[at] == 0 &&
           question_load_u16(bytes, at + 1) == RRTYPE_OPT;
}

/* The offset behind the OPT record at `at`; 0: broken. */
static uint32_t parse_opt(const uint8_t *bytes, uint32_t length, uint32_t at,
                          struct question *question)
{
    question->has_edns = true;
    question->edns_size = question_load_u16(bytes, at + 3);
    question->edns_version = bytes[at + 6]; /* bytes[at + 5]: upper bits of an rcode, of no use */
    question->edns_flags = question_load_u16(bytes, at + 7);
    uint32_t data = question_load_u16(bytes, at + 9);
    at += QUESTION_OPT_BYTES;
    if (length - at < data)
        return 0;
    /* What the data of another version look like is not ours to say: it gets BADVERS. */
    if (question->edns_version == 0 && !parse_options(bytes, at, at + data, question))
        return 0;
    return at + data;
}

/* The TSIG record at `at`, which must end the message (RFC 8945 sections 4.2 and 5.1). */
static bool parse_tsig(const uint8_t *bytes, uint32_t length, uint32_t at,
                       struct question *question)
{
    struct question_tsig tsig = {.at = (uint16_t)at};
    at = skip_name(bytes, length, at, question);
    if (at == 0 || length - at < RECORD_BYTES || question_load_u16(bytes, at) != RRTYPE_TSIG ||
        question_load_u16(bytes, at + 2) != RRCLASS_ANY ||
        (question_load_u16(bytes, at + 4) | question_load_u16(bytes, at + 6)) != 0 ||
        length - at - RECORD_BYTES != question_load_u16(bytes, at + 8))
        return false;
    at += RECORD_BYTES;
    tsig.rdata_at = (uint16_t)at;
    at = skip_name(bytes, length, at, (const struct question *)0); /* the algorithm */
    if (at == 0 || length - at < TSIG_TIME_BYTES + 2)
        return false;
    at += TSIG_TIME_BYTES;
    tsig.mac_at = (uint16_t)at;
    uint32_t mac = question_load_u16(bytes, at);
    at += 2;
    if (length - at < mac || length - at - mac < TSIG_END_BYTES)
        return false;
    at += mac;
    tsig.id_at = (uint16_t)at;
    if (length - at - TSIG_END_BYTES != question_load_u16(bytes, at + 4))
        return false;
    question->tsig = tsig;
    return true;
}

bool question_parse_tail(const uint8_t *bytes, uint32_t length, struct question *question)
{
    uint32_t at = question->end;
    uint16_t additional = question_load_u16(bytes, 10);
    if (question_load_u16(bytes, 8)) {
        if (question->type != RRTYPE_IXFR)
            return false;
        at = skip_soa(bytes, length, question);
        if (at == 0)
            return false;
    }
    if (additional && is_opt(bytes, length, at)) {
        at = parse_opt(bytes, length, at, question);
        if (at == 0)
            return false;
        additional--;
    }
    if (additional == 0)
        return at == length;
    return additional == 1 && parse_tsig(bytes, length, at, question);
}

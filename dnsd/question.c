/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/question.h"

#include "zones/image_layout.h"
#include "zones/rrtype.h"

enum {
    LABEL_MAX = 63
}; /* above it: a compression pointer, or a label kind nobody uses */

/* Plain loads: the struct reader of zones/base is not for the kernel's compiler. Callers have
 * checked that the bytes are there. */
static inline uint16_t load_u16(const uint8_t *bytes, uint32_t at)
{
    return (uint16_t)((unsigned)bytes[at] << 8 | bytes[at + 1]);
}

/* Lower-cases eight bytes at once. Length bytes of labels pass: they are below 'A'. */
static inline uint64_t lower_word(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101ull;
    uint64_t seven = word & (ones * 0x7F);
    uint64_t from_a = seven + ones * (0x80 - 'A');
    uint64_t above_z = seven + ones * (0x7F - 'Z');
    uint64_t upper = ~word & (from_a ^ above_z) & (ones * 0x80);
    return word | upper >> 2; /* 0x80 becomes 0x20 */
}

static void copy_lower(uint8_t *to, const uint8_t *from, uint32_t length)
{
    uint32_t at = 0;
    for (; at + 8 <= length; at += 8) {
        uint64_t word = lower_word(image_load_word(from + at));
        __builtin_memcpy(to + at, &word, sizeof word);
    }
    for (; at < length; at++)
        to[at] = from[at] >= 'A' && from[at] <= 'Z' ? (uint8_t)(from[at] | 0x20) : from[at];
}

/* The name and what follows it. False: broken. */
static bool parse_question(const uint8_t *bytes, uint32_t length, struct question *question)
{
    uint32_t at = QUESTION_HEADER_BYTES;
    uint32_t labels = 0;

    for (;; labels++) {
        uint32_t start = at - QUESTION_HEADER_BYTES;
        if (at >= length || start >= QUESTION_NAME_BYTES || labels > QUESTION_LABELS)
            return false;
        question->label_at[labels] = (uint8_t)start;
        uint8_t label = bytes[at];
        if (label == 0)
            break;
        if (label > LABEL_MAX)
            return false;
        at += 1u + label;
    }
    at++;
    if (length - at < 4)
        return false;
    question->labels = (uint8_t)labels;
    question->length = (uint8_t)(at - QUESTION_HEADER_BYTES);
    question->type = load_u16(bytes, at);
    question->class = load_u16(bytes, at + 2);
    question->end = (uint16_t)(at + 4);
    copy_lower(question->lower, bytes + QUESTION_HEADER_BYTES, question->length);
    return true;
}

/* RFC 6891 section 6.1.2: code, length, data, and so on to the end; all of them may be unknown. */
static bool options_are_whole(const uint8_t *bytes, uint32_t at, uint32_t end)
{
    while (at < end) {
        if (end - at < 4)
            return false;
        uint32_t data = load_u16(bytes, at + 2);
        at += 4;
        if (end - at < data)
            return false;
        at += data;
    }
    return true;
}

/* The one record behind the question, which must be an OPT and the last thing in the message. */
static bool parse_opt(const uint8_t *bytes, uint32_t length, struct question *question)
{
    uint32_t at = question->end;
    if (length - at < QUESTION_OPT_BYTES || bytes[at] != 0 || load_u16(bytes, at + 1) != RRTYPE_OPT)
        return false;
    question->has_edns = true;
    question->edns_size = load_u16(bytes, at + 3);
    question->edns_version = bytes[at + 6]; /* bytes[at + 5]: upper bits of an rcode, of no use */
    question->edns_flags = load_u16(bytes, at + 7);
    uint32_t data = load_u16(bytes, at + 9);
    at += QUESTION_OPT_BYTES;
    if (length - at != data)
        return false;
    /* What the data of another version look like is not ours to say: it gets BADVERS. */
    return question->edns_version != 0 || options_are_whole(bytes, at, length);
}

static bool type_is_meta(uint16_t type)
{
    /* No data of these types exist at any name; TSIG and TKEY need keys, and we have none. */
    return type == RRTYPE_OPT || type == RRTYPE_TSIG || type == RRTYPE_TKEY;
}

enum question_verdict question_parse(const uint8_t *bytes, uint32_t length,
                                     struct question *question)
{
    if (length < QUESTION_HEADER_BYTES || length > UINT16_MAX)
        return QUESTION_DROP;
    question->flags = load_u16(bytes, 2);
    if (question->flags & DNS_QR) /* answering answers would let two servers talk for ever */
        return QUESTION_DROP;
    if (question->flags & DNS_OPCODE)
        return QUESTION_NOTIMP;
    uint16_t additional = load_u16(bytes, 10);
    if (load_u16(bytes, 4) != 1 || load_u16(bytes, 6) != 0 || load_u16(bytes, 8) != 0 ||
        additional > 1)
        return QUESTION_FORMERR;
    if (!parse_question(bytes, length, question))
        return QUESTION_FORMERR;
    question->has_edns = false;
    if (additional ? !parse_opt(bytes, length, question) : length != question->end)
        return QUESTION_FORMERR;
    if (type_is_meta(question->type))
        return QUESTION_FORMERR;
    return QUESTION_GOOD;
}

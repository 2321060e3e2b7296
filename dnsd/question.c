/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/question.h"

#include "dnsd/question_tail.h"
#include "zones/image_layout.h"
#include "zones/rrtype.h"

enum {
    LABEL_MAX = 63
}; /* above it: a compression pointer, or a label kind nobody uses */

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

static inline void copy_lower_word(uint8_t *to, const uint8_t *from)
{
    uint64_t word = lower_word(image_load_word(from));
    __builtin_memcpy(to, &word, sizeof word);
}

static void copy_lower(uint8_t *to, const uint8_t *from, uint32_t length)
{
    uint32_t at = 0;
    for (; at + 8 <= length; at += 8)
        copy_lower_word(to + at, from + at);
    if (at < length && length >= 8) { /* the last word overlaps the one before */
        copy_lower_word(to + length - 8, from + length - 8);
        return;
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
    question->type = question_load_u16(bytes, at);
    question->class = question_load_u16(bytes, at + 2);
    question->end = (uint16_t)(at + 4);
    copy_lower(question->lower, bytes + QUESTION_HEADER_BYTES, question->length);
    return true;
}

static void leave_out(struct question *question)
{
    question->labels = question->length = 0;
    question->type = question->class = 0;
    question->end = QUESTION_HEADER_BYTES;
}

static bool type_is_meta(uint16_t type)
{
    /* No data of these types exist at any name; TSIG and TKEY need keys, and we have none. */
    return type == RRTYPE_OPT || type == RRTYPE_TSIG || type == RRTYPE_TKEY;
}

static enum question_verdict parse(const uint8_t *bytes, uint32_t length, struct question *question)
{
    if (length < QUESTION_HEADER_BYTES || length > UINT16_MAX)
        return QUESTION_DROP;
    question->flags = question_load_u16(bytes, 2);
    if (question->flags & DNS_QR) /* answering answers would let two servers talk for ever */
        return QUESTION_DROP;
    if (question->flags & DNS_OPCODE)
        return QUESTION_NOTIMP;
    uint16_t questions = question_load_u16(bytes, 4), authority = question_load_u16(bytes, 8);
    uint16_t additional = question_load_u16(bytes, 10);
    if (questions > 1 || question_load_u16(bytes, 6) != 0 || authority > 1 || additional > 2)
        return QUESTION_FORMERR;
    question->has_edns = false;
    question->is_bare = questions == 0;
    question->options = 0;
    question->cookie_state = COOKIE_NONE;
    question->tsig.at = 0;
    question->look_up = QUESTION_NOT_BEGUN;
    if (question->is_bare)
        leave_out(question);
    else if (!parse_question(bytes, length, question))
        return QUESTION_FORMERR;
    if (authority + additional == 0 ? length != question->end
                                    : !question_parse_tail(bytes, length, question))
        return QUESTION_FORMERR;
    if (question->is_bare ? !(question->options & QUESTION_COOKIE) : type_is_meta(question->type))
        return QUESTION_FORMERR;
    return QUESTION_GOOD;
}

enum question_verdict question_parse(const uint8_t *bytes, uint32_t length,
                                     struct question *question)
{
    enum question_verdict verdict = parse(bytes, length, question);
    question->verdict = (uint8_t)verdict;
    return verdict;
}

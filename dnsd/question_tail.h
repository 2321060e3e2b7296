/* SPDX-License-Identifier: GPL-3.0-or-later */
/* question_tail: what may stand behind the question: an IXFR's SOA, OPT with its options, TSIG.
 *
 * One pass, no byte is read twice. Of options we know four; others are passed over, as RFC 6891
 * section 6.1.2 wants it. A name may be compressed only against the question, and only in the owner
 * of TSIG and SOA, where common clients do it. Part of the decision, as question.h is. */
#pragma once
#include "dnsd/question.h"

/* Plain loads: the struct reader of zones/base is not for the kernel's compiler. Callers have
 * checked that the bytes are there. */
static inline uint16_t question_load_u16(const uint8_t *bytes, uint32_t at)
{
    return (uint16_t)((unsigned)bytes[at] << 8 | bytes[at + 1]);
}

/* Reads what the header announces behind the question, which must end the message. False: broken.
 * The header has been checked: at most one record of authority and two additional ones. */
bool question_parse_tail(const uint8_t *bytes, uint32_t length, struct question *question);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* emit: writes the answer that a verdict describes behind the question, in the query's own buffer.
 *
 * The question stays as it came, with its case (0x20); the body is copied, the pointers in it are
 * moved to where the owner's length puts them, the serial comes from its slot, OPT is the last but
 * for a TSIG. */
#pragma once
#include "dnsd/decide.h"

/* `bytes` holds the query and has room for the limit that decide_limit gave. Returns the length of
 * the answer. */
uint32_t emit_answer(const struct decide_state *state, const struct question *question,
                     const struct verdict *verdict, uint8_t *bytes);

/* An answer that is a header alone, for a query that could not be read. */
uint32_t emit_header(const struct question *question, enum dns_rcode rcode, uint8_t *bytes);

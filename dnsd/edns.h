/* SPDX-License-Identifier: GPL-3.0-or-later */
/* edns: the OPT record of an answer: which options it carries, what room it takes, its bytes.
 *
 * An option is said only to who asked for it: NSID, the cookie, EXPIRE with an SOA, the idle time
 * over a stream. An extended error (RFC 8914) goes with every refusal of an EDNS query. Whatever is
 * said counts against the limit of the answer; even with all of it an answer without records fits
 * the least limit. Planning (edns.c) is part of the decision, as decide.h is; emission
 * (edns_emit.c) may use libc. */
#pragma once
#include "dnsd/decide.h"
#include "dnsd/settings.h"

enum edns_error { /* RFC 8914 section 4 */
    EDNS_NO_ERROR = 0xFFFF,
    EDNS_NOT_READY = 14,
    EDNS_PROHIBITED = 18,
    EDNS_NOT_AUTHORITATIVE = 20,
};

enum {
    EDNS_EXPIRE_BYTES = 8,
    EDNS_COOKIE_BYTES = 4 + COOKIE_BYTES,
    EDNS_ERROR_BYTES = 6,
};

/* Fills options and opt_length of a verdict that is new. */
void edns_plan(const struct question *question, enum transport transport,
               const struct settings *settings, struct verdict *verdict);

/* Adds an extended error, when there is an OPT to say it in. */
void edns_plan_error(enum edns_error error, struct verdict *verdict);

/* Leaves out whatever may be left out. */
void edns_plan_least(struct verdict *verdict);

/* Writes the OPT of a verdict, which is opt_length bytes. */
void edns_emit(const struct settings *settings, const struct question *question,
               const struct verdict *verdict, uint8_t *to);

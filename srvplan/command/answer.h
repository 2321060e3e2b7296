/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer: a DNS response as somebody else's server sent it, read without trusting one byte of it.
 *
 * Lengths are checked by the reader, names are expanded with pointers that only go back (each one
 * before the name or the pointer that led to it, so that no chain can loop or be long: RFC 9267),
 * and RDATA is checked against its type's layout; what comes out is valid wire form, uncompressed,
 * names in lower case (the question's random case shines through their compression).
 * A message that breaks a rule is refused as a whole: an answer of which a part is a lie is of no
 * use. Records of classes other than IN are skipped, OPT becomes flags (RFC 6891). Pure: bytes in,
 * values out; tests/fuzz/fuzz_answer.c feeds it. */
#pragma once
#include "zones/base/error.h"
#include "zones/name.h"

enum {
    ANSWER_HEADER_BYTES = 12,
    ANSWER_MAX_BYTES = 65535, /* the length field of TCP: RFC 1035 section 4.2.2 */
    RCODE_TEXT_SIZE = 24,
};

enum answer_rcode { /* those that somebody acts on */
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
};

enum answer_section {
    ANSWER_SECTION_ANSWER,
    ANSWER_SECTION_AUTHORITY,
    ANSWER_SECTION_ADDITIONAL,
};

struct answer_record {
    struct name owner;
    uint16_t type;
    enum answer_section section;
    uint32_t ttl_s;
    struct bytes rdata; /* names in it are expanded */
};

struct answer {
    uint16_t id;
    uint16_t rcode; /* with the upper bits of OPT */
    bool is_authoritative, is_truncated, is_authenticated;
    bool has_edns;
    struct bytes question; /* as it came: name, type and class */
    const struct answer_record *records;
    uint32_t count;
};

/* Reads the header and the question alone, as far as a truncated answer can be trusted: fills all
 * but has_edns, records and the upper bits of rcode. False: no response with one question. */
NODISCARD bool answer_parse_head(struct bytes message, struct answer *answer);

/* Reads all of it; records and their bytes live in the arena. ERROR_INVALID says what is broken. */
NODISCARD bool answer_parse(struct arena *arena, struct bytes message, struct answer *answer,
                            struct error *err);

/* "NOERROR", "RCODE 23": for messages. */
const char *answer_rcode_print(unsigned rcode, char text[static RCODE_TEXT_SIZE]);

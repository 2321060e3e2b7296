/* SPDX-License-Identifier: GPL-3.0-or-later */
/* question: the strict parser of a query.
 *
 * A query is a header, exactly one question whose name is not compressed, and at most one OPT
 * record, the only thing that may stand behind it; not one byte more (RFC 1035 section 4.1, RFC
 * 6891 section 6.1.1, RFC 9619). Whatever a stranger sends, the work is bounded by its length once:
 * no loop goes back, no pointer is followed. Nothing is copied but the lower-cased name.
 *
 * Part of the decision, which a kernel path compiles too: no libc, no recursion, offsets that are
 * checked against the length before they are used, bounded loops. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    QUESTION_HEADER_BYTES = 12,
    QUESTION_NAME_BYTES = 255, /* RFC 1035 section 2.3.4 */
    QUESTION_LABELS = 127,     /* of one byte each, without the root */
    QUESTION_OPT_BYTES = 11,   /* an OPT record without options */
};

enum dns_flag { /* RFC 1035 section 4.1.1; the second 16 bits of the header */
    DNS_QR = 0x8000,
    DNS_OPCODE = 0x7800,
    DNS_AA = 0x0400,
    DNS_TC = 0x0200,
    DNS_RD = 0x0100,
};

enum dns_rcode { /* RFC 1035 section 4.1.1, RFC 6891 section 9 */
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_BADVERS = 16,
};

enum {
    DNS_DO = 0x8000
}; /* in the flags of OPT, RFC 3225 */

/* What the worker keeps of a query while it answers it; not cleared from one to the next. */
struct question {
    uint16_t flags;
    uint16_t type, class;
    uint16_t end;       /* offset behind the question */
    uint16_t edns_size; /* as the sender gave it */
    uint16_t edns_flags;
    uint8_t edns_version;
    uint8_t length; /* of the name in wire form, with the root label */
    uint8_t labels; /* without the root */
    bool has_edns;
    uint8_t label_at[QUESTION_LABELS + 1]; /* where each label starts; the root's is the last */
    uint8_t lower[QUESTION_NAME_BYTES + 1 + 16]; /* lower-cased, with readable bytes behind */
};

enum question_verdict {
    QUESTION_GOOD,
    QUESTION_DROP,    /* not a query: nothing may be said (RFC 1035: a response never gets one) */
    QUESTION_FORMERR, /* a query, but broken */
    QUESTION_NOTIMP,  /* an opcode that we do not speak */
};

/* Parses `length` bytes. On QUESTION_DROP nothing in *question holds; on FORMERR and NOTIMP only
 * `flags` does. */
enum question_verdict question_parse(const uint8_t *bytes, uint32_t length,
                                     struct question *question);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* question: the strict parser of a query.
 *
 * A query is a header, exactly one question whose name is not compressed, then at most: the SOA of
 * an IXFR (RFC 1995 section 3), one OPT record, and one TSIG record as the last; not one byte more
 * (RFC 1035 section 4.1, RFC 6891 section 6.1.1, RFC 8945 section 5.1, RFC 9619). The question is
 * missing only where a client asks for a cookie alone (RFC 7873 section 5.4). Whatever a stranger
 * sends, the work is bounded by its length once: no loop goes back, no pointer is followed. Nothing
 * is copied but the lower-cased name. What stands behind the question is read in question_tail.c.
 *
 * Part of the decision, which a kernel path compiles too: no libc, no recursion, offsets that are
 * checked against the length before they are used, bounded loops. */
#pragma once
#include "dnsd/cookie.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    QUESTION_HEADER_BYTES = 12,
    QUESTION_NAME_BYTES = 255, /* RFC 1035 section 2.3.4 */
    QUESTION_LABELS = 127,     /* of one byte each, without the root */
    QUESTION_OPT_BYTES = 11,   /* an OPT record without options */
    QUESTION_MAX_OPTIONS = 32, /* more than there are of use; who sends more wants us busy */
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
    DNS_NOTAUTH = 9, /* RFC 8945 section 5.2 */
    DNS_BADVERS = 16,
};

enum {
    DNS_DO = 0x8000
}; /* in the flags of OPT, RFC 3225 */

enum question_option {      /* of EDNS, that we act on; bits */
    QUESTION_NSID = 1,      /* RFC 5001 */
    QUESTION_EXPIRE = 2,    /* RFC 7314 */
    QUESTION_COOKIE = 4,    /* RFC 7873 */
    QUESTION_KEEPALIVE = 8, /* RFC 7828 */
};

enum question_look_up {
    QUESTION_NOT_BEGUN, /* nobody has looked for the whole name yet */
    QUESTION_HASHED,
    QUESTION_FOUND, /* or not: `name` says it */
};

/* Where the parts of a TSIG record stand in the query (RFC 8945 section 4.2). */
struct question_tsig {
    uint16_t at; /* 0: there is none */
    uint16_t rdata_at, mac_at, id_at;
};

/* What the worker keeps of a query while it answers it; not cleared from one to the next. What
 * every query needs stands in front: a batch of them shall stay in the cache. */
struct question {
    uint8_t verdict; /* enum question_verdict: what question_parse returned */
    uint8_t look_up; /* enum question_look_up, and what it goes on with: */
    uint32_t name;   /* in the image's table, or IMAGE_NONE */
    uint64_t hash;   /* of the whole name */
    uint16_t flags;
    uint16_t type, class;
    uint16_t end;       /* offset behind the question */
    uint16_t edns_size; /* as the sender gave it */
    uint16_t edns_flags;
    uint8_t edns_version;
    uint8_t length; /* of the name in wire form, with the root label */
    uint8_t labels; /* without the root */
    bool has_edns;
    bool is_bare;          /* no question: it asks for a cookie alone */
    uint8_t options;       /* enum question_option: those it has */
    uint8_t cookie_length; /* as received: 8, or 16 to 40 */
    uint8_t cookie_state;  /* enum cookie_state, once judged */
    uint16_t cookie_at;    /* where it stands in the query */
    struct question_tsig tsig;
    uint8_t cookie[COOKIE_BYTES]; /* what goes back, once judged: the answer overwrites the query */
    uint8_t lower[QUESTION_NAME_BYTES + 1 + 16]; /* lower-cased, with readable bytes behind */
    uint8_t label_at[QUESTION_LABELS + 1]; /* where each label starts; the root's is the last */
};

enum question_verdict {
    QUESTION_GOOD,
    QUESTION_DROP,    /* not a query: nothing may be said (RFC 1035: a response never gets one) */
    QUESTION_FORMERR, /* a query, but broken */
    QUESTION_NOTIMP,  /* an opcode that we do not speak */
};

/* Parses `length` bytes. On QUESTION_DROP nothing in *question holds; on FORMERR and NOTIMP only
 * `flags` does; `verdict` always. */
enum question_verdict question_parse(const uint8_t *bytes, uint32_t length,
                                     struct question *question);

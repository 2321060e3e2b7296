/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decide: question + state → verdict: what is to be answered, in numbers, before a byte is written.
 *
 * The name is looked up whole, then its ancestors from the nearest: the hashes of all suffixes come
 * from one pass, and no look-up goes deeper than the image's deepest name, so that the costliest
 * query costs a constant. A name that exists without the type is NODATA, also an empty
 * non-terminal (RFC 8020). Below a name of ours: the wildcard there, else NXDOMAIN; at or below a
 * cut: a referral; in no zone of ours: REFUSED. Aliases cost nothing here: the types at the owner
 * of a CNAME name answers that begin with it.
 *
 * Split from emission, because a kernel path compiles the decision from this very source: no libc,
 * no recursion, no floats, bounded loops, offsets instead of pointers in what comes out. */
#pragma once
#include "dnsd/question.h"
#include "zones/image_layout.h"

struct image;
struct settings;

enum {
    STREAM_IDLE_MS = 10000 /* what keepalive tells, and what tcp.c keeps (RFC 7828) */
};

enum transport {
    TRANSPORT_DATAGRAM,
    TRANSPORT_STREAM,
};

/* What a worker keeps from one query to the next, and the generation that it answers from. */
struct decide_state {
    const struct image *image; /* NULL: none yet, everything gets SERVFAIL */
    const struct settings *settings;
    uint32_t *turns;                           /* by set: which of its orders comes next */
    uint32_t stream_idle_ms;                   /* what keepalive tells; 0: the usual time */
    uint64_t suffix_hash[QUESTION_LABELS + 1]; /* scratch: by number of labels */
};

enum verdict_body {
    VERDICT_EMPTY,
    VERDICT_BODY, /* the first `length` bytes of answer `answer` */
    VERDICT_LONG, /* the long body of answer `answer`, whole */
    VERDICT_ID,   /* the words of class CH for which server this is */
    VERDICT_VERSION,
};

struct verdict {
    uint16_t rcode; /* enum dns_rcode, up to 12 bits */
    uint16_t flags; /* AA, TC */
    enum verdict_body body;
    uint32_t answer;
    uint32_t set;   /* that the answer is of, or IMAGE_NONE */
    uint32_t shown; /* … and the one whose records it shows: what aliases lead to */
    uint64_t thing; /* what rate limits count by, within the class of the answer (ratelimit.h) */
    uint16_t length;
    uint16_t ancount, nscount, arcount;
    uint16_t body_delta;  /* added to each pointer into the body, modulo 2^16 */
    uint16_t apex_delta;  /* … to each pointer to the apex */
    uint32_t serial;      /* of the zone that answers, where the answer shows it */
    uint8_t options;      /* enum question_option: those that OPT carries */
    uint16_t error;       /* enum edns_error */
    uint16_t opt_length;  /* 0: there is no OPT */
    uint16_t tsig_length; /* of the TSIG that says why it is NOTAUTH; 0: none */
    uint32_t expire_s;    /* for the option of that name */
    uint32_t idle_ms;     /* for keepalive */
};

/* The size that the whole answer may have (RFC 6891 section 6.2.5, RFC 7766 section 8). */
uint32_t decide_limit(const struct question *question, enum transport transport,
                      const struct settings *settings);

/* Three steps that may come before, for many questions that parsed at a time, so that they wait for
 * memory together: the first fetches the line where the search for the name begins; the second
 * looks the whole name up and fetches what stands behind it; the third fetches the answer. In
 * between the image must stay. */
void decide_begin(struct question *question, const struct decide_state *state);
void decide_find(struct question *question, const struct decide_state *state);
void decide_fetch(const struct question *question, const struct decide_state *state);

/* Decides on a question that parsed. */
void decide(const struct question *question, enum transport transport, struct decide_state *state,
            struct verdict *verdict);

/* The verdict is not sent: gives its turn back, and leaves what a client needs to ask again by TCP:
 * the question and TC; of OPT the cookie alone. */
void decide_to_truncate(struct decide_state *state, struct verdict *verdict);

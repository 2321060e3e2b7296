/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compile: one set → the rendered body of the answers that carry it.
 *
 * The body is everything behind the question and without OPT: the CNAMEs that lead to the set, the
 * first with the question as its owner (C0 0C), each next with a pointer to the target before; the
 * set's records likewise; then the addresses that go with them. Additional owners are
 * pointers into the RDATA where the host name stands anyway (SRV targets themselves must not be
 * compressed: RFC 2782, "Target"). Such pointers depend on the length of the owner, and pointers
 * to the apex on where the owner hangs below it, so their places are listed. A pointer is used
 * only where it fits its 14 bits (RFC 1035 section 4.1.4) for the longest owner; beyond that
 * names are written out.
 *
 * What must fit comes first: answer, the SOA of a negative answer, or the NS of a referral with the
 * glue that nobody else can give (RFC 9471 section 3). Behind it each address set is one group, and
 * a response may be cut after any of them (RFC 2181 section 9: leaving out additional data is not
 * truncation). */
#pragma once
#include "zones/base/error.h"
#include "zones/content.h"

/* Where the body may end, and what has been written up to there. */
struct compiled_cut {
    uint32_t length;
    uint16_t arcount;
    uint16_t body_places, apex_places;
};

struct compiled {
    struct bytes body;
    uint32_t required_length;
    uint16_t ancount, nscount;
    uint16_t required_arcount;   /* glue in the required part */
    uint16_t rendered_for;       /* owner length */
    uint16_t serial_at;          /* place of the SOA serial, or IMAGE_NO_PLACE */
    const uint16_t *body_places; /* ascending: move with the owner's length */
    const uint16_t *apex_places; /* ascending: move with the owner's distance from the apex */
    uint16_t required_body_places, required_apex_places; /* of those: within the required part */
    const struct compiled_cut *cuts;                     /* ascending; the last is the whole body */
    uint32_t cut_count;                                  /* 0: there is no additional data */
};

/* Compiles a set that has records or a chain and whose additional sets are in `sets`; it is whole
 * (content_whole), or a copy of such a one in another order. Everything lives in the arena.
 * Additional sets that do not fit a stream any more are left out; ERROR_INVALID: the set itself
 * does not. */
NODISCARD bool compile_set(struct arena *arena, const struct content_sets *sets,
                           const struct content_set *set, struct compiled *compiled,
                           struct error *err);

/* At most so many bytes and places have the bodies of an SRV set, whatever the order of its
 * records. */
struct compiled_size {
    uint32_t body_bytes, places;
};
struct compiled_size compile_size_max(const struct content_sets *sets,
                                      const struct content_set *set);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fixture: a small world of zones, as content and as an open image, for tests of the responder.
 *
 * Four zones share sets across owners of different lengths: example.org (everything), example.net
 * (the same pool), sub.example.org (a child of ours), and one whose apex is a service name. Some
 * sets are too large for a datagram, one for pointers; one is empty. */
#pragma once
#include "zones/content.h"
#include "zones/image.h"
#include "zones/image_write.h"

enum fixture_set {
    FIXTURE_SOA,
    FIXTURE_NEGATIVE,
    FIXTURE_NS,
    FIXTURE_SRV,       /* 3 targets */
    FIXTURE_WIDE,      /* 20: the addresses do not all fit 1,232 bytes */
    FIXTURE_MANY,      /* 60: not even the set does */
    FIXTURE_HUGE,      /* 1,000: beyond the reach of pointers */
    FIXTURE_EMPTY,     /* nobody is there */
    FIXTURE_ADDRESSES, /* A and AAAA of host i: FIXTURE_ADDRESSES + 2 i, + 2 i + 1 */
    FIXTURE_HOSTS = 1000,
    FIXTURE_SETS = FIXTURE_ADDRESSES + 2 * FIXTURE_HOSTS,
};

struct fixture {
    struct arena arena;
    struct content_names names;
    struct content_sets sets;
    uint32_t serials[4];
    uint64_t generation;
    struct image_buffer names_file, answers_file;
    struct digest digest;
    struct image image;
};

/* Builds it; a mistake in it ends the test. first_weight is that of the first target of the SRV
 * set, so that two generations can be told apart. */
void fixture_build(struct fixture *fixture, uint64_t generation, uint16_t first_weight);
void fixture_fini(struct fixture *fixture);

/* Another world, made of the text of a zone file: aliases.example, with chains of aliases up to the
 * longest, wildcards, and delegations with glue. Its sets are fewer than FIXTURE_SETS. */
void fixture_build_aliases(struct fixture *fixture);

/* A memfd with the bytes. */
int fixture_file(const struct image_buffer *buffer);

/* The name of `labels` labels "1." under example.org… that fills 255 bytes: the longest there is.
 */
const char *fixture_longest_name(void);

/* Text to wire, keeping the case (text_name_parse would lower it); returns the length. */
size_t fixture_put_name(uint8_t *to, const char *text);

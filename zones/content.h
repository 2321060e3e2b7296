/* SPDX-License-Identifier: GPL-3.0-or-later */
/* content: the DNS data that we publish, as the planner hands it over and as compile, zone files
 * and exports read it.
 *
 * It comes in two parts because they change at two rates. *Names* (struct content_names) say which
 * owner names exist in which zone and which sets stand there; they change with the inventory.
 * *Sets* (struct content_sets) are the RRset bodies; they change with every revision. Many owners
 * point at one set: 100,000 domains on one pool share the same few. A set is shared when its
 * inputs are equal, not when its bytes happen to be.
 *
 * RDATA is in wire form, uncompressed, with one addition that lets zones share their SOA and NS
 * sets: a name of a *template* RDATA may end with the two bytes C0 N instead of the root label,
 * "the apex of the zone that answers, without its first N bytes". Only NS and SOA sets use it; in
 * answers it becomes a pointer into the question.
 *
 * Everything here is built once and then only read. The arena of its maker owns it. */
#pragma once
#include "zones/name.h"

#define CONTENT_NONE UINT32_MAX
#define CONTENT_AT_APEX 0xC0 /* in a template name, where a label's length would be */

/* Where the rendered set stands in a message. */
enum content_section {
    CONTENT_ANSWER,
    CONTENT_AUTHORITY, /* the SOA of a negative answer (RFC 2308 section 3) */
};

/* In which order the responder answers the records of an SRV set (orders.h). Zone files and exports
 * always have them as they stand here. */
enum content_order {
    CONTENT_ORDER_FIXED, /* every other type has this one, too */
    CONTENT_ORDER_WEIGHTED,
};

/* An address set that goes with a record of this set, as additional data (RFC 2782). */
struct content_additional {
    uint32_t record;  /* index in rdata[] */
    uint32_t name_at; /* where the host name starts in that RDATA */
    uint32_t set;     /* A or AAAA */
};

struct content_set {
    uint16_t type; /* enum rrtype */
    enum content_section section;
    enum content_order order;
    uint32_t ttl_s;
    uint32_t count; /* 0: nobody is there, the name answers NODATA */
    const struct bytes *rdata;
    const struct content_additional *additional; /* by record, A before AAAA */
    uint32_t additional_count;
    uint32_t usual_owner_bytes; /* length of the owner it is rendered for; any owner works */
};

/* True when a secondary or a reader of zone files could not tell them apart: the same records in
 * the same order, and TTL. In which order they are answered is no part of a zone. */
bool content_set_equal(const struct content_set *a, const struct content_set *b);

/* RDATA of such a set as a zone with that apex means it: templates written out. In the arena. */
struct bytes content_rdata(struct arena *arena, uint16_t type, struct bytes rdata,
                           struct name apex);

/* `name` as a template for that apex, sharing the longest suffix but the root. In the arena. */
struct bytes content_template(struct arena *arena, struct name name, struct name apex);

struct content_sets {
    const struct content_set *sets;
    uint32_t count;
};

/* The types at one name, shared by all names that have the same. */
struct content_types {
    struct content_type {
        uint16_t type;
        uint32_t set;
    } const *entries; /* in ascending order of type */
    uint32_t count;
};

enum content_kind {
    CONTENT_NAME,       /* a name of the zone, also an empty non-terminal */
    CONTENT_DELEGATION, /* NS of a zone below that is ours too: in zone files only */
    CONTENT_GLUE,       /* an address below a delegation: in zone files only */
};

struct content_name {
    struct name owner;
    uint32_t types; /* CONTENT_NONE: an empty non-terminal */
    enum content_kind kind;
};

struct content_zone {
    struct name apex;
    uint32_t first_name, name_count; /* in canonical order; the apex comes first */
    uint32_t soa_set, negative_set;
    uint32_t slot;   /* which serial */
    uint32_t parent; /* the nearest zone of ours above, or CONTENT_NONE */
};

struct content_names {
    const struct content_zone *zones; /* in canonical order of their apexes */
    uint32_t zone_count;
    const struct content_name *names;
    uint32_t name_count;
    const struct content_types *types;
    uint32_t types_count;
    uint32_t set_count; /* how many sets the sets part must have */
    uint32_t slot_count;
};

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
 * RDATA is in wire form, uncompressed, with one addition that lets zones share sets and keeps
 * answers short: a name of a *template* RDATA may end with the two bytes C0 N instead of the root
 * label, "the apex of the zone that answers, without its first N bytes" (in a referral: the name of
 * the cut, without …). Only names that may be compressed have it, those of the types that RFC 1035
 * defines (RFC 3597 section 4): NS, SOA, CNAME, PTR, MX, …; in answers it becomes a pointer into
 * the question. content_template_rdata makes such RDATA of plain one, content_rdata the reverse.
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
    /* NS records of a cut, whose owner is the cut and whose templates are relative to it. Glue
     * within the cut is part of the answer (RFC 9471 section 3), all other is additional. */
    CONTENT_REFERRAL,
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

/* One CNAME of a chain. Its owner is the question, or the target of the link before it. */
struct content_link {
    struct bytes rdata; /* the target; may be a template */
    uint32_t ttl_s;
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

    /* A derived set, which chain.h makes: CNAMEs, then the records of another set, whose owner is
     * the last target. `count` is 0 then. Every other set has chain_count 0 and ignores these. */
    const struct content_link *chain;
    uint32_t chain_count;
    uint32_t tail_set; /* answer, negative or referral; CONTENT_NONE: the chain leaves the zone */
    uint32_t negative_set; /* stands there when the tail has no records */
    bool is_nxdomain;      /* the last target does not exist (RFC 6604) */
    struct bytes cut; /* of a referral that stands behind chains only: its owner, a suffix of the
                       * last target; its templates are relative to the apex, too */
};

/* True when a secondary or a reader of zone files could not tell them apart: the same records in
 * the same order, and TTL. In which order they are answered is no part of a zone. */
bool content_set_equal(const struct content_set *a, const struct content_set *b);

/* RDATA of such a set as a zone with that apex means it: templates written out. In the arena. */
struct bytes content_rdata(struct arena *arena, uint16_t type, struct bytes rdata,
                           struct name apex);

/* `name` as a template for that apex, sharing the longest suffix but the root. In the arena. */
struct bytes content_template(struct arena *arena, struct name name, struct name apex);

/* How many compressible names RDATA of that type has, and where the first starts; the others follow
 * it at once. 0: the RDATA is copied as it is. */
struct content_name_places {
    uint8_t count, first_at;
};
struct content_name_places content_names_in(uint16_t type);

/* Valid plain RDATA with its compressible names as templates for that apex. In the arena. */
struct bytes content_template_rdata(struct arena *arena, uint16_t type, struct bytes rdata,
                                    struct name apex);

struct content_sets {
    const struct content_set *sets;
    uint32_t count;
};

/* The set whose records stand at the end of a derived one; of every other one: itself.
 * CONTENT_NONE: the chain leaves the zone. */
uint32_t content_tail(const struct content_sets *sets, uint32_t index);

/* Set `index` with the records that it has: a derived one gets those of its tail, behind its
 * chain. */
struct content_set content_whole(const struct content_sets *sets, uint32_t index);

#define CONTENT_OTHER_TYPES 0 /* no data has this type */

/* The types at one name, shared by all names that have the same. */
struct content_types {
    struct content_type {
        uint16_t type;
        uint32_t set;
    } const *entries; /* in ascending order of type */
    uint32_t count;
    /* At the owner of a CNAME: what it leads to, by type; CONTENT_OTHER_TYPES first, for all that
     * are not listed. Made by chain.h, read by who answers; no part of the zone's data. */
    const struct content_type *chased;
    uint32_t chased_count;
};

/* A wildcard is a name whose first label is "*" (RFC 4592). */
enum content_kind {
    CONTENT_NAME, /* a name of the zone, also an empty non-terminal */
    /* NS of a zone below that is ours too: in zone files only. With it a DS, which the zone above
     * answers. Its templates are relative to the name. */
    CONTENT_DELEGATION,
    /* A delegation to others: whatever is asked at it or below gets the referral (NS, a set of
     * section CONTENT_REFERRAL), but DS at it, which this zone answers. */
    CONTENT_CUT,
    /* An address below a delegation: in zone files only. Glue for the name of a delegation itself
     * is a row of its own behind it. */
    CONTENT_GLUE,
};

struct content_name {
    struct name owner;
    uint32_t types; /* CONTENT_NONE: an empty non-terminal */
    enum content_kind kind;
};

/* True when queries for it get its records: it is neither another zone's nor below a cut. */
static inline bool content_is_served(const struct content_name *name)
{
    return name->kind == CONTENT_NAME || name->kind == CONTENT_CUT;
}

struct content_zone {
    struct name apex;
    /* In canonical order, then by kind; the apex comes first, and all empty non-terminals are there
     * (none of names that are below a cut). */
    uint32_t first_name, name_count;
    uint32_t soa_set, negative_set;
    uint32_t slot;   /* which serial */
    uint32_t parent; /* the nearest zone of ours above, or CONTENT_NONE */
};

/* What templates at a name of the zone end at. */
static inline struct name content_apex(const struct content_zone *zone,
                                       const struct content_name *name)
{
    bool is_cut = name->kind == CONTENT_DELEGATION || name->kind == CONTENT_CUT;
    return is_cut ? name->owner : zone->apex;
}

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

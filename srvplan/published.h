/* SPDX-License-Identifier: GPL-3.0-or-later */
/* published: what one side publishes, record set by record set, as text: a plan, a stored plan, a
 * zone file, live DNS, a revision of the server. What stands here can be compared (compare.h)
 * whatever it was made from.
 *
 * A side may speak for a part of the names only: a zone file for its zone, without what it
 * delegates. Sets keep the reasons of the plan that they come from, where there is one. Records of
 * a set ascend (SRV by their numbers, others by byte), so that equal sets have equal texts. SOA
 * records are left out, whose serials are decided when a zone is published, and the records that a
 * signer adds.
 *
 * Everything lives in the arena that it was begun with. */
#pragma once
#include "srvplan/plan_text.h"

struct published_set {
    const char *type; /* "SRV"; "TYPE65534" for a type without a name (RFC 3597) */
    uint32_t ttl_s;
    uint32_t ttl_max_s; /* another than ttl_s: the records disagree, against RFC 2181 section 5.2 */
    const char *const *records;
    uint32_t record_count;
    struct plan_because_list because; /* empty: nobody says why */
};

struct published_entry {
    struct name owner;
    const char *name; /* its text, lower-cased, with the final dot */
    uint32_t set;
};

/* At and below `apex` the side speaks (or does not); the longest one decides. */
struct published_extent {
    struct name apex;
    bool is_in;
};

struct published {
    const char *label; /* for people: "zone.db", "plan", "revision 42" */
    bool is_plan;      /* it says what should be, not what is found */
    const struct published_entry *entries;
    uint32_t entry_count;
    const struct published_set *sets; /* entries may share one */
    uint32_t set_count;
    const struct published_extent *extents;
    uint32_t extent_count; /* 0: it speaks for every name */
};

/* A side in the making. Zeroed but for `arena` and `published.label`. */
struct publisher {
    struct arena *arena;
    struct published published;
    struct published_entry *entries;
    size_t entry_capacity;
    struct published_set *sets;
    size_t set_capacity;
    struct published_extent *extents;
    size_t extent_capacity;
};

/* A set, and the number that entries name it by. Records are borrowed, and sorted here. */
uint32_t publisher_add_set(struct publisher *publisher, const struct published_set *set);
void publisher_add_entry(struct publisher *publisher, struct name owner, uint32_t set);
void publisher_add_extent(struct publisher *publisher, struct name apex, bool is_in);
const struct published *publisher_end(struct publisher *publisher);

/* A plan; borrowed parts of it must outlive the result. */
const struct published *published_of_plan(const struct plan *plan, const char *label,
                                          struct arena *arena);

/* True when the side speaks for that name. */
bool published_speaks_for(const struct published *published, struct name owner);

/* True for what is left out on every side: SOA, and what a signer adds. */
bool published_is_left_out(const char *type);

/* The fields of an SRV record's text. The target is borrowed. */
struct srv_text {
    uint16_t priority, weight, port;
    const char *target;
};
bool srv_text_parse(const char *record, struct srv_text *srv);

/* The order of records in a set: SRV by priority, target, port, weight; others by byte. */
int published_compare_records(const char *a, const char *b);

/* The labels of a name that begin with an underscore at its left, as wire; may be empty. */
struct bytes name_service_labels(struct name owner);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_tree: the records of one zone file as the names of a zone.
 *
 * Records are sorted (owner, type, data: RFC 4034 section 6) and grouped into sets; a record that
 * is there twice is there once (RFC 2181 section 5). Names between an owner and the apex that have
 * no records are nodes, too: empty non-terminals (RFC 4592 section 2.2.2). Every node knows what it
 * is: a name of the zone, a cut (NS below the apex), glue (addresses below a cut, or at it), or
 * hidden (anything else there, which nobody can ask for).
 *
 * Everything lives in the arena, and borrows from the reading. */
#pragma once
#include "zones/zone_faults.h"
#include "zones/zonefile_read.h"

#define ZONE_TREE_NONE UINT32_MAX

/* The records of one owner and type. */
struct zone_group {
    uint16_t type;
    uint32_t ttl_s;                         /* the least of them */
    const struct zonefile_record **records; /* in canonical order, each once */
    uint32_t count;
    uint32_t set; /* for who makes the content */
};

enum zone_node_kind {
    ZONE_NODE_NAME, /* the apex, too */
    ZONE_NODE_CUT,
    ZONE_NODE_BELOW, /* below a cut */
};

struct zone_node {
    struct name owner;
    enum zone_node_kind kind;
    struct zone_group *groups; /* in ascending order of type */
    uint32_t group_count;      /* 0: an empty non-terminal */
};

struct zone_tree {
    struct name apex;
    struct zone_node *nodes; /* in canonical order, the apex first */
    uint32_t node_count;
};

/* Records outside of the apex are faults and left out. */
void zone_tree_build(struct zone_tree *tree, struct arena *arena,
                     const struct zonefile_reading *reading, const char *path,
                     struct zone_faults *faults);

/* The node of that name, or NULL. */
struct zone_node *zone_tree_find(const struct zone_tree *tree, struct name name);

/* The node that answers for a name in the zone (RFC 4592 section 3.3.1): its own, the cut above it,
 * or the wildcard below its closest encloser. NULL: there is none. */
struct zone_node *zone_tree_resolve(const struct zone_tree *tree, struct name name);

struct zone_group *zone_node_find(const struct zone_node *node, uint16_t type);

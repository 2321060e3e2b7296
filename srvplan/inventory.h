/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inventory: the model of what operators declare: domains, services, tiers, nodes, zones, policy.
 *
 * This page is the whole data model. inventory_load.h fills it from text, with every default
 * applied and every reference resolved to an index, so that nobody behind it looks a name up or
 * asks what a missing key means. Order is by id (domains and zones: canonical order of names), so
 * that the same inventory gives the same bytes whatever order its text had.
 *
 * An inventory is built once, then only read; its arena owns all of it. */
#pragma once
#include "zones/name.h"

#define INVENTORY_NONE UINT32_MAX

enum node_state {
    NODE_UP,
    NODE_DRAIN, /* drained by policy, without expiry */
    NODE_MAINT, /* the same, and not probed */
    NODE_OFF,   /* in no set, and not in the declared capacity */
};

enum weights_scale {
    WEIGHTS_UNIVERSAL,
    WEIGHTS_RAW,
};

enum soa_serial {
    SOA_SERIAL_UNIXTIME,
    SOA_SERIAL_DATE,
    SOA_SERIAL_COUNTER,
};

struct inventory_service {
    struct text id;          /* "xmpp-client" */
    struct bytes srv_labels; /* wire labels without a root: 12 _xmpp-client 4 _tcp */
    struct text srv;         /* "_xmpp-client._tcp" */
    uint16_t port;
    int32_t priority_offset;
    bool is_absent; /* every domain publishes exactly "0 0 0 ." */
};

struct inventory_tier {
    struct text id;
    uint16_t priority;
    struct text label; /* may be empty */
};

struct inventory_node {
    struct text id;
    struct name host;
    const uint8_t (*ipv4)[4];
    uint32_t ipv4_count;
    const uint8_t (*ipv6)[16];
    uint32_t ipv6_count;
    uint32_t capacity; /* 1..10^9 */
    uint32_t tier;
    struct text site; /* may be empty */
    enum node_state state;
    const uint16_t *ports;  /* by service; 0: the service's own */
    const bool *offers;     /* by service */
    const int32_t *weights; /* by service: the published weight 0..65535, or -1: by the scale */
    const struct text *tags;
    uint32_t tag_count;
};

struct inventory_name_server {
    struct name host;
    const uint8_t (*ipv4)[4];
    uint32_t ipv4_count;
    const uint8_t (*ipv6)[16];
    uint32_t ipv6_count;
};

struct inventory_soa {
    struct name mname;
    struct name rname; /* len 0: hostmaster of the zone, see layout.h */
    uint32_t refresh_s, retry_s, expire_s, minimum_s;
    enum soa_serial serial;
    uint32_t at_least; /* the smallest serial to begin with; 0: none */
};

struct inventory_zone {
    struct name apex;
    const struct inventory_name_server *name_servers;
    uint32_t name_server_count; /* 0: plan and fragments only */
    struct inventory_soa soa;
    uint32_t ttl_s; /* of SOA, NS and host addresses */
};

struct inventory_domain {
    struct name name;
    uint32_t ttl_s;
    const uint32_t *services; /* indices, ascending, without absent ones */
    uint32_t service_count;
    uint32_t pool; /* which nodes: index in pools[] */
};

/* A selection of nodes. Domains that select the same nodes share one. */
struct inventory_pool {
    const uint32_t *nodes; /* indices, ascending */
    uint32_t node_count;
};

struct inventory {
    struct arena arena;
    struct inventory_service *services; /* by id: the built-in ones and the file's */
    uint32_t service_count;
    struct inventory_tier *tiers; /* by id */
    uint32_t tier_count;
    struct inventory_node *nodes; /* by id */
    uint32_t node_count;
    struct inventory_zone *zones; /* canonical order; declared keys and the domains' zones */
    uint32_t zone_count;
    struct inventory_domain *domains; /* canonical order */
    uint32_t domain_count;
    struct inventory_pool *pools;
    uint32_t pool_count;
    enum weights_scale scale;
    uint32_t guard_min_nodes; /* per set, over all tiers; at least 1 */
};

/* Indices by id, INVENTORY_NONE when there is none. */
uint32_t inventory_find_node(const struct inventory *inventory, struct text id);
uint32_t inventory_find_service(const struct inventory *inventory, struct text id);

/* The longest zone of ours that `name` is in, or INVENTORY_NONE. */
uint32_t inventory_zone_of(const struct inventory *inventory, struct name name);

void inventory_free(struct inventory *inventory); /* heap-made by inventory_load; NULL is fine */

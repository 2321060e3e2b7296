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

struct recurrence;
struct tzfile;

#define INVENTORY_NONE UINT32_MAX

enum {
    CAPACITY_USUAL = 100, /* of a node, when neither it nor `defaults` say */
    CAPACITY_MAX = 1000000000,
};

enum node_state {
    NODE_UP,
    NODE_DRAIN, /* drained by policy, without expiry */
    NODE_MAINT, /* the same, and not probed */
    NODE_OFF,   /* in no set, and not in the declared capacity */
};

enum weights_scale {
    WEIGHTS_UNIVERSAL,
    WEIGHTS_STABLE,
    WEIGHTS_HAMILTON, /* of policy.hamilton_total */
    WEIGHTS_HUMAN,
    WEIGHTS_RAW,
};

enum {
    RAMP_STEPS_MAX = 1000 /* each is a revision */
};

/* Parts of a whole: 35 % is 350,000,000. Decimal fractions of an inventory are exact. */
#define RATIO_ONE 1000000000u /* parts per billion */

/* What a drain does to the records of its node. */
enum drain_mode {
    DRAIN_REMOVE,
    DRAIN_DEMOTE, /* behind all tiers, as the last resort */
    DRAIN_WEIGHT, /* to a part of its weight */
    DRAIN_ZERO,   /* weight 0 */
};

/* Which server runs on a node: decides its usual ports, and which must never be published. */
enum server_product {
    SERVER_UNKNOWN,
    SERVER_OPENFIRE,
    SERVER_EJABBERD,
    SERVER_PROSODY,
    SERVER_MONGOOSEIM,
    SERVER_TIGASE,
    SERVER_OTHER,
};

/* In which order srvplan-dnsd answers the records of an SRV set; zone files are always in order. */
enum answer_order {
    ANSWER_ORDER_WEIGHTED, /* several orders in turn, first places by weight */
    ANSWER_ORDER_FIXED,    /* by priority, then node id */
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
    bool is_absent;   /* every domain publishes exactly "0 0 0 ." */
    bool is_mux;      /* STARTTLS and Direct TLS on one port by ALPN */
    bool is_s2s;      /* xmpp-server, xmpps-server: what a component offers */
    struct text pool; /* services of one pool share a priority space (XEP-0368); empty: alone */
};

struct inventory_tier {
    struct text id;
    uint16_t priority;
    struct text label; /* may be empty */
};

/* What is known of the sessions on a node, for forecasts. */
struct inventory_sessions {
    uint32_t mean_life_s;            /* 0: not known */
    uint32_t login_rate_limit_milli; /* new logins that it bears, in thousandths a second; 0: not
                                        known */
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
    const uint16_t *ports;  /* by service: its own, else its product's; 0: the service's */
    const bool *offers;     /* by service */
    const int32_t *weights; /* by service: the published weight 0..65535, or -1: by the scale */
    const struct text *tags;
    uint32_t tag_count;
    enum server_product server;
    struct inventory_sessions sessions;
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

/* A record of a zone that no node makes: from the zone's `records`. */
struct inventory_record {
    struct name owner;
    uint16_t type;
    uint32_t ttl_s;
    struct bytes rdata; /* wire form, uncompressed */
};

struct inventory_zone {
    struct name apex;
    const struct inventory_name_server *name_servers;
    uint32_t name_server_count; /* 0: plan and fragments only */
    struct inventory_soa soa;
    uint32_t ttl_s;                         /* of SOA, NS and host addresses */
    const struct inventory_record *records; /* by owner in canonical order, then type, then RDATA */
    uint32_t record_count;
};

/* Part of the users of each client model (simulate.h), by its id. */
struct inventory_audience {
    const struct inventory_audience_part {
        struct text model;
        uint32_t part_ppb;
    } * parts;      /* as declared */
    uint32_t count; /* 0: not declared */
};

struct inventory_domain {
    struct name name;
    uint32_t ttl_s;
    uint32_t drain_ttl_s;     /* at most ttl_s */
    const uint32_t *services; /* indices, ascending, without absent ones */
    uint32_t service_count;
    uint32_t selection;    /* which nodes: index in selections[] */
    uint32_t component_of; /* the domain that lists it in `components`, or INVENTORY_NONE */
    struct inventory_audience audience; /* its own, else the policy's */
    struct text bosh, websocket;        /* URLs, "https://…" and "wss://…"; empty: none */
};

/* A maintenance window, once or recurring. Times are local to `timezone`. */
struct inventory_window {
    struct text id;
    const uint32_t *nodes; /* ascending; with `is_serial` in this order, one after another */
    uint32_t node_count;
    struct text start;    /* "2026-12-06T02:00", local; checked */
    struct text end;      /* likewise, of the first turn; empty: it has a duration */
    uint32_t duration_s;  /* of one node's turn; with `end` what a clock on the wall shows */
    struct text timezone; /* IANA name; "UTC" when not given */
    struct text rrule;    /* RFC 5545 (rrule.h); empty: once */
    bool is_serial;
    struct text comment;
    const struct tzfile *clock;    /* of `timezone` */
    const struct recurrence *when; /* it opens: start, timezone and rrule */
};

/* How resolvers treat a TTL: a part of them clamps it to min..max. */
struct inventory_resolver_class {
    uint32_t share_ppb;
    uint32_t min_ttl_s, max_ttl_s; /* 0: no clamp */
};

/* Nodes of which a number must stay, whatever else is allowed. */
struct inventory_assertion {
    struct text id;
    const uint32_t *nodes;
    uint32_t node_count;
    uint32_t at_least;
};

struct inventory_policy {
    enum weights_scale scale;
    uint32_t hamilton_total; /* of WEIGHTS_HAMILTON, 1..65535 */
    uint32_t weight_min;     /* of a live node, 1..65535 */
    uint32_t usual_capacity; /* of `defaults`: the unit of WEIGHTS_STABLE; 1..10^9 */
    enum answer_order answer_order;

    enum drain_mode drain_mode;
    uint32_t drain_to_ppb; /* of DRAIN_WEIGHT */
    uint32_t ramp_s, ramp_steps, grace_s;
    bool is_lead_auto;           /* lower TTLs before ramps, windows and starts in the future */
    uint32_t resolver_max_ttl_s; /* of the pessimistic line; 0: none */

    uint32_t guard_min_nodes; /* per set, over all tiers; at least 1 */
    uint32_t guard_min_capacity_ppb;
    uint32_t guard_max_drains;   /* 0: without limit */
    uint32_t guard_min_sites;    /* 0: without limit */
    uint32_t guard_min_ttl_s;    /* the floor of the provider; 0: none */
    bool guard_survives_failure; /* N-1: one further node may fail */
    const struct inventory_assertion *assertions;
    uint32_t assertion_count;

    const struct text *accepted; /* codes of checks that shall not stand in the way */
    uint32_t accepted_count;

    struct inventory_audience audience;
    struct inventory_sessions sessions;
    const struct inventory_resolver_class *resolvers;
    uint32_t resolver_count; /* 0: not declared */
};

/* A selection of nodes. Domains that select the same nodes share one. */
struct inventory_selection {
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
    struct inventory_selection *selections;
    uint32_t selection_count;
    struct inventory_window *windows; /* by id */
    uint32_t window_count;
    struct inventory_policy policy;
};

/* Indices by id, INVENTORY_NONE when there is none. */
uint32_t inventory_find_node(const struct inventory *inventory, struct text id);
uint32_t inventory_find_service(const struct inventory *inventory, struct text id);

/* Whether a selector ("*", "site:ams", "tier:standby", "tag:x", or an id) means the node, which is
 * not off. */
bool inventory_selects(const struct inventory *inventory, struct text selector, uint32_t node);

/* "remove", "demote", "weight", "zero". */
const char *drain_mode_print(enum drain_mode mode);
NODISCARD bool drain_mode_parse(struct text text,
                                enum drain_mode *mode); /* false leaves it alone */

/* The longest zone of ours that `name` is in, or INVENTORY_NONE. */
uint32_t inventory_zone_of(const struct inventory *inventory, struct name name);

/* The NS records by which a zone delegates `name` to others, at it or above it, nearest the apex;
 * or NULL. */
const struct inventory_record *inventory_cut(const struct inventory_zone *zone, struct name name);

/* The first record of a zone that does not stand before that owner and type; all of them may. */
uint32_t inventory_record_from(const struct inventory_zone *zone, struct name owner, uint16_t type);

void inventory_free(struct inventory *inventory); /* heap-made by inventory_load; NULL is fine */

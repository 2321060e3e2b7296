/* SPDX-License-Identifier: GPL-3.0-or-later */
/* make_inventory: inventories for tests, built by hand without a loader.
 *
 * Add services first, then tiers, nodes, zones and domains, each in its order (by id; zones and
 * domains in canonical order). Everything lives in the inventory's arena. */
#pragma once
#include "srvplan/inventory.h"

struct make_node {
    const char *id;
    const char *host;  /* NULL: <id>.example.org */
    uint32_t capacity; /* 0: 100 */
    uint32_t tier;
    enum node_state state;
    const char *ipv4, *ipv6; /* one each, or NULL */
    const char *site;        /* NULL: none */
    const char *weight;      /* for all services, or NULL */
    uint16_t port;           /* for the first service, or 0 */
    const bool *offers;      /* by service; NULL: all that are not absent */
};

struct make_zone {
    const char *apex;
    const char *const *name_servers; /* NULL-terminated; NULL: none */
    const char *name_server_ipv4;    /* of all that are not a node */
    const char *rname;               /* NULL: hostmaster.<zone> */
    uint32_t ttl_s;                  /* 0: 300 */
    uint32_t minimum_s;              /* 0: 60 */
    enum soa_serial serial;
};

struct make_domain {
    const char *name;
    uint32_t ttl_s;       /* 0: 300 */
    uint32_t drain_ttl_s; /* 0: 60, or ttl_s when that is less */
    uint32_t selection;
    const uint32_t *services; /* NULL: all that are not absent */
    uint32_t service_count;
};

struct make_window {
    const char *id;
    const uint32_t *nodes;
    uint32_t node_count;
    const char *start;
    uint32_t duration_s;  /* 0: an hour */
    bool has_end;         /* duration_s is by the clock on the wall */
    const char *timezone; /* NULL: UTC */
    const char *rrule;    /* NULL: once */
    bool is_serial;
    const char *comment; /* NULL: none */
};

struct inventory *make_inventory(void); /* inventory_free */
struct name make_name(struct inventory *inventory, const char *text);
void make_service(struct inventory *inventory, const char *id, const char *srv, uint16_t port,
                  int32_t priority_offset);
void make_absent_service(struct inventory *inventory, const char *id, const char *srv);
void make_pool(struct inventory *inventory, const char *pool); /* of the last service */
void make_tier(struct inventory *inventory, const char *id, uint16_t priority);
void make_node(struct inventory *inventory, const struct make_node *node);
uint32_t make_selection(struct inventory *inventory, const uint32_t *nodes, uint32_t count);
uint32_t make_selection_of_all(struct inventory *inventory);
void make_zone(struct inventory *inventory, const struct make_zone *zone);
void make_domain(struct inventory *inventory, const struct make_domain *domain);
void make_window(struct inventory *inventory, const struct make_window *window);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* simulate_pool: the records that a client looks at together.
 *
 * A client that may speak Direct TLS looks two services up and makes one ladder of them
 * (XEP-0368), so what one domain publishes for `xmpp-client` and `xmpps-client` is one pool, and
 * so are the two of the servers; any other service is alone. What clients look up is fixed by the
 * standards, whatever the inventory calls its services: the labels of the records decide. */
#pragma once
#include "srvplan/audience.h"
#include "srvplan/plan.h"

/* The published records of a pool. */
struct simulate_pool {
    const struct plan *plan;
    uint32_t domain, service; /* what was asked for */
    uint32_t set;             /* its set in the plan */
    enum client_role role;
    uint32_t services[2]; /* xmpp-* first; of a service that is alone only [0] */
    uint32_t service_count;
    struct share_target *targets; /* by node id, then service; nobody is down */
    uint32_t *target_node;        /* position in nodes[] */
    uint32_t *target_service;     /* position in services[] */
    uint32_t target_count;
    uint32_t *nodes; /* indices in the inventory of those with a record, ascending */
    uint32_t node_count;
};

/* The pool of a domain's service: plan, domain and service are the caller's, the rest is filled in.
 * ERROR_NOT_FOUND: the domain does not publish the service, with those that it does. Lives in the
 * arena; borrows the plan. */
NODISCARD bool simulate_pool_of(struct simulate_pool *pool, struct arena *arena, struct error *err);

/* "example.org/xmpp-client", as an operator writes it; ERROR_NOT_FOUND says what there is. */
NODISCARD bool simulate_pool_find(const struct plan *plan, struct text domain_and_service,
                                  struct arena *arena, struct simulate_pool *pool,
                                  struct error *err);

/* "example.org/xmpp-client" */
const char *simulate_pool_label(const struct simulate_pool *pool, struct arena *arena);

/* Position of an inventory node in pool->nodes, INVENTORY_NONE when it has no record. */
uint32_t simulate_node_find(const struct simulate_pool *pool, uint32_t node);

/* Whether a target has the lowest priority of its service: its node serves when all is well, and
 * others stand by. */
bool simulate_is_serving(const struct simulate_pool *pool, uint32_t target);

/* The sum of the capacities of the nodes that serve. */
uint64_t simulate_serving_capacity(const struct simulate_pool *pool);

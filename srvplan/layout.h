/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layout: which names, zones and sets an inventory makes, whatever operators do on top of it.
 *
 * A pure function of the inventory alone, computed once for each: it is the part of a plan that
 * does not change with a drain, and the whole of the names file. Its sets are *declared* sets:
 * domains that have the same service, selection, TTL, and the same answers to "does this zone hold
 * the target's addresses" share one. plan_compute turns declared sets into published ones.
 *
 * A zone without an rname gets the hostmaster of itself, or of the domain above its labels that
 * begin with an underscore: `hostmaster._tcp.example.org` is no mail domain.
 *
 * Sets in content order: all SRV sets first (declared[i] is content set i), then the fixed ones
 * (A, AAAA, NS, SOA, and what zones have in `records`), whose content does not depend on overlays
 * and is built here. */
#pragma once
#include "srvplan/finding.h"
#include "srvplan/inventory.h"
#include "zones/base/digest.h"
#include "zones/content.h"

/* One SRV set as the inventory declares it. */
struct declared_set {
    uint32_t service;
    uint32_t selection;
    uint32_t ttl_s;
    uint32_t drain_ttl_s; /* at most ttl_s: while a node goes and comes */
    uint32_t domain;      /* the first domain that has it, for messages */
    uint32_t domain_count;
    const uint32_t
        *ipv4_sets; /* by position in the selection: content set of the target's A records */
    const uint32_t *ipv6_sets; /* … AAAA; CONTENT_NONE: the zone does not hold them */
    uint32_t usual_owner_bytes, longest_owner_bytes;
    struct digest key; /* of its inputs: the same set in another inventory has the same key */
};

/* Sets of one domain whose services share a priority space, or one that is alone; domains that have
 * the same ones share a pool. */
struct layout_pool {
    struct text id;       /* empty: a service that is in no pool */
    const uint32_t *sets; /* declared sets, by service; no absent ones */
    uint32_t set_count;
    uint32_t domain, domain_count;               /* the first one, for messages */
    const struct inventory_audience **audiences; /* the different ones of its domains */
    uint32_t audience_count;
};

/* The sets that name a node: how many, and the longest TTLs among them. */
struct layout_node_sets {
    uint32_t count;
    uint32_t ttl_s, drain_ttl_s; /* 0 when none does */
};

struct layout {
    struct arena arena;
    const struct inventory *inventory; /* borrowed: must outlive the layout */
    struct content_names names;
    const struct declared_set *declared;
    uint32_t declared_count;
    const struct content_set *fixed; /* content set declared_count + i */
    uint32_t fixed_count;
    const uint32_t *domain_sets; /* declared sets by domain: from domain_first[d] to [d + 1] */
    const uint32_t *domain_first;
    const struct layout_pool *pools; /* by first domain, then by service */
    uint32_t pool_count;
    const struct layout_node_sets *node_sets; /* by node */
    const struct digest *zone_class;          /* by zone: zones of one class hold the same sets */
};

/* Findings (record owner in no zone of ours, name too long, zone without name servers, …) go to
 * *findings; `need_zones` is false for plan and fragments, which do without name servers. Returns
 * NULL when an error was among them. */
enum layout_need {
    LAYOUT_FOR_PLAN,
    LAYOUT_FOR_ZONES,
};
NODISCARD struct layout *layout_build(const struct inventory *inventory, enum layout_need need,
                                      struct findings *findings);
void layout_free(struct layout *layout);

/* In which order the SRV sets of an inventory are answered. */
enum content_order layout_order_of(const struct inventory *inventory);

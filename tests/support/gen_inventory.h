/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gen_inventory: random inventories and overlays from a seed, small ones for small sizes.
 *
 * The same seed and size give the same inventory on every machine. Names come from few labels, so
 * that domains and zones meet: zones below zones, domains at an apex, hosts at a domain, targets
 * and name servers inside and outside. Most inventories are valid; some have mistakes that only
 * the layout finds. */
#pragma once
#include "srvplan/inventory.h"
#include "srvplan/overlay.h"

struct gen {
    uint64_t state;
};
struct gen gen_start(uint64_t seed);
uint32_t gen_below(struct gen *gen, uint32_t limit); /* 0..limit-1 */

struct inventory *gen_inventory(uint64_t seed, uint32_t size); /* inventory_free */

enum {
    GEN_NOW_MS = 1000000
}; /* overlays begin and end around it */

/* Overlays on it, in the inventory's arena, a few of them of nodes that are not there. */
struct overlays gen_overlays(struct inventory *inventory, uint64_t seed);

/* Windows, and the policy of drains and guards, for the year from GEN_YEAR_MS on; before the layout
 * is made. Most of it is calm, some of it so dense that windows meet. */
#define GEN_YEAR_MS INT64_C(1764547200000) /* 2025-12-01T00:00:00Z */
void gen_windows(struct inventory *inventory, uint64_t seed);

/* Drains of that year, in all modes, most with an end; in the inventory's arena. */
struct overlays gen_year_of_drains(struct inventory *inventory, uint64_t seed);

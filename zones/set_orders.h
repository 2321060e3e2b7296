/* SPDX-License-Identifier: GPL-3.0-or-later */
/* set_orders: the orders (orders.h) that a set of content is rendered in.
 *
 * An SRV set of CONTENT_ORDER_WEIGHTED has several; every other set has one, as it stands. A
 * rendered order costs its record in the image, and where that does not hold everything, the whole
 * answer for streams. So a set gets at most SET_ORDERS_BYTES for them: 128 orders of answers that a
 * datagram can carry, 15 of a set of 200 targets. And all sets together get SET_ORDERS_ALL_BYTES,
 * evenly, so that tens of thousands of different sets stay in memory. One order is always there. */
#pragma once
#include "zones/content.h"
#include "zones/orders.h"

enum {
    SET_ORDERS_BYTES = 256 * 1024,
    SET_ORDERS_ALL_BYTES = 128 * 1024 * 1024,
};

struct set_orders {
    const struct content_sets *sets; /* borrowed */
    uint32_t bytes;                  /* for the orders of one set */
};

struct set_orders set_orders_over(const struct content_sets *sets);

bool set_orders_has(const struct content_set *set);

/* How many orders a set that has some gets, and how near they come to its weights. The arena is
 * scratch. */
struct orders_choice set_orders_choose(const struct set_orders *orders,
                                       const struct content_set *set, struct arena *scratch);

/* The set in `count` orders, one behind another; its records are not copied. In the arena. */
const struct content_set *set_orders_make(const struct content_set *set, uint32_t count,
                                          struct arena *arena);

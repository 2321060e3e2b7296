/* SPDX-License-Identifier: GPL-3.0-or-later */
/* orders: in which orders the records of an SRV set are answered.
 *
 * Many clients take the first record and look at no weight, so the order has to spread them: a set
 * is rendered in several orders, and answers take them in turn. In each, priorities ascend, and
 * within a priority the records stand as a weighted draw without replacement would put them;
 * records of weight 0 stand behind the others of their priority (RFC 2782, "Weight"). Drawn from
 * an urn such orders would need thousands to be near the weights; these are built to be near:
 *
 *   - A record stands first in as many orders as the largest remainder gives it of its share, and
 *     its turns are spread over the sequence as evenly as they can be (smooth weighted round
 *     robin), so that any run of answers in a row is near the weights, too.
 *   - Each further position is filled order by order. Every record that is left gains what the draw
 *     would give it there (its weight over the weights left), and the one that is owed most gets
 *     the place and pays for it. Debts of the second position are kept in two books, of the
 *     position and of the record that stands first: when that one fails, its clients spread by
 *     weight over the others.
 *
 * How many orders: the fewest that are close. Close means that each record is first of its
 * priority within one in 100 of all answers of its share, and within a half of its share (so that a
 * node which tries 2 % gets neither none nor 4 %). Multiples of that number are tried until also
 * the loss of any one record leaves each of the others within one in 40 of its new share. When no
 * number up to the limit is close, that with the fewest answers misplaced is taken, and the caller
 * can say so.
 *
 * Pure: no clock, no chance, no float; ties go to the record that comes first. The work is at most
 * ORDERS_MAX² times the records for the number, records² times orders for the orders. */
#pragma once
#include "zones/base/arena.h"

enum {
    ORDERS_MAX =
        128 /* one in 100 needs 100 of them at most; more would cost cache and show little */
};

struct orders_record {
    uint16_t priority, weight;
};

struct orders_choice {
    uint32_t count;         /* of orders, 1..max; 0 records have one, too */
    bool is_close;          /* as above; whatever follows is about the priority that is worst off */
    uint32_t misplaced_ppm; /* part of its answers that begin with another record than planned */
    uint32_t record;        /* whose part of the first places is farthest from its share */
    uint32_t first_count;   /* of `count`: how often it is first */
};

/* How many orders, at most `max` (1..ORDERS_MAX), and how near they come. The arena is scratch. */
struct orders_choice orders_choose(struct arena *scratch, const struct orders_record *records,
                                   uint32_t record_count, uint32_t max);

/* `count` orders in the sequence in which they are to be used: order i lists the records from
 * [i * record_count] on. In the arena. */
const uint32_t *orders_make(struct arena *arena, const struct orders_record *records,
                            uint32_t record_count, uint32_t count);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* weights: turns the capacities of one priority group into SRV weights.
 *
 * Clients pick a target with a probability near weight/sum (RFC 2782, "Weight"), so weights keep
 * the ratio of capacities, in 1..65535. Many clients draw from 0..sum inclusive, which favours one
 * record by 1/(sum+1), and HAProxy divides by 256 rounding up; so small weights are harmful, and
 * the default gives multiples of 256 with a sum of at most 65,280:
 *
 *   universal   capacities divided by their greatest common divisor, scaled to multiples of 256;
 *               ratios are exact when the reduced capacities sum to at most 255, else within 1/255
 *               (largest remainders over 255 units, at least one each). More than 255 nodes:
 *               largest remainders over 65,535.
 *   stable      the capacity times one factor for the whole inventory, rounded: a node's weight
 *               does not depend on who else is in its group, so that a node that comes or goes
 *               changes one record. See weights_policy_of for the factor.
 *   hamilton    largest remainders over a total M of the policy: |weight/M - capacity/sum| < 1/M.
 *               Everybody gets at least 1, which may break that quota for the largest.
 *   human       the smallest whole numbers in the ratio of the capacities, exact; short to read,
 *               and a bias in many clients (X09)
 *   raw         the capacity is the weight
 *
 * A minimum of the policy is kept by all of them: `human` multiplies, `stable` and `raw` raise the
 * nodes that are below it, the other two take from the largest. Pure: no I/O, clock or float. */
#pragma once
#include "srvplan/inventory.h"
#include "zones/base/error.h"

struct weights_policy {
    enum weights_scale scale;
    uint32_t hamilton_total;
    uint32_t minimum;                /* 1..65535 */
    uint64_t factor_num, factor_den; /* of stable */
};

/* What the policy of an inventory asks for. The factor of `stable` is 1000 / (the capacity of a
 * node that declares none) * 8^k, with the k that gives the smallest capacity of the inventory
 * (nodes that are off included) 500 to 3999: so it is 0 while that one is at least 1/2 of the usual
 * and less than 4 times. Where the largest would get more than 65,535 then, the factor is 1000 /
 * usual * 2^e with the smallest e that gives everybody 500, or (capacities are more than 131 times
 * apart) the largest that keeps all in 16 bits. So another node's weight changes only when the
 * smallest node comes or goes and a limit of k is between it and the next, or when one comes or
 * goes that is more than 16 times the smallest. */
struct weights_policy weights_policy_of(const struct inventory *inventory);

/* "universal", "hamilton:1000": as an inventory writes it; in the arena, or static. */
const char *weights_scale_print(enum weights_scale scale, uint32_t hamilton_total,
                                struct arena *arena);

/* Fills weights[0..count) from capacities[0..count) (1..10^9 each), count 1..65,535; ties go to
 * the lower index. On failure writes nothing. ERROR_INVALID: a capacity is 0, the minimum of all
 * does not fit the total, `human` needs more than 16 bits, or `raw` has a capacity above 65,535. */
NODISCARD bool weights_from_capacities(const struct weights_policy *policy,
                                       const uint32_t *capacities, uint32_t count,
                                       uint16_t *weights, struct error *err);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* weights: turns the capacities of one priority group into SRV weights.
 *
 * Clients pick a target with a probability near weight/sum (RFC 2782, "Weight"), so weights keep
 * the ratio of capacities, in 1..65535. Many clients draw from 0..sum inclusive, which favours one
 * record by 1/(sum+1), and HAProxy divides by 256 rounding up; so small weights are harmful, and
 * `universal` gives multiples of 256 with a sum of at most 65,280:
 *
 *   universal   capacities divided by their greatest common divisor, scaled to multiples of 256;
 *               ratios are exact when the reduced capacities sum to at most 255, else within 1/255
 *               (largest remainders over 255 units, at least one each). More than 255 nodes:
 *               largest remainders over 65,535.
 *   raw         the capacity is the weight
 *
 * Pure: no I/O, clock or float. */
#pragma once
#include "srvplan/inventory.h"
#include "zones/base/error.h"

/* Fills weights[0..count) from capacities[0..count) (1..10^9 each), count 1..65,535; ties go to
 * the lower index. On failure writes nothing. ERROR_INVALID: a capacity is 0, or `raw` has one
 * above 65,535. */
NODISCARD bool weights_from_capacities(enum weights_scale scale, const uint32_t *capacities,
                                       uint32_t count, uint16_t *weights, struct error *err);

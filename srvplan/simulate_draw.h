/* SPDX-License-Identifier: GPL-3.0-or-later */
/* simulate_draw: so many clients drawn at random from exact shares, to see how far a crowd of that
 * size strays from what is expected (Monte Carlo).
 *
 * The same seed gives the same crowd on every machine: splitmix64 (Steele, Lea, Flood 2014) makes
 * 53 random bits a client. A forecast for people, so floats are fine. */
#pragma once
#include "srvplan/rational.h"

enum {
    SIMULATE_DRAW_MAX = 1000000 /* clients: a tenth of a second */
};

/* Fills counts[0..count); returns how many clients came to nobody, where shares sum to less than 1.
 */
uint64_t simulate_draw(const struct rational *shares, uint32_t count, uint64_t clients,
                       uint64_t seed, uint64_t *counts);

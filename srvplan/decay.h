/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decay: how long caches keep sending people to a record that is no longer published.
 *
 * A forecast for people, so floats are fine here; nothing that is published depends on it.
 *
 * A cache that was filled at a random moment holds a set for up to its TTL T, so u seconds after
 * the withdrawal the part of busy caches that still have it is (1 - u/T), a straight line to 0 at
 * T. What bends the line is modelled one by one, and all of it stays a sum of such lines, so that
 * every integral has a closed form:
 *
 *   lowered TTL      T0 was lowered to T1 x seconds before: a part 1 - x/T0 still holds the old
 *                    TTL and ends at T0 - x, the rest ends at T1
 *   resolvers        classes that clamp a TTL to min..max (8.74 % of 8,524 resolvers extended
 *                    TTLs: Moura et al., PAM 2023)
 *   client cache     a program that keeps an answer C seconds without counting down the TTL that
 *                    was left (Openfire and Tigase: 60 s): the mean over the last C seconds
 *   publication      d seconds until the last authority has the new set
 *
 * A quiet cache, asked λ times a second, holds a set only a part h = λT/(1+λT) of the time. */
#pragma once
#include "srvplan/inventory.h"

struct decay {
    uint32_t ttl_s;          /* of the last set that named the node: T1 */
    uint32_t ttl_before_s;   /* T0, as long as it was not lowered; 0: it was not */
    uint32_t lowered_s;      /* x: how long before the withdrawal it was lowered */
    uint32_t publish_s;      /* d */
    uint32_t client_cache_s; /* C; 0: none */
    const struct inventory_resolver_class *resolvers; /* what they leave of 1 clamps nothing */
    uint32_t resolver_count;
};

/* The part of busy caches that still hold the record, after_s seconds after the withdrawal: 1 at
 * and before 0, never rising, exactly 0 at decay_end_s and behind it. */
double decay_stale(const struct decay *decay, double after_s);

/* When the last cache of the model is clean. */
double decay_end_s(const struct decay *decay);

/* The area under decay_stale from 0 on, in seconds: with Λ new connections a second and a share s
 * before, Λ·s·area of them come to the node after the withdrawal. */
double decay_area_s(const struct decay *decay);

/* h: the part of the time that a cache asked rate_per_s times a second holds a set. */
double decay_cache_fill(double rate_per_s, double ttl_s);

/* Clients that use what they stored last and ask only behind it, whatever the TTL was
 * (stale-while-revalidate): the part that has not reconnected yet. */
double decay_stored(double reconnects_per_s, double after_s);

/* Resolvers that ask alike. */
struct decay_askers {
    double count;
    double rate_per_s; /* look-ups that each one gets from its users */
};

/* Queries a second that reach the authorities for one set: Σ n·λ/(1+λT). */
double decay_query_load(const struct decay_askers *askers, uint32_t count, double ttl_s);

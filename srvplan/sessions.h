/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sessions: what DNS cannot move: the connections that a node has already.
 *
 * DNS steers the flow of new connections, XMPP sessions are a stock: dN/dt = Λ·s - μ·N with Λ new
 * connections a second, the node's share s of them, and 1/μ the mean life of a session. A drained
 * node is left at the pace of μ: with a mean life of 24 h, 90 % are gone after 55 h. Who cannot
 * wait that long ends sessions, at a pace that the others bear. Forecasts: floats are fine here.
 */
#pragma once
#include "srvplan/decay.h"

/* A node that stays, while another one's users come over. */
struct sessions_survivor {
    double share;             /* of new connections, without the other node */
    double login_limit_per_s; /* new logins that it bears */
};

/* N(t) of N(0) when nobody new comes: e^(-t/life). */
double sessions_left(double mean_life_s, double after_s);

/* When only `fraction` (above 0, below 1) of them is left: life·ln(1/fraction). */
double sessions_left_after_s(double mean_life_s, double fraction);

/* The sessions of a node, as a multiple of those it had, after_s seconds after its record was
 * withdrawn: it was in balance (N = Λ·s/μ), and caches still bring what `decay` says. */
double sessions_during_drain(const struct decay *decay, double mean_life_s, double after_s);

/* How many sessions a second may be ended so that the survivors bear their logins, beside
 * arrivals_per_s that come anyway: min of (limit - Λ·share)/share; 0 when one of them is at its
 * limit already. Infinite when nobody gets a share. */
double sessions_kick_pace(const struct sessions_survivor *survivors, uint32_t count,
                          double arrivals_per_s);

/* A node that comes back empty is level again after within_s only with a greater share than its
 * own: target/(1 - e^(-within/life)), at most 1. */
double sessions_return_share(double target_share, double mean_life_s, double within_s);

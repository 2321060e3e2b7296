/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forecast: what time does to a pool: caches, sessions, queries.
 *
 * Puts the numbers of the inventory (TTLs, grace, resolver profile, life of sessions, logins that a
 * node bears) into decay.h and sessions.h. What the inventory does not say is assumed, and said to
 * be: resolvers 91 % exact and 9 % that stretch TTLs, sessions of 24 hours. Floats, for people. */
#pragma once
#include "srvplan/sessions.h"
#include "srvplan/simulate.h"

/* One way in which a record may leave, as a curve. */
struct forecast_curve {
    const char *id; /* "published", "resolvers", "client-cache", "lowered" */
    const char *label;
    struct decay decay;
    double end_s;  /* when the last cache of the model is clean */
    double safe_s; /* that and the grace, whole seconds up */
    double area_s; /* seconds' worth of connections that still come */
};

enum {
    FORECAST_CURVES = 4,
    FORECAST_TTLS = 8,
};

/* What another TTL would cost and bring. */
struct forecast_ttl {
    uint32_t ttl_s;
    bool is_present, is_drain; /* the set's own, the one of drains */
    double safe_s;             /* of a withdrawal at once */
    double area_s;
    double queries_per_s; /* for the look-ups of the example, or of the clients */
};

/* What a drain of one node means for its sessions and for the others. */
struct forecast_drain {
    bool has_pace;       /* every survivor says how many logins it bears */
    double pace_per_s;   /* infinite: nobody is left to be protected */
    double sessions;     /* of the node, in balance; 0: clients are not known */
    double evict_s;      /* sessions at that pace; 0: not known, infinite: no pace */
    double return_share; /* within a fourth of a life, to be level again */
};

struct forecast {
    struct forecast_curve curves[FORECAST_CURVES];
    uint32_t curve_count;
    struct forecast_ttl ttls[FORECAST_TTLS];
    uint32_t ttl_count;
    struct forecast_drain *drains; /* by node */
    double mean_life_s;
    bool is_life_assumed, is_profile_assumed;
    double arrivals_per_s; /* Λ: clients / mean life; 0: clients are not known */
    double lookups_per_s;  /* what queries_per_s is for: Λ, or an example of this size */
    double stored_ppb;     /* part of the audience whose program keeps answers without end */
    double located_ppb;    /* … that goes back to the address of its session first */
};

struct forecast_question {
    const struct simulate_pool *pool;
    const struct audience *audience;
    const struct rational *shares;         /* of the audience, by node */
    const struct rational *const *without; /* by node: shares when its records are out, or NULL */
    uint64_t clients;                      /* 0: not known */
};

void forecast_make(const struct forecast_question *question, struct arena *arena,
                   struct forecast *forecast);

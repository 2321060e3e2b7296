/* SPDX-License-Identifier: GPL-3.0-or-later */
/* audience: which programs connect, and which part of the users has each.
 *
 * An inventory says it in `policy.audience` or a domain's `audience`: name → part. A name is a
 * program (client_profiles.def) or a model of shares.h; of a name that is both, the program is
 * meant, which knows how it joins xmpp-* and xmpps-*. Programs of users count for xmpp-client and
 * xmpps-client, servers for xmpp-server and xmpps-server, models for every service; so one audience
 * can describe both kinds, and the parts of each kind are at most 1. Whoever is not named is taken
 * for somebody who does what RFC 2782 means: plackett-luce over one set of both services
 * (XEP-0368). */
#pragma once
#include "srvplan/inventory.h"
#include "srvplan/shares.h"

enum client_role {
    CLIENT_OF_USERS,   /* asks for xmpp-client */
    CLIENT_OF_SERVERS, /* asks for xmpp-server */
    CLIENT_OTHER,      /* of a service that is not XMPP: models alone */
};

struct client_profile {
    const char *id;    /* in inventories: "dino" */
    const char *name;  /* "Dino" */
    const char *model; /* NULL: connects to all records at once */
    enum share_merge merge;
    const char *source; /* where in its source it is written */
    const char *note;   /* what else to know, or NULL */
    uint32_t timeout_ms, cache_s;
    uint16_t apex_port;
    bool is_server;
    bool is_one_shot, is_stored, has_location;
};
extern const struct client_profile client_profiles[];
extern const size_t client_profile_count;

/* NULL: no program of that role has the id. */
const struct client_profile *client_profile_find(struct text id, enum client_role role);

/* Every name that an audience may have: programs, then models; NULL behind the last. */
const char *audience_name_at(size_t index);

/* Whether an audience may name it, and what was probably meant when not (empty: nothing near). */
bool audience_name_is_known(struct text name);
struct text audience_name_nearest(struct text name);

/* One kind of client. */
struct audience_part {
    struct text name;                     /* as declared; "plackett-luce" of the rest */
    const struct client_profile *profile; /* NULL: a model */
    const struct client_model *model;     /* NULL: connects to all records at once */
    enum share_merge merge;
    uint32_t part_ppb;
    bool is_rest; /* those that the audience does not name */
};

/* The id of its model, "all-at-once" without one. */
const char *audience_part_model(const struct audience_part *part);

struct audience {
    const struct audience_part *parts; /* as declared, the rest last; without those of 0 */
    uint32_t count;                    /* at least 1 */
    bool is_declared;                  /* it names somebody of that role */
};

/* What the declared audience says about one role. The parts sum to RATIO_ONE; names that are not
 * known are left out (the loader has refused them). */
struct audience audience_of(const struct inventory_audience *declared, enum client_role role,
                            struct arena *arena);

/* The sum of the declared parts of a role, for the check that it is at most RATIO_ONE. */
uint64_t audience_declared_ppb(const struct inventory_audience *declared, enum client_role role);

/* Every program of the role (of no XMPP service: every model), each with part 0, for tables. */
struct audience audience_of_all(enum client_role role, struct arena *arena);

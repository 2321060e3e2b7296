/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lint_view: records and plans as the rules of lint see them; only the files of lint include it.
 *
 * lint_from_records and lint_from_plan build the same view, so that a rule is written once. Of a
 * plan, sets are declared sets and a domain stands for all that have the same sets; its records are
 * the static ones of the zones. */
#pragma once
#include "srvplan/intern.h"
#include "srvplan/lint.h"
#include "zones/rrtype.h"

#define LINT_NONE UINT32_MAX

enum {
    LINT_MAX_PER_RULE = 100, /* findings of one rule; the rest is counted: nobody reads on */
};

/* Which of the services of XMPP a set is. */
enum lint_kind {
    LINT_CLIENT,
    LINT_CLIENT_TLS,
    LINT_SERVER,
    LINT_SERVER_TLS,
    LINT_OTHER,
    LINT_XMPP_KINDS = LINT_OTHER,
};

/* Where something stands; a zeroed place is the input as a whole. */
struct lint_place {
    const char *file;
    uint32_t line;
    const char *pointer;
};

static inline struct lint_place lint_place_of(const struct lint_record *record)
{
    return (struct lint_place){record->file, record->line, record->pointer};
}

/* A host that records name. */
struct lint_host {
    struct name name;
    const struct bytes *addresses; /* of 4 or 16 bytes */
    uint32_t ipv4_count, ipv6_count;
    bool is_known;     /* we would know an address if it had one */
    bool is_outside;   /* in no zone of ours; without zones, nothing is */
    bool is_target;    /* of an SRV record; else a name server's */
    const char *alias; /* "a CNAME", "below the DNAME at x.": or NULL */
    struct lint_place place;
};

struct lint_srv {
    uint16_t priority, weight, port;
    uint32_t ttl_s;
    struct name target;
    uint32_t host;       /* LINT_NONE: "." */
    uint32_t node;       /* of a plan, else INVENTORY_NONE */
    bool weight_is_said; /* by a person: in a zone file, or on the node */
    struct lint_place place;
};

struct lint_set {
    enum lint_kind kind;
    struct name owner, domain; /* of a plan: of the first domain that has it */
    const char *label;         /* for messages */
    uint32_t domain_count;
    uint32_t longest_owner_bytes;
    const struct lint_srv *items; /* by priority */
    uint32_t count;
    uint32_t ttl_s;   /* the least */
    bool is_null;     /* its only target is "." */
    bool is_mux;      /* TLS and STARTTLS share a port */
    uint32_t service; /* of a plan, else INVENTORY_NONE */
    struct lint_place place;
};

struct lint_domain {
    struct name name;
    const char *label;
    uint32_t domain_count;
    uint32_t sets[LINT_XMPP_KINDS]; /* or LINT_NONE */
    bool is_component;
    struct lint_place place;
};

struct lint {
    struct findings *findings;
    struct arena scratch;
    enum lint_input input;
    enum lint_extent extent;
    uint32_t found[LINT_COUNT];

    const struct plan *plan; /* NULL: records only */
    enum layout_need need;
    const struct lint_records *given; /* NULL: a plan */

    const struct lint_record *records; /* by owner in canonical order, then type */
    uint32_t record_count;
    bool is_signed; /* there are keys or signatures */

    const struct name *apexes; /* of zones of ours, in canonical order */
    uint32_t apex_count;

    struct intern host_names;
    struct lint_host *hosts; /* by number in host_names */
    size_t host_capacity;

    struct lint_set *sets;
    uint32_t set_count;
    size_t set_capacity;
    struct lint_domain *domains; /* records: in canonical order */
    uint32_t domain_count;
    uint32_t *domain_of; /* of a plan: by inventory domain, its number in domains[] */
};

/* ---- lint.c ---- */

/* A finding by its row. Over LINT_MAX_PER_RULE it is only counted. */
void lint_find(struct lint *lint, enum lint_id id, const struct lint_place *place,
               const char *format, ...) PRINTF_LIKE(4, 5);

static inline const struct lint_set *
lint_set_of(const struct lint *lint, const struct lint_domain *domain, enum lint_kind kind)
{
    uint32_t set = domain->sets[kind];
    return set == LINT_NONE ? NULL : &lint->sets[set];
}

static inline bool lint_is_live(const struct lint_set *set)
{
    return set && !set->is_null && set->count > 0;
}

/* ---- lint_records.c ---- */

/* The first record of that owner, and type unless it is 0; or NULL. Those of an owner follow. */
const struct lint_record *lint_record_find(const struct lint *lint, struct name owner,
                                           uint16_t type);
/* True when the name or one below it has a record, here or in the plan. */
bool lint_name_exists(const struct lint *lint, struct name name);
/* True when the plan publishes something but a CNAME at that very name. */
bool lint_plan_publishes(const struct lint *lint, struct name name);
/* The longest zone of ours that the name is in: its number in apexes[], or in the inventory of a
 * plan; LINT_NONE: none. */
uint32_t lint_zone_of(const struct lint *lint, struct name name);
bool lint_apex_of(const struct lint *lint, struct name name, struct name *apex);

/* Turns records into sets, domains and hosts of the view. */
void lint_take_records(struct lint *lint, const struct lint_record *items, uint32_t count);
void lint_take_domains(struct lint *lint);

/* The labels before the domain: LINT_OTHER for those of no service of XMPP. */
enum lint_kind lint_kind_of(struct name owner, struct name *domain);

/* The number of a host, which is added when it is new. */
uint32_t lint_host_add(struct lint *lint, struct name name, const struct lint_place *place);
/* What the records say of the hosts: addresses, aliases, whether they are ours. */
void lint_hosts_settle(struct lint *lint);
const struct lint_domain *lint_domain_find(const struct lint *lint, struct name name);

/* ---- lint_from_plan.c ---- */
void lint_take_plan(struct lint *lint);

/* ---- the rules ---- */
void lint_owners(struct lint *lint);  /* N01-N04, N12, N13 */
void lint_targets(struct lint *lint); /* N05-N09, N10, N11, N14 */
void lint_ports(struct lint *lint);   /* X01-X03 */
void lint_xmpp(struct lint *lint);    /* X04-X07, X11-X14 */
void lint_pools(struct lint *lint);   /* X17 */
void lint_weights(struct lint *lint); /* X08-X10, X15 */
void lint_clients(struct lint *lint); /* X16 */
void lint_time(struct lint *lint);    /* T01-T07 */
void lint_size(struct lint *lint);    /* S01-S03 */
/* X14, T08 */
void lint_host_metas(struct lint *lint, const struct lint_host_meta *files, uint32_t count);

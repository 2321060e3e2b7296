/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inventory_read: what the files that read an inventory share; nobody else includes it.
 *
 * Each object of the format is a table of key_row: the key, who reads its value, and where the
 * value goes. A key without a reader is one of the schema that this version does not act on yet.
 * Readers report mistakes and go on, so that one run finds all of them; what a mistake leaves
 * uncertain is marked, so that it does not drag false mistakes behind it.
 *
 * Order of reading: services and tiers, then what refers to them (defaults, policy, domains,
 * zones, nodes), then what refers to nodes (selections, windows, assertions), then checks that need
 * everything. */
#pragma once
#include "srvplan/inventory.h"
#include "srvplan/mistakes.h"
#include "srvplan/nearest.h"

#include <jansson.h>

/* A hint costs a look at every id; with more mistakes than this, hints are the least problem. */
enum {
    HINTS_MAX = 200
};

enum {
    DRAIN_TTL_S = 60 /* of a domain while one of its nodes is drained, unless declared */
};

enum {
    COMPONENTS_MAX = 256, /* of one domain; servers have a handful */
};

enum {
    SERVICES_MAX = 256,              /* each node has a port, a weight and a flag for each */
    NODES_MAX = 65535,               /* an RRset of 64 KiB holds about 2,000 */
    SELECTION_MEMBERS_MAX = 4000000, /* of all selections together: 16 MiB */
};

struct optional {
    bool given;
    int64_t value;
};

struct index_list {
    bool given;
    const uint32_t *items; /* ascending */
    uint32_t count;
};

struct address_list {
    const uint8_t (*ipv4)[4];
    uint32_t ipv4_count;
    const uint8_t (*ipv6)[16];
    uint32_t ipv6_count;
};

struct soa_settings {
    struct name mname, rname; /* len 0: not given */
    struct optional refresh_s, retry_s, expire_s, minimum_s, serial, at_least;
};

/* What `defaults` and a zone have in common. */
struct zone_settings {
    struct inventory_name_server *name_servers;
    uint32_t name_server_count; /* 0: not given */
    struct soa_settings soa;
    struct optional ttl_s;
    json_t *records; /* of a zone alone */
};

struct declared_zone {
    struct name apex;
    const char *key;
    uint32_t number; /* in the order of the file */
    struct zone_settings settings;
};

struct session_settings {
    struct optional mean_life_s, login_rate_milli;
};

struct resolver_list {
    const struct inventory_resolver_class *items;
    uint32_t count;
};

/* A domain, or a component of one: the latter is all its parent is, but for name and services. */
struct domain_entry {
    struct name name;
    const char *key;
    json_t *value;
    uint32_t number;       /* in the order of the file; components stand behind all domains */
    uint32_t component_of; /* index of its parent, or INVENTORY_NONE */
    uint32_t component;    /* position in the parent's `components` */
    struct optional ttl_s;
    struct name *zones; /* in the order of the file */
    uint32_t zone_count;
    bool zone_is_list;
    struct index_list services;
    json_t *selectors; /* NULL: all nodes */
    uint32_t selection;
    struct name *components; /* below the domain, each with a root of its own; len 0: a mistake */
    uint32_t component_count;
    struct inventory_audience audience;
    struct text bosh, websocket;
    bool is_uncertain; /* its services or nodes have a mistake */
};

/* A host with its addresses, wherever the file gives them: they must agree. */
struct host_use {
    struct name host;
    struct address_list addresses;
    struct inventory_name_server *name_server; /* NULL: a node */
    struct place place;
};

struct load {
    struct inventory *inventory;
    struct arena *arena;  /* the inventory's */
    struct arena scratch; /* for the time of loading */
    struct mistakes mistakes;
    const struct inventory_source *source; /* the files */

    bool *service_has_port; /* by index: the file says it */
    bool *service_is_uncertain, *tier_is_uncertain, *node_is_uncertain;    /* by index */
    bool services_are_uncertain, tiers_are_uncertain, nodes_are_uncertain; /* the whole object */
    bool domains_are_uncertain;

    struct zone_settings defaults; /* ttl, name_servers, soa */
    struct optional default_capacity, default_drain_ttl_s;
    uint32_t default_tier; /* INVENTORY_NONE: not given */
    bool default_tier_is_uncertain;
    struct index_list default_services;
    struct name base; /* len 0: there is none */
    bool base_is_uncertain;

    bool *marks;        /* by node, of the selection in the making */
    size_t members;     /* of all selections, before equal ones were found */
    json_t *assertions; /* of policy.guard, until the nodes are known */

    struct domain_entry *domains; /* in canonical order */
    uint32_t domain_count;
    uint32_t declared_domain_count; /* without components */
    struct declared_zone *zones;    /* in canonical order */
    uint32_t zone_count;
    struct host_use *hosts;
    size_t host_count, host_capacity;
};

struct key_row;
typedef void key_reader(struct load *load, const struct place *place, json_t *value,
                        const struct key_row *row, void *field);

struct choice {
    const char *name; /* NULL ends the table */
    int value;
    bool is_missing; /* of the schema, but this version does not act on it yet */
};

struct key_row {
    const char *key;  /* NULL ends the table */
    key_reader *read; /* NULL: of the schema, but this version does not act on it yet */
    size_t field;     /* offset of the value in the struct that is read into */
    int64_t min, max; /* of a number */
    const struct choice *choices;
    const char *example; /* the key is required: a value of it, as JSON; NULL: it is not */
};

/* ---- inventory_values.c: values of any kind ---- */

/* Reads an object by its table into the struct at `into`. False: it is no object. */
bool object_read(struct load *load, const struct place *place, json_t *value,
                 const struct key_row *rows, void *into);

key_reader read_integer;  /* struct optional; min..max */
key_reader read_duration; /* struct optional; seconds, at least row->min */
key_reader read_boolean;  /* struct optional */
key_reader read_choice;   /* struct optional */
key_reader read_string;   /* struct text */
key_reader read_comment;  /* a string, for people only */
key_reader read_anything; /* likewise, of any type */
key_reader read_tree;     /* json_t *: to be read later */

/* The value for a message: "a list", "the number 1.5", "the string "x"". */
const char *describe(struct load *load, const json_t *value);

/* Reports a value of the wrong type: "expected WHAT, found …". Returns false. */
bool expected(struct load *load, const struct place *place, const char *what, const json_t *value);

bool expected_as(struct load *load, const struct place *place, const char *what, const char *mend,
                 const json_t *value); /* with a mend of its own */
bool object_expected(struct load *load, const struct place *place, const json_t *value);

/* A list of at least min_items. */
bool list_expected(struct load *load, const struct place *place, const json_t *value,
                   size_t min_items);

/* Reports what the schema knows and we do not act on: "WHAT is not supported yet …". */
void unsupported(struct load *load, const struct place *place, struct text what);

/* Reports `id` as an unknown `kind`; nearest has considered the known ones. */
void unknown_id(struct load *load, const struct place *place, const char *kind,
                const struct nearest *nearest);

/* Checks a key of tiers, services, nodes, windows or assertions: a-z, 0-9, "-", at most 63. */
bool id_check(struct load *load, const struct place *place, const char *id);

struct entry {
    const char *key;
    json_t *value;
    uint32_t number; /* in the order of the file */
};
/* The members of an object by key, in scratch. */
struct entry *entries_sorted(struct load *load, json_t *object, uint32_t *count);

static inline struct text json_text(const json_t *string)
{
    return (struct text){json_string_value(string), json_string_length(string)};
}

static inline bool hints_wanted(const struct load *load)
{
    return load->mistakes.count < HINTS_MAX;
}

/* ---- inventory_ratio.c: parts of a whole ---- */
key_reader read_ratio; /* struct optional; parts per billion, at least row->min (0 or 1) */
const char *ratio_print(struct load *load, uint64_t ppb); /* "35.5 %" */

/* ---- inventory_names.c: domain names and addresses ---- */
bool name_read(struct load *load, const struct place *place, struct text text, struct name *name);
key_reader read_name;      /* struct name */
key_reader read_addresses; /* struct address_list; row->min items at least */

/* ---- inventory_read_document.c: the top of the document ---- */
void document_read(struct load *load, json_t *tree);

/* ---- inventory_read_policy.c ---- */
void policy_read(struct load *load, const struct place *place, json_t *policy);
void assertions_read(struct load *load, const struct place *policy); /* after nodes_read */

/* ---- inventory_read_audience.c ---- */
key_reader read_audience;  /* struct inventory_audience */
key_reader read_sessions;  /* struct session_settings */
key_reader read_resolvers; /* struct resolver_list */
struct inventory_sessions sessions_over(struct inventory_sessions usual,
                                        const struct session_settings *own);

/* ---- inventory_read_services.c: services and tiers ---- */
void services_read(struct load *load, const struct place *place, json_t *services);
void tiers_read(struct load *load, const struct place *place, json_t *tiers);
key_reader read_service_list; /* struct index_list */
void absent_check(struct load *load, const struct place *place, json_t *listed);
uint32_t service_get(struct load *load, const struct place *place, struct text id); /* or NONE */
uint32_t tier_get(struct load *load, const struct place *place, struct text id);    /* or NONE */

/* ---- inventory_read_zones.c ---- */
key_reader read_name_servers; /* struct zone_settings */
key_reader read_soa;          /* struct soa_settings */
void zones_read(struct load *load, const struct place *place, json_t *zones);
void zones_build(struct load *load); /* all zones of the model */
void host_use_add(struct load *load, const struct host_use *use);
void hosts_check(struct load *load); /* addresses agree, name servers have theirs */

/* ---- inventory_read_records.c ---- */
void records_read(struct load *load, const struct place *zones); /* after hosts_check */

/* ---- inventory_read_nodes.c ---- */
void nodes_read(struct load *load, const struct place *place, json_t *nodes);

/* ---- inventory_read_domains.c ---- */
void domains_read(struct load *load, const struct place *place, json_t *domains);
void domains_build(struct load *load); /* after zones_build and selections_build */

void domains_sort(struct load *load);

/* Where it stands in the file, for messages; `domains` is the place of all. */
struct place domain_place(struct load *load, const struct domain_entry *domain,
                          const struct place *domains);

/* ---- inventory_read_components.c ---- */
key_reader read_components;                                          /* struct domain_entry */
void components_add(struct load *load, const struct place *domains); /* to the domains read */

/* ---- inventory_read_windows.c ---- */
void windows_read(struct load *load, const struct place *place, json_t *windows);

/* ---- inventory_selections.c ---- */
void selections_build(struct load *load);

/* The nodes that a list of selectors means, without those that are off. False: one of them means
 * no node at all, or is none, or the nodes are uncertain; mistakes are reported. */
bool nodes_select(struct load *load, const struct place *place, json_t *selectors,
                  struct index_list *nodes);

/* ---- inventory_check.c ---- */
void sets_check(struct load *load); /* nobody is left out, priorities fit */

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layout_build: what the files behind layout_build share while a layout is in the making; nobody
 * else includes it.
 *
 * The steps, in order: layout_hosts (which host belongs to which zone, with which addresses),
 * layout_declared (SRV sets, shared), layout_scale (can they be weighed?), layout_pools (do tiers
 * stay apart?), layout_fixed (A, AAAA, NS, SOA sets, which stand behind the declared ones),
 * layout_records (the zones' own records, likewise), layout_names (owner names in order, types,
 * classes of zones), layout_aliases (what CNAMEs lead to). */
#pragma once
#include "srvplan/intern.h"
#include "srvplan/layout.h"

/* A host that a node or a name server names. */
struct layout_host {
    struct name name;
    uint32_t zone; /* the zone of ours that holds its addresses, or INVENTORY_NONE */
    const uint8_t (*ipv4)[4];
    uint32_t ipv4_count;
    const uint8_t (*ipv6)[16];
    uint32_t ipv6_count;
    uint32_t ipv4_set, ipv6_set; /* content sets, or CONTENT_NONE */
    bool is_in_conflict;         /* reported already */
};

/* One set at one owner. */
struct layout_entry {
    struct name owner;
    uint32_t zone;
    uint32_t set;
    enum content_kind kind;
    uint16_t type;
};

struct layout_zone_sets {
    uint32_t soa, negative;
    uint32_t ns; /* CONTENT_NONE: no name servers */
};

struct layout_work {
    const struct inventory *inventory;
    struct findings *findings;
    struct layout *layout;
    struct arena *arena;  /* the layout's */
    struct arena scratch; /* ends with the work */
    enum layout_need need;

    struct layout_host *hosts; /* by number in host_names */
    struct intern host_names;
    size_t host_capacity;
    uint32_t *host_order; /* canonical */
    uint32_t *node_hosts; /* by node */

    struct declared_set *declared;
    size_t declared_capacity;
    uint32_t *declared_zone;  /* by declared set: a zone that its owners stand in */
    uint32_t *declared_votes; /* for the usual length of an owner */
    size_t zone_capacity, vote_capacity;

    struct content_set *fixed;
    struct digest *fixed_keys;
    size_t fixed_capacity, key_capacity;
    struct layout_zone_sets *zone_sets; /* by zone */
    uint32_t **record_sets;             /* by zone, of those that have records: sets by record */

    struct layout_entry *entries;
    size_t entry_count, entry_capacity;
};

/* Bytes of a key under construction: every part has a fixed size or its length before it. */
struct layout_key {
    struct arena *arena;
    uint8_t *ptr;
    size_t len, capacity;
};
void layout_key_u32(struct layout_key *key, uint32_t value);
void layout_key_bytes(struct layout_key *key, struct bytes bytes);
static inline struct bytes layout_key_end(const struct layout_key *key)
{
    return (struct bytes){key->ptr, key->len};
}

/* A finding about `name` under `section` ("domains", "zones", …). */
void layout_find(struct layout_work *work, const struct finding *finding, const char *section,
                 struct text name);
struct text layout_name_text(struct layout_work *work, struct name name); /* without final dot */

/* Whether a node is in the sets of a service: it offers it, and is not off. */
bool layout_is_member(const struct inventory_node *node, uint32_t service);

void layout_hosts(struct layout_work *work);
uint32_t layout_host_of(const struct layout_work *work, struct name name);
void layout_declared(struct layout_work *work);
void layout_scale(struct layout_work *work);
void layout_pools(struct layout_work *work);
void layout_fixed(struct layout_work *work);

/* The zones' own records come in two rounds, since hosts may have addresses there that others
 * carry. */
enum layout_round {
    LAYOUT_ADDRESSES,
    LAYOUT_OTHERS,
};
void layout_records(struct layout_work *work, enum layout_round round);

void layout_names(struct layout_work *work);
void layout_aliases(struct layout_work *work);

/* Appends a set behind the declared ones; returns its number among all content sets. `owner` is
 * part of its key: empty unless the set belongs to one owner alone. */
uint32_t layout_fixed_add(struct layout_work *work, const struct content_set *set,
                          struct name owner);

void layout_entry_add(struct layout_work *work, const struct layout_entry *entry);

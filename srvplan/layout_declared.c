/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/layout_build.h"
#include "srvplan/lint.h"
#include "srvplan/weights.h"
#include "zones/rrtype.h"

#include <stdlib.h>
#include <string.h>

/* What finds a declared set without reading its members: owners that agree here share it. Owners
 * that do not may share it still, by the digest of its inputs. */
struct quick_key {
    uint32_t service, selection, ttl_s, drain_ttl_s;
    uint32_t zone; /* INVENTORY_NONE when it holds no target at all */
};

struct declared_work {
    struct layout_work *work;
    struct intern quick, digests;
    uint32_t *by_quick; /* declared set by number of its quick key */
    size_t quick_capacity;
    bool *zone_has_targets; /* by zone */
    struct absent {         /* services, ascending */
        uint32_t *services;
        uint32_t count;
    } absent, absent_s2s; /* of domains; of components, where clients never look */
    uint32_t *domain_sets;
    uint32_t domain_set_count;
};

bool layout_is_member(const struct inventory_node *node, uint32_t service)
{
    return node->state != NODE_OFF && node->offers[service];
}

static void key_of_member(struct layout_work *work, struct layout_key *key, uint32_t index,
                          const struct quick_key *quick)
{
    const struct inventory *inventory = work->inventory;
    const struct inventory_node *node = &inventory->nodes[index];
    const struct layout_host *host = &work->hosts[work->node_hosts[index]];
    uint16_t port = node->ports[quick->service];
    layout_key_bytes(key, (struct bytes){(const uint8_t *)node->id.ptr, node->id.len});
    layout_key_bytes(key, (struct bytes){node->host.wire, node->host.len});
    layout_key_u32(key, node->capacity);
    layout_key_u32(key, (uint32_t)node->weights[quick->service]);
    layout_key_u32(key, inventory->tiers[node->tier].priority);
    layout_key_u32(key, port ? port : inventory->services[quick->service].port);
    layout_key_u32(key, node->state);
    layout_key_u32(key, quick->zone != INVENTORY_NONE && host->zone == quick->zone);
}

/* What weights are made with, apart from the members: the factor of `stable` comes from all nodes.
 */
static void key_of_scale(struct layout_key *key, const struct inventory *inventory)
{
    const struct weights_policy policy = weights_policy_of(inventory);
    const uint64_t factor[] = {policy.factor_num, policy.factor_den};
    layout_key_u32(key, policy.scale);
    layout_key_u32(key, policy.scale == WEIGHTS_HAMILTON ? policy.hamilton_total : 0);
    layout_key_u32(key, policy.minimum);
    for (size_t i = 0; i < COUNT_OF(factor); i++) {
        layout_key_u32(key, (uint32_t)(factor[i] >> 32));
        layout_key_u32(key, (uint32_t)factor[i]);
    }
}

/* The digest of everything that decides the set: values and ids, never indices. */
static struct digest key_of(struct layout_work *work, const struct quick_key *quick)
{
    const struct inventory *inventory = work->inventory;
    const struct inventory_service *service = &inventory->services[quick->service];
    struct layout_key key = {.arena = &work->scratch};
    layout_key_bytes(&key, service->srv_labels);
    layout_key_u32(&key, quick->ttl_s);
    layout_key_u32(&key, service->is_absent);
    if (!service->is_absent) {
        const struct inventory_selection *selection = &inventory->selections[quick->selection];
        layout_key_u32(&key, quick->drain_ttl_s);
        layout_key_u32(&key, service->port);
        layout_key_u32(&key, (uint32_t)service->priority_offset);
        key_of_scale(&key, inventory);
        for (uint32_t i = 0; i < selection->node_count; i++)
            if (layout_is_member(&inventory->nodes[selection->nodes[i]], quick->service))
                key_of_member(work, &key, selection->nodes[i], quick);
    }
    return digest_of(layout_key_end(&key));
}

static uint32_t declared_add(struct declared_work *d, const struct quick_key *quick,
                             uint32_t domain, uint32_t zone)
{
    struct layout_work *work = d->work;
    struct digest key = key_of(work, quick);
    uint32_t known = d->digests.count;
    uint32_t number = intern_add(&d->digests, (struct bytes){key.byte, sizeof key.byte});
    if (number < known)
        return number;
    size_t need = (size_t)number + 1;
    work->declared = arena_grow(work->arena, work->declared, &work->declared_capacity, need,
                                sizeof *work->declared);
    work->declared_zone = arena_grow(&work->scratch, work->declared_zone, &work->zone_capacity,
                                     need, sizeof *work->declared_zone);
    work->declared_votes = arena_grow(&work->scratch, work->declared_votes, &work->vote_capacity,
                                      need, sizeof *work->declared_votes);
    work->declared[number] = (struct declared_set){
        .service = quick->service,
        .selection = work->inventory->domains[domain].selection,
        .ttl_s = quick->ttl_s,
        .drain_ttl_s = quick->drain_ttl_s,
        .domain = domain,
        .key = key,
    };
    work->declared_zone[number] = zone;
    return number;
}

static uint32_t declared_of(struct declared_work *d, uint32_t domain, uint32_t service,
                            uint32_t zone)
{
    const struct inventory_domain *in = &d->work->inventory->domains[domain];
    bool is_absent = d->work->inventory->services[service].is_absent;
    struct quick_key quick = {
        .service = service,
        .selection = is_absent ? INVENTORY_NONE : in->selection,
        .ttl_s = in->ttl_s,
        .drain_ttl_s = is_absent ? in->ttl_s : in->drain_ttl_s,
        .zone = !is_absent && d->zone_has_targets[zone] ? zone : INVENTORY_NONE,
    };
    uint32_t known = d->quick.count;
    uint32_t number = intern_add(&d->quick, (struct bytes){(const uint8_t *)&quick, sizeof quick});
    if (number == known) {
        d->by_quick = arena_grow(&d->work->scratch, d->by_quick, &d->quick_capacity,
                                 (size_t)number + 1, sizeof *d->by_quick);
        d->by_quick[number] = declared_add(d, &quick, domain, zone);
    }
    return d->by_quick[number];
}

/* Boyer and Moore's vote: a length that more than half of the owners have wins. */
static void vote(struct layout_work *work, uint32_t set, size_t owner_bytes)
{
    struct declared_set *declared = &work->declared[set];
    uint32_t *votes = &work->declared_votes[set];
    if (owner_bytes > declared->longest_owner_bytes)
        declared->longest_owner_bytes = (uint32_t)owner_bytes;
    if (*votes == 0)
        declared->usual_owner_bytes = (uint32_t)owner_bytes;
    if (declared->usual_owner_bytes == owner_bytes)
        ++*votes;
    else
        --*votes;
}

static void report_owner(struct layout_work *work, uint32_t domain, uint32_t service,
                         const char *code)
{
    const struct inventory_domain *in = &work->inventory->domains[domain];
    uint32_t declared = in->component_of == INVENTORY_NONE ? domain : in->component_of;
    struct text name = layout_name_text(work, in->name);
    struct text srv = work->inventory->services[service].srv;
    bool is_long = strcmp(code, lint_rows[LINT_N04].code) == 0;
    struct finding finding = {
        .severity = FINDING_ERROR,
        .code = code,
        .message = arena_printf(&work->scratch, "the record owner %.*s.%.*s %s", (int)srv.len,
                                srv.ptr, (int)name.len, name.ptr,
                                is_long ? "is longer than 255 octets" : "is in no zone of ours"),
        .mend = is_long
                    ? lint_rows[LINT_N04].mend
                    : arena_printf(&work->scratch, "add %.*s or _tcp.%.*s to the domain's \"zone\"",
                                   (int)name.len, name.ptr, (int)name.len, name.ptr),
    };
    layout_find(work, &finding, "domains",
                layout_name_text(work, work->inventory->domains[declared].name));
}

/* Where a domain's owners stand. */
struct domain_place {
    uint32_t zone;        /* of the domain itself */
    bool has_zones_below; /* zones of ours below it may take some of its owners */
};

/* Adds the set of one service at one domain. False: no zone has it, which is reported. */
static bool add_service(struct declared_work *d, uint32_t domain, uint32_t service,
                        struct domain_place place)
{
    struct layout_work *work = d->work;
    const struct inventory *inventory = work->inventory;
    struct name owner;
    if (!name_join(work->arena, inventory->services[service].srv_labels,
                   inventory->domains[domain].name, &owner)) {
        report_owner(work, domain, service, lint_rows[LINT_N04].code);
        return true;
    }
    uint32_t zone = place.has_zones_below ? inventory_zone_of(inventory, owner) : place.zone;
    if (zone == INVENTORY_NONE) {
        report_owner(work, domain, service, "owner-in-no-zone");
        return false;
    }
    uint32_t set = declared_of(d, domain, service, zone);
    vote(work, set, owner.len);
    work->declared[set].domain_count++;
    d->domain_sets[d->domain_set_count++] = set;
    layout_entry_add(
        work,
        &(struct layout_entry){
            .owner = owner, .zone = zone, .set = set, .kind = CONTENT_NAME, .type = RRTYPE_SRV});
    return true;
}

/* Its own services and the absent ones, in the order of services. */
static void add_domain(struct declared_work *d, uint32_t domain, struct domain_place place)
{
    const struct inventory_domain *in = &d->work->inventory->domains[domain];
    const struct absent *absent = in->component_of == INVENTORY_NONE ? &d->absent : &d->absent_s2s;
    uint32_t own = 0, next = 0;
    while (own < in->service_count || next < absent->count) {
        bool is_own = next == absent->count ||
                      (own < in->service_count && in->services[own] < absent->services[next]);
        uint32_t service = is_own ? in->services[own++] : absent->services[next++];
        if (!add_service(d, domain, service, place))
            return;
    }
}

static void note_absent(struct declared_work *d)
{
    const struct inventory *inventory = d->work->inventory;
    struct arena *scratch = &d->work->scratch;
    d->absent.services = arena_array(scratch, uint32_t, inventory->service_count);
    d->absent_s2s.services = arena_array(scratch, uint32_t, inventory->service_count);
    for (uint32_t i = 0; i < inventory->service_count; i++) {
        if (!inventory->services[i].is_absent)
            continue;
        d->absent.services[d->absent.count++] = i;
        if (inventory->services[i].is_s2s)
            d->absent_s2s.services[d->absent_s2s.count++] = i;
    }
}

static void note_targets(struct declared_work *d)
{
    const struct inventory *inventory = d->work->inventory;
    struct arena *scratch = &d->work->scratch;
    d->zone_has_targets = arena_array(scratch, bool, inventory->zone_count);
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        uint32_t zone = d->work->hosts[d->work->node_hosts[i]].zone;
        if (zone != INVENTORY_NONE)
            d->zone_has_targets[zone] = true;
    }
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static const struct layout_node_sets *node_sets(struct layout_work *work, uint32_t set_count)
{
    const struct inventory *inventory = work->inventory;
    struct layout_node_sets *nodes =
        arena_array(work->arena, struct layout_node_sets, inventory->node_count);
    for (uint32_t i = 0; i < set_count; i++) {
        const struct declared_set *set = &work->declared[i];
        const struct inventory_selection *selection = &inventory->selections[set->selection];
        if (inventory->services[set->service].is_absent)
            continue;
        for (uint32_t j = 0; j < selection->node_count; j++) {
            struct layout_node_sets *node = &nodes[selection->nodes[j]];
            if (!layout_is_member(&inventory->nodes[selection->nodes[j]], set->service))
                continue;
            node->count++;
            node->ttl_s = larger(node->ttl_s, set->ttl_s);
            node->drain_ttl_s = larger(node->drain_ttl_s, set->drain_ttl_s);
        }
    }
    return nodes;
}

void layout_declared(struct layout_work *work)
{
    const struct inventory *inventory = work->inventory;
    struct declared_work d = {
        .work = work, .quick = intern_over(&work->scratch), .digests = intern_over(&work->scratch)};
    note_targets(&d);
    note_absent(&d);
    size_t most = 0;
    for (uint32_t i = 0; i < inventory->domain_count; i++)
        most += inventory->domains[i].service_count + (size_t)d.absent.count;
    d.domain_sets = arena_array(work->arena, uint32_t, most);
    uint32_t *first = arena_array(work->arena, uint32_t, (size_t)inventory->domain_count + 1);
    /* Domains and zones both stand in canonical order, where what is below a name follows it. */
    uint32_t next_zone = 0;
    for (uint32_t i = 0; i < inventory->domain_count; i++) {
        struct name name = inventory->domains[i].name;
        while (next_zone < inventory->zone_count &&
               name_compare(inventory->zones[next_zone].apex, name) < 0)
            next_zone++;
        bool is_apex =
            next_zone < inventory->zone_count && name_equal(inventory->zones[next_zone].apex, name);
        uint32_t below = next_zone + is_apex;
        struct domain_place place = {
            .zone = is_apex ? next_zone : inventory_zone_of(inventory, name),
            .has_zones_below =
                below < inventory->zone_count && name_is_within(inventory->zones[below].apex, name),
        };
        first[i] = d.domain_set_count;
        add_domain(&d, i, place);
    }
    first[inventory->domain_count] = d.domain_set_count;
    work->layout->domain_sets = d.domain_sets;
    work->layout->domain_first = first;
    work->layout->declared = work->declared;
    work->layout->declared_count = d.digests.count;
    work->layout->node_sets = node_sets(work, d.digests.count);
}

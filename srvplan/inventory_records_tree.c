/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_records_build.h"
#include "zones/rrtype.h"

#include <stdlib.h>
#include <string.h>

/* The records of one owner: items[first] to items[end - 1]. */
struct owner {
    const struct records *records;
    uint32_t first, end;
    const struct inventory_record *cut; /* the delegation at or above it; NULL: none */
    bool is_cut;                        /* it is the delegation itself */
};

static const struct zonefile_record *find_type(const struct owner *owner, uint16_t type)
{
    for (uint32_t i = owner->first; i < owner->end; i++)
        if (owner->records->items[i].type == type)
            return &owner->records->items[i];
    return NULL;
}

/* ---- aliases ---- */

/* A CNAME stands alone (RFC 1034 section 3.6.2, RFC 2181 section 10.1). */
static void alias_check(const struct owner *owner)
{
    const struct records *records = owner->records;
    const struct zonefile_record *alias = find_type(owner, RRTYPE_CNAME);
    if (!alias)
        return;
    const char *name = name_shown(records, alias->owner);
    if (is_at_apex(records, alias)) {
        records_mistake(records, spot_of(alias), "record-beside-alias",
                        "write the records of the host that it names, or of its addresses",
                        "expected no alias (CNAME) at %s, since the zone itself has SOA and NS "
                        "records there; found one",
                        name);
        return;
    }
    for (uint32_t i = owner->first; i < owner->end; i++) {
        const struct zonefile_record *other = &records->items[i];
        if (other == alias)
            continue;
        records_mistake(records, spot_of(other), "record-beside-alias",
                        "remove the one or the other",
                        "expected nothing beside the alias (CNAME) at %s in line %u, found %s",
                        name, alias->line,
                        other->type == RRTYPE_CNAME
                            ? "a second one"
                            : arena_printf(&records->load->mistakes.arena, "a %s record",
                                           type_shown(records, other->type)));
        return;
    }
}

/* ---- delegations ---- */

/* Names of hosts that NS records of the zone name, sorted. */
struct servers {
    struct name *names;
    uint32_t count;
};

static int by_name(const void *left, const void *right)
{
    return name_compare(*(const struct name *)left, *(const struct name *)right);
}

static struct servers servers_of(const struct records *records)
{
    struct inventory_zone *zone = records->zone;
    struct arena *scratch = &records->load->scratch;
    uint32_t most = records->count + zone->name_server_count;
    struct servers servers = {.names = arena_array(scratch, struct name, most)};
    for (uint32_t i = 0; i < records->count; i++)
        if (records->items[i].type == RRTYPE_NS)
            servers.names[servers.count++] =
                (struct name){records->items[i].rdata.ptr, records->items[i].rdata.len};
    for (uint32_t i = 0; i < zone->name_server_count; i++)
        servers.names[servers.count++] = zone->name_servers[i].host;
    if (servers.count > 1)
        qsort(servers.names, servers.count, sizeof *servers.names, by_name);
    return servers;
}

static bool is_server(const struct servers *servers, struct name name)
{
    return servers->count &&
           bsearch(&name, servers->names, servers->count, sizeof name, by_name) != NULL;
}

/* At and below a delegation all is somebody else's, but NS, DS and glue. */
static void below_check(const struct owner *owner, const struct servers *servers)
{
    const struct records *records = owner->records;
    for (uint32_t i = owner->first; i < owner->end; i++) {
        const struct zonefile_record *record = &records->items[i];
        bool is_address = record->type == RRTYPE_A || record->type == RRTYPE_AAAA;
        if (owner->is_cut && (record->type == RRTYPE_NS || record->type == RRTYPE_DS))
            continue;
        if (is_address && is_server(servers, record->owner))
            continue;
        records_mistake(records, spot_of(record), "record-below-delegation",
                        "remove it here and publish it there, or remove the NS records",
                        "expected only the addresses of name servers below the delegation (NS) of "
                        "%s, found %s records at %s",
                        name_shown(records, owner->cut->owner), type_shown(records, record->type),
                        name_shown(records, record->owner));
        return;
    }
}

/* DS says how the zone below is signed (RFC 4034 section 5): without NS there is none. */
static void ds_check(const struct owner *owner)
{
    const struct records *records = owner->records;
    const struct zonefile_record *ds = find_type(owner, RRTYPE_DS);
    if (ds && !find_type(owner, RRTYPE_NS))
        records_mistake(records, spot_of(ds), "record-without-delegation",
                        "add the NS records of that zone, or remove it",
                        "expected NS records beside the DS record at %s, found none",
                        name_shown(records, ds->owner));
}

/* Whether a service of a domain has its SRV records at or below a delegation. */
static bool has_srv_below(const struct records *records, const struct domain_entry *domain,
                          struct name cut)
{
    struct load *load = records->load;
    for (uint32_t i = 0; i < load->inventory->service_count; i++) {
        const struct domain_entry *of;
        struct name owner;
        uint32_t service;
        if (name_join(&load->scratch, load->inventory->services[i].srv_labels, domain->name,
                      &owner) &&
            name_is_within(owner, cut) &&
            inventory_zone_of(load->inventory, owner) == records->number &&
            records_service_at(load, owner, &of, &service))
            return true;
    }
    return false;
}

/* The domain that loses SRV records to a delegation; NULL: none. It is below it, or the delegation
 * is one of `_tcp` or the like below the domain. */
static const struct domain_entry *domain_below(const struct records *records, struct name cut)
{
    struct load *load = records->load;
    struct name domain = cut;
    while (domain.wire[0] && domain.wire[1] == '_')
        domain = name_parent(domain);
    for (uint32_t i = records_domain_from(load, domain);
         i < load->domain_count && name_is_within(load->domains[i].name, domain); i++) {
        if (domain.len != cut.len && load->domains[i].name.len != domain.len)
            break; /* beside the delegation */
        if (has_srv_below(records, &load->domains[i], cut))
            return &load->domains[i];
    }
    return NULL;
}

/* What the inventory makes at or below a delegation, in words; NULL: nothing. */
static const char *made_below(const struct records *records, struct name cut)
{
    struct load *load = records->load;
    struct arena *arena = &load->mistakes.arena;
    for (size_t i = records_host_from(load, cut);
         i < load->host_count && name_is_within(load->hosts[i].host, cut); i++) {
        const struct host_use *use = &load->hosts[i];
        bool is_held = use->addresses.ipv4_count + use->addresses.ipv6_count > 0;
        if (is_held && inventory_zone_of(load->inventory, use->host) == records->number)
            return arena_printf(arena, "the host %s", name_shown(records, use->host));
    }
    const struct domain_entry *domain = domain_below(records, cut);
    return domain ? arena_printf(arena, "SRV records of the domain %s",
                                 name_shown(records, domain->name))
                  : NULL;
}

static void cut_check(const struct owner *owner)
{
    const struct records *records = owner->records;
    const struct zonefile_record *ns = find_type(owner, RRTYPE_NS);
    const char *name = name_shown(records, ns->owner);
    if (ns->owner.wire[0] == 1 && ns->owner.wire[1] == '*') {
        records_mistake(records, spot_of(ns), "record-wildcard-delegation",
                        "write a delegation for each name",
                        "expected no delegation (NS) at the wildcard %s, since it is not defined "
                        "what that means (RFC 4592); found one",
                        name);
        return;
    }
    const char *made = made_below(records, ns->owner);
    if (made)
        records_mistake(records, spot_of(ns), "record-hides-others",
                        "remove the NS records, or add the zone to \"zones\" if we serve it",
                        "expected no delegation (NS) of %s to others, since %s would be below it",
                        name, made);
}

static void owner_check(const struct owner *owner, const struct servers *servers)
{
    alias_check(owner);
    ds_check(owner);
    if (owner->is_cut)
        cut_check(owner);
    if (owner->cut)
        below_check(owner, servers);
}

void records_check_tree(const struct records *records)
{
    struct servers servers = servers_of(records);
    for (uint32_t i = 0, end; i < records->count; i = end) {
        struct name name = records->items[i].owner;
        for (end = i + 1; end < records->count; end++)
            if (!name_equal(records->items[end].owner, name))
                break;
        struct owner owner = {
            .records = records, .first = i, .end = end, .cut = inventory_cut(records->zone, name)};
        owner.is_cut = owner.cut && name_equal(owner.cut->owner, name);
        owner_check(&owner, &servers);
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/layout_build.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <string.h>

uint32_t layout_fixed_add(struct layout_work *work, const struct content_set *set,
                          struct name owner)
{
    uint32_t at = work->layout->fixed_count++;
    work->fixed = arena_grow(work->arena, work->fixed, &work->fixed_capacity, (size_t)at + 1,
                             sizeof *work->fixed);
    work->fixed_keys = arena_grow(&work->scratch, work->fixed_keys, &work->key_capacity,
                                  (size_t)at + 1, sizeof *work->fixed_keys);
    work->fixed[at] = *set;
    struct layout_key key = {.arena = &work->scratch};
    layout_key_u32(&key, set->type);
    layout_key_u32(&key, set->section);
    layout_key_u32(&key, set->ttl_s);
    layout_key_bytes(&key, (struct bytes){owner.wire, owner.len});
    for (uint32_t i = 0; i < set->count; i++)
        layout_key_bytes(&key, set->rdata[i]);
    for (uint32_t i = 0; i < set->additional_count; i++) {
        uint32_t other = set->additional[i].set - work->layout->declared_count;
        layout_key_bytes(&key, (struct bytes){work->fixed_keys[other].byte, DIGEST_SIZE});
    }
    work->fixed_keys[at] = digest_of(layout_key_end(&key));
    return work->layout->declared_count + at;
}

/* -- addresses ----------------------------------------------------------------------------------
 */

static uint32_t add_addresses(struct layout_work *work, const struct layout_host *host,
                              uint16_t type)
{
    size_t size = type == RRTYPE_A ? sizeof *host->ipv4 : sizeof *host->ipv6;
    const uint8_t *addresses = type == RRTYPE_A ? *host->ipv4 : *host->ipv6;
    uint32_t count = type == RRTYPE_A ? host->ipv4_count : host->ipv6_count;
    if (count == 0)
        return CONTENT_NONE;
    struct bytes *rdata = arena_array(work->arena, struct bytes, count);
    for (uint32_t i = 0; i < count; i++)
        rdata[i] = text_rdata_address(work->arena, (struct bytes){addresses + i * size, size});
    return layout_fixed_add(work,
                            &(struct content_set){
                                .type = type,
                                .section = CONTENT_ANSWER,
                                .ttl_s = work->inventory->zones[host->zone].ttl_s,
                                .count = count,
                                .rdata = rdata,
                                .usual_owner_bytes = (uint32_t)host->name.len,
                            },
                            host->name);
}

static void add_entry(struct layout_work *work, struct name owner, uint32_t zone, uint32_t set,
                      enum content_kind kind)
{
    if (set == CONTENT_NONE)
        return;
    uint16_t type = work->fixed[set - work->layout->declared_count].type;
    layout_entry_add(work, &(struct layout_entry){owner, zone, set, kind, type});
}

static void add_hosts(struct layout_work *work)
{
    for (uint32_t i = 0; i < work->host_names.count; i++) {
        struct layout_host *host = &work->hosts[work->host_order[i]];
        if (host->zone == INVENTORY_NONE)
            continue;
        host->ipv4_set = add_addresses(work, host, RRTYPE_A);
        host->ipv6_set = add_addresses(work, host, RRTYPE_AAAA);
        add_entry(work, host->name, host->zone, host->ipv4_set, CONTENT_NAME);
        add_entry(work, host->name, host->zone, host->ipv6_set, CONTENT_NAME);
    }
}

/* -- what stands at every apex ------------------------------------------------------------------
 */

/* Zones that agree here share the sets at their apexes. Owned by layout_fixed. */
struct apex_work {
    struct layout_work *work;
    struct intern soa_keys, ns_keys;
    struct layout_zone_sets *soa_by_key;
    uint32_t *ns_by_key;
    size_t soa_capacity, ns_capacity;
};

static uint32_t add_soa(struct layout_work *work, const struct inventory_zone *zone,
                        struct bytes mname, struct bytes rname, enum content_section section)
{
    const struct inventory_soa *soa = &zone->soa;
    /* RFC 2308 section 3: the SOA of a negative answer lives min(its TTL, minimum). */
    bool is_negative = section == CONTENT_AUTHORITY;
    struct soa_numbers numbers = {.serial = 0, /* patched */
                                  .refresh_s = soa->refresh_s,
                                  .retry_s = soa->retry_s,
                                  .expire_s = soa->expire_s,
                                  .minimum_s = soa->minimum_s};
    struct bytes *rdata = arena_new(work->arena, struct bytes);
    *rdata = text_rdata_soa(work->arena, mname, rname, &numbers);
    return layout_fixed_add(
        work,
        &(struct content_set){
            .type = RRTYPE_SOA,
            .section = section,
            .ttl_s = is_negative && soa->minimum_s < zone->ttl_s ? soa->minimum_s : zone->ttl_s,
            .count = 1,
            .rdata = rdata,
            .usual_owner_bytes = (uint32_t)zone->apex.len,
        },
        (struct name){0});
}

/* hostmaster at the zone. No mailbox is below _tcp or the like (RFC 5321 section 2.3.5, and name
 * servers refuse to load it), so there it is the one of the domain above. */
static struct name default_rname(struct arena *arena, struct name apex)
{
    static const uint8_t hostmaster[] = "\012hostmaster";
    struct name domain = apex, rname;
    while (domain.wire[0] && domain.wire[1] == '_')
        domain = name_parent(domain);
    return name_join(arena, (struct bytes){hostmaster, sizeof hostmaster - 1}, domain, &rname)
               ? rname
               : domain;
}

static struct layout_zone_sets soa_of(struct apex_work *a, const struct inventory_zone *zone)
{
    struct layout_work *work = a->work;
    struct layout_key key = {.arena = &work->scratch};
    struct name mname_full = zone->soa.mname.len ? zone->soa.mname : zone->apex;
    struct bytes mname = content_template(&work->scratch, mname_full, zone->apex);
    struct name rname_full =
        zone->soa.rname.len ? zone->soa.rname : default_rname(&work->scratch, zone->apex);
    struct bytes rname = content_template(&work->scratch, rname_full, zone->apex);
    layout_key_bytes(&key, mname);
    layout_key_bytes(&key, rname);
    const uint32_t numbers[] = {zone->ttl_s, zone->soa.refresh_s, zone->soa.retry_s,
                                zone->soa.expire_s, zone->soa.minimum_s};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        layout_key_u32(&key, numbers[i]);
    uint32_t known = a->soa_keys.count;
    uint32_t number = intern_add(&a->soa_keys, layout_key_end(&key));
    if (number == known) {
        a->soa_by_key = arena_grow(&work->scratch, a->soa_by_key, &a->soa_capacity,
                                   (size_t)number + 1, sizeof *a->soa_by_key);
        a->soa_by_key[number].soa = add_soa(work, zone, mname, rname, CONTENT_ANSWER);
        a->soa_by_key[number].negative = add_soa(work, zone, mname, rname, CONTENT_AUTHORITY);
    }
    return a->soa_by_key[number];
}

/* The host of a name server when a zone of ours holds its addresses at or below the apex: in the
 * zone itself, or as glue below a cut (RFC 9471 section 3). Else NULL. */
static const struct layout_host *held_host(const struct layout_work *work, uint32_t zone,
                                           struct name name)
{
    const struct layout_host *host = &work->hosts[layout_host_of(work, name)];
    bool is_held = host->zone != INVENTORY_NONE;
    return is_held && name_is_within(name, work->inventory->zones[zone].apex) ? host : NULL;
}

static bool is_repeated(const struct inventory_zone *zone, uint32_t server)
{
    for (uint32_t i = 0; i < server; i++)
        if (name_equal(zone->name_servers[i].host, zone->name_servers[server].host))
            return true;
    return false;
}

static uint32_t add_ns(struct layout_work *work, uint32_t index)
{
    const struct inventory_zone *zone = &work->inventory->zones[index];
    uint32_t most = zone->name_server_count;
    struct bytes *rdata = arena_array(work->arena, struct bytes, most);
    struct content_additional *additional =
        arena_array(work->arena, struct content_additional, 2 * (size_t)most);
    uint32_t count = 0, additional_count = 0;
    for (uint32_t i = 0; i < most; i++) {
        if (is_repeated(zone, i))
            continue;
        struct name server = zone->name_servers[i].host;
        const struct layout_host *host = held_host(work, index, server);
        const uint32_t sets[] = {host ? host->ipv4_set : CONTENT_NONE,
                                 host ? host->ipv6_set : CONTENT_NONE};
        for (size_t j = 0; j < COUNT_OF(sets); j++)
            if (sets[j] != CONTENT_NONE)
                additional[additional_count++] =
                    (struct content_additional){.record = count, .name_at = 0, .set = sets[j]};
        struct bytes template = content_template(&work->scratch, server, zone->apex);
        rdata[count++] = text_rdata_ns(work->arena, template);
    }
    return layout_fixed_add(work,
                            &(struct content_set){
                                .type = RRTYPE_NS,
                                .section = CONTENT_ANSWER,
                                .ttl_s = zone->ttl_s,
                                .count = count,
                                .rdata = rdata,
                                .additional = additional,
                                .additional_count = additional_count,
                                .usual_owner_bytes = (uint32_t)zone->apex.len,
                            },
                            (struct name){0});
}

static uint32_t ns_of(struct apex_work *a, uint32_t index)
{
    struct layout_work *work = a->work;
    const struct inventory_zone *zone = &work->inventory->zones[index];
    if (zone->name_server_count == 0)
        return CONTENT_NONE;
    struct layout_key key = {.arena = &work->scratch};
    layout_key_u32(&key, zone->ttl_s);
    for (uint32_t i = 0; i < zone->name_server_count; i++) {
        struct name server = zone->name_servers[i].host;
        const struct layout_host *host = held_host(work, index, server);
        layout_key_bytes(&key, content_template(&work->scratch, server, zone->apex));
        layout_key_u32(&key, host ? host->ipv4_set : CONTENT_NONE);
        layout_key_u32(&key, host ? host->ipv6_set : CONTENT_NONE);
    }
    uint32_t known = a->ns_keys.count;
    uint32_t number = intern_add(&a->ns_keys, layout_key_end(&key));
    if (number == known) {
        a->ns_by_key = arena_grow(&work->scratch, a->ns_by_key, &a->ns_capacity, (size_t)number + 1,
                                  sizeof *a->ns_by_key);
        a->ns_by_key[number] = add_ns(work, index);
    }
    return a->ns_by_key[number];
}

static void report_no_name_servers(struct layout_work *work, const struct inventory_zone *zone)
{
    if (work->need != LAYOUT_FOR_ZONES)
        return;
    struct text name = layout_name_text(work, zone->apex);
    struct finding finding = {
        .severity = FINDING_ERROR,
        .code = "no-name-servers",
        .message =
            arena_printf(&work->scratch, "zone %.*s has no name servers", (int)name.len, name.ptr),
        .mend = "add \"name_servers\" to the zone or to \"defaults\"; who has DNS already takes "
                "`srvplan zone --fragment`",
    };
    layout_find(work, &finding, "zones", name);
}

static void add_apexes(struct layout_work *work)
{
    struct apex_work a = {.work = work,
                          .soa_keys = intern_over(&work->scratch),
                          .ns_keys = intern_over(&work->scratch)};
    uint32_t count = work->inventory->zone_count;
    work->zone_sets = arena_array(&work->scratch, struct layout_zone_sets, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct inventory_zone *zone = &work->inventory->zones[i];
        struct layout_zone_sets *sets = &work->zone_sets[i];
        *sets = soa_of(&a, zone);
        sets->ns = ns_of(&a, i);
        if (sets->ns == CONTENT_NONE)
            report_no_name_servers(work, zone);
        add_entry(work, zone->apex, i, sets->soa, CONTENT_NAME);
        add_entry(work, zone->apex, i, sets->ns, CONTENT_NAME);
    }
}

/* -- targets of declared sets -------------------------------------------------------------------
 */

static void fill_targets(struct layout_work *work)
{
    for (uint32_t i = 0; i < work->layout->declared_count; i++) {
        struct declared_set *declared = &work->declared[i];
        const struct inventory_selection *selection =
            &work->inventory->selections[declared->selection];
        uint32_t *ipv4 = arena_array(work->arena, uint32_t, selection->node_count);
        uint32_t *ipv6 = arena_array(work->arena, uint32_t, selection->node_count);
        for (uint32_t j = 0; j < selection->node_count; j++) {
            const struct layout_host *host = &work->hosts[work->node_hosts[selection->nodes[j]]];
            bool is_held = host->zone == work->declared_zone[i];
            ipv4[j] = is_held ? host->ipv4_set : CONTENT_NONE;
            ipv6[j] = is_held ? host->ipv6_set : CONTENT_NONE;
        }
        declared->ipv4_sets = ipv4;
        declared->ipv6_sets = ipv6;
    }
}

void layout_fixed(struct layout_work *work)
{
    add_hosts(work);
    layout_records(work, LAYOUT_ADDRESSES);
    add_apexes(work);
    layout_records(work, LAYOUT_OTHERS);
    fill_targets(work);
}

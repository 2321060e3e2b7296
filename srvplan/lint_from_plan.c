/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a plan to the view: its declared sets, the domains that have the same ones, its hosts, and
 * the static records of its zones. */
#include <string.h>

#include "srvplan/lint_view.h"
#include "zones/text.h"

/* ---- places ---- */

/* "/SECTION/NAME", escaped (RFC 6901 section 3). */
static const char *pointer_to(struct lint *lint, const char *section, struct text name)
{
    char *escaped = arena_alloc(&lint->scratch, 2 * name.len + 1), *out = escaped;
    for (size_t i = 0; i < name.len; i++) {
        bool is_special = name.ptr[i] == '~' || name.ptr[i] == '/';
        if (is_special)
            *out++ = '~';
        *out++ = !is_special ? name.ptr[i] : name.ptr[i] == '~' ? '0' : '1';
    }
    return arena_printf(&lint->scratch, "/%s/%s", section, escaped);
}

static struct text name_text(struct lint *lint, struct name name)
{
    struct text text = text_from(name_print(&lint->scratch, name));
    text.len -= text.len > 1; /* without the final dot, as inventories write it */
    return text;
}

/* Where a domain is declared: a component at the domain that lists it. */
static struct lint_place place_of_domain(struct lint *lint, uint32_t index)
{
    const struct inventory_domain *domains = lint->plan->input.layout->inventory->domains;
    uint32_t at = domains[index].component_of;
    struct name name = domains[at == INVENTORY_NONE ? index : at].name;
    return (struct lint_place){.pointer = pointer_to(lint, "domains", name_text(lint, name))};
}

static struct lint_place place_of_name(struct lint *lint, const char *section, struct name name)
{
    return (struct lint_place){.pointer = pointer_to(lint, section, name_text(lint, name))};
}

/* ---- hosts ---- */

static void host_take(struct lint *lint, uint32_t number, const struct inventory_name_server *said)
{
    struct lint_host *host = &lint->hosts[number];
    uint32_t count = said->ipv4_count + said->ipv6_count;
    if (host->ipv4_count + host->ipv6_count > 0 || count == 0)
        return; /* all places that give a host addresses give it the same: layout_hosts.c */
    struct bytes *addresses = arena_array(&lint->scratch, struct bytes, count);
    for (uint32_t i = 0; i < said->ipv4_count; i++)
        addresses[i] = (struct bytes){said->ipv4[i], sizeof *said->ipv4};
    for (uint32_t i = 0; i < said->ipv6_count; i++)
        addresses[said->ipv4_count + i] = (struct bytes){said->ipv6[i], sizeof *said->ipv6};
    host->addresses = addresses;
    host->ipv4_count = said->ipv4_count;
    host->ipv6_count = said->ipv6_count;
}

static void take_nodes(struct lint *lint, const struct inventory *inventory)
{
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        const struct inventory_node *node = &inventory->nodes[i];
        struct lint_place place = {.pointer = pointer_to(lint, "nodes", node->id)};
        uint32_t host = lint_host_add(lint, node->host, &place);
        lint->hosts[host].is_target |= node->state != NODE_OFF;
        host_take(lint, host,
                  &(struct inventory_name_server){.ipv4 = node->ipv4,
                                                  .ipv4_count = node->ipv4_count,
                                                  .ipv6 = node->ipv6,
                                                  .ipv6_count = node->ipv6_count});
    }
}

static void take_name_servers(struct lint *lint, const struct inventory *inventory)
{
    const struct inventory_name_server *last = NULL; /* zones by default share one list */
    for (uint32_t i = 0; i < inventory->zone_count; i++) {
        const struct inventory_zone *zone = &inventory->zones[i];
        if (zone->name_servers == last)
            continue;
        last = zone->name_servers;
        for (uint32_t j = 0; j < zone->name_server_count; j++) {
            struct lint_place place = place_of_name(lint, "zones", zone->apex);
            uint32_t host = lint_host_add(lint, zone->name_servers[j].host, &place);
            host_take(lint, host, &zone->name_servers[j]);
        }
    }
}

/* ---- sets ---- */

/* "example.org/xmpp-client (and 99999 more domains)"; `behind` is "/xmpp-client" or "". */
static const char *label_of(struct lint *lint, struct name domain, const char *behind,
                            uint32_t domain_count)
{
    struct text name = name_text(lint, domain);
    const char *label = arena_printf(&lint->scratch, "%.*s%s", (int)name.len, name.ptr, behind);
    if (domain_count <= 1)
        return label;
    return arena_printf(&lint->scratch, "%s (and %u more domain%s)", label, domain_count - 1,
                        domain_count > 2 ? "s" : "");
}

static struct lint_srv srv_of(struct lint *lint, const struct plan_set *from,
                              const struct plan_member *member)
{
    const struct inventory *inventory = lint->plan->input.layout->inventory;
    const struct inventory_node *node = &inventory->nodes[member->node];
    struct lint_place place = {.pointer = pointer_to(lint, "nodes", node->id)};
    return (struct lint_srv){
        .priority = member->priority,
        .weight = member->weight,
        .port = member->port,
        .ttl_s = from->ttl_s,
        .target = node->host,
        .host = lint_host_add(lint, node->host, &place),
        .node = member->node,
        .weight_is_said = member->weight_reason != PLAN_WEIGHT_SCALE,
        .place = place,
    };
}

static void take_set(struct lint *lint, uint32_t index)
{
    const struct layout *layout = lint->plan->input.layout;
    const struct inventory *inventory = layout->inventory;
    const struct plan_set *from = &lint->plan->sets[index];
    const struct declared_set *declared = &layout->declared[from->declared];
    const struct inventory_service *service = &inventory->services[declared->service];
    struct name domain = inventory->domains[declared->domain].name;
    struct lint_set *set = &lint->sets[lint->set_count++];
    *set = (struct lint_set){
        .domain = domain,
        .label =
            label_of(lint, domain,
                     arena_printf(&lint->scratch, "/%.*s", (int)service->id.len, service->id.ptr),
                     declared->domain_count),
        .domain_count = declared->domain_count,
        .longest_owner_bytes = declared->longest_owner_bytes,
        .ttl_s = from->ttl_s,
        .is_null = from->is_null,
        .is_mux = service->is_mux,
        .service = declared->service,
        .place = place_of_domain(lint, declared->domain),
    };
    if (!name_join(&lint->scratch, service->srv_labels, domain, &set->owner))
        set->owner = domain; /* cannot be: the layout refuses such domains */
    set->kind = lint_kind_of(set->owner, &domain);
    struct lint_srv *items = arena_array(&lint->scratch, struct lint_srv, from->present_count);
    for (uint32_t i = 0; i < from->member_count; i++)
        if (from->members[i].absence == PLAN_PRESENT)
            items[set->count++] = srv_of(lint, from, &from->members[i]);
    set->items = items;
}

/* ---- domains ---- */

struct grouping {
    struct intern groups; /* by what makes domains alike */
    size_t capacity;
    uint32_t *key;
    size_t key_capacity;
};

static void group_add(struct lint *lint, uint32_t domain)
{
    const struct layout *layout = lint->plan->input.layout;
    const struct inventory_domain *in = &layout->inventory->domains[domain];
    struct lint_domain *group = &lint->domains[lint->domain_count++];
    *group = (struct lint_domain){
        .name = in->name,
        .is_component = in->component_of != INVENTORY_NONE,
        .sets = {LINT_NONE, LINT_NONE, LINT_NONE, LINT_NONE},
        .place = place_of_domain(lint, domain),
    };
    for (uint32_t i = layout->domain_first[domain]; i < layout->domain_first[domain + 1]; i++) {
        uint32_t set = layout->domain_sets[i];
        if (lint->sets[set].kind != LINT_OTHER)
            group->sets[lint->sets[set].kind] = set;
    }
}

/* The group of a domain: those with the same sets, and components apart. */
static uint32_t group_of(struct lint *lint, struct grouping *grouping, uint32_t domain)
{
    const struct layout *layout = lint->plan->input.layout;
    uint32_t first = layout->domain_first[domain], count = layout->domain_first[domain + 1] - first;
    grouping->key = arena_grow(&lint->scratch, grouping->key, &grouping->key_capacity,
                               (size_t)count + 1, sizeof *grouping->key);
    grouping->key[0] = layout->inventory->domains[domain].component_of != INVENTORY_NONE;
    memcpy(grouping->key + 1, layout->domain_sets + first, count * sizeof *grouping->key);
    return intern_add(&grouping->groups, (struct bytes){(const uint8_t *)grouping->key,
                                                        (count + 1) * sizeof *grouping->key});
}

/* Domains with the same sets are one. */
static void take_domains(struct lint *lint)
{
    const struct inventory *inventory = lint->plan->input.layout->inventory;
    struct grouping grouping = {.groups = intern_over(&lint->scratch)};
    lint->domain_of = arena_array(&lint->scratch, uint32_t, inventory->domain_count);
    for (uint32_t i = 0; i < inventory->domain_count; i++) {
        uint32_t group = group_of(lint, &grouping, i);
        lint->domains = arena_grow(&lint->scratch, lint->domains, &grouping.capacity,
                                   (size_t)lint->domain_count + 1, sizeof *lint->domains);
        if (group == lint->domain_count)
            group_add(lint, i);
        lint->domains[group].domain_count++;
        lint->domain_of[i] = group;
    }
}

static void label_domains(struct lint *lint)
{
    for (uint32_t i = 0; i < lint->domain_count; i++) {
        struct lint_domain *domain = &lint->domains[i];
        domain->label = label_of(lint, domain->name, "", domain->domain_count);
    }
}

/* ---- static records ---- */

static void take_static_records(struct lint *lint, const struct inventory *inventory)
{
    size_t total = 0;
    for (uint32_t i = 0; i < inventory->zone_count; i++)
        total += inventory->zones[i].record_count;
    if (total == 0)
        return;
    struct lint_record *records = arena_array(&lint->scratch, struct lint_record, total);
    uint32_t count = 0;
    for (uint32_t i = 0; i < inventory->zone_count; i++) {
        const struct inventory_zone *zone = &inventory->zones[i];
        if (zone->record_count == 0)
            continue;
        const char *pointer = arena_printf(&lint->scratch, "%s/records",
                                           place_of_name(lint, "zones", zone->apex).pointer);
        for (uint32_t j = 0; j < zone->record_count; j++)
            records[count++] = (struct lint_record){.owner = zone->records[j].owner,
                                                    .type = zone->records[j].type,
                                                    .ttl_s = zone->records[j].ttl_s,
                                                    .rdata = zone->records[j].rdata,
                                                    .pointer = pointer};
    }
    lint_take_records(lint, records, count);
}

void lint_take_plan(struct lint *lint)
{
    const struct inventory *inventory = lint->plan->input.layout->inventory;
    take_nodes(lint, inventory);
    take_name_servers(lint, inventory);
    lint->set_capacity = lint->plan->set_count;
    lint->sets = arena_array(&lint->scratch, struct lint_set, lint->set_capacity);
    for (uint32_t i = 0; i < lint->plan->set_count; i++)
        take_set(lint, i);
    take_domains(lint); /* before static sets: domains have those of the plan */
    label_domains(lint);
    take_static_records(lint, inventory);
}

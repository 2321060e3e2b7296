/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_read.h"

static const struct place document = {0};

/* ---- the top of the document ---- */

struct top {
    struct optional version;
    json_t *defaults, *policy, *tiers, *services, *nodes, *domains, *zones, *windows;
};

static void read_version(struct load *load, const struct place *place, json_t *value,
                         const struct key_row *row, void *field)
{
    struct optional *version = field;
    (void)row;
    if (!json_is_integer(value))
        expected(load, place, "the number 1", value);
    else if (json_integer_value(value) == 1)
        *version = (struct optional){true, 1};
    else
        mistake_add(&load->mistakes, place, "unknown-version", "write 1, or use a newer srvplan",
                    "expected version 1 of the format, found %" JSON_INTEGER_FORMAT,
                    json_integer_value(value));
}

#define TOP_FIELD(name) offsetof(struct top, name)
static const struct key_row top_rows[] = {
    {"srvplan", read_version, TOP_FIELD(version), 0, 0, NULL, "1"},
    {"domains", read_tree, TOP_FIELD(domains), 0, 0, NULL, "{ \"example.org\": {} }"},
    {"nodes", read_tree, TOP_FIELD(nodes), 0, 0, NULL,
     "{ \"xmpp1\": { \"addresses\": [\"192.0.2.11\"] } }"},
    {.key = "defaults", .read = read_tree, .field = TOP_FIELD(defaults)},
    {.key = "zones", .read = read_tree, .field = TOP_FIELD(zones)},
    {.key = "tiers", .read = read_tree, .field = TOP_FIELD(tiers)},
    {.key = "services", .read = read_tree, .field = TOP_FIELD(services)},
    {.key = "policy", .read = read_tree, .field = TOP_FIELD(policy)},
    {.key = "windows", .read = read_tree, .field = TOP_FIELD(windows)},
    {.key = "$schema", .read = read_anything},
    {.key = "$comment", .read = read_anything},
    {.key = "include", .read = read_anything}, /* by inventory_source */
    {.key = "publish"},
    {0},
};

/* ---- defaults ---- */

struct defaults {
    struct zone_settings zone;
    struct optional capacity, drain_ttl_s;
    struct text tier;
    struct index_list services;
    struct name base;
};

#define DEFAULTS_FIELD(name) offsetof(struct defaults, name)
static const struct key_row defaults_rows[] = {
    {.key = "ttl", .read = read_duration, .field = DEFAULTS_FIELD(zone.ttl_s)},
    {.key = "drain_ttl", .read = read_duration, .field = DEFAULTS_FIELD(drain_ttl_s), .min = 1},
    {.key = "tier", .read = read_string, .field = DEFAULTS_FIELD(tier)},
    {"capacity", read_integer, DEFAULTS_FIELD(capacity), 1, 1000000000, NULL, NULL},
    {.key = "services", .read = read_service_list, .field = DEFAULTS_FIELD(services)},
    {.key = "base", .read = read_name, .field = DEFAULTS_FIELD(base)},
    {.key = "name_servers", .read = read_name_servers, .field = DEFAULTS_FIELD(zone)},
    {.key = "soa", .read = read_soa, .field = DEFAULTS_FIELD(zone.soa)},
    {.key = "$comment", .read = read_comment},
    {0},
};

/* xmpp-client and xmpp-server, unless they are absent. */
static struct index_list services_usual(struct load *load)
{
    static const char *const usual[] = {"xmpp-client", "xmpp-server"};
    const struct inventory *inventory = load->inventory;
    uint32_t *items = arena_array(load->arena, uint32_t, COUNT_OF(usual));
    struct index_list list = {.items = items};
    for (size_t i = 0; i < COUNT_OF(usual); i++) {
        uint32_t index = inventory_find_service(inventory, text_from(usual[i]));
        if (!inventory->services[index].is_absent)
            items[list.count++] = index;
    }
    return list;
}

static void defaults_read(struct load *load, json_t *value)
{
    struct place place = place_value(&document, "defaults");
    struct place tier = place_value(&place, "tier");
    struct place services = place_value(&place, "services");
    struct defaults defaults = {0};
    load->default_tier = INVENTORY_NONE;
    if (value)
        object_read(load, &place, value, defaults_rows, &defaults);
    load->defaults = defaults.zone;
    load->default_capacity = defaults.capacity;
    load->default_drain_ttl_s = defaults.drain_ttl_s;
    load->base = defaults.base;
    load->base_is_uncertain = defaults.base.len == 0 && json_object_get(value, "base");
    load->default_tier_is_uncertain = json_object_get(value, "tier");
    if (json_is_string(json_object_get(value, "tier")))
        load->default_tier = tier_get(load, &tier, defaults.tier);
    load->default_services = defaults.services.given ? defaults.services : services_usual(load);
    absent_check(load, &services, json_object_get(value, "services"));
}

/* ---- the whole ---- */

void document_read(struct load *load, json_t *tree)
{
    struct top top = {0};
    struct place services = place_value(&document, "services");
    struct place tiers = place_value(&document, "tiers");
    struct place domains = place_value(&document, "domains");
    struct place zones = place_value(&document, "zones");
    struct place nodes = place_value(&document, "nodes");
    struct place policy = place_value(&document, "policy");
    struct place windows = place_value(&document, "windows");
    if (!object_read(load, &document, tree, top_rows, &top))
        return;
    services_read(load, &services, top.services);
    tiers_read(load, &tiers, top.tiers);
    defaults_read(load, top.defaults);
    policy_read(load, &policy, top.policy);
    domains_read(load, &domains, top.domains);
    zones_read(load, &zones, top.zones);
    if (!load->base.len && load->declared_domain_count == 1)
        load->base = load->domains[0].name; /* its components stand behind it */
    load->base_is_uncertain |= !load->base.len && load->domains_are_uncertain;
    nodes_read(load, &nodes, top.nodes);
    selections_build(load);
    windows_read(load, &windows, top.windows);
    assertions_read(load, &policy);
    zones_build(load);
    hosts_check(load);
    records_read(load, &zones);
    sets_check(load);
    load->inventory->policy.usual_capacity =
        load->default_capacity.given ? (uint32_t)load->default_capacity.value : CAPACITY_USUAL;
    if (load->mistakes.errors == 0)
        domains_build(load);
}

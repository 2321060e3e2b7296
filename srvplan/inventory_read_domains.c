/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_read.h"
#include "srvplan/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static key_reader read_zone_names, read_web;

#define DOMAIN_FIELD(name) offsetof(struct domain_entry, name)
static const struct key_row domain_rows[] = {
    {.key = "zone", .read = read_zone_names},
    {.key = "ttl", .read = read_duration, .field = DOMAIN_FIELD(ttl_s)},
    {.key = "services", .read = read_service_list, .field = DOMAIN_FIELD(services)},
    {.key = "nodes", .read = read_tree, .field = DOMAIN_FIELD(selectors)},
    {.key = "components", .read = read_components},
    {.key = "web", .read = read_web},
    {.key = "audience", .read = read_audience, .field = DOMAIN_FIELD(audience)},
    {.key = "$comment", .read = read_comment},
    {0},
};

/* Adds a zone of a domain; a zone that is neither above nor below holds none of its records. */
static void zone_name_read(struct load *load, const struct place *place, json_t *value,
                           struct domain_entry *domain)
{
    struct name zone = {0};
    read_name(load, place, value, NULL, &zone);
    if (zone.len == 0)
        return;
    for (uint32_t i = 0; i < domain->zone_count; i++) {
        if (!name_equal(domain->zones[i], zone))
            continue;
        mistake_add(&load->mistakes, place, "duplicate-item", "remove one of them",
                    "expected each zone once, found %s again",
                    mistakes_quote(&load->mistakes, json_text(value)));
        return;
    }
    if (domain->name.len && !name_is_within(domain->name, zone) &&
        !name_is_within(zone, domain->name)) {
        mistake_add(&load->mistakes, place, "zone-elsewhere",
                    "name the zone that holds the domain, or leave it out",
                    "expected a zone above or below the domain %s, found %s",
                    mistakes_quote(&load->mistakes, text_from(domain->key)),
                    mistakes_quote(&load->mistakes, json_text(value)));
        return;
    }
    domain->zones[domain->zone_count++] = zone;
}

static void read_zone_names(struct load *load, const struct place *place, json_t *value,
                            const struct key_row *row, void *field)
{
    struct domain_entry *domain = field;
    enum {
        ZONES_MAX = 64
    }; /* one for each service, and some */
    (void)row;
    if (json_is_string(value)) {
        domain->zones = arena_array(&load->scratch, struct name, 1);
        zone_name_read(load, place, value, domain);
        return;
    }
    if (!json_is_array(value)) {
        expected(load, place, "the name of a zone, or a list of them", value);
        return;
    }
    size_t count = json_array_size(value);
    if (!list_expected(load, place, value, 1))
        return;
    if (count > ZONES_MAX) {
        mistake_add(&load->mistakes, place, "too-many-zones", "name the parent zone",
                    "expected at most %d zones, found %zu", ZONES_MAX, count);
        return;
    }
    domain->zone_is_list = true;
    domain->zones = arena_array(&load->scratch, struct name, count);
    for (size_t i = 0; i < count; i++) {
        struct place item = place_item(place, i);
        zone_name_read(load, &item, json_array_get(value, i), domain);
    }
}

/* ---- what browsers use instead of SRV (XEP-0156) ---- */

static void read_url(struct load *load, const struct place *place, json_t *value,
                     const char *scheme, struct text *url)
{
    char what[64];
    struct text text = json_is_string(value) ? json_text(value) : (struct text){0};
    snprintf(what, sizeof what, "a URL that begins with %s", scheme);
    bool is_good = text_starts_with(text, scheme) && text.len > strlen(scheme) &&
                   text.ptr[strlen(scheme)] != '/';
    for (size_t i = 0; i < text.len; i++)
        is_good &= text.ptr[i] > ' ' && text.ptr[i] < 0x7f;
    if (!json_is_string(value))
        expected(load, place, what, value);
    else if (is_good)
        *url = arena_text(load->arena, text);
    else
        mistake_add(&load->mistakes, place, lint_rows[LINT_X14].code,
                    "browsers refuse what is not encrypted (XEP-0156); write for example "
                    "\"https://chat.example.org/http-bind\" or \"wss://chat.example.org/ws\"",
                    "expected %s, found %s", what, mistakes_quote(&load->mistakes, text));
}

static void read_bosh(struct load *load, const struct place *place, json_t *value,
                      const struct key_row *row, void *field)
{
    (void)row;
    read_url(load, place, value, "https://", field);
}

static void read_websocket(struct load *load, const struct place *place, json_t *value,
                           const struct key_row *row, void *field)
{
    (void)row;
    read_url(load, place, value, "wss://", field);
}

static void read_web(struct load *load, const struct place *place, json_t *value,
                     const struct key_row *row, void *field)
{
    static const struct key_row rows[] = {
        {.key = "bosh", .read = read_bosh, .field = DOMAIN_FIELD(bosh)},
        {.key = "websocket", .read = read_websocket, .field = DOMAIN_FIELD(websocket)},
        {0},
    };
    (void)row;
    object_read(load, place, value, rows, field);
}

/* ---- the domains of the file ---- */

static void domain_read(struct load *load, const struct place *domains, struct domain_entry *domain)
{
    struct place at_value = place_value(domains, domain->key);
    struct place at_services = place_value(&at_value, "services");
    size_t errors = load->mistakes.errors;
    object_read(load, &at_value, domain->value, domain_rows, domain);
    absent_check(load, &at_services, json_object_get(domain->value, "services"));
    domain->is_uncertain = load->mistakes.errors != errors;
    if (!json_object_get(domain->value, "zone")) {
        domain->zones = &domain->name;
        domain->zone_count = 1;
    }
}

/* A domain whose key is no name: what is wrong inside is worth knowing all the same. */
static void unnamed_read(struct load *load, const struct place *domains,
                         struct domain_entry *unnamed)
{
    load->domains_are_uncertain = true;
    domain_read(load, domains, unnamed);
}

static int domain_order(const void *a, const void *b)
{
    const struct domain_entry *left = a, *right = b;
    int order = name_compare(left->name, right->name);
    return order ? order : (left->number > right->number) - (left->number < right->number);
}

void domains_sort(struct load *load)
{
    if (load->domain_count > 1)
        qsort(load->domains, load->domain_count, sizeof *load->domains, domain_order);
}

struct place domain_place(struct load *load, const struct domain_entry *domain,
                          const struct place *domains)
{
    if (domain->component_of == INVENTORY_NONE)
        return place_key(domains, domain->key);
    const struct domain_entry *parent = &load->domains[domain->component_of];
    struct place of_parent = place_value(domains, parent->key);
    struct place of_list = place_value(&of_parent, "components");
    struct place place = place_item(&of_list, domain->component);
    return place_keep(&load->scratch, &place);
}

/* Reads every entry; keeps in load->domains those that have a name. */
static void entries_read(struct load *load, const struct place *place, json_t *domains)
{
    const char *key;
    json_t *value;
    uint32_t number = 0;
    load->domains = arena_array(&load->scratch, struct domain_entry, json_object_size(domains));
    json_object_foreach(domains, key, value)
    {
        struct place at_key = place_key(place, key);
        struct domain_entry unnamed = {
            .key = key, .value = value, .number = number, .component_of = INVENTORY_NONE};
        struct domain_entry *domain = &load->domains[load->domain_count];
        *domain = unnamed;
        if (name_read(load, &at_key, text_from(key), &domain->name))
            number = ++load->domain_count;
        else
            unnamed_read(load, place, &unnamed);
    }
    domains_sort(load);
}

void domains_read(struct load *load, const struct place *place, json_t *domains)
{
    load->domains_are_uncertain = true;
    if (!domains)
        return; /* reported as a missing key */
    if (!object_expected(load, place, domains))
        return;
    if (json_object_size(domains) == 0) {
        mistake_add(&load->mistakes, place, "no-domains", "add one: \"example.org\": {}",
                    "expected at least one domain, found none");
        return;
    }
    load->domains_are_uncertain = false;
    entries_read(load, place, domains);
    for (uint32_t i = 0; i < load->domain_count; i++) {
        domain_read(load, place, &load->domains[i]);
        if (i == 0 || !name_equal(load->domains[i - 1].name, load->domains[i].name))
            continue;
        struct place at_key = place_key(place, load->domains[i].key);
        load->domains[i].is_uncertain = true;
        load->domains[i].component_count = 0; /* they would all be there twice as well */
        mistake_add(&load->mistakes, &at_key, "duplicate-name", "keep one of them",
                    "expected each domain once, found %s, which means the same name as %s",
                    mistakes_quote(&load->mistakes, text_from(load->domains[i].key)),
                    mistakes_quote(&load->mistakes, text_from(load->domains[i - 1].key)));
    }
    components_add(load, place);
}

/* ---- the domains of the model ---- */

/* What the zone declares, or nothing. */
static const struct declared_zone *declared_find(const struct load *load, struct name apex)
{
    uint32_t low = 0, high = load->zone_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = name_compare(load->zones[middle].apex, apex);
        if (order == 0)
            return &load->zones[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The zone whose TTL a domain takes: the one that holds its name; with a list, the first that is
 * declared. */
static const struct declared_zone *ttl_zone(const struct load *load,
                                            const struct domain_entry *domain)
{
    const struct declared_zone *declared = NULL;
    uint32_t holder = inventory_zone_of(load->inventory, domain->name);
    if (!domain->zone_is_list && holder != INVENTORY_NONE)
        return declared_find(load, load->inventory->zones[holder].apex);
    for (uint32_t i = 0; i < domain->zone_count && !declared; i++)
        declared = declared_find(load, domain->zones[i]);
    return declared;
}

static uint32_t ttl_of(const struct load *load, const struct domain_entry *domain)
{
    if (domain->component_of != INVENTORY_NONE)
        domain = &load->domains[domain->component_of];
    if (domain->ttl_s.given)
        return (uint32_t)domain->ttl_s.value;
    const struct declared_zone *zone = ttl_zone(load, domain);
    if (zone && zone->settings.ttl_s.given)
        return (uint32_t)zone->settings.ttl_s.value;
    return load->defaults.ttl_s.given ? (uint32_t)load->defaults.ttl_s.value : 5 * 60;
}

/* What nobody declared is not below what the provider takes. */
static uint32_t drain_ttl_of(const struct load *load, uint32_t ttl_s)
{
    uint32_t floor_s = load->inventory->policy.guard_min_ttl_s;
    uint32_t wanted_s = floor_s > DRAIN_TTL_S ? floor_s : DRAIN_TTL_S;
    if (load->default_drain_ttl_s.given)
        wanted_s = (uint32_t)load->default_drain_ttl_s.value;
    return wanted_s < ttl_s ? wanted_s : ttl_s;
}

void domains_build(struct load *load)
{
    struct inventory *inventory = load->inventory;
    const struct inventory_audience *usual = &inventory->policy.audience;
    inventory->domains = arena_array(load->arena, struct inventory_domain, load->domain_count);
    inventory->domain_count = load->domain_count;
    for (uint32_t i = 0; i < load->domain_count; i++) {
        const struct domain_entry *domain = &load->domains[i];
        const struct index_list *services =
            domain->services.given ? &domain->services : &load->default_services;
        uint32_t ttl_s = ttl_of(load, domain);
        inventory->domains[i] = (struct inventory_domain){
            .name = domain->name,
            .ttl_s = ttl_s,
            .drain_ttl_s = drain_ttl_of(load, ttl_s),
            .component_of = domain->component_of,
            .services = services->items,
            .service_count = services->count,
            .selection = domain->selection,
            .audience = domain->audience.count ? domain->audience : *usual,
            .bosh = domain->bosh,
            .websocket = domain->websocket,
        };
    }
}

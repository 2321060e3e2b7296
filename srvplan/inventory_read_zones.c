/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_read.h"
#include "zones/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name_server_settings {
    struct name host;
    struct address_list addresses;
};

static const struct key_row name_server_rows[] = {
    {"host", read_name, offsetof(struct name_server_settings, host), 0, 0, NULL,
     "\"ns1.example.org\""},
    {.key = "addresses",
     .read = read_addresses,
     .field = offsetof(struct name_server_settings, addresses)},
    {0},
};

static const struct choice serials[] = {
    {"unixtime", SOA_SERIAL_UNIXTIME, false},
    {"date", SOA_SERIAL_DATE, false},
    {"counter", SOA_SERIAL_COUNTER, false},
    {0},
};

static void read_rname(struct load *load, const struct place *place, json_t *value,
                       const struct key_row *row, void *field);

#define SOA_FIELD(name) offsetof(struct soa_settings, name)
static const struct key_row soa_rows[] = {
    {.key = "mname", .read = read_name, .field = SOA_FIELD(mname)},
    {.key = "rname", .read = read_rname, .field = SOA_FIELD(rname)},
    {.key = "refresh", .read = read_duration, .field = SOA_FIELD(refresh_s)},
    {.key = "retry", .read = read_duration, .field = SOA_FIELD(retry_s)},
    {.key = "expire", .read = read_duration, .field = SOA_FIELD(expire_s)},
    {.key = "minimum", .read = read_duration, .field = SOA_FIELD(minimum_s)},
    {.key = "serial", .read = read_choice, .field = SOA_FIELD(serial), .choices = serials},
    {.key = "at_least", .read = read_integer, .field = SOA_FIELD(at_least), .max = UINT32_MAX},
    {0},
};

static const struct key_row zone_rows[] = {
    {.key = "name_servers", .read = read_name_servers},
    {.key = "soa", .read = read_soa, .field = offsetof(struct zone_settings, soa)},
    {.key = "ttl", .read = read_duration, .field = offsetof(struct zone_settings, ttl_s)},
    {.key = "$comment", .read = read_comment},
    {.key = "records", .read = read_tree, .field = offsetof(struct zone_settings, records)},
    {0},
};

/* The RNAME of an SOA is a mail address written as a name (RFC 1035 section 3.3.13). */
static void read_rname(struct load *load, const struct place *place, json_t *value,
                       const struct key_row *row, void *field)
{
    struct text text = json_is_string(value) ? json_text(value) : (struct text){0};
    const char *at = text.len ? memchr(text.ptr, '@', text.len) : NULL;
    if (!at) {
        read_name(load, place, value, row, field);
        return;
    }
    char mend[320];
    size_t user = (size_t)(at - text.ptr);
    if (memchr(text.ptr, '.', user))
        snprintf(mend, sizeof mend, "use an address without a dot before the @");
    else
        snprintf(mend, sizeof mend, "write \"%.*s.%.*s\"", user < 64 ? (int)user : 64, text.ptr,
                 text.len - user - 1 < 128 ? (int)(text.len - user - 1) : 128, at + 1);
    mistake_add(&load->mistakes, place, "rname-is-mail", mend,
                "expected the mail address as a domain name, found %s",
                mistakes_quote(&load->mistakes, text));
}

void read_soa(struct load *load, const struct place *place, json_t *value,
              const struct key_row *row, void *field)
{
    (void)row;
    object_read(load, place, value, soa_rows, field);
}

void host_use_add(struct load *load, const struct host_use *use)
{
    load->hosts = arena_grow(&load->scratch, load->hosts, &load->host_capacity,
                             load->host_count + 1, sizeof *load->hosts);
    load->hosts[load->host_count++] = *use;
}

static void name_server_read(struct load *load, const struct place *place, json_t *value,
                             struct zone_settings *zone)
{
    struct name_server_settings settings = {0};
    size_t errors = load->mistakes.errors;
    if (json_is_string(value))
        read_name(load, place, value, NULL, &settings.host);
    else if (json_is_object(value))
        object_read(load, place, value, name_server_rows, &settings);
    else
        expected(load, place, "a host name, or an object with \"host\"", value);
    if (load->mistakes.errors != errors)
        return;
    for (uint32_t i = 0; i < zone->name_server_count; i++) {
        if (!name_equal(zone->name_servers[i].host, settings.host))
            continue;
        mistake_add(&load->mistakes, place, "duplicate-item", "remove one of them",
                    "expected each name server once, found one again");
        return;
    }
    struct inventory_name_server *server = &zone->name_servers[zone->name_server_count++];
    server->host = settings.host;
    host_use_add(load, &(struct host_use){settings.host, settings.addresses, server,
                                          place_keep(&load->scratch, place)});
}

void read_name_servers(struct load *load, const struct place *place, json_t *value,
                       const struct key_row *row, void *field)
{
    struct zone_settings *zone = field;
    enum {
        NAME_SERVERS_MAX = 32
    }; /* 13 fit a packet of 512 bytes; more than 32 fit no sense */
    (void)row;
    if (!list_expected(load, place, value, 1))
        return;
    size_t count = json_array_size(value);
    if (count > NAME_SERVERS_MAX) {
        mistake_add(&load->mistakes, place, "too-many-name-servers", "keep a few of them",
                    "expected at most %d name servers, found %zu", NAME_SERVERS_MAX, count);
        return;
    }
    zone->name_servers = arena_array(load->arena, struct inventory_name_server, count);
    for (size_t i = 0; i < count; i++) {
        struct place item = place_item(place, i);
        name_server_read(load, &item, json_array_get(value, i), zone);
    }
}

static int zone_order(const void *a, const void *b)
{
    const struct declared_zone *left = a, *right = b;
    int order = name_compare(left->apex, right->apex);
    return order ? order : (left->number > right->number) - (left->number < right->number);
}

void zones_read(struct load *load, const struct place *place, json_t *zones)
{
    uint32_t count;
    if (!zones)
        return;
    if (!object_expected(load, place, zones))
        return;
    struct entry *entries = entries_sorted(load, zones, &count);
    load->zones = arena_array(&load->scratch, struct declared_zone, count);
    for (uint32_t i = 0; i < count; i++) {
        struct place at_key = place_key(place, entries[i].key);
        struct place at_value = place_value(place, entries[i].key);
        struct declared_zone zone = {.key = entries[i].key, .number = entries[i].number};
        bool is_named = name_read(load, &at_key, text_from(entries[i].key), &zone.apex);
        object_read(load, &at_value, entries[i].value, zone_rows, &zone.settings);
        if (is_named)
            load->zones[load->zone_count++] = zone;
    }
    if (load->zone_count > 1)
        qsort(load->zones, load->zone_count, sizeof *load->zones, zone_order);
    for (uint32_t i = 1; i < load->zone_count; i++) {
        struct place at_key = place_key(place, load->zones[i].key);
        if (name_equal(load->zones[i].apex, load->zones[i - 1].apex))
            mistake_add(&load->mistakes, &at_key, "duplicate-name", "keep one of them",
                        "expected each zone once, found %s, which means the same name as %s",
                        mistakes_quote(&load->mistakes, text_from(load->zones[i].key)),
                        mistakes_quote(&load->mistakes, text_from(load->zones[i - 1].key)));
    }
}

/* ---- the zones of the model ---- */

static struct name soa_name(struct name own, struct name shared)
{
    return own.len ? own : shared;
}

static uint32_t soa_number(struct optional own, struct optional shared, uint32_t usual)
{
    if (own.given)
        return (uint32_t)own.value;
    return shared.given ? (uint32_t)shared.value : usual;
}

static void zone_fill(struct load *load, struct inventory_zone *zone,
                      const struct zone_settings *own)
{
    const struct zone_settings *shared = &load->defaults;
    const struct soa_settings *a = &own->soa, *b = &shared->soa;
    const struct zone_settings *served = own->name_server_count ? own : shared;
    zone->name_servers = served->name_servers;
    zone->name_server_count = served->name_server_count;
    zone->ttl_s = soa_number(own->ttl_s, shared->ttl_s, 5 * 60);
    zone->soa = (struct inventory_soa){
        .mname = soa_name(a->mname, b->mname),
        .rname = soa_name(a->rname, b->rname),
        .refresh_s = soa_number(a->refresh_s, b->refresh_s, 3600),
        .retry_s = soa_number(a->retry_s, b->retry_s, 10 * 60),
        .expire_s = soa_number(a->expire_s, b->expire_s, 7 * 24 * 3600),
        .minimum_s = soa_number(a->minimum_s, b->minimum_s, 60),
        .serial = (enum soa_serial)soa_number(a->serial, b->serial, SOA_SERIAL_UNIXTIME),
        .at_least = soa_number(a->at_least, b->at_least, 0),
    };
    if (!zone->soa.mname.len && zone->name_server_count)
        zone->soa.mname = zone->name_servers[0].host;
}

static int apex_order(const void *a, const void *b)
{
    const struct inventory_zone *left = a, *right = b;
    return name_compare(left->apex, right->apex);
}

void zones_build(struct load *load)
{
    static const struct zone_settings nothing = {0};
    struct inventory *inventory = load->inventory;
    size_t room = load->zone_count;
    for (uint32_t i = 0; i < load->domain_count; i++)
        room += load->domains[i].component_of == INVENTORY_NONE ? load->domains[i].zone_count : 0;
    struct inventory_zone *zones = arena_array(load->arena, struct inventory_zone, room);
    uint32_t count = 0, unique = 0;
    for (uint32_t i = 0; i < load->zone_count; i++)
        zones[count++].apex = load->zones[i].apex;
    for (uint32_t i = 0; i < load->domain_count; i++)
        for (uint32_t k = 0;
             load->domains[i].component_of == INVENTORY_NONE && k < load->domains[i].zone_count;
             k++)
            zones[count++].apex = load->domains[i].zones[k];
    if (count > 1)
        qsort(zones, count, sizeof *zones, apex_order);
    for (uint32_t i = 0, declared = 0; i < count; i++) {
        if (unique > 0 && name_equal(zones[unique - 1].apex, zones[i].apex))
            continue;
        struct name apex = zones[i].apex;
        while (declared < load->zone_count && name_compare(load->zones[declared].apex, apex) < 0)
            declared++;
        bool is_declared =
            declared < load->zone_count && name_equal(load->zones[declared].apex, apex);
        zones[unique] = (struct inventory_zone){.apex = apex};
        zone_fill(load, &zones[unique++], is_declared ? &load->zones[declared].settings : &nothing);
    }
    inventory->zones = zones;
    inventory->zone_count = unique;
}

/* ---- hosts ---- */

static int host_order(const void *a, const void *b)
{
    const struct host_use *left = a, *right = b;
    int order = name_compare(left->host, right->host);
    if (order == 0) /* nodes first, so that the name server is the one to be mended */
        order = (left->name_server != NULL) - (right->name_server != NULL);
    return order ? order : strcmp(left->place.pointer, right->place.pointer);
}

static bool has_addresses(const struct host_use *use)
{
    return use->addresses.ipv4_count || use->addresses.ipv6_count;
}

static bool addresses_equal(const struct address_list *a, const struct address_list *b)
{
    return a->ipv4_count == b->ipv4_count && a->ipv6_count == b->ipv6_count &&
           (!a->ipv4_count || memcmp(a->ipv4, b->ipv4, a->ipv4_count * sizeof *a->ipv4) == 0) &&
           (!a->ipv6_count || memcmp(a->ipv6, b->ipv6, a->ipv6_count * sizeof *a->ipv6) == 0);
}

static void host_check(struct load *load, const struct host_use *use, const struct host_use *first,
                       const struct host_use *known)
{
    const struct inventory *inventory = load->inventory;
    if (!use->name_server && use != first)
        mistake_add(&load->mistakes, &use->place, "duplicate-host",
                    "give one of the nodes another \"host\"",
                    "expected a host that no other node has, found %s, which %s has",
                    text_name_print(&load->mistakes.arena, use->host), first->place.pointer);
    else if (has_addresses(use) && !addresses_equal(&use->addresses, &known->addresses))
        mistake_add(&load->mistakes, &use->place, "addresses-differ",
                    "write the same addresses in both places, or leave them out here",
                    "expected the addresses that the host has at %s, found others",
                    known->place.pointer);
    else if (use->name_server && !has_addresses(known) &&
             inventory_zone_of(inventory, use->host) != INVENTORY_NONE)
        mistake_add(&load->mistakes, &use->place, "name-server-without-address",
                    "write { \"host\": …, \"addresses\": […] }",
                    "expected addresses, since the name server's host is in a zone that is "
                    "served from here; found none");
    if (use->name_server && has_addresses(known)) {
        use->name_server->ipv4 = known->addresses.ipv4;
        use->name_server->ipv4_count = known->addresses.ipv4_count;
        use->name_server->ipv6 = known->addresses.ipv6;
        use->name_server->ipv6_count = known->addresses.ipv6_count;
    }
}

void hosts_check(struct load *load)
{
    struct host_use *hosts = load->hosts;
    if (load->host_count > 1)
        qsort(hosts, load->host_count, sizeof *hosts, host_order);
    for (size_t from = 0, to; from < load->host_count; from = to) {
        const struct host_use *known = &hosts[from];
        for (to = from; to < load->host_count && name_equal(hosts[to].host, hosts[from].host); to++)
            if (!has_addresses(known))
                known = &hosts[to];
        for (size_t i = from; i < to; i++)
            host_check(load, &hosts[i], &hosts[from], known);
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "make_inventory.h"

#include "srvplan/recurrence.h"
#include "srvplan/rrule.h"
#include "zones/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one element more behind an array of `count`, doubling at powers of two. */
static void *room(struct arena *arena, const void *array, uint32_t count, size_t size)
{
    if (count & (count - 1) || (count == 0 && array))
        return (void *)(uintptr_t)array;
    void *grown = arena_alloc_array(arena, count ? (size_t)count * 2 : 1, size);
    if (count)
        memcpy(grown, array, count * size);
    return grown;
}

#define ADD(inventory, array, count)                                                               \
    ((inventory)->array = room(&(inventory)->arena, (inventory)->array, (inventory)->count,        \
                               sizeof *(inventory)->array),                                        \
     &(inventory)->array[(inventory)->count++])

struct inventory *make_inventory(void)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (!inventory)
        abort();
    inventory->policy.guard_min_nodes = 1;
    inventory->policy.weight_min = 1;
    inventory->policy.usual_capacity = CAPACITY_USUAL;
    return inventory;
}

struct name make_name(struct inventory *inventory, const char *text)
{
    struct name name;
    struct error err = {0};
    if (!text_name_parse(&inventory->arena, text_from(text), &name, &err)) {
        fprintf(stderr, "make_name(%s): %s\n", text, err.message);
        abort();
    }
    return name;
}

static struct text text_of(struct inventory *inventory, const char *string)
{
    return arena_text(&inventory->arena, text_from(string));
}

void make_service(struct inventory *inventory, const char *id, const char *srv, uint16_t port,
                  int32_t priority_offset)
{
    struct name labels = make_name(inventory, srv);
    *ADD(inventory, services, service_count) = (struct inventory_service){
        .id = text_of(inventory, id),
        .srv = text_of(inventory, srv),
        .srv_labels = {labels.wire, labels.len - 1},
        .port = port,
        .priority_offset = priority_offset,
    };
}

void make_pool(struct inventory *inventory, const char *pool)
{
    inventory->services[inventory->service_count - 1].pool = text_of(inventory, pool);
}

void make_absent_service(struct inventory *inventory, const char *id, const char *srv)
{
    make_service(inventory, id, srv, 0, 0);
    inventory->services[inventory->service_count - 1].is_absent = true;
}

void make_tier(struct inventory *inventory, const char *id, uint16_t priority)
{
    *ADD(inventory, tiers, tier_count) =
        (struct inventory_tier){.id = text_of(inventory, id), .priority = priority};
}

static void *address_of(struct inventory *inventory, int family, const char *text)
{
    uint8_t *address = arena_alloc(&inventory->arena, 16);
    if (inet_pton(family, text, address) != 1)
        abort();
    return address;
}

void make_node(struct inventory *inventory, const struct make_node *node)
{
    uint32_t services = inventory->service_count;
    uint16_t *ports = arena_array(&inventory->arena, uint16_t, services);
    int32_t *weights = arena_array(&inventory->arena, int32_t, services);
    bool *offers = arena_array(&inventory->arena, bool, services);
    const char *host =
        node->host ? node->host : arena_printf(&inventory->arena, "%s.example.org", node->id);
    if (node->port)
        ports[0] = node->port;
    for (uint32_t i = 0; i < services; i++) {
        offers[i] = node->offers ? node->offers[i] : !inventory->services[i].is_absent;
        weights[i] = node->weight ? (int32_t)strtol(node->weight, NULL, 10) : -1;
    }
    *ADD(inventory, nodes, node_count) = (struct inventory_node){
        .id = text_of(inventory, node->id),
        .host = make_name(inventory, host),
        .ipv4 = node->ipv4 ? address_of(inventory, AF_INET, node->ipv4) : NULL,
        .ipv4_count = node->ipv4 != NULL,
        .ipv6 = node->ipv6 ? address_of(inventory, AF_INET6, node->ipv6) : NULL,
        .ipv6_count = node->ipv6 != NULL,
        .capacity = node->capacity ? node->capacity : 100,
        .tier = node->tier,
        .site = node->site ? text_of(inventory, node->site) : (struct text){0},
        .state = node->state,
        .ports = ports,
        .offers = offers,
        .weights = weights,
    };
}

uint32_t make_selection(struct inventory *inventory, const uint32_t *nodes, uint32_t count)
{
    uint32_t *kept = arena_array(&inventory->arena, uint32_t, count);
    if (count)
        memcpy(kept, nodes, count * sizeof *kept);
    *ADD(inventory, selections, selection_count) = (struct inventory_selection){kept, count};
    return inventory->selection_count - 1;
}

uint32_t make_selection_of_all(struct inventory *inventory)
{
    uint32_t *nodes = arena_array(&inventory->arena, uint32_t, inventory->node_count);
    for (uint32_t i = 0; i < inventory->node_count; i++)
        nodes[i] = i;
    return make_selection(inventory, nodes, inventory->node_count);
}

void make_zone(struct inventory *inventory, const struct make_zone *zone)
{
    uint32_t count = 0;
    while (zone->name_servers && zone->name_servers[count])
        count++;
    struct inventory_name_server *servers =
        arena_array(&inventory->arena, struct inventory_name_server, count);
    for (uint32_t i = 0; i < count; i++) {
        servers[i].host = make_name(inventory, zone->name_servers[i]);
        if (zone->name_server_ipv4) {
            servers[i].ipv4 = address_of(inventory, AF_INET, zone->name_server_ipv4);
            servers[i].ipv4_count = 1;
        }
    }
    *ADD(inventory, zones, zone_count) = (struct inventory_zone){
        .apex = make_name(inventory, zone->apex),
        .name_servers = servers,
        .name_server_count = count,
        .soa = {.mname = count ? servers[0].host : (struct name){0},
                .rname = zone->rname ? make_name(inventory, zone->rname) : (struct name){0},
                .refresh_s = 3600,
                .retry_s = 600,
                .expire_s = 604800,
                .minimum_s = zone->minimum_s ? zone->minimum_s : 60,
                .serial = zone->serial},
        .ttl_s = zone->ttl_s ? zone->ttl_s : 300,
    };
}

void make_domain(struct inventory *inventory, const struct make_domain *domain)
{
    uint32_t *services = arena_array(&inventory->arena, uint32_t, inventory->service_count);
    uint32_t count = 0;
    for (uint32_t i = 0; !domain->services && i < inventory->service_count; i++)
        if (!inventory->services[i].is_absent)
            services[count++] = i;
    for (uint32_t i = 0; domain->services && i < domain->service_count; i++)
        services[count++] = domain->services[i];
    uint32_t ttl_s = domain->ttl_s ? domain->ttl_s : 300;
    uint32_t drain_ttl_s = domain->drain_ttl_s ? domain->drain_ttl_s : 60;
    *ADD(inventory, domains, domain_count) = (struct inventory_domain){
        .name = make_name(inventory, domain->name),
        .ttl_s = ttl_s,
        .services = services,
        .service_count = count,
        .selection = domain->selection,
        .drain_ttl_s = drain_ttl_s < ttl_s ? drain_ttl_s : ttl_s,
        .component_of = INVENTORY_NONE,
    };
}

void make_window(struct inventory *inventory, const struct make_window *window)
{
    struct arena *arena = &inventory->arena;
    struct local_time start;
    struct rrule_mistake mistake;
    struct error err = {0};
    struct inventory_window made = {
        .id = text_of(inventory, window->id),
        .node_count = window->node_count,
        .start = text_of(inventory, window->start),
        .end = window->has_end ? text_of(inventory, "as duration_s says") : (struct text){0},
        .duration_s = window->duration_s ? window->duration_s : 3600,
        .timezone = text_of(inventory, window->timezone ? window->timezone : "UTC"),
        .rrule = window->rrule ? text_of(inventory, window->rrule) : (struct text){0},
        .is_serial = window->is_serial,
        .comment = text_of(inventory, window->comment),
    };
    uint32_t *nodes = arena_array(arena, uint32_t, window->node_count);
    if (window->node_count)
        memcpy(nodes, window->nodes, window->node_count * sizeof *nodes);
    made.nodes = nodes;
    made.clock = tzfile_load(arena, TZFILE_DIRECTORY, made.timezone, &err);
    bool is_fine = local_time_parse(made.start, &start, &err) && made.clock &&
                   (!made.rrule.len || rrule_check(made.rrule, &start, &mistake));
    if (is_fine)
        made.when = recurrence_make(arena, start, made.clock, made.rrule, &err);
    if (!made.when) {
        fprintf(stderr, "make_window(%s): %s\n", window->id, err.message);
        abort();
    }
    *ADD(inventory, windows, window_count) = made;
}

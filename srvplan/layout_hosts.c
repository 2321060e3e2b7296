/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/layout_build.h"

#include <stdlib.h>
#include <string.h>

/* Addresses in the order of their bytes, each once. */
static void *addresses_sorted(struct arena *arena, const void *addresses, size_t size,
                              uint32_t *count)
{
    uint8_t *sorted = arena_alloc_array(arena, *count, size);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        const uint8_t *address = (const uint8_t *)addresses + i * size;
        uint32_t at = 0;
        while (at < kept && memcmp(sorted + at * size, address, size) < 0)
            at++;
        if (at < kept && memcmp(sorted + at * size, address, size) == 0)
            continue;
        memmove(sorted + (at + 1) * size, sorted + at * size, (kept - at) * size);
        memcpy(sorted + at * size, address, size);
        kept++;
    }
    *count = kept;
    return sorted;
}

static bool has_addresses(const struct layout_host *host)
{
    return host->ipv4_count + host->ipv6_count > 0;
}

static bool same_addresses(const struct layout_host *a, const struct layout_host *b)
{
    return a->ipv4_count == b->ipv4_count && a->ipv6_count == b->ipv6_count &&
           (a->ipv4_count == 0 || memcmp(a->ipv4, b->ipv4, a->ipv4_count * sizeof *a->ipv4) == 0) &&
           (a->ipv6_count == 0 || memcmp(a->ipv6, b->ipv6, a->ipv6_count * sizeof *a->ipv6) == 0);
}

static void report_conflict(struct layout_work *work, struct layout_host *host)
{
    if (host->is_in_conflict)
        return;
    host->is_in_conflict = true;
    struct text name = layout_name_text(work, host->name);
    struct finding finding = {
        .severity = FINDING_ERROR,
        .code = "host-addresses-differ",
        .message = arena_printf(&work->scratch,
                                "host %.*s stands in two places with different "
                                "addresses",
                                (int)name.len, name.ptr),
        .mend = "give both the same addresses, or leave them out at all places but one",
    };
    layout_find(work, &finding, "hosts", name);
}

/* Adds a host, or what this place says of it to what another said. */
static uint32_t host_add(struct layout_work *work, const struct layout_host *said)
{
    struct layout_host fresh = *said;
    fresh.ipv4 = addresses_sorted(work->arena, said->ipv4, sizeof *said->ipv4, &fresh.ipv4_count);
    fresh.ipv6 = addresses_sorted(work->arena, said->ipv6, sizeof *said->ipv6, &fresh.ipv6_count);
    struct bytes key = {said->name.wire, said->name.len};
    uint32_t known = work->host_names.count;
    uint32_t number = intern_add(&work->host_names, key);
    if (number == known) {
        work->hosts = arena_grow(&work->scratch, work->hosts, &work->host_capacity,
                                 (size_t)number + 1, sizeof *work->hosts);
        fresh.zone = inventory_zone_of(work->inventory, said->name);
        fresh.ipv4_set = fresh.ipv6_set = CONTENT_NONE;
        work->hosts[number] = fresh;
        return number;
    }
    struct layout_host *host = &work->hosts[number];
    if (!has_addresses(&fresh))
        return number;
    if (!has_addresses(host)) {
        host->ipv4 = fresh.ipv4;
        host->ipv4_count = fresh.ipv4_count;
        host->ipv6 = fresh.ipv6;
        host->ipv6_count = fresh.ipv6_count;
    } else if (!same_addresses(host, &fresh)) {
        report_conflict(work, host);
    }
    return number;
}

static void add_nodes(struct layout_work *work)
{
    const struct inventory *inventory = work->inventory;
    work->node_hosts = arena_array(&work->scratch, uint32_t, inventory->node_count);
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        const struct inventory_node *node = &inventory->nodes[i];
        work->node_hosts[i] = host_add(work, &(struct layout_host){
                                                 .name = node->host,
                                                 .ipv4 = node->ipv4,
                                                 .ipv4_count = node->ipv4_count,
                                                 .ipv6 = node->ipv6,
                                                 .ipv6_count = node->ipv6_count,
                                             });
    }
}

static void add_name_servers(struct layout_work *work)
{
    const struct inventory_name_server *last = NULL; /* zones by default share one list */
    for (uint32_t i = 0; i < work->inventory->zone_count; i++) {
        const struct inventory_zone *zone = &work->inventory->zones[i];
        if (zone->name_servers == last)
            continue;
        last = zone->name_servers;
        for (uint32_t j = 0; j < zone->name_server_count; j++) {
            const struct inventory_name_server *server = &zone->name_servers[j];
            host_add(work, &(struct layout_host){.name = server->host,
                                                 .ipv4 = server->ipv4,
                                                 .ipv4_count = server->ipv4_count,
                                                 .ipv6 = server->ipv6,
                                                 .ipv6_count = server->ipv6_count});
        }
    }
}

static int by_host_name(const void *left, const void *right, void *data)
{
    const struct layout_host *hosts = data;
    return name_compare(hosts[*(const uint32_t *)left].name, hosts[*(const uint32_t *)right].name);
}

static void sort_hosts(struct layout_work *work)
{
    uint32_t count = work->host_names.count;
    work->host_order = arena_array(&work->scratch, uint32_t, count);
    for (uint32_t i = 0; i < count; i++)
        work->host_order[i] = i;
    if (count)
        qsort_r(work->host_order, count, sizeof *work->host_order, by_host_name, work->hosts);
}

void layout_hosts(struct layout_work *work)
{
    work->host_names = intern_over(&work->scratch);
    add_nodes(work);
    add_name_servers(work);
    sort_hosts(work);
}

uint32_t layout_host_of(const struct layout_work *work, struct name name)
{
    return intern_find(&work->host_names, (struct bytes){name.wire, name.len});
}

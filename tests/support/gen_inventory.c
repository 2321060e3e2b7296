/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gen_inventory.h"

#include "make_inventory.h"
#include "zones/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMES_MAX = 64
};

struct gen gen_start(uint64_t seed)
{
    return (struct gen){seed};
}

/* SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators"). */
static uint64_t next(struct gen *gen)
{
    uint64_t z = gen->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t gen_below(struct gen *gen, uint32_t limit)
{
    return (uint32_t)(next(gen) % limit);
}

static bool one_in(struct gen *gen, uint32_t n)
{
    return gen_below(gen, n) == 0;
}

static void add_services(struct gen *gen, struct inventory *inventory)
{
    static const struct {
        const char *id, *srv, *pool;
        uint16_t port;
    } known[] = {{"sips", "_sips._tcp", NULL, 5061},
                 {"xmpp-client", "_xmpp-client._tcp", "c2s", 5222},
                 {"xmpp-server", "_xmpp-server._tcp", "s2s", 5269},
                 {"xmpps-client", "_xmpps-client._tcp", "c2s", 5223}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (i != 1 && one_in(gen, 3))
            continue;
        if (i != 1 && one_in(gen, 3))
            make_absent_service(inventory, known[i].id, known[i].srv);
        else
            make_service(inventory, known[i].id, known[i].srv, known[i].port,
                         one_in(gen, 4) ? (int32_t)gen_below(gen, 3) - 1 : 0);
        if (known[i].pool)
            make_pool(inventory, known[i].pool);
    }
}

/* Some names below "example", sorted, each once; the first is "example". */
static uint32_t gen_names(struct gen *gen, struct inventory *inventory, uint32_t wanted,
                          const char **names)
{
    static const char *const labels[] = {"a", "b", "chat", "_tcp", "0", "z-1"};
    struct arena *arena = &inventory->arena;
    uint32_t count = 0;
    names[count++] = "example";
    for (uint32_t i = 1; i < wanted; i++) {
        const char *fresh = arena_printf(arena, "%s.%s", labels[gen_below(gen, COUNT_OF(labels))],
                                         names[gen_below(gen, count)]);
        uint32_t at = 0;
        struct name name = make_name(inventory, fresh);
        while (at < count && name_compare(make_name(inventory, names[at]), name) < 0)
            at++;
        if (at < count && name_equal(make_name(inventory, names[at]), name))
            continue;
        memmove(names + at + 1, names + at, (count - at) * sizeof *names);
        names[at] = fresh;
        count++;
    }
    return count;
}

static uint32_t gen_capacity(struct gen *gen)
{
    switch (gen_below(gen, 3)) {
    case 0:
        return 1 + gen_below(gen, 10);
    case 1:
        return 100 * (1 + gen_below(gen, 10));
    default:
        return 1 + gen_below(gen, 1000000000);
    }
}

/* A node may have the very name of a domain; only one, as in inventories that load. */
static bool is_host(const struct inventory *inventory, uint32_t count, const char *host)
{
    struct arena scratch = {0};
    struct error err = {0};
    struct name name;
    bool found = false;
    if (!text_name_parse(&scratch, text_from(host), &name, &err))
        abort();
    for (uint32_t i = 0; i < count && !found; i++)
        found = name_equal(inventory->nodes[i].host, name);
    arena_fini(&scratch);
    return found;
}

static void add_nodes(struct gen *gen, struct inventory *inventory, uint32_t count,
                      const char *const *names, uint32_t name_count)
{
    static const enum node_state states[] = {NODE_UP,    NODE_UP,    NODE_UP, NODE_UP,
                                             NODE_DRAIN, NODE_MAINT, NODE_OFF};
    struct arena *arena = &inventory->arena;
    for (uint32_t i = 0; i < count; i++) {
        const char *parent = one_in(gen, 5) ? "elsewhere.test" : names[gen_below(gen, name_count)];
        bool *offers = arena_array(arena, bool, inventory->service_count);
        for (uint32_t j = 0; j < inventory->service_count; j++)
            offers[j] = !inventory->services[j].is_absent && !one_in(gen, 8);
        struct make_node node = {
            .id = arena_printf(arena, "n%03u", i),
            .host = one_in(gen, 10) && !is_host(inventory, i, parent)
                        ? parent
                        : arena_printf(arena, "n%03u.%s", i, parent),
            .capacity = inventory->policy.scale == WEIGHTS_RAW ? 1 + gen_below(gen, 65535)
                                                               : gen_capacity(gen),
            .tier = gen_below(gen, inventory->tier_count),
            .state = states[gen_below(gen, COUNT_OF(states))],
            /* Another zone's host may have this name, and must not contradict it. */
            .ipv4 = "192.0.2.1",
            .ipv6 = one_in(gen, 2) ? NULL : "2001:db8::1",
            .weight = one_in(gen, 8) ? arena_printf(arena, "%u", gen_below(gen, 65536)) : NULL,
            .port = one_in(gen, 8) ? (uint16_t)(1 + gen_below(gen, 65535)) : 0,
            .offers = offers,
        };
        make_node(inventory, &node);
    }
}

static void add_selections(struct gen *gen, struct inventory *inventory)
{
    uint32_t *nodes = arena_array(&inventory->arena, uint32_t, inventory->node_count);
    make_selection_of_all(inventory);
    for (uint32_t i = gen_below(gen, 3); i > 0; i--) {
        uint32_t count = 0;
        for (uint32_t j = 0; j < inventory->node_count; j++)
            if (!one_in(gen, 3))
                nodes[count++] = j;
        make_selection(inventory, nodes, count);
    }
}

static void add_zones(struct gen *gen, struct inventory *inventory, const char *const *names,
                      uint32_t count)
{
    bool has_root = !one_in(gen, 20); /* without it some owner may be in no zone */
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 ? !has_root : !one_in(gen, 3))
            continue;
        const char *servers[] = {
            one_in(gen, 2) ? arena_printf(&inventory->arena, "ns.%s", names[gen_below(gen, count)])
                           : "ns.elsewhere.test",
            one_in(gen, 2) ? "ns2.elsewhere.test" : NULL, NULL};
        make_zone(inventory,
                  &(struct make_zone){
                      .apex = names[i],
                      .name_servers = servers,
                      .name_server_ipv4 = "192.0.2.53",
                      .ttl_s = one_in(gen, 4) ? 3600 : 300,
                      .serial = one_in(gen, 8) ? SOA_SERIAL_COUNTER : SOA_SERIAL_UNIXTIME,
                  });
    }
}

static void add_domains(struct gen *gen, struct inventory *inventory, const char *const *names,
                        uint32_t count)
{
    static const uint32_t ttls[] = {300, 300, 60, 3600};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t services[8], chosen = 0;
        if (one_in(gen, 4))
            continue;
        for (uint32_t j = 0; j < inventory->service_count; j++)
            if (!inventory->services[j].is_absent && !one_in(gen, 4))
                services[chosen++] = j;
        make_domain(inventory,
                    &(struct make_domain){.name = names[i],
                                          .ttl_s = ttls[gen_below(gen, COUNT_OF(ttls))],
                                          .selection = gen_below(gen, inventory->selection_count),
                                          .services = services,
                                          .service_count = chosen});
    }
}

struct inventory *gen_inventory(uint64_t seed, uint32_t size)
{
    struct gen gen = gen_start(seed);
    struct inventory *inventory = make_inventory();
    const char *names[NAMES_MAX];
    uint32_t wanted = size + 1 < NAMES_MAX ? size + 1 : NAMES_MAX;
    inventory->policy.scale = one_in(&gen, 5) ? WEIGHTS_RAW : WEIGHTS_UNIVERSAL;
    inventory->policy.guard_min_nodes = 1 + gen_below(&gen, 3);
    add_services(&gen, inventory);
    for (uint32_t i = 0, tiers = 1 + gen_below(&gen, 3); i < tiers; i++)
        make_tier(inventory, arena_printf(&inventory->arena, "t%u", i),
                  (uint16_t)(1 + gen_below(&gen, 3) * 10));
    uint32_t count = gen_names(&gen, inventory, 1 + gen_below(&gen, wanted), names);
    add_nodes(&gen, inventory, 1 + gen_below(&gen, size + 1), names, count);
    add_selections(&gen, inventory);
    add_zones(&gen, inventory, names, count);
    add_domains(&gen, inventory, names, count);
    return inventory;
}

static int64_t gen_moment(struct gen *gen)
{
    return GEN_NOW_MS + (int64_t)gen_below(gen, 5) - 2;
}

struct overlays gen_overlays(struct inventory *inventory, uint64_t seed)
{
    static const struct text ghost = {"ghost", 5}, star = {"*", 1};
    struct gen gen = gen_start(seed ^ 0xd7a1);
    struct arena *arena = &inventory->arena;
    struct overlays overlays = {.drain_count = gen_below(&gen, 4),
                                .weight_count = gen_below(&gen, 4)};
    struct overlay_drain *drains = arena_array(arena, struct overlay_drain, overlays.drain_count);
    struct overlay_weight *weights =
        arena_array(arena, struct overlay_weight, overlays.weight_count);
    for (uint32_t i = 0; i < overlays.drain_count; i++)
        drains[i] = (struct overlay_drain){
            .id = text_from(arena_printf(arena, "dr_%u", i)),
            .node = one_in(&gen, 8) ? ghost
                                    : inventory->nodes[gen_below(&gen, inventory->node_count)].id,
            .since_at_ms = gen_moment(&gen),
            .until_at_ms = one_in(&gen, 2) ? OVERLAY_NO_END : gen_moment(&gen),
            .services = &inventory->services[gen_below(&gen, inventory->service_count)].id,
            .service_count = one_in(&gen, 3),
        };
    for (uint32_t i = 0; i < overlays.weight_count; i++) {
        static const int32_t most[] = {65535, 1000, 65535};
        uint32_t form = gen_below(&gen, 3);
        int32_t value = (int32_t)gen_below(&gen, (uint32_t)most[form] + 1);
        weights[i] = (struct overlay_weight){
            .node = inventory->nodes[gen_below(&gen, inventory->node_count)].id,
            .service = one_in(&gen, 2)
                           ? star
                           : inventory->services[gen_below(&gen, inventory->service_count)].id,
            .form = (enum weight_form)form,
            .value = form == WEIGHT_ADD && one_in(&gen, 2) ? -value : value,
            .since_at_ms = gen_moment(&gen),
            .until_at_ms = one_in(&gen, 2) ? OVERLAY_NO_END : gen_moment(&gen),
        };
    }
    overlays.drains = drains;
    overlays.weights = weights;
    return overlays;
}

/* -- a year -------------------------------------------------------------------------------------
 */

enum {
    HOUR_S = 3600,
    YEAR_HOURS = 365 * 24,
};

static void gen_policy(struct gen *gen, struct inventory_policy *policy)
{
    static const uint32_t ramps[] = {0, 0, 60, 600, 607, 3600};
    static const uint32_t part_ppb[] = {0, 250000000, 500000000, 750000000};
    policy->drain_mode = one_in(gen, 3) ? (enum drain_mode)gen_below(gen, 4) : DRAIN_REMOVE;
    policy->drain_to_ppb = 1 + gen_below(gen, RATIO_ONE);
    policy->ramp_s = ramps[gen_below(gen, COUNT_OF(ramps))];
    policy->ramp_steps = 1 + gen_below(gen, 6);
    policy->grace_s = 1 + gen_below(gen, 60);
    policy->is_lead_auto = !one_in(gen, 4);
    policy->guard_min_capacity_ppb = part_ppb[gen_below(gen, COUNT_OF(part_ppb))];
    policy->guard_max_drains = gen_below(gen, 3);
    policy->guard_survives_failure = one_in(gen, 4);
    policy->guard_min_sites = gen_below(gen, 2);
}

static const char *gen_rrule(struct gen *gen)
{
    static const char *const rules[] = {
        NULL,
        NULL,
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU",
        "FREQ=MONTHLY;BYDAY=1SU",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=DAILY;INTERVAL=5",
        "FREQ=DAILY;COUNT=9",
        "FREQ=YEARLY",
        "FREQ=DAILY",
    };
    return rules[gen_below(gen, COUNT_OF(rules))];
}

/* "2026-03-29T02:30": often at the hours when clocks change. */
static const char *gen_local_time(struct gen *gen, struct arena *arena)
{
    static const char *const days[] = {"2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01"};
    static const uint32_t hours[] = {0, 1, 2, 2, 3, 12, 23};
    const char *day =
        arena_printf(arena, "2026-%02u-%02u", 1 + gen_below(gen, 12), 1 + gen_below(gen, 28));
    if (one_in(gen, 4))
        day = days[gen_below(gen, COUNT_OF(days))];
    return arena_printf(arena, "%sT%02u:%02u", day, hours[gen_below(gen, COUNT_OF(hours))],
                        one_in(gen, 2) ? 0 : gen_below(gen, 60));
}

void gen_windows(struct inventory *inventory, uint64_t seed)
{
    static const char *const zones[] = {"UTC", "Europe/Amsterdam", "America/New_York",
                                        "Australia/Lord_Howe"};
    struct gen gen = gen_start(seed ^ 0x71de);
    struct arena *arena = &inventory->arena;
    uint32_t *nodes = arena_array(arena, uint32_t, inventory->node_count);
    gen_policy(&gen, &inventory->policy);
    for (uint32_t i = 0; i < inventory->domain_count; i++)
        inventory->domains[i].drain_ttl_s = 1 + gen_below(&gen, inventory->domains[i].ttl_s);
    for (uint32_t i = 0; i < inventory->node_count; i++)
        inventory->nodes[i].site = text_from(one_in(&gen, 2) ? "east" : "west");
    for (uint32_t i = gen_below(&gen, 4); i > 0; i--) {
        uint32_t count = 0;
        for (uint32_t j = 0; j < inventory->node_count; j++)
            if (one_in(&gen, inventory->node_count))
                nodes[count++] = j;
        if (count == 0)
            nodes[count++] = gen_below(&gen, inventory->node_count);
        make_window(inventory,
                    &(struct make_window){.id = arena_printf(arena, "w%u", 9 - i),
                                          .nodes = nodes,
                                          .node_count = count,
                                          .start = gen_local_time(&gen, arena),
                                          .duration_s = 60 * (1 + gen_below(&gen, 300)),
                                          .has_end = one_in(&gen, 4),
                                          .timezone = zones[gen_below(&gen, COUNT_OF(zones))],
                                          .rrule = gen_rrule(&gen),
                                          .is_serial = one_in(&gen, 2)});
    }
}

struct overlays gen_year_of_drains(struct inventory *inventory, uint64_t seed)
{
    struct gen gen = gen_start(seed ^ 0xd2a1);
    struct arena *arena = &inventory->arena;
    struct overlays overlays = {.drain_count = gen_below(&gen, 4)};
    struct overlay_drain *drains = arena_array(arena, struct overlay_drain, overlays.drain_count);
    for (uint32_t i = 0; i < overlays.drain_count; i++) {
        int64_t asked_ms = GEN_YEAR_MS + 1000 * (int64_t)HOUR_S * gen_below(&gen, YEAR_HOURS);
        int64_t since_ms = asked_ms + (one_in(&gen, 3) ? 1000 * (int64_t)gen_below(&gen, 9000) : 0);
        drains[i] = (struct overlay_drain){
            .id = text_from(arena_printf(arena, "dr_%u", i)),
            .node = inventory->nodes[gen_below(&gen, inventory->node_count)].id,
            .requested_at_ms = asked_ms,
            .since_at_ms = since_ms,
            .until_at_ms = one_in(&gen, 8) ? OVERLAY_NO_END
                                           : since_ms + 1000 * (int64_t)gen_below(&gen, 200000),
            .mode = (enum drain_mode)gen_below(&gen, 4),
            .to_ppb = 1 + gen_below(&gen, RATIO_ONE),
            .ramp_s = one_in(&gen, 2) ? 0 : gen_below(&gen, 4000),
            .ramp_steps = gen_below(&gen, 7),
            .is_lead_auto = one_in(&gen, 2),
            .services = &inventory->services[gen_below(&gen, inventory->service_count)].id,
            .service_count = one_in(&gen, 4),
        };
    }
    overlays.drains = drains;
    return overlays;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/simulate_pool.h"

#include "zones/text.h"

#include <string.h>

/* What clients look up is fixed by the standards (RFC 6120, XEP-0368), whatever the inventory calls
 * its services. */
static const struct {
    const char *starttls, *direct_tls;
    enum client_role role;
} pairs[] = {
    {"_xmpp-client._tcp", "_xmpps-client._tcp", CLIENT_OF_USERS},
    {"_xmpp-server._tcp", "_xmpps-server._tcp", CLIENT_OF_SERVERS},
};

static bool is_direct_tls(const struct inventory_service *service)
{
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (text_is(service->srv, pairs[i].direct_tls))
            return true;
    return false;
}

/* The domain's set for a service with these labels, or false. */
static bool set_with_labels(const struct plan *plan, uint32_t domain, const char *srv,
                            uint32_t *set)
{
    const struct layout *layout = plan->input.layout;
    for (uint32_t i = layout->domain_first[domain]; i < layout->domain_first[domain + 1]; i++) {
        uint32_t candidate = layout->domain_sets[i];
        uint32_t service = layout->declared[candidate].service;
        if (text_is(layout->inventory->services[service].srv, srv)) {
            *set = candidate;
            return true;
        }
    }
    return false;
}

/* The sets of the pool, STARTTLS first; a null set has no targets and is left out. */
static uint32_t pool_sets(struct simulate_pool *pool, uint32_t sets[2])
{
    const struct plan *plan = pool->plan;
    struct text srv = plan->input.layout->inventory->services[pool->service].srv;
    uint32_t count = 0;
    pool->role = CLIENT_OTHER;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (!text_is(srv, pairs[i].starttls) && !text_is(srv, pairs[i].direct_tls))
            continue;
        pool->role = pairs[i].role;
        count += set_with_labels(plan, pool->domain, pairs[i].starttls, &sets[count]);
        count += set_with_labels(plan, pool->domain, pairs[i].direct_tls, &sets[count]);
        return count;
    }
    sets[0] = pool->set;
    return 1;
}

struct pool_target {
    struct share_target target;
    uint32_t node, service;
};

static uint32_t pool_collect(const struct simulate_pool *pool, const uint32_t *sets,
                             struct pool_target *found)
{
    const struct layout *layout = pool->plan->input.layout;
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->service_count; i++) {
        const struct plan_set *set = &pool->plan->sets[sets[i]];
        const struct inventory_service *service = &layout->inventory->services[pool->services[i]];
        for (uint32_t j = 0; j < set->member_count; j++) {
            const struct plan_member *member = &set->members[j];
            if (member->absence != PLAN_PRESENT)
                continue;
            found[count++] = (struct pool_target){
                .target = {.priority = member->priority,
                           .weight = member->weight,
                           .port = member->port,
                           .host = layout->inventory->nodes[member->node].host,
                           .is_direct_tls = is_direct_tls(service)},
                .node = member->node,
                .service = i,
            };
        }
    }
    return count;
}

static bool is_before(const struct pool_target *a, const struct pool_target *b)
{
    return a->node != b->node ? a->node < b->node : a->service < b->service;
}

/* By node, then service: insertion is enough, since members come nearly so. */
static void pool_sort(struct pool_target *found, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct pool_target moved = found[i];
        uint32_t at = i;
        while (at > 0 && is_before(&moved, &found[at - 1])) {
            found[at] = found[at - 1];
            at--;
        }
        found[at] = moved;
    }
}

static void pool_fill(struct simulate_pool *pool, const struct pool_target *found, uint32_t count,
                      struct arena *arena)
{
    pool->targets = arena_array(arena, struct share_target, count);
    pool->target_node = arena_array(arena, uint32_t, count);
    pool->target_service = arena_array(arena, uint32_t, count);
    pool->nodes = arena_array(arena, uint32_t, count);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || found[i].node != found[i - 1].node)
            pool->nodes[pool->node_count++] = found[i].node;
        pool->targets[i] = found[i].target;
        pool->target_node[i] = pool->node_count - 1;
        pool->target_service[i] = found[i].service;
    }
    pool->target_count = count;
}

/* "xmpp-client, xmpp-server" */
static const char *services_print(const struct plan *plan, uint32_t domain, struct arena *arena)
{
    const struct layout *layout = plan->input.layout;
    const char *list = "none";
    for (uint32_t i = layout->domain_first[domain]; i < layout->domain_first[domain + 1]; i++) {
        struct text id =
            layout->inventory->services[layout->declared[layout->domain_sets[i]].service].id;
        list = i == layout->domain_first[domain]
                   ? arena_printf(arena, "%.*s", (int)id.len, id.ptr)
                   : arena_printf(arena, "%s, %.*s", list, (int)id.len, id.ptr);
    }
    return list;
}

bool simulate_pool_of(struct simulate_pool *pool, struct arena *arena, struct error *err)
{
    struct simulate_pool made = {
        .plan = pool->plan, .domain = pool->domain, .service = pool->service};
    const struct plan *plan = made.plan;
    const struct layout *layout = plan->input.layout;
    const struct inventory *inventory = layout->inventory;
    uint32_t domain = made.domain, service = made.service;
    bool is_there = false;
    for (uint32_t i = layout->domain_first[domain]; i < layout->domain_first[domain + 1]; i++) {
        if (layout->declared[layout->domain_sets[i]].service == service) {
            made.set = layout->domain_sets[i];
            is_there = true;
        }
    }
    if (!is_there)
        return error_set(err, ERROR_NOT_FOUND, "%s does not offer %.*s; it has %s",
                         text_name_print(arena, inventory->domains[domain].name),
                         (int)inventory->services[service].id.len,
                         inventory->services[service].id.ptr, services_print(plan, domain, arena));
    uint32_t sets[2], most = 0;
    made.service_count = pool_sets(&made, sets);
    for (uint32_t i = 0; i < made.service_count; i++) {
        made.services[i] = layout->declared[sets[i]].service;
        most += plan->sets[sets[i]].member_count;
    }
    struct pool_target *found = arena_array(arena, struct pool_target, most);
    uint32_t count = pool_collect(&made, sets, found);
    pool_sort(found, count);
    pool_fill(&made, found, count, arena);
    *pool = made;
    return true;
}

static bool domain_find(const struct inventory *inventory, struct text text, struct arena *arena,
                        uint32_t *domain, struct error *err)
{
    struct name name;
    if (!text_name_parse(arena, text, &name, err))
        return false;
    for (uint32_t i = 0; i < inventory->domain_count; i++) {
        if (name_equal(inventory->domains[i].name, name)) {
            *domain = i;
            return true;
        }
    }
    const char *first =
        inventory->domain_count ? text_name_print(arena, inventory->domains[0].name) : "nothing";
    return error_set(err, ERROR_NOT_FOUND,
                     "%.*s: the inventory has no such domain; it has %u, the first is %s",
                     (int)text.len, text.ptr, inventory->domain_count, first);
}

bool simulate_pool_find(const struct plan *plan, struct text domain_and_service,
                        struct arena *arena, struct simulate_pool *pool, struct error *err)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    const char *slash = memchr(domain_and_service.ptr, '/', domain_and_service.len);
    uint32_t domain;
    if (!slash)
        return error_set(err, ERROR_USAGE,
                         "'%.*s': expected DOMAIN/SERVICE, as example.org/xmpp-client",
                         (int)domain_and_service.len, domain_and_service.ptr);
    struct text domain_text = {domain_and_service.ptr, (size_t)(slash - domain_and_service.ptr)};
    struct text id = {slash + 1, domain_and_service.len - domain_text.len - 1};
    if (!domain_find(inventory, domain_text, arena, &domain, err))
        return false;
    uint32_t service = inventory_find_service(inventory, id);
    if (service == INVENTORY_NONE)
        return error_set(err, ERROR_NOT_FOUND, "there is no service '%.*s'; %s has %s", (int)id.len,
                         id.ptr, text_name_print(arena, inventory->domains[domain].name),
                         services_print(plan, domain, arena));
    *pool = (struct simulate_pool){.plan = plan, .domain = domain, .service = service};
    return simulate_pool_of(pool, arena, err);
}

const char *simulate_pool_label(const struct simulate_pool *pool, struct arena *arena)
{
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    const char *domain = text_name_print(arena, inventory->domains[pool->domain].name);
    struct text id = inventory->services[pool->service].id;
    return arena_printf(arena, "%.*s/%.*s", (int)strlen(domain) - 1, domain, (int)id.len, id.ptr);
}

uint32_t simulate_node_find(const struct simulate_pool *pool, uint32_t node)
{
    for (uint32_t i = 0; i < pool->node_count; i++)
        if (pool->nodes[i] == node)
            return i;
    return INVENTORY_NONE;
}

bool simulate_is_serving(const struct simulate_pool *pool, uint32_t target)
{
    for (uint32_t i = 0; i < pool->target_count; i++)
        if (pool->target_service[i] == pool->target_service[target] &&
            pool->targets[i].priority < pool->targets[target].priority)
            return false;
    return true;
}

uint64_t simulate_serving_capacity(const struct simulate_pool *pool)
{
    const struct inventory *inventory = pool->plan->input.layout->inventory;
    uint32_t last = INVENTORY_NONE;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < pool->target_count; i++) {
        uint32_t node = pool->target_node[i]; /* they ascend */
        if (node == last || !simulate_is_serving(pool, i))
            continue;
        sum += inventory->nodes[pool->nodes[node]].capacity;
        last = node;
    }
    return sum;
}

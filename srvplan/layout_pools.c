/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pools, and whether their tiers stay apart.
 *
 * A client that takes xmpp-client and xmpps-client as one set (XEP-0368) goes by priority alone, so
 * with offsets of services a node of one tier can stand before one of the tier in front of it: X07.
 * It is an error here, so that no plan ever has it. */
#include "srvplan/layout_build.h"
#include "srvplan/lint.h"

#include <stdlib.h>
#include <string.h>

/* -- pools --------------------------------------------------------------------------------------
 */

struct pool_work {
    struct layout_work *work;
    uint32_t *pool_of; /* by service: the first service with that pool */
    uint32_t *picked;  /* sets of one pool of one domain, behind the pool */
    struct intern keys;
    struct layout_pool *pools;
    size_t capacity;
    size_t *audience_capacity; /* by pool */
    size_t capacity_capacity;
    struct intern audiences; /* by what they say */
    struct intern connected; /* pools and audiences */
};

static void name_pools(struct pool_work *pools)
{
    const struct inventory *inventory = pools->work->inventory;
    pools->pool_of = arena_array(&pools->work->scratch, uint32_t, inventory->service_count);
    for (uint32_t i = 0; i < inventory->service_count; i++) {
        struct text id = inventory->services[i].pool;
        pools->pool_of[i] = i;
        for (uint32_t j = 0; j < i && id.len && pools->pool_of[i] == i; j++)
            if (text_equal(inventory->services[j].pool, id))
                pools->pool_of[i] = j;
    }
}

/* A number for what an audience says; most domains have the policy's. */
static uint32_t audience_number(struct pool_work *pools, const struct inventory_audience *audience)
{
    struct layout_key key = {.arena = &pools->work->scratch};
    if (audience->parts != pools->work->inventory->policy.audience.parts)
        for (uint32_t i = 0; i < audience->count; i++) {
            struct text model = audience->parts[i].model;
            layout_key_bytes(&key, (struct bytes){(const uint8_t *)model.ptr, model.len});
            layout_key_u32(&key, audience->parts[i].part_ppb);
        }
    return intern_add(&pools->audiences, layout_key_end(&key));
}

static void connect(struct pool_work *pools, uint32_t pool,
                    const struct inventory_audience *audience)
{
    const uint32_t key[] = {pool, audience_number(pools, audience)};
    uint32_t known = pools->connected.count;
    if (intern_add(&pools->connected, (struct bytes){(const uint8_t *)key, sizeof key}) != known)
        return;
    struct layout_pool *in = &pools->pools[pool];
    in->audiences =
        arena_grow(pools->work->arena, in->audiences, &pools->audience_capacity[pool],
                   (size_t)in->audience_count + 1, sizeof(const struct inventory_audience *));
    in->audiences[in->audience_count++] = audience;
}

/* Adds the pool of `count` sets, which stand in picked[], or counts its domain. */
static void pool_add(struct pool_work *pools, uint32_t service, uint32_t count, uint32_t domain)
{
    struct layout_work *work = pools->work;
    pools->picked[0] = service;
    struct bytes key = {(const uint8_t *)pools->picked, (count + 1) * sizeof *pools->picked};
    uint32_t known = pools->keys.count, number = intern_add(&pools->keys, key);
    if (number == known) {
        uint32_t *sets = arena_array(work->arena, uint32_t, count);
        memcpy(sets, pools->picked + 1, count * sizeof *sets);
        pools->pools = arena_grow(work->arena, pools->pools, &pools->capacity, (size_t)number + 1,
                                  sizeof *pools->pools);
        pools->audience_capacity =
            arena_grow(&work->scratch, pools->audience_capacity, &pools->capacity_capacity,
                       (size_t)number + 1, sizeof *pools->audience_capacity);
        pools->pools[number] = (struct layout_pool){
            .id = work->inventory->services[service].pool,
            .sets = sets,
            .set_count = count,
            .domain = domain,
        };
    }
    pools->pools[number].domain_count++;
    connect(pools, number, &work->inventory->domains[domain].audience);
}

/* The pools of a domain: of each service that is the first of its pool in the inventory. */
static void add_domain(struct pool_work *pools, uint32_t domain)
{
    const struct layout *layout = pools->work->layout;
    const struct inventory *inventory = pools->work->inventory;
    const uint32_t *sets = layout->domain_sets + layout->domain_first[domain];
    uint32_t set_count = layout->domain_first[domain + 1] - layout->domain_first[domain];
    for (uint32_t i = 0; i < set_count; i++) {
        uint32_t pool = pools->pool_of[layout->declared[sets[i]].service], count = 0;
        bool is_first = true;
        for (uint32_t j = 0; j < set_count && is_first; j++) {
            uint32_t service = layout->declared[sets[j]].service;
            if (pools->pool_of[service] != pool)
                continue;
            is_first = j >= i;
            if (!inventory->services[service].is_absent)
                pools->picked[++count] = sets[j];
        }
        if (is_first && count > 0)
            pool_add(pools, pool, count, domain);
    }
}

/* -- tiers --------------------------------------------------------------------------------------
 */

/* What a tier's priority becomes in the services of a pool. */
struct span {
    uint32_t tier;
    uint16_t priority; /* of the tier itself */
    int64_t low, high;
    uint32_t low_service, high_service;
};

static int by_priority(const void *left, const void *right)
{
    const struct span *a = left, *b = right; /* no two of one priority */
    return a->priority < b->priority ? -1 : 1;
}

static void span_note(struct span *spans, uint32_t *count, const struct inventory *inventory,
                      uint32_t tier, uint32_t service)
{
    uint16_t own = inventory->tiers[tier].priority;
    int64_t priority = (int64_t)own + inventory->services[service].priority_offset;
    uint32_t at = 0;
    while (at < *count && spans[at].priority != own)
        at++;
    if (at == *count)
        spans[(*count)++] = (struct span){tier, own, priority, priority, service, service};
    struct span *span = &spans[at];
    if (priority < span->low) {
        span->low = priority;
        span->low_service = service;
    }
    if (priority > span->high) {
        span->high = priority;
        span->high_service = service;
    }
}

/* Tiers of the pool's nodes in order; those of one priority are one. */
static uint32_t spans_of(struct layout_work *work, const struct layout_pool *pool,
                         struct span *spans)
{
    const struct inventory *inventory = work->inventory;
    bool *has_tier = arena_array(&work->scratch, bool, inventory->tier_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->set_count; i++) {
        const struct declared_set *declared = &work->layout->declared[pool->sets[i]];
        const struct inventory_selection *selection = &inventory->selections[declared->selection];
        memset(has_tier, 0, inventory->tier_count * sizeof *has_tier);
        for (uint32_t j = 0; j < selection->node_count; j++) {
            const struct inventory_node *node = &inventory->nodes[selection->nodes[j]];
            if (!layout_is_member(node, declared->service) || has_tier[node->tier])
                continue;
            has_tier[node->tier] = true;
            span_note(spans, &count, inventory, node->tier, declared->service);
        }
    }
    if (count)
        qsort(spans, count, sizeof *spans, by_priority);
    return count;
}

/* "10 of tier primary +1 of xmpps-client" */
static const char *sum_print(struct layout_work *work, uint32_t tier, uint32_t service)
{
    const struct inventory_tier *of_tier = &work->inventory->tiers[tier];
    const struct inventory_service *of_service = &work->inventory->services[service];
    return arena_printf(&work->scratch, "%u of tier %.*s %+d of %.*s", of_tier->priority,
                        (int)of_tier->id.len, of_tier->id.ptr, of_service->priority_offset,
                        (int)of_service->id.len, of_service->id.ptr);
}

/* The offset of one service that works: as near to the other's as the tiers allow. */
static const char *mend_print(struct layout_work *work, const struct span *front,
                              const struct span *back)
{
    const struct inventory_service *services = work->inventory->services;
    const struct inventory_tier *tiers = work->inventory->tiers;
    const struct inventory_service *high = &services[front->high_service];
    const struct inventory_service *low = &services[back->low_service];
    int64_t gap = (int64_t)tiers[back->tier].priority - tiers[front->tier].priority;
    int64_t spread = (int64_t)high->priority_offset - low->priority_offset;
    const struct inventory_service *moved = high->priority_offset ? high : low;
    int64_t offset =
        moved == high ? low->priority_offset + gap - 1 : high->priority_offset - (gap - 1);
    return arena_printf(
        &work->scratch,
        "set the priority_offset of %.*s to %lld, or the priority of tier %.*s to %lld and those "
        "behind it accordingly: tiers must be more than %lld apart",
        (int)moved->id.len, moved->id.ptr, (long long)offset, (int)tiers[back->tier].id.len,
        tiers[back->tier].id.ptr, (long long)(tiers[front->tier].priority + spread + 1),
        (long long)spread);
}

static void report(struct layout_work *work, const struct layout_pool *pool,
                   const struct span *front, const struct span *back)
{
    const struct inventory *inventory = work->inventory;
    const struct inventory_service *high = &inventory->services[front->high_service];
    const struct inventory_service *low = &inventory->services[back->low_service];
    struct text domain = layout_name_text(work, inventory->domains[pool->domain].name);
    struct text id = high->priority_offset ? high->id : low->id;
    const char *message = arena_printf(
        &work->scratch,
        "pool %.*s of %.*s: a client that takes its services as one (XEP-0368) comes to tier %.*s "
        "before it is through with tier %.*s: priority %lld is %s, and priority %lld is %s",
        (int)pool->id.len, pool->id.ptr, (int)domain.len, domain.ptr,
        (int)inventory->tiers[back->tier].id.len, inventory->tiers[back->tier].id.ptr,
        (int)inventory->tiers[front->tier].id.len, inventory->tiers[front->tier].id.ptr,
        (long long)front->high, sum_print(work, front->tier, front->high_service),
        (long long)back->low, sum_print(work, back->tier, back->low_service));
    findings_add(
        work->findings,
        &(struct finding){.severity = FINDING_ERROR,
                          .code = lint_rows[LINT_X07].code,
                          .pointer = arena_printf(&work->scratch, "/services/%.*s/priority_offset",
                                                  (int)id.len, id.ptr),
                          .file = "",
                          .message = message,
                          .mend = mend_print(work, front, back)});
}

/* Each pair of tiers is said once for all pools of the same services. */
static void check_pool(struct layout_work *work, const struct layout_pool *pool,
                       struct intern *said)
{
    struct span *spans = arena_array(&work->scratch, struct span, work->inventory->tier_count);
    uint32_t count = spans_of(work, pool, spans);
    for (uint32_t i = 0; i + 1 < count; i++) {
        const struct span *front = &spans[i], *back = &spans[i + 1];
        const uint32_t key[] = {front->tier, back->tier, front->high_service, back->low_service};
        uint32_t known = said->count;
        if (front->high >= back->low &&
            intern_add(said, (struct bytes){(const uint8_t *)key, sizeof key}) == known)
            report(work, pool, front, back);
    }
}

void layout_pools(struct layout_work *work)
{
    const struct inventory *inventory = work->inventory;
    struct pool_work pools = {.work = work,
                              .keys = intern_over(&work->scratch),
                              .audiences = intern_over(&work->scratch),
                              .connected = intern_over(&work->scratch)};
    struct intern said = intern_over(&work->scratch);
    pools.picked = arena_array(&work->scratch, uint32_t, (size_t)inventory->service_count + 1);
    name_pools(&pools);
    for (uint32_t i = 0; i < inventory->domain_count; i++)
        add_domain(&pools, i);
    for (uint32_t i = 0; i < pools.keys.count; i++)
        check_pool(work, &pools.pools[i], &said);
    work->layout->pools = pools.pools;
    work->layout->pool_count = pools.keys.count;
}

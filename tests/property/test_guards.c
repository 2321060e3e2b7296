/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws of guards over generated inventories: a plan that no guard refuses keeps every one of them,
 * and one that is refused breaks it, by a judge that tries everything and shares no code with the
 * planner. A failure names its seed; SRVPLAN_SEED=0x… runs that one alone. */
#include "srvplan/plan.h"
#include "gen_inventory.h"
#include "laws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char laws_suite[] = "guards_properties";

enum {
    ROUNDS = 2000,
    ROUNDS_PER_SIZE = 100,
    SIZES = 20,
    NODES_MAX = 32,
};

/* -- the other judge ----------------------------------------------------------------------------
 */

/* A set as it is, and who of it is there. */
struct scene {
    const struct inventory *inventory;
    uint32_t count;
    const struct inventory_node *nodes[NODES_MAX];
    bool is_there[NODES_MAX];
};

static uint16_t priority_of(const struct scene *scene, uint32_t i)
{
    return scene->inventory->tiers[scene->nodes[i]->tier].priority;
}

static uint64_t capacity_at(const struct scene *scene, uint32_t priority, bool with_absent)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < scene->count; i++)
        if (priority_of(scene, i) == priority && (with_absent || scene->is_there[i]))
            sum += scene->nodes[i]->capacity;
    return sum;
}

static uint64_t nodes_left(const struct scene *scene)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < scene->count; i++)
        count += scene->is_there[i];
    return count;
}

static uint64_t capacity_left(const struct scene *scene)
{
    __extension__ unsigned __int128 product;
    uint32_t priority = 0;
    while (capacity_at(scene, priority, true) == 0)
        priority++;
    uint64_t declared = capacity_at(scene, priority, true);
    while (priority <= UINT16_MAX && capacity_at(scene, priority, false) == 0)
        priority++;
    product = priority <= UINT16_MAX ? capacity_at(scene, priority, false) : 0;
    product *= RATIO_ONE;
    return (uint64_t)(product / declared);
}

static uint64_t sites_left(const struct scene *scene)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < scene->count; i++) {
        bool is_last = scene->is_there[i];
        for (uint32_t j = i + 1; j < scene->count; j++)
            if (scene->is_there[j] && text_equal(scene->nodes[i]->site, scene->nodes[j]->site))
                is_last = false;
        count += is_last;
    }
    return count;
}

static uint64_t survivors(const struct scene *scene)
{
    const struct inventory_policy *policy = &scene->inventory->policy;
    uint64_t least = nodes_left(scene) ? UINT64_MAX : 0;
    for (uint32_t lost = 0; lost < 2 * scene->count; lost++) {
        struct scene after = *scene;
        const struct inventory_node *node = scene->nodes[lost % scene->count];
        bool is_site = lost >= scene->count;
        if (is_site && policy->guard_min_sites < 2)
            break;
        for (uint32_t i = 0; i < scene->count; i++)
            if (is_site ? text_equal(scene->nodes[i]->site, node->site) : scene->nodes[i] == node)
                after.is_there[i] = false;
        uint64_t left = policy->guard_min_capacity_ppb ? capacity_left(&after) : nodes_left(&after);
        least = left < least ? left : least;
    }
    return least;
}

static const struct {
    enum plan_guard guard;
    uint64_t (*left)(const struct scene *scene);
} floors[] = {
    {PLAN_GUARD_MIN_NODES, nodes_left},
    {PLAN_GUARD_MIN_CAPACITY, capacity_left},
    {PLAN_GUARD_SURVIVE, survivors},
    {PLAN_GUARD_MIN_SITES, sites_left},
};

static uint64_t asked(const struct inventory_policy *policy, enum plan_guard guard)
{
    switch (guard) {
    case PLAN_GUARD_MIN_NODES:
        return policy->guard_min_nodes;
    case PLAN_GUARD_MIN_CAPACITY:
        return policy->guard_min_capacity_ppb;
    case PLAN_GUARD_SURVIVE:
        return !policy->guard_survives_failure  ? 0
               : policy->guard_min_capacity_ppb ? policy->guard_min_capacity_ppb
                                                : 1;
    case PLAN_GUARD_MIN_SITES:
        return policy->guard_min_sites;
    default:
        return 0;
    }
}

static struct scene scene_of(const struct plan *plan, const struct plan_set *set)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    struct scene scene = {.inventory = inventory, .count = set->member_count};
    for (uint32_t i = 0; i < set->member_count; i++) {
        scene.nodes[i] = &inventory->nodes[set->members[i].node];
        scene.is_there[i] = set->members[i].absence == PLAN_PRESENT;
    }
    return scene;
}

static struct scene whole_of(const struct scene *scene)
{
    struct scene whole = *scene;
    for (uint32_t i = 0; i < scene->count; i++)
        whole.is_there[i] = true;
    return whole;
}

static const struct plan_verdict *refusal_of(const struct plan *plan, uint32_t set,
                                             enum plan_guard guard,
                                             const struct inventory_assertion *assertion)
{
    for (uint32_t i = 0; i < plan->refusal_count; i++)
        if (plan->refusals[i].set == set && plan->refusals[i].guard == guard &&
            plan->refusals[i].assertion == assertion)
            return &plan->refusals[i];
    return NULL;
}

/* -- what a pool bears --------------------------------------------------------------------------
 */

/* A record of a pool, as it is and as it is planned. */
struct record {
    const struct inventory_node *node;
    const struct plan_member *member;
    uint16_t planned_priority;
};

struct pool {
    const struct plan *plan;
    uint32_t count;
    struct record records[4 * NODES_MAX];
    uint64_t declared; /* capacity of the first tier */
};

static struct pool pool_of(const struct plan *plan, const struct layout_pool *in)
{
    const struct layout *layout = plan->input.layout;
    const struct inventory *inventory = layout->inventory;
    struct pool pool = {.plan = plan};
    uint32_t first = UINT32_MAX;
    for (uint32_t i = 0; i < in->set_count; i++) {
        const struct plan_set *set = &plan->sets[in->sets[i]];
        int32_t offset = inventory->services[layout->declared[in->sets[i]].service].priority_offset;
        for (uint32_t j = 0; j < set->member_count; j++) {
            const struct inventory_node *node = &inventory->nodes[set->members[j].node];
            uint32_t priority = inventory->tiers[node->tier].priority;
            first = priority < first ? priority : first;
            pool.records[pool.count++] =
                (struct record){node, &set->members[j], (uint16_t)((int32_t)priority + offset)};
        }
    }
    for (uint32_t i = 0; i < pool.count; i++) {
        bool is_new = inventory->tiers[pool.records[i].node->tier].priority == first;
        for (uint32_t j = 0; j < i; j++)
            is_new = is_new && pool.records[j].node != pool.records[i].node;
        pool.declared += is_new ? pool.records[i].node->capacity : 0;
    }
    return pool;
}

/* What takes records away: a failed node or site, and whether all are as planned. */
struct fate {
    const struct inventory_node *node;
    const struct text *site;
    bool is_whole;
};

static bool is_live(const struct record *record, const struct fate *fate)
{
    return (fate->is_whole || record->member->absence == PLAN_PRESENT) &&
           record->node != fate->node &&
           !(fate->site && text_equal(record->node->site, *fate->site));
}

/* All clients draw by weight from the lowest priority that answers, in both services together. */
static uint64_t bears(const struct pool *pool, const struct fate *fate)
{
    uint32_t priority = UINT32_MAX;
    uint64_t sum = 0, count = 0, least = 0;
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct record *record = &pool->records[i];
        uint16_t own = fate->is_whole ? record->planned_priority : record->member->priority;
        if (is_live(record, fate) && own < priority)
            priority = own;
    }
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < pool->count; i++) {
            __extension__ unsigned __int128 part;
            uint64_t mine = 0;
            for (uint32_t j = 0; j < pool->count; j++) {
                const struct record *record = &pool->records[j];
                const struct plan_member *member = record->member;
                uint16_t own = fate->is_whole ? record->planned_priority : member->priority;
                if (record->node != pool->records[i].node || !is_live(record, fate) ||
                    own != priority)
                    continue;
                uint64_t weight = fate->is_whole ? member->planned_weight : member->weight;
                if (round == 0 && j == i) {
                    sum += weight;
                    count++;
                }
                mine += round == 1 && sum == 0 ? 1 : weight;
            }
            if (round == 0 || mine == 0)
                continue;
            part = pool->records[i].node->capacity;
            part = part * (sum ? sum : count) * RATIO_ONE / pool->declared / mine;
            if (least == 0 || part < least)
                least = (uint64_t)part;
        }
    }
    return least;
}

static uint64_t bears_failures(const struct pool *pool, bool is_whole)
{
    bool loses_sites = pool->plan->input.layout->inventory->policy.guard_min_sites >= 2;
    uint64_t least = bears(pool, &(struct fate){.is_whole = is_whole});
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct record *record = &pool->records[i];
        if (!is_whole && record->member->absence != PLAN_PRESENT)
            continue;
        uint64_t left = bears(pool, &(struct fate){.node = record->node, .is_whole = is_whole});
        least = left < least ? left : least;
        if (!loses_sites)
            continue;
        left = bears(pool, &(struct fate){.site = &record->node->site, .is_whole = is_whole});
        least = left < least ? left : least;
    }
    return least;
}

/* -- laws ---------------------------------------------------------------------------------------
 */

static void check_set(const struct plan *plan, uint32_t index, uint64_t seed)
{
    const struct plan_set *set = &plan->sets[index];
    const struct inventory_policy *policy = &plan->input.layout->inventory->policy;
    const struct scene scene = scene_of(plan, set), whole = whole_of(&scene);
    const struct plan_verdict *empty = refusal_of(plan, index, PLAN_GUARD_NEVER_EMPTY, NULL);
    LAW((nodes_left(&scene) == 0) == (empty != NULL), seed, "never_empty of set %u", index);
    for (size_t i = 0; i < COUNT_OF(floors) && scene.count > 0; i++) {
        const struct plan_verdict *refusal = refusal_of(plan, index, floors[i].guard, NULL);
        uint64_t left = floors[i].left(&scene), most = floors[i].left(&whole);
        uint64_t limit = asked(policy, floors[i].guard);
        const char *name = plan_guard_rows[floors[i].guard].name;
        limit = limit < most ? limit : most;
        bool is_said = floors[i].guard == PLAN_GUARD_MIN_NODES && limit <= 1;
        if (floors[i].guard == PLAN_GUARD_SURVIVE && left >= limit)
            continue; /* by what clients do it may be refused still: check_survivors */
        LAW((left < limit && !is_said) == (refusal != NULL), seed,
            "%s of set %u: %llu left, %llu asked for", name, index, (unsigned long long)left,
            (unsigned long long)limit);
        LAW(!refusal || (refusal->would_be == left && refusal->limit == limit &&
                         refusal->declared == most && !refusal->is_ok && refusal->message[0]),
            seed, "%s of set %u: %llu of %llu (%llu), not %llu of %llu (%llu)", name, index,
            (unsigned long long)refusal->would_be, (unsigned long long)refusal->limit,
            (unsigned long long)refusal->declared, (unsigned long long)left,
            (unsigned long long)limit, (unsigned long long)most);
    }
}

static bool is_refused_by_capacity(const struct plan *plan, const struct layout_pool *in)
{
    const struct inventory_policy *policy = &plan->input.layout->inventory->policy;
    for (uint32_t j = 0; j < in->set_count; j++) {
        const struct scene scene = scene_of(plan, &plan->sets[in->sets[j]]);
        const struct scene whole = whole_of(&scene);
        uint64_t limit = asked(policy, PLAN_GUARD_SURVIVE);
        uint64_t most = scene.count ? survivors(&whole) : 0;
        limit = limit < most ? limit : most;
        if (scene.count > 0 && survivors(&scene) < limit)
            return true;
    }
    return false;
}

static bool bears_too_little(const struct plan *plan, const struct layout_pool *in)
{
    uint64_t limit = plan->input.layout->inventory->policy.guard_min_capacity_ppb;
    struct pool pool = pool_of(plan, in);
    bool is_by_hand = false;
    for (uint32_t i = 0; i < pool.count; i++)
        is_by_hand |= pool.records[i].member->weight_reason != PLAN_WEIGHT_SCALE;
    if (!is_by_hand || limit == 0)
        return false;
    uint64_t most = bears_failures(&pool, true);
    return bears_failures(&pool, false) < (limit < most ? limit : most);
}

/* A set is refused by capacity, or because a pool that it is the first of bears too little. */
static void check_survivors(const struct plan *plan, uint32_t set, uint64_t seed)
{
    const struct layout *layout = plan->input.layout;
    const struct layout_pool alone = {.sets = &set, .set_count = 1};
    bool is_refused = is_refused_by_capacity(plan, &alone);
    for (uint32_t i = 0; i < layout->pool_count; i++) {
        const struct layout_pool *in = &layout->pools[i];
        if (in->sets[0] == set && !is_refused_by_capacity(plan, in))
            is_refused |= bears_too_little(plan, in);
    }
    LAW(is_refused == (refusal_of(plan, set, PLAN_GUARD_SURVIVE, NULL) != NULL), seed,
        "survive_one_more_failure of set %u", set);
}

static bool is_in_service(const struct plan *plan, uint32_t node)
{
    uint32_t in = 0, out = 0;
    for (uint32_t i = 0; i < plan->set_count; i++)
        for (uint32_t j = 0; j < plan->sets[i].member_count; j++)
            if (plan->sets[i].members[j].node == node) {
                bool is_there = plan->sets[i].members[j].absence == PLAN_PRESENT;
                in += is_there;
                out += !is_there;
            }
    return in > 0 && out == 0;
}

static bool is_drained(const struct plan *plan, uint32_t node)
{
    for (uint32_t i = 0; i < plan->set_count; i++)
        for (uint32_t j = 0; j < plan->sets[i].member_count; j++)
            if (plan->sets[i].members[j].node == node &&
                plan->sets[i].members[j].absence == PLAN_DRAINED)
                return true;
    return false;
}

static void check_inventory(const struct plan *plan, uint64_t seed)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    const struct inventory_policy *policy = &inventory->policy;
    uint32_t drained = 0;
    for (uint32_t i = 0; i < inventory->node_count; i++)
        drained += is_drained(plan, i);
    LAW((policy->guard_max_drains && drained > policy->guard_max_drains) ==
            (refusal_of(plan, PLAN_NO_SET, PLAN_GUARD_MAX_DRAINS, NULL) != NULL),
        seed, "%u are drained", drained);
    for (uint32_t i = 0; i < policy->assertion_count; i++) {
        const struct inventory_assertion *assertion = &policy->assertions[i];
        uint32_t serving = 0;
        for (uint32_t j = 0; j < assertion->node_count; j++)
            serving += is_in_service(plan, assertion->nodes[j]);
        LAW((serving < assertion->at_least) ==
                (refusal_of(plan, PLAN_NO_SET, PLAN_GUARD_ASSERTION, assertion) != NULL),
            seed, "assertion %u: %u are in service", i, serving);
    }
}

/* Every guard passes where it does not refuse, and the nearest place is shown. */
static void check_passes(const struct plan *plan, uint64_t seed)
{
    for (uint32_t i = 0; i < plan->pass_count; i++) {
        const struct plan_verdict *pass = &plan->passes[i];
        bool is_ceiling = plan_guard_rows[pass->guard].is_ceiling;
        LAW(pass->is_ok && pass->message[0], seed, "a pass that is none");
        LAW(is_ceiling ? pass->would_be <= pass->limit : pass->would_be >= pass->limit, seed, "%s",
            pass->message);
        for (uint32_t j = 0; j < plan->refusal_count; j++)
            LAW(plan->refusals[j].guard != pass->guard, seed, "passed and refused: %s",
                pass->message);
    }
}

static void gen_policy(struct inventory *inventory, uint64_t seed)
{
    static const char *const sites[] = {"", "ams", "fra", "ber"};
    struct gen gen = gen_start(seed ^ 0x9a4d);
    struct inventory_policy *policy = &inventory->policy;
    struct arena *arena = &inventory->arena;
    for (uint32_t i = 0; i < inventory->node_count; i++)
        inventory->nodes[i].site = text_from(sites[gen_below(&gen, COUNT_OF(sites))]);
    policy->guard_min_nodes = 1 + gen_below(&gen, 4);
    policy->guard_min_capacity_ppb = gen_below(&gen, 2) ? 0 : gen_below(&gen, RATIO_ONE + 1);
    policy->guard_survives_failure = gen_below(&gen, 2);
    policy->guard_min_sites = gen_below(&gen, 4);
    policy->guard_max_drains = gen_below(&gen, 3);
    policy->assertion_count = gen_below(&gen, 3);
    struct inventory_assertion *assertions =
        arena_array(arena, struct inventory_assertion, policy->assertion_count);
    for (uint32_t i = 0; i < policy->assertion_count; i++) {
        uint32_t *nodes = arena_array(arena, uint32_t, inventory->node_count);
        assertions[i].id = text_from(i ? "b" : "a");
        for (uint32_t j = 0; j < inventory->node_count; j++)
            if (gen_below(&gen, 2))
                nodes[assertions[i].node_count++] = j;
        assertions[i].nodes = nodes;
        assertions[i].at_least = gen_below(&gen, assertions[i].node_count + 1);
    }
    policy->assertions = assertions;
}

static void guards_are_right(uint64_t seed)
{
    struct findings findings = {0};
    struct inventory *inventory =
        gen_inventory(seed, 1 + (uint32_t)(seed / ROUNDS_PER_SIZE % SIZES));
    gen_policy(inventory, seed);
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    if (layout) {
        struct overlays overlays = gen_overlays(inventory, seed);
        struct plan *plan = plan_compute(&(struct plan_input){layout, &overlays, GEN_NOW_MS});
        for (uint32_t i = 0; i < plan->set_count; i++)
            if (!plan->sets[i].is_null) {
                check_set(plan, i, seed);
                if (inventory->policy.guard_survives_failure)
                    check_survivors(plan, i, seed);
            }
        check_inventory(plan, seed);
        check_passes(plan, seed);
        plan_free(plan);
    }
    layout_free(layout);
    findings_fini(&findings);
    inventory_free(inventory);
}

START_TEST(a_guard_refuses_exactly_what_breaks_it)
{
    laws_try(ROUNDS, guards_are_right);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, a_guard_refuses_exactly_what_breaks_it);
}

int main(void)
{
    return laws_main(laws_suite, add);
}

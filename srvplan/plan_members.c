/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_build.h"

#include <stdlib.h>

enum {
    U16_LAST = 65535,
    HAPROXY_UNIT = 256, /* see weights.h */
};

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t clamp_u16(int64_t value)
{
    return value < 0 ? 0 : value > U16_LAST ? U16_LAST : value;
}

/* -- weights ------------------------------------------------------------------------------------
 */

static uint16_t overlaid(uint16_t planned, const struct overlay_weight *overlay)
{
    int64_t value = overlay->value;
    switch (overlay->form) {
    case WEIGHT_ABSOLUTE:
        break;
    case WEIGHT_PERCENT: /* to the nearest, half up */
        value = (planned * value + 50) / 100;
        break;
    case WEIGHT_ADD:
        value += planned;
        break;
    }
    return (uint16_t)clamp_u16(value);
}

/* Weights of one priority group by the policy's scale. */
static void scale_group(struct plan_work *work, struct plan_member *members, uint32_t count)
{
    struct arena *arena = work->scene->is_trial ? work->scene->arena : &work->scratch;
    uint32_t *capacities = arena_array(arena, uint32_t, count);
    uint16_t *weights = arena_array(arena, uint16_t, count);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        capacities[i] = work->inventory->nodes[members[i].node].capacity;
        sum += capacities[i];
    }
    struct error err = {0};
    if (!weights_from_capacities(&work->weights_policy, capacities, count, weights, &err)) {
        plan_find(work, FINDING_ERROR, "weights-impossible", err.message,
                  "see policy.weights.scale in the manual");
        for (uint32_t i = 0; i < count; i++)
            weights[i] = (uint16_t)clamp_u16(capacities[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        members[i].planned_weight = weights[i];
        members[i].capacity_group = sum;
    }
}

/* A part of a weight, to the nearest, half up. It never becomes 0, and stays a multiple of 256
 * where the scale makes those (HAProxy divides by 256). */
static uint16_t part_of(const struct plan_work *work, uint16_t weight, uint64_t num, uint64_t den)
{
    bool is_universal = work->inventory->policy.scale == WEIGHTS_UNIVERSAL;
    uint64_t unit = is_universal && weight % HAPROXY_UNIT == 0 ? HAPROXY_UNIT : 1;
    uint64_t units = (weight / unit * num + den / 2) / den;
    return (uint16_t)(unit * (units ? units : weight > 0));
}

/* The weight that is planned, what operators make of it, and what a hold leaves of that. */
static void weigh(struct plan_work *work, uint32_t service, struct plan_member *member)
{
    const struct inventory_node *node = &work->inventory->nodes[member->node];
    member->weight_reason = PLAN_WEIGHT_SCALE;
    if (node->weights[service] >= 0) {
        member->planned_weight = (uint16_t)node->weights[service];
        member->weight_reason = PLAN_WEIGHT_NODE;
    }
    member->weight = member->planned_weight;
    const struct overlay_weight *overlay = plan_weight_of(work->scene, member->node, service);
    if (overlay) {
        member->weight = overlaid(member->planned_weight, overlay);
        member->weight_reason = PLAN_WEIGHT_OVERLAY;
        member->weight_overlay = overlay;
    }
    if (member->level_num == 0)
        member->weight = 0;
    else if (member->level_num < member->level_den)
        member->weight = part_of(work, member->weight, member->level_num, member->level_den);
}

/* -- members ------------------------------------------------------------------------------------
 */

static int by_priority_then_node(const void *left, const void *right)
{
    const struct plan_member *a = left, *b = right;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return a->node < b->node ? -1 : 1; /* nodes stand in the order of their ids */
}

static int64_t tier_priority(const struct plan_work *work, uint32_t tier, uint32_t service)
{
    return clamp_u16((int64_t)work->inventory->tiers[tier].priority +
                     work->inventory->services[service].priority_offset);
}

uint16_t plan_demoted_priority(const struct plan_work *work, uint32_t service)
{
    const struct inventory *inventory = work->inventory;
    struct text pool = inventory->services[service].pool;
    int64_t last = 0;
    for (uint32_t i = 0; i < inventory->service_count; i++) {
        bool is_mate = pool.len && text_equal(inventory->services[i].pool, pool);
        for (uint32_t j = 0; j < inventory->tier_count && (is_mate || i == service); j++) {
            int64_t priority = tier_priority(work, j, i);
            last = priority > last ? priority : last;
        }
    }
    return (uint16_t)clamp_u16(last + 1);
}

static enum plan_absence absence_of(const struct plan_effect *effect)
{
    static const enum plan_absence absences[] = {
        [PLAN_HOLD_DRAIN] = PLAN_DRAINED,
        [PLAN_HOLD_WINDOW] = PLAN_WINDOW,
        [PLAN_HOLD_STATE] = PLAN_STATE,
    };
    return effect->kind == PLAN_EFFECT_REMOVED ? absences[effect->hold->kind] : PLAN_PRESENT;
}

/* A member as the inventory declares it, without its weight, and what holds it. */
static struct plan_member member_of(const struct plan_work *work, uint32_t node, uint32_t service)
{
    uint16_t own_port = work->inventory->nodes[node].ports[service];
    uint16_t port = work->inventory->services[service].port;
    uint16_t priority = (uint16_t)tier_priority(work, work->inventory->nodes[node].tier, service);
    struct plan_effect effect = plan_effect_of(work->scene, node, service);
    struct plan_member member = {
        .node = node,
        .priority = priority,
        .planned_priority = priority,
        .port = own_port ? own_port : port,
        .port_is_own = own_port && own_port != port,
        .absence = absence_of(&effect),
        .hold = effect.hold,
        .is_demoted = effect.kind == PLAN_EFFECT_DEMOTED,
        .level_num = 1,
        .level_den = 1,
        .share_den = 1,
    };
    if (effect.kind == PLAN_EFFECT_ZERO) {
        member.level_num = 0;
    } else if (effect.kind == PLAN_EFFECT_SCALED) {
        member.level_num = effect.num;
        member.level_den = effect.den;
    }
    return member;
}

/* Every node of the selection that offers the service, `off` ones apart. Finds who keeps the TTL
 * low, too. */
static uint32_t declared_members(struct plan_work *work, struct plan_set *set,
                                 struct plan_member *members)
{
    const struct inventory *inventory = work->inventory;
    const struct declared_set *declared = &work->plan->input.layout->declared[set->declared];
    const struct inventory_selection *selection = &inventory->selections[declared->selection];
    uint32_t count = 0;
    for (uint32_t i = 0; i < selection->node_count; i++) {
        uint32_t node = selection->nodes[i];
        if (inventory->nodes[node].state == NODE_OFF ||
            !inventory->nodes[node].offers[declared->service])
            continue;
        members[count++] = member_of(work, node, declared->service);
        if (!set->ttl_hold)
            set->ttl_hold = plan_ttl_hold_of(work->scene, node, declared->service);
    }
    return count;
}

/* Moves demoted members behind the last tier: only now, so that each keeps the weight of its own
 * tier and nobody else's changes. */
static void demote(const struct plan_work *work, uint32_t service, struct plan_member *members,
                   uint32_t count)
{
    bool has_demoted = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!members[i].is_demoted)
            continue;
        members[i].priority = plan_demoted_priority(work, service);
        has_demoted = true;
    }
    if (has_demoted)
        qsort(members, count, sizeof *members, by_priority_then_node);
}

/* -- shares -------------------------------------------------------------------------------------
 */

/* First choices all go to the present members of the lowest priority, in proportion to their
 * weights; when all of those are 0, to each alike (RFC 2782, "Weight"). */
static void share(struct plan_member *members, uint32_t count)
{
    uint32_t first = 0, end, present = 0;
    uint64_t sum = 0;
    while (first < count && members[first].absence != PLAN_PRESENT)
        first++;
    for (end = first; end < count && members[end].priority == members[first].priority; end++) {
        if (members[end].absence == PLAN_PRESENT) {
            sum += members[end].weight;
            present++;
        }
    }
    for (uint32_t i = first; i < end; i++) {
        if (members[i].absence != PLAN_PRESENT)
            continue;
        uint64_t part = sum ? members[i].weight : 1, whole = sum ? sum : present;
        uint64_t divisor = gcd(part, whole);
        members[i].share_num = (uint32_t)(part / divisor);
        members[i].share_den = (uint32_t)(whole / divisor);
    }
}

void plan_members(struct plan_work *work, uint32_t index, struct plan_set *set)
{
    const struct layout *layout = work->plan->input.layout;
    const struct declared_set *declared = &layout->declared[index];
    set->declared = index;
    set->ttl_s = declared->ttl_s;
    set->is_null = work->inventory->services[declared->service].is_absent;
    if (set->is_null)
        return;
    uint32_t most = work->inventory->selections[declared->selection].node_count;
    struct plan_member *members = arena_array(work->scene->arena, struct plan_member, most);
    uint32_t count = declared_members(work, set, members);
    if (set->ttl_hold)
        set->ttl_s = declared->drain_ttl_s;
    if (count)
        qsort(members, count, sizeof *members, by_priority_then_node);
    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first; end < count && members[end].priority == members[first].priority; end++)
            ;
        scale_group(work, members + first, end - first);
    }
    for (uint32_t i = 0; i < count; i++) {
        weigh(work, declared->service, &members[i]);
        set->present_count += members[i].absence == PLAN_PRESENT;
    }
    demote(work, declared->service, members, count);
    share(members, count);
    set->members = members;
    set->member_count = count;
}

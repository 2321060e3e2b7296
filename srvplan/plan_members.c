/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_build.h"

#include <stdlib.h>

enum {
    U16_LAST = 65535
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
    uint32_t *capacities = arena_array(&work->scratch, uint32_t, count);
    uint16_t *weights = arena_array(&work->scratch, uint16_t, count);
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

static void weigh(struct plan_work *work, uint32_t service, struct plan_member *member)
{
    const struct inventory_node *node = &work->inventory->nodes[member->node];
    member->weight_reason = PLAN_WEIGHT_SCALE;
    if (node->weights[service] >= 0) {
        member->planned_weight = (uint16_t)node->weights[service];
        member->weight_reason = PLAN_WEIGHT_NODE;
    }
    member->weight = member->planned_weight;
    const struct overlay_weight *overlay = plan_weight_of(work, member->node, service);
    if (overlay) {
        member->weight = overlaid(member->planned_weight, overlay);
        member->weight_reason = PLAN_WEIGHT_OVERLAY;
        member->weight_overlay = overlay;
    }
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

/* The declared members, without their weights: every node of the selection that offers the service,
 * `off` ones apart. */
static uint32_t declared_members(struct plan_work *work, const struct declared_set *declared,
                                 struct plan_member *members)
{
    const struct inventory *inventory = work->inventory;
    const struct inventory_service *service = &inventory->services[declared->service];
    const struct inventory_selection *selection = &inventory->selections[declared->selection];
    uint32_t count = 0;
    for (uint32_t i = 0; i < selection->node_count; i++) {
        uint32_t index = selection->nodes[i];
        const struct inventory_node *node = &inventory->nodes[index];
        if (node->state == NODE_OFF || !node->offers[declared->service])
            continue;
        uint16_t own_port = node->ports[declared->service];
        int64_t priority =
            (int64_t)inventory->tiers[node->tier].priority + service->priority_offset;
        struct plan_member *member = &members[count++];
        *member = (struct plan_member){
            .node = index,
            .priority = (uint16_t)clamp_u16(priority),
            .port = own_port ? own_port : service->port,
            .port_is_own = own_port && own_port != service->port,
            .drain = plan_drain_of(work, index, declared->service),
            .share_den = 1,
        };
        if (member->drain)
            member->absence = PLAN_DRAINED;
        else if (node->state != NODE_UP)
            member->absence = PLAN_STATE;
    }
    return count;
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
    struct plan_member *members = arena_array(&work->plan->arena, struct plan_member, most);
    uint32_t count = declared_members(work, declared, members);
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
    share(members, count);
    set->members = members;
    set->member_count = count;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_guard_build.h"

uint32_t guard_part(const struct plan_member *member)
{
    if (member->absence != PLAN_PRESENT)
        return 0;
    if (!member->hold)
        return RATIO_ONE;
    switch (member->hold->mode) {
    case DRAIN_REMOVE: /* on its way out */
    case DRAIN_DEMOTE:
    case DRAIN_ZERO:
        return 0;
    case DRAIN_WEIGHT:
        return member->hold->to_ppb;
    }
    return 0;
}

uint64_t guard_records(const struct guard_view *view, struct guard_detail *detail)
{
    uint64_t count = 0;
    (void)detail;
    for (uint32_t i = 0; i < view->set->member_count; i++)
        count += view->parts[i] > 0 || view->set->members[i].absence == PLAN_PRESENT;
    return count;
}

uint64_t guard_nodes(const struct guard_view *view, struct guard_detail *detail)
{
    uint64_t count = 0;
    (void)detail;
    for (uint32_t i = 0; i < view->set->member_count; i++)
        count += view->parts[i] > 0;
    return count;
}

static uint32_t tier_of(const struct guard_view *view, uint32_t member)
{
    return view->inventory->nodes[view->set->members[member].node].tier;
}

uint64_t guard_ppb(uint64_t num, uint64_t den)
{
    uint64_t parts = num / den, rest = num % den;
    for (int digits = 0; digits < 9; digits += 3) { /* three at a time: the product fits */
        rest *= 1000;
        parts = parts * 1000 + rest / den;
        rest %= den;
    }
    return parts;
}

/* Clients use the tier with the lowest priority that anybody is left in, with all of the load that
 * the first tier was made for. So what is left there is compared with what the first declares; a
 * stand-by tier as large as the first may take over from all of it, a smaller one may not. */
uint64_t guard_capacity(const struct guard_view *view, struct guard_detail *detail)
{
    const struct inventory *inventory = view->inventory;
    uint32_t first = INVENTORY_NONE, serving = INVENTORY_NONE;
    uint64_t declared = 0, left = 0;
    for (uint32_t i = 0; i < view->set->member_count; i++) {
        uint32_t tier = tier_of(view, i);
        uint16_t priority = inventory->tiers[tier].priority;
        if (first == INVENTORY_NONE || priority < inventory->tiers[first].priority)
            first = tier;
        if (view->parts[i] > 0 &&
            (serving == INVENTORY_NONE || priority < inventory->tiers[serving].priority))
            serving = tier;
    }
    for (uint32_t i = 0; i < view->set->member_count; i++) {
        uint16_t priority = inventory->tiers[tier_of(view, i)].priority;
        uint64_t capacity = inventory->nodes[view->set->members[i].node].capacity;
        if (priority == inventory->tiers[first].priority)
            declared += capacity;
        if (serving != INVENTORY_NONE && priority == inventory->tiers[serving].priority)
            left += capacity * view->parts[i] / RATIO_ONE;
    }
    detail->first_tier = first;
    detail->tier = serving;
    detail->capacity = left;
    detail->declared_capacity = declared;
    return declared ? guard_ppb(left, declared) : 0;
}

/* Nodes without a site stand in one together. */
uint64_t guard_sites(const struct guard_view *view, struct guard_detail *detail)
{
    uint64_t count = 0;
    (void)detail;
    for (uint32_t i = 0; i < view->set->member_count; i++) {
        struct text site = view->inventory->nodes[view->set->members[i].node].site;
        bool is_new = view->parts[i] > 0;
        for (uint32_t j = 0; j < i && is_new; j++)
            is_new = view->parts[j] == 0 ||
                     !text_equal(site, view->inventory->nodes[view->set->members[j].node].site);
        count += is_new;
    }
    return count;
}

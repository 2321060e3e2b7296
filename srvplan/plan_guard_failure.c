/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_guard_build.h"

#include <string.h>

/* A view of which some members are gone as well. */
struct failed {
    struct guard_view view;
    uint32_t *parts;
};

static struct text site_of(const struct guard_view *view, uint32_t member)
{
    return view->inventory->nodes[view->set->members[member].node].site;
}

static uint64_t left_of(const struct guard_view *view, struct guard_detail *detail)
{
    bool has_floor = view->inventory->policy.guard_min_capacity_ppb > 0;
    return has_floor ? guard_capacity(view, detail) : guard_nodes(view, detail);
}

/* The one whose failure leaves least: of the tier that serves, the one with the most capacity. */
static uint32_t worst_member(const struct guard_view *view)
{
    struct guard_detail whole = {0};
    uint32_t worst = UINT32_MAX;
    uint64_t most = 0;
    (void)guard_capacity(view, &whole);
    for (uint32_t i = 0; i < view->set->member_count; i++) {
        const struct inventory_node *node = &view->inventory->nodes[view->set->members[i].node];
        uint64_t capacity = (uint64_t)node->capacity * view->parts[i];
        bool serves = capacity > 0 && view->inventory->tiers[node->tier].priority ==
                                          view->inventory->tiers[whole.tier].priority;
        if (serves && (worst == UINT32_MAX || capacity > most)) {
            worst = i;
            most = capacity;
        }
    }
    return worst;
}

static uint64_t without_member(struct failed *failed, uint32_t member, struct guard_detail *detail)
{
    uint32_t part = failed->parts[member];
    failed->parts[member] = 0;
    uint64_t left = left_of(&failed->view, detail);
    failed->parts[member] = part;
    detail->failing = member;
    return left;
}

static uint64_t without_site(struct failed *failed, const struct guard_view *view, uint32_t member,
                             struct guard_detail *detail)
{
    uint32_t count = view->set->member_count;
    struct text site = site_of(view, member);
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(site_of(view, i), site))
            failed->parts[i] = 0;
    uint64_t left = left_of(&failed->view, detail);
    memcpy(failed->parts, view->parts, count * sizeof *failed->parts);
    detail->failing = UINT32_MAX;
    detail->site = site;
    return left;
}

static bool is_first_of_site(const struct guard_view *view, uint32_t member)
{
    for (uint32_t i = 0; i < member; i++)
        if (text_equal(site_of(view, i), site_of(view, member)))
            return false;
    return true;
}

uint64_t guard_survivors(const struct guard_view *view, struct guard_detail *detail)
{
    struct arena arena = {0};
    uint32_t count = view->set->member_count, worst = worst_member(view);
    bool loses_sites = view->inventory->policy.guard_min_sites >= 2;
    /* Who waits behind the tier that serves is not missed: what is left then is what there is. */
    uint64_t least = left_of(view, detail);
    detail->failing = UINT32_MAX;
    if (worst == UINT32_MAX)
        return 0;
    struct failed failed = {.view = *view, .parts = arena_array(&arena, uint32_t, count)};
    failed.view.parts = failed.parts;
    memcpy(failed.parts, view->parts, count * sizeof *failed.parts);
    for (uint32_t i = 0; i <= count; i++) { /* the worst member, then each site */
        struct guard_detail other = {0};
        uint64_t left = UINT64_MAX;
        if (i == 0)
            left = without_member(&failed, worst, &other);
        else if (loses_sites && is_first_of_site(view, i - 1))
            left = without_site(&failed, view, i - 1, &other);
        if (left < least) {
            least = left;
            *detail = other;
        }
    }
    arena_fini(&arena);
    return least;
}

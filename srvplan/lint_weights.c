/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on weights and on how few nodes there are: X08 to X10, X15. */
#include "srvplan/lint_view.h"

enum {
    /* With a sum S, clients that follow RFC 2782 to the letter are off by up to 1/(S+1). */
    WEIGHT_SUM_LEAST = 1000,
    WEIGHT_SUM_MOST = 65535,
};

/* The records of one priority. */
struct group {
    const struct lint_srv *items;
    uint32_t count;
    uint64_t sum;
};

static struct group group_at(const struct lint_set *set, uint32_t first)
{
    struct group group = {.items = &set->items[first]};
    for (uint32_t i = first; i < set->count && set->items[i].priority == group.items->priority;
         i++) {
        group.count++;
        group.sum += set->items[i].weight;
    }
    return group;
}

/* "node xmpp1", or "target xmpp1.example.org." */
static const char *who(struct lint *lint, const struct lint_srv *srv)
{
    if (srv->node == INVENTORY_NONE)
        return arena_printf(&lint->scratch, "target %s", name_print(&lint->scratch, srv->target));
    struct text id = lint->plan->input.layout->inventory->nodes[srv->node].id;
    return arena_printf(&lint->scratch, "node %.*s", (int)id.len, id.ptr);
}

/* X08: a weight of 0 beside positive ones is no drain: RFC 2782 has clients draw from 0..S. */
static void zeros_check(struct lint *lint, const struct lint_set *set, struct group group)
{
    for (uint32_t i = 0; i < group.count && group.sum > 0; i++)
        if (group.items[i].weight == 0)
            lint_find(lint, LINT_X08, &group.items[i].place,
                      "%s: %s has weight 0 beside a sum of %llu: clients that follow RFC 2782 to "
                      "the letter still choose it in up to 1/%llu of cases, others never or always "
                      "last",
                      set->label, who(lint, &group.items[i]), (unsigned long long)group.sum,
                      (unsigned long long)group.sum + 1);
}

static void sums_check(struct lint *lint, const struct lint_set *set, struct group group)
{
    const struct lint_place *place = &set->place;
    if (group.count < 2)
        return;
    if (group.sum < WEIGHT_SUM_LEAST)
        lint_find(lint, LINT_X09, place,
                  "%s: the weights at priority %u sum up to %llu: clients that follow RFC 2782 to "
                  "the letter are off by up to %u in %llu, and Openfire by more",
                  set->label, group.items->priority, (unsigned long long)group.sum, 1,
                  (unsigned long long)group.sum + 1);
    if (group.sum > WEIGHT_SUM_MOST)
        lint_find(lint, LINT_X09_HIGH, place,
                  "%s: the weights at priority %u sum up to %llu, and clients that add them in 16 "
                  "bits overflow above %d",
                  set->label, group.items->priority, (unsigned long long)group.sum,
                  WEIGHT_SUM_MOST);
}

/* X10: a small weight that a person wrote, alone at its priority. 0 and 1 say nothing, and the
 * large ones are a scale's, which weighs every tier by itself. */
static void lonely_check(struct lint *lint, const struct lint_set *set, struct group group)
{
    const struct lint_srv *srv = group.items;
    if (group.count == 1 && set->count > 1 && srv->weight_is_said && srv->weight > 1 &&
        srv->weight < WEIGHT_SUM_LEAST)
        lint_find(lint, LINT_X10, &srv->place,
                  "%s: weight %u of %s has no effect: nobody else is at priority %u", set->label,
                  srv->weight, name_print(&lint->scratch, srv->target), srv->priority);
}

static void set_check(struct lint *lint, const struct lint_set *set)
{
    for (uint32_t first = 0; first < set->count && !set->is_null;) {
        struct group group = group_at(set, first);
        zeros_check(lint, set, group);
        if (set->kind != LINT_OTHER)
            sums_check(lint, set, group);
        lonely_check(lint, set, group);
        first += group.count;
    }
}

/* ---- X15 ---- */

/* Of records: the priorities of the first set that has one with a single target; the others of the
 * domain mostly repeat it. */
static void domain_check(struct lint *lint, const struct lint_domain *domain)
{
    bool is_said = false;
    for (int kind = 0; kind < LINT_XMPP_KINDS && !is_said; kind++) {
        const struct lint_set *set = lint_set_of(lint, domain, (enum lint_kind)kind);
        for (uint32_t first = 0; lint_is_live(set) && first < set->count;) {
            struct group group = group_at(set, first);
            first += group.count;
            if (group.count > 1)
                continue;
            is_said = true;
            lint_find(lint, LINT_X15, &group.items->place, "%s: %s is alone at priority %u",
                      set->label, who(lint, group.items), group.items->priority);
        }
    }
}

/* A tier with its nodes, as far as they are not off. */
struct tier_nodes {
    uint32_t count;
    const struct inventory_node *one;
    bool is_one_site;
};

static struct tier_nodes tier_nodes_of(const struct inventory *inventory, uint32_t tier)
{
    struct tier_nodes nodes = {.is_one_site = true};
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        const struct inventory_node *node = &inventory->nodes[i];
        if (node->tier != tier || node->state == NODE_OFF)
            continue;
        nodes.is_one_site &=
            node->site.len > 0 && (!nodes.one || text_equal(nodes.one->site, node->site));
        nodes.one = nodes.one ? nodes.one : node;
        nodes.count++;
    }
    return nodes;
}

static void tiers_check(struct lint *lint, const struct inventory *inventory)
{
    struct tier_nodes first = {0};
    uint32_t first_tier = INVENTORY_NONE;
    for (uint32_t i = 0; i < inventory->tier_count; i++) {
        const struct inventory_tier *tier = &inventory->tiers[i];
        struct tier_nodes nodes = tier_nodes_of(inventory, i);
        struct lint_place place = {.pointer = arena_printf(&lint->scratch, "/tiers/%.*s",
                                                           (int)tier->id.len, tier->id.ptr)};
        if (nodes.count == 1)
            lint_find(lint, LINT_X15, &place, "tier %.*s has one node, %.*s", (int)tier->id.len,
                      tier->id.ptr, (int)nodes.one->id.len, nodes.one->id.ptr);
        bool is_first =
            first_tier == INVENTORY_NONE || tier->priority < inventory->tiers[first_tier].priority;
        if (nodes.count > 0 && is_first) {
            first = nodes;
            first_tier = i;
        }
    }
    if (first.count < 2 || !first.is_one_site)
        return;
    const struct inventory_tier *tier = &inventory->tiers[first_tier];
    struct lint_place place = {
        .pointer = arena_printf(&lint->scratch, "/tiers/%.*s", (int)tier->id.len, tier->id.ptr)};
    lint_find(lint, LINT_X15_SITE, &place, "all %u nodes of tier %.*s are in site %.*s",
              first.count, (int)tier->id.len, tier->id.ptr, (int)first.one->site.len,
              first.one->site.ptr);
}

void lint_weights(struct lint *lint)
{
    for (uint32_t i = 0; i < lint->set_count; i++)
        set_check(lint, &lint->sets[i]);
    if (lint->plan)
        tiers_check(lint, lint->plan->input.layout->inventory);
    for (uint32_t i = 0; !lint->plan && i < lint->domain_count; i++)
        domain_check(lint, &lint->domains[i]);
}

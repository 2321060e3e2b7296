/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the plan in force says: weights, shares, capacity, states of nodes, serials of zones. */
#include "api/metrics/metrics.h"
#include "api/metrics/parts.h"

#include <inttypes.h>

/* The labels of a set: its first domain, and its service. */
static const char *set_labels(struct page *page, const struct plan *plan,
                              const struct plan_set *set)
{
    const struct layout *layout = plan->input.layout;
    const struct declared_set *declared = &layout->declared[set->declared];
    const char *domain = name_print(page->arena, layout->inventory->domains[declared->domain].name);
    return arena_printf(page->arena, "domain=\"%s\",service=\"%s\"",
                        page_label(page, text_from(domain)),
                        page_label(page, layout->inventory->services[declared->service].id));
}

static const char *node_label(struct page *page, const struct plan *plan, uint32_t node)
{
    return page_label(page, plan->input.layout->inventory->nodes[node].id);
}

static uint32_t sets_shown(const struct plan *plan)
{
    return plan->set_count < METRICS_SETS_MAX ? plan->set_count : METRICS_SETS_MAX;
}

static void put_weights(struct page *page, const struct plan *plan)
{
    page_head(page, "node_weight", "gauge",
              "The SRV weight that is published for a node; 0 also when it is not in the set.");
    for (uint32_t i = 0; i < sets_shown(plan); i++) {
        const struct plan_set *set = &plan->sets[i];
        const char *labels = set_labels(page, plan, set);
        for (uint32_t j = 0; j < set->member_count; j++) {
            const struct plan_member *member = &set->members[j];
            page_put(page, "srvplan_node_weight{%s,node=\"%s\"} %u\n", labels,
                     node_label(page, plan, member->node),
                     member->absence == PLAN_PRESENT ? member->weight : 0u);
        }
    }
}

static void put_shares(struct page *page, const struct plan *plan)
{
    page_head(page, "node_share_ratio", "gauge",
              "Part of the first choices that a node gets from clients that follow RFC 2782.");
    for (uint32_t i = 0; i < sets_shown(plan); i++) {
        const struct plan_set *set = &plan->sets[i];
        const char *labels = set_labels(page, plan, set);
        for (uint32_t j = 0; j < set->member_count; j++) {
            const struct plan_member *member = &set->members[j];
            bool is_in = member->absence == PLAN_PRESENT && member->share_den;
            page_put(page, "srvplan_node_share_ratio{%s,node=\"%s\",model=\"rfc2782\"} %.6f\n",
                     labels, node_label(page, plan, member->node),
                     is_in ? (double)member->share_num / member->share_den : 0.0);
        }
    }
}

/* Of one set and tier: what is there now, and what is declared. */
struct tier_sum {
    uint64_t there, declared;
};

static struct tier_sum tier_sum(const struct plan *plan, const struct plan_set *set, uint32_t tier)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    struct tier_sum sum = {0};
    for (uint32_t j = 0; j < set->member_count; j++) {
        const struct plan_member *member = &set->members[j];
        const struct inventory_node *node = &inventory->nodes[member->node];
        if (node->tier != tier)
            continue;
        sum.declared += node->capacity;
        if (member->absence == PLAN_PRESENT && !member->is_demoted)
            sum.there += node->capacity * member->level_num / member->level_den;
    }
    return sum;
}

static void put_capacity(struct page *page, const struct plan *plan)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    page_head(page, "capacity_ratio", "gauge",
              "Part of the declared capacity of a tier that takes new connections now.");
    for (uint32_t i = 0; i < sets_shown(plan); i++) {
        const char *labels = set_labels(page, plan, &plan->sets[i]);
        for (uint32_t tier = 0; tier < inventory->tier_count; tier++) {
            struct tier_sum sum = tier_sum(plan, &plan->sets[i], tier);
            if (sum.declared)
                page_put(page, "srvplan_capacity_ratio{%s,tier=\"%s\"} %.6f\n", labels,
                         page_label(page, inventory->tiers[tier].id),
                         (double)sum.there / (double)sum.declared);
        }
    }
}

/* In how many of its sets a node is, wholly. */
static const char *node_state(const struct plan *plan, uint32_t node)
{
    uint32_t whole = 0, part = 0, out = 0;
    if (plan->input.layout->inventory->nodes[node].state == NODE_OFF)
        return "off";
    for (uint32_t i = 0; i < plan->set_count; i++)
        for (uint32_t j = 0; j < plan->sets[i].member_count; j++) {
            const struct plan_member *member = &plan->sets[i].members[j];
            if (member->node != node)
                continue;
            bool is_whole = member->level_num == member->level_den && !member->is_demoted;
            whole += member->absence == PLAN_PRESENT && is_whole;
            part += member->absence == PLAN_PRESENT && !is_whole;
            out += member->absence != PLAN_PRESENT;
        }
    return part || (whole && out) ? "partly" : out ? "out" : "in";
}

static void put_states(struct page *page, const struct plan *plan)
{
    static const char *const states[] = {"in", "partly", "out", "off"};
    const struct inventory *inventory = plan->input.layout->inventory;
    page_head(
        page, "node_state", "gauge",
        "1 for the state of a node: in all of its sets, partly, out of them, or declared off.");
    for (uint32_t i = 0; i < inventory->node_count && i < METRICS_NODES_MAX; i++) {
        struct text now = text_from(node_state(plan, i));
        for (size_t j = 0; j < COUNT_OF(states); j++)
            page_put(page, "srvplan_node_state{node=\"%s\",state=\"%s\"} %d\n",
                     node_label(page, plan, i), states[j], text_is(now, states[j]));
    }
}

static void put_serials(struct page *page, const struct world_view *view)
{
    const struct content_names *names = &view->layout->names;
    page_head(page, "dns_zone_serial", "gauge", "The serial of a zone in force.");
    for (uint32_t i = 0; i < names->zone_count && i < METRICS_ZONES_MAX; i++) {
        const char *zone = name_print(page->arena, names->zones[i].apex);
        page_put(page, "srvplan_dns_zone_serial{zone=\"%s\"} %" PRIu32 "\n",
                 page_label(page, text_from(zone)), world_zone_serial(view, i));
    }
}

void metrics_put_plan(struct page *page, const struct world_view *view)
{
    const struct plan *plan = view->plan;
    page_gauge(page, "nodes", "Nodes of the inventory.", view->inventory->node_count);
    page_gauge(page, "domains", "Domains of the inventory.", view->inventory->domain_count);
    page_gauge(page, "sets", "SRV sets that the plan publishes; domains share them.",
               plan->set_count);
    page_gauge(page, "sets_left_out", "Sets that this page does not list.",
               plan->set_count - sets_shown(plan));
    page_gauge(page, "guard_violations", "Guards that the plan in force does not satisfy.",
               plan->refusal_count);
    put_weights(page, plan);
    put_shares(page, plan);
    put_capacity(page, plan);
    put_states(page, plan);
    put_serials(page, view);
}

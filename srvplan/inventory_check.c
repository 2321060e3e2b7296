/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks that need the whole model: no set without a node, priorities within 16 bits. What a
 * mistake elsewhere left uncertain counts as good, so that only real mistakes are reported. */
#include "srvplan/inventory_read.h"

static const struct place document = {0};

struct checker {
    struct load *load;
    bool *set_is_done; /* by selection and service: domains that share them share the verdict */
    bool *priority_is_done; /* by service and tier */
};

static void priority_check(struct checker *checker, uint32_t service_index, uint32_t tier_index)
{
    struct load *load = checker->load;
    const struct inventory *inventory = load->inventory;
    const struct inventory_service *service = &inventory->services[service_index];
    if (tier_index == INVENTORY_NONE || load->tier_is_uncertain[tier_index] ||
        load->service_is_uncertain[service_index])
        return;
    size_t at = (size_t)service_index * inventory->tier_count + tier_index;
    if (checker->priority_is_done[at])
        return;
    checker->priority_is_done[at] = true;
    const struct inventory_tier *tier = &inventory->tiers[tier_index];
    int32_t priority = tier->priority + service->priority_offset;
    if (priority >= 0 && priority <= UINT16_MAX)
        return;
    struct place services = place_value(&document, "services");
    struct place of_service = place_value(&services, service->id.ptr);
    struct place of_offset = place_value(&of_service, "priority_offset");
    mistake_add(&load->mistakes, &of_offset, "priority-out-of-range",
                "choose another offset, or another priority for the tier",
                "expected a priority from 0 to 65535, found %d: %u of tier %s with the offset %d",
                priority, tier->priority, mistakes_quote(&load->mistakes, tier->id),
                service->priority_offset);
}

/* One set: at least one node offers it, and at least one of these is up. */
static void set_check(struct checker *checker, const struct domain_entry *domain,
                      uint32_t service_index)
{
    struct load *load = checker->load;
    const struct inventory *inventory = load->inventory;
    const struct inventory_selection *selection = &inventory->selections[domain->selection];
    size_t at = (size_t)domain->selection * inventory->service_count + service_index;
    uint32_t offering = 0, up = 0;
    if (checker->set_is_done[at])
        return;
    checker->set_is_done[at] = true;
    for (uint32_t i = 0; i < selection->node_count; i++) {
        const struct inventory_node *node = &inventory->nodes[selection->nodes[i]];
        bool is_uncertain = load->node_is_uncertain[selection->nodes[i]];
        bool offers = is_uncertain || node->offers[service_index];
        offering += offers;
        up += offers && (is_uncertain || node->state == NODE_UP);
        if (offers)
            priority_check(checker, service_index, node->tier);
    }
    if (up > 0)
        return;
    struct place domains = place_value(&document, "domains");
    struct place at_key = domain_place(load, domain, &domains);
    const char *service = mistakes_quote(&load->mistakes, inventory->services[service_index].id);
    const char *name = mistakes_quote(&load->mistakes, text_from(domain->key));
    if (offering == 0)
        mistake_add(&load->mistakes, &at_key, "empty-set",
                    "let a node offer it, select other nodes, or take it off \"services\"",
                    "expected a node that offers %s for the domain %s, found none (those that are "
                    "off do not count)",
                    service, name);
    else
        mistake_add(&load->mistakes, &at_key, "empty-set",
                    "set the \"state\" of a node to \"up\", or say \"absent\": true",
                    "expected a node that is up and offers %s for the domain %s, found %u, all in "
                    "state drain or maint",
                    service, name, offering);
}

static void capacity_check(struct load *load)
{
    const struct inventory *inventory = load->inventory;
    struct place nodes = place_value(&document, "nodes");
    if (inventory->policy.scale != WEIGHTS_RAW)
        return;
    if (load->default_capacity.given && load->default_capacity.value > UINT16_MAX) {
        struct place defaults = place_value(&document, "defaults");
        struct place place = place_value(&defaults, "capacity");
        mistake_add(&load->mistakes, &place, "capacity-over-weight",
                    "write a smaller one, or use the scale \"universal\"",
                    "expected a capacity of at most 65535 with the scale raw, found %lld",
                    (long long)load->default_capacity.value);
    }
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        const struct inventory_node *node = &inventory->nodes[i];
        struct place of_node = place_value(&nodes, node->id.ptr);
        struct place place = place_value(&of_node, "capacity");
        if (node->capacity <= UINT16_MAX ||
            (load->default_capacity.given && node->capacity == load->default_capacity.value))
            continue;
        mistake_add(&load->mistakes, &place, "capacity-over-weight",
                    "write a smaller one, or use the scale \"universal\"",
                    "expected a capacity of at most 65535 with the scale raw, found %u",
                    node->capacity);
    }
}

void sets_check(struct load *load)
{
    const struct inventory *inventory = load->inventory;
    struct checker checker = {
        .load = load,
        .set_is_done = arena_alloc_array(&load->scratch, inventory->selection_count,
                                         inventory->service_count * sizeof(bool)),
        .priority_is_done = arena_alloc_array(&load->scratch, inventory->tier_count,
                                              inventory->service_count * sizeof(bool)),
    };
    capacity_check(load);
    if (load->nodes_are_uncertain)
        return;
    for (uint32_t i = 0; i < load->domain_count; i++) {
        const struct domain_entry *domain = &load->domains[i];
        const struct index_list *services =
            domain->services.given ? &domain->services : &load->default_services;
        for (uint32_t k = 0; k < services->count && !domain->is_uncertain; k++)
            set_check(&checker, domain, services->items[k]);
    }
}

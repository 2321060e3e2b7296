/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer on the whole way from text to model, and to the one text of a source. Whatever the
 * bytes are, there is either an inventory or a finding that says why not, with a place inside the
 * text. Built twice: fuzz_inventory reads JSONC, fuzz_yaml reads YAML.
 * Corpus: tests/inventory/valid and tests/inventory/invalid, both good to begin with. */
#include "srvplan/inventory_load.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that was broken: abort, so that the fuzzer keeps the input. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

static void must_be_nodes(const struct inventory *inventory, const uint32_t *nodes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        must(nodes[i] < inventory->node_count && (i == 0 || nodes[i - 1] < nodes[i]));
}

static void must_be_whole(const struct inventory *inventory)
{
    const struct inventory_policy *policy = &inventory->policy;
    for (uint32_t i = 0; i < inventory->domain_count; i++) {
        const struct inventory_domain *domain = &inventory->domains[i];
        must(domain->selection < inventory->selection_count &&
             domain->drain_ttl_s <= domain->ttl_s);
        must(domain->component_of == INVENTORY_NONE || domain->component_of < i);
        uint32_t zone = inventory_zone_of(inventory, domain->name);
        must(zone == INVENTORY_NONE || zone < inventory->zone_count);
    }
    for (uint32_t i = 0; i < inventory->node_count; i++)
        must(inventory_find_node(inventory, inventory->nodes[i].id) == i &&
             inventory->nodes[i].host.len > 0 && inventory->nodes[i].tier < inventory->tier_count);
    for (uint32_t i = 0; i < inventory->window_count; i++) {
        const struct inventory_window *window = &inventory->windows[i];
        must(window->node_count > 0 && window->duration_s > 0 && window->start.len > 0);
        must_be_nodes(inventory, window->nodes, window->node_count);
    }
    for (uint32_t i = 0; i < policy->assertion_count; i++) {
        const struct inventory_assertion *assertion = &policy->assertions[i];
        must(assertion->at_least > 0 && assertion->at_least <= assertion->node_count);
        must_be_nodes(inventory, assertion->nodes, assertion->node_count);
    }
    for (uint32_t i = 0; i < inventory->zone_count; i++) {
        const struct inventory_zone *zone = &inventory->zones[i];
        for (uint32_t k = 0; k < zone->record_count; k++) {
            const struct inventory_record *record = &zone->records[k];
            must(inventory_zone_of(inventory, record->owner) == i && record->type != 0);
            must(k == 0 || name_compare(record[-1].owner, record->owner) <= 0);
        }
    }
    must(policy->weight_min > 0 && policy->ramp_steps > 0 && policy->guard_min_nodes > 0);
    must((policy->scale == WEIGHTS_HAMILTON) == (policy->hamilton_total > 0));
}

/* The one text of a source that loads is JSON that loads. */
static void must_load_again(struct inventory_source *source)
{
    struct findings findings = {0};
    struct text text = inventory_source_text(source);
    struct bytes bytes = {(const uint8_t *)text.ptr, text.len};
    struct inventory *again = inventory_load(bytes, "again", &findings);
    must(again != NULL);
    inventory_free(again);
    findings_fini(&findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct findings findings = {0};
    struct inventory_source *source =
        inventory_source_of((struct bytes){data, size}, "fuzz", FUZZ_FORMAT);
    struct inventory *inventory = inventory_load_source(source, &findings);
    must((inventory != NULL) == (findings.errors == 0));
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        must(finding->message[0] && finding->mend[0]);
        must(finding->line >= 1 && finding->line <= size + 1);
        must(finding->column >= 1 && finding->column <= size + 1);
    }
    if (inventory) {
        must_be_whole(inventory);
        must_load_again(source);
    }
    inventory_free(inventory);
    inventory_source_free(source);
    findings_fini(&findings);
    return 0;
}

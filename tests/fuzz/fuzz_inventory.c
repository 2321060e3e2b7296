/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer on the whole way from text to model. Whatever the bytes are, there is either an
 * inventory or a finding that says why not, with a place inside the text.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct findings findings = {0};
    struct inventory *inventory = inventory_load((struct bytes){data, size}, "fuzz", &findings);
    must((inventory != NULL) == (findings.errors == 0));
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        must(finding->message[0] && finding->mend[0]);
        must(finding->line >= 1 && finding->line <= size + 1);
        must(finding->column >= 1 && finding->column <= size + 1);
    }
    for (uint32_t i = 0; inventory && i < inventory->domain_count; i++) {
        must(inventory->domains[i].selection < inventory->selection_count);
        uint32_t zone = inventory_zone_of(inventory, inventory->domains[i].name);
        must(zone == INVENTORY_NONE || zone < inventory->zone_count);
    }
    for (uint32_t i = 0; inventory && i < inventory->node_count; i++)
        must(inventory_find_node(inventory, inventory->nodes[i].id) == i &&
             inventory->nodes[i].host.len > 0 && inventory->nodes[i].tier < inventory->tier_count);
    inventory_free(inventory);
    findings_fini(&findings);
    return 0;
}

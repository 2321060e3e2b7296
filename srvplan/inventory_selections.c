/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Turns selectors into nodes: each domain's into a selection, others' into a list. Domains that
 * select the same nodes share one: first by equal selectors (100,000 domains with one habit cost
 * one look-up each), then by equal results. Nodes that are off belong to no selection. */
#include "srvplan/inventory_read.h"

#include <stdlib.h>
#include <string.h>

/* A map from bytes to a number, open addressing; keys are borrowed. */
struct slot {
    uint64_t hash;
    struct bytes key;
    uint32_t value;
    bool is_used;
};

struct map {
    struct slot *slots;
    size_t mask; /* slots - 1, a power of two less one */
};

static struct map map_make(struct arena *arena, size_t keys)
{
    size_t size = 16;
    while (size < keys * 2)
        size *= 2;
    return (struct map){arena_array(arena, struct slot, size), size - 1};
}

/* The slot of the key; when it was not there, is_used is false, and it is for the caller to fill.
 */
static struct slot *map_slot(const struct map *map, struct bytes key)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.ptr[i]) * 1099511628211u;
    size_t at = (size_t)(hash ^ hash >> 32) & map->mask;
    while (map->slots[at].is_used &&
           !(map->slots[at].hash == hash && bytes_equal(map->slots[at].key, key)))
        at = (at + 1) & map->mask;
    if (!map->slots[at].is_used)
        map->slots[at] = (struct slot){.hash = hash, .key = key};
    return &map->slots[at];
}

struct selections {
    struct load *load;
    struct map by_selectors, by_nodes;
    bool *is_selected; /* by node */
};

enum selector_kind {
    SELECTOR_ALL,
    SELECTOR_SITE,
    SELECTOR_TIER,
    SELECTOR_TAG,
    SELECTOR_NODE,
};

static const struct {
    const char *prefix;
    enum selector_kind kind;
    const char *what; /* of it, when it is unknown */
} prefixes[] = {
    {"site:", SELECTOR_SITE, "site"},
    {"tier:", SELECTOR_TIER, "tier"},
    {"tag:", SELECTOR_TAG, "tag"},
    {"", SELECTOR_NODE, "node"},
};

static bool has_tag(const struct inventory_node *node, struct text tag)
{
    for (uint32_t i = 0; i < node->tag_count; i++)
        if (text_equal(node->tags[i], tag))
            return true;
    return false;
}

static bool node_matches(const struct inventory *inventory, const struct inventory_node *node,
                         enum selector_kind kind, struct text word)
{
    switch (kind) {
    case SELECTOR_ALL:
        return true;
    case SELECTOR_SITE:
        return text_equal(node->site, word);
    case SELECTOR_TIER:
        return node->tier != INVENTORY_NONE && text_equal(inventory->tiers[node->tier].id, word);
    case SELECTOR_TAG:
        return has_tag(node, word);
    case SELECTOR_NODE:
        return text_equal(node->id, word);
    }
    return false;
}

/* Adds what a node could have been meant by. */
static void node_consider(const struct inventory *inventory, const struct inventory_node *node,
                          enum selector_kind kind, struct nearest *nearest)
{
    if (kind == SELECTOR_SITE)
        nearest_consider(nearest, node->site);
    if (kind == SELECTOR_TIER && node->tier != INVENTORY_NONE)
        nearest_consider(nearest, inventory->tiers[node->tier].id);
    for (uint32_t i = 0; kind == SELECTOR_TAG && i < node->tag_count; i++)
        nearest_consider(nearest, node->tags[i]);
    if (kind == SELECTOR_NODE)
        nearest_consider(nearest, node->id);
}

static void selector_unknown(struct load *load, const struct place *place, size_t prefix,
                             struct text word)
{
    const struct inventory *inventory = load->inventory;
    struct nearest nearest = nearest_to(word);
    for (uint32_t i = 0; i < inventory->node_count; i++)
        if (load->node_is_uncertain[i] && prefixes[prefix].kind != SELECTOR_NODE)
            return; /* that node may be the one */
    for (uint32_t i = 0; i < inventory->node_count && hints_wanted(load); i++)
        node_consider(inventory, &inventory->nodes[i], prefixes[prefix].kind, &nearest);
    for (uint32_t i = 0; i < inventory->tier_count; i++) {
        if (prefixes[prefix].kind != SELECTOR_TIER || !text_equal(inventory->tiers[i].id, word))
            continue;
        mistake_add(&load->mistakes, place, "empty-selector", "remove it, or put nodes there",
                    "expected a tier with nodes, found %s, which has none",
                    mistakes_quote(&load->mistakes, word));
        return;
    }
    unknown_id(load, place, prefixes[prefix].what, &nearest);
}

/* A selector taken apart. */
struct selector {
    size_t prefix;
    enum selector_kind kind;
    struct text word;
};

static struct selector selector_of(struct text text)
{
    size_t prefix = 0;
    while (!text_starts_with(text, prefixes[prefix].prefix))
        prefix++;
    size_t skip = strlen(prefixes[prefix].prefix);
    return (struct selector){.prefix = prefix,
                             .kind = text_is(text, "*") ? SELECTOR_ALL : prefixes[prefix].kind,
                             .word = {text.ptr + skip, text.len - skip}};
}

bool inventory_selects(const struct inventory *inventory, struct text selector, uint32_t node)
{
    const struct inventory_node *of = &inventory->nodes[node];
    struct selector s = selector_of(selector);
    return of->state != NODE_OFF && (s.kind == SELECTOR_ALL || s.word.len) &&
           node_matches(inventory, of, s.kind, s.word);
}

/* Marks the nodes that one selector means; false: none, and that is reported. */
static bool selector_apply(struct selections *selections, const struct place *place,
                           struct text selector)
{
    struct load *load = selections->load;
    const struct inventory *inventory = load->inventory;
    struct selector of = selector_of(selector);
    enum selector_kind kind = of.kind;
    struct text word = of.word;
    uint32_t from = 0, to = inventory->node_count;
    bool any = false;
    if (kind == SELECTOR_NODE) {
        uint32_t index = inventory_find_node(inventory, word);
        from = index == INVENTORY_NONE ? 0 : index;
        to = index == INVENTORY_NONE ? 0 : index + 1;
    }
    for (uint32_t i = from; i < to && (kind == SELECTOR_ALL || word.len); i++)
        if (node_matches(inventory, &inventory->nodes[i], kind, word))
            any = selections->is_selected[i] = true;
    if (!any)
        selector_unknown(load, place, of.prefix, word);
    return any;
}

/* Reports, once, when all selections together have too many members. */
static bool members_fit(struct load *load, const struct place *place, size_t members)
{
    bool fitted = load->members <= SELECTION_MEMBERS_MAX;
    load->members += members;
    if (load->members <= SELECTION_MEMBERS_MAX)
        return true;
    if (fitted)
        mistake_add(&load->mistakes, place, "too-many-members",
                    "use fewer different selections of nodes",
                    "expected at most %d members in all selections of nodes, found more",
                    SELECTION_MEMBERS_MAX);
    return false;
}

/* The selection of the nodes that are marked; takes the marks away. False: it is one too many. */
static bool selection_take(struct selections *selections, const struct place *place,
                           uint32_t *selection)
{
    struct load *load = selections->load;
    struct inventory *inventory = load->inventory;
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        selections->is_selected[i] =
            selections->is_selected[i] && inventory->nodes[i].state != NODE_OFF;
        count += selections->is_selected[i];
    }
    if (!members_fit(load, place, count))
        return false;
    uint32_t *nodes = arena_array(load->arena, uint32_t, count);
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        if (selections->is_selected[i])
            nodes[at++] = i;
        selections->is_selected[i] = false;
    }
    struct bytes key = {(const uint8_t *)nodes, count * sizeof *nodes};
    struct slot *slot = map_slot(&selections->by_nodes, key);
    if (!slot->is_used) {
        slot->is_used = true;
        slot->value = inventory->selection_count;
        inventory->selections[inventory->selection_count++] =
            (struct inventory_selection){nodes, count};
    }
    *selection = slot->value;
    return true;
}

/* Equal lists of selectors have equal keys: the texts, each with its length in front. */
static struct bytes selectors_key(struct load *load, const json_t *selectors)
{
    size_t size = 1;
    for (size_t i = 0; i < json_array_size(selectors); i++)
        size += 4 + json_string_length(json_array_get(selectors, i));
    struct writer w = writer_over(arena_alloc(&load->scratch, size), size);
    write_u8(&w, 1); /* no list has no key: it means all */
    for (size_t i = 0; i < json_array_size(selectors); i++) {
        struct text text = json_text(json_array_get(selectors, i));
        write_u32(&w, (uint32_t)text.len);
        write_bytes(&w, text.ptr, text.len);
    }
    return (struct bytes){w.start, w.len};
}

static bool selectors_are_texts(struct load *load, const struct place *place,
                                const json_t *selectors)
{
    bool are_texts = list_expected(load, place, selectors, 0);
    for (size_t i = 0; are_texts && i < json_array_size(selectors); i++) {
        struct place item = place_item(place, i);
        const json_t *selector = json_array_get(selectors, i);
        if (!json_is_string(selector)) {
            expected(load, &item,
                     "a selector in quotes: \"*\", \"site:…\", \"tier:…\", \"tag:…\" or "
                     "the id of a node",
                     selector);
            return false;
        }
    }
    return are_texts;
}

/* Marks what a list of selectors means; true: each means a node. */
static bool selectors_apply(struct selections *selections, const struct place *place,
                            const json_t *selectors)
{
    bool all_match = true;
    for (size_t i = 0; i < json_array_size(selectors); i++) {
        struct place item = place_item(place, i);
        all_match &= selector_apply(selections, &item, json_text(json_array_get(selectors, i)));
    }
    return all_match;
}

static bool domain_select(struct selections *selections, const struct place *domains,
                          struct domain_entry *domain)
{
    struct load *load = selections->load;
    struct place of_domain = place_value(domains, domain->key);
    struct place place = place_value(&of_domain, "nodes");
    if (domain->selectors && !selectors_are_texts(load, &place, domain->selectors)) {
        domain->is_uncertain = true;
        return true;
    }
    struct bytes key =
        domain->selectors ? selectors_key(load, domain->selectors) : (struct bytes){0};
    struct slot *slot = map_slot(&selections->by_selectors, key);
    if (slot->is_used) {
        domain->selection = slot->value;
        return true;
    }
    if (!domain->selectors)
        memset(selections->is_selected, 1, load->inventory->node_count);
    bool all_match = selectors_apply(selections, &place, domain->selectors);
    domain->is_uncertain |= !all_match;
    if (!selection_take(selections, domains, &domain->selection))
        return false;
    slot->is_used = all_match; /* each domain reports its own selectors */
    slot->value = domain->selection;
    return true;
}

bool nodes_select(struct load *load, const struct place *place, json_t *selectors,
                  struct index_list *nodes)
{
    const struct inventory *inventory = load->inventory;
    if (!selectors_are_texts(load, place, selectors) || load->nodes_are_uncertain)
        return false;
    struct selections selections = {.load = load, .is_selected = load->marks};
    memset(load->marks, 0, inventory->node_count);
    bool all_match = selectors_apply(&selections, place, selectors);
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < inventory->node_count; i++)
        count += load->marks[i] && inventory->nodes[i].state != NODE_OFF;
    if (!members_fit(load, place, count) || !all_match)
        return false;
    uint32_t *items = arena_array(load->arena, uint32_t, count);
    for (uint32_t i = 0; i < inventory->node_count; i++)
        if (load->marks[i] && inventory->nodes[i].state != NODE_OFF)
            items[at++] = i;
    *nodes = (struct index_list){.given = true, .items = items, .count = count};
    return true;
}

void selections_build(struct load *load)
{
    static const struct place document = {0};
    struct inventory *inventory = load->inventory;
    struct place domains = place_value(&document, "domains");
    load->marks = arena_array(&load->scratch, bool, inventory->node_count);
    struct selections selections = {
        .load = load,
        .by_selectors = map_make(&load->scratch, load->declared_domain_count),
        .by_nodes = map_make(&load->scratch, load->declared_domain_count),
        .is_selected = load->marks,
    };
    inventory->selections =
        arena_array(load->arena, struct inventory_selection, load->declared_domain_count);
    if (load->nodes_are_uncertain)
        return;
    for (uint32_t i = 0; i < load->domain_count; i++) {
        struct domain_entry *domain = &load->domains[i];
        if (domain->component_of != INVENTORY_NONE) { /* behind its parent: names are in order */
            domain->selection = load->domains[domain->component_of].selection;
            domain->is_uncertain |= load->domains[domain->component_of].is_uncertain;
            continue;
        }
        if (!domain_select(&selections, &domains, domain))
            return;
    }
}

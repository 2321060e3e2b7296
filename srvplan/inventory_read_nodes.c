/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_read.h"
#include "srvplan/server_profile.h"

#include <stdio.h>
#include <string.h>

struct node_settings {
    struct name host;
    struct address_list addresses;
    struct optional capacity, state, server;
    struct session_settings sessions;
    struct text tier, site;
    json_t *ports, *weight, *tags;
    struct index_list services;
};

static const struct choice states[] = {
    {"up", NODE_UP, false},
    {"drain", NODE_DRAIN, false},
    {"maint", NODE_MAINT, false},
    {"off", NODE_OFF, false},
    {0},
};

static const struct choice servers[] = {
#define SERVER(product, name) {name, product, false},
#include "srvplan/server_profiles.def"
    {0},
};

#define NODE_FIELD(name) offsetof(struct node_settings, name)
static const struct key_row node_rows[] = {
    {.key = "host", .read = read_name, .field = NODE_FIELD(host)},
    {"addresses", read_addresses, NODE_FIELD(addresses), 1, 0, NULL, "[\"192.0.2.11\"]"},
    {"capacity", read_integer, NODE_FIELD(capacity), 1, 1000000000, NULL, NULL},
    {.key = "tier", .read = read_string, .field = NODE_FIELD(tier)},
    {.key = "site", .read = read_string, .field = NODE_FIELD(site)},
    {.key = "state", .read = read_choice, .field = NODE_FIELD(state), .choices = states},
    {.key = "ports", .read = read_tree, .field = NODE_FIELD(ports)},
    {.key = "services", .read = read_service_list, .field = NODE_FIELD(services)},
    {.key = "weight", .read = read_tree, .field = NODE_FIELD(weight)},
    {.key = "tags", .read = read_tree, .field = NODE_FIELD(tags)},
    {.key = "server", .read = read_choice, .field = NODE_FIELD(server), .choices = servers},
    {.key = "sessions", .read = read_sessions, .field = NODE_FIELD(sessions)},
    {.key = "$comment", .read = read_comment},
    {0},
};

/* What nodes without settings of their own share, by service. */
struct usual {
    const uint16_t *ports[SERVER_PRODUCT_COUNT];
    const bool *offers;
    const int32_t *weights;
};

/* A port that the file gives for the service holds for every product. */
static const uint16_t *ports_usual(struct load *load, enum server_product product)
{
    const struct inventory *inventory = load->inventory;
    uint16_t *ports = arena_array(load->arena, uint16_t, inventory->service_count);
    for (uint32_t i = 0; i < inventory->service_count; i++)
        if (!load->service_has_port[i])
            ports[i] = server_profile_port(product, inventory->services[i].id);
    return ports;
}

static struct usual usual_make(struct load *load)
{
    struct usual usual = {0};
    uint32_t count = load->inventory->service_count;
    bool *offers = arena_array(load->arena, bool, count);
    int32_t *weights = arena_array(load->arena, int32_t, count);
    for (uint32_t i = 0; i < count; i++) {
        offers[i] = true;
        weights[i] = -1;
    }
    usual.offers = offers;
    usual.weights = weights;
    for (uint32_t i = 0; i < SERVER_PRODUCT_COUNT; i++)
        usual.ports[i] = ports_usual(load, (enum server_product)i);
    return usual;
}

/* A map from services to numbers: calls for each good one. */
static void service_map_read(struct load *load, const struct place *place, json_t *map,
                             const struct key_row *row, int32_t *by_service)
{
    const char *key;
    json_t *value;
    json_object_foreach(map, key, value)
    {
        struct place at_key = place_key(place, key), at_value = place_value(place, key);
        struct optional number = {0};
        uint32_t index = service_get(load, &at_key, text_from(key));
        read_integer(load, &at_value, value, row, &number);
        if (index != INVENTORY_NONE && number.given)
            by_service[index] = (int32_t)number.value;
    }
}

static const uint16_t *ports_read(struct load *load, const struct place *node, json_t *value,
                                  const uint16_t *usual)
{
    static const struct key_row port = {.min = 1, .max = 65535};
    uint32_t count = load->inventory->service_count;
    struct place place = place_value(node, "ports");
    uint16_t *ports = arena_array(load->arena, uint16_t, count);
    int32_t numbers[SERVICES_MAX] = {0};
    if (json_is_object(value))
        service_map_read(load, &place, value, &port, numbers);
    else
        expected_as(load, &place, "an object from services to ports",
                    "write for example { \"xmpp-client\": 5222 }", value);
    for (uint32_t i = 0; i < count; i++)
        ports[i] = numbers[i] ? (uint16_t)numbers[i] : usual[i];
    return ports;
}

static const int32_t *weights_read(struct load *load, const struct place *node, json_t *value)
{
    static const struct key_row weight = {.min = 0, .max = 65535};
    uint32_t count = load->inventory->service_count;
    struct place place = place_value(node, "weight");
    int32_t *weights = arena_array(load->arena, int32_t, count);
    struct optional number = {false, -1};
    if (json_is_number(value))
        read_integer(load, &place, value, &weight, &number);
    for (uint32_t i = 0; i < count; i++)
        weights[i] = (int32_t)number.value;
    if (json_is_object(value))
        service_map_read(load, &place, value, &weight, weights);
    else if (!json_is_number(value))
        expected_as(load, &place, "a weight from 0 to 65535, or an object from services to weights",
                    "write for example 50, or { \"xmpp-client\": 50 }", value);
    return weights;
}

static const bool *offers_read(struct load *load, const struct place *node,
                               const struct index_list *services)
{
    const struct inventory *inventory = load->inventory;
    struct place place = place_value(node, "services");
    bool *offers = arena_array(load->arena, bool, inventory->service_count);
    for (uint32_t i = 0; i < services->count; i++) {
        const struct inventory_service *service = &inventory->services[services->items[i]];
        offers[services->items[i]] = true;
        if (service->is_absent)
            mistake_warn(&load->mistakes, &place, "absent-service",
                         "remove it here, or \"absent\" from the service",
                         "the node offers %s, which is published as absent",
                         mistakes_quote(&load->mistakes, service->id));
    }
    return offers;
}

static void tags_read(struct load *load, const struct place *node, json_t *value,
                      struct inventory_node *into)
{
    struct place place = place_value(node, "tags");
    if (!value || !list_expected(load, &place, value, 0))
        return;
    size_t count = json_array_size(value);
    struct text *tags = arena_array(load->arena, struct text, count);
    into->tags = tags;
    for (size_t i = 0; i < count; i++) {
        struct place item = place_item(&place, i);
        json_t *tag = json_array_get(value, i);
        if (json_is_string(tag))
            tags[into->tag_count++] = arena_text(load->arena, json_text(tag));
        else
            expected(load, &item, "a string", tag);
    }
}

/* Reports when the node has no host and none can be made. */
static struct name host_default(struct load *load, const struct place *place, const char *id)
{
    struct name host = {0};
    uint8_t label[LABEL_MAX_BYTES + 1];
    size_t len = strlen(id);
    if (load->base_is_uncertain || len == 0 || len > LABEL_MAX_BYTES)
        return host;
    if (load->base.len == 0) {
        mistake_add(&load->mistakes, place, "host-needed",
                    "add \"host\" to the node, or \"base\" to \"defaults\"",
                    "expected \"host\", since there are several domains and no defaults.base; "
                    "found none");
        return host;
    }
    label[0] = (uint8_t)len;
    memcpy(label + 1, id, len);
    if (!name_join(load->arena, (struct bytes){label, len + 1}, load->base, &host))
        mistake_add(&load->mistakes, place, "bad-name", "give the node a \"host\"",
                    "expected a host of at most 255 octets, found a longer one with this id");
    return host;
}

static uint32_t tier_default(struct load *load, const struct place *place)
{
    if (load->default_tier != INVENTORY_NONE)
        return load->default_tier;
    if (load->inventory->tier_count == 1 && !load->tiers_are_uncertain)
        return 0;
    if (!load->tiers_are_uncertain && !load->default_tier_is_uncertain)
        mistake_add(&load->mistakes, place, "tier-needed",
                    "add \"tier\" to the node or to \"defaults\"",
                    "expected \"tier\", since there are several and no defaults.tier; found none");
    return INVENTORY_NONE;
}

static void node_fill(struct load *load, const struct place *place, json_t *value,
                      const struct node_settings *settings, struct inventory_node *node)
{
    struct place at_key = *place, at_tier = place_value(place, "tier");
    at_key.at = JSONC_AT_KEY;
    node->host = settings->host;
    if (!json_object_get(value, "host"))
        node->host = host_default(load, &at_key, node->id.ptr);
    node->ipv4 = settings->addresses.ipv4;
    node->ipv4_count = settings->addresses.ipv4_count;
    node->ipv6 = settings->addresses.ipv6;
    node->ipv6_count = settings->addresses.ipv6_count;
    node->site = settings->site;
    node->state = (enum node_state)settings->state.value;
    node->server = (enum server_product)settings->server.value;
    node->sessions = sessions_over(load->inventory->policy.sessions, &settings->sessions);
    node->capacity = CAPACITY_USUAL;
    if (settings->capacity.given)
        node->capacity = (uint32_t)settings->capacity.value;
    else if (load->default_capacity.given)
        node->capacity = (uint32_t)load->default_capacity.value;
    json_t *tier = json_object_get(value, "tier");
    if (!tier)
        node->tier = tier_default(load, &at_key);
    else if (json_is_string(tier))
        node->tier = tier_get(load, &at_tier, json_text(tier));
    if (settings->ports)
        node->ports = ports_read(load, place, settings->ports, node->ports);
    if (settings->weight)
        node->weights = weights_read(load, place, settings->weight);
    if (settings->services.given)
        node->offers = offers_read(load, place, &settings->services);
    tags_read(load, place, settings->tags, node);
}

static void node_read(struct load *load, const struct place *nodes, const struct entry *entry,
                      const struct usual *usual, struct inventory_node *node)
{
    struct place at_key = place_key(nodes, entry->key), at_value = place_value(nodes, entry->key);
    struct node_settings settings = {0};
    size_t errors = load->mistakes.errors;
    node->tier = INVENTORY_NONE;
    id_check(load, &at_key, entry->key);
    bool is_object = object_read(load, &at_value, entry->value, node_rows, &settings);
    node->ports = usual->ports[settings.server.value];
    if (is_object)
        node_fill(load, &at_value, entry->value, &settings, node);
    load->node_is_uncertain[node - load->inventory->nodes] = load->mistakes.errors != errors;
    if (node->host.len && settings.addresses.ipv4_count + settings.addresses.ipv6_count)
        host_use_add(load, &(struct host_use){node->host, settings.addresses, NULL,
                                              place_keep(&load->scratch, &at_key)});
}

void nodes_read(struct load *load, const struct place *place, json_t *nodes)
{
    struct inventory *inventory = load->inventory;
    uint32_t count = 0;
    load->nodes_are_uncertain = true;
    if (!nodes)
        return; /* reported as a missing key */
    if (!object_expected(load, place, nodes))
        return;
    struct entry *entries = entries_sorted(load, nodes, &count);
    if (count == 0 || count > NODES_MAX) {
        mistake_add(&load->mistakes, place, count ? "too-many-nodes" : "no-nodes",
                    count ? "split the inventory" : "add a node: \"xmpp1\": { \"addresses\": […] }",
                    "expected 1 to %d nodes, found %u", NODES_MAX, count);
        return;
    }
    load->nodes_are_uncertain = false;
    load->node_is_uncertain = arena_array(&load->scratch, bool, count);
    inventory->nodes = arena_array(load->arena, struct inventory_node, count);
    inventory->node_count = count;
    struct usual usual = usual_make(load);
    for (uint32_t i = 0; i < count; i++) {
        struct inventory_node *node = &inventory->nodes[i];
        node->id = arena_text(load->arena, text_from(entries[i].key));
        node->offers = usual.offers;
        node->weights = usual.weights;
        node_read(load, place, &entries[i], &usual, node);
    }
}

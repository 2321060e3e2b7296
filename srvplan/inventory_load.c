/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_load.h"

#include "srvplan/inventory_read.h"
#include "zones/base/file.h"

#include <stdlib.h>
#include <string.h>

static const struct place document = {0};

/* ---- the top of the document ---- */

struct top {
    struct optional version;
    json_t *defaults, *policy, *tiers, *services, *nodes, *domains, *zones;
};

static void read_version(struct load *load, const struct place *place, json_t *value,
                         const struct key_row *row, void *field)
{
    struct optional *version = field;
    (void)row;
    if (!json_is_integer(value))
        expected(load, place, "the number 1", value);
    else if (json_integer_value(value) == 1)
        *version = (struct optional){true, 1};
    else
        mistake_add(&load->mistakes, place, "unknown-version", "write 1, or use a newer srvplan",
                    "expected version 1 of the format, found %" JSON_INTEGER_FORMAT,
                    json_integer_value(value));
}

#define TOP_FIELD(name) offsetof(struct top, name)
static const struct key_row top_rows[] = {
    {"srvplan", read_version, TOP_FIELD(version), 0, 0, NULL, true},
    {"domains", read_tree, TOP_FIELD(domains), 0, 0, NULL, true},
    {"nodes", read_tree, TOP_FIELD(nodes), 0, 0, NULL, true},
    {.key = "defaults", .read = read_tree, .field = TOP_FIELD(defaults)},
    {.key = "zones", .read = read_tree, .field = TOP_FIELD(zones)},
    {.key = "tiers", .read = read_tree, .field = TOP_FIELD(tiers)},
    {.key = "services", .read = read_tree, .field = TOP_FIELD(services)},
    {.key = "policy", .read = read_tree, .field = TOP_FIELD(policy)},
    {.key = "$schema", .read = read_anything},
    {.key = "$comment", .read = read_anything},
    {.key = "include"},
    {.key = "windows"},
    {.key = "publish"},
    {0},
};

/* ---- defaults ---- */

struct defaults {
    struct zone_settings zone;
    struct optional capacity;
    struct text tier;
    struct index_list services;
    struct name base;
};

#define DEFAULTS_FIELD(name) offsetof(struct defaults, name)
static const struct key_row defaults_rows[] = {
    {.key = "ttl", .read = read_duration, .field = DEFAULTS_FIELD(zone.ttl_s)},
    {.key = "tier", .read = read_string, .field = DEFAULTS_FIELD(tier)},
    {"capacity", read_integer, DEFAULTS_FIELD(capacity), 1, 1000000000, NULL, false},
    {.key = "services", .read = read_service_list, .field = DEFAULTS_FIELD(services)},
    {.key = "base", .read = read_name, .field = DEFAULTS_FIELD(base)},
    {.key = "name_servers", .read = read_name_servers, .field = DEFAULTS_FIELD(zone)},
    {.key = "soa", .read = read_soa, .field = DEFAULTS_FIELD(zone.soa)},
    {.key = "$comment", .read = read_comment},
    {.key = "drain_ttl"},
    {0},
};

/* xmpp-client and xmpp-server, unless they are absent. */
static struct index_list services_usual(struct load *load)
{
    static const char *const usual[] = {"xmpp-client", "xmpp-server"};
    const struct inventory *inventory = load->inventory;
    uint32_t *items = arena_array(load->arena, uint32_t, COUNT_OF(usual));
    struct index_list list = {.items = items};
    for (size_t i = 0; i < COUNT_OF(usual); i++) {
        uint32_t index = inventory_find_service(inventory, text_from(usual[i]));
        if (!inventory->services[index].is_absent)
            items[list.count++] = index;
    }
    return list;
}

static void defaults_read(struct load *load, json_t *value)
{
    struct place place = place_value(&document, "defaults");
    struct place tier = place_value(&place, "tier");
    struct place services = place_value(&place, "services");
    struct defaults defaults = {0};
    load->default_tier = INVENTORY_NONE;
    if (value)
        object_read(load, &place, value, defaults_rows, &defaults);
    load->defaults = defaults.zone;
    load->default_capacity = defaults.capacity;
    load->base = defaults.base;
    load->base_is_uncertain = defaults.base.len == 0 && json_object_get(value, "base");
    load->default_tier_is_uncertain = json_object_get(value, "tier");
    if (json_is_string(json_object_get(value, "tier")))
        load->default_tier = tier_get(load, &tier, defaults.tier);
    load->default_services = defaults.services.given ? defaults.services : services_usual(load);
    absent_check(load, &services, json_object_get(value, "services"));
}

/* ---- policy ---- */

struct policy {
    struct optional scale, drain_mode, min_nodes;
};

/* "hamilton:N" and others are scales of the schema, for later. */
static void read_scale(struct load *load, const struct place *place, json_t *value,
                       const struct key_row *row, void *field)
{
    if (json_is_string(value) && text_starts_with(json_text(value), "hamilton:"))
        unsupported(load, place, json_text(value));
    else
        read_choice(load, place, value, row, field);
}

/* A duration that must be 0 until ramps are there. */
static void read_no_time(struct load *load, const struct place *place, json_t *value,
                         const struct key_row *row, void *field)
{
    struct optional duration = {0};
    (void)field;
    read_duration(load, place, value, row, &duration);
    if (duration.value != 0)
        mistake_add(&load->mistakes, place, "not-supported-yet", "write 0, or remove it",
                    "a \"%s\" other than 0 is not supported yet by this version", row->key);
}

static void read_weights_policy(struct load *load, const struct place *place, json_t *value,
                                const struct key_row *row, void *field)
{
    static const struct choice scales[] = {
        {"universal", WEIGHTS_UNIVERSAL, false},
        {"raw", WEIGHTS_RAW, false},
        {.name = "stable", .is_missing = true},
        {.name = "human", .is_missing = true},
        {0},
    };
    static const struct key_row rows[] = {
        {.key = "scale",
         .read = read_scale,
         .field = offsetof(struct policy, scale),
         .choices = scales},
        {.key = "min"},
        {0},
    };
    (void)row;
    object_read(load, place, value, rows, field);
}

static void read_drain_policy(struct load *load, const struct place *place, json_t *value,
                              const struct key_row *row, void *field)
{
    static const struct choice modes[] = {
        {.name = "remove"},
        {.name = "demote", .is_missing = true},
        {.name = "weight", .is_missing = true},
        {.name = "zero", .is_missing = true},
        {0},
    };
    static const struct key_row rows[] = {
        {.key = "mode",
         .read = read_choice,
         .field = offsetof(struct policy, drain_mode),
         .choices = modes},
        {.key = "ramp", .read = read_no_time},
        {.key = "grace", .read = read_no_time},
        {.key = "steps"},
        {.key = "lead"},
        {.key = "resolver_max_ttl"},
        {.key = "to"},
        {0},
    };
    (void)row;
    object_read(load, place, value, rows, field);
}

static void read_guard_policy(struct load *load, const struct place *place, json_t *value,
                              const struct key_row *row, void *field)
{
    static const struct key_row rows[] = {
        {.key = "min_nodes",
         .read = read_integer,
         .field = offsetof(struct policy, min_nodes),
         .max = NODES_MAX},
        {.key = "min_capacity"},
        {.key = "max_drains"},
        {.key = "max_changes"},
        {.key = "survive_one_more_failure"},
        {.key = "min_sites"},
        {0},
    };
    (void)row;
    object_read(load, place, value, rows, field);
}

static void policy_read(struct load *load, json_t *value)
{
    static const struct key_row rows[] = {
        {.key = "weights", .read = read_weights_policy},
        {.key = "drain", .read = read_drain_policy},
        {.key = "guard", .read = read_guard_policy},
        {.key = "$comment", .read = read_comment},
        {.key = "audience"},
        {.key = "sessions"},
        {.key = "resolver_profile"},
        {0},
    };
    struct place place = place_value(&document, "policy");
    struct policy policy = {0};
    if (value)
        object_read(load, &place, value, rows, &policy);
    load->inventory->scale = (enum weights_scale)policy.scale.value;
    load->inventory->guard_min_nodes =
        policy.min_nodes.given ? (uint32_t)policy.min_nodes.value : 1;
    if (load->inventory->guard_min_nodes > 0)
        return;
    struct place guard = place_value(&place, "guard");
    struct place min_nodes = place_value(&guard, "min_nodes");
    load->inventory->guard_min_nodes = 1;
    mistake_warn(&load->mistakes, &min_nodes, "min-nodes-zero", "write 1, or remove it",
                 "\"min_nodes\": 0 counts as 1, since a set is never left empty");
}

/* ---- the whole ---- */

static void top_read(struct load *load, json_t *tree)
{
    struct top top = {0};
    struct place services = place_value(&document, "services");
    struct place tiers = place_value(&document, "tiers");
    struct place domains = place_value(&document, "domains");
    struct place zones = place_value(&document, "zones");
    struct place nodes = place_value(&document, "nodes");
    if (!object_read(load, &document, tree, top_rows, &top))
        return;
    services_read(load, &services, top.services);
    tiers_read(load, &tiers, top.tiers);
    defaults_read(load, top.defaults);
    policy_read(load, top.policy);
    domains_read(load, &domains, top.domains);
    zones_read(load, &zones, top.zones);
    if (!load->base.len && load->domain_count == 1)
        load->base = load->domains[0].name;
    load->base_is_uncertain |= !load->base.len && load->domains_are_uncertain;
    nodes_read(load, &nodes, top.nodes);
    pools_build(load);
    zones_build(load);
    hosts_check(load);
    sets_check(load);
    if (load->mistakes.errors == 0)
        domains_build(load);
}

static void fault_add(struct load *load, struct bytes text, const struct jsonc_fault *fault)
{
    struct jsonc_position opened = {.offset = (size_t)fault->opened};
    const char *message = arena_cstr(&load->mistakes.arena, text_from(fault->message));
    if (fault->opened != JSONC_NOWHERE) {
        jsonc_positions(text, &opened, 1);
        message = arena_printf(&load->mistakes.arena,
                               "%s; not closed is what began at line %u, column %u", message,
                               opened.line, opened.column);
    }
    mistake_add_at(&load->mistakes, &(struct mistake){.code = fault->code,
                                                      .pointer = "",
                                                      .offset = (ptrdiff_t)fault->offset,
                                                      .message = message,
                                                      .mend = fault->mend});
}

static int first_order(const void *a, const void *b)
{
    const struct jsonc_duplicate *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

/* Every key that an object has twice; the tree keeps the last one. */
static void duplicates_add(struct load *load, struct bytes text, struct text clean)
{
    struct arena *arena = &load->mistakes.arena;
    size_t count;
    struct jsonc_duplicate *duplicates = jsonc_duplicates(clean, arena, &count);
    struct jsonc_position *first = arena_array(arena, struct jsonc_position, count);
    if (count > 1)
        qsort(duplicates, count, sizeof *duplicates, first_order);
    for (size_t i = 0; i < count; i++)
        first[i].offset = duplicates[i].first;
    jsonc_positions(text, first, count);
    for (size_t i = 0; i < count; i++) {
        struct mistake mistake = {
            .code = "duplicate-key",
            .pointer = duplicates[i].pointer,
            .offset = (ptrdiff_t)duplicates[i].again,
            .message = "",
            .mend = "remove or rename one of them",
        };
        if (i < MISTAKES_MAX)
            mistake.message = arena_printf(arena,
                                           "expected each key once, found this one again; the "
                                           "first is at line %u, column %u",
                                           first[i].line, first[i].column);
        mistake_add_at(&load->mistakes, &mistake);
    }
}

/* The tree of clean text that has passed jsonc_check, or NULL, which is reported. */
static json_t *tree_build(struct load *load, struct bytes text, struct text clean)
{
    json_error_t error;
    json_t *tree =
        json_loadb(clean.ptr, clean.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!tree && json_error_code(&error) == json_error_duplicate_key) {
        duplicates_add(load, text, clean);
        tree = json_loadb(clean.ptr, clean.len, JSON_DECODE_ANY, &error);
    }
    if (!tree)
        mistake_add_at(&load->mistakes,
                       &(struct mistake){
                           .code = "syntax",
                           .pointer = "",
                           .offset = error.position > 0 ? error.position - 1 : 0,
                           .message = arena_cstr(&load->mistakes.arena, text_from(error.text)),
                           .mend = "see RFC 8259 for JSON",
                       });
    return tree;
}

static void text_read(struct load *load, struct bytes text, struct text *clean)
{
    struct jsonc_fault fault;
    if (text.len > INVENTORY_MAX_BYTES) {
        mistake_add(&load->mistakes, &document, "too-large", "split the inventory",
                    "expected at most %d bytes, found %zu", INVENTORY_MAX_BYTES, text.len);
        return;
    }
    char *room = arena_alloc(&load->scratch, text.len + 1);
    if (!jsonc_clean(text, room, &fault) || !jsonc_check((struct text){room, text.len}, &fault)) {
        fault_add(load, text, &fault);
        return;
    }
    *clean = (struct text){room, text.len};
    json_t *tree = tree_build(load, text, *clean);
    if (!tree)
        return;
    top_read(load, tree);
    json_decref(tree);
}

struct inventory *inventory_load(struct bytes text, const char *file, struct findings *findings)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (!inventory)
        abort();
    struct load load = {.inventory = inventory, .arena = &inventory->arena};
    struct text clean = {0};
    text_read(&load, text, &clean);
    bool is_good = load.mistakes.errors == 0;
    mistakes_publish(&load.mistakes, text, clean, file, findings);
    mistakes_fini(&load.mistakes);
    arena_fini(&load.scratch);
    if (!is_good) {
        inventory_free(inventory);
        inventory = NULL;
    }
    return inventory;
}

struct inventory *inventory_load_file(const char *path, struct findings *findings,
                                      struct error *err)
{
    struct bytes text = {0};
    if (!file_read(path, INVENTORY_MAX_BYTES, &text, err))
        return NULL;
    struct inventory *inventory = inventory_load(text, path, findings);
    free((void *)(uintptr_t)text.ptr);
    return inventory;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_read.h"
#include "srvplan/lint.h"

#include <stdio.h>

struct code_list {
    const struct text *items;
    uint32_t count;
};

struct policy {
    struct optional scale, weight_min, answer_order;
    struct optional drain_mode, drain_to, ramp_s, steps, lead, grace_s, resolver_max_ttl_s;
    struct optional min_capacity, min_nodes, max_drains, min_sites, min_ttl_s, survives_failure;
    json_t *assertions;
    struct inventory_audience audience;
    struct session_settings sessions;
    struct resolver_list resolvers;
    struct code_list accepted;
};

#define POLICY_FIELD(name) offsetof(struct policy, name)

/* ---- weights ---- */

enum {
    HAMILTON = 1000, /* added to the total, for what a choice cannot hold */
};

static const struct choice scales[] = {
    {"universal", WEIGHTS_UNIVERSAL, false},
    {"stable", WEIGHTS_STABLE, false},
    {"human", WEIGHTS_HUMAN, false},
    {"raw", WEIGHTS_RAW, false},
    {"hamilton:TOTAL", WEIGHTS_HAMILTON, false}, /* for messages: read_scale reads it */
    {0},
};

/* A name, or "hamilton:TOTAL". */
static void read_scale(struct load *load, const struct place *place, json_t *value,
                       const struct key_row *row, void *field)
{
    struct optional *scale = field;
    static const char prefix[] = "hamilton:";
    struct text text = json_is_string(value) ? json_text(value) : (struct text){0};
    uint64_t total = 0;
    if (!text_starts_with(text, prefix) && !text_is(text, "hamilton")) {
        read_choice(load, place, value, row, field);
        return;
    }
    size_t skip = text_is(text, "hamilton") ? text.len : sizeof prefix - 1;
    struct text digits = {text.ptr + skip, text.len - skip};
    bool is_number = text_to_u64(digits, 1, UINT16_MAX, &total);
    if (is_number && digits.ptr[0] != '0')
        *scale = (struct optional){true, HAMILTON + (int64_t)total};
    else
        mistake_add(&load->mistakes, place, "bad-scale", "write for example \"hamilton:1000\"",
                    "expected \"hamilton:\" and the sum of the weights, from 1 to 65535; found %s",
                    mistakes_quote(&load->mistakes, text));
}

static void read_weights_policy(struct load *load, const struct place *place, json_t *value,
                                const struct key_row *row, void *field)
{
    static const struct key_row rows[] = {
        {.key = "scale", .read = read_scale, .field = POLICY_FIELD(scale), .choices = scales},
        {"min", read_integer, POLICY_FIELD(weight_min), 1, UINT16_MAX, NULL, NULL},
        {0},
    };
    (void)row;
    object_read(load, place, value, rows, field);
}

/* ---- drain ---- */

static const struct choice modes[] = {
    {"remove", DRAIN_REMOVE, false},
    {"demote", DRAIN_DEMOTE, false},
    {"weight", DRAIN_WEIGHT, false},
    {"zero", DRAIN_ZERO, false},
    {0},
};

static const struct choice leads[] = {
    {"auto", true, false},
    {"none", false, false},
    {0},
};

static void read_drain_policy(struct load *load, const struct place *place, json_t *value,
                              const struct key_row *row, void *field)
{
    static const struct key_row rows[] = {
        {.key = "mode", .read = read_choice, .field = POLICY_FIELD(drain_mode), .choices = modes},
        {.key = "to", .read = read_ratio, .field = POLICY_FIELD(drain_to), .min = 1},
        {.key = "ramp", .read = read_duration, .field = POLICY_FIELD(ramp_s)},
        {"steps", read_integer, POLICY_FIELD(steps), 1, RAMP_STEPS_MAX, NULL, NULL},
        {.key = "lead", .read = read_choice, .field = POLICY_FIELD(lead), .choices = leads},
        {.key = "grace", .read = read_duration, .field = POLICY_FIELD(grace_s)},
        {.key = "resolver_max_ttl",
         .read = read_duration,
         .field = POLICY_FIELD(resolver_max_ttl_s)},
        {0},
    };
    const struct policy *policy = field;
    (void)row;
    object_read(load, place, value, rows, field);
    if (policy->drain_mode.value == DRAIN_WEIGHT && !json_object_get(value, "to"))
        mistake_add(&load->mistakes, place, "missing-key",
                    "add for example \"to\": \"10%\", or choose the mode \"remove\"",
                    "expected the key \"to\" with the mode \"weight\": the part of its weight that "
                    "a drained node keeps; found none");
}

/* ---- guard ---- */

static void read_guard_policy(struct load *load, const struct place *place, json_t *value,
                              const struct key_row *row, void *field)
{
    static const struct key_row rows[] = {
        {"min_nodes", read_integer, POLICY_FIELD(min_nodes), 0, NODES_MAX, NULL, NULL},
        {.key = "min_capacity", .read = read_ratio, .field = POLICY_FIELD(min_capacity)},
        {"max_drains", read_integer, POLICY_FIELD(max_drains), 1, NODES_MAX, NULL, NULL},
        {"min_sites", read_integer, POLICY_FIELD(min_sites), 1, NODES_MAX, NULL, NULL},
        {.key = "min_ttl", .read = read_duration, .field = POLICY_FIELD(min_ttl_s)},
        {.key = "survive_one_more_failure",
         .read = read_boolean,
         .field = POLICY_FIELD(survives_failure)},
        {.key = "assert", .read = read_tree, .field = POLICY_FIELD(assertions)},
        {.key = "max_changes"},
        {0},
    };
    (void)row;
    object_read(load, place, value, rows, field);
}

struct assertion_settings {
    json_t *nodes;
    struct optional at_least;
};

static void assertion_read(struct load *load, const struct place *place, json_t *value,
                           struct inventory_assertion *assertion)
{
    static const struct key_row rows[] = {
        {"nodes", read_tree, offsetof(struct assertion_settings, nodes), 0, 0, NULL,
         "[\"site:ams\"]"},
        {"at_least", read_integer, offsetof(struct assertion_settings, at_least), 1, NODES_MAX,
         NULL, "1"},
        {.key = "$comment", .read = read_comment},
        {0},
    };
    struct assertion_settings settings = {0};
    struct place of_nodes = place_value(place, "nodes");
    struct index_list nodes = {0};
    if (!object_read(load, place, value, rows, &settings) || !settings.nodes ||
        !list_expected(load, &of_nodes, settings.nodes, 1))
        return;
    bool are_known = nodes_select(load, &of_nodes, settings.nodes, &nodes);
    assertion->nodes = nodes.items;
    assertion->node_count = nodes.count;
    assertion->at_least = (uint32_t)settings.at_least.value;
    if (are_known && assertion->at_least > nodes.count)
        mistake_add(&load->mistakes, place, "assertion-fails",
                    "write a smaller number, or select more nodes",
                    "expected %u nodes or more to choose from, found %u (those that are off do not "
                    "count)",
                    assertion->at_least, nodes.count);
}

void assertions_read(struct load *load, const struct place *policy)
{
    struct place guard = place_value(policy, "guard"), place = place_value(&guard, "assert");
    struct inventory_policy *model = &load->inventory->policy;
    uint32_t count = 0;
    if (!load->assertions)
        return;
    if (!object_expected(load, &place, load->assertions))
        return;
    struct entry *entries = entries_sorted(load, load->assertions, &count);
    struct inventory_assertion *assertions =
        arena_array(load->arena, struct inventory_assertion, count);
    for (uint32_t i = 0; i < count; i++) {
        struct place at_key = place_key(&place, entries[i].key);
        struct place at_value = place_value(&place, entries[i].key);
        id_check(load, &at_key, entries[i].key);
        assertions[i].id = arena_text(load->arena, text_from(entries[i].key));
        assertion_read(load, &at_value, entries[i].value, &assertions[i]);
    }
    model->assertions = assertions;
    model->assertion_count = count;
}

/* ---- checks ---- */

/* Codes of the catalogue that a warning can have, and errors that are a matter of judgement. */
static bool accepted_read(struct load *load, const struct place *place, const json_t *value,
                          struct text *code)
{
    const char *title = NULL;
    if (!json_is_string(value))
        return expected(load, place, "the code of a check, as \"X15\"", value);
    for (int id = 0; id < LINT_COUNT; id++) {
        if (!text_is(json_text(value), lint_rows[id].code))
            continue;
        title = lint_rows[id].title;
        if (!lint_is_acceptable((enum lint_id)id))
            continue;
        *code = text_from(lint_rows[id].code);
        return true;
    }
    const char *found = mistakes_quote(&load->mistakes, json_text(value));
    if (title)
        mistake_add(&load->mistakes, place, "not-acceptable", "remove it, and mend what it says",
                    "%s cannot be accepted: %s", found, title);
    else
        mistake_add(&load->mistakes, place, "unknown-check", "see srvplan-checks(7) for the codes",
                    "expected the code of a check, as \"X15\", found %s", found);
    return false;
}

static void read_accepted(struct load *load, const struct place *place, json_t *value,
                          const struct key_row *row, void *field)
{
    struct code_list *list = field;
    (void)row;
    if (!list_expected(load, place, value, 0))
        return;
    struct text *items = arena_array(load->arena, struct text, json_array_size(value));
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct place item = place_item(place, i);
        list->count += accepted_read(load, &item, json_array_get(value, i), &items[list->count]);
    }
    list->items = items;
}

/* ---- answers ---- */

static const struct choice answer_orders[] = {
    {"weighted", ANSWER_ORDER_WEIGHTED, false},
    {"fixed", ANSWER_ORDER_FIXED, false},
    {0},
};

/* ---- the whole ---- */

static uint32_t or_usual(struct optional number, uint32_t usual)
{
    return number.given ? (uint32_t)number.value : usual;
}

static void policy_fill(struct inventory_policy *model, const struct policy *policy)
{
    bool is_hamilton = policy->scale.value >= HAMILTON;
    *model = (struct inventory_policy){
        .scale = is_hamilton ? WEIGHTS_HAMILTON : (enum weights_scale)policy->scale.value,
        .hamilton_total = is_hamilton ? (uint32_t)(policy->scale.value - HAMILTON) : 0,
        .weight_min = or_usual(policy->weight_min, 1),
        .answer_order = (enum answer_order)policy->answer_order.value,
        .drain_mode = (enum drain_mode)policy->drain_mode.value,
        .drain_to_ppb = or_usual(policy->drain_to, 0),
        .ramp_s = or_usual(policy->ramp_s, 0),
        .ramp_steps = or_usual(policy->steps, 4),
        .grace_s = or_usual(policy->grace_s, 30),
        .is_lead_auto = !policy->lead.given || policy->lead.value,
        .resolver_max_ttl_s = or_usual(policy->resolver_max_ttl_s, 0),
        .guard_min_nodes = or_usual(policy->min_nodes, 1),
        .guard_min_capacity_ppb = or_usual(policy->min_capacity, 0),
        .guard_max_drains = or_usual(policy->max_drains, 0),
        .guard_min_sites = or_usual(policy->min_sites, 0),
        .guard_min_ttl_s = or_usual(policy->min_ttl_s, 0),
        .guard_survives_failure = policy->survives_failure.value,
        .accepted = policy->accepted.items,
        .accepted_count = policy->accepted.count,
        .audience = policy->audience,
        .sessions = sessions_over((struct inventory_sessions){0}, &policy->sessions),
        .resolvers = policy->resolvers.items,
        .resolver_count = policy->resolvers.count,
    };
}

void policy_read(struct load *load, const struct place *place, json_t *value)
{
    static const struct key_row rows[] = {
        {.key = "weights", .read = read_weights_policy},
        {.key = "drain", .read = read_drain_policy},
        {.key = "guard", .read = read_guard_policy},
        {.key = "answer_order",
         .read = read_choice,
         .field = POLICY_FIELD(answer_order),
         .choices = answer_orders},
        {.key = "audience", .read = read_audience, .field = POLICY_FIELD(audience)},
        {.key = "sessions", .read = read_sessions, .field = POLICY_FIELD(sessions)},
        {.key = "resolver_profile", .read = read_resolvers, .field = POLICY_FIELD(resolvers)},
        {.key = "accept", .read = read_accepted, .field = POLICY_FIELD(accepted)},
        {.key = "$comment", .read = read_comment},
        {0},
    };
    struct policy policy = {0};
    struct inventory_policy *model = &load->inventory->policy;
    if (value)
        object_read(load, place, value, rows, &policy);
    policy_fill(model, &policy);
    load->assertions = policy.assertions;
    if (model->guard_min_nodes > 0)
        return;
    struct place guard = place_value(place, "guard");
    struct place min_nodes = place_value(&guard, "min_nodes");
    model->guard_min_nodes = 1;
    mistake_warn(&load->mistakes, &min_nodes, "min-nodes-zero", "write 1, or remove it",
                 "\"min_nodes\": 0 counts as 1, since a set is never left empty");
}

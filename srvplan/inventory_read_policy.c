/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_read.h"

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

void policy_read(struct load *load, const struct place *place, json_t *value)
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
    struct policy policy = {0};
    if (value)
        object_read(load, place, value, rows, &policy);
    struct inventory_policy *model = &load->inventory->policy;
    model->scale = (enum weights_scale)policy.scale.value;
    model->guard_min_nodes = policy.min_nodes.given ? (uint32_t)policy.min_nodes.value : 1;
    if (model->guard_min_nodes > 0)
        return;
    struct place guard = place_value(place, "guard");
    struct place min_nodes = place_value(&guard, "min_nodes");
    model->guard_min_nodes = 1;
    mistake_warn(&load->mistakes, &min_nodes, "min-nodes-zero", "write 1, or remove it",
                 "\"min_nodes\": 0 counts as 1, since a set is never left empty");
}

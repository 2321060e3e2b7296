/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure functions over a view and over what is to become of it. */
#include "api/world/inventory.h"

#include <string.h>

const char *drain_state_print(enum drain_state state)
{
    static const char *const names[] = {
        [DRAIN_BLOCKED] = "blocked",           [DRAIN_SCHEDULED] = "scheduled",
        [DRAIN_LOWERING_TTL] = "lowering_ttl", [DRAIN_RAMPING] = "ramping",
        [DRAIN_WITHDRAWN] = "withdrawn",       [DRAIN_CLEAR] = "clear",
        [DRAIN_RESTORING] = "restoring",       [DRAIN_CLOSED] = "closed",
        [DRAIN_ABORTED] = "aborted",
    };
    return names[state];
}

/* What has not begun, been blocked, or is on its way back, by its timeline. */
static enum drain_state planned_state(const struct world_drain *drain, int64_t at_ms)
{
    switch (timeline_state_at(&drain->timeline, at_ms)) {
    case TIMELINE_SCHEDULED:
        return drain->row.blocked_at_ms ? DRAIN_BLOCKED : DRAIN_SCHEDULED;
    case TIMELINE_LOWERING_TTL:
        return drain->row.blocked_at_ms ? DRAIN_BLOCKED : DRAIN_LOWERING_TTL;
    case TIMELINE_BLOCKED:
        return DRAIN_BLOCKED;
    case TIMELINE_RAMPING:
        return DRAIN_RAMPING;
    case TIMELINE_RESTORING:
    case TIMELINE_CLOSED: /* until the world has written it down */
        return DRAIN_RESTORING;
    case TIMELINE_WITHDRAWN:
        break;
    }
    return DRAIN_WITHDRAWN;
}

enum drain_state world_drain_state(const struct world_drain *drain,
                                   const struct world_drain_instants *instants)
{
    const struct store_drain *row = &drain->row;
    if (row->ended_at_ms && !instants->is_end_served)
        return DRAIN_RESTORING;
    if (row->ended_at_ms)
        return row->is_aborted ? DRAIN_ABORTED : DRAIN_CLOSED;
    if (!row->served_at_ms)
        return DRAIN_SCHEDULED;
    enum drain_state state = DRAIN_WITHDRAWN;
    if (drain->has_timeline)
        state = planned_state(drain, instants->plan_at_ms);
    if (state != DRAIN_WITHDRAWN || drain->dns_clear_at_ms == 0)
        return state;
    bool is_clear = row->clear_at_ms || instants->certain_ms >= drain->dns_clear_at_ms;
    return is_clear ? DRAIN_CLEAR : DRAIN_WITHDRAWN;
}

/* FNV-1a, 64 bits: the version is an opaque tag of what a node's view says, the same after a
 * restart, and nobody gains by two states that share one. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t mix_number(uint64_t hash, int64_t number)
{
    return mix(hash, &number, sizeof number);
}

static uint64_t mix_text(uint64_t hash, struct text text)
{
    return mix(mix_number(hash, (int64_t)text.len), text.ptr, text.len);
}

static uint64_t mix_declared(uint64_t hash, const struct inventory_node *node)
{
    hash = mix_text(hash, node->id);
    hash = mix(hash, node->host.wire, node->host.len);
    hash = mix(hash, node->ipv4, node->ipv4_count * sizeof *node->ipv4);
    hash = mix(hash, node->ipv6, node->ipv6_count * sizeof *node->ipv6);
    hash = mix_number(hash, node->capacity);
    hash = mix_number(hash, node->tier);
    hash = mix_number(hash, node->state);
    hash = mix_number(hash, node->server);
    hash = mix_number(hash, node->sessions.mean_life_s);
    hash = mix_number(hash, node->sessions.login_rate_limit_milli);
    for (uint32_t i = 0; i < node->tag_count; i++)
        hash = mix_text(hash, node->tags[i]);
    return mix_text(hash, node->site);
}

static uint64_t mix_overlays(uint64_t hash, const struct overlays *overlays, struct text node)
{
    for (uint32_t i = 0; i < overlays->drain_count; i++) {
        if (text_equal(overlays->drains[i].node, node))
            hash = mix_text(hash, overlays->drains[i].id);
    }
    for (uint32_t i = 0; i < overlays->weight_count; i++) {
        const struct overlay_weight *weight = &overlays->weights[i];
        if (!text_equal(weight->node, node))
            continue;
        hash = mix_text(hash, weight->service);
        hash = mix_number(hash, weight->form);
        hash = mix_number(hash, weight->value);
        hash = mix_number(hash, weight->since_at_ms);
        hash = mix_number(hash, weight->until_at_ms);
    }
    return hash;
}

/* What it publishes; not its shares, which others change. */
static uint64_t mix_published(uint64_t hash, const struct plan *plan, uint32_t node)
{
    for (uint32_t i = 0; i < plan->set_count; i++) {
        const struct plan_set *set = &plan->sets[i];
        for (uint32_t m = 0; m < set->member_count; m++) {
            const struct plan_member *member = &set->members[m];
            if (member->node != node)
                continue;
            const struct declared_set *declared = &plan->input.layout->declared[set->declared];
            hash = mix(hash, declared->key.byte, sizeof declared->key.byte);
            hash = mix_number(hash, member->priority);
            hash = mix_number(hash, member->weight);
            hash = mix_number(hash, member->port);
            hash = mix_number(hash, member->absence);
            hash = mix_number(hash, set->ttl_s);
        }
    }
    return hash;
}

uint64_t world_node_version(const struct world_view *view, uint32_t node)
{
    const struct inventory_node *row = &view->inventory->nodes[node];
    uint64_t hash = mix_declared(0xcbf29ce484222325u, row);
    hash = mix_overlays(hash, &view->overlays, row->id);
    hash = mix_published(hash, view->plan, node);
    /* 53 bits, so that a client that makes a JSON number of it loses none. */
    return hash >> 11;
}

void world_drain_set_how(struct store_drain *row, const struct world_drain_how *how,
                         const struct inventory_policy *policy)
{
    row->mode = (int)(how->has_mode ? how->mode : policy->drain_mode);
    if (row->mode == DRAIN_WEIGHT)
        row->to_ppb = how->has_to ? how->to_ppb : policy->drain_to_ppb;
    row->ramp_s = how->has_ramp ? how->ramp_s : policy->ramp_s;
    row->ramp_steps = how->has_steps ? how->ramp_steps : policy->ramp_steps;
    row->is_lead_auto = how->has_lead ? how->is_lead_auto : policy->is_lead_auto;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the holds and weights of a scene do to a member of a set. */
#include "srvplan/plan_build.h"

/* -- scenes -------------------------------------------------------------------------------------
 */

static bool is_active(const struct overlay_weight *weight, int64_t at_ms)
{
    bool has_end = weight->until_at_ms != OVERLAY_NO_END;
    return weight->since_at_ms <= at_ms && (!has_end || weight->until_at_ms > at_ms);
}

static void add_weight(const struct plan_work *work, struct plan_scene *scene,
                       const struct overlay_weight *weight)
{
    uint32_t node = inventory_find_node(work->inventory, weight->node);
    uint32_t service = INVENTORY_NONE;
    if (!text_is(weight->service, "*")) {
        service = inventory_find_service(work->inventory, weight->service);
        if (service == INVENTORY_NONE)
            return;
    }
    if (node == INVENTORY_NONE)
        return;
    struct plan_active **end = &scene->weights[node];
    while (*end)
        end = &(*end)->next;
    *end = arena_new(scene->arena, struct plan_active);
    **end = (struct plan_active){.weight = weight, .service = service};
}

void plan_scene_init(struct plan_work *work, struct plan_scene *scene, struct arena *arena,
                     int64_t at_ms)
{
    uint32_t nodes = work->inventory->node_count;
    *scene = (struct plan_scene){.arena = arena,
                                 .states = work->states,
                                 .held = arena_array(arena, struct plan_held *, nodes),
                                 .weights = arena_array(arena, struct plan_active *, nodes)};
    for (uint32_t i = 0; i < work->overlays->weight_count; i++)
        if (is_active(&work->overlays->weights[i], at_ms))
            add_weight(work, scene, &work->overlays->weights[i]);
}

void plan_scene_hold(struct plan_scene *scene, const struct plan_hold *hold,
                     struct timeline_level level, bool is_ttl_low)
{
    struct plan_held **end = &scene->held[hold->node];
    while (*end)
        end = &(*end)->next;
    *end = arena_new(scene->arena, struct plan_held);
    **end = (struct plan_held){.hold = hold, .level = level, .is_ttl_low = is_ttl_low};
}

/* -- effects ------------------------------------------------------------------------------------
 */

static bool covers(const struct plan_hold *hold, uint32_t service)
{
    return !hold->services || hold->services[service];
}

/* What one hold does at its level. A ramp goes from the whole weight to nothing, or to the part
 * that the mode `weight` keeps: to + (1 - to) * level. */
static struct plan_effect effect_of(const struct plan_held *held)
{
    static const enum plan_effect_kind at_last[] = {
        [DRAIN_REMOVE] = PLAN_EFFECT_REMOVED,
        [DRAIN_DEMOTE] = PLAN_EFFECT_DEMOTED,
        [DRAIN_WEIGHT] = PLAN_EFFECT_SCALED,
        [DRAIN_ZERO] = PLAN_EFFECT_ZERO,
    };
    const struct plan_hold *hold = held->hold;
    uint64_t num = held->level.num, den = held->level.den;
    struct plan_effect effect = {.hold = hold, .num = 1, .den = 1};
    if (num == den)
        return (struct plan_effect){.num = 1, .den = 1};
    effect.kind = num == 0 ? at_last[hold->mode] : PLAN_EFFECT_SCALED;
    if (effect.kind != PLAN_EFFECT_SCALED)
        return effect;
    effect.num = num;
    effect.den = den;
    if (hold->mode == DRAIN_WEIGHT) { /* fits: a level has at most 1,001 parts */
        effect.num = hold->to_ppb * den + (uint64_t)(RATIO_ONE - hold->to_ppb) * num;
        effect.den = RATIO_ONE * den;
    }
    return effect;
}

/* a < b, by their continued fractions: the products would not fit 64 bits. */
static bool is_less(const struct plan_effect *a, const struct plan_effect *b)
{
    uint64_t a_num = a->num, a_den = a->den, b_num = b->num, b_den = b->den;
    for (;;) {
        uint64_t a_whole = a_num / a_den, b_whole = b_num / b_den;
        uint64_t a_rest = a_num % a_den, b_rest = b_num % b_den;
        if (a_whole != b_whole)
            return a_whole < b_whole;
        if (a_rest == 0 || b_rest == 0)
            return a_rest == 0 && b_rest != 0;
        /* a_rest/a_den < b_rest/b_den exactly when b_den/b_rest < a_den/a_rest */
        a_num = b_den;
        b_num = a_den;
        a_den = b_rest;
        b_den = a_rest;
    }
}

static void strengthen(struct plan_effect *strongest, const struct plan_held *held)
{
    struct plan_effect effect = effect_of(held);
    bool is_both_scaled =
        effect.kind == PLAN_EFFECT_SCALED && strongest->kind == PLAN_EFFECT_SCALED;
    if (effect.kind > strongest->kind || (is_both_scaled && is_less(&effect, strongest)))
        *strongest = effect;
}

struct plan_effect plan_effect_of(const struct plan_scene *scene, uint32_t node, uint32_t service)
{
    struct plan_effect strongest = {.num = 1, .den = 1};
    for (const struct plan_held *held = scene->held[node]; held; held = held->next)
        if (covers(held->hold, service))
            strengthen(&strongest, held);
    if (scene->states[node])
        strengthen(&strongest, &(struct plan_held){scene->states[node], {0, 1}, false, NULL});
    return strongest;
}

const struct plan_hold *plan_ttl_hold_of(const struct plan_scene *scene, uint32_t node,
                                         uint32_t service)
{
    for (const struct plan_held *held = scene->held[node]; held; held = held->next)
        if (held->is_ttl_low && covers(held->hold, service))
            return held->hold;
    return NULL;
}

const struct overlay_weight *plan_weight_of(const struct plan_scene *scene, uint32_t node,
                                            uint32_t service)
{
    const struct overlay_weight *of_all = NULL;
    for (const struct plan_active *active = scene->weights[node]; active; active = active->next) {
        if (active->service == service)
            return active->weight;
        if (active->service == INVENTORY_NONE && !of_all)
            of_all = active->weight;
    }
    return of_all;
}

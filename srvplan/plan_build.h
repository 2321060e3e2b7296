/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan_build: what the files behind plan_compute share while a plan is in the making; nobody else
 * includes it.
 *
 * plan_overlay resolves ids and makes holds of drains, plan_window makes holds of windows and asks
 * the guards for each occurrence, plan_hold says what a scene's holds do to a member, plan_members
 * makes one set of a scene, plan_guard judges all sets of it, plan_timeline lists what comes. */
#pragma once
#include "srvplan/plan.h"
#include "srvplan/weights.h"

/* An active weight of an operator; the next one of the same node follows. */
struct plan_active {
    const struct overlay_weight *weight;
    uint32_t service; /* INVENTORY_NONE is "*" */
    struct plan_active *next;
};

/* A hold that acts on a node; the next one on the same node follows. */
struct plan_held {
    const struct plan_hold *hold;
    struct timeline_level level;
    bool is_ttl_low;
    struct plan_held *next;
};

/* Who is held, and how far, at one instant: the plan's, or one that is only tried. */
struct plan_scene {
    struct arena *arena;                   /* of the sets that are made of it */
    const struct plan_hold *const *states; /* by node: PLAN_HOLD_STATE, or NULL */
    struct plan_held **held;               /* by node, in the order of holds */
    struct plan_active **weights;          /* by node, in the order of overlays */
    bool is_trial;                         /* findings are not kept */
};

struct plan_work {
    struct plan *plan;
    const struct inventory *inventory;
    const struct overlays *overlays;
    struct weights_policy weights_policy;
    struct arena scratch;
    struct plan_scene *scene;
    struct plan_hold *holds; /* in the making */
    size_t hold_capacity;
    struct plan_hold *drains; /* all, also those that are over: windows were judged beside them */
    uint32_t drain_count;
    const struct plan_hold **states; /* as in a scene */
};

struct plan_work plan_work_of(struct plan *plan); /* with the plan's input */

/* Adds a finding, unless the scene is only tried. */
void plan_find(struct plan_work *work, enum finding_severity severity, const char *code,
               const char *message, const char *mend);
void plan_note_change(struct plan_work *work, int64_t change_at_ms);

/* -- plan_overlay.c -- */

/* Holds of states and drains; those that are not over go into the plan. What names nothing becomes
 * a finding. */
void plan_overlays(struct plan_work *work);
void plan_hold_add(struct plan_work *work, const struct plan_hold *hold);

/* -- plan_hold.c -- */

/* A scene at at_ms with the weights that operators set then, and nobody held but by state. */
void plan_scene_init(struct plan_work *work, struct plan_scene *scene, struct arena *arena,
                     int64_t at_ms);
void plan_scene_hold(struct plan_scene *scene, const struct plan_hold *hold,
                     struct timeline_level level, bool is_ttl_low);

enum plan_effect_kind { /* the strongest last */
    PLAN_EFFECT_NONE,
    PLAN_EFFECT_SCALED, /* num/den of the weight */
    PLAN_EFFECT_ZERO,
    PLAN_EFFECT_DEMOTED,
    PLAN_EFFECT_REMOVED,
};

struct plan_effect {
    enum plan_effect_kind kind;
    const struct plan_hold *hold;
    uint64_t num, den;
};

/* What the strongest hold does to a node in the sets of a service. */
struct plan_effect plan_effect_of(const struct plan_scene *scene, uint32_t node, uint32_t service);

/* The first hold that keeps the TTL of the node's sets low, or NULL. */
const struct plan_hold *plan_ttl_hold_of(const struct plan_scene *scene, uint32_t node,
                                         uint32_t service);
const struct overlay_weight *plan_weight_of(const struct plan_scene *scene, uint32_t node,
                                            uint32_t service);

/* -- plan_members.c -- */

void plan_members(struct plan_work *work, uint32_t declared, struct plan_set *set);

/* Behind the last tier of all services that share the service's priorities. */
uint16_t plan_demoted_priority(const struct plan_work *work, uint32_t service);

/* -- plan_guard.c -- */

/* Judges the plan's own sets, and finds what no set can keep. */
void plan_guards(struct plan_work *work);

/* As in a plan. */
struct plan_judgement {
    const struct plan_verdict *refusals, *passes;
    uint32_t refusal_count, pass_count;
};

/* Judges `sets`, which may be tentative: one for each declared set. The verdicts live in the arena;
 * the plan is not touched. */
struct plan_judgement plan_guards_judge(const struct plan_work *work, const struct plan_set *sets,
                                        struct arena *arena);

/* -- plan_trial.c -- */

/* A refusal that `holds`, wholly out at at_ms beside `others`, would add to those of the others
 * alone; NULL: none. In the arena. */
struct plan_trial {
    const struct plan_hold *const *holds;
    uint32_t hold_count;
    const struct plan_hold *const *others;
    uint32_t other_count;
    int64_t at_ms;
};
const struct plan_verdict *plan_try(struct plan_work *work, const struct plan_trial *trial,
                                    struct arena *arena);

/* A hold counts as out from the first step of its ramp until it is whole again. */
bool plan_hold_is_out(const struct plan_hold *hold, int64_t at_ms);

/* Judges the drains that were asked for and are not out yet: fills plan->pending. */
void plan_pending(struct plan_work *work);

/* -- plan_orders.c -- */

/* Finds the sets whose answers cannot begin with each node as often as its weight says. */
void plan_orders(struct plan_work *work);

/* -- plan_window.c, plan_timeline.c -- */

/* Makes occurrences and their holds. */
void plan_windows(struct plan_work *work);

/* Fills states, next_change_at_ms and the events of all holds. */
void plan_timeline(struct plan_work *work);

/* "example.org/xmpp-client", and how many more domains have the set. */
const char *plan_set_name(struct arena *arena, const struct plan *plan, const struct plan_set *set);

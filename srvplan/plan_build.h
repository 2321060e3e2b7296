/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan_build: what the files behind plan_compute share while a plan is in the making; nobody else
 * includes it. plan_overlay resolves ids and says what is active, plan_members makes one set,
 * plan_guard judges all of them. */
#pragma once
#include "srvplan/plan.h"
#include "srvplan/weights.h"

/* An active overlay of a node; the next one of the same node follows. */
struct plan_active {
    uint32_t overlay;     /* index in overlays->drains or ->weights */
    uint32_t service;     /* of a weight: INVENTORY_NONE is "*" */
    const bool *services; /* of a drain: by service; NULL: all */
    struct plan_active *next;
};

struct plan_actives {
    struct plan_active *first, *last;
};

struct plan_work {
    struct plan *plan;
    const struct inventory *inventory;
    const struct overlays *overlays;
    struct weights_policy weights_policy;
    struct arena scratch;
    struct plan_actives *drains;  /* by node, ascending by id */
    struct plan_actives *weights; /* by node */
};

void plan_find(struct plan_work *work, enum finding_severity severity, const char *code,
               const char *message, const char *mend);

/* Fills drains and weights; what names nothing becomes a finding. Also next_change_at_ms. */
void plan_overlays(struct plan_work *work);
const struct overlay_drain *plan_drain_of(const struct plan_work *work, uint32_t node,
                                          uint32_t service);
const struct overlay_weight *plan_weight_of(const struct plan_work *work, uint32_t node,
                                            uint32_t service);

void plan_members(struct plan_work *work, uint32_t declared, struct plan_set *set);

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

/* "example.org/xmpp-client", and how many more domains have the set. */
const char *plan_set_name(struct arena *arena, const struct plan *plan, const struct plan_set *set);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks the guards about what is not there yet: all sets are made as they would be, judged, and
 * thrown away. */
#include "srvplan/plan_build.h"

#include <stdlib.h>

static const struct timeline_level nothing = {0, 1};

static void hold_all(struct plan_scene *scene, const struct plan_hold *const *holds, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        plan_scene_hold(scene, holds[i], nothing, holds[i]->timeline.lower_at_ms != TIMELINE_NEVER);
}

enum trial_side {
    TRIAL_WITH,
    TRIAL_WITHOUT,
};

static struct plan_judgement judge(struct plan_work *work, const struct plan_trial *trial,
                                   enum trial_side side, struct arena *arena)
{
    uint32_t count = work->plan->input.layout->declared_count;
    struct plan_scene scene, *before = work->scene;
    plan_scene_init(work, &scene, arena, trial->at_ms);
    scene.is_trial = true;
    hold_all(&scene, trial->others, trial->other_count);
    if (side == TRIAL_WITH)
        hold_all(&scene, trial->holds, trial->hold_count);
    work->scene = &scene;
    struct plan_set *sets = arena_array(arena, struct plan_set, count);
    for (uint32_t i = 0; i < count; i++)
        plan_members(work, i, &sets[i]);
    struct plan_judgement judgement = plan_guards_judge(work, sets, arena);
    work->scene = before;
    return judgement;
}

/* True when the guard says no to the same thing already, and as loudly. */
static bool is_in(const struct plan_verdict *refusals, uint32_t count,
                  const struct plan_verdict *verdict)
{
    for (uint32_t i = 0; i < count; i++)
        if (refusals[i].set == verdict->set && plan_verdict_covers(&refusals[i], verdict))
            return true;
    return false;
}

const struct plan_verdict *plan_try(struct plan_work *work, const struct plan_trial *trial,
                                    struct arena *arena)
{
    struct plan_judgement with = judge(work, trial, TRIAL_WITH, arena);
    if (with.refusal_count == 0)
        return NULL;
    struct plan_judgement without = judge(work, trial, TRIAL_WITHOUT, arena);
    for (uint32_t i = 0; i < with.refusal_count; i++)
        if (!is_in(without.refusals, without.refusal_count, &with.refusals[i]))
            return &with.refusals[i];
    return NULL;
}

bool plan_hold_is_out(const struct plan_hold *hold, int64_t at_ms)
{
    return hold->timeline.ramp_at_ms <= at_ms && at_ms < hold->timeline.restored_at_ms;
}

/* -- drains to come -----------------------------------------------------------------------------
 */

static void add_pending(struct plan *plan, const struct plan_verdict *verdict)
{
    if (is_in(plan->pending, plan->pending_count, verdict))
        return;
    struct plan_verdict *pending =
        arena_array(&plan->arena, struct plan_verdict, (size_t)plan->pending_count + 1);
    for (uint32_t i = 0; i < plan->pending_count; i++)
        pending[i] = plan->pending[i];
    struct plan_verdict *added = &pending[plan->pending_count++];
    *added = *verdict;
    added->message = arena_cstr(&plan->arena, text_from(verdict->message));
    if (verdict->tier)
        added->tier = arena_cstr(&plan->arena, text_from(verdict->tier));
    plan->pending = pending;
}

static void try_pending(struct plan_work *work, const struct plan_hold *pending)
{
    struct plan *plan = work->plan;
    struct arena arena = {0};
    int64_t at_ms = pending->timeline.ramp_at_ms;
    const struct plan_hold **others =
        arena_array(&arena, const struct plan_hold *, plan->hold_count);
    struct plan_trial trial = {
        .holds = &pending, .hold_count = 1, .others = others, .at_ms = at_ms};
    for (uint32_t i = 0; i < plan->hold_count; i++)
        if (&plan->holds[i] != pending && plan->holds[i].state != TIMELINE_BLOCKED &&
            plan_hold_is_out(&plan->holds[i], at_ms))
            others[trial.other_count++] = &plan->holds[i];
    const struct plan_verdict *verdict = plan_try(work, &trial, &arena);
    if (verdict)
        add_pending(plan, verdict);
    arena_fini(&arena);
}

void plan_pending(struct plan_work *work)
{
    for (uint32_t i = 0; i < work->plan->hold_count; i++) {
        const struct plan_hold *hold = &work->plan->holds[i];
        bool is_pending = hold->state == TIMELINE_SCHEDULED || hold->state == TIMELINE_LOWERING_TTL;
        if (hold->kind == PLAN_HOLD_DRAIN && is_pending && !hold->drain->is_blocked)
            try_pending(work, hold);
    }
}

/* -- what if ------------------------------------------------------------------------------------
 */

struct plan_tryout {
    struct plan plan;
    struct plan_work work;
    const struct plan_hold **others;
    uint32_t other_count;
};

struct plan_tryout *plan_tryout_new(const struct plan_input *input)
{
    struct plan_tryout *tryout = calloc(1, sizeof *tryout);
    if (!tryout)
        abort();
    struct plan_work *work = &tryout->work;
    tryout->plan.input = *input;
    tryout->plan.set_count = input->layout->declared_count;
    *work = plan_work_of(&tryout->plan);
    plan_overlays(work);
    tryout->others = arena_array(&work->scratch, const struct plan_hold *, work->drain_count);
    for (uint32_t i = 0; i < work->drain_count; i++)
        if (plan_hold_is_out(&work->drains[i], input->at_ms))
            tryout->others[tryout->other_count++] = &work->drains[i];
    return tryout;
}

const struct plan_verdict *plan_tryout_ask(struct plan_tryout *tryout, const uint32_t *nodes,
                                           uint32_t count, struct arena *arena)
{
    const struct inventory_policy *policy = &tryout->work.inventory->policy;
    struct plan_hold *holds = arena_array(arena, struct plan_hold, count);
    const struct plan_hold **list = arena_array(arena, const struct plan_hold *, count);
    for (uint32_t i = 0; i < count; i++) {
        holds[i] = (struct plan_hold){
            .kind = PLAN_HOLD_WINDOW,
            .id = text_from("to come"),
            .node = nodes[i],
            .occurrence = INVENTORY_NONE,
            .mode = policy->drain_mode,
            .to_ppb = policy->drain_to_ppb,
            .timeline = {.lower_at_ms = policy->is_lead_auto ? 0 : TIMELINE_NEVER,
                         .end_at_ms = TIMELINE_NEVER,
                         .restored_at_ms = TIMELINE_NEVER}};
        list[i] = &holds[i];
    }
    struct plan_trial trial = {.holds = list,
                               .hold_count = count,
                               .others = tryout->others,
                               .other_count = tryout->other_count,
                               .at_ms = tryout->plan.input.at_ms};
    return plan_try(&tryout->work, &trial, arena);
}

void plan_tryout_free(struct plan_tryout *tryout)
{
    if (!tryout)
        return;
    arena_fini(&tryout->work.scratch);
    findings_fini(&tryout->plan.findings);
    arena_fini(&tryout->plan.arena);
    free(tryout);
}

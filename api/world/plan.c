/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/internal.h"

#include <stdlib.h>

struct planned *planned_make(struct base *base, const struct rows *rows, int64_t at_ms)
{
    struct planned *planned = calloc(1, sizeof *planned);
    if (!planned)
        abort();
    planned->refs = 1;
    planned->base = base_ref(base);
    planned->overlays = rows_overlays(rows, &planned->arena);
    planned->bodies = rows_ref_bodies(rows, &planned->arena, &planned->body_count);
    planned->plan = plan_compute(&(struct plan_input){
        .layout = base->layout, .overlays = &planned->overlays, .at_ms = at_ms});
    return planned;
}

struct planned *planned_ref(struct planned *planned)
{
    __atomic_add_fetch(&planned->refs, 1, __ATOMIC_RELAXED);
    return planned;
}

void planned_unref(struct planned *planned)
{
    if (!planned || __atomic_sub_fetch(&planned->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    plan_free(planned->plan);
    for (size_t i = 0; i < planned->body_count; i++)
        window_body_unref(planned->bodies[i]);
    base_unref(planned->base);
    arena_fini(&planned->arena);
    free(planned);
}

const struct plan_hold *world_find_hold(const struct plan *plan, struct text drain_id)
{
    for (uint32_t i = 0; i < plan->hold_count; i++)
        if (plan->holds[i].kind == PLAN_HOLD_DRAIN && text_equal(plan->holds[i].id, drain_id))
            return &plan->holds[i];
    return NULL;
}

/* Sets are the same when their inputs are, in another inventory too. */
static bool is_same_set(const struct plan *a, const struct plan_verdict *of_a, const struct plan *b,
                        const struct plan_verdict *of_b)
{
    if (of_a->set == PLAN_NO_SET || of_b->set == PLAN_NO_SET)
        return of_a->set == of_b->set;
    return digest_equal(&a->input.layout->declared[of_a->set].key,
                        &b->input.layout->declared[of_b->set].key);
}

static bool covers(const struct plan *before, const struct plan_verdict *old,
                   const struct plan *after, const struct plan_verdict *verdict)
{
    return plan_verdict_covers(old, verdict) && is_same_set(before, old, after, verdict);
}

/* True when one of `list`, of the plan `before`, says no to the same thing at least as badly. */
static bool is_among(const struct plan *before, const struct plan_verdict *list, uint32_t count,
                     const struct plan *after, const struct plan_verdict *verdict)
{
    for (uint32_t i = 0; i < count; i++)
        if (covers(before, &list[i], after, verdict))
            return true;
    return false;
}

/* The same, now or for a drain to come. */
static bool was_refused(const struct plan *before, const struct plan *after,
                        const struct plan_verdict *verdict)
{
    return before && (is_among(before, before->refusals, before->refusal_count, after, verdict) ||
                      is_among(before, before->pending, before->pending_count, after, verdict));
}

const struct plan_verdict *world_refusal_now(const struct plan *before, const struct plan *after,
                                             bool is_override)
{
    for (uint32_t i = 0; i < after->refusal_count; i++) {
        const struct plan_verdict *verdict = &after->refusals[i];
        if (!plan_guard_rows[verdict->guard].is_overridable ||
            (!is_override &&
             !is_among(before, before->refusals, before->refusal_count, after, verdict)))
            return verdict;
    }
    return NULL;
}

const struct plan_verdict *world_new_refusal(const struct plan *before, const struct plan *after,
                                             bool is_override)
{
    for (uint32_t i = 0; i < after->refusal_count; i++) {
        const struct plan_verdict *verdict = &after->refusals[i];
        if (!plan_guard_rows[verdict->guard].is_overridable ||
            (!is_override && !was_refused(before, after, verdict)))
            return verdict;
    }
    for (uint32_t i = 0; i < after->pending_count; i++) {
        const struct plan_verdict *verdict = &after->pending[i];
        bool is_forced = is_override && plan_guard_rows[verdict->guard].is_overridable;
        if (!is_forced && !was_refused(before, after, verdict))
            return verdict;
    }
    return NULL;
}

/* A node is out for an occurrence, or on its way. */
static bool has_out(const struct plan *plan, const struct plan_occurrence *occurrence)
{
    for (uint32_t i = 0; i < occurrence->hold_count; i++) {
        const struct timeline *timeline = &plan->holds[occurrence->first_hold + i].timeline;
        if (timeline->ramp_at_ms <= plan->input.at_ms && plan->input.at_ms < timeline->end_at_ms)
            return true;
    }
    return false;
}

const char *world_brings_back(const struct plan *before, const struct plan *after,
                              struct arena *arena)
{
    for (uint32_t i = 0; before && i < before->occurrence_count; i++) {
        const struct plan_occurrence *was = &before->occurrences[i];
        struct text id = before->windows[was->window].declared.id;
        if (was->is_blocked || !has_out(before, was))
            continue;
        for (uint32_t j = 0; j < after->occurrence_count; j++) {
            const struct plan_occurrence *is = &after->occurrences[j];
            if (is->is_blocked && is->opens_at_ms == was->opens_at_ms &&
                text_equal(after->windows[is->window].declared.id, id))
                return arena_printf(arena,
                                    "window %.*s is open, and this change would bring its nodes "
                                    "back in the midst of the work; end the window first "
                                    "(`srvplan window end %.*s`), or override; %s",
                                    (int)id.len, id.ptr, (int)id.len, id.ptr, is->blocked_because);
        }
    }
    return NULL;
}

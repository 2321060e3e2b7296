/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world_internal.h"

#include <stdlib.h>

struct planned *planned_make(struct base *base, const struct rows *rows, int64_t at_ms)
{
    struct planned *planned = calloc(1, sizeof *planned);
    if (!planned)
        abort();
    planned->refs = 1;
    planned->base = base_ref(base);
    planned->overlays = rows_overlays(rows, &planned->arena);
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
    base_unref(planned->base);
    arena_fini(&planned->arena);
    free(planned);
}

/* True when `before` says no to the same set at least as badly. */
static bool was_refused(const struct plan *before, const struct plan *after,
                        const struct plan_verdict *verdict)
{
    const struct digest *key = &after->input.layout->declared[verdict->set].key;
    for (uint32_t i = 0; before && i < before->refusal_count; i++) {
        const struct plan_verdict *old = &before->refusals[i];
        if (old->guard == verdict->guard && old->would_be <= verdict->would_be &&
            digest_equal(&before->input.layout->declared[old->set].key, key))
            return true;
    }
    return false;
}

const struct plan_verdict *world_new_refusal(const struct plan *before, const struct plan *after,
                                             bool is_override)
{
    for (uint32_t i = 0; i < after->refusal_count; i++) {
        const struct plan_verdict *verdict = &after->refusals[i];
        if (verdict->guard == PLAN_GUARD_NEVER_EMPTY ||
            (!is_override && !was_refused(before, after, verdict)))
            return verdict;
    }
    return NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The openings of one window over any time: a plan of its own beside the one that is asked, so that
 * what is found there does not become part of it. */
#include "srvplan/plan_window_build.h"

#include "srvplan/recurrence.h"

static const struct plan_hold *turns_copy(const struct plan *plan, struct arena *arena,
                                          const struct window_occurrence *occurrence,
                                          uint32_t count)
{
    const struct plan_hold *from =
        occurrence->ended_holds ? occurrence->ended_holds : occurrence->holds;
    struct plan_hold *turns = arena_array(arena, struct plan_hold, count);
    for (uint32_t i = 0; i < count; i++) {
        turns[i] = from[i];
        turns[i].state = occurrence->blocked_because
                             ? TIMELINE_BLOCKED
                             : timeline_state_at(&turns[i].timeline, plan->input.at_ms);
    }
    return turns;
}

/* False: it does not come. */
static bool look_at(struct window_work *w, const struct plan_openings_query *query,
                    int64_t opens_at_ms, struct arena *arena, struct plan_opening *opening)
{
    const struct plan *plan = w->work->plan;
    struct window_occurrence occurrence;
    struct text id = plan->windows[query->window].declared.id;
    const struct overlay_opening *change =
        window_find_opening(plan->input.overlays, id, opens_at_ms);
    bool is_skipped = change && change->change == OPENING_SKIPPED;
    if (!window_occurrence_of(w, query->window, opens_at_ms, &occurrence))
        return false;
    if (!is_skipped && query->how == PLAN_OPENINGS_JUDGED) {
        window_cover(w, occurrence.begin_at_ms - w->longest_ms - DAY_MS,
                     occurrence.begin_at_ms + 1);
        occurrence = *window_admit(w, &occurrence);
    }
    window_holds(w, &occurrence);
    *opening =
        (struct plan_opening){.occurrence = window_print(w, &occurrence),
                              .skipped = is_skipped ? change : NULL,
                              .turn_count = plan->windows[query->window].declared.node_count};
    opening->turns = turns_copy(plan, arena, &occurrence, opening->turn_count);
    if (occurrence.blocked_because)
        opening->occurrence.blocked_because =
            arena_cstr(arena, text_from(occurrence.blocked_because));
    return true;
}

uint32_t plan_window_openings(const struct plan *plan, const struct plan_openings_query *query,
                              struct arena *arena, const struct plan_opening **openings)
{
    struct plan aside = {.input = plan->input,
                         .set_count = plan->set_count,
                         .windows = plan->windows,
                         .window_count = plan->window_count};
    struct plan_work work = plan_work_of(&aside);
    uint32_t count = 0, most = query->most < OPENINGS_MAX ? query->most : OPENINGS_MAX;
    plan_overlays(&work);
    struct window_work w = window_work_of(&work);
    int64_t *at_ms = arena_array(&work.scratch, int64_t, most);
    struct plan_opening *found = arena_array(arena, struct plan_opening, most);
    uint32_t expanded = recurrence_expand(plan->windows[query->window].declared.when,
                                          query->from_ms, query->to_ms, at_ms, most);
    for (uint32_t i = 0; i < expanded; i++)
        count += look_at(&w, query, at_ms[i], arena, &found[count]);
    arena_fini(&work.scratch);
    findings_fini(&aside.findings);
    arena_fini(&aside.arena);
    *openings = found;
    return count;
}

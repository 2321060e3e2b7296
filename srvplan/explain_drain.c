/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/explain_build.h"

#include <string.h>

/* -- one failure more ---------------------------------------------------------------------------
 */

static bool is_served(const struct simulation *simulation, const struct rational *shares)
{
    for (uint32_t i = 0; i < simulation->pool->node_count; i++)
        if (!rational_is_zero(shares[i]))
            return true;
    return false;
}

static bool line_of(const struct explain_work *work, const struct simulation *simulation,
                    const struct simulate_case *how, struct simulation_line *line)
{
    struct arena *arena = &work->explanation->arena;
    uint32_t nodes = simulation->pool->node_count;
    *line = (struct simulation_line){.shares = arena_array(arena, struct rational, nodes)};
    if (!simulate_audience(how, &simulation->audience, arena, line->shares, work->err))
        return false;
    simulation_line_judge(simulation->pool, arena, line);
    return true;
}

static struct rational worst_load(const struct simulation_line *line)
{
    return line->loads[line->worst];
}

/* The other node whose failure on top of the drain gives the greatest load; one that leaves nobody
 * counts above all. */
static bool further_find(const struct explain_work *work, struct explain_set *set)
{
    const struct simulation *simulation = set->simulation;
    struct explain_drain *drain = &set->drain;
    uint32_t nodes = simulation->pool->node_count;
    struct arena scratch = {0};
    bool *withdrawn = arena_array(&scratch, bool, nodes);
    bool ok = true;
    withdrawn[set->position] = true;
    drain->next = INVENTORY_NONE;
    for (uint32_t i = 0; i < nodes && ok && !drain->is_last_two; i++) {
        bool *down = arena_array(&scratch, bool, nodes);
        struct simulate_case how = {simulation->pool, work->question->order, down, withdrawn};
        struct simulation_line line;
        down[i] = true;
        if (i == set->position || !simulation_is_among_greatest(simulation, i))
            continue;
        ok = line_of(work, simulation, &how, &line);
        if (!ok)
            break;
        drain->is_last_two = !is_served(simulation, line.shares);
        if (drain->next == INVENTORY_NONE || drain->is_last_two ||
            rational_compare(worst_load(&line), worst_load(&drain->further)) > 0) {
            drain->next = i;
            drain->further = line;
        }
    }
    arena_fini(&scratch);
    return ok;
}

/* -- guards -------------------------------------------------------------------------------------
 */

/* Whether the plan refuses the same already. */
static bool is_refused(const struct plan *plan, const struct plan_verdict *verdict)
{
    for (uint32_t i = 0; i < plan->refusal_count; i++)
        if (plan->refusals[i].guard == verdict->guard && plan->refusals[i].set == verdict->set)
            return true;
    return false;
}

/* What guards would refuse, of this set or of the whole, with one more drain on the node. */
static void refusals_find(const struct explain_work *work, struct explain_set *set)
{
    const struct plan_input *input = &work->question->plan->input;
    const struct inventory *inventory = input->layout->inventory;
    struct arena *arena = &work->explanation->arena;
    const struct overlay_drain drain = {
        .id = text_from("explain"),
        .node = inventory->nodes[work->question->node].id,
        .actor = text_from(""),
        .reason = text_from(""),
        .since_at_ms = input->at_ms,
        .mode = DRAIN_REMOVE,
    };
    struct overlays overlays = *input->overlays;
    struct overlay_drain *drains =
        arena_array(arena, struct overlay_drain, (size_t)overlays.drain_count + 1);
    if (overlays.drain_count)
        memcpy(drains, overlays.drains, overlays.drain_count * sizeof *drains);
    drains[overlays.drain_count++] = drain;
    overlays.drains = drains;
    struct plan_input with_drain = *input;
    with_drain.overlays = &overlays;
    struct plan *plan = plan_compute(&with_drain);
    const char **texts = arena_array(arena, const char *, plan->refusal_count);
    for (uint32_t i = 0; i < plan->refusal_count; i++) {
        const struct plan_verdict *verdict = &plan->refusals[i];
        bool is_about = verdict->set == set->set || verdict->set == PLAN_NO_SET;
        if (is_about && !is_refused(work->question->plan, verdict))
            texts[set->drain.refusal_count++] = arena_cstr(arena, text_from(verdict->message));
    }
    set->drain.refusals = texts;
    plan_free(plan);
}

bool explain_drain(const struct explain_work *work, struct explain_set *set)
{
    const struct simulation_outage *outage = &set->simulation->outages[set->position];
    set->drain = (struct explain_drain){
        .is_last = !is_served(set->simulation, outage->withdrawn.shares),
        .line = outage->withdrawn,
    };
    refusals_find(work, set);
    return set->drain.is_last || further_find(work, set);
}

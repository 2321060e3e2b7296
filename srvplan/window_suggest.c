/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/window_suggest.h"

#include <string.h>

#define MINUTE_MS INT64_C(60000)

enum {
    MOVES_MAX = 1000, /* out of the way of other windows, before we give up */
};

struct search {
    const struct window_request *request;
    struct arena *arena;
    struct plan_tryout *tryout;
    struct window_turn *turns;
    uint32_t turn_count;
};

/* -- who shares a turn --------------------------------------------------------------------------
 */

static bool may_be_out(struct search *search, const uint32_t *nodes, uint32_t count)
{
    struct arena scratch = {0};
    bool may = !plan_tryout_ask(search->tryout, nodes, count, &scratch);
    arena_fini(&scratch);
    return may;
}

/* False: a node may not even be out alone. */
static bool check_each(struct search *search, struct error *err)
{
    const struct window_request *request = search->request;
    struct arena scratch = {0};
    bool is_fine = true;
    for (uint32_t i = 0; i < request->node_count && is_fine; i++) {
        const struct plan_verdict *verdict =
            plan_tryout_ask(search->tryout, &request->nodes[i], 1, &scratch);
        struct text id = request->input.layout->inventory->nodes[request->nodes[i]].id;
        if (verdict)
            is_fine = error_set(err, ERROR_GUARD,
                                "%.*s may not be out, not even alone; guard %s: %s", (int)id.len,
                                id.ptr, plan_guard_rows[verdict->guard].name, verdict->message);
    }
    arena_fini(&scratch);
    return is_fine;
}

static void turn_add(struct search *search, const uint32_t *nodes, uint32_t count)
{
    uint32_t *copy = arena_array(search->arena, uint32_t, count);
    memcpy(copy, nodes, count * sizeof *copy);
    search->turns[search->turn_count++] = (struct window_turn){.nodes = copy, .node_count = count};
}

static uint32_t nodes_of(const struct window_request *request, uint32_t mask, uint32_t *nodes)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < request->node_count; i++)
        if (mask >> i & 1)
            nodes[count++] = request->nodes[i];
    return count;
}

/* Which sets of nodes may be out together, by bit mask: one may when all with a node less may, and
 * the guards say so. */
static bool *ask_all(struct search *search, struct arena *scratch)
{
    const struct window_request *request = search->request;
    uint32_t masks = 1u << request->node_count;
    bool *may = arena_array(scratch, bool, masks);
    uint32_t nodes[WINDOW_SUGGEST_EXACT];
    may[0] = true;
    for (uint32_t mask = 1; mask < masks; mask++) {
        bool parts_may = true;
        for (uint32_t i = 0; i < request->node_count && parts_may; i++)
            parts_may = !(mask >> i & 1) || may[mask & ~(1u << i)];
        may[mask] = parts_may && may_be_out(search, nodes, nodes_of(request, mask, nodes));
    }
    return may;
}

/* The fewest turns for each set of nodes: one turn that has its first node, then the fewest for the
 * rest. */
static void share_exactly(struct search *search)
{
    const struct window_request *request = search->request;
    struct arena scratch = {0};
    uint32_t masks = 1u << request->node_count, nodes[WINDOW_SUGGEST_EXACT];
    const bool *may = ask_all(search, &scratch);
    uint32_t *turns = arena_array(&scratch, uint32_t, masks);
    uint32_t *first = arena_array(&scratch, uint32_t, masks);
    for (uint32_t mask = 1; mask < masks; mask++) {
        turns[mask] = UINT32_MAX;
        for (uint32_t part = mask; part; part = (part - 1) & mask) {
            bool has_first = part & mask & -mask;
            if (has_first && may[part] && turns[mask & ~part] < turns[mask] - 1) {
                turns[mask] = turns[mask & ~part] + 1;
                first[mask] = part;
            }
        }
    }
    for (uint32_t mask = masks - 1; mask; mask &= ~first[mask])
        turn_add(search, nodes, nodes_of(request, first[mask], nodes));
    arena_fini(&scratch);
}

static void share_greedily(struct search *search)
{
    const struct window_request *request = search->request;
    struct arena scratch = {0};
    uint32_t *nodes = arena_array(&scratch, uint32_t, request->node_count);
    bool *is_placed = arena_array(&scratch, bool, request->node_count);
    for (uint32_t placed = 0; placed < request->node_count;) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < request->node_count; i++) {
            nodes[count] = request->nodes[i];
            if (is_placed[i] || !may_be_out(search, nodes, count + 1))
                continue;
            is_placed[i] = true;
            count++;
        }
        turn_add(search, nodes, count);
        placed += count;
    }
    arena_fini(&scratch);
}

/* -- when ---------------------------------------------------------------------------------------
 */

static struct timeline_ttls ttls_of(const struct search *search, const struct window_turn *turn)
{
    const struct layout *layout = search->request->input.layout;
    struct timeline_ttls ttls = {0};
    for (uint32_t i = 0; i < turn->node_count; i++) {
        const struct layout_node_sets *node = &layout->node_sets[turn->nodes[i]];
        if (node->ttl_s > ttls.ttl_s)
            ttls.ttl_s = node->ttl_s;
        if (node->drain_ttl_s > ttls.drain_ttl_s)
            ttls.drain_ttl_s = node->drain_ttl_s;
    }
    return ttls;
}

/* Windows begin at whole minutes, as people write them. */
static int64_t minute_up(int64_t at_ms)
{
    int64_t rest = at_ms % MINUTE_MS;
    return rest ? at_ms + MINUTE_MS - rest : at_ms;
}

/* From an instant on: the first change of the first turn is not before it, a ramp not before the
 * turn before is whole and in every cache. */
static void place(struct search *search, int64_t from_ms)
{
    const struct inventory_policy *policy = &search->request->input.layout->inventory->policy;
    for (uint32_t i = 0; i < search->turn_count; i++) {
        struct window_turn *turn = &search->turns[i];
        struct timeline_ttls ttls = ttls_of(search, turn);
        struct timeline at_zero = timeline_of_turn(policy, ttls, 0, search->request->duration_s);
        int64_t opens_ms = from_ms - (i ? at_zero.ramp_at_ms : timeline_begin_ms(&at_zero));
        turn->timeline =
            timeline_of_turn(policy, ttls, minute_up(opens_ms), search->request->duration_s);
        /* As long as it took from withdrawn to open, caches take to see it whole again. */
        from_ms = turn->timeline.restored_at_ms + turn->timeline.open_at_ms -
                  turn->timeline.withdrawn_at_ms;
    }
}

/* The end of a window's occurrence that the row from begin_ms to end_ms meets, or 0. */
static int64_t met_until(const struct search *search, int64_t begin_ms, int64_t end_ms)
{
    struct plan_input input = search->request->input;
    int64_t until_ms = 0;
    input.at_ms = begin_ms;
    struct plan *plan = plan_compute(&input);
    for (uint32_t i = 0; i < plan->occurrence_count; i++) {
        const struct plan_occurrence *occurrence = &plan->occurrences[i];
        if (occurrence->begin_at_ms < end_ms && occurrence->end_at_ms > begin_ms &&
            occurrence->end_at_ms > until_ms)
            until_ms = occurrence->end_at_ms;
    }
    plan_free(plan);
    return until_ms;
}

static bool place_clear(struct search *search, struct window_suggestion *made, struct error *err)
{
    int64_t from_ms = search->request->input.at_ms;
    for (uint32_t i = 0; i < MOVES_MAX; i++) {
        place(search, from_ms);
        const struct timeline *last = &search->turns[search->turn_count - 1].timeline;
        made->first_change_at_ms = timeline_begin_ms(&search->turns[0].timeline);
        made->last_change_at_ms = last->restored_at_ms;
        from_ms = met_until(search, made->first_change_at_ms, made->last_change_at_ms);
        if (from_ms == 0)
            return true;
    }
    return error_set(err, ERROR_CONFLICT,
                     "no pause between the windows of the inventory is long enough; %u turns take "
                     "%lld s from the first change to the last: try fewer nodes or a shorter --for",
                     search->turn_count,
                     (long long)(made->last_change_at_ms - made->first_change_at_ms) / 1000);
}

bool window_suggest(const struct window_request *request, struct arena *arena,
                    struct window_suggestion *suggestion, struct error *err)
{
    struct search search = {.request = request,
                            .arena = arena,
                            .tryout = plan_tryout_new(&request->input),
                            .turns = arena_array(arena, struct window_turn, request->node_count)};
    struct window_suggestion made = {.turns = search.turns,
                                     .is_shortest = request->node_count <= WINDOW_SUGGEST_EXACT};
    bool is_fine = check_each(&search, err);
    if (is_fine && made.is_shortest)
        share_exactly(&search);
    else if (is_fine)
        share_greedily(&search);
    made.turn_count = search.turn_count;
    is_fine = is_fine && place_clear(&search, &made, err);
    plan_tryout_free(search.tryout);
    if (is_fine)
        *suggestion = made;
    return is_fine;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws of plans over time, over generated inventories with windows and drains, and windows that
 * operators made, took away, skipped and ended: a walk from one
 * change to the next, most of them a short one from some instant of a year on, some through the
 * whole year. A failure names its seed; SRVPLAN_SEED=0x… runs that one alone, SRVPLAN_LONG=1 ten
 * times as many. */
#include "srvplan/plan.h"
#include "gen_inventory.h"
#include "laws.h"
#include "make_inventory.h"
#include "srvplan/recurrence.h"
#include "srvplan/report/report_json.h"
#include "srvplan/window_suggest.h"
#include "zones/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char laws_suite[] = "plan_time_properties";

enum {
    ROUNDS = 1600,
    STEPS = 25,        /* of a short walk */
    YEAR_STEPS = 4000, /* of a long one, which a window a night reaches */
    YEAR_EVERY = 100,  /* one round in so many is a long one */
    JSON_EVERY = 16,   /* so often all of the plan is compared, else what is published */
    SETS_MAX = 128,
    NODES_MAX = 16,
    SIZE_MAX_NODES = 7,
    OPENINGS_CHANGED = 6, /* of one window */
};
#define YEAR_MS (INT64_C(1000) * 86400 * 365)

struct walk {
    uint64_t seed;
    struct gen gen;
    struct inventory *inventory;
    struct layout *layout;
    struct overlays overlays;
    int64_t start_ms;
    struct plan *plan; /* in force from its at_ms to next_ms */
    int64_t next_ms;
    /* Until when a cache may name the node, by set and node: of what was published up to now. */
    int64_t named_until_ms[SETS_MAX][NODES_MAX];
    uint64_t checks, openings;
};

static struct plan *plan_at(const struct walk *walk, int64_t at_ms)
{
    return plan_compute(&(struct plan_input){walk->layout, &walk->overlays, at_ms});
}

/* -- one plan -----------------------------------------------------------------------------------
 */

static bool same_content(const struct plan *a, const struct plan *b)
{
    for (uint32_t i = 0; i < a->content.count; i++)
        if (!content_set_equal(&a->content.sets[i], &b->content.sets[i]))
            return false;
    return true;
}

static char *dump(const struct plan *plan)
{
    json_t *json = report_plan_json(plan, NULL);
    json_object_del(json, "at");
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(json);
    return text;
}

/* Nothing of the plan changes before it says so. */
static void check_constant(struct walk *walk)
{
    int64_t at_ms = walk->plan->input.at_ms, room_ms = walk->next_ms - at_ms;
    int64_t then_ms = walk->next_ms - 1;
    if (gen_below(&walk->gen, 2))
        then_ms =
            at_ms + (int64_t)(gen_below(&walk->gen, UINT32_MAX) / 4294967296.0 * (double)room_ms);
    struct plan *then = plan_at(walk, then_ms);
    LAW(same_content(walk->plan, then) && then->next_change_at_ms == walk->plan->next_change_at_ms,
        walk->seed, "it changed between %lld and %lld, but said %lld", (long long)at_ms,
        (long long)then_ms, (long long)walk->next_ms);
    if (gen_below(&walk->gen, JSON_EVERY) == 0) {
        char *before = dump(walk->plan), *after = dump(then);
        LAW(strcmp(before, after) == 0, walk->seed, "at %lld\n%s\nat %lld\n%s", (long long)at_ms,
            before, (long long)then_ms, after);
        free(before);
        free(after);
    }
    plan_free(then);
}

static bool has_late_drain(const struct walk *walk)
{
    const struct plan *plan = walk->plan;
    for (uint32_t i = 0; i < plan->hold_count; i++)
        for (uint32_t j = 0; j < plan->occurrence_count; j++)
            if (plan->holds[i].drain &&
                plan->holds[i].drain->requested_at_ms > plan->occurrences[j].begin_at_ms)
                return true;
    return false;
}

/* Windows add no refusal to those of drains, unless a drain came after the window had begun. */
static void check_refusals(struct walk *walk)
{
    struct plan *plan = walk->plan;
    if (plan->refusal_count == 0 || has_late_drain(walk))
        return;
    uint32_t windows = walk->inventory->window_count, own = walk->overlays.window_count;
    walk->inventory->window_count = walk->overlays.window_count = 0;
    struct plan *without = plan_at(walk, plan->input.at_ms);
    walk->inventory->window_count = windows;
    walk->overlays.window_count = own;
    for (uint32_t i = 0; i < plan->refusal_count; i++) {
        bool is_in = false;
        for (uint32_t j = 0; j < without->refusal_count; j++)
            is_in |= without->refusals[j].set == plan->refusals[i].set &&
                     plan_verdict_covers(&without->refusals[j], &plan->refusals[i]);
        LAW(is_in, walk->seed, "at %lld: %s", (long long)plan->input.at_ms,
            plan->refusals[i].message);
    }
    plan_free(without);
}

/* -- from one plan to the next ------------------------------------------------------------------
 */

static const struct plan_member *member_of(const struct plan_set *set, uint32_t node)
{
    for (uint32_t i = 0; i < set->member_count; i++)
        if (set->members[i].node == node)
            return &set->members[i];
    return NULL;
}

static bool is_same_hold(const struct plan_hold *a, const struct plan_hold *b)
{
    return a && b && a->kind == b->kind && text_equal(a->id, b->id) &&
           a->timeline.open_at_ms == b->timeline.open_at_ms;
}

/* TTLs never rise while a node of the set is held by a drain that lowered them; weights go one way
 * on a ramp, and never to 0. */
static void check_step(struct walk *walk, const struct plan *before, const struct plan *after)
{
    for (uint32_t i = 0; i < after->set_count; i++) {
        const struct plan_set *was = &before->sets[i], *is = &after->sets[i];
        bool rises = is->ttl_s > was->ttl_s;
        for (uint32_t j = 0; j < is->member_count; j++) {
            const struct plan_member *now = &is->members[j], *then = member_of(was, now->node);
            const struct plan_hold *hold = now->hold;
            LAW(!rises || !hold || hold->kind == PLAN_HOLD_STATE ||
                    hold->timeline.lower_at_ms == TIMELINE_NEVER,
                walk->seed, "a TTL rises while %.*s is held", (int)hold->id.len, hold->id.ptr);
            if (!is_same_hold(hold, then->hold))
                continue;
            bool is_down = hold->state == TIMELINE_RAMPING && then->hold->state == TIMELINE_RAMPING;
            bool is_up =
                hold->state == TIMELINE_RESTORING && then->hold->state == TIMELINE_RESTORING;
            LAW(!is_down || now->weight <= then->weight, walk->seed, "a ramp rises");
            LAW(!is_up || now->weight >= then->weight, walk->seed, "a restore falls");
            LAW(!(is_down || is_up) || now->weight > 0 || now->planned_weight == 0, walk->seed,
                "a ramp made a weight 0");
        }
    }
}

/* What was published from the plan's instant until next_ms may be in caches for its TTL more. */
static void remember(struct walk *walk)
{
    const struct plan *plan = walk->plan;
    for (uint32_t i = 0; i < plan->set_count && i < SETS_MAX; i++)
        for (uint32_t j = 0; j < plan->sets[i].member_count; j++) {
            const struct plan_member *member = &plan->sets[i].members[j];
            int64_t until_ms = walk->next_ms + (int64_t)plan->sets[i].ttl_s * 1000 + 1000;
            if (member->absence == PLAN_PRESENT && member->node < NODES_MAX &&
                walk->named_until_ms[i][member->node] < until_ms)
                walk->named_until_ms[i][member->node] = until_ms;
        }
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When a window opens, no cache names its node any more; when it began late, as soon as it says. */
static void check_openings(struct walk *walk)
{
    const struct plan *plan = walk->plan;
    for (uint32_t i = 0; i < plan->hold_count; i++) {
        const struct plan_hold *hold = &plan->holds[i];
        int64_t open_ms = hold->timeline.open_at_ms;
        if (hold->kind != PLAN_HOLD_WINDOW || hold->state != TIMELINE_WITHDRAWN ||
            hold->mode != DRAIN_REMOVE || hold->node >= NODES_MAX || open_ms < plan->input.at_ms ||
            open_ms >= walk->next_ms ||
            plan->occurrences[hold->occurrence].begin_at_ms < walk->start_ms)
            continue;
        walk->openings++;
        for (uint32_t set = 0; set < plan->set_count && set < SETS_MAX; set++)
            LAW(!member_of(&plan->sets[set], hold->node) ||
                    walk->named_until_ms[set][hold->node] <=
                        later(open_ms, hold->timeline.clear_at_ms),
                walk->seed, "window %.*s opens at %lld, a cache may name its node until %lld",
                (int)hold->id.len, hold->id.ptr, (long long)open_ms,
                (long long)walk->named_until_ms[set][hold->node]);
    }
}

/* An occurrence that stands in two plans has one verdict. */
static void check_verdicts(struct walk *walk, const struct plan *before, const struct plan *after)
{
    for (uint32_t i = 0; i < after->occurrence_count; i++)
        for (uint32_t j = 0; j < before->occurrence_count; j++) {
            const struct plan_occurrence *a = &before->occurrences[j], *b = &after->occurrences[i];
            LAW(a->window != b->window || a->opens_at_ms != b->opens_at_ms ||
                    a->is_blocked == b->is_blocked,
                walk->seed, "a verdict changed at %lld", (long long)after->input.at_ms);
        }
}

/* -- walks --------------------------------------------------------------------------------------
 */

static bool walk_start(struct walk *walk, uint64_t seed, uint32_t size)
{
    struct findings findings = {0};
    *walk = (struct walk){.seed = seed, .gen = gen_start(seed ^ 0x3a11)};
    walk->inventory = gen_inventory(seed, size);
    gen_windows(walk->inventory, seed);
    walk->overlays = gen_year_of_drains(walk->inventory, seed);
    walk->layout = layout_build(walk->inventory, LAYOUT_FOR_PLAN, &findings);
    findings_fini(&findings);
    return walk->layout;
}

/* -- operators ----------------------------------------------------------------------------------
 */

/* An instant of the year. */
static int64_t any_time(struct walk *walk)
{
    return GEN_YEAR_MS + INT64_C(1000) * gen_below(&walk->gen, 86400 * 365);
}

/* Some openings of a window are skipped, and some are ended an hour after they open. */
static void act_on(struct walk *walk, const struct inventory_window *window,
                   struct overlay_opening *openings)
{
    int64_t at_ms[OPENINGS_CHANGED];
    int64_t from_ms = any_time(walk);
    uint32_t count = recurrence_expand(window->when, from_ms, from_ms + YEAR_MS, at_ms,
                                       gen_below(&walk->gen, OPENINGS_CHANGED + 1));
    for (uint32_t i = 0; i < count; i++)
        openings[walk->overlays.opening_count++] = (struct overlay_opening){
            .window = window->id,
            .opens_at_ms = at_ms[i],
            .change = gen_below(&walk->gen, 2) ? OPENING_SKIPPED : OPENING_ENDED,
            .at_ms = at_ms[i] + INT64_C(60000) * gen_below(&walk->gen, 120) - 1800000};
}

/* Half of the windows become those of operators, made at some time, and some taken away. */
static void give_to_operators(struct walk *walk)
{
    struct inventory *inventory = walk->inventory;
    struct arena *arena = &inventory->arena;
    uint32_t count = inventory->window_count, left = 0;
    struct overlay_window *windows = arena_array(arena, struct overlay_window, count);
    struct overlay_opening *openings =
        arena_array(arena, struct overlay_opening, (size_t)count * OPENINGS_CHANGED);
    for (uint32_t i = 0; i < count; i++) {
        struct inventory_window *window = &inventory->windows[i];
        act_on(walk, window, openings);
        if (gen_below(&walk->gen, 2)) {
            inventory->windows[left++] = *window;
            continue;
        }
        struct text *selectors = arena_array(arena, struct text, window->node_count);
        for (uint32_t j = 0; j < window->node_count; j++)
            selectors[j] = inventory->nodes[window->nodes[j]].id;
        windows[walk->overlays.window_count++] = (struct overlay_window){
            .window = *window,
            .selectors = selectors,
            .selector_count = window->node_count,
            .since_at_ms = gen_below(&walk->gen, 2) ? 0 : any_time(walk),
            .ended_at_ms = gen_below(&walk->gen, 4) ? OVERLAY_NO_END : any_time(walk)};
    }
    inventory->window_count = left;
    walk->overlays.windows = windows;
    walk->overlays.openings = openings;
}

static void walk_end(struct walk *walk)
{
    plan_free(walk->plan);
    layout_free(walk->layout);
    inventory_free(walk->inventory);
}

/* Before the walk every node may have been named, with the longest TTL. */
static void forget(struct walk *walk, int64_t start_ms)
{
    walk->start_ms = start_ms;
    for (uint32_t i = 0; i < SETS_MAX && i < walk->layout->declared_count; i++)
        for (uint32_t j = 0; j < NODES_MAX; j++)
            walk->named_until_ms[i][j] =
                start_ms + (int64_t)walk->layout->declared[i].ttl_s * 1000 + 1000;
}

static void walk_on(struct walk *walk, int64_t start_ms, int64_t end_ms, uint32_t steps)
{
    forget(walk, start_ms);
    walk->plan = plan_at(walk, start_ms);
    for (uint32_t i = 0; i < steps && walk->plan; i++) {
        int64_t at_ms = walk->plan->input.at_ms, next_ms = walk->plan->next_change_at_ms;
        LAW(next_ms == 0 || next_ms > at_ms, walk->seed, "the next change of %lld is %lld",
            (long long)at_ms, (long long)next_ms);
        walk->next_ms = next_ms == 0 || next_ms > end_ms ? end_ms : next_ms;
        check_constant(walk);
        check_refusals(walk);
        check_openings(walk);
        remember(walk);
        walk->checks++;
        if (walk->next_ms == end_ms)
            break;
        struct plan *next = plan_at(walk, next_ms);
        check_step(walk, walk->plan, next);
        check_verdicts(walk, walk->plan, next);
        plan_free(walk->plan);
        walk->plan = next;
    }
}

static struct {
    uint64_t cases, years, checks, openings, suggestions;
} total;

static void one_walk(uint64_t seed)
{
    static struct walk walk; /* too large for a stack */
    uint32_t size = 1 + (uint32_t)(seed % SIZE_MAX_NODES);
    bool is_year = seed % YEAR_EVERY == 0;
    if (walk_start(&walk, seed, size)) {
        int64_t start_ms = GEN_YEAR_MS, end_ms = GEN_YEAR_MS + YEAR_MS;
        if (seed % 2)
            give_to_operators(&walk);
        if (!is_year)
            start_ms += INT64_C(1000) * gen_below(&walk.gen, 86400 * 365);
        walk_on(&walk, start_ms, end_ms, is_year ? YEAR_STEPS : STEPS);
        total.cases++;
        total.years += is_year;
        total.checks += walk.checks;
        total.openings += walk.openings;
    }
    walk_end(&walk);
}

START_TEST(no_instant_of_a_year_breaks_a_guard_and_nothing_changes_unsaid)
{
    laws_try(ROUNDS, one_walk);
    printf("%llu inventories, %llu of them for a year, %llu instants, %llu openings\n",
           (unsigned long long)total.cases, (unsigned long long)total.years,
           (unsigned long long)total.checks, (unsigned long long)total.openings);
    ck_assert(laws_is_rerun() || total.openings > 1000);
}
END_TEST

/* -- drain and undrain --------------------------------------------------------------------------
 */

/* Whatever its mode and ramp: when a drain is wholly over, all is as if it had never been. */
static void drains_leave_nothing(uint64_t seed)
{
    static struct walk walk; /* too large for a stack */
    if (walk_start(&walk, seed, 1 + (uint32_t)(seed % SIZE_MAX_NODES))) {
        walk.inventory->window_count = 0;
        struct overlays with = walk.overlays;
        static const struct overlays none = {0};
        for (uint32_t i = 0; i < with.drain_count; i++) {
            struct overlay_drain drain = with.drains[i];
            if (drain.until_at_ms == OVERLAY_NO_END)
                drain.until_at_ms = drain.since_at_ms + 100000;
            walk.overlays = (struct overlays){.drains = &drain, .drain_count = 1};
            int64_t over_ms = drain.until_at_ms + (int64_t)drain.ramp_s * 1000;
            struct plan *after = plan_at(&walk, over_ms);
            walk.overlays = none;
            struct plan *never = plan_at(&walk, over_ms);
            LAW(same_content(after, never), seed, "drain %u left something", i);
            LAW(after->next_change_at_ms == 0 && after->hold_count == 0, seed,
                "drain %u is not over", i);
            plan_free(after);
            plan_free(never);
        }
    }
    walk_end(&walk);
}

START_TEST(undrain_after_drain_is_identity_in_all_modes)
{
    laws_try(ROUNDS, drains_leave_nothing);
}
END_TEST

/* -- suggestions --------------------------------------------------------------------------------
 */

/* The fewest turns by trying every way to put the nodes into groups, one node after another. */
struct grouping {
    struct plan_tryout *tryout;
    const uint32_t *nodes;
    uint32_t count, fewest;
    uint32_t groups[NODES_MAX][NODES_MAX], sizes[NODES_MAX];
};

static void group(struct grouping *g, uint32_t next, uint32_t used)
{
    if (used >= g->fewest)
        return;
    if (next == g->count) {
        g->fewest = used;
        return;
    }
    for (uint32_t i = 0; i <= used; i++) {
        struct arena arena = {0};
        g->groups[i][g->sizes[i]++] = g->nodes[next];
        bool may = !plan_tryout_ask(g->tryout, g->groups[i], g->sizes[i], &arena);
        arena_fini(&arena);
        if (may)
            group(g, next + 1, used + (i == used));
        g->sizes[i]--;
    }
}

/* Adds the suggested turns as windows and expects that none is blocked. */
static void check_pasted(struct walk *walk, const struct window_suggestion *suggestion)
{
    static const char *const ids[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"};
    for (uint32_t i = 0; i < suggestion->turn_count; i++) {
        char start[CLOCK_TEXT_SIZE];
        clock_print(suggestion->turns[i].timeline.open_at_ms, start);
        start[16] = '\0';
        make_window(walk->inventory,
                    &(struct make_window){.id = ids[i],
                                          .nodes = suggestion->turns[i].nodes,
                                          .node_count = suggestion->turns[i].node_count,
                                          .start = start,
                                          .duration_s = 5400});
    }
    for (uint32_t i = 0; i < suggestion->turn_count; i++) {
        const struct timeline *turn = &suggestion->turns[i].timeline;
        struct plan *plan = plan_at(walk, turn->open_at_ms);
        for (uint32_t j = 0; j < plan->occurrence_count; j++) {
            const struct plan_occurrence *occurrence = &plan->occurrences[j];
            const struct timeline *made = &plan->holds[occurrence->first_hold].timeline;
            LAW(!text_is(walk->inventory->windows[occurrence->window].id, ids[i]) ||
                    (!occurrence->is_blocked && made->lower_at_ms == turn->lower_at_ms &&
                     made->restored_at_ms == turn->restored_at_ms),
                walk->seed, "turn %u is blocked or other than suggested: %s", i,
                occurrence->is_blocked ? occurrence->blocked_because : "not blocked");
        }
        plan_free(plan);
    }
}

static void suggestions_pass_and_are_shortest(uint64_t seed)
{
    static struct walk walk; /* too large for a stack */
    static const struct overlays none = {0};
    struct arena arena = {0};
    if (walk_start(&walk, seed, 1 + (uint32_t)(seed % SIZE_MAX_NODES))) {
        uint32_t nodes[NODES_MAX], count = 0;
        for (uint32_t i = 0; i < walk.inventory->node_count; i++)
            nodes[count++] = i;
        walk.overlays = none;
        struct window_request request = {.input = {walk.layout, &none, GEN_YEAR_MS},
                                         .nodes = nodes,
                                         .node_count = count,
                                         .duration_s = 5400};
        struct window_suggestion suggestion;
        struct error err = {0};
        if (window_suggest(&request, &arena, &suggestion, &err)) {
            struct grouping g = {.tryout = plan_tryout_new(&request.input),
                                 .nodes = nodes,
                                 .count = count,
                                 .fewest = count + 1};
            group(&g, 0, 0);
            LAW(g.fewest == suggestion.turn_count, seed, "%u turns, not %u", suggestion.turn_count,
                g.fewest);
            plan_tryout_free(g.tryout);
            check_pasted(&walk, &suggestion);
            total.suggestions++;
        } else {
            LAW(err.kind == ERROR_GUARD || err.kind == ERROR_CONFLICT, seed, "%s", err.message);
        }
    }
    arena_fini(&arena);
    walk_end(&walk);
}

START_TEST(suggested_windows_pass_and_no_row_is_shorter)
{
    laws_try(ROUNDS, suggestions_pass_and_are_shortest);
    printf("%llu suggestions\n", (unsigned long long)total.suggestions);
    ck_assert(laws_is_rerun() || total.suggestions > 100);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, no_instant_of_a_year_breaks_a_guard_and_nothing_changes_unsaid);
    tcase_add_test(tcase, undrain_after_drain_is_identity_in_all_modes);
    tcase_add_test(tcase, suggested_windows_pass_and_no_row_is_shorter);
}

int main(void)
{
    return laws_main(laws_suite, add);
}

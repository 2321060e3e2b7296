/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_guard_build.h"

const struct plan_guard_row plan_guard_rows[PLAN_GUARD_COUNT] = {
    /* clang-format off */
    [PLAN_GUARD_NEVER_EMPTY] =
        {"never_empty", "guard-never-empty", "/nodes", .is_overridable = false},
    [PLAN_GUARD_MIN_NODES] =
        {"min_nodes", "guard-min-nodes", "/policy/guard/min_nodes", .is_overridable = true},
    [PLAN_GUARD_MIN_CAPACITY] =
        {"min_capacity", "guard-min-capacity", "/policy/guard/min_capacity",
         .is_overridable = true},
    [PLAN_GUARD_SURVIVE] =
        {"survive_one_more_failure", "guard-survive-one-more-failure",
         "/policy/guard/survive_one_more_failure", .is_overridable = true},
    [PLAN_GUARD_MIN_SITES] =
        {"min_sites", "guard-min-sites", "/policy/guard/min_sites", .is_overridable = true},
    [PLAN_GUARD_MIN_TTL] =
        {"min_ttl", "guard-min-ttl", "/policy/guard/min_ttl", .is_overridable = true},
    [PLAN_GUARD_MAX_DRAINS] =
        {"max_drains", "guard-max-drains", "/policy/guard/max_drains", .is_overridable = true,
         .is_ceiling = true},
    [PLAN_GUARD_ASSERTION] =
        {"assert", "guard-assert", "/policy/guard/assert", .is_overridable = true},
    /* clang-format on */
};

const char *plan_unit_print(enum plan_unit unit)
{
    static const char *const names[] = {
        [PLAN_UNIT_NODES] = "nodes",
        [PLAN_UNIT_PPB] = "ratio",
        [PLAN_UNIT_SITES] = "sites",
        [PLAN_UNIT_SECONDS] = "seconds",
    };
    return names[unit];
}

/* -- guards of sets -----------------------------------------------------------------------------
 */

static uint64_t one(const struct inventory_policy *policy)
{
    (void)policy;
    return 1;
}

static uint64_t min_nodes(const struct inventory_policy *policy)
{
    return policy->guard_min_nodes;
}

static uint64_t min_capacity(const struct inventory_policy *policy)
{
    return policy->guard_min_capacity_ppb;
}

/* Without min_capacity one node must be left. */
static uint64_t min_survivors(const struct inventory_policy *policy)
{
    if (!policy->guard_survives_failure)
        return 0;
    return policy->guard_min_capacity_ppb ? policy->guard_min_capacity_ppb : 1;
}

static uint64_t min_sites(const struct inventory_policy *policy)
{
    return policy->guard_min_sites;
}

/* What a set has, and what it must have; 0: the guard is not asked for. */
static const struct set_guard {
    enum plan_guard guard;
    enum plan_unit unit;
    uint64_t (*asked)(const struct inventory_policy *policy);
    guard_value value;
} set_guards[] = {
    {PLAN_GUARD_NEVER_EMPTY, PLAN_UNIT_NODES, one, guard_records},
    {PLAN_GUARD_MIN_NODES, PLAN_UNIT_NODES, min_nodes, guard_nodes},
    {PLAN_GUARD_MIN_CAPACITY, PLAN_UNIT_PPB, min_capacity, guard_capacity},
    {PLAN_GUARD_SURVIVE, PLAN_UNIT_NODES, min_survivors, guard_survivors},
    {PLAN_GUARD_MIN_SITES, PLAN_UNIT_SITES, min_sites, guard_sites},
};

/* -- verdicts -----------------------------------------------------------------------------------
 */

static int64_t room_of(const struct plan_verdict *verdict)
{
    int64_t room = (int64_t)verdict->would_be - (int64_t)verdict->limit;
    return plan_guard_rows[verdict->guard].is_ceiling ? -room : room;
}

bool guard_list_wants(const struct guard_list *list, const struct plan_verdict *verdict)
{
    const struct plan_verdict *nearest = &list->nearest[verdict->guard];
    return !verdict->is_ok || !nearest->message || room_of(verdict) < room_of(nearest);
}

void guard_list_add(struct guard_list *list, const struct plan_verdict *verdict)
{
    if (verdict->is_ok) {
        list->nearest[verdict->guard] = *verdict;
        return;
    }
    list->is_refused[verdict->guard] = true;
    list->refusals = arena_grow(list->arena, list->refusals, &list->refusal_capacity,
                                (size_t)list->refusal_count + 1, sizeof *list->refusals);
    list->refusals[list->refusal_count++] = *verdict;
}

bool plan_verdict_covers(const struct plan_verdict *old, const struct plan_verdict *verdict)
{
    if (old->guard != verdict->guard || old->unit != verdict->unit || old->is_ok)
        return false;
    if (old->assertion && !text_equal(old->assertion->id, verdict->assertion->id))
        return false;
    return plan_guard_rows[old->guard].is_ceiling ? old->would_be >= verdict->would_be
                                                  : old->would_be <= verdict->would_be;
}

static struct plan_judgement list_end(struct guard_list *list)
{
    struct plan_verdict *passes = arena_array(list->arena, struct plan_verdict, PLAN_GUARD_COUNT);
    struct plan_judgement judgement = {
        .refusals = list->refusals, .refusal_count = list->refusal_count, .passes = passes};
    for (size_t guard = 0; guard < PLAN_GUARD_COUNT; guard++)
        if (list->nearest[guard].message && !list->is_refused[guard])
            passes[judgement.pass_count++] = list->nearest[guard];
    return judgement;
}

/* -- one set ------------------------------------------------------------------------------------
 */

struct judge {
    const struct plan_work *work;
    struct guard_list *list;
    struct guard_view view, whole; /* as it is; with everybody there */
    struct arena scratch;
    uint32_t *parts, *ones; /* by member */
    size_t part_capacity, one_capacity;
};

static void look_at(struct judge *judge, const struct plan_set *set)
{
    uint32_t count = set->member_count;
    judge->parts = arena_grow(&judge->scratch, judge->parts, &judge->part_capacity, count,
                              sizeof *judge->parts);
    judge->ones =
        arena_grow(&judge->scratch, judge->ones, &judge->one_capacity, count, sizeof *judge->ones);
    for (uint32_t i = 0; i < count; i++) {
        judge->parts[i] = guard_part(&set->members[i]);
        judge->ones[i] = RATIO_ONE;
    }
    judge->view = (struct guard_view){
        .plan = judge->work->plan, .inventory = judge->work->inventory, .set = set};
    judge->whole = judge->view;
    judge->view.parts = judge->parts;
    judge->whole.parts = judge->ones;
}

/* What was asked for of a set, cut to what it can have. */
static struct plan_verdict verdict_of(const struct judge *judge, const struct set_guard *rule,
                                      struct guard_detail *detail)
{
    const struct inventory_policy *policy = &judge->work->inventory->policy;
    struct guard_detail unused = {0};
    struct plan_verdict verdict = {.guard = rule->guard,
                                   .unit = rule->unit,
                                   .set = judge->view.set->declared,
                                   .limit = rule->asked(policy),
                                   .would_be = rule->value(&judge->view, detail),
                                   .declared = rule->value(&judge->whole, &unused)};
    if (rule->guard == PLAN_GUARD_SURVIVE && policy->guard_min_capacity_ppb)
        verdict.unit = PLAN_UNIT_PPB;
    if (verdict.limit > verdict.declared && rule->guard != PLAN_GUARD_NEVER_EMPTY)
        verdict.limit = verdict.declared;
    verdict.is_ok = verdict.would_be >= verdict.limit;
    return verdict;
}

/* "at least one node" is what never_empty says already, as long as records and nodes are one. */
static bool is_said(const struct plan_verdict *verdict, bool is_empty)
{
    return verdict->guard == PLAN_GUARD_MIN_NODES && verdict->limit <= 1 &&
           (verdict->is_ok || is_empty);
}

static void judge_members(struct judge *judge)
{
    const struct inventory_policy *policy = &judge->work->inventory->policy;
    bool is_empty = false;
    for (size_t i = 0; i < COUNT_OF(set_guards); i++) {
        const struct set_guard *rule = &set_guards[i];
        struct guard_detail detail = {0};
        if (rule->asked(policy) == 0 ||
            (judge->view.set->member_count == 0 && rule->guard != PLAN_GUARD_NEVER_EMPTY))
            continue;
        struct plan_verdict verdict = verdict_of(judge, rule, &detail);
        is_empty = is_empty || (rule->guard == PLAN_GUARD_NEVER_EMPTY && !verdict.is_ok);
        if (is_said(&verdict, is_empty) || !guard_list_wants(judge->list, &verdict))
            continue;
        verdict.message = guard_sentence(judge->work, &judge->view, &verdict, &detail, rule->value,
                                         judge->list->arena);
        if (verdict.unit == PLAN_UNIT_PPB)
            verdict.tier =
                arena_cstr(judge->list->arena, judge->work->inventory->tiers[detail.first_tier].id);
        guard_list_add(judge->list, &verdict);
    }
}

static void judge_ttl(struct judge *judge)
{
    const struct plan_set *set = judge->view.set;
    const struct layout *layout = judge->work->plan->input.layout;
    struct plan_verdict verdict = {.guard = PLAN_GUARD_MIN_TTL,
                                   .unit = PLAN_UNIT_SECONDS,
                                   .set = set->declared,
                                   .would_be = set->ttl_s,
                                   .limit = judge->work->inventory->policy.guard_min_ttl_s,
                                   .declared = layout->declared[set->declared].ttl_s};
    verdict.is_ok = verdict.would_be >= verdict.limit;
    if (verdict.limit == 0 || !guard_list_wants(judge->list, &verdict))
        return;
    verdict.message = guard_ttl_sentence(&judge->view, &verdict, judge->list->arena);
    guard_list_add(judge->list, &verdict);
}

/* -- all of them --------------------------------------------------------------------------------
 */

struct plan_judgement plan_guards_judge(const struct plan_work *work, const struct plan_set *sets,
                                        struct arena *arena)
{
    struct guard_list list = {.arena = arena};
    struct judge judge = {.work = work, .list = &list};
    for (uint32_t i = 0; i < work->plan->input.layout->declared_count; i++) {
        look_at(&judge, &sets[i]);
        if (!sets[i].is_null)
            judge_members(&judge);
        judge_ttl(&judge);
    }
    guard_loads(work, sets, &list);
    guard_inventory(work, sets, &list);
    arena_fini(&judge.scratch);
    return list_end(&list);
}

/* What not even the whole of a set has: nothing of it can be drained then. Said of the first. */
static void find_out_of_reach(struct plan_work *work)
{
    struct guard_list unused = {0};
    struct judge judge = {.work = work, .list = &unused};
    const struct inventory_policy *policy = &work->inventory->policy;
    for (size_t i = 0; i < COUNT_OF(set_guards); i++) {
        const struct set_guard *rule = &set_guards[i];
        uint64_t asked = rule->asked(policy);
        bool is_found = asked == 0 || rule->guard == PLAN_GUARD_NEVER_EMPTY;
        for (uint32_t set = 0; set < work->plan->set_count && !is_found; set++) {
            struct guard_detail detail = {0};
            if (work->plan->sets[set].is_null || work->plan->sets[set].member_count == 0)
                continue;
            look_at(&judge, &work->plan->sets[set]);
            struct plan_verdict verdict = verdict_of(&judge, rule, &detail);
            is_found = verdict.declared < asked;
            if (is_found)
                guard_find_out_of_reach(work, &judge.whole, &verdict, asked);
        }
    }
    arena_fini(&judge.scratch);
}

void plan_guards(struct plan_work *work)
{
    struct plan *plan = work->plan;
    struct plan_judgement judgement = plan_guards_judge(work, plan->sets, &plan->arena);
    plan->refusals = judgement.refusals;
    plan->refusal_count = judgement.refusal_count;
    plan->passes = judgement.passes;
    plan->pass_count = judgement.pass_count;
    find_out_of_reach(work);
}

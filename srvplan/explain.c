/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/explain.h"

#include "srvplan/explain_build.h"

#include <stdlib.h>

static const struct plan_member *member_of(const struct plan_set *set, uint32_t node)
{
    for (uint32_t i = 0; i < set->member_count; i++)
        if (set->members[i].node == node)
            return &set->members[i];
    return NULL;
}

/* The simulation of a domain's pool, run once for both of its services. NULL with an error, or
 * without one when nothing is published. */
static const struct simulation *simulation_of(const struct explain_work *work, uint32_t domain,
                                              uint32_t service)
{
    struct explanation *all = work->explanation;
    const struct explain_question *asked = work->question;
    struct simulation_question question = {
        .plan = asked->plan,
        .pool = {.plan = asked->plan, .domain = domain, .service = service},
        .order = asked->order,
        .clients = asked->clients};
    if (!simulate_pool_of(&question.pool, &all->arena, work->err))
        return NULL;
    for (uint32_t i = 0; i < all->simulation_count; i++) {
        const struct simulate_pool *known = all->simulations[i]->pool;
        if (known->domain == domain && known->services[0] == question.pool.services[0])
            return all->simulations[i];
    }
    if (question.pool.target_count == 0)
        return NULL;
    static const struct client_model *no_models[1];
    question.models = no_models; /* clients are enough here */
    question.only_outage = simulate_node_find(&question.pool, asked->node);
    if (question.only_outage == INVENTORY_NONE)
        question.only_outage = question.pool.node_count; /* none */
    struct simulation *made = simulation_run(&question, work->err);
    if (made)
        all->simulations[all->simulation_count++] = made;
    return made;
}

static bool set_explain(const struct explain_work *work, struct explain_set *set)
{
    const struct plan *plan = work->question->plan;
    const struct declared_set *declared = &plan->input.layout->declared[set->set];
    struct arena *arena = &work->explanation->arena;
    set->plan_set = &plan->sets[set->set];
    set->member = member_of(set->plan_set, work->question->node);
    set->because = plan_member_because(plan, set->plan_set, set->member, arena);
    set->position = INVENTORY_NONE;
    set->simulation = simulation_of(work, set->domain, declared->service);
    if (!set->simulation)
        return work->err->kind == ERROR_NONE;
    set->position = simulate_node_find(set->simulation->pool, work->question->node);
    explain_notes(work, set);
    if (set->position == INVENTORY_NONE)
        return true;
    explain_culprits(work, set);
    return explain_drain(work, set);
}

/* One named set. */
static bool set_named(const struct explain_work *work)
{
    const struct explain_question *question = work->question;
    struct explanation *all = work->explanation;
    struct simulate_pool pool = {
        .plan = question->plan, .domain = question->domain, .service = question->service};
    if (!simulate_pool_of(&pool, &all->arena, work->err))
        return false;
    if (!member_of(&question->plan->sets[pool.set], question->node)) {
        struct text id = question->plan->input.layout->inventory->nodes[question->node].id;
        return error_set(work->err, ERROR_NOT_FOUND,
                         "node %.*s is not among those of %s: it does not offer the service, is "
                         "`off`, or the domain does not select it",
                         (int)id.len, id.ptr, simulate_pool_label(&pool, &all->arena));
    }
    all->sets[all->set_count++] = (struct explain_set){.set = pool.set, .domain = pool.domain};
    return true;
}

static void sets_find(const struct explain_work *work)
{
    const struct plan *plan = work->question->plan;
    struct explanation *all = work->explanation;
    for (uint32_t i = 0; i < plan->set_count; i++) {
        if (!member_of(&plan->sets[i], work->question->node))
            continue;
        if (all->set_count == EXPLAIN_SETS_MAX) {
            all->more_sets++;
            continue;
        }
        all->sets[all->set_count++] =
            (struct explain_set){.set = i, .domain = plan->input.layout->declared[i].domain};
    }
}

struct explanation *explain_node(const struct explain_question *question, struct error *err)
{
    struct explanation *all = calloc(1, sizeof *all);
    if (!all)
        abort();
    struct explain_work work = {question, all, err};
    all->plan = question->plan;
    all->node = question->node;
    all->sets = arena_array(&all->arena, struct explain_set, EXPLAIN_SETS_MAX);
    all->simulations = arena_array(&all->arena, struct simulation *, EXPLAIN_SETS_MAX);
    bool ok = true;
    if (question->domain != INVENTORY_NONE)
        ok = set_named(&work);
    else
        sets_find(&work);
    for (uint32_t i = 0; i < all->set_count && ok; i++)
        ok = set_explain(&work, &all->sets[i]);
    if (ok)
        return all;
    explanation_free(all);
    return NULL;
}

void explanation_free(struct explanation *explanation)
{
    if (!explanation)
        return;
    for (uint32_t i = 0; i < explanation->simulation_count; i++)
        simulation_free(explanation->simulations[i]);
    arena_fini(&explanation->arena);
    free(explanation);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guards that count nodes over all sets: how many are drained, and who is in service. */
#include "srvplan/plan_guard_build.h"

/* A node over all sets that it is in. */
struct node_service {
    bool is_member;
    const struct plan_member *out;     /* from the first set that it is out of, or NULL */
    const struct plan_member *drained; /* likewise, by a drain or a window */
};

static struct node_service *services_of(const struct plan_work *work, const struct plan_set *sets,
                                        struct arena *arena)
{
    struct node_service *services =
        arena_array(arena, struct node_service, work->inventory->node_count);
    for (uint32_t i = 0; i < work->plan->input.layout->declared_count; i++) {
        for (uint32_t j = 0; j < sets[i].member_count; j++) {
            const struct plan_member *member = &sets[i].members[j];
            struct node_service *service = &services[member->node];
            uint32_t part = guard_part(member);
            service->is_member = true;
            if (part == 0 && !service->out)
                service->out = member;
            if (part < RATIO_ONE && member->hold->kind != PLAN_HOLD_STATE && !service->drained)
                service->drained = member;
        }
    }
    return services;
}

/* Nodes that are out: the first few by name, and how many. */
struct absentees {
    const char *names; /* "xmpp1 (drain dr_1), xmpp2 (state maint)" */
    uint32_t count;
};

static void absentees_add(struct absentees *absentees, const struct plan_work *work,
                          const struct plan_member *member, struct arena *arena)
{
    if (absentees->count < GUARD_NAMED_MAX)
        absentees->names =
            arena_printf(arena, "%s%s%s", absentees->count ? absentees->names : "",
                         absentees->count ? ", " : "", guard_absentee(work, member, arena));
    absentees->count++;
}

/* ": put back one of xmpp1 (drain dr_1), xmpp2 (drain dr_2)" */
static const char *put_back(const struct absentees *absentees, uint32_t wanted, struct arena *arena)
{
    const char *how_many = "", *more = "";
    if (wanted < absentees->count)
        how_many = wanted == 1 ? "one of " : arena_printf(arena, "%u of ", wanted);
    if (absentees->count > GUARD_NAMED_MAX)
        more = arena_printf(arena, " and %u more", absentees->count - GUARD_NAMED_MAX);
    return arena_printf(arena, ": put back %s%s%s", how_many, absentees->names, more);
}

static void judge_drains(const struct plan_work *work, const struct node_service *services,
                         struct guard_list *list)
{
    struct arena scratch = {0};
    struct absentees drained = {0};
    uint32_t limit = work->inventory->policy.guard_max_drains;
    for (uint32_t i = 0; i < work->inventory->node_count; i++)
        if (services[i].drained)
            absentees_add(&drained, work, services[i].drained, &scratch);
    struct plan_verdict verdict = {.guard = PLAN_GUARD_MAX_DRAINS,
                                   .unit = PLAN_UNIT_NODES,
                                   .is_ok = drained.count <= limit,
                                   .set = PLAN_NO_SET,
                                   .would_be = drained.count,
                                   .limit = limit,
                                   .declared = work->inventory->node_count};
    const char *verb = verdict.is_ok ? "are" : "would be", *remedy = "";
    if (!verdict.is_ok)
        remedy = put_back(&drained, drained.count - limit, &scratch);
    verdict.message =
        arena_printf(list->arena, "%u node%s %s drained at once, and at most %u may be%s",
                     drained.count, guard_plural(drained.count),
                     verdict.is_ok && drained.count == 1 ? "is" : verb, limit, remedy);
    guard_list_add(list, &verdict);
    arena_fini(&scratch);
}

static void judge_assertion(const struct plan_work *work, const struct node_service *services,
                            const struct inventory_assertion *assertion, struct guard_list *list)
{
    struct arena scratch = {0};
    struct absentees absentees = {0};
    uint32_t serving = 0;
    for (uint32_t i = 0; i < assertion->node_count; i++) {
        const struct node_service *service = &services[assertion->nodes[i]];
        serving += service->is_member && !service->out;
        if (service->out)
            absentees_add(&absentees, work, service->out, &scratch);
    }
    struct plan_verdict verdict = {.guard = PLAN_GUARD_ASSERTION,
                                   .unit = PLAN_UNIT_NODES,
                                   .is_ok = serving >= assertion->at_least,
                                   .set = PLAN_NO_SET,
                                   .assertion = assertion,
                                   .would_be = serving,
                                   .limit = assertion->at_least,
                                   .declared = assertion->node_count};
    if (guard_list_wants(list, &verdict)) {
        const char *remedy = "";
        if (!verdict.is_ok)
            remedy = absentees.count > 0
                         ? put_back(&absentees, assertion->at_least - serving, &scratch)
                         : ": let more of its nodes offer what the domains ask for";
        verdict.message = arena_printf(
            list->arena,
            "assertion %.*s: %u of its %u node%s %s in service, and at least %u must be%s",
            (int)assertion->id.len, assertion->id.ptr, serving, assertion->node_count,
            guard_plural(assertion->node_count), verdict.is_ok ? "are" : "would be",
            assertion->at_least, remedy);
        guard_list_add(list, &verdict);
    }
    arena_fini(&scratch);
}

void guard_inventory(const struct plan_work *work, const struct plan_set *sets,
                     struct guard_list *list)
{
    const struct inventory_policy *policy = &work->inventory->policy;
    struct arena scratch = {0};
    if (policy->guard_max_drains || policy->assertion_count) {
        const struct node_service *services = services_of(work, sets, &scratch);
        if (policy->guard_max_drains)
            judge_drains(work, services, list);
        for (uint32_t i = 0; i < policy->assertion_count; i++)
            judge_assertion(work, services, &policy->assertions[i], list);
    }
    arena_fini(&scratch);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/ladder.h"

#include <stdlib.h>

bool ladder_is_direct_tls(const struct inventory_service *service)
{
    return text_starts_with(service->srv, "_xmpps-");
}

/* A record on its way into the ladder. */
struct rung {
    uint32_t step;
    struct ladder_record record;
};

static int by_step(const void *left, const void *right)
{
    const struct rung *a = left, *b = right;
    if (a->step != b->step)
        return a->step < b->step ? -1 : 1;
    if (a->record.member->priority != b->record.member->priority)
        return a->record.member->priority < b->record.member->priority ? -1 : 1;
    if (a->record.set != b->record.set)
        return a->record.set < b->record.set ? -1 : 1;
    return a->record.member->node < b->record.member->node ? -1 : 1;
}

/* The records of a pool, and what makes their order. */
static uint32_t collect(const struct plan *plan, const struct layout_pool *pool,
                        enum ladder_extent extent, struct rung *rungs, struct share_target *targets)
{
    const struct layout *layout = plan->input.layout;
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->set_count; i++) {
        const struct plan_set *set = &plan->sets[pool->sets[i]];
        uint32_t service = layout->declared[pool->sets[i]].service;
        bool is_direct = ladder_is_direct_tls(&layout->inventory->services[service]);
        for (uint32_t j = 0; j < set->member_count; j++) {
            const struct plan_member *member = &set->members[j];
            if (extent == LADDER_PUBLISHED && member->absence != PLAN_PRESENT)
                continue;
            rungs[count].record = (struct ladder_record){pool->sets[i], member};
            targets[count++] = (struct share_target){
                .priority = member->priority, .weight = member->weight, .is_direct_tls = is_direct};
        }
    }
    return count;
}

struct ladder ladder_make(const struct plan *plan, uint32_t index, enum share_merge merge,
                          enum ladder_extent extent, struct arena *arena)
{
    const struct layout_pool *pool = &plan->input.layout->pools[index];
    struct arena scratch = {0};
    uint32_t most = 0, count = 0, seen = 0;
    for (uint32_t i = 0; i < pool->set_count; i++)
        most += plan->sets[pool->sets[i]].member_count;
    struct rung *rungs = arena_array(&scratch, struct rung, most);
    struct share_target *targets = arena_array(&scratch, struct share_target, most);
    uint32_t *steps = arena_array(&scratch, uint32_t, most);
    count = collect(plan, pool, extent, rungs, targets);
    struct ladder ladder = {.step_count = shares_ladder(targets, count, merge, steps)};
    for (uint32_t i = 0; i < count; i++)
        rungs[i].step = steps[i];
    if (count)
        qsort(rungs, count, sizeof *rungs, by_step);
    struct ladder_record *records = arena_array(arena, struct ladder_record, count);
    struct ladder_step *made = arena_array(arena, struct ladder_step, ladder.step_count);
    for (; seen < count && rungs[seen].step != SHARE_NO_STEP; seen++) {
        records[seen] = rungs[seen].record;
        struct ladder_step *step = &made[rungs[seen].step];
        if (step->count++ == 0)
            step->records = &records[seen];
    }
    ladder.steps = made;
    arena_fini(&scratch);
    return ladder;
}

bool ladder_equal(const struct ladder *a, const struct ladder *b)
{
    if (a->step_count != b->step_count)
        return false;
    for (uint32_t i = 0; i < a->step_count; i++) {
        if (a->steps[i].count != b->steps[i].count)
            return false;
        for (uint32_t j = 0; j < a->steps[i].count; j++)
            if (a->steps[i].records[j].member != b->steps[i].records[j].member)
                return false;
    }
    return true;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* With weight 0 everywhere all are alike (RFC 2782, "Weight"). */
static struct ladder_share share(uint64_t own, uint64_t sum, uint64_t own_records, uint64_t records)
{
    uint64_t num = sum ? own : own_records, den = sum ? sum : records;
    uint64_t divisor = gcd(num, den);
    return divisor ? (struct ladder_share){num / divisor, den / divisor}
                   : (struct ladder_share){0, 1};
}

struct ladder_share ladder_share_of_record(const struct ladder *ladder,
                                           const struct ladder_record *record)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < ladder->steps[0].count; i++)
        sum += ladder->steps[0].records[i].member->weight;
    return share(record->member->weight, sum, 1, ladder->steps[0].count);
}

struct ladder_share ladder_share_planned(const struct ladder *ladder, uint32_t node)
{
    uint64_t sum = 0, own = 0, records = 0, own_records = 0;
    for (uint32_t i = 0; ladder->step_count > 0 && i < ladder->steps[0].count; i++) {
        const struct plan_member *member = ladder->steps[0].records[i].member;
        sum += member->planned_weight;
        records++;
        if (member->node == node) {
            own += member->planned_weight;
            own_records++;
        }
    }
    return share(own, sum, own_records, records);
}

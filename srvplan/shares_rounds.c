/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/shares_rounds.h"

#include "srvplan/java_hash.h"
#include "zones/text.h"

#include <stdlib.h>
#include <string.h>

/* Where a target stands in the ladder, as a number to sort by. */
static uint32_t step_key(const struct share_target *target, uint16_t priority,
                         enum share_merge merge)
{
    bool is_direct = target->is_direct_tls;
    switch (merge) {
    case SHARE_MERGE_MIXED:
    case SHARE_MERGE_STARTTLS_ONLY:
        return priority;
    case SHARE_MERGE_PRIO_THEN_DIRECT:
        return priority * 2u + !is_direct;
    case SHARE_MERGE_PRIO_THEN_STARTTLS:
        return priority * 2u + is_direct;
    case SHARE_MERGE_DIRECT_FIRST:
        return priority + (is_direct ? 0u : 0x10000u);
    }
    abort();
}

static bool is_seen(const struct share_target *target, enum share_merge merge)
{
    return merge != SHARE_MERGE_STARTTLS_ONLY || !target->is_direct_tls;
}

struct keyed {
    uint64_t key;
    uint32_t base; /* which part of the answer it comes from */
    uint32_t target;
};

static int by_key(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->base != b->base)
        return a->base < b->base ? -1 : 1;
    return a->target < b->target ? -1 : 1;
}

static uint16_t lowest_priority(const struct share_target *targets, uint32_t count,
                                enum share_merge merge)
{
    uint16_t lowest = UINT16_MAX;
    for (uint32_t i = 0; i < count; i++)
        if (is_seen(&targets[i], merge) && targets[i].priority < lowest)
            lowest = targets[i].priority;
    return lowest;
}

static uint16_t priority_seen(uint16_t priority, uint16_t lowest, const struct share_rule *rule)
{
    switch (rule->steps) {
    case STEPS_BY_PRIORITY:
        return priority;
    case STEPS_ONE:
        return 0;
    case STEPS_LOWEST_AND_REST:
        return priority > lowest;
    }
    abort();
}

uint32_t share_steps(const struct share_target *targets, uint32_t count, enum share_merge merge,
                     const struct share_rule *rule, uint32_t *step)
{
    struct arena scratch = {0};
    struct keyed *seen = arena_array(&scratch, struct keyed, count);
    uint16_t lowest = lowest_priority(targets, count, merge);
    uint32_t seen_count = 0, steps = 0;
    for (uint32_t i = 0; i < count; i++) {
        step[i] = SHARE_NO_STEP;
        if (!is_seen(&targets[i], merge))
            continue;
        uint16_t priority = priority_seen(targets[i].priority, lowest, rule);
        seen[seen_count++] = (struct keyed){step_key(&targets[i], priority, merge), 0, i};
    }
    qsort(seen, seen_count, sizeof *seen, by_key);
    for (uint32_t i = 0; i < seen_count; i++) {
        if (i > 0 && seen[i].key != seen[i - 1].key)
            steps++;
        step[seen[i].target] = steps;
    }
    arena_fini(&scratch);
    return seen_count ? steps + 1 : 0;
}

static uint32_t drawing_weight(uint16_t weight, const struct share_rule *rule)
{
    switch (rule->weight) {
    case WEIGHT_AS_IS:
        return weight;
    case WEIGHT_PLUS_ONE:
        return weight + 1u;
    case WEIGHT_AT_LEAST_ONE:
        return weight ? weight : 1;
    case WEIGHT_IN_256THS:
        return (weight + 255u) / 256;
    }
    abort();
}

struct making {
    const struct share_question *question;
    const struct share_rule *rule;
    struct arena *arena;
    struct share_rounds rounds;
    const uint32_t *step; /* by target */
    uint32_t now;         /* the step at work */
    uint32_t in_step;     /* its targets */
};

/* The host name as programs see it: without the last dot. */
static struct text host_text(struct arena *arena, const struct share_target *target)
{
    struct text host = text_from(text_name_print(arena, target->host));
    if (host.len && host.ptr[host.len - 1] == '.')
        host.len--;
    return host;
}

static uint32_t rdata_bucket(const struct making *making, const struct share_target *target)
{
    const struct share_question *question = making->question;
    uint32_t in_set = 0;
    for (uint32_t i = 0; i < question->count; i++)
        in_set += question->targets[i].is_direct_tls == target->is_direct_tls;
    struct bytes rdata =
        text_rdata_srv(making->arena, target->priority, target->weight, target->port, target->host);
    return java_hash_bucket(java_hash_bytes(rdata), java_hash_buckets(in_set, in_set));
}

static uint32_t record_bucket(const struct making *making, const struct share_target *target)
{
    struct java_srv_record record = {host_text(making->arena, target), target->port,
                                     target->priority, target->weight, target->is_direct_tls};
    return java_hash_bucket(java_hash_srv_record(&record),
                            java_hash_buckets(JAVA_HASH_INITIAL, making->in_step));
}

/* The first thing by which the client orders its list. */
static uint64_t list_key(const struct making *making, const struct share_target *target)
{
    switch (making->rule->list) {
    case LIST_AS_ANSWERED:
    case LIST_DRAWN_BY_CLIENT:
        return 0;
    case LIST_ZEROS_FIRST:
        return target->weight > 0;
    case LIST_ASCENDING:
        return target->weight;
    case LIST_DESCENDING:
        return UINT16_MAX - target->weight;
    case LIST_HASH_OF_RDATA: /* a set for each answer, xmpp-* first where a client mixes them */
        return (uint64_t)target->is_direct_tls << 32 | rdata_bucket(making, target);
    case LIST_HASH_OF_RECORD:
        return record_bucket(making, target);
    }
    abort();
}

/* Equal bases are in an order that the authority draws. Clients that mix ask for xmpp-* first and
 * append xmpps-* (aioxmpp, Openfire). */
static uint32_t answer_base(const struct making *making, const struct share_target *target)
{
    uint32_t service = target->is_direct_tls;
    if (making->rule->list == LIST_DRAWN_BY_CLIENT)
        return 0;
    return making->question->order == SHARE_ORDER_WEIGHTED ? service * 2 + (target->weight == 0)
                                                           : service;
}

static struct share_round *add_round(struct making *making, enum round_kind kind, uint32_t room)
{
    struct share_round *round = &making->rounds.rounds[making->rounds.count];
    *round = (struct share_round){.kind = kind,
                                  .members = arena_array(making->arena, struct round_member, room)};
    return round;
}

/* An empty round is none. */
static void finish_round(struct making *making, struct share_round *round)
{
    if (round->count == 0)
        return;
    for (uint32_t i = 0; i < round->count; i++)
        round->down_count += round->members[i].is_down;
    making->rounds.count++;
}

static struct round_member *add_member(struct share_round *round,
                                       const struct share_question *question, uint32_t target)
{
    struct round_member *member = &round->members[round->count++];
    *member = (struct round_member){
        .target = target, .pull = 1, .is_down = question->targets[target].is_down};
    return member;
}

/* The round in which the model picks, of keyed members in order. */
static void add_drawn(struct making *making, const struct keyed *keyed, uint32_t count)
{
    const struct share_question *question = making->question;
    bool is_drawn = making->rule->list == LIST_DRAWN_BY_CLIENT;
    bool is_shuffled = is_drawn || question->order == SHARE_ORDER_WEIGHTED;
    struct share_round *round = add_round(making, making->rule->kind, count);
    uint32_t urn = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_same = i > 0 && is_shuffled && keyed[i].key == keyed[i - 1].key &&
                       keyed[i].base == keyed[i - 1].base;
        urn += i > 0 && !is_same;
        uint16_t weight = question->targets[keyed[i].target].weight;
        struct round_member *member = add_member(round, question, keyed[i].target);
        member->urn = urn;
        member->weight = drawing_weight(weight, making->rule);
        if (is_drawn)
            member->pull = member->weight;
        else if (is_shuffled && weight > 0)
            member->pull = weight;
    }
    finish_round(making, round);
}

struct named {
    struct text host;
    uint16_t port;
    bool is_direct_tls;
    uint32_t target;
};

static int by_name(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int order = text_compare(a->host, b->host);
    if (order)
        return order;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    if (a->is_direct_tls != b->is_direct_tls)
        return a->is_direct_tls ? 1 : -1;
    return a->target < b->target ? -1 : 1;
}

/* The round of those with weight 0, behind the others. */
static void add_zeros(struct making *making, const uint32_t *zeros, uint32_t count)
{
    bool is_by_name = making->rule->zero == ZERO_LAST_BY_NAME;
    struct named *named = arena_array(making->arena, struct named, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct share_target *target = &making->question->targets[zeros[i]];
        named[i] = (struct named){.target = zeros[i]};
        if (is_by_name)
            named[i] = (struct named){host_text(making->arena, target), target->port,
                                      target->is_direct_tls, zeros[i]};
    }
    if (is_by_name)
        qsort(named, count, sizeof *named, by_name);
    struct share_round *round = add_round(making, ROUND_LIST, count);
    for (uint32_t i = 0; i < count; i++)
        add_member(round, making->question, named[i].target)->urn = is_by_name ? i : 0;
    finish_round(making, round);
}

static void add_step(struct making *making)
{
    const struct share_question *question = making->question;
    struct keyed *drawn = arena_array(making->arena, struct keyed, making->in_step);
    uint32_t *zeros = arena_array(making->arena, uint32_t, making->in_step);
    uint32_t drawn_count = 0, zero_count = 0;
    for (uint32_t i = 0; i < question->count; i++) {
        const struct share_target *target = &question->targets[i];
        if (making->step[i] != making->now)
            continue;
        if (target->weight == 0 && making->rule->zero != ZERO_AS_OTHERS)
            zeros[zero_count++] = i;
        else
            drawn[drawn_count++] =
                (struct keyed){list_key(making, target), answer_base(making, target), i};
    }
    qsort(drawn, drawn_count, sizeof *drawn, by_key);
    add_drawn(making, drawn, drawn_count);
    if (making->rule->zero != ZERO_NEVER)
        add_zeros(making, zeros, zero_count);
}

struct share_rounds share_rounds_make(const struct share_question *question, struct arena *arena)
{
    const struct share_rule *rule = question->model->rule;
    uint32_t *step = arena_array(arena, uint32_t, question->count);
    uint32_t steps = share_steps(question->targets, question->count, question->merge, rule, step);
    uint32_t *in_step = arena_array(arena, uint32_t, steps);
    for (uint32_t i = 0; i < question->count; i++)
        if (step[i] != SHARE_NO_STEP)
            in_step[step[i]]++;
    struct making making = {.question = question, .rule = rule, .arena = arena, .step = step};
    making.rounds.rounds = arena_array(arena, struct share_round, (size_t)steps * 2);
    for (uint32_t i = 0; i < steps; i++) {
        making.now = i;
        making.in_step = in_step[i];
        add_step(&making);
    }
    return making.rounds;
}

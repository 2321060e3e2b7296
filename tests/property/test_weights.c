/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws of the scales over generated groups of nodes, and of `stable` over whole plans. A failure
 * names its seed; SRVPLAN_SEED=0x… runs that one alone. */
#include "srvplan/plan.h"
#include "gen_inventory.h"
#include "laws.h"
#include "make_inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srvplan/weights.h"

static const char laws_suite[] = "weights_properties";

enum {
    ROUNDS = 5000,
    PLAN_ROUNDS = 2000,
    NODES_MAX = 300,
    U16_LAST = 65535,
};

static uint64_t gcd(uint64_t a, uint64_t b)
{
    return b ? gcd(b, a % b) : a;
}

/* -- groups -------------------------------------------------------------------------------------
 */

struct group {
    uint32_t count;
    uint32_t capacities[NODES_MAX];
    uint64_t sum, divisor;
    uint32_t smallest, largest;
};

/* Capacities as people write them: small numbers, hundreds, or anything. */
static uint32_t gen_capacity(struct gen *gen, uint32_t kind)
{
    switch (kind) {
    case 0:
        return 1 + gen_below(gen, 10);
    case 1:
        return 10 * (5 + gen_below(gen, 40));
    case 2:
        return 1000 * (1 + gen_below(gen, 50));
    default:
        return 1 + gen_below(gen, 1u << gen_below(gen, 30));
    }
}

static void measure(struct group *group)
{
    group->sum = group->divisor = group->largest = 0;
    group->smallest = UINT32_MAX;
    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t capacity = group->capacities[i];
        group->sum += capacity;
        group->divisor = gcd(group->divisor, capacity);
        group->smallest = capacity < group->smallest ? capacity : group->smallest;
        group->largest = capacity > group->largest ? capacity : group->largest;
    }
}

/* Small groups first; one in eight is a crowd. */
static struct group gen_group(struct gen *gen, uint64_t seed)
{
    struct group group = {0};
    uint32_t kind = gen_below(gen, 5);
    group.count = 1 + gen_below(gen, seed % 8 == 7 ? NODES_MAX : 2 + (uint32_t)seed / 500);
    for (uint32_t i = 0; i < group.count; i++)
        group.capacities[i] = gen_capacity(gen, kind);
    measure(&group);
    return group;
}

static struct weights_policy policy_of(const struct group *group, const struct inventory_policy *in)
{
    static struct inventory_node nodes[NODES_MAX];
    for (uint32_t i = 0; i < group->count; i++)
        nodes[i].capacity = group->capacities[i];
    const struct inventory inventory = {.nodes = nodes, .node_count = group->count, .policy = *in};
    return weights_policy_of(&inventory);
}

static void weigh(const struct group *group, const struct inventory_policy *in, uint16_t *weights,
                  uint64_t seed)
{
    const struct weights_policy policy = policy_of(group, in);
    struct error err = {0};
    LAW(weights_from_capacities(&policy, group->capacities, group->count, weights, &err), seed,
        "%s", err.message);
}

/* What holds for every scale: the minimum, and who bears less does not get more. */
static void check_common(const struct group *group, const uint16_t *weights, uint32_t minimum,
                         uint64_t seed)
{
    for (uint32_t i = 0; i < group->count; i++) {
        LAW(weights[i] >= minimum, seed, "node %u has %u", i, weights[i]);
        for (uint32_t j = 0; j < i; j++) {
            bool is_less = group->capacities[i] < group->capacities[j];
            bool is_more = group->capacities[i] > group->capacities[j];
            LAW(!is_less || weights[i] <= weights[j], seed, "node %u has more than %u", i, j);
            LAW(!is_more || weights[i] >= weights[j], seed, "node %u has less than %u", i, j);
        }
    }
}

static void check_exact(const struct group *group, const uint16_t *weights, uint64_t seed)
{
    for (uint32_t i = 1; i < group->count; i++)
        LAW((uint64_t)weights[i] * group->capacities[0] ==
                (uint64_t)weights[0] * group->capacities[i],
            seed, "the ratio of node %u to node 0", i);
}

static uint64_t sum_of(const uint16_t *weights, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += weights[i];
    return sum;
}

/* Every node gets its exact part of `total` units of `unit`, rounded down or up. */
static void check_quota(const struct group *group, const uint16_t *weights, uint64_t total,
                        uint32_t unit, uint64_t seed)
{
    for (uint32_t i = 0; i < group->count; i++) {
        uint64_t exact = group->capacities[i] * total, got = weights[i] / unit * group->sum;
        LAW((exact > got ? exact - got : got - exact) < group->sum, seed,
            "node %u breaks its quota with %u", i, weights[i]);
    }
}

/* -- scales -------------------------------------------------------------------------------------
 */

static void universal_keeps_its_promises(uint64_t seed)
{
    struct gen gen = gen_start(seed);
    struct group group = gen_group(&gen, seed);
    const struct inventory_policy in = {.scale = WEIGHTS_UNIVERSAL, .weight_min = 1};
    uint16_t weights[NODES_MAX];
    weigh(&group, &in, weights, seed);
    bool is_crowd = group.count > 255, is_exact = !is_crowd && group.sum / group.divisor <= 255;
    uint32_t unit = is_crowd ? 1 : 256, total = is_crowd ? 65535 : 255;
    uint64_t sum = sum_of(weights, group.count);
    check_common(&group, weights, unit, seed);
    for (uint32_t i = 0; i < group.count; i++)
        LAW(weights[i] % unit == 0, seed, "weight %u", weights[i]);
    LAW(sum <= U16_LAST && sum >= 32512, seed, "a sum of %llu", (unsigned long long)sum);
    if (is_exact)
        check_exact(&group, weights, seed);
    else
        LAW(sum == (uint64_t)unit * total, seed, "units left over");
    /* Where nobody had to be given a minimum, every share is less than 1/255 off. */
    if (!is_exact && (uint64_t)group.smallest * total >= group.sum)
        check_quota(&group, weights, total, unit, seed);
}

static void hamilton_keeps_its_promises(uint64_t seed)
{
    struct gen gen = gen_start(seed);
    struct group group = gen_group(&gen, seed);
    uint32_t total = group.count + gen_below(&gen, U16_LAST - group.count + 1);
    const struct inventory_policy in = {
        .scale = WEIGHTS_HAMILTON, .weight_min = 1, .hamilton_total = total};
    uint16_t weights[NODES_MAX];
    weigh(&group, &in, weights, seed);
    check_common(&group, weights, 1, seed);
    LAW(sum_of(weights, group.count) == total, seed, "not a sum of %u", total);
    if ((uint64_t)group.smallest * total >= group.sum)
        check_quota(&group, weights, total, 1, seed);
}

static void human_keeps_its_promises(uint64_t seed)
{
    struct gen gen = gen_start(seed);
    struct group group = gen_group(&gen, seed);
    const struct inventory_policy in = {.scale = WEIGHTS_HUMAN, .weight_min = 1};
    const struct weights_policy policy = policy_of(&group, &in);
    uint16_t weights[NODES_MAX];
    struct error err = {0};
    uint64_t divisor = 0;
    bool ok = weights_from_capacities(&policy, group.capacities, group.count, weights, &err);
    LAW(ok == (group.largest / group.divisor <= U16_LAST), seed, "%s", err.message);
    if (!ok)
        return;
    check_common(&group, weights, 1, seed);
    check_exact(&group, weights, seed);
    for (uint32_t i = 0; i < group.count; i++)
        divisor = gcd(divisor, weights[i]);
    LAW(divisor == 1, seed, "%llu divides them all", (unsigned long long)divisor);
}

static void raw_keeps_its_promises(uint64_t seed)
{
    struct gen gen = gen_start(seed);
    struct group group = gen_group(&gen, seed);
    const struct inventory_policy in = {.scale = WEIGHTS_RAW, .weight_min = 1};
    const struct weights_policy policy = policy_of(&group, &in);
    uint16_t weights[NODES_MAX];
    struct error err = {0};
    bool ok = weights_from_capacities(&policy, group.capacities, group.count, weights, &err);
    LAW(ok == (group.largest <= U16_LAST), seed, "%s", err.message);
    for (uint32_t i = 0; ok && i < group.count; i++)
        LAW(weights[i] == group.capacities[i], seed, "node %u has %u", i, weights[i]);
}

/* Rounded to the nearest, within 500..65535 wherever one factor can do that. */
static void stable_keeps_its_promises(uint64_t seed)
{
    struct gen gen = gen_start(seed);
    struct group group = gen_group(&gen, seed);
    const struct inventory_policy in = {
        .scale = WEIGHTS_STABLE, .weight_min = 1, .usual_capacity = gen_capacity(&gen, seed % 5)};
    const struct weights_policy policy = policy_of(&group, &in);
    uint16_t weights[NODES_MAX];
    weigh(&group, &in, weights, seed);
    check_common(&group, weights, 1, seed);
    for (uint32_t i = 0; i < group.count; i++) {
        uint64_t exact = 2 * group.capacities[i] * policy.factor_num;
        uint64_t got = 2 * weights[i] * policy.factor_den;
        LAW(weights[i] == 1 || (exact > got ? exact - got : got - exact) <= policy.factor_den, seed,
            "node %u has %u", i, weights[i]);
        LAW(weights[i] >= 500 || group.largest / 65 > group.smallest, seed,
            "node %u has %u for %u beside %u", i, weights[i], group.capacities[i], group.largest);
    }
    bool has_usual_factor = 2ull * group.smallest >= in.usual_capacity &&
                            group.smallest < 4ull * in.usual_capacity &&
                            group.largest <= 65ull * in.usual_capacity;
    LAW(!has_usual_factor || (policy.factor_num == 1000 && policy.factor_den == in.usual_capacity),
        seed, "another factor than the usual");
}

/* Every minimum that fits is kept, whatever the scale, and no sum grows by it but those of human,
 * raw and stable. */
static void minima_are_kept(uint64_t seed)
{
    struct gen gen = gen_start(seed);
    struct group group = gen_group(&gen, seed);
    const struct inventory_policy in = {.scale = (enum weights_scale)(seed % 5),
                                        .weight_min = 1 + gen_below(&gen, 1000),
                                        .hamilton_total = 1 + gen_below(&gen, U16_LAST),
                                        .usual_capacity = 100};
    const struct weights_policy policy = policy_of(&group, &in);
    uint16_t weights[NODES_MAX];
    struct error err = {0};
    if (!weights_from_capacities(&policy, group.capacities, group.count, weights, &err)) {
        LAW(err.message[0], seed, "refused without a reason");
        LAW(in.scale != WEIGHTS_STABLE, seed, "%s", err.message);
        return;
    }
    uint64_t sum = sum_of(weights, group.count);
    check_common(&group, weights, in.weight_min, seed);
    LAW(in.scale != WEIGHTS_UNIVERSAL || sum <= U16_LAST, seed, "a sum of %llu",
        (unsigned long long)sum);
    LAW(in.scale != WEIGHTS_HAMILTON || sum == in.hamilton_total, seed, "a sum of %llu",
        (unsigned long long)sum);
    if (in.scale == WEIGHTS_HUMAN)
        check_exact(&group, weights, seed);
}

struct pair {
    uint32_t capacity;
    uint16_t weight;
};

static int by_pair(const void *left, const void *right)
{
    const struct pair *a = left, *b = right;
    if (a->capacity != b->capacity)
        return a->capacity < b->capacity ? -1 : 1;
    return (a->weight > b->weight) - (a->weight < b->weight);
}

static void pair_up(const struct group *group, const uint16_t *weights, struct pair *pairs)
{
    for (uint32_t i = 0; i < group->count; i++)
        pairs[i] = (struct pair){group->capacities[i], weights[i]};
    qsort(pairs, group->count, sizeof *pairs, by_pair);
}

/* Largest remainders are equal only among equal capacities, and nobody is at the minimum: then the
 * order of nodes decides nothing but who of two equal nodes has one more. */
static bool has_ties(const struct group *group, uint64_t total)
{
    if (group->smallest * total < group->sum)
        return true;
    for (uint32_t i = 0; i < group->count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (group->capacities[i] != group->capacities[j] &&
                group->capacities[i] * total % group->sum ==
                    group->capacities[j] * total % group->sum)
                return true;
    return false;
}

static void order_does_not_matter(uint64_t seed)
{
    struct gen gen = gen_start(seed);
    struct group group = gen_group(&gen, seed);
    const struct inventory_policy in = {.scale = (enum weights_scale)(seed % 5),
                                        .weight_min = 1,
                                        .hamilton_total = group.count + gen_below(&gen, 60000),
                                        .usual_capacity = 100};
    const struct weights_policy policy = policy_of(&group, &in);
    uint16_t weights[NODES_MAX], again[NODES_MAX];
    struct pair pairs[NODES_MAX], shuffled[NODES_MAX];
    uint64_t units = in.scale == WEIGHTS_HAMILTON ? in.hamilton_total
                     : group.count > 255          ? 65535
                                                  : 255;
    if (!weights_from_capacities(&policy, group.capacities, group.count, weights, NULL))
        return;
    LAW(weights_from_capacities(&policy, group.capacities, group.count, again, NULL) &&
            memcmp(weights, again, group.count * sizeof *weights) == 0,
        seed, "not the same twice");
    if ((in.scale == WEIGHTS_HAMILTON || in.scale == WEIGHTS_UNIVERSAL) && has_ties(&group, units))
        return;
    pair_up(&group, weights, pairs);
    for (uint32_t i = group.count; i > 1; i--) {
        uint32_t j = gen_below(&gen, i), capacity = group.capacities[j];
        group.capacities[j] = group.capacities[i - 1];
        group.capacities[i - 1] = capacity;
    }
    weigh(&group, &in, weights, seed);
    pair_up(&group, weights, shuffled);
    for (uint32_t i = 0; i < group.count; i++)
        LAW(pairs[i].capacity == shuffled[i].capacity && pairs[i].weight == shuffled[i].weight,
            seed, "in another order %u weighs %u, not %u", pairs[i].capacity, shuffled[i].weight,
            pairs[i].weight);
}

/* -- stable over plans --------------------------------------------------------------------------
 */

enum {
    NOBODY = 1000
};

struct made {
    struct inventory *inventory;
    struct layout *layout;
    struct plan *plan;
};

/* Everything but capacities and tiers is the same for all; `without` is left out, `off` is off. */
static struct made made_of(const struct group *group, uint64_t seed, uint32_t without, uint32_t off)
{
    static const char *const outside[] = {"ns.example.com", NULL};
    static const struct overlays none = {0};
    struct made made = {.inventory = make_inventory()};
    struct inventory *inventory = made.inventory;
    struct findings findings = {0};
    inventory->policy.scale = WEIGHTS_STABLE;
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_tier(inventory, "primary", 10);
    make_tier(inventory, "standby", 20);
    for (uint32_t i = 0; i < group->count; i++) {
        const struct make_node node = {.id = arena_printf(&inventory->arena, "n%03u", i),
                                       .capacity = group->capacities[i],
                                       .tier = seed >> i % 8 & 1,
                                       .state = i == off ? NODE_OFF : NODE_UP,
                                       .ipv4 = "192.0.2.1"};
        if (i != without)
            make_node(inventory, &node);
    }
    make_selection_of_all(inventory);
    make_zone(inventory, &(struct make_zone){.apex = "example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    made.layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    LAW(made.layout, seed, "%s", findings.count ? findings.items[0].message : "?");
    findings_fini(&findings);
    made.plan = plan_compute(&(struct plan_input){made.layout, &none, GEN_NOW_MS});
    return made;
}

static void made_fini(struct made *made)
{
    plan_free(made->plan);
    layout_free(made->layout);
    inventory_free(made->inventory);
}

/* How many records of `whole` are not in `part` as they were. */
static uint32_t records_touched(const struct plan *whole, const struct plan *part)
{
    const struct content_set *a = &whole->content.sets[0], *b = &part->content.sets[0];
    uint32_t touched = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        bool is_kept = false;
        for (uint32_t j = 0; j < b->count; j++)
            is_kept = is_kept || bytes_equal(a->rdata[i], b->rdata[j]);
        touched += !is_kept;
    }
    return touched;
}

/* The usual capacity is 100: k is 0 for these, and all fit. */
static bool is_usual(const struct group *group)
{
    return group->smallest >= 50 && group->smallest < 400 && group->largest <= 6500;
}

static struct group without_node(const struct group *group, uint32_t node)
{
    struct group rest = {.count = group->count - 1};
    for (uint32_t i = 0, at = 0; i < group->count; i++)
        if (i != node)
            rest.capacities[at++] = group->capacities[i];
    measure(&rest);
    return rest;
}

/* A node that comes or goes touches its own record: always when it is put off; when it is deleted
 * or added, as long as it is neither the smallest nor the largest, or the factor is that of the
 * usual capacity with it and without it. */
static void one_record_is_touched(uint64_t seed)
{
    struct gen gen = gen_start(seed);
    struct group group = gen_group(&gen, 0);
    group.count = 2 + gen_below(&gen, 12);
    uint32_t kind = gen_below(&gen, 5);
    for (uint32_t i = 0; i < group.count; i++)
        group.capacities[i] = gen_capacity(&gen, kind);
    measure(&group);
    uint32_t node = gen_below(&gen, group.count);
    struct made whole = made_of(&group, seed, NOBODY, NOBODY);
    struct made without = made_of(&group, seed, node, NOBODY);
    struct made off = made_of(&group, seed, NOBODY, node);
    struct group rest = without_node(&group, node);
    bool is_inner = rest.smallest == group.smallest && rest.largest == group.largest;

    LAW(records_touched(whole.plan, off.plan) == 1, seed, "%u records touched by off",
        records_touched(whole.plan, off.plan));
    LAW(records_touched(off.plan, whole.plan) == 0, seed, "records touched by up");
    if (is_inner || (is_usual(&group) && is_usual(&rest))) {
        LAW(records_touched(whole.plan, without.plan) == 1, seed, "%u records touched by deletion",
            records_touched(whole.plan, without.plan));
        LAW(records_touched(without.plan, whole.plan) == 0, seed, "records touched by addition");
    }
    made_fini(&whole);
    made_fini(&without);
    made_fini(&off);
}

/* -- shares after a drain -----------------------------------------------------------------------
 */

/* Plackett–Luce renormalises: whoever stays gets w / (sum - w of the drained), which is its former
 * share over what was left of the whole. With the whole first tier out, the next one begins anew.
 */
static void shares_renormalise(uint64_t seed)
{
    struct gen gen = gen_start(seed);
    struct group group = gen_group(&gen, 0);
    group.count = 2 + gen_below(&gen, 12);
    for (uint32_t i = 0; i < group.count; i++)
        group.capacities[i] = gen_capacity(&gen, (uint32_t)seed % 5);
    uint32_t node = gen_below(&gen, group.count);
    struct made made = made_of(&group, seed, NOBODY, NOBODY);
    const struct overlay_drain drain = {.id = {"dr_1", 4}, .node = made.inventory->nodes[node].id};
    const struct overlays overlays = {.drains = &drain, .drain_count = 1};
    struct plan *after = plan_compute(&(struct plan_input){made.layout, &overlays, GEN_NOW_MS});
    const struct plan_set *was = &made.plan->sets[0], *is = &after->sets[0];
    uint32_t lost = 0;
    while (was->members[lost].node != node)
        lost++;
    const struct plan_member *gone = &was->members[lost];
    uint64_t left_num = gone->share_den - gone->share_num;
    for (uint32_t i = 0; i < is->member_count && left_num > 0; i++) {
        const struct plan_member *before = &was->members[i], *now = &is->members[i];
        if (now->node == node)
            continue;
        /* now = before / (left_num / gone->share_den), by cross-multiplication; each below 2^17 */
        __extension__ unsigned __int128 left = now->share_num;
        __extension__ unsigned __int128 right = now->share_den;
        left *= (uint64_t)before->share_den * left_num;
        right *= (uint64_t)before->share_num * gone->share_den;
        LAW(left == right, seed, "node %u has %u/%u after %u/%u", now->node, now->share_num,
            now->share_den, before->share_num, before->share_den);
    }
    LAW(left_num > 0 || is->present_count == 0 || is->members[lost].share_num == 0, seed,
        "a share of nobody");
    plan_free(after);
    made_fini(&made);
}

static void (*const laws[])(uint64_t seed) = {
    universal_keeps_its_promises, hamilton_keeps_its_promises, human_keeps_its_promises,
    raw_keeps_its_promises,       stable_keeps_its_promises,   minima_are_kept,
    order_does_not_matter,
};

START_TEST(each_scale_keeps_its_promises)
{
    laws_try(ROUNDS, laws[_i]);
}
END_TEST

START_TEST(stable_touches_one_record)
{
    laws_try(PLAN_ROUNDS, one_record_is_touched);
}
END_TEST

START_TEST(shares_of_those_that_stay_renormalise)
{
    laws_try(PLAN_ROUNDS, shares_renormalise);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_loop_test(tcase, each_scale_keeps_its_promises, 0, COUNT_OF(laws));
    tcase_add_test(tcase, stable_touches_one_record);
    tcase_add_test(tcase, shares_of_those_that_stay_renormalise);
}

int main(void)
{
    return laws_main(laws_suite, add);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws of shares over generated sets of targets, small ones first. A failure names its seed;
 * SRVPLAN_SEED=0x… runs that one alone. */
#include "srvplan/shares.h"

#include "gen_inventory.h"
#include "laws.h"
#include "zones/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char laws_suite[] = "shares_laws";

enum {
    ROUNDS = 100,
    ROUNDS_PER_SIZE = 2,
    TARGETS_MAX = 50, /* ROUNDS / ROUNDS_PER_SIZE */
    POSITIONS_MAX = 6,
    DOWN_MAX = 3,
};

struct made {
    uint64_t seed;
    struct gen gen;
    struct arena arena;
    struct share_target targets[TARGETS_MAX];
    uint32_t count, down;
};

static uint32_t below(struct made *made, uint32_t limit)
{
    return gen_below(&made->gen, limit);
}

static uint16_t random_weight(struct made *made, uint32_t kind)
{
    switch (kind) {
    case 0:
        return (uint16_t)below(made, 4); /* zeros and equal ones */
    case 1:
        return (uint16_t)(256 * (1 + below(made, 5)));
    case 2:
        return (uint16_t)below(made, 65536);
    default:
        return 1000;
    }
}

static struct made make(uint64_t seed)
{
    struct made made = {.seed = seed, .gen = gen_start(seed)};
    struct error err = {0};
    made.count = 1 + (uint32_t)(seed / ROUNDS_PER_SIZE % TARGETS_MAX);
    uint32_t kind = below(&made, 4), priorities = 1 + below(&made, 3), both = below(&made, 2);
    for (uint32_t i = 0; i < made.count; i++) {
        struct share_target *target = &made.targets[i];
        target->priority = (uint16_t)(10 * below(&made, priorities));
        target->weight = random_weight(&made, kind);
        target->port = (uint16_t)(5222 + below(&made, 2));
        target->is_direct_tls = both && below(&made, 2);
        const char *host = arena_printf(&made.arena, "n%x-%u.example.org", below(&made, 999), i);
        ck_assert(text_name_parse(&made.arena, text_from(host), &target->host, &err));
    }
    return made;
}

static void take_down(struct made *made)
{
    for (uint32_t i = 0; i < made->count && made->down < DOWN_MAX; i++) {
        made->targets[i].is_down = below(made, 3) == 0;
        made->down += made->targets[i].is_down;
    }
}

struct shares_law {
    void (*law)(struct made *made);
};

static void try_one(uint64_t seed, void *context)
{
    const struct shares_law *with = context;
    struct made made = make(seed);
    with->law(&made);
    arena_fini(&made.arena);
}

static void try_all(void (*law)(struct made *made))
{
    struct shares_law with = {law};
    laws_try_with(ROUNDS, try_one, &with);
}

/* Calls a law with every model and order, and the first `merges` merges. */
static void for_each_question(struct made *made, unsigned merges,
                              void (*law)(struct made *made, const struct share_question *question))
{
    for (size_t i = 0; i < client_model_count * merges * 2; i++) {
        struct share_question question = {.model = &client_models[i / 2 / merges],
                                          .merge = (enum share_merge)(i / 2 % merges),
                                          .order = (enum share_order)(i % 2),
                                          .targets = made->targets,
                                          .count = made->count};
        law(made, &question);
    }
}

static const char *place(struct made *made, const struct share_question *question)
{
    return arena_printf(&made->arena, "%s, %s, %s answers, %u targets", question->model->id,
                        share_merge_print(question->merge),
                        question->order == SHARE_ORDER_FIXED ? "fixed" : "weighted",
                        question->count);
}

static struct rational *shares_of(struct made *made, const struct share_question *question)
{
    struct error err = {0};
    struct rational *shares = arena_array(&made->arena, struct rational, question->count);
    bool done = shares_first_choice(question, &made->arena, shares, &err);
    LAW(done, made->seed, "%s: %s", place(made, question), err.message);
    return shares;
}

static struct rational sum_of(struct made *made, const struct rational *row, size_t count,
                              size_t stride)
{
    struct rational sum = {0};
    for (size_t i = 0; i < count; i++)
        sum = rational_add(&made->arena, sum, row[i * stride]);
    return sum;
}

static bool is_one(struct rational a)
{
    struct arena scratch = {0};
    bool same = rational_compare(a, rational_from(&scratch, 1, 1)) == 0;
    arena_fini(&scratch);
    return same;
}

/* Whether the client comes to a live target at all. */
static bool finds_live(const struct share_question *question)
{
    bool needs_weight = strcmp(question->model->id, "haproxy") == 0;
    for (uint32_t i = 0; i < question->count; i++) {
        const struct share_target *target = &question->targets[i];
        bool is_seen = question->merge != SHARE_MERGE_STARTTLS_ONLY || !target->is_direct_tls;
        if (is_seen && !target->is_down && (target->weight || !needs_weight))
            return true;
    }
    return false;
}

static void shares_sum_to_1(struct made *made, const struct share_question *question)
{
    const struct rational *shares = shares_of(made, question);
    struct rational sum = sum_of(made, shares, question->count, 1);
    LAW(finds_live(question) ? is_one(sum) : rational_is_zero(sum), made->seed, "%s: the sum is %s",
        place(made, question), rational_print(sum, &made->arena));
    for (uint32_t i = 0; i < question->count; i++) {
        LAW(rational_compare(shares[i], (struct rational){0}) >= 0, made->seed,
            "%s: share %u is %s", place(made, question), i,
            rational_print(shares[i], &made->arena));
        LAW(!question->targets[i].is_down || rational_is_zero(shares[i]), made->seed,
            "%s: %u is down and gets %s", place(made, question), i,
            rational_print(shares[i], &made->arena));
    }
}

static void sums(struct made *made)
{
    for_each_question(made, SHARE_MERGE_COUNT, shares_sum_to_1);
    take_down(made);
    for_each_question(made, SHARE_MERGE_COUNT, shares_sum_to_1);
}

START_TEST(shares_of_every_model_sum_to_1)
{
    try_all(sums);
}
END_TEST

/* The same question without the targets that are down; index[i] says where the i-th stood. */
static struct share_question without_down(struct made *made, const struct share_question *question,
                                          uint32_t *index)
{
    struct share_question rest = *question;
    struct share_target *targets = arena_array(&made->arena, struct share_target, question->count);
    rest.targets = targets;
    rest.count = 0;
    for (uint32_t i = 0; i < question->count; i++) {
        if (!question->targets[i].is_down) {
            index[rest.count] = i;
            targets[rest.count++] = question->targets[i];
        }
    }
    return rest;
}

static void renormalises(struct made *made, const struct share_question *question)
{
    static const char *const independent[] = {"plackett-luce", "ejabberd", "haproxy", "heaviest",
                                              "answer-order"};
    bool is_independent = false;
    for (size_t i = 0; i < COUNT_OF(independent); i++)
        is_independent = is_independent || strcmp(question->model->id, independent[i]) == 0;
    if (!is_independent)
        return;
    uint32_t index[TARGETS_MAX] = {0};
    struct share_question rest = without_down(made, question, index);
    const struct rational *with_dead = shares_of(made, question);
    const struct rational *removed = shares_of(made, &rest);
    for (uint32_t i = 0; i < rest.count; i++)
        LAW(rational_compare(with_dead[index[i]], removed[i]) == 0, made->seed,
            "%s: %u gets %s beside dead ones, and %s without them", place(made, question), index[i],
            rational_print(with_dead[index[i]], &made->arena),
            rational_print(removed[i], &made->arena));
}

static void dead_ones_change_nothing(struct made *made)
{
    take_down(made);
    for_each_question(made, 1, renormalises);
}

START_TEST(for_plackett_luce_a_dead_target_is_as_good_as_a_removed_one)
{
    try_all(dead_ones_change_nothing);
}
END_TEST

/* The first choice of Plackett–Luce among the live is w / sum of their weights. */
static void is_proportional(struct made *made)
{
    take_down(made);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < made->count; i++) {
        made->targets[i].priority = 0;
        sum += made->targets[i].is_down ? 0u : made->targets[i].weight;
    }
    if (sum == 0)
        return;
    struct share_question question = {.model = client_model_find(text_from("plackett-luce")),
                                      .targets = made->targets,
                                      .count = made->count};
    const struct rational *shares = shares_of(made, &question);
    for (uint32_t i = 0; i < made->count; i++) {
        const struct share_target *target = &made->targets[i];
        struct rational own =
            rational_from(&made->arena, target->is_down ? 0 : target->weight, sum);
        LAW(rational_compare(shares[i], own) == 0, made->seed, "%u gets %s, not %s", i,
            rational_print(shares[i], &made->arena), rational_print(own, &made->arena));
    }
}

START_TEST(plackett_luce_is_in_proportion_to_weights_among_the_live)
{
    try_all(is_proportional);
}
END_TEST

static void orders_are_whole(struct made *made, const struct share_question *question)
{
    struct error err = {0};
    size_t n = question->count;
    struct rational *positions = arena_array(&made->arena, struct rational, n * n);
    bool done = shares_positions(question, &made->arena, positions, &err);
    LAW(done, made->seed, "%s: %s", place(made, question), err.message);
    const struct rational *first = shares_of(made, question);
    size_t tried = 0;
    for (size_t i = 0; i < n; i++) {
        struct rational ever = sum_of(made, positions + i * n, n, 1);
        LAW(is_one(ever) || rational_is_zero(ever), made->seed, "%s: %zu is tried with %s",
            place(made, question), i, rational_print(ever, &made->arena));
        tried += is_one(ever);
        LAW(rational_compare(positions[i * n], first[i]) == 0, made->seed,
            "%s: %zu is first with %s and has the share %s", place(made, question), i,
            rational_print(positions[i * n], &made->arena), rational_print(first[i], &made->arena));
    }
    for (size_t k = 0; k < n; k++) {
        struct rational anybody = sum_of(made, positions + k, n, n);
        LAW(k < tried ? is_one(anybody) : rational_is_zero(anybody), made->seed,
            "%s: position %zu is taken with %s", place(made, question), k,
            rational_print(anybody, &made->arena));
    }
}

static void orders(struct made *made)
{
    if (made->count <= POSITIONS_MAX)
        for_each_question(made, SHARE_MERGE_COUNT, orders_are_whole);
}

START_TEST(each_target_has_one_position_and_each_position_one_target)
{
    try_all(orders);
}
END_TEST

static void dead_tried_is_bounded(struct made *made, const struct share_question *question)
{
    struct error err = {0};
    struct rational tried = {0};
    bool done = shares_dead_tried(question, &made->arena, &tried, &err);
    LAW(done, made->seed, "%s: %s", place(made, question), err.message);
    LAW(rational_compare(tried, (struct rational){0}) >= 0 &&
            rational_compare(tried, rational_from(&made->arena, made->down, 1)) <= 0,
        made->seed, "%s: %s dead of %u are tried", place(made, question),
        rational_print(tried, &made->arena), made->down);
}

static void dead(struct made *made)
{
    for_each_question(made, 1, dead_tried_is_bounded);
    take_down(made);
    for_each_question(made, 1, dead_tried_is_bounded);
}

START_TEST(no_more_dead_targets_are_tried_than_there_are)
{
    try_all(dead);
}
END_TEST

/* Under weighted answers nothing depends on how the targets are numbered. */
static void numbers_do_not_matter(struct made *made, const struct share_question *question)
{
    if (question->order == SHARE_ORDER_FIXED)
        return;
    struct share_target *turned = arena_array(&made->arena, struct share_target, made->count);
    struct share_question other = *question;
    uint32_t turn = below(made, made->count);
    for (uint32_t i = 0; i < made->count; i++)
        turned[(i + turn) % made->count] = made->targets[i];
    other.targets = turned;
    const struct rational *here = shares_of(made, question), *there = shares_of(made, &other);
    for (uint32_t i = 0; i < made->count; i++)
        LAW(rational_compare(here[i], there[(i + turn) % made->count]) == 0, made->seed,
            "%s: %u gets %s, and turned by %u %s", place(made, question), i,
            rational_print(here[i], &made->arena), turn,
            rational_print(there[(i + turn) % made->count], &made->arena));
}

static void renumbering(struct made *made)
{
    take_down(made);
    for_each_question(made, 1, numbers_do_not_matter);
}

START_TEST(shares_under_weighted_answers_do_not_depend_on_node_ids)
{
    try_all(renumbering);
}
END_TEST

/* With equal weights in one priority everybody gets the same, but from two hash orders. */
static void is_even(struct made *made, const struct share_question *question)
{
    bool is_hashed = strcmp(question->model->id, "openfire") == 0 ||
                     strcmp(question->model->id, "conversations") == 0;
    if (is_hashed || question->order == SHARE_ORDER_FIXED)
        return;
    const struct rational *shares = shares_of(made, question);
    struct rational even = rational_from(&made->arena, 1, made->count);
    for (uint32_t i = 0; i < made->count; i++)
        LAW(rational_compare(shares[i], even) == 0, made->seed, "%s: %u gets %s",
            place(made, question), i, rational_print(shares[i], &made->arena));
}

static void equal_weights(struct made *made)
{
    uint16_t weight = (uint16_t)(1 + below(made, 65535 / TARGETS_MAX));
    for (uint32_t i = 0; i < made->count; i++)
        made->targets[i] =
            (struct share_target){.weight = weight, .port = 5222, .host = made->targets[i].host};
    for_each_question(made, 1, is_even);
}

START_TEST(equal_weights_under_weighted_answers_are_equal_shares)
{
    try_all(equal_weights);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, shares_of_every_model_sum_to_1);
    tcase_add_test(tcase, for_plackett_luce_a_dead_target_is_as_good_as_a_removed_one);
    tcase_add_test(tcase, plackett_luce_is_in_proportion_to_weights_among_the_live);
    tcase_add_test(tcase, each_target_has_one_position_and_each_position_one_target);
    tcase_add_test(tcase, no_more_dead_targets_are_tried_than_there_are);
    tcase_add_test(tcase, shares_under_weighted_answers_do_not_depend_on_node_ids);
    tcase_add_test(tcase, equal_weights_under_weighted_answers_are_equal_shares);
}

int main(void)
{
    return laws_main(laws_suite, add);
}

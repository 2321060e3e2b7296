/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rounds in which the client draws from running sums over a list, removes what it took, and draws
 * again: RFC 2782 as written (0..S), and with one number less (0..S-1).
 *
 * The draw 0 goes to whoever stands first. So of those that are left, with sum S,
 *
 *     0..S     P(i) = (w_i + [i is first]) / (S + 1)
 *     0..S-1   P(i) = (w_i + [i is first] - [i is last]) / S,     the first when S is 0
 *
 * and the list matters by its two ends alone. A draw from the middle says nothing about the order,
 * so ends are revealed only when they are needed: the state is what was removed, and who is known
 * to be first and last. In an urn the next first is then drawn by pull among those left. Knowing
 * the last of an urn leaves the others in such an order only when all pulls are equal; urns where
 * they are not (records that share a bucket of Openfire's hash table) are taken apart into each
 * order that they can have. */
#include "srvplan/shares_rounds.h"

#include <string.h>

enum {
    STATES_MAX = 1 << 20, /* seconds */
    ORDERS_MAX = 720,     /* an urn of six uneven pulls */
};

/* What the draws of one list are to find out. */
struct draws {
    const struct share_round *round;
    const uint32_t *removable; /* members that may be tried in vain */
    uint32_t removable_count;
    struct rational_sums *chosen; /* [member * depth + how many were removed before, or 0] */
    uint32_t depth;

    struct rational_sums *states; /* by set of removed ones; state_at */
    bool *is_removed;             /* by member, for the set at work */
    uint64_t sum;                 /* of the weights left */
};

static bool has_last(const struct draws *draws)
{
    return draws->round->kind == ROUND_OFF_BY_ONE;
}

/* first and last are members, or round->count when they are not known. */
static size_t state_at(const struct draws *draws, uint32_t first, uint32_t last)
{
    return has_last(draws) ? (size_t)first * (draws->round->count + 1) + last : first;
}

static size_t state_count(const struct draws *draws)
{
    size_t ends = (size_t)draws->round->count + 1;
    return has_last(draws) ? ends * ends : ends;
}

static void enter_set(struct draws *draws, uint32_t set)
{
    draws->sum = 0;
    memset(draws->is_removed, 0, draws->round->count * sizeof *draws->is_removed);
    for (uint32_t i = 0; i < draws->removable_count; i++)
        draws->is_removed[draws->removable[i]] = set & 1u << i;
    for (uint32_t i = 0; i < draws->round->count; i++)
        draws->sum += draws->is_removed[i] ? 0 : draws->round->members[i].weight;
}

/* The members left in the urn at one end of the list. */
struct urn {
    uint32_t begin, end; /* members, removed ones among them */
    uint32_t left;
    uint64_t pull; /* of those left */
};

static struct urn urn_around(const struct share_round *round, uint32_t at)
{
    const struct round_member *members = round->members;
    struct urn urn = {.begin = at, .end = at + 1};
    while (urn.begin > 0 && members[urn.begin - 1].urn == members[at].urn)
        urn.begin--;
    while (urn.end < round->count && members[urn.end].urn == members[at].urn)
        urn.end++;
    return urn;
}

static struct urn urn_at_end(const struct draws *draws, bool is_front)
{
    uint32_t at = is_front ? 0 : draws->round->count - 1;
    while (draws->is_removed[at])
        at += is_front ? 1u : -1u;
    struct urn urn = urn_around(draws->round, at);
    for (uint32_t i = urn.begin; i < urn.end; i++) {
        urn.left += !draws->is_removed[i];
        urn.pull += draws->is_removed[i] ? 0 : draws->round->members[i].pull;
    }
    return urn;
}

/* Moves the states of a set whose first (or last) is not known to those where it is. `other` is the
 * other end; it can be this end too only when it is alone in the urn. */
static void reveal(struct draws *draws, struct rational_sums *states, bool is_front)
{
    uint32_t unknown = draws->round->count;
    struct urn urn = urn_at_end(draws, is_front);
    for (uint32_t other = 0; other <= (has_last(draws) ? unknown : 0); other++) {
        size_t from = is_front ? state_at(draws, unknown, other) : state_at(draws, other, unknown);
        if (rational_sums_is_zero(states, from))
            continue;
        bool excludes = has_last(draws) && other >= urn.begin && other < urn.end && urn.left > 1;
        uint64_t pull = urn.pull - (excludes ? draws->round->members[other].pull : 0);
        for (uint32_t i = urn.begin; i < urn.end; i++) {
            if (draws->is_removed[i] || (excludes && i == other))
                continue;
            size_t to = is_front ? state_at(draws, i, other) : state_at(draws, other, i);
            struct rational_part part = {draws->round->members[i].pull, pull};
            rational_sums_add_part(states, to, states, from, part);
        }
    }
}

/* Which part of the numbers that can be drawn choose the member. */
static struct rational_part chance(const struct draws *draws, uint32_t member, uint32_t first,
                                   uint32_t last)
{
    uint64_t weight = draws->round->members[member].weight;
    if (!has_last(draws))
        return (struct rational_part){weight + (member == first), draws->sum + 1};
    if (draws->sum == 0)
        return (struct rational_part){member == first, 1};
    return (struct rational_part){weight + (member == first) - (member == last), draws->sum};
}

/* Who is chosen next, over all states of a set: `first` and `last` are the probabilities of each
 * member to be there. */
static void choose_in(struct draws *draws, const struct rational_sums *first,
                      const struct rational_sums *last, uint32_t removed)
{
    struct arena scratch = {0};
    uint32_t count = draws->round->count;
    bool is_first_only = has_last(draws) && draws->sum == 0;
    struct rational total = {0};
    for (uint32_t i = 0; i < count; i++)
        total = rational_add(&scratch, total, rational_sums_get(first, i, &scratch));
    struct rational numbers =
        rational_from(&scratch, is_first_only ? 1 : draws->sum + !has_last(draws), 1);
    for (uint32_t i = 0; i < count; i++) {
        if (draws->is_removed[i])
            continue;
        struct rational part = rational_sums_get(first, i, &scratch);
        if (!is_first_only) {
            struct rational weight = rational_from(&scratch, draws->round->members[i].weight, 1);
            part = rational_add(&scratch, part, rational_mul(&scratch, total, weight));
            part = rational_sub(&scratch, part, rational_sums_get(last, i, &scratch));
        }
        size_t row = (size_t)i * draws->depth + (draws->depth > 1 ? removed : 0);
        rational_sums_add(draws->chosen, row, rational_div(&scratch, part, numbers));
    }
    arena_fini(&scratch);
}

/* Moves one state on to the sets with one more removed. */
static void move_on(struct draws *draws, uint32_t set, uint32_t first, uint32_t last)
{
    uint32_t unknown = draws->round->count;
    for (uint32_t i = 0; i < draws->removable_count; i++) {
        uint32_t gone = draws->removable[i];
        struct rational_sums *next = &draws->states[set | 1u << i];
        if (draws->is_removed[gone])
            continue;
        if (!next->sums)
            rational_sums_init(next, state_count(draws));
        size_t to = state_at(draws, gone == first ? unknown : first, gone == last ? unknown : last);
        rational_sums_add_part(next, to, &draws->states[set], state_at(draws, first, last),
                               chance(draws, gone, first, last));
    }
}

static void draw_from_set(struct draws *draws, uint32_t set)
{
    struct rational_sums *states = &draws->states[set], firsts, lasts;
    uint32_t count = draws->round->count;
    const struct rational_part whole = {1, 1};
    enter_set(draws, set);
    reveal(draws, states, true);
    if (has_last(draws))
        reveal(draws, states, false);
    rational_sums_init(&firsts, count);
    rational_sums_init(&lasts, count);
    for (uint32_t first = 0; first < count; first++) {
        for (uint32_t last = 0; last < (has_last(draws) ? count : 1); last++) {
            size_t at = state_at(draws, first, last);
            if (rational_sums_is_zero(states, at))
                continue;
            rational_sums_add_part(&firsts, first, states, at, whole);
            if (has_last(draws))
                rational_sums_add_part(&lasts, last, states, at, whole);
            move_on(draws, set, first, last);
        }
    }
    choose_in(draws, &firsts, &lasts, (uint32_t)__builtin_popcount(set));
    rational_sums_fini(&firsts);
    rational_sums_fini(&lasts);
}

/* All draws of one list. Where the last end matters its urns must be even. */
static void run_draws(struct draws *draws)
{
    struct arena scratch = {0};
    uint32_t sets = 1u << draws->removable_count;
    uint32_t unknown = draws->round->count;
    draws->states = arena_array(&scratch, struct rational_sums, sets);
    draws->is_removed = arena_array(&scratch, bool, draws->round->count);
    rational_sums_init(&draws->states[0], state_count(draws));
    rational_sums_add(&draws->states[0], state_at(draws, unknown, unknown),
                      rational_from(&scratch, 1, 1));
    for (uint32_t set = 0; set < sets; set++) {
        bool is_left = (uint32_t)__builtin_popcount(set) < draws->round->count;
        if (draws->states[set].sums && is_left)
            draw_from_set(draws, set);
        rational_sums_fini(&draws->states[set]);
    }
    arena_fini(&scratch);
}

/* A list that is being taken apart, and where its results go. */
struct spread {
    struct share_round round; /* of its own members, in the order taken so far */
    uint32_t *origin;         /* member -> index in the round that was asked about */
    uint32_t *removable;
    uint32_t removable_count;
    uint32_t orders_left;
    struct rational_sums *chosen; /* [origin * depth + removed] */
    uint32_t depth;               /* 1, or the members when positions are asked for */
};

static bool is_even(const struct share_round *round, struct urn urn)
{
    for (uint32_t i = urn.begin; i < urn.end; i++)
        if (round->members[i].pull != round->members[urn.begin].pull ||
            round->members[i].weight != round->members[urn.begin].weight)
            return false;
    return true;
}

/* Whether the urn can come to stand at that end: all before it can be removed. */
static bool can_be_at_end(const struct spread *spread, struct urn urn, bool is_front)
{
    if (spread->depth > 1)
        return true;
    uint32_t begin = is_front ? 0 : urn.end, end = is_front ? urn.begin : spread->round.count;
    for (uint32_t i = begin; i < end; i++)
        if (!spread->round.members[i].is_down)
            return false;
    return true;
}

/* An urn that must be taken apart: uneven, and its last end may matter. */
static bool find_uneven(const struct spread *spread, struct urn *found)
{
    if (spread->round.kind != ROUND_OFF_BY_ONE)
        return false;
    for (uint32_t at = 0; at < spread->round.count; at = found->end) {
        *found = urn_around(&spread->round, at);
        if (!is_even(&spread->round, *found) &&
            (can_be_at_end(spread, *found, true) || can_be_at_end(spread, *found, false)))
            return true;
    }
    return false;
}

/* When positions are asked for, nothing tells the members of an even urn apart: any order gives
 * the same once they are averaged, and a fixed one is quick. */
static void average_even_urns(const struct spread *spread, struct rational_sums *chosen)
{
    for (uint32_t at = 0, end; at < spread->round.count; at = end) {
        struct urn urn = urn_around(&spread->round, at);
        end = urn.end;
        if (end - at == 1 || !is_even(&spread->round, urn))
            continue;
        for (uint32_t k = 0; k < spread->depth; k++) {
            struct arena scratch = {0};
            struct rational sum = {0};
            for (uint32_t i = at; i < end; i++)
                sum = rational_add(
                    &scratch, sum,
                    rational_sums_get(chosen, (size_t)i * spread->depth + k, &scratch));
            sum = rational_div(&scratch, sum, rational_from(&scratch, end - at, 1));
            for (uint32_t i = at; i < end; i++) {
                size_t cell = (size_t)i * spread->depth + k;
                struct rational change =
                    rational_sub(&scratch, sum, rational_sums_get(chosen, cell, &scratch));
                rational_sums_add(chosen, cell, change);
            }
            arena_fini(&scratch);
        }
    }
}

static void run_order(struct spread *spread, struct rational weight)
{
    struct arena scratch = {0};
    uint32_t count = spread->round.count;
    struct share_round round = spread->round;
    struct rational_sums chosen;
    rational_sums_init(&chosen, (size_t)count * spread->depth);
    if (spread->depth > 1) {
        round.members = arena_array(&scratch, struct round_member, count);
        memcpy(round.members, spread->round.members, count * sizeof *round.members);
        for (uint32_t i = 0; i < count; i++) {
            struct urn urn = urn_around(&spread->round, i);
            round.members[i].urn = is_even(&spread->round, urn) ? i : urn.begin;
        }
    }
    spread->removable_count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (spread->depth > 1 || round.members[i].is_down)
            spread->removable[spread->removable_count++] = i;
    struct draws draws = {.round = &round,
                          .removable = spread->removable,
                          .removable_count = spread->removable_count,
                          .chosen = &chosen,
                          .depth = spread->depth};
    run_draws(&draws);
    if (spread->depth > 1)
        average_even_urns(spread, &chosen);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < spread->depth; k++) {
            struct rational part =
                rational_mul(&scratch, weight,
                             rational_sums_get(&chosen, (size_t)i * spread->depth + k, &scratch));
            rational_sums_add(spread->chosen, (size_t)spread->origin[i] * spread->depth + k, part);
        }
    rational_sums_fini(&chosen);
    arena_fini(&scratch);
}

/* Urns belong to places of the list, whoever stands there. */
static void swap_members(struct spread *spread, uint32_t a, uint32_t b)
{
    struct round_member *members = spread->round.members, member = members[a];
    uint32_t urn_of_b = members[b].urn, origin = spread->origin[a];
    members[a] = members[b];
    members[a].urn = member.urn;
    members[b] = member;
    members[b].urn = urn_of_b;
    spread->origin[a] = spread->origin[b];
    spread->origin[b] = origin;
}

/* Takes uneven urns apart: each member that may come first of one gets an urn of its own. False
 * when there are too many orders. */
static bool run_orders(struct spread *spread, struct rational weight)
{
    struct round_member *members = spread->round.members;
    struct urn urn;
    if (!find_uneven(spread, &urn)) {
        if (spread->orders_left == 0)
            return false;
        spread->orders_left--;
        run_order(spread, weight);
        return true;
    }
    struct arena scratch = {0};
    uint64_t pull = 0;
    bool done = true;
    for (uint32_t i = urn.begin; i < urn.end; i++)
        pull += members[i].pull;
    for (uint32_t i = urn.begin + 1; i < spread->round.count; i++)
        members[i].urn++;
    for (uint32_t i = urn.begin; done && i < urn.end; i++) {
        swap_members(spread, urn.begin, i);
        struct rational part = rational_from(&scratch, members[urn.begin].pull, pull);
        done = run_orders(spread, rational_mul(&scratch, weight, part));
        swap_members(spread, urn.begin, i);
    }
    for (uint32_t i = urn.begin + 1; i < spread->round.count; i++)
        members[i].urn--;
    arena_fini(&scratch);
    return done;
}

/* Runs all orders of a round; `removable` of its members can be tried in vain. */
static bool run_round(const struct share_round *round, uint32_t removable, uint32_t depth,
                      struct rational_sums *chosen, struct error *err)
{
    uint64_t ends = round->count + 1ull;
    uint64_t states = round->kind == ROUND_OFF_BY_ONE ? ends * ends : ends;
    if (removable > SHARE_SUBSET_MAX || states << removable > STATES_MAX)
        return error_set(err, ERROR_UNSUPPORTED,
                         "what this client does when %u of %u targets of one priority do not "
                         "answer is not computed exactly; ask for fewer, at most %d",
                         removable, round->count, SHARE_SUBSET_MAX);
    struct arena scratch = {0};
    struct spread spread = {.round = *round,
                            .origin = arena_array(&scratch, uint32_t, round->count),
                            .removable = arena_array(&scratch, uint32_t, round->count),
                            .orders_left = ORDERS_MAX,
                            .chosen = chosen,
                            .depth = depth};
    spread.round.members = arena_array(&scratch, struct round_member, round->count);
    memcpy(spread.round.members, round->members, round->count * sizeof *round->members);
    for (uint32_t i = 0; i < round->count; i++)
        spread.origin[i] = i;
    bool done = run_orders(&spread, rational_from(&scratch, 1, 1)) ||
                error_set(err, ERROR_UNSUPPORTED,
                          "the records meet in so few buckets of the client's hash table that "
                          "more than %d orders are possible",
                          ORDERS_MAX);
    arena_fini(&scratch);
    return done;
}

bool round_draw_live(const struct share_round *round, struct round_outcome *outcome,
                     struct error *err)
{
    struct rational_sums chosen;
    rational_sums_init(&chosen, round->count);
    bool done = run_round(round, round->down_count, 1, &chosen, err);
    const struct rational_part whole = {1, 1};
    for (uint32_t i = 0; done && i < round->count; i++) {
        if (round->members[i].is_down)
            rational_sums_add_part(&outcome->tried, 0, &chosen, i, whole);
        else
            rational_sums_add_part(&outcome->shares, i, &chosen, i, whole);
    }
    rational_sums_fini(&chosen);
    return done;
}

bool round_draw_positions(const struct share_round *round, struct rational_sums *positions,
                          struct error *err)
{
    return run_round(round, round->count, round->count, positions, err);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rounds whose whole order is one race: urns (Plackett–Luce), and ejabberd's longest run.
 *
 * In both, who of some members comes first does not depend on the others. So everything follows
 * from one function: the probability that a member comes first of a subset. */
#include "srvplan/shares_rounds.h"

#include <stdlib.h>

/* Members [first, end) of one urn. */
static uint32_t urn_end(const struct share_round *round, uint32_t first)
{
    uint32_t end = first + 1;
    while (end < round->count && round->members[end].urn == round->members[first].urn)
        end++;
    return end;
}

static void add_one(struct rational_sums *row, size_t i, uint64_t num, uint64_t den)
{
    struct arena scratch = {0};
    rational_sums_add(row, i, rational_from(&scratch, num, den));
    arena_fini(&scratch);
}

bool round_list_live(const struct share_round *round, struct round_outcome *outcome,
                     struct error *err)
{
    (void)err;
    for (uint32_t first = 0, end; first < round->count; first = end) {
        uint64_t live_pull = 0;
        end = urn_end(round, first);
        for (uint32_t i = first; i < end; i++)
            live_pull += round->members[i].is_down ? 0 : round->members[i].pull;
        for (uint32_t i = first; i < end; i++) {
            const struct round_member *member = &round->members[i];
            /* a dead one is tried when it comes before all live ones */
            if (member->is_down)
                add_one(&outcome->tried, 0, member->pull, member->pull + live_pull);
            else
                add_one(&outcome->shares, i, member->pull, live_pull);
        }
        if (live_pull)
            break;
    }
    return true;
}

/* ejabberd sorts by -(w+1)*U, U uniform: i is first of a set with probability
 *
 *     ∫ over x in 0..a_i of 1/a_i * Π over the others j of min(x/a_j, 1) dx,     a = w + 1.
 *
 * With the a in ascending order the integrand between a_(m-1) and a_(m) is x^(n-m)/(a_m*…*a_n) for
 * every i from m on: the share of i is the sum of the pieces up to its own, and pieces are
 *
 *     (a_m^k - a_(m-1)^k) / (k * a_m*…*a_n),     k = n-m+1. */
struct run {
    uint32_t length; /* a */
    uint32_t member;
};

static int by_length(const void *left, const void *right)
{
    const struct run *a = left, *b = right;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return a->member < b->member ? -1 : 1;
}

static struct rational power(struct arena *arena, uint64_t base, uint32_t exponent)
{
    struct rational result = rational_from(arena, 1, 1), square = rational_from(arena, base, 1);
    for (; exponent; exponent /= 2) {
        if (exponent % 2)
            result = rational_mul(arena, result, square);
        square = rational_mul(arena, square, square);
    }
    return result;
}

/* Fills shares[i] for runs[i], sorted by by_length; in the arena. */
static void longest_shares(const struct run *runs, uint32_t count, struct arena *arena,
                           struct rational *shares)
{
    struct rational product = rational_from(arena, 1, 1);
    for (uint32_t m = count; m-- > 0;) {
        uint32_t k = count - m;
        product = rational_mul(arena, product, rational_from(arena, runs[m].length, 1));
        struct rational from = m ? power(arena, runs[m - 1].length, k) : (struct rational){0};
        struct rational piece = rational_sub(arena, power(arena, runs[m].length, k), from);
        struct rational scale = rational_mul(arena, product, rational_from(arena, k, 1));
        shares[m] = rational_div(arena, piece, scale);
    }
    for (uint32_t m = 1; m < count; m++)
        shares[m] = rational_add(arena, shares[m], shares[m - 1]);
}

/* The probability that `member` comes before all live others. */
static struct rational longest_share_of(const struct share_round *round, uint32_t member,
                                        struct arena *arena)
{
    struct run *runs = arena_array(arena, struct run, round->count);
    struct rational *shares = arena_array(arena, struct rational, round->count);
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < round->count; i++)
        if (i == member || !round->members[i].is_down)
            runs[count++] = (struct run){round->members[i].weight, i};
    qsort(runs, count, sizeof *runs, by_length);
    longest_shares(runs, count, arena, shares);
    while (runs[at].member != member)
        at++;
    return shares[at];
}

bool round_longest_live(const struct share_round *round, struct round_outcome *outcome,
                        struct error *err)
{
    (void)err;
    struct arena scratch = {0};
    struct run *runs = arena_array(&scratch, struct run, round->count);
    struct rational *shares = arena_array(&scratch, struct rational, round->count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < round->count; i++)
        if (!round->members[i].is_down)
            runs[count++] = (struct run){round->members[i].weight, i};
    qsort(runs, count, sizeof *runs, by_length);
    longest_shares(runs, count, &scratch, shares);
    for (uint32_t i = 0; i < count; i++)
        rational_sums_add(&outcome->shares, runs[i].member, shares[i]);
    for (uint32_t i = 0; i < round->count; i++)
        if (round->members[i].is_down)
            rational_sums_add(&outcome->tried, 0, longest_share_of(round, i, &scratch));
    arena_fini(&scratch);
    return true;
}

/* A race among members first..first+count of a round, for positions. */
struct race {
    const struct share_round *round;
    uint32_t first, count;
};

/* The probability of each member of `set` (bits from `first`) to be the first of it. */
static void first_of_set(const struct race *race, uint32_t set, struct arena *arena,
                         struct rational *shares)
{
    struct run runs[SHARE_SUBSET_MAX];
    struct rational sorted[SHARE_SUBSET_MAX] = {{0}};
    uint64_t pull = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < race->count; i++) {
        if (set & 1u << i) {
            const struct round_member *member = &race->round->members[race->first + i];
            runs[count++] = (struct run){member->weight, i};
            pull += member->pull;
        }
    }
    if (race->round->kind == ROUND_LONGEST_RUN) {
        qsort(runs, count, sizeof *runs, by_length);
        longest_shares(runs, count, arena, sorted);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t member = runs[i].member;
        if (race->round->kind == ROUND_LONGEST_RUN)
            shares[member] = sorted[i];
        else
            shares[member] =
                rational_from(arena, race->round->members[race->first + member].pull, pull);
    }
}

static uint64_t choose(uint32_t n, uint32_t k)
{
    uint64_t result = 1;
    for (uint32_t i = 0; i < k; i++)
        result = result * (n - i) / (i + 1);
    return result;
}

/* Of member i let N be how many are behind it. moments[i][s], the sum over all sets of s others of
 * the probability that i is before all of them, is the mean of C(N, s); hence
 *
 *     P(N = b) = Σ over s >= b of (-1)^(s-b) * C(s, b) * moments[i][s]. */
static void race_positions(const struct race *race, struct rational_sums *positions)
{
    uint32_t n = race->count, all = race->round->count;
    struct rational_sums moments;
    rational_sums_init(&moments, (size_t)n * n);
    for (uint32_t set = 1; set < 1u << n; set++) {
        struct arena scratch = {0};
        struct rational shares[SHARE_SUBSET_MAX];
        first_of_set(race, set, &scratch, shares);
        uint32_t others = (uint32_t)__builtin_popcount(set) - 1;
        for (uint32_t i = 0; i < n; i++)
            if (set & 1u << i)
                rational_sums_add(&moments, (size_t)i * n + others, shares[i]);
        arena_fini(&scratch);
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t behind = 0; behind < n; behind++) {
            size_t at = (size_t)(race->first + i) * all + race->first + (n - 1 - behind);
            struct arena scratch = {0};
            for (uint32_t s = behind; s < n; s++) {
                struct rational term =
                    rational_mul(&scratch, rational_from(&scratch, choose(s, behind), 1),
                                 rational_sums_get(&moments, (size_t)i * n + s, &scratch));
                if ((s - behind) % 2)
                    term = rational_sub(&scratch, (struct rational){0}, term);
                rational_sums_add(positions, at, term);
            }
            arena_fini(&scratch);
        }
    }
    rational_sums_fini(&moments);
}

static bool too_many(uint32_t count, struct error *err)
{
    return error_set(err, ERROR_UNSUPPORTED,
                     "the order of fail-over among %u targets is not computed exactly; up to %d "
                     "of one priority are",
                     count, SHARE_SUBSET_MAX);
}

bool round_list_positions(const struct share_round *round, struct rational_sums *positions,
                          struct error *err)
{
    for (uint32_t first = 0, end; first < round->count; first = end) {
        end = urn_end(round, first);
        struct race race = {round, first, end - first};
        bool is_even = true;
        for (uint32_t i = first; i < end; i++)
            is_even = is_even && round->members[i].pull == round->members[first].pull;
        if (!is_even && race.count > SHARE_SUBSET_MAX)
            return too_many(race.count, err);
        if (!is_even) {
            race_positions(&race, positions);
            continue;
        }
        for (uint32_t i = first; i < end; i++)
            for (uint32_t k = first; k < end; k++)
                add_one(positions, (size_t)i * round->count + k, 1, race.count);
    }
    return true;
}

bool round_longest_positions(const struct share_round *round, struct rational_sums *positions,
                             struct error *err)
{
    if (round->count > SHARE_SUBSET_MAX)
        return too_many(round->count, err);
    race_positions(&(struct race){round, 0, round->count}, positions);
    return true;
}

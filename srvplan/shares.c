/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/shares.h"

#include "srvplan/shares_rounds.h"

static const struct {
    bool (*live)(const struct share_round *, struct round_outcome *, struct error *);
    bool (*positions)(const struct share_round *, struct rational_sums *, struct error *);
} kinds[] = {
    [ROUND_LIST] = {round_list_live, round_list_positions},
    [ROUND_INCLUSIVE] = {round_draw_live, round_draw_positions},
    [ROUND_OFF_BY_ONE] = {round_draw_live, round_draw_positions},
    [ROUND_LONGEST_RUN] = {round_longest_live, round_longest_positions},
};

/* The round in which the client comes to a live target, or the number of rounds; *vain counts the
 * members of those before it. */
static uint32_t find_live_round(const struct share_rounds *rounds, uint32_t *vain)
{
    uint32_t at = 0;
    *vain = 0;
    for (; at < rounds->count && rounds->rounds[at].down_count == rounds->rounds[at].count; at++)
        *vain += rounds->rounds[at].count;
    return at;
}

static bool find_outcome(const struct share_round *round, struct round_outcome *outcome,
                         struct error *err)
{
    rational_sums_init(&outcome->shares, round->count);
    rational_sums_init(&outcome->tried, 1);
    return kinds[round->kind].live(round, outcome, err);
}

static void outcome_fini(struct round_outcome *outcome)
{
    rational_sums_fini(&outcome->shares);
    rational_sums_fini(&outcome->tried);
}

bool shares_first_choice(const struct share_question *question, struct arena *arena,
                         struct rational *shares, struct error *err)
{
    struct arena scratch = {0};
    struct round_outcome outcome = {0};
    struct share_rounds rounds = share_rounds_make(question, &scratch);
    uint32_t vain, at = find_live_round(&rounds, &vain);
    bool done = at == rounds.count || find_outcome(&rounds.rounds[at], &outcome, err);
    for (uint32_t i = 0; done && i < question->count; i++)
        shares[i] = (struct rational){0};
    for (uint32_t i = 0; done && at < rounds.count && i < rounds.rounds[at].count; i++)
        shares[rounds.rounds[at].members[i].target] = rational_sums_get(&outcome.shares, i, arena);
    outcome_fini(&outcome);
    arena_fini(&scratch);
    return done;
}

bool shares_dead_tried(const struct share_question *question, struct arena *arena,
                       struct rational *tried, struct error *err)
{
    struct arena scratch = {0};
    struct round_outcome outcome = {0};
    struct share_rounds rounds = share_rounds_make(question, &scratch);
    uint32_t vain, at = find_live_round(&rounds, &vain);
    bool done = at == rounds.count || find_outcome(&rounds.rounds[at], &outcome, err);
    if (done) {
        struct rational before = rational_from(&scratch, vain, 1);
        struct rational within = at == rounds.count
                                     ? (struct rational){0}
                                     : rational_sums_get(&outcome.tried, 0, &scratch);
        *tried = rational_add(arena, before, within);
    }
    outcome_fini(&outcome);
    arena_fini(&scratch);
    return done;
}

static bool round_positions(const struct share_round *round, uint32_t before, uint32_t count,
                            struct rational_sums *positions, struct error *err)
{
    struct rational_sums own;
    rational_sums_init(&own, (size_t)round->count * round->count);
    bool done = kinds[round->kind].positions(round, &own, err);
    const struct rational_part whole = {1, 1};
    for (uint32_t i = 0; done && i < round->count; i++)
        for (uint32_t k = 0; k < round->count; k++)
            rational_sums_add_part(positions, (size_t)round->members[i].target * count + before + k,
                                   &own, (size_t)i * round->count + k, whole);
    rational_sums_fini(&own);
    return done;
}

bool shares_positions(const struct share_question *question, struct arena *arena,
                      struct rational *positions, struct error *err)
{
    struct arena scratch = {0};
    struct rational_sums all;
    size_t cells = (size_t)question->count * question->count;
    rational_sums_init(&all, cells);
    struct share_rounds rounds = share_rounds_make(question, &scratch);
    bool done = true;
    for (uint32_t i = 0, before = 0; done && i < rounds.count; i++) {
        done = round_positions(&rounds.rounds[i], before, question->count, &all, err);
        before += rounds.rounds[i].count;
    }
    for (size_t i = 0; done && i < cells; i++)
        positions[i] = rational_sums_get(&all, i, arena);
    rational_sums_fini(&all);
    arena_fini(&scratch);
    return done;
}

uint32_t shares_ladder(const struct share_target *targets, uint32_t count, enum share_merge merge,
                       uint32_t *step)
{
    static const struct share_rule by_priority = {.steps = STEPS_BY_PRIORITY};
    return share_steps(targets, count, merge, &by_priority, step);
}

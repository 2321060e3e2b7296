/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/orders.h"

#include <stdlib.h>
#include <string.h>

enum {
    CLOSE_PARTS = 100, /* of all answers: how far a record may be off */
    LOSS_PARTS = 40,   /* the same after the loss of another one */
    PPM = 1000000,
    DEBT_ONE_BITS = 24, /* a place, in the books of debts */
};

/* Records that compete for the same places: one priority's, without or with those of weight 0. */
struct group {
    const uint32_t *records; /* in the set's order */
    const uint64_t *weights; /* > 0: of weight 0 alone all count the same */
    uint64_t sum;
    uint32_t count;
    bool is_behind; /* of weight 0, behind others of the priority: last resort, not measured */
};

struct groups {
    struct group *group; /* in the order of answers */
    uint32_t count;
};

/* -- groups -------------------------------------------------------------------------------------
 */

/* Priority, then weight 0 last, then the place in the set: unique. */
static uint64_t key_of(const struct orders_record *record, uint32_t index)
{
    return (uint64_t)record->priority << 33 | (uint64_t)(record->weight == 0) << 32 | index;
}

static int by_key(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void group_fill(struct arena *arena, const struct orders_record *records,
                       const uint64_t *keys, struct group *group)
{
    uint32_t *members = arena_array(arena, uint32_t, group->count);
    uint64_t *weights = arena_array(arena, uint64_t, group->count);
    for (uint32_t i = 0; i < group->count; i++) {
        members[i] = (uint32_t)keys[i];
        weights[i] = records[members[i]].weight ? records[members[i]].weight : 1;
        group->sum += weights[i];
    }
    group->records = members;
    group->weights = weights;
}

static struct groups groups_of(struct arena *arena, const struct orders_record *records,
                               uint32_t count)
{
    uint64_t *keys = arena_array(arena, uint64_t, count);
    struct groups groups = {.group = arena_array(arena, struct group, count)};
    for (uint32_t i = 0; i < count; i++)
        keys[i] = key_of(&records[i], i);
    if (count)
        qsort(keys, count, sizeof *keys, by_key);
    for (uint32_t i = 0, first = 0; i < count; first = i) {
        struct group *group = &groups.group[groups.count++];
        while (i < count && keys[i] >> 32 == keys[first] >> 32)
            i++;
        group->count = i - first;
        group->is_behind =
            keys[first] >> 32 & 1 && first > 0 && keys[first - 1] >> 33 == keys[first] >> 33;
        group_fill(arena, records, keys + first, group);
    }
    return groups;
}

/* -- the first place ----------------------------------------------------------------------------
 */

/* How often each record of a group is first of `orders`: the largest remainder, the record that
 * comes first on a tie. `keys` is room for one a record. */
static void apportion(const struct group *group, uint32_t orders, uint64_t *keys, uint32_t *firsts)
{
    uint32_t left = orders;
    for (uint32_t i = 0; i < group->count; i++) {
        uint64_t quota = group->weights[i] * orders;
        firsts[i] = (uint32_t)(quota / group->sum);
        left -= firsts[i];
        /* ascending: the largest remainder, then the first record */
        keys[i] = (group->sum - quota % group->sum) << 32 | i;
    }
    if (left)
        qsort(keys, group->count, sizeof *keys, by_key);
    for (uint32_t i = 0; i < left; i++)
        firsts[(uint32_t)keys[i]]++;
}

/* How far a record is from its share, in parts of orders * sum. */
static uint64_t distance(const struct group *group, uint32_t orders, uint32_t i, uint32_t first)
{
    uint64_t is = first * group->sum, planned = group->weights[i] * orders;
    return is > planned ? is - planned : planned - is;
}

static bool is_close(const struct group *group, uint32_t orders, const uint32_t *firsts)
{
    for (uint32_t i = 0; i < group->count; i++) {
        uint64_t off = distance(group, orders, i, firsts[i]);
        if (off * CLOSE_PARTS > group->sum * orders || 2 * off > group->weights[i] * orders)
            return false;
    }
    return true;
}

/* The choice of `orders` orders as one group sees it. */
static struct orders_choice measure(const struct group *group, uint32_t orders,
                                    const uint32_t *firsts)
{
    struct orders_choice choice = {.count = orders, .is_close = is_close(group, orders, firsts)};
    uint64_t whole = group->sum * orders, worst = 0, sum = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        uint64_t off = distance(group, orders, i, firsts[i]);
        sum += off;
        if (i == 0 || off > worst) {
            worst = off;
            choice.record = group->records[i];
            choice.first_count = firsts[i];
        }
    }
    choice.misplaced_ppm = (uint32_t)(sum / 2 * PPM / whole); /* each is missed at two records */
    return choice;
}

/* -- all places ---------------------------------------------------------------------------------
 */

/* The permutations of one group, one after another, under construction. */
struct making {
    const struct group *group;
    uint32_t orders;
    uint32_t *place;  /* by order, then position: which of the group */
    bool *is_placed;  /* by order, then record of the group */
    uint64_t *left;   /* by order: the weights not placed yet */
    int64_t *debt;    /* by record: of the position */
    int64_t **behind; /* by record that stands first: debts of the second position */
};

static void put(struct making *m, uint32_t order, uint32_t position, uint32_t i)
{
    m->place[(size_t)order * m->group->count + position] = i;
    m->is_placed[(size_t)order * m->group->count + i] = true;
    m->left[order] -= m->group->weights[i];
}

/* Smooth weighted round robin over the counts: each record gets exactly its own. */
static void put_first(struct making *m, const uint32_t *firsts)
{
    for (uint32_t order = 0; order < m->orders; order++) {
        uint32_t best = 0;
        for (uint32_t i = 0; i < m->group->count; i++) {
            m->debt[i] += firsts[i];
            if (m->debt[i] > m->debt[best])
                best = i;
        }
        m->debt[best] -= m->orders;
        put(m, order, 0, best);
    }
}

/* Who gets one place of one order; `behind` are the debts behind the record that stands first. */
static void put_next(struct making *m, uint32_t order, uint32_t position, int64_t *behind)
{
    const bool *is_placed = m->is_placed + (size_t)order * m->group->count;
    uint32_t best = UINT32_MAX;
    int64_t most = 0;
    for (uint32_t i = 0; i < m->group->count; i++) {
        if (is_placed[i])
            continue;
        int64_t gain = (int64_t)((m->group->weights[i] << DEBT_ONE_BITS) / m->left[order]);
        int64_t owed = m->debt[i] += gain;
        if (behind)
            owed += behind[i] += gain;
        if (best == UINT32_MAX || owed > most) {
            best = i;
            most = owed;
        }
    }
    m->debt[best] -= (int64_t)1 << DEBT_ONE_BITS;
    if (behind)
        behind[best] -= (int64_t)1 << DEBT_ONE_BITS;
    put(m, order, position, best);
}

static void put_position(struct making *m, struct arena *arena, uint32_t position)
{
    uint32_t count = m->group->count;
    memset(m->debt, 0, count * sizeof *m->debt);
    for (uint32_t order = 0; order < m->orders; order++) {
        uint32_t first = m->place[(size_t)order * count];
        if (position == 1 && !m->behind[first])
            m->behind[first] = arena_array(arena, int64_t, count);
        put_next(m, order, position, position == 1 ? m->behind[first] : NULL);
    }
}

/* Fills the first `positions` places of a group in `orders` orders. */
static struct making make_group(struct arena *arena, const struct group *group, uint32_t orders,
                                uint32_t positions)
{
    size_t cells = (size_t)orders * group->count;
    uint32_t *firsts = arena_array(arena, uint32_t, group->count);
    struct making m = {
        .group = group,
        .orders = orders,
        .place = arena_array(arena, uint32_t, cells),
        .is_placed = arena_array(arena, bool, cells),
        .left = arena_array(arena, uint64_t, orders),
        .debt = arena_array(arena, int64_t, group->count),
        .behind = arena_array(arena, int64_t *, group->count),
    };
    for (uint32_t order = 0; order < orders; order++)
        m.left[order] = group->sum;
    apportion(group, orders, arena_array(arena, uint64_t, group->count), firsts);
    put_first(&m, firsts);
    for (uint32_t position = 1; position < positions && position < group->count; position++)
        put_position(&m, arena, position);
    return m;
}

const uint32_t *orders_make(struct arena *arena, const struct orders_record *records,
                            uint32_t record_count, uint32_t count)
{
    uint32_t *orders = arena_array(arena, uint32_t, (size_t)count * record_count);
    struct arena scratch = {0};
    struct groups groups = groups_of(&scratch, records, record_count);
    for (uint32_t g = 0, at = 0; g < groups.count; at += groups.group[g++].count) {
        const struct group *group = &groups.group[g];
        struct making m = make_group(&scratch, group, count, group->count);
        for (uint32_t order = 0; order < count; order++)
            for (uint32_t i = 0; i < group->count; i++)
                orders[(size_t)order * record_count + at + i] =
                    group->records[m.place[(size_t)order * group->count + i]];
    }
    arena_fini(&scratch);
    return orders;
}

/* -- how many -----------------------------------------------------------------------------------
 */

/* How far the worst record of a group is from its share of the first places when another record is
 * lost and the second ones of its orders stand in, in millionths. */
static uint32_t loss_ppm(const struct group *group, uint32_t orders)
{
    struct arena scratch = {0};
    uint32_t count = group->count, worst = 0;
    struct making m = make_group(&scratch, group, orders, 2);
    uint32_t *firsts = arena_array(&scratch, uint32_t, count);
    uint32_t *behind = arena_array(&scratch, uint32_t, (size_t)count * count);
    for (uint32_t order = 0; order < orders; order++) {
        const uint32_t *place = m.place + (size_t)order * count;
        firsts[place[0]]++;
        behind[(size_t)place[0] * count + place[1]]++;
    }
    for (uint32_t lost = 0; lost < count; lost++)
        for (uint32_t i = 0; i < count; i++) {
            uint64_t sum = group->sum - group->weights[lost];
            uint64_t is = (firsts[i] + behind[(size_t)lost * count + i]) * sum;
            uint64_t planned = group->weights[i] * orders;
            uint64_t off = is > planned ? is - planned : planned - is;
            uint64_t ppm = off * PPM / (sum * orders);
            if (i != lost && ppm > worst)
                worst = (uint32_t)ppm;
        }
    arena_fini(&scratch);
    return worst;
}

/* Room for what is counted of one group at a time. */
struct counting {
    const struct groups *groups;
    uint64_t *keys;
    uint32_t *firsts;
};

/* The choice of `orders` orders as the group sees it that is worst off. */
static struct orders_choice choice_of(const struct counting *counting, uint32_t orders)
{
    struct orders_choice worst = {.count = orders};
    bool are_close = true;
    for (uint32_t g = 0; g < counting->groups->count; g++) {
        const struct group *group = &counting->groups->group[g];
        if (group->is_behind)
            continue;
        apportion(group, orders, counting->keys, counting->firsts);
        struct orders_choice choice = measure(group, orders, counting->firsts);
        are_close &= choice.is_close;
        if (g == 0 || choice.misplaced_ppm > worst.misplaced_ppm)
            worst = choice;
    }
    worst.is_close = are_close;
    return worst;
}

/* The fewest that are close, else those that misplace least. */
static struct orders_choice fewest(const struct counting *counting, uint32_t max)
{
    struct orders_choice best = choice_of(counting, 1);
    for (uint32_t orders = 2; orders <= max && !best.is_close; orders++) {
        struct orders_choice choice = choice_of(counting, orders);
        if (choice.is_close || choice.misplaced_ppm < best.misplaced_ppm)
            best = choice;
    }
    return best;
}

/* The same for the group that a loss hits worst. */
static uint32_t worst_loss_ppm(const struct groups *groups, uint32_t orders)
{
    uint32_t worst = 0;
    for (uint32_t g = 0; g < groups->count; g++) {
        const struct group *group = &groups->group[g];
        if (group->is_behind || group->count < 3) /* of two, the other one */
            continue;
        uint32_t ppm = loss_ppm(group, orders);
        worst = ppm > worst ? ppm : worst;
    }
    return worst;
}

struct orders_choice orders_choose(struct arena *scratch, const struct orders_record *records,
                                   uint32_t record_count, uint32_t max)
{
    struct groups groups = groups_of(scratch, records, record_count);
    struct counting counting = {
        .groups = &groups,
        .keys = arena_array(scratch, uint64_t, record_count),
        .firsts = arena_array(scratch, uint32_t, record_count),
    };
    struct orders_choice least = fewest(&counting, max), best = least;
    uint32_t best_ppm = UINT32_MAX;
    if (!least.is_close || 2 * least.count > max) /* nothing to choose from */
        return least;
    for (uint32_t orders = least.count; orders <= max; orders += least.count) {
        struct orders_choice choice = choice_of(&counting, orders);
        uint32_t ppm = choice.is_close ? worst_loss_ppm(&groups, orders) : UINT32_MAX;
        if (ppm < best_ppm) {
            best = choice;
            best_ppm = ppm;
        }
        if (ppm <= PPM / LOSS_PARTS)
            break;
    }
    return best;
}

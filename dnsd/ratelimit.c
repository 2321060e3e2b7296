/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/ratelimit.h"

enum {
    TAG_BITS = 16,
    TIME_BITS = 64 - TAG_BITS,
    MS_A_SECOND = 1000,
};
#define TIME_MASK ((1ull << TIME_BITS) - 1)

_Static_assert((RATELIMIT_BUCKETS & (RATELIMIT_BUCKETS - 1)) == 0, "a power of two");

void ratelimit_set_rate(struct ratelimit *limit, uint32_t per_second)
{
    const uint64_t second = (uint64_t)MS_A_SECOND << RATELIMIT_UNITS_BITS;
    uint64_t interval = (second + per_second / 2) / per_second;
    uint64_t least = per_second < RATELIMIT_BURST_LEAST ? per_second : RATELIMIT_BURST_LEAST;
    uint64_t burst = (uint64_t)RATELIMIT_BURST_MS << RATELIMIT_UNITS_BITS;
    limit->per_second = per_second;
    limit->interval = interval ? interval : 1; /* beyond any line's rate */
    limit->burst = burst > least * limit->interval ? burst : least * limit->interval;
}

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* What a word owes at that instant; 0: paid off, or written under another clock. Another worker's
 * batch may have begun a little later, or the clock been set back by an instant. */
static uint64_t debt(const struct ratelimit *limit, uint64_t word, uint64_t now)
{
    const uint64_t slack = (uint64_t)RATELIMIT_SLACK_MS << RATELIMIT_UNITS_BITS;
    uint64_t ahead = (word - now) & TIME_MASK;
    return ahead <= limit->burst + slack ? ahead : 0;
}

/* The word of that tag in a bucket; there is none: the one that owes least, *owed then 0. */
static uint64_t *find(const struct ratelimit *limit, uint64_t hash, uint64_t now, uint64_t *owed)
{
    uint64_t *bucket = ratelimit_bucket(limit, hash);
    uint32_t least = 0;
    uint64_t least_owed = UINT64_MAX;
    for (uint32_t i = 0; i < RATELIMIT_WAYS; i++) {
        uint32_t way = (uint32_t)(hash + i) % RATELIMIT_WAYS;
        uint64_t word = load(&bucket[way]);
        uint64_t owes = debt(limit, word, now);
        if (word >> TIME_BITS == hash >> TIME_BITS) {
            *owed = owes;
            return &bucket[way];
        }
        if (owes < least_owed) {
            least = way;
            least_owed = owes;
        }
    }
    *owed = 0;
    return &bucket[least];
}

bool ratelimit_take(const struct ratelimit *limit, uint64_t hash, int64_t now_ms)
{
    uint64_t now = ((uint64_t)now_ms << RATELIMIT_UNITS_BITS) & TIME_MASK;
    uint64_t owed;
    uint64_t *word = find(limit, hash, now, &owed);
    uint64_t then = owed + limit->interval;
    if (then > limit->burst)
        return false;
    uint64_t next = (hash >> TIME_BITS) << TIME_BITS | ((now + then) & TIME_MASK);
    __atomic_store_n(word, next, __ATOMIC_RELAXED);
    return true;
}

bool ratelimit_is_exempt(const struct ratelimit *limit, const uint8_t *source,
                         uint32_t source_length)
{
    uint64_t high = ratelimit_load(source, source_length);
    uint64_t low = source_length == 16 ? ratelimit_load(source + 8, 8) : 0;
    for (uint32_t i = 0; i < RATELIMIT_MAX_EXEMPT && i < limit->exempt_count; i++) {
        const struct ratelimit_prefix *prefix = &limit->exempt[i];
        if (prefix->source_length == source_length &&
            ((high ^ prefix->word[0]) & prefix->mask[0]) == 0 &&
            ((low ^ prefix->word[1]) & prefix->mask[1]) == 0)
            return true;
    }
    return false;
}

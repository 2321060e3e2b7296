/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ratelimit: response rate limiting, so that who forges the addresses of a victim cannot send our
 * answers to it (Vixie and Schryver, "DNS Response Rate Limiting").
 *
 * Counted is what an attacker repeats: answers of one class, about one thing, to one prefix (/24 of
 * IPv4, /56 of IPv6). The thing is a set at a name that exists (a wildcard is one name), a name for
 * referrals and NODATA, a zone for NXDOMAIN, nothing for errors, so that neither made-up names nor
 * types nor broken queries give an attacker more. Beyond the limit an answer is dropped; every
 * slip-th is sent empty with TC, no longer than its query was but for a cookie, so that a client
 * whose address is forged gets its answer by TCP. A valid cookie or a stream shows that the source
 * is real: neither is limited.
 *
 * Each such pair has a word of 64 bits in a table that all workers share: 16 bits of its hash, and
 * the instant up to which its answers are paid for (the theoretical arrival time of GCRA, ITU-T
 * I.371) in 48 bits, 2^20 units a millisecond, that wrap after three days. Words are loaded and
 * stored, never exchanged: a race of two workers costs one count. Eight words of a cache line are
 * one bucket; a key that finds none of its own takes one that is paid off, or else the one nearest
 * to it, so that a table full of strangers forgets small debts first and never limits anybody for
 * another's. The hash is keyed at random: nobody can aim at a bucket.
 *
 * `now_ms` may jump: a debt that lies a second farther ahead than debts can be is none. So after a
 * step of the clock, either way, a key has at most one burst more, and waits at most a second.
 *
 * Part of the decision, as decide.h is: no libc, no clock, bounded loops. Who makes the table is
 * ratelimit_table.c. */
#pragma once
#include "dnsd/siphash.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    RATELIMIT_WAYS = 8, /* words of a bucket: a cache line */
    RATELIMIT_BUCKETS =
        32768, /* 2 MiB; only debts take room, and each is paid off within a burst */
    RATELIMIT_UNITS_BITS = 20, /* of time: 2^20 a millisecond, about a nanosecond each */
    RATELIMIT_BURST_MS = 250,  /* answers that may come at once: what so long a time gives … */
    RATELIMIT_BURST_LEAST = 2, /* … but of small limits so many, or a second's worth of less */
    RATELIMIT_SLACK_MS = 1000, /* by which workers' clocks may differ */
    RATELIMIT_SLIP_DEFAULT = 2,
    RATELIMIT_SLIP_MAX = 100,
    RATELIMIT_MAX_EXEMPT = 32,
};

enum ratelimit_class {
    RATELIMIT_ANSWER,
    RATELIMIT_REFERRAL,
    RATELIMIT_NODATA,
    RATELIMIT_NXDOMAIN,
    RATELIMIT_ERROR,
};

/* Addresses that are never limited. IPv4 in the first word's upper half. */
struct ratelimit_prefix {
    uint64_t word[2], mask[2];
    uint32_t source_length; /* 4 or 16 */
};

/* The same for all workers, and but for the buckets never changed while they run. */
struct ratelimit {
    uint64_t *words; /* NULL: nothing is limited */
    struct siphash_key key;
    uint64_t interval, burst; /* in units of time */
    uint32_t per_second, slip;
    uint32_t exempt_count;
    struct ratelimit_prefix exempt[RATELIMIT_MAX_EXEMPT];
};

/* Whose answers, and which. */
struct ratelimit_subject {
    const uint8_t *source;
    uint32_t source_length; /* 4 or 16; else it is not limited */
    enum ratelimit_class class;
    uint64_t thing;
};

/* The first words of an address, most significant byte first. */
static inline uint64_t ratelimit_load(const uint8_t *at, uint32_t length)
{
    uint64_t word = 0;
    for (uint32_t i = 0; i < 8; i++)
        word = word << 8 | (i < length ? at[i] : 0u);
    return word;
}

/* SipHash-1-3 of two words. */
static inline uint64_t ratelimit_hash(const struct ratelimit *limit,
                                      const struct ratelimit_subject *subject)
{
    uint64_t v[4] = {
        0x736f6d6570736575ull ^ limit->key.word[0], 0x646f72616e646f6dull ^ limit->key.word[1],
        0x6c7967656e657261ull ^ limit->key.word[0], 0x7465646279746573ull ^ limit->key.word[1]};
    bool is_v6 = subject->source_length == 16;
    uint64_t prefix =
        is_v6 ? ratelimit_load(subject->source, 7) : ratelimit_load(subject->source, 3);
    uint64_t words[2] = {prefix | (uint64_t)subject->class << 1 | is_v6, subject->thing};
    for (int i = 0; i < 2; i++) {
        v[3] ^= words[i];
        siphash_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++)
        siphash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static inline uint64_t *ratelimit_bucket(const struct ratelimit *limit, uint64_t hash)
{
    return limit->words + (hash >> 3) % RATELIMIT_BUCKETS * RATELIMIT_WAYS;
}

/* For who knows a hash some time before it is needed. */
static inline void ratelimit_prefetch(const struct ratelimit *limit, uint64_t hash)
{
    __builtin_prefetch(ratelimit_bucket(limit, hash), 1);
}

/* Sets interval and burst; `per_second` is not 0. */
void ratelimit_set_rate(struct ratelimit *limit, uint32_t per_second);

/* Counts an answer of that hash, which goes out; false: it is beyond the limit. */
bool ratelimit_take(const struct ratelimit *limit, uint64_t hash, int64_t now_ms);

bool ratelimit_is_exempt(const struct ratelimit *limit, const uint8_t *source,
                         uint32_t source_length);

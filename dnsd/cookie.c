/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/cookie.h"

#include "dnsd/query.h"
#include "dnsd/siphash.h"

enum {
    VERSION = 1,
    TIME_AT = 12,
    HASH_AT = 16, /* so much of the cookie is hashed */
    ADDRESS_BYTES = 16,
};

/* What is hashed: a cookie up to its hash, then the address. */
struct hashed {
    uint8_t bytes[HASH_AT + ADDRESS_BYTES];
    uint32_t length;
};

static struct siphash_key load_secret(const struct cookie_secrets *secrets, uint32_t index)
{
    return (struct siphash_key){
        {atomic_load_explicit(&secrets->word[index][0], memory_order_relaxed),
         atomic_load_explicit(&secrets->word[index][1], memory_order_relaxed)}};
}

void cookie_secrets_store(struct cookie_secrets *secrets, const struct cookie_secret *secret,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count && i < COOKIE_SECRETS; i++) {
        struct siphash_key key = siphash_key_from(secret[i].bytes);
        atomic_store_explicit(&secrets->word[i][0], key.word[0], memory_order_relaxed);
        atomic_store_explicit(&secrets->word[i][1], key.word[1], memory_order_relaxed);
    }
    atomic_store_explicit(&secrets->count, count, memory_order_relaxed);
}

static void take_address(struct hashed *hashed, const struct query *query)
{
    uint32_t length = query->source_length < ADDRESS_BYTES ? query->source_length : ADDRESS_BYTES;
    for (uint32_t i = 0; i < length; i++)
        hashed->bytes[HASH_AT + i] = query->source[i];
    hashed->length = HASH_AT + length;
}

static uint32_t time_of(const uint8_t *cookie)
{
    return (uint32_t)cookie[TIME_AT] << 24 | (uint32_t)cookie[TIME_AT + 1] << 16 |
           (uint32_t)cookie[TIME_AT + 2] << 8 | cookie[TIME_AT + 3];
}

/* Made with one of the secrets; sets which. */
static bool is_ours(const struct cookie_secrets *secrets, uint32_t count,
                    const struct hashed *hashed, uint64_t hash, uint32_t *which)
{
    for (uint32_t i = 0; i < count && i < COOKIE_SECRETS; i++) {
        struct siphash_key key = load_secret(secrets, i);
        *which = i;
        if (siphash_24(&key, hashed->bytes, hashed->length) == hash)
            return true;
    }
    return false;
}

static void make(const struct cookie_secrets *secrets, struct hashed *hashed, uint32_t now_s,
                 uint8_t cookie[COOKIE_BYTES])
{
    uint8_t *head = hashed->bytes + COOKIE_CLIENT_BYTES;
    head[0] = VERSION;
    head[1] = head[2] = head[3] = 0;
    for (uint32_t i = 0; i < 4; i++)
        hashed->bytes[TIME_AT + i] = (uint8_t)(now_s >> (24 - 8 * i));
    struct siphash_key key = load_secret(secrets, 0);
    uint64_t hash = siphash_24(&key, hashed->bytes, hashed->length);
    __builtin_memcpy(cookie, hashed->bytes, HASH_AT);
    __builtin_memcpy(cookie + HASH_AT, &hash, sizeof hash);
}

void cookie_judge(const struct cookie_secrets *secrets, const struct query *query,
                  struct question *question)
{
    uint32_t count = atomic_load_explicit(&secrets->count, memory_order_relaxed);
    question->cookie_state = COOKIE_NONE;
    if (!(question->options & QUESTION_COOKIE))
        return;
    if (count == 0) { /* as if we knew no cookies */
        question->options &= (uint8_t)~QUESTION_COOKIE;
        return;
    }
    const uint8_t *got = query->bytes + question->cookie_at;
    uint32_t now_s = (uint32_t)(query->now_ms / 1000), which = 0;
    struct hashed hashed;
    __builtin_memcpy(hashed.bytes, got, COOKIE_CLIENT_BYTES);
    take_address(&hashed, query);
    question->cookie_state = COOKIE_CLIENT_ONLY;
    if (question->cookie_length > COOKIE_CLIENT_BYTES)
        question->cookie_state = COOKIE_BAD;
    if (question->cookie_length == COOKIE_BYTES && got[COOKIE_CLIENT_BYTES] == VERSION) {
        int32_t age_s = (int32_t)(now_s - time_of(got)); /* a clock that wraps: RFC 1982 */
        __builtin_memcpy(hashed.bytes, got, HASH_AT);
        if (age_s <= COOKIE_VALID_S && age_s >= -COOKIE_FUTURE_S &&
            is_ours(secrets, count, &hashed, siphash_load(got + HASH_AT), &which)) {
            question->cookie_state = COOKIE_VALID;
            if (age_s <= COOKIE_RENEW_S && which == 0) {
                __builtin_memcpy(question->cookie, got, COOKIE_BYTES);
                return;
            }
        }
    }
    make(secrets, &hashed, now_s, question->cookie);
}

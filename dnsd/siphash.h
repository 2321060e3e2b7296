/* SPDX-License-Identifier: GPL-3.0-or-later */
/* siphash: SipHash-2-4 with a key of 128 bits and a result of 64, as Aumasson and Bernstein
 * describe it ("SipHash: a fast short-input PRF"); server cookies are made with it (RFC 9018).
 *
 * For two compilers, as image_layout.h: no libc, bounded loops, little-endian machines only. */
#pragma once
#include <stdint.h>

struct siphash_key {
    uint64_t word[2];
};

static inline uint64_t siphash_load(const uint8_t *at)
{
    uint64_t word;
    __builtin_memcpy(&word, at, sizeof word);
    return word;
}

static inline struct siphash_key siphash_key_from(const uint8_t bytes[static 16])
{
    return (struct siphash_key){{siphash_load(bytes), siphash_load(bytes + 8)}};
}

static inline uint64_t siphash_rotate(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static inline void siphash_round(uint64_t v[static 4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = siphash_rotate(v[1], 13) ^ v[0];
    v[3] = siphash_rotate(v[3], 16) ^ v[2];
    v[0] = siphash_rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = siphash_rotate(v[1], 17) ^ v[2];
    v[3] = siphash_rotate(v[3], 21) ^ v[0];
    v[2] = siphash_rotate(v[2], 32);
}

static inline void siphash_add(uint64_t v[static 4], uint64_t word)
{
    v[3] ^= word;
    siphash_round(v);
    siphash_round(v);
    v[0] ^= word;
}

/* Of `length` bytes, less than 256; the result's bytes in little-endian order are the output. */
static inline uint64_t siphash_24(const struct siphash_key *key, const uint8_t *bytes,
                                  uint32_t length)
{
    uint64_t v[4] = {0x736f6d6570736575ull ^ key->word[0], 0x646f72616e646f6dull ^ key->word[1],
                     0x6c7967656e657261ull ^ key->word[0], 0x7465646279746573ull ^ key->word[1]};
    uint64_t last = (uint64_t)length << 56;
    uint32_t at = 0;
    for (; at + 8 <= length; at += 8)
        siphash_add(v, siphash_load(bytes + at));
    for (uint32_t i = 0; at + i < length; i++)
        last |= (uint64_t)bytes[at + i] << (8 * i);
    siphash_add(v, last);
    v[2] ^= 0xFF;
    for (int i = 0; i < 4; i++)
        siphash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

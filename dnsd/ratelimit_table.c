/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/ratelimit_table.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include "zones/base/bytes.h"

enum {
    TABLE_BYTES = RATELIMIT_BUCKETS * RATELIMIT_WAYS * sizeof(uint64_t),
};

bool ratelimit_open(struct ratelimit *limit, struct error *err)
{
    static const char thing[] = "table of rate limits";
    if (limit->per_second == 0)
        return true;
    /* Zeroed; what nobody touches takes no memory. */
    void *at = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return error_system(err, thing, "free some memory, or give --rate-limit 0",
                            "cannot make it");
    if (getrandom(&limit->key, sizeof limit->key, 0) != (ssize_t)sizeof limit->key) {
        error_system(err, thing, NULL, "cannot get random bytes");
        munmap(at, TABLE_BYTES);
        return false;
    }
    ratelimit_set_rate(limit, limit->per_second);
    limit->words = at;
    return true;
}

void ratelimit_close(struct ratelimit *limit)
{
    if (limit->words)
        munmap(limit->words, TABLE_BYTES);
    limit->words = NULL;
}

static uint64_t mask_of(uint32_t bits) /* up to 64, from the top */
{
    return bits == 0 ? 0 : UINT64_MAX << (64 - (bits < 64 ? bits : 64));
}

static bool has_bits_below(const struct ratelimit_prefix *prefix)
{
    return (prefix->word[0] & ~prefix->mask[0]) || (prefix->word[1] & ~prefix->mask[1]);
}

bool ratelimit_exempt(struct ratelimit *limit, const char *text, struct error *err)
{
    char address[INET6_ADDRSTRLEN] = "";
    uint8_t bytes[16] = {0};
    struct ratelimit_prefix prefix = {0};
    size_t len = strcspn(text, "/");
    if (len < sizeof address)
        memcpy(address, text, len);
    if (inet_pton(AF_INET, address, bytes) == 1)
        prefix.source_length = 4;
    else if (inet_pton(AF_INET6, address, bytes) == 1)
        prefix.source_length = 16;
    else
        return error_set(err, ERROR_USAGE,
                         "\"%.60s\" is neither an address nor a prefix as 192.0.2.0/24 or "
                         "2001:db8::/32",
                         text);
    uint64_t bits = prefix.source_length * 8ull;
    if (text[len] && !text_to_u64(text_from(text + len + 1), 0, bits, &bits))
        return error_set(err, ERROR_USAGE, "\"%.60s\": a number from 0 to %u is expected behind /",
                         text, prefix.source_length * 8);
    prefix.word[0] = ratelimit_load(bytes, 8);
    prefix.word[1] = ratelimit_load(bytes + 8, 8);
    prefix.mask[0] = mask_of((uint32_t)bits);
    prefix.mask[1] = bits > 64 ? mask_of((uint32_t)bits - 64) : 0;
    if (has_bits_below(&prefix))
        return error_set(err, ERROR_USAGE,
                         "\"%.60s\": the address has bits set behind the prefix; did you mean "
                         "another length?",
                         text);
    if (limit->exempt_count == RATELIMIT_MAX_EXEMPT)
        return error_set(err, ERROR_USAGE, "at most %d prefixes", RATELIMIT_MAX_EXEMPT);
    limit->exempt[limit->exempt_count++] = prefix;
    return true;
}

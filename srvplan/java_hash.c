/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/java_hash.h"

/* Java's hash of a sequence (Arrays.hashCode, Objects.hash, String.hashCode): 31 * h + element, in
 * 32 bits that wrap. */
static uint32_t extend(uint32_t hash, uint32_t element)
{
    return 31 * hash + element;
}

uint32_t java_hash_bytes(struct bytes bytes)
{
    uint32_t hash = 1;
    for (size_t i = 0; i < bytes.len; i++)
        hash = extend(hash, (uint32_t)(int32_t)(int8_t)bytes.ptr[i]); /* a Java byte has a sign */
    return hash;
}

static uint32_t string_hash(struct text text)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < text.len; i++)
        hash = extend(hash, (uint8_t)text.ptr[i]);
    return hash;
}

uint32_t java_hash_srv_record(const struct java_srv_record *record)
{
    enum {
        HASH_OF_TRUE = 1231, /* Boolean.hashCode */
        HASH_OF_FALSE = 1237,
    };
    uint32_t hash = 1;
    hash = extend(hash, string_hash(record->host));
    hash = extend(hash, record->port);
    hash = extend(hash, record->is_direct_tls ? HASH_OF_TRUE : HASH_OF_FALSE);
    hash = extend(hash, record->priority);
    return extend(hash, record->weight);
}

uint32_t java_hash_buckets(uint32_t initial, uint32_t count)
{
    uint32_t buckets = 1;
    while (buckets < initial)
        buckets *= 2;
    while (count > buckets * 3ull / 4) /* the load factor */
        buckets *= 2;
    return buckets;
}

uint32_t java_hash_bucket(uint32_t hash, uint32_t buckets)
{
    return (hash ^ hash >> 16) & (buckets - 1);
}

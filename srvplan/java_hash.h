/* SPDX-License-Identifier: GPL-3.0-or-later */
/* java_hash: in which order Java iterates a HashSet of SRV records.
 *
 * Two programs try targets in, or draw from, that order: Conversations (a HashSet of MiniDNS
 * records) and Openfire (a HashSet of its SrvRecord). It is a pure function of the hash codes and
 * of the number of elements (OpenJDK and Android, java.util.HashMap since Java 8): buckets in
 * ascending order, in a bucket as inserted. Not modelled: what HashMap does when nine elements meet
 * in one bucket (it grows early, or turns the bucket into a tree); names chosen by people do not
 * do that. */
#pragma once
#include "zones/name.h"

/* Arrays.hashCode(byte[]): of the RDATA, as MiniDNS does. */
uint32_t java_hash_bytes(struct bytes bytes);

/* What Openfire's SrvRecord.hashCode gives: Objects.hash(hostname, port, isDirectTLS, priority,
 * weight), the host name without its last dot. */
struct java_srv_record {
    struct text host;
    uint16_t port, priority, weight;
    bool is_direct_tls;
};
uint32_t java_hash_srv_record(const struct java_srv_record *record);

/* Number of buckets of `new HashSet<>(initial)` after `count` elements; `new HashSet<>()` is one
 * with JAVA_HASH_INITIAL. */
enum {
    JAVA_HASH_INITIAL = 16
};
uint32_t java_hash_buckets(uint32_t initial, uint32_t count);

/* The bucket of an element, ascending in the order of iteration. */
uint32_t java_hash_bucket(uint32_t hash, uint32_t buckets);

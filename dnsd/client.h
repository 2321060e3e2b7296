/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client: who holds how many streams, so that nobody holds them all.
 *
 * A client is an IPv4 address or an IPv6 /64: that much everybody gets, and may change at will
 * (RFC 6177). Found by a keyed hash, so that nobody can choose prefixes that meet in one bucket.
 * There are never more clients than streams; memory is taken once, and touched when it is used. */
#pragma once
#include "dnsd/siphash.h"
#include "zones/base/error.h"
#include <stdint.h>
#include <sys/queue.h>

struct stream;

struct client {
    LIST_ENTRY(client) in_bucket; /* or in the list of unused ones */
    uint64_t prefix;              /* the address of four bytes, or the first half of one of 16 */
    uint32_t length;              /* of the address; 0: unknown */
    uint32_t count;
    TAILQ_HEAD(, stream) streams; /* kept by stream.c: who has waited longest comes first */
};

LIST_HEAD(client_list, client);

struct clients {
    struct siphash_key key;
    struct client *memory;
    uint32_t capacity, used; /* used: those that ever were */
    struct client_list unused;
    struct client_list *buckets;
    uint32_t bucket_mask;
};

NODISCARD bool clients_init(struct clients *clients, uint32_t capacity, struct error *err);
void clients_fini(struct clients *clients);

/* NULL: holds none. The address has 4 or 16 bytes, or 0: unknown. */
struct client *clients_find(const struct clients *clients, const uint8_t *address, uint32_t length);

/* Counts one stream more, or one less; with the last one the client is forgotten. */
struct client *clients_enter(struct clients *clients, const uint8_t *address, uint32_t length);
void clients_leave(struct clients *clients, struct client *client);

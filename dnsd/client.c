/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    V4_BYTES = 4,
    PREFIX_BYTES = 8
};

bool clients_init(struct clients *clients, uint32_t capacity, struct error *err)
{
    uint32_t buckets = 1;
    while (buckets < capacity)
        buckets *= 2;
    *clients = (struct clients){
        .memory = calloc(capacity, sizeof *clients->memory),
        .buckets = calloc(buckets, sizeof *clients->buckets),
        .capacity = capacity,
        .bucket_mask = buckets - 1,
    };
    if (!clients->memory || !clients->buckets)
        return error_set(err, ERROR_SYSTEM, "no memory for %u TCP clients; free some", capacity);
    if (getrandom(&clients->key, sizeof clients->key, 0) != (ssize_t)sizeof clients->key)
        return error_system(err, "TCP", NULL, "no randomness");
    return true; /* zeroed list heads are empty lists */
}

void clients_fini(struct clients *clients)
{
    free(clients->memory);
    free(clients->buckets);
    clients->memory = NULL;
    clients->buckets = NULL;
}

static uint64_t prefix_of(const uint8_t *address, uint32_t length)
{
    uint64_t prefix = 0;
    if (length)
        memcpy(&prefix, address, length == V4_BYTES ? V4_BYTES : PREFIX_BYTES);
    return prefix;
}

static struct client_list *bucket_of(const struct clients *clients, uint64_t prefix)
{
    uint8_t bytes[PREFIX_BYTES];
    memcpy(bytes, &prefix, sizeof bytes);
    return &clients->buckets[siphash_24(&clients->key, bytes, sizeof bytes) & clients->bucket_mask];
}

struct client *clients_find(const struct clients *clients, const uint8_t *address, uint32_t length)
{
    uint64_t prefix = prefix_of(address, length);
    struct client *client;
    LIST_FOREACH(client, bucket_of(clients, prefix), in_bucket)
    {
        if (client->prefix == prefix && client->length == length)
            return client;
    }
    return NULL;
}

struct client *clients_enter(struct clients *clients, const uint8_t *address, uint32_t length)
{
    struct client *client = clients_find(clients, address, length);
    if (client) {
        client->count++;
        return client;
    }
    client = LIST_FIRST(&clients->unused);
    if (client)
        LIST_REMOVE(client, in_bucket);
    else if (clients->used < clients->capacity)
        client = &clients->memory[clients->used++];
    else
        abort(); /* more clients than streams cannot be */
    client->prefix = prefix_of(address, length);
    client->length = length;
    client->count = 1;
    TAILQ_INIT(&client->streams);
    LIST_INSERT_HEAD(bucket_of(clients, client->prefix), client, in_bucket);
    return client;
}

void clients_leave(struct clients *clients, struct client *client)
{
    if (--client->count)
        return;
    LIST_REMOVE(client, in_bucket);
    LIST_INSERT_HEAD(&clients->unused, client, in_bucket);
}

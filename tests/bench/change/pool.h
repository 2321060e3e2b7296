/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pool: many domains on one pool, whose answers tell of which generation they are.
 *
 * N domains (zones d000000.example., d000001.example. …) point at the same client and server set;
 * the zone pool.example. holds the targets. In generation G every record says G: the port of each
 * SRV record is G and its weight follows from G and the target, the addresses end with G, the
 * serial is G. So one look at an answer finds its generation, and a mix inside it. */
#pragma once
#include "zones/content.h"
#include "zones/image_write.h"

enum {
    POOL_HOSTS = 3,
    POOL_MAX_GENERATION = 65535, /* a port holds it */
    POOL_MAX_DOMAINS = 1000000,
    POOL_MIXED = -1,     /* records of two generations */
    POOL_NO_ANSWER = -2, /* not a whole answer to that query */
};

/* What is asked. All but the last about a domain. */
enum pool_question {
    POOL_CLIENTS,
    POOL_SERVERS,
    POOL_APEX,    /* SOA */
    POOL_NOBODY,  /* a name that does not exist: SOA in authority */
    POOL_ADDRESS, /* A of a target */
    POOL_QUESTIONS,
};

struct pool {
    struct arena arena;
    struct content_names names;
    struct image_buffer names_file;
    struct digest digest;
    uint32_t domains;
};

/* Makes the names; a mistake in them ends the program. */
void pool_init(struct pool *pool, uint32_t domains);
void pool_fini(struct pool *pool);

/* The answers of a generation. With `mix` one record of the server set says the one before. */
enum pool_fault {
    POOL_WHOLE,
    POOL_MIX
};
void pool_answers(const struct pool *pool, uint32_t generation, enum pool_fault fault,
                  struct image_buffer *answers);

enum {
    POOL_QUERY_BYTES = 64
};

/* Writes a query; returns its length. */
size_t pool_query(uint8_t query[static POOL_QUERY_BYTES], uint16_t id, enum pool_question question,
                  uint32_t domain);

/* The generation that an answer to such a query is of, or POOL_MIXED, POOL_NO_ANSWER. */
int pool_generation_of(const uint8_t *answer, size_t length, enum pool_question question);

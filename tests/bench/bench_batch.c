/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a query costs beside the kernel's part, in batches as udp.c makes them, when 1, 10,000 and
 * 100,000 domains point at one pool: with so many, most of it is waiting for memory.
 *
 *   bench_batch [DOMAINS...]   prints ns a query one by one and in batches, for plain queries and
 *                              for ones with a cookie
 *
 * Rate limits and statistics are on; a cookie spares the former. Queries are made outside the
 * clock, of random domains, 90 % of them for SRV. In a build without sanitizers. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "dnsd/query.h"
#include "dnsd/ratelimit_table.h"
#include "many_domains.h"
#include "zones/base/attributes.h"

enum {
    BATCH = QUERY_BATCH,
    BATCHES = 40000,
    RUNS = 5,
    ROOM = SETTINGS_EDNS_MAX_BYTES + 64,
    NOW_S = 1800000000,
};

static struct settings settings = {.edns_size = 1232,
                                   .limit = {.per_second = 100000000, .slip = 2}};
static const uint8_t source[4] = {192, 0, 2, 77};
static uint8_t buffer[BATCH][ROOM];
static struct query queries[BATCH];
static struct query_work works[BATCH];

static uint32_t below(uint64_t *seed, uint32_t limit) /* splitmix64 */
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return (uint32_t)((z ^ z >> 31) % limit);
}

/* A cookie of ours for `source`. */
static void take_cookie(uint8_t cookie[COOKIE_BYTES])
{
    uint8_t client[COOKIE_CLIENT_BYTES] = "clientco";
    struct question question = {.options = QUESTION_COOKIE, .cookie_length = 8};
    struct query query = {.bytes = client,
                          .source = source,
                          .source_length = sizeof source,
                          .now_ms = (int64_t)NOW_S * 1000};
    cookie_judge(&settings.secrets, &query, &question);
    memcpy(cookie, question.cookie, COOKIE_BYTES);
}

static void make_queries(uint64_t *seed, uint32_t domains, const uint8_t *cookie)
{
    for (unsigned i = 0; i < BATCH; i++) {
        static const uint8_t header[12] = {0xBE, 0xEF, 0, 0, 0, 1, [11] = 1};
        static const uint8_t opt[11] = {0, 0, 41, 4, 208};
        uint8_t *to = buffer[i];
        memcpy(to, header, sizeof header);
        to += sizeof header;
        bool is_srv = below(seed, 10) > 0;
        to += many_domains_name(below(seed, domains), is_srv, to);
        memcpy(to, (const uint8_t[]){0, is_srv ? 33 : 1, 0, 1}, 4);
        memcpy(to + 4, opt, sizeof opt);
        to += 4 + sizeof opt;
        if (cookie) {
            to[-1] = 4 + COOKIE_BYTES;
            memcpy(to, (const uint8_t[]){0, 10, 0, COOKIE_BYTES}, 4);
            memcpy(to + 4, cookie, COOKIE_BYTES);
            to += 4 + COOKIE_BYTES;
        }
        queries[i] = (struct query){.bytes = buffer[i],
                                    .length = (size_t)(to - buffer[i]),
                                    .source = source,
                                    .source_length = sizeof source,
                                    .transport = TRANSPORT_DATAGRAM,
                                    .now_ms = (int64_t)NOW_S * 1000};
    }
}

static size_t answer_one_by_one(struct query_state *state)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < BATCH; i++)
        bytes += query_answer(&queries[i], state);
    return bytes;
}

static size_t answer_in_passes(struct query_state *state)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < BATCH; i++)
        query_begin(&queries[i], state, &works[i]);
    for (unsigned i = 0; i < BATCH; i++)
        query_find(state, &works[i]);
    for (unsigned i = 0; i < BATCH; i++)
        query_fetch(state, &works[i]);
    for (unsigned i = 0; i < BATCH; i++)
        query_decide(&queries[i], state, &works[i]);
    for (unsigned i = 0; i < BATCH; i++)
        bytes += query_finish(&queries[i], state, &works[i]);
    return bytes;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The least of some runs, in ns a query; the mean length of an answer. */
static double measure(struct query_state *state, size_t (*answer)(struct query_state *),
                      uint32_t domains, const uint8_t *cookie, double *length)
{
    double least = 1e9;
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = run, ns = 0;
        size_t bytes = 0;
        for (unsigned i = 0; i < BATCHES; i++) {
            make_queries(&seed, domains, cookie);
            uint64_t start = now_ns();
            bytes += answer(state);
            ns += now_ns() - start;
        }
        *length = (double)bytes / BATCHES / BATCH;
        if ((double)ns / BATCHES / BATCH < least)
            least = (double)ns / BATCHES / BATCH;
    }
    return least;
}

static void measure_all(uint32_t domains, const uint8_t *cookie)
{
    struct many_domains many;
    struct error err = {0};
    if (!many_domains_build(&many, domains, &err)) {
        fprintf(stderr, "bench_batch: %s\n", err.message);
        exit(EXIT_FAILURE);
    }
    uint32_t *turns = calloc(many.image.answers_header->sets.count, sizeof *turns);
    struct query_state state = {
        .decide = {.image = &many.image, .turns = turns, .settings = &settings}};
    for (unsigned with_cookie = 0; with_cookie < 2; with_cookie++) {
        double length;
        const uint8_t *sent = with_cookie ? cookie : NULL;
        double single = measure(&state, answer_one_by_one, domains, sent, &length);
        double passes = measure(&state, answer_in_passes, domains, sent, &length);
        printf("%7u domains  %-7s  %4.0f ns one by one  %4.0f ns in batches of %d  (%.0f bytes)\n",
               domains, with_cookie ? "cookie" : "plain", single, passes, BATCH, length);
        fflush(stdout);
    }
    free(turns);
    many_domains_fini(&many);
}

int main(int argc, char **argv)
{
    static const uint32_t usual[] = {1, 10000, 100000};
    static const struct cookie_secret secret = {"0123456789abcde"};
    uint8_t cookie[COOKIE_BYTES];
    struct error err = {0};
    if (!ratelimit_open(&settings.limit, &err)) {
        fprintf(stderr, "bench_batch: %s\n", err.message);
        return EXIT_FAILURE;
    }
    cookie_secrets_store(&settings.secrets, &secret, 1);
    take_cookie(cookie);
    for (int i = 1; i < argc; i++)
        measure_all((uint32_t)strtoul(argv[i], NULL, 10), cookie);
    for (size_t i = 0; argc < 2 && i < COUNT_OF(usual); i++)
        measure_all(usual[i], cookie);
    return EXIT_SUCCESS;
}

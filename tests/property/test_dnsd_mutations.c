/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever bytes arrive: nothing is said to a response, no answer is longer than its limit, every
 * answer can be read, and it belongs to its query. SRVPLAN_SEED=0x… runs one seed again,
 * SRVPLAN_CASES sets how many packets. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "decode.h"
#include "dnsd/query.h"
#include "fixture.h"

enum {
    CASES = 300000,
    PACKET_BYTES = 700
};

static uint64_t next_random(uint64_t *seed) /* splitmix64 */
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

static unsigned below(uint64_t *seed, unsigned limit)
{
    return (unsigned)(next_random(seed) % limit);
}

struct packet {
    uint8_t bytes[PACKET_BYTES];
    size_t len;
};

static void put(struct packet *packet, const void *bytes, size_t len)
{
    if (len > sizeof packet->bytes - packet->len)
        len = sizeof packet->bytes - packet->len;
    memcpy(packet->bytes + packet->len, bytes, len);
    packet->len += len;
}

/* A name of the world, or one below or beside it. */
static void put_name(struct packet *packet, const struct fixture *fixture, uint64_t *seed)
{
    const struct content_name *names = fixture->names.names;
    const struct name name = names[below(seed, fixture->names.name_count)].owner;
    uint8_t wire[600];
    size_t len = 0;
    for (unsigned labels = below(seed, 6) ? 0 : below(seed, 130); labels; labels--) {
        wire[len++] = 1;
        wire[len++] = (uint8_t)next_random(seed);
    }
    memcpy(wire + len, name.wire, name.len);
    len += name.len;
    for (size_t i = 0; i < len; i++) /* 0x20 */
        if (wire[i] >= 'a' && wire[i] <= 'z' && below(seed, 2))
            wire[i] ^= 0x20;
    put(packet, wire, len);
}

static void put_opt(struct packet *packet, uint64_t *seed)
{
    uint8_t opt[11 + 64] = {0, 0, 41};
    opt[3] = (uint8_t)below(seed, 6);
    opt[4] = (uint8_t)next_random(seed);
    opt[7] = (uint8_t)next_random(seed);
    size_t len = 0;
    for (unsigned options = below(seed, 4); options; options--) {
        uint8_t data = (uint8_t)below(seed, 10);
        opt[11 + len + 1] = (uint8_t)next_random(seed);
        opt[11 + len + 3] = data;
        len += 4u + data;
    }
    opt[10] = (uint8_t)len;
    put(packet, opt, 11 + len);
}

static void make_query(struct packet *packet, const struct fixture *fixture, uint64_t *seed)
{
    static const uint8_t types[] = {1, 2, 6, 28, 33, 33, 33, 33, 43, 250, 252, 255, 16};
    const uint8_t header[12] = {
        (uint8_t)next_random(seed), (uint8_t)next_random(seed), below(seed, 2), 0, 0, 1};
    const uint8_t tail[4] = {0, types[below(seed, sizeof types)], 0, 1};
    packet->len = 0;
    put(packet, header, sizeof header);
    put_name(packet, fixture, seed);
    put(packet, tail, sizeof tail);
    if (below(seed, 2)) {
        packet->bytes[11] = 1;
        put_opt(packet, seed);
    }
}

static void mutate(struct packet *packet, uint64_t *seed)
{
    switch (below(seed, 10)) { /* above 5: left as it is */
    case 1:
        for (unsigned flips = 1 + below(seed, 4); flips && packet->len; flips--)
            packet->bytes[below(seed, (unsigned)packet->len)] ^= (uint8_t)(1 << below(seed, 8));
        return;
    case 2: /* the header is where most is decided */
        if (packet->len >= 12)
            packet->bytes[2 + below(seed, 10)] = (uint8_t)next_random(seed);
        return;
    case 3:
        packet->len = below(seed, (unsigned)packet->len + 1);
        return;
    case 4:
        for (unsigned more = 1 + below(seed, 20); more; more--)
            put(packet, &(uint8_t){(uint8_t)next_random(seed)}, 1);
        return;
    case 5:
        packet->len = below(seed, 300);
        for (size_t i = 0; i < packet->len; i++)
            packet->bytes[i] = (uint8_t)next_random(seed);
        return;
    }
}

/* NULL: all is well. */
static const char *check(const struct packet *packet, enum transport transport,
                         const uint8_t *answer, size_t len)
{
    bool is_query = packet->len >= 12 && !(packet->bytes[2] & 0x80);
    size_t limit = transport == TRANSPORT_STREAM ? 65535 : 1232;
    if (!is_query)
        return len ? "said something to what is no query" : NULL;
    if (len == 0)
        return "a query without an answer";
    if (len > limit)
        return "longer than any limit";
    struct decoded *decoded = decode(answer, len);
    const char *mistake = decoded->mistake;
    if (!mistake && !decoded->has_opt && transport == TRANSPORT_DATAGRAM && len > 512)
        mistake = "longer than 512 bytes without EDNS";
    if (!mistake && memcmp(answer, packet->bytes, 2) != 0)
        mistake = "another id";
    if (!mistake && !(decoded->flags & 0x8000))
        mistake = "not a response";
    if (!mistake && (decoded->flags ^ (packet->bytes[2] << 8)) & 0x7900)
        mistake = "another opcode or RD";
    if (!mistake && decoded->flags & 0x00F0)
        mistake = "RA, Z, AD or CD";
    if (!mistake && decoded->count[0] &&
        memcmp(answer + 12, packet->bytes + 12, decoded->question.len))
        mistake = "another question";
    if (!mistake && decoded->flags & 0x0200 && decoded->record_count)
        mistake = "TC with records";
    decoded_free(decoded);
    return mistake;
}

static int run_case(const struct fixture *fixture, struct query_state *state, uint64_t seed,
                    unsigned *answered)
{
    static uint8_t buffer[65536];
    struct packet packet = {.len = 0};
    uint64_t random = seed;
    make_query(&packet, fixture, &random);
    mutate(&packet, &random);
    enum transport transport = below(&random, 8) ? TRANSPORT_DATAGRAM : TRANSPORT_STREAM;
    memcpy(buffer, packet.bytes, packet.len);
    struct query query = {.bytes = buffer, .length = packet.len, .transport = transport};
    size_t len = query_answer(&query, state);
    *answered += len > 12;
    const char *mistake = check(&packet, transport, buffer, len);
    if (!mistake)
        return 0;
    fprintf(stderr, "%s; rerun: SRVPLAN_SEED=0x%" PRIx64 " meson test dnsd_mutations\n", mistake,
            seed);
    for (size_t i = 0; i < packet.len; i++)
        fprintf(stderr, "%02x%s", packet.bytes[i], i + 1 == packet.len ? "\n" : "");
    return 1;
}

int main(void)
{
    static struct fixture fixture;
    static uint32_t turns[FIXTURE_SETS];
    const char *seed_text = getenv("SRVPLAN_SEED"), *cases_text = getenv("SRVPLAN_CASES");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : (uint64_t)time(NULL) << 20;
    uint64_t cases = seed_text ? 1 : cases_text ? strtoull(cases_text, NULL, 0) : CASES;
    unsigned answered = 0;
    fixture_build(&fixture, 1, 100);
    struct query_state state = {.decide = {.image = &fixture.image, .turns = turns}};
    printf("seed 0x%" PRIx64 ", %" PRIu64 " packets\n", seed, cases);
    int failed = 0;
    for (uint64_t i = 0; i < cases && !failed; i++)
        failed = run_case(&fixture, &state, seed + i, &answered);
    if (!failed && cases > 1000 && answered < cases / 4) {
        fprintf(stderr, "only %u packets got more than a header: this tests nothing\n", answered);
        failed = 1;
    }
    fixture_fini(&fixture);
    return failed;
}

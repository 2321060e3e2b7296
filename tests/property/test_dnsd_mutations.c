/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever bytes arrive: nothing is said to a response, no answer is longer than its limit, every
 * answer can be read, and it belongs to its query. The buffer has not a byte more than the limit,
 * so that a sanitizer sees the rest. SRVPLAN_SEED=0x… runs one seed again, SRVPLAN_CASES sets how
 * many packets, SRVPLAN_LONG takes ten times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "decode.h"
#include "dnsd/query.h"
#include "fixture.h"

enum {
    CASES = 10000000,
    LONG_CASES = 10 * CASES,
    PACKET_BYTES = 1400,
    NOW_S = 1800000000,
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
    uint16_t edns_size; /* 0: none */
    bool is_mutated;
    uint8_t source[16];
    uint32_t source_len;
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

static void put_u16(struct packet *packet, unsigned value)
{
    put(packet, (const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_random(struct packet *packet, unsigned len, uint64_t *seed)
{
    while (len--)
        put(packet, &(uint8_t){(uint8_t)next_random(seed)}, 1);
}

/* A cookie of 8 bytes, of any length, forged, or one that we made for this source. */
static void put_cookie(struct packet *packet, const struct settings *settings, uint64_t *seed)
{
    put_u16(packet, 10);
    unsigned kind = below(seed, 4);
    unsigned len = kind == 0 ? 8 : kind == 1 ? below(seed, 44) : COOKIE_BYTES;
    put_u16(packet, len);
    size_t at = packet->len;
    put_random(packet, len, seed);
    if (kind < 2 || packet->len < at + len)
        return;
    memcpy(packet->bytes + at + 8, "\1\0\0\0", 4);
    if (kind == 2)
        return;
    struct question question = {
        .options = QUESTION_COOKIE, .cookie_at = (uint16_t)at, .cookie_length = 8};
    struct query query = {.bytes = packet->bytes,
                          .length = packet->len,
                          .source = packet->source,
                          .source_length = packet->source_len,
                          .now_ms = ((int64_t)NOW_S - below(seed, 4000)) * 1000};
    cookie_judge(&settings->secrets, &query, &question);
    memcpy(packet->bytes + at, question.cookie, COOKIE_BYTES);
}

static void put_opt(struct packet *packet, const struct settings *settings, uint64_t *seed)
{
    static const uint16_t sizes[] = {0, 1, 511, 512, 513, 800, 1231, 1232, 1233, 4096, 65535};
    packet->bytes[11]++;
    packet->edns_size = sizes[below(seed, sizeof sizes / sizeof sizes[0])];
    put(packet, "\0\0\51", 3);
    put_u16(packet, packet->edns_size);
    put(packet, (const uint8_t[]){0, below(seed, 20) ? 0 : (uint8_t)next_random(seed)}, 2);
    put_random(packet, 2, seed);
    size_t length_at = packet->len;
    put_u16(packet, 0);
    for (unsigned options = below(seed, 8); options; options--) {
        static const uint8_t codes[] = {3, 9, 11, 3, 9, 11, 15, 0};
        if (below(seed, 3) == 0) {
            put_cookie(packet, settings, seed);
            continue;
        }
        unsigned len = below(seed, 2) ? 0 : below(seed, 20);
        put_u16(packet, codes[below(seed, sizeof codes)]);
        put_u16(packet, len);
        put_random(packet, len, seed);
    }
    size_t len = packet->len - length_at - 2;
    packet->bytes[length_at] = (uint8_t)(len >> 8);
    packet->bytes[length_at + 1] = (uint8_t)len;
}

static void put_tsig(struct packet *packet, const struct fixture *fixture, uint64_t *seed)
{
    unsigned mac = below(seed, 40);
    packet->bytes[11]++;
    if (below(seed, 3) == 0)
        put(packet, "\3key\xc0\x0c", 6);
    else
        put_name(packet, fixture, seed);
    put(packet, "\0\372\0\377\0\0\0\0", 8);
    put_u16(packet, 13 + 10 + mac + 6);
    put(packet, "\13hmac-sha256\0", 13);
    put_random(packet, 8, seed);
    put_u16(packet, mac);
    put_random(packet, mac + 4, seed);
    put_u16(packet, 0);
}

static void put_question(struct packet *packet, const struct fixture *fixture, uint64_t *seed)
{
    static const uint8_t types[] = {1, 2, 6, 28, 33, 33, 33, 33, 43, 250, 251, 252, 255, 16};
    unsigned type = types[below(seed, sizeof types)];
    packet->bytes[5] = 1;
    if (below(seed, 16) == 0) {
        if (below(seed, 2))
            put(packet, "\2Id\6serVer\0\0\20\0\3", 15);
        else
            put(packet, "\7version\4bind\0\0\20\0\3", 18);
        return;
    }
    put_name(packet, fixture, seed);
    put_u16(packet, type);
    put_u16(packet, 1);
    if (type == 251 && below(seed, 2)) {
        packet->bytes[9] = 1;
        put(packet, "\xc0\x0c\0\6\0\1\0\0\0\0\0\26\0\0", 14);
        put_random(packet, 20, seed);
    }
}

static void make_query(struct packet *packet, const struct fixture *fixture,
                       const struct settings *settings, uint64_t *seed)
{
    const uint8_t header[12] = {(uint8_t)next_random(seed), (uint8_t)next_random(seed),
                                below(seed, 2)};
    packet->source_len = below(seed, 8) ? below(seed, 2) ? 16 : 4 : 0;
    for (unsigned i = 0; i < packet->source_len; i++)
        packet->source[i] = (uint8_t)next_random(seed);
    put(packet, header, sizeof header);
    if (below(seed, 16))
        put_question(packet, fixture, seed);
    if (below(seed, 2))
        put_opt(packet, settings, seed);
    if (below(seed, 8) == 0)
        put_tsig(packet, fixture, seed);
}

static void mutate(struct packet *packet, uint64_t *seed)
{
    unsigned how = below(seed, 10); /* above 5: left as it is */
    packet->is_mutated = how < 6;
    switch (how) {
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

/* What an answer may have, by another way than the responder's: exactly when we know what we sent,
 * else as much as the transport allows. */
static size_t limit_of(const struct packet *packet, enum transport transport,
                       const struct settings *settings)
{
    if (transport == TRANSPORT_STREAM)
        return 65535;
    if (packet->is_mutated)
        return settings->edns_size;
    size_t asked = packet->edns_size < 512 ? 512 : packet->edns_size;
    return asked < settings->edns_size ? asked : settings->edns_size;
}

static const char *check_header(const struct packet *packet, const struct decoded *decoded)
{
    if (!(decoded->flags & 0x8000))
        return "not a response";
    if ((decoded->flags ^ (packet->bytes[2] << 8)) & 0x7900)
        return "another opcode or RD";
    if (decoded->flags & 0x00F0)
        return "RA, Z, AD or CD";
    if (decoded->flags & 0x0200 && decoded->record_count)
        return "TC with records";
    return NULL;
}

/* NULL: all is well. */
static const char *check(const struct packet *packet, enum transport transport,
                         const uint8_t *answer, size_t len)
{
    bool is_query = packet->len >= 12 && !(packet->bytes[2] & 0x80);
    if (!is_query)
        return len ? "said something to what is no query" : NULL;
    if (len == 0)
        return "a query without an answer";
    struct decoded *decoded = decode(answer, len);
    const char *mistake = decoded->mistake;
    if (!mistake && !decoded->has_opt && transport == TRANSPORT_DATAGRAM && len > 512)
        mistake = "longer than 512 bytes without EDNS";
    if (!mistake && memcmp(answer, packet->bytes, 2) != 0)
        mistake = "another id";
    if (!mistake && decoded->count[0] &&
        memcmp(answer + 12, packet->bytes + 12, decoded->question.len))
        mistake = "another question";
    if (!mistake)
        mistake = check_header(packet, decoded);
    decoded_free(decoded);
    return mistake;
}

/* How often each state was met. */
static struct {
    unsigned answered, cookie[COOKIE_VALID + 1], tsig, bare;
} met;

static void count(const struct question *question, size_t len)
{
    met.answered += len > 12;
    if (len <= 12)
        return;
    met.cookie[question->cookie_state]++;
    met.tsig += question->tsig.at != 0;
    met.bare += question->is_bare;
}

static int run_case(const struct fixture *fixture, struct query_state *state,
                    struct settings *settings, uint64_t seed)
{
    static const uint16_t sizes[] = {512, 1232, 1232, 4096};
    struct packet packet = {.len = 0};
    uint64_t random = seed;
    settings->edns_size = sizes[below(&random, 4)];
    settings->nsid.length = (uint8_t)below(&random, SETTINGS_TEXT_BYTES + 1);
    settings->chaos_id.length = (uint8_t)below(&random, SETTINGS_TEXT_BYTES + 1);
    make_query(&packet, fixture, settings, &random);
    mutate(&packet, &random);
    enum transport transport = below(&random, 8) ? TRANSPORT_DATAGRAM : TRANSPORT_STREAM;
    size_t limit = limit_of(&packet, transport, settings);
    uint8_t *buffer = malloc(limit > packet.len ? limit : packet.len);
    memcpy(buffer, packet.bytes, packet.len);
    struct query query = {.bytes = buffer,
                          .length = packet.len,
                          .source = packet.source,
                          .source_length = packet.source_len,
                          .transport = transport,
                          .now_ms = (int64_t)NOW_S * 1000};
    size_t len = query_answer(&query, state);
    const char *mistake =
        len > limit ? "longer than its limit" : check(&packet, transport, buffer, len);
    free(buffer);
    count(&state->work.question, len);
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
    static struct fixture worlds[2];
    static uint32_t turns[FIXTURE_SETS];
    static struct settings settings;
    const struct cookie_secret secrets[] = {{"fedcba987654321"}, {"0123456789abcde"}};
    const char *seed_text = getenv("SRVPLAN_SEED"), *cases_text = getenv("SRVPLAN_CASES");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : (uint64_t)time(NULL) << 20;
    uint64_t cases = getenv("SRVPLAN_LONG") ? LONG_CASES : CASES;
    cases = seed_text ? 1 : cases_text ? strtoull(cases_text, NULL, 0) : cases;
    fixture_build(&worlds[0], 1, 100);
    fixture_build_aliases(&worlds[1]);
    cookie_secrets_store(&settings.secrets, secrets, 2);
    struct query_state state = {.decide = {.turns = turns, .settings = &settings}};
    int failed = 0;
    for (uint64_t i = 0; i < cases && !failed; i++) {
        const struct fixture *world = &worlds[(seed + i) % COUNT_OF(worlds)];
        state.decide.image = &world->image;
        failed = run_case(world, &state, &settings, seed + i);
    }
    printf("seed 0x%" PRIx64 ", %" PRIu64 " packets: %u answered, cookies: %u alone, %u bad, %u "
           "valid; %u TSIG, %u without a question\n",
           seed, cases, met.answered, met.cookie[COOKIE_CLIENT_ONLY], met.cookie[COOKIE_BAD],
           met.cookie[COOKIE_VALID], met.tsig, met.bare);
    if (!failed && cases > 10000 &&
        (met.answered < cases / 4 || met.cookie[COOKIE_VALID] < cases / 1000 ||
         met.cookie[COOKIE_BAD] < cases / 1000 || met.tsig < cases / 1000 ||
         met.bare < cases / 1000)) {
        fprintf(stderr, "some kind of query is hardly met: this tests nothing\n");
        failed = 1;
    }
    fixture_fini(&worlds[0]);
    fixture_fini(&worlds[1]);
    return failed;
}

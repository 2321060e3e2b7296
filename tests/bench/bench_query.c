/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the costliest queries cost: query_answer alone, no sockets, in a build without sanitizers.
 *
 *   bench_query            replays each packet of a list 10^6 times, prints ns a packet, and fails
 *                          when the average of the costliest is not below 2 µs
 *   bench_query --search   looks for costlier ones: climbs from random shapes, prints the best
 *
 * A shape is what costs: labels and their lengths, how deep the name hits, options, the kind of
 * cookie, TSIG. What the search finds becomes a row of the list. The world has a name of 123
 * labels, so that look-ups go as deep as they can. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "dnsd/query.h"
#include "fixture.h"
#include "zones/base/attributes.h"

enum {
    REPLAYS = 1000000,
    WARM_UP = 10000,
    SEARCH_REPLAYS = 3000,
    CLIMBS = 400,
    STEPS = 60,
    PACKET_BYTES = 4096,
    ROOM = 65536,
    NOW_S = 1800000000,
    BAR_NS = 2000,
};

enum cookie_kind {
    NO_COOKIE,
    CLIENT_COOKIE,
    FORGED_COOKIE,
    VALID_COOKIE,
    OLD_SECRET_COOKIE,
    COOKIE_KINDS,
};

/* Where the name ends. */
static const char *const tails[] = {
    ".",
    "example.org.",
    "_xmpp-client._tcp.example.org.",
    "_wide._tcp.example.org.",
    "_huge._tcp.example.org.",
    "1.2.3.4.5.6.7.8.9.10.11.12.example.org.",
    /* from here on in the other world of fixture.h */
    "c1.aliases.example.",
    "into.aliases.example.",
    "x.deep.er.wild.aliases.example.",
    "x.alias.aliases.example.",
    "x.cut.aliases.example.",
};

enum {
    FIRST_ALIAS_TAIL = 6
};

struct bench {
    struct query_state state;
    const struct image *plain, *aliases;
};

struct shape {
    const char *label;
    uint8_t tail, labels, label_bytes; /* labels in front of the tail */
    uint8_t options, option_bytes;     /* besides the cookie */
    uint8_t cookie;                    /* enum cookie_kind */
    uint8_t with_edns, with_tsig, tsig_labels, over_stream;
    uint16_t type;
};

static const struct shape known[] = {
    {.label = "SRV, plain", .tail = 2, .type = 33},
    {.label = "SRV, a cookie of ours",
     .tail = 2,
     .type = 33,
     .with_edns = 1,
     .cookie = VALID_COOKIE},
    {.label = "20 targets, most pointers", .tail = 3, .type = 33, .with_edns = 1},
    {.label = "1,000 targets by TCP", .tail = 4, .type = 33, .over_stream = 1},
    {.label = "16 aliases to SRV", .tail = 6, .type = 33, .with_edns = 1},
    {.label = "a wildcard alias, 16 more, SRV",
     .tail = 9,
     .labels = 110,
     .label_bytes = 1,
     .type = 33,
     .with_edns = 1},
    {.label = "a referral, 110 labels below",
     .tail = 10,
     .labels = 110,
     .label_bytes = 1,
     .type = 1,
     .with_edns = 1},
    {.label = "121 labels below a zone", .tail = 1, .labels = 121, .label_bytes = 1, .type = 33},
    {.label = "127 labels of nobody", .labels = 127, .label_bytes = 1, .type = 33},
    {.label = "labels of 63 below a zone", .tail = 1, .labels = 3, .label_bytes = 63, .type = 1},
    {.label = "a forged cookie, two secrets tried, a third hash",
     .tail = 3,
     .type = 33,
     .with_edns = 1,
     .cookie = FORGED_COOKIE},
    {.label = "32 options, a renewed cookie, 121 labels",
     .tail = 1,
     .labels = 121,
     .label_bytes = 1,
     .type = 33,
     .with_edns = 1,
     .options = 31,
     .cookie = OLD_SECRET_COOKIE},
    {.label = "the costliest that a search has found",
     .tail = 1,
     .labels = 121,
     .label_bytes = 1,
     .type = 65280,
     .with_edns = 1,
     .options = 31,
     .option_bytes = 56,
     .cookie = OLD_SECRET_COOKIE},
    {.label = "32 options, 121 labels, and TSIG with names of 127 labels",
     .tail = 1,
     .labels = 121,
     .label_bytes = 1,
     .type = 33,
     .with_edns = 1,
     .options = 31,
     .cookie = OLD_SECRET_COOKIE,
     .with_tsig = 1,
     .tsig_labels = 127},
};

static struct settings settings = {.edns_size = 1232, .nsid = {8, "somebody"}};
static const uint8_t source[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};

struct packet {
    uint8_t bytes[PACKET_BYTES];
    size_t len;
};

static void put(struct packet *packet, const void *bytes, size_t len)
{
    if (packet->len + len > sizeof packet->bytes)
        abort();
    memcpy(packet->bytes + packet->len, bytes, len);
    packet->len += len;
}

static void put_u16(struct packet *packet, unsigned value)
{
    put(packet, (const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_labels(struct packet *packet, unsigned labels, unsigned bytes)
{
    for (; labels; labels--) {
        put(packet, (const uint8_t[]){(uint8_t)bytes}, 1);
        for (unsigned i = 0; i < bytes; i++)
            put(packet, "Z", 1);
    }
}

static void put_name(struct packet *packet, const char *text)
{
    while (*text && strcmp(text, ".") != 0) {
        size_t len = strcspn(text, ".");
        put(packet, (const uint8_t[]){(uint8_t)len}, 1);
        put(packet, text, len);
        text += len + 1;
    }
    put(packet, "", 1);
}

static void put_cookie(struct packet *packet, enum cookie_kind kind)
{
    static const struct cookie_secret secrets[] = {{"fedcba987654321"}, {"0123456789abcde"}};
    static const uint8_t forged[COOKIE_BYTES] = {1, 2, 3, 4, 5,    6,    7,    8,
                                                 1, 0, 0, 0, 0x6b, 0x49, 0xd1, 0xff};
    struct question question = {.options = QUESTION_COOKIE, .cookie_length = 8};
    cookie_secrets_store(&settings.secrets, kind == OLD_SECRET_COOKIE ? secrets + 1 : secrets, 1);
    put_u16(packet, 10);
    put_u16(packet, kind == CLIENT_COOKIE ? 8 : COOKIE_BYTES);
    question.cookie_at = (uint16_t)packet->len;
    put(packet, forged, kind == CLIENT_COOKIE ? 8 : COOKIE_BYTES);
    if (kind == VALID_COOKIE || kind == OLD_SECRET_COOKIE) {
        struct query query = {.bytes = packet->bytes,
                              .source = source,
                              .source_length = sizeof source,
                              .now_ms = (int64_t)NOW_S * 1000};
        cookie_judge(&settings.secrets, &query, &question);
        memcpy(packet->bytes + question.cookie_at, question.cookie, COOKIE_BYTES);
    }
    cookie_secrets_store(&settings.secrets, secrets, 2);
}

static void put_opt(struct packet *packet, const struct shape *shape)
{
    static const uint8_t codes[] = {3, 9, 11, 77};
    packet->bytes[11]++;
    put(packet, "\0\0\51\4\xd0\0\0\0\0", 9);
    size_t at = packet->len;
    put_u16(packet, 0);
    for (unsigned i = 0; i < shape->options; i++) {
        put_u16(packet, codes[i % COUNT_OF(codes)]);
        put_u16(packet, shape->option_bytes);
        for (unsigned j = 0; j < shape->option_bytes; j++)
            put(packet, "", 1);
    }
    if (shape->cookie != NO_COOKIE)
        put_cookie(packet, (enum cookie_kind)shape->cookie);
    size_t len = packet->len - at - 2;
    packet->bytes[at] = (uint8_t)(len >> 8);
    packet->bytes[at + 1] = (uint8_t)len;
}

static void put_tsig(struct packet *packet, unsigned labels)
{
    packet->bytes[11]++;
    put_labels(packet, labels, 1);
    put(packet, "\0\0\372\0\377\0\0\0\0", 9);
    put_u16(packet, 2 * labels + 1 + 16);
    put_labels(packet, labels, 1);
    put(packet, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17);
}

/* False: no such name exists. */
static bool make_packet(const struct shape *shape, struct packet *packet)
{
    static const uint8_t header[12] = {0xBE, 0xEF, 0, 0, 0, 1};
    packet->len = 0;
    if (shape->labels * (shape->label_bytes + 1u) > 254)
        return false;
    put(packet, header, sizeof header);
    put_labels(packet, shape->labels, shape->label_bytes);
    put_name(packet, tails[shape->tail]);
    if (packet->len - sizeof header > 255)
        return false;
    put_u16(packet, shape->type);
    put_u16(packet, 1);
    if (shape->with_edns)
        put_opt(packet, shape);
    if (shape->with_tsig)
        put_tsig(packet, shape->tsig_labels);
    return true;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ns a packet, the copy into the buffer included. */
static double replay(struct bench *bench, const struct shape *shape, const struct packet *packet,
                     unsigned times)
{
    static uint8_t buffer[ROOM];
    struct query query = {.bytes = buffer,
                          .length = packet->len,
                          .source = source,
                          .source_length = sizeof source,
                          .transport = shape->over_stream ? TRANSPORT_STREAM : TRANSPORT_DATAGRAM,
                          .now_ms = (int64_t)NOW_S * 1000};
    bench->state.decide.image = shape->tail < FIRST_ALIAS_TAIL ? bench->plain : bench->aliases;
    uint64_t start = now_ns();
    for (unsigned i = 0; i < times; i++) {
        memcpy(buffer, packet->bytes, packet->len);
        if (query_answer(&query, &bench->state) == 0)
            abort();
    }
    return (double)(now_ns() - start) / times;
}

static int replay_known(struct bench *bench)
{
    int slow = 0;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        struct packet packet;
        if (!make_packet(&known[i], &packet))
            abort();
        (void)replay(bench, &known[i], &packet, WARM_UP);
        double ns = replay(bench, &known[i], &packet, REPLAYS);
        /* The 65 KiB of a long answer are the client's wish, by TCP alone, and cost their copy. */
        bool counts = !known[i].over_stream;
        bool is_slow = counts && ns >= BAR_NS;
        printf("%8.0f ns  %4zu bytes  %s%s\n", ns, packet.len, known[i].label,
               is_slow ? "  TOO SLOW" : "");
        slow += is_slow;
    }
    printf("%s: every datagram below %d ns\n", slow ? "NO" : "yes", BAR_NS);
    return slow ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* -- search -------------------------------------------------------------------------------------
 */

static unsigned below(uint64_t *seed, unsigned limit) /* splitmix64 */
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return (unsigned)((z ^ z >> 31) % limit);
}

static void change(struct shape *shape, uint64_t *seed)
{
    static const uint16_t types[] = {33, 1, 255, 43, 6, 251, 65280};
    switch (below(seed, 11)) {
    case 0:
        shape->tail = (uint8_t)below(seed, COUNT_OF(tails));
        return;
    case 1:
        shape->labels = (uint8_t)below(seed, 128);
        return;
    case 2:
        shape->label_bytes = (uint8_t)(1 + (below(seed, 2) ? 0 : below(seed, 63)));
        return;
    case 3:
        shape->options = (uint8_t)below(seed, 34);
        return;
    case 4:
        shape->option_bytes = (uint8_t)(below(seed, 2) ? 0 : below(seed, 60));
        return;
    case 5:
        shape->cookie = (uint8_t)below(seed, COOKIE_KINDS);
        return;
    case 6:
        shape->with_edns = (uint8_t)below(seed, 2);
        return;
    case 7:
        shape->with_tsig = (uint8_t)below(seed, 2);
        return;
    case 8:
        shape->tsig_labels = (uint8_t)below(seed, 128);
        return;
    default:
        shape->type = types[below(seed, COUNT_OF(types))];
        return;
    }
}

static void print_shape(double ns, const struct shape *shape)
{
    printf("%8.0f ns  {.tail = %u, .labels = %u, .label_bytes = %u, .type = %u, .with_edns = %u, "
           ".options = %u, .option_bytes = %u, .cookie = %u, .with_tsig = %u, .tsig_labels = %u}\n",
           ns, shape->tail, shape->labels, shape->label_bytes, shape->type, shape->with_edns,
           shape->options, shape->option_bytes, shape->cookie, shape->with_tsig,
           shape->tsig_labels);
}

static int search(struct bench *bench)
{
    uint64_t seed = (uint64_t)time(NULL);
    double worst = 0;
    printf("seed 0x%" PRIx64 "\n", seed);
    for (unsigned climb = 0; climb < CLIMBS; climb++) {
        struct shape best = known[below(&seed, COUNT_OF(known))];
        struct packet packet;
        best.over_stream = 0;
        double best_ns = 0;
        for (unsigned i = 0; i < STEPS; i++) {
            struct shape next = best;
            for (unsigned changes = below(&seed, 3); changes; changes--)
                change(&next, &seed);
            if (!make_packet(&next, &packet))
                continue;
            double ns = replay(bench, &next, &packet, SEARCH_REPLAYS);
            if (ns > best_ns) {
                best = next;
                best_ns = ns;
            }
        }
        /* Again, and longer: what was slow once may have been the machine. */
        if (best_ns <= worst || !make_packet(&best, &packet))
            continue;
        best_ns = replay(bench, &best, &packet, 30 * SEARCH_REPLAYS);
        if (best_ns > worst) {
            worst = best_ns;
            print_shape(worst, &best);
            fflush(stdout);
        }
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct fixture plain, aliases;
    static uint32_t turns[FIXTURE_SETS];
    fixture_build(&plain, 1, 100);
    fixture_build_aliases(&aliases);
    struct bench bench = {.state.decide = {.turns = turns, .settings = &settings},
                          .plain = &plain.image,
                          .aliases = &aliases.image};
    int result =
        argc > 1 && strcmp(argv[1], "--search") == 0 ? search(&bench) : replay_known(&bench);
    fixture_fini(&plain);
    fixture_fini(&aliases);
    return result;
}

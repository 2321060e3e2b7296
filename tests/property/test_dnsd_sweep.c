/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every type × names at the ends of the name space × every opcode × EDNS versions 0, 1 and 255,
 * each answered as the table here says; nothing of it comes from the responder's own sources.
 * 15.7 million queries, in seconds also under a sanitizer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "decode.h"
#include "dnsd/query.h"
#include "fixture.h"
#include "zones/base/attributes.h"

enum {
    TYPES = 65536,
    OPCODES = 16,
    QUERY_BYTES = 12 + 255 + 4 + 11,
    OPT_BYTES = 11,
    ERROR_BYTES = 6,
    LEAST_NEGATIVE_BYTES = 12 + 12 + 22, /* an SOA record, owner and names compressed */
    DECODED_EVERY = 997,
    NOERROR = 0,
    FORMERR = 1,
    NXDOMAIN = 3,
    NOTIMP = 4,
    REFUSED = 5,
    NOT_AUTHORITATIVE = 20,
    PROHIBITED = 18,
};

/* What stands at a name of the fixture. */
enum place {
    PLACE_FOREIGN, /* not in our zones */
    PLACE_MISSING, /* in a zone of ours, but nowhere */
    PLACE_SRV,     /* three SRV records with six addresses, and nothing else */
};

static struct place_row {
    const char *label;
    enum place place;
    uint8_t wire[255];
    size_t len;
} places[] = {
    {.label = "the root", .place = PLACE_FOREIGN},
    {.label = "one label", .place = PLACE_FOREIGN},
    {.label = "127 labels", .place = PLACE_FOREIGN},
    {.label = "255 octets", .place = PLACE_SRV},
    {.label = "123 labels below a zone", .place = PLACE_MISSING},
};

static void add_label(struct place_row *row, const char *label, size_t len)
{
    row->wire[row->len++] = (uint8_t)len;
    memcpy(row->wire + row->len, label, len);
    row->len += len;
}

static void add_name(struct place_row *row, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, ".");
        add_label(row, text, len);
        text += len + 1;
    }
    row->wire[row->len++] = 0;
}

static void make_places(void)
{
    add_name(&places[0], "");
    add_name(&places[1], "org.");
    for (unsigned i = 0; i < 127; i++)
        add_label(&places[2], "a", 1);
    add_name(&places[2], "");
    add_name(&places[3], fixture_longest_name());
    for (unsigned i = 0; i < 121; i++)
        add_label(&places[4], "A", 1);
    add_name(&places[4], "example.org.");
}

static const uint8_t versions[] = {0, 1, 255};

struct one {
    const struct place_row *row;
    uint16_t type;
    uint8_t opcode, version;
};

static struct one nth(uint64_t n)
{
    struct one one = {.type = (uint16_t)(n % TYPES)};
    n /= TYPES;
    one.row = &places[n % COUNT_OF(places)];
    n /= COUNT_OF(places);
    one.version = versions[n % COUNT_OF(versions)];
    one.opcode = (uint8_t)(n / COUNT_OF(versions));
    return one;
}

static const uint64_t combinations =
    (uint64_t)TYPES * COUNT_OF(places) * COUNT_OF(versions) * OPCODES;

static size_t make_query(const struct one *one, uint8_t *to)
{
    const uint8_t header[12] = {0xBE, 0xEF, (uint8_t)(one->opcode << 3 | 1), 0, 0, 1, [11] = 1};
    const uint8_t opt[OPT_BYTES] = {0, 0, 41, 4, 0xD0, 0, one->version, 0x80};
    const uint8_t tail[4] = {(uint8_t)(one->type >> 8), (uint8_t)one->type, 0, 1};
    size_t at = sizeof header;
    memcpy(to, header, sizeof header);
    memcpy(to + at, one->row->wire, one->row->len);
    at += one->row->len;
    memcpy(to + at, tail, sizeof tail);
    memcpy(to + at + sizeof tail, opt, sizeof opt);
    return at + sizeof tail + sizeof opt;
}

/* The table. */
struct expected {
    uint8_t rcode, extended; /* in the header, in OPT */
    uint8_t is_authoritative, error;
    uint8_t ancount, nscount, least_arcount;
    bool is_header_only;
};

static struct expected expect(const struct one *one)
{
    const bool is_meta = one->type == 41 || one->type == 249 || one->type == 250;
    const bool is_transfer = one->type == 251 || one->type == 252;
    const bool is_srv = one->type == 33 || one->type == 255;
    if (one->opcode != 0)
        return (struct expected){.rcode = NOTIMP, .is_header_only = true};
    if (is_meta)
        return (struct expected){.rcode = FORMERR, .is_header_only = true};
    if (one->version != 0)
        return (struct expected){.rcode = 0, .extended = 1};
    if (is_transfer)
        return (struct expected){.rcode = REFUSED, .error = PROHIBITED};
    switch (one->row->place) {
    case PLACE_FOREIGN:
        return (struct expected){.rcode = REFUSED, .error = NOT_AUTHORITATIVE};
    case PLACE_MISSING:
        return (struct expected){.rcode = NXDOMAIN, .is_authoritative = 4, .nscount = 1};
    case PLACE_SRV:
        return is_srv ? (struct expected){.is_authoritative = 4, .ancount = 3, .least_arcount = 6}
                      : (struct expected){.is_authoritative = 4, .nscount = 1};
    }
    abort();
}

/* NULL: all is well. */
static const char *check_opt(const struct expected *expected, const uint8_t *answer, size_t len)
{
    size_t opt = OPT_BYTES + (expected->error ? ERROR_BYTES : 0);
    const uint8_t *at = answer + len - opt;
    const uint8_t head[9] = {0, 0, 41, 0x04, 0xD0, expected->extended, 0, 0x80, 0};
    if (len < 12 + opt || memcmp(at, head, sizeof head) != 0)
        return "OPT";
    if (at[9] != 0 || at[10] != opt - OPT_BYTES)
        return "the length of OPT";
    const uint8_t option[ERROR_BYTES] = {0, 15, 0, 2, 0, expected->error};
    if (expected->error && memcmp(at + OPT_BYTES, option, sizeof option) != 0)
        return "the extended error";
    return NULL;
}

static const char *check(const struct one *one, const uint8_t *query, const uint8_t *answer,
                         size_t len)
{
    struct expected expected = expect(one);
    const uint8_t flags[2] = {(uint8_t)(0x81 | one->opcode << 3 | expected.is_authoritative),
                              expected.rcode};
    if (len < 12 || memcmp(answer, query, 2) != 0)
        return "no answer";
    if (memcmp(answer + 2, flags, 2) != 0)
        return "the flags or the rcode";
    if (expected.is_header_only) {
        const uint8_t none[8] = {0};
        return len != 12 || memcmp(answer + 4, none, sizeof none) != 0 ? "more than a header"
                                                                       : NULL;
    }
    size_t question = one->row->len + 4;
    const uint8_t counts[7] = {0, 1, 0, expected.ancount, 0, expected.nscount, 0};
    if (memcmp(answer + 4, counts, sizeof counts) != 0 || answer[11] != expected.least_arcount + 1)
        return "the counts";
    if (memcmp(answer + 12, query + 12, question) != 0)
        return "the question";
    if (len > 1232)
        return "the length";
    if (!expected.ancount && !expected.nscount &&
        len != 12 + question + OPT_BYTES + (expected.error ? ERROR_BYTES : 0))
        return "bytes without a meaning";
    if (expected.nscount && len < 12 + question + LEAST_NEGATIVE_BYTES + OPT_BYTES)
        return "a SOA";
    return check_opt(&expected, answer, len);
}

static int run_one(uint64_t n, struct query_state *state)
{
    static uint8_t query[QUERY_BYTES], answer[4096];
    struct one one = nth(n);
    size_t len = make_query(&one, query);
    memcpy(answer, query, len);
    struct query asked = {.bytes = answer, .length = len, .transport = TRANSPORT_DATAGRAM};
    len = query_answer(&asked, state);
    const char *mistake = check(&one, query, answer, len);
    if (!mistake && n % DECODED_EVERY == 0) {
        struct decoded *decoded = decode(answer, len);
        mistake = decoded->mistake;
        decoded_free(decoded);
    }
    if (!mistake)
        return 0;
    fprintf(stderr, "%s, type %u, opcode %u, EDNS version %u: not as expected: %s\n",
            one.row->label, one.type, one.opcode, one.version, mistake);
    return 1;
}

int main(void)
{
    static struct fixture fixture;
    static uint32_t turns[FIXTURE_SETS];
    struct timespec start, end;
    uint64_t done = 0;
    int failed = 0;
    fixture_build(&fixture, 1, 100);
    make_places();
    struct query_state state = {.decide = {.image = &fixture.image, .turns = turns}};
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (; done < combinations && failed < 20; done++)
        failed += run_one(done, &state);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%" PRIu64 " of %" PRIu64 " queries in %.1f s, all answered as the table says: %s\n",
           done, combinations, seconds, failed ? "no" : "yes");
    fixture_fini(&fixture);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many bytes leave for each that arrives: the worst query of each kind, alone, and in a flood
 * of a second with the usual limit. Prints the factors, and holds each against its row. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dnsd/query.h"
#include "dnsd/ratelimit_table.h"
#include "fixture.h"
#include "zones/handover.h"
#include "zones/rrtype.h"

enum {
    FLOOD_MS = 1000,
    FLOOD_A_MS = 20, /* 100 times the limit */
    EVERY = RRTYPE_ANY,
};
#define NOW INT64_C(1800000000000)

static struct fixture fixture;
static uint32_t turns[FIXTURE_SETS];
static struct query_state state;
static struct settings settings;
static uint8_t buffer[65536];

static void set_up(void)
{
    const struct cookie_secret secret = {"0123456789abcde"};
    fixture_build(&fixture, 7, 100);
    settings = settings_default;
    memset(settings.nsid.bytes, 'n', sizeof settings.nsid.bytes);
    settings.nsid.length = SETTINGS_TEXT_BYTES; /* what the operator may do at worst */
    settings.chaos_id = settings.nsid;
    cookie_secrets_store(&settings.secrets, &secret, 1);
    state = (struct query_state){
        .decide = {.image = &fixture.image, .turns = turns, .settings = &settings}};
}

static void tear_down(void)
{
    fixture_fini(&fixture);
}

/* -- queries ------------------------------------------------------------------------------------
 */

#define NSID "\0\3\0\0"
#define EXPIRE "\0\11\0\0"
#define CLIENT_COOKIE "\0\12\0\10clientco"

static const struct kind {
    const char *label, *name; /* NULL: no question */
    uint16_t type, class;
    const char *options; /* NULL: no EDNS */
    size_t options_length;
    uint16_t edns_size;
    double bound, flooded_bound; /* of the factor: alone; in a flood, with slip 2 */
} kinds[] = {
    {"A, no EDNS", "host0.example.org.", RRTYPE_A, 1, NULL, 0, 0, 1.6, 0.6},
    {"SRV, no EDNS", "_xmpp-client._tcp.example.org.", RRTYPE_SRV, 1, NULL, 0, 0, 6.5, 0.6},
    {"SRV of 20 targets, 1232", "_wide._tcp.example.org.", RRTYPE_SRV, 1, "", 0, 1232, 24.5, 0.8},
    {"SRV of 20 targets, 4096", "_wide._tcp.example.org.", RRTYPE_SRV, 1, "", 0, 4096, 24.5, 0.8},
    {"SRV of 1,000 targets (TC)", "_huge._tcp.example.org.", RRTYPE_SRV, 1, "", 0, 4096, 1, 0.6},
    {"ANY", "example.org.", EVERY, 1, "", 0, 4096, 5, 0.6},
    {"NS with addresses", "example.org.", RRTYPE_NS, 1, "", 0, 4096, 5, 0.6},
    {"SOA with NSID and EXPIRE", "example.org.", RRTYPE_SOA, 1, NSID EXPIRE, 8, 4096, 6, 0.6},
    {"NXDOMAIN", "x.example.org.", RRTYPE_A, 1, "", 0, 4096, 3, 0.6},
    {"NODATA", "example.org.", RRTYPE_TXT, 1, "", 0, 4096, 3, 0.6},
    {"REFUSED with NSID", ".", RRTYPE_NS, 1, NSID, 4, 4096, 6, 0.6},
    {"a transfer, refused", "example.org.", RRTYPE_AXFR, 1, "", 0, 4096, 1.2, 0.6},
    {"a cookie alone", NULL, 0, 0, CLIENT_COOKIE, 12, 4096, 1.5, 0.8},
    {"a cookie alone, with NSID", NULL, 0, 0, CLIENT_COOKIE NSID, 16, 4096, 5, 0.8},
    {"class CH", "id.server.", RRTYPE_TXT, 3, NSID, 4, 4096, 8, 0.7},
    {"two questions (FORMERR)", "a.b.c.", 0, 0, NULL, 0, 0, 1, 0.6},
};

static size_t put_query(const struct kind *kind)
{
    memset(buffer, 0, 12);
    size_t at = 12;
    if (kind->name) {
        buffer[5] = kind->type ? 1 : 2;
        at += fixture_put_name(buffer + at, kind->name);
        buffer[at] = (uint8_t)(kind->type >> 8);
        buffer[at + 1] = (uint8_t)kind->type;
        buffer[at + 2] = 0;
        buffer[at + 3] = (uint8_t)kind->class;
        at += 4;
    }
    if (!kind->options)
        return at;
    buffer[11] = 1;
    memcpy(buffer + at, "\0\0\51\0\0\0\0\0\0\0", 10);
    buffer[at + 3] = (uint8_t)(kind->edns_size >> 8);
    buffer[at + 4] = (uint8_t)kind->edns_size;
    buffer[at + 10] = (uint8_t)kind->options_length;
    memcpy(buffer + at + 11, kind->options, kind->options_length);
    return at + 11 + kind->options_length;
}

static size_t ask(const struct kind *kind, int64_t now_ms, size_t *in)
{
    static const uint8_t source[4] = {192, 0, 2, 1};
    struct query query = {.bytes = buffer,
                          .length = put_query(kind),
                          .source = source,
                          .source_length = sizeof source,
                          .now_ms = now_ms};
    *in = query.length;
    return query_answer(&query, &state);
}

/* Bytes out for bytes in over a second of one query, many times the limit. */
static double flood(const struct kind *kind, uint32_t slip)
{
    struct error err = {0};
    uint64_t in = 0, out = 0;
    settings.limit = (struct ratelimit){.per_second = HANDOVER_RATE_LIMIT, .slip = slip};
    ck_assert(ratelimit_open(&settings.limit, &err));
    for (int64_t ms = 0; ms < FLOOD_MS; ms++)
        for (int i = 0; i < FLOOD_A_MS; i++) {
            size_t length;
            out += ask(kind, NOW + ms, &length);
            in += length;
        }
    ratelimit_close(&settings.limit);
    return (double)out / (double)in;
}

START_TEST(factors_are_within_their_rows)
{
    printf("%-28s %5s %6s  %7s  in a flood of 100 x the limit: slip 2, 1, 0\n", "", "in", "out",
           "factor");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct kind *kind = &kinds[i];
        size_t in;
        settings.limit = (struct ratelimit){0};
        size_t out = ask(kind, NOW, &in);
        double alone = (double)out / (double)in;
        double usual = flood(kind, 2), all = flood(kind, 1), none = flood(kind, 0);
        printf("%-28s %5zu %6zu  %7.2f  %5.2f %5.2f %5.2f\n", kind->label, in, out, alone, usual,
               all, none);
        ck_assert_msg(alone > 0 && alone <= kind->bound, "%s: %.2f", kind->label, alone);
        ck_assert_msg(usual <= kind->flooded_bound, "%s: %.2f", kind->label, usual);
        /* A limit of 200 in a flood of 20,000, and an empty answer to the rest: no longer than the
         * query but for the cookie that the client is missing. */
        double cookie = 1.0 + (kind->options_length >= 12 ? 16.0 / (double)in : 0);
        ck_assert_msg(all <= cookie + 0.013 * alone, "%s: %.2f", kind->label, all);
        ck_assert_msg(none <= 0.013 * alone, "%s: %.2f", kind->label, none);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnsd/amplification");
    TCase *tests = tcase_create("amplification");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, factors_are_within_their_rows);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

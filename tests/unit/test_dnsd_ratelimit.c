/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Response rate limiting: the words, and what query_answer makes of them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "dnsd/query.h"
#include "dnsd/ratelimit_table.h"
#include "fixture.h"
#include "zones/rrtype.h"

enum {
    PER_SECOND = 100,
    BURST = PER_SECOND * RATELIMIT_BURST_MS / 1000,
};
#define NOW INT64_C(1800000000000)

static struct fixture fixture;
static uint32_t turns[FIXTURE_SETS];
static struct query_state state;
static struct settings settings;
static struct statistics_row row;
static uint8_t buffer[65536];
static int64_t now_ms;

static void build(void)
{
    fixture_build(&fixture, 7, 100);
}

static void set_rate(uint32_t per_second)
{
    struct error err = {0};
    ratelimit_close(&settings.limit);
    settings.limit.per_second = per_second;
    ck_assert(ratelimit_open(&settings.limit, &err));
}

static void set_up(void)
{
    const struct cookie_secret secret = {"0123456789abcde"};
    settings = settings_default;
    cookie_secrets_store(&settings.secrets, &secret, 1);
    set_rate(PER_SECOND);
    row = (struct statistics_row){0};
    now_ms = NOW;
    memset(turns, 0, sizeof turns);
    state = (struct query_state){
        .decide = {.image = &fixture.image, .turns = turns, .settings = &settings},
        .statistics = &row};
}

static void tear_down(void)
{
    ratelimit_close(&settings.limit);
}

static void unbuild(void)
{
    fixture_fini(&fixture);
}

/* -- asking -------------------------------------------------------------------------------------
 */

struct asked {
    const char *name;
    uint16_t type;
    uint8_t source[16];
    uint32_t source_length; /* 0: 4 */
    const char *option;     /* of EDNS, with its head; NULL: no EDNS */
    size_t option_length;
    enum transport transport;
};

static size_t put_query(const struct asked *asked)
{
    memcpy(buffer, "\xBE\xEF\0\0\0\1\0\0\0\0\0\0", 12);
    size_t at = 12 + fixture_put_name(buffer + 12, asked->name);
    buffer[at++] = (uint8_t)(asked->type >> 8);
    buffer[at++] = (uint8_t)asked->type;
    buffer[at++] = 0;
    buffer[at++] = RRCLASS_IN;
    if (!asked->option)
        return at;
    buffer[11] = 1;
    memcpy(buffer + at, "\0\0\51\4\320\0\0\0\0\0", 10);
    buffer[at + 10] = (uint8_t)asked->option_length;
    memcpy(buffer + at + 11, asked->option, asked->option_length);
    return at + 11 + asked->option_length;
}

static size_t ask(const struct asked *asked)
{
    struct query query = {.bytes = buffer,
                          .length = put_query(asked),
                          .source = asked->source,
                          .source_length = asked->source_length ? asked->source_length : 4,
                          .transport = asked->transport,
                          .now_ms = now_ms};
    return query_answer(&query, &state);
}

static bool is_truncated(void)
{
    return buffer[2] & 2;
}

/* Asks so often; returns how many answers came that are not slips. */
static unsigned ask_times(const struct asked *asked, unsigned times)
{
    unsigned answers = 0;
    for (unsigned i = 0; i < times; i++) {
        uint64_t slipped = row.counter[STATISTIC_SLIPPED];
        answers += ask(asked) > 0 && row.counter[STATISTIC_SLIPPED] == slipped;
    }
    return answers;
}

#define SRV_NAME "_xmpp-client._tcp.example.org."
static const struct asked srv = {.name = SRV_NAME, .type = RRTYPE_SRV, .source = {192, 0, 2, 1}};

/* -- the words ----------------------------------------------------------------------------------
 */

static const uint32_t rates[] = {1, 2, 5, 10, 37, 200, 1000, 99999, 1000000};

START_TEST(the_limit_holds_at_any_rate)
{
    struct ratelimit limit = {.per_second = rates[_i]};
    struct error err = {0};
    ck_assert(ratelimit_open(&limit, &err));
    uint64_t passed = 0, seconds = rates[_i] < 1000 ? 100 : 1;
    uint64_t asks_a_ms = rates[_i] / 500 + 1; /* at least twice the limit */
    for (int64_t at = 0; at < (int64_t)seconds * 1000; at++)
        for (uint64_t i = 0; i < asks_a_ms; i++)
            passed += ratelimit_take(&limit, 0x123456789abcdef0, NOW + at);
    uint64_t expected = rates[_i] * seconds;
    uint64_t burst = rates[_i] / 4 > 2 ? rates[_i] / 4 : 2;
    ck_assert_msg(passed >= expected * 99 / 100 && passed <= expected * 105 / 100 + burst,
                  "%u a second: %llu in %llu s", rates[_i], (unsigned long long)passed,
                  (unsigned long long)seconds);
    ratelimit_close(&limit);
}
END_TEST

START_TEST(the_largest_limit_limits_nobody)
{
    struct ratelimit limit = {.per_second = UINT32_MAX};
    struct error err = {0};
    ck_assert(ratelimit_open(&limit, &err));
    unsigned passed = 0;
    for (int i = 0; i < 1000000; i++) /* in one millisecond */
        passed += ratelimit_take(&limit, 99, NOW);
    ck_assert_uint_eq(passed, 1000000);
    ratelimit_close(&limit);
}
END_TEST

START_TEST(a_burst_is_a_quarter_of_a_second_or_two)
{
    static const struct {
        uint32_t per_second, burst;
    } cases[] = {{1, 1}, {2, 2}, {3, 2}, {8, 2}, {12, 3}, {100, 25}, {1000, 250}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        set_rate(cases[i].per_second);
        ck_assert_uint_eq(ask_times(&srv, 1000), cases[i].burst);
    }
}
END_TEST

/* Of two keys in one bucket each has its own limit, and so have nine, as long as one of nine has
 * paid off: a table of strangers makes nobody limited, and forgets those first who owe little. */
START_TEST(strangers_in_the_same_bucket_limit_nobody_and_do_not_help_who_owes_most)
{
    const struct ratelimit *limit = &settings.limit;
    const uint64_t debtor = 7ull << 48;
    for (unsigned i = 0; i < BURST; i++)
        ck_assert(ratelimit_take(limit, debtor, NOW));
    ck_assert(!ratelimit_take(limit, debtor, NOW));
    unsigned passed = 0;
    for (uint64_t stranger = 100; stranger < 60000; stranger++)
        passed += ratelimit_take(limit, stranger << 48, NOW);
    ck_assert_uint_eq(passed, 59900);
    ck_assert(!ratelimit_take(limit, debtor, NOW));
    ck_assert(ratelimit_take(limit, debtor, NOW + 11)); /* one more is paid off */
    ck_assert(!ratelimit_take(limit, debtor, NOW + 11));
}
END_TEST

START_TEST(a_full_table_of_other_keys_harms_nobody)
{
    uint64_t key = 1, passed = 0;
    const unsigned strangers = 4u * RATELIMIT_BUCKETS * RATELIMIT_WAYS;
    for (unsigned i = 0; i < strangers; i++) {
        key = key * 6364136223846793005u + 1442695040888963407u;
        passed += ratelimit_take(&settings.limit, key ^ key >> 29, NOW);
    }
    ck_assert_uint_eq(passed, strangers);
    ck_assert_uint_eq(ask_times(&srv, 100), BURST);
    ck_assert_uint_eq(ask_times(&srv, 100), 0);
}
END_TEST

/* -- the clock ----------------------------------------------------------------------------------
 */

static const int64_t steps_ms[] = {
    -INT64_C(86400000) * 3650, -86400000, -3600000, -5000, 5000, 3600000, 86400000,
    INT64_C(86400000) * 36500};

START_TEST(after_a_step_of_the_clock_there_is_one_burst_more)
{
    ck_assert_uint_eq(ask_times(&srv, 200), BURST);
    now_ms += steps_ms[_i];
    ck_assert_uint_eq(ask_times(&srv, 200), BURST);
    unsigned passed = 0;
    for (int i = 0; i < 1000; i++, now_ms++)
        passed += ask_times(&srv, 2);
    ck_assert_uint_ge(passed, PER_SECOND * 95 / 100);
    ck_assert_uint_le(passed, PER_SECOND * 105 / 100);
}
END_TEST

/* The batch of another worker may have begun earlier. */
START_TEST(clocks_that_differ_a_little_give_nothing_more)
{
    unsigned passed = 0;
    for (int i = 0; i < 10000; i++) {
        now_ms = NOW + i / 2 - i % 2 * 40;
        passed += ask_times(&srv, 1);
    }
    ck_assert_uint_le(passed, 5 * PER_SECOND + BURST);
    ck_assert_uint_ge(passed, 5 * PER_SECOND);
}
END_TEST

/* -- what is counted together -------------------------------------------------------------------
 */

#define FROM(name_, type_, ...)                                                                    \
    {                                                                                              \
        .name = (name_), .type = (type_), .source = { __VA_ARGS__ }                                \
    }
#define FROM6(name_, type_, ...)                                                                   \
    {                                                                                              \
        .name = (name_), .type = (type_), .source = {__VA_ARGS__}, .source_length = 16             \
    }

static const struct {
    const char *label;
    struct asked first, second;
    bool are_one;
} pairs[] = {
    {"one /24", FROM(SRV_NAME, 33, 192, 0, 2, 1), FROM(SRV_NAME, 33, 192, 0, 2, 255), true},
    {"another /24", FROM(SRV_NAME, 33, 192, 0, 2, 1), FROM(SRV_NAME, 33, 192, 0, 3, 1), false},
    {"one /56", FROM6(SRV_NAME, 33, 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5),
     FROM6(SRV_NAME, 33, 0x20, 1, 0xd, 0xb8, 1, 2, 3, 0xff, 6, 7), true},
    {"another /56", FROM6(SRV_NAME, 33, 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4),
     FROM6(SRV_NAME, 33, 0x20, 1, 0xd, 0xb8, 1, 2, 4, 4), false},
    {"an IPv6 prefix that begins as an IPv4 one", FROM(SRV_NAME, 33, 192, 0, 2, 0),
     FROM6(SRV_NAME, 33, 192, 0, 2), false},
    {"letters of either case", FROM(SRV_NAME, 33, 10),
     FROM("_XMPP-client._TCP.Example.ORG.", 33, 10), true},
    {"ANY shows a set that its type shows too", FROM(SRV_NAME, 33, 10), FROM(SRV_NAME, 255, 10),
     true},
    {"another name with the same set", FROM(SRV_NAME, 33, 10),
     FROM("_xmpp-client._tcp.example.net.", 33, 10), false},
    {"another type of the name", FROM("host0.example.org.", 1, 10),
     FROM("host0.example.org.", 28, 10), false},
    {"the set and what the name has not", FROM(SRV_NAME, 33, 10), FROM(SRV_NAME, 1, 10), false},
    {"types that a name has not", FROM(SRV_NAME, 1, 10), FROM(SRV_NAME, 65280, 10), true},
    {"two names without the type", FROM(SRV_NAME, 1, 10), FROM("example.org.", 65280, 10), false},
    {"names that do not exist in a zone", FROM("a.example.org.", 33, 10),
     FROM("b.x._tcp.example.org.", 1, 10), true},
    {"… in two zones", FROM("a.example.org.", 33, 10), FROM("a.example.net.", 33, 10), false},
    {"what is not ours, and broken types", FROM("a.example.edu.", 33, 10),
     FROM("example.org.", 252, 10), true},
    {"a set that is truncated, and one that is not", FROM("_many._tcp.example.org.", 33, 10),
     FROM(SRV_NAME, 33, 10), false},
};

START_TEST(what_is_repeated_is_counted_together)
{
    ck_assert_uint_eq(ask_times(&pairs[_i].first, 100), BURST);
    unsigned second = ask_times(&pairs[_i].second, 100);
    ck_assert_msg(second == (pairs[_i].are_one ? 0 : BURST), "%s: %u answers", pairs[_i].label,
                  second);
}
END_TEST

START_TEST(broken_queries_count_as_errors)
{
    const uint8_t source[4] = {192, 0, 2, 1};
    unsigned answers = 0;
    for (int i = 0; i < 200; i++) {
        memcpy(buffer, i % 2 ? "\0\0\0\0\0\2\0\0\0\0\0\0" : "\0\0\x28\0\0\0\0\0\0\0\0\0", 12);
        struct query query = {
            .bytes = buffer, .length = 12, .source = source, .source_length = 4, .now_ms = now_ms};
        answers += query_answer(&query, &state) == 12;
    }
    ck_assert_uint_eq(answers, BURST);
    ck_assert_uint_eq(row.counter[STATISTIC_DROPPED_RRL], 200 - BURST);
}
END_TEST

/* -- who is not limited -------------------------------------------------------------------------
 */

START_TEST(streams_unknown_sources_and_no_limit_are_not_limited)
{
    struct asked stream = srv, unknown = srv;
    stream.transport = TRANSPORT_STREAM;
    unknown.source_length = 3;
    ck_assert_uint_eq(ask_times(&stream, 1000), 1000);
    ck_assert_uint_eq(ask_times(&unknown, 1000), 1000);
    set_rate(0);
    ck_assert_uint_eq(ask_times(&srv, 1000), 1000);
}
END_TEST

START_TEST(a_valid_cookie_is_not_limited_a_client_cookie_and_a_forged_one_are)
{
    char option[28] = "\0\12\0\30clientco";
    struct asked asked = srv;
    asked.option = "\0\12\0\10clientco";
    asked.option_length = 12;
    settings.limit.slip = 1;
    size_t length = ask(&asked);
    ck_assert_uint_eq(ask_times(&asked, 1000), BURST - 1);
    ck_assert_uint_gt(length, ask(&asked)); /* a slip, with a cookie all the same */
    ck_assert(is_truncated());
    size_t end = 12 + strlen(SRV_NAME) + 1 + 4 + 11;
    ck_assert_mem_eq(buffer + end, "\0\12\0\30clientco", 12);
    memcpy(option, buffer + end, sizeof option);
    asked.option = option;
    asked.option_length = sizeof option;
    ck_assert_uint_eq(ask_times(&asked, 1000), 1000);
    option[27] ^= 1;
    ck_assert_uint_eq(ask_times(&asked, 1000), 0);
}
END_TEST

static const struct {
    const char *prefix, *refused; /* NULL: taken */
    struct asked asked;
    bool is_exempt;
} exemptions[] = {
    {"192.0.2.0/24", NULL, FROM(SRV_NAME, 33, 192, 0, 2, 1), true},
    {"192.0.2.0/24", NULL, FROM(SRV_NAME, 33, 192, 0, 3, 1), false},
    {"192.0.2.1", NULL, FROM(SRV_NAME, 33, 192, 0, 2, 1), true},
    {"192.0.2.2", NULL, FROM(SRV_NAME, 33, 192, 0, 2, 1), false},
    {"0.0.0.0/0", NULL, FROM(SRV_NAME, 33, 192, 0, 2, 1), true},
    {"0.0.0.0/0", NULL, FROM6(SRV_NAME, 33, 0x20, 1), false},
    {"::/0", NULL, FROM(SRV_NAME, 33, 192, 0, 2, 1), false},
    {"2001:db8::/32", NULL, FROM6(SRV_NAME, 33, 0x20, 1, 0xd, 0xb8, 9), true},
    {"2001:db8::/32", NULL, FROM6(SRV_NAME, 33, 0x20, 1, 0xd, 0xb9), false},
    {"2001:db8::1", NULL, FROM6(SRV_NAME, 33, 0x20, 1, 0xd, 0xb8, [15] = 1), true},
    {"2001:db8::1", NULL, FROM6(SRV_NAME, 33, 0x20, 1, 0xd, 0xb8, [15] = 2), false},
    {"192.0.2.1/24", "bits", {.type = 0}, false},
    {"192.0.2.0/33", "0 to 32", {.type = 0}, false},
    {"192.0.2/24", "neither", {.type = 0}, false},
    {"2001:db8::/129", "0 to 128", {.type = 0}, false},
    {"2001:db8::1/64", "bits", {.type = 0}, false},
    {"", "neither", {.type = 0}, false},
    {"192.0.2.0/", "0 to 32", {.type = 0}, false},
};

START_TEST(exempt_prefixes_are_not_limited)
{
    struct error err = {0};
    bool taken = ratelimit_exempt(&settings.limit, exemptions[_i].prefix, &err);
    ck_assert_msg(taken == !exemptions[_i].refused, "%s: %s", exemptions[_i].prefix, err.message);
    if (!taken) {
        ck_assert_msg(strstr(err.message, exemptions[_i].refused) != NULL, "%s", err.message);
        return;
    }
    ck_assert_uint_eq(ask_times(&exemptions[_i].asked, 1000),
                      exemptions[_i].is_exempt ? 1000 : BURST);
}
END_TEST

START_TEST(there_is_an_end_of_exempt_prefixes)
{
    struct error err = {0};
    for (int i = 0; i < RATELIMIT_MAX_EXEMPT; i++)
        ck_assert(ratelimit_exempt(&settings.limit, "192.0.2.0/24", &err));
    ck_assert(!ratelimit_exempt(&settings.limit, "192.0.2.0/24", &err));
    ck_assert(strstr(err.message, "at most 32"));
}
END_TEST

/* -- what is over the limit ---------------------------------------------------------------------
 */

static const struct {
    uint32_t slip;
    unsigned slipped; /* of 600 */
} slips[] = {{0, 0}, {1, 600}, {2, 300}, {3, 200}, {10, 60}};

START_TEST(every_nth_slips_as_an_empty_answer_with_tc)
{
    struct asked asked = srv;
    asked.option = "\0\3\0\0\0\11\0\0"; /* NSID and EXPIRE */
    asked.option_length = 8;
    settings.nsid = (struct settings_text){6, "here-1"};
    settings.limit.slip = slips[_i].slip;
    ck_assert_uint_eq(ask_times(&asked, BURST), BURST);
    unsigned slipped = 0;
    for (int i = 0; i < 600; i++) {
        size_t length = ask(&asked);
        if (length == 0)
            continue;
        slipped++;
        ck_assert_uint_eq(length, 12 + strlen(SRV_NAME) + 1 + 4 + 11);
        ck_assert(is_truncated());
        ck_assert_mem_eq(buffer + 4, "\0\1\0\0\0\0\0\1", 8); /* counts: OPT alone */
        ck_assert_uint_eq(state.set, IMAGE_NONE);
    }
    ck_assert_uint_eq(slipped, slips[_i].slipped);
    ck_assert_uint_eq(row.counter[STATISTIC_SLIPPED], slips[_i].slipped);
    ck_assert_uint_eq(row.counter[STATISTIC_DROPPED_RRL], 600 - slips[_i].slipped);
}
END_TEST

START_TEST(a_soa_slips_without_its_expire)
{
    const struct asked soa = {.name = "example.org.",
                              .type = RRTYPE_SOA,
                              .source = {192, 0, 2, 1},
                              .option = "\0\11\0\0",
                              .option_length = 4};
    settings.limit.slip = 1;
    ck_assert_uint_eq(ask_times(&soa, BURST), BURST);
    ck_assert_uint_eq(ask(&soa), 12 + 13 + 4 + 11);
    ck_assert_mem_eq(buffer + 12 + 13 + 4, "\0\0\51\4\320\0\0\0\0\0\0", 11);
}
END_TEST

START_TEST(what_is_limited_takes_no_turn_and_counts_as_served_by_nobody)
{
    settings.limit.slip = 2;
    for (unsigned round = 1; round < 5; round++) {
        ck_assert_uint_eq(ask_times(&srv, BURST), BURST);
        uint32_t turn = turns[FIXTURE_SRV] % fixture.image.sets[FIXTURE_SRV].answer_count;
        for (int i = 0; i < 101; i++) {
            (void)ask(&srv);
            ck_assert_uint_eq(state.set, IMAGE_NONE);
            ck_assert_uint_eq(turns[FIXTURE_SRV] % fixture.image.sets[FIXTURE_SRV].answer_count,
                              turn);
        }
        now_ms += 1000;
    }
}
END_TEST

/* -- statistics ---------------------------------------------------------------------------------
 */

static uint64_t count(enum statistic which)
{
    return row.counter[which];
}

START_TEST(every_query_is_counted_by_what_became_of_it)
{
    const struct asked asked[] = {
        {.name = SRV_NAME, .type = 33, .source = {192, 0, 2, 1}, .option = "", .option_length = 0},
        {.name = SRV_NAME,
         .type = 1,
         .source = {192, 0, 2, 1},
         .option = "\0\12\0\10clientco",
         .option_length = 12},
        FROM6("no.example.org.", 28, 0x20, 1),
        {.name = "example.edu.",
         .type = 255,
         .source = {192, 0, 2, 1},
         .transport = TRANSPORT_STREAM},
        {.name = "_many._tcp.example.org.",
         .type = 33,
         .source = {0x20, 1},
         .source_length = 16,
         .transport = TRANSPORT_STREAM},
        FROM("_many._tcp.example.org.", 33, 192, 0, 2, 1),
        FROM("example.org.", 6, 192, 0, 2, 1),
        FROM("example.org.", 2, 192, 0, 2, 1),
        FROM("example.org.", 65280, 192, 0, 2, 1),
    };
    uint64_t in = 0, out = 0;
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        in += put_query(&asked[i]);
        out += ask(&asked[i]);
    }
    struct query response = {.bytes = buffer, .length = 12, .now_ms = now_ms};
    buffer[2] |= 0x80;
    ck_assert_uint_eq(query_answer(&response, &state), 0);
    memset(buffer, 0, 12);
    buffer[2] = 0x28;
    ck_assert_uint_eq(query_answer(&response, &state), 12);
    static const struct {
        enum statistic which;
        uint64_t count;
    } expected[] = {
        {STATISTIC_QUERY_UDP4, 8},        {STATISTIC_QUERY_UDP6, 1},
        {STATISTIC_QUERY_TCP4, 1},        {STATISTIC_QUERY_TCP6, 1},
        {STATISTIC_TYPE_SRV, 3},          {STATISTIC_TYPE_A, 1},
        {STATISTIC_TYPE_AAAA, 1},         {STATISTIC_TYPE_ANY, 1},
        {STATISTIC_TYPE_SOA, 1},          {STATISTIC_TYPE_NS, 1},
        {STATISTIC_TYPE_OTHER, 1},        {STATISTIC_QUERY_EDNS, 2},
        {STATISTIC_QUERY_DO, 0},          {STATISTIC_COOKIE_CLIENT_ONLY, 1},
        {STATISTIC_COOKIE_VALID, 0},      {STATISTIC_RCODE_NOERROR, 7},
        {STATISTIC_RCODE_NXDOMAIN, 1},    {STATISTIC_RCODE_REFUSED, 1},
        {STATISTIC_RCODE_NOTIMP, 1},      {STATISTIC_RCODE_FORMERR, 0},
        {STATISTIC_DROPPED_MALFORMED, 1}, {STATISTIC_NODATA, 2},
        {STATISTIC_TRUNCATED, 1},         {STATISTIC_DROPPED_RRL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        ck_assert_msg(count(expected[i].which) == expected[i].count, "row %zu: %llu", i,
                      (unsigned long long)count(expected[i].which));
    ck_assert_uint_eq(count(STATISTIC_QUERY_BYTES), in + 24);
    ck_assert_uint_eq(count(STATISTIC_RESPONSE_BYTES), out + 12);
    uint64_t sizes = 0;
    for (uint32_t i = STATISTIC_SIZE_128; i <= STATISTIC_SIZE_MORE; i++)
        sizes += row.counter[i];
    ck_assert_uint_eq(sizes, COUNT_OF(asked) + 1);
    /* Sixty targets, by TCP. */
    ck_assert_uint_eq(count(STATISTIC_SIZE_4096) + count(STATISTIC_SIZE_MORE), 1);
}
END_TEST

static TCase *words(void)
{
    TCase *tests = tcase_create("words");
    tcase_add_unchecked_fixture(tests, build, unbuild);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, the_limit_holds_at_any_rate, 0, COUNT_OF(rates));
    tcase_add_test(tests, the_largest_limit_limits_nobody);
    tcase_add_test(tests, a_burst_is_a_quarter_of_a_second_or_two);
    tcase_add_test(tests, strangers_in_the_same_bucket_limit_nobody_and_do_not_help_who_owes_most);
    tcase_add_test(tests, a_full_table_of_other_keys_harms_nobody);
    tcase_add_loop_test(tests, after_a_step_of_the_clock_there_is_one_burst_more, 0,
                        COUNT_OF(steps_ms));
    tcase_add_test(tests, clocks_that_differ_a_little_give_nothing_more);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("dnsd/ratelimit");
    TCase *tests = tcase_create("answers");
    tcase_add_unchecked_fixture(tests, build, unbuild); /* once: it takes its time */
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, what_is_repeated_is_counted_together, 0, COUNT_OF(pairs));
    tcase_add_test(tests, broken_queries_count_as_errors);
    tcase_add_test(tests, streams_unknown_sources_and_no_limit_are_not_limited);
    tcase_add_test(tests, a_valid_cookie_is_not_limited_a_client_cookie_and_a_forged_one_are);
    tcase_add_loop_test(tests, exempt_prefixes_are_not_limited, 0, COUNT_OF(exemptions));
    tcase_add_test(tests, there_is_an_end_of_exempt_prefixes);
    tcase_add_loop_test(tests, every_nth_slips_as_an_empty_answer_with_tc, 0, COUNT_OF(slips));
    tcase_add_test(tests, a_soa_slips_without_its_expire);
    tcase_add_test(tests, what_is_limited_takes_no_turn_and_counts_as_served_by_nobody);
    tcase_add_test(tests, every_query_is_counted_by_what_became_of_it);
    suite_add_tcase(suite, words());
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EDNS options, TSIG without keys, class CH, and limits that count them all. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "decode.h"
#include "dnsd/edns.h"
#include "dnsd/query.h"
#include "fixture.h"
#include "zones/rrtype.h"

enum {
    NSID = 3,
    EXPIRE = 9,
    COOKIE = 10,
    KEEPALIVE = 11,
    EXTENDED_ERROR = 15,
    TSIG_TYPE = 250
};

static struct fixture fixture;
static uint32_t turns[FIXTURE_SETS];
static struct query_state state;
static struct settings settings;
static uint8_t buffer[65536];
static const uint8_t source[4] = {192, 0, 2, 1};

static void build(void)
{
    fixture_build(&fixture, 7, 100);
}

static void set_up(void)
{
    const struct cookie_secret secret = {"0123456789abcde"};
    settings = settings_default;
    settings.nsid = (struct settings_text){6, "here-1"};
    cookie_secrets_store(&settings.secrets, &secret, 1);
    state = (struct query_state){
        .decide = {.image = &fixture.image, .turns = turns, .settings = &settings}};
}

static void tear_down(void)
{
    fixture_fini(&fixture);
}

/* -- messages -----------------------------------------------------------------------------------
 */

struct message {
    uint8_t bytes[2048];
    size_t len;
};

static void put(struct message *message, const void *bytes, size_t len)
{
    memcpy(message->bytes + message->len, bytes, len);
    message->len += len;
}

static void put_u16(struct message *message, unsigned value)
{
    put(message, (const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_name(struct message *message, const char *text)
{
    while (*text && strcmp(text, ".") != 0) {
        size_t len = strcspn(text, ".");
        put(message, &(uint8_t){(uint8_t)len}, 1);
        put(message, text, len);
        text += len + (text[len] == '.');
    }
    put(message, "", 1);
}

static void put_question(struct message *message, const char *name, unsigned type, unsigned class)
{
    message->len = 0;
    put(message, "\xBE\xEF\0\0\0\1\0\0\0\0\0\0", 12);
    put_name(message, name);
    put_u16(message, type);
    put_u16(message, class);
}

static void put_opt(struct message *message, unsigned size, const void *options, size_t len)
{
    message->bytes[11]++;
    put(message, "\0\0\51", 3);
    put_u16(message, size);
    put(message, "\0\0\0\0", 4);
    put_u16(message, (unsigned)len);
    put(message, options, len);
}

static void put_tsig(struct message *message, const char *key)
{
    message->bytes[11]++;
    put_name(message, key);
    put(message, "\0\372\0\377\0\0\0\0\0\75\13hmac-sha256\0", 23);
    put(message, "\0\0\x5c\xf7\x9f\x11\1\54\0\40", 10);
    put(message, "the-mac-of-32-bytes-the-mac-of-3", 32);
    put(message, "\xBE\xEF\0\0\0\0", 6);
}

static struct decoded *ask(const struct message *message, enum transport transport)
{
    memcpy(buffer, message->bytes, message->len);
    struct query query = {.bytes = buffer,
                          .length = message->len,
                          .source = source,
                          .source_length = sizeof source,
                          .transport = transport,
                          .now_ms = 1559731985000};
    size_t len = query_answer(&query, &state);
    ck_assert_uint_ge(len, 12);
    struct decoded *decoded = decode(buffer, len);
    ck_assert_msg(!decoded->mistake, "%s", decoded->mistake);
    return decoded;
}

/* -- options ------------------------------------------------------------------------------------
 */

#define CLIENT "\0\12\0\10clientco"
#define ALL "\0\3\0\0\0\11\0\0\0\13\0\0" CLIENT

static const struct {
    const char *label, *name;
    unsigned type, class;
    const char *options;
    size_t options_len;
    enum transport transport;
    unsigned rcode, error; /* 0: none */
    unsigned options_back; /* enum question_option */
} option_cases[] = {
    {"nothing asked, nothing said", "example.org.", RRTYPE_SOA, 1, "", 0, TRANSPORT_DATAGRAM, 0, 0,
     0},
    {"everything with an SOA over a stream", "example.org.", RRTYPE_SOA, 1, ALL, sizeof ALL - 1,
     TRANSPORT_STREAM, 0, 0,
     QUESTION_NSID | QUESTION_EXPIRE | QUESTION_COOKIE | QUESTION_KEEPALIVE},
    {"no keepalive in a datagram", "example.org.", RRTYPE_SOA, 1, ALL, sizeof ALL - 1,
     TRANSPORT_DATAGRAM, 0, 0, QUESTION_NSID | QUESTION_EXPIRE | QUESTION_COOKIE},
    {"no EXPIRE with another type", "example.org.", RRTYPE_NS, 1, ALL, sizeof ALL - 1,
     TRANSPORT_DATAGRAM, 0, 0, QUESTION_NSID | QUESTION_COOKIE},
    {"no EXPIRE where there is no SOA", "host0.example.org.", RRTYPE_SOA, 1, ALL, sizeof ALL - 1,
     TRANSPORT_DATAGRAM, 0, 0, QUESTION_NSID | QUESTION_COOKIE},
    {"not ours: REFUSED with error 20", "example.edu.", RRTYPE_SOA, 1, ALL, sizeof ALL - 1,
     TRANSPORT_DATAGRAM, DNS_REFUSED, EDNS_NOT_AUTHORITATIVE, QUESTION_NSID | QUESTION_COOKIE},
    {"a transfer: REFUSED with error 18", "example.org.", RRTYPE_AXFR, 1, "", 0, TRANSPORT_STREAM,
     DNS_REFUSED, EDNS_PROHIBITED, 0},
    {"class ANY: REFUSED with error 20", "example.org.", RRTYPE_SOA, 255, "", 0, TRANSPORT_DATAGRAM,
     DNS_REFUSED, EDNS_NOT_AUTHORITATIVE, 0},
};

static void check_option(const struct decoded *decoded, unsigned code, bool expected,
                         const char *data, size_t data_len)
{
    size_t len = 0;
    const uint8_t *got = decoded_option(decoded, code, &len);
    ck_assert_msg(expected == (got != NULL), "option %u: %s", code, got ? "there" : "missing");
    if (!got)
        return;
    ck_assert_uint_eq(len, data_len);
    if (data)
        ck_assert_mem_eq(got, data, len);
}

START_TEST(options_go_to_who_asked_for_them)
{
    struct message message;
    unsigned back = option_cases[_i].options_back;
    put_question(&message, option_cases[_i].name, option_cases[_i].type, option_cases[_i].class);
    put_opt(&message, 1232, option_cases[_i].options, option_cases[_i].options_len);
    struct decoded *decoded = ask(&message, option_cases[_i].transport);
    ck_assert_msg((decoded->flags & 15) == option_cases[_i].rcode, "%s: rcode %u",
                  option_cases[_i].label, decoded->flags & 15);
    check_option(decoded, NSID, back & QUESTION_NSID, "here-1", 6);
    check_option(decoded, EXPIRE, back & QUESTION_EXPIRE, "\0\x12\x75\0", 4); /* 1,209,600 */
    check_option(decoded, KEEPALIVE, back & QUESTION_KEEPALIVE, "\0\144", 2); /* 10 s */
    check_option(decoded, COOKIE, back & QUESTION_COOKIE, NULL, 24);
    const char error[2] = {0, (char)option_cases[_i].error};
    check_option(decoded, EXTENDED_ERROR, option_cases[_i].error, error, 2);
    decoded_free(decoded);
}
END_TEST

START_TEST(without_an_image_the_error_is_not_ready)
{
    struct message message;
    state.decide.image = NULL;
    put_question(&message, "example.org.", RRTYPE_SOA, 1);
    put_opt(&message, 1232, "", 0);
    struct decoded *decoded = ask(&message, TRANSPORT_DATAGRAM);
    ck_assert_uint_eq(decoded->flags & 15, DNS_SERVFAIL);
    check_option(decoded, EXTENDED_ERROR, true, "\0\16", 2);
    decoded_free(decoded);
}
END_TEST

START_TEST(without_edns_or_with_another_version_there_are_no_options)
{
    struct message message;
    put_question(&message, "example.edu.", RRTYPE_SOA, 1);
    struct decoded *decoded = ask(&message, TRANSPORT_DATAGRAM);
    ck_assert(!decoded->has_opt);
    decoded_free(decoded);
    put_opt(&message, 1232, ALL, sizeof ALL - 1);
    message.bytes[message.len - (sizeof ALL - 1) - 5] = 1;
    decoded = ask(&message, TRANSPORT_DATAGRAM);
    ck_assert_uint_eq(decoded->opt_extended_rcode << 4 | (decoded->flags & 15), DNS_BADVERS);
    ck_assert_uint_eq(decoded->opt_data_len, 0);
    decoded_free(decoded);
}
END_TEST

START_TEST(a_cookie_comes_back_valid_and_may_come_alone)
{
    struct message message = {.len = 12, .bytes = "\xBE\xEF\1"};
    size_t len;
    put_opt(&message, 1232, CLIENT, sizeof CLIENT - 1);
    struct decoded *decoded = ask(&message, TRANSPORT_DATAGRAM);
    ck_assert_int_eq(state.work.question.cookie_state, COOKIE_CLIENT_ONLY);
    ck_assert_uint_eq(decoded->flags, DNS_QR | DNS_RD);
    ck_assert_uint_eq(decoded->count[0], 0);
    uint8_t option[28] = "\0\12\0\30";
    const uint8_t *cookie = decoded_option(decoded, COOKIE, &len);
    ck_assert_uint_eq(len, 24);
    memcpy(option + 4, cookie, 24);
    decoded_free(decoded);
    put_question(&message, "example.org.", RRTYPE_SOA, 1);
    put_opt(&message, 1232, option, sizeof option);
    decoded = ask(&message, TRANSPORT_DATAGRAM);
    ck_assert_int_eq(state.work.question.cookie_state, COOKIE_VALID);
    check_option(decoded, COOKIE, true, (const char *)option + 4, 24);
    decoded_free(decoded);
    /* Cookies that cannot be: FORMERR, and no more than a header. */
    option[3] = 9;
    put_question(&message, "example.org.", RRTYPE_SOA, 1);
    put_opt(&message, 1232, option, 13);
    decoded = ask(&message, TRANSPORT_DATAGRAM);
    ck_assert_uint_eq(decoded->flags & 15, DNS_FORMERR);
    decoded_free(decoded);
}
END_TEST

/* Every size and every length of the identifier: never longer, and what is left out is addresses.
 */
START_TEST(options_count_against_the_limit)
{
    for (unsigned size = 512; size <= 1300; size += 3) {
        struct message message;
        settings.nsid.length = (uint8_t)(1 + size % SETTINGS_TEXT_BYTES);
        settings.edns_size = size % 2 ? 1232 : 700;
        put_question(&message, "_wide._tcp.example.org.", RRTYPE_SRV, 1);
        put_opt(&message, size, ALL, sizeof ALL - 1);
        struct decoded *decoded = ask(&message, TRANSPORT_DATAGRAM);
        size_t len, limit = size < settings.edns_size ? size : settings.edns_size;
        ck_assert_uint_eq(decoded->opt_size, settings.edns_size);
        ck_assert(decoded_option(decoded, COOKIE, &len) && decoded_option(decoded, NSID, &len));
        size_t used = (size_t)(decoded->opt_data + decoded->opt_data_len - buffer);
        ck_assert_msg(used <= limit, "%zu bytes, limit %zu", used, limit);
        ck_assert(decoded->flags & DNS_TC ? decoded->record_count == 0 : decoded->count[1] == 20);
        decoded_free(decoded);
    }
}
END_TEST

START_TEST(a_larger_limit_carries_more_than_usual)
{
    struct message message;
    settings.edns_size = 4096;
    put_question(&message, "_wide._tcp.example.org.", RRTYPE_SRV, 1);
    put_opt(&message, 4096, "", 0);
    struct decoded *decoded = ask(&message, TRANSPORT_DATAGRAM);
    ck_assert_uint_eq(decoded->count[1], 20);
    ck_assert_uint_eq(decoded->count[3], 41); /* all addresses, and OPT */
    decoded_free(decoded);
}
END_TEST

/* -- TSIG ---------------------------------------------------------------------------------------
 */

static void check_tsig(const struct decoded *decoded, bool with_opt)
{
    const struct decoded_record *tsig = &decoded->records[0];
    ck_assert_uint_eq(decoded->flags, DNS_QR | DNS_NOTAUTH);
    ck_assert_uint_eq(decoded->count[3], with_opt ? 2 : 1);
    ck_assert_uint_eq(decoded->record_count, 1);
    ck_assert_uint_eq(tsig->type, TSIG_TYPE);
    ck_assert_uint_eq(tsig->class, RRCLASS_ANY);
    ck_assert_uint_eq(tsig->ttl, 0);
    ck_assert_uint_eq(tsig->rdata_len, 29);
    /* No MAC; the original id; BADKEY; no other data. */
    ck_assert_mem_eq(tsig->rdata, "\13hmac-sha256\0\0\0\x5c\xf7\x9f\x11\1\54\0\0\xBE\xEF\0\21\0\0",
                     29);
}

START_TEST(who_signs_learns_that_we_have_no_keys)
{
    for (unsigned with_opt = 0; with_opt < 3; with_opt++) {
        struct message message;
        put_question(&message, "example.org.", RRTYPE_SOA, 1);
        if (with_opt)
            put_opt(&message, 1232, ALL, with_opt == 2 ? sizeof ALL - 1 : 0);
        put_tsig(&message, "some.key.");
        struct decoded *decoded = ask(&message, TRANSPORT_DATAGRAM);
        check_tsig(decoded, with_opt);
        ck_assert(
            decoded_name_equal(&decoded->records[0].owner, (const uint8_t *)"\4some\3key", 10));
        ck_assert_uint_eq(state.set, IMAGE_NONE);
        decoded_free(decoded);
    }
}
END_TEST

START_TEST(a_record_that_does_not_fit_waits_for_tcp)
{
    struct message message;
    const char *longest = fixture_longest_name();
    put_question(&message, longest, RRTYPE_SRV, 1);
    put_tsig(&message, longest);
    struct decoded *decoded = ask(&message, TRANSPORT_DATAGRAM);
    ck_assert_uint_eq(decoded->flags, DNS_QR | DNS_TC | DNS_NOTAUTH);
    ck_assert_uint_eq(decoded->record_count, 0);
    decoded_free(decoded);
    decoded = ask(&message, TRANSPORT_STREAM);
    check_tsig(decoded, false);
    decoded_free(decoded);
}
END_TEST

START_TEST(options_go_before_the_record_that_says_why)
{
    struct message message;
    settings.nsid.length = SETTINGS_TEXT_BYTES;
    put_question(&message, "1.2.3.4.5.6.7.8.9.10.11.12.example.org.", RRTYPE_A, 1);
    put_opt(&message, 512, ALL, sizeof ALL - 1);
    put_tsig(&message, fixture_longest_name());
    struct decoded *decoded = ask(&message, TRANSPORT_DATAGRAM);
    check_tsig(decoded, true);
    ck_assert_uint_eq(decoded->opt_data_len, 0);
    decoded_free(decoded);
}
END_TEST

/* -- class CH -----------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    unsigned type;
    const char *words; /* NULL: REFUSED */
} chaos_cases[] = {
    {"id.server.", RRTYPE_TXT, "\5where"},   {"HostName.Bind.", RRTYPE_TXT, "\5where"},
    {"version.bind.", RRTYPE_TXT, "\4what"}, {"version.server.", RRTYPE_ANY, "\4what"},
    {"version.bind.", RRTYPE_A, NULL},       {"authors.bind.", RRTYPE_TXT, NULL},
    {"x.id.server.", RRTYPE_TXT, NULL},      {".", RRTYPE_TXT, NULL},
};

static void check_chaos(const char *name, unsigned type, const char *words)
{
    struct message message;
    put_question(&message, name, type, 3);
    put_opt(&message, 512, ALL, sizeof ALL - 1);
    struct decoded *decoded = ask(&message, TRANSPORT_DATAGRAM);
    ck_assert_uint_eq(decoded->flags, DNS_QR | (words ? DNS_AA : DNS_REFUSED));
    ck_assert_uint_eq(decoded->record_count, words ? 1 : 0);
    if (words) {
        const struct decoded_record *record = &decoded->records[0];
        ck_assert_uint_eq(record->type, RRTYPE_TXT);
        ck_assert_uint_eq(record->class, 3);
        ck_assert_uint_eq(record->ttl, 0);
        ck_assert(
            decoded_name_equal(&record->owner, decoded->question.wire, decoded->question.len));
        ck_assert_uint_eq(record->rdata_len, strlen(words));
        ck_assert_mem_eq(record->rdata, words, strlen(words));
    }
    decoded_free(decoded);
}

START_TEST(class_ch_says_what_the_operator_gave_and_nothing_else)
{
    check_chaos(chaos_cases[_i].name, chaos_cases[_i].type, NULL);
    settings.chaos_id = (struct settings_text){5, "where"};
    settings.chaos_version = (struct settings_text){4, "what"};
    check_chaos(chaos_cases[_i].name, chaos_cases[_i].type, chaos_cases[_i].words);
    settings.chaos_id.length = settings.nsid.length = SETTINGS_TEXT_BYTES; /* still fits 512 */
    settings.chaos_id.bytes[0] = 'w';
    state.decide.image = NULL; /* it needs no image */
    check_chaos("version.bind.", RRTYPE_TXT, "\4what");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnsd/protocol");
    TCase *tests = tcase_create("protocol");
    tcase_add_unchecked_fixture(tests, build, tear_down); /* once: it takes its time */
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, options_go_to_who_asked_for_them, 0, COUNT_OF(option_cases));
    tcase_add_test(tests, without_an_image_the_error_is_not_ready);
    tcase_add_test(tests, without_edns_or_with_another_version_there_are_no_options);
    tcase_add_test(tests, a_cookie_comes_back_valid_and_may_come_alone);
    tcase_add_test(tests, options_count_against_the_limit);
    tcase_add_test(tests, a_larger_limit_carries_more_than_usual);
    tcase_add_test(tests, who_signs_learns_that_we_have_no_keys);
    tcase_add_test(tests, options_go_before_the_record_that_says_why);
    tcase_add_test(tests, a_record_that_does_not_fit_waits_for_tcp);
    tcase_add_loop_test(tests, class_ch_says_what_the_operator_gave_and_nothing_else, 0,
                        COUNT_OF(chaos_cases));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

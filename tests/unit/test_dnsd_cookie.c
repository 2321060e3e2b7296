/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server cookies, by the examples of RFC 9018 appendix A and SipHash's own. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "dnsd/query.h"
#include "dnsd/siphash.h"
#include "zones/base/attributes.h"

enum {
    MAX_ADDRESS = 16
};

static size_t unhex(const char *hex, uint8_t *to)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        char byte[3] = {hex[2 * i], hex[2 * i + 1], 0};
        to[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return len;
}

START_TEST(siphash_is_that_of_its_paper)
{
    uint8_t key_bytes[16], bytes[64];
    for (uint8_t i = 0; i < 64; i++)
        bytes[i] = i;
    memcpy(key_bytes, bytes, sizeof key_bytes);
    struct siphash_key key = siphash_key_from(key_bytes);
    ck_assert_uint_eq(siphash_24(&key, bytes, 15), 0xa129ca6149be45e5ull); /* appendix A */
    ck_assert_uint_eq(siphash_24(&key, bytes, 0), 0x726fdb47dd0e0e31ull);
    ck_assert_uint_eq(siphash_24(&key, bytes, 63), 0x958a324ceb064572ull);
}
END_TEST

#define SECRET "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define OLD "dd3bdf9344b678b185a6f5cb60fca715"
#define NEW "445536bcd2513298075a5d379663c962"
#define V4 "c6336464" /* 198.51.100.100 */
#define V6 "20010db80220000159ded0f4876982b8"
#define FIRST "2464c4abcf10c957010000005cf79f111f8130c3eee29480"

static const struct {
    const char *label, *secrets[2], *address, *sent;
    int64_t now_s;
    enum cookie_state state;
    const char *answer; /* NULL: any, but not what was sent */
} cases[] = {
    {"A.1: a new one", {SECRET}, V4, "2464c4abcf10c957", 1559731985, COOKIE_CLIENT_ONLY, FIRST},
    {"A.2: renewed when more than half an hour old",
     {SECRET},
     V4,
     FIRST,
     1559734385,
     COOKIE_VALID,
     "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
    {"A.3: reserved bits that somebody set are hashed as they came",
     {SECRET},
     "cb0071cb",
     "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
     1559731985,
     COOKIE_BAD, /* more than an hour old by then */
     NULL},
    {"A.3 … while it is young",
     {SECRET},
     "cb0071cb",
     "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
     1559727985 + 100,
     COOKIE_VALID,
     "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"},
    {"A.4: after a rollover the old secret's are valid, and renewed",
     {NEW, OLD},
     V6,
     "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
     1559741961,
     COOKIE_VALID,
     "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
    {"once the old secret is gone they are not",
     {NEW},
     V6,
     "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
     1559741961,
     COOKIE_BAD,
     "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
    {"a fresh one comes back as it is",
     {SECRET},
     V4,
     FIRST,
     1559731985 + 1800,
     COOKIE_VALID,
     FIRST},
    {"half an hour and a second", {SECRET}, V4, FIRST, 1559731985 + 1801, COOKIE_VALID, NULL},
    {"an hour", {SECRET}, V4, FIRST, 1559731985 + 3600, COOKIE_VALID, NULL},
    {"an hour and a second", {SECRET}, V4, FIRST, 1559731985 + 3601, COOKIE_BAD, NULL},
    {"five minutes ahead", {SECRET}, V4, FIRST, 1559731985 - 300, COOKIE_VALID, FIRST},
    {"five minutes and a second ahead", {SECRET}, V4, FIRST, 1559731985 - 301, COOKIE_BAD, NULL},
    {"from another address", {SECRET}, "c6336465", FIRST, 1559731985, COOKIE_BAD, NULL},
    {"of another client cookie",
     {SECRET},
     V4,
     "2464c4abcf10c958010000005cf79f111f8130c3eee29480",
     1559731985,
     COOKIE_BAD,
     NULL},
    {"of another version",
     {SECRET},
     V4,
     "2464c4abcf10c957020000005cf79f111f8130c3eee29480",
     1559731985,
     COOKIE_BAD,
     FIRST},
    {"of another length",
     {SECRET},
     V4,
     "2464c4abcf10c957010000005cf79f11",
     1559731985,
     COOKIE_BAD,
     FIRST},
    {"without a secret nothing is said", {NULL}, V4, FIRST, 1559731985, COOKIE_NONE, ""},
};

START_TEST(cookies_are_those_of_rfc_9018)
{
    struct cookie_secrets secrets = {0};
    struct cookie_secret secret[COOKIE_SECRETS] = {0};
    uint8_t message[64] = {0}, address[MAX_ADDRESS], expected[COOKIE_BYTES];
    uint32_t count = 0;
    for (; count < COOKIE_SECRETS && cases[_i].secrets[count]; count++)
        unhex(cases[_i].secrets[count], secret[count].bytes);
    cookie_secrets_store(&secrets, secret, count);
    struct question question = {.options = QUESTION_COOKIE, .cookie_at = 20};
    question.cookie_length = (uint8_t)unhex(cases[_i].sent, message + 20);
    struct query query = {.bytes = message,
                          .length = sizeof message,
                          .source = address,
                          .source_length = (uint32_t)unhex(cases[_i].address, address),
                          .now_ms = cases[_i].now_s * 1000 + 999};
    cookie_judge(&secrets, &query, &question);
    ck_assert_msg(question.cookie_state == cases[_i].state, "%s: state %d", cases[_i].label,
                  question.cookie_state);
    if (count == 0) {
        ck_assert_uint_eq(question.options, 0);
        return;
    }
    ck_assert_mem_eq(question.cookie, message + 20, COOKIE_CLIENT_BYTES);
    if (cases[_i].answer)
        unhex(cases[_i].answer, expected);
    else
        ck_assert_mem_ne(question.cookie, message + 20, COOKIE_BYTES);
    ck_assert_msg(!cases[_i].answer || memcmp(question.cookie, expected, COOKIE_BYTES) == 0,
                  "%s: another cookie", cases[_i].label);
    /* What we make is valid at once. */
    memcpy(message + 20, question.cookie, COOKIE_BYTES);
    question.cookie_length = COOKIE_BYTES;
    cookie_judge(&secrets, &query, &question);
    ck_assert_int_eq(question.cookie_state, COOKIE_VALID);
}
END_TEST

/* RFC 9018 section 4.1: a version says how the rest is made; the right hash does not help. */
START_TEST(another_version_is_not_ours_whatever_its_hash)
{
    struct cookie_secret secret;
    struct cookie_secrets secrets = {0};
    uint8_t message[64] = {0}, hashed[20];
    unhex(SECRET, secret.bytes);
    cookie_secrets_store(&secrets, &secret, 1);
    unhex("2464c4abcf10c957020000005cf79f11" V4, hashed);
    struct siphash_key key = siphash_key_from(secret.bytes);
    uint64_t hash = siphash_24(&key, hashed, sizeof hashed);
    memcpy(message + 20, hashed, 16);
    memcpy(message + 36, &hash, sizeof hash);
    struct question question = {
        .options = QUESTION_COOKIE, .cookie_at = 20, .cookie_length = COOKIE_BYTES};
    struct query query = {.bytes = message,
                          .length = sizeof message,
                          .source = hashed + 16,
                          .source_length = 4,
                          .now_ms = 1559731985000};
    cookie_judge(&secrets, &query, &question);
    ck_assert_int_eq(question.cookie_state, COOKIE_BAD);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnsd/cookie");
    TCase *tests = tcase_create("cookie");
    tcase_add_test(tests, siphash_is_that_of_its_paper);
    tcase_add_loop_test(tests, cookies_are_those_of_rfc_9018, 0, COUNT_OF(cases));
    tcase_add_test(tests, another_version_is_not_ours_whatever_its_hash);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

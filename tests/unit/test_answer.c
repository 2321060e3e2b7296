/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parser of answers: what it makes of good ones, what it says of bad ones, and that no mutation
 * of either gets it out of step. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srvplan/command/answer.h"
#include "zones/base/file.h"
#include "zones/rrtype.h"

static struct arena arena;

/* ---- messages ---- */

/* Header of a response with one question, for "a.", A, IN; `an` and `ar` records. */
#define HEAD(flags_1, flags_2, an, ar)                                                             \
    "\x12\x34" flags_1 flags_2 "\0\1\0" an "\0\0\0" ar "\1a\0\0\1\0\1"
#define ANSWER HEAD("\x85", "\x80", "\1", "\0")
#define A_RECORD "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"

#define MESSAGE(text) .message = {(const uint8_t *)(text), sizeof(text) - 1}

static const struct {
    const char *label;
    struct bytes message;
    const char *mistake; /* NULL: it is fine */
    uint32_t count;
} messages[] = {
    {"an answer with an address", MESSAGE(ANSWER A_RECORD), NULL, 1},
    {"no message", MESSAGE(""), "shorter than a header", 0},
    {"half a header", MESSAGE("\x12\x34\x85\x80\0"), "shorter than a header", 0},
    {"a query", MESSAGE("\x12\x34\x01\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), "no response", 0},
    {"no question", MESSAGE("\x12\x34\x85\x80\0\0\0\0\0\0\0\0"), "no response to one", 0},
    {"a question that is cut", MESSAGE("\x12\x34\x85\x80\0\1\0\0\0\0\0\0\1a\0\0\1"),
     "the question runs past", 0},
    {"one record less than it says", MESSAGE(ANSWER), "fewer records", 0},
    {"a record that is cut", MESSAGE(ANSWER "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2"),
     "past the end", 0},
    {"bytes behind the last record", MESSAGE(ANSWER A_RECORD "x"), "behind the last record", 0},
    {"a pointer to itself", MESSAGE(ANSWER "\xc0\x13\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"), "pointer",
     0},
    {"a pointer ahead", MESSAGE(ANSWER "\xc0\x20\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"), "pointer", 0},
    {"a pointer into the header", MESSAGE(ANSWER "\xc0\x02\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"),
     "pointer", 0},
    {"a label of a kind that was never defined",
     MESSAGE(ANSWER "\x80\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"), "unknown kind", 0},
    {"an address of five octets", MESSAGE(ANSWER "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\5\xc0\0\2\1\1"),
     "too long", 0},
    {"an address of three octets", MESSAGE(ANSWER "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\3\xc0\0\2"),
     "too short", 0},
    {"a CNAME that runs past its record", MESSAGE(ANSWER "\xc0\x0c\0\5\0\1\0\0\1\x2c\0\2\4abcd"),
     "past", 0},
    {"an SRV record without a target",
     MESSAGE(ANSWER "\xc0\x0c\0\x21\0\1\0\0\1\x2c\0\6\0\1\0\1\0\1"), "past", 0},
    {"a compressed SRV target, which is forbidden and understood",
     MESSAGE(ANSWER "\xc0\x0c\0\x21\0\1\0\0\1\x2c\0\x8\0\1\0\1\0\1\xc0\x0c"), NULL, 1},
    {"a string that is longer than its record",
     MESSAGE(ANSWER "\xc0\x0c\0\x10\0\1\0\0\1\x2c\0\2\5a"), "a string runs past", 0},
    {"TXT of empty strings", MESSAGE(ANSWER "\xc0\x0c\0\x10\0\1\0\0\1\x2c\0\4\0\0\0\0"), NULL, 1},
    {"a type that nobody knows", MESSAGE(ANSWER "\xc0\x0c\xff\0\0\1\0\0\1\x2c\0\3xyz"), NULL, 1},
    {"another class", MESSAGE(ANSWER "\xc0\x0c\0\1\0\3\0\0\1\x2c\0\1x"), NULL, 0},
    {"OPT", MESSAGE(HEAD("\x85", "\x80", "\0", "\1") "\0\0\x29\4\xd0\0\0\0\0\0\0"), NULL, 0},
    {"two OPT",
     MESSAGE(
         HEAD("\x85", "\x80", "\0", "\2") "\0\0\x29\4\xd0\0\0\0\0\0\0\0\0\x29\4\xd0\0\0\0\0\0\0"),
     "OPT", 0},
    {"OPT among the answers", MESSAGE(ANSWER "\0\0\x29\4\xd0\0\0\0\0\0\0"), "OPT", 0},
    {"a name in the question that points",
     MESSAGE("\x12\x34\x85\x80\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"), "pointer", 0},
};

START_TEST(a_message_is_read_or_refused_with_a_reason)
{
    struct answer answer = {0};
    struct error err = {0};
    /* A copy of its own size: a sanitizer watches its end. */
    uint8_t *exact = malloc(messages[_i].message.len + 1);
    memcpy(exact, messages[_i].message.ptr, messages[_i].message.len);
    bool ok = answer_parse(&arena, (struct bytes){exact, messages[_i].message.len}, &answer, &err);
    free(exact);
    ck_assert_msg(ok == !messages[_i].mistake, "%s: %s", messages[_i].label, err.message);
    if (!ok)
        ck_assert_msg(strstr(err.message, messages[_i].mistake), "%s: %s", messages[_i].label,
                      err.message);
    else
        ck_assert_msg(answer.count == messages[_i].count, "%s: %u records", messages[_i].label,
                      answer.count);
}
END_TEST

START_TEST(what_is_read_is_what_was_sent)
{
    static const char text[] =
        HEAD("\x87", "\xa3", "\1", "\1") A_RECORD "\0\0\x29\4\xd0\1\0\0\0\0\0";
    struct answer answer;
    struct error err = {0};
    ck_assert_msg(
        answer_parse(&arena, (struct bytes){(const uint8_t *)text, sizeof text - 1}, &answer, &err),
        "%s", err.message);
    ck_assert_uint_eq(answer.id, 0x1234);
    ck_assert_uint_eq(answer.rcode, 0x13); /* 3 of the header, 1 of OPT */
    ck_assert(answer.is_authoritative && answer.is_truncated && answer.is_authenticated);
    ck_assert(answer.has_edns);
    ck_assert_uint_eq(answer.question.len, 7);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_str_eq(name_print(&arena, answer.records[0].owner), "a.");
    ck_assert_uint_eq(answer.records[0].type, RRTYPE_A);
    ck_assert_uint_eq(answer.records[0].ttl_s, 300);
    ck_assert_mem_eq(answer.records[0].rdata.ptr, "\xc0\0\2\1", 4);
}
END_TEST

START_TEST(a_ttl_with_its_highest_bit_is_0)
{
    static const char text[] = ANSWER "\xc0\x0c\0\1\0\1\x80\0\0\1\0\4\xc0\0\2\1";
    struct answer answer;
    ck_assert(answer_parse(&arena, (struct bytes){(const uint8_t *)text, sizeof text - 1}, &answer,
                           NULL));
    ck_assert_uint_eq(answer.records[0].ttl_s, 0);
}
END_TEST

/* Every name is a pointer to the one before: the longest chain that a message can have. */
START_TEST(a_chain_of_pointers_ends)
{
    enum {
        RECORDS = 3000
    };
    uint8_t *message = calloc(1, ANSWER_MAX_BYTES);
    struct writer w = writer_over(message, ANSWER_MAX_BYTES);
    struct answer answer;
    write_bytes(&w, "\x12\x34\x85\x80\0\1\x0b\xb8\0\0\0\0\1a\0\0\1\0\1", 19);
    for (unsigned i = 0, before = 12; i < RECORDS; i++) {
        unsigned here = (unsigned)w.len;
        if (here >= 0x4000)
            before = 12; /* out of a pointer's reach */
        write_u16(&w, (uint16_t)(0xc000 | before));
        write_bytes(&w, "\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1", 14);
        before = here;
    }
    ck_assert(writer_ok(&w));
    ck_assert(answer_parse(&arena, (struct bytes){message, w.len}, &answer, NULL));
    ck_assert_uint_eq(answer.count, RECORDS);
    ck_assert_str_eq(name_print(&arena, answer.records[500].owner), "a.");
    free(message);
}
END_TEST

/* ---- mutations of the fuzzer's corpus ---- */

static uint64_t state;

static uint32_t next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static void owners_check(const struct answer *answer, const char *label)
{
    for (uint32_t i = 0; i < answer->count; i++) {
        struct name owner = answer->records[i].owner;
        size_t at = 0;
        while (at < owner.len && owner.wire[at])
            at += owner.wire[at] + 1u;
        ck_assert_msg(at + 1 == owner.len && owner.len <= NAME_MAX_BYTES, "%s: a broken name",
                      label);
    }
}

static void mutate_and_read(struct bytes seed, const char *label)
{
    struct arena scratch = {0};
    struct answer answer;
    for (size_t len = 0; len < seed.len; len++) { /* cut at every place */
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, seed.ptr, len);
        if (answer_parse(&scratch, (struct bytes){exact, len}, &answer, NULL))
            owners_check(&answer, label);
        free(exact);
        arena_fini(&scratch);
    }
    for (int round = 0; round < 2000; round++) {
        uint8_t *exact = malloc(seed.len);
        memcpy(exact, seed.ptr, seed.len);
        for (uint32_t i = 0; i <= next_random() % 4; i++)
            exact[next_random() % seed.len] = (uint8_t)next_random();
        if (answer_parse(&scratch, (struct bytes){exact, seed.len}, &answer, NULL))
            owners_check(&answer, label);
        free(exact);
        arena_fini(&scratch);
    }
}

START_TEST(no_mutation_of_the_corpus_breaks_the_parser)
{
    const char *rerun = getenv("SRVPLAN_SEED");
    uint64_t seed = rerun ? strtoull(rerun, NULL, 0) : 0x5eed;
    char folder[512], path[800];
    struct dirent **names;
    printf("rerun: SRVPLAN_SEED=0x%llx\n", (unsigned long long)seed);
    state = seed;
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus_answer", getenv("SRVPLAN_SOURCE"));
    int count = scandir(folder, &names, NULL, alphasort);
    ck_assert_int_gt(count, 5);
    for (int i = 0; i < count; i++) {
        struct bytes file;
        struct error err = {0};
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.') {
            ck_assert_msg(file_read(path, ANSWER_MAX_BYTES, &file, &err), "%s", err.message);
            mutate_and_read(file, path);
            free((void *)(uintptr_t)file.ptr);
        }
        free(names[i]);
    }
    free(names);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answer");
    TCase *tcase = tcase_create("answer");
    tcase_add_loop_test(tcase, a_message_is_read_or_refused_with_a_reason, 0, COUNT_OF(messages));
    tcase_add_test(tcase, what_is_read_is_what_was_sent);
    tcase_add_test(tcase, a_ttl_with_its_highest_bit_is_0);
    tcase_add_test(tcase, a_chain_of_pointers_ends);
    tcase_add_test(tcase, no_mutation_of_the_corpus_breaks_the_parser);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    arena_fini(&arena);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

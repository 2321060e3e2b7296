/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A batch is answered in five steps; what is said is what query_answer says one by one. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "dnsd/query.h"
#include "fixture.h"

enum {
    ROOM = SETTINGS_EDNS_MAX_BYTES,
    NOW_S = 1800000000,
    ROUNDS = 3000,
};

static struct fixture fixture;
static uint32_t turns[2][FIXTURE_SETS];
static struct query_state states[2];
static struct settings settings = {.edns_size = 1232, .nsid = {4, "here"}};
static uint8_t buffers[2][QUERY_BATCH][ROOM];

static const char *const names[] = {
    "\7example\3org",
    "\14_xmpp-client\4_tcp\7example\3org",
    "\14_xmpp-client\4_tcp\7example\3net",
    "\14_xMPP-cLIENT\4_tcp\3sub\7EXAMPLE\3org",
    "\4_tcp\7example\3org",
    "\5_wide\4_tcp\7example\3org",
    "\5_many\4_tcp\7example\3org",
    "\1x\1y\1z\4_tcp\7example\3org",
    "\7example\3edu",
    "",
};

static unsigned below(unsigned limit)
{
    return (unsigned)rand() % limit;
}

static void set_up(void)
{
    static const struct cookie_secret secret = {"0123456789abcde"};
    fixture_build(&fixture, 7, 100);
    cookie_secrets_store(&settings.secrets, &secret, 1);
    memset(turns, 0, sizeof turns);
    for (int i = 0; i < 2; i++)
        states[i] = (struct query_state){
            .decide = {.image = &fixture.image, .turns = turns[i], .settings = &settings}};
    srand(1);
}

static void tear_down(void)
{
    fixture_fini(&fixture);
}

/* A query, or one that is not quite; returns its length. */
static size_t put_query(uint8_t *to)
{
    static const uint8_t types[] = {33, 1, 6, 2, 43, 255, 65};
    const char *name = names[below(COUNT_OF(names))];
    size_t at = 12, len = strlen(name);
    memset(to, 0, 12);
    to[0] = (uint8_t)below(256);
    to[5] = 1;
    memcpy(to + at, name, len + 1);
    at += len + 1;
    memcpy(to + at, (const uint8_t[]){0, types[below(COUNT_OF(types))], 0, 1}, 4);
    at += 4;
    if (below(3)) {
        static const uint8_t opt[] = {0, 0, 41, 4, 208, 0,   0,   0,   0,   0,   16,  0,   3,  0,
                                      0, 0, 10, 0, 8,   'c', 'l', 'i', 'e', 'n', 't', 'c', 'o'};
        to[11] = 1;
        memcpy(to + at, opt, sizeof opt);
        at += sizeof opt;
    }
    switch (below(12)) {
    case 0:
        return below(12); /* no header */
    case 1:
        return at - 1; /* FORMERR */
    case 2:
        to[2] = 0x80; /* a response */
        return at;
    case 3:
        to[2] = 0x28; /* an update: NOTIMP */
        return at;
    default:
        return at;
    }
}

START_TEST(a_batch_says_what_is_said_one_by_one)
{
    static const uint8_t source[4] = {192, 0, 2, 1};
    static struct query_work works[QUERY_BATCH];
    static struct query queries[2][QUERY_BATCH];
    unsigned answers = 0, drops = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned count = 1 + below(QUERY_BATCH);
        for (unsigned i = 0; i < count; i++) {
            size_t length = put_query(buffers[0][i]);
            memcpy(buffers[1][i], buffers[0][i], ROOM);
            for (unsigned j = 0; j < 2; j++)
                queries[j][i] = (struct query){.bytes = buffers[j][i],
                                               .length = length,
                                               .source = source,
                                               .source_length = sizeof source,
                                               .now_ms = (int64_t)NOW_S * 1000};
        }
        for (unsigned i = 0; i < count; i++)
            query_begin(&queries[0][i], &states[0], &works[i]);
        for (unsigned i = 0; i < count; i++)
            query_find(&states[0], &works[i]);
        for (unsigned i = 0; i < count; i++)
            query_fetch(&states[0], &works[i]);
        for (unsigned i = 0; i < count; i++)
            query_decide(&queries[0][i], &states[0], &works[i]);
        for (unsigned i = 0; i < count; i++) {
            size_t got = query_finish(&queries[0][i], &states[0], &works[i]);
            size_t expected = query_answer(&queries[1][i], &states[1]);
            ck_assert_msg(got == expected, "round %u, query %u: %zu bytes, one by one %zu", round,
                          i, got, expected);
            ck_assert_mem_eq(buffers[0][i], buffers[1][i], ROOM);
            ck_assert_uint_eq(states[0].set, states[1].set);
            answers += got > 0;
            drops += got == 0;
        }
    }
    ck_assert_mem_eq(turns[0], turns[1], sizeof turns[0]);
    ck_assert_mem_eq(&states[0].unread, &states[1].unread, sizeof states[0].unread);
    ck_assert_uint_gt(answers, ROUNDS);
    ck_assert_uint_gt(drops, ROUNDS);
}
END_TEST

START_TEST(a_name_that_was_looked_up_before_is_the_same_to_decide)
{
    unsigned found = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        static struct question question;
        struct verdict verdicts[2];
        size_t length = put_query(buffers[0][0]);
        if (question_parse(buffers[0][0], (uint32_t)length, &question) != QUESTION_GOOD)
            continue;
        decide(&question, TRANSPORT_DATAGRAM, &states[0].decide, &verdicts[0]);
        decide_begin(&question, &states[1].decide);
        decide_find(&question, &states[1].decide);
        decide(&question, TRANSPORT_DATAGRAM, &states[1].decide, &verdicts[1]);
        ck_assert_uint_eq(verdicts[0].thing, verdicts[1].thing);
        ck_assert_uint_eq(verdicts[0].set, verdicts[1].set);
        ck_assert_uint_eq(verdicts[0].answer, verdicts[1].answer);
        ck_assert_uint_eq(verdicts[0].rcode, verdicts[1].rcode);
        ck_assert_uint_eq(verdicts[0].body_delta, verdicts[1].body_delta);
        found += question.look_up == QUESTION_FOUND && question.name != IMAGE_NONE;
    }
    ck_assert_uint_gt(found, ROUNDS / 4);
}
END_TEST

START_TEST(without_an_image_a_batch_gets_servfail)
{
    static struct query_work work;
    struct query query = {.bytes = buffers[0][0], .now_ms = 1};
    states[0].decide.image = NULL;
    do
        query.length = put_query(buffers[0][0]);
    while (query.length < 17 || buffers[0][0][2]);
    query_begin(&query, &states[0], &work);
    query_find(&states[0], &work);
    query_fetch(&states[0], &work);
    query_decide(&query, &states[0], &work);
    ck_assert_uint_ge(query_finish(&query, &states[0], &work), 12);
    ck_assert_uint_eq(buffers[0][0][3] & 15, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *tests = tcase_create("batch");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_batch_says_what_is_said_one_by_one);
    tcase_add_test(tests, a_name_that_was_looked_up_before_is_the_same_to_decide);
    tcase_add_test(tests, without_an_image_a_batch_gets_servfail);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

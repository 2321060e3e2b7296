/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams over socket pairs, with a clock of our own: who gives way to whom, what one client may
 * have, and that memory is lent and given back. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "dnsd/stream.h"
#include "fixture.h"

enum {
    TOTAL = 8,
    PER_CLIENT = 3
};

static const char query[] =
    "\0\57\276\357\0\0\0\1\0\0\0\0\0\0\14_xmpp-client\4_tcp\7example\3org\0\0\41\0\1";
static const char huge[] =
    "\0\50\276\357\0\0\0\1\0\0\0\0\0\0\5_huge\4_tcp\7example\3org\0\0\41\0\1";

static struct generations all;
static struct stream_pool pool;
static struct error err;
static int theirs[64]; /* the other ends */
static int count;

static void set_up(void)
{
    static struct fixture fixture;
    const struct stream_limits limits = {.total = TOTAL, .per_client = PER_CLIENT};
    err = (struct error){0};
    count = 0;
    ck_assert(generations_init(&all, 1, &err));
    fixture_build(&fixture, 1, 100);
    ck_assert(generations_take(&all, &fixture.image, 0, &err));
    fixture_fini(&fixture);
    ck_assert(stream_pool_init(&pool, &all, &limits, &err));
}

static void tear_down(void)
{
    stream_pool_fini(&pool);
    ck_assert_uint_eq(pool.open, 0);
    ck_assert_uint_eq(atomic_load(&atomic_load(&all.current)->in_streams), 0);
    generations_fini(&all);
    while (count)
        close(theirs[--count]);
}

static struct stream *add(const char *address, int64_t now_ms)
{
    struct sockaddr_storage peer = {0};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int pair[2];
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        memcpy(&peer, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
        memcpy(&peer, &v6, sizeof v6);
    else
        ck_abort_msg("%s", address);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    theirs[count++] = pair[1];
    struct stream *stream = stream_add(&pool, pair[0], &peer, now_ms);
    if (!stream)
        close(pair[0]);
    return stream;
}

static struct stream *add_number(int number, int64_t now_ms)
{
    char address[20];
    snprintf(address, sizeof address, "192.0.2.%d", number);
    return add(address, now_ms);
}

/* What the last one that was added, or number `i`, sends. */
static void send_from(int i, const char *bytes, size_t len)
{
    ck_assert_int_eq(send(theirs[i], bytes, len, 0), (ssize_t)len);
}

static size_t take(int i)
{
    static uint8_t bytes[1 << 20];
    ssize_t got = recv(theirs[i], bytes, sizeof bytes, MSG_DONTWAIT);
    return got > 0 ? (size_t)got : 0;
}

START_TEST(an_idle_stream_has_no_desk_and_a_partial_query_does)
{
    struct stream *stream = add("192.0.2.1", 0);
    ck_assert_ptr_null(stream->desk);
    send_from(0, query, 10);
    ck_assert(stream_read(&pool, stream, 1));
    ck_assert_ptr_nonnull(stream->desk);
    ck_assert_int_eq(stream->wait, STREAM_WAITS_FOR_REST);
    send_from(0, query + 10, sizeof query - 11);
    ck_assert(stream_read(&pool, stream, 2));
    ck_assert_uint_gt(take(0), 100);
    ck_assert(stream_settle(&pool, stream, 3));
    ck_assert_ptr_null(stream->desk);
    ck_assert_int_eq(stream->wait, STREAM_WAITS_FOR_QUERY);
}
END_TEST

START_TEST(bytes_of_a_query_do_not_make_it_younger)
{
    struct stream *stream = add("192.0.2.1", 0);
    for (int i = 0; i < 10; i++) {
        send_from(0, query + i, 1);
        ck_assert(stream_read(&pool, stream, 100 + i));
        ck_assert_int_eq(stream->since_ms, 100);
    }
    send_from(0, query + 10, sizeof query - 11);
    ck_assert(stream_read(&pool, stream, 500));
    ck_assert_int_eq(stream->since_ms, 500); /* a whole query does */
}
END_TEST

/* Asks for more than the kernel takes; true: an answer stands with us. */
static bool get_stuck(struct stream *stream, int64_t now_ms)
{
    for (int i = 0; i < 20 && !stream->rest; i++) {
        send_from(count - 1, huge, sizeof huge - 1);
        if (!stream_read(&pool, stream, now_ms))
            return false;
    }
    return stream->rest;
}

START_TEST(bytes_of_an_answer_do_not_make_it_younger)
{
    struct stream *stream = add("192.0.2.1", 0);
    ck_assert(get_stuck(stream, 100));
    ck_assert_int_eq(stream->wait, STREAM_WAITS_FOR_SPACE);
    uint8_t byte[4096];
    for (int i = 0; i < 8; i++) {
        ck_assert_int_gt(recv(theirs[0], byte, sizeof byte, 0), 0);
        ck_assert(stream_write(&pool, stream, 200 + i));
        ck_assert_int_eq(stream->since_ms, 100);
    }
}
END_TEST

START_TEST(when_full_the_longest_idle_gives_way_before_any_busy_one)
{
    struct stream *streams[TOTAL];
    for (int i = 0; i < TOTAL; i++)
        streams[i] = add_number(i, i);
    for (int i = 0; i < TOTAL; i++) { /* the even ones are busy, the odd ones have been served */
        send_from(i, query, i % 2 ? sizeof query - 1 : 5);
        ck_assert(stream_read(&pool, streams[i], 100 + i));
        (void)take(i);
        ck_assert(stream_settle(&pool, streams[i], 100 + i));
    }
    for (int i = 1; i < TOTAL; i += 2) {
        uint32_t serial = streams[i]->serial;
        ck_assert_ptr_eq(add_number(100 + i, 200 + i), streams[i]);
        ck_assert_uint_eq(streams[i]->serial, serial + 1);
        send_from(count - 1, query, 5);
        ck_assert(stream_read(&pool, streams[i], 200 + i));
    }
    for (int i = 0; i < TOTAL; i += 2) { /* nobody is idle: who has been slow for longest */
        ck_assert_ptr_eq(add_number(200 + i, 300 + i), streams[i]);
        send_from(count - 1, query, 5);
        ck_assert(stream_read(&pool, streams[i], 300 + i));
    }
    ck_assert_uint_eq(pool.open, TOTAL);
}
END_TEST

START_TEST(a_client_has_its_cap_and_loses_its_own)
{
    struct stream *mine[PER_CLIENT];
    for (int i = 0; i < PER_CLIENT; i++)
        mine[i] = add("192.0.2.1", i);
    struct stream *other = add("192.0.2.2", 0);
    uint32_t serial = other->serial;
    send_from(0, query, 5);
    ck_assert(stream_read(&pool, mine[0], 10)); /* busy, so the second goes */
    ck_assert_ptr_eq(add("192.0.2.1", 20), mine[1]);
    ck_assert_ptr_eq(add("192.0.2.1", 21), mine[2]);
    ck_assert_uint_eq(pool.open, PER_CLIENT + 1);
    for (int i = 1; i < PER_CLIENT; i++) {
        send_from(count - PER_CLIENT + i, query, 5);
        ck_assert(stream_read(&pool, mine[i], 30));
    }
    ck_assert_ptr_null(add("192.0.2.1", 40)); /* all of its are busy */
    ck_assert_uint_eq(pool.open, PER_CLIENT + 1);
    ck_assert_uint_eq(other->serial, serial);
    stream_close(&pool, mine[1]);
    ck_assert_ptr_nonnull(add("192.0.2.1", 50));
}
END_TEST

static const struct {
    const char *first, *second;
    bool is_one_client;
} prefixes[] = {
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "192.0.2.2", false},
    {"2001:db8::1", "2001:db8::ffff:2", true},
    {"2001:db8::1", "2001:db8:0:1::1", false},
    {"0.0.0.0", "::", false},
};

START_TEST(a_client_is_an_address_or_a_network_of_64_bits)
{
    const struct stream *first = add(prefixes[_i].first, 0), *second = add(prefixes[_i].second, 0);
    ck_assert_msg((first->client == second->client) == prefixes[_i].is_one_client, "%s and %s",
                  prefixes[_i].first, prefixes[_i].second);
}
END_TEST

START_TEST(clients_that_are_gone_are_forgotten)
{
    for (int round = 0; round < 40; round++) {
        struct stream *stream = add_number(round, round);
        ck_assert_ptr_nonnull(stream);
        stream_close(&pool, stream);
    }
    ck_assert_uint_eq(pool.clients.used, 1);
    ck_assert_uint_eq(pool.used, 1);
}
END_TEST

START_TEST(a_stream_may_be_idle_for_less_when_places_run_out)
{
    for (int i = 0; i < TOTAL; i++) {
        ck_assert_int_eq(stream_idle_ms(&pool), i <= TOTAL * 3 / 4 ? STREAM_IDLE_MS : 2000);
        add_number(i, 0);
    }
}
END_TEST

START_TEST(without_a_buffer_one_answer_at_a_time_goes_out)
{
    struct stream *stream = add("192.0.2.1", 0);
    pool.buffers_used = STREAM_BUFFERS; /* all are lent to others */
    send_from(0, query, sizeof query - 1);
    send_from(0, query, sizeof query - 1);
    ck_assert(stream_read(&pool, stream, 1));
    ck_assert_uint_eq(stream->pending_count, 1);
    ck_assert_int_eq(stream->wait, STREAM_WAITS_FOR_SPACE);
    ck_assert_uint_eq(stream_events(&pool, stream), 0);
    size_t one = take(0);
    ck_assert(stream_settle(&pool, stream, 2)); /* it was taken, the next goes out */
    ck_assert_uint_eq(take(0), one);
    ck_assert(stream_settle(&pool, stream, 3));
    ck_assert_int_eq(stream->wait, STREAM_WAITS_FOR_QUERY);
    pool.buffers_used = 0;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *tests = tcase_create("stream");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_idle_stream_has_no_desk_and_a_partial_query_does);
    tcase_add_test(tests, bytes_of_a_query_do_not_make_it_younger);
    tcase_add_test(tests, bytes_of_an_answer_do_not_make_it_younger);
    tcase_add_test(tests, when_full_the_longest_idle_gives_way_before_any_busy_one);
    tcase_add_test(tests, a_client_has_its_cap_and_loses_its_own);
    tcase_add_loop_test(tests, a_client_is_an_address_or_a_network_of_64_bits, 0,
                        COUNT_OF(prefixes));
    tcase_add_test(tests, clients_that_are_gone_are_forgotten);
    tcase_add_test(tests, a_stream_may_be_idle_for_less_when_places_run_out);
    tcase_add_test(tests, without_a_buffer_one_answer_at_a_time_goes_out);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

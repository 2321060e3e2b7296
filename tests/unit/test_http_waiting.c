/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that wait: for the world, for another view, for events, for the end. */
#include "http_fixture.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- jobs under way ------------------------------------------------------------------------------
 */

static int send_drain(void)
{
    char request[512];
    int len = snprintf(request, sizeof request,
                       POST "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                       token, sizeof DRAIN_BODY - 1, DRAIN_BODY);
    int fd = connect_tcp();
    put(fd, request, (size_t)len);
    return fd;
}

START_TEST(changes_wait_without_holding_up_reads)
{
    static char reply[REPLY_SIZE];
    int fds[50];
    start((struct http_limits){0});
    fake_set(FAKE_HOLD);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        fds[i] = send_drain();
    fake_wait_submitted(COUNT_OF(fds));
    ck_assert_int_eq(ask("GET", "/api/v1/status", NULL, NULL, reply), 200);
    fake_set(FAKE_ANSWER);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        ck_assert_int_gt(get_all(fds[i], reply), 0);
        ck_assert_int_eq(status_of(reply), 201);
    }
}
END_TEST

START_TEST(a_full_world_gives_503)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    fake_set(FAKE_FULL);
    ck_assert_int_eq(ask("POST", "/api/v1/drains", NULL, DRAIN_BODY, reply), 503);
    ck_assert(has(reply, "Retry-After: 2") && has(reply, "too many changes wait"));
}
END_TEST

START_TEST(a_client_that_leaves_does_not_stop_its_change)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    fake_set(FAKE_HOLD);
    int fd = send_drain();
    fake_wait_submitted(1);
    struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    fake_set(FAKE_ANSWER);
    ck_assert_int_eq(ask("POST", "/api/v1/drains", NULL, DRAIN_BODY, reply), 201);
    ck_assert_uint_eq(fake.submitted, 2);
}
END_TEST

static void *stop_thread(void *context)
{
    (void)context;
    stop();
    return NULL;
}

START_TEST(a_stop_lets_changes_under_way_end)
{
    static char reply[REPLY_SIZE];
    pthread_t thread;
    start((struct http_limits){0});
    fake_set(FAKE_HOLD);
    int fd = send_drain();
    fake_wait_submitted(1);
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_thread, NULL), 0);
    fake_set(FAKE_ANSWER);
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 201);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_ever_and_a_late_result_does_no_harm)
{
    static char reply[REPLY_SIZE];
    pthread_t thread;
    start((struct http_limits){.stop_ms = 50});
    fake_set(FAKE_HOLD);
    int fd = send_drain();
    fake_wait_submitted(1);
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_thread, NULL), 0);
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 503);
    ck_assert(has(reply, "whether the change was stored is not known"));
    pthread_join(thread, NULL);
    fake_set(FAKE_ANSWER); /* teardown waits for it */
}
END_TEST

/* -- long polls and streams ----------------------------------------------------------------------
 */

/* What the world does when something has changed. */
static void renew(uint64_t index)
{
    fixture->view.index = index;
    events_renew(events, &(struct event_moment){.revision = 7, .index = index});
}

static int send_get(const char *path, const char *more)
{
    char request[1024];
    int fd = connect_tcp();
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s\r\n",
                       path, token, more);
    put(fd, request, (size_t)len);
    return fd;
}

/* Reads until `part` has come. */
static void get_until(int fd, const char *part, char reply[static REPLY_SIZE])
{
    size_t len = 0;
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    reply[0] = '\0';
    while (!has(reply, part)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ck_assert_msg(poll(&wait, 1, (int)(until_ms - clock_monotonic_ms())) > 0, "no %s in %s",
                      part, reply);
        ssize_t got = recv(fd, reply + len, REPLY_SIZE - 1 - len, 0);
        ck_assert_msg(got > 0, "it ends before %s: %s", part, reply);
        len += (size_t)got;
        reply[len] = '\0';
    }
}

static bool is_quiet(int fd, int for_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN | POLLRDHUP};
    return poll(&wait, 1, for_ms) == 0;
}

static const struct {
    const char *label, *path;
    int status;
    const char *has;
    bool waits; /* until there is another view */
} polls[] = {
    {"the index of now", "/api/v1/nodes?index=12&wait=10m", 200, "X-Srvplan-Index: 13", true},
    {"the same of one thing", "/api/v1/drains/dr_1?index=12", 200, "dr_1", true},
    {"of a status", "/api/v1/status?index=12&wait=5m", 200, "\"index\":13", true},
    {"an older index", "/api/v1/nodes?index=11&wait=10m", 200, "X-Srvplan-Index: 12", false},
    {"one of before a restart", "/api/v1/nodes?index=99&wait=10m", 200, "X-Srvplan-Index: 12",
     false},
    {"no time", "/api/v1/nodes?index=12&wait=0s", 200, "X-Srvplan-Index: 12", false},
    {"wait alone", "/api/v1/nodes?wait=5s", 400, "wait needs index", false},
    {"too long", "/api/v1/nodes?index=12&wait=11m", 400, "unknown-parameter", false},
    {"without a unit", "/api/v1/nodes?index=12&wait=30", 400, "wait: ", false},
    {"no number", "/api/v1/nodes?index=now", 400, "index must be a number", false},
    {"where there is no view", "/api/v1/revisions?index=12", 400, "known: limit after", false},
};

START_TEST(a_long_poll_is_answered_when_there_is_another_view)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    int fd = send_get(polls[_i].path, "");
    if (polls[_i].waits) {
        ck_assert_msg(is_quiet(fd, 100), "%s: answered at once", polls[_i].label);
        renew(12); /* events, and the same view: goes on waiting */
        ck_assert_msg(is_quiet(fd, 50), "%s: answered for nothing", polls[_i].label);
        renew(13);
    }
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_msg(status_of(reply) == polls[_i].status, "%s: %s", polls[_i].label, reply);
    ck_assert_msg(has(reply, polls[_i].has), "%s: %s", polls[_i].label, reply);
}
END_TEST

START_TEST(a_long_poll_ends_when_its_time_is_over)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){.answer_ms = 200});
    int64_t begun_ms = clock_monotonic_ms();
    int fd = send_get("/api/v1/nodes?index=12&wait=1s", "");
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 200);
    ck_assert_int_ge(clock_monotonic_ms() - begun_ms, 1000);
}
END_TEST

START_TEST(those_who_wait_do_not_use_up_the_connections)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){.waiting = 2});
    int poll_fd = send_get("/api/v1/nodes?index=12", "");
    int stream_fd = send_get("/api/v1/events", "");
    get_until(stream_fd, "event: hello", reply);
    ck_assert(is_quiet(poll_fd, 50));
    ck_assert_int_eq(ask("GET", "/api/v1/nodes?index=12", NULL, NULL, reply), 503);
    ck_assert_int_eq(ask("GET", "/api/v1/events", NULL, NULL, reply), 503);
    ck_assert_msg(has(reply, "Retry-After: "), "%s", reply);
    ck_assert_int_eq(ask("GET", "/api/v1/nodes", NULL, NULL, reply), 200);
    renew(13);
    ck_assert_int_gt(get_all(poll_fd, reply), 0);
    /* Its place is free as soon as the server has seen the end of its connection. */
    int64_t deadline_ms = clock_monotonic_ms() + 5000;
    int fd = send_get("/api/v1/nodes?index=13", "");
    while (!is_quiet(fd, 50)) {
        ck_assert(clock_monotonic_ms() < deadline_ms);
        close(fd);
        fd = send_get("/api/v1/nodes?index=13", "");
    }
    close(fd);
    close(stream_fd);
}
END_TEST

START_TEST(events_arrive_as_they_happen_with_heartbeats_between)
{
    static char reply[REPLY_SIZE];
    const struct event_moment moment = {.revision = 8, .index = 13};
    start((struct http_limits){.heartbeat_ms = 50, .answer_ms = 50, .idle_s = 1});
    int fd = send_get("/api/v1/events", "");
    get_until(fd, "event: hello", reply);
    ck_assert_msg(has(reply, "Content-Type: text/event-stream\r\n") && has(reply, "id: 7.1000\n"),
                  "%s", reply);
    get_until(fd, ": \n\n", reply);
    events_publish(events, EVENT_SERVED, &moment, json_pack("{s:i}", "answer", 42));
    events_renew(events, &moment);
    get_until(fd, "id: 8.1001\nevent: served\ndata: {\"answer\":42,", reply);
    int64_t until_ms = clock_monotonic_ms() + 2000; /* beyond every deadline of a request */
    while (clock_monotonic_ms() < until_ms)
        get_until(fd, ": \n\n", reply);
    close(fd);
}
END_TEST

START_TEST(a_stop_ends_streams_and_long_polls)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    int stream_fd = send_get("/api/v1/events", "");
    get_until(stream_fd, "event: hello", reply);
    int poll_fd = send_get("/api/v1/nodes?index=12", "");
    ck_assert(is_quiet(poll_fd, 100));
    int64_t begun_ms = clock_monotonic_ms();
    stop();
    ck_assert_int_lt(clock_monotonic_ms() - begun_ms, 1500);
    ck_assert_int_ge(get_all(stream_fd, reply), 0);
    ck_assert_int_gt(get_all(poll_fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 200);
}
END_TEST

/* The bodies of routes that depend on the view alone are kept; not a moment longer than it. */
START_TEST(an_answer_that_is_kept_goes_with_its_view)
{
    static char first[REPLY_SIZE], again[REPLY_SIZE];
    start((struct http_limits){0});
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(ask("GET", "/api/v1/nodes?limit=1", NULL, NULL, first), 200);
        ck_assert_int_eq(ask("GET", "/api/v1/nodes?limit=1", NULL, NULL, again), 200);
        ck_assert_str_eq(strstr(first, "\r\n\r\n"), strstr(again, "\r\n\r\n"));
        ck_assert_msg(has(again, "Link: </api/v1/nodes?limit=1&after=xmpp1>; rel=\"next\""), "%s",
                      again);
        char tag[64], match[100];
        snprintf(tag, sizeof tag, "ETag: \"i%d\"", 12 + round);
        ck_assert_msg(has(first, tag) && has(again, tag), "%s", again);
        snprintf(match, sizeof match, "If-None-Match: \"i%d\"\r\n", 12 + round);
        ck_assert_int_eq(ask("GET", "/api/v1/nodes?limit=1", match, NULL, again), 304);
        ck_assert_int_eq(ask("GET", "/api/v1/nodes?limit=2", NULL, NULL, again), 200);
        ck_assert(has(again, "xmpp2"));
        ck_assert_int_eq(ask("HEAD", "/api/v1/nodes?limit=1", NULL, NULL, again), 200);
        ck_assert_str_eq(strstr(again, "\r\n\r\n"), "\r\n\r\n");
        ck_assert_int_eq(
            ask_bytes(BYTES("GET /api/v1/nodes?limit=1 HTTP/1.1\r\n" HOST "\r\n"), again), 401);
        renew(13 + (uint64_t)round);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_waiting");
    TCase *tcase = tcase_create("http_waiting");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, changes_wait_without_holding_up_reads);
    tcase_add_test(tcase, a_full_world_gives_503);
    tcase_add_test(tcase, a_client_that_leaves_does_not_stop_its_change);
    tcase_add_test(tcase, a_stop_lets_changes_under_way_end);
    tcase_add_test(tcase, a_stop_does_not_wait_for_ever_and_a_late_result_does_no_harm);
    tcase_add_loop_test(tcase, a_long_poll_is_answered_when_there_is_another_view, 0,
                        (int)COUNT_OF(polls));
    tcase_add_test(tcase, a_long_poll_ends_when_its_time_is_over);
    tcase_add_test(tcase, those_who_wait_do_not_use_up_the_connections);
    tcase_add_test(tcase, events_arrive_as_they_happen_with_heartbeats_between);
    tcase_add_test(tcase, a_stop_ends_streams_and_long_polls);
    tcase_add_test(tcase, an_answer_that_is_kept_goes_with_its_view);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

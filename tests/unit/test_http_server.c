/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reaches the API server and what does not: framing, deadlines, limits, sockets. */
#include "http_fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

/* -- framing -------------------------------------------------------------------------------------
 */

#define INNER "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"

static const struct {
    const char *label;
    const char *request;
    size_t len;
    int status;
} framing[] = {
    {"a plain request", BYTES(GET HOST "\r\n"), 200},
    {"HTTP/1.0 with a Host", BYTES("GET /livez HTTP/1.0\r\n" HOST "\r\n"), 200},
    {"a length and a chunked body",
     BYTES(POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" INNER), 400},
    {"chunked alone", BYTES(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" INNER), 400},
    {"two lengths that differ", BYTES(POST "Content-Length: 0\r\nContent-Length: 43\r\n\r\n" INNER),
     400},
    {"two Hosts", BYTES(GET HOST "Host: evil.example\r\n\r\n"), 400},
    {"no Host", BYTES(GET "\r\n"), 400},
    {"a stranger's Host", BYTES(GET "Host: evil.example\r\n\r\n"), 400},
    {"bare LF", BYTES("GET /livez HTTP/1.1\nHost: localhost\n\n"), 400},
    {"bare LF in the middle", BYTES(GET "Host: localhost\nX: y\r\n\r\n"), 400},
    {"bare CR", BYTES("GET /livez HTTP/1.1\rHost: localhost\r\r"), 400},
    {"NUL in a value", BYTES(GET "Host: localhost\0evil\r\n\r\n"), 400},
    {"NUL in a name", BYTES(GET HOST "X\0Y: z\r\n\r\n"), 400},
    {"%00 in the path", BYTES("GET /livez%00x HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"%2f in the path", BYTES("GET /api%2fv1/version HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"%0d%0a in the path", BYTES("GET /livez%0d%0aX: HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"..", BYTES("GET /api/../livez HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"a folded header", BYTES(GET HOST "X: a\r\n b\r\n\r\n"), 400},
    {"a space before the colon", BYTES(GET "Host : localhost\r\n\r\n"), 400},
    {"a signed length", BYTES(POST "Content-Length: +1\r\n\r\nx"), 400},
    {"an absolute target", BYTES("GET http://localhost/livez HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"TLS", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400},
    {"a body where none is taken",
     BYTES("GET /livez HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"), 400},
    {"an empty line first", BYTES("\r\n" GET HOST "\r\n"), 400},
    {"a second request behind the first", BYTES(GET HOST "\r\n" INNER), 200},
};

START_TEST(doubtful_framing_ends_in_400_and_one_answer_closes)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    int status = ask_bytes(framing[_i].request, framing[_i].len, reply);

    ck_assert_msg(status == framing[_i].status, "%s: %d\n%s", framing[_i].label, status, reply);
    ck_assert_msg(has(reply, "Connection: close"), "%s:\n%s", framing[_i].label, reply);
    const char *second = strstr(reply + 8, "HTTP/1.1 ");
    ck_assert_msg(!second, "%s: two answers\n%s", framing[_i].label, reply);
}
END_TEST

START_TEST(a_request_may_come_byte_by_byte)
{
    static char reply[REPLY_SIZE];
    static const char body[] = "{\"node\": \"xmpp2\", \"reason\": \"kernel\"}";
    char request[1024];
    start((struct http_limits){0});
    int len = snprintf(request, sizeof request,
                       POST "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                       token, sizeof body - 1, body);
    int fd = connect_tcp();
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int){1}, sizeof(int)), 0);
    for (int i = 0; i < len; i++)
        put(fd, request + i, 1);
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 201);

    fd = connect_unix();
    for (int i = 0; i < len; i++)
        put(fd, request + i, 1);
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 201);
}
END_TEST

START_TEST(a_client_that_has_sent_all_and_shut_its_side_is_answered)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    int fd = connect_tcp();
    put(fd, BYTES(GET HOST "\r\n"));
    shutdown(fd, SHUT_WR);
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 200);
}
END_TEST

/* -- deadlines and limits ------------------------------------------------------------------------
 */

static const struct {
    const char *label;
    const char *first; /* what is sent at once; then a byte each 10 ms */
    const char *drip;
} slow[] = {
    {"nothing", "", ""},
    {"half a head", GET "Host: lo", ""},
    {"a header byte at a time", GET HOST "X: ", "a"},
    {"half a body",
     POST "Content-Type: application/json\r\nContent-Length: 1000\r\n"
          "Authorization: Bearer @\r\n\r\n{",
     ""},
    {"a body byte at a time",
     POST "Content-Type: application/json\r\nContent-Length: 1000000\r\n"
          "Authorization: Bearer @\r\n\r\n{",
     " "},
};

START_TEST(slow_requests_are_cut_when_their_time_is_over)
{
    static char reply[REPLY_SIZE];
    char first[512];
    const char *at = strchr(slow[_i].first, '@');
    snprintf(first, sizeof first, "%.*s%s%s", at ? (int)(at - slow[_i].first) : 500, slow[_i].first,
             at ? token : "", at ? at + 1 : "");
    start((struct http_limits){.head_ms = 200, .request_ms = 200});
    int64_t begun_ms = clock_monotonic_ms();
    int fd = connect_tcp();
    put(fd, first, strlen(first));
    struct pollfd wait = {.fd = fd, .events = POLLIN | POLLRDHUP};
    while (poll(&wait, 1, 10) == 0) {
        ck_assert_msg(clock_monotonic_ms() - begun_ms < PATIENCE_MS, "%s: lives on",
                      slow[_i].label);
        put(fd, slow[_i].drip, strlen(slow[_i].drip));
    }
    (void)get_all(fd, reply);
    int64_t took_ms = clock_monotonic_ms() - begun_ms;
    ck_assert_msg(took_ms >= 190 && took_ms < 5000, "%s: %d ms", slow[_i].label, (int)took_ms);
    ck_assert_int_eq(ask("GET", "/livez", NULL, NULL, reply), 200);
}
END_TEST

START_TEST(a_request_that_is_whole_is_not_cut_while_it_waits)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){.head_ms = 50, .request_ms = 50});
    fake_set(FAKE_HOLD);
    char request[512];
    static const char body[] = "{\"node\": \"xmpp2\", \"reason\": \"kernel\"}";
    int len = snprintf(request, sizeof request,
                       POST "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                       token, sizeof body - 1, body);
    int fd = connect_tcp();
    put(fd, request, (size_t)len);
    fake_wait_submitted(1);
    struct pollfd wait = {.fd = fd, .events = POLLIN | POLLRDHUP};
    ck_assert_int_eq(poll(&wait, 1, 300), 0); /* six deadlines later it is still there */
    fake_set(FAKE_ANSWER);
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 201);
}
END_TEST

static const struct {
    const char *label;
    int (*connect)(void);
    struct http_limits limits;
    const char *sent;
} floods[] = {
    {"silent, from one address", connect_tcp, {.per_address = 64}, ""},
    {"silent, to the limit of all", connect_tcp, {.per_address = 1000}, ""},
    {"half heads", connect_tcp, {.per_address = 64}, GET "Host: l"},
    {"half bodies",
     connect_tcp,
     {.per_address = 64},
     POST "Content-Length: 10\r\nContent-Type: application/json\r\n\r\n{"},
    {"silent, on the UNIX socket", connect_unix, {0}, ""},
};

START_TEST(three_hundred_idle_connections_do_not_keep_a_client_out)
{
    static char reply[REPLY_SIZE];
    int fds[300];
    start(floods[_i].limits);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = floods[_i].connect();
        put(fds[i], floods[_i].sent, strlen(floods[_i].sent));
    }
    int64_t begun_ms = clock_monotonic_ms();
    ck_assert_msg(ask("GET", "/api/v1/status", NULL, NULL, reply) == 200, "%s: %s",
                  floods[_i].label, reply);
    int64_t took_ms = clock_monotonic_ms() - begun_ms;
    /* Well below the 10 s after which a slow head is cut: nobody waits for the slow ones. On a
     * quiet machine it is some milliseconds. */
    ck_assert_msg(took_ms < 3000, "%s: %d ms", floods[_i].label, (int)took_ms);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
}
END_TEST

START_TEST(at_the_limit_of_busy_connections_a_newcomer_is_told_so)
{
    static char reply[REPLY_SIZE];
    char request[512];
    int fds[4];
    start((struct http_limits){.connections = COUNT_OF(fds)});
    fake_set(FAKE_HOLD);
    static const char body[] = "{\"node\": \"xmpp2\", \"reason\": \"kernel\"}";
    int len = snprintf(request, sizeof request,
                       POST "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                       token, sizeof body - 1, body);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = connect_tcp();
        put(fds[i], request, (size_t)len);
        fake_wait_submitted((unsigned)i + 1);
    }
    ck_assert_int_eq(ask("GET", "/livez", NULL, NULL, reply), 503);
    ck_assert_msg(has(reply, "Retry-After: 2") && has(reply, "/docs/problems/unavailable"), "%s",
                  reply);
    fake_set(FAKE_ANSWER);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        ck_assert_int_gt(get_all(fds[i], reply), 0);
        ck_assert_int_eq(status_of(reply), 201);
    }
    /* The client sees the end of its connection a moment before the server counts it off. */
    int64_t deadline_ms = clock_monotonic_ms() + 5000;
    while (ask("GET", "/livez", NULL, NULL, reply) != 200)
        ck_assert(clock_monotonic_ms() < deadline_ms);
}
END_TEST

/* -- sockets -------------------------------------------------------------------------------------
 */

static void expect_no_start(const struct http_options *options, const char *part)
{
    struct error err = {0};
    struct http_options with_events = *options;
    with_events.events = events_new(1);
    struct http *server = http_start(&with_events, (struct world *)&fake, auth, &err);
    events_free(with_events.events);
    ck_assert_msg(!server, "it starts, but should say: %s", part);
    ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

START_TEST(what_cannot_be_listened_on_is_said_with_a_mend)
{
    static char reply[REPLY_SIZE];
    char path[150], long_path[300];
    start((struct http_limits){0});
    expect_no_start(&(struct http_options){.events = events, .address = http_address(http)},
                    "address already in use; stop the other server or give --api another address");
    expect_no_start(&(struct http_options){.events = events, .address = "127.0.0.1"},
                    "give ADDRESS:PORT");
    expect_no_start(&(struct http_options){.events = events, .address = "[::1:80"},
                    "give ADDRESS:PORT");
    expect_no_start(&(struct http_options){.events = events, .address = "0.0.0.0:0"}, "loopback");
    expect_no_start(&(struct http_options){.events = events, .address = "[::]:0"}, "loopback");
    expect_no_start(&(struct http_options){.socket_path = socket_path}, "another server listens");
    snprintf(path, sizeof path, "%s/admin.token", directory_path);
    expect_no_start(&(struct http_options){.socket_path = path}, "is no socket");
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    expect_no_start(&(struct http_options){.socket_path = long_path}, "107 bytes");
    /* A failed start took nothing from the one that runs. */
    ck_assert_int_eq(ask("GET", "/livez", NULL, NULL, reply), 200);
}
END_TEST

START_TEST(a_stale_socket_file_is_replaced)
{
    static char reply[REPLY_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, socket_path);
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    close(dead); /* as after a crash: the file stays */
    start((struct http_limits){0});
    int fd = connect_unix();
    put(fd, BYTES(GET "Host: any\r\n\r\n"));
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 200);
}
END_TEST

START_TEST(running_out_of_descriptors_pauses_and_recovers)
{
    static char reply[REPLY_SIZE];
    struct rlimit old, tight;
    start((struct http_limits){0});
    ck_assert_int_eq(ask("GET", "/livez", NULL, NULL, reply), 200);
    int fd = connect_tcp();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    int probe = dup(fd);
    tight = (struct rlimit){.rlim_cur = (rlim_t)probe, .rlim_max = old.rlim_max};
    close(probe);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    put(fd, BYTES(GET HOST "\r\n")); /* waits in the queue: there is no descriptor for it */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_int_eq(status_of(reply), 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_server");
    TCase *tcase = tcase_create("http_server");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, doubtful_framing_ends_in_400_and_one_answer_closes, 0,
                        (int)COUNT_OF(framing));
    tcase_add_test(tcase, a_request_may_come_byte_by_byte);
    tcase_add_test(tcase, a_client_that_has_sent_all_and_shut_its_side_is_answered);
    tcase_add_loop_test(tcase, slow_requests_are_cut_when_their_time_is_over, 0,
                        (int)COUNT_OF(slow));
    tcase_add_test(tcase, a_request_that_is_whole_is_not_cut_while_it_waits);
    tcase_add_loop_test(tcase, three_hundred_idle_connections_do_not_keep_a_client_out, 0,
                        (int)COUNT_OF(floods));
    tcase_add_test(tcase, at_the_limit_of_busy_connections_a_newcomer_is_told_so);
    tcase_add_test(tcase, what_cannot_be_listened_on_is_said_with_a_mend);
    tcase_add_test(tcase, a_stale_socket_file_is_replaced);
    tcase_add_test(tcase, running_out_of_descriptors_pauses_and_recovers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

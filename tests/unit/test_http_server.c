/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real server on a free loopback port and a UNIX socket, with raw sockets as clients and a world
 * made here: the functions of world.h that the server calls are defined below. */
#include "api/http/http.h"
#include "api/store/answer.h"
#include "api/world/audit.h"
#include "world_fixture.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BYTES(literal) literal, sizeof(literal) - 1

enum {
    REPLY_SIZE = 64 * 1024,
    PATIENCE_MS = 10 * 1000, /* how long a client waits before the test has failed */
    JOBS_MAX = 128,
};

/* -- a world -------------------------------------------------------------------------------------
 */

enum fake_mode {
    FAKE_ANSWER, /* from another thread, as soon as it can */
    FAKE_HOLD,   /* not before it is told to */
    FAKE_FULL,   /* takes no job */
};

static struct fake {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    enum fake_mode mode;
    bool is_ending;
    struct {
        world_callback *callback;
        void *context;
    } jobs[JOBS_MAX];
    unsigned job_count, submitted;
    struct world_request last; /* texts are gone; numbers stay */
    char last_actor[80];
    char kept[160];    /* the last answer that was kept for its Idempotency-Key */
    char refused[160]; /* the last refusal that was noted for the audit */
    enum world_outcome outcome;
    enum error_kind error_kind;
    const char *problem;
    int view_refs;
    bool serves_later; /* the drain becomes served a moment after the request came */
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct world_fixture *fixture;
static struct auth *auth;
static struct events *events;
static struct http *http;
static char directory_path[64], socket_path[100], token[AUTH_TOKEN_LENGTH + 2];
static int directory = -1;

const struct world_view *world_view_ref(struct world *world)
{
    (void)world;
    __atomic_add_fetch(&fake.view_refs, 1, __ATOMIC_RELAXED);
    return &fixture->view;
}

void world_view_unref(const struct world_view *view)
{
    ck_assert_ptr_eq(view, &fixture->view);
    __atomic_sub_fetch(&fake.view_refs, 1, __ATOMIC_RELAXED);
}

void world_result_free(struct world_result *result)
{
    arena_fini(&result->arena);
    free(result);
}

bool world_submit(struct world *world, const struct world_request *request,
                  world_callback *callback, void *context, struct error *err)
{
    (void)world;
    pthread_mutex_lock(&fake.lock);
    bool is_taken = fake.mode != FAKE_FULL && fake.job_count < JOBS_MAX;
    if (is_taken) {
        fake.jobs[fake.job_count].callback = callback;
        fake.jobs[fake.job_count++].context = context;
        fake.submitted++;
        fake.last = *request;
        snprintf(fake.last_actor, sizeof fake.last_actor, "%.*s", (int)request->actor.name.len,
                 request->actor.name.ptr);
        pthread_cond_broadcast(&fake.changed);
    }
    pthread_mutex_unlock(&fake.lock);
    return is_taken || error_set(err, ERROR_UNAVAILABLE, "too many changes wait; try again");
}

void world_note_refusal(struct world *world, const struct store_audit *line)
{
    (void)world;
    pthread_mutex_lock(&fake.lock);
    snprintf(fake.refused, sizeof fake.refused, "%.*s %.*s: %.*s %.*s", (int)line->actor.len,
             line->actor.ptr, (int)line->action.len, line->action.ptr, (int)line->object.len,
             line->object.ptr, (int)line->outcome.len, line->outcome.ptr);
    pthread_mutex_unlock(&fake.lock);
}

void world_keep_answer(struct world *world, const struct store_key *key,
                       const struct store_answer *answer)
{
    (void)world;
    pthread_mutex_lock(&fake.lock);
    snprintf(fake.kept, sizeof fake.kept, "%.*s %.*s %u", (int)key->actor.len, key->actor.ptr,
             (int)key->key.len, key->key.ptr, answer->status);
    pthread_mutex_unlock(&fake.lock);
}

static struct world_result *fake_result(void)
{
    struct world_result *result = calloc(1, sizeof *result);
    ck_assert_ptr_nonnull(result);
    struct text *ids = arena_new(&result->arena, struct text);
    struct store_revision *revision = arena_new(&result->arena, struct store_revision);
    *ids = (struct text){"dr_1", 4};
    *revision = (struct store_revision){.number = 7, .actor = {"root", 4}, .cause = {"x", 1}};
    result->outcome = fake.outcome;
    result->problem = fake.problem;
    result->view = &fixture->view;
    result->drain_ids = ids;
    result->drain_id_count = 1;
    result->current_version = 42;
    result->revisions = revision;
    result->revision_count = 1;
    if (fake.serves_later) {
        int64_t came_ms = clock_realtime_ms();
        while (clock_realtime_ms() < came_ms + 2) /* two ticks, so that "now" is another */
            ;
        fixture->drains[1].row.served_at_ms = clock_realtime_ms();
    }
    if (fake.outcome == WORLD_DRY_RUN)
        result->plan = fixture->plan;
    if (fake.outcome == WORLD_FAILED)
        error_set(&result->error, fake.error_kind, "the world says no");
    return result;
}

static void *fake_run(void *context)
{
    (void)context;
    pthread_mutex_lock(&fake.lock);
    for (;;) {
        while (!fake.is_ending && (fake.mode == FAKE_HOLD || fake.job_count == 0))
            pthread_cond_wait(&fake.changed, &fake.lock);
        if (fake.job_count == 0)
            break;
        unsigned i = --fake.job_count;
        struct world_result *result = fake_result();
        world_callback *callback = fake.jobs[i].callback;
        void *job_context = fake.jobs[i].context;
        pthread_mutex_unlock(&fake.lock);
        callback(job_context, result);
        pthread_mutex_lock(&fake.lock);
    }
    pthread_mutex_unlock(&fake.lock);
    return NULL;
}

static void fake_set(enum fake_mode mode)
{
    pthread_mutex_lock(&fake.lock);
    fake.mode = mode;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

static void fake_wait_submitted(unsigned count)
{
    pthread_mutex_lock(&fake.lock);
    while (fake.submitted < count)
        pthread_cond_wait(&fake.changed, &fake.lock);
    pthread_mutex_unlock(&fake.lock);
}

/* -- a server ------------------------------------------------------------------------------------
 */

static void start(struct http_limits limits)
{
    struct error err = {0};
    struct http_options options = {
        .address = "127.0.0.1:0", .socket_path = socket_path, .limits = limits, .events = events};
    http = http_start(&options, (struct world *)&fake, auth, &err);
    ck_assert_msg(http != NULL, "%s", err.message);
}

static void stop(void)
{
    http_stop(http);
    http = NULL;
}

static void setup(void)
{
    struct error err = {0};
    strcpy(directory_path, "/tmp/srvplan-http-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory_path));
    snprintf(socket_path, sizeof socket_path, "%s/api.sock", directory_path);
    directory = open(directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auth = auth_open(directory, &err);
    ck_assert_msg(auth != NULL, "%s", err.message);
    int fd = openat(directory, "admin.token", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(read(fd, token, AUTH_TOKEN_LENGTH), AUTH_TOKEN_LENGTH);
    close(fd);
    fixture = world_fixture_new(WORLD_FIXTURE_DRAINED);
    fake.outcome = WORLD_SERVED;
    events = events_new(1000);
    events_renew(events, &(struct event_moment){.revision = 7, .index = 12});
    ck_assert_int_eq(pthread_create(&fake.thread, NULL, fake_run, NULL), 0);
}

static void teardown(void)
{
    stop();
    pthread_mutex_lock(&fake.lock);
    fake.is_ending = true;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
    pthread_join(fake.thread, NULL);
    ck_assert_int_eq(fake.view_refs, 0); /* every reference came back */
    world_fixture_free(fixture);
    events_free(events);
    auth_close(auth);
    unlinkat(directory, "admin.token", 0);
    fd_close(&directory);
    ck_assert_int_eq(rmdir(directory_path), 0); /* the socket is gone */
}

/* -- clients -------------------------------------------------------------------------------------
 */

static int connect_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char *port = strrchr(http_address(http), ':') + 1;
    address.sin_port = htons((uint16_t)atoi(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int connect_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void put(int fd, const char *bytes, size_t len)
{
    /* The server may have had enough before we are done. */
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* Reads to the end of the connection; -1 when it does not end. Closes it. */
static ssize_t get_all(int fd, char reply[static REPLY_SIZE])
{
    size_t len = 0;
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, (int)(until_ms - clock_monotonic_ms())) <= 0) {
            close(fd);
            return -1;
        }
        ssize_t got = recv(fd, reply + len, REPLY_SIZE - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    reply[len] = '\0';
    close(fd);
    return (ssize_t)len;
}

static int status_of(const char *reply)
{
    int status = 0;
    return sscanf(reply, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static int ask_bytes(const char *request, size_t len, char reply[static REPLY_SIZE])
{
    int fd = connect_tcp();
    put(fd, request, len);
    ck_assert_int_ge(get_all(fd, reply), 0);
    return status_of(reply);
}

/* METHOD, path and body with our token and the usual headers; `more` are header lines. */
static int ask(const char *method, const char *path, const char *more, const char *body,
               char reply[static REPLY_SIZE])
{
    char request[4096];
    int len = snprintf(request, sizeof request,
                       "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s",
                       method, path, token, more ? more : "");
    if (body)
        len += snprintf(request + len, sizeof request - (size_t)len,
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        strlen(body), body);
    else
        len += snprintf(request + len, sizeof request - (size_t)len, "\r\n");
    return ask_bytes(request, (size_t)len, reply);
}

static bool has(const char *reply, const char *part)
{
    return strstr(reply, part) != NULL;
}

/* -- framing -------------------------------------------------------------------------------------
 */

#define GET "GET /livez HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"
#define POST "POST /api/v1/drains HTTP/1.1\r\n" HOST
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

/* -- answers -------------------------------------------------------------------------------------
 */

#define DRAIN_BODY "{\"node\": \"xmpp2\", \"reason\": \"kernel\"}"

static const struct {
    const char *label, *method, *path, *more, *body;
    int status;
    const char *has, *has_too;
} answers[] = {
    {"version", "GET", "/api/v1/version", NULL, NULL, 200, "\"api\":1", "application/json"},
    {"live", "GET", "/livez", NULL, NULL, 200, "{\"live\":true}", "nosniff"},
    {"ready", "GET", "/readyz", NULL, NULL, 200, "{\"ready\":true,\"reasons\":[]}", NULL},
    {"healthy", "GET", "/healthz", NULL, NULL, 200, "\"ready\":true", "Cache-Control: no-store"},
    {"status", "GET", "/api/v1/status", NULL, NULL, 200, "\"served_revision\":7", NULL},
    {"plan", "GET", "/api/v1/plan", NULL, NULL, 200, "\"revision\":7", "ETag: \"r7\""},
    {"plan, known", "GET", "/api/v1/plan", "If-None-Match: \"r7\"\r\n", NULL, 304, "\r\n\r\n",
     NULL},
    {"records", "GET", "/api/v1/records?type=AAAA", NULL, NULL, 200, "2001:db8::11", "r7"},
    {"a page of records", "GET", "/api/v1/records?limit=2", NULL, NULL, 200,
     "Link: </api/v1/records?limit=2&after=SOA%2Fexample.net.%2Fexample.net.>; rel=\"next\"",
     "\"next\":\"SOA/example.net./example.net.\""},
    {"records of an unknown service", "GET", "/api/v1/records?service=gopher", NULL, NULL, 400,
     "unknown-parameter", NULL},
    {"a bad limit", "GET", "/api/v1/records?limit=0", NULL, NULL, 400, "1 to 1000", NULL},
    {"nodes", "GET", "/api/v1/nodes", NULL, NULL, 200, "\"id\":\"xmpp3\"", "\"next\":null"},
    {"a page of nodes", "GET", "/api/v1/nodes?limit=1&after=xmpp1", NULL, NULL, 200,
     "\"next\":\"xmpp2\"", NULL},
    {"a node", "GET", "/api/v1/nodes/xmpp1", NULL, NULL, 200, "ETag: \"n", "\"in_set\":true"},
    {"no such node", "GET", "/api/v1/nodes/xmpp9", NULL, NULL, 404, "unknown-node", NULL},
    {"drains", "GET", "/api/v1/drains", NULL, NULL, 200, "dr_1", "\"next\":null"},
    {"a drain", "GET", "/api/v1/drains/dr_1", NULL, NULL, 200, "ETag: \"2\"", "withdrawn"},
    {"an active drain is never 304", "GET", "/api/v1/drains/dr_1", "If-None-Match: \"2\"\r\n", NULL,
     200, "dr_1", NULL},
    {"a closed drain is", "GET", "/api/v1/drains/dr_0", "If-None-Match: \"2\"\r\n", NULL, 304,
     "ETag", NULL},
    {"no such drain", "GET", "/api/v1/drains/dr_9", NULL, NULL, 404, "not-found", NULL},
    {"revisions", "GET", "/api/v1/revisions", NULL, NULL, 200, "\"revision\":7", NULL},
    {"a page about a problem", "GET", "/docs/problems/guard", NULL, NULL, 200, "text/plain",
     "overridable"},
    {"no page", "GET", "/docs/problems/nonsense", NULL, NULL, 404, "not-found", NULL},
    {"nowhere", "GET", "/nowhere", NULL, NULL, 404, "/docs/problems/not-found",
     "application/problem+json"},
    {"a wrong method", "POST", "/api/v1/status", NULL, NULL, 405, "Allow: GET, HEAD", NULL},
    {"a mistyped parameter", "POST", "/api/v1/drains?dryrun=true", NULL, DRAIN_BODY, 400, "dryrun",
     NULL},
    {"a request id of ours", "GET", "/livez", "X-Request-Id: a.b-C_9\r\n", NULL, 200,
     "X-Request-Id: a.b-C_9\r\n", NULL},
    {"a request id that is not echoed", "GET", "/livez", "X-Request-Id: <b>\r\n", NULL, 200,
     "X-Request-Id: ", NULL},
    {"two tokens", "GET", "/api/v1/status", "X-API-Key: x\r\n", NULL, 400, "both", NULL},
    {"a drain", "POST", "/api/v1/drains", NULL, DRAIN_BODY, 201,
     "Location: /api/v1/drains/dr_1\r\n", "ETag: \"2\""},
    {"no JSON", "POST", "/api/v1/drains", NULL, "{nonsense", 400, "\"line\":1", "malformed"},
    {"an unknown member", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"nod\": 1}", 422, "\"pointer\":\"/nod\"",
     "unknown-member"},
    {"no reason, no node", "POST", "/api/v1/drains", NULL, "{}", 422, "\"pointer\":\"/reason\"",
     "\"pointer\":\"/node\""},
    {"no such mode", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"mode\": \"gently\", \"ramp\": \"soon\"}", 422,
     "\"pointer\":\"/mode\",\"detail\":\"expected", "\"pointer\":\"/ramp\""},
    {"no such steps", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"steps\": 0, \"lead\": \"long\"}", 422,
     "\"pointer\":\"/steps\"", "\"pointer\":\"/lead\""},
    {"a part of nothing", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"mode\": \"remove\", \"to\": \"50%\"}", 422,
     "\"pointer\":\"/to\"", "only the mode"},
    {"a part over the whole", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"mode\": \"weight\", \"to\": 1.5}", 422,
     "\"pointer\":\"/to\"", "0 to 1"},
    {"node and nodes", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"a\", \"nodes\": [\"b\"], \"reason\": \"k\"}", 422, "not both", NULL},
    {"several", "POST", "/api/v1/drains", NULL, "{\"nodes\": [\"xmpp2\"], \"reason\": \"k\"}", 201,
     "{\"items\":[{\"id\":\"dr_1\"", NULL},
    {"a time that is over", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"a\", \"reason\": \"k\", \"until\": \"2001-01-01T00:00:00Z\"}", 422, "/until",
     "over already"},
    {"an undrain without If-Match", "DELETE", "/api/v1/drains/dr_1", NULL, NULL, 428,
     "precondition-required", NULL},
    {"an undrain", "DELETE", "/api/v1/drains/dr_1", "If-Match: \"2\"\r\n", NULL, 200, "dr_1", NULL},
    {"an undrain as it is now", "DELETE", "/api/v1/drains/dr_1", "If-Match: *\r\n", NULL, 200,
     "dr_1", NULL},
    {"an undrain with a tag of a node", "DELETE", "/api/v1/drains/dr_1", "If-Match: \"n2\"\r\n",
     NULL, 412, "ETag: \"2\"", "\"etag\":\"\\\"2\\\"\""},
    {"an undrain of nothing", "DELETE", "/api/v1/drains/dr_9", "If-Match: *\r\n", NULL, 404,
     "not-found", NULL},
    {"a weight without If-Match", "PUT", "/api/v1/nodes/xmpp1/weight", NULL,
     "{\"weight\": 30, \"reason\": \"k\"}", 428, "If-Match", NULL},
    {"a weight", "PUT", "/api/v1/nodes/xmpp1/weight", "If-Match: *\r\n",
     "{\"weight\": \"50%\", \"reason\": \"k\", \"expires_in\": \"2h\"}", 200, "\"id\":\"xmpp1\"",
     "ETag: \"n"},
    {"a weight that is none", "PUT", "/api/v1/nodes/xmpp1/weight", "If-Match: *\r\n",
     "{\"weight\": \"1001%\", \"reason\": \"k\"}", 422, "\"pointer\":\"/weight\"", NULL},
    {"a weight that is a real", "PUT", "/api/v1/nodes/xmpp1/weight", "If-Match: *\r\n",
     "{\"weight\": 1.0, \"reason\": \"k\"}", 422, "\"pointer\":\"/weight\"", NULL},
    {"a weight taken back", "DELETE", "/api/v1/nodes/xmpp1/weight?service=xmpp-client",
     "If-Match: *\r\n", NULL, 200, "\"id\":\"xmpp1\"", NULL},
    {"a weight of nobody", "DELETE", "/api/v1/nodes/xmpp9/weight", "If-Match: *\r\n", NULL, 404,
     "unknown-node", NULL},
};

START_TEST(requests_get_the_promised_answer)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    int status =
        ask(answers[_i].method, answers[_i].path, answers[_i].more, answers[_i].body, reply);

    ck_assert_msg(status == answers[_i].status, "%s: %d\n%s", answers[_i].label, status, reply);
    ck_assert_msg(has(reply, answers[_i].has), "%s: no %s in\n%s", answers[_i].label,
                  answers[_i].has, reply);
    if (answers[_i].has_too)
        ck_assert_msg(has(reply, answers[_i].has_too), "%s: no %s in\n%s", answers[_i].label,
                      answers[_i].has_too, reply);
    ck_assert_msg(has(reply, "X-Request-Id: ") && !has(reply, "<b>") && !has(reply, "\r\nServer:"),
                  "%s\n%s", answers[_i].label, reply);
}
END_TEST

static const struct {
    const char *label;
    enum world_outcome outcome;
    enum error_kind kind;
    const char *problem;
    const char *query;
    int status;
    const char *has;
} outcomes[] = {
    {"served", WORLD_SERVED, ERROR_NONE, NULL, "", 201, "Location: "},
    {"stored only", WORLD_STORED, ERROR_NONE, NULL, "", 202, "Location: "},
    {"dry run", WORLD_DRY_RUN, ERROR_NONE, NULL, "?dry_run=true", 200, "\"plan\":{\"changes\":["},
    {"guard", WORLD_FAILED, ERROR_GUARD, "guard", "", 409, "/docs/problems/guard"},
    {"stale", WORLD_FAILED, ERROR_CONFLICT, "stale", "", 412, "ETag: \"42\""},
    {"unknown node", WORLD_FAILED, ERROR_NOT_FOUND, "unknown-node", "", 404, "unknown-node"},
    {"drained", WORLD_FAILED, ERROR_CONFLICT, "already-drained", "", 409, "already-drained"},
    {"invalid", WORLD_FAILED, ERROR_INVALID, "invalid", "", 422, "the world says no"},
    {"broken", WORLD_FAILED, ERROR_SYSTEM, "unavailable", "", 503, "Retry-After: 2"},
    {"disk full", WORLD_FAILED, ERROR_NO_SPACE, "unavailable", "", 503, "/docs/problems/no-space"},
    {"a problem of no known name", WORLD_FAILED, ERROR_CONFLICT, "surprise", "", 409,
     "/docs/problems/conflict"},
};

START_TEST(outcomes_of_the_world_have_their_code)
{
    static char reply[REPLY_SIZE];
    char path[100];
    start((struct http_limits){0});
    fake.outcome = outcomes[_i].outcome;
    fake.error_kind = outcomes[_i].kind;
    fake.problem = outcomes[_i].problem;
    snprintf(path, sizeof path, "/api/v1/drains%s", outcomes[_i].query);
    fake.refused[0] = '\0';
    int status = ask("POST", path, NULL, DRAIN_BODY, reply);

    bool is_refusal = status == 409 || status == 412;
    ck_assert_msg(!is_refusal == !fake.refused[0], "%s: %s", outcomes[_i].label, fake.refused);
    ck_assert_msg(status == outcomes[_i].status, "%s: %d\n%s", outcomes[_i].label, status, reply);
    ck_assert_msg(has(reply, outcomes[_i].has), "%s: no %s in\n%s", outcomes[_i].label,
                  outcomes[_i].has, reply);
    ck_assert_int_eq(fake.last.is_dry_run, *outcomes[_i].query != '\0');
    ck_assert_str_eq(fake.last_actor, "admin-token");
}
END_TEST

static const struct {
    const char *label;
    const char *head;
    const char *token; /* NULL: ours; "": none */
    const char *refused;
} refusals[] = {
    {"a wrong token", "DELETE /api/v1/drains/dr_1 HTTP/1.1\r\n" HOST, "svp_wrong",
     " DELETE /api/v1/drains/{id}: dr_1 unauthenticated"},
    {"no token", "POST /api/v1/drains HTTP/1.1\r\n" HOST "Content-Length: 0\r\n", "",
     " POST /api/v1/drains: /api/v1/drains unauthenticated"},
    {"a read is no change", "GET /api/v1/drains HTTP/1.1\r\n" HOST, "", ""},
    {"a stale tag, seen before the world is asked",
     "DELETE /api/v1/drains/dr_1 HTTP/1.1\r\n" HOST "If-Match: \"x\"\r\n", NULL,
     "admin-token DELETE /api/v1/drains/{id}: dr_1 stale"},
    {"a dry run changes nothing",
     "DELETE /api/v1/drains/dr_1?dry_run=true HTTP/1.1\r\n" HOST "If-Match: \"x\"\r\n", NULL, ""},
    {"a mistake is no refusal", "DELETE /api/v1/drains/dr_1 HTTP/1.1\r\n" HOST, NULL, ""},
};

START_TEST(refused_changes_go_to_the_audit)
{
    static char reply[REPLY_SIZE];
    char request[1000];
    const char *sent = refusals[_i].token ? refusals[_i].token : token;
    start((struct http_limits){0});
    fake.refused[0] = '\0';
    int len = snprintf(request, sizeof request, "%s%s%s%s\r\n", refusals[_i].head,
                       *sent ? "Authorization: Bearer " : "", sent, *sent ? "\r\n" : "");
    ask_bytes(request, (size_t)len, reply);
    ck_assert_msg(strcmp(fake.refused, refusals[_i].refused) == 0, "%s: '%s'\n%s",
                  refusals[_i].label, fake.refused, reply);
}
END_TEST

static const struct {
    const char *label, *method, *key;
    enum world_outcome outcome;
    int status;
    const char *kept;
} keys[] = {
    {"bare", "POST", "Idempotency-Key: 7f-1\r\n", WORLD_SERVED, 201, "admin-token 7f-1 201"},
    {"quoted", "POST", "Idempotency-Key: \"7f-1\"\r\n", WORLD_STORED, 202, "admin-token 7f-1 202"},
    {"none", "POST", "", WORLD_SERVED, 201, ""},
    {"a refusal is judged anew", "POST", "Idempotency-Key: 7f-1\r\n", WORLD_FAILED, 409, ""},
    {"a dry run", "POST", "Idempotency-Key: 7f-1\r\n", WORLD_DRY_RUN, 200, ""},
    {"empty", "POST", "Idempotency-Key: \r\n", WORLD_SERVED, 400, ""},
    {"a space in it", "POST", "Idempotency-Key: a b\r\n", WORLD_SERVED, 400, ""},
    {"a quote in it", "POST", "Idempotency-Key: a\"b\r\n", WORLD_SERVED, 400, ""},
    {"129 bytes", "POST",
     "Idempotency-Key: 123456789012345678901234567890123456789012345678901234567890123456789012345"
     "678901234567890123456789012345678901234567890123456789\r\n",
     WORLD_SERVED, 400, ""},
};

START_TEST(answers_to_keyed_requests_are_kept)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    fake.kept[0] = '\0';
    fake.outcome = keys[_i].outcome;
    fake.problem = "conflict";
    fake.error_kind = ERROR_CONFLICT;
    int status = ask(keys[_i].method, "/api/v1/drains", keys[_i].key, DRAIN_BODY, reply);
    ck_assert_msg(status == keys[_i].status && strcmp(fake.kept, keys[_i].kept) == 0,
                  "%s: %d '%s'\n%s", keys[_i].label, status, fake.kept, reply);
}
END_TEST

START_TEST(a_job_carries_what_the_request_said)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    ask("POST", "/api/v1/drains", NULL,
        "{\"nodes\": [\"a\", \"b\"], \"services\": [\"xmpp-client\"], \"reason\": \"k\","
        " \"for\": \"2h\", \"override\": {\"guard\": true, \"reason\": \"must\"}}",
        reply);
    ck_assert_int_eq(fake.last.kind, WORLD_DRAIN_ADD);
    ck_assert_uint_eq(fake.last.node_count, 2);
    ck_assert_uint_eq(fake.last.service_count, 1);
    ck_assert(fake.last.is_override);
    ck_assert_uint_eq(fake.last.override_reason.len, 4);
    ck_assert_uint_eq(fake.last.for_s, 7200);

    ask("PUT", "/api/v1/nodes/xmpp1/weight", "If-Match: \"n5\"\r\n",
        "{\"weight\": \"-10\", \"reason\": \"k\"}", reply);
    ck_assert_int_eq(fake.last.kind, WORLD_WEIGHT_PUT);
    ck_assert(fake.last.has_if_match && fake.last.if_match == 5);
    ck_assert_int_eq(fake.last.weight_form, WEIGHT_ADD);
    ck_assert_int_eq(fake.last.weight_value, -10);

    ask("DELETE", "/api/v1/drains/dr_1", "If-Match: *\r\n", NULL, reply);
    ck_assert_int_eq(fake.last.kind, WORLD_DRAIN_END);
    ck_assert(!fake.last.has_if_match);

    ask("GET", "/api/v1/revisions?limit=5&after=9", NULL, NULL, reply);
    ck_assert_int_eq(fake.last.kind, WORLD_REVISIONS);
    ck_assert_uint_eq(fake.last.before, 9);
}
END_TEST

START_TEST(a_drain_that_was_just_served_is_told_as_served)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    fake.serves_later = true;
    ck_assert_int_eq(ask("POST", "/api/v1/drains", NULL, DRAIN_BODY, reply), 201);
    const char *step = strstr(reply, "{\"state\":\"withdrawn\",\"at\":");
    ck_assert_msg(step != NULL, "%s", reply);
    ck_assert_msg(strcspn(step, "}") < strlen("{\"state\":\"withdrawn\",\"at\":\"\"") + 25,
                  "it is still expected: %.100s", step);
}
END_TEST

START_TEST(head_is_get_without_the_body)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    ck_assert_int_eq(ask("HEAD", "/api/v1/status", NULL, NULL, reply), 200);
    ck_assert(has(reply, "Content-Length: ") && !has(reply, "Content-Length: 0"));
    ck_assert_str_eq(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
}
END_TEST

/* -- who asks ------------------------------------------------------------------------------------
 */

START_TEST(without_a_right_token_tcp_gets_401)
{
    static char reply[REPLY_SIZE];
    static const char *const wrong[] = {"", "Authorization: Bearer svp_wrong\r\n",
                                        "Authorization: Basic eDp5\r\n", "X-API-Key: nonsense\r\n",
                                        "Authorization: Bearer\r\n"};
    char request[512];
    start((struct http_limits){0});
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        int len = snprintf(request, sizeof request, "GET /api/v1/status HTTP/1.1\r\n" HOST "%s\r\n",
                           wrong[i]);
        int status = ask_bytes(request, (size_t)len, reply);
        ck_assert_msg(status == 401, "%s: %d", wrong[i], status);
        ck_assert(has(reply, "WWW-Authenticate: Bearer"));
    }
    int len = snprintf(request, sizeof request,
                       "GET /api/v1/status HTTP/1.1\r\n" HOST "X-API-Key: %s\r\n\r\n", token);
    ck_assert_int_eq(ask_bytes(request, (size_t)len, reply), 200);
    ck_assert_int_eq(ask_bytes(BYTES("GET /api/v1/version HTTP/1.1\r\n" HOST "\r\n"), reply), 200);
}
END_TEST

START_TEST(guessing_tokens_ends_in_429)
{
    static char reply[REPLY_SIZE];
    int status = 0;
    start((struct http_limits){0});
    for (int i = 0; i <= AUTH_FAILURES; i++)
        status = ask_bytes(
            BYTES("GET /api/v1/status HTTP/1.1\r\n" HOST "X-API-Key: svp_wrong\r\n\r\n"), reply);
    ck_assert_int_eq(status, 429);
    ck_assert(has(reply, "Retry-After: "));
}
END_TEST

START_TEST(on_the_unix_socket_the_kernel_says_who_asks)
{
    static char reply[REPLY_SIZE];
    static const char request[] = POST "Content-Type: application/json\r\nContent-Length: 37\r\n"
                                       "\r\n" DRAIN_BODY;
    struct stat status;
    start((struct http_limits){0});
    ck_assert_int_eq(stat(socket_path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    int fd = connect_unix();
    put(fd, request, sizeof request - 1);
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_msg(status_of(reply) == 201, "%s", reply);
    ck_assert_str_ne(fake.last_actor, "admin-token");
}
END_TEST

/* -- large bodies --------------------------------------------------------------------------------
 */

static const struct {
    const char *label;
    size_t announced, sent;
    const char *more;
    int status;
} bodies[] = {
    {"1 MiB that is not JSON", 1048576, 1048576, "Content-Type: application/json\r\n", 400},
    {"a byte more is swallowed", 1048577, 1048577, "Content-Type: application/json\r\n", 413},
    {"a lot more is cut off", 1 << 30, 65536, "Content-Type: application/json\r\n", 413},
    {"who asks first is told at once", 1048577, 0,
     "Content-Type: application/json\r\nExpect: 100-continue\r\n", 413},
    {"another type", 1000, 1000, "Content-Type: text/plain\r\n", 415},
    {"no type", 1000, 1000, "", 415},
    {"a type with a charset", 3, 3, "Content-Type: Application/JSON ; charset=utf-8\r\n", 400},
};

START_TEST(bodies_are_bounded_and_of_the_right_type)
{
    static char reply[REPLY_SIZE], body[1048577];
    char head[512];
    memset(body, 'x', sizeof body);
    start((struct http_limits){0});
    int len = snprintf(head, sizeof head,
                       POST "Authorization: Bearer %s\r\n%sContent-Length: %zu\r\n\r\n", token,
                       bodies[_i].more, bodies[_i].announced);
    int fd = connect_tcp();
    put(fd, head, (size_t)len);
    put(fd, body, bodies[_i].sent);
    ck_assert_int_ge(get_all(fd, reply), 0);
    ck_assert_msg(status_of(reply) == bodies[_i].status, "%s: %s", bodies[_i].label, reply);
}
END_TEST

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
    tcase_add_loop_test(tcase, requests_get_the_promised_answer, 0, (int)COUNT_OF(answers));
    tcase_add_loop_test(tcase, outcomes_of_the_world_have_their_code, 0, (int)COUNT_OF(outcomes));
    tcase_add_loop_test(tcase, answers_to_keyed_requests_are_kept, 0, (int)COUNT_OF(keys));
    tcase_add_loop_test(tcase, refused_changes_go_to_the_audit, 0, (int)COUNT_OF(refusals));
    tcase_add_test(tcase, a_job_carries_what_the_request_said);
    tcase_add_test(tcase, a_drain_that_was_just_served_is_told_as_served);
    tcase_add_test(tcase, head_is_get_without_the_body);
    tcase_add_test(tcase, without_a_right_token_tcp_gets_401);
    tcase_add_test(tcase, guessing_tokens_ends_in_429);
    tcase_add_test(tcase, on_the_unix_socket_the_kernel_says_who_asks);
    tcase_add_loop_test(tcase, bodies_are_bounded_and_of_the_right_type, 0, (int)COUNT_OF(bodies));
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

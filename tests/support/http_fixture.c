/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_fixture.h"

#include "api/store/answer.h"
#include "api/world/audit.h"
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* -- a world -------------------------------------------------------------------------------------
 */

struct fake fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct world_fixture *fixture;
struct auth *auth;
struct events *events;
struct http *http;
char directory_path[64], socket_path[100], token[AUTH_TOKEN_LENGTH + 2];
int directory = -1;

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

void fake_set(enum fake_mode mode)
{
    pthread_mutex_lock(&fake.lock);
    fake.mode = mode;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

void fake_wait_submitted(unsigned count)
{
    pthread_mutex_lock(&fake.lock);
    while (fake.submitted < count)
        pthread_cond_wait(&fake.changed, &fake.lock);
    pthread_mutex_unlock(&fake.lock);
}

/* -- a server ------------------------------------------------------------------------------------
 */

void start(struct http_limits limits)
{
    struct error err = {0};
    struct http_options options = {
        .address = "127.0.0.1:0", .socket_path = socket_path, .limits = limits, .events = events};
    http = http_start(&options, (struct world *)&fake, auth, &err);
    ck_assert_msg(http != NULL, "%s", err.message);
}

void stop(void)
{
    http_stop(http);
    http = NULL;
}

void setup(void)
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

void teardown(void)
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

int connect_tcp(void)
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

int connect_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void put(int fd, const char *bytes, size_t len)
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
ssize_t get_all(int fd, char reply[static REPLY_SIZE])
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

int status_of(const char *reply)
{
    int status = 0;
    return sscanf(reply, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

int ask_bytes(const char *request, size_t len, char reply[static REPLY_SIZE])
{
    int fd = connect_tcp();
    put(fd, request, len);
    ck_assert_int_ge(get_all(fd, reply), 0);
    return status_of(reply);
}

/* METHOD, path and body with our token and the usual headers; `more` are header lines. */
int ask(const char *method, const char *path, const char *more, const char *body,
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

bool has(const char *reply, const char *part)
{
    return strstr(reply, part) != NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_fixture: a real API server on a free loopback port and a UNIX socket, with raw sockets as
 * clients and a world made here, in which one drain is in force: the functions of world.h that the
 * server calls are defined in http_fixture.c, so it stands in the test's own program. */
#pragma once
#include "api/http/http.h"
#include "world_fixture.h"

#include <pthread.h>

#define BYTES(literal) literal, sizeof(literal) - 1
#define HOST "Host: localhost\r\n"
#define GET "GET /livez HTTP/1.1\r\n"
#define POST "POST /api/v1/drains HTTP/1.1\r\n" HOST
#define DRAIN_BODY "{\"node\": \"xmpp2\", \"reason\": \"kernel\"}"

enum {
    REPLY_SIZE = 64 * 1024,
    PATIENCE_MS = 10 * 1000, /* how long a client waits before the test has failed */
    JOBS_MAX = 128,
};

enum fake_mode {
    FAKE_ANSWER, /* from another thread, as soon as it can */
    FAKE_HOLD,   /* not before it is told to */
    FAKE_FULL,   /* takes no job */
};

struct fake {
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
};
extern struct fake fake;

extern struct world_fixture *fixture;
extern struct auth *auth;
extern struct events *events;
extern struct http *http;
extern char directory_path[64], socket_path[100], token[AUTH_TOKEN_LENGTH + 2];
extern int directory;

void fake_set(enum fake_mode mode);
void fake_wait_submitted(unsigned count);
void start(struct http_limits limits);
void stop(void);
void setup(void);
void teardown(void);
int connect_tcp(void);
int connect_unix(void);
void put(int fd, const char *bytes, size_t len);
ssize_t get_all(int fd, char reply[static REPLY_SIZE]);
int status_of(const char *reply);
int ask_bytes(const char *request, size_t len, char reply[static REPLY_SIZE]);
int ask(const char *method, const char *path, const char *more, const char *body,
        char reply[static REPLY_SIZE]);
bool has(const char *reply, const char *part);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client: one HTTP request to srvpland, and what came back. The door of libcurl.
 *
 * Over a UNIX socket or a URL, HTTP and HTTPS only; SRVPLAN_CA_FILE has the authorities that a
 * server must be vouched for by, SRVPLAN_CERT_FILE and SRVPLAN_KEY_FILE a certificate of our own.
 * No redirect is followed and no proxy asked: a token must not reach a third party. A connection
 * has 3 s to come about and a request 30 s to be answered: the server answers within seconds or
 * says 202, the rest is for its disk. A reply may have 64 MiB; lists come in pages of far less. */
#pragma once
#include "zones/base/arena.h"
#include "zones/base/error.h"

enum {
    CLIENT_REPLY_MAX_BYTES = 64 * 1024 * 1024,
    CLIENT_ETAG_SIZE = 128
};

/* Files in PEM for https: whom to trust instead of the system's authorities, and a certificate of
 * our own with its key. NULL: none. */
struct client_tls {
    const char *ca_file, *cert_file, *key_file;
};

/* Where and as whom. Exactly one of url and socket is set; token may be NULL. */
struct client_target {
    const char *url; /* "http://127.0.0.1:8053", without a slash at the end */
    const char *socket;
    const char *token;
    struct client_tls tls;
    const char *context; /* whose address it is; NULL: it was given as such */
};

struct client;

typedef bool client_take(void *context, struct text piece);

struct client_request {
    const char *method;
    const char *path;     /* "/api/v1/status", already escaped */
    const char *body;     /* JSON, or NULL */
    const char *if_match; /* an ETag as it came, or NULL */
    const char *key;      /* Idempotency-Key, or NULL */
    /* A reply that goes on: pieces of a 200 go there as they come, until it ends or `take` gives
     * false; it may take as long as it likes, with a byte a minute. NULL: none. */
    client_take *take;
    void *take_context;
    const char *last_event_id; /* where an event stream goes on, or NULL */
};

struct client_reply {
    long status;
    char etag[CLIENT_ETAG_SIZE]; /* "" when there is none */
    char content_type[CLIENT_ETAG_SIZE];
    char timing[CLIENT_ETAG_SIZE]; /* Server-Timing of a change; "" when there is none */
    char *body;                    /* heap, NUL behind it; never NULL after a reply */
    size_t body_len;
};

/* What to connect to, the first of: --server, --socket, --context; SRVPLAN_SERVER, SRVPLAN_SOCKET,
 * SRVPLAN_CONTEXT; the context in use (contexts.h); /run/srvplan/api.sock if it is there;
 * /var/lib/srvplan/api.sock. An empty string counts as not given. A context's token file comes
 * before those of the environment, which may be meant for another server. Texts live in the arena.
 */
struct client_options {
    const char *server, *socket, *token_file, *context;
    struct client_tls tls; /* before the context's, and those before the environment's */
};
NODISCARD bool client_target_find(struct client_target *target,
                                  const struct client_options *options, struct arena *arena,
                                  struct error *err);

/* True when options, environment or a context in use name a server: it is meant to be asked. */
bool client_is_named(const struct client_options *options);

/* "Is it fit to be a token": visible ASCII only, so that it cannot add a header. Cuts white space
 * at the end; the result lives in the arena. */
NODISCARD bool client_token_clean(struct text raw, struct arena *arena, const char **token,
                                  struct error *err);

/* True when a token would travel in the clear to another machine. */
bool client_target_is_exposed(const struct client_target *target);

/* The target is borrowed for the client's life. NULL: *err says why. */
NODISCARD struct client *client_new(const struct client_target *target, struct error *err);
void client_free(struct client *client);

/* From now on a request is given up after `wait_ms` in all. */
void client_set_patience(struct client *client, uint32_t wait_ms);

/* True when a reply came, whatever its status. ERROR_UNREACHABLE: nobody took the request.
 * ERROR_UNKNOWN_OUTCOME: a request that changes things was sent and its answer did not come. */
NODISCARD bool client_send(struct client *client, const struct client_request *request,
                           struct client_reply *reply, struct error *err);
void client_reply_fini(struct client_reply *reply);

/* From now on a request ends within about a second when `fd` can be read; -1: none. */
void client_cancel_on(struct client *client, int fd);

/* True when that descriptor can be read: a request that failed was given up, nobody is to blame. */
bool client_is_cancelled(const struct client *client);

/* One path segment or query value, percent-escaped (RFC 3986 section 2.1). */
const char *client_escape(const char *text, struct arena *arena);

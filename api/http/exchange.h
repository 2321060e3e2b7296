/* SPDX-License-Identifier: GPL-3.0-or-later */
/* exchange: one request on its way through: checked, authenticated, its body gathered, handled
 * and made into an answer. Everything between the library's calls (http/http.c) and the handlers.
 */
#pragma once
#include "api/http/body_cache.h"
#include "api/http/door.h"
#include "api/http/router.h"

enum {
    EXCHANGE_ID_SIZE = 65,
    EXCHANGE_TRACE_SIZE = 56,
    /* A refused body is swallowed up to here, so that the client reads our answer instead of a
     * reset; who announces more is cut off. */
    EXCHANGE_SWALLOW_MAX_BYTES = 4 * 1024 * 1024,
};

struct exchange {
    struct request request;
    struct response response;
    const struct gate_head *head;    /* of the connection */
    char id[EXCHANGE_ID_SIZE];       /* X-Request-Id */
    char trace[EXCHANGE_TRACE_SIZE]; /* traceparent, when it is one; "": none */
    int64_t begun_us;                /* clock_monotonic_us */
    uint64_t received_bytes;
    uint8_t *body; /* heap */
    size_t body_len, body_room;
};

/* Checks all that can be checked before the body: route, role, query, framing and kind of body. A
 * response with a status says no. The view is borrowed for the call: its tokens count. */
void exchange_begin(struct exchange *exchange, const struct door_connection *connection,
                    struct auth *auth, const struct world_view *view);

/* True when the answer should go out without waiting for the body. */
bool exchange_answers_early(const struct exchange *exchange);

/* Takes a piece of the body, or throws it away when there is an answer already. */
void exchange_take(struct exchange *exchange, struct bytes piece);

/* The body is whole: parses it and calls the handler. True: request.job is to be submitted. */
NODISCARD bool exchange_handle(struct exchange *exchange, const struct world_view *view,
                               int64_t now_ms);

/* True when an answer from the cache will do: a read of a route that says so, without mistakes. */
bool exchange_is_of_view(const struct exchange *exchange, const struct world_view *view);

/* Makes the response one that was kept, in place of exchange_handle. Takes the view. */
void exchange_take_cached(struct exchange *exchange, const struct world_view *view,
                          const struct cached_body *cached);

/* A line of the log for each change that somebody asked for, done or refused; not for strangers,
 * who must not fill disks. */
void exchange_log(const struct exchange *exchange);
/* True when the request, whole and so far without an answer, is one for a workshop. */
bool exchange_is_heavy(const struct exchange *exchange);

/* The same as exchange_handle for a heavy route, on any thread: *response is the answer. What else
 * the exchange has is the caller's until this returns, but for its own response. */
void exchange_work(struct exchange *exchange, const struct world_view *view, int64_t now_ms,
                   struct response *response);

/* The job has its result. `now_ms`: it has taken a while, and states are told as of now. */
void exchange_finish(struct exchange *exchange, const struct world_result *result, int64_t now_ms);

/* The response as bytes, once: NUL-terminated heap text of the caller's, with its length and type.
 */
char *exchange_body_print(struct exchange *exchange, size_t *len, const char **type);

/* http/audit.c: has a change that was refused (401, 403, 409, 412) written into the audit; nothing
 * for all other responses. Once, when the response is final. */
void exchange_audit(const struct exchange *exchange, const struct door_connection *connection,
                    struct world *world);

/* http/key.c: reads Idempotency-Key, in exchange_begin; and what it stands for, with the body. */
void exchange_read_key(struct exchange *exchange);
void exchange_digest_key(struct exchange *exchange);

/* The answer that the same key had before, as the response; false: it is to be made by `finish`. */
NODISCARD bool exchange_replay(struct exchange *exchange, const struct world_result *result,
                               struct response *response);

/* Keeps the response for the next time; on the world's thread, while the job's result lives. */
void exchange_keep_answer(const struct exchange *exchange, const struct world_result *result,
                          struct world *world);

/* The same two where the handler waits for the world itself. False: the response is made. */
NODISCARD bool exchange_ask_key(struct exchange *exchange, struct response *response);
void exchange_tell_key(const struct exchange *exchange, const struct response *response);

void exchange_fini(struct exchange *exchange); /* not the view: its owner gives that back */

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/answer.h"

#include <stdio.h>
#include <stdlib.h>

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value && *value)
        (void)!MHD_add_response_header(response, name, value);
}

static void add_number(struct MHD_Response *response, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    if (number)
        add_header(response, name, text);
}

static void add_headers(struct MHD_Response *response, const struct exchange *exchange,
                        const char *type)
{
    const struct response *made = &exchange->response;
    add_header(response, "Content-Type", type);
    add_header(response, "Cache-Control", "no-store");
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "X-Request-Id", exchange->id);
    add_header(response, "ETag", made->etag);
    add_header(response, "Location", made->location);
    add_header(response, "Link", made->link);
    add_header(response, "Allow", made->allow);
    add_header(response, "Set-Cookie", made->cookie);
    add_header(response, "Server-Timing", made->timing);
    add_header(response, "Idempotency-Replayed", made->is_replay ? "true" : NULL);
    add_number(response, "X-Srvplan-Index", made->index);
    add_number(response, "Retry-After", made->retry_after_s);
    add_header(response, "WWW-Authenticate",
               made->status == 401 ? "Bearer realm=\"srvplan\"" : NULL);
    add_header(response, "Connection", "close"); /* one request a connection: http/door.h */
}

static void free_cached(void *context)
{
    cached_body_unref(context);
}

static struct MHD_Response *make_printed(struct exchange *exchange, const char **type)
{
    size_t len = 0;
    char *body = exchange_body_print(exchange, &len, type);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(body);
    return response;
}

static struct MHD_Response *make_kept(struct cached_body *kept, const char **type)
{
    *type = "application/json";
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        kept->len, kept->text, free_cached, kept);
    if (!response)
        cached_body_unref(kept);
    return response;
}

struct MHD_Response *answer_make(struct exchange *exchange, struct cached_body *kept,
                                 const struct stream_options *stream,
                                 struct MHD_Connection *connection)
{
    const char *type = "text/event-stream";
    bool is_stream = exchange->response.is_stream;
    struct MHD_Response *response =
        is_stream ? stream_response(stream, connection, &exchange->response.stream)
        : kept    ? make_kept(kept, &type)
                  : make_printed(exchange, &type);
    if (!response)
        return NULL;
    add_headers(response, exchange, type);
    if (is_stream)
        add_header(response, "X-Accel-Buffering", "no"); /* nginx would keep events back */
    return response;
}

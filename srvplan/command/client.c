/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "zones/base/clock.h"
#include "zones/base/file.h"

enum {
    CONNECT_WAIT_MS = 3000,
    REPLY_WAIT_MS = 30000,
    STREAM_SILENCE_MS = 60000, /* the server sends a comment every 15 s */
};

struct client {
    const struct client_target *target;
    CURL *curl;
    char curl_error[CURL_ERROR_SIZE];
    bool is_ready; /* curl_global_init worked */
    int cancel_fd; /* -1: none */
    long connect_wait_ms, reply_wait_ms;
    int64_t stream_heard_ms; /* when the stream said something; 0: no stream */
};

struct reply_sink {
    char *body;
    size_t len, capacity;
    bool is_too_large;
    struct client *client;
    const struct client_request *request;
    bool is_enough; /* `take` said so */
};

static size_t sink_write(char *ptr, size_t size, size_t count, void *user)
{
    struct reply_sink *sink = user;
    size_t more = size * count; /* curl: size is 1 */
    long status = 0;
    if (sink->request->take)
        curl_easy_getinfo(sink->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        sink->client->stream_heard_ms = clock_monotonic_ms();
        sink->is_enough =
            !sink->request->take(sink->request->take_context, (struct text){ptr, more});
        return sink->is_enough ? 0 : more;
    }
    if (more > CLIENT_REPLY_MAX_BYTES - sink->len) {
        sink->is_too_large = true;
        return 0; /* curl stops with CURLE_WRITE_ERROR */
    }
    if (sink->len + more + 1 > sink->capacity) {
        size_t capacity = 2 * (sink->len + more + 1);
        char *body = realloc(sink->body, capacity);
        if (!body)
            return 0;
        sink->body = body;
        sink->capacity = capacity;
    }
    memcpy(sink->body + sink->len, ptr, more);
    sink->len += more;
    sink->body[sink->len] = '\0';
    return more;
}

bool client_is_cancelled(const struct client *client)
{
    struct pollfd ready = {.fd = client->cancel_fd, .events = POLLIN};
    return client->cancel_fd >= 0 && poll(&ready, 1, 0) > 0;
}

/* A stream says something every 15 s; when it does not, its connection is dead. */
static bool is_silent(const struct client *client)
{
    return client->stream_heard_ms &&
           clock_monotonic_ms() - client->stream_heard_ms > STREAM_SILENCE_MS;
}

/* curl calls it about once a second while nothing moves; not 0 ends the request. */
static int progress_look(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                         curl_off_t up)
{
    (void)down_total, (void)down, (void)up_total, (void)up;
    return client_is_cancelled(user) || is_silent(user);
}

void client_cancel_on(struct client *client, int fd)
{
    client->cancel_fd = fd;
}

struct client *client_new(const struct client_target *target, struct error *err)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client) {
        error_set(err, ERROR_SYSTEM, "no memory for a connection");
        return NULL;
    }
    client->target = target;
    client->cancel_fd = -1;
    client->connect_wait_ms = CONNECT_WAIT_MS;
    client->reply_wait_ms = REPLY_WAIT_MS;
    client->is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    client->curl = client->is_ready ? curl_easy_init() : NULL;
    if (!client->curl) {
        error_set(err, ERROR_SYSTEM, "libcurl does not start");
        client_free(client);
        return NULL;
    }
    return client;
}

void client_set_patience(struct client *client, uint32_t wait_ms)
{
    client->connect_wait_ms = client->reply_wait_ms = (long)wait_ms;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    if (client->is_ready)
        curl_global_cleanup();
    free(client);
}

/* A failed append would silently drop a header that matters (If-Match), so it fails the request. */
static bool header_add(struct curl_slist **headers, const char *name, const char *value)
{
    struct arena arena = {0};
    struct curl_slist *longer =
        curl_slist_append(*headers, arena_printf(&arena, "%s: %s", name, value));
    arena_fini(&arena);
    if (longer)
        *headers = longer;
    return longer != NULL;
}

static bool headers_make(const struct client *client, const struct client_request *request,
                         struct curl_slist **headers)
{
    struct arena arena = {0};
    bool ok = header_add(headers, "Accept",
                         request->take ? "text/event-stream, application/problem+json"
                                       : "application/json, application/problem+json");
    ok = ok && header_add(headers, "Expect", ""); /* no waiting for "100 Continue" */
    if (request->body)
        ok = ok && header_add(headers, "Content-Type", "application/json");
    if (request->key)
        ok = ok && header_add(headers, "Idempotency-Key", request->key);
    if (request->if_match)
        ok = ok && header_add(headers, "If-Match", request->if_match);
    if (request->last_event_id)
        ok = ok && header_add(headers, "Last-Event-ID", request->last_event_id);
    if (client->target->token)
        ok = ok && header_add(headers, "Authorization",
                              arena_printf(&arena, "Bearer %s", client->target->token));
    arena_fini(&arena);
    return ok;
}

static bool tls_files_set(const struct client *client)
{
    const struct client_tls *tls = &client->target->tls;
    CURL *curl = client->curl;
    return (!tls->ca_file || curl_easy_setopt(curl, CURLOPT_CAINFO, tls->ca_file) == CURLE_OK) &&
           (!tls->cert_file ||
            curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->cert_file) == CURLE_OK) &&
           (!tls->key_file || curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->key_file) == CURLE_OK);
}

static bool curl_prepare(struct client *client, const struct client_request *request,
                         const char *url)
{
    CURL *curl = client->curl;
    client->curl_error[0] = '\0';
    /* curl_easy_reset keeps the live connection and drops every option of the last request. */
    curl_easy_reset(curl);
    bool ok = curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok &&
         curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, client->connect_wait_ms) == CURLE_OK;
    client->stream_heard_ms = request->take ? clock_monotonic_ms() : 0;
    if (!request->take)
        ok = ok && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, client->reply_wait_ms) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_USERAGENT, "srvplan/" SRVPLAN_VERSION) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_error) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress_look) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client) == CURLE_OK;
    ok = ok && tls_files_set(client);
    if (client->target->socket)
        ok = ok &&
             curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->target->socket) == CURLE_OK;
    if (request->body) {
        ok = ok && curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                    (curl_off_t)strlen(request->body)) == CURLE_OK;
        ok = ok && curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body) == CURLE_OK;
    }
    return ok;
}

static void header_copy(CURL *curl, const char *name, char value[static CLIENT_ETAG_SIZE])
{
    struct curl_header *header = NULL;
    if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        snprintf(value, CLIENT_ETAG_SIZE, "%s", header->value);
}

/* Why there is no reply, and whether the request may have been carried out all the same. */
static bool curl_failed(const struct client *client, const struct client_request *request,
                        CURLcode code, struct error *err)
{
    const char *where = client->target->socket ? client->target->socket : client->target->url;
    const char *why = client->curl_error[0] ? client->curl_error : curl_easy_strerror(code);
    long system_errno = 0;
    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &system_errno);
    curl_off_t connect_us = 0;
    curl_easy_getinfo(client->curl, CURLINFO_PRETRANSFER_TIME_T, &connect_us);
    bool was_sent = connect_us > 0 && code != CURLE_COULDNT_CONNECT;
    if (code == CURLE_COULDNT_CONNECT && system_errno)
        why = strerror((int)system_errno);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return error_set(err, ERROR_UNREACHABLE, "%.140s: %s", where,
                         is_silent(client) ? "the connection has gone silent"
                                           : "interrupted before the answer came");
    if (code == CURLE_WRITE_ERROR)
        return error_set(err, ERROR_INVALID, "%.100s: the reply has more than %d MiB", where,
                         CLIENT_REPLY_MAX_BYTES >> 20);
    if (was_sent && strcmp(request->method, "GET") != 0)
        return error_set(err, ERROR_UNKNOWN_OUTCOME,
                         "%.100s: the request was sent, its answer did not come: %.120s; it may be "
                         "in force: `srvplan status` shows it",
                         where, why);
    return error_set(err, ERROR_UNREACHABLE,
                     "cannot reach %.140s: %.140s; is `srvplan serve` running?", where, why);
}

bool client_send(struct client *client, const struct client_request *request,
                 struct client_reply *reply, struct error *err)
{
    *reply = (struct client_reply){0};
    struct arena arena = {0};
    struct reply_sink sink = {.client = client, .request = request};
    struct curl_slist *headers = NULL;
    bool done = false;
    const char *base = client->target->socket ? "http://localhost" : client->target->url;
    const char *url = arena_printf(&arena, "%s%s", base, request->path);
    if (!curl_prepare(client, request, url) || !headers_make(client, request, &headers) ||
        curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
        curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, sink_write) != CURLE_OK ||
        curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &sink) != CURLE_OK) {
        error_set(err, ERROR_SYSTEM, "%.200s: libcurl does not take the request", url);
        goto out;
    }
    CURLcode code = curl_easy_perform(client->curl);
    if (code != CURLE_OK && !sink.is_enough) {
        curl_failed(client, request, code, err);
        goto out;
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    header_copy(client->curl, "ETag", reply->etag);
    header_copy(client->curl, "Content-Type", reply->content_type);
    header_copy(client->curl, "Server-Timing", reply->timing);
    reply->body_len = sink.len;
    reply->body = sink.body ? sink.body : calloc(1, 1);
    sink.body = NULL;
    done = reply->body != NULL || error_set(err, ERROR_SYSTEM, "no memory for a reply");
out:
    free(sink.body);
    curl_slist_free_all(headers);
    arena_fini(&arena);
    return done;
}

void client_reply_fini(struct client_reply *reply)
{
    if (!reply)
        return;
    free(reply->body);
    *reply = (struct client_reply){0};
}

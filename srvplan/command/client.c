/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <curl/curl.h>

#include "srvplan/command/contexts.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"

enum {
    CONNECT_WAIT_MS = 3000,
    REPLY_WAIT_MS = 30000,
    STREAM_SILENCE_MS = 60000, /* the server sends a comment every 15 s */
    TOKEN_MAX_BYTES = 4096,    /* ours have 47; a proxy's may be longer */
};

#define RUN_SOCKET "/run/srvplan/api.sock"
#define STATE_SOCKET "/var/lib/srvplan/api.sock"

struct client {
    const struct client_target *target;
    CURL *curl;
    char curl_error[CURL_ERROR_SIZE];
    bool is_ready; /* curl_global_init worked */
    int cancel_fd; /* -1: none */
    long connect_wait_ms, reply_wait_ms;
    int64_t stream_heard_ms; /* when the stream said something; 0: no stream */
};

/* ---- where to ---- */

static const char *given(const char *text)
{
    return text && text[0] ? text : NULL;
}

static bool url_check(const char *url, struct error *err)
{
    bool has_scheme = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
    if (!has_scheme && !strstr(url, "://"))
        return error_set(err, ERROR_USAGE, "server '%.200s': no scheme; write http://%.200s", url,
                         url);
    if (!has_scheme)
        return error_set(err, ERROR_USAGE, "server '%.200s': only http and https are spoken", url);
    if (strpbrk(url, "?#@"))
        return error_set(err, ERROR_USAGE,
                         "server '%.200s': an address without '?', '#' and '@' is expected; tokens "
                         "come by --token-file",
                         url);
    return true;
}

static bool socket_check(const char *path, struct error *err)
{
    const struct sockaddr_un *address = NULL;
    if (strlen(path) < sizeof address->sun_path)
        return true;
    return error_set(err, ERROR_USAGE,
                     "socket '%.200s': the path is longer than %zu bytes, which the system allows; "
                     "give a shorter one, or --server URL",
                     path, sizeof address->sun_path - 1);
}

bool client_token_clean(struct text raw, struct arena *arena, const char **token, struct error *err)
{
    while (raw.len > 0 && strchr(" \t\r\n", raw.ptr[raw.len - 1]))
        raw.len--;
    if (raw.len == 0)
        return error_set(err, ERROR_INVALID, "the token is empty");
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] <= ' ' || raw.ptr[i] > '~')
            return error_set(err, ERROR_INVALID,
                             "the token has a byte at position %zu that no token has; is it the "
                             "right file?",
                             i + 1);
    }
    *token = arena_cstr(arena, raw);
    return true;
}

static bool token_read(const char *path, struct arena *arena, const char **token, struct error *err)
{
    struct bytes bytes;
    if (!file_read(path, TOKEN_MAX_BYTES, &bytes, err))
        return false;
    struct text raw = {(const char *)bytes.ptr, bytes.len};
    bool ok = client_token_clean(raw, arena, token, err);
    explicit_bzero((void *)(uintptr_t)bytes.ptr, bytes.len);
    free((void *)(uintptr_t)bytes.ptr);
    return ok || error_within(err, "%s", path);
}

static bool token_find(struct client_target *target, const char *file, struct arena *arena,
                       struct error *err)
{
    const char *from_environment = given(getenv("SRVPLAN_TOKEN"));
    const char *file_from_environment = given(getenv("SRVPLAN_TOKEN_FILE"));
    if (given(file))
        return token_read(file, arena, &target->token, err);
    if (from_environment)
        return client_token_clean(text_from(from_environment), arena, &target->token, err) ||
               error_within(err, "SRVPLAN_TOKEN");
    if (file_from_environment)
        return token_read(file_from_environment, arena, &target->token, err) ||
               error_within(err, "SRVPLAN_TOKEN_FILE");
    return true;
}

static bool one_of_options(const struct client_options *options, struct error *err)
{
    bool has_address = given(options->server) || given(options->socket);
    if (given(options->server) && given(options->socket))
        return error_set(err, ERROR_USAGE, "--server and --socket: give one of them");
    if (has_address && given(options->context))
        return error_set(err, ERROR_USAGE,
                         "--context names a server already: give --server or "
                         "--socket, or --context");
    return true;
}

/* What was given as an address, on the command line, then in the environment. */
static void address_find(const struct client_options *options, const char **url,
                         const char **socket)
{
    *url = given(options->server);
    *socket = given(options->socket);
    if (*url || *socket || given(options->context))
        return;
    *url = given(getenv("SRVPLAN_SERVER"));
    *socket = *url ? NULL : given(getenv("SRVPLAN_SOCKET"));
}

/* The context that is named or in use; *item NULL: none. */
static bool context_find(const struct client_options *options, struct contexts *contexts,
                         const struct known_context **item, struct error *err)
{
    const char *name = given(options->context);
    if (!name)
        name = given(getenv("SRVPLAN_CONTEXT"));
    if (!name)
        name = contexts->current;
    *item = name ? contexts_find(contexts, name) : NULL;
    return !name || *item || contexts_unknown(contexts, name, err);
}

static bool target_set(struct client_target *target, const char *url, const char *socket,
                       struct arena *arena, struct error *err)
{
    if (url ? !url_check(url, err) : !socket_check(socket, err))
        return false;
    if (!url) {
        target->socket = arena_cstr(arena, text_from(socket));
        return true;
    }
    struct text trimmed = text_from(url);
    while (trimmed.len > 0 && trimmed.ptr[trimmed.len - 1] == '/')
        trimmed.len--;
    target->url = arena_cstr(arena, trimmed);
    return true;
}

/* The first that was given: on the command line, by the context, in the environment. */
static const char *tls_file(const char *option, const char *of_context, const char *variable,
                            struct arena *arena)
{
    const char *path = given(option);
    if (!path && given(of_context))
        path = contexts_path(of_context, arena);
    if (!path)
        path = given(getenv(variable));
    return path ? arena_cstr(arena, text_from(path)) : NULL;
}

static void tls_find(struct client_target *target, const struct client_options *options,
                     const struct client_tls *of_context, struct arena *arena)
{
    const struct client_tls *asked = &options->tls;
    target->tls = (struct client_tls){
        .ca_file = tls_file(asked->ca_file, of_context->ca_file, "SRVPLAN_CA_FILE", arena),
        .cert_file = tls_file(asked->cert_file, of_context->cert_file, "SRVPLAN_CERT_FILE", arena),
        .key_file = tls_file(asked->key_file, of_context->key_file, "SRVPLAN_KEY_FILE", arena),
    };
}

/* By a context, or where a server of this machine listens. */
static bool target_of_context(struct client_target *target, const struct client_options *options,
                              struct arena *arena, struct error *err)
{
    struct contexts contexts;
    const struct known_context *item = NULL;
    const char *token_file = options->token_file;
    bool ok = contexts_read(&contexts, err) && context_find(options, &contexts, &item, err);
    if (ok && !item) {
        ok = target_set(target, NULL, access(RUN_SOCKET, F_OK) == 0 ? RUN_SOCKET : STATE_SOCKET,
                        arena, err);
    } else if (ok) {
        const char *socket = item->socket ? contexts_path(item->socket, arena) : NULL;
        ok = target_set(target, item->server, socket, arena, err) ||
             error_within(err, "context '%s'", item->name);
        target->context = arena_cstr(arena, text_from(item->name));
        if (!given(token_file) && item->token_file)
            token_file = contexts_path(item->token_file, arena);
    }
    ok = ok && token_find(target, token_file, arena, err);
    if (ok)
        tls_find(target, options, item ? &item->tls : &(struct client_tls){0}, arena);
    contexts_fini(&contexts);
    return ok;
}

bool client_target_find(struct client_target *target, const struct client_options *options,
                        struct arena *arena, struct error *err)
{
    const char *url, *socket;
    *target = (struct client_target){0};
    if (!one_of_options(options, err))
        return false;
    address_find(options, &url, &socket);
    if (!url && !socket)
        return target_of_context(target, options, arena, err);
    tls_find(target, options, &(struct client_tls){0}, arena);
    return target_set(target, url, socket, arena, err) &&
           token_find(target, options->token_file, arena, err);
}

bool client_is_named(const struct client_options *options)
{
    const char *url, *socket;
    struct contexts contexts;
    address_find(options, &url, &socket);
    if (url || socket || given(options->context) || given(getenv("SRVPLAN_CONTEXT")))
        return true;
    /* A file with a mistake names one, too: it is told when it is asked for. */
    bool is_named = !contexts_read(&contexts, NULL) || contexts.current;
    contexts_fini(&contexts);
    return is_named;
}

bool client_target_is_exposed(const struct client_target *target)
{
    static const char *const local[] = {"localhost", "[::1]"};
    if (!target->token || !target->url || strncasecmp(target->url, "http://", 7) != 0)
        return false;
    const char *host = target->url + 7;
    size_t name_len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    for (size_t i = 0; i < COUNT_OF(local); i++) {
        if (name_len == strlen(local[i]) && strncasecmp(host, local[i], name_len) == 0)
            return false;
    }
    bool is_number = strspn(host, "0123456789.") >= name_len;
    return !is_number || strncmp(host, "127.", 4) != 0;
}

const char *client_escape(const char *text, struct arena *arena)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t len = strlen(text), written = 0;
    char *escaped = arena_array(arena, char, 3 * len + 1);
    for (size_t i = 0; i < len; i++) {
        if (strchr(plain, text[i]))
            escaped[written++] = text[i];
        else
            written += (size_t)sprintf(escaped + written, "%%%02X", (unsigned char)text[i]);
    }
    return escaped;
}

/* ---- one request ---- */

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

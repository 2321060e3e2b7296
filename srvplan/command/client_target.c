/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the server is, and with what one comes: by options, contexts and environment. */
#include "srvplan/command/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "srvplan/command/contexts.h"
#include "zones/base/file.h"

enum {
    TOKEN_MAX_BYTES = 4096, /* ours have 47; a proxy's may be longer */
};

#define RUN_SOCKET "/run/srvplan/api.sock"
#define STATE_SOCKET "/var/lib/srvplan/api.sock"

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

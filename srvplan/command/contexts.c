/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/contexts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "srvplan/jsonc.h"
#include "srvplan/nearest.h"
#include "zones/base/file.h"

enum {
    FILE_MAX_BYTES = 1024 * 1024
};

#define FILE_NAME "contexts.jsonc"

static const char *folder_find(struct arena *arena)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && config[0] == '/') /* XDG base directories: a relative one is to be ignored */
        return arena_printf(arena, "%s/srvplan", config);
    return home && home[0] ? arena_printf(arena, "%s/.config/srvplan", home) : NULL;
}

const char *contexts_path(const char *path, struct arena *arena)
{
    const char *home = getenv("HOME");
    if (strncmp(path, "~/", 2) == 0 && home && home[0])
        return arena_printf(arena, "%s%s", home, path + 1);
    return path;
}

struct known_context *contexts_find(const struct contexts *contexts, const char *name)
{
    for (uint32_t i = 0; i < contexts->count; i++)
        if (strcmp(contexts->items[i].name, name) == 0)
            return &contexts->items[i];
    return NULL;
}

bool contexts_unknown(const struct contexts *contexts, const char *name, struct error *err)
{
    struct nearest nearest = nearest_to(text_from(name));
    struct arena arena = {0};
    const char *all = "";
    for (uint32_t i = 0; i < contexts->count; i++) {
        nearest_consider(&nearest, text_from(contexts->items[i].name));
        if (i < 10)
            all = arena_printf(&arena, "%s%s%s", all, i ? ", " : "", contexts->items[i].name);
    }
    if (nearest.best.len)
        error_set(err, ERROR_USAGE, "context '%.80s': there is no such context; did you mean %.*s?",
                  name, (int)nearest.best.len, nearest.best.ptr);
    else if (contexts->count)
        error_set(err, ERROR_USAGE, "context '%.80s': there is no such context; there are: %s%s",
                  name, all, contexts->count > 10 ? ", ..." : "");
    else
        error_set(err, ERROR_USAGE,
                  "context '%.80s': there is none yet; `srvplan context add NAME -s URL` adds one",
                  name);
    arena_fini(&arena);
    return false;
}

bool contexts_name_check(const char *name, struct error *err)
{
    size_t len = strlen(name);
    bool is_fine =
        len > 0 && len <= CONTEXT_NAME_MAX && name[0] != '-' &&
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
    return is_fine || error_set(err, ERROR_USAGE,
                                "context '%.80s': a name has 1 to %d letters, digits, '.', '_' or "
                                "'-', and begins with none of '-'",
                                name, CONTEXT_NAME_MAX);
}

/* -- reading ------------------------------------------------------------------------------------
 */

static const char *text_of(struct contexts *contexts, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && text[0] ? arena_cstr(&contexts->arena, text_from(text)) : NULL;
}

static bool members_check(const struct contexts *contexts, const json_t *object, const char *where,
                          const char *const *known, struct error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        bool is_known = false;
        for (size_t i = 0; known[i] && !is_known; i++)
            is_known = strcmp(known[i], key) == 0;
        if (!is_known)
            return error_set(err, ERROR_INVALID, "%s: %s'%.60s': no such key is known here",
                             contexts->path, where, key);
    }
    return true;
}

static bool context_take(struct contexts *contexts, const char *name, const json_t *value,
                         struct error *err)
{
    static const char *const known[] = {"server",    "socket",   "token_file", "ca_file",
                                        "cert_file", "key_file", NULL};
    const char *where = arena_printf(&contexts->arena, "context '%s': ", name);
    struct known_context item = {.name = arena_cstr(&contexts->arena, text_from(name)),
                                 .server = text_of(contexts, value, "server"),
                                 .socket = text_of(contexts, value, "socket"),
                                 .token_file = text_of(contexts, value, "token_file"),
                                 .tls = {text_of(contexts, value, "ca_file"),
                                         text_of(contexts, value, "cert_file"),
                                         text_of(contexts, value, "key_file")}};
    if (!contexts_name_check(name, err))
        return error_within(err, "%s", contexts->path);
    if (!members_check(contexts, value, where, known, err))
        return false;
    if (!item.server == !item.socket)
        return error_set(err, ERROR_INVALID, "%s: %sexpected \"server\" or \"socket\"",
                         contexts->path, where);
    contexts_add(contexts, &item);
    return true;
}

static bool document_take(struct contexts *contexts, const json_t *document, struct error *err)
{
    static const char *const known[] = {"current", "contexts", NULL};
    const char *name;
    json_t *list = json_object_get(document, "contexts"), *value;
    if (!json_is_object(document) || (list && !json_is_object(list)) ||
        json_object_size(list) > CONTEXTS_MAX)
        return error_set(
            err, ERROR_INVALID,
            "%s: expected {\"current\": NAME, \"contexts\": {NAME: {\"server\": URL}}}",
            contexts->path);
    if (!members_check(contexts, document, "", known, err))
        return false;
    json_object_foreach(list, name, value)
    {
        if (!context_take(contexts, name, value, err))
            return false;
    }
    contexts->current = text_of(contexts, document, "current");
    if (contexts->current && !contexts_find(contexts, contexts->current)) {
        contexts_unknown(contexts, contexts->current, err);
        return error_within(err, "%s: \"current\"", contexts->path);
    }
    return true;
}

static bool text_take(struct contexts *contexts, struct bytes bytes, struct error *err)
{
    struct jsonc_fault fault = {0};
    char *clean = arena_alloc(&contexts->arena, bytes.len + 1);
    if (!jsonc_encoding_check(bytes, &fault) || !jsonc_clean(bytes, clean, &fault) ||
        !jsonc_check((struct text){clean, bytes.len}, &fault)) {
        struct jsonc_position at = {.offset = fault.offset};
        jsonc_positions(bytes, &at, 1);
        return error_set(err, ERROR_INVALID, "%s:%u:%u: %s", contexts->path, at.line, at.column,
                         fault.message);
    }
    for (size_t i = 0; i < bytes.len; i++) /* trailing commas are lost without harm */
        contexts->has_comments |= clean[i] != (char)bytes.ptr[i] && bytes.ptr[i] == '/';
    json_t *document = json_loadb(clean, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    if (!document)
        return error_set(err, ERROR_INVALID, "%s: a key stands there twice", contexts->path);
    bool ok = document_take(contexts, document, err);
    json_decref(document);
    return ok;
}

bool contexts_read(struct contexts *contexts, struct error *err)
{
    *contexts = (struct contexts){0};
    const char *folder = folder_find(&contexts->arena);
    struct bytes bytes;
    if (!folder)
        return true;
    contexts->path = arena_printf(&contexts->arena, "%s/" FILE_NAME, folder);
    if (access(contexts->path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return true;
    if (!file_read(contexts->path, FILE_MAX_BYTES, &bytes, err))
        return false;
    bool ok = text_take(contexts, bytes, err);
    free((void *)(uintptr_t)bytes.ptr);
    return ok;
}

void contexts_fini(struct contexts *contexts)
{
    arena_fini(&contexts->arena);
    *contexts = (struct contexts){0};
}

/* -- changing -----------------------------------------------------------------------------------
 */

void contexts_add(struct contexts *contexts, const struct known_context *item)
{
    struct known_context *items =
        arena_array(&contexts->arena, struct known_context, contexts->count + 1u);
    uint32_t at = 0;
    while (at < contexts->count && strcmp(contexts->items[at].name, item->name) < 0)
        at++;
    for (uint32_t i = 0; i < contexts->count; i++)
        items[i + (i >= at)] = contexts->items[i];
    items[at] = *item;
    contexts->items = items;
    contexts->count++;
}

void contexts_remove(struct contexts *contexts, const char *name)
{
    uint32_t kept = 0;
    if (contexts->current && strcmp(contexts->current, name) == 0)
        contexts->current = NULL;
    for (uint32_t i = 0; i < contexts->count; i++)
        if (strcmp(contexts->items[i].name, name) != 0)
            contexts->items[kept++] = contexts->items[i];
    contexts->count = kept;
}

static void put(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, json_string(text));
}

static json_t *document_of(const struct contexts *contexts)
{
    json_t *document = json_object(), *list = json_object();
    for (uint32_t i = 0; i < contexts->count; i++) {
        const struct known_context *item = &contexts->items[i];
        json_t *value = json_object();
        put(value, "server", item->server);
        put(value, "socket", item->socket);
        put(value, "token_file", item->token_file);
        put(value, "ca_file", item->tls.ca_file);
        put(value, "cert_file", item->tls.cert_file);
        put(value, "key_file", item->tls.key_file);
        json_object_set_new(list, item->name, value);
    }
    if (contexts->current)
        json_object_set_new(document, "current", json_string(contexts->current));
    json_object_set_new(document, "contexts", list);
    return document;
}

/* Every folder of the path that is not there, for us alone. */
static bool folders_make(const char *path, struct error *err)
{
    struct arena arena = {0};
    bool ok = true;
    for (const char *slash = strchr(path + 1, '/'); slash && ok; slash = strchr(slash + 1, '/')) {
        const char *folder = arena_cstr(&arena, (struct text){path, (size_t)(slash - path)});
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            ok = error_system(err, folder, NULL, "cannot make the folder");
    }
    arena_fini(&arena);
    return ok;
}

bool contexts_write(const struct contexts *contexts, struct error *err)
{
    if (!contexts->path)
        return error_set(err, ERROR_INVALID,
                         "there is no home to keep contexts in; set HOME or XDG_CONFIG_HOME");
    if (contexts->has_comments)
        return error_set(err, ERROR_CONFLICT,
                         "%s: it has comments, which would be lost; edit it by hand",
                         contexts->path);
    if (!folders_make(contexts->path, err))
        return false;
    struct arena arena = {0};
    json_t *document = document_of(contexts);
    char *json = json_dumps(document, JSON_INDENT(2));
    const char *text = arena_printf(&arena, "%s\n", json);
    const struct bytes part = {(const uint8_t *)text, strlen(text)};
    size_t folder_len = (size_t)(strrchr(contexts->path, '/') - contexts->path);
    const char *folder = arena_cstr(&arena, (struct text){contexts->path, folder_len});
    const char *staged = arena_printf(&arena, "." FILE_NAME ".%ld.tmp", (long)getpid());
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = directory >= 0 || error_system(err, folder, NULL, "cannot open the folder");
    ok = ok && file_stage(directory, staged, &part, 1, 0600, err) &&
         file_publish(directory, staged, FILE_NAME, err);
    fd_close(&directory);
    free(json);
    json_decref(document);
    arena_fini(&arena);
    return ok;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/request.h"

#include "api/http/router.h"
#include "srvplan/duration.h"
#include "zones/base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void response_fini(struct response *response)
{
    json_decref(response->json);
    free(response->document);
    memset(response, 0, sizeof *response);
}

void response_problem(struct response *response, const char *name, const char *format, ...)
{
    if (response->status)
        return;
    const struct problem_kind *kind = problem_find(text_from(name));
    if (!kind)
        kind = problem_of_error(ERROR_NONE);
    char detail[640];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    response->status = kind->status;
    response->retry_after_s = kind->retry_after_s;
    response->json = problem_json(kind, detail);
    response->is_problem = true;
}

void response_mistake(struct response *response, const char *pointer, const char *code,
                      const char *detail, const char *suggestion)
{
    response_problem(response, "invalid", "%s: %s", *pointer ? pointer : "the body", detail);
    if (response->status != 422)
        return;
    json_t *errors = json_object_get(response->json, "errors");
    if (!errors) {
        errors = json_array();
        json_object_set_new(response->json, "errors", errors);
    }
    if (json_array_size(errors) == REQUEST_MISTAKES_MAX)
        return;
    json_t *mistake = json_object();
    json_object_set_new(mistake, "pointer", problem_string(text_from(pointer)));
    json_object_set_new(mistake, "detail", problem_string(text_from(detail)));
    json_object_set_new(mistake, "code", json_string(code));
    if (suggestion)
        json_object_set_new(mistake, "suggestion", problem_string(text_from(suggestion)));
    json_array_append_new(errors, mistake);
}

void response_take(struct response *response, unsigned status, json_t *json)
{
    if (response->status) {
        json_decref(json);
        return;
    }
    response->status = status;
    response->json = json;
}

void response_set_etag(struct response *response, const char *prefix, uint64_t version)
{
    snprintf(response->etag, sizeof response->etag, "\"%s%" PRIu64 "\"", prefix, version);
}

/* FNV-1a, 64 bits: nobody gains by two views that share a tag. */
static int mix(const char *buffer, size_t size, void *data)
{
    uint64_t *hash = data;
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ (uint8_t)buffer[i]) * 0x100000001b3u;
    return 0;
}

void response_set_etag_of(struct response *response, const char *prefix, const json_t *json)
{
    uint64_t hash = 0xcbf29ce484222325u;
    (void)!json_dump_callback(json, mix, &hash, JSON_COMPACT | JSON_ENCODE_ANY);
    response_set_etag(response, prefix, hash >> 11);
}

/* One entity tag from the front of *list; empty at its end or where it is none. */
static struct text tag_next(struct text *list)
{
    while (list->len && (list->ptr[0] == ' ' || list->ptr[0] == ',' || list->ptr[0] == '\t')) {
        list->ptr++;
        list->len--;
    }
    size_t start = text_starts_with(*list, "W/") ? 2 : 0;
    if (list->len < start + 2 || list->ptr[start] != '"')
        return (struct text){0};
    const char *close = memchr(list->ptr + start + 1, '"', list->len - start - 1);
    if (!close)
        return (struct text){0};
    struct text tag = {list->ptr, (size_t)(close - list->ptr) + 1};
    list->ptr += tag.len;
    list->len -= tag.len;
    return tag;
}

void response_check_none_match(const struct request *request, struct response *response)
{
    struct text list = request->if_none_match;
    if (response->status != 200 || !response->etag[0] || !list.ptr)
        return;
    bool is_known = text_is(list, "*");
    while (!is_known) {
        struct text tag = tag_next(&list);
        if (tag.len == 0)
            return;
        /* RFC 9110 section 13.1.2: the weak comparison */
        if (text_starts_with(tag, "W/"))
            tag = (struct text){tag.ptr + 2, tag.len - 2};
        is_known = text_is(tag, response->etag);
    }
    json_decref(response->json);
    free(response->document);
    response->json = NULL;
    response->page = NULL;
    response->document = NULL;
    response->status = 304;
}

static bool is_listed(struct text key, const char *known)
{
    while (known && *known) {
        const char *end = strchrnul(known, ' ');
        if (text_equal(key, (struct text){known, (size_t)(end - known)}))
            return true;
        known = *end ? end + 1 : end;
    }
    return false;
}

static struct text decoded(struct request *request, struct text raw)
{
    char *out = arena_alloc(&request->arena, raw.len + 1);
    size_t len = 0;
    if (!gate_percent_decode(raw, out, &len))
        len = 0; /* cannot be: the gate has decoded the whole query */
    return (struct text){out, len};
}

void request_parse_query(struct request *request, struct text query, const char *known,
                         struct response *response)
{
    for (size_t at = 0; at < query.len;) {
        const char *amp = memchr(query.ptr + at, '&', query.len - at);
        size_t end = amp ? (size_t)(amp - query.ptr) : query.len;
        const char *equals = memchr(query.ptr + at, '=', end - at);
        size_t key_end = equals ? (size_t)(equals - query.ptr) : end;
        struct text key = decoded(request, (struct text){query.ptr + at, key_end - at});
        struct text value = {"", 0};
        if (equals)
            value = decoded(request, (struct text){equals + 1, end - key_end - 1});
        at = end + 1;
        char *name = arena_cstr(&request->arena, key);
        if (!is_listed(key, known)) {
            response_problem(response, "unknown-parameter",
                             "the query parameter '%.60s' is not known here; known: %s", name,
                             known && *known ? known : "none");
            return;
        }
        if (request_parameter_find(request, name).ptr) {
            response_problem(response, "unknown-parameter",
                             "the query parameter '%.60s' came twice", name);
            return;
        }
        /* Keys differ and are known, so there are never more than a route lists. */
        if (request->parameter_count < REQUEST_PARAMETERS_MAX)
            request->parameters[request->parameter_count++] =
                (struct request_parameter){key, value};
    }
}

struct text request_parameter_find(const struct request *request, const char *key)
{
    for (size_t i = 0; i < request->parameter_count; i++) {
        if (text_is(request->parameters[i].key, key))
            return request->parameters[i].value;
    }
    return (struct text){0};
}

bool request_flag(const struct request *request, const char *key, struct response *response)
{
    struct text value = request_parameter_find(request, key);
    if (value.ptr && !text_is(value, "true") && !text_is(value, "false"))
        response_problem(response, "unknown-parameter", "%s must be true or false", key);
    return text_is(value, "true");
}

bool request_can_wait(const struct request *request)
{
    return is_listed((struct text){"wait", 4}, request->route->parameters);
}

void request_read_wait(struct request *request, struct response *response)
{
    if (!request_can_wait(request))
        return;
    struct text index = request_parameter_find(request, "index");
    struct text text = request_parameter_find(request, "wait");
    struct request_wait *wait = &request->wait;
    struct error err = {0};
    uint32_t wait_s = REQUEST_WAIT_DEFAULT_S;
    if (text.ptr && !index.ptr)
        response_problem(response, "unknown-parameter",
                         "wait needs index: that of the answer that you have (X-Srvplan-Index)");
    if (index.ptr && !text_to_u64(index, 0, UINT64_MAX, &wait->index))
        response_problem(response, "unknown-parameter", "index must be a number");
    if (text.ptr && !duration_parse(text, REQUEST_WAIT_MAX_S, &wait_s, &err))
        response_problem(response, "unknown-parameter", "wait: %s", err.message);
    wait->is_given = index.ptr != NULL;
    wait->wait_ms = wait_s * 1000 + (uint32_t)clock_monotonic_us() % (wait_s * 1000 / 16 + 1);
}

uint32_t request_limit(const struct request *request, struct response *response)
{
    struct text text = request_parameter_find(request, "limit");
    uint64_t limit = REQUEST_PAGE_DEFAULT;
    if (text.ptr && !text_to_u64(text, 1, REQUEST_PAGE_MAX, &limit))
        response_problem(response, "unknown-parameter", "limit must be a number from 1 to %d",
                         REQUEST_PAGE_MAX);
    return (uint32_t)limit;
}

bool request_read_if_match(struct request *request, const char *prefix, struct response *response)
{
    struct text list = request->if_match;
    if (!list.ptr) {
        response_problem(response, "precondition-required",
                         "send If-Match with the ETag of the thing, or '*'");
        return false;
    }
    request->job.has_if_match = false;
    if (text_is(list, "*"))
        return true;
    struct text tag = tag_next(&list), more = list;
    if (tag.len == 0 || more.len) {
        response_problem(response, "malformed",
                         "If-Match must be one ETag in its quotes, as it came, or '*'");
        return false;
    }
    /* RFC 9110 section 13.1.1: the strong comparison; a weak tag never matches */
    size_t skip = 1 + strlen(prefix);
    if (tag.len < skip + 1 || tag.ptr[0] != '"' || strncmp(tag.ptr + 1, prefix, skip - 1) != 0)
        return false;
    uint64_t version = 0;
    struct text number = {tag.ptr + skip, tag.len - skip - 1};
    if (!text_to_u64(number, 0, UINT64_MAX, &version))
        return false;
    request->job.has_if_match = true;
    request->job.if_match = version;
    return true;
}

void request_renew_view(struct request *request)
{
    world_view_unref(request->view);
    request->view = world_view_ref(request->world);
}

void response_stale(struct response *response, const char *prefix, uint64_t version)
{
    if (response->status)
        return;
    response_problem(response, "stale", "the ETag in If-Match is not the current one");
    response_set_etag(response, prefix, version);
    json_object_set_new(response->json, "etag", json_string(response->etag));
}

/* The cursor as it stands in a URL (RFC 3986 section 2.3: unreserved bytes stay). */
static const char *escaped(struct arena *arena, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(arena, 3 * strlen(text) + 1), *at = out;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool is_plain = (*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z') ||
                        strchr("-._~", *c);
        if (is_plain) {
            *at++ = (char)*c;
        } else {
            *at++ = '%';
            *at++ = digits[*c >> 4];
            *at++ = digits[*c & 15];
        }
    }
    return out;
}

static char *next_link(struct request *request, const char *next)
{
    struct arena *arena = &request->arena;
    char *link = arena_printf(arena, "<%.*s?", (int)request->path.len, request->path.ptr);
    for (size_t i = 0; i < request->parameter_count; i++) {
        const struct request_parameter *parameter = &request->parameters[i];
        if (text_is(parameter->key, "after"))
            continue;
        link = arena_printf(arena, "%s%s=%s&", link, arena_cstr(arena, parameter->key),
                            escaped(arena, arena_cstr(arena, parameter->value)));
    }
    return arena_printf(arena, "%safter=%s>; rel=\"next\"", link, escaped(arena, next));
}

void response_take_list(struct request *request, struct response *response, json_t *items,
                        const char *next)
{
    json_t *list = json_object();
    json_object_set_new(list, "items", items);
    json_object_set_new(list, "next", next ? problem_string(text_from(next)) : json_null());
    if (next && !response->status)
        response->link = next_link(request, next);
    response_take(response, 200, list);
}

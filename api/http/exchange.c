/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/exchange.h"

#include "api/http/body.h"
#include "api/http/identity.h"
#include "zones/base/clock.h"
#include "zones/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* An id of the client's is echoed when it is harmless; else we make one. */
static void choose_id(struct exchange *exchange)
{
    struct text id = gate_field_find(exchange->head, "x-request-id");
    bool is_fine = id.len > 0 && id.len < EXCHANGE_ID_SIZE;
    for (size_t i = 0; i < id.len && is_fine; i++) {
        char c = id.ptr[i];
        is_fine = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' ||
                  c == '_' || c == '-';
    }
    if (is_fine) {
        memcpy(exchange->id, id.ptr, id.len);
        return;
    }
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint64_t)clock_realtime_ms(); /* it is a label, not a secret */
    snprintf(exchange->id, sizeof exchange->id, "%016" PRIx64, random);
}

static bool is_lower_hex(struct text text)
{
    bool is_zero = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        is_zero = is_zero && c == '0';
    }
    return !is_zero;
}

/* W3C Trace Context, section 3.2: 00-TRACE-PARENT-FLAGS; what is none is not passed on. */
static void take_trace(struct exchange *exchange)
{
    struct text text = gate_field_find(exchange->head, "traceparent");
    if (text.len != EXCHANGE_TRACE_SIZE - 1 || !text_starts_with(text, "00-") ||
        text.ptr[35] != '-' || text.ptr[52] != '-' ||
        !is_lower_hex((struct text){text.ptr + 3, 32}) ||
        !is_lower_hex((struct text){text.ptr + 36, 16}) ||
        strspn(text.ptr + 53, "0123456789abcdef") < 2)
        return;
    memcpy(exchange->trace, text.ptr, text.len);
}

/* The type without its parameters. */
static struct text media_type(struct text type)
{
    const char *semicolon = type.len ? memchr(type.ptr, ';', type.len) : NULL;
    if (semicolon)
        type.len = (size_t)(semicolon - type.ptr);
    while (type.len && (type.ptr[type.len - 1] == ' ' || type.ptr[type.len - 1] == '\t'))
        type.len--;
    return type;
}

static bool is_json_type(const struct exchange *exchange, struct text type)
{
    return gate_text_is(type, "application/json") ||
           (exchange->head->method == GATE_PATCH && /* RFC 7396 */
            gate_text_is(type, "application/merge-patch+json"));
}

/* The spellings of an inventory. */
static bool is_document_type(struct text type, enum document_format *format)
{
    static const struct {
        const char *type;
        enum document_format format;
    } types[] = {
        {"application/json", DOCUMENT_JSONC},
        {"application/jsonc", DOCUMENT_JSONC},
        {"application/yaml", DOCUMENT_YAML}, /* RFC 9512 */
    };
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (gate_text_is(type, types[i].type)) {
            *format = types[i].format;
            return true;
        }
    return false;
}

static uint32_t body_max_bytes(const struct exchange *exchange)
{
    const struct route *route = exchange->request.route;
    return route && route->body_max_bytes ? route->body_max_bytes : BODY_MAX_BYTES;
}

static void refuse_length(const struct exchange *exchange, struct response *response)
{
    response_problem(response, "too-large", "the body has %" PRIu64 " bytes; %u MiB is the most",
                     exchange->head->content_length, body_max_bytes(exchange) >> 20);
}

static void check_body_head(struct exchange *exchange)
{
    struct response *response = &exchange->response;
    const struct gate_head *head = exchange->head;
    const struct route *route = exchange->request.route;
    struct text type = media_type(gate_field_find(head, "content-type"));
    if (!route->takes_body && !route->takes_document) {
        if (head->content_length > 0)
            response_problem(response, "malformed", "this request takes no body");
        return;
    }
    if (head->content_length > body_max_bytes(exchange))
        refuse_length(exchange, response);
    if (route->is_body_optional && head->content_length == 0)
        return;
    if (route->takes_document ? !is_document_type(type, &exchange->request.document_format)
                              : !is_json_type(exchange, type))
        response_problem(
            response, "not-json-type", "send the header 'Content-Type: application/json'%s",
            route->takes_document ? ", or application/jsonc, or application/yaml" : "");
}

void exchange_begin(struct exchange *exchange, const struct door_connection *connection,
                    struct auth *auth, const struct world_view *view)
{
    struct request *request = &exchange->request;
    struct response *response = &exchange->response;
    exchange->head = &connection->head;
    exchange->begun_us = clock_monotonic_us();
    choose_id(exchange);
    take_trace(exchange);
    if (!router_match(request, exchange->head, response))
        return;
    request->if_match = gate_field_find(exchange->head, "if-match");
    request->accept = gate_field_find(exchange->head, "accept");
    request->if_none_match = gate_field_find(exchange->head, "if-none-match");
    request->last_event_id = gate_field_find(exchange->head, "last-event-id");
    if (!identity_find(request, response, connection, auth, view))
        return;
    request_parse_query(request, exchange->head->query, request->route->parameters, response);
    request_read_wait(request, response);
    identity_sign(&request->job, &request->identity);
    if (request->route->is_change)
        request->job.is_dry_run = request_flag(request, "dry_run", response);
    exchange_read_key(exchange);
    check_body_head(exchange);
}

bool exchange_answers_early(const struct exchange *exchange)
{
    return exchange->response.status &&
           (exchange->head->expects_continue ||
            exchange->head->content_length > EXCHANGE_SWALLOW_MAX_BYTES);
}

void exchange_take(struct exchange *exchange, struct bytes piece)
{
    exchange->received_bytes += piece.len;
    if (exchange->response.status)
        return;
    size_t need = exchange->body_len + piece.len;
    if (need > body_max_bytes(exchange)) { /* cannot be: Content-Length was checked */
        refuse_length(exchange, &exchange->response);
        return;
    }
    if (need > exchange->body_room) {
        /* With the bytes that came, not with those that were announced. */
        size_t room = exchange->body_room ? exchange->body_room : 1024;
        while (room < need)
            room *= 2;
        uint8_t *body = realloc(exchange->body, room);
        if (!body)
            abort();
        exchange->body = body;
        exchange->body_room = room;
    }
    memcpy(exchange->body + exchange->body_len, piece.ptr, piece.len);
    exchange->body_len = need;
}

/* All that a request goes through when its body is whole. False: the response says no. */
static bool run(struct exchange *exchange, const struct world_view *view, int64_t now_ms,
                struct response *response)
{
    struct request *request = &exchange->request;
    request->view = view;
    request->now_ms = now_ms;
    if (exchange->received_bytes != exchange->head->content_length)
        response_problem(response, "malformed", "the body is not as long as Content-Length says");
    if (response->status)
        return false;
    const struct route *route = request->route;
    if (request_can_wait(request))
        response->index = view->index;
    if (!view->plan && route->role != ROLE_NONE) { /* no store, no plan: say why, to everybody */
        response_problem(response, "unavailable", "%s", view->not_ready[0]);
        return false;
    }
    /* The body, or what a long poll waited for, may have taken minutes. */
    if (route->role != ROLE_NONE && !identity_still_holds(request, view)) {
        response_problem(response, "unauthenticated",
                         "the token or session of this request has ended meanwhile");
        return false;
    }
    struct bytes body = {exchange->body ? exchange->body : (const uint8_t *)"", exchange->body_len};
    if (route->is_body_optional && body.len == 0)
        body = (struct bytes){(const uint8_t *)"{}", 2};
    request->document = (struct text){(const char *)body.ptr, body.len};
    if (route->takes_body && !body_parse(request, body, response))
        return false;
    exchange_digest_key(exchange);
    if (!route->is_heavy || exchange_ask_key(exchange, response))
        route->handle(request, response);
    return true;
}

bool exchange_is_heavy(const struct exchange *exchange)
{
    const struct route *route = exchange->request.route;
    return !exchange->response.status && route->is_heavy &&
           (!route->heavy_with ||
            request_parameter_find(&exchange->request, route->heavy_with).ptr);
}

/* What has no version of its own has a tag of what it says. */
static void check_read(const struct request *request, struct response *response)
{
    const struct route *route = request->route;
    if (route->method != GATE_GET)
        return;
    if (response->status == 200 && response->json && !response->etag[0] && route->role != ROLE_NONE)
        response_set_etag_of(response, "h", response->json);
    response_check_none_match(request, response);
}

bool exchange_handle(struct exchange *exchange, const struct world_view *view, int64_t now_ms)
{
    struct response *response = &exchange->response;
    if (!run(exchange, view, now_ms, response))
        return false;
    struct request *request = &exchange->request;
    const struct route *route = request->route;
    if (response->status && request->job.key) {
        /* What has become of the first request may be why this one is refused. */
        request->job.kind = WORLD_KEY_ONLY;
        return true;
    }
    if (!response->status && route->finish)
        return true;
    if (!response->status) /* cannot be: a route without finish answers */
        response_problem(response, "internal", "the request was not answered");
    check_read(request, response);
    return false;
}

/* As browsers show it (W3C Server Timing): milliseconds by what they were spent for. */
static void take_timing(struct response *response, const struct world_spent *spent)
{
    if (spent->plan_us + spent->image_us + spent->store_us + spent->serve_us > 0)
        snprintf(response->timing, sizeof response->timing,
                 "plan;dur=%.1f, image;dur=%.1f, store;dur=%.1f, serve;dur=%.1f",
                 (double)spent->plan_us / 1000, (double)spent->image_us / 1000,
                 (double)spent->store_us / 1000, (double)spent->serve_us / 1000);
}

void exchange_work(struct exchange *exchange, const struct world_view *view, int64_t now_ms,
                   struct response *response)
{
    if (!run(exchange, view, now_ms, response))
        return;
    const struct request *request = &exchange->request;
    exchange_tell_key(exchange, response);
    take_timing(response, &request->spent);
    if (!response->status) /* cannot be */
        response_problem(response, "internal", "the request was not answered");
    check_read(request, response);
}

void exchange_finish(struct exchange *exchange, const struct world_result *result, int64_t now_ms)
{
    struct request *request = &exchange->request;
    request->now_ms = now_ms;
    if (!exchange_replay(exchange, result, &exchange->response) &&
        request->job.kind != WORLD_KEY_ONLY)
        request->route->finish(request, result, &exchange->response);
    take_timing(&exchange->response, &result->spent);
    if (!exchange->response.status)
        response_problem(&exchange->response, "internal", "the result was not told");
    check_read(request, &exchange->response);
}

bool exchange_is_of_view(const struct exchange *exchange, const struct world_view *view)
{
    const struct request *request = &exchange->request;
    return exchange->response.status == 0 && request->route->is_of_view && view->plan &&
           !request->wait.is_given && exchange->received_bytes == 0;
}

void exchange_take_cached(struct exchange *exchange, const struct world_view *view,
                          const struct cached_body *cached)
{
    struct request *request = &exchange->request;
    struct response *response = &exchange->response;
    request->view = view;
    response->status = 200;
    response->index = view->index;
    memcpy(response->etag, cached->etag, sizeof response->etag);
    if (cached->link)
        response->link = arena_cstr(&request->arena, text_from(cached->link));
    response_check_none_match(request, response);
}

void exchange_log(const struct exchange *exchange)
{
    const struct request *request = &exchange->request;
    if (!request->route || !request->route->is_change || request->identity.role == ROLE_NONE)
        return;
    log_info("change by API", log_string("actor", request->identity.actor),
             log_string("source", request->identity.source),
             log_string("method", gate_method_print(request->method)),
             log_text("path", request->path),
             log_string("dry_run", request->job.is_dry_run ? "yes" : "no"),
             log_number("status", exchange->response.status),
             log_number("took_us", clock_monotonic_us() - exchange->begun_us),
             log_string("request_id", exchange->id), log_string("traceparent", exchange->trace));
}

char *exchange_body_print(struct exchange *exchange, size_t *len, const char **type)
{
    struct response *response = &exchange->response;
    const char *page_type = response->page_type ? response->page_type : "text/plain; charset=utf-8";
    char *body = NULL;
    if (response->json) {
        *type = response->is_problem ? "application/problem+json" : "application/json";
        body = json_dumps(response->json, JSON_COMPACT | JSON_REAL_PRECISION(6));
    } else if (response->document) {
        *type = page_type;
        body = response->document;
        response->document = NULL;
    } else {
        *type = response->page ? page_type : NULL;
        body = strdup(response->page ? response->page : "");
    }
    if (!body)
        abort();
    *len = strlen(body);
    return body;
}

void exchange_fini(struct exchange *exchange)
{
    response_fini(&exchange->response);
    json_decref(exchange->request.body);
    arena_fini(&exchange->request.arena);
    free(exchange->body);
}

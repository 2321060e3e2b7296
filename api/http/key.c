/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): who repeats a POST with
 * its key gets the first answer again. */
#include "api/http/exchange.h"
#include "api/store/answer.h"
#include "api/world/ask.h"
#include "zones/base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_MAX_BYTES = 128
};

/* The draft wants a quoted string; clients send bare words as well. */
static struct text unquoted(struct text key)
{
    if (key.len >= 2 && key.ptr[0] == '"' && key.ptr[key.len - 1] == '"')
        return (struct text){key.ptr + 1, key.len - 2};
    return key;
}

void exchange_read_key(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    struct text key = gate_field_find(exchange->head, "idempotency-key");
    if (!key.ptr || request->method != GATE_POST || !request->route->is_change)
        return;
    key = unquoted(key);
    bool is_fine = key.len > 0 && key.len <= KEY_MAX_BYTES;
    for (size_t i = 0; i < key.len && is_fine; i++)
        is_fine = key.ptr[i] > ' ' && key.ptr[i] < 0x7f && key.ptr[i] != '"';
    if (!is_fine) {
        response_problem(&exchange->response, "malformed",
                         "Idempotency-Key must be 1 to %d visible ASCII characters without quotes; "
                         "a random UUID is a good one",
                         KEY_MAX_BYTES);
        return;
    }
    struct store_key *known = arena_new(&request->arena, struct store_key);
    *known = (struct store_key){.actor = text_from(request->identity.actor), .key = key};
    request->job.key = known;
}

void exchange_digest_key(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    if (!request->job.key)
        return;
    struct store_key *key = arena_new(&request->arena, struct store_key);
    *key = *request->job.key;
    const struct bytes parts[] = {
        {(const uint8_t *)request->path.ptr, request->path.len},
        {(const uint8_t *)"\n", 1},
        {exchange->body, exchange->body_len},
    };
    key->request = digest_of_parts(parts, COUNT_OF(parts));
    key->at_ms = clock_realtime_ms();
    request->job.key = key;
}

static void tell_lost(const struct store_answer *answer, struct response *response)
{
    if (answer->revision)
        response_problem(response, "answer-lost",
                         "this request was stored as revision %" PRIu64
                         "; what was answered then is lost",
                         answer->revision);
    else
        response_problem(response, "answer-lost",
                         "this request was stored; what was answered then is not kept");
    json_object_set_new(response->json, "revision", json_integer((json_int_t)answer->revision));
    json_object_set_new(response->json, "objects", problem_string(answer->objects));
}

bool exchange_replay(struct exchange *exchange, const struct world_result *result,
                     struct response *response)
{
    const struct store_answer *answer = result->replay;
    if (!answer)
        return false;
    response_fini(response); /* what the handler said without knowing */
    response->is_replay = true;
    if (answer->status == 0) {
        if (exchange->request.route->is_remade)
            return false;
        tell_lost(answer, response);
        return true;
    }
    response->status = answer->status;
    response->json = json_loadb(answer->body.ptr, answer->body.len, 0, NULL);
    if (answer->etag.len < sizeof response->etag)
        memcpy(response->etag, answer->etag.ptr, answer->etag.len);
    if (answer->location.len)
        response->location = arena_cstr(&exchange->request.arena, answer->location);
    return true;
}

/* The response as the store keeps it; *body is heap. False: it is none to be kept. */
static bool answer_of(const struct response *response, struct store_answer *answer, char **body)
{
    if (!response->json || response->is_problem)
        return false;
    *body = json_dumps(response->json, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (!*body)
        abort();
    *answer = (struct store_answer){.status = response->status,
                                    .etag = text_from(response->etag),
                                    .location = text_from(response->location),
                                    .body = text_from(*body)};
    return answer->body.len <= STORE_ANSWER_MAX_BYTES;
}

void exchange_keep_answer(const struct exchange *exchange, const struct world_result *result,
                          struct world *world)
{
    const struct store_key *key = exchange->request.job.key;
    bool is_stored = result->outcome == WORLD_STORED || result->outcome == WORLD_SERVED;
    bool is_lost = result->replay && result->replay->status == 0;
    if (exchange->request.secret) /* is told once, and stored nowhere */
        return;
    struct store_answer answer;
    char *body = NULL;
    if (key && is_stored && (!result->replay || is_lost) &&
        answer_of(&exchange->response, &answer, &body))
        world_keep_answer(world, key, &answer);
    free(body);
}

bool exchange_ask_key(struct exchange *exchange, struct response *response)
{
    const struct request *request = &exchange->request;
    if (!request->job.key || request->job.is_dry_run)
        return true;
    struct world_request job = {.kind = WORLD_KEY_ONLY, .key = request->job.key};
    struct world_result *result = world_ask(request->world, &job);
    bool is_new = result->error.kind == ERROR_NOT_FOUND;
    if (!is_new && !exchange_replay(exchange, result, response))
        response_problem(response, result->problem ? result->problem : "unavailable", "%s",
                         result->error.message);
    world_result_free(result);
    return is_new;
}

void exchange_tell_key(const struct exchange *exchange, const struct response *response)
{
    const struct request *request = &exchange->request;
    struct store_answer answer;
    char *body = NULL;
    if (request->job.key && !request->job.is_dry_run && !response->is_replay &&
        answer_of(response, &answer, &body)) {
        struct world_request job = {
            .kind = WORLD_KEY_KEEP, .key = request->job.key, .answer = &answer};
        world_result_free(world_ask(request->world, &job));
    }
    free(body);
}

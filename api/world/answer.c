/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request that is sent again with its Idempotency-Key is answered, not done again. */
#include "api/store/answer.h"
#include "api/world/job.h"

#include "zones/base/log.h"

#include <string.h>

/* The ids of `objects` as a list, for answers that are made again from them. */
static void put_ids(struct world_result *result, struct text objects)
{
    struct text *ids = arena_array(&result->arena, struct text, objects.len + 1);
    while (objects.len) {
        const char *space = memchr(objects.ptr, ' ', objects.len);
        size_t len = space ? (size_t)(space - objects.ptr) : objects.len;
        ids[result->drain_id_count++] = (struct text){objects.ptr, len};
        len += space != NULL;
        objects = (struct text){objects.ptr + len, objects.len - len};
    }
    result->drain_ids = ids;
}

static void replay(const struct world *world, const struct store_answer *answer,
                   struct world_result *result)
{
    result->replay = answer;
    result->outcome = world->served_revision >= answer->revision ? WORLD_SERVED : WORLD_STORED;
    put_ids(result, answer->objects);
}

void world_run_keyed(struct world *world, const struct world_request *request,
                     struct world_result *result)
{
    enum store_key_state state = STORE_KEY_NEW;
    struct store_answer *answer = arena_new(&result->arena, struct store_answer);
    bool is_asked = request->key && !request->is_dry_run && request->kind != WORLD_KEY_KEEP;
    if (is_asked && !store_answer_find(world->store, &result->arena, request->key, &state, answer,
                                       &result->error)) {
        result->outcome = WORLD_FAILED;
        result->problem = "unavailable";
        return;
    }
    switch (state) {
    case STORE_KEY_NEW:
        world->key = is_asked ? request->key : NULL;
        world_run_job(world, request, result);
        world->key = NULL;
        break;
    case STORE_KEY_KNOWN:
        replay(world, answer, result);
        break;
    case STORE_KEY_OTHER:
        job_fail(result, "key-reused", ERROR_INVALID,
                 "this Idempotency-Key came with another request within the last 24 hours");
        break;
    }
}

void world_keep_answer(struct world *world, const struct store_key *key,
                       const struct store_answer *answer)
{
    struct error err = {0};
    if (!store_answer_put(world->store, key, answer, &err))
        log_warning("cannot keep the answer to a request with an Idempotency-Key",
                    log_string("reason", err.message));
}

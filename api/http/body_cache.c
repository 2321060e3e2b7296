/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/body_cache.h"

#include <stdlib.h>
#include <string.h>

static void *copy(const void *bytes, size_t len)
{
    char *made = malloc(len + 1);
    if (!made)
        abort();
    memcpy(made, bytes, len);
    made[len] = '\0';
    return made;
}

void cached_body_unref(struct cached_body *body)
{
    if (!body || --body->refs > 0)
        return;
    free(body->link);
    free(body->target);
    free(body->text);
    free(body);
}

void body_cache_fini(struct body_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++)
        cached_body_unref(cache->bodies[i]);
    *cache = (struct body_cache){0};
}

/* Those of another view go. */
static void renew(struct body_cache *cache, uint64_t index)
{
    if (cache->index == index)
        return;
    body_cache_fini(cache);
    cache->index = index;
}

static bool is_of(const struct cached_body *body, struct text path, struct text query)
{
    return strlen(body->target) == path.len + 1 + query.len &&
           memcmp(body->target, path.ptr, path.len) == 0 &&
           (query.len == 0 || memcmp(body->target + path.len + 1, query.ptr, query.len) == 0);
}

struct cached_body *body_cache_find(struct body_cache *cache, uint64_t index, struct text path,
                                    struct text query)
{
    renew(cache, index);
    for (size_t i = 0; i < cache->count; i++) {
        if (!is_of(cache->bodies[i], path, query))
            continue;
        cache->bodies[i]->refs++;
        return cache->bodies[i];
    }
    return NULL;
}

void body_cache_put(struct body_cache *cache, uint64_t index, struct text path, struct text query,
                    const struct response *response, struct text body)
{
    renew(cache, index);
    if (body.len > BODY_CACHE_MAX_BYTES)
        return;
    struct cached_body *made = calloc(1, sizeof *made);
    if (!made)
        abort();
    made->refs = 1;
    memcpy(made->etag, response->etag, sizeof made->etag);
    made->link = response->link ? copy(response->link, strlen(response->link)) : NULL;
    made->target = malloc(path.len + query.len + 2);
    if (!made->target)
        abort();
    memcpy(made->target, path.ptr, path.len);
    made->target[path.len] = '?'; /* the path has none */
    if (query.len)
        memcpy(made->target + path.len + 1, query.ptr, query.len);
    made->target[path.len + 1 + query.len] = '\0';
    made->len = body.len;
    made->text = copy(body.ptr, body.len);
    if (cache->count < BODY_CACHE_MAX) {
        cache->bodies[cache->count++] = made;
        return;
    }
    cached_body_unref(cache->bodies[cache->next]);
    cache->bodies[cache->next] = made;
    cache->next = (cache->next + 1) % BODY_CACHE_MAX;
}

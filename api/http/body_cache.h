/* SPDX-License-Identifier: GPL-3.0-or-later */
/* body_cache: answers that are the same for all who ask, as long as the view is.
 *
 * To render a list of nodes takes far longer than to send it, and dashboards and scripts ask for
 * the same ones again and again. So the printed body of such a route is kept until there is
 * another view. Few and small: BODY_CACHE_MAX answers, none of more than BODY_CACHE_MAX_BYTES. One
 * thread. */
#pragma once
#include "api/http/request.h"

enum {
    BODY_CACHE_MAX = 16,
    BODY_CACHE_MAX_BYTES = 1024 * 1024,
};

/* Counted by reference: the library may still send one that the cache has dropped. */
struct cached_body {
    unsigned refs;
    char etag[RESPONSE_ETAG_SIZE];
    char *link; /* NULL: none */
    char *target;
    size_t len;
    char *text;
};

struct body_cache {
    uint64_t index; /* of the view that they are of */
    struct cached_body *bodies[BODY_CACHE_MAX];
    size_t count, next;
};

void body_cache_fini(struct body_cache *cache);

/* The target: path and query as they came. NULL: it is not there; else a reference. */
struct cached_body *body_cache_find(struct body_cache *cache, uint64_t index, struct text path,
                                    struct text query);

/* Keeps a copy when it fits. */
void body_cache_put(struct body_cache *cache, uint64_t index, struct text path, struct text query,
                    const struct response *response, struct text body);

void cached_body_unref(struct cached_body *body); /* NULL is fine */

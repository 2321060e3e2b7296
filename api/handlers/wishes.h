/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wishes: drains and weights that a plan is asked for, and that come with it when it is applied:
 *
 *   {"drains": [as POST /drains takes them], "weights": [{"node", …as PUT …/weight takes them}]} */
#pragma once
#include "api/http/request.h"

struct wishes {
    struct world_request *drains; /* as if each had come alone */
    uint32_t drain_count;
    struct world_request *weights;
    uint32_t weight_count;
};

/* Reads them into the request's arena. NULL: there are none, or the response has its mistakes. */
const struct wishes *wishes_read(struct request *request, json_t *overlays,
                                 struct response *response);

/* Where they are to hold, and what comes of it. */
struct wishes_scene {
    const struct inventory *inventory;
    const struct overlays *overlays; /* in force */
    int64_t at_ms;
    const struct overlays *granted; /* out: with those in force */
    const struct store_drain *drains;
    uint32_t drain_count;
    const struct store_weight *weights;
    uint32_t weight_count;
};

/* False: the response says what the inventory does not have. */
NODISCARD bool wishes_grant(const struct wishes *wishes, struct wishes_scene *scene,
                            struct arena *arena, struct response *response);

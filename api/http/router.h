/* SPDX-License-Identifier: GPL-3.0-or-later */
/* router: which handler answers which method and path, and who may ask for it.
 *
 * One table, a row per method and path. {…} stands for one segment. HEAD is answered as GET; the
 * library leaves the body out. Everything about a row is in the row: role, query parameters,
 * whether it takes a body, so that no handler can forget to check. */
#pragma once
#include "api/http/request.h"

struct route {
    enum gate_method method;
    const char *path;
    enum role role; /* ROLE_NONE: anybody, without a token */
    bool takes_body;
    bool
        takes_document; /* the body is an inventory in any of its spellings; the handler reads it */
    bool is_body_optional;
    bool is_change;         /* takes dry_run; the operator reads of its outcome */
    bool is_heavy;          /* it may take seconds: a workshop's thread runs it, without finish */
    const char *heavy_with; /* … only with this query parameter; NULL: always */
    bool takes_key;  /* `key` in the query may stand for the viewer's token; `handle` judges it */
    bool is_of_view; /* the answer depends on URL and view alone, not on who asks nor when */
    /* `finish` needs no more than drain_ids: the answer to a key that came before can be made again
     * when it was lost. */
    bool is_remade;
    uint32_t body_max_bytes; /* 0: BODY_MAX_BYTES */
    /* Query keys, one space between; NULL: none. "index wait": it can wait. */
    const char *parameters;
    void (*handle)(struct request *request, struct response *response);
    /* After the job that `handle` left; NULL: it leaves none. */
    void (*finish)(struct request *request, const struct world_result *result,
                   struct response *response);
};

extern const struct route routes[];
extern const size_t route_count;

/* Finds the route, and fills request->route, path and variables from a head that passed the gate.
 * False: the response is 404, or 405 with Allow. */
NODISCARD bool router_match(struct request *request, const struct gate_head *head,
                            struct response *response);

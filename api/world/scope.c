/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/scope.h"

#include "api/world/job.h"
#include "api/world/window.h"

#include <string.h>

enum scope_reach {
    REACH_ALL,     /* more than nodes */
    REACH_NOTHING, /* it reads */
    REACH_NODES,   /* those of the request */
    REACH_DRAIN,   /* the node of the drain */
    REACH_WINDOW,  /* the nodes of the window, as it is and as it shall be */
};

static const enum scope_reach reaches[] = {
    [WORLD_DRAIN_ADD] = REACH_NODES,      [WORLD_DRAIN_CHANGE] = REACH_DRAIN,
    [WORLD_DRAIN_END] = REACH_DRAIN,      [WORLD_WEIGHT_PUT] = REACH_NODES,
    [WORLD_WEIGHT_REMOVE] = REACH_NODES,  [WORLD_REVISIONS] = REACH_NOTHING,
    [WORLD_REVISION] = REACH_NOTHING,     [WORLD_AUDIT] = REACH_NOTHING,
    [WORLD_AUDIT_VERIFY] = REACH_NOTHING, [WORLD_KEY_ONLY] = REACH_NOTHING,
    [WORLD_WINDOW_PUT] = REACH_WINDOW,    [WORLD_WINDOW_REMOVE] = REACH_WINDOW,
    [WORLD_WINDOW_SKIP] = REACH_WINDOW,   [WORLD_WINDOW_END] = REACH_WINDOW,
};

bool world_scope_has(struct text list, struct text word)
{
    for (size_t at = 0; at < list.len;) {
        const char *space = memchr(list.ptr + at, ' ', list.len - at);
        size_t end = space ? (size_t)(space - list.ptr) : list.len;
        if (text_equal((struct text){list.ptr + at, end - at}, word))
            return true;
        at = end + 1;
    }
    return list.len == 0;
}

static bool refuse(const struct world_request *request, struct world_result *result,
                   const char *what)
{
    const struct world_scope *scope = &request->scope;
    const struct text *limit = scope->nodes.len ? &scope->nodes : &scope->domains;
    job_fail(result, "forbidden", ERROR_DENIED,
             arena_printf(&result->arena, "%s; this token is for the %s %.*s%s", what,
                          scope->nodes.len ? "nodes" : "domains",
                          (int)(limit->len < 200 ? limit->len : 200), limit->ptr,
                          limit->len > 200 ? "..." : ""));
    return false;
}

static bool selects(const struct inventory_selection *selection, uint32_t node)
{
    uint32_t low = 0, high = selection->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (selection->nodes[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < selection->node_count && selection->nodes[low] == node;
}

/* The first domain that selects the node and that the scope does not name; NULL: none. Looks at one
 * domain more than the scope names, however many there are. */
static const char *foreign_domain(const struct inventory *inventory, uint32_t node,
                                  struct text domains, struct arena *arena)
{
    bool *is_selecting = arena_array(arena, bool, inventory->selection_count);
    for (uint32_t i = 0; i < inventory->selection_count; i++)
        is_selecting[i] = selects(&inventory->selections[i], node);
    for (uint32_t i = 0; i < inventory->domain_count; i++) {
        const struct inventory_domain *domain = &inventory->domains[i];
        if (!is_selecting[domain->selection])
            continue;
        const char *name = name_print(arena, domain->name);
        if (!world_scope_has(domains, text_from(name)))
            return name;
    }
    return NULL;
}

static bool check_node(const struct world *world, const struct world_request *request,
                       struct text id, struct world_result *result)
{
    const struct world_scope *scope = &request->scope;
    const struct inventory *inventory = world->planned->base->inventory;
    if (!world_scope_has(scope->nodes, id))
        return refuse(request, result,
                      arena_printf(&result->arena, "the node %.*s is not yours to change",
                                   (int)(id.len < 100 ? id.len : 100), id.ptr));
    uint32_t node = inventory_find_node(inventory, id);
    const char *foreign = NULL;
    if (scope->domains.len && node != INVENTORY_NONE)
        foreign = foreign_domain(inventory, node, scope->domains, &result->arena);
    if (!foreign)
        return true;
    return refuse(
        request, result,
        arena_printf(&result->arena, "the node %.*s serves %s too", (int)id.len, id.ptr, foreign));
}

static bool check_nodes(const struct world *world, const struct world_request *request,
                        struct world_result *result)
{
    for (uint32_t i = 0; i < request->node_count; i++)
        if (!check_node(world, request, request->nodes[i], result))
            return false;
    return true;
}

/* A selector that names no node by its id ("site:ams", "*") may come to mean others. */
static bool check_selectors(const struct world *world, const struct world_request *request,
                            const struct window_body *body, struct world_result *result)
{
    for (uint32_t i = 0; i < body->window.selector_count; i++) {
        struct text selector = body->window.selectors[i];
        if (memchr(selector.ptr, ':', selector.len) || text_is(selector, "*"))
            return refuse(request, result,
                          arena_printf(&result->arena,
                                       "a window for \"%.*s\" may come to mean other nodes; name "
                                       "nodes by their ids",
                                       (int)(selector.len < 100 ? selector.len : 100),
                                       selector.ptr));
        if (!check_node(world, request, selector, result))
            return false;
    }
    return true;
}

static const struct inventory_window *declared_window(const struct inventory *inventory,
                                                      struct text id)
{
    for (uint32_t i = 0; i < inventory->window_count; i++)
        if (text_equal(inventory->windows[i].id, id))
            return &inventory->windows[i];
    return NULL;
}

static bool check_window_as_it_is(const struct world *world, const struct world_request *request,
                                  struct world_result *result)
{
    const struct inventory *inventory = world->planned->base->inventory;
    const struct window_row *row = rows_find_window(&world->rows, request->window->id);
    const struct inventory_window *declared = declared_window(inventory, request->window->id);
    if (row && !row->body)
        return refuse(request, result, "the window cannot be read now");
    if (row && !check_selectors(world, request, row->body, result))
        return false;
    for (uint32_t i = 0; declared && i < declared->node_count; i++)
        if (!check_node(world, request, inventory->nodes[declared->nodes[i]].id, result))
            return false;
    return true; /* one that is not there: the job says so */
}

static bool check_window(const struct world *world, const struct world_request *request,
                         struct world_result *result)
{
    struct error ignored = {0};
    if (!check_window_as_it_is(world, request, result))
        return false;
    if (request->kind != WORLD_WINDOW_PUT)
        return true;
    struct window_body *body =
        window_body_read(request->window->id, request->window->body, &ignored);
    bool may =
        !body || check_selectors(world, request, body, result); /* the job says what is wrong */
    window_body_unref(body);
    return may;
}

static bool check_scope(const struct world *world, const struct world_request *request,
                        struct world_result *result)
{
    enum scope_reach reach = REACH_ALL;
    if ((size_t)request->kind < COUNT_OF(reaches))
        reach = reaches[request->kind];
    switch (reach) {
    case REACH_NOTHING:
        return true;
    case REACH_NODES:
        return check_nodes(world, request, result);
    case REACH_WINDOW:
        return check_window(world, request, result);
    case REACH_DRAIN: {
        const struct store_drain *drain = rows_find_drain(&world->rows, request->drain_id);
        return !drain || check_node(world, request, drain->node, result); /* it says "not found" */
    }
    case REACH_ALL:
        break;
    }
    return refuse(request, result, "this concerns more than single nodes");
}

bool job_check_actor(const struct world *world, const struct world_request *request,
                     struct world_result *result)
{
    const struct world_scope *scope = &request->scope;
    if (scope->token.len && !tokens_find(world->tokens, scope->token)) {
        job_fail(result, "forbidden", ERROR_DENIED,
                 "the token of this request was revoked while it was under way");
        return false;
    }
    if (scope->nodes.len == 0 && scope->domains.len == 0)
        return true;
    return check_scope(world, request, result);
}

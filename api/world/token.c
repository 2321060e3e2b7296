/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/token.h"

#include "api/view/audit.h"
#include "api/auth/auth.h"
#include "api/http/hint.h"
#include "api/world/audit.h"
#include "api/world/job.h"
#include "zones/base/log.h"
#include "zones/text.h"

#include <stdlib.h>
#include <sys/random.h>

/* Ids sort by time, as those of drains do. */
static struct text make_id(struct arena *arena, int64_t at_ms)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        abort(); /* cannot happen for so few bytes once the pool is there */
    return text_from(
        arena_printf(arena, "tk_%012llx%08x", (unsigned long long)at_ms & 0xFFFFFFFFFFFF, random));
}

/* The domain as the inventory has it, printed; NULL: the result says that it has none. */
static const char *check_domain(const struct inventory *inventory, struct text text,
                                struct world_result *result)
{
    struct name name;
    struct error err = {0};
    uint32_t low = 0, high = inventory->domain_count;
    if (!text_name_parse(&result->arena, text, &name, &err)) {
        job_fail(result, "invalid", ERROR_INVALID, err.message);
        return NULL;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(inventory->domains[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < inventory->domain_count && name_equal(inventory->domains[low].name, name))
        return name_print(&result->arena, inventory->domains[low].name);
    job_fail(result, "invalid", ERROR_INVALID, hint_domain(inventory, text, &result->arena));
    return NULL;
}

/* What a token is limited to must be there: a mistyped id would limit it to nothing. */
static bool check_limits(const struct world *world, const struct world_token_change *asked,
                         struct store_token *token, struct world_result *result)
{
    struct arena *arena = &result->arena;
    struct world_request nodes = {.nodes = asked->nodes, .node_count = asked->node_count};
    struct text *domains = arena_array(arena, struct text, asked->domain_count);
    if (!job_check_nodes(world, &nodes, result))
        return false;
    for (uint32_t i = 0; i < asked->domain_count; i++) {
        const char *domain =
            check_domain(world->planned->base->inventory, asked->domains[i], result);
        if (!domain)
            return false;
        domains[i] = text_from(domain);
    }
    token->nodes = job_join_words(arena, asked->nodes, asked->node_count);
    token->domains = job_join_words(arena, domains, asked->domain_count);
    return true;
}

/* Commits a change that no plan depends on, and makes the new list the one in force. A full disk
 * must not keep a stolen token alive, so taking one back may use the ballast. */
static bool commit(struct world *world, struct store_change *change, struct arena *arena,
                   struct error *err)
{
    struct error first = {0};
    struct store_key key;
    if (world->key) {
        key = *world->key;
        key.objects = world_audit_objects(change, arena);
        change->key = &key;
    }
    store_change_id_make(change->id);
    bool done = store_commit(world->store, change, NULL, NULL, &first);
    if (!done && first.kind == ERROR_NO_SPACE && change->token_removed.len &&
        store_drop_ballast(world->store))
        done = store_commit(world->store, change, NULL, NULL, &first);
    change->key = NULL;
    if (!done)
        return error_set(err, first.kind, "%s", first.message);
    world->key = NULL;
    struct tokens *tokens = tokens_changed(world->tokens, change->token, change->token_removed);
    tokens_unref(world->tokens);
    world->tokens = tokens;
    world_renew_view(world);
    return true;
}

/* Takes what is asked of a token through its end: a dry run, or the store. The plan stays what it
 * is. */
static void conclude(struct world *world, const struct world_request *request,
                     struct store_change *change, struct world_result *result)
{
    if (request->is_dry_run) {
        result->planned = planned_ref(world->planned);
        result->plan = world->planned->plan;
        result->diff = plan_diff_make(result->plan, result->plan, &result->arena);
        result->outcome = WORLD_DRY_RUN;
        return;
    }
    if (commit(world, change, &result->arena, &result->error)) {
        result->outcome = WORLD_SERVED;
        return;
    }
    result->outcome = WORLD_FAILED;
    result->problem = "unavailable";
}

void job_token_add(struct world *world, const struct world_request *request,
                   struct world_result *result)
{
    const struct world_token_change *asked = request->token;
    struct arena *arena = &result->arena;
    int64_t now_ms = world_now_ms(world);
    const struct store_token *other = tokens_find_name(world->tokens, asked->name);
    if (other || world->tokens->count >= TOKENS_MAX) {
        job_fail(result, "conflict", ERROR_CONFLICT,
                 other ? arena_printf(arena,
                                      "there is a token \"%.*s\" (%.*s); revoke it, or take "
                                      "another name",
                                      (int)asked->name.len, asked->name.ptr, (int)other->id.len,
                                      other->id.ptr)
                       : "there are 1,000 tokens; revoke some that nobody needs");
        return;
    }
    struct store_token *token = arena_new(arena, struct store_token);
    *token = (struct store_token){.id = make_id(arena, now_ms),
                                  .name = arena_text(arena, asked->name),
                                  .role = asked->role,
                                  .actor = arena_text(arena, request->actor.name),
                                  .created_at_ms = now_ms,
                                  .expires_at_ms = asked->expires_at_ms,
                                  .secret = asked->secret};
    if (!check_limits(world, asked, token, result))
        return;
    struct store_audit audit = job_audit(
        request, now_ms, "token create", token->id,
        text_from(arena_printf(
            arena, "%.*s: %s%s%s%s%s", (int)token->name.len, token->name.ptr,
            role_print((enum role)token->role), token->nodes.len ? ", nodes " : "",
            token->nodes.len ? token->nodes.ptr : "", token->domains.len ? ", domains " : "",
            token->domains.len ? token->domains.ptr : "")));
    audit.after = audit_print_token(arena, token);
    struct store_change change = {.token = token, .audit = &audit, .audit_count = 1};
    result->token = token;
    conclude(world, request, &change, result);
}

void job_token_revoke(struct world *world, const struct world_request *request,
                      struct world_result *result)
{
    const struct store_token *found = tokens_find(world->tokens, request->token->id);
    if (!found) {
        job_fail(result, "not-found", ERROR_NOT_FOUND, "there is no such token");
        return;
    }
    struct store_token *token = arena_new(&result->arena, struct store_token);
    *token = *found; /* its texts go with the old list, which the result's view may not have */
    struct text *const texts[] = {&token->id, &token->name, &token->actor, &token->nodes,
                                  &token->domains};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = arena_text(&result->arena, *texts[i]);
    struct store_audit audit =
        job_audit(request, world_now_ms(world), "token revoke", token->id, token->name);
    audit.before = audit_print_token(&result->arena, token);
    struct store_change change = {.token_removed = token->id, .audit = &audit, .audit_count = 1};
    result->token = token;
    conclude(world, request, &change, result);
}

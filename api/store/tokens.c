/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/internal.h"

bool store_write_tokens(struct writing *w)
{
    const struct store_change *change = w->change;
    struct statement gone = statement_over(w->store, "DELETE FROM tokens WHERE id = ?1", w->err);
    if (change->token_removed.len) {
        statement_bind_text(&gone, change->token_removed);
        statement_run(&gone);
    }
    if (!statement_end(&gone))
        return false;
    struct statement s = statement_over(
        w->store,
        "INSERT INTO tokens (id, name, role, nodes, domains, actor, created_at_ms, expires_at_ms, "
        "secret) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        w->err);
    if (change->token) {
        statement_bind_text(&s, change->token->id);
        statement_bind_text(&s, change->token->name);
        statement_bind_integer(&s, change->token->role);
        statement_bind_text(&s, change->token->nodes);
        statement_bind_text(&s, change->token->domains);
        statement_bind_text(&s, change->token->actor);
        statement_bind_integer(&s, change->token->created_at_ms);
        statement_bind_integer(&s, change->token->expires_at_ms);
        statement_bind_digest(&s, &change->token->secret);
        statement_run(&s);
    }
    return statement_end(&s);
}

bool store_read_tokens(struct store *store, struct error *err)
{
    struct arena *arena = &store->arena;
    struct store_token *rows = NULL;
    size_t count = 0, capacity = 0;
    struct statement s = statement_over(store,
                                        "SELECT id, name, role, nodes, domains, actor, "
                                        "created_at_ms, expires_at_ms, secret FROM tokens "
                                        "ORDER BY id",
                                        err);
    while (statement_next(&s)) {
        rows = arena_grow(arena, rows, &capacity, count + 1, sizeof *rows);
        struct store_token *row = &rows[count++];
        row->id = statement_get_text(&s, arena);
        row->name = statement_get_text(&s, arena);
        row->role = (int)statement_get_integer(&s);
        row->nodes = statement_get_text(&s, arena);
        row->domains = statement_get_text(&s, arena);
        row->actor = statement_get_text(&s, arena);
        row->created_at_ms = statement_get_integer(&s);
        row->expires_at_ms = statement_get_integer(&s);
        row->secret = statement_get_digest(&s);
    }
    store->state.tokens = rows;
    store->state.token_count = count;
    return statement_end(&s);
}

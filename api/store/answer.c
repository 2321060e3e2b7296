/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/answer.h"

#include "api/store/internal.h"

bool store_write_key(struct writing *w)
{
    const struct store_key *key = w->change->key;
    if (!key)
        return true;
    struct statement old =
        statement_over(w->store, "DELETE FROM answers WHERE at_ms <= ?1", w->err);
    statement_bind_integer(&old, key->at_ms - STORE_KEY_LIFE_MS);
    statement_run(&old);
    if (!statement_end(&old))
        return false;
    struct statement s = statement_over(w->store,
                                        "INSERT INTO answers (actor, key, request, at_ms, "
                                        "revision, objects, status, etag, location, body) "
                                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, '', '', '')",
                                        w->err);
    statement_bind_text(&s, key->actor);
    statement_bind_text(&s, key->key);
    statement_bind_digest(&s, &key->request);
    statement_bind_integer(&s, key->at_ms);
    statement_bind_integer(&s, w->change->revision ? (int64_t)w->change->revision->number : 0);
    statement_bind_text(&s, key->objects);
    statement_run(&s);
    return statement_end(&s);
}

bool store_answer_find(struct store *store, struct arena *arena, const struct store_key *key,
                       enum store_key_state *state, struct store_answer *answer, struct error *err)
{
    *state = STORE_KEY_NEW;
    if (!store_read_begin(store, err))
        return false;
    struct statement s = statement_over(store,
                                        "SELECT request, revision, objects, status, etag, location,"
                                        " body FROM answers "
                                        "WHERE actor = ?1 AND key = ?2 AND at_ms > ?3",
                                        err);
    statement_bind_text(&s, key->actor);
    statement_bind_text(&s, key->key);
    statement_bind_integer(&s, key->at_ms - STORE_KEY_LIFE_MS);
    if (statement_next(&s)) {
        struct digest request = statement_get_digest(&s);
        *state = digest_equal(&request, &key->request) ? STORE_KEY_KNOWN : STORE_KEY_OTHER;
        *answer = (struct store_answer){.revision = (uint64_t)statement_get_integer(&s)};
        answer->objects = statement_get_text(&s, arena);
        answer->status = (unsigned)statement_get_integer(&s);
        answer->etag = statement_get_text(&s, arena);
        answer->location = statement_get_text(&s, arena);
        answer->body = statement_get_text(&s, arena);
    }
    return statement_end(&s);
}

bool store_answer_put(struct store *store, const struct store_key *key,
                      const struct store_answer *answer, struct error *err)
{
    if (!store_read_begin(store, err))
        return false;
    struct statement s = statement_over(store,
                                        "UPDATE answers SET status = ?3, etag = ?4, location = ?5, "
                                        "body = ?6 WHERE actor = ?1 AND key = ?2 AND status = 0",
                                        err);
    statement_bind_text(&s, key->actor);
    statement_bind_text(&s, key->key);
    statement_bind_integer(&s, answer->status);
    statement_bind_text(&s, answer->etag);
    statement_bind_text(&s, answer->location);
    statement_bind_text(&s, answer->body);
    statement_run(&s);
    return statement_end(&s);
}

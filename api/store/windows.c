/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows of operators, what they did to single openings, and the key of the calendar. */
#include "api/store/internal.h"

/* -- writing ------------------------------------------------------------------------------------
 */

static bool write_removed(struct writing *w)
{
    const struct store_change *change = w->change;
    struct statement windows =
        statement_over(w->store, "DELETE FROM windows WHERE id = ?1", w->err);
    for (size_t i = 0; i < change->windows_removed_count; i++) {
        statement_bind_text(&windows, change->windows_removed[i]);
        statement_run(&windows);
    }
    if (!statement_end(&windows))
        return false;
    struct statement openings = statement_over(
        w->store, "DELETE FROM window_openings WHERE window = ?1 AND opens_at_ms = ?2", w->err);
    for (size_t i = 0; i < change->openings_removed_count; i++) {
        statement_bind_text(&openings, change->openings_removed[i].window);
        statement_bind_integer(&openings, change->openings_removed[i].opens_at_ms);
        statement_run(&openings);
    }
    return statement_end(&openings);
}

static bool write_rows(struct writing *w)
{
    struct statement s = statement_over(
        w->store,
        "INSERT OR REPLACE INTO windows (id, body, actor, reason, created_at_ms, since_at_ms, "
        "ended_at_ms, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        w->err);
    for (size_t i = 0; i < w->change->window_count; i++) {
        const struct store_window *window = &w->change->windows[i];
        statement_bind_text(&s, window->id);
        statement_bind_text(&s, window->body);
        statement_bind_text(&s, window->actor);
        statement_bind_text(&s, window->reason);
        statement_bind_integer(&s, window->created_at_ms);
        statement_bind_integer(&s, window->since_at_ms);
        statement_bind_integer(&s, window->ended_at_ms);
        statement_bind_integer(&s, (int64_t)window->version);
        statement_run(&s);
    }
    return statement_end(&s);
}

static bool write_openings(struct writing *w)
{
    struct statement s =
        statement_over(w->store,
                       "INSERT OR REPLACE INTO window_openings (window, opens_at_ms, change, "
                       "at_ms, actor, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                       w->err);
    for (size_t i = 0; i < w->change->opening_count; i++) {
        const struct store_opening *opening = &w->change->openings[i];
        statement_bind_text(&s, opening->window);
        statement_bind_integer(&s, opening->opens_at_ms);
        statement_bind_integer(&s, opening->change);
        statement_bind_integer(&s, opening->at_ms);
        statement_bind_text(&s, opening->actor);
        statement_bind_text(&s, opening->reason);
        statement_run(&s);
    }
    return statement_end(&s);
}

static bool write_calendar(struct writing *w)
{
    if (!w->change->calendar_key)
        return true;
    struct statement s = statement_over(
        w->store, "INSERT OR REPLACE INTO calendar (id, key_digest) VALUES (1, ?1)", w->err);
    statement_bind_digest(&s, w->change->calendar_key);
    statement_run(&s);
    return statement_end(&s);
}

bool store_write_windows(struct writing *w)
{
    return write_removed(w) && write_rows(w) && write_openings(w) && write_calendar(w);
}

/* -- reading ------------------------------------------------------------------------------------
 */

static bool read_rows(struct store *store, struct error *err)
{
    struct arena *arena = &store->arena;
    struct store_window *windows = NULL;
    size_t count = 0, capacity = 0;
    struct statement s =
        statement_over(store,
                       "SELECT id, body, actor, reason, created_at_ms, since_at_ms, ended_at_ms, "
                       "version FROM windows ORDER BY id",
                       err);
    while (statement_next(&s)) {
        windows = arena_grow(arena, windows, &capacity, count + 1, sizeof *windows);
        struct store_window *window = &windows[count++];
        *window = (struct store_window){.id = statement_get_text(&s, arena)};
        window->body = statement_get_text(&s, arena);
        window->actor = statement_get_text(&s, arena);
        window->reason = statement_get_text(&s, arena);
        window->created_at_ms = statement_get_integer(&s);
        window->since_at_ms = statement_get_integer(&s);
        window->ended_at_ms = statement_get_integer(&s);
        window->version = (uint64_t)statement_get_integer(&s);
    }
    store->state.windows = windows;
    store->state.window_count = count;
    return statement_end(&s);
}

static bool read_openings(struct store *store, struct error *err)
{
    struct arena *arena = &store->arena;
    struct store_opening *openings = NULL;
    size_t count = 0, capacity = 0;
    struct statement s = statement_over(store,
                                        "SELECT window, opens_at_ms, change, at_ms, actor, reason "
                                        "FROM window_openings ORDER BY window, opens_at_ms",
                                        err);
    while (statement_next(&s)) {
        openings = arena_grow(arena, openings, &capacity, count + 1, sizeof *openings);
        struct store_opening *opening = &openings[count++];
        *opening = (struct store_opening){.window = statement_get_text(&s, arena)};
        opening->opens_at_ms = statement_get_integer(&s);
        opening->change = (int)statement_get_integer(&s);
        opening->at_ms = statement_get_integer(&s);
        opening->actor = statement_get_text(&s, arena);
        opening->reason = statement_get_text(&s, arena);
    }
    store->state.openings = openings;
    store->state.opening_count = count;
    return statement_end(&s);
}

static bool read_calendar(struct store *store, struct error *err)
{
    struct statement s = statement_over(store, "SELECT key_digest FROM calendar", err);
    store->state.has_calendar_key = statement_next(&s);
    if (store->state.has_calendar_key)
        store->state.calendar_key = statement_get_digest(&s);
    return statement_end(&s);
}

bool store_read_windows(struct store *store, struct error *err)
{
    return read_rows(store, err) && read_openings(store, err) && read_calendar(store, err);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows of windows, and of single openings of them. */
#include "api/world/rows.h"

#include "zones/base/log.h"

#include <stdlib.h>
#include <string.h>

static void window_row_fini(struct window_row *row)
{
    free(row->block);
    window_body_unref(row->body);
}

void rows_fini_windows(struct rows *rows)
{
    for (size_t i = 0; i < rows->window_count; i++)
        window_row_fini(&rows->windows[i]);
    for (size_t i = 0; i < rows->opening_count; i++)
        free(rows->openings[i].block);
    free(rows->windows);
    free(rows->openings);
}

void rows_copy_windows(struct rows *copy, const struct rows *rows)
{
    for (size_t i = 0; i < rows->window_count; i++)
        rows_put_window(copy, &rows->windows[i].row, rows->windows[i].body);
    for (size_t i = 0; i < rows->opening_count; i++)
        rows_put_opening(copy, &rows->openings[i].row);
}

/* -- windows ------------------------------------------------------------------------------------
 */

void rows_put_window(struct rows *rows, const struct store_window *window, struct window_body *body)
{
    struct window_row made = {.row = *window, .body = window_body_ref(body)};
    struct text *const texts[] = {&made.row.id, &made.row.body, &made.row.actor, &made.row.reason};
    made.block = rows_pack_texts(texts, COUNT_OF(texts));
    size_t at = rows->window_count;
    while (at > 0 && text_compare(rows->windows[at - 1].row.id, window->id) > 0)
        at--;
    if (at > 0 && text_equal(rows->windows[at - 1].row.id, window->id)) {
        window_row_fini(&rows->windows[at - 1]);
        rows->windows[at - 1] = made;
        return;
    }
    rows->windows = rows_insert_gap(rows->windows, rows->window_count, at, sizeof made);
    rows->windows[at] = made;
    rows->window_count++;
}

void rows_load_window(struct rows *rows, const struct store_window *window)
{
    struct error err = {0};
    struct window_body *body = window_body_read(window->id, window->body, &err);
    if (!body)
        log_error("a window of an operator waits until it can be read",
                  log_string("reason", err.message));
    rows_put_window(rows, window, body);
    window_body_unref(body);
}

void rows_remove_window(struct rows *rows, struct text id)
{
    for (size_t i = 0; i < rows->window_count; i++) {
        if (!text_equal(rows->windows[i].row.id, id))
            continue;
        window_row_fini(&rows->windows[i]);
        rows->window_count--;
        memmove(&rows->windows[i], &rows->windows[i + 1],
                (rows->window_count - i) * sizeof rows->windows[0]);
        return;
    }
}

const struct window_row *rows_find_window(const struct rows *rows, struct text id)
{
    for (size_t i = 0; i < rows->window_count; i++)
        if (text_equal(rows->windows[i].row.id, id))
            return &rows->windows[i];
    return NULL;
}

/* -- openings -----------------------------------------------------------------------------------
 */

static int compare_opening(const struct store_opening *row, struct text window, int64_t opens_at_ms)
{
    int order = text_compare(row->window, window);
    return order ? order : (row->opens_at_ms > opens_at_ms) - (row->opens_at_ms < opens_at_ms);
}

void rows_put_opening(struct rows *rows, const struct store_opening *opening)
{
    struct opening_row made = {.row = *opening};
    struct text *const texts[] = {&made.row.window, &made.row.actor, &made.row.reason};
    made.block = rows_pack_texts(texts, COUNT_OF(texts));
    size_t at = rows->opening_count;
    while (at > 0 &&
           compare_opening(&rows->openings[at - 1].row, opening->window, opening->opens_at_ms) > 0)
        at--;
    if (at > 0 &&
        compare_opening(&rows->openings[at - 1].row, opening->window, opening->opens_at_ms) == 0) {
        free(rows->openings[at - 1].block);
        rows->openings[at - 1] = made;
        return;
    }
    rows->openings = rows_insert_gap(rows->openings, rows->opening_count, at, sizeof made);
    rows->openings[at] = made;
    rows->opening_count++;
}

void rows_remove_opening(struct rows *rows, struct text window, int64_t opens_at_ms)
{
    for (size_t i = 0; i < rows->opening_count; i++) {
        if (compare_opening(&rows->openings[i].row, window, opens_at_ms) != 0)
            continue;
        free(rows->openings[i].block);
        rows->opening_count--;
        memmove(&rows->openings[i], &rows->openings[i + 1],
                (rows->opening_count - i) * sizeof rows->openings[0]);
        return;
    }
}

/* -- for a plan ---------------------------------------------------------------------------------
 */

static void overlay_openings(const struct rows *rows, struct arena *arena,
                             struct overlays *overlays)
{
    struct overlay_opening *openings =
        arena_array(arena, struct overlay_opening, rows->opening_count);
    for (size_t i = 0; i < rows->opening_count; i++) {
        const struct store_opening *row = &rows->openings[i].row;
        openings[i] = (struct overlay_opening){.window = arena_text(arena, row->window),
                                               .opens_at_ms = row->opens_at_ms,
                                               .change = (enum opening_change)row->change,
                                               .at_ms = row->at_ms,
                                               .actor = arena_text(arena, row->actor),
                                               .reason = arena_text(arena, row->reason)};
    }
    overlays->openings = openings;
    overlays->opening_count = (uint32_t)rows->opening_count;
}

void rows_overlay_windows(const struct rows *rows, struct arena *arena, struct overlays *overlays)
{
    struct overlay_window *windows = arena_array(arena, struct overlay_window, rows->window_count);
    for (size_t i = 0; i < rows->window_count; i++) {
        const struct window_row *from = &rows->windows[i];
        if (!from->body)
            continue;
        struct overlay_window *window = &windows[overlays->window_count++];
        *window = from->body->window;
        window->actor = arena_text(arena, from->row.actor);
        window->reason = arena_text(arena, from->row.reason);
        window->created_at_ms = from->row.created_at_ms;
        window->since_at_ms = from->row.since_at_ms;
        window->ended_at_ms = from->row.ended_at_ms;
        window->version = from->row.version;
    }
    overlays->windows = windows;
    overlay_openings(rows, arena, overlays);
}

struct window_body **rows_ref_bodies(const struct rows *rows, struct arena *arena, size_t *count)
{
    struct window_body **bodies = arena_array(arena, struct window_body *, rows->window_count);
    for (size_t i = 0; i < rows->window_count; i++)
        bodies[i] = window_body_ref(rows->windows[i].body);
    *count = rows->window_count;
    return bodies;
}

/* -- for a revision -----------------------------------------------------------------------------
 */

/* What a plan says at one instant hangs on the windows whose occurrences are under way then. */
static bool is_under_way(const struct plan *plan, struct text id)
{
    for (uint32_t i = 0; i < plan->occurrence_count; i++)
        if (plan->occurrences[i].begin_at_ms <= plan->input.at_ms &&
            text_equal(plan->windows[plan->occurrences[i].window].declared.id, id))
            return true;
    return false;
}

void rows_print_windows(const struct rows *rows, const struct plan *plan, json_t *object)
{
    json_t *windows = json_array(), *openings = json_array();
    for (size_t i = 0; i < rows->window_count; i++) {
        const struct store_window *row = &rows->windows[i].row;
        if (is_under_way(plan, row->id))
            json_array_append_new(windows,
                                  json_pack("{s:s%, s:s%, s:I, s:I}", "id", row->id.ptr,
                                            row->id.len, "body", row->body.ptr, row->body.len,
                                            "since", row->since_at_ms, "ended", row->ended_at_ms));
    }
    for (size_t i = 0; i < rows->opening_count; i++) {
        const struct store_opening *row = &rows->openings[i].row;
        if (row->change == OPENING_ENDED && is_under_way(plan, row->window))
            json_array_append_new(openings, json_pack("{s:s%, s:I, s:I}", "window", row->window.ptr,
                                                      row->window.len, "opens", row->opens_at_ms,
                                                      "at", row->at_ms));
    }
    if (json_array_size(windows))
        json_object_set(object, "windows", windows);
    if (json_array_size(openings))
        json_object_set(object, "openings", openings);
    json_decref(windows);
    json_decref(openings);
}

static struct text text_of(const json_t *object, const char *key)
{
    return text_from(json_string_value(json_object_get(object, key)));
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void rows_parse_windows(struct rows *rows, const json_t *object)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(object, "windows"), i, item)
    {
        struct store_window row = {.id = text_of(item, "id"),
                                   .body = text_of(item, "body"),
                                   .since_at_ms = number_of(item, "since"),
                                   .ended_at_ms = number_of(item, "ended")};
        rows_load_window(rows, &row);
    }
    json_array_foreach(json_object_get(object, "openings"), i, item)
    {
        struct store_opening row = {.window = text_of(item, "window"),
                                    .opens_at_ms = number_of(item, "opens"),
                                    .change = OPENING_ENDED,
                                    .at_ms = number_of(item, "at")};
        rows_put_opening(rows, &row);
    }
}

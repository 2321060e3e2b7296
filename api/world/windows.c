/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Maintenance windows: made, changed and taken away, and single openings skipped or ended. */
#include "api/view/audit.h"
#include "api/view/window_view.h"
#include "api/world/job.h"
#include "api/world/window.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum {
    OPENINGS_KEPT_DAYS = 400, /* what became of an opening is told for a year and more */
};

/* One change in the making; its lists live in the result's arena. */
struct edit {
    struct candidate candidate;
    struct store_window *windows;
    struct text *windows_removed;
    struct store_opening *openings, *openings_removed;
    struct text before, after; /* for the audit */
};

static void put_window(struct edit *edit, const struct store_window *row, struct window_body *body)
{
    struct store_change *change = &edit->candidate.change;
    rows_put_window(&edit->candidate.rows, row, body);
    edit->windows[change->window_count++] = *row;
}

static void put_opening(struct edit *edit, const struct store_opening *row)
{
    rows_put_opening(&edit->candidate.rows, row);
    edit->openings[edit->candidate.change.opening_count++] = *row;
}

static void remove_opening(struct edit *edit, const struct store_opening *row)
{
    edit->openings_removed[edit->candidate.change.openings_removed_count++] = *row;
    rows_remove_opening(&edit->candidate.rows, row->window, row->opens_at_ms);
}

/* With what became of its openings. */
static void remove_window(struct edit *edit, const struct world *world, struct text id)
{
    for (size_t i = 0; i < world->rows.opening_count; i++)
        if (text_equal(world->rows.openings[i].row.window, id))
            remove_opening(edit, &world->rows.openings[i].row);
    edit->windows_removed[edit->candidate.change.windows_removed_count++] = id;
    rows_remove_window(&edit->candidate.rows, id);
}

static bool has_occurrence(const struct plan *plan, struct text id)
{
    for (uint32_t i = 0; i < plan->occurrence_count; i++)
        if (text_equal(plan->windows[plan->occurrences[i].window].declared.id, id))
            return true;
    return false;
}

/* Rows that mean nothing any more go with the next change, whatever it is. */
static void remove_old(struct edit *edit, const struct world *world)
{
    int64_t old_ms = edit->candidate.at_ms - OPENINGS_KEPT_DAYS * DAY_MS;
    for (size_t i = 0; i < world->rows.window_count; i++) {
        const struct store_window *row = &world->rows.windows[i].row;
        if (row->ended_at_ms && !has_occurrence(world->planned->plan, row->id))
            remove_window(edit, world, row->id);
    }
    for (size_t i = 0; i < world->rows.opening_count; i++)
        if (world->rows.openings[i].row.opens_at_ms < old_ms)
            remove_opening(edit, &world->rows.openings[i].row);
}

static struct edit edit_begin(struct world *world, const struct world_request *request,
                              struct world_result *result, const char *verb)
{
    struct arena *arena = &result->arena;
    struct text id = request->window->id;
    size_t openings = world->rows.opening_count;
    struct edit edit = {
        .candidate =
            job_begin(world, request,
                      text_from(arena_printf(arena, "window %.*s: %s%s%.*s", (int)id.len, id.ptr,
                                             verb, request->reason.len ? ", " : "",
                                             (int)request->reason.len, request->reason.ptr))),
        .windows = arena_array(arena, struct store_window, 1),
        .windows_removed = arena_array(arena, struct text, world->rows.window_count + 1),
        .openings = arena_array(arena, struct store_opening,
                                (size_t)world->planned->plan->occurrence_count + 1),
        /* Twice: with its window, and because it is old. */
        .openings_removed = arena_array(arena, struct store_opening, 2 * openings + 1)};
    remove_old(&edit, world);
    return edit;
}

static struct text audit_window(struct arena *arena, const struct store_window *row)
{
    json_t *object = json_loadb(row->body.ptr, row->body.len, 0, NULL);
    json_object_set_new(object, "id", json_stringn(row->id.ptr, row->id.len));
    json_object_set_new(object, "actor", json_stringn(row->actor.ptr, row->actor.len));
    json_object_set_new(object, "reason", json_stringn(row->reason.ptr, row->reason.len));
    json_object_set_new(object, "since_ms", json_integer(row->since_at_ms));
    if (row->ended_at_ms)
        json_object_set_new(object, "ended_ms", json_integer(row->ended_at_ms));
    json_object_set_new(object, "version", json_integer((json_int_t)row->version));
    return audit_print(arena, object);
}

static struct text audit_opening(struct arena *arena, const struct store_opening *row)
{
    return audit_print(arena, json_pack("{s:s%, s:I, s:s, s:I}", "window", row->window.ptr,
                                        row->window.len, "opens_ms", row->opens_at_ms, "change",
                                        row->change == OPENING_SKIPPED ? "skipped" : "ended",
                                        "at_ms", row->at_ms));
}

/* Takes the edit. */
static void edit_conclude(struct world *world, const struct world_request *request,
                          struct edit *edit, const char *action, struct world_result *result)
{
    struct candidate *candidate = &edit->candidate;
    struct store_audit audit =
        job_audit(request, candidate->at_ms, action, request->window->id, request->reason);
    audit.before = edit->before;
    audit.after = edit->after;
    candidate->change.windows = edit->windows;
    candidate->change.windows_removed = edit->windows_removed;
    candidate->change.openings = edit->openings;
    candidate->change.openings_removed = edit->openings_removed;
    candidate->change.audit = &audit;
    candidate->change.audit_count = 1;
    job_conclude(world, request, candidate, result);
}

/* -- what must be there -------------------------------------------------------------------------
 */

static bool find(const struct world *world, const struct world_request *request,
                 struct window_view *view, struct world_result *result)
{
    if (!window_view_find(world->planned->plan, request->window->id, view)) {
        job_fail(result, "not-found", ERROR_NOT_FOUND, "no such window");
        return false;
    }
    uint64_t version = window_view_version(world->planned->plan, view);
    if (!request->has_if_match || request->if_match == version)
        return true;
    result->current_version = version;
    job_fail(result, "stale", ERROR_CONFLICT, "the window changed since you read it");
    return false;
}

/* Finds what operators made; what the inventory declares is changed there. */
static const struct window_row *find_own(const struct world *world,
                                         const struct world_request *request,
                                         struct world_result *result)
{
    struct window_view view;
    if (!find(world, request, &view, result))
        return NULL;
    const struct window_row *row = rows_find_window(&world->rows, request->window->id);
    if (view.overlay && row)
        return row;
    job_fail(result, "conflict", ERROR_CONFLICT,
             "the window stands in the inventory, and is changed there; skip and end are for every "
             "window");
    return NULL;
}

/* -- put ----------------------------------------------------------------------------------------
 */

static bool may_be_made(const struct world *world, const struct world_request *request,
                        struct world_result *result)
{
    struct window_view view;
    struct text id = request->window->id;
    if (window_view_find(world->planned->plan, id, &view)) {
        job_fail(result, "conflict", ERROR_CONFLICT,
                 arena_printf(
                     &result->arena, "there is a window \"%.*s\" already%s", (int)id.len, id.ptr,
                     view.is_of_inventory                          ? " in the inventory"
                     : view.overlay->ended_at_ms != OVERLAY_NO_END ? ", which is just ending"
                                                                   : ""));
        return false;
    }
    if (world->rows.window_count < WORLD_WINDOWS_MAX)
        return true;
    job_fail(result, "conflict", ERROR_CONFLICT,
             arena_printf(&result->arena,
                          "there are %d windows of operators already, which is the most; remove "
                          "those that are over, or put nodes of one time into one window",
                          WORLD_WINDOWS_MAX));
    return false;
}

/* What a changed window does to its own occurrence that is under way: the guards judge it anew,
 * and must not put nodes back in the midst of the work. */
static const char *newly_blocked(const struct plan *before, const struct plan *after,
                                 struct text id)
{
    for (uint32_t i = 0; i < after->occurrence_count; i++) {
        const struct plan_occurrence *is = &after->occurrences[i];
        if (!is->is_blocked || !text_equal(after->windows[is->window].declared.id, id))
            continue;
        for (uint32_t j = 0; j < before->occurrence_count; j++) {
            const struct plan_occurrence *was = &before->occurrences[j];
            if (was->opens_at_ms == is->opens_at_ms &&
                text_equal(before->windows[was->window].declared.id, id) &&
                window_view_is_under_way(before, was, after->input.at_ms))
                return is->blocked_because;
        }
    }
    return NULL;
}

/* Looks at the plan that a put would make: when to show it, and whether it blocks itself. */
static bool look_ahead(struct world *world, const struct world_request *request, struct edit *edit,
                       struct world_result *result)
{
    struct candidate *candidate = &edit->candidate;
    struct planned *next = planned_make(world->planned->base, &candidate->rows, candidate->at_ms);
    struct window_view view;
    const char *blocked = newly_blocked(world->planned->plan, next->plan, request->window->id);
    const struct plan_occurrence *occurrence = NULL;
    if (window_view_find(next->plan, request->window->id, &view))
        occurrence = window_view_occurrence(next->plan, &view);
    if (occurrence && occurrence->opens_at_ms > candidate->at_ms)
        candidate->look_at_ms = occurrence->opens_at_ms;
    if (blocked)
        job_fail(result, "conflict", ERROR_CONFLICT,
                 arena_printf(&result->arena,
                              "the window is under way, and so changed it would be blocked: %s",
                              blocked));
    planned_unref(next);
    return !blocked;
}

void job_window_put(struct world *world, const struct world_request *request,
                    struct world_result *result)
{
    const struct world_window_change *change = request->window;
    const struct window_row *old = NULL;
    if (change->is_new ? !may_be_made(world, request, result)
                       : !(old = find_own(world, request, result)))
        return;
    if (old && old->row.ended_at_ms) {
        job_fail(result, "conflict", ERROR_CONFLICT, "the window was taken away and is ending");
        return;
    }
    struct error err = {0};
    struct window_body *body = window_body_read(change->id, change->body, &err);
    if (!body) {
        job_fail(result, "invalid", ERROR_INVALID, err.message);
        return;
    }
    struct edit edit = edit_begin(world, request, result, old ? "changed" : "made");
    int64_t at_ms = edit.candidate.at_ms;
    struct store_window row = {.id = change->id,
                               .body = change->body,
                               .actor = request->actor.name,
                               .reason = request->reason,
                               .created_at_ms = old ? old->row.created_at_ms : at_ms,
                               .since_at_ms = at_ms,
                               /* Above that of any window that had the name before. */
                               .version = old ? old->row.version + 1 : (uint64_t)at_ms};
    if (old && old->body && window_body_is_same(old->body, body))
        row.since_at_ms = old->row.since_at_ms;
    put_window(&edit, &row, body);
    window_body_unref(body);
    if (old)
        edit.before = audit_window(&result->arena, &old->row);
    edit.after = audit_window(&result->arena, &row);
    if (look_ahead(world, request, &edit, result))
        edit_conclude(world, request, &edit, old ? "window change" : "window add", result);
    else
        candidate_fini(&edit.candidate);
}

/* -- remove -------------------------------------------------------------------------------------
 */

/* When the last node that is out now would be whole again. */
static int64_t back_at(const struct world *world, int64_t now_ms)
{
    return now_ms + world->planned->base->inventory->policy.ramp_s * INT64_C(1000);
}

static bool is_under_way(const struct world *world, struct text id, int64_t now_ms)
{
    const struct plan *plan = world->planned->plan;
    for (uint32_t i = 0; i < plan->occurrence_count; i++)
        if (text_equal(plan->windows[plan->occurrences[i].window].declared.id, id) &&
            window_view_is_under_way(plan, &plan->occurrences[i], now_ms))
            return true;
    return false;
}

void job_window_remove(struct world *world, const struct world_request *request,
                       struct world_result *result)
{
    const struct window_row *old = find_own(world, request, result);
    if (!old)
        return;
    if (old->row.ended_at_ms) {
        job_fail(result, "conflict", ERROR_CONFLICT, "the window was taken away already");
        return;
    }
    struct edit edit = edit_begin(world, request, result, "removed");
    edit.before = audit_window(&result->arena, &old->row);
    if (is_under_way(world, request->window->id, edit.candidate.at_ms)) {
        struct store_window row = old->row;
        row.ended_at_ms = edit.candidate.at_ms;
        row.version++;
        put_window(&edit, &row, old->body);
        edit.after = audit_window(&result->arena, &row);
        edit.candidate.look_at_ms = back_at(world, edit.candidate.at_ms);
    } else {
        remove_window(&edit, world, old->row.id);
    }
    edit.candidate.may_use_ballast = true;
    edit_conclude(world, request, &edit, "window remove", result);
}

/* -- single openings ----------------------------------------------------------------------------
 */

/* An operator's window is another version of itself then. */
static void touch(struct edit *edit, const struct world *world, struct text id)
{
    const struct window_row *row = rows_find_window(&world->rows, id);
    if (!row || row->row.ended_at_ms)
        return;
    struct store_window touched = row->row;
    touched.version++;
    put_window(edit, &touched, row->body);
}

/* The opening must be one, and must not have begun. */
static bool check_to_come(const struct world *world, const struct world_request *request,
                          const struct window_view *view, const struct plan_opening **opening,
                          struct world_result *result)
{
    const struct world_window_change *change = request->window;
    uint32_t count = 0;
    if (view->index != INVENTORY_NONE)
        count =
            plan_window_openings(world->planned->plan,
                                 &(struct plan_openings_query){.window = view->index,
                                                               .how = PLAN_OPENINGS_TIMES,
                                                               .most = 1,
                                                               .from_ms = change->opens_at_ms,
                                                               .to_ms = change->opens_at_ms + 1},
                                 &result->arena, opening);
    if (count == 0) {
        job_fail(result, "not-found", ERROR_NOT_FOUND, "the window does not open then");
        return false;
    }
    if ((*opening)->occurrence.begin_at_ms > world_now_ms(world))
        return true;
    job_fail(result, "conflict", ERROR_CONFLICT,
             change->is_undo
                 ? "the lead time of that opening has begun without it; put a window of its own"
                 : "that opening has begun; end it instead");
    return false;
}

void job_window_skip(struct world *world, const struct world_request *request,
                     struct world_result *result)
{
    const struct world_window_change *change = request->window;
    const struct plan_opening *opening = NULL;
    struct window_view view;
    if (!find(world, request, &view, result) ||
        !check_to_come(world, request, &view, &opening, result))
        return;
    if ((opening->skipped != NULL) != change->is_undo) {
        job_fail(result, "conflict", ERROR_CONFLICT,
                 change->is_undo ? "that opening is not skipped"
                                 : "that opening is skipped already");
        return;
    }
    if (!change->is_undo && world->rows.opening_count >= WORLD_OPENINGS_MAX) {
        job_fail(result, "conflict", ERROR_CONFLICT,
                 "too many openings are skipped or ended; change the rules of the windows instead");
        return;
    }
    struct edit edit = edit_begin(world, request, result, change->is_undo ? "not skipped" : "skip");
    struct store_opening row = {.window = change->id,
                                .opens_at_ms = change->opens_at_ms,
                                .change = OPENING_SKIPPED,
                                .at_ms = edit.candidate.at_ms,
                                .actor = request->actor.name,
                                .reason = request->reason};
    if (change->is_undo) {
        edit.before = audit_opening(&result->arena, &row);
        remove_opening(&edit, &row);
    } else {
        edit.after = audit_opening(&result->arena, &row);
        put_opening(&edit, &row);
    }
    touch(&edit, world, change->id);
    edit.candidate.look_at_ms = change->opens_at_ms;
    edit_conclude(world, request, &edit, change->is_undo ? "window unskip" : "window skip", result);
}

void job_window_end(struct world *world, const struct world_request *request,
                    struct world_result *result)
{
    const struct plan *plan = world->planned->plan;
    struct window_view view;
    if (!find(world, request, &view, result))
        return;
    if (!is_under_way(world, request->window->id, world_now_ms(world))) {
        job_fail(result, "conflict", ERROR_CONFLICT,
                 "no opening of the window is under way; skip takes one out that is to come");
        return;
    }
    struct edit edit = edit_begin(world, request, result, "ended");
    for (uint32_t i = 0; i < plan->occurrence_count; i++) {
        const struct plan_occurrence *occurrence = &plan->occurrences[i];
        if (occurrence->window != view.index ||
            !window_view_is_under_way(plan, occurrence, edit.candidate.at_ms))
            continue;
        struct store_opening row = {.window = request->window->id,
                                    .opens_at_ms = occurrence->opens_at_ms,
                                    .change = OPENING_ENDED,
                                    .at_ms = edit.candidate.at_ms,
                                    .actor = request->actor.name,
                                    .reason = request->reason};
        edit.after = audit_opening(&result->arena, &row);
        put_opening(&edit, &row);
    }
    touch(&edit, world, request->window->id);
    edit.candidate.may_use_ballast = true;
    edit.candidate.look_at_ms = back_at(world, edit.candidate.at_ms);
    edit_conclude(world, request, &edit, "window end", result);
}

/* -- the calendar -------------------------------------------------------------------------------
 */

void job_calendar_key(struct world *world, const struct world_request *request,
                      struct world_result *result)
{
    struct store_audit audit = job_audit(request, world_now_ms(world), "calendar key",
                                         text_from("windows.ics"), request->reason);
    struct store_change change = {
        .calendar_key = &request->window->key, .audit = &audit, .audit_count = 1};
    if (!job_commit(world, request, &change, result) || request->is_dry_run)
        return;
    world->has_calendar_key = true;
    world->calendar_key = request->window->key;
    world_renew_view(world);
}

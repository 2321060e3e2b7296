/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/internal.h"

#include "srvplan/inventory_load.h"
#include "zones/base/log.h"
#include "zones/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- settings ------------------------------------------------------------------------------------
 */

bool world_reload_settings(struct world *world, bool is_dry_run, struct error *err)
{
    const struct world_options *options = &world->options;
    char pending[WORLD_PENDING_SIZE] = "";
    if (!options->reload_settings)
        return true;
    bool done = options->reload_settings(options->reload_context, is_dry_run, pending, err);
    if (is_dry_run)
        return done;
    snprintf(world->settings_problem, sizeof world->settings_problem, "%.250s",
             done ? "" : err->message);
    if (done)
        memcpy(world->settings_pending, pending, sizeof pending);
    world_renew_view(world);
    return done;
}

/* -- start --------------------------------------------------------------------------------------
 */

/* A store that is older than the image would hand out serials again. */
static bool check_image_age(const struct world *world, const struct store_state *state,
                            struct error *err)
{
    uint64_t generation = 0;
    if (!image_dir_generation(&world->image_dir, &generation) ||
        generation <= state->revision.number)
        return true;
    return error_set(err, ERROR_CONFLICT,
                     "%s: the image is of revision %llu, the store only knows %llu: an older store "
                     "was put back, and serials would repeat; restore the newest backup, or remove "
                     "%s/image to accept that",
                     world->options.state_path, (unsigned long long)generation,
                     (unsigned long long)state->revision.number, world->options.state_path);
}

static bool first_start(struct world *world, struct error *err)
{
    struct store_inventory source = {0};
    struct world_actor actor = {text_from("srvpland"), text_from("start")};
    bool served = false;
    struct inventory_source *files = world_read_file(world, &source, err);
    struct base *base = files ? world_read_base(&source, files, err) : NULL;
    bool done = base && world_adopt_base(world, base, &actor, &served, err);
    inventory_source_free(files);
    return done;
}

/* The revision that the store holds, as it was. */
static bool restore(struct world *world, const struct store_state *state, struct error *err)
{
    struct base *base = world_read_base(&state->inventory, NULL, err);
    if (!base)
        return error_within(err, "the inventory in the store cannot be used by this version");
    for (size_t i = 0; i < state->drain_count; i++)
        rows_put_drain(&world->rows, &state->drains[i]);
    for (size_t i = 0; i < state->weight_count; i++)
        rows_put_weight(&world->rows, &state->weights[i]);
    for (size_t i = 0; i < state->window_count; i++)
        rows_load_window(&world->rows, &state->windows[i]);
    for (size_t i = 0; i < state->opening_count; i++)
        rows_put_opening(&world->rows, &state->openings[i]);
    if (!base_restore_slots(base, state, &world->serials)) {
        base_unref(base);
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s/srvplan.db: its zones and serials do not match its inventory; restore "
                         "a backup",
                         world->options.state_path);
    }
    world_note_cause(world, state->revision.number, state->revision.actor, state->revision.cause);
    world->published_at_ms = state->revision.at_ms;
    timekeeper_restore(&world->keeper, state->revision.at_ms);
    world->acknowledged_revision = state->served_revision;
    world->served_at_ms = state->revision.served_at_ms;
    struct planned *planned = planned_make(base, &world->rows, state->revision.at_ms);
    base_unref(base);
    world_set_plan(world, planned);
    planned_unref(planned);
    world->served_plan_at_ms = state->revision.at_ms;
    world_look(world);
    history_restore(&world->history, state, world->keeper.seen.real_ms);
    struct error image = {0};
    if (!world_rewrite_image(world, &image)) {
        /* A full disk must not keep us from saying so, nor dnsd from its older image. */
        snprintf(world->publish_problem, sizeof world->publish_problem, "%.250s", image.message);
        log_error("image not written", log_string("reason", image.message));
    }
    return true;
}

bool world_load(struct world *world, struct error *err)
{
    const struct store_state *state = NULL;
    world->store =
        store_open(world->options.state_directory, world->options.state_path, &state, err);
    if (!world->store ||
        !image_dir_open(&world->image_dir, world->options.state_directory,
                        world->options.state_path, err) ||
        !check_image_age(world, state, err))
        return false;
    store_keep(world->store, world->options.revisions_kept);
    retired_add(&world->retired, state->retired, state->retired_count);
    world->tokens = tokens_new(state->tokens, state->token_count);
    world->has_calendar_key = state->has_calendar_key;
    world->calendar_key = state->calendar_key;
    world->options.dnsd.may_adopt = state->revision.number != 0;
    return state->revision.number == 0 ? first_start(world, err) : restore(world, state, err);
}

void world_settle(struct world *world)
{
    struct world_actor actor = {text_from("srvpland"), text_from("start")};
    struct error reload = {0};
    bool served = false;
    /* A file that cannot be used now must not keep the stored state from being served. */
    if (!world_reload(world, &actor, &served, NULL, &reload))
        log_error("the stored inventory goes on", log_string("reason", reload.message));
    world_tick(world);
}

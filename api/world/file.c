/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inventory's file, and what becomes of it when it changed: the store is the truth. */
#include "api/world/internal.h"

#include "srvplan/inventory_load.h"
#include "zones/base/log.h"

#include <stdio.h>

/* Of a broken file that many findings go to the log; `srvplan check` prints them all. */
enum {
    FINDINGS_LOGGED = 20
};

static void log_findings(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count && i < FINDINGS_LOGGED; i++) {
        const struct finding *finding = &findings->items[i];
        log_event(finding->severity == FINDING_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
                  "inventory", log_string("file", finding->file), log_number("line", finding->line),
                  log_number("column", finding->column), log_string("code", finding->code),
                  log_string("message", finding->message),
                  log_string("mend", finding->mend ? finding->mend : ""));
    }
    if (findings->count > FINDINGS_LOGGED)
        log_warning("more findings: see srvplan check",
                    log_number("count", (int64_t)findings->count));
}

struct base *world_read_base(const struct store_inventory *source, struct inventory_source *files,
                             struct error *err)
{
    struct findings findings = {0};
    struct base *base = base_load(source, files, &findings);
    log_findings(&findings);
    for (size_t i = 0; !base && i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        if (finding->severity == FINDING_ERROR)
            error_set(err, ERROR_INVALID,
                      "%s:%u:%u: %s (%zu errors in all; `srvplan check` shows "
                      "them)",
                      finding->file, finding->line, finding->column, finding->message,
                      findings.errors);
    }
    findings_fini(&findings);
    return base;
}

struct inventory_source *world_read_file(const struct world *world, struct store_inventory *source,
                                         struct error *err)
{
    struct inventory_source *files = inventory_source_open(world->options.inventory_path, err);
    if (files)
        *source = (struct store_inventory){
            .source = STORE_SOURCE_FILE,
            .file = text_from(world->options.inventory_path),
            .file_digest = inventory_source_digest(files),
            .text = inventory_source_text(files),
            .actor = text_from("file"),
            .at_ms = world_now_ms(world),
        };
    return files;
}

/* -- a changed file ------------------------------------------------------------------------------
 */

enum file_fate {
    FILE_IS_THE_SAME,
    FILE_IS_TAKEN, /* it becomes the inventory */
    FILE_IS_LEFT,  /* the store's stays: that was chosen, and is noted */
    FILE_IS_REFUSED,
};

/* What is to become of the file as it is now. That it has what was put is no conflict. */
static enum file_fate fate_of(const struct world *world, const struct store_inventory *source)
{
    const struct base *base = world->planned->base;
    const struct store_inventory *stored = &base->source;
    struct bytes text = {(const uint8_t *)source->text.ptr, source->text.len};
    struct digest text_digest = digest_of(text);
    if (digest_equal(&source->file_digest, &stored->file_digest))
        return FILE_IS_THE_SAME;
    if (stored->source == STORE_SOURCE_FILE || digest_equal(&text_digest, &base->text_digest) ||
        world->options.choice == WORLD_CHOOSE_FILE)
        return FILE_IS_TAKEN;
    return world->options.choice == WORLD_CHOOSE_STORE ? FILE_IS_LEFT : FILE_IS_REFUSED;
}

/* Into the result, where there is one, and else into the log. */
static void show_difference(const struct world *world, struct base *base,
                            struct world_result *result)
{
    struct planned *planned = planned_make(base, &world->rows, world_now_ms(world));
    if (result) {
        result->planned = planned_ref(planned);
        result->plan = planned->plan;
        result->diff = plan_diff_make(world->planned->plan, planned->plan, &result->arena);
    }
    world_log_diff(world->planned->plan, planned->plan, "the refused file would change the plan");
    planned_unref(planned);
}

/* Both changed: whoever runs this must choose, and sees between what. */
static bool refuse(const struct world *world, const struct store_inventory *source,
                   struct inventory_source *files, struct world_result *result, struct error *err)
{
    struct error why = {0};
    struct base *base = world_read_base(source, files, &why);
    if (base)
        show_difference(world, base, result);
    base_unref(base);
    return error_set(err, ERROR_CONFLICT,
                     "%s changed, and so did the inventory in the store (put by the API); start "
                     "with --inventory file or --inventory store to choose; `srvplan plan -f %s "
                     "--against rev` shows the difference%s%s",
                     world->options.inventory_path, world->options.inventory_path,
                     base ? "" : "; the file has mistakes: ", base ? "" : why.message);
}

/* The store's inventory again, with a note that this file was seen. */
static struct base *keep_stored(const struct world *world, const struct store_inventory *source,
                                struct error *err)
{
    struct store_inventory kept = world->planned->base->source;
    kept.file = source->file;
    kept.file_digest = source->file_digest;
    kept.source = STORE_SOURCE_PUT;
    return world_read_base(&kept, NULL, err);
}

static bool follow_file(struct world *world, const struct world_actor *actor, bool *served,
                        struct world_result *result, struct error *err)
{
    struct store_inventory source = {0};
    struct inventory_source *files = world_read_file(world, &source, err);
    struct base *base = NULL;
    bool done = false;
    if (!files)
        return false;
    switch (fate_of(world, &source)) {
    case FILE_IS_THE_SAME:
        log_info("inventory file unchanged", log_string("file", world->options.inventory_path));
        done = true;
        break;
    case FILE_IS_TAKEN:
        base = world_read_base(&source, files, err);
        done = base && world_adopt_base(world, base, actor, served, err);
        break;
    case FILE_IS_LEFT:
        base = keep_stored(world, &source, err);
        done = base && world_adopt_base(world, base, actor, served, err);
        break;
    case FILE_IS_REFUSED:
        done = refuse(world, &source, files, result, err);
        break;
    }
    inventory_source_free(files);
    return done;
}

bool world_reload(struct world *world, const struct world_actor *actor, bool *served,
                  struct world_result *result, struct error *err)
{
    *served = world->served_revision == world->revision;
    bool done = follow_file(world, actor, served, result, err);
    if (done)
        world->file_problem[0] = '\0';
    else
        snprintf(world->file_problem, sizeof world->file_problem, "%.250s", err->message);
    world_renew_view(world);
    return done;
}

bool world_reload_try(struct world *world, struct world_result *result)
{
    struct store_inventory source = {0};
    struct base *base = NULL;
    struct inventory_source *files = world_read_file(world, &source, &result->error);
    if (!files)
        return false;
    switch (fate_of(world, &source)) {
    case FILE_IS_THE_SAME:
    case FILE_IS_LEFT:
        base = base_ref(world->planned->base);
        break;
    case FILE_IS_TAKEN:
        base = world_read_base(&source, files, &result->error);
        break;
    case FILE_IS_REFUSED:
        (void)refuse(world, &source, files, result, &result->error);
        break;
    }
    inventory_source_free(files);
    if (!base)
        return false;
    result->planned = planned_make(base, &world->rows, world_now_ms(world));
    base_unref(base); /* the plan holds it now */
    result->plan = result->planned->plan;
    result->diff = plan_diff_make(world->planned->plan, result->plan, &result->arena);
    const struct plan_verdict *refusal =
        world_new_refusal(world->planned->plan, result->plan, false);
    return !refusal || error_set(&result->error, ERROR_GUARD, "%s", refusal->message);
}

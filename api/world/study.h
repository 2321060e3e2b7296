/* SPDX-License-Identifier: GPL-3.0-or-later */
/* study: what an inventory, or overlays, would make of the world, were they in force.
 *
 * Everything that takes long about a change is done here, on the thread of whoever asks, from a
 * view: reading, layout, checks, the plan, and the difference to the plan in force. The world gets
 * the result to decide on (world/inventory.h). Pure: nothing is stored or served. */
#pragma once
#include "api/world/base.h"
#include "api/world/world.h"
#include "srvplan/compare.h"

#include <jansson.h>

struct study {
    struct arena arena;
    struct findings findings;
    struct inventory_source *files; /* of study_read */
    struct base *base;              /* of study_read; NULL: it cannot be served */
    struct plan *plan;              /* NULL: there is none */
    const struct plan *before;      /* of study_compare, as the next */
    const struct comparison *comparison;
};

/* What is asked of a plan; all of it must outlive the study. */
struct study_scene {
    const struct layout *layout;
    const struct overlays *overlays;
    int64_t at_ms;
};

/* Reads an inventory. False: errors among the findings say why it cannot be served. */
NODISCARD bool study_read(struct study *study, struct text document, enum document_format format);

/* Plans, and adds what plan and checks find; with places in the document that was read. */
void study_plan(struct study *study, const struct study_scene *scene);

/* Finds everything that is wrong with an inventory, as `srvplan check` does; keeps nothing else. */
void study_check(struct study *study, struct text document, enum document_format format,
                 int64_t at_ms);

/* Compares the plan with the one before it, which must outlive the study; NULL: there was none. */
void study_compare(struct study *study, const struct plan *before);

void study_fini(struct study *study);

/* Changes, each with the zone that its first name is in, as report_changes_json has them. */
json_t *study_changes_json(const struct study *study);

/* The findings that are no errors. */
json_t *study_warnings_json(const struct study *study);

/* Of the zones, domains and nodes of an inventory, how many; and where it came from. */
json_t *study_inventory_json(const struct world_view *view);

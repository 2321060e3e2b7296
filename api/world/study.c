/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/study.h"

#include "api/view/json_view.h"
#include "srvplan/inventory_load.h"
#include "srvplan/lint.h"
#include "srvplan/report/report_compare.h"
#include "srvplan/report/report_json.h"

#include <stdlib.h>

/* How findings name the text; it has no file. */
static const char document_name[] = "inventory";

static struct plan *plan_of(const struct study_scene *scene)
{
    return plan_compute(&(struct plan_input){
        .layout = scene->layout, .overlays = scene->overlays, .at_ms = scene->at_ms});
}

/* What the plan itself found, and the checks. */
static void add_findings(struct study *study, const struct plan *plan)
{
    for (size_t i = 0; i < plan->findings.count; i++)
        findings_add(&study->findings, &plan->findings.items[i]);
    lint_plan(plan, LAYOUT_FOR_ZONES, LINT_ALL, &study->findings);
}

bool study_read(struct study *study, struct text document, enum document_format format)
{
    struct bytes text = {(const uint8_t *)document.ptr, document.len};
    study->files = inventory_source_of(text, document_name, format);
    struct store_inventory source = {.source = STORE_SOURCE_PUT,
                                     .text = inventory_source_text(study->files)};
    study->base = base_load(&source, study->files, &study->findings);
    return study->base != NULL;
}

void study_plan(struct study *study, const struct study_scene *scene)
{
    study->plan = plan_of(scene);
    add_findings(study, study->plan);
    if (study->files)
        inventory_source_locate(study->files, &study->findings);
}

void study_check(struct study *study, struct text document, enum document_format format,
                 int64_t at_ms)
{
    static const struct overlays none = {0};
    struct bytes text = {(const uint8_t *)document.ptr, document.len};
    struct inventory_source *files = inventory_source_of(text, document_name, format);
    struct inventory *inventory = inventory_load_source(files, &study->findings);
    struct layout *layout =
        inventory ? layout_build(inventory, LAYOUT_FOR_ZONES, &study->findings) : NULL;
    if (layout) {
        struct plan *plan =
            plan_of(&(struct study_scene){.layout = layout, .overlays = &none, .at_ms = at_ms});
        add_findings(study, plan);
        plan_free(plan);
    }
    inventory_source_locate(files, &study->findings);
    layout_free(layout);
    inventory_free(inventory);
    inventory_source_free(files);
}

void study_compare(struct study *study, const struct plan *before)
{
    struct arena *arena = &study->arena;
    study->before = before;
    static const struct published nothing = {.label = "nothing", .is_plan = true};
    study->comparison = compare(before ? published_of_plan(before, "before", arena) : &nothing,
                                published_of_plan(study->plan, "after", arena), COMPARE_ALL, arena);
}

void study_fini(struct study *study)
{
    plan_free(study->plan);
    base_unref(study->base);
    inventory_source_free(study->files);
    findings_fini(&study->findings);
    arena_fini(&study->arena);
    *study = (struct study){0};
}

/* ---- as JSON ---- */

static json_t *zone_json(const struct study *study, const struct change *change)
{
    const struct inventory *after = study->plan->input.layout->inventory;
    uint32_t zone = inventory_zone_of(after, change->owner);
    if (zone != INVENTORY_NONE)
        return json_view_name(after->zones[zone].apex);
    if (!study->before)
        return json_null();
    const struct inventory *before = study->before->input.layout->inventory;
    zone = inventory_zone_of(before, change->owner); /* the zone goes, too */
    return zone == INVENTORY_NONE ? json_null() : json_view_name(before->zones[zone].apex);
}

json_t *study_changes_json(const struct study *study)
{
    json_t *changes = report_changes_json(study->comparison);
    for (uint32_t i = 0; i < study->comparison->change_count; i++)
        json_object_set_new(json_array_get(changes, i), "zone",
                            zone_json(study, &study->comparison->changes[i]));
    return changes;
}

json_t *study_warnings_json(const struct study *study)
{
    struct findings warnings = {0};
    for (size_t i = 0; i < study->findings.count; i++)
        if (study->findings.items[i].severity != FINDING_ERROR)
            findings_add(&warnings, &study->findings.items[i]);
    json_t *json = report_findings_json(&warnings);
    findings_fini(&warnings);
    return json;
}

json_t *study_inventory_json(const struct world_view *view)
{
    const struct inventory *inventory = view->inventory;
    json_t *json = json_object();
    json_object_set_new(json, "id", json_integer((json_int_t)view->inventory_id));
    json_object_set_new(
        json, "source",
        json_string(view->inventory_source == STORE_SOURCE_FILE ? "file" : "store"));
    json_object_set_new(json, "bytes", json_integer((json_int_t)view->inventory_text.len));
    json_object_set_new(json, "zones", json_integer(inventory->zone_count));
    json_object_set_new(json, "domains", json_integer(inventory->domain_count));
    json_object_set_new(json, "nodes", json_integer(inventory->node_count));
    return json;
}

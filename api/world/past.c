/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/past.h"

#include "api/world/base.h"
#include "api/view/json_view.h"
#include "api/world/rows.h"
#include "srvplan/report/report_json.h"

/* A text of a JSON tree; empty when it is none. Borrowed. */
static struct text text_of(const json_t *object, const char *key)
{
    return text_from(json_string_value(json_object_get(object, key)));
}

/* Weights have no end here: they were in force then, and no plan of a later instant is made. */
static void overlays_read(struct rows *rows, struct text overlays)
{
    json_t *tree = json_loadb(overlays.ptr, overlays.len, 0, NULL);
    size_t i;
    json_t *weight;
    json_array_foreach(json_object_get(tree, "weights"), i, weight)
    {
        struct store_weight row = {
            .node = text_of(weight, "node"),
            .service = text_of(weight, "service"),
            .form = (int)json_integer_value(json_object_get(weight, "form")),
            .value = (int32_t)json_integer_value(json_object_get(weight, "value")),
        };
        rows_put_weight(rows, &row);
    }
    rows_parse_windows(rows, tree);
    json_decref(tree);
}

static struct rows rows_of(const struct store_past *past)
{
    struct rows rows = {0};
    for (size_t i = 0; i < past->drain_count; i++) {
        struct store_drain drain = past->drains[i];
        drain.ended_at_ms = 0; /* it had not ended then */
        rows_put_drain(&rows, &drain);
    }
    overlays_read(&rows, past->revision.overlays);
    return rows;
}

bool past_make(struct past *past, const struct store_past *stored, struct base *base,
               struct error *err)
{
    struct findings findings = {0};
    *past = (struct past){.base = base ? base_ref(base)
                                       : base_load(&stored->inventory, NULL, &findings)};
    for (size_t i = 0; !past->base && i < findings.count; i++)
        if (findings.items[i].severity == FINDING_ERROR)
            error_set(err, ERROR_CONFLICT,
                      "revision %llu: this version cannot read its inventory any more: %s",
                      (unsigned long long)stored->revision.number, findings.items[i].message);
    findings_fini(&findings);
    if (!past->base)
        return false;
    past->rows = rows_of(stored);
    past->overlays = rows_overlays(&past->rows, &past->arena);
    past->plan = plan_compute(&(struct plan_input){.layout = past->base->layout,
                                                   .overlays = &past->overlays,
                                                   .at_ms = stored->revision.at_ms});
    return true;
}

void past_fini(struct past *past)
{
    plan_free(past->plan);
    base_unref(past->base);
    rows_fini(&past->rows);
    arena_fini(&past->arena);
    *past = (struct past){0};
}

json_t *past_json(const struct past *past, const struct store_past *stored)
{
    json_t *json = report_plan_json(past->plan, NULL);
    json_t *revision = json_view_revision(&stored->revision);
    json_object_update(json, revision);
    json_decref(revision);
    return json;
}

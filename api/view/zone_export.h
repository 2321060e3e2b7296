/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_export: one zone as published, in each format that others read: a table, one row a format.
 *
 * `zone` and `fragment` are what `srvplan zone` writes, with the serial that is served; `json` and
 * `yaml` have the record sets as GET /records has them; `text`, `csv`, `md` and `html` are the
 * sheets of `srvplan plan`, with shares and reasons, of the SRV sets of the zone. */
#pragma once
#include "api/view/json_view.h"

struct zone_export {
    const char *name;       /* "zone" */
    const char *media_type; /* of HTTP */
    bool (*write)(FILE *out, const struct json_scene *scene, uint32_t zone, struct error *err);
};

extern const struct zone_export zone_exports[];
extern const size_t zone_export_count;

/* NULL: there is no such format. */
const struct zone_export *zone_export_find(struct text name);

/* The names of all, as "zone, fragment, json"; in the arena. */
const char *zone_export_names(struct arena *arena);

/* The zone of the layout in that format: heap text, NUL-terminated; NULL: *err says why. */
NODISCARD char *zone_export_print(const struct zone_export *format, const struct json_scene *scene,
                                  uint32_t zone, struct error *err);

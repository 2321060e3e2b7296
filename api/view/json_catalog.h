/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json_catalog: domains, services, tiers and zones of the inventory in force, each with what the
 * plan makes of it: who is in its sets, and with which shares. Keys and shapes are part of the API
 * (srvplan-api(7)).
 *
 * Like json_view, of which it is the other half: pure, a new reference each. Members are in the
 * order of their ids; shares are those of RFC 2782's intent, exact as text beside the number. */
#pragma once
#include "api/view/json_view.h"

enum catalog_detail {
    CATALOG_BRIEF, /* as an item of a list */
    CATALOG_WHOLE, /* alone: with the reason for every value */
};

json_t *json_catalog_domain(const struct json_scene *scene, uint32_t domain,
                            enum catalog_detail detail);
json_t *json_catalog_service(const struct json_scene *scene, uint32_t service);
json_t *json_catalog_tier(const struct json_scene *scene, uint32_t tier);

/* A zone of the layout, by its index there. */
json_t *json_catalog_zone(const struct json_scene *scene, uint32_t zone,
                          enum catalog_detail detail);

/* The index of the first domain or zone whose name does not come before `name`. */
uint32_t json_catalog_domain_from(const struct inventory *inventory, struct name name);
uint32_t json_catalog_zone_from(const struct content_names *names, struct name name);

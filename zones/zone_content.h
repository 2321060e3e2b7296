/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_content: plain zone files → content (content.h), as the planner would hand it over.
 *
 * One file is one zone; its apex is the owner of its SOA record. Files are added one by one and
 * forgotten at once, so that 100,000 of them cost what their names cost: sets and lists of types
 * are kept once each (zone_sets.h), zones with equal serials share a slot. What is wrong is a fault
 * with file, line and column (zone_faults.h), and adding goes on, so that one run shows all.
 *
 * Zones may nest. What an outer one says at and below the apex of an inner one nobody can ask for
 * then, but for the DS: the inner one answers. */
#pragma once
#include "zones/zone_faults.h"
#include "zones/zone_sets.h"

struct zone_source {
    const char *path; /* as faults show it; outlives the content */
    struct text text;
    struct name apex;   /* that the zone must have; len 0: whatever its SOA says */
    struct name origin; /* of relative names before the first $ORIGIN; len 0: there is none */
};

/* What one load of the zone files leaves for the next: a zone of another content has to have a
 * greater serial (RFC 1982), or those who look at serials do not notice. */
struct zone_version {
    uint64_t name, content; /* hashes */
    uint32_t serial, reserved;
};

/* Zeroed but for what its comments say it is empty. */
struct zone_content {
    struct arena *arena;       /* set it: everything lives there */
    enum content_order order;  /* set it: of SRV sets */
    struct zone_faults faults; /* set its arena */

    struct content_names names; /* after zone_content_finish */
    struct content_sets sets;
    const uint32_t *serials;             /* names.slot_count of them */
    const struct zone_version *versions; /* by zone */
    const char *const *zone_paths;       /* likewise */

    /* Under construction. */
    struct zone_sets shared;
    struct content_zone *zones;
    const char **paths; /* of each zone, in the order of adding */
    struct zone_version *added;
    struct content_name *all_names;
    uint32_t *slots;
    size_t zone_count, zone_capacity, path_capacity, added_capacity, name_count, name_capacity,
        slot_count, slot_capacity;
};

/* Adds the zone of a file, or its faults. */
void zone_content_add(struct zone_content *content, const struct zone_source *source);

/* Puts the zones together and fills names, sets and serials. False: there are errors among the
 * faults, and nothing is to be served. */
NODISCARD bool zone_content_finish(struct zone_content *content);

/* Warns of zones that differ from those of an earlier load without a greater serial. */
void zone_content_compare(struct zone_content *content, const struct zone_version *earlier,
                          size_t count);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* world_fixture: a view of a small cluster, made by hand: two domains, three nodes, revision 7
 * served by dnsd; with "xmpp2" drained when asked for. Times are fixed. */
#pragma once
#include "api/world/world.h"

#define WORLD_FIXTURE_AT_MS INT64_C(1796515200000) /* 2026-12-06T00:00:00Z */

enum world_fixture_kind {
    WORLD_FIXTURE_CALM,
    WORLD_FIXTURE_DRAINED, /* dr_1 of xmpp2, served; a weight of 50 % on xmpp1; dr_0 is closed */
};

struct world_fixture {
    struct world_view view;
    struct inventory *inventory;
    struct layout *layout;
    struct plan *plan;
    struct world_drain drains[2];
    uint32_t *serials;
    struct content_zone *zones;
};

/* Aborts with a message when it cannot be made. */
struct world_fixture *world_fixture_new(enum world_fixture_kind kind);
void world_fixture_free(struct world_fixture *fixture);

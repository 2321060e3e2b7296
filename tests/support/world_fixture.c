/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world_fixture.h"

#include "srvplan/inventory_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] =
    "{\"srvplan\": 1,"
    " \"defaults\": {\"base\": \"example.org\", \"ttl\": \"5m\", \"tier\": \"primary\","
    "  \"name_servers\": [{\"host\": \"ns1.example.org\", \"addresses\": [\"192.0.2.53\"]}]},"
    " \"domains\": {\"example.org\": {\"services\": [\"xmpp-client\"]},"
    "  \"example.net\": {\"services\": [\"xmpp-client\", \"xmpp-server\"]}},"
    " \"tiers\": {\"primary\": {\"priority\": 10}, \"standby\": {\"priority\": 20}},"
    " \"nodes\": {"
    "  \"xmpp1\": {\"addresses\": [\"192.0.2.11\", \"2001:db8::11\"], \"capacity\": 200,"
    "   \"site\": \"ams\"},"
    "  \"xmpp2\": {\"addresses\": [\"192.0.2.12\"], \"capacity\": 120},"
    "  \"xmpp3\": {\"addresses\": [\"192.0.2.13\"], \"capacity\": 100, \"tier\": \"standby\"}}}";

static const struct overlay_drain overlay_drains[] = {
    {.id = {"dr_1", 4},
     .node = {"xmpp2", 5},
     .actor = {"root", 4},
     .reason = {"kernel", 6},
     .since_at_ms = WORLD_FIXTURE_AT_MS},
};
static const struct overlay_weight overlay_weights[] = {
    {.node = {"xmpp1", 5},
     .service = {"*", 1},
     .form = WEIGHT_PERCENT,
     .value = 50,
     .actor = {"root", 4},
     .reason = {"slow disk", 9},
     .since_at_ms = WORLD_FIXTURE_AT_MS},
};

static void give_up(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        fprintf(stderr, "world_fixture: %s: %s\n", findings->items[i].pointer,
                findings->items[i].message);
    abort();
}

static void add_drains(struct world_fixture *fixture)
{
    fixture->drains[0] = (struct world_drain){.state = DRAIN_CLOSED,
                                              .row = {.id = {"dr_0", 4},
                                                      .node = {"xmpp1", 5},
                                                      .services = {"xmpp-client", 11},
                                                      .actor = {"root", 4},
                                                      .reason = {"before", 6},
                                                      .ended_actor = {"root", 4},
                                                      .since_at_ms = WORLD_FIXTURE_AT_MS - 900000,
                                                      .version = 2,
                                                      .served_at_ms = WORLD_FIXTURE_AT_MS - 900000,
                                                      .ended_at_ms = WORLD_FIXTURE_AT_MS - 600000},
                                              .share_before_num = 5,
                                              .share_before_den = 8};
    fixture->drains[1] =
        (struct world_drain){.state = DRAIN_WITHDRAWN,
                             .row = {.id = {"dr_1", 4},
                                     .node = {"xmpp2", 5},
                                     .actor = {"root", 4},
                                     .reason = {"kernel", 6},
                                     .since_at_ms = WORLD_FIXTURE_AT_MS,
                                     .served_at_ms = WORLD_FIXTURE_AT_MS + 1000,
                                     .version = 2,
                                     .revision = 7},
                             .dns_clear_at_ms = WORLD_FIXTURE_AT_MS + 302000,
                             .dns_clear_pessimistic_at_ms = WORLD_FIXTURE_AT_MS + 3902000,
                             .share_before_num = 3,
                             .share_before_den = 8};
    fixture->view.drains = fixture->drains;
    fixture->view.drain_count = COUNT_OF(fixture->drains);
    fixture->view.overlays = (struct overlays){.drains = overlay_drains,
                                               .drain_count = COUNT_OF(overlay_drains),
                                               .weights = overlay_weights,
                                               .weight_count = COUNT_OF(overlay_weights)};
}

struct world_fixture *world_fixture_new(enum world_fixture_kind kind)
{
    struct world_fixture *fixture = calloc(1, sizeof *fixture);
    struct findings findings = {0};
    if (!fixture)
        abort();
    struct bytes bytes = {(const uint8_t *)text, sizeof text - 1};
    fixture->inventory = inventory_load(bytes, "fixture.jsonc", &findings);
    if (fixture->inventory)
        fixture->layout = layout_build(fixture->inventory, LAYOUT_FOR_ZONES, &findings);
    if (!fixture->layout)
        give_up(&findings);
    findings_fini(&findings);
    static const char *const not_ready[] = {NULL};
    fixture->view = (struct world_view){.inventory = fixture->inventory,
                                        .layout = fixture->layout,
                                        .inventory_file = {"/etc/srvplan/inventory.jsonc", 28},
                                        .revision = 7,
                                        .served_revision = 7,
                                        .published_at_ms = WORLD_FIXTURE_AT_MS,
                                        .served_at_ms = WORLD_FIXTURE_AT_MS + 1000,
                                        .is_ready = true,
                                        .not_ready = not_ready,
                                        .index = 12,
                                        .dnsd = {.is_connected = true,
                                                 .is_in_step = true,
                                                 .generation = 7,
                                                 .pid = 123,
                                                 .workers = 1,
                                                 .addresses = {"127.0.0.1:5300 [::1]:5300", 25}}};
    if (kind == WORLD_FIXTURE_DRAINED)
        add_drains(fixture);
    fixture->plan = plan_compute(&(struct plan_input){.layout = fixture->layout,
                                                      .overlays = &fixture->view.overlays,
                                                      .at_ms = WORLD_FIXTURE_AT_MS});
    fixture->view.plan = fixture->plan;
    fixture->serials = calloc(fixture->layout->names.zone_count, sizeof *fixture->serials);
    fixture->zones = calloc(fixture->layout->names.zone_count, sizeof *fixture->zones);
    if (!fixture->serials || !fixture->zones)
        abort();
    for (uint32_t i = 0; i < fixture->layout->names.zone_count; i++) {
        fixture->serials[i] = 1790000000 + i;
        fixture->zones[i] = fixture->layout->names.zones[i];
        fixture->zones[i].slot = i;
    }
    fixture->view.serials = fixture->serials;
    fixture->view.zones = fixture->zones;
    return fixture;
}

void world_fixture_free(struct world_fixture *fixture)
{
    if (!fixture)
        return;
    plan_free(fixture->plan);
    layout_free(fixture->layout);
    inventory_free(fixture->inventory);
    free(fixture->serials);
    free(fixture->zones);
    free(fixture);
}

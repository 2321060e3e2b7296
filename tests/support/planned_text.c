/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "planned_text.h"

#include "srvplan/inventory_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct overlays no_overlays = {0};

struct planned_text planned_text_from(const char *text)
{
    struct planned_text planned = {0};
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    planned.inventory = inventory_load(bytes, "test", &planned.findings);
    if (planned.inventory)
        planned.layout = layout_build(planned.inventory, LAYOUT_FOR_PLAN, &planned.findings);
    if (!planned.layout) {
        for (size_t i = 0; i < planned.findings.count; i++)
            fprintf(stderr, "%s: %s\n", planned.findings.items[i].pointer,
                    planned.findings.items[i].message);
        abort();
    }
    struct plan_input input = {
        .layout = planned.layout, .overlays = &no_overlays, .at_ms = 1790000000000};
    planned.plan = plan_compute(&input);
    return planned;
}

void planned_text_fini(struct planned_text *planned)
{
    plan_free(planned->plan);
    layout_free(planned->layout);
    inventory_free(planned->inventory);
    findings_fini(&planned->findings);
}

const char planned_text_cluster[] =
    "{ \"srvplan\": 1,\n"
    "  \"defaults\": { \"base\": \"example.org\", \"ttl\": \"5m\",\n"
    "    \"services\": [\"xmpp-client\", \"xmpps-client\", \"xmpp-server\"] },\n"
    "  \"domains\": { \"example.org\": {} },\n"
    "  \"nodes\": {\n"
    "    \"xmpp1\": { \"addresses\": [\"192.0.2.1\"], \"capacity\": 50 },\n"
    "    \"xmpp2\": { \"addresses\": [\"192.0.2.2\"], \"capacity\": 30 },\n"
    "    \"xmpp3\": { \"addresses\": [\"192.0.2.3\"], \"capacity\": 20 } },\n"
    "  \"policy\": { \"audience\": {\n"
    "    \"conversations\": \"45%\", \"gajim\": \"12%\", \"monal\": \"12%\", \"dino\": \"10%\",\n"
    "    \"siskin\": \"8%\", \"smack\": \"5%\", \"psi\": \"4%\", \"libstrophe\": \"4%\",\n"
    "    \"ejabberd\": \"40%\", \"prosody\": \"40%\", \"openfire\": \"15%\",\n"
    "    \"mongooseim\": \"5%\" } } }\n";

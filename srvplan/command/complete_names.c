/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/complete_names.h"

#include <string.h>

#include "srvplan/command/complete.h"
#include "srvplan/command/offline.h"
#include "srvplan/command/remote.h"
#include "srvplan/intern.h"
#include "zones/text.h"

struct taker {
    complete_take *take;
    void *context;
    struct arena arena;
    struct intern seen;
};

static void take_once(struct taker *taker, const char *name, const char *about)
{
    uint32_t known = taker->seen.count;
    if (intern_add(&taker->seen, (struct bytes){(const uint8_t *)name, strlen(name)}) == known)
        taker->take(taker->context, name, about);
}

static const char *undotted(const char *name, struct arena *arena)
{
    size_t len = strlen(name);
    return len > 1 && name[len - 1] == '.' ? arena_cstr(arena, (struct text){name, len - 1}) : name;
}

static const char *name_text(struct taker *taker, struct name name)
{
    return undotted(text_name_print(&taker->arena, name), &taker->arena);
}

/* -- from an inventory --------------------------------------------------------------------------
 */

static void take_domain(struct taker *taker, const struct inventory *inventory,
                        const struct inventory_domain *domain, enum complete_kind kind)
{
    const char *name = name_text(taker, domain->name);
    if (kind == COMPLETE_DOMAINS)
        take_once(taker, name, NULL);
    for (uint32_t i = 0; kind != COMPLETE_DOMAINS && i < domain->service_count; i++) {
        const char *service =
            arena_cstr(&taker->arena, inventory->services[domain->services[i]].id);
        take_once(taker,
                  kind == COMPLETE_SERVICES ? service
                                            : arena_printf(&taker->arena, "%s/%s", name, service),
                  NULL);
    }
}

static void take_inventory(struct taker *taker, const struct inventory *inventory,
                           enum complete_kind kind)
{
    switch (kind) {
    case COMPLETE_NODES:
        for (uint32_t i = 0; i < inventory->node_count; i++)
            take_once(taker, arena_cstr(&taker->arena, inventory->nodes[i].id),
                      name_text(taker, inventory->nodes[i].host));
        return;
    case COMPLETE_ZONES:
        for (uint32_t i = 0; i < inventory->zone_count; i++)
            take_once(taker, name_text(taker, inventory->zones[i].apex), NULL);
        return;
    case COMPLETE_DOMAINS:
    case COMPLETE_SERVICES:
    case COMPLETE_DOMAIN_SERVICES:
        for (uint32_t i = 0; i < inventory->domain_count; i++)
            take_domain(taker, inventory, &inventory->domains[i], kind);
        return;
    }
}

static void names_of_file(struct taker *taker, const struct invocation *invocation,
                          enum complete_kind kind)
{
    const struct context context = {.invocation = invocation};
    struct offline offline;
    struct error err = {0};
    if (offline_open(&offline, &context, LAYOUT_FOR_PLAN, &err) && offline.inventory)
        take_inventory(taker, offline.inventory, kind);
    offline_close(&offline);
}

/* -- from a server ------------------------------------------------------------------------------
 */

static void take_node(struct taker *taker, const json_t *node, enum complete_kind kind)
{
    size_t i;
    json_t *effective;
    if (kind == COMPLETE_NODES) {
        take_once(taker, member_text(node, "id", ""), member_text(node, "host", NULL));
        return;
    }
    json_array_foreach(json_object_get(node, "effective"), i, effective)
    {
        const char *service = member_text(effective, "service", "");
        const char *domain = undotted(member_text(effective, "domain", ""), &taker->arena);
        if (kind == COMPLETE_SERVICES)
            take_once(taker, service, NULL);
        else if (kind == COMPLETE_DOMAINS)
            take_once(taker, domain, NULL);
        else if (kind == COMPLETE_DOMAIN_SERVICES)
            take_once(taker, arena_printf(&taker->arena, "%s/%s", domain, service), NULL);
    }
}

/* True when a server answered in time. */
static bool names_of_server(struct taker *taker, const struct invocation *invocation,
                            enum complete_kind kind)
{
    FILE *nowhere = fopen("/dev/null", "we");
    if (!nowhere)
        return false;
    const struct context context = {.invocation = invocation,
                                    .output = {.out = nowhere, .err = nowhere, .is_quiet = true}};
    struct remote remote;
    struct remote_reply reply = {0};
    bool answered = remote_open(&remote, &context) == EXIT_FINE;
    /* A key press is no consent to send a token in the clear. */
    answered = answered && !client_target_is_exposed(&remote.target);
    if (answered) {
        client_set_patience(remote.client, COMPLETE_WAIT_MS);
        answered = remote_get(&remote, "/api/v1/nodes?limit=1000", &reply) == EXIT_FINE;
    }
    size_t i;
    json_t *node;
    json_array_foreach(json_object_get(reply.document, "items"), i, node)
    {
        take_node(taker, node, kind);
    }
    remote_reply_fini(&reply);
    remote_close(&remote);
    fclose(nowhere);
    return answered;
}

void complete_names(const struct invocation *invocation, enum complete_kind kind,
                    complete_take *take, void *context)
{
    struct taker taker = {.take = take, .context = context};
    taker.seen = intern_over(&taker.arena);
    bool is_local = command_rows[invocation->command].is_offline ||
                    invocation_has(invocation, OPTION_FILE) || kind == COMPLETE_ZONES;
    if (is_local || !names_of_server(&taker, invocation, kind))
        names_of_file(&taker, invocation, kind);
    arena_fini(&taker.arena);
}

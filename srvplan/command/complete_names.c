/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/complete_names.h"

#include <string.h>

#include "srvplan/command/complete.h"
#include "srvplan/command/contexts.h"
#include "srvplan/command/offline.h"
#include "srvplan/command/remote.h"
#include "srvplan/intern.h"
#include "srvplan/shares.h"
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
    case COMPLETE_WINDOWS:
        for (uint32_t i = 0; i < inventory->window_count; i++)
            take_once(taker, arena_cstr(&taker->arena, inventory->windows[i].id), NULL);
        return;
    case COMPLETE_DRAINED: /* who does not reach the server knows the nodes at least */
    case COMPLETE_OBJECTS:
        take_inventory(taker, inventory, COMPLETE_NODES);
        return;
    case COMPLETE_TOKENS:
    case COMPLETE_CONTEXTS:
    case COMPLETE_MODELS:
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

static void take_domain_of_server(struct taker *taker, const json_t *domain)
{
    size_t i;
    json_t *service;
    const char *name = undotted(member_text(domain, "domain", ""), &taker->arena);
    json_array_foreach(json_object_get(domain, "services"), i, service)
    {
        take_once(taker,
                  arena_printf(&taker->arena, "%s/%s", name, member_text(service, "service", "")),
                  NULL);
    }
}

/* Services that no domain has are of no use on a command line. */
static void take_service(struct taker *taker, const json_t *service)
{
    if (member_number(service, "domains", 0) > 0)
        take_once(taker, member_text(service, "service", ""), NULL);
}

/* Where the names of a kind come from: items of lists, by a member. */
static const struct name_source {
    enum complete_kind kind;
    const char *path, *member, *about;                     /* about: another member, or NULL */
    void (*take)(struct taker *taker, const json_t *item); /* instead of `member` */
} name_sources[] = {
    {COMPLETE_NODES, "/api/v1/nodes?limit=1000", "id", "host", NULL},
    {COMPLETE_DOMAINS, "/api/v1/domains?limit=1000", "domain", NULL, NULL},
    {COMPLETE_SERVICES, "/api/v1/services?limit=1000", NULL, NULL, take_service},
    {COMPLETE_DOMAIN_SERVICES, "/api/v1/domains?limit=1000", NULL, NULL, take_domain_of_server},
    {COMPLETE_ZONES, "/api/v1/zones?limit=1000", "zone", NULL, NULL},
    {COMPLETE_DRAINED, "/api/v1/drains?limit=1000", "node", "reason", NULL},
    {COMPLETE_OBJECTS, "/api/v1/nodes?limit=1000", "id", "host", NULL},
    {COMPLETE_OBJECTS, "/api/v1/drains?limit=1000", "id", "reason", NULL},
    {COMPLETE_OBJECTS, "/api/v1/domains?limit=1000", "domain", NULL, NULL},
    {COMPLETE_OBJECTS, "/api/v1/zones?limit=1000", "zone", NULL, NULL},
    {COMPLETE_OBJECTS, "/api/v1/windows?limit=1000", "id", "comment", NULL},
    {COMPLETE_WINDOWS, "/api/v1/windows?limit=1000", "id", "comment", NULL},
    {COMPLETE_TOKENS, "/api/v1/tokens?limit=1000", "name", "role", NULL},
};

static void take_items(struct taker *taker, const struct name_source *source, const json_t *items)
{
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item)
    {
        if (source->take)
            source->take(taker, item);
        else
            take_once(taker, undotted(member_text(item, source->member, ""), &taker->arena),
                      source->about ? member_text(item, source->about, NULL) : NULL);
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
    bool answered = remote_open(&remote, &context) == EXIT_FINE;
    /* A key press is no consent to send a token in the clear. */
    answered = answered && !client_target_is_exposed(&remote.target);
    if (answered)
        client_set_patience(remote.client, COMPLETE_WAIT_MS);
    for (size_t i = 0; i < COUNT_OF(name_sources) && answered; i++) {
        struct remote_reply reply = {0};
        if (name_sources[i].kind != kind)
            continue;
        answered = remote_get(&remote, name_sources[i].path, &reply) == EXIT_FINE;
        take_items(taker, &name_sources[i], json_object_get(reply.document, "items"));
        remote_reply_fini(&reply);
    }
    remote_close(&remote);
    fclose(nowhere);
    return answered;
}

/* -- from elsewhere -----------------------------------------------------------------------------
 */

static void names_of_contexts(struct taker *taker)
{
    struct contexts contexts;
    if (contexts_read(&contexts, NULL))
        for (uint32_t i = 0; i < contexts.count; i++)
            take_once(taker, contexts.items[i].name,
                      contexts.items[i].server ? contexts.items[i].server
                                               : contexts.items[i].socket);
    contexts_fini(&contexts);
}

static void names_of_models(struct taker *taker)
{
    for (size_t i = 0; i < client_model_count; i++)
        take_once(taker, client_models[i].id, client_models[i].summary);
}

void complete_names(const struct invocation *invocation, enum complete_kind kind,
                    complete_take *take, void *context)
{
    const struct context own = {.invocation = invocation};
    struct taker taker = {.take = take, .context = context};
    bool is_remote;
    taker.seen = intern_over(&taker.arena);
    if (kind == COMPLETE_CONTEXTS) {
        names_of_contexts(&taker);
    } else if (kind == COMPLETE_MODELS) {
        names_of_models(&taker);
    } else {
        if (!remote_is_wanted(&own, &is_remote, NULL))
            is_remote = false;
        is_remote = is_remote || (!command_rows[invocation->command].is_offline &&
                                  !invocation_has(invocation, OPTION_FILE));
        if (!is_remote || !names_of_server(&taker, invocation, kind))
            names_of_file(&taker, invocation, kind);
    }
    arena_fini(&taker.arena);
}

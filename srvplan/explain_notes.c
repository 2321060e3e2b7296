/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/explain_build.h"

#include "srvplan/report/report_numbers.h"
#include "zones/text.h"

#include <string.h>

enum {
    NOTES_MAX = 8
};

static void note_add(const struct explain_work *work, struct explain_set *set, const char *text)
{
    struct arena *arena = &work->explanation->arena;
    if (!set->notes)
        set->notes = arena_array(arena, const char *, NOTES_MAX);
    if (set->note_count < NOTES_MAX)
        set->notes[set->note_count++] = text;
}

/* "Dino, Smack, xmpp.js (port 5223)": programs that dial the domain itself behind the records; of
 * the audience, or all when none is declared. */
static const char *apex_dialers(const struct explain_set *set, uint16_t *port, struct arena *arena)
{
    const struct simulation *simulation = set->simulation;
    const char *names = "";
    for (uint32_t i = 0; i < simulation->client_count; i++) {
        const struct audience_part *who = &simulation->clients[i].who;
        bool is_asked = who->part_ppb > 0 || !simulation->audience.is_declared;
        if (!who->profile || !who->profile->apex_port || !is_asked)
            continue;
        if (*port == 0)
            *port = who->profile->apex_port;
        names = arena_printf(arena, "%s%s%s", names, names[0] ? ", " : "", who->profile->name);
        if (who->profile->apex_port != *port)
            names = arena_printf(arena, "%s (port %u)", names, who->profile->apex_port);
    }
    return names;
}

/* The node whose host is the domain itself. */
static uint32_t apex_node(const struct inventory *inventory, uint32_t domain)
{
    for (uint32_t i = 0; i < inventory->node_count; i++)
        if (name_equal(inventory->nodes[i].host, inventory->domains[domain].name))
            return i;
    return INVENTORY_NONE;
}

static void note_apex(const struct explain_work *work, struct explain_set *set)
{
    struct arena *arena = &work->explanation->arena;
    const struct inventory *inventory = work->question->plan->input.layout->inventory;
    uint16_t port = 0;
    const char *names = apex_dialers(set, &port, arena);
    if (!names[0])
        return;
    const char *domain = text_name_print(arena, inventory->domains[set->domain].name);
    uint32_t node = apex_node(inventory, set->domain);
    const char *whose =
        node == INVENTORY_NONE ? "let nothing listen there, or a server that is never drained"
        : node == work->question->node
            ? "that is this node: a drain does not keep them away from it"
            : arena_printf(arena, "that is node %.*s, whatever its weight is",
                           (int)inventory->nodes[node].id.len, inventory->nodes[node].id.ptr);
    note_add(work, set,
             arena_printf(arena,
                          "When no record answers, port %u of %.*s itself is dialled by %s: %s.",
                          port, (int)strlen(domain) - 1, domain, names, whose));
}

/* XEP-0198: a session can be resumed on its own node alone. */
static void note_sessions(const struct explain_work *work, struct explain_set *set)
{
    struct arena *arena = &work->explanation->arena;
    const struct inventory *inventory = work->question->plan->input.layout->inventory;
    enum server_product server = inventory->nodes[work->question->node].server;
    const struct simulation *simulation = set->simulation;
    if (simulation->pool->role == CLIENT_OF_SERVERS)
        note_add(work, set,
                 "Streams between servers have no session to keep: they are opened anew, and stay "
                 "on a drained node until one side closes them.");
    if (simulation->pool->role != CLIENT_OF_USERS)
        return;
    note_add(work, set,
             "TCP sessions need no stickiness, but Stream Management resumes a session on its own "
             "node alone: elsewhere a client logs in anew.");
    if (server == SERVER_OPENFIRE || server == SERVER_UNKNOWN)
        note_add(
            work, set,
            "An Openfire announces its own address to resume at (`location`), and clients dial it "
            "before they ask DNS: set stream.management.location.enabled to false before a "
            "drain, or close the listener.");
    if (simulation->forecast.located_ppb > 0)
        note_add(work, set,
                 arena_printf(arena,
                              "%s of your users have a program that follows `location`: they come "
                              "back to this node until it stops to listen.",
                              number_part((uint32_t)simulation->forecast.located_ppb, arena)));
    if (simulation->forecast.stored_ppb > 0)
        note_add(work, set,
                 arena_printf(arena,
                              "%s of your users have a program that keeps records without end: it "
                              "uses the old ones once more, whatever the TTL is.",
                              number_part((uint32_t)simulation->forecast.stored_ppb, arena)));
    note_add(work, set,
             "BOSH and WebSocket do not follow SRV records: their balancer must keep BOSH sessions "
             "on their node, and take this node out on its own.");
}

void explain_notes(const struct explain_work *work, struct explain_set *set)
{
    note_sessions(work, set);
    note_apex(work, set);
}

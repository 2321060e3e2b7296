/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/explain_build.h"

#include "srvplan/report/report_numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How far a client is off the ideal at the node: in parts of its own connections. */
static double off_by(const struct explain_set *set, const struct simulation_client *client)
{
    return rational_to_double(client->tried[set->position]) -
           rational_to_double(set->simulation->ideal.shares[set->position]);
}

static const char *node_id(const struct explain_set *set, uint32_t node, struct arena *arena)
{
    const struct simulate_pool *pool = set->simulation->pool;
    return arena_cstr(arena, pool->plan->input.layout->inventory->nodes[pool->nodes[node]].id);
}

/* The node that gets everybody, or INVENTORY_NONE. */
static uint32_t winner_of(const struct explain_set *set, const struct simulation_client *client)
{
    for (uint32_t i = 0; i < set->simulation->pool->node_count; i++)
        if (rational_to_parts(client->tried[i], RATIO_ONE) == RATIO_ONE)
            return i;
    return INVENTORY_NONE;
}

/* Why it does what it does, as a clause behind the numbers. */
static const char *why(const struct explain_set *set, const struct simulation_client *client,
                       struct arena *arena)
{
    const struct audience_part *who = &client->who;
    uint32_t winner = winner_of(set, client);
    const char *name = winner == INVENTORY_NONE ? NULL : node_id(set, winner, arena);
    if (!who->model)
        return "it connects to all records at once";
    if (name && strcmp(who->model->id, "conversations") == 0)
        return arena_printf(arena,
                            "all of them land on %s, because its record comes first in a hash of "
                            "the bytes; weights do not count, yet any change of weight, port or "
                            "host name may give another winner",
                            name);
    if (name && strcmp(who->model->id, "heaviest") == 0)
        return arena_printf(arena,
                            "all of them land on %s, the heaviest record; equal weights would "
                            "spread them",
                            name);
    if (strcmp(who->model->id, "conversations") == 0)
        return "a hash of the bytes puts several records on one place, and of those the one "
               "answered first counts";
    if (strcmp(who->model->id, "answer-order") == 0)
        return "it takes the records as answered, whatever their weights are";
    if (name)
        return arena_printf(arena, "all of them land on %s: %s", name, who->model->summary);
    return who->model->summary;
}

static const char *culprit_print(const struct explain_set *set,
                                 const struct simulation_client *client, struct arena *arena)
{
    const char *part =
        client->who.part_ppb
            ? arena_printf(arena, " (%s of your %s)", number_part(client->who.part_ppb, arena),
                           set->simulation->pool->role == CLIENT_OF_SERVERS ? "peers" : "users")
            : "";
    return arena_printf(arena, "%s%s: %s instead of %s; %s", client_name(&client->who, arena), part,
                        number_share(client->tried[set->position], arena),
                        number_share(set->simulation->ideal.shares[set->position], arena),
                        why(set, client, arena));
}

struct ranked {
    uint32_t client;
    double in_audience, alone; /* connections moved, of all; of its own */
};

static int by_weight(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->in_audience != b->in_audience)
        return a->in_audience > b->in_audience ? -1 : 1;
    if (a->alone != b->alone)
        return a->alone > b->alone ? -1 : 1;
    return a->client < b->client ? -1 : a->client > b->client;
}

void explain_culprits(const struct explain_work *work, struct explain_set *set)
{
    struct arena *arena = &work->explanation->arena;
    const struct simulation *simulation = set->simulation;
    struct ranked *ranked = arena_array(arena, struct ranked, simulation->client_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < simulation->client_count; i++) {
        const struct simulation_client *client = &simulation->clients[i];
        double off = fabs(off_by(set, client));
        if (off * 100 <= EXPLAIN_OFF_PERCENT)
            continue;
        ranked[count++] = (struct ranked){i, off * client->who.part_ppb, off};
    }
    if (count)
        qsort(ranked, count, sizeof *ranked, by_weight);
    set->culprits = arena_array(arena, struct explain_culprit, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct simulation_client *client = &simulation->clients[ranked[i].client];
        set->culprits[i] = (struct explain_culprit){client, culprit_print(set, client, arena)};
    }
    set->culprit_count = count;
}

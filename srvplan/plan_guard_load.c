/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survive_one_more_failure by what clients do, where that is not what capacities say: when an
 * audience is declared, or somebody set weights by hand.
 *
 * min_capacity says which part of the first tier's capacity is enough for all users. So node j,
 * which bears c of the tier's C, is not overloaded as long as c / (C * s) is at least that part, s
 * being the part of the connections that it gets; the least of all nodes is what the pool bears.
 * The failed node is still in the answers, clients only do not reach it. All clients of the
 * audience connect at once, each with its part; a pool is looked at as a whole, since who takes
 * Direct TLS does not take STARTTLS. Shares are exact (shares.h). */
#include "srvplan/audience.h"
#include "srvplan/ladder.h"
#include "srvplan/plan_guard_build.h"

#include <stdlib.h>

enum {
    /* Of one pool: the shares of a hundred records take less than a millisecond a client. */
    TARGETS_MAX = 128,
};

struct pool_node {
    uint32_t node;                    /* in the inventory */
    const struct plan_member *absent; /* from a set that it is out of, or NULL */
    uint32_t part;                    /* that stays of it: the least over its sets */
    bool is_back;                     /* as planned, whatever holds it */
    bool has_failed;                  /* published, and nobody listens */
};

struct pool_record {
    uint32_t owner; /* in nodes[] */
    uint32_t set;
    const struct plan_member *member;
};

struct pool_scene {
    const struct plan_work *work;
    const struct layout_pool *pool;
    const struct plan_set *sets; /* of the plan */
    struct audience audience;
    struct pool_node *nodes; /* ascending */
    uint32_t node_count;
    struct pool_record *records; /* by node, then service, as shares.h wants them */
    uint32_t record_count;
    uint32_t first_tier;
    uint64_t declared_capacity; /* of the first tier */
};

/* What a pool bears, and where that ends. */
struct bearing {
    struct rational part;    /* of what the first tier is made for */
    uint32_t worst;          /* in nodes[], UINT32_MAX: nobody is left */
    uint64_t worst_permille; /* of the connections that it gets */
    uint32_t client;         /* in the audience, who brings most of them */
    uint32_t failing;        /* in nodes[], or UINT32_MAX */
    struct text site;        /* that fails, or empty */
};

/* -- the scene ----------------------------------------------------------------------------------
 */

static enum client_role role_of(const struct inventory_service *service)
{
    if (text_is(service->srv, "_xmpp-client._tcp") || text_is(service->srv, "_xmpps-client._tcp"))
        return CLIENT_OF_USERS;
    if (text_is(service->srv, "_xmpp-server._tcp") || text_is(service->srv, "_xmpps-server._tcp"))
        return CLIENT_OF_SERVERS;
    return CLIENT_OTHER;
}

static const struct inventory_service *service_of(const struct pool_scene *scene, uint32_t set)
{
    return &scene->work->inventory
                ->services[scene->work->plan->input.layout->declared[set].service];
}

static int by_node_then_set(const void *left, const void *right)
{
    const struct pool_record *a = left, *b = right;
    if (a->member->node != b->member->node)
        return a->member->node < b->member->node ? -1 : 1;
    return a->set < b->set ? -1 : 1;
}

static void add_records(struct pool_scene *scene)
{
    for (uint32_t i = 0; i < scene->pool->set_count; i++) {
        const struct plan_set *set = &scene->sets[scene->pool->sets[i]];
        for (uint32_t j = 0; j < set->member_count; j++)
            scene->records[scene->record_count++] =
                (struct pool_record){.set = scene->pool->sets[i], .member = &set->members[j]};
    }
    qsort(scene->records, scene->record_count, sizeof *scene->records, by_node_then_set);
}

static void add_nodes(struct pool_scene *scene)
{
    for (uint32_t i = 0; i < scene->record_count; i++) {
        const struct plan_member *member = scene->records[i].member;
        if (i == 0 || member->node != scene->records[i - 1].member->node)
            scene->nodes[scene->node_count++] =
                (struct pool_node){.node = member->node, .part = RATIO_ONE};
        struct pool_node *node = &scene->nodes[scene->node_count - 1];
        scene->records[i].owner = scene->node_count - 1;
        if (guard_part(member) < node->part) {
            node->part = guard_part(member);
            node->absent = member;
        }
    }
}

static void note_first_tier(struct pool_scene *scene)
{
    const struct inventory *inventory = scene->work->inventory;
    const struct inventory_tier *tiers = inventory->tiers;
    scene->first_tier = inventory->nodes[scene->nodes[0].node].tier;
    for (uint32_t i = 0; i < scene->node_count; i++) {
        uint32_t tier = inventory->nodes[scene->nodes[i].node].tier;
        if (tiers[tier].priority < tiers[scene->first_tier].priority)
            scene->first_tier = tier;
    }
    for (uint32_t i = 0; i < scene->node_count; i++) {
        const struct inventory_node *node = &inventory->nodes[scene->nodes[i].node];
        if (tiers[node->tier].priority == tiers[scene->first_tier].priority)
            scene->declared_capacity += node->capacity;
    }
}

/* False: too large a pool, or nobody in it. */
static bool scene_init(struct pool_scene *scene, struct arena *arena)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < scene->pool->set_count; i++)
        most += scene->sets[scene->pool->sets[i]].member_count;
    if (most == 0 || most > TARGETS_MAX)
        return false;
    scene->records = arena_array(arena, struct pool_record, most);
    scene->nodes = arena_array(arena, struct pool_node, most);
    add_records(scene);
    add_nodes(scene);
    note_first_tier(scene);
    return true;
}

/* Capacities say all when nobody declared who connects, and all weights come from them. */
static bool says_more_than_capacity(const struct pool_scene *scene)
{
    bool is_by_scale = true;
    for (uint32_t i = 0; i < scene->record_count; i++)
        is_by_scale &= scene->records[i].member->weight_reason == PLAN_WEIGHT_SCALE;
    return scene->audience.is_declared || !is_by_scale;
}

/* -- what it bears ------------------------------------------------------------------------------
 */

struct targets {
    struct share_target items[TARGETS_MAX];
    uint32_t owners[TARGETS_MAX]; /* in scene->nodes */
    uint32_t count, live;
};

static void collect(const struct pool_scene *scene, struct targets *targets)
{
    const struct inventory *inventory = scene->work->inventory;
    targets->count = targets->live = 0;
    for (uint32_t i = 0; i < scene->record_count; i++) {
        const struct pool_record *record = &scene->records[i];
        const struct inventory_node *node = &inventory->nodes[record->member->node];
        const struct inventory_service *service = service_of(scene, record->set);
        const struct pool_node *owner = &scene->nodes[record->owner];
        if (!owner->is_back && guard_part(record->member) == 0)
            continue;
        struct share_target *target = &targets->items[targets->count];
        *target = (struct share_target){
            .priority = record->member->priority,
            .weight = record->member->weight,
            .port = record->member->port,
            .host = node->host,
            .is_direct_tls = scene->pool->set_count > 1 && ladder_is_direct_tls(service),
            .is_down = owner->has_failed,
        };
        if (owner->is_back) {
            target->priority =
                (uint16_t)(inventory->tiers[node->tier].priority + service->priority_offset);
            target->weight = record->member->planned_weight;
        }
        targets->live += !target->is_down;
        targets->owners[targets->count++] = record->owner;
    }
}

/* The shares of one kind of client, times its part of the audience, by target. */
static bool weighted_shares(const struct targets *targets, const struct audience_part *client,
                            struct arena *arena, struct rational *shares)
{
    const struct share_question question = {.model = client->model,
                                            .merge = client->merge,
                                            .order = SHARE_ORDER_WEIGHTED,
                                            .targets = targets->items,
                                            .count = targets->count};
    const struct rational part = rational_from(arena, client->part_ppb, RATIO_ONE);
    struct error err = {0};
    if (client->model && !shares_first_choice(&question, arena, shares, &err))
        return false;
    for (uint32_t i = 0; i < targets->count; i++) {
        if (!client->model) /* connects to all that it can reach */
            shares[i] = targets->items[i].is_down ? (struct rational){0}
                                                  : rational_from(arena, 1, targets->live);
        shares[i] = rational_mul(arena, shares[i], part);
    }
    return true;
}

/* What node `index` with a share of the connections bears of the whole. */
static struct rational part_borne(const struct pool_scene *scene, uint32_t index,
                                  struct rational share, struct arena *arena)
{
    const struct pool_node *node = &scene->nodes[index];
    uint64_t capacity = scene->work->inventory->nodes[node->node].capacity;
    if (!node->is_back)
        capacity = capacity * node->part / RATIO_ONE;
    return rational_div(arena, rational_from(arena, capacity, scene->declared_capacity), share);
}

/* One case. False: a client's shares cannot be told (shares.h), which is nobody's fault. */
static bool bear(const struct pool_scene *scene, struct arena *arena, struct bearing *bearing)
{
    struct targets *targets = arena_new(arena, struct targets);
    collect(scene, targets);
    struct rational *by_node = arena_array(arena, struct rational, scene->node_count);
    struct rational *most = arena_array(arena, struct rational, scene->node_count);
    uint32_t *client = arena_array(arena, uint32_t, scene->node_count);
    struct rational *shares = arena_array(arena, struct rational, targets->count);
    for (uint32_t i = 0; i < scene->audience.count && targets->live > 0; i++) {
        struct rational *own = arena_array(arena, struct rational, scene->node_count);
        if (!weighted_shares(targets, &scene->audience.parts[i], arena, shares))
            return false;
        for (uint32_t j = 0; j < targets->count; j++)
            own[targets->owners[j]] = rational_add(arena, own[targets->owners[j]], shares[j]);
        for (uint32_t j = 0; j < scene->node_count; j++) {
            by_node[j] = rational_add(arena, by_node[j], own[j]);
            if (rational_compare(own[j], most[j]) > 0) {
                most[j] = own[j];
                client[j] = i;
            }
        }
    }
    *bearing = (struct bearing){.worst = UINT32_MAX, .failing = UINT32_MAX};
    for (uint32_t i = 0; i < scene->node_count; i++) {
        if (rational_is_zero(by_node[i]))
            continue;
        struct rational part = part_borne(scene, i, by_node[i], arena);
        if (bearing->worst == UINT32_MAX || rational_compare(part, bearing->part) < 0)
            *bearing = (struct bearing){.part = part,
                                        .worst = i,
                                        .worst_permille = rational_to_parts(by_node[i], 1000),
                                        .client = client[i],
                                        .failing = UINT32_MAX};
    }
    return true;
}

static void keep_lesser(struct bearing *least, const struct bearing *other)
{
    if (rational_compare(other->part, least->part) < 0)
        *least = *other;
}

static bool bear_without_node(struct pool_scene *scene, uint32_t index, struct arena *arena,
                              struct bearing *least)
{
    struct bearing other;
    scene->nodes[index].has_failed = true;
    bool done = bear(scene, arena, &other);
    scene->nodes[index].has_failed = false;
    other.failing = index;
    if (done)
        keep_lesser(least, &other);
    return done;
}

static bool bear_without_site(struct pool_scene *scene, struct text site, struct arena *arena,
                              struct bearing *least)
{
    struct bearing other;
    for (uint32_t i = 0; i < scene->node_count; i++)
        scene->nodes[i].has_failed =
            text_equal(scene->work->inventory->nodes[scene->nodes[i].node].site, site);
    bool done = bear(scene, arena, &other);
    for (uint32_t i = 0; i < scene->node_count; i++)
        scene->nodes[i].has_failed = false;
    other.site = site;
    if (done)
        keep_lesser(least, &other);
    return done;
}

/* The least over no failure and each one further. */
static bool bear_failures(struct pool_scene *scene, struct arena *arena, struct bearing *least)
{
    bool loses_sites = scene->work->inventory->policy.guard_min_sites >= 2;
    if (!bear(scene, arena, least))
        return false;
    for (uint32_t i = 0; i < scene->node_count; i++) {
        struct text site = scene->work->inventory->nodes[scene->nodes[i].node].site;
        if (!scene->nodes[i].is_back && scene->nodes[i].part == 0)
            continue;
        if (!bear_without_node(scene, i, arena, least))
            return false;
        if (loses_sites && !bear_without_site(scene, site, arena, least))
            return false;
    }
    return true;
}

/* In parts per billion, rounded down. */
static uint64_t ppb_of(struct rational part, struct arena *arena)
{
    uint64_t ppb = rational_to_parts(part, RATIO_ONE);
    bool is_above = rational_compare(rational_from(arena, ppb, RATIO_ONE), part) > 0;
    return ppb - is_above;
}

/* -- verdicts -----------------------------------------------------------------------------------
 */

/* By capacity (the first `by_capacity` refusals), in any set of the pool; or by shares already. */
static bool is_refused_already(const struct guard_list *list, uint32_t by_capacity,
                               const struct layout_pool *pool)
{
    for (uint32_t i = 0; i < list->refusal_count; i++) {
        const struct plan_verdict *refusal = &list->refusals[i];
        for (uint32_t j = 0; j < (i < by_capacity ? pool->set_count : 1); j++)
            if (refusal->guard == PLAN_GUARD_SURVIVE && refusal->set == pool->sets[j])
                return true;
    }
    return false;
}

/* "put back one of …": those whose return alone is enough, else all. */
static const char *remedy(struct pool_scene *scene, uint64_t limit, struct arena *arena)
{
    const char *enough = "", *all = "";
    uint32_t enough_count = 0, all_count = 0;
    for (uint32_t i = 0; i < scene->node_count; i++) {
        struct bearing bearing;
        if (!scene->nodes[i].absent)
            continue;
        const char *name = guard_absentee(scene->work, scene->nodes[i].absent, arena);
        scene->nodes[i].is_back = true;
        bool is_enough =
            bear_failures(scene, arena, &bearing) && ppb_of(bearing.part, arena) >= limit;
        scene->nodes[i].is_back = false;
        if (is_enough && ++enough_count <= GUARD_NAMED_MAX)
            enough = arena_printf(arena, "%s%s%s", enough, enough_count > 1 ? ", " : "", name);
        if (++all_count <= GUARD_NAMED_MAX)
            all = arena_printf(arena, "%s%s%s", all, all_count > 1 ? ", " : "", name);
    }
    if (enough_count > 0)
        return arena_printf(arena, ": put back %s%s", enough_count > 1 ? "one of " : "", enough);
    return all_count > 0 ? arena_printf(arena, ": put back %s", all)
                         : ": give it less weight, or more capacity";
}

static const char *failure_print(const struct pool_scene *scene, const struct bearing *bearing,
                                 struct arena *arena)
{
    if (bearing->site.len)
        return arena_printf(arena, "after the loss of one site more, %.*s, ",
                            (int)bearing->site.len, bearing->site.ptr);
    if (bearing->failing == UINT32_MAX)
        return "after one further failure, ";
    struct text id = scene->work->inventory->nodes[scene->nodes[bearing->failing].node].id;
    return arena_printf(arena, "after one further failure, of %.*s, ", (int)id.len, id.ptr);
}

/* "xmpp2 with a capacity of 120 would get 75.0 % of the connections, most by conversations" */
static const char *worst_print(const struct pool_scene *scene, const struct bearing *bearing,
                               struct arena *arena)
{
    if (bearing->worst == UINT32_MAX)
        return "nobody is left";
    const struct inventory_node *node =
        &scene->work->inventory->nodes[scene->nodes[bearing->worst].node];
    const char *client = "";
    if (scene->audience.is_declared)
        client = arena_printf(arena, ", most by %.*s",
                              (int)scene->audience.parts[bearing->client].name.len,
                              scene->audience.parts[bearing->client].name.ptr);
    return arena_printf(arena, "%.*s with a capacity of %u gets %llu.%llu %% of the connections%s",
                        (int)node->id.len, node->id.ptr, node->capacity,
                        (unsigned long long)(bearing->worst_permille / 10),
                        (unsigned long long)(bearing->worst_permille % 10), client);
}

static const char *sentence(struct pool_scene *scene, const struct plan_verdict *verdict,
                            const struct bearing *bearing, struct arena *arena)
{
    struct arena scratch = {0};
    const struct inventory_tier *tier = &scene->work->inventory->tiers[scene->first_tier];
    const char *name =
        plan_set_name(&scratch, scene->work->plan, &scene->sets[scene->pool->sets[0]]);
    const char *message = arena_printf(
        arena,
        "%s%s %s %s of the load that tier %.*s is made for (%llu), and at least %s must be borne: "
        "%s%s",
        failure_print(scene, bearing, &scratch), name, verdict->is_ok ? "bears" : "would bear",
        guard_percent(verdict->would_be, &scratch), (int)tier->id.len, tier->id.ptr,
        (unsigned long long)scene->declared_capacity, guard_percent_exact(verdict->limit, &scratch),
        worst_print(scene, bearing, &scratch),
        verdict->is_ok ? "" : remedy(scene, verdict->limit, &scratch));
    arena_fini(&scratch);
    return message;
}

static void judge(struct pool_scene *scene, struct guard_list *list, struct arena *arena)
{
    struct bearing now, whole;
    if (!scene_init(scene, arena) || !says_more_than_capacity(scene))
        return;
    for (uint32_t i = 0; i < scene->node_count; i++)
        scene->nodes[i].is_back = true;
    bool is_told = bear_failures(scene, arena, &whole);
    for (uint32_t i = 0; i < scene->node_count; i++)
        scene->nodes[i].is_back = false;
    if (!is_told || !bear_failures(scene, arena, &now))
        return;
    struct plan_verdict verdict = {
        .guard = PLAN_GUARD_SURVIVE,
        .unit = PLAN_UNIT_PPB,
        .set = scene->pool->sets[0],
        .would_be = ppb_of(now.part, arena),
        .limit = scene->work->inventory->policy.guard_min_capacity_ppb,
        .declared = ppb_of(whole.part, arena),
    };
    if (verdict.limit > verdict.declared)
        verdict.limit = verdict.declared;
    verdict.is_ok = verdict.would_be >= verdict.limit;
    if (!guard_list_wants(list, &verdict))
        return;
    const struct inventory_tier *tier = &scene->work->inventory->tiers[scene->first_tier];
    verdict.message = sentence(scene, &verdict, &now, list->arena);
    verdict.tier = arena_cstr(list->arena, tier->id);
    guard_list_add(list, &verdict);
}

void guard_loads(const struct plan_work *work, const struct plan_set *sets, struct guard_list *list)
{
    const struct inventory_policy *policy = &work->inventory->policy;
    const struct layout *layout = work->plan->input.layout;
    uint32_t by_capacity = list->refusal_count;
    if (!policy->guard_survives_failure || policy->guard_min_capacity_ppb == 0)
        return;
    for (uint32_t i = 0; i < layout->pool_count; i++) {
        const struct layout_pool *pool = &layout->pools[i];
        uint32_t service = layout->declared[pool->sets[0]].service;
        enum client_role role = role_of(&work->inventory->services[service]);
        for (uint32_t j = 0; j < pool->audience_count; j++) {
            if (is_refused_already(list, by_capacity, pool))
                break;
            struct arena arena = {0};
            struct pool_scene scene = {.work = work, .pool = pool, .sets = sets};
            scene.audience = audience_of(pool->audiences[j], role, &arena);
            judge(&scene, list, &arena);
            arena_fini(&arena);
        }
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/zone_content.h"

#include "zones/chain.h"
#include "zones/rrtype.h"
#include "zones/zone_check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SOA_NUMBERS_BYTES = 20, /* serial, refresh, retry, expire, minimum */
    DEFAULT_TTL_S = 3600,   /* before any $TTL; RFC 2308 section 4 leaves it open */
};

/* The zone at hand. */
struct zone_work {
    struct zone_content *content;
    struct arena scratch;
    struct zone_tree tree;
    uint32_t soa_set, negative_set;
    uint64_t hash; /* of what it holds but for the serial */
};

/* -- sets ---------------------------------------------------------------------------------------
 */

static bool is_address(uint16_t type)
{
    return type == RRTYPE_A || type == RRTYPE_AAAA;
}

/* Where the name of a host stands in RDATA whose addresses go with it; -1: nowhere. */
static int host_at(uint16_t type)
{
    switch (type) {
    case RRTYPE_NS: /* RFC 1035 section 3.3.11 */
        return 0;
    case RRTYPE_MX:   /* … 3.3.9 */
    case RRTYPE_SVCB: /* RFC 9460 section 4.1 */
    case RRTYPE_HTTPS:
        return 2;
    case RRTYPE_SRV: /* RFC 2782 */
        return 6;
    default:
        return -1;
    }
}

/* The name that begins at `at` of valid RDATA. */
static struct name name_in(struct bytes rdata, size_t at)
{
    size_t end = at;
    while (rdata.ptr[end] != 0)
        end += rdata.ptr[end] + 1u;
    return (struct name){rdata.ptr + at, end + 1 - at};
}

/* The node whose addresses go with a host. Glue goes with NS alone: elsewhere it is no data of this
 * zone (RFC 2181 section 5.4.1). */
static const struct zone_node *addresses_of(const struct zone_work *work, uint16_t type,
                                            struct name host)
{
    if (!name_is_within(host, work->tree.apex))
        return NULL;
    const struct zone_node *node = zone_tree_find(&work->tree, host);
    return node && (type == RRTYPE_NS || node->kind == ZONE_NODE_NAME) ? node : NULL;
}

static void add_addresses(const struct zone_work *work, const struct zone_group *group,
                          struct content_set *set, struct content_additional *additional)
{
    static const uint16_t types[] = {RRTYPE_A, RRTYPE_AAAA};
    int at = host_at(group->type);
    for (uint32_t i = 0; at >= 0 && i < group->count; i++) {
        struct name host = name_in(group->records[i]->rdata, (size_t)at);
        const struct zone_node *node = addresses_of(work, group->type, host);
        for (size_t j = 0; node && j < COUNT_OF(types); j++) {
            const struct zone_group *addresses = zone_node_find(node, types[j]);
            if (addresses)
                additional[set->additional_count++] =
                    (struct content_additional){i, (uint32_t)at, addresses->set};
        }
    }
}

/* RDATA as sets keep it: names relative to the apex, or to the cut; no serial. */
static struct bytes shared_rdata(struct zone_work *work, const struct zone_node *node,
                                 uint16_t type, struct bytes rdata)
{
    bool is_referral = node->kind == ZONE_NODE_CUT && type == RRTYPE_NS;
    struct name apex = is_referral ? node->owner : work->tree.apex;
    struct bytes shared = content_template_rdata(&work->scratch, type, rdata, apex);
    if (type != RRTYPE_SOA)
        return shared;
    uint8_t *copy = arena_alloc(&work->scratch, shared.len);
    memcpy(copy, shared.ptr, shared.len);
    memset(copy + shared.len - SOA_NUMBERS_BYTES, 0, 4); /* it comes from the slot */
    return (struct bytes){copy, shared.len};
}

static void make_set(struct zone_work *work, const struct zone_node *node, struct zone_group *group)
{
    struct content_additional *additional =
        arena_array(&work->scratch, struct content_additional, 2 * (size_t)group->count);
    struct bytes *rdata = arena_array(&work->scratch, struct bytes, group->count);
    for (uint32_t i = 0; i < group->count; i++)
        rdata[i] = shared_rdata(work, node, group->type, group->records[i]->rdata);
    bool is_referral = node->kind == ZONE_NODE_CUT && group->type == RRTYPE_NS;
    struct content_set set = {
        .type = group->type,
        .section = is_referral ? CONTENT_REFERRAL : CONTENT_ANSWER,
        .order = group->type == RRTYPE_SRV ? work->content->order : CONTENT_ORDER_FIXED,
        .ttl_s = group->ttl_s,
        .count = group->count,
        .rdata = rdata,
        .additional = additional,
        .usual_owner_bytes = (uint32_t)node->owner.len,
    };
    add_addresses(work, group, &set, additional);
    group->set = zone_sets_add(&work->content->shared, &set);
    work->hash = zone_sets_hash(
        zone_sets_hash_bytes(work->hash, (struct bytes){node->owner.wire, node->owner.len}), &set);
}

/* The SOA set again, as negative answers carry it. */
static void make_negative_set(struct zone_work *work, const struct zone_group *soa)
{
    struct content_set set = work->content->shared.sets[soa->set];
    struct bytes rdata = set.rdata[0];
    const uint8_t *minimum = rdata.ptr + rdata.len - 4;
    uint32_t minimum_s = (uint32_t)minimum[0] << 24 | (uint32_t)minimum[1] << 16 |
                         (uint32_t)minimum[2] << 8 | minimum[3];
    set.section = CONTENT_AUTHORITY;
    set.ttl_s = minimum_s < set.ttl_s ? minimum_s : set.ttl_s; /* RFC 2308 section 5 */
    work->soa_set = soa->set;
    work->negative_set = zone_sets_add(&work->content->shared, &set);
}

/* Whether a group is in the content: nothing that a cut hides but glue. */
static bool is_kept(const struct zone_node *node, uint16_t type)
{
    return node->kind == ZONE_NODE_NAME || is_address(type) ||
           (node->kind == ZONE_NODE_CUT && (type == RRTYPE_NS || type == RRTYPE_DS));
}

/* Addresses first: the others name them. */
static void make_sets(struct zone_work *work)
{
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < work->tree.node_count; i++) {
            struct zone_node *node = &work->tree.nodes[i];
            for (uint32_t j = 0; j < node->group_count; j++)
                if (is_address(node->groups[j].type) == (round == 0) &&
                    is_kept(node, node->groups[j].type))
                    make_set(work, node, &node->groups[j]);
        }
    make_negative_set(work, zone_node_find(&work->tree.nodes[0], RRTYPE_SOA));
}

/* -- names --------------------------------------------------------------------------------------
 */

static const enum content_kind kinds[] = {
    [ZONE_NODE_NAME] = CONTENT_NAME,
    [ZONE_NODE_CUT] = CONTENT_CUT,
    [ZONE_NODE_BELOW] = CONTENT_GLUE,
};

static void add_name(struct zone_work *work, const struct zone_node *node)
{
    struct zone_content *content = work->content;
    struct content_types types = {0};
    struct content_type *entries =
        arena_array(&work->scratch, struct content_type, node->group_count);
    for (uint32_t i = 0; i < node->group_count; i++) {
        uint16_t type = node->groups[i].type;
        /* Addresses at a cut are glue, which goes with its NS set. */
        if (is_kept(node, type) && !(node->kind == ZONE_NODE_CUT && is_address(type)))
            entries[types.count++] = (struct content_type){type, node->groups[i].set};
    }
    types.entries = entries;
    if (types.count == 0 && node->kind == ZONE_NODE_BELOW)
        return;
    content->all_names = arena_grow(content->arena, content->all_names, &content->name_capacity,
                                    content->name_count + 1, sizeof *content->all_names);
    struct bytes owner = arena_bytes(content->arena, node->owner.wire, node->owner.len);
    content->all_names[content->name_count++] = (struct content_name){
        .owner = {owner.ptr, owner.len},
        .types = types.count ? zone_sets_add_types(&content->shared, &types) : CONTENT_NONE,
        .kind = kinds[node->kind],
    };
}

/* Zones in a row mostly have the same serial, or all have their own. */
static uint32_t slot_of(struct zone_content *content, uint32_t serial)
{
    size_t looks = 0;
    for (size_t i = content->slot_count; i > 0 && looks < 16; i--, looks++)
        if (content->slots[i - 1] == serial)
            return (uint32_t)(i - 1);
    content->slots = arena_grow(content->arena, content->slots, &content->slot_capacity,
                                content->slot_count + 1, sizeof *content->slots);
    content->slots[content->slot_count] = serial;
    return (uint32_t)content->slot_count++;
}

static void add_zone(struct zone_work *work, const struct zonefile_record *soa, const char *path)
{
    struct zone_content *content = work->content;
    struct reader numbers = reader_over(
        (struct bytes){soa->rdata.ptr + soa->rdata.len - SOA_NUMBERS_BYTES, SOA_NUMBERS_BYTES});
    size_t first = content->name_count;
    make_sets(work);
    for (uint32_t i = 0; i < work->tree.node_count; i++)
        add_name(work, &work->tree.nodes[i]);
    content->zones = arena_grow(content->arena, content->zones, &content->zone_capacity,
                                content->zone_count + 1, sizeof *content->zones);
    content->paths = arena_grow(content->arena, content->paths, &content->path_capacity,
                                content->zone_count + 1, sizeof *content->paths);
    content->paths[content->zone_count] = path;
    content->added = arena_grow(content->arena, content->added, &content->added_capacity,
                                content->zone_count + 1, sizeof *content->added);
    uint32_t serial = read_u32(&numbers);
    content->added[content->zone_count] = (struct zone_version){
        .name = zone_sets_hash_bytes(0, (struct bytes){work->tree.apex.wire, work->tree.apex.len}),
        .content = work->hash,
        .serial = serial,
    };
    content->zones[content->zone_count] = (struct content_zone){
        .apex = content->all_names[first].owner,
        .first_name = (uint32_t)first,
        .name_count = (uint32_t)(content->name_count - first),
        .soa_set = work->soa_set,
        .negative_set = work->negative_set,
        .slot = slot_of(content, serial),
        .parent = (uint32_t)content->zone_count, /* where its path is, until finish */
    };
    content->zone_count++;
}

/* -- one file -----------------------------------------------------------------------------------
 */

static void copy_faults(struct zone_faults *faults, const struct zonefile_reading *reading,
                        const char *path)
{
    for (uint32_t i = 0; i < reading->fault_count; i++) {
        const struct zonefile_fault *fault = &reading->faults[i];
        struct zone_spot spot = {path, fault->line, fault->column};
        zone_error(faults, &spot, arena_cstr(faults->arena, text_from(fault->mend)), "%s",
                   fault->message);
    }
}

/* RFC 1035 section 5.1 has it from the record before, as BIND does; NSD and Knot, as we do, never
 * from another record. A TTL that is not the one that was meant makes drains late. */
static void warn_of_guess(struct zone_faults *faults, const struct zonefile_reading *reading,
                          const char *path)
{
    if (reading->guessed_line)
        zone_warn(faults, &(struct zone_spot){path, reading->guessed_line, 1},
                  "begin the file with a line such as \"$TTL 300\" (RFC 2308)",
                  "neither a TTL here nor a $TTL before it: %d s is taken (others take that of the "
                  "record before)",
                  DEFAULT_TTL_S);
}

static bool check_apex(const struct zone_source *source, const struct zonefile_record *soa,
                       struct zone_work *work)
{
    struct zone_faults *faults = &work->content->faults;
    struct zone_spot spot = {source->path, soa->line, soa->column};
    if (source->apex.len && !name_equal(soa->owner, source->apex))
        return zone_error(faults, &spot, "give the file the zone that it holds, or leave it out",
                          "expected the SOA record of %s, found that of %s",
                          name_print(&work->scratch, source->apex),
                          name_print(&work->scratch, soa->owner));
    return soa->owner.len > 1 ||
           zone_error(faults, &spot,
                      "begin the file with a line such as \"$ORIGIN example.org.\", or give "
                      "ZONE=FILE on the command line",
                      "expected the SOA record of a zone, found that of the root: the file does "
                      "not say which zone it is");
}

void zone_content_add(struct zone_content *content, const struct zone_source *source)
{
    struct zone_work work = {.content = content};
    uint64_t errors = content->faults.errors;
    size_t first_fault = content->faults.count;
    struct name origin = source->apex.len ? source->apex : source->origin;
    struct zonefile_reading reading =
        zonefile_read(&work.scratch, source->text,
                      &(struct zonefile_terms){.origin = origin.len ? origin : name_root,
                                               .ttl_s = DEFAULT_TTL_S});
    content->shared.arena = content->arena;
    copy_faults(&content->faults, &reading, source->path);
    warn_of_guess(&content->faults, &reading, source->path);
    const struct zonefile_record *soa = zone_find_soa(&reading, source->path, &content->faults);
    if (soa && check_apex(source, soa, &work)) {
        work.tree.apex = soa->owner;
        zone_tree_build(&work.tree, &work.scratch, &reading, source->path, &content->faults);
        zone_check(&work.tree, &work.scratch, source->path, &content->faults);
        if (content->faults.errors == errors)
            add_zone(&work, soa, source->path);
    }
    zone_faults_sort(&content->faults, first_fault);
    arena_fini(&work.scratch);
}

/* -- all zones ----------------------------------------------------------------------------------
 */

static int compare_zones(const void *left, const void *right)
{
    const struct content_zone *a = left, *b = right;
    return name_compare(a->apex, b->apex);
}

/* The first name of a zone that is not before `name`: index in all_names. */
static uint32_t first_from(const struct zone_content *content, const struct content_zone *zone,
                           struct name name)
{
    uint32_t low = zone->first_name, high = low + zone->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(content->all_names[middle].owner, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Hides what the outer zone says at and below the apex of an inner one. */
static void hide_below(struct zone_content *content, const struct content_zone *outer,
                       struct name apex)
{
    uint32_t end = outer->first_name + outer->name_count;
    for (uint32_t i = first_from(content, outer, apex);
         i < end && name_is_within(content->all_names[i].owner, apex); i++) {
        struct content_name *name = &content->all_names[i];
        name->kind = name->kind == CONTENT_CUT && name_equal(name->owner, apex) ? CONTENT_DELEGATION
                                                                                : CONTENT_GLUE;
    }
}

/* Whether the outer zone leads resolvers towards the inner one: NS at its apex, or above it. */
static bool is_delegated(const struct zone_content *content, const struct content_zone *outer,
                         struct name apex)
{
    for (struct name name = apex; name.len > outer->apex.len; name = name_parent(name)) {
        uint32_t i = first_from(content, outer, name);
        if (i < outer->first_name + outer->name_count &&
            (content->all_names[i].kind == CONTENT_CUT ||
             content->all_names[i].kind == CONTENT_DELEGATION) &&
            name_equal(content->all_names[i].owner, name))
            return true;
    }
    return false;
}

/* Each zone's nearest zone above: in canonical order that is one of those that are not over yet. */
static void nest(struct zone_content *content, const char *const *paths)
{
    uint32_t open[NAME_MAX_LABELS + 1], depth = 0;
    for (uint32_t i = 0; i < content->zone_count; i++) {
        struct content_zone *zone = &content->zones[i];
        while (depth && !name_is_within(zone->apex, content->zones[open[depth - 1]].apex))
            depth--;
        zone->parent = depth ? open[depth - 1] : CONTENT_NONE;
        for (uint32_t j = 0; j < depth; j++)
            hide_below(content, &content->zones[open[j]], zone->apex);
        if (depth && !is_delegated(content, &content->zones[zone->parent], zone->apex))
            zone_warn(&content->faults, &(struct zone_spot){.path = paths[zone->parent]},
                      "add them",
                      "no NS records for the zone %s, which is served, too: resolvers do not find "
                      "it from here",
                      name_print(content->arena, zone->apex));
        open[depth++] = i;
    }
}

static bool check_twins(struct zone_content *content, const char *const *paths)
{
    for (size_t i = 1; i < content->zone_count; i++) {
        const struct content_zone *zone = &content->zones[i];
        if (name_equal(zone->apex, zone[-1].apex))
            zone_error(&content->faults, &(struct zone_spot){.path = paths[i]}, "give one of them",
                       "the zone %s is in %s, too", name_print(content->arena, zone->apex),
                       paths[i - 1]);
    }
    return content->faults.errors == 0;
}

/* What aliases lead to: sets behind those of the files. */
static void add_chains(struct zone_content *content)
{
    struct chains chains =
        chains_follow(content->arena, &content->names, content->all_names, &content->sets);
    assert(chains.loop_count == 0); /* zone_check has refused them */
    size_t count = (size_t)content->sets.count + chains.set_count;
    struct content_set *sets = arena_array(content->arena, struct content_set, count);
    if (content->sets.count)
        memcpy(sets, content->sets.sets, sizeof *sets * content->sets.count);
    if (chains.set_count)
        memcpy(sets + content->sets.count, chains.sets, sizeof *sets * chains.set_count);
    content->sets = (struct content_sets){sets, (uint32_t)count};
    content->names.types = chains.types;
    content->names.types_count = chains.types_count;
    content->names.set_count = (uint32_t)count;
}

bool zone_content_finish(struct zone_content *content)
{
    const char **paths = arena_array(content->arena, const char *, content->zone_count);
    struct zone_version *versions =
        arena_array(content->arena, struct zone_version, content->zone_count);
    if (content->zone_count)
        qsort(content->zones, content->zone_count, sizeof *content->zones, compare_zones);
    for (size_t i = 0; i < content->zone_count; i++) {
        paths[i] = content->paths[content->zones[i].parent];
        versions[i] = content->added[content->zones[i].parent];
    }
    if (content->faults.errors || !check_twins(content, paths))
        return false;
    nest(content, paths);
    content->zone_paths = paths;
    content->versions = versions;
    content->names = (struct content_names){
        .zones = content->zones,
        .zone_count = (uint32_t)content->zone_count,
        .names = content->all_names,
        .name_count = (uint32_t)content->name_count,
        .types = content->shared.types,
        .types_count = (uint32_t)content->shared.types_count,
        .set_count = (uint32_t)content->shared.set_count,
        .slot_count = (uint32_t)content->slot_count,
    };
    content->sets =
        (struct content_sets){content->shared.sets, (uint32_t)content->shared.set_count};
    content->serials = content->slots;
    add_chains(content);
    return true;
}

static int compare_versions(const void *left, const void *right)
{
    const struct zone_version *a = left, *b = right;
    return (a->name > b->name) - (a->name < b->name);
}

void zone_content_compare(struct zone_content *content, const struct zone_version *earlier,
                          size_t count)
{
    struct zone_version *sorted = arena_array(content->arena, struct zone_version, count);
    if (count)
        memcpy(sorted, earlier, sizeof *sorted * count);
    qsort(sorted, count, sizeof *sorted, compare_versions);
    for (size_t i = 0; i < content->zone_count; i++) {
        const struct zone_version *now = &content->versions[i];
        const struct zone_version *then =
            bsearch(now, sorted, count, sizeof *sorted, compare_versions);
        uint32_t grown = then ? now->serial - then->serial : 1; /* RFC 1982 */
        if (then && now->content != then->content && (grown == 0 || grown > INT32_MAX))
            zone_warn(&content->faults, &(struct zone_spot){.path = content->zone_paths[i]},
                      "raise the serial with each change",
                      "%s has changed, but its serial went from %u to %u",
                      name_print(content->arena, content->zones[i].apex), then->serial,
                      now->serial);
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/zone_tree.h"

#include "zones/rrtype.h"
#include "zones/text.h"

#include <stdlib.h>
#include <string.h>

struct build {
    struct zone_tree *tree;
    struct arena *arena;
    const char *path;
    struct zone_faults *faults;
    const struct zonefile_record **records; /* sorted */
    size_t record_count;
    size_t node_capacity;
};

static struct zone_spot spot_of(const struct build *build, const struct zonefile_record *record)
{
    return (struct zone_spot){build->path, record->line, record->column};
}

/* -- sorting ------------------------------------------------------------------------------------
 */

static int compare_bytes(struct bytes a, struct bytes b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_records(const void *left, const void *right)
{
    const struct zonefile_record *a = *(const struct zonefile_record *const *)left;
    const struct zonefile_record *b = *(const struct zonefile_record *const *)right;
    int order = a->owner.wire == b->owner.wire ? 0 : name_compare(a->owner, b->owner);
    if (order == 0)
        order = a->type - b->type;
    if (order == 0)
        order = compare_bytes(a->rdata, b->rdata);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static void sort_records(struct build *build, const struct zonefile_reading *reading)
{
    build->records =
        arena_array(build->arena, const struct zonefile_record *, reading->record_count);
    for (uint32_t i = 0; i < reading->record_count; i++) {
        const struct zonefile_record *record = &reading->records[i];
        struct zone_spot spot = spot_of(build, record);
        if (name_is_within(record->owner, build->tree->apex))
            build->records[build->record_count++] = record;
        else
            zone_error(build->faults, &spot,
                       "move it to the file of its zone, or end a relative name without a dot",
                       "expected a name in the zone %s, found %s",
                       name_print(build->arena, build->tree->apex),
                       name_print(build->arena, record->owner));
    }
    qsort(build->records, build->record_count, sizeof *build->records, compare_records);
}

/* -- nodes --------------------------------------------------------------------------------------
 */

static struct zone_node *add_node(struct build *build, struct name owner)
{
    struct zone_tree *tree = build->tree;
    tree->nodes = arena_grow(build->arena, tree->nodes, &build->node_capacity,
                             (size_t)tree->node_count + 1, sizeof *tree->nodes);
    struct zone_node *node = &tree->nodes[tree->node_count++];
    *node = (struct zone_node){.owner = owner};
    return node;
}

/* Adds the names between `owner` and the apex that nobody has added. In canonical order a name
 * stands before what is below it, so the last node shares with `owner` every name that is there. */
static void add_between(struct build *build, struct name owner)
{
    struct name missing[NAME_MAX_LABELS];
    size_t count = 0;
    struct name above = owner;
    struct name last = build->tree->nodes[build->tree->node_count - 1].owner;
    while (!name_is_within(last, above = name_parent(above)))
        missing[count++] = above;
    while (count)
        add_node(build, missing[--count]);
}

/* The records from `first` on that share owner and type, each once, with their least TTL. */
static size_t take_group(struct build *build, size_t first, struct zone_group *group)
{
    const struct zonefile_record *head = build->records[first];
    size_t end = first, kept = first;
    *group = (struct zone_group){
        .type = head->type, .ttl_s = head->ttl_s, .records = &build->records[first]};
    bool has_other_ttl = false;
    for (; end < build->record_count; end++) {
        const struct zonefile_record *record = build->records[end];
        if (record->type != head->type || !name_equal(record->owner, head->owner))
            break;
        if (record->ttl_s != group->ttl_s) {
            struct zone_spot spot = spot_of(build, record);
            if (!has_other_ttl)
                zone_warn(build->faults, &spot, "give all of them the same",
                          "the %s records of %s differ in TTL; the least is served",
                          text_type_print(build->arena, head->type),
                          name_print(build->arena, head->owner));
            has_other_ttl = true; /* RFC 2181 section 5.2 */
            group->ttl_s = record->ttl_s < group->ttl_s ? record->ttl_s : group->ttl_s;
        }
        if (end == first || !bytes_equal(record->rdata, build->records[kept - 1]->rdata))
            build->records[kept++] = record;
    }
    group->count = (uint32_t)(kept - first);
    return end;
}

/* Adds the node whose records begin at `first`; returns where those of the next do. */
static size_t add_owner(struct build *build, size_t first)
{
    struct name owner = build->records[first]->owner;
    size_t end = first, capacity = 0;
    if (build->tree->node_count && !name_equal(owner, build->tree->apex))
        add_between(build, owner);
    struct zone_node *node = add_node(build, owner);
    while (end < build->record_count && name_equal(build->records[end]->owner, owner)) {
        node->groups = arena_grow(build->arena, node->groups, &capacity,
                                  (size_t)node->group_count + 1, sizeof *node->groups);
        end = take_group(build, end, &node->groups[node->group_count++]);
    }
    return end;
}

/* What stands at and below the cuts. */
static void find_cuts(const struct zone_tree *tree)
{
    const struct zone_node *cut = NULL;
    for (uint32_t i = 1; i < tree->node_count; i++) {
        struct zone_node *node = &tree->nodes[i];
        if (cut && name_is_within(node->owner, cut->owner)) {
            node->kind = ZONE_NODE_BELOW;
        } else if (zone_node_find(node, RRTYPE_NS)) {
            node->kind = ZONE_NODE_CUT;
            cut = node;
        }
    }
}

void zone_tree_build(struct zone_tree *tree, struct arena *arena,
                     const struct zonefile_reading *reading, const char *path,
                     struct zone_faults *faults)
{
    struct build build = {.tree = tree, .arena = arena, .path = path, .faults = faults};
    sort_records(&build, reading);
    if (build.record_count == 0 || !name_equal(build.records[0]->owner, tree->apex))
        add_node(&build, tree->apex);
    for (size_t at = 0; at < build.record_count;)
        at = add_owner(&build, at);
    find_cuts(tree);
}

/* -- finding ------------------------------------------------------------------------------------
 */

struct zone_node *zone_tree_find(const struct zone_tree *tree, struct name name)
{
    uint32_t low = 0, high = tree->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = name_compare(tree->nodes[middle].owner, name);
        if (order == 0)
            return &tree->nodes[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct zone_node *cut_above(const struct zone_tree *tree, const struct zone_node *node)
{
    struct name above = node->owner;
    struct zone_node *cut;
    do {
        above = name_parent(above);
        cut = zone_tree_find(tree, above);
    } while (!cut || cut->kind != ZONE_NODE_CUT);
    return cut;
}

struct zone_node *zone_tree_resolve(const struct zone_tree *tree, struct name name)
{
    struct name encloser = name;
    struct zone_node *node;
    uint8_t wildcard[2 + NAME_MAX_BYTES] = {1, '*'};
    while (!(node = zone_tree_find(tree, encloser)))
        encloser = name_parent(encloser);
    if (node->kind == ZONE_NODE_BELOW)
        return cut_above(tree, node);
    if (node->kind == ZONE_NODE_CUT || encloser.len == name.len)
        return node;
    memcpy(wildcard + 2, encloser.wire, encloser.len);
    return zone_tree_find(tree, (struct name){wildcard, encloser.len + 2});
}

struct zone_group *zone_node_find(const struct zone_node *node, uint16_t type)
{
    for (uint32_t i = 0; i < node->group_count; i++)
        if (node->groups[i].type == type)
            return &node->groups[i];
    return NULL;
}

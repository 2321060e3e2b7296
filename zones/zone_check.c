/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/zone_check.h"

#include "zones/rrtype.h"
#include "zones/text.h"

enum {
    RECORD_HEAD_BYTES = 12, /* a pointer, type, class, TTL, length of RDATA */
    /* Beside them in a message: header, the longest question, OPT. */
    SET_MAX_BYTES = 65535 - 12 - (NAME_MAX_BYTES + 4) - 11,
};

struct check {
    const struct zone_tree *tree;
    struct arena *arena;
    const char *path;
    struct zone_faults *faults;
};

/* Types that no zone has that we serve. */
static const struct {
    uint16_t type;
    const char *why, *mend;
} refused[] = {
    {RRTYPE_DNAME, "which is not served here", "write out the names below it"},
    {RRTYPE_RRSIG, "of a signed zone, which is not served here",
     "give the file without signatures"},
    {RRTYPE_NSEC, "of a signed zone, which is not served here", "give the file without signatures"},
    {RRTYPE_NSEC3, "of a signed zone, which is not served here",
     "give the file without signatures"},
    {RRTYPE_NSEC3PARAM, "of a signed zone, which is not served here",
     "give the file without signatures"},
};

static struct zone_spot spot_of(const struct check *check, const struct zonefile_record *record)
{
    return (struct zone_spot){check->path, record->line, record->column};
}

static const char *print(const struct check *check, struct name name)
{
    return name_print(check->arena, name);
}

const struct zonefile_record *zone_find_soa(const struct zonefile_reading *reading,
                                            const char *path, struct zone_faults *faults)
{
    const struct zonefile_record *soa = NULL;
    bool is_good = true;
    for (uint32_t i = 0; i < reading->record_count; i++) {
        const struct zonefile_record *record = &reading->records[i];
        if (record->type != RRTYPE_SOA)
            continue;
        if (soa &&
            !(name_equal(soa->owner, record->owner) && bytes_equal(soa->rdata, record->rdata)))
            is_good = zone_error(faults, &(struct zone_spot){path, record->line, record->column},
                                 "one file is one zone; keep one SOA",
                                 "expected one SOA record, found another after that of line %u",
                                 soa->line);
        if (!soa)
            soa = record;
    }
    if (!soa)
        is_good = zone_error(faults, &(struct zone_spot){.path = path},
                             "write \"@ IN SOA ns1.example.org. hostmaster.example.org. 1 3600 900 "
                             "604800 300\" at its beginning",
                             "expected the SOA record of a zone, found none");
    return is_good ? soa : NULL;
}

/* -- sets ---------------------------------------------------------------------------------------
 */

static void check_group(const struct check *check, const struct zone_node *node,
                        const struct zone_group *group)
{
    struct zone_spot spot = spot_of(check, group->records[0]);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        if (refused[i].type == group->type)
            zone_error(check->faults, &spot, refused[i].mend,
                       "expected data to serve, found %s %s, %s", print(check, node->owner),
                       text_type_print(check->arena, group->type), refused[i].why);
    if (group->type == RRTYPE_NS && node->owner.wire[0] == 1 && node->owner.wire[1] == '*')
        zone_error(check->faults, &spot, "write a delegation for each name that needs one",
                   "expected no NS at a wildcard, found one at %s: what it would mean is not "
                   "defined (RFC 4592, section 4.2)",
                   print(check, node->owner));
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < group->count; i++)
        bytes += RECORD_HEAD_BYTES + group->records[i]->rdata.len;
    if (bytes > SET_MAX_BYTES)
        zone_error(check->faults, &spot, "give the name fewer records",
                   "expected a set that fits the 65,535 octets of a message, found %u %s records "
                   "of %llu octets at %s",
                   group->count, text_type_print(check->arena, group->type),
                   (unsigned long long)bytes, print(check, node->owner));
    if (group->type == RRTYPE_DS && name_equal(node->owner, check->tree->apex))
        zone_error(check->faults, &spot, "move it to the zone above, beside the NS records there",
                   "expected no DS at the apex of a zone, found one at %s",
                   print(check, node->owner));
}

static void check_cname(const struct check *check, const struct zone_node *node)
{
    const struct zone_group *cname = zone_node_find(node, RRTYPE_CNAME);
    if (!cname)
        return;
    const char *mend = "an alias has nothing of its own: keep the CNAME or the rest";
    for (uint32_t i = 0; i < node->group_count; i++) {
        const struct zone_group *other = &node->groups[i];
        struct zone_spot spot = spot_of(check, cname->records[0]);
        if (other != cname)
            zone_error(check->faults, &spot, mend,
                       "expected no other records beside a CNAME, found %s at %s (line %u)",
                       text_type_print(check->arena, other->type), print(check, node->owner),
                       other->records[0]->line);
    }
    if (cname->count > 1) {
        struct zone_spot spot = spot_of(check, cname->records[1]);
        zone_error(check->faults, &spot, "keep one of them",
                   "expected one CNAME at %s, found %u with different targets",
                   print(check, node->owner), cname->count);
    }
}

/* -- cuts ---------------------------------------------------------------------------------------
 */

static bool is_address(uint16_t type)
{
    return type == RRTYPE_A || type == RRTYPE_AAAA;
}

static void check_hidden(const struct check *check, const struct zone_node *node)
{
    for (uint32_t i = 0; node->kind != ZONE_NODE_NAME && i < node->group_count; i++) {
        const struct zone_group *group = &node->groups[i];
        bool belongs =
            is_address(group->type) ||
            (node->kind == ZONE_NODE_CUT && (group->type == RRTYPE_NS || group->type == RRTYPE_DS));
        struct zone_spot spot = spot_of(check, group->records[0]);
        if (!belongs)
            zone_warn(check->faults, &spot, "move it to the file of that zone",
                      "%s %s is never answered: NS records delegate the name to another zone",
                      print(check, node->owner), text_type_print(check->arena, group->type));
    }
}

/* Name servers within the zone have their addresses here, or nobody finds them. */
static void check_servers(const struct check *check, const struct zone_node *node)
{
    const struct zone_group *group = zone_node_find(node, RRTYPE_NS);
    for (uint32_t i = 0; group && node->kind != ZONE_NODE_BELOW && i < group->count; i++) {
        struct name host = {group->records[i]->rdata.ptr, group->records[i]->rdata.len};
        /* Of a host in the zone that is delegated only that zone's glue helps. */
        struct name ours = node->kind == ZONE_NODE_CUT ? node->owner : check->tree->apex;
        if (!name_is_within(host, ours))
            continue;
        const struct zone_node *there = zone_tree_find(check->tree, host);
        struct zone_spot spot = spot_of(check, group->records[i]);
        if (!there || !(zone_node_find(there, RRTYPE_A) || zone_node_find(there, RRTYPE_AAAA)))
            zone_warn(check->faults, &spot, "add its A or AAAA records",
                      "the name server %s of %s has no address in this file, so nobody finds it",
                      print(check, host), print(check, node->owner));
    }
}

/* -- circles ------------------------------------------------------------------------------------
 */

enum walked {
    NOT_YET,
    ON_THE_WAY,
    DONE,
};

/* Follows the CNAMEs from one node; each node is walked once in all. */
static void check_circle(const struct check *check, uint8_t *walked, uint32_t start)
{
    const struct zone_tree *tree = check->tree;
    uint32_t at = start;
    const struct zone_group *cname = NULL;
    while (walked[at] == NOT_YET) {
        cname = zone_node_find(&tree->nodes[at], RRTYPE_CNAME);
        walked[at] = ON_THE_WAY;
        if (!cname || tree->nodes[at].kind != ZONE_NODE_NAME)
            break;
        struct name target = {cname->records[0]->rdata.ptr, cname->records[0]->rdata.len};
        if (!name_is_within(target, tree->apex))
            break;
        const struct zone_node *next = zone_tree_resolve(tree, target);
        if (!next)
            break;
        at = (uint32_t)(next - tree->nodes);
        if (walked[at] != ON_THE_WAY)
            continue;
        struct zone_spot spot = spot_of(check, cname->records[0]);
        zone_error(check->faults, &spot, "let one of them lead out of it",
                   "expected a CNAME that leads to data, found one that comes back to %s: %s CNAME "
                   "%s",
                   print(check, tree->nodes[at].owner), print(check, cname->records[0]->owner),
                   print(check, target));
        break;
    }
    /* The way again, to mark it. */
    for (at = start; walked[at] == ON_THE_WAY;) {
        walked[at] = DONE;
        cname = zone_node_find(&tree->nodes[at], RRTYPE_CNAME);
        if (!cname || tree->nodes[at].kind != ZONE_NODE_NAME)
            return;
        struct name target = {cname->records[0]->rdata.ptr, cname->records[0]->rdata.len};
        const struct zone_node *next =
            name_is_within(target, tree->apex) ? zone_tree_resolve(tree, target) : NULL;
        if (!next)
            return;
        at = (uint32_t)(next - tree->nodes);
    }
}

void zone_check(const struct zone_tree *tree, struct arena *arena, const char *path,
                struct zone_faults *faults)
{
    struct check check = {.tree = tree, .arena = arena, .path = path, .faults = faults};
    uint8_t *walked = arena_array(arena, uint8_t, tree->node_count);
    if (!zone_node_find(&tree->nodes[0], RRTYPE_NS))
        zone_error(faults, &(struct zone_spot){.path = path},
                   "add a line such as \"@ IN NS ns1.example.org.\" for each name server",
                   "expected NS records at the apex %s, found none", print(&check, tree->apex));
    for (uint32_t i = 0; i < tree->node_count; i++) {
        const struct zone_node *node = &tree->nodes[i];
        for (uint32_t j = 0; j < node->group_count; j++)
            check_group(&check, node, &node->groups[j]);
        check_hidden(&check, node);
        check_servers(&check, node);
        if (node->kind != ZONE_NODE_BELOW)
            check_cname(&check, node);
        check_circle(&check, walked, i);
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/json_catalog.h"

#include "zones/rrtype.h"
#include "zones/text.h"

#include <string.h>

/* A share as a number for people and curves, and as it is. */
struct share {
    uint32_t num, den;
};

static struct share share_of(const struct plan_member *member)
{
    bool is_in = member->absence == PLAN_PRESENT && member->share_den > 0;
    return is_in ? (struct share){member->share_num, member->share_den} : (struct share){0, 1};
}

static bool is_less(struct share a, struct share b)
{
    return (uint64_t)a.num * b.den < (uint64_t)b.num * a.den;
}

static json_t *ratio_json(struct share share)
{
    return json_real((double)share.num / (double)share.den);
}

static void share_add(json_t *json, struct share share)
{
    json_object_set_new(json, "share", ratio_json(share));
    json_object_set_new(json, "share_exact", json_sprintf("%u/%u", share.num, share.den));
}

/* -- domains -------------------------------------------------------------------------------------
 */

static json_t *member_json(const struct plan *plan, const struct plan_set *set,
                           const struct plan_member *member, enum catalog_detail detail)
{
    json_t *json = json_object();
    json_object_set_new(json, "node",
                        json_view_text(plan->input.layout->inventory->nodes[member->node].id));
    json_object_set_new(json, "in_set", json_boolean(member->absence == PLAN_PRESENT));
    share_add(json, share_of(member));
    if (detail == CATALOG_BRIEF)
        return json;
    struct arena arena = {0};
    json_object_set_new(json, "priority", json_integer(member->priority));
    json_object_set_new(json, "weight", json_integer(member->weight));
    json_object_set_new(json, "planned_weight", json_integer(member->planned_weight));
    json_object_set_new(json, "port", json_integer(member->port));
    json_object_set_new(json, "because",
                        json_string(plan_member_because(plan, set, member, &arena)));
    arena_fini(&arena);
    return json;
}

/* The members as the set has them, by priority and id. */
static json_t *members_json(const struct plan *plan, const struct plan_set *set,
                            enum catalog_detail detail)
{
    json_t *members = json_array();
    for (uint32_t i = 0; !set->is_null && i < set->member_count; i++)
        json_array_append_new(members, member_json(plan, set, &set->members[i], detail));
    return members;
}

static json_t *domain_service_json(const struct plan *plan, uint32_t domain, uint32_t index,
                                   enum catalog_detail detail)
{
    const struct layout *layout = plan->input.layout;
    const struct plan_set *set = &plan->sets[index];
    const struct inventory_service *service =
        &layout->inventory->services[layout->declared[set->declared].service];
    struct arena arena = {0};
    struct name owner;
    json_t *json = json_object();
    json_object_set_new(json, "service", json_view_text(service->id));
    json_object_set_new(
        json, "name",
        name_join(&arena, service->srv_labels, layout->inventory->domains[domain].name, &owner)
            ? json_view_name(owner)
            : json_null());
    json_object_set_new(json, "absent", json_boolean(set->is_null));
    json_object_set_new(json, "ttl", json_integer(set->ttl_s));
    const char *because = plan_ttl_because(plan, set, &arena);
    if (detail == CATALOG_WHOLE)
        json_object_set_new(json, "ttl_because", because ? json_string(because) : json_null());
    json_object_set_new(json, "members", members_json(plan, set, detail));
    arena_fini(&arena);
    return json;
}

static json_t *audience_json(const struct inventory_audience *audience)
{
    json_t *json = json_object();
    for (uint32_t i = 0; i < audience->count; i++) {
        const struct inventory_audience_part *part = &audience->parts[i];
        struct arena arena = {0};
        json_object_set_new(json, arena_cstr(&arena, part->model),
                            json_real((double)part->part_ppb / RATIO_ONE));
        arena_fini(&arena);
    }
    return json;
}

json_t *json_catalog_domain(const struct json_scene *scene, uint32_t domain,
                            enum catalog_detail detail)
{
    const struct plan *plan = scene->plan;
    const struct layout *layout = plan->input.layout;
    const struct inventory *inventory = layout->inventory;
    const struct inventory_domain *row = &inventory->domains[domain];
    uint32_t zone = inventory_zone_of(inventory, row->name);
    json_t *json = json_object(), *services = json_array();
    for (uint32_t i = layout->domain_first[domain]; i < layout->domain_first[domain + 1]; i++)
        json_array_append_new(services,
                              domain_service_json(plan, domain, layout->domain_sets[i], detail));
    json_object_set_new(json, "domain", json_view_name(row->name));
    json_object_set_new(json, "zone",
                        zone == INVENTORY_NONE ? json_null()
                                               : json_view_name(inventory->zones[zone].apex));
    json_object_set_new(json, "component_of",
                        row->component_of == INVENTORY_NONE
                            ? json_null()
                            : json_view_name(inventory->domains[row->component_of].name));
    json_object_set_new(json, "ttl", json_integer(row->ttl_s));
    json_object_set_new(json, "drain_ttl", json_integer(row->drain_ttl_s));
    json_object_set_new(json, "services", services);
    if (detail == CATALOG_BRIEF)
        return json;
    json_object_set_new(json, "audience", audience_json(&row->audience));
    json_object_set_new(json, "bosh", json_view_text_or_null(row->bosh));
    json_object_set_new(json, "websocket", json_view_text_or_null(row->websocket));
    return json;
}

uint32_t json_catalog_domain_from(const struct inventory *inventory, struct name name)
{
    uint32_t low = 0, high = inventory->domain_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(inventory->domains[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* -- services and tiers --------------------------------------------------------------------------
 */

/* What a node has in the sets that are looked at. */
struct presence {
    uint32_t sets, in_sets; /* counted by domain */
    struct share least, greatest;
};

static void presence_count(struct presence *presence, const struct plan_member *member,
                           uint32_t domains)
{
    struct share share = share_of(member);
    if (presence->sets == 0 || is_less(share, presence->least))
        presence->least = share;
    if (presence->sets == 0 || is_less(presence->greatest, share))
        presence->greatest = share;
    presence->sets += domains;
    presence->in_sets += member->absence == PLAN_PRESENT ? domains : 0;
}

static json_t *presence_json(const struct inventory *inventory, uint32_t node,
                             const struct presence *presence)
{
    json_t *json = json_object();
    json_object_set_new(json, "node", json_view_text(inventory->nodes[node].id));
    json_object_set_new(json, "sets", json_integer(presence->sets));
    json_object_set_new(json, "in_sets", json_integer(presence->in_sets));
    json_object_set_new(json, "least_share",
                        presence->sets ? ratio_json(presence->least) : json_null());
    json_object_set_new(json, "greatest_share",
                        presence->sets ? ratio_json(presence->greatest) : json_null());
    return json;
}

json_t *json_catalog_service(const struct json_scene *scene, uint32_t service)
{
    const struct plan *plan = scene->plan;
    const struct layout *layout = plan->input.layout;
    const struct inventory *inventory = layout->inventory;
    const struct inventory_service *row = &inventory->services[service];
    struct arena arena = {0};
    struct presence *presence = arena_array(&arena, struct presence, inventory->node_count);
    uint32_t sets = 0, domains = 0;
    for (uint32_t i = 0; i < plan->set_count; i++) {
        const struct plan_set *set = &plan->sets[i];
        const struct declared_set *declared = &layout->declared[set->declared];
        if (declared->service != service)
            continue;
        sets++;
        domains += declared->domain_count;
        for (uint32_t m = 0; !set->is_null && m < set->member_count; m++)
            presence_count(&presence[set->members[m].node], &set->members[m],
                           declared->domain_count);
    }
    json_t *json = json_object(), *nodes = json_array();
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        if (presence[i].sets)
            json_array_append_new(nodes, presence_json(inventory, i, &presence[i]));
    }
    json_object_set_new(json, "service", json_view_text(row->id));
    json_object_set_new(json, "srv", json_view_text(row->srv));
    json_object_set_new(json, "port", json_integer(row->port));
    json_object_set_new(json, "priority_offset", json_integer(row->priority_offset));
    json_object_set_new(json, "pool", json_view_text_or_null(row->pool));
    json_object_set_new(json, "mux", json_boolean(row->is_mux));
    json_object_set_new(json, "absent", json_boolean(row->is_absent));
    json_object_set_new(json, "domains", json_integer(domains));
    json_object_set_new(json, "sets", json_integer(sets));
    json_object_set_new(json, "nodes", nodes);
    arena_fini(&arena);
    return json;
}

/* Fractions of one set have small denominators, their sum may not: numbers do for a tier. */
static double tier_share(const struct inventory *inventory, const struct plan_set *set,
                         uint32_t tier)
{
    double sum = 0;
    for (uint32_t m = 0; m < set->member_count; m++) {
        struct share share = share_of(&set->members[m]);
        if (inventory->nodes[set->members[m].node].tier == tier)
            sum += (double)share.num / share.den;
    }
    return sum < 1 ? sum : 1; /* rounding must not make more than all */
}

static json_t *tier_nodes_json(const struct plan *plan, uint32_t tier, uint64_t *capacity,
                               uint64_t *capacity_present)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    struct arena arena = {0};
    struct presence *presence = arena_array(&arena, struct presence, inventory->node_count);
    for (uint32_t i = 0; i < plan->set_count; i++) {
        const struct plan_set *set = &plan->sets[i];
        uint32_t domains = plan->input.layout->declared[set->declared].domain_count;
        for (uint32_t m = 0; !set->is_null && m < set->member_count; m++)
            presence_count(&presence[set->members[m].node], &set->members[m], domains);
    }
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        const struct inventory_node *node = &inventory->nodes[i];
        if (node->tier != tier)
            continue;
        json_t *item = presence_json(inventory, i, &presence[i]);
        json_object_set_new(item, "capacity", json_integer(node->capacity));
        json_array_append_new(nodes, item);
        *capacity += node->state == NODE_OFF ? 0 : node->capacity;
        if (presence[i].sets && presence[i].in_sets == presence[i].sets)
            *capacity_present += node->capacity;
    }
    arena_fini(&arena);
    return nodes;
}

json_t *json_catalog_tier(const struct json_scene *scene, uint32_t tier)
{
    const struct plan *plan = scene->plan;
    const struct inventory *inventory = plan->input.layout->inventory;
    const struct inventory_tier *row = &inventory->tiers[tier];
    uint64_t capacity = 0, capacity_present = 0;
    double least = 1, greatest = 0;
    bool is_asked = false;
    for (uint32_t i = 0; i < plan->set_count; i++) {
        if (plan->sets[i].is_null || plan->sets[i].present_count == 0)
            continue;
        double share = tier_share(inventory, &plan->sets[i], tier);
        least = share < least ? share : least;
        greatest = share > greatest ? share : greatest;
        is_asked = true;
    }
    json_t *json = json_object();
    json_t *nodes = tier_nodes_json(plan, tier, &capacity, &capacity_present);
    json_object_set_new(json, "tier", json_view_text(row->id));
    json_object_set_new(json, "priority", json_integer(row->priority));
    json_object_set_new(json, "label", json_view_text_or_null(row->label));
    json_object_set_new(json, "capacity", json_integer((json_int_t)capacity));
    json_object_set_new(json, "capacity_present", json_integer((json_int_t)capacity_present));
    json_object_set_new(json, "least_share", is_asked ? json_real(least) : json_null());
    json_object_set_new(json, "greatest_share", is_asked ? json_real(greatest) : json_null());
    json_object_set_new(json, "nodes", nodes);
    return json;
}

/* -- zones ---------------------------------------------------------------------------------------
 */

static uint32_t count_sets(const struct content_names *names, const struct content_sets *content,
                           const struct content_zone *zone)
{
    uint32_t sets = 0;
    for (uint32_t i = 0; i < zone->name_count; i++) {
        const struct content_name *name = &names->names[zone->first_name + i];
        if (name->types == CONTENT_NONE || !content_is_served(name))
            continue;
        const struct content_types *types = &names->types[name->types];
        for (uint32_t t = 0; t < types->count; t++)
            sets += content->sets[types->entries[t].set].count > 0;
    }
    return sets;
}

/* A name of our own RDATA: it is whole. */
static struct name name_read(struct reader *r)
{
    struct name name = {r->next, 0};
    struct bytes length;
    do
        length = read_bytes(r, 1);
    while (length.len && length.ptr[0] && read_bytes(r, length.ptr[0]).len);
    name.len = (size_t)(r->next - name.wire);
    return name;
}

static json_t *soa_json(const struct content_set *set, struct name apex, uint32_t serial)
{
    struct arena arena = {0};
    struct bytes rdata = content_rdata(&arena, RRTYPE_SOA, set->rdata[0], apex);
    struct reader r = reader_over(rdata);
    const char *names[2];
    for (size_t i = 0; i < COUNT_OF(names); i++) /* mname, rname: RFC 1035 section 3.3.13 */
        names[i] = text_name_print(&arena, name_read(&r));
    (void)read_u32(&r); /* the serial stands in its slot */
    static const char *const keys[] = {"refresh", "retry", "expire", "minimum"};
    json_t *json = json_pack("{s:s, s:s, s:I}", "primary", names[0], "hostmaster", names[1],
                             "serial", (json_int_t)serial);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        json_object_set_new(json, keys[i], json_integer(read_u32(&r)));
    arena_fini(&arena);
    return json;
}

static json_t *name_servers_json(const struct inventory *inventory, struct name apex)
{
    uint32_t index = inventory_zone_of(inventory, apex);
    json_t *list = json_array();
    for (uint32_t i = 0; index != INVENTORY_NONE && i < inventory->zones[index].name_server_count;
         i++)
        json_array_append_new(list, json_view_name(inventory->zones[index].name_servers[i].host));
    return list;
}

json_t *json_catalog_zone(const struct json_scene *scene, uint32_t index,
                          enum catalog_detail detail)
{
    const struct plan *plan = scene->plan;
    const struct content_names *names = &plan->input.layout->names;
    const struct content_zone *zone = &names->zones[index];
    uint32_t serial = world_zone_serial(scene->view, index);
    json_t *json = json_object();
    json_object_set_new(json, "zone", json_view_name(zone->apex));
    json_object_set_new(json, "serial", json_integer(serial));
    json_object_set_new(json, "parent",
                        zone->parent == CONTENT_NONE
                            ? json_null()
                            : json_view_name(names->zones[zone->parent].apex));
    json_object_set_new(json, "names", json_integer(zone->name_count));
    json_object_set_new(json, "sets", json_integer(count_sets(names, &plan->content, zone)));
    if (detail == CATALOG_BRIEF)
        return json;
    json_object_set_new(json, "soa",
                        soa_json(&plan->content.sets[zone->soa_set], zone->apex, serial));
    json_object_set_new(json, "name_servers",
                        name_servers_json(plan->input.layout->inventory, zone->apex));
    return json;
}

uint32_t json_catalog_zone_from(const struct content_names *names, struct name name)
{
    uint32_t low = 0, high = names->zone_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(names->zones[middle].apex, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

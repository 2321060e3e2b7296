/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/json_view.h"

#include "api/http/problem.h"
#include "srvplan/report/report_json.h"
#include "zones/base/clock.h"
#include "zones/text.h"

#include <arpa/inet.h>
#include <string.h>

enum {
    CAPACITY_LEFT_MAX = 100, /* sets, of which 100,000 domains make few */
};

json_t *json_view_time(int64_t at_ms)
{
    char text[CLOCK_TEXT_SIZE];
    return at_ms ? json_string(clock_print(at_ms, text)) : json_null();
}

json_t *json_view_text(struct text text)
{
    return problem_string(text);
}

json_t *json_view_text_or_null(struct text text)
{
    return text.len ? problem_string(text) : json_null();
}

json_t *json_view_number_or_null(int64_t number)
{
    return number ? json_integer(number) : json_null();
}

json_t *json_view_name(struct name name)
{
    struct arena arena = {0};
    json_t *json = json_string(text_name_print(&arena, name));
    arena_fini(&arena);
    return json;
}

json_t *json_view_words(struct text list, const char *all)
{
    json_t *array = json_array();
    while (list.len) {
        const char *space = memchr(list.ptr, ' ', list.len);
        size_t len = space ? (size_t)(space - list.ptr) : list.len;
        if (len)
            json_array_append_new(array, problem_string((struct text){list.ptr, len}));
        len += space != NULL;
        list.ptr += len;
        list.len -= len;
    }
    if (json_array_size(array) == 0 && all)
        json_array_append_new(array, json_string(all));
    return array;
}

static bool covers(struct text services, struct text service)
{
    if (services.len == 0 || text_is(services, "*"))
        return true;
    while (services.len) {
        const char *space = memchr(services.ptr, ' ', services.len);
        size_t len = space ? (size_t)(space - services.ptr) : services.len;
        if (text_equal((struct text){services.ptr, len}, service))
            return true;
        len += space != NULL;
        services.ptr += len;
        services.len -= len;
    }
    return false;
}

static const struct inventory_service *service_of(const struct plan *plan,
                                                  const struct plan_set *set)
{
    const struct layout *layout = plan->input.layout;
    return &layout->inventory->services[layout->declared[set->declared].service];
}

static struct name domain_of(const struct plan *plan, const struct plan_set *set)
{
    const struct layout *layout = plan->input.layout;
    return layout->inventory->domains[layout->declared[set->declared].domain].name;
}

static const struct plan_member *member_find(const struct plan_set *set, uint32_t node)
{
    for (uint32_t i = 0; !set->is_null && i < set->member_count; i++) {
        if (set->members[i].node == node)
            return &set->members[i];
    }
    return NULL;
}

void json_view_greatest_share(const struct plan *plan, struct text node, struct text services,
                              uint32_t *num, uint32_t *den)
{
    uint32_t index = inventory_find_node(plan->input.layout->inventory, node);
    *num = 0;
    *den = 1;
    for (uint32_t i = 0; i < plan->set_count && index != INVENTORY_NONE; i++) {
        const struct plan_set *set = &plan->sets[i];
        if (!covers(services, service_of(plan, set)->id))
            continue;
        const struct plan_member *member = member_find(set, index);
        if (!member || member->absence != PLAN_PRESENT || member->share_den == 0)
            continue;
        if ((uint64_t)member->share_num * *den > (uint64_t)*num * member->share_den) {
            *num = member->share_num;
            *den = member->share_den;
        }
    }
}

const struct world_drain *json_view_find_drain(const struct world_view *view, struct text id)
{
    for (uint32_t i = 0; i < view->drain_count; i++) {
        if (text_equal(view->drains[i].row.id, id))
            return &view->drains[i];
    }
    return NULL;
}

static double ratio(uint64_t num, uint64_t den)
{
    return den ? (double)num / (double)den : 0;
}

/* As the guards count it: a node behind all tiers is not there, one that is ramped in part. */
static double part_there(const struct plan_member *member)
{
    if (member->absence != PLAN_PRESENT || member->is_demoted)
        return 0;
    return ratio(member->level_num, member->level_den);
}

json_t *json_view_capacity_left(const struct plan *plan, const struct store_drain *row)
{
    json_t *json = json_object();
    const struct inventory *inventory = plan->input.layout->inventory;
    uint32_t node = inventory_find_node(inventory, row->node);
    struct arena arena = {0};
    for (uint32_t i = 0; node != INVENTORY_NONE && i < plan->set_count; i++) {
        const struct plan_set *set = &plan->sets[i];
        struct text service = service_of(plan, set)->id;
        const struct plan_member *member = member_find(set, node);
        if (!member || !covers(row->services, service))
            continue;
        double left = 0, declared = (double)member->capacity_group;
        for (uint32_t m = 0; m < set->member_count; m++) {
            const struct plan_member *other = &set->members[m];
            if (other->planned_priority == member->planned_priority)
                left += inventory->nodes[other->node].capacity * part_there(other);
        }
        const char *domain = text_name_print(&arena, domain_of(plan, set));
        char *key = arena_printf(&arena, "%.*s/%.*s", (int)strlen(domain) - 1, domain,
                                 (int)service.len, service.ptr);
        json_object_set_new(json, key, json_real(declared > 0 ? left / declared : 0));
        if (json_object_size(json) == CAPACITY_LEFT_MAX)
            break;
    }
    arena_fini(&arena);
    return json;
}

json_t *json_view_weight(const struct overlay_weight *weight)
{
    json_t *json = json_object();
    json_object_set_new(json, "node", json_view_text(weight->node));
    json_object_set_new(json, "service", json_view_text(weight->service));
    json_t *value = NULL;
    switch (weight->form) {
    case WEIGHT_ABSOLUTE:
        value = json_integer(weight->value);
        break;
    case WEIGHT_PERCENT:
        value = json_sprintf("%d%%", weight->value);
        break;
    case WEIGHT_ADD:
        value = json_sprintf("%+d", weight->value);
        break;
    }
    json_object_set_new(json, "weight", value);
    json_object_set_new(json, "actor", json_view_text(weight->actor));
    json_object_set_new(json, "reason", json_view_text(weight->reason));
    json_object_set_new(json, "since", json_view_time(weight->since_at_ms));
    json_object_set_new(json, "until", json_view_time(weight->until_at_ms));
    return json;
}

static json_t *addresses(const struct inventory_node *node)
{
    json_t *list = json_array();
    char text[INET6_ADDRSTRLEN];
    for (uint32_t i = 0; i < node->ipv4_count; i++)
        json_array_append_new(list,
                              json_string(inet_ntop(AF_INET, node->ipv4[i], text, sizeof text)));
    for (uint32_t i = 0; i < node->ipv6_count; i++)
        json_array_append_new(list,
                              json_string(inet_ntop(AF_INET6, node->ipv6[i], text, sizeof text)));
    return list;
}

static json_t *effective_row(const struct plan *plan, const struct plan_set *set,
                             const struct plan_member *member, struct arena *arena)
{
    const struct declared_set *declared = &plan->input.layout->declared[set->declared];
    bool is_in = member->absence == PLAN_PRESENT;
    uint32_t num = is_in ? member->share_num : 0, den = is_in ? member->share_den : 1;
    json_t *json = json_object();
    json_object_set_new(json, "domain", json_view_name(domain_of(plan, set)));
    json_object_set_new(json, "domains", json_integer(declared->domain_count));
    json_object_set_new(json, "service", json_view_text(service_of(plan, set)->id));
    json_object_set_new(json, "in_set", json_boolean(is_in));
    json_object_set_new(json, "priority", json_integer(member->priority));
    json_object_set_new(json, "weight", json_integer(member->weight));
    json_object_set_new(json, "planned_weight", json_integer(member->planned_weight));
    json_object_set_new(json, "port", json_integer(member->port));
    json_object_set_new(json, "ttl", json_integer(set->ttl_s));
    json_object_set_new(json, "share", json_real(ratio(num, den)));
    json_object_set_new(json, "share_exact", json_sprintf("%u/%u", num, den ? den : 1));
    json_object_set_new(json, "because",
                        json_string(plan_member_because(plan, set, member, arena)));
    return json;
}

static json_t *effective(const struct plan *plan, uint32_t node)
{
    json_t *list = json_array();
    struct arena arena = {0};
    for (uint32_t i = 0; i < plan->set_count; i++) {
        const struct plan_member *member = member_find(&plan->sets[i], node);
        if (member)
            json_array_append_new(list, effective_row(plan, &plan->sets[i], member, &arena));
    }
    arena_fini(&arena);
    return list;
}

static const char *state_print(enum node_state state)
{
    switch (state) {
    case NODE_UP:
        return "up";
    case NODE_DRAIN:
        return "drain";
    case NODE_MAINT:
        return "maint";
    case NODE_OFF:
        return "off";
    }
    return "up";
}

json_t *json_view_node(const struct json_scene *scene, uint32_t node)
{
    const struct inventory *inventory = scene->plan->input.layout->inventory;
    const struct overlays *overlays = scene->plan->input.overlays;
    const struct inventory_node *row = &inventory->nodes[node];
    json_t *json = json_object(), *drain = json_null(), *weights = json_array();
    json_t *tags = json_array();
    for (uint32_t i = 0; i < overlays->drain_count; i++) {
        if (!text_equal(overlays->drains[i].node, row->id))
            continue;
        json_decref(drain); /* the newest of several */
        drain = json_view_text(overlays->drains[i].id);
    }
    for (uint32_t i = 0; i < overlays->weight_count; i++) {
        if (text_equal(overlays->weights[i].node, row->id))
            json_array_append_new(weights, json_view_weight(&overlays->weights[i]));
    }
    for (uint32_t i = 0; i < row->tag_count; i++)
        json_array_append_new(tags, json_view_text(row->tags[i]));
    json_object_set_new(json, "id", json_view_text(row->id));
    json_object_set_new(json, "host", json_view_name(row->host));
    json_object_set_new(json, "addresses", addresses(row));
    json_object_set_new(json, "capacity", json_integer(row->capacity));
    json_object_set_new(json, "tier", json_view_text(inventory->tiers[row->tier].id));
    json_object_set_new(json, "site", json_view_text_or_null(row->site));
    json_object_set_new(json, "tags", tags);
    json_object_set_new(json, "state", json_string(state_print(row->state)));
    json_object_set_new(json, "drain", drain);
    json_object_set_new(json, "weights", weights);
    json_object_set_new(json, "effective", effective(scene->plan, node));
    json_object_set_new(json, "index", json_integer((json_int_t)scene->view->index));
    return json;
}

json_t *json_view_digest(const struct digest *digest)
{
    char text[DIGEST_TEXT_SIZE];
    return json_sprintf("sha256:%s", digest_print(digest, text));
}

json_t *json_view_revision(const struct store_revision *revision)
{
    json_t *json = json_object();
    json_object_set_new(json, "revision", json_integer((json_int_t)revision->number));
    json_object_set_new(json, "at", json_view_time(revision->at_ms));
    json_object_set_new(json, "actor", json_view_text(revision->actor));
    json_object_set_new(json, "cause", json_view_text(revision->cause));
    json_object_set_new(json, "inventory_digest", json_view_digest(&revision->inventory_digest));
    json_object_set_new(json, "served_at", json_view_time(revision->served_at_ms));
    return json;
}

json_t *json_view_guard(const struct plan *plan, const struct plan_verdict *verdict)
{
    const char *name = plan_guard_rows[verdict->guard].name;
    json_t *json = json_object();
    json_object_set_new(json, "name", json_string(name));
    /* What the policy says, under the policy's own name. */
    json_object_set_new(json, name, report_quantity_json(verdict->limit, verdict->unit));
    if (verdict->set != PLAN_NO_SET) {
        const struct plan_set *set = &plan->sets[verdict->set];
        json_object_set_new(json, "domain", json_view_name(domain_of(plan, set)));
        json_object_set_new(json, "service", json_view_text(service_of(plan, set)->id));
    }
    if (verdict->tier)
        json_object_set_new(json, "tier", problem_string(text_from(verdict->tier)));
    if (verdict->assertion)
        json_object_set_new(json, "assertion", json_view_text(verdict->assertion->id));
    json_object_set_new(json, "unit", json_string(plan_unit_print(verdict->unit)));
    json_object_set_new(json, "would_be", report_quantity_json(verdict->would_be, verdict->unit));
    json_object_set_new(json, "limit", report_quantity_json(verdict->limit, verdict->unit));
    json_object_set_new(json, "declared", report_quantity_json(verdict->declared, verdict->unit));
    json_object_set_new(json, "message", problem_string(text_from(verdict->message)));
    return json;
}

/* Drains of this very change are not to be ended, they are what is refused. */
static bool is_blocking(const struct plan *plan, const struct plan_verdict *verdict,
                        const struct overlay_drain *drain)
{
    uint32_t node = inventory_find_node(plan->input.layout->inventory, drain->node);
    bool is_inside = false;
    if (node == INVENTORY_NONE || drain->requested_at_ms == plan->input.at_ms)
        return false;
    for (uint32_t i = 0; i < plan->set_count && !is_inside; i++) {
        if (verdict->set != PLAN_NO_SET && verdict->set != i)
            continue;
        const struct plan_member *member = member_find(&plan->sets[i], node);
        is_inside = member && member->hold && member->hold->drain == drain;
    }
    return is_inside;
}

json_t *json_view_blocking(const struct plan *plan, const struct plan_verdict *verdict)
{
    const struct overlays *overlays = plan->input.overlays;
    json_t *list = json_array();
    for (uint32_t i = 0; i < overlays->drain_count; i++) {
        const struct overlay_drain *drain = &overlays->drains[i];
        if (is_blocking(plan, verdict, drain))
            json_array_append_new(
                list, json_sprintf("/api/v1/drains/%.*s", (int)drain->id.len, drain->id.ptr));
    }
    return list;
}

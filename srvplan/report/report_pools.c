/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_pools.h"

#include "zones/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    NODES_SHOWN = 6 /* of one service in one step of the text; the rest is counted */
};

static const struct inventory_service *service_of(const struct plan *plan, uint32_t set)
{
    const struct layout *layout = plan->input.layout;
    return &layout->inventory->services[layout->declared[set].service];
}

static const struct inventory_node *node_of(const struct plan *plan,
                                            const struct plan_member *member)
{
    return &plan->input.layout->inventory->nodes[member->node];
}

/* -- JSON ---------------------------------------------------------------------------------------
 */

/* Adds `value`, which it takes. jansson refuses only without memory. */
static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        abort();
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        abort();
}

static json_t *text_json(struct text text)
{
    return json_stringn(text.ptr, text.len);
}

static json_t *ladder_json(const struct plan *plan, const struct ladder *ladder)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < ladder->step_count; i++) {
        for (uint32_t j = 0; j < ladder->steps[i].count; j++) {
            const struct ladder_record *record = &ladder->steps[i].records[j];
            json_t *object = json_object();
            put(object, "step", json_integer(i));
            put(object, "priority", json_integer(record->member->priority));
            put(object, "service", text_json(service_of(plan, record->set)->id));
            put(object, "node", text_json(node_of(plan, record->member)->id));
            put(object, "weight", json_integer(record->member->weight));
            if (i == 0) {
                struct ladder_share share = ladder_share_of_record(ladder, record);
                put(object, "share",
                    json_sprintf("%llu/%llu", (unsigned long long)share.num,
                                 (unsigned long long)share.den));
            }
            append(array, object);
        }
    }
    return array;
}

static json_t *pool_json(const struct plan *plan, uint32_t index)
{
    const struct layout *layout = plan->input.layout;
    const struct layout_pool *pool = &layout->pools[index];
    struct arena arena = {0};
    json_t *object = json_object(), *services = json_array(), *strategies = json_object();
    for (uint32_t i = 0; i < pool->set_count; i++)
        append(services, text_json(service_of(plan, pool->sets[i])->id));
    for (int merge = 0; merge < SHARE_MERGE_COUNT; merge++) {
        struct ladder ladder =
            ladder_make(plan, index, (enum share_merge)merge, LADDER_PUBLISHED, &arena);
        put(strategies, share_merge_print((enum share_merge)merge), ladder_json(plan, &ladder));
    }
    put(object, "pool", text_json(pool->id));
    put(object, "domain",
        json_string(text_name_print(&arena, layout->inventory->domains[pool->domain].name)));
    put(object, "domains", json_integer(pool->domain_count));
    put(object, "services", services);
    put(object, "strategies", strategies);
    arena_fini(&arena);
    return object;
}

json_t *report_pools_json(const struct plan *plan)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < plan->input.layout->pool_count; i++)
        if (plan->input.layout->pools[i].set_count > 1)
            append(array, pool_json(plan, i));
    return array;
}

/* -- text ---------------------------------------------------------------------------------------
 */

/* "T" and "D" of XEP-0368; of other pools the service's own name. */
static const char *mark_of(const struct inventory_service *service, struct arena *arena)
{
    if (ladder_is_direct_tls(service))
        return "D";
    if (text_starts_with(service->srv, "_xmpp-"))
        return "T";
    return arena_printf(arena, "%.*s", (int)service->id.len, service->id.ptr);
}

/* "9 D xmpp1 xmpp2": records of one priority and service, from `first` on. */
static const char *run_print(const struct plan *plan, const struct ladder_step *step,
                             uint32_t first, uint32_t end, struct arena *arena)
{
    const struct ladder_record *record = &step->records[first];
    const char *text = arena_printf(arena, "%u %s", record->member->priority,
                                    mark_of(service_of(plan, record->set), arena));
    for (uint32_t i = first; i < end && i < first + NODES_SHOWN; i++) {
        struct text id = node_of(plan, step->records[i].member)->id;
        text = arena_printf(arena, "%s %.*s", text, (int)id.len, id.ptr);
    }
    if (end - first > NODES_SHOWN)
        text = arena_printf(arena, "%s and %u more", text, end - first - NODES_SHOWN);
    return text;
}

/* "10 D xmpp1, 10 T xmpp1 > 20 D xmpp2": what is tried in one draw, then what comes after it. */
static const char *ladder_print(const struct plan *plan, const struct ladder *ladder,
                                struct arena *arena)
{
    const char *text = "";
    for (uint32_t i = 0; i < ladder->step_count; i++) {
        const struct ladder_step *step = &ladder->steps[i];
        for (uint32_t first = 0, end; first < step->count; first = end) {
            const struct ladder_record *a = &step->records[first];
            for (end = first; end < step->count && step->records[end].set == a->set &&
                              step->records[end].member->priority == a->member->priority;
                 end++)
                ;
            text = arena_printf(arena, "%s%s%s", text,
                                first ? ", "
                                : i   ? " > "
                                      : "",
                                run_print(plan, step, first, end, arena));
        }
    }
    return ladder->step_count ? text : "nobody";
}

struct view {
    const char *names; /* of the merges that see it */
    struct ladder ladder;
};

/* The different ladders of a pool. */
static uint32_t views_of(const struct plan *plan, uint32_t pool, struct view *views,
                         struct arena *arena)
{
    uint32_t count = 0;
    for (int merge = 0; merge < SHARE_MERGE_COUNT; merge++) {
        const char *name = share_merge_print((enum share_merge)merge);
        struct ladder ladder =
            ladder_make(plan, pool, (enum share_merge)merge, LADDER_PUBLISHED, arena);
        uint32_t at = 0;
        while (at < count && !ladder_equal(&views[at].ladder, &ladder))
            at++;
        if (at == count)
            views[count++] = (struct view){name, ladder};
        else
            views[at].names = arena_printf(arena, "%s, %s", views[at].names, name);
    }
    return count;
}

static void put_pool(FILE *out, const struct plan *plan, uint32_t index, struct report_style style)
{
    const struct layout *layout = plan->input.layout;
    const struct layout_pool *pool = &layout->pools[index];
    struct arena arena = {0};
    struct view views[SHARE_MERGE_COUNT];
    uint32_t count = views_of(plan, index, views, &arena);
    int width = 0;
    const char *domain = text_name_print(&arena, layout->inventory->domains[pool->domain].name);
    fprintf(out, "\n%s%.*s pool %.*s%s", style.colour ? "\033[1m" : "", (int)strlen(domain) - 1,
            domain, (int)pool->id.len, pool->id.ptr, style.colour ? "\033[0m" : "");
    for (uint32_t i = 0; i < pool->set_count; i++) {
        const struct inventory_service *service = service_of(plan, pool->sets[i]);
        const char *mark = mark_of(service, &arena);
        fprintf(out, "%s%.*s", i ? ", " : "   ", (int)service->id.len, service->id.ptr);
        if (!text_is(service->id, mark))
            fprintf(out, " (%s)", mark);
    }
    if (pool->domain_count > 1)
        fprintf(out, "   and %u more domain%s", pool->domain_count - 1,
                pool->domain_count > 2 ? "s" : "");
    fputc('\n', out);
    for (uint32_t i = 0; i < count; i++)
        width = (int)strlen(views[i].names) > width ? (int)strlen(views[i].names) : width;
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, "  %-*s  %s\n", width, views[i].names,
                ladder_print(plan, &views[i].ladder, &arena));
    arena_fini(&arena);
}

void report_pools_text(FILE *out, const struct plan *plan, struct report_style style)
{
    for (uint32_t i = 0; i < plan->input.layout->pool_count; i++)
        if (plan->input.layout->pools[i].set_count > 1)
            put_pool(out, plan, i, style);
}

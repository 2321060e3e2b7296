/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_text.h"

#include "zones/rrtype.h"
#include "zones/text.h"

const char *const *plan_records(const struct content_set *set, struct name apex,
                                struct arena *arena)
{
    const char **records = arena_array(arena, const char *, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        struct bytes rdata = content_rdata(arena, set->type, set->rdata[i], apex);
        records[i] = text_rdata_print(arena, set->type, rdata);
    }
    return records;
}

static const char *kind_of(const struct plan_member *member)
{
    static const char *const holds[] = {
        [PLAN_HOLD_DRAIN] = "drain",
        [PLAN_HOLD_WINDOW] = "window",
        [PLAN_HOLD_STATE] = "state",
    };
    static const char *const weights[] = {
        [PLAN_WEIGHT_SCALE] = "scale",
        [PLAN_WEIGHT_NODE] = "node",
        [PLAN_WEIGHT_OVERLAY] = "overlay",
    };
    return member->hold ? holds[member->hold->kind] : weights[member->weight_reason];
}

/* The drain's or window's, or NULL. */
static const char *id_of(const struct plan_hold *hold, struct arena *arena)
{
    return hold && hold->kind != PLAN_HOLD_STATE ? arena_cstr(arena, hold->id) : NULL;
}

static struct plan_because_list null_because(const struct plan *plan, const struct plan_set *set,
                                             const char *record, struct arena *arena)
{
    const struct layout *layout = plan->input.layout;
    struct text id = layout->inventory->services[layout->declared[set->declared].service].id;
    struct plan_because *item = arena_new(arena, struct plan_because);
    *item = (struct plan_because){
        .record = record,
        .kind = "absent",
        .text = arena_printf(arena, "service %.*s is declared absent", (int)id.len, id.ptr)};
    return (struct plan_because_list){item, 1};
}

struct plan_because_list plan_set_because(const struct plan *plan, const struct plan_set *set,
                                          struct arena *arena)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    const struct content_set *content = &plan->content.sets[set->declared];
    const char *const *records = plan_records(content, name_root, arena);
    if (set->is_null)
        return null_because(plan, set, records[0], arena);
    uint32_t count = 0, record = 0;
    struct plan_because *items =
        arena_array(arena, struct plan_because, (size_t)set->member_count + 1);
    if (set->ttl_hold)
        items[count++] = (struct plan_because){.kind = "ttl",
                                               .id = id_of(set->ttl_hold, arena),
                                               .text = plan_ttl_because(plan, set, arena)};
    for (uint32_t i = 0; i < set->member_count; i++) {
        const struct plan_member *member = &set->members[i];
        items[count++] = (struct plan_because){
            .node = arena_cstr(arena, inventory->nodes[member->node].id),
            .target = text_name_print(arena, inventory->nodes[member->node].host),
            .record = member->absence == PLAN_PRESENT ? records[record++] : NULL,
            .kind = kind_of(member),
            .id = id_of(member->hold, arena),
            .text = plan_member_because(plan, set, member, arena),
        };
    }
    return (struct plan_because_list){items, count};
}

const char *plan_set_owner(const struct layout *layout, uint32_t declared, struct arena *arena)
{
    const struct declared_set *set = &layout->declared[declared];
    struct name owner;
    if (!name_join(arena, layout->inventory->services[set->service].srv_labels,
                   layout->inventory->domains[set->domain].name, &owner))
        return ""; /* layout_build refuses such domains */
    return text_name_print(arena, owner);
}

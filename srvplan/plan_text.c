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
    static const char *const weights[] = {
        [PLAN_WEIGHT_SCALE] = "scale",
        [PLAN_WEIGHT_NODE] = "node",
        [PLAN_WEIGHT_OVERLAY] = "overlay",
    };
    switch (member->absence) {
    case PLAN_DRAINED:
        return "drain";
    case PLAN_STATE:
        return "state";
    case PLAN_PRESENT:
        break;
    }
    return weights[member->weight_reason];
}

struct plan_because_list plan_set_because(const struct plan *plan, const struct plan_set *set,
                                          struct arena *arena)
{
    const struct layout *layout = plan->input.layout;
    const struct content_set *content = &plan->content.sets[set->declared];
    const char *const *records = plan_records(content, name_root, arena);
    uint32_t count = set->is_null ? 1 : set->member_count, record = 0;
    struct plan_because *items = arena_array(arena, struct plan_because, count);
    if (set->is_null) {
        struct text id = layout->inventory->services[layout->declared[set->declared].service].id;
        items[0] = (struct plan_because){
            .record = records[0],
            .kind = "absent",
            .text = arena_printf(arena, "service %.*s is declared absent", (int)id.len, id.ptr)};
        return (struct plan_because_list){items, 1};
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct plan_member *member = &set->members[i];
        items[i] = (struct plan_because){
            .node = arena_cstr(arena, layout->inventory->nodes[member->node].id),
            .target = text_name_print(arena, layout->inventory->nodes[member->node].host),
            .record = member->absence == PLAN_PRESENT ? records[record++] : NULL,
            .kind = kind_of(member),
            .id = member->absence == PLAN_DRAINED ? arena_cstr(arena, member->drain->id) : NULL,
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

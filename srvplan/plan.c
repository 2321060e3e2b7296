/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan.h"

#include "srvplan/plan_build.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    SRV_TARGET_AT = 6
}; /* behind priority, weight and port */

void plan_find(struct plan_work *work, enum finding_severity severity, const char *code,
               const char *message, const char *mend)
{
    if (work->scene && work->scene->is_trial)
        return;
    findings_add(&work->plan->findings, &(struct finding){.severity = severity,
                                                          .code = code,
                                                          .pointer = "",
                                                          .file = "",
                                                          .message = message,
                                                          .mend = mend});
}

/* The plan changes by itself when something begins or ends. */
void plan_note_change(struct plan_work *work, int64_t change_at_ms)
{
    int64_t *next = &work->plan->next_change_at_ms;
    if (change_at_ms > work->plan->input.at_ms && (*next == 0 || change_at_ms < *next))
        *next = change_at_ms;
}

/* Position of a node in its selection, whose nodes ascend. */
static uint32_t selection_position(const struct inventory_selection *selection, uint32_t node)
{
    uint32_t low = 0, high = selection->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (selection->nodes[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The records of the members present, each with the addresses that its zone holds. */
static void render_members(struct plan_work *work, const struct plan_set *set,
                           struct content_set *content)
{
    struct arena *arena = &work->plan->arena;
    const struct declared_set *declared = &work->plan->input.layout->declared[set->declared];
    const struct inventory_selection *selection = &work->inventory->selections[declared->selection];
    struct bytes *rdata = arena_array(arena, struct bytes, set->present_count);
    struct content_additional *additional =
        arena_array(arena, struct content_additional, 2 * (size_t)set->present_count);
    for (uint32_t i = 0; i < set->member_count; i++) {
        const struct plan_member *member = &set->members[i];
        if (member->absence != PLAN_PRESENT)
            continue;
        uint32_t record = content->count++, at = selection_position(selection, member->node);
        rdata[record] = text_rdata_srv(arena, member->priority, member->weight, member->port,
                                       work->inventory->nodes[member->node].host);
        const uint32_t sets[] = {declared->ipv4_sets[at], declared->ipv6_sets[at]};
        for (size_t j = 0; j < COUNT_OF(sets); j++)
            if (sets[j] != CONTENT_NONE)
                additional[content->additional_count++] =
                    (struct content_additional){record, SRV_TARGET_AT, sets[j]};
    }
    content->rdata = rdata;
    content->additional = additional;
}

static void render_set(struct plan_work *work, const struct plan_set *set,
                       struct content_set *content)
{
    struct arena *arena = &work->plan->arena;
    *content = (struct content_set){
        .type = RRTYPE_SRV,
        .section = CONTENT_ANSWER,
        .order = layout_order_of(work->inventory),
        .ttl_s = set->ttl_s,
        .usual_owner_bytes = work->plan->input.layout->declared[set->declared].usual_owner_bytes,
    };
    if (!set->is_null) {
        render_members(work, set, content);
        return;
    }
    struct bytes *rdata = arena_new(arena, struct bytes);
    *rdata = text_rdata_srv(arena, 0, 0, 0, name_root); /* RFC 2782, "Target": not offered here */
    content->rdata = rdata;
    content->count = 1;
}

struct plan_work plan_work_of(struct plan *plan)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    return (struct plan_work){.plan = plan,
                              .inventory = inventory,
                              .overlays = plan->input.overlays,
                              .weights_policy = weights_policy_of(inventory)};
}

/* Who is held at the plan's instant. */
static void set_scene(struct plan_work *work, struct plan_scene *scene)
{
    struct plan *plan = work->plan;
    int64_t at_ms = plan->input.at_ms;
    plan_scene_init(work, scene, &plan->arena, at_ms);
    for (uint32_t i = 0; i < plan->hold_count; i++) {
        const struct plan_hold *hold = &plan->holds[i];
        if (hold->state != TIMELINE_BLOCKED)
            plan_scene_hold(scene, hold, timeline_level_at(&hold->timeline, at_ms),
                            timeline_is_ttl_low(&hold->timeline, at_ms));
    }
    work->scene = scene;
}

struct plan *plan_compute(const struct plan_input *input)
{
    struct plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        abort();
    plan->input = *input;
    const struct layout *layout = input->layout;
    struct plan_work work = plan_work_of(plan);
    struct plan_scene scene;
    plan->set_count = layout->declared_count;
    plan_overlays(&work);
    plan_windows(&work);
    plan->holds = work.holds;
    plan_timeline(&work);
    set_scene(&work, &scene);
    struct plan_set *sets = arena_array(&plan->arena, struct plan_set, layout->declared_count);
    struct content_set *content = arena_array(&plan->arena, struct content_set,
                                              (size_t)layout->declared_count + layout->fixed_count);
    for (uint32_t i = 0; i < layout->declared_count; i++) {
        plan_members(&work, i, &sets[i]);
        render_set(&work, &sets[i], &content[i]);
    }
    if (layout->fixed_count)
        memcpy(content + layout->declared_count, layout->fixed,
               layout->fixed_count * sizeof *content);
    plan->sets = sets;
    plan->content = (struct content_sets){content, layout->declared_count + layout->fixed_count};
    plan_orders(&work);
    plan_guards(&work);
    plan_pending(&work);
    arena_fini(&work.scratch);
    return plan;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    findings_fini(&plan->findings);
    arena_fini(&plan->arena);
    free(plan);
}

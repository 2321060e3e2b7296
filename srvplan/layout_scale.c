/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds what the scale of the policy cannot weigh, so that no plan ever meets it. */
#include "srvplan/layout_build.h"
#include "srvplan/weights.h"

#include <stdlib.h>

struct graded {
    uint16_t priority; /* of the tier */
    uint32_t capacity;
};

static int by_priority(const void *left, const void *right)
{
    const struct graded *a = left, *b = right;
    return (a->priority > b->priority) - (a->priority < b->priority);
}

static uint32_t graded_members(struct layout_work *work, const struct declared_set *declared,
                               struct graded *graded)
{
    const struct inventory *inventory = work->inventory;
    const struct inventory_selection *selection = &inventory->selections[declared->selection];
    uint32_t count = 0;
    for (uint32_t i = 0; i < selection->node_count; i++) {
        const struct inventory_node *node = &inventory->nodes[selection->nodes[i]];
        if (layout_is_member(node, declared->service))
            graded[count++] =
                (struct graded){inventory->tiers[node->tier].priority, node->capacity};
    }
    return count;
}

static void report(struct layout_work *work, const char *message)
{
    findings_add(work->findings,
                 &(struct finding){
                     .severity = FINDING_ERROR,
                     .code = "weights-impossible",
                     .pointer = "/policy/weights",
                     .file = "",
                     .message = message,
                     .mend = "change \"scale\" or \"min\" in policy.weights, or the capacities",
                 });
}

/* One set; what was said of another set already is not said again. */
static void check_set(struct layout_work *work, const struct weights_policy *policy,
                      const struct declared_set *declared, struct intern *said)
{
    struct arena arena = {0};
    uint32_t most = work->inventory->selections[declared->selection].node_count;
    struct graded *graded = arena_array(&arena, struct graded, most);
    uint32_t *capacities = arena_array(&arena, uint32_t, most);
    uint16_t *weights = arena_array(&arena, uint16_t, most);
    uint32_t count = graded_members(work, declared, graded);
    if (count)
        qsort(graded, count, sizeof *graded, by_priority);
    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first; end < count && graded[end].priority == graded[first].priority; end++)
            capacities[end - first] = graded[end].capacity;
        struct error err = {0};
        if (weights_from_capacities(policy, capacities, end - first, weights, &err))
            continue;
        uint32_t known = said->count;
        const char *message = arena_printf(
            &arena, "the nodes of priority %u that offer %.*s: %s", graded[first].priority,
            (int)work->inventory->services[declared->service].id.len,
            work->inventory->services[declared->service].id.ptr, err.message);
        struct text text = text_from(message);
        if (intern_add(said, (struct bytes){(const uint8_t *)text.ptr, text.len}) == known)
            report(work, message);
    }
    arena_fini(&arena);
}

void layout_scale(struct layout_work *work)
{
    struct intern said = intern_over(&work->scratch);
    const struct weights_policy policy = weights_policy_of(work->inventory);
    for (uint32_t i = 0; i < work->layout->declared_count; i++)
        if (!work->inventory->services[work->layout->declared[i].service].is_absent)
            check_set(work, &policy, &work->layout->declared[i], &said);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws of layouts and plans over generated inventories, small ones first. A failure names
 * its seed; SRVPLAN_SEED=0x… runs that one alone, and found seeds become rows of `found`. */
#include "srvplan/intern.h"
#include "srvplan/plan_diff.h"
#include "srvplan/report/report_json.h"
#include "gen_inventory.h"
#include "laws.h"
#include "zones/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char laws_suite[] = "plan_properties";

enum {
    ROUNDS = 1000,
    ROUNDS_PER_SIZE = 50,
    SIZES = 20,
};

/* Seeds that failed once: small steps to a regression. */
static const uint64_t found[] = {
    0xa93, /* two zones with one class and two slots: hosts with equal addresses */
};

static uint32_t size_of(uint64_t seed)
{
    return 1 + (uint32_t)(seed / ROUNDS_PER_SIZE % SIZES);
}

static void try_all(void (*law)(uint64_t seed))
{
    for (size_t i = 0; i < COUNT_OF(found) && !laws_is_rerun(); i++)
        law(found[i]);
    laws_try(ROUNDS, law);
}

struct made {
    struct inventory *inventory;
    struct findings findings;
    struct layout *layout; /* NULL: the inventory has mistakes */
};

static struct made made_of(uint64_t seed)
{
    struct made made = {.inventory = gen_inventory(seed, size_of(seed))};
    made.layout = layout_build(made.inventory, LAYOUT_FOR_ZONES, &made.findings);
    LAW((made.layout == NULL) == (made.findings.errors > 0), seed, "%zu errors",
        made.findings.errors);
    return made;
}

static void made_fini(struct made *made)
{
    layout_free(made->layout);
    findings_fini(&made->findings);
    inventory_free(made->inventory);
}

static struct plan *plan_of(const struct made *made, const struct overlays *overlays)
{
    struct plan_input input = {made->layout, overlays, GEN_NOW_MS};
    return plan_compute(&input);
}

/* -- layouts ------------------------------------------------------------------------------------
 */

static void check_types(const struct layout *layout, const struct content_name *name, uint64_t seed)
{
    if (name->types == CONTENT_NONE) {
        LAW(name->kind == CONTENT_NAME, seed, "only names may be empty");
        return;
    }
    LAW(name->types < layout->names.types_count, seed, "types %u", name->types);
    const struct content_types *types = &layout->names.types[name->types];
    for (uint32_t i = 0; i < types->count; i++) {
        const struct content_type *entry = &types->entries[i];
        LAW(i == 0 || types->entries[i - 1].type < entry->type, seed, "types ascend");
        LAW(entry->set < layout->names.set_count, seed, "set %u", entry->set);
        bool is_declared = entry->set < layout->declared_count;
        LAW(is_declared == (entry->type == RRTYPE_SRV), seed, "set %u is not of its type",
            entry->set);
        LAW(is_declared || layout->fixed[entry->set - layout->declared_count].type == entry->type,
            seed, "set %u has another type", entry->set);
    }
}

/* Every name is in its zone, behind the one before, and its parent is there too. */
static void check_zone(const struct layout *layout, uint32_t index, uint64_t seed)
{
    const struct content_zone *zone = &layout->names.zones[index];
    struct arena arena = {0};
    struct intern seen = intern_over(&arena);
    for (uint32_t i = 0; i < zone->name_count; i++) {
        const struct content_name *name = &layout->names.names[zone->first_name + i];
        LAW(name_is_within(name->owner, zone->apex), seed, "a name outside its zone");
        LAW(i > 0 || name_equal(name->owner, zone->apex), seed, "the apex is not first");
        if (i > 0) {
            int order = name_compare(name[-1].owner, name->owner);
            LAW(order < 0 || (order == 0 && name[-1].kind < name->kind), seed,
                "names out of order");
            struct name parent = name_parent(name->owner);
            LAW(name->kind == CONTENT_GLUE ||
                    intern_find(&seen, (struct bytes){parent.wire, parent.len}) != UINT32_MAX,
                seed, "a name without its parent");
        }
        uint32_t best = inventory_zone_of(layout->inventory, name->owner);
        LAW((name->kind == CONTENT_NAME) == (best == index), seed,
            "a name is served by a zone that is not its longest");
        intern_add(&seen, (struct bytes){name->owner.wire, name->owner.len});
        check_types(layout, name, seed);
    }
    LAW(zone->slot < layout->names.slot_count, seed, "slot %u", zone->slot);
    uint32_t above = index;
    while (zone->parent != CONTENT_NONE && above-- > 0)
        if (name_is_within(zone->apex, layout->names.zones[above].apex))
            break;
    LAW(zone->parent == CONTENT_NONE || zone->parent == above, seed, "parent %u", zone->parent);
    arena_fini(&arena);
}

/* How many owners have each declared set is what the layout says. */
static void check_declared(const struct layout *layout, uint64_t seed)
{
    struct arena arena = {0};
    uint32_t *owners = arena_array(&arena, uint32_t, layout->declared_count);
    for (uint32_t i = 0; i < layout->names.name_count; i++) {
        const struct content_name *name = &layout->names.names[i];
        if (name->types == CONTENT_NONE)
            continue;
        const struct content_types *types = &layout->names.types[name->types];
        for (uint32_t j = 0; j < types->count; j++)
            if (types->entries[j].type == RRTYPE_SRV)
                owners[types->entries[j].set]++;
    }
    for (uint32_t i = 0; i < layout->declared_count; i++) {
        LAW(owners[i] == layout->declared[i].domain_count, seed, "set %u has %u owners", i,
            owners[i]);
        for (uint32_t j = 0; j < i; j++)
            LAW(!digest_equal(&layout->declared[i].key, &layout->declared[j].key), seed,
                "sets %u and %u are one", j, i);
    }
    arena_fini(&arena);
}

static void layouts_are_sound(uint64_t seed)
{
    struct made made = made_of(seed);
    if (made.layout) {
        const struct content_names *names = &made.layout->names;
        uint32_t first = 0;
        for (uint32_t i = 0; i < names->zone_count; i++) {
            LAW(names->zones[i].first_name == first, seed, "zones are not in a row");
            first += names->zones[i].name_count;
            check_zone(made.layout, i, seed);
            for (uint32_t j = 0; j < i; j++)
                LAW((names->zones[i].slot == names->zones[j].slot) ==
                        digest_equal(&made.layout->zone_class[i], &made.layout->zone_class[j]),
                    seed, "zones %u and %u: slot and class disagree", j, i);
        }
        LAW(first == names->name_count, seed, "names beyond the zones");
        check_declared(made.layout, seed);
    }
    made_fini(&made);
}

START_TEST(layouts_are_ordered_closed_and_in_range)
{
    try_all(layouts_are_sound);
}
END_TEST

/* -- plans --------------------------------------------------------------------------------------
 */

static char *dump(const struct plan *plan)
{
    json_t *json = report_plan_json(plan, NULL);
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(json);
    return text;
}

static bool same_content(const struct content_sets *a, const struct content_sets *b)
{
    bool is_same = a->count == b->count;
    for (uint32_t i = 0; is_same && i < a->count; i++) {
        const struct content_set *left = &a->sets[i], *right = &b->sets[i];
        is_same = left->type == right->type && left->ttl_s == right->ttl_s &&
                  left->count == right->count &&
                  left->additional_count == right->additional_count &&
                  left->usual_owner_bytes == right->usual_owner_bytes;
        for (uint32_t j = 0; is_same && j < left->count; j++)
            is_same = bytes_equal(left->rdata[j], right->rdata[j]);
        for (uint32_t j = 0; is_same && j < left->additional_count; j++)
            is_same = left->additional[j].set == right->additional[j].set &&
                      left->additional[j].record == right->additional[j].record;
    }
    return is_same;
}

static void plans_are_the_same_twice(uint64_t seed)
{
    struct made made = made_of(seed), again = made_of(seed);
    LAW((made.layout == NULL) == (again.layout == NULL), seed, "layouts differ");
    if (made.layout) {
        struct overlays overlays = gen_overlays(made.inventory, seed);
        struct plan *plan = plan_of(&made, &overlays), *twin = plan_of(&again, &overlays);
        char *text = dump(plan), *twin_text = dump(twin);
        struct arena arena = {0};
        LAW(same_content(&plan->content, &twin->content), seed, "contents differ");
        LAW(strcmp(text, twin_text) == 0, seed, "%s\n%s", text, twin_text);
        LAW(plan_diff_make(plan, twin, &arena)->change_count == 0, seed, "a difference");
        arena_fini(&arena);
        free(text);
        free(twin_text);
        plan_free(plan);
        plan_free(twin);
    }
    made_fini(&made);
    made_fini(&again);
}

START_TEST(the_same_input_gives_the_same_bytes)
{
    try_all(plans_are_the_same_twice);
}
END_TEST

static uint64_t gcd(uint64_t a, uint64_t b)
{
    return b ? gcd(b, a % b) : a;
}

static void check_shares(const struct plan_set *set, uint64_t seed)
{
    uint64_t num = 0, den = 1;
    for (uint32_t i = 0; i < set->member_count; i++) {
        const struct plan_member *member = &set->members[i];
        LAW(member->share_den > 0 && gcd(member->share_num, member->share_den) == 1, seed,
            "%u/%u is not reduced", member->share_num, member->share_den);
        LAW(member->absence == PLAN_PRESENT || member->share_num == 0, seed, "a share of nobody");
        num = num * member->share_den + member->share_num * den;
        den *= member->share_den;
        uint64_t divisor = gcd(num, den);
        num /= divisor;
        den /= divisor;
    }
    LAW(set->present_count == 0 || (num == 1 && den == 1), seed, "shares sum to %llu/%llu",
        (unsigned long long)num, (unsigned long long)den);
}

/* Σ planned weights of a group that the scale made alone, and every one of them at least 1. */
static void check_group_sums(const struct inventory *inventory, const struct plan_set *set,
                             uint64_t seed)
{
    for (uint32_t first = 0, end; first < set->member_count; first = end) {
        uint64_t sum = 0;
        for (end = first;
             end < set->member_count && set->members[end].priority == set->members[first].priority;
             end++) {
            const struct plan_member *member = &set->members[end];
            if (member->weight_reason == PLAN_WEIGHT_SCALE) {
                LAW(member->planned_weight >= 1, seed, "weight 0 by the scale");
                sum += member->planned_weight;
            }
        }
        LAW(inventory->policy.scale != WEIGHTS_UNIVERSAL || sum <= 65535, seed, "a sum of %llu",
            (unsigned long long)sum);
    }
}

static bool is_refused(const struct plan *plan, uint32_t set, enum plan_guard guard)
{
    for (uint32_t i = 0; i < plan->refusal_count; i++)
        if (plan->refusals[i].set == set && plan->refusals[i].guard == guard)
            return true;
    return false;
}

static void check_set(const struct plan *plan, uint32_t index, uint64_t seed)
{
    const struct plan_set *set = &plan->sets[index];
    const struct content_set *content = &plan->content.sets[index];
    LAW(set->is_null ? content->count == 1 : content->count == set->present_count, seed,
        "%u records", content->count);
    LAW((content->count == 0) == is_refused(plan, index, PLAN_GUARD_NEVER_EMPTY), seed,
        "an empty set that nobody refused, or a refusal of one that is not");
    for (uint32_t i = 0; i < content->additional_count; i++) {
        const struct content_additional *additional = &content->additional[i];
        LAW(additional->set >= plan->set_count && additional->set < plan->content.count, seed,
            "additional set %u", additional->set);
        LAW(additional->record < content->count, seed, "additional of no record");
        uint16_t type = plan->content.sets[additional->set].type;
        LAW(type == RRTYPE_A || type == RRTYPE_AAAA, seed, "additional of type %u", type);
    }
    for (uint32_t i = 1; i < set->member_count; i++) {
        const struct plan_member *member = &set->members[i];
        LAW(member[-1].priority < member->priority ||
                (member[-1].priority == member->priority && member[-1].node < member->node),
            seed, "members out of order");
    }
    check_shares(set, seed);
    check_group_sums(plan->input.layout->inventory, set, seed);
}

static void plans_are_sound(uint64_t seed)
{
    struct made made = made_of(seed);
    if (made.layout) {
        struct overlays overlays = gen_overlays(made.inventory, seed);
        struct plan *plan = plan_of(&made, &overlays);
        LAW(plan->content.count == made.layout->names.set_count, seed, "%u sets",
            plan->content.count);
        for (uint32_t i = 0; i < plan->set_count; i++)
            check_set(plan, i, seed);
        LAW(plan->next_change_at_ms == 0 || plan->next_change_at_ms > GEN_NOW_MS, seed,
            "the next change is past");
        plan_free(plan);
    }
    made_fini(&made);
}

START_TEST(shares_sum_to_one_and_no_set_is_empty_unrefused)
{
    try_all(plans_are_sound);
}
END_TEST

/* -- drains -------------------------------------------------------------------------------------
 */

/* Draining a node takes out its records and changes no other; undraining it restores all. */
static void drains_move_one_node(uint64_t seed)
{
    struct made made = made_of(seed);
    if (made.layout) {
        struct overlays before = gen_overlays(made.inventory, seed), during = before;
        uint32_t node = (uint32_t)(seed % made.inventory->node_count);
        struct overlay_drain *drains = arena_array(&made.inventory->arena, struct overlay_drain,
                                                   (size_t)before.drain_count + 1);
        for (uint32_t i = 0; i < before.drain_count; i++)
            drains[i] = before.drains[i];
        drains[during.drain_count++] =
            (struct overlay_drain){.id = {"dr_z", 4}, .node = made.inventory->nodes[node].id};
        during.drains = drains;
        struct plan *first = plan_of(&made, &before), *drained = plan_of(&made, &during),
                    *restored = plan_of(&made, &before);
        LAW(same_content(&first->content, &restored->content), seed, "not as it was");
        for (uint32_t i = 0; i < drained->set_count; i++) {
            const struct plan_set *was = &first->sets[i], *is = &drained->sets[i];
            LAW(was->member_count == is->member_count, seed, "members come and go");
            for (uint32_t j = 0; j < is->member_count; j++) {
                const struct plan_member *a = &was->members[j], *b = &is->members[j];
                LAW(b->node != node || b->absence == PLAN_DRAINED, seed, "still there");
                LAW(b->node == node || a->absence == b->absence, seed, "another one went");
                LAW(a->node == b->node && a->weight == b->weight && a->priority == b->priority &&
                        a->port == b->port,
                    seed, "another weight");
            }
        }
        plan_free(first);
        plan_free(drained);
        plan_free(restored);
    }
    made_fini(&made);
}

START_TEST(undrain_after_drain_is_identity)
{
    try_all(drains_move_one_node);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, layouts_are_ordered_closed_and_in_range);
    tcase_add_test(tcase, the_same_input_gives_the_same_bytes);
    tcase_add_test(tcase, shares_sum_to_one_and_no_set_is_empty_unrefused);
    tcase_add_test(tcase, undrain_after_drain_is_identity);
}

int main(void)
{
    return laws_main(laws_suite, add);
}

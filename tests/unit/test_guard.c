/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan.h"
#include "make_inventory.h"
#include "srvplan/plan_build.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(string)                                                                               \
    {                                                                                              \
        (string), sizeof(string) - 1                                                               \
    }

enum {
    NOW = 1000000,
    NODES_MAX = 6
};

struct made {
    struct inventory *inventory;
    struct layout *layout;
    struct plan *plan;
};

static struct made made_of(struct inventory *inventory, const struct overlays *overlays)
{
    static const char *const outside[] = {"ns.example.com", NULL};
    struct findings findings = {0};
    struct made made = {.inventory = inventory};
    make_zone(inventory, &(struct make_zone){.apex = "example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    inventory->domains[0].audience = inventory->policy.audience;
    made.layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert_msg(made.layout, "%s", findings.count ? findings.items[0].message : "?");
    findings_fini(&findings);
    made.plan = plan_compute(&(struct plan_input){made.layout, overlays, NOW});
    return made;
}

static void made_fini(struct made *made)
{
    plan_free(made->plan);
    layout_free(made->layout);
    inventory_free(made->inventory);
}

/* "min_nodes 1<2; max_drains 2>1;" */
static const char *refusals_print(const struct plan_verdict *refusals, uint32_t count,
                                  struct arena *arena)
{
    const char *text = "";
    for (uint32_t i = 0; i < count; i++) {
        const struct plan_guard_row *row = &plan_guard_rows[refusals[i].guard];
        text = arena_printf(arena, "%s%s%s %llu%s%llu", text, i ? "; " : "", row->name,
                            (unsigned long long)refusals[i].would_be, row->is_ceiling ? ">" : "<",
                            (unsigned long long)refusals[i].limit);
    }
    return text;
}

/* -- who may go ---------------------------------------------------------------------------------
 */

struct node {
    const char *id;
    uint32_t capacity, tier;
    const char *site;
};

/* 5:3 in front, a stand-by of half the usual size. */
static const struct node small[] = {
    {"xmpp1", 200, 0, "ams"}, {"xmpp2", 120, 0, "fra"}, {"xmpp3", 100, 1, "fra"}, {0}};
static const struct node equal[] = {
    {"a", 100, 0, "ams"}, {"b", 100, 0, "ams"}, {"c", 100, 0, "fra"}, {"d", 100, 0, "fra"}, {0}};
static const struct node twin_tiers[] = {
    {"a1", 100, 0, NULL}, {"a2", 100, 0, NULL}, {"b1", 100, 1, NULL}, {"b2", 100, 1, NULL}, {0}};
static const struct node one[] = {{"only", 100, 0, NULL}, {0}};
static const struct node fine_grained[] = {{"a", 1000000000, 0, NULL}, {"b", 1, 0, NULL}, {0}};

static const uint32_t first_two[] = {0, 1};
static const struct inventory_assertion one_of_two[] = {{TEXT("either"), first_two, 2, 1}};
static const struct inventory_assertion both[] = {{TEXT("both"), first_two, 2, 2}};

/* The set is xmpp-client of example.org; nodes with an 'x' in `out` are drained by dr_NODE. */
static const struct {
    const char *label;
    const struct node *nodes;
    const char *out;
    struct inventory_policy policy;
    const char *refusals;
    const char *message; /* part of the first refusal */
} cases[] = {
    /* clang-format off */
    {"nothing drained", small, "---", {.guard_min_nodes = 1}, "", NULL},
    {"one may stay", small, "xx-", {.guard_min_nodes = 1}, "", NULL},
    {"the last one may not go", small, "xxx", {.guard_min_nodes = 1}, "never_empty 0<1",
     "example.org/xmpp-client would keep 0 of 3 nodes, and at least 1 must stay: put back one of "
     "xmpp1 (drain dr_0), xmpp2 (drain dr_1), xmpp3 (drain dr_2)"},
    {"two must stay", small, "xx-", {.guard_min_nodes = 2}, "min_nodes 1<2",
     "would keep 1 of 3 nodes, and at least 2 must stay: put back one of xmpp1"},
    {"both guards speak", small, "xxx", {.guard_min_nodes = 2},
     "never_empty 0<1; min_nodes 0<2", NULL},
    {"two of three must come back", small, "xxx", {.guard_min_nodes = 2},
     "never_empty 0<1; min_nodes 0<2", NULL},
    {"more than there are: none may go", small, "x--", {.guard_min_nodes = 9}, "min_nodes 2<3",
     "put back xmpp1 (drain dr_0)"},
    {"more than there are, but all are there", small, "---", {.guard_min_nodes = 9}, "", NULL},

    {"capacity: at the limit", small, "-x-", {.guard_min_capacity_ppb = 625000000}, "", NULL},
    {"capacity: a billionth below it", small, "-x-", {.guard_min_capacity_ppb = 625000001},
     "min_capacity 625000000<625000001",
     "would keep 62.5 % of the capacity of tier primary (200 of 320), and at least 62.5000001 % "
     "must stay: put back xmpp2 (drain dr_1), or add 1 of capacity to tier primary"},
    {"capacity: 37.5 % is less than 60 %", small, "x--", {.guard_min_capacity_ppb = 600000000},
     "min_capacity 375000000<600000000",
     "example.org/xmpp-client would keep 37.5 % of the capacity of tier primary (120 of 320), and "
     "at least 60 % must stay: put back xmpp1 (drain dr_0), or add 180 of capacity to tier "
     "primary"},
    {"capacity: the stand-by counts only when it serves", small, "--x",
     {.guard_min_capacity_ppb = RATIO_ONE}, "", NULL},
    {"capacity: a stand-by that is too small does not take over", small, "xx-",
     {.guard_min_capacity_ppb = 350000000}, "min_capacity 312500000<350000000",
     "would keep 31.2 % of the capacity of tier primary (in tier standby 100 of 320), and at least "
     "35 % must stay: put back one of xmpp1 (drain dr_0), xmpp2 (drain dr_1), or add 12 of "
     "capacity to tier standby"},
    {"capacity: one that is as large does", twin_tiers, "xx--",
     {.guard_min_capacity_ppb = RATIO_ONE}, "", NULL},
    {"capacity: half of the first tier is worse than none of it", twin_tiers, "x---",
     {.guard_min_capacity_ppb = 600000000}, "min_capacity 500000000<600000000", NULL},
    {"capacity: the second of the stand-by is enough, one of the first tier is not", twin_tiers, "xxx-",
     {.guard_min_capacity_ppb = 900000000}, "min_capacity 500000000<900000000",
     "put back b1 (drain dr_2), or add 80 of capacity to tier standby"},
    {"capacity: not one alone is enough", equal, "xxx-", {.guard_min_capacity_ppb = 750000000},
     "min_capacity 250000000<750000000",
     "put back 2 nodes: a (drain dr_0), b (drain dr_1), or add 800 of capacity"},
    {"capacity: nobody can add to 100 %", small, "-x-", {.guard_min_capacity_ppb = RATIO_ONE},
     "min_capacity 625000000<1000000000", "must stay: put back xmpp2 (drain dr_1)"},
    {"capacity: one part of a billion and one is missed", fine_grained, "-x",
     {.guard_min_capacity_ppb = RATIO_ONE}, "min_capacity 999999999<1000000000", NULL},
    {"capacity: and allowed", fine_grained, "-x",
     {.guard_min_capacity_ppb = RATIO_ONE - 1}, "", NULL},

    {"drains: as many as may be", small, "x--", {.guard_max_drains = 1}, "", NULL},
    {"drains: one more", small, "xx-", {.guard_max_drains = 1}, "max_drains 2>1",
     "2 nodes would be drained at once, and at most 1 may be: put back one of xmpp1 (drain dr_0), "
     "xmpp2 (drain dr_1)"},

    {"failure: one is left after it", small, "xx-", {.guard_survives_failure = true},
     "survive_one_more_failure 0<1",
     "after one further failure, of xmpp3, example.org/xmpp-client would keep 0 of 3 nodes, and at "
     "least 1 must stay: put back one of xmpp1"},
    {"failure: two are left, so one is after it", small, "x--", {.guard_survives_failure = true},
     "", NULL},
    {"failure: a set of one node cannot survive, and is not refused for it", one, "-",
     {.guard_survives_failure = true}, "", NULL},
    {"failure: capacity holds after it", equal, "x---",
     {.guard_survives_failure = true, .guard_min_capacity_ppb = 500000000}, "", NULL},
    {"failure: capacity does not hold after it", equal, "xx--",
     {.guard_survives_failure = true, .guard_min_capacity_ppb = 500000000},
     "survive_one_more_failure 250000000<500000000",
     "after one further failure, of c, example.org/xmpp-client would keep 25.0 % of the capacity "
     "of tier primary (100 of 400), and at least 50 % must stay: put back one of a"},
    {"failure: not more than the whole survives with", equal, "x---",
     {.guard_survives_failure = true, .guard_min_capacity_ppb = 750000000},
     "survive_one_more_failure 500000000<750000000", NULL},
    {"failure: the stand-by takes over when the first tier is gone", small, "x--",
     {.guard_survives_failure = true, .guard_min_capacity_ppb = 310000000}, "", NULL},
    {"failure: with two sites asked for, one of them is lost", equal, "x---",
     {.guard_survives_failure = true, .guard_min_sites = 2, .guard_min_capacity_ppb = 500000000},
     "survive_one_more_failure 250000000<500000000",
     "after the loss of one site more, fra, example.org/xmpp-client would keep 25.0 %"},

    {"sites: two are left", equal, "x-x-", {.guard_min_sites = 2}, "", NULL},
    {"sites: one is left", equal, "xx--", {.guard_min_sites = 2}, "min_sites 1<2",
     "example.org/xmpp-client would keep nodes in 1 of 2 sites, and at least 2 must stay: put back "
     "one of a (drain dr_0), b (drain dr_1)"},
    {"sites: nodes without a site stand in one", twin_tiers, "x---", {.guard_min_sites = 2}, "",
     NULL},

    {"assertion: one of two is left", small, "x--",
     {.assertions = one_of_two, .assertion_count = 1}, "", NULL},
    {"assertion: none of two is left", small, "xx-",
     {.assertions = one_of_two, .assertion_count = 1}, "assert 0<1",
     "assertion either: 0 of its 2 nodes would be in service, and at least 1 must be: put back one "
     "of xmpp1 (drain dr_0), xmpp2 (drain dr_1)"},
    {"assertion: both must stay", small, "-x-", {.assertions = both, .assertion_count = 1},
     "assert 1<2", "put back xmpp2 (drain dr_1)"},

    {"TTL: at the floor", small, "---", {.guard_min_ttl_s = 300}, "", NULL},
    {"TTL: below it", small, "---", {.guard_min_ttl_s = 301}, "min_ttl 300<301",
     "example.org/xmpp-client would have a TTL of 300 s, and the provider takes no less than 301 "
     "s: raise \"ttl\" of the domain"},
    /* clang-format on */
};

static struct inventory *inventory_of(const struct node *nodes,
                                      const struct inventory_policy *policy)
{
    struct inventory *inventory = make_inventory();
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_tier(inventory, "primary", 10);
    make_tier(inventory, "standby", 20);
    for (uint32_t i = 0; nodes[i].id; i++)
        make_node(inventory, &(struct make_node){.id = nodes[i].id,
                                                 .capacity = nodes[i].capacity,
                                                 .tier = nodes[i].tier,
                                                 .site = nodes[i].site,
                                                 .ipv4 = "192.0.2.1"});
    make_selection_of_all(inventory);
    inventory->policy = *policy;
    inventory->policy.weight_min = 1;
    return inventory;
}

static struct overlays drains_of(struct inventory *inventory, const char *out)
{
    struct overlays overlays = {0};
    struct overlay_drain *drains =
        arena_array(&inventory->arena, struct overlay_drain, inventory->node_count);
    for (uint32_t i = 0; i < inventory->node_count; i++)
        if (out[i] == 'x')
            drains[overlays.drain_count++] =
                (struct overlay_drain){.id = text_from(arena_printf(&inventory->arena, "dr_%u", i)),
                                       .node = inventory->nodes[i].id};
    overlays.drains = drains;
    return overlays;
}

START_TEST(guards_refuse_with_numbers)
{
    struct arena arena = {0};
    struct inventory *inventory = inventory_of(cases[_i].nodes, &cases[_i].policy);
    struct overlays overlays = drains_of(inventory, cases[_i].out);
    struct made made = made_of(inventory, &overlays);
    const char *got = refusals_print(made.plan->refusals, made.plan->refusal_count, &arena);
    ck_assert_msg(strcmp(got, cases[_i].refusals) == 0, "%s: %s", cases[_i].label, got);
    if (cases[_i].message)
        ck_assert_msg(strstr(made.plan->refusals[0].message, cases[_i].message), "%s: %s",
                      cases[_i].label, made.plan->refusals[0].message);
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

START_TEST(a_set_without_any_node_is_refused)
{
    static const bool offers[] = {false, true};
    struct inventory *inventory = make_inventory();
    struct overlays none = {0};
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_service(inventory, "xmpp-server", "_xmpp-server._tcp", 5269, 0);
    make_tier(inventory, "primary", 10);
    make_node(inventory, &(struct make_node){.id = "a", .ipv4 = "192.0.2.1", .offers = offers});
    make_selection_of_all(inventory);
    inventory->policy.guard_min_capacity_ppb = 1;
    inventory->policy.guard_survives_failure = true;
    struct made made = made_of(inventory, &none);
    ck_assert_uint_eq(made.plan->refusal_count, 1);
    ck_assert_int_eq(made.plan->refusals[0].guard, PLAN_GUARD_NEVER_EMPTY);
    ck_assert_ptr_nonnull(strstr(made.plan->refusals[0].message, "has no node at all"));
    made_fini(&made);
}
END_TEST

/* A state in the inventory takes a node out for all guards but max_drains. */
START_TEST(a_state_is_no_drain_and_still_leaves_less)
{
    struct arena arena = {0};
    const struct overlays none = {0};
    struct inventory *inventory = inventory_of(
        equal, &(struct inventory_policy){.guard_max_drains = 1, .guard_min_nodes = 3});
    inventory->nodes[0].state = NODE_DRAIN;
    inventory->nodes[1].state = NODE_MAINT;
    struct made made = made_of(inventory, &none);
    ck_assert_str_eq(refusals_print(made.plan->refusals, made.plan->refusal_count, &arena),
                     "min_nodes 2<3");
    ck_assert_ptr_nonnull(
        strstr(made.plan->refusals[0].message, "put back one of a (state drain), b (state maint)"));
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

START_TEST(a_remedy_says_until_when_a_drain_lasts)
{
    const struct overlay_drain drain = {
        .id = TEXT("dr_9"), .node = TEXT("only"), .until_at_ms = NOW + 1000};
    const struct overlays overlays = {.drains = &drain, .drain_count = 1};
    struct made made =
        made_of(inventory_of(one, &(struct inventory_policy){.guard_min_nodes = 1}), &overlays);
    ck_assert_uint_eq(made.plan->refusal_count, 1);
    ck_assert_ptr_nonnull(strstr(made.plan->refusals[0].message,
                                 "put back only (drain dr_9 until 1970-01-01T00:16:41Z)"));
    made_fini(&made);
}
END_TEST

/* -- what is a refusal already ------------------------------------------------------------------
 */

static const struct inventory_assertion other_assertion[] = {{TEXT("other"), first_two, 2, 1}};
static const struct {
    const char *label;
    struct plan_verdict old, verdict;
    bool is_covered;
} covers[] = {
    /* clang-format off */
    {"the same", {.guard = PLAN_GUARD_MIN_NODES, .would_be = 1},
     {.guard = PLAN_GUARD_MIN_NODES, .would_be = 1}, true},
    {"better", {.guard = PLAN_GUARD_MIN_NODES, .would_be = 1},
     {.guard = PLAN_GUARD_MIN_NODES, .would_be = 2}, true},
    {"worse", {.guard = PLAN_GUARD_MIN_NODES, .would_be = 2},
     {.guard = PLAN_GUARD_MIN_NODES, .would_be = 1}, false},
    {"another guard", {.guard = PLAN_GUARD_MIN_SITES, .would_be = 1},
     {.guard = PLAN_GUARD_MIN_NODES, .would_be = 1}, false},
    {"another unit", {.guard = PLAN_GUARD_SURVIVE, .would_be = 0},
     {.guard = PLAN_GUARD_SURVIVE, .unit = PLAN_UNIT_PPB, .would_be = 1}, false},
    {"of a ceiling, more is worse", {.guard = PLAN_GUARD_MAX_DRAINS, .would_be = 2},
     {.guard = PLAN_GUARD_MAX_DRAINS, .would_be = 3}, false},
    {"of a ceiling, less is better", {.guard = PLAN_GUARD_MAX_DRAINS, .would_be = 3},
     {.guard = PLAN_GUARD_MAX_DRAINS, .would_be = 2}, true},
    {"of one assertion", {.guard = PLAN_GUARD_ASSERTION, .assertion = one_of_two},
     {.guard = PLAN_GUARD_ASSERTION, .assertion = one_of_two}, true},
    {"of another assertion", {.guard = PLAN_GUARD_ASSERTION, .assertion = one_of_two},
     {.guard = PLAN_GUARD_ASSERTION, .assertion = other_assertion}, false},
    /* clang-format on */
};

START_TEST(a_refusal_is_new_when_it_is_another_or_worse)
{
    ck_assert_msg(plan_verdict_covers(&covers[_i].old, &covers[_i].verdict) ==
                      covers[_i].is_covered,
                  "%s", covers[_i].label);
}
END_TEST

/* -- what drains of other modes leave -----------------------------------------------------------
 */

/* Member 0 of `equal` (4 of 100) is still in the set, by a drain. */
static const struct {
    const char *label;
    struct overlay_drain drain;
    const char *refusals;
} modes[] = {
    {"a demoted one is in the answer, and counts no more",
     {.mode = DRAIN_DEMOTE},
     "min_nodes 3<4; min_capacity 750000000<900000000"},
    {"one with weight 0 likewise",
     {.mode = DRAIN_ZERO},
     "min_nodes 3<4; min_capacity 750000000<900000000"},
    {"one that is on its way out likewise",
     {.mode = DRAIN_REMOVE},
     "min_nodes 3<4; min_capacity 750000000<900000000"},
    {"one with a part of its weight counts with that part",
     {.mode = DRAIN_WEIGHT, .to_ppb = 599999999},
     "min_capacity 897500000<900000000"},
    {"and that may be enough", {.mode = DRAIN_WEIGHT, .to_ppb = 600000000}, ""},
};

START_TEST(tentative_sets_are_judged_without_touching_the_plan)
{
    struct arena arena = {0};
    const struct overlays none = {0};
    struct made made = made_of(
        inventory_of(equal, &(struct inventory_policy){.guard_min_nodes = 4,
                                                       .guard_min_capacity_ppb = 900000000}),
        &none);
    const struct plan_work work = {
        .plan = made.plan, .inventory = made.inventory, .overlays = &none};
    struct plan_member members[4];
    struct plan_set set = made.plan->sets[0];
    memcpy(members, set.members, sizeof members);
    const struct plan_hold hold = {.mode = modes[_i].drain.mode,
                                   .to_ppb = modes[_i].drain.to_ppb,
                                   .timeline = {.end_at_ms = TIMELINE_NEVER}};
    members[0].hold = &hold;
    set.members = members;
    struct plan_judgement judgement = plan_guards_judge(&work, &set, &arena);
    const char *got = refusals_print(judgement.refusals, judgement.refusal_count, &arena);
    ck_assert_msg(strcmp(got, modes[_i].refusals) == 0, "%s: %s", modes[_i].label, got);
    ck_assert_uint_eq(made.plan->refusal_count, 0);
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

START_TEST(a_set_of_demoted_nodes_is_not_empty_and_has_nobody)
{
    struct arena arena = {0};
    const struct overlays none = {0};
    static const struct plan_hold demoted = {.mode = DRAIN_DEMOTE,
                                             .timeline = {.end_at_ms = TIMELINE_NEVER}};
    struct made made =
        made_of(inventory_of(one, &(struct inventory_policy){.guard_min_nodes = 1}), &none);
    const struct plan_work work = {
        .plan = made.plan, .inventory = made.inventory, .overlays = &none};
    struct plan_member member = made.plan->sets[0].members[0];
    struct plan_set set = made.plan->sets[0];
    member.hold = &demoted;
    set.members = &member;
    struct plan_judgement judgement = plan_guards_judge(&work, &set, &arena);
    ck_assert_str_eq(refusals_print(judgement.refusals, judgement.refusal_count, &arena),
                     "min_nodes 0<1");
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

/* -- what passes, and what never can ------------------------------------------------------------
 */

static const struct {
    const char *label;
    const char *out;
    struct inventory_policy policy;
    const char *passes; /* messages, but never_empty's */
} passes[] = {
    {"nothing but the default is asked for", "---", {.guard_min_nodes = 1}, ""},
    {"each guard that is asked for",
     "--x",
     {.guard_min_nodes = 2,
      .guard_min_capacity_ppb = 333333333,
      .guard_survives_failure = true,
      .guard_min_sites = 1,
      .guard_min_ttl_s = 60,
      .guard_max_drains = 1,
      .assertions = one_of_two,
      .assertion_count = 1},
     "example.org/xmpp-client keeps 2 of 3 nodes, and at least 2 must stay\n"
     "example.org/xmpp-client keeps 100.0 % of the capacity of tier primary (320 of 320), and at "
     "least 33.3333333 % must stay\n"
     "after one further failure, of xmpp1, example.org/xmpp-client keeps 37.5 % of the capacity of "
     "tier primary (120 of 320), and at least 33.3333333 % must stay\n"
     "example.org/xmpp-client keeps nodes in 2 of 2 sites, and at least 1 must stay\n"
     "example.org/xmpp-client has a TTL of 300 s, and the provider takes no less than 60 s\n"
     "1 node is drained at once, and at most 1 may be\n"
     "assertion either: 2 of its 2 nodes are in service, and at least 1 must be\n"},
    {"one that refuses does not pass", "xx-", {.guard_min_nodes = 2}, ""},
};

START_TEST(a_guard_that_passes_says_how_much_room_is_left)
{
    struct arena arena = {0};
    struct inventory *inventory = inventory_of(small, &passes[_i].policy);
    struct overlays overlays = drains_of(inventory, passes[_i].out);
    struct made made = made_of(inventory, &overlays);
    const char *got = "";
    for (uint32_t i = 0; i < made.plan->pass_count; i++)
        if (made.plan->passes[i].guard != PLAN_GUARD_NEVER_EMPTY)
            got = arena_printf(&arena, "%s%s\n", got, made.plan->passes[i].message);
    ck_assert_msg(strcmp(got, passes[_i].passes) == 0, "%s: %s", passes[_i].label, got);
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

static const struct {
    const char *label;
    const struct node *nodes;
    struct inventory_policy policy;
    const char *message; /* NULL: no finding */
} reaches[] = {
    {"as many nodes as there are", small, {.guard_min_nodes = 3}, NULL},
    {"one more",
     small,
     {.guard_min_nodes = 4},
     "policy.guard.min_nodes asks for 4, and example.org/xmpp-client has 3 with all of its nodes: "
     "there the guard refuses every drain"},
    {"two sites of two", equal, {.guard_min_sites = 2}, NULL},
    {"three sites of two", equal, {.guard_min_sites = 3}, "guard.min_sites asks for 3"},
    {"one node cannot survive a failure",
     one,
     {.guard_survives_failure = true},
     "policy.guard.survive_one_more_failure asks for 1 after one further failure, and "
     "example.org/xmpp-client has 0 with all of its nodes but one"},
    {"75 % of four survive a failure",
     equal,
     {.guard_survives_failure = true, .guard_min_capacity_ppb = 750000000},
     NULL},
    {"76 % do not",
     equal,
     {.guard_survives_failure = true, .guard_min_capacity_ppb = 760000000},
     "asks for 76 % after one further failure, and example.org/xmpp-client has 75.0 % with all"},
};

START_TEST(what_no_set_can_keep_is_a_finding)
{
    const struct overlays none = {0};
    struct made made = made_of(inventory_of(reaches[_i].nodes, &reaches[_i].policy), &none);
    const struct findings *findings = &made.plan->findings;
    ck_assert_msg(findings->count == (reaches[_i].message != NULL), "%s: %zu findings",
                  reaches[_i].label, findings->count);
    ck_assert_uint_eq(made.plan->refusal_count, 0);
    if (reaches[_i].message) {
        ck_assert_str_eq(findings->items[0].code, "guard-out-of-reach");
        ck_assert_msg(strstr(findings->items[0].message, reaches[_i].message), "%s: %s",
                      reaches[_i].label, findings->items[0].message);
    }
    made_fini(&made);
}
END_TEST

/* -- one further failure, by what clients do ----------------------------------------------------
 */

static const struct node four[] = {
    {"a", 110, 0, "ams"}, {"b", 100, 0, "ams"}, {"c", 100, 0, "fra"}, {"d", 100, 0, "fra"}, {0}};

/* Floors by hand: with 3:1:1:1 and d drained, after b fails a gets 3/4 and bears 1/4 over 3/4; with
 * 60 % for a alone and b drained, after c fails a gets 0.6 + 0.4 * 110/210 and bears 110/410 of it.
 */
static const struct {
    const char *label;
    const struct node *nodes;
    int32_t weights[4];   /* by hand; 0: by the scale */
    const char *heaviest; /* whom 60 % run, or NULL */
    const char *out;
    uint32_t min_capacity_ppb, min_sites;
    const char *refusals, *message;
} loads[] = {
    /* clang-format off */
    {"weights by the scale: capacities say it", equal, {0}, NULL, "---x", 400000000, 0, "", NULL},
    {"more weight than capacity: all there", equal, {300, 100, 100, 100}, NULL, "----", 400000000, 0,
     "", NULL},
    {"more weight than capacity: one drained", equal, {300, 100, 100, 100}, NULL, "---x", 400000000,
     0, "survive_one_more_failure 333333333<400000000",
     "after one further failure, of b, example.org/xmpp-client would bear 33.3 % of the load that "
     "tier primary is made for (400), and at least 40 % must be borne: a with a capacity of 100 "
     "gets 75.0 % of the connections: put back d (drain dr_3)"},
    {"more weight than capacity: at the limit", equal, {300, 100, 100, 100}, NULL, "---x", 333333333,
     0, "", NULL},
    {"more weight than capacity, more asked than the whole has: it may not get worse", equal,
     {300, 100, 100, 100}, NULL, "---x", 450000000, 0,
     "survive_one_more_failure 333333333<416666666", NULL},
    {"capacity alone is too little: said once", equal, {300, 100, 100, 100}, NULL, "--xx", 400000000,
     0, "survive_one_more_failure 250000000<400000000", "25.0 % of the capacity of tier primary"},
    {"clients that take the heaviest: all there", four, {0}, "heaviest", "----", 350000000, 0, "",
     NULL},
    {"clients that take the heaviest: one drained", four, {0}, "heaviest", "-x--", 350000000, 0,
     "survive_one_more_failure 331420", "would bear 33.1 % of the load that tier primary is made for "
     "(410), and at least 35 % must be borne: a with a capacity of 110 gets 81.0 % of the "
     "connections, most by heaviest: put back b (drain dr_1)"},
    {"a program counts by its model: libstrophe takes the heaviest", four, {0}, "profanity", "-x--",
     350000000, 0, "survive_one_more_failure 331420", "most by profanity"},
    {"servers say nothing about clients", four, {0}, "mongooseim", "-x--", 350000000, 0, "", NULL},
    {"the loss of a site", equal, {100, 100, 300, 100}, NULL, "-x--", 300000000, 2,
     "survive_one_more_failure 250000000<300000000", "after the loss of one site more, "},
    /* clang-format on */
};

START_TEST(one_more_failure_is_judged_by_shares)
{
    struct arena arena = {0};
    const struct inventory_policy policy = {.guard_survives_failure = true,
                                            .guard_min_capacity_ppb = loads[_i].min_capacity_ppb,
                                            .guard_min_sites = loads[_i].min_sites};
    struct inventory *inventory = inventory_of(loads[_i].nodes, &policy);
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        int32_t *weights = arena_new(&inventory->arena, int32_t);
        *weights = loads[_i].weights[i] ? loads[_i].weights[i] : -1;
        inventory->nodes[i].weights = weights;
    }
    const struct inventory_audience_part part = {
        .model = text_from(loads[_i].heaviest ? loads[_i].heaviest : ""), .part_ppb = 600000000};
    if (loads[_i].heaviest)
        inventory->policy.audience = (struct inventory_audience){&part, 1};
    struct overlays overlays = drains_of(inventory, loads[_i].out);
    struct made made = made_of(inventory, &overlays);
    const char *got = refusals_print(made.plan->refusals, made.plan->refusal_count, &arena);
    ck_assert_msg(strncmp(got, loads[_i].refusals, strlen(loads[_i].refusals)) == 0 &&
                      (got[0] != '\0') == (loads[_i].refusals[0] != '\0'),
                  "%s: %s", loads[_i].label, got);
    if (loads[_i].message)
        ck_assert_msg(strstr(made.plan->refusals[0].message, loads[_i].message), "%s: %s",
                      loads[_i].label, made.plan->refusals[0].message);
    ck_assert_uint_le(made.plan->refusal_count, 1);
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tcase = tcase_create("guard");
    tcase_add_loop_test(tcase, guards_refuse_with_numbers, 0, COUNT_OF(cases));
    tcase_add_test(tcase, a_set_without_any_node_is_refused);
    tcase_add_test(tcase, a_state_is_no_drain_and_still_leaves_less);
    tcase_add_test(tcase, a_remedy_says_until_when_a_drain_lasts);
    tcase_add_loop_test(tcase, a_refusal_is_new_when_it_is_another_or_worse, 0, COUNT_OF(covers));
    tcase_add_loop_test(tcase, tentative_sets_are_judged_without_touching_the_plan, 0,
                        COUNT_OF(modes));
    tcase_add_test(tcase, a_set_of_demoted_nodes_is_not_empty_and_has_nobody);
    tcase_add_loop_test(tcase, a_guard_that_passes_says_how_much_room_is_left, 0, COUNT_OF(passes));
    tcase_add_loop_test(tcase, what_no_set_can_keep_is_a_finding, 0, COUNT_OF(reaches));
    tcase_add_loop_test(tcase, one_more_failure_is_judged_by_shares, 0, COUNT_OF(loads));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

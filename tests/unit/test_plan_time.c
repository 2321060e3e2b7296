/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plan makes of drains and windows as time goes on. */
#include "make_inventory.h"
#include "srvplan/plan_diff.h"
#include "srvplan/report/report_timeline.h"
#include "zones/base/clock.h"
#include "zones/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(string)                                                                               \
    {                                                                                              \
        (string), sizeof(string) - 1                                                               \
    }
#define S(seconds) ((int64_t)(seconds)*1000)

enum {
    NODES = 3
};

/* xmpp1 and xmpp2 with 200 and 120 at priority 10, xmpp3 at 20; TTL 300, drain TTL 60. */
static struct inventory *cluster(void)
{
    struct inventory *inventory = make_inventory();
    inventory->policy.ramp_s = 600;
    inventory->policy.ramp_steps = 4;
    inventory->policy.grace_s = 30;
    inventory->policy.is_lead_auto = true;
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_service(inventory, "xmpps-client", "_xmpps-client._tcp", 5223, 5);
    inventory->services[0].pool = inventory->services[1].pool = text_from("c2s");
    make_tier(inventory, "primary", 10);
    make_tier(inventory, "standby", 20);
    make_node(inventory, &(struct make_node){.id = "xmpp1", .capacity = 200, .ipv4 = "192.0.2.1"});
    make_node(inventory, &(struct make_node){.id = "xmpp2", .capacity = 120, .ipv4 = "192.0.2.2"});
    make_node(inventory, &(struct make_node){.id = "xmpp3", .tier = 1, .ipv4 = "192.0.2.3"});
    make_selection_of_all(inventory);
    make_zone(inventory, &(struct make_zone){.apex = "example.org"});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    return inventory;
}

struct made {
    struct inventory *inventory;
    struct layout *layout;
    struct plan *plan;
    struct arena arena;
};

static struct made made_of(struct inventory *inventory)
{
    struct findings findings = {0};
    struct made made = {.inventory = inventory};
    made.layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert(made.layout);
    findings_fini(&findings);
    return made;
}

static const struct plan *at(struct made *made, const struct overlays *overlays, int64_t at_ms)
{
    plan_free(made->plan);
    made->plan = plan_compute(&(struct plan_input){made->layout, overlays, at_ms});
    return made->plan;
}

static void made_fini(struct made *made)
{
    plan_free(made->plan);
    layout_free(made->layout);
    inventory_free(made->inventory);
    arena_fini(&made->arena);
}

/* "60 10:39680 10:23808 20:65280": the TTL, then priority and weight of each node by id; "-" for
 * one that is out. */
static const char *print(const struct plan *plan, uint32_t index, struct arena *arena)
{
    const struct plan_set *set = &plan->sets[index];
    const char *text = arena_printf(arena, "%u", set->ttl_s);
    for (uint32_t node = 0; node < NODES; node++)
        for (uint32_t i = 0; i < set->member_count; i++) {
            const struct plan_member *member = &set->members[i];
            if (member->node != node)
                continue;
            if (member->absence == PLAN_PRESENT)
                text = arena_printf(arena, "%s %u:%u", text, member->priority, member->weight);
            else
                text = arena_printf(arena, "%s -", text);
        }
    return text;
}

static const char *because(const struct plan *plan, uint32_t node, struct arena *arena)
{
    const struct plan_set *set = &plan->sets[0];
    for (uint32_t i = 0; i < set->member_count; i++)
        if (set->members[i].node == node)
            return plan_member_because(plan, set, &set->members[i], arena);
    return "";
}

static int64_t instant(const char *text)
{
    int64_t at_ms = 0;
    ck_assert_msg(clock_parse(text_from(text), &at_ms), "%s", text);
    return at_ms;
}

/* -- drains -------------------------------------------------------------------------------------
 */

#define DRAIN_OF(drain_id, drain_node, since, ...)                                                 \
    {                                                                                              \
        .id = TEXT(drain_id), .node = TEXT(drain_node), .since_at_ms = S(since),                   \
        .requested_at_ms = S(10000), __VA_ARGS__                                                   \
    }
#define DRAIN(...) DRAIN_OF("dr_1", "xmpp1", 10000, __VA_ARGS__)

static const struct {
    const char *label;
    struct overlay_drain drain;
    int64_t at_s;
    const char *sets;    /* of xmpp-client */
    const char *because; /* of xmpp1; NULL: not looked at */
} moments[] = {
    {"at once: out, the TTL stays", DRAIN(.ramp_s = 0), 10000, "300 - 10:23808 20:65280",
     "drain dr_1"},
    {"with a ramp: first the TTL", DRAIN(.ramp_s = 600, .ramp_steps = 4, .is_lead_auto = true),
     10000, "60 10:39680 10:23808 20:65280", "capacity 200 of 320 at priority 10, scale universal"},
    {"four fifths, in multiples of 256",
     DRAIN(.ramp_s = 600, .ramp_steps = 4, .is_lead_auto = true), 10330,
     "60 10:31744 10:23808 20:65280",
     "capacity 200 of 320 at priority 10, scale universal; 4/5 of that, ramping down: drain dr_1"},
    {"one fifth", DRAIN(.ramp_s = 600, .ramp_steps = 4, .is_lead_auto = true), 10780,
     "60 10:7936 10:23808 20:65280", NULL},
    {"out", DRAIN(.ramp_s = 600, .ramp_steps = 4, .is_lead_auto = true), 10930,
     "60 - 10:23808 20:65280", NULL},
    {"coming back",
     DRAIN(.ramp_s = 600, .ramp_steps = 4, .is_lead_auto = true, .until_at_ms = S(20000)), 20150,
     "60 10:15872 10:23808 20:65280",
     "capacity 200 of 320 at priority 10, scale universal; 2/5 of that, coming back: drain dr_1 "
     "until 1970-01-01T05:33:20Z"},
    {"back, and the TTL with it",
     DRAIN(.ramp_s = 600, .ramp_steps = 4, .is_lead_auto = true, .until_at_ms = S(20000)), 20600,
     "300 10:39680 10:23808 20:65280", "capacity 200 of 320 at priority 10, scale universal"},
    {"demoted: behind all tiers of all services of the pool, and the others keep their weights",
     DRAIN(.mode = DRAIN_DEMOTE), 10000, "300 26:39680 10:23808 20:65280",
     "capacity 200 of 320 at priority 10, scale universal; behind all tiers, as the last resort: "
     "drain dr_1"},
    {"to a part of its weight", DRAIN(.mode = DRAIN_WEIGHT, .to_ppb = 500000000), 10000,
     "300 10:19968 10:23808 20:65280",
     "capacity 200 of 320 at priority 10, scale universal; 1/2 of that: drain dr_1"},
    {"a ramp to a part of the weight stays above it: 1/2 + 1/2 * 4/5",
     DRAIN(.mode = DRAIN_WEIGHT, .to_ppb = 500000000, .ramp_s = 600, .ramp_steps = 4,
           .is_lead_auto = true),
     10330, "60 10:35840 10:23808 20:65280", NULL},
    {"a part too small is a weight still", DRAIN(.mode = DRAIN_WEIGHT, .to_ppb = 1), 10000,
     "300 10:256 10:23808 20:65280", NULL},
    {"weight 0", DRAIN(.mode = DRAIN_ZERO), 10000, "300 10:0 10:23808 20:65280",
     "capacity 200 of 320 at priority 10, scale universal; 0/1 of that: drain dr_1"},
    {"a ramp to weight 0 ends there",
     DRAIN(.mode = DRAIN_ZERO, .ramp_s = 600, .ramp_steps = 4, .is_lead_auto = true), 10929,
     "60 10:7936 10:23808 20:65280", NULL},
    {"a start to come lowers the TTL before it",
     DRAIN_OF("dr_1", "xmpp1", 20000, .is_lead_auto = true), 19670, "60 10:39680 10:23808 20:65280",
     NULL},
    {"and not earlier", DRAIN_OF("dr_1", "xmpp1", 20000, .is_lead_auto = true), 19669,
     "300 10:39680 10:23808 20:65280", NULL},
    {"of another service: nothing here",
     DRAIN(.services = (const struct text[]){TEXT("xmpps-client")}, .service_count = 1), 10000,
     "300 10:39680 10:23808 20:65280", NULL},
};

START_TEST(a_drain_makes_this_of_a_set_at_this_instant)
{
    struct made made = made_of(cluster());
    struct overlays overlays = {.drains = &moments[_i].drain, .drain_count = 1};
    const struct plan *plan = at(&made, &overlays, S(moments[_i].at_s));
    const char *sets = print(plan, 0, &made.arena), *why = because(plan, 0, &made.arena);
    ck_assert_msg(strcmp(sets, moments[_i].sets) == 0, "%s: %s", moments[_i].label, sets);
    ck_assert_msg(!moments[_i].because || strcmp(why, moments[_i].because) == 0, "%s: %s",
                  moments[_i].label, why);
    made_fini(&made);
}
END_TEST

START_TEST(a_ramp_never_makes_a_weight_zero)
{
    struct inventory *inventory = cluster();
    int32_t weights[] = {3, 3}, zero[] = {0, 0};
    inventory->nodes[0].weights = weights;
    inventory->nodes[1].weights = zero;
    struct made made = made_of(inventory);
    struct overlay_drain drains[] = {
        DRAIN(.ramp_s = 1000, .ramp_steps = 9),
        DRAIN_OF("dr_2", "xmpp2", 10000, .ramp_s = 1000, .ramp_steps = 9)};
    struct overlays overlays = {.drains = drains, .drain_count = 2};
    ck_assert_str_eq(print(at(&made, &overlays, S(10999)), 0, &made.arena),
                     "300 10:1 10:0 20:65280");
    made_fini(&made);
}
END_TEST

START_TEST(the_strongest_of_several_holds_counts)
{
    struct made made = made_of(cluster());
    struct overlay_drain drains[] = {
        DRAIN_OF("dr_1", "xmpp1", 10000, .mode = DRAIN_WEIGHT, .to_ppb = 500000000),
        DRAIN_OF("dr_2", "xmpp1", 10000, .mode = DRAIN_WEIGHT, .to_ppb = 250000000),
        DRAIN_OF("dr_3", "xmpp1", 10000, .mode = DRAIN_ZERO),
        DRAIN_OF("dr_4", "xmpp1", 10000, .mode = DRAIN_DEMOTE),
        DRAIN_OF("dr_5", "xmpp1", 10000, .mode = DRAIN_REMOVE),
    };
    static const char *const expected[] = {
        "300 10:19968 10:23808 20:65280", "300 10:9984 10:23808 20:65280",
        "300 10:0 10:23808 20:65280", "300 26:39680 10:23808 20:65280", "300 - 10:23808 20:65280"};
    for (uint32_t i = 0; i < COUNT_OF(drains); i++) {
        struct overlays overlays = {.drains = drains, .drain_count = i + 1};
        const char *sets = print(at(&made, &overlays, S(10000)), 0, &made.arena);
        ck_assert_msg(strcmp(sets, expected[i]) == 0, "%u drains: %s", i + 1, sets);
    }
    made_fini(&made);
}
END_TEST

START_TEST(a_state_of_the_inventory_goes_by_the_policys_mode)
{
    static const struct {
        enum node_state state;
        enum drain_mode mode;
        const char *sets;
    } rows[] = {
        {NODE_DRAIN, DRAIN_REMOVE, "300 - 10:23808 20:65280"},
        {NODE_DRAIN, DRAIN_DEMOTE, "300 26:39680 10:23808 20:65280"},
        {NODE_DRAIN, DRAIN_WEIGHT, "300 10:9984 10:23808 20:65280"},
        {NODE_DRAIN, DRAIN_ZERO, "300 10:0 10:23808 20:65280"},
        {NODE_MAINT, DRAIN_DEMOTE, "300 - 10:23808 20:65280"},
    };
    static const struct overlays none = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct inventory *inventory = cluster();
        inventory->nodes[0].state = rows[i].state;
        inventory->policy.drain_mode = rows[i].mode;
        inventory->policy.drain_to_ppb = 250000000;
        struct made made = made_of(inventory);
        ck_assert_str_eq(print(at(&made, &none, S(1)), 0, &made.arena), rows[i].sets);
        made_fini(&made);
    }
}
END_TEST

START_TEST(a_ttl_stays_low_while_any_member_needs_it)
{
    struct made made = made_of(cluster());
    struct overlay_drain drains[] = {
        DRAIN(.ramp_s = 600, .ramp_steps = 4, .is_lead_auto = true, .until_at_ms = S(20000)),
        DRAIN_OF("dr_2", "xmpp2", 20930, .is_lead_auto = true, .until_at_ms = S(21000)),
    };
    struct overlays overlays = {.drains = drains, .drain_count = 2};
    /* dr_1 is whole at 20600; dr_2 lowers from 20600 on. */
    ck_assert_uint_eq(at(&made, &overlays, S(20600) - 1)->sets[0].ttl_s, 60);
    ck_assert_uint_eq(at(&made, &overlays, S(20600))->sets[0].ttl_s, 60);
    ck_assert_str_eq(plan_ttl_because(made.plan, &made.plan->sets[0], &made.arena),
                     "TTL 60 instead of 300 until 1970-01-01T05:50:00Z, for xmpp2: drain dr_2 "
                     "until 1970-01-01T05:50:00Z");
    ck_assert_uint_eq(at(&made, &overlays, S(20999))->sets[0].ttl_s, 60);
    ck_assert_uint_eq(at(&made, &overlays, S(21000))->sets[0].ttl_s, 300);
    ck_assert(!plan_ttl_because(made.plan, &made.plan->sets[0], &made.arena));
    made_fini(&made);
}
END_TEST

START_TEST(what_a_guard_will_refuse_is_known_before_the_ramp)
{
    struct inventory *inventory = cluster();
    inventory->policy.guard_min_nodes = 3;
    struct made made = made_of(inventory);
    struct overlay_drain drain = DRAIN(.ramp_s = 600, .ramp_steps = 4, .is_lead_auto = true);
    struct overlays overlays = {.drains = &drain, .drain_count = 1};
    const struct plan *plan = at(&made, &overlays, S(10000));
    ck_assert_uint_eq(plan->refusal_count, 0);
    ck_assert_uint_gt(plan->pending_count, 0);
    ck_assert_msg(strstr(plan->pending[0].message, "would keep 2 of 3 nodes"), "%s",
                  plan->pending[0].message);
    plan = at(&made, &overlays, S(10330));
    ck_assert_uint_eq(plan->pending_count, 0);
    ck_assert_uint_gt(plan->refusal_count, 0);
    made_fini(&made);
}
END_TEST

/* -- windows ------------------------------------------------------------------------------------
 */

static struct inventory *weekly(void)
{
    struct inventory *inventory = cluster();
    static const uint32_t nodes[] = {0, 1};
    make_window(inventory, &(struct make_window){.id = "weekly-ams",
                                                 .nodes = nodes,
                                                 .node_count = 2,
                                                 .start = "2026-12-06T02:00",
                                                 .duration_s = 7200,
                                                 .timezone = "Europe/Amsterdam",
                                                 .rrule = "FREQ=WEEKLY;BYDAY=SU",
                                                 .is_serial = true,
                                                 .comment = "kernel updates"});
    return inventory;
}

static const struct {
    const char *at, *sets;
} nights[] = {
    {"2026-12-06T00:42:59.999Z", "300 10:39680 10:23808 20:65280"},
    {"2026-12-06T00:43:00Z", "60 10:39680 10:23808 20:65280"},
    {"2026-12-06T00:48:30Z", "60 10:31744 10:23808 20:65280"},
    {"2026-12-06T00:58:30Z", "60 - 10:23808 20:65280"},
    {"2026-12-06T02:59:59.999Z", "60 - 10:23808 20:65280"},
    {"2026-12-06T03:00:00Z", "60 10:7936 10:23808 20:65280"},
    {"2026-12-06T03:10:00Z", "60 10:39680 10:23808 20:65280"},
    {"2026-12-06T03:11:30Z", "60 10:39680 10:18944 20:65280"},
    {"2026-12-06T03:21:30Z", "60 10:39680 - 20:65280"},
    {"2026-12-06T05:23:00Z", "60 10:39680 10:4864 20:65280"},
    {"2026-12-06T05:32:59.999Z", "60 10:39680 10:18944 20:65280"},
    {"2026-12-06T05:33:00Z", "300 10:39680 10:23808 20:65280"},
    {"2026-12-13T00:43:00Z", "60 10:39680 10:23808 20:65280"},
    /* summer time from 2027-03-28: two o'clock is three that night, and then an hour earlier */
    {"2027-03-28T00:58:29.999Z", "60 10:7936 10:23808 20:65280"},
    {"2027-03-28T00:58:30Z", "60 - 10:23808 20:65280"},
    {"2027-04-03T23:58:30Z", "60 - 10:23808 20:65280"},
};

START_TEST(a_serial_window_takes_its_nodes_one_after_another)
{
    static const struct overlays none = {0};
    struct made made = made_of(weekly());
    const struct plan *plan = at(&made, &none, instant(nights[_i].at));
    const char *sets = print(plan, 0, &made.arena);
    ck_assert_msg(strcmp(sets, nights[_i].sets) == 0, "%s: %s", nights[_i].at, sets);
    ck_assert_uint_eq(plan->refusal_count, 0);
    made_fini(&made);
}
END_TEST

/* Read by eye against the example of the REST page: 02:00 local, first change 01:43. */
static const char timeline[] =
    "\nWhat comes\n"
    "  2026-12-06T00:43:00Z  xmpp1: TTL 60 in 2 sets (window weekly-ams)\n"
    "  2026-12-06T00:48:30Z  xmpp1: 4/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T00:51:00Z  xmpp1: 3/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T00:53:30Z  xmpp1: 2/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T00:56:00Z  xmpp1: 1/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T00:58:30Z  xmpp1: withdrawn (window weekly-ams)\n"
    "  2026-12-06T00:59:31Z  xmpp1: clear: no correct cache names it (expected) (window "
    "weekly-ams)\n"
    "  2026-12-06T01:00:00Z  xmpp1: the window opens (window weekly-ams)\n"
    "  2026-12-06T03:00:00Z  xmpp1: coming back, 1/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T03:02:30Z  xmpp1: 2/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T03:05:00Z  xmpp1: 3/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T03:06:00Z  xmpp2: TTL 60 in 2 sets (window weekly-ams)\n"
    "  2026-12-06T03:07:30Z  xmpp1: 4/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T03:10:00Z  xmpp1: whole again (window weekly-ams)\n"
    "  2026-12-06T03:11:30Z  xmpp2: 4/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T03:14:00Z  xmpp2: 3/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T03:16:30Z  xmpp2: 2/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T03:19:00Z  xmpp2: 1/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T03:21:30Z  xmpp2: withdrawn (window weekly-ams)\n"
    "  2026-12-06T03:22:31Z  xmpp2: clear: no correct cache names it (expected) (window "
    "weekly-ams)\n"
    "  2026-12-06T03:23:00Z  xmpp2: the window opens (window weekly-ams)\n"
    "  2026-12-06T05:23:00Z  xmpp2: coming back, 1/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T05:25:30Z  xmpp2: 2/5 of its weight (window weekly-ams)\n"
    "  2026-12-06T05:28:00Z  xmpp2: 3/5 of its weight (window weekly-ams)\n"
    "  and 2 more\n";

START_TEST(a_windows_timeline_is_this)
{
    static const struct overlays none = {0};
    struct made made = made_of(weekly());
    const struct plan *plan = at(&made, &none, instant("2026-12-01T00:00:00Z"));
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    report_timeline_text(out, plan, (struct report_style){0});
    fclose(out);
    ck_assert_msg(strcmp(text, timeline) == 0, "got\n%s", text);
    free(text);
    ck_assert_int_eq(plan->next_change_at_ms, instant("2026-12-06T00:43:00Z"));

    json_t *windows = report_windows_json(plan);
    char *json = json_dumps(windows, JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(
        json,
        "[{\"blocked\":null,\"first_change\":\"2026-12-06T00:43:00Z\",\"last_change\":\"2026-12-"
        "06T05:33:00Z\",\"opens\":\"2026-12-06T01:00:00Z\",\"state\":\"scheduled\",\"turns\":[{"
        "\"ends\":\"2026-12-06T03:00:00Z\",\"node\":\"xmpp1\",\"opens\":\"2026-12-06T01:00:00Z\","
        "\"ramp\":\"2026-12-06T00:48:30Z\",\"restored\":\"2026-12-06T03:10:00Z\",\"state\":"
        "\"scheduled\",\"ttl_lowered\":\"2026-12-06T00:43:00Z\",\"withdrawn\":\"2026-12-06T00:58:"
        "30Z\"},{\"ends\":\"2026-12-06T05:23:00Z\",\"node\":\"xmpp2\",\"opens\":\"2026-12-06T03:"
        "23:00Z\",\"ramp\":\"2026-12-06T03:11:30Z\",\"restored\":\"2026-12-06T05:33:00Z\","
        "\"state\":\"scheduled\",\"ttl_lowered\":\"2026-12-06T03:06:00Z\",\"withdrawn\":\"2026-"
        "12-06T03:21:30Z\"}],\"window\":\"weekly-ams\"}]");
    free(json);
    json_decref(windows);
    json_t *events = report_events_json(plan);
    json_t *first = json_array_get(events, 0);
    json = json_dumps(first, JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(json, "{\"at\":\"2026-12-06T00:43:00Z\",\"event\":\"ttl_lowered\",\"node\":"
                           "\"xmpp1\",\"sets\":2,\"ttl\":60,\"window\":\"weekly-ams\"}");
    free(json);
    json_decref(events);
    made_fini(&made);
}
END_TEST

/* The window asks to have xmpp1 and xmpp2 out at once, from 02:00 to 03:00 UTC. */
static struct inventory *both(uint32_t min_nodes)
{
    static const uint32_t nodes[] = {0, 1};
    struct inventory *inventory = cluster();
    inventory->policy.guard_min_nodes = min_nodes;
    make_window(inventory, &(struct make_window){.id = "both",
                                                 .nodes = nodes,
                                                 .node_count = 2,
                                                 .start = "2026-12-06T02:00",
                                                 .duration_s = 3600,
                                                 .rrule = "FREQ=DAILY"});
    return inventory;
}

static const char *blocked(const struct plan *plan, struct arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < plan->findings.count; i++)
        if (strcmp(plan->findings.items[i].code, "window-blocked") == 0)
            text = arena_printf(arena, "%s%s\n", text, plan->findings.items[i].message);
    return text;
}

START_TEST(an_occurrence_that_a_guard_forbids_is_blocked_as_a_whole)
{
    static const struct overlays none = {0};
    struct made made = made_of(both(2));
    const struct plan *plan = at(&made, &none, instant("2026-12-06T02:30:00Z"));
    ck_assert_str_eq(print(plan, 0, &made.arena), "300 10:39680 10:23808 20:65280");
    ck_assert_uint_eq(plan->refusal_count, 0);
    ck_assert_uint_eq(plan->occurrence_count, 2);
    ck_assert(plan->occurrences[0].is_blocked);
    ck_assert_int_eq(plan->holds[0].state, TIMELINE_BLOCKED);
    ck_assert_str_eq(
        blocked(plan, &made.arena),
        "window both of 2026-12-06T02:00:00Z is blocked, its nodes stay; guard min_nodes: "
        "example.org/xmpp-client would keep 1 of 3 nodes, and at least 2 must stay: put back one "
        "of xmpp1 (window both until 2026-12-06T03:00:00Z), xmpp2 (window both until "
        "2026-12-06T03:00:00Z)\n"
        "window both of 2026-12-07T02:00:00Z is blocked, its nodes stay; guard min_nodes: "
        "example.org/xmpp-client would keep 1 of 3 nodes, and at least 2 must stay: put back one "
        "of xmpp1 (window both until 2026-12-07T03:00:00Z), xmpp2 (window both until "
        "2026-12-07T03:00:00Z)\n");
    /* Its end is a change: then it is no longer blocked, it is over. */
    ck_assert_int_eq(plan->next_change_at_ms, instant("2026-12-06T03:10:00Z"));
    made_fini(&made);
}
END_TEST

START_TEST(a_drain_blocks_a_window_that_begins_after_it_and_none_before)
{
    static const struct {
        const char *label, *requested, *until, *at;
        bool is_blocked;
        uint32_t refusals;
    } rows[] = {
        {"before the span begins", "2026-12-06T01:42:59Z", NULL, "2026-12-06T02:30:00Z", true, 0},
        {"as it begins", "2026-12-06T01:43:00Z", NULL, "2026-12-06T02:30:00Z", true, 0},
        {"afterwards: the window has come first, the drain is refused", "2026-12-06T01:43:01Z",
         NULL, "2026-12-06T02:30:00Z", false, 1},
        {"over before the first step", "2026-12-06T01:00:00Z", "2026-12-06T01:48:30Z",
         "2026-12-06T02:30:00Z", false, 0},
        {"over with the first step", "2026-12-06T01:00:00Z", "2026-12-06T01:48:30.001Z",
         "2026-12-06T02:30:00Z", true, 0},
        {"the same when it is over", "2026-12-06T01:00:00Z", "2026-12-06T02:10:00Z",
         "2026-12-06T02:30:00Z", true, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct made made = made_of(both(1));
        struct overlay_drain drain = {
            .id = TEXT("dr_1"), .node = TEXT("xmpp3"), .since_at_ms = instant(rows[i].requested)};
        drain.requested_at_ms = drain.since_at_ms;
        if (rows[i].until)
            drain.until_at_ms = instant(rows[i].until);
        struct overlays overlays = {.drains = &drain, .drain_count = 1};
        const struct plan *plan = at(&made, &overlays, instant(rows[i].at));
        ck_assert_msg(plan->occurrences[0].is_blocked == rows[i].is_blocked, "%s: %s",
                      rows[i].label, blocked(plan, &made.arena));
        ck_assert_msg((plan->refusal_count > 0) == (rows[i].refusals > 0), "%s: %u", rows[i].label,
                      plan->refusal_count);
        made_fini(&made);
    }
}
END_TEST

/* Of three windows in a row that overlap, the first takes xmpp1, so the second may not have xmpp2;
 * the third may have xmpp3, for the second is not there. */
START_TEST(the_first_of_windows_that_overlap_comes_first)
{
    static const struct overlays none = {0};
    static const uint32_t nodes[] = {0, 1, 2};
    static const char *const ids[] = {"c-first", "b-second", "a-third"};
    static const char *const starts[] = {"2026-12-06T02:00", "2026-12-06T02:30",
                                         "2026-12-06T03:20"};
    static const bool is_blocked[] = {false, true, false};
    struct inventory *inventory = cluster();
    inventory->policy.guard_min_nodes = 2;
    for (int i = 2; i >= 0; i--) /* by id */
        make_window(inventory, &(struct make_window){.id = ids[i],
                                                     .nodes = &nodes[i],
                                                     .node_count = 1,
                                                     .start = starts[i],
                                                     .duration_s = 3000});
    struct made made = made_of(inventory);
    static const char *const instants[] = {"2026-12-01T00:00:00Z", "2026-12-06T02:20:00Z",
                                           "2026-12-06T03:15:00Z", "2026-12-06T03:45:00Z"};
    for (size_t i = 0; i < COUNT_OF(instants); i++) {
        const struct plan *plan = at(&made, &none, instant(instants[i]));
        ck_assert_uint_eq(plan->refusal_count, 0);
        for (uint32_t j = 0; j < plan->occurrence_count; j++) {
            const struct plan_occurrence *occurrence = &plan->occurrences[j];
            uint32_t which = 2 - occurrence->window;
            ck_assert_msg(occurrence->is_blocked == is_blocked[which], "%s at %s: %s", ids[which],
                          instants[i], blocked(plan, &made.arena));
        }
    }
    made_fini(&made);
}
END_TEST

START_TEST(a_window_that_overlaps_itself_is_said_to)
{
    static const struct overlays none = {0};
    static const uint32_t node = 0;
    struct inventory *inventory = cluster();
    make_window(inventory, &(struct make_window){.id = "long",
                                                 .nodes = &node,
                                                 .node_count = 1,
                                                 .start = "2026-12-06T02:00",
                                                 .duration_s = 86400,
                                                 .rrule = "FREQ=DAILY;COUNT=90"});
    struct made made = made_of(inventory);
    /* In December, and when the cluster has gone on for longer than a walk goes back. */
    static const char *const instants[] = {"2026-12-07T12:00:00Z", "2027-03-01T12:00:00Z"};
    for (size_t i = 0; i < COUNT_OF(instants); i++) {
        const struct plan *plan = at(&made, &none, instant(instants[i]));
        bool is_said = false;
        for (size_t j = 0; j < plan->findings.count; j++)
            is_said |= strcmp(plan->findings.items[j].code, "window-overlap") == 0;
        ck_assert(is_said);
        ck_assert_str_eq(print(plan, 0, &made.arena), "60 - 10:23808 20:65280");
        ck_assert_uint_eq(plan->refusal_count, 0);
    }
    made_fini(&made);
}
END_TEST

/* From 01:00 to 05:00 on the wall: an hour shorter in March, an hour longer in October. */
START_TEST(a_window_with_an_end_follows_the_clock_on_the_wall)
{
    static const struct overlays none = {0};
    static const uint32_t node = 0;
    struct inventory *inventory = cluster();
    inventory->policy.ramp_s = 0;
    make_window(inventory, &(struct make_window){.id = "night",
                                                 .nodes = &node,
                                                 .node_count = 1,
                                                 .start = "2026-10-04T01:00",
                                                 .duration_s = 4 * 3600,
                                                 .has_end = true,
                                                 .timezone = "Europe/Amsterdam",
                                                 .rrule = "FREQ=WEEKLY;BYDAY=SU"});
    struct made made = made_of(inventory);
    static const struct {
        const char *opens, *ends;
    } rows[] = {{"2026-10-17T23:00:00Z", "2026-10-18T03:00:00Z"},
                {"2026-10-24T23:00:00Z", "2026-10-25T04:00:00Z"},
                {"2027-03-28T00:00:00Z", "2027-03-28T03:00:00Z"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct plan *plan = at(&made, &none, instant(rows[i].opens));
        ck_assert_int_eq(plan->occurrences[0].opens_at_ms, instant(rows[i].opens));
        ck_assert_int_eq(plan->next_change_at_ms, instant(rows[i].ends));
        ck_assert_str_eq(print(at(&made, &none, instant(rows[i].ends) - 1), 0, &made.arena),
                         "60 - 10:23808 20:65280");
        ck_assert_str_eq(print(at(&made, &none, instant(rows[i].ends)), 0, &made.arena),
                         "300 10:39680 10:23808 20:65280");
    }
    made_fini(&made);
}
END_TEST

START_TEST(a_lowered_ttl_is_a_change_with_its_reason)
{
    static const struct overlays none = {0};
    struct made made = made_of(weekly());
    struct plan *before =
        plan_compute(&(struct plan_input){made.layout, &none, instant("2026-12-06T00:42:00Z")});
    const struct plan *after = at(&made, &none, instant("2026-12-06T00:43:00Z"));
    const struct plan_diff *diff = plan_diff_make(before, after, &made.arena);
    ck_assert_uint_eq(diff->change_count, 2);
    ck_assert_str_eq(plan_change_print(&diff->changes[0], &made.arena), "TTL 300 -> 60");
    ck_assert_uint_eq(diff->changes[0].because.count, 1);
    ck_assert_str_eq(diff->changes[0].because.items[0].kind, "ttl");
    ck_assert_str_eq(diff->changes[0].because.items[0].id, "weekly-ams");
    plan_free(before);
    made_fini(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan_time");
    TCase *tcase = tcase_create("plan_time");
    tcase_add_loop_test(tcase, a_drain_makes_this_of_a_set_at_this_instant, 0, COUNT_OF(moments));
    tcase_add_test(tcase, a_ramp_never_makes_a_weight_zero);
    tcase_add_test(tcase, the_strongest_of_several_holds_counts);
    tcase_add_test(tcase, a_state_of_the_inventory_goes_by_the_policys_mode);
    tcase_add_test(tcase, a_ttl_stays_low_while_any_member_needs_it);
    tcase_add_test(tcase, what_a_guard_will_refuse_is_known_before_the_ramp);
    tcase_add_loop_test(tcase, a_serial_window_takes_its_nodes_one_after_another, 0,
                        COUNT_OF(nights));
    tcase_add_test(tcase, a_windows_timeline_is_this);
    tcase_add_test(tcase, an_occurrence_that_a_guard_forbids_is_blocked_as_a_whole);
    tcase_add_test(tcase, a_drain_blocks_a_window_that_begins_after_it_and_none_before);
    tcase_add_test(tcase, the_first_of_windows_that_overlap_comes_first);
    tcase_add_test(tcase, a_window_that_overlaps_itself_is_said_to);
    tcase_add_test(tcase, a_window_with_an_end_follows_the_clock_on_the_wall);
    tcase_add_test(tcase, a_lowered_ttl_is_a_change_with_its_reason);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

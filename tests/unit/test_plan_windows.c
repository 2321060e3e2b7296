/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plan makes of the windows that operators made, and of what they did to single openings. */
#include "make_inventory.h"
#include "srvplan/plan.h"
#include "zones/base/clock.h"
#include "zones/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(string)                                                                               \
    {                                                                                              \
        (string), sizeof(string) - 1                                                               \
    }

enum {
    NODES = 3,
    WINDOWS_MAX = 4
};

/* xmpp1 and xmpp2 with 200 and 120 at priority 10, xmpp3 at 20; TTL 300, drain TTL 60. A window's
 * lead time is 1,020 s: the TTL 17 min before it opens, the ramp 11.5 min, withdrawn 1.5 min. */
static struct inventory *cluster(void)
{
    struct inventory *inventory = make_inventory();
    inventory->policy.ramp_s = 600;
    inventory->policy.ramp_steps = 4;
    inventory->policy.grace_s = 30;
    inventory->policy.is_lead_auto = true;
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_tier(inventory, "primary", 10);
    make_tier(inventory, "standby", 20);
    make_node(inventory, &(struct make_node){
                             .id = "xmpp1", .capacity = 200, .ipv4 = "192.0.2.1", .site = "ams"});
    make_node(inventory, &(struct make_node){
                             .id = "xmpp2", .capacity = 120, .ipv4 = "192.0.2.2", .site = "ams"});
    make_node(inventory,
              &(struct make_node){.id = "xmpp3", .tier = 1, .ipv4 = "192.0.2.3", .site = "fra"});
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
    struct overlay_window windows[WINDOWS_MAX];
    struct overlays overlays;
};

static int64_t instant(const char *text)
{
    int64_t at_ms = 0;
    ck_assert_msg(clock_parse(text_from(text), &at_ms), "%s", text);
    return at_ms;
}

/* A window as an operator makes it, of the nodes that the selector means. */
static struct overlay_window *add_window(struct made *made, const struct make_window *window,
                                         const char *selector, const char *since)
{
    static const uint32_t unused = 0;
    struct make_window given = *window;
    struct inventory *inventory = made->inventory;
    struct text *selectors = arena_new(&made->arena, struct text);
    struct overlay_window *added = &made->windows[made->overlays.window_count++];
    given.nodes = &unused;
    given.node_count = 1;
    make_window(inventory, &given);
    *selectors = text_from(selector);
    *added = (struct overlay_window){.window = inventory->windows[--inventory->window_count],
                                     .selectors = selectors,
                                     .selector_count = 1,
                                     .actor = text_from("ops"),
                                     .reason = text_from("kernel"),
                                     .since_at_ms = instant(since)};
    added->window.nodes = NULL;
    added->window.node_count = 0;
    made->overlays.windows = made->windows;
    return added;
}

static void made_init(struct made *made)
{
    struct findings findings = {0};
    *made = (struct made){.inventory = cluster()};
    made->layout = layout_build(made->inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert(made->layout);
    findings_fini(&findings);
}

static const struct plan *at_ms(struct made *made, int64_t now_ms)
{
    plan_free(made->plan);
    made->plan = plan_compute(&(struct plan_input){made->layout, &made->overlays, now_ms});
    return made->plan;
}

static const struct plan *at(struct made *made, const char *now)
{
    return at_ms(made, instant(now));
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
static const char *print(const struct plan *plan, struct arena *arena)
{
    const struct plan_set *set = &plan->sets[0];
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

static const char whole[] = "300 10:39680 10:23808 20:65280";

static const struct make_window weekly = {.id = "weekly",
                                          .start = "2026-12-06T02:00",
                                          .duration_s = 7200,
                                          .rrule = "FREQ=WEEKLY;BYDAY=SU"};

/* From change to change, nothing that is published changes between; at last the instants are few.
 */
static void check_walk(struct made *made, const char *from, const char *to)
{
    int64_t now_ms = instant(from);
    while (now_ms < instant(to)) {
        const struct plan *plan = at_ms(made, now_ms);
        int64_t next_ms = plan->next_change_at_ms;
        const char *before = print(plan, &made->arena);
        ck_assert_int_gt(next_ms, now_ms);
        ck_assert_str_eq(print(at_ms(made, next_ms - 1), &made->arena), before);
        now_ms = next_ms;
    }
}

/* -- what it does -------------------------------------------------------------------------------
 */

static const struct {
    const char *label, *selector, *since, *now, *set;
} moments[] = {
    {"before anything", "xmpp1", "2026-12-01T00:00:00Z", "2026-12-06T01:42:59Z", whole},
    {"the TTL first", "xmpp1", "2026-12-01T00:00:00Z", "2026-12-06T01:43:00Z",
     "60 10:39680 10:23808 20:65280"},
    {"then the ramp", "xmpp1", "2026-12-01T00:00:00Z", "2026-12-06T01:48:30Z",
     "60 10:31744 10:23808 20:65280"},
    {"out before it opens", "xmpp1", "2026-12-01T00:00:00Z", "2026-12-06T01:58:30Z",
     "60 - 10:23808 20:65280"},
    {"coming back behind its end", "xmpp1", "2026-12-01T00:00:00Z", "2026-12-06T04:02:30Z",
     "60 10:15872 10:23808 20:65280"},
    {"whole again", "xmpp1", "2026-12-01T00:00:00Z", "2026-12-06T04:10:00Z", whole},
    {"and again a week later", "xmpp1", "2026-12-01T00:00:00Z", "2026-12-13T02:00:00Z",
     "60 - 10:23808 20:65280"},
    {"a selector means what the inventory has", "site:fra", "2026-12-01T00:00:00Z",
     "2026-12-06T02:00:00Z", "60 10:39680 10:23808 -"},
    {"made within its lead time: the TTL at once", "xmpp1", "2026-12-06T01:45:00Z",
     "2026-12-06T01:45:00Z", "60 10:39680 10:23808 20:65280"},
    {"made within its ramp: where the ramp is", "xmpp1", "2026-12-06T01:56:30Z",
     "2026-12-06T01:56:30Z", "60 10:7936 10:23808 20:65280"},
    {"made when it should be open: out at once", "xmpp1", "2026-12-06T03:00:00Z",
     "2026-12-06T03:00:00Z", "60 - 10:23808 20:65280"},
    {"made when it is over: the next one counts", "xmpp1", "2026-12-06T04:05:00Z",
     "2026-12-06T04:05:00Z", whole},
};

START_TEST(a_window_of_an_operator_makes_this_of_a_set_at_this_instant)
{
    struct made made;
    made_init(&made);
    add_window(&made, &weekly, moments[_i].selector, moments[_i].since);
    const char *set = print(at(&made, moments[_i].now), &made.arena);
    ck_assert_msg(strcmp(set, moments[_i].set) == 0, "%s: %s", moments[_i].label, set);
    made_fini(&made);
}
END_TEST

START_TEST(the_reason_names_window_and_operator)
{
    struct made made;
    made_init(&made);
    add_window(&made, &weekly, "xmpp1", "2026-12-01T00:00:00Z");
    const struct plan *plan = at(&made, "2026-12-06T02:00:00Z");
    ck_assert_str_eq(
        plan_member_because(plan, &plan->sets[0], &plan->sets[0].members[0], &made.arena),
        "window weekly until 2026-12-06T04:00:00Z by ops: kernel");
    made_fini(&made);
}
END_TEST

/* What caches fetched before the TTL fell, they hold for its time. */
START_TEST(a_late_beginning_is_clear_late)
{
    static const struct {
        const char *since, *withdrawn, *clear;
    } rows[] = {{"2026-12-01T00:00:00Z", "2026-12-06T01:58:30Z", "2026-12-06T01:59:31Z"},
                {"2026-12-06T01:45:00Z", "2026-12-06T01:58:30Z", "2026-12-06T01:59:31Z"},
                {"2026-12-06T01:58:00Z", "2026-12-06T01:58:30Z", "2026-12-06T02:03:01Z"},
                {"2026-12-06T03:00:00Z", "2026-12-06T03:00:00Z", "2026-12-06T03:05:01Z"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct made made;
        made_init(&made);
        add_window(&made, &weekly, "xmpp1", rows[i].since);
        const struct plan *plan = at(&made, "2026-12-06T03:00:00Z");
        ck_assert_int_eq(plan->holds[0].timeline.withdrawn_at_ms, instant(rows[i].withdrawn));
        ck_assert_int_eq(plan->holds[0].timeline.clear_at_ms, instant(rows[i].clear));
        made_fini(&made);
    }
}
END_TEST

START_TEST(a_plan_says_when_it_changes_next_with_windows_of_all_kinds)
{
    struct made made;
    made_init(&made);
    struct overlay_window *first = add_window(&made, &weekly, "xmpp1", "2026-12-06T01:50:00Z");
    struct make_window nightly = {
        .id = "zz", .start = "2026-12-05T02:30", .duration_s = 1800, .rrule = "FREQ=DAILY"};
    add_window(&made, &nightly, "xmpp3", "2026-12-01T00:00:00Z");
    first->ended_at_ms = instant("2026-12-13T03:00:00Z");
    struct overlay_opening openings[] = {
        {.window = text_from("weekly"),
         .opens_at_ms = instant("2026-12-06T02:00:00Z"),
         .change = OPENING_ENDED,
         .at_ms = instant("2026-12-06T02:20:00Z")},
        {.window = text_from("zz"), .opens_at_ms = instant("2026-12-07T02:30:00Z")},
    };
    made.overlays.openings = openings;
    made.overlays.opening_count = COUNT_OF(openings);
    check_walk(&made, "2026-12-05T00:00:00Z", "2026-12-15T00:00:00Z");
    made_fini(&made);
}
END_TEST

/* -- what waits ---------------------------------------------------------------------------------
 */

static bool has_finding(const struct plan *plan, const char *code)
{
    for (size_t i = 0; i < plan->findings.count; i++)
        if (strcmp(plan->findings.items[i].code, code) == 0)
            return true;
    return false;
}

START_TEST(a_window_whose_nodes_are_gone_waits_and_says_so)
{
    struct made made;
    made_init(&made);
    add_window(&made, &weekly, "xmpp9", "2026-12-01T00:00:00Z");
    const struct plan *plan = at(&made, "2026-12-06T02:00:00Z");
    ck_assert_str_eq(print(plan, &made.arena), whole);
    ck_assert_uint_eq(plan->window_count, 0);
    ck_assert(has_finding(plan, "overlay-window-without-nodes"));
    made_fini(&made);
}
END_TEST

START_TEST(a_window_of_the_inventory_goes_before_an_operators_of_its_name)
{
    static const uint32_t node = 2;
    struct made made;
    struct make_window theirs = weekly;
    made_init(&made);
    add_window(&made, &weekly, "xmpp1", "2026-12-01T00:00:00Z");
    theirs.nodes = &node;
    theirs.node_count = 1;
    make_window(made.inventory, &theirs);
    const struct plan *plan = at(&made, "2026-12-06T02:00:00Z");
    ck_assert_str_eq(print(plan, &made.arena), "60 10:39680 10:23808 -");
    ck_assert(has_finding(plan, "overlay-window-twice"));
    made_fini(&made);
}
END_TEST

/* -- single openings ----------------------------------------------------------------------------
 */

static void change_opening(struct made *made, const char *window, const char *opens,
                           enum opening_change change, const char *asked)
{
    struct overlay_opening *opening = arena_new(&made->arena, struct overlay_opening);
    *opening = (struct overlay_opening){.window = text_from(window),
                                        .opens_at_ms = instant(opens),
                                        .change = change,
                                        .at_ms = instant(asked)};
    made->overlays.openings = opening;
    made->overlays.opening_count = 1;
}

START_TEST(a_skipped_opening_does_not_come_and_the_next_one_does)
{
    struct made made;
    made_init(&made);
    add_window(&made, &weekly, "xmpp1", "2026-12-01T00:00:00Z");
    change_opening(&made, "weekly", "2026-12-06T02:00:00Z", OPENING_SKIPPED,
                   "2026-12-02T00:00:00Z");
    ck_assert_int_eq(at(&made, "2026-12-03T00:00:00Z")->next_change_at_ms,
                     instant("2026-12-13T01:43:00Z"));
    ck_assert_str_eq(print(at(&made, "2026-12-06T03:00:00Z"), &made.arena), whole);
    ck_assert_str_eq(print(at(&made, "2026-12-13T03:00:00Z"), &made.arena),
                     "60 - 10:23808 20:65280");
    made_fini(&made);
}
END_TEST

START_TEST(an_opening_that_is_ended_early_gives_its_node_back_by_the_ramp)
{
    static const struct {
        const char *ended, *now, *set;
    } rows[] = {
        {"2026-12-06T03:00:00Z", "2026-12-06T02:59:59Z", "60 - 10:23808 20:65280"},
        {"2026-12-06T03:00:00Z", "2026-12-06T03:02:30Z", "60 10:15872 10:23808 20:65280"},
        {"2026-12-06T03:00:00Z", "2026-12-06T03:10:00Z", whole},
        {"2026-12-06T01:45:00Z", "2026-12-06T01:45:00Z", whole}, /* only the TTL was low */
        {"2026-12-06T01:50:00Z", "2026-12-06T02:00:00Z", whole},
        {"2026-12-06T03:00:00Z", "2026-12-13T03:00:00Z", "60 - 10:23808 20:65280"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct made made;
        made_init(&made);
        add_window(&made, &weekly, "xmpp1", "2026-12-01T00:00:00Z");
        change_opening(&made, "weekly", "2026-12-06T02:00:00Z", OPENING_ENDED, rows[i].ended);
        ck_assert_str_eq(print(at(&made, rows[i].now), &made.arena), rows[i].set);
        made_fini(&made);
    }
}
END_TEST

/* The second turn opens 3,600 + 2 * 690 s after the first: 03:23, its TTL at 03:06. */
START_TEST(a_serial_window_that_is_ended_early_takes_no_further_node)
{
    struct make_window serial = weekly;
    struct made made;
    serial.duration_s = 3600;
    serial.is_serial = true;
    made_init(&made);
    add_window(&made, &serial, "site:ams", "2026-12-01T00:00:00Z");
    ck_assert_str_eq(print(at(&made, "2026-12-06T03:23:00Z"), &made.arena),
                     "60 10:39680 - 20:65280");
    change_opening(&made, "weekly", "2026-12-06T02:00:00Z", OPENING_ENDED, "2026-12-06T03:05:00Z");
    ck_assert_str_eq(print(at(&made, "2026-12-06T03:23:00Z"), &made.arena), whole);
    made_fini(&made);
}
END_TEST

START_TEST(a_window_that_is_taken_away_ends_what_is_under_way_and_never_opens_again)
{
    struct made made;
    made_init(&made);
    struct overlay_window *window = add_window(&made, &weekly, "xmpp1", "2026-12-01T00:00:00Z");
    window->ended_at_ms = instant("2026-12-06T03:00:00Z");
    ck_assert_str_eq(print(at(&made, "2026-12-06T03:02:30Z"), &made.arena),
                     "60 10:15872 10:23808 20:65280");
    const struct plan *plan = at(&made, "2026-12-06T03:10:00Z");
    ck_assert_uint_eq(plan->occurrence_count, 0);
    ck_assert_int_eq(plan->next_change_at_ms, 0);
    ck_assert_str_eq(print(at(&made, "2026-12-13T03:00:00Z"), &made.arena), whole);
    made_fini(&made);
}
END_TEST

/* -- guards -------------------------------------------------------------------------------------
 */

/* Its span has its natural beginning at 01:43; the drain came between that and the making. */
START_TEST(a_drain_that_came_before_a_window_was_made_late_blocks_it)
{
    struct overlay_drain drain = {.id = TEXT("dr_1"),
                                  .node = TEXT("xmpp2"),
                                  .requested_at_ms = instant("2026-12-06T01:44:00Z"),
                                  .since_at_ms = instant("2026-12-06T01:44:00Z")};
    struct made made;
    made_init(&made);
    made.inventory->policy.guard_min_nodes = 2;
    add_window(&made, &weekly, "xmpp1", "2026-12-06T01:45:00Z");
    made.overlays.drains = &drain;
    made.overlays.drain_count = 1;
    const struct plan *plan = at(&made, "2026-12-06T02:00:00Z");
    ck_assert(plan->occurrences[0].is_blocked);
    ck_assert_str_eq(print(plan, &made.arena), "300 10:39680 - 20:65280");
    made_fini(&made);
}
END_TEST

/* "other" opens an hour after "weekly" and is forbidden beside it. Without a ramp it begins 7 min
 * before it opens. */
static void two_that_overlap(struct made *made)
{
    struct make_window other = {.id = "other", .start = "2026-12-06T03:00", .duration_s = 7200};
    made_init(made);
    made->inventory->policy.guard_min_nodes = 2;
    made->inventory->policy.ramp_s = 0;
    add_window(made, &other, "xmpp2", "2026-12-01T00:00:00Z");
    add_window(made, &weekly, "xmpp1", "2026-12-01T00:00:00Z");
}

START_TEST(an_early_end_makes_room_for_what_begins_behind_it_alone)
{
    static const struct {
        const char *ended, *set; /* at 03:30 */
    } rows[] = {{"2026-12-06T02:20:00Z", "60 10:39680 - 20:65280"},
                {"2026-12-06T02:55:00Z", whole}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct made made;
        two_that_overlap(&made);
        ck_assert_str_eq(print(at(&made, "2026-12-06T03:30:00Z"), &made.arena),
                         "60 - 10:23808 20:65280");
        change_opening(&made, "weekly", "2026-12-06T02:00:00Z", OPENING_ENDED, rows[i].ended);
        ck_assert_str_eq(print(at(&made, "2026-12-06T03:30:00Z"), &made.arena), rows[i].set);
        made_fini(&made);
    }
}
END_TEST

/* -- openings over any time ---------------------------------------------------------------------
 */

static uint32_t december(struct made *made, const struct plan *plan, uint32_t window,
                         const struct plan_opening **openings)
{
    struct plan_openings_query query = {.window = window,
                                        .most = 20,
                                        .from_ms = instant("2026-12-01T00:00:00Z"),
                                        .to_ms = instant("2026-12-21T00:00:00Z")};
    return plan_window_openings(plan, &query, &made->arena, openings);
}

START_TEST(the_openings_of_a_window_are_told_with_their_verdicts)
{
    struct made made;
    const struct plan_opening *openings = NULL;
    two_that_overlap(&made);
    change_opening(&made, "weekly", "2026-12-13T02:00:00Z", OPENING_SKIPPED,
                   "2026-12-02T00:00:00Z");
    const struct plan *plan = at(&made, "2026-12-01T00:00:00Z");
    ck_assert_uint_eq(december(&made, plan, 1, &openings), 3);
    ck_assert_int_eq(openings[0].occurrence.begin_at_ms, instant("2026-12-06T01:53:00Z"));
    ck_assert(!openings[0].occurrence.is_blocked && !openings[0].skipped);
    ck_assert_int_eq(openings[0].turns[0].timeline.withdrawn_at_ms,
                     instant("2026-12-06T01:58:30Z"));
    ck_assert(openings[1].skipped);
    ck_assert_int_eq(openings[2].occurrence.opens_at_ms, instant("2026-12-20T02:00:00Z"));
    ck_assert_uint_eq(december(&made, plan, 0, &openings), 1);
    ck_assert(openings[0].occurrence.is_blocked);
    ck_assert_msg(strstr(openings[0].occurrence.blocked_because, "guard min_nodes: "), "%s",
                  openings[0].occurrence.blocked_because);
    made_fini(&made);
}
END_TEST

/* Every opening in the plan has the verdict there that is told beforehand. */
START_TEST(what_is_told_beforehand_is_what_comes)
{
    struct made made;
    const struct plan_opening *openings = NULL;
    two_that_overlap(&made);
    struct make_window nightly = {
        .id = "xnight", .start = "2026-12-05T01:30", .duration_s = 3600, .rrule = "FREQ=DAILY"};
    add_window(&made, &nightly, "xmpp3", "2026-12-01T00:00:00Z");
    for (uint32_t window = 0; window < 3; window++) {
        const struct plan *plan = at(&made, "2026-12-01T00:00:00Z");
        uint32_t count = december(&made, plan, window, &openings);
        ck_assert_uint_ge(count, 1);
        for (uint32_t i = 0; i < count; i++) {
            const struct plan_occurrence *told = &openings[i].occurrence, *found = NULL;
            plan = at_ms(&made, told->begin_at_ms);
            for (uint32_t j = 0; j < plan->occurrence_count; j++)
                if (plan->occurrences[j].window == window &&
                    plan->occurrences[j].opens_at_ms == told->opens_at_ms)
                    found = &plan->occurrences[j];
            ck_assert(found);
            ck_assert_int_eq(found->is_blocked, told->is_blocked);
            ck_assert_int_eq(found->end_at_ms, told->end_at_ms);
        }
    }
    made_fini(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan_windows");
    TCase *tcase = tcase_create("plan_windows");
    tcase_add_loop_test(tcase, a_window_of_an_operator_makes_this_of_a_set_at_this_instant, 0,
                        COUNT_OF(moments));
    tcase_add_test(tcase, the_reason_names_window_and_operator);
    tcase_add_test(tcase, a_late_beginning_is_clear_late);
    tcase_add_test(tcase, a_plan_says_when_it_changes_next_with_windows_of_all_kinds);
    tcase_add_test(tcase, a_window_whose_nodes_are_gone_waits_and_says_so);
    tcase_add_test(tcase, a_window_of_the_inventory_goes_before_an_operators_of_its_name);
    tcase_add_test(tcase, a_skipped_opening_does_not_come_and_the_next_one_does);
    tcase_add_test(tcase, an_opening_that_is_ended_early_gives_its_node_back_by_the_ramp);
    tcase_add_test(tcase, a_serial_window_that_is_ended_early_takes_no_further_node);
    tcase_add_test(tcase, a_window_that_is_taken_away_ends_what_is_under_way_and_never_opens_again);
    tcase_add_test(tcase, a_drain_that_came_before_a_window_was_made_late_blocks_it);
    tcase_add_test(tcase, an_early_end_makes_room_for_what_begins_behind_it_alone);
    tcase_add_test(tcase, the_openings_of_a_window_are_told_with_their_verdicts);
    tcase_add_test(tcase, what_is_told_beforehand_is_what_comes);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

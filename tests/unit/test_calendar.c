/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The calendar of windows, read back by libical, which knows RFC 5545 from others. */
#include "api/view/calendar.h"
#include "make_inventory.h"
#include "zones/base/clock.h"

#include <check.h>
#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>

static int64_t instant(const char *text)
{
    int64_t at_ms = 0;
    ck_assert(clock_parse(text_from(text), &at_ms));
    return at_ms;
}

struct made {
    struct inventory *inventory;
    struct layout *layout;
    struct overlays overlays;
    struct plan *plan;
    struct arena arena;
    icalcomponent *calendar;
};

/* Two nodes, one after the other, at 02:00 in Amsterdam on Sundays. */
static struct inventory *cluster(const char *comment)
{
    static const uint32_t nodes[] = {0, 1};
    struct inventory *inventory = make_inventory();
    inventory->policy.grace_s = 30;
    inventory->policy.is_lead_auto = true;
    inventory->policy.guard_min_nodes = 1;
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_tier(inventory, "primary", 10);
    make_node(inventory, &(struct make_node){.id = "xmpp1", .ipv4 = "192.0.2.1"});
    make_node(inventory, &(struct make_node){.id = "xmpp2", .ipv4 = "192.0.2.2"});
    make_selection_of_all(inventory);
    make_zone(inventory, &(struct make_zone){.apex = "example.org"});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    make_window(inventory, &(struct make_window){.id = "weekly",
                                                 .nodes = nodes,
                                                 .node_count = 2,
                                                 .is_serial = true,
                                                 .start = "2026-10-18T02:00",
                                                 .duration_s = 3600,
                                                 .timezone = "Europe/Amsterdam",
                                                 .rrule = "FREQ=WEEKLY;BYDAY=SU",
                                                 .comment = comment});
    return inventory;
}

static void made_init(struct made *made, struct inventory *inventory,
                      const struct overlay_opening *openings, uint32_t count)
{
    struct findings findings = {0};
    int64_t now_ms = instant("2026-10-19T00:00:00Z");
    *made = (struct made){.inventory = inventory,
                          .overlays = {.openings = openings, .opening_count = count}};
    made->layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert(made->layout);
    findings_fini(&findings);
    made->plan = plan_compute(&(struct plan_input){made->layout, &made->overlays, now_ms});
    const char *text = calendar_print(made->plan, now_ms, &made->arena);
    for (const char *line = text; *line;) {
        const char *end = strstr(line, "\r\n");
        ck_assert_ptr_nonnull(end);
        ck_assert_msg(end - line <= 75, "%.*s", (int)(end - line), line);
        ck_assert_ptr_null(memchr(line, '\n', (size_t)(end - line)));
        line = end + 2;
    }
    made->calendar = icalparser_parse_string(text);
    ck_assert_ptr_nonnull(made->calendar);
    ck_assert_int_eq(icalcomponent_count_errors(made->calendar), 0);
    ck_assert(icalrestriction_check(made->calendar));
}

static void made_fini(struct made *made)
{
    icalcomponent_free(made->calendar);
    plan_free(made->plan);
    layout_free(made->layout);
    inventory_free(made->inventory);
    arena_fini(&made->arena);
}

/* "20261018T000000Z-20261018T010000Z weekly: xmpp1\n", an event a line. */
static const char *list(struct made *made, uint32_t most)
{
    const char *text = "";
    icalcomponent *event = icalcomponent_get_first_component(made->calendar, ICAL_VEVENT_COMPONENT);
    for (; event && most--;
         event = icalcomponent_get_next_component(made->calendar, ICAL_VEVENT_COMPONENT)) {
        const char *from = icaltime_as_ical_string(icalcomponent_get_dtstart(event));
        const char *to = icaltime_as_ical_string(icalcomponent_get_dtend(event));
        text = arena_printf(&made->arena, "%s%s-%s %s\n", text, from, to,
                            icalcomponent_get_summary(event));
    }
    return text;
}

START_TEST(each_turn_is_an_event_and_follows_the_clock_on_the_wall)
{
    struct made made;
    made_init(&made, cluster("kernel"), NULL, 0);
    ck_assert_str_eq(list(&made, 4), "20261018T000000Z-20261018T010000Z weekly: xmpp1\n"
                                     "20261018T010300Z-20261018T020300Z weekly: xmpp2\n"
                                     "20261025T000000Z-20261025T010000Z weekly: xmpp1\n"
                                     "20261025T010300Z-20261025T020300Z weekly: xmpp2\n");
    const char *all = list(&made, 1000);
    ck_assert_ptr_nonnull(strstr(all, "20261101T010000Z-20261101T020000Z weekly: xmpp1\n"));
    ck_assert_ptr_nonnull(strstr(all, "20270404T000000Z-20270404T010000Z weekly: xmpp1\n"));
    made_fini(&made);
}
END_TEST

START_TEST(what_is_skipped_is_gone_and_what_was_ended_early_ends_then)
{
    struct overlay_opening openings[] = {
        {.window = text_from("weekly"),
         .opens_at_ms = instant("2026-10-18T00:00:00Z"),
         .change = OPENING_ENDED,
         .at_ms = instant("2026-10-18T00:30:00Z")},
        {.window = text_from("weekly"), .opens_at_ms = instant("2026-10-25T00:00:00Z")},
    };
    struct made made;
    made_init(&made, cluster("kernel"), openings, COUNT_OF(openings));
    ck_assert_str_eq(list(&made, 2), "20261018T000000Z-20261018T003000Z weekly: xmpp1\n"
                                     "20261101T010000Z-20261101T020000Z weekly: xmpp1\n");
    made_fini(&made);
}
END_TEST

START_TEST(what_a_guard_forbids_is_cancelled)
{
    struct inventory *inventory = cluster("kernel");
    struct made made;
    inventory->policy.guard_min_nodes = 2;
    made_init(&made, inventory, NULL, 0);
    icalcomponent *event;
    for (event = icalcomponent_get_first_component(made.calendar, ICAL_VEVENT_COMPONENT);
         event && icalcomponent_get_status(event) != ICAL_STATUS_CANCELLED;
         event = icalcomponent_get_next_component(made.calendar, ICAL_VEVENT_COMPONENT))
        ;
    ck_assert_ptr_nonnull(event);
    ck_assert_str_eq(icalcomponent_get_summary(event), "BLOCKED weekly: xmpp1");
    ck_assert_ptr_nonnull(strstr(icalcomponent_get_description(event), "guard min_nodes"));
    made_fini(&made);
}
END_TEST

START_TEST(any_text_comes_back_as_it_was)
{
    static const char odd[] = "a, b; c\\d: \"e\" – öäü–öäü–öäü–öäü–öäü–öäü–öäü–öäü–öäü–öäü–öäü–öäü";
    struct made made;
    made_init(&made, cluster(odd), NULL, 0);
    icalcomponent *event = icalcomponent_get_first_component(made.calendar, ICAL_VEVENT_COMPONENT);
    ck_assert_ptr_nonnull(strstr(icalcomponent_get_description(event), odd));
    made_fini(&made);
}
END_TEST

START_TEST(every_event_has_a_name_of_its_own_that_stays)
{
    struct made made;
    made_init(&made, cluster("kernel"), NULL, 0);
    struct text *seen = arena_array(&made.arena, struct text, 1000);
    size_t count = 0;
    for (icalcomponent *event =
             icalcomponent_get_first_component(made.calendar, ICAL_VEVENT_COMPONENT);
         event && count < 1000;
         event = icalcomponent_get_next_component(made.calendar, ICAL_VEVENT_COMPONENT)) {
        seen[count] = text_from(icalcomponent_get_uid(event));
        for (size_t i = 0; i < count; i++)
            ck_assert(!text_equal(seen[i], seen[count]));
        count++;
    }
    ck_assert_uint_gt(count, 100);
    ck_assert(text_is(seen[1], "weekly-20261018T000000Z-1@srvplan"));
    made_fini(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calendar");
    TCase *tcase = tcase_create("calendar");
    tcase_add_test(tcase, each_turn_is_an_event_and_follows_the_clock_on_the_wall);
    tcase_add_test(tcase, what_is_skipped_is_gone_and_what_was_ended_early_ends_then);
    tcase_add_test(tcase, what_a_guard_forbids_is_cancelled);
    tcase_add_test(tcase, any_text_comes_back_as_it_was);
    tcase_add_test(tcase, every_event_has_a_name_of_its_own_that_stays);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

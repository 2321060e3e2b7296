/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ring of events and its listeners; and what two views of the world make of it. */
#include "api/view/view_events.h"
#include "world_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST = 5000, /* the sequence before the first event */
    TEXT_SIZE = 512 * 1024,
};

static struct events *events;
static char text[TEXT_SIZE];

static void setup(void)
{
    events = events_new(FIRST);
    events_renew(events, &(struct event_moment){.at_ms = 1, .revision = 7, .index = 70});
}

static void teardown(void)
{
    events_free(events);
}

/* Event number n (1 and up) says so; revisions go up every third one. */
static void happen(unsigned from, unsigned to, enum event_kind kind)
{
    for (unsigned n = from; n <= to; n++) {
        struct event_moment moment = {.at_ms = 1000, .revision = 7 + n / 3, .index = 70 + n};
        events_publish(events, kind, &moment, json_pack("{s:i}", "n", n));
        events_renew(events, &moment);
    }
}

/* All that there is for the cursor now, in pieces of `piece` bytes. */
static const char *read_all(struct events_cursor *cursor, size_t piece)
{
    size_t len = 0;
    for (size_t got; (got = events_read(events, cursor, text + len, piece)) > 0; len += got)
        ck_assert_uint_lt(len + 2 * piece, sizeof text);
    text[len] = '\0';
    return text;
}

static const char *read_once(const struct events_wish *wish, size_t piece)
{
    struct events_cursor cursor;
    events_begin(events, &cursor, wish);
    read_all(&cursor, piece);
    events_cursor_fini(&cursor);
    return text;
}

static unsigned count_of(const char *part)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

/* -- the ring ------------------------------------------------------------------------------------
 */

START_TEST(an_event_is_told_as_the_html_standard_wants_it)
{
    struct events_cursor cursor;
    events_begin(events, &cursor, &(struct events_wish){0});
    ck_assert_str_eq(read_all(&cursor, 4096),
                     "retry: 2000\nid: 7.5000\nevent: hello\n"
                     "data: {\"at\":\"1970-01-01T00:00:00.001Z\",\"revision\":7,\"index\":70}\n\n");
    ck_assert_uint_eq(events_read(events, &cursor, text, sizeof text), 0);
    happen(1, 1, EVENT_SERVED);
    ck_assert_str_eq(
        read_all(&cursor, 4096),
        "id: 7.5001\nevent: served\n"
        "data: {\"n\":1,\"at\":\"1970-01-01T00:00:01Z\",\"revision\":7,\"index\":71}\n\n");
    ck_assert(!events_is_over(&cursor));
    events_cursor_fini(&cursor);
}
END_TEST

START_TEST(pieces_of_any_size_make_the_same_text)
{
    struct events_wish all = {.last = 100};
    happen(1, 20, EVENT_DRAIN);
    char *whole = strdup(read_once(&all, 4096));
    ck_assert_uint_eq(count_of("event: drain\n"), 20);
    for (size_t piece = 1; piece < 200; piece += 7)
        ck_assert_str_eq(read_once(&all, piece), whole);
    free(whole);
}
END_TEST

static const struct {
    const char *label, *last_id;
    unsigned happened;
    unsigned told; /* of `event: drain` */
    const char *reset;
} resumes[] = {
    {"the newest", "9.5006", 6, 0, NULL},
    {"one before", "8.5005", 6, 1, NULL},
    {"the first", "7.5001", 6, 5, NULL},
    {"a hello before all events", "7.5000", 6, 6, NULL},
    {"a hello, and nothing happened", "7.5000", 0, 0, NULL},
    {"of another life, with a sequence of ours", "3.5004", 6, 0, "gone"},
    {"of another life, before ours", "3.17", 6, 0, "gone"},
    {"of another life, after ours", "9.6000", 6, 0, "gone"},
    {"the newest sequence with another revision", "8.5006", 6, 0, "gone"},
    {"just forgotten", "8.5004", EVENTS_MAX + 4, EVENTS_MAX, NULL},
    {"forgotten", "8.5003", EVENTS_MAX + 4, 0, "gone"},
    {"no id at all", "yesterday", 6, 0, "unknown-id"},
    {"half an id", "7.", 6, 0, "unknown-id"},
    {"an empty id", "", 6, 0, "unknown-id"},
    {"a number that is none", "7.5001x", 6, 0, "unknown-id"},
};

START_TEST(a_listener_goes_on_behind_its_last_id_or_is_reset)
{
    char reset[64] = "event: hello";
    struct text id = {resumes[_i].last_id, strlen(resumes[_i].last_id)};
    happen(1, resumes[_i].happened, EVENT_DRAIN);
    read_once(&(struct events_wish){.last_id = id}, 4096);
    if (resumes[_i].reset)
        snprintf(reset, sizeof reset, "event: reset\ndata: {\"reason\":\"%s\"", resumes[_i].reset);

    ck_assert_msg(count_of("event: drain\n") == resumes[_i].told, "%s: %u of %u", resumes[_i].label,
                  count_of("event: drain\n"), resumes[_i].told);
    ck_assert_msg((strstr(text, reset) != NULL) == (resumes[_i].reset != NULL), "%s: %.300s",
                  resumes[_i].label, text);
}
END_TEST

/* The id of `reset` and of `hello` is a place to come back to. */
START_TEST(after_a_reset_nothing_is_missed)
{
    struct events_cursor cursor;
    happen(1, 10, EVENT_DRAIN);
    read_once(&(struct events_wish){.last_id = text_from("1.2")}, 4096);
    char id[40] = "";
    ck_assert_int_eq(sscanf(text, "retry: 2000\nid: %39s", id), 1);
    happen(11, 15, EVENT_DRAIN);
    events_begin(events, &cursor, &(struct events_wish){.last_id = text_from(id)});
    read_all(&cursor, 4096);
    ck_assert_uint_eq(count_of("event: drain\n"), 5);
    ck_assert(strstr(text, "event: reset") == NULL);
    events_cursor_fini(&cursor);
}
END_TEST

/* It stands in the middle of an event when the ring runs over it: that one is told to its end. */
START_TEST(a_slow_listener_is_reset_between_two_events)
{
    struct events_cursor cursor;
    happen(1, 1, EVENT_DRAIN);
    events_begin(events, &cursor, &(struct events_wish){.last = 1});
    size_t len = events_read(events, &cursor, text, strlen("retry: 2000\nid: 7.5000\n") + 100);
    happen(2, 2 * EVENTS_MAX, EVENT_DRAIN);
    text[len] = '\0';
    char *begun = strdup(text);
    read_all(&cursor, 1000);
    ck_assert_msg(strncmp(text, "id: ", 4) != 0 && strstr(text, "}\n\nretry: 2000\nid: "), "%.400s",
                  text);
    ck_assert(strstr(text, "event: reset\ndata: {\"reason\":\"too-slow\"") != NULL);
    ck_assert_uint_eq(count_of("event: drain\n"), strstr(begun, "event: drain\n") ? 0 : 1);
    free(begun);
    events_cursor_fini(&cursor);
}
END_TEST

START_TEST(the_ring_is_bounded_in_bytes_too)
{
    char *big = malloc(100 * 1024);
    memset(big, 'x', 100 * 1024 - 1);
    big[100 * 1024 - 1] = '\0';
    struct event_moment moment = {.revision = 7};
    for (int i = 0; i < 100; i++)
        events_publish(events, EVENT_READY, &moment, json_pack("{s:s}", "reason", big));
    free(big);
    struct events_cursor cursor;
    size_t total = 0;
    events_begin(events, &cursor, &(struct events_wish){.last = EVENTS_MAX, .is_once = true});
    for (size_t got; (got = events_read(events, &cursor, text, sizeof text)) > 0;)
        total += got;
    ck_assert_uint_gt(total, EVENTS_MAX_BYTES / 2);
    ck_assert_uint_lt(total, EVENTS_MAX_BYTES + 1000);
    ck_assert(events_is_over(&cursor));
    events_cursor_fini(&cursor);
}
END_TEST

START_TEST(only_the_kinds_that_are_wanted_come_and_an_end_when_it_is_wanted)
{
    struct events_cursor cursor;
    happen(1, 3, EVENT_DRAIN);
    happen(4, 5, EVENT_WEIGHT);
    struct events_wish wish = {.kinds = 1u << EVENT_WEIGHT, .last = 100, .is_once = true};
    events_begin(events, &cursor, &wish);
    happen(6, 9, EVENT_WEIGHT); /* after it has begun */
    ck_assert(!events_is_over(&cursor));
    read_all(&cursor, 4096);
    ck_assert(events_is_over(&cursor));
    ck_assert_uint_eq(count_of("event: weight\n"), 2);
    ck_assert_uint_eq(count_of("event: drain\n"), 0);
    events_cursor_fini(&cursor);
    read_once(&(struct events_wish){.kinds = 1u << EVENT_DRAIN, .last = 2}, 4096);
    ck_assert_uint_eq(count_of("event: drain\n"), 2); /* of that kind, however many came since */
    for (unsigned kind = 0; kind < EVENT_KINDS; kind++) {
        enum event_kind parsed = EVENT_KINDS;
        ck_assert(event_kind_parse(text_from(event_kind_print((enum event_kind)kind)), &parsed));
        ck_assert_int_eq(parsed, (enum event_kind)kind);
    }
}
END_TEST

/* -- views ---------------------------------------------------------------------------------------
 */

#define LATER_MS (WORLD_FIXTURE_AT_MS + 60000)

static const char *const reasons[] = {"dnsd is not connected", NULL};
static struct overlay_weight weights[2];

static void nothing(struct world_view *now)
{
    (void)now;
}

static void new_revision(struct world_view *now)
{
    now->revision = 8;
    now->actor = text_from("root");
    now->cause = text_from("drain xmpp2: kernel");
    now->published_at_ms = LATER_MS;
    now->served_at_ms = 0;
}

static void served(struct world_view *now)
{
    now->revision = now->served_revision = 8;
    now->served_at_ms = LATER_MS;
}

static void dnsd_left(struct world_view *now)
{
    now->dnsd.is_connected = now->dnsd.is_in_step = now->is_ready = false;
    now->dnsd.pid = 0;
    now->not_ready = reasons;
}

static void other_inventory(struct world_view *now)
{
    now->inventory_digest.byte[0] ^= 1;
}

static void weight_changed(struct world_view *now)
{
    weights[0] = now->overlays.weights[0];
    weights[0].value++;
    now->overlays.weights = weights;
    now->overlays.weight_count = 1;
}

static void weight_gone(struct world_view *now)
{
    now->overlays.weight_count = 0;
}

static void weight_added(struct world_view *now)
{
    weights[0] = now->overlays.weights[0];
    weights[0].node = text_from("a");
    weights[1] = now->overlays.weights[0];
    now->overlays.weights = weights;
    now->overlays.weight_count = 2;
}

static void drain_closed(struct world_view *now)
{
    struct world_drain *drain = (struct world_drain *)(uintptr_t)&now->drains[1];
    drain->row.ended_at_ms = LATER_MS;
    drain->state = DRAIN_CLOSED;
    drain->row.version++;
}

static void drain_clear(struct world_view *now)
{
    struct world_drain *drain = (struct world_drain *)(uintptr_t)&now->drains[1];
    drain->state = DRAIN_CLEAR;
}

static void drain_new(struct world_view *now)
{
    struct world_drain *drain = (struct world_drain *)(uintptr_t)&now->drains[1];
    drain->row.id = text_from("dr_2");
}

static const struct {
    const char *label;
    void (*change)(struct world_view *now);
    const char *events; /* kinds, in order */
    const char *has;
} steps[] = {
    {"nothing", nothing, "", ""},
    {"a revision", new_revision, "revision ", "\"cause\":\"drain xmpp2: kernel\""},
    {"a revision, served at once", served, "revision served ", "\"served_at\":\"2026-12-06T00:01"},
    {"dnsd left", dnsd_left, "dnsd ready ", "\"reasons\":[\"dnsd is not connected\"]"},
    {"an inventory", other_inventory, "inventory ", "\"digest\":\"sha256:01"},
    {"a weight", weight_changed, "weight ", "\"weight\":\"51%\""},
    {"a weight, gone", weight_gone, "weight ", "\"state\":\"removed\""},
    {"a weight, new", weight_added, "weight ", "\"node\":\"a\""},
    {"a drain, closed", drain_closed, "drain ", "\"state\":\"closed\",\"was\":\"withdrawn\""},
    {"a drain, clear", drain_clear, "drain ", "\"state\":\"clear\",\"was\":\"withdrawn\""},
    {"a drain, new", drain_new, "drain ", "\"id\":\"dr_2\",\"node\":\"xmpp2\""},
};

START_TEST(what_differs_between_two_views_is_told)
{
    struct world_fixture *before = world_fixture_new(WORLD_FIXTURE_DRAINED);
    struct world_fixture *now = world_fixture_new(WORLD_FIXTURE_DRAINED);
    char kinds[200] = "";
    before->view.made_at_ms = WORLD_FIXTURE_AT_MS + 2000;
    now->view.made_at_ms = LATER_MS;
    before->drains[1].dns_clear_at_ms = now->drains[1].dns_clear_at_ms = LATER_MS + 1000;
    steps[_i].change(&now->view);
    view_events_publish(events, &before->view, &now->view);
    read_once(&(struct events_wish){.last = 100}, 4096);
    for (const char *at = strstr(text, "\n\n"); at && (at = strstr(at, "event: ")); at++)
        snprintf(kinds + strlen(kinds), sizeof kinds - strlen(kinds), "%.*s ",
                 (int)strcspn(at + 7, "\n"), at + 7);

    ck_assert_msg(strcmp(kinds, steps[_i].events) == 0, "%s: %s", steps[_i].label, text);
    ck_assert_msg(strstr(text, steps[_i].has) != NULL, "%s: %s", steps[_i].label, text);
    world_fixture_free(before);
    world_fixture_free(now);
}
END_TEST

/* No overlay has changed: only time has passed. */
START_TEST(a_state_that_moved_with_the_clock_is_told)
{
    struct world_fixture *before = world_fixture_new(WORLD_FIXTURE_DRAINED);
    struct world_fixture *now = world_fixture_new(WORLD_FIXTURE_DRAINED);
    before->view.made_at_ms = WORLD_FIXTURE_AT_MS + 2000;
    now->view.made_at_ms = LATER_MS;
    before->drains[1].dns_clear_at_ms = now->drains[1].dns_clear_at_ms = LATER_MS;
    before->drains[1].state = DRAIN_WITHDRAWN;
    now->drains[1].state = DRAIN_CLEAR;
    view_events_publish(events, &before->view, &now->view);
    read_once(&(struct events_wish){.last = 100}, 4096);
    ck_assert_msg(strstr(text, "\"state\":\"clear\",\"was\":\"withdrawn\"") != NULL, "%s", text);
    view_events_publish(events, &now->view, &now->view);
    read_once(&(struct events_wish){.last = 100}, 4096);
    ck_assert_uint_eq(count_of("event: drain\n"), 1);
    world_fixture_free(before);
    world_fixture_free(now);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events");
    TCase *tcase = tcase_create("events");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_event_is_told_as_the_html_standard_wants_it);
    tcase_add_test(tcase, pieces_of_any_size_make_the_same_text);
    tcase_add_loop_test(tcase, a_listener_goes_on_behind_its_last_id_or_is_reset, 0,
                        (int)COUNT_OF(resumes));
    tcase_add_test(tcase, after_a_reset_nothing_is_missed);
    tcase_add_test(tcase, a_slow_listener_is_reset_between_two_events);
    tcase_add_test(tcase, the_ring_is_bounded_in_bytes_too);
    tcase_add_test(tcase, only_the_kinds_that_are_wanted_come_and_an_end_when_it_is_wanted);
    tcase_add_loop_test(tcase, what_differs_between_two_views_is_told, 0, (int)COUNT_OF(steps));
    tcase_add_test(tcase, a_state_that_moved_with_the_clock_is_told);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Views against golden files in json_view/. SRVPLAN_UPDATE_GOLDEN=1 writes them anew; read the
 * difference before you believe it. */
#include "api/view/json_view.h"
#include "api/view/record_view.h"
#include "world_fixture.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world_fixture *calm, *drained;

static void setup(void)
{
    calm = world_fixture_new(WORLD_FIXTURE_CALM);
    drained = world_fixture_new(WORLD_FIXTURE_DRAINED);
}

static void teardown(void)
{
    world_fixture_free(calm);
    world_fixture_free(drained);
}

static struct json_scene scene_of(const struct world_fixture *fixture, int64_t after_ms)
{
    return (struct json_scene){.view = &fixture->view,
                               .plan = fixture->plan,
                               .now_ms = WORLD_FIXTURE_AT_MS + after_ms,
                               .pid = 122};
}

static json_t *status_view(void)
{
    struct json_scene scene = scene_of(drained, 2000);
    return json_view_status(&scene);
}

static json_t *drain_view(void)
{
    struct json_scene scene = scene_of(drained, 2000);
    return json_view_drain(&scene, json_view_find_drain(scene.view, (struct text){"dr_1", 4}));
}

static json_t *drain_closed_view(void)
{
    struct json_scene scene = scene_of(drained, 2000);
    return json_view_drain(&scene, json_view_find_drain(scene.view, (struct text){"dr_0", 4}));
}

static json_t *node_view(void)
{
    struct json_scene scene = scene_of(drained, 2000);
    return json_view_node(&scene, 0);
}

static json_t *node_drained_view(void)
{
    struct json_scene scene = scene_of(drained, 2000);
    return json_view_node(&scene, 1);
}

static json_t *records_view(void)
{
    struct arena arena = {0};
    struct record_filter filter = {.limit = 1000};
    struct record_cursor start = {0};
    char *next = NULL;
    json_t *items = record_view_page(&calm->view, &filter, &start, &arena, &next);
    ck_assert_ptr_null(next);
    arena_fini(&arena);
    return items;
}

static json_t *revision_view(void)
{
    struct store_revision revision = {.number = 7,
                                      .at_ms = WORLD_FIXTURE_AT_MS,
                                      .actor = {"root", 4},
                                      .cause = {"drain xmpp2: kernel", 19}};
    return json_view_revision(&revision);
}

static const struct {
    const char *name;
    json_t *(*make)(void);
} cases[] = {
    {"status", status_view},     {"drain", drain_view},
    {"node", node_view},         {"drain_closed", drain_closed_view},
    {"records", records_view},   {"node_drained", node_drained_view},
    {"revision", revision_view},
};

START_TEST(views_have_the_promised_shape)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/unit/json_view/%s.json", getenv("SRVPLAN_SOURCE"),
             cases[_i].name);
    json_t *json = cases[_i].make();
    if (getenv("SRVPLAN_UPDATE_GOLDEN"))
        ck_assert_int_eq(json_dump_file(json, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)), 0);
    char *got = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_error_t error;
    json_t *golden = json_load_file(path, 0, &error);
    ck_assert_msg(golden != NULL, "%s: %s", path, error.text);
    char *expected = json_dumps(golden, JSON_INDENT(2) | JSON_REAL_PRECISION(6));

    ck_assert_msg(strcmp(got, expected) == 0, "%s:\n%s", cases[_i].name, got);
    free(got);
    free(expected);
    json_decref(golden);
    json_decref(json);
}
END_TEST

enum {
    END_PENDING = 1,
    WAS_CLEAR = 2,
    IS_ABORTED = 4
};

/* What a view says of a drain, by what is served and how late it is. */
static const struct {
    const char *label;
    int64_t served_ms, clear_ms, ended_ms, now_ms;
    const char *state;
    unsigned how;
} states[] = {
    {"stored only", 0, 0, 0, 2000, "scheduled", 0},
    {"served, clear time not known", 1000, 0, 0, 2000, "withdrawn", 0},
    {"caches may name it", 1000, 302000, 0, 301999, "withdrawn", 0},
    {"caches are clean", 1000, 302000, 0, 302000, "clear", 0},
    {"clean, and then the clock was set back", 1000, 302000, 0, 2000, "clear", WAS_CLEAR},
    {"undrained before it was served", 0, 0, 500, 2000, "closed", 0},
    {"undrained after it was clear", 1000, 302000, 400000, 500000, "closed", 0},
    {"undrained, and not served", 1000, 0, 400000, 500000, "restoring", END_PENDING},
    {"given up", 1000, 0, 400000, 500000, "aborted", IS_ABORTED},
};

START_TEST(a_drains_state_is_of_what_is_served)
{
    struct world_drain drain = drained->drains[1];
    const int64_t at_ms = WORLD_FIXTURE_AT_MS;
    drain.row.served_at_ms = states[_i].served_ms ? at_ms + states[_i].served_ms : 0;
    drain.dns_clear_at_ms = states[_i].clear_ms ? at_ms + states[_i].clear_ms : 0;
    drain.row.ended_at_ms = states[_i].ended_ms ? at_ms + states[_i].ended_ms : 0;
    drain.row.clear_at_ms = states[_i].how & WAS_CLEAR ? drain.dns_clear_at_ms : 0;
    drain.row.is_aborted = states[_i].how & IS_ABORTED;
    drain.state = world_drain_state(
        &drain, &(struct world_drain_instants){.plan_at_ms = at_ms,
                                               .certain_ms = at_ms + states[_i].now_ms,
                                               .is_end_served = !(states[_i].how & END_PENDING)});
    struct json_scene scene = scene_of(drained, states[_i].now_ms);
    json_t *json = json_view_drain(&scene, &drain);
    const char *state = json_string_value(json_object_get(json, "state"));

    ck_assert_msg(strcmp(state, states[_i].state) == 0, "%s: %s", states[_i].label, state);
    json_decref(json);
}
END_TEST

static const struct {
    const char *label, *domain, *service, *type;
    size_t count;
} filters[] = {
    {"all of a domain", "example.net", NULL, NULL, 4}, /* NS, SOA, two SRV */
    {"a name itself", "_xmpp-server._tcp.example.net.", NULL, NULL, 1},
    {"a service", NULL, "xmpp-client", NULL, 2},
    {"a service of a domain", "example.org", "xmpp-client", NULL, 1},
    {"a type", NULL, NULL, "AAAA", 1},
    {"a type of a service", NULL, "xmpp-client", "A", 0},
    {"a domain that is not ours", "example.com", NULL, NULL, 0},
    {"a domain above ours", "org", NULL, NULL, 8}, /* NS, SOA, SRV, three A, AAAA, ns1 A */
};

static void filter_make(struct record_filter *filter, int i, struct arena *arena)
{
    *filter = (struct record_filter){.limit = 1000};
    if (filters[i].domain)
        ck_assert(text_name_parse(arena, text_from(filters[i].domain), &filter->domain, NULL));
    if (filters[i].service) {
        uint32_t service = inventory_find_service(calm->inventory, text_from(filters[i].service));
        filter->service = calm->inventory->services[service].srv_labels;
    }
    if (filters[i].type)
        ck_assert(text_type_parse(text_from(filters[i].type), &filter->type));
}

START_TEST(records_are_filtered)
{
    struct arena arena = {0};
    struct record_filter filter;
    struct record_cursor start = {0};
    char *next = NULL;
    filter_make(&filter, _i, &arena);
    json_t *items = record_view_page(&calm->view, &filter, &start, &arena, &next);
    ck_assert_msg(json_array_size(items) == filters[_i].count, "%s: %zu", filters[_i].label,
                  json_array_size(items));
    json_decref(items);
    arena_fini(&arena);
}
END_TEST

/* Whatever the page size, the pages in a row are the list. */
START_TEST(pages_of_records_in_a_row_are_the_whole_list)
{
    struct arena arena = {0};
    json_t *whole = records_view();
    for (uint32_t limit = 1; limit <= json_array_size(whole) + 1; limit++) {
        struct record_filter filter = {.limit = limit};
        struct record_cursor cursor = {0};
        json_t *all = json_array();
        for (char *next = NULL;;) {
            json_t *page = record_view_page(&calm->view, &filter, &cursor, &arena, &next);
            ck_assert_uint_le(json_array_size(page), limit);
            ck_assert_uint_gt(json_array_size(page), 0);
            json_array_extend(all, page);
            json_decref(page);
            if (!next)
                break;
            ck_assert_msg(record_cursor_parse(text_from(next), &arena, &cursor), "%s", next);
        }
        ck_assert_msg(json_equal(all, whole), "with pages of %u", limit);
        json_decref(all);
    }
    json_decref(whole);
    arena_fini(&arena);
}
END_TEST

START_TEST(a_cursor_that_is_none_of_ours_is_refused)
{
    static const char *const texts[] = {
        "", "x", "SRV", "SRV/example.org.", "M/a./b.", "SRV/a..b./c.", "SRV//b."};
    struct arena arena = {0};
    struct record_cursor cursor = {0};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        ck_assert_msg(!record_cursor_parse(text_from(texts[i]), &arena, &cursor), "%s", texts[i]);
    arena_fini(&arena);
}
END_TEST

/* A view of the calm world but for its plan, which has those overlays. */
static uint64_t version_with(uint32_t node, struct overlays overlays)
{
    struct world_view view = calm->view;
    struct plan *plan = plan_compute(&(struct plan_input){
        .layout = calm->layout, .overlays = &overlays, .at_ms = WORLD_FIXTURE_AT_MS});
    view.plan = plan;
    uint64_t version = world_node_version(&view, node);
    plan_free(plan);
    return version;
}

START_TEST(a_nodes_version_does_not_change_with_its_share_but_with_its_weight)
{
    struct overlays drains = drained->view.overlays, weights = drained->view.overlays;
    drains.weight_count = 0;
    weights.drain_count = 0;
    uint64_t before = world_node_version(&calm->view, 0);
    /* xmpp2 leaves: xmpp1 has all of the clients now, and publishes what it did. */
    ck_assert_uint_eq(version_with(0, drains), before);
    ck_assert(version_with(0, weights) != before);
    ck_assert(version_with(1, drains) != world_node_version(&calm->view, 1));
}
END_TEST

START_TEST(a_nodes_version_changes_with_what_it_publishes_only)
{
    struct world_fixture *again = world_fixture_new(WORLD_FIXTURE_CALM);
    again->view.index++;
    again->view.revision++;
    for (uint32_t node = 0; node < 3; node++) {
        ck_assert_uint_eq(world_node_version(&calm->view, node),
                          world_node_version(&again->view, node));
    }
    /* xmpp1 has a weight and xmpp2 a drain there; xmpp3's share is what changes of it. */
    ck_assert(world_node_version(&calm->view, 0) != world_node_version(&drained->view, 0));
    ck_assert(world_node_version(&calm->view, 1) != world_node_version(&drained->view, 1));
    ck_assert_uint_eq(world_node_version(&calm->view, 2), world_node_version(&drained->view, 2));
    ck_assert(world_node_version(&calm->view, 0) != world_node_version(&calm->view, 1));
    world_fixture_free(again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_view");
    TCase *tcase = tcase_create("json_view");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, views_have_the_promised_shape, 0, (int)COUNT_OF(cases));
    tcase_add_loop_test(tcase, a_drains_state_is_of_what_is_served, 0, (int)COUNT_OF(states));
    tcase_add_loop_test(tcase, records_are_filtered, 0, (int)COUNT_OF(filters));
    tcase_add_test(tcase, pages_of_records_in_a_row_are_the_whole_list);
    tcase_add_test(tcase, a_cursor_that_is_none_of_ours_is_refused);
    tcase_add_test(tcase, a_nodes_version_does_not_change_with_its_share_but_with_its_weight);
    tcase_add_test(tcase, a_nodes_version_changes_with_what_it_publishes_only);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

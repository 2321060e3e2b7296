/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_json.h"
#include "srvplan/report/report_text.h"
#include "make_inventory.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(string)                                                                               \
    {                                                                                              \
        (string), sizeof(string) - 1                                                               \
    }
enum {
    NOW = 1000000
};

static const char *const servers[] = {"ns1.example.org", NULL};
static const struct overlay_drain drain = {.id = TEXT("dr_1"),
                                           .node = TEXT("xmpp2"),
                                           .actor = TEXT("ops"),
                                           .reason = TEXT("kernel \033[31m"),
                                           .until_at_ms = NOW + 60000};
static const struct overlays none, drained = {.drains = &drain, .drain_count = 1};

struct made {
    struct inventory *inventory;
    struct layout *layout;
    struct plan *plan;
};

/* Two domains in example.org, a service that is absent, two nodes and a standby. */
static struct made made_of(const struct overlays *overlays)
{
    struct findings findings = {0};
    struct inventory *inventory = make_inventory();
    make_absent_service(inventory, "sips", "_sips._tcp");
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_tier(inventory, "primary", 10);
    make_tier(inventory, "standby", 20);
    make_node(inventory, &(struct make_node){.id = "xmpp1", .capacity = 200, .ipv4 = "192.0.2.11"});
    make_node(inventory,
              &(struct make_node){.id = "xmpp2", .capacity = 120, .ipv6 = "2001:db8::12"});
    make_node(inventory, &(struct make_node){.id = "xmpp3", .tier = 1, .ipv4 = "192.0.2.13"});
    make_selection_of_all(inventory);
    make_zone(inventory, &(struct make_zone){.apex = "example.org",
                                             .name_servers = servers,
                                             .name_server_ipv4 = "192.0.2.53"});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    make_domain(inventory, &(struct make_domain){.name = "chat.example.org"});
    struct made made = {.inventory = inventory};
    made.layout = layout_build(inventory, LAYOUT_FOR_ZONES, &findings);
    ck_assert(made.layout);
    findings_fini(&findings);
    struct plan_input input = {made.layout, overlays, NOW};
    made.plan = plan_compute(&input);
    return made;
}

static void made_fini(struct made *made)
{
    plan_free(made->plan);
    layout_free(made->layout);
    inventory_free(made->inventory);
}

static const json_t *find_set(const json_t *sets, const char *name, const char *type)
{
    size_t i;
    json_t *set;
    json_array_foreach(sets, i, set)
    {
        if (strcmp(json_string_value(json_object_get(set, "name")), name) == 0 &&
            strcmp(json_string_value(json_object_get(set, "type")), type) == 0)
            return set;
    }
    return NULL;
}

static const struct {
    const char *name, *type;
    const char *set; /* the whole of it */
} sets[] = {
    /* clang-format off */
    {"_xmpp-client._tcp.example.org.", "SRV",
     "{\"name\":\"_xmpp-client._tcp.example.org.\",\"type\":\"SRV\",\"ttl\":300,\"records\":["
     "\"10 39680 5222 xmpp1.example.org.\",\"20 65280 5222 xmpp3.example.org.\"],\"because\":["
     "{\"node\":\"xmpp1\",\"record\":\"10 39680 5222 xmpp1.example.org.\",\"kind\":\"scale\","
     "\"text\":\"capacity 200 of 320 at priority 10, scale universal\"},"
     "{\"node\":\"xmpp2\",\"record\":null,\"kind\":\"drain\",\"id\":\"dr_1\","
     "\"text\":\"drain dr_1 until 1970-01-01T00:17:40Z by ops: kernel \\u001b[31m\"},"
     "{\"node\":\"xmpp3\",\"record\":\"20 65280 5222 xmpp3.example.org.\",\"kind\":\"scale\","
     "\"text\":\"capacity 100 of 100 at priority 20, scale universal\"}]}"},
    {"_sips._tcp.chat.example.org.", "SRV",
     "{\"name\":\"_sips._tcp.chat.example.org.\",\"type\":\"SRV\",\"ttl\":300,\"records\":["
     "\"0 0 0 .\"],\"because\":[{\"node\":null,\"record\":\"0 0 0 .\",\"kind\":\"absent\","
     "\"text\":\"service sips is declared absent\"}]}"},
    {"xmpp2.example.org.", "AAAA",
     "{\"name\":\"xmpp2.example.org.\",\"type\":\"AAAA\",\"ttl\":300,\"records\":["
     "\"2001:db8::12\"],\"because\":[]}"},
    {"example.org.", "NS",
     "{\"name\":\"example.org.\",\"type\":\"NS\",\"ttl\":300,\"records\":["
     "\"ns1.example.org.\"],\"because\":[]}"},
    /* clang-format on */
};

START_TEST(a_set_in_json_has_its_records_and_reasons)
{
    struct made made = made_of(&drained);
    json_t *plan = report_plan_json(made.plan, NULL);
    const json_t *set = find_set(json_object_get(plan, "sets"), sets[_i].name, sets[_i].type);
    ck_assert_msg(set, "%s %s is missing", sets[_i].name, sets[_i].type);
    char *text = json_dumps(set, JSON_COMPACT);
    json_t *got = json_loads(text, 0, NULL), *expected = json_loads(sets[_i].set, 0, NULL);
    ck_assert_ptr_nonnull(expected);
    ck_assert_msg(json_equal(got, expected), "%s %s: %s", sets[_i].name, sets[_i].type, text);
    json_decref(got);
    json_decref(expected);
    free(text);
    json_decref(plan);
    made_fini(&made);
}
END_TEST

START_TEST(a_plan_in_json_has_everything_else_too)
{
    struct made made = made_of(&drained);
    json_t *plan = report_plan_json(made.plan, NULL);
    json_t *items = json_object_get(plan, "sets");
    ck_assert_uint_eq(json_array_size(items), 4 + 4 + 1); /* SRV, addresses, NS */
    const char *last = json_string_value(
        json_object_get(json_array_get(items, json_array_size(items) - 1), "type"));
    ck_assert_str_eq(last, "NS");
    ck_assert_str_eq(json_string_value(json_object_get(plan, "at")), "1970-01-01T00:16:40Z");
    ck_assert_str_eq(json_string_value(json_object_get(plan, "next_change")),
                     "1970-01-01T00:17:40Z");
    const json_t *share = json_array_get(json_object_get(plan, "shares"), 0);
    char *text = json_dumps(share, JSON_COMPACT);
    ck_assert_str_eq(text, "{\"domain\":\"example.org.\",\"service\":\"xmpp-client\",\"model\":"
                           "\"plackett-luce\",\"node\":\"xmpp1\",\"share\":\"1/1\",\"ratio\":1.0}");
    free(text);
    ck_assert_uint_eq(json_array_size(json_object_get(plan, "shares")), 6);
    json_decref(plan);
    made_fini(&made);
}
END_TEST

START_TEST(a_refusal_in_json_has_its_numbers)
{
    static const struct overlay_drain all[] = {{.id = TEXT("a"), .node = TEXT("xmpp1")},
                                               {.id = TEXT("b"), .node = TEXT("xmpp2")},
                                               {.id = TEXT("c"), .node = TEXT("xmpp3")}};
    static const struct overlays overlays = {.drains = all, .drain_count = 3};
    struct made made = made_of(&overlays);
    json_t *guards = report_guards_json(made.plan);
    char *text = json_dumps(guards, JSON_COMPACT);
    ck_assert_str_eq(
        text, "[{\"guard\":\"never_empty\",\"ok\":false,\"domain\":\"example.org.\",\"domains\":2,"
              "\"service\":\"xmpp-client\",\"unit\":\"nodes\",\"would_be\":0,\"limit\":1,"
              "\"declared\":3,\"message\":"
              "\"example.org/xmpp-client (and 1 more domain) would keep 0 of 3 nodes, and at least "
              "1 must stay: put back one of xmpp1 (drain a), xmpp2 (drain b), xmpp3 (drain c)\"}]");
    free(text);
    json_decref(guards);
    made_fini(&made);
}
END_TEST

/* Parts of a capacity are fractions; a guard of the whole inventory names no set. */
START_TEST(guards_that_pass_are_in_json_too)
{
    struct made made = made_of(&none);
    plan_free(made.plan);
    made.inventory->policy.guard_min_capacity_ppb = 375000000;
    made.inventory->policy.guard_max_drains = 2;
    made.plan = plan_compute(&(struct plan_input){made.layout, &drained, NOW});
    json_t *guards = report_guards_json(made.plan);
    char *text = json_dumps(json_array_get(guards, 1), JSON_COMPACT);
    ck_assert_uint_eq(json_array_size(guards), 3);
    ck_assert_str_eq(
        text,
        "{\"guard\":\"min_capacity\",\"ok\":true,\"domain\":\"example.org.\",\"domains\":2,"
        "\"service\":\"xmpp-client\",\"tier\":\"primary\",\"unit\":\"ratio\",\"would_be\":"
        "0.625,\"limit\":0.375,\"declared\":1.0,\"message\":\"example.org/xmpp-client (and 1 "
        "more domain) keeps 62.5 % of the capacity of tier primary (200 of 320), and at least "
        "37.5 % must stay\"}");
    free(text);
    text = json_dumps(json_array_get(guards, 2), JSON_COMPACT);
    ck_assert_str_eq(text,
                     "{\"guard\":\"max_drains\",\"ok\":true,\"unit\":\"nodes\",\"would_be\":1,"
                     "\"limit\":2,\"declared\":3,\"message\":\"1 node is drained at once, and at "
                     "most 2 may be\"}");
    free(text);
    json_decref(guards);
    made_fini(&made);
}
END_TEST

START_TEST(a_plan_in_text_says_how_much_room_guards_leave)
{
    struct made made = made_of(&none);
    char *text = NULL;
    size_t size = 0;
    plan_free(made.plan);
    made.inventory->policy.guard_max_drains = 2;
    made.plan = plan_compute(&(struct plan_input){made.layout, &drained, NOW});
    FILE *out = open_memstream(&text, &size);
    report_plan_text(out, made.plan, (struct report_style){.utf8 = true});
    fclose(out);
    ck_assert_msg(strstr(text, "\nGuards\n  \u2713 max_drains: 1 node is drained at once, and at "
                               "most 2 may be\n\nWhat comes\n"),
                  "got\n%s", text);
    free(text);
    made_fini(&made);
}
END_TEST

START_TEST(a_finding_in_json_has_its_place)
{
    struct findings findings = {0};
    findings_add(&findings, &(struct finding){.severity = FINDING_WARNING,
                                              .code = "N14",
                                              .pointer = "/nodes/a",
                                              .file = "f.jsonc",
                                              .line = 3,
                                              .column = 7,
                                              .message = "m",
                                              .mend = "do"});
    findings_add(&findings, &(struct finding){.code = "x", .message = "whole"});
    json_t *array = report_findings_json(&findings);
    char *text = json_dumps(array, JSON_COMPACT);
    ck_assert_str_eq(
        text, "[{\"code\":\"N14\",\"severity\":\"warning\",\"pointer\":\"/nodes/a\",\"file\":"
              "\"f.jsonc\",\"line\":3,\"column\":7,\"message\":\"m\",\"mend\":\"do\"},"
              "{\"code\":\"x\",\"severity\":\"error\",\"pointer\":\"\",\"file\":null,\"line\":null,"
              "\"column\":null,\"message\":\"whole\",\"mend\":null}]");
    free(text);
    json_decref(array);
    findings_fini(&findings);
}
END_TEST

START_TEST(a_plan_in_text_is_a_table_without_anybodys_escapes)
{
    static const char expected[] =
        "_sips._tcp.example.org.   TTL 300   and 1 more domain\n"
        "    0 0 0 .   the service is declared absent\n"
        "\n"
        "_xmpp-client._tcp.example.org.   TTL 300   and 1 more domain\n"
        "    10 39680 5222 xmpp1.example.org. 100.0 %  capacity 200 of 320 at priority 10, scale "
        "universal\n"
        "  - 10 23808 5222 xmpp2.example.org.     out  drain dr_1 until 1970-01-01T00:17:40Z by "
        "ops: kernel ?[31m\n"
        "    20 65280 5222 xmpp3.example.org. standby  capacity 100 of 100 at priority 20, scale "
        "universal\n"
        "\n"
        "What comes\n"
        "  1970-01-01T00:17:40Z  xmpp2: whole again (drain dr_1)\n"
        "\n"
        "Plan: 2 sets with 3 records for 2 domains, 1 record withdrawn. Next change "
        "1970-01-01T00:17:40Z.\n";
    struct made made = made_of(&drained);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    report_plan_text(out, made.plan, (struct report_style){0});
    fclose(out);
    ck_assert_msg(strcmp(text, expected) == 0, "got\n%s", text);
    free(text);
    made_fini(&made);
}
END_TEST

START_TEST(a_plan_in_text_says_that_a_guard_refuses)
{
    static const struct overlay_drain all[] = {{.id = TEXT("a"), .node = TEXT("xmpp1")},
                                               {.id = TEXT("b"), .node = TEXT("xmpp2")},
                                               {.id = TEXT("c"), .node = TEXT("xmpp3")}};
    static const struct overlays overlays = {.drains = all, .drain_count = 3};
    struct made made = made_of(&overlays);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    report_plan_text(out, made.plan, (struct report_style){.utf8 = true});
    fclose(out);
    ck_assert_msg(strstr(text, "3 records withdrawn. \u2717 Refused by 1 guard.\n"), "got\n%s",
                  text);
    free(text);
    made_fini(&made);
}
END_TEST

START_TEST(a_difference_in_json_has_before_after_and_because)
{
    struct made made = made_of(&none);
    struct plan_input input = {made.layout, &drained, NOW};
    struct plan *after = plan_compute(&input);
    struct arena arena = {0};
    json_t *changes = report_diff_json(plan_diff_make(made.plan, after, &arena));
    const json_t *change = json_array_get(changes, 0);
    ck_assert_uint_eq(json_array_size(changes), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(change, "owners")), 2);
    const json_t *before = json_object_get(json_object_get(change, "before"), "records");
    const json_t *now = json_object_get(json_object_get(change, "after"), "records");
    ck_assert_uint_eq(json_array_size(before), 3);
    ck_assert_uint_eq(json_array_size(now), 2);
    const json_t *because = json_array_get(json_object_get(change, "because"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(because, "id")), "dr_1");
    json_decref(changes);

    changes = report_diff_json(plan_diff_make(NULL, after, &arena));
    ck_assert(json_is_null(json_object_get(json_array_get(changes, 0), "before")));
    json_decref(changes);
    arena_fini(&arena);
    plan_free(after);
    made_fini(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("report");
    tcase_add_loop_test(tcase, a_set_in_json_has_its_records_and_reasons, 0, COUNT_OF(sets));
    tcase_add_test(tcase, a_plan_in_json_has_everything_else_too);
    tcase_add_test(tcase, a_refusal_in_json_has_its_numbers);
    tcase_add_test(tcase, guards_that_pass_are_in_json_too);
    tcase_add_test(tcase, a_plan_in_text_says_how_much_room_guards_leave);
    tcase_add_test(tcase, a_finding_in_json_has_its_place);
    tcase_add_test(tcase, a_plan_in_text_is_a_table_without_anybodys_escapes);
    tcase_add_test(tcase, a_plan_in_text_says_that_a_guard_refuses);
    tcase_add_test(tcase, a_difference_in_json_has_before_after_and_because);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

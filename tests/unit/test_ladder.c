/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/ladder.h"
#include "make_inventory.h"
#include "srvplan/lint.h"
#include "srvplan/report/report_pools.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(string)                                                                               \
    {                                                                                              \
        (string), sizeof(string) - 1                                                               \
    }

enum {
    NOW = 1000000
};

struct made {
    struct inventory *inventory;
    struct layout *layout;
    struct plan *plan;
};

static const struct overlay_drain drain = {.id = TEXT("dr_1"), .node = TEXT("xmpp1")};
static const struct overlays none = {0}, drained = {.drains = &drain, .drain_count = 1};

/* xmpp1 and xmpp2 with 5:3 in front, xmpp3 behind; xmpps-client with this offset, which xmpp2 may
 * lack; two domains that share the pool. */
static struct made made_of(int32_t offset, bool is_fair, const struct overlays *overlays)
{
    static const char *const outside[] = {"ns.example.com", NULL};
    static const bool half[] = {true, false};
    struct findings findings = {0};
    struct made made = {.inventory = make_inventory()};
    struct inventory *inventory = made.inventory;
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_pool(inventory, "c2s");
    make_service(inventory, "xmpps-client", "_xmpps-client._tcp", 5223, offset);
    make_pool(inventory, "c2s");
    make_tier(inventory, "primary", 10);
    make_tier(inventory, "standby", 20);
    make_node(inventory, &(struct make_node){.id = "xmpp1", .capacity = 200, .ipv4 = "192.0.2.11"});
    make_node(inventory, &(struct make_node){.id = "xmpp2",
                                             .capacity = 120,
                                             .ipv4 = "192.0.2.12",
                                             .offers = is_fair ? NULL : half});
    make_node(inventory, &(struct make_node){.id = "xmpp3", .tier = 1, .ipv4 = "192.0.2.13"});
    make_selection_of_all(inventory);
    make_zone(inventory, &(struct make_zone){.apex = "example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    make_domain(inventory, &(struct make_domain){.name = "a.example.org"});
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

/* Reference table of the five merges (XEP-0368, and what clients do): T is STARTTLS, D Direct TLS,
 * a digit the node, ">" what comes when the step before is exhausted. */
static const struct {
    const char *label;
    int32_t offset;
    const char *ladders[SHARE_MERGE_COUNT];
} cases[] = {
    {.label = "one priority for both",
     .offset = 0,
     .ladders = {[SHARE_MERGE_MIXED] = "T1 T2 D1 D2 > T3 D3",
                 [SHARE_MERGE_PRIO_THEN_DIRECT] = "D1 D2 > T1 T2 > D3 > T3",
                 [SHARE_MERGE_PRIO_THEN_STARTTLS] = "T1 T2 > D1 D2 > T3 > D3",
                 [SHARE_MERGE_DIRECT_FIRST] = "D1 D2 > D3 > T1 T2 > T3",
                 [SHARE_MERGE_STARTTLS_ONLY] = "T1 T2 > T3"}},
    {.label = "Direct TLS one in front",
     .offset = -1,
     .ladders = {[SHARE_MERGE_MIXED] = "D1 D2 > T1 T2 > D3 > T3",
                 [SHARE_MERGE_PRIO_THEN_DIRECT] = "D1 D2 > T1 T2 > D3 > T3",
                 [SHARE_MERGE_PRIO_THEN_STARTTLS] = "D1 D2 > T1 T2 > D3 > T3",
                 [SHARE_MERGE_DIRECT_FIRST] = "D1 D2 > D3 > T1 T2 > T3",
                 [SHARE_MERGE_STARTTLS_ONLY] = "T1 T2 > T3"}},
    {.label = "Direct TLS one behind",
     .offset = 1,
     .ladders = {[SHARE_MERGE_MIXED] = "T1 T2 > D1 D2 > T3 > D3",
                 [SHARE_MERGE_PRIO_THEN_DIRECT] = "T1 T2 > D1 D2 > T3 > D3",
                 [SHARE_MERGE_PRIO_THEN_STARTTLS] = "T1 T2 > D1 D2 > T3 > D3",
                 [SHARE_MERGE_DIRECT_FIRST] = "D1 D2 > D3 > T1 T2 > T3",
                 [SHARE_MERGE_STARTTLS_ONLY] = "T1 T2 > T3"}},
};

static const char *ladder_print(const struct made *made, const struct ladder *ladder,
                                struct arena *arena)
{
    const char *text = "";
    for (uint32_t i = 0; i < ladder->step_count; i++)
        for (uint32_t j = 0; j < ladder->steps[i].count; j++) {
            const struct ladder_record *record = &ladder->steps[i].records[j];
            bool is_direct = made->layout->declared[record->set].service == 1;
            text = arena_printf(arena, "%s%s%s%u", text,
                                j   ? " "
                                : i ? " > "
                                    : "",
                                is_direct ? "D" : "T", record->member->node + 1);
        }
    return text;
}

START_TEST(each_merge_makes_its_own_ladder)
{
    struct arena arena = {0};
    struct made made = made_of(cases[_i].offset, true, &none);
    ck_assert_uint_eq(made.layout->pool_count, 1);
    for (int merge = 0; merge < SHARE_MERGE_COUNT; merge++) {
        struct ladder ladder =
            ladder_make(made.plan, 0, (enum share_merge)merge, LADDER_PUBLISHED, &arena);
        const char *got = ladder_print(&made, &ladder, &arena);
        ck_assert_msg(strcmp(got, cases[_i].ladders[merge]) == 0, "%s, %s: %s", cases[_i].label,
                      share_merge_print((enum share_merge)merge), got);
    }
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

START_TEST(only_published_records_are_tried)
{
    struct arena arena = {0};
    struct made made = made_of(0, true, &drained);
    struct ladder published =
        ladder_make(made.plan, 0, SHARE_MERGE_MIXED, LADDER_PUBLISHED, &arena);
    struct ladder declared = ladder_make(made.plan, 0, SHARE_MERGE_MIXED, LADDER_DECLARED, &arena);
    ck_assert_str_eq(ladder_print(&made, &published, &arena), "T2 D2 > T3 D3");
    ck_assert_str_eq(ladder_print(&made, &declared, &arena), "T1 T2 D1 D2 > T3 D3");
    ck_assert(!ladder_equal(&published, &declared));
    ck_assert(ladder_equal(&declared, &declared));
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

/* By hand: T has 39680 and 23808, D 65280 of xmpp1 alone. */
START_TEST(shares_of_the_first_step_are_exact)
{
    struct arena arena = {0};
    struct made made = made_of(0, false, &none);
    struct ladder mixed = ladder_make(made.plan, 0, SHARE_MERGE_MIXED, LADDER_DECLARED, &arena);
    struct ladder_share second = ladder_share_planned(&mixed, 1);
    struct ladder_share standby = ladder_share_planned(&mixed, 2);
    struct ladder_share record = ladder_share_of_record(&mixed, &mixed.steps[0].records[0]);
    ck_assert_uint_eq(second.num, 93); /* 23808 of 128768 */
    ck_assert_uint_eq(second.den, 503);
    ck_assert_uint_eq(standby.num, 0);
    ck_assert_uint_eq(record.num, 155); /* 39680 of 128768 */
    ck_assert_uint_eq(record.den, 503);
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

START_TEST(the_text_has_a_line_for_those_that_see_the_same)
{
    static const char expected[] =
        "\nexample.org pool c2s   xmpp-client (T), xmpps-client (D)   and 1 more domain\n"
        "  mixed, prio-then-D, prio-then-T  9 D xmpp1 xmpp2 > 10 T xmpp1 xmpp2 > 19 D xmpp3 > 20 T "
        "xmpp3\n"
        "  D-first                          9 D xmpp1 xmpp2 > 19 D xmpp3 > 10 T xmpp1 xmpp2 > 20 T "
        "xmpp3\n"
        "  T-only                           10 T xmpp1 xmpp2 > 20 T xmpp3\n";
    struct made made = made_of(-1, true, &none);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    report_pools_text(out, made.plan, (struct report_style){0});
    fclose(out);
    ck_assert_msg(strcmp(text, expected) == 0, "got%s", text);
    free(text);
    made_fini(&made);
}
END_TEST

START_TEST(json_has_a_row_for_each_record_of_each_strategy)
{
    struct made made = made_of(0, true, &drained);
    json_t *pools = report_pools_json(made.plan);
    const json_t *strategies = json_object_get(json_array_get(pools, 0), "strategies");
    char *text = json_dumps(json_object_get(strategies, "prio-then-D"), JSON_COMPACT);
    ck_assert_uint_eq(json_object_size(strategies), SHARE_MERGE_COUNT);
    ck_assert_str_eq(text, "[{\"step\":0,\"priority\":10,\"service\":\"xmpps-client\",\"node\":"
                           "\"xmpp2\",\"weight\":23808,\"share\":\"1/1\"},"
                           "{\"step\":1,\"priority\":10,\"service\":\"xmpp-client\",\"node\":"
                           "\"xmpp2\",\"weight\":23808},"
                           "{\"step\":2,\"priority\":20,\"service\":\"xmpps-client\",\"node\":"
                           "\"xmpp3\",\"weight\":65280},"
                           "{\"step\":3,\"priority\":20,\"service\":\"xmpp-client\",\"node\":"
                           "\"xmpp3\",\"weight\":65280}]");
    free(text);
    json_decref(pools);
    made_fini(&made);
}
END_TEST

static const struct finding *finding_of(const struct findings *findings, const char *code)
{
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->items[i].code, code) == 0)
            return &findings->items[i];
    return NULL;
}

START_TEST(a_node_in_one_half_is_found_with_the_shares)
{
    struct made made = made_of(0, false, &drained); /* who is drained does not matter */
    struct findings findings = {0};
    lint_plan(made.plan, LAYOUT_FOR_PLAN, LINT_ALL, &findings);
    const struct finding *finding = finding_of(&findings, "X17");
    ck_assert_ptr_nonnull(finding);
    ck_assert_str_eq(finding->pointer, "/nodes/xmpp2");
    ck_assert_str_eq(finding->message,
                     "pool c2s of example.org has xmpp2 for STARTTLS only: clients that know "
                     "STARTTLS only go to xmpp1 5/8, xmpp2 3/8; those that try Direct TLS first to "
                     "xmpp1 1/1; those that take both as one set to xmpp1 410/503, xmpp2 93/503");
    findings_fini(&findings);
    made_fini(&made);
}
END_TEST

START_TEST(a_fair_pool_is_not_found)
{
    struct made made = made_of(0, true, &none);
    struct findings findings = {0};
    lint_plan(made.plan, LAYOUT_FOR_PLAN, LINT_ALL, &findings);
    ck_assert_ptr_null(finding_of(&findings, "X17"));
    findings_fini(&findings);
    made_fini(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ladder");
    TCase *tcase = tcase_create("ladder");
    tcase_add_loop_test(tcase, each_merge_makes_its_own_ladder, 0, COUNT_OF(cases));
    tcase_add_test(tcase, only_published_records_are_tried);
    tcase_add_test(tcase, shares_of_the_first_step_are_exact);
    tcase_add_test(tcase, the_text_has_a_line_for_those_that_see_the_same);
    tcase_add_test(tcase, json_has_a_row_for_each_record_of_each_strategy);
    tcase_add_test(tcase, a_node_in_one_half_is_found_with_the_shares);
    tcase_add_test(tcase, a_fair_pool_is_not_found);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

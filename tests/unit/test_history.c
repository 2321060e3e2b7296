/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What "no cache can name the node any more" rests on: which version of a set named whom, and when
 * it was last served; with dnsd's memory, without it, and across restarts. */
#include "api/world/history.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char inventory[] =
    "{\"srvplan\": 1, \"defaults\": {\"ttl\": 60, \"name_servers\": [{\"host\": "
    "\"ns1.example.org\", \"addresses\": [\"192.0.2.53\"]}]}, \"domains\": {\"example.org\": "
    "{\"services\": [\"xmpp-client\", \"xmpp-server\"]}}, \"nodes\": {\"a\": {\"addresses\": "
    "[\"192.0.2.1\"]}, \"b\": {\"addresses\": [\"192.0.2.2\"]}}}";

enum {
    NOW_S = 1000000
};
#define NOW_MS (INT64_C(1000) * NOW_S)

static struct {
    struct base *base;
    struct plan *plans[2]; /* with both nodes; without a */
    struct overlay_drain drain;
    struct overlays overlays[2];
    struct history history;
} world;

static struct text a_node = {"a", 1}, no_services = {0};

static void build(void)
{
    struct findings findings = {0};
    struct store_inventory source = {.text = text_from(inventory)};
    memset(&world, 0, sizeof world);
    world.base = base_load(&source, NULL, &findings);
    ck_assert_msg(world.base != NULL, "%s", findings.count ? findings.items[0].message : "?");
    findings_fini(&findings);
    world.drain = (struct overlay_drain){.id = text_from("dr_1"), .node = a_node};
    world.overlays[1] = (struct overlays){.drains = &world.drain, .drain_count = 1};
    for (int i = 0; i < 2; i++)
        world.plans[i] = plan_compute(&(struct plan_input){
            .layout = world.base->layout, .overlays = &world.overlays[i], .at_ms = NOW_MS});
}

static void tear_down(void)
{
    history_fini(&world.history);
    plan_free(world.plans[0]);
    plan_free(world.plans[1]);
    base_unref(world.base);
}

/* The memory of a generation in which the client set was last served at second `at_s`. */
static int memory_of(uint64_t generation, uint32_t at_s)
{
    struct served_memory memory = {0};
    struct error err = {0};
    int fd = -1;
    ck_assert_msg(
        served_memory_make(&memory, &fd, generation, 2, world.base->names.set_count, &err), "%s",
        err.message);
    served_memory_row(&memory, 1)[0] = at_s;
    served_memory_close(&memory);
    return fd;
}

static void serve(uint64_t generation, int fd, int64_t at_ms)
{
    history_served(&world.history, world.base, generation, fd, at_ms);
}

static int64_t clear_at(bool *is_final)
{
    struct history_question question = {.node = a_node, .services = no_services};
    return history_clear_at(&world.history, &question, is_final);
}

START_TEST(a_node_in_force_is_not_clear)
{
    bool is_final;
    history_advance(&world.history, NULL, world.plans[0], 1);
    serve(1, -1, NOW_MS);
    ck_assert_int_eq(clear_at(&is_final), 0);
}
END_TEST

START_TEST(until_the_memory_is_final_the_acknowledgement_counts_and_then_the_memory)
{
    bool is_final;
    history_advance(&world.history, NULL, world.plans[0], 1);
    serve(1, memory_of(1, NOW_S + 3), NOW_MS);
    history_advance(&world.history, world.plans[0], world.plans[1], 2);
    ck_assert_int_eq(clear_at(&is_final), 0); /* stored, not acknowledged */
    serve(2, -1, NOW_MS + 10500);
    /* acknowledged at 10.5 s, streams may linger 5 s, TTL 60, and the second that caches round */
    ck_assert_int_eq(clear_at(&is_final), NOW_MS + (11 + 5 + 60 + 1) * 1000);
    ck_assert(!is_final);
    history_retired(&world.history, 1, NOW_MS + 10600);
    ck_assert_int_eq(clear_at(&is_final), NOW_MS + (3 + 60 + 1) * 1000);
    ck_assert(is_final);
    /* resolvers that clamp TTLs to an hour */
    struct history_question clamped = {
        .node = a_node, .services = no_services, .extra_ttl_s = 3600};
    ck_assert_int_eq(history_clear_at(&world.history, &clamped, &is_final),
                     NOW_MS + (3 + 3600 + 1) * 1000);
}
END_TEST

START_TEST(a_set_that_nobody_asked_for_is_in_no_cache)
{
    bool is_final;
    history_advance(&world.history, NULL, world.plans[0], 1);
    serve(1, memory_of(1, 0), NOW_MS);
    history_advance(&world.history, world.plans[0], world.plans[1], 2);
    serve(2, -1, NOW_MS + 100);
    history_retired(&world.history, 1, NOW_MS + 200);
    ck_assert_int_eq(clear_at(&is_final), 1);
    ck_assert(is_final);
}
END_TEST

START_TEST(a_version_in_force_over_several_generations_keeps_the_latest_second)
{
    bool is_final;
    history_advance(&world.history, NULL, world.plans[0], 1);
    serve(1, memory_of(1, NOW_S + 50), NOW_MS);
    history_advance(&world.history, world.plans[0], world.plans[0], 2); /* nothing of it changed */
    serve(2, memory_of(2, NOW_S + 20), NOW_MS + 100);
    history_retired(&world.history, 1, NOW_MS + 200);
    history_advance(&world.history, world.plans[0], world.plans[1], 3);
    serve(3, -1, NOW_MS + 300);
    history_retired(&world.history, 2, NOW_MS + 400);
    ck_assert_int_eq(clear_at(&is_final), NOW_MS + (50 + 60 + 1) * 1000);
}
END_TEST

START_TEST(what_dnsd_takes_with_it_counts_as_served_until_then)
{
    bool is_final;
    history_advance(&world.history, NULL, world.plans[0], 1);
    serve(1, memory_of(1, NOW_S + 1), NOW_MS);
    history_lost(&world.history, NOW_MS + 40000); /* killed while the set was in force */
    serve(1, memory_of(1, 0), NOW_MS + 41000);    /* the next dnsd was not asked */
    history_advance(&world.history, world.plans[0], world.plans[1], 2);
    serve(2, -1, NOW_MS + 42000);
    history_retired(&world.history, 1, NOW_MS + 42100);
    ck_assert_int_eq(clear_at(&is_final), NOW_MS + (40 + 60 + 1) * 1000);
    ck_assert(is_final);
}
END_TEST

START_TEST(a_loss_after_the_swap_brings_the_bound_down_to_it_and_makes_it_final)
{
    bool is_final;
    history_advance(&world.history, NULL, world.plans[0], 1);
    serve(1, memory_of(1, NOW_S), NOW_MS);
    history_advance(&world.history, world.plans[0], world.plans[1], 2);
    serve(2, -1, NOW_MS + 1000);
    history_lost(&world.history, NOW_MS + 2000);
    ck_assert_int_eq(clear_at(&is_final), NOW_MS + (2 + 60 + 1) * 1000);
    ck_assert(is_final);
}
END_TEST

START_TEST(a_commit_that_did_not_happen_leaves_the_versions_as_they_were)
{
    bool is_final;
    history_advance(&world.history, NULL, world.plans[0], 1);
    for (size_t i = 0; i < world.history.version_count; i++) {
        world.history.versions[i].row.id = (int64_t)i + 1; /* stored */
        world.history.versions[i].is_dirty = false;
    }
    size_t count = world.history.version_count;
    history_advance(&world.history, world.plans[0], world.plans[1], 2);
    history_retreat(&world.history, 2);
    ck_assert_uint_eq(world.history.version_count, count);
    ck_assert_int_eq(clear_at(&is_final), 0); /* still in force */
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(world.history.versions[i].row.last_revision, 0);
}
END_TEST

START_TEST(after_a_restart_what_was_in_force_may_have_been_served_until_then)
{
    struct store_set_version rows[] = {
        {.id = 1,
         .key = world.base->layout->declared[0].key,
         .first_revision = 1,
         .ttl_s = 60,
         .label = text_from("example.org/xmpp-client"),
         .nodes = text_from("a b")},
    };
    struct store_state state = {.versions = rows, .version_count = 1};
    bool is_final;
    history_restore(&world.history, &state, NOW_MS + 5000);
    serve(1, memory_of(1, NOW_S + 1), NOW_MS + 5500);
    history_advance(&world.history, world.plans[0], world.plans[1], 2);
    serve(2, -1, NOW_MS + 6000);
    history_retired(&world.history, 1, NOW_MS + 6100);
    ck_assert_int_eq(clear_at(&is_final), NOW_MS + (5 + 60 + 1) * 1000);
}
END_TEST

START_TEST(a_drain_of_one_service_looks_at_that_service_only)
{
    bool is_final;
    struct overlay_drain drain = world.drain;
    const struct text service = text_from("xmpp-server");
    drain.services = &service;
    drain.service_count = 1;
    struct overlays overlays = {.drains = &drain, .drain_count = 1};
    struct plan *plan = plan_compute(
        &(struct plan_input){.layout = world.base->layout, .overlays = &overlays, .at_ms = NOW_MS});
    history_advance(&world.history, NULL, world.plans[0], 1);
    serve(1, memory_of(1, NOW_S), NOW_MS);
    history_advance(&world.history, world.plans[0], plan, 2);
    serve(2, -1, NOW_MS + 100);
    history_retired(&world.history, 1, NOW_MS + 200);
    ck_assert_int_eq(clear_at(&is_final), 0); /* the client set still names it */
    struct history_question question = {.node = a_node, .services = service};
    ck_assert_int_ne(history_clear_at(&world.history, &question, &is_final), 0);
    ck_assert(is_final);
    plan_free(plan);
}
END_TEST

START_TEST(only_what_was_retired_long_ago_and_stored_is_forgotten)
{
    bool is_final;
    history_advance(&world.history, NULL, world.plans[0], 1);
    serve(1, memory_of(1, NOW_S), NOW_MS);
    history_advance(&world.history, world.plans[0], world.plans[1], 2);
    serve(2, -1, NOW_MS + 100);
    history_retired(&world.history, 1, NOW_MS + 200);
    size_t count = world.history.version_count;
    history_forget(&world.history, NOW_MS + 201); /* not in the store yet */
    ck_assert_uint_eq(world.history.version_count, count);
    for (size_t i = 0; i < count; i++)
        world.history.versions[i].is_dirty = false;
    history_forget(&world.history, NOW_MS + 200); /* not long ago */
    ck_assert_uint_eq(world.history.version_count, count);
    history_forget(&world.history, NOW_MS + 201);
    ck_assert_uint_eq(world.history.version_count, count / 2); /* those in force stay */
    ck_assert_int_eq(clear_at(&is_final), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *tcase = tcase_create("history");
    tcase_add_checked_fixture(tcase, build, tear_down);
    tcase_add_test(tcase, a_node_in_force_is_not_clear);
    tcase_add_test(tcase, until_the_memory_is_final_the_acknowledgement_counts_and_then_the_memory);
    tcase_add_test(tcase, a_set_that_nobody_asked_for_is_in_no_cache);
    tcase_add_test(tcase, a_version_in_force_over_several_generations_keeps_the_latest_second);
    tcase_add_test(tcase, what_dnsd_takes_with_it_counts_as_served_until_then);
    tcase_add_test(tcase, a_loss_after_the_swap_brings_the_bound_down_to_it_and_makes_it_final);
    tcase_add_test(tcase, a_commit_that_did_not_happen_leaves_the_versions_as_they_were);
    tcase_add_test(tcase, after_a_restart_what_was_in_force_may_have_been_served_until_then);
    tcase_add_test(tcase, a_drain_of_one_service_looks_at_that_service_only);
    tcase_add_test(tcase, only_what_was_retired_long_ago_and_stored_is_forgotten);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "planned_text.h"
#include "srvplan/explain.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct planned_text planned;

static void teardown(void)
{
    planned_text_fini(&planned);
    arena_fini(&arena);
    arena = (struct arena){0};
    planned = (struct planned_text){0};
}

static struct explanation *explain(const char *node, const char *set, struct error *err)
{
    struct explain_question question = {
        .plan = planned.plan,
        .node = inventory_find_node(planned.inventory, text_from(node)),
        .domain = INVENTORY_NONE,
    };
    struct simulate_pool pool;
    if (set) {
        ck_assert(simulate_pool_find(planned.plan, text_from(set), &arena, &pool, err));
        question.domain = pool.domain;
        question.service = pool.service;
    }
    return explain_node(&question, err);
}

static bool has_text(const char *const *texts, uint32_t count, const char *part)
{
    for (uint32_t i = 0; i < count; i++)
        if (strstr(texts[i], part))
            return true;
    return false;
}

START_TEST(every_set_of_the_node_is_explained_and_a_pool_is_simulated_once)
{
    struct error err = {0};
    planned = planned_text_from(planned_text_cluster);
    struct explanation *all = explain("xmpp2", NULL, &err);
    ck_assert_msg(all, "%s", err.message);
    ck_assert_uint_eq(all->set_count, 3);
    ck_assert_uint_eq(all->simulation_count, 2);
    ck_assert_str_eq(all->sets[0].because, "capacity 30 of 100 at priority 10, scale universal");
    explanation_free(all);
}
END_TEST

START_TEST(culprits_come_by_how_many_connections_they_move_with_a_reason)
{
    static const char *const expected[] = {
        "Conversations (45 % of your users): 0.0 % instead of 30.0 %; all of them land on xmpp1, "
        "because its record comes first in a hash of the bytes",
        "Siskin (8 % of your users): 0.0 % instead of 30.0 %; all of them land on xmpp1, the "
        "heaviest record",
        "libstrophe (4 % of your users): 0.0 % instead of 30.0 %; all of them",
    };
    struct error err = {0};
    planned = planned_text_from(planned_text_cluster);
    struct explanation *all = explain("xmpp2", "example.org/xmpp-client", &err);
    ck_assert_msg(all, "%s", err.message);
    ck_assert_uint_gt(all->sets[0].culprit_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        ck_assert_msg(strstr(all->sets[0].culprits[i].text, expected[i]), "%s",
                      all->sets[0].culprits[i].text);
    ck_assert_uint_eq(all->sets[0].culprits[3].client->who.part_ppb, 0); /* not in the audience */
    explanation_free(all);
}
END_TEST

START_TEST(a_drain_names_who_takes_over_and_what_the_next_failure_would_do)
{
    struct error err = {0};
    planned = planned_text_from(planned_text_cluster);
    struct explanation *all = explain("xmpp3", "example.org/xmpp-server", &err);
    const struct explain_drain *drain = &all->sets[0].drain;
    ck_assert(rational_is_zero(drain->line.shares[2]));
    ck_assert(!drain->is_last && !drain->is_last_two);
    ck_assert_uint_eq(drain->next, 0); /* then xmpp2 has all, 10/3 of its capacity */
    ck_assert_str_eq(rational_print(drain->further.loads[1], &arena), "10/3");
    ck_assert_uint_eq(drain->refusal_count, 0);
    explanation_free(all);
}
END_TEST

static const char guarded[] =
    "{ \"srvplan\": 1, \"defaults\": { \"base\": \"example.org\", \"services\": [\"xmpp-client\"] "
    "},"
    "  \"domains\": { \"example.org\": {} },"
    "  \"nodes\": { \"a\": { \"addresses\": [\"192.0.2.1\"], \"host\": \"example.org\" },"
    "    \"b\": { \"addresses\": [\"192.0.2.2\"], \"state\": \"maint\" },"
    "    \"c\": { \"addresses\": [\"192.0.2.3\"], \"state\": \"off\" } } }";

START_TEST(a_drain_that_a_guard_forbids_is_told_beforehand)
{
    struct error err = {0};
    planned = planned_text_from(guarded);
    struct explanation *all = explain("a", NULL, &err);
    ck_assert_msg(all, "%s", err.message);
    ck_assert(all->sets[0].drain.is_last);
    ck_assert_uint_eq(all->sets[0].drain.refusal_count, 1);
    ck_assert(
        has_text(all->sets[0].notes, all->sets[0].note_count, "port 5222 of example.org itself"));
    ck_assert(has_text(all->sets[0].notes, all->sets[0].note_count, "that is this node"));
    explanation_free(all);
}
END_TEST

START_TEST(a_node_without_a_record_is_explained_too)
{
    struct error err = {0};
    planned = planned_text_from(guarded);
    struct explanation *all = explain("b", NULL, &err);
    ck_assert_uint_eq(all->set_count, 1);
    ck_assert_uint_eq(all->sets[0].position, INVENTORY_NONE);
    ck_assert_str_eq(all->sets[0].because, "state maint of the node in the inventory");
    explanation_free(all);
    all = explain("c", NULL, &err);
    ck_assert_uint_eq(all->set_count, 0);
    explanation_free(all);
    ck_assert_ptr_null(explain("c", "example.org/xmpp-client", &err));
    ck_assert_ptr_nonnull(strstr(err.message, "node c is not among those of"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explain");
    TCase *tests = tcase_create("explain");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, every_set_of_the_node_is_explained_and_a_pool_is_simulated_once);
    tcase_add_test(tests, culprits_come_by_how_many_connections_they_move_with_a_reason);
    tcase_add_test(tests, a_drain_names_who_takes_over_and_what_the_next_failure_would_do);
    tcase_add_test(tests, a_drain_that_a_guard_forbids_is_told_beforehand);
    tcase_add_test(tests, a_node_without_a_record_is_explained_too);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

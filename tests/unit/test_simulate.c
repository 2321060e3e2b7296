/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pools, clients, audiences, outages and forecasts of small inventories. */
#include "planned_text.h"
#include "srvplan/simulate_draw.h"
#include "srvplan/simulation.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct planned_text cluster;

static void setup(void)
{
    cluster = planned_text_from(planned_text_cluster);
}

static void teardown(void)
{
    planned_text_fini(&cluster);
    arena_fini(&arena);
    arena = (struct arena){0};
}

static struct simulate_pool pool_of(const struct planned_text *planned, const char *name)
{
    struct simulate_pool pool;
    struct error err = {0};
    bool ok = simulate_pool_find(planned->plan, text_from(name), &arena, &pool, &err);
    ck_assert_msg(ok, "%s: %s", name, err.message);
    return pool;
}

static struct simulation *simulation_of(const struct planned_text *planned, const char *name,
                                        enum simulate_order order, const bool *is_down)
{
    struct error err = {0};
    struct simulation_question question = {.plan = planned->plan,
                                           .pool = pool_of(planned, name),
                                           .order = order,
                                           .is_down = is_down,
                                           .clients = 1000,
                                           .only_outage = INVENTORY_NONE};
    struct simulation *simulation = simulation_run(&question, &err);
    ck_assert_msg(simulation, "%s: %s", name, err.message);
    return simulation;
}

/* "58.7 26.7 14.6" */
static const char *percents(const struct simulation *simulation, const struct rational *shares)
{
    const char *text = "";
    for (uint32_t i = 0; i < simulation->pool->node_count; i++) {
        uint64_t permille = rational_to_parts(shares[i], 1000);
        text =
            arena_printf(&arena, "%s%s%llu.%llu", text, i ? " " : "",
                         (unsigned long long)(permille / 10), (unsigned long long)(permille % 10));
    }
    return text;
}

static const char *exacts(const struct simulation *simulation, const struct rational *shares)
{
    const char *text = "";
    for (uint32_t i = 0; i < simulation->pool->node_count; i++)
        text =
            arena_printf(&arena, "%s%s%s", text, i ? " " : "", rational_print(shares[i], &arena));
    return text;
}

static const struct simulation_client *client_of(const struct simulation *simulation,
                                                 const char *id)
{
    for (uint32_t i = 0; i < simulation->client_count; i++)
        if (text_is(simulation->clients[i].who.name, id))
            return &simulation->clients[i];
    ck_abort_msg("no client %s", id);
    return NULL;
}

/* -- the worked examples ------------------------------------------------------------------------
 */

/* 5:3:2, 45 % Conversations and so on: 76/13/10 instead of 50/30/20, where resolvers rotate. */
START_TEST(users_of_the_example_go_76_13_10_instead_of_50_30_20)
{
    struct simulation *simulation =
        simulation_of(&cluster, "example.org/xmpp-client", SIMULATE_ORDER_ROTATED, NULL);
    ck_assert_str_eq(exacts(simulation, simulation->ideal.shares), "1/2 3/10 1/5");
    ck_assert_str_eq(percents(simulation, simulation->merged.shares), "76.5 13.3 10.2");
    simulation_free(simulation);
}
END_TEST

START_TEST(weighted_answers_give_the_monals_of_the_example_their_weights)
{
    struct simulation *simulation =
        simulation_of(&cluster, "example.org/xmpp-client", SIMULATE_ORDER_WEIGHTED, NULL);
    ck_assert_str_eq(percents(simulation, simulation->merged.shares), "78.5 12.9 8.6");
    ck_assert_str_eq(exacts(simulation, client_of(simulation, "monal")->tried), "1/2 3/10 1/5");
    simulation_free(simulation);
}
END_TEST

START_TEST(peers_of_the_example_go_58_7_26_7_14_6)
{
    struct simulation *simulation =
        simulation_of(&cluster, "example.org/xmpp-server", SIMULATE_ORDER_WEIGHTED, NULL);
    ck_assert_str_eq(percents(simulation, simulation->merged.shares), "58.7 26.7 14.6");
    ck_assert_str_eq(exacts(simulation, client_of(simulation, "tigase")->tried), "1/3 1/3 1/3");
    ck_assert_str_eq(percents(simulation, simulation->merged.loads), "117.4 89.1 72.8");
    ck_assert_uint_eq(simulation->merged.worst, 0);
    simulation_free(simulation);
}
END_TEST

START_TEST(a_client_asked_by_either_service_sees_the_same_pool)
{
    struct simulation *starttls =
        simulation_of(&cluster, "example.org/xmpp-client", SIMULATE_ORDER_WEIGHTED, NULL);
    struct simulation *direct =
        simulation_of(&cluster, "EXAMPLE.org./xmpps-client", SIMULATE_ORDER_WEIGHTED, NULL);
    ck_assert_uint_eq(starttls->pool->target_count, 6);
    ck_assert_str_eq(exacts(starttls, starttls->merged.shares),
                     exacts(direct, direct->merged.shares));
    ck_assert_ptr_ne(starttls->pool->plan, NULL);
    simulation_free(starttls);
    simulation_free(direct);
}
END_TEST

/* -- orders -------------------------------------------------------------------------------------
 */

static const struct {
    const char *label;
    enum simulate_order order;
    const char *id, *shares;
} orders[] = {
    {"answer order, weighted: by weight", SIMULATE_ORDER_WEIGHTED, "answer-order", "1/2 3/10 1/5"},
    {"answer order, fixed: the first", SIMULATE_ORDER_FIXED, "answer-order", "1/1 0/1 0/1"},
    {"answer order, rotated: alike", SIMULATE_ORDER_ROTATED, "answer-order", "1/3 1/3 1/3"},
    {"the ideal looks at no order", SIMULATE_ORDER_ROTATED, "plackett-luce", "1/2 3/10 1/5"},
    {"RFC 2782, fixed: the first gains 1/(sum+1)", SIMULATE_ORDER_FIXED, "prosody",
     "32001/64001 19200/64001 12800/64001"},
    {"… rotated: each gains a third of it", SIMULATE_ORDER_ROTATED, "prosody",
     "96001/192003 57601/192003 38401/192003"},
};

START_TEST(the_order_of_answers_counts_where_a_client_reads_it)
{
    struct simulate_pool pool = pool_of(&cluster, "example.org/xmpp-server");
    struct simulate_case how = {.pool = &pool, .order = orders[_i].order};
    struct rational shares[3];
    struct error err = {0};
    const struct client_model *model = client_model_find(text_from(orders[_i].id));
    ck_assert(simulate_model(&how, model, &arena, shares, &err));
    const char *seen =
        arena_printf(&arena, "%s %s %s", rational_print(shares[0], &arena),
                     rational_print(shares[1], &arena), rational_print(shares[2], &arena));
    ck_assert_msg(strcmp(seen, orders[_i].shares) == 0, "%s: %s", orders[_i].label, seen);
}
END_TEST

/* -- who is down, who is withdrawn --------------------------------------------------------------
 */

START_TEST(a_dead_node_stays_in_the_answer_and_its_share_goes_to_the_next)
{
    static const bool is_down[] = {true, false, false};
    struct simulation *simulation =
        simulation_of(&cluster, "example.org/xmpp-client", SIMULATE_ORDER_WEIGHTED, is_down);
    const struct simulation_client *smack = client_of(simulation, "smack");
    ck_assert(simulation->has_down);
    ck_assert_str_eq(exacts(simulation, smack->tried), "1/2 3/10 1/5");
    ck_assert_str_eq(exacts(simulation, smack->reached), "0/1 3/5 2/5");
    ck_assert_str_eq(rational_print(smack->dead_tried, &arena), "1/2");
    ck_assert_str_eq(exacts(simulation, simulation->ideal.shares), "1/2 3/10 1/5");
    ck_assert_str_eq(exacts(simulation, simulation->ideal_reached.shares), "0/1 3/5 2/5");
    simulation_free(simulation);
}
END_TEST

START_TEST(a_dead_node_costs_its_time_out_and_a_client_that_tries_once_its_connection)
{
    static const bool is_down[] = {true, false, false};
    struct simulation *simulation =
        simulation_of(&cluster, "example.org/xmpp-client", SIMULATE_ORDER_WEIGHTED, is_down);
    const struct simulation_client *dino = client_of(simulation, "dino");
    const struct simulation_client *sendxmpp = client_of(simulation, "go-sendxmpp");
    double dead = rational_to_double(dino->dead_tried);
    ck_assert_double_eq_tol(dino->delay_s, 30 * dead, 1e-9);
    ck_assert_str_eq(exacts(simulation, sendxmpp->reached), "0/1 3/10 1/5");
    ck_assert_str_eq(rational_print(sendxmpp->dead_tried, &arena), "1/2");
    simulation_free(simulation);
}
END_TEST

START_TEST(every_node_is_out_once)
{
    struct simulation *simulation =
        simulation_of(&cluster, "example.org/xmpp-server", SIMULATE_ORDER_WEIGHTED, NULL);
    const struct simulation_outage *first = &simulation->outages[0];
    ck_assert_str_eq(exacts(simulation, first->ideal.shares), "0/1 3/5 2/5");
    ck_assert_str_eq(rational_print(first->ideal.dead_tried, &arena), "1/2");
    ck_assert_uint_eq(first->audience.worst, 1);
    ck_assert(!first->is_last);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert(rational_is_zero(simulation->outages[i].audience.shares[i]));
        ck_assert(rational_is_zero(simulation->outages[i].withdrawn.shares[i]));
        ck_assert(rational_is_zero(simulation->outages[i].audience.lost));
    }
    simulation_free(simulation);
}
END_TEST

START_TEST(the_last_node_leaves_nobody)
{
    struct planned_text alone = planned_text_from(
        "{ \"srvplan\": 1, \"domains\": { \"example.org\": { \"services\": [\"xmpp-client\"] } },"
        "  \"nodes\": { \"xmpp1\": { \"addresses\": [\"192.0.2.1\"] } } }");
    struct simulation *simulation =
        simulation_of(&alone, "example.org/xmpp-client", SIMULATE_ORDER_WEIGHTED, NULL);
    ck_assert(simulation->outages[0].is_last);
    ck_assert_str_eq(rational_print(simulation->outages[0].audience.lost, &arena), "1/1");
    ck_assert(!simulation->audience.is_declared);
    simulation_free(simulation);
    planned_text_fini(&alone);
}
END_TEST

/* -- pools --------------------------------------------------------------------------------------
 */

static const char offered_unlike[] =
    "{ \"srvplan\": 1, \"defaults\": { \"base\": \"example.org\" },"
    "  \"domains\": { \"example.org\": { \"services\": [\"xmpp-client\", \"xmpps-client\","
    "     \"imap\"] } },"
    "  \"tiers\": { \"primary\": { \"priority\": 10 }, \"standby\": { \"priority\": 20 } },"
    "  \"nodes\": {"
    "    \"a\": { \"addresses\": [\"192.0.2.1\"], \"tier\": \"primary\" },"
    "    \"b\": { \"addresses\": [\"192.0.2.2\"], \"tier\": \"primary\", \"state\": \"drain\" },"
    "    \"c\": { \"addresses\": [\"192.0.2.3\"], \"tier\": \"standby\", \"capacity\": 300 } } }";

START_TEST(a_pool_has_the_published_nodes_and_only_those_in_front_serve)
{
    struct planned_text planned = planned_text_from(offered_unlike);
    struct simulate_pool pool = pool_of(&planned, "example.org/xmpp-client");
    ck_assert_uint_eq(pool.node_count, 2);
    ck_assert_uint_eq(pool.target_count, 4);
    ck_assert_uint_eq(simulate_node_find(&pool, 1), INVENTORY_NONE);
    ck_assert_uint_eq(simulate_node_find(&pool, 2), 1);
    ck_assert(simulate_is_serving(&pool, 0) && !simulate_is_serving(&pool, 3));
    ck_assert_uint_eq(simulate_serving_capacity(&pool), 100);
    ck_assert_int_eq(pool.role, CLIENT_OF_USERS);
    struct simulate_pool imap = pool_of(&planned, "example.org/imap");
    ck_assert_uint_eq(imap.service_count, 1);
    ck_assert_int_eq(imap.role, CLIENT_OTHER);
    planned_text_fini(&planned);
}
END_TEST

static const struct {
    const char *name, *message;
    enum error_kind kind;
} refused[] = {
    {"example.org", "expected DOMAIN/SERVICE", ERROR_USAGE},
    {"example.com/xmpp-client", "the inventory has no such domain", ERROR_NOT_FOUND},
    {"example.org/xmpp", "there is no service 'xmpp'; example.org. has xmpp-client",
     ERROR_NOT_FOUND},
    {"example.org/imap", "does not offer imap; it has xmpp-client, xmpp-server, xmpps-client",
     ERROR_NOT_FOUND},
};

START_TEST(a_set_that_is_not_there_is_answered_with_those_that_are)
{
    struct simulate_pool pool;
    struct error err = {0};
    ck_assert(!simulate_pool_find(cluster.plan, text_from(refused[_i].name), &arena, &pool, &err));
    ck_assert_int_eq(err.kind, refused[_i].kind);
    ck_assert_msg(strstr(err.message, refused[_i].message), "%s: %s", refused[_i].name,
                  err.message);
}
END_TEST

/* -- time ---------------------------------------------------------------------------------------
 */

static const struct forecast_curve *curve_of(const struct forecast *forecast, const char *id)
{
    for (uint32_t i = 0; i < forecast->curve_count; i++)
        if (strcmp(forecast->curves[i].id, id) == 0)
            return &forecast->curves[i];
    return NULL;
}

START_TEST(the_forecast_takes_its_numbers_from_the_inventory)
{
    struct simulation *users =
        simulation_of(&cluster, "example.org/xmpp-client", SIMULATE_ORDER_WEIGHTED, NULL);
    struct simulation *peers =
        simulation_of(&cluster, "example.org/xmpp-server", SIMULATE_ORDER_WEIGHTED, NULL);
    const struct forecast *forecast = &users->forecast;
    ck_assert_double_eq(curve_of(forecast, "published")->safe_s, 330); /* grace 30 s */
    ck_assert_double_eq(curve_of(forecast, "lowered")->safe_s, 90);
    ck_assert_double_eq(curve_of(forecast, "resolvers")->end_s, 3600);
    ck_assert_ptr_null(curve_of(forecast, "client-cache"));
    ck_assert_double_eq(curve_of(&peers->forecast, "client-cache")->end_s, 360); /* Openfire */
    ck_assert(forecast->is_life_assumed && forecast->is_profile_assumed);
    ck_assert_double_eq_tol(forecast->stored_ppb, 0.08 * RATIO_ONE, 1);  /* Siskin */
    ck_assert_double_eq_tol(forecast->located_ppb, 0.45 * RATIO_ONE, 1); /* Conversations */
    ck_assert_double_eq_tol(forecast->arrivals_per_s, 1000.0 / 86400, 1e-9);
    ck_assert(!forecast->drains[0].has_pace); /* nobody says how many log-ins it bears */
    simulation_free(users);
    simulation_free(peers);
}
END_TEST

START_TEST(longer_ttls_cost_fewer_queries_and_more_patience)
{
    struct simulation *simulation =
        simulation_of(&cluster, "example.org/xmpp-client", SIMULATE_ORDER_WEIGHTED, NULL);
    const struct forecast *forecast = &simulation->forecast;
    uint32_t present = 0;
    for (uint32_t i = 0; i < forecast->ttl_count; i++) {
        present += forecast->ttls[i].is_present;
        ck_assert(i == 0 || forecast->ttls[i].ttl_s > forecast->ttls[i - 1].ttl_s);
        ck_assert(i == 0 || forecast->ttls[i].safe_s > forecast->ttls[i - 1].safe_s);
        ck_assert(i == 0 || forecast->ttls[i].queries_per_s < forecast->ttls[i - 1].queries_per_s);
    }
    ck_assert_uint_eq(present, 1);
    simulation_free(simulation);
}
END_TEST

START_TEST(a_crowd_that_is_drawn_is_as_expected_within_six_deviations)
{
    const struct rational shares[] = {rational_from(&arena, 5, 8), rational_from(&arena, 0, 1),
                                      rational_from(&arena, 2, 8)};
    const double expected[] = {0.625, 0, 0.25};
    uint64_t counts[3], again[3];
    enum {
        CROWD = 100000
    };
    uint64_t lost = simulate_draw(shares, 3, CROWD, (uint64_t)_i, counts);
    uint64_t sum = lost;
    for (size_t i = 0; i < 3; i++) {
        double spread = sqrt(CROWD * expected[i] * (1 - expected[i]));
        ck_assert_double_le(fabs((double)counts[i] - CROWD * expected[i]), 6 * spread);
        sum += counts[i];
    }
    ck_assert_uint_eq(sum, CROWD);
    ck_assert_uint_eq(simulate_draw(shares, 3, CROWD, (uint64_t)_i, again), lost);
    ck_assert_mem_eq(counts, again, sizeof counts);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulate");
    TCase *tests = tcase_create("simulate");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_crowd_that_is_drawn_is_as_expected_within_six_deviations, 0, 5);
    tcase_add_test(tests, users_of_the_example_go_76_13_10_instead_of_50_30_20);
    tcase_add_test(tests, weighted_answers_give_the_monals_of_the_example_their_weights);
    tcase_add_test(tests, peers_of_the_example_go_58_7_26_7_14_6);
    tcase_add_test(tests, a_client_asked_by_either_service_sees_the_same_pool);
    tcase_add_loop_test(tests, the_order_of_answers_counts_where_a_client_reads_it, 0,
                        COUNT_OF(orders));
    tcase_add_test(tests, a_dead_node_stays_in_the_answer_and_its_share_goes_to_the_next);
    tcase_add_test(tests,
                   a_dead_node_costs_its_time_out_and_a_client_that_tries_once_its_connection);
    tcase_add_test(tests, every_node_is_out_once);
    tcase_add_test(tests, the_last_node_leaves_nobody);
    tcase_add_test(tests, a_pool_has_the_published_nodes_and_only_those_in_front_serve);
    tcase_add_loop_test(tests, a_set_that_is_not_there_is_answered_with_those_that_are, 0,
                        COUNT_OF(refused));
    tcase_add_test(tests, the_forecast_takes_its_numbers_from_the_inventory);
    tcase_add_test(tests, longer_ttls_cost_fewer_queries_and_more_patience);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

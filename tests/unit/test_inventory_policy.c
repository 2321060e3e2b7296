/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load_text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A policy as one line: what a row of a table wants to see. */
static void policy_print(const struct inventory_policy *policy, char *out, size_t size)
{
    snprintf(out, size,
             "scale %d/%u min %u order %d | mode %d to %u ramp %u/%u grace %u lead %d max_ttl %u | "
             "nodes %u capacity %u drains %u sites %u ttl %u n-1 %d asserts %u",
             policy->scale, policy->hamilton_total, policy->weight_min, policy->answer_order,
             policy->drain_mode, policy->drain_to_ppb, policy->ramp_s, policy->ramp_steps,
             policy->grace_s, policy->is_lead_auto, policy->resolver_max_ttl_s,
             policy->guard_min_nodes, policy->guard_min_capacity_ppb, policy->guard_max_drains,
             policy->guard_min_sites, policy->guard_min_ttl_s, policy->guard_survives_failure,
             policy->assertion_count);
}

#define USUAL_GUARD "nodes 1 capacity 0 drains 0 sites 0 ttl 0 n-1 0 asserts 0"
#define USUAL_DRAIN "mode 0 to 0 ramp 0/4 grace 30 lead 1 max_ttl 0 | " USUAL_GUARD

static const struct {
    const char *label, *policy, *wanted;
} policy_cases[] = {
    {"left out", "{}", "scale 0/0 min 1 order 0 | " USUAL_DRAIN},
    {"empty objects mean the same", "{\"weights\": {}, \"drain\": {}, \"guard\": {}}",
     "scale 0/0 min 1 order 0 | " USUAL_DRAIN},
    {"stable, with a least weight", "{\"weights\": {\"scale\": \"stable\", \"min\": 512}}",
     "scale 1/0 min 512 order 0 | " USUAL_DRAIN},
    {"hamilton has its total", "{\"weights\": {\"scale\": \"hamilton:65535\"}}",
     "scale 2/65535 min 1 order 0 | " USUAL_DRAIN},
    {"the smallest total", "{\"weights\": {\"scale\": \"hamilton:1\"}}",
     "scale 2/1 min 1 order 0 | " USUAL_DRAIN},
    {"human", "{\"weights\": {\"scale\": \"human\"}}", "scale 3/0 min 1 order 0 | " USUAL_DRAIN},
    {"raw", "{\"weights\": {\"scale\": \"raw\"}}", "scale 4/0 min 1 order 0 | " USUAL_DRAIN},
    {"answers in one order", "{\"answer_order\": \"fixed\"}",
     "scale 0/0 min 1 order 1 | " USUAL_DRAIN},
    {"answers in several orders", "{\"answer_order\": \"weighted\"}",
     "scale 0/0 min 1 order 0 | " USUAL_DRAIN},
    {"a drain of its own",
     "{\"drain\": {\"mode\": \"weight\", \"to\": \"12.5%\", \"ramp\": \"1h\", \"steps\": 6, "
     "\"grace\": 5, \"lead\": \"none\", \"resolver_max_ttl\": \"1d\"}}",
     "scale 0/0 min 1 order 0 | mode 2 to 125000000 ramp 3600/6 grace 5 lead 0 max_ttl "
     "86400 | " USUAL_GUARD},
    {"demote, and lead said", "{\"drain\": {\"mode\": \"demote\", \"lead\": \"auto\"}}",
     "scale 0/0 min 1 order 0 | mode 1 to 0 ramp 0/4 grace 30 lead 1 max_ttl 0 | " USUAL_GUARD},
    {"zero, without grace", "{\"drain\": {\"mode\": \"zero\", \"grace\": 0}}",
     "scale 0/0 min 1 order 0 | mode 3 to 0 ramp 0/4 grace 0 lead 1 max_ttl 0 | " USUAL_GUARD},
    {"every guard",
     "{\"guard\": {\"min_nodes\": 3, \"min_capacity\": 0.35, \"max_drains\": 2, \"min_sites\": 1, "
     "\"min_ttl\": \"15m\", \"survive_one_more_failure\": true, "
     "\"assert\": {\"x\": {\"nodes\": [\"*\"], \"at_least\": 1}}}}",
     "scale 0/0 min 1 order 0 | mode 0 to 0 ramp 0/4 grace 30 lead 1 max_ttl 0 | "
     "nodes 3 capacity 350000000 drains 2 sites 1 ttl 900 n-1 1 asserts 1"},
};

START_TEST(a_policy_is_what_it_says_and_the_rest_has_its_default)
{
    char text[1024], got[512];
    snprintf(text, sizeof text, "\"policy\": %s, " A_DOMAIN ", " A_NODE, policy_cases[_i].policy);
    struct inventory *inventory = load_text(text);
    policy_print(&inventory->policy, got, sizeof got);
    ck_assert_msg(strcmp(got, policy_cases[_i].wanted) == 0, "%s: %s", policy_cases[_i].label, got);
    inventory_free(inventory);
}
END_TEST

static const struct {
    const char *text;
    uint32_t ppb;
} ratio_cases[] = {
    {"0", 0},
    {"1", 1000000000},
    {"1.0", 1000000000},
    {"0.35", 350000000},
    {"0.1", 100000000},
    {"0.3", 300000000},
    {"0.000000001", 1},
    {"0.123456789", 123456789},
    {"0.999999999", 999999999},
    {"1e-9", 1},
    {"1e-12", 1},               /* not nothing */
    {"0.126614242", 126614242}, /* a little less, as a double */
    {"0.33333333333", 333333333},
    {"\"0%\"", 0},
    {"\"35%\"", 350000000},
    {"\"7.5%\"", 75000000},
    {"\"33.3333333%\"", 333333333},
    {"\"0.0000001%\"", 1},
    {"\"100%\"", 1000000000},
    {"\"100.0%\"", 1000000000},
};

START_TEST(parts_of_a_whole_are_exact_to_the_ninth_decimal)
{
    char text[1024];
    snprintf(text, sizeof text,
             "\"policy\": {\"guard\": {\"min_capacity\": %s}}, " A_DOMAIN ", " A_NODE,
             ratio_cases[_i].text);
    struct inventory *inventory = load_text(text);
    ck_assert_msg(inventory->policy.guard_min_capacity_ppb == ratio_cases[_i].ppb, "%s: %u",
                  ratio_cases[_i].text, inventory->policy.guard_min_capacity_ppb);
    inventory_free(inventory);
}
END_TEST

START_TEST(assertions_know_their_nodes_but_for_those_that_are_off)
{
    struct inventory *inventory = load_text(
        "\"policy\": {\"guard\": {\"assert\": {"
        "\"z\": {\"nodes\": [\"c\", \"tag:t\"], \"at_least\": 2}, "
        "\"a\": {\"nodes\": [\"*\", \"b\"], \"at_least\": 3}}}}, " A_DOMAIN ", "
        "\"nodes\": {\"a\": {\"addresses\": [\"192.0.2.1\"], \"tags\": [\"t\"]}, "
        "\"b\": {\"addresses\": [\"192.0.2.2\"], \"tags\": [\"t\"], \"state\": \"off\"}, "
        "\"c\": {\"addresses\": [\"192.0.2.3\"]}, \"d\": {\"addresses\": [\"192.0.2.4\"]}}");
    const struct inventory_policy *policy = &inventory->policy;
    ck_assert_uint_eq(policy->assertion_count, 2);
    ck_assert(text_is(policy->assertions[0].id, "a") && text_is(policy->assertions[1].id, "z"));
    ck_assert_uint_eq(policy->assertions[0].at_least, 3);
    ck_assert_uint_eq(policy->assertions[0].node_count, 3);
    ck_assert_uint_eq(policy->assertions[1].at_least, 2);
    ck_assert_uint_eq(policy->assertions[1].node_count, 2);
    ck_assert_uint_eq(policy->assertions[1].nodes[0], 0);
    ck_assert_uint_eq(policy->assertions[1].nodes[1], 2);
    inventory_free(inventory);
}
END_TEST

START_TEST(domains_take_the_audience_of_the_policy_unless_they_have_one)
{
    struct inventory *inventory = load_text(
        "\"policy\": {\"audience\": {\"dino\": \"60%\", \"gajim\": 0.4, \"prosody\": 1}}, "
        "\"domains\": {\"a.example\": {}, \"b.example\": {\"audience\": {\"monal\": 1}}, "
        "\"c.example\": {\"audience\": {}}}, \"defaults\": {\"base\": \"x.example\"}, " A_NODE);
    const struct inventory_domain *domains = inventory->domains;
    ck_assert_uint_eq(inventory->policy.audience.count, 3);
    ck_assert_uint_eq(domains[0].audience.count, 3);
    ck_assert(text_is(domains[0].audience.parts[1].model, "gajim"));
    ck_assert_uint_eq(domains[0].audience.parts[1].part_ppb, 400000000);
    ck_assert_uint_eq(domains[1].audience.count, 1);
    ck_assert(text_is(domains[1].audience.parts[0].model, "monal"));
    ck_assert_uint_eq(domains[2].audience.count, 3);
    inventory_free(inventory);
}
END_TEST

START_TEST(sessions_of_a_node_are_the_policys_key_by_key)
{
    struct inventory *inventory = load_text(
        "\"policy\": {\"sessions\": {\"mean_life\": \"1d\", \"login_rate_limit\": 62.5}}, " A_DOMAIN
        ", \"nodes\": {\"a\": {\"addresses\": [\"192.0.2.1\"]}, "
        "\"b\": {\"addresses\": [\"192.0.2.2\"], \"sessions\": {\"login_rate_limit\": 0.001}}}");
    const struct inventory_sessions *policy = &inventory->policy.sessions;
    const struct inventory_node *a = &inventory->nodes[0], *b = a + 1;
    ck_assert_uint_eq(policy->mean_life_s, 86400);
    ck_assert_uint_eq(policy->login_rate_limit_milli, 62500);
    ck_assert_uint_eq(a->sessions.mean_life_s, 86400);
    ck_assert_uint_eq(a->sessions.login_rate_limit_milli, 62500);
    ck_assert_uint_eq(b->sessions.mean_life_s, 86400);
    ck_assert_uint_eq(b->sessions.login_rate_limit_milli, 1);
    inventory_free(inventory);
}
END_TEST

START_TEST(resolvers_have_shares_and_clamps)
{
    struct inventory *inventory =
        load_text("\"policy\": {\"resolver_profile\": [{\"share\": 0.9126}, {\"share\": \"8.74%\", "
                  "\"min_ttl\": \"1h\", \"max_ttl\": \"1d\"}]}, " A_DOMAIN ", " A_NODE);
    const struct inventory_resolver_class *resolvers = inventory->policy.resolvers;
    ck_assert_uint_eq(inventory->policy.resolver_count, 2);
    ck_assert_uint_eq(resolvers[0].share_ppb, 912600000);
    ck_assert_uint_eq(resolvers[0].min_ttl_s, 0);
    ck_assert_uint_eq(resolvers[0].max_ttl_s, 0);
    ck_assert_uint_eq(resolvers[1].share_ppb, 87400000);
    ck_assert_uint_eq(resolvers[1].min_ttl_s, 3600);
    ck_assert_uint_eq(resolvers[1].max_ttl_s, 86400);
    inventory_free(inventory);
}
END_TEST

START_TEST(xmpp_services_share_pools_unless_the_file_says_otherwise)
{
    struct inventory *inventory = load_text(
        "\"services\": {\"xmpps-client\": {\"pool\": \"direct\", \"mux\": true}, "
        "\"mumble\": {\"srv\": \"_mumble._tcp\", \"port\": 1, \"pool\": \"c2s\"}}, " A_DOMAIN
        ", \"nodes\": {\"n\": {\"addresses\": [\"192.0.2.1\"], \"server\": \"mongooseim\"}, "
        "\"o\": {\"addresses\": [\"192.0.2.2\"]}}");
    static const struct {
        const char *id, *pool;
        bool is_mux, is_s2s;
    } wanted[] = {
        {"xmpp-client", "c2s", false, false}, {"xmpps-client", "direct", true, false},
        {"xmpp-server", "s2s", false, true},  {"xmpps-server", "s2s", false, true},
        {"mumble", "c2s", false, false},      {"imaps", "", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        uint32_t index = inventory_find_service(inventory, text_from(wanted[i].id));
        const struct inventory_service *service = &inventory->services[index];
        ck_assert_msg(text_is(service->pool, wanted[i].pool) &&
                          service->is_mux == wanted[i].is_mux &&
                          service->is_s2s == wanted[i].is_s2s,
                      "%s", wanted[i].id);
    }
    ck_assert_int_eq(inventory->nodes[0].server, SERVER_MONGOOSEIM);
    ck_assert_int_eq(inventory->nodes[1].server, SERVER_UNKNOWN);
    inventory_free(inventory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inventory_policy");
    TCase *tcase = tcase_create("inventory_policy");
    tcase_add_loop_test(tcase, a_policy_is_what_it_says_and_the_rest_has_its_default, 0,
                        COUNT_OF(policy_cases));
    tcase_add_loop_test(tcase, parts_of_a_whole_are_exact_to_the_ninth_decimal, 0,
                        COUNT_OF(ratio_cases));
    tcase_add_test(tcase, assertions_know_their_nodes_but_for_those_that_are_off);
    tcase_add_test(tcase, domains_take_the_audience_of_the_policy_unless_they_have_one);
    tcase_add_test(tcase, sessions_of_a_node_are_the_policys_key_by_key);
    tcase_add_test(tcase, resolvers_have_shares_and_clamps);
    tcase_add_test(tcase, xmpp_services_share_pools_unless_the_file_says_otherwise);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

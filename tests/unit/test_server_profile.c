/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load_text.h"

#include "srvplan/server_profile.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *label, *nodes, *services, *service;
    uint16_t port; /* of the node "n" */
} port_cases[] = {
    {"a product that is not known leaves the service's", "", "", "stun", 3478},
    {"the product's comes before the built-in one", "\"server\": \"ejabberd\", ", "", "stun", 5478},
    {"another product's does not count", "\"server\": \"openfire\", ", "", "stun", 3478},
    {"the file's for the service comes before the product's", "\"server\": \"ejabberd\", ",
     "\"stun\": {\"port\": 3000}", "stun", 3000},
    {"even when it is the built-in one", "\"server\": \"ejabberd\", ", "\"stun\": {\"port\": 3478}",
     "stun", 3478},
    {"the node's own comes first", "\"server\": \"ejabberd\", \"ports\": {\"stun\": 1}, ",
     "\"stun\": {\"port\": 3000}", "stun", 1},
    {"the node's own port for one service leaves the product's for another",
     "\"server\": \"ejabberd\", \"ports\": {\"xmpp-client\": 1}, ", "", "turn", 5478},
    {"what the product has no default for is the built-in one", "\"server\": \"prosody\", ", "",
     "xmpps-client", 5223},
};

START_TEST(a_port_is_the_nodes_or_the_files_or_the_products_or_built_in)
{
    char text[1024];
    snprintf(text, sizeof text,
             "\"services\": {%s}, " A_DOMAIN ", \"nodes\": {\"m\": {\"addresses\": "
             "[\"192.0.2.9\"]}, \"n\": {%s \"addresses\": [\"192.0.2.1\"]}}",
             port_cases[_i].services, port_cases[_i].nodes);
    struct inventory *inventory = load_text(text);
    uint32_t service = inventory_find_service(inventory, text_from(port_cases[_i].service));
    uint32_t node = inventory_find_node(inventory, text_from("n"));
    uint16_t port = inventory->nodes[node].ports[service];
    if (port == 0)
        port = inventory->services[service].port;
    ck_assert_msg(port == port_cases[_i].port, "%s: %u", port_cases[_i].label, port);
    inventory_free(inventory);
}
END_TEST

static const struct {
    uint16_t port;
    enum server_product product;
    bool is_admin, is_web;
} kind_cases[] = {
    {9090, SERVER_OPENFIRE, true, false},
    {9091, SERVER_UNKNOWN, true, false},
    {9091, SERVER_PROSODY, false, false}, /* there it may be anything */
    {9091, SERVER_OTHER, false, false},
    {5582, SERVER_UNKNOWN, true, false},
    {5280, SERVER_EJABBERD, true, true},
    {5280, SERVER_UNKNOWN, false, true},
    {5443, SERVER_EJABBERD, true, true},
    {5281, SERVER_PROSODY, false, true},
    {7070, SERVER_OPENFIRE, false, true},
    {7443, SERVER_UNKNOWN, false, true},
    {80, SERVER_UNKNOWN, false, true},
    {443, SERVER_UNKNOWN, false, false}, /* Direct TLS beside the web, by ALPN */
    {5222, SERVER_OPENFIRE, false, false},
    {5223, SERVER_UNKNOWN, false, false},
    {5269, SERVER_EJABBERD, false, false},
    {5270, SERVER_MONGOOSEIM, false, false},
    {5551, SERVER_MONGOOSEIM, true, false},
    {8080, SERVER_TIGASE, true, true},
};

START_TEST(ports_of_administration_and_web_are_known)
{
    uint16_t port = kind_cases[_i].port;
    ck_assert_msg(server_port_is_admin(port, kind_cases[_i].product) == kind_cases[_i].is_admin,
                  "%u", port);
    ck_assert_msg(server_port_is_web(port) == kind_cases[_i].is_web, "%u", port);
}
END_TEST

START_TEST(every_product_listens_for_clients_and_servers)
{
    for (uint32_t i = SERVER_UNKNOWN + 1; i < SERVER_PRODUCT_COUNT; i++) {
        enum server_product product = (enum server_product)i;
        bool is_known = product != SERVER_OTHER;
        ck_assert_uint_eq(server_profile_port(product, text_from("xmpp-client")),
                          is_known ? 5222 : 0);
        ck_assert_uint_eq(server_profile_port(product, text_from("xmpp-server")),
                          is_known ? 5269 : 0);
        ck_assert_uint_eq(server_profile_port(product, text_from("imaps")), 0);
    }
    ck_assert_uint_eq(server_profile_port(SERVER_OPENFIRE, text_from("xmpps-server")), 5270);
    ck_assert_uint_eq(server_profile_port(SERVER_PROSODY, text_from("xmpps-client")), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server_profile");
    TCase *tcase = tcase_create("server_profile");
    tcase_add_loop_test(tcase, a_port_is_the_nodes_or_the_files_or_the_products_or_built_in, 0,
                        COUNT_OF(port_cases));
    tcase_add_loop_test(tcase, ports_of_administration_and_web_are_known, 0, COUNT_OF(kind_cases));
    tcase_add_test(tcase, every_product_listens_for_clients_and_servers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

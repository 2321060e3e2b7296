/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load_text.h"

#include "srvplan/layout.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "a.example. 300/60s xmpp-server of b.example. => n; …" */
static void domains_print(const struct inventory *inventory, char *out, size_t size)
{
    struct arena arena = {0};
    size_t len = 0;
    for (uint32_t i = 0; i < inventory->domain_count; i++) {
        const struct inventory_domain *domain = &inventory->domains[i];
        len += (size_t)snprintf(out + len, size - len, "%s%s %u/%us", i ? "; " : "",
                                text_name_print(&arena, domain->name), domain->ttl_s,
                                domain->drain_ttl_s);
        for (uint32_t k = 0; k < domain->service_count; k++)
            len += (size_t)snprintf(out + len, size - len, " %s",
                                    inventory->services[domain->services[k]].id.ptr);
        if (domain->component_of != INVENTORY_NONE)
            len += (size_t)snprintf(
                out + len, size - len, " of %s",
                text_name_print(&arena, inventory->domains[domain->component_of].name));
        len += (size_t)snprintf(out + len, size - len, " =>");
        for (uint32_t k = 0; k < inventory->selections[domain->selection].node_count; k++)
            len += (size_t)snprintf(
                out + len, size - len, " %s",
                inventory->nodes[inventory->selections[domain->selection].nodes[k]].id.ptr);
    }
    arena_fini(&arena);
}

static const struct {
    const char *label, *text, *domains;
} cases[] = {
    {"one, below the only domain, which stays the base of hosts",
     "\"domains\": {\"a.example\": {\"components\": [\"conference\"]}}, " A_NODE,
     "a.example. 300/60s xmpp-client xmpp-server => n; "
     "conference.a.example. 300/60s xmpp-server of a.example. => n"},
    {"the server services of the parent, whatever the defaults are",
     "\"defaults\": {\"services\": [\"xmpp-server\"]}, \"domains\": {\"a.example\": "
     "{\"components\": [\"c\"], \"services\": [\"xmpps-server\", \"xmpp-client\", "
     "\"imaps\"]}}, " A_NODE,
     "a.example. 300/60s imaps xmpp-client xmpps-server => n; "
     "c.a.example. 300/60s xmpps-server of a.example. => n"},
    {"several labels, lower-cased, in canonical order between the domains",
     "\"defaults\": {\"base\": \"x.example\"}, \"domains\": {\"b.a.example\": {}, \"a.example\": "
     "{\"components\": [\"Z\", \"Chat.Rooms\"]}}, " A_NODE,
     "a.example. 300/60s xmpp-client xmpp-server => n; "
     "b.a.example. 300/60s xmpp-client xmpp-server => n; "
     "chat.rooms.a.example. 300/60s xmpp-server of a.example. => n; "
     "z.a.example. 300/60s xmpp-server of a.example. => n"},
    {"the TTLs of the parent, though its zone is declared for it alone",
     "\"defaults\": {\"ttl\": 10, \"drain_ttl\": 30}, \"zones\": {\"a.example\": {\"ttl\": 70}, "
     "\"c.a.example\": {\"ttl\": 80}}, \"domains\": {\"a.example\": {\"components\": "
     "[\"c\"]}}, " A_NODE,
     "a.example. 70/30s xmpp-client xmpp-server => n; "
     "c.a.example. 70/30s xmpp-server of a.example. => n"},
    {"the nodes of the parent",
     "\"defaults\": {\"base\": \"x.example\"}, \"domains\": {\"a.example\": {\"nodes\": [\"m\"], "
     "\"components\": [\"c\"]}, \"b.example\": {\"nodes\": [\"n\"], \"components\": [\"c\"]}}, "
     "\"nodes\": {\"n\": {\"addresses\": [\"192.0.2.1\"]}, \"m\": {\"addresses\": "
     "[\"192.0.2.2\"]}}",
     "a.example. 300/60s xmpp-client xmpp-server => m; "
     "c.a.example. 300/60s xmpp-server of a.example. => m; "
     "b.example. 300/60s xmpp-client xmpp-server => n; "
     "c.b.example. 300/60s xmpp-server of b.example. => n"},
    {"a drain TTL above the set's own is the set's own",
     "\"defaults\": {\"ttl\": 20, \"drain_ttl\": \"1h\"}, " A_DOMAIN ", " A_NODE,
     "a.example. 20/20s xmpp-client xmpp-server => n"},
};

START_TEST(components_are_domains_like_their_parent)
{
    char got[2048];
    struct inventory *inventory = load_text(cases[_i].text);
    domains_print(inventory, got, sizeof got);
    ck_assert_msg(strcmp(got, cases[_i].domains) == 0, "%s: %s", cases[_i].label, got);
    inventory_free(inventory);
}
END_TEST

START_TEST(web_addresses_stay_with_the_domain)
{
    struct inventory *inventory = load_text(
        "\"domains\": {\"a.example\": {\"components\": [\"c\"], \"audience\": {\"dino\": 1}, "
        "\"web\": {\"bosh\": \"https://a.example/b\", \"websocket\": "
        "\"wss://a.example/w\"}}}, " A_NODE);
    const struct inventory_domain *domain = &inventory->domains[0], *component = domain + 1;
    ck_assert(text_is(domain->bosh, "https://a.example/b"));
    ck_assert(text_is(domain->websocket, "wss://a.example/w"));
    ck_assert_uint_eq(component->bosh.len, 0);
    ck_assert_uint_eq(component->websocket.len, 0);
    ck_assert_uint_eq(component->audience.count, 1);
    ck_assert_uint_eq(inventory->zone_count, 1); /* a component is in its parent's */
    inventory_free(inventory);
}
END_TEST

/* The owners of SRV records, in order. */
static void owners_print(const struct layout *layout, char *out, size_t size)
{
    struct arena arena = {0};
    size_t len = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < layout->names.name_count; i++) {
        const struct content_name *name = &layout->names.names[i];
        if (name->types == CONTENT_NONE)
            continue;
        const struct content_types *types = &layout->names.types[name->types];
        for (uint32_t k = 0; k < types->count; k++)
            if (types->entries[k].type == RRTYPE_SRV)
                len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " " : "",
                                        text_name_print(&arena, name->owner));
    }
    arena_fini(&arena);
}

START_TEST(absent_services_of_clients_are_published_at_domains_only)
{
    char got[1024];
    struct findings findings = {0};
    struct inventory *inventory = load_text(
        "\"services\": {\"sips\": {\"absent\": true}, \"xmpps-client\": {\"absent\": true}, "
        "\"xmpps-server\": {\"absent\": true}}, "
        "\"domains\": {\"a.example\": {\"components\": [\"c\"]}}, " A_NODE);
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert(layout != NULL);
    owners_print(layout, got, sizeof got);
    ck_assert_str_eq(got, "_sips._tcp.a.example. _xmpp-client._tcp.a.example. "
                          "_xmpp-server._tcp.a.example. _xmpps-client._tcp.a.example. "
                          "_xmpps-server._tcp.a.example. _xmpp-server._tcp.c.a.example. "
                          "_xmpps-server._tcp.c.a.example.");
    layout_free(layout);
    inventory_free(inventory);
    findings_fini(&findings);
}
END_TEST

START_TEST(a_component_outside_of_every_zone_is_reported_at_its_domain)
{
    struct findings findings = {0};
    struct inventory *inventory = load_text("\"domains\": {\"a.example\": {\"components\": "
                                            "[\"c\"], \"zone\": \"_tcp.a.example\"}}, " A_NODE);
    ck_assert(!layout_build(inventory, LAYOUT_FOR_PLAN, &findings));
    ck_assert_uint_eq(findings.errors, 1);
    for (size_t i = 0; i < findings.count; i++)
        if (findings.items[i].severity == FINDING_ERROR) {
            ck_assert_str_eq(findings.items[i].code, "owner-in-no-zone");
            ck_assert_str_eq(findings.items[i].pointer, "/domains/a.example");
            ck_assert(strstr(findings.items[i].message, "_xmpp-server._tcp.c.a.example"));
            ck_assert(strstr(findings.items[i].mend, "_tcp.c.a.example"));
        }
    inventory_free(inventory);
    findings_fini(&findings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inventory_components");
    TCase *tcase = tcase_create("inventory_components");
    tcase_add_loop_test(tcase, components_are_domains_like_their_parent, 0, COUNT_OF(cases));
    tcase_add_test(tcase, web_addresses_stay_with_the_domain);
    tcase_add_test(tcase, absent_services_of_clients_are_published_at_domains_only);
    tcase_add_test(tcase, a_component_outside_of_every_zone_is_reported_at_its_domain);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

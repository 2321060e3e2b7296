/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load_text.h"
#include "srvplan/inventory_load.h"
#include "zones/base/file.h"
#include "zones/text.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the fixture folders ---- */

static glob_t fixtures(const char *folder, const char *pattern)
{
    char path[4096];
    glob_t files = {0};
    const char *source = getenv("SRVPLAN_SOURCE");
    ck_assert_msg(source != NULL, "SRVPLAN_SOURCE is not set");
    snprintf(path, sizeof path, "%s/%s/%s", source, folder, pattern);
    ck_assert_msg(glob(path, 0, NULL, &files) == 0, "no files: %s", path);
    return files;
}

/* One line a finding, as in the .expected files. */
static char *findings_print(struct arena *arena, const struct findings *findings)
{
    char *all = arena_printf(arena, "%s", "");
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        all = arena_printf(arena, "%s%s %u:%u%s%s\n", all, finding->code, finding->line,
                           finding->column, finding->pointer[0] ? " " : "", finding->pointer);
    }
    return all;
}

static void folder_loads(const char *folder, size_t at_least)
{
    glob_t files = fixtures(folder, "*.jsonc");
    ck_assert_uint_ge(files.gl_pathc, at_least);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct findings findings = {0};
        struct error err = {0};
        struct inventory *inventory = inventory_load_file(files.gl_pathv[i], &findings, &err);
        ck_assert_msg(inventory && findings.count == 0, "%s: %s %s", files.gl_pathv[i], err.message,
                      findings_print(&findings.arena, &findings));
        inventory_free(inventory);
        findings_fini(&findings);
    }
    globfree(&files);
}

START_TEST(valid_inventories_load_without_a_finding)
{
    folder_loads("tests/inventory/valid", 12);
    folder_loads("srvplan/sample", 2);
}
END_TEST

START_TEST(invalid_inventories_give_exactly_the_expected_findings)
{
    glob_t files = fixtures("tests/inventory/invalid", "*.jsonc");
    ck_assert_uint_ge(files.gl_pathc, 45);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct findings findings = {0};
        struct error err = {0};
        struct bytes wanted = {0};
        char expected[4096];
        snprintf(expected, sizeof expected, "%.*s.expected",
                 (int)(strlen(files.gl_pathv[i]) - strlen(".jsonc")), files.gl_pathv[i]);
        ck_assert_msg(file_read(expected, 1 << 20, &wanted, &err), "%s", err.message);
        struct inventory *inventory = inventory_load_file(files.gl_pathv[i], &findings, &err);
        const char *got = findings_print(&findings.arena, &findings);
        ck_assert_msg(!inventory && findings.errors > 0, "%s is accepted", files.gl_pathv[i]);
        ck_assert_msg(strcmp(got, (const char *)wanted.ptr) == 0, "%s\nexpected:\n%sgot:\n%s",
                      files.gl_pathv[i], (const char *)wanted.ptr, got);
        for (size_t k = 0; k < findings.count; k++)
            ck_assert_msg(findings.items[k].message[0] && findings.items[k].mend[0] &&
                              strcmp(findings.items[k].file, files.gl_pathv[i]) == 0,
                          "%s: finding %zu lacks a text", files.gl_pathv[i], k);
        free((void *)(uintptr_t)wanted.ptr);
        findings_fini(&findings);
    }
    globfree(&files);
}
END_TEST

/* ---- what a text means ---- */

/* Prints what a row of a table wants to see of an inventory. */
static void domains_print(const struct inventory *inventory, char *out, size_t size)
{
    struct arena arena = {0};
    size_t len = 0;
    for (uint32_t i = 0; i < inventory->domain_count; i++) {
        const struct inventory_domain *domain = &inventory->domains[i];
        len += (size_t)snprintf(out + len, size - len, "%s%s %us", i ? "; " : "",
                                text_name_print(&arena, domain->name), domain->ttl_s);
        for (uint32_t k = 0; k < domain->service_count; k++)
            len += (size_t)snprintf(out + len, size - len, " %s",
                                    inventory->services[domain->services[k]].id.ptr);
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
} domain_cases[] = {
    {"left out: 5m, the two usual services, all nodes", "\"domains\": {\"a.example\": {}}, " A_NODE,
     "a.example. 300s xmpp-client xmpp-server => n"},
    {"defaults count",
     "\"defaults\": {\"ttl\": 60, \"services\": [\"sip\"]}, "
     "\"domains\": {\"a.example\": {}}, " A_NODE,
     "a.example. 60s sip => n"},
    {"the domain's own come first",
     "\"defaults\": {\"ttl\": 60, \"services\": [\"sip\"]}, "
     "\"domains\": {\"a.example\": {\"ttl\": \"2h\", \"services\": [\"xmpp-server\", "
     "\"imaps\"]}}, " A_NODE,
     "a.example. 7200s imaps xmpp-server => n"},
    {"the zone's ttl comes before the default",
     "\"defaults\": {\"ttl\": 60}, \"zones\": {\"example\": {\"ttl\": 70}}, "
     "\"domains\": {\"a.example\": {\"zone\": \"example\", \"services\": []}}, " A_NODE,
     "a.example. 70s => n"},
    {"the zone that holds the name, not the one that it names",
     "\"zones\": {\"example\": {\"ttl\": 70}, \"a.example\": {\"ttl\": 80}}, "
     "\"domains\": {\"a.example\": {\"zone\": \"example\", \"services\": [\"sip\"]}}, " A_NODE,
     "a.example. 80s sip => n"},
    {"of a list, the first zone that is declared",
     "\"zones\": {\"_udp.a.example\": {\"ttl\": 70}, \"a.example\": {\"ttl\": 80}}, "
     "\"domains\": {\"a.example\": {\"zone\": [\"_tcp.a.example\", \"_udp.a.example\", "
     "\"a.example\"], "
     "\"services\": [\"sip\"]}}, " A_NODE,
     "a.example. 70s sip => n"},
    {"absent ones drop out of the usual services",
     "\"services\": {\"xmpp-server\": {\"absent\": true}}, \"domains\": {\"a.example\": "
     "{}}, " A_NODE,
     "a.example. 300s xmpp-client => n"},
    {"in canonical order, lower-cased",
     "\"domains\": {\"b.example\": {}, \"a.b.example\": {}, \"A.example.\": {}, \"example\": {}}, "
     "\"defaults\": {\"base\": \"example\", \"services\": [\"sip\"]}, " A_NODE,
     "example. 300s sip => n; a.example. 300s sip => n; b.example. 300s sip => n; "
     "a.b.example. 300s sip => n"},
    {"selectors join, in order of ids, without those that are off",
     "\"defaults\": {\"services\": [\"sip\"], \"tier\": \"x\"}, "
     "\"tiers\": {\"x\": {\"priority\": 1}, \"y\": {\"priority\": 2}}, "
     "\"domains\": {\"a.example\": {\"nodes\": [\"tag:t\", \"site:s\", \"c\"]}, "
     "\"b.example\": {\"nodes\": [\"tier:y\"]}, \"c.example\": {\"nodes\": [\"*\"]}}, "
     "\"nodes\": {\"e\": {\"host\": \"e.x\", \"addresses\": [\"192.0.2.5\"], \"site\": \"s\"}, "
     "\"d\": {\"host\": \"d.x\", \"addresses\": [\"192.0.2.4\"], \"tier\": \"y\"}, "
     "\"c\": {\"host\": \"c.x\", \"addresses\": [\"192.0.2.3\"]}, "
     "\"b\": {\"host\": \"b.x\", \"addresses\": [\"192.0.2.2\"], \"tags\": [\"u\", \"t\"]}, "
     "\"a\": {\"host\": \"a.x\", \"addresses\": [\"192.0.2.1\"], \"site\": \"s\", \"state\": "
     "\"off\"}}",
     "a.example. 300s sip => b c e; b.example. 300s sip => d; c.example. 300s sip => b c d e"},
};

START_TEST(domains_get_ttl_services_and_nodes_with_every_default)
{
    char got[1024];
    struct inventory *inventory = load_text(domain_cases[_i].text);
    domains_print(inventory, got, sizeof got);
    ck_assert_msg(strcmp(got, domain_cases[_i].domains) == 0, "%s: %s", domain_cases[_i].label,
                  got);
    inventory_free(inventory);
}
END_TEST

START_TEST(zones_are_the_declared_ones_and_those_of_domains)
{
    struct inventory *inventory = load_text(
        "\"defaults\": {\"ttl\": 60, \"name_servers\": [\"ns.example.com\", \"ns2.example.com\"], "
        "\"soa\": {\"refresh\": 7, \"retry\": 8}}, "
        "\"zones\": {\"z.example\": {\"soa\": {\"retry\": 9, \"serial\": \"counter\", "
        "\"at_least\": 5, \"rname\": \"admin.example\"}, "
        "\"name_servers\": [{\"host\": \"n.b.example\", \"addresses\": [\"2001:db8::1\", "
        "\"192.0.2.1\"]}], \"ttl\": 61}}, "
        "\"domains\": {\"a.example\": {}}, " A_NODE);
    struct arena arena = {0};
    const struct inventory_zone *a = &inventory->zones[0], *z = &inventory->zones[1];

    ck_assert_uint_eq(inventory->zone_count, 2);
    ck_assert_str_eq(text_name_print(&arena, a->apex), "a.example.");
    ck_assert_uint_eq(a->name_server_count, 2);
    ck_assert_str_eq(text_name_print(&arena, a->soa.mname), "ns.example.com.");
    ck_assert_uint_eq(a->soa.rname.len, 0); /* hostmaster.<zone> */
    ck_assert_uint_eq(a->soa.refresh_s, 7);
    ck_assert_uint_eq(a->soa.retry_s, 8);
    ck_assert_uint_eq(a->soa.expire_s, 604800);
    ck_assert_uint_eq(a->soa.minimum_s, 60);
    ck_assert_int_eq(a->soa.serial, SOA_SERIAL_UNIXTIME);
    ck_assert_uint_eq(a->ttl_s, 60);

    ck_assert_str_eq(text_name_print(&arena, z->apex), "z.example.");
    ck_assert_uint_eq(z->name_server_count, 1);
    ck_assert_uint_eq(z->name_servers[0].ipv4_count, 1);
    ck_assert_uint_eq(z->name_servers[0].ipv6_count, 1);
    ck_assert_str_eq(text_name_print(&arena, z->soa.mname), "n.b.example.");
    ck_assert_str_eq(text_name_print(&arena, z->soa.rname), "admin.example.");
    ck_assert_uint_eq(z->soa.refresh_s, 7); /* key by key */
    ck_assert_uint_eq(z->soa.retry_s, 9);
    ck_assert_int_eq(z->soa.serial, SOA_SERIAL_COUNTER);
    ck_assert_uint_eq(z->soa.at_least, 5);
    ck_assert_uint_eq(z->ttl_s, 61);
    arena_fini(&arena);
    inventory_free(inventory);
}
END_TEST

START_TEST(nodes_get_host_tier_ports_and_weights)
{
    struct inventory *inventory = load_text(
        "\"tiers\": {\"only\": {\"priority\": 7}}, "
        "\"services\": {\"xmpp-client\": {\"port\": 5322, \"priority_offset\": -2}, "
        "\"mumble\": {\"srv\": \"_Mumble._tcp\", \"port\": 64738}}, "
        "\"domains\": {\"a.example\": {}}, "
        "\"nodes\": {\"y\": {\"addresses\": [\"192.0.2.2\"], \"weight\": {\"sip\": 0}, "
        "\"ports\": {\"mumble\": 1}, \"services\": [\"mumble\"]}, "
        "\"x\": {\"host\": \"X.Example.\", \"addresses\": [\"192.0.2.9\", \"192.0.2.1\"], "
        "\"weight\": 5, \"capacity\": 3, \"state\": \"maint\"}, "
        "\"w\": {\"addresses\": [\"192.0.2.3\"]}}");
    struct arena arena = {0};
    uint32_t mumble = inventory_find_service(inventory, text_from("mumble"));
    uint32_t sip = inventory_find_service(inventory, text_from("sip"));
    uint32_t client = inventory_find_service(inventory, text_from("xmpp-client"));
    uint32_t index_x = inventory_find_node(inventory, text_from("x"));
    const struct inventory_node *x = &inventory->nodes[index_x], *y = x + 1, *w = x - 1;

    ck_assert_uint_eq(index_x, 1);
    ck_assert_uint_eq(inventory_find_node(inventory, text_from("z")), INVENTORY_NONE);
    ck_assert_uint_eq(inventory_find_service(inventory, text_from("http")), INVENTORY_NONE);
    ck_assert_uint_eq(inventory->services[client].port, 5322);
    ck_assert_int_eq(inventory->services[client].priority_offset, -2);
    ck_assert(text_is(inventory->services[client].srv, "_xmpp-client._tcp"));
    ck_assert(text_is(inventory->services[mumble].srv, "_mumble._tcp"));
    ck_assert(bytes_equal(inventory->services[mumble].srv_labels,
                          (struct bytes){(const uint8_t *)"\7_mumble\4_tcp", 13}));
    ck_assert_uint_eq(inventory->services[sip].port, 5060);

    ck_assert_str_eq(text_name_print(&arena, x->host), "x.example.");
    ck_assert_str_eq(text_name_print(&arena, y->host), "y.a.example.");
    ck_assert_uint_eq(x->tier, 0);
    ck_assert_uint_eq(inventory->tiers[0].priority, 7);
    ck_assert_uint_eq(x->capacity, 3);
    ck_assert_uint_eq(y->capacity, 100);
    ck_assert_int_eq(x->state, NODE_MAINT);
    ck_assert_uint_eq(x->ipv4_count, 2);
    ck_assert_uint_eq(x->ipv4[0][3], 1); /* in order, whatever the text's was */
    ck_assert_int_eq(x->weights[sip], 5);
    ck_assert_int_eq(x->weights[client], 5);
    ck_assert_int_eq(y->weights[sip], 0);
    ck_assert_int_eq(y->weights[client], -1);
    ck_assert_int_eq(w->weights[sip], -1);
    ck_assert_uint_eq(y->ports[mumble], 1);
    ck_assert_uint_eq(y->ports[client], 0);
    ck_assert(y->offers[mumble] && !y->offers[client]);
    ck_assert(w->offers[mumble] && w->offers[client]);
    arena_fini(&arena);
    inventory_free(inventory);
}
END_TEST

START_TEST(policy_and_tiers_have_their_defaults)
{
    struct inventory *inventory = load_text("\"domains\": {\"a.example\": {}}, " A_NODE);
    ck_assert_int_eq(inventory->policy.scale, WEIGHTS_UNIVERSAL);
    ck_assert_uint_eq(inventory->policy.guard_min_nodes, 1);
    ck_assert_uint_eq(inventory->tier_count, 1);
    ck_assert(text_is(inventory->tiers[0].id, "primary"));
    ck_assert_uint_eq(inventory->tiers[0].priority, 10);
    ck_assert_uint_eq(inventory->nodes[0].tier, 0);
    inventory_free(inventory);

    inventory =
        load_text("\"policy\": {\"weights\": {\"scale\": \"raw\"}, \"guard\": {\"min_nodes\": 3}}, "
                  "\"domains\": {\"a.example\": {}}, " A_NODE);
    ck_assert_int_eq(inventory->policy.scale, WEIGHTS_RAW);
    ck_assert_uint_eq(inventory->policy.guard_min_nodes, 3);
    inventory_free(inventory);

    inventory = load_text("\"defaults\": {\"tier\": \"y\", \"capacity\": 7}, \"tiers\": {\"x\": "
                          "{\"priority\": 1}, \"y\": {\"priority\": 2}}, "
                          "\"domains\": {\"a.example\": {}}, " A_NODE);
    ck_assert_uint_eq(inventory->nodes[0].tier, 1);
    ck_assert_uint_eq(inventory->nodes[0].capacity, 7);
    inventory_free(inventory);
}
END_TEST

static const struct {
    const char *text, *code;
    uint32_t column;
} warning_cases[] = {
    {"{\"srvplan\": 1, \"policy\": {\"guard\": {\"min_nodes\": 0}}, \"domains\": {\"a.example\": "
     "{}}, " A_NODE "}",
     "min-nodes-zero", 50},
    {"{\"srvplan\": 1, \"domains\": {\"a.example\": {\"services\": [\"sip\", \"sip\"]}}, " A_NODE
     "}",
     "duplicate-item", 62},
    {"{\"srvplan\": 1, \"services\": {\"sip\": {\"absent\": true}}, \"domains\": {\"a.example\": "
     "{}}, "
     "\"nodes\": {\"n\": {\"addresses\": [\"192.0.2.1\"], \"services\": [\"sip\", \"xmpp-client\", "
     "\"xmpp-server\"]}}}",
     "absent-service", 141},
};

START_TEST(a_warning_does_not_stop_the_loading)
{
    struct findings findings = {0};
    const char *text = warning_cases[_i].text;
    struct inventory *inventory =
        inventory_load((struct bytes){(const uint8_t *)text, strlen(text)}, "t", &findings);
    ck_assert_msg(inventory && findings.errors == 0 && findings.count == 1, "%s: %zu findings",
                  warning_cases[_i].code, findings.count);
    ck_assert_int_eq(findings.items[0].severity, FINDING_WARNING);
    ck_assert_str_eq(findings.items[0].code, warning_cases[_i].code);
    ck_assert_uint_eq(findings.items[0].column, warning_cases[_i].column);
    inventory_free(inventory);
    findings_fini(&findings);
}
END_TEST

static const struct {
    const char *members, *mend;
} mend_cases[] = {
    {A_DOMAIN ", \"nodes\": {\"n\": {\"addresses\": [\"192.0.2.1\"], \"capacity\": \"50\"}}",
     "write 50 without quotes"},
    {A_DOMAIN ", \"nodes\": {\"n\": {\"addresses\": [\"192.0.2.1\"], \"capacity\": 1e2}}",
     "write 100"},
    {A_DOMAIN ", \"nodes\": {\"n\": {\"addresses\": [\"192.0.2.1\"], \"capacity\": 0.5}}",
     "write a number of that range"},
    {A_DOMAIN ", \"nodes\": {\"n\": {\"addresses\": \"192.0.2.1\"}}", "write [\"192.0.2.1\"]"},
    {A_DOMAIN ", \"nodes\": {\"n\": {}}", "add for example \"addresses\": [\"192.0.2.11\"]"},
    {A_DOMAIN ", \"nodes\": {\"Node 1.\": {\"addresses\": [\"192.0.2.1\"]}}",
     "write for example \"node-1\""},
    {A_DOMAIN ", \"nodes\": {\"--\": {\"addresses\": [\"192.0.2.1\"], \"host\": \"a.b\"}}",
     "use a-z, 0-9 and \"-\", as in \"xmpp-1\""},
    {A_NODE ", \"domains\": {\"a.example\": {\"ttl\": \"300\"}}",
     "write \"300s\" for seconds, or another unit"},
    {A_NODE ", \"domains\": {\"a.example\": {\"ttl\": \"9999999999999w\"}}", "write a shorter one"},
    {A_NODE ", \"domains\": {\"a.example\": {\"ttl\": \"5m3\"}}",
     "write for example \"5m\" or \"1h30m\", or a number of seconds without quotes"},
    {A_NODE ", " A_DOMAIN ", \"services\": {\"sip\": {\"absent\": \"Yes\"}}",
     "write true, without quotes"},
    {A_NODE ", " A_DOMAIN ", \"services\": {\"sip\": {\"absent\": \"off\"}}",
     "write false, without quotes"},
    {A_NODE ", " A_DOMAIN ", \"policy\": {\"guard\": {\"min_capacity\": 35}}",
     "did you mean \"35%\"?"},
    {A_NODE ", " A_DOMAIN ", \"policy\": {\"resolver\": []}", "did you mean \"resolver_profile\"?"},
    {A_NODE ", \"domains\": {\"a.example\": {\"components\": [\"chat.a.example\"]}}",
     "write \"chat\""},
};

START_TEST(a_mistake_says_what_to_write_instead)
{
    struct findings findings = {0};
    char text[512];
    snprintf(text, sizeof text, "{\"srvplan\": 1, %s}", mend_cases[_i].members);
    struct inventory *inventory =
        inventory_load((struct bytes){(const uint8_t *)text, strlen(text)}, "t", &findings);
    ck_assert_msg(!inventory && findings.count == 1, "%s: %zu findings", text, findings.count);
    ck_assert_str_eq(findings.items[0].mend, mend_cases[_i].mend);
    findings_fini(&findings);
}
END_TEST

static const struct {
    const char *name, *zone; /* NULL: in none of ours */
} zone_cases[] = {
    {"example.org", "example.org."},
    {"x.example.org", "example.org."},
    {"zzz.example.org", "example.org."},
    {"chat.example.org", "chat.example.org."},
    {"a.b.chat.EXAMPLE.org", "chat.example.org."},
    {"chatx.example.org", "example.org."},
    {"_xmpp-client._tcp.chat.example.org", "_tcp.chat.example.org."},
    {"x._udp.chat.example.org", "chat.example.org."},
    {"org", NULL},
    {"xexample.org", NULL},
    {"aaa", NULL},
    {"zzz", NULL},
    {"sub.deep.down.example.net", "down.example.net."},
    {"downx.example.net", NULL},
    {"example.net", NULL},
};

START_TEST(a_name_belongs_to_the_longest_zone_that_it_is_in)
{
    struct inventory *inventory = load_text(
        "\"zones\": {\"example.org\": {}, \"chat.example.org\": {}, "
        "\"_tcp.chat.example.org\": {}, \"down.example.net\": {}, \"a.a.example.org\": {}, "
        "\"a.zz.example.net\": {}}, "
        "\"domains\": {\"example.org\": {}}, " A_NODE);
    struct arena arena = {0};
    struct name name;
    ck_assert(text_name_parse(&arena, text_from(zone_cases[_i].name), &name, NULL));
    uint32_t index = inventory_zone_of(inventory, name);
    const char *got =
        index == INVENTORY_NONE ? "none" : text_name_print(&arena, inventory->zones[index].apex);
    ck_assert_msg(strcmp(got, zone_cases[_i].zone ? zone_cases[_i].zone : "none") == 0, "%s: %s",
                  zone_cases[_i].name, got);
    arena_fini(&arena);
    inventory_free(inventory);
}
END_TEST

START_TEST(domains_that_select_the_same_nodes_share_a_selection)
{
    enum {
        DOMAINS = 100000
    };
    size_t size = DOMAINS * 80 + 1000, len = 0;
    char *text = malloc(size);
    struct findings findings = {0};
    ck_assert(text != NULL);
    len += (size_t)snprintf(text, size,
                            "{\"srvplan\": 1, \"defaults\": {\"base\": \"x.example\"}, "
                            "\"nodes\": {");
    for (int i = 0; i < 20; i++)
        len += (size_t)snprintf(text + len, size - len,
                                "%s\"n%d\": {\"addresses\": [\"192.0.2.%d\"], \"site\": \"s%d\"}",
                                i ? ", " : "", i, i + 1, i % 2);
    len += (size_t)snprintf(text + len, size - len, "}, \"domains\": {");
    static const char *const settings[] = {"", "\"nodes\": [\"site:s0\"]", "\"nodes\": [\"*\"]",
                                           "\"nodes\": [\"site:s1\"]",
                                           "\"nodes\": [\"site:s1\", \"site:s0\"]"};
    for (int i = 0; i < DOMAINS; i++)
        len += (size_t)snprintf(text + len, size - len, "%s\"d%d.example\": {%s}", i ? ", " : "", i,
                                settings[i % 5]);
    len += (size_t)snprintf(text + len, size - len, "}}");
    struct inventory *inventory =
        inventory_load((struct bytes){(const uint8_t *)text, len}, "t", &findings);

    ck_assert(inventory != NULL);
    ck_assert_uint_eq(inventory->domain_count, DOMAINS);
    ck_assert_uint_eq(inventory->zone_count, DOMAINS);
    ck_assert_uint_eq(inventory->selection_count, 3);
    for (uint32_t i = 1; i < DOMAINS; i++)
        ck_assert(name_compare(inventory->domains[i - 1].name, inventory->domains[i].name) < 0);
    inventory_free(inventory);
    findings_fini(&findings);
    free(text);
}
END_TEST

START_TEST(very_many_mistakes_are_counted_but_not_all_listed)
{
    enum {
        MISTAKES = 12000
    };
    size_t size = MISTAKES * 16 + 200, len = 0;
    char *text = malloc(size);
    struct findings findings = {0};
    ck_assert(text != NULL);
    len += (size_t)snprintf(text, size, "{\"srvplan\": 1, \"domains\": {\"a.example\": {");
    for (int i = 0; i < MISTAKES; i++)
        len += (size_t)snprintf(text + len, size - len, "%s\"q%d\": 1", i ? "," : "", i);
    len += (size_t)snprintf(text + len, size - len, "}}, %s}", A_NODE);
    struct inventory *inventory =
        inventory_load((struct bytes){(const uint8_t *)text, len}, "t", &findings);

    ck_assert(inventory == NULL);
    ck_assert_uint_eq(findings.count, 10001);
    ck_assert_str_eq(findings.items[10000].code, "too-many-mistakes");
    ck_assert(strstr(findings.items[10000].message, "2000 more") != NULL);
    findings_fini(&findings);
    free(text);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_an_error_with_its_path)
{
    struct findings findings = {0};
    struct error err = {0};
    ck_assert(!inventory_load_file("/nonexistent/inventory.jsonc", &findings, &err));
    ck_assert(strstr(err.message, "/nonexistent/inventory.jsonc") != NULL);
    ck_assert_uint_eq(findings.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inventory_load");
    TCase *tcase = tcase_create("inventory_load");
    tcase_set_timeout(tcase, 60); /* sanitizers make 100,000 domains slow */
    tcase_add_test(tcase, valid_inventories_load_without_a_finding);
    tcase_add_test(tcase, invalid_inventories_give_exactly_the_expected_findings);
    tcase_add_loop_test(tcase, domains_get_ttl_services_and_nodes_with_every_default, 0,
                        COUNT_OF(domain_cases));
    tcase_add_test(tcase, zones_are_the_declared_ones_and_those_of_domains);
    tcase_add_test(tcase, nodes_get_host_tier_ports_and_weights);
    tcase_add_test(tcase, policy_and_tiers_have_their_defaults);
    tcase_add_loop_test(tcase, a_warning_does_not_stop_the_loading, 0, COUNT_OF(warning_cases));
    tcase_add_loop_test(tcase, a_mistake_says_what_to_write_instead, 0, COUNT_OF(mend_cases));
    tcase_add_loop_test(tcase, a_name_belongs_to_the_longest_zone_that_it_is_in, 0,
                        COUNT_OF(zone_cases));
    tcase_add_test(tcase, domains_that_select_the_same_nodes_share_a_selection);
    tcase_add_test(tcase, very_many_mistakes_are_counted_but_not_all_listed);
    tcase_add_test(tcase, a_file_that_cannot_be_read_is_an_error_with_its_path);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

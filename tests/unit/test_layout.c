/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/layout.h"
#include "make_inventory.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const two_servers[] = {"ns1.example.org", "ns2.example.com", NULL};
static const char *const ours[] = {"ns1.example.org", NULL};
static const char *const of_child[] = {"ns.a.example.org", "ns1.example.org", NULL};
static const char *const outside[] = {"ns.example.com", NULL};

/* Two services, one tier, two nodes xmpp1 and xmpp2 in example.org. */
static struct inventory *two_nodes(void)
{
    struct inventory *inventory = make_inventory();
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_service(inventory, "xmpp-server", "_xmpp-server._tcp", 5269, 0);
    make_tier(inventory, "primary", 10);
    make_node(inventory,
              &(struct make_node){.id = "xmpp1", .ipv4 = "192.0.2.11", .ipv6 = "2001:db8::11"});
    make_node(inventory, &(struct make_node){.id = "xmpp2", .ipv4 = "192.0.2.12"});
    make_selection_of_all(inventory);
    return inventory;
}

static struct inventory *one_zone(void)
{
    struct inventory *inventory = two_nodes();
    make_zone(inventory, &(struct make_zone){.apex = "example.org",
                                             .name_servers = two_servers,
                                             .name_server_ipv4 = "192.0.2.53"});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    make_domain(inventory, &(struct make_domain){.name = "chat.example.org"});
    return inventory;
}

static struct inventory *child_zones(void)
{
    struct inventory *inventory = two_nodes();
    make_zone(inventory, &(struct make_zone){.apex = "example.org",
                                             .name_servers = ours,
                                             .name_server_ipv4 = "192.0.2.53"});
    make_zone(inventory, &(struct make_zone){.apex = "_tcp.example.org",
                                             .name_servers = ours,
                                             .name_server_ipv4 = "192.0.2.53"});
    make_zone(inventory, &(struct make_zone){.apex = "a.example.org",
                                             .name_servers = of_child,
                                             .name_server_ipv4 = "192.0.2.53"});
    make_zone(inventory, &(struct make_zone){.apex = "z.deep.a.example.org",
                                             .name_servers = ours,
                                             .name_server_ipv4 = "192.0.2.53"});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    make_domain(inventory, &(struct make_domain){.name = "a.example.org"});
    return inventory;
}

static struct inventory *only_tcp(void)
{
    struct inventory *inventory = two_nodes();
    make_zone(inventory, &(struct make_zone){.apex = "_tcp.example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    return inventory;
}

static struct inventory *absent_everywhere(void)
{
    struct inventory *inventory = make_inventory();
    make_absent_service(inventory, "sips", "_sips._tcp");
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_tier(inventory, "primary", 10);
    make_node(inventory, &(struct make_node){.id = "xmpp1", .ipv4 = "192.0.2.11"});
    make_node(inventory,
              &(struct make_node){.id = "xmpp2", .ipv4 = "192.0.2.12", .state = NODE_OFF});
    make_selection_of_all(inventory);
    make_zone(inventory, &(struct make_zone){.apex = "example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    return inventory;
}

/* -- the names of a layout as text --------------------------------------------------------------
 */

static void put_name(FILE *out, const struct layout *layout, const struct content_name *name,
                     struct arena *arena)
{
    static const char *const kinds[] = {
        [CONTENT_NAME] = "", [CONTENT_DELEGATION] = " delegation", [CONTENT_GLUE] = " glue"};
    fprintf(out, "  %s%s", text_name_print(arena, name->owner), kinds[name->kind]);
    if (name->types == CONTENT_NONE)
        fputs(" empty", out);
    else
        for (uint32_t i = 0; i < layout->names.types[name->types].count; i++)
            fprintf(out, " %s", rrtype_mnemonic(layout->names.types[name->types].entries[i].type));
    fputc('\n', out);
}

static char *print_names(const struct layout *layout)
{
    struct arena arena = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (uint32_t i = 0; i < layout->names.zone_count; i++) {
        const struct content_zone *zone = &layout->names.zones[i];
        fprintf(out, "zone %s", text_name_print(&arena, zone->apex));
        if (zone->parent != CONTENT_NONE)
            fprintf(out, " below %s",
                    text_name_print(&arena, layout->names.zones[zone->parent].apex));
        fputc('\n', out);
        for (uint32_t j = 0; j < zone->name_count; j++)
            put_name(out, layout, &layout->names.names[zone->first_name + j], &arena);
    }
    fclose(out);
    arena_fini(&arena);
    return text;
}

static const struct {
    const char *label;
    struct inventory *(*make)(void);
    const char *names;
} zones[] = {
    {"a zone holds its domains, hosts, name servers and the names between", one_zone,
     "zone example.org.\n"
     "  example.org. NS SOA\n"
     "  _tcp.example.org. empty\n"
     "  _xmpp-client._tcp.example.org. SRV\n"
     "  _xmpp-server._tcp.example.org. SRV\n"
     "  chat.example.org. empty\n"
     "  _tcp.chat.example.org. empty\n"
     "  _xmpp-client._tcp.chat.example.org. SRV\n"
     "  _xmpp-server._tcp.chat.example.org. SRV\n"
     "  ns1.example.org. A\n"
     "  xmpp1.example.org. A AAAA\n"
     "  xmpp2.example.org. A\n"},
    {"a record goes to the longest zone; the zone above delegates, with glue", child_zones,
     "zone example.org.\n"
     "  example.org. NS SOA\n"
     "  _tcp.example.org. delegation NS\n"
     "  a.example.org. delegation NS\n"
     "  ns.a.example.org. glue A\n"
     "  ns1.example.org. A\n"
     "  xmpp1.example.org. A AAAA\n"
     "  xmpp2.example.org. A\n"
     "zone _tcp.example.org. below example.org.\n"
     "  _tcp.example.org. NS SOA\n"
     "  _xmpp-client._tcp.example.org. SRV\n"
     "  _xmpp-server._tcp.example.org. SRV\n"
     "zone a.example.org. below example.org.\n"
     "  a.example.org. NS SOA\n"
     "  _tcp.a.example.org. empty\n"
     "  _xmpp-client._tcp.a.example.org. SRV\n"
     "  _xmpp-server._tcp.a.example.org. SRV\n"
     "  deep.a.example.org. empty\n"
     "  z.deep.a.example.org. delegation NS\n"
     "  ns.a.example.org. A\n"
     "zone z.deep.a.example.org. below a.example.org.\n"
     "  z.deep.a.example.org. NS SOA\n"},
    {"who delegates only _tcp to us gets only that", only_tcp,
     "zone _tcp.example.org.\n"
     "  _tcp.example.org. NS SOA\n"
     "  _xmpp-client._tcp.example.org. SRV\n"
     "  _xmpp-server._tcp.example.org. SRV\n"},
    {"absent services stand at every domain, and a node that is off keeps its address",
     absent_everywhere,
     "zone example.org.\n"
     "  example.org. NS SOA\n"
     "  _tcp.example.org. empty\n"
     "  _sips._tcp.example.org. SRV\n"
     "  _xmpp-client._tcp.example.org. SRV\n"
     "  xmpp1.example.org. A\n"
     "  xmpp2.example.org. A\n"},
};

START_TEST(an_inventory_makes_these_names)
{
    struct inventory *inventory = zones[_i].make();
    struct findings findings = {0};
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_ZONES, &findings);
    ck_assert_msg(layout, "%s: %s", zones[_i].label,
                  findings.count ? findings.items[0].message : "no layout");
    char *names = print_names(layout);
    ck_assert_msg(strcmp(names, zones[_i].names) == 0, "%s: got\n%s", zones[_i].label, names);
    free(names);
    layout_free(layout);
    findings_fini(&findings);
    inventory_free(inventory);
}
END_TEST

/* -- sharing ------------------------------------------------------------------------------------
 */

/* `count` domains, each a zone of its own with the same name servers outside. */
static struct inventory *many_zones(uint32_t count, const char *rname)
{
    struct inventory *inventory = two_nodes();
    for (uint32_t i = 0; i < count; i++) {
        char *name = arena_printf(&inventory->arena, "d%06u.example", i);
        make_zone(inventory,
                  &(struct make_zone){.apex = name, .name_servers = outside, .rname = rname});
    }
    for (uint32_t i = 0; i < count; i++) {
        char *name = arena_printf(&inventory->arena, "d%06u.example", i);
        make_domain(inventory, &(struct make_domain){.name = name});
    }
    return inventory;
}

START_TEST(zones_with_the_same_name_servers_share_every_set_and_one_slot)
{
    struct inventory *inventory = many_zones(50, NULL);
    struct findings findings = {0};
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_ZONES, &findings);
    ck_assert(layout);

    ck_assert_uint_eq(layout->declared_count, 2);
    ck_assert_uint_eq(layout->declared[0].domain_count, 50);
    ck_assert_uint_eq(layout->fixed_count, 3); /* SOA, its negative twin, NS */
    ck_assert_uint_eq(layout->names.slot_count, 1);
    ck_assert_uint_eq(layout->names.types_count, 3); /* apex, and the two services */
    for (uint32_t i = 1; i < 50; i++)
        ck_assert(digest_equal(&layout->zone_class[0], &layout->zone_class[i]));

    layout_free(layout);
    findings_fini(&findings);
    inventory_free(inventory);
}
END_TEST

START_TEST(a_zone_with_one_domain_more_has_a_slot_of_its_own)
{
    struct inventory *inventory = many_zones(3, NULL);
    make_domain(inventory, &(struct make_domain){.name = "sub.d000002.example"});
    struct findings findings = {0};
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_ZONES, &findings);
    ck_assert(layout);

    ck_assert_uint_eq(layout->names.slot_count, 2);
    ck_assert_uint_eq(layout->names.zones[0].slot, layout->names.zones[1].slot);
    ck_assert_uint_ne(layout->names.zones[0].slot, layout->names.zones[2].slot);

    layout_free(layout);
    findings_fini(&findings);
    inventory_free(inventory);
}
END_TEST

START_TEST(only_the_zone_that_holds_the_targets_gets_their_addresses)
{
    struct inventory *inventory = two_nodes();
    make_zone(inventory, &(struct make_zone){.apex = "example.net", .name_servers = outside});
    make_zone(inventory, &(struct make_zone){.apex = "example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "example.net"});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    struct findings findings = {0};
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_ZONES, &findings);
    ck_assert(layout);

    ck_assert_uint_eq(layout->declared_count, 4);
    ck_assert_uint_eq(layout->declared[0].ipv4_sets[0], CONTENT_NONE);
    uint32_t set = layout->declared[2].ipv4_sets[0];
    ck_assert_uint_ge(set, layout->declared_count);
    ck_assert_uint_eq(layout->fixed[set - layout->declared_count].type, RRTYPE_A);
    ck_assert_uint_ne(layout->declared[2].ipv6_sets[0], CONTENT_NONE);
    ck_assert_uint_eq(layout->declared[2].ipv6_sets[1], CONTENT_NONE); /* xmpp2 has no IPv6 */
    ck_assert(!digest_equal(&layout->declared[0].key, &layout->declared[2].key));

    layout_free(layout);
    findings_fini(&findings);
    inventory_free(inventory);
}
END_TEST

START_TEST(the_soa_is_a_template_and_its_negative_twin_lives_for_the_minimum)
{
    static const uint8_t expected[] =
        "\002ns\007example\003com\000" /* outside: written out */
        "\012hostmaster\xC0\000"       /* at the apex */
        "\000\000\000\000"             /* serial: patched */
        "\000\000\016\020\000\000\002\130\000\011\072\200\000\000\000\074";
    struct inventory *inventory = many_zones(2, NULL);
    struct findings findings = {0};
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_ZONES, &findings);
    ck_assert(layout);
    const struct content_zone *zone = &layout->names.zones[0];
    const struct content_set *soa = &layout->fixed[zone->soa_set - layout->declared_count];
    const struct content_set *negative =
        &layout->fixed[zone->negative_set - layout->declared_count];

    ck_assert_uint_eq(soa->rdata[0].len, sizeof expected - 1);
    ck_assert_mem_eq(soa->rdata[0].ptr, expected, sizeof expected - 1);
    ck_assert_int_eq(soa->section, CONTENT_ANSWER);
    ck_assert_uint_eq(soa->ttl_s, 300);
    ck_assert(bytes_equal(soa->rdata[0], negative->rdata[0]));
    ck_assert_int_eq(negative->section, CONTENT_AUTHORITY);
    ck_assert_uint_eq(negative->ttl_s, 60);

    layout_free(layout);
    findings_fini(&findings);
    inventory_free(inventory);
}
END_TEST

START_TEST(below_an_underscore_the_hostmaster_is_that_of_the_domain_above)
{
    /* "hostmaster" before what is left of _tcp.example.org without its first label: C0 05. */
    static const uint8_t expected[] = "\012hostmaster\300\005";
    struct inventory *inventory = only_tcp();
    struct findings findings = {0};
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_ZONES, &findings);
    ck_assert(layout);
    const struct content_set *soa =
        &layout->fixed[layout->names.zones[0].soa_set - layout->declared_count];
    size_t mname_len = soa->rdata[0].len - 20 - (sizeof expected - 1);

    ck_assert_mem_eq(soa->rdata[0].ptr + mname_len, expected, sizeof expected - 1);
    struct bytes whole =
        content_rdata(&layout->arena, RRTYPE_SOA, soa->rdata[0], layout->names.zones[0].apex);
    ck_assert_ptr_nonnull(
        strstr(text_rdata_print(&layout->arena, RRTYPE_SOA, whole), " hostmaster.example.org. 0 "));

    layout_free(layout);
    findings_fini(&findings);
    inventory_free(inventory);
}
END_TEST

/* -- findings -----------------------------------------------------------------------------------
 */

static struct inventory *owner_nowhere(void)
{
    struct inventory *inventory = two_nodes();
    make_zone(inventory, &(struct make_zone){.apex = "example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "example.net"});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    return inventory;
}

static struct inventory *no_name_servers(void)
{
    struct inventory *inventory = two_nodes();
    make_zone(inventory, &(struct make_zone){.apex = "example.org"});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    return inventory;
}

static struct inventory *two_truths(void)
{
    static const char *const same_host[] = {"xmpp1.example.org", NULL};
    struct inventory *inventory = two_nodes();
    make_zone(inventory, &(struct make_zone){.apex = "example.org",
                                             .name_servers = same_host,
                                             .name_server_ipv4 = "192.0.2.99"});
    make_zone(inventory, &(struct make_zone){.apex = "z.example.org", /* a second time */
                                             .name_servers = same_host,
                                             .name_server_ipv4 = "192.0.2.99"});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    return inventory;
}

/* A domain of `tail` and four labels of 57 octets: 233 + its length; the labels of
 * _xmpp-client._tcp and _xmpp-server._tcp need 18 more. */
static struct inventory *long_domain(const char *tail)
{
    struct inventory *inventory = two_nodes();
    char name[260] = "";
    for (int i = 0; i < 4; i++)
        strcat(name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
    strcat(name, tail);
    make_zone(inventory, &(struct make_zone){.apex = tail, .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = name});
    return inventory;
}

static struct inventory *just_fits(void)
{
    return long_domain("org"); /* 1 + 3 + 1 for the root: 237 octets, 255 with the labels */
}

static struct inventory *too_long(void)
{
    return long_domain("orgs");
}

/* Both halves of the pool c2s, by these offsets, on tiers at 10 and `back`. */
static struct inventory *pool_of(int32_t starttls, int32_t direct, uint16_t back)
{
    struct inventory *inventory = make_inventory();
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, starttls);
    make_pool(inventory, "c2s");
    make_service(inventory, "xmpps-client", "_xmpps-client._tcp", 5223, direct);
    make_pool(inventory, "c2s");
    make_tier(inventory, "primary", 10);
    make_tier(inventory, "standby", back);
    make_node(inventory, &(struct make_node){.id = "xmpp1", .ipv4 = "192.0.2.11"});
    make_node(inventory, &(struct make_node){.id = "xmpp2", .ipv4 = "192.0.2.12", .tier = 1});
    make_selection_of_all(inventory);
    make_zone(inventory, &(struct make_zone){.apex = "example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    make_domain(inventory, &(struct make_domain){.name = "a.example.org", .ttl_s = 60});
    return inventory;
}

static struct inventory *direct_just_in_front(void)
{
    return pool_of(0, -9, 20);
}

static struct inventory *direct_at_the_front_tier(void)
{
    return pool_of(0, -10, 20);
}

static struct inventory *starttls_behind(void)
{
    return pool_of(5, 0, 15);
}

static struct inventory *tiers_of_one_priority(void)
{
    return pool_of(0, -9, 10);
}

/* The services share no pool, so nobody mixes them. */
static struct inventory *not_one_pool(void)
{
    struct inventory *inventory = pool_of(0, -10, 20);
    inventory->services[1].pool = text_from("other");
    return inventory;
}

/* Two nodes cannot share a sum of 1, in four sets; one node can have it. */
static struct inventory *unweighable(void)
{
    static const uint32_t second[] = {1};
    struct inventory *inventory = two_nodes();
    inventory->policy.scale = WEIGHTS_HAMILTON;
    inventory->policy.hamilton_total = 1;
    make_selection(inventory, second, 1);
    make_zone(inventory, &(struct make_zone){.apex = "example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "a.example.org"});
    make_domain(inventory, &(struct make_domain){.name = "b.example.org", .ttl_s = 60});
    make_domain(inventory, &(struct make_domain){.name = "c.example.org", .selection = 1});
    return inventory;
}

static const struct {
    const char *label;
    struct inventory *(*make)(void);
    enum layout_need need;
    const char *code;
    const char *pointer;
    uint32_t count;
    bool is_refused;
} mistakes[] = {
    {"an owner that is in no zone of ours", owner_nowhere, LAYOUT_FOR_PLAN, "owner-in-no-zone",
     "/domains/example.net", 1, true},
    {"a zone without name servers cannot be served", no_name_servers, LAYOUT_FOR_ZONES,
     "no-name-servers", "/zones/example.org", 1, true},
    {"but it can be planned", no_name_servers, LAYOUT_FOR_PLAN, "no-name-servers", NULL, 0, false},
    {"one host with two addresses at two places", two_truths, LAYOUT_FOR_PLAN,
     "host-addresses-differ", "/hosts/xmpp1.example.org", 1, true},
    {"an owner of 255 octets", just_fits, LAYOUT_FOR_PLAN, "N04", NULL, 0, false},
    {"an owner of more than 255 octets", too_long, LAYOUT_FOR_PLAN, "N04", NULL, 2, true},
    {"weights that the scale cannot make are said once a service", unweighable, LAYOUT_FOR_PLAN,
     "weights-impossible", "/policy/weights", 2, true},
    {"tiers of a pool that stay apart by one", direct_just_in_front, LAYOUT_FOR_PLAN, "X07", NULL,
     0, false},
    {"tiers of a pool that meet, said once for both TTLs", direct_at_the_front_tier,
     LAYOUT_FOR_PLAN, "X07", "/services/xmpps-client/priority_offset", 1, true},
    {"the other service is the one with an offset", starttls_behind, LAYOUT_FOR_PLAN, "X07",
     "/services/xmpp-client/priority_offset", 1, true},
    {"tiers of one priority are one", tiers_of_one_priority, LAYOUT_FOR_PLAN, "X07", NULL, 0,
     false},
    {"services that share no pool", not_one_pool, LAYOUT_FOR_PLAN, "X07", NULL, 0, false},
};

START_TEST(mistakes_are_found_with_their_place)
{
    struct inventory *inventory = mistakes[_i].make();
    struct findings findings = {0};
    struct layout *layout = layout_build(inventory, mistakes[_i].need, &findings);
    uint32_t count = 0;
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        if (strcmp(finding->code, mistakes[_i].code) != 0)
            continue;
        count++;
        ck_assert_msg(!mistakes[_i].pointer || strcmp(finding->pointer, mistakes[_i].pointer) == 0,
                      "%s: at %s", mistakes[_i].label, finding->pointer);
    }
    ck_assert_msg(count == mistakes[_i].count, "%s: %u findings %s", mistakes[_i].label, count,
                  mistakes[_i].code);
    ck_assert_msg((layout == NULL) == mistakes[_i].is_refused, "%s: layout %p", mistakes[_i].label,
                  (void *)layout);
    layout_free(layout);
    findings_fini(&findings);
    inventory_free(inventory);
}
END_TEST

START_TEST(a_tier_inversion_comes_with_numbers_that_work)
{
    static const struct {
        struct inventory *(*make)(void);
        const char *message, *mend;
    } rows[] = {
        {direct_at_the_front_tier,
         "pool c2s of example.org: a client that takes its services as one (XEP-0368) comes to "
         "tier standby before it is through with tier primary: priority 10 is 10 of tier primary "
         "+0 of "
         "xmpp-client, and priority 10 is 20 of tier standby -10 of xmpps-client",
         "set the priority_offset of xmpps-client to -9, or the priority of tier standby to 21 and "
         "those behind it accordingly: tiers must be more than 10 apart"},
        {starttls_behind,
         "priority 15 is 10 of tier primary +5 of xmpp-client, and priority 15 is 15 of tier "
         "standby +0 of xmpps-client",
         "set the priority_offset of xmpp-client to 4, or the priority of tier standby to 16"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct inventory *inventory = rows[i].make();
        struct findings findings = {0};
        ck_assert_ptr_null(layout_build(inventory, LAYOUT_FOR_PLAN, &findings));
        ck_assert_msg(strstr(findings.items[0].message, rows[i].message), "%s",
                      findings.items[0].message);
        ck_assert_msg(strstr(findings.items[0].mend, rows[i].mend), "%s", findings.items[0].mend);
        findings_fini(&findings);
        inventory_free(inventory);
    }
}
END_TEST

START_TEST(domains_with_the_same_sets_share_a_pool)
{
    struct inventory *inventory = pool_of(0, -1, 20);
    struct findings findings = {0};
    uint32_t one[] = {0};
    make_domain(inventory, &(struct make_domain){.name = "b.example.org"});
    make_domain(inventory, &(struct make_domain){
                               .name = "c.example.org", .services = one, .service_count = 1});
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert_ptr_nonnull(layout);
    ck_assert_uint_eq(layout->pool_count, 3);
    ck_assert_uint_eq(layout->pools[0].domain, 0);
    ck_assert_uint_eq(layout->pools[0].domain_count, 2);
    ck_assert_uint_eq(layout->pools[0].set_count, 2);
    ck_assert_uint_eq(layout->declared[layout->pools[0].sets[1]].service, 1);
    ck_assert_uint_eq(layout->pools[1].domain_count, 1);
    ck_assert_uint_eq(layout->pools[2].set_count, 1); /* c.example.org has one half only */
    ck_assert_uint_eq(layout->pools[2].domain, 3);
    ck_assert(text_is(layout->pools[0].id, "c2s"));
    layout_free(layout);
    findings_fini(&findings);
    inventory_free(inventory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layout");
    TCase *tcase = tcase_create("layout");
    tcase_add_loop_test(tcase, an_inventory_makes_these_names, 0, COUNT_OF(zones));
    tcase_add_test(tcase, zones_with_the_same_name_servers_share_every_set_and_one_slot);
    tcase_add_test(tcase, a_zone_with_one_domain_more_has_a_slot_of_its_own);
    tcase_add_test(tcase, only_the_zone_that_holds_the_targets_gets_their_addresses);
    tcase_add_test(tcase, the_soa_is_a_template_and_its_negative_twin_lives_for_the_minimum);
    tcase_add_test(tcase, below_an_underscore_the_hostmaster_is_that_of_the_domain_above);
    tcase_add_loop_test(tcase, mistakes_are_found_with_their_place, 0, COUNT_OF(mistakes));
    tcase_add_test(tcase, a_tier_inversion_comes_with_numbers_that_work);
    tcase_add_test(tcase, domains_with_the_same_sets_share_a_pool);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

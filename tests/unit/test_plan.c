/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan.h"
#include "make_inventory.h"
#include "srvplan/plan_diff.h"
#include "zones/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(string)                                                                               \
    {                                                                                              \
        (string), sizeof(string) - 1                                                               \
    }

static const char *const outside[] = {"ns.example.com", NULL};

/* What a test looks at: inventory, layout and plan, owned together. */
struct made {
    struct inventory *inventory;
    struct layout *layout;
    struct plan *plan;
};

static struct made made_of(struct inventory *inventory, const struct overlays *overlays,
                           int64_t at_ms)
{
    struct findings findings = {0};
    struct made made = {.inventory = inventory};
    make_zone(inventory, &(struct make_zone){.apex = "example.org", .name_servers = outside});
    make_domain(inventory, &(struct make_domain){.name = "example.org"});
    made.layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert_msg(made.layout, "%s", findings.count ? findings.items[0].message : "?");
    findings_fini(&findings);
    struct plan_input input = {made.layout, overlays, at_ms};
    made.plan = plan_compute(&input);
    return made;
}

static void made_fini(struct made *made)
{
    plan_free(made->plan);
    layout_free(made->layout);
    inventory_free(made->inventory);
}

/* xmpp1 and xmpp2 with capacities 200 and 120 at priority 10, xmpp3 at 20. */
static struct inventory *three_nodes(void)
{
    struct inventory *inventory = make_inventory();
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_service(inventory, "xmpps-client", "_xmpps-client._tcp", 5223, -1);
    make_tier(inventory, "primary", 10);
    make_tier(inventory, "standby", 20);
    make_node(inventory, &(struct make_node){.id = "xmpp1", .capacity = 200, .ipv4 = "192.0.2.11"});
    make_node(inventory, &(struct make_node){.id = "xmpp2", .capacity = 120, .ipv4 = "192.0.2.12"});
    make_node(inventory, &(struct make_node){.id = "xmpp3", .tier = 1, .ipv4 = "192.0.2.13"});
    make_selection_of_all(inventory);
    return inventory;
}

static struct inventory *guide(void)
{
    struct inventory *inventory = make_inventory();
    inventory->policy.scale = WEIGHTS_RAW;
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_tier(inventory, "first", 5);
    make_tier(inventory, "second", 10);
    make_node(inventory, &(struct make_node){.id = "server1", .capacity = 50, .ipv4 = "192.0.2.1"});
    make_node(inventory,
              &(struct make_node){.id = "server2", .capacity = 30, .tier = 1, .ipv4 = "192.0.2.2"});
    make_selection_of_all(inventory);
    return inventory;
}

static struct inventory *of_a_thousand(void)
{
    struct inventory *inventory = three_nodes();
    inventory->policy.scale = WEIGHTS_HAMILTON;
    inventory->policy.hamilton_total = 1000;
    return inventory;
}

static struct inventory *stable(void)
{
    struct inventory *inventory = three_nodes();
    inventory->policy.scale = WEIGHTS_STABLE;
    return inventory;
}

static struct inventory *states(void)
{
    struct inventory *inventory = make_inventory();
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_tier(inventory, "primary", 10);
    make_node(inventory, &(struct make_node){.id = "a", .ipv4 = "192.0.2.1"});
    make_node(inventory, &(struct make_node){.id = "b", .ipv4 = "192.0.2.2", .state = NODE_DRAIN});
    make_node(inventory, &(struct make_node){.id = "c", .ipv4 = "192.0.2.3", .state = NODE_MAINT});
    make_node(inventory, &(struct make_node){.id = "d", .ipv4 = "192.0.2.4", .state = NODE_OFF});
    make_selection_of_all(inventory);
    return inventory;
}

static struct inventory *own_values(void)
{
    struct inventory *inventory = make_inventory();
    make_service(inventory, "xmpp-client", "_xmpp-client._tcp", 5222, 0);
    make_tier(inventory, "primary", 10);
    make_node(inventory,
              &(struct make_node){.id = "a", .ipv4 = "192.0.2.1", .weight = "50", .port = 443});
    make_node(inventory, &(struct make_node){.id = "b", .ipv4 = "192.0.2.2"});
    make_selection_of_all(inventory);
    return inventory;
}

static struct inventory *absent(void)
{
    struct inventory *inventory = make_inventory();
    make_absent_service(inventory, "xmpp-client", "_xmpp-client._tcp");
    make_tier(inventory, "primary", 10);
    make_node(inventory, &(struct make_node){.id = "a", .ipv4 = "192.0.2.1"});
    make_selection_of_all(inventory);
    return inventory;
}

enum {
    NOW = 1000000
};

#define DRAIN(...) .drains = (const struct overlay_drain[]){{__VA_ARGS__}}, .drain_count = 1

/* Each row: an inventory, one overlay at most, and what set 0 (xmpp-client) then holds. */
static const struct {
    const char *label;
    struct inventory *(*make)(void);
    const struct overlay_drain *drains;
    uint32_t drain_count;
    const struct overlay_weight *weights;
    uint32_t weight_count;
    const char *records[4];
    const char *shares;  /* of all members, also those that are out */
    const char *because; /* of the first member that is out, else of the first */
} cases[] = {
    {.label = "capacities become weights, tiers priorities",
     .make = three_nodes,
     .records = {"10 39680 5222 xmpp1.example.org.", "10 23808 5222 xmpp2.example.org.",
                 "20 65280 5222 xmpp3.example.org."},
     .shares = "5/8 3/8 0/1",
     .because = "capacity 200 of 320 at priority 10, scale universal"},
    {.label = "the Openfire guide's example comes out as written",
     .make = guide,
     .records = {"5 50 5222 server1.example.org.", "10 30 5222 server2.example.org."},
     .shares = "1/1 0/1",
     .because = "capacity 50 of 50 at priority 5, scale raw"},
    {.label = "hamilton: a sum of 1000 in each tier",
     .make = of_a_thousand,
     .records = {"10 625 5222 xmpp1.example.org.", "10 375 5222 xmpp2.example.org.",
                 "20 1000 5222 xmpp3.example.org."},
     .shares = "5/8 3/8 0/1",
     .because = "capacity 200 of 320 at priority 10, scale hamilton:1000"},
    {.label = "stable: one factor for all tiers",
     .make = stable,
     .records = {"10 2000 5222 xmpp1.example.org.", "10 1200 5222 xmpp2.example.org.",
                 "20 1000 5222 xmpp3.example.org."},
     .shares = "5/8 3/8 0/1",
     .because = "capacity 200 of 320 at priority 10, scale stable"},
    {.label = "a drain takes the node out, and the other keeps its weight",
     .make = three_nodes,
     DRAIN(.id = TEXT("dr_1"), .node = TEXT("xmpp1"), .actor = TEXT("ops"),
           .reason = TEXT("kernel")),
     .records = {"10 23808 5222 xmpp2.example.org.", "20 65280 5222 xmpp3.example.org."},
     .shares = "0/1 1/1 0/1",
     .because = "drain dr_1 by ops: kernel"},
    {.label = "a drain of another service does not",
     .make = three_nodes,
     DRAIN(.id = TEXT("dr_1"), .node = TEXT("xmpp1"), .service_count = 1,
           .services = (const struct text[]){TEXT("xmpps-client")}),
     .records = {"10 39680 5222 xmpp1.example.org.", "10 23808 5222 xmpp2.example.org.",
                 "20 65280 5222 xmpp3.example.org."},
     .shares = "5/8 3/8 0/1"},
    {.label = "a drain of this service among others does",
     .make = three_nodes,
     DRAIN(.id = TEXT("dr_1"), .node = TEXT("xmpp1"), .service_count = 2,
           .services = (const struct text[]){TEXT("gone"), TEXT("xmpp-client")}),
     .records = {"10 23808 5222 xmpp2.example.org.", "20 65280 5222 xmpp3.example.org."},
     .shares = "0/1 1/1 0/1"},
    {.label = "a drain that ends now has ended",
     .make = three_nodes,
     DRAIN(.id = TEXT("dr_1"), .node = TEXT("xmpp1"), .until_at_ms = NOW),
     .records = {"10 39680 5222 xmpp1.example.org.", "10 23808 5222 xmpp2.example.org.",
                 "20 65280 5222 xmpp3.example.org."},
     .shares = "5/8 3/8 0/1"},
    {.label = "a drain that begins now has begun",
     .make = three_nodes,
     DRAIN(.id = TEXT("dr_1"), .node = TEXT("xmpp1"), .since_at_ms = NOW,
           .until_at_ms = NOW + 1000),
     .records = {"10 23808 5222 xmpp2.example.org.", "20 65280 5222 xmpp3.example.org."},
     .shares = "0/1 1/1 0/1",
     .because = "drain dr_1 until 1970-01-01T00:16:41Z"},
    {.label = "a drain that begins later has not",
     .make = three_nodes,
     DRAIN(.id = TEXT("dr_1"), .node = TEXT("xmpp1"), .since_at_ms = NOW + 1),
     .records = {"10 39680 5222 xmpp1.example.org.", "10 23808 5222 xmpp2.example.org.",
                 "20 65280 5222 xmpp3.example.org."},
     .shares = "5/8 3/8 0/1"},
    {.label = "with the whole first tier out, the next takes all",
     .make = three_nodes,
     .drains = (const struct overlay_drain[]){{.id = TEXT("dr_1"), .node = TEXT("xmpp1")},
                                              {.id = TEXT("dr_2"), .node = TEXT("xmpp2")}},
     .drain_count = 2,
     .records = {"20 65280 5222 xmpp3.example.org."},
     .shares = "0/1 0/1 1/1"},
    {.label = "an absolute weight is published as it is",
     .make = three_nodes,
     .weights = (const struct overlay_weight[]){{.node = TEXT("xmpp1"),
                                                 .service = TEXT("*"),
                                                 .form = WEIGHT_ABSOLUTE,
                                                 .value = 23808,
                                                 .actor = TEXT("ops"),
                                                 .reason = TEXT("disk")}},
     .weight_count = 1,
     .records = {"10 23808 5222 xmpp1.example.org.", "10 23808 5222 xmpp2.example.org.",
                 "20 65280 5222 xmpp3.example.org."},
     .shares = "1/2 1/2 0/1",
     .because = "weight 23808 instead of 39680, set by ops: disk"},
    {.label = "a percentage is of the planned weight, half up",
     .make = own_values,
     .weights =
         (const struct overlay_weight[]){
             {.node = TEXT("a"), .service = TEXT("*"), .form = WEIGHT_PERCENT, .value = 5}},
     .weight_count = 1, /* 5 % of 50 is 2.5 */
     .records = {"10 3 443 a.example.org.", "10 32512 5222 b.example.org."},
     .shares = "3/32515 32512/32515",
     .because = "weight 5 % of 50, set; port 443 of the node, not 5222 of the service"},
    {.label = "an addition stops at 65535",
     .make = three_nodes,
     .weights =
         (const struct overlay_weight[]){
             {.node = TEXT("xmpp1"), .service = TEXT("*"), .form = WEIGHT_ADD, .value = 65535}},
     .weight_count = 1,
     .records = {"10 65535 5222 xmpp1.example.org.", "10 23808 5222 xmpp2.example.org.",
                 "20 65280 5222 xmpp3.example.org."},
     .shares = "21845/29781 7936/29781 0/1"},
    {.label = "a subtraction stops at 0",
     .make = three_nodes,
     .weights =
         (const struct overlay_weight[]){
             {.node = TEXT("xmpp1"), .service = TEXT("*"), .form = WEIGHT_ADD, .value = -65535}},
     .weight_count = 1,
     .records = {"10 0 5222 xmpp1.example.org.", "10 23808 5222 xmpp2.example.org.",
                 "20 65280 5222 xmpp3.example.org."},
     .shares = "0/1 1/1 0/1",
     .because = "weight 39680 -65535, set"},
    {.label = "a service's own row wins over *",
     .make = three_nodes,
     .weights =
         (const struct overlay_weight[]){
             {.node = TEXT("xmpp1"), .service = TEXT("*"), .value = 1},
             {.node = TEXT("xmpp1"), .service = TEXT("xmpp-client"), .value = 23808}},
     .weight_count = 2,
     .records = {"10 23808 5222 xmpp1.example.org.", "10 23808 5222 xmpp2.example.org.",
                 "20 65280 5222 xmpp3.example.org."},
     .shares = "1/2 1/2 0/1"},
    {.label = "all weights 0: equal shares",
     .make = three_nodes,
     .weights = (const struct overlay_weight[]){{.node = TEXT("xmpp1"), .service = TEXT("*")},
                                                {.node = TEXT("xmpp2"), .service = TEXT("*")}},
     .weight_count = 2,
     .records = {"10 0 5222 xmpp1.example.org.", "10 0 5222 xmpp2.example.org.",
                 "20 65280 5222 xmpp3.example.org."},
     .shares = "1/2 1/2 0/1"},
    {.label = "states drain and maint take a node out but count it; off does not count",
     .make = states,
     .records = {"10 21760 5222 a.example.org."},
     .shares = "1/1 0/1 0/1",
     .because = "state drain of the node in the inventory"},
    {.label = "weight and port of the node win over scale and service",
     .make = own_values,
     .records = {"10 50 443 a.example.org.", "10 32512 5222 b.example.org."},
     .shares = "25/16281 16256/16281",
     .because = "weight 50 of the node in the inventory; port 443 of the node, not 5222 of the "
                "service"},
    {.label = "an absent service is exactly one record",
     .make = absent,
     .records = {"0 0 0 ."},
     .shares = ""},
};

static const char *shares_print(const struct plan_set *set, struct arena *arena)
{
    const char *text = "";
    for (uint32_t i = 0; i < set->member_count; i++)
        text = arena_printf(arena, "%s%s%u/%u", text, i ? " " : "", set->members[i].share_num,
                            set->members[i].share_den);
    return text;
}

static const struct plan_member *telling_member(const struct plan_set *set)
{
    for (uint32_t i = 0; i < set->member_count; i++)
        if (set->members[i].absence != PLAN_PRESENT)
            return &set->members[i];
    return &set->members[0];
}

START_TEST(inventory_and_overlays_make_these_records)
{
    struct overlays overlays = {.drains = cases[_i].drains,
                                .drain_count = cases[_i].drain_count,
                                .weights = cases[_i].weights,
                                .weight_count = cases[_i].weight_count};
    struct made made = made_of(cases[_i].make(), &overlays, NOW);
    struct arena arena = {0};
    const struct content_set *content = &made.plan->content.sets[0];
    const struct plan_set *set = &made.plan->sets[0];
    const char *const *records = plan_records(content, name_root, &arena);
    uint32_t expected = 0;
    while (expected < COUNT_OF(cases[_i].records) && cases[_i].records[expected])
        expected++;

    ck_assert_msg(content->count == expected, "%s: %u records", cases[_i].label, content->count);
    for (uint32_t i = 0; i < expected; i++)
        ck_assert_msg(strcmp(records[i], cases[_i].records[i]) == 0, "%s: record %u is %s",
                      cases[_i].label, i, records[i]);
    const char *shares = shares_print(set, &arena);
    ck_assert_msg(strcmp(shares, cases[_i].shares) == 0, "%s: shares %s", cases[_i].label, shares);
    if (cases[_i].because) {
        const char *because = plan_member_because(made.plan, set, telling_member(set), &arena);
        ck_assert_msg(strcmp(because, cases[_i].because) == 0, "%s: because %s", cases[_i].label,
                      because);
    }
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

START_TEST(an_offset_of_the_service_moves_its_priorities)
{
    struct overlays none = {0};
    struct made made = made_of(three_nodes(), &none, NOW);
    struct arena arena = {0};
    const struct plan_set *set = &made.plan->sets[1];
    ck_assert_uint_eq(set->members[0].priority, 9);
    ck_assert_uint_eq(set->members[2].priority, 19);
    ck_assert_str_eq(plan_member_because(made.plan, set, &set->members[0], &arena),
                     "capacity 200 of 320 at priority 9, scale universal; priority 9 is 10 of tier "
                     "primary -1 of the service");
    arena_fini(&arena);
    made_fini(&made);
}
END_TEST

START_TEST(every_record_carries_the_addresses_that_its_zone_holds)
{
    struct overlays none = {0};
    struct made made = made_of(three_nodes(), &none, NOW);
    const struct content_set *set = &made.plan->content.sets[0];
    ck_assert_uint_eq(set->additional_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct content_additional *additional = &set->additional[i];
        struct bytes rdata = set->rdata[additional->record];
        struct name host = made.inventory->nodes[i].host;
        ck_assert_uint_eq(additional->record, i);
        ck_assert_uint_eq(rdata.len - additional->name_at, host.len);
        ck_assert_mem_eq(rdata.ptr + additional->name_at, host.wire, host.len);
        ck_assert_mem_eq(made.plan->content.sets[additional->set].rdata[0].ptr,
                         made.inventory->nodes[i].ipv4[0], 4);
    }
    made_fini(&made);
}
END_TEST

/* -- findings, clock ----------------------------------------------------------------------------
 */

static const struct {
    const char *label;
    const char *code;
    const char *message;
    struct overlay_drain drain;
    struct overlay_weight weight;
} notes[] = {
    {.label = "a drain of a node that is gone",
     .code = "overlay-unknown-node",
     .message = "drain dr_9 names node gone, which",
     .drain = {.id = TEXT("dr_9"), .node = TEXT("gone")}},
    {.label = "a drain of a service that is gone",
     .code = "overlay-unknown-service",
     .message = "drain dr_9 names service gone, which",
     .drain = {.id = TEXT("dr_9"),
               .node = TEXT("xmpp1"),
               .service_count = 1,
               .services = (const struct text[]){TEXT("gone")}}},
    {.label = "a weight of a service that is gone",
     .code = "overlay-unknown-service",
     .message = "the weight of xmpp1 for gone names service gone",
     .weight = {.node = TEXT("xmpp1"), .service = TEXT("gone")}},
};

START_TEST(what_is_worth_knowing_is_a_finding)
{
    struct overlays overlays = {.drains = &notes[_i].drain,
                                .drain_count = notes[_i].drain.node.len > 0,
                                .weights = &notes[_i].weight,
                                .weight_count = notes[_i].weight.node.len > 0};
    struct made made = made_of(three_nodes(), &overlays, NOW);
    ck_assert_msg(made.plan->findings.count == 1, "%s: %zu findings", notes[_i].label,
                  made.plan->findings.count);
    const struct finding *finding = &made.plan->findings.items[0];
    ck_assert_msg(strcmp(finding->code, notes[_i].code) == 0, "%s: %s", notes[_i].label,
                  finding->code);
    ck_assert_msg(strstr(finding->message, notes[_i].message), "%s: %s", notes[_i].label,
                  finding->message);
    made_fini(&made);
}
END_TEST

static const struct {
    const char *label;
    int64_t since_at_ms, until_at_ms, next;
} changes[] = {
    {"no end, begun: never by itself", 0, 0, 0},
    {"its end", 0, NOW + 5, NOW + 5},
    {"its beginning", NOW + 1, NOW + 5, NOW + 1},
    {"over: never", 0, NOW - 1, 0},
    {"ends this very moment: never", 0, NOW, 0},
    {"ends before it begins: never", NOW + 5, NOW + 2, 0},
};

START_TEST(a_plan_says_when_it_changes_by_itself)
{
    struct overlay_drain drain = {.id = TEXT("dr_1"),
                                  .node = TEXT("xmpp1"),
                                  .since_at_ms = changes[_i].since_at_ms,
                                  .until_at_ms = changes[_i].until_at_ms};
    struct overlays overlays = {.drains = &drain, .drain_count = 1};
    struct made made = made_of(three_nodes(), &overlays, NOW);
    ck_assert_msg(made.plan->next_change_at_ms == changes[_i].next, "%s: %lld", changes[_i].label,
                  (long long)made.plan->next_change_at_ms);
    made_fini(&made);
}
END_TEST

/* -- serials ------------------------------------------------------------------------------------
 */

#define S INT64_C(1000)
static const struct {
    const char *label;
    enum soa_serial scheme;
    uint32_t previous, at_least;
    int64_t at_ms;
    uint32_t next;
} serials[] = {
    {"unixtime: the clock", SOA_SERIAL_UNIXTIME, 0, 0, 1790000000 * S, 1790000000},
    {"unixtime: the clock has moved on", SOA_SERIAL_UNIXTIME, 1790000000, 0, 1790000060 * S,
     1790000060},
    {"unixtime: twice in a second", SOA_SERIAL_UNIXTIME, 1790000000, 0, 1790000000 * S, 1790000001},
    {"unixtime: the clock went back", SOA_SERIAL_UNIXTIME, 1790000000, 0, 5 * S, 1790000001},
    {"unixtime in 2038: past 2^31 - 1", SOA_SERIAL_UNIXTIME, 2147483647, 0, 2147483648 * S,
     2147483648},
    {"unixtime in 2106: round the corner, 0 is skipped", SOA_SERIAL_UNIXTIME, 4294967295, 0,
     4294967296 * S, 1},
    {"unixtime in 2106, a minute later", SOA_SERIAL_UNIXTIME, 4294967295, 0, 4294967356 * S, 60},
    {"unixtime 0 is never published", SOA_SERIAL_UNIXTIME, 0, 0, 0, 1},
    {"2^31 - 1 ahead is ahead", SOA_SERIAL_UNIXTIME, 1000, 0, INT64_C(2147484647) * S,
     1000 + 2147483647u},
    {"2^31 ahead is not (RFC 1982: undefined)", SOA_SERIAL_UNIXTIME, 1000, 0,
     INT64_C(2147484648) * S, 1001},
    {"2^31 + 1 ahead is behind", SOA_SERIAL_UNIXTIME, 1000, 0, INT64_C(2147484649) * S, 1001},
    {"date: the first of a day", SOA_SERIAL_DATE, 0, 0, 1790000000 * S, 2026092100},
    {"date: the second of a day", SOA_SERIAL_DATE, 2026092100, 0, 1790000000 * S, 2026092101},
    {"date: the hundred-and-first of a day", SOA_SERIAL_DATE, 2026092199, 0, 1790000000 * S,
     2026092200},
    {"date: a leap day", SOA_SERIAL_DATE, 0, 0, 1709164800 * S, 2024022900},
    {"date: the day after", SOA_SERIAL_DATE, 0, 0, 1709251200 * S, 2024030100},
    {"date: no leap day in 2100", SOA_SERIAL_DATE, 0, 0, 4107542400 * S, 2100030100},
    {"counter: the first", SOA_SERIAL_COUNTER, 0, 0, 1790000000 * S, 1},
    {"counter: the next", SOA_SERIAL_COUNTER, 7, 0, 1790000000 * S, 8},
    {"counter: round the corner", SOA_SERIAL_COUNTER, 4294967295, 0, 1790000000 * S, 1},
    {"at_least: to begin with", SOA_SERIAL_COUNTER, 0, 2026112401, 1790000000 * S, 2026112401},
    {"at_least: passed already", SOA_SERIAL_COUNTER, 2026112401, 2026112401, 1790000000 * S,
     2026112402},
    {"at_least: raised later", SOA_SERIAL_COUNTER, 7, 2026112401, 1790000000 * S, 2026112401},
    {"at_least behind in RFC 1982 terms never takes it back", SOA_SERIAL_COUNTER, 1000000000, 5,
     1790000000 * S, 1000000001},
};

START_TEST(a_serial_never_goes_back)
{
    uint32_t next = plan_serial_next(serials[_i].scheme, serials[_i].previous, serials[_i].at_least,
                                     serials[_i].at_ms);
    ck_assert_msg(next == serials[_i].next, "%s: %u", serials[_i].label, next);
}
END_TEST

/* -- differences --------------------------------------------------------------------------------
 */

START_TEST(a_drain_is_a_change_of_each_set_with_its_reason)
{
    static const struct overlay_drain drain = {.id = TEXT("dr_1"), .node = TEXT("xmpp1")};
    struct overlays none = {0}, drained = {.drains = &drain, .drain_count = 1};
    struct made made = made_of(three_nodes(), &none, NOW);
    struct plan_input input = {made.layout, &drained, NOW};
    struct plan *after = plan_compute(&input);
    struct arena arena = {0};
    const struct plan_diff *diff = plan_diff_make(made.plan, after, &arena);

    ck_assert_uint_eq(diff->change_count, 2);
    const struct plan_change *change = &diff->changes[0];
    ck_assert_int_eq(change->kind, PLAN_CHANGE_UPDATE);
    ck_assert_str_eq(change->name, "_xmpp-client._tcp.example.org.");
    ck_assert_str_eq(change->type, "SRV");
    ck_assert_str_eq(plan_change_print(change, &arena),
                     "TTL 300; - 10 39680 5222 xmpp1.example.org.");
    ck_assert_uint_eq(change->because.count, 1);
    ck_assert_str_eq(change->because.items[0].kind, "drain");
    ck_assert_str_eq(change->because.items[0].id, "dr_1");
    ck_assert_uint_eq(plan_diff_make(after, after, &arena)->change_count, 0);

    arena_fini(&arena);
    plan_free(after);
    made_fini(&made);
}
END_TEST

START_TEST(another_inventory_is_compared_owner_by_owner)
{
    struct overlays none = {0};
    struct made before = made_of(three_nodes(), &none, NOW);
    struct inventory *inventory = three_nodes();
    make_node(inventory, &(struct make_node){.id = "xmpp4", .tier = 1, .ipv4 = "192.0.2.14"});
    make_selection_of_all(inventory);
    inventory->selections[0] = inventory->selections[1];
    inventory->nodes[1].capacity = 200;
    struct made after = made_of(inventory, &none, NOW);
    struct arena arena = {0};
    const struct plan_diff *diff = plan_diff_make(before.plan, after.plan, &arena);
    static const char *const expected[] = {
        "TTL 300; - 10 39680 5222 xmpp1.example.org.; - 10 23808 5222 xmpp2.example.org.; "
        "- 20 65280 5222 xmpp3.example.org.; + 10 32512 5222 xmpp1.example.org.; "
        "+ 10 32512 5222 xmpp2.example.org.; + 20 32512 5222 xmpp3.example.org.; "
        "+ 20 32512 5222 xmpp4.example.org.",
        NULL, /* the same for xmpps-client */
        "TTL 300; + 192.0.2.14",
    };
    ck_assert_uint_eq(diff->change_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        if (expected[i])
            ck_assert_str_eq(plan_change_print(&diff->changes[i], &arena), expected[i]);
    ck_assert_int_eq(diff->changes[2].kind, PLAN_CHANGE_ADD);

    const struct plan_diff *back = plan_diff_make(after.plan, before.plan, &arena);
    ck_assert_uint_eq(back->change_count, COUNT_OF(expected));
    ck_assert_int_eq(back->changes[2].kind, PLAN_CHANGE_REMOVE);
    ck_assert_str_eq(back->changes[2].name, "xmpp4.example.org.");
    arena_fini(&arena);
    made_fini(&before);
    made_fini(&after);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("plan");
    tcase_add_loop_test(tcase, inventory_and_overlays_make_these_records, 0, COUNT_OF(cases));
    tcase_add_test(tcase, an_offset_of_the_service_moves_its_priorities);
    tcase_add_test(tcase, every_record_carries_the_addresses_that_its_zone_holds);
    tcase_add_loop_test(tcase, what_is_worth_knowing_is_a_finding, 0, COUNT_OF(notes));
    tcase_add_loop_test(tcase, a_plan_says_when_it_changes_by_itself, 0, COUNT_OF(changes));
    tcase_add_loop_test(tcase, a_serial_never_goes_back, 0, COUNT_OF(serials));
    tcase_add_test(tcase, a_drain_is_a_change_of_each_set_with_its_reason);
    tcase_add_test(tcase, another_inventory_is_compared_owner_by_owner);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

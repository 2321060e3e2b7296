/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_load.h"
#include "srvplan/layout.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static void arena_clear(void)
{
    arena_fini(&arena);
}

/* The sets that are not SRV sets of services, SOA or NS: "OWNER TYPE TTL COUNT", a letter for the
 * set, so that shared ones show, and those that come along. */
static const char *print(const struct layout *layout)
{
    const char *all = "";
    for (uint32_t i = 0; i < layout->names.name_count; i++) {
        const struct content_name *name = &layout->names.names[i];
        if (name->types == CONTENT_NONE || name->kind != CONTENT_NAME)
            continue;
        const struct content_types *types = &layout->names.types[name->types];
        for (uint32_t k = 0; k < types->count; k++) {
            uint32_t number = types->entries[k].set;
            if (number < layout->declared_count || types->entries[k].type == RRTYPE_SOA)
                continue;
            const struct content_set *set = &layout->fixed[number - layout->declared_count];
            ck_assert_uint_eq(set->type, types->entries[k].type);
            all =
                arena_printf(&arena, "%s%s %s %u %u %c", all, text_name_print(&arena, name->owner),
                             text_type_print(&arena, set->type), set->ttl_s, set->count,
                             (char)('A' + number - layout->declared_count));
            for (uint32_t j = 0; j < set->additional_count; j++)
                all =
                    arena_printf(&arena, "%s%c%u:%c", all, j ? ',' : '+', set->additional[j].record,
                                 (char)('A' + set->additional[j].set - layout->declared_count));
            all = arena_printf(&arena, "%s\n", all);
        }
    }
    return all;
}

static const struct {
    const char *label, *zones, *printed;
} cases[] = {
    {"none: the host of the node", "\"example.org\": {}", "n.example.org. A 300 1 A\n"},
    {"one set of each owner and type, and its own TTL or the zone's",
     "\"example.org\": {\"ttl\": 60, \"records\": [\"@ TXT a\", \"@ TXT b\", \"a 5 A 192.0.2.1\"]}",
     "example.org. TXT 60 2 E\n"
     "a.example.org. A 5 1 B\n"
     "n.example.org. A 60 1 A\n"},
    {"MX and SRV carry the addresses that their zone holds",
     "\"example.org\": {\"records\": [\"@ MX 1 mail\", \"@ MX 2 n\", \"@ MX 3 nobody\", "
     "\"@ MX 4 n.example.net.\", \"_x._tcp SRV 0 0 1 mail\", \"mail A 192.0.2.5\", "
     "\"mail AAAA 2001:db8::5\"]}",
     "example.org. MX 300 4 F+0:B,0:C,1:A\n"
     "_x._tcp.example.org. SRV 300 1 G+0:B,0:C\n"
     "mail.example.org. A 300 1 B\n"
     "mail.example.org. AAAA 300 1 C\n"
     "n.example.org. A 300 1 A\n"},
    {"an address of another family is the host's too",
     "\"example.org\": {\"records\": [\"n AAAA 2001:db8::1\", \"@ MX 1 n\"]}",
     "example.org. MX 300 1 E+0:A,0:B\n"
     "n.example.org. A 300 1 A\n"
     "n.example.org. AAAA 300 1 B\n"},
    {"owners whose sets are equal share them, also over zones",
     "\"example.org\": {\"records\": [\"@ TXT x\", \"a TXT x\", \"b 5 TXT x\", \"b A 192.0.2.1\", "
     "\"c A 192.0.2.1\"]}, \"example.net\": {\"records\": [\"a TXT x\"]}",
     "a.example.net. TXT 300 1 E\n"
     "example.org. TXT 300 1 E\n"
     "a.example.org. TXT 300 1 E\n"
     "b.example.org. A 300 1 B\n"
     "b.example.org. TXT 5 1 F\n"
     "c.example.org. A 300 1 B\n"
     "n.example.org. A 300 1 A\n"},
    {"glue goes with name servers alone",
     "\"example.org\": {\"records\": [\"@ MX 1 ns.sub\", \"sub NS ns.sub\", "
     "\"ns.sub A 192.0.2.5\"]}",
     "example.org. MX 300 1 E\n"
     "n.example.org. A 300 1 A\n"},
    {"what carries other addresses is another set",
     "\"example.org\": {\"records\": [\"@ MX 1 mail.example.org.\", \"mail A 192.0.2.5\"]}, "
     "\"example.net\": {\"records\": [\"@ MX 1 mail.example.org.\"]}",
     "example.net. MX 300 1 E\n"
     "example.org. MX 300 1 F+0:B\n"
     "mail.example.org. A 300 1 B\n"
     "n.example.org. A 300 1 A\n"},
};

static const struct {
    const char *label, *records, *owners; /* of aliases in circles */
} loops[] = {
    {"none", "\"a CNAME b\", \"b CNAME n\"", ""},
    {"an alias of itself", "\"a CNAME a\"", "a.example.org "},
    {"two, and one that leads to them", "\"a CNAME b\", \"b CNAME a\", \"c CNAME a\"",
     "a.example.org b.example.org c.example.org "},
    {"through a wildcard", "\"*.w CNAME x.w\"", "*.w.example.org "},
    {"out of the zone: nobody knows", "\"a CNAME a.example.com.\"", ""},
};

START_TEST(aliases_in_a_circle_are_errors)
{
    struct findings findings = {0};
    const char *text =
        arena_printf(&arena,
                     "{\"srvplan\": 1, \"domains\": {\"example.org\": {}}, \"zones\": "
                     "{\"example.org\": {\"records\": [%s]}}, \"nodes\": "
                     "{\"n\": {\"addresses\": [\"192.0.2.99\"]}}}",
                     loops[_i].records);
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    struct inventory *inventory = inventory_load(bytes, "t", &findings);
    ck_assert_msg(inventory != NULL, "%s", loops[_i].label);
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert_msg((layout == NULL) == (loops[_i].owners[0] != '\0'), "%s", loops[_i].label);
    const char *owners = "";
    for (size_t i = 0; i < findings.count; i++) {
        char owner[64];
        ck_assert_str_eq(findings.items[i].code, "record-alias-loop");
        ck_assert_str_eq(findings.items[i].pointer, "/zones/example.org");
        ck_assert_int_eq(sscanf(findings.items[i].message, "the alias (CNAME) %63s", owner), 1);
        owners = arena_printf(&arena, "%s%s ", owners, owner);
    }
    ck_assert_msg(strcmp(owners, loops[_i].owners) == 0, "%s: %s", loops[_i].label, owners);
    layout_free(layout);
    inventory_free(inventory);
    findings_fini(&findings);
}
END_TEST

/* 100,000 domains cost names, not answers: aliases that are equal share what they lead to. */
START_TEST(equal_aliases_share_their_answers)
{
    struct findings findings = {0};
    static const char text[] =
        "{\"srvplan\": 1, \"domains\": {\"example.org\": {}}, \"zones\": {"
        "\"example.org\": {\"records\": [\"a CNAME n.example.net.\", \"b CNAME n.example.net.\"]},"
        "\"example.com\": {\"records\": [\"a CNAME @\", \"@ TXT x\"]},"
        "\"example.net\": {\"records\": [\"a CNAME @\", \"@ TXT x\"]}},"
        "\"nodes\": {\"n\": {\"addresses\": [\"192.0.2.99\"]}}}";
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    struct inventory *inventory = inventory_load(bytes, "t", &findings);
    ck_assert(inventory != NULL);
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert(layout != NULL);
    uint32_t derived = 0;
    for (uint32_t i = 0; i < layout->fixed_count; i++)
        derived += layout->fixed[i].chain_count > 0;
    /* One of a and b; for the apexes SOA, TXT and all else, whose SOA is that of both zones. */
    ck_assert_uint_eq(derived, 4);
    layout_free(layout);
    inventory_free(inventory);
    findings_fini(&findings);
}
END_TEST

START_TEST(records_become_sets_beside_those_of_the_plan)
{
    struct findings findings = {0};
    const char *text = arena_printf(
        &arena,
        "{\"srvplan\": 1, \"domains\": {\"example.org\": {}}, \"zones\": {%s}, \"nodes\": "
        "{\"n\": {\"addresses\": [\"192.0.2.99\"]}}}",
        cases[_i].zones);
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    struct inventory *inventory = inventory_load(bytes, "t", &findings);
    ck_assert_msg(inventory != NULL, "%s: %s", cases[_i].label,
                  findings.count ? findings.items[0].message : "");
    struct layout *layout = layout_build(inventory, LAYOUT_FOR_PLAN, &findings);
    ck_assert(layout != NULL);
    const char *printed = print(layout);
    ck_assert_msg(strcmp(printed, cases[_i].printed) == 0, "%s\nexpected:\n%sgot:\n%s",
                  cases[_i].label, cases[_i].printed, printed);
    layout_free(layout);
    inventory_free(inventory);
    findings_fini(&findings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layout_records");
    TCase *tcase = tcase_create("layout_records");
    tcase_add_checked_fixture(tcase, NULL, arena_clear);
    tcase_add_loop_test(tcase, records_become_sets_beside_those_of_the_plan, 0, COUNT_OF(cases));
    tcase_add_loop_test(tcase, aliases_in_a_circle_are_errors, 0, COUNT_OF(loops));
    tcase_add_test(tcase, equal_aliases_share_their_answers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

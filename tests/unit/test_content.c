/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates: names that end at the apex of whichever zone answers. */
#include "zones/content.h"
#include "zones/rrtype.h"
#include "zones/text.h"
#include "zones/zonefile_read.h"

#include <check.h>
#include <stdlib.h>

static struct arena arena;

static void arena_clear(void)
{
    arena_fini(&arena);
}

static struct name name_of(const char *text)
{
    struct name name = name_root;
    ck_assert_msg(text_name_parse(&arena, text_from(text), &name, NULL), "%s", text);
    return name;
}

static const struct {
    const char *name, *apex;
    size_t template_bytes; /* of the template; the tail counts 2 */
    int skipped;           /* N of C0 N; -1: no template, nothing but the root is shared */
} cases[] = {
    {"ns1.example.org", "example.org", 4 + 2, 0},
    {"example.org", "example.org", 2, 0},
    {"hostmaster.example.org", "_tcp.example.org", 11 + 2, 5},
    {"ns1.sub.example.org", "example.org", 8 + 2, 0},
    {"ns1.example.net", "example.org", 17, -1},
    {"ns1.other.org", "sub.example.org", 10 + 2, 12},
    {"org", "sub.example.org", 2, 12},
    {".", "example.org", 1, -1},
    {"ns1.example.org", ".", 17, -1},
    {"xexample.org", "example.org", 9 + 2, 8},
};

START_TEST(a_template_shares_the_longest_suffix_and_is_the_name_again)
{
    struct name name = name_of(cases[_i].name), apex = name_of(cases[_i].apex);
    struct bytes template = content_template(&arena, name, apex);
    const char *label = cases[_i].name;

    ck_assert_msg(template.len == cases[_i].template_bytes, "%s at %s: %zu bytes", label,
                  cases[_i].apex, template.len);
    if (cases[_i].skipped >= 0) {
        ck_assert_msg(template.ptr[template.len - 2] == CONTENT_AT_APEX, "%s", label);
        ck_assert_msg(template.ptr[template.len - 1] == cases[_i].skipped, "%s", label);
    }
    struct bytes whole = content_rdata(&arena, RRTYPE_NS, template, apex);
    ck_assert_msg(bytes_equal(whole, (struct bytes){name.wire, name.len}), "%s at %s", label,
                  cases[_i].apex);
}
END_TEST

START_TEST(both_names_of_a_soa_are_written_out_and_other_types_left_alone)
{
    struct name apex = name_of("_tcp.example.org");
    struct bytes mname = content_template(&arena, name_of("ns1.example.org"), apex);
    struct bytes rname = content_template(&arena, name_of("root.example.net"), apex);
    struct soa_numbers numbers = {1, 2, 3, 4, 5};
    struct bytes soa = text_rdata_soa(&arena, mname, rname, &numbers);
    struct bytes whole = content_rdata(&arena, RRTYPE_SOA, soa, apex);
    ck_assert_str_eq(text_rdata_print(&arena, RRTYPE_SOA, whole),
                     "ns1.example.org. root.example.net. 1 2 3 4 5");
    static const uint8_t address[] = {0xC0, 0, 2, 1}; /* 192.0.2.1 begins as a template ends */
    struct bytes a = {address, sizeof address};
    ck_assert(bytes_equal(content_rdata(&arena, RRTYPE_A, a, apex), a));
}
END_TEST

static const struct {
    uint16_t type;
    const char *rdata;
    size_t saved; /* bytes of the template less than of the RDATA */
} rdata_cases[] = {
    {RRTYPE_NS, "ns.example.org.", 11},
    {RRTYPE_CNAME, "www.example.org.", 11},
    {RRTYPE_PTR, "example.org.", 11},
    {RRTYPE_MX, "10 mail.example.org.", 11},
    {RRTYPE_MX, "10 mail.example.net.", 0},
    {RRTYPE_MX, "0 .", 0},
    {RRTYPE_SOA, "ns1.example.org. root.example.org. 1 2 3 4 5", 22},
    {14, "\\# 30 0161076578616d706c65036f7267000162076578616d706c65036f726700", 22}, /* MINFO */
    {RRTYPE_SRV, "0 0 1 host.example.org.", 0},
    {RRTYPE_SVCB, "1 host.example.org.", 0},
    {RRTYPE_TXT, "\"example.org\"", 0},
};

START_TEST(only_names_that_may_be_compressed_become_templates_and_are_themselves_again)
{
    struct name apex = name_of("example.org");
    uint16_t type = rdata_cases[_i].type;
    const char *shown = rdata_cases[_i].rdata;
    const char *line = arena_printf(&arena, "@ 1 TYPE%u %s\n", type, shown);
    struct zonefile_terms terms = {.origin = apex, .ttl_s = 1};
    struct zonefile_reading reading = zonefile_read(&arena, text_from(line), &terms);
    ck_assert_msg(reading.record_count == 1, "%s", shown);
    struct bytes rdata = reading.records[0].rdata;
    struct bytes template = content_template_rdata(&arena, type, rdata, apex);
    ck_assert_msg(template.len + rdata_cases[_i].saved == rdata.len, "%s: %zu of %zu", shown,
                  template.len, rdata.len);
    ck_assert_msg(bytes_equal(content_rdata(&arena, type, template, apex), rdata), "%s", shown);
}
END_TEST

/* Nobody is left in the set that an alias leads to: NODATA, until somebody comes back. */
START_TEST(a_chain_to_an_empty_set_ends_at_the_negative_one)
{
    static const uint8_t target[] = {CONTENT_AT_APEX, 0};
    const struct content_link link = {.rdata = {target, sizeof target}, .ttl_s = 5};
    struct content_set sets[] = {
        {.type = RRTYPE_SRV, .ttl_s = 300, .count = 2},
        {.type = RRTYPE_SOA, .section = CONTENT_AUTHORITY, .ttl_s = 60, .count = 1},
        {.type = RRTYPE_SRV, .chain = &link, .chain_count = 1, .negative_set = 1},
        {.type = RRTYPE_CNAME, .chain = &link, .chain_count = 1, .tail_set = CONTENT_NONE},
    };
    const struct content_sets all = {sets, COUNT_OF(sets)};
    struct content_set whole = content_whole(&all, 2);
    ck_assert_uint_eq(whole.type, RRTYPE_SRV);
    ck_assert_uint_eq(whole.count, 2);
    ck_assert_uint_eq(whole.chain_count, 1);
    sets[0].count = 0;
    whole = content_whole(&all, 2);
    ck_assert_uint_eq(whole.type, RRTYPE_SOA);
    ck_assert_int_eq(whole.section, CONTENT_AUTHORITY);
    ck_assert_uint_eq(whole.ttl_s, 60);
    ck_assert_uint_eq(whole.chain_count, 1);
    ck_assert_uint_eq(content_whole(&all, 3).count, 0); /* the chain alone */
    ck_assert_uint_eq(content_whole(&all, 0).chain_count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("content");
    TCase *tcase = tcase_create("content");
    tcase_add_checked_fixture(tcase, NULL, arena_clear);
    tcase_add_loop_test(tcase, a_template_shares_the_longest_suffix_and_is_the_name_again, 0,
                        COUNT_OF(cases));
    tcase_add_test(tcase, both_names_of_a_soa_are_written_out_and_other_types_left_alone);
    tcase_add_loop_test(tcase,
                        only_names_that_may_be_compressed_become_templates_and_are_themselves_again,
                        0, COUNT_OF(rdata_cases));
    tcase_add_test(tcase, a_chain_to_an_empty_set_ends_at_the_negative_one);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

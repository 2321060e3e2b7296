/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zone files become content: what is shared, what is hidden, what stands for whom. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zones/rrtype.h"
#include "zones/text.h"
#include "zones/zone_content.h"

static struct arena arena;
static struct zone_content content;

static void set_up(void)
{
    content = (struct zone_content){
        .arena = &arena, .order = CONTENT_ORDER_WEIGHTED, .faults.arena = &arena};
}

static void tear_down(void)
{
    arena_fini(&arena);
}

static struct name name_of(const char *text)
{
    struct error err = {0};
    struct name name;
    ck_assert_msg(text_name_parse(&arena, text_from(text), &name, &err), "%s", err.message);
    return name;
}

static void add(const char *apex, const char *text)
{
    zone_content_add(&content, &(struct zone_source){
                                   .path = apex, .text = text_from(text), .apex = name_of(apex)});
}

#define FRAME                                                                                      \
    "$TTL 3600\n@ 300 SOA ns.hoster.example. hm.hoster.example. 7 3600 900 604800 60\n@ NS ns1\n"

static const struct content_name *find(const char *zone, const char *owner)
{
    for (uint32_t z = 0; z < content.names.zone_count; z++) {
        const struct content_zone *in = &content.names.zones[z];
        for (uint32_t i = 0; i < in->name_count; i++) {
            const struct content_name *name = &content.names.names[in->first_name + i];
            if (name_equal(in->apex, name_of(zone)) && name_equal(name->owner, name_of(owner)))
                return name;
        }
    }
    return NULL;
}

static const struct content_set *set_at(const struct content_name *name, uint16_t type)
{
    const struct content_types *types = &content.names.types[name->types];
    for (uint32_t i = 0; i < types->count; i++)
        if (types->entries[i].type == type)
            return &content.sets.sets[types->entries[i].set];
    return NULL;
}

START_TEST(a_thousand_zones_with_the_same_content_have_its_sets_once)
{
    for (int i = 0; i < 1000; i++) {
        char apex[32];
        snprintf(apex, sizeof apex, "d%03d.example.", i);
        add(apex, FRAME "ns1 A 192.0.2.1\n_xmpp-client._tcp SRV 0 1 5222 x.hoster.example.\n"
                        "@ MX 10 mail\nmail A 192.0.2.1\nwww CNAME mail\n");
    }
    ck_assert(zone_content_finish(&content));
    ck_assert_uint_eq(content.faults.warnings, 0);
    ck_assert_uint_eq(content.names.zone_count, 1000);
    ck_assert_uint_eq(content.names.name_count, 1000 * 6); /* with _tcp */
    ck_assert_uint_eq(content.names.slot_count, 1);
    ck_assert_uint_lt(content.sets.count, 16);
    ck_assert_uint_eq(find("d001.example", "d001.example")->types,
                      find("d999.example", "d999.example")->types);
    ck_assert_uint_eq(find("d001.example", "www.d001.example")->types,
                      find("d999.example", "www.d999.example")->types);
}
END_TEST

START_TEST(zones_with_other_serials_share_sets_but_no_slot)
{
    add("a.example.", FRAME "ns1 A 192.0.2.1\n");
    add("b.example.", "@ 300 SOA ns.hoster.example. hm.hoster.example. 8 3600 900 604800 60\n"
                      "@ NS ns1\nns1 A 192.0.2.1\n");
    ck_assert(zone_content_finish(&content));
    ck_assert_uint_eq(content.names.slot_count, 2);
    ck_assert_uint_eq(content.names.zones[0].soa_set, content.names.zones[1].soa_set);
    ck_assert_uint_eq(content.serials[content.names.zones[0].slot], 7);
    ck_assert_uint_eq(content.serials[content.names.zones[1].slot], 8);
    ck_assert_uint_eq(content.sets.sets[content.names.zones[0].negative_set].ttl_s, 60);
}
END_TEST

START_TEST(a_cut_hides_what_is_below_but_glue)
{
    add("example.org.", FRAME "ns1 A 192.0.2.1\nsub NS ns.sub\nsub DS 1 8 2 00\nsub TXT hidden\n"
                              "ns.sub A 192.0.2.2\nns.sub TXT hidden\ndeep.sub TXT hidden\n");
    ck_assert(zone_content_finish(&content));
    ck_assert_uint_eq(content.faults.warnings, 3);
    const struct content_name *cut = find("example.org", "sub.example.org");
    ck_assert_int_eq(cut->kind, CONTENT_CUT);
    ck_assert_uint_eq(content.names.types[cut->types].count, 2);
    ck_assert_int_eq(set_at(cut, RRTYPE_NS)->section, CONTENT_REFERRAL);
    ck_assert_uint_eq(set_at(cut, RRTYPE_NS)->additional_count, 1);
    ck_assert_int_eq(find("example.org", "ns.sub.example.org")->kind, CONTENT_GLUE);
    ck_assert_ptr_null(find("example.org", "deep.sub.example.org"));
}
END_TEST

START_TEST(an_inner_zone_answers_for_itself)
{
    add("example.org.", FRAME "ns1 A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\n");
    add("sub.example.org.", FRAME "ns1 A 192.0.2.3\n");
    add("lost.example.org.", FRAME "ns1 A 192.0.2.3\n");
    ck_assert(zone_content_finish(&content));
    ck_assert_int_eq(find("example.org", "sub.example.org")->kind, CONTENT_DELEGATION);
    ck_assert_int_eq(find("sub.example.org", "sub.example.org")->kind, CONTENT_NAME);
    ck_assert_uint_eq(content.names.zones[0].parent, CONTENT_NONE);
    ck_assert_uint_eq(content.names.zones[1].parent, 0);
    ck_assert_uint_eq(content.faults.warnings, 1);
    ck_assert_ptr_nonnull(strstr(content.faults.items[0].message, "lost.example.org"));
}
END_TEST

START_TEST(a_ttl_that_nobody_gave_is_said)
{
    add("example.org.", "@ 300 SOA ns1 admin 1 2 3 4 5\n@ 300 NS ns1\nns1 A 192.0.2.1\n"
                        "$TTL 60\nns1 AAAA 2001:db8::1\n");
    ck_assert(zone_content_finish(&content));
    ck_assert_uint_eq(content.faults.warnings, 1);
    ck_assert_uint_eq(content.faults.items[0].line, 3);
    ck_assert_ptr_nonnull(strstr(content.faults.items[0].message, "3600 s is taken"));
}
END_TEST

START_TEST(a_zone_twice_is_a_fault)
{
    add("example.org.", FRAME "ns1 A 192.0.2.1\n");
    add("example.org.", FRAME "ns1 A 192.0.2.1\n");
    ck_assert(!zone_content_finish(&content));
    ck_assert_ptr_nonnull(strstr(content.faults.items[0].message, "too"));
}
END_TEST

/* Zones that are refused: what is added to a good one, and what is said. */
static const struct {
    const char *text, *said;
} refused[] = {
    {"a CNAME a\n", "comes back to a.example.org."},
    {"a CNAME b.w\n*.w CNAME a\n", "comes back to"},
    {"*.w CNAME x.y.w\n", "comes back to *.w"},
    {"a CNAME b\na CNAME c\n", "expected one CNAME"},
    {"a CNAME b\na TXT x\n", "beside a CNAME"},
    {"@ CNAME b\n", "beside a CNAME"},
    {"a DNAME b\n", "DNAME"},
    {"@ DS 1 8 2 00\n", "DS at the apex"},
    {"*.a NS b\n", "NS at a wildcard"},
    {"@ NSEC a.example.org. A\n", "signed zone"},
    {"a.example.com. A 192.0.2.1\n", "in the zone example.org."},
};

START_TEST(what_cannot_be_served_is_refused)
{
    add("example.org.", arena_printf(&arena, "%sns1 A 192.0.2.1\n%s", FRAME, refused[_i].text));
    ck_assert_msg(!zone_content_finish(&content), "%s", refused[_i].text);
    ck_assert_msg(strstr(content.faults.items[0].message, refused[_i].said), "%s: %s",
                  refused[_i].text, content.faults.items[0].message);
    ck_assert_uint_ge(content.faults.items[0].line, 4);
}
END_TEST

/* Aliases that lead somewhere are none. */
static const char *const fine[] = {
    "a CNAME b\nb CNAME c\nc TXT end\n",
    "*.w CNAME x.w\nx.w TXT end\n",
    "a CNAME x.sub\nsub NS ns\nns A 192.0.2.1\n",
    "a CNAME nobody\nb CNAME away.example.\n*.w CNAME a\n",
    "a CNAME x.e\n*.w.e CNAME a\n",
};

START_TEST(aliases_that_end_are_served)
{
    add("example.org.", arena_printf(&arena, "%sns1 A 192.0.2.1\n%s", FRAME, fine[_i]));
    ck_assert_msg(zone_content_finish(&content), "%s: %s", fine[_i],
                  content.faults.count ? content.faults.items[0].message : "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zone_content");
    TCase *tcase = tcase_create("zone_content");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_thousand_zones_with_the_same_content_have_its_sets_once);
    tcase_add_test(tcase, zones_with_other_serials_share_sets_but_no_slot);
    tcase_add_test(tcase, a_cut_hides_what_is_below_but_glue);
    tcase_add_test(tcase, an_inner_zone_answers_for_itself);
    tcase_add_test(tcase, a_ttl_that_nobody_gave_is_said);
    tcase_add_test(tcase, a_zone_twice_is_a_fault);
    tcase_add_loop_test(tcase, what_cannot_be_served_is_refused, 0, COUNT_OF(refused));
    tcase_add_loop_test(tcase, aliases_that_end_are_served, 0, COUNT_OF(fine));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and RDATA: against a table, and against ldns as an independent reader. */
#include "zones/rrtype.h"
#include "zones/text.h"

#include <check.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static void arena_clear(void)
{
    arena_fini(&arena);
}

static struct name name_of(const char *text)
{
    struct name name = name_root;
    struct error err = {0};
    ck_assert_msg(text_name_parse(&arena, text_from(text), &name, &err), "%s: %s", text,
                  err.message);
    return name;
}

static const struct {
    const char *text;
    const char *printed; /* NULL: refused */
} texts[] = {
    {"example.org", "example.org."},
    {"Example.ORG.", "example.org."},
    {"_xmpp-client._tcp.example.org", "_xmpp-client._tcp.example.org."},
    {".", "."},
    {"a\\.b.example", "a\\.b.example."},
    {"", NULL},
    {"a..b", NULL},
    {".a", NULL},
    {"0123456789012345678901234567890123456789012345678901234567890123.org", NULL},
};

START_TEST(text_becomes_a_lower_cased_name_or_a_reason)
{
    struct name name;
    struct error err = {0};
    bool parsed = text_name_parse(&arena, text_from(texts[_i].text), &name, &err);
    ck_assert_msg(parsed == (texts[_i].printed != NULL), "\"%s\": %s", texts[_i].text, err.message);
    if (parsed)
        ck_assert_str_eq(text_name_print(&arena, name), texts[_i].printed);
    else
        ck_assert_msg(err.message[0] != '\0', "\"%s\"", texts[_i].text);
}
END_TEST

/* In canonical order (RFC 4034 section 6.1, and its example). */
static const char *const ordered[] = {
    ".",
    "example.",
    "a.example.",
    "yljkjljk.a.example.",
    "Z.a.example.",
    "zABC.a.EXAMPLE.",
    "z.example.",
    "\\001.z.example.",
    "*.z.example.",
    "\\200.z.example.",
    "a.z.example.",
};

START_TEST(names_compare_in_canonical_order_as_ldns_does)
{
    for (size_t i = 0; i < COUNT_OF(ordered); i++)
        for (size_t j = 0; j < COUNT_OF(ordered); j++) {
            struct name a = name_of(ordered[i]), b = name_of(ordered[j]);
            ldns_rdf *x = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, a.len, a.wire);
            ldns_rdf *y = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, b.len, b.wire);
            int ours = name_compare(a, b), theirs = ldns_dname_compare(x, y);
            ck_assert_msg((ours > 0) == (theirs > 0) && (ours < 0) == (theirs < 0), "%s ~ %s",
                          ordered[i], ordered[j]);
            ldns_rdf_deep_free(x);
            ldns_rdf_deep_free(y);
        }
    for (size_t i = 1; i < 8; i++)
        ck_assert_msg(name_compare(name_of(ordered[i - 1]), name_of(ordered[i])) < 0, "%s",
                      ordered[i]);
}
END_TEST

START_TEST(a_name_is_within_itself_and_its_ancestors_only)
{
    struct name name = name_of("a.b.example.org");
    ck_assert(name_is_within(name, name));
    ck_assert(name_is_within(name, name_of("B.Example.org")));
    ck_assert(name_is_within(name, name_root));
    ck_assert(!name_is_within(name, name_of("c.example.org")));
    ck_assert(!name_is_within(name_of("xb.example.org"), name_of("b.example.org")));
    ck_assert(!name_is_within(name_of("org"), name));
    ck_assert_uint_eq(name_labels(name), 4);
    ck_assert_uint_eq(name_labels_before(name, name_of("example.org")).len, 4);
}
END_TEST

START_TEST(joining_never_exceeds_255_octets)
{
    char text[256] = "";
    for (int i = 0; i < 59; i++)
        strcat(text, "abc.");
    struct name suffix = name_of(text), joined; /* 237 octets */
    const uint8_t labels[] = "\x0c_xmpp-client\x04_tcp";
    ck_assert_uint_eq(suffix.len, 237);
    ck_assert(name_join(&arena, (struct bytes){labels, 18}, suffix, &joined));
    ck_assert_uint_eq(joined.len, 255);
    ck_assert(!name_join(&arena,
                         (struct bytes){(const uint8_t *)"\x01"
                                                         "a\x0c_xmpp-client\x04_tcp",
                                        20},
                         suffix, &joined));
}
END_TEST

START_TEST(types_have_their_mnemonic_or_a_number)
{
    static const struct {
        const char *text, *printed; /* NULL: is no type */
    } rows[] = {{"SRV", "SRV"},
                {"aaaa", "AAAA"},
                {"TYPE33", "SRV"},
                {"HTTPS", "HTTPS"},
                {"TYPE65280", "TYPE65280"},
                {"type65535", "TYPE65535"},
                {"TYPE65536", NULL},
                {"TYPE0", NULL},
                {"TYPE", NULL},
                {"TYPE33x", NULL},
                {"", NULL},
                {"SR", NULL},
                {"AN-ENDLESS-MNEMONIC", NULL}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint16_t type = 0;
        bool is_type = text_type_parse(text_from(rows[i].text), &type);
        ck_assert_msg(is_type == (rows[i].printed != NULL), "%s", rows[i].text);
        if (is_type)
            ck_assert_str_eq(text_type_print(&arena, type), rows[i].printed);
    }
}
END_TEST

START_TEST(rdata_that_its_type_does_not_have_prints_in_hexadecimal)
{
    const uint8_t bytes[] = {1, 2, 3};
    ck_assert_str_eq(text_rdata_print(&arena, RRTYPE_A, (struct bytes){bytes, 3}), "\\# 3 010203");
    ck_assert_str_eq(text_rdata_print(&arena, RRTYPE_SRV, (struct bytes){bytes, 0}), "\\# 0");
    ck_assert_str_eq(text_rdata_print(&arena, 65280, (struct bytes){bytes, 2}), "\\# 2 0102");
}
END_TEST

START_TEST(rdata_prints_as_ldns_reads_it_back)
{
    struct name target = name_of("xmpp1.example.org");
    struct soa_numbers numbers = {2026112401, 3600, 600, 604800, 60};
    struct bytes mname = {target.wire, target.len};
    const struct {
        uint16_t type;
        struct bytes rdata;
        const char *text;
    } rows[] = {
        {RRTYPE_SRV, text_rdata_srv(&arena, 10, 32000, 5222, target),
         "10 32000 5222 xmpp1.example.org."},
        {RRTYPE_SRV, text_rdata_srv(&arena, 0, 0, 0, name_root), "0 0 0 ."},
        {RRTYPE_A, text_rdata_address(&arena, (struct bytes){(const uint8_t *)"\300\0\2\1", 4}),
         "192.0.2.1"},
        {RRTYPE_AAAA,
         text_rdata_address(
             &arena,
             (struct bytes){(const uint8_t *)"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x11", 16}),
         "2001:db8::11"},
        {RRTYPE_NS, text_rdata_ns(&arena, mname), "xmpp1.example.org."},
        {RRTYPE_SOA, text_rdata_soa(&arena, mname, mname, &numbers),
         "xmpp1.example.org. xmpp1.example.org. 2026112401 3600 600 604800 60"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char line[300];
        ldns_rr *rr = NULL;
        snprintf(line, sizeof line, "o.example. 60 IN %s %s", rrtype_mnemonic(rows[i].type),
                 rows[i].text);
        ck_assert_str_eq(text_rdata_print(&arena, rows[i].type, rows[i].rdata), rows[i].text);
        ck_assert_int_eq(ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL), LDNS_STATUS_OK);
        ldns_buffer *wire = ldns_buffer_new(512);
        ck_assert_int_eq(ldns_rr_rdata2buffer_wire(wire, rr), LDNS_STATUS_OK);
        ck_assert_uint_eq(ldns_buffer_position(wire), rows[i].rdata.len);
        ck_assert_mem_eq(ldns_buffer_begin(wire), rows[i].rdata.ptr, rows[i].rdata.len);
        ldns_buffer_free(wire);
        ldns_rr_free(rr);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("name");
    TCase *tcase = tcase_create("name");
    tcase_add_checked_fixture(tcase, NULL, arena_clear);
    tcase_add_loop_test(tcase, text_becomes_a_lower_cased_name_or_a_reason, 0, COUNT_OF(texts));
    tcase_add_test(tcase, names_compare_in_canonical_order_as_ldns_does);
    tcase_add_test(tcase, a_name_is_within_itself_and_its_ancestors_only);
    tcase_add_test(tcase, joining_never_exceeds_255_octets);
    tcase_add_test(tcase, types_have_their_mnemonic_or_a_number);
    tcase_add_test(tcase, rdata_that_its_type_does_not_have_prints_in_hexadecimal);
    tcase_add_test(tcase, rdata_prints_as_ldns_reads_it_back);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

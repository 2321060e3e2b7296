/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/text.h"
#include "zones/zonefile_read.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static void arena_clear(void)
{
    arena_fini(&arena);
}

static struct zonefile_reading read_text(const char *text)
{
    struct zonefile_terms terms = {.ttl_s = 77};
    ck_assert(text_name_parse(&arena, text_from("example.org"), &terms.origin, NULL));
    return zonefile_read(&arena, text_from(text), &terms);
}

/* "LINE OWNER TTL TYPE RDATA" a record, "LINE:COLUMN CODE" a fault, each ended by a semicolon. */
static const char *print(const struct zonefile_reading *reading)
{
    const char *all = "";
    for (uint32_t i = 0; i < reading->record_count; i++) {
        const struct zonefile_record *record = &reading->records[i];
        all = arena_printf(&arena, "%s%u %s %u %s %s;", all, record->line,
                           text_name_print(&arena, record->owner), record->ttl_s,
                           text_type_print(&arena, record->type),
                           text_rdata_print(&arena, record->type, record->rdata));
    }
    for (uint32_t i = 0; i < reading->fault_count; i++) {
        const struct zonefile_fault *fault = &reading->faults[i];
        ck_assert(fault->message[0] && fault->mend[0]);
        all = arena_printf(&arena, "%s%u:%u %s;", all, fault->line, fault->column, fault->code);
    }
    return all;
}

static const struct {
    const char *label, *text, *read;
} cases[] = {
    {"nothing", "", ""},
    {"comments and blank lines", "; nothing\n\n  \t\n ; here\r\n", ""},
    {"a relative owner, TTL and class", "www 300 IN A 192.0.2.80\n",
     "1 www.example.org. 300 A 192.0.2.80;"},
    {"class before TTL, lower case, no line end", "www in 5m aaaa 2001:db8::80",
     "1 www.example.org. 300 AAAA 2001:db8::80;"},
    {"neither TTL nor class", "www A 192.0.2.80", "1 www.example.org. 77 A 192.0.2.80;"},
    {"@ is the origin", "@ MX 10 mail", "1 example.org. 77 MX 10 mail.example.org.;"},
    {"an absolute owner, letters in upper case", "WWW.Other.Example. A 192.0.2.1",
     "1 www.other.example. 77 A 192.0.2.1;"},
    {"names in data in lower case too", "@ MX 10 Mail.Example.NET.",
     "1 example.org. 77 MX 10 mail.example.net.;"},
    {"the owner before, over a comment", "a A 192.0.2.1\n  ; same\n  AAAA 2001:db8::1",
     "1 a.example.org. 77 A 192.0.2.1;3 a.example.org. 77 AAAA 2001:db8::1;"},
    {"$TTL and $ORIGIN",
     "$TTL 1h\n$ORIGIN sub\na A 192.0.2.1\n$ORIGIN other.example.\na 5 A "
     "192.0.2.2\n",
     "3 a.sub.example.org. 3600 A 192.0.2.1;5 a.other.example. 5 A 192.0.2.2;"},
    {"parentheses over lines, with comments",
     "a TXT ( \"one\" ; first\n\n  \"two\" ) ; both\nb A 192.0.2.1",
     "1 a.example.org. 77 TXT \"one\" \"two\";4 b.example.org. 77 A 192.0.2.1;"},
    {"a semicolon and parentheses in quotes", "a TXT \"v=DMARC1; p=none (x)\"",
     "1 a.example.org. 77 TXT \"v=DMARC1; p=none (x)\";"},
    {"quotes within quotes", "a TXT \"say \\\"hi\\\"\"",
     "1 a.example.org. 77 TXT \"say \\\"hi\\\"\";"},
    {"quotes within a word", "a HTTPS 1 . alpn=\"h2,h3\" port=8443",
     "1 a.example.org. 77 HTTPS 1 . alpn=h2,h3 port=8443;"},
    {"escapes in owners", "a\\.b.c A 192.0.2.1\na\\. A 192.0.2.2",
     "1 a\\.b.c.example.org. 77 A 192.0.2.1;2 a\\..example.org. 77 A 192.0.2.2;"},
    {"more types",
     "a CAA 0 issue \"le.example\"\n_5222._tcp.a TLSA 3 1 1 ( ab\n cd )\n_x._tcp SRV 1 2 3 a\n",
     "1 a.example.org. 77 CAA 0 issue \"le.example\";"
     "2 _5222._tcp.a.example.org. 77 TLSA 3 1 1 abcd;"
     "4 _x._tcp.example.org. 77 SRV 1 2 3 a.example.org.;"},
    {"types without a name", "a TYPE65280 \\# 3 abcdef\nb TYPE65281 \\# 0\nc type1 \\# 4 c0000201",
     "1 a.example.org. 77 TYPE65280 \\# 3 abcdef;2 b.example.org. 77 TYPE65281 \\# 0;"
     "3 c.example.org. 77 A 192.0.2.1;"},
    {"a whole zone",
     "$ORIGIN example.net.\n@ 1h IN SOA ns1 hostmaster ( 7 1h 10m 1w 1m )\n NS ns1\nns1 A "
     "192.0.2.53\n* CNAME www",
     "2 example.net. 3600 SOA ns1.example.net. hostmaster.example.net. 7 3600 600 604800 60;"
     "3 example.net. 77 NS ns1.example.net.;4 ns1.example.net. 77 A 192.0.2.53;"
     "5 *.example.net. 77 CNAME www.example.net.;"},
    {"CR LF and a byte order mark",
     "\xef\xbb\xbf"
     "a A 192.0.2.1\r\nb TXT x\r\n",
     "1 a.example.org. 77 A 192.0.2.1;2 b.example.org. 77 TXT \"x\";"},

    {"no owner yet", "  A 192.0.2.1", "1:3 record-owner;"},
    {"an address that is none, and reading goes on", "a A 192.0.2.300\nb A 192.0.2.1",
     "2 b.example.org. 77 A 192.0.2.1;1:5 record-syntax;"},
    {"too much behind the data", "a A 192.0.2.1 192.0.2.2", "1:5 record-syntax;"},
    {"no data", "a 300 IN A", "1:10 record-syntax;"},
    {"no type", "a 300 IN", "1:1 record-syntax;"},
    {"half an octet", "a TLSA 3 1 1 abc", "1:8 record-syntax;"},
    {"another class", "a CH TXT x", "1:3 record-class;"},
    {"a type that is none", "a B 192.0.2.1", "1:3 record-unknown-type;"},
    {"types of questions", "a ANY x\nb OPT x\nc TYPE0 \\# 0\nd TYPEx \\# 0",
     "1:3 record-unknown-type;2:3 record-unknown-type;3:3 record-unknown-type;"
     "4:3 record-unknown-type;"},
    {"a TTL of 33 bits", "a 4294967296 A 192.0.2.1", "1:3 record-ttl;"},
    {"a TTL with an unknown unit", "a 5y A 192.0.2.1", "1:3 record-ttl;"},
    {"an open quote", "a TXT \"x\nb TXT y", "2 b.example.org. 77 TXT \"y\";1:7 record-syntax;"},
    {"an open parenthesis", "a TXT ( x\nb TXT y", "1:7 record-syntax;"},
    {"a closing one too many", "é TXT x\n)\n", "1:1 record-owner;2:1 record-syntax;"},
    {"columns count characters", "a TXT \"éé\" )", "1:12 record-syntax;"},
    {"an empty label", "a..b A 192.0.2.1", "1:1 record-owner;"},
    {"$INCLUDE and $GENERATE", "$INCLUDE x\n$GENERATE 1-9 a$ A 192.0.2.$",
     "1:1 record-include;2:1 record-include;"},
    {"directives that are none", "$FOO x\n$ORIGIN\n$TTL 1 2",
     "1:1 record-syntax;2:1 record-syntax;"
     "3:8 record-syntax;"},
    {"a control character", "a A 192.0.2.1\nb TXT \x01", "2:7 record-syntax;"},
};

START_TEST(text_becomes_records_or_faults_with_their_places)
{
    struct zonefile_reading reading = read_text(cases[_i].text);
    const char *read = print(&reading);
    ck_assert_msg(strcmp(read, cases[_i].read) == 0, "%s\nexpected: %s\ngot:      %s",
                  cases[_i].label, cases[_i].read, read);
}
END_TEST

START_TEST(data_of_60_kilobytes_are_read_whole_and_more_are_refused)
{
    enum {
        STRING = 200
    };
    static const struct {
        uint32_t strings, records;
    } rows[] = {{1, 1}, {295, 1}, {296, 0}, {2000, 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t size = rows[i].strings * (STRING + 3) + 16, len = 0;
        char *text = malloc(size);
        ck_assert(text != NULL);
        len += (size_t)sprintf(text, "a TXT");
        for (uint32_t k = 0; k < rows[i].strings; k++)
            len += (size_t)sprintf(text + len, " \"%0*d\"", STRING, k);
        struct zonefile_reading reading = read_text(text);
        ck_assert_msg(
            reading.record_count == rows[i].records && reading.fault_count == 1 - rows[i].records,
            "%u strings: %u records, %u faults: %s", rows[i].strings, reading.record_count,
            reading.fault_count, reading.fault_count ? reading.faults[0].message : "");
        if (rows[i].records)
            ck_assert_uint_eq(reading.records[0].rdata.len, rows[i].strings * (STRING + 1));
        free(text);
    }
}
END_TEST

START_TEST(faults_end_at_their_limit)
{
    size_t size = 2000 * 6 + 1;
    char *text = malloc(size);
    ck_assert(text != NULL);
    for (size_t i = 0; i < 2000; i++)
        memcpy(text + 6 * i, "a B c\n", 7);
    ck_assert_uint_eq(read_text(text).fault_count, ZONEFILE_MAX_FAULTS);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zonefile_read");
    TCase *tcase = tcase_create("zonefile_read");
    tcase_add_checked_fixture(tcase, NULL, arena_clear);
    tcase_add_loop_test(tcase, text_becomes_records_or_faults_with_their_places, 0,
                        COUNT_OF(cases));
    tcase_add_test(tcase, data_of_60_kilobytes_are_read_whole_and_more_are_refused);
    tcase_add_test(tcase, faults_end_at_their_limit);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

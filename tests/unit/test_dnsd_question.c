/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The strict parser, byte by byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "dnsd/question.h"
#include "zones/base/attributes.h"

#define HEADER(counts) "\x12\x34\x01\x00" counts
#define ONE "\0\1\0\0\0\0\0\0"
#define ONE_AND_OPT "\0\1\0\0\0\0\0\1"
#define NAME "\3wWw\7eXample\3ORG\0"
#define SRV_IN "\0\41\0\1"
#define OPT(size, version, length) "\0\0\51" size "\0" version "\x80\0" length

#define WITH_OPT(data_length, data)                                                                \
    BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\4\xd0", "\0", data_length) data)
/* Algorithm "a", time, fudge, a MAC of two bytes, original id, no error, no other data. */
#define TSIG_DATA                                                                                  \
    "\1a\0"                                                                                        \
    "\0\0\1\2\3\4"                                                                                 \
    "\1\54"                                                                                        \
    "\0\2mm"                                                                                       \
    "\x12\x34"                                                                                     \
    "\0\0"                                                                                         \
    "\0\0"
#define TSIG(owner) owner "\0\372\0\377\0\0\0\0\0\25" TSIG_DATA
#define IXFR_IN "\0\373\0\1"
#define SOA(owner)                                                                                 \
    owner "\0\6\0\1\0\0\0\0\0\26"                                                                  \
          "\0\0"                                                                                   \
          "\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define COOKIE_8 "\0\12\0\10clientco"

#define BYTES(literal) .bytes = (literal), .length = sizeof(literal) - 1

static const struct {
    const char *label, *bytes;
    size_t length;
    enum question_verdict verdict;
} cases[] = {
    {"a plain question is good", BYTES(HEADER(ONE) NAME SRV_IN), QUESTION_GOOD},
    {"the root is a name", BYTES(HEADER(ONE) "\0" SRV_IN), QUESTION_GOOD},
    {"an OPT may follow", BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\4\xd0", "\0", "\0\0")),
     QUESTION_GOOD},
    {"unknown options are passed over",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\4\xd0", "\0", "\0\11") "\377\1\0\1x\377\2\0\0"),
     QUESTION_GOOD},
    {"11 bytes are no header", BYTES("\x12\x34\x01\x00\0\1\0\0\0\0\0"), QUESTION_DROP},
    {"nothing at all is dropped", BYTES(""), QUESTION_DROP},
    {"a response is dropped", BYTES("\x12\x34\x80\x00" ONE NAME SRV_IN), QUESTION_DROP},
    {"a response with another opcode is dropped", BYTES("\x12\x34\xa8\x00" ONE NAME SRV_IN),
     QUESTION_DROP},
    {"NOTIFY is not spoken", BYTES("\x12\x34\x20\x00" ONE NAME SRV_IN), QUESTION_NOTIMP},
    {"opcode 15 is not spoken, whatever follows", BYTES("\x12\x34\x78\x00\0\0\0\0\0\0\0\0"),
     QUESTION_NOTIMP},
    {"no question", BYTES(HEADER("\0\0\0\0\0\0\0\0")), QUESTION_FORMERR},
    {"two questions", BYTES(HEADER("\0\2\0\0\0\0\0\0") NAME SRV_IN NAME SRV_IN), QUESTION_FORMERR},
    {"256 questions", BYTES(HEADER("\1\0\0\0\0\0\0\0") NAME SRV_IN), QUESTION_FORMERR},
    {"an answer in a query", BYTES(HEADER("\0\1\0\1\0\0\0\0") NAME SRV_IN), QUESTION_FORMERR},
    {"an authority in a query", BYTES(HEADER("\0\1\0\0\0\1\0\0") NAME SRV_IN), QUESTION_FORMERR},
    {"a count without its record", BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN), QUESTION_FORMERR},
    {"a record without its count", BYTES(HEADER(ONE) NAME SRV_IN OPT("\4\xd0", "\0", "\0\0")),
     QUESTION_FORMERR},
    {"one byte behind the question", BYTES(HEADER(ONE) NAME SRV_IN "x"), QUESTION_FORMERR},
    {"one byte behind OPT", BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\4\xd0", "\0", "\0\0") "x"),
     QUESTION_FORMERR},
    {"an option behind OPT that its length does not count",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\4\xd0", "\0", "\0\0") "\0\1\0\0"),
     QUESTION_FORMERR},
    {"two OPTs",
     BYTES(HEADER("\0\1\0\0\0\0\0\2") NAME SRV_IN OPT("\4\xd0", "\0", "\0\0")
               OPT("\4\xd0", "\0", "\0\0")),
     QUESTION_FORMERR},
    {"an OPT whose owner is not the root",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN "\1a" OPT("\4\xd0", "\0", "\0\0")), QUESTION_FORMERR},
    {"an additional that is no OPT",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN "\0\0\372\0\377\0\0\0\0\0\0"), QUESTION_FORMERR},
    {"an option without its length",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\4\xd0", "\0", "\0\3") "\0\12\0"),
     QUESTION_FORMERR},
    {"an option longer than its record",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\4\xd0", "\0", "\0\5") "\0\12\0\2x"),
     QUESTION_FORMERR},
    {"options of another version are not judged",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\4\xd0", "\1", "\0\3") "\0\12\0"), QUESTION_GOOD},
    {"OPT data shorter than said",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\4\xd0", "\0", "\0\4")), QUESTION_FORMERR},
    {"NSID, EXPIRE, keepalive and a cookie together",
     WITH_OPT("\0\30", "\0\3\0\0\0\11\0\0\0\13\0\0" COOKIE_8), QUESTION_GOOD},
    {"a cookie of 16", WITH_OPT("\0\24", "\0\12\0\20clientcoserverco"), QUESTION_GOOD},
    {"a cookie of 40", WITH_OPT("\0\54", "\0\12\0\50clientcoserverco0123456789abcdef01234567"),
     QUESTION_GOOD},
    {"a cookie of 0", WITH_OPT("\0\4", "\0\12\0\0"), QUESTION_FORMERR},
    {"a cookie of 7", WITH_OPT("\0\13", "\0\12\0\7clientc"), QUESTION_FORMERR},
    {"a cookie of 9", WITH_OPT("\0\15", "\0\12\0\11clientcoX"), QUESTION_FORMERR},
    {"a cookie of 15", WITH_OPT("\0\23", "\0\12\0\17clientcoserverc"), QUESTION_FORMERR},
    {"a cookie of 41", WITH_OPT("\0\55", "\0\12\0\51clientcoserverco0123456789abcdef012345678"),
     QUESTION_FORMERR},
    {"of two cookies the first counts", WITH_OPT("\0\20", COOKIE_8 "\0\12\0\0"), QUESTION_GOOD},
    {"32 options",
     WITH_OPT("\0\x80", "\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0"
                        "\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0"
                        "\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0"
                        "\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0"),
     QUESTION_GOOD},
    {"33 options",
     WITH_OPT("\0\x84", "\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0"
                        "\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0"
                        "\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0"
                        "\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\3\0\0"
                        "\0\3\0\0"),
     QUESTION_FORMERR},
    {"a cookie without a question",
     BYTES(HEADER("\0\0\0\0\0\0\0\1") OPT("\4\xd0", "\0", "\0\14") COOKIE_8), QUESTION_GOOD},
    {"OPT without a question and cookie",
     BYTES(HEADER("\0\0\0\0\0\0\0\1") OPT("\4\xd0", "\0", "\0\0")), QUESTION_FORMERR},
    {"TSIG last", BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN TSIG("\3key\0")), QUESTION_GOOD},
    {"TSIG behind OPT",
     BYTES(HEADER("\0\1\0\0\0\0\0\2") NAME SRV_IN OPT("\4\xd0", "\0", "\0\0") TSIG("\3key\0")),
     QUESTION_GOOD},
    {"TSIG before OPT",
     BYTES(HEADER("\0\1\0\0\0\0\0\2") NAME SRV_IN TSIG("\3key\0") OPT("\4\xd0", "\0", "\0\0")),
     QUESTION_FORMERR},
    {"two TSIGs", BYTES(HEADER("\0\1\0\0\0\0\0\2") NAME SRV_IN TSIG("\3key\0") TSIG("\3key\0")),
     QUESTION_FORMERR},
    {"OPT, TSIG, TSIG",
     BYTES(HEADER("\0\1\0\0\0\0\0\3") NAME SRV_IN OPT("\4\xd0", "\0", "\0\0") TSIG("\3key\0")
               TSIG("\3key\0")),
     QUESTION_FORMERR},
    {"a byte behind TSIG", BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN TSIG("\3key\0") "x"),
     QUESTION_FORMERR},
    {"a key at the root", BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN TSIG("\0")), QUESTION_GOOD},
    {"a key's name that ends in the question's",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN TSIG("\3key\xc0\x10")), QUESTION_GOOD},
    {"a key's name that points between labels",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN TSIG("\3key\xc0\x11")), QUESTION_FORMERR},
    {"a key's name that points into the header",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN TSIG("\3key\xc0\x00")), QUESTION_FORMERR},
    {"a key's name that points to itself", BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN TSIG("\xc0\x21")),
     QUESTION_FORMERR},
    {"TSIG of class IN",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN "\0\0\372\0\1\0\0\0\0\0\25" TSIG_DATA),
     QUESTION_FORMERR},
    {"TSIG with a TTL",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN "\0\0\372\0\377\0\0\0\1\0\25" TSIG_DATA),
     QUESTION_FORMERR},
    {"TSIG whose MAC is longer than it",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN "\0\0\372\0\377\0\0\0\0\0\25\1a\0"
                                           "\0\0\1\2\3\4\1\54\0\3mm\x12\x34\0\0\0\0"),
     QUESTION_FORMERR},
    {"two records said, TSIG alone there",
     BYTES(HEADER("\0\1\0\0\0\0\0\2") NAME SRV_IN TSIG("\3key\0")), QUESTION_FORMERR},
    {"TSIG with other data that is not there",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN "\0\0\372\0\377\0\0\0\0\0\25\1a\0"
                                           "\0\0\1\2\3\4\1\54\0\2mm\x12\x34\0\0\0\1"),
     QUESTION_FORMERR},
    {"TSIG with other data (RFC 8945 section 4.2: of BADTIME)",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN "\0\0\372\0\377\0\0\0\0\0\26\1a\0"
                                           "\0\0\1\2\3\4\1\54\0\2mm\x12\x34\0\0\0\1x"),
     QUESTION_GOOD},
    {"TSIG whose algorithm is compressed",
     BYTES(HEADER(ONE_AND_OPT) NAME SRV_IN "\0\0\372\0\377\0\0\0\0\0\24\xc0\x0c"
                                           "\0\0\1\2\3\4\1\54\0\2mm\x12\x34\0\0\0\0"),
     QUESTION_FORMERR},
    {"IXFR with the SOA it has", BYTES(HEADER("\0\1\0\0\0\1\0\0") NAME IXFR_IN SOA("\xc0\x0c")),
     QUESTION_GOOD},
    {"IXFR with an uncompressed SOA, OPT and TSIG",
     BYTES(HEADER("\0\1\0\0\0\1\0\2") NAME IXFR_IN SOA(NAME) OPT("\4\xd0", "\0", "\0\0")
               TSIG("\3key\0")),
     QUESTION_GOOD},
    {"IXFR with two", BYTES(HEADER("\0\1\0\0\0\2\0\0") NAME IXFR_IN SOA("\0") SOA("\0")),
     QUESTION_FORMERR},
    {"IXFR with another record",
     BYTES(HEADER("\0\1\0\0\0\1\0\0") NAME IXFR_IN "\0\0\1\0\1\0\0\0\0\0\4aaaa"), QUESTION_FORMERR},
    {"a SOA with SRV", BYTES(HEADER("\0\1\0\0\0\1\0\0") NAME SRV_IN SOA("\xc0\x0c")),
     QUESTION_FORMERR},
    {"a SOA that is cut off", BYTES(HEADER("\0\1\0\0\0\1\0\0") NAME IXFR_IN "\0\0\6\0\1\0\0"),
     QUESTION_FORMERR},
    {"a compressed name", BYTES(HEADER(ONE) "\1a\xc0\x0c" SRV_IN), QUESTION_FORMERR},
    {"a label of 64", BYTES(HEADER(ONE) "\100" NAME SRV_IN), QUESTION_FORMERR},
    {"a name without end", BYTES(HEADER(ONE) "\3www\7example"), QUESTION_FORMERR},
    {"a label beyond the end", BYTES(HEADER(ONE) "\77www"), QUESTION_FORMERR},
    {"a question without class", BYTES(HEADER(ONE) NAME "\0\41\0"), QUESTION_FORMERR},
    {"type OPT", BYTES(HEADER(ONE) NAME "\0\51\0\1"), QUESTION_FORMERR},
    {"type TSIG", BYTES(HEADER(ONE) NAME "\0\372\0\1"), QUESTION_FORMERR},
    {"type TKEY", BYTES(HEADER(ONE) NAME "\0\371\0\1"), QUESTION_FORMERR},
};

START_TEST(what_is_not_a_strict_query_is_refused)
{
    struct question question;
    /* Exactly as long as the message, so that a sanitizer sees every byte too far. */
    uint8_t *bytes = malloc(cases[_i].length);
    memcpy(bytes, cases[_i].bytes, cases[_i].length);
    enum question_verdict got = question_parse(bytes, (uint32_t)cases[_i].length, &question);
    ck_assert_msg(got == cases[_i].verdict, "%s: verdict %d, expected %d", cases[_i].label, got,
                  cases[_i].verdict);
    free(bytes);
}
END_TEST

START_TEST(a_good_question_is_read_whole)
{
    const char message[] = HEADER(ONE_AND_OPT) NAME SRV_IN OPT("\2\0", "\0", "\0\0");
    struct question question;
    ck_assert_int_eq(question_parse((const uint8_t *)message, sizeof message - 1, &question),
                     QUESTION_GOOD);
    ck_assert_uint_eq(question.type, 33);
    ck_assert_uint_eq(question.class, 1);
    ck_assert_uint_eq(question.length, 17);
    ck_assert_uint_eq(question.labels, 3);
    ck_assert_uint_eq(question.end, 12 + 17 + 4);
    ck_assert_mem_eq(question.lower, "\3www\7example\3org", 17);
    ck_assert_uint_eq(question.label_at[1], 4);
    ck_assert_uint_eq(question.label_at[3], 16);
    ck_assert(question.has_edns);
    ck_assert_uint_eq(question.edns_size, 512);
    ck_assert_uint_eq(question.edns_flags, DNS_DO);
}
END_TEST

/* A query for `labels` labels of `bytes` bytes each. */
static size_t build(uint8_t *message, unsigned labels, unsigned bytes)
{
    memcpy(message, HEADER(ONE), 12);
    size_t at = 12;
    for (unsigned i = 0; i < labels; i++) {
        message[at] = (uint8_t)bytes;
        memset(message + at + 1, 'Z', bytes);
        at += 1 + bytes;
    }
    memcpy(message + at, "\0\0\1\0\1", 5);
    return at + 5;
}

static const struct {
    unsigned labels, bytes;
    enum question_verdict verdict;
} lengths[] = {
    {127, 1, QUESTION_GOOD},    /* 255 bytes, as many labels as there can be */
    {128, 1, QUESTION_FORMERR}, /* 257 */
    {1, 63, QUESTION_GOOD},     {3, 63, QUESTION_GOOD},    {4, 63, QUESTION_FORMERR}, /* 257 */
    {2, 126, QUESTION_FORMERR}, {85, 2, QUESTION_FORMERR},                            /* 256 */
};

START_TEST(names_end_at_255_bytes)
{
    uint8_t message[400];
    struct question question;
    size_t len = build(message, lengths[_i].labels, lengths[_i].bytes);
    ck_assert_msg(question_parse(message, (uint32_t)len, &question) == lengths[_i].verdict,
                  "%u labels of %u bytes", lengths[_i].labels, lengths[_i].bytes);
    if (lengths[_i].verdict == QUESTION_GOOD) {
        ck_assert_uint_eq(question.labels, lengths[_i].labels);
        ck_assert_uint_eq(question.lower[1], 'z');
    }
}
END_TEST

START_TEST(only_ascii_letters_are_lowered)
{
    uint8_t message[400];
    for (unsigned first = 0; first < 256; first += 32) {
        struct question question;
        size_t len = build(message, 1, 32);
        for (unsigned i = 0; i < 32; i++)
            message[13 + i] = (uint8_t)(first + i);
        ck_assert_int_eq(question_parse(message, (uint32_t)len, &question), QUESTION_GOOD);
        for (unsigned i = 0; i < 32; i++) {
            unsigned byte = first + i;
            unsigned lower = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
            ck_assert_msg(question.lower[1 + i] == lower, "byte %u became %u", byte,
                          question.lower[1 + i]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnsd/question");
    TCase *tests = tcase_create("question");
    tcase_add_loop_test(tests, what_is_not_a_strict_query_is_refused, 0, COUNT_OF(cases));
    tcase_add_test(tests, a_good_question_is_read_whole);
    tcase_add_loop_test(tests, names_end_at_255_bytes, 0, COUNT_OF(lengths));
    tcase_add_test(tests, only_ascii_letters_are_lowered);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

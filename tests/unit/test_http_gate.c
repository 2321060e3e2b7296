/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/gate.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE "GET /api/v1/status HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"
#define BYTES(literal) literal, sizeof(literal) - 1

static const struct text names[] = {{"localhost", 9}, {"127.0.0.1", 9}, {"[::1]", 5}};
static const struct gate_hosts hosts = {.names = names, .name_count = 3, .port = 8053};

static const struct {
    const char *label;
    const char *head;
    size_t len;
    enum gate_verdict verdict;
    const char *reason; /* a part of it */
} cases[] = {
    {"a plain request", BYTES(LINE HOST "\r\n"), GATE_PASS, NULL},
    {"a host with our port", BYTES(LINE "Host: 127.0.0.1:8053\r\n\r\n"), GATE_PASS, NULL},
    {"an IPv6 host in other case", BYTES(LINE "hOST: [::1]\r\n\r\n"), GATE_PASS, NULL},
    {"LOCALHOST", BYTES(LINE "Host: LOCALHOST:8053\r\n\r\n"), GATE_PASS, NULL},
    {"no space behind the colon", BYTES(LINE "Host:localhost\r\n\r\n"), GATE_PASS, NULL},
    {"HTTP/1.0", BYTES("GET / HTTP/1.0\r\n" HOST "\r\n"), GATE_PASS, NULL},
    {"a length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 12\r\n\r\n"), GATE_PASS, NULL},
    {"a tab in a value", BYTES(LINE HOST "X: a\tb\r\n\r\n"), GATE_PASS, NULL},
    {"100-continue", BYTES(LINE HOST "Expect: 100-Continue\r\n\r\n"), GATE_PASS, NULL},
    {"a query", BYTES("GET /a?b=%20c HTTP/1.1\r\n" HOST "\r\n"), GATE_PASS, NULL},
    {"an empty value", BYTES(LINE HOST "X:\r\n\r\n"), GATE_PASS, NULL},
    {"nothing yet", BYTES(""), GATE_INCOMPLETE, NULL},
    {"half a line", BYTES("GET /ap"), GATE_INCOMPLETE, NULL},
    {"no empty line yet", BYTES(LINE HOST), GATE_INCOMPLETE, NULL},
    {"its CR alone yet", BYTES(LINE HOST "\r"), GATE_INCOMPLETE, NULL},
    {"bare LF", BYTES("GET / HTTP/1.1\nHost: localhost\n\n"), GATE_REFUSE, "bare LF"},
    {"bare LF at the end", BYTES(LINE HOST "\n"), GATE_REFUSE, "bare LF"},
    {"bare LF before the end came", BYTES("GET / HTTP/1.1\n"), GATE_REFUSE, "bare LF"},
    {"bare CR", BYTES("GET / HTTP/1.1\r" HOST "\r\n"), GATE_REFUSE, "CR stands alone"},
    {"CR in a value", BYTES(LINE HOST "X: a\rb\r\n\r\n"), GATE_REFUSE, "CR stands alone"},
    {"NUL in a value", BYTES(LINE "Host: localhost\0.evil\r\n\r\n"), GATE_REFUSE, "control"},
    {"NUL in a name", BYTES(LINE HOST "X\0: a\r\n\r\n"), GATE_REFUSE, "control"},
    {"NUL in the line", BYTES("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "control"},
    {"TLS on a plain port", BYTES("\x16\x03\x01"), GATE_REFUSE, "control"},
    {"an empty line first", BYTES("\r\n" LINE HOST "\r\n"), GATE_REFUSE, "empty line"},
    {"no Host", BYTES(LINE "\r\n"), GATE_REFUSE, "Host header is missing"},
    {"no Host in HTTP/1.0", BYTES("GET / HTTP/1.0\r\n\r\n"), GATE_REFUSE, "Host header"},
    {"two Hosts", BYTES(LINE HOST HOST "\r\n"), GATE_REFUSE, "came twice"},
    {"a stranger's Host", BYTES(LINE "Host: evil.example\r\n\r\n"), GATE_REFUSE, "another server"},
    {"a Host that begins as ours", BYTES(LINE "Host: localhost.evil.example\r\n\r\n"), GATE_REFUSE,
     "another server"},
    {"a Host with another port", BYTES(LINE "Host: localhost:80\r\n\r\n"), GATE_REFUSE,
     "another server"},
    {"a Host with an empty port", BYTES(LINE "Host: localhost:\r\n\r\n"), GATE_REFUSE, "another"},
    {"an empty Host", BYTES(LINE "Host:\r\n\r\n"), GATE_REFUSE, "another server"},
    {"chunked", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), GATE_REFUSE,
     "Transfer-Encoding"},
    {"chunked and a length",
     BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\ntransfer-encoding: x\r\n\r\n"),
     GATE_REFUSE, "Transfer-Encoding"},
    {"two lengths",
     BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 50\r\n\r\n"),
     GATE_REFUSE, "came twice"},
    {"two equal lengths",
     BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\ncontent-length: 5\r\n\r\n"),
     GATE_REFUSE, "came twice"},
    {"a list of lengths", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n"),
     GATE_REFUSE, "digits"},
    {"a signed length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n"), GATE_REFUSE,
     "digits"},
    {"a hexadecimal length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n"),
     GATE_REFUSE, "digits"},
    {"an empty length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"), GATE_REFUSE,
     "digits"},
    {"a length beyond 2^63",
     BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n"), GATE_REFUSE,
     "digits"},
    {"two tokens", BYTES(LINE HOST "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"),
     GATE_REFUSE, "came twice"},
    {"another expectation", BYTES(LINE HOST "Expect: tea\r\n\r\n"), GATE_REFUSE, "Expect"},
    {"a space before the colon", BYTES(LINE "Host : localhost\r\n\r\n"), GATE_REFUSE, "token"},
    {"an empty name", BYTES(LINE HOST ": x\r\n\r\n"), GATE_REFUSE, "token"},
    {"no colon", BYTES(LINE HOST "nonsense\r\n\r\n"), GATE_REFUSE, "no colon"},
    {"a folded line", BYTES(LINE HOST "X: a\r\n b\r\n\r\n"), GATE_REFUSE, "folded"},
    {"a backspace in a value", BYTES(LINE HOST "X: a\x08\r\n\r\n"), GATE_REFUSE, "control"},
    {"an unknown method", BYTES("BREW / HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "method"},
    {"a lower-case method", BYTES("get / HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "method"},
    {"CONNECT", BYTES("CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "method"},
    {"HTTP/2", BYTES("PRI * HTTP/2.0\r\n\r\n"), GATE_REFUSE, "method"},
    {"HTTP/0.9", BYTES("GET /\r\n\r\n"), GATE_REFUSE, "request line"},
    {"HTTP/1.2", BYTES("GET / HTTP/1.2\r\n" HOST "\r\n"), GATE_REFUSE, "version"},
    {"two spaces", BYTES("GET /  HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "version"},
    {"an absolute target", BYTES("GET http://localhost/ HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE,
     "starts with '/'"},
    {"an asterisk", BYTES("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "starts with '/'"},
    {"..", BYTES("GET /a/../b HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "'..'"},
    {".. at the end", BYTES("GET /a/.. HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "'..'"},
    {".", BYTES("GET /./b HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "'..'"},
    {"encoded ..", BYTES("GET /%2e%2E/b HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "'..'"},
    {"encoded slash", BYTES("GET /a%2fb HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "slash"},
    {"encoded slash in upper case", BYTES("GET /a%2Fb HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE,
     "slash"},
    {"encoded backslash", BYTES("GET /a%5cb HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "backslash"},
    {"backslash", BYTES("GET /a\\b HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "not allowed"},
    {"encoded NUL", BYTES("GET /a%00b HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "control"},
    {"encoded CR LF", BYTES("GET /a%0d%0ab HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "control"},
    {"half an escape", BYTES("GET /a%4 HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "two digits"},
    {"no escape", BYTES("GET /a%zz HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "two digits"},
    {"NUL in the query", BYTES("GET /a?b=%00 HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "query"},
    {"a fragment", BYTES("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE, "not allowed"},
    {"a byte above ASCII", BYTES("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"), GATE_REFUSE,
     "not allowed"},
};

static const struct {
    const char *label, *host;
    bool takes_addresses, is_allowed;
} hosts_asked[] = {
    {.label = "a name", .host = "localhost", .is_allowed = true},
    {.label = "with the port", .host = "LocalHost:8053", .is_allowed = true},
    {.label = "with another port", .host = "localhost:80"},
    {.label = "with an empty port", .host = "localhost:"},
    {.label = "with a port and more", .host = "localhost:8053x"},
    {.label = "a longer name", .host = "localhost.example"},
    {.label = "one label for the star", .host = "a.example.org:8053", .is_allowed = true},
    {.label = "two labels", .host = "b.a.example.org"},
    {.label = "no label", .host = "example.org"},
    {.label = "an empty label", .host = ".example.org"},
    {.label = "the star's name in another", .host = "a.example.org.evil.example"},
    {.label = "an IPv6 address of the list", .host = "[2001:db8::1]:8053", .is_allowed = true},
    {.label = "another", .host = "[2001:db8::2]"},
    {.label = "any address", .host = "[2001:db8::2]", .takes_addresses = true, .is_allowed = true},
    {.label = "any IPv4 one",
     .host = "192.0.2.7:8053",
     .takes_addresses = true,
     .is_allowed = true},
    {.label = "an address without brackets", .host = "2001:db8::2", .takes_addresses = true},
    {.label = "a name that looks like one",
     .host = "192.0.2.7.evil.example",
     .takes_addresses = true},
    {.label = "a number that is none", .host = "3221225991", .takes_addresses = true},
    {.label = "a zone", .host = "[fe80::1%25eth0]", .takes_addresses = true},
    {.label = "an open bracket", .host = "[2001:db8::2", .takes_addresses = true},
    {.label = "more behind the bracket", .host = "[2001:db8::2]x", .takes_addresses = true},
    {.label = "nothing", .host = "", .takes_addresses = true},
};

START_TEST(a_host_is_allowed_by_name_star_or_address)
{
    static const struct text list[] = {
        {"localhost", 9}, {"*.example.org", 13}, {"[2001:db8::1]", 13}};
    struct gate_hosts allowed = {.names = list,
                                 .name_count = COUNT_OF(list),
                                 .port = 8053,
                                 .takes_addresses = hosts_asked[_i].takes_addresses};
    char request[200];
    struct gate_head head;
    const char *reason = NULL;
    int len = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n",
                       hosts_asked[_i].host);
    enum gate_verdict verdict =
        gate_judge((struct bytes){(uint8_t *)request, (size_t)len}, &allowed, &head, &reason);
    ck_assert_msg((verdict == GATE_PASS) == hosts_asked[_i].is_allowed, "%s: %s",
                  hosts_asked[_i].label, reason ? reason : "passed");
}
END_TEST

START_TEST(heads_pass_or_are_refused_with_a_reason)
{
    struct gate_head head;
    const char *reason = NULL;
    struct bytes came = {(const uint8_t *)cases[_i].head, cases[_i].len};
    enum gate_verdict verdict = gate_judge(came, &hosts, &head, &reason);

    ck_assert_msg(verdict == cases[_i].verdict, "%s: %d, %s", cases[_i].label, (int)verdict,
                  reason ? reason : "");
    if (cases[_i].reason)
        ck_assert_msg(strstr(reason, cases[_i].reason) != NULL, "%s: %s", cases[_i].label, reason);
}
END_TEST

/* Whatever is cut off, a head that passes is only incomplete before its last byte. */
START_TEST(a_head_is_incomplete_until_its_last_byte)
{
    static const char whole[] = "POST /api/v1/drains?dry_run=true HTTP/1.1\r\nHost: [::1]:8053\r\n"
                                "Content-Length: 2\r\nX: y\r\n\r\n";
    struct gate_head head;
    const char *reason = NULL;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        enum gate_verdict verdict =
            gate_judge((struct bytes){(const uint8_t *)whole, len}, &hosts, &head, &reason);
        ck_assert_msg(verdict == GATE_INCOMPLETE, "%zu bytes: %d", len, (int)verdict);
    }
    ck_assert_int_eq(gate_judge((struct bytes){(const uint8_t *)whole, sizeof whole - 1}, &hosts,
                                &head, &reason),
                     GATE_PASS);
    ck_assert_uint_eq(head.len, sizeof whole - 1);
    ck_assert_int_eq(head.method, GATE_POST);
    ck_assert(text_is(head.path, "/api/v1/drains"));
    ck_assert(text_is(head.query, "dry_run=true"));
    ck_assert_uint_eq(head.content_length, 2);
    ck_assert(text_is(gate_field_find(&head, "x"), "y"));
    ck_assert_ptr_null(gate_field_find(&head, "z").ptr);
}
END_TEST

START_TEST(every_control_byte_is_refused_in_names_values_and_targets)
{
    static const char *const templates[] = {"GET /a?b HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n"};
    struct gate_head head;
    const char *reason = NULL;
    for (size_t at = 0; at < strlen(templates[0]); at++) {
        for (unsigned c = 0; c < 0x20; c++) {
            char bytes[128];
            size_t len = strlen(templates[0]);
            memcpy(bytes, templates[0], len);
            /* HTAB is white space around and in values; replacing a CR by CR changes nothing. */
            if (c == '\t' || bytes[at] == (char)c)
                continue;
            bytes[at] = (char)c;
            enum gate_verdict verdict =
                gate_judge((struct bytes){(uint8_t *)bytes, len}, &hosts, &head, &reason);
            ck_assert_msg(verdict != GATE_PASS, "byte %u at %zu passes", c, at);
        }
    }
}
END_TEST

START_TEST(long_heads_and_many_fields_are_refused_not_waited_for)
{
    static uint8_t bytes[GATE_HEAD_MAX_BYTES + 100];
    struct gate_head head;
    const char *reason = NULL;
    size_t len = (size_t)sprintf((char *)bytes, "%s", LINE HOST "X: ");
    memset(bytes + len, 'a', sizeof bytes - len);
    ck_assert_int_eq(
        gate_judge((struct bytes){bytes, GATE_HEAD_MAX_BYTES - 1}, &hosts, &head, &reason),
        GATE_INCOMPLETE);
    ck_assert_int_eq(gate_judge((struct bytes){bytes, GATE_HEAD_MAX_BYTES}, &hosts, &head, &reason),
                     GATE_REFUSE);
    ck_assert_ptr_nonnull(strstr(reason, "8 KiB"));

    for (int fields = GATE_FIELDS_MAX; fields <= GATE_FIELDS_MAX + 1; fields++) {
        len = (size_t)sprintf((char *)bytes, "%s", LINE HOST);
        for (int i = 1; i < fields; i++)
            len += (size_t)sprintf((char *)bytes + len, "X: y\r\n");
        len += (size_t)sprintf((char *)bytes + len, "\r\n");
        ck_assert_int_eq(gate_judge((struct bytes){bytes, len}, &hosts, &head, &reason),
                         fields > GATE_FIELDS_MAX ? GATE_REFUSE : GATE_PASS);
    }
    ck_assert_ptr_nonnull(strstr(reason, "64"));

    len = (size_t)sprintf((char *)bytes, "GET /");
    memset(bytes + len, 'a', GATE_TARGET_MAX_BYTES);
    len += GATE_TARGET_MAX_BYTES;
    len += (size_t)sprintf((char *)bytes + len, " HTTP/1.1\r\n" HOST "\r\n");
    ck_assert_int_eq(gate_judge((struct bytes){bytes, len}, &hosts, &head, &reason), GATE_REFUSE);
    ck_assert_ptr_nonnull(strstr(reason, "2048"));
}
END_TEST

START_TEST(on_the_unix_socket_any_single_host_will_do)
{
    static const struct gate_hosts any = {.is_any = true};
    struct gate_head head;
    const char *reason = NULL;
    struct bytes strange = {(const uint8_t *)LINE "Host: x\r\n\r\n", sizeof LINE + 10};
    struct bytes two = {(const uint8_t *)LINE HOST HOST "\r\n", sizeof LINE + 2 * sizeof HOST - 1};
    ck_assert_int_eq(gate_judge(strange, &any, &head, &reason), GATE_PASS);
    ck_assert_int_eq(gate_judge(two, &any, &head, &reason), GATE_REFUSE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_gate");
    TCase *tcase = tcase_create("gate");
    tcase_add_loop_test(tcase, heads_pass_or_are_refused_with_a_reason, 0, (int)COUNT_OF(cases));
    tcase_add_test(tcase, a_head_is_incomplete_until_its_last_byte);
    tcase_add_test(tcase, every_control_byte_is_refused_in_names_values_and_targets);
    tcase_add_test(tcase, long_heads_and_many_fields_are_refused_not_waited_for);
    tcase_add_test(tcase, on_the_unix_socket_any_single_host_will_do);
    tcase_add_loop_test(tcase, a_host_is_allowed_by_name_star_or_address, 0, COUNT_OF(hosts_asked));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

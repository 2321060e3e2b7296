/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "srvplan/command/client.h"

/* Longer than the 107 bytes that a socket's address holds. */
#define LONG_PATH                                                                                  \
    "/tmp/0123456789012345678901234567890123456789012345678901234567890123456789012345678901"      \
    "2345678901234567890123456789"

static const struct {
    const char *label;
    struct client_options options;
    const char *env_server, *env_socket;
    const char *url, *socket;
    const char *refused_with;
} targets[] = {
    {.label = "--server", .options = {.server = "http://[::1]:8053"}, .url = "http://[::1]:8053"},
    {.label = "slashes at the end go",
     .options = {.server = "https://a.example/srvplan//"},
     .url = "https://a.example/srvplan"},
    {.label = "--socket wins over the environment",
     .options = {.socket = "/x.sock"},
     .env_server = "http://a",
     .socket = "/x.sock"},
    {.label = "SRVPLAN_SERVER", .env_server = "http://a", .url = "http://a"},
    {.label = "SRVPLAN_SERVER wins over SRVPLAN_SOCKET",
     .env_server = "http://a",
     .env_socket = "/x.sock",
     .url = "http://a"},
    {.label = "SRVPLAN_SOCKET", .env_socket = "/x.sock", .socket = "/x.sock"},
    {.label = "empty means not given",
     .env_server = "",
     .env_socket = "/x.sock",
     .socket = "/x.sock"},
    {.label = "both",
     .options = {.server = "http://a", .socket = "/x.sock"},
     .refused_with = "give one of them"},
    {.label = "no scheme",
     .options = {.server = "127.0.0.1:8053"},
     .refused_with = "write http://127.0.0.1:8053"},
    {.label = "another scheme",
     .options = {.server = "file:///etc/passwd"},
     .refused_with = "only http and https"},
    {.label = "a query", .options = {.server = "http://a/?x"}, .refused_with = "'?'"},
    {.label = "a password",
     .options = {.server = "http://127.0.0.1:x@a.example"},
     .refused_with = "--token-file"},
    {.label = "a path that no socket can have",
     .options = {.socket = LONG_PATH},
     .refused_with = "longer than 107 bytes"},
};

static void environment_set(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

START_TEST(the_server_is_found_by_options_then_environment)
{
    struct arena arena = {0};
    struct error err = {0};
    struct client_target target;
    environment_set("SRVPLAN_SERVER", targets[_i].env_server);
    environment_set("SRVPLAN_SOCKET", targets[_i].env_socket);
    environment_set("SRVPLAN_TOKEN", NULL);
    environment_set("SRVPLAN_TOKEN_FILE", NULL);

    bool ok = client_target_find(&target, &targets[_i].options, &arena, &err);

    ck_assert_msg(ok == !targets[_i].refused_with, "%s: %s", targets[_i].label, err.message);
    if (ok) {
        ck_assert_pstr_eq(target.url, targets[_i].url);
        ck_assert_pstr_eq(target.socket, targets[_i].socket);
    } else {
        ck_assert_msg(strstr(err.message, targets[_i].refused_with), "%s: %s", targets[_i].label,
                      err.message);
    }
    arena_fini(&arena);
}
END_TEST

static const struct {
    const char *raw;
    const char *token; /* NULL: refused */
} tokens[] = {
    {"svp_abc", "svp_abc"},
    {"svp_abc\n", "svp_abc"},
    {"svp_abc \r\n\n", "svp_abc"},
    {"", NULL},
    {"\n", NULL},
    {"a b", NULL},
    {"a\r\nX-Evil: 1", NULL},
    {"t\xc3\xb6ken", NULL},
    {"a\x7f", NULL},
};

START_TEST(a_token_is_visible_ascii_without_its_line_end)
{
    struct arena arena = {0};
    struct error err = {0};
    const char *token = NULL;

    bool ok = client_token_clean(text_from(tokens[_i].raw), &arena, &token, &err);

    ck_assert_msg(ok == (tokens[_i].token != NULL), "'%s'", tokens[_i].raw);
    ck_assert_pstr_eq(token, tokens[_i].token);
    arena_fini(&arena);
}
END_TEST

static const struct {
    struct client_target target;
    bool is_exposed;
} exposures[] = {
    {{.url = "http://127.0.0.1:8053", .token = "t"}, false},
    {{.url = "http://[::1]:8053", .token = "t"}, false},
    {{.url = "http://localhost", .token = "t"}, false},
    {{.url = "http://localhost.example.org", .token = "t"}, true},
    {{.url = "http://127.example.org", .token = "t"}, true},
    {{.url = "https://a.example", .token = "t"}, false},
    {{.url = "http://a.example", .token = "t"}, true},
    {{.url = "HTTP://a.example", .token = "t"}, true},
    {{.url = "http://a.example"}, false},
    {{.socket = "/x", .token = "t"}, false},
};

START_TEST(a_token_in_the_clear_to_another_machine_is_noticed)
{
    ck_assert_msg(client_target_is_exposed(&exposures[_i].target) == exposures[_i].is_exposed,
                  "row %d: %s", _i, exposures[_i].target.url);
}
END_TEST

START_TEST(a_path_segment_is_escaped_whole)
{
    struct arena arena = {0};
    ck_assert_str_eq(client_escape("xmpp-1.a_b~", &arena), "xmpp-1.a_b~");
    ck_assert_str_eq(client_escape("../a?b#c%\xc3\xa9 ", &arena), "..%2Fa%3Fb%23c%25%C3%A9%20");
    arena_fini(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client");
    TCase *tcase = tcase_create("client");
    tcase_add_loop_test(tcase, the_server_is_found_by_options_then_environment, 0,
                        COUNT_OF(targets));
    tcase_add_loop_test(tcase, a_token_is_visible_ascii_without_its_line_end, 0, COUNT_OF(tokens));
    tcase_add_loop_test(tcase, a_token_in_the_clear_to_another_machine_is_noticed, 0,
                        COUNT_OF(exposures));
    tcase_add_test(tcase, a_path_segment_is_escaped_whole);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/auth/auth.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/auth/session.h"
#include "api/auth/throttle.h"
#include "zones/base/file.h"

static char path[64];
static int directory = -1;

static void setup(void)
{
    strcpy(path, "/tmp/srvplan-auth-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(directory, 0);
}

static void teardown(void)
{
    unlinkat(directory, "admin.token", 0);
    unlinkat(directory, "elsewhere", 0);
    fd_close(&directory);
    ck_assert_int_eq(rmdir(path), 0); /* nothing else was left behind */
}

static void file_put(const char *name, const char *content, mode_t mode)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static struct auth *open_or_fail(void)
{
    struct error err = {0};
    struct auth *auth = auth_open(directory, &err);
    ck_assert_msg(auth != NULL, "%s", err.message);
    return auth;
}

static void token_get(char token[static AUTH_TOKEN_LENGTH + 2])
{
    int fd = openat(directory, "admin.token", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, token, AUTH_TOKEN_LENGTH + 2), AUTH_TOKEN_LENGTH + 1);
    close(fd);
    ck_assert_int_eq(token[AUTH_TOKEN_LENGTH], '\n');
    token[AUTH_TOKEN_LENGTH] = '\0';
}

START_TEST(the_first_start_makes_a_token_that_only_its_owner_reads)
{
    auth_close(open_or_fail());

    struct stat info;
    ck_assert_int_eq(fstatat(directory, "admin.token", &info, 0), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0600);
    char token[AUTH_TOKEN_LENGTH + 2];
    token_get(token);
    ck_assert_int_eq(strncmp(token, "svp_", 4), 0);
    ck_assert_uint_eq(strspn(token + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789-_"),
                      43);
}
END_TEST

START_TEST(two_stores_get_different_tokens_and_a_restart_keeps_it)
{
    char first[AUTH_TOKEN_LENGTH + 2], again[AUTH_TOKEN_LENGTH + 2], other[AUTH_TOKEN_LENGTH + 2];
    auth_close(open_or_fail());
    token_get(first);
    auth_close(open_or_fail());
    token_get(again);
    ck_assert_str_eq(first, again);
    unlinkat(directory, "admin.token", 0);
    auth_close(open_or_fail());
    token_get(other);
    ck_assert_str_ne(first, other);
}
END_TEST

#define GOOD "svp_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop0"

static const struct {
    const char *label, *content;
    mode_t mode;
    const char *refused_with;
} files[] = {
    {.label = "a token", .content = GOOD "\n", .mode = 0600},
    {.label = "a token without line end", .content = GOOD, .mode = 0400},
    {.label = "readable by the group", .content = GOOD, .mode = 0640, .refused_with = "mode 0640"},
    {.label = "readable by all", .content = GOOD, .mode = 0604, .refused_with = "mode 0604"},
    {.label = "empty", .content = "", .mode = 0600, .refused_with = "does not hold one token"},
    {.label = "a char short",
     .content = "svp_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop\n",
     .mode = 0600,
     .refused_with = "does not hold one token"},
    {.label = "a char long",
     .content = GOOD "A\n",
     .mode = 0600,
     .refused_with = "does not hold one token"},
    {.label = "two tokens",
     .content = GOOD "\n" GOOD "\n",
     .mode = 0600,
     .refused_with = "does not hold one token"},
    {.label = "another prefix",
     .content = "svq_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop0\n",
     .mode = 0600,
     .refused_with = "does not hold one token"},
    {.label = "a char of plain base64",
     .content = "svp_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno+0\n",
     .mode = 0600,
     .refused_with = "does not hold one token"},
};

START_TEST(a_token_file_is_taken_or_refused_with_what_to_do)
{
    file_put("admin.token", files[_i].content, files[_i].mode);
    struct error err = {0};
    struct auth *auth = auth_open(directory, &err);

    ck_assert_msg(!auth == !!files[_i].refused_with, "%s: %s", files[_i].label, err.message);
    if (files[_i].refused_with) {
        ck_assert_msg(strstr(err.message, files[_i].refused_with) &&
                          strstr(err.message, "remove it"),
                      "%s: %s", files[_i].label, err.message);
        struct stat info;
        ck_assert_int_eq(fstatat(directory, "admin.token", &info, 0), 0);
        ck_assert_int_eq(info.st_size, (off_t)strlen(files[_i].content)); /* left alone */
    }
    auth_close(auth);
}
END_TEST

START_TEST(a_link_in_place_of_the_token_is_refused)
{
    file_put("elsewhere", GOOD, 0600);
    ck_assert_int_eq(symlinkat("elsewhere", directory, "admin.token"), 0);
    struct error err = {0};
    ck_assert_ptr_null(auth_open(directory, &err));
    ck_assert_msg(strstr(err.message, "admin.token"), "%s", err.message);
}
END_TEST

static bool try_token(struct auth *auth, const char *token, const char *source, int64_t now_ms,
                      struct auth_identity *identity, uint32_t *retry_after_s, struct error *err)
{
    struct auth_attempt attempt = {
        .token = text_from(token), .source = text_from(source), .now_ms = now_ms};
    return auth_check_token(auth, &attempt, identity, retry_after_s, err);
}

static const struct {
    const char *label, *token;
    bool is_right;
} tokens[] = {
    {.label = "the token", .token = GOOD, .is_right = true},
    {.label = "another of the same form",
     .token = "svp_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop1"},
    {.label = "the token and a byte", .token = GOOD "1"},
    {.label = "the token less a byte", .token = "svp_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"},
    {.label = "in lower case", .token = "svp_abcdefghijklmnopqrstuvwxyzabcdefghijklmnop0"},
    {.label = "no token", .token = ""},
};

START_TEST(only_the_very_token_is_granted)
{
    file_put("admin.token", GOOD "\n", 0600);
    struct auth *auth = open_or_fail();
    struct auth_identity who = {0};
    uint32_t retry_after_s = 99;
    struct error err = {0};
    bool ok = try_token(auth, tokens[_i].token, "127.0.0.1", 1000, &who, &retry_after_s, &err);

    ck_assert_msg(ok == tokens[_i].is_right, "%s: %s", tokens[_i].label, err.message);
    ck_assert_uint_eq(retry_after_s, 0);
    ck_assert_int_eq(who.role, ok ? ROLE_ADMIN : ROLE_NONE);
    ck_assert_str_eq(who.actor, ok ? "admin-token" : "");
    ck_assert_int_eq(err.kind, ok ? ERROR_NONE : ERROR_DENIED);
    if (ok) {
        ck_assert_int_eq(strncmp(who.source, "127.0.0.1 token ", 16), 0);
        ck_assert_uint_eq(strlen(who.source), 20);
        ck_assert_ptr_null(strstr(who.source, "svp_"));
    }
    auth_close(auth);
}
END_TEST

/* `failures` wrong tokens from 192.0.2.1, one each `step_ms` from 100 s on; then the right one from
 * `asks` at `at_ms`. */
static const struct {
    const char *label;
    int failures;
    int64_t step_ms;
    const char *asks;
    int64_t at_ms;
    uint32_t wait_s; /* 0: granted */
} throttles[] = {
    {.label = "nine failures are forgiven", .failures = 9, .asks = "192.0.2.1", .at_ms = 100000},
    {.label = "ten are not", .failures = 10, .asks = "192.0.2.1", .at_ms = 100000, .wait_s = 60},
    {.label = "the wait counts down",
     .failures = 10,
     .asks = "192.0.2.1",
     .at_ms = 130001,
     .wait_s = 30},
    {.label = "to the last millisecond",
     .failures = 10,
     .asks = "192.0.2.1",
     .at_ms = 159999,
     .wait_s = 1},
    {.label = "and ends", .failures = 10, .asks = "192.0.2.1", .at_ms = 160000},
    {.label = "another source is heard", .failures = 10, .asks = "192.0.2.2", .at_ms = 100000},
    {.label = "attempts while waiting do not prolong it",
     .failures = 50,
     .step_ms = 1000,
     .asks = "192.0.2.1",
     .at_ms = 160000},
    {.label = "ten within a minute, slowly",
     .failures = 10,
     .step_ms = 6600,
     .asks = "192.0.2.1",
     .at_ms = 159400,
     .wait_s = 1},
    {.label = "ten in more than a minute",
     .failures = 10,
     .step_ms = 6700,
     .asks = "192.0.2.1",
     .at_ms = 160300},
    {.label = "a clock that runs back", .failures = 10, .asks = "192.0.2.1", .at_ms = 5000},
};

START_TEST(ten_failures_in_a_minute_silence_a_source)
{
    file_put("admin.token", GOOD "\n", 0600);
    struct auth *auth = open_or_fail();
    struct auth_identity who = {0};
    uint32_t retry_after_s = 0;
    for (int i = 0; i < throttles[_i].failures; i++) {
        struct error ignored = {0};
        ck_assert(!try_token(auth, "svp_wrong", "192.0.2.1", 100000 + i * throttles[_i].step_ms,
                             &who, &retry_after_s, &ignored));
    }
    struct error err = {0};
    bool ok =
        try_token(auth, GOOD, throttles[_i].asks, throttles[_i].at_ms, &who, &retry_after_s, &err);

    ck_assert_msg(ok == !throttles[_i].wait_s, "%s: %s", throttles[_i].label, err.message);
    ck_assert_msg(retry_after_s == throttles[_i].wait_s, "%s: wait %u", throttles[_i].label,
                  retry_after_s);
    ck_assert(ok || strstr(err.message, "too many failed attempts from 192.0.2.1; wait "));
    auth_close(auth);
}
END_TEST

START_TEST(requests_without_a_token_are_not_counted)
{
    file_put("admin.token", GOOD "\n", 0600);
    struct auth *auth = open_or_fail();
    struct auth_identity who = {0};
    uint32_t retry_after_s = 0;
    for (int i = 0; i < 100; i++) {
        struct error err = {0};
        ck_assert(!try_token(auth, "", "192.0.2.1", 1000, &who, &retry_after_s, &err));
        ck_assert_uint_eq(retry_after_s, 0);
    }
    struct error err = {0};
    ck_assert_msg(try_token(auth, GOOD, "192.0.2.1", 1000, &who, &retry_after_s, &err), "%s",
                  err.message);
    auth_close(auth);
}
END_TEST

START_TEST(many_sources_push_out_the_one_that_was_quiet_for_longest)
{
    file_put("admin.token", GOOD "\n", 0600);
    struct auth *auth = open_or_fail();
    struct auth_identity who = {0};
    uint32_t retry_after_s = 0;
    for (int source = 0; source <= THROTTLE_SOURCES_MAX; source++) {
        char name[32];
        snprintf(name, sizeof name, "198.51.100.%d", source);
        for (int i = 0; i < AUTH_FAILURES; i++) {
            struct error err = {0};
            ck_assert(!try_token(auth, "x", name, 1000 + source, &who, &retry_after_s, &err));
        }
    }
    struct error err = {0};
    ck_assert(!try_token(auth, GOOD, "198.51.100.1", 2000, &who, &retry_after_s, &err));
    ck_assert_uint_gt(retry_after_s, 0);
    err = (struct error){0};
    ck_assert_msg(try_token(auth, GOOD, "198.51.100.0", 2000, &who, &retry_after_s, &err), "%s",
                  err.message);
    auth_close(auth);
}
END_TEST

static const gid_t some_groups[] = {100, 4711, 7};
static const struct {
    const char *label;
    uid_t uid; /* 1: our own */
    size_t group_count;
    bool has_group;
    gid_t group;
    enum role role, expected;
} peers[] = {
    {.label = "root", .uid = 0, .expected = ROLE_ADMIN},
    {.label = "our own user", .uid = 1, .expected = ROLE_ADMIN},
    {.label = "a stranger", .uid = 3999999999, .expected = ROLE_NONE},
    {.label = "a member, and no group was named",
     .uid = 3999999999,
     .group_count = 3,
     .expected = ROLE_NONE},
    {.label = "a member",
     .uid = 3999999999,
     .group_count = 3,
     .has_group = true,
     .group = 4711,
     .role = ROLE_OPERATOR,
     .expected = ROLE_OPERATOR},
    {.label = "by its first group",
     .uid = 3999999999,
     .group_count = 1,
     .has_group = true,
     .group = 100,
     .role = ROLE_VIEWER,
     .expected = ROLE_VIEWER},
    {.label = "of another group",
     .uid = 3999999999,
     .group_count = 3,
     .has_group = true,
     .group = 8,
     .role = ROLE_ADMIN,
     .expected = ROLE_NONE},
    {.label = "of group 0 by no list",
     .uid = 3999999999,
     .has_group = true,
     .group = 0,
     .role = ROLE_ADMIN,
     .expected = ROLE_NONE},
    {.label = "root is not made less",
     .uid = 0,
     .group_count = 3,
     .has_group = true,
     .group = 7,
     .role = ROLE_VIEWER,
     .expected = ROLE_ADMIN},
};

START_TEST(the_socket_is_for_root_the_owner_and_a_group)
{
    struct auth *auth = open_or_fail();
    struct auth_settings settings = {.failures = 10,
                                     .pause_s = 60,
                                     .has_group = peers[_i].has_group,
                                     .socket_group = peers[_i].group,
                                     .socket_role = peers[_i].role};
    auth_set(auth, &settings);
    struct auth_peer peer = {.uid = peers[_i].uid == 1 ? geteuid() : peers[_i].uid,
                             .groups = some_groups,
                             .group_count = peers[_i].group_count};
    struct auth_identity who = {0};
    struct error err = {0};
    bool ok = auth_check_peer(auth, &peer, &who, &err);

    ck_assert_msg(ok == (peers[_i].expected != ROLE_NONE), "%s: %s", peers[_i].label, err.message);
    ck_assert_msg(who.role == peers[_i].expected, "%s: %s", peers[_i].label, role_print(who.role));
    if (peers[_i].uid == 0) {
        ck_assert_str_eq(who.actor, "root");
        ck_assert_str_eq(who.source, "socket uid 0");
    }
    if (!ok) {
        ck_assert_int_eq(err.kind, ERROR_DENIED);
        ck_assert_msg(strstr(err.message, "uid 3999999999 may not"), "%s", err.message);
    }
    auth_close(auth);
}
END_TEST

/* -- tokens with roles --------------------------------------------------------------------------
 */

static const struct {
    const char *label;
    int64_t expires_at_ms, now_utc_ms;
    const char *refused_with;
} ends[] = {
    {.label = "without end", .now_utc_ms = 5000},
    {.label = "before its end", .expires_at_ms = 5001, .now_utc_ms = 5000},
    {.label = "at its end",
     .expires_at_ms = 5000,
     .now_utc_ms = 5000,
     .refused_with = "expired at"},
};

static struct tokens *one_token(const char *secret, int64_t expires_at_ms)
{
    struct store_token row = {.id = text_from("tk_1"),
                              .name = text_from("hook"),
                              .role = ROLE_OPERATOR,
                              .nodes = text_from("xmpp2"),
                              .expires_at_ms = expires_at_ms,
                              .secret = auth_token_digest(text_from(secret))};
    return tokens_new(&row, 1);
}

START_TEST(a_token_has_its_role_and_scope_until_its_end)
{
    struct auth *auth = open_or_fail();
    struct tokens *list = one_token("svp_x", ends[_i].expires_at_ms);
    struct arena arena = {0};
    struct auth_identity who = {0};
    uint32_t retry_after_s = 0;
    for (int i = 0; i < 20; i++) { /* an expired one is no guess: it is told so each time */
        struct error err = {0};
        struct auth_attempt attempt = {.token = text_from("svp_x"),
                                       .source = text_from("192.0.2.1"),
                                       .now_ms = 1000,
                                       .now_utc_ms = ends[_i].now_utc_ms,
                                       .tokens = list,
                                       .arena = &arena};
        bool ok = auth_check_token(auth, &attempt, &who, &retry_after_s, &err);
        ck_assert_msg(ok == !ends[_i].refused_with, "%s: %s", ends[_i].label, err.message);
        ck_assert(ok || strstr(err.message, ends[_i].refused_with));
        ck_assert_uint_eq(retry_after_s, 0);
    }
    if (!ends[_i].refused_with) {
        ck_assert_int_eq(who.role, ROLE_OPERATOR);
        ck_assert_str_eq(who.actor, "token:hook");
        ck_assert(text_is(who.nodes, "xmpp2") && who.domains.len == 0);
    }
    arena_fini(&arena);
    tokens_unref(list);
    auth_close(auth);
}
END_TEST

/* -- sessions -----------------------------------------------------------------------------------
 */

enum act {
    ACT_NOTHING,
    ACT_USE, /* at 1,500 s */
    ACT_END,
    ACT_REVOKE,
};

/* Begun at 1,000 s with a lifetime of 2,000 s, idle at most 600 s; its token ends at 1,800 s UTC.
 */
static const struct {
    const char *label;
    enum act act;
    int64_t at_s;
    bool is_over;
} sessions[] = {
    {.label = "soon after", .at_s = 1001},
    {.label = "nearly idle for too long", .at_s = 1599},
    {.label = "idle for too long", .at_s = 1600, .is_over = true},
    {.label = "used meanwhile", .act = ACT_USE, .at_s = 1700},
    {.label = "its token has expired", .act = ACT_USE, .at_s = 1800, .is_over = true},
    {.label = "ended", .act = ACT_END, .at_s = 1001, .is_over = true},
    {.label = "its token was revoked", .act = ACT_REVOKE, .at_s = 1001, .is_over = true},
};

static bool use_session(struct auth *auth, const char *secret, int64_t at_s,
                        const struct tokens *list, struct auth_identity *who)
{
    static struct arena arena;
    struct error err = {0};
    struct auth_attempt attempt = {.token = text_from(secret),
                                   .now_ms = at_s * 1000,
                                   .now_utc_ms = at_s * 1000,
                                   .tokens = list,
                                   .arena = &arena};
    bool ok = auth_check_session(auth, &attempt, who, &err);
    bool holds = ok && auth_still_holds(auth, who, list, at_s * 1000, at_s * 1000);
    ck_assert_int_eq(ok, holds);
    arena_fini(&arena);
    arena = (struct arena){0};
    return ok;
}

START_TEST(a_session_ends_by_age_idleness_or_its_token)
{
    struct auth *auth = open_or_fail();
    auth_set(auth, &(struct auth_settings){
                       .failures = 10, .pause_s = 60, .session_s = 2000, .session_idle_s = 600});
    struct tokens *list = one_token("svp_x", 1800 * 1000);
    struct auth_identity who = {
        .role = ROLE_OPERATOR, .token = text_from("tk_1"), .expires_at_ms = 1800 * 1000};
    char secret[AUTH_TOKEN_LENGTH + 1];
    uint32_t lifetime_s = 0;
    struct error err = {0};
    ck_assert(auth_begin_session(auth, &who, 1000 * 1000, secret, &lifetime_s, &err));
    ck_assert_uint_eq(lifetime_s, 2000);
    ck_assert(!use_session(auth, "svp_x", 1000, list, &who)); /* a token is no session */
    if (sessions[_i].act == ACT_USE)
        ck_assert(use_session(auth, secret, 1500, list, &who));
    if (sessions[_i].act == ACT_END)
        auth_end_session(auth, text_from(secret));
    if (sessions[_i].act == ACT_REVOKE) {
        tokens_unref(list);
        list = tokens_new(NULL, 0);
    }
    bool ok = use_session(auth, secret, sessions[_i].at_s, list, &who);
    ck_assert_msg(ok == !sessions[_i].is_over, "%s", sessions[_i].label);
    tokens_unref(list);
    auth_close(auth);
}
END_TEST

START_TEST(the_session_that_was_idle_for_longest_makes_way)
{
    struct auth *auth = open_or_fail();
    struct tokens *none = tokens_new(NULL, 0);
    struct auth_identity who = {.role = ROLE_ADMIN};
    static char secrets[SESSIONS_MAX + 1][AUTH_TOKEN_LENGTH + 1];
    uint32_t lifetime_s = 0;
    struct error err = {0};
    for (size_t i = 0; i <= SESSIONS_MAX; i++) {
        if (i == SESSIONS_MAX)
            ck_assert(use_session(auth, secrets[0], 1000, none, &who));
        ck_assert(auth_begin_session(auth, &who, (int64_t)i, secrets[i], &lifetime_s, &err));
    }
    ck_assert(use_session(auth, secrets[0], 1001, none, &who));
    ck_assert(!use_session(auth, secrets[1], 1001, none, &who));
    ck_assert(use_session(auth, secrets[2], 1001, none, &who));
    ck_assert(use_session(auth, secrets[SESSIONS_MAX], 1001, none, &who));
    tokens_unref(none);
    auth_close(auth);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("auth");
    TCase *tcase = tcase_create("auth");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_first_start_makes_a_token_that_only_its_owner_reads);
    tcase_add_test(tcase, two_stores_get_different_tokens_and_a_restart_keeps_it);
    tcase_add_loop_test(tcase, a_token_file_is_taken_or_refused_with_what_to_do, 0,
                        COUNT_OF(files));
    tcase_add_test(tcase, a_link_in_place_of_the_token_is_refused);
    tcase_add_loop_test(tcase, only_the_very_token_is_granted, 0, COUNT_OF(tokens));
    tcase_add_loop_test(tcase, ten_failures_in_a_minute_silence_a_source, 0, COUNT_OF(throttles));
    tcase_add_test(tcase, requests_without_a_token_are_not_counted);
    tcase_add_test(tcase, many_sources_push_out_the_one_that_was_quiet_for_longest);
    tcase_add_loop_test(tcase, the_socket_is_for_root_the_owner_and_a_group, 0, COUNT_OF(peers));
    tcase_add_loop_test(tcase, a_token_has_its_role_and_scope_until_its_end, 0, COUNT_OF(ends));
    tcase_add_loop_test(tcase, a_session_ends_by_age_idleness_or_its_token, 0, COUNT_OF(sessions));
    tcase_add_test(tcase, the_session_that_was_idle_for_longest_makes_way);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

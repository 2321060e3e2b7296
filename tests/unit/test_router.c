/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/router.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct response match(enum gate_method method, const char *path, struct request *request,
                             bool *is_found)
{
    struct response response = {0};
    struct gate_head head = {.method = method, .path = text_from(path)};
    *is_found = router_match(request, &head, &response);
    return response;
}

/* The path of a route with "x1" for its variable. */
static void path_fill(const char *pattern, char out[static 100])
{
    const char *open = strchr(pattern, '{');
    if (!open) {
        strcpy(out, pattern);
        return;
    }
    const char *close = strchr(open, '}');
    sprintf(out, "%.*sx1%s", (int)(open - pattern), pattern, close + 1);
}

START_TEST(every_route_is_found_by_its_own_path)
{
    char path[100];
    bool is_found = false;
    struct request request = {0};
    path_fill(routes[_i].path, path);
    struct response response = match(routes[_i].method, path, &request, &is_found);

    ck_assert_msg(is_found, "%s %s", gate_method_print(routes[_i].method), path);
    ck_assert_msg(request.route == &routes[_i], "%s leads to %s", path, request.route->path);
    if (strchr(routes[_i].path, '{'))
        ck_assert(text_is(request.variables[0], "x1"));
    response_fini(&response);
    arena_fini(&request.arena);
}
END_TEST

START_TEST(every_route_says_what_it_needs)
{
    const struct route *route = &routes[_i];
    bool is_read = route->method == GATE_GET;
    /* A POST that only looks: its question is too long for a query. */
    bool is_question = route->method == GATE_POST && !route->is_change;
    ck_assert_msg(route->handle != NULL, "%s has no handler", route->path);
    /* Signing in and out is for everybody, and changes nothing that is stored. */
    if (!is_read && strcmp(route->path, "/api/v1/session") == 0) {
        ck_assert(!route->is_change && !route->finish && route->role == ROLE_NONE);
        return;
    }
    ck_assert_msg(is_read || route->finish || route->is_heavy, "%s changes without a job",
                  route->path);
    ck_assert_msg(!route->is_heavy || !route->finish, "%s: nobody calls finish", route->path);
    ck_assert_msg(is_read != route->is_change || is_question, "%s", route->path);
    if (is_question) {
        ck_assert_msg(route->is_heavy && route->role == ROLE_VIEWER, "%s", route->path);
        return;
    }
    ck_assert_msg(is_read || route->role >= ROLE_OPERATOR, "%s changes without a role",
                  route->path);
    ck_assert_msg(is_read || strstr(route->parameters, "dry_run"), "%s has no dry run",
                  route->path);
    bool is_open = strncmp(route->path, "/api/", 5) != 0 || strstr(route->path, "/version") ||
                   strstr(route->path, "/openapi.json");
    ck_assert_msg(is_open == (route->role == ROLE_NONE), "%s", route->path);
}
END_TEST

/* What the API promises, and what it must not have. */
static const struct {
    enum gate_method method;
    const char *path;
    const char *route; /* NULL: 404; "": 405 */
    const char *allow;
} cases[] = {
    {GATE_GET, "/api/v1/version", "/api/v1/version", NULL},
    {GATE_HEAD, "/api/v1/status", "/api/v1/status", NULL},
    {GATE_GET, "/api/v1/nodes/xmpp1", "/api/v1/nodes/{id}", NULL},
    {GATE_GET, "/api/v1/nodes/xm%70p1", "/api/v1/nodes/{id}", NULL},
    {GATE_GET, "/api/v1/%6eodes", "/api/v1/nodes", NULL},
    {GATE_PUT, "/api/v1/nodes/xmpp1/weight", "/api/v1/nodes/{id}/weight", NULL},
    {GATE_DELETE, "/api/v1/nodes/xmpp1/weight", "/api/v1/nodes/{id}/weight", NULL},
    {GATE_POST, "/api/v1/drains", "/api/v1/drains", NULL},
    {GATE_DELETE, "/api/v1/drains/dr_1", "/api/v1/drains/{id}", NULL},
    {GATE_PATCH, "/api/v1/drains/dr_1", "/api/v1/drains/{id}", NULL},
    {GATE_GET, "/docs/problems/guard", "/docs/problems/{name}", NULL},
    {GATE_GET, "/healthz", "/healthz", NULL},
    {GATE_GET, "/", NULL, NULL},
    {GATE_GET, "//", NULL, NULL},
    {GATE_GET, "/api/v1", NULL, NULL},
    {GATE_GET, "/api/v1/", NULL, NULL},
    {GATE_GET, "/api/v1/status/", NULL, NULL},
    {GATE_GET, "/api/v1//status", NULL, NULL},
    {GATE_GET, "/api/v1/nodes/", NULL, NULL},
    {GATE_GET, "/api/v1/nodes/a/b", NULL, NULL},
    {GATE_GET, "/api/v1/Status", NULL, NULL},
    {GATE_GET, "/api/v1/nodes/xmpp1/weight", "", "PUT, DELETE"},
    {GATE_POST, "/api/v1/status", "", "GET, HEAD"},
    {GATE_PUT, "/api/v1/drains", "", "GET, HEAD, POST"},
    {GATE_PUT, "/api/v1/drains/dr_1", "", "GET, HEAD, PATCH, DELETE"},
    {GATE_OPTIONS, "/api/v1/drains", "", "GET, HEAD, POST"},
    {GATE_DELETE, "/livez", "", "GET, HEAD"},
};

START_TEST(paths_lead_to_their_route_or_to_404_or_405)
{
    bool is_found = false;
    struct request request = {0};
    struct response response = match(cases[_i].method, cases[_i].path, &request, &is_found);
    const char *label = cases[_i].path;

    if (!cases[_i].route) {
        ck_assert_msg(!is_found && response.status == 404, "%s: %u", label, response.status);
    } else if (!*cases[_i].route) {
        ck_assert_msg(!is_found && response.status == 405, "%s: %u", label, response.status);
        ck_assert_str_eq(response.allow, cases[_i].allow);
    } else {
        ck_assert_msg(is_found, "%s is not found", label);
        ck_assert_str_eq(request.route->path, cases[_i].route);
    }
    response_fini(&response);
    arena_fini(&request.arena);
}
END_TEST

static const struct {
    const char *query, *known;
    unsigned status;
    const char *key, *value;
} queries[] = {
    {"", "limit", 0, "limit", NULL},
    {"limit=5&after=a%20b", "limit after", 0, "after", "a b"},
    {"all", "all", 0, "all", ""},
    {"limit=5&", "limit", 0, "limit", "5"},
    {"a+b=1", "a+b", 0, "a+b", "1"}, /* not a form: plus is plus */
    {"dryrun=true", "dry_run", 400, NULL, NULL},
    {"x=1", NULL, 400, NULL, NULL},
    {"limit=1&limit=2", "limit", 400, NULL, NULL},
    {"=1", "limit", 400, NULL, NULL},
    {"lim", "limit", 400, NULL, NULL},
};

START_TEST(queries_are_taken_apart_and_unknown_keys_refused)
{
    struct request request = {0};
    struct response response = {0};
    request_parse_query(&request, text_from(queries[_i].query), queries[_i].known, &response);

    ck_assert_msg(response.status == queries[_i].status, "%s: %u", queries[_i].query,
                  response.status);
    if (queries[_i].key) {
        struct text value = request_parameter_find(&request, queries[_i].key);
        ck_assert_msg((value.ptr != NULL) == (queries[_i].value != NULL), "%s", queries[_i].query);
        ck_assert(!value.ptr || text_is(value, queries[_i].value));
    }
    response_fini(&response);
    arena_fini(&request.arena);
}
END_TEST

static const struct {
    const char *if_match, *prefix;
    bool is_read, has_version;
    uint64_t version;
    unsigned status;
} matches[] = {
    {"\"3\"", "", true, true, 3, 0},
    {"\"n12\"", "n", true, true, 12, 0},
    {"*", "", true, false, 0, 0},
    {NULL, "", false, false, 0, 428},
    {"\"12\"", "n", false, false, 0, 0}, /* of another kind: stale */
    {"\"n12\"", "", false, false, 0, 0},
    {"W/\"3\"", "", false, false, 0, 0}, /* weak never matches */
    {"\"\"", "", false, false, 0, 0},
    {"\"-1\"", "", false, false, 0, 0},
    {"3", "", false, false, 0, 400},
    {"\"3", "", false, false, 0, 400},
    {"\"3\", \"4\"", "", false, false, 0, 400},
};

START_TEST(if_match_is_a_version_a_star_or_stale)
{
    struct request request = {.if_match = text_from(matches[_i].if_match)};
    struct response response = {0};
    bool is_read = request_read_if_match(&request, matches[_i].prefix, &response);
    const char *label = matches[_i].if_match ? matches[_i].if_match : "none";

    ck_assert_msg(is_read == matches[_i].is_read, "%s", label);
    ck_assert_msg(response.status == matches[_i].status, "%s: %u", label, response.status);
    ck_assert_msg(request.job.has_if_match == matches[_i].has_version, "%s", label);
    ck_assert_uint_eq(request.job.if_match, matches[_i].version);
    response_fini(&response);
}
END_TEST

static const struct {
    const char *if_none_match;
    unsigned status;
} none_matches[] = {
    {NULL, 200},     {"\"r7\"", 304}, {"W/\"r7\"", 304}, {"\"r6\", \"r7\"", 304},  {"*", 304},
    {"\"r6\"", 200}, {"r7", 200},     {"\"r7", 200},     {"\"r6\",W/\"r7\"", 304}, {"\"r77\"", 200},
};

START_TEST(if_none_match_gives_304_for_the_same_tag)
{
    struct request request = {.if_none_match = text_from(none_matches[_i].if_none_match)};
    struct response response = {0};
    response_set_etag(&response, "r", 7);
    response_take(&response, 200, json_object());
    response_check_none_match(&request, &response);
    ck_assert_msg(response.status == none_matches[_i].status, "%s: %u",
                  none_matches[_i].if_none_match, response.status);
    ck_assert((response.json == NULL) == (response.status == 304));
    response_fini(&response);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("router");
    TCase *tcase = tcase_create("router");
    tcase_add_loop_test(tcase, every_route_is_found_by_its_own_path, 0, (int)route_count);
    tcase_add_loop_test(tcase, every_route_says_what_it_needs, 0, (int)route_count);
    tcase_add_loop_test(tcase, paths_lead_to_their_route_or_to_404_or_405, 0, (int)COUNT_OF(cases));
    tcase_add_loop_test(tcase, queries_are_taken_apart_and_unknown_keys_refused, 0,
                        (int)COUNT_OF(queries));
    tcase_add_loop_test(tcase, if_match_is_a_version_a_star_or_stale, 0, (int)COUNT_OF(matches));
    tcase_add_loop_test(tcase, if_none_match_gives_304_for_the_same_tag, 0,
                        (int)COUNT_OF(none_matches));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/body.h"
#include "api/http/problem.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Names are part of the API: clients compare them. */
static const struct {
    const char *name;
    unsigned status;
} promised[] = {
    {"malformed", 400},
    {"unknown-parameter", 400},
    {"unauthenticated", 401},
    {"forbidden", 403},
    {"not-found", 404},
    {"unknown-node", 404},
    {"method-not-allowed", 405},
    {"guard", 409},
    {"conflict", 409},
    {"already-drained", 409},
    {"stale", 412},
    {"too-large", 413},
    {"not-json-type", 415},
    {"invalid", 422},
    {"precondition-required", 428},
    {"too-many-attempts", 429},
    {"unavailable", 503},
    {"no-space", 503},
    {"clock-untrusted", 503},
};

START_TEST(the_promised_problems_have_their_status)
{
    const struct problem_kind *kind = problem_find(text_from(promised[_i].name));
    ck_assert_msg(kind != NULL, "%s is gone", promised[_i].name);
    ck_assert_msg(kind->status == promised[_i].status, "%s: %u", kind->name, kind->status);
}
END_TEST

START_TEST(every_problem_has_a_name_of_its_own_and_a_page)
{
    const struct problem_kind *kind = &problem_kinds[_i];
    ck_assert_ptr_eq(problem_find(text_from(kind->name)), kind);
    ck_assert_msg(strspn(kind->name, "abcdefghijklmnopqrstuvwxyz-") == strlen(kind->name), "%s",
                  kind->name);
    ck_assert_msg(strlen(kind->page) > 40 && strlen(kind->title) > 3, "%s", kind->name);
    ck_assert_msg((kind->status == 503 || kind->status == 429) == (kind->retry_after_s > 0), "%s",
                  kind->name);
}
END_TEST

START_TEST(every_kind_of_error_is_a_problem)
{
    const struct problem_kind *kind = problem_of_error((enum error_kind)_i);
    ck_assert_msg(kind != NULL, "error kind %d has no problem", _i);
    ck_assert(kind->status >= 400 && kind->status <= 599);
}
END_TEST

START_TEST(a_problem_says_type_title_status_and_detail)
{
    json_t *json = problem_json(problem_find(text_from("stale")), "bytes \xff that are no UTF-8");
    ck_assert_str_eq(json_string_value(json_object_get(json, "type")), "/docs/problems/stale");
    ck_assert_int_eq(json_integer_value(json_object_get(json, "status")), 412);
    ck_assert_str_eq(json_string_value(json_object_get(json, "detail")),
                     "bytes ? that are no UTF-8");
    json_decref(json);
}
END_TEST

static const struct {
    const char *label, *body;
    unsigned status;
    const char *detail;
} bodies[] = {
    {"an object", "{\"a\": 1}", 0, NULL},
    {"nothing", "", 400, "line 1"},
    {"no JSON", "{\n  nonsense", 400, "line 2, column"},
    {"a key twice", "{\"a\": 1, \"a\": 2}", 400, "duplicate"},
    {"a key twice, spelled otherwise", "{\"a\": 1, \"\\u0061\": 2}", 400, "duplicate"},
    {"something behind it", "{} {}", 400, "end of file"},
    {"a list", "[]", 422, "expected an object"},
    {"too large a number", "{\"a\": 9223372036854775808}", 400, "too big"},
    {"32 levels", "{\"a\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 0,
     NULL},
    {"33 levels", "{\"a\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 413,
     "32 levels"},
    {"brackets in a text", "{\"a\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"}", 0,
     NULL},
};

START_TEST(bodies_are_parsed_or_refused_with_a_place)
{
    struct request request = {0};
    struct response response = {0};
    struct bytes bytes = {(const uint8_t *)bodies[_i].body, strlen(bodies[_i].body)};
    bool ok = body_parse(&request, bytes, &response);
    const char *detail = json_string_value(json_object_get(response.json, "detail"));

    ck_assert_msg(response.status == bodies[_i].status, "%s: %u %s", bodies[_i].label,
                  response.status, detail ? detail : "");
    ck_assert(ok == (response.status == 0));
    if (bodies[_i].detail)
        ck_assert_msg(strstr(detail, bodies[_i].detail) != NULL, "%s: %s", bodies[_i].label,
                      detail);
    json_decref(request.body);
    response_fini(&response);
}
END_TEST

START_TEST(a_mebibyte_of_small_values_is_refused_before_a_tree_is_made)
{
    static char body[BODY_MAX_BYTES];
    for (size_t i = 0; i + 3 < sizeof body; i += 3)
        memcpy(body + i, "[],", 3);
    body[0] = '[';
    struct request request = {0};
    struct response response = {0};
    ck_assert(!body_parse(&request, (struct bytes){(uint8_t *)body, sizeof body}, &response));
    ck_assert_uint_eq(response.status, 413);
    response_fini(&response);
}
END_TEST

START_TEST(all_mistakes_of_a_body_come_in_one_answer)
{
    static const char body[] = "{\"reason\": 5, \"services\": [\"a\", 7, \"\"], \"for\": \"soon\","
                               " \"until\": \"tomorrow\", \"x/y~\": 1,"
                               " \"override\": {\"guard\": 1, \"why\": \"\"}}";
    static const char *const pointers[] = {
        "/x~1y~0", "/reason",         "/services/1",      "/services/2",   "/for",
        "/until",  "/override/guard", "/override/reason", "/override/why",
    };
    struct request request = {0};
    struct response response = {0};
    uint32_t count = 0;
    ck_assert(
        body_parse(&request, (struct bytes){(const uint8_t *)body, sizeof body - 1}, &response));
    body_check_members(request.body, "", "reason services for until override", &response);
    ck_assert_ptr_null(body_text_required(&request, "reason", &response).ptr);
    ck_assert_ptr_nonnull(body_texts(&request, "services", &count, &response));
    uint32_t untouched = 7;
    ck_assert(!body_duration_s(&request, "for", 1, &untouched, &response));
    ck_assert_uint_eq(untouched, 7);
    ck_assert_int_eq(body_time_ms(&request, "until", &response), 0);
    body_override(&request, &response);

    ck_assert_uint_eq(response.status, 422);
    json_t *errors = json_object_get(response.json, "errors");
    ck_assert_uint_eq(json_array_size(errors), COUNT_OF(pointers));
    for (size_t p = 0; p < COUNT_OF(pointers); p++) {
        bool is_there = false;
        for (size_t i = 0; i < json_array_size(errors); i++)
            is_there |=
                strcmp(json_string_value(json_object_get(json_array_get(errors, i), "pointer")),
                       pointers[p]) == 0;
        ck_assert_msg(is_there, "%s is not told", pointers[p]);
    }
    json_decref(request.body);
    response_fini(&response);
    arena_fini(&request.arena);
}
END_TEST

static const struct {
    const char *body;
    uint32_t seconds;
    unsigned status;
} durations[] = {
    {"{\"for\": 300}", 300, 0},
    {"{\"for\": \"5m\"}", 300, 0},
    {"{\"for\": \"1h30m\"}", 5400, 0},
    {"{\"for\": null}", 0, 0},
    {"{}", 0, 0},
    {"{\"for\": 0}", 0, 422},
    {"{\"for\": -5}", 0, 422},
    {"{\"for\": 1.0}", 0, 422},
    {"{\"for\": 1e3}", 0, 422},
    {"{\"for\": \"5\"}", 0, 422},
    {"{\"for\": true}", 0, 422},
    {"{\"for\": 99999999999}", 0, 422},
};

START_TEST(durations_are_seconds_or_texts)
{
    struct request request = {0};
    struct response response = {0};
    struct bytes bytes = {(const uint8_t *)durations[_i].body, strlen(durations[_i].body)};
    ck_assert(body_parse(&request, bytes, &response));
    uint32_t seconds = 0;
    body_duration_s(&request, "for", 1, &seconds, &response);
    ck_assert_msg(seconds == durations[_i].seconds && response.status == durations[_i].status,
                  "%s: %u, %u", durations[_i].body, seconds, response.status);
    json_decref(request.body);
    response_fini(&response);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("problem");
    TCase *tcase = tcase_create("problem");
    tcase_add_loop_test(tcase, the_promised_problems_have_their_status, 0, (int)COUNT_OF(promised));
    tcase_add_loop_test(tcase, every_problem_has_a_name_of_its_own_and_a_page, 0,
                        (int)problem_kind_count);
    tcase_add_loop_test(tcase, every_kind_of_error_is_a_problem, ERROR_NONE,
                        ERROR_UNKNOWN_OUTCOME + 1);
    tcase_add_test(tcase, a_problem_says_type_title_status_and_detail);
    tcase_add_loop_test(tcase, bodies_are_parsed_or_refused_with_a_place, 0, (int)COUNT_OF(bodies));
    tcase_add_test(tcase, a_mebibyte_of_small_values_is_refused_before_a_tree_is_made);
    tcase_add_test(tcase, all_mistakes_of_a_body_come_in_one_answer);
    tcase_add_loop_test(tcase, durations_are_seconds_or_texts, 0, (int)COUNT_OF(durations));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

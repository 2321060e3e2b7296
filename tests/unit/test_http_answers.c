/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the API server answers: codes, headers, who asks, keys, bodies. */
#include "http_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* -- answers -------------------------------------------------------------------------------------
 */

static const struct {
    const char *label, *method, *path, *more, *body;
    int status;
    const char *has, *has_too;
} answers[] = {
    {"version", "GET", "/api/v1/version", NULL, NULL, 200, "\"api\":1", "application/json"},
    {"live", "GET", "/livez", NULL, NULL, 200, "{\"live\":true}", "nosniff"},
    {"ready", "GET", "/readyz", NULL, NULL, 200, "{\"ready\":true,\"reasons\":[]}", NULL},
    {"healthy", "GET", "/healthz", NULL, NULL, 200, "\"ready\":true", "Cache-Control: no-store"},
    {"status", "GET", "/api/v1/status", NULL, NULL, 200, "\"served_revision\":7", NULL},
    {"plan", "GET", "/api/v1/plan", NULL, NULL, 200, "\"revision\":7", "ETag: \"r7\""},
    {"plan, known", "GET", "/api/v1/plan", "If-None-Match: \"r7\"\r\n", NULL, 304, "\r\n\r\n",
     NULL},
    {"records", "GET", "/api/v1/records?type=AAAA", NULL, NULL, 200, "2001:db8::11", "r7"},
    {"a page of records", "GET", "/api/v1/records?limit=2", NULL, NULL, 200,
     "Link: </api/v1/records?limit=2&after=SOA%2Fexample.net.%2Fexample.net.>; rel=\"next\"",
     "\"next\":\"SOA/example.net./example.net.\""},
    {"records of an unknown service", "GET", "/api/v1/records?service=gopher", NULL, NULL, 400,
     "unknown-parameter", NULL},
    {"a bad limit", "GET", "/api/v1/records?limit=0", NULL, NULL, 400, "1 to 1000", NULL},
    {"nodes", "GET", "/api/v1/nodes", NULL, NULL, 200, "\"id\":\"xmpp3\"", "\"next\":null"},
    {"a page of nodes", "GET", "/api/v1/nodes?limit=1&after=xmpp1", NULL, NULL, 200,
     "\"next\":\"xmpp2\"", NULL},
    {"a node", "GET", "/api/v1/nodes/xmpp1", NULL, NULL, 200, "ETag: \"n", "\"in_set\":true"},
    {"no such node", "GET", "/api/v1/nodes/xmpp9", NULL, NULL, 404, "unknown-node", NULL},
    {"drains", "GET", "/api/v1/drains", NULL, NULL, 200, "dr_1", "\"next\":null"},
    {"a drain", "GET", "/api/v1/drains/dr_1", NULL, NULL, 200, "ETag: \"2\"", "withdrawn"},
    {"an active drain is never 304", "GET", "/api/v1/drains/dr_1", "If-None-Match: \"2\"\r\n", NULL,
     200, "dr_1", NULL},
    {"a closed drain is", "GET", "/api/v1/drains/dr_0", "If-None-Match: \"2\"\r\n", NULL, 304,
     "ETag", NULL},
    {"no such drain", "GET", "/api/v1/drains/dr_9", NULL, NULL, 404, "not-found", NULL},
    {"revisions", "GET", "/api/v1/revisions", NULL, NULL, 200, "\"revision\":7", NULL},
    {"a page about a problem", "GET", "/docs/problems/guard", NULL, NULL, 200, "text/plain",
     "overridable"},
    {"no page", "GET", "/docs/problems/nonsense", NULL, NULL, 404, "not-found", NULL},
    {"nowhere", "GET", "/nowhere", NULL, NULL, 404, "/docs/problems/not-found",
     "application/problem+json"},
    {"a wrong method", "POST", "/api/v1/status", NULL, NULL, 405, "Allow: GET, HEAD", NULL},
    {"a mistyped parameter", "POST", "/api/v1/drains?dryrun=true", NULL, DRAIN_BODY, 400, "dryrun",
     NULL},
    {"a request id of ours", "GET", "/livez", "X-Request-Id: a.b-C_9\r\n", NULL, 200,
     "X-Request-Id: a.b-C_9\r\n", NULL},
    {"a request id that is not echoed", "GET", "/livez", "X-Request-Id: <b>\r\n", NULL, 200,
     "X-Request-Id: ", NULL},
    {"two tokens", "GET", "/api/v1/status", "X-API-Key: x\r\n", NULL, 400, "both", NULL},
    {"a drain", "POST", "/api/v1/drains", NULL, DRAIN_BODY, 201,
     "Location: /api/v1/drains/dr_1\r\n", "ETag: \"2\""},
    {"no JSON", "POST", "/api/v1/drains", NULL, "{nonsense", 400, "\"line\":1", "malformed"},
    {"an unknown member", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"nod\": 1}", 422, "\"pointer\":\"/nod\"",
     "unknown-member"},
    {"no reason, no node", "POST", "/api/v1/drains", NULL, "{}", 422, "\"pointer\":\"/reason\"",
     "\"pointer\":\"/node\""},
    {"no such mode", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"mode\": \"gently\", \"ramp\": \"soon\"}", 422,
     "\"pointer\":\"/mode\",\"detail\":\"expected", "\"pointer\":\"/ramp\""},
    {"no such steps", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"steps\": 0, \"lead\": \"long\"}", 422,
     "\"pointer\":\"/steps\"", "\"pointer\":\"/lead\""},
    {"a part of nothing", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"mode\": \"remove\", \"to\": \"50%\"}", 422,
     "\"pointer\":\"/to\"", "only the mode"},
    {"a part over the whole", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"xmpp2\", \"reason\": \"k\", \"mode\": \"weight\", \"to\": 1.5}", 422,
     "\"pointer\":\"/to\"", "0 to 1"},
    {"node and nodes", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"a\", \"nodes\": [\"b\"], \"reason\": \"k\"}", 422, "not both", NULL},
    {"several", "POST", "/api/v1/drains", NULL, "{\"nodes\": [\"xmpp2\"], \"reason\": \"k\"}", 201,
     "{\"items\":[{\"id\":\"dr_1\"", NULL},
    {"a time that is over", "POST", "/api/v1/drains", NULL,
     "{\"node\": \"a\", \"reason\": \"k\", \"until\": \"2001-01-01T00:00:00Z\"}", 422, "/until",
     "over already"},
    {"an undrain without If-Match", "DELETE", "/api/v1/drains/dr_1", NULL, NULL, 428,
     "precondition-required", NULL},
    {"an undrain", "DELETE", "/api/v1/drains/dr_1", "If-Match: \"2\"\r\n", NULL, 200, "dr_1", NULL},
    {"an undrain as it is now", "DELETE", "/api/v1/drains/dr_1", "If-Match: *\r\n", NULL, 200,
     "dr_1", NULL},
    {"an undrain with a tag of a node", "DELETE", "/api/v1/drains/dr_1", "If-Match: \"n2\"\r\n",
     NULL, 412, "ETag: \"2\"", "\"etag\":\"\\\"2\\\"\""},
    {"an undrain of nothing", "DELETE", "/api/v1/drains/dr_9", "If-Match: *\r\n", NULL, 404,
     "not-found", NULL},
    {"a weight without If-Match", "PUT", "/api/v1/nodes/xmpp1/weight", NULL,
     "{\"weight\": 30, \"reason\": \"k\"}", 428, "If-Match", NULL},
    {"a weight", "PUT", "/api/v1/nodes/xmpp1/weight", "If-Match: *\r\n",
     "{\"weight\": \"50%\", \"reason\": \"k\", \"expires_in\": \"2h\"}", 200, "\"id\":\"xmpp1\"",
     "ETag: \"n"},
    {"a weight that is none", "PUT", "/api/v1/nodes/xmpp1/weight", "If-Match: *\r\n",
     "{\"weight\": \"1001%\", \"reason\": \"k\"}", 422, "\"pointer\":\"/weight\"", NULL},
    {"a weight that is a real", "PUT", "/api/v1/nodes/xmpp1/weight", "If-Match: *\r\n",
     "{\"weight\": 1.0, \"reason\": \"k\"}", 422, "\"pointer\":\"/weight\"", NULL},
    {"a weight taken back", "DELETE", "/api/v1/nodes/xmpp1/weight?service=xmpp-client",
     "If-Match: *\r\n", NULL, 200, "\"id\":\"xmpp1\"", NULL},
    {"a weight of nobody", "DELETE", "/api/v1/nodes/xmpp9/weight", "If-Match: *\r\n", NULL, 404,
     "unknown-node", NULL},
};

START_TEST(requests_get_the_promised_answer)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    int status =
        ask(answers[_i].method, answers[_i].path, answers[_i].more, answers[_i].body, reply);

    ck_assert_msg(status == answers[_i].status, "%s: %d\n%s", answers[_i].label, status, reply);
    ck_assert_msg(has(reply, answers[_i].has), "%s: no %s in\n%s", answers[_i].label,
                  answers[_i].has, reply);
    if (answers[_i].has_too)
        ck_assert_msg(has(reply, answers[_i].has_too), "%s: no %s in\n%s", answers[_i].label,
                      answers[_i].has_too, reply);
    ck_assert_msg(has(reply, "X-Request-Id: ") && !has(reply, "<b>") && !has(reply, "\r\nServer:"),
                  "%s\n%s", answers[_i].label, reply);
}
END_TEST

static const struct {
    const char *label;
    enum world_outcome outcome;
    enum error_kind kind;
    const char *problem;
    const char *query;
    int status;
    const char *has;
} outcomes[] = {
    {"served", WORLD_SERVED, ERROR_NONE, NULL, "", 201, "Location: "},
    {"stored only", WORLD_STORED, ERROR_NONE, NULL, "", 202, "Location: "},
    {"dry run", WORLD_DRY_RUN, ERROR_NONE, NULL, "?dry_run=true", 200, "\"plan\":{\"changes\":["},
    {"guard", WORLD_FAILED, ERROR_GUARD, "guard", "", 409, "/docs/problems/guard"},
    {"stale", WORLD_FAILED, ERROR_CONFLICT, "stale", "", 412, "ETag: \"42\""},
    {"unknown node", WORLD_FAILED, ERROR_NOT_FOUND, "unknown-node", "", 404, "unknown-node"},
    {"drained", WORLD_FAILED, ERROR_CONFLICT, "already-drained", "", 409, "already-drained"},
    {"invalid", WORLD_FAILED, ERROR_INVALID, "invalid", "", 422, "the world says no"},
    {"broken", WORLD_FAILED, ERROR_SYSTEM, "unavailable", "", 503, "Retry-After: 2"},
    {"disk full", WORLD_FAILED, ERROR_NO_SPACE, "unavailable", "", 503, "/docs/problems/no-space"},
    {"a problem of no known name", WORLD_FAILED, ERROR_CONFLICT, "surprise", "", 409,
     "/docs/problems/conflict"},
};

START_TEST(outcomes_of_the_world_have_their_code)
{
    static char reply[REPLY_SIZE];
    char path[100];
    start((struct http_limits){0});
    fake.outcome = outcomes[_i].outcome;
    fake.error_kind = outcomes[_i].kind;
    fake.problem = outcomes[_i].problem;
    snprintf(path, sizeof path, "/api/v1/drains%s", outcomes[_i].query);
    fake.refused[0] = '\0';
    int status = ask("POST", path, NULL, DRAIN_BODY, reply);

    bool is_refusal = status == 409 || status == 412;
    ck_assert_msg(!is_refusal == !fake.refused[0], "%s: %s", outcomes[_i].label, fake.refused);
    ck_assert_msg(status == outcomes[_i].status, "%s: %d\n%s", outcomes[_i].label, status, reply);
    ck_assert_msg(has(reply, outcomes[_i].has), "%s: no %s in\n%s", outcomes[_i].label,
                  outcomes[_i].has, reply);
    ck_assert_int_eq(fake.last.is_dry_run, *outcomes[_i].query != '\0');
    ck_assert_str_eq(fake.last_actor, "admin-token");
}
END_TEST

static const struct {
    const char *label;
    const char *head;
    const char *token; /* NULL: ours; "": none */
    const char *refused;
} refusals[] = {
    {"a wrong token", "DELETE /api/v1/drains/dr_1 HTTP/1.1\r\n" HOST, "svp_wrong",
     " DELETE /api/v1/drains/{id}: dr_1 unauthenticated"},
    {"no token", "POST /api/v1/drains HTTP/1.1\r\n" HOST "Content-Length: 0\r\n", "",
     " POST /api/v1/drains: /api/v1/drains unauthenticated"},
    {"a read is no change", "GET /api/v1/drains HTTP/1.1\r\n" HOST, "", ""},
    {"a stale tag, seen before the world is asked",
     "DELETE /api/v1/drains/dr_1 HTTP/1.1\r\n" HOST "If-Match: \"x\"\r\n", NULL,
     "admin-token DELETE /api/v1/drains/{id}: dr_1 stale"},
    {"a dry run changes nothing",
     "DELETE /api/v1/drains/dr_1?dry_run=true HTTP/1.1\r\n" HOST "If-Match: \"x\"\r\n", NULL, ""},
    {"a mistake is no refusal", "DELETE /api/v1/drains/dr_1 HTTP/1.1\r\n" HOST, NULL, ""},
};

START_TEST(refused_changes_go_to_the_audit)
{
    static char reply[REPLY_SIZE];
    char request[1000];
    const char *sent = refusals[_i].token ? refusals[_i].token : token;
    start((struct http_limits){0});
    fake.refused[0] = '\0';
    int len = snprintf(request, sizeof request, "%s%s%s%s\r\n", refusals[_i].head,
                       *sent ? "Authorization: Bearer " : "", sent, *sent ? "\r\n" : "");
    ask_bytes(request, (size_t)len, reply);
    ck_assert_msg(strcmp(fake.refused, refusals[_i].refused) == 0, "%s: '%s'\n%s",
                  refusals[_i].label, fake.refused, reply);
}
END_TEST

static const struct {
    const char *label, *method, *key;
    enum world_outcome outcome;
    int status;
    const char *kept;
} keys[] = {
    {"bare", "POST", "Idempotency-Key: 7f-1\r\n", WORLD_SERVED, 201, "admin-token 7f-1 201"},
    {"quoted", "POST", "Idempotency-Key: \"7f-1\"\r\n", WORLD_STORED, 202, "admin-token 7f-1 202"},
    {"none", "POST", "", WORLD_SERVED, 201, ""},
    {"a refusal is judged anew", "POST", "Idempotency-Key: 7f-1\r\n", WORLD_FAILED, 409, ""},
    {"a dry run", "POST", "Idempotency-Key: 7f-1\r\n", WORLD_DRY_RUN, 200, ""},
    {"empty", "POST", "Idempotency-Key: \r\n", WORLD_SERVED, 400, ""},
    {"a space in it", "POST", "Idempotency-Key: a b\r\n", WORLD_SERVED, 400, ""},
    {"a quote in it", "POST", "Idempotency-Key: a\"b\r\n", WORLD_SERVED, 400, ""},
    {"129 bytes", "POST",
     "Idempotency-Key: 123456789012345678901234567890123456789012345678901234567890123456789012345"
     "678901234567890123456789012345678901234567890123456789\r\n",
     WORLD_SERVED, 400, ""},
};

START_TEST(answers_to_keyed_requests_are_kept)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    fake.kept[0] = '\0';
    fake.outcome = keys[_i].outcome;
    fake.problem = "conflict";
    fake.error_kind = ERROR_CONFLICT;
    int status = ask(keys[_i].method, "/api/v1/drains", keys[_i].key, DRAIN_BODY, reply);
    ck_assert_msg(status == keys[_i].status && strcmp(fake.kept, keys[_i].kept) == 0,
                  "%s: %d '%s'\n%s", keys[_i].label, status, fake.kept, reply);
}
END_TEST

START_TEST(a_job_carries_what_the_request_said)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    ask("POST", "/api/v1/drains", NULL,
        "{\"nodes\": [\"a\", \"b\"], \"services\": [\"xmpp-client\"], \"reason\": \"k\","
        " \"for\": \"2h\", \"override\": {\"guard\": true, \"reason\": \"must\"}}",
        reply);
    ck_assert_int_eq(fake.last.kind, WORLD_DRAIN_ADD);
    ck_assert_uint_eq(fake.last.node_count, 2);
    ck_assert_uint_eq(fake.last.service_count, 1);
    ck_assert(fake.last.is_override);
    ck_assert_uint_eq(fake.last.override_reason.len, 4);
    ck_assert_uint_eq(fake.last.for_s, 7200);

    ask("PUT", "/api/v1/nodes/xmpp1/weight", "If-Match: \"n5\"\r\n",
        "{\"weight\": \"-10\", \"reason\": \"k\"}", reply);
    ck_assert_int_eq(fake.last.kind, WORLD_WEIGHT_PUT);
    ck_assert(fake.last.has_if_match && fake.last.if_match == 5);
    ck_assert_int_eq(fake.last.weight_form, WEIGHT_ADD);
    ck_assert_int_eq(fake.last.weight_value, -10);

    ask("DELETE", "/api/v1/drains/dr_1", "If-Match: *\r\n", NULL, reply);
    ck_assert_int_eq(fake.last.kind, WORLD_DRAIN_END);
    ck_assert(!fake.last.has_if_match);

    ask("GET", "/api/v1/revisions?limit=5&after=9", NULL, NULL, reply);
    ck_assert_int_eq(fake.last.kind, WORLD_REVISIONS);
    ck_assert_uint_eq(fake.last.before, 9);
}
END_TEST

START_TEST(a_drain_that_was_just_served_is_told_as_served)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    fake.serves_later = true;
    ck_assert_int_eq(ask("POST", "/api/v1/drains", NULL, DRAIN_BODY, reply), 201);
    const char *step = strstr(reply, "{\"state\":\"withdrawn\",\"at\":");
    ck_assert_msg(step != NULL, "%s", reply);
    ck_assert_msg(strcspn(step, "}") < strlen("{\"state\":\"withdrawn\",\"at\":\"\"") + 25,
                  "it is still expected: %.100s", step);
}
END_TEST

START_TEST(head_is_get_without_the_body)
{
    static char reply[REPLY_SIZE];
    start((struct http_limits){0});
    ck_assert_int_eq(ask("HEAD", "/api/v1/status", NULL, NULL, reply), 200);
    ck_assert(has(reply, "Content-Length: ") && !has(reply, "Content-Length: 0"));
    ck_assert_str_eq(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
}
END_TEST

/* -- who asks ------------------------------------------------------------------------------------
 */

START_TEST(without_a_right_token_tcp_gets_401)
{
    static char reply[REPLY_SIZE];
    static const char *const wrong[] = {"", "Authorization: Bearer svp_wrong\r\n",
                                        "Authorization: Basic eDp5\r\n", "X-API-Key: nonsense\r\n",
                                        "Authorization: Bearer\r\n"};
    char request[512];
    start((struct http_limits){0});
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        int len = snprintf(request, sizeof request, "GET /api/v1/status HTTP/1.1\r\n" HOST "%s\r\n",
                           wrong[i]);
        int status = ask_bytes(request, (size_t)len, reply);
        ck_assert_msg(status == 401, "%s: %d", wrong[i], status);
        ck_assert(has(reply, "WWW-Authenticate: Bearer"));
    }
    int len = snprintf(request, sizeof request,
                       "GET /api/v1/status HTTP/1.1\r\n" HOST "X-API-Key: %s\r\n\r\n", token);
    ck_assert_int_eq(ask_bytes(request, (size_t)len, reply), 200);
    ck_assert_int_eq(ask_bytes(BYTES("GET /api/v1/version HTTP/1.1\r\n" HOST "\r\n"), reply), 200);
}
END_TEST

START_TEST(guessing_tokens_ends_in_429)
{
    static char reply[REPLY_SIZE];
    int status = 0;
    start((struct http_limits){0});
    for (int i = 0; i <= AUTH_FAILURES; i++)
        status = ask_bytes(
            BYTES("GET /api/v1/status HTTP/1.1\r\n" HOST "X-API-Key: svp_wrong\r\n\r\n"), reply);
    ck_assert_int_eq(status, 429);
    ck_assert(has(reply, "Retry-After: "));
}
END_TEST

START_TEST(on_the_unix_socket_the_kernel_says_who_asks)
{
    static char reply[REPLY_SIZE];
    static const char request[] = POST "Content-Type: application/json\r\nContent-Length: 37\r\n"
                                       "\r\n" DRAIN_BODY;
    struct stat status;
    start((struct http_limits){0});
    ck_assert_int_eq(stat(socket_path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    int fd = connect_unix();
    put(fd, request, sizeof request - 1);
    ck_assert_int_gt(get_all(fd, reply), 0);
    ck_assert_msg(status_of(reply) == 201, "%s", reply);
    ck_assert_str_ne(fake.last_actor, "admin-token");
}
END_TEST

/* -- large bodies --------------------------------------------------------------------------------
 */

static const struct {
    const char *label;
    size_t announced, sent;
    const char *more;
    int status;
} bodies[] = {
    {"1 MiB that is not JSON", 1048576, 1048576, "Content-Type: application/json\r\n", 400},
    {"a byte more is swallowed", 1048577, 1048577, "Content-Type: application/json\r\n", 413},
    {"a lot more is cut off", 1 << 30, 65536, "Content-Type: application/json\r\n", 413},
    {"who asks first is told at once", 1048577, 0,
     "Content-Type: application/json\r\nExpect: 100-continue\r\n", 413},
    {"another type", 1000, 1000, "Content-Type: text/plain\r\n", 415},
    {"no type", 1000, 1000, "", 415},
    {"a type with a charset", 3, 3, "Content-Type: Application/JSON ; charset=utf-8\r\n", 400},
};

START_TEST(bodies_are_bounded_and_of_the_right_type)
{
    static char reply[REPLY_SIZE], body[1048577];
    char head[512];
    memset(body, 'x', sizeof body);
    start((struct http_limits){0});
    int len = snprintf(head, sizeof head,
                       POST "Authorization: Bearer %s\r\n%sContent-Length: %zu\r\n\r\n", token,
                       bodies[_i].more, bodies[_i].announced);
    int fd = connect_tcp();
    put(fd, head, (size_t)len);
    put(fd, body, bodies[_i].sent);
    ck_assert_int_ge(get_all(fd, reply), 0);
    ck_assert_msg(status_of(reply) == bodies[_i].status, "%s: %s", bodies[_i].label, reply);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_answers");
    TCase *tcase = tcase_create("http_answers");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, requests_get_the_promised_answer, 0, (int)COUNT_OF(answers));
    tcase_add_loop_test(tcase, outcomes_of_the_world_have_their_code, 0, (int)COUNT_OF(outcomes));
    tcase_add_loop_test(tcase, answers_to_keyed_requests_are_kept, 0, (int)COUNT_OF(keys));
    tcase_add_loop_test(tcase, refused_changes_go_to_the_audit, 0, (int)COUNT_OF(refusals));
    tcase_add_test(tcase, a_job_carries_what_the_request_said);
    tcase_add_test(tcase, a_drain_that_was_just_served_is_told_as_served);
    tcase_add_test(tcase, head_is_get_without_the_body);
    tcase_add_test(tcase, without_a_right_token_tcp_gets_401);
    tcase_add_test(tcase, guessing_tokens_ends_in_429);
    tcase_add_test(tcase, on_the_unix_socket_the_kernel_says_who_asks);
    tcase_add_loop_test(tcase, bodies_are_bounded_and_of_the_right_type, 0, (int)COUNT_OF(bodies));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The embedded OpenAPI document against the tables of the program: routes and problems, both ways.
 */
#include "api/openapi/openapi.h"
#include "api/http/problem.h"
#include "api/http/router.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const methods[] = {"get", "put", "post", "delete", "patch"};

static json_t *document;

static void open_document(void)
{
    json_error_t error;
    document = json_loadb((const char *)openapi_document, openapi_document_bytes,
                          JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(document != NULL, "line %d: %s", error.line, error.text);
    ck_assert_uint_eq(strlen((const char *)openapi_document), openapi_document_bytes);
}

static void close_document(void)
{
    json_decref(document);
}

/* What stands at an object, or at the place that its $ref names. */
static json_t *resolve(json_t *object)
{
    const char *ref = json_string_value(json_object_get(object, "$ref"));
    if (!ref)
        return object;
    ck_assert_msg(strncmp(ref, "#/", 2) == 0, "%s", ref);
    json_t *at = document;
    char path[200], *rest = path;
    snprintf(path, sizeof path, "%s", ref + 2);
    for (char *part = strtok_r(path, "/", &rest); part; part = strtok_r(NULL, "/", &rest))
        at = json_object_get(at, part);
    ck_assert_msg(at != NULL, "%s leads nowhere", ref);
    return resolve(at);
}

static const char *method_key(enum gate_method method)
{
    switch (method) {
    case GATE_GET:
        return "get";
    case GATE_PUT:
        return "put";
    case GATE_POST:
        return "post";
    case GATE_DELETE:
        return "delete";
    case GATE_PATCH:
        return "patch";
    default:
        return "";
    }
}

static json_t *operation_of(const struct route *route)
{
    json_t *item = json_object_get(json_object_get(document, "paths"), route->path);
    json_t *operation = json_object_get(item, method_key(route->method));
    ck_assert_msg(operation != NULL, "the document lacks %s %s", gate_method_print(route->method),
                  route->path);
    return operation;
}

/* How many parameters of that place ("query") the operation has, and whether `name` is one. */
static size_t parameters_in(json_t *operation, const char *place, const char *name, bool *is_there)
{
    size_t i, count = 0;
    json_t *parameter;
    *is_there = false;
    json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
    {
        json_t *resolved = resolve(parameter);
        if (strcmp(json_string_value(json_object_get(resolved, "in")), place) != 0)
            continue;
        count++;
        if (strcmp(json_string_value(json_object_get(resolved, "name")), name) == 0)
            *is_there = true;
    }
    return count;
}

static void check_query(const struct route *route, json_t *operation)
{
    char keys[400], *rest = keys;
    size_t count = 0;
    bool is_there = false;
    snprintf(keys, sizeof keys, "%s", route->parameters ? route->parameters : "");
    for (char *key = strtok_r(keys, " ", &rest); key; key = strtok_r(NULL, " ", &rest)) {
        count++;
        parameters_in(operation, "query", key, &is_there);
        ck_assert_msg(is_there, "%s: the document lacks the parameter %s", route->path, key);
    }
    ck_assert_msg(parameters_in(operation, "query", "", &is_there) == count,
                  "%s: the document has parameters beyond \"%s\"", route->path, route->parameters);
}

static void check_variables(const struct route *route, json_t *operation)
{
    size_t count = 0;
    bool is_there = false;
    for (const char *at = strchr(route->path, '{'); at; at = strchr(at + 1, '{')) {
        char name[60];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "}"), at + 1);
        count++;
        parameters_in(operation, "path", name, &is_there);
        ck_assert_msg(is_there, "%s: the document lacks {%s}", route->path, name);
    }
    ck_assert_uint_eq(parameters_in(operation, "path", "", &is_there), count);
}

START_TEST(every_route_is_in_the_document_as_it_is)
{
    const struct route *route = &routes[_i];
    json_t *operation = operation_of(route);
    const char *role = json_string_value(json_object_get(operation, "x-role"));
    bool has_body = json_object_get(operation, "requestBody") != NULL;

    ck_assert_msg(role && strcmp(role, role_print(route->role)) == 0, "%s: role %s", route->path,
                  role);
    ck_assert_msg(has_body == (route->takes_body || route->takes_document), "%s: body",
                  route->path);
    check_query(route, operation);
    check_variables(route, operation);
}
END_TEST

static bool is_routed(const char *path, const char *method)
{
    for (size_t i = 0; i < route_count; i++) {
        if (strcmp(routes[i].path, path) == 0 && strcmp(method_key(routes[i].method), method) == 0)
            return true;
    }
    return false;
}

START_TEST(every_operation_of_the_document_is_routed)
{
    const char *path, *key;
    json_t *item, *operation;
    size_t count = 0;
    json_object_foreach(json_object_get(document, "paths"), path, item)
    {
        json_object_foreach(item, key, operation)
        {
            bool is_method = false;
            for (size_t i = 0; i < COUNT_OF(methods); i++)
                is_method = is_method || strcmp(methods[i], key) == 0;
            ck_assert_msg(is_method, "%s has %s", path, key);
            ck_assert_msg(is_routed(path, key), "the router lacks %s %s", key, path);
            count++;
        }
    }
    ck_assert_uint_eq(count, route_count);
}
END_TEST

/* Calls `visit` with each problem that an operation lists under a status. */
static void visit_problems(void (*visit)(const char *status, const char *type, void *context),
                           void *context)
{
    const char *path, *method, *status;
    json_t *item, *operation, *response, *type;
    size_t i;
    json_object_foreach(json_object_get(document, "paths"), path, item)
        json_object_foreach(item, method, operation)
            json_object_foreach(json_object_get(operation, "responses"), status, response)
    {
        json_t *content = json_object_get(resolve(response), "content");
        json_t *schema =
            json_object_get(json_object_get(content, "application/problem+json"), "schema");
        json_t *types =
            json_object_get(json_object_get(json_object_get(schema, "properties"), "type"), "enum");
        ck_assert_msg(!schema || json_array_size(types), "%s %s %s lists no types of problem",
                      method, path, status);
        json_array_foreach(types, i, type) visit(status, json_string_value(type), context);
    }
}

static void check_problem(const char *status, const char *type, void *context)
{
    (void)context;
    size_t prefix = strlen(PROBLEM_TYPE_PREFIX);
    ck_assert_msg(strncmp(type, PROBLEM_TYPE_PREFIX, prefix) == 0, "%s", type);
    const struct problem_kind *kind = problem_find(text_from(type + prefix));
    ck_assert_msg(kind != NULL, "there is no problem %s", type);
    ck_assert_msg(kind->status == (unsigned)atoi(status), "%s is no %s", type, status);
}

START_TEST(every_problem_of_the_document_is_one_of_ours_with_its_status)
{
    visit_problems(check_problem, NULL);
}
END_TEST

struct search {
    const char *name;
    bool is_found;
};

static void find_problem(const char *status, const char *type, void *context)
{
    (void)status;
    struct search *search = context;
    if (strcmp(type + strlen(PROBLEM_TYPE_PREFIX), search->name) == 0)
        search->is_found = true;
}

START_TEST(every_problem_of_ours_is_in_the_document)
{
    struct search search = {.name = problem_kinds[_i].name};
    visit_problems(find_problem, &search);
    /* What is no operation has no list of answers. */
    search.is_found = search.is_found || strcmp(search.name, "method-not-allowed") == 0;
    ck_assert_msg(search.is_found, "no operation lists the problem %s", search.name);
}
END_TEST

START_TEST(operations_have_names_of_their_own)
{
    const char *path, *method;
    json_t *item, *operation, *seen = json_object();
    json_object_foreach(json_object_get(document, "paths"), path, item)
        json_object_foreach(item, method, operation)
    {
        const char *id = json_string_value(json_object_get(operation, "operationId"));
        ck_assert_msg(id && !json_object_get(seen, id), "%s %s: %s", method, path, id);
        json_object_set_new(seen, id, json_true());
    }
    json_decref(seen);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("openapi");
    TCase *tcase = tcase_create("openapi");
    tcase_add_checked_fixture(tcase, open_document, close_document);
    tcase_add_loop_test(tcase, every_route_is_in_the_document_as_it_is, 0, (int)route_count);
    tcase_add_test(tcase, every_operation_of_the_document_is_routed);
    tcase_add_test(tcase, every_problem_of_the_document_is_one_of_ours_with_its_status);
    tcase_add_loop_test(tcase, every_problem_of_ours_is_in_the_document, 0,
                        (int)problem_kind_count);
    tcase_add_test(tcase, operations_have_names_of_their_own);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

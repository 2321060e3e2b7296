/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/audience.h"
#include "zones/base/file.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static void teardown(void)
{
    arena_fini(&arena);
    arena = (struct arena){0};
}

START_TEST(every_program_has_a_model_and_an_id_of_its_own)
{
    for (size_t i = 0; i < client_profile_count; i++) {
        const struct client_profile *profile = &client_profiles[i];
        bool is_all_at_once = profile->model == NULL;
        ck_assert_msg(is_all_at_once || client_model_find(text_from(profile->model)), "%s",
                      profile->id);
        ck_assert_msg(profile->name[0] && profile->source[0], "%s", profile->id);
        const struct client_profile *before = i ? &client_profiles[i - 1] : NULL;
        ck_assert_msg(!before || before->is_server < profile->is_server ||
                          strcmp(before->id, profile->id) < 0,
                      "%s is out of order", profile->id);
    }
}
END_TEST

static const struct {
    const char *name;
    bool is_known;
    const char *nearest;
} names[] = {
    {"dino", true, NULL},
    {"plackett-luce", true, NULL},
    {"openfire", true, NULL},
    {"haproxy", true, NULL},
    {"xmpp-js", true, NULL},
    {"prosody-0.12", true, NULL},
    {"converstions", false, "conversations"},
    {"Dino", false, "dino"},
    {"pidgin", false, ""},
};

START_TEST(names_are_known_or_have_a_neighbour)
{
    struct text name = text_from(names[_i].name);
    ck_assert_msg(audience_name_is_known(name) == names[_i].is_known, "%s", names[_i].name);
    if (!names[_i].is_known) {
        struct text nearest = audience_name_nearest(name);
        ck_assert_msg(text_is(nearest, names[_i].nearest), "%s: %.*s", names[_i].name,
                      (int)nearest.len, nearest.ptr);
    }
}
END_TEST

/* The installed schema lists what the loader takes. */
START_TEST(the_schema_has_the_same_names)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof path, "%s/srvplan/schema/inventory-v1.json", getenv("SRVPLAN_SOURCE"));
    json_t *schema = json_load_file(path, 0, &error);
    ck_assert_msg(schema, "%s", error.text);
    json_t *listed;
    ck_assert_int_eq(json_unpack(schema, "{s:{s:{s:{s:o}}}}", "$defs", "audience", "propertyNames",
                                 "enum", &listed),
                     0);
    const char *name;
    size_t count = 0;
    for (; (name = audience_name_at(count)); count++)
        ck_assert_msg(count < json_array_size(listed) &&
                          strcmp(json_string_value(json_array_get(listed, count)), name) == 0,
                      "%s is not at %zu", name, count);
    ck_assert_uint_eq(json_array_size(listed), count);
    json_decref(schema);
}
END_TEST

/* srvplan-clients(7) says of each program what the table does. */
START_TEST(the_manual_has_the_same_programs)
{
    struct error err = {0};
    struct bytes manual = {0};
    const char *path =
        arena_printf(&arena, "%s/srvplan/man/srvplan-clients.7.scd", getenv("SRVPLAN_SOURCE"));
    ck_assert_msg(file_read(path, 1 << 20, &manual, &err), "%s", err.message);
    for (size_t i = 0; i < client_profile_count; i++) {
        const struct client_profile *profile = &client_profiles[i];
        const char *row =
            arena_printf(&arena, "|  %s%s\n:  %s\n:  %s\n", profile->name,
                         profile->is_server ? " (servers)" : "",
                         profile->model ? profile->model : "–", share_merge_print(profile->merge));
        ck_assert_msg(strstr((const char *)manual.ptr, row), "%s", row);
    }
    free((void *)manual.ptr);
}
END_TEST

enum {
    PARTS_MAX = 4,
    PERCENT = RATIO_ONE / 100,
};

static const struct {
    const char *label;
    struct inventory_audience_part declared[PARTS_MAX];
    enum client_role role;
    const char *expected; /* "name part model merge;…" */
} audiences[] = {
    {"nobody is declared: all do what RFC 2782 means",
     {{{0}, 0}},
     CLIENT_OF_USERS,
     "plackett-luce 100 plackett-luce mixed rest;"},
    {"programs of users count for users, the rest is ideal",
     {{{"dino", 4}, 30 * PERCENT}, {{"ejabberd", 8}, 50 * PERCENT}},
     CLIENT_OF_USERS,
     "dino 30 rfc2782-ascending prio-then-T;plackett-luce 70 plackett-luce mixed rest;"},
    {"servers count for servers",
     {{{"dino", 4}, 30 * PERCENT}, {{"ejabberd", 8}, 50 * PERCENT}},
     CLIENT_OF_SERVERS,
     "ejabberd 50 ejabberd mixed;plackett-luce 50 plackett-luce mixed rest;"},
    {"models count for both",
     {{{"heaviest", 8}, 100 * PERCENT}},
     CLIENT_OF_SERVERS,
     "heaviest 100 heaviest mixed;"},
    {"of a name that is both, the program is meant, in its role",
     {{{"openfire", 8}, 10 * PERCENT}, {{"psi", 3}, 100 * PERCENT}},
     CLIENT_OF_USERS,
     "psi 100 psi mixed;"},
    {"other services have models alone",
     {{{"openfire", 8}, 80 * PERCENT}, {{"heaviest", 8}, 20 * PERCENT}},
     CLIENT_OTHER,
     "heaviest 20 heaviest mixed;plackett-luce 80 plackett-luce mixed rest;"},
    {"a part of nothing is left out",
     {{{"dino", 4}, 0}, {{"gajim", 5}, 100 * PERCENT}},
     CLIENT_OF_USERS,
     "gajim 100 rfc2782-ascending D-first;"},
    {"a server that connects to all has no model",
     {{{"tigase", 6}, 100 * PERCENT}},
     CLIENT_OF_SERVERS,
     "tigase 100 all-at-once T-only;"},
};

START_TEST(declared_parts_become_clients_of_a_role)
{
    struct inventory_audience declared = {.parts = audiences[_i].declared};
    while (declared.count < PARTS_MAX && audiences[_i].declared[declared.count].model.len)
        declared.count++;
    struct audience audience = audience_of(&declared, audiences[_i].role, &arena);
    const char *seen = "";
    for (uint32_t i = 0; i < audience.count; i++) {
        const struct audience_part *part = &audience.parts[i];
        seen = arena_printf(&arena, "%s%.*s %u %s %s%s;", seen, (int)part->name.len, part->name.ptr,
                            part->part_ppb / PERCENT, audience_part_model(part),
                            share_merge_print(part->merge), part->is_rest ? " rest" : "");
    }
    ck_assert_msg(strcmp(seen, audiences[_i].expected) == 0, "%s: %s", audiences[_i].label, seen);
}
END_TEST

START_TEST(sums_are_by_role)
{
    const struct inventory_audience_part parts[] = {{text_from("dino"), 60 * PERCENT},
                                                    {text_from("prosody"), 70 * PERCENT},
                                                    {text_from("heaviest"), 20 * PERCENT}};
    const struct inventory_audience declared = {parts, COUNT_OF(parts)};
    ck_assert_uint_eq(audience_declared_ppb(&declared, CLIENT_OF_USERS), 80 * (uint64_t)PERCENT);
    ck_assert_uint_eq(audience_declared_ppb(&declared, CLIENT_OF_SERVERS), 90 * (uint64_t)PERCENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audience");
    TCase *tests = tcase_create("audience");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, every_program_has_a_model_and_an_id_of_its_own);
    tcase_add_loop_test(tests, names_are_known_or_have_a_neighbour, 0, COUNT_OF(names));
    tcase_add_test(tests, the_schema_has_the_same_names);
    tcase_add_test(tests, the_manual_has_the_same_programs);
    tcase_add_loop_test(tests, declared_parts_become_clients_of_a_role, 0, COUNT_OF(audiences));
    tcase_add_test(tests, sums_are_by_role);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "srvplan/command/options.h"
#include "srvplan/command/remote.h"
#include "srvplan/command/weight_value.h"

enum {
    WORDS_MAX = 12
};

static int count_words(const char *const *words)
{
    int count = 0;
    while (count < WORDS_MAX && words[count])
        count++;
    return count;
}

static const struct {
    const char *label;
    const char *words[WORDS_MAX];
    const char *operands; /* joined by a space */
    const char *refused_with;
    enum command_id command;
    enum option_id option; /* must be given, with this value */
    const char *value;
} lines[] = {
    {.label = "global options stand before the command",
     .words = {"srvplan", "-f", "a.jsonc", "plan"},
     .operands = "",
     .command = COMMAND_PLAN,
     .option = OPTION_FILE,
     .value = "a.jsonc"},
    {.label = "and after it",
     .words = {"srvplan", "plan", "--file=a.jsonc"},
     .operands = "",
     .command = COMMAND_PLAN,
     .option = OPTION_FILE,
     .value = "a.jsonc"},
    {.label = "the last of two holds",
     .words = {"srvplan", "-f", "a", "plan", "-f", "b"},
     .operands = "",
     .command = COMMAND_PLAN,
     .option = OPTION_FILE,
     .value = "b"},
    {.label = "options and operands mix",
     .words = {"srvplan", "drain", "a", "-m", "why", "b", "-qy"},
     .operands = "a b",
     .command = COMMAND_DRAIN,
     .option = OPTION_REASON,
     .value = "why"},
    {.label = "a negative weight is an operand",
     .words = {"srvplan", "weight", "n", "-10", "-m", "-3"},
     .operands = "n -10",
     .command = COMMAND_WEIGHT,
     .option = OPTION_REASON,
     .value = "-3"},
    {.label = "only where numbers are wanted",
     .words = {"srvplan", "drain", "-10"},
     .refused_with = "unknown option -1"},
    {.label = "two dashes end options",
     .words = {"srvplan", "drain", "-m", "x", "--", "-y", "--wait"},
     .operands = "-y --wait",
     .command = COMMAND_DRAIN,
     .option = OPTION_REASON,
     .value = "x"},
    {.label = "also before the command",
     .words = {"srvplan", "-v", "--", "status"},
     .operands = "",
     .command = COMMAND_STATUS,
     .option = OPTION_VERBOSE},
    {.label = "help needs no operands",
     .words = {"srvplan", "drain", "--help"},
     .operands = "",
     .command = COMMAND_DRAIN,
     .option = OPTION_HELP},
    {.label = "help needs no command",
     .words = {"srvplan", "-h"},
     .operands = "",
     .command = COMMAND_NONE,
     .option = OPTION_HELP},
    {.label = "no command", .words = {"srvplan"}, .refused_with = "no command"},
    {.label = "a command with swapped letters",
     .words = {"srvplan", "stauts"},
     .refused_with = "did you mean status?"},
    {.label = "the beginning of a command",
     .words = {"srvplan", "und"},
     .refused_with = "did you mean undrain?"},
    {.label = "a command that is like none",
     .words = {"srvplan", "frobnicate"},
     .refused_with = "`srvplan help` lists them"},
    {.label = "an option with a letter missing",
     .words = {"srvplan", "zone", "--fragmnt"},
     .refused_with = "did you mean --fragment?"},
    {.label = "the beginning of an option",
     .words = {"srvplan", "zone", "--frag"},
     .refused_with = "did you mean --fragment?"},
    {.label = "with a value",
     .words = {"srvplan", "zone", "--seri=4"},
     .refused_with = "did you mean --serial?"},
    {.label = "an option of another command",
     .words = {"srvplan", "zone", "--strict"},
     .refused_with = "belongs to check"},
    {.label = "an option of a command, too early",
     .words = {"srvplan", "--strict", "check"},
     .refused_with = "write it after check"},
    {.label = "a value is missing",
     .words = {"srvplan", "plan", "--at"},
     .refused_with = "--at needs a value"},
    {.label = "a flag takes none",
     .words = {"srvplan", "check", "--strict=yes"},
     .refused_with = "--strict takes no value"},
    {.label = "an empty value",
     .words = {"srvplan", "plan", "-f", ""},
     .refused_with = "the value is empty"},
    {.label = "a format that the command cannot write",
     .words = {"srvplan", "status", "-o", "csv"},
     .refused_with = "status cannot write csv; it knows table|json|yaml"},
    {.label = "a command that has one form only",
     .words = {"srvplan", "zone", "-o", "json"},
     .refused_with = "`srvplan plan -o json` has the sets"},
    {.label = "a choice that nobody knows",
     .words = {"srvplan", "plan", "-o", "toml"},
     .refused_with = "expected table|json"},
    {.label = "half a choice",
     .words = {"srvplan", "plan", "-o", "js"},
     .refused_with = "expected table|json"},
    {.label = "a time that is none",
     .words = {"srvplan", "plan", "--at", "noon"},
     .refused_with = "expected a time"},
    {.label = "the greatest serial",
     .words = {"srvplan", "zone", "--serial", "4294967295"},
     .operands = "",
     .command = COMMAND_ZONE,
     .option = OPTION_SERIAL,
     .value = "4294967295"},
    {.label = "one more",
     .words = {"srvplan", "zone", "--serial", "4294967296"},
     .refused_with = "from 0 to 4294967295"},
    {.label = "a duration of nothing",
     .words = {"srvplan", "drain", "a", "-m", "x", "--for", "0s"},
     .refused_with = "expected a duration"},
    {.label = "a duration without unit",
     .words = {"srvplan", "drain", "a", "-m", "x", "--for", "90"},
     .refused_with = "expected a duration"},
    {.label = "too few operands",
     .words = {"srvplan", "undrain"},
     .refused_with = "for example: srvplan undrain"},
    {.label = "too many operands",
     .words = {"srvplan", "status", "now"},
     .refused_with = "'now' is one word too many"},
};

static void join(const struct invocation *invocation, char joined[static 256])
{
    joined[0] = '\0';
    for (uint32_t i = 0; i < invocation->operand_count; i++) {
        strcat(joined, i ? " " : "");
        strcat(joined, invocation->operands[i]);
    }
}

START_TEST(a_command_line_is_read_or_refused_with_a_mend)
{
    struct invocation invocation;
    struct error err = {0};
    char *argv[WORDS_MAX + 1] = {0};
    int argc = count_words(lines[_i].words);
    for (int i = 0; i < argc; i++)
        argv[i] = strdup(lines[_i].words[i]);

    bool ok = invocation_parse(&invocation, argc, argv, &err);

    ck_assert_msg(ok == !lines[_i].refused_with, "%s: %s", lines[_i].label, err.message);
    if (ok) {
        char joined[256];
        join(&invocation, joined);
        const char *value = invocation_value(&invocation, lines[_i].option, NULL);
        ck_assert_msg(invocation.command == lines[_i].command, "%s", lines[_i].label);
        ck_assert_msg(strcmp(joined, lines[_i].operands) == 0, "%s: %s", lines[_i].label, joined);
        ck_assert_msg(invocation_has(&invocation, lines[_i].option), "%s", lines[_i].label);
        ck_assert_pstr_eq(value, lines[_i].value);
    } else {
        ck_assert_msg(err.kind == ERROR_USAGE && strstr(err.message, lines[_i].refused_with),
                      "%s: %s", lines[_i].label, err.message);
    }
    invocation_fini(&invocation);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
}
END_TEST

START_TEST(a_repeating_option_gives_every_value_in_order)
{
    char words[][16] = {"srvplan", "serve", "--dns", "a:1", "--api", "b:2", "--dns", "c:3"};
    char *argv[COUNT_OF(words) + 1] = {0};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        argv[i] = words[i];
    struct invocation invocation;
    struct error err = {0};
    uint32_t position = 0;

    ck_assert(invocation_parse(&invocation, COUNT_OF(words), argv, &err));
    ck_assert_str_eq(invocation_next(&invocation, OPTION_DNS, &position), "a:1");
    ck_assert_str_eq(invocation_next(&invocation, OPTION_DNS, &position), "c:3");
    ck_assert_ptr_null(invocation_next(&invocation, OPTION_DNS, &position));
    invocation_fini(&invocation);
}
END_TEST

START_TEST(every_row_of_the_tables_can_be_explained)
{
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_row *row = &command_rows[i];
        ck_assert_msg(row->name && row->operands && row->summary && row->example && row->run,
                      "command %u", i);
        ck_assert_uint_eq(command_find(row->name), i);
    }
    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        ck_assert_msg(row->name && row->commands != 0, "option %u", i);
        ck_assert_msg(row->help, "--%s has no help", row->name);
        ck_assert_msg((row->value == VALUE_NONE) == !row->metavar, "--%s: metavar", row->name);
        ck_assert_msg((row->value == VALUE_CHOICE) == (row->choices != NULL), "--%s", row->name);
        for (uint32_t j = i + 1; j < OPTION_COUNT; j++) {
            ck_assert_msg(strcmp(row->name, option_rows[j].name) != 0, "--%s twice", row->name);
            ck_assert_msg(!row->letter || row->letter != option_rows[j].letter, "-%c twice",
                          row->letter);
        }
    }
}
END_TEST

static const struct {
    long status;
    bool is_guard;
    enum exit_code code;
} statuses[] = {
    {200, false, EXIT_FINE},        {201, false, EXIT_FINE},   {202, false, EXIT_UNREACHABLE},
    {301, false, EXIT_FAILED},      {400, false, EXIT_FAILED}, {401, false, EXIT_FAILED},
    {404, false, EXIT_FAILED},      {409, true, EXIT_GUARD},   {409, false, EXIT_CONFLICT},
    {412, false, EXIT_CONFLICT},    {422, false, EXIT_FAILED}, {428, false, EXIT_CONFLICT},
    {429, false, EXIT_FAILED},      {500, false, EXIT_FAILED}, {502, false, EXIT_UNREACHABLE},
    {503, false, EXIT_UNREACHABLE},
};

START_TEST(a_status_has_one_exit_code)
{
    ck_assert_msg(remote_exit_code(statuses[_i].status, statuses[_i].is_guard) == statuses[_i].code,
                  "status %ld", statuses[_i].status);
}
END_TEST

static const struct {
    const char *text;
    const char *json; /* NULL: refused */
} weights[] = {
    {"0", "0"},
    {"65535", "65535"},
    {"65536", NULL},
    {"50%", "\"50%\""},
    {"1000%", "\"1000%\""},
    {"1001%", NULL},
    {"+10", "\"+10\""},
    {"-65535", "\"-65535\""},
    {"-65536", NULL},
    {"-10%", NULL},
    {"", NULL},
    {"%", NULL},
    {"-", NULL},
    {"+", NULL},
    {"1 ", NULL},
    {"0x10", NULL},
    {"1.5", NULL},
    {"--5", NULL},
};

START_TEST(a_weight_value_is_a_number_or_stays_text)
{
    struct error err = {0};
    json_t *value = weight_value_parse(weights[_i].text, &err);
    char *json = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

    ck_assert_msg((json != NULL) == (weights[_i].json != NULL), "'%s'", weights[_i].text);
    if (json)
        ck_assert_str_eq(json, weights[_i].json);
    else
        ck_assert_msg(err.kind == ERROR_USAGE, "'%s'", weights[_i].text);
    free(json);
    json_decref(value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = tcase_create("options");
    tcase_add_loop_test(tcase, a_command_line_is_read_or_refused_with_a_mend, 0, COUNT_OF(lines));
    tcase_add_test(tcase, a_repeating_option_gives_every_value_in_order);
    tcase_add_test(tcase, every_row_of_the_tables_can_be_explained);
    tcase_add_loop_test(tcase, a_status_has_one_exit_code, 0, COUNT_OF(statuses));
    tcase_add_loop_test(tcase, a_weight_value_is_a_number_or_stays_text, 0, COUNT_OF(weights));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

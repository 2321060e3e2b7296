/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/options.h"

#include <getopt.h>
#include <string.h>

#include "srvplan/duration.h"
#include "srvplan/nearest.h"
#include "zones/base/clock.h"

enum {
    LONG_BASE = 256, /* getopt_long's value of option i is LONG_BASE + i */
    WORD_SIZE = NEAREST_MAX_WORD + 2,
};

/* ---- suggestions ---- */

/* The name that was probably meant: the beginning of one, or the nearest. */
static void meant_consider(struct nearest *nearest, const char *name)
{
    size_t len = nearest->word.len;
    if (len >= 3 && strlen(name) > len && memcmp(name, nearest->word.ptr, len) == 0)
        *nearest = (struct nearest){.word = nearest->word, .best = text_from(name)};
    nearest_consider(nearest, text_from(name));
}

bool command_unknown(const char *name, struct error *err)
{
    struct nearest nearest = nearest_to(text_from(name));
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        meant_consider(&nearest, command_rows[i].name);
    if (nearest.best.len > 0)
        return error_set(err, ERROR_USAGE, "unknown command '%.60s'; did you mean %.*s?", name,
                         (int)nearest.best.len, nearest.best.ptr);
    return error_set(err, ERROR_USAGE, "unknown command '%.60s'; `srvplan help` lists them", name);
}

static bool option_is_on(enum option_id id, enum command_id command)
{
    uint64_t commands = option_rows[id].commands;
    return commands == ON_ALL ||
           (command != COMMAND_NONE && (commands & (UINT64_C(1) << command)) != 0);
}

/* The commands that know an option which this one does not: "drain or weight". */
static const char *option_homes(enum option_id id, struct arena *arena)
{
    const char *homes = NULL;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        if (!(option_rows[id].commands & (UINT64_C(1) << i)))
            continue;
        homes = homes ? arena_printf(arena, "%s or %s", homes, command_rows[i].name)
                      : command_rows[i].name;
    }
    return homes ? homes : "no command";
}

static bool option_misplaced(const struct invocation *invocation, enum option_id id,
                             const char *typed, struct error *err)
{
    struct arena arena = {0};
    const char *homes = option_homes(id, &arena);
    if (invocation->command == COMMAND_NONE)
        error_set(err, ERROR_USAGE, "option %s stands before the command; write it after %s", typed,
                  homes);
    else
        error_set(err, ERROR_USAGE, "%s has no option %s; it belongs to %s",
                  command_rows[invocation->command].name, typed, homes);
    arena_fini(&arena);
    return false;
}

static bool option_unknown(const struct invocation *invocation, const char *typed,
                           struct error *err)
{
    bool is_long = strncmp(typed, "--", 2) == 0;
    char word[WORD_SIZE] = {0};
    if (is_long)
        snprintf(word, sizeof word, "%.*s", (int)strcspn(typed + 2, "="), typed + 2);
    struct nearest nearest = nearest_to(text_from(word));
    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        bool same = is_long ? strcmp(word, option_rows[i].name) == 0
                            : option_rows[i].letter && option_rows[i].letter == typed[1];
        if (same && !option_is_on(i, invocation->command))
            return option_misplaced(invocation, i, typed, err);
        if (is_long && option_is_on(i, invocation->command))
            meant_consider(&nearest, option_rows[i].name);
    }
    if (is_long && nearest.best.len > 0)
        return error_set(err, ERROR_USAGE, "unknown option %.60s; did you mean --%.*s?", typed,
                         (int)nearest.best.len, nearest.best.ptr);
    if (invocation->command == COMMAND_NONE)
        return error_set(err, ERROR_USAGE, "unknown option %.60s; `srvplan help` lists them",
                         typed);
    return error_set(err, ERROR_USAGE, "unknown option %.60s; `srvplan %s --help` lists them",
                     typed, command_rows[invocation->command].name);
}

/* ---- values ---- */

static bool list_has(const char *list, const char *word)
{
    while (list) {
        size_t len = strcspn(list, "|");
        if (strlen(word) == len && memcmp(list, word, len) == 0)
            return true;
        list = list[len] ? list + len + 1 : NULL;
    }
    return false;
}

static bool choice_check(const struct option_row *row, const char *value, struct error *err)
{
    if (list_has(row->choices, value))
        return true;
    if (list_has(row->later, value))
        return error_set(err, ERROR_USAGE, "--%s %s: not supported yet; this version knows %s",
                         row->name, value, row->choices);
    struct nearest nearest = nearest_to(text_from(value));
    for (const char *at = row->choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        nearest_consider(&nearest, (struct text){at, strcspn(at, "|")});
    if (nearest.best.len)
        return error_set(err, ERROR_USAGE, "--%s '%.60s': expected %s; did you mean %.*s?",
                         row->name, value, row->choices, (int)nearest.best.len, nearest.best.ptr);
    return error_set(err, ERROR_USAGE, "--%s '%.60s': expected %s", row->name, value, row->choices);
}

static bool value_check(const struct option_row *row, const char *value, struct error *err)
{
    int64_t at_ms;
    uint64_t number;
    uint32_t duration_s;
    switch (row->value) {
    case VALUE_NONE:
        return true;
    case VALUE_TEXT:
        return value[0] || error_set(err, ERROR_USAGE, "--%s: the value is empty; expected %s",
                                     row->name, row->metavar);
    case VALUE_CHOICE:
        return choice_check(row, value, err);
    case VALUE_TIME:
        return clock_parse(text_from(value), &at_ms) ||
               error_set(err, ERROR_USAGE, "--%s '%.60s': expected a time as 2026-12-06T01:17:30Z",
                         row->name, value);
    case VALUE_DURATION:
        return (duration_parse(text_from(value), DURATION_MAX_S, &duration_s, NULL) &&
                duration_s >= row->min) ||
               error_set(err, ERROR_USAGE, "--%s '%.60s': expected a duration as 90s, 2h or 1h30m",
                         row->name, value);
    case VALUE_NUMBER:
        return text_to_u64(text_from(value), row->min, row->max, &number) ||
               error_set(err, ERROR_USAGE, "--%s '%.60s': expected a number from %llu to %llu",
                         row->name, value, (unsigned long long)row->min,
                         (unsigned long long)row->max);
    }
    return false;
}

/* ---- the argument vector ---- */

struct spelling_tables {
    struct option longs[OPTION_COUNT + 1];
    char letters[2 * OPTION_COUNT + 3];
};

/* The options that count at this point, as getopt_long wants them. */
static void spelling_tables_fill(struct spelling_tables *tables, enum command_id command)
{
    memset(tables, 0, sizeof *tables);
    size_t longs = 0, letters = 0;
    tables->letters[letters++] = '+'; /* stop at operands: the first one is the command */
    tables->letters[letters++] = ':'; /* tell a missing value from an unknown option */
    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if (!option_is_on(i, command))
            continue;
        tables->longs[longs++] = (struct option){
            .name = row->name,
            .has_arg = row->value == VALUE_NONE ? no_argument : required_argument,
            .val = LONG_BASE + (int)i,
        };
        if (!row->letter)
            continue;
        tables->letters[letters++] = row->letter;
        if (row->value != VALUE_NONE)
            tables->letters[letters++] = ':';
    }
}

static enum option_id option_of(int value)
{
    if (value >= LONG_BASE)
        return (enum option_id)(value - LONG_BASE);
    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        if (option_rows[i].letter && option_rows[i].letter == value)
            return i;
    }
    return OPTION_COUNT;
}

static bool option_take(struct invocation *invocation, enum option_id id, const char *value,
                        struct error *err)
{
    const struct option_row *row = &option_rows[id];
    if (!value_check(row, value, err))
        return false;
    invocation->given[invocation->given_count++] = (struct given_option){.id = id, .value = value};
    return true;
}

static bool operand_take(struct invocation *invocation, const char *operand, struct error *err)
{
    if (invocation->command != COMMAND_NONE) {
        invocation->operands[invocation->operand_count++] = operand;
        return true;
    }
    invocation->command = command_find(operand);
    return invocation->command != COMMAND_NONE || command_unknown(operand, err);
}

/* "-10" and "-10%": no option of ours begins with a digit. */
static bool is_negative_number(const char *argument)
{
    return argument[0] == '-' && argument[1] >= '0' && argument[1] <= '9';
}

/* What getopt_long did not like, as it was typed. */
static bool option_refused(const struct invocation *invocation, int code, const char *argument,
                           struct error *err)
{
    char typed[72];
    bool is_long = strncmp(argument, "--", 2) == 0;
    if (is_long)
        snprintf(typed, sizeof typed, "%.*s", (int)strcspn(argument, "="), argument);
    else
        snprintf(typed, sizeof typed, "-%c", optopt);
    enum option_id id = optopt ? option_of(optopt) : OPTION_COUNT;
    if (code == ':')
        return error_set(err, ERROR_USAGE, "option %s needs a value: %s", typed,
                         id < OPTION_COUNT ? option_rows[id].metavar : "VALUE");
    if (is_long && optopt >= LONG_BASE)
        return error_set(err, ERROR_USAGE, "option --%s takes no value", option_rows[id].name);
    return option_unknown(invocation, typed, err);
}

/* getopt_long takes "--detail" for --detailed-exitcode; a script that says so would break with the
 * next option that begins alike. */
static bool is_abbreviation(int code, const char *argument)
{
    return code >= LONG_BASE &&
           strcspn(argument + 2, "=") < strlen(option_rows[option_of(code)].name);
}

static bool arguments_read(struct invocation *invocation, int argc, char **argv, struct error *err)
{
    struct spelling_tables tables;
    spelling_tables_fill(&tables, COMMAND_NONE);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    while (optind < argc) {
        int at = optind ? optind : 1; /* what the next call looks at */
        if (at >= argc)
            break;
        bool is_operand = invocation->command != COMMAND_NONE &&
                          command_rows[invocation->command].takes_negative &&
                          is_negative_number(argv[at]);
        if (strcmp(argv[at], "--") == 0) {
            while (++at < argc) {
                if (!operand_take(invocation, argv[at], err))
                    return false;
            }
            return true;
        }
        int code = is_operand ? -1 : getopt_long(argc, argv, tables.letters, tables.longs, NULL);
        if (code == '?' || code == ':')
            return option_refused(invocation, code, argv[at], err);
        if (is_abbreviation(code, argv[at]))
            return option_unknown(invocation, argv[at], err);
        if (code != -1 && !option_take(invocation, option_of(code), optarg, err))
            return false;
        if (code != -1)
            continue;
        if (!operand_take(invocation, argv[at], err))
            return false;
        optind = at + 1;
        spelling_tables_fill(&tables, invocation->command);
    }
    return true;
}

/* ---- formats ---- */

static const char *const format_names[] = {
    [OUTPUT_TABLE] = "table", [OUTPUT_JSON] = "json", [OUTPUT_YAML] = "yaml",
    [OUTPUT_CSV] = "csv",     [OUTPUT_MD] = "md",
};

static uint32_t command_outputs(enum command_id command)
{
    uint32_t outputs = command < COMMAND_COUNT ? command_rows[command].outputs : 0;
    return outputs ? outputs : 1 << OUTPUT_TABLE | 1 << OUTPUT_JSON;
}

const char *command_formats(enum command_id command, struct arena *arena)
{
    const char *list = "";
    for (size_t i = 0; i < COUNT_OF(format_names); i++)
        if (command_outputs(command) & 1u << i)
            list = arena_printf(arena, "%s%s%s", list, list[0] ? "|" : "", format_names[i]);
    return list;
}

enum output_format invocation_format(const struct invocation *invocation)
{
    const char *name = invocation_value(invocation, OPTION_OUTPUT, format_names[OUTPUT_TABLE]);
    for (size_t i = 0; i < COUNT_OF(format_names); i++)
        if (strcmp(name, format_names[i]) == 0)
            return (enum output_format)i;
    return OUTPUT_TABLE;
}

static bool format_check(struct invocation *invocation, struct error *err)
{
    enum output_format format = invocation_format(invocation);
    const struct command_row *row = &command_rows[invocation->command];
    const char *formats = command_formats(invocation->command, &invocation->arena);
    if (command_outputs(invocation->command) & 1u << format)
        return true;
    if (strcmp(formats, format_names[OUTPUT_TABLE]) == 0)
        return error_set(
            err, ERROR_USAGE, "%s -o %s: what it writes has one form; leave -o away%s", row->name,
            format_names[format],
            invocation->command == COMMAND_ZONE ? " (`srvplan plan -o json` has the sets)" : "");
    return error_set(err, ERROR_USAGE, "%s cannot write %s; it knows %s", row->name,
                     format_names[format], formats);
}

static bool operands_check(const struct invocation *invocation, struct error *err)
{
    if (invocation->command == COMMAND_NONE)
        return error_set(err, ERROR_USAGE, "no command given; `srvplan help` lists them");
    const struct command_row *row = &command_rows[invocation->command];
    if (invocation->operand_count < row->min_operands)
        return error_set(err, ERROR_USAGE, "%s needs %s; for example: %s", row->name, row->operands,
                         row->example);
    if (invocation->operand_count > row->max_operands)
        return error_set(err, ERROR_USAGE,
                         "%s: '%.60s' is one word too many; usage: srvplan %s%s%s", row->name,
                         invocation->operands[row->max_operands], row->name,
                         row->operands[0] ? " " : "", row->operands);
    return true;
}

bool invocation_parse(struct invocation *invocation, int argc, char **argv, struct error *err)
{
    *invocation = (struct invocation){.command = COMMAND_NONE};
    size_t room = argc > 0 ? (size_t)argc : 1;
    /* A cluster as -qv gives one option a letter, so letters bound their number. */
    size_t letters = 0;
    for (int i = 1; i < argc; i++)
        letters += strlen(argv[i]);
    invocation->given = arena_array(&invocation->arena, struct given_option, room + letters);
    invocation->operands = arena_array(&invocation->arena, const char *, room);
    if (!arguments_read(invocation, argc, argv, err))
        return false;
    if (invocation_has(invocation, OPTION_HELP) || invocation_has(invocation, OPTION_VERSION))
        return true;
    return operands_check(invocation, err) && format_check(invocation, err);
}

void invocation_fini(struct invocation *invocation)
{
    if (invocation)
        arena_fini(&invocation->arena);
}

const char *invocation_value(const struct invocation *invocation, enum option_id id,
                             const char *otherwise)
{
    for (uint32_t i = invocation->given_count; i > 0; i--) {
        if (invocation->given[i - 1].id == id)
            return invocation->given[i - 1].value;
    }
    return otherwise;
}

bool invocation_has(const struct invocation *invocation, enum option_id id)
{
    for (uint32_t i = 0; i < invocation->given_count; i++) {
        if (invocation->given[i].id == id)
            return true;
    }
    return false;
}

uint64_t invocation_number(const struct invocation *invocation, enum option_id id,
                           uint64_t otherwise)
{
    const struct option_row *row = &option_rows[id];
    const char *value = invocation_value(invocation, id, NULL);
    uint64_t number = otherwise;
    if (value && !text_to_u64(text_from(value), row->min, row->max, &number))
        return otherwise; /* cannot be: value_check has seen it */
    return number;
}

const char *invocation_next(const struct invocation *invocation, enum option_id id,
                            uint32_t *position)
{
    while (*position < invocation->given_count) {
        const struct given_option *given = &invocation->given[(*position)++];
        if (given->id == id)
            return given->value;
    }
    return NULL;
}

enum command_id command_find(const char *name)
{
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, command_rows[i].name) == 0)
            return i;
    }
    return COMMAND_NONE;
}

/* ---- exit codes ---- */

enum exit_code error_exit_code(enum error_kind kind)
{
    switch (kind) {
    case ERROR_NONE:
        return EXIT_FINE;
    case ERROR_USAGE:
        return EXIT_USAGE;
    case ERROR_GUARD:
        return EXIT_GUARD;
    case ERROR_CONFLICT:
        return EXIT_CONFLICT;
    case ERROR_UNREACHABLE:
    case ERROR_UNAVAILABLE:
        return EXIT_UNREACHABLE;
    case ERROR_INVALID:
    case ERROR_SYSTEM:
    case ERROR_NO_SPACE:
    case ERROR_NOT_FOUND:
    case ERROR_DENIED:
    case ERROR_UNSUPPORTED:
    case ERROR_UNKNOWN_OUTCOME:
        return EXIT_FAILED;
    }
    return EXIT_FAILED;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/options_take.h"

#include "srvplan/document.h"
#include "srvplan/duration.h"
#include "srvplan/mistakes.h"
#include "srvplan/nearest.h"
#include "zones/base/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *place_of(struct options *options, const struct options_row *row)
{
    return (char *)options + row->offset;
}

static bool take_number(struct options *options, const struct options_row *row, const char *value,
                        const char **why)
{
    uint64_t number = 0;
    if (!text_to_u64(text_from(value), row->min, row->max, &number)) {
        *why = arena_printf(&options->arena, "expected a number from %u to %u", row->min, row->max);
        return false;
    }
    uint32_t narrow = (uint32_t)number;
    memcpy(place_of(options, row), &narrow, sizeof narrow);
    return true;
}

static bool take_duration(struct options *options, const struct options_row *row, const char *value,
                          const char **why)
{
    struct error err = {0};
    uint32_t seconds = 0;
    if (!duration_parse(text_from(value), row->max, &seconds, &err) || seconds < row->min) {
        *why =
            arena_printf(&options->arena, "expected a duration of %u to %u seconds, as 90s or 5m",
                         row->min, row->max);
        return false;
    }
    memcpy(place_of(options, row), &seconds, sizeof seconds);
    return true;
}

static bool take_choice(struct options *options, const struct options_row *row, const char *value,
                        const char **why)
{
    uint32_t number = 0;
    for (const char *word = row->words; word; word = strchr(word, '|')) {
        word += *word == '|';
        number++;
        size_t len = strcspn(word, "|");
        if (strlen(value) == len && memcmp(value, word, len) == 0) {
            memcpy(place_of(options, row), &number, sizeof number);
            return true;
        }
    }
    *why = arena_printf(&options->arena, "expected one of %s", row->words);
    return false;
}

static bool take_flag(struct options *options, const struct options_row *row, const char *value,
                      const char **why)
{
    bool is_set = strcmp(value, "true") == 0;
    if (!is_set && strcmp(value, "false") != 0) {
        *why = "expected true or false";
        return false;
    }
    memcpy(place_of(options, row), &is_set, sizeof is_set);
    return true;
}

bool options_take(struct options *options, const struct options_row *row, const char *value,
                  uint32_t *list_count, const char **why)
{
    switch (row->kind) {
    case OPTIONS_NUMBER:
        return take_number(options, row, value, why);
    case OPTIONS_DURATION:
        return take_duration(options, row, value, why);
    case OPTIONS_CHOICE:
        return take_choice(options, row, value, why);
    case OPTIONS_FLAG:
        return take_flag(options, row, value, why);
    case OPTIONS_TEXT:
    case OPTIONS_LIST:
        break;
    }
    const char **texts = place_of(options, row);
    if (!*value) {
        *why = "must not be empty";
        return false;
    }
    if (row->kind == OPTIONS_TEXT) {
        *texts = value;
        return true;
    }
    if (*list_count == row->max) {
        *why = arena_printf(&options->arena, "at most %u are possible", row->max);
        return false;
    }
    texts[(*list_count)++] = value;
    texts[*list_count] = NULL;
    return true;
}

/* -- the file -- */

struct file_reading {
    struct options *options;
    struct mistakes mistakes;
    struct place top;
};

/* The word of a JSON value, as the command line would have it; NULL: it is of the wrong kind. */
static const char *word_of(struct options *options, const struct options_row *row,
                           const json_t *value)
{
    bool is_number = row->kind == OPTIONS_NUMBER || row->kind == OPTIONS_DURATION;
    if (row->kind == OPTIONS_FLAG)
        return json_is_boolean(value) ? (json_is_true(value) ? "true" : "false") : NULL;
    if (is_number && json_is_integer(value))
        return arena_printf(&options->arena, "%lld%s", (long long)json_integer_value(value),
                            row->kind == OPTIONS_DURATION ? "s" : "");
    if (json_is_string(value) && row->kind != OPTIONS_NUMBER)
        return arena_cstr(&options->arena,
                          (struct text){json_string_value(value), json_string_length(value)});
    return NULL;
}

static const char *expected_of(const struct options_row *row)
{
    switch (row->kind) {
    case OPTIONS_TEXT:
    case OPTIONS_CHOICE:
        return "a text";
    case OPTIONS_LIST:
        return "a text or a list of texts";
    case OPTIONS_NUMBER:
        return "a whole number";
    case OPTIONS_DURATION:
        return "a duration as \"5m\", or whole seconds";
    case OPTIONS_FLAG:
        return "true or false";
    }
    return "";
}

static void take_value(struct file_reading *reading, const struct options_row *row,
                       const json_t *value, const struct place *place, uint32_t *list_count)
{
    const char *word = word_of(reading->options, row, value), *why = NULL;
    if (!word)
        mistake_add(&reading->mistakes, place, "wrong-type", "see srvplan-config(5)",
                    "%s: expected %s", row->name, expected_of(row));
    else if (!options_take(reading->options, row, word, list_count, &why))
        mistake_add(&reading->mistakes, place, "wrong-value", "see srvplan-config(5)", "%s: %s",
                    row->name, why);
}

static void take_member(struct file_reading *reading, const struct options_row *row, json_t *value)
{
    struct place place = place_value(&reading->top, row->name);
    uint32_t list_count = 0;
    size_t i;
    json_t *item;
    if (row->kind != OPTIONS_LIST || !json_is_array(value)) {
        take_value(reading, row, value, &place, &list_count);
        return;
    }
    if (json_array_size(value) == 0)
        mistake_add(&reading->mistakes, &place, "wrong-value", "leave it out for the default",
                    "%s: the list is empty", row->name);
    json_array_foreach(value, i, item)
    {
        struct place at = place_item(&place, i);
        take_value(reading, row, item, &at, &list_count);
    }
}

static const struct options_row *row_find(const char *name)
{
    for (size_t i = 0; i < options_row_count; i++)
        if (strcmp(options_rows[i].name, name) == 0)
            return &options_rows[i];
    return NULL;
}

static void refuse_key(struct file_reading *reading, const char *name)
{
    struct place place = place_key(&reading->top, name);
    struct nearest nearest = nearest_to(text_from(name));
    for (size_t i = 0; i < options_row_count; i++)
        if (!options_rows[i].is_of_command_line)
            nearest_consider(&nearest, text_from(options_rows[i].name));
    const char *quoted = mistakes_quote(&reading->mistakes, text_from(name));
    const char *mend = nearest.best.len
                           ? arena_printf(&reading->mistakes.arena, "did you mean \"%.*s\"?",
                                          (int)nearest.best.len, nearest.best.ptr)
                           : "srvpland --help lists the settings";
    mistake_add(&reading->mistakes, &place, "unknown-key", mend, "%s is no setting%s", quoted,
                row_find(name) ? " of the file, only of the command line" : "");
}

static void take_tree(struct file_reading *reading, json_t *tree)
{
    const char *name;
    json_t *value;
    if (!json_is_object(tree)) {
        mistake_add(&reading->mistakes, &reading->top, "wrong-type", "write { … } around it",
                    "the configuration must be an object");
        return;
    }
    json_object_foreach(tree, name, value)
    {
        const struct options_row *row = row_find(name);
        if (!row || row->is_of_command_line)
            refuse_key(reading, name);
        else
            take_member(reading, row, value);
    }
}

bool options_read_file(struct options *options, struct findings *findings, struct error *err)
{
    bool is_usual = !options->config;
    struct bytes text = {0};
    if (is_usual && access(OPTIONS_CONFIG_FILE, F_OK) != 0)
        return true;
    options->config = is_usual ? OPTIONS_CONFIG_FILE : options->config;
    if (!file_read(options->config, OPTIONS_FILE_MAX_BYTES, &text, err))
        return false;
    struct document document = {.file = options->config, .text = text};
    struct file_reading reading = {.options = options};
    document_parse(&document, 0, OPTIONS_FILE_MAX_BYTES, &reading.mistakes);
    if (document.tree)
        take_tree(&reading, document.tree);
    bool is_good = reading.mistakes.errors == 0;
    mistakes_publish(&reading.mistakes, &document, 1, findings);
    mistakes_fini(&reading.mistakes);
    document_fini(&document);
    free((void *)(uintptr_t)text.ptr);
    return is_good;
}

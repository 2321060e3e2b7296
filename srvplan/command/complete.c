/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/complete.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "srvplan/command/complete_names.h"

struct completion {
    FILE *out;
    struct arena arena;
    struct invocation invocation; /* what stands before the cursor */
    enum option_id pending;       /* the word before wants a value; OPTION_COUNT: none does */
    bool only_operands;           /* "--" was there */
    bool is_lost;                 /* the command is none of ours */
    bool has_files;               /* names of files were offered */
    const char *word;             /* the last one, as far as it is typed */
    const char *before;           /* what candidates begin with: "--format=", "a,b," */
};

/* -- candidates ---------------------------------------------------------------------------------
 */

static void offer(struct completion *completion, const char *candidate, const char *about)
{
    const char *typed = completion->word + strlen(completion->before);
    if (strncmp(candidate, typed, strlen(typed)) != 0)
        return;
    fprintf(completion->out, "%s%s%s%s\n", completion->before, candidate, about ? "\t" : "",
            about ? about : "");
}

static void offer_name(void *context, const char *name, const char *about)
{
    if (name[0] && !strpbrk(name, "\t\n"))
        offer(context, name, about);
}

/* "a|b|c" */
static void offer_list(struct completion *completion, const char *list)
{
    while (list) {
        size_t len = strcspn(list, "|");
        offer(completion, arena_cstr(&completion->arena, (struct text){list, len}), NULL);
        list = list[len] ? list + len + 1 : NULL;
    }
}

enum file_kind {
    FILES_ANY,
    FILES_DIRECTORIES,
};

static void offer_files(struct completion *completion, enum file_kind kind)
{
    const char *typed = completion->word + strlen(completion->before);
    const char *slash = strrchr(typed, '/');
    struct text folder = {typed, slash ? (size_t)(slash - typed) + 1 : 0};
    const char *path = folder.len ? arena_cstr(&completion->arena, folder) : ".";
    DIR *directory = opendir(path);
    if (!directory)
        return;
    completion->has_files = true;
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        bool is_hidden = entry->d_name[0] == '.' && (slash ? slash[1] : typed[0]) != '.';
        if (is_hidden || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strpbrk(entry->d_name, "\t\n"))
            continue;
        const char *name =
            arena_printf(&completion->arena, "%.*s%s", (int)folder.len, folder.ptr, entry->d_name);
        struct stat info;
        bool is_folder = stat(name, &info) == 0 && S_ISDIR(info.st_mode);
        if (is_folder)
            offer(completion, arena_printf(&completion->arena, "%s/", name), NULL);
        else if (kind == FILES_ANY)
            offer(completion, name, NULL);
    }
    closedir(directory);
}

/* -- values by what a table calls them ----------------------------------------------------------
 */

static const struct {
    const char *word;
    enum complete_kind kind;
} named[] = {
    {"NODE", COMPLETE_NODES},       {"DOMAIN", COMPLETE_DOMAINS},
    {"SERVICE", COMPLETE_SERVICES}, {"DOMAIN/SERVICE", COMPLETE_DOMAIN_SERVICES},
    {"ZONE", COMPLETE_ZONES},       {"OBJECT", COMPLETE_OBJECTS},
    {"CONTEXT", COMPLETE_CONTEXTS}, {"WINDOW", COMPLETE_WINDOWS},
    {"MODEL", COMPLETE_MODELS},
};

/* Where a word of the usage means fewer than all that are called so. */
static enum complete_kind kind_for(const struct completion *completion, enum complete_kind kind)
{
    enum command_id command = completion->invocation.command;
    bool wants_drained = command == COMMAND_UNDRAIN || command == COMMAND_DRAINS;
    return kind == COMPLETE_NODES && wants_drained ? COMPLETE_DRAINED : kind;
}

/* "zone:FILE": the candidate is "zone:", and behind it a file. */
static void offer_prefixed(struct completion *completion, const char *literal, const char *rest)
{
    const char *whole = arena_printf(&completion->arena, "%s%s", completion->before, literal);
    if (strcmp(rest, "FILE") != 0 || strncmp(completion->word, whole, strlen(whole)) != 0) {
        offer(completion, literal, NULL);
        return;
    }
    const char *before = completion->before;
    completion->before = whole;
    offer_files(completion, FILES_ANY);
    completion->before = before;
}

/* One alternative of a metavar or of a list of operands: a placeholder in capitals, or a word. */
static void offer_alternative(struct completion *completion, const char *word)
{
    for (size_t i = 0; i < COUNT_OF(named); i++) {
        if (strcmp(word, named[i].word) != 0)
            continue;
        if (completion->invocation.command != COMMAND_NONE || named[i].kind == COMPLETE_CONTEXTS)
            complete_names(&completion->invocation, kind_for(completion, named[i].kind), offer_name,
                           completion);
        return;
    }
    if (strcmp(word, "FILE") == 0 || strcmp(word, "PATH") == 0 || strcmp(word, "A") == 0 ||
        strcmp(word, "B") == 0) {
        offer_files(completion, FILES_ANY);
    } else if (strcmp(word, "DIR") == 0) {
        offer_files(completion, FILES_DIRECTORIES);
    } else if (strcmp(word, "COMMAND") == 0) {
        for (uint32_t i = 0; i < COMMAND_COUNT; i++)
            offer(completion, command_rows[i].name, command_rows[i].summary);
    } else {
        size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789:-");
        if (len > 0 && word[0] != '-') /* "-N" is no word, but a number */
            offer_prefixed(completion, arena_cstr(&completion->arena, (struct text){word, len}),
                           word + len);
    }
}

/* Alternatives separated by bars: "FILE|zone:FILE|dns[:ADDR]|rev:N", "SERVICE". */
static void offer_alternatives(struct completion *completion, const char *list)
{
    while (list) {
        size_t len = strcspn(list, "|");
        offer_alternative(completion, arena_cstr(&completion->arena, (struct text){list, len}));
        list = list[len] ? list + len + 1 : NULL;
    }
}

/* Ids separated by commas: the last one is completed. */
static void offer_ids(struct completion *completion, enum option_id id)
{
    const char *word = id == OPTION_NODES ? "NODE" : id == OPTION_DOMAINS ? "DOMAIN" : "SERVICE";
    const char *typed = completion->word + strlen(completion->before);
    const char *comma = strrchr(typed, ',');
    if (comma)
        completion->before =
            arena_cstr(&completion->arena,
                       (struct text){completion->word, (size_t)(comma + 1 - completion->word)});
    offer_alternative(completion, word);
}

static void offer_value(struct completion *completion, enum option_id id)
{
    const struct option_row *row = &option_rows[id];
    if (id == OPTION_OUTPUT)
        offer_list(completion, command_formats(completion->invocation.command, &completion->arena));
    else if (row->value == VALUE_CHOICE)
        offer_list(completion, row->choices);
    else if (row->value == VALUE_TEXT && strcmp(row->metavar, "LIST") == 0)
        offer_ids(completion, id);
    else if (row->value == VALUE_TEXT)
        offer_alternatives(completion, row->metavar);
}

/* -- options and operands -----------------------------------------------------------------------
 */

static bool is_offered(const struct completion *completion, enum option_id id)
{
    const struct option_row *row = &option_rows[id];
    enum command_id command = completion->invocation.command;
    bool is_on = row->commands == ON_ALL ||
                 (command != COMMAND_NONE && row->commands & (UINT64_C(1) << command));
    return is_on && (row->repeats || !invocation_has(&completion->invocation, id));
}

static void offer_options(struct completion *completion)
{
    for (uint32_t i = 0; i < OPTION_COUNT; i++)
        if (is_offered(completion, i))
            offer(completion, arena_printf(&completion->arena, "--%s", option_rows[i].name),
                  option_rows[i].help);
}

/* The operand at `index` of a command's usage: "NODE [VALUE|+N]", "A B", "[FILE...]". The last one
 * goes on when it has dots. NULL: there is none. */
static const char *operand_at(const char *usage, uint32_t index, struct arena *arena)
{
    const char *last = NULL;
    uint32_t at = 0;
    while (*usage) {
        size_t len = strcspn(usage, " ");
        const char *begin = usage + (usage[0] == '[');
        size_t word_len = strcspn(begin, " .]");
        bool goes_on = strncmp(begin + word_len, "...", 3) == 0;
        last = arena_cstr(arena, (struct text){begin, word_len});
        if (at++ == index || goes_on)
            return last;
        usage += len + (usage[len] == ' ');
    }
    return NULL;
}

static void offer_operand(struct completion *completion)
{
    const struct invocation *invocation = &completion->invocation;
    if (invocation->command == COMMAND_NONE) {
        offer_alternative(completion, "COMMAND");
        return;
    }
    const char *operand = operand_at(command_rows[invocation->command].operands,
                                     invocation->operand_count, &completion->arena);
    bool is_revoked = invocation->command == COMMAND_TOKEN && invocation->operand_count &&
                      strcmp(invocation->operands[0], "revoke") == 0;
    if (is_revoked)
        complete_names(invocation, COMPLETE_TOKENS, offer_name, completion);
    else if (operand)
        offer_alternatives(completion, operand);
}

/* -- what stands before the cursor --------------------------------------------------------------
 */

static enum option_id option_find(const struct completion *completion, const char *name, size_t len,
                                  char letter)
{
    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        bool is_it = letter ? row->letter == letter
                            : strlen(row->name) == len && memcmp(row->name, name, len) == 0;
        bool is_on = row->commands == ON_ALL ||
                     (completion->invocation.command != COMMAND_NONE &&
                      row->commands & (UINT64_C(1) << completion->invocation.command));
        if (is_it && is_on)
            return i;
    }
    return OPTION_COUNT;
}

static void give(struct completion *completion, enum option_id id, const char *value)
{
    struct invocation *invocation = &completion->invocation;
    if (id != OPTION_COUNT)
        invocation->given[invocation->given_count++] = (struct given_option){id, value};
}

/* "-f", "-qv", "-fFILE" */
static void letters_read(struct completion *completion, const char *word)
{
    for (const char *at = word + 1; *at; at++) {
        enum option_id id = option_find(completion, NULL, 0, *at);
        if (id == OPTION_COUNT)
            return;
        if (option_rows[id].value == VALUE_NONE) {
            give(completion, id, NULL);
            continue;
        }
        if (at[1])
            give(completion, id, at + 1);
        else
            completion->pending = id;
        return;
    }
}

static void long_read(struct completion *completion, const char *word)
{
    size_t len = strcspn(word + 2, "=");
    enum option_id id = option_find(completion, word + 2, len, '\0');
    if (id == OPTION_COUNT)
        return;
    if (word[2 + len] == '=')
        give(completion, id, word + 2 + len + 1);
    else if (option_rows[id].value == VALUE_NONE)
        give(completion, id, NULL);
    else
        completion->pending = id;
}

static void word_read(struct completion *completion, const char *word)
{
    struct invocation *invocation = &completion->invocation;
    if (completion->pending != OPTION_COUNT) {
        give(completion, completion->pending, word);
        completion->pending = OPTION_COUNT;
    } else if (!completion->only_operands && strcmp(word, "--") == 0) {
        completion->only_operands = true;
    } else if (!completion->only_operands && strncmp(word, "--", 2) == 0) {
        long_read(completion, word);
    } else if (!completion->only_operands && word[0] == '-' && word[1]) {
        letters_read(completion, word);
    } else if (invocation->command == COMMAND_NONE) {
        invocation->command = command_find(word);
        completion->is_lost = invocation->command == COMMAND_NONE;
    } else {
        invocation->operands[invocation->operand_count++] = word;
    }
}

static void offer_last(struct completion *completion)
{
    const char *word = completion->word;
    size_t equals = strcspn(word, "=");
    if (completion->is_lost)
        return;
    if (completion->pending != OPTION_COUNT) {
        offer_value(completion, completion->pending);
    } else if (!completion->only_operands && strncmp(word, "--", 2) == 0 && word[equals] == '=') {
        enum option_id id = option_find(completion, word + 2, equals - 2, '\0');
        completion->before = arena_cstr(&completion->arena, (struct text){word, equals + 1});
        if (id != OPTION_COUNT && option_rows[id].value != VALUE_NONE)
            offer_value(completion, id);
    } else if (!completion->only_operands && word[0] == '-') {
        offer_options(completion);
    } else {
        offer_operand(completion);
    }
}

int complete_run(FILE *out, int count, char *const *words)
{
    if (count < 1)
        return EXIT_USAGE;
    struct completion completion = {.out = out, .before = "", .pending = OPTION_COUNT};
    struct invocation *invocation = &completion.invocation;
    size_t letters = 0;
    for (int i = 0; i < count; i++)
        letters += strlen(words[i]) + 1;
    invocation->command = COMMAND_NONE;
    invocation->given = arena_array(&completion.arena, struct given_option, letters);
    invocation->operands = arena_array(&completion.arena, const char *, (size_t)count);
    for (int i = 0; i + 1 < count; i++)
        word_read(&completion, words[i]);
    completion.word = words[count - 1];
    offer_last(&completion);
    if (completion.has_files)
        fputs(":files\n", out);
    invocation_fini(invocation);
    arena_fini(&completion.arena);
    return EXIT_FINE;
}

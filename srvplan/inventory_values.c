/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_read.h"

#include "srvplan/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_whole(const json_t *real)
{
    double number = json_real_value(real);
    return number >= INT32_MIN && number <= INT32_MAX && (double)(int32_t)number == number;
}

const char *describe(struct load *load, const json_t *value)
{
    struct arena *arena = &load->mistakes.arena;
    if (load->mistakes.count >= MISTAKES_MAX)
        return "";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return json_array_size(value) ? "a list" : "an empty list";
    case JSON_STRING:
        return arena_printf(arena, "the string %s",
                            mistakes_quote(&load->mistakes, json_text(value)));
    case JSON_INTEGER:
        return arena_printf(arena, "the number %" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return arena_printf(arena, "the number %.10g%s", json_real_value(value),
                            is_whole(value) ? ", written with a point or an exponent" : "");
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

bool expected_as(struct load *load, const struct place *place, const char *what, const char *mend,
                 const json_t *value)
{
    mistake_add(&load->mistakes, place, "bad-type", mend, "expected %s, found %s", what,
                describe(load, value));
    return false;
}

bool expected(struct load *load, const struct place *place, const char *what, const json_t *value)
{
    char mend[160];
    snprintf(mend, sizeof mend, "write %s", what);
    return expected_as(load, place, what, mend, value);
}

bool object_expected(struct load *load, const struct place *place, const json_t *value)
{
    return json_is_object(value) ||
           expected_as(load, place, "an object", "write { \"KEY\": VALUE }", value);
}

bool list_expected(struct load *load, const struct place *place, const json_t *value,
                   size_t min_items)
{
    const char *mend = "write [ITEM, ITEM]";
    if (json_is_string(value) && hints_wanted(load))
        mend = arena_printf(&load->mistakes.arena, "write [%s]",
                            mistakes_quote(&load->mistakes, json_text(value)));
    if (!json_is_array(value))
        return expected_as(load, place, "a list", mend, value);
    if (json_array_size(value) >= min_items)
        return true;
    mistake_add(&load->mistakes, place, "empty-list", "put at least one between the brackets",
                "expected a list with at least one item, found an empty list");
    return false;
}

void unsupported(struct load *load, const struct place *place, struct text what)
{
    mistake_add(&load->mistakes, place, "not-supported-yet", "remove it",
                "%s is not supported yet by this version", mistakes_quote(&load->mistakes, what));
}

void unknown_id(struct load *load, const struct place *place, const char *kind,
                const struct nearest *nearest)
{
    char code[32], mend[128];
    snprintf(code, sizeof code, "unknown-%s", kind);
    if (nearest->best.len)
        snprintf(mend, sizeof mend, "did you mean \"%.*s\"?", (int)nearest->best.len,
                 nearest->best.ptr);
    else
        snprintf(mend, sizeof mend, "name one that the inventory has, or add it");
    mistake_add(&load->mistakes, place, arena_cstr(&load->mistakes.arena, text_from(code)), mend,
                "expected a %s that the inventory has, found %s", kind,
                mistakes_quote(&load->mistakes, nearest->word));
}

/* What an id that is none could be instead: in lower case, "-" for what stands between. */
static const char *id_suggest(struct load *load, struct text id)
{
    char better[64] = "";
    size_t len = 0;
    for (size_t i = 0; i < id.len && len + 1 < sizeof better; i++) {
        char c = (char)name_lower_byte((uint8_t)id.ptr[i]);
        bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (is_good || (len > 0 && better[len - 1] != '-'))
            better[len++] = is_good ? c : '-';
    }
    while (len > 0 && better[len - 1] == '-')
        len--;
    if (len == 0 || load->mistakes.count >= MISTAKES_MAX)
        return "use a-z, 0-9 and \"-\", as in \"xmpp-1\"";
    return arena_printf(&load->mistakes.arena, "write for example \"%.*s\"", (int)len, better);
}

bool id_check(struct load *load, const struct place *place, const char *id)
{
    size_t len = strlen(id);
    bool is_good = len >= 1 && len <= 63 && id[0] != '-' && id[len - 1] != '-';
    for (size_t i = 0; i < len && is_good; i++)
        is_good = (id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '0' && id[i] <= '9') || id[i] == '-';
    if (!is_good)
        mistake_add(&load->mistakes, place, "bad-id", id_suggest(load, text_from(id)),
                    "expected an id of a-z, 0-9 and inner \"-\", at most 63 long, found %s",
                    mistakes_quote(&load->mistakes, text_from(id)));
    return is_good;
}

static int entry_order(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    return strcmp(left->key, right->key);
}

struct entry *entries_sorted(struct load *load, json_t *object, uint32_t *count)
{
    const char *key;
    json_t *value;
    struct entry *entries = arena_array(&load->scratch, struct entry, json_object_size(object));
    *count = 0;
    json_object_foreach(object, key, value)
    {
        entries[*count] = (struct entry){key, value, *count};
        ++*count;
    }
    if (*count > 1)
        qsort(entries, *count, sizeof *entries, entry_order);
    return entries;
}

/* "ttl, tier, capacity": the keys of a table. */
static const char *keys_print(struct load *load, const struct key_row *rows)
{
    char list[400] = "";
    size_t len = 0;
    for (const struct key_row *row = rows; row->key && len < sizeof list; row++) {
        int more = row->key[0] == '$' || !row->read
                       ? 0
                       : snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", row->key);
        len += more > 0 ? (size_t)more : 0;
    }
    return arena_cstr(&load->mistakes.arena, text_from(list));
}

static void unknown_key(struct load *load, const struct place *place, const struct key_row *rows)
{
    char mend[160] = "remove it, or check the spelling";
    struct nearest nearest = nearest_to(text_from(place->key));
    if (load->mistakes.count >= MISTAKES_MAX) {
        mistake_add(&load->mistakes, place, "unknown-key", mend, "unknown key");
        return;
    }
    for (const struct key_row *row = rows; row->key; row++)
        nearest_consider(&nearest, text_from(row->key));
    if (nearest.best.len)
        snprintf(mend, sizeof mend, "did you mean \"%.*s\"?", (int)nearest.best.len,
                 nearest.best.ptr);
    mistake_add(&load->mistakes, place, "unknown-key", mend,
                "expected one of the keys %s; found %s", keys_print(load, rows),
                mistakes_quote(&load->mistakes, text_from(place->key)));
}

static const struct key_row *row_find(const struct key_row *rows, const char *key)
{
    for (const struct key_row *row = rows; row->key; row++)
        if (strcmp(row->key, key) == 0)
            return row;
    return NULL;
}

static void missing_key(struct load *load, const struct place *place, const struct key_row *row)
{
    char mend[96];
    snprintf(mend, sizeof mend, "add for example \"%s\": %s", row->key, row->example);
    mistake_add(&load->mistakes, place, "missing-key", mend, "expected the key \"%s\", found none",
                row->key);
}

bool object_read(struct load *load, const struct place *place, json_t *value,
                 const struct key_row *rows, void *into)
{
    const char *key;
    json_t *member;
    if (!object_expected(load, place, value))
        return false;
    json_object_foreach(value, key, member)
    {
        const struct key_row *row = row_find(rows, key);
        struct place at_key = place_key(place, key), at_value = place_value(place, key);
        if (row && row->read)
            row->read(load, &at_value, member, row, (char *)into + row->field);
        else if (row)
            unsupported(load, &at_key, text_from(key));
        else if (place->up || strncmp(key, "//", 2) != 0)
            unknown_key(load, &at_key, rows);
    }
    for (const struct key_row *row = rows; row->key; row++)
        if (row->example && !json_object_get(value, row->key))
            missing_key(load, place, row);
    return true;
}

/* What was meant by a value that is no whole number, when that can be told: "100", 100.0, 1e2. */
static bool integer_guess(const json_t *value, int64_t *guess)
{
    uint64_t parsed = 0;
    if (json_is_string(value) && text_to_u64(json_text(value), 0, INT32_MAX, &parsed)) {
        *guess = (int64_t)parsed;
        return true;
    }
    if (!json_is_real(value) || !is_whole(value))
        return false;
    *guess = (int64_t)json_real_value(value);
    return true;
}

void read_integer(struct load *load, const struct place *place, json_t *value,
                  const struct key_row *row, void *field)
{
    struct optional *number = field;
    char what[96], mend[64] = "write a number of that range";
    int64_t guess;
    snprintf(what, sizeof what, "a whole number from %" PRId64 " to %" PRId64, row->min, row->max);
    if (!json_is_integer(value)) {
        if (integer_guess(value, &guess) && guess >= row->min && guess <= row->max)
            snprintf(mend, sizeof mend, "write %" PRId64 "%s", guess,
                     json_is_string(value) ? " without quotes" : "");
        expected_as(load, place, what, mend, value);
        return;
    }
    json_int_t found = json_integer_value(value);
    if (found >= row->min && found <= row->max)
        *number = (struct optional){true, found};
    else
        mistake_add(&load->mistakes, place, "out-of-range", mend,
                    "expected %s, found %" JSON_INTEGER_FORMAT, what, found);
}

static void duration_take(struct load *load, const struct place *place, int64_t seconds,
                          const struct key_row *row, struct optional *duration)
{
    if (seconds >= row->min && seconds <= DURATION_MAX_S)
        *duration = (struct optional){true, seconds};
    else
        mistake_add(&load->mistakes, place, "out-of-range",
                    seconds < row->min ? "write a longer one" : "write a shorter one",
                    "expected from %" PRId64 " to %u seconds (RFC 2181 section 8), found %" PRId64,
                    row->min, DURATION_MAX_S, seconds);
}

/* What to write for a text that is no duration. */
static const char *duration_mend(struct load *load, struct text text)
{
    size_t digits = 0, units = 0;
    for (size_t i = 0; i < text.len; i++) {
        digits += text.ptr[i] >= '0' && text.ptr[i] <= '9';
        units += memchr("wdhms", text.ptr[i], 5) != NULL;
    }
    if (text.len > 0 && digits == text.len && text.len < 12 && hints_wanted(load))
        return arena_printf(&load->mistakes.arena, "write \"%.*ss\" for seconds, or another unit",
                            (int)text.len, text.ptr);
    bool ends_in_unit = text.len > 0 && memchr("wdhms", text.ptr[text.len - 1], 5);
    if (ends_in_unit && digits > units && digits + units == text.len)
        return "write a shorter one";
    return "write for example \"5m\" or \"1h30m\", or a number of seconds without quotes";
}

void read_duration(struct load *load, const struct place *place, json_t *value,
                   const struct key_row *row, void *field)
{
    struct error err = {0};
    uint32_t seconds = 0;
    if (json_is_integer(value))
        duration_take(load, place, json_integer_value(value), row, field);
    else if (!json_is_string(value))
        expected(load, place, "a duration: \"5m\", or a whole number of seconds", value);
    else if (duration_parse(json_text(value), DURATION_MAX_S, &seconds, &err))
        duration_take(load, place, seconds, row, field);
    else
        mistake_add(&load->mistakes, place, "bad-duration", duration_mend(load, json_text(value)),
                    "%s; found %s", err.message, mistakes_quote(&load->mistakes, json_text(value)));
}

/* "yes" and the like, which other formats take: -1 for what is no such word. */
static int boolean_guess(const json_t *value)
{
    static const struct {
        const char *word;
        int meaning;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},
                 {"false", false}, {"no", false}, {"off", false}};
    for (size_t i = 0; json_is_string(value) && i < COUNT_OF(words); i++)
        if (strcasecmp(json_string_value(value), words[i].word) == 0)
            return words[i].meaning;
    return -1;
}

void read_boolean(struct load *load, const struct place *place, json_t *value,
                  const struct key_row *row, void *field)
{
    struct optional *boolean = field;
    (void)row;
    if (json_is_boolean(value))
        *boolean = (struct optional){true, json_is_true(value)};
    else if (boolean_guess(value) >= 0)
        expected_as(load, place, "true or false",
                    boolean_guess(value) ? "write true, without quotes"
                                         : "write false, without quotes",
                    value);
    else
        expected(load, place, "true or false", value);
}

void read_choice(struct load *load, const struct place *place, json_t *value,
                 const struct key_row *row, void *field)
{
    struct optional *chosen = field;
    struct text text = json_is_string(value) ? json_text(value) : (struct text){0};
    struct nearest nearest = nearest_to(text);
    const struct choice *found = NULL;
    char list[160] = "one of", mend[192];
    for (const struct choice *choice = row->choices; choice->name; choice++) {
        size_t len = strlen(list);
        if (json_is_string(value) && text_is(text, choice->name))
            found = choice;
        if (!choice->is_missing)
            snprintf(list + len, sizeof list - len, "%s \"%s\"", len > sizeof "one of" ? "," : "",
                     choice->name);
        nearest_consider(&nearest, text_from(choice->name));
    }
    snprintf(mend, sizeof mend, "write %s", list);
    if (!json_is_string(value)) {
        expected(load, place, list, value);
    } else if (found && !found->is_missing) {
        *chosen = (struct optional){true, found->value};
    } else if (found) {
        mistake_add(&load->mistakes, place, "not-supported-yet", mend,
                    "%s is not supported yet by this version",
                    mistakes_quote(&load->mistakes, text));
    } else {
        if (nearest.best.len)
            snprintf(mend, sizeof mend, "did you mean \"%.*s\"?", (int)nearest.best.len,
                     nearest.best.ptr);
        mistake_add(&load->mistakes, place, "unknown-value", mend, "expected %s, found %s", list,
                    describe(load, value));
    }
}

void read_string(struct load *load, const struct place *place, json_t *value,
                 const struct key_row *row, void *field)
{
    struct text *text = field;
    (void)row;
    if (json_is_string(value))
        *text = arena_text(load->arena, json_text(value));
    else
        expected(load, place, "a string", value);
}

void read_comment(struct load *load, const struct place *place, json_t *value,
                  const struct key_row *row, void *field)
{
    (void)row;
    (void)field;
    if (!json_is_string(value))
        expected(load, place, "a string", value);
}

void read_anything(struct load *load, const struct place *place, json_t *value,
                   const struct key_row *row, void *field)
{
    (void)load;
    (void)place;
    (void)value;
    (void)row;
    (void)field;
}

void read_tree(struct load *load, const struct place *place, json_t *value,
               const struct key_row *row, void *field)
{
    json_t **tree = field;
    (void)load;
    (void)place;
    (void)row;
    *tree = value;
}

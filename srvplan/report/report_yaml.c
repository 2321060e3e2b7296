/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_yaml.h"

#include "zones/base/attributes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Plain text that no reader takes for anything else: letters first, then what cannot be a mark of
 * YAML, and none of the words that YAML 1.1 reads as a truth or nothing. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"y",   "n",    "yes",   "no",   "on",
                                        "off", "true", "false", "null", "nan"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char inside[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "_-./";
    if (!text[0] || !strchr(letters, text[0]) || strspn(text, inside) != strlen(text))
        return false;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    return true;
}

static void put_text(FILE *out, const char *text, size_t len)
{
    if (strlen(text) == len && is_plain(text)) {
        fputs(text, out);
        return;
    }
    json_t *string = json_stringn(text, len);
    char *quoted = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (!quoted)
        abort(); /* no memory */
    fputs(quoted, out);
    free(quoted);
    json_decref(string);
}

static void put_scalar(FILE *out, const json_t *value)
{
    if (json_is_string(value))
        put_text(out, json_string_value(value), json_string_length(value));
    else
        json_dumpf(value, out, JSON_ENCODE_ANY);
}

static bool is_inline(const json_t *value)
{
    return !(json_is_object(value) && json_object_size(value) > 0) &&
           !(json_is_array(value) && json_array_size(value) > 0);
}

static void put_indent(FILE *out, int depth)
{
    fprintf(out, "%*s", 2 * depth, "");
}

/* The members of a value, each on lines of its own. `is_begun`: the first one's indent is written
 * already, behind the dash of a list. */
static void put_members(FILE *out, const json_t *value, int depth, bool is_begun)
{
    const char *key;
    size_t i;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        if (!is_begun)
            put_indent(out, depth);
        is_begun = false;
        put_text(out, key, strlen(key));
        fputc(':', out);
        fputc(is_inline(member) ? ' ' : '\n', out);
        if (is_inline(member)) {
            put_scalar(out, member);
            fputc('\n', out);
        } else {
            put_members(out, member, depth + 1, false);
        }
    }
    json_array_foreach(value, i, member)
    {
        if (!is_begun)
            put_indent(out, depth);
        is_begun = false;
        fputs("- ", out);
        if (is_inline(member)) {
            put_scalar(out, member);
            fputc('\n', out);
        } else {
            put_members(out, member, depth + 1, true);
        }
    }
}

void report_yaml(FILE *out, const json_t *document)
{
    if (!is_inline(document)) {
        put_members(out, document, 0, false);
        return;
    }
    put_scalar(out, document);
    fputc('\n', out);
}

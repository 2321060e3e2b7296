/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/yaml_scalar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *word;
    enum yaml_kind kind;
} words[] = {
    {"", YAML_NULL},
    {"~", YAML_NULL},
    {"null", YAML_NULL},
    {"Null", YAML_NULL},
    {"NULL", YAML_NULL},
    {"true", YAML_TRUE},
    {"True", YAML_TRUE},
    {"TRUE", YAML_TRUE},
    {"false", YAML_FALSE},
    {"False", YAML_FALSE},
    {"FALSE", YAML_FALSE},
    {".inf", YAML_NOT_FINITE},
    {".Inf", YAML_NOT_FINITE},
    {".INF", YAML_NOT_FINITE},
    {"+.inf", YAML_NOT_FINITE},
    {"+.Inf", YAML_NOT_FINITE},
    {"+.INF", YAML_NOT_FINITE},
    {"-.inf", YAML_NOT_FINITE},
    {"-.Inf", YAML_NOT_FINITE},
    {"-.INF", YAML_NOT_FINITE},
    {".nan", YAML_NOT_FINITE},
    {".NaN", YAML_NOT_FINITE},
    {".NAN", YAML_NOT_FINITE},
};

static size_t digits_end(struct text text, size_t at)
{
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    return at;
}

/* 0o17 and 0x1f. */
static enum yaml_kind based_number(struct text text, char number[static YAML_NUMBER_SIZE])
{
    uint64_t value = 0;
    unsigned base = text.ptr[1] == 'o' ? 8 : 16;
    bool is_too_large = false;
    for (size_t i = 2; i < text.len; i++) {
        char c = text.ptr[i];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
                         : (c | 0x20) >= 'a' && (c | 0x20) <= 'f'
                             ? (unsigned)((c | 0x20) - 'a') + 10
                             : 99;
        if (digit >= base)
            return YAML_TEXT;
        is_too_large |= value > ((uint64_t)INT64_MAX - digit) / base;
        value = value * base + digit;
    }
    snprintf(number, YAML_NUMBER_SIZE, "%" PRIu64, value);
    return is_too_large ? YAML_TOO_LARGE : YAML_NUMBER;
}

/* The parts of a decimal number: sign, digits, ".", digits, exponent. */
struct decimal {
    bool is_negative, has_point;
    struct text whole, fraction, exponent; /* exponent: with its "e" */
};

/* False: it is no number. */
static bool decimal_split(struct text text, struct decimal *decimal)
{
    size_t at = text.ptr[0] == '-' || text.ptr[0] == '+';
    size_t end = digits_end(text, at);
    *decimal = (struct decimal){.is_negative = text.ptr[0] == '-'};
    decimal->whole = (struct text){text.ptr + at, end - at};
    at = end;
    if (at < text.len && text.ptr[at] == '.') {
        end = digits_end(text, at + 1);
        decimal->has_point = true;
        decimal->fraction = (struct text){text.ptr + at + 1, end - at - 1};
        at = end;
    }
    if (decimal->whole.len == 0 && decimal->fraction.len == 0)
        return false;
    if (at < text.len && (text.ptr[at] | 0x20) == 'e') {
        size_t from = at++;
        at += at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
        end = digits_end(text, at);
        if (end == at)
            return false;
        decimal->exponent = (struct text){text.ptr + from, end - from};
        at = end;
    }
    return at == text.len;
}

static enum yaml_kind decimal_number(struct text text, char number[static YAML_NUMBER_SIZE])
{
    struct decimal decimal;
    if (!decimal_split(text, &decimal))
        return YAML_TEXT;
    while (decimal.whole.len > 1 && decimal.whole.ptr[0] == '0') { /* JSON has none in front */
        decimal.whole.ptr++;
        decimal.whole.len--;
    }
    if (text.len >= YAML_NUMBER_SIZE - 4)
        return YAML_TOO_LARGE;
    bool is_whole = !decimal.has_point && decimal.exponent.len == 0;
    uint64_t value;
    if (is_whole &&
        !text_to_u64(decimal.whole, 0, (uint64_t)INT64_MAX + decimal.is_negative, &value))
        return YAML_TOO_LARGE;
    struct text whole = decimal.whole.len ? decimal.whole : text_from("0");
    struct text fraction = decimal.fraction.len ? decimal.fraction : text_from("0");
    snprintf(number, YAML_NUMBER_SIZE, "%s%.*s%s%.*s%.*s", decimal.is_negative ? "-" : "",
             (int)whole.len, whole.ptr, is_whole ? "" : ".", is_whole ? 0 : (int)fraction.len,
             fraction.ptr, (int)decimal.exponent.len,
             decimal.exponent.len ? decimal.exponent.ptr : "");
    return YAML_NUMBER;
}

enum yaml_kind yaml_scalar_kind(struct text text, char number[static YAML_NUMBER_SIZE])
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (text_is(text, words[i].word))
            return words[i].kind;
    if (text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] == 'o' || text.ptr[1] == 'x'))
        return based_number(text, number);
    return decimal_number(text, number);
}

const char *yaml_kind_print(enum yaml_kind kind)
{
    switch (kind) {
    case YAML_TEXT:
        return "the text";
    case YAML_NULL:
    case YAML_TRUE:
    case YAML_FALSE:
        return "the word";
    case YAML_NUMBER:
    case YAML_TOO_LARGE:
    case YAML_NOT_FINITE:
        return "the number";
    }
    return "";
}

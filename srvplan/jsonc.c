/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/jsonc.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END,
    EXPECT_KEY,
    EXPECT_KEY_OR_END,
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING,
};

struct jsonc_walk jsonc_walk_over(struct text clean)
{
    return (struct jsonc_walk){.text = clean, .fault = {.opened = JSONC_NOWHERE}};
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '+' || c == '.';
}

/* What stands at `at`, for a message. */
static void found_print(const struct jsonc_walk *walk, char found[static 64])
{
    struct text text = walk->text;
    size_t at = walk->at;
    if (at >= text.len) {
        snprintf(found, 64, "the end of the text");
        return;
    }
    unsigned char c = (unsigned char)text.ptr[at];
    size_t end = at + 1;
    if (c == '"') {
        while (end < text.len && end < at + 24 && text.ptr[end] != '"' && text.ptr[end] >= ' ' &&
               text.ptr[end] <= '~')
            end++;
        snprintf(found, 64, "the string \"%.*s\"", (int)(end - at - 1), text.ptr + at + 1);
    } else if (is_word((char)c)) {
        while (end < text.len && end < at + 24 && is_word(text.ptr[end]))
            end++;
        snprintf(found, 64, "\"%.*s\"", (int)(end - at), text.ptr + at);
    } else if (c > ' ' && c <= '~') {
        snprintf(found, 64, "\"%c\"", c);
    } else if (c < 0x80) {
        snprintf(found, 64, "the control character U+%04X", c);
    } else {
        while (end < text.len && ((uint8_t)text.ptr[end] & 0xc0) == 0x80)
            end++;
        snprintf(found, 64, "\"%.*s\"", (int)(end - at), text.ptr + at);
    }
}

static struct jsonc_event walk_fault(struct jsonc_walk *walk)
{
    return (struct jsonc_event){.kind = JSONC_FAULT, .offset = walk->fault.offset};
}

static struct jsonc_event unexpected(struct jsonc_walk *walk)
{
    static const char *const expected[] = {
        [EXPECT_VALUE] = "a value",
        [EXPECT_VALUE_OR_END] = "a value or \"]\"",
        [EXPECT_KEY] = "a key in double quotes",
        [EXPECT_KEY_OR_END] = "a key in double quotes or \"}\"",
        [EXPECT_COLON] = "\":\" after the key",
        [EXPECT_NOTHING] = "nothing after the end of the document",
    };
    char found[64];
    bool at_end = walk->at >= walk->text.len;
    const char *what = expected[walk->expect];
    found_print(walk, found);
    if (walk->expect == EXPECT_COMMA_OR_END)
        what = walk->in_object[walk->depth] ? "\",\" or \"}\"" : "\",\" or \"]\"";
    jsonc_fault_set(&walk->fault, "syntax", walk->at, "expected %s, found %s", what, found);
    walk->fault.mend = "see RFC 8259 for JSON";
    if (at_end && walk->depth > 0) {
        walk->fault.opened = (ptrdiff_t)walk->opened[walk->depth];
        walk->fault.mend =
            walk->in_object[walk->depth] ? "close it with \"}\"" : "close it with \"]\"";
    } else if (at_end) {
        walk->fault.mend = "write an object: { … }";
    } else if (walk->expect == EXPECT_COMMA_OR_END) {
        walk->fault.mend = "put a comma between the values";
    } else if (walk->text.ptr[walk->at] == '\'') {
        walk->fault.mend = "use double quotes";
    } else if (walk->text.ptr[walk->at] == '#') {
        walk->fault.mend = "comments begin with //";
    } else if (walk->expect == EXPECT_NOTHING) {
        walk->fault.mend = "remove it";
    } else if (is_word(walk->text.ptr[walk->at])) {
        walk->fault.mend = "put it in double quotes";
    } else if (walk->text.ptr[walk->at] == ',') {
        walk->fault.mend = "remove the comma, or write what is missing before it";
    }
    return walk_fault(walk);
}

static bool hex4(struct text text, size_t at, uint32_t *value)
{
    if (at + 4 > text.len)
        return false;
    uint32_t sum = 0;
    for (size_t i = at; i < at + 4; i++) {
        char c = text.ptr[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (uint32_t)((c | 0x20) - 'a') + 10;
        else
            return false;
        sum = sum << 4 | digit;
    }
    *value = sum;
    return true;
}

/* The length of the escape at `at` (a backslash) and the character it means; 0: not an escape. */
static size_t escape_length(struct text text, size_t at, uint32_t *meaning)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (at + 1 >= text.len)
        return 0;
    char c = text.ptr[at + 1];
    if (c != 'u') {
        const char *hit = c ? strchr(names, c) : NULL;
        if (hit)
            *meaning = (uint8_t)values[hit - names];
        return hit ? 2 : 0;
    }
    uint32_t high, low;
    if (!hex4(text, at + 2, &high) || high == 0 || (high >= 0xdc00 && high <= 0xdfff))
        return 0;
    *meaning = high;
    if (high < 0xd800 || high > 0xdbff)
        return 6;
    if (at + 7 >= text.len || text.ptr[at + 6] != '\\' || text.ptr[at + 7] != 'u' ||
        !hex4(text, at + 8, &low) || low < 0xdc00 || low > 0xdfff)
        return 0;
    *meaning = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

static bool escape_fault(struct jsonc_walk *walk, size_t at)
{
    struct text text = walk->text;
    size_t end = at + 1;
    size_t most = end < text.len && text.ptr[end] == 'u' ? 6 : 2;
    while (end < text.len && end < at + most && text.ptr[end] > ' ' && text.ptr[end] <= '~' &&
           text.ptr[end] != '"')
        end++;
    walk->fault.mend = most == 6 ? "write the character itself" : "write \\\\ for a backslash";
    return jsonc_fault_set(
        &walk->fault, "syntax", at,
        "expected an escape that means a character, such as \\n or \\u00e9, found %.*s",
        (int)(end - at), text.ptr + at);
}

/* Sets *len to the length of the string token at walk->at. */
static bool string_scan(struct jsonc_walk *walk, size_t *len)
{
    struct text text = walk->text;
    size_t at = walk->at + 1;
    uint32_t meaning;
    while (at < text.len && text.ptr[at] != '"') {
        unsigned char c = (unsigned char)text.ptr[at];
        if (jsonc_is_line_end((char)c))
            break;
        if (c < ' ') {
            walk->fault.mend = c == '\t' ? "write \\t" : "write it as \\u00XX";
            return jsonc_fault_set(&walk->fault, "syntax", at,
                                   "expected no control characters in a string, found U+%04X", c);
        }
        size_t step = c == '\\' ? escape_length(text, at, &meaning) : 1;
        if (step == 0)
            return escape_fault(walk, at);
        at += step;
    }
    if (at >= text.len || text.ptr[at] != '"') {
        walk->fault.mend = "end the string with a double quote";
        return jsonc_fault_set(&walk->fault, "syntax", walk->at,
                               "expected a string that ends on its line, found no closing quote");
    }
    *len = at + 1 - walk->at;
    return true;
}

static size_t digits_end(struct text text, size_t at)
{
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    return at;
}

/* True when the token is a number of JSON; *is_whole: without point and exponent. */
static bool number_is_valid(struct text token, bool *is_whole)
{
    size_t at = token.ptr[0] == '-';
    size_t end = digits_end(token, at);
    if (end == at || (token.ptr[at] == '0' && end > at + 1))
        return false;
    *is_whole = end == token.len;
    if (end < token.len && token.ptr[end] == '.') {
        at = end + 1;
        end = digits_end(token, at);
        if (end == at)
            return false;
    }
    if (end < token.len && (token.ptr[end] | 0x20) == 'e') {
        at = end + 1;
        if (at < token.len && (token.ptr[at] == '+' || token.ptr[at] == '-'))
            at++;
        end = digits_end(token, at);
        if (end == at)
            return false;
    }
    return end == token.len;
}

static bool number_fits(struct text token, bool is_whole)
{
    char digits[64] = "";
    if (token.len >= sizeof digits)
        return false;
    memcpy(digits, token.ptr, token.len);
    errno = 0;
    if (is_whole)
        (void)strtoll(digits, NULL, 10);
    else
        return !isinf(strtod(digits, NULL));
    return errno == 0;
}

/* A number, true, false or null. */
static bool word_scan(struct jsonc_walk *walk, size_t *len)
{
    struct text text = walk->text;
    size_t end = walk->at;
    while (end < text.len && is_word(text.ptr[end]))
        end++;
    struct text token = {text.ptr + walk->at, end - walk->at};
    bool is_whole = false;
    if (token.len == 0) {
        unexpected(walk);
        return false;
    }
    *len = token.len;
    if (text_is(token, "true") || text_is(token, "false") || text_is(token, "null"))
        return true;
    if (token.ptr[0] != '-' && (token.ptr[0] < '0' || token.ptr[0] > '9')) {
        unexpected(walk);
        return false;
    }
    if (!number_is_valid(token, &is_whole)) {
        walk->fault.mend = "write a plain decimal number, or put a text in double quotes";
        return jsonc_fault_set(&walk->fault, "syntax", walk->at,
                               "expected a number of JSON, found \"%.*s\"",
                               (int)(token.len < 24 ? token.len : 24), token.ptr);
    }
    if (!number_fits(token, is_whole)) {
        walk->fault.mend = "write a smaller one";
        return jsonc_fault_set(&walk->fault, "number-too-large", walk->at,
                               "expected a number within 64 bits, found \"%.*s\"",
                               (int)(token.len < 24 ? token.len : 24), token.ptr);
    }
    return true;
}

static struct jsonc_event walk_open(struct jsonc_walk *walk, bool is_object)
{
    struct jsonc_event event = {is_object ? JSONC_OBJECT : JSONC_ARRAY, walk->at, 1};
    if (walk->depth == JSONC_MAX_DEPTH) {
        jsonc_fault_set(&walk->fault, "too-deep", walk->at,
                        "expected at most %d levels of objects and lists, found more",
                        JSONC_MAX_DEPTH);
        walk->fault.mend = "remove the inner levels";
        return walk_fault(walk);
    }
    walk->depth++;
    walk->in_object[walk->depth] = is_object;
    walk->opened[walk->depth] = walk->at;
    walk->at++;
    walk->expect = is_object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return event;
}

static struct jsonc_event walk_close(struct jsonc_walk *walk)
{
    struct jsonc_event event = {JSONC_END, walk->at, 1};
    walk->at++;
    walk->depth--;
    walk->expect = walk->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
    return event;
}

static struct jsonc_event walk_value(struct jsonc_walk *walk)
{
    char c = walk->text.ptr[walk->at];
    struct jsonc_event event = {JSONC_SCALAR, walk->at, 0};
    if (++walk->values > JSONC_MAX_VALUES) {
        jsonc_fault_set(&walk->fault, "too-many-values", walk->at,
                        "expected at most %d values, found more", JSONC_MAX_VALUES);
        walk->fault.mend = "split the inventory";
        return walk_fault(walk);
    }
    if (c == '{' || c == '[')
        return walk_open(walk, c == '{');
    if (!(c == '"' ? string_scan(walk, &event.len) : word_scan(walk, &event.len)))
        return walk_fault(walk);
    walk->at += event.len;
    walk->expect = walk->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
    return event;
}

static struct jsonc_event walk_key(struct jsonc_walk *walk)
{
    struct jsonc_event event = {JSONC_KEY, walk->at, 0};
    if (!string_scan(walk, &event.len))
        return walk_fault(walk);
    walk->at += event.len;
    walk->expect = EXPECT_COLON;
    return event;
}

struct jsonc_event jsonc_walk_next(struct jsonc_walk *walk)
{
    for (;;) {
        while (walk->at < walk->text.len && jsonc_is_space(walk->text.ptr[walk->at]))
            walk->at++;
        if (walk->at >= walk->text.len) {
            if (walk->expect == EXPECT_NOTHING)
                return (struct jsonc_event){JSONC_DONE, walk->at, 0};
            return unexpected(walk);
        }
        char c = walk->text.ptr[walk->at];
        bool closes = walk->depth && c == (walk->in_object[walk->depth] ? '}' : ']');
        switch (walk->expect) {
        case EXPECT_VALUE_OR_END:
        case EXPECT_KEY_OR_END:
        case EXPECT_COMMA_OR_END:
            if (closes)
                return walk_close(walk);
            break;
        default:
            break;
        }
        if (walk->expect == EXPECT_VALUE || walk->expect == EXPECT_VALUE_OR_END)
            return walk_value(walk);
        if ((walk->expect == EXPECT_KEY || walk->expect == EXPECT_KEY_OR_END) && c == '"')
            return walk_key(walk);
        if (walk->expect == EXPECT_COLON && c == ':')
            walk->expect = EXPECT_VALUE;
        else if (walk->expect == EXPECT_COMMA_OR_END && c == ',')
            walk->expect = walk->in_object[walk->depth] ? EXPECT_KEY : EXPECT_VALUE;
        else
            return unexpected(walk);
        walk->at++;
    }
}

bool jsonc_check(struct text clean, struct jsonc_fault *fault)
{
    struct jsonc_walk walk = jsonc_walk_over(clean);
    for (;;) {
        enum jsonc_kind kind = jsonc_walk_next(&walk).kind;
        if (kind == JSONC_DONE)
            return true;
        if (kind == JSONC_FAULT) {
            *fault = walk.fault;
            return false;
        }
    }
}

static size_t utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

struct text jsonc_decode(struct arena *arena, struct text token)
{
    struct text body = {token.ptr + 1, token.len - 2};
    if (!memchr(body.ptr, '\\', body.len))
        return body;
    char *out = arena_alloc(arena, body.len + 1);
    size_t len = 0;
    for (size_t at = 0; at < body.len;) {
        uint32_t meaning = 0;
        size_t step = body.ptr[at] == '\\' ? escape_length(body, at, &meaning) : 0;
        if (step) {
            len += utf8_put(out + len, meaning); /* never longer than its escape */
            at += step;
        } else {
            out[len++] = body.ptr[at++];
        }
    }
    return (struct text){out, len};
}
